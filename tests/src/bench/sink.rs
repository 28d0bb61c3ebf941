//! The log sink: a UDP socket that is emptied and counted, so that a contestant's log line is really sent.

use std::net::{Ipv4Addr, UdpSocket};

use rustix::event::epoll::EventFlags;
use rustix::net::{RecvFlags, recv};

use super::reactor::{Reactor, Token};
use crate::harness::Result;

/// A syslog receiver that keeps only the number of lines.
pub struct Sink {
    socket: UdpSocket,
    lines: u64,
}

impl Sink {
    /// Opens a sink on a free port of 127.0.0.1.
    pub fn open(reactor: &Reactor, part: u32) -> Result<Self> {
        let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
        socket.set_nonblocking(true)?;
        socket2::SockRef::from(&socket).set_recv_buffer_size(4 << 20)?;
        reactor.add(&socket, Token::new(part, 0), EventFlags::IN)?;
        Ok(Self { socket, lines: 0 })
    }

    /// Where to log to.
    pub fn port(&self) -> Result<u16> {
        Ok(self.socket.local_addr()?.port())
    }

    /// How many datagrams have come so far; one log line each.
    pub fn lines(&self) -> u64 {
        self.lines
    }

    /// Empties the socket, up to a bound so that the load is not held up.
    pub fn on_ready(&mut self) {
        // The line's content does not matter: the kernel drops what exceeds one byte.
        let mut byte = [0; 1];
        for _ in 0..256 {
            if recv(&self.socket, &mut byte[..], RecvFlags::DONTWAIT).is_err() {
                return;
            }
            self.lines += 1;
        }
    }
}
