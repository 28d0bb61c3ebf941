//! Ports from the kernel, reserved as long as their value.
//!
//! A reservation is a bound socket that never listens. With `SO_REUSEADDR` on both sides a proxy may bind and
//! listen on the same port, while the kernel neither gives it out again for port 0 nor picks it as the source
//! port of an outgoing connection. Hence two reservations never meet, also across processes.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr, SocketAddrV4};

use socket2::{Domain, Socket, Type};

use super::trouble::{Result, Trouble};

/// A TCP port on 127.0.0.1 that nobody else is given until it is dropped.
pub struct Port {
    number: u16,
    _reservation: Socket,
}

impl Port {
    /// Reserves a port.
    pub fn reserve() -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&SocketAddr::from((Ipv4Addr::LOCALHOST, 0)).into())?;
        let number = socket
            .local_addr()?
            .as_socket_ipv4()
            .ok_or_else(|| Trouble::new("the kernel gave a port without an IPv4 address"))?
            .port();
        Ok(Self { number, _reservation: socket })
    }

    /// The port's number.
    pub fn number(&self) -> u16 {
        self.number
    }

    /// The port with its address, 127.0.0.1.
    pub fn address(&self) -> SocketAddr {
        SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.number).into()
    }
}

impl fmt::Display for Port {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.number)
    }
}

/// Whether some socket of this machine listens on the TCP port, asked without connecting to it.
pub fn is_listening(number: u16) -> bool {
    ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .any(|table| std::fs::read_to_string(table).is_ok_and(|text| lists_listener(&text, number)))
}

/// Whether some unix socket listens at this path, asked without connecting to it.
pub fn is_listening_at(path: &str) -> bool {
    std::fs::read_to_string("/proc/net/unix").is_ok_and(|text| {
        text.lines().any(|line| {
            let mut fields = line.split_whitespace();
            fields.nth(3) == Some(ACCEPTS_CONNECTIONS) && fields.nth(3) == Some(path)
        })
    })
}

fn lists_listener(table: &str, number: u16) -> bool {
    let suffix = format!(":{number:04X}");
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace();
        fields.nth(1).is_some_and(|local| local.ends_with(&suffix)) && fields.nth(1) == Some(LISTEN)
    })
}

/// The state column of a listening TCP socket (`TCP_LISTEN`).
const LISTEN: &str = "0A";

/// The flags column of a listening unix socket (`__SO_ACCEPTCON`).
const ACCEPTS_CONNECTIONS: &str = "00010000";

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail where it stands")]

    use super::*;
    use std::net::TcpListener;

    #[test]
    fn reservations_are_distinct_and_can_be_listened_on() {
        let ports: Vec<Port> = (0..50).map(|_| Port::reserve().expect("a port")).collect();
        let mut numbers: Vec<u16> = ports.iter().map(Port::number).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), ports.len());

        let port = &ports[0];
        assert!(!is_listening(port.number()));
        let listener = TcpListener::bind(port.address()).expect("a reserved port can be bound by its user");
        assert!(is_listening(port.number()));
        drop(listener);
        assert!(!is_listening(port.number()));
    }

    #[test]
    fn a_listening_unix_socket_is_seen() {
        let folder = super::super::Folder::create().expect("a folder");
        let path = folder.join("s.sock");
        let text = path.to_str().expect("a plain path");
        assert!(!is_listening_at(text));
        let _listener = std::os::unix::net::UnixListener::bind(&path).expect("bind");
        assert!(is_listening_at(text));
    }
}
