//! What stands around a message under rules: the connections, the request that has gone, the headers.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::buffer::Buffer;
use super::descriptor::tcp_measures;
use super::h1::{Body, Fields, Framing, RequestHead, ResponseHead};
use super::rules::spelled;
use super::session::Session;
use super::story::address_of;
use super::stream::Stream;
use super::upstream::Way;
use crate::fetch::{Account, Connection, Headers, Measures, Proxied, Sent};
use crate::snapshot::{BackendPlan, ServerPlan, Snapshot};

/// Everything around a message.
#[derive(Clone, Copy)]
pub(super) struct Scene<'d> {
    pub(super) session: &'d Session,
    pub(super) snapshot: &'d Snapshot,
    pub(super) backend: Option<&'d BackendPlan>,
    pub(super) server: Option<&'d ServerPlan>,
    /// The identifier of the request, where it has one.
    pub(super) unique_id: Option<&'d [u8]>,
    /// What is known of the request once it has gone.
    pub(super) past: Past<'d>,
}

/// What is known of a request that has gone to a server.
#[derive(Clone, Copy, Default)]
pub(super) struct Past<'d> {
    /// The first line as it came.
    pub(super) sent: Option<Sent<'d>>,
    /// The connection to the server.
    pub(super) upstream: Option<&'d Stream>,
    /// How it fared so far.
    pub(super) account: Option<Account>,
}

/// The headers of a message, as samples see them.
pub(super) struct Lines<'l> {
    pub(super) fields: &'l Fields,
    pub(super) buffer: &'l [u8],
}

impl Headers for Lines<'_> {
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>> {
        self.fields.at(position, self.buffer)
    }

    fn named(&self, name: &[u8], from: usize) -> Option<(usize, &[u8])> {
        self.fields.named(self.buffer, name, from)
    }
}

impl Connection for Session {
    fn source(&self) -> Option<SocketAddr> {
        self.stream.peer()
    }

    fn destination(&self) -> Option<SocketAddr> {
        self.stream.local()
    }

    fn proxied(&self) -> Option<&Proxied> {
        self.proxied.as_deref()
    }

    fn glitches(&self) -> u32 {
        self.stream.glitches()
    }

    fn measures(&self) -> Option<Measures> {
        measures(&self.stream)
    }
}

/// What the kernel measures of a connection.
fn measures(stream: &Stream) -> Option<Measures> {
    let info = tcp_measures(stream).ok()?;
    // Places in `struct tcp_info`, counted in integers of 32 bits.
    Some(Measures {
        unacked: info[6],
        sacked: info[7],
        lost: info[8],
        retransmitted: info[9],
        facked: info[10],
        round_trip: info[17],
        variance: info[18],
        reordering: info[22],
    })
}

/// A session with its connection to a server.
pub(super) struct Linked<'l> {
    pub(super) session: &'l Session,
    pub(super) past: Past<'l>,
    pub(super) server: Option<&'l ServerPlan>,
}

impl Connection for Linked<'_> {
    fn source(&self) -> Option<SocketAddr> {
        self.session.source()
    }

    fn destination(&self) -> Option<SocketAddr> {
        Connection::destination(self.session)
    }

    fn proxied(&self) -> Option<&Proxied> {
        self.session.proxied()
    }

    fn measures(&self) -> Option<Measures> {
        self.session.measures()
    }

    fn glitches(&self) -> u32 {
        self.session.glitches()
    }

    fn upstream_measures(&self) -> Option<Measures> {
        measures(self.past.upstream?)
    }

    fn upstream_glitches(&self) -> Option<u32> {
        self.past.upstream.map(Stream::glitches)
    }

    fn upstream(&self) -> Option<(Option<SocketAddr>, Option<SocketAddr>)> {
        let stream = self.past.upstream?;
        Some((stream.local(), self.server.and_then(address_of)))
    }
}

/// What has come of a response's body, without framing, and its whole length where it is told.
pub(super) fn content<'b>(head: &ResponseHead, buffer: &'b [u8]) -> (Cow<'b, [u8]>, Option<u64>) {
    let came = buffer.get(head.len..).unwrap_or_default();
    match head.framing {
        Framing::Length(length) => {
            let here = usize::try_from(length).map_or(came.len(), |length| length.min(came.len()));
            (Cow::Borrowed(came.get(..here).unwrap_or_default()), Some(length))
        }
        Framing::UntilClose => (Cow::Borrowed(came), None),
        Framing::Chunked => (Cow::Owned(Body::unframed(head.framing, came)), None),
        Framing::None | Framing::Tunnel => (Cow::Borrowed(&[]), Some(0)),
    }
}

/// What is known of a request that has gone out this way.
pub(super) fn past<'p>(head: &RequestHead, inbound: &'p Buffer, way: &'p Way<'_>) -> Past<'p> {
    let bytes = inbound.filled();
    let (method, target) = (head.method_span.of(bytes), head.target.of(bytes));
    let sent = Some(Sent { method, target, version: spelled(head.version) });
    Past { sent, upstream: Some(&way.upstream.stream), account: None }
}
