//! Dialling nodes: connects, speaks a [`Session`]'s words, and connects again.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regate_proto::change::Revision;
use regate_proto::problem::Problem;
use regate_proto::wire::endpoint::TlsFiles;
use regate_proto::wire::v1;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};

use super::registry::Node;
use super::session::{Heard, Say, Session, spread};
use crate::desired::Desired;

/// Where a node is dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeEndpoint {
    /// A unix stream socket.
    Unix(PathBuf),
    /// TCP, both sides proving themselves by certificates: host and port, and our files.
    Tls(String, TlsFiles),
    /// TCP in the clear, to loopback only: host and port.
    Plain(String),
}

/// What the dialler says of its controller.
#[derive(Clone, Debug)]
pub struct Introduction {
    /// The controller's name.
    pub controller: String,
    /// Where its admin services are reached by nodes; empty for nowhere.
    pub endpoint: String,
    /// Whether nodes may change themselves while the controller cannot be reached.
    pub allow_local: bool,
}

impl NodeEndpoint {
    /// Reads `unix:///path`, `https://HOST:PORT` or, with `insecure`, `http://LOOPBACK:PORT`.
    pub fn parse(text: &str, tls: Option<&TlsFiles>, insecure: bool) -> Result<NodeEndpoint, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(format!("{text}: unix:// and an absolute path are expected"));
            }
            return Ok(NodeEndpoint::Unix(path.into()));
        }
        let place = |rest: &str| match rest.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() && port.parse::<u16>().is_ok_and(|port| port > 0) => {
                Ok(rest.to_owned())
            }
            _ => Err(format!("{text}: HOST:PORT is expected, such as node.example:9900")),
        };
        if let Some(rest) = text.strip_prefix("https://") {
            let files =
                tls.ok_or_else(|| format!("{text}: certificate, key and authorities must be given with it"))?;
            return Ok(NodeEndpoint::Tls(place(rest)?, files.clone()));
        }
        let Some(rest) = text.strip_prefix("http://") else {
            return Err(format!(
                "{text}: unix:///PATH, https://HOST:PORT or http://LOOPBACK:PORT is expected"
            ));
        };
        let address = place(rest)?;
        if !insecure {
            return Err(format!(
                "{text}: without TLS anybody could stand there: use https://, or insist with --insecure"
            ));
        }
        let is_loopback =
            address.parse::<std::net::SocketAddr>().is_ok_and(|address| address.ip().is_loopback());
        if !is_loopback {
            return Err(format!("{text}: without TLS only a loopback address may be dialled"));
        }
        Ok(NodeEndpoint::Plain(address))
    }

    /// Connects. Certificates are read each time, so that renewed ones are used.
    pub async fn connect(&self) -> Result<Channel, String> {
        let endpoint = Endpoint::from_shared(self.to_string()).map_err(|error| chain(&error))?;
        let endpoint = endpoint
            .connect_timeout(CONNECTING)
            .http2_keep_alive_interval(KEEP_ALIVE)
            .keep_alive_timeout(KEEP_ALIVE)
            .keep_alive_while_idle(true);
        let endpoint = match self {
            NodeEndpoint::Tls(_, files) => {
                let read = |path: PathBuf| async move {
                    tokio::fs::read(&path).await.map_err(|error| format!("{}: {error}", path.display()))
                };
                let certificate = read(files.certificate.clone()).await?;
                let key = read(files.key.clone()).await?;
                let authorities = read(files.authorities.clone()).await?;
                let tls = ClientTlsConfig::new()
                    .ca_certificate(Certificate::from_pem(authorities))
                    .identity(Identity::from_pem(certificate, key));
                endpoint.tls_config(tls).map_err(|error| chain(&error))?
            }
            NodeEndpoint::Unix(_) | NodeEndpoint::Plain(_) => endpoint,
        };
        endpoint.connect().await.map_err(|error| chain(&error))
    }
}

impl fmt::Display for NodeEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NodeEndpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            NodeEndpoint::Tls(place, _) => write!(f, "https://{place}"),
            NodeEndpoint::Plain(place) => write!(f, "http://{place}"),
        }
    }
}

/// Keeps a session with a node until told to stop.
pub async fn keep(
    node: Arc<Node>,
    desired: Arc<Desired>,
    introduction: Introduction,
    stop: CancellationToken,
) {
    let mut dialler =
        Dialler { node, desired, introduction, start: Instant::now(), salt: salt(), failures: 0 };
    let work = async {
        loop {
            let why = dialler.connect_once().await;
            dialler.node.connect(None);
            dialler.node.note(None, None, None);
            let rest = (FIRST_REST << dialler.failures.min(7)).min(LONGEST_REST);
            dialler.failures = dialler.failures.saturating_add(1);
            let rest = spread(rest, &mut dialler.salt);
            tracing::info!(node = %dialler.node.name, endpoint = %dialler.node.endpoint, rest, %why, "node left; it is dialled again");
            tokio::time::sleep(Duration::from_millis(rest)).await;
        }
    };
    // The answer is never reached: the work ends by being dropped.
    let _: Option<()> = stop.run_until_cancelled(work).await;
}

struct Dialler {
    node: Arc<Node>,
    desired: Arc<Desired>,
    introduction: Introduction,
    start: Instant,
    salt: u64,
    failures: u32,
}

