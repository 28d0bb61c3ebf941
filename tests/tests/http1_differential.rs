//! Every row of the HTTP/1 corpus, byte for byte, through Regate and through Debian's HAProxy: what the client is
//! answered, and what the origin receives.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is unexpected")]

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use regate_tests::corpus::{self, Row, parse};
use regate_tests::harness::client::{chunked_end, head_end};
use regate_tests::harness::{Kind, Proxy, Result, ports};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

#[test]
fn both_proxies_answer_and_forward_as_written() {
    let rows = parse(include_str!("../corpus/http1.txt")).unwrap();
    let seen: BTreeMap<&str, Vec<Seen>> = [("haproxy", Kind::Haproxy), ("regate", Kind::Regate)]
        .map(|(name, kind)| (name, play(kind, &rows)))
        .into();
    let mut wrong = String::new();
    for (at, row) in rows.iter().enumerate() {
        let (haproxy, regate) = (&seen["haproxy"][at], &seen["regate"][at]);
        let mut tell = |what: &str, expected: &str, found: &str| {
            writeln!(wrong, "{:?} {}, {what}: expected {expected}, got {found}", row.kind, row.name).unwrap();
        };
        for (who, seen, expected) in [("haproxy", haproxy, &row.haproxy), ("regate", regate, &row.regate)] {
            if !expected.split(" or ").any(|expected| seen.answer == expected) {
                tell(who, expected, &seen.answer);
            }
        }
        if !row.regate.split(' ').any(|word| word.starts_with('2')) {
            if row.kind == corpus::Kind::Request && is_whole(&regate.forwarded) {
                tell(
                    "regate refuses and forwards",
                    "nothing whole",
                    &messages(&regate.forwarded, Bodies::Exact),
                );
            }
            continue;
        }
        let expected = messages(&own_version(row.forwarded.as_ref().unwrap_or(&row.send)), Bodies::Exact);
        let forwarded = messages(&regate.forwarded, Bodies::Exact);
        if forwarded != expected {
            tell("regate forwards", &expected, &forwarded);
        }
        let ours = messages(&regate.forwarded, Bodies::Decoded);
        let theirs = messages(&own_version(&haproxy.forwarded), Bodies::Decoded);
        if row.reason.is_empty() && row.haproxy == row.regate && ours != theirs {
            tell("forwarded otherwise without a reason, haproxy's being expected", &theirs, &ours);
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
}

/// What came of a row.
struct Seen {
    /// In the words of the corpus.
    answer: String,
    /// What went on: of a request to the origin, its connections one after the other; of a response to the client.
    forwarded: Vec<u8>,
}

/// Sends every row through one proxy, each by a frontend and an origin of its own, all at once.
fn play(kind: Kind, rows: &[Row]) -> Vec<Seen> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let mut text = HEAD.to_owned();
        let mut lines = Vec::new();
        let fronts: Vec<_> = rows.iter().map(|_| ports::Port::reserve()).collect::<Result<_>>().unwrap();
        for (at, (row, front)) in rows.iter().zip(&fronts).enumerate() {
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            let back = listener.local_addr().unwrap().port();
            let front = front.number();
            writeln!(text, "frontend f{at}\n  bind 127.0.0.1:{front}\n  default_backend b{at}").unwrap();
            writeln!(text, "backend b{at}\n  server s 127.0.0.1:{back}").unwrap();
            let received: Received = Arc::default();
            tokio::spawn(serve(listener, row.clone(), received.clone()));
            lines.push((front, received));
        }
        let _proxy = Proxy::start(kind, &text).unwrap();
        let clients: Vec<_> =
            rows.iter().zip(&lines).map(|(row, (front, _))| tokio::spawn(ask(*front, row.clone()))).collect();
        let mut seen = Vec::new();
        for ((client, (_, received)), row) in clients.into_iter().zip(lines).zip(rows) {
            let answer = client.await.unwrap();
            let forwarded = match row.kind {
                corpus::Kind::Request => received.lock().unwrap().concat(),
                corpus::Kind::Response => answer.clone(),
            };
            seen.push(Seen { answer: words(&answer, row), forwarded });
        }
        seen
    })
}

