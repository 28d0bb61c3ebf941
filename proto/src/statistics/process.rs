//! The process as `show info` shows it (management manual 9.3 "show info").

use std::borrow::Cow;
use std::fmt::Write;

use crate::wire::v1::Info;

use super::value::{Tags, Value};

/// How the process is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// `name: value`.
    Plain,
    /// With position, tags and type.
    Typed,
    /// An array of objects.
    Json,
}

/// The process, in one of the forms, with descriptions or without.
pub fn info(process: &Info, form: Form, described: bool, precise: bool) -> String {
    let mut out = String::new();
    let mut between = "[";
    let shown = Process { info: process, precise };
    for field in FIELDS {
        let Some(value) = (field.value)(&shown) else { continue };
        // Writing to a string cannot fail.
        match form {
            Form::Plain => {
                let _ = write!(out, "{}: ", field.name);
                value.plain(&mut out);
            }
            Form::Typed => {
                let _ = write!(out, "{}.{}.1:", field.position, field.name);
                value.typed(field.tags, &mut out);
            }
            Form::Json => {
                out.push_str(between);
                out.push('{');
                value.json(field.position, field.name, field.tags, &mut out);
                out.push('}');
                between = ",";
                continue;
            }
        }
        if described {
            let _ = write!(out, ":\"{}\"", field.about);
        }
        out.push('\n');
    }
    if form == Form::Json {
        out.push_str("]\n");
    }
    out
}

/// The value of the field of this name, where there is one.
pub(super) fn value(process: &Info, name: &str) -> Option<Value<'static>> {
    let shown = Process { info: process, precise: false };
    let field = FIELDS.iter().find(|field| field.name == name)?;
    (field.value)(&shown).map(Value::into_owned)
}

/// One field.
struct Field {
    position: u32,
    name: &'static str,
    tags: Tags,
    value: for<'a> fn(&'a Process<'a>) -> Option<Value<'a>>,
    about: &'static str,
}

/// The process as it is shown.
struct Process<'a> {
    info: &'a Info,
    precise: bool,
}

impl Process<'_> {
    /// A time in milliseconds, in seconds.
    fn seconds(&self, millis: u64) -> Value<'static> {
        match self.precise {
            true => Value::Float(millis as f64 / 1000.0),
            false => Value::U32(small(millis / 1000)),
        }
    }
}

