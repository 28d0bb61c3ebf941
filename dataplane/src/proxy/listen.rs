//! Listening sockets: which ones a snapshot needs, opening them, and what identifies them.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use regate_proto::model::{
    Bind, BindAddress, BindHost, BindRef, DescriptorSource, Listening, Name, Probes, Subject,
};
use regate_proto::problem::{Code, Problem};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use super::{descriptor, socket};
use crate::snapshot::{BindPlan, FrontendPlan, Snapshot};

/// What makes two listening sockets the same one: everything that cannot be changed on an open socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct ListenKey {
    /// The bind that it belongs to.
    pub(crate) at: BindRef,
    place: Place,
    interface: Option<String>,
    family: (bool, bool),
    deferred: bool,
    /// What keep-alive probes are like, where they are sent.
    probes: Option<Probes>,
    socket: Listening,
    no_linger: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Place {
    Inet(BindHost, u16),
    Unix(String),
    Abstract(String),
    Descriptor(DescriptorSource),
}

/// A listening socket to be opened.
#[derive(Clone, Debug)]
pub(crate) struct Wanted {
    pub(crate) frontend: Arc<FrontendPlan>,
    pub(crate) bind: Arc<BindPlan>,
}

/// An open listening socket, one descriptor per worker.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) key: ListenKey,
    pub(crate) descriptors: Vec<OwnedFd>,
    /// What it was opened for.
    pub(crate) wanted: Wanted,
}

impl ListenKey {
    /// The frontend that it feeds.
    pub(crate) fn frontend(&self) -> &Name {
        &self.at.frontend
    }
}

/// The listening sockets that a snapshot needs.
pub(crate) fn wanted(snapshot: &Snapshot) -> HashMap<ListenKey, Wanted> {
    let mut found = HashMap::new();
    for frontend in snapshot.frontends.values().filter(|frontend| !frontend.disabled) {
        for bind in &frontend.binds {
            for place in places(&bind.address) {
                let key = ListenKey {
                    at: bind.row.at.clone(),
                    place,
                    interface: bind.row.interface.clone(),
                    family: (bind.row.v4v6, bind.row.v6only),
                    deferred: bind.row.defer_accept,
                    probes: frontend.tcp_keep_alive.then(|| frontend.probes.clone()),
                    socket: bind.row.socket.clone(),
                    no_linger: frontend.no_linger,
                };
                found.insert(key, Wanted { frontend: frontend.clone(), bind: bind.clone() });
            }
        }
    }
    found
}

/// Opens a listening socket for so many workers.
pub(crate) fn open(key: &ListenKey, wanted: &Wanted, workers: usize) -> Result<Opened, Problem> {
    let bind = &wanted.bind.row;
    let refused = |error: io::Error| {
        let reason = match error.raw_os_error() {
            Some(code) => rustix::io::Errno::from_raw_os_error(code).to_string(),
            None => error.to_string(),
        };
        let reason = reason.split(" (os error").next().unwrap_or_default().to_owned();
        let detail = format!("cannot bind socket ({reason}) for [{}]", shown(&key.place));
        Problem::about(Code::Impossible, &Subject::Bind(bind.at.clone()), detail)
    };
    let backlog = i32::try_from(wanted.bind.backlog).unwrap_or(i32::MAX);
    let descriptors = match &key.place {
        Place::Inet(host, port) => {
            let sockets = (0..workers).map(|_| open_inet(key, bind, host, *port, backlog));
            sockets.collect::<io::Result<Vec<_>>>().map_err(refused)?
        }
        Place::Unix(path) => {
            copies(open_unix(path, bind, backlog).map_err(refused)?, workers).map_err(refused)?
        }
        Place::Abstract(name) => {
            // HAProxy pads abstract names to the whole of sun_path.
            let mut padded = name.clone().into_bytes();
            padded.insert(0, 0);
            padded.resize(SUN_PATH, 0);
            let address = std::str::from_utf8(&padded).map_err(io::Error::other).and_then(SockAddr::unix);
            let socket = address.and_then(|address| listen_unix(&address, backlog)).map_err(refused)?;
            copies(socket, workers).map_err(refused)?
        }
        Place::Descriptor(source) => {
            let inherited = descriptor::inherited(source).map_err(refused)?;
            rustix::io::ioctl_fionbio(&inherited, true).map_err(|error| refused(error.into()))?;
            copies(inherited, workers).map_err(refused)?
        }
    };
    Ok(Opened { key: key.clone(), descriptors, wanted: wanted.clone() })
}

