//! The admin side: gRPC services on a runtime of their own, away from the workers.
//!
//! Owns the listeners, the levels of callers and the words of the contract; what is changed goes to the
//! [`crate::store`], what is asked is read from it and from what is observed. It must never touch a connection of the
//! data path.
//! Read next: `permission.rs`, `change.rs`, `query.rs`, `fleet.rs`.

mod change;
mod counters;
mod edits;
mod fleet;
mod inside;
mod listen;
mod lists;
mod page;
mod peer;
mod permission;
mod query;
mod report;
mod services;
mod statistics;
mod streams;
mod tables;
#[cfg(test)]
mod tests;
mod tls;
mod uplink;
mod variables;
mod view;

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use regate_proto::model::Global;
use regate_proto::wire::{DESCRIPTORS, v1};
use tokio::runtime::Runtime;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic::transport::server::Router;

use crate::inquiry::Inquiry;
use crate::live::{Live, WorkerLive};
use crate::priority;
use crate::store::{Current, Staged, Store};
use crate::streams::Switchboard;

pub use counters::begin as begin_counters;
pub use inside::Inside;
pub use permission::{Asked, Caller};
pub use regate_proto::wire::endpoint::{AdminEndpoint, EndpointAddress, TlsFiles};

/// The running admin services.
#[derive(Debug)]
pub struct Admin {
    runtime: Runtime,
    closing: CancellationToken,
    endpoints: Vec<AdminEndpoint>,
    inside: Inside,
    context: Arc<Context>,
    health: tonic_health::server::HealthReporter,
    served: Vec<tokio::task::JoinHandle<()>>,
}

/// What the services say about the process.
#[derive(Clone, Debug)]
pub struct Description {
    /// The node's name, unless the configuration gives one.
    pub node: String,
    /// Time from the start until traffic was taken, in milliseconds.
    pub boot_time_ms: u32,
    /// Most open descriptors that the system allows.
    pub descriptor_limit: u64,
    /// Client connections when the configuration sets no limit.
    pub default_maxconn: u32,
}

/// What somebody asked of the process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stop {
    /// To stop once what is in flight is done.
    Soft,
    /// To stop at once.
    Hard,
}

/// What the services share.
#[derive(Debug)]
pub(crate) struct Context {
    store: Store,
    live: Arc<Live>,
    switchboard: Switchboard,
    staged: Staged,
    description: Description,
    stops: std::sync::mpsc::Sender<Stop>,
    uplink: uplink::Uplink,
    follower: Mutex<Option<fleet::Follower>>,
    closing: CancellationToken,
    doors: u32,
    pulse: Pulse,
}

/// What is measured over the last second.
#[derive(Debug, Default)]
struct Pulse {
    bytes_out: AtomicU64,
    idle_percent: AtomicU32,
}

/// The services: what is asked of the process is done here.
#[derive(Clone, Debug)]
pub(crate) struct Desk(Arc<Context>);

