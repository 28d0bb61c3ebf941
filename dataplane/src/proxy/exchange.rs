//! One exchange with a server, from top to bottom: reach it, send the request, await the response, relay it;
//! again where the backend tries again.

use std::task::Poll;
use std::time::{Instant, SystemTime};

use regate_proto::model::{HttpConnection, RetryReason};

use super::buffer::{Buffer, SMALL};
use super::capture;
use super::clock::Timer;
use super::conduct;
use super::fault::Fault;
use super::first_line::StatusLine;
use super::h1::{
    self, Asked, Body, Fields, Framing, Known, Limits, Parse, RequestHead, ResponseHead, Strictness, Version,
};
use super::http::After;
use super::inspection::Look;
use super::malformed;
use super::persistence::Answered;
use super::relay::{self, Direction, End, Ends, Flow, Halt, admit};
use super::response::Arrived;
use super::rewrite;
use super::rules::Message;
use super::session::Session;
use super::story::Story;
use super::stream::{Cut, poll_timer};
use super::upstream::{self, Held, Way};
use crate::fetch::Side;
use crate::snapshot::{BackendPlan, Snapshot};
use crate::streams::Progress;

/// A request with everything that it is served with.
pub(super) struct Exchange<'s, 'a> {
    pub(super) session: &'s mut Session,
    /// The client's bytes: the request's head, what came of its body, and what follows.
    pub(super) inbound: &'s mut Buffer,
    pub(super) fields: &'s mut Fields,
    pub(super) request: Request,
    /// What is still to come of the request's body.
    upload: Option<Flow>,
    pub(super) backend: &'a BackendPlan,
    pub(super) snapshot: &'a Snapshot,
    pub(super) story: &'s mut Story<'a>,
    /// How far the rules for an answer's bytes came.
    pub(super) look: Look,
    /// Whether the server's connection may carry a further exchange, although a rule took its response away.
    spare: bool,
}

/// A request that is ready to go out.
pub(super) struct Request {
    pub(super) head: RequestHead,
    /// Whether the head goes out as it came.
    pub(super) verbatim: bool,
    /// Bytes of the body that follow the head in the buffer.
    pub(super) ready: usize,
    /// The head that goes out, where it is another.
    pub(super) out: Vec<u8>,
    pub(super) connection: HttpConnection,
}

/// What is left when a response has gone out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Reply {
    after: After,
    /// Whether the server's connection may carry a further exchange.
    keeps: bool,
}

