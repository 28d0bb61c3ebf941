#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where it fails")]

use std::time::Duration;

use regate_proto::change::{Change, Origin, Overlay, OverlayValue, Revision, Setting};
use regate_proto::model::{Level, SocketFile, Subject, Weight};
use regate_proto::problem::Code;
use regate_proto::state::{State, diff};
use regate_proto::wire;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Streaming};
use v1::admin_client::AdminClient;
use v1::fleet_client::FleetClient;

use super::*;
use crate::store::Beginning;
use crate::store::tests::{Folder, Running, at, backend, frontend, name, put, server, set, weigh};

/// A node without traffic, served on a unix socket.
struct Served {
    running: Running,
    admin: Option<Admin>,
    _stops: std::sync::mpsc::Receiver<Stop>,
    folder: Folder,
}

impl Served {
    fn start(level: Level) -> Served {
        let (folder, running) = (Folder::new(), Running::start(None, Beginning::default()).unwrap());
        let (stops, asked) = std::sync::mpsc::channel();
        let address = EndpointAddress::Unix { path: folder.0.join("a.sock"), file: SocketFile::default() };
        let description = Description {
            node: "n1".to_owned(),
            boot_time_ms: 1,
            descriptor_limit: 1000,
            default_maxconn: 400,
        };
        let endpoint = AdminEndpoint { address, level };
        let admin = Admin::start(&[endpoint], running.store.clone(), running.watched(), description, stops);
        Served { running, admin: Some(admin.unwrap()), _stops: asked, folder }
    }

    fn endpoint(&self) -> String {
        format!("unix://{}", self.folder.0.join("a.sock").display())
    }

    async fn channel(&self) -> Channel {
        Endpoint::from_shared(self.endpoint()).unwrap().connect().await.unwrap()
    }

    async fn client(&self) -> AdminClient<Channel> {
        AdminClient::new(self.channel().await)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(admin) = self.admin.take() {
            admin.stop();
        }
    }
}

impl Running {
    /// What is observed, where no traffic is.
    fn watched(&self) -> (Arc<Live>, Switchboard) {
        (self.live.clone(), Switchboard::new(0, |_, _| {}))
    }
}

fn run<T>(test: impl Future<Output = T>) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async { tokio::time::timeout(DEADLINE, test).await.expect("it takes too long") })
}

fn apply_request(changes: Vec<Change>) -> v1::ApplyRequest {
    v1::ApplyRequest { change_set: Some((&set(changes)).into()) }
}

fn revision_or_code(reply: v1::ApplyReply) -> Result<u64, Code> {
    match reply.result.unwrap() {
        v1::apply_reply::Result::Applied(applied) => Ok(applied.revision),
        v1::apply_reply::Result::Refused(refused) => {
            Err(Vec::<regate_proto::problem::Problem>::from(refused)[0].code)
        }
    }
}

async fn collect<T>(mut stream: Streaming<T>) -> Vec<T> {
    let mut found = Vec::new();
    while let Some(item) = stream.message().await.unwrap() {
        found.push(item);
    }
    found
}

#[test]
fn replies_come_in_order_and_say_who_asked() {
    let served = Served::start(Level::Admin);
    run(async {
        let requests = vec![
            apply_request(vec![put(backend("b")), put(server("b", "s", 1))]),
            apply_request(vec![weigh("b", "s", 5)]),
            apply_request(vec![weigh("b", "nobody", 5)]),
            v1::ApplyRequest { change_set: None },
            apply_request(vec![weigh("b", "s", 6)]),
        ];
        let replies = served.client().await.apply(tokio_stream::iter(requests)).await.unwrap().into_inner();
        let found: Vec<_> = collect(replies).await.into_iter().map(revision_or_code).collect();
        assert_eq!(found, [Ok(1), Ok(2), Err(Code::NotFound), Err(Code::Malformed), Ok(3)]);
    });
    let state = served.running.state();
    let overlay = state.overlays().next().unwrap();
    assert!(
        overlay.origin.actor.contains("uid=") && overlay.origin.actor.contains("pid="),
        "{:?}",
        overlay.origin
    );
}

