//! What a request or connection is balanced by, taken from what has come of it ([`Key`]).

use std::sync::Arc;
use std::time::Instant;

use super::buffer::Buffer;
use super::fault::Fault;
use super::h1::{Body, Fields, Framing, Limits, Method, RequestHead};
use super::relay::admit;
use super::session::Session;
use super::stream::Cut;
use crate::snapshot::{Asker, BackendPlan, Key, ServerPlan, address_of_cookie, may_open_with_cookie};

/// The key of a request whose head, and `ready` bytes of whose body, are in the buffer.
pub(super) fn of_request(
    session: &Session,
    backend: &BackendPlan,
    buffer: &[u8],
    fields: &Fields,
    head: &RequestHead,
    ready: usize,
    sampled: Option<&[u8]>,
) -> Key {
    let plan = backend.picker.plan();
    let mut decoded = Vec::new();
    let mut posted = match head.method {
        Method::Post if plan.needs_body() => buffer.get(head.len..head.len + ready).unwrap_or_default(),
        _ => &[],
    };
    if head.framing == Framing::Chunked && !posted.is_empty() {
        decoded.extend_from_slice(posted);
        let progress = Body::decoding(head.framing, &Limits::default()).advance(&mut decoded);
        posted = decoded.get(..progress.map_or(0, |progress| progress.forward)).unwrap_or_default();
    }
    plan.key(&Asker {
        client: session.peer.map(|peer| peer.ip()),
        target: head.target.of(buffer),
        header: &|name| fields.value(buffer, name.as_bytes()),
        posted,
        opening: &[],
        sampled,
    })
}

/// Whether the key may be in a body that has not come yet. Who waits for a 100 sends none before it.
pub(super) fn waits_for_body(backend: &BackendPlan, head: &RequestHead) -> bool {
    backend.picker.plan().needs_body() && head.method == Method::Post && !head.expect_continue
}

/// Waits until the body is there, or as much of it as the buffer takes (configuration manual 4.2 "balance
/// url_param"); gives how many bytes of it are in the buffer.
pub(super) async fn await_body(
    session: &Session,
    inbound: &mut Buffer,
    body: &mut Body,
    head: usize,
    mut ready: usize,
) -> Result<usize, Fault> {
    session.timer.set(Instant::now(), session.frontend.request_timeout);
    inbound.compact();
    while !body.is_done() && !inbound.is_full() {
        match session.stream.read(inbound.room(), &session.timer).await {
            // What is missing will be missed when the request is sent.
            Ok(0) | Err(Cut::Broken) => break,
            Err(Cut::Timeout) => return Err(Fault::BodyTimeout),
            Err(Cut::Nudge) => {}
            Ok(count) => {
                inbound.put(count);
                ready = admit_more(body, inbound, head, ready)?;
            }
        }
    }
    Ok(ready)
}

/// Takes what lies behind the first `ready` bytes of the body through its framing; gives how many there are now.
pub(super) fn admit_more(
    body: &mut Body,
    inbound: &mut Buffer,
    head: usize,
    ready: usize,
) -> Result<usize, Fault> {
    match admit(body, inbound, head + ready) {
        Ok(more) => Ok(ready + more),
        Err(mut refusal) => {
            refusal.at += head + ready;
            Err(Fault::BadRequestBody(refusal))
        }
    }
}

/// The key of a connection; waits for what the client says first, where the algorithm looks at that.
pub(super) async fn of_connection(
    session: &mut Session,
    backend: &BackendPlan,
    sampled: Option<&[u8]>,
) -> Key {
    let plan = backend.picker.plan();
    if plan.needs_opening() {
        let mut buffer = session.early.take().unwrap_or_else(|| session.worker.buffers.small());
        let patience = match session.frontend.client_timeout {
            0 => PATIENCE,
            timeout => timeout.min(PATIENCE),
        };
        session.timer.set(Instant::now(), patience);
        while may_open_with_cookie(buffer.filled()) && !buffer.is_full() {
            match session.stream.read(buffer.room(), &session.timer).await {
                Ok(0) | Err(Cut::Broken | Cut::Timeout) => break,
                Err(Cut::Nudge) => {}
                Ok(count) => buffer.put(count),
            }
        }
        session.early = Some(buffer).filter(|buffer| !buffer.is_empty());
    }
    plan.key(&Asker {
        client: session.peer.map(|peer| peer.ip()),
        target: &[],
        header: &|_| None,
        posted: &[],
        opening: session.early.as_ref().map_or(&[], |early| early.filled()),
        sampled,
    })
}

/// The server whose address the client's first words name, where the backend looks for that (configuration manual 4.2
/// "persist rdp-cookie"); one that is down only if it is `forced`.
pub(super) fn named_by_opening<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    forced: bool,
) -> Option<&'a Arc<ServerPlan>> {
    let name = backend.rdp_cookie.as_deref()?;
    let opening = session.early.as_ref()?.filled();
    let server = backend.server_at(address_of_cookie(opening, name)?)?;
    (server.is_up() || forced || backend.forces_persistence).then_some(server)
}

/// Milliseconds that a client is given to say something: who is silent is not known by a cookie.
const PATIENCE: u32 = 5000;
