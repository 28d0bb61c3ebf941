//! How overlays lie over rows: reading and writing the single fields that can be changed by hand.

use std::sync::Arc;

use super::State;
use crate::change::{Field, Layer, Overlay, OverlayValue, Setting};
use crate::model::{Admin, Kind, Name, Row, Server, ServerAddress, ServerPort, Subject, Weight};
use crate::problem::{Code, Problem};

/// The row in force for a subject: what the files declare, under what was changed by hand.
pub(super) fn effective(state: &State, subject: &Subject) -> Option<Arc<Row>> {
    if let Subject::Entries(at) = subject {
        return super::entries::effective(state, at);
    }
    let base = match state.overlays.get(&(subject.clone(), Field::Row)).map(|overlay| &overlay.value) {
        Some(OverlayValue::Row(row)) => Arc::new(row.as_ref().clone()),
        Some(OverlayValue::Gone) => return None,
        _ => state.spec.get(subject)?.clone(),
    };
    let range = (subject.clone(), Field::Row)..=(subject.clone(), Field::LAST);
    let settings = state.overlays.range(range).filter_map(|(_, overlay)| match &overlay.value {
        OverlayValue::Setting(setting) => Some(setting),
        _ => None,
    });
    Some(settings.fold(base, |row, setting| match written(&row, setting) {
        Some(written) => Arc::new(written),
        None => row,
    }))
}

/// The value of a field in a row, with its defaults; `None` when this kind of row has no such field.
pub(super) fn value(state: &State, row: &Row, field: Field) -> Option<Setting> {
    match (row, field) {
        (Row::Server(server), Field::Weight) => Some(Setting::Weight(weight(state, server))),
        (Row::Server(server), Field::Admin) => Some(Setting::Admin(state.admin(server))),
        (Row::Server(server), Field::Maxconn) => {
            Some(Setting::Maxconn(state.server_settings(server).maxconn.unwrap_or(0)))
        }
        (Row::Server(server), Field::Host) => match &server.address {
            ServerAddress::Inet { host, .. } => Some(Setting::Host(host.clone())),
            _ => None,
        },
        (Row::Server(server), Field::Port) => match &server.address {
            ServerAddress::Inet { port: ServerPort::Fixed(port), .. } => Some(Setting::Port(*port)),
            ServerAddress::Inet { port: ServerPort::Mapped(offset), .. } => {
                Some(Setting::PortOffset(*offset))
            }
            _ => None,
        },
        (Row::Server(server), field) => health_value(state, server, field),
        (Row::Frontend(frontend), Field::Enabled) => Some(Setting::Enabled(!frontend.disabled)),
        (Row::Frontend(frontend), Field::ShutDown) => Some(Setting::ShutDown(frontend.disabled)),
        (Row::Frontend(frontend), Field::Maxconn) => {
            Some(Setting::Maxconn(state.frontend_settings(frontend).maxconn.unwrap_or(0)))
        }
        (Row::Backend(backend), Field::DynamicCookie) => {
            let persistence = state.backend_settings(backend).persistence;
            let said = persistence.cookie.is_some_and(|cookie| cookie.dynamic);
            Some(Setting::DynamicCookie(persistence.dynamic.unwrap_or(said)))
        }
        (Row::Backend(backend), Field::CookieKey) => {
            let key = state.backend_settings(backend).persistence.dynamic_key;
            Some(Setting::CookieKey(key.unwrap_or_default()))
        }
        (Row::Backend(backend), Field::Published) => {
            Some(Setting::Published(!state.backend_settings(backend).unpublished.unwrap_or(false)))
        }
        (Row::Global(global), Field::MaxSslRate) => Some(Setting::MaxSslRate(global.maxsslrate.unwrap_or(0))),
        (Row::Global(global), Field::MaxCompRate) => {
            Some(Setting::MaxCompRate(global.maxcomprate.unwrap_or(0)))
        }
        (Row::Global(global), Field::Maxconn) => Some(Setting::Maxconn(global.maxconn.unwrap_or(0))),
        (Row::Global(global), Field::MaxConnRate) => {
            Some(Setting::MaxConnRate(global.maxconnrate.unwrap_or(0)))
        }
        (Row::Global(global), Field::MaxSessRate) => {
            Some(Setting::MaxSessRate(global.maxsessrate.unwrap_or(0)))
        }
        _ => None,
    }
}

