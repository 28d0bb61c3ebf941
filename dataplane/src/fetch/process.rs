//! Fetches of the process, its proxies and servers (configuration manual 7.3.2).

use regate_proto::model::Name;

use super::View;
use crate::sample::Value;
use crate::snapshot::BackendPlan;

/// How many servers can be used.
pub(super) fn usable_servers<'a>(name: Option<&Name>, view: &View<'a>) -> Option<Value<'a>> {
    let backend = backend(name, view)?;
    let usable = backend.servers.iter().filter(|server| server.is_eligible()).count();
    Some(Value::Int(usable as i64))
}

/// The backend of this name, or the one at hand.
pub(super) fn backend<'a>(name: Option<&Name>, view: &View<'a>) -> Option<&'a BackendPlan> {
    match name {
        Some(name) => view.snapshot.backends.get(name).map(AsRef::as_ref),
        None => view.backend,
    }
}
