//! Sessions that are shown and cut, frontends that are stopped, and malformed messages that are kept, under HAProxy
//! and under Regate: the same letters in the log, the same counters, the same bytes after what differs from run to run
//! is masked.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::Mutex;

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Kind, Port, Proxy, RawClient, Result, Trouble, wait};
use socket2::{Domain, SockAddr, Socket, Type};

/// A server that reads once, says this, and reads on.
fn host(says: &'static [u8]) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        while let Ok((stream, _)) = listener.accept() {
            std::thread::spawn(move || hold(stream, says));
        }
    });
    address
}

fn hold(mut stream: TcpStream, says: &[u8]) {
    let mut buffer = [0; 4096];
    let Ok(1..) = stream.read(&mut buffer) else { return };
    let _ = stream.write_all(says);
    while matches!(stream.read(&mut buffer), Ok(1..)) {}
}

/// A listener that takes no connection any more, with what fills it.
struct Full {
    address: SocketAddr,
    _sockets: Vec<Socket>,
}

impl Full {
    fn start() -> Full {
        let listener = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        let any: SocketAddr = "127.0.0.1:0".parse().unwrap();
        listener.bind(&any.into()).unwrap();
        listener.listen(0).unwrap();
        let bound: SockAddr = listener.local_addr().unwrap();
        let mut sockets = vec![listener];
        for _ in 0..3 {
            let client = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            client.set_nonblocking(true).unwrap();
            let _ = client.connect(&bound);
            sockets.push(client);
        }
        Full { address: bound.as_socket().unwrap(), _sockets: sockets }
    }
}

/// A proxy with frontends f0, f1… and backends b0, b1… of which each has a server `s`.
struct Scene {
    proxy: Proxy,
    binds: Vec<Port>,
    log: UdpSocket,
    lines: Mutex<Vec<String>>,
}

impl Scene {
    /// Each backend is lines, with what its frontend says besides behind a `|`.
    fn start(kind: Kind, backends: &[String]) -> Result<Scene> {
        let log = UdpSocket::bind("127.0.0.1:0")?;
        log.set_read_timeout(Some(std::time::Duration::from_millis(50)))?;
        let mut text = format!(
            "global\n stats socket @folder@/admin level admin\n log {} local0\ndefaults\n mode http\n log global\n \
             option httplog\n timeout client 60s\n timeout server 60s\n timeout connect 60s\n timeout queue 60s\n",
            log.local_addr()?
        );
        let mut binds = Vec::new();
        for (at, backend) in backends.iter().enumerate() {
            let port = Port::reserve()?;
            let (backend, frontend) = backend.split_once('|').unwrap_or((backend, ""));
            let mode = if backend.contains("mode tcp") { " mode tcp\n option tcplog\n" } else { "" };
            text += &format!(
                "frontend f{at}\n bind {}\n default_backend b{at}\n{mode}{frontend}backend b{at}\n{backend}",
                port.address()
            );
            binds.push(port);
        }
        Ok(Scene { proxy: Proxy::start(kind, &text)?, binds, log, lines: Mutex::default() })
    }

    fn client(&self, at: usize, says: &[u8]) -> Result<RawClient> {
        let mut client = RawClient::connect(self.binds[at].address())?;
        client.send(says)?;
        Ok(client)
    }

    /// The line of `show sess` for this client, once it says all of this.
    fn wait_for(&self, client: &RawClient, says: &[&str]) -> Result<String> {
        let own = format!(" src={} ", client.local()?);
        wait::until(&format!("a session with {says:?}"), wait::PATIENCE, || {
            let all = self.proxy.ask("show sess").ok()?;
            let line = all.lines().find(|line| line.contains(&own))?;
            says.iter().all(|part| line.contains(part)).then(|| line.to_owned())
        })
    }

