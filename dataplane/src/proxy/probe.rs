//! Carries checks out: each worker has its share of the servers, one schedule and one timer for all of them, and a
//! task only for a check that is under way.

use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use regate_proto::model::{CheckConnect, Name, ProxyHeader, ServerHost};
use slab::Slab;
use socket2::{Domain, SockAddr, SockRef, Socket, Type};

use super::clock::Timer;
use super::program;
use super::proxy_protocol::{self, Addresses};
use super::socket::{self, Departure};
use super::socks;
use super::speaker::Speaker;
use super::stream::{Cut, Opening, Stream, poll_timer};
use super::worker::{Seen, Worker};
use crate::check::standing::{self, Place};
use crate::check::{Run, Setting, Unreachable, Wish, agent, state};
use crate::live::{Finding, Outcome, TaskKind};
use crate::snapshot::{BackendPlan, ServerCheckPlan, ServerPlan, Snapshot, Target};

/// The checks of one worker.
#[derive(Debug, Default)]
struct Schedule {
    entries: Slab<Entry>,
    /// Entries by what is observed of their server, and whether they are an agent's.
    known: HashMap<(usize, bool), usize>,
    turns: BinaryHeap<Reverse<(u64, usize, u64)>>,
    /// The backends as they were seen last: those that are still the same need no look.
    seen: HashMap<Name, usize>,
    /// Whoever waits for the next turn.
    waker: Option<Waker>,
}

/// One server's checks, or its agent.
#[derive(Debug)]
struct Entry {
    backend: Name,
    server: Name,
    agent: bool,
    key: (usize, bool),
    due: u64,
    /// Bumped when the turn is moved: what lies in the heap for an older one is stale.
    version: u64,
    running: bool,
}

/// Checks this worker's share of the servers, for as long as it lives.
pub(crate) async fn tend(worker: Rc<Worker>) {
    let schedule = Rc::new(RefCell::new(Schedule::default()));
    let timer = Timer::new(&worker.clock);
    let ledger = &worker.shared.live.ledger;
    let (mut adopted, mut bumps) = (None, 0);
    loop {
        // Between two turns there is nothing to adopt: with thousands of servers that must cost nothing.
        if adopted != Some(bumps) {
            adopted = Some(bumps);
            let snapshot = worker.snapshot();
            schedule.borrow_mut().adopt(&worker, &snapshot);
        }
        start_due(&worker, &schedule);
        let next = schedule.borrow().next_turn();
        let now = worker.shared.live.process.now();
        let wait = next.map_or(0, |due| u32::try_from(due.saturating_sub(now).max(1)).unwrap_or(u32::MAX));
        timer.set(Instant::now(), wait);
        bumps = poll_fn(|context| {
            let heard = ledger.poll_bumps(bumps, context.waker());
            if heard != bumps || poll_timer(&timer, context).is_ready() {
                return Poll::Ready(heard);
            }
            let mut schedule = schedule.borrow_mut();
            if schedule.next_turn() != next {
                return Poll::Ready(heard);
            }
            schedule.waker = Some(context.waker().clone());
            Poll::Pending
        })
        .await;
        if worker.is_draining() {
            return;
        }
    }
}

