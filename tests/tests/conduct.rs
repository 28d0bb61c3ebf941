//! What clients, servers and networks may ask for in particular, under HAProxy and under Regate: the bytes of heads,
//! where connections start from and what they begin with, what their sockets are like.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::sync::mpsc::{Receiver, Sender, channel};

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, Result, wait};

/// Lines of a frontend and its backend, parameters of its server (`-`: there is none), and a request.
struct Row {
    front: &'static str,
    back: &'static str,
    server: &'static str,
    request: &'static str,
}

const fn server(server: &'static str, request: &'static str) -> Row {
    Row { front: "", back: "", server, request }
}

const fn back(back: &'static str, request: &'static str) -> Row {
    Row { front: "", back, server: "", request }
}

const fn front(front: &'static str, request: &'static str) -> Row {
    Row { front, back: "", server: "", request }
}

const GET: &str = "GET /x?y=1 HTTP/1.1\r\nHost: h\r\nX-Srv: mine\r\nConnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";
const ABSOLUTE: &str = "HEAD http://h/abs HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const POST: &str = "POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\nConnection: close\r\n\r\na";
const OPTIONS: &str = "OPTIONS * HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const NAMES: &str = "GET / HTTP/1.1\r\nHost: h\r\nX_A: b\r\nx-b: c\r\nConnection: close\r\n\r\n";
const CASES: &str = "GET / HTTP/1.1\r\nHost: h\r\nX-a: b\r\nx-b: c\r\nConnection: close\r\n\r\n";
const COOKIE: &str = "GET / HTTP/1.1\r\nHost: h\r\nCookie: S=c1\r\nConnection: close\r\n\r\n";
const FORWARDED: &str = "GET / HTTP/1.1\r\nHost: h\r\nX-F: 127.1.2.3, 127.3.3.3\r\nConnection: close\r\n\r\n";
const PROXIED: &str =
    "PROXY TCP4 127.9.9.9 127.0.0.1 1111 @port@\r\nGET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