    /// The log's line for a client.
    fn line(&self, client: SocketAddr) -> Result<String> {
        let own = format!(" {client} ");
        wait::until(&format!("the line of {client}"), wait::PATIENCE, || {
            let mut buffer = [0; 4096];
            if let Ok(count) = self.log.recv(&mut buffer) {
                self.lines.lock().unwrap().push(String::from_utf8_lossy(&buffer[..count]).into_owned());
            }
            self.lines.lock().unwrap().iter().find(|line| line.contains(&own)).cloned()
        })
    }

    fn row(&self, proxy: &str, service: &str, columns: &[&str]) -> Result<String> {
        let table = self.proxy.ask("show stat")?;
        let mut lines = table.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
        let row = lines
            .map(|line| line.split(',').collect::<Vec<_>>())
            .find(|row| row.first() == Some(&proxy) && row.get(1) == Some(&service));
        let row = row.ok_or_else(|| Trouble::new(format!("no row {proxy}/{service}")))?;
        let values: BTreeMap<&str, &str> = names.into_iter().zip(row).collect();
        let shown = columns.iter().map(|name| format!("{name}={}", values.get(name).unwrap_or(&"?")));
        Ok(shown.collect::<Vec<_>>().join(" "))
    }

    fn counters(&self, at: usize) -> Result<String> {
        const COLUMNS: &[&str] = &[
            "scur",
            "stot",
            "dreq",
            "ereq",
            "econ",
            "eresp",
            "hrsp_2xx",
            "hrsp_4xx",
            "hrsp_5xx",
            "hrsp_other",
            "cli_abrt",
            "srv_abrt",
        ];
        let (frontend, backend) = (format!("f{at}"), format!("b{at}"));
        let rows = [(&frontend, "FRONTEND"), (&backend, "s"), (&backend, "BACKEND")];
        let rows: Vec<String> =
            rows.iter().map(|(proxy, service)| self.row(proxy, service, COLUMNS)).collect::<Result<_>>()?;
        Ok(rows.join("; "))
    }

    /// What is to be seen when the session of a case is cut.
    fn cut(&self, case: &Case) -> Result<String> {
        let Case { at, says, first, state, command, last } = *case;
        let mut client = self.client(at, says)?;
        let mut got = match first {
            b"" => Vec::new(),
            _ => client.take_through(first)?,
        };
        let line = self.wait_for(&client, &[state])?;
        let id = line.split(':').next().unwrap_or_default();
        let reply = self.proxy.ask(&command.replace("ID", id))?;
        got.extend(match last {
            b"" => client.take_to_end()?,
            _ => client.take_through(last)?,
        });
        let first = String::from_utf8_lossy(&got).lines().next().unwrap_or_default().to_owned();
        let logged = self.line(client.local()?)?;
        wait::until_true("the session to be gone", wait::PATIENCE, || {
            self.row(&format!("b{at}"), "BACKEND", &["scur"]).is_ok_and(|row| row == "scur=0")
        })?;
        drop(client);
        wait::until_true("the client to be gone", wait::PATIENCE, || {
            self.row(&format!("f{at}"), "FRONTEND", &["scur"]).is_ok_and(|row| row == "scur=0")
        })?;
        Ok(format!("{at} {reply:?} got {first:?} {} {}", story(&logged), self.counters(at)?))
    }
}

/// A session that is cut.
#[derive(Clone, Copy)]
struct Case {
    /// Which frontend it goes through.
    at: usize,
    /// What the client says.
    says: &'static [u8],
    /// What it gets before the cut.
    first: &'static [u8],
    /// What its line shows when it is time.
    state: &'static str,
    command: &'static str,
    /// What it gets in the end; without it, its connection ends.
    last: &'static [u8],
}

const fn case(at: usize, says: &'static [u8], first: &'static [u8], state: &'static str) -> Case {
    Case { at, says, first, state, command: "shutdown session ID", last: b"" }
}

