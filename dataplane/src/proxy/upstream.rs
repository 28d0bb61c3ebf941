//! The way to a server: choosing one, waiting for a slot, connecting with retries, and the idle connections
//! that a worker keeps.

use std::cell::RefCell;
use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use regate_proto::model::{Admin, HttpReuse, Name, ProxyHeader};
use socket2::{Domain, SockAddr, Socket, Type};

use super::fault::Fault;
use super::proxy_protocol::{self, Addresses};
use super::session::{Last, Session};
use super::story::Presence;
use super::stream::{Cut, Stream, poll_timer};
use super::worker::Worker;
use crate::live::{ServerLive, Slot};
use crate::snapshot::{BackendPlan, ServerPlan, Target};

/// A connection to a server.
#[derive(Debug)]
pub(crate) struct Upstream {
    pub(crate) stream: Stream,
    generation: u32,
    /// Exchanges that it has carried.
    served: u32,
}

/// A place on a server with a connection to it.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    pub(crate) server: &'a ServerPlan,
    pub(crate) upstream: Upstream,
    /// Whether the connection has served before.
    pub(crate) reused: bool,
    /// The place, and the share in the connections in use: given back when the exchange ends.
    _held: (Slot<'a>, Presence<'a>),
}

/// What happened on the way, for counters and log lines; filled also when no way was found.
#[derive(Debug, Default)]
pub(crate) struct Trail<'a> {
    pub(crate) server: Option<&'a ServerPlan>,
    pub(crate) retries: u32,
    pub(crate) redispatched: bool,
    pub(crate) queued: [u32; 2],
    pub(crate) dequeued: Option<Instant>,
    pub(crate) connected: Option<Instant>,
}

/// Idle connections of one worker, by server.
#[derive(Debug, Default)]
pub(crate) struct Pool {
    shelves: RefCell<HashMap<usize, Shelf>>,
}

/// Idle connections to one server, the latest used last.
#[derive(Debug)]
struct Shelf {
    live: Arc<ServerLive>,
    idle: Vec<Upstream>,
    purge_delay: u32,
    /// The fewest that lay here since the last purge: so many were superfluous.
    fewest: usize,
    purged: Instant,
}

impl<'a> Way<'a> {
    fn over(server: &'a ServerPlan, upstream: Upstream, slot: Slot<'a>, reused: bool) -> Way<'a> {
        let used = Presence::in_gauge(&server.live.connections_used);
        Way { server, upstream, reused, _held: (slot, used) }
    }
}

impl Upstream {
    fn note_served(&mut self) {
        self.served = self.served.saturating_add(1);
    }
}

impl Pool {
    /// An idle connection to a server that still stands and may be used; `first` says that it is for a
    /// client's first request (configuration manual 4.2 "http-reuse").
    fn take(&self, server: &ServerPlan, reuse: HttpReuse, first: bool) -> Option<Upstream> {
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.get_mut(&key(&server.live))?;
        let generation = server.live.generation.load(Ordering::Relaxed);
        loop {
            let proven = match (reuse, first) {
                (HttpReuse::Never, _) | (HttpReuse::Safe, true) => return None,
                (HttpReuse::Safe, false) | (HttpReuse::Always, _) | (HttpReuse::Aggressive, false) => 0,
                (HttpReuse::Aggressive, true) => 2,
            };
            let at = shelf.idle.iter().rposition(|idle| idle.served >= proven)?;
            let upstream = shelf.idle.swap_remove(at);
            server.live.connections_idle.fall();
            shelf.fewest = shelf.fewest.min(shelf.idle.len());
            if upstream.generation == generation && !upstream.stream.is_spent() {
                return Some(upstream);
            }
        }
    }

    /// Keeps a connection for later, unless there are enough.
    pub(crate) fn keep(&self, server: &ServerPlan, upstream: Upstream) {
        let live = &server.live;
        let worn = server.max_reuse.is_some_and(|most| upstream.served > most);
        // More than were ever in use at once would never be needed at once: clients that come for one request
        // each would otherwise leave a connection each.
        let most = server.pool_max_conn.unwrap_or(u32::MAX).min(live.connections_used.highest());
        if worn || live.connections_idle.now() >= most || server.admin == Admin::Maint {
            return;
        }
        let mut shelves = self.shelves.borrow_mut();
        let shelf = shelves.entry(key(live)).or_insert_with(|| Shelf {
            live: live.clone(),
            idle: Vec::new(),
            purge_delay: server.pool_purge_delay,
            fewest: 0,
            purged: Instant::now(),
        });
        shelf.purge_delay = server.pool_purge_delay;
        live.connections_idle.rise();
        shelf.idle.push(upstream);
    }