impl Dialler {
    /// Connects and speaks until something ends it; says what.
    async fn connect_once(&mut self) -> String {
        let channel = match self.node.endpoint.connect().await {
            Ok(channel) => channel,
            Err(why) => return why,
        };
        match self.follow(channel).await {
            Ok(()) => "the node ended the session".to_owned(),
            Err(why) => why,
        }
    }

    async fn follow(&mut self, channel: Channel) -> Result<(), String> {
        let (sender, outbound) = mpsc::channel(MESSAGES_AHEAD);
        let mut client =
            v1::fleet_client::FleetClient::new(channel.clone()).max_decoding_message_size(MESSAGE);
        let answer =
            client.follow(ReceiverStream::new(outbound)).await.map_err(|status| status.to_string())?;
        let mut inbound = answer.into_inner();
        let mut news = self.desired.revision();
        let mut session = Session::begin(self.now(), self.salt);
        let events = CancellationToken::new();
        let _end_of_events = events.clone().drop_guard();
        loop {
            let due = session.due().map(|due| self.start + Duration::from_millis(due));
            let heard = tokio::select! {
                message = inbound.message() => match message.map_err(|status| status.to_string())? {
                    Some(message) => {
                        if let Some(v1::from_node::Message::Hello(hello)) = &message.message {
                            self.greeted(hello, channel.clone(), events.clone());
                        }
                        heard(message).map_err(|problem| problem.to_string())?
                    }
                    None => return Ok(()),
                },
                changed = news.changed() => match changed {
                    Ok(()) => Heard::Moved,
                    Err(_) => return Err("the controller is stopping".to_owned()),
                },
                () = tokio::time::sleep_until(due.unwrap_or(self.start).into()), if due.is_some() => Heard::Tick,
            };
            news.mark_unchanged();
            for said in session.hear(self.now(), heard, self.desired.as_ref()) {
                self.say(said, &sender).await?;
            }
            self.node.note(Some(session.standing()), Some(session.revision()), session.refusal());
        }
    }

    /// Notes who is there.
    fn greeted(&mut self, hello: &v1::Hello, channel: Channel, end: CancellationToken) {
        self.failures = 0;
        tracing::info!(node = %self.node.name, endpoint = %self.node.endpoint, version = hello.version, revision = hello.revision, "connected");
        self.node.note_hello(hello);
        self.node.connect(Some(channel.clone()));
        let node = self.node.clone();
        tokio::spawn(async move { end.run_until_cancelled(relay(node, channel)).await });
    }

    async fn say(&self, said: Say, sender: &mpsc::Sender<v1::FromController>) -> Result<(), String> {
        match said {
            Say::Welcome => {
                let Introduction { controller, endpoint, allow_local } = self.introduction.clone();
                let welcome = v1::Welcome { controller, endpoint, allow_local };
                let message = v1::from_controller::Message::Welcome(welcome);
                self.send(v1::FromController { message: Some(message) }, sender).await
            }
            Say::Transfer(transfer) => {
                for message in transfer.into_messages() {
                    self.send(message, sender).await?;
                }
                Ok(())
            }
            Say::Close(why) => Err(why.to_owned()),
        }
    }

    async fn send(
        &self,
        message: v1::FromController,
        sender: &mpsc::Sender<v1::FromController>,
    ) -> Result<(), String> {
        match tokio::time::timeout(TAKING, sender.send(message)).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err("the node ended the session".to_owned()),
            Err(_) => Err("the node takes no message".to_owned()),
        }
    }

    fn now(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

/// Passes on what happens to a node's servers.
async fn relay(node: Arc<Node>, channel: Channel) {
    let mut client = v1::admin_client::AdminClient::new(channel);
    let watched = client.watch(v1::WatchRequest { from: None }).await;
    let mut events = match watched {
        Ok(events) => events.into_inner(),
        Err(status) => {
            tracing::debug!(node = %node.name, %status, "the node tells no events");
            return;
        }
    };
    while let Ok(Some(event)) = events.message().await {
        if let Some(event @ v1::event::Event::ServerStatus(_)) = event.event {
            node.tell(event);
        }
    }
}

/// What a node's message means to a session.
pub(super) fn heard(message: v1::FromNode) -> Result<Heard, Problem> {
    use v1::from_node::Message;
    let content =
        |revision, digest: Option<v1::Digest>| (Revision(revision), digest.unwrap_or_default().into());
    Ok(match message.message {
        Some(Message::Hello(hello)) => Heard::Hello(content(hello.revision, hello.digest)),
        Some(Message::Applied(applied)) => Heard::Applied(content(applied.revision, applied.digest)),
        Some(Message::Refused(refused)) => {
            let problems = v1::Refused { problems: refused.problems }.into();
            Heard::Refused(Revision(refused.revision), problems)
        }
        None => {
            let code = regate_proto::problem::Code::Malformed;
            return Err(Problem::general(code, "the node said nothing that is known here"));
        }
    })
}

/// An error with what caused it.
pub(crate) fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

/// Something that differs from one dialler to the next.
fn salt() -> u64 {
    use std::hash::{BuildHasher, RandomState};
    RandomState::new().hash_one(Instant::now().elapsed().as_nanos())
}

const CONNECTING: Duration = Duration::from_secs(5);
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// How long a node may leave a message of ours lying.
const TAKING: Duration = Duration::from_secs(60);
const MESSAGES_AHEAD: usize = 4;
/// Bytes of a message from a node.
const MESSAGE: usize = 16 << 20;
/// Rest before dialling again, in milliseconds.
const FIRST_REST: u64 = 50;
const LONGEST_REST: u64 = 5_000;