/// Of a line of the log, what does not depend on time, ports and lengths: names, status, letters, connections.
fn story(line: &str) -> String {
    let words: Vec<&str> = line.trim_end().split(' ').collect();
    let names = words.iter().position(|word| word.starts_with('f') && word.len() == 2).unwrap_or(0);
    let is_http = line.contains('"');
    let mut kept: Vec<&str> = words.get(names..names + 2).unwrap_or_default().to_vec();
    // After the names come the times; HTTP has status, bytes, cookies, letters, TCP has bytes, letters.
    let rest = words.get(names + 3..).unwrap_or_default();
    kept.extend(
        match is_http {
            true => [rest.first(), rest.get(4)],
            false => [None, rest.get(1)],
        }
        .into_iter()
        .flatten(),
    );
    kept.join(" ")
}

const GET: &[u8] = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n";
const POST: &[u8] = b"POST /x HTTP/1.1\r\nHost: h\r\nContent-Length: 1000\r\n\r\nabc";
const UPGRADE: &[u8] = b"GET /x HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: foo\r\nHost: h\r\n\r\n";
const LONG: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\nthe beginning";
const SWITCH: &[u8] = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\nhello";

const THERE: &str = "scb=[8,";

#[test]
fn a_session_is_cut_wherever_it_stands() -> Result<()> {
    let full = Full::start();
    let (silent, long, switch, echo) = (host(b""), host(LONG), host(SWITCH), host(b"welcome"));
    let backends: Vec<String> = vec![
        format!(" server s {silent}\n"),
        format!(" server s {long}\n"),
        format!(" server s {switch}\n"),
        format!(" server s {}\n", full.address),
        format!(" mode tcp\n server s {echo}\n"),
    ];
    let cases = [
        Case { last: b"</html>\n", ..case(0, GET, b"", THERE) },
        case(0, POST, b"", THERE),
        case(1, GET, b"beginning", THERE),
        Case { command: "shutdown sessions server b1/s", ..case(1, GET, b"beginning", THERE) },
        case(2, UPGRADE, b"hello", THERE),
        case(3, GET, b"", "scb=[5,"),
        case(4, b"hi", b"welcome", THERE),
        Case { command: "shutdown sessions server b4/s", ..case(4, b"hi", b"welcome", THERE) },
    ];
    compare(|kind| {
        let scene = Scene::start(kind, &backends)?;
        cases.iter().map(|case| scene.cut(case)).collect()
    })
}

/// Where HAProxy 2.6 waits for something else to happen first.
#[test]
fn who_waits_is_cut_at_once() -> Result<()> {
    let (silent, echo) = (host(b""), host(b"welcome"));
    let backends: Vec<String> = vec![
        format!(" server s {silent} maxconn 1\n"),
        format!(" server s {silent}\n| http-request wait-for-body time 60s\n"),
        format!(
            " mode tcp\n server s {echo}\n| tcp-request inspect-delay 60s\n tcp-request content accept if {{ req.len gt 100 }}\n"
        ),
        format!(" server s {silent}\n| http-request tarpit if TRUE\n timeout tarpit 60s\n"),
    ];
    let scene = Scene::start(Kind::Regate, &backends)?;
    let first = scene.client(0, GET)?;
    scene.wait_for(&first, &[THERE])?;
    for (case, letters) in [
        (case(0, GET, b"", "scb=[2,"), "b0/<NOSRV> -1 K---"),
        (case(1, POST, b"", "an=02h"), "f1/<NOSRV> -1 K---"),
        (case(2, b"hello", b"", "an=01h"), "f2/<NOSRV> K-"),
        (case(3, GET, b"", "an=02h"), "f3/<NOSRV> -1 K---"),
        (case(3, b"GET / HTTP/1.1\r\nHo", b"", "an=01h"), "f3/<NOSRV> -1 K---"),
    ] {
        let mut client = scene.client(case.at, case.says)?;
        let line = scene.wait_for(&client, &[case.state])?;
        let id = line.split(':').next().unwrap_or_default();
        assert_eq!(scene.proxy.ask(&format!("shutdown session {id}"))?, "\n");
        assert_eq!(client.take_to_end()?, b"");
        let logged = story(&scene.line(client.local()?)?);
        assert!(logged.ends_with(letters), "{logged:?} does not end with {letters:?}");
        let again = scene.proxy.ask(&format!("shutdown session {id}"))?;
        assert_eq!(again, "No such session (use 'show sess').\n\n");
    }
    wait::until_true("the queue to be empty", wait::PATIENCE, || {
        scene.row("b0", "BACKEND", &["qcur", "scur"]).is_ok_and(|row| row == "qcur=0 scur=1")
    })
}

