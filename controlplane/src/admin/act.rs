//! Actions: always a node's own.

use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1;

use super::permission::{Asked, Caller};
use super::{Core, forward};

impl Core {
    /// Does something at the node that is named, or at the only one; counters are cleared, and servers are said to be up or down, at all of them.
    pub(super) async fn act(
        &self,
        caller: &Caller,
        action: v1::ActRequest,
    ) -> Result<v1::ActReply, Vec<Problem>> {
        use v1::act_request::Action;
        let asked = match &action.action {
            Some(Action::ClearCounters(v1::ClearCounters { all: false, server: None })) => Asked::ClearMaxima,
            Some(Action::ClearCounters(_)) => Asked::ClearCounters,
            Some(Action::SoftStop(_)) => Asked::SoftStop,
            Some(Action::HardStop(_)) => Asked::HardStop,
            Some(Action::SetHealth(_)) => Asked::SetHealth,
            Some(Action::SetEntry(_) | Action::ClearEntries(_)) => Asked::SetEntries,
            Some(Action::SetVariable(_)) => Asked::SetVariable,
            Some(Action::CutStream(_)) => Asked::CutStream,
            Some(Action::CutStreams(_)) => Asked::CutStreams,
            None => {
                let detail = "action: clear_counters, soft_stop, hard_stop, set_health, set_entry, \
                              clear_entries, cut_stream or cut_streams is expected";
                return Err(vec![Problem::general(Code::Malformed, detail)]);
            }
        };
        caller.may(asked).map_err(|problem| vec![problem])?;
        let nodes = self.meant(caller).map_err(|problem| vec![problem])?;
        // Numbers of streams are each node's own.
        let is_for_all = matches!(
            asked,
            Asked::ClearMaxima
                | Asked::ClearCounters
                | Asked::SetHealth
                | Asked::SetEntries
                | Asked::SetVariable
                | Asked::CutStreams
        );
        if nodes.is_empty() || (nodes.len() > 1 && !is_for_all) {
            let detail = match nodes.len() {
                0 => "there is no node to do it at".to_owned(),
                count => {
                    format!("there are {count} nodes: name the one that is meant (metadata regate-node)")
                }
            };
            return Err(vec![Problem::general(Code::Impossible, detail)]);
        }
        let mut problems = Vec::new();
        for node in nodes {
            if let Err(found) = forward::act(&node, caller, action.clone()).await {
                problems.extend(found);
            }
        }
        if problems.is_empty() { Ok(v1::ActReply {}) } else { Err(problems) }
    }
}