impl Admin {
    /// Opens the endpoints and serves them. `stops` is told when a caller wants the process to stop.
    pub fn start(
        endpoints: &[AdminEndpoint],
        store: Store,
        (live, switchboard): (Arc<Live>, Switchboard),
        description: Description,
        stops: std::sync::mpsc::Sender<Stop>,
    ) -> Result<Admin, String> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(THREADS)
            .thread_name("admin")
            .on_thread_start(priority::yield_to_traffic)
            .enable_all()
            .build()
            .map_err(|error| format!("the admin services have no runtime: {error}"))?;
        let entered = runtime.enter();
        let doors = endpoints.iter().map(listen::Door::open).collect::<Result<Vec<_>, String>>()?;
        let closing = CancellationToken::new();
        let files = endpoints.iter().find_map(|endpoint| match &endpoint.address {
            EndpointAddress::Tls { files, .. } => Some(files.clone()),
            EndpointAddress::Unix { .. } | EndpointAddress::Plain { .. } => None,
        });
        let context = Arc::new(Context {
            store,
            live,
            switchboard,
            staged: Staged::default(),
            description,
            stops,
            uplink: uplink::Uplink::new(files),
            follower: Mutex::default(),
            closing: closing.clone(),
            doors: u32::try_from(doors.len()).unwrap_or(u32::MAX),
            pulse: Pulse::default(),
        });
        let (health, health_service) = tonic_health::server::health_reporter();
        runtime.block_on(announce(&health));
        let (connections, incoming) = mpsc::channel(MOST_ACCEPTED);
        let open = doors.iter().map(|door| door.endpoint.clone()).collect();
        let mut served = Vec::new();
        for door in doors {
            served.push(runtime.spawn(door.accept(connections.clone(), closing.clone())));
        }
        drop(connections);
        runtime.spawn(tick(context.clone()));
        if let Some(queue) = context.live.edits.take_end() {
            served.push(runtime.spawn(edits::commit(context.clone(), queue)));
        }
        let router =
            router(&context).map_err(|error| format!("reflection: {error}"))?.add_service(health_service);
        let until = closing.clone();
        served.push(runtime.spawn(async move {
            let incoming = ReceiverStream::new(incoming);
            let done = router.serve_with_incoming_shutdown(incoming, until.cancelled_owned()).await;
            if let Err(error) = done {
                tracing::error!("the admin services ended: {error}");
            }
        }));
        drop(entered);
        let inside = Inside::new(services(&context));
        Ok(Admin { runtime, closing, inside, context, endpoints: open, health, served })
    }

    /// Answers what the workers ask.
    pub fn answer(&self, inquiries: mpsc::Receiver<Inquiry>) {
        self.runtime.spawn(page::serve(self.context.clone(), inquiries));
    }

    /// Serves metrics at an address of their own; gives it with the port that the kernel chose.
    pub fn serve_metrics(&mut self, address: SocketAddr) -> Result<SocketAddr, String> {
        let door = self.runtime.block_on(page::listen(address))?;
        let address = door.address().unwrap_or(address);
        self.served.push(self.runtime.spawn(door.serve(self.context.clone(), self.closing.clone())));
        Ok(address)
    }

    /// Where the services are reached, with the ports that the kernel chose.
    pub fn endpoints(&self) -> &[AdminEndpoint] {
        &self.endpoints
    }

    /// The services for callers in the same process.
    pub fn inside(&self) -> &Inside {
        &self.inside
    }

    /// Says through the health service that no new traffic is taken.
    pub fn note_draining(&self) {
        let health = self.health.clone();
        self.runtime.spawn(async move {
            health.set_service_status("", tonic_health::ServingStatus::NotServing).await;
            health.set_not_serving::<v1::admin_server::AdminServer<Desk>>().await;
        });
    }

    /// Ends the services: streams end, connections are told to go, and after a moment are cut.
    pub fn stop(self) {
        let Admin { runtime, closing, served, .. } = self;
        closing.cancel();
        runtime.block_on(async {
            let all = async {
                for task in served {
                    let _ = task.await;
                }
            };
            let _ = tokio::time::timeout(FAREWELL, all).await;
        });
        runtime.shutdown_timeout(FAREWELL);
    }
}

impl Context {
    /// The name of the node: the configured one, or else the one that the process was started with.
    fn node_name(&self, global: &Global) -> String {
        global.node.clone().unwrap_or_else(|| self.description.node.clone())
    }

    /// Client connections that are taken at a time.
    fn maxconn(&self, global: &Global) -> u32 {
        global.maxconn.unwrap_or(self.description.default_maxconn)
    }

    /// The same before it was changed by hand.
    fn initial_maxconn(&self, current: &Current) -> u32 {
        current.snapshot.initial_maxconn.unwrap_or(self.description.default_maxconn)
    }