#[test]
fn a_pipeline_is_strictly_ordered() {
    let served = Served::start(Level::Admin);
    served.running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    run(async {
        use v1::converse_request::Request as Step;
        let ask = || {
            let servers = v1::ServersQuery { backend: Some("b".to_owned()), server: Some("s".to_owned()) };
            Step::Ask(v1::Query { question: Some(v1::query::Question::Servers(servers)) })
        };
        let mut steps = Vec::new();
        for weight in 2..40 {
            steps.push(Step::Apply(apply_request(vec![weigh("b", "s", weight)])));
            steps.push(ask());
        }
        let requests = steps
            .into_iter()
            .enumerate()
            .map(|(tag, request)| v1::ConverseRequest { tag: tag as u64, request: Some(request) });
        let requests: Vec<_> = requests.collect();
        let replies =
            served.client().await.converse(tokio_stream::iter(requests)).await.unwrap().into_inner();
        let replies = collect(replies).await;
        assert!(replies.iter().all(|reply| reply.last));
        assert_eq!(replies.iter().map(|reply| reply.tag).collect::<Vec<_>>(), (0..76).collect::<Vec<_>>());
        let weights: Vec<u32> = replies
            .iter()
            .filter_map(|reply| match &reply.reply {
                Some(v1::converse_reply::Reply::Answer(answer)) => Some(answer.servers[0].weight),
                _ => None,
            })
            .collect();
        assert_eq!(weights, (2..40).collect::<Vec<_>>());
    });
}

#[test]
fn levels_are_those_of_the_listener_and_of_the_metadata() {
    let served = Served::start(Level::Operator);
    served.running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    run(async {
        let mut client = served.client().await;
        let refused =
            client.apply(tokio_stream::iter([apply_request(vec![weigh("b", "s", 2)])])).await.unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied);
        let watch = || Request::new(v1::WatchRequest { from: None });
        client.watch(watch()).await.unwrap();
        let mut lowered = watch();
        lowered.metadata_mut().insert("regate-level", "user".parse().unwrap());
        assert_eq!(client.watch(lowered).await.unwrap_err().code(), tonic::Code::PermissionDenied);

        let mut statistics = v1::statistics_client::StatisticsClient::new(served.channel().await);
        let rows = statistics.list(v1::StatisticsQuery::default()).await.unwrap().into_inner();
        let rows = collect(rows).await.remove(0).statistics;
        assert_eq!(rows[0].address.as_deref(), Some("127.0.0.1:9"));
        let mut lowered = Request::new(v1::StatisticsQuery::default());
        lowered.metadata_mut().insert("regate-level", "user".parse().unwrap());
        let rows = collect(statistics.list(lowered).await.unwrap().into_inner()).await.remove(0).statistics;
        assert_eq!((rows[0].address.as_deref(), rows[1].algorithm.as_deref()), (None, None));
    });
}

#[test]
fn a_staged_set_is_rehearsed_and_committed() {
    let served = Served::start(Level::Admin);
    served.running.apply(vec![put(backend("b")), put(server("b", "gone", 1))]).unwrap();
    run(async {
        use v1::stage_request::Part;
        let mut client = served.client().await;
        let header = v1::StageHeader { origin: None, base: None, replace: true };
        let rows = [backend("b"), server("b", "s", 1)];
        let chunk = v1::StageChunk { changes: wire::wire_changes(&rows.map(put)) };
        let parts =
            [Part::Header(header), Part::Chunk(chunk)].map(|part| v1::StageRequest { part: Some(part) });
        let staged = client.stage(tokio_stream::iter(parts.clone())).await.unwrap().into_inner();
        assert_eq!(staged.change_count, 2);
        for dry_run in [true, false] {
            let commit = v1::CommitRequest { ticket: staged.ticket.clone(), dry_run };
            let reply = client.commit(commit).await.unwrap().into_inner();
            assert!(matches!(
                reply.result,
                Some(v1::commit_reply::Result::Applied(v1::Applied { revision: 2, .. }))
            ));
            assert_eq!(reply.change_count, 2);
            assert_eq!(served.running.state().revision().0, if dry_run { 1 } else { 2 });
        }
        let again =
            client.commit(v1::CommitRequest { ticket: staged.ticket, dry_run: false }).await.unwrap_err();
        assert_eq!(again.code(), tonic::Code::NotFound);
        let headless = client.stage(tokio_stream::iter([parts[1].clone()])).await.unwrap_err();
        assert_eq!(headless.code(), tonic::Code::InvalidArgument);
    });
    assert!(served.running.state().server(&at("b", "gone")).is_none());
}

