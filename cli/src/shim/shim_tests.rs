//! Conversations over real sockets, with the double behind them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::time::Duration;

use regate_proto::model::{BindAddress, Level, SocketFile, StatsSocket};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::double::{Double, Folder};
use super::table::rows;
use super::*;

/// A double with a text socket in front of it.
struct Bench {
    double: Double,
    folder: Folder,
    stop: Option<oneshot::Sender<()>>,
}

impl Bench {
    async fn start() -> Bench {
        Bench::with(|_| ()).await
    }

    async fn with(adjust: impl FnOnce(&mut ShimOptions)) -> Bench {
        let folder = Folder::create();
        let double = Double::start(&folder);
        let socket = |level: Level| StatsSocket {
            address: BindAddress::Unix(folder.path().join(level.word()).display().to_string()),
            level: Some(level),
            severity: None,
            volatile: false,
            file: SocketFile { mode: Some(0o600), ..Default::default() },
        };
        let sockets = [Level::Admin, Level::Operator, Level::User].map(socket).to_vec();
        let mut options = ShimOptions::new(Target::unix(&double.path).unwrap(), sockets);
        options.environment = Some(vec![("REGATE_TEST".into(), "yes".into())]);
        adjust(&mut options);
        let listening = listen(options).unwrap();
        let (stop, stopped) = oneshot::channel::<()>();
        tokio::spawn(listening.serve(async move {
            let _ = stopped.await;
        }));
        Bench { double, folder, stop: Some(stop) }
    }

    async fn connect(&self, level: Level) -> UnixStream {
        UnixStream::connect(self.folder.path().join(level.word())).await.unwrap()
    }

    /// What comes back until the socket closes, the client writing all and then waiting.
    async fn say(&self, text: &str) -> String {
        self.say_as(Level::Admin, text).await
    }

    async fn say_as(&self, level: Level, text: &str) -> String {
        let mut stream = self.connect(level).await;
        stream.write_all(text.as_bytes()).await.unwrap();
        rest_of(&mut stream).await
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
    }
}

async fn rest_of(stream: &mut UnixStream) -> String {
    let mut text = String::new();
    timeout(Duration::from_secs(20), stream.read_to_string(&mut text)).await.expect("it closes").unwrap();
    text
}

/// Reads exactly as much as is expected, and compares.
async fn expect(stream: &mut UnixStream, text: &str) {
    let mut bytes = vec![0; text.len()];
    timeout(Duration::from_secs(20), stream.read_exact(&mut bytes)).await.expect("it answers").unwrap();
    assert_eq!(String::from_utf8_lossy(&bytes), text);
}

