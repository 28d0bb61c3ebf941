//! Many commands at once through a text socket, driven by the stage's own loop beside a load.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use rustix::event::epoll::EventFlags;

use super::reactor::{Reactor, Token, now};
use crate::harness::{Proxy, Result, Trouble};

/// Commands under way.
pub struct Bulk {
    stream: UnixStream,
    /// What is to be sent, and how much of it has been.
    commands: Vec<u8>,
    sent: usize,
    begun: u64,
    receipt: Receipt,
    buffer: Vec<u8>,
    is_over: bool,
}

/// What came of them.
#[derive(Clone, Debug, Default)]
pub struct Receipt {
    /// From the first byte sent to the end of the replies.
    pub time: Duration,
    /// Bytes of the replies, prompts included.
    pub bytes: u64,
    /// Lines of the replies.
    pub lines: u64,
    /// The first words of the replies, prompts left out; empty where every command was answered by an empty line.
    pub words: String,
}

impl Bulk {
    /// Begins to send commands, each with its line's end, in the mode in which the connection stays open; it is
    /// closed after the last.
    pub fn begin(reactor: &Reactor, token: Token, proxy: &Proxy, commands: &[u8]) -> Result<Self> {
        let stream = proxy.socket()?;
        stream.set_nonblocking(true)?;
        reactor.add(&stream, token, EventFlags::IN | EventFlags::OUT)?;
        let commands = [b"prompt\n", commands, b"quit\n"].concat();
        let buffer = vec![0; 256 * 1024];
        let receipt = Receipt::default();
        Ok(Self { stream, commands, sent: 0, begun: now(), receipt, buffer, is_over: false })
    }

    /// Sends and reads what can be, up to a bound so that the load is not held up.
    pub fn on_ready(&mut self, reactor: &Reactor, token: Token, flags: EventFlags) -> Result<()> {
        if flags.contains(EventFlags::OUT) && self.sent < self.commands.len() {
            let end = (self.sent + AT_ONCE).min(self.commands.len());
            match self.stream.write(&self.commands[self.sent..end]) {
                Ok(length) => self.sent += length,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => return Err(Trouble::from(error).while_doing("sending commands")),
            }
            if self.sent == self.commands.len() {
                reactor.modify(&self.stream, token, EventFlags::IN)?;
            }
        }
        match self.stream.read(&mut self.buffer) {
            Ok(0) if self.sent < self.commands.len() => {
                let words = &self.receipt.words;
                Err(Trouble::new(format!("the text socket closed before it had read everything: {words}")))
            }
            Ok(0) => {
                self.receipt.time = Duration::from_nanos(now() - self.begun);
                self.is_over = true;
                Ok(reactor.remove(&self.stream)?)
            }
            Ok(length) => {
                self.receipt.note(&self.buffer[..length]);
                Ok(())
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(Trouble::from(error).while_doing("reading replies")),
        }
    }

    /// Whether everything is answered.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// What came of it.
    pub fn receipt(self) -> Receipt {
        self.receipt
    }
}

impl Receipt {
    fn note(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.lines += bytes.iter().filter(|byte| **byte == b'\n').count() as u64;
        if self.words.len() < WORDS {
            let prompt = |byte: &&u8| !b"> +\n".contains(byte);
            let mut rest = bytes.iter().skip_while(|byte| !prompt(byte)).copied();
            let words: Vec<u8> = rest.by_ref().take(WORDS).collect();
            self.words.push_str(&String::from_utf8_lossy(&words));
        }
    }
}

/// Bytes sent in one turn.
const AT_ONCE: usize = 64 * 1024;
/// About how many bytes of the replies are kept.
const WORDS: usize = 200;
