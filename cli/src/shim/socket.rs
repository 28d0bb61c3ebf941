//! Where text sockets listen, and what is accepted there.
//!
//! Owns addresses, files of unix sockets and their owners, and the limit of connections. It knows nothing of
//! commands.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::os::fd::AsRawFd;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::os::unix::net as std_unix;
use std::path::{Path, PathBuf};
use std::time::Duration;

use regate_proto::change::Origin;
use regate_proto::model::{BindAddress, BindHost, Level, SeverityOutput, SocketFile, StatsSocket};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream, UnixListener, UnixStream};
use tokio::time::timeout;

use super::session::Dress;

/// A text socket that listens.
#[derive(Debug)]
pub struct Socket {
    /// Its address as `show cli sockets` spells it.
    pub name: String,
    /// What its clients may do.
    pub level: Level,
    /// How it dresses replies.
    pub dress: Dress,
    door: &'static str,
    listener: Listener,
}

/// Who made a connection, and by which door what it changes comes in.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The socket, and what is known of who is at its other end.
    pub actor: String,
    /// The door of changes: [`Origin::VOLATILE`] where they are gone after a restart.
    pub door: &'static str,
}

#[derive(Debug)]
enum Listener {
    Unix { listener: UnixListener, _file: Option<File> },
    Tcp(TcpListener),
}

/// The file of a unix socket; it is removed at the end unless another one took its place.
#[derive(Debug)]
struct File {
    path: PathBuf,
    inode: u64,
}

/// An accepted connection.
#[derive(Debug)]
pub enum Stream {
    /// To a unix socket.
    Unix(UnixStream),
    /// To a TCP socket.
    Tcp(TcpStream),
}

/// Why a text socket cannot listen.
#[derive(Debug)]
pub struct ListenError {
    /// The socket, as it is spelled in a configuration.
    pub socket: String,
    /// Why.
    pub reason: io::Error,
}

impl Socket {
    /// Opens a text socket: one listener for each port of its address.
    pub fn open(wanted: &StatsSocket) -> Result<Vec<Socket>, ListenError> {
        let level = wanted.level.unwrap_or(Level::Operator);
        let fail = |reason| ListenError { socket: wanted.address.to_string(), reason };
        let door = if wanted.volatile { Origin::VOLATILE } else { Origin::SOCKET };
        let dress = match wanted.severity {
            None => Dress::Plain,
            Some(SeverityOutput::Number) => Dress::Number,
            Some(SeverityOutput::Word) => Dress::Word,
        };
        let one = |name, listener| Ok(vec![Socket { name, level, dress, door, listener }]);
        match &wanted.address {
            BindAddress::Unix(path) => {
                let (listener, file) = unix(Path::new(path), &wanted.file).map_err(fail)?;
                one(format!("unix@{path}"), Listener::Unix { listener, _file: Some(file) })
            }
            BindAddress::Abstract(name) => {
                let listener = unix_abstract(name).map_err(fail)?;
                one(format!("abns@{name}"), Listener::Unix { listener, _file: None })
            }
            BindAddress::Inet { host, ports } => (ports.first()..=ports.last())
                .map(|port| {
                    let listener = tcp(host, port).map_err(fail)?;
                    let address = listener.local_addr().map_err(fail)?;
                    Ok(Socket {
                        name: spelled(address),
                        level,
                        dress,
                        door,
                        listener: Listener::Tcp(listener),
                    })
                })
                .collect(),
            BindAddress::Descriptor(_) => {
                let reason = "a text socket cannot be inherited: give it a path or an address";
                Err(fail(io::Error::new(io::ErrorKind::Unsupported, reason)))
            }
        }
    }

    /// The address, where it is a TCP one.
    pub fn address(&self) -> Option<SocketAddr> {
        match &self.listener {
            Listener::Tcp(listener) => listener.local_addr().ok(),
            Listener::Unix { .. } => None,
        }
    }

    /// The next connection, with who made it.
    pub async fn accept(&self) -> io::Result<(Stream, Peer)> {
        let (stream, actor) = self.accept_stream().await?;
        Ok((stream, Peer { actor, door: self.door }))
    }

    async fn accept_stream(&self) -> io::Result<(Stream, String)> {
        match &self.listener {
            Listener::Unix { listener, .. } => {
                let (stream, _) = listener.accept().await?;
                let who = match stream.peer_cred() {
                    Ok(peer) => {
                        let pid = peer.pid().map(|pid| format!(" pid={pid}")).unwrap_or_default();
                        format!("socket {} uid={}{pid}", self.name, peer.uid())
                    }
                    Err(_) => format!("socket {}", self.name),
                };
                Ok((Stream::Unix(stream), who))
            }
            Listener::Tcp(listener) => {
                let (stream, peer) = listener.accept().await?;
                stream.set_nodelay(true)?;
                Ok((Stream::Tcp(stream), format!("socket {} peer={peer}", self.name)))
            }
        }
    }
}

impl Stream {
    /// Where it comes from, where that is an address.
    pub fn source(&self) -> Option<SocketAddr> {
        match self {
            Stream::Unix(_) => None,
            Stream::Tcp(stream) => stream.peer_addr().ok(),
        }
    }

    /// Its descriptor.
    pub fn descriptor(&self) -> i32 {
        match self {
            Stream::Unix(stream) => stream.as_raw_fd(),
            Stream::Tcp(stream) => stream.as_raw_fd(),
        }
    }