    fn describe(&self, current: &Current) -> v1::Info {
        let live = &self.live;
        let process = &live.process;
        let global = current.state.global();
        let now = process.now();
        let narrow = |value: u64| u32::try_from(value).unwrap_or(u32::MAX);
        let maxconn = self.maxconn(&global);
        let listeners = process.listeners.now();
        let connections = process.connections.now();
        // Each client may have a server, beside listeners and what the process itself needs.
        let (allocated, used) = report::memory(current, live);
        let turnover = current.snapshot.lists.turnover();
        let sockets = u64::from(maxconn)
            .saturating_mul(2)
            .saturating_add(u64::from(listeners))
            .saturating_add(OWN_SOCKETS);
        v1::Info {
            name: "Regate".to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            release_date: RELEASE_DATE.to_owned(),
            pid: std::process::id(),
            uptime_ms: now,
            started_at_ms: process.started_unix(),
            boot_time_ms: self.description.boot_time_ms,
            workers: u32::try_from(self.live.workers()).unwrap_or(u32::MAX),
            node: self.node_name(&global),
            description: global.description.clone(),
            stopping: process.is_stopping(),
            descriptor_limit: self.description.descriptor_limit,
            sockets_limit: sockets.min(self.description.descriptor_limit),
            maxconn,
            hard_maxconn: self.initial_maxconn(current),
            maxconn_reached_total: process.maxconn_reached.load(Ordering::Relaxed),
            connections_current: connections,
            connections_total: process.connections_total.sum(),
            connections_rate: narrow(process.connection_rate.at(now)),
            connections_rate_limit: global.maxconnrate.unwrap_or(0),
            connections_rate_max: narrow(process.connection_rate.highest()),
            sessions_rate: narrow(process.session_rate.at(now)),
            sessions_rate_limit: global.maxsessrate.unwrap_or(0),
            ssl_rate_limit: global.maxsslrate.unwrap_or(0),
            compression_rate_limit: global.maxcomprate.unwrap_or(0),
            sessions_rate_max: narrow(process.session_rate.highest()),
            requests_total: process.requests_total.sum(),
            streams_current: live.over_workers(|worker| worker.streams()),
            streams_total: live.over_workers(|worker| worker.streams_begun.now()),
            bytes_out_total: live.over_workers(|worker| worker.bytes_out.now()),
            bytes_out_spliced_total: live.over_workers(|worker| worker.bytes_spliced.now()),
            bytes_out_rate: self.pulse.bytes_out.load(Ordering::Relaxed),
            tasks: narrow(live.over_workers(|worker| worker.tasks_alive())),
            tasks_ready: narrow(live.over_workers(|worker| worker.ready.now())),
            idle_percent: self.pulse.idle_percent.load(Ordering::Relaxed),
            jobs: connections.saturating_add(listeners).saturating_add(self.doors),
            jobs_unstoppable: self.doors,
            listeners,
            list_edits_total: self.live.edits.made.load(Ordering::Relaxed),
            list_edits_lost_total: self.live.edits.lost.load(Ordering::Relaxed),
            list_edits_refused_total: self.live.edits.refused.load(Ordering::Relaxed),
            logs_dropped_total: process.dropped_logs.load(Ordering::Relaxed),
            warnings_total: crate::notes::warnings(),
            pipes_limit: narrow(live.over_workers(|worker| worker.pipes.most.now())),
            pipes_used: narrow(live.over_workers(|worker| worker.pipes.used.now())),
            pipes_free: narrow(live.over_workers(|worker| worker.pipes.kept.now())),
            buffers_allocated_bytes: allocated,
            buffers_used_bytes: used,
            memory_limit_bytes: memory_limit().unwrap_or(0),
            pools_refused_total: live.over_workers(WorkerLive::refused),
            resolutions_failed_total: process.failed_resolutions.load(Ordering::Relaxed),
            long_turns_total: live.over_workers(|worker| worker.long_turns.now()),
            patterns_added_total: turnover.added,
            patterns_freed_total: turnover.freed,
        }
    }
}

impl Deref for Desk {
    type Target = Arc<Context>;

    fn deref(&self) -> &Arc<Context> {
        &self.0
    }
}

/// What changes, acts and converses.
fn services(context: &Arc<Context>) -> v1::admin_server::AdminServer<Desk> {
    v1::admin_server::AdminServer::new(Desk(context.clone())).max_decoding_message_size(LONGEST_CHANGE)
}

