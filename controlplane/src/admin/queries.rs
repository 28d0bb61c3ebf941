//! Questions: what is configured is answered from the desired state, what is observed by nodes.

use std::collections::BTreeMap;
use std::sync::Arc;

use regate_proto::change::Overlay;
use regate_proto::model::{Kind, Name, Row, Server, Subject, Weight};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::{chunk, v1};
use tokio::sync::mpsc;

use super::permission::{Asked, Caller};
use super::{Core, forward, merge};
use crate::fleet::registry::Node;

/// Where parts of an answer go.
pub(super) type Answers = mpsc::Sender<v1::Answer>;

type Problems = Vec<Problem>;

impl Core {
    /// Answers a question; the answer's parts are sent before this returns.
    pub(super) async fn ask(
        &self,
        caller: &Caller,
        query: v1::Query,
        answers: Answers,
    ) -> Result<(), Problems> {
        use v1::query::Question;
        let Some(question) = &query.question else {
            return Err(vec![Problem::general(Code::Malformed, "question: one must be set")]);
        };
        let asked = match question {
            Question::Info(_) => Asked::Info,
            Question::Rows(rows) if rows.declared => Asked::Rows,
            Question::Rows(rows) => rows_asked(rows),
            Question::Statistics(_) | Question::Nameservers(_) => Asked::Statistics,
            Question::ServersState(_) | Question::ServersConnections(_) => Asked::ServerStates,
            Question::Report(report) => report_asked(report),
            Question::Events(v1::EventsQuery { sink: Some(_), .. }) => Asked::Insides,
            Question::Pools(_) | Question::Events(_) => Asked::Info,
            Question::Overlays(_) => Asked::Overlays,
            Question::Summary(_) => Asked::Summary,
            Question::Servers(_) => Asked::Proxies,
            // At a level that does not show entries, the node tells the table alone.
            Question::Tables(_) | Question::Entries(_) => Asked::Tables,
            Question::Variable(_) => Asked::Variable,
            Question::Lists(_) | Question::ListEntries(_) | Question::Match(_) => Asked::Rows,
            Question::Streams(_) | Question::Malformed(_) => Asked::Streams,
        };
        caller.may(asked).map_err(|problem| vec![problem])?;
        if caller.addressed.is_some() {
            return self.ask_nodes(caller, query, &answers).await;
        }
        match query.question {
            Some(Question::Rows(rows)) => self.ask_rows(rows, &answers).await,
            Some(Question::Overlays(overlays)) => self.ask_overlays(overlays, &answers).await,
            Some(Question::Summary(_)) => {
                let summary = self.desired.read(|state| summary(state, &self.name));
                let answer =
                    v1::Answer { revision: summary.revision, summary: Some(summary), ..Default::default() };
                send(&answers, answer).await
            }
            Some(Question::Servers(ref servers)) => {
                // A node knows how they stand; without one, what is configured is told.
                match self.registry.only().filter(|node| node.channel().is_some()) {
                    Some(_) => self.ask_nodes(caller, query, &answers).await,
                    None => self.ask_servers(servers, &answers).await,
                }
            }
            Some(
                Question::Info(_)
                | Question::Statistics(_)
                | Question::ServersState(_)
                | Question::ServersConnections(_)
                | Question::Report(_)
                | Question::Pools(_)
                | Question::Events(_)
                | Question::Nameservers(_)
                | Question::Tables(_)
                | Question::Entries(_)
                | Question::Lists(_)
                | Question::ListEntries(_)
                | Question::Match(_)
                | Question::Variable(_)
                | Question::Streams(_)
                | Question::Malformed(_),
            )
            | None => self.ask_nodes(caller, query, &answers).await,
        }
    }

    /// Asks the nodes that are meant: one is passed through, counters of several are merged, the rest is told one
    /// node after the other.
    async fn ask_nodes(
        &self,
        caller: &Caller,
        mut query: v1::Query,
        answers: &Answers,
    ) -> Result<(), Problems> {
        let nodes = self.meant(caller).map_err(|problem| vec![problem])?;
        if nodes.is_empty() {
            let detail = "only a node can tell, and there is none";
            return Err(vec![Problem::general(Code::Unavailable, detail)]);
        }
        let is_merged = match &mut query.question {
            Some(v1::query::Question::Statistics(query)) if nodes.len() > 1 => {
                query.packed = false;
                true
            }
            _ => false,
        };
        let mut counters = Vec::new();
        let mut revision = 0;
        for node in &nodes {
            let asked = self.ask_node(node, caller, query.clone(), is_merged, answers);
            match asked.await {
                Ok((at, own)) => {
                    revision = revision.max(at);
                    counters.push(own);
                }
                // Of several nodes, one that cannot be reached does not hide the others.
                Err(problems) if nodes.len() > 1 && problems.iter().all(|p| p.code == Code::Unavailable) => {
                    tracing::debug!(node = %node.name, "a node did not answer and is left out");
                }
                Err(problems) => return Err(problems),
            }
        }
        if counters.is_empty() {
            return Err(vec![Problem::general(Code::Unavailable, "no node can be reached")]);
        }
        if is_merged {
            for statistics in chunk::parts(merge::statistics(counters).into_iter()) {
                send(answers, v1::Answer { revision, statistics, ..Default::default() }).await?;
            }
        }
        Ok(())
    }