impl Schedule {
    /// Takes over what is to be checked now.
    fn adopt(&mut self, worker: &Worker, snapshot: &Snapshot) {
        let live = &worker.shared.live;
        let (workers, now) = (live.workers().max(1), live.process.now());
        let mut fresh: Vec<(usize, u32)> = Vec::new();
        let mut wishes = 0usize;
        for (name, backend) in &snapshot.backends {
            let identity = Arc::as_ptr(backend) as usize;
            if self.seen.insert(name.clone(), identity) == Some(identity) {
                continue;
            }
            for (at, server) in backend.servers.iter().enumerate() {
                let Some(checks) = &server.checks else { continue };
                let mine = at.wrapping_add(backend.id as usize) % workers == worker.index;
                for (wanted, is_agent) in [(checks.check, false), (checks.agent, true)] {
                    if !wanted {
                        continue;
                    }
                    wishes += 1;
                    let key = (Arc::as_ptr(&server.live) as usize, is_agent);
                    if !mine || self.known.contains_key(&key) {
                        continue;
                    }
                    let entry = Entry {
                        backend: name.clone(),
                        server: server.name.clone(),
                        agent: is_agent,
                        key,
                        due: 0,
                        version: 0,
                        running: false,
                    };
                    let inter = if is_agent { checks.agent_inter } else { checks.inter };
                    let longest = backend.checks.max_spread.unwrap_or(u32::MAX);
                    let id = self.entries.insert(entry);
                    self.known.insert(key, id);
                    fresh.push((id, inter.min(longest)));
                    self.place(id, wishes as u64);
                }
                if !mine {
                    continue;
                }
                self.hurry(server, now);
            }
        }
        self.seen.retain(|name, _| snapshot.backends.contains_key(name));
        // First checks are spread over the shortest interval among them, in the order of the servers.
        let span = fresh.iter().map(|(_, span)| u64::from(*span)).min().unwrap_or(0);
        for (id, _) in fresh {
            let rank = self.entries.get(id).map_or(0, |entry| entry.due).saturating_sub(1);
            self.place(id, now.saturating_add(span.saturating_mul(rank) / (wishes.max(1) as u64)));
        }
        self.hurry_all(snapshot, now);
    }

    /// Moves the checks of servers that somebody wants sooner.
    fn hurry_all(&mut self, snapshot: &Snapshot, now: u64) {
        let hurried: Vec<usize> = self
            .entries
            .iter()
            .filter(|(_, entry)| !entry.agent && !entry.running)
            .filter_map(|(id, entry)| {
                let server = snapshot.backends.get(&entry.backend)?.server(&entry.server)?;
                let sooner = server.live.health.hurry.swap(0, Ordering::Relaxed);
                (sooner != 0 && sooner < entry.due).then_some(id)
            })
            .collect();
        hurried.into_iter().for_each(|id| self.place(id, now.saturating_add(1)));
    }

    fn hurry(&mut self, server: &ServerPlan, now: u64) {
        // A server that has just left maintenance is looked at soon.
        let key = (Arc::as_ptr(&server.live) as usize, false);
        let rests = |entry: &Entry| !entry.running && entry.due > now.saturating_add(LONG_REST);
        if let Some(id) = self.known.get(&key).copied()
            && self.entries.get(id).is_some_and(rests)
        {
            self.place(id, now.saturating_add(1));
        }
    }

