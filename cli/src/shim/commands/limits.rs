//! Commands about limits of the whole process.

use regate_proto::wire::v1;
use v1::setting::Value;

use super::{integer, word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Plan, Reply, Step};
use crate::shim::sentence;
use crate::shim::session::Session;

/// `set maxconn global`: the connection limit; 0 brings the initial one back.
pub fn set_maxconn(command: &Command) -> Step {
    limit(word(command, 3), Value::Maxconn)
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
    let Some(number) = text.as_deref().and_then(integer) else {
        return Reply::error(sentence::EXPECTS_INTEGER).into();
    };
    let Ok(number) = u32::try_from(number) else { return Reply::error(sentence::OUT_OF_RANGE).into() };
    let global = v1::Subject { noun: Some(v1::subject::Noun::Global(v1::GlobalRef {})) };
    Plan::apply(written(&global, vec![value(number)]), sentence::settled).into()
}
