//! All stick tables by name, and the entries of a process before this one.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use regate_proto::model::{DataType, Name};

use super::table::{Batch, Cursor, Record, Table};

/// The tables that are in force, by name.
#[derive(Debug, Default)]
pub struct Tables {
    present: RwLock<HashMap<Name, Arc<Table>>>,
    /// Entries of a process before this one, until a table takes them.
    kept: Mutex<HashMap<Name, Kept>>,
}

/// The entries of a table of a process before this one.
#[derive(Debug)]
pub struct Kept {
    /// The kinds of data of its records, each with its number among the elements and its period.
    pub kinds: Vec<(DataType, u8, u32)>,
    /// The records, as they were written.
    pub records: Vec<Record>,
    /// When they were read, and how long before that they were written, in milliseconds.
    pub read: Instant,
    /// How much older than written they were when they were read, in milliseconds.
    pub age: u64,
}

impl Tables {
    /// The table of this name.
    pub fn find(&self, name: &Name) -> Option<Arc<Table>> {
        self.present.read().get(name).cloned()
    }

    /// Every table.
    pub fn all(&self) -> Vec<Arc<Table>> {
        self.present.read().values().cloned().collect()
    }

    /// Notes the entries of a process before this one.
    pub fn keep(&self, kept: HashMap<Name, Kept>) {
        *self.kept.lock() = kept;
    }

    /// Puts a table in the place of the one of its name; what that one held, or what a process before this one kept,
    /// it takes over as far as it fits.
    pub fn settle(&self, table: &Arc<Table>, now: u64) {
        let before = self.present.write().insert(table.name.clone(), table.clone());
        let (taken, left) = match before {
            Some(before) if Arc::ptr_eq(&before, table) => return,
            Some(before) => take_over(&before, table, now),
            None => match self.kept.lock().remove(&table.name) {
                Some(kept) => restore(kept, table, now),
                None => return,
            },
        };
        if left > 0 {
            tracing::warn!("table {}: {taken} entries were kept, {left} expired or do not fit", table.name);
        }
    }

    /// Forgets tables by name; who still uses them keeps them until the end.
    pub fn retain(&self, mut wanted: impl FnMut(&Name) -> bool) {
        self.present.write().retain(|name, _| wanted(name));
    }
}

/// Copies what fits from one table to another; gives how many entries did and did not.
fn take_over(from: &Table, to: &Table, now: u64) -> (usize, usize) {
    let kinds = from.kinds();
    let (mut taken, mut left) = (0, 0);
    let mut next = Some(Cursor::default());
    while let Some(cursor) = next {
        let Batch { records, next: further } = from.walk(cursor, now, |_| true);
        for record in &records {
            *(if to.restore(record, &kinds, now) { &mut taken } else { &mut left }) += 1;
        }
        next = further;
    }
    (taken, left)
}

fn restore(kept: Kept, to: &Table, now: u64) -> (usize, usize) {
    let aged = kept.age.saturating_add(kept.read.elapsed().as_millis() as u64);
    let (mut taken, mut left) = (0, 0);
    for mut record in kept.records {
        let fits = record.grow_older(aged) && to.restore(&record, &kept.kinds, now);
        *(if fits { &mut taken } else { &mut left }) += 1;
    }
    (taken, left)
}
