//! A state's content in a few numbers, kept up to date at constant cost per change.

use std::sync::Arc;

use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

use super::entries::entries_of;
use crate::change::{EntriesOverlay, Origin, Overlay, OverlayValue};
use crate::model::{EntriesRef, Kind, Row, Subject};
use crate::patterns::{Entry, Run};
use crate::wire;

/// One number per kind of row, and one for the overlays: the wrapping sum of the hashes of the rows' wire form; of
/// entries of lists, the sum of the hashes of each entry, so that one of them changes at the cost of one.
///
/// Equal contents give equal digests whatever the order in which they came about, so a follower's drift is
/// found by comparing a few words. It protects against mistakes, not against forgery.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Digest {
    /// The spec rows, in the order of [`Kind::ALL`].
    pub kinds: [u64; Kind::ALL.len()],
    /// The overlays.
    pub overlays: u64,
}

impl Digest {
    pub(super) fn exchange_row(&mut self, old: Option<&Arc<Row>>, new: Option<&Arc<Row>>) {
        let (before, after) = (old.and_then(|row| entries_of(row)), new.and_then(|row| entries_of(row)));
        if let Some(at) = before.or(after).map(|row| &row.at) {
            let difference =
                difference(at, before.map(|row| &*row.entries), after.map(|row| &*row.entries), FILED);
            let sum = self.of(Kind::Entries);
            *sum = sum.wrapping_add(difference);
            return;
        }
        if let Some(row) = old {
            let sum = self.of(row.subject().kind());
            *sum = sum.wrapping_sub(xxh3_64(&wire::encode_row(row)));
        }
        if let Some(row) = new {
            let sum = self.of(row.subject().kind());
            *sum = sum.wrapping_add(xxh3_64(&wire::encode_row(row)));
        }
    }

    pub(super) fn exchange_overlay(&mut self, old: Option<&Arc<Overlay>>, new: Option<&Arc<Overlay>>) {
        let (before, after) = (
            old.and_then(|overlay| changed_entries(overlay)),
            new.and_then(|overlay| changed_entries(overlay)),
        );
        if let Some((at, ..)) = before.or(after) {
            let runs = |of: Option<(_, _, &EntriesOverlay)>| {
                of.map_or_else(Default::default, |(_, _, entries)| {
                    (entries.written.clone(), entries.added.clone())
                })
            };
            let ((old_written, old_added), (written, added)): (Runs, Runs) = (runs(before), runs(after));
            let written = difference(at, Some(&old_written), Some(&written), WRITTEN);
            let added = difference(at, Some(&old_added), Some(&added), ADDED);
            self.overlays = self.overlays.wrapping_add(written).wrapping_add(added);
            self.overlays =
                self.overlays.wrapping_sub(before.map_or(0, rest)).wrapping_add(after.map_or(0, rest));
            return;
        }
        if let Some(overlay) = old {
            self.overlays = self.overlays.wrapping_sub(xxh3_64(&wire::encode_overlay(overlay)));
        }
        if let Some(overlay) = new {
            self.overlays = self.overlays.wrapping_add(xxh3_64(&wire::encode_overlay(overlay)));
        }
    }

    fn of(&mut self, kind: Kind) -> &mut u64 {
        &mut self.kinds[kind as usize]
    }
}

/// Entries that are written anew by hand, and added ones.
type Runs = (Arc<Run>, Arc<Run>);

/// What the entries of a part come to, less what they came to before.
fn difference(at: &EntriesRef, old: Option<&Run>, new: Option<&Run>, mark: u64) -> u64 {
    let nothing = Run::default();
    let list = xxh3_64_with_seed(at.list.as_str().as_bytes(), mark);
    let mut sum = 0u64;
    old.unwrap_or(&nothing).differences(new.unwrap_or(&nothing), |old, new| {
        sum = sum.wrapping_sub(old.map_or(0, |entry| of_entry(list, entry)));
        sum = sum.wrapping_add(new.map_or(0, |entry| of_entry(list, entry)));
    });
    sum
}

fn of_entry(list: u64, entry: Entry<'_>) -> u64 {
    let key = xxh3_64_with_seed(entry.key, list ^ entry.id.0);
    match entry.value {
        Some(value) => xxh3_64_with_seed(value, key),
        None => key,
    }
}

/// The part, origin and changes of an overlay on entries.
fn changed_entries(overlay: &Arc<Overlay>) -> Option<(&EntriesRef, &Origin, &EntriesOverlay)> {
    match (&overlay.subject, &overlay.value) {
        (Subject::Entries(at), OverlayValue::Entries(entries)) => Some((at, &overlay.origin, entries)),
        _ => None,
    }
}

/// What an overlay on entries says besides entries.
fn rest((at, origin, entries): (&EntriesRef, &Origin, &EntriesOverlay)) -> u64 {
    let mut hash = xxh3_64_with_seed(at.list.as_str().as_bytes(), at.part);
    for text in [&origin.actor, &origin.door] {
        hash = xxh3_64_with_seed(text.as_bytes(), hash);
    }
    hash = xxh3_64_with_seed(&origin.at.to_le_bytes(), hash);
    entries.removed.iter().fold(hash, |hash, id| xxh3_64_with_seed(&id.0.to_le_bytes(), hash))
}

/// Told apart in hashes: an entry of a file, one that is written anew by hand, and one that was added by hand.
const FILED: u64 = 1;
const WRITTEN: u64 = 2;
const ADDED: u64 = 3;