const ROWS: &[Row] = &[
    // Servers that clients are sent away from.
    server("redir http://cdn.example", GET),
    server("redir http://cdn.example", ABSOLUTE),
    server("redir http://cdn.example", POST),
    server("redir http://cdn.example", OPTIONS),
    server("redir /here", OLD),
    Row { front: "http-request set-path /new", back: "", server: "redir http://cdn.example", request: GET },
    Row {
        front: "http-after-response set-header x-after yes",
        back: "",
        server: "redir http://cdn.example",
        request: GET,
    },
    // The server's own name.
    back("http-send-name-header X-Srv", GET),
    back("http-send-name-header Host", GET),
    back("http-send-name-header X-Other", POST),
    // Traffic that leads to no server.
    Row { front: "", back: "dispatch 127.0.0.1:@port@", server: "-", request: GET },
    Row { front: "", back: "dispatch 127.0.0.1:@port@", server: "-", request: POST },
    Row {
        front: "",
        back: "dispatch 127.0.0.1:@port@\n http-send-name-header X-Srv",
        server: "-",
        request: GET,
    },
    Row { front: "", back: "dispatch 127.0.0.1:@port@\n cookie S", server: "cookie c1", request: COOKIE },
    Row { front: "", back: "dispatch 127.0.0.1:@port@\n cookie S", server: "cookie c2", request: COOKIE },
    Row { front: "", back: "dispatch 127.0.0.1:@port@\n cookie S insert", server: "cookie c2", request: GET },
    Row {
        front: "",
        back: "dispatch 127.0.0.1:@port@\n http-response set-header x-server %[srv_name]",
        server: "-",
        request: GET,
    },
    Row { front: "", back: "dispatch 127.0.0.1:@port@\n source 127.0.0.5", server: "-", request: GET },
    Row { front: "accept", back: "option transparent", server: "-", request: PROXIED },
    Row { front: "accept", back: "transparent", server: "-", request: PROXIED },
    Row { front: "accept", back: "option transparent", server: "", request: PROXIED },
    // Connections that end without being told so.
    back("option httpclose", GET),
    back("option httpclose\n option http-pretend-keepalive", GET),
    back("option httpclose\n option http-pretend-keepalive", OLD),
    back("option http-server-close\n option http-pretend-keepalive", GET),
    back("option http-pretend-keepalive", OLD),
    front("option httpclose", OLD),
    // Names of headers.
    front("option http-restrict-req-hdr-names preserve", NAMES),
    front("option http-restrict-req-hdr-names delete", NAMES),
    front("option http-restrict-req-hdr-names reject", NAMES),
    front("option http-restrict-req-hdr-names reject", CASES),
    back("option http-restrict-req-hdr-names preserve", NAMES),
    back("option http-restrict-req-hdr-names delete", NAMES),
    back("option http-restrict-req-hdr-names reject", NAMES),
    Row {
        front: "option http-restrict-req-hdr-names delete\n http-request set-header x-saw %[req.hdr(x_a)]",
        back: "option http-restrict-req-hdr-names reject",
        server: "",
        request: NAMES,
    },
    front("option http-restrict-req-hdr-names reject\n http-request return status 200", NAMES),
    // Their spelling.
    Row {
        front: "option h1-case-adjust-bogus-client",
        back: "option h1-case-adjust-bogus-server",
        server: "",
        request: CASES,
    },
    Row {
        front: "option h1-case-adjust-bogus-client\n http-request set-header X-A 5\n http-response set-header x-a 9",
        back: "option h1-case-adjust-bogus-server",
        server: "",
        request: CASES,
    },
    front("option h1-case-adjust-bogus-client\n http-request deny hdr x-a 1", CASES),
    back("option h1-case-adjust-bogus-server\n http-send-name-header x-a", CASES),
    // What PROXY protocol headers tell.
    server("send-proxy-v2", GET),
    server("send-proxy-v2 proxy-v2-options crc32c", GET),
    server("send-proxy-v2-ssl", GET),
    server("send-proxy-v2-ssl-cn", GET),
    server("proxy-v2-options crc32c", GET),
    server("send-proxy-v2-ssl no-send-proxy-v2-ssl", GET),
    server("send-proxy-v2-ssl-cn no-send-proxy-v2-ssl-cn", GET),
    server("send-proxy-v2-ssl no-send-proxy-v2", GET),
    server("send-proxy-v2 proxy-v2-options authority,ssl,cert-cn,ssl-cipher,cert-sig,cert-key", GET),
    server("send-proxy-v2 proxy-v2-options unique-id,crc32c", GET),
    Row {
        front: "unique-id-format id-%ci",
        back: "",
        server: "send-proxy-v2 proxy-v2-options unique-id,crc32c,ssl",
        request: GET,
    },
    // Where connections start from.
    server("source 127.0.0.6", GET),
    server("source 127.0.0.6 interface lo", GET),
    server("source 0.0.0.0 interface lo", GET),
    server("source 0.0.0.0 usesrc 127.7.7.7", GET),
    server("source 127.0.0.9 usesrc clientip", GET),
    Row { front: "accept", back: "", server: "source 0.0.0.0 usesrc clientip", request: PROXIED },
    Row { front: "accept", back: "", server: "source 0.0.0.0 usesrc client", request: PROXIED },
    server("source 0.0.0.0 usesrc hdr_ip(x-f)", FORWARDED),
    server("source 0.0.0.0 usesrc hdr_ip(x-f,1)", FORWARDED),
    back("source 0.0.0.0 usesrc hdr_ip(x-f,-2)", FORWARDED),
    back("source 0.0.0.0 usesrc hdr_ip(x-f,3)", FORWARDED),
    back("source 127.0.0.8 usesrc hdr_ip(x-f)", GET),
    // What leaves no trace in the bytes.
    server("tcp-ut 30s", GET),
    server("no-tfo", GET),
    server("tfo", POST),
    server("hash-key-free", GET),
    Row { front: "accept-socket", back: "", server: "", request: GET },
];

#[test]
fn heads_and_beginnings_of_connections_are_those_of_haproxy() -> Result<()> {
    compare(|kind| {
        let stage = Stage::start(kind)?;
        ROWS.iter().enumerate().map(|(at, row)| stage.observe(at, row)).collect()
    })
}

