//! What it takes to turn one state into another.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::numbering::{self, Space};
use super::{State, entries};
use crate::change::{Change, Layer, Overlay, OverlayValue};
use crate::model::{List, Row, Subject};
use crate::rules::inline;

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
/// so statistics and scripts that use numbers survive; where the files give that number to another row, they get
/// a new one, also those added by hand.
pub fn replacement(state: &State, rows: Vec<Row>) -> Vec<Change> {
    let rows = entries::realign(state, rows);
    let last: BTreeMap<Subject, usize> =
        rows.iter().enumerate().map(|(at, row)| (row.subject(), at)).collect();
    let forced: BTreeMap<(Space, u32), &Row> =
        rows.iter().filter_map(|row| Some((numbered(row)?, row))).collect();
    let is_lost = |row: &Row| {
        numbered(row).and_then(|number| forced.get(&number)).is_some_and(|other| !shares(row, other))
    };
    // What rules themselves declare is written down only while something lies over it.
    let is_derived = |subject: &&Subject| matches!(subject, Subject::Entries(at) if at.list.is_inline());
    let gone = state.spec.keys().filter(|subject| !last.contains_key(*subject) && !is_derived(subject));
    let mut changes: Vec<Change> = gone.map(|subject| Change::Delete(Layer::Spec, subject.clone())).collect();
    let mut moved = Vec::new();
    for (at, row) in rows.iter().enumerate() {
        let subject = row.subject();
        if last.get(&subject) != Some(&at) {
            continue;
        }
        let old = state.spec.get(&subject).map(Arc::as_ref);
        // A number that is hidden by hand binds nobody until the row is in force again.
        let binds =
            old.zip(state.row(&subject)).is_some_and(|(old, row)| numbering::id(old) == numbering::id(row));
        let loses = numbering::id(row) == Some(0) && binds && old.is_some_and(is_lost);
        if loses || !old.is_some_and(|old| says_the_same(old, &numbering::carry_over(row.clone(), Some(old))))
        {
            changes.push(Change::Put(Layer::Spec, row.clone()));
        } else if old.is_some_and(|old| !stands_the_same(old, row)) {
            moved.push(Change::Put(Layer::Spec, row.clone()));
        }
    }
    for overlay in state.overlays.values() {
        if let OverlayValue::Row(row) = &overlay.value
            && is_lost(row)
        {
            let value = OverlayValue::Row(Box::new(numbering::unnumbered(row.as_ref().clone())));
            changes.push(Change::Restore(Overlay { value, ..overlay.as_ref().clone() }));
        }
    }
    // Where lines stand is told anew along with something that matters.
    if !changes.is_empty() {
        changes.extend(moved);
    }
    changes
}

/// Whether rows differ in no more than in where the configuration has them.
fn says_the_same(one: &Row, other: &Row) -> bool {
    match (one, other) {
        (Row::List(one), Row::List(other)) => {
            let kinds = |list: &List| -> Vec<bool> { list.users.iter().map(|user| user.is_acl).collect() };
            (&one.name, one.columns, one.id, kinds(one))
                == (&other.name, other.columns, other.id, kinds(other))
        }
        (one, other) => one == other,
    }
}

/// Whether the configuration has both in the same lines.
pub(super) fn stands_the_same(one: &Row, other: &Row) -> bool {
    match (one, other) {
        (Row::List(one), Row::List(other)) => one.users == other.users,
        (one, other) => {
            let places =
                |row| inline::rules(row).flat_map(|rules| &rules.rules).map(|(_, rule)| &rule.place.0);
            places(one).eq(places(other))
        }
    }
}

/// A row's number together with the space in which it must be unique.
fn numbered(row: &Row) -> Option<(Space, u32)> {
    let id = numbering::id(row).filter(|id| *id != 0)?;
    Some((Space::of(&row.subject())?, id))
}

/// Whether both are the same thing, or the halves of one `listen`.
fn shares(one: &Row, other: &Row) -> bool {
    let (subject, other_subject) = (one.subject(), other.subject());
    subject == other_subject
        || (numbering::is_half(one)
            && numbering::is_half(other)
            && numbering::other_half(&subject) == Some(other_subject))
}
