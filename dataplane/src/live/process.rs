//! What is observed of the process as a whole.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use super::counter::Sheet;
use super::{Counter, Gauge, Rate};

/// What is observed of the process as a whole; also its clock.
#[derive(Debug)]
pub struct ProcessLive {
    started: Instant,
    started_unix: u64,
    /// Client connections now.
    pub connections: Gauge,
    /// Client connections since start.
    pub connections_total: Counter,
    /// HTTP requests since start.
    pub requests_total: Counter,
    /// New client connections a second.
    pub connection_rate: Rate,
    /// New sessions a second.
    pub session_rate: Rate,
    /// Requests, or TCP sessions, that say their number.
    pub numbered: AtomicU32,
    /// Questions about host names that came to nothing.
    pub failed_resolutions: AtomicU64,
    /// Messages in which something was wrong.
    pub malformed: AtomicU64,
    /// Log lines that could not be sent.
    pub dropped_logs: AtomicU64,
    /// Listening sockets open.
    pub listeners: Gauge,
    /// How often a client had to wait because of the process's connection limit.
    pub maxconn_reached: AtomicU64,
    /// Per worker: microseconds spent working, for the idle percentage.
    pub busy_micros: Counter,
    /// Client connections that it takes where the configuration does not say.
    pub default_maxconn: AtomicU32,
    /// Whether a soft stop has begun.
    pub stopping: AtomicBool,
}

impl ProcessLive {
    pub(super) fn new(workers: usize) -> ProcessLive {
        let mut sheet = Sheet::new(workers);
        ProcessLive {
            started: Instant::now(),
            started_unix: SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64),
            connections: Gauge::default(),
            connections_total: sheet.counter(),
            requests_total: sheet.counter(),
            connection_rate: Rate::default(),
            session_rate: Rate::default(),
            numbered: AtomicU32::new(0),
            failed_resolutions: AtomicU64::new(0),
            malformed: AtomicU64::new(0),
            dropped_logs: AtomicU64::new(0),
            listeners: Gauge::default(),
            maxconn_reached: AtomicU64::new(0),
            busy_micros: sheet.counter(),
            default_maxconn: AtomicU32::new(0),
            stopping: AtomicBool::new(false),
        }
    }

    /// The process's clock: milliseconds since it started, never 0.
    pub fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    /// The process's clock at an instant.
    pub fn at(&self, instant: Instant) -> u64 {
        instant.saturating_duration_since(self.started).as_millis() as u64 + 1
    }

    /// When the process started, in milliseconds since the Unix epoch.
    pub fn started_unix(&self) -> u64 {
        self.started_unix
    }

    /// Whether a soft stop has begun.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    /// Clears the highest values.
    pub fn clear(&self) {
        self.connections.clear();
        self.connection_rate.clear();
        self.session_rate.clear();
    }
}
