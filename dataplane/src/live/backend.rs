//! What is observed of backends.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counter::Sheet;
use super::{Counter, Gauge, Mean, Queue, Rate, Statuses, Traffic};

/// What is observed of a backend.
#[derive(Debug)]
pub struct BackendLive {
    /// Requests or connections being served or queued now.
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
    /// Requests that found no way to a server.
    pub connection_errors: Counter,
    /// Invalid responses and broken transfers.
    pub response_errors: Counter,
    /// Requests refused by rules.
    pub denied_requests: Counter,
    /// Responses refused by rules.
    pub denied_responses: Counter,
    /// Further attempts to connect to a server.
    pub retries: Counter,
    /// Requests sent to another server than the one first chosen.
    pub redispatches: Counter,
    /// Choices made by the balancing algorithm.
    pub chosen: Counter,
    /// Transfers cut short by clients.
    pub client_aborts: Counter,
    /// Transfers cut short by servers.
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
    /// Who waits for a free slot of a server.
    pub queue: Queue,
    /// When a session last came, in milliseconds on the process's clock; 0 for never.
    last_session: AtomicU64,
    /// When the backend last went up or down, in milliseconds on the process's clock.
    pub changed: AtomicU64,
}

impl BackendLive {
    pub(super) fn new(workers: usize) -> BackendLive {
        let mut sheet = Sheet::new(workers);
        BackendLive {
            sessions: Gauge::default(),
            sessions_total: sheet.counter(),
            session_rate: Rate::default(),
            traffic: Traffic::new(&mut sheet),
            requests: sheet.counter(),
            statuses: Statuses::new(&mut sheet),
            connection_errors: sheet.counter(),
            response_errors: sheet.counter(),
            denied_requests: sheet.counter(),
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
            queue: Queue::default(),
            last_session: AtomicU64::new(0),
            changed: AtomicU64::new(0),
        }
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
        self.queue.clear();
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
                &self.denied_requests,
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
