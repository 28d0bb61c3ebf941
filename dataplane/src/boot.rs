//! A node: everything of the data plane, put together, started in order and ended in order.
//!
//! Start: the state on disk is read, workers come up, the state is compiled, its sockets are opened and published, and
//! then the admin services answer. End: listeners and idle connections close, what is in flight finishes or is cut, the
//! workers end, the admin services end, the writer ends.
//! Read next: `store/mod.rs`, `proxy/mod.rs`, `admin/mod.rs`.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use regate_proto::model::{Global, Row};
use regate_proto::problem::{Code, Problem};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::admin::{Admin, AdminEndpoint, Description, Inside, OWN_SOCKETS, Stop, begin_counters};
use crate::live::Live;
use crate::proxy::{Heard, Prepared, Proxy};
use crate::resolve::Resolution;
use crate::snapshot::Snapshot;
use crate::store::{Beginning, Caretaker, DiskError, Loaded, Standings, Store, TablesFile, Traffic};

/// How a node is started.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// The node's name, unless the configuration gives one; empty: the host's name.
    pub name: String,
    /// The folder that keeps the last good state. Absent: nothing is kept.
    pub state_dir: Option<PathBuf>,
    /// Rows that become the spec; what was changed by hand stays. Absent: the state is the one on disk.
    pub rows: Option<Vec<Row>>,
    /// Where the admin services listen.
    pub admin: Vec<AdminEndpoint>,
    /// Where metrics are served for Prometheus, beside the data path. Absent: nowhere.
    pub metrics: Option<SocketAddr>,
    /// Number of workers. Absent: the global `nbthread`, or else the cores that the process may run on.
    pub workers: Option<usize>,
    /// Whether a damaged log on disk is cut at its damage, instead of being an error.
    pub recover: bool,
    /// Whether the controller that managed the node last is forgotten.
    pub release: bool,
}

/// A running node.
#[derive(Debug)]
pub struct Node {
    stops: mpsc::Sender<Stop>,
    ended: Arc<Ended>,
    endpoints: Vec<AdminEndpoint>,
    metrics: Option<SocketAddr>,
    inside: Inside,
    store: Store,
}

/// How a node ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Everything in flight had finished.
    Finished,
    /// Connections were cut, so many.
    Cut(u32),
}

/// Why a node did not start.
#[derive(Debug)]
pub enum StartError {
    /// The state on disk cannot be used.
    Disk(DiskError),
    /// The configuration cannot be put in force.
    Refused(Vec<Problem>),
    /// The workers did not start.
    Workers(io::Error),
    /// The admin services did not start: one sentence.
    Admin(String),
}

/// The end of a node, once it has come.
#[derive(Debug, Default)]
struct Ended {
    ending: Mutex<Option<Ending>>,
    came: Condvar,
}