/// Every service but health.
fn router(context: &Arc<Context>) -> Result<Router, tonic_reflection::server::Error> {
    use v1::backends_server::BackendsServer;
    use v1::configuration_server::ConfigurationServer;
    use v1::fleet_server::FleetServer;
    use v1::frontends_server::FrontendsServer;
    use v1::overlays_server::OverlaysServer;
    use v1::process_server::ProcessServer;
    use v1::servers_server::ServersServer;
    use v1::statistics_server::StatisticsServer;
    let desk = || Desk(context.clone());
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let router = Server::builder()
        .max_concurrent_streams(MOST_STREAMS)
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .http2_max_pending_accept_reset_streams(Some(MOST_RESETS))
        .http2_max_local_error_reset_streams(Some(MOST_RESETS))
        .add_service(services(context))
        .add_service(FleetServer::new(desk()).max_decoding_message_size(LONGEST_MESSAGE))
        .add_service(ProcessServer::new(desk()))
        .add_service(FrontendsServer::new(desk()))
        .add_service(BackendsServer::new(desk()))
        .add_service(ServersServer::new(desk()))
        .add_service(StatisticsServer::new(desk()))
        .add_service(OverlaysServer::new(desk()))
        .add_service(ConfigurationServer::new(desk()))
        .add_service(reflection().build_v1()?)
        .add_service(reflection().build_v1alpha()?);
    Ok(router)
}

async fn announce(health: &tonic_health::server::HealthReporter) {
    health.set_serving::<v1::admin_server::AdminServer<Desk>>().await;
    health.set_serving::<v1::fleet_server::FleetServer<Desk>>().await;
    health.set_serving::<v1::statistics_server::StatisticsServer<Desk>>().await;
}

/// Most bytes of memory that the system allows the process.
fn memory_limit() -> Option<u64> {
    rustix::process::getrlimit(rustix::process::Resource::As).current
}

/// Bytes that were sent to anybody.
fn sent(context: &Context) -> u64 {
    context.live.over_workers(|worker| worker.bytes_out.now())
}

/// Measures the last second, every second, and forgets staged sets that have expired.
async fn tick(context: Arc<Context>) {
    let mut interval = tokio::time::interval(Duration::from_secs(1));
    let process = &context.live.process;
    let (mut bytes, mut busy, mut then) = (sent(&context), process.busy_micros.sum(), Instant::now());
    loop {
        tokio::select! {
            () = context.closing.cancelled() => return,
            _ = interval.tick() => {}
        }
        let (bytes_now, busy_now, now) = (sent(&context), process.busy_micros.sum(), Instant::now());
        let passed = u64::try_from(now.duration_since(then).as_micros()).unwrap_or(u64::MAX).max(1);
        let rate = u128::from(bytes_now.saturating_sub(bytes)) * 1_000_000 / u128::from(passed);
        context.pulse.bytes_out.store(u64::try_from(rate).unwrap_or(u64::MAX), Ordering::Relaxed);
        let available = passed.saturating_mul(context.live.workers().max(1) as u64);
        let share = (busy_now.saturating_sub(busy).saturating_mul(100) / available).min(100);
        context
            .pulse
            .idle_percent
            .store(100u32.saturating_sub(u32::try_from(share).unwrap_or(100)), Ordering::Relaxed);
        (bytes, busy, then) = (bytes_now, busy_now, now);
        context.staged.sweep(now);
    }
}

/// Threads of the admin side. One, for what it does is little beside the writer's work, and a second would be woken
/// for it in vain.
const THREADS: usize = 1;

/// Bytes of the largest set of changes in one message: a list of a million entries, replaced at once.
const LONGEST_CHANGE: usize = 128 << 20;

/// Bytes of the largest message taken: parts stay below 4 MiB, and their frame comes to it.
pub(crate) const LONGEST_MESSAGE: usize = (4 << 20) + (64 << 10);

/// Accepted connections that wait to be served.
const MOST_ACCEPTED: usize = 64;

/// Calls on one connection at a time.
const MOST_STREAMS: u32 = 256;

/// Calls that may be given up early before a connection is cut.
const MOST_RESETS: usize = 4096;

/// How long a silent peer has to answer.
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// How long streams have to end when the services stop.
const FAREWELL: Duration = Duration::from_secs(2);

/// Descriptors that the process needs beside connections and listeners, about.
pub(crate) const OWN_SOCKETS: u64 = 100;

/// The date of this version.
const RELEASE_DATE: &str = "2026/11/22";
