//! A controller over real gRPC, with nodes that are doubles: a state behind the fleet's service.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on fails")]

use std::path::Path;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::change::{Change, ChangeSet, Setting};
use regate_proto::model::Weight;
use regate_proto::problem::Code;
use regate_proto::wire::{self, v1};
use tokio::net::UnixListener;
use tokio::sync::mpsc;
use tokio_stream::wrappers::{ReceiverStream, UnixListenerStream};
use tokio_stream::{Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::transport::Channel;
use tonic::{Request, Response, Status, Streaming};

use super::{AdminEndpoint, TlsFiles};
use crate::boot::{Controller, Options};
use crate::fleet::dial::NodeEndpoint;
use crate::testing::{Folder, Follower, backend, put, server, set, weight};

type Replies<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A data plane that forwards nothing: a state that follows, and counters that are made up.
#[derive(Clone)]
struct Double {
    name: String,
    follower: Arc<Mutex<Follower>>,
    /// Ends its sessions.
    end: Arc<Mutex<CancellationToken>>,
}

impl Double {
    fn new(name: &str) -> Double {
        Double { name: name.to_owned(), follower: Arc::default(), end: Arc::default() }
    }

    /// Serves until the token is cancelled.
    fn serve(&self, path: &Path) -> CancellationToken {
        let _ = std::fs::remove_file(path);
        let listener = UnixListener::bind(path).unwrap();
        let stop = CancellationToken::new();
        let stopped = stop.clone();
        *self.end.lock() = stop.clone();
        let router = tonic::transport::Server::builder()
            .add_service(v1::fleet_server::FleetServer::new(self.clone()))
            .add_service(v1::admin_server::AdminServer::new(self.clone()));
        tokio::spawn(async move {
            tokio::select! {
                served = router.serve_with_incoming(UnixListenerStream::new(listener)) => served.unwrap(),
                () = stopped.cancelled() => {}
            }
        });
        stop
    }

    fn revision(&self) -> u64 {
        self.follower.lock().state.revision().0
    }
}

#[tonic::async_trait]
impl v1::fleet_server::Fleet for Double {
    type FollowStream = Replies<v1::FromNode>;

    async fn follow(
        &self,
        request: Request<Streaming<v1::FromController>>,
    ) -> Result<Response<Self::FollowStream>, Status> {
        let mut inbound = request.into_inner();
        let (sender, outbound) = mpsc::channel(4);
        let (double, end) = (self.clone(), self.end.lock().clone());
        let session = async move {
            let hello = double.follower.lock().hello(&double.name);
            sender.send(Ok(hello)).await.unwrap();
            while let Ok(Some(message)) = inbound.message().await {
                let said = double.follower.lock().hear(message);
                if let Some(said) = said
                    && sender.send(Ok(said)).await.is_err()
                {
                    return;
                }
            }
        };
        tokio::spawn(async move { end.run_until_cancelled(session).await });
        Ok(Response::new(Box::pin(ReceiverStream::new(outbound))))
    }
}

#[tonic::async_trait]
impl v1::admin_server::Admin for Double {
    type ApplyStream = Replies<v1::ApplyReply>;
    type WatchStream = Replies<v1::Event>;
    type ConverseStream = Replies<v1::ConverseReply>;

    async fn apply(
        &self,
        _: Request<Streaming<v1::ApplyRequest>>,
    ) -> Result<Response<Self::ApplyStream>, Status> {
        Err(Status::unimplemented("changes come from the controller"))
    }

    async fn stage(
        &self,
        _: Request<Streaming<v1::StageRequest>>,
    ) -> Result<Response<v1::StageReply>, Status> {
        Err(Status::unimplemented("changes come from the controller"))
    }

    async fn commit(&self, _: Request<v1::CommitRequest>) -> Result<Response<v1::CommitReply>, Status> {
        Err(Status::unimplemented("changes come from the controller"))
    }

    async fn act(&self, _: Request<v1::ActRequest>) -> Result<Response<v1::ActReply>, Status> {
        Ok(Response::new(v1::ActReply {}))
    }

    async fn watch(&self, _: Request<v1::WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        Ok(Response::new(Box::pin(tokio_stream::pending())))
    }

    async fn converse(
        &self,
        request: Request<Streaming<v1::ConverseRequest>>,
    ) -> Result<Response<Self::ConverseStream>, Status> {
        let level = request.metadata().get("regate-level").unwrap().to_str().unwrap().to_owned();
        let double = self.clone();
        let replies = request.into_inner().map(move |request| {
            let row = v1::StatisticsRow {
                proxy: "web".to_owned(),
                service: "BACKEND".to_owned(),
                sessions_total: Some(5),
                ..Default::default()
            };
            let info = v1::Info {
                node: double.name.clone(),
                description: Some(level.clone()),
                ..Default::default()
            };
            let answer = v1::Answer {
                revision: double.revision(),
                info: Some(info),
                statistics: vec![row],
                ..Default::default()
            };
            let reply = Some(v1::converse_reply::Reply::Answer(answer));
            Ok(v1::ConverseReply { tag: request?.tag, last: true, reply })
        });
        Ok(Response::new(Box::pin(replies)))
    }
}

fn options(folder: &Folder, nodes: &[&str]) -> Options {
    let socket = folder.path().join("controller.sock");
    let endpoint = |name: &&str| {
        let socket = folder.path().join(format!("{name}.sock"));
        ((*name).to_owned(), NodeEndpoint::Unix(socket))
    };
    Options {
        name: "controller".to_owned(),
        store_dir: folder.path().join("store"),
        restore: false,
        admin: vec![
            AdminEndpoint::parse(&format!("unix://{}?mode=0600", socket.display()), None, false).unwrap(),
        ],
        nodes: nodes.iter().map(endpoint).collect(),
        advertise: None,
        allow_local: false,
    }
}

async fn channel(controller: &Controller) -> Channel {
    let endpoint = controller.admin().first().unwrap().to_string();
    NodeEndpoint::parse(&endpoint, None, true).unwrap().connect().await.unwrap()
}

/// Stops on a thread that may wait.
async fn stop(controller: Controller) {
    controller.stop();
    tokio::task::spawn_blocking(move || controller.wait()).await.unwrap().unwrap();
}

async fn apply(channel: &Channel, sets: Vec<ChangeSet>) -> Vec<v1::apply_reply::Result> {
    let mut client = v1::admin_client::AdminClient::new(channel.clone());
    let requests: Vec<_> = sets
        .iter()
        .map(|set| v1::ApplyRequest {
            change_set: Some(v1::ChangeSet { origin: None, ..v1::ChangeSet::from(set) }),
        })
        .collect();
    let replies = client.apply(tokio_stream::iter(requests)).await.unwrap().into_inner();
    replies.map(|reply| reply.unwrap().result.unwrap()).collect().await
}

fn applied(reply: &v1::apply_reply::Result) -> &v1::Applied {
    match reply {
        v1::apply_reply::Result::Applied(applied) => applied,
        v1::apply_reply::Result::Refused(refused) => panic!("{refused:?}"),
    }
}

async fn nodes(channel: &Channel) -> Vec<v1::Node> {
    let mut client = v1::controller_client::ControllerClient::new(channel.clone());
    let nodes = client.nodes(v1::NodesRequest {}).await.unwrap().into_inner();
    nodes.map(Result::unwrap).collect().await
}

/// Waits for a condition; the deadline is one that a healthy machine never reaches.
async fn until<T>(what: &str, mut condition: impl AsyncFnMut() -> Option<T>) -> T {
    let end = tokio::time::Instant::now() + Duration::from_secs(20);
    while tokio::time::Instant::now() < end {
        if let Some(found) = condition().await {
            return found;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    panic!("waited in vain for {what}");
}

async fn current(channel: &Channel, count: usize) {
    until("nodes to be current", async || {
        let nodes = nodes(channel).await;
        let is_current = |node: &v1::Node| node.status() == v1::NodeStatus::Current;
        (nodes.iter().filter(|node| is_current(node)).count() == count).then_some(())
    })
    .await;
}

fn web() -> Vec<Change> {
    vec![put(backend("web", None)), put(server("web", "s1", 8001)), put(server("web", "s2", 8002))]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_change_is_kept_reaches_the_node_and_can_be_taken_back() {
    let folder = Folder::create();
    let double = Double::new("n1");
    double.serve(&folder.path().join("one.sock"));
    let controller = Controller::start(options(&folder, &["one"])).unwrap();
    let channel = channel(&controller).await;
    current(&channel, 1).await;

    let replies = apply(
        &channel,
        vec![set(web()), set(vec![weight("web", "s1", 7)]), set(vec![weight("no", "s1", 7)])],
    )
    .await;
    assert_eq!(applied(&replies[0]).revision, 1);
    let before = applied(&replies[1]).outcomes[0].before.clone().unwrap();
    assert_eq!(Setting::try_from(before).unwrap(), Setting::Weight(Weight::DEFAULT));
    let v1::apply_reply::Result::Refused(refused) = &replies[2] else { panic!("it names no backend") };
    assert_eq!(refused.problems[0].code(), v1::ProblemCode::NotFound);
    // The reply waited for the only node.
    assert_eq!(double.revision(), 2);

    let mut client = v1::controller_client::ControllerClient::new(channel.clone());
    let request = v1::HistoryRequest { with_changes: true, ..Default::default() };
    let history: Vec<_> =
        client.history(request).await.unwrap().into_inner().map(Result::unwrap).collect().await;
    assert_eq!(history.iter().map(|revision| revision.revision).collect::<Vec<_>>(), [2, 1]);
    let origin = history[0].origin.clone().unwrap();
    assert_eq!(
        origin.actor,
        format!("uid={} pid={}", rustix::process::getuid().as_raw(), std::process::id())
    );
    assert_eq!(history[1].changes.len(), 3);

    let request = v1::RollbackRequest { revision: 1, dry_run: false, origin: None };
    let back = client.rollback(request).await.unwrap().into_inner();
    assert!(matches!(back.result, Some(v1::commit_reply::Result::Applied(v1::Applied { revision: 3, .. }))));
    assert_eq!((back.change_count, double.revision()), (1, 3));
    assert_eq!(double.follower.lock().state.overlays().count(), 0);
    let missing = v1::RollbackRequest { revision: 99, dry_run: false, origin: None };
    let missing = wire::problems(&client.rollback(missing).await.unwrap_err());
    assert_eq!(missing[0].code, Code::NotFound);

    stop(controller).await;
    let again = Controller::start(options(&folder, &["one"])).unwrap();
    assert_eq!(again.desired().read(|state| state.revision().0), 3);
    stop(again).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_whole_configuration_is_laid_ready_looked_at_and_committed() {
    let folder = Folder::create();
    let controller = Controller::start(options(&folder, &[])).unwrap();
    let channel = channel(&controller).await;
    apply(&channel, vec![set(vec![put(backend("old", None))])]).await;
    let mut client = v1::admin_client::AdminClient::new(channel.clone());
    let header = v1::StageHeader { origin: None, base: Some(1), replace: true };
    let mut parts = vec![v1::StageRequest { part: Some(v1::stage_request::Part::Header(header)) }];
    for changes in wire::wire_changes(&web()).chunks(2) {
        let chunk = v1::StageChunk { changes: changes.to_vec() };
        parts.push(v1::StageRequest { part: Some(v1::stage_request::Part::Chunk(chunk)) });
    }
    let laid = client.stage(tokio_stream::iter(parts.clone())).await.unwrap().into_inner();
    assert_eq!(laid.change_count, 3);
    for (dry_run, after) in [(true, 1), (false, 2)] {
        let request = v1::CommitRequest { ticket: laid.ticket.clone(), dry_run };
        let reply = client.commit(request).await.unwrap().into_inner();
        assert!(matches!(
            reply.result,
            Some(v1::commit_reply::Result::Applied(v1::Applied { revision: 2, .. }))
        ));
        assert_eq!((reply.change_count, reply.changes.len()), (4, 4));
        assert_eq!(controller.desired().read(|state| state.revision().0), after);
    }
    let late = client.commit(v1::CommitRequest { ticket: laid.ticket, dry_run: false }).await.unwrap_err();
    assert_eq!(late.code(), tonic::Code::NotFound);
    let headless = client.stage(tokio_stream::iter(parts.split_off(1))).await.unwrap_err();
    assert_eq!(headless.code(), tonic::Code::InvalidArgument);
    stop(controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_answers_in_order_and_questions_see_what_came_before() {
    let folder = Folder::create();
    let double = Double::new("n1");
    double.serve(&folder.path().join("one.sock"));
    let controller = Controller::start(options(&folder, &["one"])).unwrap();
    let channel = channel(&controller).await;
    current(&channel, 1).await;
    use v1::converse_request::Request as Asked;
    let change =
        |changes| Asked::Apply(v1::ApplyRequest { change_set: Some(v1::ChangeSet::from(&set(changes))) });
    let info = || Asked::Ask(v1::Query { question: Some(v1::query::Question::Info(v1::InfoQuery {})) });
    let rows = v1::RowsQuery { kinds: vec![v1::Kind::Server.into()], ..Default::default() };
    let rows = Asked::Ask(v1::Query { question: Some(v1::query::Question::Rows(rows)) });
    let act = Asked::Act(v1::ActRequest {
        action: Some(v1::act_request::Action::ClearCounters(v1::ClearCounters { all: true, server: None })),
    });
    let asked =
        vec![change(web()), info(), change(vec![weight("web", "s1", 9)]), rows, act, change(Vec::new())];
    let requests: Vec<_> =
        (10..).zip(asked).map(|(tag, request)| v1::ConverseRequest { tag, request: Some(request) }).collect();
    let mut client = v1::admin_client::AdminClient::new(channel.clone());
    let replies = client.converse(tokio_stream::iter(requests)).await.unwrap().into_inner();
    let replies: Vec<_> = replies.map(Result::unwrap).collect().await;
    assert_eq!(replies.iter().map(|reply| reply.tag).collect::<Vec<_>>(), [10, 11, 12, 13, 14, 15]);
    assert!(replies.iter().all(|reply| reply.last));
    let answer = |at: usize| match &replies[at].reply {
        Some(v1::converse_reply::Reply::Answer(answer)) => answer.clone(),
        other => panic!("{other:?}"),
    };
    // The node had revision 1 when it was asked, and was told at which level the caller stands.
    assert_eq!((answer(1).revision, answer(1).info.unwrap().description), (1, Some("admin".to_owned())));
    assert_eq!((answer(3).revision, answer(3).rows.len()), (2, 2));
    assert!(matches!(replies[4].reply, Some(v1::converse_reply::Reply::Acted(_))));
    stop(controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn several_nodes_follow_refuse_come_back_and_are_merged() {
    let folder = Folder::create();
    let doubles = [Double::new("n1"), Double::new("n2")];
    let sockets = [folder.path().join("one.sock"), folder.path().join("two.sock")];
    let first = doubles[0].serve(&sockets[0]);
    doubles[1].serve(&sockets[1]);
    let controller = Controller::start(options(&folder, &["one", "two"])).unwrap();
    let channel = channel(&controller).await;
    current(&channel, 2).await;

    doubles[1].follower.lock().stubborn = 1;
    apply(&channel, vec![set(web())]).await;
    let refusing = until("the second node to refuse", async || {
        nodes(&channel).await.into_iter().find(|node| node.status() == v1::NodeStatus::Refused)
    })
    .await;
    assert_eq!(refusing.name, "two");
    assert_eq!(refusing.refused.unwrap().problems[0].code(), v1::ProblemCode::Impossible);
    // It is tried again by itself.
    current(&channel, 2).await;

    let mut statistics = v1::statistics_client::StatisticsClient::new(channel.clone());
    let found = statistics.list(v1::StatisticsQuery::default()).await.unwrap().into_inner();
    let found: Vec<_> = found.map(Result::unwrap).collect().await;
    assert_eq!(found[0].statistics[0].sessions_total, Some(10));
    let mut process = v1::process_client::ProcessClient::new(channel.clone());
    assert_eq!(process.info(v1::InfoQuery {}).await.unwrap_err().code(), tonic::Code::FailedPrecondition);
    let mut request = Request::new(v1::InfoQuery {});
    request.metadata_mut().insert("regate-node", "two".parse().unwrap());
    assert_eq!(process.info(request).await.unwrap().into_inner().node, "n2");

    // The first node goes away and comes back with nothing.
    first.cancel();
    *doubles[0].follower.lock() = Follower::default();
    until("the first node to be missed", async || {
        let nodes = nodes(&channel).await;
        nodes.iter().any(|node| node.status() == v1::NodeStatus::Unreachable).then_some(())
    })
    .await;
    apply(&channel, vec![set(vec![weight("web", "s1", 3)])]).await;
    doubles[0].serve(&sockets[0]);
    current(&channel, 2).await;
    let digest = controller.desired().read(|state| state.digest());
    assert!(doubles.iter().all(|double| double.follower.lock().state.digest() == digest));
    stop(controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn levels_are_lowered_and_hold() {
    let folder = Folder::create();
    let controller = Controller::start(options(&folder, &[])).unwrap();
    let channel = channel(&controller).await;
    let lowered = |level: &'static str| {
        move |mut request: Request<()>| {
            request.metadata_mut().insert("regate-level", level.parse().unwrap());
            Ok(request)
        }
    };
    let mut user = v1::admin_client::AdminClient::with_interceptor(channel.clone(), lowered("user"));
    let denied = user.apply(tokio_stream::empty()).await.unwrap_err();
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);
    assert_eq!(wire::problems(&denied)[0].code, Code::Denied);
    let apply = v1::ApplyRequest { change_set: Some(v1::ChangeSet::from(&set(web()))) };
    let request = v1::ConverseRequest { tag: 1, request: Some(v1::converse_request::Request::Apply(apply)) };
    let mut replies = user.converse(tokio_stream::once(request)).await.unwrap().into_inner();
    let reply = replies.message().await.unwrap().unwrap().reply;
    assert!(matches!(reply, Some(v1::converse_reply::Reply::Refused(_))));
    let mut operator =
        v1::controller_client::ControllerClient::with_interceptor(channel.clone(), lowered("operator"));
    assert!(operator.history(v1::HistoryRequest::default()).await.is_ok());
    let denied = operator.rollback(v1::RollbackRequest::default()).await.unwrap_err();
    assert_eq!(denied.code(), tonic::Code::PermissionDenied);
    assert_eq!(controller.desired().read(|state| state.revision().0), 0);
    stop(controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn watchers_are_told_the_past_the_present_and_the_nodes() {
    let folder = Folder::create();
    let controller = Controller::start(options(&folder, &["one"])).unwrap();
    let channel = channel(&controller).await;
    apply(&channel, vec![set(web()), set(vec![weight("web", "s1", 9)])]).await;
    let mut client = v1::admin_client::AdminClient::new(channel.clone());
    let mut events = client.watch(v1::WatchRequest { from: Some(1) }).await.unwrap().into_inner();
    let mut next = async || events.message().await.unwrap().unwrap().event.unwrap();
    let v1::event::Event::Applied(past) = next().await else { panic!("revision 2 is the past") };
    assert_eq!((past.revision, past.subject_count), (2, 1));
    apply(&channel, vec![set(vec![weight("web", "s1", 10)])]).await;
    let v1::event::Event::Applied(present) = next().await else { panic!("revision 3 is the present") };
    assert_eq!(present.revision, 3);
    let double = Double::new("n1");
    double.serve(&folder.path().join("one.sock"));
    loop {
        let v1::event::Event::Node(node) = next().await else { panic!("only the node moves now") };
        assert_eq!(node.name, "one");
        if node.status() == v1::NodeStatus::Current {
            break;
        }
    }
    // A watcher does not hold up the end.
    stop(controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn tcp_is_for_those_who_prove_who_they_are() {
    let folder = Folder::create();
    let write = |name: &str, text: String| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        path
    };
    let authority = |name: &str| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        let certificate = params.self_signed(&key).unwrap();
        (certificate.pem(), rcgen::Issuer::new(params, key))
    };
    let leaf = |name: &str, issuer: &rcgen::Issuer<'_, rcgen::KeyPair>| {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut params = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        params.distinguished_name.push(rcgen::DnType::CommonName, name);
        (params.signed_by(&key, issuer).unwrap().pem(), key.serialize_pem())
    };
    let (ours_pem, ours) = authority("ours");
    let (_, theirs) = authority("theirs");
    let authorities = write("ca.pem", ours_pem);
    let files = |name: &str, issuer: &rcgen::Issuer<'_, rcgen::KeyPair>| {
        let (certificate, key) = leaf(name, issuer);
        TlsFiles {
            certificate: write(&format!("{name}.pem"), certificate),
            key: write(&format!("{name}.key"), key),
            authorities: authorities.clone(),
        }
    };
    let own = files("controller", &ours);
    let mut options = options(&folder, &[]);
    options.admin = vec![AdminEndpoint::parse("https://127.0.0.1:0", Some(&own), false).unwrap()];
    let controller = Controller::start(options).unwrap();
    let endpoint = controller.admin()[0].to_string();
    let connect = async |files: &TlsFiles| {
        let channel = NodeEndpoint::parse(&endpoint, Some(files), false).unwrap().connect().await?;
        let mut client = v1::process_client::ProcessClient::new(channel.clone());
        let summary = client.summarize(v1::SummaryQuery {}).await.map_err(|status| status.to_string())?;
        Ok::<_, String>((channel, summary.into_inner()))
    };
    let (channel, _) = connect(&files("friend", &ours)).await.unwrap();
    apply(&channel, vec![set(web())]).await;
    let entries = controller.desired().store().entries(regate_proto::change::Revision(1), 1).unwrap();
    assert!(entries[0].set.origin.actor.contains("friend"), "{:?}", entries[0].set.origin);
    assert!(connect(&files("stranger", &theirs)).await.is_err(), "a stranger got in");

    // Renewed certificates are used without a restart: from another authority, for which clients look.
    let (new_pem, new) = authority("new");
    let (certificate, key) = leaf("controller", &new);
    std::fs::write(&own.key, key).unwrap();
    std::fs::write(&own.certificate, certificate).unwrap();
    let mut renewed = files("renewed", &ours);
    renewed.authorities = write("new-ca.pem", new_pem);
    until("the new certificate to be served", async || connect(&renewed).await.ok()).await;
    stop(controller).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn reflection_and_health_answer() {
    use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
    use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
    let folder = Folder::create();
    let controller = Controller::start(options(&folder, &[])).unwrap();
    let channel = channel(&controller).await;
    let mut reflection =
        tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient::new(channel.clone());
    let request = tonic_reflection::pb::v1::ServerReflectionRequest {
        host: String::new(),
        message_request: Some(MessageRequest::ListServices(String::new())),
    };
    let mut replies =
        reflection.server_reflection_info(tokio_stream::once(request)).await.unwrap().into_inner();
    let reply = replies.message().await.unwrap().unwrap().message_response;
    let Some(MessageResponse::ListServicesResponse(services)) = reply else { panic!("{reply:?}") };
    let names: Vec<_> = services.service.iter().map(|service| service.name.as_str()).collect();
    for name in ["regate.v1.Admin", "regate.v1.Controller", "regate.v1.Servers"] {
        assert!(names.contains(&name), "{name} is not in {names:?}");
    }
    let mut health = tonic_health::pb::health_client::HealthClient::new(channel);
    let request = tonic_health::pb::HealthCheckRequest { service: String::new() };
    assert_eq!(health.check(request).await.unwrap().into_inner().status, 1);
    stop(controller).await;
}
