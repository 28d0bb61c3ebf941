//! The Admin service: changes, actions, events, and pipelines of all of them.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Instant;

use prost::Message;
use regate_proto::change::{Change, ChangeSet, Layer, Origin, Revision};
use regate_proto::model::{Row, ServerRef, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::{self, v1};
use tokio::sync::{broadcast, mpsc};
use tokio_stream::StreamExt;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};
use v1::query::Question;

use super::permission::{Asked, Caller};
use super::services::{Parts, refused};
use super::{Context, Desk, Stop, query, streams, tables, variables, view};
use crate::check::standing::{self, Order, Place};
use crate::live::Operational;
use crate::store::{self, Done, Event, Happening, Pending, StagedSet, Work};

#[tonic::async_trait]
impl v1::admin_server::Admin for Desk {
    type ApplyStream = Parts<v1::ApplyReply>;
    type WatchStream = Parts<v1::Event>;
    type ConverseStream = Parts<v1::ConverseReply>;

    async fn apply(
        &self,
        request: Request<Streaming<v1::ApplyRequest>>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        let caller = Caller::of(&request)
            .and_then(|caller| caller.may(Asked::Apply).map(|()| caller))
            .map_err(refused)?;
        let requests = request.into_inner().map(|message| {
            message.map(|apply| v1::ConverseRequest {
                tag: 0,
                request: Some(v1::converse_request::Request::Apply(apply)),
            })
        });
        let replies = self.converse_over(caller, requests);
        let replies = replies.filter_map(|reply| match reply {
            Ok(reply) => apply_reply(reply).map(Ok),
            Err(status) => Some(Err(status)),
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn stage(
        &self,
        request: Request<Streaming<v1::StageRequest>>,
    ) -> Result<Response<v1::StageReply>, Status> {
        let caller = Caller::of(&request)
            .and_then(|caller| caller.may(Asked::Stage).map(|()| caller))
            .map_err(refused)?;
        let (set, bytes) = receive(&caller, request.into_inner()).await?;
        let change_count = set.changes.len() as u64;
        let ticket = self.staged.lay(set, bytes, Instant::now()).map_err(refused)?;
        Ok(Response::new(v1::StageReply { ticket, change_count }))
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Result<Response<v1::CommitReply>, Status> {
        let caller = Caller::of(&request)
            .and_then(|caller| caller.may(Asked::Commit).map(|()| caller))
            .map_err(refused)?;
        let v1::CommitRequest { ticket, dry_run } = request.into_inner();
        let now = Instant::now();
        let set = if dry_run { self.staged.look(&ticket, now) } else { self.staged.take(&ticket, now) };
        let set = set.map_err(refused)?;
        let reply = self.commit_staged(&caller, set, dry_run).await;
        Ok(Response::new(reply))
    }

    async fn act(&self, request: Request<v1::ActRequest>) -> Result<Response<v1::ActReply>, Status> {
        let caller = Caller::of(&request).map_err(refused)?;
        self.act_on(&caller, request.into_inner()).await.map_err(refused)?;
        Ok(Response::new(v1::ActReply {}))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Watch)).map_err(refused)?;
        let mut subscription = self.store.subscribe(request.into_inner().from.map(Revision));
        let (events, stream) = mpsc::channel(MOST_REPLIES);
        let context = self.0.clone();
        tokio::spawn(async move {
            let past = std::mem::take(&mut subscription.past);
            if subscription.missed && events.send(Ok(missed(&context))).await.is_err() {
                return;
            }
            for event in past {
                if events.send(Ok(wire_event(&event))).await.is_err() {
                    return;
                }
            }
            loop {
                let event = tokio::select! {
                    () = context.closing.cancelled() => return,
                    () = events.closed() => return,
                    event = subscription.coming.recv() => event,
                };
                let event = match event {
                    Ok(event) => wire_event(&event),
                    Err(broadcast::error::RecvError::Lagged(_)) => missed(&context),
                    Err(broadcast::error::RecvError::Closed) => return,
                };
                if events.send(Ok(event)).await.is_err() {
                    return;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(stream))))
    }

    async fn converse(
        &self,
        request: Request<Streaming<v1::ConverseRequest>>,
    ) -> Result<Response<Self::ConverseStream>, Status> {
        let caller = Caller::of(&request)
            .and_then(|caller| caller.may(Asked::Converse).map(|()| caller))
            .map_err(refused)?;
        Ok(Response::new(Box::pin(self.converse_over(caller, request.into_inner()))))
    }
}

impl Desk {
    /// Takes requests in order and gives their replies in the same order. Changes go to the writer as they come, up to
    /// a bound, so that what waits is committed together; anything else waits for the changes before it.
    fn converse_over(
        &self,
        caller: Caller,
        requests: impl tokio_stream::Stream<Item = Result<v1::ConverseRequest, Status>> + Send + Unpin + 'static,
    ) -> ReceiverStream<Result<v1::ConverseReply, Status>> {
        let (replies, stream) = mpsc::channel(MOST_REPLIES);
        let pipeline = Pipeline { context: self.0.clone(), caller, replies, pending: VecDeque::new() };
        tokio::spawn(pipeline.run(requests));
        ReceiverStream::new(stream)
    }
}

impl Context {
    /// Applies a set: here, or by the controller when the node has one.
    pub(super) async fn apply(self: &Arc<Self>, caller: &Caller, set: ChangeSet) -> Pending {
        match self.store.managed() {
            None => self.store.submit(Work::Set(set)).await,
            Some(controller) => self.uplink.apply(self, caller, controller, set).await,
        }
    }

    async fn commit_staged(&self, caller: &Caller, set: Arc<StagedSet>, dry_run: bool) -> v1::CommitReply {
        if let Some(controller) = self.store.managed() {
            match self.uplink.commit(self, caller, &controller, &set, dry_run).await {
                super::uplink::Answered::Reply(reply) => return *reply,
                super::uplink::Answered::Here => {}
            }
        }
        let set = Arc::unwrap_or_clone(set);
        let work = match set.replace {
            true => match rows(set.changes) {
                Ok(rows) => Work::Replace { base: set.base, origin: set.origin, rows },
                Err(problem) => return commit_reply(Err(vec![problem])),
            },
            false => Work::Set(ChangeSet { base: set.base, origin: set.origin, changes: set.changes }),
        };
        commit_reply(store::outcome(self.store.submit_told(work, dry_run).await).await)
    }

    async fn act_on(&self, caller: &Caller, request: v1::ActRequest) -> Result<(), Problem> {
        use v1::act_request::Action;
        match request.action {
            None => Err(Problem::general(Code::Malformed, "action: nothing is set: an action is expected")),
            Some(Action::ClearCounters(v1::ClearCounters { server: Some(at), .. })) => {
                caller.may(Asked::ClearCounters)?;
                self.clear_counters_of(at)
            }
            Some(Action::ClearCounters(v1::ClearCounters { all, server: None })) => {
                caller.may(if all { Asked::ClearCounters } else { Asked::ClearMaxima })?;
                self.clear_counters(all);
                Ok(())
            }
            Some(Action::SetVariable(request)) => variables::set(self, caller, request),
            Some(Action::SoftStop(v1::SoftStop {})) => {
                caller.may(Asked::SoftStop)?;
                let _ = self.stops.send(Stop::Soft);
                Ok(())
            }
            Some(Action::HardStop(v1::HardStop {})) => {
                caller.may(Asked::HardStop)?;
                let _ = self.stops.send(Stop::Hard);
                Ok(())
            }
            Some(Action::SetHealth(request)) => {
                caller.may(Asked::SetHealth)?;
                self.set_health(request)
            }
            Some(Action::SetEntry(request)) => tables::set(self, caller, request),
            Some(Action::ClearEntries(request)) => tables::clear(self, caller, request),
            Some(Action::CutStream(request)) => streams::cut(self, caller, request).await,
            Some(Action::CutStreams(request)) => streams::cut_on_server(self, caller, request).await,
        }
    }

    /// Says how a server stands, in place of its checks or its agent.
    pub(super) fn set_health(&self, request: v1::SetHealth) -> Result<(), Problem> {
        let order = match request.order() {
            v1::HealthOrder::Up => Order::Health(Operational::Running),
            v1::HealthOrder::Stopping => Order::Health(Operational::Stopping),
            v1::HealthOrder::Down => Order::Health(Operational::Stopped),
            v1::HealthOrder::AgentUp => Order::Agent(true),
            v1::HealthOrder::AgentDown => Order::Agent(false),
            v1::HealthOrder::Unspecified => {
                let detail = "set_health.order: nothing is set: up, stopping or down is expected";
                return Err(Problem::general(Code::Malformed, detail));
            }
        };
        let missing = || Problem::general(Code::Malformed, "set_health.server: nothing is set");
        let at = ServerRef::try_from(request.server.ok_or_else(missing)?)?;
        let subject = Subject::Server(at.clone());
        let snapshot = self.store.read(|current| current.snapshot.clone());
        let found =
            snapshot.backends.get(&at.backend).and_then(|plan| Some((plan, plan.server(&at.server)?)));
        let Some((backend, server)) = found else {
            return Err(Problem::about(Code::NotFound, &subject, "there is none of that name"));
        };
        let checks = server.checks.as_deref();
        if checks.is_some_and(|checks| checks.track.is_some()) {
            return Err(Problem::about(Code::Unsuitable, &subject, "it follows another server"));
        }
        if matches!(order, Order::Agent(_)) && !checks.is_some_and(|checks| checks.agent) {
            return Err(Problem::about(Code::Unsuitable, &subject, "it has no agent"));
        }
        standing::obey(Place { snapshot: &snapshot, live: &self.live, backend, server }, order);
        Ok(())
    }

    fn clear_counters_of(&self, at: v1::ServerRef) -> Result<(), Problem> {
        let at = ServerRef::try_from(at)?;
        let snapshot = self.store.read(|current| current.snapshot.clone());
        let server = snapshot.backends.get(&at.backend).and_then(|backend| backend.server(&at.server));
        let missing = || {
            let subject = match snapshot.backends.contains_key(&at.backend) {
                true => Subject::Server(at.clone()),
                false => Subject::Backend(at.backend.clone()),
            };
            Problem::about(Code::NotFound, &subject, "there is none of that name")
        };
        server.ok_or_else(missing)?.live.clear(true);
        Ok(())
    }

    fn clear_counters(&self, all: bool) {
        self.live.process.clear();
        let snapshot = self.store.read(|current| current.snapshot.clone());
        for frontend in snapshot.frontends.values() {
            frontend.live.clear(all);
            frontend.binds.iter().for_each(|bind| bind.live.clear(all));
        }
        for backend in snapshot.backends.values() {
            backend.live.clear(all);
            backend.servers.iter().for_each(|server| server.live.clear(all));
        }
        if all {
            let sections = self.live.sections();
            sections.iter().flat_map(|section| &section.nameservers).for_each(|(_, live)| live.clear());
        }
    }
}

/// The work on one pipeline.
struct Pipeline {
    context: Arc<Context>,
    caller: Caller,
    replies: mpsc::Sender<Result<v1::ConverseReply, Status>>,
    /// Changes that were submitted and not replied to yet.
    pending: VecDeque<(u64, Pending)>,
}

/// The reader of replies has gone.
struct Gone;

impl Pipeline {
    async fn run(
        mut self,
        mut requests: impl tokio_stream::Stream<Item = Result<v1::ConverseRequest, Status>> + Send + Unpin,
    ) {
        loop {
            let has_room = self.pending.len() < MOST_PENDING;
            let request = match self.pending.front_mut() {
                None => requests.next().await,
                Some((_, reply)) => tokio::select! {
                    biased;
                    request = requests.next(), if has_room => request,
                    outcome = reply => {
                        let outcome = outcome.unwrap_or_else(|_| Err(vec![stopping()]));
                        let tag = self.pending.pop_front().map_or(0, |(tag, _)| tag);
                        if self.reply(tag, reply_to_apply(outcome)).await.is_err() {
                            return;
                        }
                        continue;
                    }
                },
            };
            let done = match request {
                Some(Ok(request)) => self.take(request).await,
                // The caller has said everything: what was asked for is still done and replied to.
                None => {
                    let _ = self.settle().await;
                    return;
                }
                Some(Err(status)) => {
                    let _ = self.settle().await;
                    let _ = self.replies.send(Err(status)).await;
                    return;
                }
            };
            if done.is_err() {
                return;
            }
        }
    }

    async fn take(&mut self, request: v1::ConverseRequest) -> Result<(), Gone> {
        use v1::converse_reply::Reply;
        use v1::converse_request::Request as Step;
        let tag = request.tag;
        match request.request {
            None => {
                let problem = Problem::general(
                    Code::Malformed,
                    "request: nothing is set: apply, act or ask is expected",
                );
                self.settle().await?;
                self.reply(tag, refusal(&[problem])).await
            }
            Some(Step::Apply(apply)) => {
                let set = self.caller.may(Asked::Apply).and_then(|()| change_set(&self.caller, apply));
                match set {
                    Ok(set) => {
                        let pending = self.context.apply(&self.caller, set).await;
                        self.pending.push_back((tag, pending));
                        Ok(())
                    }
                    Err(problem) => {
                        self.settle().await?;
                        self.reply(tag, refusal(&[problem])).await
                    }
                }
            }
            Some(Step::Act(act)) => {
                self.settle().await?;
                let reply = match self.context.act_on(&self.caller, act).await {
                    Ok(()) => Reply::Acted(v1::ActReply {}),
                    Err(problem) => refusal(&[problem]),
                };
                self.reply(tag, reply).await
            }
            Some(Step::Ask(v1::Query { question: Some(Question::Streams(query)) })) => {
                self.settle().await?;
                match streams::walk(&self.context, &self.caller, query) {
                    Err(problem) => self.reply(tag, refusal(&[problem])).await,
                    Ok(mut walk) => {
                        while let Some(answer) = walk.next().await {
                            let reply =
                                v1::ConverseReply { tag, last: false, reply: Some(Reply::Answer(answer)) };
                            self.replies.send(Ok(reply)).await.map_err(|_| Gone)?;
                        }
                        self.reply(tag, Reply::Answer(walk.nothing())).await
                    }
                }
            }
            Some(Step::Ask(query)) => {
                self.settle().await?;
                match query::answer(&self.context, &self.caller, query) {
                    Err(problem) => self.reply(tag, refusal(&[problem])).await,
                    Ok(answers) => {
                        let mut answers = answers.peekable();
                        while let Some(answer) = answers.next() {
                            let last = answers.peek().is_none();
                            let reply = v1::ConverseReply { tag, last, reply: Some(Reply::Answer(answer)) };
                            self.replies.send(Ok(reply)).await.map_err(|_| Gone)?;
                        }
                        Ok(())
                    }
                }
            }
        }
    }

    /// Replies to every change that was submitted.
    async fn settle(&mut self) -> Result<(), Gone> {
        while let Some((tag, pending)) = self.pending.pop_front() {
            let outcome = store::outcome(pending).await;
            self.reply(tag, reply_to_apply(outcome)).await?;
        }
        Ok(())
    }

    async fn reply(&self, tag: u64, reply: v1::converse_reply::Reply) -> Result<(), Gone> {
        let reply = v1::ConverseReply { tag, last: true, reply: Some(reply) };
        self.replies.send(Ok(reply)).await.map_err(|_| Gone)
    }
}

/// Receives a set in parts.
async fn receive(
    caller: &Caller,
    mut parts: Streaming<v1::StageRequest>,
) -> Result<(StagedSet, usize), Status> {
    use v1::stage_request::Part;
    let mut set: Option<StagedSet> = None;
    let mut bytes = 0usize;
    while let Some(message) = parts.message().await? {
        match (message.part, &mut set) {
            (Some(Part::Header(header)), None) => {
                let origin = caller.origin(header.origin.map(Origin::from).unwrap_or_default());
                set = Some(StagedSet {
                    origin,
                    base: header.base.map(Revision),
                    replace: header.replace,
                    changes: Vec::new(),
                });
            }
            (Some(Part::Header(_)), Some(_)) => {
                return Err(malformed("header: it is the first message only"));
            }
            (Some(Part::Chunk(_)), None) => {
                return Err(malformed("header: it is expected as the first message"));
            }
            (Some(Part::Chunk(chunk)), Some(set)) => {
                bytes = bytes.saturating_add(chunk.encoded_len());
                if bytes > store::MOST_BYTES {
                    return Err(malformed("the set is too large: make several of it"));
                }
                let first = set.changes.len();
                set.changes.extend(wire::model_changes(chunk.changes, first).map_err(refused)?);
            }
            (None, _) => return Err(malformed("part: nothing is set: header or chunk is expected")),
        }
    }
    let set = set.ok_or_else(|| malformed("header: it is expected as the first message"))?;
    Ok((set, bytes))
}

/// The rows of a whole configuration.
fn rows(changes: Vec<Change>) -> Result<Vec<Row>, Problem> {
    let row = |(at, change)| match change {
        Change::Put(Layer::Spec, row) => Ok(row),
        _ => Err(Problem::general(Code::Malformed, "with replace every change must put a row into the spec")
            .at(at)),
    };
    changes.into_iter().enumerate().map(row).collect()
}

fn change_set(caller: &Caller, request: v1::ApplyRequest) -> Result<ChangeSet, Problem> {
    let Some(set) = request.change_set else {
        return Err(Problem::general(
            Code::Malformed,
            "change_set: nothing is set: a set of changes is expected",
        ));
    };
    let set = ChangeSet::try_from(set)?;
    Ok(ChangeSet { origin: caller.origin(set.origin), ..set })
}

fn reply_to_apply(outcome: Result<Done, Vec<Problem>>) -> v1::converse_reply::Reply {
    match outcome {
        Ok(done) => v1::converse_reply::Reply::Applied((&done.applied).into()),
        Err(problems) => refusal(&problems),
    }
}

fn refusal(problems: &[Problem]) -> v1::converse_reply::Reply {
    let shown = problems.get(..MOST_PROBLEMS).unwrap_or(problems);
    v1::converse_reply::Reply::Refused(shown.into())
}

fn apply_reply(reply: v1::ConverseReply) -> Option<v1::ApplyReply> {
    use v1::apply_reply::Result as Outcome;
    let result = match reply.reply? {
        v1::converse_reply::Reply::Applied(applied) => Outcome::Applied(applied),
        v1::converse_reply::Reply::Refused(refused) => Outcome::Refused(refused),
        v1::converse_reply::Reply::Acted(_) | v1::converse_reply::Reply::Answer(_) => return None,
    };
    Some(v1::ApplyReply { result: Some(result) })
}

/// The reply to a commit.
pub(super) fn commit_reply(outcome: Result<Done, Vec<Problem>>) -> v1::CommitReply {
    use v1::commit_reply::Result as Outcome;
    match outcome {
        Ok(done) => {
            let applied = v1::Applied { revision: done.applied.revision.0, outcomes: Vec::new() };
            let mut room = MOST_CHANGE_BYTES;
            let shown = done.changes.iter().take(MOST_CHANGES_SHOWN).map(v1::Change::from);
            let changes = shown.take_while(|change| {
                let left = room.checked_sub(change.encoded_len());
                room = left.unwrap_or(0);
                left.is_some()
            });
            v1::CommitReply {
                changes: changes.collect(),
                change_count: done.changes.len() as u64,
                result: Some(Outcome::Applied(applied)),
            }
        }
        Err(problems) => {
            let shown = problems.get(..MOST_PROBLEMS).unwrap_or(&problems);
            v1::CommitReply { result: Some(Outcome::Refused(shown.into())), ..v1::CommitReply::default() }
        }
    }
}

fn wire_event(event: &Event) -> v1::Event {
    use v1::event::Event as Kind;
    let kind = match &event.happening {
        Happening::Applied { revision, origin, subjects, subject_count } => Kind::Applied(v1::SetApplied {
            revision: revision.0,
            origin: Some(origin.into()),
            subjects: subjects.iter().map(Into::into).collect(),
            subject_count: *subject_count as u64,
        }),
        Happening::Server { at, from, to } => Kind::ServerStatus(v1::ServerStatusChanged {
            subject: Some((&regate_proto::model::Subject::Server(at.clone())).into()),
            from: Some(view::status(view::asked_condition(*from))),
            to: Some(view::status(view::asked_condition(*to))),
            reason: "an administrator asked for it".to_owned(),
        }),
        Happening::Health { at, from, to, reason } => Kind::ServerStatus(v1::ServerStatusChanged {
            subject: Some((&regate_proto::model::Subject::Server(at.clone())).into()),
            from: Some(view::status(view::health_condition(*from))),
            to: Some(view::status(view::health_condition(*to))),
            reason: reason.clone(),
        }),
    };
    v1::Event { at_ms: event.at, event: Some(kind) }
}

fn missed(context: &Context) -> v1::Event {
    let revision = context.store.read(|current| current.state.revision().0);
    let event = v1::event::Event::Missed(v1::Missed { revision });
    v1::Event { at_ms: store::unix_millis(), event: Some(event) }
}

fn malformed(detail: &str) -> Status {
    refused(Problem::general(Code::Malformed, detail))
}

fn stopping() -> Problem {
    Problem::general(Code::Unavailable, "the node is stopping: nothing is changed any more")
}

/// Changes of one pipeline that wait for the writer.
const MOST_PENDING: usize = 256;

/// Replies that wait for a slow reader; then the pipeline waits too.
const MOST_REPLIES: usize = 16;

/// Reasons in one reply.
const MOST_PROBLEMS: usize = 1000;

/// Changes in the reply to a commit, and their bytes.
const MOST_CHANGES_SHOWN: usize = 10_000;
const MOST_CHANGE_BYTES: usize = 3 << 20;