#[test]
fn servers_that_come_and_go_cut_sessions() -> Result<()> {
    let (long, echo) = (host(LONG), host(b"welcome"));
    let backends: Vec<String> = vec![
        format!(" server s {long} check inter 1h on-marked-down shutdown-sessions\n"),
        format!(" mode tcp\n server s {echo} check inter 1h on-marked-down shutdown-sessions\n"),
        format!(
            " server a {long} check inter 1h on-marked-up shutdown-backup-sessions\n server s {long} backup\n"
        ),
    ];
    compare(|kind| {
        let scene = Scene::start(kind, &backends)?;
        scene.proxy.ask("set server b2/a health down")?;
        let mut seen = Vec::new();
        for case in [
            Case { command: "set server b0/s health down", ..case(0, GET, b"beginning", THERE) },
            Case { command: "set server b1/s health down", ..case(1, b"hi", b"welcome", THERE) },
            Case { command: "set server b2/a health up", ..case(2, GET, b"beginning", THERE) },
        ] {
            seen.push(scene.cut(&case)?);
        }
        Ok(seen)
    })
}

#[test]
fn a_long_list_of_sessions_is_told_whole_and_filtered() -> Result<()> {
    let (echo, silent) = (host(b"welcome"), host(b""));
    let backends: Vec<String> =
        vec![format!(" mode tcp\n server s {echo}\n"), format!(" server s {silent}\n")];
    let scene = Scene::start(Kind::Regate, &backends)?;
    let mut clients = Vec::new();
    for _ in 0..MANY {
        clients.push(scene.client(0, b"hi")?);
    }
    for client in &mut clients {
        client.take_through(b"welcome")?;
    }
    let other = scene.client(1, b"GET /a\"b HTTP/1.1\r\nHost: h\r\n\r\n");
    let other = other?;
    scene.wait_for(&other, &[THERE])?;
    let ask = |line: &str| -> Result<Vec<String>> {
        Ok(scene.proxy.ask(line)?.lines().filter(|line| !line.is_empty()).map(str::to_owned).collect())
    };
    let all = ask("show sess")?;
    let ids: BTreeSet<&str> = all.iter().filter_map(|line| line.split(':').next()).collect();
    // The connection that asks is one, too.
    assert_eq!((all.len(), ids.len()), (MANY + 2, MANY + 2));
    assert!(all[MANY + 1].contains(" src=unix:1 fe=GLOBAL be=<NONE> srv=<none> "), "{all:?}");
    assert!(ids.iter().all(|id| id.starts_with("0x")));
    assert_eq!(ask("show sess backend b0")?.len(), MANY);
    assert_eq!(ask("show sess server b0/s frontend f0")?.len(), MANY);
    assert_eq!(ask("show sess frontend f1 backend b0")?.len(), 0);
    let uri = ask("show sess frontend f1 show-uri")?;
    assert!(uri.len() == 1 && uri[0].ends_with(" uri=\"GET /a\\x22b HTTP/1.1\""), "{uri:?}");
    assert_eq!(ask("show sess older 1h")?.len(), 0);
    let long = ask("show sess older 0 frontend f1")?;
    assert!(long.iter().any(|line| line.starts_with("  frontend=f1 (id=")), "{long:?}");
    assert_eq!(scene.proxy.ask("shutdown sessions server b0/s")?, "\n");
    for client in &mut clients {
        client.take_to_end()?;
    }
    wait::until_true("one session to be left", wait::PATIENCE, || {
        ask("show sess").is_ok_and(|left| left.len() == 2)
    })
}

const MANY: usize = 300;

