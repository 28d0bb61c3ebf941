//! The life of an HTTP/1 request, from top to bottom.
//!
//! [`exchange`] reads as the phases that ARCHITECTURE.md names: receive the head, read the snapshot once,
//! route, rewrite, reach a server, send, await the response, relay it, account for it. What protocol a
//! message is in matters to its codec alone.

use std::future::poll_fn;
use std::pin::pin;
use std::rc::Rc;
use std::time::Instant;

use regate_proto::rules::Scope;

use super::answer::{self, Answer, Manner};
use super::buffer::Buffer;
use super::conduct;
use super::exchange::{Exchange, Request, unix_time};
use super::fault::Fault;
use super::first_line::RequestLine;
use super::h1::{self, Body, Fields, Limits, Method, Parse, RequestHead, Strictness, Version};
use super::key;
use super::malformed;
use super::persistence;
use super::reply::{self, Pages};
use super::rewrite;
use super::rules::{Draft, Message};
use super::scene::{Past, Scene};
use super::service;
use super::session::Session;
use super::stage::Stage;
use super::story::Story;
use super::stream::Cut;
use super::worker::Seen;
use crate::fetch::Sent;
use crate::snapshot::{Page, RulesPlan, Snapshot};

/// What becomes of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum After {
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
            Err(Cut::Nudge) if session.outlasts_stop() || !session.should_end() => {}
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
    let own = session.addresses();
    let mut fields = worker.fields();
    let snapshot: Rc<Seen>;
    let mut story = Story::begin(session);
    if let Some(upgrade) = &mut session.upgrade {
        story.wishes = std::mem::take(&mut upgrade.wishes);
        story.captures = std::mem::take(&mut upgrade.captures);
    }
    let sight = story.trail.sight.share();
    let received = {
        let mut work = pin!(receive(session, inbound, &mut fields, &mut story));
        poll_fn(|context| sight.poll(context, &worker.clock, work.as_mut())).await
    };
    let outcome = match received {
        Err(None) => {
            worker.keep_fields(fields);
            return After::Close;
        }
        Err(Some(fault)) => Err(fault),
        Ok(head) => {
            session.requests = session.requests.saturating_add(1);
            story.note_request(session, inbound.filled(), &head);
            story.note_headers(session, inbound.filled(), &fields, &head);
            snapshot = worker.snapshot();
            let there = session.renew(&snapshot);
            if !session.variables.trackers.is_empty() {
                session.variables.trackers.begin_request(worker.now());
            }
            let forwarded = {
                let mut work = pin!(forward(session, inbound, &mut fields, head, &snapshot, &mut story));
                poll_fn(|context| sight.poll(context, &worker.clock, work.as_mut())).await
            };
            if let Err(Fault::BadRequestBody(refusal)) = forwarded
                && !inbound.is_empty()
                && story.trail.connected.is_none()
            {
                malformed::keep_request(session, &story, inbound.filled(), refusal, 0);
            }
            forwarded.map(|after| if there { after } else { After::Close })
        }
    };
    worker.keep_fields(fields);
    let after = match outcome {
        Ok(after) => after,
        Err(fault) => answer(session, inbound, fault, &mut story).await,
    };
    story.end(session);
    session.set_addresses(own);
    session.variables.forget(&[Scope::Transaction, Scope::Request, Scope::Response]);
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
            story.count_in(session);
            match h1::parse_request(inbound.filled(), &Limits::default(), strictness, fields) {
                Ok(Parse::Complete(head)) => {
                    if session.frontend.accept_unsafe && !is_strict(session, inbound.filled()) {
                        session.stream.note_glitch();
                    }
                    return Ok(head);
                }
                Ok(Parse::Partial) => inbound.compact(),
                Err(refusal) => {
                    story.sight().set_bytes_in(inbound.len() as u64);
                    malformed::keep_request(session, story, inbound.filled(), refusal, 0);
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
                story.sight().set_bytes_in(inbound.len() as u64);
                return Err(Some(Fault::ClientLeftEarly));
            }
            Err(Cut::Timeout) => {
                story.sight().set_bytes_in(inbound.len() as u64);
                return Err(Some(Fault::RequestTimeout));
            }
            Err(Cut::Nudge) => {}
            Ok(count) => inbound.put(count),
        }
    }
}

