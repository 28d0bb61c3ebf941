//! Delivery of lines to one destination: a queue, and a datagram socket, the process's writer or a ring behind it.
//!
//! Sockets never block. A full one leaves lines in the queue; a full queue and a destination that is away drop
//! lines, which callers count.

use std::io::IoSlice;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

use regate_proto::model::LogAddress;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, MMsgHdr, SendAncillaryBuffer, SendFlags, SocketAddrUnix, SocketFlags, SocketType, connect,
    sendmmsg, socket_with,
};
use smallvec::SmallVec;

use super::forward::Forwarders;
use super::writer::{self, Stream};
use crate::live::{Live, Ring};

/// A destination with the lines that wait for it.
#[derive(Debug)]
pub(super) struct Outlet {
    address: LogAddress,
    way: Way,
    queue: Queue,
    /// Whether the socket was full: nothing is tried before the next [`Outlet::flush`].
    stuck: bool,
    /// The second of the last line.
    used: i64,
}

#[derive(Debug)]
enum Way {
    Socket(Socket),
    Stream(Option<Stream>),
    Ring(Arc<Ring>),
}

/// A datagram socket that is opened when it is needed.
#[derive(Debug, Default)]
struct Socket {
    open: Option<OwnedFd>,
    /// When opening failed last.
    failed: Option<Instant>,
}

/// Lines behind each other, with where each ends.
#[derive(Debug, Default)]
struct Queue {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

/// The outlet to this address; opens it when there is none, and closes those that were not used for a while.
pub(super) fn found_or_opened<'a>(
    outlets: &'a mut Vec<Outlet>,
    address: &LogAddress,
    now: i64,
    (live, forwarders): (&Arc<Live>, &Forwarders),
) -> &'a mut Outlet {
    let at = match outlets.iter().position(|outlet| outlet.address == *address) {
        Some(at) => at,
        None => {
            outlets.retain(|outlet| !outlet.is_empty() || now - outlet.used < UNUSED_SECONDS);
            outlets.push(Outlet::new(address.clone(), (live, forwarders)));
            outlets.len() - 1
        }
    };
    let outlet = &mut outlets[at];
    outlet.used = now;
    outlet
}

impl Outlet {
    fn new(address: LogAddress, (live, forwarders): (&Arc<Live>, &Forwarders)) -> Outlet {
        let way = match &address {
            LogAddress::Udp(_) | LogAddress::Named { .. } | LogAddress::Unix(_) => {
                Way::Socket(Socket::default())
            }
            LogAddress::Stdout | LogAddress::Stderr | LogAddress::Descriptor(_) => {
                Way::Stream(writer::open(&address))
            }
            LogAddress::Stream(stream) => Way::Ring(forwarders.stream(live, stream)),
            LogAddress::Ring(name) => Way::Ring(live.rings.named(name)),
        };
        Outlet { address, way, queue: Queue::default(), stuck: false, used: 0 }
    }

    /// Whether nothing waits.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.ends.is_empty()
    }

    /// Queues a line, and sends what waits when it is a batch. Gives how many lines were dropped.
    pub(super) fn put(&mut self, write: impl FnOnce(&mut Vec<u8>)) -> u64 {
        if self.queue.bytes.len() >= QUEUE_BYTES {
            return 1;
        }
        write(&mut self.queue.bytes);
        self.queue.ends.push(self.queue.bytes.len());
        if self.queue.ends.len() >= BATCH && !self.stuck { self.flush() } else { 0 }
    }

    /// Sends what waits. Gives how many lines were dropped.
    pub(super) fn flush(&mut self) -> u64 {
        if self.is_empty() {
            return 0;
        }
        self.stuck = false;
        match &mut self.way {
            Way::Stream(stream) => {
                let lines = self.queue.ends.len() as u64;
                let dropped = stream.map_or(lines, |stream| stream.append(&self.queue.bytes, lines));
                self.queue.clear();
                dropped
            }
            Way::Ring(ring) => {
                let lines = self.queue.from(0).map(|line| line.strip_suffix(b"\n").unwrap_or(line));
                let refused = ring.append(lines);
                self.queue.clear();
                refused
            }
            Way::Socket(socket) => {
                let (sent, dropped) = socket.send(&self.address, &self.queue);
                self.queue.remove(sent + dropped);
                self.stuck = !self.queue.ends.is_empty();
                dropped as u64
            }
        }
    }
}

