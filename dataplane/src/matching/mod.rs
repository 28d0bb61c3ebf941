//! Matching values against lists of patterns.
//!
//! One index per method: whatever it takes to find the entry of a list that a value matches without walking the
//! list. An index is a value; changing a copy of it leaves the others as they are, and costs what was changed, not
//! what there is: so every snapshot has its own, and no look-up ever waits. Where an index must be compiled
//! (`part.rs`, `expression.rs`) a large base is kept beside a small rest, and both are made anew in
//! [`Index::settle`], never while a request looks.
//!
//! Of several entries that match, the one that HAProxy finds is found: the first in the order of the list, or for
//! trees ([`Matching::is_tree`]) the longest, and of equal ones the first.
//! Read next: `entries.rs`, then any method.

mod affix;
mod entries;
mod exact;
mod expression;
mod network;
mod part;
mod positions;
mod range;
#[cfg(test)]
mod tests;

use std::net::IpAddr;

use regate_proto::patterns::{Entry, EntryId};
use regate_proto::rules::MatchMethod;
use regate_proto::rules::patterns::{Matching, Pattern};

pub use entries::Entries;

/// A value that is looked for, already of the type that the method takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needle<'a> {
    /// Text or bytes; for lengths too.
    Bytes(&'a [u8]),
    /// A number.
    Int(i64),
    /// An address.
    Ip(IpAddr),
}

/// The index of a list for one method.
#[derive(Clone, Debug)]
pub struct Index {
    matching: Matching,
    kind: Kind,
}

#[derive(Clone, Debug)]
enum Kind {
    /// The method looks at no pattern.
    Nothing,
    Exact(exact::Exact),
    Network(network::Networks),
    Range(range::Ranges),
    Affix(affix::Affixes),
    Part(part::Parts),
    Expression(expression::Expressions),
}

impl Index {
    /// An empty one.
    pub fn new(matching: Matching) -> Index {
        let kind = match matching.method {
            MatchMethod::Found | MatchMethod::Bool => Kind::Nothing,
            MatchMethod::Int | MatchMethod::Len => Kind::Range(range::Ranges::default()),
            MatchMethod::Ip => Kind::Network(network::Networks::default()),
            MatchMethod::Bin | MatchMethod::Str => Kind::Exact(exact::Exact::default()),
            MatchMethod::Beg | MatchMethod::End | MatchMethod::Dir | MatchMethod::Dom => {
                Kind::Affix(affix::Affixes::default())
            }
            MatchMethod::Sub => Kind::Part(part::Parts::default()),
            MatchMethod::Reg => Kind::Expression(expression::Expressions::default()),
        };
        Index { matching, kind }
    }

    /// What it is made for.
    pub fn matching(&self) -> Matching {
        self.matching
    }

    /// Adds an entry; tells whether its key is a pattern of the method. To be followed by [`Index::settle`].
    pub fn insert(&mut self, entry: Entry<'_>) -> bool {
        let Ok(pattern) = self.matching.parse(entry.key) else { return false };
        match (&mut self.kind, pattern) {
            (Kind::Nothing, _) => {}
            (Kind::Exact(index), Pattern::Bytes(bytes)) => index.insert(&bytes, entry.id),
            (Kind::Network(index), pattern) => index.insert(&pattern, entry.id),
            (Kind::Range(index), Pattern::Range(low, high)) => index.insert(low, high, entry.id),
            (Kind::Affix(index), Pattern::Bytes(bytes)) => {
                index.insert(self.matching.method, &bytes, entry.id)
            }
            (Kind::Part(index), Pattern::Bytes(_)) => index.insert(entry.id),
            (Kind::Expression(index), Pattern::Regex(_)) => index.insert(entry.id),
            _ => return false,
        }
        true
    }

    /// Removes an entry. To be followed by [`Index::settle`].
    pub fn remove(&mut self, entry: Entry<'_>) {
        let Ok(pattern) = self.matching.parse(entry.key) else { return };
        match (&mut self.kind, pattern) {
            (Kind::Exact(index), Pattern::Bytes(bytes)) => index.remove(&bytes, entry.id),
            (Kind::Network(index), pattern) => index.remove(&pattern, entry.id),
            (Kind::Range(index), Pattern::Range(low, high)) => index.remove(low, high, entry.id),
            (Kind::Affix(index), Pattern::Bytes(bytes)) => {
                index.remove(self.matching.method, &bytes, entry.id)
            }
            (Kind::Part(index), _) => index.remove(entry.id),
            (Kind::Expression(index), _) => index.remove(entry.id),
            _ => {}
        }
    }

    /// Compiles what changed, of the entries as they are now.
    pub fn settle(&mut self, entries: &Entries) {
        match &mut self.kind {
            Kind::Range(index) => index.settle(),
            Kind::Part(index) => index.settle(entries, self.matching),
            Kind::Expression(index) => index.settle(entries, self.matching),
            Kind::Nothing | Kind::Exact(_) | Kind::Network(_) | Kind::Affix(_) => {}
        }
    }

    /// The entry that a value matches.
    pub fn find<'e>(&self, needle: Needle<'_>, entries: &'e Entries) -> Option<Entry<'e>> {
        match (&self.kind, needle) {
            (Kind::Exact(index), Needle::Bytes(text)) => index.find(text, self.matching, entries),
            (Kind::Network(index), Needle::Ip(ip)) => index.find(ip, entries),
            (Kind::Range(index), Needle::Int(number)) => index.find(number, self.matching, entries),
            (Kind::Range(index), Needle::Bytes(text)) => {
                index.find(i64::try_from(text.len()).unwrap_or(i64::MAX), self.matching, entries)
            }
            (Kind::Affix(index), Needle::Bytes(text)) => index.find(text, self.matching, entries),
            (Kind::Part(index), Needle::Bytes(text)) => entries.find(index.find(text)?),
            (Kind::Expression(index), Needle::Bytes(text)) => entries.find(index.find(text)?),
            _ => None,
        }
    }

    /// What the value of the entry that a text matches comes to when `\0` to `\9` in it stand for what the groups of
    /// the regular expression matched (`map_regm`, configuration manual 7.3.1).
    pub fn expand(&self, text: &[u8], entries: &Entries) -> Option<Vec<u8>> {
        let Kind::Expression(index) = &self.kind else { return None };
        let (id, regex) = index.find_regex(text)?;
        let value = entries.find(id)?.value?;
        Some(expression::expanded(regex, text, value))
    }
}

/// The lowest of two ids, of which either may be absent.
fn first(one: Option<EntryId>, other: Option<EntryId>) -> Option<EntryId> {
    match (one, other) {
        (Some(one), Some(other)) => Some(one.min(other)),
        (one, other) => one.or(other),
    }
}
