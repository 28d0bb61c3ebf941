//! What rules make of servers' answers under HAProxy and under Regate: what the client receives, how the log line says
//! that it ended, and what the counters of frontend, backend and server say.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, Kind, Origin, Port, Proxy, Result, Step, wait};

/// Rules of a backend in TCP mode, and what its server does when it has read `hi`.
struct Session {
    rules: &'static str,
    server: Server,
}

#[derive(Clone, Copy)]
enum Server {
    /// Says `hello` and ends.
    Greets,
    /// Says `he`, reads `go`, says `llo` and ends.
    Hesitates,
    /// Ends at once.
    Leaves,
    /// Says `he` and nothing more, until the proxy ends.
    Stalls,
}

const fn greets(rules: &'static str) -> Session {
    Session { rules, server: Server::Greets }
}

const fn hesitates(rules: &'static str) -> Session {
    Session { rules, server: Server::Hesitates }
}

const SESSIONS: &[Session] = &[
    greets("tcp-response content accept"),
    greets("tcp-response content reject"),
    greets("tcp-response content close"),
    greets("tcp-response inspect-delay 30s\n tcp-response content reject if { res.len ge 5 }"),
    greets(
        "tcp-response inspect-delay 30s\n tcp-response content close if { res.payload(0,5) -m str hello }",
    ),
    greets(
        "tcp-response inspect-delay 30s\n tcp-response content set-var(sess.a) res.payload(1,3) if { res.len ge 4 }",
    ),
    greets(
        "tcp-response inspect-delay 30s\n tcp-response content set-var-fmt(sess.a) x%[res.payload(0,2)] if { res.len ge 2 }",
    ),
    greets("tcp-response inspect-delay 30s\n tcp-response content set-var(sess.a) res.len"),
    greets(
        "tcp-response content set-var(sess.a) str(x)\n tcp-response content unset-var(sess.a)\n tcp-response content accept",
    ),
    greets(
        "tcp-response content set-mark 1\n tcp-response content set-tos 16\n tcp-response content set-nice 5\n tcp-response content set-log-level err",
    ),
    greets(
        "stick-table type integer size 10 store gpc0,gpc1,gpt0\n tcp-request content track-sc0 int(1)\n tcp-response content sc-inc-gpc0(0)\n tcp-response content sc-inc-gpc1(0) if { sc0_get_gpc0 1 }\n tcp-response content sc-set-gpt0(0) 7\n tcp-response content set-var-fmt(sess.a) %[sc0_get_gpc0]%[sc0_get_gpc1]%[sc0_get_gpt0]",
    ),
    hesitates("tcp-response inspect-delay 30s\n tcp-response content reject if { res.len ge 5 }"),
    hesitates(
        "tcp-response inspect-delay 30s\n tcp-response content accept if { res.payload(0,5) -m str hello }\n tcp-response content reject",
    ),
    hesitates(
        "tcp-response inspect-delay 30s\n tcp-response content accept if { res.payload(0,5) -m str hullo }\n tcp-response content reject if { res.len 5 }",
    ),
    hesitates(
        "tcp-response inspect-delay 30s\n tcp-response content close if { res.payload(0,5) -m str hello }",
    ),
    // Without a delay there is one look, at nothing.
    hesitates("tcp-response content reject if { res.payload(0,2) -m str he }"),
    hesitates("tcp-response content set-var(sess.a) res.len\n tcp-response content reject if WAIT_END"),
    Session {
        rules: "tcp-response inspect-delay 30s\n tcp-response content reject if WAIT_END",
        server: Server::Leaves,
    },
    Session {
        rules: "tcp-response inspect-delay 30s\n tcp-response content accept if { res.len 0 }\n tcp-response content reject",
        server: Server::Leaves,
    },
    Session {
        rules: "tcp-response inspect-delay 30ms\n tcp-response content reject if WAIT_END",
        server: Server::Stalls,
    },
    Session {
        rules: "tcp-response inspect-delay 30ms\n tcp-response content close if WAIT_END",
        server: Server::Stalls,
    },
    Session {
        rules: "tcp-response inspect-delay 30ms\n tcp-response content reject if { res.payload(0,2) -m str hi }\n tcp-response content close if { res.len 2 }",
        server: Server::Stalls,
    },
    // What the client sends is refused before there is an answer.
    greets("tcp-request content reject"),
    greets("tcp-request inspect-delay 30s\n tcp-request content reject if { req.len ge 2 }"),
];

