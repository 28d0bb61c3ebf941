//! What a master answers by itself.

use super::{Reply, Word, table, usages};

/// What answers a command that is in no row.
pub fn unknown(words: &[Word]) -> Reply {
    let first = words.first().map(Word::text).unwrap_or_default();
    let mut text =
        format!("Unknown command: '{first}', but maybe one of the following ones is a better match:\n");
    usages(&table::resembling_of_master(words), &mut text);
    Reply::info(text)
}

/// What `help` answers.
pub fn help(words: &[Word]) -> Reply {
    let mut text = String::from("The following commands are valid at this level:\n");
    usages(&table::resembling_of_master(words), &mut text);
    Reply::info(text)
}

/// What answers a prefix that leads nowhere.
pub fn no_process(prefix: &str) -> String {
    format!("Can't find the target PID matching the prefix '{prefix}'\n")
}

/// A level that is too low for a mode.
pub const DENIED: &str = "Permission denied!\n";
/// A master that cannot reload now.
pub const NO_RELOAD: &str = "The files cannot be read again now: the process ends, or too many ask for that.";
/// How a master's `prompt` is used.
pub const PROMPT_USAGE: &str = "Usage: prompt [help | i | p | timed]*\n  i      keep the connection open, without a prompt\n  p      keep it open, with a prompt\n  timed  as p, and show or hide the uptime in the prompt\nWithout a word: i becomes p, p becomes i.";
