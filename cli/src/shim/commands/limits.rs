//! Commands about limits of the whole process.

use regate_proto::wire::v1;
use v1::query::Question;
use v1::setting::Value;

use super::{integer, word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::sentence;
use crate::shim::session::Session;

/// `set maxconn global`: the connection limit, up to what the process was started for; 0 brings the initial one back.
pub fn set_maxconn(command: &Command) -> Step {
    match number(word(command, 3)) {
        Err(refused) => refused.into(),
        Ok(wanted) => Plan::ask_first(Question::Info(v1::InfoQuery {}), move |ending| match ending {
            Ending::Answered(answer)
                if answer.info.as_ref().is_some_and(|info| wanted > info.hard_maxconn) =>
            {
                Reply::error(sentence::OUT_OF_RANGE).into()
            }
            Ending::Answered(_) => set(Value::Maxconn(wanted)),
            ending => sentence::settled(ending).into(),
        })
        .into(),
    }
}

/// `set rate-limit connections global`: new connections a second; 0 is no limit.
pub fn set_connection_rate(command: &Command) -> Step {
    limit(word(command, 4), Value::MaxConnRate)
}

/// `set rate-limit sessions global`: new sessions a second; 0 is no limit.
pub fn set_session_rate(command: &Command) -> Step {
    limit(word(command, 4), Value::MaxSessRate)
}

/// `set rate-limit ssl-sessions global`: new TLS sessions a second; 0 is no limit.
pub fn set_ssl_rate(command: &Command) -> Step {
    limit(word(command, 4), Value::MaxSslRate)
}

/// `set rate-limit http-compression global`: kilobytes a second that are compressed; 0 is no limit.
pub fn set_compression_rate(command: &Command) -> Step {
    limit(word(command, 4), Value::MaxCompRate)
}

/// `set rate-limit` of something else.
pub fn explain_rate_limits(_: &mut Session, _: &Command) -> Step {
    Reply::error(sentence::RATE_LIMITS).into()
}

fn limit(text: Option<String>, value: impl FnOnce(u32) -> Value) -> Step {
    match number(text) {
        Err(refused) => refused.into(),
        Ok(number) => set(value(number)),
    }
}

fn set(value: Value) -> Step {
    let global = v1::Subject { noun: Some(v1::subject::Noun::Global(v1::GlobalRef {})) };
    Plan::apply(written(&global, vec![value]), sentence::settled).into()
}

/// A number of 31 bits, or why there is none.
fn number(text: Option<String>) -> Result<u32, Reply> {
    let number = text.as_deref().and_then(integer).ok_or_else(|| Reply::error(sentence::EXPECTS_INTEGER))?;
    let number = i32::try_from(number).ok().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| Reply::error(sentence::OUT_OF_RANGE))
}
