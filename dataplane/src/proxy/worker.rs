//! One worker: a thread with its own runtime, listening sockets, connections, buffers, timers and pools.
//!
//! Nothing that a request needs is shared under a lock. The rest of the process talks to a worker by
//! [`Command`]s; a worker talks to the rest by what it counts in [`Live`].

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::ops::Deref;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::task::{Poll, Waker};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use parking_lot::Mutex;
use rustix::net::SocketFlags;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};

use super::buffer::Buffers;
use super::clock::Clock;
use super::h1::Fields;
use super::listen::{ListenKey, Opened};
use super::log::{Forwarders, LogSink};
use super::pipe::Pipes;
use super::pool::Pool;
use super::reactor::{Reactor, Source};
use super::retired::Retired;
use super::session::{self, Accepted, Admission};
use super::sight::{self, Register};
use super::tasks::{self, Task, Tasks};
use crate::check::standing;
use crate::inquiry::Inquiries;
use crate::live::{Live, TaskKind, WorkerLive};
use crate::snapshot::{BindPlan, FrontendPlan, Snapshot, foresee_transition, note_transition};
use crate::streams::Call;

/// What all workers and the rest of the process share.
#[derive(Debug)]
pub(crate) struct Shared {
    pub(crate) live: Arc<Live>,
    /// Who hands on the lines of rings.
    pub(crate) forwarders: Arc<Forwarders>,
    snapshot: ArcSwap<Snapshot>,
    /// Where those go that were in force.
    retired: Retired,
    /// Bumped with each snapshot, so that a worker sees by one load whether its copy is the newest.
    version: AtomicU64,
    /// Connections of each worker.
    loads: Vec<AtomicU32>,
    peers: Vec<UnboundedSender<Command>>,
    pub(crate) gate: Gate,
    /// The way to the admin side.
    pub(crate) inquiries: Inquiries,
}

/// What a worker is told.
#[derive(Debug)]
pub(crate) enum Command {
    /// Accept on this socket.
    Listen(Box<Opened>),
    /// Stop accepting on this one, after taking what the kernel has already accepted.
    Unlisten(ListenKey),
    /// Serve a connection that another worker accepted.
    Adopt(Box<(OwnedFd, Accepted)>),
    /// Look at streams, or cut some.
    Call(Box<Call>),
    /// Idle connections look whether they should still be there.
    Nudge,
    /// No new connections; idle ones close.
    Drain,
    /// End at once.
    Stop,
}

/// Acceptors that wait for a limit to be left.
#[derive(Debug, Default)]
pub(crate) struct Gate {
    waiting: AtomicUsize,
    wakers: Mutex<Vec<Waker>>,
}

/// One worker, as its tasks see it.
#[derive(Debug)]
pub(crate) struct Worker {
    pub(crate) index: usize,
    pub(crate) reactor: Rc<Reactor>,
    pub(crate) clock: Rc<Clock>,
    pub(crate) buffers: Rc<Buffers>,
    pub(crate) pipes: Rc<Pipes>,
    pub(crate) shared: Arc<Shared>,
    /// What is observed of it.
    pub(crate) live: Arc<WorkerLive>,
    pub(crate) pool: Pool,
    pub(crate) log: LogSink,
    /// What it serves.
    pub(crate) register: Rc<Register>,
    /// The process's clock as of the last turn.
    now: Cell<u64>,
    fields: RefCell<Vec<Fields>>,
    scratch: RefCell<Vec<Vec<u8>>>,
    seen: RefCell<(u64, Rc<Seen>)>,
    draining: Cell<bool>,
    stopped: Cell<bool>,
    tasks: Tasks,
    listeners: RefCell<HashMap<ListenKey, Listening>>,
}

/// The newest snapshot that a worker has seen: counted per worker, so that requests touch no shared count.
#[derive(Debug, Default)]
pub(crate) struct Seen(Arc<Snapshot>);

/// A listening socket with the task that accepts on it.
type Listening = (Rc<Listener>, Task);

/// A listening socket of one worker.
#[derive(Debug)]
struct Listener {
    key: ListenKey,
    socket: Source,
    /// The plans that it was opened for: what serves the last connections when they are gone.
    frontend: Arc<FrontendPlan>,
    bind: Arc<BindPlan>,
}

