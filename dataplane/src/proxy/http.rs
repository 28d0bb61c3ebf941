//! The life of an HTTP/1 request, from top to bottom.
//!
//! [`exchange`] reads as the phases that ARCHITECTURE.md names: receive the head, read the snapshot once,
//! route, rewrite, reach a server, send, await the response, relay it, account for it. What protocol a
//! message is in matters to its codec alone.

use std::rc::Rc;
use std::task::Poll;
use std::time::Instant;

use regate_proto::model::HttpConnection;

use super::buffer::Buffer;
use super::clock::Timer;
use super::fault::Fault;
use super::h1::{
    self, Asked, Body, Fields, Framing, Known, Limits, Method, Parse, RequestHead, ResponseHead, Strictness,
    Version,
};
use super::key;
use super::relay::{self, Direction, End, Ends, Flow, Halt, admit};
use super::reply;
use super::rewrite;
use super::session::Session;
use super::story::Story;
use super::stream::Cut;
use super::upstream::{self, Way};
use super::worker::Seen;
use crate::snapshot::{BackendPlan, Snapshot};

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    /// A further request may come.
    Next,
    /// It closes.
    Close,
    /// It closes, while the client may still be sending.
    Linger,
}

/// Serves a connection until it closes.
pub(crate) async fn serve(mut session: Box<Session>) {
    session.frontend.live.h1_sessions.add(session.worker.index, 1);
    loop {
        if session.early.is_none() && !rest(&mut session).await {
            return;
        }
        // While a request is served there is a large future; between requests there is none.
        if Box::pin(exchanges(&mut session)).await == After::Close {
            return;
        }
    }
}

/// Waits between requests, holding next to nothing; false when none came in time.
async fn rest(session: &mut Session) -> bool {
    let first = session.requests == 0;
    let plan = &session.frontend;
    if first {
        // Most clients have sent their request when they are accepted: then there is nothing to wait for.
        let mut buffer = session.worker.buffers.small();
        match session.stream.try_read(buffer.room()) {
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            Ok(0) | Err(_) => return true,
            Ok(count) => {
                buffer.put(count);
                session.early = Some(buffer);
                return true;
            }
        }
    }
    session.timer.set(Instant::now(), if first { plan.request_timeout } else { plan.keep_alive_timeout });
    loop {
        session.timer.set_idle(!first);
        let outcome = session.stream.readable(&session.timer).await;
        session.timer.set_idle(false);
        match outcome {
            Ok(()) => return true,
            Err(Cut::Nudge) if !session.should_end() => {}
            // Who never sent a request is told, who may have had enough is not.
            Err(Cut::Timeout) => return first,
            Err(_) => return false,
        }
    }
}

async fn exchanges(session: &mut Session) -> After {
    let mut inbound = session.early.take().unwrap_or_else(|| session.worker.buffers.small());
    loop {
        let after = exchange(session, &mut inbound).await;
        if after == After::Linger {
            linger(session).await;
        }
        if after != After::Next {
            return After::Close;
        }
        if inbound.is_empty() {
            return after;
        }
    }
}

/// One request and its response.
async fn exchange(session: &mut Session, inbound: &mut Buffer) -> After {
    let worker = session.worker.clone();
    let mut fields = worker.fields();
    let snapshot: Rc<Seen>;
    let mut story = Story::begin(session);
    let outcome = match receive(session, inbound, &mut fields, &mut story).await {
        Err(None) => {
            worker.keep_fields(fields);
            return After::Close;
        }
        Err(Some(fault)) => Err(fault),
        Ok(head) => {
            session.requests = session.requests.saturating_add(1);
            story.note_request(session, inbound.filled(), &head);
            snapshot = worker.snapshot();
            let there = session.renew(&snapshot);
            let forwarded = forward(session, inbound, &mut fields, head, &snapshot, &mut story).await;
            forwarded.map(|after| if there { after } else { After::Close })
        }
    };
    worker.keep_fields(fields);
    let after = match outcome {
        Ok(after) => after,
        Err(fault) => answer(session, inbound, fault, &mut story).await,
    };
    story.end(session);
    after
}

