//! A controller and several nodes on a made-up network and clock, all from one seed.
//!
//! The controller's half is the real [`Session`] over the real steps; a node is the real `State` with the rules of
//! `fleet.proto`. What a seed finds, the same seed finds again.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, VecDeque};

use regate_proto::change::{ChangeSet, Revision};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{Digest, State};
use regate_proto::wire::v1;

use super::session::{Content, Heard, Say, Session, Source, Standing};
use crate::desired::{Recent, Steps, Transfer, between};
use crate::testing::{Dice, Follower, random_set};

/// The desired state without a disk.
struct Plan {
    state: State,
    recent: Recent,
    /// What each revision contained.
    history: BTreeMap<Revision, Digest>,
}

impl Plan {
    fn new() -> Plan {
        let state = State::default();
        let recent = Recent::starting_at(state.revision(), state.digest());
        let history = [content(&state)].into();
        Plan { state, recent, history }
    }

    fn change(&mut self, set: &ChangeSet) -> bool {
        let before = self.state.clone();
        let Ok(applied) = self.state.apply(set) else { return false };
        let effects = between(&before, &self.state, &applied.touched);
        self.recent.push(self.state.revision(), self.state.digest(), effects);
        self.history.insert(self.state.revision(), self.state.digest());
        true
    }

    /// What a restart forgets.
    fn restart(&mut self) {
        self.recent = Recent::starting_at(self.state.revision(), self.state.digest());
    }
}

impl Source for Plan {
    fn head(&self) -> Content {
        content(&self.state)
    }

    fn transfer(&self, from: Option<Content>) -> Transfer {
        let slice = from.and_then(|(revision, digest)| self.recent.since(revision, digest));
        slice.unwrap_or_else(|| Transfer {
            base: Revision(0),
            target: self.state.revision(),
            digest: self.state.digest(),
            steps: Steps::Whole {
                rows: self.state.spec().cloned().collect(),
                overlays: self.state.overlays().cloned().collect(),
            },
        })
    }
}

fn content(state: &State) -> Content {
    (state.revision(), state.digest())
}

/// A connection: a session, and what is on its way in both directions.
struct Link {
    session: Session,
    down: VecDeque<v1::FromController>,
    up: VecDeque<v1::FromNode>,
}

/// Everything there is.
struct World {
    dice: Dice,
    now: u64,
    plan: Plan,
    nodes: Vec<Follower>,
    links: Vec<Option<Link>>,
    /// Until when a node cannot be reached.
    apart: Vec<u64>,
    slices: u64,
    wholes: u64,
}

impl World {
    fn new(seed: u64, nodes: usize) -> World {
        World {
            dice: Dice(seed),
            now: 0,
            plan: Plan::new(),
            nodes: (0..nodes).map(|_| Follower::default()).collect(),
            links: (0..nodes).map(|_| None).collect(),
            apart: vec![0; nodes],
            slices: 0,
            wholes: 0,
        }
    }

    /// One event somewhere; with `calm`, none that does harm.
    fn step(&mut self, calm: bool) {
        self.now += self.dice.below(400);
        let at = self.dice.below(self.nodes.len() as u64) as usize;
        match self.dice.below(if calm { 8 } else { 16 }) {
            0 => self.connect(at),
            1 | 2 => self.deliver_up(at),
            3..=6 => self.deliver_down(at),
            7 => self.hear(at, Heard::Tick),
            8 if self.dice.once_in(3) => self.links[at] = None,
            9 if self.dice.once_in(3) => {
                self.links[at] = None;
                self.apart[at] = self.now + self.dice.below(20_000);
            }
            10 if self.dice.once_in(3) => {
                // What was begun is gone, what was applied is on disk; sometimes the disk is a new one.
                self.links[at] = None;
                self.nodes[at].begun = None;
                if self.dice.once_in(3) {
                    self.nodes[at] = Follower::default();
                }
            }
            11 if self.dice.once_in(6) => {
                self.links.iter_mut().for_each(|link| *link = None);
                self.plan.restart();
            }
            12 if self.dice.once_in(3) => self.nodes[at].stubborn = self.dice.below(4),
            13 if self.dice.once_in(6) => {
                // Changed behind the controller's back, while nobody is connected.
                self.links[at] = None;
                let set = random_set(&mut self.dice);
                let _ = self.nodes[at].state.apply(&set);
            }
            _ => {
                let set = random_set(&mut self.dice);
                if self.plan.change(&set) {
                    (0..self.nodes.len()).for_each(|at| self.hear(at, Heard::Moved));
                }
            }
        }
    }

    fn connect(&mut self, at: usize) {
        if self.links[at].is_some() || self.now < self.apart[at] {
            return;
        }
        let session = Session::begin(self.now, self.dice.roll());
        self.nodes[at].begun = None;
        let up = [self.nodes[at].hello("n")].into();
        self.links[at] = Some(Link { session, down: VecDeque::new(), up });
    }

