//! The way up: changes that arrive at a managed node go to its controller, and are replied to when the node itself
//! has applied what the controller made of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::change::{ChangeSet, Revision};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{Applied, Outcome, Touched};
use regate_proto::wire::endpoint::TlsFiles;
use regate_proto::wire::{self, chunk, v1};
use tokio::sync::{mpsc, oneshot};
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint, Identity};
use tonic::{Request, Streaming};
use v1::admin_client::AdminClient;

use super::permission::{Caller, FORWARDED};
use super::{Context, tls};
use crate::store::{Controller, Done, Pending, StagedSet, Store, Work};

/// The way to the controller.
#[derive(Debug)]
pub(super) struct Uplink {
    /// What proves who this node is, and who the controller must be.
    files: Option<TlsFiles>,
    line: tokio::sync::Mutex<Option<Line>>,
}

/// What came of a commit that may be the controller's.
pub(super) enum Answered {
    /// The controller answered, or could not be asked.
    Reply(Box<v1::CommitReply>),
    /// The controller cannot be reached, and the node may decide by itself.
    Here,
}

/// An open connection with its stream of changes.
#[derive(Debug)]
struct Line {
    endpoint: String,
    requests: mpsc::Sender<v1::ApplyRequest>,
    waiting: Arc<Waiting>,
}

/// Who waits for replies, in the order of their requests; closed when the stream has ended.
#[derive(Debug, Default)]
struct Waiting {
    queue: Mutex<Option<VecDeque<oneshot::Sender<Answer>>>>,
}

type Answer = Result<v1::Applied, Vec<Problem>>;

impl Uplink {
    pub(super) fn new(files: Option<TlsFiles>) -> Uplink {
        Uplink { files, line: tokio::sync::Mutex::default() }
    }

    /// Sends a set up. Sets of one caller are sent in order.
    pub(super) async fn apply(
        &self,
        context: &Arc<Context>,
        caller: &Caller,
        controller: Arc<Controller>,
        set: ChangeSet,
    ) -> Pending {
        let (reply, pending) = oneshot::channel();
        if let Err(problem) = permitted(caller) {
            let _ = reply.send(Err(vec![problem]));
            return pending;
        }
        let answer = match self.send(context, &controller, (&set).into()).await {
            Ok(answer) => answer,
            Err(_) if controller.allow_local => {
                tracing::warn!("the controller cannot be reached: a change is applied to this node alone");
                return context.store.submit(Work::Set(set)).await;
            }
            Err(reason) => {
                let _ = reply.send(Err(vec![unreachable(&controller, &reason)]));
                return pending;
            }
        };
        let store = context.store.clone();
        tokio::spawn(async move {
            let outcome = match answer.await {
                Ok(Ok(applied)) => arrived(&store, applied).await,
                Ok(Err(problems)) => Err(problems),
                Err(_) => Err(vec![uncertain(&controller)]),
            };
            let _ = reply.send(outcome);
        });
        pending
    }

    /// Stages and commits a set at the controller.
    pub(super) async fn commit(
        &self,
        context: &Context,
        caller: &Caller,
        controller: &Controller,
        set: &StagedSet,
        dry_run: bool,
    ) -> Answered {
        if let Err(problem) = permitted(caller) {
            return refused(vec![problem]);
        }
        let channel = match self.connect(&controller.endpoint).await {
            Ok(channel) => channel,
            Err(_) if controller.allow_local => return Answered::Here,
            Err(reason) => return refused(vec![unreachable(controller, &reason)]),
        };
        let mut client = client(channel);
        let parts = staging(set);
        let staged = client.stage(forwarded(context, tokio_stream::iter(parts))).await;
        let ticket = match staged {
            Ok(reply) => reply.into_inner().ticket,
            Err(status) => return refused(wire::problems(&status)),
        };
        let committed = client.commit(forwarded(context, v1::CommitRequest { ticket, dry_run })).await;
        let mut reply = match committed {
            Ok(reply) => reply.into_inner(),
            Err(status) => return refused(wire::problems(&status)),
        };
        if let (false, Some(v1::commit_reply::Result::Applied(applied))) = (dry_run, &reply.result)
            && let Err(problems) = arrived(&context.store, applied.clone()).await
        {
            reply.result = Some(v1::commit_reply::Result::Refused(problems.as_slice().into()));
        }
        Answered::Reply(Box::new(reply))
    }

