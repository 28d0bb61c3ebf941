//! Converters that take the name of a proxy or a server (configuration manual 7.3.1 "nbsrv", "srv_queue").

use std::sync::Arc;

use regate_proto::model::Name;

use crate::fetch::View;
use crate::snapshot::ServerPlan;

/// How many servers of the backend of this name can be used.
pub(super) fn usable_servers(name: &[u8], view: &View<'_>) -> Option<i64> {
    let backend = view.snapshot.backends.get(&parse(name)?)?;
    Some(backend.servers.iter().filter(|server| server.is_eligible()).count() as i64)
}

/// Whether there is a frontend of this name.
pub(super) fn frontend_exists(name: &[u8], view: &View<'_>) -> bool {
    parse(name).is_some_and(|name| view.snapshot.frontends.contains_key(&name))
}

/// The server that `backend/server`, or a server's name within the backend at hand, means.
pub(super) fn server<'a>(name: &[u8], view: &View<'a>) -> Option<&'a Arc<ServerPlan>> {
    match memchr::memchr(b'/', name) {
        Some(at) => {
            let backend = view.snapshot.backends.get(&parse(name.get(..at)?)?)?;
            backend.server(&parse(name.get(at + 1..)?)?)
        }
        None => view.backend?.server(&parse(name)?),
    }
}

fn parse(name: &[u8]) -> Option<Name> {
    Name::new(std::str::from_utf8(name).ok()?).ok()
}
