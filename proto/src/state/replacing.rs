//! What a list becomes when all of its entries are replaced.
//!
//! Old and new entries are walked side by side, so that little is held at a time: what stays the same is shared with
//! what is in force, whole parts or their keys. Where they differ, a stretch of both is compared, longer and longer
//! until something fits.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::alignment::{MOST_IN_PART, Parts, afresh, between, common};
use super::entries::{is_taken, last, parts, run};
use super::{Rows, State};
use crate::model::ListName;
use crate::patterns::{Cursor, Entry, EntryId, Pack, Revalued, Run};

/// These entries in their parts, under the ids of the entries that they stand for.
pub(super) fn replaced(state: &State, rows: &Rows, list: &ListName, pack: &Pack) -> BTreeMap<u64, Arc<Run>> {
    let walk = Walk {
        state,
        list,
        old: Box::new(parts(rows, list).flat_map(|(_, run)| run.iter())),
        ahead: Vec::new(),
        new: pack.cursor(),
        stretch: Run::default(),
        low: EntryId(0),
        made: Made::new(rows, list),
    };
    let aligned = walk.go().filter(|made| made.fullest <= MOST_IN_PART);
    aligned.unwrap_or_else(|| numbered(state, rows, list, pack)).finish()
}

/// All of them under ids of their own, after those that are taken.
fn numbered<'a>(state: &State, rows: &'a Rows, list: &'a ListName, pack: &Pack) -> Made<'a> {
    let mut made = Made::new(rows, list);
    let mut cursor = pack.cursor();
    for id in afresh(pack.len(), last(state, list)) {
        if let Some((key, value)) = cursor.advance() {
            made.push(Entry { id, key, value });
        }
    }
    made
}

/// Old and new entries, side by side.
struct Walk<'a, 'p> {
    state: &'a State,
    list: &'a ListName,
    old: Box<dyn Iterator<Item = Entry<'a>> + 'a>,
    /// Old entries that were looked at and stand for no new one yet.
    ahead: Vec<Entry<'a>>,
    new: Cursor<'p>,
    /// New entries that were looked at and have no id yet; their ids count them.
    stretch: Run,
    /// The last id that was given.
    low: EntryId,
    made: Made<'a>,
}

impl<'a> Walk<'a, '_> {
    /// Goes to the end; `None` where there is no room for an id.
    fn go(mut self) -> Option<Made<'a>> {
        while self.same() {
            let mut length = SHORTEST;
            while !self.differing(length)? {
                length = length.saturating_mul(4);
            }
        }
        Some(self.made)
    }

    /// Walks as long as keys are the same; tells whether something is left.
    fn same(&mut self) -> bool {
        let mut old = std::mem::take(&mut self.ahead).into_iter();
        let stretch = std::mem::take(&mut self.stretch);
        let mut waiting = stretch.iter();
        loop {
            let entry = old.next().or_else(|| self.old.next());
            let new = match waiting.next() {
                Some(new) => Some((new.key, new.value)),
                None => self.new.advance(),
            };
            match (entry, new) {
                (Some(entry), Some((key, value))) if entry.key == key => {
                    self.made.push(Entry { value, ..entry });
                    self.low = entry.id;
                }
                (entry, new) => {
                    let is_over = new.is_none();
                    if let Some((key, value)) = new {
                        self.stretch.push(Entry { id: EntryId(1), key, value });
                    }
                    for entry in waiting {
                        let id = EntryId(self.stretch.len() as u64 + 1);
                        self.stretch.push(Entry { id, ..entry });
                    }
                    self.ahead.extend(entry);
                    self.ahead.extend(old);
                    return !is_over;
                }
            }
        }
    }

    /// Gives ids to new entries of a stretch up to the last that is an old one; tells whether there is one, or nothing
    /// comes after the stretch.
    fn differing(&mut self, length: usize) -> Option<bool> {
        let missing = length.saturating_sub(self.ahead.len());
        self.ahead.extend(self.old.by_ref().take(missing));
        while self.stretch.len() < length {
            let id = EntryId(self.stretch.len() as u64 + 1);
            let Some((key, value)) = self.new.advance() else { break };
            self.stretch.push(Entry { id, key, value });
        }
        let is_all = self.ahead.len() < length && self.stretch.len() < length;
        let keys: Vec<&[u8]> = self.stretch.iter().map(|entry| entry.key).collect();
        let kept = common(&self.ahead, &keys);
        let fitting = kept.iter().rposition(Option::is_some).map_or(0, |at| at.saturating_add(1));
        if fitting == 0 && !is_all {
            return Some(false);
        }
        let given = if is_all { kept.len() } else { fitting };
        let taken = |id| is_taken(self.state, self.list, id);
        let ids = between(kept.get(..given)?, self.low, None, taken)?;
        for (id, entry) in ids.iter().zip(self.stretch.iter()) {
            self.made.push(Entry { id: *id, ..entry });
        }
        self.low = ids.last().copied().unwrap_or(self.low);
        let rest = self.stretch.iter().skip(given).zip(1u64..);
        self.stretch = rest.map(|(entry, at)| Entry { id: EntryId(at), ..entry }).collect();
        self.ahead.retain(|entry| entry.id > self.low);
        Some(true)
    }
}

