//! What a sample may look at.

use std::cell::{Cell, OnceCell};
use std::net::SocketAddr;
use std::time::SystemTime;

use super::hello::Read;
use super::opening::Opening;
use super::{Account, Captures};
use crate::live::{Live, Priority, Variables};
use crate::snapshot::{BackendPlan, FrontendPlan, ServerPlan, Snapshot};

/// Everything that is known when a sample is evaluated.
///
/// What is not there yet, or no longer, is absent: a fetch of it gives nothing.
pub struct View<'a> {
    /// The configuration that the stream began with.
    pub snapshot: &'a Snapshot,
    /// What is observed.
    pub live: &'a Live,
    /// The process's clock, in milliseconds.
    pub now: u64,
    /// The frontend; a health check has none.
    pub frontend: Option<&'a FrontendPlan>,
    /// The backend, once there is one.
    pub backend: Option<&'a BackendPlan>,
    /// The server, once there is one.
    pub server: Option<&'a ServerPlan>,
    /// The client's address, as a PROXY protocol header or a rule states it.
    pub source: Option<SocketAddr>,
    /// Finds the address that the client connected to, which may take a system call.
    pub destination: &'a dyn Fn() -> Option<SocketAddr>,
    /// The number of the bind that accepted the client.
    pub bind_id: u32,
    /// The request.
    pub request: Option<Request<'a>>,
    /// The response.
    pub response: Option<Response<'a>>,
    /// What the client has sent in TCP mode, as far as it was looked at.
    pub payload: &'a [u8],
    /// Where that is read as a request, once somebody asks for one; absent where nobody may.
    pub opening: Option<&'a OnceCell<Read<Opening>>>,
    /// Whether nothing more is waited for: the inspection's delay is over, or everything is there.
    pub whole: bool,
    /// Whether it is the first request of the connection.
    pub first: bool,
    /// Variables.
    pub variables: &'a Variables,
    /// What the server has sent in TCP mode, as far as it was looked at.
    pub answer: &'a [u8],
    /// Set by a fetch whose value may be another, or be there at all, once more has come. Who asks clears it first.
    pub undecided: &'a Cell<bool>,
    /// What the connections alone can tell.
    pub connection: &'a dyn Connection,
    /// What else is known.
    pub facts: Facts<'a>,
}

/// How an exchange went so far.
#[derive(Clone, Copy, Debug, Default)]
pub struct Course {
    /// Whether it failed.
    pub failed: bool,
    /// Whether a server was chosen for it.
    pub forwarded: bool,
    /// Whether a service of the proxy's own answers.
    pub served: bool,
}

/// What is known of a stream besides its messages. What is absent is not known, or has not happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Facts<'a> {
    /// Which worker serves, from 0 on.
    pub worker: usize,
    /// When the client was accepted.
    pub accepted: Option<SystemTime>,
    /// The exchange so far.
    pub account: Option<Account>,
    /// The client's timeout that a rule set, in milliseconds.
    pub client_timeout: Option<u32>,
    /// The server's timeout that a rule set, in milliseconds.
    pub server_timeout: Option<u32>,
    /// The tunnel's timeout that a rule set, in milliseconds.
    pub tunnel_timeout: Option<u32>,
    /// The place in queues that rules asked for.
    pub priority: Priority,
    /// The id that the request was given.
    pub unique_id: Option<&'a [u8]>,
    /// File and line of the rule that ended an evaluation last.
    pub last_rule: Option<(&'a str, u32)>,
    /// The file and line of the rule at which it waits.
    pub waiting_rule: Option<(&'a str, u32)>,
    /// How the exchange went so far.
    pub course: Course,
    /// The first line of the request as the client sent it, whatever rules made of it.
    pub sent: Option<Sent<'a>>,
    /// Whether a response of HTTP is awaited, of which nothing is there yet.
    pub awaits_response: bool,
    /// What was captured of the messages.
    pub captures: Option<&'a Captures>,
}

/// The first line of a request as it came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sent<'a> {
    /// The method.
    pub method: &'a [u8],
    /// The target.
    pub target: &'a [u8],
    /// `1.0` or `1.1`.
    pub version: &'a str,
}

impl<'a> Sent<'a> {
    /// Cuts a line into its parts; nothing where it has not all of them.
    pub fn cut(line: &'a [u8]) -> Option<Sent<'a>> {
        let first = memchr::memchr(b' ', line)?;
        let last = memchr::memrchr(b' ', line).filter(|last| *last > first)?;
        let version = std::str::from_utf8(line.get(last + 1..)?).ok()?.strip_prefix("HTTP/")?;
        Some(Sent { method: line.get(..first)?, target: line.get(first + 1..last)?, version })
    }
}

/// What only connections can tell. Each answer may cost a system call, hence none is had before it is asked for.
pub trait Connection {
    /// The client's address as the socket has it, whatever a PROXY protocol header or rules say.
    fn source(&self) -> Option<SocketAddr> {
        None
    }

    /// The address that the client connected to, alike.
    fn destination(&self) -> Option<SocketAddr> {
        None
    }

