//! A connection's byte stream, TCP or unix, and the ways to wait for it.

use std::cell::Cell;
use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::task::{Context, Poll, ready};

use rustix::io::Errno;
use rustix::net::{RecvFlags, SendAncillaryBuffer, SendFlags, Shutdown};
use rustix::pipe::SpliceFlags;
use socket2::{SockAddr, SockRef};

use super::clock::{Expired, Timer};
use super::pipe::Pipe;
use super::reactor::{Reactor, Source};

/// A stream socket.
#[derive(Debug)]
pub(crate) struct Stream {
    source: Source,
    /// Bytes received and sent so far.
    received: Cell<u64>,
    sent: Cell<u64>,
    /// Oddities of protocol in what was received.
    glitches: Cell<u32>,
}

/// Why waiting for a stream ended without success.
#[derive(Debug)]
pub(crate) enum Cut {
    /// The deadline was reached.
    Timeout,
    /// The worker asks whether the connection should still be there.
    Nudge,
    /// The peer reset the connection, or the kernel found it broken.
    Broken,
}

/// Why no connection came about.
#[derive(Debug)]
pub(crate) enum Opening {
    /// It was not waited for any longer.
    Cut(Cut),
    /// The peer, the network or the system said no.
    Failed(io::Error),
}

impl Stream {
    /// Takes over a non-blocking socket.
    pub(crate) fn adopt(reactor: &Rc<Reactor>, descriptor: OwnedFd) -> Stream {
        let source = Source::new(reactor, descriptor);
        Stream { source, received: Cell::new(0), sent: Cell::new(0), glitches: Cell::new(0) }
    }

    /// Notes that something was received that breaks the rules of the protocol, whether it was let through or not.
    pub(crate) fn note_glitch(&self) {
        self.glitches.set(self.glitches.get().saturating_add(1));
    }

    /// How often that was noted.
    pub(crate) fn glitches(&self) -> u32 {
        self.glitches.get()
    }

    /// Bytes received and sent so far.
    pub(crate) fn carried(&self) -> [u64; 2] {
        [self.received.get(), self.sent.get()]
    }

    fn note_received(&self, count: usize) {
        self.received.set(self.received.get() + count as u64);
        self.source.live().bytes_in.add(count as u64);
    }

    fn note_sent(&self, count: usize) {
        self.sent.set(self.sent.get() + count as u64);
        self.source.live().bytes_out.add(count as u64);
    }

