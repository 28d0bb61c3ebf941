//! What is observed of frontends and binds.

use std::sync::atomic::{AtomicU32, Ordering};

use super::counter::Sheet;
use super::{Counter, Exhibit, Gauge, Rate, Statuses, Traffic};

/// What is observed of a frontend.
#[derive(Debug)]
pub struct FrontendLive {
    /// Client connections now.
    pub sessions: Gauge,
    /// Client connections accepted, those of sessions refused later included.
    pub connections: Counter,
    /// Sessions since start.
    pub sessions_total: Counter,
    /// New connections a second.
    pub connection_rate: Rate,
    /// New sessions a second.
    pub session_rate: Rate,
    /// Bytes from and to clients.
    pub traffic: Traffic,
    /// HTTP requests.
    pub requests: Counter,
    /// HTTP requests a second.
    pub request_rate: Rate,
    /// HTTP responses by class.
    pub statuses: Statuses,
    /// Requests that were malformed, timed out or aborted before they were complete.
    pub request_errors: Counter,
    /// Requests refused by rules.
    pub denied_requests: Counter,
    /// Connections refused by `tcp-request connection`.
    pub denied_connections: Counter,
    /// Sessions refused by `tcp-request session`.
    pub denied_sessions: Counter,
    /// Responses refused by rules.
    pub denied_responses: Counter,
    /// Requests answered without a backend.
    pub intercepted: Counter,
    /// Failures of the proxy itself.
    pub internal_errors: Counter,
    /// HTTP/1 sessions.
    pub h1_sessions: Counter,
    /// HTTP/1 requests.
    pub h1_requests: Counter,
    /// HTTP/1 requests that were begun, also those that never became complete.
    pub h1_streams_begun: Counter,
    /// Of those, the ones that are over.
    pub h1_streams_ended: Counter,
    /// The last request in which something was wrong.
    pub malformed: Exhibit,
    /// Log lines that say their number.
    lines: AtomicU32,
}

impl FrontendLive {
    /// The number of the next log line that says it, from 0.
    pub fn count_line(&self) -> u32 {
        self.lines.fetch_add(1, Ordering::Relaxed)
    }

    /// Counts an HTTP request that comes now (milliseconds on the process's clock).
    pub fn count_request(&self, worker: usize, now: u64) {
        self.requests.add(worker, 1);
        self.h1_requests.add(worker, 1);
        self.request_rate.add(now);
    }

    pub(super) fn new(workers: usize) -> FrontendLive {
        let mut sheet = Sheet::new(workers);
        FrontendLive {
            sessions: Gauge::default(),
            connections: sheet.counter(),
            sessions_total: sheet.counter(),
            connection_rate: Rate::default(),
            session_rate: Rate::default(),
            traffic: Traffic::new(&mut sheet),
            requests: sheet.counter(),
            request_rate: Rate::default(),
            statuses: Statuses::new(&mut sheet),
            request_errors: sheet.counter(),
            denied_requests: sheet.counter(),
            denied_connections: sheet.counter(),
            denied_sessions: sheet.counter(),
            denied_responses: sheet.counter(),
            intercepted: sheet.counter(),
            internal_errors: sheet.counter(),
            h1_sessions: sheet.counter(),
            h1_requests: sheet.counter(),
            h1_streams_begun: sheet.counter(),
            h1_streams_ended: sheet.counter(),
            malformed: Exhibit::default(),
            lines: AtomicU32::new(0),
        }
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.sessions.clear();
        for rate in [&self.connection_rate, &self.session_rate, &self.request_rate] {
            rate.clear();
        }
        if all {
            self.traffic.clear();
            self.statuses.clear();
            let counters = [
                &self.connections,
                &self.sessions_total,
                &self.requests,
                &self.request_errors,
                &self.denied_requests,
                &self.denied_connections,
                &self.denied_sessions,
                &self.denied_responses,
                &self.intercepted,
                &self.internal_errors,
                &self.h1_sessions,
                &self.h1_requests,
            ];
            counters.into_iter().for_each(Counter::clear);
        }
    }
}

/// What is observed of a bind.
#[derive(Debug)]
pub struct BindLive {
    /// Client connections now.
    pub sessions: Gauge,
    /// Client connections since start.
    pub connections: Counter,
    /// Bytes from and to clients.
    pub traffic: Traffic,
    /// Requests that were malformed, timed out or aborted before they were complete.
    pub request_errors: Counter,
    /// Requests refused by rules.
    pub denied_requests: Counter,
    /// Responses refused by rules.
    pub denied_responses: Counter,
    /// Connections refused by `tcp-request connection`.
    pub denied_connections: Counter,
    /// Sessions refused by `tcp-request session`.
    pub denied_sessions: Counter,
    /// Failures of the proxy itself.
    pub internal_errors: Counter,
}

impl BindLive {
    pub(super) fn new(workers: usize) -> BindLive {
        let mut sheet = Sheet::new(workers);
        BindLive {
            sessions: Gauge::default(),
            connections: sheet.counter(),
            traffic: Traffic::new(&mut sheet),
            request_errors: sheet.counter(),
            denied_requests: sheet.counter(),
            denied_responses: sheet.counter(),
            denied_connections: sheet.counter(),
            denied_sessions: sheet.counter(),
            internal_errors: sheet.counter(),
        }
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.sessions.clear();
        if all {
            self.traffic.clear();
            let counters = [
                &self.connections,
                &self.request_errors,
                &self.denied_requests,
                &self.denied_responses,
                &self.denied_connections,
                &self.denied_sessions,
                &self.internal_errors,
            ];
            counters.into_iter().for_each(Counter::clear);
        }
    }
}
