//! The state of servers as state files hold it (management manual 9.3 "show servers state").

use std::fmt::Write;

use regate_proto::wire::v1;
use v1::OperationalState;

use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes one line for each server.
#[derive(Debug)]
pub struct ServersState;

impl Lines for ServersState {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(HEADER.as_bytes());
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for row in &answer.server_states {
            let mut line = String::new();
            write(row, &mut line);
            out.extend_from_slice(line.as_bytes());
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::ListOfBackend, problems)
    }
}

fn write(row: &v1::ServerStateRow, line: &mut String) {
    let running = row.operational_state() != OperationalState::Stopped;
    let tls = row.tls.map_or(-1, i32::from);
    // Servers are not checked: their checks stand as HAProxy shows those of unchecked ones, at their first state
    // with an unknown result; the health of one that serves is at its default rise.
    let (status, result, health) = (1, 0, if running { 2 } else { 0 });
    let paused = if row.maintenance_configured { 8 } else { 0 };
    // Writing to a string cannot fail.
    let _ = writeln!(
        line,
        "{} {} {} {} {} {} {} {} {} {} {status} {result} {health} {paused} 0 {} {} {} {} {} {} 0 - - 0",
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
        u8::from(row.backend_id_forced),
        u8::from(row.server_id_forced),
        row.host_name.as_deref().unwrap_or("-"),
        row.port,
        row.service_record.as_deref().unwrap_or("-"),
        tls,
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

const HEADER: &str = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight \
srv_iweight srv_time_since_last_change srv_check_status srv_check_result srv_check_health srv_check_state \
srv_agent_state bk_f_forced_id srv_f_forced_id srv_fqdn srv_port srvrecord srv_use_ssl srv_check_port \
srv_check_addr srv_agent_addr srv_agent_port\n";
