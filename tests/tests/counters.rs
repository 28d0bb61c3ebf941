//! What counters say when traffic has passed: the same as HAProxy's, and of what is Regate's own that it moves.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::BTreeMap;
use std::io::{Read, Write};

use regate_tests::harness::proxy::Setting;
use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, RawClient, Result, wait};

/// One worker, so that idle connections lie where the next request looks for them.
const CONFIGURATION: &str = "global
    nbthread 1
    stats socket @folder@/admin level admin
    stats socket @folder@/user level user
ring newest
    description \"the newest lines\"
    size 32768
    maxlen 1200
    format raw
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend fe
    bind 127.0.0.1:@http@
    option socket-stats
    log ring@newest local0
    log-format \"seen %HP\"
    http-request deny if { path /deny }
    http-request return status 204 if { path /own }
    default_backend be
backend be
    server s1 127.0.0.1:@origin@
    server s2 127.0.0.1:@origin@ disabled
frontend fe_tcp
    mode tcp
    bind 127.0.0.1:@tcp@
    default_backend be_tcp
backend be_tcp
    mode tcp
    server t1 127.0.0.1:@origin@
";

/// Columns whose values depend on nothing but the traffic.
const COLUMNS: &[&str] = &[
    "qcur",
    "qmax",
    "scur",
    "stot",
    "dreq",
    "dresp",
    "ereq",
    "econ",
    "eresp",
    "wretr",
    "wredis",
    "status",
    "weight",
    "act",
    "bck",
    "iid",
    "sid",
    "lbtot",
    "type",
    "hrsp_1xx",
    "hrsp_2xx",
    "hrsp_3xx",
    "hrsp_4xx",
    "hrsp_5xx",
    "hrsp_other",
    "req_tot",
    "cli_abrt",
    "srv_abrt",
    "mode",
    "algo",
    "conn_tot",
    "intercepted",
    "dcon",
    "dses",
    "connect",
    "reuse",
    "srv_icur",
    "eint",
    "idle_conn_cur",
    "safe_conn_cur",
    "used_conn_cur",
    "need_conn_est",
    "uweight",
    "h1_open_connections",
    "h1_open_streams",
    "h1_total_connections",
    "h1_total_streams",
    "h1_spliced_bytes_in",
    "h1_spliced_bytes_out",
];

/// Where Regate says what HAProxy 3.5 does and 2.6 does not, by row and column: what 2.6 says, what Regate says.
const OTHERWISE: &[(&str, &str, &str, &str)] = &[("fe/sock-1", "conn_tot", "", "2")];

struct Scene {
    proxy: Proxy,
    _origin: Origin,
    http: Port,
    tcp: Port,
}

impl Scene {
    fn start(kind: Kind) -> Result<Scene> {
        let origin = Origin::start("o")?;
        origin.answer_by(|request| match request.target.as_str() {
            "/missing" => Answer::text("no").status(404, "Not Found"),
            _ => Answer::text("yes"),
        });
        let (http, tcp) = (Port::reserve()?, Port::reserve()?);
        let text = CONFIGURATION
            .replace("@http@", &http.number().to_string())
            .replace("@tcp@", &tcp.number().to_string())
            .replace("@origin@", &origin.port().to_string());
        Ok(Scene { proxy: Proxy::start(kind, &text)?, _origin: origin, http, tcp })
    }

    /// Some requests of every kind, after which no client is left.
    fn pass_traffic(&self) -> Result<()> {
        let mut client = HttpClient::connect(self.http.address())?;
        for target in ["/a", "/b", "/missing", "/c", "/deny", "/own", "/d"] {
            client.fetch(target)?;
        }
        drop(client);
        let mut broken = RawClient::connect(self.http.address())?;
        broken.send("GET / HTTP/1.1\r\nbad header\r\n\r\n")?;
        broken.take_to_end()?;
        drop(broken);
        let mut session = HttpClient::connect(self.tcp.address())?;
        session.fetch("/")?;
        drop(session);
        wait::until_true("every client to be gone", wait::PATIENCE, || {
            self.rows()
                .is_ok_and(|rows| rows.values().all(|row| row["scur"] == "0" || row["scur"].is_empty()))
        })
    }

