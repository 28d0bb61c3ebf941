//! Connections to a controller or a data plane.
//!
//! Owns how endpoints are spelled, where one is looked for when none was named, and the sentence when nobody
//! answers. Read next: `commands/mod.rs`.

use std::fmt;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;
use regate_proto::change::Change;
use regate_proto::wire::v1::{admin_client::AdminClient, controller_client::ControllerClient};
use regate_proto::wire::{self, v1};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

use crate::failure::Failure;

/// Whom a command talks to.
#[derive(Args, Clone, Debug, Default)]
pub struct Target {
    /// Where the controller (or a data plane) listens: unix:///PATH, https://HOST:PORT, or http://LOOPBACK:PORT
    /// with --insecure. Without it: ./regate-data/controller.sock, then /run/regate/controller.sock, then
    /// /run/regate/admin.sock, the first that exists
    #[arg(long, global = true, env = "REGATE_ENDPOINT", value_name = "URL")]
    pub endpoint: Option<String>,
    /// Certificates (PEM) that an https endpoint's certificate is checked against
    #[arg(long, global = true, env = "REGATE_CA", value_name = "FILE")]
    pub ca: Option<PathBuf>,
    /// The certificate (PEM) to show to an https endpoint
    #[arg(long, global = true, env = "REGATE_CERT", value_name = "FILE")]
    pub cert: Option<PathBuf>,
    /// The key (PEM) of that certificate
    #[arg(long, global = true, env = "REGATE_KEY", value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Permits an http endpoint, unencrypted and without authentication, on loopback addresses
    #[arg(long, global = true)]
    pub insecure: bool,
}

/// A place where Admin is served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// A unix socket.
    Unix(PathBuf),
    /// TLS over TCP.
    Https {
        /// A host name or an address, IPv6 without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// Plain TCP on a loopback address.
    Http {
        /// The address.
        host: IpAddr,
        /// The port.
        port: u16,
    },
}

/// A connection, with the clients that commands need.
#[derive(Clone)]
pub struct Client {
    /// Changes, actions, questions.
    pub admin: AdminClient<Channel>,
    /// The fleet and the history; a data plane does not serve it.
    pub controller: ControllerClient<Channel>,
}

impl Target {
    /// Connects to the endpoint that was named, or to the first usual place.
    pub async fn connect(&self) -> Result<Client, Failure> {
        let endpoint = self.endpoint()?;
        let channel = self.dialler(&endpoint)?.connect().await.map_err(|error| {
            let advice = match &endpoint {
                Endpoint::Unix(path) if !path.exists() => " (is it running? 'regate run' starts one)",
                _ => "",
            };
            Failure::unreachable(format!("cannot reach {endpoint}: {}{advice}", innermost(&error)))
        })?;
        Ok(Client {
            admin: AdminClient::new(channel.clone()).max_decoding_message_size(LARGEST_MESSAGE),
            controller: ControllerClient::new(channel).max_decoding_message_size(LARGEST_MESSAGE),
        })
    }

    /// The endpoint that was named, or the first usual place that exists.
    pub fn endpoint(&self) -> Result<Endpoint, Failure> {
        match &self.endpoint {
            Some(text) => Endpoint::parse(text, self.insecure).map_err(Failure::usage),
            None => usual(|path| path.exists()).ok_or_else(|| {
                Failure::unreachable(format!(
                    "no endpoint was named, and none of {} exists: start one with 'regate run', or name one with \
                     --endpoint or REGATE_ENDPOINT",
                    USUAL.join(", ")
                ))
            }),
        }
    }

    /// What connections to an endpoint are made with.
    pub fn dialler(&self, endpoint: &Endpoint) -> Result<tonic::transport::Endpoint, Failure> {
        let url = endpoint.to_string();
        let dialler = tonic::transport::Endpoint::from_shared(url.clone())
            .map_err(|error| Failure::usage(format!("endpoint {url}: {error}")))?
            .connect_timeout(PATIENCE);
        if let Endpoint::Https { host, .. } = endpoint {
            return dialler
                .tls_config(self.tls(host)?)
                .map_err(|error| Failure::usage(format!("endpoint {url}: {}", innermost(&error))));
        }
        match self.first_tls_option() {
            Some(option) => {
                Err(Failure::usage(format!("{option} is for https endpoints; this one is {url}")))
            }
            None => Ok(dialler),
        }
    }

