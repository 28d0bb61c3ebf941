//! The open descriptors of the process: what each is, and for sockets who is at their ends.
//!
//! All of it comes from the kernel's files (proc(5)), so that nothing has to be kept for it: a descriptor leads to the
//! number of a socket, the lists of sockets lead from that to addresses and state.

use std::collections::HashMap;
use std::fs;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use regate_proto::model::{BindAddress, BindHost};
use regate_proto::wire::v1::ReportSection;

use super::super::Context;
use super::section;
use crate::snapshot::{Snapshot, Target};

/// A line for each descriptor, or for the one that is wanted.
pub(super) fn descriptors(context: &Context, only: Option<u32>) -> Vec<ReportSection> {
    let Ok(entries) = fs::read_dir("/proc/self/fd") else { return vec![section("", Vec::new())] };
    let mut found: Vec<(u32, String)> = entries
        .flatten()
        .filter_map(|entry| {
            let number: u32 = entry.file_name().to_str()?.parse().ok()?;
            if only.is_some_and(|only| only != number) {
                return None;
            }
            let target = fs::read_link(entry.path()).ok()?;
            Some((number, target.to_string_lossy().into_owned()))
        })
        .collect();
    found.sort_by_key(|(number, _)| *number);
    let sockets = Sockets::read();
    let snapshot = context.store.read(|current| current.snapshot.clone());
    let owners = Owners::of(&snapshot);
    let line =
        |(number, target): &(u32, String)| format!("{number:>7} : {}", told(target, &sockets, &owners));
    vec![section("", found.iter().map(line).collect())]
}

/// What a descriptor leads to.
fn told(target: &str, sockets: &Sockets, owners: &Owners) -> String {
    let inside = |prefix: &str| target.strip_prefix(prefix)?.strip_suffix(']');
    if let Some(number) = inside("socket:[").and_then(|number| number.parse::<u64>().ok()) {
        return match sockets.0.get(&number) {
            Some(Found::Inet { kind, local, remote, state }) => {
                let owner = owners.owner(local, remote).map(|owner| format!(" {owner}")).unwrap_or_default();
                let remote = match remote.port() {
                    0 => String::new(),
                    _ => format!(" remote={remote}"),
                };
                format!("kind={kind} state={state} local={local}{remote}{owner}")
            }
            Some(Found::Unix { state, path }) => {
                let path = if path.is_empty() { String::new() } else { format!(" path={path}") };
                format!("kind=unix state={state}{path}")
            }
            None => "kind=socket".to_owned(),
        };
    }
    if inside("pipe:[").is_some() {
        return "kind=pipe".to_owned();
    }
    match inside("anon_inode:[") {
        Some(name) => format!("kind={name}"),
        None => format!("kind=file path={target}"),
    }
}

/// What the kernel says of sockets, by their numbers.
struct Sockets(HashMap<u64, Found>);

