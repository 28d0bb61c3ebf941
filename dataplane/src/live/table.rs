//! Stick tables: what is remembered of clients, shared by all workers.
//!
//! A [`Table`] lives as long as its shape does, whatever else a configuration says of it. Its entries are spread over
//! shards by the hash of their keys; each shard has a lock of its own that is held for one look-up or one change, never
//! for a dump, a sweep or a write to disk, which take a bounded number of entries at a time. Time is the process's
//! clock, given as an argument.
//! Read next: `table/shard.rs`, where entries lie, and `table/sliding.rs`, how rates are counted.

mod key;
mod layout;
mod record;
mod shard;
mod sliding;
mod texts;

use std::collections::hash_map::RandomState;
use std::fmt;
use std::hash::BuildHasher;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicUsize, Ordering};

use parking_lot::Mutex;
use regate_proto::model::{DataForm, DataType, Millis, Name, Stored, Table as Shape, TableKey};

pub use key::Key;
pub use record::{Batch, Cursor, Datum, Record};

use layout::{Layout, Spot};
use shard::{LIVE, Shard, Slot};
use sliding::since;
use texts::Texts;

/// A stick table with its entries.
pub struct Table {
    /// What it is called.
    pub name: Name,
    layout: Layout,
    shards: Box<[Mutex<Shard>]>,
    seed: u64,
    /// Texts that entries refer to.
    texts: Texts,
    used: AtomicU32,
    size: AtomicU32,
    /// How long an untouched entry stays, in milliseconds; 0 is for ever.
    expire: AtomicU32,
    nopurge: AtomicBool,
    bytes_factor: AtomicU32,
    /// Where the next sweep goes on.
    hand: AtomicUsize,
}

/// An entry under its shard's lock.
pub struct Entry<'a> {
    table: &'a Table,
    shard: &'a mut Shard,
    at: usize,
    slot: Slot,
    now: u32,
}

/// A hold on an entry: while there is one, the entry neither expires nor gives way to another.
pub struct Held {
    table: Arc<Table>,
    shard: usize,
    slot: Slot,
    /// Whether it was let go already.
    is_over: bool,
}

impl Table {
    /// An empty table of this shape.
    pub fn new(name: Name, shape: &Shape) -> Table {
        let layout = Layout::of(shape);
        let count = (shape.size as usize / ENTRIES_OF_A_SHARD).next_power_of_two().clamp(1, MOST_SHARDS);
        let seed = RandomState::new().hash_one(name.as_str());
        let textual = matches!(shape.key, TableKey::String(_));
        let (words, keys) = (layout.words(), layout.key_range().len());
        let shards = (0..count).map(|_| Mutex::new(Shard::new(words, keys, textual, seed))).collect();
        let table = Table {
            name,
            layout,
            shards,
            seed,
            texts: Texts::default(),
            used: AtomicU32::new(0),
            size: AtomicU32::new(0),
            expire: AtomicU32::new(0),
            nopurge: AtomicBool::new(false),
            bytes_factor: AtomicU32::new(1),
            hand: AtomicUsize::new(0),
        };
        table.follow(shape);
        table
    }

    /// Takes over what a configuration says of size, times and eviction.
    pub fn follow(&self, shape: &Shape) {
        self.size.store(shape.size, Ordering::Relaxed);
        self.expire.store(shape.expire.map_or(0, Millis::get), Ordering::Relaxed);
        self.nopurge.store(shape.nopurge, Ordering::Relaxed);
        self.bytes_factor.store(shape.bytes_factor.max(1), Ordering::Relaxed);
    }

    /// Whether its entries mean the same under this shape.
    pub fn fits(&self, shape: &Shape) -> bool {
        self.layout.key == shape.key && self.layout.store == shape.store
    }

    /// What its keys are.
    pub fn key(&self) -> TableKey {
        self.layout.key
    }

    /// What it keeps, in the order in which it is shown.
    pub fn store(&self) -> &[Stored] {
        &self.layout.store
    }

