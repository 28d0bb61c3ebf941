//! Fetches of the process, of its proxies and servers (configuration manual 7.3.2).

use super::{Fetch, Row, row};
use crate::rules::signature::{Signature, Want};
use crate::rules::{Kind, Reach};

/// The rows, in ascending order of names.
pub(super) const ROWS: &[Row] = &[
    row("act_conn", Fetch::ProcessConnections, Signature::NONE, Kind::Int, Reach::RUNNING, &[]),
    row("avg_queue", Fetch::AverageQueue, BACKEND, Kind::Int, Reach::RUNNING, &["avg_queue(be)"]),
    row("be_conn", Fetch::BackendSessions, BACKEND, Kind::Int, Reach::RUNNING, &["be_conn(be)"]),
    row(
        "be_conn_free",
        Fetch::BackendRoom,
        BACKEND,
        Kind::Int,
        Reach::RUNNING,
        &["be_conn_free(be)", "be_conn_free(limited)"],
    ),
    row("be_sess_rate", Fetch::BackendSessionRate, BACKEND, Kind::Int, Reach::RUNNING, &["be_sess_rate(be)"]),
    row(
        "connslots",
        Fetch::ConnectionSlots,
        BACKEND,
        Kind::Int,
        Reach::RUNNING,
        &["connslots(be)", "connslots(limited)"],
    ),
    row(
        "date",
        Fetch::Date,
        DATE,
        Kind::Int,
        Reach::EVERYWHERE,
        &["date,bool", "date(-10,ms),bool", "date(0,us),bool"],
    ),
    row("date_us", Fetch::DateMicros, Signature::NONE, Kind::Int, Reach::EVERYWHERE, &["date_us,bool"]),
    row("fe_conn", Fetch::FrontendSessions, FRONTEND, Kind::Int, Reach::RUNNING, &["fe_conn", "fe_conn(fe)"]),
    row(
        "fe_req_rate",
        Fetch::FrontendRequestRate,
        FRONTEND,
        Kind::Int,
        Reach::RUNNING,
        &["fe_req_rate,bool"],
    ),
    row(
        "fe_sess_rate",
        Fetch::FrontendSessionRate,
        FRONTEND,
        Kind::Int,
        Reach::RUNNING,
        &["fe_sess_rate,bool"],
    ),
    row("hostname", Fetch::Hostname, Signature::NONE, Kind::Str, Reach::EVERYWHERE, &["hostname"]),
    row("last_entity", Fetch::LastEntity, Signature::NONE, Kind::Str, Reach::RUNNING, &[]),
    row(
        "last_rule_file",
        Fetch::LastRuleFile,
        Signature::NONE,
        Kind::Str,
        Reach::RUNNING,
        &["last_rule_file"],
    ),
    row(
        "last_rule_line",
        Fetch::LastRuleLine,
        Signature::NONE,
        Kind::Int,
        Reach::RUNNING,
        &["last_rule_line"],
    ),
    row("nbproc", Fetch::ProcessCount, Signature::NONE, Kind::Int, Reach::EVERYWHERE, &["nbproc"]),
    row("nbsrv", Fetch::UsableServers, BACKEND, Kind::Int, Reach::RUNNING, &["nbsrv(be)", "nbsrv(limited)"]),
    row("pid", Fetch::ProcessId, Signature::NONE, Kind::Int, Reach::EVERYWHERE, &[]),
    row("prio_class", Fetch::PriorityClass, Signature::NONE, Kind::Int, Reach::RUNNING, &["prio_class"]),
    row("prio_offset", Fetch::PriorityOffset, Signature::NONE, Kind::Int, Reach::RUNNING, &["prio_offset"]),
    row("proc", Fetch::ProcessNumber, Signature::NONE, Kind::Int, Reach::EVERYWHERE, &["proc"]),
    row("queue", Fetch::Queued, BACKEND, Kind::Int, Reach::RUNNING, &["queue(be)"]),
    row("rand", Fetch::Random, MAYBE_INT, Kind::Int, Reach::EVERYWHERE, &["rand(1)"]),
    row("srv_conn", Fetch::ServerSessions, SERVER, Kind::Int, Reach::RUNNING, &["srv_conn(be/s1)"]),
    row(
        "srv_conn_free",
        Fetch::ServerRoom,
        SERVER,
        Kind::Int,
        Reach::RUNNING,
        &["srv_conn_free(be/s1)", "srv_conn_free(limited/s1)"],
    ),
    row(
        "srv_is_up",
        Fetch::ServerIsUp,
        SERVER,
        Kind::Bool,
        Reach::RUNNING,
        &["srv_is_up(be/s1)", "srv_is_up(be/s2)"],
    ),
    row(
        "srv_iweight",
        Fetch::ServerInitialWeight,
        SERVER,
        Kind::Int,
        Reach::RUNNING,
        &["srv_iweight(be/s1)"],
    ),
    row("srv_queue", Fetch::ServerQueue, SERVER, Kind::Int, Reach::RUNNING, &["srv_queue(be/s1)"]),
    row(
        "srv_sess_rate",
        Fetch::ServerSessionRate,
        SERVER,
        Kind::Int,
        Reach::RUNNING,
        &["srv_sess_rate(be/s1)"],
    ),
    row("srv_uweight", Fetch::ServerUserWeight, SERVER, Kind::Int, Reach::RUNNING, &["srv_uweight(be/s1)"]),
    row("srv_weight", Fetch::ServerWeight, SERVER, Kind::Int, Reach::RUNNING, &["srv_weight(be/s1)"]),
    row("stopping", Fetch::Stopping, Signature::NONE, Kind::Bool, Reach::RUNNING, &["stopping"]),
    row("thread", Fetch::Thread, Signature::NONE, Kind::Int, Reach::EVERYWHERE, &["thread"]),
    row("uuid", Fetch::Uuid, UUID, Kind::Str, Reach::EVERYWHERE, &["uuid,length", "uuid(4),length"]),
    row("waiting_entity", Fetch::WaitingEntity, Signature::NONE, Kind::Str, Reach::RUNNING, &[]),
];

/// Units of time: seconds, milliseconds, microseconds.
const UNITS: &[&str] = &["s", "ms", "us"];

const BACKEND: Signature = Signature::new(0, &[Want::Backend]);
const DATE: Signature = Signature::new(0, &[Want::Int, Want::Word(UNITS)]);
const FRONTEND: Signature = Signature::new(0, &[Want::Frontend]);
const MAYBE_INT: Signature = Signature::new(0, &[Want::Int]);
const SERVER: Signature = Signature::new(1, &[Want::Server]);
const UUID: Signature = Signature::new(0, &[Want::Int]);