    fn place(&mut self, id: usize, due: u64) {
        let Some(entry) = self.entries.get_mut(id) else { return };
        entry.due = due;
        entry.version = entry.version.wrapping_add(1);
        self.turns.push(Reverse((due, id, entry.version)));
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    fn is_current(&self, id: usize, version: u64) -> bool {
        self.entries.get(id).is_some_and(|entry| entry.version == version && !entry.running)
    }

    fn next_turn(&self) -> Option<u64> {
        self.turns.peek().map(|Reverse((due, ..))| *due)
    }

    /// The next check whose turn has come.
    fn take_due(&mut self, now: u64) -> Option<usize> {
        loop {
            let Reverse((due, id, version)) = self.turns.peek().copied()?;
            if !self.is_current(id, version) {
                self.turns.pop();
            } else if due > now {
                return None;
            } else {
                self.turns.pop();
                return Some(id);
            }
        }
    }

    fn forget(&mut self, id: usize) {
        if let Some(entry) = self.entries.try_remove(id) {
            self.known.remove(&entry.key);
        }
    }
}

/// Starts the checks whose turn has come, a bounded number at a time: the rest comes at the clock's next tick.
fn start_due(worker: &Rc<Worker>, schedule: &Rc<RefCell<Schedule>>) {
    let snapshot = worker.snapshot();
    let now = worker.shared.live.process.now();
    for _ in 0..BURST {
        let Some(id) = schedule.borrow_mut().take_due(now) else { return };
        let mut borrowed = schedule.borrow_mut();
        let Some(entry) = borrowed.entries.get_mut(id) else { continue };
        let (is_agent, due) = (entry.agent, entry.due);
        let Some(found) = find(&snapshot, entry) else {
            borrowed.forget(id);
            continue;
        };
        let (backend, server, checks) = found;
        let rests = !is_wanted(server, is_agent);
        let inter = interval(server, checks, is_agent, backend.checks.spread, now ^ (id as u64));
        if rests {
            borrowed.place(id, now.saturating_add(inter.max(1)));
            continue;
        }
        entry.running = true;
        let (backend, server) = (entry.backend.clone(), entry.server.clone());
        drop(borrowed);
        let (own, schedule) = (worker.clone(), schedule.clone());
        worker.spawn(TaskKind::Check, async move {
            let began = own.shared.live.process.now();
            match is_agent {
                false => check(&own, &backend, &server).await,
                true => ask(&own, &backend, &server).await,
            }
            let snapshot = own.snapshot();
            let now = own.shared.live.process.now();
            let mut schedule = schedule.borrow_mut();
            let Some(entry) = schedule.entries.get_mut(id) else { return };
            entry.running = false;
            let Some((backend, server, checks)) = find(&snapshot, entry) else {
                return schedule.forget(id);
            };
            let inter = interval(server, checks, is_agent, backend.checks.spread, now ^ due).max(1);
            let mut next = began.saturating_add(inter);
            if next <= now {
                next = next.saturating_add((now - next) / inter * inter).saturating_add(inter);
            }
            schedule.place(id, next);
        });
    }
}

fn find<'a>(
    snapshot: &'a Snapshot,
    entry: &Entry,
) -> Option<(&'a Arc<BackendPlan>, &'a Arc<ServerPlan>, &'a ServerCheckPlan)> {
    let backend = snapshot.backends.get(&entry.backend)?;
    let server = backend.server(&entry.server)?;
    let checks = server.checks.as_deref()?;
    let wanted = if entry.agent { checks.agent } else { checks.check };
    let same = Arc::as_ptr(&server.live) as usize == entry.key.0;
    (wanted && same).then_some((backend, server, checks))
}

/// Whether a check may be made now: in maintenance only the agent is asked, who may end it.
fn is_wanted(server: &ServerPlan, is_agent: bool) -> bool {
    let record = server.live.health.record();
    match is_agent {
        true => record.agent.is_enabled(),
        false => {
            record.check.is_enabled()
                && server.admin_in_force() != regate_proto::model::Admin::Maint
                && server.is_located()
        }
    }
}

/// Milliseconds until the next check, moved at random by up to `spread` percent.
fn interval(server: &ServerPlan, checks: &ServerCheckPlan, is_agent: bool, spread: u32, seed: u64) -> u64 {
    let record = server.live.health.record();
    let inter = match (is_agent, &record.check) {
        (true, _) => checks.agent_inter,
        (false, probe) if probe.health == probe.top() => checks.inter,
        (false, probe) if probe.health == 0 => checks.down_inter,
        (false, _) => checks.fast_inter,
    };
    drop(record);
    let inter = u64::from(inter);
    let range = inter.saturating_mul(u64::from(spread)) / 100;
    let dice = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407) >> 33;
    inter.saturating_sub(range).saturating_add(if range == 0 { 0 } else { dice % (2 * range + 1) })
}