/// Receives a request's head. `Err(None)`: there is no request, and nothing to say.
async fn receive(
    session: &Session,
    inbound: &mut Buffer,
    fields: &mut Fields,
    story: &mut Story<'_>,
) -> Result<RequestHead, Option<Fault>> {
    let strictness = if session.frontend.accept_unsafe { Strictness::RELAXED } else { Strictness::STRICT };
    let mut deadline_set = false;
    loop {
        if !inbound.is_empty() {
            match h1::parse_request(inbound.filled(), &Limits::default(), strictness, fields) {
                Ok(Parse::Complete(head)) => return Ok(head),
                Ok(Parse::Partial) => inbound.compact(),
                Err(refusal) => {
                    story.bytes_in = inbound.len() as u64;
                    return Err(Some(Fault::BadRequest(refusal)));
                }
            }
            if !deadline_set {
                session.timer.set(story.started, session.frontend.request_timeout);
                deadline_set = true;
            }
        }
        let nothing = inbound.is_empty() && (session.requests > 0 || session.frontend.ignore_probes);
        match session.stream.read(inbound.room(), &session.timer).await {
            Ok(0) | Err(Cut::Broken) if nothing => return Err(None),
            Err(Cut::Timeout) if nothing => return Err(None),
            Ok(0) | Err(Cut::Broken) => {
                story.bytes_in = inbound.len() as u64;
                return Err(Some(Fault::ClientLeftEarly));
            }
            Err(Cut::Timeout) => {
                story.bytes_in = inbound.len() as u64;
                return Err(Some(Fault::RequestTimeout));
            }
            Err(Cut::Nudge) => {}
            Ok(count) => inbound.put(count),
        }
    }
}

/// Takes a request to a server and its response to the client.
async fn forward<'a>(
    session: &mut Session,
    inbound: &mut Buffer,
    fields: &mut Fields,
    head: RequestHead,
    snapshot: &'a Snapshot,
    story: &mut Story<'a>,
) -> Result<After, Fault> {
    let worker = session.worker.clone();
    let name = session.frontend.default_backend.as_ref().ok_or(Fault::NoBackend)?;
    let backend = snapshot.backends.get(name).ok_or(Fault::NoBackend)?.as_ref();
    story.enter(session, backend);
    let connection = rewrite::stronger(session.frontend.connection, backend.connection);

    let mut body = Body::new(head.framing, &Limits::default());
    let mut ready = key::admit_more(&mut body, inbound, head.len, 0)?;
    if key::waits_for_body(backend, &head) {
        ready = key::await_body(session, inbound, &mut body, head.len, ready).await?;
    }
    session.key = key::of_request(session, backend, inbound.filled(), fields, &head, ready);
    let mut out = worker.scratch();
    let verbatim = rewrite::request(session, backend, connection, inbound.filled(), fields, &head, &mut out);
    let request = Request { head, verbatim, ready, out, connection };
    let outcome = attempt(session, inbound, fields, &request, body, backend, story).await;
    worker.keep_scratch(request.out);
    outcome
}

/// A request that is ready to go out.
struct Request {
    head: RequestHead,
    /// Whether the head goes out as it came.
    verbatim: bool,
    /// Bytes of the body that follow the head in the buffer.
    ready: usize,
    /// The head that goes out, where it is another.
    out: Vec<u8>,
    connection: HttpConnection,
}

impl Request {
    /// What goes out first: the head, and what there is of the body.
    fn parts<'b>(&'b self, inbound: &'b Buffer) -> (&'b [u8], &'b [u8]) {
        let end = self.head.len + self.ready;
        match self.verbatim {
            true => (&inbound.filled()[self.head.start..end], &[]),
            false => (&self.out, &inbound.filled()[self.head.len..end]),
        }
    }
}

