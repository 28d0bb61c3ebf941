//! Making a connection to a server for a client: where it leads and whence, and what it begins with.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;
use std::sync::atomic::Ordering;
use std::time::Instant;

use regate_proto::model::{Foreign, Mode, ProxyHeader};
use socket2::{Domain, SockAddr, Socket, Type};

use super::fault::Fault;
use super::pool::{Aim, Upstream};
use super::proxy_protocol::{self, Addresses, Extensions};
use super::session::Session;
use super::socket::{self, Departure};
use super::socks;
use super::stream::{Cut, Stream};
use super::upstream::count_internal_error;
use crate::snapshot::{BackendPlan, ServerPlan, Target};

/// Opens a connection to a server, and sends the PROXY protocol header where one is asked for.
pub(super) async fn connect(
    session: &Session,
    backend: &BackendPlan,
    server: &ServerPlan,
    identifier: Option<&[u8]>,
) -> Result<Upstream, Fault> {
    session.timer.set(Instant::now(), connect_timeout(session, backend));
    if let Some(Foreign::Header { .. }) = wanted_foreign(server)
        && foreign(session, server).is_none()
    {
        count_internal_error(session, backend, server);
        return Err(Fault::NoSource);
    }
    let generation = server.live.generation.load(Ordering::Relaxed);
    let (socket, address, behind) = begin(session, backend, server).map_err(|error| {
        if error.raw_os_error().is_some() {
            count_internal_error(session, backend, server);
        }
        tracing::debug!(%error, server = %server.name, "cannot begin to connect");
        Fault::ConnectFailed
    })?;
    let stream = Stream::adopt(&session.worker.reactor, socket);
    stamp(session, &stream);
    stream.connect(&address, &session.timer).await.map_err(|cut| match cut {
        Cut::Timeout => Fault::ConnectTimeout,
        _ => Fault::ConnectFailed,
    })?;
    if let Some(to) = behind {
        socks::ask(&stream, to, &session.timer).await.map_err(|cut| match cut {
            Cut::Timeout => Fault::ConnectTimeout,
            _ => Fault::ConnectFailed,
        })?;
    }
    if let Some(version) = server.send_proxy {
        let mut header = session.worker.scratch();
        push_proxy_header(&mut header, version, session, socket::extensions_for(server, identifier));
        let sent = stream.write_all(&header, &[], &session.timer, &mut 0).await;
        session.worker.keep_scratch(header);
        sent.map_err(|_| Fault::ConnectFailed)?;
    }
    Ok(Upstream::new(stream, generation, aim(session, server)))
}

/// Milliseconds that a connection is waited for, 0 for no limit.
pub(super) fn connect_timeout(session: &Session, backend: &BackendPlan) -> u32 {
    session.overrides.connect_timeout.unwrap_or(backend.connect_timeout)
}

/// Has what goes to the server carry what rules want it to carry.
pub(super) fn stamp(session: &Session, stream: &Stream) {
    let [mark, service] = session.overrides.stamps;
    [(false, mark), (true, service)]
        .into_iter()
        .filter_map(|(kind, number)| Some((kind, number?)))
        .for_each(|(kind, number)| stream.stamp(kind, number));
}

/// Where a connection has to lead, and whence, when that is up to the client and not to the server.
pub(super) fn aim(session: &Session, server: &ServerPlan) -> Aim {
    let to = match server.target {
        Target::Transparent(_) | Target::Mapped(..) => session.destination(),
        _ => None,
    };
    [to, foreign(session, server)]
}

fn wanted_foreign(server: &ServerPlan) -> Option<&Foreign> {
    server.manner.as_deref()?.source.as_ref()?.foreign.as_ref()
}

/// The address that the server is to see in the place of the machine's own.
fn foreign(session: &Session, server: &ServerPlan) -> Option<SocketAddr> {
    match wanted_foreign(server)? {
        Foreign::Client => session.peer,
        Foreign::ClientIp => session.peer.map(|peer| SocketAddr::new(peer.ip(), 0)),
        Foreign::Address(address) => Some(*address),
        Foreign::Header { name, occurrence } => {
            let of = |known: &&((String, i32), IpAddr)| known.0.0 == *name && known.0.1 == *occurrence;
            session.foreign.iter().find(of).map(|(_, ip)| SocketAddr::new(*ip, 0))
        }
    }
}

/// A socket, where it is to connect to, and where whoever is there is to be asked to go on to.
fn begin(
    session: &Session,
    backend: &BackendPlan,
    server: &ServerPlan,
) -> io::Result<(OwnedFd, SockAddr, Option<SocketAddr>)> {
    let unknown = || io::Error::other("the address that the client connected to is not known");
    let nowhere = || io::Error::other("the host name of the server leads nowhere");
    let place = server.place().ok_or_else(nowhere)?;
    let address = match place.as_ref() {
        Target::Named(_) => return Err(nowhere()),
        Target::Inet(address) => *address,
        Target::Transparent(port) => SocketAddr::new(session.destination().ok_or_else(unknown)?.ip(), *port),
        Target::Mapped(ip, offset) => {
            let destination = session.destination().ok_or_else(unknown)?;
            let port = i32::from(destination.port()).wrapping_add(*offset) as u16;
            SocketAddr::new(ip.unwrap_or(destination.ip()), port)
        }
        Target::Unix(_) | Target::Abstract(_) => {
            return Ok((unix_socket()?, unix_address(&server.target)?, None));
        }
    };
    let manner = server.manner.as_deref();
    let dialling = manner.map(|manner| &manner.dialling);
    let departure = Departure {
        source: manner.and_then(|manner| manner.source.as_ref()),
        foreign: foreign(session, server),
        dialling,
        probes: backend.tcp_keep_alive.then_some(&backend.probes),
        speaks_first: backend.mode == Mode::Http || server.send_proxy.is_some(),
    };
    let proxy = dialling.and_then(|dialling| dialling.socks);
    let socket = socket::open(proxy.unwrap_or(address), &departure)?;
    let behind = proxy.map(|_| address);
    Ok((socket.into(), proxy.unwrap_or(address).into(), behind))
}

/// The address of a unix stream socket; of no other target.
pub(super) fn unix_address(target: &Target) -> io::Result<SockAddr> {
    match target {
        Target::Unix(path) => SockAddr::unix(path),
        Target::Abstract(name) => {
            let mut padded = vec![0];
            padded.extend_from_slice(name.as_bytes());
            padded.resize(108, 0);
            let path: &std::ffi::OsStr = std::os::unix::ffi::OsStrExt::from_bytes(&padded);
            SockAddr::unix(path)
        }
        _ => Err(io::Error::other("it is no unix socket")),
    }
}

fn unix_socket() -> io::Result<OwnedFd> {
    Ok(Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?.into())
}

fn push_proxy_header(out: &mut Vec<u8>, version: ProxyHeader, session: &Session, extensions: Extensions<'_>) {
    let both = session.peer.zip(session.destination());
    let addresses = both.map(|(source, destination)| Addresses { source, destination });
    match version {
        ProxyHeader::V1 => proxy_protocol::push_v1(out, addresses.as_ref()),
        ProxyHeader::V2 => proxy_protocol::push_v2(out, addresses.as_ref(), &extensions),
    }
}
