//! The first lines of messages under rules: what rules replace of them.

use regate_proto::rules::action::Part;

use super::h1::{Method, RequestHead};
use super::rules::{Draft, Message};

/// The parts of a request's line that rules replaced.
#[derive(Debug, Default)]
pub(super) struct RequestLine {
    pub(super) method: Option<Vec<u8>>,
    pub(super) target: Option<Vec<u8>>,
}

/// The status that rules replaced.
#[derive(Debug, Default)]
pub(super) struct StatusLine {
    pub(super) status: Option<(u16, Option<String>)>,
}

impl RequestLine {
    /// The whole line where something of it was replaced.
    pub(super) fn rewritten(&self, head: &RequestHead, buffer: &[u8]) -> Option<Vec<u8>> {
        if self.method.is_none() && self.target.is_none() {
            return None;
        }
        let mut line = Vec::with_capacity(64);
        line.extend_from_slice(self.method.as_deref().unwrap_or_else(|| head.method_span.of(buffer)));
        line.push(b' ');
        line.extend_from_slice(self.target.as_deref().unwrap_or_else(|| head.target.of(buffer)));
        line.extend_from_slice(b" HTTP/1.1\r\n");
        Some(line)
    }
}

impl StatusLine {
    /// The whole line where the status was replaced.
    pub(super) fn rewritten(&self) -> Option<Vec<u8>> {
        let (status, reason) = self.status.as_ref()?;
        let reason = reason.as_deref().unwrap_or_else(|| super::reply::reason(*status));
        Some(format!("HTTP/1.1 {status} {reason}\r\n").into_bytes())
    }
}

impl Draft<'_> {
    /// A part of the request's line as it is now.
    pub(super) fn part(&self, part: Part) -> Option<Vec<u8>> {
        let Message::Request(head, line, ..) = &self.message else { return None };
        let target = line.target.as_deref().unwrap_or_else(|| head.target.of(self.buffer));
        Some(match part {
            Part::Method => line.method.clone().unwrap_or_else(|| head.method_span.of(self.buffer).to_vec()),
            Part::Uri => target.to_vec(),
            Part::Path => target.get(path_of(target)).unwrap_or_default().to_vec(),
            Part::PathQuery => target.get(path_of(target).start..).unwrap_or_default().to_vec(),
            Part::Query => match memchr::memchr(b'?', target) {
                Some(at) => target.get(at + 1..).unwrap_or_default().to_vec(),
                None => Vec::new(),
            },
        })
    }

    /// Replaces a part of the request's line; what would break the line is left out.
    pub(super) fn set_part(&mut self, part: Part, mut text: Vec<u8>) {
        text.retain(|byte| *byte > b' ' && *byte != 0x7f);
        let Message::Request(head, line, ..) = &mut self.message else { return };
        if part == Part::Method {
            if !text.is_empty() {
                head.method = Method::of(&text);
                line.method = Some(text);
            }
            return;
        }
        let target = line.target.as_deref().unwrap_or_else(|| head.target.of(self.buffer));
        let path = path_of(target);
        let mut new = Vec::with_capacity(target.len() + text.len());
        match part {
            Part::Uri => new.extend_from_slice(&text),
            Part::Path => {
                new.extend_from_slice(&target[..path.start]);
                new.extend_from_slice(&text);
                new.extend_from_slice(&target[path.end..]);
            }
            Part::PathQuery => {
                new.extend_from_slice(&target[..path.start]);
                new.extend_from_slice(&text);
            }
            Part::Query => {
                new.extend_from_slice(&target[..path.end]);
                if !text.is_empty() {
                    new.push(b'?');
                    new.extend_from_slice(&text);
                }
            }
            Part::Method => {}
        }
        if !new.is_empty() {
            line.target = Some(new);
        }
    }
}

/// Where the path of a target stands: after scheme and authority, before query and fragment.
pub(super) fn path_of(target: &[u8]) -> std::ops::Range<usize> {
    let start = match target.first() {
        Some(b'/' | b'*') => 0,
        _ => match memchr::memmem::find(target, b"://") {
            Some(scheme) => target
                .get(scheme + 3..)
                .and_then(|rest| memchr::memchr3(b'/', b'?', b'#', rest))
                .map_or(target.len(), |at| scheme + 3 + at),
            None => 0,
        },
    };
    let rest = target.get(start..).unwrap_or_default();
    start..start + memchr::memchr2(b'?', b'#', rest).unwrap_or(rest.len())
}
