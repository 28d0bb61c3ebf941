//! Entries of a list in order, packed.

use std::fmt;
use std::sync::Arc;

/// What an entry is known by, in its list: higher ones come later. Between two entries of a file there is room for
/// a million others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EntryId(pub u64);

/// One entry, as a run holds it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Entry<'a> {
    /// What it is known by.
    pub id: EntryId,
    /// The pattern, as it was written.
    pub key: &'a [u8],
    /// What a map has for it; `None` in ACLs.
    pub value: Option<&'a [u8]>,
}

/// Entries in the order of their ids, in 16 bytes each besides their texts.
///
/// Adding at the end is cheap; anything else makes a new run. Runs whose keys are the same may share them.
#[derive(Clone, Default)]
pub struct Run {
    keys: Arc<Keys>,
    values: Values,
}

/// The ids and keys of a run.
#[derive(Clone, Default, PartialEq, Eq)]
struct Keys {
    ids: Vec<u64>,
    /// Where keys end in the texts.
    ends: Vec<u32>,
    texts: Vec<u8>,
}

/// The values of a run.
#[derive(Clone, Default, PartialEq, Eq)]
struct Values {
    /// Where values end in the texts, marked where there is one.
    ends: Vec<u32>,
    texts: Vec<u8>,
}

/// A run that has had the keys of another so far: values are all that it takes room for.
pub struct Revalued<'a> {
    of: &'a Run,
    values: Values,
}

impl EntryId {
    /// What ids of neighbours in a file differ by.
    pub const STEP: u64 = 1 << 20;

    /// Ids of entries that are kept together, in one row: as many as a file has in 128 lines.
    pub const SPAN: u64 = Self::STEP * 128;

    /// The number of the row that the entry is kept in.
    pub fn part(self) -> u64 {
        self.0 / Self::SPAN
    }

    /// The id of the entry at a position of a file, from 0.
    pub fn at(position: u64) -> EntryId {
        EntryId(position.saturating_add(1).saturating_mul(Self::STEP))
    }

    /// The id of an entry after this one, at the end.
    pub fn next(self) -> EntryId {
        EntryId((self.0 / Self::STEP).saturating_add(1).saturating_mul(Self::STEP))
    }
}

impl Run {
    /// An empty one, with room for so many entries.
    pub fn with_capacity(entries: usize) -> Run {
        let keys =
            Keys { ids: Vec::with_capacity(entries), ends: Vec::with_capacity(entries), texts: Vec::new() };
        Run { keys: Arc::new(keys), values: Values { ends: Vec::with_capacity(entries), texts: Vec::new() } }
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.keys.ids.len()
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.keys.ids.is_empty()
    }

    /// Adds an entry at the end. One whose id is not above the last one's, or whose text makes the run larger than
    /// 2 GiB, is not taken.
    pub fn push(&mut self, entry: Entry<'_>) -> bool {
        if self.keys.ids.last().is_some_and(|last| *last >= entry.id.0) {
            return false;
        }
        let Some(key_end) = end_after(&self.keys.texts, entry.key) else { return false };
        if !self.values.push(entry.value) {
            return false;
        }
        let keys = Arc::make_mut(&mut self.keys);
        keys.ids.push(entry.id.0);
        keys.ends.push(key_end);
        keys.texts.extend_from_slice(entry.key);
        true
    }

