//! How a server is chosen; one file per algorithm.
//!
//! A [`Picker`] lives as long as its backend and algorithm: plans come and go around it, and what changes about one
//! server (weight, state, load) moves that one alone. It knows servers by their seats ([`crate::live::Seats`]);
//! what a seat means to a caller is said by the caller's own plan. Pure but for its locks: no I/O, no waiting.

mod first;
mod hash;
mod key;
mod leastconn;
mod map;
mod random;
mod ring;
mod roster;
mod roundrobin;
mod tally;

#[cfg(test)]
mod tests;

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::RwLock;
use regate_proto::model::{BackendSettings, Balance, HashMethod, HashType, Mode};

pub use self::hash::{Hashing, avalanche, sdbm};
pub use self::key::{Asker, Key, address_of_cookie, may_open_with_cookie};
use self::roster::Roster;
use crate::live::BackendLive;
use crate::snapshot::ServerPlan;

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
    /// How a hash leads to a server.
    pub method: HashMethod,
    /// How a key becomes a hash.
    pub hashing: Hashing,
    /// Most of the average load that a server chosen by a ring or at random may have, in percent; 0 for no limit.
    pub load_factor: u32,
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
    /// When servers that are warming up are looked at again, on the process's clock; 0 where none is.
    next_step: AtomicU64,
    /// An instant, and the process's clock then.
    clock: OnceLock<(Instant, u64)>,
}

impl BalancePlan {
    /// What settings mean for a backend of this mode: what only requests have needs HTTP.
    pub fn of(settings: &BackendSettings, mode: Mode) -> BalancePlan {
        let algorithm = match settings.balance.clone().unwrap_or(Balance::RoundRobin) {
            Balance::Uri(_) | Balance::UrlParam { .. } | Balance::Header { .. } if mode == Mode::Tcp => {
                Balance::RoundRobin
            }
            algorithm => algorithm,
        };
        let kind = settings.balancing.hash_type.unwrap_or(HashType::DEFAULT);
        BalancePlan {
            algorithm,
            method: kind.method,
            hashing: Hashing::of(kind),
            load_factor: settings.balancing.hash_balance_factor.map_or(0, |factor| factor.get()),
            all_backups: settings.balancing.allbackups.unwrap_or(false),
        }
    }
}

impl BalancePlan {
    /// Whether servers stand in a list, in which they have all of their weight or nothing.
    pub fn is_listed(&self) -> bool {
        match self.algorithm {
            Balance::StaticRr => true,
            Balance::Source
            | Balance::Uri(_)
            | Balance::UrlParam { .. }
            | Balance::Header { .. }
            | Balance::RdpCookie(_)
            | Balance::Hash(_) => self.method == HashMethod::MapBased,
            _ => false,
        }
    }
}

impl Default for BalancePlan {
    fn default() -> Self {
        BalancePlan::of(&BackendSettings::default(), Mode::Http)
    }
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
            next_step: AtomicU64::new(0),
            clock: OnceLock::new(),
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
        self.change(now, |roster| roster.enroll(server, now));
    }

    /// Looks at a server again: its state or its share of traffic may have changed.
    pub fn refresh(&self, server: &ServerPlan, now: u64) {
        self.change(now, |roster| roster.refresh(server.seat, now));
    }

    /// Lets a server go.
    pub fn dismiss(&self, seat: u32) {
        let mut roster = self.roster.write();
        roster.dismiss(seat);
        self.choosable.store(roster.choosable(), Ordering::Relaxed);
    }

    /// Makes this the picker in force: it reads the notes about loads from now on.
    pub fn take_over(&self, now: u64) {
        self.change(now, |roster| {
            let heard_nothing = !self.in_force.swap(true, Ordering::Relaxed);
            if self.backend.seats.read_by(self.number, roster.heeds_loads()) || heard_nothing {
                roster.refresh_all(now);
            }
        });
    }

    /// The seat of the server for a new request: one that fits, the best by the algorithm.
    pub fn pick(&self, key: Key, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        let next_step = self.next_step.load(Ordering::Relaxed);
        if next_step != 0 && self.now() >= next_step {
            let now = self.now();
            self.change(now, |roster| roster.warm_up(now));
        }
        let in_flight = self.backend.sessions.now();
        if self.backend.seats.has_notes(self.number) {
            let mut roster = self.roster.write();
            roster.heed(&self.backend.seats);
            return roster.pick(key, in_flight, &fit);
        }
        self.roster.read().pick(key, in_flight, &fit)
    }

    fn change(&self, now: u64, change: impl FnOnce(&mut Roster)) {
        self.clock.get_or_init(|| (Instant::now(), now));
        let mut roster = self.roster.write();
        change(&mut roster);
        self.choosable.store(roster.choosable(), Ordering::Relaxed);
        self.next_step.store(if roster.is_warming() { now + STEP } else { 0 }, Ordering::Relaxed);
    }

    /// The process's clock, as far as it was told.
    fn now(&self) -> u64 {
        self.clock.get().map_or(0, |(instant, then)| then + instant.elapsed().as_millis() as u64)
    }
}

/// Units of effective weight in one of weight: what a server that is warming up has less than its whole weight.
pub const UNITS: u64 = 16;
/// Milliseconds between two looks at servers that are warming up.
const STEP: u64 = 20;
