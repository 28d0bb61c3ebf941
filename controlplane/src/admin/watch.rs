//! Events, told as they happen.

use std::sync::Arc;

use regate_proto::change::Revision;
use regate_proto::wire::v1;
use tokio::sync::broadcast::error::RecvError;
use tokio::sync::mpsc;
use tonic::Status;

use super::Core;
use crate::desired::{Committed, SUBJECTS_TOLD};
use crate::fleet::registry::unix_millis;

/// Tells events until the watcher is gone or the controller stops.
pub(super) async fn run(core: Arc<Core>, from: Option<u64>, events: mpsc::Sender<Result<v1::Event, Status>>) {
    // Subscribed before the past is read, so that nothing falls between.
    let mut commits = core.desired.committed();
    let mut nodes = core.registry.events();
    let mut told = *core.desired.revision().borrow();
    for event in past(&core, from.map(Revision), told).await {
        if events.send(Ok(event)).await.is_err() {
            return;
        }
    }
    loop {
        let event = tokio::select! {
            commit = commits.recv() => match commit {
                Ok(commit) if commit.revision <= told => continue,
                Ok(commit) => {
                    told = commit.revision;
                    applied(&commit)
                }
                Err(RecvError::Lagged(_)) => {
                    told = *core.desired.revision().borrow();
                    missed(told)
                }
                Err(RecvError::Closed) => return,
            },
            node = nodes.recv() => match node {
                Ok(event) => event,
                Err(RecvError::Lagged(_)) => missed(*core.desired.revision().borrow()),
                Err(RecvError::Closed) => return,
            },
            () = events.closed() => return,
            () = core.closing.cancelled() => return,
        };
        if events.send(Ok(event)).await.is_err() {
            return;
        }
    }
}

/// What happened after a revision, when all of it is at hand.
async fn past(core: &Core, from: Option<Revision>, head: Revision) -> Vec<v1::Event> {
    let Some(from) = from.filter(|from| *from < head) else { return Vec::new() };
    let count = usize::try_from(head.0 - from.0).unwrap_or(usize::MAX);
    if count > MOST_PAST {
        return vec![missed(head)];
    }
    let store = core.desired.store();
    let entries = tokio::task::spawn_blocking(move || store.entries(head, count)).await;
    match entries {
        Ok(Ok(entries)) if entries.len() == count => entries
            .iter()
            .rev()
            .map(|entry| {
                let subjects: std::collections::BTreeSet<_> =
                    entry.set.changes.iter().map(regate_proto::change::Change::subject).collect();
                applied(&Committed {
                    revision: entry.revision,
                    origin: entry.set.origin.clone(),
                    subject_count: subjects.len() as u64,
                    subjects: subjects.into_iter().take(SUBJECTS_TOLD).collect(),
                })
            })
            .collect(),
        _ => vec![missed(head)],
    }
}

fn applied(commit: &Committed) -> v1::Event {
    let at_ms = if commit.origin.at == 0 { unix_millis() } else { commit.origin.at };
    let set = v1::SetApplied {
        revision: commit.revision.0,
        origin: Some((&commit.origin).into()),
        subjects: commit.subjects.iter().map(Into::into).collect(),
        subject_count: commit.subject_count,
    };
    v1::Event { at_ms, event: Some(v1::event::Event::Applied(set)) }
}

fn missed(head: Revision) -> v1::Event {
    let missed = v1::Missed { revision: head.0 };
    v1::Event { at_ms: unix_millis(), event: Some(v1::event::Event::Missed(missed)) }
}

/// Revisions of the past that a watcher is told one by one.
const MOST_PAST: usize = 1000;