    /// Passes one node's answer through, or keeps its counters and the revision that they were taken at.
    async fn ask_node(
        &self,
        node: &Node,
        caller: &Caller,
        query: v1::Query,
        keep: bool,
        answers: &Answers,
    ) -> Result<(u64, Vec<v1::StatisticsRow>), Problems> {
        let mut asking = forward::ask(node, caller, query).await?;
        let (mut revision, mut kept) = (0, Vec::new());
        while let Some(answer) = asking.next().await? {
            if !keep {
                send(answers, answer).await?;
                continue;
            }
            revision = answer.revision;
            kept.extend(answer.statistics);
            if kept.len() > MOST_MERGED {
                let detail =
                    format!("more than {MOST_MERGED} counters: name one node (metadata regate-node)");
                return Err(vec![Problem::general(Code::Impossible, detail)]);
            }
        }
        Ok((revision, kept))
    }

    async fn ask_rows(&self, query: v1::RowsQuery, answers: &Answers) -> Result<(), Problems> {
        let kinds = query.kinds.iter().map(|kind| model_kind(*kind)).collect::<Result<Vec<_>, _>>();
        let kinds = kinds.map_err(|problem| vec![problem])?;
        let subjects = model_subjects(query.subjects)?;
        let (revision, rows) = self.desired.read(|state| {
            let all: Vec<Arc<Row>> = if query.declared {
                state.spec().cloned().collect()
            } else {
                state.effective().cloned().collect()
            };
            (state.revision().0, all)
        });
        missing(&subjects, |subject| rows.iter().any(|row| row.subject() == *subject))?;
        let places = Places::of(&rows);
        let mut wanted: Vec<Arc<Row>> = rows
            .into_iter()
            .filter(|row| kinds.is_empty() || kinds.contains(&row.subject().kind()))
            .filter(|row| subjects.is_empty() || belongs(&row.subject(), &subjects))
            .collect();
        wanted.sort_by_cached_key(|row| places.place(row));
        for rows in chunk::parts(wanted.into_iter().map(wire_row)) {
            send(answers, v1::Answer { revision, rows, ..Default::default() }).await?;
        }
        Ok(())
    }

    async fn ask_overlays(&self, query: v1::OverlaysQuery, answers: &Answers) -> Result<(), Problems> {
        let subjects = model_subjects(query.subjects)?;
        let (revision, overlays) = self.desired.read(|state| {
            let all: Vec<Arc<Overlay>> = state.overlays().cloned().collect();
            (state.revision().0, all)
        });
        let mut wanted = overlays;
        wanted.retain(|overlay| subjects.is_empty() || belongs(&overlay.subject, &subjects));
        for overlays in chunk::parts(wanted.into_iter().map(wire_overlay)) {
            send(answers, v1::Answer { revision, overlays, ..Default::default() }).await?;
        }
        Ok(())
    }

    async fn ask_servers(&self, query: &v1::ServersQuery, answers: &Answers) -> Result<(), Problems> {
        let name = |text: &Option<String>| text.as_deref().map(model_name).transpose();
        let backend = name(&query.backend).map_err(|problem| vec![problem])?;
        let server = name(&query.server).map_err(|problem| vec![problem])?;
        if backend.is_none() && server.is_some() {
            return Err(vec![Problem::general(Code::Malformed, "backend: needed with server")]);
        }
        let (revision, views) = self.desired.read(|state| {
            servers(state, backend.as_ref(), server.as_ref()).map(|views| (state.revision().0, views))
        })?;
        for servers in chunk::parts(views.into_iter()) {
            send(answers, v1::Answer { revision, servers, ..Default::default() }).await?;
        }
        Ok(())
    }