    /// Sends a set over the open line, opening one where there is none.
    async fn send(
        &self,
        context: &Arc<Context>,
        controller: &Controller,
        set: v1::ChangeSet,
    ) -> Result<oneshot::Receiver<Answer>, String> {
        let mut line = self.line.lock().await;
        let usable =
            line.as_ref().is_some_and(|line| line.endpoint == controller.endpoint && line.waiting.is_open());
        if !usable {
            *line = Some(self.open(context, &controller.endpoint).await?);
        }
        let Some(open) = line.as_ref() else { return Err("there is no line".to_owned()) };
        let (reply, answer) = oneshot::channel();
        if !open.waiting.join(reply) {
            return Err("the line has just been closed".to_owned());
        }
        // When the stream has ended meanwhile, whoever joined was told so with everybody else.
        let _ = open.requests.send(v1::ApplyRequest { change_set: Some(set) }).await;
        Ok(answer)
    }

    async fn open(&self, context: &Arc<Context>, endpoint: &str) -> Result<Line, String> {
        let channel = self.connect(endpoint).await?;
        let (requests, stream) = mpsc::channel(MOST_UNDERWAY);
        let mut client = client(channel);
        let call = client.apply(forwarded(context, ReceiverStream::new(stream)));
        let answers = tokio::time::timeout(CONNECT, call)
            .await
            .map_err(|_| "it does not answer".to_owned())?
            .map_err(|status| status.message().to_owned())?;
        let waiting = Arc::new(Waiting { queue: Mutex::new(Some(VecDeque::new())) });
        tokio::spawn(listen(answers.into_inner(), waiting.clone(), context.closing.clone()));
        Ok(Line { endpoint: endpoint.to_owned(), requests, waiting })
    }

    async fn connect(&self, endpoint: &str) -> Result<Channel, String> {
        if endpoint.is_empty() {
            return Err("it takes no changes from nodes".to_owned());
        }
        let tell = |error: tonic::transport::Error| chain(&error);
        let mut target = Endpoint::from_shared(endpoint.to_owned()).map_err(tell)?.connect_timeout(CONNECT);
        if endpoint.starts_with("https://") {
            let Some(files) = &self.files else {
                return Err("this node has no certificates for it".to_owned());
            };
            let read = |path| tls::text(path).map_err(|error| format!("{}: {error}", path.display()));
            let identity = Identity::from_pem(read(&files.certificate)?, read(&files.key)?);
            let authorities = Certificate::from_pem(read(&files.authorities)?);
            let tls = ClientTlsConfig::new().identity(identity).ca_certificate(authorities);
            target = target.tls_config(tls).map_err(tell)?;
        }
        target.connect().await.map_err(tell)
    }
}

impl Waiting {
    fn is_open(&self) -> bool {
        self.queue.lock().is_some()
    }

    /// Waits as the last one; not when the stream has ended.
    fn join(&self, reply: oneshot::Sender<Answer>) -> bool {
        match self.queue.lock().as_mut() {
            Some(queue) => {
                queue.push_back(reply);
                true
            }
            None => false,
        }
    }

    fn next(&self) -> Option<oneshot::Sender<Answer>> {
        self.queue.lock().as_mut().and_then(VecDeque::pop_front)
    }

    /// Nobody is replied to any more: those who wait are told by the loss of their senders.
    fn close(&self) {
        *self.queue.lock() = None;
    }
}

/// Hands replies to those who wait for them.
async fn listen(
    mut answers: Streaming<v1::ApplyReply>,
    waiting: Arc<Waiting>,
    closing: tokio_util::sync::CancellationToken,
) {
    use v1::apply_reply::Result as Outcome;
    loop {
        let answer = tokio::select! {
            () = closing.cancelled() => break,
            answer = answers.message() => answer,
        };
        let Ok(Some(v1::ApplyReply { result: Some(result) })) = answer else { break };
        let Some(reply) = waiting.next() else { break };
        let _ = reply.send(match result {
            Outcome::Applied(applied) => Ok(applied),
            Outcome::Refused(refused) => Err(refused.into()),
        });
    }
    waiting.close();
}

