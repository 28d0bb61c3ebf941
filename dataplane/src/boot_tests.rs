#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test ends where it fails")]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};

use regate_proto::change::{Change, Layer};
use regate_proto::model::{
    Bind, BindAddress, BindHost, BindRef, Millis, PortRange, Server, ServerAddress, ServerPort, SocketFile,
};

use super::*;
use crate::live::{Finding, Operational};
use crate::store::tests::{Folder, backend, frontend, name, set};
use crate::store::{Work, outcome};

/// An origin that answers every connection once.
fn origin() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = stream.unwrap();
            let mut head = [0; 4096];
            let _ = stream.read(&mut head).unwrap();
            let _ =
                stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello");
        }
    });
    port
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn rows(port: u16, origin: u16) -> Vec<Row> {
    let bind = bind("sock-1", port);
    let Row::Server(server) = crate::store::tests::server("b", "s", 1) else { panic!("no server") };
    let ServerAddress::Inet { host, .. } = server.address.clone() else { panic!("no address") };
    let server = Server { address: ServerAddress::Inet { host, port: ServerPort::Fixed(origin) }, ..server };
    vec![backend("b"), Row::Server(server), frontend("f", "b"), bind]
}

fn bind(text: &str, port: u16) -> Row {
    Row::Bind(Bind {
        at: BindRef { frontend: name("f"), bind: name(text) },
        id: 0,
        order: 0,
        guid: None,
        address: BindAddress::Inet {
            host: BindHost::Ip("127.0.0.1".parse().unwrap()),
            ports: PortRange::new(port, port).unwrap(),
        },
        maxconn: None,
        backlog: None,
        accept_proxy: false,
        v4v6: false,
        v6only: false,
        defer_accept: false,
        interface: None,
        socket: regate_proto::model::Listening::default(),
        file: SocketFile::default(),
    })
}

fn fetch(port: u16) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn options(folder: &Folder, rows: Option<Vec<Row>>) -> Options {
    Options { state_dir: Some(folder.0.join("state")), rows, workers: Some(1), ..Options::default() }
}

fn commit(node: &Node, changes: Vec<Change>) -> Result<(), Vec<Problem>> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let work = Work::Set(set(changes));
    runtime.block_on(async { outcome(node.store().submit(work).await).await }).map(drop)
}

#[test]
fn a_node_serves_changes_stops_and_comes_back_from_disk() {
    let (folder, first, second) = (Folder::new(), free_port(), free_port());
    let node = Node::start(options(&folder, Some(rows(first, origin())))).unwrap();
    assert!(fetch(first).ends_with("hello"));
    commit(&node, vec![Change::Put(Layer::Spec, bind("sock-2", second))]).unwrap();
    assert!(fetch(second).ends_with("hello"), "a new port opens while it runs");
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let refused = commit(&node, vec![Change::Put(Layer::Spec, bind("sock-3", port))]).unwrap_err();
    assert_eq!(refused[0].code, Code::Impossible);
    assert!(fetch(first).ends_with("hello"));
    node.soft_stop();
    assert_eq!(node.wait(), Ending::Finished);
    assert!(TcpStream::connect(("127.0.0.1", first)).is_err());

    let node = Node::start(options(&folder, None)).unwrap();
    assert!(fetch(first).ends_with("hello") && fetch(second).ends_with("hello"));
    node.hard_stop();
    node.wait();
    assert_eq!(commit(&node, vec![]).unwrap_err()[0].code, Code::Unavailable);
}

#[test]
fn a_soft_stop_is_bounded() {
    let (folder, port, silent) = (Folder::new(), free_port(), TcpListener::bind("127.0.0.1:0").unwrap());
    let mut rows = rows(port, silent.local_addr().unwrap().port());
    let hard_stop_after = Some(Millis::new(50).unwrap());
    rows.push(Row::Global(Global { hard_stop_after, ..Global::default() }));
    let node = Node::start(options(&folder, Some(rows))).unwrap();
    let mut client = TcpStream::connect(("127.0.0.1", port)).unwrap();
    client.write_all(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    // The request is in flight once the origin has it.
    let (mut stream, _) = silent.accept().unwrap();
    let _ = stream.read(&mut [0; 1024]).unwrap();
    node.soft_stop();
    assert_eq!(node.wait(), Ending::Cut(1));
}

#[test]
fn what_cannot_be_put_in_force_is_no_start() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let folder = Folder::new();
    let port = taken.local_addr().unwrap().port();
    let refused = Node::start(options(&folder, Some(rows(port, 1))));
    let Err(StartError::Refused(problems)) = refused else { panic!("it started") };
    assert_eq!(problems[0].code, Code::Impossible);
    // Nothing of it was kept.
    drop(taken);
    let node = Node::start(options(&folder, None)).unwrap();
    assert_eq!(node.store().read(|current| current.state.effective().count()), 0);
    node.hard_stop();
    node.wait();
}

#[test]
fn a_server_known_to_be_down_gets_no_traffic_before_it_has_risen_again() {
    let (folder, port, checked) = (Folder::new(), free_port(), free_port());
    let mut rows = rows(port, checked);
    for row in &mut rows {
        if let Row::Server(server) = row {
            server.settings.checks.check = Some(true);
            server.settings.checks.inter = Some(Millis::new(3_600_000).unwrap());
        }
    }
    let look = |node: &Node| {
        node.store().read(|current| {
            let server = current.snapshot.backends[&name("b")].servers[0].clone();
            let record = server.live.health.record();
            (record.check.finding, record.check.health, server.live.health.operational())
        })
    };
    let until = |node: &Node, wanted: Finding| {
        let deadline = Instant::now() + Duration::from_secs(20);
        while look(node).0 != wanted {
            assert!(Instant::now() < deadline, "waited in vain for {wanted:?}: {:?}", look(node));
            std::thread::yield_now();
        }
    };
    let node = Node::start(options(&folder, Some(rows))).unwrap();
    until(&node, Finding::L4Failed);
    assert_eq!(look(&node), (Finding::L4Failed, 0, Operational::Stopped));
    node.hard_stop();
    node.wait();

    let _listener = TcpListener::bind(("127.0.0.1", checked)).unwrap();
    let node = Node::start(options(&folder, None)).unwrap();
    until(&node, Finding::L4Passed);
    assert_eq!(look(&node), (Finding::L4Passed, 1, Operational::Stopped), "one of two that it needs");
    node.hard_stop();
    node.wait();
}

