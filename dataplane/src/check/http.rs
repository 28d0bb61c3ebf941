//! Answers to HTTP checks: read as far as rules look at them.

use regate_proto::model::MatchMethod;

use super::script::{Comparison, Expectation, Request, Sought};
use super::voice::{Came, Voice};

/// An answer, as far as it has come.
#[derive(Debug)]
pub struct Answer<'a> {
    /// The version, such as `1.1`.
    pub version: &'a [u8],
    /// The status.
    pub status: u16,
    /// The reason phrase.
    pub reason: &'a [u8],
    /// The headers, in order.
    pub headers: Vec<(&'a [u8], &'a [u8])>,
    /// What has come of the body, without framing.
    pub body: Vec<u8>,
    /// Whether all of it has come.
    pub complete: bool,
}

/// What has come so far.
#[derive(Debug)]
pub enum Read<'a> {
    /// A part of a head.
    Partial,
    /// No HTTP.
    Invalid,
    /// A head, and what there is of the body.
    Answer(Answer<'a>),
}

impl Request {
    /// The bytes of the request; `state` is the header that tells how the server stands.
    pub(super) fn render(&self, state: Option<&str>, voice: &dyn Voice, came: Came<'_>) -> Vec<u8> {
        let body = self.body.as_ref().map(|body| body.say(voice, came));
        let uri = self.uri.say(voice, came);
        let mut out = [self.method.as_bytes(), b" ", &uri, b" ", self.version.as_bytes(), b"\r\n"].concat();
        let mut field = |name: &str, value: &[u8]| {
            [name.as_bytes(), b": ", value, b"\r\n"].iter().for_each(|part| out.extend_from_slice(part));
        };
        self.headers.iter().for_each(|(name, value)| field(name, &value.say(voice, came)));
        if let Some(state) = state {
            field("x-haproxy-server-state", state.as_bytes());
        }
        if let Some(body) = &body {
            field("content-length", body.len().to_string().as_bytes());
        }
        if self.closes {
            field("connection", b"close");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(body.as_deref().unwrap_or_default());
        out
    }
}

/// Reads an answer (RFC 9112, leniently: a check is no client, and what it reads goes nowhere).
pub fn read(bytes: &[u8], closed: bool) -> Read<'_> {
    if !bytes.starts_with(b"HTTP/") {
        let beginning = b"HTTP/".starts_with(bytes);
        return if beginning && !closed { Read::Partial } else { Read::Invalid };
    }
    let Some(end) = head_end(bytes) else {
        return if closed { Read::Invalid } else { Read::Partial };
    };
    let head = bytes.get(..end).unwrap_or_default();
    let mut lines = head.split(|byte| *byte == b'\n').map(|line| line.strip_suffix(b"\r").unwrap_or(line));
    let Some((status, reason)) = lines.next().and_then(status_line) else { return Read::Invalid };
    let headers: Vec<(&[u8], &[u8])> = lines
        .filter_map(|line| {
            let colon = memchr::memchr(b':', line)?;
            Some((line.get(..colon)?, line.get(colon + 1..)?.trim_ascii()))
        })
        .collect();
    let rest = bytes.get(end..).unwrap_or_default();
    let value = |wanted: &str| {
        let found = headers.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted.as_bytes()));
        found.map(|(_, value)| *value)
    };
    let is_chunked =
        value("transfer-encoding").is_some_and(|value| value.to_ascii_lowercase().ends_with(b"chunked"));
    let announced =
        value("content-length").and_then(|value| std::str::from_utf8(value).ok()?.parse::<usize>().ok());
    let bodiless = status < 200 || status == 204 || status == 304;
    let (body, complete) = match (bodiless, is_chunked, announced) {
        (true, ..) => (Vec::new(), true),
        (_, true, _) => dechunk(rest),
        (_, _, Some(length)) => {
            let body = rest.get(..length).unwrap_or(rest);
            (body.to_vec(), body.len() == length)
        }
        _ => (rest.to_vec(), closed),
    };
    let version = bytes.get(5..8).unwrap_or_default();
    Read::Answer(Answer { version, status, reason, headers, body, complete })
}