/// Waits until this node has what the controller committed.
async fn arrived(store: &Store, applied: v1::Applied) -> Result<Done, Vec<Problem>> {
    let target = Revision(applied.revision);
    let mut standing = store.standing();
    let here = standing.wait_for(|standing| {
        standing.revision >= target
            || standing.refused.as_ref().is_some_and(|(refused, _)| *refused >= target)
    });
    match tokio::time::timeout(ARRIVAL, here).await {
        Ok(Ok(standing)) if standing.revision >= target => {}
        Ok(Ok(standing)) => {
            let problems = standing.refused.as_ref().map(|(_, problems)| problems.to_vec());
            return Err(problems.unwrap_or_default());
        }
        Ok(Err(_)) | Err(_) => {
            let detail = format!(
                "the controller has committed it as revision {}, but this node has not applied that yet",
                target.0
            );
            return Err(vec![Problem::general(Code::Unavailable, detail)]);
        }
    }
    let outcomes = applied.outcomes.into_iter().map(|outcome| Outcome::try_from(outcome).unwrap_or_default());
    let applied = Applied { revision: target, touched: Touched::new(), outcomes: outcomes.collect() };
    Ok(Done { applied, changes: Vec::new() })
}

fn client(channel: Channel) -> AdminClient<Channel> {
    AdminClient::new(channel).max_decoding_message_size(super::LONGEST_MESSAGE)
}

/// A request that says that it was passed on, so that it never goes in a circle.
fn forwarded<T>(context: &Context, message: T) -> Request<T> {
    let mut request = Request::new(message);
    let node = context.store.read(|current| context.node_name(&current.state.global()));
    let node = node.parse().unwrap_or_else(|_| tonic::metadata::MetadataValue::from_static("a node"));
    request.metadata_mut().insert(FORWARDED, node);
    request
}

/// A set in the parts that it is staged in.
fn staging(set: &StagedSet) -> Vec<v1::StageRequest> {
    use v1::stage_request::Part;
    let header = v1::StageHeader {
        origin: Some((&set.origin).into()),
        base: set.base.map(|base| base.0),
        replace: set.replace,
    };
    let chunks = chunk::parts(set.changes.iter().map(v1::Change::from));
    let chunks = chunks.map(|changes| Part::Chunk(v1::StageChunk { changes }));
    let parts = std::iter::once(Part::Header(header)).chain(chunks);
    parts.map(|part| v1::StageRequest { part: Some(part) }).collect()
}

fn permitted(caller: &Caller) -> Result<(), Problem> {
    match &caller.forwarded_by {
        None => Ok(()),
        Some(node) => {
            let node: String = node.chars().take(64).collect();
            let detail =
                format!("node {node} passed it on as to a controller, but this is a managed node itself");
            Err(Problem::general(Code::Unsupported, detail))
        }
    }
}

fn refused(problems: Vec<Problem>) -> Answered {
    Answered::Reply(Box::new(super::change::commit_reply(Err(problems))))
}

fn unreachable(controller: &Controller, reason: &str) -> Problem {
    let detail = format!(
        "this node is managed by controller {}, which cannot be reached at {:?}: {reason}; nothing was changed",
        controller.name, controller.endpoint
    );
    Problem::general(Code::Unavailable, detail)
}

fn uncertain(controller: &Controller) -> Problem {
    let detail = format!(
        "the connection to controller {} broke before it answered: whether it made the change is not known",
        controller.name
    );
    Problem::general(Code::Unavailable, detail)
}

/// An error with its causes.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}

/// The longest time for a connection to the controller.
const CONNECT: Duration = Duration::from_secs(2);

/// The longest time from a controller's commit until this node has it.
const ARRIVAL: Duration = Duration::from_secs(30);

/// Changes that are on their way up.
const MOST_UNDERWAY: usize = 256;
