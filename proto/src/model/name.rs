//! Names of proxies, servers, binds and defaults.

use std::borrow::Borrow;
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

/// The name of a proxy, server, bind or defaults section.
///
/// One to [`Name::LONGEST`] characters out of letters, digits, `-`, `_`, `.` and `:`, as HAProxy
/// accepts them (configuration manual 2.1 and 4). Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Name(Arc<str>);

impl Name {
    /// The longest name accepted, in bytes.
    pub const LONGEST: usize = 255;

    /// Checks `text` and makes it a name.
    pub fn new(text: &str) -> Result<Name, BadName> {
        if text.is_empty() {
            return Err(BadName::Empty);
        }
        if text.len() > Self::LONGEST {
            return Err(BadName::TooLong(Self::LONGEST));
        }
        match text.chars().find(|c| !(c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | ':'))) {
            Some(found) => Err(BadName::Character(found)),
            None => Ok(Name(Arc::from(text))),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// What a proxy, bind or server is called whatever becomes of its name (configuration manual 3.0, 4.2 "guid").
///
/// One to [`Guid::LONGEST`] characters out of those of a [`Name`]. Cheap to clone.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Guid(Name);

impl Guid {
    /// The longest one accepted, in bytes.
    pub const LONGEST: usize = 127;

    /// Checks `text` and makes it an identifier.
    pub fn new(text: &str) -> Result<Guid, BadName> {
        if text.len() > Self::LONGEST {
            return Err(BadName::TooLong(Self::LONGEST));
        }
        Name::new(text).map(Guid)
    }

    /// The identifier as text.
    pub fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Why a text is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadName {
    /// Nothing was given.
    Empty,
    /// More than so many bytes.
    TooLong(usize),
    /// A character outside letters, digits, `-`, `_`, `.` and `:`.
    Character(char),
}

impl fmt::Display for BadName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadName::Empty => write!(f, "a name is expected"),
            BadName::TooLong(most) => write!(f, "a name has at most {most} characters"),
            BadName::Character(found) => {
                write!(
                    f,
                    "character {found:?} is not permitted in a name: letters, digits, '-', '_', '.' and ':' are"
                )
            }
        }
    }
}

impl std::error::Error for BadName {}

impl FromStr for Name {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Name::new(text)
    }
}

impl Borrow<str> for Name {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
