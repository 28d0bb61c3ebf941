//! The list of revisions.

use regate_proto::change::Revision;
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::{self, v1};
use tokio::sync::mpsc;
use tonic::Status;

use super::sets::CHANGES_TOLD;
use crate::desired::{Entry, Store};

/// Tells revisions, the newest first, until there are no more, enough are told or nobody listens. Blocks.
pub(super) fn tell(
    store: &dyn Store,
    newest: Revision,
    request: &v1::HistoryRequest,
    to: &mpsc::Sender<Result<v1::Revision, Status>>,
) {
    let limit = if request.limit == 0 { LIMIT } else { request.limit };
    let mut left = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut next = newest;
    while left > 0 && next > Revision(0) {
        let entries = match store.entries(next, left.min(ENTRIES_AT_ONCE)) {
            Ok(entries) => entries,
            Err(error) => {
                let problem = Problem::general(Code::Unavailable, error.to_string());
                // The asker may be gone.
                let _ = to.blocking_send(Err(wire::status(&[problem])));
                return;
            }
        };
        let Some(oldest) = entries.last().map(|entry| entry.revision) else { return };
        left = left.saturating_sub(entries.len());
        for entry in entries {
            if to.blocking_send(Ok(revision(&entry, request.with_changes))).is_err() {
                return;
            }
        }
        next = Revision(oldest.0.saturating_sub(1));
    }
}

fn revision(entry: &Entry, with_changes: bool) -> v1::Revision {
    let told = if with_changes { CHANGES_TOLD } else { 0 };
    v1::Revision {
        revision: entry.revision.0,
        origin: Some((&entry.set.origin).into()),
        change_count: entry.set.changes.len() as u64,
        changes: entry.set.changes.iter().take(told).map(Into::into).collect(),
    }
}

const LIMIT: u32 = 100;
const ENTRIES_AT_ONCE: usize = 32;
