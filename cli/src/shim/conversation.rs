//! The stream to Admin that a connection's commands go through.
//!
//! Owns dialling and the shape of the stream: one `Admin.Converse` for each connection, opened when its first
//! command needs it. Streams share a few HTTP/2 connections, with windows so wide that a client that does not
//! read stalls its own stream only.

use std::fmt;
use std::future::Future;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use regate_dataplane::admin::Inside;
use regate_proto::model::Level;
use regate_proto::wire::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::AsciiMetadataValue;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Response, Status, Streaming};
use v1::admin_client::AdminClient;

/// Who serves Admin: a data plane or a controller.
pub struct Target {
    name: String,
    converse: Box<dyn Fn(Request<ReceiverStream<v1::ConverseRequest>>) -> Opened + Send + Sync>,
}

/// The channels to one target.
struct Channels {
    dial: Box<dyn Fn() -> Channel + Send + Sync>,
    open: Mutex<Vec<Shared>>,
}

/// An HTTP/2 connection with the number of its streams.
struct Shared {
    channel: Channel,
    streams: Arc<()>,
}

/// A stream to Admin.
pub struct Conversation {
    level: Level,
    requests: mpsc::Sender<v1::ConverseRequest>,
    replies: Replies,
    _lease: Option<Arc<()>>,
}

/// A stream that is being opened, and the lease of its room on a shared connection.
type Opened = (Opening, Option<Arc<()>>);

type Opening = Pin<Box<dyn Future<Output = Result<Response<Streaming<v1::ConverseReply>>, Status>> + Send>>;

enum Replies {
    Opening(Opening),
    Open(Box<Streaming<v1::ConverseReply>>),
}

impl Target {
    /// Admin behind a unix socket.
    pub fn unix(path: &Path) -> Result<Target, tonic::transport::Error> {
        let uri = format!("unix://{}", path.display());
        Ok(Target::at(uri.clone(), Endpoint::from_shared(uri)?))
    }

    /// Admin at an endpoint. Connections are made when they are needed, and again after they broke.
    pub fn at(name: String, endpoint: Endpoint) -> Target {
        let endpoint = endpoint
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW * STREAMS_SHARED as u32);
        Target::dialled(name, move || endpoint.connect_lazy())
    }

    /// Admin behind channels that the caller makes, such as ones with TLS. `name` stands in sentences.
    pub fn dialled(name: String, dial: impl Fn() -> Channel + Send + Sync + 'static) -> Target {
        let channels = Channels { dial: Box::new(dial), open: Mutex::default() };
        let converse = move |request| {
            let (channel, lease) = channels.take();
            let mut client = AdminClient::new(channel);
            let opening: Opening = Box::pin(async move { client.converse(request).await });
            (opening, Some(lease))
        };
        Target { name, converse: Box::new(converse) }
    }

    /// Admin of a data plane in the same process, which may be set after conversations were asked for.
    pub fn inside(name: String, node: Arc<OnceLock<Inside>>) -> Target {
        let converse = move |request| {
            let node = node.get().cloned();
            let opening: Opening = Box::pin(async move {
                let node = node.ok_or_else(|| Status::unavailable("the data plane has not started yet"))?;
                AdminClient::new(node).converse(request).await
            });
            (opening, None)
        };
        Target { name, converse: Box::new(converse) }
    }

    /// What sentences call it.
    pub fn name(&self) -> &str {
        &self.name
    }
}

impl Channels {
    /// A channel with room for one more stream, and the lease that keeps the room.
    fn take(&self) -> (Channel, Arc<()>) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let free = open.iter().position(|shared| Arc::strong_count(&shared.streams) <= STREAMS_SHARED);
        let at = free.unwrap_or_else(|| {
            open.push(Shared { channel: (self.dial)(), streams: Arc::new(()) });
            open.len().saturating_sub(1)
        });
        let shared = &open[at];
        (shared.channel.clone(), shared.streams.clone())
    }
}

impl Conversation {
    /// Begins a stream at a level; `origin` is who stands behind it.
    pub fn open(target: &Target, level: Level, origin: &str) -> Conversation {
        let (requests, receiver) = mpsc::channel(MAX_IN_FLIGHT);
        let mut request = Request::new(ReceiverStream::new(receiver));
        let metadata = request.metadata_mut();
        metadata.insert("regate-level", AsciiMetadataValue::from_static(level.word()));
        if let Ok(origin) = origin.escape_default().to_string().parse() {
            metadata.insert("regate-origin", origin);
        }
        let (opening, lease) = (target.converse)(request);
        Conversation { level, requests, replies: Replies::Opening(opening), _lease: lease }
    }

    /// The level that it was opened at.
    pub fn level(&self) -> Level {
        self.level
    }

    /// Sends a request. At most [`MAX_IN_FLIGHT`] may be without their last reply.
    pub fn send(&mut self, request: v1::ConverseRequest) -> Result<(), Status> {
        self.requests.try_send(request).map_err(|_| Status::unavailable("the stream is over"))
    }

    /// The next reply. May be dropped and called again without loss.
    pub async fn reply(&mut self) -> Result<v1::ConverseReply, Status> {
        loop {
            match &mut self.replies {
                Replies::Opening(opening) => {
                    let streaming = opening.await?.into_inner();
                    self.replies = Replies::Open(Box::new(streaming));
                }
                Replies::Open(streaming) => {
                    return streaming.message().await?.ok_or_else(|| Status::unavailable("the stream ended"));
                }
            }
        }
    }
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Target").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Most requests of one connection that wait for their last reply.
pub const MAX_IN_FLIGHT: usize = 1024;
/// Streams on one HTTP/2 connection; servers commonly allow 200.
const STREAMS_SHARED: usize = 100;
/// Bytes that may be under way on one stream.
const STREAM_WINDOW: u32 = 256 * 1024;