/// Whether a text is like a pattern in which `…` stands for anything.
fn is_like(text: &str, pattern: &str) -> bool {
    let mut pieces = pattern.split('…');
    let Some(mut rest) = pieces.next().and_then(|first| text.strip_prefix(first)) else { return false };
    let mut last = None;
    for piece in pieces {
        last = Some(piece);
        match rest.find(piece) {
            Some(at) => rest = &rest[at + piece.len()..],
            None => return false,
        }
    }
    last.map_or(rest.is_empty(), |last| last.is_empty() || rest.is_empty() || text.ends_with(last))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_example_of_the_table_gets_its_reply() {
    let mut wrong = Vec::new();
    for row in rows() {
        let bench = Bench::start().await;
        for example in row.examples {
            let reply = bench.say(&format!("{}\n", example.line)).await;
            let body = reply.strip_suffix('\n').unwrap_or_else(|| panic!("{}: no empty line", example.line));
            if !is_like(body, example.reply) {
                wrong.push(format!("{}\n  expected {:?}\n  got      {body:?}", example.line, example.reply));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Lines that Debian's 2.6 answers as 3.5 does. The replies are compared in the order of the lines, so that each
/// side is in the same state; only the empty line at the end, which 2.6 forgets after some errors, may differ.
const ALIKE: &[&str] = &[
    "get weight be/s1",
    "get weight #3/#1",
    "get weight be/s1 more",
    "get weight",
    "get weight be",
    "get weight be/",
    "get weight /s1",
    "get weight x/s1",
    "get weight be/x",
    "get weight be/s1/x",
    "get weight be/#9",
    "set weight be/s1",
    "set weight be/s1 300",
    "set weight be/s1 -1",
    "set weight be/s1 abc",
    "set weight be/s1 10x",
    "set weight be/s1 20%x",
    "set weight be/s1 %",
    "set weight be/s1 -5%",
    "set weight x/s1",
    "set weight x/s1 zz",
    "set weight be/s1 20",
    "get weight be/s1",
    "set weight be/s1 1000%",
    "get weight be/s1",
    "set weight be/s1 +5",
    "get weight be/s1",
    "set weight be/s1 007 8",
    "get weight be/s1",
    "set server be/s1 weight 50%",
    "get weight be/s1",
    "set server be/s1 weight",
    "set server be/s1 state",
    "set server be/s1 state foo",
    "set server x/y state foo",
    "set server be/s1 state drain",
    "set server be/s1 state ready",
    "set server nosuch/x foo",
    "set server be/x foo",
    "set server be",
    "set server",
    "set server be/s1 addr",
    "set server be/s1 addr 127.0.0.2",
    "set server be/s1 addr 127.0.0.1 port 99",
    "set server be/s1 addr ::1 port 98",
    "enable server",
    "enable server be",
    "enable server be/x",
    "disable server x/s1",
    "disable server be/s1 more",
    "enable server be/s1",
    "set maxconn server be/s1",
    "set maxconn server be/s1 x",
    "set maxconn server be/s1 10x",
    "set maxconn server be/s1 -1",
    "set maxconn server be/s1 10",
    "set maxconn frontend",
    "set maxconn frontend x",
    "set maxconn frontend fe",
    "set maxconn frontend fe -1",
    "set maxconn frontend fe 100",
    "set maxconn global",
    "set rate-limit connections global",
    "set rate-limit connections global 10",
    "set rate-limit sessions global 10",
    "add server",
    "add server be",
    "add server be/n",
    "add server x/n 1.2.3.4",
    "add server be/s1 1.2.3.4:80",
    "add server be/n! 127.0.0.1:80",
    "add server be/n 127.0.0.1:80 weightt 3",
    "add server be/n 127.0.0.1:80 redir x",
    "add server be/n 127.0.0.1:80 weight 5",
    "add server be/n 127.0.0.1:80 weight 5",
    "get weight be/n",
    "del server",
    "del server be",
    "del server be/zz",
    "del server be/s1",
    "del server be/n",
    "get weight be/n",
    "add server be/n 127.0.0.1:80 weight 5",
    "enable server be/n",
    "del server be/n",
    "disable server be/n",
    "del server be/n",
    "clear counters",
    "clear counters all",
    "clear counters foo",
    "disable frontend",
    "disable frontend x",
    "disable frontend be",
    "disable frontend fe",
    "disable frontend fe",
    "enable frontend fe",
    "enable frontend fe",
    "disable frontend #2",
    "enable frontend 2",
    "enable frontend #2",
    "disable frontend li",
    "enable frontend li",
    "show backend",
    "show backend x",
    "show servers state x",
    "show servers state fe",
    "show stat nosuch 4 1",
    "show stat #be 4 1",
    "show stat domain foo",
    "show stat domain",
    "show cli level",
    "show cli level foo",
    "show env REGATE_NONE",
    "user;show cli level",
    "operator;show cli level;user;operator;show cli level",
    "user;disable server be/s1;disable server x;set server x foo;clear counters;clear counters all;show env",
    "set timeout",
    "set timeout foo 4",
    "set timeout cli",
    "set timeout cli x",
    "set timeout cli 0",
    "set timeout cli 5x",
    "set timeout cli 1m",
    "set severity-output",
    "set severity-output x",
    "set severity-output number;set weight be/s1 900;get weight be/s1;show servers state x;disable frontend x",
    "set severity-output number;enable frontend fe;set server be/s1 addr 127.0.0.9;add server be/o 127.0.0.1",
    "set severity-output string;get weight x/y;show stat nosuch 4 1;set severity-output none;get weight x/y",
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn conversations_are_haproxy_s_byte_for_byte() {
    let bench = Bench::start().await;
    let oracle = oracle::Oracle::start();
    for line in ALIKE {
        let theirs = oracle.ask(line);
        let ours = bench.say(&format!("{line}\n")).await;
        assert_eq!(ours.replace("\n\n", "\n").trim_end(), theirs.replace("\n\n", "\n").trim_end(), "{line}");
    }
}

#[tokio::test]
async fn a_line_may_hold_several_commands() {
    let bench = Bench::start().await;
    let reply = bench.say("get weight be/s1;nonsense;set weight be/s1 20;get weight be/s1\n").await;
    assert!(reply.starts_with("10 (initial 10)\n\nUnknown command: 'nonsense', but"), "{reply}");
    assert!(reply.ends_with("\n\n\n20 (initial 10)\n\n"), "{reply}");
    assert_eq!(
        bench.say("set weight be/s1 9;get weight be/s1; ;get weight be/s2\n").await,
        "\n9 (initial 10)\n\n\n1 (initial 1)\n\n"
    );
}

#[tokio::test]
async fn an_unfinished_line_is_dropped_at_the_end() {
    let bench = Bench::start().await;
    let mut stream = bench.connect(Level::Admin).await;
    stream.write_all(b"get weight be/s1\nget weight be/s1").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(rest_of(&mut stream).await, "10 (initial 10)\n\n");
    let mut stream = bench.connect(Level::Admin).await;
    stream.write_all(b"get weight be/s1").await.unwrap();
    stream.shutdown().await.unwrap();
    assert_eq!(rest_of(&mut stream).await, "");
}

#[tokio::test]
async fn the_prompt_comes_after_each_line() {
    let bench = Bench::start().await;
    let mut stream = bench.connect(Level::Admin).await;
    stream.write_all(b"prompt\n").await.unwrap();
    expect(&mut stream, "\n> ").await;
    stream.write_all(b"get weight be/s1;get weight be/s2\n").await.unwrap();
    expect(&mut stream, "10 (initial 10)\n\n1 (initial 1)\n\n> ").await;
    stream.write_all(b"echo x <<\nabc\n").await.unwrap();
    expect(&mut stream, "+ + ").await;
    stream.write_all(b"\n").await.unwrap();
    expect(&mut stream, "x\n\n> ").await;
    stream.write_all(b"prompt i\n").await.unwrap();
    expect(&mut stream, "\n").await;
    stream.write_all(b"show cli level\nquit;show cli level\n").await.unwrap();
    assert_eq!(rest_of(&mut stream).await, "admin\n\n");
}

#[tokio::test]
async fn lines_written_one_by_one_are_all_carried_out() {
    let bench = Bench::start().await;
    let mut stream = bench.connect(Level::Admin).await;
    for weight in 0..=255 {
        stream.write_all(format!("set weight be/s1 {weight}\n").as_bytes()).await.unwrap();
        tokio::task::yield_now().await;
    }
    stream.write_all(b"get weight be/s1\n").await.unwrap();
    assert_eq!(rest_of(&mut stream).await, "\n".repeat(256) + "255 (initial 10)\n\n");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_lines_at_once_keep_their_order() {
    let bench = Bench::start().await;
    let mut text = String::new();
    let mut expected = String::new();
    for at in 0..1000u32 {
        let weight = at % 257;
        text.push_str(&format!("set weight be/s1 {weight}\nget weight #3/#1\nget weight be/s1\n"));
        expected.push_str(&format!("\n{weight} (initial 10)\n\n{weight} (initial 10)\n\n"));
    }
    let stream = bench.connect(Level::Admin).await;
    let (mut reader, mut writer) = stream.into_split();
    let writing = tokio::spawn(async move {
        writer.write_all(text.as_bytes()).await.unwrap();
        writer.shutdown().await.unwrap();
    });
    let mut found = String::new();
    timeout(Duration::from_secs(60), reader.read_to_string(&mut found)).await.expect("it closes").unwrap();
    writing.await.unwrap();
    assert!(found == expected, "{} bytes of {}", found.len(), expected.len());
}

#[tokio::test]
async fn levels_hold_and_only_fall() {
    let bench = Bench::start().await;
    assert_eq!(bench.say_as(Level::User, "set weight be/s1 1\n").await, "Permission denied\n\n");
    assert_eq!(
        bench.say_as(Level::Operator, "clear counters all;clear counters\n").await,
        "Permission denied\n\n\n"
    );
    assert_eq!(bench.say_as(Level::User, "operator;show cli level\n").await, "Permission denied\n\nuser\n\n");
    bench.double.streams.lock().unwrap().clear();
    bench.say("get weight be/s1;operator;get weight be/s1;get weight be/s1;user;get weight be/s1\n").await;
    let streams = bench.double.streams.lock().unwrap();
    let levels: Vec<&str> = streams.iter().map(|(level, _)| level.as_str()).collect();
    assert_eq!(levels, ["admin", "operator", "user"]);
    assert!(streams[0].1.contains("uid=") && streams[0].1.starts_with("socket unix@"), "{}", streams[0].1);
}

#[tokio::test]
async fn too_much_is_refused_and_ends_the_connection() {
    let bench = Bench::start().await;
    let reply = bench.say(&"a".repeat(20_000)).await;
    assert_eq!(reply, format!("{}\n", sentence::LINE_TOO_LONG));
    let reply = bench.say(&format!("echo <<\n{}", "x\n".repeat(70_000))).await;
    assert_eq!(reply, format!("{}\n", sentence::PAYLOAD_TOO_LONG));
    let words = "w ".repeat(70);
    assert_eq!(bench.say(&format!("echo {words}\n")).await, format!("{}\n\n", sentence::TOO_MANY_WORDS));
}

#[tokio::test]
async fn silence_ends_a_connection_without_a_word() {
    let bench = Bench::with(|options| options.timeout = Duration::from_millis(200)).await;
    let mut stream = bench.connect(Level::Admin).await;
    stream.write_all(b"prompt i\nshow cli level\n").await.unwrap();
    assert_eq!(rest_of(&mut stream).await, "\nadmin\n\n");
    let mut stream = bench.connect(Level::Admin).await;
    stream.write_all(b"echo <<\nhalf a payload\n").await.unwrap();
    assert_eq!(rest_of(&mut stream).await, "");
}

#[tokio::test]
async fn a_client_that_does_not_read_stalls_nobody_else() {
    let bench = Bench::with(|options| options.maxconn = 40).await;
    let mut stuck = Vec::new();
    for _ in 0..30 {
        let mut stream = bench.connect(Level::Admin).await;
        let line = format!("prompt i;{}\n", "show stat json;".repeat(1000));
        stream.write_all(line.as_bytes()).await.unwrap();
        stuck.push(stream);
    }
    assert_eq!(bench.say("get weight be/s1\n").await, "10 (initial 10)\n\n");
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_their_turn() {
    let bench = Bench::with(|options| options.maxconn = 1).await;
    let mut first = bench.connect(Level::Admin).await;
    first.write_all(b"prompt i\n").await.unwrap();
    expect(&mut first, "\n").await;
    let mut second = bench.connect(Level::Admin).await;
    second.write_all(b"show cli level\n").await.unwrap();
    first.write_all(b"show cli level\n").await.unwrap();
    expect(&mut first, "admin\n\n").await;
    drop(first);
    assert_eq!(rest_of(&mut second).await, "admin\n\n");
}

#[tokio::test]
async fn a_target_out_of_reach_is_told() {
    let vacant = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let bench = Bench::with(|options| {
        let endpoint = tonic::transport::Endpoint::from_shared(format!("http://{vacant}")).unwrap();
        options.target = Target::at("node 1".into(), endpoint);
    })
    .await;
    let reply = bench.say("get weight be/s1;show cli level\n").await;
    assert_eq!(reply, "Cannot reach node 1; the command was perhaps not carried out.\n\nadmin\n\n");
}

#[tokio::test]
async fn files_have_their_mode_and_go_with_the_socket() {
    use std::os::unix::fs::PermissionsExt;
    let mut bench = Bench::start().await;
    let path = bench.folder.path().join("admin");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    bench.stop.take().unwrap().send(()).unwrap();
    let gone = async {
        while path.exists() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    timeout(Duration::from_secs(20), gone).await.expect("the file is removed");
}

#[test]
fn patterns_stand_for_anything() {
    assert!(is_like("abc", "abc") && is_like("abc", "a…") && is_like("abc", "…c") && is_like("abcd", "a…d"));
    assert!(!is_like("abc", "ab") && !is_like("abc", "b…") && !is_like("abc", "a…d"));
}
