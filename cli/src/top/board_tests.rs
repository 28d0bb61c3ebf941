#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use proptest::prelude::*;

use super::*;
use crate::top::doubles::{board, key, process, row, sample, usual};

#[test]
fn rates_are_what_two_samples_differ_by() {
    let board = board(
        &["app s1 server UP req_tot=100 stot=10 bin=1000 bout=5000 econ=1 eresp=0 hrsp_5xx=7"],
        &["app s1 server UP req_tot=350 stot=20 bin=1500 bout=5000 econ=3 eresp=1 hrsp_5xx=7"],
    );
    let pace = board.entry(&key(Kind::Server, "app", "s1")).unwrap().pace;
    assert_eq!(
        pace,
        Pace {
            requests: Some(250.0),
            sessions: Some(10.0),
            bytes_in: Some(500.0),
            bytes_out: Some(0.0),
            errors: Some(3.0),
            answers_5xx: Some(0.0),
        }
    );
    assert_eq!(board.total.pace.requests, Some(1000.0), "of the process");
}

#[test]
fn what_shrank_was_cleared_and_has_no_rate() {
    let board = board(&["app s1 server UP req_tot=100 stot=5"], &["app s1 server UP req_tot=3 stot=6"]);
    let pace = board.entries[0].pace;
    assert_eq!((pace.requests, pace.sessions), (None, Some(1.0)));
}

#[test]
fn a_row_that_is_new_has_no_rate_yet() {
    let board = board(&[], &["app s1 server UP req_tot=100"]);
    assert_eq!(board.entries[0].pace, Pace::default());
    assert!(board.entries[0].trend.is_empty());
}

#[test]
fn two_looks_in_a_moment_keep_the_rates() {
    let first = board(&["app s1 server UP req_tot=1"], &["app s1 server UP req_tot=5"]);
    let second = Board::advance(Some(&first), sample(2, &["app s1 server UP req_tot=6"]));
    assert_eq!(second.entries[0].pace.requests, Some(4.0));
    assert_eq!(second.entries[0].trend, [40], "the history has no point of it");
}

#[test]
fn the_history_is_bounded_and_ends_with_the_newest() {
    let mut board = Board::advance(None, sample(1, &["app s1 server UP req_tot=0"]));
    let mut requests = 0;
    for second in 2..(HISTORY as u64 + 50) {
        requests += second;
        board =
            Board::advance(Some(&board), sample(second, &[&format!("app s1 server UP req_tot={requests}")]));
    }
    let trend = &board.entries[0].trend;
    assert_eq!(trend.len(), HISTORY);
    assert_eq!(trend.last(), Some(&((HISTORY as u32 + 49) * 10)));
}

#[test]
fn problems_are_found_and_counted() {
    let board = usual();
    let problem = |service: &str| {
        let found = board.entries.iter().find(|entry| &*entry.row.key.place.service == service);
        found.unwrap().problem
    };
    assert_eq!(problem("s2"), Some("checks fail"));
    assert_eq!(problem("s3"), Some("down"));
    assert_eq!(problem("s4"), Some("in maintenance"));
    assert_eq!(problem("FRONTEND"), None);
    assert_eq!(problem("BACKEND"), Some("requests wait"));
    assert_eq!(board.total.problems, 4);
    for (words, expected) in [
        ("app s1 server UP scur=100 slim=100", Some("at its limit")),
        ("app s1 server UP scur=100 slim=0", None),
        ("app s1 server NOLB", Some("takes nothing new")),
        ("app s1 server no_check", None),
        ("app BACKEND backend UP scur=10 slim=10", None),
    ] {
        let row = row(words);
        assert_eq!(super::problem(&row, &Pace::default()), expected, "{words}");
    }
}

#[test]
fn processes_are_summed_and_the_least_idle_counts() {
    let mut one = sample(1, &[]);
    one.processes = vec![process("a", 100), process("b", 50)];
    let mut two = sample(3, &[]);
    let mut busy = process("b", 250);
    busy.idle = Some(3);
    two.processes = vec![process("a", 140), busy, process("c", 9999)];
    let board = Board::advance(Some(&Board::advance(None, one)), two);
    assert_eq!(board.total.connections, 36);
    assert_eq!(board.total.idle, Some(3));
    assert_eq!(board.total.pace.requests, Some(120.0), "a node that is new has no rate yet");
}

proptest! {
    #[test]
    fn whatever_counters_do_rates_are_never_negative(before in 0u64..1000, now in 0u64..1000, seconds in 1u64..100) {
        let first = Board::advance(None, sample(1, &[&format!("a s server UP req_tot={before} econ={now}")]));
        let second = sample(1 + seconds, &[&format!("a s server UP req_tot={now} econ={before}")]);
        let pace = Board::advance(Some(&first), second).entries[0].pace;
        for rate in [pace.requests, pace.errors].into_iter().flatten() {
            prop_assert!(rate >= 0.0);
        }
        prop_assert_eq!(pace.requests.is_some(), now >= before);
    }
}
