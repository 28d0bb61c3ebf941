//! How servers, backends and frontends stand, out of what is configured and what is observed.

use std::net::{IpAddr, SocketAddr};

use regate_proto::model::{Admin, Name, Row, Server, ServerChecks, ServerSettings, Subject, Weight};
use regate_proto::state::State;
use regate_proto::statistics::Value;
use regate_proto::wire::v1;

use crate::live::Operational;
use crate::snapshot::{BackendPlan, FrontendPlan, ServerPlan, Snapshot, Target};
use crate::store::Current;

/// How a thing stands, without more to say.
pub(super) fn status(condition: v1::Condition) -> v1::Status {
    v1::Status { condition: condition as i32, step: None, steps: None, via: None, agent: false }
}

/// How a server stands of which this is asked, whatever its checks say.
pub(super) fn asked_condition(admin: Admin) -> v1::Condition {
    match admin {
        Admin::Ready => v1::Condition::Unchecked,
        Admin::Drain => v1::Condition::Drain,
        Admin::Maint => v1::Condition::Maintenance,
    }
}

/// How a server stands by its checks alone.
pub(super) fn health_condition(operational: Operational) -> v1::Condition {
    match operational {
        Operational::Running => v1::Condition::Up,
        Operational::Stopping => v1::Condition::Stopping,
        Operational::Stopped => v1::Condition::Down,
    }
}

/// How a server stands: by what is asked of it, by its checks or those of the server that it follows, by its agent.
pub(super) fn server_status(snapshot: &Snapshot, plan: &ServerPlan) -> v1::Status {
    let health = &plan.live.health;
    let leader = leader(snapshot, plan);
    let track = plan.checks.as_ref().and_then(|checks| checks.track.as_ref());
    let said = |condition: v1::Condition| status(condition);
    if health.inherited_admin() == Admin::Maint {
        return v1::Status { via: track.map(Into::into), ..said(v1::Condition::Maintenance) };
    }
    if health.own_admin(plan.admin) == Admin::Maint {
        return said(v1::Condition::Maintenance);
    }
    if !plan.is_located() {
        return said(v1::Condition::Unresolved);
    }
    let probe = leader.live.health.record().check.clone();
    let own_agent = health.record().agent.clone();
    let wavers = probe.is_enabled() && probe.health < probe.top();
    let step = |condition: v1::Condition| v1::Status {
        step: Some(probe.health.saturating_sub(probe.rise).saturating_add(1)),
        steps: Some(probe.fall),
        ..said(condition)
    };
    let drains = plan.admin_in_force() == Admin::Drain || plan.weight_in_force() == 0;
    match health.operational() {
        Operational::Running if drains && own_agent.is_enabled() => {
            v1::Status { agent: true, ..said(v1::Condition::Drain) }
        }
        Operational::Running if drains && wavers => step(v1::Condition::Drain),
        Operational::Running if drains => said(v1::Condition::Drain),
        Operational::Running if wavers => step(v1::Condition::Up),
        Operational::Running if !probe.is_enabled() => said(v1::Condition::Unchecked),
        Operational::Running => said(v1::Condition::Up),
        Operational::Stopping if wavers => step(v1::Condition::Stopping),
        Operational::Stopping => said(v1::Condition::Stopping),
        Operational::Stopped => {
            let agent = leader.live.health.record().agent.clone();
            if agent.is_enabled() && agent.health == 0 {
                v1::Status { agent: true, ..said(v1::Condition::Down) }
            } else if (probe.is_enabled() && probe.health == 0) || !(agent.is_enabled() || probe.is_enabled())
            {
                said(v1::Condition::Down)
            } else {
                v1::Status { step: Some(probe.health), steps: Some(probe.rise), ..said(v1::Condition::Down) }
            }
        }
    }
}

/// The server whose checks count for this one: itself, or the end of the chain that it follows.
pub(super) fn leader<'a>(snapshot: &'a Snapshot, plan: &'a ServerPlan) -> &'a ServerPlan {
    let mut leader = plan;
    for _ in 0..LONGEST_CHAIN {
        let track = leader.checks.as_ref().and_then(|checks| checks.track.as_ref());
        let next = track.and_then(|at| snapshot.backends.get(&at.backend)?.server(&at.server));
        match next {
            Some(next) => leader = next,
            None => break,
        }
    }
    leader
}

/// How a frontend stands; `stopping` while the process drains.
pub(super) fn frontend_condition(plan: &FrontendPlan, paused: bool, stopping: bool) -> v1::Condition {
    if stopping {
        v1::Condition::Stopped
    } else if plan.disabled {
        if paused { v1::Condition::Paused } else { v1::Condition::Stopped }
    } else if plan.maxconn != 0 && plan.live.sessions.now() >= plan.maxconn {
        v1::Condition::Full
    } else {
        v1::Condition::Open
    }
}

/// How a backend stands: down when it has servers and none is usable.
pub(super) fn backend_condition(plan: &BackendPlan) -> v1::Condition {
    let usable = plan.servers.is_empty() || plan.servers.iter().any(|server| server.is_eligible());
    if usable { v1::Condition::Up } else { v1::Condition::Down }
}

