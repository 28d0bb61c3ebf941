//! The text socket in front of a real data plane, held against Debian's haproxy on the same configuration.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use regate_tests::harness::{Kind, Proxy, Result};

/// Traffic comes over unix sockets only, so that both programs can run side by side.
const CONFIGURATION: &str = "global
    stats socket @folder@/admin level admin
    stats socket @folder@/user level user
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend fe
    bind unix@@folder@/fe
    option socket-stats
    default_backend be
backend be
    balance roundrobin
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 maxconn 20 disabled
    server s3 127.0.0.1
listen li
    bind unix@@folder@/li
    balance leastconn
    server a 127.0.0.1:1
";

/// What is said to both, in this order, so that both are in the same state.
const LINES: &[&str] = &[
    "show cli level",
    "show backend",
    "get weight be/s1",
    "get weight #3/#1",
    "get weight x/s1",
    "get weight be/x",
    "get weight be/#9",
    "set weight be/s1 20",
    "get weight be/s1",
    "set server be/s1 weight 50%",
    "get weight be/s1",
    "set weight be/s1 257",
    "set weight x/s1 zz",
    "set server x/y state foo",
    "set server be/s1 state foo",
    "set server be/s1 state drain",
    "show servers state be",
    "set server be/s1 state ready",
    "set server be/s1 addr 127.0.0.2",
    "set server be/s1 addr 127.0.0.1 port 99",
    "set server be/s3 addr 127.0.0.9 port +1",
    "set server nosuch/x foo",
    "set server be",
    "enable server be/s2",
    "disable server be/s2",
    "enable server be/x",
    "set maxconn server be/s1 10",
    "set maxconn frontend fe 100",
    "set maxconn frontend x 1",
    "set maxconn global 100",
    "set maxconn global 0",
    "set rate-limit connections global 10",
    "set rate-limit connections global 0",
    "set rate-limit sessions global 10",
    "set rate-limit sessions global 0",
    "disable frontend fe",
    "disable frontend fe",
    "enable frontend fe",
    "enable frontend fe",
    "enable frontend #2",
    "enable frontend x",
    "add server be/n 127.0.0.1:80 weight 5",
    "add server be/n 127.0.0.1:80 weight 5",
    "add server x/n 127.0.0.1:80",
    "get weight be/n",
    "del server be/s1",
    "enable server be/n",
    "del server be/n",
    "disable server be/n",
    "del server be/n",
    "get weight be/n",
    "clear counters",
    "clear counters all",
    "show stat nosuch 4 1",
    "show servers state x",
    "show servers state li",
    "show servers state",
    "user;set weight be/s1 1;show cli level",
    "show schema json",
    "show servers conn x",
    "set profiling",
    "set profiling memory on",
    "show events nosuch",
];

/// By kind of row: columns that haproxy 2.6 fills and Regate does not observe yet, and columns that Regate fills
/// as HAProxy 3.5 does and 2.6 does not.
const OTHERWISE: [(&str, &[&str], &[&str]); 4] = [
    (
        "FRONTEND",
        &["cache_hits", "cache_lookups", "comp_byp", "comp_in", "comp_out", "comp_rsp", "wrew"],
        &[],
    ),
    (
        "BACKEND",
        &[
            "agg_check_status",
            "agg_server_check_status",
            "agg_server_status",
            "cache_hits",
            "cache_lookups",
            "comp_byp",
            "comp_in",
            "comp_out",
            "comp_rsp",
            "wrew",
        ],
        &[],
    ),
    ("listener", &["wrew"], &["conn_tot"]),
    ("server", &["wrew"], &[]),
];

/// The lines of a reply without what differs from run to run: the time since a server changed.
fn timeless(reply: &str) -> Vec<String> {
    let lines = reply.lines().filter(|line| !line.is_empty());
    lines
        .map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if words.len() == 25 && !line.starts_with('#') {
                words[9] = "*";
            }
            words.join(" ")
        })
        .collect()
}

/// For each kind of row of `show stat`, the columns that are filled.
fn filled(csv: &str) -> BTreeMap<&'static str, BTreeSet<String>> {
    let mut lines = csv.lines();
    let names: Vec<&str> = lines.next().unwrap().trim_start_matches("# ").split(',').collect();
    let mut found: BTreeMap<&'static str, BTreeSet<String>> = BTreeMap::new();
    for line in lines.filter(|line| !line.is_empty()) {
        let fields: Vec<&str> = line.split(',').collect();
        let kind = match (fields[1], fields[32]) {
            ("FRONTEND", _) => "FRONTEND",
            ("BACKEND", _) => "BACKEND",
            (_, "3") => "listener",
            _ => "server",
        };
        let columns = names.iter().zip(&fields).take(103).filter(|(_, field)| !field.is_empty());
        found.entry(kind).or_default().extend(columns.map(|(name, _)| (*name).to_owned()));
    }
    found
}

#[test]
fn conversations_are_haproxy_s() -> Result<()> {
    let oracle = Proxy::start(Kind::Haproxy, CONFIGURATION)?;
    let regate = Proxy::start(Kind::Regate, CONFIGURATION)?;
    let mut differences = Vec::new();
    for line in LINES {
        let (theirs, ours) = (timeless(&oracle.ask(line)?), timeless(&regate.ask(line)?));
        if theirs != ours {
            differences.push(format!("{line}\n  haproxy {theirs:?}\n  regate  {ours:?}"));
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

#[test]
fn statistics_fill_haproxy_s_columns_but_those_listed() -> Result<()> {
    let oracle = Proxy::start(Kind::Haproxy, CONFIGURATION)?;
    let regate = Proxy::start(Kind::Regate, CONFIGURATION)?;
    let (theirs, ours) = (filled(&oracle.ask("show stat")?), filled(&regate.ask("show stat")?));
    let mut found = Vec::new();
    for (kind, not_yet, newer) in OTHERWISE {
        let missing: BTreeSet<&str> = theirs[kind].difference(&ours[kind]).map(String::as_str).collect();
        let extra: BTreeSet<&str> = ours[kind].difference(&theirs[kind]).map(String::as_str).collect();
        let expected = |names: &'static [&str]| names.iter().copied().collect::<BTreeSet<&str>>();
        if missing != expected(not_yet) || extra != expected(newer) {
            found.push(format!("{kind}: empty here {missing:?}, filled only here {extra:?}"));
        }
    }
    assert!(found.is_empty(), "{}", found.join("\n"));
    Ok(())
}

#[test]
fn a_loop_of_lines_is_carried_out_to_its_end() -> Result<()> {
    let regate = Proxy::start(Kind::Regate, CONFIGURATION)?;
    let mut socket = regate.socket()?;
    for weight in 0..=256 {
        socket.write_all(format!("set weight be/s1 {weight}\n").as_bytes())?;
    }
    socket.write_all(b"get weight be/s1\n")?;
    let mut reply = String::new();
    socket.read_to_string(&mut reply)?;
    assert_eq!(reply, "\n".repeat(257) + "256 (initial 10)\n\n");
    Ok(())
}
