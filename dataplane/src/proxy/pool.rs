//! The idle connections to servers that one worker keeps, and how many of them it keeps.
//!
//! A shelf per server: it lends connections out and takes them back. It never keeps more than were in use at
//! once not long ago, for clients that come for one request each would otherwise leave a connection each.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use regate_proto::model::{Admin, HttpReuse};

use super::stream::Stream;
use crate::live::ServerLive;
use crate::snapshot::ServerPlan;

/// Where a connection leads and where it starts from, when that is up to each client.
pub(crate) type Aim = [Option<SocketAddr>; 2];

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) stream: Stream,
    generation: u32,
    /// Where it leads, and whence.
    aim: Aim,
    /// Exchanges that it has carried.
    served: u32,
    /// Held while it rests with a client of its own.
    private: Option<Private>,
}

/// One more connection that rests with the one client that may use it.
#[derive(Debug)]
struct Private {
    live: Arc<ServerLive>,
    worker: usize,
}

/// Idle connections of one worker, by server.
#[derive(Debug)]
pub(crate) struct Pool {
    worker: usize,
    shelves: RefCell<HashMap<usize, Rc<Shelf>>>,
}

/// Idle connections to one server, the latest used last.
#[derive(Debug)]
struct Shelf {
    live: Arc<ServerLive>,
    worker: usize,
    idle: RefCell<Vec<Upstream>>,
    purge_delay: Cell<u32>,
    /// The fewest that lay here since the last purge: so many were superfluous.
    fewest: Cell<usize>,
    purged: Cell<Instant>,
    /// Connections in use now, and the most in use at once since the last purge.
    used: Cell<usize>,
    peak: Cell<usize>,
}

/// The right to use one connection to a server; dropping it ends the use.
#[derive(Debug)]
pub(crate) struct Loan(Rc<Shelf>);

impl Upstream {
    /// A connection made when the server's address was of this generation.
    pub(crate) fn new(stream: Stream, generation: u32, aim: Aim) -> Upstream {
        Upstream { stream, generation, aim, served: 0, private: None }
    }

    /// Whether it leads where a client wants to go, at a server that lets clients say it.
    pub(crate) fn leads_to(&self, aim: Aim) -> bool {
        self.aim == aim
    }

    /// Notes that it has carried an exchange.
    pub(crate) fn note_served(&mut self) {
        self.served = self.served.saturating_add(1);
    }

    /// Lays it aside for the one client that may use it.
    pub(crate) fn reserve(&mut self, live: &Arc<ServerLive>, worker: usize) {
        live.idle_private.add(worker, 1);
        self.private = Some(Private { live: live.clone(), worker });
    }

    /// Takes it up again.
    pub(crate) fn resume(&mut self) {
        self.private = None;
    }

    /// Whether a further exchange may go over it: it still stands, and leads where the server now is.
    pub(crate) fn is_usable(&self, live: &ServerLive) -> bool {
        self.generation == live.generation.load(Ordering::Relaxed) && !self.stream.is_spent()
    }
}

impl Pool {
    /// The empty pool of a worker.
    pub(crate) fn new(worker: usize) -> Pool {
        Pool { worker, shelves: RefCell::default() }
    }

    /// The use of one connection to a server.
    pub(crate) fn lend(&self, server: &ServerPlan) -> Loan {
        // What is observed of a server is the same value in every snapshot.
        let key = Arc::as_ptr(&server.live) as usize;
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.entry(key).or_insert_with(|| Rc::new(Shelf::new(&server.live, self.worker)));
        shelf.purge_delay.set(server.pool_purge_delay);
        shelf.used.set(shelf.used.get() + 1);
        if shelf.used.get() > shelf.peak.get() {
            shelf.note_peak(shelf.used.get());
        }
        server.live.connections_used.rise();
        Loan(shelf.clone())
    }

    /// Closes connections that their server closed, that lead to an old address, or that nobody needed.
    pub(crate) fn purge(&self, now: Instant) {
        self.shelves.borrow_mut().retain(|_, shelf| {
            shelf.purge(now);
            shelf.used.get() > 0 || !shelf.idle.borrow().is_empty()
        });
    }

    /// Closes the idle connections to a server.
    pub(crate) fn forget(&self, live: &Arc<ServerLive>) {
        if let Some(shelf) = self.shelves.borrow().get(&(Arc::as_ptr(live) as usize)) {
            shelf.clear();
        }
    }

