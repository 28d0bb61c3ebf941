//! The heads that go out, made from those that came: hop-by-hop fields, what becomes of the connection, and
//! the client's address. A head in which nothing changes goes out as it came.

use std::net::SocketAddr;

use regate_proto::model::HttpConnection;

use super::conduct::respell;
use super::h1::{Fields, RequestHead, ResponseHead, Version};
use super::session::Session;
use crate::snapshot::{BackendPlan, ForwardPlan};

/// Makes the head that goes to the server, with another first line if there is one; tells whether it is the one that
/// came.
pub(super) fn request(
    session: &Session,
    backend: &BackendPlan,
    connection: HttpConnection,
    (buffer, fields, head, line): (&[u8], &mut Fields, &RequestHead, Option<Vec<u8>>),
    unique_id: Option<&[u8]>,
    out: &mut Vec<u8>,
) -> bool {
    head.drop_hop_by_hop(buffer, fields, true);
    let mut added = session.worker.scratch();
    let plans = [backend.forwardfor.as_ref(), session.frontend.forwardfor.as_ref()];
    push_forwarded(&mut added, plans, session.peer, buffer, fields);
    let plans = [backend.originalto.as_ref(), session.frontend.originalto.as_ref()];
    if plans.iter().any(Option::is_some) {
        push_forwarded(&mut added, plans, session.destination(), buffer, fields);
    }
    if let (Some(header), Some(id)) = (&session.frontend.unique_id_header, unique_id) {
        added.extend(header.bytes().map(|byte| byte.to_ascii_lowercase()));
        added.extend_from_slice(b": ");
        added.extend_from_slice(id);
        added.extend_from_slice(b"\r\n");
    }
    if let Some(header) = &backend.conduct.name_header {
        fields.drop_named(buffer, header.as_bytes());
    }
    if head.upgrade.is_none() {
        let connection = match backend.conduct.pretend_keepalive {
            Some(true) => HttpConnection::KeepAlive,
            _ => connection,
        };
        match (connection, head.version) {
            (HttpConnection::KeepAlive, Version::Http11) => {}
            (HttpConnection::KeepAlive, Version::Http10) => {
                added.extend_from_slice(b"connection: keep-alive\r\n")
            }
            // The version says so already.
            (_, Version::Http10) => {}
            _ => added.extend_from_slice(b"connection: close\r\n"),
        }
    }
    let verbatim =
        fields.is_verbatim() && added.is_empty() && line.is_none() && !backend.conduct.touches_heads();
    if !verbatim {
        fields.write(buffer, line.as_deref(), &added, out);
        if backend.conduct.adjust_case == Some(true) {
            respell(out, &session.configuration().global.conduct.header_cases);
        }
    }
    session.worker.keep_scratch(added);
    verbatim
}

/// Adds an address under the name that the backend gives it, or else the frontend; either may except it, and both must
/// agree to leave it to a header that is there.
fn push_forwarded(
    added: &mut Vec<u8>,
    plans: [Option<&ForwardPlan>; 2],
    address: Option<SocketAddr>,
    buffer: &[u8],
    fields: &Fields,
) {
    use std::io::Write;
    let all = || plans.into_iter().flatten();
    let (Some(plan), Some(ip)) = (all().next(), address.map(|address| address.ip())) else { return };
    if all().any(|plan| plan.excepts(ip)) {
        return;
    }
    if all().all(|plan| plan.if_none) && fields.find(buffer, plan.header.as_bytes()).is_some() {
        return;
    }
    added.extend(plan.header.bytes().map(|byte| byte.to_ascii_lowercase()));
    // Writing to a vector does not fail.
    let _ = write!(added, ": {ip}\r\n");
}

/// Adds the line that says what becomes of the client's connection, where its version does not.
pub(super) fn add_connection(client: Version, persists: bool, added: &mut Vec<u8>) {
    added.extend_from_slice(match (persists, client) {
        (true, Version::Http11) => b"".as_slice(),
        (true, Version::Http10) => b"connection: keep-alive\r\n",
        (false, _) => b"connection: close\r\n",
    });
}

/// Makes the head that goes to the client, with these lines added and names in these spellings; tells whether it is
/// the one that came.
pub(super) fn response(
    buffer: &[u8],
    fields: &mut Fields,
    head: &ResponseHead,
    (added, spellings): (&[u8], Option<&[String]>),
    line: Option<Vec<u8>>,
    out: &mut Vec<u8>,
) -> bool {
    let verbatim = plain_response(buffer, fields, head, added, line, out);
    let Some(spellings) = spellings else { return verbatim };
    if verbatim {
        fields.write(buffer, None, &[], out);
    }
    respell(out, spellings);
    false
}

fn plain_response(
    buffer: &[u8],
    fields: &mut Fields,
    head: &ResponseHead,
    added: &[u8],
    line: Option<Vec<u8>>,
    out: &mut Vec<u8>,
) -> bool {
    head.drop_hop_by_hop(buffer, fields);
    if let Some(line) = line {
        fields.write(buffer, Some(&line), added, out);
        return false;
    }
    if head.version == Version::Http10 {
        // The version says what we can do, not the server (RFC 9110, 2.5).
        let mut line = Vec::with_capacity(64);
        line.extend_from_slice(b"HTTP/1.1 ");
        line.extend_from_slice(head.status.to_string().as_bytes());
        line.push(b' ');
        line.extend_from_slice(head.reason.of(buffer));
        line.extend_from_slice(b"\r\n");
        fields.write(buffer, Some(&line), added, out);
        return false;
    }
    if added.is_empty() && fields.is_verbatim() {
        return true;
    }
    fields.write(buffer, None, added, out);
    false
}

/// The one or two pieces in which a head and the beginning of its body go out. A small body is copied behind
/// a rewritten head: that costs less than a call with two pieces.
pub(super) fn joined<'b>(
    verbatim: bool,
    out: &'b mut Vec<u8>,
    message: &'b [u8],
    head: usize,
) -> (&'b [u8], &'b [u8]) {
    let body = &message[head..];
    if verbatim {
        return (message, &[]);
    }
    if body.len() <= COPIED {
        out.extend_from_slice(body);
        return (out, &[]);
    }
    (out, body)
}

pub(super) fn stronger(one: HttpConnection, other: HttpConnection) -> HttpConnection {
    use HttpConnection::{Close, KeepAlive, ServerClose};
    match (one, other) {
        (Close, _) | (_, Close) => Close,
        (ServerClose, _) | (_, ServerClose) => ServerClose,
        (KeepAlive, KeepAlive) => KeepAlive,
    }
}

/// Bytes of a body that are copied rather than handed over apart.
const COPIED: usize = 4096;
