//! What commands become, one file for each noun.
//!
//! The functions that rows of the table point to: they check words and make messages to Admin. They do no I/O and
//! hold no sentence of their own; those stand in `sentence.rs`.

pub mod backend;
pub mod cookie;
pub mod diagnostics;
pub mod frontend;
pub mod health;
pub mod information;
pub mod limits;
pub mod lists;
pub mod master;
pub mod modes;
pub mod new_server;
pub mod reference;
pub mod resolvers;
pub mod server;
pub mod session;
pub mod statistics;
pub mod streams;
pub mod tables;
pub mod variable;
pub mod wait;

use regate_proto::wire::v1;

use super::lex::{Command, Word};

/// The word at a place of a command, as text; nothing when there is none.
fn word(command: &Command, at: usize) -> Option<String> {
    command.words.get(at).map(|word| word.text().into_owned())
}

/// The words of a command from a place on.
fn rest(command: &Command, from: usize) -> &[Word] {
    command.words.get(from..).unwrap_or_default()
}

/// Whether one of the words is this one.
fn has(words: &[Word], option: &str) -> bool {
    words.iter().any(|word| word == option)
}

/// A set that writes fields of one row by hand. Who asked is known to Admin from the stream.
fn written(subject: &v1::Subject, settings: Vec<v1::setting::Value>) -> v1::ChangeSet {
    let changes = settings.into_iter().map(|value| {
        let setting = v1::Setting { value: Some(value) };
        let set = v1::SettingOf { subject: Some(subject.clone()), setting: Some(setting) };
        change(v1::change::Verb::Set(set))
    });
    v1::ChangeSet { base: None, origin: None, changes: changes.collect() }
}

/// A change by hand.
fn change(verb: v1::change::Verb) -> v1::Change {
    v1::Change { layer: v1::Layer::Overlay.into(), verb: Some(verb) }
}

/// A whole number at the start of a text, with what follows it; `None` when there is none. Cut at the limits.
fn leading_integer(text: &str) -> Option<(i64, &str)> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return None;
    }
    let end = text.len().saturating_sub(unsigned.len()).saturating_add(digits);
    let (number, rest) = text.split_at_checked(end)?;
    let limit = if text.starts_with('-') { i64::MIN } else { i64::MAX };
    Some((number.parse().unwrap_or(limit), rest))
}

/// A text that is a whole number and nothing else. Cut at the limits.
fn integer(text: &str) -> Option<i64> {
    leading_integer(text).filter(|(_, rest)| rest.is_empty()).map(|(number, _)| number)
}