    /// Closes every idle connection.
    pub(crate) fn clear(&self) {
        self.shelves.borrow().values().for_each(|shelf| shelf.clear());
    }
}

impl Shelf {
    fn new(live: &Arc<ServerLive>, worker: usize) -> Shelf {
        Shelf {
            live: live.clone(),
            worker,
            idle: RefCell::default(),
            purge_delay: Cell::new(0),
            fewest: Cell::new(0),
            purged: Cell::new(Instant::now()),
            used: Cell::new(0),
            peak: Cell::new(0),
        }
    }

    /// A connection lies here now.
    fn note_kept(&self, upstream: &Upstream) {
        self.live.connections_idle.rise();
        self.live.idle.add(self.worker, 1);
        self.live.idle_safe.add(self.worker, u64::from(upstream.served >= SAFE));
    }

    /// A connection that lay here does no more.
    fn note_gone(&self, upstream: &Upstream) {
        self.live.connections_idle.fall();
        self.live.idle.sub(self.worker, 1);
        self.live.idle_safe.sub(self.worker, u64::from(upstream.served >= SAFE));
    }

    fn note_peak(&self, peak: usize) {
        self.peak.set(peak);
        self.live.needed.set(self.worker, peak as u64);
    }

    fn clear(&self) {
        let idle = std::mem::take(&mut *self.idle.borrow_mut());
        idle.iter().for_each(|idle| self.note_gone(idle));
    }

    fn purge(&self, now: Instant) {
        let mut idle = self.idle.borrow_mut();
        idle.retain(|idle| {
            let usable = idle.is_usable(&self.live);
            if !usable {
                self.note_gone(idle);
            }
            usable
        });
        let delay = Duration::from_millis(u64::from(self.purge_delay.get()));
        if now.saturating_duration_since(self.purged.get()) >= delay {
            let superfluous = self.fewest.get().min(idle.len()).div_ceil(2);
            idle.drain(..superfluous).for_each(|idle| self.note_gone(&idle));
            self.fewest.set(idle.len());
            self.note_peak(self.used.get());
            self.purged.set(now);
        }
        self.fewest.set(self.fewest.get().min(idle.len()));
    }
}

impl Loan {
    /// An idle connection that still stands and may be used; `first` says that it is for a client's first
    /// request (configuration manual 4.2 "http-reuse"), `aim` where it has to lead if that is up to the client.
    pub(crate) fn take_idle(&self, reuse: HttpReuse, first: bool, aim: Aim) -> Option<Upstream> {
        let proven = match (reuse, first) {
            (HttpReuse::Never, _) | (HttpReuse::Safe, true) => return None,
            (HttpReuse::Safe, false) | (HttpReuse::Always, _) | (HttpReuse::Aggressive, false) => 0,
            (HttpReuse::Aggressive, true) => SAFE,
        };
        let Loan(shelf) = self;
        let mut idle = shelf.idle.borrow_mut();
        loop {
            let at = idle.iter().rposition(|idle| idle.served >= proven && idle.leads_to(aim))?;
            let upstream = idle.swap_remove(at);
            shelf.note_gone(&upstream);
            shelf.fewest.set(shelf.fewest.get().min(idle.len()));
            if upstream.is_usable(&shelf.live) {
                return Some(upstream);
            }
        }
    }

    /// Keeps a connection for later, unless there are enough.
    pub(crate) fn keep(&self, server: &ServerPlan, upstream: Upstream) {
        let Loan(shelf) = self;
        let mut idle = shelf.idle.borrow_mut();
        let worn = server.max_reuse.is_some_and(|most| upstream.served > most);
        let beyond = server.pool_max_conn.is_some_and(|most| shelf.live.connections_idle.now() >= most);
        if worn || beyond || idle.len() >= shelf.peak.get() || server.admin == Admin::Maint {
            return;
        }
        shelf.note_kept(&upstream);
        idle.push(upstream);
    }
}

impl Drop for Shelf {
    fn drop(&mut self) {
        self.live.needed.set(self.worker, 0);
    }
}

impl Drop for Private {
    fn drop(&mut self) {
        self.live.idle_private.sub(self.worker, 1);
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        let Loan(shelf) = self;
        shelf.used.set(shelf.used.get().saturating_sub(1));
        shelf.live.connections_used.fall();
    }
}

/// Exchanges after which a connection has shown that its server lets it live on (configuration manual 4.2
/// "http-reuse").
const SAFE: u32 = 2;
