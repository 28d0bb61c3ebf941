//! Commands made by chance from the forms of the table, given to Regate and to Debian's haproxy side by side.
//!
//! `REGATE_COMMANDS` is how many, `REGATE_FUZZ_SEED` where chance begins.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use regate_tests::fuzz::commands::{Form, Pool};
use regate_tests::fuzz::mutation::Dice;
use regate_tests::harness::proxy::Setting;
use regate_tests::harness::{Kind, Proxy, Result};

const CONFIGURATION: &str = "global
    stats socket @folder@/admin level admin
    stats maxconn 50
    maxconn 1000
defaults named
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend fe
    bind unix@@folder@/fe
    http-request set-header x %[path,map(@folder@/hosts.map)]
    http-request deny if { path -f @folder@/paths.lst }
    default_backend be
backend be
    balance roundrobin
    cookie C insert dynamic
    dynamic-cookie-key k
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 maxconn 20 disabled
    server s3 127.0.0.1 port 9 agent-check agent-port 9 agent-inter 1h check inter 1h
backend tb
    stick-table type ip size 100 expire 1h store conn_cnt,gpc0,http_req_rate(10s)
    server s1 127.0.0.1:1
listen li
    bind unix@@folder@/li
    balance leastconn
    stick-table type string len 10 size 100 store gpc0,server_id
    server a 127.0.0.1:1
";

const NUMBERS: &[&str] = &["0", "1", "10", "100", "256", "257", "-1", "5000", "2147483648", "x", "1x"];
const MAPS: &[&str] = &["@folder@/hosts.map", "@folder@/hosts.map", "#0", "@folder@/none", "#99", "x"];
const ACLS: &[&str] = &["@folder@/paths.lst", "@folder@/paths.lst", "#1", "@folder@/none", "#99", "x"];
const KEYS: &[&str] = &["a", "b", "c", "/x", "/y", "none", "10.0.0.1", "a\\ b"];

const POOL: Pool = Pool {
    words: &[
        ("b", &["be", "be", "tb", "li", "fe", "none", "#3", "#99"]),
        ("s", &["s1", "s1", "s2", "s3", "a", "n", "none", "#1", "#9"]),
        ("f", &["fe", "li", "be", "none", "#2", "#99"]),
        ("n", NUMBERS),
        ("w", &["0", "1", "10", "50", "100", "256", "257", "-1", "x", "1x"]),
        ("ip", &["127.0.0.1", "127.0.0.2", "::1", "300.1.1.1", "no.such.host.invalid", "127.0.0.1:5"]),
        ("addr", &["127.0.0.1", "127.0.0.2:90", "127.0.0.1:99999", "::1", "[::1]:80", "300.1.1.1"]),
        ("port", &["80", "0", "65535", "65536", "-1", "x"]),
        ("map", MAPS),
        ("acl", ACLS),
        ("key", KEYS),
        ("pattern", KEYS),
        ("value", KEYS),
        ("ver", &["99", "1000"]),
        ("ref", &["0x1", "1", "x", "0xffffffffffff"]),
        ("t", &["tb", "tb", "li", "be", "none"]),
        ("k", &["10.0.0.1", "10.0.0.2", "::1", "abc", "abcdefghijklmnop"]),
        ("type", &["gpc0", "conn_cnt", "http_req_rate", "server_id", "gpc1", "none"]),
        ("op", &["eq", "ne", "gt", "lt", "ge", "le", "xx"]),
        ("iid", &["2", "3", "99", "-1", "x"]),
        ("proxy", &["fe", "be", "none"]),
        ("name", &["proc.x", "txn.x", "x", "PATH_NONE", "host.example"]),
        ("text", &["up", "a", "a\\ b"]),
        ("id", &["0x1", "x", "none"]),
    ],
};

/// Forms that are not said at all: they end the conversation, wait, or are about this connection.
const LEFT_OUT: &[&str] =
    &["quit", "prompt ", "wait ", "show events ", "set timeout cli", "help ", "shutdown frontend"];

/// Forms that HAProxy 2.6 does not have, which would part the two states, and forms whose answers tell of the process.
const OURS: &[&str] = &[
    "add backend",
    "add server <b>/<s> <addr>",
    "add server help",
    "clear counters server",
    "debug ",
    "del backend",
    "dump ",
    "echo",
    "publish ",
    "set anon",
    "set profiling",
    "set server <b>/<s> name",
    "show activity",
    "show anon",
    "show cache",
    "show default-server",
    "show defaults",
    "show dev",
    "show env",
    "show errors",
    "show fd",
    "show info",
    "show libs",
    "show peers",
    "show pools",
    "show profiling",
    "show quic",
    "show resolvers",
    "show servers conn",
    "show sess",
    "show startup-logs",
    "show stat",
    "show tasks",
    "show threads",
    "show trace",
    "show version",
    "trace",
    "unpublish ",
];

