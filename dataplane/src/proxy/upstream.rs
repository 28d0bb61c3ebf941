//! The way to a server: choosing one, waiting for a slot, connecting with retries. Idle connections lie in
//! `pool.rs`, new ones are made in `dial.rs`.

use std::cell::Cell;
use std::future::poll_fn;
use std::rc::Rc;
use std::sync::Arc;
use std::task::Poll;
use std::time::{Duration, Instant};

use regate_proto::model::{Balance, HttpReuse, RetryReason};

use super::dial::{aim, connect, connect_timeout, stamp};
use super::fault::Fault;
use super::persistence::Claim;
use super::pool::{Loan, Upstream};
use super::session::{Last, Session};
use super::sight::Watch;
use super::slot::{Chosen, Slot};
use super::stream::poll_timer;
use super::worker::Worker;
use crate::live::{Grant, Priority, Rank, ServerLive};
use crate::snapshot::{BackendPlan, ServerPlan};
use crate::streams::Progress;

/// A place on a server with a connection to it.
#[derive(Debug)]
pub(crate) struct Way<'a> {
    pub(crate) server: Chosen<'a>,
    pub(crate) upstream: Upstream,
    /// Whether the connection has served before.
    pub(crate) reused: bool,
    /// The place and the use of the connection, given back when the exchange ends.
    loan: Loan,
    slot: Slot<'a>,
}

/// What happened on the way, for counters and log lines; filled also when no way was found.
#[derive(Debug, Default)]
pub(crate) struct Trail<'a> {
    /// What others see of it.
    pub(crate) sight: Watch,
    /// The server that the request went to, or waits for.
    pub(crate) server: Option<Chosen<'a>>,
    /// What the client's cookie says.
    pub(crate) claim: Claim<'a>,
    /// Where it stands in queues, beside when it came.
    pub(crate) priority: Priority,
    pub(crate) retries: u32,
    /// Oddities of protocol on the server's connection.
    pub(crate) glitches: Cell<u32>,
    pub(crate) redispatched: bool,
    /// What the proxy calls the connection, where it has a name.
    pub(crate) identifier: Option<Box<[u8]>>,
    /// Whether the client may be sent to where a server wants it to go.
    pub(crate) redirects: bool,
    /// Where it stood in the server's queue and in the backend's: one more than were let go on before it.
    pub(crate) queued: [u32; 2],
    pub(crate) dequeued: Option<Instant>,
    pub(crate) connected: Option<Instant>,
}

/// A place that was held through a failed attempt, and whom the next one avoids.
#[derive(Debug, Default)]
pub(crate) struct Held<'a> {
    place: Option<Place<'a>>,
    avoided: Option<Chosen<'a>>,
}

type Place<'a> = (Chosen<'a>, Slot<'a>);

impl<'a> Held<'a> {
    /// The place of a way whose connection was of no use.
    pub(crate) fn at(way: Way<'a>) -> Held<'a> {
        Held { place: Some(way.into_place()), avoided: None }
    }
}

impl<'a> Way<'a> {
    /// The server, where it is one of those that have a name.
    pub(crate) fn named(&self) -> Option<&ServerPlan> {
        Some(&**self.server).filter(|server| !server.is_nameless)
    }

