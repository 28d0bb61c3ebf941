//! Opening the places where the admin services listen, and accepting there.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use regate_proto::model::{Level, SocketFile};
use regate_proto::wire::endpoint::{AdminEndpoint, EndpointAddress};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::peer::Connection;
use super::tls::Certificates;

/// An open listener.
#[derive(Debug)]
pub(crate) struct Door {
    socket: Socket,
    level: Level,
    /// Where it listens in fact: with the port that the kernel chose.
    pub(crate) endpoint: AdminEndpoint,
}

#[derive(Debug)]
enum Socket {
    Unix { listener: UnixListener, _file: UnixFile },
    Plain(TcpListener),
    Tls(TcpListener, Arc<Certificates>),
}

/// The file of a unix socket, removed with its listener.
#[derive(Debug)]
struct UnixFile(PathBuf);

impl Door {
    /// Opens it. Must be called within a runtime.
    pub(crate) fn open(endpoint: &AdminEndpoint) -> Result<Door, String> {
        let tell = |error: io::Error| format!("{endpoint}: {error}");
        let mut endpoint_in_fact = endpoint.clone();
        let socket = match &endpoint.address {
            EndpointAddress::Unix { path, file } => {
                let listener = bind_unix(path, file).map_err(|reason| format!("{endpoint}: {reason}"))?;
                Socket::Unix { listener, _file: UnixFile(path.clone()) }
            }
            EndpointAddress::Plain { address } => {
                let listener = bind_tcp(*address).map_err(tell)?;
                let address = listener.local_addr().map_err(tell)?;
                endpoint_in_fact.address = EndpointAddress::Plain { address };
                Socket::Plain(listener)
            }
            EndpointAddress::Tls { address, files } => {
                let certificates =
                    Certificates::read(files).map_err(|reason| format!("{endpoint}: {reason}"))?;
                let listener = bind_tcp(*address).map_err(tell)?;
                let address = listener.local_addr().map_err(tell)?;
                endpoint_in_fact.address = EndpointAddress::Tls { address, files: files.clone() };
                Socket::Tls(listener, Arc::new(certificates))
            }
        };
        Ok(Door { socket, level: endpoint.level, endpoint: endpoint_in_fact })
    }

    /// Accepts until `closing`, and hands connections on.
    pub(super) async fn accept(
        self,
        connections: mpsc::Sender<io::Result<Connection>>,
        closing: CancellationToken,
    ) {
        let permits = Arc::new(Semaphore::new(MOST_HANDSHAKES));
        let mut handshakes = JoinSet::new();
        let mut refresh = tokio::time::interval(REFRESH);
        loop {
            while handshakes.try_join_next().is_some() {}
            let accepted = tokio::select! {
                () = closing.cancelled() => return,
                accepted = self.next() => accepted,
                _ = refresh.tick(), if matches!(self.socket, Socket::Tls(..)) => {
                    self.refresh();
                    continue;
                }
            };
            match accepted {
                Ok(Accepted::Ready(connection)) => {
                    if connections.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                Ok(Accepted::Tls(stream, certificates)) => {
                    let Ok(permit) = permits.clone().try_acquire_owned() else { continue };
                    let (connections, level) = (connections.clone(), self.level);
                    handshakes.spawn(async move {
                        let shaken =
                            tokio::time::timeout(HANDSHAKE, certificates.acceptor().accept(stream)).await;
                        match shaken {
                            Ok(Ok(stream)) => {
                                let _ = connections.send(Ok(Connection::tls(stream, level))).await;
                            }
                            Ok(Err(error)) => tracing::info!("admin: a TLS handshake failed: {error}"),
                            Err(_) => tracing::info!("admin: a TLS handshake took too long"),
                        }
                        drop(permit);
                    });
                }
                Err(error) => {
                    tracing::warn!("{}: cannot accept: {error}", self.endpoint);
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn next(&self) -> io::Result<Accepted> {
        match &self.socket {
            Socket::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                Ok(Accepted::Ready(Connection::unix(stream, self.level)))
            }
            Socket::Plain(listener) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Ready(Connection::plain(stream, self.level)))
            }
            Socket::Tls(listener, certificates) => {
                let (stream, _) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok(Accepted::Tls(stream, certificates.clone()))
            }
        }
    }

    fn refresh(&self) {
        let Socket::Tls(_, certificates) = &self.socket else { return };
        match certificates.refresh() {
            Ok(true) => tracing::info!("{}: the certificates were read again", self.endpoint),
            Ok(false) => {}
            Err(reason) => tracing::warn!("{}: the certificates in use stay: {reason}", self.endpoint),
        }
    }
}

impl Drop for UnixFile {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.0);
    }
}

/// A connection, perhaps before its handshake.
enum Accepted {
    Ready(Connection),
    Tls(tokio::net::TcpStream, Arc<Certificates>),
}

fn bind_tcp(address: SocketAddr) -> io::Result<TcpListener> {
    let listener = std::net::TcpListener::bind(address)?;
    listener.set_nonblocking(true)?;
    TcpListener::from_std(listener)
}

/// Listens under a draft name, sets mode and owner, then takes the name: nobody connects before it is right.
fn bind_unix(path: &Path, file: &SocketFile) -> Result<UnixListener, String> {
    if std::os::unix::net::UnixStream::connect(path).is_ok() {
        return Err("another process serves it".to_owned());
    }
    let mut draft = path.as_os_str().to_owned();
    draft.push(format!(".{}", std::process::id()));
    let draft = PathBuf::from(draft);
    let _ = fs::remove_file(&draft);
    let listener = UnixListener::bind(&draft).map_err(|error| error.to_string())?;
    let finish = || -> Result<(), String> {
        let owner = file.user.as_deref().map(|user| number("user", "/etc/passwd", user)).transpose()?;
        let group = file.group.as_deref().map(|group| number("group", "/etc/group", group)).transpose()?;
        if owner.is_some() || group.is_some() {
            std::os::unix::fs::chown(&draft, owner, group).map_err(|error| error.to_string())?;
        }
        let mode = fs::Permissions::from_mode(file.mode.unwrap_or(OWNER_ONLY));
        fs::set_permissions(&draft, mode).map_err(|error| error.to_string())?;
        fs::rename(&draft, path).map_err(|error| error.to_string())
    };
    finish().inspect_err(|_| drop(fs::remove_file(&draft)))?;
    Ok(listener)
}

/// The number of a user or group, which is given by name or number.
fn number(noun: &str, list: &str, name: &str) -> Result<u32, String> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = fs::read_to_string(list).map_err(|error| format!("{list}: {error}"))?;
    let mut entries = text.lines().map(|line| line.split(':'));
    entries
        .find_map(|mut fields| {
            (fields.next() == Some(name)).then(|| fields.nth(1).and_then(|id| id.parse().ok()))
        })
        .flatten()
        .ok_or_else(|| format!("there is no {noun} {name:?}"))
}

/// The mode of a unix socket's file when none is given.
const OWNER_ONLY: u32 = 0o600;

/// TLS handshakes that go on at a time.
const MOST_HANDSHAKES: usize = 64;

/// The longest time for a TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How often certificates are looked at.
const REFRESH: Duration = Duration::from_secs(2);

/// How long a listener rests when the system cannot give it a connection.
const PAUSE: Duration = Duration::from_millis(100);