    fn tls(&self, host: &str) -> Result<ClientTlsConfig, Failure> {
        let mut config = ClientTlsConfig::new().domain_name(host);
        match &self.ca {
            Some(path) => config = config.ca_certificate(Certificate::from_pem(read(path, "--ca")?)),
            None => {
                return Err(Failure::usage(
                    "an https endpoint needs --ca FILE (or REGATE_CA): the certificates to check it against",
                ));
            }
        }
        match (&self.cert, &self.key) {
            (Some(cert), Some(key)) => {
                config = config.identity(Identity::from_pem(read(cert, "--cert")?, read(key, "--key")?));
            }
            (None, None) => {}
            (Some(_), None) => return Err(Failure::usage("--cert needs --key FILE (or REGATE_KEY)")),
            (None, Some(_)) => return Err(Failure::usage("--key needs --cert FILE (or REGATE_CERT)")),
        }
        Ok(config)
    }

    /// A TLS option that was given, for the complaint that it has no use. The environment may hold them for other
    /// endpoints, so only options whose value is a file count when all are there.
    fn first_tls_option(&self) -> Option<&'static str> {
        let given = |name: &str| std::env::var_os(name).is_some();
        [
            (self.ca.is_some() && !given("REGATE_CA"), "--ca"),
            (self.cert.is_some() && !given("REGATE_CERT"), "--cert"),
            (self.key.is_some() && !given("REGATE_KEY"), "--key"),
        ]
        .into_iter()
        .find_map(|(used, name)| used.then_some(name))
    }
}

impl Endpoint {
    /// Reads `unix:///PATH`, `https://HOST:PORT`, or, when `insecure`, `http://LOOPBACK:PORT`. The error is a
    /// sentence.
    pub fn parse(text: &str, insecure: bool) -> Result<Endpoint, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            return match path.starts_with('/') {
                true => Ok(Endpoint::Unix(PathBuf::from(path))),
                false => Err(format!(
                    "endpoint {text}: an absolute path is expected after unix://, as in unix:///run/regate/controller.sock"
                )),
            };
        }
        if let Some(authority) = text.strip_prefix("https://") {
            let (host, port) = host_and_port(text, authority)?;
            return Ok(Endpoint::Https { host, port });
        }
        if let Some(authority) = text.strip_prefix("http://") {
            let (host, port) = host_and_port(text, authority)?;
            let loopback = match host.as_str() {
                "localhost" => Some(IpAddr::from([127, 0, 0, 1])),
                host => host.parse::<IpAddr>().ok().filter(IpAddr::is_loopback),
            };
            return match loopback {
                None => Err(format!(
                    "endpoint {text}: http is for loopback addresses such as 127.0.0.1; use https"
                )),
                Some(_) if !insecure => Err(format!(
                    "endpoint {text}: http needs --insecure, since it is neither encrypted nor authenticated"
                )),
                Some(host) => Ok(Endpoint::Http { host, port }),
            };
        }
        if text.starts_with('/') {
            return Err(format!("endpoint {text}: write unix://{text} for a unix socket"));
        }
        Err(format!("endpoint {text}: unix:///PATH, https://HOST:PORT or http://LOOPBACK:PORT is expected"))
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Unix(path) => write!(f, "unix://{}", path.display()),
            Endpoint::Https { host, port } if host.contains(':') => write!(f, "https://[{host}]:{port}"),
            Endpoint::Https { host, port } => write!(f, "https://{host}:{port}"),
            Endpoint::Http { host: IpAddr::V4(host), port } => write!(f, "http://{host}:{port}"),
            Endpoint::Http { host: IpAddr::V6(host), port } => write!(f, "http://[{host}]:{port}"),
        }
    }
}

impl Client {
    /// Asks one question and gathers the whole answer.
    pub async fn ask(&mut self, question: v1::query::Question) -> Result<Vec<v1::Answer>, Failure> {
        self.ask_at(None, question).await
    }

    /// Asks one question and gathers the whole answer; of a controller's nodes, only the one that is named answers.
    pub async fn ask_at(
        &mut self,
        node: Option<&str>,
        question: v1::query::Question,
    ) -> Result<Vec<v1::Answer>, Failure> {
        let query = v1::Query { question: Some(question) };
        let request =
            v1::ConverseRequest { tag: 1, request: Some(v1::converse_request::Request::Ask(query)) };
        let mut request = tonic::Request::new(tokio_stream::once(request));
        if let Some(node) = node {
            let name = node.parse().map_err(|_| Failure::usage(format!("node {node:?} is no name")))?;
            request.metadata_mut().insert(NODE, name);
        }
        let mut replies = self.admin.converse(request).await?.into_inner();
        let mut answers = Vec::new();
        while let Some(reply) = replies.message().await? {
            match reply.reply {
                Some(v1::converse_reply::Reply::Answer(answer)) => answers.push(answer),
                Some(v1::converse_reply::Reply::Refused(refused)) => return Err(Failure::told(refused)),
                _ => {}
            }
            if reply.last {
                return Ok(answers);
            }
        }
        Err(Failure::unreachable("the answer broke off before its end"))
    }