/// Where 2.6 has another form than the one of 3.5, or does what nobody would want: beginnings of the line, of its reply
/// and of ours.
const OTHERWISE: &[(&str, &str, &str)] = &[
    // What is no number is 0 to it, and numbers wrap.
    ("set rate-limit ", "\n", "Expects an integer value.\n"),
    ("set rate-limit ", "\n", "Value out of range.\n"),
    ("set maxconn global ", "\n", "Expects an integer value.\n"),
    ("set maxconn global ", "\n", "Value out of range.\n"),
    ("set maxconn frontend ", "\n", "Integer value expected.\n"),
    ("set maxconn frontend ", "\n", "Value out of range.\n"),
    // It does not know pointers of entries.
    ("set table", "Required arguments: <table> key <key> [", "Pointer expected (0xffff notation)\n"),
    ("clear table", "Required arguments: <table> \"data.", "Pointer expected (0xffff notation)\n"),
    ("clear table", "Required arguments: <table> \"data.", "Required arguments: <table> \"data."),
    ("set table", "Required arguments: <table> key <key> [", "Required arguments: <table> key <key> ["),
    ("show table", "Optional argument only supports \"data.", "Pointer expected (0xffff notation)\n"),
    ("show table", "Optional argument only supports \"data.", "Optional argument only supports \"data."),
    ("set table", "Required arguments: <table> key <key> [", "No entry can be found matching ptr."),
    ("clear table", "Required arguments: <table> \"data.", "No entry can be found matching ptr."),
    ("show table", "Optional argument only supports \"data.", "No entry can be found matching ptr."),
    // Versions have a sign to it.
    ("add ", "\n", "Version number in the future"),
    // Any word is an address to it.
    ("set table ", "", "Invalid key\n"),
    ("show table ", "", "Invalid key\n"),
    ("clear table ", "", "Invalid key\n"),
    ("set server ", "Invalid addr '", "Invalid addr '"),
    ("set server ", "invalid addr '", "could not resolve address '"),
    ("set server ", "invalid addr '", "provided port is "),
    ("set server ", "IP changed from ", "problem converting port "),
    ("set server ", "IP changed from ", "can't change <port> to port map"),
    ("set server ", "no need to change the addr", ""),
    ("set server ", "can't unset 'port' since MAPPORTS is in use", "provided port is invalid"),
    ("set server ", "IP changed from ", "Invalid addr '*'"),
    // A session is any number to it.
    ("shutdown session ", "No such session", "Session pointer expected"),
    // The rest behind a second slash.
    ("del server ", "No such ", "Require 'backend/server'."),
    ("del server ", "No such ", "No such "),
    // To it the port of a server that is an offset is also a port.
    ("set server ", "no need to change the addr, no need to change the port", "port changed from '+"),
    // What is added to a version that was in force before stays there for nobody.
    ("show acl @", "0x", "\n"),
    ("show map @", "0x", "\n"),
    // Its sentence about ACLs speaks of maps.
    ("", "Unknown map identifier.", "Unknown ACL identifier."),
];

/// What differs besides once there was a version: what was added to one that is past stays with HAProxy, matches nothing,
/// and is found by whoever changes or removes it.
const OF_VERSIONS: &[(&str, &str, &str)] = &[
    ("set map ", "\n", "entry not found."),
    ("del map ", "\n", "Key not found."),
    ("del acl ", "\n", "Key not found."),
];

/// How many are said in an ordinary run.
const COMMANDS: u64 = 1500;

fn start(kind: Kind) -> Result<Proxy> {
    let files = [("hosts.map", "a one\nb two\nb three\n"), ("paths.lst", "/x\n/y\n")];
    let files = files.map(|(name, text)| (name.to_owned(), text.to_owned())).to_vec();
    Proxy::start_with(kind, CONFIGURATION, &Setting { files, ..Setting::default() })
}

fn ask(proxy: &Proxy, line: &str) -> Result<String> {
    let folder = proxy.folder.path().to_string_lossy().into_owned();
    let reply = proxy.ask(&line.replace("@folder@", &folder))?;
    Ok(reply.replace(&folder, "@folder@"))
}

/// A reply without what differs from run to run and from program to program.
fn masked(reply: &str) -> Vec<String> {
    // The ACLs of its own client are not the configuration's.
    let lines = reply.lines().filter(|line| !line.is_empty() && !line.contains("file 'httpclient'"));
    let mut lines: Vec<String> = lines.map(masked_line).collect();
    if lines.first().is_some_and(|line| line.starts_with("Unknown command")) {
        lines = vec!["Unknown command".to_owned()];
    }
    lines
}