    /// The rows of `show stat` by their names, by column.
    fn rows(&self) -> Result<BTreeMap<String, BTreeMap<String, String>>> {
        let text = self.proxy.ask("show stat")?;
        let mut lines = text.lines().filter(|line| !line.is_empty());
        let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
        let rows = lines.map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let columns =
                names.iter().zip(&fields).map(|(name, field)| ((*name).to_owned(), (*field).to_owned()));
            (format!("{}/{}", fields[0], fields[1]), columns.collect())
        });
        Ok(rows.collect())
    }

    /// A number that `show info` tells.
    fn info(&self, name: &str) -> Result<u64> {
        let text = self.proxy.ask("show info")?;
        let prefix = format!("{name}: ");
        let found = text.lines().find_map(|line| line.strip_prefix(&prefix));
        Ok(found.unwrap_or_else(|| panic!("{name} in {text}")).parse().unwrap())
    }
}

#[test]
fn counters_after_traffic_are_haproxy_s() -> Result<()> {
    let (theirs, ours) = (Scene::start(Kind::Haproxy)?, Scene::start(Kind::Regate)?);
    theirs.pass_traffic()?;
    ours.pass_traffic()?;
    let (theirs, ours) = (theirs.rows()?, ours.rows()?);
    let mut differences = Vec::new();
    for (name, their) in &theirs {
        for column in COLUMNS {
            let (their, our) = (their[*column].as_str(), ours[name][*column].as_str());
            let known = OTHERWISE.iter().find(|(row, known, ..)| row == name && known == column);
            let expected = known.map_or((their, their), |(_, _, their, our)| (*their, *our));
            if (their, our) != expected {
                differences.push(format!("{name} {column}: haproxy {their:?}, regate {our:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

#[test]
fn connections_to_servers_are_haproxy_s_with_two_columns_more() -> Result<()> {
    let (theirs, ours) = (Scene::start(Kind::Haproxy)?, Scene::start(Kind::Regate)?);
    theirs.pass_traffic()?;
    ours.pass_traffic()?;
    // HAProxy 2.6 has neither `served` nor `idle_sess`; ports of origins differ.
    let masked = |text: String, newer: bool| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        let line = |line: &str| {
            let mut words: Vec<&str> = line.split(' ').collect();
            words[3] = "*";
            if newer {
                words.remove(10);
                words.remove(6);
            }
            words.join(" ")
        };
        lines.map(line).collect()
    };
    let (theirs, ours) = (theirs.proxy.ask("show servers conn")?, ours.proxy.ask("show servers conn")?);
    assert!(ours.starts_with("# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[1]\n"), "{ours}");
    assert_eq!(masked(ours, true), masked(theirs, false));
    Ok(())
}

#[test]
fn rings_are_listed_and_shown_as_haproxy_does() -> Result<()> {
    let (theirs, ours) = (Scene::start(Kind::Haproxy)?, Scene::start(Kind::Regate)?);
    for scene in [&theirs, &ours] {
        scene.pass_traffic()?;
        wait::until_true("the lines to be there", wait::PATIENCE, || {
            scene.proxy.ask("show events newest").is_ok_and(|lines| lines.contains("seen <BADREQ>"))
        })?;
    }
    // HAProxy 2.6 writes some lines twice.
    let lines = |text: String| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.dedup();
        lines
    };
    assert_eq!(lines(ours.proxy.ask("show events newest")?), lines(theirs.proxy.ask("show events newest")?));
    for line in ["show events nosuch", "show events stdout", "show events newest -x"] {
        assert_eq!(ours.proxy.ask(line)?.trim_end(), theirs.proxy.ask(line)?.trim_end(), "{line}");
    }
    assert_eq!(ours.proxy.ask("show events newest -n")?, "\n");
    assert!(ours.proxy.ask("show events newest -0")?.starts_with("seen /a\0seen /b\0"));
    // The heading of 3.5, and no ring that nobody asked for.
    let named = |text: String| {
        text.lines().filter(|line| line.contains("newest")).map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(named(ours.proxy.ask("show events")?), named(theirs.proxy.ask("show events")?));
    Ok(())
}

#[test]
fn a_ring_is_followed_until_the_client_sends_something() -> Result<()> {
    let scene = Scene::start(Kind::Regate)?;
    let mut socket = scene.proxy.socket()?;
    socket.write_all(b"show events newest -w\n")?;
    let mut client = HttpClient::connect(scene.http.address())?;
    let mut seen = String::new();
    for target in ["/first", "/second"] {
        client.fetch(target)?;
        let mut part = [0; 512];
        while !seen.contains(&format!("seen {target}\n")) {
            let count = socket.read(&mut part)?;
            assert!(count > 0, "it ended after {seen:?}");
            seen.push_str(&String::from_utf8_lossy(&part[..count]));
        }
    }
    socket.write_all(b"\n")?;
    socket.read_to_string(&mut seen)?;
    assert!(seen.starts_with("seen /first\nseen /second\n\n"), "{seen:?}");
    Ok(())
}

#[test]
fn what_is_counted_inside_moves_with_traffic() -> Result<()> {
    let scene = Scene::start(Kind::Regate)?;
    let names = ["CumReq", "CumStreams", "TotalBytesOut", "CumConns"];
    let before = names.map(|name| scene.info(name).unwrap());
    scene.pass_traffic()?;
    let after = names.map(|name| scene.info(name).unwrap());
    let [requests, streams, bytes, connections] = [0, 1, 2, 3].map(|at: usize| after[at] - before[at]);
    assert_eq!((requests, connections), (7, 3));
    assert!(streams >= 9, "seven requests, a broken one, a session: {streams}");
    assert!(bytes > 500, "{bytes}");
    assert!(scene.info("Tasks")? >= 5, "{}", scene.info("Tasks")?);
    assert!(scene.info("PoolAlloc_bytes")? >= 16_384);
    let activity = scene.proxy.ask("show activity")?;
    assert!(activity.contains("\naccepted: 3 [ 3 ]\n"), "{activity}");
    let listeners = scene.proxy.ask("show fd -l")?;
    for (port, name) in [(&scene.http, "fe"), (&scene.tcp, "fe_tcp")] {
        let wanted = format!("kind=tcp state=LISTEN local={} fe={name}\n", port.address());
        assert!(listeners.contains(&wanted), "{wanted} in {listeners}");
    }
    let threads = scene.proxy.ask("show threads")?;
    assert!(threads.contains(" name=worker-0 "), "{threads}");
    let tasks = scene.proxy.ask("show tasks")?;
    assert!(tasks.contains("\n  acceptor                     2 "), "{tasks}");
    let pools = scene.proxy.ask("show pools match small")?;
    assert!(pools.contains("  - Pool small_buffer (16384 bytes) : "), "{pools}");
    let node = scene.proxy.ask("show dev")?;
    assert!(node.contains(&format!("\n  pid: {}\n", scene.proxy.process.pid())), "{node}");
    let libraries = scene.proxy.ask("show libs")?;
    assert!(libraries.contains("/libc.so"), "{libraries}");
    let told = scene.proxy.ask("show startup-logs")?;
    assert!(told.lines().all(|line| line.is_empty() || line.starts_with('[')), "{told}");
    Ok(())
}

/// Fields of `show info` that belong to what Regate does not have: TLS and compression (not yet), peers, busy polling,
/// commands for debugging, logs received from others, unsafe features in use.
const ABSENT: &[&str] = &[
    "MaxSslConns",
    "CurrSslConns",
    "CumSslConns",
    "SslRate",
    "MaxSslRate",
    "SslFrontendKeyRate",
    "SslFrontendMaxKeyRate",
    "SslFrontendSessionReuse_pct",
    "SslBackendKeyRate",
    "SslBackendMaxKeyRate",
    "SslCacheLookups",
    "SslCacheMisses",
    "CompressBpsIn",
    "CompressBpsOut",
    "ActivePeers",
    "ConnectedPeers",
    "BusyPolling",
    "DebugCommandsIssued",
    "CumRecvLogs",
    "Tainted",
];

#[test]
fn the_process_has_haproxy_s_fields_but_those_listed() -> Result<()> {
    let (theirs, ours) = (Scene::start(Kind::Haproxy)?, Scene::start(Kind::Regate)?);
    // `<pos>.<name>.<process>:<tags>:<type>:<value>`; 2.6 has three tags, and one name with a slip.
    let fields = |text: String| -> BTreeMap<String, String> {
        let lines = text.lines().filter(|line| !line.is_empty());
        let field = |line: &str| {
            let (name, rest) = line.split_once(':').unwrap();
            let (tags, rest) = rest.split_once(':').unwrap();
            let kind = rest.split_once(':').unwrap().0;
            (name.replace("Splicded", "Spliced"), format!("{}:{kind}", &tags[..3]))
        };
        lines.map(field).collect()
    };
    let (theirs, ours) =
        (fields(theirs.proxy.ask("show info typed")?), fields(ours.proxy.ask("show info typed")?));
    let mut differences = Vec::new();
    for (name, shape) in &theirs {
        let is_absent = ABSENT.iter().any(|absent| name.split('.').nth(1) == Some(absent));
        match ours.get(name) {
            None if is_absent => {}
            Some(own) if own == shape && !is_absent => {}
            own => differences.push(format!("{name}: haproxy {shape}, regate {own:?}")),
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n"));
    Ok(())
}

/// Everything that has a guid, and beside it what has none.
const IDENTIFIED: &str = "global
    nbthread 1
    stats socket @folder@/admin level admin
    stats-file @folder@/counters
defaults
    mode http
    timeout connect 5s
    timeout client 20s
    timeout server 20s
frontend fe
    guid front
    bind 127.0.0.1:@http@ guid-prefix sock
    option socket-stats
    http-request deny if { path /deny }
    default_backend be
backend be
    guid back
    server s1 127.0.0.1:@origin@ guid one
    server s2 127.0.0.1:@origin@ disabled
listen both
    guid li
    bind 127.0.0.1:@tcp@ guid-prefix hidden
    server t1 127.0.0.1:@origin@ guid two
";

/// What is dumped before the end is what is dumped after the next start, also under other names; what has no guid
/// begins at nothing.
#[test]
fn counters_of_what_has_a_guid_go_on_after_a_restart() -> Result<()> {
    let origin = Origin::start("origin")?;
    origin.answer(Answer::text("yes"));
    let (http, tcp) = (Port::reserve()?, Port::reserve()?);
    let configuration = IDENTIFIED
        .replace("@http@", &http.number().to_string())
        .replace("@tcp@", &tcp.number().to_string())
        .replace("@origin@", &origin.port().to_string());
    let mut first = Proxy::start(Kind::Regate, &configuration)?;
    assert!(first.process.output().contains("the file of counters"), "{}", first.process.output());
    let mut client = HttpClient::connect(http.address())?;
    for target in ["/", "/", "/deny"] {
        client.fetch(target)?;
    }
    HttpClient::connect(tcp.address())?.fetch("/")?;
    drop(client);
    let counted = |dump: &str| {
        value(dump, "#fe", "front", "req_tot") == "3" && value(dump, "#be", "two", "stot") == "1"
    };
    let dump = wait::until("the requests to be counted", wait::PATIENCE, || {
        first.ask("dump stats-file").ok().filter(|dump| counted(dump))
    })?;
    let guids: Vec<&str> =
        dump.lines().filter_map(|line| line.split(',').next()).filter(|word| !word.is_empty()).collect();
    assert_eq!(
        guids,
        ["#fe guid", "front", "sock-0", "li", "#be guid", "one", "back", "two", "li"],
        "{dump}"
    );
    assert_eq!(value(&dump, "#be", "one", "hrsp_2xx"), "2");
    assert_eq!(value(&dump, "#fe", "front", "hrsp_4xx"), "1");
    assert_ne!(value(&dump, "#fe", "sock-0", "bin"), "0");
    first.stop()?;
    let renamed = configuration
        .replace("backend be\n", "backend other\n")
        .replace("default_backend be", "default_backend other");
    let setting = Setting { files: vec![("counters".to_owned(), dump.clone())], ..Setting::default() };
    let second = Proxy::start_with(Kind::Regate, &renamed, &setting)?;
    assert_eq!(second.ask("dump stats-file")?, dump);
    let stat = second.ask("show stat other 4 2")?;
    assert!(stat.contains("other,s2,0,0,0,0,,0,0,0,"), "{stat}");
    second.ask("clear counters all")?;
    assert_eq!(value(&second.ask("dump stats-file")?, "#fe", "front", "req_tot"), "0");
    // A name for good is given once, whoever asks.
    let refused = second.ask("add server other/s3 127.0.0.1:1 guid li")?;
    assert!(refused.contains("guid li already"), "{refused}");
    assert_eq!(second.ask("add server other/s3 127.0.0.1:1 guid three")?, "New server registered.\n\n");
    let (status, output) = Proxy::check(Kind::Regate, &configuration.replace("guid back", "guid one"))?;
    assert!(!status.success() && output.contains("guid 'one' is taken already, at"), "{output}");
    Ok(())
}

/// A number of a dump: of this side, with this guid, in this column.
fn value<'d>(dump: &'d str, side: &str, guid: &str, column: &str) -> &'d str {
    let mut lines = dump.lines().skip_while(|line| !line.starts_with(side));
    let at = lines.next().and_then(|header| header.split(',').position(|name| name == column)).unwrap();
    let line = lines.take_while(|line| !line.is_empty()).find(|line| line.split(',').next() == Some(guid));
    line.and_then(|line| line.split(',').nth(at)).unwrap_or_default()
}
