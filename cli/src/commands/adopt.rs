//! `regate adopt`: what was changed by hand becomes what is declared.

use regate_proto::change::{Change, Field};
use regate_proto::model::Subject;
use regate_proto::wire;

use clap::Args;

use crate::client::{Client, Target};
use crate::failure::Failure;
use crate::terminal;
use crate::{describe, subject};

/// Arguments of `regate adopt` and `regate revert`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The kind of row: global, defaults, frontend, bind, backend or server
    #[arg(required_unless_present = "all")]
    kind: Option<String>,
    /// Its name: servers are BACKEND/SERVER, binds FRONTEND/BIND, global has none
    name: Option<String>,
    /// Only this field: row, weight, admin, addr, port, maxconn, enabled, maxconnrate or maxsessrate
    #[arg(long)]
    field: Option<String>,
    /// Everything that was changed by hand
    #[arg(long, conflicts_with_all = ["kind", "name", "field"])]
    all: bool,
}

/// Adopts.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    settle(arguments, target, Change::Adopt, "adopted").await
}

/// Applies one change per overlay that is meant, and tells how many there were.
pub(super) async fn settle(
    arguments: Arguments,
    target: &Target,
    change: fn(Subject, Option<Field>) -> Change,
    done: &str,
) -> Result<(), Failure> {
    let field = match arguments.field.as_deref() {
        None => None,
        Some(word) => Some(describe::field(word).ok_or_else(|| {
            let words: Vec<&str> = Field::ALL.into_iter().map(Field::word).collect();
            Failure::usage(format!("'{word}' is no field: one of {} is expected", words.join(", ")))
        })?),
    };
    let one = match arguments.kind.as_deref() {
        Some(kind) => Some(subject::parse(kind, arguments.name.as_deref())?),
        None => None,
    };
    let mut client = target.connect().await?;
    let subjects = match one {
        Some(subject) => vec![subject],
        None => changed_subjects(&mut client).await?,
    };
    if subjects.is_empty() {
        terminal::print_line("nothing was changed by hand");
        return Ok(());
    }
    let changes: Vec<Change> = subjects.into_iter().map(|subject| change(subject, field)).collect();
    let applied = client.apply(wire::wire_changes(&changes)).await?;
    let count = applied.outcomes.iter().filter(|outcome| outcome.changed).count();
    terminal::print_line(&format!("revision {}: {count} of {} {done}", applied.revision, changes.len()));
    Ok(())
}

/// Every row that something was changed of by hand, once.
async fn changed_subjects(client: &mut Client) -> Result<Vec<Subject>, Failure> {
    let mut subjects: Vec<Subject> =
        super::diff::overlays(client).await?.into_iter().map(|overlay| overlay.subject).collect();
    subjects.dedup();
    Ok(subjects)
}
