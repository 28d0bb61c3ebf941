//! One client connection, from accept to close.

use std::cell::Cell;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Instant, SystemTime};

use regate_proto::model::{Mode, Name};

use super::buffer::Buffer;
use super::clock::Timer;
use super::h1::Fields;
use super::log;
use super::pool::Upstream;
use super::proxy_protocol::{self, Parse, Reason, Refusal};
use super::rules::{Decision, Draft, Message, Step};
use super::scene::{Past, Scene};
use super::story::Story;
use super::stream::{Cut, Stream};
use super::wishes::{Overrides, Wishes};
use super::worker::{Seen, Shared, Worker};
use super::{http, tcp};
use crate::fetch::{Captures, Proxied};
use crate::live::{BindLive, FrontendLive, TaskKind, Variables};
use crate::snapshot::{BackendPlan, BindPlan, FrontendPlan, Key, RulePlan, RulesPlan, Snapshot};

/// A connection that was accepted and not yet served.
#[derive(Debug)]
pub(crate) struct Accepted {
    pub(crate) peer: Option<SocketAddr>,
    pub(crate) frontend: Arc<FrontendPlan>,
    pub(crate) accept_proxy: bool,
    pub(crate) bind_id: u32,
    pub(crate) admission: Admission,
    pub(crate) at: Instant,
}

/// A connection's share of the limits; dropping it gives it back.
#[derive(Debug)]
pub(crate) struct Admission {
    shared: Arc<Shared>,
    worker: usize,
    frontend: Arc<FrontendLive>,
    pub(crate) bind: Arc<BindLive>,
}

/// Where a client's last request went.
#[derive(Debug)]
pub(crate) struct Last {
    pub(crate) backend: Name,
    pub(crate) server: Name,
    pub(crate) upstream: Option<Upstream>,
}

/// What was decided of a TCP session that is taken for one of HTTP from here on.
#[derive(Debug)]
pub(super) struct Upgrade {
    /// The backend that it was led to.
    pub(super) backend: Option<Name>,
    pub(super) wishes: Wishes,
    pub(super) captures: Captures,
}

/// A client connection.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) worker: Rc<Worker>,
    pub(crate) stream: Stream,
    /// The one thing that the connection waits for at a time has its deadline here.
    pub(crate) timer: Timer,
    /// The client's address, or what a PROXY protocol header says it is.
    pub(crate) peer: Option<SocketAddr>,
    /// The address that the client connected to, where a PROXY protocol header says so.
    stated_destination: Option<SocketAddr>,
    /// What the PROXY protocol header said besides, where there was one.
    pub(crate) proxied: Option<Box<Proxied>>,
    /// The number of the bind that accepted it.
    pub(crate) bind_id: u32,
    /// The newest plan of the frontend that was seen; it stays when the frontend goes.
    pub(crate) frontend: Arc<FrontendPlan>,
    pub(crate) at: Instant,
    pub(crate) at_wall: SystemTime,
    /// When its handshakes were over.
    pub(crate) ready: Instant,
    /// When the response before the request at hand had ended, or the connection was accepted.
    pub(crate) since: Cell<Instant>,
    /// Bytes that came before it was clear what they are: with a PROXY protocol header, or at once.
    pub(crate) early: Option<Buffer>,
    /// The snapshot that `frontend` is from, and whether the frontend is in it and listens.
    seen: Rc<Seen>,
    open: bool,
    /// What rules remember for as long as the connection lasts.
    pub(crate) variables: Variables,
    /// Requests so far.
    pub(crate) requests: u32,
    /// Oddities of protocol that stick tables were told of.
    glitches_told: Cell<u32>,
    /// What rules decided about the way to a server of the request at hand.
    pub(super) overrides: Overrides,
    /// What is taken for what it is: a TCP session may become one of HTTP.
    pub(crate) mode: Mode,
    /// What was decided before it became one of HTTP, until the first request.
    pub(super) upgrade: Option<Box<Upgrade>>,
    /// What the request at hand is balanced by.
    pub(crate) key: Key,
    /// Addresses in headers of the request at hand that connections to servers may start from.
    pub(super) foreign: Vec<((String, i32), std::net::IpAddr)>,
    /// Which server served last, and the connection to it where nobody else may use it.
    pub(crate) last: Option<Box<Last>>,
    pub(crate) admission: Admission,
}

impl Admission {
    /// Counts a connection in: `accepting` is the worker that counts, `serving` the one that will serve.
    pub(crate) fn new(
        shared: &Arc<Shared>,
        serving: usize,
        accepting: usize,
        frontend: &FrontendPlan,
        bind: &BindPlan,
    ) -> Admission {
        let process = &shared.live.process;
        let now = process.now();
        process.connections.rise();
        process.connections_total.add(accepting, 1);
        process.connection_rate.add(now);
        process.session_rate.add(now);
        frontend.live.sessions.rise();
        frontend.live.connections.add(accepting, 1);
        frontend.live.sessions_total.add(accepting, 1);
        frontend.live.connection_rate.add(now);
        frontend.live.session_rate.add(now);
        bind.live.sessions.rise();
        bind.live.connections.add(accepting, 1);
        shared.load(serving).fetch_add(1, Ordering::Relaxed);
        Admission {
            shared: shared.clone(),
            worker: serving,
            frontend: frontend.live.clone(),
            bind: bind.live.clone(),
        }
    }
}

