//! Which server answers: every algorithm, hash type, function and set of weights under Regate and under Debian's
//! HAProxy, on the same configuration and the same keys.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::BTreeMap;
use std::fmt::Write;

use regate_tests::harness::{HttpClient, Kind, Origin, Port, Proxy, RawClient, Result, Step};

/// A backend, and what is asked of it.
struct Row {
    /// Lines of the backend.
    settings: &'static str,
    /// Parameters of its servers, `s1` first.
    servers: &'static [&'static str],
    /// How requests name a key.
    keys: Keys,
    /// Commands to the text socket, after which everything is asked once more.
    then: &'static [&'static str],
    /// What must be the same.
    agreement: Agreement,
}

/// How requests name a key.
#[derive(Clone, Copy)]
enum Keys {
    /// Not at all: so many requests that are all the same.
    None(usize),
    /// The target, out of several shapes.
    Target,
    /// A parameter of the query; some requests have none.
    Query,
    /// A form in the body; some requests have the parameter in the query, some nowhere.
    Form,
    /// The header `X-Key`; some requests have none.
    Header,
    /// The header `Host`, a name of several parts.
    Host,
    /// The client's address, told by a PROXY protocol header.
    Source,
    /// The first packet of an RDP client.
    Rdp,
    /// Connections that stay open, so many.
    Held(usize),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Agreement {
    /// The same server for each request.
    Exact,
    /// About as many requests for each server.
    Counts,
}

const EQUAL: &[&str] = &["", "", "", "", ""];
const UNEQUAL: &[&str] = &["weight 3", "weight 1", "weight 7", "weight 2", "weight 10"];
/// HAProxy draws from its ring, which is the fairer the more points it has; Regate draws by weight.
const HEAVY: &[&str] = &["weight 60", "weight 20", "weight 140", "weight 40", "weight 200"];
const NUMBERED: &[&str] = &["id 7 weight 2", "id 3", "id 1000 weight 5"];
const BACKED: &[&str] = &["", "backup weight 2", "backup", "backup weight 3"];
const LIMITED: &[&str] = &["maxconn 2 id 9", "maxconn 3 id 2", "maxconn 1 id 5"];
const NOTHING: &[&str] = &[];

const ROWS: &[Row] = &[
    row("balance roundrobin", EQUAL, Keys::None(40)),
    row("balance roundrobin", UNEQUAL, Keys::None(120)),
    row("balance roundrobin", &["weight 256", "weight 1", "weight 100"], Keys::None(400)),
    row("balance roundrobin", &["weight 5", "weight 5", "weight 3", "weight 3"], Keys::None(100)),
    then(
        row("balance roundrobin", UNEQUAL, Keys::None(115)),
        &["set weight @/s2 9", "disable server @/s5"],
        Agreement::Counts,
    ),
    row("balance static-rr", EQUAL, Keys::None(40)),
    row("balance static-rr", UNEQUAL, Keys::None(120)),
    row("balance static-rr", &["weight 30", "weight 20", "weight 50"], Keys::None(60)),
    then(row("balance static-rr", UNEQUAL, Keys::None(115)), &["disable server @/s3"], Agreement::Counts),
    row("balance leastconn", EQUAL, Keys::None(40)),
    row("balance leastconn", UNEQUAL, Keys::None(40)),
    row("mode tcp\n balance leastconn", EQUAL, Keys::Held(23)),
    row("mode tcp\n balance leastconn", &["weight 1", "weight 2", "weight 4"], Keys::Held(28)),
    // HAProxy lets a full server's turns pass, Regate leaves it out.
    counted("mode tcp\n balance roundrobin", &["weight 1", "weight 2 maxconn 2", "weight 4"], Keys::Held(20)),
    row("balance first", NUMBERED, Keys::None(10)),
    row("mode tcp\n balance first", LIMITED, Keys::Held(6)),
    counted("balance random", HEAVY, Keys::None(1000)),
    counted("balance random(1)", HEAVY, Keys::None(1000)),
    then(row("balance roundrobin", BACKED, Keys::None(10)), &["disable server @/s1"], Agreement::Exact),
    then(
        row("balance roundrobin\n option allbackups", BACKED, Keys::None(30)),
        &["disable server @/s1"],
        Agreement::Exact,
    ),
    then(
        row("balance uri\n option allbackups", BACKED, Keys::Target),
        &["disable server @/s1"],
        Agreement::Exact,
    ),
    then(
        row("balance uri\n hash-type consistent\n option allbackups", BACKED, Keys::Target),
        &["disable server @/s1"],
        Agreement::Exact,
    ),
    then(
        row("balance uri", BACKED, Keys::Target),
        &["disable server @/s1", "set weight @/s2 0"],
        Agreement::Exact,
    ),
    row("balance uri", EQUAL, Keys::Target),
    row("balance uri\n hash-type map-based sdbm", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type map-based djb2", UNEQUAL, Keys::Target),
    row("balance hash path,lower", UNEQUAL, Keys::Target),
    row("balance hash path,crc32 \n hash-type consistent", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type map-based wt6", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type map-based crc32", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type map-based sdbm avalanche", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type map-based djb2 avalanche", EQUAL, Keys::Target),
    row("balance uri\n hash-type map-based wt6 avalanche", NUMBERED, Keys::Target),
    row("balance uri\n hash-type map-based crc32 avalanche", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent", EQUAL, Keys::Target),
    row("balance uri\n hash-type consistent", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent", NUMBERED, Keys::Target),
    row("balance uri\n hash-type consistent sdbm", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent djb2", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent wt6", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent crc32", NUMBERED, Keys::Target),
    row("balance uri\n hash-type consistent djb2 avalanche", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent wt6 avalanche", UNEQUAL, Keys::Target),
    row("balance uri\n hash-type consistent crc32 avalanche", EQUAL, Keys::Target),
    row("balance uri\n hash-type consistent\n hash-balance-factor 150", UNEQUAL, Keys::None(20)),
    row("balance uri whole\n hash-type map-based crc32", UNEQUAL, Keys::Target),
    row("balance uri len 6\n hash-type map-based crc32", UNEQUAL, Keys::Target),
    row("balance uri depth 1\n hash-type map-based crc32", UNEQUAL, Keys::Target),
    row("balance uri depth 2 len 9 whole\n hash-type map-based crc32", UNEQUAL, Keys::Target),
    row("balance uri path-only\n hash-type map-based crc32", UNEQUAL, Keys::Target),
    row("balance uri path-only whole depth 1\n hash-type consistent", UNEQUAL, Keys::Target),
    row("balance url_param id", UNEQUAL, Keys::Query),
    row("balance url_param id\n hash-type consistent", UNEQUAL, Keys::Query),
    row("balance url_param id check_post", UNEQUAL, Keys::Form),
    row("balance url_param id check_post\n hash-type consistent", EQUAL, Keys::Form),
    row("balance hdr(x-key)", UNEQUAL, Keys::Header),
    row("balance hdr(X-Key)\n hash-type consistent wt6", UNEQUAL, Keys::Header),
    row("balance hdr(Host) use_domain_only\n hash-type map-based crc32", UNEQUAL, Keys::Host),
    row("balance source", UNEQUAL, Keys::Source),
    row("balance source\n hash-type map-based crc32 avalanche", UNEQUAL, Keys::Source),
    row("balance source\n hash-type consistent", UNEQUAL, Keys::Source),
    row("balance source\n hash-type consistent djb2", UNEQUAL, Keys::Source),
    row("mode tcp\n balance rdp-cookie", UNEQUAL, Keys::Rdp),
    row("mode tcp\n balance rdp-cookie(token)\n hash-type consistent", UNEQUAL, Keys::Rdp),
    then(
        row("balance uri", UNEQUAL, Keys::Target),
        &["disable server @/s3", "set weight @/s2 0%"],
        Agreement::Exact,
    ),
    then(
        row("balance uri\n hash-type consistent", UNEQUAL, Keys::Target),
        &["disable server @/s3", "set weight @/s2 5", "set weight @/s5 50%"],
        Agreement::Exact,
    ),
];

const fn row(settings: &'static str, servers: &'static [&'static str], keys: Keys) -> Row {
    Row { settings, servers, keys, then: NOTHING, agreement: Agreement::Exact }
}

const fn counted(settings: &'static str, servers: &'static [&'static str], keys: Keys) -> Row {
    Row { settings, servers, keys, then: NOTHING, agreement: Agreement::Counts }
}

const fn then(row: Row, commands: &'static [&'static str], agreement: Agreement) -> Row {
    Row { then: commands, agreement, ..row }
}

/// Origins of HTTP, and origins that speak first, hold the line and know no protocol.
struct Origins {
    web: Vec<Origin>,
    plain: Vec<Origin>,
}

#[test]
fn the_same_servers_answer() -> Result<()> {
    let of =
        |kind: Kind| answers(kind).map_err(|trouble| trouble.while_doing(format_args!("asking {kind:?}")));
    let (expected, found) = (of(Kind::Haproxy)?, of(Kind::Regate)?);
    let mut differences = String::new();
    for (row, (expected, found)) in ROWS.iter().zip(expected.iter().zip(&found)) {
        let agree = match row.agreement {
            Agreement::Exact => expected == found,
            Agreement::Counts => {
                expected.len() == found.len() && expected.iter().zip(found).all(|(a, b)| is_alike(a, b))
            }
        };
        if !agree {
            let what = row.settings.replace('\n', ";");
            let _ = writeln!(differences, "{what} {:?}:", row.servers);
            for (expected, found) in expected.iter().zip(found) {
                let _ = writeln!(differences, "  haproxy {expected}\n  regate  {found}");
            }
        }
    }
    assert!(differences.is_empty(), "\n{differences}");
    Ok(())
}

/// Which servers answered, a letter each, for each row: at first, and after its commands.
fn answers(kind: Kind) -> Result<Vec<Vec<String>>> {
    let start = || (1..=5).map(|at| Origin::start(&format!("s{at}"))).collect::<Result<Vec<_>>>();
    let origins = &Origins { web: start()?, plain: start()? };
    let ports: Vec<Port> = ROWS.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
    let proxy = Proxy::start(kind, &configuration(kind, &ports, origins))?;
    let mut all = Vec::new();
    for (at, (row, port)) in ROWS.iter().zip(&ports).enumerate() {
        let answers = || {
            ask(row, port, origins).map_err(|trouble| trouble.while_doing(format_args!("{:?}", row.settings)))
        };
        let mut found = vec![answers()?];
        for command in row.then {
            let reply = proxy.ask(&command.replace('@', &format!("b{at}")))?;
            assert_eq!(reply.trim(), "", "{command} under {kind:?}");
        }
        if !row.then.is_empty() {
            found.push(answers()?);
        }
        all.push(found);
    }
    Ok(all)
}

fn configuration(kind: Kind, ports: &[Port], origins: &Origins) -> String {
    let mut text = "global\n nbthread 1\n stats socket @folder@/admin.sock level admin\n\
                    defaults\n mode http\n timeout client 10s\n timeout connect 5s\n timeout server 10s\n"
        .to_owned();
    for (at, (row, port)) in ROWS.iter().zip(ports).enumerate() {
        let is_plain = row.settings.starts_with("mode tcp");
        let options = if matches!(row.keys, Keys::Source) { " accept-proxy" } else { "" };
        let _ = write!(text, "frontend f{at}\n bind {}{options}\n default_backend b{at}\n", port.address());
        if is_plain {
            text.push_str(" mode tcp\n");
        }
        // What HAProxy has to be told in order to wait for the cookie.
        if matches!(row.keys, Keys::Rdp) && kind == Kind::Haproxy {
            text.push_str(
                " tcp-request inspect-delay 5s\n tcp-request content accept if { req.len gt 40 }\n",
            );
        }
        let _ = write!(text, "backend b{at}\n {}\n", row.settings);
        let targets = if is_plain { &origins.plain } else { &origins.web };
        for ((number, parameters), origin) in (1..).zip(row.servers).zip(targets) {
            let _ = writeln!(text, " server s{number} {} {parameters}", origin.address());
        }
    }
    text
}

/// Sends what the row says; gives a letter for each answer.
fn ask(row: &Row, port: &Port, origins: &Origins) -> Result<String> {
    match row.keys {
        Keys::None(count) => {
            let mut client = HttpClient::connect(port.address())?;
            (0..count).map(|_| letter(client.fetch("/same")?.text())).collect()
        }
        Keys::Held(count) => {
            origins
                .plain
                .iter()
                .for_each(|origin| (0..count).for_each(|_| origin.script(greeting(origin, &[]))));
            let mut held = Vec::new();
            (0..count)
                .map(|_| {
                    let mut client = RawClient::connect(port.address())?;
                    let named = letter(String::from_utf8_lossy(&client.take(2)?).into_owned());
                    held.push(client);
                    named
                })
                .collect::<Result<String>>()
        }
        Keys::Rdp => (0..KEYS / 2).map(|key| rdp(key, port, origins)).collect(),
        Keys::Source => (0..KEYS)
            .map(|key| {
                let family = if key % 3 == 0 { "TCP6" } else { "TCP4" };
                let (source, own) = match family {
                    "TCP6" => (format!("2001:db8:{:x}::{:x}", key * 7, key * 131), "::1"),
                    _ => (format!("10.{}.{}.{}", key % 7, key * 3 % 256, key), "127.0.0.1"),
                };
                let mut client = HttpClient::connect(port.address())?;
                client.send(format!("PROXY {family} {source} {own} 1000 80\r\n"))?;
                letter(client.fetch("/")?.text())
            })
            .collect(),
        _ => {
            let mut client = HttpClient::connect(port.address())?;
            (0..KEYS)
                .map(|key| {
                    let (method, request) = request(row.keys, key);
                    client.send(request)?;
                    letter(client.read(method)?.text())
                })
                .collect()
        }
    }
}

/// A request with a key, in one of several shapes.
fn request(keys: Keys, key: usize) -> (&'static str, String) {
    let get = |target: &str, lines: &str| {
        let host = if lines.starts_with("Host") { "" } else { "Host: h.example\r\n" };
        ("GET", format!("GET {target} HTTP/1.1\r\n{host}{lines}\r\n"))
    };
    let token = key * 2_654_435_761 % 1_000_003;
    match keys {
        Keys::Target => match key % 8 {
            0 => get(&format!("/{token}"), ""),
            1 => get(&format!("/d{}/f{token}?q={key}", key % 5), ""),
            2 => get(&format!("/a/b{}/c{token}/", key % 3), ""),
            3 => get(&format!("http://h.example/abs{token}/x"), ""),
            4 => get(&format!("/q?{token}/x"), ""),
            5 => get(&format!("//{key}//{token}"), ""),
            6 => get("http://h.example", ""),
            _ => get(&format!("/%41{token};p=1&r=2"), ""),
        },
        Keys::Query => match key % 5 {
            0 => get("/none", ""),
            1 => get(&format!("/?id={token}"), ""),
            2 => get(&format!("/p?x=1&id={token}&y=2"), ""),
            3 => get(&format!("/p?xid={token}&id=u{token};z"), ""),
            _ => get(&format!("/p?id=&a={token}"), ""),
        },
        Keys::Form => {
            let body = match key % 4 {
                0 => format!("a=1&id={token}&b=2"),
                1 => format!("id={token}"),
                2 => "nothing=here".to_owned(),
                _ => format!("id=body{token}"),
            };
            let target = if key % 4 == 3 { format!("/?id=query{token}") } else { "/".to_owned() };
            let head = format!("POST {target} HTTP/1.1\r\nHost: h\r\n");
            let request = match key % 3 {
                0 => format!(
                    "{head}Transfer-Encoding: chunked\r\n\r\n3\r\n{}\r\n{:x}\r\n{}\r\n0\r\n\r\n",
                    &body[..3],
                    body.len() - 3,
                    &body[3..]
                ),
                _ => format!("{head}Content-Length: {}\r\n\r\n{body}", body.len()),
            };
            ("POST", request)
        }
        Keys::Header => match key % 5 {
            0 => get("/", ""),
            1 => get("/", &format!("X-KEY: k{token}\r\n")),
            2 => get("/", &format!("x-key:  v{token} , other\r\n")),
            3 => get("/", &format!("X-Key: a{token}\r\nX-Key: b\r\n")),
            _ => get("/", &format!("X-Key: \"q,{token}\", b\r\n")),
        },
        Keys::Host => match key % 4 {
            0 => get("/", &format!("Host: www.d{token}.com\r\n")),
            1 => get("/", &format!("Host: d{token}.co.uk:8080\r\n")),
            2 => get("/", &format!("Host: h{token}\r\n")),
            _ => get("/", &format!("Host: 10.{}.{}.1\r\n", key % 9, key)),
        },
        Keys::None(_) | Keys::Source | Keys::Rdp | Keys::Held(_) => get("/", ""),
    }
}

/// A connection that begins as an RDP client does; the origin names itself once it has all of it.
fn rdp(key: usize, port: &Port, origins: &Origins) -> Result<char> {
    let cookie = match key % 4 {
        0 => format!("Cookie: mstshash=user{key}"),
        1 => format!("Cookie: token={key}.15629.0000.x"),
        2 => format!("cookie: MSTSHASH=dom\\u {key}"),
        _ => format!("Cookie: other=long value {key}"),
    };
    let text = format!("{cookie}\r\n\u{1}\0\u{8}\0\0\0\0\0");
    let length = text.len() + 11;
    let head = [3, 0, 0, length as u8, length as u8 - 5, 0xe0, 0, 0, 0, 0, 0];
    let packet = [&head, text.as_bytes()].concat();
    origins.plain.iter().for_each(|origin| origin.script(greeting(origin, &[Step::Read(1)])));
    let mut client = RawClient::connect(port.address())?;
    client.send(&packet)?;
    letter(String::from_utf8_lossy(&client.take(2)?).into_owned())
}

/// After these steps says the origin's name and holds the line.
fn greeting(origin: &Origin, first: &[Step]) -> Vec<Step> {
    let last = [Step::Send(origin.name().into()), Step::Hold];
    first.iter().cloned().chain(last).collect()
}

/// `s3` as `c`.
fn letter(name: String) -> Result<char> {
    let number = name.strip_prefix('s').and_then(|number| number.parse::<u8>().ok());
    Ok(number.map_or('?', |number| char::from(b'a' + number - 1)))
}

/// Whether each letter stands about as often in both.
fn is_alike(expected: &str, found: &str) -> bool {
    let count = |text: &str| {
        let mut counts = BTreeMap::new();
        text.chars().for_each(|letter| *counts.entry(letter).or_insert(0_usize) += 1);
        counts
    };
    let (expected, found) = (count(expected), count(found));
    let letters = || expected.keys().chain(found.keys());
    let of = |counts: &BTreeMap<char, usize>, letter: &char| counts.get(letter).copied().unwrap_or(0);
    letters().all(|letter| {
        let (expected, found) = (of(&expected, letter), of(&found, letter));
        expected.abs_diff(found) <= 3 + expected.max(found) * 2 / 5
    })
}

/// Keys asked for in each row.
const KEYS: usize = 96;
