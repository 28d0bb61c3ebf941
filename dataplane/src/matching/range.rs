//! The number is in a range (`int`), or the length is (`len`): the first range in order that has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regate_proto::patterns::{Entry, EntryId, KeyIndex};
use regate_proto::rules::patterns::{Matching, Pattern};

use super::{Entries, first};

/// Single numbers by hash; ranges as a row of borders, with the first range between two of them.
#[derive(Clone, Debug, Default)]
pub(super) struct Ranges {
    /// Entries that are a single number.
    single: KeyIndex,
    ranges: Arc<BTreeMap<EntryId, (i64, i64)>>,
    /// From this number on, up to the next one's, this entry is the first.
    borders: Arc<Vec<(i64, Option<EntryId>)>>,
    is_stale: bool,
}

impl Ranges {
    pub(super) fn insert(&mut self, low: i64, high: i64, id: EntryId) {
        if low == high {
            self.single.insert(hash(low), id);
        } else {
            Arc::make_mut(&mut self.ranges).insert(id, (low, high));
            self.is_stale = true;
        }
    }

    pub(super) fn remove(&mut self, low: i64, high: i64, id: EntryId) {
        if low == high {
            self.single.remove(hash(low), id);
        } else {
            Arc::make_mut(&mut self.ranges).remove(&id);
            self.is_stale = true;
        }
    }

    pub(super) fn settle(&mut self) {
        if std::mem::take(&mut self.is_stale) {
            self.borders = Arc::new(borders(&self.ranges));
        }
    }

    pub(super) fn find<'e>(
        &self,
        number: i64,
        matching: Matching,
        entries: &'e Entries,
    ) -> Option<Entry<'e>> {
        let is_it = |id: &EntryId| {
            let entry = entries.find(*id);
            entry.is_some_and(|entry| matching.parse(entry.key) == Ok(Pattern::Range(number, number)))
        };
        let single = self.single.find(hash(number)).find(is_it);
        let after = self.borders.partition_point(|(from, _)| *from <= number);
        let range = after.checked_sub(1).and_then(|at| self.borders.get(at)).and_then(|(_, id)| *id);
        entries.find(first(single, range)?)
    }
}

/// Where the first range in order changes.
fn borders(ranges: &BTreeMap<EntryId, (i64, i64)>) -> Vec<(i64, Option<EntryId>)> {
    let mut begins: Vec<(i64, EntryId)> = ranges.iter().map(|(id, (low, _))| (*low, *id)).collect();
    let mut ends: Vec<(i64, EntryId)> =
        ranges.iter().filter_map(|(id, (_, high))| Some((high.checked_add(1)?, *id))).collect();
    begins.sort_unstable();
    ends.sort_unstable();
    let (mut begins, mut ends) = (begins.into_iter().peekable(), ends.into_iter().peekable());
    let mut open: BTreeSet<EntryId> = BTreeSet::new();
    let mut borders: Vec<(i64, Option<EntryId>)> = Vec::new();
    while let Some(at) = [begins.peek(), ends.peek()].into_iter().flatten().map(|(at, _)| *at).min() {
        while let Some((_, id)) = ends.next_if(|(end, _)| *end == at) {
            open.remove(&id);
        }
        while let Some((_, id)) = begins.next_if(|(begin, _)| *begin == at) {
            open.insert(id);
        }
        let now = open.first().copied();
        if borders.last().map(|(_, id)| *id) != Some(now) {
            borders.push((at, now));
        }
    }
    borders
}

fn hash(number: i64) -> u64 {
    let mixed = (number as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}
