//! Commands about frontends.

use regate_proto::wire::v1;
use v1::setting::Value;

use super::reference::{frontend, if_exists, on_frontend};
use super::{integer, word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Plan, Reply, Severity, Step};
use crate::shim::sentence;

/// `enable frontend`: it listens again.
pub fn enable(command: &Command) -> Step {
    listen(command, true, sentence::ALREADY_ENABLED, sentence::SHUT_DOWN_NOT_ENABLED)
}

/// `disable frontend`: it stops listening until it is enabled.
pub fn disable(command: &Command) -> Step {
    listen(command, false, sentence::ALREADY_DISABLED, sentence::SHUT_DOWN_NOT_DISABLED)
}

/// `shutdown frontend`: it stops listening for good, until somebody reverts that.
pub fn shut_down(command: &Command) -> Step {
    on_frontend(word(command, 2), |name| {
        let query = v1::StatisticsQuery {
            proxy: Some(name.clone()),
            kinds: vec![v1::StatisticsKind::Frontend.into()],
            ..Default::default()
        };
        let question = v1::query::Question::Statistics(query);
        let plan = Plan::ask_first(question, move |ending| match ending {
            Ending::Answered(answer) => match answer.statistics.first() {
                None => Reply::error(sentence::NO_FRONTEND).into(),
                Some(row) if is_stopped(row) => {
                    Reply::Message(Severity::Notice, sentence::ALREADY_SHUT_DOWN.to_owned()).into()
                }
                Some(_) => {
                    let set = written(&frontend(&name), vec![Value::ShutDown(true)]);
                    Plan::apply(set, sentence::settled).into()
                }
            },
            Ending::Refused(problems)
                if problems.first().map(v1::Problem::code) == Some(v1::ProblemCode::NotFound) =>
            {
                Reply::error(sentence::NO_FRONTEND).into()
            }
            ending => sentence::settled(ending).into(),
        });
        plan.into()
    })
}

/// `set maxconn frontend`: its connection limit; 0 takes the limit away.
pub fn set_maxconn(command: &Command) -> Step {
    let value = word(command, 4);
    on_frontend(word(command, 3), move |name| {
        let subject = frontend(&name);
        let Some(number) = value.as_deref().and_then(integer) else {
            return if_exists(subject, Reply::error(sentence::NEED_INTEGER));
        };
        let Some(maxconn) = i32::try_from(number).ok().and_then(|number| u32::try_from(number).ok()) else {
            return if_exists(subject, Reply::error(sentence::OUT_OF_RANGE));
        };
        Plan::apply(written(&subject, vec![Value::Maxconn(maxconn)]), sentence::settled).into()
    })
}

fn is_stopped(row: &v1::StatisticsRow) -> bool {
    row.status.as_ref().is_some_and(|status| status.condition() == v1::Condition::Stopped)
}

fn listen(command: &Command, enabled: bool, already: &'static str, over: &'static str) -> Step {
    on_frontend(word(command, 2), move |name| {
        let set = written(&frontend(&name), vec![Value::Enabled(enabled)]);
        Plan::apply(set, move |ending| match ending {
            Ending::Applied(applied) if !applied.outcomes.iter().any(|outcome| outcome.changed) => {
                Reply::Message(Severity::Notice, already.to_owned())
            }
            Ending::Refused(problems)
                if problems.first().map(v1::Problem::code) == Some(v1::ProblemCode::Unsuitable) =>
            {
                Reply::error(over)
            }
            ending => sentence::settled(ending),
        })
        .into()
    })
}
