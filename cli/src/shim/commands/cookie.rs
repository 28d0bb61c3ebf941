//! Commands about the dynamic cookie values of a backend's servers.

use v1::setting::Value;

use regate_proto::wire::v1;

use super::reference::{backend, if_exists, on_backend};
use super::{word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Plan, Reply, Step};
use crate::shim::sentence;

/// `enable dynamic-cookie backend`: servers without a value of their own get one.
pub fn enable(command: &Command) -> Step {
    write(word(command, 3), |_| Ok(Value::DynamicCookie(true)))
}

/// `disable dynamic-cookie backend`: they have none any more.
pub fn disable(command: &Command) -> Step {
    write(word(command, 3), |_| Ok(Value::DynamicCookie(false)))
}

/// `set dynamic-cookie-key backend`: the key that the values are made with.
pub fn set_key(command: &Command) -> Step {
    let key = word(command, 4);
    write(word(command, 3), move |_| key.map(Value::CookieKey).ok_or(sentence::NEED_STRING))
}

fn write(
    name: Option<String>,
    value: impl FnOnce(&str) -> Result<Value, &'static str> + Send + 'static,
) -> Step {
    let Some(name) = name else { return Reply::error(sentence::NEED_BACKEND).into() };
    let then = move |name: String| {
        let subject = backend(&name);
        match value(&name) {
            Ok(value) => Plan::apply(written(&subject, vec![value]), sentence::settled).into(),
            Err(refused) => if_exists(subject, Reply::error(refused)),
        }
    };
    on_backend(&name, sentence::NO_BACKEND, Box::new(then))
}
