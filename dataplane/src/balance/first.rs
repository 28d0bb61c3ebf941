//! `balance first` and `balance sticky`: the first server in a fixed order that has room.

use std::collections::BTreeSet;

use super::Fit;

/// The servers in an order that choices do not change.
#[derive(Debug, Default)]
pub(super) struct Line {
    /// The rank of each seat that stands in the line.
    ranks: Vec<Option<u64>>,
    line: BTreeSet<(u64, u32)>,
}

impl Line {
    /// Puts a server into the line at this rank, or with `None` takes it out.
    pub(super) fn set(&mut self, seat: u32, rank: Option<u64>) {
        let at = seat as usize;
        if self.ranks.len() <= at {
            self.ranks.resize(at + 1, None);
        }
        if let Some(before) = std::mem::replace(&mut self.ranks[at], rank) {
            self.line.remove(&(before, seat));
        }
        if let Some(rank) = rank {
            self.line.insert((rank, seat));
        }
    }

    /// Whether a server stands in the line.
    pub(super) fn contains(&self, seat: u32) -> bool {
        self.ranks.get(seat as usize).is_some_and(Option::is_some)
    }

    pub(super) fn pick(&self, fit: impl Fn(u32) -> Fit) -> Option<u32> {
        self.line.iter().map(|(_, seat)| *seat).find(|seat| fit(*seat) == Fit::Free)
    }
}
