//! The gRPC services: requests become calls of the core, problems become statuses.

use std::pin::Pin;

use regate_proto::change::Revision;
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::{self, chunk, v1};
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_stream::{Stream, StreamExt};
use tonic::{Request, Response, Status, Streaming};

use super::permission::{Asked, Caller};
use super::sets::Gathering;
use super::{Services, converse, history, watch};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Who asks, when that one may.
fn caller<T>(request: &Request<T>, asked: Asked) -> Result<Caller, Status> {
    let caller = Caller::of(request).map_err(refused)?;
    caller.may(asked).map_err(refused)?;
    Ok(caller)
}

fn refused(problem: Problem) -> Status {
    wire::status(&[problem])
}

impl Services {
    /// The parts of an answer, as a service of its own tells them.
    fn answer<T: Send + 'static>(
        &self,
        caller: Caller,
        question: v1::query::Question,
        part: fn(v1::Answer) -> T,
    ) -> Response<Replies<T>> {
        let (sender, replies) = mpsc::channel(PARTS_AHEAD);
        let core = self.0.clone();
        tokio::spawn(async move {
            let (answers, mut parts) = mpsc::channel(PARTS_AHEAD);
            let asking = core.ask(&caller, v1::Query { question: Some(question) }, answers);
            let passing = async {
                while let Some(answer) = parts.recv().await {
                    if sender.send(Ok(part(answer))).await.is_err() {
                        // Nobody reads on: closing makes the asking end.
                        parts.close();
                        return;
                    }
                }
            };
            if let (Err(problems), ()) = tokio::join!(asking, passing) {
                // The asker may be gone.
                let _ = sender.send(Err(wire::status(&problems))).await;
            }
        });
        Response::new(Box::pin(ReceiverStream::new(replies)))
    }

    /// The one part of an answer that has one.
    async fn only_answer(
        &self,
        caller: &Caller,
        question: v1::query::Question,
    ) -> Result<v1::Answer, Status> {
        let (answers, mut parts) = mpsc::channel(PARTS_AHEAD);
        let query = v1::Query { question: Some(question) };
        let asking = self.0.ask(caller, query, answers);
        let taking = async {
            let mut found = Vec::new();
            while let Some(answer) = parts.recv().await {
                found.push(answer);
            }
            found
        };
        let (asked, mut found) = tokio::join!(asking, taking);
        asked.map_err(|problems| wire::status(&problems))?;
        match (found.pop(), found.len()) {
            (Some(answer), 0) => Ok(answer),
            (Some(_), others) => {
                let detail = format!("{} nodes could answer: name one (metadata regate-node)", others + 1);
                Err(refused(Problem::general(Code::Impossible, detail)))
            }
            (None, _) => Err(refused(Problem::general(Code::Unavailable, "nobody answered"))),
        }
    }
}