/// Whether a frontend is off because somebody said so by hand, not because files do.
pub(super) fn is_paused(state: &State, name: &Name) -> bool {
    let declared = |row: &Row| matches!(row, Row::Frontend(row) if row.disabled);
    let subject = Subject::Frontend(name.clone());
    state.frontend(name).is_some_and(|row| row.disabled)
        && !state.is_shut_down(name)
        && !state.initial(&subject).is_some_and(declared)
}

/// The address in use of a server.
pub(super) fn resolved(plan: &ServerPlan) -> Option<SocketAddr> {
    match plan.place()?.as_ref() {
        Target::Inet(address) => Some(*address),
        Target::Mapped(..)
        | Target::Transparent(_)
        | Target::Named(_)
        | Target::Unix(_)
        | Target::Abstract(_) => None,
    }
}

/// Where a server is reached, as text.
pub(super) fn target_text(target: &Target) -> String {
    let host = |ip: &IpAddr| match ip {
        IpAddr::V4(ip) => ip.to_string(),
        IpAddr::V6(ip) => format!("[{ip}]"),
    };
    match target {
        Target::Inet(SocketAddr::V4(address)) => {
            // What most rows of a long listing have: written without the machinery of formatting.
            let [a, b, c, d] = address.ip().octets();
            let mut text = String::with_capacity(LONGEST_V4);
            for (octet, mark) in [(a, '.'), (b, '.'), (c, '.'), (d, ':')] {
                Value::U32(octet.into()).plain(&mut text);
                text.push(mark);
            }
            Value::U32(address.port().into()).plain(&mut text);
            text
        }
        Target::Inet(address) => address.to_string(),
        Target::Mapped(Some(ip), offset) => format!("{}:{offset:+}", host(ip)),
        Target::Mapped(None, offset) => format!("0.0.0.0:{offset:+}"),
        Target::Transparent(port) => format!("0.0.0.0:{port}"),
        Target::Unix(_) | Target::Abstract(_) => "unix".to_owned(),
        Target::Named(_) => String::new(),
    }
}

/// A server with everything that is said of it anywhere.
pub(super) struct ServerFacts {
    pub(super) row: Server,
    pub(super) backend_id: u32,
    pub(super) initial_weight: Weight,
    pub(super) weight: Weight,
    pub(super) maxconn: u32,
    pub(super) admin: Admin,
    pub(super) disabled_by_row: bool,
    pub(super) plan: Option<std::sync::Arc<ServerPlan>>,
    /// Whether its host was changed by hand.
    pub(super) host_changed: bool,
    /// How it stands.
    pub(super) status: v1::Status,
    /// How it is checked.
    pub(super) checks: ServerChecks,
    /// What resolves its host name.
    pub(super) resolvers: Option<Name>,
}

/// The servers of a backend in the order of listings; `only` one of them when it is named.
pub(super) fn servers(current: &Current, backend: &Name, only: Option<&Name>) -> Vec<ServerFacts> {
    let Some(row) = current.state.backend(backend) else { return Vec::new() };
    // Resolved once for all servers: with ten thousand of them the rest of this must be cheap.
    let default = current.state.backend_settings(row).default_server;
    let plan = current.snapshot.backends.get(backend);
    let wanted = |server: &&Server| only.is_none_or(|only| server.at.server == *only);
    let servers = current.state.servers(backend).into_iter().enumerate().filter(|(_, server)| wanted(server));
    servers
        .map(|(at, server)| {
            let plan = plan.and_then(|plan| {
                // Plans stand in the same order as rows.
                let guess = plan.servers.get(at).filter(|plan| plan.name == server.at.server);
                guess.or_else(|| plan.server(&server.at.server)).cloned()
            });
            facts(current, server, row.id, &default, plan)
        })
        .collect()
}

fn facts(
    current: &Current,
    server: &Server,
    backend_id: u32,
    default: &ServerSettings,
    plan: Option<std::sync::Arc<ServerPlan>>,
) -> ServerFacts {
    let state = &current.state;
    let settings = server.settings.over(default);
    let subject = Subject::Server(server.at.clone());
    let initial = match state.initial(&subject) {
        Some(Row::Server(initial)) => initial,
        _ => server,
    };
    let disabled = settings.disabled == Some(true);
    let admin = server.admin.unwrap_or(if disabled { Admin::Maint } else { Admin::Ready });
    let mut checks = settings.checks;
    if checks.agent_host.is_none() && checks.host.is_some() {
        checks.agent_host = initial.settings.over(default).checks.host;
    }
    ServerFacts {
        status: match &plan {
            Some(plan) => server_status(&current.snapshot, plan),
            None => status(asked_condition(admin)),
        },
        checks,
        backend_id,
        initial_weight: initial.settings.over(default).weight.unwrap_or(Weight::DEFAULT),
        weight: settings.weight.unwrap_or(Weight::DEFAULT),
        maxconn: settings.maxconn.unwrap_or(0),
        admin,
        disabled_by_row: disabled,
        host_changed: initial.address != server.address,
        resolvers: settings.naming.resolvers,
        plan,
        row: server.clone(),
    }
}

/// Bytes of the longest IPv4 address with its port.
const LONGEST_V4: usize = 21;

/// Servers that follow one another in a row.
const LONGEST_CHAIN: usize = 64;
