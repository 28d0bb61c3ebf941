//! Clients that keep every byte: a raw TCP one, and a small HTTP/1 one over it.

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::trouble::{Result, Trouble};
use super::wait;

/// A TCP connection on which a scenario sends and awaits bytes.
pub struct RawClient {
    stream: TcpStream,
    received: Vec<u8>,
    ended: Option<End>,
    deadline: Duration,
}

/// How the other side ended its direction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It closed.
    Closed,
    /// It reset the connection.
    Reset,
}

/// An HTTP/1 client on one connection, kept alive as long as both sides allow.
pub struct HttpClient {
    raw: RawClient,
}

/// An answer as received.
#[derive(Clone, Debug, Default)]
pub struct Exchange {
    /// The status code of the final answer.
    pub status: u16,
    /// The version, such as `HTTP/1.1`.
    pub version: String,
    /// The reason phrase.
    pub reason: String,
    /// Header lines in order, names with their case.
    pub headers: Vec<(String, String)>,
    /// The body, chunks joined.
    pub body: Vec<u8>,
    /// Trailer lines of a chunked body, as received, with the last empty line.
    pub trailers: Vec<u8>,
    /// Interim answers (1xx) that came before, byte for byte.
    pub interim: Vec<Vec<u8>>,
    /// The final answer byte for byte.
    pub raw: Vec<u8>,
    /// Whether the end of the connection was the end of the body.
    pub until_close: bool,
}

impl RawClient {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        let stream = TcpStream::connect_timeout(&address, wait::PATIENCE)
            .map_err(|error| Trouble::from(error).while_doing(format_args!("connecting to {address}")))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, received: Vec::new(), ended: None, deadline: wait::PATIENCE })
    }

    /// Sets how long every later read may take in all.
    pub fn set_deadline(&mut self, deadline: Duration) {
        self.deadline = deadline;
    }

    /// This side's address.
    pub fn local(&self) -> Result<SocketAddr> {
        Ok(self.stream.local_addr()?)
    }

    /// Sends all of these bytes.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        Ok(self.stream.write_all(bytes.as_ref())?)
    }

    /// What has been received and not taken.
    pub fn received(&self) -> &[u8] {
        &self.received
    }

    /// How the other side ended, when it has and the end has been read.
    pub fn ended(&self) -> Option<End> {
        self.ended
    }

    /// Reads until `measure` tells how many bytes to take, and takes them. Fails at the deadline and at an end.
    pub fn take_until(&mut self, what: &str, measure: impl Fn(&[u8]) -> Option<usize>) -> Result<Vec<u8>> {
        let end = Instant::now() + self.deadline;
        loop {
            if let Some(length) = measure(&self.received) {
                let length = length.min(self.received.len());
                return Ok(self.received.drain(..length).collect());
            }
            if let Some(how) = self.ended {
                return Err(self.trouble(&format!("the connection ended ({how:?}) before {what}")));
            }
            self.fill(what, end)?;
        }
    }

    /// Reads up to and including these bytes.
    pub fn take_through(&mut self, needle: &[u8]) -> Result<Vec<u8>> {
        let what = format!("{:?}", String::from_utf8_lossy(needle));
        self.take_until(&what, |bytes| {
            bytes.windows(needle.len().max(1)).position(|window| window == needle).map(|at| at + needle.len())
        })
    }

    /// Reads exactly this many bytes.
    pub fn take(&mut self, length: usize) -> Result<Vec<u8>> {
        self.take_until(&format!("{length} bytes"), |bytes| (bytes.len() >= length).then_some(length))
    }

    /// Reads everything up to the other side's end, which must come before the deadline.
    pub fn take_to_end(&mut self) -> Result<Vec<u8>> {
        let end = Instant::now() + self.deadline;
        while self.ended.is_none() {
            self.fill("the end of the connection", end)?;
        }
        Ok(std::mem::take(&mut self.received))
    }

    /// Closes the sending direction; reading goes on.
    pub fn close_write(&mut self) -> Result<()> {
        Ok(self.stream.shutdown(Shutdown::Write)?)
    }

    /// Closes at once with a reset.
    pub fn reset(self) -> Result<()> {
        Ok(socket2::SockRef::from(&self.stream).set_linger(Some(Duration::ZERO))?)
    }

    /// Reads once, until `end` at the latest.
    fn fill(&mut self, what: &str, end: Instant) -> Result<()> {
        let left = end.saturating_duration_since(Instant::now()).max(Duration::from_millis(1));
        self.stream.set_read_timeout(Some(left))?;
        let mut chunk = [0; 64 * 1024];
        match self.stream.read(&mut chunk) {
            Ok(0) => self.ended = Some(End::Closed),
            Ok(length) => self.received.extend_from_slice(&chunk[..length]),
            Err(error) => match error.kind() {
                std::io::ErrorKind::Interrupted => {}
                std::io::ErrorKind::ConnectionReset | std::io::ErrorKind::BrokenPipe => {
                    self.ended = Some(End::Reset);
                }
                std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut => {
                    return Err(self.trouble(&format!("waited {:?} in vain for {what}", self.deadline)));
                }
                _ => return Err(error.into()),
            },
        }
        Ok(())
    }

    fn trouble(&self, text: &str) -> Trouble {
        let shown = &self.received[..self.received.len().min(600)];
        Trouble::new(format!(
            "{text}; received {} bytes: {:?}",
            self.received.len(),
            String::from_utf8_lossy(shown)
        ))
    }
}

