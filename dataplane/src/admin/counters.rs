//! Counters with which a process begins: totals of what has a guid, from the file that `stats-file` names.
//!
//! The reverse of `statistics.rs`, for those columns that are totals. Traffic may be counted already while this adds
//! to it. Read next: `regate_proto::statistics::Counters`, which reads the file.

use std::path::Path;

use regate_proto::model::Global;
use regate_proto::statistics::Counters;
use regate_proto::wire::v1::StatisticsRow;

use crate::live::{BackendLive, BindLive, Counter, Exchanges, FrontendLive, ServerLive, Statuses, Traffic};
use crate::snapshot::Snapshot;

/// Adds to every counter what the file says, if the process is to begin with one; a file that cannot be read is told
/// of, and nothing is added.
pub fn begin(global: &Global, snapshot: &Snapshot) {
    let Some(path) = &global.statistics_file else { return };
    match std::fs::read_to_string(Path::new(path)) {
        Ok(text) => add(&Counters::read(&text), snapshot),
        Err(error) => tracing::warn!("the file of counters {path} cannot be read: {error}"),
    }
}

fn add(counters: &Counters, snapshot: &Snapshot) {
    for plan in snapshot.frontends.values() {
        if let Some(row) = plan.guid.as_ref().and_then(|guid| counters.front(guid.as_str())) {
            frontend(&plan.live, row);
        }
        for bind in plan.binds.iter().filter(|_| plan.socket_stats) {
            if let Some(row) = bind.row.guid.as_ref().and_then(|guid| counters.front(guid.as_str())) {
                self::bind(&bind.live, row);
            }
        }
    }
    for plan in snapshot.backends.values() {
        if let Some(row) = plan.guid.as_ref().and_then(|guid| counters.back(guid.as_str())) {
            backend(&plan.live, row);
        }
        for server in &plan.servers {
            if let Some(row) = server.guid.as_ref().and_then(|guid| counters.back(guid.as_str())) {
                self::server(&server.live, row);
            }
        }
    }
}

fn frontend(live: &FrontendLive, row: &StatisticsRow) {
    all(&[
        (&live.sessions_total, row.sessions_total),
        (&live.connections, row.connections_total),
        (&live.requests, row.requests_total),
        (&live.request_errors, row.request_errors_total),
        (&live.denied_requests, row.requests_denied_total),
        (&live.denied_connections, row.connections_denied_total),
        (&live.denied_sessions, row.sessions_denied_total),
        (&live.denied_responses, row.responses_denied_total),
        (&live.intercepted, row.intercepted_total),
        (&live.internal_errors, row.internal_errors_total),
        (&live.h1_sessions, row.sessions_h1_total),
        (&live.h1_requests, row.requests_h1_total),
    ]);
    traffic(&live.traffic, row);
    statuses(&live.statuses, row);
}

fn bind(live: &BindLive, row: &StatisticsRow) {
    all(&[
        (&live.connections, row.sessions_total),
        (&live.request_errors, row.request_errors_total),
        (&live.denied_requests, row.requests_denied_total),
        (&live.denied_responses, row.responses_denied_total),
        (&live.denied_connections, row.connections_denied_total),
        (&live.denied_sessions, row.sessions_denied_total),
        (&live.internal_errors, row.internal_errors_total),
    ]);
    traffic(&live.traffic, row);
}

fn backend(live: &BackendLive, row: &StatisticsRow) {
    all(&[(&live.denied_requests, row.requests_denied_total)]);
    exchanges(&live.exchanges, row);
    live.outages.add_earlier(row.went_down_total.unwrap_or(0));
}

fn server(live: &ServerLive, row: &StatisticsRow) {
    exchanges(&live.exchanges, row);
    let mut record = live.health.record();
    let more = |total: &mut u64, earlier: Option<u64>| *total = total.saturating_add(earlier.unwrap_or(0));
    more(&mut record.failed_checks, row.checks_failed_total);
    more(&mut record.went_down, row.went_down_total);
    more(&mut record.observed_failures, row.observed_failures_total);
}

fn exchanges(live: &Exchanges, row: &StatisticsRow) {
    all(&[
        (&live.sessions_total, row.sessions_total),
        (&live.requests, row.requests_total),
        (&live.connection_errors, row.connect_errors_total),
        (&live.response_errors, row.response_errors_total),
        (&live.denied_responses, row.responses_denied_total),
        (&live.retries, row.retries_total),
        (&live.redispatches, row.redispatches_total),
        (&live.chosen, row.picked_total),
        (&live.client_aborts, row.client_aborts_total),
        (&live.server_aborts, row.server_aborts_total),
        (&live.connects, row.connects_total),
        (&live.reuses, row.reuses_total),
        (&live.internal_errors, row.internal_errors_total),
    ]);
    traffic(&live.traffic, row);
    statuses(&live.statuses, row);
}

fn traffic(live: &Traffic, row: &StatisticsRow) {
    // Two columns tell each of these; who was counted under the other name only is not forgotten either.
    all(&[
        (&live.bytes_in, row.bytes_in_total.or(row.request_bytes_in_total)),
        (&live.bytes_out, row.bytes_out_total.or(row.response_bytes_out_total)),
        (&live.request_sent, row.request_bytes_out_total),
        (&live.response_received, row.response_bytes_in_total),
    ]);
}

fn statuses(live: &Statuses, row: &StatisticsRow) {
    let [informational, success, redirection, client, server, other] = &live.classes;
    all(&[
        (informational, row.responses_1xx_total),
        (success, row.responses_2xx_total),
        (redirection, row.responses_3xx_total),
        (client, row.responses_4xx_total),
        (server, row.responses_5xx_total),
        (other, row.responses_other_total),
    ]);
}

fn all(counters: &[(&Counter, Option<u64>)]) {
    counters.iter().for_each(|(counter, earlier)| counter.add_earlier(earlier.unwrap_or(0)));
}
