//! Who waits for a free slot of a server.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::task::{Context, Poll, Waker};

use parking_lot::Mutex;

use super::Gauge;

/// The requests of a backend that wait for a server with a free slot, first come first served.
///
/// A freed slot wakes exactly one of them; it then picks a server as a newcomer would. Who joins must try
/// once more before waiting: the slot may have been freed in between.
#[derive(Debug, Default)]
pub struct Queue {
    waiting: Mutex<VecDeque<Arc<Waiter>>>,
    length: AtomicU32,
    gauge: Gauge,
}

#[derive(Debug, Default)]
struct Waiter {
    granted: AtomicBool,
    waker: Mutex<Option<Waker>>,
}

/// A place in a [`Queue`]; dropping it leaves the queue, and passes on a grant that was not used.
#[derive(Debug)]
pub struct Ticket<'a> {
    queue: &'a Queue,
    waiter: Arc<Waiter>,
    used: bool,
}

impl Queue {
    /// Joins at the end; gives the place and how many were ahead.
    pub fn join(&self) -> (Ticket<'_>, u32) {
        let waiter = Arc::new(Waiter::default());
        let mut waiting = self.waiting.lock();
        waiting.push_back(waiter.clone());
        let ahead = self.length.fetch_add(1, Ordering::SeqCst);
        self.gauge.rise();
        (Ticket { queue: self, waiter, used: false }, ahead)
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

    /// Lets the first in the queue go on.
    pub fn grant_next(&self) {
        let next = self.waiting.lock().pop_front();
        if let Some(waiter) = next {
            self.length.fetch_sub(1, Ordering::Relaxed);
            self.gauge.fall();
            waiter.granted.store(true, Ordering::Release);
            if let Some(waker) = waiter.waker.lock().take() {
                waker.wake();
            }
        }
    }

    /// Lets everybody go on: servers came or limits were lifted.
    pub fn grant_all(&self) {
        for _ in 0..self.length() {
            self.grant_next();
        }
    }
}

impl Ticket<'_> {
    /// Whether it is the turn of this one; registers the waker when it is not.
    pub fn poll_grant(&mut self, context: &Context<'_>) -> Poll<()> {
        let mut waker = self.waiter.waker.lock();
        if self.waiter.granted.load(Ordering::Acquire) {
            self.used = true;
            return Poll::Ready(());
        }
        if !waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
            *waker = Some(context.waker().clone());
        }
        Poll::Pending
    }
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        if self.used {
            return;
        }
        let mut waiting = self.queue.waiting.lock();
        if let Some(at) = waiting.iter().position(|waiter| Arc::ptr_eq(waiter, &self.waiter)) {
            waiting.remove(at);
            self.queue.length.fetch_sub(1, Ordering::Relaxed);
            self.queue.gauge.fall();
        } else {
            drop(waiting);
            self.queue.grant_next();
        }
    }
}