#[test]
fn answers_of_tcp_are_judged_as_under_haproxy() -> Result<()> {
    compare(|kind| {
        let origins: Vec<Origin> = SESSIONS.iter().map(|_| Origin::start("o")).collect::<Result<_>>()?;
        let rows = SESSIONS.iter().map(|session| ("", session.rules));
        let scene = Scene::start(kind, "tcp", rows, &origins)?;
        let mut seen = Vec::new();
        for (at, session) in SESSIONS.iter().enumerate() {
            origins[at].script(script(session.server));
            let mut client = TcpStream::connect(scene.binds[at].address())?;
            client.set_read_timeout(Some(wait::PATIENCE))?;
            client.write_all(b"hi")?;
            // A rule may have ended it by now.
            let _ = client.write_all(b"go");
            let mut answer = Vec::new();
            // A reset is an end too.
            let _ = client.read_to_end(&mut answer);
            drop(client);
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let (line, counts) = (scene.line(at)?, scene.counts(at)?);
            seen.push(format!("{}\n  {answer:?} {line}\n  {counts:?}", session.rules));
        }
        Ok(seen)
    })
}

/// Rules of a frontend and a backend in HTTP mode, and what is asked for, twice.
const EXCHANGES: &[(&str, &str, &str)] = &[
    // A response that a rule takes away: whether its connection serves again depends on whether all of it was there.
    ("", "http-response deny", "/missing"),
    ("http-response deny", "", "/missing"),
    ("", "http-response deny status 410", "/missing"),
    ("", "http-response return status 200 content-type text/plain string mine", "/missing"),
    ("", "http-response redirect location /else", "/missing"),
    ("", "http-response deny", "/large"),
    ("", "http-response deny", "/late"),
    ("", "http-response return status 204", "/late"),
    ("", "http-response deny if { status 404 }", "/missing"),
    ("", "http-response deny if { status 200 }", "/missing"),
    ("", "http-response silent-drop", "/missing"),
    // The bytes of a response.
    ("", "tcp-response content accept", "/missing"),
    ("", "tcp-response content reject", "/missing"),
    ("", "tcp-response inspect-delay 30s\n tcp-response content reject if { status 404 }", "/missing"),
    ("", "tcp-response inspect-delay 30s\n tcp-response content reject if { status 200 }", "/missing"),
    ("", "tcp-response inspect-delay 30s\n tcp-response content reject if { res.hdr(x-a) 1 }", "/missing"),
    ("", "tcp-response content reject if { status 404 }", "/missing"),
    (
        "",
        "tcp-response inspect-delay 30s\n tcp-response content accept if { status 404 }\n tcp-response content reject",
        "/missing",
    ),
    ("", "tcp-response inspect-delay 30s\n tcp-response content set-var(sess.a) status", "/missing"),
    ("", "tcp-response inspect-delay 30s\n tcp-response content close if { status 404 }", "/missing"),
    ("", "tcp-response inspect-delay 30s\n tcp-response content silent-drop if { status 404 }", "/missing"),
    // A request that is refused, and who counts it.
    ("http-request deny", "", "/"),
    ("", "http-request deny", "/"),
    ("", "http-request tarpit", "/"),
    ("http-request reject", "", "/"),
    ("", "http-request reject", "/"),
    ("", "tcp-request content reject", "/"),
    ("http-request silent-drop", "", "/"),
    ("", "http-request silent-drop", "/"),
    ("", "http-request return status 200", "/"),
];

#[test]
fn responses_that_rules_take_away_count_as_under_haproxy() -> Result<()> {
    compare(|kind| {
        let origins: Vec<Origin> = EXCHANGES.iter().map(|_| Origin::start("o")).collect::<Result<_>>()?;
        let rows = EXCHANGES.iter().map(|(front, back, _)| (*front, *back));
        let scene = Scene::start(kind, "http", rows, &origins)?;
        let mut seen = Vec::new();
        for (at, (front, back, target)) in EXCHANGES.iter().enumerate() {
            let origin = &origins[at];
            origin.answer(match *target {
                "/large" => Answer::sized(300_000),
                _ => Answer::text("hello").status(404, "Not Found").header("X-A", "1"),
            });
            let head = b"HTTP/1.1 404 Not Found\r\nContent-Length: 5\r\n\r\n".to_vec();
            for _ in (0..2).filter(|_| *target == "/late") {
                let request = Step::ReadUntil(b"\r\n\r\n".to_vec());
                origin.script(vec![request, Step::Send(head.clone()), Step::ReadToEnd]);
            }
            let mut client = TcpStream::connect(scene.binds[at].address())?;
            // HAProxy leaves a client in the belief that it is connected where a rule drops it silently.
            let silent = front.contains("silent-drop") || back.contains("silent-drop");
            let patience = if silent { std::time::Duration::from_millis(300) } else { wait::PATIENCE };
            client.set_read_timeout(Some(patience))?;
            let mut answers = Vec::new();
            for _ in 0..2 {
                let answer = fetch(&mut client, target);
                let ended = answer.is_empty();
                answers.push(answer);
                if ended {
                    break;
                }
                answers.push(scene.line(at)?);
            }
            if answers.last().is_some_and(String::is_empty) && answers.len() == 1 {
                answers.push(scene.line(at)?);
            }
            drop(client);
            let counts = scene.counts(at)?;
            seen.push(format!("{front} | {back} {target}\n  {answers:?}\n  {counts:?}"));
        }
        Ok(seen)
    })
}

