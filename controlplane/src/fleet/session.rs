//! One session with one node, as a state machine without I/O: what was heard goes in, what to say comes out.
//!
//! Owns the decision between a slice of steps and the whole state, when a refused node is tried again, and how a
//! node stands. Time is an argument, in milliseconds of any clock that does not go back. It must never wait, read a
//! clock or a socket: `dial.rs` does. `simulator.rs` drives it through losses and restarts.

use regate_proto::change::Revision;
use regate_proto::problem::{Code, Problem};
use regate_proto::state::Digest;

use crate::desired::{Desired, Transfer};

/// Where a session takes from what nodes are to be.
pub trait Source {
    /// The newest revision and what it contains.
    fn head(&self) -> Content;

    /// What brings someone with this content, or with any when absent, to the head.
    fn transfer(&self, from: Option<Content>) -> Transfer;
}

/// A revision and what the state contains at it.
pub type Content = (Revision, Digest);

impl Source for Desired {
    fn head(&self) -> Content {
        self.read(|state| (state.revision(), state.digest()))
    }

    fn transfer(&self, from: Option<Content>) -> Transfer {
        Desired::transfer(self, from)
    }
}

/// A session with a node, from its connection to the end of that.
#[derive(Debug)]
pub struct Session {
    phase: Phase,
    /// What the node has, as far as it said.
    node: Option<Content>,
    /// Whether the node has something that no revision of ours is.
    drifted: bool,
    /// Why it refused what it was sent last.
    refusal: Option<Vec<Problem>>,
    refusals: u32,
    /// Spreads the retries of many nodes.
    salt: u64,
}

/// What a session has heard.
#[derive(Debug)]
pub enum Heard {
    /// The node's first message: what it has.
    Hello(Content),
    /// The node applied a commit.
    Applied(Content),
    /// The node refused a commit.
    Refused(Revision, Vec<Problem>),
    /// The desired state moved on.
    Moved,
    /// The time that [`Session::due`] named has come.
    Tick,
}

/// What a session says.
#[derive(Debug)]
pub enum Say {
    /// Who we are.
    Welcome,
    /// Changes, whole or in steps, and their commit.
    Transfer(Transfer),
    /// Nothing more: the connection is to be closed and made anew.
    Close(&'static str),
}

/// How a connected node stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// On its way to the newest revision.
    Synchronizing,
    /// At the newest revision.
    Current,
    /// Stays at an older one, having refused.
    Refused,
    /// Has something else than any revision, and is being brought back.
    Drifted,
}

#[derive(Clone, Copy, Debug)]
enum Phase {
    /// Connected; the node has not spoken.
    Greeting { until: u64 },
    /// A transfer is under way.
    Sent { target: Content, whole: bool, until: u64 },
    /// The node has what it should.
    Following,
    /// The node refused; it is tried again at a time, or when the state moves on.
    Held { retry: u64 },
    /// Closed.
    Ended,
}

impl Session {
    /// A session over a connection that was just made.
    pub fn begin(now: u64, salt: u64) -> Session {
        Session {
            phase: Phase::Greeting { until: now.saturating_add(GREETING) },
            node: None,
            drifted: false,
            refusal: None,
            refusals: 0,
            salt,
        }
    }

    /// What to say to what was heard.
    pub fn hear(&mut self, now: u64, heard: Heard, source: &impl Source) -> Vec<Say> {
        match (self.phase, heard) {
            (Phase::Greeting { .. }, Heard::Hello(content)) => {
                self.node = Some(content);
                let head = source.head();
                self.drifted = content.0 >= head.0 && content != head && content.0 > Revision(0);
                let mut said = vec![Say::Welcome];
                said.extend(self.advance(now, source, false));
                said
            }
            (Phase::Sent { target, .. }, Heard::Applied(content)) if content == target => {
                self.node = Some(content);
                self.drifted = false;
                self.refusal = None;
                self.refusals = 0;
                self.advance(now, source, false)
            }
            (Phase::Sent { target, whole, .. }, Heard::Applied(content)) => {
                self.node = Some(content);
                self.drifted = true;
                if whole || content.0 != target.0 {
                    return self.close("the node applied something else than it was sent");
                }
                self.advance(now, source, true)
            }
            (Phase::Sent { target, whole, .. }, Heard::Refused(revision, problems))
                if revision == target.0 =>
            {
                self.refused(now, (target, whole), problems, source)
            }
            (Phase::Following | Phase::Held { .. }, Heard::Moved) => self.advance(now, source, false),
            (Phase::Greeting { .. } | Phase::Sent { .. }, Heard::Moved) => Vec::new(),
            (Phase::Greeting { until }, Heard::Tick) if now >= until => self.close("the node says nothing"),
            (Phase::Sent { until, .. }, Heard::Tick) if now >= until => {
                self.close("the node does not answer a commit")
            }
            (Phase::Held { retry }, Heard::Tick) if now >= retry => self.advance(now, source, false),
            (_, Heard::Tick) | (Phase::Ended, _) => Vec::new(),
            (_, Heard::Hello(_) | Heard::Applied(_) | Heard::Refused(..)) => {
                self.close("the node said something that does not belong here")
            }
        }
    }

