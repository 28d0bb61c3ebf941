//! `balance roundrobin`: in turns, by weight (configuration manual 4.2 "balance").
//!
//! Each choice moves the present on by one. A server that was chosen is due again after as many choices as its
//! share of the whole asks for; the remainder is carried over, so shares are exact. Who never had a turn fills
//! the first gap, the heaviest first. Choosing and changing a weight cost the logarithm of the servers.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use parking_lot::Mutex;

use super::Fit;

/// The servers in the order of their turns.
#[derive(Debug, Default)]
pub(super) struct Turns(Mutex<Line>);

#[derive(Debug, Default)]
struct Line {
    marks: Vec<Mark>,
    /// Who never had a turn: by weight, then in the order of arrival.
    fresh: BTreeSet<(Reverse<u32>, u64, u32)>,
    /// Who had one: by the next, at one position the heavier first.
    due: BTreeSet<(u64, u64, u64, u32)>,
    now: u64,
    /// The sum of all weights.
    total: u64,
    /// Numbers arrivals and turns, to keep equals in order.
    sequence: u64,
}

/// Where one server stands.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    weight: u32,
    /// The choice at which it is due.
    position: u64,
    /// What the position leaves out, in parts of the weight.
    remainder: u64,
    sequence: u64,
    had_a_turn: bool,
}

impl Turns {
    /// Sets a server's weight; 0 takes it out.
    pub(super) fn set(&mut self, seat: u32, weight: u32) {
        let line = self.0.get_mut();
        let at = seat as usize;
        if line.marks.len() <= at {
            line.marks.resize(at + 1, Mark::default());
        }
        let before = line.marks[at];
        line.remove(seat);
        line.total = line.total - u64::from(before.weight) + u64::from(weight);
        line.sequence += 1;
        let (now, sequence) = (line.now, line.sequence);
        let mark = &mut line.marks[at];
        mark.weight = weight;
        mark.remainder = 0;
        if before.weight == 0 {
            mark.sequence = sequence;
            // A turn that was missed is not made up for: it would come in a burst.
            mark.position = mark.position.max(now);
        } else if before.position > now && weight > 0 {
            let rest = (before.position - now).saturating_mul(u64::from(before.weight)) / u64::from(weight);
            mark.position = now.saturating_add(rest);
        }
        line.insert(seat);
    }

    /// Forgets a server that was taken out: the next on its seat is another.
    pub(super) fn forget(&mut self, seat: u32) {
        if let Some(mark) = self.0.get_mut().marks.get_mut(seat as usize) {
            *mark = Mark::default();
        }
    }

    pub(super) fn pick(&self, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        let mut line = self.0.lock();
        let free = |seat: u32| fit(seat) == Fit::Free;
        let due =
            line.due.iter().map(|(position, _, _, seat)| (*position, *seat)).find(|(_, seat)| free(*seat));
        let seat = match due {
            Some((position, seat)) if position <= line.now => seat,
            _ => {
                let fresh = line.fresh.iter().map(|(_, _, seat)| *seat).find(|seat| free(*seat));
                fresh.or(due.map(|(_, seat)| seat))?
            }
        };
        line.advance(seat);
        Some(seat)
    }
}

impl Line {
    /// Gives a server its turn, and its place for the next.
    fn advance(&mut self, seat: u32) {
        self.remove(seat);
        self.sequence += 1;
        let (now, total, sequence) = (self.now, self.total, self.sequence);
        self.now += 1;
        let Some(mark) = self.marks.get_mut(seat as usize) else { return };
        let weight = u64::from(mark.weight).max(1);
        if !mark.had_a_turn {
            mark.had_a_turn = true;
            mark.position = now;
        }
        let parts = mark.remainder + total % weight;
        mark.position += total / weight + parts / weight;
        mark.remainder = parts % weight;
        mark.sequence = sequence;
        self.insert(seat);
    }

    fn insert(&mut self, seat: u32) {
        let Some(mark) = self.marks.get(seat as usize).filter(|mark| mark.weight > 0) else { return };
        if mark.had_a_turn {
            self.due.insert(due(mark, seat));
        } else {
            self.fresh.insert((Reverse(mark.weight), mark.sequence, seat));
        }
    }

    fn remove(&mut self, seat: u32) {
        let Some(mark) = self.marks.get(seat as usize).filter(|mark| mark.weight > 0) else { return };
        if mark.had_a_turn {
            self.due.remove(&due(mark, seat));
        } else {
            self.fresh.remove(&(Reverse(mark.weight), mark.sequence, seat));
        }
    }
}

/// A place in the line: heavier servers, and those with less carried over, come first at one position.
fn due(mark: &Mark, seat: u32) -> (u64, u64, u64, u32) {
    let lightness = (HEAVIEST + mark.remainder).saturating_sub(u64::from(mark.weight)) / super::UNITS;
    (mark.position, lightness, mark.sequence, seat)
}

/// The highest effective weight.
const HEAVIEST: u64 = 256 * super::UNITS;
