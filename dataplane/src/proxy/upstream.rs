//! The way to a server: choosing one, waiting for a slot, connecting with retries. Idle connections lie in
//! `pool.rs`.

use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::{Duration, Instant};

use regate_proto::model::{HttpReuse, Name, ProxyHeader};
use socket2::{Domain, SockAddr, Socket, Type};

use super::fault::Fault;
use super::pool::{Loan, Upstream};
use super::proxy_protocol::{self, Addresses};
use super::session::{Last, Session};
use super::stream::{Cut, Stream, poll_timer};
use super::worker::Worker;
use crate::live::Slot;
use crate::snapshot::{BackendPlan, ServerPlan, Target};

/// A place on a server with a connection to it.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    pub(crate) server: &'a ServerPlan,
    pub(crate) upstream: Upstream,
    /// Whether the connection has served before.
    pub(crate) reused: bool,
    /// The place and the use of the connection, given back when the exchange ends.
    loan: Loan,
    _slot: Slot<'a>,
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

/// Looks after a worker's idle connections, for as long as it lives.
pub(crate) async fn tend(worker: Rc<Worker>) {
    loop {
        worker.clock.sleep(Duration::from_secs(1)).await;
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
        let loan = worker.pool.lend(server);
        if reusable
            && !fresh
            && let Some(upstream) =
                own(session, backend, server).or_else(|| loan.take_idle(backend.reuse, session.requests <= 1))
        {
            server.live.exchanges.reuses.add(worker.index, 1);
            backend.live.exchanges.reuses.add(worker.index, 1);
            trail.connected = Some(Instant::now());
            return Ok(Way { server, upstream, reused: true, loan, _slot: slot });
        }
        server.live.exchanges.connects.add(worker.index, 1);
        backend.live.exchanges.connects.add(worker.index, 1);
        let failure = match connect(session, backend, server).await {
            Ok(upstream) => {
                trail.connected = Some(Instant::now());
                return Ok(Way { server, upstream, reused: false, loan, _slot: slot });
            }
            Err(failure) => failure,
        };
        server.live.exchanges.connection_errors.add(worker.index, 1);
        if trail.retries >= backend.retries {
            backend.live.exchanges.connection_errors.add(worker.index, 1);
            return Err(failure);
        }
        trail.retries += 1;
        server.live.exchanges.retries.add(worker.index, 1);
        backend.live.exchanges.retries.add(worker.index, 1);
        if redispatches(backend, trail.retries) {
            drop(slot);
            trail.redispatched = true;
            server.live.exchanges.redispatches.add(worker.index, 1);
            backend.live.exchanges.redispatches.add(worker.index, 1);
            avoided = Some(&server.name);
        } else {
            held = Some((server, slot));
            if failure == Fault::ConnectFailed {
                // A server that refuses at once is given time to come back, as HAProxy does.
                let pause =
                    if backend.connect_timeout == 0 { PAUSE } else { backend.connect_timeout.min(PAUSE) };
                worker.clock.sleep(Duration::from_millis(u64::from(pause))).await;
            }
        }
    }
}

/// Keeps a connection whose exchange is over for whoever may use it next.
pub(crate) fn release(session: &mut Session, backend: &BackendPlan, way: Way<'_>) {
    let Way { server, mut upstream, loan, .. } = way;
    upstream.note_served();
    match backend.reuse {
        HttpReuse::Never => {
            let last = session.last.get_or_insert_with(|| note_last(backend, server));
            last.upstream = Some(upstream);
        }
        _ => loan.keep(server, upstream),
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
    let upstream = session.last.as_mut()?.upstream.take()?;
    upstream.is_usable(&server.live).then_some(upstream)
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
        backend.live.exchanges.connection_errors.add(session.worker.index, 1);
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
            .pick(session.key, |server| has_room(server) && avoided != Some(&server.name))
            .or_else(|| backend.pick(session.key, has_room))?;
        if let Some(slot) = chosen.live.occupy(&backend.live, chosen.maxconn) {
            let worker = session.worker.index;
            chosen.live.exchanges.chosen.add(worker, 1);
            backend.live.exchanges.chosen.add(worker, 1);
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
    let (socket, address) = begin(session, backend, server).map_err(|error| {
        tracing::debug!(%error, server = %server.name, "cannot begin to connect");
        Fault::ConnectFailed
    })?;
    let stream = Stream::adopt(&session.worker.reactor, socket);
    stream.connect(&address, &session.timer).await.map_err(|cut| match cut {
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
    Ok(Upstream::new(stream, generation))
}

/// A socket, and where it is to connect to.
fn begin(session: &Session, backend: &BackendPlan, server: &ServerPlan) -> io::Result<(OwnedFd, SockAddr)> {
    let unknown = || io::Error::other("the address that the client connected to is not known");
    let address = match &server.target {
        Target::Inet(address) => *address,
        Target::Transparent(port) => SocketAddr::new(session.destination().ok_or_else(unknown)?.ip(), *port),
        Target::Mapped(ip, offset) => {
            let destination = session.destination().ok_or_else(unknown)?;
            let port = i32::from(destination.port()).wrapping_add(*offset) as u16;
            SocketAddr::new(ip.unwrap_or(destination.ip()), port)
        }
        Target::Unix(path) => return Ok((unix_socket()?, SockAddr::unix(path)?)),
        Target::Abstract(name) => {
            let mut padded = vec![0];
            padded.extend_from_slice(name.as_bytes());
            padded.resize(108, 0);
            let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&padded);
            return Ok((unix_socket()?, SockAddr::unix(path)?));
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
    Ok((socket.into(), address.into()))
}

fn unix_socket() -> io::Result<OwnedFd> {
    Ok(Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?.into())
}

fn push_proxy_header(out: &mut Vec<u8>, version: ProxyHeader, session: &Session) {
    let both = session.peer.zip(session.destination());
    let addresses = both.map(|(source, destination)| Addresses { source, destination });
    match version {
        ProxyHeader::V1 => proxy_protocol::push_v1(out, addresses.as_ref()),
        ProxyHeader::V2 => proxy_protocol::push_v2(out, addresses.as_ref()),
    }
}

/// Milliseconds before the same server is tried again.
const PAUSE: u32 = 1000;
