//! Clients that stay with their servers, under HAProxy and under Regate: the same choice of server, the same
//! headers both ways, the same letters in the log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};
use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, Result, Trouble, wait};

/// What a client sends: a method, header lines, and what the server sets in its answer.
type Request = (&'static str, &'static [&'static str], &'static [&'static str]);

/// What backends do with their cookie.
const MODES: &[&str] = &[
    "cookie S",
    "cookie S indirect",
    "cookie S indirect preserve",
    "cookie S rewrite",
    "cookie S rewrite nocache postonly",
    "cookie S insert",
    "cookie S insert indirect",
    "cookie S insert indirect nocache",
    "cookie S insert preserve",
    "cookie S insert preserve indirect",
    "cookie S insert postonly",
    "cookie S insert httponly secure domain .a.example domain .b.example attr SameSite=Lax attr \"X Y=z\"",
    "cookie S insert maxidle 10m",
    "cookie S insert indirect maxlife 1h",
    "cookie S insert maxidle 10m maxlife 1h secure",
    "cookie S rewrite maxidle 10m",
    "cookie S prefix",
    "cookie S prefix indirect",
    "cookie S prefix nocache",
];

/// What is asked of each of them, one after the other. `@n` stands for a date n seconds from now.
const REQUESTS: &[Request] = &[
    ("GET", &[], &[]),
    ("GET", &["Cookie: S=c1"], &[]),
    ("GET", &["Cookie: S=c2"], &[]),
    ("GET", &["Cookie: S=zz"], &[]),
    ("GET", &["Cookie: S="], &[]),
    ("GET", &["Cookie: a=1; S=c2; b=2"], &[]),
    ("GET", &["Cookie: S=c1; S=c2"], &[]),
    ("GET", &["Cookie: S=zz; S=c2"], &[]),
    ("GET", &["Cookie: S = c2 ; x = y"], &[]),
    ("GET", &["Cookie: a=1", "Cookie: b=2; S=c2", "Cookie: c=3"], &[]),
    ("GET", &["Cookie: $Version=1; S=c2; $Path=/"], &[]),
    ("GET", &["Cookie: s=c2"], &[]),
    ("POST", &[], &[]),
    ("POST", &["Cookie: S=c1"], &[]),
    ("HEAD", &[], &[]),
    ("GET", &[], &["Set-Cookie: S=app; path=/"]),
    ("GET", &["Cookie: S=c2"], &["Set-Cookie: S=app; path=/"]),
    ("GET", &["Cookie: S=c2"], &["Set-Cookie: S=; path=/", "Set-Cookie: q = 1"]),
    ("GET", &[], &["Set-Cookie: other=1", "ETag: \"e\""]),
    ("GET", &[], &["Set-Cookie: S = app ; path=/", "Cache-Control: max-age=10"]),
    ("GET", &[], &["Set-Cookie2: S=app; path=/", "Cache-Control: no-store", "ETag: \"e\""]),
    ("GET", &["Cookie: S=c2~app"], &["Set-Cookie: S=next"]),
    ("GET", &["Cookie: S=zz~app; a=b"], &[]),
    ("GET", &["Cookie: S=c2|@-8"], &[]),
    ("GET", &["Cookie: S=c2|@-8"], &["Set-Cookie: S=app"]),
    ("GET", &["Cookie: S=c2|@-700"], &[]),
    ("GET", &["Cookie: S=c2|@3600"], &[]),
    ("GET", &["Cookie: S=c2|@90000"], &[]),
    ("GET", &["Cookie: S=c2|@-8|@-300"], &[]),
    ("GET", &["Cookie: S=c2|@-8|@-4000"], &[]),
    ("GET", &["Cookie: S=c2|@-8|@90000"], &[]),
    ("GET", &["Cookie: S=c2||@-4000"], &[]),
    ("GET", &["Cookie: S=c2|zz|@-300xx"], &[]),
    ("POST", &["Cookie: S=c2|@-8"], &[]),
    ("GET", &["Cookie: S=c2|@-700; S=c1"], &[]),
];

#[test]
fn every_mode_treats_requests_and_responses_as_haproxy_does() -> Result<()> {
    let servers = |origins: &[Origin]| {
        format!(
            " server s1 127.0.0.1:{} cookie c1\n server s2 127.0.0.1:{} cookie c2\n",
            origins[0].port(),
            origins[1].port()
        )
    };
    compare(|kind| {
        let origins = origins()?;
        let backends: Vec<String> =
            MODES.iter().map(|mode| format!(" {mode}\n{}", servers(&origins))).collect();
        let stage = Stage::start(kind, &backends, &origins)?;
        let mut seen = Vec::new();
        for (at, mode) in MODES.iter().enumerate() {
            for request in REQUESTS {
                seen.push(format!("{mode} | {request:?}\n    {}", stage.ask(at, request)?));
            }
        }
        Ok(seen)
    })
}

/// What a TCP backend says of its servers, and what a client says first. `@2@` is the second server in a cookie.
const SESSIONS: &[(&str, &str)] = &[
    ("use-server s2 if { src 127.0.0.1 }", ""),
    ("use-server s2 if { src 10.0.0.1 }", ""),
    ("use-server s2 unless { src 10.0.0.1 }", ""),
    ("use-server s3 if { src 10.0.0.1 }\n use-server s2 if TRUE", ""),
    (SPOKEN, "A"),
    (SPOKEN, "B"),
    // What is certain is not waited for.
    ("tcp-request inspect-delay 5m\n tcp-request content reject if !{ req.len gt 0 }", "A"),
    ("tcp-request inspect-delay 5m\n tcp-request content reject unless { req.len gt 0 }", "A"),
    (
        "tcp-request inspect-delay 5m\n tcp-request content accept if { req.len gt 5 } or { req.len gt 0 }",
        "A",
    ),
    ("tcp-request inspect-delay 5m\n tcp-request content accept if { src 10.0.0.1 } { req.len gt 9 }", "A"),
    (
        "tcp-request inspect-delay 5m\n tcp-request content accept if { req.len gt 9 } or { src 127.0.0.1 }",
        "A",
    ),
    ("tcp-request inspect-delay 5m\n tcp-request content reject if { req.payload(0,1) -m str A }", "AB"),
    ("tcp-request inspect-delay 5m\n tcp-request content reject if { req.payload(0,1) -m str A }", "BB"),
    ("use-server down if TRUE", ""),
    ("use-server down if TRUE\n force-persist if TRUE", ""),
    ("use-server down if TRUE\n force-persist if { src 10.0.0.1 }", ""),
    ("use-server down if TRUE\n option persist", ""),
    ("use-server s2 if TRUE\n ignore-persist if TRUE", ""),
    (RDP, "Cookie: msts=@2@\r\n"),
    (RDP, "Cookie: msts=1.2.0\r\n"),
    (RDP, "Cookie: other=@2@\r\n"),
    (RDP, "hello\r\n"),
    (RDP_NAMED, "Cookie: other=@2@\r\n"),
    (RDP_BESIDE_RULE, "Cookie: msts=@2@\r\n"),
];
const SPOKEN: &str = "tcp-request inspect-delay 5m\n tcp-request content accept if { req.len gt 0 }\n use-server s2 if { req.payload(0,1) -m str B }";
const RDP: &str =
    "tcp-request inspect-delay 5m\n tcp-request content accept if { req.len gt 0 }\n persist rdp-cookie";
const RDP_NAMED: &str = "tcp-request inspect-delay 5m\n tcp-request content accept if { req.len gt 0 }\n persist rdp-cookie(other)";
const RDP_BESIDE_RULE: &str = "tcp-request inspect-delay 5m\n tcp-request content accept if { req.len gt 0 }\n persist rdp-cookie\n use-server s3 if TRUE";

#[test]
fn plain_sessions_go_to_the_servers_that_haproxy_gives_them() -> Result<()> {
    compare(|kind| {
        let greeters = ["s1", "s2", "s3"].map(|name| greeter(name).expect("a listener"));
        let dead = Port::reserve()?;
        let mut text = String::from(
            "global\n stats socket @folder@/socket level admin\ndefaults\n mode tcp\n timeout connect 2s\n timeout client 20s\n timeout server 20s\n retries 0\n",
        );
        let binds: Vec<Port> = SESSIONS.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
        for ((lines, _), bind) in SESSIONS.iter().zip(&binds) {
            let number = bind.number();
            let _ = write!(
                text,
                "listen l{number}\n bind 127.0.0.1:{number}\n {lines}\n server s1 127.0.0.1:{}\n server s2 127.0.0.1:{} weight 0\n server s3 127.0.0.1:{} weight 0\n server down 127.0.0.1:{} disabled\n",
                greeters[0],
                greeters[1],
                greeters[2],
                dead.number()
            );
        }
        let _proxy = Proxy::start(kind, &text)?;
        let second = format!("{}.{}.0000", u32::from_le_bytes([127, 0, 0, 1]), greeters[1].swap_bytes());
        let ask = |(session, bind): (&(&str, &str), &Port)| {
            let (lines, words) = session;
            let mut stream = TcpStream::connect(bind.address())?;
            stream.set_read_timeout(Some(wait::PATIENCE))?;
            if !words.is_empty() {
                let text = words.replace("@2@", &second);
                let mut opening = vec![3, 0, 0, 0, 0, 0xe0, 0, 0, 0, 0, 0];
                if text.len() <= 2 {
                    opening.clear();
                }
                opening.extend_from_slice(text.as_bytes());
                stream.write_all(&opening)?;
            }
            let mut greeting = String::new();
            // A session without a server ends by a reset where it had something to say.
            let ended = stream.read_to_string(&mut greeting).is_ok();
            Ok(format!("{lines}\n    {words:?}: {greeting} {ended}"))
        };
        SESSIONS.iter().zip(&binds).map(ask).collect()
    })
}

/// Says its name to whoever connects, and closes once they have; gives its port.
fn greeter(name: &'static str) -> Result<u16> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let port = listener.local_addr()?.port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let _ = stream.write_all(name.as_bytes());
            let _ = stream.shutdown(std::net::Shutdown::Write);
            let _ = stream.read_to_end(&mut Vec::new());
        }
    });
    Ok(port)
}

