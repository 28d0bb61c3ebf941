//! How a server is chosen; one file per algorithm.
//!
//! A [`Picker`] lives as long as its backend and algorithm: plans come and go around it, and what changes about one
//! server (weight, state, load) moves that one alone. It knows servers by their seats ([`crate::live::Seats`]);
//! what a seat means to a caller is said by the caller's own plan. Pure but for its locks: no I/O, no waiting.

mod leastconn;
mod roster;
mod roundrobin;

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::RwLock;
use regate_proto::model::Balance;

use self::roster::Roster;
use crate::live::BackendLive;
use crate::snapshot::ServerPlan;

/// What a request is balanced by: the hash of its key, where the algorithm has one and the request has that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key(pub Option<u32>);

/// What a server is to the one who asks for a choice.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fit {
    /// It is not in the plan of who asks, or out of the question.
    Unknown,
    /// It is in the plan and has no room now. What a key leads to is chosen all the same: it waits for its server.
    Busy,
    /// It may be chosen.
    Free,
}

/// How a backend's servers are to be chosen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BalancePlan {
    /// The algorithm.
    pub algorithm: Balance,
    /// Whether all backups serve where no other server can, not the first alone.
    pub all_backups: bool,
}

/// Chooses among the servers of a backend.
#[derive(Debug)]
pub struct Picker {
    /// Tells pickers apart.
    number: u64,
    plan: BalancePlan,
    backend: Arc<BackendLive>,
    roster: RwLock<Roster>,
    /// How many servers may be chosen at all.
    choosable: AtomicU32,
    /// Whether it is, or was, the one that traffic uses.
    in_force: AtomicBool,
}

impl Picker {
    /// A picker without servers.
    pub fn new(plan: BalancePlan, backend: Arc<BackendLive>) -> Picker {
        static NUMBERS: AtomicU64 = AtomicU64::new(0);
        Picker {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed) + 1,
            roster: RwLock::new(Roster::new(&plan)),
            plan,
            backend,
            choosable: AtomicU32::new(0),
            in_force: AtomicBool::new(false),
        }
    }

    /// How it chooses.
    pub fn plan(&self) -> &BalancePlan {
        &self.plan
    }

    /// Whether no server can be chosen, however long one waits.
    pub fn is_empty(&self) -> bool {
        self.choosable.load(Ordering::Relaxed) == 0
    }

    /// Takes a server in, or the new plan of one that is there; `now` on the process's clock.
    pub fn enroll(&self, server: &Arc<ServerPlan>, now: u64) {
        self.change(|roster| roster.enroll(server, now));
    }

    /// Looks at a server again: its state or its share of traffic may have changed.
    pub fn refresh(&self, server: &ServerPlan, now: u64) {
        self.change(|roster| roster.refresh(server.seat, now));
    }

    /// Lets a server go.
    pub fn dismiss(&self, seat: u32) {
        self.change(|roster| roster.dismiss(seat));
    }

    /// Makes this the picker in force: it reads the notes about loads from now on.
    pub fn take_over(&self, now: u64) {
        let mut roster = self.roster.write();
        let heard_nothing = !self.in_force.swap(true, Ordering::Relaxed);
        if self.backend.seats.read_by(self.number, roster.heeds_loads()) || heard_nothing {
            roster.refresh_all(now);
        }
        self.choosable.store(roster.choosable(), Ordering::Relaxed);
    }

    /// The seat of the server for a new request: one that fits, the best by the algorithm.
    pub fn pick(&self, key: Key, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        if self.backend.seats.has_notes(self.number) {
            let mut roster = self.roster.write();
            roster.heed(&self.backend.seats);
            return roster.pick(key, &fit);
        }
        self.roster.read().pick(key, &fit)
    }

    fn change(&self, change: impl FnOnce(&mut Roster)) {
        let mut roster = self.roster.write();
        change(&mut roster);
        self.choosable.store(roster.choosable(), Ordering::Relaxed);
    }
}

/// Units of effective weight in one of weight: what a server that is warming up has less than its whole weight.
pub const UNITS: u64 = 16;
