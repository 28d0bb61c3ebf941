//! The query services, one per noun: each is a question with an answer of its own shape.

use std::pin::Pin;

use regate_proto::model::{Name, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::{self, chunk, v1};
use tokio_stream::Stream;
use tonic::{Request, Response, Status};

use super::permission::{Asked, Caller};
use super::statistics::Usable;
use super::{Desk, query, view};
use crate::store::Current;

/// A stream of parts.
pub(super) type Parts<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A refusal as a status.
pub(super) fn refused(problem: Problem) -> Status {
    wire::status(&[problem])
}

fn stream<T: Send + 'static>(parts: impl Iterator<Item = T> + Send + 'static) -> Response<Parts<T>> {
    Response::new(Box::pin(tokio_stream::iter(parts.map(Ok))))
}

#[tonic::async_trait]
impl v1::process_server::Process for Desk {
    async fn info(&self, request: Request<v1::InfoQuery>) -> Result<Response<v1::Info>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Info)).map_err(refused)?;
        Ok(Response::new(self.store.read(|current| self.describe(current))))
    }

    async fn summarize(&self, request: Request<v1::SummaryQuery>) -> Result<Response<v1::Summary>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Summary)).map_err(refused)?;
        Ok(Response::new(query::summary(self)))
    }
}

#[tonic::async_trait]
impl v1::frontends_server::Frontends for Desk {
    type ListStream = Parts<v1::ListFrontendsReply>;

    async fn list(
        &self,
        request: Request<v1::ListFrontendsRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Proxies)).map_err(refused)?;
        let names = query::names("names", &request.into_inner().names).map_err(refused)?;
        let stopping = self.live.process.is_stopping();
        let (revision, views) = self
            .store
            .read(|current| {
                exist(&names, Subject::Frontend, |name| current.state.frontend(name).is_some())?;
                let wanted = current.state.frontends().into_iter();
                let wanted = wanted.filter(|row| names.is_empty() || names.contains(&row.name));
                let views: Vec<v1::FrontendView> =
                    wanted.map(|row| frontend_view(current, row, stopping)).collect();
                Ok((current.state.revision(), views))
            })
            .map_err(refused)?;
        let reply = move |frontends| v1::ListFrontendsReply { revision: revision.0, frontends };
        Ok(stream(chunk::parts(views.into_iter()).map(reply)))
    }
}

#[tonic::async_trait]
impl v1::backends_server::Backends for Desk {
    type ListStream = Parts<v1::ListBackendsReply>;

    async fn list(
        &self,
        request: Request<v1::ListBackendsRequest>,
    ) -> Result<Response<Self::ListStream>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Proxies)).map_err(refused)?;
        let names = query::names("names", &request.into_inner().names).map_err(refused)?;
        let (revision, views) = self
            .store
            .read(|current| {
                exist(&names, Subject::Backend, |name| current.state.backend(name).is_some())?;
                let wanted = current.state.backends().into_iter();
                let wanted = wanted.filter(|row| names.is_empty() || names.contains(&row.name));
                let views: Vec<v1::BackendView> = wanted.map(|row| backend_view(current, row)).collect();
                Ok((current.state.revision(), views))
            })
            .map_err(refused)?;
        let reply = move |backends| v1::ListBackendsReply { revision: revision.0, backends };
        Ok(stream(chunk::parts(views.into_iter()).map(reply)))
    }
}

#[tonic::async_trait]
impl v1::servers_server::Servers for Desk {
    type ListStream = Parts<v1::ListServersReply>;
    type StatesStream = Parts<v1::ServerStatesReply>;

    async fn list(&self, request: Request<v1::ServersQuery>) -> Result<Response<Self::ListStream>, Status> {
        let caller = Caller::of(&request).map_err(refused)?;
        let (revision, servers) = query::servers(self, &caller, request.into_inner()).map_err(refused)?;
        let reply = move |servers| v1::ListServersReply { revision: revision.0, servers };
        Ok(stream(chunk::parts(servers).map(reply)))
    }

    async fn states(
        &self,
        request: Request<v1::ServersStateQuery>,
    ) -> Result<Response<Self::StatesStream>, Status> {
        let caller = Caller::of(&request).map_err(refused)?;
        let (revision, rows) = query::server_states(self, &caller, request.into_inner()).map_err(refused)?;
        let reply = move |server_states| v1::ServerStatesReply { revision: revision.0, server_states };
        Ok(stream(chunk::parts(rows).map(reply)))
    }
}

