//! What the double tells of its insides: the same always.

use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::v1;
use v1::ReportKind;
use v1::query::Question;

/// An answer in parts.
pub fn tell(state: &State, question: Question) -> Result<Vec<v1::Answer>, Problem> {
    let empty = v1::Answer { revision: state.revision().0, ..Default::default() };
    let last = empty.clone();
    let mut parts = match question {
        Question::Report(query) => vec![v1::Answer { report: Some(report(query.kind())), ..empty }],
        Question::Pools(_) => {
            let pools = [pool("small_buffer", 16_384, 49_152, [1, 2]), pool("table_fe", 0, 128, [2, 0])];
            pools.into_iter().map(|pool| v1::Answer { pools: vec![pool], ..empty.clone() }).collect()
        }
        Question::ServersConnections(query) => {
            let query = v1::ServersQuery { backend: query.backend, server: None };
            let views = super::views(state, &query)?.into_iter();
            views
                .map(|view| v1::Answer { server_connections: vec![connections(&view)], ..empty.clone() })
                .collect()
        }
        Question::Events(query) => vec![v1::Answer { events: Some(events(query)?), ..empty }],
        _ => Vec::new(),
    };
    parts.push(last);
    Ok(parts)
}

fn report(kind: ReportKind) -> v1::Report {
    let section = |title: &str, lines: &[&str]| v1::ReportSection {
        title: title.to_owned(),
        lines: lines.iter().map(|line| (*line).to_owned()).collect(),
    };
    let sections = match kind {
        ReportKind::Unspecified => Vec::new(),
        ReportKind::Activity => vec![section("", &["accepted: 7 [ 3 4 ]"])],
        ReportKind::Tasks => vec![section("", &["Running tasks: 0 (2 threads)"])],
        ReportKind::Threads => vec![section("", &["  Thread 7 : name=worker-0 state=S"])],
        ReportKind::Descriptors => vec![section(
            "",
            &["      3 : kind=eventpoll", "      4 : kind=tcp state=LISTEN local=127.0.0.1:80 fe=fe"],
        )],
        ReportKind::Libraries => {
            vec![section("", &["0x0000000000001000-0x0000000000005000 (0x0004000) /lib/a"])]
        }
        ReportKind::Node => vec![section("Build", &["version: 0.1.0"]), section("Process", &["pid: 7"])],
        ReportKind::Startup => vec![section("", &["[WARNING]  (7) : a"])],
    };
    v1::Report { sections }
}

fn pool(name: &str, object_bytes: u64, allocated_bytes: u64, [used, kept]: [u64; 2]) -> v1::Pool {
    v1::Pool {
        name: name.to_owned(),
        object_bytes,
        allocated: used + kept,
        allocated_bytes,
        used,
        kept,
        refused_total: 0,
    }
}

fn connections(view: &v1::ServerView) -> v1::ServerConnections {
    let server = view.server.clone().unwrap_or_default();
    let at = server.at.clone().unwrap_or_default();
    v1::ServerConnections {
        backend_id: view.backend_id,
        backend: at.backend,
        server_id: server.id,
        server: at.server,
        address: Some("127.0.0.1".to_owned()),
        port: 1,
        purge_delay_ms: 5000,
        served: 1,
        used: 1,
        used_max: 2,
        needed: 2,
        idle_private: 0,
        idle_unsafe: 1,
        idle_safe: 1,
        idle_limit: None,
        idle_counts: vec![2, 0],
    }
}

fn events(query: v1::EventsQuery) -> Result<v1::Events, Problem> {
    let lines = || vec![b"one".to_vec(), b"two".to_vec()];
    match query.sink.as_deref() {
        None => Ok(v1::Events {
            sinks: vec![v1::Sink {
                name: "buf".to_owned(),
                description: Some("the newest lines".to_owned()),
                refused_total: 0,
            }],
            ..Default::default()
        }),
        Some("buf") => Ok(v1::Events {
            lines: if query.end { Vec::new() } else { lines() },
            next: 2,
            ..Default::default()
        }),
        Some(other) => Err(Problem::general(Code::NotFound, format!("sink: there is no ring {other}"))),
    }
}
