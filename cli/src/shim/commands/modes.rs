//! Commands that put a connection into a mode: for experts, experimental, with names made unknowable.

use std::sync::atomic::Ordering;

use super::{integer, word};
use crate::shim::anonymous::{self, Anonymous};
use crate::shim::lex::Command;
use crate::shim::plan::{Reply, Step};
use crate::shim::sentence;
use crate::shim::session::Session;

/// `expert-mode`: shows or sets it.
pub fn expert(session: &mut Session, command: &Command) -> Step {
    switch("expert-mode", &mut session.modes.expert, command)
}

/// `experimental-mode`: shows or sets it.
pub fn experimental(session: &mut Session, command: &Command) -> Step {
    switch("experimental-mode", &mut session.modes.experimental, command)
}

/// `set anon on`: names in later outputs become hashes, by a key of one's own, the common one, or one by chance.
pub fn hide_names(session: &mut Session, command: &Command) -> Step {
    let key = match word(command, 3) {
        None => match session.surroundings.anonymous_key.load(Ordering::Relaxed) {
            0 => anonymous::random_key(),
            key => key,
        },
        Some(text) => match key(&text) {
            Some(key) => key,
            None => return Reply::error(sentence::EXPECTS_INTEGER).into(),
        },
    };
    session.anonymous = Some(Anonymous::new(key));
    Reply::Nothing.into()
}

/// `set anon off`: names stand as they are again.
pub fn show_names(session: &mut Session, _: &Command) -> Step {
    session.anonymous = None;
    Reply::Nothing.into()
}

/// `set anon global-key`: the key for connections that give none; 0 takes it away.
pub fn set_common_key(session: &mut Session, command: &Command) -> Step {
    match word(command, 3).as_deref().map(integer) {
        Some(Some(0)) => session.surroundings.anonymous_key.store(0, Ordering::Relaxed),
        Some(Some(number)) if u32::try_from(number).is_ok() => {
            session.surroundings.anonymous_key.store(u32::try_from(number).unwrap_or(0), Ordering::Relaxed);
        }
        _ => return Reply::error(sentence::EXPECTS_INTEGER).into(),
    }
    Reply::Nothing.into()
}

/// `set anon` of something else.
pub fn explain_anonymity(_: &mut Session, _: &Command) -> Step {
    Reply::error(sentence::ANON_USAGE).into()
}

/// `show anon`: whether names are hidden, and by which key.
pub fn show_anonymity(session: &mut Session, _: &Command) -> Step {
    match &session.anonymous {
        None => Reply::line("Anonymized mode disabled").into(),
        Some(anonymous) => {
            Reply::Dump(format!("Anonymized mode enabled\nKey : {}\n", anonymous.key()).into_bytes()).into()
        }
    }
}

fn switch(name: &str, mode: &mut bool, command: &Command) -> Step {
    match word(command, 1).as_deref() {
        None => return Reply::line(&format!("{name} is {}", if *mode { "ON" } else { "OFF" })).into(),
        Some("on") => *mode = true,
        Some("off") => *mode = false,
        Some(_) => {}
    }
    Reply::Nothing.into()
}

fn key(text: &str) -> Option<u32> {
    integer(text).and_then(|number| u32::try_from(number).ok()).filter(|key| *key != 0)
}