    /// Closes connections that their server closed, that lead to an old address, or that nobody needed.
    fn purge(&self, now: Instant) {
        self.shelves.borrow_mut().retain(|_, shelf| {
            let before = shelf.idle.len();
            let generation = shelf.live.generation.load(Ordering::Relaxed);
            shelf.idle.retain(|idle| idle.generation == generation && !idle.stream.is_spent());
            if now.saturating_duration_since(shelf.purged)
                >= Duration::from_millis(u64::from(shelf.purge_delay))
            {
                let superfluous = shelf.fewest.min(shelf.idle.len()).div_ceil(2);
                shelf.idle.drain(..superfluous);
                shelf.fewest = shelf.idle.len();
                shelf.purged = now;
            }
            shelf.fewest = shelf.fewest.min(shelf.idle.len());
            (shelf.idle.len()..before).for_each(|_| {
                shelf.live.connections_idle.fall();
            });
            !shelf.idle.is_empty()
        });
    }

    fn clear(&self) {
        for (_, shelf) in self.shelves.borrow_mut().drain() {
            shelf.idle.iter().for_each(|_| {
                shelf.live.connections_idle.fall();
            });
        }
    }
}

/// Looks after a worker's idle connections, for as long as it lives.
pub(crate) async fn tend(worker: Rc<Worker>) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    loop {
        interval.tick().await;
        worker.pool.purge(Instant::now());
        if worker.is_draining() {
            worker.pool.clear();
        }
    }
}

/// Finds a way to a server of the backend: picks one, waits for a slot where all are taken, connects.
///
/// `reusable` allows idle connections (HTTP); `fresh` forbids them for this once.
pub(crate) async fn reach<'a>(
    session: &mut Session,
    backend: &'a BackendPlan,
    reusable: bool,
    fresh: bool,
    trail: &mut Trail<'a>,
) -> Result<Way<'a>, Fault> {
    let worker = session.worker.clone();
    let mut avoided: Option<&Name> = None;
    let mut held: Option<(&'a ServerPlan, Slot<'a>)> = None;
    loop {
        let (server, slot) = match held.take() {
            Some(held) => held,
            None => place(session, backend, avoided, trail).await?,
        };
        trail.server = Some(server);
        trail.dequeued.get_or_insert_with(Instant::now);
        if reusable
            && !fresh
            && let Some(upstream) = own(session, backend, server)
                .or_else(|| worker.pool.take(server, backend.reuse, session.requests <= 1))
        {
            server.live.reuses.add(worker.index, 1);
            backend.live.reuses.add(worker.index, 1);
            trail.connected = Some(Instant::now());
            return Ok(Way::over(server, upstream, slot, true));
        }
        server.live.connects.add(worker.index, 1);
        backend.live.connects.add(worker.index, 1);
        let failure = match connect(session, backend, server).await {
            Ok(upstream) => {
                trail.connected = Some(Instant::now());
                return Ok(Way::over(server, upstream, slot, false));
            }
            Err(failure) => failure,
        };
        server.live.connection_errors.add(worker.index, 1);
        if trail.retries >= backend.retries {
            backend.live.connection_errors.add(worker.index, 1);
            return Err(failure);
        }
        trail.retries += 1;
        server.live.retries.add(worker.index, 1);
        backend.live.retries.add(worker.index, 1);
        if redispatches(backend, trail.retries) {
            drop(slot);
            trail.redispatched = true;
            server.live.redispatches.add(worker.index, 1);
            backend.live.redispatches.add(worker.index, 1);
            avoided = Some(&server.name);
        } else {
            held = Some((server, slot));
            if failure == Fault::ConnectFailed {
                // A server that refuses at once is given time to come back, as HAProxy does.
                let pause =
                    if backend.connect_timeout == 0 { PAUSE } else { backend.connect_timeout.min(PAUSE) };
                tokio::time::sleep(Duration::from_millis(u64::from(pause))).await;
            }
        }
    }
}