impl HttpClient {
    /// Connects.
    pub fn connect(address: SocketAddr) -> Result<Self> {
        Ok(Self { raw: RawClient::connect(address)? })
    }

    /// GETs a target with `Host: regate.test`.
    pub fn fetch(&mut self, target: &str) -> Result<Exchange> {
        self.request("GET", target, &[], b"")
    }

    /// Sends a request with `Host: regate.test`, the given header lines and, for a body, its `Content-Length`;
    /// then reads the answer.
    pub fn request(
        &mut self,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Exchange> {
        let mut message = format!("{method} {target} HTTP/1.1\r\nHost: regate.test\r\n");
        for (name, value) in headers {
            message.push_str(&format!("{name}: {value}\r\n"));
        }
        if !body.is_empty() {
            message.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        message.push_str("\r\n");
        let mut message = message.into_bytes();
        message.extend_from_slice(body);
        self.send(&message)?;
        self.read(method)
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: impl AsRef<[u8]>) -> Result<()> {
        self.raw.send(bytes)
    }

    /// Reads one final answer; `method` is the request's, since the answer to HEAD has no body.
    pub fn read(&mut self, method: &str) -> Result<Exchange> {
        let mut interim = Vec::new();
        loop {
            let head = self.raw.take_until("the end of an answer's head", head_end)?;
            let mut exchange = parse_head(&head)?;
            if (100..200).contains(&exchange.status) && exchange.status != 101 {
                interim.push(head);
                continue;
            }
            exchange.interim = interim;
            exchange.raw = head;
            self.read_body(method, &mut exchange)?;
            return Ok(exchange);
        }
    }

    /// The connection underneath.
    pub fn raw(&mut self) -> &mut RawClient {
        &mut self.raw
    }

    fn read_body(&mut self, method: &str, exchange: &mut Exchange) -> Result<()> {
        let bodyless = method == "HEAD" || matches!(exchange.status, 101 | 204 | 304);
        let tunnel = method == "CONNECT" && exchange.status == 200;
        if bodyless || tunnel {
            return Ok(());
        }
        if exchange.header("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            let measure = |bytes: &[u8]| chunked_end(bytes).map(|(length, _)| length);
            let raw = self.raw.take_until("the end of a chunked body", measure)?;
            if let Some((_, body)) = chunked_end(&raw) {
                exchange.body = body;
            }
            exchange.trailers = trailers(&raw);
            exchange.raw.extend_from_slice(&raw);
        } else if let Some(length) = exchange.header("content-length") {
            let length = length.parse().map_err(|_| Trouble::new(format!("Content-Length is {length:?}")))?;
            exchange.body = self.raw.take(length)?;
            exchange.raw.extend_from_slice(&exchange.body);
        } else {
            exchange.body = self.raw.take_to_end()?;
            exchange.raw.extend_from_slice(&exchange.body);
            exchange.until_close = true;
        }
        Ok(())
    }
}

impl Exchange {
    /// The value of the first header line of this name, whatever its case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(candidate, _)| candidate.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// GETs a target over a connection of its own.
pub fn fetch(address: SocketAddr, target: &str) -> Result<Exchange> {
    HttpClient::connect(address)?.fetch(target)
}

/// The length of the head, its empty line included, when it is complete.
pub fn head_end(bytes: &[u8]) -> Option<usize> {
    bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4)
}

/// The length of a complete chunked body, trailers and last empty line included, and its content.
///
/// None while incomplete, and for ever when a size line is no number: then the reader's deadline tells.
pub fn chunked_end(bytes: &[u8]) -> Option<(usize, Vec<u8>)> {
    let mut body = Vec::new();
    let mut at = 0;
    loop {
        let line = line_end(bytes, at)?;
        let size = std::str::from_utf8(&bytes[at..line]).ok()?;
        let size = usize::from_str_radix(size.split(';').next()?.trim(), 16).ok()?;
        at = line + 2;
        if size == 0 {
            break;
        }
        body.extend_from_slice(bytes.get(at..at.checked_add(size)?)?);
        at += size + 2;
        if at > bytes.len() {
            return None;
        }
    }
    loop {
        let line = line_end(bytes, at)?;
        let empty = line == at;
        at = line + 2;
        if empty {
            return Some((at, body));
        }
    }
}

/// What follows the last chunk's size line.
fn trailers(raw: &[u8]) -> Vec<u8> {
    let mut at = 0;
    while let Some(line) = line_end(raw, at) {
        let size = std::str::from_utf8(&raw[at..line]).ok().and_then(|text| text.split(';').next());
        let Some(size) = size.and_then(|text| usize::from_str_radix(text.trim(), 16).ok()) else { break };
        at = line + 2;
        if size == 0 {
            return raw[at..].to_vec();
        }
        at += size + 2;
    }
    Vec::new()
}

fn line_end(bytes: &[u8], from: usize) -> Option<usize> {
    bytes.get(from..)?.windows(2).position(|window| window == b"\r\n").map(|at| from + at)
}

fn parse_head(head: &[u8]) -> Result<Exchange> {
    let text = String::from_utf8_lossy(head).into_owned();
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let mut words = first.splitn(3, ' ');
    let version = words.next().unwrap_or_default().to_owned();
    let status = words
        .next()
        .and_then(|word| word.parse().ok())
        .ok_or_else(|| Trouble::new(format!("no status line: {first:?}")))?;
    let reason = words.next().unwrap_or_default().to_owned();
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
        .collect();
    Ok(Exchange { status, version, reason, headers, ..Exchange::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_body_ends_where_its_last_empty_line_ends() {
        let whole = b"3\r\nabc\r\n2;x=y\r\nde\r\n0\r\nT: v\r\n\r\nnext";
        let (length, body) = chunked_end(whole).unwrap_or_default();
        assert_eq!(body, b"abcde");
        assert_eq!(&whole[length..], b"next");
        assert_eq!(trailers(&whole[..length]), b"T: v\r\n\r\n");
        for cut in 0..length {
            assert!(chunked_end(&whole[..cut]).is_none(), "complete after {cut} bytes");
        }
    }
}
