//! Wiring: from options to a controller that serves, and its end.
//!
//! Order at the start: store, doors, sessions with nodes. Order at the end: sessions and watchers are let go, calls
//! that go on end, then the writer, so that what was acknowledged is on disk and nothing was taken that is not.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use parking_lot::Mutex;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::admin::{self, AdminEndpoint, Core, Door, EndpointAddress};
use crate::desired::{Desired, Disk, StoreError};
use crate::fleet::dial::{self, Introduction, NodeEndpoint};
use crate::fleet::registry::Registry;

/// What a controller is to be.
#[derive(Clone, Debug)]
pub struct Options {
    /// Its name, as nodes learn it.
    pub name: String,
    /// The folder of its store; created when need be.
    pub store_dir: PathBuf,
    /// Whether a damaged store is built anew from its checkpoint and journal instead of being refused.
    pub restore: bool,
    /// Where its admin services listen.
    pub admin: Vec<AdminEndpoint>,
    /// Its nodes: a name and where each is dialled.
    pub nodes: Vec<(String, NodeEndpoint)>,
    /// Where nodes reach the admin services, when that is not the first place where they listen.
    pub advertise: Option<String>,
    /// Whether nodes may change themselves while the controller cannot be reached.
    pub allow_local: bool,
}

/// A controller that runs on threads of its own.
pub struct Controller {
    stop: CancellationToken,
    doors: Vec<AdminEndpoint>,
    desired: Arc<Desired>,
    registry: Arc<Registry>,
    ended: Mutex<Receiver<Result<(), String>>>,
}

/// Why a controller did not start.
#[derive(Debug)]
pub enum StartError {
    /// Its store cannot be used.
    Store(StoreError),
    /// It cannot listen.
    Listen(String),
    /// The system gives no thread.
    Threads(std::io::Error),
}

impl Controller {
    /// Starts; returns when the store is loaded and every place listens.
    pub fn start(options: Options) -> Result<Controller, StartError> {
        let disk = Disk::take(&options.store_dir, options.restore).map_err(StartError::Store)?;
        let desired = Arc::new(Desired::open(Arc::new(disk)).map_err(StartError::Store)?);
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(WORKERS)
            .thread_name("controller")
            .enable_all()
            .build()
            .map_err(StartError::Threads)?;
        let opened = {
            let _inside = runtime.enter();
            options.admin.iter().map(Door::open).collect::<Result<Vec<_>, _>>()
        };
        let opened = opened.map_err(StartError::Listen)?;
        let doors: Vec<AdminEndpoint> = opened.iter().map(|door| door.endpoint.clone()).collect();
        let advertised = options.advertise.clone().or_else(|| doors.iter().find_map(dialable));
        let introduction = Introduction {
            controller: options.name.clone(),
            endpoint: advertised.unwrap_or_default(),
            allow_local: options.allow_local,
        };
        let registry = Arc::new(Registry::new(options.nodes.clone()));
        let stop = CancellationToken::new();
        let core = Arc::new(Core::new(options.name.clone(), desired.clone(), registry.clone(), stop.clone()));
        let (sender, ended) = channel();
        let life = Life { core, doors: opened, introduction, stop: stop.clone() };
        std::thread::Builder::new()
            .name("controller-main".to_owned())
            .spawn(move || {
                let ended = runtime.block_on(life.run());
                runtime.shutdown_timeout(LINGER);
                // Nobody may be waiting.
                let _ = sender.send(ended);
            })
            .map_err(StartError::Threads)?;
        Ok(Controller { stop, doors, desired, registry, ended: Mutex::new(ended) })
    }

    /// Where the admin services listen in fact.
    pub fn admin(&self) -> &[AdminEndpoint] {
        &self.doors
    }

    /// The desired state, for a program that runs the controller within itself.
    pub fn desired(&self) -> &Arc<Desired> {
        &self.desired
    }

    /// The nodes.
    pub fn registry(&self) -> &Arc<Registry> {
        &self.registry
    }

    /// Asks the controller to end: what was taken is finished, what is new is refused.
    pub fn stop(&self) {
        self.stop.cancel();
    }

    /// Cancelled when the controller ends, whoever asked for it.
    pub fn stopper(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Waits for the end, and tells what went wrong when it was not asked for. Blocks.
    pub fn wait(self) -> Result<(), String> {
        let ended = self.ended.lock().recv().unwrap_or_else(|_| Err("the controller panicked".to_owned()));
        if let Some(desired) = Arc::into_inner(self.desired) {
            desired.close();
        }
        ended
    }
}

impl std::fmt::Display for StartError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            StartError::Store(error) => error.fmt(f),
            StartError::Listen(error) => f.write_str(error),
            StartError::Threads(error) => write!(f, "starting threads: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// What runs between start and end.
struct Life {
    core: Arc<Core>,
    doors: Vec<Door>,
    introduction: Introduction,
    stop: CancellationToken,
}

impl Life {
    async fn run(self) -> Result<(), String> {
        let Life { core, doors, introduction, stop } = self;
        let sessions = TaskTracker::new();
        for node in core.registry.nodes() {
            let session = dial::keep(node.clone(), core.desired.clone(), introduction.clone(), stop.clone());
            sessions.spawn(session);
        }
        sessions.close();
        let mut failure = core.desired.failure();
        let mut serving = tokio::spawn(admin::serve(core, doors));
        let ended = tokio::select! {
            served = &mut serving => {
                stop.cancel();
                return served.unwrap_or_else(|error| Err(error.to_string()));
            }
            failed = failure.wait_for(Option::is_some) => match failed {
                Ok(why) => Err(why.clone().unwrap_or_default()),
                Err(_) => Err("the writer of the desired state is gone".to_owned()),
            },
            () = stop.cancelled() => Ok(()),
        };
        stop.cancel();
        sessions.wait().await;
        match tokio::time::timeout(LINGER, &mut serving).await {
            Ok(Ok(served)) => ended.and(served),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => {
                tracing::warn!("calls that did not end are cut off");
                serving.abort();
                ended
            }
        }
    }
}

/// The endpoint's place as nodes dial it; `None` for an address that only this machine's kernel knows.
fn dialable(endpoint: &AdminEndpoint) -> Option<String> {
    match &endpoint.address {
        EndpointAddress::Tls { address, .. } | EndpointAddress::Plain { address }
            if address.ip().is_unspecified() =>
        {
            None
        }
        _ => Some(endpoint.to_string()),
    }
}

const WORKERS: usize = 2;
/// How long calls may go on after the end was asked for.
const LINGER: Duration = Duration::from_secs(5);
