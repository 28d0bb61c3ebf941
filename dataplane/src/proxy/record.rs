//! What one session or exchange was, from its first byte to its last: the material of counters and log lines.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use regate_proto::model::Name;

/// A finished exchange: one HTTP request with its response, or one TCP session.
///
/// Times are instants of the phases; a phase that was not reached is absent, and reads as -1 in a line.
#[derive(Debug)]
pub(crate) struct Record {
    /// The client's address; absent for unix sockets.
    pub(crate) client: Option<SocketAddr>,
    /// When the connection was accepted, by the wall clock.
    pub(crate) accepted_at: SystemTime,
    /// When the connection was accepted.
    pub(crate) accepted: Instant,
    /// When the first byte of the request came (HTTP), or the connection was accepted (TCP), by the wall clock.
    pub(crate) started_at: SystemTime,
    /// The same by the steady clock.
    pub(crate) started: Instant,
    /// When the request's head was complete.
    pub(crate) received: Option<Instant>,
    /// When the request left the queue, or needed none.
    pub(crate) dequeued: Option<Instant>,
    /// When a connection to the server was there.
    pub(crate) connected: Option<Instant>,
    /// When the response's head was complete.
    pub(crate) responded: Option<Instant>,
    /// When the exchange ended.
    pub(crate) ended: Option<Instant>,
    /// The request line as it came, without the line end; empty when none came.
    pub(crate) request_line: Vec<u8>,
    /// The status sent to the client; absent when none was.
    pub(crate) status: Option<u16>,
    /// Bytes sent to the client.
    pub(crate) bytes_out: u64,
    /// Bytes received from the client.
    pub(crate) bytes_in: u64,
    /// The frontend.
    pub(crate) frontend: Name,
    /// The backend, once routed.
    pub(crate) backend: Option<Name>,
    /// The server, once picked.
    pub(crate) server: Option<Name>,
    /// How it ended.
    pub(crate) termination: Termination,
    /// Attempts to connect after the first; negative never.
    pub(crate) retries: u32,
    /// Whether the request went to another server than the one first chosen: a `+` before the retries.
    pub(crate) redispatched: bool,
    /// Concurrent connections at the end: process, frontend, backend, server.
    pub(crate) concurrent: [u32; 4],
    /// Requests ahead in the server's queue and in the backend's.
    pub(crate) queued: [u32; 2],
}

/// How an exchange ended (configuration manual 8.5 "Session state at disconnection").
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Termination {
    /// What ended it.
    pub(crate) cause: Cause,
    /// How far it had come.
    pub(crate) phase: Phase,
}

/// What ended an exchange; the first letter of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// `-`: it completed.
    Completed,
    /// `C`: the client aborted.
    Client,
    /// `S`: the server aborted or refused.
    Server,
    /// `P`: the proxy ended it, by a limit, a rule or a malformed message.
    Proxy,
    /// `L`: the proxy answered by itself.
    Local,
    /// `R`: a resource of the proxy ran out.
    Resource,
    /// `I`: a failure of the proxy itself.
    Internal,
    /// `K`: an administrator cut it.
    Killed,
    /// `c`: the client's timeout.
    ClientTimeout,
    /// `s`: the server's timeout.
    ServerTimeout,
}

/// How far an exchange had come; the second letter of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `-`: it was over.
    Over,
    /// `R`: the request was awaited.
    Request,
    /// `Q`: in the queue.
    Queue,
    /// `C`: connecting to the server.
    Connect,
    /// `H`: the response's head was awaited.
    Headers,
    /// `D`: data was on its way.
    Data,
    /// `L`: the last data was on its way to the client.
    Last,
    /// `T`: the request was held in the tarpit.
    Tarpit,
}

impl Termination {
    /// Nothing went wrong.
    pub(crate) const NORMAL: Termination = Termination { cause: Cause::Completed, phase: Phase::Over };

    /// Ended by this cause in this phase.
    pub(crate) const fn new(cause: Cause, phase: Phase) -> Termination {
        Termination { cause, phase }
    }
}
