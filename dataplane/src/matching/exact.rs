//! The value is the pattern (`str`, `bin`): found by its hash.

use regate_proto::patterns::{Entry, EntryId, KeyIndex};
use regate_proto::rules::patterns::{Matching, Pattern};
use smallvec::SmallVec;
use xxhash_rust::xxh3::xxh3_64;

use super::Entries;

#[derive(Clone, Debug, Default)]
pub(super) struct Exact(KeyIndex);

impl Exact {
    pub(super) fn insert(&mut self, pattern: &[u8], id: EntryId) {
        self.0.insert(xxh3_64(pattern), id);
    }

    pub(super) fn remove(&mut self, pattern: &[u8], id: EntryId) {
        self.0.remove(xxh3_64(pattern), id);
    }

    pub(super) fn find<'e>(
        &self,
        text: &[u8],
        matching: Matching,
        entries: &'e Entries,
    ) -> Option<Entry<'e>> {
        let folded = folded(text, matching.ignore_case);
        let text = folded.as_deref().unwrap_or(text);
        let is_it = |entry: &Entry<'e>| match matching.parse(entry.key) {
            Ok(Pattern::Bytes(pattern)) => *pattern == *text,
            _ => false,
        };
        self.0.find(xxh3_64(text)).filter_map(|id| entries.find(id)).find(is_it)
    }
}

/// The text in small letters, where that is wanted and makes a difference.
pub(super) fn folded(text: &[u8], ignore_case: bool) -> Option<SmallVec<[u8; 256]>> {
    if !ignore_case || !text.iter().any(u8::is_ascii_uppercase) {
        return None;
    }
    let mut folded = SmallVec::from_slice(text);
    folded.make_ascii_lowercase();
    Some(folded)
}
