//! What others may see of a worker's streams while they go on, and what cuts them.
//!
//! Owns the register of one worker: every request that is served, and every TCP session, is in it from its first byte
//! to its last. A stream writes what it does into its [`Sight`], plain cells of the same thread, so that nothing is
//! locked, shared or allocated on its way. The rest of the process asks by a [`Call`], which the worker works off a
//! slice at a time. Never holds anything for a connection that rests between requests. Read `story.rs` next.

use std::cell::{Cell, RefCell};
use std::ops::Deref;
use std::os::fd::{AsFd, AsRawFd};
use std::pin::Pin;
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use super::clock::{Clock, Timer};
use super::fault::Fault;
use super::h1::Method;
use super::session::Session;
use super::tasks::{self, Task, Tasks};
use super::worker::{Seen, Worker};
use crate::live::{CutBy, ServerLive};
use crate::snapshot::BackendPlan;
use crate::streams::{Call, Progress, Search, Sighting, Slice};
use slab::Slab;

/// The streams of one worker.
#[derive(Debug)]
pub(crate) struct Register {
    worker: u64,
    workers: u64,
    issued: Cell<u64>,
    entries: RefCell<Slab<Rc<Sight>>>,
    spare: RefCell<Vec<Rc<Sight>>>,
}

/// What is to be seen of one stream.
#[derive(Debug)]
pub(crate) struct Sight {
    id: Cell<u64>,
    key: Cell<usize>,
    task: Cell<Option<Task>>,
    cut: Cell<Option<CutBy>>,
    began: Cell<Instant>,
    seen: RefCell<Option<Rc<Seen>>>,
    frontend: Cell<usize>,
    backend: Cell<usize>,
    server: Cell<usize>,
    bind: Cell<u32>,
    source: Cell<Option<std::net::SocketAddr>>,
    progress: Cell<Progress>,
    descriptors: Cell<[i32; 2]>,
    timers: Cell<[Option<usize>; 2]>,
    retries: Cell<u32>,
    status: Cell<Option<u16>>,
    method: Cell<Option<Method>>,
    /// Bytes of the request that lie in the client's buffer.
    held: Cell<u32>,
    calls: Cell<u32>,
    /// The second of the worker's clock, the calls in it, and those in the one before.
    pace: Cell<(u64, u32, u32)>,
    /// Bytes from the client and to it.
    bytes_in: Cell<u64>,
    bytes_out: Cell<u64>,
    line: RefCell<Vec<u8>>,
}

/// A stream's place in the register; dropping it takes the stream out.
#[derive(Debug)]
pub(crate) struct Watch {
    register: Option<Rc<Register>>,
    sight: Rc<Sight>,
}

impl Register {
    /// No streams yet, of this worker out of so many.
    pub(crate) fn new(worker: usize, workers: usize) -> Register {
        Register {
            worker: worker as u64,
            workers: workers.max(1) as u64,
            issued: Cell::new(0),
            entries: RefCell::default(),
            spare: RefCell::default(),
        }
    }

    /// Enters a stream of a connection that begins now, in the task that runs.
    pub(crate) fn enter(session: &Session) -> Watch {
        let watch = session.worker.register.admit();
        watch.begin(session);
        watch
    }

    fn admit(self: &Rc<Self>) -> Watch {
        let sight = self.spare.borrow_mut().pop().unwrap_or_default();
        let serial = self.issued.get();
        self.issued.set(serial.wrapping_add(1));
        sight.id.set(FIRST.wrapping_add(serial.wrapping_mul(self.workers).wrapping_add(self.worker)));
        sight.cut.set(None);
        sight.key.set(self.entries.borrow_mut().insert(sight.clone()));
        Watch { register: Some(self.clone()), sight }
    }

    /// How many streams there are.
    #[cfg(test)]
    pub(crate) fn len(&self) -> usize {
        self.entries.borrow().len()
    }

    /// What is to be seen of at most so many streams that are wanted, from a place on, and the place to go on from.
    fn list(&self, search: &Search, from: usize, (clock, tasks): (&Clock, &Tasks)) -> Slice {
        let now = Instant::now();
        let mut found = Vec::new();
        let next = self.visit(from, |sight| {
            if sight.is_wanted(search, now) {
                found.push(sight.tell(now, clock, tasks));
            }
            found.len() < MOST_TOLD
        });
        Slice { found, next }
    }

