//! Stick tables as the data path finds them: by name, with their entries.

use std::collections::BTreeSet;
use std::sync::Arc;

use regate_proto::model::{DataType, Name, Stored, Subject, Table as Shape};
use regate_proto::state::{State, Touched};

use super::{Named, Snapshot};
use crate::live::{Live, Table};

/// A stick table.
#[derive(Clone, Debug)]
pub struct TablePlan {
    /// What the configuration says of it.
    pub shape: Shape,
    /// Its place in listings, from 0.
    pub place: usize,
    /// Its entries.
    pub table: Arc<Table>,
}

/// The tables of a state. Those whose shape is the same keep their entries; whether others are told to follow, or take
/// entries over, is for [`note_tables`].
pub(super) fn compile(
    state: &State,
    previous: &Snapshot,
    touched: &Touched,
    live: &Live,
) -> Arc<Named<Name, TablePlan>> {
    let concerned =
        touched.iter().any(|subject| matches!(subject, Subject::Frontend(_) | Subject::Backend(_)));
    if !concerned {
        return previous.tables.clone();
    }
    let sticky = sticky(state);
    let mut tables = Named::default();
    for (place, (name, shape)) in state.tables().into_iter().enumerate() {
        let shape = &if sticky.contains(name) { with_servers(shape) } else { shape.clone() };
        let published = previous.tables.get(name).map(|plan| plan.table.clone());
        let known = published.or_else(|| live.tables.find(name)).filter(|table| table.fits(shape));
        let table = known.unwrap_or_else(|| Arc::new(Table::new(name.clone(), shape)));
        tables.insert(name.clone(), TablePlan { shape: shape.clone(), place, table });
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

/// Whether rules that were compiled with the tables of one snapshot can go on with those of another.
pub(super) fn are_same(old: &Snapshot, new: &Named<Name, TablePlan>) -> bool {
    old.tables.len() == new.len()
        && new.iter().all(|(name, plan)| {
            old.tables.get(name).is_some_and(|known| Arc::ptr_eq(&known.table, &plan.table))
        })
}

/// Notes what a new snapshot means for tables: what the configuration says of them, and which entries they take over.
///
/// To be called when the snapshot is published; compiling alone changes nothing.
pub(super) fn note_tables(old: &Snapshot, new: &Snapshot, live: &Live) {
    if Arc::ptr_eq(&old.tables, &new.tables) {
        return;
    }
    for plan in new.tables.values() {
        plan.table.follow(&plan.shape);
        live.tables.settle(&plan.table, live.process.now());
    }
    live.tables.retain(|name| new.tables.contains_key(name));
}
