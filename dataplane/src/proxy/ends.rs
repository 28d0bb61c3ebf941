//! The ends of an exchange's connections when neither message is at hand any more, as for its log line.

use std::cell::Cell;
use std::net::SocketAddr;

use crate::fetch::Connection;

/// The ends of connections, as samples ask for them.
pub(crate) struct Ends<'a> {
    pub(super) source: Option<SocketAddr>,
    pub(super) destination: &'a dyn Fn() -> Option<SocketAddr>,
    pub(super) upstream: Option<(Option<SocketAddr>, Option<SocketAddr>)>,
    /// Oddities of protocol: of the client, and of the server.
    pub(super) glitches: (u32, u32),
    pub(super) undecided: Cell<bool>,
}

impl Connection for Ends<'_> {
    fn source(&self) -> Option<SocketAddr> {
        self.source
    }

    fn destination(&self) -> Option<SocketAddr> {
        (self.destination)()
    }

    fn upstream(&self) -> Option<(Option<SocketAddr>, Option<SocketAddr>)> {
        self.upstream
    }

    fn glitches(&self) -> u32 {
        self.glitches.0
    }

    fn upstream_glitches(&self) -> Option<u32> {
        self.upstream.map(|_| self.glitches.1)
    }
}