#[test]
fn long_answers_come_in_bounded_parts_of_one_revision() {
    let served = Served::start(Level::Admin);
    let servers = (0..2500).map(|number| put(server("b", &format!("s{number}"), 1)));
    served.running.apply(std::iter::once(put(backend("b"))).chain(servers).collect()).unwrap();
    served.running.apply(vec![weigh("b", "s7", 9)]).unwrap();
    run(async {
        let mut client = v1::configuration_client::ConfigurationClient::new(served.channel().await);
        let parts = collect(client.read(v1::ReadRequest {}).await.unwrap().into_inner()).await;
        assert!(parts.len() >= 4 && parts.iter().all(|part| part.rows.len() <= 1000 && part.revision == 2));
        assert_eq!(parts.iter().map(|part| part.last).filter(|last| *last).count(), 1);
        let rows =
            parts.iter().flat_map(|part| part.rows.clone()).map(|row| row.try_into().unwrap()).collect();
        let overlays = parts.iter().flat_map(|part| part.overlays.clone()).map(|row| row.try_into().unwrap());
        let read = State::restore(Revision(2), rows, overlays.collect()).unwrap();
        assert!(diff(&read, &served.running.state()).is_empty());
        assert_eq!(parts[0].digest.map(Into::into), Some(read.digest()));

        let mut servers = v1::servers_client::ServersClient::new(served.channel().await);
        let listed = collect(servers.list(v1::ServersQuery::default()).await.unwrap().into_inner()).await;
        let views = listed.iter().flat_map(|part| &part.servers);
        let places: Vec<u32> = views.map(|view| view.server.clone().unwrap().order).collect();
        assert_eq!(places, (1..=2500).collect::<Vec<_>>(), "all of them, in the order of listings");
        let unknown = v1::ServersQuery { backend: Some("x".to_owned()), server: None };
        assert_eq!(servers.list(unknown).await.unwrap_err().code(), tonic::Code::NotFound);
    });
}

#[test]
fn rows_say_how_things_stand() {
    let served = Served::start(Level::Admin);
    let changes = vec![
        put(backend("b")),
        put(server("b", "s1", 10)),
        put(server("b", "s2", 20)),
        put(server("b", "s3", 30)),
        put(frontend("f", "b")),
        put(frontend("g", "b")),
    ];
    served.running.apply(changes).unwrap();
    let admin = |server, admin| Change::set_server(&name("b"), &name(server), Setting::Admin(admin));
    let enabled = |on| {
        Change::Set(regate_proto::change::Layer::Overlay, Subject::Frontend(name("g")), Setting::Enabled(on))
    };
    use regate_proto::model::Admin::{Drain, Maint, Ready};
    served
        .running
        .apply(vec![admin("s2", Drain), admin("s3", Maint), enabled(false), weigh("b", "s1", 5)])
        .unwrap();
    run(async {
        let mut client = v1::statistics_client::StatisticsClient::new(served.channel().await);
        let rows = collect(client.list(v1::StatisticsQuery::default()).await.unwrap().into_inner()).await;
        let found: Vec<(String, i32, Option<u32>, Option<u32>)> = rows
            .into_iter()
            .flat_map(|part| part.statistics)
            .map(|row| (row.service, row.status.unwrap().condition, row.weight, row.active_servers))
            .collect();
        let row = |service: &str, condition: v1::Condition, weight, active| {
            (service.to_owned(), condition as i32, weight, active)
        };
        let expected = [
            row("s1", v1::Condition::Unchecked, Some(5), Some(1)),
            row("s2", v1::Condition::Drain, Some(20), Some(1)),
            row("s3", v1::Condition::Maintenance, Some(30), Some(1)),
            row("BACKEND", v1::Condition::Up, Some(5), Some(1)),
            row("FRONTEND", v1::Condition::Open, None, None),
            row("FRONTEND", v1::Condition::Paused, None, None),
        ];
        assert_eq!(found, expected);
        let mut servers = v1::servers_client::ServersClient::new(served.channel().await);
        let states =
            collect(servers.states(v1::ServersStateQuery::default()).await.unwrap().into_inner()).await;
        let first = &states[0].server_states[0];
        assert_eq!((first.user_weight, first.initial_weight, first.port), (5, 10, 9));
        assert!(states[0].server_states[1].drain_forced && states[0].server_states[2].maintenance_forced);
    });
    served.running.apply(vec![admin("s1", Maint), enabled(true)]).unwrap();
    served.running.apply(vec![admin("s2", Ready), admin("s2", Maint)]).unwrap();
    let backend =
        served.running.store.read(|current| view::backend_condition(&current.snapshot.backends[&name("b")]));
    assert_eq!(backend, v1::Condition::Down);
}