    /// Gives the connection up and keeps the place.
    pub(crate) fn into_place(self) -> Place<'a> {
        (self.server, self.slot)
    }
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

/// Finds a way to a server of the backend: picks one, waits for a place where all are taken, connects.
///
/// `reusable` allows idle connections.
pub(crate) async fn reach<'a>(
    session: &mut Session,
    backend: &'a BackendPlan,
    reusable: bool,
    mut held: Held<'a>,
    trail: &mut Trail<'a>,
) -> Result<Way<'a>, Fault> {
    let worker = session.worker.clone();
    loop {
        let (server, slot) = match held.place.take() {
            Some(place) => place,
            None => match held.avoided.take() {
                Some(avoided) => place_anew(session, backend, avoided, trail).await?,
                None => place(session, backend, None, trail).await?,
            },
        };
        trail.server = Some(server.clone()).filter(|server| !server.is_nameless);
        let manner = server.manner.as_deref();
        if trail.redirects && manner.is_some_and(|manner| manner.redirect.is_some()) {
            return Err(Fault::Redirected);
        }
        trail.sight.note_server(&server.live, trail.retries);
        let loan = worker.pool.lend(&server);
        let now = worker.now();
        server.live.exchanges.begin(worker.index, now);
        if reusable
            && let Some(upstream) = own(session, backend, &server)
                .or_else(|| loan.take_idle(backend.reuse, session.requests <= 1, aim(session, &server)))
        {
            stamp(session, &upstream.stream);
            server.live.exchanges.reuses.add(worker.index, 1);
            backend.live.exchanges.reuses.add(worker.index, 1);
            trail.connected = Some(Instant::now());
            trail.sight.note_upstream(Some(&upstream.stream));
            trail.glitches.set(upstream.stream.glitches());
            return Ok(Way { server, upstream, reused: true, loan, slot });
        }
        server.live.exchanges.connects.add(worker.index, 1);
        backend.live.exchanges.connects.add(worker.index, 1);
        let failure = match connect(session, backend, &server, trail.identifier.as_deref()).await {
            Ok(upstream) => {
                trail.connected = Some(Instant::now());
                super::observe::observe_connection(session, backend, &server, true);
                trail.sight.note_upstream(Some(&upstream.stream));
                trail.glitches.set(0);
                return Ok(Way { server, upstream, reused: false, loan, slot });
            }
            Err(failure) => failure,
        };
        super::observe::observe_connection(session, backend, &server, false);
        let retries = failure != Fault::NoSource
            && backend.retry_on.contains(RetryReason::ConnFailure)
            && trail.retries < session.retries(backend);
        if !retries {
            server.live.exchanges.connection_errors.add(worker.index, 1);
            backend.live.exchanges.connection_errors.add(worker.index, 1);
            return Err(failure);
        }
        trail.retries += 1;
        held = retry(session, backend, (server, slot), trail);
        if held.place.is_some() && failure == Fault::ConnectFailed {
            // A server that refuses at once is given time to come back, as HAProxy does.
            let limit = connect_timeout(session, backend);
            let pause = if limit == 0 { PAUSE } else { limit.min(PAUSE) };
            trail.sight.enter(Progress::Pausing);
            worker.clock.sleep(Duration::from_millis(u64::from(pause))).await;
        }
    }
}

/// Decides where a request goes that failed and is tried again: the retry is counted in `trail` already.
pub(crate) fn retry<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    place: Place<'a>,
    trail: &mut Trail<'a>,
) -> Held<'a> {
    if redispatches(session, backend, trail) {
        return Held { place: None, avoided: Some(place.0) };
    }
    count_retry(session, backend, &place.0);
    Held { place: Some(place), avoided: None }
}

fn count_retry(session: &Session, backend: &BackendPlan, server: &ServerPlan) {
    let worker = session.worker.index;
    server.live.exchanges.retries.add(worker, 1);
    backend.live.exchanges.retries.add(worker, 1);
}

fn count_redispatch(session: &Session, backend: &BackendPlan, server: &ServerPlan) {
    let worker = session.worker.index;
    server.live.exchanges.redispatches.add(worker, 1);
    backend.live.exchanges.redispatches.add(worker, 1);
}

/// The system has no socket to give, or not with the address that is asked for.
pub(super) fn count_internal_error(session: &Session, backend: &BackendPlan, server: &ServerPlan) {
    let worker = session.worker.index;
    session.frontend.live.internal_errors.add(worker, 1);
    session.admission.bind.internal_errors.add(worker, 1);
    server.live.exchanges.internal_errors.add(worker, 1);
    backend.live.exchanges.internal_errors.add(worker, 1);
}

/// A place on another server than one that failed, where there is another.
async fn place_anew<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    avoided: Chosen<'a>,
    trail: &mut Trail<'a>,
) -> Result<Place<'a>, Fault> {
    let tied = trail.claim.server.take();
    let place = place(session, backend, Some(&avoided), trail).await?;
    if place.0.name == avoided.name {
        trail.claim.server = tied;
        count_retry(session, backend, &avoided);
    } else {
        trail.redispatched = true;
        trail.claim.server = tied;
        trail.claim.forsake();
        count_redispatch(session, backend, &avoided);
    }
    Ok(place)
}

