//! Answers to HTTP checks: read as far as rules look at them.

use regate_proto::model::{Expected, MatchMethod, Matched};
use regex::bytes::Regex;

use super::script::{Expectation, Request};

/// An answer, as far as it has come.
#[derive(Debug)]
pub(super) struct Answer<'a> {
    pub(super) status: u16,
    pub(super) reason: &'a [u8],
    headers: Vec<(&'a [u8], &'a [u8])>,
    body: Vec<u8>,
    /// Whether all of it has come.
    pub(super) complete: bool,
}

/// What has come so far.
#[derive(Debug)]
pub(super) enum Read<'a> {
    /// A part of a head.
    Partial,
    /// No HTTP.
    Invalid,
    /// A head, and what there is of the body.
    Answer(Answer<'a>),
}

impl Request {
    /// The bytes of the request; `state` is the header that tells how the server stands.
    pub(super) fn render(&self, state: Option<&str>) -> Vec<u8> {
        let mut out = self.line.clone().into_bytes();
        let mut field = |name: &str, value: &str| {
            out.extend_from_slice(format!("{name}: {value}\r\n").as_bytes());
        };
        self.headers.iter().for_each(|(name, value)| field(name, value));
        if let Some(state) = state {
            field("x-haproxy-server-state", state);
        }
        if let Some(body) = &self.body {
            field("content-length", &body.len().to_string());
        }
        if self.closes {
            field("connection", "close");
        }
        out.extend_from_slice(b"\r\n");
        out.extend_from_slice(self.body.as_deref().unwrap_or_default().as_bytes());
        out
    }
}

/// Reads an answer (RFC 9112, leniently: a check is no client, and what it reads goes nowhere).
pub(super) fn read(bytes: &[u8], closed: bool) -> Read<'_> {
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
    Read::Answer(Answer { status, reason, headers, body, complete })
}

impl Expectation {
    /// Whether this is looked for in the body.
    pub(super) fn looks_at_body(&self) -> bool {
        matches!(self.rule.what, Expected::Text(_) | Expected::Pattern(_))
    }

    /// Whether the answer holds what is looked for, whatever the rule makes of that.
    pub(super) fn is_in(&self, answer: &Answer<'_>) -> bool {
        match &self.rule.what {
            Expected::Status(ranges) => {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&answer.status))
            }
            Expected::StatusPattern(_) => {
                let text = answer.status.to_string();
                self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(text.as_bytes()))
            }
            Expected::Header { full, name, value } => answer.headers.iter().any(|(field, said)| {
                let [name_pattern, value_pattern] = &self.header;
                compare(name, name_pattern.as_ref(), field, true)
                    && value.as_ref().is_none_or(|value| {
                        let is_it = |part: &[u8]| compare(value, value_pattern.as_ref(), part, false);
                        match full {
                            true => is_it(said),
                            false => said.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).any(is_it),
                        }
                    })
            }),
            Expected::Text(text) => memchr::memmem::find(&answer.body, text.as_bytes()).is_some(),
            Expected::Pattern(_) => {
                self.pattern.as_ref().is_some_and(|pattern| pattern.is_match(&answer.body))
            }
            Expected::Bytes(_) | Expected::BytesPattern(_) => false,
        }
    }
}

fn compare(wanted: &Matched, pattern: Option<&Regex>, said: &[u8], caseless: bool) -> bool {
    let (text, said) = match caseless && wanted.method != MatchMethod::Pattern {
        true => (wanted.text.to_ascii_lowercase().into_bytes(), said.to_ascii_lowercase()),
        false => (wanted.text.clone().into_bytes(), said.to_vec()),
    };
    match wanted.method {
        MatchMethod::Exact => said == text,
        MatchMethod::Prefix => said.starts_with(&text),
        MatchMethod::Suffix => said.ends_with(&text),
        MatchMethod::Part => memchr::memmem::find(&said, &text).is_some(),
        MatchMethod::Pattern => pattern.is_some_and(|pattern| pattern.is_match(&said)),
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
