//! Who waits for a free place on a server.
//!
//! A backend has a queue for requests that any server may take, and each server one for those that are tied to
//! it. A place that becomes free is handed to the first of both who may have it: that one is woken and nobody
//! else, and no newcomer overtakes it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::{BackendLive, Gauge, ServerLive};

/// Requests in the order in which they go on.
///
/// Who joins must look once more before waiting: a place may have become free in between.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<BTreeMap<Rank, Arc<Waiter>>>,
    length: AtomicU32,
    gauge: Gauge,
    joined: AtomicU64,
    /// How many were let go on since the start.
    granted: AtomicU64,
}

/// What a request asks of its queue (configuration manual 4.2 "http-request set-priority-class" and
/// "set-priority-offset").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Priority {
    /// The lower, the sooner, before everything else.
    pub class: i32,
    /// Milliseconds by which the request counts as having come later, or earlier if negative.
    pub offset: i32,
}

/// A place in the order of a queue; the lower goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rank {
    class: i32,
    /// When it came, moved by its offset; milliseconds on the process's clock.
    came: i64,
    /// Tells apart who came in the same millisecond.
    sequence: u64,
}

/// What ends the waiting.
#[derive(Debug)]
pub enum Grant {
    /// A place on this server, counted as taken already.
    Place(Arc<ServerLive>),
    /// The servers are others now: who waits looks again.
    Look,
}

#[derive(Debug, Default)]
struct Waiter(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    grant: Option<Grant>,
    /// How many had been let go on then, itself included.
    turn: u64,
    waker: Option<Waker>,
}

/// A place in a [`Queue`]; dropping it leaves the queue, and passes on a place that was not taken.
#[derive(Debug)]
pub struct Ticket<'a> {
    queue: &'a Queue,
    backend: &'a BackendLive,
    rank: Rank,
    waiter: Arc<Waiter>,
    /// How many had been let go on when it joined.
    joined: u64,
    over: bool,
}

impl Queue {
    /// The rank of a request that comes now (milliseconds on the process's clock).
    pub fn rank(&self, priority: Priority, now: u64) -> Rank {
        Rank {
            class: priority.class,
            came: i64::try_from(now).unwrap_or(i64::MAX).saturating_add(i64::from(priority.offset)),
            sequence: self.joined.fetch_add(1, Ordering::Relaxed),
        }
    }

    /// Joins a queue of this backend; gives the place and how many wait then.
    pub fn join<'a>(&'a self, backend: &'a BackendLive, rank: Rank) -> (Ticket<'a>, u32) {
        let waiter = Arc::new(Waiter::default());
        let mut waiting = self.waiting.lock();
        waiting.insert(rank, waiter.clone());
        let length = self.length.fetch_add(1, Ordering::SeqCst).saturating_add(1);
        self.gauge.rise();
        let joined = self.granted.load(Ordering::SeqCst);
        drop(waiting);
        (Ticket { queue: self, backend, rank, waiter, joined, over: false }, length)
    }

    /// How many wait.
    pub fn length(&self) -> u32 {
        self.length.load(Ordering::SeqCst)
    }

    /// The most that ever waited since it was cleared.
    pub fn highest(&self) -> u32 {
        self.gauge.highest()
    }

    /// Forgets the highest length.
    pub fn clear(&self) {
        self.gauge.clear();
    }

    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.length() == 0
    }

    /// Lets everybody look again: servers came or went.
    pub fn grant_all(&self) {
        let all = std::mem::take(&mut *self.waiting.lock());
        for waiter in all.into_values() {
            self.note_gone();
            waiter.grant(Grant::Look, self.granted.load(Ordering::SeqCst) + 1);
        }
    }

    fn note_gone(&self) {
        self.length.fetch_sub(1, Ordering::SeqCst);
        self.gauge.fall();
    }
}

impl BackendLive {
    /// Gives the places that a server has to whom they are due: to those who wait for it, and if it may take
    /// new traffic to those who wait for any.
    pub fn feed(&self, server: &Arc<ServerLive>) {
        let anyone = || !server.queue.is_empty() || (server.is_open() && !self.queue.is_empty());
        while anyone() && server.occupy(self, server.limit(self)) {
            match next(server, self) {
                Some((waiter, turn)) => waiter.grant(Grant::Place(server.clone()), turn),
                None => server.leave(self),
            }
        }
    }
}

/// The first of those who wait for the server and of those who wait for any, and how many were let go on then.
fn next(server: &ServerLive, backend: &BackendLive) -> Option<(Arc<Waiter>, u64)> {
    let mut tied = server.queue.waiting.lock();
    let mut free = backend.queue.waiting.lock();
    let first = |line: &BTreeMap<Rank, Arc<Waiter>>| line.first_key_value().map(|(rank, _)| *rank);
    let (tied_rank, free_rank) = (first(&tied), first(&free).filter(|_| server.is_open()));
    let (queue, (_, waiter)) = match (tied_rank, free_rank) {
        (None, None) => return None,
        (Some(one), Some(other)) if other < one => (&backend.queue, free.pop_first()?),
        (None, Some(_)) => (&backend.queue, free.pop_first()?),
        (Some(_), _) => (&server.queue, tied.pop_first()?),
    };
    queue.note_gone();
    Some((waiter, queue.granted.fetch_add(1, Ordering::SeqCst) + 1))
}

impl Waiter {
    fn grant(&self, grant: Grant, turn: u64) {
        let mut waiting = self.0.lock();
        waiting.grant = Some(grant);
        waiting.turn = turn;
        if let Some(waker) = waiting.waker.take() {
            waker.wake();
        }
    }
}

impl Ticket<'_> {
    /// What was granted; registers the waker when nothing was.
    pub fn poll_grant(&mut self, context: &Context<'_>) -> Poll<Grant> {
        let mut waiting = self.waiter.0.lock();
        if let Some(grant) = waiting.grant.take() {
            self.over = true;
            return Poll::Ready(grant);
        }
        if !waiting.waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            waiting.waker = Some(context.waker().clone());
        }
        Poll::Pending
    }

    /// Where it stood when it was let go on, or stands now: one more than were let go on before it.
    pub fn position(&self) -> u32 {
        let turn = match self.over {
            true => self.waiter.0.lock().turn,
            false => self.queue.granted.load(Ordering::SeqCst) + 1,
        };
        u32::try_from(turn.saturating_sub(self.joined)).unwrap_or(u32::MAX)
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.over {
            return;
        }
        if self.queue.waiting.lock().remove(&self.rank).is_some() {
            return self.queue.note_gone();
        }
        if let Some(Grant::Place(server)) = self.waiter.0.lock().grant.take() {
            server.vacate(self.backend);
        }
    }
}

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
