//! What is counted alike of a server and of a backend: the exchanges that it carried, and how they went.

use std::sync::atomic::{AtomicU64, Ordering};

use super::counter::Sheet;
use super::{Counter, Mean, Rate, Statuses, Traffic};

/// The exchanges that a server or a backend carried. An exchange is an HTTP request with its response, or a TCP
/// session.
#[derive(Debug)]
pub struct Exchanges {
    /// Exchanges since start.
    pub sessions_total: Counter,
    /// New ones a second.
    pub session_rate: Rate,
    /// Bytes from and to clients.
    pub traffic: Traffic,
    /// HTTP requests.
    pub requests: Counter,
    /// HTTP responses by class.
    pub statuses: Statuses,
    /// Failed attempts to connect; of a backend, requests that found no way to a server.
    pub connection_errors: Counter,
    /// Invalid responses and broken transfers.
    pub response_errors: Counter,
    /// Responses refused by rules.
    pub denied_responses: Counter,
    /// Further attempts.
    pub retries: Counter,
    /// Requests taken to another server than the one first chosen.
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
    /// When one last came, in milliseconds on the process's clock; 0 for never.
    last_session: AtomicU64,
}

impl Exchanges {
    pub(super) fn new(sheet: &mut Sheet) -> Exchanges {
        Exchanges {
            sessions_total: sheet.counter(),
            session_rate: Rate::default(),
            traffic: Traffic::new(sheet),
            requests: sheet.counter(),
            statuses: Statuses::new(sheet),
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
            last_session: AtomicU64::new(0),
        }
    }

    /// Counts an exchange that comes now (milliseconds on the process's clock).
    pub fn begin(&self, worker: usize, now: u64) {
        self.sessions_total.add(worker, 1);
        self.session_rate.add(now);
        if self.last_session.load(Ordering::Relaxed) / 1000 != now / 1000 {
            self.last_session.store(now, Ordering::Relaxed);
        }
    }

    /// When one last came.
    pub fn last_session(&self) -> Option<u64> {
        Some(self.last_session.load(Ordering::Relaxed)).filter(|at| *at != 0)
    }

    /// Adds the milliseconds in the queue, connecting, waiting for the response, and in all.
    pub fn add_times(&self, times: [u32; 4]) {
        self.means().into_iter().zip(times).for_each(|(mean, time)| mean.add(time));
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.session_rate.clear();
        self.means().into_iter().for_each(Mean::clear);
        if all {
            self.means().into_iter().for_each(Mean::forget);
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

    fn means(&self) -> [&Mean; 4] {
        [&self.queue_time, &self.connect_time, &self.response_time, &self.total_time]
    }
}
