//! What one session or exchange was, from its first byte to its last: the material of counters and log lines.

use std::net::SocketAddr;
use std::time::{Instant, SystemTime};

use regate_proto::model::{Name, Severity};

use super::persistence::{Presented, Told};
use crate::fetch::{Captures, Phases};

/// A finished exchange: one HTTP request with its response, or one TCP session.
///
/// Times are instants of the phases; a phase that was not reached is absent, and reads as -1 in a line.
#[derive(Debug)]
pub(crate) struct Record {
    /// The client's address, as a PROXY protocol header states it where there is one; absent for unix sockets.
    pub(crate) client: Option<SocketAddr>,
    /// The address that the client connected to. Only lines without a format show it, so it may be absent for
    /// the others.
    pub(crate) destination: Option<SocketAddr>,
    /// The number of the bind, which stands for the port of a client on a unix socket.
    pub(crate) bind_id: u32,
    /// When the connection was accepted, by the wall clock. For a further request of a connection: when the
    /// response before it had ended.
    pub(crate) accepted_at: SystemTime,
    /// The same by the steady clock.
    pub(crate) accepted: Instant,
    /// When the first byte of the request came (HTTP), or the connection was accepted (TCP, and HTTP where not a
    /// byte came), by the wall clock.
    pub(crate) started_at: SystemTime,
    /// The same by the steady clock.
    pub(crate) started: Instant,
    /// When the request's head was complete. Absent in TCP mode and for a request that was refused as malformed
    /// (400), timed out (408) or was not finished.
    pub(crate) received: Option<Instant>,
    /// When the request left the queue for the last time, or needed none. Absent when no server was looked for or
    /// none was there; present when the time in the queue ran out.
    pub(crate) dequeued: Option<Instant>,
    /// When a connection to the server was there, new or kept.
    pub(crate) connected: Option<Instant>,
    /// When the head of the server's response was complete. Absent for replies of the proxy's own.
    pub(crate) responded: Option<Instant>,
    /// When the exchange ended; absent when it still goes on, as with `option logasap`.
    pub(crate) ended: Option<Instant>,
    /// The request line as it came, without the line end. Empty, and shown as `<BADREQ>`, when no complete and
    /// well-formed head came.
    pub(crate) request_line: Vec<u8>,
    /// The status sent to the client. HAProxy also notes the one that it would have sent: 400 for a client that
    /// left before its request was complete (`CR`) or before the response came (`CH`), 408 after a silence (`cR`),
    /// even where the client was sent nothing. Absent in TCP mode.
    pub(crate) status: Option<u16>,
    /// Bytes sent to the client, heads included. HAProxy counts 0 for its 400 and 408 pages to a request whose
    /// head never was complete; other pages of its own count in full.
    pub(crate) bytes_out: u64,
    /// Bytes received from the client.
    pub(crate) bytes_in: u64,
    /// The frontend.
    pub(crate) frontend: Name,
    /// The backend, once routed.
    pub(crate) backend: Option<Name>,
    /// The server, once picked.
    pub(crate) server: Option<Name>,
    /// Who of the proxy itself answered in the place of a server, as lines call it.
    pub(crate) service: Option<&'static str>,
    /// How important the line is, where a rule said so; `Some(None)`: there is none.
    pub(crate) level: Option<Option<Severity>>,
    /// How it ended.
    pub(crate) termination: Termination,
    /// What the client's cookie was, and what became of it in the response; absent where the backend has none to
    /// speak of.
    pub(crate) cookies: Option<(Presented, Told)>,
    /// Attempts after the first.
    pub(crate) retries: u32,
    /// Whether the request went to another server than the one first chosen: a `+` before the retries.
    pub(crate) redispatched: bool,
    /// Concurrent connections at the end: process, frontend, backend, server. The exchange itself is still
    /// counted in the first two, and no longer in the others; with `option logasap`, in all four.
    pub(crate) concurrent: [u32; 4],
    /// The address of the server, once it was connected to; absent for unix sockets and where nobody shows it.
    pub(crate) server_address: Option<SocketAddr>,
    /// The address from which the server was connected to; absent where nobody shows it.
    pub(crate) source: Option<SocketAddr>,
    /// Milliseconds of handshakes before the first request of a connection, such as the PROXY protocol's.
    pub(crate) handshake: u32,
    /// How many requests, or TCP sessions, came before; 0 where nobody shows it.
    pub(crate) request_number: u32,
    /// The identifier of the request, where it has one.
    pub(crate) unique_id: Option<Box<[u8]>>,
    /// How many values of the request and of the response are kept.
    pub(crate) captured: [usize; 2],
    /// What was kept of them.
    pub(crate) captures: Captures,
    /// Where it stood in the server's queue and in the backend's when it went on, counted from 1, summed over
    /// redispatches; 0 where it did not wait.
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
    /// `L`: the proxy answered it itself.
    Local,
    /// `I`: the proxy cannot do what it is to do, or nobody can serve it as the configuration is.
    Internal,
    /// `K`: an administrator cut it.
    Administrator,
    /// `D`: it was cut because its server went down.
    ServerDown,
    /// `U`: it was cut because it was on a backup server that is not needed any more.
    BackupNeedless,
    /// `c`: the client's timeout.
    ClientTimeout,
    /// `s`: the server's timeout.
    ServerTimeout,
}

/// How far an exchange had come; the second letter of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Phase {
    /// `-`: it was over, or had not come to any of the others.
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
    /// `T`: the client was held back.
    Tarpit,
}

impl Record {
    /// The instants of its phases.
    pub(crate) fn phases(&self) -> Phases {
        Phases {
            accepted: self.accepted,
            started: self.started,
            received: self.received,
            dequeued: self.dequeued,
            connected: self.connected,
            responded: self.responded,
            ended: self.ended,
            handshake: self.handshake,
        }
    }
}

impl Termination {
    /// Nothing went wrong.
    pub(crate) const NORMAL: Termination = Termination { cause: Cause::Completed, phase: Phase::Over };

    /// Ended by this cause in this phase.
    pub(crate) const fn new(cause: Cause, phase: Phase) -> Termination {
        Termination { cause, phase }
    }
}
