//! The harness's one error: a sentence about what could not be done, for the person who reads a failed test.

use std::fmt;
use std::io;

/// What the harness could not do.
///
/// `Debug` prints the sentence as it is, so that a scenario returning [`Result`] fails with readable text.
pub struct Trouble {
    text: String,
}

/// What harness functions return.
pub type Result<T> = std::result::Result<T, Trouble>;

impl Trouble {
    /// A trouble with this sentence.
    pub fn new(text: impl Into<String>) -> Self {
        Self { text: text.into() }
    }

    /// The same trouble with what was being attempted in front.
    #[must_use]
    pub fn while_doing(self, attempt: impl fmt::Display) -> Self {
        Self { text: format!("{attempt}: {}", self.text) }
    }
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl std::error::Error for Trouble {}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::new(error.to_string())
    }
}

impl From<rustix::io::Errno> for Trouble {
    fn from(error: rustix::io::Errno) -> Self {
        Self::new(io::Error::from(error).to_string())
    }
}

impl From<String> for Trouble {
    fn from(text: String) -> Self {
        Self::new(text)
    }
}

impl From<&str> for Trouble {
    fn from(text: &str) -> Self {
        Self::new(text)
    }
}
