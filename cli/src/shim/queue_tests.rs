#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use proptest::prelude::*;

use super::*;

const MOST: Most = Most { in_flight: 1024, together: MOST_TOGETHER };

/// A command of the tests.
#[derive(Clone, Copy, Debug)]
enum Given {
    /// A change that is accepted.
    Good,
    /// A change that is refused.
    Bad,
    /// A change that, when it is refused, goes on with a question.
    Followed,
    /// A question.
    Question,
    /// Something that is answered at once.
    Local,
}

fn manner() -> Manner {
    Manner { dress: Dress::Plain, level: Level::Admin, bytes: 10 }
}

fn weight(number: u32, is_bad: bool) -> v1::ChangeSet {
    let value = v1::setting::Value::Weight(number);
    let set = v1::SettingOf { subject: None, setting: Some(v1::Setting { value: Some(value) }) };
    let verb =
        if is_bad { v1::change::Verb::Delete(v1::Subject::default()) } else { v1::change::Verb::Set(set) };
    v1::ChangeSet { base: None, origin: None, changes: vec![v1::Change { layer: 0, verb: Some(verb) }] }
}

fn step(given: Given, number: u32) -> Step {
    let question = v1::query::Question::Summary(v1::SummaryQuery {});
    let told = move |ending: Ending| match ending {
        Ending::Applied(applied) => Reply::line(&format!("{number} applied {}", applied.outcomes.len())),
        Ending::Refused(_) => Reply::line(&format!("{number} refused")),
        Ending::Answered(_) => Reply::line(&format!("{number} answered")),
        Ending::Acted => Reply::line("acted"),
    };
    match given {
        Given::Good => Plan::apply(weight(number, false), told).into(),
        Given::Bad => Plan::apply(weight(number, true), told).into(),
        Given::Followed => {
            let request = Plan::apply(weight(number, true), |_| Reply::Nothing).request;
            let finish = move |_| Plan::ask(question, told).into();
            Plan { request, finish: Finish::Once(Box::new(finish)), exclusive: false }.into()
        }
        Given::Question => Plan::ask(question, told).into(),
        Given::Local => Reply::line(&format!("{number} local")).into(),
    }
}

/// What the reply to a command must be.
fn expected(given: Given, number: u32) -> String {
    match given {
        Given::Good => format!("{number} applied 1\n\n"),
        Given::Bad => format!("{number} refused\n\n"),
        Given::Followed | Given::Question => format!("{number} answered\n\n"),
        Given::Local => format!("{number} local\n\n"),
    }
}

/// What Admin says: a set is in force as a whole or not at all.
fn reply(message: &Message, tells_place: bool) -> v1::ConverseReply {
    use v1::converse_reply::Reply as Body;

    let body = match message.request.request.as_ref().unwrap() {
        v1::converse_request::Request::Apply(apply) => {
            let changes = &apply.change_set.as_ref().unwrap().changes;
            let is_bad = |change: &v1::Change| matches!(change.verb, Some(v1::change::Verb::Delete(_)));
            match changes.iter().position(is_bad) {
                None => Body::Applied(v1::Applied {
                    revision: 1,
                    outcomes: vec![v1::Outcome::default(); changes.len()],
                }),
                Some(at) => {
                    let index = tells_place.then_some(at as u32);
                    Body::Refused(v1::Refused { problems: vec![v1::Problem { index, ..Default::default() }] })
                }
            }
        }
        _ => Body::Answer(v1::Answer::default()),
    };
    v1::ConverseReply { tag: message.request.tag, last: true, reply: Some(body) }
}

fn given() -> impl Strategy<Value = Given> {
    prop_oneof![
        8 => Just(Given::Good),
        2 => Just(Given::Bad),
        1 => Just(Given::Followed),
        2 => Just(Given::Question),
        1 => Just(Given::Local),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn every_command_gets_its_own_reply_in_order(all in prop::collection::vec(given(), 0..60), tells in any::<bool>()) {
        let mut queue = Queue::default();
        let mut out = Vec::new();
        for (number, given) in (0..).zip(&all) {
            queue.push(step(*given, number), manner());
        }
        let mut under_way = VecDeque::new();
        for _ in 0..10_000 {
            queue.settle(&mut out);
            while let Some(message) = queue.next(Some(Level::Admin), MOST) {
                under_way.push_back(message);
            }
            let Some(message) = under_way.pop_front() else { break };
            queue.receive(reply(&message, tells), &mut out).unwrap();
        }
        queue.settle(&mut out);
        prop_assert!(queue.is_empty());
        prop_assert_eq!(queue.bytes, 0);
        let wanted: String = (0..).zip(&all).map(|(number, given)| expected(*given, number)).collect();
        prop_assert_eq!(String::from_utf8(out).unwrap(), wanted);
    }
}

#[test]
fn neighbouring_changes_go_as_one_set_and_entries_of_one_list_as_one_change() {
    let append = |list: &str, key: &str| {
        let entry = v1::Entry { id: 0, key: key.as_bytes().to_vec().into(), value: None };
        let edit = v1::list_edit::Edit::Append(v1::EntryRun { entries: vec![entry], packed: None });
        let verb = v1::change::Verb::Edit(v1::ListEdit { list: list.to_owned(), edit: Some(edit) });
        let changes = vec![v1::Change { layer: 0, verb: Some(verb) }];
        let set = v1::ChangeSet { base: None, origin: None, changes };
        Step::from(Plan::apply(set, |_| Reply::Nothing))
    };
    let mut queue = Queue::default();
    for (list, key) in [("a", "1"), ("a", "2"), ("b", "3"), ("a", "4")] {
        queue.push(append(list, key), manner());
    }
    queue.push(step(Given::Good, 5), manner());
    let message = queue.next(None, MOST).unwrap();
    assert!(queue.next(Some(Level::Admin), MOST).is_none());
    let v1::converse_request::Request::Apply(apply) = message.request.request.unwrap() else { panic!() };
    assert_eq!(apply.change_set.unwrap().changes.len(), 4);
}
