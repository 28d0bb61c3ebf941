//! How overlays lie over rows: reading and writing the single fields that can be changed by hand.

use std::sync::Arc;

use super::State;
use crate::change::{Field, OverlayValue, Setting};
use crate::model::{Admin, Row, Server, ServerAddress, ServerPort, Subject, Weight};
use crate::problem::{Code, Problem};

/// The row in force for a subject: what the files declare, under what was changed by hand.
pub(super) fn effective(state: &State, subject: &Subject) -> Option<Arc<Row>> {
    let base = match state.overlays.get(&(subject.clone(), Field::Row)).map(|overlay| &overlay.value) {
        Some(OverlayValue::Row(row)) => Arc::new(row.as_ref().clone()),
        Some(OverlayValue::Gone) => return None,
        _ => state.spec.get(subject)?.clone(),
    };
    let range = (subject.clone(), Field::Row)..=(subject.clone(), Field::MaxSessRate);
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
        (Row::Frontend(frontend), Field::Enabled) => Some(Setting::Enabled(!frontend.disabled)),
        (Row::Frontend(frontend), Field::Maxconn) => {
            Some(Setting::Maxconn(state.frontend_settings(frontend).maxconn.unwrap_or(0)))
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
        (Row::Frontend(frontend), Setting::Enabled(enabled)) => frontend.disabled = !enabled,
        (Row::Frontend(frontend), Setting::Maxconn(0)) => frontend.settings.maxconn = None,
        (Row::Frontend(frontend), Setting::Maxconn(maxconn)) => frontend.settings.maxconn = Some(*maxconn),
        (Row::Global(global), Setting::Maxconn(0)) => global.maxconn = None,
        (Row::Global(global), Setting::Maxconn(maxconn)) => global.maxconn = Some(*maxconn),
        (Row::Global(global), Setting::MaxConnRate(rate)) => global.maxconnrate = Some(*rate),
        (Row::Global(global), Setting::MaxSessRate(rate)) => global.maxsessrate = Some(*rate),
        _ => return None,
    }
    Some(row)
}

/// The setting without relative values: a percentage of the initial weight becomes a weight.
pub(super) fn absolute(state: &State, subject: &Subject, setting: &Setting) -> Result<Setting, Problem> {
    let Setting::WeightPercent(percent) = setting else { return Ok(setting.clone()) };
    let Some(Row::Server(server)) = state.initial(subject) else {
        let detail = "only a server has a weight";
        return Err(Problem::about(Code::Unsuitable, subject, detail));
    };
    let share = u64::from(weight(state, server).get()) * u64::from(*percent) / 100;
    let weight = Weight::new(share).unwrap_or(Weight::MAX);
    Ok(Setting::Weight(weight))
}

fn weight(state: &State, server: &Server) -> Weight {
    state.server_settings(server).weight.unwrap_or(Weight::DEFAULT)
}

impl State {
    /// What is asked of a server: by hand, or else by its settings.
    pub fn admin(&self, server: &Server) -> Admin {
        match server.admin {
            Some(admin) => admin,
            None if self.server_settings(server).disabled == Some(true) => Admin::Maint,
            None => Admin::Ready,
        }
    }
}
