//! What is observed, and what outlives snapshots: counters, sessions, queues, connection pools' gauges.
//!
//! Nothing here is configuration. Everything is kept by name, so a change of the configuration resets
//! nothing: the snapshot of the next revision holds the same `Arc`s. Workers write, the admin side reads;
//! counters that a request touches are per worker, so that no cache line is fought over.

mod backend;
mod counter;
mod edits;
mod exchanges;
mod finding;
mod frontend;
mod health;
mod ledger;
mod location;
mod lookups;
mod malformed;
mod process;
mod queue;
mod rate;
mod ring;
mod seats;
mod server;
mod shears;
pub mod table;
mod tables;
mod trackers;
mod variables;
mod worker;

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::Arc;

use parking_lot::RwLock;
use regate_proto::model::{BindRef, Name, ServerRef};
use regate_proto::state::State;

pub use backend::BackendLive;
pub use counter::{Carried, Counter, Gauge, Mean, Statuses, Traffic};
pub use edits::{Edits, ListEdit, Wish};
pub use exchanges::Exchanges;
pub use finding::{Finding, Outcome, Verdict};
pub use frontend::{BindLive, FrontendLive};
pub use health::{Health, Operational, Outages, Probe, Record, Taken, Wanted};
pub use ledger::{Ledger, Notice};
pub use location::{Found, Location, NameserverLive, SectionLive, ServiceRecord};
pub use lookups::{Lookup, Lookups};
pub use malformed::{Exhibit, Malformed, Part};
pub use process::ProcessLive;
pub use queue::{Grant, Priority, Queue, Rank, Ticket};
pub use rate::Rate;
pub use ring::{Excerpt, Ring, Rings};
pub use seats::Seats;
pub use server::{Room, ServerLive, limit_between};
pub use shears::{CutBy, Shears};
pub use table::{Held, Table};
pub use tables::{Kept, Tables};
pub use trackers::{Life, StreamEnd, Trackers};
pub use variables::{ProcessVariables, Variables};
pub use worker::{LONG_TURN_MS, StockTally, Tally, TaskKind, TaskTally, WorkerLive};

/// Everything observed by one data plane.
#[derive(Debug)]
pub struct Live {
    /// Of the process as a whole.
    pub process: ProcessLive,
    /// What happens to servers, in order.
    pub ledger: Ledger,
    /// What cuts streams from outside.
    pub shears: Shears,
    /// What is remembered of clients.
    pub tables: Tables,
    /// What rules want changed of lists.
    pub edits: Edits,
    /// What rules ask the resolvers.
    pub lookups: Lookups,
    /// The newest lines of logs.
    pub rings: Rings,
    /// The variables that live as long as the process.
    pub variables: Arc<ProcessVariables>,
    workers: Box<[Arc<WorkerLive>]>,
    frontends: RwLock<HashMap<Name, Arc<FrontendLive>>>,
    binds: RwLock<HashMap<BindRef, Arc<BindLive>>>,
    backends: RwLock<HashMap<Name, Arc<BackendLive>>>,
    servers: RwLock<HashMap<ServerRef, Arc<ServerLive>>>,
    sections: RwLock<Vec<SectionLive>>,
    remembered: RwLock<HashMap<ServerRef, Found>>,
    hosts: RwLock<HashMap<String, IpAddr>>,
}

impl Live {
    /// Nothing observed yet, for this many workers.
    pub fn new(workers: usize) -> Live {
        Live {
            process: ProcessLive::new(workers),
            ledger: Ledger::default(),
            shears: Shears::default(),
            tables: Tables::default(),
            edits: Edits::default(),
            lookups: Lookups::default(),
            rings: Rings::default(),
            variables: Arc::default(),
            workers: (0..workers).map(|_| Arc::default()).collect(),
            frontends: RwLock::default(),
            binds: RwLock::default(),
            backends: RwLock::default(),
            servers: RwLock::default(),
            sections: RwLock::default(),
            remembered: RwLock::default(),
            hosts: RwLock::default(),
        }
    }

