//! What is counted, in the text form of Prometheus (exposition format 0.0.4), by HAProxy's names.
//!
//! Two tables: fields of the process by the names of `process.rs`, and columns of rows by those of `columns.rs`. A
//! metric of what is not observed is left out, header and all. Pure: a caller gives rows and takes text, one metric at
//! a time, so that many rows can be written in pieces.

use std::fmt::Write;

use super::columns::{COLUMNS, Column, Line};
use super::process;
use super::value::Value;
use crate::wire::v1::{Condition, Info, StatisticsKind as Kind, StatisticsRow};

/// A metric of rows.
#[derive(Debug)]
pub struct Metric {
    /// What stands behind `haproxy_<scope>_`.
    pub name: &'static str,
    /// The column that it shows.
    column: &'static str,
    shape: Shape,
    /// The kinds of rows that have it: letters of `flbs`.
    kinds: &'static str,
    help: &'static str,
}

/// How a value becomes a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Shape {
    /// A number that may fall.
    Gauge,
    /// A number that only rises.
    Counter,
    /// Milliseconds, shown as seconds.
    Millis,
    /// How the row stands: a sample for each state.
    Status,
    /// What the last check found: a sample for each word.
    Check,
    /// Responses: a sample for each class of statuses.
    Responses,
    /// How the servers of a backend stand: how many in each state.
    Servers,
    /// What the last checks of a backend's servers found: how many of each word.
    Checks,
}

/// Which metrics are wanted, by name; `haproxy_<scope>_` may stand before one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    only: Vec<String>,
    without: Vec<String>,
}

impl Wanted {
    /// Reads a list of names with commas between them; one with `-` before it is not wanted.
    pub fn parse(list: &str) -> Wanted {
        let mut wanted = Wanted::default();
        for name in list.split(',').map(str::trim).filter(|name| !name.is_empty()) {
            match name.strip_prefix('-') {
                Some(name) => wanted.without.push(name.to_owned()),
                None => wanted.only.push(name.strip_prefix('+').unwrap_or(name).to_owned()),
            }
        }
        wanted
    }

    /// Whether this metric is.
    pub fn covers(&self, scope: &str, name: &str) -> bool {
        let is = |known: &String| {
            known == name
                || known
                    .strip_prefix("haproxy_")
                    .and_then(|known| known.strip_prefix(scope))
                    .and_then(|known| known.strip_prefix('_'))
                    .is_some_and(|known| known == name)
        };
        (self.only.is_empty() || self.only.iter().any(is)) && !self.without.iter().any(is)
    }
}

impl Metric {
    /// Whether rows of this kind have it.
    pub fn has(&self, kind: Kind) -> bool {
        self.kinds.contains(letter(kind))
    }