#[test]
fn who_watches_sees_what_happens() {
    let served = Served::start(Level::Admin);
    served.running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    run(async {
        let mut events =
            served.client().await.watch(v1::WatchRequest { from: Some(0) }).await.unwrap().into_inner();
        let applied = |event: v1::Event| match event.event.unwrap() {
            v1::event::Event::Applied(applied) => applied.revision,
            other => panic!("{other:?}"),
        };
        assert_eq!(applied(events.message().await.unwrap().unwrap()), 1);
        let maint = Setting::Admin(regate_proto::model::Admin::Maint);
        let work = crate::store::Work::Set(set(vec![Change::set_server(&name("b"), &name("s"), maint)]));
        crate::store::outcome(served.running.store.submit(work).await).await.unwrap();
        assert_eq!(applied(events.message().await.unwrap().unwrap()), 2);
        let event = events.message().await.unwrap().unwrap().event.unwrap();
        let v1::event::Event::ServerStatus(changed) = event else { panic!("{event:?}") };
        assert_eq!(changed.to.unwrap().condition, v1::Condition::Maintenance as i32);
    });
}

/// A controller whose words a test says.
struct Controller {
    say: mpsc::Sender<v1::FromController>,
    hear: Streaming<v1::FromNode>,
}

impl Controller {
    async fn follow(node: &Served) -> (Controller, v1::Hello) {
        let (say, said) = mpsc::channel(16);
        let hear = FleetClient::new(node.channel().await).follow(ReceiverStream::new(said)).await.unwrap();
        let mut controller = Controller { say, hear: hear.into_inner() };
        let v1::from_node::Message::Hello(hello) = controller.hear().await else { panic!("no hello") };
        (controller, hello)
    }

    async fn say(&self, message: v1::from_controller::Message) {
        self.say.send(v1::FromController { message: Some(message) }).await.unwrap();
    }

    async fn hear(&mut self) -> v1::from_node::Message {
        self.hear.message().await.unwrap().unwrap().message.unwrap()
    }

    async fn welcome(&self, name: &str, endpoint: &str, allow_local: bool) {
        let (controller, endpoint) = (name.to_owned(), endpoint.to_owned());
        self.say(v1::from_controller::Message::Welcome(v1::Welcome { controller, endpoint, allow_local }))
            .await;
    }

    async fn send(
        &mut self,
        base: Option<u64>,
        target: u64,
        changes: &[Change],
        state: &State,
    ) -> v1::from_node::Message {
        use v1::from_controller::Message;
        self.say(Message::Begin(v1::Begin { base: base.unwrap_or(0), target, full: base.is_none() })).await;
        for change in changes {
            let changes = wire::wire_changes(std::slice::from_ref(change));
            self.say(Message::Part(v1::Part { changes })).await;
        }
        let digest = Some(state.digest().into());
        self.say(Message::Commit(v1::CommitParts { revision: target, digest })).await;
        self.hear().await
    }
}

fn overlay(weight: u64, actor: &str) -> Change {
    Change::Restore(Overlay {
        beneath: None,
        subject: Subject::Server(at("b", "s")),
        value: OverlayValue::Setting(Setting::Weight(Weight::new(weight).unwrap())),
        origin: Origin { actor: actor.to_owned(), door: "socket".to_owned(), at: 5 },
    })
}

