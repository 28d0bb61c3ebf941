//! What is observed of servers.

use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

use super::counter::Sheet;
use super::{BackendLive, Counter, Gauge, Mean, Rate, Statuses, Traffic};

/// What is observed of a server.
#[derive(Debug)]
pub struct ServerLive {
    /// Requests or connections being served now.
    pub sessions: Gauge,
    /// Those since start.
    pub sessions_total: Counter,
    /// New ones a second.
    pub session_rate: Rate,
    /// Bytes from and to clients.
    pub traffic: Traffic,
    /// HTTP requests.
    pub requests: Counter,
    /// HTTP responses by class.
    pub statuses: Statuses,
    /// Failed attempts to connect.
    pub connection_errors: Counter,
    /// Invalid responses and broken transfers.
    pub response_errors: Counter,
    /// Responses refused by rules.
    pub denied_responses: Counter,
    /// Further attempts to connect.
    pub retries: Counter,
    /// Requests taken to another server.
    pub redispatches: Counter,
    /// Choices made by the balancing algorithm.
    pub chosen: Counter,
    /// Transfers cut short by clients.
    pub client_aborts: Counter,
    /// Transfers cut short by the server.
    pub server_aborts: Counter,
    /// Connection attempts.
    pub connects: Counter,
    /// Requests over connections that existed already.
    pub reuses: Counter,
    /// Failures of the proxy itself.
    pub internal_errors: Counter,
    /// Milliseconds in the queue.
    pub queue_time: Mean,
    /// Milliseconds to connect.
    pub connect_time: Mean,
    /// Milliseconds until the response's head.
    pub response_time: Mean,
    /// Milliseconds of the whole exchange.
    pub total_time: Mean,
    /// Connections in use, by requests or tunnels.
    pub connections_used: Gauge,
    /// Idle connections kept, over all workers.
    pub connections_idle: Gauge,
    /// Where round robin stands with this server; kept so that a change of weights does not start it anew.
    pub turn: AtomicU64,
    last_session: AtomicU64,
    /// When the server last went up or down, in milliseconds on the process's clock.
    pub changed: AtomicU64,
    /// Bumped whenever connections kept to the server must not be used again: its address changed.
    pub generation: AtomicU32,
}

impl ServerLive {
    pub(super) fn new(workers: usize) -> ServerLive {
        let mut sheet = Sheet::new(workers);
        ServerLive {
            sessions: Gauge::default(),
            sessions_total: sheet.counter(),
            session_rate: Rate::default(),
            traffic: Traffic::new(&mut sheet),
            requests: sheet.counter(),
            statuses: Statuses::new(&mut sheet),
            connection_errors: sheet.counter(),
            response_errors: sheet.counter(),
            denied_responses: sheet.counter(),
            retries: sheet.counter(),
            redispatches: sheet.counter(),
            chosen: sheet.counter(),
            client_aborts: sheet.counter(),
            server_aborts: sheet.counter(),
            connects: sheet.counter(),
            reuses: sheet.counter(),
            internal_errors: sheet.counter(),
            queue_time: Mean::default(),
            connect_time: Mean::default(),
            response_time: Mean::default(),
            total_time: Mean::default(),
            connections_used: Gauge::default(),
            connections_idle: Gauge::default(),
            turn: AtomicU64::new(0),
            last_session: AtomicU64::new(0),
            changed: AtomicU64::new(0),
            generation: AtomicU32::new(0),
        }
    }

    /// Takes a place on the server, unless `maxconn` (0: no limit) are taken.
    pub fn occupy<'a>(&'a self, backend: &'a BackendLive, maxconn: u32) -> Option<Slot<'a>> {
        self.sessions.rise_below(maxconn).then_some(Slot { server: self, backend })
    }

    /// Notes that a session came now (milliseconds on the process's clock).
    pub fn note_session(&self, now: u64) {
        if self.last_session.load(Ordering::Relaxed) / 1000 != now / 1000 {
            self.last_session.store(now, Ordering::Relaxed);
        }
    }

    /// When a session last came.
    pub fn last_session(&self) -> Option<u64> {
        Some(self.last_session.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.sessions.clear();
        self.session_rate.clear();
        self.connections_used.clear();
        self.connections_idle.clear();
        for mean in [&self.queue_time, &self.connect_time, &self.response_time, &self.total_time] {
            mean.clear();
        }
        if all {
            self.traffic.clear();
            self.statuses.clear();
            let counters = [
                &self.sessions_total,
                &self.requests,
                &self.connection_errors,
                &self.response_errors,
                &self.denied_responses,
                &self.retries,
                &self.redispatches,
                &self.chosen,
                &self.client_aborts,
                &self.server_aborts,
                &self.connects,
                &self.reuses,
                &self.internal_errors,
            ];
            counters.into_iter().for_each(Counter::clear);
        }
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
        // Without limits nobody ever queues, and the queue's lock stays untouched.
        if !self.backend.queue.is_empty() {
            self.backend.queue.grant_next();
        }
    }
}