/// A list that is made at once and told in parts.
fn listed<T, R>(items: Vec<T>, part: impl Fn(Vec<T>) -> R + Send + 'static) -> Response<Replies<R>>
where
    T: prost::Message + Send + 'static,
    R: 'static,
{
    let parts = chunk::parts(items.into_iter()).map(move |items| Ok(part(items)));
    Response::new(Box::pin(tokio_stream::iter(parts)))
}

#[tonic::async_trait]
impl v1::admin_server::Admin for Services {
    type ApplyStream = Replies<v1::ApplyReply>;
    type WatchStream = Replies<v1::Event>;
    type ConverseStream = Replies<v1::ConverseReply>;

    async fn apply(
        &self,
        request: Request<Streaming<v1::ApplyRequest>>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        use v1::apply_reply::Result as Became;
        use v1::converse_reply::Reply;
        let caller = caller(&request, Asked::Apply)?;
        let requests = request.into_inner().map(|apply| {
            let request = v1::converse_request::Request::Apply(apply?);
            Ok(v1::ConverseRequest { tag: 0, request: Some(request) })
        });
        let (sender, replies) = mpsc::channel(REPLIES_AHEAD);
        tokio::spawn(converse::run(self.0.clone(), caller, requests, sender));
        let replies = ReceiverStream::new(replies).map(|reply| {
            let result = match reply?.reply {
                Some(Reply::Applied(applied)) => Some(Became::Applied(applied)),
                Some(Reply::Refused(refused)) => Some(Became::Refused(refused)),
                Some(Reply::Acted(_) | Reply::Answer(_)) | None => None,
            };
            Ok(v1::ApplyReply { result })
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn stage(
        &self,
        request: Request<Streaming<v1::StageRequest>>,
    ) -> Result<Response<v1::StageReply>, Status> {
        let caller = caller(&request, Asked::Stage)?;
        let mut parts = request.into_inner();
        let mut gathering = Gathering::default();
        while let Some(part) = parts.message().await? {
            gathering.take(&caller, part).map_err(refused)?;
        }
        let set = gathering.finish().map_err(refused)?;
        Ok(Response::new(self.0.lay(set).map_err(refused)?))
    }

    async fn commit(&self, request: Request<v1::CommitRequest>) -> Result<Response<v1::CommitReply>, Status> {
        let caller = caller(&request, Asked::Commit)?;
        Ok(Response::new(self.0.commit(&caller, request.into_inner()).await.map_err(refused)?))
    }

    async fn act(&self, request: Request<v1::ActRequest>) -> Result<Response<v1::ActReply>, Status> {
        let caller = Caller::of(&request).map_err(refused)?;
        let acted = self.0.act(&caller, request.into_inner()).await;
        acted.map(Response::new).map_err(|problems| wire::status(&problems))
    }

    async fn watch(&self, request: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        caller(&request, Asked::Watch)?;
        let (sender, events) = mpsc::channel(EVENTS_AHEAD);
        tokio::spawn(watch::run(self.0.clone(), request.into_inner().from, sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(events))))
    }

    async fn converse(
        &self,
        request: Request<Streaming<v1::ConverseRequest>>,
    ) -> Result<Response<Self::ConverseStream>, Status> {
        let caller = caller(&request, Asked::Converse)?;
        let (sender, replies) = mpsc::channel(REPLIES_AHEAD);
        tokio::spawn(converse::run(self.0.clone(), caller, request.into_inner(), sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(replies))))
    }
}

#[tonic::async_trait]
impl v1::process_server::Process for Services {
    async fn info(&self, request: Request<v1::InfoQuery>) -> Result<Response<v1::Info>, Status> {
        let caller = caller(&request, Asked::Info)?;
        let answer = self.only_answer(&caller, v1::query::Question::Info(request.into_inner())).await?;
        Ok(Response::new(answer.info.unwrap_or_default()))
    }

    async fn summarize(&self, request: Request<v1::SummaryQuery>) -> Result<Response<v1::Summary>, Status> {
        let caller = caller(&request, Asked::Summary)?;
        let answer = self.only_answer(&caller, v1::query::Question::Summary(request.into_inner())).await?;
        Ok(Response::new(answer.summary.unwrap_or_default()))
    }
}

#[tonic::async_trait]
impl v1::frontends_server::Frontends for Services {
    type ListStream = Replies<v1::ListFrontendsReply>;

    async fn list(
        &self,
        request: Request<v1::ListFrontendsRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        caller(&request, Asked::Proxies)?;
        let found = self.0.frontends(&request.into_inner().names);
        let (revision, frontends) = found.map_err(|problems| wire::status(&problems))?;
        Ok(listed(frontends, move |frontends| v1::ListFrontendsReply { revision, frontends }))
    }
}

#[tonic::async_trait]
impl v1::backends_server::Backends for Services {
    type ListStream = Replies<v1::ListBackendsReply>;

    async fn list(
        &self,
        request: Request<v1::ListBackendsRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        caller(&request, Asked::Proxies)?;
        let found = self.0.backends(&request.into_inner().names);
        let (revision, backends) = found.map_err(|problems| wire::status(&problems))?;
        Ok(listed(backends, move |backends| v1::ListBackendsReply { revision, backends }))
    }
}

#[tonic::async_trait]
impl v1::servers_server::Servers for Services {
    type ListStream = Replies<v1::ListServersReply>;
    type StatesStream = Replies<v1::ServerStatesReply>;

    async fn list(&self, request: Request<v1::ServersQuery>) -> Result<Response<Self::ListStream>, Status> {
        let caller = caller(&request, Asked::Proxies)?;
        Ok(self.answer(caller, v1::query::Question::Servers(request.into_inner()), |answer| {
            v1::ListServersReply { revision: answer.revision, servers: answer.servers }
        }))
    }

    async fn states(
        &self,
        request: Request<v1::ServersStateQuery>,
    ) -> Result<Response<Self::StatesStream>, Status> {
        let caller = caller(&request, Asked::ServerStates)?;
        Ok(self.answer(caller, v1::query::Question::ServersState(request.into_inner()), |answer| {
            v1::ServerStatesReply { revision: answer.revision, server_states: answer.server_states }
        }))
    }
}

#[tonic::async_trait]
impl v1::statistics_server::Statistics for Services {
    type ListStream = Replies<v1::ListStatisticsReply>;

    async fn list(
        &self,
        request: Request<v1::StatisticsQuery>,
    ) -> Result<Response<Self::ListStream>, Status> {
        let caller = caller(&request, Asked::Statistics)?;
        Ok(self.answer(caller, v1::query::Question::Statistics(request.into_inner()), |answer| {
            v1::ListStatisticsReply { revision: answer.revision, statistics: answer.statistics }
        }))
    }
}

#[tonic::async_trait]
impl v1::overlays_server::Overlays for Services {
    type ListStream = Replies<v1::ListOverlaysReply>;

    async fn list(&self, request: Request<v1::OverlaysQuery>) -> Result<Response<Self::ListStream>, Status> {
        let caller = caller(&request, Asked::Overlays)?;
        Ok(self.answer(caller, v1::query::Question::Overlays(request.into_inner()), |answer| {
            v1::ListOverlaysReply { revision: answer.revision, overlays: answer.overlays }
        }))
    }
}

#[tonic::async_trait]
impl v1::configuration_server::Configuration for Services {
    type ReadStream = Replies<v1::ReadReply>;

    async fn read(&self, request: Request<v1::ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        caller(&request, Asked::Configuration)?;
        let (revision, digest, rows, overlays) = self.0.desired.read(|state: &State| {
            let rows: Vec<_> = state.spec().cloned().collect();
            let overlays: Vec<_> = state.overlays().cloned().collect();
            (state.revision().0, state.digest(), rows, overlays)
        });
        let first = v1::ReadReply { revision, digest: Some(digest.into()), ..Default::default() };
        let rows = chunk::parts(rows.into_iter().map(|row| v1::Row::from(row.as_ref())))
            .map(move |rows| v1::ReadReply { revision, rows, ..Default::default() });
        let overlays = chunk::parts(overlays.into_iter().map(|overlay| v1::Overlay::from(overlay.as_ref())))
            .map(move |overlays| v1::ReadReply { revision, overlays, ..Default::default() });
        let last = v1::ReadReply { revision, last: true, ..Default::default() };
        let parts = std::iter::once(first).chain(rows).chain(overlays).chain(std::iter::once(last));
        Ok(Response::new(Box::pin(tokio_stream::iter(parts.map(Ok)))))
    }
}

#[tonic::async_trait]
impl v1::controller_server::Controller for Services {
    type NodesStream = Replies<v1::Node>;
    type HistoryStream = Replies<v1::Revision>;

    async fn nodes(&self, request: Request<v1::NodesRequest>) -> Result<Response<Self::NodesStream>, Status> {
        caller(&request, Asked::Nodes)?;
        let nodes: Vec<_> = self.0.registry.nodes().map(|node| Ok(node.to_wire())).collect();
        Ok(Response::new(Box::pin(tokio_stream::iter(nodes))))
    }

    async fn history(
        &self,
        request: Request<v1::HistoryRequest>,
    ) -> Result<Response<Self::HistoryStream>, Status> {
        caller(&request, Asked::History)?;
        let request = request.into_inner();
        let newest = *self.0.desired.revision().borrow();
        let from = request.from.map_or(newest, Revision).min(newest);
        let (sender, revisions) = mpsc::channel(PARTS_AHEAD);
        let store = self.0.desired.store();
        tokio::task::spawn_blocking(move || history::tell(store.as_ref(), from, &request, &sender));
        Ok(Response::new(Box::pin(ReceiverStream::new(revisions))))
    }

    async fn rollback(
        &self,
        request: Request<v1::RollbackRequest>,
    ) -> Result<Response<v1::CommitReply>, Status> {
        let caller = caller(&request, Asked::Rollback)?;
        Ok(Response::new(self.0.rollback(&caller, request.into_inner()).await.map_err(refused)?))
    }
}

const PARTS_AHEAD: usize = 4;
const REPLIES_AHEAD: usize = 1024;
const EVENTS_AHEAD: usize = 256;
