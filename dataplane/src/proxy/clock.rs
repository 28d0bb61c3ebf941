//! Timers of one worker, on a coarse wheel.
//!
//! A timer is a deadline and, once somebody waits for it, a waker. Setting it costs a few instructions and
//! no allocation, so every connection has one for its whole life. Deadlines are met up to [`TICK`]
//! milliseconds late, never early.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use slab::Slab;

use super::tasks::ROOM;
use crate::live::WorkerLive;

/// The wheel of one worker.
#[derive(Debug)]
pub(crate) struct Clock {
    started: Instant,
    wheel: RefCell<Wheel>,
    /// No slot with timers comes before this tick.
    next: Cell<u64>,
    live: Arc<WorkerLive>,
    /// The tick of the last turn.
    now: Cell<u64>,
}

/// A deadline that can be moved.
#[derive(Debug)]
pub(crate) struct Timer {
    clock: Rc<Clock>,
    key: usize,
}

#[derive(Debug)]
struct Wheel {
    timers: Slab<Entry>,
    /// First timer of each slot.
    slots: Box<[u32; SLOTS]>,
    /// Which slots have timers, one bit each.
    occupied: [u64; SLOTS / 64],
    /// Everything before this tick has been looked at.
    tick: u64,
}

#[derive(Debug)]
struct Entry {
    /// In ticks; [`NEVER`] when it is not set.
    deadline: u64,
    next: u32,
    previous: u32,
    state: Expiry,
    /// Whether the connection that it belongs to rests between requests.
    idle: bool,
    waker: Option<Waker>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Expiry {
    Ahead,
    Reached,
    /// Looked up early: see [`Clock::nudge_idle`].
    Nudged,
}

/// Why a timer woke its waiter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Expired {
    /// The deadline was reached.
    Deadline,
    /// The worker asks idle connections whether they should still be there.
    Nudge,
}

impl Clock {
    /// A clock without timers; it counts in `live`.
    pub(crate) fn new(live: Arc<WorkerLive>) -> Clock {
        let wheel = Wheel {
            timers: Slab::with_capacity(ROOM),
            slots: Box::new([NONE; SLOTS]),
            occupied: [0; SLOTS / 64],
            tick: 0,
        };
        Clock {
            started: Instant::now(),
            wheel: RefCell::new(wheel),
            next: Cell::new(NEVER),
            now: Cell::new(0),
            live,
        }
    }

    /// Wakes who waits for a deadline that is reached.
    pub(crate) fn turn(&self, now: Instant) {
        let now = self.tick_at(now);
        self.now.set(now);
        if now < self.next.get() {
            return;
        }
        let due = self.wheel.borrow_mut().advance(now);
        self.next.set(self.wheel.borrow().next_occupied());
        self.live.timers.add(due.len() as u64);
        due.into_iter().for_each(Waker::wake);
    }

    /// How long until [`Clock::turn`] may have something to do; for ever without a deadline.
    pub(crate) fn rest(&self, now: Instant) -> Option<Duration> {
        let next = Some(self.next.get()).filter(|next| *next != NEVER)?;
        let due = Duration::from_millis(next.saturating_mul(TICK));
        Some(due.saturating_sub(now.saturating_duration_since(self.started)))
    }

    /// The second that it is, counted from when the worker started, as of its last turn.
    pub(crate) fn second(&self) -> u64 {
        self.now.get() / (1000 / TICK)
    }

    /// How long until a timer's deadline; `None` without one, and nothing where it is reached.
    pub(crate) fn left(&self, key: usize, now: Instant) -> Option<Duration> {
        let wheel = self.wheel.borrow();
        let entry = wheel.timers.get(key)?;
        match (entry.state, entry.deadline) {
            (Expiry::Reached, _) => Some(Duration::ZERO),
            (_, NEVER) => None,
            (_, deadline) => {
                let at = Duration::from_millis(deadline.saturating_mul(TICK));
                Some(at.saturating_sub(now.saturating_duration_since(self.started)))
            }
        }
    }

    /// Waits, to the precision of the wheel.
    pub(crate) async fn sleep(self: &Rc<Self>, wait: Duration) {
        let timer = Timer::new(self);
        timer.set(Instant::now(), u32::try_from(wait.as_millis()).unwrap_or(u32::MAX).max(1));
        poll_fn(|context| timer.poll_expired(context)).await;
    }

