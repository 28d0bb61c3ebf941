//! The load generator: connections, the pace of requests, and the latencies.
//!
//! At an open pace a request is due at its place in a fixed timetable, whatever became of those before it; its
//! latency counts from there, so a stall of the proxy shows in every request that it delayed.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

use rustix::event::epoll::EventFlags;
use rustix::io::Errno;
use rustix::net::{
    AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, bind, connect, recv, send, socket_with,
    sockopt,
};

use super::histogram::Histogram;
use super::reactor::{Reactor, SECOND, Token, now};
use crate::harness::Result;

/// What load to put on a proxy.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the proxy listens.
    pub target: SocketAddr,
    /// The request, rendered. Each `#` in it stands for a digit that is another one in every request.
    pub request: Vec<u8>,
    /// How many connections there are at most.
    pub connections: usize,
    /// When requests are sent.
    pub pace: Pace,
    /// Whether every request has a connection of its own, which the proxy closes.
    pub renews: bool,
    /// How many addresses of 127.1.0.0/16 the connections come from; 0 for 127.0.0.1.
    pub sources: u16,
}

/// When requests are sent.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Pace {
    /// Each connection sends its next request when it has the answer.
    Closed,
    /// This many requests a second by the timetable, on any connection that is free.
    Open(f64),
    /// One request per connection, at most this many at a time; the connections stay open.
    Once(usize),
}

/// What came of it.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Answers with status 200, complete.
    pub answered: u64,
    /// Requests without such an answer: another status, a cut or refused connection.
    pub failed: u64,
    /// What the first failure was.
    pub first_failure: Option<String>,
    /// Time from when a request was due to its answer's last byte.
    pub latencies: Histogram,
}

/// The running load.
pub struct Load {
    part: u32,
    plan: Plan,
    connections: Vec<Option<Connection>>,
    idle: Vec<usize>,
    /// Due times of requests that found no free connection.
    backlog: VecDeque<u64>,
    start: u64,
    /// How many requests of the timetable have come due.
    issued: u64,
    stopping: bool,
    buffer: Vec<u8>,
    tally: Tally,
    /// Where the request's digits change.
    digits: Vec<usize>,
    random: u64,
}

impl Load {
    /// A load that has not begun.
    pub fn new(part: u32, plan: Plan) -> Self {
        Self {
            part,
            digits: plan.request.iter().enumerate().filter(|(_, b)| **b == b'#').map(|(at, _)| at).collect(),
            random: SEED,
            connections: (0..plan.connections).map(|_| None).collect(),
            idle: (0..plan.connections).rev().collect(),
            plan,
            backlog: VecDeque::new(),
            start: now(),
            issued: 0,
            stopping: false,
            buffer: vec![0; 256 * 1024],
            tally: Tally::default(),
        }
    }

    /// Sends what is due; call it before every wait. Returns when to be called again at the latest.
    pub fn advance(&mut self, reactor: &Reactor) -> Result<u64> {
        let never = now() + SECOND;
        if self.stopping {
            return Ok(never);
        }
        match self.plan.pace {
            Pace::Closed => {
                // Slots that fail come back to the list: they wait for the next call.
                for slot in std::mem::take(&mut self.idle) {
                    self.begin(reactor, slot, now())?;
                }
                Ok(if self.idle.is_empty() { never } else { now() + RETRY })
            }
            Pace::Once(limit) => {
                let most = self.plan.connections as u64;
                while self.issued < most && self.issued < self.done() + limit as u64 {
                    let Some(slot) = self.idle.pop() else { break };
                    self.issued += 1;
                    self.begin(reactor, slot, now())?;
                }
                Ok(never)
            }
            Pace::Open(rate) => {
                let interval = SECOND as f64 / rate;
                loop {
                    let due = self.start + (self.issued as f64 * interval) as u64;
                    if due > now() {
                        return Ok(due);
                    }
                    self.issued += 1;
                    match self.idle.pop() {
                        Some(slot) => self.begin(reactor, slot, due)?,
                        None => self.backlog.push_back(due),
                    }
                }
            }
        }
    }

    /// Handles one ready connection.
    pub fn on_ready(&mut self, reactor: &Reactor, slot: usize, flags: EventFlags) -> Result<()> {
        let Some(Some(connection)) = self.connections.get_mut(slot) else { return Ok(()) };
        if connection.unsent && flags.contains(EventFlags::OUT) {
            let token = Token::new(self.part, slot);
            if let Err(error) = connection.send(reactor, token, &self.plan.request) {
                self.fail(slot, &format!("sending: {error}"));
            }
            return Ok(());
        }
        if let Some(progress) = connection.receive(&mut self.buffer, self.plan.renews) {
            self.settle(reactor, slot, progress)?;
        }
        Ok(())
    }

    /// Forgets what was tallied; the timetable starts anew.
    pub fn restart_tally(&mut self) {
        self.tally = Tally::default();
        if let Pace::Open(_) = self.plan.pace {
            (self.start, self.issued) = (now(), 0);
            self.backlog.clear();
        }
    }