impl Shared {
    pub(super) fn new(
        live: Arc<Live>,
        peers: Vec<UnboundedSender<Command>>,
        inquiries: Inquiries,
        retired: Retired,
    ) -> Shared {
        Shared {
            live,
            forwarders: Arc::default(),
            snapshot: ArcSwap::from_pointee(Snapshot::default()),
            version: AtomicU64::new(0),
            retired,
            loads: peers.iter().map(|_| AtomicU32::new(0)).collect(),
            peers,
            gate: Gate::default(),
            inquiries,
        }
    }

    /// Makes a snapshot the one that every new request reads.
    pub(crate) fn publish(&self, snapshot: Arc<Snapshot>) {
        standing::foresee(&self.snapshot.load(), &snapshot, &self.live);
        foresee_transition(&self.snapshot.load(), &snapshot, &self.live);
        let old = self.snapshot.swap(snapshot.clone());
        self.version.fetch_add(1, Ordering::Release);
        note_transition(&old, &snapshot, &self.live);
        standing::note(&old, &snapshot, &self.live);
        self.retired.take(old);
        self.gate.open();
    }

    /// The snapshot in force.
    pub(crate) fn newest(&self) -> Arc<Snapshot> {
        self.snapshot.load_full()
    }

    /// Tells every worker.
    pub(crate) fn tell(&self, command: impl Fn(usize) -> Command) {
        for (index, peer) in self.peers.iter().enumerate() {
            // A worker that has ended needs no telling.
            let _ = peer.send(command(index));
        }
    }

    /// Tells one worker.
    pub(crate) fn tell_one(&self, worker: usize, command: Command) {
        if let Some(peer) = self.peers.get(worker) {
            let _ = peer.send(command);
        }
    }

    /// A worker's connections were one more or less.
    pub(crate) fn load(&self, worker: usize) -> &AtomicU32 {
        &self.loads[worker % self.loads.len().max(1)]
    }

    /// The worker that should serve a connection that this one accepted: another only when that one has
    /// clearly less to do, for handing over costs a wake-up.
    fn fittest(&self, accepting: usize) -> usize {
        let own = self.load(accepting).load(Ordering::Relaxed);
        let lightest = self.loads.iter().enumerate().min_by_key(|(_, load)| load.load(Ordering::Relaxed));
        match lightest {
            Some((other, load)) if own > load.load(Ordering::Relaxed) + own / 16 => other,
            _ => accepting,
        }
    }
}

impl Gate {
    /// A limit may have been left: acceptors look again.
    pub(crate) fn open(&self) {
        if self.waiting.load(Ordering::SeqCst) > 0 {
            let wakers = std::mem::take(&mut *self.wakers.lock());
            wakers.into_iter().for_each(Waker::wake);
        }
    }