/// What is asked for while servers come and go: a request, or a command.
enum Step {
    Ask(&'static [&'static str]),
    Tell(&'static str),
}
use Step::{Ask, Tell};

const C1: &[&str] = &["Cookie: S=c1"];
const C2: &[&str] = &["Cookie: S=c2"];
const C3: &[&str] = &["Cookie: S=c3"];
const NONE: &[&str] = &[];

/// Backends, and what happens to them in turn; `be` stands for the backend.
const STATES: &[(&str, &str, &[Step])] = &[
    (
        "a server drains, is weightless, is in maintenance",
        " cookie S insert indirect\n server s1 A cookie c1\n server s2 B cookie c2\n server s3 C\n",
        &[
            Ask(NONE),
            Ask(C2),
            Ask(NONE),
            Ask(NONE),
            Tell("set server be/s2 state drain"),
            Ask(C2),
            Ask(NONE),
            Ask(NONE),
            Tell("set server be/s2 state maint"),
            Ask(C2),
            Ask(C2),
            Tell("set server be/s2 state ready"),
            Tell("set server be/s2 weight 0"),
            Ask(C2),
            Ask(NONE),
            Ask(NONE),
        ],
    ),
    (
        "option persist",
        " cookie S insert indirect\n option persist\n server s1 A cookie c1\n server s2 B cookie c2\n",
        &[
            Tell("set server be/s2 state drain"),
            Ask(C2),
            Tell("set server be/s2 state maint"),
            Ask(C2),
            Ask(C2),
            Ask(NONE),
        ],
    ),
    (
        "a backup is named",
        " cookie S insert indirect\n server s1 A cookie c1\n server s2 B cookie c2 backup\n server s3 C backup cookie c3\n",
        &[Ask(C3), Ask(C2), Ask(NONE), Tell("set server be/s1 state maint"), Ask(NONE), Ask(C1), Ask(C3)],
    ),
    (
        "nobody is left",
        " cookie S insert indirect\n server s1 A cookie c1\n server s2 B cookie c2 disabled\n",
        &[Tell("set server be/s1 state maint"), Ask(NONE), Ask(C1), Ask(&["Cookie: S=zz"])],
    ),
    (
        "two servers share a name",
        " cookie S insert\n server s1 A cookie c1\n server s2 B cookie c1\n server s3 C cookie c3\n",
        &[Ask(C1), Ask(C1), Tell("set server be/s1 state maint"), Ask(C1), Ask(C1), Ask(NONE), Ask(C3)],
    ),
    (
        "an unreachable server is named",
        " cookie S insert indirect\n retries 0\n server s1 DEAD cookie c1\n server s2 B cookie c2\n",
        &[Ask(C1), Ask(C2)],
    ),
    (
        "an unreachable server is named, and requests may leave it",
        " cookie S insert indirect\n option redispatch 1\n server s1 DEAD cookie c1\n server s2 B cookie c2\n",
        &[Ask(C1), Ask(NONE), Ask(C2)],
    ),
];