impl Drop for Admission {
    fn drop(&mut self) {
        self.shared.load(self.worker).fetch_sub(1, Ordering::Relaxed);
        self.bind.sessions.fall();
        self.frontend.sessions.fall();
        self.shared.live.process.connections.fall();
        self.shared.gate.open();
    }
}

impl Session {
    /// The address that the client connected to.
    pub(crate) fn destination(&self) -> Option<SocketAddr> {
        self.stated_destination.or_else(|| self.stream.local())
    }

    /// The addresses of the connection: of the client, and as a PROXY protocol header states it the proxy's.
    pub(crate) fn addresses(&self) -> [Option<SocketAddr>; 2] {
        [self.peer, self.stated_destination]
    }

    /// Puts addresses back.
    pub(crate) fn set_addresses(&mut self, [peer, destination]: [Option<SocketAddr>; 2]) {
        (self.peer, self.stated_destination) = (peer, destination);
    }

    /// Takes over the addresses that rules gave the request.
    pub(super) fn restate(&mut self, wishes: &Wishes) {
        self.peer = wishes.source.or(self.peer);
        self.stated_destination = wishes.destination.or(self.stated_destination);
        self.overrides = wishes.overrides;
    }

    /// The client's oddities of protocol since this was asked last.
    pub(super) fn take_glitches(&self) -> u32 {
        let all = self.stream.glitches();
        all.saturating_sub(self.glitches_told.replace(all))
    }

    /// How often the request at hand is tried again.
    pub(super) fn retries(&self, backend: &BackendPlan) -> u32 {
        self.overrides.retries.unwrap_or(backend.retries)
    }

    /// The snapshot that was seen last.
    pub(crate) fn snapshot(&self) -> Rc<Seen> {
        self.seen.clone()
    }

    /// Takes over the frontend's plan of a snapshot; tells whether the frontend is still there.
    pub(crate) fn renew(&mut self, snapshot: &Rc<Seen>) -> bool {
        if !Rc::ptr_eq(snapshot, &self.seen) {
            self.seen = snapshot.clone();
            let plan = snapshot.frontends.get(&self.frontend.name);
            self.open = plan.is_some_and(|plan| !plan.disabled);
            if let Some(plan) = plan {
                self.frontend = plan.clone();
            }
        }
        self.open
    }

    /// The configuration that its frontend's plan is from.
    pub(crate) fn configuration(&self) -> &Snapshot {
        &self.seen
    }

    /// Whether the connection rests on although the process stops: it ends with its next response.
    pub(crate) fn outlasts_stop(&self) -> bool {
        self.frontend.conduct.idle_close == Some(true) && self.worker.is_draining()
    }

    /// Whether the connection should not wait for a further request.
    pub(crate) fn should_end(&mut self) -> bool {
        let snapshot = self.worker.snapshot();
        self.worker.is_draining() || !self.renew(&snapshot)
    }
}

/// Begins to serve an accepted connection.
pub(crate) fn start(worker: &Rc<Worker>, socket: OwnedFd, accepted: Accepted) {
    let stream = Stream::adopt(&worker.reactor, socket);
    let seen = worker.snapshot();
    let plan = seen.frontends.get(&accepted.frontend.name);
    let mode = plan.unwrap_or(&accepted.frontend).mode;
    let session = Session {
        worker: worker.clone(),
        stream,
        timer: Timer::new(&worker.clock),
        peer: accepted.peer,
        stated_destination: None,
        proxied: None,
        bind_id: accepted.bind_id,
        frontend: plan.unwrap_or(&accepted.frontend).clone(),
        open: plan.is_some_and(|plan| !plan.disabled),
        seen,
        at: accepted.at,
        at_wall: SystemTime::now(),
        ready: accepted.at,
        since: Cell::new(accepted.at),
        early: None,
        variables: Variables::new(worker.shared.live.variables.clone()),
        requests: 0,
        glitches_told: Cell::new(0),
        overrides: Overrides::default(),
        mode,
        upgrade: None,
        key: Key::default(),
        foreign: Vec::new(),
        last: None,
        admission: accepted.admission,
    };
    // Boxed: the futures that hand it on would each keep room for the whole of it.
    worker.spawn(TaskKind::Connection, serve(Box::new(session), accepted.accept_proxy));
}