/// Sends the request, once more over a new connection when an old one turned out to be closed.
async fn attempt<'a>(
    session: &mut Session,
    inbound: &mut Buffer,
    fields: &mut Fields,
    request: &Request,
    body: Body,
    backend: &'a BackendPlan,
    story: &mut Story<'a>,
) -> Result<After, Fault> {
    let mut fresh = false;
    loop {
        let mut way = upstream::reach(session, backend, true, fresh, &mut story.trail).await?;
        story.pick(session, &way);
        let whole = body.is_done();
        let mut upload = (!whole).then(|| Flow::new(&session.worker.buffers, body.clone()));
        let outcome = converse(session, inbound, fields, request, upload.as_mut(), &mut way, story).await;
        if outcome == Err(Fault::StaleConnection) && whole && !fresh && request.head.method.is_idempotent() {
            fresh = true;
            continue;
        }
        let Reply { after, keeps } = outcome?;
        if keeps {
            upstream::release(session, backend, way);
        }
        story.bytes_in += request.ready as u64 + upload.as_ref().map_or(0, |upload| upload.received);
        match upload {
            Some(upload) if upload.is_done() => match upload.into_rest() {
                Some(rest) => *inbound = rest,
                None => inbound.take(inbound.len()),
            },
            Some(_) => return Ok(After::Linger),
            None => inbound.take(request.head.len + request.ready),
        }
        return Ok(after);
    }
}

/// What is left when a response has gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reply {
    after: After,
    /// Whether the server's connection may carry a further exchange.
    keeps: bool,
}

/// Sends the request over a connection and relays what comes back.
async fn converse<'a>(
    session: &mut Session,
    inbound: &mut Buffer,
    fields: &mut Fields,
    request: &Request,
    mut upload: Option<&mut Flow>,
    way: &mut Way<'a>,
    story: &mut Story<'a>,
) -> Result<Reply, Fault> {
    let Some(backend) = story.backend else { return Err(Fault::NoBackend) };
    let lost = if way.reused { Fault::StaleConnection } else { Fault::ServerClosed };
    let (first, second) = request.parts(inbound);
    session.timer.set(Instant::now(), backend.server_timeout);
    // A server may answer and close before it has read everything: what it said is read all the same.
    match way.upstream.stream.write_all(first, second, &session.timer, &mut 0).await {
        Ok(()) | Err(Cut::Nudge) => {}
        Err(Cut::Broken) if way.reused => return Err(lost),
        Err(Cut::Broken) => {}
        Err(Cut::Timeout) => return Err(Fault::ServerDataTimeout),
    }
    let mut response = session.worker.buffers.small();
    let asked = Asked { method: request.head.method, upgrade: request.head.upgrade.is_some() };
    loop {
        fields.clear();
        let head = await_head(session, &mut response, fields, asked, upload.as_deref_mut(), way, lost, story)
            .await?;
        if !head.is_interim() {
            story.note_response(head.status);
            if head.framing == Framing::Tunnel {
                return tunnel(session, inbound, request, response, fields, head, way, story).await;
            }
            return respond(session, request, response, fields, head, upload, way, story).await;
        }
        relay_interim(session, request, &mut response, fields, head, story).await?;
    }
}

