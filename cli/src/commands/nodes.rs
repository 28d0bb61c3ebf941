//! `regate nodes`: the data planes of a controller.

use clap::Args;
use regate_proto::problem::Problem;
use regate_proto::wire::v1;

use crate::client::Target;
use crate::failure::Failure;
use crate::terminal;

/// Arguments of `regate nodes`.
#[derive(Args, Debug)]
pub struct Arguments {}

/// Lists.
pub async fn execute(_arguments: Arguments, target: &Target) -> Result<(), Failure> {
    let mut client = target.connect().await?;
    let mut stream = client.controller.nodes(v1::NodesRequest {}).await?.into_inner();
    let mut rows = Vec::new();
    let mut refusals = String::new();
    while let Some(node) = stream.message().await? {
        let name = if node.name.is_empty() { "-".to_owned() } else { node.name.clone() };
        for problem in node.refused.iter().flat_map(|refused| &refused.problems) {
            let text = Problem::try_from(problem.clone()).map_or_else(|e| e.to_string(), |p| p.to_string());
            refusals.push_str(&format!("{name} refused: {text}\n"));
        }
        rows.push([
            name,
            status(node.status()).to_owned(),
            node.revision.to_string(),
            terminal::moment(node.since_ms),
            if node.version.is_empty() { "-".to_owned() } else { node.version.clone() },
            node.endpoint,
        ]);
    }
    terminal::print(&terminal::table(["NAME", "STATUS", "REVISION", "SINCE", "VERSION", "ENDPOINT"], &rows));
    terminal::print(&refusals);
    Ok(())
}

/// The word for how a node stands.
pub(super) fn status(status: v1::NodeStatus) -> &'static str {
    match status {
        v1::NodeStatus::Unspecified => "unknown",
        v1::NodeStatus::Unreachable => "unreachable",
        v1::NodeStatus::Synchronizing => "synchronizing",
        v1::NodeStatus::Current => "current",
        v1::NodeStatus::Refused => "refused",
        v1::NodeStatus::Drifted => "drifted",
    }
}
