//! Ids of entries when a list is read or written anew: those that the old entries have, as far as their order is the
//! same; and the parts that entries make. Pure. Read next: `replacing.rs`, `entries.rs`.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::Arc;

use crate::patterns::{Entry, EntryId, Run};

/// Ids for entries with these keys, in their order: those that the old ones have, as far as their order is the same,
/// and ids in between for the others. All are above `low`. `end` is one that the new ones must stay below if they can;
/// an id that is `taken` is given to no other entry, in whatever layer it stands. `None` where there is no room.
pub(super) fn aligned(
    old: &[Entry<'_>],
    keys: &[&[u8]],
    low: EntryId,
    end: Option<EntryId>,
    taken: impl Fn(EntryId) -> bool,
) -> Option<Vec<EntryId>> {
    let ids = between(&common(old, keys), low, end, taken)?;
    let crowded = ids.chunk_by(|one, next| one.part() == next.part()).any(|part| part.len() > MOST_IN_PART);
    (!crowded).then_some(ids)
}

/// Ids for entries of which some have theirs.
pub(super) fn between(
    kept: &[Option<EntryId>],
    mut low: EntryId,
    end: Option<EntryId>,
    taken: impl Fn(EntryId) -> bool,
) -> Option<Vec<EntryId>> {
    let mut ids: Vec<EntryId> = Vec::with_capacity(kept.len());
    let mut at = 0;
    while at < kept.len() {
        if let Some(old) = kept.get(at).copied().flatten() {
            ids.push(old);
            low = old;
            at += 1;
            continue;
        }
        let next = (at..kept.len()).find(|at| kept.get(*at).is_some_and(Option::is_some));
        let count = next.unwrap_or(kept.len()) - at;
        let high = match next {
            Some(next) => kept.get(next).copied().flatten(),
            None => end,
        };
        for _ in 0..count {
            let step = match high {
                // Between two entries new ones stand as far apart as there is room.
                Some(high) => {
                    (high.0.saturating_sub(low.0)) / (count as u64 + 1 - (ids.len() - at) as u64).max(1)
                }
                None => low.next().0.saturating_sub(low.0),
            };
            if step == 0 {
                return None;
            }
            low = EntryId(low.0.saturating_add(step.min(EntryId::STEP)));
            while taken(low) {
                low = EntryId(low.0.saturating_add(1));
            }
            if high.is_some_and(|high| low >= high) {
                return None;
            }
            ids.push(low);
        }
        at += count;
    }
    Some(ids)
}

/// Ids after all that are taken.
pub(super) fn afresh(count: usize, last: EntryId) -> Vec<EntryId> {
    let ids = std::iter::successors(Some(last.next()), |id| Some(id.next()));
    ids.take(count).collect()
}

/// For each key the old entry that it stands for: as many as can be without crossing.
pub(super) fn common(old: &[Entry<'_>], keys: &[&[u8]]) -> Vec<Option<EntryId>> {
    let mut places: HashMap<&[u8], VecDeque<usize>> = HashMap::new();
    for (at, entry) in old.iter().enumerate() {
        places.entry(entry.key).or_default().push_back(at);
    }
    let candidates: Vec<Option<usize>> =
        keys.iter().map(|key| places.get_mut(key).and_then(VecDeque::pop_front)).collect();
    // The longest ascending row of candidates: for each length the lowest candidate that ends one.
    let mut ends: Vec<usize> = Vec::new();
    let mut before: Vec<Option<usize>> = vec![None; keys.len()];
    for (at, candidate) in candidates.iter().enumerate() {
        let Some(candidate) = candidate else { continue };
        let length = ends.partition_point(|end| candidates.get(*end).copied().flatten() < Some(*candidate));
        if let (Some(link), Some(last)) = (before.get_mut(at), length.checked_sub(1)) {
            *link = ends.get(last).copied();
        }
        match ends.get_mut(length) {
            Some(end) => *end = at,
            None => ends.push(at),
        }
    }
    let mut kept = vec![None; keys.len()];
    let mut next = ends.last().copied();
    while let Some(at) = next {
        let entry = candidates.get(at).copied().flatten().and_then(|place| old.get(place));
        if let (Some(slot), Some(entry)) = (kept.get_mut(at), entry) {
            *slot = Some(entry.id);
        }
        next = before.get(at).copied().flatten();
    }
    kept
}

/// Makes parts of entries that come in the order of their ids.
#[derive(Default)]
pub(super) struct Parts {
    /// Those whose last entry has come.
    pub(super) done: BTreeMap<u64, Arc<Run>>,
    current: Option<(u64, Run)>,
}

impl Parts {
    pub(super) fn push(&mut self, entry: Entry<'_>) {
        match &mut self.current {
            Some((part, run)) if *part == entry.id.part() => {
                run.push(entry);
            }
            _ => {
                self.close();
                self.current = Some((entry.id.part(), std::iter::once(entry).collect()));
            }
        }
    }

    /// Goes on with a part that was begun elsewhere.
    pub(super) fn begin(&mut self, part: u64, run: Run) {
        self.close();
        self.current = Some((part, run));
    }

    /// The part that entries were added to last.
    pub(super) fn current(&self) -> Option<u64> {
        self.current.as_ref().map(|(part, _)| *part)
    }

    pub(super) fn finish(mut self) -> BTreeMap<u64, Arc<Run>> {
        self.close();
        self.done
    }

    pub(super) fn close(&mut self) {
        if let Some((part, mut run)) = self.current.take() {
            run.shrink();
            self.done.insert(part, Arc::new(run));
        }
    }
}

/// Entries of a part from which the whole list is numbered anew.
pub(super) const MOST_IN_PART: usize = 2048;
