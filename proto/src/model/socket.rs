//! What sockets are like besides their addresses: how connections begin, and how the kernel looks after them.

use std::net::SocketAddr;

use super::Millis;

/// What TCP keep-alive probes are like, where they are sent (`tcp(7)`). Absent: what the kernel is set to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Probes {
    /// Probes without an answer after which a connection is given up.
    pub count: Option<u32>,
    /// Silence before the first probe, in whole seconds.
    pub idle: Option<Millis>,
    /// Time between two probes, in whole seconds.
    pub interval: Option<Millis>,
}

/// What a listening socket for TCP is like (configuration manual 5.1). Other sockets have none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Listening {
    /// The largest segment that is announced, 1 to 65535; a negative number cuts that down which clients announce.
    /// Default: the kernel's.
    pub mss: Option<i32>,
    /// How long data may go without an acknowledgement before its connection is given up. Default: the kernel's.
    pub user_timeout: Option<Millis>,
    /// Whether data may come with the first packet (RFC 7413).
    pub fast_open: bool,
    /// Whether it accepts for addresses that are not the machine's own.
    pub transparent: bool,
    /// The kernel's congestion control. Default: the kernel's.
    pub congestion: Option<String>,
    /// The network namespace in which it listens, by its name in `/var/run/netns`. Default: the process's.
    pub namespace: Option<String>,
}

/// What is particular about a server and connections to it (configuration manual 5.2).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dialling {
    /// How long data may go without an acknowledgement before its connection is given up. Default: the kernel's.
    pub user_timeout: Option<Millis>,
    /// Whether a request goes with the first packet (RFC 7413). Default: no.
    pub fast_open: Option<bool>,
    /// The kernel's congestion control. Default: the kernel's.
    pub congestion: Option<String>,
    /// The network namespace from which it is reached, by its name in `/var/run/netns`. Default: the process's.
    pub namespace: Option<String>,
    /// The proxy that is asked for connections by the SOCKS4 protocol. Default: none.
    pub socks: Option<SocketAddr>,
    /// Whether checks ask it too. Default: no.
    pub check_via_socks: Option<bool>,
    /// `redir`: what requests without a body are sent to instead, followed by what they ask for. Default: none.
    pub redirect: Option<String>,
    /// What is told in PROXY protocol headers of version 2, in ascending order; what the backend's default server says
    /// is told too.
    pub proxy_options: Vec<ProxyOption>,
    /// What the server's places on a ring are made from. Default: its number.
    pub hash_key: Option<HashKey>,
}

/// Where connections to servers start from (configuration manual 4.2 "source").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The local address; port 0 lets the kernel choose.
    pub address: SocketAddr,
    /// The network interface that they leave by. Default: what routes say.
    pub interface: Option<String>,
    /// The address that servers see in its place. Default: the local one.
    pub foreign: Option<Foreign>,
}

/// An address that is not the machine's own, from which a connection starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Foreign {
    /// The client's address and port.
    Client,
    /// The client's address, and a port that the kernel chooses.
    ClientIp,
    /// This one; port 0 lets the kernel choose.
    Address(SocketAddr),
    /// The address in a header of the request.
    Header {
        /// The header's name, a token.
        name: String,
        /// Which of its members: counted from the first with 1, from the last with -1.
        occurrence: i32,
    },
}

/// What is told about a connection in a PROXY protocol header of version 2, besides its ends (proxy-protocol.txt 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ProxyOption {
    /// What is known of TLS.
    Ssl,
    /// The common name of the client's certificate.
    CertCn,
    /// The cipher of TLS.
    SslCipher,
    /// How the certificate is signed.
    CertSig,
    /// The kind of the certificate's key.
    CertKey,
    /// The host name that the client asked TLS for.
    Authority,
    /// A checksum of the header.
    Crc32c,
    /// The identifier of the connection, as the frontend makes it.
    UniqueId,
}

/// What the places of a server on the ring of `hash-type consistent` are made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashKey {
    /// Its number.
    Id,
    /// Its IP address.
    Addr,
    /// Its IP address and port.
    AddrPort,
}
