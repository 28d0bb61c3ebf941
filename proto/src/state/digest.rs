//! A state's content in a few numbers, kept up to date at constant cost per change.

use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use crate::change::Overlay;
use crate::model::{Kind, Row};
use crate::wire;

/// One number per kind of row, and one for the overlays: the wrapping sum of the hashes of the rows' wire form.
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