impl Expectation {
    /// Whether this is looked for in the body.
    pub(super) fn looks_at_body(&self) -> bool {
        matches!(self.what, Sought::Text(_) | Sought::Pattern(_))
    }

    /// Whether the answer holds what is looked for, whatever the rule makes of that.
    pub(super) fn is_in(&self, answer: &Answer<'_>, voice: &dyn Voice, came: Came<'_>) -> bool {
        match &self.what {
            Sought::Status(ranges) => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&answer.status))
            }
            Sought::StatusPattern(pattern) => pattern.is_match(answer.status.to_string().as_bytes()),
            Sought::Header { full, name, value } => answer.headers.iter().any(|(field, said)| {
                name.holds(field, true, voice, came)
                    && value.as_ref().is_none_or(|value| {
                        let is_it = |part: &[u8]| value.holds(part, false, voice, came);
                        match full {
                            true => is_it(said),
                            false => said.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(is_it),
                        }
                    })
            }),
            Sought::Text(text) => memchr::memmem::find(&answer.body, &text.say(voice, came)).is_some(),
            Sought::Pattern(pattern) => pattern.is_match(&answer.body),
            Sought::Bytes(_) | Sought::BytesPattern(_) => false,
        }
    }
}

impl Comparison {
    fn holds(&self, said: &[u8], caseless: bool, voice: &dyn Voice, came: Came<'_>) -> bool {
        let (method, text) = match self {
            Comparison::Pattern(pattern) => return pattern.is_match(said),
            Comparison::Text(method, text) => (method, text.say(voice, came)),
        };
        let (text, said) = match caseless {
            true => (text.to_ascii_lowercase(), said.to_ascii_lowercase()),
            false => (text.into_owned(), said.to_vec()),
        };
        match method {
            MatchMethod::Prefix => said.starts_with(&text),
            MatchMethod::Suffix => said.ends_with(&text),
            MatchMethod::Part => memchr::memmem::find(&said, &text).is_some(),
            MatchMethod::Exact | MatchMethod::Pattern => said == text,
        }
    }
}

/// Where the head ends: after the first empty line.
fn head_end(bytes: &[u8]) -> Option<usize> {
    let mut start = 0;
    while let Some(end) = memchr::memchr(b'\n', bytes.get(start..)?) {
        if matches!(bytes.get(start..start + end), Some([] | [b'\r'])) {
            return Some(start + end + 1);
        }
        start += end + 1;
    }
    None
}

fn status_line(line: &[u8]) -> Option<(u16, &[u8])> {
    let (version, rest) = line.split_at_checked(line.iter().position(|byte| *byte == b' ')?)?;
    if !matches!(version, [b'H', b'T', b'T', b'P', b'/', b'0'..=b'9', b'.', b'0'..=b'9']) {
        return None;
    }
    let rest = rest.trim_ascii_start();
    let digits = rest.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || rest.get(3).is_some_and(|byte| *byte != b' ') {
        return None;
    }
    let status = digits.iter().fold(0, |status, digit| status * 10 + u16::from(*digit - b'0'));
    Some((status, rest.get(4..).unwrap_or_default().trim_ascii()))
}

/// The body out of its chunks, and whether its end has come.
fn dechunk(bytes: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..) {
        let Some(end) = memchr::memchr(b'\n', rest) else { break };
        let line = rest.get(..end).unwrap_or_default();
        let digits: Vec<u8> = line.iter().copied().take_while(u8::is_ascii_hexdigit).collect();
        let size = std::str::from_utf8(&digits).ok().and_then(|text| usize::from_str_radix(text, 16).ok());
        let Some(size) = size else { break };
        at += end + 1;
        if size == 0 {
            return (body, true);
        }
        let chunk = bytes.get(at..).unwrap_or_default();
        body.extend_from_slice(chunk.get(..size).unwrap_or(chunk));
        at = match at.checked_add(size).and_then(|at| at.checked_add(2)) {
            Some(next) if chunk.len() >= size => next,
            _ => break,
        };
    }
    (body, false)
}
