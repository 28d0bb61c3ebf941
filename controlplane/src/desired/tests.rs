#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::sync::atomic::Ordering;

use regate_proto::change::{Change, Layer};
use regate_proto::state::Digest;
use regate_proto::wire::{self, v1};

use super::*;
use crate::testing::{Dice, Memory, backend, put, random_set, server, set, weight};

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap()
}

/// What a node does with a transfer.
fn follow(node: &mut State, transfer: Transfer) {
    let mut changes = Vec::new();
    let mut expected = Digest::default();
    for message in transfer.into_messages() {
        match message.message.unwrap() {
            v1::from_controller::Message::Begin(begin) => {
                if begin.full {
                    *node = State::default();
                } else {
                    assert_eq!(node.revision().0, begin.base);
                }
            }
            v1::from_controller::Message::Part(part) => {
                changes.extend(wire::model_changes(part.changes, changes.len()).unwrap());
            }
            v1::from_controller::Message::Commit(commit) => {
                node.apply(&ChangeSet { base: None, origin: Origin::default(), changes: changes.clone() })
                    .unwrap();
                node.renumber(Revision(commit.revision));
                expected = commit.digest.unwrap().into();
            }
            v1::from_controller::Message::Welcome(_) => panic!("no welcome belongs to a transfer"),
        }
    }
    assert_eq!(node.digest(), expected);
}

#[test]
fn followers_end_with_the_same_content_by_steps_and_whole() {
    runtime().block_on(async {
        for seed in 0..30 {
            let mut dice = Dice(seed);
            let desired = Desired::open(Arc::new(Memory::default())).unwrap();
            let mut node = State::default();
            let mut slices = 0;
            for _ in 0..200 {
                let mut answers = Vec::new();
                for _ in 0..=dice.below(4) {
                    answers.push(desired.submit(Work::Set(random_set(&mut dice)), false).await);
                }
                for answer in answers {
                    // Refused or not: that is for the state's own tests.
                    let _ = answer.await.unwrap();
                }
                if dice.once_in(3) {
                    let transfer = desired.transfer(Some((node.revision(), node.digest())));
                    slices += usize::from(!transfer.is_whole());
                    follow(&mut node, transfer);
                    assert!(desired.read(|state| state.effective().eq(node.effective())), "seed {seed}");
                    assert!(desired.read(|state| state.overlays().eq(node.overlays())), "seed {seed}");
                }
            }
            assert!(slices > 10, "seed {seed}: {slices}");
            let mut fresh = State::default();
            follow(&mut fresh, desired.transfer(None));
            assert!(desired.read(|state| state.effective().eq(fresh.effective())));
            desired.close();
        }
    });
}

#[test]
fn each_set_of_a_group_is_answered_by_itself_and_in_order() {
    runtime().block_on(async {
        let desired = Desired::open(Arc::new(Memory::default())).unwrap();
        let mut answers = vec![desired.submit(Work::Set(set(vec![put(backend("a", None))])), false).await];
        for port in 1..100 {
            answers.push(desired.submit(Work::Set(set(vec![put(server("a", "s", port))])), false).await);
            answers.push(desired.submit(Work::Set(set(vec![put(server("none", "s", port))])), false).await);
        }
        let mut revision = 0;
        for (index, answer) in answers.into_iter().enumerate() {
            match answer.await.unwrap() {
                Ok(done) => {
                    revision += 1;
                    assert_eq!(done.applied.revision.0, revision);
                }
                Err(problems) => {
                    assert!(index > 0 && index % 2 == 0);
                    assert_eq!(problems.first().unwrap().code, Code::Dangling);
                }
            }
        }
        assert_eq!(revision, 100);
        desired.close();
    });
}

#[test]
fn what_makes_no_difference_makes_no_revision_and_a_dry_run_none_either() {
    runtime().block_on(async {
        let desired = Desired::open(Arc::new(Memory::default())).unwrap();
        let rows = vec![backend("a", None), server("a", "s", 1)];
        let replace = || Work::Replace { origin: Origin::default(), base: None, rows: rows.clone() };
        let tried = desired.carry_out(replace(), true).await.unwrap();
        assert_eq!((tried.applied.revision.0, tried.set.changes.len()), (1, 2));
        assert_eq!(desired.read(State::revision).0, 0);
        assert_eq!(desired.carry_out(replace(), false).await.unwrap().applied.revision.0, 1);
        let again = desired.carry_out(replace(), false).await.unwrap();
        assert_eq!((again.applied.revision.0, again.set.changes.len()), (1, 0));
        let conflict = Work::Replace { origin: Origin::default(), base: Some(Revision(9)), rows };
        assert_eq!(
            desired.carry_out(conflict, false).await.unwrap_err().first().unwrap().code,
            Code::Conflict
        );
        desired.close();
    });
}

#[test]
fn a_rollback_is_a_new_revision_with_the_old_content() {
    runtime().block_on(async {
        let desired = Desired::open(Arc::new(Memory::default())).unwrap();
        let steps = [
            vec![put(backend("a", None)), put(server("a", "s", 1))],
            vec![weight("a", "s", 7)],
            vec![Change::Delete(Layer::Spec, server("a", "s", 1).subject())],
        ];
        for changes in steps {
            desired.carry_out(Work::Set(set(changes)), false).await.unwrap();
        }
        let old = desired.store().state_at(Revision(2)).unwrap().unwrap();
        let state = Box::new(old.clone());
        let done = desired.carry_out(Work::Become { origin: Origin::default(), state }, false).await.unwrap();
        assert_eq!(done.applied.revision.0, 4);
        assert_eq!(desired.read(State::digest), old.digest());
        desired.close();
    });
}

#[test]
fn a_store_that_fails_shows_nothing_and_takes_nothing_further() {
    runtime().block_on(async {
        let store = Arc::new(Memory::default());
        let desired = Desired::open(store.clone()).unwrap();
        desired.carry_out(Work::Set(set(vec![put(backend("a", None))])), false).await.unwrap();
        store.fails.store(true, Ordering::SeqCst);
        for name in ["b", "c"] {
            let refused = desired.carry_out(Work::Set(set(vec![put(backend(name, None))])), false).await;
            assert_eq!(refused.unwrap_err().first().unwrap().code, Code::Unavailable);
        }
        assert_eq!(desired.read(State::revision).0, 1);
        assert!(desired.failure().borrow().is_some());
        desired.close();
    });
}

#[test]
fn staged_sets_are_found_once_and_forgotten_after_ten_minutes() {
    let mut staged = Staged::default();
    let start = Instant::now();
    let laid =
        |replace, changes| StagedSet { origin: Origin::default(), base: None, replace, changes, size: 9 };
    let ticket = staged.lay(laid(true, vec![put(backend("a", None))]), 5, start).unwrap();
    assert!(staged.find(&ticket, true, start).is_ok());
    assert!(staged.find(&ticket, false, start).is_ok());
    assert_eq!(staged.find(&ticket, false, start).unwrap_err().code, Code::NotFound);
    let ticket = staged.lay(laid(false, Vec::new()), 5, start).unwrap();
    let late = start + std::time::Duration::from_secs(601);
    assert_eq!(staged.find(&ticket, false, late).unwrap_err().code, Code::NotFound);
    let twice = vec![put(backend("a", None)), put(backend("a", None))];
    assert_eq!(staged.lay(laid(true, twice), 5, start).unwrap_err().code, Code::AlreadyExists);
    let other = vec![weight("a", "s", 1)];
    assert_eq!(staged.lay(laid(true, other), 5, start).unwrap_err().code, Code::Unsuitable);
}