    /// What the kernel measures of the client's connection.
    fn measures(&self) -> Option<Measures> {
        None
    }

    /// What the kernel measures of the connection to the server.
    fn upstream_measures(&self) -> Option<Measures> {
        None
    }

    /// What the PROXY protocol header said besides addresses, where there was one.
    fn proxied(&self) -> Option<&Proxied> {
        None
    }

    /// What went wrong with the client's connection (configuration manual 7.3.3 "fc_err_str"); 0 for nothing.
    fn error(&self) -> u8 {
        0
    }

    /// Oddities of protocol on the client's connection so far.
    fn glitches(&self) -> u32 {
        0
    }

    /// The same on the connection to the server; `None` where there is none.
    fn upstream_glitches(&self) -> Option<u32> {
        self.upstream().map(|_| 0)
    }

    /// The ends of the connection to the server, from and to, once there is one.
    fn upstream(&self) -> Option<(Option<SocketAddr>, Option<SocketAddr>)> {
        None
    }

    /// What went wrong with the connection to the server; 0 for nothing, `None` where there is none.
    fn upstream_error(&self) -> Option<u8> {
        self.upstream().map(|_| 0)
    }
}

/// A client that is no connection, such as what is evaluated without one.
impl Connection for () {}

/// What the kernel measures of a TCP connection. Times are in microseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Measures {
    /// The round-trip time.
    pub round_trip: u32,
    /// How much it varies.
    pub variance: u32,
    /// Segments sent and not acknowledged yet.
    pub unacked: u32,
    /// Segments acknowledged selectively.
    pub sacked: u32,
    /// Segments deemed lost.
    pub lost: u32,
    /// Segments being sent again.
    pub retransmitted: u32,
    /// Segments acknowledged ahead.
    pub facked: u32,
    /// How far segments are reordered.
    pub reordering: u32,
}

/// What a PROXY protocol header says besides addresses ("The PROXY protocol" 2.2.1).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Proxied {
    /// The name of the host that the client asked for.
    pub authority: Option<Box<[u8]>>,
    /// What the connection is called by who sent the header.
    pub unique_id: Option<Box<[u8]>>,
    /// All that was said, by type, in order.
    pub extensions: Vec<(u8, Box<[u8]>)>,
}

/// A request's head and what has come of its body.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// The method as spelled.
    pub method: &'a [u8],
    /// The target as spelled.
    pub target: &'a [u8],
    /// `1.0` or `1.1`.
    pub version: &'a str,
    /// The headers.
    pub headers: &'a dyn Headers,
    /// What has come of the body, without framing.
    pub body: &'a [u8],
    /// The body's whole length, where it is told.
    pub body_length: Option<u64>,
}

/// A response's head and what has come of its body.
#[derive(Clone, Copy)]
pub struct Response<'a> {
    /// The status.
    pub status: u16,
    /// `1.0` or `1.1`.
    pub version: &'a str,
    /// The reason phrase.
    pub reason: &'a [u8],
    /// The headers.
    pub headers: &'a dyn Headers,
    /// What has come of the body, without framing.
    pub body: &'a [u8],
    /// The body's whole length, where it is told.
    pub body_length: Option<u64>,
    /// How many bytes of the response have come, head included.
    pub came: usize,
}

/// The headers of a message, as rules see them: with what they changed.
pub trait Headers {
    /// Name and value at a position; `None` past the last. A position may be empty.
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>>;

    /// The first value at this position or later whose line has this name, whatever its case, with its position.
    fn named(&self, name: &[u8], from: usize) -> Option<(usize, &[u8])> {
        (from..).map_while(|position| Some((position, self.at(position)?))).find_map(|(position, line)| {
            let (known, value) = line?;
            known.eq_ignore_ascii_case(name).then_some((position, value))
        })
    }
}

impl<'a> dyn Headers + 'a {
    /// Every header in order.
    pub fn all(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..).map_while(|position| self.at(position)).flatten()
    }

    /// The values of every line of this name, whatever its case.
    pub fn lines<'n>(&'n self, name: &'n [u8]) -> impl Iterator<Item = &'n [u8]> {
        let mut next = 0;
        std::iter::from_fn(move || {
            let (position, value) = self.named(name, next)?;
            next = position + 1;
            Some(value)
        })
    }
}

impl<'a> View<'a> {
    /// The request, also one that is read from what the client sent in TCP mode.
    pub(super) fn request(&self) -> Option<Request<'a>> {
        if self.request.is_some() {
            return self.request;
        }
        match self.opening?.get_or_init(|| Opening::read(self.payload)) {
            Read::Found(opening) => Some(opening.request()),
            Read::Partial => {
                self.doubt();
                None
            }
            Read::Foreign => None,
        }
    }

    /// Notes that what is told now may be told otherwise once more has come.
    pub(super) fn doubt(&self) {
        if !self.whole {
            self.undecided.set(true);
        }
    }

    /// The address that the client connected to, as a PROXY protocol header or a rule states it.
    pub fn destination(&self) -> Option<SocketAddr> {
        (self.destination)()
    }
}
