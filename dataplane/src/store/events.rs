//! What happened, for those who watch: bounded, so that nobody who watches slowly slows the writer.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use regate_proto::change::{Origin, Revision};
use regate_proto::model::{Admin, ServerRef, Subject};
use tokio::sync::broadcast;

use crate::live::Operational;

/// Something that happened.
#[derive(Clone, Debug)]
pub struct Event {
    /// When, in milliseconds since the Unix epoch.
    pub at: u64,
    /// What.
    pub happening: Happening,
}

/// What happened.
#[derive(Clone, Debug)]
pub enum Happening {
    /// A set was applied.
    Applied {
        /// The revision that it made.
        revision: Revision,
        /// Who asked.
        origin: Origin,
        /// The rows that it touched; the first `MOST_SUBJECTS`.
        subjects: Vec<Subject>,
        /// How many rows it touched.
        subject_count: usize,
    },
    /// Something else is asked of a server than before.
    Server {
        /// The server.
        at: ServerRef,
        /// What was asked of it.
        from: Admin,
        /// What is asked of it.
        to: Admin,
    },
    /// A server stands otherwise than before, by its checks.
    Health {
        /// The server.
        at: ServerRef,
        /// How it stood.
        from: Operational,
        /// How it stands.
        to: Operational,
        /// Why.
        reason: String,
    },
}

/// What somebody who watches gets.
#[derive(Debug)]
pub struct Subscription {
    /// Whether events that were asked for are no longer at hand.
    pub missed: bool,
    /// What happened before the subscription.
    pub past: Vec<Arc<Event>>,
    /// What happens since. Who is too slow is told how many were left out.
    pub coming: broadcast::Receiver<Arc<Event>>,
}

/// The events of the writer.
#[derive(Debug)]
pub(super) struct Events {
    recent: Mutex<VecDeque<Arc<Event>>>,
    sender: broadcast::Sender<Arc<Event>>,
}

impl Events {
    pub(super) fn new() -> Events {
        Events { recent: Mutex::default(), sender: broadcast::Sender::new(MOST_WAITING) }
    }

    pub(super) fn tell(&self, happening: Happening) {
        let event = Arc::new(Event { at: unix_millis(), happening });
        let mut recent = self.recent.lock();
        if recent.len() >= MOST_RECENT {
            recent.pop_front();
        }
        recent.push_back(event.clone());
        // Nobody watches: that is no error. The lock is held so that a subscription misses nothing.
        let _ = self.sender.send(event);
    }

    pub(super) fn subscribe(&self, from: Option<Revision>, current: Revision) -> Subscription {
        let recent = self.recent.lock();
        let coming = self.sender.subscribe();
        let Some(from) = from else { return Subscription { missed: false, past: Vec::new(), coming } };
        let revision = |event: &Event| match &event.happening {
            Happening::Applied { revision, .. } => Some(*revision),
            Happening::Server { .. } | Happening::Health { .. } => None,
        };
        let start = recent.iter().position(|event| revision(event).is_some_and(|revision| revision > from));
        let oldest = recent.iter().find_map(|event| revision(event));
        let missed = from < current && oldest.is_none_or(|oldest| oldest.0 > from.0.saturating_add(1));
        let past = start.map(|start| recent.range(start..).cloned().collect()).unwrap_or_default();
        Subscription { missed, past, coming }
    }
}

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn unix_millis() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX))
}

/// Rows named in one event.
pub(super) const MOST_SUBJECTS: usize = 1000;

/// Events that wait for one who watches.
const MOST_WAITING: usize = 1024;

/// Events kept for those who ask for the past.
const MOST_RECENT: usize = 1024;