    /// Waits until a limit may have been left; `still` says, after joining, whether there is anything to wait for.
    async fn wait(&self, still: impl Fn() -> bool) {
        self.waiting.fetch_add(1, Ordering::SeqCst);
        std::future::poll_fn(|context| {
            let mut wakers = self.wakers.lock();
            if !still() {
                return Poll::Ready(());
            }
            if !wakers.iter().any(|known| known.will_wake(context.waker())) {
                wakers.push(context.waker().clone());
            }
            Poll::Pending
        })
        .await;
        self.waiting.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Worker {
    /// The process's clock as of when the worker's turn began, in milliseconds.
    pub(crate) fn now(&self) -> u64 {
        self.now.get()
    }

    /// The snapshot for a new request.
    pub(crate) fn snapshot(&self) -> Rc<Seen> {
        let version = self.shared.version.load(Ordering::Acquire);
        let mut seen = self.seen.borrow_mut();
        if seen.0 != version {
            *seen = (version, Rc::new(Seen(self.shared.snapshot.load_full())));
        }
        seen.1.clone()
    }

    /// A field table to parse into.
    pub(crate) fn fields(&self) -> Fields {
        let kept = self.fields.borrow_mut().pop();
        self.live.field_tables.take(kept.is_some());
        kept.unwrap_or_default()
    }

    /// Gives a field table back.
    pub(crate) fn keep_fields(&self, mut fields: Fields) {
        fields.clear();
        let mut kept = self.fields.borrow_mut();
        let keeps = kept.len() < KEPT;
        self.live.field_tables.give(keeps);
        if keeps {
            kept.push(fields);
        }
    }

    /// An empty byte vector.
    pub(crate) fn scratch(&self) -> Vec<u8> {
        self.scratch.borrow_mut().pop().unwrap_or_else(|| Vec::with_capacity(1024))
    }

    /// Gives a byte vector back.
    pub(crate) fn keep_scratch(&self, mut bytes: Vec<u8>) {
        bytes.clear();
        let mut kept = self.scratch.borrow_mut();
        if kept.len() < KEPT && bytes.capacity() <= 64 * 1024 {
            kept.push(bytes);
        }
    }

    /// Runs a future on this worker until it is done, or the worker ends.
    pub(crate) fn spawn(&self, kind: TaskKind, future: impl Future<Output = ()> + 'static) -> Task {
        self.tasks.spawn(kind, future)
    }

    /// Whether connections should end as soon as they can.
    pub(crate) fn is_draining(&self) -> bool {
        self.draining.get()
    }

    /// What runs on this worker.
    pub(crate) fn tasks(&self) -> &Tasks {
        &self.tasks
    }

    fn listen(self: &Rc<Self>, opened: Opened) {
        let Opened { key, descriptors, wanted } = opened;
        let Some(socket) = descriptors.into_iter().next() else { return };
        let listener = Rc::new(Listener {
            key: key.clone(),
            socket: Source::shared(&self.reactor, socket),
            frontend: wanted.frontend,
            bind: wanted.bind,
        });
        let task = self.spawn(TaskKind::Acceptor, accept_all(self.clone(), listener.clone()));
        self.shared.live.process.listeners.rise();
        self.listeners.borrow_mut().insert(key, (listener, task));
    }

    fn unlisten(self: &Rc<Self>, key: &ListenKey) {
        let Some((listener, task)) = self.listeners.borrow_mut().remove(key) else { return };
        self.tasks.cancel(task);
        self.shared.live.process.listeners.fall();
        // What the kernel has accepted would be reset: it is served.
        let snapshot = self.snapshot();
        let (frontend, bind) = plans(&snapshot, &listener.key)
            .unwrap_or_else(|| (listener.frontend.clone(), listener.bind.clone()));
        while let Ok((socket, peer)) = listener.accept() {
            self.dispatch(socket, peer, &frontend, &bind);
        }
    }

    fn dispatch(
        self: &Rc<Self>,
        socket: OwnedFd,
        peer: Option<SocketAddr>,
        frontend: &Arc<FrontendPlan>,
        bind: &Arc<BindPlan>,
    ) {
        if let Some(less) = bind.row.socket.mss.filter(|mss| *mss < 0) {
            // A segment that would be too small is left as it is.
            let _ = super::socket::shrink_segments(&socket, less.unsigned_abs());
        }
        let target = self.shared.fittest(self.index);
        self.live.accepted.add(1);
        let admission = Admission::new(&self.shared, target, self.index, frontend, bind);
        let accepted = Accepted {
            peer,
            frontend: frontend.clone(),
            accept_proxy: bind.row.accept_proxy,
            bind_id: bind.row.id,
            admission,
            at: Instant::now(),
        };
        if target == self.index {
            session::start(self, socket, accepted);
        } else if let Some(peer) = self.shared.peers.get(target) {
            self.live.handed_on.add(1);
            let _ = peer.send(Command::Adopt(Box::new((socket, accepted))));
        }
    }
}

impl Seen {
    /// The snapshot, for others than this worker.
    pub(crate) fn share(&self) -> Arc<Snapshot> {
        self.0.clone()
    }
}

impl Deref for Seen {
    type Target = Snapshot;

    fn deref(&self) -> &Snapshot {
        &self.0
    }
}

impl Listener {
    fn accept(&self) -> io::Result<(OwnedFd, Option<SocketAddr>)> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let (socket, peer) = rustix::net::acceptfrom_with(&self.socket, flags)?;
        Ok((socket, peer.and_then(|peer| SocketAddr::try_from(peer).ok())))
    }
}

/// Runs a worker until it is told to stop.
pub(crate) fn run(index: usize, shared: Arc<Shared>, commands: UnboundedReceiver<Command>) -> io::Result<()> {
    let live = shared.live.worker(index);
    live.field_tables.size.set(size_of::<Fields>() as u64);
    let tasks = Tasks::new(live.clone())?;
    let now = shared.live.process.now();
    let worker = Rc::new(Worker {
        index,
        reactor: Rc::new(Reactor::new(tasks.bell(), live.clone())?),
        clock: Rc::new(Clock::new(live.clone())),
        buffers: Rc::new(Buffers::new(live.clone())),
        pipes: Rc::new(Pipes::new(live.clone())),
        live,
        pool: Pool::new(index),
        log: LogSink::new(shared.live.clone(), shared.forwarders.clone()),
        register: Rc::new(Register::new(index, shared.peers.len())),
        shared,
        now: Cell::new(now),
        fields: RefCell::default(),
        scratch: RefCell::default(),
        seen: RefCell::default(),
        draining: Cell::new(false),
        stopped: Cell::new(false),
        tasks,
        listeners: RefCell::default(),
    });
    worker.spawn(TaskKind::Upkeep, obey(worker.clone(), commands));
    worker.spawn(TaskKind::Upkeep, super::upstream::tend(worker.clone()));
    worker.spawn(TaskKind::Upkeep, give_memory_back(worker.clone()));
    worker.spawn(TaskKind::Upkeep, super::probe::tend(worker.clone()));
    let outcome = turn_until_stopped(&worker);
    // Tasks hold the worker that holds them.
    worker.tasks.clear();
    worker.listeners.borrow_mut().clear();
    outcome
}

/// Lets go of memory that a burst has left. The allocator returns what was freed only when something else is freed
/// a while later, which at rest may never be.
async fn give_memory_back(worker: Rc<Worker>) {
    loop {
        worker.clock.sleep(Duration::from_secs(1)).await;
        drop(std::hint::black_box(Vec::<u8>::with_capacity(OCCASION)));
    }
}

/// The worker's loop: tasks that are ready, then what the kernel, the clock and the log have to say.
fn turn_until_stopped(worker: &Worker) -> io::Result<()> {
    let mut woken = Instant::now();
    let mut busy = Duration::ZERO;
    while !worker.stopped.get() {
        worker.tasks.run();
        let now = Instant::now();
        let work = now.saturating_duration_since(woken);
        worker.live.note_turn(work.as_micros() as u64);
        busy += work;
        if busy > BUSY_GRAIN {
            worker.shared.live.process.busy_micros.add(worker.index, busy.as_micros() as u64);
            busy = Duration::ZERO;
        }
        let limit = match worker.tasks.lie_down() {
            true => {
                worker.live.ready.set(0);
                worker.live.sleeps.add(1);
                [worker.clock.rest(now), worker.log.rest(now)].into_iter().flatten().min()
            }
            false => Some(Duration::ZERO),
        };
        let outcome = worker.reactor.wait(limit);
        worker.tasks.rise();
        outcome?;
        woken = Instant::now();
        worker.now.set(worker.shared.live.process.at(woken));
        worker.clock.turn(woken);
        worker.log.turn(woken);
    }
    Ok(())
}

async fn obey(worker: Rc<Worker>, mut commands: UnboundedReceiver<Command>) {
    while let Some(command) = commands.recv().await {
        match command {
            Command::Listen(opened) => worker.listen(*opened),
            Command::Unlisten(key) => worker.unlisten(&key),
            Command::Adopt(handed) => {
                let (socket, accepted) = *handed;
                worker.live.adopted.add(1);
                session::start(&worker, socket, accepted);
            }
            Command::Call(call) => sight::answer(&worker, *call).await,
            Command::Nudge => worker.clock.nudge_idle(),
            Command::Drain => {
                worker.draining.set(true);
                let open: Vec<ListenKey> = worker.listeners.borrow().keys().cloned().collect();
                open.iter().for_each(|key| worker.unlisten(key));
                worker.clock.nudge_idle();
            }
            Command::Stop => worker.stopped.set(true),
        }
    }
}

/// Accepts for as long as the socket is listened on, within the limits that the newest snapshot sets.
async fn accept_all(worker: Rc<Worker>, listener: Rc<Listener>) {
    loop {
        if let Err(error) = std::future::poll_fn(|context| listener.socket.poll_readable(context)).await {
            return tracing::error!(%error, bind = %listener.key.at, "cannot watch a listening socket");
        }
        for _ in 0..BURST {
            let snapshot = worker.snapshot();
            let Some((frontend, bind)) = plans(&snapshot, &listener.key) else { return };
            if let Some(wait) = session_wait(&worker, &snapshot, &frontend) {
                worker.clock.sleep(wait).await;
                continue;
            }
            if is_full(&worker, &snapshot, &frontend, &bind) {
                worker.shared.live.process.maxconn_reached.fetch_add(1, Ordering::Relaxed);
                let still = || {
                    let snapshot = worker.snapshot();
                    plans(&snapshot, &listener.key)
                        .is_some_and(|(frontend, bind)| is_full(&worker, &snapshot, &frontend, &bind))
                };
                worker.shared.gate.wait(still).await;
                continue;
            }
            match listener.accept() {
                // Nobody starts a connection there who may be trusted to be a client.
                Ok((_, Some(peer))) if rejects_privileged(&snapshot) && peer.port() < PRIVILEGED => {}
                Ok((socket, peer)) => worker.dispatch(socket, peer, &frontend, &bind),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    listener.socket.note_empty();
                    break;
                }
                Err(error) if is_transient(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, bind = %listener.key.at, "cannot accept");
                    worker.clock.sleep(Duration::from_millis(100)).await;
                    break;
                }
            }
        }
        tasks::yield_now().await;
    }
}

