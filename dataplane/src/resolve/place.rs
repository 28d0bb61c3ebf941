//! Writing where servers are: the location, and what follows from it for pools, pickers and the log.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use regate_proto::model::Name;

use super::question::Failure;
use crate::live::{Found, Live};
use crate::snapshot::{BackendPlan, ServerPlan};

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

/// The one way to write locations.
#[derive(Debug)]
pub(super) struct Places {
    live: Arc<Live>,
    /// Whether something was written since it was last kept on disk.
    changed: AtomicBool,
}

impl Places {
    /// Over what is observed.
    pub(super) fn new(live: Arc<Live>) -> Places {
        Places { live, changed: AtomicBool::new(false) }
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
        let (now_at, weight) = (found.ip, found.weight);
        let port = found.record.as_ref().map(|record| record.port);
        let before = location.put(found);
        let was_at = before.as_ref().and_then(|before| before.ip);
        let old_port = before.as_ref().and_then(|before| Some(before.record.as_ref()?.port));
        let old_weight = before.as_ref().and_then(|before| before.weight);
        let moved = (was_at, old_port) != (now_at, port);
        if moved {
            // Connections that are kept lead to where the server was.
            plan.live.generation.fetch_add(1, Ordering::Relaxed);
        }
        let appeared = was_at.is_none() != now_at.is_none();
        let now = self.now();
        if appeared {
            plan.live.changed.store(now, Ordering::Relaxed);
            if now_at.is_some() {
                plan.live.risen.store(now, Ordering::Relaxed);
            }
        }
        if appeared || weight != old_weight {
            backend.picker.refresh(plan, now);
            backend.settle_queue(plan);
        }
        self.note_change();
        let at = format!("{}/{}", backend.name, plan.name);
        match (was_at, now_at) {
            (was, Some(ip)) if was != Some(ip) => {
                let was = was.map_or_else(|| "(none)".to_owned(), |ip| ip.to_string());
                let by = match cause {
                    Cause::Answer { resolvers, nameserver } => format!("{resolvers}/{nameserver}"),
                    Cause::Along => "DNS additional record".to_owned(),
                    _ => "DNS cache".to_owned(),
                };
                tracing::info!("{at} changed its IP from {was} to {ip} by {by}");
            }
            (Some(_), None) => {
                let why = match cause {
                    Cause::RecordGone => "entry removed from SRV record",
                    Cause::Failure(Failure::Nx) => "DNS NX status",
                    Cause::Failure(Failure::Timeout) => "DNS timeout status",
                    Cause::Failure(Failure::Refused) => "DNS refused status",
                    Cause::Failure(Failure::Other) => "unspecified DNS error",
                    _ => "No IP for server",
                };
                tracing::warn!("Server {at} is going DOWN for maintenance ({why})");
            }
            _ => {}
        }
        was_at != now_at
    }
}