/// Keeps a connection whose exchange is over for whoever may use it next.
pub(crate) fn release(session: &mut Session, backend: &BackendPlan, way: Way<'_>) {
    let Way { server, mut upstream, loan, slot, .. } = way;
    upstream.note_served();
    match backend.reuse {
        HttpReuse::Never => {
            upstream.reserve(&server.live, session.worker.index);
            let last = session.last.get_or_insert_with(|| note_last(backend, &server));
            last.upstream = Some(upstream);
        }
        _ => loan.keep(&server, upstream),
    }
    drop((loan, slot));
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
    let mut upstream = session.last.as_mut()?.upstream.take()?;
    upstream.resume();
    let usable = upstream.is_usable(&server.live) && upstream.leads_to(aim(session, server));
    usable.then_some(upstream)
}

/// A place on a server, waiting for one where all are taken.
async fn place<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    avoided: Option<&Chosen<'a>>,
    trail: &mut Trail<'a>,
) -> Result<Place<'a>, Fault> {
    let worker = session.worker.index;
    let mut rank = None;
    loop {
        let tied = trail.claim.server.clone();
        let target = match &tied {
            Some(server) => Some(server.clone()),
            // Who comes does not overtake those who wait.
            None if rank.is_none() && session.key.0.is_none() && !backend.live.queue.is_empty() => None,
            None => choose(session, backend, avoided),
        };
        let Some(server) = target else {
            if backend.picker.is_empty() {
                backend.live.exchanges.connection_errors.add(worker, 1);
                return Err(Fault::NoServer);
            }
            if let Some(place) = wait(session, backend, None, &mut rank, trail).await? {
                return Ok(place);
            }
            continue;
        };
        if let Some(slot) = Slot::take(&server, &backend.live) {
            trail.dequeued = Some(Instant::now());
            return Ok((server, slot));
        }
        let waits_for_it = tied.is_some()
            || session.key.0.is_some()
            || server.maxqueue != 0
            || awaits_last(session, backend, &server);
        if !waits_for_it {
            // Somebody else was faster, and there may be room elsewhere.
            continue;
        }
        trail.server = Some(server.clone());
        if server.maxqueue != 0 && server.live.queue.length() >= server.maxqueue {
            if tied.is_none() || backend.redispatch == 0 {
                server.live.exchanges.connection_errors.add(worker, 1);
                backend.live.exchanges.connection_errors.add(worker, 1);
                return Err(Fault::QueueFull);
            }
            count_redispatch(session, backend, &server);
            trail.redispatched = true;
            trail.claim.forsake();
            trail.server = None;
            continue;
        }
        if let Some(place) = wait(session, backend, Some(&server), &mut rank, trail).await? {
            return Ok(place);
        }
        // The servers are others now. Who waited for one that is gone is free.
        if !server.live.is_up() {
            trail.claim.forsake();
        }
    }
}

/// Waits in the queue of a server, or in that of the backend; `None` when it is time to look again.
async fn wait<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    server: Option<&Chosen<'a>>,
    rank: &mut Option<Rank>,
    trail: &mut Trail<'a>,
) -> Result<Option<Place<'a>>, Fault> {
    let process = &session.worker.shared.live.process;
    let (queue, counted) = match server {
        Some(server) => (&server.live.queue, &mut trail.queued[0]),
        None => (&backend.live.queue, &mut trail.queued[1]),
    };
    let place = *rank.get_or_insert_with(|| queue.rank(trail.priority, process.now()));
    let (mut ticket, waiting) = queue.join(&backend.live, place);
    session.timer.set(Instant::now(), session.overrides.queue_timeout.unwrap_or(backend.queue_timeout));
    trail.sight.enter(Progress::Queued);
    // Between the look and the joining a place may have become free, and been given to nobody.
    match server {
        Some(server) => backend.live.feed(&server.live),
        None if waiting == 1 => {
            if let Some(server) = choose(session, backend, None) {
                backend.live.feed(&server.live);
            }
        }
        None => {}
    }
    let outcome = poll_fn(|context| {
        if let Poll::Ready(grant) = ticket.poll_grant(context) {
            return Poll::Ready(Ok(grant));
        }
        if backend.abort_on_close && session.stream.poll_left(context).is_ready() {
            return Poll::Ready(Err(Fault::ClientLeftQueue));
        }
        poll_timer(&session.timer, context).map(|_| Err(Fault::QueueTimeout))
    })
    .await;
    *counted = counted.saturating_add(ticket.position());
    trail.dequeued = Some(Instant::now());
    match outcome {
        Ok(Grant::Look) => Ok(None),
        Ok(Grant::Place(live)) => Ok(seat(session, backend, live)),
        Err(fault) => {
            if fault == Fault::QueueTimeout {
                let worker = session.worker.index;
                backend.live.exchanges.connection_errors.add(worker, 1);
                if let Some(server) = server {
                    server.live.exchanges.connection_errors.add(worker, 1);
                }
            }
            Err(fault)
        }
    }
}