fn rejects_privileged(snapshot: &Snapshot) -> bool {
    snapshot.global.conduct.reject_privileged_ports == Some(true)
}

fn plans(snapshot: &Snapshot, key: &ListenKey) -> Option<(Arc<FrontendPlan>, Arc<BindPlan>)> {
    let frontend = snapshot.frontends.get(key.frontend())?;
    let bind = frontend.binds.iter().find(|bind| bind.row.at == key.at)?;
    Some((frontend.clone(), bind.clone()))
}

/// How long until a new session is within the rates.
fn session_wait(worker: &Worker, snapshot: &Snapshot, frontend: &FrontendPlan) -> Option<Duration> {
    let global = &snapshot.global;
    let limits =
        [global.maxconnrate.unwrap_or(0), global.maxsessrate.unwrap_or(0), frontend.session_rate_limit];
    if limits == [0; 3] {
        return None;
    }
    let process = &worker.shared.live.process;
    let rates = [&process.connection_rate, &process.session_rate, &frontend.live.session_rate];
    let now = process.now();
    let wait = rates.into_iter().zip(limits).map(|(rate, limit)| rate.wait_for(now, u64::from(limit))).max();
    wait.filter(|wait| *wait > 0).map(Duration::from_millis)
}

fn is_full(worker: &Worker, snapshot: &Snapshot, frontend: &FrontendPlan, bind: &BindPlan) -> bool {
    let beyond = |now: u32, limit: u32| limit != 0 && now >= limit;
    let process = &worker.shared.live.process;
    beyond(process.connections.now(), snapshot.global.maxconn.unwrap_or(0))
        || beyond(frontend.live.sessions.now(), frontend.maxconn)
        || beyond(bind.live.sessions.now(), bind.row.maxconn.unwrap_or(0))
}

/// Failures of the one connection that was to be accepted, not of the socket.
fn is_transient(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::Interrupted
    )
}

/// Busy time is told in portions of at least this size.
const BUSY_GRAIN: Duration = Duration::from_micros(500);
/// Bytes, never touched, that are more than the allocator keeps to itself.
const OCCASION: usize = 2 << 20;
/// Ports below this one are for those whom their machine trusts.
const PRIVILEGED: u16 = 1024;
/// Connections accepted in a row before others get their turn.
const BURST: usize = 64;
/// Scratch values kept for reuse.
const KEPT: usize = 64;
