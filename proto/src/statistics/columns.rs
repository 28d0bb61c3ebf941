//! The columns of `show stat`, in order: what each is called, what it is, where it comes from.
//!
//! Positions are part of the interface (management manual 9.1): a column is never moved. Columns of what Regate
//! does not observe have no source and are empty.

use std::borrow::Cow;

use crate::wire::v1;
use v1::{Condition, StatisticsKind as Kind};

use super::value::{Tags, Value};

/// One column.
pub struct Column {
    /// Its name in headers.
    pub name: &'static str,
    /// What kind of value it holds.
    pub tags: Tags,
    /// Its value; `None` where it does not exist for the row.
    pub value: for<'a> fn(&'a Line<'a>) -> Option<Value<'a>>,
    /// What it says, for `desc`.
    pub about: &'static str,
}

/// A row of statistics as it is shown.
pub struct Line<'a> {
    /// The row.
    pub row: &'a v1::StatisticsRow,
    /// Whether a backend says how many of its servers are up: where some of them may not be shown.
    pub counted: bool,
}

fn absent<'a>(_: &'a Line<'a>) -> Option<Value<'a>> {
    None
}

fn proxy<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    Some(Value::text(&line.row.proxy))
}

fn service<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    Some(Value::text(&line.row.service))
}

fn process<'a>(_: &'a Line<'a>) -> Option<Value<'a>> {
    Some(Value::U32(1))
}

fn proxy_id<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    Some(Value::U32(line.row.proxy_id))
}

fn service_id<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    Some(Value::U32(line.row.service_id))
}

/// A bind without a limit shows 0, a server without one shows nothing.
fn session_limit<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    let none = (line.row.kind() == Kind::Listener).then_some(0);
    line.row.sessions_limit.or(none).map(Value::U32)
}

/// A frontend without a limit shows 0.
fn rate_limit<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    let none = (line.row.kind() == Kind::Frontend).then_some(0);
    line.row.sessions_rate_limit.or(none).map(Value::U32)
}

fn tracked<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    let tracked = line.row.tracked.as_ref()?;
    Some(Value::Text(Cow::Owned(format!("{}/{}", tracked.backend, tracked.server))))
}

fn kind<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    let number = match line.row.kind() {
        Kind::Unspecified => return None,
        Kind::Frontend => 0,
        Kind::Backend => 1,
        Kind::Server => 2,
        Kind::Listener => 3,
    };
    Some(Value::U32(number))
}

/// How the row stands, in words and with the checks that are on the way to another state.
fn status<'a>(line: &'a Line<'a>) -> Option<Value<'a>> {
    let status = line.row.status.as_ref()?;
    let word = match status.condition() {
        Condition::Unspecified => return None,
        Condition::Open => "OPEN",
        Condition::Full => "FULL",
        Condition::Paused => "PAUSED",
        Condition::Stopped => "STOP",
        Condition::Waiting => "WAITING",
        Condition::Up => "UP",
        Condition::Down => "DOWN",
        Condition::Stopping => "NOLB",
        Condition::Maintenance => "MAINT",
        Condition::Unresolved => "MAINT (resolution)",
        Condition::Drain => "DRAIN",
        Condition::Unchecked => "no check",
    };
    let text = match (status.step, status.steps, &status.via) {
        (Some(step), Some(steps), _) => Cow::Owned(format!("{word} {step}/{steps}")),
        _ if status.agent => Cow::Owned(format!("{word} (agent)")),
        (_, _, Some(via)) => Cow::Owned(format!("{word} (via {}/{})", via.backend, via.server)),
        _ => match (line.row.servers_up, line.row.servers_total) {
            (Some(up), Some(total)) if line.counted => Cow::Owned(format!("{word} ({up}/{total})")),
            _ => Cow::Borrowed(word),
        },
    };
    Some(Value::Text(text))
}

