//! The admin services of the controller: the same as a data plane's, answered from the desired state and by asking
//! nodes, and the fleet's own.
//!
//! A change is acknowledged once it is durable. When one node is concerned (the only one, or the one that passed the
//! change on) and can be reached, the reply waits up to [`NODE_PATIENCE`] for that node to have applied it; a node
//! that refuses or is slow does not take the change back, it stands in the list of nodes. Levels are compared in
//! `permission.rs` and nowhere else. Read next: `converse.rs`.

mod act;
mod converse;
mod forward;
mod history;
mod listen;
mod merge;
mod peer;
mod permission;
mod queries;
mod services;
mod sets;
mod tls;
mod watch;

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::wire::{self, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;

use crate::desired::{Desired, Staged};
use crate::fleet::registry::{Registry, unix_millis};

pub(crate) use listen::Door;
pub use peer::Peer;
pub use regate_proto::wire::endpoint::{AdminEndpoint, EndpointAddress, TlsFiles};

/// What all services of a controller share.
pub struct Core {
    /// The controller's name.
    pub(crate) name: String,
    pub(crate) desired: Arc<Desired>,
    pub(crate) registry: Arc<Registry>,
    staged: Mutex<Staged>,
    /// Keeps tickets of earlier processes from being valid.
    salt: u64,
    /// Cancelled when watchers are to be let go.
    closing: CancellationToken,
}

/// The services, over their common core.
#[derive(Clone)]
pub(crate) struct Services(pub(crate) Arc<Core>);

impl Core {
    pub(crate) fn new(
        name: String,
        desired: Arc<Desired>,
        registry: Arc<Registry>,
        closing: CancellationToken,
    ) -> Core {
        Core { name, desired, registry, staged: Mutex::default(), salt: unix_millis(), closing }
    }
}

/// Serves at these doors until the core's closing, and then until every call that goes on has ended.
pub(crate) async fn serve(core: Arc<Core>, doors: Vec<Door>) -> Result<(), String> {
    let closing = core.closing.clone();
    let (sender, connections) = mpsc::channel(CONNECTIONS_WAITING);
    for door in doors {
        tokio::spawn(door.accept(sender.clone(), closing.clone()));
    }
    drop(sender);
    let services = Services(core);
    let reflect = || {
        tonic_reflection::server::Builder::configure().register_encoded_file_descriptor_set(wire::DESCRIPTORS)
    };
    let reflection = reflect().build_v1().map_err(|error| error.to_string())?;
    let reflection_alpha = reflect().build_v1alpha().map_err(|error| error.to_string())?;
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("", tonic_health::ServingStatus::Serving).await;
    let router = tonic::transport::Server::builder()
        .http2_keepalive_interval(Some(KEEP_ALIVE))
        .http2_keepalive_timeout(Some(KEEP_ALIVE))
        .max_concurrent_streams(Some(STREAMS))
        .add_service(reflection)
        .add_service(reflection_alpha)
        .add_service(health_service)
        .add_service(v1::admin_server::AdminServer::new(services.clone()).max_decoding_message_size(MESSAGE))
        .add_service(v1::process_server::ProcessServer::new(services.clone()))
        .add_service(v1::frontends_server::FrontendsServer::new(services.clone()))
        .add_service(v1::backends_server::BackendsServer::new(services.clone()))
        .add_service(v1::servers_server::ServersServer::new(services.clone()))
        .add_service(v1::statistics_server::StatisticsServer::new(services.clone()))
        .add_service(v1::overlays_server::OverlaysServer::new(services.clone()))
        .add_service(v1::configuration_server::ConfigurationServer::new(services.clone()))
        .add_service(v1::controller_server::ControllerServer::new(services));
    let served = router.serve_with_incoming_shutdown(ReceiverStream::new(connections), closing.cancelled());
    served.await.map_err(|error| crate::fleet::dial::chain(&error))
}

/// How long a reply waits for the node concerned.
pub const NODE_PATIENCE: Duration = Duration::from_secs(2);

const CONNECTIONS_WAITING: usize = 16;
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// Calls at a time on one connection.
const STREAMS: u32 = 1024;
/// Bytes of a request: a list of a million entries, replaced at once.
const MESSAGE: usize = 128 << 20;

#[cfg(test)]
mod tests;