    /// The local address: what the client connected to.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        rustix::net::getsockname(self).ok().and_then(|address| address.try_into().ok())
    }

    /// The remote address.
    pub(crate) fn peer(&self) -> Option<SocketAddr> {
        rustix::net::getpeername(self).ok().flatten().and_then(|address| address.try_into().ok())
    }

    /// Connects, waiting no longer than the timer.
    pub(crate) async fn connect(&self, address: &SockAddr, timer: &Timer) -> Result<(), Cut> {
        self.open(address, timer).await.map_err(|opening| match opening {
            Opening::Cut(cut) => cut,
            Opening::Failed(_) => Cut::Broken,
        })
    }

    /// As [`Stream::connect`], for those who ask why it failed.
    pub(crate) async fn open(&self, address: &SockAddr, timer: &Timer) -> Result<(), Opening> {
        // Close by, a connection stands as soon as it is asked for, and only the second call says so.
        let mut asks_again = address.is_unix() || address.as_socket().is_some_and(|to| to.ip().is_loopback());
        poll_fn(|context| {
            loop {
                match SockRef::from(self).connect(address) {
                    Ok(()) => break,
                    Err(error) => match error.raw_os_error().map(Errno::from_raw_os_error) {
                        Some(Errno::ISCONN) => break,
                        Some(Errno::INPROGRESS | Errno::ALREADY) if asks_again => asks_again = false,
                        Some(Errno::INPROGRESS | Errno::ALREADY) => {
                            self.source.note_drained();
                            self.source.note_clogged();
                            match self.source.poll_writable(context) {
                                Poll::Ready(Ok(())) => {}
                                Poll::Ready(Err(error)) => return Poll::Ready(Err(Opening::Failed(error))),
                                Poll::Pending => {
                                    return poll_timer(timer, context).map(|cut| Err(Opening::Cut(cut)));
                                }
                            }
                        }
                        _ => return Poll::Ready(Err(Opening::Failed(error))),
                    },
                }
            }
            // What the server says first is waited for, not asked for.
            self.source.note_drained();
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Reads what is there without waiting.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.source.is_drained() {
            return Err(io::ErrorKind::WouldBlock.into());
        }
        let room = buffer.len();
        loop {
            match rustix::net::recv(self, &mut *buffer, RecvFlags::empty()) {
                Ok((count, _)) => {
                    if 0 < count && count < room {
                        self.source.note_drained();
                    }
                    self.note_received(count);
                    return Ok(count);
                }
                Err(Errno::INTR) => {}
                Err(error) => {
                    if error == Errno::AGAIN {
                        self.source.note_empty();
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// Writes what fits without waiting.
    fn try_write(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        loop {
            let outcome = match (first, second) {
                (bytes, []) | ([], bytes) => rustix::net::send(self, bytes, SendFlags::NOSIGNAL),
                _ => {
                    let slices = [IoSlice::new(first), IoSlice::new(second)];
                    let none = &mut SendAncillaryBuffer::default();
                    rustix::net::sendmsg(self, &slices, none, SendFlags::NOSIGNAL)
                }
            };
            match outcome {
                Ok(count) => {
                    if count < first.len() + second.len() {
                        self.source.note_clogged();
                    }
                    self.note_sent(count);
                    return Ok(count);
                }
                Err(Errno::INTR) => {}
                Err(error) => {
                    if error == Errno::AGAIN {
                        self.source.note_clogged();
                    }
                    return Err(error.into());
                }
            }
        }
    }

    /// Moves bytes that came into a pipe; `Ok(0)` is the end of the stream. The pipe has to be empty, so that
    /// only the stream can be what there is to wait for.
    pub(crate) fn poll_fill(
        &self,
        context: &Context<'_>,
        pipe: &mut Pipe,
        most: usize,
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.source.poll_readable(context))?;
            match pipe.fill(|into| Ok(rustix::pipe::splice(self, None, into, None, most, MOVING)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.source.note_empty(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) => {
                    self.note_received(count);
                    return Poll::Ready(Ok(count));
                }
                result => return Poll::Ready(result),
            }
        }
    }

    /// Sends what is in a pipe.
    pub(crate) fn poll_empty(&self, context: &Context<'_>, pipe: &mut Pipe) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.source.poll_writable(context))?;
            match pipe.empty(|from, held| Ok(rustix::pipe::splice(from, None, self, None, held, MOVING)?)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => self.source.note_clogged(),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Ok(count) => {
                    self.note_sent(count);
                    self.source.live().bytes_spliced.add(count as u64);
                    return Poll::Ready(Ok(count));
                }
                result => return Poll::Ready(result),
            }
        }
    }

    /// Ready when there is something to read, the end included.
    pub(crate) fn poll_read_ready(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        self.source.poll_readable(context)
    }

    /// Reads; `Ok(0)` is the end of the stream.
    pub(crate) fn poll_read(&self, context: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.poll_read_ready(context))?;
            match self.try_read(buffer) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Writes from two slices, the first one first.
    pub(crate) fn poll_write(
        &self,
        context: &mut Context<'_>,
        first: &[u8],
        second: &[u8],
    ) -> Poll<io::Result<usize>> {
        loop {
            ready!(self.source.poll_writable(context))?;
            match self.try_write(first, second) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                result => return Poll::Ready(result),
            }
        }
    }

    /// Waits until there is something to read, the end included.
    pub(crate) async fn readable(&self, timer: &Timer) -> Result<(), Cut> {
        poll_fn(|context| match self.poll_read_ready(context) {
            Poll::Ready(Ok(())) => Poll::Ready(Ok(())),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Cut::Broken)),
            Poll::Pending => poll_timer(timer, context).map(Err),
        })
        .await
    }

    /// Ready when the peer has closed its side; what it sent is left alone.
    pub(crate) fn poll_left(&self, context: &Context<'_>) -> Poll<()> {
        self.source.poll_closed(context)
    }

    /// Reads, waiting no longer than the timer; `Ok(0)` is the end of the stream.
    pub(crate) async fn read(&self, buffer: &mut [u8], timer: &Timer) -> Result<usize, Cut> {
        poll_fn(|context| match self.poll_read(context, buffer) {
            Poll::Ready(Ok(count)) => Poll::Ready(Ok(count)),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Cut::Broken)),
            Poll::Pending => poll_timer(timer, context).map(Err),
        })
        .await
    }

    /// Writes all of both slices, waiting no longer than the timer; `written` counts also when it fails.
    pub(crate) async fn write_all(
        &self,
        first: &[u8],
        second: &[u8],
        timer: &Timer,
        written: &mut usize,
    ) -> Result<(), Cut> {
        let total = first.len() + second.len();
        *written = 0;
        poll_fn(|context| {
            while *written < total {
                let head = first.get(*written..).unwrap_or_default();
                let tail = second.get(written.saturating_sub(first.len())..).unwrap_or_default();
                match self.poll_write(context, head, tail) {
                    Poll::Ready(Ok(count)) => *written += count,
                    Poll::Ready(Err(_)) => return Poll::Ready(Err(Cut::Broken)),
                    Poll::Pending => return poll_timer(timer, context).map(Err),
                }
            }
            Poll::Ready(Ok(()))
        })
        .await
    }

    /// Ends the connection so that the client does not notice: the reset does not reach far enough.
    pub(crate) fn vanish(&self) {
        let socket = SockRef::from(self);
        // What the kernel refuses ends in an ordinary close.
        let _ = socket.set_ttl_v4(1);
        let _ = socket.set_linger(Some(std::time::Duration::ZERO));
    }

    /// Has every packet from now on carry a type of service, or else a netfilter mark.
    pub(crate) fn stamp(&self, service: bool, number: u32) {
        stamp(SockRef::from(self), service, number);
    }

    /// Says that nothing more will be sent.
    pub(crate) fn shutdown_write(&self) {
        // A peer that is gone already is as good as one that was told.
        let _ = rustix::net::shutdown(self, Shutdown::Write);
    }

    /// Whether the peer of an idle connection has closed it, or sent what nobody asked for.
    pub(crate) fn is_spent(&self) -> bool {
        let mut byte = [0];
        !matches!(self.try_read(&mut byte), Err(error) if error.kind() == io::ErrorKind::WouldBlock)
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.source.as_fd()
    }
}