/// Keeps a connection whose exchange is over for whoever may use it next.
pub(crate) fn release(
    session: &mut Session,
    backend: &BackendPlan,
    server: &ServerPlan,
    mut upstream: Upstream,
) {
    upstream.note_served();
    match backend.reuse {
        HttpReuse::Never => {
            let last = session.last.get_or_insert_with(|| note_last(backend, server));
            last.upstream = Some(upstream);
        }
        _ => session.worker.pool.keep(server, upstream),
    }
}

/// Notes which server serves, where it matters for the next request.
fn note_server(session: &mut Session, backend: &BackendPlan, server: &ServerPlan) {
    if backend.prefer_last_server || backend.reuse == HttpReuse::Never {
        let same = session
            .last
            .as_ref()
            .is_some_and(|last| last.backend == backend.name && last.server == server.name);
        if !same {
            session.last = Some(note_last(backend, server));
        }
    }
}

fn note_last(backend: &BackendPlan, server: &ServerPlan) -> Box<Last> {
    Box::new(Last { backend: backend.name.clone(), server: server.name.clone(), upstream: None })
}

/// The client's own connection to the server, where there is one that still stands.
fn own(session: &mut Session, backend: &BackendPlan, server: &ServerPlan) -> Option<Upstream> {
    note_server(session, backend, server);
    let generation = server.live.generation.load(Ordering::Relaxed);
    let upstream = session.last.as_mut()?.upstream.take()?;
    (upstream.generation == generation && !upstream.stream.is_spent()).then_some(upstream)
}

/// A server with a free slot, waiting for one where all are taken.
async fn place<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    avoided: Option<&Name>,
    trail: &mut Trail<'a>,
) -> Result<(&'a ServerPlan, Slot<'a>), Fault> {
    if let Some(found) = pick(session, backend, avoided) {
        return Ok(found);
    }
    if backend.picker.is_empty() {
        backend.live.connection_errors.add(session.worker.index, 1);
        return Err(Fault::NoServer);
    }
    let (mut ticket, ahead) = backend.live.queue.join();
    trail.queued[1] = ahead;
    session.timer.set(Instant::now(), backend.queue_timeout);
    loop {
        // Between the look and the joining a slot may have been freed, and its grant given to nobody.
        if let Some(found) = pick(session, backend, avoided) {
            return Ok(found);
        }
        let outcome = poll_fn(|context| {
            if ticket.poll_grant(context).is_ready() {
                return Poll::Ready(Ok(()));
            }
            if backend.abort_on_close && session.stream.poll_left(context).is_ready() {
                return Poll::Ready(Err(Fault::ClientLeftQueue));
            }
            poll_timer(&session.timer, context).map(|_| Err(Fault::QueueTimeout))
        })
        .await;
        outcome?;
        if let Some(found) = pick(session, backend, avoided) {
            return Ok(found);
        }
        // Somebody else was faster: back in line, at the end.
        ticket = backend.live.queue.join().0;
    }
}

fn pick<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    avoided: Option<&Name>,
) -> Option<(&'a ServerPlan, Slot<'a>)> {
    let has_room = |server: &ServerPlan| server.maxconn == 0 || server.live.sessions.now() < server.maxconn;
    if backend.prefer_last_server
        && let Some(last) = session.last.as_ref().filter(|last| last.backend == backend.name)
        && let Some(server) =
            backend.server(&last.server).filter(|server| server.is_eligible() && has_room(server))
        && let Some(slot) = server.live.occupy(&backend.live, server.maxconn)
    {
        return Some((server.as_ref(), slot));
    }
    // A few rounds: between the look at a server and taking a place on it another worker may take the last one.
    for _ in 0..4 {
        let chosen = backend
            .picker
            .pick(|server| has_room(server) && avoided != Some(&server.name))
            .or_else(|| backend.picker.pick(has_room))?;
        if let Some(slot) = chosen.live.occupy(&backend.live, chosen.maxconn) {
            let worker = session.worker.index;
            chosen.live.chosen.add(worker, 1);
            backend.live.chosen.add(worker, 1);
            return Some((chosen.as_ref(), slot));
        }
    }
    None
}

