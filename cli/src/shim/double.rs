//! A stand-in for a data plane, for tests: Admin over the real `State`, with no traffic behind it.
//!
//! It answers what the text socket asks, in parts of one row each so that joining parts is exercised, and keeps
//! the order of the contract. Counters are zero.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test double")]

mod streams;

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use regate_proto::change::{ChangeSet, Layer};
use regate_proto::model::{
    Admin as Asked, Backend, BackendSettings, Bind, BindAddress, BindHost, BindRef, Columns, DataType,
    Defaults, Entries, EntriesRef, Frontend, Global, Kind, Level, List, ListName, ListUser, Millis, Mode,
    Name, PortRange, Row, Server, ServerAddress, ServerHost, ServerPort, ServerRef, ServerSettings,
    SocketFile, Stored, Subject, Table, TableKey, Weight,
};
use regate_proto::patterns::{Entry, EntryId, Run};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::v1;
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tonic::{Request, Response, Status, Streaming};
use v1::admin_server::{Admin, AdminServer};
use v1::converse_reply::Reply as Body;
use v1::converse_request::Request as Asking;
use v1::query::Question;
use v1::{Condition, StatisticsKind};

mod insides;

/// A running double.
pub struct Double {
    /// The unix socket where it serves Admin.
    pub path: PathBuf,
    /// Levels and origins of the streams that were opened.
    pub streams: Arc<Mutex<Vec<(String, String)>>>,
}

struct Service {
    state: Arc<Mutex<State>>,
    streams: Arc<Mutex<Vec<(String, String)>>>,
}

type Replies = ReceiverStream<Result<v1::ConverseReply, Status>>;

impl Double {
    /// Starts one in a folder, with [`configuration`].
    pub fn start(folder: &Folder) -> Double {
        let path = folder.path().join("double");
        let listener = UnixListener::bind(&path).unwrap();
        let streams = Arc::default();
        let service = Service { state: Arc::new(Mutex::new(configuration())), streams: Arc::clone(&streams) };
        let server = tonic::transport::Server::builder().add_service(AdminServer::new(service));
        tokio::spawn(server.serve_with_incoming(UnixListenerStream::new(listener)));
        Double { path, streams }
    }
}

