//! Servers in a fixed list, each as often as its weight: `balance static-rr`, and `hash-type map-based`
//! (configuration manual 4.2).
//!
//! The list is filled slot by slot with the server that is furthest behind its share, the first of the listing
//! among equals. Servers of equal weight give the listing itself, which a tree of counts holds, so that one that
//! comes or goes costs the logarithm; for others the list is written out anew when it is next needed.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use parking_lot::RwLock;

use super::Fit;
use super::tally::Tally;

/// The servers of a group in a list.
#[derive(Debug, Default)]
pub(super) struct Map {
    inner: RwLock<Inner>,
    /// Whether the list is not what the servers now ask for.
    stale: AtomicBool,
    /// The slot at which turns go on.
    turn: AtomicU64,
}

#[derive(Debug, Default)]
struct Inner {
    /// Every server ever set and not forgotten, in the order of the listing.
    listing: BTreeMap<Place, Entry>,
    /// Weights by seat: what the list does not know yet.
    weights_now: Vec<u32>,
    /// How many servers there are of each weight.
    weights: BTreeMap<u32, u32>,
    /// The seats in the order of the listing, as of the last writing.
    seats: Vec<u32>,
    list: List,
    /// Until when the list is used as it is, so that writing it takes a small part of the time only.
    rests_until: Option<Instant>,
}

/// Where a server stands in the listing: order, number, seat.
type Place = (u32, u32, u32);

#[derive(Clone, Copy, Debug)]
struct Entry {
    weight: u32,
    /// Its place among the seats, as of the last writing.
    rank: usize,
}

#[derive(Debug)]
enum List {
    /// All weights are equal: the ranks of the usable servers.
    Equal(Tally),
    /// The seat of each slot.
    Written(Vec<u32>),
}

impl Map {
    /// Sets a server's weight; 0 takes it out.
    pub(super) fn set(&mut self, place: Place, weight: u32) {
        let inner = self.inner.get_mut();
        let seat = place.2 as usize;
        if inner.weights_now.len() <= seat {
            inner.weights_now.resize(seat + 1, 0);
        }
        inner.weights_now[seat] = weight;
        let known = inner.listing.get(&place).copied();
        if known.is_some_and(|known| known.weight == weight) {
            return;
        }
        let rank = known.map_or(0, |known| known.rank);
        inner.listing.insert(place, Entry { weight, rank });
        inner.count(known.map_or(0, |known| known.weight), weight);
        // A newcomer moves the ranks of those after it.
        if known.is_none() || *self.stale.get_mut() {
            *self.stale.get_mut() = true;
            return;
        }
        match &mut inner.list {
            List::Equal(tally) if inner.weights.len() <= 1 => tally.set(rank, u64::from(weight > 0)),
            _ => *self.stale.get_mut() = true,
        }
    }

    /// Forgets a server that was taken out.
    pub(super) fn forget(&mut self, place: Place) {
        // Its rank stays, without a server, until the list is written anew.
        let inner = self.inner.get_mut();
        if let Some(entry) = inner.listing.remove(&place) {
            inner.count(entry.weight, 0);
        }
    }

    /// The server that a hash leads to, or else the next in turn.
    pub(super) fn pick(&self, hash: Option<u32>, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        if self.stale.load(Ordering::Relaxed) {
            self.renew(false);
        }
        self.look(hash, &fit).or_else(|| {
            // An old list may lack the only ones that are left.
            self.stale.load(Ordering::Relaxed).then(|| self.renew(true))?;
            self.look(hash, &fit)
        })
    }

    fn look(&self, hash: Option<u32>, fit: &impl Fn(u32) -> Fit) -> Option<u32> {
        let inner = self.inner.read();
        let length = inner.length();
        if length == 0 {
            return None;
        }
        let first = match hash {
            Some(hash) => u64::from(hash) % length,
            None => self.turn.load(Ordering::Relaxed) % length,
        };
        let wanted = |fit: Fit| if hash.is_some() { fit != Fit::Unknown } else { fit == Fit::Free };
        let slots = (first..length).chain(0..first);
        let found = slots
            .take(LOOKS)
            .filter_map(|slot| Some((slot, inner.seat(slot)?)))
            .find(|(_, seat)| wanted(fit(*seat)));
        match found {
            Some((slot, seat)) => {
                if hash.is_none() {
                    self.turn.store(slot + 1, Ordering::Relaxed);
                }
                Some(seat)
            }
            None => inner.seats.iter().copied().find(|seat| inner.is_used(*seat) && wanted(fit(*seat))),
        }
    }

    /// Writes the list anew; unless it must be, not when that was done a moment ago or is being done.
    fn renew(&self, must: bool) {
        let inner = if must { Some(self.inner.write()) } else { self.inner.try_write() };
        let Some(mut inner) = inner else { return };
        let began = Instant::now();
        let rests = !must && inner.rests_until.is_some_and(|until| began < until);
        if rests || !self.stale.load(Ordering::Relaxed) {
            return;
        }
        self.stale.store(false, Ordering::Relaxed);
        inner.write();
        let took = began.elapsed();
        inner.rests_until = (inner.length() > SHORT).then(|| began + took * REST);
    }
}

impl Inner {
    fn count(&mut self, before: u32, now: u32) {
        if before > 0
            && let Some(count) = self.weights.get_mut(&before)
        {
            *count -= 1;
            if *count == 0 {
                self.weights.remove(&before);
            }
        }
        if now > 0 {
            *self.weights.entry(now).or_insert(0) += 1;
        }
    }

    fn length(&self) -> u64 {
        match &self.list {
            List::Equal(tally) => tally.total(),
            List::Written(slots) => slots.len() as u64,
        }
    }