    /// Begins a run with these keys and other values.
    pub fn revalued(&self) -> Revalued<'_> {
        let (entries, bytes) = (self.values.ends.len(), self.values.texts.len());
        let values = Values { ends: Vec::with_capacity(entries), texts: Vec::with_capacity(bytes) };
        Revalued { of: self, values }
    }

    /// Shares the keys of another run where they and the ids are the same; tells whether they are.
    pub fn share_keys(&mut self, other: &Run) -> bool {
        if !Arc::ptr_eq(&self.keys, &other.keys) {
            if self.keys != other.keys {
                return false;
            }
            self.keys = other.keys.clone();
        }
        true
    }

    /// Whether both hold their keys in the same place.
    #[cfg(test)]
    pub(crate) fn has_keys_of(&self, other: &Run) -> bool {
        Arc::ptr_eq(&self.keys, &other.keys)
    }

    /// The entry at a position.
    pub fn entry(&self, at: usize) -> Option<Entry<'_>> {
        let id = EntryId(*self.keys.ids.get(at)?);
        let begin = at.checked_sub(1).and_then(|before| self.keys.ends.get(before)).copied().unwrap_or(0);
        let key = self.keys.texts.get(begin as usize..*self.keys.ends.get(at)? as usize)?;
        Some(Entry { id, key, value: self.values.value(at) })
    }

    /// The entry with an id.
    pub fn find(&self, id: EntryId) -> Option<Entry<'_>> {
        self.entry(self.keys.ids.binary_search(&id.0).ok()?)
    }

    /// Its entries, in order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Entry<'_>> + ExactSizeIterator {
        let entry = |at| self.entry(at).unwrap_or(Entry { id: EntryId(0), key: b"", value: None });
        (0..self.len()).map(entry)
    }

    /// The first id.
    pub fn first(&self) -> Option<EntryId> {
        self.keys.ids.first().copied().map(EntryId)
    }

    /// The last id.
    pub fn last(&self) -> Option<EntryId> {
        self.keys.ids.last().copied().map(EntryId)
    }

    /// How many bytes its texts have.
    pub fn bytes(&self) -> usize {
        self.keys.texts.len().saturating_add(self.values.texts.len())
    }

    /// The run of those entries that `keep` keeps, and of `added` in their places; an added entry takes the place of
    /// one with its id. `added` must be in order.
    pub fn merged(&self, mut keep: impl FnMut(EntryId) -> bool, added: &Run) -> Run {
        let mut merged = Run::with_capacity(self.len().saturating_add(added.len()));
        let mut added = added.iter().peekable();
        for entry in self.iter() {
            while let Some(other) = added.next_if(|other| other.id < entry.id) {
                merged.push(other);
            }
            let replaced = added.peek().is_some_and(|other| other.id == entry.id);
            if !replaced && keep(entry.id) {
                merged.push(entry);
            }
        }
        added.for_each(|entry| {
            merged.push(entry);
        });
        merged.shrink();
        merged
    }

    /// Calls `each` with the entries of both runs that differ, side by side by their ids.
    pub fn differences(&self, other: &Run, mut each: impl FnMut(Option<Entry<'_>>, Option<Entry<'_>>)) {
        let (mut own, mut others) = (self.iter().peekable(), other.iter().peekable());
        loop {
            match (own.peek().copied(), others.peek().copied()) {
                (None, None) => return,
                (Some(one), Some(other)) if one.id == other.id => {
                    own.next();
                    others.next();
                    if one != other {
                        each(Some(one), Some(other));
                    }
                }
                (Some(one), other) if other.is_none_or(|other| one.id < other.id) => {
                    own.next();
                    each(Some(one), None);
                }
                (_, other) => {
                    others.next();
                    each(None, other);
                }
            }
        }
    }

    /// Gives back the room that it does not need.
    pub fn shrink(&mut self) {
        // Shared keys have no room to give back.
        if let Some(keys) = Arc::get_mut(&mut self.keys) {
            fit(&mut keys.ids);
            fit(&mut keys.ends);
            fit(&mut keys.texts);
        }
        fit(&mut self.values.ends);
        fit(&mut self.values.texts);
    }
}

impl Revalued<'_> {
    /// Adds an entry, where it has the id and the key of the next one of the other run; tells whether it has.
    pub fn push(&mut self, entry: Entry<'_>) -> bool {
        let next = self.of.entry(self.values.ends.len());
        next.is_some_and(|next| next.id == entry.id && next.key == entry.key) && self.values.push(entry.value)
    }

    /// What it has so far, as a run of its own.
    pub fn apart(&self) -> Run {
        let mut run = Run::with_capacity(self.of.len());
        for (at, entry) in self.of.iter().take(self.values.ends.len()).enumerate() {
            run.push(Entry { value: self.values.value(at), ..entry });
        }
        run
    }

    /// Whether it has all of the keys.
    pub fn is_whole(&self) -> bool {
        self.values.ends.len() == self.of.len()
    }

    /// The run. Where it has all of the keys they are shared.
    pub fn finish(self) -> Run {
        if !self.is_whole() {
            return self.apart();
        }
        let mut run = Run { keys: self.of.keys.clone(), values: self.values };
        run.shrink();
        run
    }
}

impl Values {
    fn push(&mut self, value: Option<&[u8]>) -> bool {
        let Some(end) = end_after(&self.texts, value.unwrap_or_default()) else { return false };
        self.ends.push(end | if value.is_some() { VALUED } else { 0 });
        self.texts.extend_from_slice(value.unwrap_or_default());
        true
    }

    fn value(&self, at: usize) -> Option<&[u8]> {
        let end = *self.ends.get(at)?;
        let begin = at.checked_sub(1).and_then(|before| self.ends.get(before)).map_or(0, |end| end & !VALUED);
        let value = self.texts.get(begin as usize..(end & !VALUED) as usize)?;
        (end & VALUED != 0).then_some(value)
    }
}

impl PartialEq for Run {
    fn eq(&self, other: &Run) -> bool {
        (Arc::ptr_eq(&self.keys, &other.keys) || self.keys == other.keys) && self.values == other.values
    }
}

