//! From hashes to entries.

use std::sync::Arc;

use super::EntryId;

/// Ids of entries by a hash of something about them, several per hash if need be.
///
/// Twelve bytes an entry. A clone costs nothing and stays as it is; the first change of a shard after that copies
/// the shard, of about a hundred entries, and the references to those beside it.
#[derive(Clone, Debug, Default)]
pub struct KeyIndex {
    pages: Arc<Vec<Page>>,
    /// How many shards there are: a power of two, or none.
    shards: usize,
    count: usize,
}

/// Some shards, in order.
type Page = Arc<Vec<Arc<Shard>>>;

/// The entries whose hashes begin alike, sorted by the rest of the hash, then by id.
#[derive(Clone, Debug, Default)]
struct Shard {
    rests: Vec<u32>,
    ids: Vec<u64>,
}

impl KeyIndex {
    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether it has none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds an entry; one that is there already stays as it is.
    pub fn insert(&mut self, hash: u64, id: EntryId) {
        if self.count >= self.shards.saturating_mul(CROWDED) {
            self.split();
        }
        let Some(shard) = self.shard_mut(place(hash, self.shards)) else { return };
        if let Err(at) = shard.position(hash as u32, id.0) {
            if shard.ids.len() == shard.ids.capacity() {
                shard.rests.reserve_exact(GROWTH);
                shard.ids.reserve_exact(GROWTH);
            }
            shard.rests.insert(at, hash as u32);
            shard.ids.insert(at, id.0);
            self.count = self.count.saturating_add(1);
        }
    }

    /// Removes an entry; tells whether it was there.
    pub fn remove(&mut self, hash: u64, id: EntryId) -> bool {
        let at = place(hash, self.shards);
        let found = self.shard(at).and_then(|shard| shard.position(hash as u32, id.0).ok());
        let Some(position) = found else { return false };
        if let Some(shard) = self.shard_mut(at) {
            shard.rests.remove(position);
            shard.ids.remove(position);
            self.count = self.count.saturating_sub(1);
        }
        true
    }

    /// The entries with a hash, in their order. Rarely one with another hash is among them: whoever asks looks at
    /// the entry itself.
    pub fn find(&self, hash: u64) -> impl Iterator<Item = EntryId> + '_ {
        let rest = hash as u32;
        let shard = self.shard(place(hash, self.shards));
        let (ids, rests) = shard.map_or((&[][..], &[][..]), |shard| (&shard.ids[..], &shard.rests[..]));
        let from = rests.partition_point(|other| *other < rest);
        let same = rests.get(from..).unwrap_or_default().iter().take_while(move |other| **other == rest);
        same.zip(ids.get(from..).unwrap_or_default()).map(|(_, id)| EntryId(*id))
    }

    fn shard(&self, at: usize) -> Option<&Shard> {
        self.pages.get(at / PAGE)?.get(at % PAGE).map(Arc::as_ref)
    }

    fn shard_mut(&mut self, at: usize) -> Option<&mut Shard> {
        let page = Arc::make_mut(&mut self.pages).get_mut(at / PAGE)?;
        Arc::make_mut(page).get_mut(at % PAGE).map(Arc::make_mut)
    }

    /// Makes twice as many shards.
    fn split(&mut self) {
        let count = self.shards.saturating_mul(2).max(1);
        let mut shards: Vec<Arc<Shard>> = Vec::with_capacity(count);
        if self.shards == 0 {
            shards.push(Arc::default());
        }
        // A shard is a range of hashes, of which both halves stand together; but where the halves meet depends on
        // bits that a shard does not keep, so those are part of the rest.
        for shard in self.pages.iter().flat_map(|page| page.iter()) {
            let (mut low, mut high) = (Shard::default(), Shard::default());
            let bit = (count / 2).trailing_zeros();
            for (rest, id) in shard.rests.iter().zip(&shard.ids) {
                let half = if rest >> bit & 1 == 0 { &mut low } else { &mut high };
                half.rests.push(*rest);
                half.ids.push(*id);
            }
            shards.push(Arc::new(low.shrunk()));
            shards.push(Arc::new(high.shrunk()));
        }
        self.shards = count;
        self.pages = Arc::new(shards.chunks(PAGE).map(|page| Arc::new(page.to_vec())).collect());
    }
}

impl Shard {
    /// Where an entry stands, or would.
    fn position(&self, rest: u32, id: u64) -> Result<usize, usize> {
        let from = self.rests.partition_point(|other| *other < rest);
        let same =
            self.rests.get(from..).unwrap_or_default().iter().take_while(|other| **other == rest).count();
        let ids = self.ids.get(from..from.saturating_add(same)).unwrap_or_default();
        ids.binary_search(&id).map(|at| at.saturating_add(from)).map_err(|at| at.saturating_add(from))
    }

    fn shrunk(mut self) -> Shard {
        self.rests.shrink_to_fit();
        self.ids.shrink_to_fit();
        self
    }
}

/// The shard of a hash among so many, a power of two: by the low bits, reversed, so that the halves of a shard that
/// is split stand together.
fn place(hash: u64, shards: usize) -> usize {
    let bits = shards.max(1).trailing_zeros();
    if bits == 0 { 0 } else { ((hash as u32).reverse_bits() >> (32 - bits.min(31))) as usize }
}

/// Entries per shard, on average, from which there are twice as many shards.
const CROWDED: usize = 128;

/// Shards of a page.
const PAGE: usize = 64;

/// Entries for which a full shard makes room.
const GROWTH: usize = 16;

#[cfg(test)]
mod tests {
    #![allow(clippy::cast_possible_truncation, reason = "small numbers")]
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_holds_what_a_map_of_sets_holds(
            steps in proptest::collection::vec((any::<bool>(), 0u64..6, 0u64..2000), 1..4000),
            pinned in 0usize..4000,
        ) {
            let hash = |key: u64| key.wrapping_mul(0x9e37_79b9_7f4a_7c15);
            let mut index = KeyIndex::default();
            let mut model: BTreeMap<u64, BTreeSet<u64>> = BTreeMap::new();
            let mut kept = None;
            for (at, (add, key, id)) in steps.into_iter().enumerate() {
                let key = key * 1000 + id % 977;
                if add {
                    index.insert(hash(key), EntryId(id));
                    model.entry(key).or_default().insert(id);
                } else {
                    let there = model.get_mut(&key).is_some_and(|ids| ids.remove(&id));
                    prop_assert_eq!(index.remove(hash(key), EntryId(id)), there);
                }
                if at == pinned {
                    kept = Some((index.clone(), model.clone()));
                }
            }
            kept.get_or_insert_with(|| (index.clone(), model.clone()));
            for (index, model) in kept.into_iter().chain([(index, model)]) {
                prop_assert_eq!(index.len(), model.values().map(BTreeSet::len).sum::<usize>());
                for (key, ids) in &model {
                    let found: Vec<u64> = index.find(hash(*key)).map(|id| id.0).collect();
                    prop_assert_eq!(&found, &ids.iter().copied().collect::<Vec<_>>());
                }
            }
        }
    }
}
