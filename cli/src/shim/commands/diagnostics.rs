//! Commands about the insides of the process: loops, tasks, threads, memory, descriptors, rings.

use std::time::Duration;

use regate_proto::wire::v1;
use tokio::time::Instant;
use v1::ReportKind;
use v1::query::Question;

use super::reference::on_backend;
use super::{has, integer, rest, word};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Follow, Plan, Reply, Rest, Severity, Step};
use crate::shim::render::diagnostics::{Connections, Descriptors, Lines, Order, Pools, Report, sinks};
use crate::shim::sentence::{self, About, unsupported};
use crate::shim::session::Session;

/// `show activity`: what the loops of the workers did; of one, or sums alone.
pub fn show_activity(command: &Command) -> Step {
    let number = word(command, 2).and_then(|text| integer(&text));
    report(ReportKind::Activity, number.and_then(|number| u32::try_from(number).ok()))
}

/// `show tasks`: the tasks of the workers.
pub fn show_tasks(_: &Command) -> Step {
    report(ReportKind::Tasks, None)
}

/// `show threads`: the threads of the process.
pub fn show_threads(_: &Command) -> Step {
    report(ReportKind::Threads, None)
}

/// `show libs`: the files that are mapped as code.
pub fn show_libraries(_: &Command) -> Step {
    report(ReportKind::Libraries, None)
}

/// `show dev`: the build, the platform, the process.
pub fn show_node(_: &Command) -> Step {
    report(ReportKind::Node, None)
}

/// `show startup-logs`: what was told while the process started.
pub fn show_startup(_: &Command) -> Step {
    report(ReportKind::Startup, None)
}

/// `show fd`: the open descriptors; of some kinds, or one.
pub fn show_descriptors(command: &Command) -> Step {
    let mut filter = None;
    let mut only = None;
    for word in rest(command, 2) {
        let text = word.text();
        if let Some(flags) = text.strip_prefix('-') {
            filter = Some(flags.to_owned());
            continue;
        }
        let number = match text.split_once('/') {
            // All workers are one group.
            Some(("1" | "", number)) => number.to_owned(),
            Some(_) => return Reply::error(sentence::NO_THREAD_GROUP).into(),
            None => text.into_owned(),
        };
        only = integer(&number).and_then(|number| u32::try_from(number).ok());
    }
    let query = v1::ReportQuery { kind: ReportKind::Descriptors.into(), only };
    Plan::list(Question::Report(query), Descriptors::new(filter)).into()
}

/// `show pools`: what memory is used for.
pub fn show_pools(command: &Command) -> Step {
    let mut pools = Pools::default();
    let mut words = rest(command, 2).iter().map(|word| word.text().into_owned());
    while let Some(word) = words.next() {
        match word.as_str() {
            "byname" => pools.order = Order::Name,
            "bysize" => pools.order = Order::Size,
            "byusage" => pools.order = Order::Usage,
            "detailed" => pools.detailed = true,
            "match" => match words.next() {
                Some(prefix) => pools.prefix = prefix,
                None => return Reply::error(sentence::POOLS_USAGE).into(),
            },
            number => match integer(number).and_then(|number| usize::try_from(number).ok()) {
                Some(most) if most > 0 => pools.most = Some(most),
                _ => return Reply::error(sentence::POOLS_USAGE).into(),
            },
        }
    }
    Plan::list(Question::Pools(v1::PoolsQuery {}), pools).into()
}

/// `show servers conn`: the connections to servers.
pub fn show_connections(command: &Command) -> Step {
    let list = |backend| {
        let query = v1::ServersConnectionsQuery { backend };
        Plan::list(Question::ServersConnections(query), Connections::default()).into()
    };
    match word(command, 3) {
        None => list(None),
        Some(backend) => {
            on_backend(&backend, sentence::NO_BACKEND_TO_LIST, Box::new(move |name| list(Some(name))))
        }
    }
}