    /// How many workers write here.
    pub fn workers(&self) -> usize {
        self.workers.len()
    }

    /// What is observed of each worker, by number.
    pub fn each_worker(&self) -> &[Arc<WorkerLive>] {
        &self.workers
    }

    /// What is observed of a worker; of one that there is not, something that nobody sees.
    pub fn worker(&self, index: usize) -> Arc<WorkerLive> {
        self.workers.get(index).cloned().unwrap_or_default()
    }

    /// The sum of something over all workers.
    pub fn over_workers(&self, of: impl Fn(&WorkerLive) -> u64) -> u64 {
        self.workers.iter().map(|worker| of(worker)).fold(0, u64::wrapping_add)
    }

    /// What is observed of a frontend; starts at zero when it is new.
    pub fn frontend(&self, name: &Name) -> Arc<FrontendLive> {
        found_or_made(&self.frontends, name, || FrontendLive::new(self.workers()))
    }

    /// What is observed of a bind; starts at zero when it is new.
    pub fn bind(&self, at: &BindRef) -> Arc<BindLive> {
        found_or_made(&self.binds, at, || BindLive::new(self.workers()))
    }

    /// What is observed of a backend; starts at zero when it is new.
    pub fn backend(&self, name: &Name) -> Arc<BackendLive> {
        found_or_made(&self.backends, name, || BackendLive::new(self.workers()))
    }

    /// What is observed of a server; starts at zero when it is new.
    pub fn server(&self, at: &ServerRef) -> Arc<ServerLive> {
        found_or_made(&self.servers, at, || ServerLive::new(self.workers()))
    }

    /// The resolvers with the counters of their name servers, in the order of listings.
    pub fn sections(&self) -> Vec<SectionLive> {
        self.sections.read().clone()
    }

    /// Notes which resolvers there are.
    pub fn set_sections(&self, sections: Vec<SectionLive>) {
        *self.sections.write() = sections;
    }

    /// Where the name of a server led before the last restart.
    pub fn remembered(&self, at: &ServerRef) -> Option<Found> {
        self.remembered.read().get(at).cloned()
    }

    /// Takes in where names led before the last restart.
    pub fn remember(&self, remembered: HashMap<ServerRef, Found>) {
        *self.remembered.write() = remembered;
    }

    /// Takes in where more names led, of which nothing is known yet.
    pub fn remember_also(&self, remembered: HashMap<ServerRef, Found>) {
        let mut known = self.remembered.write();
        for (at, found) in remembered {
            known.entry(at).or_insert(found);
        }
    }

    /// The address of a host that was looked up once, for what is not a server.
    pub fn host(&self, name: &str) -> Option<IpAddr> {
        self.hosts.read().get(name).copied()
    }

    /// Notes the address of a host for the rest of the process's life.
    pub fn note_host(&self, name: &str, ip: IpAddr) {
        self.hosts.write().insert(name.to_owned(), ip);
    }

    /// Forgets what no longer is in the state; connections that still use it keep it until they end.
    pub fn forget_absent(&self, state: &State) {
        self.frontends.write().retain(|name, _| state.frontend(name).is_some());
        self.backends.write().retain(|name, _| state.backend(name).is_some());
        self.servers.write().retain(|at, _| state.server(at).is_some());
        let bind_is_there =
            |at: &BindRef| state.row(&regate_proto::model::Subject::Bind(at.clone())).is_some();
        self.rings.retain(|name| state.ring(name).is_some());
        self.binds.write().retain(|at, _| bind_is_there(at));
    }
}

fn found_or_made<K: Clone + Eq + Hash, V>(
    table: &RwLock<HashMap<K, Arc<V>>>,
    key: &K,
    make: impl FnOnce() -> V,
) -> Arc<V> {
    if let Some(found) = table.read().get(key) {
        return found.clone();
    }
    table.write().entry(key.clone()).or_insert_with(|| Arc::new(make())).clone()
}