/// A proxy with a frontend and a backend for each row, and the server behind all of them.
struct Stage {
    binds: Vec<Port>,
    taken: Receiver<(IpAddr, Vec<u8>)>,
    port: u16,
    sink: UdpSocket,
    _proxy: Proxy,
}

impl Stage {
    fn start(kind: Kind) -> Result<Stage> {
        let listener = TcpListener::bind("127.0.0.1:0")?;
        let port = listener.local_addr()?.port();
        let (give, taken) = channel();
        std::thread::spawn(move || serve(&listener, &give));
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let mut text = format!(
            "global\n log 127.0.0.1:{} local0\n stats socket @folder@/socket level admin\n\
             h1-case-adjust content-length Content-LENGTH\n h1-case-adjust host HOST\n h1-case-adjust x-a X-A\n\
             defaults\n mode http\n log global\n log-format \"%ft %b/%s %ST %ts\"\n retries 0\n\
             timeout connect 1s\n timeout client 5s\n timeout server 5s\n",
            sink.local_addr()?.port()
        );
        let mut binds = Vec::new();
        for (at, row) in ROWS.iter().enumerate() {
            let bind = Port::reserve()?;
            let (parameters, front) = match row.front {
                "accept" => (" accept-proxy", ""),
                "accept-socket" => (" mss 1000 tcp-ut 30s tfo transparent", ""),
                front => ("", front),
            };
            write!(
                text,
                "frontend f{at}\n bind 127.0.0.1:{}{parameters}\n {front}\n default_backend b{at}\nbackend b{at}\n {}\n",
                bind.number(),
                row.back.replace("@port@", &port.to_string()),
            )
            .expect("a string");
            match row.server {
                "-" => {}
                "hash-key-free" => {
                    let _ = write!(text, " server s 127.0.0.1:{port}\n balance uri\n hash-type consistent\n");
                }
                server => {
                    let _ = writeln!(text, " server s 127.0.0.1:{port} {server}");
                }
            }
            binds.push(bind);
        }
        Ok(Stage { _proxy: Proxy::start(kind, &text)?, binds, taken, port, sink })
    }

    fn observe(&self, at: usize, row: &Row) -> Result<String> {
        let request = row.request.replace("@port@", &self.port.to_string());
        let mut client = TcpStream::connect(self.binds[at].address())?;
        client.set_read_timeout(Some(wait::PATIENCE))?;
        client.write_all(request.as_bytes())?;
        let mut answer = Vec::new();
        let _ = client.read_to_end(&mut answer);
        let ports = [
            self.port.to_string(),
            self.binds[at].number().to_string(),
            client.local_addr()?.port().to_string(),
        ];
        let masked = |bytes: &[u8], respelled: bool| {
            let mut text = String::from_utf8_lossy(bytes).into_owned();
            for port in &ports {
                text = text.replace(port.as_str(), "PORT");
            }
            if respelled { listed(&text) } else { lower_names(&text) }
        };
        let mut seen = String::new();
        while let Ok((from, bytes)) = self.taken.try_recv() {
            let (begin, rest) = opening(&bytes);
            write!(seen, "\n  from {from}{begin} {:?}", masked(rest, row.back.contains("h1-case")))
                .expect("a string");
        }
        let log = self.line(at)?;
        Ok(format!(
            "{} | {} | {} | {}{seen}\n  got {:?}\n  log {log}",
            row.front,
            row.back,
            row.server,
            row.request.lines().next().unwrap_or_default(),
            masked(&answer, row.front.contains("h1-case"))
        ))
    }

    fn line(&self, at: usize) -> Result<String> {
        loop {
            let mut line = [0; 4096];
            let length = self.sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            if let Some((_, text)) = line.split_once(&format!("]: f{at} ")) {
                return Ok(text.trim().to_owned());
            }
        }
    }
}

