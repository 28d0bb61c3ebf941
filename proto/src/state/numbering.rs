//! Numbers of proxies, binds and servers, and their places in listings.
//!
//! Proxies are numbered from 2 upward, frontends and backends together; binds and servers from 1 upward in
//! their parent; numbers that rows force are skipped. Both halves of a `listen` share one number.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::apply::Draft;
use super::{State, contained, parent_of};
use crate::change::{Field, Overlay, OverlayValue};
use crate::model::{Kind, Row, Subject};
use crate::problem::{Code, Problem};

/// The row with the number and place of the one that it replaces, where it does not set its own.
pub(super) fn carry_over(mut row: Row, old: Option<&Row>) -> Row {
    if let Some(old) = old {
        let (old_id, old_order) = (id(old), order(old));
        if let (Some(id), Some(old)) = (id_mut(&mut row), old_id)
            && *id == 0
        {
            *id = old;
        }
        if let (Some(order), Some(old)) = (order_mut(&mut row), old_order)
            && *order == 0
        {
            *order = old;
        }
    }
    row
}

/// A row's number, where its kind has one.
pub(super) fn id(row: &Row) -> Option<u32> {
    match row {
        Row::Frontend(row) => Some(row.id),
        Row::Backend(row) => Some(row.id),
        Row::Bind(row) => Some(row.id),
        Row::Server(row) => Some(row.id),
        Row::Global(_) | Row::Defaults(_) => None,
    }
}

/// Numbers the touched rows that have no number or place, and refuses numbers that are taken twice.
pub(super) fn number(draft: &mut Draft<'_>) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut subjects: Vec<Subject> = draft.touched.iter().cloned().collect();
    subjects.sort_by_key(|subject| sequence(subject, draft.state.row(subject).map(Arc::as_ref)));
    for subject in subjects {
        let Some(row) = draft.state.row(&subject).cloned() else { continue };
        match id(&row) {
            Some(0) => {}
            Some(id) => problems.extend(clash(draft.state, &row, id)),
            None => {}
        }
        if id(&row) == Some(0) || order(&row) == Some(0) {
            let row = assigned(draft.state, &row);
            write(draft, &subject, row);
        }
    }
    problems
}

/// Numbers are given in the order of listings: frontends and backends together, rows without a place last.
fn sequence(subject: &Subject, row: Option<&Row>) -> (Kind, u32, Kind) {
    let kind = subject.kind();
    let space = if kind == Kind::Backend { Kind::Frontend } else { kind };
    let place = row.and_then(order).filter(|place| *place != 0).unwrap_or(u32::MAX);
    (space, place, kind)
}

/// The row with a free number and the next place, where it has none.
fn assigned(state: &State, row: &Row) -> Row {
    let peers = peers(state, row);
    let mut filled = row.clone();
    let partner = listen_partner(state, row).and_then(|partner| id(&partner).zip(order(&partner)));
    if let Some(id) = id_mut(&mut filled)
        && *id == 0
    {
        let first = if matches!(row, Row::Frontend(_) | Row::Backend(_)) { 2 } else { 1 };
        let taken: BTreeSet<u32> = peers.iter().filter_map(|peer| self::id(peer)).collect();
        *id = match partner {
            Some((id, _)) if id != 0 => id,
            _ => (first..).find(|id| !taken.contains(id)).unwrap_or(u32::MAX),
        };
    }
    if let Some(order) = order_mut(&mut filled)
        && *order == 0
    {
        let last = peers.iter().filter_map(|peer| self::order(peer)).max().unwrap_or(0);
        *order = match partner {
            Some((_, order)) if order != 0 => order,
            _ => last.saturating_add(1),
        };
    }
    filled
}

/// A row that has the same number in the same space without being the other half of the same `listen`.
fn clash(state: &State, row: &Row, number: u32) -> Option<Problem> {
    let subject = row.subject();
    let partner = listen_partner(state, row).map(|partner| partner.subject());
    let other = peers(state, row).into_iter().find(|peer| {
        let peer_subject = peer.subject();
        id(peer) == Some(number) && peer_subject != subject && Some(&peer_subject) != partner.as_ref()
    })?;
    let detail = format!("number {number} is already that of {}", other.subject());
    Some(Problem::about(Code::AlreadyExists, &subject, detail))
}

/// The rows among which the row's number must be unique, itself included.
fn peers(state: &State, row: &Row) -> Vec<Arc<Row>> {
    match row {
        Row::Frontend(_) | Row::Backend(_) => {
            state.rows(Kind::Frontend).chain(state.rows(Kind::Backend)).cloned().collect()
        }
        Row::Defaults(_) => state.rows(Kind::Defaults).cloned().collect(),
        Row::Global(_) => Vec::new(),
        Row::Bind(_) | Row::Server(_) => match parent_of(&row.subject()) {
            Some(parent) => contained(&state.effective, &parent).map(|(_, row)| row.clone()).collect(),
            None => Vec::new(),
        },
    }
}

/// The other half of a `listen` section.
fn listen_partner(state: &State, row: &Row) -> Option<Arc<Row>> {
    let subject = match row {
        Row::Frontend(row) if row.listen => Subject::Backend(row.name.clone()),
        Row::Backend(row) if row.listen => Subject::Frontend(row.name.clone()),
        _ => return None,
    };
    state.row(&subject).cloned()
}

/// Writes a numbered row to the layer that its base stands in.
fn write(draft: &mut Draft<'_>, subject: &Subject, row: Row) {
    let (id_now, order_now) = (id(&row), order(&row));
    let number = |mut base: Row| {
        if let (Some(id), Some(new)) = (id_mut(&mut base), id_now) {
            *id = new;
        }
        if let (Some(order), Some(new)) = (order_mut(&mut base), order_now) {
            *order = new;
        }
        base
    };
    let over = draft.state.overlays.get(&(subject.clone(), Field::Row)).cloned();
    match over.as_deref() {
        Some(Overlay { value: OverlayValue::Row(base), origin, .. }) => {
            let value = OverlayValue::Row(Box::new(number(base.as_ref().clone())));
            let overlay = Overlay { subject: subject.clone(), value, origin: origin.clone() };
            draft.write_overlay(subject, Field::Row, Some(Arc::new(overlay)));
        }
        _ => {
            if let Some(base) = draft.state.spec.get(subject).cloned() {
                draft.write_spec(subject, Some(Arc::new(number(base.as_ref().clone()))));
            }
        }
    }
    draft.refresh(subject);
}

fn order(row: &Row) -> Option<u32> {
    match row {
        Row::Global(_) => None,
        Row::Defaults(row) => Some(row.order),
        Row::Frontend(row) => Some(row.order),
        Row::Bind(row) => Some(row.order),
        Row::Backend(row) => Some(row.order),
        Row::Server(row) => Some(row.order),
    }
}

fn id_mut(row: &mut Row) -> Option<&mut u32> {
    match row {
        Row::Frontend(row) => Some(&mut row.id),
        Row::Backend(row) => Some(&mut row.id),
        Row::Bind(row) => Some(&mut row.id),
        Row::Server(row) => Some(&mut row.id),
        Row::Global(_) | Row::Defaults(_) => None,
    }
}

fn order_mut(row: &mut Row) -> Option<&mut u32> {
    match row {
        Row::Global(_) => None,
        Row::Defaults(row) => Some(&mut row.order),
        Row::Frontend(row) => Some(&mut row.order),
        Row::Bind(row) => Some(&mut row.order),
        Row::Backend(row) => Some(&mut row.order),
        Row::Server(row) => Some(&mut row.order),
    }
}
