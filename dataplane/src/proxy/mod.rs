//! The data path: what happens to a connection and to the requests on it.
//!
//! `worker` accepts, `session` is one client connection, `http` is the life of a request from top to bottom,
//! `tcp` that of a plain connection, `upstream` finds and connects a server, `relay` moves bytes. The
//! codecs (`h1`, `proxy_protocol`) do no I/O. Nothing here knows who changes the configuration.

mod answer;
mod buffer;
mod bulletin;
mod capture;
mod clock;
mod conduct;
mod cookie;
mod descriptor;
mod dial;
mod editing;
mod ends;
mod exchange;
mod expansion;
mod fault;
mod first_line;
pub mod h1;
mod header_edits;
mod http;
mod inspection;
mod key;
mod listen;
mod log;
mod malformed;
mod normalize;
mod observe;
mod persistence;
mod pipe;
mod pool;
mod probe;
mod program;
pub mod proxy_protocol;
mod reactor;
pub(crate) mod record;
mod relay;
mod reply;
mod response;
mod retired;
mod rewrite;
mod rules;
mod scene;
mod service;
mod session;
mod sight;
mod slot;
mod socket;
mod socks;
mod speaker;
mod stage;
mod story;
mod stream;
mod tasks;
mod tcp;
mod tracking;
mod underway;
mod upstream;
mod wishes;
mod worker;

use std::collections::HashSet;
use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::problem::Problem;
use tokio::sync::mpsc;

use self::listen::{ListenKey, Opened};
use self::worker::{Command, Shared};
use crate::inquiry::{Inquiry, MOST_WAITING};
use crate::live::Live;
use crate::snapshot::Snapshot;
use crate::streams::Switchboard;
pub use bulletin::Heard;
use retired::Retired;

/// The running workers.
#[derive(Debug)]
pub struct Proxy {
    shared: Arc<Shared>,
    open: Mutex<HashSet<ListenKey>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
    /// What is asked of the admin side, until somebody takes the questions.
    inquiries: Mutex<Option<mpsc::Receiver<Inquiry>>>,
    /// Tells what happens to servers.
    reporter: Mutex<Option<JoinHandle<()>>>,
}

/// Listening sockets that were opened for a snapshot which is not published yet. Dropping it closes them.
#[derive(Debug, Default)]
pub struct Prepared {
    opened: Vec<Opened>,
}

