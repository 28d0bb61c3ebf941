//! The access log of Regate against Debian's HAProxy: the same exchanges, the same lines.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::net::UdpSocket;

use regate_tests::harness::{Answer, Kind, Origin, Port, Proxy, RawClient, Result, Trouble, wait};

/// What a client does, and how many lines that makes.
struct Case {
    name: &'static str,
    /// Which of the frontends is asked.
    frontend: Frontend,
    send: &'static [u8],
    lines: usize,
}

#[derive(Clone, Copy)]
enum Frontend {
    Web,
    Common,
    Plain,
    Tcp,
    /// Its backend has no server.
    None,
    /// Its server's port is closed.
    Dead,
    /// Its server closes without a word.
    Shut,
}

const CASES: &[Case] = &[
    case("normal", Frontend::Web, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("common log format", Frontend::Common, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("no format", Frontend::Plain, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("HTTP/1.0", Frontend::Web, b"GET /old HTTP/1.0\r\n\r\n"),
    case("404", Frontend::Web, b"GET /404 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("500", Frontend::Web, b"GET /500 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("HEAD", Frontend::Web, b"HEAD / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case(
        "a body",
        Frontend::Web,
        b"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    ),
    Case {
        name: "a second request",
        frontend: Frontend::Web,
        send: b"GET /1 HTTP/1.1\r\nHost: h\r\n\r\nGET /2 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
        lines: 2,
    },
    case("no server", Frontend::None, b"GET /none HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("a dead server", Frontend::Dead, b"GET /dead HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case("the server closes", Frontend::Shut, b"GET /shut HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
    case(
        "the server is silent",
        Frontend::Web,
        b"GET /hang HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    case("malformed", Frontend::Web, b"GET / HTTP/1.1\r\nBad Header\r\n\r\n"),
    case("malformed, common log format", Frontend::Common, b"GET / HTTP/1.1\r\nBad Header\r\n\r\n"),
    case("unfinished", Frontend::Web, b"GET / HTTP/1.1\r\nHo"),
    case("silent", Frontend::Web, b""),
    case("TCP", Frontend::Tcp, b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"),
];

const fn case(name: &'static str, frontend: Frontend, send: &'static [u8]) -> Case {
    Case { name, frontend, send, lines: 1 }
}

#[test]
fn lines_are_haproxys() -> Result<()> {
    let expected = lines(Kind::Haproxy)?;
    let found = lines(Kind::Regate)?;
    let differences: Vec<String> = CASES
        .iter()
        .zip(expected.iter().zip(&found))
        .filter(|(_, (expected, found))| expected != found)
        .map(|(case, (expected, found))| {
            format!("{}:\n  haproxy {expected:#?}\n  regate  {found:#?}", case.name)
        })
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// The masked lines of each case.
fn lines(kind: Kind) -> Result<Vec<Vec<String>>> {
    let sink = UdpSocket::bind("127.0.0.1:0")?;
    sink.set_read_timeout(Some(wait::PATIENCE))?;
    let origin = Origin::start("alpha")?;
    origin.answer_by(|request| match request.target.as_str() {
        "/404" => Answer::text("no").status(404, "Not Found"),
        "/500" => Answer::text("oh").status(500, "Internal Server Error"),
        "/hang" => Answer::text("late").delay(std::time::Duration::from_secs(2)),
        _ => Answer::text("alpha"),
    });
    // Accepts, and closes without a word.
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    let shut = listener.local_addr()?.port();
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = listener.accept() {
            let _ = std::io::Read::read(&mut stream, &mut [0; 1024]);
        }
    });
    let dead = Port::reserve()?;
    let binds: Vec<Port> = (0..7).map(|_| Port::reserve()).collect::<Result<_>>()?;
    let port = |frontend: Frontend| binds[frontend as usize].number();
    let configuration = format!(
        "global
    log 127.0.0.1:{sink} local0
    log-tag haproxy
defaults
    mode http
    log global
    retries 1
    timeout connect 300
    timeout client 600
    timeout server 600
    timeout http-request 300
    option log-separate-errors
frontend web
    option httplog
    bind 127.0.0.1:{web}
    default_backend be
frontend common
    option httplog clf
    bind 127.0.0.1:{common}
    default_backend be
frontend plain
    bind 127.0.0.1:{plain}
    default_backend be
listen tcp
    mode tcp
    option tcplog
    bind 127.0.0.1:{tcp}
    server s1 127.0.0.1:{origin}
frontend none
    option httplog
    bind 127.0.0.1:{none}
    default_backend empty
frontend dead
    option httplog
    bind 127.0.0.1:{dead_bind}
    default_backend closed
listen shut
    option httplog
    bind 127.0.0.1:{shut_bind}
    server s1 127.0.0.1:{shut}
backend be
    server s1 127.0.0.1:{origin}
backend closed
    server s1 127.0.0.1:{dead}
backend empty
",
        sink = sink.local_addr()?.port(),
        origin = origin.port(),
        web = port(Frontend::Web),
        common = port(Frontend::Common),
        plain = port(Frontend::Plain),
        tcp = port(Frontend::Tcp),
        none = port(Frontend::None),
        dead_bind = port(Frontend::Dead),
        shut_bind = port(Frontend::Shut),
    );
    let _proxy = Proxy::start(kind, &configuration)?;
    let mut all = Vec::new();
    for case in CASES {
        let mut client = RawClient::connect(binds[case.frontend as usize].address())?;
        client.send(case.send)?;
        client.take_to_end().map_err(|error| error.while_doing(format_args!("{kind:?}, {}", case.name)))?;
        drop(client);
        let mut lines = Vec::new();
        while lines.len() < case.lines {
            let mut line = [0; 4096];
            let length = sink.recv(&mut line).map_err(|error| {
                Trouble::from(error)
                    .while_doing(format_args!("waiting for a line of {kind:?}, {}", case.name))
            })?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            lines.push(masked(&line, case.frontend));
        }
        all.push(lines);
    }
    Ok(all)
}

/// A line without what differs from run to run: dates, process number, ports, times, and how many connections
/// there are beside this one. Bytes sent to an HTTP client are hidden too, but not their absence: HAProxy counts
/// its inner form of a message, Regate what is on the wire.
fn masked(line: &str, frontend: Frontend) -> String {
    let (header, text) = line.split_once("]: ").expect("a header");
    let (priority, _) = header.split_once('>').expect("a priority");
    assert!(header.contains(" haproxy["), "{header}");
    let mut fields: Vec<String> = text.split(' ').map(str::to_owned).collect();
    let last = fields.len();
    match frontend {
        // The client's and the bind's address.
        Frontend::Plain => [2, 4].into_iter().for_each(|at| hide_port(&mut fields[at])),
        // The port, milliseconds of the date, five times, and the first two counts.
        Frontend::Common => {
            hide_date(&mut fields[3]);
            hide_bytes(&mut fields[last - 24]);
            [21, 20, 16, 15, 14, 13, 12, 10, 9]
                .into_iter()
                .for_each(|back| hide(&mut fields[last - back], 1));
        }
        _ => {
            hide_port(&mut fields[0]);
            hide_date(&mut fields[1]);
            hide(&mut fields[4], 5);
            if !matches!(frontend, Frontend::Tcp) {
                hide_bytes(&mut fields[6]);
            }
            let counts = if matches!(frontend, Frontend::Tcp) { 7 } else { 10 };
            hide(&mut fields[counts], 2);
        }
    }
    format!("{priority}> {}", fields.join(" "))
}

/// Hides the first numbers of a field, but not that something was not reached.
fn hide(field: &mut String, count: usize) {
    let parts = field.split('/').enumerate().map(|(index, part)| {
        let digits = part.trim_start_matches('+');
        assert!(part == "-1" || digits.bytes().all(|byte| byte.is_ascii_digit()), "{part} in {field}");
        if index < count && part != "-1" { part.replace(digits, "N") } else { part.to_owned() }
    });
    *field = parts.collect::<Vec<_>>().join("/");
}

fn hide_bytes(field: &mut String) {
    if field != "0" {
        hide(field, 1);
    }
}

fn hide_port(field: &mut String) {
    let (address, port) = field.rsplit_once(':').expect("a port");
    assert!(port.parse::<u16>().is_ok(), "{port}");
    *field = format!("{address}:PORT");
}

/// Hides the digits of a date, which must be digits.
fn hide_date(field: &mut String) {
    let (day, rest) = field.split_once('/').expect("a day");
    let (month, rest) = rest.split_once('/').expect("a month");
    assert!(day.len() == 3 && month.len() == 3, "{field}");
    *field = rest.chars().map(|digit| if digit.is_ascii_digit() { '0' } else { digit }).collect();
}