/// Awaits a response's head, sending the rest of the request meanwhile.
#[expect(clippy::too_many_arguments, reason = "the parts of one exchange, borrowed apart")]
async fn await_head(
    session: &Session,
    response: &mut Buffer,
    fields: &mut Fields,
    asked: Asked,
    mut upload: Option<&mut Flow>,
    way: &Way<'_>,
    lost: Fault,
    story: &Story<'_>,
) -> Result<ResponseHead, Fault> {
    let Some(backend) = story.backend else { return Err(Fault::NoBackend) };
    let strictness = if backend.accept_unsafe { Strictness::RELAXED } else { Strictness::STRICT };
    let upward = Timer::new(&session.worker.clock);
    let patience = (session.frontend.client_timeout, backend.server_timeout);
    let client = End::new(&session.stream, &upward, patience.0, patience.0);
    let server = End::new(&way.upstream.stream, &session.timer, patience.1, patience.1);
    let mut sending = upload.as_ref().is_some_and(|upload| !upload.is_done());
    if sending {
        client.touch();
    }
    loop {
        if !response.is_empty() {
            match h1::parse_response(response.filled(), asked, &Limits::default(), strictness, fields) {
                Ok(Parse::Complete(head)) => return Ok(head),
                Ok(Parse::Partial) => response.compact(),
                Err(_) => return Err(Fault::BadResponse),
            }
        }
        let count = std::future::poll_fn(|context| {
            if sending && let Some(upload) = upload.as_deref_mut() {
                let ends = Ends { from: &client, to: &server };
                match upload.poll(context, ends) {
                    Poll::Ready(Ok(())) => sending = false,
                    Poll::Ready(Err(Halt::ReceiverGone)) => sending = false,
                    Poll::Ready(Err(halt)) => return Poll::Ready(Err(upload_fault(halt))),
                    Poll::Pending => {
                        if let Poll::Ready(halt) = upload.poll_patience(context, ends) {
                            return Poll::Ready(Err(upload_fault(halt)));
                        }
                    }
                }
            }
            match way.upstream.stream.poll_read(context, response.room()) {
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) if response.is_empty() => {
                    return Poll::Ready(Err(lost));
                }
                Poll::Ready(Ok(0)) | Poll::Ready(Err(_)) => return Poll::Ready(Err(Fault::ServerClosed)),
                Poll::Ready(Ok(count)) => return Poll::Ready(Ok(count)),
                Poll::Pending => {}
            }
            if sending {
                return Poll::Pending;
            }
            if backend.abort_on_close && upload.is_none() && session.stream.poll_left(context).is_ready() {
                return Poll::Ready(Err(Fault::ClientLeftWaiting));
            }
            match super::stream::poll_timer(&session.timer, context) {
                Poll::Ready(Cut::Timeout) => Poll::Ready(Err(Fault::ServerTimeout)),
                _ => Poll::Pending,
            }
        })
        .await?;
        response.put(count);
    }
}

/// Passes on a response that announces another (RFC 9110, 15.2).
async fn relay_interim(
    session: &Session,
    request: &Request,
    response: &mut Buffer,
    fields: &mut Fields,
    head: ResponseHead,
    story: &mut Story<'_>,
) -> Result<(), Fault> {
    story.note_interim(session, head.status);
    // HTTP/1.0 knows no such responses.
    if request.head.version == Version::Http11 {
        let mut out = session.worker.scratch();
        head.drop_hop_by_hop(response.filled(), fields);
        fields.write(response.filled(), None, &[], &mut out);
        session.timer.set(Instant::now(), session.frontend.client_timeout);
        let mut written = 0;
        let sent = session.stream.write_all(&out, &[], &session.timer, &mut written).await;
        story.bytes_out += written as u64;
        session.worker.keep_scratch(out);
        sent.map_err(client_fault)?;
    }
    response.take(head.len);
    Ok(())
}

/// Sends a response to the client.
#[expect(clippy::too_many_arguments, reason = "the parts of one exchange, borrowed apart")]
async fn respond(
    session: &mut Session,
    request: &Request,
    mut response: Buffer,
    fields: &mut Fields,
    head: ResponseHead,
    upload: Option<&mut Flow>,
    way: &mut Way<'_>,
    story: &mut Story<'_>,
) -> Result<Reply, Fault> {
    let Some(backend) = story.backend else { return Err(Fault::NoBackend) };
    // An HTTP/1.0 client knows no chunks.
    let decodes = request.head.version == Version::Http10 && head.framing == Framing::Chunked;
    let mut body = match decodes {
        true => Body::decoding(head.framing, &Limits::default()),
        false => Body::new(head.framing, &Limits::default()),
    };
    let until_close = head.framing == Framing::UntilClose || decodes;
    let uploaded = upload.as_ref().is_none_or(|upload| upload.is_done());
    let persists = request.head.persistent
        && request.connection != HttpConnection::Close
        && !until_close
        && uploaded
        && !session.should_end();
    let after = if persists { After::Next } else { After::Close };
    let ready = admit(&mut body, &mut response, head.len).map_err(|_| Fault::BadResponse)?;
    let mut out = session.worker.scratch();
    if decodes {
        fields.drop_known(Known::TransferEncoding);
    }
    let verbatim =
        rewrite::response(request.head.version, persists, response.filled(), fields, &head, &mut out);
    let end = head.len + ready;
    let (first, second) = rewrite::joined(verbatim, &mut out, &response.filled()[..end], head.len);
    session.timer.set(Instant::now(), session.frontend.client_timeout);
    let mut written = 0;
    let sent = session.stream.write_all(first, second, &session.timer, &mut written).await;
    story.bytes_out += written as u64;
    session.worker.keep_scratch(out);
    story.response_begun = true;
    sent.map_err(client_fault)?;
    response.take(end);
    if !body.is_done() {
        drop(response);
        relay_body(session, body, upload, way, backend, story).await?;
    } else if !response.is_empty() {
        // The server sent more than it announced: who knows what it answers.
        return Ok(Reply { after, keeps: false });
    }
    let keeps =
        head.persistent && !until_close && uploaded && request.connection == HttpConnection::KeepAlive;
    Ok(Reply { after, keeps })
}

