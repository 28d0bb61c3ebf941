//! A place on a server, held for as long as an exchange goes on.

use std::ops::Deref;
use std::sync::Arc;

use crate::live::BackendLive;
use crate::snapshot::ServerPlan;

/// A server that was chosen for a request.
#[derive(Clone, Debug)]
pub(crate) enum Chosen<'a> {
    /// One of the snapshot that the request reads.
    Seen(&'a Arc<ServerPlan>),
    /// One that came while the request waited for a place.
    Newer(Arc<ServerPlan>),
}

/// A place on a server; dropping it hands it to the next who waits for it.
#[derive(Debug)]
pub(crate) struct Slot<'a> {
    server: Chosen<'a>,
    backend: &'a BackendLive,
}

impl<'a> Slot<'a> {
    /// Takes a place on a server, unless all are taken or others wait for one.
    pub(crate) fn take(server: &Chosen<'a>, backend: &'a BackendLive) -> Option<Slot<'a>> {
        let free = server.live.queue.is_empty() && server.live.occupy(backend, server.limit(backend));
        free.then(|| Slot::taken(server.clone(), backend))
    }

    /// The place that was taken for somebody who waited for it.
    pub(crate) fn taken(server: Chosen<'a>, backend: &'a BackendLive) -> Slot<'a> {
        Slot { server, backend }
    }
}

impl Deref for Chosen<'_> {
    type Target = Arc<ServerPlan>;

    fn deref(&self) -> &Arc<ServerPlan> {
        match self {
            Chosen::Seen(server) => server,
            Chosen::Newer(server) => server,
        }
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.server.live.vacate(self.backend);
    }
}
