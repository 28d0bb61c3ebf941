//! Stick tables as the data path finds them: by name, with their entries.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use regate_proto::model::{DataType, Name, Stored, Subject, Table as Shape};
use regate_proto::state::{State, Touched};

use super::{Named, Snapshot};
use crate::live::{Live, Table};

/// A stick table.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// What the configuration says of it.
    pub shape: Shape,
    /// Its entries.
    pub table: Arc<Table>,
}

/// Every stick table, in the order of listings.
#[derive(Debug, Default)]
pub struct Tables {
    /// Which set of tables this is; no two have the same number but those without any table.
    generation: u64,
    places: Named<Name, u32>,
    plans: Vec<TablePlan>,
}

/// Where a table was found last, so that the same set of tables need not be searched for its name again.
#[derive(Debug, Default)]
pub struct Place(AtomicU64);

impl Tables {
    /// The table with this name.
    pub fn get(&self, name: &Name) -> Option<&TablePlan> {
        self.places.get(name).and_then(|place| self.plans.get(*place as usize))
    }

    /// The same for who always asks for the same name.
    pub fn at(&self, place: &Place, name: &Name) -> Option<&TablePlan> {
        let known = place.0.load(Ordering::Relaxed);
        if known >> PLACE_BITS == self.generation
            && let Some(plan) = self.plans.get((known & MOST_PLACES) as usize)
        {
            return Some(plan);
        }
        let found = u64::from(*self.places.get(name)?);
        if found <= MOST_PLACES {
            place.0.store(self.generation << PLACE_BITS | found, Ordering::Relaxed);
        }
        self.plans.get(found as usize)
    }

    /// Every table, in the order of listings.
    pub fn plans(&self) -> &[TablePlan] {
        &self.plans
    }
}

impl TablePlan {
    /// What the table is called.
    pub fn name(&self) -> &Name {
        &self.table.name
    }
}

impl Clone for Place {
    fn clone(&self) -> Place {
        Place::default()
    }
}

/// The tables of a state. Those whose shape is the same keep their entries; whether others are told to follow, or take
/// entries over, is for [`note_tables`].
pub(super) fn compile(state: &State, previous: &Snapshot, touched: &Touched, live: &Live) -> Arc<Tables> {
    let concerned =
        touched.iter().any(|subject| matches!(subject, Subject::Frontend(_) | Subject::Backend(_)));
    if !concerned {
        return previous.tables.clone();
    }
    let sticky = sticky(state);
    let mut tables =
        Tables { generation: GENERATIONS.fetch_add(1, Ordering::Relaxed) + 1, ..Tables::default() };
    for (place, (name, shape)) in (0..).zip(state.tables()) {
        let shape = &if sticky.contains(name) { with_servers(shape) } else { shape.clone() };
        let published = previous.tables.get(name).map(|plan| plan.table.clone());
        let known = published.or_else(|| live.tables.find(name)).filter(|table| table.fits(shape));
        let table = known.unwrap_or_else(|| Arc::new(Table::new(name.clone(), shape)));
        tables.places.insert(name.clone(), place);
        tables.plans.push(TablePlan { shape: shape.clone(), table });
    }
    Arc::new(tables)
}

/// The tables in which rules note servers.
fn sticky(state: &State) -> BTreeSet<Name> {
    let mut found = BTreeSet::new();
    for backend in state.backends() {
        // Defaults have no such rules.
        for stick in &backend.settings.rules.sticks {
            found.insert(stick.table.clone().unwrap_or_else(|| backend.name.clone()));
        }
    }
    found
}

/// A table that servers are noted in keeps them without being told to (configuration manual 4.2 "stick-table").
fn with_servers(shape: &Shape) -> Shape {
    let mut wider = shape.clone();
    for data in [DataType::ServerId, DataType::ServerKey] {
        if wider.stored(data).is_none() {
            wider.store.push(Stored::plain(data));
        }
    }
    // What was right stays so with two kinds more.
    wider.checked().unwrap_or_else(|_| shape.clone())
}

/// Notes what a new snapshot means for tables: what the configuration says of them, and which entries they take over.
///
/// To be called when the snapshot is published; compiling alone changes nothing.
pub(super) fn note_tables(old: &Snapshot, new: &Snapshot, live: &Live) {
    if Arc::ptr_eq(&old.tables, &new.tables) {
        return;
    }
    for plan in new.tables.plans() {
        plan.table.follow(&plan.shape);
        live.tables.settle(&plan.table, live.process.now());
    }
    live.tables.retain(|name| new.tables.get(name).is_some());
}

/// Numbers of sets of tables; 48 bits of them last for ever.
static GENERATIONS: AtomicU64 = AtomicU64::new(0);
const PLACE_BITS: u32 = 16;
const MOST_PLACES: u64 = (1 << PLACE_BITS) - 1;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use regate_proto::model::TableKey;

    use super::*;

    fn tables(generation: u64, names: &[&str]) -> Tables {
        let mut tables = Tables { generation, ..Tables::default() };
        for (place, name) in (0..).zip(names) {
            let (name, shape) = (Name::new(name).unwrap(), Shape::new(TableKey::Ip, 10));
            tables.places.insert(name.clone(), place);
            tables.plans.push(TablePlan { table: Arc::new(Table::new(name, &shape)), shape });
        }
        tables
    }

    #[test]
    fn a_place_is_that_of_its_own_set_of_tables() {
        let (first, second) = (tables(1, &["a", "b"]), tables(2, &["b", "c", "a"]));
        let (place, name) = (Place::default(), Name::new("b").unwrap());
        for tables in [&first, &first, &second, &second, &first, &Tables::default()] {
            let found = tables.at(&place, &name).map(|plan| plan.name().as_str());
            assert_eq!(found, tables.get(&name).map(|plan| plan.name().as_str()));
        }
        assert_eq!(second.at(&place.clone(), &name).unwrap().name(), &name);
    }
}
