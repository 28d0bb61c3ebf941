//! How servers stood, as server state files tell it at a start (configuration manual 4.2
//! "load-server-state-from-file").
//!
//! What was done by hand comes back as overlays, what checks and names had found as what a restart remembers. A
//! server of which this node has kept something itself is left as it knows it: its own memory is exact, a file may
//! be old.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use regate_proto::change::{Change, ChangeSet, Layer, Origin, Setting};
use regate_proto::model::{
    Admin, BackendSettings, Global, Name, Server, ServerAddress, ServerHost, ServerPort, ServerRef,
    ServerStates, Subject, Weight,
};
use regate_proto::server_states::{self, OperationalState, ServerState};
use regate_proto::state::State;

use crate::live::{Found, Live, Operational};

/// Lays what the files of a state's backends tell over it, but for servers that are known already; gives the sets
/// that did it. What cannot be read or does not fit is told and left out: a start must not fail by it.
pub(super) fn recall(state: &mut State, known: &HashSet<ServerRef>, live: &Live) -> Vec<ChangeSet> {
    let global = state.global();
    let mut files: HashMap<PathBuf, Vec<ServerState>> = HashMap::new();
    let mut standings = HashMap::new();
    let mut addresses = HashMap::new();
    let mut wanted = Vec::new();
    let backends: Vec<(Name, BackendSettings)> =
        state.backends().into_iter().map(|row| (row.name.clone(), state.backend_settings(row))).collect();
    for (backend, settings) in backends {
        let Some(path) = path(&global, &backend, &settings) else { continue };
        let states = files.entry(path).or_insert_with_key(|path| read(path));
        for told in states.iter().filter(|told| told.at.backend == backend && !known.contains(&told.at)) {
            let Some(server) = state.server(&told.at) else { continue };
            let server = Server { settings: state.server_settings(server), ..server.clone() };
            standings.extend(standing(told, &server).map(|standing| (told.at.clone(), standing)));
            addresses.extend(address(told, &server).map(|found| (told.at.clone(), found)));
            let subject = Subject::Server(told.at.clone());
            let changes: Vec<Change> = by_hand(told, &server)
                .into_iter()
                .map(|setting| Change::Set(Layer::Overlay, subject.clone(), setting))
                .collect();
            if !changes.is_empty() {
                wanted.push((told.at.clone(), changes));
            }
        }
    }
    live.ledger.keep(standings);
    live.remember_also(addresses);
    lay(state, wanted)
}

/// Lays changes over a state, all at once, or else those servers' that fit.
fn lay(state: &mut State, wanted: Vec<(ServerRef, Vec<Change>)>) -> Vec<ChangeSet> {
    if wanted.is_empty() {
        return Vec::new();
    }
    let at = super::events::unix_millis();
    let set = |changes: Vec<Change>| {
        let origin = Origin { actor: "server state file".to_owned(), door: "file".to_owned(), at };
        ChangeSet { base: None, origin, changes }
    };
    let all = set(wanted.iter().flat_map(|(_, changes)| changes).cloned().collect());
    if state.apply(&all).is_ok() {
        return vec![all];
    }
    let mut sets = Vec::new();
    for (server, changes) in wanted {
        let set = set(changes);
        match state.apply(&set) {
            Ok(_) => sets.push(set),
            Err(problems) => problems.iter().for_each(|problem| {
                tracing::warn!("what the server state file says of {server} does not fit: {problem}");
            }),
        }
    }
    sets
}

/// The file that a backend is told by, if there is to be one.
fn path(global: &Global, backend: &Name, settings: &BackendSettings) -> Option<PathBuf> {
    let file = match settings.server_states? {
        ServerStates::None => return None,
        ServerStates::Local => match settings.server_state_file_name.as_deref() {
            None | Some("") => backend.as_str(),
            Some(name) => name,
        },
        ServerStates::Global => match &global.server_state_file {
            Some(file) => file,
            None => {
                tracing::warn!(
                    "backend {backend} is to be told by the global server state file, and 'server-state-file' is not set"
                );
                return None;
            }
        },
    };
    Some(Path::new(global.server_state_base.as_deref().unwrap_or_default()).join(file))
}

fn read(path: &Path) -> Vec<ServerState> {
    match std::fs::read_to_string(path) {
        Ok(text) => {
            let (states, unread) = server_states::read(&text);
            for unread in unread {
                tracing::warn!("{}:{}: {}", path.display(), unread.line, unread.reason);
            }
            states
        }
        Err(error) => {
            tracing::warn!("the server state file {} cannot be read: {error}", path.display());
            Vec::new()
        }
    }
}

/// What had been done by hand and is not what the configuration says by itself.
fn by_hand(told: &ServerState, server: &Server) -> Vec<Setting> {
    let mut settings = Vec::new();
    let reasons = told.reasons;
    let disabled = server.settings.disabled.unwrap_or_default();
    match () {
        () if reasons.maintenance => settings.push(Setting::Admin(Admin::Maint)),
        () if reasons.drain => settings.push(Setting::Admin(Admin::Drain)),
        // It was disabled then as it is now, and was made ready since.
        () if disabled && reasons.maintenance_configured && told.operational != OperationalState::Stopped => {
            settings.push(Setting::Admin(Admin::Ready));
        }
        () => {}
    }
    // Another weight in the configuration is a newer wish than the one in the file.
    let initial = server.settings.weight.unwrap_or(Weight::DEFAULT).get();
    if told.initial_weight == initial
        && told.weight != initial
        && let Ok(weight) = Weight::new(told.weight.into())
    {
        settings.push(Setting::Weight(weight));
    }
    if let ServerAddress::Inet { host, port: ServerPort::Fixed(port) } = &server.address
        && told.port != 0
        && told.port != *port
        && is_at(host, told)
    {
        settings.push(Setting::Port(told.port));
    }
    if let (true, Some(host)) = (reasons.host_changed, &told.host) {
        settings.push(Setting::host(host));
    }
    if told.checks_rest && server.settings.checks.check == Some(true) {
        settings.push(Setting::Checks(false));
    }
    if told.agent_rests && server.settings.checks.agent == Some(true) {
        settings.push(Setting::Agent(false));
    }
    settings
}

/// Whether the configuration has the server where the file had it: a port alone says nothing of another host.
fn is_at(host: &ServerHost, told: &ServerState) -> bool {
    match host {
        ServerHost::Ip(ip) => told.ip == Some(*ip),
        ServerHost::Named(name) => told.host.as_deref() == Some(name),
    }
}

/// How its checks had found it, where they had found it otherwise than serving.
fn standing(told: &ServerState, server: &Server) -> Option<(Operational, u32)> {
    let reasons = told.reasons;
    let maintained = reasons.maintenance
        || reasons.maintenance_inherited
        || reasons.maintenance_configured
        || reasons.unresolved;
    if maintained || server.settings.checks.check != Some(true) {
        return None;
    }
    match told.operational {
        OperationalState::Stopped => Some((Operational::Stopped, told.health)),
        OperationalState::Stopping => Some((Operational::Stopping, told.health)),
        OperationalState::Starting | OperationalState::Running => None,
    }
}

/// Where its name had led.
fn address(told: &ServerState, server: &Server) -> Option<Found> {
    let ServerAddress::Inet { host: ServerHost::Named(name), .. } = &server.address else { return None };
    let same = told.host.as_deref() == Some(name);
    told.ip.filter(|_| same).map(|ip| Found { ip: Some(ip), ..Found::nothing(name) })
}