/// The place on a server that was granted: one of this snapshot, or one that came later. A server that is gone
/// again gives nothing.
fn seat<'a>(session: &Session, backend: &'a BackendPlan, live: Arc<ServerLive>) -> Option<Place<'a>> {
    let newer = || {
        let snapshot = session.worker.snapshot();
        let server = snapshot.backends.get(&backend.name)?.server_of(&live)?.clone();
        Some(Chosen::Newer(server))
    };
    match backend.server_of(&live).map(Chosen::Seen).or_else(newer) {
        Some(server) => Some((server.clone(), Slot::taken(server, &backend.live))),
        None => {
            live.vacate(&backend.live);
            None
        }
    }
}

/// The server for a request that is tied to none: the client's last one, where it is preferred, or else the best by
/// the algorithm. `None` when all are full.
fn choose<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    avoided: Option<&Chosen<'a>>,
) -> Option<Chosen<'a>> {
    let has_room = |server: &ServerPlan| {
        let limit = server.limit(&backend.live);
        limit == 0 || (server.live.sessions.now() < limit && server.live.queue.is_empty())
    };
    // Fewest connections may lead to a server's queue, as far as that is limited.
    let queues = backend.picker.plan().algorithm == Balance::LeastConn;
    let fits =
        |server: &ServerPlan| has_room(server) || (queues && server.maxqueue > server.live.queue.length());
    if let Some(server) = &backend.dispatch {
        return Some(Chosen::Seen(server));
    }
    if let Some(server) = preferred(session, backend)
        && (has_room(server) || awaits_last(session, backend, server))
    {
        return Some(Chosen::Seen(server));
    }
    let other = |server: &ServerPlan| avoided.is_none_or(|avoided| avoided.name != server.name);
    let chosen = match avoided {
        Some(_) => backend
            .pick(session.key, |server| fits(server) && other(server))
            .or_else(|| backend.pick(session.key, fits)),
        None => backend.pick(session.key, fits),
    }?;
    if other(chosen) {
        let worker = session.worker.index;
        chosen.live.exchanges.chosen.add(worker, 1);
        backend.live.exchanges.chosen.add(worker, 1);
    }
    Some(Chosen::Seen(chosen))
}

/// The server that the client was last on, where it is to be sent there again.
fn preferred<'a>(session: &Session, backend: &'a BackendPlan) -> Option<&'a Arc<ServerPlan>> {
    let last =
        session.last.as_ref().filter(|last| backend.prefer_last_server && last.backend == backend.name)?;
    backend.server(&last.server).filter(|server| server.is_eligible())
}

/// Whether the client waits for the server that it was last on: it has a connection there of its own, and not too many
/// wait already (configuration manual 4.2 "max-keep-alive-queue").
fn awaits_last(session: &Session, backend: &BackendPlan, server: &ServerPlan) -> bool {
    let own = session.last.as_ref().is_some_and(|last| last.upstream.is_some());
    let most = backend.conduct.max_keep_alive_queue.and_then(|most| u32::try_from(most).ok());
    own && preferred(session, backend).is_some_and(|last| last.name == server.name)
        && most.is_none_or(|most| server.live.queue.length() < most)
}

/// Whether this retry goes to another server (configuration manual 4.2 "option redispatch"). What is not tied to
/// a server does not insist on one that failed.
fn redispatches(session: &Session, backend: &BackendPlan, trail: &Trail<'_>) -> bool {
    let retry = trail.retries;
    let due = match backend.redispatch {
        0 => return false,
        every if every > 0 => retry.is_multiple_of(every.unsigned_abs()),
        before_last => {
            retry == (session.retries(backend) + 1).saturating_sub(before_last.unsigned_abs()).max(1)
        }
    };
    let free = trail.claim.server.is_none() && session.key.0.is_none();
    due || (free
        && backend.servers.iter().filter(|server| server.is_eligible() && !server.backup).nth(1).is_some())
}

/// Milliseconds before the same server is tried again.
const PAUSE: u32 = 1000;