/// Relays what is left of a response's body, and of the request's where the server answered early.
async fn relay_body(
    session: &mut Session,
    body: Body,
    upload: Option<&mut Flow>,
    way: &mut Way<'_>,
    backend: &BackendPlan,
    story: &mut Story<'_>,
) -> Result<(), Fault> {
    let mut download = Flow::new(&session.worker.buffers, body);
    let timer = Timer::new(&session.worker.clock);
    let patience = (session.frontend.client_timeout, backend.server_timeout);
    let client = End::new(&session.stream, &session.timer, patience.0, patience.0);
    let server = End::new(&way.upstream.stream, &timer, patience.1, patience.1);
    let outcome = match upload.filter(|upload| !upload.is_done()) {
        None => {
            server.touch();
            let ends = Ends { from: &server, to: &client };
            download.run(ends).await.map_err(download_fault)
        }
        Some(upload) => {
            // The response decides when it is over; a request that is not finished by then is broken off.
            client.touch();
            server.touch();
            let mut sending = true;
            std::future::poll_fn(|context| {
                if sending {
                    sending = upload.poll(context, Ends { from: &client, to: &server }).is_pending();
                }
                let ends = Ends { from: &server, to: &client };
                match download.poll(context, ends) {
                    Poll::Pending => {
                        download.poll_patience(context, ends).map(|halt| Err(download_fault(halt)))
                    }
                    done => done.map_err(download_fault),
                }
            })
            .await
        }
    };
    story.bytes_out += download.sent;
    outcome?;
    if download.into_rest().is_some() {
        return Err(Fault::BadResponseBody);
    }
    Ok(())
}

/// Relays everything, once a 101 or the answer to CONNECT has opened a tunnel.
#[expect(clippy::too_many_arguments, reason = "the parts of one exchange, borrowed apart")]
async fn tunnel(
    session: &mut Session,
    inbound: &mut Buffer,
    request: &Request,
    mut response: Buffer,
    fields: &mut Fields,
    head: ResponseHead,
    way: &mut Way<'_>,
    story: &mut Story<'_>,
) -> Result<Reply, Fault> {
    let Some(backend) = story.backend else { return Err(Fault::NoBackend) };
    let mut out = session.worker.scratch();
    head.drop_hop_by_hop(response.filled(), fields);
    fields.write(response.filled(), None, &[], &mut out);
    session.timer.set(Instant::now(), session.frontend.client_timeout);
    let mut written = 0;
    let sent = session.stream.write_all(&out, &[], &session.timer, &mut written).await;
    story.bytes_out += written as u64;
    session.worker.keep_scratch(out);
    story.response_begun = true;
    sent.map_err(client_fault)?;
    response.take(head.len);
    let mut upward = Flow::tunnel(&session.worker.buffers);
    let mut downward = Flow::tunnel(&session.worker.buffers);
    inbound.take(request.head.len + request.ready);
    let rest = std::mem::replace(inbound, session.worker.buffers.small());
    let (up, down) = (rest.len(), response.len());
    upward.preload(rest, up);
    downward.preload(response, down);
    let timer = Timer::new(&session.worker.clock);
    let patience = |own: u32| backend.tunnel_timeout.unwrap_or(own);
    let plan = &session.frontend;
    let client =
        End::new(&session.stream, &session.timer, patience(plan.client_timeout), plan.client_fin_timeout);
    let server =
        End::new(&way.upstream.stream, &timer, patience(backend.server_timeout), backend.server_fin_timeout);
    let outcome = relay::exchange(&mut upward, &mut downward, &client, &server).await;
    story.bytes_in += upward.received;
    story.bytes_out += downward.sent;
    outcome.map_err(|(direction, halt)| match direction {
        Direction::Up => upload_fault(halt),
        Direction::Down => download_fault(halt),
    })?;
    Ok(Reply { after: After::Close, keeps: false })
}