impl Proxy {
    /// Starts so many workers, which do nothing until a snapshot is published.
    pub fn start(workers: usize, live: Arc<Live>) -> io::Result<Proxy> {
        let (senders, receivers): (Vec<_>, Vec<_>) =
            (0..workers.max(1)).map(|_| mpsc::unbounded_channel()).unzip();
        let (inquiries, asked) = mpsc::channel(MOST_WAITING);
        let shared = Arc::new(Shared::new(live, senders, inquiries, Retired::start()?));
        let cutting = Arc::downgrade(&shared);
        shared.live.shears.hand_to(move |server, by| {
            if let Some(shared) = cutting.upgrade() {
                switchboard(&shared).cut_server_soon(server, by);
            }
        });
        let mut threads = Vec::new();
        for (index, commands) in receivers.into_iter().enumerate() {
            let shared = shared.clone();
            let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
                if let Err(error) = worker::run(index, shared, commands) {
                    tracing::error!(%error, worker = index, "a worker could not start");
                }
            })?;
            threads.push(thread);
        }
        Ok(Proxy {
            shared,
            open: Mutex::default(),
            threads: Mutex::new(threads),
            inquiries: Mutex::new(Some(asked)),
            reporter: Mutex::default(),
        })
    }

    /// What the workers ask of the admin side; for the first who calls.
    pub fn inquiries(&self) -> Option<mpsc::Receiver<Inquiry>> {
        self.inquiries.lock().take()
    }

    /// The way to the streams that workers serve.
    pub fn switchboard(&self) -> Switchboard {
        switchboard(&self.shared)
    }

    /// Tells what happens to servers: to the logs of their backends, and to whoever listens, until the end.
    pub fn report(&self, hear: impl FnMut(Heard<'_>) + Send + 'static) -> io::Result<()> {
        let shared = self.shared.clone();
        let thread = std::thread::Builder::new()
            .name("bulletin".to_owned())
            .spawn(move || bulletin::run(&shared, hear))?;
        *self.reporter.lock() = Some(thread);
        Ok(())
    }

    /// Opens the listening sockets that the snapshot needs and that are not open yet.
    ///
    /// Refuses, with every reason found, when one of them cannot be had. Nothing is accepted before
    /// [`Proxy::publish`].
    pub fn prepare(&self, snapshot: &Snapshot) -> Result<Prepared, Vec<Problem>> {
        let open = self.open.lock();
        let wanted = listen::wanted(snapshot);
        let missing = wanted.iter().filter(|(key, _)| !open.contains(*key));
        let (mut opened, mut problems) = (Vec::new(), Vec::new());
        for (key, wanted) in missing {
            match listen::open(key, wanted, self.shared.live.workers()) {
                Ok(socket) => opened.push(socket),
                Err(problem) => problems.push(problem),
            }
        }
        if problems.is_empty() { Ok(Prepared { opened }) } else { Err(problems) }
    }

    /// Makes the snapshot the one that every new request reads, accepts on what was prepared for it, and
    /// closes the listening sockets that it no longer has.
    pub fn publish(&self, snapshot: Arc<Snapshot>, prepared: Prepared) {
        let mut open = self.open.lock();
        let wanted = listen::wanted(&snapshot);
        let gone: Vec<ListenKey> = open.iter().filter(|key| !wanted.contains_key(*key)).cloned().collect();
        // A socket that closes serves what the kernel has accepted, by the plans that still know it.
        for key in &gone {
            self.shared.tell(|_| Command::Unlisten(key.clone()));
        }
        self.shared.forwarders.follow(&self.shared.live, &snapshot.rings);
        self.shared.publish(snapshot);
        for socket in prepared.opened {
            let Opened { key, descriptors, wanted } = socket;
            let mut descriptors = descriptors.into_iter();
            open.insert(key.clone());
            for peer in 0..self.shared.live.workers() {
                let Some(descriptor) = descriptors.next() else { break };
                let own = Opened { key: key.clone(), descriptors: vec![descriptor], wanted: wanted.clone() };
                self.shared.tell_one(peer, Command::Listen(Box::new(own)));
            }
        }
        if !gone.is_empty() {
            open.retain(|key| !gone.contains(key));
            self.shared.tell(|_| Command::Nudge);
        }
    }

    /// Soft stop: listening sockets and idle connections close, what is in flight finishes.
    pub fn drain(&self) {
        self.shared.live.process.stopping.store(true, std::sync::atomic::Ordering::Relaxed);
        self.open.lock().clear();
        self.shared.tell(|_| Command::Drain);
    }

    /// Cuts every connection, ends the workers and sees their last log lines off.
    pub fn stop(&self) {
        self.shared.tell(|_| Command::Stop);
        for thread in self.threads.lock().drain(..) {
            // A worker that panicked has said so; the others still end.
            let _ = thread.join();
        }
        // What the workers found last is told, and kept, too.
        self.shared.live.ledger.close();
        if let Some(thread) = self.reporter.lock().take() {
            let _ = thread.join();
        }
        log::settle(Duration::from_secs(1));
    }

    /// Whether a soft stop has begun.
    pub fn is_draining(&self) -> bool {
        self.shared.live.process.is_stopping()
    }

    /// Client connections still open.
    pub fn connections(&self) -> u32 {
        self.shared.live.process.connections.now()
    }
}

fn switchboard(shared: &Arc<Shared>) -> Switchboard {
    let shared = shared.clone();
    Switchboard::new(shared.live.workers(), move |worker, call| {
        shared.tell_one(worker, Command::Call(Box::new(call)));
    })
}
