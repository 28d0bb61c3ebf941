//! A copy of a state that follows behind.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::entries::entries_of;
use super::{State, Touched};
use crate::change::Field;
use crate::model::{ListName, Subject};

impl State {
    /// Becomes what the other state is, of which this was a copy before sets touched these rows. The two share
    /// every row, so a copy costs little memory and following costs what was touched.
    pub fn follow(&mut self, other: &State, touched: &Touched) {
        let mut lists: BTreeSet<&ListName> = BTreeSet::new();
        for subject in touched {
            match other.spec.get(subject) {
                Some(row) => self.spec.insert(subject.clone(), row.clone()),
                None => self.spec.remove(subject),
            };
            let range = (subject.clone(), Field::Row)..=(subject.clone(), Field::LAST);
            let gone: Vec<(Subject, Field)> =
                self.overlays.range(range.clone()).map(|(key, _)| key.clone()).collect();
            gone.iter().for_each(|key| {
                self.overlays.remove(key);
            });
            let laid = other.overlays.range(range);
            self.overlays.extend(laid.map(|(key, overlay)| (key.clone(), overlay.clone())));
            let new = other.effective.get(subject);
            let old = match new {
                Some(row) => self.effective.insert(subject.clone(), row.clone()),
                None => self.effective.remove(subject),
            };
            let is_same = match (&old, new) {
                (Some(old), Some(new)) => Arc::ptr_eq(old, new),
                (old, new) => old.is_none() && new.is_none(),
            };
            if !is_same {
                self.uses.exchange(old.as_ref(), new);
            }
            let row = new.or(old.as_ref()).and_then(|row| entries_of(row));
            lists.extend(row.and(match subject {
                Subject::Entries(at) => Some(&at.list),
                _ => None,
            }));
        }
        for list in lists {
            match other.keys.get(list) {
                Some(keys) => self.keys.insert(list.clone(), keys.clone()),
                None => self.keys.remove(list),
            };
        }
        self.digest = other.digest;
        self.revision = other.revision;
    }
}