#[tonic::async_trait]
impl v1::statistics_server::Statistics for Desk {
    type ListStream = Parts<v1::ListStatisticsReply>;

    async fn list(
        &self,
        request: Request<v1::StatisticsQuery>,
    ) -> Result<Response<Self::ListStream>, Status> {
        let caller = Caller::of(&request).map_err(refused)?;
        let (revision, rows) = query::statistics(self, &caller, request.into_inner()).map_err(refused)?;
        let reply = move |statistics| v1::ListStatisticsReply { revision: revision.0, statistics };
        Ok(stream(chunk::parts(rows).map(reply)))
    }
}

#[tonic::async_trait]
impl v1::overlays_server::Overlays for Desk {
    type ListStream = Parts<v1::ListOverlaysReply>;

    async fn list(&self, request: Request<v1::OverlaysQuery>) -> Result<Response<Self::ListStream>, Status> {
        let caller = Caller::of(&request).map_err(refused)?;
        let (revision, overlays) = query::overlays(self, &caller, request.into_inner()).map_err(refused)?;
        let reply = move |overlays| v1::ListOverlaysReply { revision: revision.0, overlays };
        Ok(stream(chunk::parts(overlays).map(reply)))
    }
}

#[tonic::async_trait]
impl v1::configuration_server::Configuration for Desk {
    type ReadStream = Parts<v1::ReadReply>;

    async fn read(&self, request: Request<v1::ReadRequest>) -> Result<Response<Self::ReadStream>, Status> {
        Caller::of(&request).and_then(|caller| caller.may(Asked::Configuration)).map_err(refused)?;
        let (revision, digest, rows, overlays) = self.store.read(|Current { state, .. }| {
            let rows: Vec<_> = state.spec().cloned().collect();
            let overlays: Vec<_> = state.overlays().cloned().collect();
            (state.revision().0, state.digest(), rows, overlays)
        });
        let rows = chunk::parts(rows.into_iter().map(|row| v1::Row::from(row.as_ref())));
        let overlays = chunk::parts(overlays.into_iter().map(|overlay| v1::Overlay::from(overlay.as_ref())));
        let rows = rows.enumerate().map(move |(at, rows)| {
            let digest = (at == 0).then(|| digest.into());
            v1::ReadReply { revision, digest, rows, ..v1::ReadReply::default() }
        });
        let mut overlays = overlays.peekable();
        let overlays = std::iter::from_fn(move || {
            let part = overlays.next()?;
            let last = overlays.peek().is_none();
            Some(v1::ReadReply { revision, overlays: part, last, ..v1::ReadReply::default() })
        });
        Ok(stream(rows.chain(overlays)))
    }
}

fn frontend_view(current: &Current, row: &regate_proto::model::Frontend, stopping: bool) -> v1::FrontendView {
    let paused = view::is_paused(&current.state, &row.name);
    let plan = current.snapshot.frontends.get(&row.name);
    v1::FrontendView {
        frontend: Some(row.into()),
        binds: current.state.binds(&row.name).into_iter().map(Into::into).collect(),
        status: plan.map(|plan| view::status(view::frontend_condition(plan, paused, stopping))),
    }
}

fn backend_view(current: &Current, row: &regate_proto::model::Backend) -> v1::BackendView {
    let plan = current.snapshot.backends.get(&row.name);
    // Only counted here: what warms up counts as what is warm.
    let usable = plan.map(|plan| Usable::of(plan, u64::MAX));
    v1::BackendView {
        backend: Some(row.into()),
        servers_total: u32::try_from(current.state.servers(&row.name).len()).unwrap_or(u32::MAX),
        servers_up: usable.map(|usable| usable.active.saturating_add(usable.backup)),
    }
}

fn exist(names: &[Name], noun: fn(Name) -> Subject, is_there: impl Fn(&Name) -> bool) -> Result<(), Problem> {
    match names.iter().find(|name| !is_there(name)) {
        Some(name) => Err(Problem::about(Code::NotFound, &noun(name.clone()), "there is none of that name")),
        None => Ok(()),
    }
}
