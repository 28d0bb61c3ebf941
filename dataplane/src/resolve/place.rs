//! Writing where servers are: the location, and what follows from it for pools; `check::standing` sees to the rest.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use parking_lot::RwLock;
use regate_proto::model::Name;

use super::question::Failure;
use crate::check::standing::{self, Located, Place};
use crate::live::{Found, Live};
use crate::snapshot::{BackendPlan, ServerPlan, Snapshot};

/// Why a server is somewhere else now.
#[derive(Clone, Debug)]
pub(super) enum Cause {
    /// A name server answered.
    Answer {
        /// The section that asked.
        resolvers: Name,
        /// The name server.
        nameserver: String,
    },
    /// The name was resolved for another server already.
    Cache,
    /// The address came along with a service record.
    Along,
    /// Its service record is gone.
    RecordGone,
    /// The name could not be resolved for too long.
    Failure(Failure),
}

impl Cause {
    /// Why a server is lost, as lines say it.
    fn loss(&self) -> &'static str {
        match self {
            Cause::RecordGone => "entry removed from SRV record",
            Cause::Failure(Failure::Nx) => "DNS NX status",
            Cause::Failure(Failure::Timeout) => "DNS timeout status",
            Cause::Failure(Failure::Refused) => "DNS refused status",
            Cause::Failure(Failure::Other) => "unspecified DNS error",
            // HAProxy leaves the name out, and the blank in.
            _ => "No IP for server ",
        }
    }
}

impl fmt::Display for Cause {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Cause::Answer { resolvers, nameserver } => write!(f, "{resolvers}/{nameserver}"),
            Cause::Along => f.write_str("DNS additional record"),
            _ => f.write_str("DNS cache"),
        }
    }
}

/// The one way to write locations.
#[derive(Debug)]
pub(super) struct Places {
    live: Arc<Live>,
    /// What is in force: who follows a server is found there.
    snapshot: RwLock<Arc<Snapshot>>,
    /// Whether something was written since it was last kept on disk.
    changed: AtomicBool,
}

impl Places {
    /// A question about a name came to nothing.
    pub(super) fn note_failure(&self) {
        self.live.process.failed_resolutions.fetch_add(1, Ordering::Relaxed);
    }

    /// Over what is observed.
    pub(super) fn new(live: Arc<Live>) -> Places {
        Places { live, snapshot: RwLock::default(), changed: AtomicBool::new(false) }
    }

    /// Takes over what is in force.
    pub(super) fn follow(&self, snapshot: &Arc<Snapshot>) {
        *self.snapshot.write() = snapshot.clone();
    }

    /// Milliseconds on the process's clock.
    pub(super) fn now(&self) -> u64 {
        self.live.process.now()
    }

    /// Notes that something is to be kept on disk.
    pub(super) fn note_change(&self) {
        self.changed.store(true, Ordering::Relaxed);
    }

    /// Whether something was written since this was last asked.
    pub(super) fn take_change(&self) -> bool {
        self.changed.swap(false, Ordering::Relaxed)
    }

    /// Writes where a server is; tells whether it has another address than before.
    pub(super) fn put(
        &self,
        backend: &BackendPlan,
        plan: &Arc<ServerPlan>,
        found: Found,
        cause: &Cause,
    ) -> bool {
        let location = &plan.live.location;
        if location.found().is_some_and(|before| *before == found) {
            return false;
        }
        let (now_at, weight, name) = (found.ip, found.weight, found.name.clone());
        let target = found.record.as_ref().map(|record| record.target.clone());
        let port = found.record.as_ref().map(|record| record.port);
        let before = location.put(found);
        let was_at = before.as_ref().and_then(|before| before.ip);
        let old_port = before.as_ref().and_then(|before| Some(before.record.as_ref()?.port));
        let old_target = before.as_ref().and_then(|before| Some(before.record.as_ref()?.target.clone()));
        let old_weight = before.as_ref().and_then(|before| before.weight);
        let moved = (was_at, old_port) != (now_at, port);
        if moved {
            // Connections that are kept lead to where the server was.
            plan.live.generation.fetch_add(1, Ordering::Relaxed);
        }
        let now = self.now();
        let appeared = was_at.is_none() != now_at.is_none();
        if appeared {
            plan.live.changed.store(now, Ordering::Relaxed);
            if now_at.is_some() {
                plan.live.risen.store(now, Ordering::Relaxed);
            }
        }
        self.note_change();
        let snapshot = self.snapshot.read().clone();
        let place = Place { snapshot: &snapshot, live: &self.live, backend, server: plan };
        let at = place.at();
        let mut lines = Vec::new();
        if let Some(ip) = now_at.filter(|ip| was_at != Some(*ip)) {
            let was = was_at.map_or_else(|| "(none)".to_owned(), |ip| ip.to_string());
            lines.push(format!("{at} changed its IP from {was} to {ip} by {cause}."));
        }
        if let Some(target) = &target
            && old_target.as_ref() != Some(target)
        {
            let was = old_target.as_deref().unwrap_or("(null)");
            lines.push(format!("{at} changed its FQDN from {was} to {target} by 'SRV record'"));
        }
        let by_record = target.is_some();
        let host = target.unwrap_or(name);
        let located = match (was_at, now_at) {
            (Some(_), None) => Located::Lost(cause.loss()),
            (None, Some(_)) => Located::Found(&host, by_record),
            _ => Located::Moved,
        };
        if appeared || moved || weight != old_weight {
            standing::take_location(place, located, lines);
        }
        was_at != now_at
    }
}