/// Makes one check of a server, and tells what it found.
async fn check(worker: &Rc<Worker>, backend: &Name, server: &Name) {
    let seen = worker.snapshot();
    let Some(place) = place(worker, &seen, backend, server) else { return };
    let Some(checks) = place.server.checks.as_deref() else { return };
    place.server.live.health.record().check.under_way = true;
    let began = Instant::now();
    let mut outcome = match place.backend.checks.script.program() {
        Some(program) => {
            let limit = place.backend.checks.timeout.unwrap_or(checks.inter);
            program::run(program, place.backend, place.server, limit).await
        }
        None => Box::pin(converse(worker, place, checks)).await,
    };
    outcome.duration = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    // What is in force now decides what the result means.
    let seen = worker.snapshot();
    if let Some(place) = self::place(worker, &seen, backend, server) {
        place.server.live.health.record().check.under_way = false;
        standing::take_check(place, &outcome);
    }
}

/// Asks a server's agent once, and tells what it said.
async fn ask(worker: &Rc<Worker>, backend: &Name, server: &Name) {
    let seen = worker.snapshot();
    let Some(place) = place(worker, &seen, backend, server) else { return };
    let Some(checks) = place.server.checks.as_deref() else { return };
    place.server.live.health.record().agent.under_way = true;
    let began = Instant::now();
    let words = Box::pin(listen_to(worker, place, checks)).await;
    let duration = u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX);
    let (outcome, words) = match words {
        Ok(words) => (words.outcome(), Some(words)),
        Err(outcome) => (outcome, None),
    };
    let outcome = Outcome { duration, ..outcome };
    let seen = worker.snapshot();
    if let Some(place) = self::place(worker, &seen, backend, server) {
        place.server.live.health.record().agent.under_way = false;
        if standing::take_agent(place, &outcome, words.as_ref()) {
            tracing::warn!("the agent of server {backend}/{server} cannot be understood: {}", outcome.detail);
        }
    }
}

pub(super) fn place<'a>(
    worker: &'a Worker,
    seen: &'a Seen,
    backend: &Name,
    server: &Name,
) -> Option<Place<'a>> {
    let backend = seen.backends.get(backend)?;
    let server = backend.server(server)?;
    Some(Place { snapshot: seen, live: &worker.shared.live, backend, server })
}

/// Carries a check out over connections.
async fn converse(worker: &Rc<Worker>, place: Place<'_>, checks: &ServerCheckPlan) -> Outcome {
    let plan = &place.backend.checks;
    let timer = Timer::new(&worker.clock);
    let serves = place.server.live.health.operational() != crate::live::Operational::Stopped;
    let speaker = Speaker::new(worker, place);
    let mut run = Run::new(plan.script.clone(), Setting { serves, state: state::header(place, checks) });
    let mut stream: Option<Stream> = None;
    let mut bytes = worker.scratch();
    let outcome = loop {
        match run.wish(&speaker) {
            Wish::Done(outcome) => break outcome,
            Wish::Connect(connect) => {
                drop(stream.take());
                let limit = match (plan.timeout, plan.connect_timeout) {
                    (Some(_), 1..) => checks.inter.min(plan.connect_timeout),
                    _ => checks.inter,
                };
                timer.set(Instant::now(), limit);
                match reach(worker, place.server, checks, &connect, &timer).await {
                    Ok(open) => stream = Some(open),
                    Err(why) => break run.unreachable(why),
                }
                if let Some(timeout) = plan.timeout {
                    timer.set(Instant::now(), timeout);
                }
                run.connected();
            }
            Wish::Send(out) => {
                let Some(stream) = &stream else { break Outcome::bare(Finding::SocketError) };
                match stream.write_all(&out, &[], &timer, &mut 0).await {
                    Ok(()) => run.sent(),
                    Err(Cut::Timeout | Cut::Nudge) => break run.late(),
                    // What it said before it closed may still tell.
                    Err(Cut::Broken) => run.sent(),
                }
            }
            Wish::Receive => {
                let Some(stream) = &stream else { break Outcome::bare(Finding::SocketError) };
                bytes.resize(PIECE.min(run.room()).max(1), 0);
                match receive(stream, &mut bytes, &timer).await {
                    Ok(0) => run.ended(),
                    Ok(count) => run.received(bytes.get(..count).unwrap_or_default()),
                    Err(Ended::Late) => break run.late(),
                    Err(Ended::Broken(reason)) => break run.broken(&reason),
                }
            }
        }
    };
    worker.keep_scratch(bytes);
    outcome
}

