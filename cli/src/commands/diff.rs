//! `regate diff`: what applying a file would change, or what was changed by hand.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use regate_proto::change::Overlay;
use regate_proto::model::{Row, Subject};
use regate_proto::wire::v1;

use crate::client::{Client, Target};
use crate::failure::{Failure, Status};
use crate::{describe, source, terminal};

/// Arguments of `regate diff`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The file: YAML, or haproxy.cfg; may be given several times for haproxy.cfg
    #[arg(short = 'f', long = "file", required_unless_present = "overlay")]
    files: Vec<PathBuf>,
    /// Shows what was changed by hand on top of the files, by whom and when
    #[arg(long, conflicts_with = "files")]
    overlay: bool,
}

impl Arguments {
    /// What was changed by hand.
    pub(super) fn by_hand() -> Arguments {
        Arguments { files: Vec::new(), overlay: true }
    }
}

/// Shows.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    if arguments.overlay {
        return by_hand(target).await;
    }
    let rows = source::load(&arguments.files)?;
    let mut client = target.connect().await?;
    let before = declared(&mut client).await?;
    let reply = client.commit(&source::puts(&rows), true, true).await?;
    match super::apply::report(reply, true, &before)? {
        0 => Ok(()),
        _ => Err(Failure { text: String::new(), status: Status::Different }),
    }
}

async fn by_hand(target: &Target) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let found = overlays(&mut client).await?;
    if found.is_empty() {
        terminal::print_line("nothing was changed by hand");
        return Ok(());
    }
    let rows: Vec<[String; 4]> = found
        .iter()
        .map(|overlay| {
            [
                overlay.subject.to_string(),
                describe::overlay_value(overlay),
                describe::origin(&overlay.origin),
                terminal::moment(overlay.origin.at),
            ]
        })
        .collect();
    terminal::print(&terminal::table(["WHAT", "IS NOW", "BY", "SINCE"], &rows));
    Ok(())
}

/// Everything that was changed by hand, by subject.
pub(super) async fn overlays(client: &mut Client) -> Result<Vec<Overlay>, Failure> {
    let question = v1::query::Question::Overlays(v1::OverlaysQuery { subjects: Vec::new() });
    let mut found = Vec::new();
    for answer in client.ask(question).await? {
        for overlay in answer.overlays {
            found.push(Overlay::try_from(overlay)?);
        }
    }
    Ok(found)
}

/// The rows that files declare, by name.
pub(super) async fn declared(client: &mut Client) -> Result<BTreeSet<Subject>, Failure> {
    Ok(rows(client, true).await?.iter().map(Row::subject).collect())
}

/// Every row: as files declare them, or as they are in force.
pub(super) async fn rows(client: &mut Client, declared: bool) -> Result<Vec<Row>, Failure> {
    let query = v1::RowsQuery { kinds: Vec::new(), subjects: Vec::new(), declared };
    let mut found = Vec::new();
    for answer in client.ask(v1::query::Question::Rows(query)).await? {
        for row in answer.rows {
            found.push(Row::try_from(row)?);
        }
    }
    Ok(found)
}