    /// Whether it keeps this, under this name or as an element of the array that stands for it.
    pub fn keeps(&self, data: DataType, element: u8) -> bool {
        self.layout.meant(data, element).is_some()
    }

    /// Whether it keeps this under exactly this name.
    pub fn stores(&self, data: DataType, element: u8) -> bool {
        self.layout.spot(data, element).is_some()
    }

    /// Most entries.
    pub fn size(&self) -> u32 {
        self.size.load(Ordering::Relaxed)
    }

    /// Entries at present, also those that expired and were not swept yet.
    pub fn used(&self) -> u32 {
        self.used.load(Ordering::Relaxed)
    }

    /// How long an untouched entry stays, in milliseconds; absent when for ever.
    pub fn expire(&self) -> Option<u32> {
        Some(self.expire.load(Ordering::Relaxed)).filter(|span| *span > 0)
    }

    /// Bytes that count as one in rates of bytes.
    pub fn bytes_factor(&self) -> u32 {
        self.bytes_factor.load(Ordering::Relaxed)
    }

    /// Bytes that its entries and their index take, without the texts that they refer to.
    pub fn bytes(&self) -> u64 {
        self.shards.iter().map(|shard| shard.lock().bytes()).sum()
    }

    /// How often entries were changed: equal numbers mean that nothing was since.
    pub fn updates(&self) -> u64 {
        self.shards.iter().map(|shard| u64::from(shard.lock().updates())).sum()
    }

    /// Looks at an entry without touching it; nothing when there is none.
    pub fn look<R>(&self, key: &Key, now: u64, with: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let now = clock(now);
        let hash = shard::hash(self.seed, key.words());
        let at = self.shard_of(hash);
        let mut shard = self.shards[at].lock();
        let slot = self.find(&mut shard, hash, key, now)?;
        Some(with(&mut Entry { table: self, shard: &mut shard, at, slot, now }))
    }

    /// Touches an entry, which is made if it is not there; nothing when there is no room for it.
    pub fn touch<R>(&self, key: &Key, now: u64, with: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        self.reach(key, now, |_, entry| with(entry))
    }

    /// Touches an entry, which is made if it is not there, and holds it; nothing when there is no room for it.
    pub fn hold(self: &Arc<Self>, key: &Key, now: u64) -> Option<Held> {
        self.hold_and(key, now, |_| ()).map(|(held, ())| held)
    }

    /// As [`Table::hold`], and does something with the entry at the same time.
    pub fn hold_and<R>(
        self: &Arc<Self>,
        key: &Key,
        now: u64,
        with: impl FnOnce(&mut Entry) -> R,
    ) -> Option<(Held, R)> {
        self.reach(key, now, |shard, entry| {
            let uses = &mut entry.shard.entry_mut(entry.slot)[shard::USES];
            *uses = uses.saturating_add(1);
            let held = Held { table: self.clone(), shard, slot: entry.slot, is_over: false };
            (held, with(entry))
        })
    }

    /// Holds an entry that is there, without touching it.
    pub fn hold_present(self: &Arc<Self>, key: &Key, now: u64) -> Option<Held> {
        let hash = shard::hash(self.seed, key.words());
        let at = self.shard_of(hash);
        self.look(key, now, |entry| {
            let uses = &mut entry.shard.entry_mut(entry.slot)[shard::USES];
            *uses = uses.saturating_add(1);
            Held { table: self.clone(), shard: at, slot: entry.slot, is_over: false }
        })
    }

    /// The entry that a number leads to, as [`Entry::id`] gave it.
    pub fn look_at<R>(&self, id: u64, now: u64, with: impl FnOnce(&mut Entry) -> R) -> Option<R> {
        let (at, slot) = (usize::try_from((id ^ ID) >> 32).ok()?, id as u32);
        let now = clock(now);
        let mut shard = self.shards.get(at)?.lock();
        let there = shard.is_live(slot) && !self.is_expired(&shard, slot, now);
        there.then(|| with(&mut Entry { table: self, shard: &mut shard, at, slot, now }))
    }