impl Eq for Run {}

impl<'a> FromIterator<Entry<'a>> for Run {
    /// The entries in order; one that is out of order is left out.
    fn from_iter<I: IntoIterator<Item = Entry<'a>>>(entries: I) -> Run {
        let mut run = Run::default();
        entries.into_iter().for_each(|entry| {
            run.push(entry);
        });
        run.shrink();
        run
    }
}

impl fmt::Debug for Run {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter()).finish()
    }
}

impl fmt::Debug for Entry<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#x} {}", self.id.0, String::from_utf8_lossy(self.key))?;
        match self.value {
            Some(value) => write!(f, " {}", String::from_utf8_lossy(value)),
            None => Ok(()),
        }
    }
}

/// Gives back what a list takes beyond its length. It is copied: where less than half is left over, memory that is
/// merely shrunk stays as large as it was.
fn fit<T: Copy>(list: &mut Vec<T>) {
    if list.capacity() > list.len() {
        *list = list.as_slice().into();
    }
}

/// Where a text would end after these.
fn end_after(texts: &[u8], text: &[u8]) -> Option<u32> {
    let end = u32::try_from(texts.len().saturating_add(text.len())).ok()?;
    (end < VALUED).then_some(end)
}

/// Marks the end of a value that is there.
const VALUED: u32 = 1 << 31;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    type Owned = (u64, Vec<u8>, Option<Vec<u8>>);

    fn run_of(entries: &[Owned]) -> Run {
        entries
            .iter()
            .map(|(id, key, value)| Entry { id: EntryId(*id), key, value: value.as_deref() })
            .collect()
    }

    fn owned(run: &Run) -> Vec<Owned> {
        run.iter().map(|entry| (entry.id.0, entry.key.to_vec(), entry.value.map(<[u8]>::to_vec))).collect()
    }

    fn entries() -> impl Strategy<Value = Vec<Owned>> {
        let text = || proptest::collection::vec(any::<u8>(), 0..5);
        let one = (0u64..40, text(), proptest::option::of(text()));
        proptest::collection::vec(one, 0..20).prop_map(|mut entries| {
            entries.sort_by_key(|(id, ..)| *id);
            entries.dedup_by_key(|(id, ..)| *id);
            entries
        })
    }

    proptest! {
        #[test]
        fn a_run_gives_back_what_was_put_in(entries in entries()) {
            let run = run_of(&entries);
            prop_assert_eq!(owned(&run), entries.clone());
            for (id, key, value) in &entries {
                let found = run.find(EntryId(*id));
                prop_assert_eq!(found.map(|entry| (entry.key, entry.value)), Some((&key[..], value.as_deref())));
            }
            prop_assert!(run.find(EntryId(41)).is_none());
        }

        #[test]
        fn merging_keeps_the_order(base in entries(), added in entries(), gone in 0u64..40) {
            let merged = run_of(&base).merged(|id| id.0 != gone, &run_of(&added));
            let mut wanted: std::collections::BTreeMap<u64, Owned> =
                base.into_iter().filter(|(id, ..)| *id != gone).map(|entry| (entry.0, entry)).collect();
            wanted.extend(added.into_iter().map(|entry| (entry.0, entry)));
            prop_assert_eq!(owned(&merged), wanted.into_values().collect::<Vec<_>>());
        }
    }

    proptest! {
        #[test]
        fn shared_keys_change_nothing(base in entries(), other in entries(), value in any::<u8>()) {
            let run = run_of(&base);
            let valued: Vec<Owned> = base.iter().map(|(id, key, _)| (*id, key.clone(), Some(vec![value]))).collect();
            let mut changed = run_of(&valued);
            prop_assert!(changed.share_keys(&run));
            prop_assert_eq!(owned(&changed), valued.clone());
            prop_assert_eq!(&changed, &run_of(&valued));
            prop_assert_eq!(owned(&run), base.clone());
            let is_taken = changed.push(Entry { id: EntryId(99), key: b"k", value: None });
            prop_assert!(is_taken);
            prop_assert_eq!(owned(&run), base.clone());
            let keys = |entries: &[Owned]| -> Vec<(u64, Vec<u8>)> {
                entries.iter().map(|(id, key, _)| (*id, key.clone())).collect()
            };
            prop_assert_eq!(run_of(&other).share_keys(&run), keys(&other) == keys(&base));
        }
    }

    #[test]
    fn ids_out_of_order_are_not_taken() {
        let mut run = Run::default();
        assert!(run.push(Entry { id: EntryId(2), key: b"a", value: None }));
        assert!(!run.push(Entry { id: EntryId(2), key: b"b", value: None }));
        assert_eq!(run.len(), 1);
    }
}
