//! `balance leastconn`: the fewest sessions for its weight (configuration manual 4.2 "balance").
//!
//! The servers stand in the order of their load, equals in the order in which they came to it, so that these take
//! turns. A change of one server's load moves that one alone.

use std::collections::BTreeSet;

use super::Fit;

/// The servers in the order of their load.
#[derive(Debug, Default)]
pub(super) struct Loads {
    marks: Vec<Mark>,
    line: BTreeSet<(u64, u64, u32)>,
    sequence: u64,
}

/// Where one server stands.
#[derive(Clone, Copy, Debug, Default)]
struct Mark {
    weight: u32,
    load: u32,
    sequence: u64,
}

impl Loads {
    /// Sets a server's weight and load; weight 0 takes it out.
    pub(super) fn set(&mut self, seat: u32, weight: u32, load: u32) {
        let at = seat as usize;
        if self.marks.len() <= at {
            self.marks.resize(at + 1, Mark::default());
        }
        self.sequence += 1;
        let mark = &mut self.marks[at];
        let before = std::mem::replace(mark, Mark { weight, load, sequence: self.sequence });
        if before.weight > 0 {
            self.line.remove(&place(&before, seat));
        }
        if weight > 0 {
            self.line.insert(place(mark, seat));
        }
    }

    pub(super) fn pick(&self, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        self.line.iter().map(|(_, _, seat)| *seat).find(|seat| fit(*seat) == Fit::Free)
    }
}

/// A place in the line. One session more is what a choice makes of the load; who has none comes first, whatever
/// the weight.
fn place(mark: &Mark, seat: u32) -> (u64, u64, u32) {
    let share = match mark.load {
        0 => 0,
        load => (u64::from(load) + 1) * SCALE / u64::from(mark.weight),
    };
    (share, mark.sequence, seat)
}

/// Parts of a session: the highest effective weight, so that every weight tells.
const SCALE: u64 = 256 * super::UNITS;
