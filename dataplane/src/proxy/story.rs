//! What is known of an exchange while it goes on, and what it leaves behind: counters and a log line.

use std::cell::Cell;
use std::net::SocketAddr;
use std::sync::atomic::Ordering;
use std::time::Instant;

use regate_proto::model::{Mode, Name};

use super::answer::Answer;
use super::buffer::Buffer;
use super::capture;
use super::ends::Ends;
use super::fault::Fault;
use super::h1::{Fields, Framing, Method, RequestHead, Span, Version};
use super::log::{Purpose, letters};
use super::persistence::Told;
use super::record::{Record, Termination};
use super::service::Served;
use super::session::Session;
use super::sight::{Register, Sight, Watch};
use super::tracking::Stores;
use super::underway::{Presence, Underway};
use super::upstream::{Trail, Way};
use super::wishes::Wishes;
use crate::fetch::{Account, Captures, Course, Facts, Phases, Request, Sent, Side, View};
use crate::live::{Carried, Counter, Exchanges, Statuses, StreamEnd, Traffic};
use crate::snapshot::{BackendPlan, ServerPlan, Target};
use crate::streams::Progress;

/// An exchange so far.
#[derive(Debug)]
pub(crate) struct Story<'a> {
    pub(crate) started: Instant,
    received: Option<Instant>,
    responded: Option<Instant>,
    pub(crate) method: Method,
    pub(crate) version: Version,
    /// Whether the client lets its connection live on.
    pub(crate) persistent: bool,
    /// Bytes of head and body in the client's buffer; `None` when the body's end is not known from the head.
    whole: Option<usize>,
    pub(crate) request_length: usize,
    pub(crate) status: Option<u16>,
    /// The bytes between proxy and servers; those of the client are seen of it.
    pub(crate) carried: Carried,
    pub(crate) backend: Option<&'a BackendPlan>,
    presence: Option<Presence<'a>>,
    pub(crate) trail: Trail<'a>,
    /// What became of the cookie in the response.
    pub(crate) told: Told,
    pub(crate) fault: Option<Fault>,
    /// What rules decided beside the messages themselves.
    pub(crate) wishes: Wishes,
    /// The entries of stick tables in which the server is to be noted.
    pub(super) stores: Stores,
    /// Who of the proxy itself answers in the place of a server.
    pub(super) served: Served,
    /// The answer that a rule asks for.
    pub(crate) prepared: Option<Answer>,
    /// Whether something of the response has gone to the client.
    pub(crate) response_begun: bool,
    /// What was kept of the request and the response.
    pub(crate) captures: Captures,
    /// The identifier of the request, where it has one.
    pub(crate) unique_id: Option<Box<[u8]>>,
    /// How many requests, or TCP sessions, came before, where somebody asks.
    number: u32,
    /// Our address towards the server, where somebody asks.
    source: Option<SocketAddr>,
    /// Whether its line is written.
    logged: bool,
    underway: Option<Underway>,
}

impl<'a> Story<'a> {
    /// What is known of a session when nothing is known of an exchange.
    pub(crate) fn sketch(session: &Session) -> Record {
        Story::numbered(0, Watch::default()).record(session, Vec::new(), None)
    }