fn places(address: &BindAddress) -> Vec<Place> {
    match address {
        BindAddress::Inet { host, ports } => {
            (ports.first()..=ports.last()).map(|port| Place::Inet(host.clone(), port)).collect()
        }
        BindAddress::Unix(path) => vec![Place::Unix(path.clone())],
        BindAddress::Abstract(name) => vec![Place::Abstract(name.clone())],
        BindAddress::Descriptor(source) => vec![Place::Descriptor(source.clone())],
    }
}

fn shown(place: &Place) -> String {
    match place {
        Place::Inet(BindHost::AnyV4, port) => format!("0.0.0.0:{port}"),
        Place::Inet(BindHost::AnyV6, port) => format!(":::{port}"),
        Place::Inet(BindHost::Ip(ip), port) => format!("{ip}:{port}"),
        Place::Inet(BindHost::Named(name), port) => format!("{name}:{port}"),
        Place::Unix(path) => path.clone(),
        Place::Abstract(name) => format!("abns@{name}"),
        Place::Descriptor(DescriptorSource::Number(number)) => format!("fd@{number}"),
        Place::Descriptor(DescriptorSource::Variable(name)) => format!("fd@${{{name}}}"),
    }
}

/// One of a worker's own sockets: the kernel spreads connections over those that share a port.
fn open_inet(key: &ListenKey, bind: &Bind, host: &BindHost, port: u16, backlog: i32) -> io::Result<OwnedFd> {
    let ip = match host {
        BindHost::AnyV4 => IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        BindHost::AnyV6 => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        BindHost::Ip(ip) => *ip,
        // Without an address it would not have been compiled.
        BindHost::Named(name) => return Err(io::Error::other(format!("'{name}' is not resolved"))),
    };
    let domain = if ip.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
    let namespace = key.socket.namespace.as_deref();
    let make = || Socket::new(domain, Type::STREAM.nonblocking(), Some(Protocol::TCP));
    let socket = socket::within(namespace, make)?;
    socket.set_reuse_address(true)?;
    socket.set_reuse_port(true)?;
    // Accepted sockets inherit these, which saves a call for each of them.
    socket.set_tcp_nodelay(true)?;
    if let Some(probes) = &key.probes {
        socket::keep_alive(&socket, probes)?;
    }
    socket::look_after(&socket, key.socket.user_timeout, key.socket.congestion.as_deref())?;
    if let Some(mss) = key.socket.mss.and_then(|mss| u32::try_from(mss).ok()) {
        socket.set_tcp_mss(mss)?;
    }
    if key.socket.transparent {
        socket::become_transparent(&socket, ip)?;
    }
    if key.socket.fast_open {
        descriptor::set_tcp_option(&socket, libc::TCP_FASTOPEN, backlog)?;
    }
    if key.no_linger {
        socket.set_linger(Some(std::time::Duration::ZERO))?;
    }
    if ip.is_ipv6() {
        socket.set_only_v6(bind.v6only || !bind.v4v6)?;
    }
    if let Some(interface) = &bind.interface {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    if bind.defer_accept {
        descriptor::defer_accept(&socket)?;
    }
    socket.bind(&SocketAddr::new(ip, port).into())?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

fn open_unix(path: &str, bind: &Bind, backlog: i32) -> io::Result<OwnedFd> {
    // Bound under another name and then renamed: who connects meanwhile reaches the old socket or the new.
    let temporary = format!("{path}.{}.tmp", std::process::id());
    let _ = std::fs::remove_file(&temporary);
    let socket = listen_unix(&SockAddr::unix(&temporary)?, backlog)?;
    let placed = own(&temporary, bind).and_then(|()| std::fs::rename(&temporary, path));
    if placed.is_err() {
        let _ = std::fs::remove_file(&temporary);
    }
    placed.map(|()| socket)
}

fn own(path: &str, bind: &Bind) -> io::Result<()> {
    if let Some(mode) = bind.file.mode {
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
    }
    let user =
        bind.file.user.as_deref().map(|name| descriptor::account_number("/etc/passwd", name)).transpose()?;
    let group =
        bind.file.group.as_deref().map(|name| descriptor::account_number("/etc/group", name)).transpose()?;
    if user.is_some() || group.is_some() {
        std::os::unix::fs::chown(path, user, group)?;
    }
    Ok(())
}

fn listen_unix(address: &SockAddr, backlog: i32) -> io::Result<OwnedFd> {
    let socket = Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
    socket.bind(address)?;
    socket.listen(backlog)?;
    Ok(socket.into())
}

/// The same socket for each worker: unix sockets cannot share an address.
fn copies(socket: OwnedFd, workers: usize) -> io::Result<Vec<OwnedFd>> {
    let mut all = (1..workers).map(|_| socket.try_clone()).collect::<io::Result<Vec<_>>>()?;
    all.push(socket);
    Ok(all)
}

const SUN_PATH: usize = 108;