/// The parts of the new version, with what they share.
struct Made<'a> {
    rows: &'a Rows,
    list: &'a ListName,
    /// The part that is being made, as long as its keys are those of the part that is there.
    alike: Option<(u64, &'a Arc<Run>, Revalued<'a>)>,
    parts: Parts,
    /// Those that are done.
    shared: BTreeMap<u64, Arc<Run>>,
    /// How many entries the fullest part has.
    fullest: usize,
}

impl<'a> Made<'a> {
    fn new(rows: &'a Rows, list: &'a ListName) -> Made<'a> {
        Made { rows, list, alike: None, parts: Parts::default(), shared: BTreeMap::new(), fullest: 0 }
    }

    fn push(&mut self, entry: Entry<'_>) {
        let number = entry.id.part();
        if self.alike.as_ref().is_some_and(|(part, ..)| *part != number) {
            self.end_alike(false);
        }
        if self.alike.is_none() && self.parts.current() != Some(number) {
            self.parts.close();
            self.alike = run(self.rows, self.list, number).map(|old| (number, old, old.revalued()));
        }
        if let Some((.., alike)) = &mut self.alike {
            if alike.push(entry) {
                return;
            }
            self.end_alike(true);
        }
        self.parts.push(entry);
        if !self.parts.done.is_empty() {
            self.share();
        }
    }

    /// Takes over the part that was like the one that is there, or makes of it one of its own: where other entries
    /// come in it, or some do not.
    fn end_alike(&mut self, goes_on: bool) {
        let Some((part, old, alike)) = self.alike.take() else { return };
        if goes_on || !alike.is_whole() {
            return self.parts.begin(part, alike.apart());
        }
        let made = alike.finish();
        self.fullest = self.fullest.max(made.len());
        let made = if made == **old { old.clone() } else { Arc::new(made) };
        self.shared.insert(part, made);
    }

    fn finish(mut self) -> BTreeMap<u64, Arc<Run>> {
        self.end_alike(false);
        self.parts.close();
        self.share();
        self.shared
    }

    /// Takes over the parts that are done, in the form of those that are there where they are the same.
    fn share(&mut self) {
        for (part, mut made) in std::mem::take(&mut self.parts.done) {
            self.fullest = self.fullest.max(made.len());
            if let Some(old) = run(self.rows, self.list, part) {
                if made == *old {
                    made = old.clone();
                } else if let Some(made) = Arc::get_mut(&mut made) {
                    made.share_keys(old);
                }
            }
            self.shared.insert(part, made);
        }
    }
}

/// Entries of both that are compared at first where they differ.
const SHORTEST: usize = if cfg!(test) { 3 } else { 256 };
