//! What it takes to turn one state into another.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::{Rows, State};
use crate::change::{Change, Layer};
use crate::model::{Row, Subject};

/// The changes that turn `from` into `to`, overlays and their origins included; the revision is not part of it.
pub fn diff(from: &State, to: &State) -> Vec<Change> {
    let mut changes: Vec<Change> = Vec::new();
    let gone = from.spec.keys().filter(|subject| !to.spec.contains_key(*subject));
    changes.extend(gone.map(|subject| Change::Delete(Layer::Spec, subject.clone())));
    let written = to.spec.iter().filter(|(subject, row)| from.spec.get(*subject) != Some(*row));
    changes.extend(written.map(|(_, row)| Change::Put(Layer::Spec, row.as_ref().clone())));
    let dropped = from.overlays.keys().filter(|key| !to.overlays.contains_key(*key));
    changes.extend(dropped.map(|(subject, field)| Change::Revert(subject.clone(), Some(*field))));
    let laid = to.overlays.iter().filter(|(key, overlay)| from.overlays.get(*key) != Some(*overlay));
    changes.extend(laid.map(|(_, overlay)| Change::Restore(overlay.as_ref().clone())));
    changes
}

/// The changes that make `rows` the spec of `state`: how a configuration file is applied.
///
/// Overlays stay. Rows that the files do not number keep the number that the thing of that name has now,
/// so statistics and scripts that use numbers survive.
pub fn replacement(state: &State, rows: Vec<Row>) -> Vec<Change> {
    let forced: BTreeSet<(Option<Subject>, u32)> = rows.iter().filter_map(numbered).collect();
    let mut target = Rows::new();
    for row in rows {
        let old = state.spec.get(&row.subject()).map(Arc::as_ref);
        let kept = old.filter(|old| numbered(old).is_some_and(|number| !forced.contains(&number)));
        let row = super::numbering::carry_over(row, kept);
        target.insert(row.subject(), Arc::new(row));
    }
    let gone = state.spec.keys().filter(|subject| !target.contains_key(*subject));
    let mut changes: Vec<Change> = gone.map(|subject| Change::Delete(Layer::Spec, subject.clone())).collect();
    let written = target.iter().filter(|(subject, row)| state.spec.get(*subject) != Some(*row));
    changes.extend(written.map(|(_, row)| Change::Put(Layer::Spec, row.as_ref().clone())));
    changes
}

/// A row's number together with the space in which it must be unique.
fn numbered(row: &Row) -> Option<(Option<Subject>, u32)> {
    let id = super::numbering::id(row)?;
    (id != 0).then(|| (super::parent_of(&row.subject()), id))
}
