//! What clients of the text socket may send and leave undone: bounded, answered or closed, and nobody else waits.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use regate_tests::harness::{Folder, Kind, Port, Process, Proxy, Result, node};

const CONFIGURATION: &str = "global
    stats socket @folder@/admin level admin
    stats socket @folder@/passing level admin volatile
    stats socket @folder@/told level operator severity-output number mode 600 expose-fd listeners
    stats maxconn 4000
    stats timeout 30s
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend fe
    bind unix@@folder@/fe
    http-request set-header x %[path,map(@folder@/hosts.map)]
    default_backend be
backend be
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 weight 10
";

/// Regate with a map, whose folder must outlive it.
fn start() -> Result<(Proxy, Folder)> {
    let files = Folder::create()?;
    files.write("hosts.map", "a b\n")?;
    let map = at(&files, "hosts.map");
    let proxy = Proxy::start(Kind::Regate, &CONFIGURATION.replace("@folder@/hosts.map", &map))?;
    Ok((proxy, files))
}

/// What comes back until the socket closes.
fn rest(stream: &mut UnixStream) -> String {
    let mut bytes = Vec::new();
    // A client that sent too much may see a reset after the reply.
    let _ = stream.read_to_end(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Writes until the other side closes or takes no more.
fn flood(stream: &mut UnixStream, bytes: &[u8], most: usize) {
    stream.set_write_timeout(Some(Duration::from_millis(500))).unwrap();
    let mut sent = 0;
    while sent < most {
        match stream.write(bytes) {
            Ok(count) => sent += count,
            Err(_) => return,
        }
    }
}

fn memory(proxy: &Proxy) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", proxy.process.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
}

#[test]
fn whatever_comes_is_answered_or_closed_and_others_are_served() -> Result<()> {
    let (proxy, _files) = start()?;
    let before = memory(&proxy);
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for _ in 0..50 {
        let bytes: Vec<u8> = (0..2000).flat_map(|_| random().to_le_bytes()).collect();
        let mut stream = proxy.socket()?;
        flood(&mut stream, &bytes, bytes.len());
        let _ = stream.shutdown(Shutdown::Write);
        rest(&mut stream);
    }
    for (bytes, reply) in [
        (&b"get weight be/s1\0\n"[..], "No such server.\n\n"),
        (b"get weight \xff\xfe/s1\n", "No such backend.\n\n"),
        (b"get weight be/s\xc3\n", "No such server.\n\n"),
        (b"echo \xe2\x82\n", "\u{fffd}\n\n"),
        (b"get weight be/s1\r\n", "10 (initial 10)\n\n"),
        (b"get weight be/s1", ""),
        (b"\n", "\n"),
        (b"add map @9 x <<\nkey value\n", ""),
    ] {
        let mut stream = proxy.socket()?;
        stream.write_all(bytes)?;
        stream.shutdown(Shutdown::Write)?;
        assert_eq!(rest(&mut stream), reply, "{}", bytes.escape_ascii());
    }
    assert!(memory(&proxy) < before + 64, "{} MB after {before} MB", memory(&proxy));
    assert_eq!(proxy.ask("get weight be/s1")?, "10 (initial 10)\n\n");
    Ok(())
}

#[test]
fn what_never_ends_is_cut_off_at_its_limit() -> Result<()> {
    let (proxy, _files) = start()?;
    let before = memory(&proxy);
    let mut line = proxy.socket()?;
    flood(&mut line, &[b'x'; 8192], 64 << 20);
    let reply = rest(&mut line);
    assert!(
        reply.is_empty() || reply.starts_with("The command line is too big for the buffer size."),
        "{reply}"
    );
    let mut line = proxy.socket()?;
    line.write_all(&[b'x'; 16385])?;
    assert!(rest(&mut line).starts_with("The command line is too big for the buffer size."));
    let mut payload = proxy.socket()?;
    payload.write_all(b"add map x <<\n")?;
    for _ in 0..129 {
        payload.write_all("key value\n".repeat(103).as_bytes())?;
    }
    assert!(rest(&mut payload).starts_with("The payload is too big."));
    let mut words = proxy.socket()?;
    words.write_all(format!("echo{}\n", " x".repeat(64)).as_bytes())?;
    assert!(rest(&mut words).starts_with("Too many arguments."));
    assert!(memory(&proxy) < before + 64, "{} MB after {before} MB", memory(&proxy));
    Ok(())
}

#[test]
fn a_client_that_never_reads_holds_up_nobody() -> Result<()> {
    let (proxy, _files) = start()?;
    let before = memory(&proxy);
    let mut deaf: Vec<UnixStream> = Vec::new();
    for _ in 0..8 {
        let mut stream = proxy.socket()?;
        stream.write_all(b"prompt i\n")?;
        flood(&mut stream, "show stat; show schema json; help\n".repeat(100).as_bytes(), 1 << 20);
        deaf.push(stream);
    }
    let since = Instant::now();
    for _ in 0..20 {
        assert_eq!(proxy.ask("get weight be/s1")?, "10 (initial 10)\n\n");
        assert_eq!(proxy.ask("set weight be/s1 10")?, "\n");
    }
    assert!(since.elapsed() < Duration::from_secs(20), "{:?}", since.elapsed());
    assert!(memory(&proxy) < before + 128, "{} MB after {before} MB", memory(&proxy));
    drop(deaf);
    Ok(())
}

#[test]
fn thousands_of_idle_connections_cost_little() -> Result<()> {
    let (proxy, _files) = start()?;
    let before = memory(&proxy);
    let idle = (0..3000).map(|_| proxy.socket()).collect::<Result<Vec<_>>>()?;
    assert_eq!(proxy.ask("get weight be/s1")?, "10 (initial 10)\n\n");
    assert!(memory(&proxy) < before + 64, "{} MB after {before} MB", memory(&proxy));
    drop(idle);
    Ok(())
}

#[test]
fn a_loop_into_one_connection_adds_every_entry() -> Result<()> {
    let (proxy, files) = start()?;
    let map = at(&files, "hosts.map");
    let mut stream = proxy.socket()?;
    let mut reading = stream.try_clone()?;
    let reader = std::thread::spawn(move || {
        let mut bytes = Vec::new();
        reading.read_to_end(&mut bytes).map(|_| bytes)
    });
    // Every thousandth line is at fault, and told so in its place.
    let count = 20_000;
    for number in 0..count {
        let list = if number % 1000 == 500 { "nosuch.map" } else { map.as_str() };
        stream.write_all(format!("add map {list} key{number} {number}\n").as_bytes())?;
    }
    stream.shutdown(Shutdown::Write)?;
    let replies = String::from_utf8(reader.join().unwrap()?).unwrap();
    let refused = "Unknown map identifier. Please use #<id> or <file>.\n\n";
    let block = "\n".repeat(500) + refused + &"\n".repeat(499);
    assert_eq!(replies, block.repeat(count / 1000));
    let shown = proxy.ask("show map")?;
    assert!(shown.contains(&format!("entry_cnt={}", 1 + count - count / 1000)), "{shown}");
    assert!(proxy.ask(&format!("get map {map} key19999"))?.contains("value=\"19999\""));
    Ok(())
}

#[test]
fn a_socket_says_severities_when_it_is_told_to() -> Result<()> {
    let (proxy, _files) = start()?;
    let mut stream = UnixStream::connect(proxy.folder.path().join("told"))?;
    stream.write_all(b"set weight be/s1 5;get weight be/s1\n")?;
    assert_eq!(rest(&mut stream), "[3]: Permission denied\n\n10 (initial 10)\n\n");
    Ok(())
}

/// A data plane that keeps its state in a folder, and a shim of its own in front of it.
struct Pair {
    plane: Process,
    shim: Process,
}

fn at(folder: &Folder, name: &str) -> String {
    folder.path().join(name).display().to_string()
}

fn pair(folder: &Folder, sockets: &[&str]) -> Result<Pair> {
    let node = at(folder, "node");
    let mut plane = node::dataplane()?
        .args(["--state-dir", &at(folder, "state"), "--config", &at(folder, "proxy.cfg")])
        .args(["--admin", &format!("unix://{node}")])
        .start()?;
    plane.wait_until("the data plane to listen", START, |_| UnixStream::connect(&node).is_ok())?;
    let target = format!("unix://{node}");
    let mut launch = node::command()?.args(["shim", "--target", &target]);
    for socket in sockets {
        launch = launch.args(["--listen", socket]);
    }
    let mut shim = launch.start()?;
    shim.wait_until("the shim to speak", START, |process| process.output().contains("speaks for"))?;
    Ok(Pair { plane, shim })
}

fn say(folder: &Folder, socket: &str, line: &str) -> Result<String> {
    let mut stream = UnixStream::connect(at(folder, socket))?;
    stream.set_read_timeout(Some(START))?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    Ok(rest(&mut stream))
}

const SPEC: &str = "defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
backend be
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:2 weight 10
";

/// How long programs have to start.
const START: Duration = Duration::from_secs(60);

#[test]
fn a_shim_of_its_own_speaks_for_a_data_plane_at_several_sockets() -> Result<()> {
    let folder = Folder::create()?;
    folder.write("proxy.cfg", SPEC)?;
    let one = format!("unix@{},level=admin,mode=660", at(&folder, "one"));
    let port = Port::reserve()?;
    let tcp = format!("ipv4@127.0.0.1:{},level=user", port.number());
    let _pair = pair(&folder, &[&one, &tcp])?;
    let reply = say(&folder, "one", "show cli level;show cli sockets")?;
    assert!(reply.starts_with("admin\n\n# socket lvl processes\nunix@"), "{reply}");
    let tcp = reply.lines().find(|line| line.starts_with("ipv4@")).unwrap();
    assert_eq!(
        port.number(),
        tcp.split(' ').next().unwrap().rsplit(':').next().unwrap().parse::<u16>().unwrap()
    );
    let mut stream = TcpStream::connect(port.address())?;
    stream.write_all(b"show cli level;set weight be/s1 1\n")?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    assert_eq!(reply, "user\n\nPermission denied\n\n");
    Ok(())
}

#[test]
fn what_is_changed_lasts_unless_its_socket_is_volatile() -> Result<()> {
    let folder = Folder::create()?;
    folder.write("proxy.cfg", SPEC)?;
    let lasting = format!("unix@{},level=admin", at(&folder, "lasting"));
    let passing = format!("unix@{},level=admin,volatile", at(&folder, "passing"));
    let sockets = [lasting.as_str(), passing.as_str()];
    let mut first = pair(&folder, &sockets)?;
    assert_eq!(say(&folder, "lasting", "set weight be/s1 20")?, "\n");
    let reply = say(&folder, "passing", "set weight be/s1 30;set weight be/s2 40;get weight be/s1")?;
    assert_eq!(reply, "\n\n30 (initial 10)\n\n");
    assert_eq!(say(&folder, "passing", "add server be/s3 127.0.0.1:3")?, "New server registered.\n\n");
    let overlays = overlays(&folder)?;
    let uid = rustix::process::getuid().as_raw();
    for part in ["weight 30", "volatile, socket unix@", &format!("uid={uid} pid={}", std::process::id())] {
        assert!(overlays.contains(part), "{part} is not in\n{overlays}");
    }
    first.shim.terminate(START)?;
    first.plane.terminate(START)?;
    let _second = pair(&folder, &sockets)?;
    let reply = say(&folder, "lasting", "get weight be/s1;get weight be/s2;get weight be/s3")?;
    assert_eq!(reply, "20 (initial 10)\n\n10 (initial 10)\n\nNo such server.\n\n");
    let overlays = self::overlays(&folder)?;
    assert!(overlays.contains("weight 20") && !overlays.contains("volatile"), "{overlays}");
    let endpoint = format!("unix://{}", at(&folder, "node"));
    let mut revert = node::command()?.args(["--endpoint", &endpoint, "revert", "server", "be/s1"]).start()?;
    assert!(revert.wait_exit(START)?.success(), "{}", revert.output());
    assert_eq!(say(&folder, "lasting", "get weight be/s1")?, "10 (initial 10)\n\n");
    Ok(())
}

#[test]
fn a_frontend_that_was_shut_down_stays_so_until_that_is_reverted() -> Result<()> {
    let folder = Folder::create()?;
    let listening = format!("frontend fe\n    bind unix@{}\n    default_backend be\n", at(&folder, "fe"));
    folder.write("proxy.cfg", format!("{SPEC}{listening}"))?;
    let socket = format!("unix@{},level=admin", at(&folder, "lasting"));
    let status = || -> Result<String> {
        let csv = say(&folder, "lasting", "show stat fe 1 -1")?;
        Ok(csv.lines().nth(1).and_then(|row| row.split(',').nth(17)).unwrap_or("none").to_owned())
    };
    let mut first = pair(&folder, &[&socket])?;
    assert_eq!(status()?, "OPEN");
    assert_eq!(say(&folder, "lasting", "shutdown frontend fe")?, "\n");
    assert_eq!(status()?, "STOP");
    first.plane.wait_until("the log to tell it", START, |process| {
        process.output().contains("Proxy fe stopped (cumulated conns: FE: 0, BE: 0).")
    })?;
    let shown = overlays(&folder)?;
    assert!(shown.contains("frontend fe"), "{shown}");
    first.shim.terminate(START)?;
    first.plane.terminate(START)?;
    let _second = pair(&folder, &[&socket])?;
    assert_eq!(status()?, "STOP");
    assert!(UnixStream::connect(at(&folder, "fe")).is_err());
    regate(&folder, &["revert", "frontend", "fe"])?;
    assert_eq!(status()?, "OPEN");
    assert!(UnixStream::connect(at(&folder, "fe")).is_ok());
    assert_eq!(say(&folder, "lasting", "shutdown frontend fe")?, "\n");
    regate(&folder, &["adopt", "frontend", "fe"])?;
    assert!(!overlays(&folder)?.contains("frontend fe"));
    assert!(UnixStream::connect(at(&folder, "fe")).is_err());
    Ok(())
}

/// Carries out a command of `regate` on the data plane.
fn regate(folder: &Folder, words: &[&str]) -> Result<()> {
    let endpoint = format!("unix://{}", at(folder, "node"));
    let mut command = node::command()?.args(["--endpoint", &endpoint]).args(words).start()?;
    assert!(command.wait_exit(START)?.success(), "{words:?}: {}", command.output());
    Ok(())
}

fn overlays(folder: &Folder) -> Result<String> {
    let endpoint = format!("unix://{}", at(folder, "node"));
    let mut diff = node::command()?.args(["--endpoint", &endpoint, "diff", "--overlay"]).start()?;
    diff.wait_exit(START)?;
    Ok(diff.output())
}

#[test]
fn a_wait_ends_with_its_connection() -> Result<()> {
    let (proxy, _files) = start()?;
    let mut stream = proxy.socket()?;
    stream.write_all(b"wait 1ms;disable server be/s1;wait 20s srv-removable be/s1;del server be/s1\n")?;
    assert_eq!(rest(&mut stream), "Done.\n\n\nDone.\n\nServer deleted.\n\n");
    let mut stream = proxy.socket()?;
    stream.write_all(b"wait 1h\n")?;
    stream.set_read_timeout(Some(Duration::from_millis(50)))?;
    let waits = stream.read(&mut [0; 10]).map_err(|error| error.kind());
    assert!(matches!(waits, Err(ErrorKind::WouldBlock | ErrorKind::TimedOut)), "{waits:?}");
    drop(stream);
    assert_eq!(proxy.ask("get weight be/s2")?, "10 (initial 10)\n\n");
    Ok(())
}