impl Node {
    /// Starts a node. When this returns it takes traffic and its admin services answer.
    pub fn start(options: Options) -> Result<Node, StartError> {
        let began = Instant::now();
        let loaded = Loaded::open(options.state_dir.as_deref(), options.recover).map_err(StartError::Disk)?;
        loaded.notices().iter().for_each(|notice| tracing::warn!("{notice}"));
        let global = match &options.rows {
            Some(rows) => declared_global(rows),
            None => loaded.global(),
        };
        let descriptor_limit = raise_descriptor_limit(global.maxconn);
        let default_maxconn = affordable(descriptor_limit);
        if let Some(wanted) = global.maxconn.filter(|wanted| *wanted > default_maxconn) {
            tracing::warn!(
                "maxconn {wanted} needs about {} descriptors, the system allows {descriptor_limit}",
                needed(wanted)
            );
        }
        let workers = options.workers.unwrap_or_else(|| worker_count(&global)).clamp(1, MOST_WORKERS);
        let live = Arc::new(Live::new(workers));
        live.process.default_maxconn.store(default_maxconn, Ordering::Relaxed);
        let proxy = Arc::new(Proxy::start(workers, live.clone()).map_err(StartError::Workers)?);
        let resolution = Resolution::start(live.clone(), options.state_dir.as_deref());
        let resolution = resolution.map_err(StartError::Workers)?;
        let road = Arc::new(Road { proxy: proxy.clone(), resolution });
        let release = options.release || options.rows.is_some();
        let standings = options.state_dir.as_deref().map(Standings::in_folder);
        if let Some(standings) = &standings {
            live.ledger.keep(standings.load());
        }
        let tables = options.state_dir.as_deref().map(TablesFile::in_folder);
        if let Some(tables) = &tables {
            live.tables.keep(tables.load());
        }
        let caretaker = Caretaker::start(live.clone(), tables).map_err(StartError::Workers)?;
        let beginning = Beginning { rows: options.rows, release };
        let started = Store::start(loaded, beginning, road.clone(), live.clone());
        let (store, writer) = started.map_err(|problems| {
            proxy.stop();
            road.resolution.stop();
            StartError::Refused(problems)
        })?;
        begin_counters(&global, &store.read(|current| current.snapshot.clone()));
        let told = store.clone();
        let reported = proxy.report(move |heard| match heard {
            Heard::Changed { at, from, to, reason } => told.tell_health(at, from, to, reason),
            Heard::Moved(snapshot) => {
                if let Some(standings) = &standings {
                    standings.save(snapshot);
                }
            }
        });
        if let Err(error) = reported {
            proxy.stop();
            store.end();
            let _ = writer.join();
            return Err(StartError::Workers(error));
        }
        let description = Description {
            node: if options.name.is_empty() { host_name() } else { options.name },
            boot_time_ms: u32::try_from(began.elapsed().as_millis()).unwrap_or(u32::MAX),
            descriptor_limit,
            default_maxconn,
        };
        let (stops, asked) = mpsc::channel();
        let admin = Admin::start(
            &options.admin,
            store.clone(),
            (live, proxy.switchboard()),
            description,
            stops.clone(),
        );
        let admin = admin.and_then(|mut admin| match options.metrics {
            Some(address) => admin.serve_metrics(address).map(|address| (admin, Some(address))),
            None => Ok((admin, None)),
        });
        let (admin, metrics) = match admin {
            Ok(admin) => admin,
            Err(reason) => {
                proxy.stop();
                road.resolution.stop();
                store.end();
                let _ = writer.join();
                return Err(StartError::Admin(reason));
            }
        };
        if let Some(inquiries) = proxy.inquiries() {
            admin.answer(inquiries);
        }
        let endpoints = admin.endpoints().to_vec();
        let inside = admin.inside().clone();
        let ended = Arc::new(Ended::default());
        let keeper =
            Keeper { proxy, road, admin, store: store.clone(), writer, caretaker, ended: ended.clone() };
        let spawned =
            std::thread::Builder::new().name("keeper".to_owned()).spawn(move || keeper.keep(&asked));
        spawned.map_err(StartError::Workers)?;
        crate::notes::close();
        Ok(Node { stops, ended, endpoints, metrics, inside, store })
    }

    /// Stops once what is in flight is done, within what the global `hard_stop_after` allows.
    pub fn soft_stop(&self) {
        // A node that has ended needs no telling.
        let _ = self.stops.send(Stop::Soft);
    }

    /// Stops at once: every connection is cut.
    pub fn hard_stop(&self) {
        let _ = self.stops.send(Stop::Hard);
    }

    /// Waits until the node has ended.
    pub fn wait(&self) -> Ending {
        let mut ending = self.ended.ending.lock();
        loop {
            match *ending {
                Some(ending) => return ending,
                None => self.ended.came.wait(&mut ending),
            }
        }
    }

    /// Where the admin services are reached, with the ports that the kernel chose.
    pub fn admin(&self) -> &[AdminEndpoint] {
        &self.endpoints
    }

    /// Where metrics are served, with the port that the kernel chose.
    pub fn metrics(&self) -> Option<SocketAddr> {
        self.metrics
    }

    /// The admin services for callers in the same process.
    pub fn inside(&self) -> &Inside {
        &self.inside
    }

    /// The writer's side of the node, for those in the same process.
    pub fn store(&self) -> &Store {
        &self.store
    }
}

/// What snapshots are published to: the workers, and those who resolve names for them.
#[derive(Debug)]
struct Road {
    proxy: Arc<Proxy>,
    resolution: Resolution,
}

impl Traffic for Road {
    type Prepared = Prepared;

    fn prepare(&self, snapshot: &Snapshot) -> Result<Prepared, Vec<Problem>> {
        if self.proxy.is_draining() {
            // What is opened now would be accepted on although nothing new is to come.
            let detail = "the node is stopping: nothing is changed any more";
            return Err(vec![Problem::general(Code::Unavailable, detail)]);
        }
        self.proxy.prepare(snapshot)
    }