    /// Writes it for these rows, all of one kind, with its header. Of a backend, `servers` gives its servers.
    pub fn write<'r>(
        &self,
        kind: Kind,
        rows: impl Iterator<Item = &'r StatisticsRow>,
        servers: &dyn Fn(&str) -> Vec<&'r StatisticsRow>,
        out: &mut String,
    ) {
        let Some(column) = COLUMNS.iter().find(|column| column.name == self.column) else { return };
        let start = out.len();
        let scope = scope(kind);
        let type_word = match self.shape {
            Shape::Counter | Shape::Responses => "counter",
            _ => "gauge",
        };
        let name = format!("haproxy_{scope}_{}", self.name);
        header(&name, type_word, self.help, out);
        let before = out.len();
        for row in rows {
            self.samples(&name, kind, column, row, servers, out);
        }
        if out.len() == before {
            out.truncate(start);
        }
    }

    fn samples<'r>(
        &self,
        name: &str,
        kind: Kind,
        column: &Column,
        row: &'r StatisticsRow,
        servers: &dyn Fn(&str) -> Vec<&'r StatisticsRow>,
        out: &mut String,
    ) {
        let labels = labels(kind, row);
        // Writing to a string cannot fail.
        let mut labelled = |label: &str, value: &str, number: u64| {
            let _ = writeln!(out, "{name}{{{labels},{label}=\"{value}\"}} {number}");
        };
        match self.shape {
            Shape::Gauge | Shape::Counter | Shape::Millis => {
                let line = Line { row, counted: false };
                let Some(text) = (column.value)(&line).and_then(|value| number(&value, self.shape)) else {
                    return;
                };
                let _ = writeln!(out, "{name}{{{labels}}} {text}");
            }
            Shape::Status => {
                let state = state(row);
                states(kind).iter().for_each(|known| labelled("state", known, u64::from(*known == state)));
            }
            Shape::Check => {
                let Some(found) = row.check_status.as_deref() else { return };
                let found = found.trim_start_matches("* ");
                CHECKS.iter().for_each(|known| labelled("state", known, u64::from(*known == found)));
            }
            Shape::Responses => {
                let classes = [
                    ("1xx", row.responses_1xx_total),
                    ("2xx", row.responses_2xx_total),
                    ("3xx", row.responses_3xx_total),
                    ("4xx", row.responses_4xx_total),
                    ("5xx", row.responses_5xx_total),
                    ("other", row.responses_other_total),
                ];
                for (class, number) in classes {
                    if let Some(number) = number {
                        labelled("code", class, number);
                    }
                }
            }
            Shape::Servers => {
                let found: Vec<&str> = servers(&row.proxy).into_iter().map(state).collect();
                let count = |known: &&str| found.iter().filter(|state| *state == known).count() as u64;
                states(Kind::Server).iter().for_each(|known| labelled("state", known, count(known)));
            }
            Shape::Checks => {
                let servers = servers(&row.proxy);
                let found: Vec<&str> = servers
                    .iter()
                    .filter_map(|server| Some(server.check_status.as_deref()?.trim_start_matches("* ")))
                    .collect();
                let count = |known: &&str| found.iter().filter(|word| *word == known).count() as u64;
                CHECKS.iter().for_each(|known| labelled("state", known, count(known)));
            }
        }
    }
}

/// Writes the metrics of the process.
pub fn process_metrics(info: &Info, wanted: &Wanted, out: &mut String) {
    for (name, type_word, field, help) in PROCESS {
        if !wanted.covers("process", name) {
            continue;
        }
        let metric = format!("haproxy_process_{name}");
        let _ = match *name {
            "build_info" => {
                header(&metric, type_word, help, out);
                writeln!(out, "{metric}{{version=\"{}\"}} 1", label(&info.version))
            }
            _ => match process::value(info, field).and_then(|value| number(&value, Shape::Gauge)) {
                Some(text) => {
                    header(&metric, type_word, help, out);
                    writeln!(out, "{metric} {text}")
                }
                None => Ok(()),
            },
        };
    }
}

/// Writes the metrics of stick tables: of each its name, the type of its keys, its size, and the entries in use.
pub fn table_metrics(tables: &[(String, String, u64, u64)], wanted: &Wanted, out: &mut String) {
    type Figure = fn(&(String, String, u64, u64)) -> u64;
    let metrics: [(&str, &str, Figure); 2] = [
        ("size", "Entries that a stick table may hold", |t| t.2),
        ("used", "Entries that a stick table holds", |t| t.3),
    ];
    for (name, help, figure) in metrics {
        if tables.is_empty() || !wanted.covers("sticktable", name) {
            continue;
        }
        let metric = format!("haproxy_sticktable_{name}");
        header(&metric, "gauge", help, out);
        for table in tables {
            let _ = writeln!(
                out,
                "{metric}{{name=\"{}\",type=\"{}\"}} {}",
                label(&table.0),
                label(&table.1),
                figure(table)
            );
        }
    }
}