impl Socket {
    /// Sends lines from the first on; gives how many were sent and how many more are lost.
    fn send(&mut self, address: &LogAddress, queue: &Queue) -> (usize, usize) {
        let (mut sent, mut lost, mut refused) = (0, 0, 0);
        let all = queue.ends.len();
        while sent + lost < all {
            let Some(socket) = self.opened(address) else { return (sent, all - sent) };
            match send_batch(socket, queue, sent + lost) {
                Ok(count) => sent += count,
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN | Errno::NOBUFS) => break,
                Err(Errno::MSGSIZE) => lost += 1,
                // By UDP: the report that an earlier line reached nobody; this one was not tried.
                Err(Errno::CONNREFUSED) if matches!(address, LogAddress::Udp(_)) && refused < 2 => {
                    refused += 1;
                    lost += 1;
                }
                // The daemon is gone, or has come back under the same path: one new socket tells.
                Err(_) if refused == 0 => {
                    refused += 1;
                    self.open = None;
                }
                Err(_) => {
                    self.open = None;
                    return (sent, all - sent);
                }
            }
        }
        (sent, lost)
    }

    fn opened(&mut self, address: &LogAddress) -> Option<&OwnedFd> {
        if self.open.is_none() && self.failed.is_none_or(|at| at.elapsed() >= RETRY) {
            let opened = open(address);
            self.failed = opened.is_err().then(Instant::now);
            self.open = opened.ok();
        }
        self.open.as_ref()
    }
}

impl Queue {
    fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Forgets so many lines from the front.
    fn remove(&mut self, lines: usize) {
        if lines >= self.ends.len() {
            return self.clear();
        }
        let Some(end) = lines.checked_sub(1).and_then(|last| self.ends.get(last)).copied() else { return };
        self.bytes.drain(..end);
        self.ends.drain(..lines);
        self.ends.iter_mut().for_each(|at| *at -= end);
    }

    /// Lines from this one on.
    fn from(&self, first: usize) -> impl Iterator<Item = &[u8]> {
        let start = first.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        let mut at = start;
        self.ends.iter().skip(first).map(move |end| {
            let line = self.bytes.get(at..*end).unwrap_or_default();
            at = *end;
            line
        })
    }
}

fn open(address: &LogAddress) -> Result<OwnedFd, Errno> {
    let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
    match address {
        LogAddress::Udp(address) => {
            let family = match address {
                SocketAddr::V4(_) => AddressFamily::INET,
                SocketAddr::V6(_) => AddressFamily::INET6,
            };
            let socket = socket_with(family, SocketType::DGRAM, flags, None)?;
            connect(&socket, address)?;
            Ok(socket)
        }
        // Names are looked up where a snapshot is compiled.
        LogAddress::Named { .. } => Err(Errno::HOSTUNREACH),
        LogAddress::Unix(path) => {
            let socket = socket_with(AddressFamily::UNIX, SocketType::DGRAM, flags, None)?;
            connect(&socket, &SocketAddrUnix::new(path.as_str())?)?;
            Ok(socket)
        }
        _ => Err(Errno::INVAL),
    }
}

/// One system call for up to [`BATCH`] lines; gives how many the socket took.
fn send_batch(socket: &OwnedFd, queue: &Queue, first: usize) -> Result<usize, Errno> {
    let mut lines = queue.from(first);
    let slices: [[IoSlice<'_>; 1]; BATCH] =
        std::array::from_fn(|_| [IoSlice::new(lines.next().unwrap_or_default())]);
    let count = (queue.ends.len() - first).min(BATCH);
    let mut ancillary: [SendAncillaryBuffer<'_, '_, '_>; BATCH] =
        std::array::from_fn(|_| SendAncillaryBuffer::default());
    let mut messages: SmallVec<[MMsgHdr<'_>; BATCH]> = slices
        .iter()
        .zip(&mut ancillary)
        .take(count)
        .map(|(slice, control)| MMsgHdr::new(slice, control))
        .collect();
    sendmmsg(socket, &mut messages, SendFlags::NOSIGNAL | SendFlags::DONTWAIT)
}

/// Lines that are sent at once.
const BATCH: usize = 32;
/// Bytes that may wait for a full socket.
const QUEUE_BYTES: usize = 256 * 1024;
/// How long after a failure a socket is not opened again.
const RETRY: Duration = Duration::from_secs(1);
/// How long an outlet of which nothing is configured any more stays open.
const UNUSED_SECONDS: i64 = 60;

#[cfg(test)]
#[path = "outlet_tests.rs"]
mod tests;