    /// Frontends with their binds, as they are configured.
    pub(super) fn frontends(&self, names: &[String]) -> Result<(u64, Vec<v1::FrontendView>), Problems> {
        let names = names.iter().map(|name| model_name(name)).collect::<Result<Vec<_>, _>>();
        let names = names.map_err(|problem| vec![problem])?;
        self.desired.read(|state| {
            let subjects: Vec<Subject> = names.iter().cloned().map(Subject::Frontend).collect();
            missing(&subjects, |subject| state.row(subject).is_some())?;
            let rows =
                state.frontends().into_iter().filter(|row| names.is_empty() || names.contains(&row.name));
            let views = rows.map(|row| v1::FrontendView {
                frontend: Some(row.into()),
                binds: state.binds(&row.name).into_iter().map(Into::into).collect(),
                status: None,
            });
            Ok((state.revision().0, views.collect()))
        })
    }

    /// Backends, as they are configured.
    pub(super) fn backends(&self, names: &[String]) -> Result<(u64, Vec<v1::BackendView>), Problems> {
        let names = names.iter().map(|name| model_name(name)).collect::<Result<Vec<_>, _>>();
        let names = names.map_err(|problem| vec![problem])?;
        self.desired.read(|state| {
            let subjects: Vec<Subject> = names.iter().cloned().map(Subject::Backend).collect();
            missing(&subjects, |subject| state.row(subject).is_some())?;
            let rows =
                state.backends().into_iter().filter(|row| names.is_empty() || names.contains(&row.name));
            let views = rows.map(|row| v1::BackendView {
                backend: Some(row.into()),
                servers_total: u32::try_from(state.servers(&row.name).len()).unwrap_or(u32::MAX),
                servers_up: None,
            });
            Ok((state.revision().0, views.collect()))
        })
    }
}

pub(super) async fn send(answers: &Answers, answer: v1::Answer) -> Result<(), Problems> {
    let gone = |_| vec![Problem::general(Code::Unavailable, "the one who asked is gone")];
    answers.send(answer).await.map_err(gone)
}

fn wire_row(row: Arc<Row>) -> v1::Row {
    row.as_ref().into()
}

fn wire_overlay(overlay: Arc<Overlay>) -> v1::Overlay {
    overlay.as_ref().into()
}

/// Rows of proxies, binds and servers are everybody's; the rest may hold more.
fn rows_asked(rows: &v1::RowsQuery) -> Asked {
    use v1::Kind::{Backend, Bind, Frontend, Server};
    let is_open = |kind: &i32| [Frontend, Bind, Backend, Server].iter().any(|open| *open as i32 == *kind);
    if !rows.kinds.is_empty() && rows.kinds.iter().all(is_open) { Asked::Proxies } else { Asked::Rows }
}

/// Reports that tell of descriptors, files and what was told to the administrator take more.
fn report_asked(report: &v1::ReportQuery) -> Asked {
    use v1::ReportKind::{Node, Tasks, Threads};
    match report.kind() {
        Tasks | Threads | Node => Asked::Info,
        _ => Asked::Insides,
    }
}

fn summary(state: &State, node: &str) -> v1::Summary {
    let mut counts = [0_u64; Kind::ALL.len()];
    for row in state.effective() {
        if let Some(count) = counts.get_mut(row.subject().kind() as usize) {
            *count += 1;
        }
    }
    let [
        _,
        defaults_count,
        frontends_count,
        binds_count,
        backends_count,
        servers_count,
        resolvers_count,
        lists_count,
        _,
        userlists_count,
        rings_count,
        http_errors_count,
    ] = counts;
    v1::Summary {
        revision: state.revision().0,
        digest: Some(state.digest().into()),
        node: node.to_owned(),
        managed_by: None,
        defaults_count,
        frontends_count,
        binds_count,
        backends_count,
        servers_count,
        resolvers_count,
        lists_count,
        entries_count: state.entry_counts().map(|(_, count)| count as u64).sum(),
        userlists_count,
        rings_count,
        http_errors_count,
        overlays_count: state.overlays().count() as u64,
    }
}

fn servers(
    state: &State,
    backend: Option<&Name>,
    only: Option<&Name>,
) -> Result<Vec<v1::ServerView>, Problems> {
    let backends = match backend {
        Some(name) => {
            missing(&[Subject::Backend(name.clone())], |subject| state.row(subject).is_some())?;
            state.backend(name).into_iter().collect()
        }
        None => state.backends(),
    };
    if let (Some(backend), Some(server)) = (backend, only) {
        let at = regate_proto::model::ServerRef { backend: backend.clone(), server: server.clone() };
        missing(&[Subject::Server(at)], |subject| state.row(subject).is_some())?;
    }
    let mut views = Vec::new();
    for row in backends {
        let found = state
            .servers(&row.name)
            .into_iter()
            .filter(|server| only.is_none_or(|only| server.at.server == *only));
        views.extend(found.map(|server| server_view(state, server, row.id)));
    }
    Ok(views)
}

