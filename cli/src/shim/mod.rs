//! The text socket: HAProxy's runtime commands, each a message to Admin.
//!
//! Owns the protocol of the socket and nothing else: what commands do is done by the data plane or controller that
//! it talks to over `Admin.Converse`, one stream for each connection. It must never change anything by itself.
//!
//! ```no_run
//! # async fn example(sockets: Vec<regate_proto::model::StatsSocket>) -> Result<(), Box<dyn std::error::Error>> {
//! use regate::shim::{ShimOptions, Target, listen};
//!
//! let target = Target::unix("/run/regate/admin.sock".as_ref())?;
//! let listening = listen(ShimOptions::new(target, sockets))?; // the sockets are open now
//! listening.serve(async { tokio::signal::ctrl_c().await.unwrap_or_default() }).await;
//! # Ok(())
//! # }
//! ```
//!
//! Read next: `lex.rs`, `table.rs`, `session.rs`, `connection.rs`, in the order in which a line passes them.

pub mod anonymous;
mod clients;
mod commands;
mod connection;
mod conversation;
pub mod lex;
pub mod master;
mod plan;
mod queue;
mod render;
mod sentence;
mod session;
mod socket;
mod table;
mod versions;

#[cfg(test)]
mod double;
#[cfg(test)]
mod oracle;

use std::ffi::OsString;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regate_proto::model::{Level, StatsSocket};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use conversation::Target;
pub use socket::ListenError;

use connection::Connection;
pub use master::{Master, MasterSocket};

use master::Standing;
use session::{Mode, Session, Surroundings};
use socket::Socket;

/// What a text socket is made of.
#[derive(Debug)]
pub struct ShimOptions {
    /// Who serves Admin.
    pub target: Target,
    /// Where to listen, and with which level.
    pub sockets: Vec<StatsSocket>,
    /// Idle time after which a connection is closed (`stats timeout`).
    pub timeout: Duration,
    /// Most connections at a time over all sockets, at least one (`stats maxconn`).
    pub maxconn: usize,
    /// The environment of the process that is administered, for `show env`. Absent: it is another process.
    pub environment: Option<Vec<(OsString, OsString)>>,
    /// The socket of a master, which comes besides.
    pub master: Option<MasterSocket>,
}

/// Text sockets that are open. Connections are taken once [`Listening::serve`] runs.
#[derive(Debug)]
pub struct Listening {
    sockets: Vec<Socket>,
    /// Those of a master.
    of_master: Vec<(Socket, Arc<Master>)>,
    shared: Shared,
}

/// What every connection starts from.
#[derive(Clone, Debug)]
struct Shared {
    target: Arc<Target>,
    timeout: Duration,
    permits: Arc<Semaphore>,
    surroundings: Arc<Surroundings>,
    stop: CancellationToken,
    tasks: TaskTracker,
}

impl ShimOptions {
    /// HAProxy's defaults: 10 seconds, 10 connections.
    pub fn new(target: Target, sockets: Vec<StatsSocket>) -> ShimOptions {
        ShimOptions {
            target,
            sockets,
            timeout: Duration::from_secs(10),
            maxconn: 10,
            environment: None,
            master: None,
        }
    }
}

/// Opens the sockets. Must be called inside a tokio runtime.
pub fn listen(options: ShimOptions) -> Result<Listening, ListenError> {
    let mut sockets = Vec::new();
    for wanted in &options.sockets {
        sockets.extend(Socket::open(wanted)?);
    }
    let mut of_master = Vec::new();
    if let Some(MasterSocket { socket, master }) = &options.master {
        of_master.extend(Socket::open(socket)?.into_iter().map(|socket| (socket, master.clone())));
    }
    let surroundings = Surroundings {
        versions: Arc::default(),
        sockets: sockets.iter().map(|socket| (socket.name.clone(), socket.level)).collect(),
        environment: options.environment,
        since: Instant::now(),
        clients: Arc::default(),
        anonymous_key: Arc::default(),
    };
    let shared = Shared {
        target: Arc::new(options.target),
        timeout: options.timeout,
        permits: Arc::new(Semaphore::new(options.maxconn.clamp(1, Semaphore::MAX_PERMITS))),
        surroundings: Arc::new(surroundings),
        stop: CancellationToken::new(),
        tasks: TaskTracker::new(),
    };
    Ok(Listening { sockets, of_master, shared })
}

/// Opens the sockets and serves them until `shutdown` is done.
pub async fn serve(options: ShimOptions, shutdown: impl Future<Output = ()>) -> Result<(), ListenError> {
    listen(options)?.serve(shutdown).await;
    Ok(())
}

impl Listening {
    /// The TCP addresses, in the order of the options.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(Socket::address).collect()
    }

    /// The sockets as `show cli sockets` spells them, with their levels.
    pub fn names(&self) -> Vec<(String, Level)> {
        self.shared.surroundings.sockets.clone()
    }

    /// Serves connections until `shutdown` is done; those that are open then are closed.
    pub async fn serve(self, shutdown: impl Future<Output = ()>) {
        let Listening { sockets, of_master, shared } = self;
        for socket in sockets {
            shared.tasks.spawn(accept(socket, None, shared.clone()));
        }
        // Its clients do not wait for those of others, nor is their silence limited.
        let master = Shared {
            permits: Arc::new(Semaphore::new(MASTER_CONNECTIONS)),
            timeout: MASTER_TIMEOUT,
            ..shared.clone()
        };
        for (socket, of) in of_master {
            shared.tasks.spawn(accept(socket, Some(of), master.clone()));
        }
        shutdown.await;
        shared.stop.cancel();
        shared.tasks.close();
        shared.tasks.wait().await;
    }
}

/// Takes the connections of one socket. One that comes while the limit is reached waits for its turn, as it
/// would in the kernel's queue.
async fn accept(socket: Socket, master: Option<Arc<Master>>, shared: Shared) {
    loop {
        let accepted = tokio::select! {
            () = shared.stop.cancelled() => return,
            accepted = socket.accept() => accepted,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(socket = socket.name, %error, "cannot accept a connection");
                // Descriptors may have run out: some time is given to connections to end.
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            }
        };
        let permit = tokio::select! {
            () = shared.stop.cancelled() => return,
            permit = shared.permits.clone().acquire_owned() => permit,
        };
        let mut session = Session::new(socket.level, shared.timeout, shared.surroundings.clone());
        session.dress = socket.dress;
        if let Some(master) = &master {
            session.master = Some(Standing::new(master.clone()));
            session.mode = Mode::Interactive;
        }
        let connection = Connection::new(stream, session, shared.target.clone(), peer);
        let stop = shared.stop.clone();
        shared.tasks.spawn(async move {
            let _permit = permit;
            if let Err(error) = connection.run(stop).await {
                tracing::debug!(%error, "a connection to the text socket broke");
            }
        });
    }
}

/// Connections to the socket of a master.
const MASTER_CONNECTIONS: usize = 10;
/// A silence that never ends a connection.
const MASTER_TIMEOUT: Duration = Duration::from_secs(86400 * 365);
/// How long accepting rests after it failed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

#[cfg(test)]
#[path = "shim_tests.rs"]
mod tests;
