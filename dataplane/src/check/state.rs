//! How a server stands, told to the server itself.

use super::standing::Place;
use crate::snapshot::{ServerCheckPlan, Target};

/// How a server stands, for the header of `http-check send-state` (configuration manual 4.2).
pub fn header(place: Place<'_>, checks: &ServerCheckPlan) -> String {
    if !place.backend.checks.script.sends_state() {
        return String::new();
    }
    let record = place.server.live.health.record();
    let probe = &record.check;
    let stand = match (probe.is_up(), probe.health == probe.top(), probe.health) {
        (true, true, _) => "UP".to_owned(),
        (true, false, health) => format!("UP {}/{}", health - probe.rise + 1, checks.fall),
        (false, _, 0) => "DOWN".to_owned(),
        (false, _, health) => format!("DOWN {health}/{}", checks.rise),
    };
    drop(record);
    let (address, port) = match place.server.place().as_deref() {
        Some(Target::Inet(address)) => (address.ip().to_string(), address.port().to_string()),
        _ => ("-".to_owned(), "0".to_owned()),
    };
    let eligible = || place.backend.servers.iter().filter(|server| server.is_eligible());
    let total: u32 = eligible().map(|server| u32::from(server.weight_in_force())).sum();
    let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
    let node = place.snapshot.global.node.clone().unwrap_or(node);
    format!(
        "{stand}; address={address}; port={port}; name={}; node={node}; weight={}/{total}; scur={}/{}; qcur=0",
        place.at(),
        place.server.weight_in_force(),
        place.server.live.sessions.now(),
        place.backend.live.sessions.now(),
    )
}