    /// The server of a slot, if it is still to be used.
    fn seat(&self, slot: u64) -> Option<u32> {
        let seat = match &self.list {
            List::Equal(tally) => self.seats.get(tally.find(slot)?).copied(),
            List::Written(slots) => slots.get(usize::try_from(slot).ok()?).copied(),
        };
        seat.filter(|seat| self.is_used(*seat))
    }

    fn is_used(&self, seat: u32) -> bool {
        self.weights_now.get(seat as usize).is_some_and(|weight| *weight > 0)
    }

    fn write(&mut self) {
        self.seats = self.listing.keys().map(|(_, _, seat)| *seat).collect();
        self.listing.values_mut().enumerate().for_each(|(rank, entry)| entry.rank = rank);
        if self.weights.len() <= 1 {
            let mut tally = Tally::default();
            for (rank, entry) in self.listing.values().enumerate() {
                tally.set(rank, u64::from(entry.weight > 0));
            }
            self.list = List::Equal(tally);
        } else {
            let usable = self.listing.iter().filter(|(_, entry)| entry.weight > 0);
            let (seats, weights): (Vec<u32>, Vec<u32>) =
                usable.map(|((_, _, seat), entry)| (*seat, entry.weight)).unzip();
            let slots = fill(&weights).into_iter();
            let seats = slots.filter_map(|rank| seats.get(rank as usize).copied()).collect();
            self.list = List::Written(seats);
        }
    }
}

impl Default for List {
    fn default() -> Self {
        List::Equal(Tally::default())
    }
}

/// A list in which each rank stands as often as its weight says, all weights divided by what they share; every
/// slot goes to the rank that is furthest behind its share, counted in whole slots, the lowest among equals.
///
/// After `t` of `T` slots a rank of weight `w` is due `⌊t·w/T⌋` of them; so what it is behind grows at known slots,
/// and the list costs its length, whatever the number of ranks.
pub(super) fn fill(weights: &[u32]) -> Vec<u32> {
    let divisor = weights.iter().copied().fold(0, greatest_common_divisor).max(1);
    let weights: Vec<u64> = weights.iter().map(|weight| u64::from(weight / divisor)).collect();
    let total: u64 = weights.iter().sum();
    let length = total as usize;
    // Who grows further behind at a slot: the heads of chains through `next`, a rank being in one at most.
    let mut grows_at = vec![NOBODY; length + 1];
    let mut next = vec![NOBODY; weights.len()];
    let mut due = vec![0_u64; weights.len()];
    let mut behind = vec![0_usize; weights.len()];
    let mut levels: Vec<Ranks> = vec![Ranks::new(weights.len()), Ranks::new(weights.len())];
    for (rank, weight) in weights.iter().enumerate().filter(|(_, weight)| **weight > 0) {
        levels[1].insert(rank);
        behind[rank] = 1;
        chain(&mut grows_at, &mut next, rank, total.div_ceil(*weight));
    }
    let mut slots = Vec::with_capacity(length);
    for slot in 1..=length {
        let mut rank = std::mem::replace(&mut grows_at[slot], NOBODY);
        while rank != NOBODY {
            let at = rank as usize;
            let following = next[at];
            levels[behind[at]].remove(at);
            behind[at] += 1;
            if levels.len() <= behind[at] {
                levels.push(Ranks::new(weights.len()));
            }
            levels[behind[at]].insert(at);
            due[at] += 1;
            if due[at] < weights[at] {
                chain(&mut grows_at, &mut next, at, ((due[at] + 1) * total).div_ceil(weights[at]));
            }
            rank = following;
        }
        // Levels count from one turn ahead, who stands there is not to be chosen.
        let Some(at) = levels.iter().skip(1).rev().find_map(Ranks::first) else { break };
        levels[behind[at]].remove(at);
        behind[at] -= 1;
        levels[behind[at]].insert(at);
        slots.push(at as u32);
    }
    slots
}

fn chain(heads: &mut [u32], next: &mut [u32], rank: usize, slot: u64) {
    if let Some(head) = heads.get_mut(slot as usize) {
        next[rank] = std::mem::replace(head, rank as u32);
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    let (mut a, mut b) = (a, b);
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// A set of ranks whose lowest is found at once: bits, and a bit for every word of them that is not empty.
#[derive(Debug)]
struct Ranks {
    words: Vec<u64>,
    filled: Vec<u64>,
}

impl Ranks {
    fn new(ranks: usize) -> Ranks {
        let words = ranks.div_ceil(64).max(1);
        Ranks { words: vec![0; words], filled: vec![0; words.div_ceil(64)] }
    }

    fn insert(&mut self, rank: usize) {
        let word = rank / 64;
        self.words[word] |= 1 << (rank % 64);
        self.filled[word / 64] |= 1 << (word % 64);
    }

    fn remove(&mut self, rank: usize) {
        let word = rank / 64;
        self.words[word] &= !(1 << (rank % 64));
        if self.words[word] == 0 {
            self.filled[word / 64] &= !(1 << (word % 64));
        }
    }

    fn first(&self) -> Option<usize> {
        let (at, filled) = self.filled.iter().enumerate().find(|(_, filled)| **filled != 0)?;
        let word = at * 64 + filled.trailing_zeros() as usize;
        Some(word * 64 + self.words[word].trailing_zeros() as usize)
    }
}

/// No rank.
const NOBODY: u32 = u32::MAX;
/// Slots looked at before servers are looked at one by one.
const LOOKS: usize = 1024;
/// A list of no more slots is written anew whenever it is needed.
const SHORT: u64 = 16_384;
/// Otherwise it is used for so many times as long as it took.
const REST: u32 = 10;