/// The bytes that came on each connection.
type Received = Arc<Mutex<Vec<Vec<u8>>>>;

/// The client of a row: sends it, or the request that it answers, and reads until it is cut off.
async fn ask(front: u16, row: Row) -> Vec<u8> {
    let mut stream = TcpStream::connect(("127.0.0.1", front)).await.unwrap();
    let request = format!("{} / HTTP/1.1\r\nHost: a\r\n\r\n", row.method);
    let bytes = match row.kind {
        corpus::Kind::Request => row.send.as_slice(),
        corpus::Kind::Response => request.as_bytes(),
    };
    // A proxy may refuse before it has read everything.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    let mut chunk = [0; 16 * 1024];
    while let Ok(Ok(length @ 1..)) = timeout(PATIENCE, stream.read(&mut chunk)).await {
        answer.extend_from_slice(&chunk[..length]);
    }
    answer
}

/// The origin of a row, until its listener is dropped with the runtime.
async fn serve(listener: TcpListener, row: Row, received: Received) {
    let row = Arc::new(row);
    while let Ok((stream, _)) = listener.accept().await {
        let at = {
            let mut received = received.lock().unwrap();
            received.push(Vec::new());
            received.len() - 1
        };
        tokio::spawn(exchange(stream, row.clone(), received.clone(), at));
    }
}

async fn exchange(
    mut stream: TcpStream,
    row: Arc<Row>,
    received: Received,
    at: usize,
) -> std::io::Result<()> {
    let mut pending = Vec::new();
    let mut chunk = [0; 16 * 1024];
    loop {
        let patience = if pending.is_empty() { PATIENCE } else { QUIET };
        match timeout(patience, stream.read(&mut chunk)).await {
            Ok(Ok(length @ 1..)) => {
                received.lock().unwrap()[at].extend_from_slice(&chunk[..length]);
                pending.extend_from_slice(&chunk[..length]);
                if !is_whole(&pending) {
                    continue;
                }
            }
            Ok(_) => return Ok(()),
            Err(_) if pending.is_empty() => return Ok(()),
            Err(_) => {}
        }
        if row.kind == corpus::Kind::Response {
            stream.write_all(&row.send).await?;
            return stream.shutdown().await;
        }
        pending.clear();
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await?;
    }
}

/// Whether these bytes are one message with its body.
fn is_whole(bytes: &[u8]) -> bool {
    head_end(bytes).is_some_and(|head| match framing(&bytes[..head]) {
        Framing::Length(length) => bytes.len() >= head + length,
        Framing::Chunked => chunked_end(&bytes[head..]).is_some(),
        Framing::None => true,
    })
}

enum Framing {
    None,
    Length(usize),
    Chunked,
}

fn framing(head: &[u8]) -> Framing {
    let text = String::from_utf8_lossy(head).to_lowercase();
    let value = |name: &str| {
        let line = text.split("\r\n").find_map(|line| line.strip_prefix(name));
        line.map(|value| value.trim_matches([' ', '\t']).to_owned())
    };
    if value("transfer-encoding:").is_some() {
        return Framing::Chunked;
    }
    value("content-length:").and_then(|length| length.parse().ok()).map_or(Framing::None, Framing::Length)
}

