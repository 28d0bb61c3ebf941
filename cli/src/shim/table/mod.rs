//! THE table of commands: a row for each command form, to full depth.
//!
//! Lookup, permission, `help`, the suggestions for unknown commands and the tests read the rows; no second chain
//! of comparisons of words exists. A row's function turns the words after its own into a [`Step`]; it does no I/O.
//! Rows stand in a file for each family, written with `rows!`; a new family is one more file and its name in
//! [`FAMILIES`]. Read next: `commands/`, one file for each noun.

/// Rows are written one after the other as `words => usage : help, level, becomes, examples`; `*` is any word.
macro_rules! rows {
    (@slot *) => { $crate::shim::table::Slot::Any };
    (@slot $word:literal) => { $crate::shim::table::Slot::Is($word) };
    ($( [$($word:tt)+] $usage:literal, $help:literal, $level:ident, $becomes:ident($run:path) {
        $($line:literal => $reply:literal;)*
    } )*) => {
        &[$( $crate::shim::table::Row {
            words: &[$(rows!(@slot $word)),+],
            usage: $usage,
            help: $help,
            level: $level.0,
            restriction: $level.1,
            becomes: $crate::shim::table::Becomes::$becomes($run),
            examples: &[$($crate::shim::table::Example { line: $line, reply: $reply }),*],
        } ),*]
    };
}

mod backends;
mod connection;
mod diagnostics;
mod frontends;
mod health;
mod information;
mod limits;
mod lists;
mod master;
mod resolvers;
mod servers;
mod sessions;
mod tables;

use std::cmp::Ordering;
use std::collections::HashMap;
use std::sync::LazyLock;

use regate_proto::model::Level;

use super::lex::{Command, Word};
use super::plan::Step;
use super::session::{Modes, Session};

/// One form of a command.
pub struct Row {
    /// The words that make a line this command, from the first on.
    pub words: &'static [Slot],
    /// How it is written, for `help`. Empty: it is not listed, because it only catches incomplete forms.
    pub usage: &'static str,
    /// What it does, for `help`.
    pub help: &'static str,
    /// The level that it takes.
    pub level: Level,
    /// The mode that it takes besides.
    pub restriction: Option<Restriction>,
    /// What it becomes.
    pub becomes: Becomes,
    /// Lines with their exact replies, in order, on the configuration of the tests.
    #[cfg_attr(not(test), expect(dead_code, reason = "the tests that walk the table read it"))]
    pub examples: &'static [Example],
}

/// A mode without which a command is refused (management manual 9.3 "expert-mode", "experimental-mode").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Restriction {
    /// For who knows what it does to the process.
    Expert,
    /// For who can live with its changing.
    Experimental,
}

/// One word of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Slot {
    /// This word.
    Is(&'static str),
    /// Any word.
    Any,
}

/// What a command becomes.
#[derive(Clone, Copy)]
pub enum Becomes {
    /// Something that concerns the connection alone and is answered here.
    Session(fn(&mut Session, &Command) -> Step),
    /// A change of the configuration.
    Apply(fn(&Command) -> Step),
    /// An action on the running process.
    Act(fn(&Command) -> Step),
    /// A question.
    Ask(fn(&Command) -> Step),
    /// A change or a question about a list, whose versions all connections share.
    Staged(fn(&mut Session, &Command) -> Step),
    /// A message whose answer, or meaning, depends on what the connection is or wants.
    Told(fn(&mut Session, &Command) -> Step),
}

impl Becomes {
    /// What a command of the row becomes on a connection.
    pub fn step(self, session: &mut Session, command: &Command) -> Step {
        match self {
            Becomes::Session(run) | Becomes::Staged(run) | Becomes::Told(run) => run(session, command),
            Becomes::Apply(plan) | Becomes::Act(plan) | Becomes::Ask(plan) => plan(command),
        }
    }
}

/// A line and its exact reply.
#[cfg_attr(not(test), expect(dead_code, reason = "the tests that walk the table read it"))]
pub struct Example {
    /// What is written.
    pub line: &'static str,
    /// What comes back, without the empty line at its end; `…` stands for anything.
    pub reply: &'static str,
}

/// The row of a command: of all rows whose words it begins with, the longest.
pub fn find(words: &[Word]) -> Option<&'static Row> {
    let rows = BY_FIRST_WORD.get(words.first()?.bytes())?;
    rows.iter().copied().filter(|row| row.matches(words)).max_by_key(|row| row.words.len())
}

/// The same among the commands of a master.
pub fn find_of_master(words: &[Word]) -> Option<&'static Row> {
    master::ROWS.iter().filter(|row| row.matches(words)).max_by_key(|row| row.words.len())
}

/// Every row, family by family.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    FAMILIES.iter().copied().flatten()
}

/// The listed rows that begin as the words do, or else those that resemble them most; all of them when there are
/// no words. Sorted, the last three being `help`, `prompt` and `quit`.
pub fn resembling(words: &[Word], modes: Modes) -> Vec<&'static Row> {
    likest(rows().filter(|row| row.is_listed() && modes.open(row.restriction)), words)
}

