//! A part of a table's entries: where they lie, how they are found, and which of them nobody touched for longest.
//!
//! Pure and of one thread. Entries lie in blocks that never move, each a row of words as its layout says. An open
//! index of one word per bucket leads to them: eight bits of the key's hash and the number of the entry. A list runs
//! through all entries in the order in which they were queued last, the oldest first; since all live equally long, the
//! next to expire is near its beginning. It must never look at more entries than its caller allows.

use super::layout::HEAD;
use super::sliding::since;

/// The number of an entry in its shard; it stays as long as the entry does.
pub(super) type Slot = u32;

/// Entries with their index and their order.
#[derive(Debug)]
pub(super) struct Shard {
    /// Words of an entry.
    stride: usize,
    /// Words of a key.
    key_words: usize,
    /// Whether keys are texts, with their length in the first word.
    textual: bool,
    /// What hashes depend on, unknown outside.
    seed: u64,
    blocks: Vec<Box<[u32]>>,
    /// Buckets, a power of two of them; none before the first entry.
    index: Box<[u32]>,
    used: u32,
    /// The first slot that is free again, and the first that was never used.
    free: Slot,
    fresh: Slot,
    oldest: Slot,
    newest: Slot,
    /// The last number given to an update.
    updates: u32,
}

impl Shard {
    /// An empty one for entries of so many words.
    pub fn new(stride: usize, key_words: usize, textual: bool, seed: u64) -> Shard {
        Shard {
            stride,
            key_words,
            textual,
            seed,
            blocks: Vec::new(),
            index: Box::default(),
            used: 0,
            free: NONE,
            fresh: 0,
            oldest: NONE,
            newest: NONE,
            updates: 0,
        }
    }

    /// How many entries there are.
    pub fn used(&self) -> u32 {
        self.used
    }

    /// Bytes of blocks and index.
    pub fn bytes(&self) -> u64 {
        let words: usize = self.blocks.iter().map(|block| block.len()).sum();
        (words.saturating_add(self.index.len()) * size_of::<u32>()) as u64
    }

    /// How often an entry was changed.
    pub fn updates(&self) -> u32 {
        self.updates
    }

    /// One more than the highest slot that was ever used.
    pub fn end(&self) -> Slot {
        self.fresh
    }

    /// The entry with this key.
    pub fn find(&self, hash: u64, key: &[u32]) -> Option<Slot> {
        let mask = self.index.len().checked_sub(1)?;
        let tag = word(hash, 0);
        let mut at = hash as usize & mask;
        // A bucket is always empty, so this ends; the bound holds that for a damaged index as well.
        for _ in 0..=mask {
            let found = self.index[at];
            if found == EMPTY {
                return None;
            }
            if found & !SLOT == tag && self.key(found & SLOT) == key {
                return Some(found & SLOT);
            }
            at = (at + 1) & mask;
        }
        None
    }

    /// Makes an entry with this key, all its data zero; the key must not be there. Nothing when no slot is left.
    pub fn insert(&mut self, hash: u64, key: &[u32], now: u32) -> Option<Slot> {
        if self.used as usize + 1 > self.index.len() / 8 * 7 {
            self.grow();
        }
        let slot = self.take_slot()?;
        let entry = self.entry_mut(slot);
        entry.fill(0);
        entry[HEAD..HEAD + key.len()].copy_from_slice(key);
        entry[TOUCHED] = now;
        entry[QUEUED] = now;
        entry[STATE] = LIVE;
        self.link_newest(slot);
        self.put(hash, slot);
        self.used += 1;
        Some(slot)
    }

    /// Removes an entry.
    pub fn remove(&mut self, slot: Slot) {
        let hash = self.hash_of(slot);
        let mask = self.index.len().wrapping_sub(1);
        let word = word(hash, slot);
        let mut at = hash as usize & mask;
        for _ in 0..self.index.len() {
            match self.index[at] {
                EMPTY => break,
                found if found == word => {
                    self.close_gap(at);
                    break;
                }
                _ => at = (at + 1) & mask,
            }
        }
        self.unlink(slot);
        let free = self.free;
        let entry = self.entry_mut(slot);
        entry[STATE] = 0;
        entry[NEXT] = free;
        self.free = slot;
        self.used -= 1;
        if self.used == 0 {
            self.index = Box::default();
            self.blocks = Vec::new();
            (self.free, self.fresh) = (NONE, 0);
        }
    }

    /// Notes that somebody had to do with an entry; it is queued again unless that was done less than `slack` ago.
    pub fn touch(&mut self, slot: Slot, now: u32, slack: u32) {
        let entry = self.entry_mut(slot);
        entry[TOUCHED] = now;
        if since(now, entry[QUEUED]) >= slack {
            self.requeue(slot, now);
        }
    }

    /// Puts an entry at the end of the order.
    pub fn requeue(&mut self, slot: Slot, now: u32) {
        self.entry_mut(slot)[QUEUED] = now;
        if self.newest != slot {
            self.unlink(slot);
            self.link_newest(slot);
        }
    }

    /// The entry that was queued longest ago.
    pub fn oldest(&self) -> Option<Slot> {
        Some(self.oldest).filter(|slot| *slot != NONE)
    }

    /// Gives the number of a further update to an entry.
    pub fn note_update(&mut self, slot: Slot) {
        self.updates = self.updates.wrapping_add(1);
        let update = self.updates;
        self.entry_mut(slot)[UPDATE] = update;
    }

    /// Whether there is an entry in this slot.
    pub fn is_live(&self, slot: Slot) -> bool {
        slot < self.fresh && self.entry(slot)[STATE] & LIVE != 0
    }

