//! The bench's origin: answers every request head with the same rendered bytes, as cheaply as a kernel allows.

use std::net::{Ipv4Addr, TcpListener};
use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{
    RecvFlags, SendFlags, Shutdown, SocketFlags, accept_with, listen, recv, send, shutdown, sockopt,
};

use super::reactor::{Reactor, Token};
use crate::harness::Result;

/// Listeners and connections of the origin, all answering the same.
pub struct Origin {
    part: u32,
    listeners: Vec<Listener>,
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
            let listener = bind()?;
            listener.set_nonblocking(true)?;
            let token = Token::new(part, slot);
            let mut listener = Listener { socket: listener, is_up: false, open: Vec::new() };
            listener.rise(reactor, token)?;
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
        self.listeners.iter().map(|listener| Ok(listener.socket.local_addr()?.port())).collect()
    }

    /// Whether the port with this number in the order of ports is open.
    pub fn is_up(&self, port: usize) -> bool {
        self.listeners.get(port).is_some_and(|listener| listener.is_up)
    }

    /// Opens a port again that was closed.
    pub fn rise(&mut self, reactor: &Reactor, port: usize) -> Result<()> {
        let token = Token::new(self.part, port);
        self.listeners.get_mut(port).map_or(Ok(()), |listener| listener.rise(reactor, token))
    }

    /// Closes a port as a server that dies does: connections that wait or are open are cut, whatever they carry.
    pub fn fall(&mut self, reactor: &Reactor, port: usize) -> Result<()> {
        if let Some(listener) = self.listeners.get_mut(port) {
            listener.fall(reactor)?;
        }
        for index in self
            .listeners
            .get_mut(port)
            .map(|listener| std::mem::take(&mut listener.open))
            .unwrap_or_default()
        {
            self.connections[index] = None;
            self.free.push(index);
        }
        Ok(())
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
            let open = &mut self.listeners[connection.port].open;
            open.retain(|other| *other != index);
            self.connections[index] = None;
            self.free.push(index);
        }
        Ok(())
    }

    fn accept(&mut self, reactor: &Reactor, slot: usize) -> Result<()> {
        for _ in 0..64 {
            let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
            let descriptor = match accept_with(&self.listeners[slot].socket, flags) {
                Ok(descriptor) => descriptor,
                Err(Errno::AGAIN) => return Ok(()),
                // The other side may be gone again; that is its own affair.
                Err(Errno::CONNABORTED) => continue,
                Err(error) => return Err(error.into()),
            };
            sockopt::set_tcp_nodelay(&descriptor, true)?;
            let connection = Connection {
                descriptor,
                port: slot,
                owed: 0,
                sent: 0,
                matched: 0,
                answered: false,
                waiting: false,
            };
            let index = self.free.pop().unwrap_or_else(|| {
                self.connections.push(None);
                self.connections.len() - 1
            });
            let token = Token::new(self.part, index + self.listeners.len());
            reactor.add(&connection.descriptor, token, EventFlags::IN)?;
            self.connections[index] = Some(connection);
            self.listeners[slot].open.push(index);
        }
        Ok(())
    }
}

/// A port that is kept whether it is open or not.
struct Listener {
    socket: TcpListener,
    is_up: bool,
    /// The connections that came to it.
    open: Vec<usize>,
}

impl Listener {
    fn rise(&mut self, reactor: &Reactor, token: Token) -> Result<()> {
        // A burst of new connections needs more than the 128 that std lets wait.
        listen(&self.socket, 4096)?;
        reactor.add(&self.socket, token, EventFlags::IN)?;
        self.is_up = true;
        Ok(())
    }

    /// Listens no more; the port stays taken and refuses.
    fn fall(&mut self, reactor: &Reactor) -> Result<()> {
        reactor.remove(&self.socket)?;
        shutdown(&self.socket, Shutdown::Read)?;
        self.is_up = false;
        Ok(())
    }
}

/// A port of the system's choice. It is bound a second time, by its number: only then the kernel lets a socket keep it
/// that does not listen.
fn bind() -> Result<TcpListener> {
    let mut last = None;
    for _ in 0..TRIES {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(listener) => return Ok(listener),
            // Somebody was faster.
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| "no port".to_owned().into(), Into::into))
}

const TRIES: usize = 16;

struct Connection {
    descriptor: OwnedFd,
    /// Which of the ports it came to.
    port: usize,
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
