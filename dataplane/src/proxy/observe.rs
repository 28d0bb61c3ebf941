//! Traffic that counts as checks (configuration manual 5.2 "observe").

use regate_proto::model::Observe;

use super::fault::Fault;
use super::probe::place;
use super::session::Session;
use crate::check::standing;
use crate::snapshot::{BackendPlan, ServerCheckPlan, ServerPlan};

/// Notes how an attempt to connect for traffic went, where traffic counts as checks.
pub(crate) fn observe_connection(
    session: &Session,
    backend: &BackendPlan,
    server: &ServerPlan,
    connected: bool,
) {
    let Some(checks) = server.checks.as_deref().filter(|checks| checks.observe.is_some()) else { return };
    match connected {
        true if checks.observe == Some(Observe::Layer4) => server.live.health.note_success(),
        true => {}
        false => note_failure(session, backend, server, checks, "L4 unsuccessful connection"),
    }
}

/// Notes how an exchange went, where answers count as checks.
pub(crate) fn observe_answer(
    session: &Session,
    backend: &BackendPlan,
    server: &ServerPlan,
    status: Option<u16>,
    fault: Option<Fault>,
) {
    let wanted = |checks: &&ServerCheckPlan| checks.observe == Some(Observe::Layer7);
    let Some(checks) = server.checks.as_deref().filter(wanted) else { return };
    let failed = match (fault, status) {
        (Some(Fault::BadResponse | Fault::BadResponseBody), _) => Some("Invalid http response (headers)"),
        (Some(Fault::ServerTimeout | Fault::AnswerTimeout), _) => Some("Read timeout (http)"),
        (Some(Fault::ServerClosed | Fault::ServerAborted), _) => Some("Close from server (http)"),
        (Some(_), None) => return,
        (_, Some(501 | 505)) => None,
        (_, Some(500..=599)) => Some("Wrong http response"),
        (_, Some(_)) => None,
        (None, None) => return,
    };
    match failed {
        None => server.live.health.note_success(),
        Some(what) => note_failure(session, backend, server, checks, what),
    }
}

fn note_failure(
    session: &Session,
    backend: &BackendPlan,
    server: &ServerPlan,
    checks: &ServerCheckPlan,
    what: &str,
) {
    if !server.live.health.note_failure(checks.error_limit) {
        return;
    }
    let seen = session.worker.snapshot();
    if let Some(place) = place(&session.worker, &seen, &backend.name, &server.name) {
        standing::take_failures(place, what);
    }
}
