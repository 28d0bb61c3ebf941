//! Commands that concern the connection alone.

use std::time::{Duration, Instant};

use regate_proto::model::Level;

use super::{leading_integer, rest, word};
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Reply, Step};
use crate::shim::sentence;
use crate::shim::session::{Dress, Mode, Modes, Session};

/// `help`: the commands, or those like the words.
pub fn help(session: &mut Session, command: &Command) -> Step {
    sentence::help(rest(command, 1), session.modes).into()
}

/// `prompt`: how the connection goes on after a line.
pub fn prompt(session: &mut Session, command: &Command) -> Step {
    let words = rest(command, 1);
    let (mut mode, mut timed) = (session.mode, session.timed);
    for word in words {
        match word.text().as_ref() {
            "n" => mode = Mode::OneShot,
            "i" => mode = Mode::Interactive,
            "p" => mode = Mode::Prompt,
            "timed" => (mode, timed) = (Mode::Prompt, !timed),
            _ => return Reply::info(sentence::PROMPT_USAGE).into(),
        }
    }
    if words.is_empty() {
        mode = if mode == Mode::Prompt { Mode::OneShot } else { Mode::Prompt };
    }
    (session.mode, session.timed) = (mode, timed);
    Reply::Nothing.into()
}

/// `quit`: closes the connection; the rest of the line is dropped.
pub fn quit(session: &mut Session, _: &Command) -> Step {
    session.quitting = true;
    Reply::Nothing.into()
}

/// `echo`: the words, with single blanks between them.
pub fn echo(_: &mut Session, command: &Command) -> Step {
    let words: Vec<&[u8]> = rest(command, 1).iter().map(Word::bytes).collect();
    Reply::info(String::from_utf8_lossy(&words.join(&b' '))).into()
}

/// `user`: the lowest level.
pub fn user(session: &mut Session, _: &Command) -> Step {
    session.level = session.level.min(Level::User);
    session.modes = Modes::default();
    Reply::Nothing.into()
}

/// `operator`: the middle level.
pub fn operator(session: &mut Session, _: &Command) -> Step {
    session.level = session.level.min(Level::Operator);
    session.modes = Modes::default();
    Reply::Nothing.into()
}

/// `set timeout cli`: the idle time, in seconds when no unit is written, at least one.
pub fn set_timeout(session: &mut Session, command: &Command) -> Step {
    let Some(text) = word(command, 3) else { return Reply::error(sentence::EXPECTS_INTEGER).into() };
    match duration(&text, Duration::from_secs(1)) {
        Some(timeout) if !timeout.is_zero() => {
            let whole = timeout.as_secs().saturating_add(u64::from(timeout.subsec_nanos() > 0));
            session.timeout = Duration::from_secs(whole);
            Reply::Nothing.into()
        }
        _ => Reply::error(sentence::BAD_TIMEOUT).into(),
    }
}

/// `set timeout` of something else.
pub fn set_timeout_of_something_else(_: &mut Session, _: &Command) -> Step {
    Reply::error(sentence::ONLY_CLI_TIMEOUT).into()
}

/// `set severity-output`: how the severity of sentences is shown.
pub fn set_severity_output(session: &mut Session, command: &Command) -> Step {
    session.dress = match word(command, 2).as_deref() {
        Some("none") => Dress::Plain,
        Some("number") => Dress::Number,
        Some("string") => Dress::Word,
        _ => return Reply::error(sentence::BAD_SEVERITY).into(),
    };
    Reply::Nothing.into()
}

/// `show cli level`.
pub fn show_level(session: &mut Session, _: &Command) -> Step {
    Reply::line(session.level.word()).into()
}

/// `show cli sockets`.
pub fn show_sockets(session: &mut Session, _: &Command) -> Step {
    let mut text = String::from("# socket lvl processes\n");
    for (address, level) in &session.surroundings.sockets {
        text.push_str(&format!("{address} {} all\n", level.word()));
    }
    Reply::Dump(text.into_bytes()).into()
}

/// `show env`: all variables, or one.
pub fn show_environment(session: &mut Session, command: &Command) -> Step {
    let Some(environment) = &session.surroundings.environment else {
        return Reply::error(sentence::FOREIGN_ENVIRONMENT).into();
    };
    let wanted = command.words.get(2);
    let mut lines = Vec::new();
    for (name, value) in environment {
        if wanted.is_none_or(|wanted| wanted.bytes() == name.as_encoded_bytes()) {
            lines.extend_from_slice(name.as_encoded_bytes());
            lines.push(b'=');
            // A value may hold line ends; an empty line would end the reply.
            lines.extend(
                value.as_encoded_bytes().iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }),
            );
            lines.push(b'\n');
        }
    }
    match (lines.is_empty(), wanted) {
        (true, Some(_)) => Reply::error(sentence::NO_VARIABLE).into(),
        _ => Reply::Dump(lines).into(),
    }
}

/// A time with an optional unit (configuration manual 2.5); `plain` is the unit when there is none.
pub(super) fn duration(text: &str, plain: Duration) -> Option<Duration> {
    let (number, unit) = leading_integer(text)?;
    let number = u64::try_from(number).ok()?;
    let millis = match unit {
        "us" => return Some(Duration::from_micros(number)),
        "" => u64::try_from(plain.as_millis()).ok()?,
        "ms" => 1,
        "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    let span = Duration::from_millis(number.checked_mul(millis)?);
    // A deadline that no clock can hold would never come: such a time is refused.
    Instant::now().checked_add(span).map(|_| span)
}