    /// The first byte is there, or is awaited.
    pub(crate) fn begin(session: &Session) -> Story<'a> {
        let number = match session.frontend.needs.request_number {
            true => session.worker.shared.live.process.numbered.fetch_add(1, Ordering::Relaxed),
            false => 0,
        };
        Story::numbered(number, Register::enter(session))
    }

    fn numbered(number: u32, sight: Watch) -> Story<'a> {
        Story {
            started: Instant::now(),
            received: None,
            responded: None,
            method: Method::Get,
            version: Version::Http11,
            persistent: false,
            whole: None,
            request_length: 0,
            status: None,
            carried: Carried::default(),
            backend: None,
            presence: None,
            trail: Trail { sight, ..Trail::default() },
            told: Told::default(),
            fault: None,
            wishes: Wishes::default(),
            stores: Stores::default(),
            served: Served::default(),
            prepared: None,
            response_begun: false,
            captures: Captures::default(),
            unique_id: None,
            number,
            source: None,
            logged: false,
            underway: None,
        }
    }

    /// Counts it among those that are under way, until it is dropped.
    pub(crate) fn count_in(&mut self, session: &Session) {
        if self.underway.is_none() {
            self.underway = Some(Underway::begin(session));
        }
    }

    /// Notes what went over a server's connection between two readings of what it has carried.
    pub(crate) fn note_carried(&mut self, before: [u64; 2], after: [u64; 2]) {
        let [received, sent] = [0, 1].map(|way: usize| after[way].saturating_sub(before[way]));
        self.carried.response_received += received;
        self.carried.request_sent += sent;
    }

    /// What others see of it.
    pub(crate) fn sight(&self) -> &Sight {
        &self.trail.sight
    }

    /// The ends of the exchange's connections.
    pub(crate) fn ends<'v>(
        &self,
        session: &Session,
        destination: &'v dyn Fn() -> Option<SocketAddr>,
    ) -> Ends<'v> {
        let server = self.trail.server.as_ref().filter(|_| self.trail.connected.is_some());
        let upstream = server.map(|server| (self.source, address_of(server)));
        let glitches = (session.stream.glitches(), self.trail.glitches.get());
        Ends { source: session.peer, destination, upstream, glitches, undecided: Cell::new(false) }
    }

    /// What samples may look at when neither message is there.
    pub(crate) fn view<'v>(&'v self, session: &'v Session, ends: &'v Ends<'v>) -> View<'v> {
        let [last_rule, waiting_rule] = self.wishes.passed_in_all();
        View {
            snapshot: session.configuration(),
            live: &session.worker.shared.live,
            now: session.worker.now(),
            frontend: Some(&session.frontend),
            backend: self.backend,
            server: self.trail.server.as_ref().map(|server| &***server),
            source: self.wishes.source.or(session.peer),
            destination: ends.destination,
            bind_id: session.bind_id,
            request: None,
            response: None,
            payload: &[],
            opening: None,
            whole: true,
            first: session.requests <= 1,
            variables: &session.variables,
            answer: &[],
            undecided: &ends.undecided,
            connection: ends,
            facts: Facts {
                worker: session.worker.index,
                accepted: Some(session.at_wall),
                unique_id: self.unique_id.as_deref(),
                captures: Some(&self.captures),
                client_timeout: self.wishes.client_timeout,
                account: Some(self.account(session, None)),
                server_timeout: self.wishes.server_timeout,
                tunnel_timeout: self.wishes.tunnel_timeout,
                priority: self.wishes.priority,
                last_rule,
                waiting_rule,
                course: Course {
                    failed: self.fault.is_some(),
                    forwarded: self.trail.server.is_some(),
                    served: self.served.by.is_some(),
                },
                ..Facts::default()
            },
        }
    }

    /// Gives the request, or the connection where there are none, its identifier, where the frontend wants one.
    pub(crate) fn identify(&mut self, session: &Session, request: Option<Request<'_>>) {
        let Some(plan) = &session.frontend.unique_id else { return };
        let mut id = session.worker.scratch();
        {
            let destination = || session.destination();
            let ends = self.ends(session, &destination);
            let mut view = self.view(session, &ends);
            view.request = request;
            let record = plan.has_aliases().then(|| self.record(session, Vec::new(), None));
            let mode = session.frontend.mode;
            session.worker.log.fill(&mut id, plan, Purpose::Line, mode, record.as_ref(), Some(&view));
        }
        self.unique_id = Some(id.as_slice().into());
        session.worker.keep_scratch(id);
    }

    /// A connection to a server is there: notes its ends, where somebody asks.
    pub(crate) fn note_connection(&mut self, session: &Session, way: &Way<'_>) {
        if session.frontend.needs.source {
            self.source = way.upstream.stream.local();
        }
    }

    /// Writes the line before the exchange is over, where the frontend wants it so (`option logasap`).
    /// So many bytes are on their way to the client.
    pub(crate) fn log_early(&mut self, session: &Session, bytes: u64) {
        if session.frontend.log.as_ref().is_some_and(|plan| plan.early) {
            let line = self.sight().take_line();
            let sent = self.sight().replace_bytes_out(bytes);
            self.log(session, line, None);
            self.sight().replace_bytes_out(sent);
        }
    }

    fn log(&mut self, session: &Session, line: Vec<u8>, ended: Option<Instant>) {
        let Some(plan) = session.frontend.log.as_ref().filter(|_| !self.logged) else {
            return session.worker.keep_scratch(line);
        };
        self.logged = true;
        self.captures.settle();
        let mut record = self.record(session, line, ended);
        let destination = || session.destination();
        let ends = self.ends(session, &destination);
        let mut view = self.view(session, &ends);
        view.facts.sent = Sent::cut(&record.request_line);
        view.facts.account = Some(self.account(session, ended));
        session.worker.log.record(&session.frontend.live, plan, &record, Some(&view));
        session.worker.keep_scratch(std::mem::take(&mut record.request_line));
    }

    /// The request's head is complete.
    pub(crate) fn note_request(&mut self, session: &Session, buffer: &[u8], head: &RequestHead) {
        let now = Instant::now();
        self.received = Some(now);
        (self.method, self.version, self.persistent) = (head.method, head.version, head.persistent);
        self.sight().set_bytes_in(head.len as u64);
        self.sight().note_request(session, head.method, buffer.len());
        self.whole = match head.framing {
            Framing::None => Some(head.len),
            Framing::Length(length) => {
                usize::try_from(length).ok().and_then(|length| head.len.checked_add(length))
            }
            _ => None,
        };
        let frontend = &session.frontend;
        if frontend.log.is_some() || !frontend.rules.answers_nothing() || frontend.error_pages.are_made() {
            let end = buffer.get(head.target.end as usize..).and_then(|rest| memchr::memchr(b'\r', rest));
            let line = Span { start: head.start as u32, end: head.target.end + end.unwrap_or(0) as u32 };
            self.sight().push_line(line.of(buffer));
        }
        let worker = session.worker.index;
        let process = &session.worker.shared.live.process;
        process.requests_total.add(worker, 1);
        let live = &session.frontend.live;
        live.count_request(worker, process.at(now));
    }

    /// A rule held the request back: as if it had waited without being received.
    pub(crate) fn hold_back(&mut self) {
        self.received = None;
        self.trail.dequeued = Some(Instant::now());
    }

    /// A service answers: it took no time to reach.
    pub(crate) fn note_service(&mut self) {
        (self.trail.dequeued, self.trail.connected) = (self.received, self.received);
        self.responded = self.received;
    }

    /// A rule took the response away: as if it had not come, except for the server that sent it.
    pub(crate) fn unanswer(&mut self, session: &Session) {
        self.responded = None;
        if let Some((server, status)) = self.trail.server.as_ref().zip(self.status) {
            server.live.exchanges.statuses.add(session.worker.index, status);
        }
    }

    /// The response did not come whole in time: as if nobody had answered.
    pub(crate) fn miss_answer(&mut self) {
        self.responded = None;
    }

    /// Whether it is one of HTTP, whose request is there.
    pub(crate) fn received_request(&self) -> bool {
        self.received.is_some()
    }

    /// More of the request was waited for: the time of its reception is now.
    pub(crate) fn receive_on(&mut self) {
        self.received = Some(Instant::now());
    }

    /// A rule closes the connection: as if the request had not been received.
    pub(crate) fn unreceive(&mut self) {
        self.received = None;
    }

    /// Keeps what the frontend wants to know of the headers that came, and gives the request its identifier.
    pub(crate) fn note_headers(
        &mut self,
        session: &Session,
        buffer: &[u8],
        fields: &Fields,
        head: &RequestHead,
    ) {
        capture::keep(&session.frontend.captures, Side::Request, fields.iter(buffer), &mut self.captures);
        if session.frontend.unique_id.is_none() {
            return;
        }
        let target = head.target.of(buffer);
        let end = (head.target.start as usize).saturating_sub(1);
        let request = Request {
            method: buffer.get(head.start..end).unwrap_or_default(),
            target,
            version: match head.version {
                Version::Http10 => "1.0",
                Version::Http11 => "1.1",
            },
            headers: &capture::Came { buffer, fields },
            body: &[],
            body_length: None,
        };
        self.identify(session, Some(request));
    }

    /// The request is routed.
    pub(crate) fn enter(&mut self, session: &Session, backend: &'a BackendPlan) {
        self.backend = Some(backend);
        let worker = session.worker.index;
        let now = session.worker.now();
        self.sight().note_backend(session, backend);
        self.presence = Some(Presence::in_gauge(&backend.live.sessions));
        backend.live.exchanges.begin(worker, now);
        if backend.mode == regate_proto::model::Mode::Http {
            backend.live.exchanges.requests.add(worker, 1);
        }
    }

    /// The final response's head is complete.
    pub(crate) fn note_response(&mut self, session: &Session, status: u16) {
        self.responded = Some(Instant::now());
        self.status = Some(status);
        self.sight().note_status(status);
        self.sight().enter(Progress::Responding);
        if let Some(server) = &self.trail.server {
            server.live.exchanges.requests.add(session.worker.index, 1);
        }
    }

    /// The request is tried again: what came of it so far does not count.
    pub(crate) fn forget_response(&mut self) {
        self.trail.connected = None;
    }

    /// A response that announces another was passed on.
    pub(crate) fn note_interim(&mut self, session: &Session, status: u16) {
        self.each_statuses(session, |statuses, worker| statuses.add(worker, status));
    }

    /// Whether all of the request lies in the client's buffer, so that a further one may follow.
    pub(crate) fn is_request_read(&mut self, inbound: &Buffer) -> bool {
        self.request_length = self.whole.unwrap_or(0);
        self.whole.is_some_and(|whole| inbound.len() >= whole)
    }

    /// The exchange is over: counters, then the log.
    pub(crate) fn end(mut self, session: &Session) {
        let now = Instant::now();
        let line = self.sight().take_line();
        self.presence = None;
        self.count(session, now);
        self.let_go(session);
        if let Some((backend, server)) = self.backend.zip(self.trail.server.as_ref()) {
            super::observe::observe_answer(
                session,
                backend,
                server,
                self.status.filter(|_| self.responded.is_some()),
                self.fault,
            );
        }
        self.log(session, line, Some(now));
        session.since.set(now);
    }

    /// What is known of a connection that did not become a session.
    pub(crate) fn refused(&self, session: &Session) -> Record {
        self.record(session, Vec::new(), Some(Instant::now()))
    }

    /// Counts in the entries that rules hold, and lets those of the stream go.
    fn let_go(&self, session: &Session) {
        let trackers = &session.variables.trackers;
        if trackers.is_empty() {
            return;
        }
        let conduct = &session.configuration().global.conduct;
        let by_server =
            |wanted: &dyn Fn(u16) -> bool| self.responded.is_some() && self.status.is_some_and(wanted);
        let end = StreamEnd {
            request_failed: self.fault.is_some_and(Fault::is_clients_error)
                || by_server(&|status| conduct.is_error(status)),
            server_failed: self.fault.is_some_and(Fault::is_servers_failure)
                || by_server(&|status| conduct.is_failure(status)),
            bytes_in: self.sight().bytes_in(),
            bytes_out: self.sight().bytes_out(),
            glitches: session.take_glitches(),
        };
        trackers.end_stream(end, session.worker.now());
    }

    fn count(&self, session: &Session, now: Instant) {
        let worker = session.worker.index;
        let live = &session.frontend.live;
        if let Some(status) = self.status {
            self.each_statuses(session, |statuses, worker| statuses.add(worker, status));
        }
        let (bytes_in, bytes_out) = (self.sight().bytes_in(), self.sight().bytes_out());
        let carried = Carried { bytes_in, bytes_out, ..self.carried };
        let add = |traffic: &Traffic| traffic.add(worker, carried);
        add(&live.traffic);
        add(&session.admission.bind.traffic);
        if let Some(backend) = self.backend {
            add(&backend.live.exchanges.traffic);
        } else if self.fault == Some(Fault::Answered) {
            live.intercepted.add(worker, 1);
        }
        if let Some(server) = &self.trail.server {
            add(&server.live.exchanges.traffic);
        }
        if self.responded.is_some()
            && let Some((backend, server)) = self.backend.zip(self.trail.server.as_ref())
        {
            let times = self.times(now);
            backend.live.exchanges.add_times(times);
            server.live.exchanges.add_times(times);
        }
        if let Some(fault) = self.fault {
            self.count_fault(session, fault);
        }
    }

    /// Milliseconds in the queue, connecting, waiting for the response, and in all.
    fn times(&self, now: Instant) -> [u32; 4] {
        let between = |from: Option<Instant>, to: Option<Instant>| match (from, to) {
            (Some(from), Some(to)) => to.saturating_duration_since(from).as_millis() as u32,
            _ => 0,
        };
        [
            between(self.received, self.trail.dequeued),
            between(self.trail.dequeued, self.trail.connected),
            between(self.trail.connected, self.responded),
            between(self.received, Some(now)),
        ]
    }

    fn count_fault(&self, session: &Session, fault: Fault) {
        let worker = session.worker.index;
        let one = |counter: &Counter| counter.add(worker, 1);
        let both = |of: fn(&Exchanges) -> &Counter| {
            if let Some(backend) = self.backend {
                one(of(&backend.live.exchanges));
            }
            if let Some(server) = &self.trail.server {
                one(of(&server.live.exchanges));
            }
        };
        match fault {
            Fault::ClientLeftEarly
            | Fault::RequestTimeout
            | Fault::BodyTimeout
            | Fault::BadRequest(_)
            | Fault::BadRequestBody(_) => {
                one(&session.frontend.live.request_errors);
                one(&session.admission.bind.request_errors);
                if self.received.is_none() && self.status.is_some() && fault != Fault::BodyTimeout {
                    // What is answered was a request, though nobody can say which.
                    let now = session.worker.now();
                    session.frontend.live.count_request(worker, now);
                }
            }
            Fault::NoBackend
            | Fault::NoServer
            | Fault::QueueFull
            | Fault::QueueTimeout
            | Fault::ClientLeftQueue => {}
            Fault::WrongMode => {
                one(&session.frontend.live.internal_errors);
                self.count_silence(session);
            }
            Fault::Cut(_, Progress::Waiting) => both(|exchanges| &exchanges.response_errors),
            Fault::Cut(_, Progress::Responding) => both(|exchanges| &exchanges.server_aborts),
            Fault::Cut(..) => self.count_silence(session),
            Fault::ConnectFailed
            | Fault::NoSource
            | Fault::ConnectTimeout
            | Fault::Answered
            | Fault::Replaced
            | Fault::Redirected => {}
            Fault::Denied | Fault::Tarpitted | Fault::Rejected | Fault::Shut => {
                one(&session.frontend.live.denied_requests);
                one(&session.admission.bind.denied_requests);
                if let Some(backend) = self.backend.filter(|_| fault != Fault::Shut) {
                    one(&backend.live.denied_requests);
                }
                self.count_silence(session);
            }
            Fault::ResponseDenied | Fault::AnswerRejected => {
                self.count_silence(session);
                one(&session.frontend.live.denied_responses);
                one(&session.admission.bind.denied_responses);
                both(|exchanges| &exchanges.denied_responses);
            }
            Fault::ServerClosed
            | Fault::StaleConnection
            | Fault::ServerTimeout
            | Fault::AnswerTimeout
            | Fault::BadResponse
            | Fault::BadResponseBody => both(|exchanges| &exchanges.response_errors),
            Fault::ClientLeftWaiting | Fault::ClientAborted | Fault::ClientDataTimeout => {
                both(|exchanges| &exchanges.client_aborts)
            }
            Fault::ServerAborted | Fault::ServerDataTimeout => {
                both(|exchanges| &exchanges.response_errors);
                both(|exchanges| &exchanges.server_aborts);
            }
        }
    }

    /// An exchange of HTTP that ends without a status is counted among those with a strange one.
    fn count_silence(&self, session: &Session) {
        if self.status.is_none() && session.mode == Mode::Http {
            self.each_statuses(session, |statuses, worker| statuses.add(worker, 0));
        }
    }

    fn each_statuses(&self, session: &Session, add: impl Fn(&Statuses, usize)) {
        let worker = session.worker.index;
        add(&session.frontend.live.statuses, worker);
        if let Some(backend) = self.backend {
            add(&backend.live.exchanges.statuses, worker);
            if let Some(server) = self.trail.server.as_ref().filter(|_| self.responded.is_some()) {
                add(&server.live.exchanges.statuses, worker);
            }
        }
    }

    /// How it fares so far, or did until it ended.
    pub(super) fn account(&self, session: &Session, ended: Option<Instant>) -> Account {
        Account {
            phases: self.phases(session, ended),
            started_at: session.at_wall + self.started.saturating_duration_since(session.at),
            carried: [self.sight().bytes_in(), self.sight().bytes_out()],
            retries: self.trail.retries,
            redispatched: self.trail.redispatched,
            queued: self.trail.queued,
            status: self.status,
            termination: letters(self.fault.map_or(Termination::NORMAL, Fault::termination)),
        }
    }

    fn phases(&self, session: &Session, ended: Option<Instant>) -> Phases {
        Phases {
            accepted: session.since.get(),
            started: self.started,
            received: self.received,
            dequeued: self.trail.dequeued,
            connected: self.trail.connected,
            responded: self.responded,
            ended,
            handshake: match session.requests <= 1 {
                true => session.ready.saturating_duration_since(session.at).as_millis() as u32,
                false => 0,
            },
        }
    }

    fn record(&self, session: &Session, request_line: Vec<u8>, ended: Option<Instant>) -> Record {
        let shows_destination = session.frontend.needs.destination
            || session.frontend.log.as_ref().is_some_and(|plan| plan.shows_destination());
        let accepted = session.since.get();
        let process = &session.worker.shared.live.process;
        let name = |name: &Name| name.clone();
        Record {
            client: self.wishes.source.or(session.peer),
            destination: shows_destination
                .then(|| self.wishes.destination.or_else(|| session.destination()))
                .flatten(),
            bind_id: session.bind_id,
            accepted_at: session.at_wall + accepted.saturating_duration_since(session.at),
            accepted,
            started_at: session.at_wall + self.started.saturating_duration_since(session.at),
            started: self.started,
            received: self.received,
            dequeued: self.trail.dequeued,
            connected: self.trail.connected,
            responded: self.responded,
            ended,
            request_line,
            status: self.status,
            // A page for a request that never was complete is not counted in lines, as in HAProxy's.
            bytes_out: match self.fault {
                Some(Fault::Tarpitted) => self.sight().bytes_out(),
                _ if self.status.is_some() && self.received.is_none() => 0,
                _ => self.sight().bytes_out(),
            },
            bytes_in: self.sight().bytes_in(),
            frontend: session.frontend.name.clone(),
            backend: self.backend.map(|backend| name(&backend.name)),
            server: self.trail.server.as_ref().map(|server| name(&server.name)),
            service: self.served.by,
            level: self.wishes.log_level,
            termination: self.fault.map_or(Termination::NORMAL, Fault::termination),
            cookies: self
                .backend
                .and_then(|backend| backend.cookie.as_ref())
                .filter(|plan| plan.is_logged())
                .map(|_| (self.trail.claim.seen, self.told)),
            retries: self.trail.retries,
            redispatched: self.trail.redispatched,
            concurrent: [
                process.connections.now(),
                session.frontend.live.sessions.now(),
                self.backend.map_or(0, |backend| backend.live.sessions.now()),
                self.trail.server.as_ref().map_or(0, |server| server.live.sessions.now()),
            ],
            queued: self.trail.queued,
            server_address: self.trail.server.as_ref().and_then(|server| address_of(server)),
            source: self.source,
            handshake: self.phases(session, ended).handshake,
            request_number: self.number,
            unique_id: self.unique_id.clone(),
            // Without a request there was nothing to keep, and lines do not speak of it.
            captured: match self.received.is_none() && session.mode == Mode::Http {
                true => [0, 0],
                false => session.frontend.captures.counts(),
            },
            captures: self.captures.clone(),
        }
    }
}

/// Where a server is now, unless it is no IP address.
pub(super) fn address_of(server: &ServerPlan) -> Option<SocketAddr> {
    match server.place()?.as_ref() {
        Target::Inet(address) => Some(*address),
        _ => None,
    }
}
