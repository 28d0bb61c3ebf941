//! What is observed of servers.

use std::sync::atomic::{AtomicU32, AtomicU64};

use super::counter::Sheet;
use super::seats::Seat;
use super::{BackendLive, Exchanges, Gauge, Location};

/// What is observed of a server.
#[derive(Debug)]
pub struct ServerLive {
    /// Requests or connections being served now.
    pub sessions: Gauge,
    /// What it carried.
    pub exchanges: Exchanges,
    /// Connections in use, by requests or tunnels.
    pub connections_used: Gauge,
    /// Idle connections kept, over all workers.
    pub connections_idle: Gauge,
    /// Where it sits in its backend's picker.
    pub(super) seat: Seat,
    /// When the server last went up or down, in milliseconds on the process's clock.
    pub changed: AtomicU64,
    /// When it came back after being out of service, in milliseconds on the process's clock; 0 when it never did.
    pub risen: AtomicU64,
    /// Bumped whenever connections kept to the server must not be used again: its address changed.
    pub generation: AtomicU32,
    /// Where its host name leads, if it has one.
    pub location: Location,
}

impl ServerLive {
    pub(super) fn new(workers: usize) -> ServerLive {
        let mut sheet = Sheet::new(workers);
        ServerLive {
            sessions: Gauge::default(),
            exchanges: Exchanges::new(&mut sheet),
            connections_used: Gauge::default(),
            connections_idle: Gauge::default(),
            seat: Seat::default(),
            changed: AtomicU64::new(0),
            risen: AtomicU64::new(0),
            generation: AtomicU32::new(0),
            location: Location::default(),
        }
    }

    /// Takes a place on the server, unless `maxconn` (0: no limit) are taken.
    pub fn occupy<'a>(&'a self, backend: &'a BackendLive, maxconn: u32) -> Option<Slot<'a>> {
        let taken = self.sessions.rise_below(maxconn);
        if taken {
            backend.seats.note(self);
        }
        taken.then_some(Slot { server: self, backend })
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.sessions.clear();
        self.exchanges.clear(all);
        self.connections_used.clear();
        self.connections_idle.clear();
    }
}

/// A place on a server; giving it back lets the next in the queue go on.
#[derive(Debug)]
pub struct Slot<'a> {
    server: &'a ServerLive,
    backend: &'a BackendLive,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.server.sessions.fall();
        self.backend.seats.note(self.server);
        // Without limits nobody ever queues, and the queue's lock stays untouched.
        if !self.backend.queue.is_empty() {
            self.backend.queue.grant_next();
        }
    }
}
