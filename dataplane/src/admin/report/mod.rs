//! What the node tells of its own insides: loops, tasks, threads, memory, descriptors, connections to servers, rings.
//!
//! Counters are read where workers write them; the rest is asked of the kernel. Nothing here waits for a worker, and
//! nothing is made up: what cannot be known is left out. Read next: `pools.rs`, `descriptors.rs`.

mod activity;
mod connections;
mod descriptors;
mod events;
mod pools;
mod process;

use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1;

use super::Context;
use super::permission::{Asked, Caller};
use super::query::Answers;

pub(super) use connections::connections;
pub(super) use events::events;
pub(super) use pools::{memory, pools};

/// A report of one kind.
pub(super) fn report(context: &Context, caller: &Caller, query: v1::ReportQuery) -> Result<Answers, Problem> {
    let only = query.only;
    let sections = match query.kind() {
        v1::ReportKind::Unspecified => {
            let detail = format!("report.kind: {} is no kind of report: 1 to 7 is expected", query.kind);
            return Err(Problem::general(Code::Malformed, detail));
        }
        v1::ReportKind::Activity => {
            caller.may(Asked::Insides)?;
            activity::activity(&context.live, only)?
        }
        v1::ReportKind::Tasks => {
            caller.may(Asked::Info)?;
            activity::tasks(&context.live)
        }
        v1::ReportKind::Threads => {
            caller.may(Asked::Info)?;
            process::threads(&context.live)
        }
        v1::ReportKind::Descriptors => {
            caller.may(Asked::Insides)?;
            descriptors::descriptors(context, only)
        }
        v1::ReportKind::Libraries => {
            caller.may(Asked::Insides)?;
            process::libraries()
        }
        v1::ReportKind::Node => {
            caller.may(Asked::Info)?;
            process::node(context)
        }
        v1::ReportKind::Startup => {
            caller.may(Asked::Insides)?;
            vec![section("", crate::notes::startup())]
        }
    };
    let revision = context.store.read(|current| current.state.revision().0);
    let report = Some(v1::Report { sections });
    Ok(Box::new(std::iter::once(v1::Answer { revision, report, ..v1::Answer::default() })))
}

fn section(title: &str, lines: Vec<String>) -> v1::ReportSection {
    v1::ReportSection { title: title.to_owned(), lines }
}