    /// Looks at a slice of the streams; gives where the next slice begins.
    fn visit(&self, from: usize, mut look: impl FnMut(&Sight) -> bool) -> Option<usize> {
        let entries = self.entries.borrow();
        let end = from.saturating_add(SLICE);
        let mut at = from;
        while at < end {
            // Keys are below the capacity; those above it are of streams that are yet to come.
            if at >= entries.capacity() {
                return None;
            }
            let goes_on = entries.get(at).is_none_or(|sight| look(sight));
            at += 1;
            if !goes_on {
                break;
            }
        }
        (at < entries.capacity()).then_some(at)
    }

    fn leave(&self, sight: &Rc<Sight>) {
        self.entries.borrow_mut().try_remove(sight.key.get());
        sight.seen.replace(None);
        let mut spare = self.spare.borrow_mut();
        if spare.len() < SPARE {
            spare.push(sight.clone());
        }
    }
}

/// Does what the rest of the process wants of a worker's streams.
pub(crate) async fn answer(worker: &Worker, call: Call) {
    match call {
        Call::List { search, mut from, reply } => loop {
            let slice = worker.register.list(&search, from, (&worker.clock, worker.tasks()));
            match slice.next {
                Some(next) if slice.found.is_empty() && !reply.is_closed() => {
                    from = next;
                    tasks::yield_now().await;
                }
                // Who asked may have gone.
                _ => {
                    let _ = reply.send(slice);
                    return;
                }
            }
        },
        Call::CutOne { id, by, reply } => {
            let found = cut(worker, by, |sight| sight.id.get() == id).await;
            let _ = reply.send(found > 0);
        }
        Call::CutServer { server, by, idle, reply } => {
            let address = Arc::as_ptr(&server) as usize;
            let found = cut(worker, by, |sight| sight.is_on(address)).await;
            if idle {
                worker.pool.forget(&server);
            }
            if let Some(reply) = reply {
                let _ = reply.send(found);
            }
        }
    }
}

/// Cuts the streams that are meant; gives how many there were.
async fn cut(worker: &Worker, by: CutBy, meant: impl Fn(&Sight) -> bool) -> usize {
    let (mut from, mut found) = (0, 0);
    loop {
        let next = worker.register.visit(from, |sight| {
            if meant(sight) {
                found += 1;
                if sight.cut.get().is_none() {
                    sight.cut.set(Some(by));
                    if let Some(task) = sight.task.get() {
                        worker.tasks().wake(task);
                    }
                }
            }
            true
        });
        match next {
            Some(next) => from = next,
            None => return found,
        }
        tasks::yield_now().await;
    }
}

impl Sight {
    fn begin(&self, session: &Session) {
        self.task.set(session.worker.tasks().running());
        self.began.set(Instant::now());
        self.seen.replace(Some(session.snapshot()));
        self.frontend.set(Arc::as_ptr(&session.frontend.live) as usize);
        self.backend.set(0);
        self.server.set(0);
        self.bind.set(session.bind_id);
        self.source.set(session.peer);
        self.progress.set(Progress::Request);
        self.descriptors.set([session.stream.as_fd().as_raw_fd(), -1]);
        self.timers.set([Some(session.timer.key()), None]);
        self.retries.set(0);
        self.status.set(None);
        self.method.set(None);
        self.held.set(0);
        self.calls.set(1);
        self.pace.set((0, 0, 0));
        self.bytes_in.set(0);
        self.bytes_out.set(0);
        self.line.replace(session.worker.scratch());
    }

    /// Goes on with the stream's work, unless it is cut.
    pub(crate) fn poll<T, E: From<Fault>>(
        &self,
        context: &mut Context<'_>,
        clock: &Clock,
        work: Pin<&mut impl Future<Output = Result<T, E>>>,
    ) -> Poll<Result<T, E>> {
        self.count_call(clock.second());
        match self.cut.get() {
            Some(by) => Poll::Ready(Err(Fault::Cut(by, self.progress.get()).into())),
            None => work.poll(context),
        }
    }

