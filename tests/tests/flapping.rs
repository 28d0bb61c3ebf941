//! Servers that come and go under load: no request fails that a healthy server could have served.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use regate_tests::harness::{HttpClient, Kind, Port, Proxy, wait};

/// Servers that come and go, about every 100 ms.
const RESTLESS: usize = 30;
/// Clients at a time, and the requests of each.
const CLIENTS: usize = 8;
const REQUESTS: usize = 400;

#[test]
fn no_request_fails_while_most_servers_come_and_go() {
    let over = Arc::new(AtomicBool::new(false));
    let flips = Arc::new(AtomicU32::new(0));
    let mut origins = vec![Origin::start(None, &over, &flips)];
    origins.extend((1..=RESTLESS).map(|seed| Origin::start(Some(seed as u64), &over, &flips)));
    let port = Port::reserve().unwrap();
    let mut text = format!(
        "global\n    nbthread 2\n    stats socket @folder@/s.sock level admin\ndefaults\n    mode http\n    timeout client 20s\n    timeout server 20s\n    \
         timeout connect 5s\n    timeout queue 5s\n    retries 10\n    option redispatch 1\n    \
         retry-on all-retryable-errors\nfrontend f\n    bind 127.0.0.1:{}\n    default_backend b\nbackend b\n    \
         balance roundrobin\n    default-server check inter 100ms fall 1 rise 1 observe layer4 \
         error-limit 1 on-error mark-down\n",
        port.number(),
    );
    for (number, origin) in origins.iter().enumerate() {
        writeln!(text, "    server s{number} 127.0.0.1:{}", origin.port).unwrap();
    }
    let proxy = Proxy::start(Kind::Regate, &text).unwrap();

    let address = port.address();
    let clients: Vec<JoinHandle<()>> =
        (0..CLIENTS).map(|_| std::thread::spawn(move || ask(address))).collect();
    for client in clients {
        client.join().unwrap();
    }
    let flipped = flips.load(Ordering::Relaxed);
    assert!(flipped > RESTLESS as u32, "the servers came and went {flipped} times: the run was too short");
    // The checks have followed: those that are down are known to be.
    let down = || proxy.ask("show stat").is_ok_and(|csv| csv.contains(",DOWN,"));
    wait::until_true("a server that is known to be down", wait::PATIENCE, down).unwrap();
    over.store(true, Ordering::Relaxed);
    for origin in origins {
        origin.thread.join().unwrap();
    }
}

fn ask(address: SocketAddr) {
    let mut client = HttpClient::connect(address).unwrap();
    for number in 0..REQUESTS {
        let answer = client.fetch("/").unwrap();
        assert_eq!(answer.status, 200, "request {number}: {}", answer.text());
    }
}

/// A server of its own port, which listens now and then, or always without a seed.
struct Origin {
    port: u16,
    thread: JoinHandle<()>,
}

impl Origin {
    fn start(seed: Option<u64>, over: &Arc<AtomicBool>, flips: &Arc<AtomicU32>) -> Origin {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (over, flips) = (over.clone(), flips.clone());
        let thread = std::thread::spawn(move || serve(listener, port, seed, &over, &flips));
        Origin { port, thread }
    }
}

fn serve(listener: TcpListener, port: u16, seed: Option<u64>, over: &AtomicBool, flips: &AtomicU32) {
    let mut chance = seed.unwrap_or(0);
    let mut listener = Some(listener);
    while !over.load(Ordering::Relaxed) {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let until = Instant::now() + Duration::from_millis(50 + (chance >> 33) % 100);
        match &listener {
            Some(listener) => answer_until(listener, until),
            None => wait::pause(until.saturating_duration_since(Instant::now())),
        }
        if seed.is_some() {
            flips.fetch_add(1, Ordering::Relaxed);
            listener = match listener {
                Some(_) => None,
                None => TcpListener::bind((Ipv4Addr::LOCALHOST, port)).ok(),
            };
        }
    }
}

/// Answers a request for each connection.
fn answer_until(listener: &TcpListener, until: Instant) {
    listener.set_nonblocking(true).unwrap();
    while Instant::now() < until {
        match listener.accept() {
            Ok((stream, _)) => answer(stream),
            Err(_) => wait::pause(Duration::from_millis(1)),
        }
    }
}

fn answer(mut stream: TcpStream) {
    stream.set_nonblocking(false).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut head = [0; 1024];
    // A check says nothing and leaves.
    if stream.read(&mut head).is_ok_and(|count| count > 0) {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok");
    }
}
