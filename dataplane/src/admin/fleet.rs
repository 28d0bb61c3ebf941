//! The node's side of a controller's session: says what it has, takes what it should have, all of it or nothing.

use prost::Message;
use regate_proto::change::{Change, ChangeSet, Origin, Revision};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::Digest;
use regate_proto::wire::{self, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming};

use super::Desk;
use super::permission::{Asked, Caller};
use super::services::{Parts, refused};
use crate::store::{self, Controller, Work, unix_millis};

/// What a controller has said so far; decides what follows from each message, and does nothing itself.
#[derive(Debug, Default)]
pub(super) struct Session {
    controller: Option<String>,
    begun: Option<Begun>,
}

/// A transfer that is not committed yet.
#[derive(Debug)]
struct Begun {
    base: Revision,
    target: Revision,
    full: bool,
    changes: Vec<Change>,
    bytes: usize,
    /// Why it cannot be applied any more.
    flaw: Option<Problem>,
}

/// What follows from a message.
#[derive(Debug)]
pub(super) enum Step {
    /// Nothing yet.
    Nothing,
    /// The controller takes the node over.
    Manage(Controller),
    /// Work for the writer, which leads to a revision.
    Commit(Work, Revision),
    /// The revision is refused before it comes to the writer.
    Refuse(Revision, Problem),
    /// The session makes no sense and ends.
    End(Problem),
}

impl Session {
    /// Takes a message.
    pub(super) fn step(&mut self, message: v1::FromController) -> Step {
        use v1::from_controller::Message;
        match (message.message, &self.controller) {
            (Some(Message::Welcome(welcome)), None) if !welcome.controller.is_empty() => {
                self.controller = Some(welcome.controller.clone());
                let v1::Welcome { controller: name, endpoint, allow_local } = welcome;
                Step::Manage(Controller { name, endpoint, allow_local })
            }
            (Some(Message::Welcome(_)), None) => end("welcome.controller: it is empty: a name is expected"),
            (Some(Message::Welcome(_)), Some(_)) => end("welcome: it is the first message only"),
            (_, None) => end("welcome: it is expected as the first message"),
            (Some(Message::Begin(begin)), Some(_)) => {
                self.begun = Some(Begun {
                    base: Revision(begin.base),
                    target: Revision(begin.target),
                    full: begin.full,
                    changes: Vec::new(),
                    bytes: 0,
                    flaw: None,
                });
                Step::Nothing
            }
            (Some(Message::Part(part)), Some(_)) => match &mut self.begun {
                None => end("part: begin is expected before it"),
                Some(begun) => {
                    begun.take(part);
                    Step::Nothing
                }
            },
            (Some(Message::Commit(commit)), Some(controller)) => match self.begun.take() {
                None => end("commit: begin is expected before it"),
                Some(begun) => begun.commit(commit, controller),
            },
            (None, Some(_)) => end("message: nothing is set: welcome, begin, part or commit is expected"),
        }
    }
}

impl Begun {
    fn take(&mut self, part: v1::Part) {
        if self.flaw.is_some() {
            return;
        }
        self.bytes = self.bytes.saturating_add(part.encoded_len());
        if self.bytes > store::MOST_BYTES {
            self.changes = Vec::new();
            self.flaw = Some(Problem::general(Code::OutOfRange, "the state is too large for this node"));
            return;
        }
        match wire::model_changes(part.changes, self.changes.len()) {
            Ok(changes) => self.changes.extend(changes),
            Err(problem) => self.flaw = Some(problem),
        }
    }

    fn commit(self, commit: v1::CommitParts, controller: &str) -> Step {
        let target = self.target;
        if let Some(flaw) = self.flaw {
            return Step::Refuse(target, flaw);
        }
        if commit.revision != target.0 {
            return end("commit.revision: it is not the target that begin named");
        }
        let Some(digest) = commit.digest else {
            return end("commit.digest: nothing is set: a digest is expected");
        };
        let origin =
            Origin { actor: controller.to_owned(), door: "controller".to_owned(), at: unix_millis() };
        let base = (!self.full).then_some(self.base);
        let set = ChangeSet { base, origin, changes: self.changes };
        Step::Commit(Work::Follow { set, full: self.full, target, digest: Digest::from(digest) }, target)
    }
}

/// The controller that is connected.
#[derive(Debug)]
pub(super) struct Follower {
    controller: String,
    end: CancellationToken,
}