    fn count_call(&self, second: u64) {
        self.calls.set(self.calls.get().wrapping_add(1));
        let (then, now, before) = self.pace.get();
        self.pace.set(match second.checked_sub(then) {
            Some(0) => (then, now.saturating_add(1), before),
            Some(1) => (second, 1, now),
            _ => (second, 1, 0),
        });
    }

    /// The stream's request is of this method, and so many bytes of it lie in the client's buffer.
    pub(crate) fn note_request(&self, session: &Session, method: Method, held: usize) {
        self.method.set(Some(method));
        self.held.set(held as u32);
        self.progress.set(Progress::Rules);
        self.seen.replace(Some(session.snapshot()));
        self.source.set(session.peer);
    }

    /// The stream is led to this backend.
    pub(crate) fn note_backend(&self, session: &Session, backend: &BackendPlan) {
        self.backend.set(std::ptr::from_ref(&*backend.live) as usize);
        self.seen.replace(Some(session.snapshot()));
    }

    /// The stream comes to this stage.
    pub(crate) fn enter(&self, progress: Progress) {
        self.progress.set(progress);
    }

    /// The stream goes to this server, for the time after so many retries.
    pub(crate) fn note_server(&self, server: &Arc<ServerLive>, retries: u32) {
        self.server.set(Arc::as_ptr(server) as usize);
        self.retries.set(retries);
        self.progress.set(Progress::Connecting);
    }

    /// The stream has a connection to its server, or none any more.
    pub(crate) fn note_upstream(&self, stream: Option<&impl AsFd>) {
        let [client, _] = self.descriptors.get();
        self.descriptors.set([client, stream.map_or(-1, |stream| stream.as_fd().as_raw_fd())]);
    }

    /// The server's side of the stream is waited for with this timer.
    pub(crate) fn note_timer(&self, timer: &Timer) {
        let [client, _] = self.timers.get();
        self.timers.set([client, Some(timer.key())]);
    }

    /// The client gets this status.
    pub(crate) fn note_status(&self, status: u16) {
        self.status.set(Some(status));
    }

    /// What came from the client.
    pub(crate) fn bytes_in(&self) -> u64 {
        self.bytes_in.get()
    }

    /// What went to the client.
    pub(crate) fn bytes_out(&self) -> u64 {
        self.bytes_out.get()
    }

    /// So many bytes came from the client, with those before.
    pub(crate) fn set_bytes_in(&self, bytes: u64) {
        self.bytes_in.set(bytes);
    }

    /// So many bytes more came from the client.
    pub(crate) fn add_bytes_in(&self, bytes: u64) {
        self.bytes_in.set(self.bytes_in.get().saturating_add(bytes));
    }

    /// So many bytes more went to the client.
    pub(crate) fn add_bytes_out(&self, bytes: u64) {
        self.bytes_out.set(self.bytes_out.get().saturating_add(bytes));
    }

    /// So many bytes count as gone to the client; gives how many did before.
    pub(crate) fn replace_bytes_out(&self, bytes: u64) -> u64 {
        self.bytes_out.replace(bytes)
    }

    /// Adds to the first line of the request.
    pub(crate) fn push_line(&self, line: &[u8]) {
        self.line.borrow_mut().extend_from_slice(line);
    }

    /// The first line of the request as far as it is kept.
    pub(crate) fn line(&self) -> Vec<u8> {
        self.line.borrow().clone()
    }

    /// The first line of the request, which is left empty.
    pub(crate) fn take_line(&self) -> Vec<u8> {
        self.line.take()
    }

    fn is_on(&self, server: usize) -> bool {
        self.server.get() == server && self.progress.get() >= Progress::Connecting
    }

    fn is_wanted(&self, search: &Search, now: Instant) -> bool {
        let is = |wanted: Option<usize>, own: &Cell<usize>| wanted.is_none_or(|wanted| wanted == own.get());
        search.id.is_none_or(|id| id == self.id.get())
            && is(search.frontend, &self.frontend)
            && is(search.backend, &self.backend)
            && search.server.is_none_or(|server| self.is_on(server))
            && search.older.is_none_or(|older| now.saturating_duration_since(self.began.get()) >= older)
            && (!search.suspicious || self.is_suspicious(now))
    }

