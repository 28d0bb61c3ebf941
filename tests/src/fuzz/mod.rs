//! Fuzz targets: a function from bytes to nothing for everything that reads bytes of strangers.
//!
//! A target panics where something that must hold does not; what the bytes mean is no matter of its own. Each has
//! seeds, bytes from which it is worth to begin. The test suite runs every target on mutations of its seeds for a
//! bounded number of rounds with fixed seeds of chance ([`mutation`]); `README.md` says how to run one for longer.

#![allow(clippy::panic, reason = "a target tells what it found by panicking")]

pub mod commands;
pub mod config;
pub mod dns;
pub mod http1;
pub mod mutation;
pub mod proxy_header;
pub mod socket;
pub mod wire;

/// A target, its seeds, and how often the test suite runs it.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// What it is called.
    pub name: &'static str,
    /// What it does with bytes.
    pub run: fn(&[u8]),
    /// Bytes to begin with.
    pub seeds: fn() -> Vec<Vec<u8>>,
    /// Rounds in the test suite, so that each takes about a second without optimisation.
    pub rounds: u32,
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "http1_request", run: http1::request, seeds: http1::request_seeds, rounds: 10_000 },
    Target { name: "http1_response", run: http1::response, seeds: http1::response_seeds, rounds: 10_000 },
    Target { name: "http1_body", run: http1::body, seeds: http1::body_seeds, rounds: 10_000 },
    Target { name: "proxy_header", run: proxy_header::header, seeds: proxy_header::seeds, rounds: 20_000 },
    Target { name: "wire_change_set", run: wire::change_set, seeds: wire::seeds, rounds: 4_000 },
    Target { name: "haproxy_cfg", run: config::haproxy, seeds: config::haproxy_seeds, rounds: 800 },
    Target { name: "yaml", run: config::yaml, seeds: config::yaml_seeds, rounds: 800 },
    Target { name: "conditions", run: config::conditions, seeds: config::condition_seeds, rounds: 10_000 },
    Target { name: "dns_answer", run: dns::answer, seeds: dns::seeds, rounds: 10_000 },
    Target { name: "socket_lines", run: socket::lines, seeds: socket::seeds, rounds: 10_000 },
];