/// What a server does on one connection.
fn script(server: Server) -> Vec<Step> {
    let read = |text: &str| Step::ReadUntil(text.as_bytes().to_vec());
    let send = |text: &str| Step::Send(text.as_bytes().to_vec());
    match server {
        Server::Greets => vec![read("higo"), send("hello"), Step::CloseWrite, Step::ReadToEnd],
        Server::Hesitates => {
            vec![read("hi"), send("he"), read("go"), send("llo"), Step::CloseWrite, Step::ReadToEnd]
        }
        Server::Leaves => vec![read("higo"), Step::CloseWrite, Step::ReadToEnd],
        Server::Stalls => vec![send("he"), Step::ReadToEnd],
    }
}

/// First line and body of what comes back, or nothing where the connection ends.
fn fetch(client: &mut TcpStream, target: &str) -> String {
    if client.write_all(format!("GET {target} HTTP/1.1\r\nHost: h\r\n\r\n").as_bytes()).is_err() {
        return String::new();
    }
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes);
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let lower = head.to_ascii_lowercase();
            let length = lower.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
            let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
            if body.len() >= length {
                return format!("{} {}", head.lines().next().unwrap_or_default(), body.len());
            }
        }
        let mut room = [0; 65536];
        match client.read(&mut room) {
            Ok(0) | Err(_) => return String::new(),
            Ok(count) => bytes.extend_from_slice(&room[..count]),
        }
    }
}

/// A proxy with a frontend and a backend for each row, an origin for each, and a sink for its log.
struct Scene {
    binds: Vec<Port>,
    sink: UdpSocket,
    proxy: Proxy,
}

impl Scene {
    fn start<'r>(
        kind: Kind,
        mode: &str,
        rows: impl Iterator<Item = (&'r str, &'r str)>,
        origins: &[Origin],
    ) -> Result<Scene> {
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let mut text = format!(
            "global\n nbthread 1\n expose-experimental-directives\n log 127.0.0.1:{} local0\n stats socket @folder@/socket level admin\n\
             defaults\n mode {mode}\n log global\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n timeout tarpit 20ms\n",
            sink.local_addr()?.port()
        );
        let mut binds = Vec::new();
        for (at, (front, back)) in rows.enumerate() {
            let bind = Port::reserve()?;
            write!(
                text,
                "frontend f{at}\n bind 127.0.0.1:{}\n log-format \"f{at} %ts %ST %b/%s %[var(sess.a)]\"\n {front}\n default_backend b{at}\nbackend b{at}\n {back}\n server s 127.0.0.1:{}\n",
                bind.number(),
                origins[at].port()
            )
            .expect("a string");
            binds.push(bind);
        }
        Ok(Scene { proxy: Proxy::start(kind, &text)?, binds, sink })
    }

    /// The next line of a frontend.
    fn line(&self, at: usize) -> Result<String> {
        loop {
            let mut line = [0; 4096];
            let length = self.sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            let Some((head, text)) = line.split_once("]: ") else { continue };
            if let Some(text) = text.trim_end().strip_prefix(&format!("f{at} ")) {
                let level = head.split('>').next().unwrap_or_default();
                return Ok(format!("{level}> {text}"));
            }
        }
    }

    /// Counters of a row's frontend, backend and server, once nobody is there any more.
    fn counts(&self, at: usize) -> Result<BTreeMap<String, Vec<String>>> {
        wait::until("every session to be over", wait::PATIENCE, || {
            let text = self.proxy.ask("show stat").ok()?;
            let names: Vec<&str> = text.lines().next()?.trim_start_matches("# ").split(',').collect();
            let mut found = BTreeMap::new();
            for line in text.lines().skip(1) {
                let values: BTreeMap<&str, &str> = names.iter().copied().zip(line.split(',')).collect();
                let proxy = *values.get("pxname").unwrap_or(&"");
                if proxy != format!("f{at}") && proxy != format!("b{at}") {
                    continue;
                }
                if values["scur"] != "0" {
                    return None;
                }
                let wanted = COLUMNS.iter().filter_map(|name| Some((name, *values.get(name)?)));
                let told = wanted.filter(|(_, value)| !matches!(*value, "" | "0"));
                let told = told.map(|(name, value)| format!("{name}={value}")).collect();
                found.insert(format!("{proxy}/{}", values["svname"]), told);
            }
            (found.len() == 3).then_some(found)
        })
    }
}

/// Columns that rules for answers move.
const COLUMNS: &[&str] = &[
    "stot",
    "dreq",
    "dresp",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "lbtot",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "connect",
    "reuse",
];