/// Answers every connection once, and tells what came, and from where.
fn serve(listener: &TcpListener, give: &Sender<(IpAddr, Vec<u8>)>) {
    while let Ok((mut stream, from)) = listener.accept() {
        let give = give.clone();
        std::thread::spawn(move || {
            let mut bytes = Vec::new();
            let mut piece = [0; 4096];
            loop {
                let head = bytes.windows(4).position(|end| end == b"\r\n\r\n".as_slice());
                // The signature of a PROXY protocol header has such an end, too.
                let signed = bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n");
                let rest = bytes.get(12..).unwrap_or_default();
                let head = if signed {
                    rest.windows(4).position(|end| end == b"\r\n\r\n".as_slice()).map(|at| at + 12)
                } else {
                    head
                };
                let text = String::from_utf8_lossy(&bytes).to_ascii_lowercase();
                let wanted = usize::from(text.contains("content-length: 1"));
                if head.is_some_and(|head| bytes.len() >= head + 4 + wanted) {
                    break;
                }
                match stream.read(&mut piece) {
                    Ok(0) | Err(_) => return,
                    Ok(count) => bytes.extend_from_slice(&piece[..count]),
                }
            }
            let head = bytes.windows(5).any(|word| word == b"HEAD ".as_slice());
            let _ = give.send((from.ip(), bytes));
            let body = if head { "" } else { "ok" };
            let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: 2\r\nX-a: from\r\n\r\n{body}");
            let _ = stream.write_all(answer.as_bytes());
        });
    }
}

/// What a connection begins with, if it is a PROXY protocol header of version 2, and what follows.
fn opening(bytes: &[u8]) -> (String, &[u8]) {
    if !bytes.starts_with(b"\r\n\r\n\0\r\nQUIT\n") {
        return (String::new(), bytes);
    }
    let length = usize::from(u16::from_be_bytes([bytes[14], bytes[15]]));
    let (header, rest) = bytes.split_at(16 + length);
    let addresses = match header[13] >> 4 {
        1 => 12,
        2 => 36,
        _ => 0,
    };
    let mut told = format!(" v2 {:02x} {:02x}", header[12], header[13]);
    let mut at = 16 + addresses;
    while at < header.len() {
        let length = usize::from(u16::from_be_bytes([header[at + 1], header[at + 2]]));
        let value = &header[at + 3..at + 3 + length];
        if header[at] == 3 {
            let mut blank = header.to_vec();
            blank[at + 3..at + 7].fill(0);
            let right = crc32c(&blank).to_be_bytes() == *value;
            write!(told, " crc32c {right}").expect("a string");
        } else {
            write!(told, " {:02x} {value:02x?}", header[at]).expect("a string");
        }
        at += 3 + length;
    }
    (told, rest)
}

fn crc32c(bytes: &[u8]) -> u32 {
    let mut sum = u32::MAX;
    for byte in bytes {
        sum ^= u32::from(*byte);
        for _ in 0..8 {
            sum = (sum >> 1) ^ (0x82f6_3b78 & (sum & 1).wrapping_neg());
        }
    }
    !sum
}

/// A message with the names of its headers in lower case and its lines in one order: HAProxy respells all names.
fn lower_names(text: &str) -> String {
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or((text, ""));
    let mut lines: Vec<String> = head
        .split("\r\n")
        .map(|line| match line.split_once(": ") {
            Some((name, value)) => format!("{}: {value}", name.to_ascii_lowercase()),
            None => line.to_owned(),
        })
        .collect();
    if let Some(headers) = lines.get_mut(1..) {
        headers.sort();
    }
    format!("{}\n\n{body}", lines.join("\n"))
}

/// The lines with the names whose spelling is told, as they are.
fn listed(text: &str) -> String {
    let known = ["content-length", "host", "x-a"];
    let wanted = |line: &&str| {
        line.split_once(':').is_some_and(|(name, _)| known.contains(&name.to_ascii_lowercase().as_str()))
    };
    let mut lines: Vec<&str> = text.split("\r\n").filter(wanted).collect();
    lines.sort_unstable();
    lines.join("\n")
}