async fn serve(mut session: Box<Session>, accept_proxy: bool) {
    let worker = session.worker.index;
    let Some(expects_proxy) = judge(&mut session, |rules| &rules.tcp_connection) else {
        session.admission.bind.denied_connections.add(worker, 1);
        return session.frontend.live.denied_connections.add(worker, 1);
    };
    if accept_proxy || expects_proxy {
        if !Box::pin(read_proxy_header(&mut session)).await {
            return;
        }
        session.ready = Instant::now();
    }
    if judge(&mut session, |rules| &rules.tcp_session).is_none() {
        session.admission.bind.denied_sessions.add(worker, 1);
        return session.frontend.live.denied_sessions.add(worker, 1);
    }
    if !session.variables.trackers.is_empty() {
        session.variables.trackers.begin_session(session.worker.now());
    }
    match session.mode {
        Mode::Http => http::serve(session).await,
        Mode::Tcp => Box::pin(tcp::serve(session)).await,
    }
}

/// Takes the connection through rules that look at nothing of what comes; nothing when they refuse it, or else whether
/// it has to begin with a PROXY protocol header.
fn judge(session: &mut Session, list: fn(&RulesPlan) -> &[RulePlan]) -> Option<bool> {
    if list(&session.frontend.rules).is_empty() {
        return Some(false);
    }
    let (frontend, snapshot) = (session.frontend.clone(), session.snapshot());
    let mut wishes = Wishes::default();
    let mut fields = Fields::default();
    let step = Draft {
        scene: Scene {
            session,
            snapshot: &snapshot,
            backend: None,
            server: None,
            unique_id: None,
            past: Past::default(),
        },
        buffer: &[],
        fields: &mut fields,
        message: Message::Bytes(&[], true),
        wishes: &mut wishes,
        captures: &mut Captures::default(),
    }
    .run(list(&frontend.rules), 0);
    if let Step::Answer(decision) = step {
        if matches!(decision, Decision::SilentDrop) {
            session.stream.vanish();
        }
        return None;
    }
    session.restate(&wishes);
    Some(wishes.expects_proxy)
}

/// Reads the PROXY protocol header that the connection begins with; false when there is none.
async fn read_proxy_header(session: &mut Session) -> bool {
    session.timer.set(Instant::now(), session.frontend.client_timeout);
    let mut buffer = session.worker.buffers.small();
    loop {
        match session.stream.read(buffer.room(), &session.timer).await {
            Ok(0) | Err(_) if !buffer.is_empty() => {
                return refuse(session, &buffer, "Truncated PROXY protocol header received");
            }
            Err(Cut::Timeout) => {
                return refuse(session, &buffer, "Timeout while waiting for PROXY protocol header");
            }
            Ok(0) | Err(_) => {
                return refuse(session, &buffer, "Connection closed while waiting for PROXY protocol header");
            }
            Ok(count) => buffer.put(count),
        }
        match proxy_protocol::parse(buffer.filled()) {
            Ok(Parse::Complete(header)) => {
                let mut proxied = Proxied::default();
                for (kind, value) in
                    proxy_protocol::extensions(buffer.filled().get(..header.len).unwrap_or_default())
                {
                    proxied.extensions.push((kind, value.into()));
                    match kind {
                        proxy_protocol::AUTHORITY => proxied.authority = Some(value.into()),
                        proxy_protocol::UNIQUE_ID => proxied.unique_id = Some(value.into()),
                        _ => {}
                    }
                }
                session.proxied = Some(Box::new(proxied));
                buffer.take(header.len);
                session.early = Some(buffer).filter(|buffer| !buffer.is_empty());
                if let Some(addresses) = header.addresses {
                    session.peer = Some(addresses.source);
                    session.stated_destination = Some(addresses.destination);
                }
                return true;
            }
            Ok(Parse::Partial) if !buffer.is_full() => {}
            Ok(Parse::Partial) => {
                return refuse(session, &buffer, "Truncated PROXY protocol header received");
            }
            Err(Refusal { reason: Reason::Signature | Reason::Command, .. }) => {
                let reason = "Received something which does not look like a PROXY protocol header";
                return refuse(session, &buffer, reason);
            }
            Err(_) => return refuse(session, &buffer, "Received an invalid PROXY protocol header"),
        }
    }
}

/// Logs that a connection did not begin as it had to; false, since there is no session.
fn refuse(session: &Session, received: &Buffer, reason: &str) -> bool {
    let Some(plan) = &session.frontend.log else { return false };
    let id = session.bind_id.to_string();
    let bind = session.frontend.binds.iter().find(|bind| bind.row.id == session.bind_id);
    // The readers' names for unnamed binds are none of the administrator's.
    let name = bind.map(|bind| bind.row.at.bind.as_str()).filter(|name| !name.starts_with("sock-"));
    let refusal = log::Refusal {
        client: session.peer,
        accepted_at: session.at_wall,
        has_data: !received.is_empty(),
        frontend: &session.frontend.name,
        bind: name.unwrap_or(&id),
        bind_id: session.bind_id,
        reason,
    };
    let story = Story::begin(session);
    let record = plan.errors.is_some().then(|| story.refused(session));
    let destination = || session.destination();
    let ends = story.ends(session, &destination);
    let view = story.view(session, &ends);
    session.worker.log.refuse(plan, &refusal, record.as_ref(), Some(&view));
    false
}