/// The word for a kind of rows in names and in the parameter `scope`.
pub fn scope(kind: Kind) -> &'static str {
    match kind {
        Kind::Frontend => "frontend",
        Kind::Listener => "listener",
        Kind::Backend => "backend",
        Kind::Server | Kind::Unspecified => "server",
    }
}

fn letter(kind: Kind) -> char {
    match kind {
        Kind::Frontend => 'f',
        Kind::Listener => 'l',
        Kind::Backend => 'b',
        Kind::Server | Kind::Unspecified => 's',
    }
}

fn header(name: &str, type_word: &str, help: &str, out: &mut String) {
    let _ = write!(out, "# HELP {name} {help}\n# TYPE {name} {type_word}\n");
}

fn labels(kind: Kind, row: &StatisticsRow) -> String {
    let proxy = label(&row.proxy);
    match kind {
        Kind::Frontend | Kind::Backend => format!("proxy=\"{proxy}\""),
        Kind::Listener => format!("proxy=\"{proxy}\",listener=\"{}\"", label(&row.service)),
        Kind::Server | Kind::Unspecified => format!("proxy=\"{proxy}\",server=\"{}\"", label(&row.service)),
    }
}

/// The value of a label, without what would end it.
fn label(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

fn number(value: &Value<'_>, shape: Shape) -> Option<String> {
    let whole = match value {
        Value::U32(number) => *number as f64,
        Value::U64(number) => *number as f64,
        Value::S32(number) => f64::from(*number),
        Value::Float(number) => *number,
        Value::Text(_) => return None,
    };
    if shape == Shape::Millis {
        return Some(format!("{:.6}", whole / 1000.0));
    }
    let mut text = String::new();
    value.plain(&mut text);
    Some(text)
}

/// The state of a row by the words of [`states`].
fn state(row: &StatisticsRow) -> &'static str {
    let condition = row.status.as_ref().map_or(Condition::Unspecified, |status| status.condition());
    match (row.kind(), condition) {
        (Kind::Listener, Condition::Open) => "OPEN",
        (Kind::Listener, Condition::Full) => "FULL",
        (Kind::Listener, _) => "WAITING",
        (_, Condition::Open | Condition::Full | Condition::Up | Condition::Unchecked) => "UP",
        (_, Condition::Maintenance | Condition::Unresolved) => "MAINT",
        (_, Condition::Drain) => "DRAIN",
        (_, Condition::Stopping) => "NOLB",
        _ => "DOWN",
    }
}

fn states(kind: Kind) -> &'static [&'static str] {
    match kind {
        Kind::Frontend | Kind::Backend => &["DOWN", "UP"],
        Kind::Listener => &["WAITING", "OPEN", "FULL"],
        Kind::Server | Kind::Unspecified => &["DOWN", "UP", "MAINT", "DRAIN", "NOLB"],
    }
}

/// What a check may find, by the words of the column `check_status`.
const CHECKS: [&str; 16] = [
    "HANA", "SOCKERR", "L4OK", "L4TOUT", "L4CON", "L6OK", "L6TOUT", "L6RSP", "L7TOUT", "L7RSP", "L7OK",
    "L7OKC", "L7STS", "PROCERR", "PROCTOUT", "PROCOK",
];

const fn metric(
    name: &'static str,
    column: &'static str,
    shape: Shape,
    kinds: &'static str,
    help: &'static str,
) -> Metric {
    Metric { name, column, shape, kinds, help }
}