/// A frontend without binds, with a stick table.
fn with_table(table: regate_proto::model::Table) -> Row {
    let Row::Frontend(mut row) = frontend("f", "b") else { panic!("no frontend") };
    row.settings.table = Some(table);
    Row::Frontend(row)
}

#[test]
fn entries_of_tables_outlive_changes_and_the_process() {
    use crate::live::table::Key;
    use regate_proto::model::{DataType, Stored, Table as Shape, TableKey};

    let shape = |store: &[DataType]| Shape {
        expire: Millis::new(900_000).ok(),
        store: store.iter().copied().map(Stored::plain).collect(),
        ..Shape::new(TableKey::Integer, 100)
    };
    let folder = Folder::new();
    let rows = vec![backend("b"), with_table(shape(&[DataType::Gpt0, DataType::Gpc0]))];
    let node = Node::start(options(&folder, Some(rows))).unwrap();
    let table = |node: &Node| {
        node.store().read(|current| current.snapshot.tables.get(&name("f")).unwrap().table.clone())
    };
    let key = Key::of_integer(7);
    let seen = |node: &Node| {
        table(node).look(&key, 1, |entry| {
            [DataType::Gpt0, DataType::Gpc0, DataType::Gpc1].map(|data| entry.read(data, 0))
        })
    };
    table(&node).touch(&key, 1, |entry| {
        entry.set(DataType::Gpt0, 0, 3).unwrap();
        entry.set(DataType::Gpc0, 0, 5).unwrap();
    });
    // Another size keeps everything, another shape what both know.
    let first = table(&node);
    let larger = Shape { size: 200, ..shape(&[DataType::Gpt0, DataType::Gpc0]) };
    commit(&node, vec![Change::Put(Layer::Spec, with_table(larger))]).unwrap();
    assert!(Arc::ptr_eq(&first, &table(&node)) && first.size() == 200);
    let other = shape(&[DataType::Gpt0, DataType::Gpc1]);
    commit(&node, vec![Change::Put(Layer::Spec, with_table(other))]).unwrap();
    assert_eq!(seen(&node), Some([Some(3), None, Some(0)]));
    node.soft_stop();
    node.wait();

    let node = Node::start(options(&folder, None)).unwrap();
    assert_eq!(seen(&node), Some([Some(3), None, Some(0)]));
    node.hard_stop();
    node.wait();
}

/// Rows of a configuration, without files.
fn read(text: &str) -> Vec<Row> {
    use regate_proto::config::{Environment, SourceFile};
    let (variable, file) = (|_: &str| None, |_: &std::path::Path| Err(io::ErrorKind::NotFound.into()));
    let source = SourceFile::new("test.cfg", text);
    regate_proto::config::read(&[source], &Environment::new(&variable, &file)).unwrap().rows
}

/// Waits until something holds of the node.
fn await_that(what: &str, mut holds: impl FnMut() -> bool) {
    let until = Instant::now() + Duration::from_secs(20);
    while !holds() {
        assert!(Instant::now() < until, "waited in vain for {what}");
        std::thread::yield_now();
    }
}

#[test]
fn what_rules_learn_is_an_overlay_with_their_name_and_costs_a_change_only_once() {
    let (folder, port) = (Folder::new(), free_port());
    let rows = read(&format!(
        "frontend f\n mode http\n timeout client 5s\n bind 127.0.0.1:{port}\n \
         http-request set-map(virt@m) %[req.hdr(host)] %[path]\n \
         http-request set-map(virt@n) %[req.hdr(host)] nonsense\n \
         http-request return status 200 content-type text/plain lf-string %[req.hdr(host),map(virt@m,none)] hdr x-n %[src,map_ip_int(virt@n,0)]\n",
    ));
    let node = Node::start(options(&folder, Some(rows))).unwrap();
    let live = |node: &Node| node.store().read(|current| current.state.revision());
    let before = live(&node);
    fetch(port);
    let list = regate_proto::model::ListName::new("virt@m").unwrap();
    let value = |node: &Node| {
        node.store().read(|current| {
            let entry = current.state.entries_with(&list, b"x").next();
            entry.and_then(|entry| entry.value.map(<[u8]>::to_vec))
        })
    };
    await_that("the entry", || value(&node).as_deref() == Some(b"/"));
    assert!(fetch(port).contains('/'));
    let learnt = live(&node);
    assert!(learnt > before);
    let overlays: Vec<_> = node.store().read(|current| current.state.overlays().cloned().collect());
    assert_eq!(overlays.len(), 1, "the value that is no number was refused: {overlays:?}");
    assert_eq!(overlays[0].origin.door, "rule");
    assert_eq!(overlays[0].origin.actor, "frontend f: http-request set-map(virt@m)");
    for _ in 0..20 {
        fetch(port);
    }
    assert_eq!(live(&node), learnt, "what is there already is no change");
    node.hard_stop();
    node.wait();

    let node = Node::start(options(&folder, None)).unwrap();
    assert_eq!(value(&node).as_deref(), Some(&b"/"[..]), "it outlives a restart");
    node.hard_stop();
    node.wait();
}