    /// When [`Heard::Tick`] is wanted.
    pub fn due(&self) -> Option<u64> {
        match self.phase {
            Phase::Greeting { until } | Phase::Sent { until, .. } => Some(until),
            Phase::Held { retry } => Some(retry),
            Phase::Following | Phase::Ended => None,
        }
    }

    /// How the node stands.
    pub fn standing(&self) -> Standing {
        match self.phase {
            _ if self.drifted => Standing::Drifted,
            Phase::Following => Standing::Current,
            Phase::Held { .. } => Standing::Refused,
            Phase::Sent { .. } if self.refusal.is_some() => Standing::Refused,
            Phase::Greeting { .. } | Phase::Sent { .. } | Phase::Ended => Standing::Synchronizing,
        }
    }

    /// The revision that the node has.
    pub fn revision(&self) -> Revision {
        self.node.map_or(Revision(0), |(revision, _)| revision)
    }

    /// Why the node refused what it was sent last.
    pub fn refusal(&self) -> Option<&[Problem]> {
        self.refusal.as_deref()
    }

    fn refused(
        &mut self,
        now: u64,
        (target, whole): (Content, bool),
        problems: Vec<Problem>,
        source: &impl Source,
    ) -> Vec<Say> {
        let is_elsewhere = problems.iter().any(|problem| problem.code == Code::Conflict);
        if is_elsewhere && !whole {
            self.drifted = true;
            return self.advance(now, source, true);
        }
        self.phase = Phase::Held { retry: now.saturating_add(self.backoff()) };
        self.refusal = Some(problems);
        self.refusals = self.refusals.saturating_add(1);
        if source.head().0 > target.0 { self.advance(now, source, false) } else { Vec::new() }
    }

    /// Brings the node on, when it is not where it should be.
    fn advance(&mut self, now: u64, source: &impl Source, whole: bool) -> Vec<Say> {
        let head = source.head();
        // A controller that was never told anything leaves nodes as they are.
        if self.node == Some(head) || head.0 == Revision(0) {
            self.drifted = self.node.is_some_and(|node| node.0 > head.0);
            self.refusal = None;
            self.phase = Phase::Following;
            return Vec::new();
        }
        let transfer = source.transfer(if whole { None } else { self.node });
        self.phase = Phase::Sent {
            target: (transfer.target, transfer.digest),
            whole: transfer.is_whole(),
            until: now.saturating_add(COMMITTING),
        };
        vec![Say::Transfer(transfer)]
    }

    fn close(&mut self, why: &'static str) -> Vec<Say> {
        self.phase = Phase::Ended;
        vec![Say::Close(why)]
    }

    /// Doubles with each refusal, up to a minute, give or take a quarter.
    fn backoff(&mut self) -> u64 {
        let whole = (FIRST_RETRY << self.refusals.min(6)).min(LONGEST_RETRY);
        spread(whole, &mut self.salt)
    }
}

/// A span, give or take a quarter of it.
pub(super) fn spread(span: u64, salt: &mut u64) -> u64 {
    *salt = salt.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    span - span / 4 + (*salt >> 33) % (span / 2 + 1)
}

/// How long a node may take to say hello, in milliseconds.
const GREETING: u64 = 10_000;
/// How long a node may take to apply a commit, in milliseconds.
const COMMITTING: u64 = 120_000;
const FIRST_RETRY: u64 = 1_000;
const LONGEST_RETRY: u64 = 60_000;
