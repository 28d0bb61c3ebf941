//! A pipeline: requests are taken as they come, replies leave in the same order.
//!
//! Sets that follow one another are handed to the writer at once, so what waits on a connection is committed
//! together; a question or an action first lets everything before it end, and holds up what comes after it.

use std::collections::VecDeque;
use std::sync::Arc;

use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1;
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt};
use tonic::Status;

use super::Core;
use super::permission::Caller;
use super::sets::Pending;

/// Where replies go.
pub(super) type Replies = mpsc::Sender<Result<v1::ConverseReply, Status>>;

/// Works off a pipeline until its requests end and every reply is sent, or nobody takes replies any more.
pub(super) async fn run(
    core: Arc<Core>,
    caller: Caller,
    mut requests: impl Stream<Item = Result<v1::ConverseRequest, Status>> + Unpin,
    replies: Replies,
) {
    let mut waiting: VecDeque<(u64, Pending)> = VecDeque::new();
    loop {
        let step = tokio::select! {
            biased;
            done = front(&core, &caller, &mut waiting) => {
                if replies.send(Ok(done)).await.is_err() {
                    return;
                }
                continue;
            }
            request = requests.next(), if waiting.len() < SETS_WAITING => request,
            () = core.closing.cancelled(), if waiting.is_empty() => return,
        };
        match step {
            Some(Ok(v1::ConverseRequest {
                tag,
                request: Some(v1::converse_request::Request::Apply(apply)),
            })) => {
                let pending = core.submit(&caller, apply.change_set).await;
                waiting.push_back((tag, pending));
            }
            Some(Ok(request)) => {
                while !waiting.is_empty() {
                    let done = front(&core, &caller, &mut waiting).await;
                    if replies.send(Ok(done)).await.is_err() {
                        return;
                    }
                }
                if Box::pin(other(&core, &caller, request, &replies)).await.is_err() {
                    return;
                }
            }
            Some(Err(status)) => {
                tracing::debug!(%status, "a pipeline broke off");
                return;
            }
            None => {
                while !waiting.is_empty() {
                    let done = front(&core, &caller, &mut waiting).await;
                    if replies.send(Ok(done)).await.is_err() {
                        return;
                    }
                }
                return;
            }
        }
    }
}

/// The reply to the first set that waits; for ever when none does. Giving it up loses nothing.
async fn front(core: &Core, caller: &Caller, waiting: &mut VecDeque<(u64, Pending)>) -> v1::ConverseReply {
    use v1::converse_reply::Reply;
    let Some((tag, pending)) = waiting.front_mut() else { return std::future::pending().await };
    let tag = *tag;
    let reply = match core.finish(caller, pending).await {
        Ok(done) => Reply::Applied(v1::Applied::from(&done.applied)),
        Err(problems) => Reply::Refused(problems.as_slice().into()),
    };
    waiting.pop_front();
    v1::ConverseReply { tag, last: true, reply: Some(reply) }
}

/// An action or a question.
async fn other(
    core: &Arc<Core>,
    caller: &Caller,
    request: v1::ConverseRequest,
    replies: &Replies,
) -> Result<(), Gone> {
    use v1::converse_reply::Reply;
    use v1::converse_request::Request;
    let tag = request.tag;
    let refused = |problems: Vec<Problem>| Reply::Refused(problems.as_slice().into());
    match request.request {
        Some(Request::Act(action)) => {
            let reply = match core.act(caller, action).await {
                Ok(acted) => Reply::Acted(acted),
                Err(problems) => refused(problems),
            };
            send(replies, tag, true, reply).await
        }
        Some(Request::Ask(query)) => {
            let (sender, mut answers) = mpsc::channel(ANSWERS_AHEAD);
            let asking = core.ask(caller, query, sender);
            // The last answer is known as such only when the asking has ended: one is held back.
            let passing = async {
                let mut held = None;
                while let Some(answer) = answers.recv().await {
                    if let Some(answer) = held.replace(answer) {
                        send(replies, tag, false, Reply::Answer(answer)).await?;
                    }
                }
                Ok(held)
            };
            let (asked, held) = tokio::join!(asking, passing);
            match (asked, held?) {
                (Ok(()), Some(answer)) => send(replies, tag, true, Reply::Answer(answer)).await,
                (Ok(()), None) => send(replies, tag, true, Reply::Answer(v1::Answer::default())).await,
                (Err(problems), held) => {
                    if let Some(answer) = held {
                        send(replies, tag, false, Reply::Answer(answer)).await?;
                    }
                    send(replies, tag, true, refused(problems)).await
                }
            }
        }
        Some(Request::Apply(_)) | None => {
            let detail = "request: apply, act or ask is expected";
            send(replies, tag, true, refused(vec![Problem::general(Code::Malformed, detail)])).await
        }
    }
}

async fn send(replies: &Replies, tag: u64, last: bool, reply: v1::converse_reply::Reply) -> Result<(), Gone> {
    let reply = v1::ConverseReply { tag, last, reply: Some(reply) };
    replies.send(Ok(reply)).await.map_err(|_| Gone)
}

/// Nobody takes replies any more.
struct Gone;

/// Sets of one pipeline that wait for their reply.
const SETS_WAITING: usize = 4096;
const ANSWERS_AHEAD: usize = 4;