fn server_view(state: &State, server: &Server, backend_id: u32) -> v1::ServerView {
    let weight =
        |server: &Server| u32::from(state.server_settings(server).weight.unwrap_or(Weight::DEFAULT).get());
    let initial = match state.initial(&Subject::Server(server.at.clone())) {
        Some(Row::Server(initial)) => weight(initial),
        _ => weight(server),
    };
    v1::ServerView {
        server: Some(server.into()),
        initial_weight: initial,
        weight: weight(server),
        status: None,
        resolved: None,
        maxconn: state.server_settings(server).maxconn.unwrap_or(0),
        backend_id,
        resolvers: state.server_settings(server).naming.resolvers.map(|name| name.to_string()),
        checks: Some((&state.server_settings(server).checks).into()),
    }
}

/// The places of rows in listings.
struct Places(BTreeMap<Subject, (u32, u32)>);

impl Places {
    fn of(rows: &[Arc<Row>]) -> Places {
        Places(rows.iter().map(|row| (row.subject(), own_place(row))).collect())
    }

    fn place(&self, row: &Row) -> (Kind, (u32, u32), (u32, u32)) {
        let subject = row.subject();
        let parent = match &subject {
            Subject::Bind(at) => self.0.get(&Subject::Frontend(at.frontend.clone())),
            Subject::Server(at) => self.0.get(&Subject::Backend(at.backend.clone())),
            _ => None,
        };
        (subject.kind(), parent.copied().unwrap_or_default(), own_place(row))
    }
}

fn own_place(row: &Row) -> (u32, u32) {
    match row {
        Row::Global(_) => (0, 0),
        Row::Defaults(row) => (row.order, 0),
        Row::Frontend(row) => (row.order, row.id),
        Row::Bind(row) => (row.order, row.id),
        Row::Backend(row) => (row.order, row.id),
        Row::Server(row) => (row.order, row.id),
        Row::Resolvers(row) => (row.order, 0),
        Row::List(_) | Row::Entries(_) => (0, 0),
        Row::Userlist(row) => (row.order, 0),
        Row::Ring(row) => (row.order, 0),
        Row::HttpErrors(row) => (row.order, 0),
    }
}

/// Whether a subject is one of these, or contained in one.
fn belongs(subject: &Subject, subjects: &[Subject]) -> bool {
    subjects.iter().any(|wanted| match (subject, wanted) {
        (Subject::Bind(at), Subject::Frontend(name)) => at.frontend == *name,
        (Subject::Server(at), Subject::Backend(name)) => at.backend == *name,
        _ => subject == wanted,
    })
}

fn missing(subjects: &[Subject], there: impl Fn(&Subject) -> bool) -> Result<(), Problems> {
    let absent = subjects.iter().filter(|subject| !there(subject));
    let problems: Problems =
        absent.map(|subject| Problem::about(Code::NotFound, subject, "there is none of that name")).collect();
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn model_subjects(subjects: Vec<v1::Subject>) -> Result<Vec<Subject>, Problems> {
    subjects.into_iter().map(Subject::try_from).collect::<Result<_, _>>().map_err(|problem| vec![problem])
}

fn model_name(text: &str) -> Result<Name, Problem> {
    Name::new(text).map_err(|error| Problem::general(Code::Malformed, format!("name {text:?}: {error}")))
}

fn model_kind(kind: i32) -> Result<Kind, Problem> {
    match v1::Kind::try_from(kind) {
        Ok(v1::Kind::Global) => Ok(Kind::Global),
        Ok(v1::Kind::Defaults) => Ok(Kind::Defaults),
        Ok(v1::Kind::Frontend) => Ok(Kind::Frontend),
        Ok(v1::Kind::Bind) => Ok(Kind::Bind),
        Ok(v1::Kind::Backend) => Ok(Kind::Backend),
        Ok(v1::Kind::Server) => Ok(Kind::Server),
        Ok(v1::Kind::Resolvers) => Ok(Kind::Resolvers),
        Ok(v1::Kind::List) => Ok(Kind::List),
        Ok(v1::Kind::Entries) => Ok(Kind::Entries),
        Ok(v1::Kind::Userlist) => Ok(Kind::Userlist),
        Ok(v1::Kind::Ring) => Ok(Kind::Ring),
        Ok(v1::Kind::HttpErrors) => Ok(Kind::HttpErrors),
        Ok(v1::Kind::Unspecified) | Err(_) => {
            Err(Problem::general(Code::Malformed, format!("kinds: {kind} is no kind of row")))
        }
    }
}

/// Counters of one node that are held for merging.
const MOST_MERGED: usize = 200_000;
