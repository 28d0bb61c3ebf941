//! `regate history`: which revisions there are, who made them, and what they changed.

use clap::Args;
use regate_proto::change::{Change, Origin};
use regate_proto::wire::v1;

use crate::client::Target;
use crate::failure::Failure;
use crate::{describe, terminal};

/// Arguments of `regate history`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The newest revision to list; the current one without it
    #[arg(long, value_name = "REVISION")]
    from: Option<u64>,
    /// At most so many
    #[arg(short = 'n', long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
    limit: u32,
    /// Shows what each revision changed
    #[arg(short = 'c', long)]
    changes: bool,
}

/// Lists.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let request = v1::HistoryRequest { from: arguments.from, limit: arguments.limit, with_changes: true };
    let mut stream = client.controller.history(request).await?.into_inner();
    let mut rows = Vec::new();
    let mut listing = String::new();
    while let Some(revision) = stream.message().await? {
        let origin = revision.origin.map(Origin::from).unwrap_or_default();
        let lines = lines(revision.changes)?;
        let first = lines.first().cloned().unwrap_or_default();
        let more = revision.change_count.saturating_sub(1);
        let more = if more == 0 { String::new() } else { format!(" (and {more} more)") };
        listing.push_str(&format!(
            "revision {} {} {}\n",
            revision.revision,
            terminal::moment(origin.at),
            describe::origin(&origin)
        ));
        for line in &lines {
            listing.push_str(&format!("  {line}\n"));
        }
        let at = terminal::moment(origin.at);
        rows.push([revision.revision.to_string(), at, describe::origin(&origin), format!("{first}{more}")]);
    }
    if arguments.changes {
        terminal::print(&listing);
    } else {
        terminal::print(&terminal::table(["REVISION", "WHEN", "WHO", "WHAT"], &rows));
    }
    Ok(())
}

/// Changes in words. What a revision replaced is not at hand, so additions and replacements look alike.
fn lines(changes: Vec<v1::Change>) -> Result<Vec<String>, Failure> {
    let mut lines = Vec::new();
    for change in changes {
        lines.push(describe::change(&Change::try_from(change)?, &|_| true));
    }
    Ok(lines)
}