    /// Removes an entry; tells whether it is gone, which one that is held is not.
    pub fn remove(&self, key: &Key, now: u64) -> bool {
        let hash = shard::hash(self.seed, key.words());
        let mut shard = self.shards[self.shard_of(hash)].lock();
        match self.find(&mut shard, hash, key, clock(now)) {
            Some(slot) => self.drop_free(&mut shard, slot),
            None => true,
        }
    }

    /// Goes through all entries, some at a time, and removes those that are wanted and that nobody holds.
    pub fn clear(&self, now: u64, mut wanted: impl FnMut(&mut Entry) -> bool) {
        let now = clock(now);
        for (at, shard) in self.shards.iter().enumerate() {
            let mut next = 0;
            loop {
                let mut shard = shard.lock();
                if next >= shard.end() {
                    break;
                }
                let end = shard.end().min(next + BATCH);
                for slot in next..end {
                    if shard.is_live(slot)
                        && wanted(&mut Entry { table: self, shard: &mut shard, at, slot, now })
                    {
                        self.drop_free(&mut shard, slot);
                    }
                }
                next = end;
            }
        }
    }

    /// Removes entries that expired, a bounded number; tells whether it went round all shards. To be called again and
    /// again.
    pub fn sweep(&self, now: u64) -> bool {
        let now = clock(now);
        if self.expire().is_none() {
            return true;
        }
        let begun = self.hand.load(Ordering::Relaxed);
        for step in 0..self.shards.len() {
            let at = (begun + step) % self.shards.len();
            let mut shard = self.shards[at].lock();
            if self.drop_expired(&mut shard, now, BATCH) == BATCH {
                self.hand.store(at, Ordering::Relaxed);
                return false;
            }
        }
        true
    }

    fn reach<R>(&self, key: &Key, now: u64, with: impl FnOnce(usize, &mut Entry) -> R) -> Option<R> {
        let now = clock(now);
        let hash = shard::hash(self.seed, key.words());
        let at = self.shard_of(hash);
        let mut shard = self.shards[at].lock();
        if let Some(slot) = self.find(&mut shard, hash, key, now) {
            shard.touch(slot, now, self.slack());
            return Some(with(at, &mut Entry { table: self, shard: &mut shard, at, slot, now }));
        }
        // What expired makes room first.
        self.drop_expired(&mut shard, now, FEW);
        if self.used.fetch_add(1, Ordering::Relaxed) >= self.size() {
            self.used.fetch_sub(1, Ordering::Relaxed);
            let mut made = self.make_room(&mut shard, now);
            if !made {
                drop(shard);
                made = self.make_room_elsewhere(at, now);
                shard = self.shards[at].lock();
            }
            // While the shard was not locked another worker may have made the entry.
            if let Some(slot) = self.find(&mut shard, hash, key, now) {
                shard.touch(slot, now, self.slack());
                return Some(with(at, &mut Entry { table: self, shard: &mut shard, at, slot, now }));
            }
            if !made {
                return None;
            }
            self.used.fetch_add(1, Ordering::Relaxed);
        }
        let Some(slot) = shard.insert(hash, key.words(), now) else {
            self.used.fetch_sub(1, Ordering::Relaxed);
            return None;
        };
        shard.note_update(slot);
        Some(with(at, &mut Entry { table: self, shard: &mut shard, at, slot, now }))
    }

    /// The entry with this key; one that expired is removed and not found.
    fn find(&self, shard: &mut Shard, hash: u64, key: &Key, now: u32) -> Option<Slot> {
        let slot = shard.find(hash, key.words())?;
        if self.is_expired(shard, slot, now) {
            self.drop_free(shard, slot);
            return None;
        }
        Some(slot)
    }