    /// Wakes every idle connection, so that each looks whether it should close.
    pub(crate) fn nudge_idle(&self) {
        let mut woken = Vec::new();
        for (_, entry) in &mut self.wheel.borrow_mut().timers {
            if entry.idle && entry.state == Expiry::Ahead {
                entry.state = Expiry::Nudged;
                woken.extend(entry.waker.take());
            }
        }
        woken.into_iter().for_each(Waker::wake);
    }

    fn tick_at(&self, now: Instant) -> u64 {
        now.saturating_duration_since(self.started).as_millis() as u64 / TICK
    }
}

impl Timer {
    /// A timer without a deadline.
    pub(crate) fn new(clock: &Rc<Clock>) -> Timer {
        let entry = Entry {
            deadline: NEVER,
            next: NONE,
            previous: NONE,
            state: Expiry::Ahead,
            idle: false,
            waker: None,
        };
        let key = clock.wheel.borrow_mut().timers.insert(entry);
        Timer { clock: clock.clone(), key }
    }

    /// What [`Clock::left`] knows it by, for as long as it lives.
    pub(crate) fn key(&self) -> usize {
        self.key
    }

    /// Sets the deadline to so many milliseconds after `now`; 0 means never.
    pub(crate) fn set(&self, now: Instant, after: u32) {
        let deadline = match after {
            0 => NEVER,
            // One more than rounding up: a deadline is not met early.
            _ => {
                (now.saturating_duration_since(self.clock.started).as_millis() as u64 + u64::from(after))
                    / TICK
                    + 1
            }
        };
        let linked = {
            let mut wheel = self.clock.wheel.borrow_mut();
            let wheel = &mut *wheel;
            let Some(entry) = wheel.timers.get_mut(self.key) else { return };
            entry.state = Expiry::Ahead;
            if entry.deadline == deadline {
                return;
            }
            wheel.unlink(self.key);
            wheel.link(self.key, deadline)
        };
        if let Some(tick) = linked {
            self.clock.next.set(self.clock.next.get().min(tick));
        }
    }

    /// Says whether the connection rests between requests: [`Clock::nudge_idle`] wakes those.
    pub(crate) fn set_idle(&self, idle: bool) {
        if let Some(entry) = self.clock.wheel.borrow_mut().timers.get_mut(self.key) {
            entry.idle = idle;
            if !idle && entry.state == Expiry::Nudged {
                entry.state = Expiry::Ahead;
            }
        }
    }

