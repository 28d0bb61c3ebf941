//! One epoll set, one clock and one timer for load, origin and sink together.

use std::os::fd::{AsFd, OwnedFd};

use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use rustix::time::{
    ClockId, Itimerspec, TimerfdClockId, TimerfdFlags, TimerfdTimerFlags, Timespec, clock_gettime,
    timerfd_create, timerfd_settime,
};

use crate::harness::Result;

/// Who is to be told that a descriptor is ready: the part of the stage in the high half, its slot in the low.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token(pub u64);

/// An epoll set with a timer.
pub struct Reactor {
    epoll: OwnedFd,
    timer: OwnedFd,
    armed: u64,
    polls: bool,
    events: Vec<Event>,
}

impl Token {
    /// A token of this part and slot.
    pub fn new(part: u32, slot: usize) -> Self {
        Self((u64::from(part) << 32) | (slot as u64 & 0xffff_ffff))
    }

    /// The part.
    pub fn part(self) -> u32 {
        (self.0 >> 32) as u32
    }

    /// The slot within the part.
    pub fn slot(self) -> usize {
        (self.0 & 0xffff_ffff) as usize
    }
}

impl Reactor {
    /// An empty set.
    ///
    /// With `polls` it never sleeps: for a core of its own. A core that sleeps has to be woken by the proxy, which
    /// on a virtual machine costs the proxy more than the request, and differently from moment to moment.
    pub fn new(polls: bool) -> Result<Self> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        let flags = TimerfdFlags::NONBLOCK | TimerfdFlags::CLOEXEC;
        let timer = timerfd_create(TimerfdClockId::Monotonic, flags)?;
        // Edge-triggered: the expiry wakes once and never needs a read.
        epoll::add(&epoll, &timer, EventData::new_u64(TIMER.0), EventFlags::IN | EventFlags::ET)?;
        Ok(Self { epoll, timer, armed: 0, polls, events: Vec::with_capacity(512) })
    }

    /// Watches a descriptor for these conditions.
    pub fn add(&self, descriptor: impl AsFd, token: Token, flags: EventFlags) -> Result<()> {
        Ok(epoll::add(&self.epoll, descriptor, EventData::new_u64(token.0), flags)?)
    }

    /// Watches a descriptor for other conditions than before.
    pub fn modify(&self, descriptor: impl AsFd, token: Token, flags: EventFlags) -> Result<()> {
        Ok(epoll::modify(&self.epoll, descriptor, EventData::new_u64(token.0), flags)?)
    }

    /// Watches a descriptor no more.
    pub fn remove(&self, descriptor: impl AsFd) -> Result<()> {
        Ok(epoll::delete(&self.epoll, descriptor)?)
    }

    /// Waits until something is ready or the clock shows `wake` (nanoseconds of [`now`]), and hands out what is.
    pub fn wait(&mut self, wake: u64, ready: &mut Vec<(Token, EventFlags)>) -> Result<()> {
        ready.clear();
        self.events.clear();
        let late = self.polls || now() >= wake;
        if !late && self.armed != wake {
            self.arm(wake)?;
        }
        let timeout = late.then_some(Timespec { tv_sec: 0, tv_nsec: 0 });
        match epoll::wait(&self.epoll, rustix::buffer::spare_capacity(&mut self.events), timeout.as_ref()) {
            Ok(_) => {}
            Err(rustix::io::Errno::INTR) => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        ready.extend(
            self.events
                .iter()
                .map(|event| (Token(event.data.u64()), event.flags))
                .filter(|(token, _)| *token != TIMER),
        );
        Ok(())
    }

    fn arm(&mut self, wake: u64) -> Result<()> {
        let value = Timespec { tv_sec: (wake / SECOND) as i64, tv_nsec: (wake % SECOND) as i64 };
        let once = Itimerspec { it_interval: Timespec { tv_sec: 0, tv_nsec: 0 }, it_value: value };
        timerfd_settime(&self.timer, TimerfdTimerFlags::ABSTIME, &once)?;
        self.armed = wake;
        Ok(())
    }
}

/// The monotonic clock in nanoseconds.
pub fn now() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    (time.tv_sec as u64).wrapping_mul(SECOND).wrapping_add(time.tv_nsec as u64)
}

/// Nanoseconds in a second.
pub const SECOND: u64 = 1_000_000_000;

const TIMER: Token = Token(u64::MAX);
