//! `wait`: the connection rests for a time, or until something can be removed.

use std::time::Duration;

use tokio::time::Instant;

use super::reference::{on_backend, on_server};
use super::session::duration;
use super::{backend, server, word};
use crate::shim::lex::Command;
use crate::shim::plan::{Reply, Rest, Step};
use crate::shim::sentence;
use crate::shim::session::Session;

/// What is waited for.
#[derive(Clone)]
enum Condition {
    Server(regate_proto::wire::v1::ServerRef),
    Backend(String),
}

/// `wait`.
pub fn wait(_: &mut Session, command: &Command) -> Step {
    let Some(text) = word(command, 1) else { return Reply::error(sentence::WAIT_NEEDS_TIME).into() };
    if text == "-h" {
        return Reply::info(sentence::WAIT_USAGE).into();
    }
    let Some(span) = duration(&text, Duration::from_millis(1)) else {
        return Reply::error(sentence::WAIT_BAD_TIME).into();
    };
    let name = word(command, 3).filter(|name| !name.is_empty());
    let until = Instant::now().checked_add(span).unwrap_or_else(Instant::now);
    match (word(command, 2).as_deref(), name) {
        (None, _) => Rest { until, then: Box::new(|| Reply::info(sentence::DONE).into()) }.into(),
        (Some("srv-removable"), None) => Reply::error(sentence::WAIT_NEEDS_SERVER).into(),
        (Some("srv-removable"), name) => on_server(name, move |at| look(Condition::Server(at), until)),
        (Some("be-removable"), None) => Reply::error(sentence::WAIT_NEEDS_BACKEND).into(),
        (Some("be-removable"), Some(name)) => {
            let then = move |name| look(Condition::Backend(name), until);
            on_backend(&name, sentence::NO_BACKEND, Box::new(then))
        }
        (Some(_), _) => Reply::info(sentence::WAIT_USAGE).into(),
    }
}

/// Looks whether the condition holds; goes on later while it does not and there is time left.
fn look(condition: Condition, until: Instant) -> Step {
    let again = condition.clone();
    let judge = move |refused: Option<Refused>| -> Step {
        let now = Instant::now();
        match refused {
            None => Reply::info(sentence::DONE).into(),
            Some(Refused::ForGood(reason)) => Reply::error(format!("Failed. {reason}")).into(),
            Some(Refused::Yet(reason)) if now >= until => {
                Reply::error(format!("Wait delay expired. {reason}")).into()
            }
            Some(Refused::Yet(_)) => {
                let next = now.checked_add(PAUSE).unwrap_or(until).min(until);
                Rest { until: next, then: Box::new(move || look(again, until)) }.into()
            }
        }
    };
    match condition {
        Condition::Server(at) => server::if_removable(at, judge),
        Condition::Backend(name) => backend::if_removable(name, judge),
    }
}

/// Why something cannot be removed.
pub enum Refused {
    /// It may be possible later.
    Yet(&'static str),
    /// It will not be.
    ForGood(String),
}

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(20);