/// The columns, by position.
#[rustfmt::skip]
pub static COLUMNS: &[Column] = &[
    Column { name: "pxname", tags: Tags("KNSV"), value: proxy, about: "Proxy name" },
    Column { name: "svname", tags: Tags("KNSV"), value: service, about: "Object name: FRONTEND, BACKEND, listener or server name" },
    Column { name: "qcur", tags: Tags("MGPV"), value: |line| line.row.queue_current.map(Value::U32), about: "Requests queued now" },
    Column { name: "qmax", tags: Tags("MMPV"), value: |line| line.row.queue_max.map(Value::U32), about: "Highest qcur" },
    Column { name: "scur", tags: Tags("MGPV"), value: |line| line.row.sessions_current.map(Value::U32), about: "Sessions now" },
    Column { name: "smax", tags: Tags("MMPV"), value: |line| line.row.sessions_max.map(Value::U32), about: "Highest scur" },
    Column { name: "slim", tags: Tags("CLPV"), value: session_limit, about: "Session limit (maxconn; fullconn for a backend)" },
    Column { name: "stot", tags: Tags("MCPP"), value: |line| line.row.sessions_total.map(Value::U64), about: "Sessions since start" },
    Column { name: "bin", tags: Tags("MCPP"), value: |line| line.row.bytes_in_total.map(Value::U64), about: "Request bytes received from the client side" },
    Column { name: "bout", tags: Tags("MCPP"), value: |line| line.row.bytes_out_total.map(Value::U64), about: "Response bytes sent to the client side" },
    Column { name: "dreq", tags: Tags("MCPP"), value: |line| line.row.requests_denied_total.map(Value::U64), about: "Requests refused by rules" },
    Column { name: "dresp", tags: Tags("MCPP"), value: |line| line.row.responses_denied_total.map(Value::U64), about: "Responses refused by rules" },
    Column { name: "ereq", tags: Tags("MCPP"), value: |line| line.row.request_errors_total.map(Value::U64), about: "Invalid or aborted requests" },
    Column { name: "econ", tags: Tags("MCPP"), value: |line| line.row.connect_errors_total.map(Value::U64), about: "Failed connection attempts to servers" },
    Column { name: "eresp", tags: Tags("MCPP"), value: |line| line.row.response_errors_total.map(Value::U64), about: "Invalid responses, broken transfers" },
    Column { name: "wretr", tags: Tags("MCPP"), value: |line| line.row.retries_total.map(Value::U64), about: "Connection retries" },
    Column { name: "wredis", tags: Tags("MCPP"), value: |line| line.row.redispatches_total.map(Value::U64), about: "Redispatches to another server" },
    Column { name: "status", tags: Tags("SGPV"), value: status, about: "State text" },
    Column { name: "weight", tags: Tags("MaPV"), value: |line| line.row.weight.map(Value::U32), about: "Effective weight, or sum for a backend" },
    Column { name: "act", tags: Tags("MGPV"), value: |line| line.row.active_servers.map(Value::U32), about: "1 for an active server; count of usable active servers" },
    Column { name: "bck", tags: Tags("MGPV"), value: |line| line.row.backup_servers.map(Value::U32), about: "1 for a backup server; count of usable backups" },
    Column { name: "chkfail", tags: Tags("MCPP"), value: |line| line.row.checks_failed_total.map(Value::U64), about: "Failed checks while up" },
    Column { name: "chkdown", tags: Tags("MCPP"), value: |line| line.row.went_down_total.map(Value::U64), about: "Up-to-down transitions" },
    Column { name: "lastchg", tags: Tags("MAPP"), value: |line| line.row.last_change_s.map(Value::U32), about: "Seconds since last state change" },
    Column { name: "downtime", tags: Tags("MCPV"), value: |line| line.row.downtime_s.map(Value::U32), about: "Seconds spent down" },
    Column { name: "qlimit", tags: Tags("CGSV"), value: |line| line.row.queue_limit.map(Value::U32), about: "Configured maxqueue" },
    Column { name: "pid", tags: Tags("KGPV"), value: process, about: "Process number, always 1" },
    Column { name: "iid", tags: Tags("KGSV"), value: proxy_id, about: "Proxy numeric id" },
    Column { name: "sid", tags: Tags("KGSV"), value: service_id, about: "Server or listener numeric id, 0 otherwise" },
    Column { name: "throttle", tags: Tags("MGPV"), value: |line| line.row.throttle_percent.map(Value::U32), about: "Slow-start percentage while ramping up" },
    Column { name: "lbtot", tags: Tags("MCPP"), value: |line| line.row.picked_total.map(Value::U64), about: "Times chosen by load balancing" },
    Column { name: "tracked", tags: Tags("CNSV"), value: tracked, about: "Server followed by track, as backend/server" },
    Column { name: "type", tags: Tags("CGSV"), value: kind, about: "0 frontend, 1 backend, 2 server, 3 listener" },
    Column { name: "rate", tags: Tags("MRPP"), value: |line| line.row.sessions_rate.map(Value::U32), about: "Sessions in the last second" },
    Column { name: "rate_lim", tags: Tags("CLPV"), value: rate_limit, about: "Rate-limit sessions setting" },
    Column { name: "rate_max", tags: Tags("MGPV"), value: |line| line.row.sessions_rate_max.map(Value::U32), about: "Highest rate" },
    Column { name: "check_status", tags: Tags("MOPV"), value: |line| line.row.check_status.as_deref().map(Value::text), about: "Last check result code word" },
    Column { name: "check_code", tags: Tags("MOPV"), value: |line| line.row.check_code.map(Value::U32), about: "Code reported by last check" },
    Column { name: "check_duration", tags: Tags("MDPV"), value: |line| line.row.check_duration_ms.map(Value::U64), about: "Duration of last check, ms" },
    Column { name: "hrsp_1xx", tags: Tags("MCPP"), value: |line| line.row.responses_1xx_total.map(Value::U64), about: "Responses 1xx" },
    Column { name: "hrsp_2xx", tags: Tags("MCPP"), value: |line| line.row.responses_2xx_total.map(Value::U64), about: "Responses 2xx" },
    Column { name: "hrsp_3xx", tags: Tags("MCPP"), value: |line| line.row.responses_3xx_total.map(Value::U64), about: "Responses 3xx" },
    Column { name: "hrsp_4xx", tags: Tags("MCPP"), value: |line| line.row.responses_4xx_total.map(Value::U64), about: "Responses 4xx" },
    Column { name: "hrsp_5xx", tags: Tags("MCPP"), value: |line| line.row.responses_5xx_total.map(Value::U64), about: "Responses 5xx" },
    Column { name: "hrsp_other", tags: Tags("MCPP"), value: |line| line.row.responses_other_total.map(Value::U64), about: "Other responses" },
    Column { name: "hanafail", tags: Tags("MCPP"), value: |line| line.row.observed_failures_total.map(Value::U64), about: "Failures counted by observe" },
    Column { name: "req_rate", tags: Tags("MRPP"), value: |line| line.row.requests_rate.map(Value::U32), about: "HTTP requests in the last second" },
    Column { name: "req_rate_max", tags: Tags("MMPV"), value: |line| line.row.requests_rate_max.map(Value::U32), about: "Highest req_rate" },
    Column { name: "req_tot", tags: Tags("MCPP"), value: |line| line.row.requests_total.map(Value::U64), about: "HTTP requests since start" },
    Column { name: "cli_abrt", tags: Tags("MCPP"), value: |line| line.row.client_aborts_total.map(Value::U64), about: "Transfers aborted by the client" },
    Column { name: "srv_abrt", tags: Tags("MCPP"), value: |line| line.row.server_aborts_total.map(Value::U64), about: "Transfers aborted by the server" },
    Column { name: "comp_in", tags: Tags("MCPP"), value: absent, about: "Bytes given to the compressor" },
    Column { name: "comp_out", tags: Tags("MCPP"), value: absent, about: "Bytes produced by the compressor" },
    Column { name: "comp_byp", tags: Tags("MCPP"), value: absent, about: "Bytes that bypassed compression" },
    Column { name: "comp_rsp", tags: Tags("MCPP"), value: absent, about: "Responses compressed" },
    Column { name: "lastsess", tags: Tags("MAPP"), value: |line| line.row.last_session_s.map(Value::S32), about: "Seconds since last session, -1 if none" },
    Column { name: "last_chk", tags: Tags("MOPV"), value: |line| line.row.check_status.as_ref().map(|_| Value::text(line.row.check_detail.as_deref().unwrap_or_default())), about: "Detail of last health check" },
    Column { name: "last_agt", tags: Tags("MOPV"), value: |line| line.row.agent_status.as_ref().map(|_| Value::text(line.row.agent_detail.as_deref().unwrap_or_default())), about: "Detail of last agent check" },
    Column { name: "qtime", tags: Tags("MaPV"), value: |line| line.row.queue_time_ms.map(Value::U32), about: "Mean queue time ms, last 1024" },
    Column { name: "ctime", tags: Tags("MaPV"), value: |line| line.row.connect_time_ms.map(Value::U32), about: "Mean connect time ms" },
    Column { name: "rtime", tags: Tags("MaPV"), value: |line| line.row.response_time_ms.map(Value::U32), about: "Mean response time ms" },
    Column { name: "ttime", tags: Tags("MaPV"), value: |line| line.row.total_time_ms.map(Value::U32), about: "Mean total time ms" },
    Column { name: "agent_status", tags: Tags("MOPV"), value: |line| line.row.agent_status.as_deref().map(Value::text), about: "Last agent result code word" },
    Column { name: "agent_code", tags: Tags("MOPV"), value: |line| line.row.agent_code.map(Value::U32), about: "Code reported by agent" },
    Column { name: "agent_duration", tags: Tags("MDPV"), value: |line| line.row.agent_duration_ms.map(Value::U64), about: "Duration of last agent check, ms" },
    Column { name: "check_desc", tags: Tags("MOPV"), value: |line| line.row.check_words.as_deref().map(Value::text), about: "Words for check_status" },
    Column { name: "agent_desc", tags: Tags("MOPV"), value: |line| line.row.agent_words.as_deref().map(Value::text), about: "Words for agent_status" },
    Column { name: "check_rise", tags: Tags("CGSV"), value: |line| line.row.check_rise.map(Value::U32), about: "Rise setting" },
    Column { name: "check_fall", tags: Tags("CGSV"), value: |line| line.row.check_fall.map(Value::U32), about: "Fall setting" },
    Column { name: "check_health", tags: Tags("CGSV"), value: |line| line.row.check_health.map(Value::U32), about: "Check counter 0..rise+fall-1" },
    Column { name: "agent_rise", tags: Tags("CGSV"), value: |line| line.row.agent_rise.map(Value::U32), about: "Agent rise setting" },
    Column { name: "agent_fall", tags: Tags("CGSV"), value: |line| line.row.agent_fall.map(Value::U32), about: "Agent fall setting" },
    Column { name: "agent_health", tags: Tags("CGSV"), value: |line| line.row.agent_health.map(Value::U32), about: "Agent counter" },
    Column { name: "addr", tags: Tags("CGSV"), value: |line| line.row.address.as_deref().map(Value::text), about: "Address:port or unix" },
    Column { name: "cookie", tags: Tags("CNSV"), value: |line| line.row.cookie.as_deref().map(Value::text), about: "Server cookie value or backend cookie name" },
    Column { name: "mode", tags: Tags("CGSV"), value: |line| line.row.mode.as_deref().map(Value::text), about: "Tcp, http, …" },
    Column { name: "algo", tags: Tags("CGSV"), value: |line| line.row.algorithm.as_deref().map(|name| Value::text(if name == "random" { "unknown" } else { name })), about: "Balance algorithm" },
    Column { name: "conn_rate", tags: Tags("MRPP"), value: |line| line.row.connections_rate.map(Value::U32), about: "Connections in the last second" },
    Column { name: "conn_rate_max", tags: Tags("MMPV"), value: |line| line.row.connections_rate_max.map(Value::U32), about: "Highest conn_rate" },
    Column { name: "conn_tot", tags: Tags("MCPP"), value: |line| line.row.connections_total.map(Value::U64), about: "Connections since start" },
    Column { name: "intercepted", tags: Tags("MCPP"), value: |line| line.row.intercepted_total.map(Value::U64), about: "Requests answered locally (stats, redirect, services)" },
    Column { name: "dcon", tags: Tags("MCPP"), value: |line| line.row.connections_denied_total.map(Value::U64), about: "Connections refused by tcp-request connection" },
    Column { name: "dses", tags: Tags("MCPP"), value: |line| line.row.sessions_denied_total.map(Value::U64), about: "Sessions refused by tcp-request session" },
    Column { name: "wrew", tags: Tags("MCPP"), value: |line| line.row.rewrite_errors_total.map(Value::U64), about: "Failed header rewrites" },
    Column { name: "connect", tags: Tags("MCPP"), value: |line| line.row.connects_total.map(Value::U64), about: "Connection attempts to servers" },
    Column { name: "reuse", tags: Tags("MCPP"), value: |line| line.row.reuses_total.map(Value::U64), about: "Connection reuses" },
    Column { name: "cache_lookups", tags: Tags("MCPP"), value: absent, about: "Cache lookups" },
    Column { name: "cache_hits", tags: Tags("MCPP"), value: absent, about: "Cache hits" },
    Column { name: "srv_icur", tags: Tags("MGPV"), value: |line| line.row.idle_current.map(Value::U32), about: "Idle connections available" },
    Column { name: "src_ilim", tags: Tags("CLPV"), value: |line| line.row.idle_limit.map(Value::U32), about: "Limit on idle connections" },
    Column { name: "qtime_max", tags: Tags("MMPV"), value: |line| line.row.queue_time_max_ms.map(Value::U32), about: "Highest queue time ms" },
    Column { name: "ctime_max", tags: Tags("MMPV"), value: |line| line.row.connect_time_max_ms.map(Value::U32), about: "Highest connect time ms" },
    Column { name: "rtime_max", tags: Tags("MMPV"), value: |line| line.row.response_time_max_ms.map(Value::U32), about: "Highest response time ms" },
    Column { name: "ttime_max", tags: Tags("MMPV"), value: |line| line.row.total_time_max_ms.map(Value::U32), about: "Highest total time ms" },
    Column { name: "eint", tags: Tags("MCPP"), value: |line| line.row.internal_errors_total.map(Value::U64), about: "Internal errors" },
    Column { name: "idle_conn_cur", tags: Tags("MGPV"), value: |line| line.row.idle_unsafe_current.map(Value::U32), about: "Unsafe idle connections" },
    Column { name: "safe_conn_cur", tags: Tags("MGPV"), value: |line| line.row.idle_safe_current.map(Value::U32), about: "Safe idle connections" },
    Column { name: "used_conn_cur", tags: Tags("MGPV"), value: |line| line.row.used_current.map(Value::U32), about: "Connections in use" },
    Column { name: "need_conn_est", tags: Tags("MGPV"), value: |line| line.row.need_estimate.map(Value::U32), about: "Estimated need of connections" },
    Column { name: "uweight", tags: Tags("MaPV"), value: |line| line.row.user_weight.map(Value::U32), about: "User weight, or sum" },
    Column { name: "agg_server_status", tags: Tags("MGPV"), value: absent, about: "Gauge of server status" },
    Column { name: "agg_server_check_status", tags: Tags("MGPV"), value: absent, about: "Older copy of the previous one" },
    Column { name: "agg_check_status", tags: Tags("MGPV"), value: absent, about: "Gauge of check status" },
    Column { name: "srid", tags: Tags("MCPV"), value: |line| line.row.server_id_revision.map(Value::U32), about: "Revision of the server id (bumped when an id is reused)" },
    Column { name: "sess_other", tags: Tags("MCPV"), value: |line| line.row.sessions_other_total.map(Value::U64), about: "Non-HTTP sessions" },
    Column { name: "h1sess", tags: Tags("MCPP"), value: |line| line.row.sessions_h1_total.map(Value::U64), about: "HTTP/1 sessions" },
    Column { name: "h2sess", tags: Tags("MCPP"), value: |line| line.row.sessions_h2_total.map(Value::U64), about: "HTTP/2 sessions" },
    Column { name: "h3sess", tags: Tags("MCPP"), value: |line| line.row.sessions_h3_total.map(Value::U64), about: "HTTP/3 sessions" },
    Column { name: "req_other", tags: Tags("MCPP"), value: |line| line.row.requests_other_total.map(Value::U64), about: "Non-HTTP requests" },
    Column { name: "h1req", tags: Tags("MCPP"), value: |line| line.row.requests_h1_total.map(Value::U64), about: "HTTP/1 requests" },
    Column { name: "h2req", tags: Tags("MCPP"), value: |line| line.row.requests_h2_total.map(Value::U64), about: "HTTP/2 requests" },
    Column { name: "h3req", tags: Tags("MCPP"), value: |line| line.row.requests_h3_total.map(Value::U64), about: "HTTP/3 requests" },
    Column { name: "proto", tags: Tags("SGPV"), value: |line| line.row.protocol.as_deref().map(Value::text), about: "Listener protocol, e.g. tcpv4" },
    Column { name: "priv_idle_cur", tags: Tags("MGPV"), value: |line| line.row.idle_private_current.map(Value::U32), about: "Private idle connections" },
    Column { name: "reqbin", tags: Tags("MCPP"), value: |line| line.row.request_bytes_in_total.map(Value::U64), about: "Request bytes received" },
    Column { name: "reqbout", tags: Tags("MCPP"), value: |line| line.row.request_bytes_out_total.map(Value::U64), about: "Request bytes sent" },
    Column { name: "resbin", tags: Tags("MCPP"), value: |line| line.row.response_bytes_in_total.map(Value::U64), about: "Response bytes received" },
    Column { name: "resbout", tags: Tags("MCPP"), value: |line| line.row.response_bytes_out_total.map(Value::U64), about: "Response bytes sent" },
    Column { name: "cache_hint_hits", tags: Tags("MCPP"), value: absent, about: "103 responses served from cache hints" },
];

