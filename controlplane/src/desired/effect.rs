//! What sets did to spec rows and overlays, in exact steps: what the tables on disk and the nodes are told.

use regate_proto::change::{Change, Layer, Overlay};
use regate_proto::model::Row;
use regate_proto::state::{State, Touched};

/// The steps that turn `before` into `after`, of which only `touched` may differ.
///
/// Rows carry their numbers and overlays their origins, so applying the steps anywhere to the same content gives the
/// same content; their order is that in which the steps of several groups may follow one another.
pub(crate) fn between(before: &State, after: &State, touched: &Touched) -> Vec<Change> {
    let mut gone = Vec::new();
    let mut written = Vec::new();
    let mut dropped = Vec::new();
    let mut laid = Vec::new();
    for subject in touched {
        let (old, new) = (before.declared(subject), after.declared(subject));
        let is_written = new.is_some() && old != new;
        // A row that was never in force has no number; it must not take over that of the row in force when it is
        // put, so there must be none then.
        let is_anew = is_written && new.is_some_and(|row| is_unnumbered(row));
        if old.is_some() && (new.is_none() || is_anew) {
            gone.push(Change::Delete(Layer::Spec, subject.clone()));
        }
        if let Some(row) = new.filter(|_| is_written) {
            written.push(Change::Put(Layer::Spec, row.as_ref().clone()));
        }
        let (old, new): (Vec<&Overlay>, Vec<&Overlay>) = (
            before.overlays_of(subject).map(AsRef::as_ref).collect(),
            after.overlays_of(subject).map(AsRef::as_ref).collect(),
        );
        let stays = |overlay: &Overlay| !is_anew && new.iter().any(|other| other.field() == overlay.field());
        dropped.extend(
            old.iter()
                .filter(|overlay| !stays(overlay))
                .map(|overlay| Change::Revert(subject.clone(), Some(overlay.field()))),
        );
        laid.extend(
            new.iter()
                .filter(|overlay| is_anew || !old.contains(overlay))
                .map(|overlay| Change::Restore((*overlay).clone())),
        );
    }
    gone.into_iter().chain(dropped).chain(written).chain(laid).collect()
}

fn is_unnumbered(row: &Row) -> bool {
    match row {
        Row::Global(_) | Row::List(_) | Row::Entries(_) => false,
        Row::Defaults(row) => row.order == 0,
        Row::Resolvers(row) => row.order == 0,
        Row::Userlist(row) => row.order == 0,
        Row::Ring(row) => row.order == 0,
        Row::HttpErrors(row) => row.order == 0,
        Row::Frontend(row) => row.id == 0 || row.order == 0,
        Row::Bind(row) => row.id == 0 || row.order == 0,
        Row::Backend(row) => row.id == 0 || row.order == 0,
        Row::Server(row) => row.id == 0 || row.order == 0,
    }
}