#[test]
fn probes_are_sent_as_haproxy_sends_them() -> Result<()> {
    compare(|kind| {
        let origin = Origin::start("origin")?;
        let mut seen = Vec::new();
        for lines in [
            "",
            "option clitcpka\n clitcpka-idle 1h\n clitcpka-cnt 3\n clitcpka-intvl 10s",
            "option srvtcpka\n srvtcpka-idle 3000\n srvtcpka-cnt 3",
            "clitcpka-idle 1h\n srvtcpka-idle 1h",
            "option tcpka\n clitcpka-idle 1h\n srvtcpka-idle 1h",
        ] {
            let bind = Port::reserve()?;
            let _proxy = Proxy::start(
                kind,
                &format!(
                    "global\n stats socket @folder@/socket\ndefaults\n mode http\n timeout connect 1s\n timeout client 1m\n timeout server 1m\n {lines}\nlisten l\n bind 127.0.0.1:{}\n server s 127.0.0.1:{}\n",
                    bind.number(),
                    origin.port()
                ),
            )?;
            let mut client = HttpClient::connect(bind.address())?;
            client.fetch("/")?;
            let towards_client = minutes(bind.number(), None)?;
            let towards_server = minutes(0, Some(origin.port()))?;
            seen.push(format!("{lines}: {towards_client} {towards_server}"));
            origin.disconnect();
        }
        Ok(seen)
    })
}

/// Whether the kernel sends a probe from a socket of ours, and after how many minutes at most, in tens.
fn minutes(local: u16, remote: Option<u16>) -> Result<String> {
    let table = std::fs::read_to_string("/proc/net/tcp")?;
    let port = |text: &str| u16::from_str_radix(text.rsplit(':').next().unwrap_or_default(), 16).unwrap_or(0);
    let found = table.lines().skip(1).find_map(|line| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let (from, to) = (port(fields.get(1)?), port(fields.get(2)?));
        let established = *fields.get(3)? == "01";
        let own = match remote {
            Some(remote) => to == remote,
            None => from == local,
        };
        let (kind, when) = fields.get(5)?.split_once(':')?;
        (established && own).then(|| (kind.to_owned(), u64::from_str_radix(when, 16).unwrap_or(0)))
    });
    // Hundredths of a second; the timer has just been set.
    Ok(match found {
        Some((kind, when)) if kind == "02" => format!("probe within {} minutes", when.div_ceil(60_000) * 10),
        Some(_) => "no probe".to_owned(),
        None => "no connection".to_owned(),
    })
}

#[test]
fn socks_proxies_are_asked_as_haproxy_asks_them() -> Result<()> {
    compare(|kind| {
        let mut seen = Vec::new();
        for (parameters, verdict) in
            [("", 90_u8), ("", 91), ("send-proxy", 90), ("check inter 50 check-via-socks4", 90)]
        {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let proxy = listener.local_addr()?.port();
            let (give, taken) = channel();
            std::thread::spawn(move || {
                while let Ok((mut stream, _)) = listener.accept() {
                    let give = give.clone();
                    std::thread::spawn(move || {
                        let mut asked = [0; 16];
                        if stream.read_exact(&mut asked).is_err() {
                            return;
                        }
                        let _ = stream.write_all(&[0, verdict, 0, 0, 0, 0, 0, 0]);
                        let mut said = vec![0; 4096];
                        let count = stream.read(&mut said).unwrap_or(0);
                        said.truncate(count);
                        let _ = give.send((asked, said));
                        let _ = stream
                            .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                    });
                }
            });
            let bind = Port::reserve()?;
            let _proxy = Proxy::start(
                kind,
                &format!(
                    "global\n stats socket @folder@/socket\ndefaults\n mode http\n retries 0\n timeout connect 1s\n timeout client 5s\n timeout server 5s\nlisten l\n bind 127.0.0.1:{}\n server s 127.1.2.3:4660 socks4 127.0.0.1:{proxy} {parameters}\n",
                    bind.number(),
                ),
            )?;
            let checks = parameters.contains("check");
            let (asked, said) = if checks {
                taken.recv_timeout(wait::PATIENCE).expect("a check")
            } else {
                let status = HttpClient::connect(bind.address())?.fetch("/")?.status;
                seen.push(format!("{parameters} {verdict}: {status}"));
                taken.recv_timeout(wait::PATIENCE).expect("a connection")
            };
            let said = String::from_utf8_lossy(&said).to_ascii_lowercase();
            let first = said.split(' ').next().unwrap_or_default().to_owned();
            seen.push(format!("{parameters} {verdict}: {asked:02x?} {first}"));
        }
        Ok(seen)
    })
}