#[test]
fn a_controller_brings_a_node_to_its_state() {
    let node = Served::start(Level::Admin);
    node.running.apply(vec![put(backend("own"))]).unwrap();
    run(async {
        let (mut controller, hello) = Controller::follow(&node).await;
        assert_eq!((hello.node.as_str(), hello.revision, hello.managed_by), ("n1", 1, None));
        controller.welcome("c1", "", false).await;
        let mut truth = State::default();
        truth.apply(&set(vec![put(backend("b")), put(server("b", "s", 1))])).unwrap();
        let whole = diff(&State::default(), &truth);
        let reply = controller.send(None, 41, &whole, &truth).await;
        assert!(
            matches!(reply, v1::from_node::Message::Applied(v1::NodeApplied { revision: 41, .. })),
            "{reply:?}"
        );
        assert!(diff(&truth, &node.running.state()).is_empty());

        // A step with another result is refused, and leaves no trace.
        let reply = controller.send(Some(41), 42, &[overlay(7, "x")], &truth).await;
        let v1::from_node::Message::Refused(refused) = reply else { panic!("{reply:?}") };
        assert_eq!((refused.revision, refused.problems[0].code), (42, v1::ProblemCode::Conflict as i32));
        truth.apply(&set(vec![overlay(7, "x")])).unwrap();
        let reply = controller.send(Some(41), 42, &[overlay(7, "x")], &truth).await;
        assert!(
            matches!(reply, v1::from_node::Message::Applied(v1::NodeApplied { revision: 42, .. })),
            "{reply:?}"
        );
        assert_eq!(node.running.state().overlays().next().unwrap().origin.actor, "x");

        // What was begun and not committed is dropped; nothing of it was visible.
        use v1::from_controller::Message;
        controller.say(Message::Begin(v1::Begin { base: 42, target: 43, full: false })).await;
        controller
            .say(Message::Part(v1::Part { changes: wire::wire_changes(&[put(backend("ghost"))]) }))
            .await;
        truth.apply(&set(vec![overlay(8, "x")])).unwrap();
        let reply = controller.send(Some(42), 43, &[overlay(8, "x")], &truth).await;
        assert!(matches!(reply, v1::from_node::Message::Applied(_)), "{reply:?}");
        assert!(node.running.state().backend(&name("ghost")).is_none());

        // Another controller is sent away; a newer session of the same one takes over.
        let (mut other, hello) = Controller::follow(&node).await;
        assert_eq!((hello.revision, hello.managed_by.as_deref()), (43, Some("c1")));
        other.welcome("c2", "", false).await;
        assert!(other.hear.message().await.is_err());
        let (newer, _) = Controller::follow(&node).await;
        newer.welcome("c1", "", false).await;
        assert!(controller.hear.message().await.is_err());
    });
}

#[test]
fn nonsense_ends_a_session_and_nothing_else() {
    use v1::from_controller::Message;
    let node = Served::start(Level::Admin);
    run(async {
        let commit = || Message::Commit(v1::CommitParts::default());
        for first in [None, Some(commit()), Some(Message::Welcome(v1::Welcome::default()))] {
            let (mut controller, _) = Controller::follow(&node).await;
            controller.say.send(v1::FromController { message: first }).await.unwrap();
            assert!(controller.hear.message().await.is_err());
        }
        for second in [commit(), Message::Part(v1::Part::default())] {
            let (mut controller, _) = Controller::follow(&node).await;
            controller.welcome("c", "", false).await;
            controller.say(second).await;
            assert!(controller.hear.message().await.is_err());
        }
        let (mut controller, _) = Controller::follow(&node).await;
        controller.welcome("c", "", false).await;
        controller.say(Message::Begin(v1::Begin { base: 0, target: 1, full: true })).await;
        controller.say(Message::Part(v1::Part { changes: vec![v1::Change::default()] })).await;
        controller.say(Message::Commit(v1::CommitParts { revision: 1, digest: None })).await;
        assert!(matches!(controller.hear().await, v1::from_node::Message::Refused(_)));
    });
    node.running.apply(vec![]).unwrap_or_else(|problems| panic!("{problems:?}"));
}