    fn is_expired(&self, shard: &Shard, slot: Slot, now: u32) -> bool {
        let entry = shard.entry(slot);
        let Some(expire) = self.expire() else { return false };
        entry[shard::USES] == 0 && since(now, entry[shard::TOUCHED]) >= expire
    }

    /// Removes an entry unless somebody holds it; tells whether it is gone.
    fn drop_free(&self, shard: &mut Shard, slot: Slot) -> bool {
        let free = shard.entry(slot)[shard::USES] == 0;
        if free {
            shard.remove(slot);
            self.used.fetch_sub(1, Ordering::Relaxed);
        }
        free
    }

    /// Removes up to `most` expired entries of a shard, after looking at twice as many at most; gives how many it
    /// looked at.
    fn drop_expired(&self, shard: &mut Shard, now: u32, most: u32) -> u32 {
        let Some(expire) = self.expire() else { return 0 };
        for looked in 0..most {
            let Some(slot) = shard.oldest() else { return looked };
            if since(now, shard.entry(slot)[shard::QUEUED]) < expire {
                return looked;
            }
            if self.is_expired(shard, slot, now) {
                self.drop_free(shard, slot);
            } else {
                // Touched since, or held: its time begins anew.
                shard.requeue(slot, now);
            }
        }
        most
    }

    /// Makes room for one entry by dropping the oldest that nobody holds; tells whether there is room.
    fn make_room(&self, shard: &mut Shard, now: u32) -> bool {
        if self.nopurge.load(Ordering::Relaxed) {
            return false;
        }
        // As HAProxy, some more than the one that is needed, where the order is the whole table's.
        let wanted = if self.shards.len() == 1 { (self.size() >> 8) + 1 } else { 1 };
        let mut dropped = 0;
        for _ in 0..wanted.saturating_mul(2).max(FEW) {
            let Some(slot) = shard.oldest().filter(|_| dropped < wanted) else { break };
            if self.drop_free(shard, slot) {
                dropped += 1;
            } else {
                shard.requeue(slot, now);
            }
        }
        dropped > 0
    }

    fn make_room_elsewhere(&self, full: usize, now: u32) -> bool {
        let begun = self.hand.fetch_add(1, Ordering::Relaxed);
        let count = self.shards.len();
        let others = (0..count.min(MOST_OTHERS)).map(|step| begun.wrapping_add(step) % count);
        for at in others.filter(|at| *at != full) {
            let mut shard = self.shards[at].lock();
            let before = shard.used();
            self.drop_expired(&mut shard, now, FEW);
            if shard.used() < before || self.make_room(&mut shard, now) {
                return true;
            }
        }
        self.used() < self.size()
    }

    /// How long an entry that is touched again and again may keep its place in the order. In a large table order need
    /// not be exact, and who keeps its place moves no other.
    fn slack(&self) -> u32 {
        if self.shards.len() == 1 { 1 } else { self.expire().map_or(1000, |span| span / 64).max(1) }
    }

    fn shard_of(&self, hash: u64) -> usize {
        (hash >> 56) as usize & (self.shards.len() - 1)
    }
}

