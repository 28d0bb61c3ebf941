//! Lists of patterns: the contents of ACLs and maps.
//!
//! A list is one row, its entries are kept in rows of their own, some hundred in each: so one entry can change
//! without the list being touched as a whole.

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::patterns::Run;

/// The name of a list: that of its file as the configuration spells it, or `virt@…` for one without a file.
///
/// One to [`ListName::LONGEST`] bytes without line feeds and zeros. Cheap to clone.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListName(Arc<str>);

/// Why a text is no name of a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BadListName {
    /// Nothing was given.
    Empty,
    /// More than [`ListName::LONGEST`] bytes.
    TooLong,
    /// A character that ends lines or texts.
    Character(char),
}

/// A list of patterns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List {
    /// What rules call it.
    pub name: ListName,
    /// Whether its entries have values.
    pub columns: Columns,
    /// The number that listings show, where the configuration gives it one.
    pub id: Option<u32>,
    /// The places of the configuration that use it.
    pub users: Vec<ListUser>,
}

/// A place of the configuration that uses a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ListUser {
    /// Whether it is an ACL, not a map.
    pub is_acl: bool,
    /// The file of the configuration.
    pub file: String,
    /// The line, from 1.
    pub line: u32,
}

impl List {
    /// A list without number and users.
    pub fn named(name: ListName, columns: Columns) -> List {
        List { name, columns, id: None, users: Vec::new() }
    }
}

/// What the lines of a list's file hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Columns {
    /// A pattern each: the list of an ACL.
    Keys,
    /// A pattern and, after blanks, its value: a map.
    Values,
}

/// Some entries of a list: those whose ids are near each other.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entries {
    /// Which ones.
    pub at: EntriesRef,
    /// The entries, at least one; each has an id of this part ([`crate::patterns::EntryId::part`]).
    pub entries: Arc<Run>,
}

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntriesRef {
    /// The list.
    pub list: ListName,
    /// The number of the part; entries of higher ones come later.
    pub part: u64,
}

impl ListName {
    /// The longest name accepted, in bytes.
    pub const LONGEST: usize = 4096;

    /// What the name of a list begins with whose patterns stand in a rule, see [`crate::rules::inline`].
    pub const INLINE: &'static str = "acl@";

    /// Whether its patterns stand in a rule.
    pub fn is_inline(&self) -> bool {
        self.0.starts_with(Self::INLINE)
    }

    /// The keyword of the rule in which its patterns stand, for listings.
    pub fn keyword(&self) -> Option<&str> {
        self.0.strip_prefix(Self::INLINE)?.rsplit('/').nth(1)
    }

    /// Checks `text` and makes it a name.
    pub fn new(text: &str) -> Result<ListName, BadListName> {
        if text.is_empty() {
            return Err(BadListName::Empty);
        }
        if text.len() > Self::LONGEST {
            return Err(BadListName::TooLong);
        }
        match text.chars().find(|c| matches!(c, '\0' | '\n' | '\r')) {
            Some(found) => Err(BadListName::Character(found)),
            None => Ok(ListName(Arc::from(text))),
        }
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file that the list is read from when the configuration is; `None` for one that begins empty. A file
    /// after `opt@` need not be there.
    pub fn file(&self) -> Option<(&str, Presence)> {
        match self.0.split_once('@') {
            Some(("virt" | "acl", _)) => None,
            Some(("opt", file)) => Some((file, Presence::Optional)),
            Some(("file", file)) => Some((file, Presence::Needed)),
            _ => Some((&self.0, Presence::Needed)),
        }
    }
}

/// Whether a list's file must be there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It must.
    Needed,
    /// Without it the list begins empty.
    Optional,
}

impl fmt::Display for BadListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadListName::Empty => write!(f, "the name of a list is expected"),
            BadListName::TooLong => write!(f, "the name of a list has at most {} bytes", ListName::LONGEST),
            BadListName::Character(found) => {
                write!(f, "character {found:?} is not permitted in the name of a list")
            }
        }
    }
}

impl std::error::Error for BadListName {}

impl Borrow<str> for ListName {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for ListName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl fmt::Display for EntriesRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} part {}", self.list, self.part)
    }
}
