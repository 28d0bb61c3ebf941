//! `balance random`: the least loaded of some servers drawn by weight (configuration manual 4.2 "balance").

use std::sync::atomic::{AtomicU64, Ordering};

use super::Fit;
use super::tally::Tally;

/// The servers of a group, to be drawn by weight.
#[derive(Debug)]
pub(super) struct Draws {
    weights: Tally,
    /// By seat.
    marks: Vec<u32>,
    draws: u32,
    state: AtomicU64,
}

impl Draws {
    /// So many draws each time; equal seeds give equal draws.
    pub(super) fn new(draws: u32, seed: u64) -> Draws {
        Draws { weights: Tally::default(), marks: Vec::new(), draws, state: AtomicU64::new(seed) }
    }

    /// Sets a server's weight; 0 takes it out.
    pub(super) fn set(&mut self, seat: u32, weight: u32) {
        let at = seat as usize;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, 0);
        }
        self.marks[at] = weight;
        self.weights.set(at, u64::from(weight));
    }

    /// `load` is what weighs on a server; `allows` leaves out who has more than a fair share already.
    pub(super) fn pick(
        &self,
        fit: impl Fn(u32) -> Fit,
        load: impl Fn(u32) -> u64,
        allows: impl Fn(u32) -> bool,
    ) -> Option<u32> {
        let total = self.weights.total();
        if total == 0 {
            return None;
        }
        let free = |seat: u32| fit(seat) == Fit::Free;
        let weight = |seat: u32| u64::from(self.marks.get(seat as usize).copied().unwrap_or(0));
        let mut best: Option<u32> = None;
        let mut found = 0;
        // Who is drawn and does not fit costs a further draw, but not for ever.
        for _ in 0..self.draws.min(MOST_DRAWS).saturating_add(FURTHER) {
            let Some(drawn) = self.weights.find(self.number() % total).map(|at| at as u32) else { break };
            if !free(drawn) || !allows(drawn) {
                continue;
            }
            // Loads by weight, compared without dividing.
            let lighter = |best: u32| load(drawn) * weight(best) < load(best) * weight(drawn);
            if best.is_none_or(lighter) {
                best = Some(drawn);
            }
            found += 1;
            if found >= self.draws {
                break;
            }
        }
        best.or_else(|| {
            let first = self.weights.find(self.number() % total)? as u32;
            let count = self.marks.len() as u32;
            let seats = (first..count).chain(0..first).filter(|seat| weight(*seat) > 0);
            let mut fitting = seats.filter(|seat| free(*seat)).peekable();
            let fallback = fitting.peek().copied();
            fitting.find(|seat| allows(*seat)).or(fallback)
        })
    }

    /// The next number that looks random (SplitMix64).
    fn number(&self) -> u64 {
        let mut mixed = self.state.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

/// More draws than this make no difference that anybody could see.
const MOST_DRAWS: u32 = 1000;
/// Draws that may miss before servers are looked at one by one.
const FURTHER: u32 = 16;