#[test]
fn changes_at_a_managed_node_go_up_and_come_back() {
    let (node, above) = (Served::start(Level::Admin), Served::start(Level::Admin));
    above.running.apply(vec![put(backend("b")), put(server("b", "s", 1))]).unwrap();
    run(async {
        let (mut controller, _) = Controller::follow(&node).await;
        controller.welcome("c1", &above.endpoint(), false).await;
        let truth = above.running.state();
        controller.send(None, 1, &diff(&State::default(), &truth), &truth).await;

        let mut client = node.client().await;
        let requests =
            [apply_request(vec![weigh("b", "s", 3)]), apply_request(vec![weigh("b", "nobody", 3)])];
        let mut replies = client.apply(tokio_stream::iter(requests)).await.unwrap().into_inner();
        // The controller has it; the node replies when it has it too.
        let mut above_revision = above.running.store.standing();
        above_revision.wait_for(|standing| standing.revision == Revision(2)).await.unwrap();
        assert_eq!(node.running.state().revision(), Revision(1));
        let now = above.running.state();
        controller.send(Some(1), 2, &diff(&truth, &now), &now).await;
        assert_eq!(revision_or_code(replies.message().await.unwrap().unwrap()), Ok(2));
        assert_eq!(revision_or_code(replies.message().await.unwrap().unwrap()), Err(Code::NotFound));
        assert_eq!(node.running.state().digest(), now.digest());
    });
}

#[test]
fn without_its_controller_a_node_changes_nothing_unless_it_may() {
    for (allow_local, expected) in [(false, Err(Code::Unavailable)), (true, Ok(1))] {
        let node = Served::start(Level::Admin);
        run(async {
            let (controller, _) = Controller::follow(&node).await;
            let nowhere = format!("unix://{}/nobody.sock", node.folder.0.display());
            controller.welcome("c1", &nowhere, allow_local).await;
            while node.running.store.managed().is_none() {
                tokio::task::yield_now().await;
            }
            let requests = [apply_request(vec![put(backend("b"))])];
            let mut client = node.client().await;
            let mut replies = client.apply(tokio_stream::iter(requests)).await.unwrap().into_inner();
            assert_eq!(revision_or_code(replies.message().await.unwrap().unwrap()), expected);
        });
    }
}

#[test]
fn reflection_and_health_answer() {
    let served = Served::start(Level::User);
    run(async {
        let mut health = tonic_health::pb::health_client::HealthClient::new(served.channel().await);
        let check = tonic_health::pb::HealthCheckRequest { service: "regate.v1.Admin".to_owned() };
        let status = health.check(check).await.unwrap().into_inner().status;
        assert_eq!(status, tonic_health::pb::health_check_response::ServingStatus::Serving as i32);
        use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
        use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;
        use tonic_reflection::pb::v1::server_reflection_response::MessageResponse;
        let request = tonic_reflection::pb::v1::ServerReflectionRequest {
            host: String::new(),
            message_request: Some(MessageRequest::ListServices(String::new())),
        };
        let mut client = ServerReflectionClient::new(served.channel().await);
        let replies =
            client.server_reflection_info(tokio_stream::iter([request])).await.unwrap().into_inner();
        let Some(MessageResponse::ListServicesResponse(list)) =
            collect(replies).await.remove(0).message_response
        else {
            panic!("no list")
        };
        assert!(list.service.iter().any(|service| service.name == "regate.v1.Admin"), "{list:?}");
    });
}

#[test]
fn a_socket_that_is_served_is_not_taken_over() {
    let served = Served::start(Level::Admin);
    let (stops, _asked) = std::sync::mpsc::channel();
    let description =
        Description { node: String::new(), boot_time_ms: 0, descriptor_limit: 1, default_maxconn: 1 };
    let address = EndpointAddress::Unix { path: served.folder.0.join("a.sock"), file: SocketFile::default() };
    let endpoint = AdminEndpoint { address, level: Level::Admin };
    let running = &served.running;
    let second = Admin::start(&[endpoint], running.store.clone(), running.watched(), description, stops);
    assert!(second.err().unwrap_or_default().contains("another process serves it"));
}