#[test]
fn a_frontend_is_stopped_for_good() -> Result<()> {
    let echo = host(b"welcome");
    let backends = vec![format!(" mode tcp\n server s {echo}\n")];
    compare(|kind| {
        let scene = Scene::start(kind, &backends)?;
        let mut seen = Vec::new();
        let mut client = scene.client(0, b"hi")?;
        client.take_through(b"welcome")?;
        for line in [
            "shutdown frontend",
            "shutdown frontend x",
            "shutdown frontend f0",
            "shutdown frontend f0",
            "enable frontend f0",
            "disable frontend f0",
            "shutdown session",
            "shutdown session 0x1",
            "shutdown session foo",
            "shutdown sessions server",
            "shutdown sessions server x",
            "shutdown sessions server x/s",
            "shutdown sessions server b0/x",
            "show sess 0x1",
        ] {
            seen.push(format!("{line}: {:?}", scene.proxy.ask(line)?));
        }
        wait::until_true("nobody to listen", wait::PATIENCE, || {
            TcpStream::connect(scene.binds[0].address()).is_err()
        })?;
        // Who is there already stays.
        seen.push(scene.row("f0", "FRONTEND", &["status", "scur", "stot"])?);
        client.close_write()?;
        client.take_to_end()?;
        Ok(seen)
    })
}

/// Messages that both refuse, sent by the client.
const REQUESTS: &[&[u8]] = &[
    b"GET / HTTP/1.1\r\nHost: x\r\nbad\x01hdr: a\\b\t\r\n\r\n",
    b"G@T / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\n: v\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nName v\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nName : v\r\n\r\n",
    b"GET / HTTP/1.1\r\nHost: x\r\nA: yyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyyy\xff\"z\r\nq(b\x1b: 1\r\n\r\n",
    b"\x16\x03\x01hello\r\n\r\n",
];

/// The same, sent by the server.
const RESPONSES: &[&[u8]] = &[
    b"HTTP/1.1 200 OK\r\nbad hdr: x\r\n\r\n",
    b"HTTP/1.1 2x0 OK\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nna\x01me: x\r\n\r\n",
];

#[test]
fn malformed_messages_are_kept_as_haproxy_keeps_them() -> Result<()> {
    let backends: Vec<String> = RESPONSES.iter().map(|says| format!(" server s {}\n", host(says))).collect();
    compare(|kind| {
        let scene = Scene::start(kind, &backends)?;
        let mut seen = Vec::new();
        for request in REQUESTS {
            let mut client = scene.client(0, request)?;
            client.take_to_end()?;
            seen.push(masked(&scene.proxy.ask("show errors f0 request")?));
        }
        for at in 0..RESPONSES.len() {
            let mut client = scene.client(at, GET)?;
            client.take_through(b"</html>\n")?;
            seen.push(masked(&scene.proxy.ask(&format!("show errors b{at}"))?));
        }
        for line in [
            "show errors -1",
            "show errors f0 response",
            "show errors 2",
            "show errors #2",
            "show errors 99",
            "show errors nosuch",
            "show errors b1 request",
            "clear counters all",
            "show errors f0",
        ] {
            seen.push(masked(&scene.proxy.ask(line)?));
        }
        Ok(seen)
    })
}

/// Without dates, ports, the sizes of buffers and flags of the parser's own.
fn masked(reply: &str) -> String {
    let mut out = String::new();
    for line in reply.split_inclusive('\n') {
        let mut line = line.to_owned();
        for (from, to) in [("[", "]"), ("127.0.0.1:", "\n"), ("wraps at ", ",")] {
            let Some(start) = line.find(from).map(|start| start + from.len()) else { continue };
            let Some(end) = line[start..].find(to).map(|end| start + end) else { continue };
            line.replace_range(start..end, "…");
        }
        out += &match line.starts_with("  H1 ") && !line.contains("chunk") {
            true => line.split_once("flags").map_or(line.clone(), |(head, _)| format!("{head}\n")),
            false => line,
        };
    }
    out
}
