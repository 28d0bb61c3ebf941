//! The pattern stands at the beginning of the value (`beg`), at its end (`end`), or in it between delimiters (`dir`,
//! `dom`): found by the hashes of the parts of the value that are as long as a pattern is.
//!
//! The hash of a text grows byte by byte, so a single pass over the value gives those of all its beginnings, and two
//! of them that of what is in between.

use std::sync::Arc;

use regate_proto::patterns::{Entry, EntryId, KeyIndex};
use regate_proto::rules::MatchMethod;
use regate_proto::rules::patterns::{Matching, Pattern, is_directory_delimiter, is_domain_delimiter};
use smallvec::SmallVec;

use super::Entries;
use super::exact::folded;

#[derive(Clone, Debug, Default)]
pub(super) struct Affixes {
    index: KeyIndex,
    /// The lengths of patterns, in ascending order.
    lengths: Arc<Vec<Length>>,
}

/// Patterns of one length.
#[derive(Clone, Copy, Debug)]
struct Length {
    bytes: usize,
    count: u32,
    /// What a hash is multiplied with when so many bytes come after it.
    power: u64,
}

impl Affixes {
    pub(super) fn insert(&mut self, method: MatchMethod, pattern: &[u8], id: EntryId) {
        let before = self.index.len();
        self.index.insert(mixed(whole(method, pattern)), id);
        if self.index.len() == before {
            return;
        }
        let lengths = Arc::make_mut(&mut self.lengths);
        match lengths.binary_search_by_key(&pattern.len(), |length| length.bytes) {
            Ok(at) => lengths[at].count = lengths[at].count.saturating_add(1),
            Err(at) => {
                let power = pattern.iter().fold(1, |power, _| times(power, BASE));
                lengths.insert(at, Length { bytes: pattern.len(), count: 1, power });
            }
        }
    }

    pub(super) fn remove(&mut self, method: MatchMethod, pattern: &[u8], id: EntryId) {
        if !self.index.remove(mixed(whole(method, pattern)), id) {
            return;
        }
        let lengths = Arc::make_mut(&mut self.lengths);
        if let Ok(at) = lengths.binary_search_by_key(&pattern.len(), |length| length.bytes) {
            lengths[at].count = lengths[at].count.saturating_sub(1);
            if lengths[at].count == 0 {
                lengths.remove(at);
            }
        }
    }

    pub(super) fn find<'e>(
        &self,
        text: &[u8],
        matching: Matching,
        entries: &'e Entries,
    ) -> Option<Entry<'e>> {
        let folded = folded(text, matching.ignore_case);
        let text = folded.as_deref().unwrap_or(text);
        let search = Search { index: self, matching, entries };
        match matching.method {
            MatchMethod::Beg => search.at_end(text, text.iter()),
            MatchMethod::End => search.at_end(text, text.iter().rev()),
            MatchMethod::Dir => search.between(text, is_directory_delimiter),
            MatchMethod::Dom => search.between(text, is_domain_delimiter),
            _ => None,
        }
    }
}

/// One look-up.
struct Search<'i, 'e> {
    index: &'i Affixes,
    matching: Matching,
    entries: &'e Entries,
}

impl<'e> Search<'_, 'e> {
    /// The pattern at one end of the text, whose bytes come from that end on.
    fn at_end<'t>(&self, text: &[u8], mut bytes: impl Iterator<Item = &'t u8>) -> Option<Entry<'e>> {
        let mut hashes: SmallVec<[(usize, u64); 32]> = SmallVec::new();
        let (mut hash, mut done) = (0, 0);
        for length in self.index.lengths.iter().take_while(|length| length.bytes <= text.len()) {
            for byte in bytes.by_ref().take(length.bytes - done) {
                hash = grown(hash, *byte);
            }
            done = length.bytes;
            hashes.push((done, hash));
        }
        let part = |length: usize| match self.matching.method {
            MatchMethod::Beg => &text[..length],
            _ => &text[text.len() - length..],
        };
        let mut found = hashes.iter().rev().filter_map(|(length, hash)| self.entry(*hash, part(*length)));
        if self.matching.is_tree() { found.next() } else { found.min_by_key(|entry| entry.id) }
    }

    /// The pattern somewhere in the text, with a delimiter or an end of the text at both sides. One of delimiters alone
    /// is found nowhere.
    fn between(&self, text: &[u8], is_delimiter: fn(u8) -> bool) -> Option<Entry<'e>> {
        let mut prefixes: SmallVec<[u64; 256]> = SmallVec::with_capacity(text.len() + 1);
        prefixes.push(0);
        let mut hash = 0;
        prefixes.extend(text.iter().map(|byte| {
            hash = grown(hash, *byte);
            hash
        }));
        let mut best: Option<Entry<'e>> = None;
        let mut offer = |found: Option<Entry<'e>>| {
            if found.is_some_and(|found| best.is_none_or(|best| found.id < best.id)) {
                best = found;
            }
        };
        for start in 0..text.len() {
            if is_delimiter(text[start]) || start > 0 && !is_delimiter(text[start - 1]) {
                continue;
            }
            for length in self.index.lengths.iter().take_while(|length| length.bytes <= text.len() - start) {
                let end = start + length.bytes;
                if length.bytes > 0 && (end == text.len() || is_delimiter(text[end])) {
                    let hash = minus(prefixes[end], times(prefixes[start], length.power));
                    offer(self.entry(hash, &text[start..end]));
                }
            }
        }
        best
    }

    /// The first entry with this pattern.
    fn entry(&self, hash: u64, part: &[u8]) -> Option<Entry<'e>> {
        let is_it = |entry: &Entry<'e>| match self.matching.parse(entry.key) {
            Ok(Pattern::Bytes(pattern)) => *pattern == *part,
            _ => false,
        };
        self.index.index.find(mixed(hash)).filter_map(|id| self.entries.find(id)).find(is_it)
    }
}

/// The hash of a pattern, from the end on that its method begins with.
fn whole(method: MatchMethod, pattern: &[u8]) -> u64 {
    match method {
        MatchMethod::End => pattern.iter().rev().fold(0, |hash, byte| grown(hash, *byte)),
        _ => pattern.iter().fold(0, |hash, byte| grown(hash, *byte)),
    }
}

/// The hash of a text with another byte.
fn grown(hash: u64, byte: u8) -> u64 {
    let sum = times(hash, BASE) + u64::from(byte) + 1;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn times(one: u64, other: u64) -> u64 {
    let product = u128::from(one) * u128::from(other);
    let sum = (product as u64 & PRIME) + (product >> 61) as u64;
    if sum >= PRIME { sum - PRIME } else { sum }
}

fn minus(one: u64, other: u64) -> u64 {
    if one >= other { one - other } else { one + PRIME - other }
}

/// Spreads a hash over all bits.
fn mixed(hash: u64) -> u64 {
    let mixed = hash.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

/// Hashes are polynomials in this number…
const BASE: u64 = 0x1b87_3593_cc9e_2d51 & PRIME;

/// … modulo this prime.
const PRIME: u64 = (1 << 61) - 1;