    /// The words of an entry.
    pub fn entry(&self, slot: Slot) -> &[u32] {
        let at = (slot % BLOCK) as usize * self.stride;
        &self.blocks[(slot / BLOCK) as usize][at..at + self.stride]
    }

    /// The words of an entry, to be changed.
    pub fn entry_mut(&mut self, slot: Slot) -> &mut [u32] {
        let at = (slot % BLOCK) as usize * self.stride;
        &mut self.blocks[(slot / BLOCK) as usize][at..at + self.stride]
    }

    /// The words of an entry's key that mean something: of a text only those that it fills.
    fn key(&self, slot: Slot) -> &[u32] {
        let place = &self.entry(slot)[HEAD..HEAD + self.key_words];
        match place.first() {
            Some(length) if self.textual => place.get(..1 + length.div_ceil(4) as usize).unwrap_or(place),
            _ => place,
        }
    }

    fn hash_of(&self, slot: Slot) -> u64 {
        hash(self.seed, self.key(slot))
    }

    fn put(&mut self, hash: u64, slot: Slot) {
        let mask = self.index.len() - 1;
        let mut at = hash as usize & mask;
        while self.index[at] != EMPTY {
            at = (at + 1) & mask;
        }
        self.index[at] = word(hash, slot);
    }

    fn grow(&mut self) {
        let buckets = (self.index.len() * 2).max(FEWEST_BUCKETS);
        let old = std::mem::replace(&mut self.index, vec![EMPTY; buckets].into());
        for found in old.iter().filter(|found| **found != EMPTY) {
            let slot = found & SLOT;
            self.put(self.hash_of(slot), slot);
        }
    }

    /// Empties a bucket, and moves those behind it up that it kept from their place.
    fn close_gap(&mut self, mut gap: usize) {
        let mask = self.index.len() - 1;
        let mut at = gap;
        for _ in 0..self.index.len() {
            at = (at + 1) & mask;
            let found = self.index[at];
            if found == EMPTY {
                break;
            }
            let home = self.hash_of(found & SLOT) as usize & mask;
            // It may move to the gap unless its own place lies behind the gap.
            if at.wrapping_sub(home) & mask >= at.wrapping_sub(gap) & mask {
                self.index[gap] = found;
                gap = at;
            }
        }
        self.index[gap] = EMPTY;
    }

    fn take_slot(&mut self) -> Option<Slot> {
        if self.free != NONE {
            let slot = self.free;
            self.free = self.entry(slot)[NEXT];
            return Some(slot);
        }
        if self.fresh >= MOST_SLOTS {
            return None;
        }
        let slot = self.fresh;
        if slot.is_multiple_of(BLOCK) {
            self.blocks.push(vec![0; BLOCK as usize * self.stride].into());
        }
        self.fresh += 1;
        Some(slot)
    }

    fn link_newest(&mut self, slot: Slot) {
        let newest = self.newest;
        let entry = self.entry_mut(slot);
        entry[NEXT] = NONE;
        entry[PREVIOUS] = newest;
        match newest {
            NONE => self.oldest = slot,
            newest => self.entry_mut(newest)[NEXT] = slot,
        }
        self.newest = slot;
    }

    fn unlink(&mut self, slot: Slot) {
        let (next, previous) = (self.entry(slot)[NEXT], self.entry(slot)[PREVIOUS]);
        match previous {
            NONE => self.oldest = next,
            previous => self.entry_mut(previous)[NEXT] = next,
        }
        match next {
            NONE => self.newest = previous,
            next => self.entry_mut(next)[PREVIOUS] = previous,
        }
    }
}

/// The word of a bucket.
fn word(hash: u64, slot: Slot) -> u32 {
    ((hash >> 40) as u32) << 24 | slot
}

/// The hash of a key: products of 128 bits folded, under a seed that nobody outside knows. Keys come from clients.
pub(super) fn hash(seed: u64, key: &[u32]) -> u64 {
    let fold = |left: u64, right: u64| {
        let product = u128::from(left) * u128::from(right);
        (product as u64) ^ ((product >> 64) as u64)
    };
    let (pairs, rest) = key.as_chunks::<2>();
    let state = pairs.iter().fold(seed, |state, [low, high]| {
        fold(state ^ (u64::from(*low) | u64::from(*high) << 32), MULTIPLIER)
    });
    let last = rest.first().map_or(0, |word| u64::from(*word));
    fold(state ^ last ^ (key.len() as u64) << 56, seed.rotate_left(32) | 1).wrapping_mul(MULTIPLIER)
}

/// The words of an entry's head.
pub(super) const NEXT: usize = 0;
const PREVIOUS: usize = 1;
/// When somebody last had to do with the entry.
pub(super) const TOUCHED: usize = 2;
/// When it was last put at the end of the order.
pub(super) const QUEUED: usize = 3;
/// How many hold it.
pub(super) const USES: usize = 4;
/// The number of its last update in this shard.
pub(super) const UPDATE: usize = 5;
/// The node that it came from in the upper half, and whether it is an entry in the lower.
pub(super) const STATE: usize = 6;
pub(super) const LIVE: u32 = 1;

const NONE: Slot = u32::MAX;
const EMPTY: u32 = u32::MAX;
const SLOT: u32 = 0x00ff_ffff;
/// One less than what 24 bits say, so that no bucket looks empty.
const MOST_SLOTS: Slot = SLOT;
/// Entries of a block.
const BLOCK: u32 = 64;
const FEWEST_BUCKETS: usize = 8;
const MULTIPLIER: u64 = 0x9e37_79b9_7f4a_7c15;