#[derive(Debug, PartialEq)]
enum Found {
    Inet { kind: &'static str, local: SocketAddr, remote: SocketAddr, state: &'static str },
    Unix { state: &'static str, path: String },
}

impl Sockets {
    fn read() -> Sockets {
        let mut sockets = HashMap::new();
        for (file, kind) in [("tcp", "tcp"), ("tcp6", "tcp"), ("udp", "udp"), ("udp6", "udp")] {
            let text = fs::read_to_string(format!("/proc/self/net/{file}")).unwrap_or_default();
            sockets.extend(text.lines().skip(1).filter_map(|line| inet(line, kind)));
        }
        let text = fs::read_to_string("/proc/self/net/unix").unwrap_or_default();
        sockets.extend(text.lines().skip(1).filter_map(unix));
        Sockets(sockets)
    }
}

/// A line of `/proc/net/tcp`: `sl local remote state … inode`.
fn inet(line: &str, kind: &'static str) -> Option<(u64, Found)> {
    let fields: Vec<&str> = line.split_whitespace().collect();
    let local = address(fields.get(1)?)?;
    let remote = address(fields.get(2)?)?;
    let number = u8::from_str_radix(fields.get(3)?, 16).ok()?;
    let state = STATES.get(usize::from(number)).copied().unwrap_or("UNKNOWN");
    Some((fields.get(9)?.parse().ok()?, Found::Inet { kind, local, remote, state }))
}

/// A line of `/proc/net/unix`: `num refs protocol flags type state inode path`.
fn unix(line: &str) -> Option<(u64, Found)> {
    let mut fields = line.split_whitespace();
    let flags = fields.nth(3)?;
    let state = match (fields.nth(1)?, flags) {
        (_, "00010000") => "LISTEN",
        ("03", _) => "CONNECTED",
        ("01", _) => "UNCONNECTED",
        _ => "OTHER",
    };
    let number = fields.next()?.parse().ok()?;
    let path = fields.next().unwrap_or_default().to_owned();
    Some((number, Found::Unix { state, path }))
}

/// An address as the kernel writes it: words of 32 bits in the byte order of the machine, and the port.
fn address(text: &str) -> Option<SocketAddr> {
    let (host, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let word = |at: usize| Some(u32::from_str_radix(host.get(at * 8..at * 8 + 8)?, 16).ok()?.to_ne_bytes());
    let ip = match host.len() {
        8 => IpAddr::V4(Ipv4Addr::from(word(0)?)),
        32 => {
            let words = [word(0)?, word(1)?, word(2)?, word(3)?].concat();
            let bytes: [u8; 16] = words.try_into().ok()?;
            IpAddr::V6(Ipv6Addr::from(bytes)).to_canonical()
        }
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

/// Who listens where, and which servers are where.
struct Owners {
    frontends: HashMap<u16, Vec<(Option<IpAddr>, String)>>,
    servers: HashMap<SocketAddr, String>,
}

impl Owners {
    fn of(snapshot: &Snapshot) -> Owners {
        let mut owners = Owners { frontends: HashMap::new(), servers: HashMap::new() };
        for bind in snapshot.frontends.values().flat_map(|frontend| &frontend.binds) {
            let BindAddress::Inet { host, ports } = &bind.address else { continue };
            let ip = match host {
                BindHost::Ip(ip) => Some(*ip),
                _ => None,
            };
            for port in ports.first()..=ports.last() {
                let name = bind.row.at.frontend.to_string();
                owners.frontends.entry(port).or_default().push((ip, name));
            }
        }
        for backend in snapshot.backends.values() {
            for server in &backend.servers {
                if let Some(Target::Inet(address)) = server.place().as_deref() {
                    let name = format!("{}/{}", backend.name, server.name);
                    owners.servers.entry(*address).or_insert(name);
                }
            }
        }
        owners
    }

    /// The frontend that a socket belongs to by its own address, or the server by that of the other end. Where both
    /// fit it cannot be told: a proxy may be its own server.
    fn owner(&self, local: &SocketAddr, remote: &SocketAddr) -> Option<String> {
        let here = self.frontends.get(&local.port()).and_then(|known| {
            let fits =
                |ip: &Option<IpAddr>| ip.is_none_or(|ip| ip == local.ip() || local.ip().is_unspecified());
            known.iter().find(|(ip, _)| fits(ip)).map(|(_, name)| name)
        });
        let there = self.servers.get(remote);
        match (here, there) {
            (Some(frontend), None) => Some(format!("fe={frontend}")),
            (None, Some(server)) => Some(format!("sv={server}")),
            _ => None,
        }
    }
}

/// The states of TCP sockets by the kernel's numbers.
const STATES: [&str; 13] = [
    "UNKNOWN",
    "ESTABLISHED",
    "SYN_SENT",
    "SYN_RECV",
    "FIN_WAIT1",
    "FIN_WAIT2",
    "TIME_WAIT",
    "CLOSE",
    "CLOSE_WAIT",
    "LAST_ACK",
    "LISTEN",
    "CLOSING",
    "NEW_SYN_RECV",
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use std::net::TcpListener;
    use std::os::fd::AsRawFd;

    use super::*;

    #[test]
    fn a_listening_socket_of_this_process_is_found_with_its_address() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = listener.local_addr().unwrap();
        let target = fs::read_link(format!("/proc/self/fd/{}", listener.as_raw_fd())).unwrap();
        let mut owners = Owners { frontends: HashMap::new(), servers: HashMap::new() };
        owners.frontends.insert(own.port(), vec![(None, "fe".to_owned())]);
        let line = told(&target.to_string_lossy(), &Sockets::read(), &owners);
        assert_eq!(line, format!("kind=tcp state=LISTEN local={own} fe=fe"));
    }

    #[test]
    fn other_descriptors_are_told_by_their_kind() {
        let (sockets, owners) =
            (Sockets(HashMap::new()), Owners { frontends: HashMap::new(), servers: HashMap::new() });
        let told = |target| told(target, &sockets, &owners);
        assert_eq!(told("pipe:[7]"), "kind=pipe");
        assert_eq!(told("anon_inode:[eventpoll]"), "kind=eventpoll");
        assert_eq!(told("/a/b"), "kind=file path=/a/b");
        assert_eq!(told("socket:[9]"), "kind=socket");
    }

    #[test]
    fn a_line_that_is_none_is_left_out() {
        assert_eq!(inet("x y", "tcp"), None);
        assert_eq!(inet("0: 0100007F:1F90 00000000:0000 ZZ a b c d e 5", "tcp"), None);
        assert_eq!(unix("a b"), None);
    }
}