    /// What has been tallied since.
    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// Sends nothing new from now on.
    pub fn stop(&mut self) {
        self.stopping = true;
        self.backlog.clear();
    }

    /// Whether no request is without its answer.
    pub fn is_quiet(&self) -> bool {
        self.backlog.is_empty()
            && self.connections.iter().flatten().all(|connection| connection.due.is_none())
    }

    /// Requests that have their answer or failed.
    fn done(&self) -> u64 {
        self.tally.answered + self.tally.failed
    }

    /// Sends a request that was due at `due` on the slot's connection, opening one if there is none.
    fn begin(&mut self, reactor: &Reactor, slot: usize, due: u64) -> Result<()> {
        let token = Token::new(self.part, slot);
        if self.connections[slot].is_none() {
            match Connection::open(reactor, token, self.plan.target, source(slot, self.plan.sources)) {
                Ok(connection) => self.connections[slot] = Some(connection),
                Err(error) => {
                    self.fail(slot, &format!("connecting: {error}"));
                    return Ok(());
                }
            }
        }
        self.vary();
        if let Some(connection) = &mut self.connections[slot] {
            connection.due = Some(due);
            if let Err(error) = connection.send(reactor, token, &self.plan.request) {
                self.fail(slot, &format!("sending: {error}"));
            }
        }
        Ok(())
    }

    /// Writes other digits into the request. One that could not be sent at once goes out with those of a later one.
    fn vary(&mut self) {
        for digits in self.digits.chunks(KEY_DIGITS) {
            // Xorshift by Marsaglia: as cheap as a request must be here.
            self.random ^= self.random << 13;
            self.random ^= self.random >> 7;
            self.random ^= self.random << 17;
            let mut number = self.random >> 20;
            for at in digits {
                self.plan.request[*at] = b'0' + (number % 10) as u8;
                number /= 10;
            }
        }
    }

    fn settle(&mut self, reactor: &Reactor, slot: usize, progress: Progress) -> Result<()> {
        match progress {
            Progress::Answered { due, ended } => {
                self.tally.answered += 1;
                self.tally.latencies.record(now().saturating_sub(due));
                if self.plan.renews && !ended {
                    // The proxy's end is still to come; the slot is free after it.
                    return Ok(());
                }
                if ended {
                    self.connections[slot] = None;
                }
                self.release(reactor, slot)
            }
            Progress::Ended => {
                self.connections[slot] = None;
                // An idle connection's slot is free already, unless it waited for this end.
                if self.plan.renews { self.release(reactor, slot) } else { Ok(()) }
            }
            Progress::Failed(how) => {
                self.fail(slot, &how);
                Ok(())
            }
        }
    }

    /// Gives the slot its next request, or notes that it is free.
    fn release(&mut self, reactor: &Reactor, slot: usize) -> Result<()> {
        if let Some(due) = self.backlog.pop_front() {
            return self.begin(reactor, slot, due);
        }
        match self.plan.pace {
            Pace::Closed if !self.stopping => self.begin(reactor, slot, now()),
            // The connection stays open and is not used again.
            Pace::Once(_) => Ok(()),
            Pace::Closed | Pace::Open(_) => {
                self.idle.push(slot);
                Ok(())
            }
        }
    }

    fn fail(&mut self, slot: usize, how: &str) {
        self.tally.failed += 1;
        self.tally.first_failure.get_or_insert_with(|| how.to_owned());
        self.connections[slot] = None;
        self.idle.push(slot);
    }
}

struct Connection {
    descriptor: OwnedFd,
    /// When the request under way was due.
    due: Option<u64>,
    unsent: bool,
    /// The beginning of a head that is not complete.
    partial: Vec<u8>,
    /// Bytes of the body still to come; none while in the head.
    remaining: Option<u64>,
}

enum Progress {
    Answered { due: u64, ended: bool },
    Ended,
    Failed(String),
}

impl Connection {
    fn open(reactor: &Reactor, token: Token, target: SocketAddr, source: Option<SocketAddr>) -> Result<Self> {
        let flags = SocketFlags::NONBLOCK | SocketFlags::CLOEXEC;
        let descriptor = socket_with(AddressFamily::INET, SocketType::STREAM, flags, None)?;
        sockopt::set_tcp_nodelay(&descriptor, true)?;
        if let Some(source) = source {
            bind(&descriptor, &source)?;
        }
        match connect(&descriptor, &target) {
            Ok(()) | Err(Errno::INPROGRESS) => {}
            Err(error) => return Err(error.into()),
        }
        reactor.add(&descriptor, token, EventFlags::IN)?;
        Ok(Self { descriptor, due: None, unsent: false, partial: Vec::new(), remaining: None })
    }

    /// Sends the whole request; on loopback a connection is nearly always ready for it at once.
    fn send(&mut self, reactor: &Reactor, token: Token, request: &[u8]) -> Result<()> {
        match send(&self.descriptor, request, SendFlags::NOSIGNAL) {
            Ok(length) if length == request.len() => {
                if self.unsent {
                    reactor.modify(&self.descriptor, token, EventFlags::IN)?;
                    self.unsent = false;
                }
                Ok(())
            }
            Ok(length) => Err(format!("only {length} bytes of the request went out").into()),
            Err(Errno::AGAIN | Errno::NOTCONN) => {
                if !self.unsent {
                    reactor.modify(&self.descriptor, token, EventFlags::IN | EventFlags::OUT)?;
                    self.unsent = true;
                }
                Ok(())
            }
            Err(error) => Err(error.into()),
        }
    }

