//! The bench's origin: answers every request head with the same rendered bytes, as cheaply as a kernel allows.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{RecvFlags, SendFlags, SocketFlags, accept_with, recv, send, sockopt};

use super::reactor::{Reactor, Token};
use crate::harness::Result;

/// Listeners and connections of the origin, all answering the same.
pub struct Origin {
    part: u32,
    listeners: Vec<TcpListener>,
    connections: Vec<Option<Connection>>,
    free: Vec<usize>,
    answer: Vec<u8>,
    closes: bool,
    buffer: Vec<u8>,
}

impl Origin {
    /// Opens `listeners` ports that answer 200 with a body of `size` bytes. With `closes` each answer says
    /// `Connection: close` and the origin closes after it.
    pub fn open(reactor: &Reactor, part: u32, listeners: usize, size: usize, closes: bool) -> Result<Self> {
        let connection = if closes { "Connection: close\r\n" } else { "" };
        let mut answer = format!(
            "HTTP/1.1 200 OK\r\nServer: origin\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
             Content-Type: text/plain\r\nContent-Length: {size}\r\n{connection}\r\n"
        )
        .into_bytes();
        answer.resize(answer.len() + size, b'x');
        let mut opened = Vec::new();
        for slot in 0..listeners {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
            // std listens with a backlog of 128; a burst of new connections needs more.
            rustix::net::listen(&listener, 4096)?;
            listener.set_nonblocking(true)?;
            reactor.add(&listener, Token::new(part, slot), EventFlags::IN)?;
            opened.push(listener);
        }
        Ok(Self {
            part,
            listeners: opened,
            connections: Vec::new(),
            free: Vec::new(),
            answer,
            closes,
            buffer: vec![0; 64 * 1024],
        })
    }

    /// The ports, in order.
    pub fn ports(&self) -> Result<Vec<u16>> {
        self.listeners.iter().map(|listener| Ok(listener.local_addr()?.port())).collect()
    }

    /// Handles one ready descriptor.
    pub fn on_ready(&mut self, reactor: &Reactor, slot: usize, flags: EventFlags) -> Result<()> {
        if slot < self.listeners.len() {
            return self.accept(reactor, slot);
        }
        let index = slot - self.listeners.len();
        let Some(Some(connection)) = self.connections.get_mut(index) else { return Ok(()) };
        let token = Token::new(self.part, slot);
        let goes_on = if flags.contains(EventFlags::OUT) {
            connection.send(reactor, token, &self.answer)?
        } else {
            connection.receive(reactor, token, &mut self.buffer, &self.answer)?
        };
        let finished = self.closes && connection.answered && connection.owed == 0;
        if !goes_on || finished {
            self.connections[index] = None;
            self.free.push(index);
        }
        Ok(())
    }

    fn accept(&mut self, reactor: &Reactor, slot: usize) -> Result<()> {
        for _ in 0..64 {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let descriptor = match accept_with(&self.listeners[slot], flags) {
                Ok(descriptor) => descriptor,
                Err(Errno::AGAIN) => return Ok(()),
                // The other side may be gone again; that is its own affair.
                Err(Errno::CONNABORTED) => continue,
                Err(error) => return Err(error.into()),
            };
            sockopt::set_tcp_nodelay(&descriptor, true)?;
            let connection =
                Connection { descriptor, owed: 0, sent: 0, matched: 0, answered: false, waiting: false };
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let token = Token::new(self.part, index + self.listeners.len());
            reactor.add(&connection.descriptor, token, EventFlags::IN)?;
            self.connections[index] = Some(connection);
        }
        Ok(())
    }
}

struct Connection {
    descriptor: OwnedFd,
    /// Answers that are still to be sent, the one in progress included.
    owed: usize,
    /// How much of the answer in progress has been sent.
    sent: usize,
    /// How many bytes of the empty line that ends a head the last read ended with.
    matched: usize,
    answered: bool,
    /// Whether the reactor watches for room to send.
    waiting: bool,
}

impl Connection {
    /// Reads once and answers what is complete; false when the connection has ended.
    fn receive(&mut self, reactor: &Reactor, token: Token, buffer: &mut [u8], answer: &[u8]) -> Result<bool> {
        let length = match recv(&self.descriptor, &mut *buffer, RecvFlags::empty()) {
            Ok((length, _)) => length,
            Err(Errno::AGAIN) => return Ok(true),
            Err(_) => 0,
        };
        if length == 0 {
            return Ok(false);
        }
        self.owed += heads(&buffer[..length], &mut self.matched);
        self.send(reactor, token, answer)
    }

    fn send(&mut self, reactor: &Reactor, token: Token, answer: &[u8]) -> Result<bool> {
        while self.owed > 0 {
            match send(&self.descriptor, &answer[self.sent..], SendFlags::NOSIGNAL) {
                Ok(length) => self.sent += length,
                Err(Errno::AGAIN) => {
                    if !self.waiting {
                        reactor.modify(&self.descriptor, token, EventFlags::IN | EventFlags::OUT)?;
                        self.waiting = true;
                    }
                    return Ok(true);
                }
                Err(_) => return Ok(false),
            }
            if self.sent == answer.len() {
                (self.sent, self.answered) = (0, true);
                self.owed -= 1;
            }
        }
        if self.waiting {
            reactor.modify(&self.descriptor, token, EventFlags::IN)?;
            self.waiting = false;
        }
        Ok(true)
    }
}

/// Counts the heads that end in `bytes`; `matched` carries an end that is cut by the read's boundary.
fn heads(bytes: &[u8], matched: &mut usize) -> usize {
    const END: &[u8; 4] = b"\r\n\r\n";
    let mut count = 0;
    for byte in bytes {
        *matched = if *byte == END[*matched] { *matched + 1 } else { usize::from(*byte == b'\r') };
        if *matched == END.len() {
            count += 1;
            *matched = 0;
        }
    }
    count
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_are_counted_across_any_cut() {
        let text = b"GET / HTTP/1.1\r\nA: b\r\n\r\nGET / HTTP/1.1\r\n\r\n";
        for cut in 0..text.len() {
            let mut matched = 0;
            assert_eq!(
                heads(&text[..cut], &mut matched) + heads(&text[cut..], &mut matched),
                2,
                "cut at {cut}"
            );
        }
    }
}
