//! Every fuzz target, a bounded number of rounds with fixed seeds of chance.

#![allow(clippy::panic, reason = "a test fails by panicking")]

use regate_tests::fuzz::TARGETS;
use regate_tests::fuzz::mutation::{Dice, mutate};

/// Runs a target on its seeds and on mutations of them. What a panic says comes after the bytes that led to it.
fn run(name: &str) {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else {
        panic!("there is no target {name}");
    };
    let variable = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let rounds = variable("REGATE_FUZZ_ROUNDS").unwrap_or(u64::from(target.rounds));
    let mut dice = Dice::new(variable("REGATE_FUZZ_SEED").unwrap_or(1));
    let seeds = (target.seeds)();
    assert!(!seeds.is_empty(), "{name} has no seeds");
    let attempt = |bytes: &[u8]| {
        let told = std::panic::catch_unwind(|| (target.run)(bytes));
        assert!(told.is_ok(), "{name} fails on b\"{}\"", bytes.escape_ascii());
    };
    seeds.iter().for_each(|seed| attempt(seed));
    for _ in 0..rounds {
        attempt(&mutate(&seeds, &mut dice));
    }
}

macro_rules! targets {
    ($($name:ident)*) => {
        $(#[test] fn $name() { run(stringify!($name)); })*

        #[test]
        fn every_target_is_run() {
            let run = [$(stringify!($name)),*];
            assert_eq!(TARGETS.iter().map(|target| target.name).collect::<Vec<_>>(), run);
        }
    };
}

targets! {
    http1_request http1_response http1_body proxy_header wire_change_set haproxy_cfg yaml conditions dns_answer
    socket_lines
}

#[test]
fn the_same_seed_makes_the_same_bytes() {
    let seeds = vec![b"one seed".to_vec(), b"another".to_vec()];
    let make = |seed| {
        let mut dice = Dice::new(seed);
        (0..50).map(|_| mutate(&seeds, &mut dice)).collect::<Vec<_>>()
    };
    assert_eq!(make(3), make(3));
    assert_ne!(make(3), make(4));
}
