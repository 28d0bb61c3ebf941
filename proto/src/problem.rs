//! Why a change was refused.

use std::fmt;

use crate::model::Subject;

/// One reason why a set of changes was refused.
///
/// Programs decide by `code`; `detail` is for people and is never parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Position of the change in its set; absent when the set as a whole is meant.
    pub index: Option<u32>,
    /// What kind of reason.
    pub code: Code,
    /// What it is about; absent when no row is meant.
    pub subject: Option<Subject>,
    /// What was found and what was expected, one sentence without a full stop.
    pub detail: String,
}

/// Kinds of reasons.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Code {
    /// The subject does not exist.
    NotFound,
    /// The subject exists already, or its number is taken.
    AlreadyExists,
    /// Another row still points to the subject or is contained in it.
    InUse,
    /// A row points to something that does not exist.
    Dangling,
    /// A value outside its range.
    OutOfRange,
    /// A message that says nothing sensible: a missing field, a bad spelling.
    Malformed,
    /// The field does not exist on this kind of row, or two settings exclude each other.
    Unsuitable,
    /// The set is based on another revision than the current one.
    Conflict,
    /// The caller's level does not allow it.
    Denied,
    /// It is right, but the running process cannot do it: a port is taken, a name does not resolve.
    Impossible,
    /// Who must decide cannot be reached; it may work later.
    Unavailable,
    /// Regate cannot do this.
    Unsupported,
}

impl Problem {
    /// A reason about a subject.
    pub fn about(code: Code, subject: &Subject, detail: impl Into<String>) -> Problem {
        Problem { index: None, code, subject: Some(subject.clone()), detail: detail.into() }
    }

    /// A reason about no row.
    pub fn general(code: Code, detail: impl Into<String>) -> Problem {
        Problem { index: None, code, subject: None, detail: detail.into() }
    }

    /// The same reason, at a position of the set.
    pub fn at(mut self, index: usize) -> Problem {
        self.index = u32::try_from(index).ok();
        self
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(index) = self.index {
            write!(f, "change {}: ", index.saturating_add(1))?;
        }
        if let Some(subject) = &self.subject {
            write!(f, "{subject}: ")?;
        }
        f.write_str(&self.detail)
    }
}

impl std::error::Error for Problem {}
