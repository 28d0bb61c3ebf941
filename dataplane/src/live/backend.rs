//! What is observed of backends.

use std::sync::atomic::{AtomicU32, AtomicU64};

use super::counter::Sheet;
use super::{Counter, Exchanges, Exhibit, Gauge, Outages, Queue, Seats};

/// What is observed of a backend.
#[derive(Debug)]
pub struct BackendLive {
    /// Requests or connections being served or queued now.
    pub sessions: Gauge,
    /// What it carried.
    pub exchanges: Exchanges,
    /// Requests refused by rules.
    pub denied_requests: Counter,
    /// Who waits for a free place on any server.
    pub queue: Queue,
    /// Connections at which servers with a dynamic limit take the most; 0 when that is not known.
    pub fullconn: AtomicU32,
    /// Where its servers sit in the picker.
    pub seats: Seats,
    /// When the backend last went up or down, in milliseconds on the process's clock.
    pub changed: AtomicU64,
    /// The last response in which something was wrong.
    pub malformed: Exhibit,
    /// When it had no server left.
    pub outages: Outages,
}

impl BackendLive {
    pub(super) fn new(workers: usize) -> BackendLive {
        let mut sheet = Sheet::new(workers);
        BackendLive {
            sessions: Gauge::default(),
            exchanges: Exchanges::new(&mut sheet),
            denied_requests: sheet.counter(),
            queue: Queue::default(),
            fullconn: AtomicU32::new(0),
            seats: Seats::default(),
            changed: AtomicU64::new(0),
            malformed: Exhibit::default(),
            outages: Outages::default(),
        }
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.sessions.clear();
        self.exchanges.clear(all);
        self.queue.clear();
        if all {
            self.denied_requests.clear();
            self.outages.clear();
        }
    }
}