/// Whether a request would be taken without any tolerance.
fn is_strict(session: &Session, request: &[u8]) -> bool {
    let mut fields = session.worker.fields();
    let outcome = h1::parse_request(request, &Limits::default(), Strictness::STRICT, &mut fields);
    session.worker.keep_fields(fields);
    outcome.is_ok()
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
    let mut body = Body::new(head.framing, &Limits::default());
    let ready = key::admit_more(&mut body, inbound, head.len, 0)?;
    let line = RequestLine::default();
    let content = Vec::new();
    let mut stage = Stage { session, inbound, fields, head, line, body, ready, content, snapshot, story };
    let backend = stage.route().await?;
    let wanted = stage.persistence(backend);
    let Stage { session, inbound, fields, head, line, mut body, mut ready, story, .. } = stage;
    session.restate(&story.wishes);
    story.trail.priority = story.wishes.priority;
    let connection = rewrite::stronger(session.frontend.connection, backend.connection);
    if key::waits_for_body(backend, &head) {
        ready = key::await_body(session, inbound, &mut body, head.len, ready).await?;
    }
    session.key =
        key::of_request(session, backend, inbound.filled(), fields, &head, ready, wanted.hashed.as_deref());
    let mut out = worker.scratch();
    if !wanted.ignores {
        let forces = wanted.forces;
        story.trail.claim =
            persistence::read_request(backend, forces, unix_time, inbound.filled(), fields, &mut out);
    }
    if let Some(server) = wanted.server {
        story.trail.claim.direct(server);
    }
    session.foreign.clear();
    for (name, occurrence) in &backend.foreign_headers {
        let found = conduct::address_in(fields, inbound.filled(), name, *occurrence);
        session.foreign.extend(found.map(|ip| ((name.clone(), *occurrence), ip)));
    }
    story.trail.identifier.clone_from(&story.unique_id);
    story.trail.redirects = matches!(head.method, Method::Get | Method::Head);
    let first = line.rewritten(&head, inbound.filled());
    let id = story.unique_id.as_deref();
    let verbatim = rewrite::request(
        session,
        backend,
        connection,
        (inbound.filled(), fields, &head, first),
        id,
        &mut out,
    );
    let request = Request { head, verbatim, ready, out, connection };
    Exchange::new((session, inbound, fields), request, body, (backend, snapshot), story).run().await
}

/// Answers a request that failed, or that a rule answers, where the response has not begun.
async fn answer(session: &mut Session, inbound: &mut Buffer, fault: Fault, story: &mut Story<'_>) -> After {
    story.fault = Some(fault);
    if story.response_begun {
        return After::Close;
    }
    let unread = !story.is_request_read(inbound);
    let body = service::begin(session, story).await;
    // Without chunks, the end of the connection is the end of the body.
    let endless = body.is_some() && story.version == Version::Http10 && !story.served.in_chunks;
    let close = fault.is_fatal() || !story.persistent || unread || endless || session.should_end();
    let prepared = match story.prepared.take() {
        Some(mut prepared) => {
            prepared = amend(session, prepared, story);
            prepared.end_with(close, story.version);
            Some(prepared)
        }
        None => page(session, fault, close, story),
    };
    // What a rule took away without a word was an answer all the same.
    let kept = matches!(fault, Fault::Rejected | Fault::AnswerRejected).then_some(story.status).flatten();
    story.status = prepared.as_ref().map_or(kept, |answer| Some(answer.status));
    if let Some(mut answer) = prepared {
        if session.frontend.conduct.adjust_case == Some(true) {
            conduct::respell(&mut answer.bytes, &session.configuration().global.conduct.header_cases);
        }
        session.timer.set(Instant::now(), session.frontend.client_timeout);
        let mut written = 0;
        let sent = session.stream.write_all(&answer.bytes, &[], &session.timer, &mut written).await;
        story.sight().add_bytes_out(written as u64);
        session.worker.keep_scratch(answer.bytes);
        if sent.is_err() {
            return After::Close;
        }
    }
    if let Some(body) = body
        && !service::relay(session, body, story).await
    {
        return After::Close;
    }
    if close {
        return if unread { After::Linger } else { After::Close };
    }
    inbound.take(story.request_length);
    After::Next
}

