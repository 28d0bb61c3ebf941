//! The rule language: samples, conditions and what they are made of (configuration manual 7).
//!
//! Owns the names, signatures and places of use, as tables, and the way from text to typed trees and back. It
//! evaluates nothing: the data plane does. A text that cannot mean anything is a [`Mistake`] with its place.
//! Read `sample.rs` first, then `acl.rs` and `condition.rs`.

pub mod acl;
pub mod action;
pub mod condition;
pub mod converters;
pub mod fetches;
pub mod inline;
pub mod kind;
pub mod log_format;
pub mod maps;
pub mod needs;
pub mod patterns;
pub mod reach;
pub mod sample;
pub mod signature;
pub mod standing;
pub mod tables;
pub mod tracking;
pub mod variable;
pub mod visit;
pub mod words;

pub use acl::{Acl, Criterion, MatchMethod};
pub use action::{Action, Rule, RuleSet};
pub use condition::{Condition, Sense, Term, Test};
pub use converters::Converter;
pub use fetches::Fetch;
pub use kind::Kind;
pub use log_format::Format;
pub use reach::{Checkpoint, Reach};
pub use sample::{Conversion, Sample};
pub use signature::Argument;
pub use tracking::{Stick, StickKind, Tally, Track};
pub use variable::{Scope, Variable};
pub use words::Words;

/// What is wrong with a text of the rule language, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mistake {
    /// Which word is wrong, counted from 0; the number of words where one is missing at the end.
    pub word: usize,
    /// The offset of the first wrong byte in the word.
    pub at: usize,
    /// What is wrong: a sentence without a full stop.
    pub message: String,
    /// What would be accepted.
    pub help: Option<String>,
}

impl Mistake {
    /// A mistake at this offset.
    pub fn new(at: usize, message: impl Into<String>) -> Mistake {
        Mistake { word: 0, at, message: message.into(), help: None }
    }

    /// The same with what would be accepted.
    pub fn expecting(self, help: impl Into<String>) -> Mistake {
        Mistake { help: Some(help.into()), ..self }
    }

    /// The same in a longer word, in which this text begins at `offset`.
    pub fn shifted(self, offset: usize) -> Mistake {
        Mistake { at: self.at + offset, ..self }
    }

    /// The same in this word of a line.
    pub fn in_word(self, word: usize) -> Mistake {
        Mistake { word: self.word + word, ..self }
    }
}

impl std::fmt::Display for Mistake {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.message)?;
        match &self.help {
            Some(help) => write!(f, ": {help}"),
            None => Ok(()),
        }
    }
}

impl std::error::Error for Mistake {}