/// The columns of protocols, which follow the column `-`. Their order is not part of the interface.
#[rustfmt::skip]
pub static MODULE_COLUMNS: &[Column] = &[
    Column { name: "h1_open_connections", tags: Tags("MGPV"), value: |line| line.row.h1_connections_open.map(Value::U64), about: "HTTP/1 connections now" },
    Column { name: "h1_open_streams", tags: Tags("MGPV"), value: |line| line.row.h1_streams_open.map(Value::U64), about: "HTTP/1 requests under way" },
    Column { name: "h1_total_connections", tags: Tags("MCPV"), value: |line| line.row.h1_connections_total.map(Value::U64), about: "HTTP/1 connections since start" },
    Column { name: "h1_total_streams", tags: Tags("MCPV"), value: |line| line.row.h1_streams_total.map(Value::U64), about: "HTTP/1 requests since start" },
    Column { name: "h1_bytes_in", tags: Tags("MCPV"), value: |line| line.row.h1_bytes_in_total.map(Value::U64), about: "Bytes received over HTTP/1" },
    Column { name: "h1_bytes_out", tags: Tags("MCPV"), value: |line| line.row.h1_bytes_out_total.map(Value::U64), about: "Bytes sent over HTTP/1" },
    Column { name: "h1_spliced_bytes_in", tags: Tags("MCPV"), value: |line| line.row.h1_spliced_in_total.map(Value::U64), about: "Bytes received over HTTP/1 that the kernel moved" },
    Column { name: "h1_spliced_bytes_out", tags: Tags("MCPV"), value: |line| line.row.h1_spliced_out_total.map(Value::U64), about: "Bytes sent over HTTP/1 that the kernel moved" },
];