/// Asks an agent; gives its words, or why there are none.
async fn listen_to(
    worker: &Rc<Worker>,
    place: Place<'_>,
    checks: &ServerCheckPlan,
) -> Result<agent::Words, Outcome> {
    let timer = Timer::new(&worker.clock);
    timer.set(Instant::now(), checks.agent_inter);
    let failed = |why: Unreachable| match why {
        Unreachable::Late => Outcome::bare(Finding::L4Timeout),
        Unreachable::Refused(reason) => Outcome::with(Finding::L4Failed, 0, reason),
        Unreachable::System(reason) => {
            Outcome::with(Finding::SocketError, 0, format!("General socket error ({reason})"))
        }
    };
    let host = checks.agent_host.or_else(|| host_of(place.server.place()?.as_ref()));
    let host = host.ok_or_else(|| failed(Unreachable::System("the server has no IP address".to_owned())))?;
    let address = SockAddr::from(SocketAddr::new(host, checks.agent_port));
    let departure = socket::departure_of_check(place.server, false);
    let stream = open(worker, (&departure, &address), &timer, false).await.map_err(failed)?;
    let late = || Outcome::bare(Finding::L7Timeout);
    if !checks.agent_send.is_empty()
        && let Err(Cut::Timeout | Cut::Nudge) =
            stream.write_all(&checks.agent_send, &[], &timer, &mut 0).await
    {
        return Err(late());
    }
    let mut said = Vec::new();
    let mut piece = [0; 512];
    loop {
        let last = match receive(&stream, &mut piece, &timer).await {
            Ok(0) => true,
            Ok(count) => {
                said.extend_from_slice(piece.get(..count).unwrap_or_default());
                said.len() >= LONGEST_WORDS
            }
            Err(Ended::Late) => return Err(late()),
            Err(Ended::Broken(reason)) => return Err(Outcome::with(Finding::SocketError, 0, reason)),
        };
        if let Some(words) = agent::read(&said, last) {
            return Ok(words);
        }
    }
}

/// Why nothing more is received.
enum Ended {
    Late,
    Broken(String),
}

async fn receive(stream: &Stream, bytes: &mut [u8], timer: &Timer) -> Result<usize, Ended> {
    poll_fn(|context| match stream.poll_read(context, bytes) {
        Poll::Ready(Ok(count)) => Poll::Ready(Ok(count)),
        Poll::Ready(Err(error)) => Poll::Ready(Err(Ended::Broken(words_of(&error)))),
        Poll::Pending => poll_timer(timer, context).map(|_| Err(Ended::Late)),
    })
    .await
}

/// Opens a connection of a check, with the PROXY protocol header where one is asked for.
async fn reach(
    worker: &Rc<Worker>,
    server: &ServerPlan,
    checks: &ServerCheckPlan,
    connect: &CheckConnect,
    timer: &Timer,
) -> Result<Stream, Unreachable> {
    let address = address_of(server, checks, connect).map_err(Unreachable::System)?;
    let departure = socket::departure_of_check(server, true);
    let stream = open(worker, (&departure, &address), timer, connect.linger).await?;
    let by_default = connect.default && checks.send_proxy;
    if by_default || connect.send_proxy {
        let addresses = stream
            .local()
            .zip(address.as_socket())
            .map(|(source, destination)| Addresses { source, destination });
        let mut header = worker.scratch();
        match server.send_proxy {
            Some(ProxyHeader::V2) => {
                // HAProxy says of its own connections that they are nobody's.
                let told = worker.snapshot().global.conduct.proxy_never_local == Some(true);
                let addresses = addresses.filter(|_| told);
                proxy_protocol::push_v2(&mut header, addresses.as_ref(), &socket::extensions(server));
            }
            _ => proxy_protocol::push_v1(&mut header, addresses.as_ref()),
        }
        let sent = stream.write_all(&header, &[], timer, &mut 0).await;
        worker.keep_scratch(header);
        if let Err(Cut::Timeout | Cut::Nudge) = sent {
            return Err(Unreachable::Late);
        }
    }
    Ok(stream)
}

