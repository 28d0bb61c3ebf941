//! When a name is asked for, again and again (configuration manual 5.3.2).
//!
//! A state machine with the time as an argument, in milliseconds; it does no I/O. All name servers are asked at the
//! same time, and the first valid answer settles a round. When all have failed, the query is sent again: for
//! addresses of the other family, unless all were silent; after that a try is used up, and the preferred family is
//! asked for once more. A round without tries left has failed, with the last failure. Read next: `section.rs`.

use regate_proto::model::AddressFamily;

use super::codec::Wanted;

/// What becomes of a query to one name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// The name does not exist.
    Nx,
    /// The name server refused.
    Refused,
    /// It was silent, or could not be reached.
    Timeout,
    /// Anything else.
    Other,
}

/// What the section says about rounds. Times in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Timing {
    /// Between two rounds.
    pub resolve: u64,
    /// Queries in a round.
    pub tries: u32,
}

/// One name that is asked for.
#[derive(Clone, Debug)]
pub struct Question {
    preferred: Wanted,
    phase: Phase,
    /// Counts queries, so that answers to earlier ones are known.
    attempt: u64,
}

/// What is to be sent to every name server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Query {
    /// What is asked for.
    pub wanted: Wanted,
    /// Its number, to be given back with the answer.
    pub attempt: u64,
}

/// What follows from an answer or a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Consequence {
    /// Others are still to answer.
    Wait,
    /// The answer came too late to matter.
    Outdated,
    /// The answer is valid: the round is over.
    Settled,
    /// The round is over without a valid answer.
    Failed(Failure),
    /// Another query is due.
    Again(Query),
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Nothing is under way; the next round begins at this time.
    Resting { until: u64 },
    /// A query is under way.
    Asking {
        wanted: Wanted,
        /// Name servers that have neither answered nor failed.
        open: usize,
        /// The last failure; silence does not count where another said something.
        failure: Failure,
        /// Tries left, this one included.
        tries: u32,
    },
}

impl Question {
    /// A name of which nothing was asked yet; its first round is due.
    pub fn new(preferred: Wanted) -> Question {
        Question { preferred, phase: Phase::Resting { until: 0 }, attempt: 0 }
    }

    /// When there is something to do next; nothing while answers are awaited.
    pub fn due(&self) -> Option<u64> {
        match self.phase {
            Phase::Resting { until } => Some(until),
            Phase::Asking { .. } => None,
        }
    }

    /// What is being asked for, while answers are awaited.
    pub fn asks(&self) -> Option<Wanted> {
        match self.phase {
            Phase::Resting { .. } => None,
            Phase::Asking { wanted, .. } => Some(wanted),
        }
    }

    /// Makes the next round due at once; false when one is under way.
    pub fn hasten(&mut self) -> bool {
        match &mut self.phase {
            Phase::Resting { until } => {
                *until = 0;
                true
            }
            Phase::Asking { .. } => false,
        }
    }

    /// Begins a round when it is time for it, with so many name servers.
    pub fn begin(&mut self, now: u64, servers: usize, timing: &Timing) -> Option<Query> {
        match self.phase {
            Phase::Resting { until } if now >= until && servers > 0 => {
                Some(self.ask(self.preferred, servers, timing.tries.max(1)))
            }
            Phase::Resting { until } if now >= until => {
                self.rest(now, timing);
                None
            }
            _ => None,
        }
    }

    /// A name server answered validly.
    pub fn answered(&mut self, attempt: u64, now: u64, timing: &Timing) -> Consequence {
        match self.phase {
            Phase::Asking { .. } if attempt == self.attempt => {
                self.rest(now, timing);
                Consequence::Settled
            }
            _ => Consequence::Outdated,
        }
    }

    /// A name server failed; `servers` are asked when a further query follows.
    pub fn failed(
        &mut self,
        attempt: u64,
        failed: Failure,
        now: u64,
        servers: usize,
        timing: &Timing,
    ) -> Consequence {
        let Phase::Asking { wanted, open, failure, tries } = self.phase else { return Consequence::Outdated };
        if attempt != self.attempt {
            return Consequence::Outdated;
        }
        let failure = if failed == Failure::Timeout { failure } else { failed };
        let open = open.saturating_sub(1);
        if open > 0 {
            self.phase = Phase::Asking { wanted, open, failure, tries };
            return Consequence::Wait;
        }
        let other = other_family(wanted).filter(|_| wanted == self.preferred && failure != Failure::Timeout);
        match (other, tries.saturating_sub(1)) {
            (Some(other), _) if servers > 0 => Consequence::Again(self.ask(other, servers, tries)),
            (_, left) if left > 0 && servers > 0 => {
                Consequence::Again(self.ask(self.preferred, servers, left))
            }
            _ => {
                self.rest(now, timing);
                Consequence::Failed(failure)
            }
        }
    }

    fn ask(&mut self, wanted: Wanted, servers: usize, tries: u32) -> Query {
        self.attempt = self.attempt.wrapping_add(1);
        self.phase = Phase::Asking { wanted, open: servers, failure: Failure::Timeout, tries };
        Query { wanted, attempt: self.attempt }
    }

    fn rest(&mut self, now: u64, timing: &Timing) {
        self.phase = Phase::Resting { until: now.saturating_add(timing.resolve.max(SHORTEST_REST)) };
    }
}

fn other_family(wanted: Wanted) -> Option<Wanted> {
    match wanted {
        Wanted::Addresses(AddressFamily::V4) => Some(Wanted::Addresses(AddressFamily::V6)),
        Wanted::Addresses(AddressFamily::V6) => Some(Wanted::Addresses(AddressFamily::V4)),
        Wanted::Services => None,
    }
}

/// Milliseconds between rounds at least, so that a `timeout resolve` of 0 does not keep a core busy.
const SHORTEST_REST: u64 = 10;

#[cfg(test)]
#[path = "question_tests.rs"]
mod tests;
