#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

const V4: Wanted = Wanted::Addresses(AddressFamily::V4);
const V6: Wanted = Wanted::Addresses(AddressFamily::V6);
const TIMING: Timing = Timing { resolve: 1000, tries: 2 };

/// Lets every name server fail in this way, and gives what follows from the last.
fn all_fail(question: &mut Question, attempt: u64, failures: &[Failure], now: u64) -> Consequence {
    let mut last = Consequence::Wait;
    for failure in failures {
        assert_eq!(last, Consequence::Wait);
        last = question.failed(attempt, *failure, now, failures.len(), &TIMING);
    }
    last
}

fn again(consequence: Consequence) -> Query {
    match consequence {
        Consequence::Again(query) => query,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_name_that_is_not_there_is_asked_for_in_both_families_as_often_as_tries_say() {
    let mut question = Question::new(V6);
    let mut query = question.begin(5, 2, &TIMING).unwrap();
    let mut asked = vec![query.wanted];
    let failures = [Failure::Nx, Failure::Nx];
    loop {
        match all_fail(&mut question, query.attempt, &failures, 10) {
            Consequence::Again(next) => query = next,
            Consequence::Failed(failure) => {
                assert_eq!(failure, Failure::Nx);
                break;
            }
            other => panic!("{other:?}"),
        }
        asked.push(query.wanted);
    }
    assert_eq!(asked, [V6, V4, V6, V4]);
    assert_eq!(question.due(), Some(1010));
    assert_eq!(question.begin(1009, 2, &TIMING), None);
    assert_eq!(question.begin(1010, 2, &TIMING).unwrap().wanted, V6);
}

#[test]
fn silence_keeps_the_kind_and_a_word_of_anyone_changes_it() {
    let mut question = Question::new(V6);
    let query = question.begin(0, 2, &TIMING).unwrap();
    let query = again(all_fail(&mut question, query.attempt, &[Failure::Timeout, Failure::Timeout], 1));
    assert_eq!(query.wanted, V6);
    let end = all_fail(&mut question, query.attempt, &[Failure::Timeout, Failure::Timeout], 2);
    assert_eq!(end, Consequence::Failed(Failure::Timeout));

    let query = question.begin(5000, 2, &TIMING).unwrap();
    let query = again(all_fail(&mut question, query.attempt, &[Failure::Nx, Failure::Timeout], 5001));
    assert_eq!(query.wanted, V4);
}

#[test]
fn the_first_valid_answer_settles_and_later_ones_are_outdated() {
    let mut question = Question::new(V4);
    let query = question.begin(0, 2, &TIMING).unwrap();
    assert_eq!(question.failed(query.attempt, Failure::Refused, 1, 2, &TIMING), Consequence::Wait);
    assert_eq!(question.answered(query.attempt, 2, &TIMING), Consequence::Settled);
    assert_eq!(question.answered(query.attempt, 3, &TIMING), Consequence::Outdated);
    assert_eq!(question.failed(query.attempt, Failure::Nx, 3, 2, &TIMING), Consequence::Outdated);
    let next = question.begin(1002, 2, &TIMING).unwrap();
    assert_eq!(question.answered(query.attempt, 1003, &TIMING), Consequence::Outdated);
    assert_eq!(question.answered(next.attempt, 1003, &TIMING), Consequence::Settled);
}

#[test]
fn services_have_no_other_kind() {
    let mut question = Question::new(Wanted::Services);
    let query = question.begin(0, 1, &TIMING).unwrap();
    let query = again(all_fail(&mut question, query.attempt, &[Failure::Other], 1));
    assert_eq!(query.wanted, Wanted::Services);
    assert_eq!(all_fail(&mut question, query.attempt, &[Failure::Nx], 1), Consequence::Failed(Failure::Nx));
}

proptest! {
    /// Whatever name servers do, in whatever order: a round ends after a bounded number of queries, and the next one
    /// begins after the rest that the section says, never earlier.
    #[test]
    fn rounds_end_and_begin_again(
        servers in 1..4_usize,
        tries in 0..4_u32,
        events in proptest::collection::vec((0..5_u8, 0..400_u64, any::<bool>()), 1..200),
    ) {
        let timing = Timing { resolve: 500, tries };
        let mut question = Question::new(V6);
        let (mut now, mut current, mut open) = (0_u64, None::<Query>, 0_usize);
        let (mut queries, mut ended) = (0_u32, None::<u64>);
        for (event, passes, late) in events {
            now += passes;
            let Some(query) = current else {
                if let Some(query) = question.begin(now, servers, &timing) {
                    prop_assert!(ended.is_none_or(|ended| now >= ended + 500));
                    (current, open, queries) = (Some(query), servers, 1);
                } else {
                    prop_assert!(question.due().is_some_and(|due| due > now));
                }
                continue;
            };
            prop_assert_eq!(question.due(), None);
            let attempt = if late { query.attempt.wrapping_sub(1) } else { query.attempt };
            let failure = match event {
                0 => None,
                1 => Some(Failure::Nx),
                2 => Some(Failure::Refused),
                3 => Some(Failure::Timeout),
                _ => Some(Failure::Other),
            };
            let consequence = match failure {
                None => question.answered(attempt, now, &timing),
                Some(failure) => question.failed(attempt, failure, now, servers, &timing),
            };
            if late {
                prop_assert_eq!(consequence, Consequence::Outdated);
                continue;
            }
            open -= usize::from(failure.is_some());
            match consequence {
                Consequence::Wait => prop_assert!(open > 0),
                Consequence::Settled => {
                    prop_assert!(failure.is_none());
                    (current, ended) = (None, Some(now));
                }
                Consequence::Failed(_) => {
                    prop_assert!(open == 0 && queries <= 2 * tries.max(1));
                    (current, ended) = (None, Some(now));
                }
                Consequence::Again(next) => {
                    prop_assert_eq!(open, 0);
                    prop_assert!(next.attempt != query.attempt);
                    (current, open, queries) = (Some(next), servers, queries + 1);
                }
                Consequence::Outdated => prop_assert!(false, "it was not late"),
            }
        }
    }
}