/// The metrics of rows.
#[rustfmt::skip]
pub static METRICS: &[Metric] = &[
    metric("current_queue", "qcur", Shape::Gauge, "bs", "Requests that wait in the queue now"),
    metric("max_queue", "qmax", Shape::Gauge, "bs", "Most requests that waited in the queue at a time"),
    metric("current_sessions", "scur", Shape::Gauge, "flbs", "Sessions now"),
    metric("max_sessions", "smax", Shape::Gauge, "flbs", "Most sessions at a time"),
    metric("limit_sessions", "slim", Shape::Gauge, "flbs", "Most sessions that are allowed at a time"),
    metric("sessions_total", "stot", Shape::Counter, "flbs", "Sessions since the start"),
    metric("bytes_in_total", "bin", Shape::Counter, "flbs", "Bytes of requests since the start"),
    metric("bytes_out_total", "bout", Shape::Counter, "flbs", "Bytes of responses since the start"),
    metric("requests_denied_total", "dreq", Shape::Counter, "flb", "Requests that rules refused"),
    metric("responses_denied_total", "dresp", Shape::Counter, "flbs", "Responses that rules refused"),
    metric("request_errors_total", "ereq", Shape::Counter, "fl", "Requests that were malformed or broken off"),
    metric("connection_errors_total", "econ", Shape::Counter, "bs", "Connections to servers that failed"),
    metric("response_errors_total", "eresp", Shape::Counter, "bs", "Responses that were malformed or broken off"),
    metric("retry_warnings_total", "wretr", Shape::Counter, "bs", "Connections to servers that were tried again"),
    metric("redispatch_warnings_total", "wredis", Shape::Counter, "bs", "Requests that went to another server after a failure"),
    metric("status", "status", Shape::Status, "flbs", "How it stands: 1 for the state in the label"),
    metric("weight", "weight", Shape::Gauge, "bs", "Weight in force; of a backend the sum over the servers that serve"),
    metric("active_servers", "act", Shape::Gauge, "b", "Active servers that serve"),
    metric("backup_servers", "bck", Shape::Gauge, "b", "Backup servers that serve"),
    metric("check_failures_total", "chkfail", Shape::Counter, "s", "Checks that failed while the server was up"),
    metric("check_up_down_total", "chkdown", Shape::Counter, "bs", "How often it went down"),
    metric("check_last_change_seconds", "lastchg", Shape::Gauge, "bs", "Seconds since it went up or down"),
    metric("downtime_seconds_total", "downtime", Shape::Counter, "bs", "Seconds that it was down"),
    metric("queue_limit", "qlimit", Shape::Gauge, "s", "Most requests that may wait in the queue"),
    metric("current_throttle", "throttle", Shape::Gauge, "s", "Percent of its weight that a server has while it warms up"),
    metric("loadbalanced_total", "lbtot", Shape::Counter, "bs", "How often balancing chose it"),
    metric("limit_session_rate", "rate_lim", Shape::Gauge, "f", "Most sessions that are allowed a second"),
    metric("max_session_rate", "rate_max", Shape::Gauge, "fbs", "Most sessions in a second"),
    metric("check_status", "check_status", Shape::Check, "s", "What the last check found: 1 for the word in the label"),
    metric("check_code", "check_code", Shape::Gauge, "s", "The code that the last check got"),
    metric("check_duration_seconds", "check_duration", Shape::Millis, "s", "Seconds that the last check took"),
    metric("http_responses_total", "hrsp_2xx", Shape::Responses, "fbs", "Responses by the class of their status"),
    metric("http_requests_rate_max", "req_rate_max", Shape::Gauge, "f", "Most HTTP requests in a second"),
    metric("http_requests_total", "req_tot", Shape::Counter, "fb", "HTTP requests since the start"),
    metric("client_aborts_total", "cli_abrt", Shape::Counter, "bs", "Transfers that clients broke off"),
    metric("server_aborts_total", "srv_abrt", Shape::Counter, "bs", "Transfers that servers broke off"),
    metric("http_comp_bytes_in_total", "comp_in", Shape::Counter, "fb", "Bytes that were given to compression"),
    metric("http_comp_bytes_out_total", "comp_out", Shape::Counter, "fb", "Bytes that came from compression"),
    metric("http_comp_bytes_bypassed_total", "comp_byp", Shape::Counter, "fb", "Bytes that compression left as they were"),
    metric("http_comp_responses_total", "comp_rsp", Shape::Counter, "fb", "Responses that were compressed"),
    metric("last_session_seconds", "lastsess", Shape::Gauge, "bs", "Seconds since the last session; -1 for none yet"),
    metric("queue_time_average_seconds", "qtime", Shape::Millis, "bs", "Mean time in the queue of the last 1024 requests"),
    metric("connect_time_average_seconds", "ctime", Shape::Millis, "bs", "Mean time of connecting of the last 1024 requests"),
    metric("response_time_average_seconds", "rtime", Shape::Millis, "bs", "Mean time until the response of the last 1024 requests"),
    metric("total_time_average_seconds", "ttime", Shape::Millis, "bs", "Mean time in all of the last 1024 requests"),
    metric("connections_rate_max", "conn_rate_max", Shape::Gauge, "f", "Most connections in a second"),
    metric("connections_total", "conn_tot", Shape::Counter, "f", "Connections since the start"),
    metric("intercepted_requests_total", "intercepted", Shape::Counter, "f", "Requests that the proxy answered itself"),
    metric("denied_connections_total", "dcon", Shape::Counter, "fl", "Connections that rules refused"),
    metric("denied_sessions_total", "dses", Shape::Counter, "fl", "Sessions that rules refused"),
    metric("failed_header_rewriting_total", "wrew", Shape::Counter, "flbs", "Headers that could not be rewritten"),
    metric("connection_attempts_total", "connect", Shape::Counter, "bs", "Connections to servers that were tried"),
    metric("connection_reuses_total", "reuse", Shape::Counter, "bs", "Requests over a connection that was there already"),
    metric("http_cache_lookups_total", "cache_lookups", Shape::Counter, "fb", "Requests that were looked up in a cache"),
    metric("http_cache_hits_total", "cache_hits", Shape::Counter, "fb", "Requests that a cache answered"),
    metric("idle_connections_current", "srv_icur", Shape::Gauge, "s", "Idle connections to the server now"),
    metric("idle_connections_limit", "src_ilim", Shape::Gauge, "s", "Most idle connections that are kept"),
    metric("max_queue_time_seconds", "qtime_max", Shape::Millis, "bs", "Longest time in the queue"),
    metric("max_connect_time_seconds", "ctime_max", Shape::Millis, "bs", "Longest time of connecting"),
    metric("max_response_time_seconds", "rtime_max", Shape::Millis, "bs", "Longest time until a response"),
    metric("max_total_time_seconds", "ttime_max", Shape::Millis, "bs", "Longest time in all"),
    metric("internal_errors_total", "eint", Shape::Counter, "flbs", "Requests that failed by a fault of the proxy"),
    metric("unsafe_idle_connections_current", "idle_conn_cur", Shape::Gauge, "s", "Idle connections that only a safe request may use"),
    metric("safe_idle_connections_current", "safe_conn_cur", Shape::Gauge, "s", "Idle connections that any request may use"),
    metric("used_connections_current", "used_conn_cur", Shape::Gauge, "s", "Connections to the server in use now"),
    metric("need_connections_current", "need_conn_est", Shape::Gauge, "s", "Connections that are expected to be needed"),
    metric("uweight", "uweight", Shape::Gauge, "bs", "Weight as it was set; of a backend the sum over the servers that serve"),
    metric("agg_server_status", "type", Shape::Servers, "b", "Servers in the state of the label"),
    metric("agg_check_status", "type", Shape::Checks, "b", "Servers whose last check found the word of the label"),
];