#[test]
fn servers_that_come_and_go_keep_or_lose_their_clients_as_under_haproxy() -> Result<()> {
    compare(|kind| {
        let origins = origins()?;
        let dead = Port::reserve()?;
        let place = |text: &str| {
            let text = text.replace(" DEAD ", &format!(" 127.0.0.1:{} ", dead.number()));
            let text = text.replace(" A ", &format!(" 127.0.0.1:{} ", origins[0].port()));
            let text = text.replace(" B ", &format!(" 127.0.0.1:{} ", origins[1].port()));
            text.replace(" C", &format!(" 127.0.0.1:{}", origins[2].port()))
        };
        let backends: Vec<String> = STATES.iter().map(|(_, backend, _)| place(backend)).collect();
        let stage = Stage::start(kind, &backends, &origins)?;
        let mut seen = Vec::new();
        for (at, (name, _, steps)) in STATES.iter().enumerate() {
            for (number, step) in steps.iter().enumerate() {
                match step {
                    Ask(headers) => {
                        seen.push(format!(
                            "{name}, {number}: {headers:?}\n    {}",
                            stage.ask(at, &("GET", headers, &[]))?
                        ));
                    }
                    Tell(command) => drop(stage.proxy.ask(&command.replace("be/", &format!("b{at}/")))?),
                }
            }
        }
        Ok(seen)
    })
}

