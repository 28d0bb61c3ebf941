//! What is observed of servers.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Instant;

use super::counter::Sheet;
use super::seats::Seat;
use super::{BackendLive, Counter, Exchanges, Gauge, Health, Location, Queue};

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
    /// Who waits for this server alone.
    pub queue: Queue,
    /// How much it takes now.
    pub room: Room,
    /// Where it sits in its backend's picker.
    pub(super) seat: Seat,
    /// When the server last went up or down, in milliseconds on the process's clock.
    pub changed: AtomicU64,
    /// When it came back after being out of service, in milliseconds on the process's clock; 0 when it never did.
    pub risen: AtomicU64,
    /// Whether it is up.
    pub health: Health,
    /// Idle connections in each worker.
    pub idle: Counter,
    /// Of those, the ones that served more than one request.
    pub idle_safe: Counter,
    /// Connections that rest with the one client that may use them.
    pub idle_private: Counter,
    /// Connections that each worker expects to need.
    pub needed: Counter,
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
            idle: sheet.counter(),
            idle_safe: sheet.counter(),
            idle_private: sheet.counter(),
            needed: sheet.counter(),
            connections_used: Gauge::default(),
            connections_idle: Gauge::default(),
            queue: Queue::default(),
            room: Room::default(),
            seat: Seat::default(),
            changed: AtomicU64::new(0),
            risen: AtomicU64::new(0),
            health: Health::default(),
            generation: AtomicU32::new(0),
            location: Location::default(),
        }
    }

    /// Takes a place on the server, unless `limit` (0: none) are taken; tells whether it did.
    pub fn occupy(&self, backend: &BackendLive, limit: u32) -> bool {
        let risen = self.sessions.rise_below(limit);
        if risen {
            backend.seats.note(self);
        }
        risen
    }

    /// Gives a place back, to the next who waits for it.
    pub fn vacate(self: &Arc<Self>, backend: &BackendLive) {
        self.leave(backend);
        // Without limits nobody ever queues, and the queues' locks stay untouched.
        backend.feed(self);
    }

    /// Gives a place back, and lets nobody know.
    pub(super) fn leave(&self, backend: &BackendLive) {
        self.sessions.fall();
        backend.seats.note(self);
    }

    /// Most connections now, 0 for no limit.
    pub fn limit(&self, backend: &BackendLive) -> u32 {
        let room = &self.room;
        let (most, least) = (room.most.load(Ordering::Relaxed), room.least.load(Ordering::Relaxed));
        room.warmed(limit_between(least, most, backend))
    }

    /// Whether who waits for this server has something to wait for.
    pub fn is_up(&self) -> bool {
        self.room.up.load(Ordering::Relaxed)
    }

    /// Whether who waits for any server may have this one.
    pub fn is_open(&self) -> bool {
        self.room.open.load(Ordering::Relaxed)
    }

    /// Clears the highest values, and with `all` every counter.
    pub fn clear(&self, all: bool) {
        self.sessions.clear();
        self.exchanges.clear(all);
        self.connections_used.clear();
        self.connections_idle.clear();
        self.queue.clear();
        if all {
            self.health.clear();
        }
    }
}

/// How much a server takes, by the newest plan: those who give places back may hold an older one.
#[derive(Debug, Default)]
pub struct Room {
    most: AtomicU32,
    least: AtomicU32,
    open: AtomicBool,
    up: AtomicBool,
    /// While it warms up: when that ends, in milliseconds on a clock of the process, and how long it takes; or else 0.
    warm_at: AtomicU64,
    warms_for: AtomicU32,
}

impl Room {
    /// Notes the limits (0: none), whether requests that any server may take may be given to it, and whether those
    /// that are tied to it may.
    pub fn set(&self, (least, most): (u32, u32), open: bool, up: bool) {
        self.most.store(most, Ordering::Relaxed);
        self.least.store(least, Ordering::Relaxed);
        self.open.store(open, Ordering::Relaxed);
        self.up.store(up, Ordering::Relaxed);
    }

    /// Notes that the limit grows to the whole during so many milliseconds from now, the rest of so many.
    pub fn warm_up(&self, rest: u64, whole: u32) {
        self.warms_for.store(whole, Ordering::Relaxed);
        self.warm_at.store(clock() + rest, Ordering::Relaxed);
    }

    /// The part of a limit that holds now (configuration manual 5.2 "slowstart").
    pub fn warmed(&self, limit: u32) -> u32 {
        let end = self.warm_at.load(Ordering::Relaxed);
        if end == 0 || limit == 0 {
            return limit;
        }
        let rest = end.saturating_sub(clock());
        if rest == 0 {
            self.warm_at.store(0, Ordering::Relaxed);
            return limit;
        }
        let whole = u64::from(self.warms_for.load(Ordering::Relaxed)).max(1);
        let part = u64::from(limit) * whole.saturating_sub(rest) / whole;
        u32::try_from(part).unwrap_or(limit).clamp(1, limit)
    }
}

/// Milliseconds on a clock of this process.
fn clock() -> u64 {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed().as_millis() as u64 + 1
}

/// The limit on the ramp from `least` to `most`, which it reaches when the backend has its full load
/// (configuration manual 5.2 "minconn"); 0 for none.
pub fn limit_between(least: u32, most: u32, backend: &BackendLive) -> u32 {
    if least == 0 || least >= most {
        return most;
    }
    let full = backend.fullconn.load(Ordering::Relaxed);
    let load = backend.sessions.now();
    if full == 0 || load >= full {
        return most;
    }
    let share = u64::from(load) * u64::from(most) / u64::from(full);
    u32::try_from(share).unwrap_or(most).clamp(least, most)
}