/// The same among the commands of a master.
pub fn resembling_of_master(words: &[Word]) -> Vec<&'static Row> {
    likest(master::ROWS.iter().filter(|row| row.is_listed()), words)
}

fn likest(rows: impl Iterator<Item = &'static Row>, words: &[Word]) -> Vec<&'static Row> {
    let rows: Vec<&'static Row> = rows.collect();
    let mut found: Vec<(usize, &'static Row)> = rows.iter().map(|row| (row.common(words), *row)).collect();
    let best = found.iter().map(|(score, _)| *score).max().unwrap_or(0);
    if !words.is_empty() && best == 0 {
        // What is longer than any command resembles none the more, and must not take its time.
        let text: String = words
            .iter()
            .map(Word::text)
            .flat_map(|word| format!("{word} ").chars().take(MOST_LIKENED).collect::<Vec<_>>())
            .take(MOST_LIKENED)
            .collect();
        let text = pairs(text.trim_end());
        for (score, row) in &mut found {
            *score = PAIRS.get(row.usage).map_or(0, |usage| likeness(&text, usage));
        }
        found.sort_by_key(|(score, _)| std::cmp::Reverse(*score));
        found.truncate(SUGGESTIONS);
    } else {
        found.retain(|(score, _)| *score == best);
    }
    let mut alike: Vec<&'static Row> = found.into_iter().map(|(_, row)| row).collect();
    alike.retain(|row| !LAST.contains(&row.usage));
    alike.sort_by_key(|row| row.usage);
    alike.extend(LAST.iter().filter_map(|usage| rows.iter().copied().find(|row| row.usage == *usage)));
    alike
}

impl Row {
    /// Whether `help` shows it.
    pub fn is_listed(&self) -> bool {
        !self.usage.is_empty()
    }

    fn matches(&self, words: &[Word]) -> bool {
        words.len() >= self.words.len()
            && self.words.iter().zip(words).all(|(slot, word)| match slot {
                Slot::Is(text) => word == *text,
                Slot::Any => true,
            })
    }

    /// How many words from the first on are the row's own.
    fn common(&self, words: &[Word]) -> usize {
        let pairs = self.words.iter().zip(words);
        pairs.take_while(|(slot, word)| matches!(slot, Slot::Is(text) if *word == *text)).count()
    }
}

/// How many pairs of neighbouring letters two texts share, of which these are the pairs in order.
fn likeness(left: &[[u8; 2]], right: &[[u8; 2]]) -> usize {
    let (mut left, mut right) = (left.iter().peekable(), right.iter().peekable());
    let mut shared = 0usize;
    while let (Some(one), Some(other)) = (left.peek(), right.peek()) {
        match one.cmp(other) {
            Ordering::Less => drop(left.next()),
            Ordering::Greater => drop(right.next()),
            Ordering::Equal => {
                shared = shared.saturating_add(1);
                left.next();
                right.next();
            }
        }
    }
    shared
}

/// The pairs of neighbouring letters of a text, in order.
fn pairs(text: &str) -> Vec<[u8; 2]> {
    let letters = text.as_bytes();
    let mut pairs: Vec<[u8; 2]> = letters.iter().zip(letters.iter().skip(1)).map(|(a, b)| [*a, *b]).collect();
    pairs.sort_unstable();
    pairs
}

/// Letters of an unknown command that are compared.
const MOST_LIKENED: usize = 80;
/// Most rows that are suggested for a word that begins no command.
const SUGGESTIONS: usize = 5;
/// What lists of commands end with.
const LAST: [&str; 3] = ["help [<command>]", "prompt [help|n|i|p|timed]*", "quit"];

const ADMIN: (Level, Option<Restriction>) = (Level::Admin, None);
const OPERATOR: (Level, Option<Restriction>) = (Level::Operator, None);
const USER: (Level, Option<Restriction>) = (Level::User, None);
const EXPERT: (Level, Option<Restriction>) = (Level::Admin, Some(Restriction::Expert));
const EXPERIMENTAL: (Level, Option<Restriction>) = (Level::Admin, Some(Restriction::Experimental));

/// The families.
static FAMILIES: &[&[Row]] = &[
    connection::ROWS,
    information::ROWS,
    diagnostics::ROWS,
    sessions::ROWS,
    servers::ROWS,
    health::ROWS,
    frontends::ROWS,
    backends::ROWS,
    lists::ROWS,
    tables::ROWS,
    limits::ROWS,
    resolvers::ROWS,
];

/// What usages are compared by.
static PAIRS: LazyLock<HashMap<&'static str, Vec<[u8; 2]>>> =
    LazyLock::new(|| rows().chain(master::ROWS).map(|row| (row.usage, pairs(row.usage))).collect());

/// The rows that begin with a word.
static BY_FIRST_WORD: LazyLock<HashMap<&'static [u8], Vec<&'static Row>>> = LazyLock::new(|| {
    let mut found: HashMap<&'static [u8], Vec<&'static Row>> = HashMap::new();
    for row in rows() {
        if let Some(Slot::Is(word)) = row.words.first() {
            found.entry(word.as_bytes()).or_default().push(row);
        }
    }
    found
});

#[cfg(test)]
#[path = "../table_tests.rs"]
mod tests;