/// Checks begin as those of HAProxy do.
#[test]
fn checks_tell_of_themselves_what_haproxy_tells() -> Result<()> {
    compare(|kind| {
        let mut seen = Vec::new();
        for (global, parameters) in [
            ("", "send-proxy-v2 check inter 50"),
            ("pp2-never-send-local", "send-proxy-v2 check inter 50"),
            ("", "send-proxy-v2 proxy-v2-options crc32c,ssl,unique-id check inter 50"),
            ("", "send-proxy check inter 50"),
        ] {
            let listener = TcpListener::bind("127.0.0.1:0")?;
            let bind = Port::reserve()?;
            let _proxy = Proxy::start(
                kind,
                &format!(
                    "global\n stats socket @folder@/socket\n {global}\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\nlisten l\n bind 127.0.0.1:{}\n option httpchk\n server s 127.0.0.1:{} {parameters}\n",
                    bind.number(),
                    listener.local_addr()?.port()
                ),
            )?;
            let (mut stream, from) = listener.accept()?;
            stream.set_read_timeout(Some(wait::PATIENCE))?;
            let mut bytes = vec![0; 4096];
            let mut filled = 0;
            while !bytes[..filled].windows(8).any(|word| word == b"OPTIONS ".as_slice()) {
                match stream.read(&mut bytes[filled..])? {
                    0 => break,
                    count => filled += count,
                }
            }
            bytes.truncate(filled);
            let (told, rest) = opening(&bytes);
            let port = |address: SocketAddr| address.port().to_string();
            let text = String::from_utf8_lossy(rest).replace(&port(from), "FROM");
            let text = text.replace(&port(listener.local_addr()?), "TO");
            let text = text.split("OPTIONS").next().unwrap_or_default().to_owned();
            seen.push(format!("{global} {parameters}:{told} {text:?}"));
        }
        Ok(seen)
    })
}

/// What HAProxy 2.6 does not know yet: which statuses stick tables count.
#[test]
fn statuses_count_as_they_are_told_to() -> Result<()> {
    let origin = Origin::start("origin")?;
    origin.answer_by(|request| {
        let status = request.target.trim_start_matches('/').parse().unwrap_or(200);
        Answer::text("x").status(status, "Said")
    });
    let mut seen = Vec::new();
    for lines in ["", "http-err-codes -404 +200", "http-err-codes 500-502\n http-fail-codes 400,404"] {
        let bind = Port::reserve()?;
        let proxy = Proxy::start(
            Kind::Regate,
            &format!(
                "global\n stats socket @folder@/socket level admin\n {lines}\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\nlisten l\n bind 127.0.0.1:{}\n stick-table type ip size 1k store http_err_cnt,http_fail_cnt\n http-request track-sc0 src\n server s 127.0.0.1:{}\n",
                bind.number(),
                origin.port()
            ),
        )?;
        let mut client = HttpClient::connect(bind.address())?;
        for status in [200, 404, 410, 500, 501, 502] {
            client.fetch(&format!("/{status}"))?;
        }
        drop(client);
        let counted = wait::until("the counts of all six", wait::PATIENCE, || {
            let table = proxy.ask("show table l").ok()?;
            let of = |name: &str| {
                let rest = table.split(name).nth(1)?;
                rest.split(|c: char| !c.is_ascii_digit()).next()?.parse::<u32>().ok()
            };
            let (errors, failures) = (of("http_err_cnt=")?, of("http_fail_cnt=")?);
            (errors + failures >= 4).then_some((errors, failures))
        })?;
        seen.push(counted);
    }
    assert_eq!(seen, [(2, 2), (2, 2), (3, 1)]);
    Ok(())
}

/// What is not the machine's is refused with its place where it is asked for.
#[test]
fn namespaces_that_are_not_there_are_named() -> Result<()> {
    let bind = Port::reserve()?;
    let text = format!(
        "global\n stats socket @folder@/socket\nlisten l\n bind 127.0.0.1:{} namespace nowhere-at-all\n timeout client 1s\n timeout server 1s\n timeout connect 1s\n",
        bind.number()
    );
    let refused = Proxy::start(Kind::Regate, &text).err().expect("a refusal").to_string();
    assert!(refused.contains("nowhere-at-all"), "{refused}");
    Ok(())
}