/// The page of a fault; `None` closes without a word.
fn page(session: &Session, fault: Fault, close: bool, story: &mut Story<'_>) -> Option<Answer> {
    let mut bytes = session.worker.scratch();
    let body = story.method != Method::Head;
    let snapshot = session.snapshot();
    let own = [story.backend.map(|backend| &backend.error_pages), Some(&session.frontend.error_pages)];
    let pages = Pages { own, shared: &snapshot.http_errors };
    // Without a word where nobody listens, or where another page would be a second answer.
    let silent = fault == Fault::StaleConnection && session.requests <= 1;
    let fault = if silent { Fault::ServerClosed } else { fault };
    if let Some(Page::Made(plan)) = fault.status().and_then(|status| pages.find(status))
        && !fault.is_early()
    {
        let line = story.sight().line();
        let account = Some(story.account(session, None));
        let mut fields = Fields::new();
        let draft = Draft {
            scene: Scene {
                session,
                snapshot: &snapshot,
                backend: story.backend,
                server: None,
                unique_id: story.unique_id.as_deref(),
                past: Past { sent: Sent::cut(&line), upstream: None, account },
            },
            buffer: &[],
            fields: &mut fields,
            message: Message::Bytes(&[], true),
            wishes: &mut story.wishes,
            captures: &mut story.captures,
        };
        let mut made = answer::reply(plan, &draft, Manner { body, pages });
        made = amend(session, made, story);
        made.end_with(close, story.version);
        return Some(made);
    }
    match reply::push(&mut bytes, fault, story.version, close, body, pages) {
        Some(status) if fault.is_early() => Some(Answer { status, bytes }),
        Some(status) => Some(amend(session, Answer { status, bytes }, story)),
        None => {
            session.worker.keep_scratch(bytes);
            None
        }
    }
}

/// Takes an answer of the proxy's own through the rules for all responses.
fn amend(session: &Session, answer: Answer, story: &mut Story<'_>) -> Answer {
    let rules = |rules: &'_ RulesPlan| !rules.http_after_response.is_empty();
    let backend = story.backend.map(|backend| backend.rules.as_ref()).filter(|plan| rules(plan));
    let frontend = Some(&session.frontend.rules).filter(|plan| rules(plan));
    if backend.is_none() && frontend.is_none() {
        return answer;
    }
    let same = story.backend.is_some_and(|backend| session.frontend.is_half_with(backend));
    let lists = [backend.filter(|_| !same), frontend]
        .map(|plan| plan.map_or(&[][..], |plan| &plan.http_after_response));
    let snapshot = session.snapshot();
    let line = story.sight().line();
    let account = Some(story.account(session, None));
    let scene = Scene {
        session,
        snapshot: &snapshot,
        backend: story.backend,
        server: None,
        unique_id: story.unique_id.as_deref(),
        past: Past { sent: Sent::cut(&line), upstream: None, account },
    };
    answer::amended(answer, scene, (&mut story.wishes, &mut story.captures), &lists, story.method)
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

/// Milliseconds for which a client that still sends is listened to after the last answer.
const LINGER: u32 = 1000;
/// Reads for which it is.
const LINGER_READS: usize = 256;
