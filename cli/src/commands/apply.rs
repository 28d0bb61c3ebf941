//! `regate apply`: brings what is declared to what a file says, in one step.

use std::collections::BTreeSet;
use std::path::PathBuf;

use clap::Args;
use regate_proto::change::Change;
use regate_proto::model::Subject;
use regate_proto::wire::v1;

use crate::client::Target;
use crate::failure::Failure;
use crate::{describe, source, terminal};

/// Arguments of `regate apply`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The file: YAML, or haproxy.cfg; may be given several times for haproxy.cfg
    #[arg(short = 'f', long = "file", required = true)]
    files: Vec<PathBuf>,
    /// Only tells what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Applies.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let rows = source::load(&arguments.files)?;
    let mut client = target.connect().await?;
    let before = super::diff::declared(&mut client).await?;
    let reply = client.commit(&source::puts(&rows), true, arguments.dry_run).await?;
    report(reply, arguments.dry_run, &before).map(|_| ())
}

/// Prints what a commit did or would do, and returns the number of changes. `before` are the rows that were declared.
pub(super) fn report(
    reply: v1::CommitReply,
    dry_run: bool,
    before: &BTreeSet<Subject>,
) -> Result<u64, Failure> {
    let applied = match reply.result {
        Some(v1::commit_reply::Result::Applied(applied)) => applied,
        Some(v1::commit_reply::Result::Refused(refused)) => return Err(Failure::told(refused)),
        None => return Err(Failure::unreachable("the reply says neither applied nor refused")),
    };
    let mut text = String::new();
    let (mut listed, mut moved) = (0u64, 0u64);
    for change in reply.changes {
        let change = Change::try_from(change)?;
        // Where patterns stand in rules is told by the rules.
        if matches!(change.subject(), Subject::List(list) if list.is_inline()) {
            (listed, moved) = (listed.saturating_add(1), moved.saturating_add(1));
            continue;
        }
        let line = describe::change(&change, &|change| before.contains(&change.subject()));
        text.push_str(&line);
        text.push('\n');
        listed = listed.saturating_add(1);
    }
    if moved > 0 {
        text.push_str(&format!(
            "lists of patterns that stand in rules: {moved} with another place or number\n"
        ));
    }
    if reply.change_count > listed {
        text.push_str(&format!("… and {} more\n", reply.change_count - listed));
    }
    terminal::print(&text);
    let count = match reply.change_count {
        1 => "1 change".to_owned(),
        count => format!("{count} changes"),
    };
    terminal::print_line(&match (reply.change_count, dry_run) {
        (0, _) => "nothing is different".to_owned(),
        (_, true) => format!("{count}; nothing was changed yet"),
        (_, false) => format!("revision {}: {count}", applied.revision),
    });
    Ok(reply.change_count)
}