/// A number that is shown as a small one; too large ones are cut.
fn small(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

fn uptime(millis: u64) -> String {
    let seconds = millis / 1000;
    let (days, hours, minutes) = (seconds / 86400, seconds / 3600 % 24, seconds / 60 % 60);
    format!("{days}d {hours}h{minutes:02}m{:02}s", seconds % 60)
}

/// Fields are written as `position name tags type: value; about`.
macro_rules! fields {
    ($( $position:literal $name:literal $tags:literal $kind:ident($process:ident => $value:expr) $about:literal; )+) => {
        &[$( Field {
            position: $position,
            name: $name,
            tags: Tags($tags),
            value: |$process| fields!(@$kind $value),
            about: $about,
        } ),+]
    };
    (@u32 $value:expr) => { Some(Value::U32($value)) };
    (@u64 $value:expr) => { Some(Value::U64($value)) };
    (@text $value:expr) => { Some(Value::Text(Cow::from($value))) };
    (@any $value:expr) => { $value };
}

/// The product as programs that read statistics know it; they refuse to talk to any other.
const COMPATIBLE_NAME: &str = "HAProxy";

/// A version of Regate's as such programs can compare it: after the version of HAProxy whose forms it writes. They
/// take the first two numbers between dots, so that a third must follow them at once.
pub fn compatible_version(version: &str) -> String {
    format!("3.5.0-regate-{version}")
}

/// The fields, by position. Positions are part of the interface; those of what Regate does not have are left out.
static FIELDS: &[Field] = fields! {
    0 "Name" "POSV" text(_p => COMPATIBLE_NAME) "Name of the product";
    1 "Version" "POSV" text(p => compatible_version(&p.info.version)) "Version of the product";
    2 "Release_date" "POSV" text(p => p.info.release_date.as_str()) "Date of the version";
    3 "Nbthread" "CGSV" u32(p => p.info.workers) "Number of workers";
    4 "Nbproc" "CGSV" u32(_p => 1) "Number of processes, always 1";
    5 "Process_num" "KGPV" u32(_p => 1) "Number of this process, always 1";
    6 "Pid" "SGPV" u32(p => p.info.pid) "Process id";
    7 "Uptime" "MDPV" text(p => uptime(p.info.uptime_ms)) "Time since the start, in days, hours, minutes and seconds";
    8 "Uptime_sec" "MDPV" any(p => Some(p.seconds(p.info.uptime_ms))) "Time since the start, in seconds";
    9 "Memmax_MB" "CLPV" u32(p => small(p.info.memory_limit_bytes >> 20)) "Most memory that the system allows, in MiB, 0 for no limit";
    10 "PoolAlloc_MB" "MGPV" u32(p => small(p.info.buffers_allocated_bytes >> 20)) "Memory of all pools, in MiB";
    11 "PoolUsed_MB" "MGPV" u32(p => small(p.info.buffers_used_bytes >> 20)) "Memory of pools in use, in MiB";
    12 "PoolFailed" "MCPV" u32(p => small(p.info.pools_refused_total)) "How often a buffer or a pipe could not be had";
    13 "Ulimit-n" "CLPV" u32(p => small(p.info.descriptor_limit)) "Most open descriptors allowed";
    14 "Maxsock" "CLPV" u32(p => small(p.info.sockets_limit)) "Most sockets that the process would use";
    15 "Maxconn" "CLPV" u32(p => p.info.maxconn) "Most client connections at a time";
    16 "Hard_maxconn" "CLPV" u32(p => p.info.hard_maxconn) "The highest that Maxconn may be set to";
    17 "CurrConns" "MGPV" u32(p => p.info.connections_current) "Client connections now";
    18 "CumConns" "MCPV" u32(p => small(p.info.connections_total)) "Client connections since the start";
    19 "CumReq" "MCPV" u32(p => small(p.info.requests_total)) "HTTP requests since the start";
    23 "Maxpipes" "CLPV" u32(p => p.info.pipes_limit) "Most pipes for moving bytes in the kernel";
    24 "PipesUsed" "MGPV" u32(p => p.info.pipes_used) "Pipes in use now";
    25 "PipesFree" "MGPV" u32(p => p.info.pipes_free) "Pipes kept for use";
    26 "ConnRate" "MRPV" u32(p => p.info.connections_rate) "Client connections in the last second";
    27 "ConnRateLimit" "CLPV" u32(p => p.info.connections_rate_limit) "Most client connections a second, 0 for no limit";
    28 "MaxConnRate" "MMPV" u32(p => p.info.connections_rate_max) "Highest ConnRate";
    29 "SessRate" "MRPV" u32(p => p.info.sessions_rate) "Sessions in the last second";
    30 "SessRateLimit" "CLPV" u32(p => p.info.sessions_rate_limit) "Most sessions a second, 0 for no limit";
    31 "MaxSessRate" "MRPV" u32(p => p.info.sessions_rate_max) "Highest SessRate";
    33 "SslRateLimit" "CLPV" u32(p => p.info.ssl_rate_limit) "Most TLS connections a second, 0 for no limit";
    44 "CompressBpsRateLim" "CLPV" u32(p => p.info.compression_rate_limit.saturating_mul(1024)) "Most bytes a second that are compressed, 0 for no limit";
    47 "Tasks" "MGPV" u32(p => p.info.tasks) "Tasks alive in the workers";
    48 "Run_queue" "MGPV" u32(p => p.info.tasks_ready) "Tasks that are ready to run";
    49 "Idle_pct" "MaPV" u32(p => p.info.idle_percent) "Share of time in which workers waited, in percent";
    50 "node" "COSV" text(p => p.info.node.as_str()) "Name of the node";
    51 "description" "COSV" any(p => p.info.description.as_deref().map(Value::text)) "What the configuration says about the process";
    52 "Stopping" "MGPV" u32(p => u32::from(p.info.stopping)) "1 while a soft stop goes on";
    53 "Jobs" "MGPV" u32(p => p.info.jobs) "Connections and listeners that keep the process alive";
    54 "Unstoppable Jobs" "MGPV" u32(p => p.info.jobs_unstoppable) "Of Jobs, those that do not keep it alive";
    55 "Listeners" "MGPV" u32(p => p.info.listeners) "Open listening sockets";
    58 "DroppedLogs" "MGPV" u32(p => small(p.info.logs_dropped_total)) "Log lines that could not be sent";
    60 "FailedResolutions" "MGPV" u32(p => small(p.info.resolutions_failed_total)) "Questions about host names that came to nothing";
    61 "TotalBytesOut" "MGPV" u64(p => p.info.bytes_out_total) "Bytes sent since the start";
    62 "TotalSplicedBytesOut" "MGPV" u64(p => p.info.bytes_out_spliced_total) "Of TotalBytesOut, bytes moved in the kernel";
    63 "BytesOutRate" "MRPV" u64(p => p.info.bytes_out_rate) "Bytes sent in the last second";
    66 "Build info" "POSV" text(p => p.info.version.as_str()) "Version of the build";
    67 "Memmax_bytes" "CLPV" u32(p => small(p.info.memory_limit_bytes)) "Most memory that the system allows, in bytes, 0 for no limit";
    68 "PoolAlloc_bytes" "MGPV" u64(p => p.info.buffers_allocated_bytes) "Memory of all pools, in bytes";
    69 "PoolUsed_bytes" "MGPV" u64(p => p.info.buffers_used_bytes) "Memory of pools in use, in bytes";
    70 "Start_time_sec" "MDPV" any(p => Some(p.seconds(p.info.started_at_ms))) "When the process started, in seconds since 1970";
    72 "TotalWarnings" "MCPV" u32(p => small(p.info.warnings_total)) "Warnings given since the start";
    73 "MaxconnReached" "MCPV" u32(p => small(p.info.maxconn_reached_total)) "How often Maxconn was reached";
    74 "BootTime_ms" "MDPV" u32(p => p.info.boot_time_ms) "Time from the start until traffic was taken, in milliseconds";
    76 "CurrStreams" "MGPV" u64(p => p.info.streams_current) "Requests and TCP sessions under way";
    77 "CumStreams" "MGPV" u64(p => p.info.streams_total) "Requests and TCP sessions since the start";
    78 "BlockedTrafficWarnings" "MGPV" u32(p => small(p.info.long_turns_total)) "How often a worker was busy for 100 ms or longer in one turn";
    79 "PatternsAdded" "MGPV" u64(p => p.info.patterns_added_total) "Entries of lists that were added";
    80 "PatternsFreed" "MGPV" u64(p => p.info.patterns_freed_total) "Entries of lists that were removed";
    81 "NbThreadGroups" "CGSV" u32(_p => 1) "Number of groups of workers, always 1";
};
