//! What happens to servers, in order: who decides takes turns, and who must hear of it finds it here.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Waker;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex, MutexGuard};
use regate_proto::model::{Name, ServerRef, Severity};

use super::health::Operational;

/// The order of what happens to servers.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Held by who changes how a server stands, so that what is told is told in order.
    turn: Mutex<()>,
    notices: Mutex<VecDeque<Notice>>,
    written: Condvar,
    closed: AtomicBool,
    /// Bumped whenever what a restart should know is another.
    changes: AtomicU64,
    /// Who waits for the next configuration or order.
    schedules: Mutex<Vec<Waker>>,
    bumps: AtomicU64,
    /// How servers stood before the process started.
    kept: Mutex<HashMap<ServerRef, (Operational, u32)>>,
    /// Who follows whom.
    followers: Mutex<HashMap<ServerRef, Vec<ServerRef>>>,
}

/// Something to be told.
#[derive(Debug)]
pub enum Notice {
    /// A line for the log of a backend.
    Line {
        /// The backend.
        backend: Name,
        /// How important it is.
        severity: Severity,
        /// What it says.
        text: String,
    },
    /// A line for the log of a frontend.
    Frontend {
        /// The frontend.
        frontend: Name,
        /// How important it is.
        severity: Severity,
        /// What it says.
        text: String,
    },
    /// A server stands otherwise than before.
    Changed {
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

impl Ledger {
    /// Waits for the turn to change how servers stand. Whoever holds it must not take it again.
    pub fn take_turn(&self) -> MutexGuard<'_, ()> {
        self.turn.lock()
    }

    /// Writes something down; bounded: what nobody reads in time is dropped, the oldest first.
    pub fn write(&self, notice: Notice) {
        let mut notices = self.notices.lock();
        if notices.len() >= MOST_NOTICES {
            notices.pop_front();
        }
        notices.push_back(notice);
        self.written.notify_one();
    }

    /// Waits for something written, at most so long; tells whether more may come.
    pub fn read(&self, out: &mut Vec<Notice>, longest: Duration) -> bool {
        let deadline = Instant::now() + longest;
        let mut notices = self.notices.lock();
        while notices.is_empty() && !self.closed.load(Ordering::Acquire) {
            if self.written.wait_until(&mut notices, deadline).timed_out() {
                break;
            }
        }
        out.extend(notices.drain(..));
        !(out.is_empty() && self.closed.load(Ordering::Acquire))
    }

    /// Nothing more is written.
    pub fn close(&self) {
        let _notices = self.notices.lock();
        self.closed.store(true, Ordering::Release);
        self.written.notify_all();
    }

    /// Notes that what a restart should know is another.
    pub fn note_change(&self) {
        self.changes.fetch_add(1, Ordering::Release);
    }

    /// How often that was noted.
    pub fn changes(&self) -> u64 {
        self.changes.load(Ordering::Acquire)
    }

    /// Wakes the schedules of all workers: there is a new configuration, or an order.
    pub fn wake_schedules(&self) {
        self.bumps.fetch_add(1, Ordering::Release);
        let wakers = std::mem::take(&mut *self.schedules.lock());
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How often the schedules were woken; registers who wants to be, when it is this often.
    pub fn poll_bumps(&self, seen: u64, waker: &Waker) -> u64 {
        let mut schedules = self.schedules.lock();
        let bumps = self.bumps.load(Ordering::Acquire);
        if bumps == seen && !schedules.iter().any(|known| known.will_wake(waker)) {
            schedules.push(waker.clone());
        }
        bumps
    }

    /// Notes how servers stood before the process started; what was noted first holds.
    pub fn keep(&self, standings: HashMap<ServerRef, (Operational, u32)>) {
        let mut kept = self.kept.lock();
        for (at, standing) in standings {
            kept.entry(at).or_insert(standing);
        }
    }

    /// How a server stood before the process started; told once.
    pub fn kept(&self, at: &ServerRef) -> Option<(Operational, u32)> {
        self.kept.lock().remove(at)
    }

    /// Notes who follows a server.
    pub fn follow(&self, leader: &ServerRef, follower: &ServerRef) {
        let mut followers = self.followers.lock();
        let known = followers.entry(leader.clone()).or_default();
        if !known.contains(follower) {
            known.push(follower.clone());
        }
    }

    /// Who followed a server at some time; whether it still does is for the configuration to say.
    pub fn followers(&self, leader: &ServerRef) -> Vec<ServerRef> {
        self.followers.lock().get(leader).cloned().unwrap_or_default()
    }
}

/// Notices that wait to be read.
const MOST_NOTICES: usize = 16 * 1024;
