//! `balance leastconn`: the fewest sessions for its weight (configuration manual 4.2 "balance").

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::snapshot::ServerPlan;

/// The servers, and where the last choice fell.
#[derive(Debug)]
pub struct Loads {
    servers: Vec<Arc<ServerPlan>>,
    /// Among equals the one after the last choice is taken, so that they take turns.
    last: AtomicUsize,
}

impl Loads {
    pub(super) fn new(servers: Vec<Arc<ServerPlan>>) -> Loads {
        let last = AtomicUsize::new(servers.len().saturating_sub(1));
        Loads { servers, last }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    pub(super) fn pick(&self, usable: impl Fn(&ServerPlan) -> bool) -> Option<&Arc<ServerPlan>> {
        let (count, last) = (self.servers.len(), self.last.load(Ordering::Relaxed));
        let turns = (1..=count).map(|step| (last + step) % count);
        let chosen =
            turns.filter(|at| usable(&self.servers[*at])).min_by_key(|at| load(&self.servers[*at]))?;
        self.last.store(chosen, Ordering::Relaxed);
        Some(&self.servers[chosen])
    }
}

/// Sessions per weight: the heavier a server, the less each session counts.
fn load(server: &ServerPlan) -> u64 {
    u64::from(server.live.sessions.now()) * 256 / u64::from(server.weight.get()).max(1)
}