/// An authority, and certificates that it signs.
struct Authority {
    folder: Folder,
    issuer: rcgen::Issuer<'static, rcgen::KeyPair>,
}

impl Authority {
    fn new() -> Authority {
        let (folder, key) = (Folder::new(), rcgen::KeyPair::generate().unwrap());
        let mut parameters = rcgen::CertificateParams::new(Vec::new()).unwrap();
        parameters.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let certificate = parameters.self_signed(&key).unwrap();
        std::fs::write(folder.0.join("ca.pem"), certificate.pem()).unwrap();
        Authority { folder, issuer: rcgen::Issuer::new(parameters, key) }
    }

    /// A certificate for loopback with this common name.
    fn issue(&self, common_name: &str) -> TlsFiles {
        let key = rcgen::KeyPair::generate().unwrap();
        let mut parameters = rcgen::CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        parameters.distinguished_name.push(rcgen::DnType::CommonName, common_name);
        let certificate = parameters.signed_by(&key, &self.issuer).unwrap();
        let place = |kind: &str| self.folder.0.join(format!("{common_name}.{kind}"));
        std::fs::write(place("pem"), certificate.pem()).unwrap();
        std::fs::write(place("key"), key.serialize_pem()).unwrap();
        TlsFiles { certificate: place("pem"), key: place("key"), authorities: self.folder.0.join("ca.pem") }
    }

    async fn connect(
        &self,
        address: std::net::SocketAddr,
        own: Option<&TlsFiles>,
    ) -> Result<Channel, String> {
        use tonic::transport::{Certificate, ClientTlsConfig, Identity};
        let text = |path: &std::path::Path| std::fs::read(path).unwrap();
        let mut tls =
            ClientTlsConfig::new().ca_certificate(Certificate::from_pem(text(&self.folder.0.join("ca.pem"))));
        if let Some(own) = own {
            tls = tls.identity(Identity::from_pem(text(&own.certificate), text(&own.key)));
        }
        let endpoint = Endpoint::from_shared(format!("https://{address}")).unwrap().tls_config(tls).unwrap();
        endpoint.connect().await.map_err(|error| error.to_string())
    }
}

#[test]
fn tcp_takes_certificates_on_both_sides_and_says_whose() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let running = Running::start(None, Beginning::default()).unwrap();
    let (stops, _asked) = std::sync::mpsc::channel();
    let description =
        Description { node: String::new(), boot_time_ms: 0, descriptor_limit: 1, default_maxconn: 1 };
    let address =
        EndpointAddress::Tls { address: "127.0.0.1:0".parse().unwrap(), files: authority.issue("node") };
    let endpoint = AdminEndpoint { address, level: Level::Admin };
    let admin =
        Admin::start(&[endpoint], running.store.clone(), running.watched(), description, stops).unwrap();
    let EndpointAddress::Tls { address, .. } = admin.endpoints()[0].address else { panic!("no TLS") };
    run(async {
        let own = authority.issue("operator");
        let mut client = AdminClient::new(authority.connect(address, Some(&own)).await.unwrap());
        let by_hand = Change::Put(regate_proto::change::Layer::Overlay, backend("b"));
        let replies =
            client.apply(tokio_stream::iter([apply_request(vec![by_hand])])).await.unwrap().into_inner();
        assert_eq!(revision_or_code(collect(replies).await.remove(0)), Ok(1));
        for own in [None, Some(stranger.issue("stranger"))] {
            let refused = match authority.connect(address, own.as_ref()).await {
                Ok(channel) => {
                    AdminClient::new(channel).watch(v1::WatchRequest { from: None }).await.is_err()
                }
                Err(_) => true,
            };
            assert!(refused, "{own:?}");
        }
    });
    let actor = running.state().overlays().next().unwrap().origin.actor.clone();
    assert!(actor.contains("CN=operator") && actor.contains("127.0.0.1:"), "{actor}");
    admin.stop();
}

/// Long enough for a loaded machine; nothing waits for it to pass.
const DEADLINE: Duration = Duration::from_secs(60);