/// A frontend `fe`, a backend `be` with `s1` and, in maintenance, `s2`, and a section `listen li`.
pub fn configuration() -> State {
    let rows = vec![
        Row::Global(Global::default()),
        Row::Defaults(Defaults {
            name: name("base"),
            order: 0,
            from: None,
            disabled: false,
            frontend: Box::default(),
            backend: Box::new(BackendSettings { mode: Some(Mode::Http), ..BackendSettings::default() }),
        }),
        Row::Frontend(frontend("fe", 1, false)),
        Row::Bind(bind("fe", "sock-1")),
        Row::Backend(backend("be", 2, false)),
        Row::Server(server("be", "s1", Some(10), false)),
        Row::Server(server("be", "s2", None, true)),
        Row::Frontend(frontend("li", 3, true)),
        Row::Backend(backend("li", 3, true)),
        Row::Server(server("li", "a", None, false)),
    ];
    let mut rows = rows;
    rows.extend(lists());
    for row in &mut rows {
        match row {
            Row::Frontend(row) if row.name.as_str() == "fe" => {
                row.settings.table = Some(table(
                    TableKey::Ip,
                    100,
                    10_000,
                    &[(DataType::Gpt0, 1, 0), (DataType::Gpc0, 1, 0), (DataType::HttpReqRate, 1, 10_000)],
                ));
            }
            Row::Backend(row) if row.name.as_str() == "be" => {
                row.settings.table = Some(table(
                    TableKey::String(32),
                    10,
                    0,
                    &[(DataType::ServerId, 1, 0), (DataType::ServerKey, 1, 0), (DataType::Gpc, 2, 0)],
                ));
            }
            _ => {}
        }
    }
    let mut state = State::default();
    let changes = rows.into_iter().map(|row| regate_proto::change::Change::Put(Layer::Spec, row)).collect();
    state.apply(&ChangeSet { base: None, origin: Default::default(), changes }).unwrap();
    state
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn frontend(text: &str, order: u32, listen: bool) -> Frontend {
    Frontend {
        name: name(text),
        id: 0,
        order,
        guid: None,
        from: None,
        listen,
        disabled: false,
        description: None,
        settings: Box::default(),
    }
}

fn bind(frontend: &str, text: &str) -> Bind {
    Bind {
        at: BindRef { frontend: name(frontend), bind: name(text) },
        id: 0,
        order: 0,
        guid: None,
        address: BindAddress::Inet { host: BindHost::AnyV4, ports: PortRange::new(1, 1).unwrap() },
        maxconn: None,
        backlog: None,
        accept_proxy: false,
        v4v6: false,
        v6only: false,
        defer_accept: false,
        interface: None,
        socket: regate_proto::model::Listening::default(),
        file: SocketFile::default(),
    }
}

fn backend(text: &str, order: u32, listen: bool) -> Backend {
    Backend {
        name: name(text),
        id: 0,
        order,
        guid: None,
        from: None,
        listen,
        disabled: false,
        description: None,
        settings: Box::default(),
    }
}

fn server(backend: &str, text: &str, weight: Option<u64>, disabled: bool) -> Server {
    let settings = ServerSettings {
        weight: weight.map(|weight| Weight::new(weight).unwrap()),
        disabled: disabled.then_some(true),
        ..Default::default()
    };
    Server {
        at: ServerRef { backend: name(backend), server: name(text) },
        id: 0,
        order: 0,
        guid: None,
        address: ServerAddress::Inet {
            host: ServerHost::Ip([127, 0, 0, 1].into()),
            port: ServerPort::Fixed(1),
        },
        admin: None,
        paused: Default::default(),
        settings,
    }
}

#[tonic::async_trait]
impl Admin for Service {
    async fn apply(
        &self,
        _: Request<Streaming<v1::ApplyRequest>>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        Err(Status::unimplemented("apply"))
    }

    async fn stage(
        &self,
        _: Request<Streaming<v1::StageRequest>>,
    ) -> Result<Response<v1::StageReply>, Status> {
        Err(Status::unimplemented("stage"))
    }

    async fn commit(&self, _: Request<v1::CommitRequest>) -> Result<Response<v1::CommitReply>, Status> {
        Err(Status::unimplemented("commit"))
    }

    async fn act(&self, _: Request<v1::ActRequest>) -> Result<Response<v1::ActReply>, Status> {
        Err(Status::unimplemented("act"))
    }

    async fn watch(&self, _: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Err(Status::unimplemented("watch"))
    }

    async fn converse(
        &self,
        request: Request<Streaming<v1::ConverseRequest>>,
    ) -> Result<Response<Self::ConverseStream>, Status> {
        let metadata = |key: &str| {
            request.metadata().get(key).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let level = metadata("regate-level");
        self.streams.lock().unwrap().push((level.clone(), metadata("regate-origin")));
        let state = Arc::clone(&self.state);
        let mut requests = request.into_inner();
        let (sender, receiver) = mpsc::channel(4);
        tokio::spawn(async move {
            while let Ok(Some(request)) = requests.message().await {
                let bodies = answer(&mut state.lock().unwrap(), &level, request.request);
                let count = bodies.len();
                for (at, body) in bodies.into_iter().enumerate() {
                    let reply =
                        v1::ConverseReply { tag: request.tag, last: at + 1 == count, reply: Some(body) };
                    if sender.send(Ok(reply)).await.is_err() {
                        return;
                    }
                }
            }
        });
        Ok(Response::new(ReceiverStream::new(receiver)))
    }

    type ApplyStream = ReceiverStream<Result<v1::ApplyReply, Status>>;
    type WatchStream = ReceiverStream<Result<v1::Event, Status>>;
    type ConverseStream = Replies;
}

fn answer(state: &mut State, level: &str, asked: Option<Asking>) -> Vec<Body> {
    match asked {
        Some(Asking::Apply(request)) => vec![apply(state, level, request)],
        Some(Asking::Act(v1::ActRequest {
            action: Some(v1::act_request::Action::ClearCounters(v1::ClearCounters { server: Some(at), .. })),
        })) => {
            let query = v1::ServersQuery { backend: Some(at.backend), server: Some(at.server) };
            match views(state, &query) {
                Ok(_) => vec![Body::Acted(v1::ActReply {})],
                Err(problem) => vec![refused(&[problem])],
            }
        }
        Some(Asking::Act(act)) => vec![match streams::act(state, act.action) {
            Ok(()) => Body::Acted(v1::ActReply {}),
            Err(problem) => refused(&[problem]),
        }],
        Some(Asking::Ask(query)) => match query.question.map(|question| tell(state, question)) {
            Some(Ok(answers)) => answers.into_iter().map(Body::Answer).collect(),
            Some(Err(problem)) => vec![refused(&[problem])],
            None => vec![refused(&[Problem::general(Code::Malformed, "a question is expected")])],
        },
        None => vec![refused(&[Problem::general(Code::Malformed, "a request is expected")])],
    }
}

fn apply(state: &mut State, level: &str, request: v1::ApplyRequest) -> Body {
    if level != Level::Admin.word() {
        return refused(&[Problem::general(Code::Denied, "level admin is needed")]);
    }
    let set = request.change_set.unwrap_or_default();
    match ChangeSet::try_from(set).map_err(|problem| vec![problem]).and_then(|set| state.apply(&set)) {
        Ok(applied) => Body::Applied(v1::Applied::from(&applied)),
        Err(problems) => refused(&problems),
    }
}

fn refused(problems: &[Problem]) -> Body {
    Body::Refused(v1::Refused::from(problems))
}

/// An answer in parts: one row each, and an empty one at the end.
fn tell(state: &State, question: Question) -> Result<Vec<v1::Answer>, Problem> {
    let part = |fill: &dyn Fn(&mut v1::Answer)| {
        let mut answer = v1::Answer { revision: state.revision().0, ..Default::default() };
        fill(&mut answer);
        answer
    };
    let mut parts: Vec<v1::Answer> = match question {
        Question::Info(_) => vec![part(&|answer| answer.info = Some(info()))],
        Question::Rows(query) => rows(state, &query)?
            .into_iter()
            .map(|row| part(&|answer| answer.rows = vec![row.clone()]))
            .collect(),
        Question::Statistics(query) => statistics(state, &query)?
            .into_iter()
            .map(|row| part(&|answer| answer.statistics = vec![row.clone()]))
            .collect(),
        Question::ServersState(query) => states(state, query.backend.as_deref())?
            .into_iter()
            .map(|row| part(&|answer| answer.server_states = vec![row.clone()]))
            .collect(),
        Question::Servers(query) => views(state, &query)?
            .into_iter()
            .map(|view| part(&|answer| answer.servers = vec![view.clone()]))
            .collect(),
        Question::Nameservers(query) => nameservers(&query)?
            .into_iter()
            .map(|row| part(&|answer| answer.nameservers = vec![row.clone()]))
            .collect(),
        Question::Tables(query) => table_views(state, &query)?
            .into_iter()
            .map(|view| part(&|answer| answer.tables = vec![view.clone()]))
            .collect(),
        Question::Entries(query) => entries(state, &query)?
            .into_iter()
            .map(|entries| part(&|answer| answer.entries = Some(entries.clone())))
            .collect(),
        Question::Lists(query) => list_views(state, &query)?
            .into_iter()
            .map(|view| part(&|answer| answer.lists = vec![view.clone()]))
            .collect(),
        Question::ListEntries(query) => {
            let name = ListName::new(&query.list).unwrap();
            let parts = state.parts(&name).map(|(_, run)| regate_proto::wire::packed(run));
            parts.map(|packed| part(&|answer| answer.list_packed = Some(packed.clone()))).collect()
        }
        Question::Match(query) => {
            let name = ListName::new(&query.list).unwrap();
            let entry = state.entries_with(&name, &query.value).next().map(regate_proto::wire::wire_entry);
            let way = list_views(state, &v1::ListsQuery { list: Some(query.list.clone()) })?.remove(0).uses;
            let found = v1::MatchView { way: way.first().cloned(), is_tree: true, entry };
            vec![part(&|answer| answer.matches = vec![found.clone()])]
        }
        Question::Report(_) | Question::Pools(_) | Question::ServersConnections(_) | Question::Events(_) => {
            return insides::tell(state, question);
        }
        Question::Variable(query) => {
            let value = b"blue".to_vec();
            let variable = v1::Variable { name: query.name.clone(), r#type: "str".to_owned(), value };
            if query.name != "proc.stage" {
                return Err(Problem::general(Code::NotFound, "it has no value"));
            }
            vec![part(&|answer| answer.variable = Some(variable.clone()))]
        }
        Question::Streams(query) => streams::streams(state, &query)?
            .into_iter()
            .map(|view| part(&|answer| answer.streams = vec![view.clone()]))
            .collect(),
        Question::Malformed(query) => vec![streams::malformed(state, &query)?],
        Question::Overlays(_) | Question::Summary(_) => {
            return Err(Problem::general(Code::Unsupported, "the double does not answer this"));
        }
    };
    parts.push(part(&|_| ()));
    Ok(parts)
}

fn info() -> v1::Info {
    v1::Info {
        name: "Regate".into(),
        hard_maxconn: 2000,
        version: "0.1.0".into(),
        release_date: "2026/11/22".into(),
        uptime_ms: 90_061_500,
        started_at_ms: 1_700_000_000_250,
        ..Default::default()
    }
}

fn not_found(subject: Subject) -> Problem {
    Problem::about(Code::NotFound, &subject, "there is none of that name")
}

fn rows(state: &State, query: &v1::RowsQuery) -> Result<Vec<v1::Row>, Problem> {
    let mut subjects = Vec::new();
    for subject in query.subjects.clone() {
        let subject = Subject::try_from(subject)?;
        state.row(&subject).ok_or_else(|| not_found(subject.clone()))?;
        subjects.push(subject);
    }
    let wanted = |kind: Kind, subject: &Subject| {
        let number = match kind {
            Kind::Global => v1::Kind::Global,
            Kind::Defaults => v1::Kind::Defaults,
            Kind::Frontend => v1::Kind::Frontend,
            Kind::Bind => v1::Kind::Bind,
            Kind::Backend => v1::Kind::Backend,
            Kind::Server => v1::Kind::Server,
            Kind::Resolvers => v1::Kind::Resolvers,
            Kind::List => v1::Kind::List,
            Kind::Entries => v1::Kind::Entries,
            Kind::Userlist => v1::Kind::Userlist,
            Kind::Ring => v1::Kind::Ring,
            Kind::HttpErrors => v1::Kind::HttpErrors,
        };
        (query.kinds.is_empty() || query.kinds.contains(&number.into()))
            && (subjects.is_empty() || subjects.contains(subject) || is_within(subject, &subjects))
    };
    Ok(state
        .effective()
        .filter(|row| wanted(row.subject().kind(), &row.subject()))
        .map(|row| row.as_ref().into())
        .collect())
}

/// Whether a server stands in one of these backends.
fn is_within(subject: &Subject, subjects: &[Subject]) -> bool {
    matches!(subject, Subject::Server(at) if subjects.contains(&Subject::Backend(at.backend.clone())))
}

/// Resolvers `dns` with two name servers.
/// What rules use the lists of the double for.
fn list_views(state: &State, query: &v1::ListsQuery) -> Result<Vec<v1::ListView>, Problem> {
    let view = |(id, list): (u32, Cow<'_, List>)| {
        let output = if list.columns == Columns::Values { "str" } else { "" };
        v1::ListView {
            list: Some(v1::List { id: Some(id), ..list.as_ref().into() }),
            uses: vec![v1::ListUse {
                method: "str".to_owned(),
                ignore_case: false,
                output: output.to_owned(),
            }],
            entry_count: state.entry_count(&list.name) as u64,
        }
    };
    match &query.list {
        None => Ok(state.lists().into_iter().map(view).collect()),
        Some(text) => match state.list_called(text) {
            Some(list) => Ok(vec![view(list)]),
            None => Err(Problem::general(Code::NotFound, "there is no such list")),
        },
    }
}

/// A map `hosts.map` and the list of an ACL, `names.lst`, with two entries each.
fn lists() -> Vec<Row> {
    let user = |is_acl, line| ListUser { is_acl, file: "a.cfg".to_owned(), line };
    let list = |name: &str, columns, id, users, entries: [(&str, Option<&str>); 2]| {
        let name = ListName::new(name).unwrap();
        let entries = entries.iter().enumerate().map(|(at, (key, value))| Entry {
            id: EntryId::at(at as u64),
            key: key.as_bytes(),
            value: value.map(str::as_bytes),
        });
        let run = Arc::new(entries.collect::<Run>());
        let at = EntriesRef { list: name.clone(), part: 0 };
        [Row::List(List { name, columns, id: Some(id), users }), Row::Entries(Entries { at, entries: run })]
    };
    let hosts = [("a.example", Some("one")), ("b.example", Some("two words"))];
    let hosts = list("hosts.map", Columns::Values, 0, vec![user(false, 5), user(false, 6)], hosts);
    let names = list("names.lst", Columns::Keys, 1, vec![user(true, 7)], [("bob", None), ("alice", None)]);
    hosts.into_iter().chain(names).collect()
}

fn table_views(state: &State, query: &v1::TablesQuery) -> Result<Vec<v1::TableView>, Problem> {
    let found: Vec<v1::TableView> = state
        .tables()
        .into_iter()
        .filter(|(name, _)| query.table.as_deref().is_none_or(|wanted| wanted == name.as_str()))
        .map(|(name, table)| v1::TableView { name: name.to_string(), table: Some(table.into()), used: 0 })
        .collect();
    match query.table {
        Some(_) if found.is_empty() => Err(Problem::general(Code::NotFound, "there is no such table")),
        _ => Ok(found),
    }
}

/// Two entries of `fe`, one of `be`.
fn entries(state: &State, query: &v1::EntriesQuery) -> Result<Vec<v1::TableEntries>, Problem> {
    let view = table_views(state, &v1::TablesQuery { table: Some(query.table.clone()) })?.remove(0);
    let entry = |id, key: &[u8], values: &[i64]| v1::TableEntry {
        id,
        key: key.to_vec(),
        expires_in_ms: 10_000,
        values: values.to_vec(),
        ..Default::default()
    };
    let all = match query.table.as_str() {
        "fe" => vec![
            v1::TableEntry { uses: 1, expires_in_ms: 9000, ..entry(1, &[10, 0, 0, 1], &[7, 0, 3]) },
            entry(2, &[10, 0, 0, 2], &[0, 0, 0]),
        ],
        _ => vec![v1::TableEntry {
            expires_in_ms: 0,
            texts: vec!["s1".to_owned()],
            ..entry(3, b"a b", &[-1, 1, 4, 5])
        }],
    };
    let used = all.len() as u32;
    let wanted = |entry: &v1::TableEntry| {
        query.key.as_ref().is_none_or(|key| *key == entry.key) && query.id.is_none_or(|id| id == entry.id)
    };
    let parts = all
        .into_iter()
        .filter(wanted)
        .map(|entry| v1::TableEntries { entries: vec![entry], ..Default::default() });
    let head = v1::TableEntries { table: Some(v1::TableView { used, ..view }), ..Default::default() };
    Ok(std::iter::once(head).chain(parts).collect())
}

fn nameservers(query: &v1::NameserversQuery) -> Result<Vec<v1::NameserverStatistics>, Problem> {
    if let Some(other) = query.resolvers.as_deref().filter(|name| *name != "dns") {
        return Err(not_found(Subject::Resolvers(name(other))));
    }
    let row = |nameserver: &str, sent_total| v1::NameserverStatistics {
        resolvers: "dns".to_owned(),
        nameserver: nameserver.to_owned(),
        sent_total,
        ..Default::default()
    };
    Ok(vec![row("ns1", 12), row("ns2", 3)])
}

fn statistics(state: &State, query: &v1::StatisticsQuery) -> Result<Vec<v1::StatisticsRow>, Problem> {
    let mut found = Vec::new();
    let row = |proxy: &Name, id, service: &str, service_id, kind: StatisticsKind, condition: Condition| {
        v1::StatisticsRow {
            proxy: proxy.to_string(),
            proxy_id: id,
            service: service.to_owned(),
            service_id,
            kind: kind.into(),
            status: Some(v1::Status { condition: condition.into(), ..Default::default() }),
            sessions_current: Some(0),
            ..Default::default()
        }
    };
    for frontend in state.frontends() {
        let condition = match frontend.disabled {
            true if state.is_shut_down(&frontend.name) => Condition::Stopped,
            true => Condition::Paused,
            false => Condition::Open,
        };
        let kind = StatisticsKind::Frontend;
        found.push((frontend.order, 0, row(&frontend.name, frontend.id, "FRONTEND", 0, kind, condition)));
    }
    for backend in state.backends() {
        let servers = state.servers(&backend.name);
        for server in &servers {
            let condition = condition(state, server);
            let name = server.at.server.as_str();
            let service = row(&backend.name, backend.id, name, server.id, StatisticsKind::Server, condition);
            found.push((backend.order, 1, service));
        }
        let up = servers.iter().filter(|server| condition(state, server) != Condition::Maintenance).count();
        let mut whole = row(&backend.name, backend.id, "BACKEND", 0, StatisticsKind::Backend, Condition::Up);
        whole.servers_up = u32::try_from(up).ok();
        whole.servers_total = u32::try_from(servers.len()).ok();
        found.push((backend.order, 2, whole));
    }
    found.sort_by_key(|(order, place, row)| (*order, *place, row.service_id));
    if let Some(proxy) = &query.proxy
        && !found.iter().any(|(_, _, row)| row.proxy == *proxy)
    {
        return Err(Problem::general(Code::NotFound, "there is no such proxy"));
    }
    let wanted = |row: &v1::StatisticsRow| {
        query.proxy.as_ref().is_none_or(|proxy| row.proxy == *proxy)
            && query.proxy_id.is_none_or(|id| row.proxy_id == id)
            && query.service_id.is_none_or(|id| row.service_id == id)
            && (query.kinds.is_empty() || query.kinds.contains(&row.kind))
    };
    Ok(found.into_iter().map(|(_, _, row)| row).filter(wanted).collect())
}

fn condition(state: &State, server: &Server) -> Condition {
    match state.admin(server) {
        Asked::Ready => Condition::Unchecked,
        Asked::Drain => Condition::Drain,
        Asked::Maint => Condition::Maintenance,
    }
}

/// The servers of a backend, or all.
fn servers<'a>(state: &'a State, backend: Option<&str>) -> Result<Vec<(u32, &'a Server)>, Problem> {
    let backends = match backend {
        None => state.backends(),
        Some(text) => {
            let name = Name::new(text).map_err(|bad| Problem::general(Code::Malformed, bad.to_string()))?;
            vec![state.backend(&name).ok_or_else(|| not_found(Subject::Backend(name)))?]
        }
    };
    let of =
        |backend: &'a Backend| state.servers(&backend.name).into_iter().map(|server| (backend.id, server));
    Ok(backends.into_iter().flat_map(of).collect())
}

fn views(state: &State, query: &v1::ServersQuery) -> Result<Vec<v1::ServerView>, Problem> {
    let mut found = servers(state, query.backend.as_deref())?;
    if let (Some(backend), Some(server)) = (&query.backend, &query.server) {
        found.retain(|(_, row)| row.at.server.as_str() == server);
        if found.is_empty() {
            return Err(not_found(Subject::Server(ServerRef {
                backend: name(backend),
                server: name(server),
            })));
        }
    }
    let view = |(backend_id, server): (u32, &Server)| v1::ServerView {
        server: Some(server.into()),
        initial_weight: initial(state, server),
        weight: weight(state, server),
        status: Some(v1::Status { condition: condition(state, server).into(), ..Default::default() }),
        resolved: None,
        maxconn: state.server_settings(server).maxconn.unwrap_or(0),
        backend_id,
        resolvers: state.server_settings(server).naming.resolvers.map(|name| name.to_string()),
        checks: None,
    };
    Ok(found.into_iter().map(view).collect())
}

fn states(state: &State, backend: Option<&str>) -> Result<Vec<v1::ServerStateRow>, Problem> {
    let row = |(backend_id, server): (u32, &Server)| {
        let stopped = state.admin(server) == Asked::Maint;
        let (address, port) = match &server.address {
            ServerAddress::Inet { host, port: ServerPort::Fixed(port) } => {
                (host.to_string(), i32::from(*port))
            }
            ServerAddress::Inet { host, port: ServerPort::Mapped(offset) } => (host.to_string(), *offset),
            ServerAddress::Unix(path) | ServerAddress::Abstract(path) => (path.clone(), 0),
        };
        let operational = if stopped { v1::OperationalState::Stopped } else { v1::OperationalState::Running };
        v1::ServerStateRow {
            backend_id,
            backend: server.at.backend.to_string(),
            server_id: server.id,
            server: server.at.server.to_string(),
            address: Some(address),
            operational_state: operational.into(),
            user_weight: weight(state, server),
            initial_weight: initial(state, server),
            port,
            tls: Some(false),
            maintenance_configured: state.server_settings(server).disabled == Some(true),
            check_status: 1,
            check_health: if stopped { 0 } else { 2 },
            check_state: stopped.then_some(v1::ProbeState { resting: true, ..Default::default() }),
            ..Default::default()
        }
    };
    Ok(servers(state, backend)?.into_iter().map(row).collect())
}

fn weight(state: &State, server: &Server) -> u32 {
    u32::from(state.server_settings(server).weight.unwrap_or(Weight::DEFAULT).get())
}

fn initial(state: &State, server: &Server) -> u32 {
    match state.initial(&Subject::Server(server.at.clone())) {
        Some(Row::Server(declared)) => weight(state, declared),
        _ => weight(state, server),
    }
}

/// A folder that is removed with its content on drop.
pub struct Folder(PathBuf);

impl Folder {
    /// A new one.
    pub fn create() -> Folder {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("rgs-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Folder(path)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A table that keeps these, each with its number of elements and its period.
fn table(key: TableKey, size: u32, expire: u64, store: &[(DataType, u8, u64)]) -> Table {
    let span = |millis| Millis::new(millis).ok().filter(|span| span.get() > 0);
    let store = store.iter().map(|(data, elements, period)| Stored {
        data: *data,
        elements: *elements,
        period: span(*period),
    });
    Table { expire: span(expire), store: store.collect(), ..Table::new(key, size) }.checked().unwrap()
}