    /// Whether the deadline was reached, or a nudge came; a nudge is told once.
    pub(crate) fn poll_expired(&self, context: &Context<'_>) -> Poll<Expired> {
        let mut wheel = self.clock.wheel.borrow_mut();
        let Some(entry) = wheel.timers.get_mut(self.key) else { return Poll::Pending };
        match entry.state {
            Expiry::Reached => Poll::Ready(Expired::Deadline),
            Expiry::Nudged => {
                entry.state = Expiry::Ahead;
                Poll::Ready(Expired::Nudge)
            }
            Expiry::Ahead => {
                if !entry.waker.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
                    entry.waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        let mut wheel = self.clock.wheel.borrow_mut();
        wheel.unlink(self.key);
        wheel.timers.try_remove(self.key);
    }
}

impl Wheel {
    /// Puts a timer into its slot; gives the tick at which that is looked at.
    fn link(&mut self, key: usize, deadline: u64) -> Option<u64> {
        let entry = self.timers.get_mut(key)?;
        entry.deadline = deadline;
        if deadline == NEVER {
            return None;
        }
        // What lies in the past by a clock read too early would wait for a whole round.
        let deadline = deadline.max(self.tick + 1);
        entry.deadline = deadline;
        let slot = slot_of(deadline);
        let first = self.slots[slot];
        entry.next = first;
        entry.previous = NONE;
        self.slots[slot] = key as u32;
        self.occupied[slot / 64] |= 1 << (slot % 64);
        if let Some(first) = self.timers.get_mut(first as usize) {
            first.previous = key as u32;
        }
        Some(deadline)
    }

    /// Takes a timer out of its slot.
    fn unlink(&mut self, key: usize) {
        let Some(entry) = self.timers.get_mut(key) else { return };
        if entry.deadline == NEVER {
            return;
        }
        let (deadline, next, previous) = (entry.deadline, entry.next, entry.previous);
        entry.deadline = NEVER;
        if let Some(next) = self.timers.get_mut(next as usize) {
            next.previous = previous;
        }
        match self.timers.get_mut(previous as usize) {
            Some(previous) => previous.next = next,
            None => {
                let slot = slot_of(deadline);
                self.slots[slot] = next;
                if next == NONE {
                    self.occupied[slot / 64] &= !(1 << (slot % 64));
                }
            }
        }
    }

    /// Looks at every slot up to and with `now`; gives the wakers of the timers that are due.
    fn advance(&mut self, now: u64) -> Vec<Waker> {
        let mut due = Vec::new();
        let first = self.tick.max(now.saturating_sub(SLOTS as u64 - 1));
        for tick in first..=now {
            let slot = slot_of(tick);
            if self.occupied[slot / 64] & (1 << (slot % 64)) == 0 {
                continue;
            }
            let mut at = self.slots[slot];
            while let Some(entry) = self.timers.get_mut(at as usize) {
                let (key, next) = (at as usize, entry.next);
                if entry.deadline <= now {
                    entry.state = Expiry::Reached;
                    due.extend(entry.waker.take());
                    self.unlink(key);
                }
                at = next;
            }
        }
        self.tick = now;
        due
    }

    /// The next tick whose slot has timers; they may belong to a later round.
    fn next_occupied(&self) -> u64 {
        let from = self.tick + 1;
        let start = slot_of(from);
        // The word with the first slot is looked at twice: its upper bits first, its lower ones in the end.
        for step in 0..=self.occupied.len() {
            let at = (start / 64 + step) % self.occupied.len();
            let mask = match step {
                0 => u64::MAX << (start % 64),
                _ if step == self.occupied.len() => !(u64::MAX << (start % 64)),
                _ => u64::MAX,
            };
            let bits = self.occupied[at] & mask;
            if bits != 0 {
                let slot = at * 64 + bits.trailing_zeros() as usize;
                return from + ((slot + SLOTS - start) % SLOTS) as u64;
            }
        }
        NEVER
    }
}

fn slot_of(tick: u64) -> usize {
    (tick % SLOTS as u64) as usize
}

/// Milliseconds in a tick.
const TICK: u64 = 4;
/// Slots of the wheel; a round takes about four seconds, later deadlines are passed over until their round.
const SLOTS: usize = 1024;
const NEVER: u64 = u64::MAX;
const NONE: u32 = u32::MAX;

#[cfg(test)]
mod tests {
    use super::*;

    fn expired(timer: &Timer) -> Option<Expired> {
        match timer.poll_expired(&Context::from_waker(Waker::noop())) {
            Poll::Ready(expired) => Some(expired),
            Poll::Pending => None,
        }
    }

    fn pass(clock: &Clock, millis: u64) {
        let now = clock.tick_at(clock.started + Duration::from_millis(millis));
        clock.wheel.borrow_mut().advance(now);
    }

    #[test]
    fn a_deadline_is_met_late_by_a_tick_at_most_and_never_early() {
        for after in [1, 3, 4, 5, 100, 4_095, 4_096, 4_097, 60_000] {
            let clock = Rc::new(Clock::new(Arc::default()));
            let timer = Timer::new(&clock);
            timer.set(clock.started, after);
            pass(&clock, u64::from(after) - 1);
            assert_eq!(expired(&timer), None, "{after} early");
            pass(&clock, u64::from(after) + 2 * TICK);
            assert_eq!(expired(&timer), Some(Expired::Deadline), "{after} late");
        }
    }

    #[test]
    fn timers_can_be_moved_and_dropped_in_any_order() {
        let clock = Rc::new(Clock::new(Arc::default()));
        let mut timers: Vec<Timer> = (0..300).map(|_| Timer::new(&clock)).collect();
        let mut seed = 7u64;
        for round in 0..2_000u32 {
            seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            let which = (seed >> 33) as usize % timers.len();
            match round % 5 {
                0 => drop(std::mem::replace(&mut timers[which], Timer::new(&clock))),
                1 => timers[which].set(clock.started, 0),
                _ => timers[which].set(clock.started, 1 + (seed >> 40) as u32 % 20_000),
            }
        }
        let set = clock.wheel.borrow().timers.iter().filter(|(_, entry)| entry.deadline != NEVER).count();
        pass(&clock, 30_000);
        assert_eq!(timers.iter().filter(|timer| expired(timer).is_some()).count(), set);
        assert_eq!(clock.wheel.borrow().next_occupied(), NEVER);
    }

    #[test]
    fn a_nudge_reaches_idle_timers_alone_and_once() {
        let clock = Rc::new(Clock::new(Arc::default()));
        let (idle, busy) = (Timer::new(&clock), Timer::new(&clock));
        idle.set_idle(true);
        clock.nudge_idle();
        assert_eq!(expired(&idle), Some(Expired::Nudge));
        assert_eq!(expired(&idle), None);
        assert_eq!(expired(&busy), None);
    }
}