    /// The nodes of a controller, by name. `None`: a data plane answers, which has none.
    pub async fn nodes(&mut self) -> Result<Option<Vec<v1::Node>>, Failure> {
        let mut stream = match self.controller.nodes(v1::NodesRequest {}).await {
            Ok(reply) => reply.into_inner(),
            Err(status) if status.code() == tonic::Code::Unimplemented => return Ok(None),
            Err(status) => return Err(status.into()),
        };
        let mut nodes = Vec::new();
        while let Some(node) = stream.message().await? {
            nodes.push(node);
        }
        Ok(Some(nodes))
    }

    /// Applies one set of changes, all or nothing.
    pub async fn apply(&mut self, changes: Vec<v1::Change>) -> Result<v1::Applied, Failure> {
        let set = v1::ChangeSet { base: None, origin: Some(origin("command")), changes };
        let request = v1::ApplyRequest { change_set: Some(set) };
        let mut replies = self.admin.apply(tokio_stream::once(request)).await?.into_inner();
        match replies.message().await?.and_then(|reply| reply.result) {
            Some(v1::apply_reply::Result::Applied(applied)) => Ok(applied),
            Some(v1::apply_reply::Result::Refused(refused)) => Err(Failure::told(refused)),
            None => Err(Failure::unreachable("the connection ended without a reply to the change")),
        }
    }

    /// Lays a set of changes ready and commits it; `replace` makes it the whole of what files declare.
    pub async fn commit(
        &mut self,
        changes: &[Change],
        replace: bool,
        dry_run: bool,
    ) -> Result<v1::CommitReply, Failure> {
        let header = v1::StageHeader { origin: Some(origin("file")), base: None, replace };
        let mut parts = vec![stage_part(v1::stage_request::Part::Header(header))];
        parts.extend(
            chunks(changes).into_iter().map(|chunk| stage_part(v1::stage_request::Part::Chunk(chunk))),
        );
        let staged = self.admin.stage(tokio_stream::iter(parts)).await?.into_inner();
        let request = v1::CommitRequest { ticket: staged.ticket, dry_run };
        Ok(self.admin.commit(request).await?.into_inner())
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Failure {
        Failure::problems(&wire::problems(&status))
    }
}

/// Who makes a change from this command line; the receiver adds who the peer is and when.
pub fn origin(door: &str) -> v1::Origin {
    v1::Origin { actor: String::new(), door: door.to_owned(), at_ms: 0 }
}

/// The first usual place that exists.
fn usual(exists: impl Fn(&Path) -> bool) -> Option<Endpoint> {
    let found = USUAL.iter().map(Path::new).find(|path| exists(path))?;
    let absolute = std::path::absolute(found).unwrap_or_else(|_| found.to_path_buf());
    Some(Endpoint::Unix(absolute))
}

fn host_and_port(text: &str, authority: &str) -> Result<(String, u16), String> {
    let expected = |what: &str| format!("endpoint {text}: {what}, as in https://controller.example:9901");
    let authority = authority.strip_suffix('/').unwrap_or(authority);
    let (host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        Some((host, rest)) => {
            (host, rest.strip_prefix(':').ok_or_else(|| expected("a port is expected after the address"))?)
        }
        None => authority.rsplit_once(':').ok_or_else(|| expected("a host and a port are expected"))?,
    };
    let unsuitable = |c: char| !(c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '%'));
    if host.is_empty() || host.contains(unsuitable) {
        return Err(expected("a host name or an address is expected"));
    }
    match port.parse::<u16>() {
        Ok(port) if port != 0 => Ok((host.to_owned(), port)),
        _ => Err(expected("a port from 1 to 65535 is expected")),
    }
}

fn read(path: &Path, option: &str) -> Result<Vec<u8>, Failure> {
    std::fs::read(path)
        .map_err(|error| Failure::usage(format!("{option}: cannot read {}: {error}", path.display())))
}

fn stage_part(part: v1::stage_request::Part) -> v1::StageRequest {
    v1::StageRequest { part: Some(part) }
}