fn masked_line(line: &str) -> String {
    let words: Vec<&str> = line.split(' ').collect();
    let state_row = words.len() == 25 && !line.starts_with('#');
    let checked = state_row && words.get(3) == Some(&"s3");
    let given = words.clone();
    let words = words.into_iter().enumerate().map(|(place, word)| match word {
        _ if state_row && place == 9 => "*".to_owned(),
        // Checks that are under way end when they do.
        _ if checked && [5, 10, 11, 12].contains(&place) => "*".to_owned(),
        // An agent without a port of its own is asked at that of checks.
        _ if state_row && place == 24 && given.get(21) == Some(&word) => "0".to_owned(),
        // Checks that are not enabled rest, and 8 tells nothing besides.
        _ if state_row && place == 13 => {
            let maintained = given.get(6) != Some(&"0");
            word.parse().map_or(word.to_owned(), |bits: u8| unpaused(bits, maintained).to_string())
        }
        _ if word.starts_with("0x") => {
            word.split_inclusive([':', ',']).skip(1).fold("0x*".to_owned(), |a, b| a + b)
        }
        // Entries of versions that nobody put in force count, too, in HAProxy.
        _ if word.starts_with("entry_cnt=") => "entry_cnt=*".to_owned(),
        _ if word.starts_with("exp=") => "exp=*".to_owned(),
        _ => word.to_owned(),
    });
    words.collect::<Vec<_>>().join(" ")
}

/// Without whether a check is under way, and whether it rests where that tells nothing: when it is not enabled, and in
/// maintenance.
fn unpaused(bits: u8, maintained: bool) -> u8 {
    if bits & 4 == 0 || maintained { bits & !9 } else { bits & !1 }
}

fn number(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(otherwise)
}

#[test]
fn commands_of_chance_are_answered_as_haproxy_answers() -> Result<()> {
    let (oracle, regate) = (start(Kind::Haproxy)?, start(Kind::Regate)?);
    let begins = |form: &Form, list: &[&str]| list.iter().any(|start| form.usage.starts_with(start));
    let mut forms = Form::list(&regate.ask("help")?);
    forms.retain(|form| !begins(form, LEFT_OUT) && !begins(form, OURS));
    assert!(forms.len() > 40, "{} forms", forms.len());
    let mut dice = Dice::new(number("REGATE_FUZZ_SEED", 1));
    let mut differences = Vec::new();
    let mut versioned = false;
    for _ in 0..number("REGATE_COMMANDS", COMMANDS) {
        let form = &forms[dice.below(forms.len())];
        let line = form.line(&POOL, &mut dice);
        let (theirs, ours) = (ask(&oracle, &line)?, ask(&regate, &line)?);
        versioned |= theirs.starts_with("New version created");
        let of_versions = OF_VERSIONS.iter().filter(|_| versioned);
        let listed = OTHERWISE.iter().chain(of_versions).any(|(start, one, other)| {
            line.starts_with(start) && theirs.starts_with(one) && ours.starts_with(other)
        });
        // 2.6 also tells what stayed as it was.
        let (address, stayed) = theirs.split_once(", no need to change the port").unwrap_or((&theirs, ""));
        let listed = listed || !stayed.is_empty() && ours.starts_with(address);
        if line.starts_with("set table ") && (theirs != "\n" || ours != "\n") {
            // It makes the entry before it refuses what should be written to it.
            let clear =
                line.split(' ').take(3).collect::<Vec<_>>().join(" ").replace("set table", "clear table");
            ask(&oracle, &clear)?;
            ask(&regate, &clear)?;
        }
        if listed && stayed.is_empty() && theirs.starts_with("IP changed from ") {
            // It changes the address before it refuses the port.
            let head = line.split(' ').take(5).collect::<Vec<_>>().join(" ");
            match head.strip_suffix('*') {
                // To it that is any address of the machine.
                Some(head) => {
                    ask(&oracle, &format!("{head}127.0.0.1"))?;
                    ask(&regate, &format!("{head}127.0.0.1"))?;
                }
                None => {
                    ask(&regate, &head)?;
                }
            }
        }
        if !listed && masked(&theirs) != masked(&ours) {
            let (theirs, ours) = (masked(&theirs), masked(&ours));
            let only = |here: &[String], there: &[String]| -> Vec<String> {
                here.iter().filter(|line| !there.contains(line)).cloned().collect()
            };
            let (theirs, ours) = (only(&theirs, &ours), only(&ours, &theirs));
            differences.push(format!("{line}\n  haproxy {theirs:?}\n  regate  {ours:?}"));
        }
    }
    assert!(differences.is_empty(), "{} differences\n{}", differences.len(), differences.join("\n"));
    Ok(())
}

#[test]
fn whatever_form_and_level_regate_answers_and_stands() -> Result<()> {
    let regate = start(Kind::Regate)?;
    let mut forms = Form::list(&regate.ask("help")?);
    forms.retain(|form| !["wait ", "show events "].iter().any(|start| form.usage.starts_with(start)));
    let mut dice = Dice::new(number("REGATE_FUZZ_SEED", 1));
    for _ in 0..number("REGATE_COMMANDS", COMMANDS) {
        let line = forms[dice.below(forms.len())].line(&POOL, &mut dice);
        let before = ["", "", "user;", "operator;", "set severity-output number;"][dice.below(5)];
        let reply = ask(&regate, &format!("{before}{line}"))?;
        let is_whole = reply.is_empty() || reply.ends_with("\n\n") || reply == "\n" || reply.ends_with("> ");
        assert!(is_whole || line.starts_with("quit"), "{before}{line}: {reply:?}");
    }
    assert!(regate.ask("show version")?.starts_with("3."));
    assert!(!regate.process.output().contains("panicked"), "{}", regate.process.output());
    Ok(())
}
