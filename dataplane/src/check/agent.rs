//! What an agent says (configuration manual 5.2 "agent-check").
//!
//! One line of words, separated by blanks or commas, optionally with a reason after `#`. Words of different kinds
//! combine; of the same kind the last one holds. An unknown word spoils nothing but itself, and is told.

use regate_proto::model::Admin;

use crate::live::{Finding, Outcome};

/// What an agent asks for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Words {
    /// What it wants done with the server.
    pub admin: Option<Admin>,
    /// Whether it says that the server is up, with the word it used.
    pub up: Option<(bool, String)>,
    /// A share of the declared weight, in percent.
    pub percent: Option<u32>,
    /// A connection limit.
    pub maxconn: Option<u32>,
    /// Why, in its own words.
    pub reason: String,
    /// The first word that nobody knows.
    pub unknown: Option<String>,
}

/// Reads what came; `None`: the line is not complete. `last` says that nothing more comes.
pub fn read(bytes: &[u8], last: bool) -> Option<Words> {
    let line = match bytes.iter().position(|byte| matches!(byte, b'\n' | b'\r' | 0)) {
        Some(end) => bytes.get(..end).unwrap_or_default(),
        None if last => bytes,
        None => return None,
    };
    let text = String::from_utf8_lossy(line);
    let (said, reason) = text.split_once('#').map_or((text.as_ref(), ""), |(said, reason)| (said, reason));
    let mut words = Words { reason: super::protocol::printable(reason.as_bytes()), ..Words::default() };
    for word in said.split([' ', '\t', ',']).filter(|word| !word.is_empty()) {
        take(&mut words, word);
    }
    Some(words)
}

impl Words {
    /// What is reported of these words.
    pub fn outcome(&self) -> Outcome {
        let detail = |word: &str| {
            let reason = if self.reason.is_empty() { String::new() } else { format!(" ({})", self.reason) };
            format!("via agent : {word}{reason}")
        };
        match (&self.up, &self.unknown) {
            (Some((true, word)), _) => Outcome::with(Finding::L7Passed, 0, detail(word)),
            (Some((false, word)), _) => Outcome::with(Finding::L7Failed, 0, detail(word)),
            (None, Some(word)) => {
                Outcome::with(Finding::Neutral, 0, format!("agent reports an error : {word}"))
            }
            (None, None) => Outcome::bare(Finding::Neutral),
        }
    }

    /// Whether it said anything that can be understood.
    pub fn is_nonsense(&self) -> bool {
        self.unknown.is_some()
            || (self.admin.is_none() && self.up.is_none() && self.percent.is_none() && self.maxconn.is_none())
    }
}

fn take(words: &mut Words, word: &str) {
    let lower = word.to_ascii_lowercase();
    match lower.as_str() {
        "up" => words.up = Some((true, word.to_owned())),
        "down" | "stopped" | "fail" => words.up = Some((false, word.to_owned())),
        "ready" => words.admin = Some(Admin::Ready),
        "drain" => words.admin = Some(Admin::Drain),
        "maint" => words.admin = Some(Admin::Maint),
        _ => {
            let percent = lower.strip_suffix('%').and_then(|number| number.parse().ok());
            let maxconn = lower.strip_prefix("maxconn:").and_then(|number| number.parse().ok());
            match (percent, maxconn) {
                (Some(percent), _) => words.percent = Some(percent),
                (_, Some(maxconn)) => words.maxconn = Some(maxconn),
                _ => {
                    let shown = super::protocol::printable(word.as_bytes());
                    words.unknown.get_or_insert(shown);
                }
            }
        }
    }
}
