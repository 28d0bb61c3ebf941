//! Servers that come and go at random, driven by the stage's own loop.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::origin::Origin;
use super::reactor::{Reactor, SECOND, now};
use crate::harness::Result;

/// When which port is to open or to close next.
pub struct Flaps {
    due: BinaryHeap<Reverse<(u64, usize)>>,
    random: u64,
    count: u64,
}

impl Flaps {
    /// A timetable for so many ports, of which the first stays open.
    pub fn begin(ports: usize, seed: u64) -> Flaps {
        let mut flaps = Flaps { due: BinaryHeap::new(), random: seed | 1, count: 0 };
        for port in 1..ports {
            let due = now() + flaps.random() % (2 * MEAN);
            flaps.due.push(Reverse((due, port)));
        }
        flaps
    }

    /// Opens and closes what is due; call it before every wait. Returns when to be called again.
    pub fn advance(&mut self, reactor: &Reactor, origin: &mut Origin) -> Result<u64> {
        loop {
            let Some(Reverse((due, port))) = self.due.peek().copied() else { return Ok(now() + SECOND) };
            if due > now() {
                return Ok(due);
            }
            self.due.pop();
            if origin.is_up(port) {
                origin.fall(reactor, port)?
            } else {
                origin.rise(reactor, port)?
            }
            self.count += 1;
            // From half to one and a half of the mean.
            let next = due + MEAN / 2 + self.random() % MEAN;
            self.due.push(Reverse((next, port)));
        }
    }

    /// Opens what is closed; tells how often a port opened or closed.
    pub fn end(self, reactor: &Reactor, origin: &mut Origin) -> Result<u64> {
        for Reverse((_, port)) in self.due {
            if !origin.is_up(port) {
                origin.rise(reactor, port)?;
            }
        }
        Ok(self.count)
    }

    /// Xorshift by Marsaglia.
    fn random(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random >> 8
    }
}

/// Nanoseconds that a port stays open, or closed, on average.
const MEAN: u64 = 100_000_000;
