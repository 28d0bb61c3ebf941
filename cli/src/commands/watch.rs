//! `regate watch`: events, one line each, until it is interrupted.

use clap::Args;
use regate_proto::change::Origin;
use regate_proto::model::Subject;
use regate_proto::wire::v1;

use crate::client::Target;
use crate::failure::Failure;
use crate::{describe, terminal};

/// Arguments of `regate watch`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// Tells the changes after this revision too; from now on without it
    #[arg(long, value_name = "REVISION")]
    from: Option<u64>,
}

/// Watches.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let mut events = client.admin.watch(v1::WatchRequest { from: arguments.from }).await?.into_inner();
    loop {
        let event = tokio::select! {
            event = events.message() => event?,
            _ = tokio::signal::ctrl_c() => return Ok(()),
        };
        match event {
            Some(event) => terminal::print_line(&line(event)),
            None => return Err(Failure::unreachable("the stream of events ended: the other side stopped")),
        }
    }
}

/// One event in words.
fn line(event: v1::Event) -> String {
    let at = terminal::moment(event.at_ms);
    let what = match event.event {
        Some(v1::event::Event::Applied(applied)) => set_applied(applied),
        Some(v1::event::Event::ServerStatus(changed)) => {
            let name = |status: Option<v1::Status>| status.map_or("unknown", |s| condition(s.condition()));
            let reason =
                if changed.reason.is_empty() { String::new() } else { format!(" ({})", changed.reason) };
            format!("{} {} -> {}{reason}", subject(changed.subject), name(changed.from), name(changed.to))
        }
        Some(v1::event::Event::Node(node)) => {
            format!("node {} is {}", node.name, super::nodes::status(node.status()))
        }
        Some(v1::event::Event::Missed(missed)) => {
            format!("events were left out; the revision is {} now", missed.revision)
        }
        None => "an event that this program does not know".to_owned(),
    };
    format!("{at} {what}")
}

fn set_applied(applied: v1::SetApplied) -> String {
    let origin = describe::origin(&applied.origin.map(Origin::from).unwrap_or_default());
    let shown = applied.subjects.len().min(SHOWN);
    let rest = applied.subject_count.saturating_sub(u64::try_from(shown).unwrap_or(u64::MAX));
    let mut names: Vec<String> =
        applied.subjects.into_iter().take(SHOWN).map(|touched| subject(Some(touched))).collect();
    if rest > 0 {
        names.push(format!("{rest} more"));
    }
    format!("revision {} by {origin}: {}", applied.revision, names.join(", "))
}

fn subject(subject: Option<v1::Subject>) -> String {
    match subject.map(Subject::try_from) {
        Some(Ok(subject)) => subject.to_string(),
        Some(Err(problem)) => problem.to_string(),
        None => "-".to_owned(),
    }
}

/// The word for how something stands, in tables.
pub(super) fn condition(condition: v1::Condition) -> &'static str {
    match condition {
        v1::Condition::Unspecified => "unknown",
        v1::Condition::Open => "open",
        v1::Condition::Full => "full",
        v1::Condition::Paused => "paused",
        v1::Condition::Stopped => "stopped",
        v1::Condition::Waiting => "waiting",
        v1::Condition::Up => "up",
        v1::Condition::Down => "down",
        v1::Condition::Stopping => "stopping",
        v1::Condition::Maintenance => "maint",
        v1::Condition::Unresolved => "maint (resolution)",
        v1::Condition::Drain => "drain",
        v1::Condition::Unchecked => "no check",
    }
}

/// Rows named in a line.
const SHOWN: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_lines() {
        let server = v1::Subject {
            noun: Some(v1::subject::Noun::Server(v1::ServerRef {
                backend: "app".into(),
                server: "s1".into(),
            })),
        };
        let status = |condition: v1::Condition| {
            Some(v1::Status { condition: condition.into(), ..v1::Status::default() })
        };
        let event = |event| line(v1::Event { at_ms: 951_782_400_000, event: Some(event) });
        assert_eq!(
            event(v1::event::Event::ServerStatus(v1::ServerStatusChanged {
                subject: Some(server.clone()),
                from: status(v1::Condition::Up),
                to: status(v1::Condition::Down),
                reason: "connection refused".into(),
            })),
            "2000-02-29T00:00:00Z server app/s1 up -> down (connection refused)"
        );
        assert_eq!(
            event(v1::event::Event::Applied(v1::SetApplied {
                revision: 7,
                origin: Some(v1::Origin { actor: "uid=0".into(), door: "socket".into(), at_ms: 1 }),
                subjects: vec![server; 9],
                subject_count: 12,
            })),
            format!(
                "2000-02-29T00:00:00Z revision 7 by socket, uid=0: {}4 more",
                "server app/s1, ".repeat(8)
            )
        );
    }
}
