//! Sockets of connections to servers: where they start from, and what the kernel is asked for. Also what listening
//! sockets have in common with them. Who waits for connections is `stream.rs`.

use std::fs::File;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::AsFd;
use std::path::Path;
use std::time::Duration;

use regate_proto::model::{Dialling, Millis, Probes, ProxyOption, Source};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};
use socket2::{Domain, Socket, TcpKeepalive, Type};

use super::descriptor;
use super::proxy_protocol::Extensions;
use crate::snapshot::ServerPlan;

/// How a connection to a server begins.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Departure<'a> {
    /// Where it starts from.
    pub(crate) source: Option<&'a Source>,
    /// The address that the server is to see in the place of that.
    pub(crate) foreign: Option<SocketAddr>,
    /// What it is like.
    pub(crate) dialling: Option<&'a Dialling>,
    /// What keep-alive probes are like, where they are sent.
    pub(crate) probes: Option<&'a Probes>,
    /// Whether something is sent before anything is received, so that it may go with the first packet.
    pub(crate) speaks_first: bool,
}

/// A socket that is ready to connect to an address.
pub(crate) fn open(to: SocketAddr, departure: &Departure<'_>) -> io::Result<Socket> {
    let namespace = departure.dialling.and_then(|dialling| dialling.namespace.as_deref());
    let socket =
        within(namespace, || Socket::new(Domain::for_address(to), Type::STREAM.nonblocking(), None))?;
    socket.set_tcp_nodelay(true)?;
    if let Some(probes) = departure.probes {
        keep_alive(&socket, probes)?;
    }
    if let Some(dialling) = departure.dialling {
        look_after(&socket, dialling.user_timeout, dialling.congestion.as_deref())?;
        if dialling.fast_open == Some(true) && departure.speaks_first {
            descriptor::set_tcp_option(&socket, libc::TCP_FASTOPEN_CONNECT, 1)?;
        }
    }
    if let Some(interface) = departure.source.and_then(|source| source.interface.as_ref()) {
        socket.bind_device(Some(interface.as_bytes()))?;
    }
    let local = departure.source.map(|source| source.address).filter(|local| !is_any(local));
    let foreign = departure.foreign.filter(|foreign| foreign.is_ipv4() == to.is_ipv4());
    if foreign.is_some() {
        become_transparent(&socket, to.ip())?;
    }
    if let Some(start) = foreign.or(local) {
        socket.set_reuse_address(true)?;
        socket.bind(&start.into())?;
    }
    Ok(socket)
}

/// How connections of checks begin. Nobody but a client starts from a client's address.
pub(crate) fn departure_of_check(server: &ServerPlan, is_check: bool) -> Departure<'_> {
    let manner = server.manner.as_deref();
    let dialling =
        manner.map(|manner| if is_check { &manner.check_dialling } else { &manner.agent_dialling });
    Departure { source: manner.and_then(|manner| manner.source.as_ref()), dialling, ..Departure::default() }
}

/// What PROXY protocol headers of version 2 tell a server besides addresses, of a connection that nobody asked for.
pub(crate) fn extensions<'a>(server: &ServerPlan) -> Extensions<'a> {
    let tells = |option| server.manner.as_ref().is_some_and(|manner| manner.proxy_options.contains(&option));
    Extensions { checksum: tells(ProxyOption::Crc32c), unique_id: None, tls: tells(ProxyOption::Ssl) }
}

/// The same of a connection for a client's, which may have an identifier.
pub(crate) fn extensions_for<'a>(server: &ServerPlan, identifier: Option<&'a [u8]>) -> Extensions<'a> {
    let options = server.manner.as_ref().map(|manner| &manner.proxy_options);
    let tells = options.is_some_and(|options| options.contains(&ProxyOption::UniqueId));
    Extensions { unique_id: tells.then_some(identifier.unwrap_or_default()), ..extensions(server) }
}

/// Sends keep-alive probes. What accepted sockets inherit may be set once where they are listened for.
pub(crate) fn keep_alive(socket: &Socket, probes: &Probes) -> io::Result<()> {
    let seconds =
        |time: Option<Millis>| time.map(|time| u64::from(time.get() / 1000)).filter(|seconds| *seconds > 0);
    let mut wanted = TcpKeepalive::new();
    if let Some(idle) = seconds(probes.idle) {
        wanted = wanted.with_time(Duration::from_secs(idle));
    }
    if let Some(interval) = seconds(probes.interval) {
        wanted = wanted.with_interval(Duration::from_secs(interval));
    }
    if let Some(count) = probes.count.filter(|count| *count > 0) {
        wanted = wanted.with_retries(count);
    }
    socket.set_tcp_keepalive(&wanted)
}

/// Asks the kernel for what both kinds of sockets may ask it for.
pub(crate) fn look_after(
    socket: &Socket,
    user_timeout: Option<Millis>,
    congestion: Option<&str>,
) -> io::Result<()> {
    if let Some(timeout) = user_timeout.filter(|timeout| timeout.get() > 0) {
        socket.set_tcp_user_timeout(Some(Duration::from_millis(timeout.get().into())))?;
    }
    match congestion {
        Some(name) => socket.set_tcp_congestion(name.as_bytes()),
        None => Ok(()),
    }
}

/// Cuts down the segments of a connection by so many bytes.
pub(crate) fn shrink_segments(socket: &impl AsFd, less: u32) -> io::Result<()> {
    let socket = socket2::SockRef::from(socket);
    socket.set_tcp_mss(socket.tcp_mss()?.saturating_sub(less))
}

/// Lets a socket have addresses that are not the machine's. Without the right to it, at least those that the machine
/// does not have yet.
pub(crate) fn become_transparent(socket: &Socket, ip: IpAddr) -> io::Result<()> {
    let outcome = match ip {
        IpAddr::V4(_) => socket.set_ip_transparent_v4(true),
        IpAddr::V6(_) => socket.set_ip_transparent_v6(true),
    };
    outcome.or_else(|error| {
        let free = match ip {
            IpAddr::V4(_) => socket.set_freebind_v4(true),
            IpAddr::V6(_) => socket.set_freebind_v6(true),
        };
        free.map_err(|_| error)
    })
}

/// Makes something in a network namespace, and comes back.
pub(crate) fn within<T>(namespace: Option<&str>, make: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
    let Some(name) = namespace else { return make() };
    let home = File::open("/proc/thread-self/ns/net")?;
    let there = File::open(Path::new(NAMESPACES).join(name))
        .map_err(|error| io::Error::other(format!("cannot open namespace '{name}': {error}")))?;
    move_into_link_name_space(there.as_fd(), Some(LinkNameSpaceType::Network))?;
    let made = make();
    move_into_link_name_space(home.as_fd(), Some(LinkNameSpaceType::Network))?;
    made
}

/// Whether an address leaves all of it to the kernel.
fn is_any(address: &SocketAddr) -> bool {
    address.ip().is_unspecified() && address.port() == 0
}

/// Where network namespaces have names, as ip-netns(8) has it.
const NAMESPACES: &str = "/var/run/netns";