    fn publish(&self, snapshot: Arc<Snapshot>, prepared: Prepared) {
        self.resolution.follow(&snapshot);
        self.proxy.publish(snapshot, prepared);
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StartError::Disk(error) => error.fmt(f),
            StartError::Refused(problems) => {
                write!(f, "the configuration cannot be put in force")?;
                problems.iter().try_for_each(|problem| write!(f, "\n  {problem}"))
            }
            StartError::Workers(error) => write!(f, "the workers cannot start: {error}"),
            StartError::Admin(reason) => f.write_str(reason),
        }
    }
}

impl std::error::Error for StartError {}

/// Holds a node's parts, and ends them in order.
struct Keeper {
    proxy: Arc<Proxy>,
    road: Arc<Road>,
    admin: Admin,
    store: Store,
    writer: JoinHandle<()>,
    caretaker: Caretaker,
    ended: Arc<Ended>,
}

impl Keeper {
    fn keep(self, asked: &mpsc::Receiver<Stop>) {
        let cut = match asked.recv() {
            Ok(Stop::Soft) => self.drain(asked),
            Ok(Stop::Hard) | Err(_) => self.proxy.connections(),
        };
        let Keeper { proxy, road, admin, store, writer, caretaker, ended } = self;
        proxy.stop();
        road.resolution.stop();
        admin.stop();
        store.end();
        // A writer that panicked has said so; the node ends all the same.
        let _ = writer.join();
        // The workers have ended: nothing changes any more.
        caretaker.stop();
        *ended.ending.lock() = Some(if cut == 0 { Ending::Finished } else { Ending::Cut(cut) });
        ended.came.notify_all();
    }

    /// Drains; gives how many connections are left to be cut.
    fn drain(&self, asked: &mpsc::Receiver<Stop>) -> u32 {
        let began = Instant::now();
        let global = self.store.read(|current| current.snapshot.global.clone());
        let cut_at = global.hard_stop_after.and_then(|span| began.checked_add(span.duration()));
        let close_at = began.checked_add(global.grace.unwrap_or_default().duration()).unwrap_or(began);
        self.admin.note_draining();
        let mut closed = false;
        loop {
            let now = Instant::now();
            if !closed && now >= close_at {
                self.proxy.drain();
                closed = true;
            }
            if closed && self.proxy.connections() == 0 {
                return 0;
            }
            if cut_at.is_some_and(|cut_at| now >= cut_at) {
                return self.proxy.connections();
            }
            match asked.recv_timeout(LOOK) {
                Ok(Stop::Hard) => return self.proxy.connections(),
                // A second soft stop changes nothing.
                Ok(Stop::Soft) | Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.proxy.connections(),
            }
        }
    }
}

fn declared_global(rows: &[Row]) -> Global {
    let global = rows.iter().find_map(|row| match row {
        Row::Global(global) => Some(global.clone()),
        _ => None,
    });
    global.unwrap_or_default()
}

fn worker_count(global: &Global) -> usize {
    let wanted = global.nbthread.and_then(|count| usize::try_from(count).ok());
    wanted.unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from))
}

fn host_name() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// Raises the limit of descriptors to what so many client connections need, or as far as it goes; gives the limit.
fn raise_descriptor_limit(maxconn: Option<u32>) -> u64 {
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let unlimited = |limit: Option<u64>| limit.unwrap_or(MOST_DESCRIPTORS);
    let wanted = maxconn.map_or(unlimited(maximum), needed).min(MOST_DESCRIPTORS).max(unlimited(current));
    if wanted > unlimited(current) {
        let raised = Rlimit { current: Some(wanted), maximum: Some(wanted.max(unlimited(maximum))) };
        if setrlimit(Resource::Nofile, raised).is_err() {
            // Without privileges it goes as far as the hard limit.
            let _ = setrlimit(
                Resource::Nofile,
                Rlimit { current: maximum.map(|most| most.min(wanted)), maximum },
            );
        }
    }
    unlimited(getrlimit(Resource::Nofile).current)
}

/// Descriptors that so many client connections need: one for each side, and those of the process itself.
fn needed(maxconn: u32) -> u64 {
    u64::from(maxconn).saturating_mul(2).saturating_add(OWN_SOCKETS)
}

/// Client connections that so many descriptors allow.
fn affordable(descriptors: u64) -> u32 {
    u32::try_from(descriptors.saturating_sub(OWN_SOCKETS) / 2).unwrap_or(u32::MAX).max(1)
}

/// Descriptors that are asked for at most.
const MOST_DESCRIPTORS: u64 = 1 << 20;

/// Workers that a process has at most.
const MOST_WORKERS: usize = 256;

/// How often a draining node looks whether connections are left.
const LOOK: Duration = Duration::from_millis(20);

#[cfg(test)]
#[path = "boot_tests.rs"]
mod tests;
