#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use super::super::{BackendLive, ServerLive};
use super::{Grant, Priority, Queue, Ticket};

/// A server that takes `most`, all of whose places are taken.
fn full(backend: &BackendLive, most: u32, open: bool) -> Arc<ServerLive> {
    let server = Arc::new(ServerLive::new(1));
    server.room.set((0, most), open, true);
    for _ in 0..most {
        assert!(server.occupy(backend, most));
    }
    server
}

fn join<'a>(queue: &'a Queue, backend: &'a BackendLive, class: i32, offset: i32, now: u64) -> Ticket<'a> {
    queue.join(backend, queue.rank(Priority { class, offset }, now)).0
}

fn granted(ticket: &mut Ticket<'_>) -> Option<Grant> {
    match ticket.poll_grant(&Context::from_waker(Waker::noop())) {
        Poll::Ready(grant) => Some(grant),
        Poll::Pending => None,
    }
}

#[test]
fn the_lowest_class_goes_first_and_then_who_came_first_by_its_adjusted_time() {
    let backend = BackendLive::new(1);
    let server = full(&backend, 1, true);
    let mut tickets = [
        join(&backend.queue, &backend, 0, 0, 100),
        join(&backend.queue, &backend, 0, -50, 120),
        join(&backend.queue, &backend, -1, 999, 130),
        join(&backend.queue, &backend, 0, 0, 100),
        join(&backend.queue, &backend, 5, -500, 90),
    ];
    assert_eq!(backend.queue.length(), 5);
    for expected in [2, 1, 0, 3, 4] {
        server.vacate(&backend);
        let places: Vec<usize> = tickets
            .iter_mut()
            .enumerate()
            .filter_map(|(at, ticket)| matches!(granted(ticket), Some(Grant::Place(_))).then_some(at))
            .collect();
        assert_eq!(places, [expected]);
        assert_eq!(server.sessions.now(), 1);
    }
    server.vacate(&backend);
    assert_eq!((server.sessions.now(), backend.queue.length()), (0, 0));
}

#[test]
fn a_place_goes_to_the_first_of_both_queues_and_to_its_own_alone_when_the_server_takes_nothing_new() {
    let backend = BackendLive::new(1);
    let server = full(&backend, 1, true);
    let mut any = join(&backend.queue, &backend, 0, 0, 1);
    let mut tied = join(&server.queue, &backend, 0, 0, 2);
    server.vacate(&backend);
    assert!(granted(&mut any).is_some() && granted(&mut tied).is_none());
    let mut any = join(&backend.queue, &backend, 0, 0, 1);
    server.room.set((0, 1), false, true);
    server.vacate(&backend);
    assert!(granted(&mut any).is_none() && granted(&mut tied).is_some());
    server.vacate(&backend);
    assert!(granted(&mut any).is_none());
    assert_eq!(server.sessions.now(), 0);
}

#[test]
fn a_place_that_is_not_taken_is_passed_on_and_who_leaves_is_forgotten() {
    let backend = BackendLive::new(1);
    let server = full(&backend, 1, true);
    let first = join(&backend.queue, &backend, 0, 0, 1);
    let mut second = join(&backend.queue, &backend, 0, 0, 2);
    let third = join(&backend.queue, &backend, 0, 0, 3);
    drop(third);
    assert_eq!(backend.queue.length(), 2);
    server.vacate(&backend);
    drop(first);
    assert!(matches!(granted(&mut second), Some(Grant::Place(_))));
    assert_eq!((server.sessions.now(), backend.queue.length()), (1, 0));
}

#[test]
fn a_raised_limit_wakes_as_many_as_may_go_on() {
    let backend = BackendLive::new(1);
    let server = full(&backend, 1, true);
    let mut tickets: Vec<Ticket<'_>> = (0..5).map(|now| join(&backend.queue, &backend, 0, 0, now)).collect();
    server.room.set((0, 3), true, true);
    backend.feed(&server);
    let woken: Vec<bool> = tickets.iter_mut().map(|ticket| granted(ticket).is_some()).collect();
    assert_eq!(woken, [true, true, false, false, false]);
}

#[test]
fn everybody_looks_again_when_servers_came_or_went() {
    let backend = BackendLive::new(1);
    let mut tickets: Vec<Ticket<'_>> = (0..3).map(|now| join(&backend.queue, &backend, 0, 0, now)).collect();
    backend.queue.grant_all();
    assert!(tickets.iter_mut().all(|ticket| matches!(granted(ticket), Some(Grant::Look))));
    assert_eq!(backend.queue.length(), 0);
}

#[test]
fn the_limit_follows_the_load_of_the_backend() {
    use std::sync::atomic::Ordering;
    let backend = BackendLive::new(1);
    backend.fullconn.store(10, Ordering::Relaxed);
    let limits: Vec<u32> = (0..12)
        .map(|_| {
            backend.sessions.rise();
            super::super::limit_between(2, 5, &backend)
        })
        .collect();
    assert_eq!(limits, [2, 2, 2, 2, 2, 3, 3, 4, 4, 5, 5, 5]);
    assert_eq!(super::super::limit_between(0, 5, &backend), 5);
    assert_eq!(super::super::limit_between(9, 5, &backend), 5);
}
