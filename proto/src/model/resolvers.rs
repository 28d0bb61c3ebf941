//! How host names of servers become addresses: sections of name servers, and what a server says about its name.

use std::net::{IpAddr, SocketAddr};

use super::{Millis, Name};

/// Name servers that are asked together (configuration manual 5.3.2 "The resolvers section").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolvers {
    /// Its name.
    pub name: Name,
    /// Its place in listings; 0 puts it at the end.
    pub order: u32,
    /// The name servers, each with a name of its own. All are asked at the same time.
    pub nameservers: Vec<Nameserver>,
    /// Whether the name servers of the data plane's /etc/resolv.conf come after these.
    pub parse_resolv_conf: bool,
    /// Queries that are sent before a resolution is given up. Default: 3.
    pub resolve_retries: Option<u32>,
    /// Time between two resolutions of a name. Default: 1 s.
    pub timeout_resolve: Option<Millis>,
    /// Time without a valid answer after which a query is sent again. Default: 1 s.
    pub timeout_retry: Option<Millis>,
    /// For how long earlier answers hold.
    pub hold: Holds,
    /// The largest answer over UDP that is accepted, in bytes, and announced (RFC 6891 section 6.2.3). Default: 512.
    pub accepted_payload_size: Option<u16>,
}

/// A name server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Nameserver {
    /// Its name in statistics, unique in its section.
    pub name: Name,
    /// How it is asked.
    pub transport: Transport,
    /// Where it is reached.
    pub address: SocketAddr,
}

/// How a name server is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// Over UDP, and over TCP for an answer that UDP cut short.
    Udp,
    /// Over TCP alone.
    Tcp,
}

/// For how long a server keeps its address when its name was last resolved that long ago, by what is answered now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Holds {
    /// For how long an answer is good for those who ask by rules; servers are not concerned. Default: 10 s.
    pub valid: Option<Millis>,
    /// The name does not exist. Default: 30 s.
    pub nx: Option<Millis>,
    /// The name servers refuse. Default: 30 s.
    pub refused: Option<Millis>,
    /// The name servers are silent. Default: 30 s.
    pub timeout: Option<Millis>,
    /// Any other failure. Default: 30 s.
    pub other: Option<Millis>,
    /// A record is missing in an answer that has others. Default: 0.
    pub obsolete: Option<Millis>,
}

/// What a server says about the resolution of its host name (configuration manual 5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamingSettings {
    /// The section that resolves the name while traffic runs. Default: none, the name is resolved once.
    pub resolvers: Option<Name>,
    /// Where the first address comes from, the first that gives one; not empty. Default: `last`, `libc`.
    pub init_addr: Option<Vec<InitAddr>>,
    /// The family of addresses that is preferred. Default: IPv6.
    pub resolve_prefer: Option<AddressFamily>,
    /// Networks whose addresses are preferred, as an address and how many bits of it count; not empty. Default: none.
    pub resolve_net: Option<Vec<(IpAddr, u8)>>,
    /// Whether servers of one name in a backend may have the same address. Default: no.
    pub allow_dup_ip: Option<bool>,
    /// Whether weights of service records are ignored.
    pub ignore_weight: bool,
}

/// Where a server's first address comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitAddr {
    /// The address that it had before a restart.
    Last,
    /// The system's resolver.
    Libc,
    /// Nowhere: it starts without an address, in maintenance.
    Unset,
    /// This address.
    Ip(IpAddr),
}

/// A family of IP addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddressFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl Resolvers {
    /// Resolvers of which nothing is said.
    pub fn named(name: Name) -> Resolvers {
        Resolvers {
            name,
            order: 0,
            nameservers: Vec::new(),
            parse_resolv_conf: false,
            resolve_retries: None,
            timeout_resolve: None,
            timeout_retry: None,
            hold: Holds::default(),
            accepted_payload_size: None,
        }
    }
}

impl NamingSettings {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &NamingSettings) -> NamingSettings {
        NamingSettings {
            resolvers: self.resolvers.clone().or_else(|| base.resolvers.clone()),
            init_addr: self.init_addr.clone().or_else(|| base.init_addr.clone()),
            resolve_prefer: self.resolve_prefer.or(base.resolve_prefer),
            resolve_net: self.resolve_net.clone().or_else(|| base.resolve_net.clone()),
            allow_dup_ip: self.allow_dup_ip.or(base.allow_dup_ip),
            ignore_weight: self.ignore_weight || base.ignore_weight,
        }
    }
}

impl AddressFamily {
    /// The family of an address.
    pub fn of(ip: IpAddr) -> AddressFamily {
        match ip {
            IpAddr::V4(_) => AddressFamily::V4,
            IpAddr::V6(_) => AddressFamily::V6,
        }
    }
}

/// The name of the resolvers that exist without being configured: the name servers of the system.
pub const SYSTEM_RESOLVERS: &str = "default";

/// Whether a host name is that of service records, which begin with an underscore (RFC 2782; manual 5.3.1).
pub fn is_service_name(name: &str) -> bool {
    name.starts_with('_')
}