/// What came back from a server.
enum Outcome {
    /// A response that is on its way to the client, all of it.
    Relayed(Reply),
    /// A response with a status that is a reason to try again.
    Unwanted,
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

impl<'s, 'a> Exchange<'s, 'a> {
    /// An exchange that has not begun; `body` is the framing of what is to come of the request's body.
    pub(super) fn new(
        (session, inbound, fields): (&'s mut Session, &'s mut Buffer, &'s mut Fields),
        request: Request,
        body: Body,
        (backend, snapshot): (&'a BackendPlan, &'a Snapshot),
        story: &'s mut Story<'a>,
    ) -> Exchange<'s, 'a> {
        let mut upload = (!body.is_done()).then(|| Flow::new(&session.worker, body));
        if backend.retry_on.resends()
            && session.retries(backend) > 0
            && let Some(upload) = &mut upload
        {
            upload.hold(HELD.saturating_sub(request.head.len + request.ready));
        }
        story.sight().add_bytes_in(request.ready as u64);
        let (look, spare) = (Look::Over, false);
        Exchange { session, inbound, fields, request, upload, backend, snapshot, story, look, spare }
    }

    /// Runs it to its end, as often as the backend tries.
    pub(super) async fn run(mut self) -> Result<After, Fault> {
        let (mut held, mut reusable) = (Held::default(), true);
        let outcome = loop {
            let reached = upstream::reach(self.session, self.backend, reusable, held, &mut self.story.trail);
            let mut way = match reached.await {
                Ok(way) => way,
                Err(fault) => {
                    if fault == Fault::Redirected {
                        self.send_away();
                    }
                    break Err(fault);
                }
            };
            let before = way.upstream.stream.carried();
            let conversed = self.converse(&mut way).await;
            self.story.note_carried(before, way.upstream.stream.carried());
            match conversed {
                Ok(Outcome::Relayed(reply)) => {
                    if reply.keeps {
                        upstream::release(self.session, self.backend, way);
                    }
                    break Ok(self.settle(reply.after));
                }
                Ok(Outcome::Unwanted) => {
                    self.story.trail.retries += 1;
                    held = self.again(way);
                }
                // The server closed a kept connection just as it was used: no failure of this request.
                Err(Fault::StaleConnection) if reusable && self.is_repeatable() => {
                    held = Held::at(way);
                    reusable = false;
                }
                Err(fault) if self.retries_after(fault) => {
                    self.story.trail.retries += 1;
                    if fault == Fault::BadResponse {
                        self.count_junk(&way);
                    }
                    held = self.again(way);
                }
                Err(fault) => {
                    if self.spare {
                        upstream::release(self.session, self.backend, way);
                    }
                    if let Some((refusal, rest)) = self.upload.as_ref().and_then(Flow::malformed) {
                        let skipped = self.story.sight().bytes_in().saturating_sub(rest.len() as u64);
                        malformed::keep_request(self.session, self.story, rest, refusal, skipped);
                    }
                    break Err(fault);
                }
            }
        };
        let out = std::mem::take(&mut self.request.out);
        self.session.worker.keep_scratch(out);
        outcome
    }

    /// Leaves the client's bytes where the next request begins.
    fn settle(&mut self, after: After) -> After {
        self.story.carried.request_spliced += self.upload.as_ref().map_or(0, |upload| upload.spliced);
        match self.upload.take() {
            Some(upload) if upload.is_done() => match upload.into_rest() {
                Some(rest) => *self.inbound = rest,
                None => self.inbound.take(self.inbound.len()),
            },
            Some(_) => return After::Linger,
            None => self.inbound.take(self.request.head.len + self.request.ready),
        }
        after
    }

    /// Whether the request may be sent once more without being asked to: it has no effect twice, and is here.
    fn is_repeatable(&self) -> bool {
        self.upload.is_none() && self.request.head.method.is_idempotent()
    }

    /// Whether the backend tries again after this.
    fn retries_after(&self, fault: Fault) -> bool {
        let reason = match fault {
            Fault::ServerClosed | Fault::StaleConnection => RetryReason::EmptyResponse,
            Fault::BadResponse => RetryReason::JunkResponse,
            Fault::ServerTimeout => RetryReason::ResponseTimeout,
            _ => return false,
        };
        !self.story.response_begun && self.tries_again(reason)
    }

    fn tries_again(&self, reason: RetryReason) -> bool {
        let backend = self.backend;
        let is_held = match &self.upload {
            Some(upload) => upload.held().is_some(),
            None => self.request.head.len + self.request.ready <= HELD,
        };
        !self.story.wishes.no_retry
            && self.story.trail.retries < self.session.retries(backend)
            && backend.retry_on.contains(reason)
            && is_held
    }

    /// The next attempt, after one that was sent in vain.
    fn again(&mut self, way: Way<'a>) -> Held<'a> {
        let worker = self.session.worker.index;
        // HAProxy counts such a retry twice: when it is decided, and when the connection is made again.
        way.server.live.exchanges.retries.add(worker, 1);
        self.backend.live.exchanges.retries.add(worker, 1);
        self.story.forget_response();
        upstream::retry(self.session, self.backend, way.into_place(), &mut self.story.trail)
    }

    fn count_junk(&self, way: &Way<'_>) {
        let worker = self.session.worker.index;
        way.server.live.exchanges.response_errors.add(worker, 1);
        self.backend.live.exchanges.response_errors.add(worker, 1);
    }

    /// Sends the request over a connection and relays what comes back.
    async fn converse(&mut self, way: &mut Way<'a>) -> Result<Outcome, Fault> {
        let lost = if way.reused { Fault::StaleConnection } else { Fault::ServerClosed };
        match self.send(way).await {
            // A server may answer and close before it has read everything: what it said is read all the same.
            Ok(()) | Err(Cut::Nudge) => {}
            Err(Cut::Broken) if way.reused => return Err(lost),
            Err(Cut::Broken) => {}
            Err(Cut::Timeout) => return Err(Fault::ServerDataTimeout),
        }
        let asked = Instant::now();
        self.inspect(way, asked, None)?;
        let mut response = self.session.worker.buffers.small();
        loop {
            self.fields.clear();
            let head = self.await_head(&mut response, way, lost).await?;
            if !head.is_interim() {
                if self.tries_again(RetryReason::Status(head.status)) {
                    return Ok(Outcome::Unwanted);
                }
                self.inspect(way, asked, Some((&head, response.filled())))?;
                self.story.note_response(self.session, head.status);
                if !self.backend.rules.sticks.is_empty() {
                    self.note_server(way, &head, response.filled());
                }
                let plan = &self.session.frontend.captures;
                let headers = self.fields.iter(response.filled());
                capture::keep(plan, Side::Response, headers, &mut self.story.captures);
                self.story.note_connection(self.session, way);
                self.story.log_early(self.session, response.len() as u64);
                let reply = match head.framing {
                    Framing::Tunnel => self.tunnel(response, head, way).await,
                    _ => self.respond(response, head, way).await,
                };
                return reply.map(Outcome::Relayed);
            }
            self.relay_interim(&mut response, head).await?;
        }
    }

    /// Sends the head, what there is of the body, and what was sent of it before.
    async fn send(&mut self, way: &Way<'_>) -> Result<(), Cut> {
        let (first, second) = self.request.parts(self.inbound);
        let mut named = Vec::new();
        let first = match &self.backend.conduct.name_header {
            Some(header) if !way.server.is_nameless => {
                conduct::named(first, header, way.server.name.as_str(), &mut named);
                if self.backend.conduct.adjust_case == Some(true) {
                    conduct::respell(&mut named, &self.snapshot.global.conduct.header_cases);
                }
                &named
            }
            _ => first,
        };
        let timer = &self.session.timer;
        timer.set(Instant::now(), self.server_timeout());
        way.upstream.stream.write_all(first, second, timer, &mut 0).await?;
        match self.upload.as_ref().and_then(Flow::held) {
            Some(held) if !held.is_empty() => way.upstream.stream.write_all(held, &[], timer, &mut 0).await,
            _ => Ok(()),
        }
    }

    /// Awaits a response's head, sending the rest of the request meanwhile.
    async fn await_head(
        &mut self,
        response: &mut Buffer,
        way: &Way<'_>,
        lost: Fault,
    ) -> Result<ResponseHead, Fault> {
        let (session, backend, sight) = (&*self.session, self.backend, self.story.trail.sight.share());
        let asked = Asked { method: self.request.head.method, upgrade: self.request.head.upgrade.is_some() };
        let strictness = if backend.accept_unsafe { Strictness::RELAXED } else { Strictness::STRICT };
        let upward = Timer::new(&session.worker.clock);
        let patience = (self.client_timeout(), self.server_timeout());
        let client = End::new(&session.stream, &upward, patience.0, patience.0).metered(self.story.sight());
        let server = End::new(&way.upstream.stream, &session.timer, patience.1, patience.1);
        let mut sending = self.upload.as_ref().is_some_and(|upload| !upload.is_done());
        self.story.sight().enter(if sending { Progress::Sending } else { Progress::Waiting });
        if sending {
            client.touch();
        }
        loop {
            if !response.is_empty() {
                let limits = Limits::default();
                match h1::parse_response(response.filled(), asked, &limits, strictness, self.fields) {
                    Ok(Parse::Complete(head)) => {
                        if backend.accept_unsafe && !is_strict(session, response.filled(), asked) {
                            malformed::note_glitch(way, self.story);
                        }
                        return Ok(head);
                    }
                    Ok(Parse::Partial) => response.compact(),
                    Err(refusal) => {
                        let at = (backend, way, &*self.story);
                        malformed::keep_response(session, at, response.filled(), refusal, 0);
                        return Err(Fault::BadResponse);
                    }
                }
            }
            let count = std::future::poll_fn(|context| {
                if sending && let Some(upload) = &mut self.upload {
                    let ends = Ends { from: &client, to: &server };
                    match upload.poll(context, ends) {
                        Poll::Ready(Ok(())) | Poll::Ready(Err(Halt::ReceiverGone)) => {
                            sending = false;
                            sight.enter(Progress::Waiting);
                        }
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
                let waits = backend.abort_on_close && self.upload.is_none();
                if waits && session.stream.poll_left(context).is_ready() {
                    return Poll::Ready(Err(Fault::ClientLeftWaiting));
                }
                match poll_timer(&session.timer, context) {
                    Poll::Ready(Cut::Timeout) => Poll::Ready(Err(Fault::ServerTimeout)),
                    _ => Poll::Pending,
                }
            })
            .await?;
            response.put(count);
        }
    }

    /// Passes on a response that announces another (RFC 9110, 15.2).
    async fn relay_interim(&mut self, response: &mut Buffer, head: ResponseHead) -> Result<(), Fault> {
        self.story.note_interim(self.session, head.status);
        // HTTP/1.0 knows no such responses.
        if self.request.head.version == Version::Http11 {
            let mut out = self.session.worker.scratch();
            head.drop_hop_by_hop(response.filled(), self.fields);
            self.fields.write(response.filled(), None, &[], &mut out);
            if let Some(spellings) = conduct::spellings(self.session, self.snapshot) {
                conduct::respell(&mut out, spellings);
            }
            self.tell_client(out).await?;
        }
        response.take(head.len);
        Ok(())
    }

    /// Sends a response to the client.
    async fn respond(
        &mut self,
        mut response: Buffer,
        head: ResponseHead,
        way: &Way<'_>,
    ) -> Result<Reply, Fault> {
        let request = &self.request;
        // An HTTP/1.0 client knows no chunks.
        let decodes = request.head.version == Version::Http10 && head.framing == Framing::Chunked;
        let mut body = match decodes {
            true => Body::decoding(head.framing, &Limits::default()),
            false => Body::new(head.framing, &Limits::default()),
        };
        let until_close = head.framing == Framing::UntilClose || decodes;
        let uploaded = self.upload.as_ref().is_none_or(|upload| upload.is_done());
        let connection = request.connection;
        let persists = request.head.persistent
            && connection != HttpConnection::Close
            && !until_close
            && uploaded
            && !self.session.should_end();
        let after = if persists { After::Next } else { After::Close };
        let mut ready = admit(&mut body, &mut response, head.len).map_err(|mut refusal| {
            refusal.at += head.len;
            let at = (self.backend, way, &*self.story);
            malformed::keep_response(self.session, at, response.filled(), refusal, 0);
            Fault::BadResponse
        })?;
        if decodes {
            self.fields.drop_known(Known::TransferEncoding);
        }
        let mut out = self.session.worker.scratch();
        let mut added = self.cookies(way, &head, response.filled());
        let uploads = uploaded && connection == HttpConnection::KeepAlive && self.look != Look::Close;
        let keeps = head.persistent && !until_close && uploads;
        let mut arrived =
            Arrived { buffer: &mut response, body: &mut body, ready: &mut ready, is_asked: uploaded };
        let line = match self.amend(way, &head, &mut arrived, &mut added).await {
            Ok(line) => line,
            Err(fault) => {
                // All of it is here: the next answer of this connection is another's.
                let whole = body.is_done() && response.len() == head.len + ready;
                self.spare = keeps && whole && matches!(fault, Fault::ResponseDenied | Fault::Replaced);
                return Err(fault);
            }
        };
        rewrite::add_connection(self.request.head.version, persists, &mut added);
        let added_to = (added.as_slice(), conduct::spellings(self.session, self.snapshot));
        let verbatim = rewrite::response(response.filled(), self.fields, &head, added_to, line, &mut out);
        self.session.worker.keep_scratch(added);
        let end = head.len + ready;
        let (first, second) = rewrite::joined(verbatim, &mut out, &response.filled()[..end], head.len);
        self.session.timer.set(Instant::now(), self.client_timeout());
        let mut written = 0;
        let sent = self.session.stream.write_all(first, second, &self.session.timer, &mut written).await;
        self.story.sight().add_bytes_out(written as u64);
        self.session.worker.keep_scratch(out);
        self.story.response_begun = true;
        sent.map_err(client_fault)?;
        response.take(end);
        if !body.is_done() && self.look == Look::Close {
            return Err(Fault::ServerAborted);
        }
        if !body.is_done() {
            drop(response);
            self.relay_body(body, way).await?;
        } else if !response.is_empty() {
            // The server sent more than it announced: who knows what it answers.
            malformed::note_glitch(way, self.story);
            return Ok(Reply { after, keeps: false });
        }
        Ok(Reply { after, keeps })
    }

    /// Treats the cookies of a response; gives the lines that are added.
    fn cookies(&mut self, way: &Way<'_>, head: &ResponseHead, buffer: &[u8]) -> Vec<u8> {
        let mut added = self.session.worker.scratch();
        if let Some(plan) = self.backend.cookie.as_ref().filter(|_| !way.server.is_nameless) {
            let method = self.request.head.method;
            let answered = Answered { server: &way.server, method, status: head.status, now: unix_time() };
            let claim = &self.story.trail.claim;
            self.story.told =
                super::persistence::write_response(plan, claim, &answered, buffer, self.fields, &mut added);
        }
        added
    }

    /// Notes the server where rules want its clients to stay with it.
    fn note_server(&mut self, way: &Way<'_>, head: &ResponseHead, buffer: &[u8]) {
        let mut stores = std::mem::take(&mut self.story.stores);
        let backend = self.backend;
        let mut line = StatusLine::default();
        let draft = self.draft(way, buffer, Message::Response(head, &mut line, &[], None));
        draft.stick_by_response(backend, &mut stores);
        stores.note(&way.server, self.session.worker.now());
    }

    /// Prepares the answer that sends the client to where its server wants it to go.
    fn send_away(&mut self) {
        let manner = self.story.trail.server.as_ref().and_then(|server| server.manner.as_deref());
        let (head, _) = self.request.parts(self.inbound);
        let prefix = manner.and_then(|manner| manner.redirect.as_deref()).unwrap_or_default();
        self.story.prepared = conduct::redirection(prefix, self.request.head.method, head);
    }

    fn client_timeout(&self) -> u32 {
        self.story.wishes.client_timeout.unwrap_or(self.session.frontend.client_timeout)
    }

    fn server_timeout(&self) -> u32 {
        self.story.wishes.server_timeout.unwrap_or(self.backend.server_timeout)
    }

    /// Relays what is left of a response's body, and of the request's where the server answered early.
    async fn relay_body(&mut self, body: Body, way: &Way<'_>) -> Result<(), Fault> {
        let session = &*self.session;
        let mut download = Flow::new(&session.worker, body);
        let timer = Timer::new(&session.worker.clock);
        let patience = (self.client_timeout(), self.server_timeout());
        let client =
            End::new(&session.stream, &session.timer, patience.0, patience.0).metered(self.story.sight());
        let server = End::new(&way.upstream.stream, &timer, patience.1, patience.1);
        self.story.sight().note_timer(&timer);
        let outcome = match self.upload.as_mut().filter(|upload| !upload.is_done()) {
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
        self.story.carried.response_spliced += download.spliced;
        if let Some((refusal, rest)) = download.malformed() {
            let at = (self.backend, way, &*self.story);
            malformed::keep_response(session, at, rest, refusal, self.story.sight().bytes_out());
        }
        outcome?;
        if download.into_rest().is_some() {
            return Err(Fault::BadResponseBody);
        }
        Ok(())
    }

    /// Relays everything, once a 101 or the answer to CONNECT has opened a tunnel.
    async fn tunnel(
        &mut self,
        mut response: Buffer,
        head: ResponseHead,
        way: &Way<'_>,
    ) -> Result<Reply, Fault> {
        let mut out = self.session.worker.scratch();
        let mut added = self.cookies(way, &head, response.filled());
        // A tunnel has no body that could be waited for.
        let (mut body, mut ready) = (Body::new(Framing::None, &Limits::default()), 0);
        let mut arrived =
            Arrived { buffer: &mut response, body: &mut body, ready: &mut ready, is_asked: false };
        let line = self.amend(way, &head, &mut arrived, &mut added).await?;
        head.drop_hop_by_hop(response.filled(), self.fields);
        self.fields.write(response.filled(), line.as_deref(), &added, &mut out);
        self.session.worker.keep_scratch(added);
        self.story.response_begun = true;
        self.tell_client(out).await?;
        response.take(head.len);
        let (session, backend) = (&*self.session, self.backend);
        let mut upward = Flow::tunnel(&session.worker);
        let mut downward = Flow::tunnel(&session.worker);
        self.inbound.take(self.request.head.len + self.request.ready);
        let rest = std::mem::replace(self.inbound, session.worker.buffers.small());
        let (up, down) = (rest.len(), response.len());
        upward.preload(rest, up);
        downward.preload(response, down);
        let timer = Timer::new(&session.worker.clock);
        let wishes = &self.story.wishes;
        let tunnel = wishes.tunnel_timeout.or(backend.tunnel_timeout);
        let patience = |own: u32| tunnel.unwrap_or(own);
        let plan = &session.frontend;
        let client =
            End::new(&session.stream, &session.timer, patience(plan.client_timeout), plan.client_fin_timeout)
                .metered(self.story.sight());
        let server = End::new(
            &way.upstream.stream,
            &timer,
            patience(backend.server_timeout),
            backend.server_fin_timeout,
        );
        self.story.sight().note_timer(&timer);
        self.story.sight().enter(Progress::Tunnel);
        let outcome = relay::exchange(&mut upward, &mut downward, &client, &server).await;
        self.story.carried.request_spliced += upward.spliced;
        self.story.carried.response_spliced += downward.spliced;
        outcome.map_err(|(direction, halt)| match direction {
            Direction::Up => upload_fault(halt),
            Direction::Down => download_fault(halt),
        })?;
        Ok(Reply { after: After::Close, keeps: false })
    }

    /// Sends a head of ours to the client, and gives its bytes back.
    async fn tell_client(&mut self, out: Vec<u8>) -> Result<(), Fault> {
        self.session.timer.set(Instant::now(), self.session.frontend.client_timeout);
        let mut written = 0;
        let sent = self.session.stream.write_all(&out, &[], &self.session.timer, &mut written).await;
        self.story.sight().add_bytes_out(written as u64);
        self.session.worker.keep_scratch(out);
        sent.map_err(client_fault)
    }
}

/// Whether a response would be taken without any tolerance.
fn is_strict(session: &Session, response: &[u8], asked: Asked) -> bool {
    let mut fields = session.worker.fields();
    let outcome = h1::parse_response(response, asked, &Limits::default(), Strictness::STRICT, &mut fields);
    session.worker.keep_fields(fields);
    outcome.is_ok()
}

/// Seconds since the Unix epoch, which cookies count.
pub(super) fn unix_time() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs())
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

/// Bytes of a request that are held so that it can be sent once more: what fits HAProxy's buffer less the part that
/// it reserves.
const HELD: usize = SMALL - 1024;