/// Whether this retry goes to another server (configuration manual 4.2 "option redispatch").
fn redispatches(backend: &BackendPlan, retry: u32) -> bool {
    match backend.redispatch {
        0 => false,
        every if every > 0 => retry.is_multiple_of(every.unsigned_abs()),
        before_last => {
            let from = (backend.retries + 1).saturating_sub(before_last.unsigned_abs());
            retry == from.max(1)
        }
    }
}

/// Opens a connection to a server, and sends the PROXY protocol header where one is asked for.
async fn connect(session: &Session, backend: &BackendPlan, server: &ServerPlan) -> Result<Upstream, Fault> {
    session.timer.set(Instant::now(), backend.connect_timeout);
    let generation = server.live.generation.load(Ordering::Relaxed);
    let socket = begin(session, backend, server).map_err(|error| {
        tracing::debug!(%error, server = %server.name, "cannot begin to connect");
        Fault::ConnectFailed
    })?;
    let unix = matches!(server.target, Target::Unix(_) | Target::Abstract(_));
    let stream = Stream::adopt(socket, unix).map_err(|_| Fault::ConnectFailed)?;
    stream.connected(&session.timer).await.map_err(|cut| match cut {
        Cut::Timeout => Fault::ConnectTimeout,
        _ => Fault::ConnectFailed,
    })?;
    if let Some(version) = server.send_proxy {
        let mut header = session.worker.scratch();
        push_proxy_header(&mut header, version, session);
        let sent = stream.write_all(&header, &[], &session.timer, &mut 0).await;
        session.worker.keep_scratch(header);
        sent.map_err(|_| Fault::ConnectFailed)?;
    }
    Ok(Upstream { stream, generation, served: 0 })
}

/// A socket whose connection is under way.
fn begin(session: &Session, backend: &BackendPlan, server: &ServerPlan) -> io::Result<OwnedFd> {
    let unknown = || io::Error::other("the address that the client connected to is not known");
    let address = match &server.target {
        Target::Inet(address) => *address,
        Target::Transparent(port) => SocketAddr::new(session.destination().ok_or_else(unknown)?.ip(), *port),
        Target::Mapped(ip, offset) => {
            let destination = session.destination().ok_or_else(unknown)?;
            let port = i32::from(destination.port()).wrapping_add(*offset) as u16;
            SocketAddr::new(ip.unwrap_or(destination.ip()), port)
        }
        Target::Unix(path) => return begin_unix(&SockAddr::unix(path)?),
        Target::Abstract(name) => {
            let mut padded = vec![0];
            padded.extend_from_slice(name.as_bytes());
            padded.resize(108, 0);
            let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&padded);
            return begin_unix(&SockAddr::unix(path)?);
        }
    };
    let socket = Socket::new(Domain::for_address(address), Type::STREAM.nonblocking(), None)?;
    socket.set_tcp_nodelay(true)?;
    if backend.tcp_keep_alive {
        socket.set_keepalive(true)?;
    }
    if let Some(source) = backend.source {
        socket.set_reuse_address(true)?;
        socket.bind(&source.into())?;
    }
    begin_to(&socket, &address.into())?;
    Ok(socket.into())
}

fn begin_unix(address: &SockAddr) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    begin_to(&socket, address)?;
    Ok(socket.into())
}

fn begin_to(socket: &Socket, address: &SockAddr) -> io::Result<()> {
    match socket.connect(address) {
        Err(error) if error.raw_os_error() == Some(rustix::io::Errno::INPROGRESS.raw_os_error()) => Ok(()),
        result => result,
    }
}

fn push_proxy_header(out: &mut Vec<u8>, version: ProxyHeader, session: &Session) {
    let both = session.peer.zip(session.destination());
    let addresses = both.map(|(source, destination)| Addresses { source, destination });
    match version {
        ProxyHeader::V1 => proxy_protocol::push_v1(out, addresses.as_ref()),
        ProxyHeader::V2 => proxy_protocol::push_v2(out, addresses.as_ref()),
    }
}

/// A server's place in the pool: what is observed of it is the same value in every snapshot.
fn key(live: &Arc<ServerLive>) -> usize {
    Arc::as_ptr(live) as usize
}

/// Milliseconds before the same server is tried again.
const PAUSE: u32 = 1000;