/// The value of a field that says how a server is checked.
fn health_value(state: &State, server: &Server, field: Field) -> Option<Setting> {
    let checks = state.server_settings(server).checks;
    match field {
        Field::CheckHost => checks.host.map(Setting::CheckHost),
        Field::CheckPort => Some(Setting::CheckPort(checks.port.unwrap_or(0))),
        Field::AgentHost => checks.agent_host.map(Setting::AgentHost),
        Field::AgentPort => Some(Setting::AgentPort(checks.agent_port.unwrap_or(0))),
        Field::AgentSend => Some(Setting::AgentSend(checks.agent_send.unwrap_or_default())),
        Field::Checks => Some(Setting::Checks(!server.paused.checks)),
        Field::Agent => Some(Setting::Agent(!server.paused.agent)),
        _ => None,
    }
}

/// Writes a field that says how a server is checked; tells whether it is one.
fn write_health(server: &mut Server, setting: &Setting) -> bool {
    let checks = &mut server.settings.checks;
    match setting {
        Setting::CheckHost(host) => checks.host = Some(host.clone()),
        Setting::CheckPort(port) => checks.port = Some(*port).filter(|port| *port != 0),
        Setting::AgentHost(host) => checks.agent_host = Some(host.clone()),
        Setting::AgentPort(port) => checks.agent_port = Some(*port).filter(|port| *port != 0),
        Setting::AgentSend(text) => checks.agent_send = Some(text.clone()),
        Setting::Checks(run) => server.paused.checks = !run,
        Setting::Agent(run) => server.paused.agent = !run,
        _ => return false,
    }
    true
}

/// The row with one field written; `None` when this kind of row has no such field.
pub(super) fn written(row: &Row, setting: &Setting) -> Option<Row> {
    let mut row = row.clone();
    match (&mut row, setting) {
        (Row::Server(server), Setting::Weight(weight)) => server.settings.weight = Some(*weight),
        (Row::Server(server), Setting::Admin(admin)) => server.admin = Some(*admin),
        (Row::Server(server), Setting::Maxconn(maxconn)) => server.settings.maxconn = Some(*maxconn),
        (Row::Server(server), Setting::Host(host)) => match &mut server.address {
            ServerAddress::Inet { host: old, .. } => *old = host.clone(),
            _ => return None,
        },
        (Row::Server(server), Setting::Port(port)) => match &mut server.address {
            ServerAddress::Inet { port: old, .. } => *old = ServerPort::Fixed(*port),
            _ => return None,
        },
        (Row::Server(server), Setting::PortOffset(offset)) => match &mut server.address {
            ServerAddress::Inet { port: old, .. } => *old = ServerPort::Mapped(*offset),
            _ => return None,
        },
        (Row::Server(server), setting) => return write_health(server, setting).then_some(row),
        (Row::Frontend(frontend), Setting::Enabled(enabled)) => frontend.disabled = !enabled,
        (Row::Frontend(frontend), Setting::ShutDown(down)) => frontend.disabled = *down,
        (Row::Frontend(frontend), Setting::Maxconn(maxconn)) => frontend.settings.maxconn = Some(*maxconn),
        (Row::Backend(backend), Setting::DynamicCookie(on)) => {
            backend.settings.persistence.dynamic = Some(*on);
        }
        (Row::Backend(backend), Setting::CookieKey(key)) => {
            backend.settings.persistence.dynamic_key = Some(key.clone()).filter(|key| !key.is_empty());
        }
        (Row::Backend(backend), Setting::Published(on)) => backend.settings.unpublished = Some(!on),
        (Row::Global(global), Setting::MaxSslRate(rate)) => global.maxsslrate = Some(*rate),
        (Row::Global(global), Setting::MaxCompRate(rate)) => global.maxcomprate = Some(*rate),
        (Row::Global(global), Setting::Maxconn(0)) => global.maxconn = None,
        (Row::Global(global), Setting::Maxconn(maxconn)) => global.maxconn = Some(*maxconn),
        (Row::Global(global), Setting::MaxConnRate(rate)) => global.maxconnrate = Some(*rate),
        (Row::Global(global), Setting::MaxSessRate(rate)) => global.maxsessrate = Some(*rate),
        _ => return None,
    }
    Some(row)
}

