//! Names of actions that are none here, and how those that are are written.

use super::{RuleSet, table};
use crate::rules::{Mistake, Words};

/// The mistake of a word that is no action in this set.
pub(super) fn unknown(set: RuleSet, words: &Words<'_>, word: &str) -> Mistake {
    const LATER: &[&str] = &[
        "cache-store",
        "cache-use",
        "expect-netscaler-cip",
        "attach-srv",
        "send-spoe-group",
        "set-bandwidth-limit",
    ];
    let name = word.split('(').next().unwrap_or_default();
    if LATER.contains(&name) || name.starts_with("lua.") {
        return words
            .wrong(format!("'{} {name}' exists in HAProxy and is not supported by Regate yet", set.words()));
    }
    let names =
        table::ROWS.iter().filter(|row| row.sets.contains(&set)).map(|row| row.name.trim_end_matches('('));
    let mistake = words.wrong(format!("unknown action '{name}'"));
    match crate::config::keywords::nearest(name, names) {
        Some(near) => mistake.expecting(format!("did you mean '{near}'?")),
        None => mistake,
    }
}

/// What is expected where an action is written wrongly.
pub(super) fn usage(row: &table::Row) -> String {
    format!("'{}{}' is expected", row.name, row.syntax)
}
