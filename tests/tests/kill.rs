//! A controller that is killed in the middle of writes: no acknowledged change is lost, and its data plane serves on,
//! follows again, and starts by itself.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::path::Path;

use regate::client::{Client, Target};
use regate_proto::change::{Change, Layer, Setting};
use regate_proto::model::{Name, ServerRef, Subject, Weight};
use regate_proto::wire::v1;
use regate_tests::harness::{Folder, HttpClient, Origin, Port, Process, node, wait};
use tokio::runtime::Runtime;
use tokio_stream::wrappers::ReceiverStream;

/// Kills in a row, each after another number of replies.
const KILLS: [u32; 4] = [1, 57, 140, 300];
/// Changes that are sent at a time, ahead of their replies.
const AHEAD: usize = 64;

#[test]
fn a_killed_controller_has_lost_nothing_that_it_acknowledged() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let folder = Folder::create().unwrap();
    let origin = Origin::start("o").unwrap();
    let port = Port::reserve().unwrap();
    let text = format!(
        "defaults\n    mode http\n    timeout client 5s\n    timeout server 5s\n    timeout connect 5s\nfrontend f\n    \
         bind 127.0.0.1:{}\n    default_backend b\nbackend b\n    server s 127.0.0.1:{}\n",
        port.number(),
        origin.port(),
    );
    let file = folder.write("proxy.cfg", text).unwrap();
    let mut plane = dataplane(&folder);
    let mut controller = controller(&folder);
    let endpoint = format!("unix://{}", folder.join("controller.sock").display());
    drop(connected(&runtime, &endpoint));
    let applied =
        node::command().unwrap().args(["apply", "-f", &file.to_string_lossy(), "--endpoint", &endpoint]);
    let mut applied = applied.start().unwrap();
    assert!(applied.wait_exit(wait::PATIENCE).unwrap().success(), "{}", applied.output());
    wait::until_true("the frontend", wait::PATIENCE, || serves(&port)).unwrap();

    let mut sent = 0;
    for replies in KILLS {
        let mut client = connected(&runtime, &endpoint);
        let first = sent;
        let acknowledged =
            runtime.block_on(write_until_killed(&mut client, &mut sent, replies, &mut controller));
        assert!(serves(&port), "the data plane serves without its controller");
        controller = self::controller(&folder);
        let mut client = connected(&runtime, &endpoint);
        let kept = weight(&runtime, &mut client);
        assert!(
            (first + acknowledged..=sent).any(|number| weight_of(number) == kept),
            "after {acknowledged} replies to {} changes from number {first} the weight is {kept}",
            sent - first,
        );
        // What the killed controller had not told its node is told now.
        let own = format!("unix://{}", folder.join("node.sock").display());
        let mut client = connected(&runtime, &own);
        wait::until_true("the node follows", wait::PATIENCE, || weight(&runtime, &mut client) == kept)
            .unwrap();
    }

    controller.kill();
    plane.kill();
    let _plane = dataplane(&folder);
    wait::until_true("the node serves alone", wait::PATIENCE, || serves(&port)).unwrap();
}

fn dataplane(folder: &Folder) -> Process {
    let launch =
        node::dataplane().unwrap().args(["--state-dir", &path(&folder.join("node")), "--workers", "1"]);
    launch.args(["--admin", &format!("unix://{}", folder.join("node.sock").display())]).start().unwrap()
}

fn controller(folder: &Folder) -> Process {
    let node = format!("n=unix://{}", folder.join("node.sock").display());
    let listen = format!("unix://{}", folder.join("controller.sock").display());
    let launch = node::controlplane().unwrap().args(["--store", &path(&folder.join("store"))]);
    launch.args(["--listen", &listen, "--node", &node]).start().unwrap()
}

fn path(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn serves(port: &Port) -> bool {
    let answer = HttpClient::connect(port.address()).and_then(|mut client| client.fetch("/"));
    answer.is_ok_and(|answer| answer.status == 200)
}

fn connected(runtime: &Runtime, endpoint: &str) -> Client {
    let target = Target { endpoint: Some(endpoint.to_owned()), ..Target::default() };
    wait::until(endpoint, wait::PATIENCE, || runtime.block_on(target.connect()).ok()).unwrap()
}

/// Writes weights, and kills the controller after so many replies; gives how many came in all.
async fn write_until_killed(
    client: &mut Client,
    sent: &mut u32,
    replies: u32,
    controller: &mut Process,
) -> u32 {
    let (sender, receiver) = tokio::sync::mpsc::channel(AHEAD);
    let mut stream = client.admin.apply(ReceiverStream::new(receiver)).await.unwrap().into_inner();
    let mut acknowledged = 0;
    loop {
        while sender.try_reserve().is_ok_and(|room| {
            *sent += 1;
            room.send(change(*sent));
            true
        }) {}
        let Ok(Some(reply)) = stream.message().await else { return acknowledged };
        assert!(matches!(reply.result, Some(v1::apply_reply::Result::Applied(_))), "{reply:?}");
        acknowledged += 1;
        if acknowledged == replies {
            // Replies that are on their way are acknowledgements too.
            controller.kill();
        }
    }
}

fn change(number: u32) -> v1::ApplyRequest {
    let at = ServerRef { backend: Name::new("b").unwrap(), server: Name::new("s").unwrap() };
    let weight = Weight::new(u64::from(weight_of(number))).unwrap();
    let change = Change::Set(Layer::Overlay, Subject::Server(at), Setting::Weight(weight));
    let set = v1::ChangeSet { changes: vec![v1::Change::from(&change)], ..v1::ChangeSet::default() };
    v1::ApplyRequest { change_set: Some(set) }
}

fn weight_of(number: u32) -> u32 {
    number % 251 + 1
}

fn weight(runtime: &Runtime, client: &mut Client) -> u32 {
    let query = v1::ServersQuery { backend: Some("b".to_owned()), server: Some("s".to_owned()) };
    let answers = runtime.block_on(client.ask(v1::query::Question::Servers(query))).unwrap();
    answers[0].servers[0].weight
}