    /// Waits until there is something to read.
    pub async fn readable(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.readable().await,
            Stream::Tcp(stream) => stream.readable().await,
        }
    }

    /// Waits until something can be written.
    pub async fn writable(&self) -> io::Result<()> {
        match self {
            Stream::Unix(stream) => stream.writable().await,
            Stream::Tcp(stream) => stream.writable().await,
        }
    }

    /// Reads what is there.
    pub fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.try_read(buffer),
            Stream::Tcp(stream) => stream.try_read(buffer),
        }
    }

    /// Writes what finds room.
    pub fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Unix(stream) => stream.try_write(bytes),
            Stream::Tcp(stream) => stream.try_write(bytes),
        }
    }

    /// Ends the connection. What the client sent too much is taken off first, for a moment, because unread bytes
    /// would make the kernel reset the connection, and the client lose replies that are still under way.
    pub async fn close(self) -> io::Result<()> {
        match self {
            Stream::Unix(mut stream) => {
                stream.shutdown().await?;
                drain(&mut stream).await;
            }
            Stream::Tcp(mut stream) => {
                stream.shutdown().await?;
                drain(&mut stream).await;
            }
        }
        Ok(())
    }
}

impl Drop for File {
    fn drop(&mut self) {
        if fs::symlink_metadata(&self.path).is_ok_and(|found| found.ino() == self.inode) {
            // A file that cannot be removed is replaced at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

impl std::fmt::Display for ListenError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "cannot listen on {}: {}", self.socket, self.reason)
    }
}

impl std::error::Error for ListenError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.reason)
    }
}

/// Takes off what a client sent too much, until it stops, within limits.
async fn drain(stream: &mut (impl AsyncRead + Unpin)) {
    let drain = async {
        let mut waste = vec![0; 16 * 1024];
        for _ in 0..DRAIN_READS {
            if !matches!(stream.read(&mut waste).await, Ok(count) if count > 0) {
                break;
            }
        }
    };
    // Running out of time is as good as having read everything.
    let _ = timeout(DRAIN_TIME, drain).await;
}

/// Listens under a name of its own and moves the file into place, so that a client finds the old socket or the
/// new one, never none, and never one with the wrong mode.
fn unix(path: &Path, wanted: &SocketFile) -> io::Result<(UnixListener, File)> {
    let mut new = path.as_os_str().to_owned();
    new.push(format!(".{}.tmp", std::process::id()));
    let new = PathBuf::from(new);
    match fs::remove_file(&new) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = UnixListener::bind(&new)?;
    let moved = adorn(&new, wanted).and_then(|()| {
        let inode = fs::symlink_metadata(&new)?.ino();
        fs::rename(&new, path)?;
        Ok(inode)
    });
    match moved {
        Ok(inode) => Ok((listener, File { path: path.to_owned(), inode })),
        Err(error) => {
            // The first error is the one to tell.
            let _ = fs::remove_file(&new);
            Err(error)
        }
    }
}

/// Gives a file its mode and owner.
fn adorn(path: &Path, wanted: &SocketFile) -> io::Result<()> {
    if let Some(mode) = wanted.mode {
        fs::set_permissions(path, fs::Permissions::from_mode(mode))?;
    }
    let user = wanted.user.as_deref().map(|name| number_of(name, "/etc/passwd", "user")).transpose()?;
    let group = wanted.group.as_deref().map(|name| number_of(name, "/etc/group", "group")).transpose()?;
    if user.is_some() || group.is_some() {
        std::os::unix::fs::chown(path, user, group)?;
    }
    Ok(())
}

/// The number of a user or group: as written, or from the system's file of them.
fn number_of(name: &str, file: &str, kind: &str) -> io::Result<u32> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let text = fs::read_to_string(file)?;
    let found = text.lines().find_map(|line| {
        let mut fields = line.split(':');
        (fields.next() == Some(name)).then(|| fields.nth(1)?.parse().ok()).flatten()
    });
    found.ok_or_else(|| io::Error::new(io::ErrorKind::NotFound, format!("there is no {kind} '{name}'")))
}

/// HAProxy fills the rest of an abstract name with zeros, so its clients do, too.
fn unix_abstract(name: &str) -> io::Result<UnixListener> {
    let mut padded = name.as_bytes().to_vec();
    padded.resize(padded.len().max(ABSTRACT_LENGTH), 0);
    let address = std_unix::SocketAddr::from_abstract_name(padded)?;
    let listener = std_unix::UnixListener::bind_addr(&address)?;
    listener.set_nonblocking(true)?;
    UnixListener::from_std(listener)
}

fn tcp(host: &BindHost, port: u16) -> io::Result<TcpListener> {
    let ip = match host {
        BindHost::AnyV4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        BindHost::AnyV6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        BindHost::Ip(ip) => *ip,
        BindHost::Named(name) => {
            let found = (name.as_str(), port).to_socket_addrs()?.next();
            found.ok_or_else(|| io::Error::other(format!("'{name}' has no address")))?.ip()
        }
    };
    let socket = if ip.is_ipv4() { TcpSocket::new_v4()? } else { TcpSocket::new_v6()? };
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::new(ip, port))?;
    socket.listen(BACKLOG)
}

fn spelled(address: SocketAddr) -> String {
    match address.ip() {
        IpAddr::V4(ip) => format!("ipv4@{ip}:{}", address.port()),
        IpAddr::V6(ip) => format!("ipv6@[{ip}]:{}", address.port()),
    }
}

/// Connections that wait in the kernel.
const BACKLOG: u32 = 1024;
/// Bytes of an abstract name.
const ABSTRACT_LENGTH: usize = 107;
/// How long and how often bytes of a client that sent too much are taken off.
const DRAIN_TIME: Duration = Duration::from_millis(200);
const DRAIN_READS: usize = 64;