impl Entry<'_> {
    /// A value; the first elements of arrays stand for kinds without an index. Nothing when the table keeps no such.
    pub fn read(&self, data: DataType, element: u8) -> Option<i64> {
        self.table.layout.meant(data, element).map(|spot| self.read_at(spot))
    }

    /// Counts: adds to a number or to a rate. Nothing when the table keeps no such.
    pub fn add(&mut self, data: DataType, element: u8, amount: u64) -> Option<()> {
        let spot = self.table.layout.meant(data, element)?;
        let now = self.now;
        let words = &mut self.shard.entry_mut(self.slot)[spot.at..];
        match spot.form {
            DataForm::Long => {
                let sum = (u64::from(words[0]) | u64::from(words[1]) << 32).wrapping_add(amount);
                (words[0], words[1]) = (sum as u32, (sum >> 32) as u32);
            }
            DataForm::Rate => {
                if let Some((rate, _)) = words.split_first_chunk_mut() {
                    sliding::add(rate, spot.period, now, amount as u32);
                }
            }
            DataForm::Signed | DataForm::Count | DataForm::Text => {
                words[0] = words[0].wrapping_add(amount as u32);
            }
        }
        self.shard.note_update(self.slot);
        Some(())
    }

    /// The same, and gives what it is then.
    pub fn add_and_read(&mut self, data: DataType, element: u8, amount: u64) -> Option<i64> {
        self.add(data, element, amount)?;
        self.read(data, element)
    }

    /// Takes from a number, at most all of it.
    pub fn subtract(&mut self, data: DataType, element: u8, amount: u32) {
        let Some(spot) = self.table.layout.meant(data, element) else { return };
        if spot.form == DataForm::Count {
            let word = &mut self.shard.entry_mut(self.slot)[spot.at];
            *word = word.saturating_sub(amount);
            self.shard.note_update(self.slot);
        }
    }

    /// Sets a value; of a rate the count of the present period. Nothing when the table keeps no such, or it is a text.
    pub fn set(&mut self, data: DataType, element: u8, value: i64) -> Option<()> {
        let spot = self.table.layout.meant(data, element)?;
        let now = self.now;
        let words = &mut self.shard.entry_mut(self.slot)[spot.at..];
        match spot.form {
            DataForm::Long => (words[0], words[1]) = (value as u32, (value >> 32) as u32),
            DataForm::Rate => {
                if let Some((rate, _)) = words.split_first_chunk_mut() {
                    sliding::set(rate, now, value as u32);
                }
            }
            DataForm::Signed | DataForm::Count => words[0] = value as u32,
            DataForm::Text => return None,
        }
        self.shard.note_update(self.slot);
        Some(())
    }

    /// The text of a kind that keeps texts; nothing when none is set, or the table keeps no such.
    pub fn text(&self, data: DataType) -> Option<Arc<str>> {
        let spot = self.table.layout.spot(data, 0).filter(|spot| spot.form == DataForm::Text)?;
        self.table.texts.text(self.shard.entry(self.slot)[spot.at])
    }

    /// Sets the text of a kind that keeps texts.
    pub fn set_text(&mut self, data: DataType, text: &str) {
        let spot = self.table.layout.spot(data, 0).filter(|spot| spot.form == DataForm::Text);
        if let Some(spot) = spot {
            self.shard.entry_mut(self.slot)[spot.at] = self.table.texts.number(text);
            self.shard.note_update(self.slot);
        }
    }

    /// Notes that somebody had to do with it.
    pub fn touch(&mut self) {
        self.shard.touch(self.slot, self.now, self.table.slack());
    }

    /// A number that leads to it as long as it is there; never 0.
    pub fn id(&self) -> u64 {
        ID | (self.at as u64) << 32 | u64::from(self.slot)
    }

    /// The bytes of its key.
    pub fn key(&self) -> Vec<u8> {
        let layout = &self.table.layout;
        Key::bytes(layout.key, &self.shard.entry(self.slot)[layout.key_range()])
    }

    /// How many hold it.
    pub fn uses(&self) -> u32 {
        self.shard.entry(self.slot)[shard::USES]
    }

    /// For how long nobody had to do with it, in milliseconds.
    pub fn idle(&self) -> u32 {
        since(self.now, self.shard.entry(self.slot)[shard::TOUCHED])
    }

    /// How long it stays if nobody touches it, in milliseconds; 0 when it never expires.
    pub fn expires_in(&self) -> u32 {
        self.table.expire().map_or(0, |span| span.saturating_sub(self.idle()))
    }

    /// The number of its last update in its part of the table; greater ones came later.
    pub fn update(&self) -> u32 {
        self.shard.entry(self.slot)[shard::UPDATE]
    }

    /// The node that made its last update; 0 is this one.
    pub fn origin(&self) -> u16 {
        (self.shard.entry(self.slot)[shard::STATE] >> 16) as u16
    }

    fn set_origin(&mut self, origin: u16) {
        self.shard.entry_mut(self.slot)[shard::STATE] = LIVE | u32::from(origin) << 16;
    }

    fn read_at(&self, spot: Spot) -> i64 {
        let words = &self.shard.entry(self.slot)[spot.at..];
        match spot.form {
            DataForm::Signed => i64::from(words[0] as i32),
            DataForm::Count | DataForm::Text => i64::from(words[0]),
            DataForm::Long => (u64::from(words[0]) | u64::from(words[1]) << 32) as i64,
            DataForm::Rate => {
                words.first_chunk().map_or(0, |rate| i64::from(sliding::read(rate, spot.period, self.now)))
            }
        }
    }
}

