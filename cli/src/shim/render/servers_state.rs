//! The state of servers as state files hold it (management manual 9.3 "show servers state").

use std::fmt::Write;

use regate_proto::wire::v1;
use v1::OperationalState;

use crate::shim::anonymous::Anonymous;
use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes one line for each server; names and addresses are replaced where that is wished.
#[derive(Debug)]
pub struct ServersState(pub Option<Anonymous>);

impl Lines for ServersState {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEADER.as_bytes());
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for row in &answer.server_states {
            let mut line = String::new();
            match self.0 {
                None => write(row, &mut line),
                Some(anonymous) => write(&hidden(row, anonymous), &mut line),
            }
            out.extend_from_slice(line.as_bytes());
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::ListOfBackend, problems)
    }
}

/// The row without what could be recognised.
fn hidden(row: &v1::ServerStateRow, anonymous: Anonymous) -> v1::ServerStateRow {
    let name = |text: &Option<String>| text.as_deref().map(|text| anonymous.name(text));
    v1::ServerStateRow {
        backend: anonymous.name(&row.backend),
        server: anonymous.name(&row.server),
        address: name(&row.address),
        host_name: name(&row.host_name),
        service_record: name(&row.service_record),
        check_address: name(&row.check_address),
        agent_address: name(&row.agent_address),
        ..row.clone()
    }
}

fn write(row: &v1::ServerStateRow, line: &mut String) {
    let tls = row.tls.map_or(-1, i32::from);
    let state = |state: &Option<v1::ProbeState>, agent: u8| {
        state.as_ref().map_or(0, |state| {
            let bits = [state.under_way, state.configured, state.enabled, state.resting];
            bits.iter().enumerate().fold(agent, |sum, (at, bit)| sum | (u8::from(*bit) << at))
        })
    };
    // Writing to a string cannot fail.
    let _ = writeln!(
        line,
        "{} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {} {}",
        row.backend_id,
        row.backend,
        row.server_id,
        row.server,
        row.address.as_deref().unwrap_or("-"),
        operational(row.operational_state()),
        administrative(row),
        row.user_weight,
        row.initial_weight,
        row.last_change_s,
        row.check_status,
        row.check_result,
        row.check_health,
        state(&row.check_state, 0),
        state(&row.agent_state, AGENT),
        u8::from(row.backend_id_forced),
        u8::from(row.server_id_forced),
        row.host_name.as_deref().unwrap_or("-"),
        row.port,
        row.service_record.as_deref().unwrap_or("-"),
        tls,
        row.check_port,
        row.check_address.as_deref().unwrap_or("-"),
        row.agent_address.as_deref().unwrap_or("-"),
        if row.agent_port == 0 { row.check_port } else { row.agent_port },
    );
}

fn operational(state: OperationalState) -> u8 {
    match state {
        OperationalState::Unspecified | OperationalState::Stopped => 0,
        OperationalState::Starting => 1,
        OperationalState::Running => 2,
        OperationalState::Stopping => 3,
    }
}

/// What was asked of a server and why it is in maintenance, a bit for each reason.
fn administrative(row: &v1::ServerStateRow) -> u8 {
    let reasons = [
        row.maintenance_forced,
        row.maintenance_inherited,
        row.maintenance_configured,
        row.drain_forced,
        row.drain_inherited,
        row.maintenance_unresolved,
        row.host_name_changed,
    ];
    reasons.iter().enumerate().fold(0, |bits, (at, reason)| bits | (u8::from(*reason) << at))
}

/// The bit of an agent.
const AGENT: u8 = 16;

const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight \
srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
srv_check_addr srv_agent_addr srv_agent_port\n";
