//! A connection's byte stream, TCP or unix, and the ways to wait for it.

use std::future::poll_fn;
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::task::{Context, Poll, ready};

use rustix::net::Shutdown;
use tokio::io::Interest;
use tokio::net::{TcpStream, UnixStream};

use super::clock::{Expired, Timer};

/// A connected stream socket.
#[derive(Debug)]
pub(crate) enum Stream {
    /// TCP.
    Tcp(TcpStream),
    /// A unix stream socket.
    Unix(UnixStream),
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

impl Stream {
    /// Takes over a connected, non-blocking socket.
    pub(crate) fn adopt(descriptor: OwnedFd, unix: bool) -> io::Result<Stream> {
        Ok(match unix {
            false => Stream::Tcp(TcpStream::from_std(descriptor.into())?),
            true => Stream::Unix(UnixStream::from_std(descriptor.into())?),
        })
    }

    /// The local address: what the client connected to.
    pub(crate) fn local(&self) -> Option<SocketAddr> {
        match self {
            Stream::Tcp(stream) => stream.local_addr().ok(),
            Stream::Unix(_) => None,
        }
    }

    /// Reads what is there without waiting.
    pub(crate) fn try_read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        let room = buffer.len();
        let result = match self {
            Stream::Tcp(stream) => stream.try_read(buffer),
            Stream::Unix(stream) => stream.try_read(buffer),
        };
        if matches!(result, Ok(count) if count > 0 && count < room) {
            self.note_drained();
        }
        result
    }

    /// A read that left room took everything: the next one waits for the kernel's word, instead of asking for it.
    fn note_drained(&self) {
        let drained = || Err::<(), _>(io::ErrorKind::WouldBlock.into());
        let _ = match self {
            Stream::Tcp(stream) => stream.try_io(Interest::READABLE, drained),
            Stream::Unix(stream) => stream.try_io(Interest::READABLE, drained),
        };
    }

    /// Writes what fits without waiting.
    pub(crate) fn try_write(&self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Stream::Tcp(stream) => stream.try_write(bytes),
            Stream::Unix(stream) => stream.try_write(bytes),
        }
    }

    /// Ready when there is something to read, the end included.
    pub(crate) fn poll_read_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_read_ready(context),
            Stream::Unix(stream) => stream.poll_read_ready(context),
        }
    }

    fn poll_write_ready(&self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Stream::Tcp(stream) => stream.poll_write_ready(context),
            Stream::Unix(stream) => stream.poll_write_ready(context),
        }
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
            ready!(self.poll_write_ready(context))?;
            match self.try_write_both(first, second) {
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

    /// Waits until a connection that was begun is there.
    pub(crate) async fn connected(&self, timer: &Timer) -> Result<(), Cut> {
        poll_fn(|context| match self.poll_write_ready(context) {
            Poll::Ready(Ok(())) => Poll::Ready(match rustix::net::sockopt::socket_error(self) {
                Ok(Ok(())) => Ok(()),
                _ => Err(Cut::Broken),
            }),
            Poll::Ready(Err(_)) => Poll::Ready(Err(Cut::Broken)),
            Poll::Pending => poll_timer(timer, context).map(Err),
        })
        .await
    }

    /// Ready when the peer has closed; what it sent is left alone.
    pub(crate) fn poll_left(&self, context: &mut Context<'_>) -> Poll<()> {
        if self.poll_read_ready(context).is_pending() {
            return Poll::Pending;
        }
        let mut byte = [0];
        match rustix::net::recv(
            self,
            &mut byte,
            rustix::net::RecvFlags::PEEK | rustix::net::RecvFlags::DONTWAIT,
        ) {
            Ok((_, 0)) => Poll::Ready(()),
            Ok(_) | Err(rustix::io::Errno::AGAIN) => Poll::Pending,
            Err(_) => Poll::Ready(()),
        }
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

    fn try_write_both(&self, first: &[u8], second: &[u8]) -> io::Result<usize> {
        if second.is_empty() {
            return self.try_write(first);
        }
        if first.is_empty() {
            return self.try_write(second);
        }
        let slices = [IoSlice::new(first), IoSlice::new(second)];
        match self {
            Stream::Tcp(stream) => stream.try_write_vectored(&slices),
            Stream::Unix(stream) => stream.try_write_vectored(&slices),
        }
    }
}

impl AsFd for Stream {
    fn as_fd(&self) -> BorrowedFd<'_> {
        match self {
            Stream::Tcp(stream) => stream.as_fd(),
            Stream::Unix(stream) => stream.as_fd(),
        }
    }
}

/// The timer's word on waiting any longer.
pub(crate) fn poll_timer(timer: &Timer, context: &Context<'_>) -> Poll<Cut> {
    timer.poll_expired(context).map(|expired| match expired {
        Expired::Deadline => Cut::Timeout,
        Expired::Nudge => Cut::Nudge,
    })
}