/// Answers a request that failed, where the response has not begun.
async fn answer(session: &mut Session, inbound: &mut Buffer, fault: Fault, story: &mut Story<'_>) -> After {
    story.fault = Some(fault);
    if story.response_begun {
        return After::Close;
    }
    let unread = !story.is_request_read(inbound);
    let close = fault.is_fatal() || !story.persistent || unread || session.should_end();
    let mut out = session.worker.scratch();
    let body = story.method != Method::Head;
    let pages = [story.backend.map(|backend| &backend.error_pages), Some(&session.frontend.error_pages)];
    // Without a word where nobody listens, or where another page would be a second answer.
    let silent = fault == Fault::StaleConnection && session.requests <= 1;
    let fault = if silent { Fault::ServerClosed } else { fault };
    story.status = reply::push(&mut out, fault, story.version, close, body, pages);
    if story.status.is_some() {
        session.timer.set(Instant::now(), session.frontend.client_timeout);
        let mut written = 0;
        let sent = session.stream.write_all(&out, &[], &session.timer, &mut written).await;
        story.bytes_out += written as u64;
        if sent.is_err() {
            session.worker.keep_scratch(out);
            return After::Close;
        }
    }
    session.worker.keep_scratch(out);
    if close {
        return if unread { After::Linger } else { After::Close };
    }
    inbound.take(story.request_length);
    After::Next
}

/// Takes what the client still sends, for a while: its kernel would be told of a reset, and drop the last answer.
async fn linger(session: &Session) {
    if session.frontend.no_linger {
        return;
    }
    session.stream.shutdown_write();
    let mut buffer = session.worker.buffers.small();
    session.timer.set(Instant::now(), LINGER);
    for _ in 0..LINGER_READS {
        match session.stream.read(buffer.room(), &session.timer).await {
            Ok(count) if count > 0 => {}
            _ => return,
        }
    }
}

fn client_fault(cut: Cut) -> Fault {
    match cut {
        Cut::Timeout => Fault::ClientDataTimeout,
        Cut::Broken | Cut::Nudge => Fault::ClientAborted,
    }
}

fn upload_fault(halt: Halt) -> Fault {
    match halt {
        Halt::SenderGone => Fault::ClientAborted,
        Halt::SenderSilent => Fault::ClientDataTimeout,
        Halt::ReceiverGone => Fault::ServerAborted,
        Halt::ReceiverSilent => Fault::ServerDataTimeout,
        Halt::Malformed(refusal) => Fault::BadRequestBody(refusal),
    }
}

fn download_fault(halt: Halt) -> Fault {
    match halt {
        Halt::SenderGone => Fault::ServerAborted,
        Halt::SenderSilent => Fault::ServerDataTimeout,
        Halt::ReceiverGone => Fault::ClientAborted,
        Halt::ReceiverSilent => Fault::ClientDataTimeout,
        Halt::Malformed(_) => Fault::BadResponseBody,
    }
}

/// Milliseconds for which a client that still sends is listened to after the last answer.
const LINGER: u32 = 1000;
/// Reads for which it is.
const LINGER_READS: usize = 256;
