//! What a reader has to say about a text, and where.
//!
//! Owns the place of every remark: file, line, column and length, in characters from 1. Never renders:
//! that is the command line's work, which underlines the words with the help of [`SourceFile::span`].

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

/// One text of configuration with its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceFile {
    /// The name that messages use, usually a path.
    pub name: Arc<str>,
    /// The whole text.
    pub text: String,
}

/// A stretch of one line of a source.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The source's name.
    pub file: Arc<str>,
    /// The line, from 1; 0 when the remark is about the whole file.
    pub line: u32,
    /// The column of the first character, in characters from 1.
    pub column: u32,
    /// How many characters are meant, 0 for a point at the end of the line.
    pub length: u32,
}

/// How grave a remark is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Gravity {
    /// Nothing is loaded.
    Error,
    /// It is loaded, and probably not what was meant.
    Warning,
    /// It is loaded; something is worth knowing.
    Notice,
}

/// One remark about a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How grave it is.
    pub gravity: Gravity,
    /// What it is about.
    pub place: Place,
    /// What is wrong, one sentence without a final point.
    pub message: String,
    /// What would be accepted, or what to do.
    pub help: Option<String>,
}

/// A remark about a stretch whose file is not known yet: what parsers of lines and words return.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// The line, from 1.
    pub line: u32,
    /// The column of the first character, in characters from 1.
    pub column: u32,
    /// How many characters are meant.
    pub length: u32,
    /// What is wrong.
    pub message: String,
    /// What would be accepted.
    pub help: Option<String>,
}

impl SourceFile {
    /// A source from text.
    pub fn new(name: &str, text: impl Into<String>) -> SourceFile {
        SourceFile { name: Arc::from(name), text: text.into() }
    }

    /// A source from bytes; refuses what is not UTF-8, naming the place.
    pub fn from_bytes(name: &str, bytes: Vec<u8>) -> Result<SourceFile, Diagnostic> {
        match String::from_utf8(bytes) {
            Ok(text) => Ok(SourceFile::new(name, text)),
            Err(error) => {
                let valid = error.utf8_error().valid_up_to();
                let before = String::from_utf8_lossy(&error.as_bytes()[..valid]).into_owned();
                let line = before.matches('\n').count() + 1;
                let column = before.rsplit('\n').next().map_or(0, |last| last.chars().count()) + 1;
                Err(Diagnostic {
                    gravity: Gravity::Error,
                    place: Place {
                        file: Arc::from(name),
                        line: to_u32(line),
                        column: to_u32(column),
                        length: 1,
                    },
                    message: "this is not UTF-8 text".to_owned(),
                    help: Some("write other bytes as \\xHH inside a word".to_owned()),
                })
            }
        }
    }

    /// Where a place of this source stands, in characters from the start of the text.
    pub fn span(&self, place: &Place) -> Range<usize> {
        let mut start = 0;
        let mut lines = self.text.split_inclusive('\n');
        for _ in 1..place.line.max(1) {
            start += lines.next().map_or(0, |line| line.chars().count());
        }
        let width = lines.next().map_or(0, |line| line.trim_end_matches(['\n', '\r']).chars().count());
        let column = usize::try_from(place.column.max(1) - 1).unwrap_or(usize::MAX).min(width);
        let length = usize::try_from(place.length).unwrap_or(usize::MAX).min(width - column);
        start + column..start + column + length
    }
}

impl Issue {
    /// Adds the file and the gravity.
    pub fn located(self, file: &Arc<str>, gravity: Gravity) -> Diagnostic {
        Diagnostic {
            gravity,
            place: Place {
                file: Arc::clone(file),
                line: self.line,
                column: self.column,
                length: self.length,
            },
            message: self.message,
            help: self.help,
        }
    }
}

impl Gravity {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Gravity::Error => "error",
            Gravity::Warning => "warning",
            Gravity::Notice => "notice",
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}:{}", self.file, self.line, self.column)
    }
}

impl fmt::Display for Diagnostic {
    /// One line, as a compiler prints it: `file:line:column: error: message (help)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.place, self.gravity.word(), self.message)?;
        match &self.help {
            Some(help) => write!(f, " ({help})"),
            None => Ok(()),
        }
    }
}

/// A count as a line or column number; texts beyond four billion lines saturate.
pub(super) fn to_u32(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