#[test]
fn dynamic_values_are_haproxys_and_change_by_hand() -> Result<()> {
    const COMMANDS: &[&str] = &[
        "set dynamic-cookie-key backend b0 other",
        "disable dynamic-cookie backend b0",
        "enable dynamic-cookie backend b0",
        "set server b0/s1 addr 127.0.0.9",
        "enable dynamic-cookie backend b1",
        "set dynamic-cookie-key backend b0",
        "set dynamic-cookie-key backend",
        "set dynamic-cookie-key backend nosuch k",
        "enable dynamic-cookie backend",
        "enable dynamic-cookie backend nosuch",
        "disable dynamic-cookie backend",
        "disable dynamic-cookie backend nosuch",
    ];
    let backends = [
        " cookie S insert dynamic\n dynamic-cookie-key geheim\n server s1 127.0.0.1:8080\n server s2 [2001:db8::1]:80\n server s3 10.1.2.3:65535 cookie own\n server s4 127.0.0.1:80 disabled\n".to_owned(),
        " cookie S insert\n dynamic-cookie-key k\n server s1 192.0.2.1:81\n".to_owned(),
    ];
    compare(|kind| {
        let stage = Stage::start(kind, &backends, &[])?;
        let mut seen = vec![stage.cookies()?];
        for command in COMMANDS {
            seen.push(format!("{command}: {:?}", stage.proxy.ask(command)?));
            seen.push(stage.cookies()?);
        }
        Ok(seen)
    })
}

/// A running proxy with a frontend for each backend, and a sink for its log.
struct Stage<'o> {
    proxy: Proxy,
    binds: Vec<Port>,
    sink: UdpSocket,
    origins: &'o [Origin],
}