    /// Whether it has lasted for long without any bytes, or is to be cut and is still there.
    fn is_suspicious(&self, now: Instant) -> bool {
        let age = now.saturating_duration_since(self.began.get());
        let stuck =
            matches!(self.progress.get(), Progress::Queued | Progress::Connecting | Progress::Waiting);
        self.cut.get().is_some() || (stuck && age >= SUSPICIOUS)
    }

    fn tell(&self, now: Instant, clock: &Clock, tasks: &Tasks) -> Sighting {
        let (second, current, before) = self.pace.get();
        let rate = match clock.second().checked_sub(second) {
            Some(0) => before.max(current),
            Some(1) => current,
            _ => 0,
        };
        let left = self.timers.get().map(|key| key.and_then(|key| clock.left(key, now)));
        Sighting {
            id: self.id.get(),
            worker: 0,
            age: now.saturating_duration_since(self.began.get()),
            source: self.source.get(),
            frontend: self.frontend.get(),
            backend: self.backend.get(),
            server: self.server.get(),
            snapshot: self.seen.borrow().as_ref().map(|seen| seen.share()),
            bind: self.bind.get(),
            progress: self.progress.get(),
            descriptors: self.descriptors.get(),
            left,
            retries: self.retries.get(),
            status: self.status.get(),
            method: self.method.get().map_or("", word),
            held: self.held.get(),
            calls: self.calls.get(),
            rate,
            is_ready: self.task.get().is_some_and(|task| tasks.is_ready(task)),
            is_cut: self.cut.get().is_some(),
            bytes: [self.bytes_in.get(), self.bytes_out.get()],
            line: self.line.borrow().as_slice().into(),
        }
    }
}

impl Default for Sight {
    fn default() -> Sight {
        Sight {
            id: Cell::new(0),
            key: Cell::new(usize::MAX),
            task: Cell::new(None),
            cut: Cell::new(None),
            began: Cell::new(Instant::now()),
            seen: RefCell::default(),
            frontend: Cell::new(0),
            backend: Cell::new(0),
            server: Cell::new(0),
            bind: Cell::new(0),
            source: Cell::new(None),
            progress: Cell::new(Progress::Request),
            descriptors: Cell::new([-1; 2]),
            timers: Cell::new([None; 2]),
            retries: Cell::new(0),
            status: Cell::new(None),
            method: Cell::new(None),
            held: Cell::new(0),
            calls: Cell::new(0),
            pace: Cell::new((0, 0, 0)),
            bytes_in: Cell::new(0),
            bytes_out: Cell::new(0),
            line: RefCell::default(),
        }
    }
}

impl Watch {
    /// What is to be seen of the stream, apart from its place in the register.
    pub(crate) fn share(&self) -> Rc<Sight> {
        self.sight.clone()
    }
}

impl Default for Watch {
    /// Of a stream that nobody sees.
    fn default() -> Watch {
        Watch { register: None, sight: Rc::default() }
    }
}

impl Deref for Watch {
    type Target = Sight;

    fn deref(&self) -> &Sight {
        &self.sight
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(register) = &self.register {
            register.leave(&self.sight);
        }
    }
}

/// The name of a method.
fn word(method: Method) -> &'static str {
    match method {
        Method::Get => "GET",
        Method::Head => "HEAD",
        Method::Post => "POST",
        Method::Put => "PUT",
        Method::Delete => "DELETE",
        Method::Connect => "CONNECT",
        Method::Options => "OPTIONS",
        Method::Trace => "TRACE",
        Method::Patch => "PATCH",
        Method::Other => "",
    }
}

/// The number of a process's first stream: high enough to be told from small numbers that people mistype.
const FIRST: u64 = 1 << 40;
/// Streams that are looked at before others get their turn.
const SLICE: usize = 2048;
/// Streams that are told at once.
const MOST_TOLD: usize = 128;
/// Sights that are kept for streams to come.
const SPARE: usize = 1024;
/// How long a stream may wait for a server before that is suspicious.
const SUSPICIOUS: Duration = Duration::from_secs(5);

#[cfg(test)]
#[path = "sight_tests.rs"]
mod tests;