/// The timer's word on waiting any longer.
pub(crate) fn poll_timer(timer: &Timer, context: &Context<'_>) -> Poll<Cut> {
    timer.poll_expired(context).map(|expired| match expired {
        Expired::Deadline => Cut::Timeout,
        Expired::Nudge => Cut::Nudge,
    })
}

/// Has every packet of a socket carry a type of service, or else a netfilter mark.
fn stamp(socket: SockRef<'_>, service: bool, number: u32) {
    // What the kernel refuses, marks without the right to them above all, changes nothing.
    if service {
        let _ = socket.set_tos_v4(number);
        let _ = socket.set_tclass_v6(number);
    } else {
        let _ = socket.set_mark(number);
    }
}

const MOVING: SpliceFlags = SpliceFlags::MOVE.union(SpliceFlags::NONBLOCK);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn packets_carry_what_a_socket_is_told() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let listener = TcpListener::bind(address).unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            stamp(SockRef::from(&stream), true, 0x10);
            stamp(SockRef::from(&stream), false, 7);
            let socket = SockRef::from(&stream);
            match listener.local_addr().unwrap().is_ipv4() {
                true => assert_eq!(socket.tos_v4().unwrap(), 0x10),
                false => assert_eq!(socket.tclass_v6().unwrap(), 0x10),
            }
            // Marks are for those who may set them.
            assert!([0, 7].contains(&socket.mark().unwrap()));
        }
    }
}