/// `show events`: the rings, or the lines of one.
pub fn show_events(command: &Command) -> Step {
    let Some(sink) = word(command, 2) else {
        let query = v1::EventsQuery::default();
        return Plan::ask(Question::Events(query), |ending| match ending {
            Ending::Answered(answer) => sinks(&answer.events.unwrap_or_default().sinks),
            ending => sentence::settled(ending),
        })
        .into();
    };
    let options = rest(command, 3);
    let known = |word: &crate::shim::lex::Word| ["-w", "-n", "-0"].iter().any(|option| word == *option);
    if !options.iter().all(known) {
        return Reply::error(sentence::UNKNOWN_OPTION).into();
    }
    let lines = Lines { end: if has(options, "-0") { 0 } else { b'\n' } };
    // What is in the standard streams is not kept.
    if ["stdout", "stderr"].contains(&sink.as_str()) {
        return Reply::error(sentence::NOTHING_TO_REPORT).into();
    }
    if has(options, "-w") {
        let query = v1::EventsQuery { sink: Some(sink), from: None, end: has(options, "-n") };
        return follow(query, lines, Instant::now());
    }
    let query = v1::EventsQuery { sink: Some(sink), from: None, end: has(options, "-n") };
    Plan::list(Question::Events(query), lines).into()
}

/// Lines of a ring as they come, until the client stops it.
fn follow(query: v1::EventsQuery, lines: Lines, began: Instant) -> Step {
    let sink = query.sink.clone();
    Plan::ask_first(Question::Events(query), move |ending| match ending {
        Ending::Answered(answer) => {
            let events = answer.events.unwrap_or_default();
            let next = v1::EventsQuery { sink, from: Some(events.next), end: false };
            let mut said = Vec::new();
            events.lines.iter().for_each(|line| lines.write(line, &mut said));
            let now = Instant::now();
            let until = now.checked_add(PAUSE).unwrap_or(now);
            let rest = Rest { until, then: Box::new(move || follow(next, lines, began)) };
            Follow { said, began, rest }.into()
        }
        Ending::Refused(problems) => refused_events(&problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// `set profiling`: of memory, or of something else.
pub fn set_profiling(_: &mut Session, command: &Command) -> Step {
    match word(command, 2).as_deref() {
        Some("tasks") => match word(command, 3).as_deref() {
            Some("on" | "auto" | "off" | "lock" | "no-lock" | "memory" | "no-memory") => {
                Reply::error(unsupported::PROFILING).into()
            }
            _ => Reply::error(sentence::PROFILING_USAGE).into(),
        },
        Some("memory") => Reply::error(sentence::NO_MEMORY_PROFILING).into(),
        _ => Reply::error(sentence::PROFILING_NOUNS).into(),
    }
}

/// Commands about what Regate does not have: each says so, and what comes nearest.
macro_rules! unsupported {
    ($($name:ident $sentence:ident $about:literal;)+) => {
        $(
            #[doc = $about]
            pub fn $name(_: &mut Session, _: &Command) -> Step {
                Reply::Message(Severity::Error, unsupported::$sentence.to_owned()).into()
            }
        )+
    };
}

unsupported! {
    show_profiling PROFILING "`show profiling`.";
    show_cache CACHE "`show cache`.";
    show_peers PEERS "`show peers`.";
    show_quic QUIC "`show quic`.";
    trace TRACE "`trace`, `show trace`.";
    debug_counters DEBUG_COUNTERS "`debug counters`.";
    debug DEBUG "`debug dev`.";
    request_by_hand CLIENT "`httpclient`.";
    reload RELOAD "`reload`.";
    show_processes PROCESSES "`show proc`.";
    tls TLS "Everything about certificates and keys.";
}

fn report(kind: ReportKind, only: Option<u32>) -> Step {
    let query = v1::ReportQuery { kind: kind.into(), only };
    Plan::list(Question::Report(query), Report).into()
}

/// The sentence for a ring that is not there.
pub fn refused_events(problems: &[v1::Problem]) -> Reply {
    match problems.first().map(v1::Problem::code) {
        Some(v1::ProblemCode::NotFound | v1::ProblemCode::Malformed) => Reply::error(sentence::NO_SINK),
        _ => sentence::refusal(About::Thing, problems),
    }
}

/// Time between two looks at a ring.
const PAUSE: Duration = Duration::from_millis(50);
