//! What is asked of the streams that workers serve, and what is told of them.
//!
//! Owns the questions, the answers and the way to the workers, which answer a slice at a time between two requests.
//! Never touches a stream itself: that is `proxy/sight.rs`. Read that next.

use std::fmt;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::live::{CutBy, ServerLive};
use crate::snapshot::Snapshot;

/// What somebody wants of a worker's streams.
#[derive(Debug)]
pub enum Call {
    /// Some of those that are wanted, from a place on.
    List {
        /// Which are wanted.
        search: Search,
        /// The place to begin at; 0 at first.
        from: usize,
        /// Where the answer goes.
        reply: oneshot::Sender<Slice>,
    },
    /// Cuts the stream with this number; tells whether there is one.
    CutOne {
        /// The number.
        id: u64,
        /// Who cuts it.
        by: CutBy,
        /// Where the answer goes.
        reply: oneshot::Sender<bool>,
    },
    /// Cuts the streams on a server, and tells how many there were.
    CutServer {
        /// The server.
        server: Arc<ServerLive>,
        /// Who cuts them.
        by: CutBy,
        /// Whether idle connections to it are closed too.
        idle: bool,
        /// Where the answer goes, if anybody waits for it.
        reply: Option<oneshot::Sender<usize>>,
    },
}

/// Some of a worker's streams.
#[derive(Debug, Default)]
pub struct Slice {
    /// The streams.
    pub found: Vec<Sighting>,
    /// The place to go on from; `None` when that was all.
    pub next: Option<usize>,
}

/// Which streams are wanted: those that all of it fits. Things are meant by the address of what is observed of them,
/// which is the same in every revision.
#[derive(Clone, Debug, Default)]
pub struct Search {
    /// The one with this number.
    pub id: Option<u64>,
    /// Those that have lasted for as long at least.
    pub older: Option<Duration>,
    /// Those of this frontend.
    pub frontend: Option<usize>,
    /// Those of this backend.
    pub backend: Option<usize>,
    /// Those on this server.
    pub server: Option<usize>,
    /// Those that look as if something were wrong with them.
    pub suspicious: bool,
}

/// What was to be seen of a stream at one moment.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Its number, which no other stream of the process has or had.
    pub id: u64,
    /// The worker that serves it, from 0.
    pub worker: usize,
    /// For how long it has lasted.
    pub age: Duration,
    /// The client's address; `None` for unix sockets.
    pub source: Option<SocketAddr>,
    /// The address of what is observed of its frontend.
    pub frontend: usize,
    /// The same of its backend; 0 when there is none yet.
    pub backend: usize,
    /// The same of its server.
    pub server: usize,
    /// The revision that it reads.
    pub snapshot: Option<Arc<Snapshot>>,
    /// The number of the bind that accepted its connection.
    pub bind: u32,
    /// How far it has come.
    pub progress: Progress,
    /// The descriptors of its connections to client and server; -1 where there is none.
    pub descriptors: [i32; 2],
    /// How long its two sides are still waited for.
    pub left: [Option<Duration>; 2],
    /// Attempts to connect after the first.
    pub retries: u32,
    /// The status of the response.
    pub status: Option<u16>,
    /// The method of the request; empty for TCP, and for one that is not listed by name.
    pub method: &'static str,
    /// Bytes of the request that lie in the client's buffer.
    pub held: u32,
    /// How often its task ran.
    pub calls: u32,
    /// How often in a second.
    pub rate: u32,
    /// Whether its task is about to run.
    pub is_ready: bool,
    /// Whether it was told to end.
    pub is_cut: bool,
    /// Bytes from the client and to it.
    pub bytes: [u64; 2],
    /// The first line of the request, where it is kept for logs.
    pub line: Box<[u8]>,
}

/// How far a stream has come, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// The request is awaited, its head or what rules want to see of it.
    Request,
    /// The request is there, and rules look at it.
    Rules,
    /// It waits for a place on a server.
    Queued,
    /// It waits before it tries to connect again.
    Pausing,
    /// It connects to the server.
    Connecting,
    /// The rest of the request is on its way, and the response is awaited.
    Sending,
    /// The response is awaited.
    Waiting,
    /// The response is on its way.
    Responding,
    /// Bytes go both ways.
    Tunnel,
}

/// The way to the workers.
#[derive(Clone)]
pub struct Switchboard {
    workers: usize,
    tell: Arc<dyn Fn(usize, Call) + Send + Sync>,
}

impl Switchboard {
    /// A way to so many workers; `tell` brings a call to one of them.
    pub fn new(workers: usize, tell: impl Fn(usize, Call) + Send + Sync + 'static) -> Switchboard {
        Switchboard { workers, tell: Arc::new(tell) }
    }

    /// Some of the streams of a worker; nothing more when the worker has ended.
    pub async fn list(&self, worker: usize, search: Search, from: usize) -> Slice {
        if worker >= self.workers {
            return Slice::default();
        }
        let (reply, answer) = oneshot::channel();
        (self.tell)(worker, Call::List { search, from, reply });
        let mut slice = answer.await.unwrap_or_default();
        slice.found.iter_mut().for_each(|sighting| sighting.worker = worker);
        slice
    }

    /// How many workers there are.
    pub fn workers(&self) -> usize {
        self.workers
    }

    /// Cuts a stream; tells whether there is one with this number.
    pub async fn cut(&self, id: u64, by: CutBy) -> bool {
        let answers: Vec<_> = (0..self.workers)
            .map(|worker| {
                let (reply, answer) = oneshot::channel();
                (self.tell)(worker, Call::CutOne { id, by, reply });
                answer
            })
            .collect();
        let mut found = false;
        for answer in answers {
            found |= answer.await.unwrap_or(false);
        }
        found
    }

    /// Cuts the streams on a server, and closes the idle connections to it where that is wanted; tells how many
    /// streams there were.
    pub async fn cut_server(&self, server: &Arc<ServerLive>, by: CutBy, idle: bool) -> usize {
        let answers: Vec<_> = (0..self.workers)
            .map(|worker| {
                let (reply, answer) = oneshot::channel();
                let call = Call::CutServer { server: server.clone(), by, idle, reply: Some(reply) };
                (self.tell)(worker, call);
                answer
            })
            .collect();
        let mut found = 0usize;
        for answer in answers {
            found = found.saturating_add(answer.await.unwrap_or(0));
        }
        found
    }

    /// Cuts the streams on a server without waiting until it is done.
    pub fn cut_server_soon(&self, server: &Arc<ServerLive>, by: CutBy) {
        for worker in 0..self.workers {
            (self.tell)(worker, Call::CutServer { server: server.clone(), by, idle: false, reply: None });
        }
    }
}

impl fmt::Debug for Switchboard {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Switchboard").field("workers", &self.workers).finish_non_exhaustive()
    }
}