#[tonic::async_trait]
impl v1::fleet_server::Fleet for Desk {
    type FollowStream = Parts<v1::FromNode>;

    async fn follow(
        &self,
        request: Request<Streaming<v1::FromController>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Follow)).map_err(refused)?;
        let (replies, stream) = mpsc::channel(MOST_REPLIES);
        let desk = Desk(self.0.clone());
        let messages = request.into_inner();
        tokio::spawn(async move {
            let end = CancellationToken::new();
            if let Err(problem) = desk.serve(messages, &replies, &end).await {
                let _ = replies.send(Err(refused(problem))).await;
            }
            end.cancel();
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

type Replies = mpsc::Sender<Result<v1::FromNode, Status>>;

impl Desk {
    async fn serve(
        &self,
        mut messages: Streaming<v1::FromController>,
        replies: &Replies,
        end: &CancellationToken,
    ) -> Result<(), Problem> {
        if !say(replies, v1::from_node::Message::Hello(self.hello())).await {
            return Ok(());
        }
        let mut session = Session::default();
        loop {
            let message = tokio::select! {
                () = self.closing.cancelled() => return Ok(()),
                () = end.cancelled() => {
                    let detail = "a newer session of the same controller took over";
                    return Err(Problem::general(Code::Conflict, detail));
                }
                message = messages.message() => message,
            };
            // A broken connection ends the session as an orderly end does: what was not committed is dropped.
            let Ok(Some(message)) = message else { return Ok(()) };
            let reply = match session.step(message) {
                Step::Nothing => continue,
                Step::End(problem) => return Err(problem),
                Step::Manage(controller) => {
                    self.admit(&controller.name, end)?;
                    let outcome = store::outcome(self.store.submit(Work::Manage(controller)).await).await;
                    match outcome {
                        Ok(_) => continue,
                        Err(mut problems) => {
                            return Err(problems.pop().unwrap_or_else(|| {
                                Problem::general(Code::Impossible, "the controller could not be kept")
                            }));
                        }
                    }
                }
                Step::Refuse(target, problem) => {
                    let problems = [problem];
                    self.store.note_refusal(target, &problems);
                    refusal(target, &problems)
                }
                Step::Commit(work, target) => match store::outcome(self.store.submit(work).await).await {
                    Ok(done) => {
                        let digest = self.store.read(|current| current.state.digest());
                        let revision = done.applied.revision.0;
                        v1::from_node::Message::Applied(v1::NodeApplied {
                            revision,
                            digest: Some(digest.into()),
                        })
                    }
                    Err(problems) => refusal(target, &problems),
                },
            };
            if !say(replies, reply).await {
                return Ok(());
            }
        }
    }

    fn hello(&self) -> v1::Hello {
        let managed_by = self.store.managed().map(|controller| controller.name.clone());
        self.store.read(|current| v1::Hello {
            node: self.node_name(&current.state.global()),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            revision: current.state.revision().0,
            digest: Some(current.state.digest().into()),
            managed_by,
        })
    }

    /// Lets a controller in: an older session of its own ends, another controller's stands.
    fn admit(&self, controller: &str, end: &CancellationToken) -> Result<(), Problem> {
        let mut follower = self.follower.lock();
        if let Some(other) = follower.as_ref().filter(|other| !other.end.is_cancelled()) {
            if other.controller != controller {
                let detail = format!("the node follows controller {} now", other.controller);
                return Err(Problem::general(Code::Conflict, detail));
            }
            other.end.cancel();
        }
        *follower = Some(Follower { controller: controller.to_owned(), end: end.clone() });
        Ok(())
    }
}

async fn say(replies: &Replies, message: v1::from_node::Message) -> bool {
    replies.send(Ok(v1::FromNode { message: Some(message) })).await.is_ok()
}

fn refusal(target: Revision, problems: &[Problem]) -> v1::from_node::Message {
    let shown = problems.get(..MOST_PROBLEMS).unwrap_or(problems);
    let problems = shown.iter().map(Into::into).collect();
    v1::from_node::Message::Refused(v1::NodeRefused { revision: target.0, problems })
}

fn end(detail: &str) -> Step {
    Step::End(Problem::general(Code::Malformed, detail))
}

/// Replies that wait for the controller.
const MOST_REPLIES: usize = 16;

/// Reasons in one refusal.
const MOST_PROBLEMS: usize = 1000;