    fn hear(&mut self, at: usize, heard: Heard) {
        let Some(link) = &mut self.links[at] else { return };
        for said in link.session.hear(self.now, heard, &self.plan) {
            match said {
                Say::Welcome => {
                    let welcome = v1::from_controller::Message::Welcome(v1::Welcome::default());
                    link.down.push_back(v1::FromController { message: Some(welcome) });
                }
                Say::Transfer(transfer) => {
                    *(if transfer.is_whole() { &mut self.wholes } else { &mut self.slices }) += 1;
                    link.down.extend(transfer.into_messages());
                }
                Say::Close(_) => {
                    self.links[at] = None;
                    return;
                }
            }
        }
    }

    fn deliver_up(&mut self, at: usize) {
        let Some(message) = self.links[at].as_mut().and_then(|link| link.up.pop_front()) else { return };
        let heard = super::dial::heard(message).unwrap();
        self.hear(at, heard);
    }

    fn deliver_down(&mut self, at: usize) {
        let Some(link) = self.links[at].as_mut() else { return };
        let Some(message) = link.down.pop_front() else { return };
        let is_commit = matches!(message.message, Some(v1::from_controller::Message::Commit(_)));
        let before = content(&self.nodes[at].state);
        link.up.extend(self.nodes[at].hear(message));
        let after = content(&self.nodes[at].state);
        if before != after {
            assert!(is_commit, "something was visible before the commit");
            assert_eq!(self.plan.history.get(&after.0), Some(&after.1), "a content that no revision had");
        }
    }

    fn is_converged(&self) -> bool {
        let stands = |link: &Option<Link>| {
            link.as_ref().is_some_and(|link| link.session.standing() == Standing::Current)
        };
        let head = self.plan.head();
        self.nodes.iter().all(|node| content(&node.state) == head) && self.links.iter().all(stands)
    }
}

#[test]
fn nodes_end_where_the_controller_is_whatever_happened() {
    let (mut slices, mut wholes) = (0, 0);
    for seed in 0..100 {
        let mut world = World::new(seed, 4);
        for _ in 0..1_500 {
            world.step(false);
        }
        assert!(world.plan.head().0 > Revision(0));
        world.apart.fill(0);
        world.nodes.iter_mut().for_each(|node| node.stubborn = 0);
        let mut rounds = 0;
        while !world.is_converged() {
            rounds += 1;
            assert!(rounds < 100_000, "seed {seed}: no convergence");
            world.step(true);
        }
        for node in &world.nodes {
            assert!(world.plan.state.effective().eq(node.state.effective()), "seed {seed}");
            assert!(world.plan.state.overlays().eq(node.state.overlays()), "seed {seed}");
        }
        slices += world.slices;
        wholes += world.wholes;
    }
    assert!(slices > 200 && wholes > 200, "{slices} slices and {wholes} wholes: one of them is not tested");
}

#[test]
fn a_refused_node_is_tried_again_later_and_at_once_when_the_state_moves_on() {
    let mut plan = Plan::new();
    let mut dice = Dice(1);
    while !plan.change(&random_set(&mut dice)) {}
    let mut session = Session::begin(0, 1);
    let said = session.hear(0, Heard::Hello(content(&State::default())), &plan);
    assert!(matches!(said.as_slice(), [Say::Welcome, Say::Transfer(_)]));
    let problem = Problem::general(Code::Impossible, "the port is taken");
    let target = plan.head().0;
    assert!(session.hear(5, Heard::Refused(target, vec![problem.clone()]), &plan).is_empty());
    assert_eq!(
        (session.standing(), session.refusal()),
        (Standing::Refused, Some([problem.clone()].as_slice()))
    );
    let retry = session.due().unwrap();
    assert!(session.hear(retry - 1, Heard::Tick, &plan).is_empty());
    assert!(matches!(session.hear(retry, Heard::Tick, &plan).as_slice(), [Say::Transfer(_)]));
    assert!(session.hear(retry, Heard::Refused(target, vec![problem]), &plan).is_empty());
    let longer = session.due().unwrap() - retry;
    assert!(longer > 1_250, "{longer}");
    while !plan.change(&random_set(&mut dice)) {}
    assert!(matches!(session.hear(retry + 1, Heard::Moved, &plan).as_slice(), [Say::Transfer(_)]));
    assert!(session.hear(retry + 2, Heard::Applied(plan.head()), &plan).is_empty());
    assert_eq!((session.standing(), session.refusal()), (Standing::Current, None));
}

#[test]
fn a_controller_that_was_never_told_anything_leaves_nodes_alone() {
    let plan = Plan::new();
    let mut node = State::default();
    let mut dice = Dice(3);
    while node.apply(&random_set(&mut dice)).is_err() {}
    let mut session = Session::begin(0, 1);
    assert!(matches!(session.hear(0, Heard::Hello(content(&node)), &plan).as_slice(), [Say::Welcome]));
    assert_eq!(session.standing(), Standing::Drifted);
}

#[test]
fn a_silent_node_is_left() {
    let plan = Plan::new();
    let mut session = Session::begin(0, 1);
    let due = session.due().unwrap();
    assert!(matches!(session.hear(due, Heard::Tick, &plan).as_slice(), [Say::Close(_)]));
}
