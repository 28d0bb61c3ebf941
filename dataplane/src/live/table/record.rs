//! Entries as values of their own: for listings, for the file that survives a restart, for tables of another shape.

use std::sync::Arc;

use regate_proto::model::{DataForm, DataType};

use super::{BATCH, Entry, Key, Table, clock, sliding};

/// A copy of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// A number that leads to it as long as it is there; never 0.
    pub id: u64,
    /// The bytes of its key, as [`Key::bytes`] gives them.
    pub key: Vec<u8>,
    /// How many held it.
    pub uses: u32,
    /// For how long nobody had had to do with it, in milliseconds.
    pub idle: u32,
    /// How long it would have stayed, in milliseconds; 0 when for ever.
    pub expires_in: u32,
    /// The number of its last update.
    pub update: u32,
    /// The node that made it; 0 is this one.
    pub origin: u16,
    /// Its values, in the order in which they are shown.
    pub values: Vec<Datum>,
}

/// One value of a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// A number.
    Number(i64),
    /// A rate: how long ago its period began, in milliseconds, what was counted in it and in the one before, and what
    /// it came to.
    Rate {
        /// Milliseconds since the period began.
        age: u32,
        /// Events in it.
        count: u32,
        /// Events in the one before.
        before: u32,
        /// Events within the last period.
        rate: u32,
    },
    /// A text, if one is set.
    Text(Option<Arc<str>>),
}

/// How far a walk through a table has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    shard: usize,
    slot: u32,
}

/// Some entries of a walk.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Copies of the entries.
    pub records: Vec<Record>,
    /// Where to go on; nothing at the end.
    pub next: Option<Cursor>,
}

impl Record {
    /// Makes it older by so many milliseconds; tells whether that can still be said.
    pub fn grow_older(&mut self, millis: u64) -> bool {
        let Some(idle) = u64::from(self.idle).checked_add(millis).and_then(|idle| u32::try_from(idle).ok())
        else {
            return false;
        };
        self.idle = idle;
        for value in &mut self.values {
            if let Datum::Rate { age, .. } = value {
                // A rate that began longer ago than the clock can say is over whatever its period is.
                *age = u32::try_from(u64::from(*age) + millis).unwrap_or(u32::MAX / 2);
            }
        }
        true
    }
}

impl Table {
    /// Copies of some entries, of those that did not expire and are wanted. What comes or goes during a walk may or may
    /// not be met; everything else is met once.
    pub fn walk(&self, from: Cursor, now: u64, mut wanted: impl FnMut(&mut Entry) -> bool) -> Batch {
        let now = clock(now);
        let mut records = Vec::new();
        let Some(lock) = self.shards.get(from.shard) else { return Batch { records, next: None } };
        let mut shard = lock.lock();
        let end = shard.end().min(from.slot.saturating_add(BATCH));
        for slot in from.slot..end {
            if shard.is_live(slot) && !self.is_expired(&shard, slot, now) {
                let mut entry = Entry { table: self, shard: &mut shard, at: from.shard, slot, now };
                if wanted(&mut entry) {
                    records.push(entry.record());
                }
            }
        }
        let next = if end < shard.end() {
            Some(Cursor { shard: from.shard, slot: end })
        } else {
            Some(Cursor { shard: from.shard + 1, slot: 0 }).filter(|next| next.shard < self.shards.len())
        };
        Batch { records, next }
    }

    /// Puts in a record that was of a table with these kinds of data, as far as both keep the same. One that expired
    /// meanwhile, or whose key does not fit, is left out, and so is what there is no room for or what is there already.
    pub fn restore(&self, record: &Record, kinds: &[(DataType, u8, u32)], now: u64) -> bool {
        if self.expire().is_some_and(|span| record.idle >= span) || self.used() >= self.size() {
            return false;
        }
        let Some(key) = Key::from_bytes(self.layout.key, &record.key) else { return false };
        let at = now.wrapping_sub(u64::from(record.idle));
        if self.look(&key, now, |_| ()).is_some() {
            return false;
        }
        let filled = self.touch(&key, at, |entry| {
            for ((data, element, period), value) in kinds.iter().zip(&record.values) {
                // What counts the present does not outlive it.
                if *data != DataType::ConnCur {
                    entry.take(*data, *element, *period, value, clock(now));
                }
            }
            entry.set_origin(record.origin);
        });
        filled.is_some()
    }

    /// The kinds of data of its records, each with its number among the elements and its period.
    pub fn kinds(&self) -> Vec<(DataType, u8, u32)> {
        self.layout.spots().map(|(stored, element, spot)| (stored.data, element, spot.period)).collect()
    }
}

impl Entry<'_> {
    /// A copy.
    pub fn record(&self) -> Record {
        let values = self.table.layout.spots().map(|(_, _, spot)| match spot.form {
            DataForm::Rate => {
                let words = self.shard.entry(self.slot)[spot.at..].first_chunk().copied().unwrap_or_default();
                let rate = sliding::read(&words, spot.period, self.now);
                let [begun, count, before] = words;
                Datum::Rate { age: sliding::since(self.now, begun), count, before, rate }
            }
            DataForm::Text => Datum::Text(self.table.texts.text(self.shard.entry(self.slot)[spot.at])),
            _ => Datum::Number(self.read_at(spot)),
        });
        Record {
            id: self.id(),
            key: self.key(),
            uses: self.uses(),
            idle: self.idle(),
            expires_in: self.expires_in(),
            update: self.update(),
            origin: self.origin(),
            values: values.collect(),
        }
    }

    /// Takes over a value of a record; a rate only where the period is the same.
    fn take(&mut self, data: DataType, element: u8, period: u32, value: &Datum, now: u32) {
        let Some(spot) = self.table.layout.spot(data, element) else { return };
        match value {
            Datum::Number(number) if spot.form != DataForm::Rate => {
                // A text is no number; what cannot be set stays as it is.
                let _ = self.set(data, element, *number);
            }
            Datum::Rate { age, count, before, .. }
                // One that was never counted says nothing of when its period began.
                if spot.form == DataForm::Rate && spot.period == period && (*count, *before) != (0, 0) =>
            {
                let words = [now.wrapping_sub(*age), *count, *before];
                self.shard.entry_mut(self.slot)[spot.at..spot.at + 3].copy_from_slice(&words);
            }
            Datum::Text(Some(text)) => self.set_text(data, text),
            _ => {}
        }
    }
}
