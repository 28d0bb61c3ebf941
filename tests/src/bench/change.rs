//! A change every millisecond through a text socket, driven by the stage's own loop, so that the changes and the
//! load never wait for each other's thread.

use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use rustix::event::epoll::EventFlags;

use super::histogram::Histogram;
use super::reactor::{Reactor, SECOND, Token, now};
use crate::harness::{Proxy, Result, Trouble};

/// A running series of changes.
pub struct Changes {
    stream: UnixStream,
    /// The port that added servers point to.
    origin: u16,
    start: u64,
    /// The command without its reply, and when it was due.
    waiting: Option<(String, u64)>,
    reply: Vec<u8>,
    account: Account,
}

/// What became of the changes.
#[derive(Clone, Debug, Default)]
pub struct Account {
    /// Commands sent and answered.
    pub commands: u64,
    /// Deletions refused because the server still had a connection; they were tried again.
    pub retried: u64,
    /// Commands refused for any other reason.
    pub refused: u64,
    /// The first such refusal.
    pub first_refusal: Option<String>,
    /// Time from when a change was due to its reply.
    pub latencies: Histogram,
    /// How long the series ran, in seconds.
    pub seconds: f64,
}

impl Changes {
    /// Opens the proxy's text socket in interactive mode, in which every reply ends with the prompt, and begins.
    pub fn begin(reactor: &Reactor, token: Token, proxy: &Proxy, origin: u16) -> Result<Self> {
        let mut stream = proxy.socket()?;
        stream.write_all(b"prompt\n")?;
        let mut reply = Vec::new();
        while !reply.ends_with(PROMPT) {
            let mut byte = [0];
            stream.read_exact(&mut byte)?;
            reply.extend_from_slice(&byte);
        }
        stream.set_nonblocking(true)?;
        reactor.add(&stream, token, EventFlags::IN)?;
        reply.clear();
        Ok(Self { stream, origin, start: now(), waiting: None, reply, account: Account::default() })
    }

    /// Sends the next change if it is due; call it before every wait. Returns when to be called again at the latest.
    pub fn advance(&mut self) -> Result<u64> {
        if self.waiting.is_some() {
            return Ok(now() + SECOND);
        }
        let due = self.start + self.account.commands * INTERVAL;
        if due > now() {
            return Ok(due);
        }
        let command = command(self.account.commands, self.origin);
        // A line is far shorter than the socket's buffer, which is empty between replies.
        self.stream.write_all(format!("{command}\n").as_bytes())?;
        self.waiting = Some((command, due));
        Ok(now() + SECOND)
    }

    /// Reads what there is of a reply.
    pub fn on_ready(&mut self) -> Result<()> {
        let mut chunk = [0; 4096];
        match self.stream.read(&mut chunk) {
            Ok(0) => return Err(Trouble::new(format!("the text socket closed during {:?}", self.waiting))),
            Ok(length) => self.reply.extend_from_slice(&chunk[..length]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
            Err(error) => return Err(error.into()),
        }
        if let Some(text) = self.reply.strip_suffix(PROMPT)
            && let Some((command, due)) = self.waiting.take()
        {
            self.account.commands += 1;
            self.account.latencies.record(now().saturating_sub(due));
            self.account.judge(&command, String::from_utf8_lossy(text).trim());
            self.reply.clear();
        }
        Ok(())
    }

    /// What became of the changes so far.
    pub fn account(&self) -> Account {
        Account { seconds: (now() - self.start) as f64 / SECOND as f64, ..self.account.clone() }
    }

    /// How many changes have been answered so far.
    pub fn count(&self) -> u64 {
        self.account.commands
    }
}

impl Account {
    fn judge(&mut self, command: &str, reply: &str) {
        let fine = match command.split(' ').next() {
            Some("add") => reply == "New server registered.",
            Some("del") => reply == "Server deleted.",
            _ => reply.is_empty(),
        };
        if fine {
            return;
        }
        // Both follow from a deletion that has to wait for the server's last connection.
        if reply.contains("still has connections") || reply.contains("Already exists a server") {
            self.retried += 1;
            return;
        }
        self.refused += 1;
        self.first_refusal.get_or_insert_with(|| format!("{command}: {reply}"));
    }
}

/// The series: eight kinds of change in a circle, over sixteen names of added servers. A server is added, made
/// ready, weighted, put into maintenance, and deleted half a circle of names later.
fn command(number: u64, origin: u16) -> String {
    let circle = number / 8;
    let name = circle % 16;
    match number % 8 {
        0 => format!("set server app/s1 weight {}", 1 + circle % 200),
        1 => format!("add server app/d{name} 127.0.0.1:{origin} pool-max-conn 0"),
        2 => format!("set server app/d{name} state ready"),
        3 => format!("set server app/d{name} weight {}", 1 + circle % 50),
        4 => "set server app/s2 state drain".to_owned(),
        5 => "set server app/s2 state ready".to_owned(),
        6 => format!("set server app/d{name} state maint"),
        // In the first half circle there is nothing to delete yet.
        _ if circle < 8 => "set server app/s2 weight 1".to_owned(),
        _ => format!("del server app/d{}", (name + 8) % 16),
    }
}

const PROMPT: &[u8] = b"\n> ";

/// Nanoseconds between changes.
const INTERVAL: u64 = 1_000_000;
