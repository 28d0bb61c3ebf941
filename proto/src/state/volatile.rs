//! What was changed by hand for a while only: overlays of text sockets that are marked `volatile`.
//!
//! They hold until who keeps the state starts again. Owns what takes them back then.

use super::State;
use crate::change::{Change, Overlay};

/// The changes that take every volatile overlay back, so that what lies under it holds again. Empty: there is none.
pub fn without_volatile(state: &State) -> Vec<Change> {
    let overlays = state.overlays().filter(|overlay| overlay.origin.is_volatile());
    overlays
        .map(|overlay| match overlay.beneath.as_deref().cloned() {
            Some(beneath) => Change::Restore(Overlay {
                subject: overlay.subject.clone(),
                value: beneath.value,
                origin: beneath.origin,
                beneath: None,
            }),
            None => Change::Revert(overlay.subject.clone(), Some(overlay.field())),
        })
        .collect()
}
