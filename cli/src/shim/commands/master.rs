//! Commands of a master: processes, reloading, modes. What has nothing to say answers nothing at all.

use std::sync::Arc;
use std::time::{Duration, Instant};

use regate_proto::model::Level;
use tokio::sync::oneshot;

use super::{rest, word};
use crate::shim::lex::Command;
use crate::shim::master::Master;
use crate::shim::plan::{Reply, Rest, Step};
use crate::shim::sentence;
use crate::shim::session::{Mode, Modes, Session};

/// A prefix, which is no command.
pub fn nothing(_: &mut Session, _: &Command) -> Step {
    Reply::Bare(String::new()).into()
}

/// `help`: the master's commands, or those like the words.
pub fn help(_: &mut Session, command: &Command) -> Step {
    sentence::master::help(rest(command, 1)).into()
}

/// `prompt`: whether there is one; the connection stays open either way.
pub fn prompt(session: &mut Session, command: &Command) -> Step {
    let words = rest(command, 1);
    let (mut mode, mut timed) = (session.mode, session.timed);
    for word in words {
        match word.text().as_ref() {
            "i" => mode = Mode::Interactive,
            "p" => mode = Mode::Prompt,
            "timed" => (mode, timed) = (Mode::Prompt, !timed),
            _ => return Reply::info(sentence::master::PROMPT_USAGE).into(),
        }
    }
    if words.is_empty() {
        mode = if mode == Mode::Prompt { Mode::Interactive } else { Mode::Prompt };
    }
    (session.mode, session.timed) = (mode, timed);
    silence()
}

/// `user`: the lowest level.
pub fn user(session: &mut Session, _: &Command) -> Step {
    lower(session, Level::User)
}

/// `operator`: the middle level.
pub fn operator(session: &mut Session, _: &Command) -> Step {
    lower(session, Level::Operator)
}

/// `expert-mode`: for what workers are told.
pub fn expert(session: &mut Session, command: &Command) -> Step {
    switch(session, command, |session| Some(&mut session.modes.expert))
}

/// `experimental-mode`: for what workers are told.
pub fn experimental(session: &mut Session, command: &Command) -> Step {
    switch(session, command, |session| Some(&mut session.modes.experimental))
}

/// `mcli-debug-mode`: whether the master takes the commands of a worker.
pub fn debug(session: &mut Session, command: &Command) -> Step {
    switch(session, command, |session| session.master.as_mut().map(|standing| &mut standing.debug))
}

/// `show proc`.
pub fn show_processes(session: &mut Session, _: &Command) -> Step {
    with_master(session, |master| Reply::Dump(master.processes(Instant::now()).into_bytes()).into())
}

/// `show startup-logs`: what the last start or reload said.
pub fn show_start(session: &mut Session, _: &Command) -> Step {
    with_master(session, |master| Reply::Dump(master.said().into_bytes()).into())
}

/// `reload`: reads the files again, tells how that went, and ends the connection.
pub fn reload(session: &mut Session, _: &Command) -> Step {
    session.mode = Mode::OneShot;
    with_master(session, |master| match master.reload() {
        Some(told) => look(master, told),
        None => Reply::error(sentence::master::NO_RELOAD).into(),
    })
}

/// `hard-reload`.
pub fn explain_hard_reload(_: &mut Session, _: &Command) -> Step {
    Reply::error(sentence::unsupported::HARD_RELOAD).into()
}

/// Tells how reloading went once it is over.
fn look(master: Arc<Master>, mut told: oneshot::Receiver<()>) -> Step {
    match told.try_recv() {
        Ok(()) => {
            let success = u8::from(!master.has_failed());
            Reply::Dump(format!("Success={success}\n--\n{}", master.said()).into_bytes()).into()
        }
        Err(oneshot::error::TryRecvError::Empty) => {
            let now = tokio::time::Instant::now();
            let until = now.checked_add(PAUSE).unwrap_or(now);
            Rest { until, then: Box::new(move || look(master, told)) }.into()
        }
        Err(oneshot::error::TryRecvError::Closed) => Reply::error(sentence::master::NO_RELOAD).into(),
    }
}

fn with_master(session: &Session, then: impl FnOnce(Arc<Master>) -> Step) -> Step {
    match &session.master {
        Some(standing) => then(standing.master.clone()),
        None => silence(),
    }
}

fn lower(session: &mut Session, level: Level) -> Step {
    session.level = session.level.min(level);
    session.modes = Modes::default();
    silence()
}

fn switch(session: &mut Session, command: &Command, mode: fn(&mut Session) -> Option<&mut bool>) -> Step {
    if session.level < Level::Admin {
        return Reply::Bare(sentence::master::DENIED.to_owned()).into();
    }
    if let Some(mode) = mode(session) {
        match word(command, 1).as_deref() {
            Some("on") => *mode = true,
            Some("off") => *mode = false,
            _ => {}
        }
    }
    silence()
}

fn silence() -> Step {
    Reply::Bare(String::new()).into()
}

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(5);
