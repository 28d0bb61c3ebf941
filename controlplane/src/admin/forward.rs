//! Questions and actions that are a node's own, passed on to it.

use std::sync::Arc;

use regate_proto::problem::{Code, Problem};
use regate_proto::wire::{self, v1};

use super::Core;
use super::permission::Caller;
use crate::fleet::registry::Node;

impl Core {
    /// The nodes that a request is for: the one that it names, or all.
    pub(super) fn meant(&self, caller: &Caller) -> Result<Vec<Arc<Node>>, Problem> {
        match &caller.addressed {
            Some(name) => match self.registry.node(name) {
                Some(node) => Ok(vec![node.clone()]),
                None => Err(Problem::general(Code::NotFound, format!("there is no node {name:?}"))),
            },
            None => Ok(self.registry.nodes().cloned().collect()),
        }
    }
}

/// A question that a node is answering.
pub(super) struct Asking<'a> {
    node: &'a Node,
    replies: tonic::Streaming<v1::ConverseReply>,
    is_over: bool,
}

/// Asks a node.
pub(super) async fn ask<'a>(
    node: &'a Node,
    caller: &Caller,
    query: v1::Query,
) -> Result<Asking<'a>, Vec<Problem>> {
    let mut client = client(node)?;
    let request = v1::ConverseRequest { tag: 1, request: Some(v1::converse_request::Request::Ask(query)) };
    let request = caller.on_behalf(tokio_stream::once(request));
    let replies = client.converse(request).await.map_err(|status| failed(node, &status))?;
    Ok(Asking { node, replies: replies.into_inner(), is_over: false })
}

impl Asking<'_> {
    /// The next part of the answer; `None` after the last one.
    pub(super) async fn next(&mut self) -> Result<Option<v1::Answer>, Vec<Problem>> {
        use v1::converse_reply::Reply;
        if self.is_over {
            return Ok(None);
        }
        let reply = self.replies.message().await.map_err(|status| failed(self.node, &status))?;
        let unexpected =
            |what| vec![Problem::general(Code::Unavailable, format!("node {} {what}", self.node.name))];
        let reply = reply.ok_or_else(|| unexpected("broke off its answer"))?;
        self.is_over = reply.last;
        match reply.reply {
            Some(Reply::Answer(answer)) => Ok(Some(answer)),
            Some(Reply::Refused(refused)) => Err(refused.into()),
            Some(Reply::Applied(_) | Reply::Acted(_)) | None => {
                Err(unexpected("answered something else than it was asked"))
            }
        }
    }
}

/// An action at one node.
pub(super) async fn act(
    node: &Node,
    caller: &Caller,
    action: v1::ActRequest,
) -> Result<v1::ActReply, Vec<Problem>> {
    let mut client = client(node)?;
    let acted = client.act(caller.on_behalf(action)).await;
    acted.map(tonic::Response::into_inner).map_err(|status| failed(node, &status))
}

fn client(node: &Node) -> Result<v1::admin_client::AdminClient<tonic::transport::Channel>, Vec<Problem>> {
    let channel = node.channel().ok_or_else(|| {
        vec![Problem::general(Code::Unavailable, format!("node {} cannot be reached", node.name))]
    })?;
    Ok(v1::admin_client::AdminClient::new(channel).max_decoding_message_size(LARGEST))
}

/// What a node's status says, with the node's name where only the way to it failed.
fn failed(node: &Node, status: &tonic::Status) -> Vec<Problem> {
    let mut problems = wire::problems(status);
    for problem in problems.iter_mut().filter(|problem| problem.code == Code::Unavailable) {
        problem.detail = format!("node {}: {}", node.name, problem.detail);
    }
    problems
}

/// Bytes of a message from a node.
const LARGEST: usize = 16 << 20;
