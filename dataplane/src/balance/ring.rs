//! Servers on a ring, each at as many points as its weight says: `hash-type consistent` (configuration manual 4.2).
//!
//! A point's place follows from the server's number and the count of the point alone, so every process with the
//! same numbers has the same ring, and a server that comes or goes moves its own keys only.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};

use super::Fit;
use super::hash::avalanche;

/// The servers of a group on a ring.
#[derive(Debug, Default)]
pub(super) struct Ring {
    /// Points in ascending order: the place above, the seat below.
    points: BTreeSet<u64>,
    /// By seat.
    marks: Vec<Mark>,
    /// The first point that is next in turn for requests without a key.
    turn: AtomicU64,
}

/// What a server has on the ring.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    number: u32,
    points: u32,
}

impl Ring {
    /// Sets a server's number and weight: so many points; 0 takes it out.
    pub(super) fn set(&mut self, seat: u32, number: u32, weight: u32) {
        let at = seat as usize;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, Mark::default());
        }
        let before = std::mem::replace(&mut self.marks[at], Mark { number, points: weight });
        if before.number != number {
            (0..before.points).for_each(|count| {
                self.points.remove(&point(before.number, count, seat));
            });
            self.points.extend((0..weight).map(|count| point(number, count, seat)));
            return;
        }
        self.points.extend((before.points..weight).map(|count| point(number, count, seat)));
        (weight..before.points).for_each(|count| {
            self.points.remove(&point(number, count, seat));
        });
    }

    /// The server whose point is nearest to a hash; `allows` leaves out who has more than a fair share already.
    pub(super) fn find(
        &self,
        hash: u32,
        fit: impl Fn(u32) -> Fit,
        allows: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let nearest = self.nearest(hash)?;
        let known = |point: &u64| fit(*point as u32) != Fit::Unknown;
        // Nearly always; going on from here costs two more ways down the tree.
        if known(&nearest) && allows(nearest as u32) {
            return Some(nearest as u32);
        }
        let mut first = None;
        for point in self.from(nearest).filter(known).take(LOOKS) {
            if allows(point as u32) {
                return Some(point as u32);
            }
            first.get_or_insert(point as u32);
        }
        first.or_else(|| self.any(|seat| fit(seat) != Fit::Unknown))
    }

    /// The server at the next point of the ring: what those without a key get.
    pub(super) fn next(&self, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        let turn = self.turn.load(Ordering::Relaxed);
        let free = |seat: u32| fit(seat) == Fit::Free;
        match self.from(turn).take(LOOKS).find(|point| free(*point as u32)) {
            Some(point) => {
                self.turn.store(point.wrapping_add(1), Ordering::Relaxed);
                Some(point as u32)
            }
            None => self.any(free),
        }
    }

    fn nearest(&self, hash: u32) -> Option<u64> {
        let place = u64::from(hash) << 32;
        let after = self.points.range(place..).next().or_else(|| self.points.first())?;
        let before = self.points.range(..place).next_back().or_else(|| self.points.last())?;
        let distance = |from: u32, to: u32| to.wrapping_sub(from);
        let (to_after, to_before) =
            (distance(hash, (after >> 32) as u32), distance((before >> 32) as u32, hash));
        Some(if to_after == 0 || to_after < to_before { *after } else { *before })
    }

    /// All points, from this one on and round.
    fn from(&self, point: u64) -> impl Iterator<Item = u64> {
        self.points.range(point..).chain(self.points.range(..point)).copied()
    }

    /// Any server, when the points looked at were all of others: many points of few servers lie together.
    fn any(&self, accepts: impl Fn(u32) -> bool) -> Option<u32> {
        let seats = (0..).zip(&self.marks).filter(|(_, mark)| mark.points > 0).map(|(seat, _)| seat);
        seats.into_iter().find(|seat| accepts(*seat))
    }
}

/// A point: what HAProxy was seen to place the points of a server by, and the seat.
fn point(number: u32, count: u32, seat: u32) -> u64 {
    let place = avalanche(number.wrapping_mul(POINTS).wrapping_add(count));
    (u64::from(place) << 32) | u64::from(seat)
}

/// Numbers of points that lie between one server's and the next one's: the most that a server may have.
const POINTS: u32 = 4096;
/// Points looked at before servers are looked at one by one.
const LOOKS: usize = 1024;