async fn open(
    worker: &Rc<Worker>,
    (departure, address): (&Departure<'_>, &SockAddr),
    timer: &Timer,
    linger: bool,
) -> Result<Stream, Unreachable> {
    let system = |error: std::io::Error| Unreachable::System(words_of(&error));
    let behind = address.as_socket();
    let proxy = departure.dialling.and_then(|dialling| dialling.socks).filter(|_| behind.is_some());
    let socket = match proxy.or(behind) {
        Some(to) => socket::open(to, departure),
        None => Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None),
    };
    let stream = Stream::adopt(&worker.reactor, socket.map_err(system)?.into());
    let first = proxy.map(SockAddr::from);
    let address = first.as_ref().unwrap_or(address);
    match stream.open(address, timer).await {
        Ok(()) => {}
        Err(Opening::Cut(_)) => return Err(Unreachable::Late),
        Err(Opening::Failed(error)) if address.is_unix() => return Err(system(error)),
        Err(Opening::Failed(error)) => return Err(Unreachable::Refused(words_of(&error))),
    }
    if let Some(to) = behind.filter(|_| proxy.is_some()) {
        socks::ask(&stream, to, timer).await.map_err(|cut| match cut {
            Cut::Timeout | Cut::Nudge => Unreachable::Late,
            Cut::Broken => Unreachable::Refused("SOCKS4 Proxy handshake failed".to_owned()),
        })?;
    }
    if !linger {
        // A check leaves nothing behind: neither here nor at the server a connection waits for its end.
        let _ = SockRef::from(&stream).set_linger(Some(Duration::ZERO));
    }
    Ok(stream)
}

fn address_of(
    server: &ServerPlan,
    checks: &ServerCheckPlan,
    connect: &CheckConnect,
) -> Result<SockAddr, String> {
    let ruled = match &connect.host {
        None => None,
        Some(ServerHost::Ip(ip)) => Some(*ip),
        Some(ServerHost::Named(name)) => return Err(format!("{name} is no address")),
    };
    let target = server.place().ok_or_else(|| "the name of the server leads nowhere".to_owned())?;
    let own_port = match target.as_ref() {
        Target::Inet(address) => address.port(),
        Target::Transparent(port) => *port,
        Target::Mapped(..) | Target::Named(_) => 0,
        Target::Unix(_) | Target::Abstract(_) if ruled.is_none() && checks.host.is_none() => {
            return super::dial::unix_address(&target).map_err(|error| words_of(&error));
        }
        Target::Unix(_) | Target::Abstract(_) => 0,
    };
    let host = ruled.or(checks.host).or_else(|| host_of(&target));
    let host = host.ok_or_else(|| "the server has no address".to_owned())?;
    let port = connect.port.or(checks.port).unwrap_or(own_port);
    Ok(SocketAddr::new(host, port).into())
}

fn host_of(target: &Target) -> Option<IpAddr> {
    match target {
        Target::Inet(address) => Some(address.ip()),
        Target::Mapped(ip, _) => *ip,
        Target::Named(_) | Target::Transparent(_) | Target::Unix(_) | Target::Abstract(_) => None,
    }
}

/// An error in the words of the system's manual, without its number.
fn words_of(error: &std::io::Error) -> String {
    let text = error.to_string();
    text.split(" (os error").next().unwrap_or_default().to_owned()
}

/// Bytes that are received at a time.
const PIECE: usize = 4096;

/// Bytes of an agent's words.
const LONGEST_WORDS: usize = 4096;

/// Checks that are started in a row before others get their turn.
const BURST: usize = 64;

/// Milliseconds after which a turn is far away for a server of which something else is asked.
const LONG_REST: u64 = 1000;