/// Refuses an overlay that no row of its subject's kind could take.
pub(super) fn check(overlay: &Overlay) -> Result<(), Problem> {
    let subject = &overlay.subject;
    match &overlay.value {
        OverlayValue::Entries(entries) if subject.kind() == Kind::Entries && entries.is_empty() => {
            Err(Problem::about(Code::Malformed, subject, "an overlay changes at least one entry"))
        }
        OverlayValue::Entries(_) if subject.kind() == Kind::Entries => Ok(()),
        OverlayValue::Entries(_) => Err(Problem::about(Code::Unsuitable, subject, "it has no entries")),
        _ if subject.kind() == Kind::Entries => {
            Err(Problem::about(Code::Unsuitable, subject, "entries are changed one by one"))
        }
        OverlayValue::Gone => Ok(()),
        OverlayValue::Row(row) if row.subject() == *subject => Ok(()),
        OverlayValue::Row(row) => {
            let detail = format!("the row that lies over it is {}", row.subject());
            Err(Problem::about(Code::Malformed, subject, detail))
        }
        OverlayValue::Setting(Setting::WeightPercent(_)) => {
            let detail = "an overlay holds a weight, never a percentage";
            Err(Problem::about(Code::Malformed, subject, detail))
        }
        OverlayValue::Setting(setting) if has(subject.kind(), setting.field()) => Ok(()),
        OverlayValue::Setting(setting) => Err(unsuitable(subject, setting)),
    }
}

/// The reason why a subject has no such field.
pub(super) fn unsuitable(subject: &Subject, setting: &Setting) -> Problem {
    let field = setting.field();
    let detail = match has(subject.kind(), field) {
        true => format!("its address has no {}", field.word()),
        false => format!("a {} has no field {}", subject.kind().word(), field.word()),
    };
    Problem::about(Code::Unsuitable, subject, detail)
}

/// Whether rows of this kind have the field.
fn has(kind: Kind, field: Field) -> bool {
    match field {
        Field::Row => true,
        Field::Weight | Field::Admin | Field::Host | Field::Port => kind == Kind::Server,
        Field::Maxconn => matches!(kind, Kind::Server | Kind::Frontend | Kind::Global),
        Field::Enabled | Field::ShutDown => kind == Kind::Frontend,
        Field::DynamicCookie | Field::CookieKey | Field::Published => kind == Kind::Backend,
        Field::MaxConnRate | Field::MaxSessRate | Field::MaxSslRate | Field::MaxCompRate => {
            kind == Kind::Global
        }
        Field::CheckHost
        | Field::CheckPort
        | Field::AgentHost
        | Field::AgentPort
        | Field::AgentSend
        | Field::Checks
        | Field::Agent => kind == Kind::Server,
        Field::Entries => kind == Kind::Entries,
    }
}

/// The setting without relative values: a percentage of the weight that the row declares becomes a weight.
pub(super) fn absolute(
    state: &State,
    layer: Layer,
    subject: &Subject,
    setting: &Setting,
) -> Result<Setting, Problem> {
    let Setting::WeightPercent(percent) = setting else { return Ok(setting.clone()) };
    let declared = match layer {
        Layer::Spec => state.declared(subject).map(Arc::as_ref),
        Layer::Overlay => state.initial(subject),
    };
    let Some(Row::Server(server)) = declared else { return Err(unsuitable(subject, setting)) };
    let share = u64::from(weight(state, server).get()) * u64::from(*percent) / 100;
    let weight = Weight::new(share).unwrap_or(Weight::MAX);
    Ok(Setting::Weight(weight))
}

fn weight(state: &State, server: &Server) -> Weight {
    state.server_settings(server).weight.unwrap_or(Weight::DEFAULT)
}

impl State {
    /// Whether a frontend was stopped for good by hand.
    pub fn is_shut_down(&self, frontend: &Name) -> bool {
        let down = OverlayValue::Setting(Setting::ShutDown(true));
        self.overlays_of(&Subject::Frontend(frontend.clone())).any(|overlay| overlay.value == down)
    }

    /// What is asked of a server: by hand, or else by its settings.
    pub fn admin(&self, server: &Server) -> Admin {
        match server.admin {
            Some(admin) => admin,
            None if self.server_settings(server).disabled == Some(true) => Admin::Maint,
            None => Admin::Ready,
        }
    }
}
