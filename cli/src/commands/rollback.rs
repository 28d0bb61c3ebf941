//! `regate rollback`: a new revision that holds what an older one held.

use clap::Args;
use regate_proto::wire::v1;

use crate::client::{self, Target};
use crate::failure::Failure;

/// Arguments of `regate rollback`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The revision whose content is wanted back, see `regate history`
    revision: u64,
    /// Only tells what would be done
    #[arg(long)]
    dry_run: bool,
}

/// Rolls back.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let before = super::diff::declared(&mut client).await?;
    let request = v1::RollbackRequest {
        revision: arguments.revision,
        dry_run: arguments.dry_run,
        origin: Some(client::origin("rollback")),
    };
    let reply = client.controller.rollback(request).await?.into_inner();
    super::apply::report(reply, arguments.dry_run, &before).map(|_| ())
}
