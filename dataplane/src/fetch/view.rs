//! What a sample may look at.

use std::net::SocketAddr;

use crate::live::{Live, Variables};
use crate::snapshot::{BackendPlan, FrontendPlan, ServerPlan, Snapshot};

/// Everything that is known when a sample is evaluated.
///
/// What is not there yet, or no longer, is absent: a fetch of it gives nothing.
pub struct View<'a> {
    /// The configuration that the stream began with.
    pub snapshot: &'a Snapshot,
    /// What is observed.
    pub live: &'a Live,
    /// The frontend.
    pub frontend: &'a FrontendPlan,
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
    /// Whether nothing more is waited for: the inspection's delay is over, or everything is there.
    pub whole: bool,
    /// Whether it is the first request of the connection.
    pub first: bool,
    /// Variables.
    pub variables: &'a Variables,
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

/// A response's head.
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
}

/// The headers of a message, as rules see them: with what they changed.
pub trait Headers {
    /// Name and value at a position; `None` past the last. A position may be empty.
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>>;
}

impl<'a> dyn Headers + 'a {
    /// Every header in order.
    pub fn all(&self) -> impl Iterator<Item = (&[u8], &[u8])> {
        (0..).map_while(|position| self.at(position)).flatten()
    }

    /// The values of every line of this name, whatever its case.
    pub fn lines<'n>(&'n self, name: &'n [u8]) -> impl Iterator<Item = &'n [u8]> {
        self.all().filter(move |(known, _)| known.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }
}

impl<'a> View<'a> {
    /// The address that the client connected to, as a PROXY protocol header or a rule states it.
    pub fn destination(&self) -> Option<SocketAddr> {
        (self.destination)()
    }
}
