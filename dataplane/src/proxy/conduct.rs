//! What proxies do to heads for clients and servers that ask for something particular: other spellings of names,
//! names that are not let through, the server's own name, redirections by servers, addresses in headers.
//!
//! Works on bytes of heads alone; when it is asked is told by `http.rs`, `exchange.rs` and `stage.rs`.

use std::net::IpAddr;

use regate_proto::model::HeaderNames;

use super::answer::Answer;
use super::h1::fields::push_line;
use super::h1::{Fields, Method};
use super::session::Session;
use crate::snapshot::Snapshot;

/// Gives names of headers the spelling that is listed, in a head that is ready to go out.
pub(super) fn respell(message: &mut [u8], spellings: &[String]) {
    let end = memchr::memmem::find(message, b"\r\n\r\n").unwrap_or(message.len());
    let Some(head) = message.get_mut(..end) else { return };
    // The first line has no name.
    for line in head.split_inclusive_mut(|byte| *byte == b'\n').skip(1) {
        let Some(colon) = memchr::memchr(b':', line) else { continue };
        let Some(name) = line.get_mut(..colon) else { continue };
        if let Some(spelling) = spellings.iter().find(|known| known.as_bytes().eq_ignore_ascii_case(name)) {
            name.copy_from_slice(spelling.as_bytes());
        }
    }
}

/// How names of headers are spelled for a client, where that is particular.
pub(super) fn spellings<'a>(session: &Session, snapshot: &'a Snapshot) -> Option<&'a [String]> {
    let wanted = session.frontend.conduct.adjust_case == Some(true);
    wanted.then_some(&*snapshot.global.conduct.header_cases)
}

/// Whether a request may go on whose headers have names that some servers mistake; those may be dropped.
pub(super) fn admits(names: Option<HeaderNames>, buffer: &[u8], fields: &mut Fields) -> bool {
    let unusual = |name: &[u8]| !name.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'-');
    match names {
        None | Some(HeaderNames::Preserve) => true,
        Some(HeaderNames::Reject) => !fields.iter(buffer).any(|(name, _)| unusual(name)),
        Some(HeaderNames::Delete) => {
            for at in 0..fields.len() {
                if fields.at(at, buffer).flatten().is_some_and(|(name, _)| unusual(name)) {
                    fields.drop_at(at);
                }
            }
            true
        }
    }
}

/// A head that tells the server its name: the same with a line more.
pub(super) fn named(head: &[u8], header: &str, server: &str, out: &mut Vec<u8>) {
    out.clear();
    out.extend_from_slice(head.strip_suffix(b"\r\n").unwrap_or(head));
    push_line(out, header.to_ascii_lowercase().as_bytes(), server.as_bytes());
    out.extend_from_slice(b"\r\n");
}

/// The answer that sends a client elsewhere with what it asked for, where it may be sent.
pub(super) fn redirection(prefix: &str, method: Method, head: &[u8]) -> Option<Answer> {
    if !matches!(method, Method::Get | Method::Head) {
        return None;
    }
    let target = head.split(|byte| *byte == b' ').nth(1)?;
    let path = match memchr::memmem::find(target, b"://").filter(|_| target.first() != Some(&b'/')) {
        Some(scheme) => {
            let rest = target.get(scheme + 3..).unwrap_or_default();
            memchr::memchr(b'/', rest).and_then(|at| rest.get(at..)).unwrap_or(b"/")
        }
        None => target,
    };
    if path.first() != Some(&b'/') {
        return None;
    }
    let mut bytes =
        b"HTTP/1.1 302 Found\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: ".to_vec();
    bytes.extend_from_slice(prefix.as_bytes());
    bytes.extend_from_slice(path);
    bytes.extend_from_slice(b"\r\n\r\n");
    Some(Answer { status: 302, bytes })
}

/// The address in a header: in its member of this number, counted from the first with 1, from the last with -1.
pub(super) fn address_in(fields: &Fields, buffer: &[u8], name: &str, occurrence: i32) -> Option<IpAddr> {
    let lines = fields.iter(buffer).filter(|(known, _)| known.eq_ignore_ascii_case(name.as_bytes()));
    let mut members = lines.flat_map(|(_, value)| value.split(|byte| *byte == b',')).collect::<Vec<_>>();
    if occurrence < 0 {
        members.reverse();
    }
    let member = members.get(usize::try_from(occurrence.unsigned_abs()).ok()?.checked_sub(1)?)?;
    std::str::from_utf8(member).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::super::h1::{self, Fields, Limits, Parse, Strictness};
    use super::*;

    #[test]
    fn names_are_respelled_in_heads_alone() {
        let mut message = b"GET /host: HTTP/1.1\r\nhOST: host: a\r\nX-a: b\r\n\r\nhost: body\r\n".to_vec();
        respell(&mut message, &["Host".to_owned(), "X-A".to_owned()]);
        let wanted = b"GET /host: HTTP/1.1\r\nHost: host: a\r\nX-A: b\r\n\r\nhost: body\r\n";
        assert_eq!(message, wanted);
    }

    #[test]
    fn addresses_are_counted_from_either_end() {
        let request = b"GET / HTTP/1.1\r\nHost: a\r\nX-F: 192.0.2.1, 192.0.2.2\r\nx-f: 2001:db8::3\r\n\r\n";
        let mut fields = Fields::new();
        let parsed = h1::parse_request(request, &Limits::default(), Strictness::STRICT, &mut fields);
        assert!(matches!(parsed, Ok(Parse::Complete(_))));
        let found = |occurrence| address_in(&fields, request, "x-f", occurrence).map(|ip| ip.to_string());
        assert_eq!(found(1).unwrap(), "192.0.2.1");
        assert_eq!(found(-1).unwrap(), "2001:db8::3");
        assert_eq!(found(-2).unwrap(), "192.0.2.2");
        assert_eq!(found(4), None);
        assert_eq!(address_in(&fields, request, "host", 1), None);
    }
}