/// The metrics of the process: name, type, the field of `show info`, help.
#[rustfmt::skip]
const PROCESS: &[(&str, &str, &str, &str)] = &[
    ("nbthread", "gauge", "Nbthread", "Workers"),
    ("nbproc", "gauge", "Nbproc", "Processes, always 1"),
    ("relative_process_id", "gauge", "Process_num", "Number of the process, always 1"),
    ("uptime_seconds", "gauge", "Uptime_sec", "Seconds since the start"),
    ("pool_failures_total", "counter", "PoolFailed", "Allocations that failed"),
    ("max_fds", "gauge", "Ulimit-n", "Most open descriptors that are allowed"),
    ("max_sockets", "gauge", "Maxsock", "Most sockets that would be used"),
    ("max_connections", "gauge", "Maxconn", "Most client connections at a time"),
    ("hard_max_connections", "gauge", "Hard_maxconn", "The highest limit of client connections that may be set"),
    ("current_connections", "gauge", "CurrConns", "Client connections now"),
    ("connections_total", "counter", "CumConns", "Client connections since the start"),
    ("requests_total", "counter", "CumReq", "Requests since the start"),
    ("max_ssl_connections", "gauge", "MaxSslConns", "Most TLS connections at a time; 0 for no limit"),
    ("current_ssl_connections", "gauge", "CurrSslConns", "TLS connections now"),
    ("ssl_connections_total", "counter", "CumSslConns", "TLS connections since the start"),
    ("max_pipes", "gauge", "Maxpipes", "Most pipes for moving bytes in the kernel"),
    ("pipes_used_total", "counter", "PipesUsed", "Pipes in use now"),
    ("pipes_free_total", "counter", "PipesFree", "Pipes that are kept for use"),
    ("current_connection_rate", "gauge", "ConnRate", "Client connections in the last second"),
    ("limit_connection_rate", "gauge", "ConnRateLimit", "Most client connections a second; 0 for no limit"),
    ("max_connection_rate", "gauge", "MaxConnRate", "Most client connections in a second"),
    ("current_session_rate", "gauge", "SessRate", "Sessions in the last second"),
    ("limit_session_rate", "gauge", "SessRateLimit", "Most sessions a second; 0 for no limit"),
    ("max_session_rate", "gauge", "MaxSessRate", "Most sessions in a second"),
    ("current_ssl_rate", "gauge", "SslRate", "TLS connections in the last second"),
    ("limit_ssl_rate", "gauge", "SslRateLimit", "Most TLS connections a second; 0 for no limit"),
    ("max_ssl_rate", "gauge", "MaxSslRate", "Most TLS connections in a second"),
    ("current_frontend_ssl_key_rate", "gauge", "SslFrontendKeyRate", "Keys made for clients in the last second"),
    ("max_frontend_ssl_key_rate", "gauge", "SslFrontendMaxKeyRate", "Most keys made for clients in a second"),
    ("frontend_ssl_reuse", "gauge", "SslFrontendSessionReuse_pct", "Percent of TLS connections of clients without a new key"),
    ("current_backend_ssl_key_rate", "gauge", "SslBackendKeyRate", "Keys made for servers in the last second"),
    ("max_backend_ssl_key_rate", "gauge", "SslBackendMaxKeyRate", "Most keys made for servers in a second"),
    ("ssl_cache_lookups_total", "counter", "SslCacheLookups", "TLS sessions that were looked up"),
    ("ssl_cache_misses_total", "counter", "SslCacheMisses", "TLS sessions that were not found"),
    ("http_comp_bytes_in_total", "counter", "CompressBpsIn", "Bytes given to compression in the last second"),
    ("http_comp_bytes_out_total", "counter", "CompressBpsOut", "Bytes from compression in the last second"),
    ("limit_http_comp", "gauge", "CompressBpsRateLim", "Bytes a second from which on nothing is compressed"),
    ("current_tasks", "gauge", "Tasks", "Tasks alive in the workers"),
    ("current_run_queue", "gauge", "Run_queue", "Tasks that are ready to run"),
    ("idle_time_percent", "gauge", "Idle_pct", "Percent of the last second in which workers waited"),
    ("stopping", "gauge", "Stopping", "1 while a soft stop goes on"),
    ("jobs", "gauge", "Jobs", "Connections and listeners that keep the process alive"),
    ("unstoppable_jobs", "gauge", "Unstoppable Jobs", "Of those, the ones that do not"),
    ("listeners", "gauge", "Listeners", "Open listening sockets"),
    ("active_peers", "gauge", "ActivePeers", "Peers that are in step"),
    ("connected_peers", "gauge", "ConnectedPeers", "Peers that are connected"),
    ("dropped_logs_total", "counter", "DroppedLogs", "Log lines that could not be sent"),
    ("busy_polling_enabled", "gauge", "BusyPolling", "1 while workers poll without a rest"),
    ("failed_resolutions", "counter", "FailedResolutions", "Names that could not be resolved"),
    ("bytes_out_total", "counter", "TotalBytesOut", "Bytes sent since the start"),
    ("spliced_bytes_out_total", "counter", "TotalSplicedBytesOut", "Of those, bytes moved in the kernel"),
    ("bytes_out_rate", "gauge", "BytesOutRate", "Bytes sent in the last second"),
    ("recv_logs_total", "counter", "CumRecvLogs", "Log lines received from others"),
    ("build_info", "gauge", "Build info", "The version, in a label"),
    ("max_memory_bytes", "gauge", "Memmax_bytes", "Most memory that the process may use; 0 for no limit"),
    ("pool_allocated_bytes", "gauge", "PoolAlloc_bytes", "Memory that buffers hold"),
    ("pool_used_bytes", "gauge", "PoolUsed_bytes", "Memory of buffers in use"),
    ("start_time_seconds", "gauge", "Start_time_sec", "When the process started, in seconds since 1970"),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "tests")]

    use super::*;
    use crate::wire::v1::Status;

    fn written(metric: &str, kind: Kind, rows: &[StatisticsRow]) -> String {
        let metric = METRICS.iter().find(|known| known.name == metric).unwrap();
        let mut out = String::new();
        metric.write(kind, rows.iter(), &|_| rows.iter().collect(), &mut out);
        out
    }

    fn server(name: &str, condition: Condition) -> StatisticsRow {
        StatisticsRow {
            proxy: "be".into(),
            service: name.into(),
            kind: Kind::Server.into(),
            status: Some(Status { condition: condition.into(), ..Status::default() }),
            ..StatisticsRow::default()
        }
    }

    #[test]
    fn columns_and_fields_of_all_metrics_are_there() {
        for metric in METRICS {
            assert!(COLUMNS.iter().any(|column| column.name == metric.column), "{}", metric.name);
            assert!(metric.help.chars().all(|c| c != '\n' && c != '\\'));
        }
    }

    #[test]
    fn a_state_is_a_sample_for_each_word() {
        let text = written("status", Kind::Server, &[server("a\"b", Condition::Drain)]);
        let samples: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(samples.len(), 5);
        assert_eq!(samples[3], "haproxy_server_status{proxy=\"be\",server=\"a\\\"b\",state=\"DRAIN\"} 1");
        assert!(samples.iter().filter(|line| line.ends_with(" 1")).count() == 1);
    }

    #[test]
    fn what_is_not_observed_has_no_header() {
        let plain = server("a", Condition::Up);
        assert_eq!(written("check_duration_seconds", Kind::Server, std::slice::from_ref(&plain)), "");
        let checked = StatisticsRow { check_duration_ms: Some(1500), ..plain };
        assert!(
            written("check_duration_seconds", Kind::Server, &[checked])
                .ends_with("haproxy_server_check_duration_seconds{proxy=\"be\",server=\"a\"} 1.500000\n")
        );
    }

    #[test]
    fn metrics_are_chosen_by_name() {
        let wanted = Wanted::parse("haproxy_server_status, weight,-uweight");
        assert!(wanted.covers("server", "status") && wanted.covers("backend", "weight"));
        assert!(!wanted.covers("backend", "status") && !wanted.covers("server", "uweight"));
        assert!(
            Wanted::parse("-weight").covers("server", "status")
                && !Wanted::parse("-weight").covers("server", "weight")
        );
    }
}