    /// Reads what there is, up to one answer. None: more is to come.
    fn receive(&mut self, buffer: &mut [u8], to_end: bool) -> Option<Progress> {
        loop {
            // Of a body only the length matters: the kernel drops its bytes.
            let flags = if self.remaining.is_some() { RecvFlags::TRUNC } else { RecvFlags::empty() };
            let length = match recv(&self.descriptor, &mut *buffer, flags) {
                Ok((_, length)) => length,
                Err(Errno::AGAIN) => return None,
                Err(error) => return Some(self.end(&error.to_string())),
            };
            if length == 0 {
                return Some(self.end("the proxy closed without an answer"));
            }
            if let Err(how) = self.consume(&buffer[..length.min(buffer.len())], length) {
                return Some(Progress::Failed(how));
            }
            if self.remaining == Some(0) {
                self.remaining = None;
                let Some(due) = self.due.take() else {
                    return Some(Progress::Failed("an answer without a request".to_owned()));
                };
                // The proxy's end often came along with the answer.
                let ended = to_end && matches!(recv(&self.descriptor, &mut *buffer, flags), Ok((_, 0)));
                return Some(Progress::Answered { due, ended });
            }
            if length < buffer.len() && self.remaining.is_none() {
                return None;
            }
        }
    }

    fn consume(&mut self, bytes: &[u8], length: usize) -> std::result::Result<(), String> {
        if let Some(remaining) = &mut self.remaining {
            *remaining = remaining
                .checked_sub(length as u64)
                .ok_or_else(|| "more bytes than the answer announced".to_owned())?;
            return Ok(());
        }
        if self.partial.is_empty() {
            self.remaining = body_left(bytes)?;
            if self.remaining.is_none() {
                self.partial.extend_from_slice(bytes);
            }
        } else {
            self.partial.extend_from_slice(bytes);
            self.remaining = body_left(&self.partial)?;
            if self.remaining.is_some() {
                self.partial.clear();
            }
        }
        Ok(())
    }

    fn end(&mut self, how: &str) -> Progress {
        if self.due.is_some() { Progress::Failed(how.to_owned()) } else { Progress::Ended }
    }
}

/// The address of its own that a slot's connections come from, where there are several.
fn source(slot: usize, sources: u16) -> Option<SocketAddr> {
    let number = u16::try_from(slot.checked_rem(usize::from(sources))?).ok()?;
    let [high, low] = number.to_be_bytes();
    Some(SocketAddr::from((Ipv4Addr::new(127, 1, high, low), 0)))
}

/// How many bytes of the body are missing behind a complete head of a 200 answer; none while it is incomplete.
fn body_left(bytes: &[u8]) -> std::result::Result<Option<u64>, String> {
    let Some(head) = bytes.windows(4).position(|window| window == b"\r\n\r\n").map(|at| at + 4) else {
        return Ok(None);
    };
    let line = || {
        String::from_utf8_lossy(bytes.split(|byte| *byte == b'\r').next().unwrap_or_default()).into_owned()
    };
    if bytes.get(8..13) != Some(b" 200 ") {
        return Err(line());
    }
    let length = bytes[..head]
        .split(|byte| *byte == b'\n')
        .find(|line| line.len() > NAME.len() && line[..NAME.len()].eq_ignore_ascii_case(NAME))
        .and_then(|line| std::str::from_utf8(&line[NAME.len()..]).ok())
        .and_then(|value| value.trim().parse::<u64>().ok())
        .ok_or_else(|| format!("{} without a Content-Length", line()))?;
    let here = (bytes.len() - head) as u64;
    length.checked_sub(here).map(Some).ok_or_else(|| "more bytes than the answer announced".to_owned())
}

/// Nanoseconds until a failed connection is tried again at a closed pace.
const RETRY: u64 = 1_000_000;

/// Digits that are drawn together: one number below a million.
const KEY_DIGITS: usize = 6;
const SEED: u64 = 0x2545_f491_4f6c_dd1d;

const NAME: &[u8] = b"content-length:";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_measured_by_its_head() {
        let head = b"HTTP/1.1 200 OK\r\nContent-length: 5\r\n\r\n";
        assert_eq!(body_left(&head[..head.len() - 1]), Ok(None));
        assert_eq!(body_left(head), Ok(Some(5)));
        assert_eq!(body_left(b"HTTP/1.1 200 OK\r\nContent-length: 5\r\n\r\nab"), Ok(Some(3)));
        assert!(body_left(b"HTTP/1.1 503 No\r\nContent-length: 5\r\n\r\n").is_err());
        assert!(body_left(b"HTTP/1.1 200 OK\r\nContent-length: 1\r\n\r\nab").is_err());
    }
}
