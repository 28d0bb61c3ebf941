//! Where a bind listens and where a server is reached.

use std::fmt;
use std::net::IpAddr;

/// Where a bind listens (configuration manual 4.2 "bind").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BindAddress {
    /// TCP, one listener per port of the range.
    Inet {
        /// The local address.
        host: BindHost,
        /// The ports.
        ports: PortRange,
    },
    /// A unix stream socket at this path.
    Unix(String),
    /// A unix stream socket in Linux's abstract namespace.
    Abstract(String),
    /// A listening socket inherited from the parent process.
    Descriptor(DescriptorSource),
}

/// The local address of a TCP bind.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum BindHost {
    /// All IPv4 addresses (`*:80`, `:80`, `0.0.0.0:80`).
    AnyV4,
    /// All IPv6 addresses (`:::80`, `ipv6@:80`); IPv4 too with `v4v6`.
    AnyV6,
    /// One address.
    Ip(IpAddr),
    /// The first address of a host name, which the system resolves once, when the bind is put in force.
    Named(String),
}

/// Consecutive ports, first to last inclusive; a single port has both equal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

impl PortRange {
    /// A range; `None` when it is reversed or starts at 0.
    pub fn new(first: u16, last: u16) -> Option<PortRange> {
        (first != 0 && first <= last).then_some(PortRange { first, last })
    }

    /// The lowest port.
    pub fn first(self) -> u16 {
        self.first
    }

    /// The highest port.
    pub fn last(self) -> u16 {
        self.last
    }
}

/// Which inherited descriptor a bind uses.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum DescriptorSource {
    /// `fd@N`: this number.
    Number(u32),
    /// `fd@${NAME}`: the number that this environment variable of the data plane holds.
    Variable(String),
}

/// Where a server is reached (configuration manual 5 "server").
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerAddress {
    /// TCP.
    Inet {
        /// The host.
        host: ServerHost,
        /// The port.
        port: ServerPort,
    },
    /// A unix stream socket at this path.
    Unix(String),
    /// A unix stream socket in Linux's abstract namespace.
    Abstract(String),
}

/// The host of a server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ServerHost {
    /// A literal address; `0.0.0.0` and `::` mean the address that the client connected to.
    Ip(IpAddr),
    /// A host name: resolved when the configuration is put in force, and from then on where its settings name
    /// resolvers; or the name of service records, which give port and weight too.
    Named(String),
}

/// The port of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerPort {
    /// This port.
    Fixed(u16),
    /// The port that the client connected to, plus this offset (`+n`, `-n`, or none written: 0).
    Mapped(i32),
}

impl fmt::Display for BindAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindAddress::Inet { host, ports } => write!(f, "{host}:{ports}"),
            BindAddress::Unix(path) => write!(f, "unix@{path}"),
            BindAddress::Abstract(name) => write!(f, "abns@{name}"),
            BindAddress::Descriptor(DescriptorSource::Number(number)) => write!(f, "fd@{number}"),
            BindAddress::Descriptor(DescriptorSource::Variable(name)) => write!(f, "fd@${{{name}}}"),
        }
    }
}

impl fmt::Display for BindHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BindHost::AnyV4 => write!(f, "*"),
            BindHost::AnyV6 => write!(f, "[::]"),
            BindHost::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            BindHost::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            BindHost::Named(name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}-{}", self.first, self.last)
        }
    }
}

impl fmt::Display for ServerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerAddress::Inet { host, port } => write!(f, "{host}{port}"),
            ServerAddress::Unix(path) => write!(f, "unix@{path}"),
            ServerAddress::Abstract(name) => write!(f, "abns@{name}"),
        }
    }
}

impl fmt::Display for ServerHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerHost::Ip(IpAddr::V4(ip)) => write!(f, "{ip}"),
            ServerHost::Ip(IpAddr::V6(ip)) => write!(f, "[{ip}]"),
            ServerHost::Named(name) => write!(f, "{name}"),
        }
    }
}

impl fmt::Display for ServerPort {
    /// With its leading colon; nothing when the client's port is used unchanged.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ServerPort::Fixed(port) => write!(f, ":{port}"),
            ServerPort::Mapped(0) => Ok(()),
            ServerPort::Mapped(offset) => write!(f, ":{offset:+}"),
        }
    }
}
