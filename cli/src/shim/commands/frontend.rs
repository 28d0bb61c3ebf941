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
    listen(command, true, sentence::ALREADY_ENABLED)
}

/// `disable frontend`: it stops listening until it is enabled.
pub fn disable(command: &Command) -> Step {
    listen(command, false, sentence::ALREADY_DISABLED)
}

/// `set maxconn frontend`: its connection limit; 0 takes the limit away.
pub fn set_maxconn(command: &Command) -> Step {
    let value = word(command, 4);
    on_frontend(word(command, 3), move |name| {
        let subject = frontend(&name);
        let Some(number) = value.as_deref().and_then(integer) else {
            return if_exists(subject, Reply::error(sentence::NEED_INTEGER));
        };
        let Ok(maxconn) = u32::try_from(number) else {
            return if_exists(subject, Reply::error(sentence::OUT_OF_RANGE));
        };
        Plan::apply(written(&subject, vec![Value::Maxconn(maxconn)]), sentence::settled).into()
    })
}

fn listen(command: &Command, enabled: bool, already: &'static str) -> Step {
    on_frontend(word(command, 2), move |name| {
        let set = written(&frontend(&name), vec![Value::Enabled(enabled)]);
        Plan::apply(set, move |ending| match ending {
            Ending::Applied(applied) if !applied.outcomes.iter().any(|outcome| outcome.changed) => {
                Reply::Message(Severity::Notice, already.to_owned())
            }
            ending => sentence::settled(ending),
        })
        .into()
    })
}