impl Held {
    /// The table.
    pub fn table(&self) -> &Arc<Table> {
        &self.table
    }

    /// Does something with the entry, without touching it.
    pub fn with<R>(&self, now: u64, with: impl FnOnce(&mut Entry) -> R) -> R {
        let mut shard = self.table.shards[self.shard].lock();
        with(&mut Entry {
            table: &self.table,
            shard: &mut shard,
            at: self.shard,
            slot: self.slot,
            now: clock(now),
        })
    }

    /// Reads a value; nothing when the table keeps no such.
    pub fn read(&self, data: DataType, element: u8, now: u64) -> Option<i64> {
        self.with(now, |entry| entry.read(data, element))
    }

    /// Counts, and touches the entry; nothing when the table keeps no such.
    pub fn add(&self, data: DataType, element: u8, amount: u64, now: u64) -> Option<i64> {
        self.with(now, |entry| {
            let sum = entry.add_and_read(data, element, amount);
            if sum.is_some() {
                entry.touch();
            }
            sum
        })
    }
}

impl Held {
    /// Does something with the entry for the last time.
    pub fn let_go<R>(mut self, now: u64, with: impl FnOnce(&mut Entry) -> R) -> R {
        self.is_over = true;
        let mut shard = self.table.shards[self.shard].lock();
        let uses = &mut shard.entry_mut(self.slot)[shard::USES];
        *uses = uses.saturating_sub(1);
        with(&mut Entry {
            table: &self.table,
            shard: &mut shard,
            at: self.shard,
            slot: self.slot,
            now: clock(now),
        })
    }
}

impl Clone for Held {
    fn clone(&self) -> Held {
        let mut shard = self.table.shards[self.shard].lock();
        let uses = &mut shard.entry_mut(self.slot)[shard::USES];
        *uses = uses.saturating_add(1);
        Held { table: self.table.clone(), shard: self.shard, slot: self.slot, is_over: false }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        if self.is_over {
            return;
        }
        let mut shard = self.table.shards[self.shard].lock();
        let uses = &mut shard.entry_mut(self.slot)[shard::USES];
        *uses = uses.saturating_sub(1);
    }
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({}, {} of {})", self.name, self.used(), self.size())
    }
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Held({}, {}:{})", self.table.name, self.shard, self.slot)
    }
}

/// The clock of entries: milliseconds that wrap around after 49 days, which is longer than any entry stays untouched.
fn clock(now: u64) -> u32 {
    now as u32
}

/// What makes the numbers of entries look alike: a bit above all that they say.
const ID: u64 = 1 << 44;
/// Entries that a shard has when the table is full.
const ENTRIES_OF_A_SHARD: usize = 4096;
const MOST_SHARDS: usize = 256;
/// Entries that are looked at under one hold of a lock.
const BATCH: u32 = 256;
/// Entries that a request looks at besides its own.
const FEW: u32 = 4;
/// Shards that a request looks at besides its own when its own has no room.
const MOST_OTHERS: usize = 16;

#[cfg(test)]
#[path = "table/tests.rs"]
mod tests;