/// What the client got, in the words of the corpus.
fn words(mut answer: &[u8], row: &Row) -> String {
    let mut words = Vec::new();
    if answer.get(3) == Some(&4) && answer.first() == Some(&0) {
        return "h2".to_owned();
    }
    while !answer.is_empty() {
        let line = String::from_utf8_lossy(answer);
        let status = line.split([' ', '\r']).nth(1).unwrap_or_default().to_owned();
        let Some(head) = head_end(answer) else {
            words.push("cut".to_owned());
            break;
        };
        let (lines, rest) = answer.split_at(head);
        words.push(status.clone());
        let is_bare = status.starts_with('1') || ["204", "304"].contains(&status.as_str());
        let used = match framing(lines) {
            _ if is_bare || row.method == "HEAD" => Some(0),
            Framing::Length(length) => (rest.len() >= length).then_some(length),
            Framing::Chunked => chunked_end(rest).map(|(length, _)| length),
            Framing::None => Some(rest.len()),
        };
        let Some(used) = used else {
            words.push("cut".to_owned());
            break;
        };
        answer = &rest[used..];
    }
    words.join(" ")
}

/// A response as Regate sends it on, in its own version: RFC 9110, 2.5. HAProxy leaves the server's.
fn own_version(bytes: &[u8]) -> Vec<u8> {
    match bytes.strip_prefix(b"HTTP/1.0") {
        Some(rest) => [b"HTTP/1.1", rest].concat(),
        None => bytes.to_vec(),
    }
}

/// How bodies in chunks are compared.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bodies {
    /// Byte for byte.
    Exact,
    /// By what they carry.
    Decoded,
}

/// Messages in a form in which two spellings of the same are equal: names in lower case, no white space round
/// values, without what each proxy adds of itself.
fn messages(mut bytes: &[u8], bodies: Bodies) -> String {
    let mut out = String::new();
    while let Some(head) = head_end(bytes) {
        let (lines, rest) = bytes.split_at(head);
        for (at, line) in lines.split(|byte| *byte == b'\n').enumerate() {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|byte| *byte == b':').filter(|_| at > 0);
            let (name, value) = line.split_at(colon.unwrap_or(0));
            let name = String::from_utf8_lossy(name).to_lowercase();
            let value = String::from_utf8_lossy(value.strip_prefix(b":").unwrap_or(value)).into_owned();
            if !["connection", "x-forwarded-for"].contains(&name.as_str()) {
                writeln!(out, "{name}:{}", value.trim_matches([' ', '\t']).escape_debug()).unwrap();
            }
        }
        let (body, used) = match framing(lines) {
            Framing::None => (Vec::new(), 0),
            Framing::Length(length) => {
                let used = length.min(rest.len());
                (rest[..used].to_vec(), used)
            }
            Framing::Chunked => {
                let used = chunked_end(rest).map_or(rest.len(), |(used, _)| used);
                match bodies {
                    Bodies::Exact => (rest[..used].to_vec(), used),
                    Bodies::Decoded => (payload(rest), used),
                }
            }
        };
        writeln!(out, "{}", body.escape_ascii()).unwrap();
        bytes = &rest[used..];
    }
    write!(out, "{}", bytes.escape_ascii()).unwrap();
    out
}

/// What a body in chunks carries, as far as it came.
fn payload(mut bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    while let Some(at) = bytes.windows(2).position(|window| window == b"\r\n") {
        let line = String::from_utf8_lossy(&bytes[..at]).into_owned();
        let size = usize::from_str_radix(line.split(';').next().unwrap_or_default().trim(), 16).unwrap_or(0);
        let data = &bytes[at + 2..];
        out.extend_from_slice(&data[..size.min(data.len())]);
        match data.get(size + 2..) {
            Some(rest) if size > 0 => bytes = rest,
            _ => break,
        }
    }
    out
}

/// Limits that end the rows that wait for something: the client's head, a further request, a body.
const HEAD: &str = "global
  maxconn 2000
  nbthread 1
defaults
  mode http
  http-reuse never
  retries 0
  timeout connect 10s
  timeout client 4s
  timeout server 10s
  timeout http-request 3s
  timeout http-keep-alive 2s
";

/// When nothing more of a request comes, it is answered as it is.
const QUIET: Duration = Duration::from_millis(700);

/// The end of every wait.
const PATIENCE: Duration = Duration::from_secs(30);