/// Changes in messages well below the receiver's limit.
fn chunks(changes: &[Change]) -> Vec<v1::StageChunk> {
    let mut chunks = Vec::new();
    let (mut current, mut size) = (Vec::new(), 0usize);
    for change in changes {
        let length = match change {
            Change::Put(_, row) | Change::Add(_, row) => wire::encode_row(row).len(),
            Change::Restore(overlay) => wire::encode_overlay(overlay).len(),
            _ => SMALL,
        };
        if size.saturating_add(length) > CHUNK && !current.is_empty() {
            chunks.push(v1::StageChunk { changes: std::mem::take(&mut current) });
            size = 0;
        }
        size = size.saturating_add(length);
        current.push(v1::Change::from(change));
    }
    if !current.is_empty() {
        chunks.push(v1::StageChunk { changes: current });
    }
    chunks
}

/// The cause at the bottom of an error: the sentences above it ("transport error") say nothing.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut deepest = error;
    while let Some(source) = deepest.source() {
        deepest = source;
    }
    deepest.to_string()
}

/// Where an endpoint is looked for when none was named, in this order.
const USUAL: [&str; 3] =
    ["./regate-data/controller.sock", "/run/regate/controller.sock", "/run/regate/admin.sock"];

/// Metadata that names the node which a question is for.
const NODE: &str = "regate-node";

/// How long a connection may take.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of changes in one message.
const CHUNK: usize = 1 << 20;

/// Bytes that a change without a row has at most.
const SMALL: usize = 1024;

/// Largest message accepted: a chunk of an answer may hold whole error pages.
const LARGEST_MESSAGE: usize = 16 << 20;

#[cfg(test)]
mod tests {
    use regate_proto::change::Layer;
    use regate_proto::model::{Global, Row};

    use super::*;

    #[test]
    fn endpoints_are_read_and_written_back() {
        for text in [
            "unix:///run/regate/controller.sock",
            "https://controller.example:9901",
            "https://192.0.2.7:443",
            "https://[2001:db8::1]:9901",
        ] {
            assert_eq!(
                Endpoint::parse(text, false).map(|endpoint| endpoint.to_string()),
                Ok(text.to_owned())
            );
        }
        for text in ["http://127.0.0.1:9901", "http://[::1]:9901"] {
            assert_eq!(Endpoint::parse(text, true).map(|endpoint| endpoint.to_string()), Ok(text.to_owned()));
        }
        assert_eq!(
            Endpoint::parse("http://localhost:1/", true),
            Ok(Endpoint::Http { host: IpAddr::from([127, 0, 0, 1]), port: 1 })
        );
    }

    #[test]
    fn wrong_endpoints_are_refused_with_what_was_expected() {
        for (text, insecure, said) in [
            ("unix://relative", false, "an absolute path is expected after unix://"),
            ("/run/x.sock", false, "write unix:///run/x.sock for a unix socket"),
            ("controller:9901", false, "unix:///PATH, https://HOST:PORT or http://LOOPBACK:PORT is expected"),
            ("https://controller", false, "a host and a port are expected"),
            ("https://[::1]", false, "a port is expected after the address"),
            ("https://:9901", false, "a host name or an address is expected"),
            ("https://a/b:9901", false, "a host name or an address is expected"),
            ("https://a:0", false, "a port from 1 to 65535 is expected"),
            ("https://a:99999", false, "a port from 1 to 65535 is expected"),
            ("http://127.0.0.1:1", false, "http needs --insecure"),
            ("http://192.0.2.1:1", true, "http is for loopback addresses"),
        ] {
            let refusal = Endpoint::parse(text, insecure).err().unwrap_or_default();
            assert!(refusal.contains(said), "{text}: {refusal}");
        }
    }

    #[test]
    fn the_first_usual_place_that_exists_is_taken() {
        assert_eq!(usual(|_| false), None);
        let found = usual(|path| path.starts_with("/run"));
        assert_eq!(found, Some(Endpoint::Unix(PathBuf::from("/run/regate/controller.sock"))));
        let local = usual(|_| true).map(|endpoint| endpoint.to_string()).unwrap_or_default();
        assert!(local.starts_with("unix:///") && local.ends_with("/regate-data/controller.sock"), "{local}");
    }

    #[test]
    fn chunks_stay_below_the_limit_and_lose_nothing() {
        let change = |size: usize| {
            let global = Global { description: Some("d".repeat(size)), ..Global::default() };
            Change::Put(Layer::Spec, Row::Global(global))
        };
        let sizes = [10, CHUNK / 2, CHUNK / 2, CHUNK * 2, 1, 1];
        let cut = chunks(&sizes.map(change));
        assert_eq!(cut.iter().map(|chunk| chunk.changes.len()).collect::<Vec<_>>(), [2, 1, 1, 2]);
        assert!(chunks(&[]).is_empty());
    }
}