impl<'o> Stage<'o> {
    fn start(kind: Kind, backends: &[String], origins: &'o [Origin]) -> Result<Stage<'o>> {
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let mut text = format!(
            "global\n log 127.0.0.1:{} local0\n stats socket @folder@/socket level admin\n\
             defaults\n mode http\n log global\n option httplog\n timeout connect 500ms\n timeout client 10s\n timeout server 10s\n",
            sink.local_addr()?.port()
        );
        let mut binds = Vec::new();
        for (at, backend) in backends.iter().enumerate() {
            let bind = Port::reserve()?;
            write!(
                text,
                "frontend f{at}\n bind 127.0.0.1:{}\n default_backend b{at}\nbackend b{at}\n{backend}",
                bind.number()
            )
            .map_err(|error| Trouble::new(error.to_string()))?;
            binds.push(bind);
        }
        Ok(Stage { proxy: Proxy::start(kind, &text)?, binds, sink, origins })
    }

    /// Sends a request: what came back, what the server got, what the log says.
    fn ask(&self, at: usize, (method, headers, sets): &Request) -> Result<String> {
        let mut client = HttpClient::connect(self.binds[at].address())?;
        let mut lines: Vec<(String, String)> = Vec::new();
        for header in *headers {
            let (name, value) = header.split_once(": ").expect("a header");
            lines.push((name.to_owned(), dated(value)));
        }
        if !sets.is_empty() {
            lines.push(("X-Sets".to_owned(), sets.join("\u{1}").replace('\u{1}', "%%")));
        }
        lines.push(("Connection".to_owned(), "close".to_owned()));
        let lines: Vec<(&str, &str)> =
            lines.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let before: Vec<usize> = self.origins.iter().map(|origin| origin.requests().len()).collect();
        let body: &[u8] = if *method == "POST" { b"a=b" } else { b"" };
        let exchange = client.request(method, "/", &lines, body)?;
        let answered = told(&exchange.headers, &["content-length", "connection"]);
        let got: Vec<String> = self
            .origins
            .iter()
            .zip(before)
            .flat_map(|(origin, before)| {
                let requests = origin.requests();
                let new = requests.into_iter().skip(before);
                let skipped = ["host", "content-length", "connection", "x-sets"];
                new.map(|request| format!("{} {:?}", origin.name(), told(&request.headers, &skipped)))
                    .collect::<Vec<_>>()
            })
            .collect();
        Ok(format!("{} {answered:?} at {got:?} log {}", exchange.status, self.line(at)?))
    }

    /// Server, letters, retries and queues of the next line about a request to this backend.
    fn line(&self, at: usize) -> Result<String> {
        loop {
            let mut line = [0; 4096];
            let length = self.sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            let Some((_, text)) = line.split_once("]: ") else { continue };
            let fields: Vec<&str> = text.split(' ').collect();
            if fields.get(2) != Some(&format!("f{at}").as_str()) {
                continue;
            }
            let retries = fields[10].rsplit('/').next().unwrap_or_default();
            return Ok(format!("{} {} {retries} {}", fields[3], fields[9], fields[11]));
        }
    }

    /// The column `cookie` of every server and backend.
    fn cookies(&self) -> Result<String> {
        let reply = self.proxy.ask("show stat")?;
        let mut lines = reply.lines();
        let names: Vec<&str> = lines.next().unwrap_or_default().split(',').collect();
        let cookie = names.iter().position(|name| *name == "cookie").expect("a column 'cookie'");
        let rows =
            lines.map(|line| line.split(',').collect::<Vec<_>>()).filter(|row| row[0].starts_with('b'));
        Ok(rows.map(|row| format!("{}/{}={} ", row[0], row[1], row[cookie])).collect())
    }
}

/// Three origins that set what they are asked to set.
fn origins() -> Result<Vec<Origin>> {
    let start = |name: &'static str| {
        let origin = Origin::start(name)?;
        origin.answer_by(move |request| {
            let sets = request.header("x-sets").unwrap_or_default();
            sets.split("%%")
                .filter_map(|line| line.split_once(": "))
                .fold(Answer::text(name), |answer, (name, value)| answer.header(name, value))
        });
        Ok(origin)
    };
    ["alpha", "beta", "gamma"].into_iter().map(start).collect()
}

/// Header lines but for these, names in lower case, dates hidden.
fn told(headers: &[(String, String)], skipped: &[&str]) -> Vec<String> {
    let lines = headers.iter().map(|(name, value)| (name.to_ascii_lowercase(), value));
    lines
        .filter(|(name, _)| !skipped.contains(&name.as_str()))
        .map(|(name, value)| {
            format!("{name}: {}", if name == "set-cookie" { undated(value) } else { value.clone() })
        })
        .collect()
}

/// A value with dates in the place of `@` and seconds from now.
fn dated(value: &str) -> String {
    let mut parts = value.split('@');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let end = part.find(|c: char| !c.is_ascii_digit() && c != '-').unwrap_or(part.len());
        let (shift, rest) = part.split_at(end);
        // One time for both proxies.
        static NOW: OnceLock<u64> = OnceLock::new();
        let now =
            NOW.get_or_init(|| SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock").as_secs());
        let date = now.saturating_add_signed(shift.parse().expect("seconds")) >> 2;
        let digits = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        out.extend((0..5).rev().map(|digit| digits[(date >> (6 * digit)) as usize & 63] as char));
        out.push_str(rest);
    }
    out
}

/// A value with its dates hidden.
fn undated(value: &str) -> String {
    let (pair, rest) = value.split_once(';').unwrap_or((value, ""));
    let mut parts = pair.split('|');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        out.push_str(if part.len() == 5 { "|DATE" } else { "|?" });
    }
    format!("{out};{rest}")
}
