#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail where it stands")]

use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::task::Waker;

use proptest::prelude::*;

use super::*;

fn register(worker: usize, workers: usize) -> Rc<Register> {
    Rc::new(Register::new(worker, workers))
}

/// Every stream that is looked at, slice by slice.
fn walk(register: &Register, mut between: impl FnMut(usize)) -> Vec<u64> {
    let (mut from, mut seen) = (0, Vec::new());
    for slice in 0.. {
        let mut left = MOST_TOLD;
        let next = register.visit(from, |sight| {
            seen.push(sight.id.get());
            left -= 1;
            left > 0
        });
        between(slice);
        match next {
            Some(next) => from = next,
            None => break,
        }
    }
    seen
}

proptest! {
    #[test]
    fn a_walk_sees_every_stream_once_whatever_comes_and_goes_meanwhile(
        first in 0..700usize,
        moves in prop::collection::vec((any::<bool>(), any::<prop::sample::Index>()), 0..200),
    ) {
        let register = register(1, 3);
        let mut live: BTreeMap<u64, Watch> = BTreeMap::new();
        let mut issued = BTreeSet::new();
        let mut admit = |live: &mut BTreeMap<u64, Watch>| {
            let watch = register.admit();
            let id = watch.id.get();
            assert!(issued.insert(id), "{id} was there before");
            live.insert(id, watch);
        };
        (0..first).for_each(|_| admit(&mut live));
        let at_first: BTreeSet<u64> = live.keys().copied().collect();
        let mut moves = moves.into_iter();
        let seen = walk(&register, |_| {
            for (comes, which) in moves.by_ref().take(20) {
                if comes {
                    admit(&mut live);
                } else if !live.is_empty() {
                    let id = *live.keys().nth(which.index(live.len())).unwrap();
                    live.remove(&id);
                }
            }
        });
        let once: BTreeSet<u64> = seen.iter().copied().collect();
        prop_assert_eq!(seen.len(), once.len());
        // Who was there from the first to the last was seen; who never was, was not.
        let stayed: BTreeSet<u64> = at_first.iter().filter(|id| live.contains_key(id)).copied().collect();
        prop_assert!(stayed.is_subset(&once));
        prop_assert!(once.is_subset(&issued));
        prop_assert_eq!(register.len(), live.len());
        drop(live);
        prop_assert_eq!(register.len(), 0);
    }
}

#[test]
fn no_two_workers_give_the_same_number() {
    let registers: Vec<_> = (0..4).map(|worker| register(worker, 4)).collect();
    let mut ids = BTreeSet::new();
    for _ in 0..100 {
        for register in &registers {
            assert!(ids.insert(register.admit().id.get()));
        }
    }
    assert!(ids.iter().all(|id| *id >= FIRST));
}

#[test]
fn a_stream_that_is_cut_is_not_polled_again_and_says_how_far_it_came() {
    let register = register(0, 1);
    let watch = register.admit();
    let clock = Clock::new(Arc::default());
    let context = &mut Context::from_waker(Waker::noop());
    let polls = Cell::new(0);
    let mut work = pin!(std::future::poll_fn(|_| {
        polls.set(polls.get() + 1);
        Poll::<Result<(), Fault>>::Pending
    }));
    watch.enter(Progress::Waiting);
    assert!(watch.poll(context, &clock, work.as_mut()).is_pending());
    watch.cut.set(Some(CutBy::Administrator));
    let cut = watch.poll(context, &clock, work.as_mut());
    assert_eq!(cut, Poll::Ready(Err(Fault::Cut(CutBy::Administrator, Progress::Waiting))));
    assert_eq!((polls.get(), watch.calls.get()), (1, 2));
}

#[test]
fn a_sight_is_used_again_without_what_was_seen_before() {
    let register = register(0, 1);
    let watch = register.admit();
    watch.cut.set(Some(CutBy::ServerDown));
    let (first, sight) = (watch.id.get(), Rc::as_ptr(&watch.sight));
    drop(watch);
    let watch = register.admit();
    assert_eq!(Rc::as_ptr(&watch.sight), sight);
    assert_ne!(watch.id.get(), first);
    assert_eq!(watch.cut.get(), None);
}

#[test]
fn calls_are_counted_by_the_second() {
    let sight = Sight::default();
    for second in [7, 7, 7, 8, 8] {
        sight.count_call(second);
    }
    assert_eq!(sight.pace.get(), (8, 2, 3));
    sight.count_call(20);
    assert_eq!((sight.pace.get(), sight.calls.get()), ((20, 1, 0), 6));
}
