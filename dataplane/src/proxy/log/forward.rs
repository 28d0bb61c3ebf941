//! Hands the lines of rings on to servers: a thread for each of them, which waits as long as it must.
//!
//! Traffic only ever appends to a ring; what a slow or absent server misses is pushed out of the ring and counted.

use std::collections::HashMap;
use std::io::{self, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::model::{Name, Ring as Row, RingServer, StreamAddress};

use crate::live::{Live, Ring};

/// Who hands on what, in this process.
#[derive(Debug, Default)]
pub(crate) struct Forwarders {
    running: Mutex<HashMap<(Option<Name>, StreamAddress), Running>>,
}

#[derive(Debug)]
struct Running {
    order: Order,
    ring: Arc<Ring>,
    stopped: Arc<AtomicBool>,
}

/// Where to, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Order {
    address: StreamAddress,
    octet_count: bool,
    /// Longest time until a connection is there.
    connect: Duration,
    /// Longest time for which the server takes nothing.
    patience: Option<Duration>,
}

impl Forwarders {
    /// Does what these rings say: begins to hand on, begins anew what changed, and ends what is gone.
    pub(crate) fn follow(&self, live: &Arc<Live>, rings: &[Arc<Row>]) {
        let mut running = self.running.lock();
        for row in rings {
            let ring = live.rings.named(&row.name);
            ring.resize(row.size.map_or(16_384, |size| usize::try_from(size).unwrap_or(usize::MAX)));
        }
        running.retain(|(name, address), forwarder| {
            let Some(name) = name else { return true };
            let row = rings.iter().find(|row| row.name == *name);
            let wanted = row.and_then(|row| {
                let server = row.servers.iter().find(|server| server.address == *address)?;
                Some(Order::of(row, server))
            });
            let stays = wanted.as_ref() == Some(&forwarder.order);
            if !stays {
                forwarder.stop();
            }
            stays
        });
        for row in rings {
            for server in &row.servers {
                let key = (Some(row.name.clone()), server.address.clone());
                running.entry(key).or_insert_with(|| {
                    Running::begin(Order::of(row, server), live.rings.named(&row.name), live)
                });
            }
        }
    }

    /// Hands on what is logged to this address itself; gives the ring to append to.
    pub(super) fn stream(&self, live: &Arc<Live>, address: &StreamAddress) -> Arc<Ring> {
        let ring = live.rings.stream(address);
        let order = Order {
            address: address.clone(),
            octet_count: false,
            connect: Duration::from_secs(1),
            patience: None,
        };
        let key = (None, address.clone());
        self.running.lock().entry(key).or_insert_with(|| Running::begin(order, ring.clone(), live));
        ring
    }
}

impl Drop for Forwarders {
    fn drop(&mut self) {
        self.running.lock().values().for_each(Running::stop);
    }
}

impl Running {
    fn begin(order: Order, ring: Arc<Ring>, live: &Arc<Live>) -> Running {
        let stopped = Arc::new(AtomicBool::new(false));
        let (task, source, live) = (order.clone(), ring.clone(), live.clone());
        let until = stopped.clone();
        let spawned = std::thread::Builder::new()
            .name("log-ring".to_owned())
            .spawn(move || hand_on(&task, &source, &live, &until));
        if let Err(error) = spawned {
            tracing::error!("no thread for the ring's server {}: {error}", order.address);
        }
        Running { order, ring, stopped }
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
        self.ring.nudge();
    }
}

impl Order {
    fn of(row: &Row, server: &RingServer) -> Order {
        let span = |millis: Option<regate_proto::model::Millis>| {
            millis.map(|millis| Duration::from_millis(millis.get().into())).filter(|span| !span.is_zero())
        };
        Order {
            address: server.address.clone(),
            octet_count: server.octet_count,
            connect: span(row.timeout_connect).unwrap_or(Duration::from_secs(1)),
            patience: span(row.timeout_server),
        }
    }

    fn connect(&self) -> io::Result<Box<dyn Write>> {
        match &self.address {
            StreamAddress::Tcp(address) => self.tcp(*address),
            StreamAddress::Named { host, port } => {
                let mut last = io::Error::from(io::ErrorKind::NotFound);
                for address in (host.as_str(), *port).to_socket_addrs()? {
                    match self.tcp(address) {
                        Ok(stream) => return Ok(stream),
                        Err(error) => last = error,
                    }
                }
                Err(last)
            }
            StreamAddress::Unix(path) => {
                let stream = UnixStream::connect(path)?;
                stream.set_write_timeout(Some(self.patience.unwrap_or(SLICE)))?;
                Ok(Box::new(stream))
            }
        }
    }

    fn tcp(&self, address: std::net::SocketAddr) -> io::Result<Box<dyn Write>> {
        let stream = TcpStream::connect_timeout(&address, self.connect)?;
        stream.set_nodelay(true)?;
        stream.set_write_timeout(Some(self.patience.unwrap_or(SLICE)))?;
        Ok(Box::new(stream))
    }

    /// One line as it goes out.
    fn frame(&self, line: &[u8], out: &mut Vec<u8>) {
        if self.octet_count {
            // Writing to a vector does not fail.
            let _ = write!(out, "{} ", line.len());
            out.extend_from_slice(line);
        } else {
            out.extend_from_slice(line);
            out.push(b'\n');
        }
    }
}

/// The life of a forwarder: connects, writes what there is, waits for more; from the first line that was not sent.
fn hand_on(order: &Order, ring: &Ring, live: &Live, stopped: &AtomicBool) {
    let is_over = || stopped.load(Ordering::Relaxed);
    let mut next = 0;
    let mut out = Vec::new();
    while !is_over() {
        let Ok(mut stream) = order.connect() else {
            // Sleeps, whatever is appended meanwhile.
            ring.wait(u64::MAX, RETRY);
            continue;
        };
        loop {
            out.clear();
            let excerpt = ring.read(next, BATCH, |line| order.frame(line, &mut out));
            if excerpt.lost > 0 {
                live.process.dropped_logs.fetch_add(excerpt.lost, Ordering::Relaxed);
            }
            next = excerpt.next;
            if out.is_empty() {
                if is_over() {
                    return;
                }
                ring.wait(next, SLICE);
                continue;
            }
            if write_all(stream.as_mut(), &out, order.patience, &is_over).is_err() {
                break;
            }
        }
    }
}

/// Writes everything; without a limit, it waits until somebody wants it to end.
fn write_all(
    stream: &mut dyn Write,
    mut bytes: &[u8],
    patience: Option<Duration>,
    is_over: &dyn Fn() -> bool,
) -> io::Result<()> {
    while !bytes.is_empty() {
        match stream.write(bytes) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(count) => bytes = bytes.get(count..).unwrap_or_default(),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error)
                if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
                    && patience.is_none()
                    && !is_over() => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// About how many bytes are written at once.
const BATCH: usize = 64 * 1024;
/// How long after a failed connection it is tried again.
const RETRY: Duration = Duration::from_secs(1);
/// How often somebody who waits looks whether it should end.
const SLICE: Duration = Duration::from_millis(500);
