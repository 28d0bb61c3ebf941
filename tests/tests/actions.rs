//! Actions of rules one by one: under HAProxy and under Regate where Debian's package knows them, and what the newer
//! manual says of those that it does not know.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::net::UdpSocket;

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, RawClient, Result, Step, wait};

/// A proxy with a sink for its log.
struct Scene {
    proxy: Proxy,
    bind: Port,
    sink: UdpSocket,
}

impl Scene {
    /// Starts a frontend `fe` and a backend `be` of these lines. `@origin@` in them is the origin's port.
    fn start(kind: Kind, front: &str, back: &str, origin: &Origin) -> Result<Scene> {
        let (bind, sink) = (Port::reserve()?, UdpSocket::bind("127.0.0.1:0")?);
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let text = format!(
            "global\n nbthread 1\n log 127.0.0.1:{} local0\n stats socket @folder@/socket level admin\n\
             defaults\n mode http\n log global\n timeout connect 5s\n timeout client 60s\n timeout server 60s\n \
             timeout queue 60s\n timeout tarpit 60s\n\
             frontend fe\n bind 127.0.0.1:{}\n default_backend be\n {front}\nbackend be\n {back}\n",
            sink.local_addr()?.port(),
            bind.number(),
        );
        let proxy = Proxy::start(kind, &text.replace("@origin@", &origin.port().to_string()))?;
        Ok(Scene { proxy, bind, sink })
    }

    /// What the next line of the frontend says.
    fn line(&self) -> Result<String> {
        loop {
            let mut line = [0; 4096];
            let length = self.sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            if let Some((_, text)) = line.split_once("]: fe ") {
                return Ok(text.trim_end().to_owned());
            }
        }
    }
}

const REQUEST: &str = "GET /a HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";

#[test]
fn a_rule_expects_the_proxy_protocol_as_haproxys_does() -> Result<()> {
    const HEADER: &str = "PROXY TCP4 192.0.2.7 192.0.2.8 1007 1008\r\n";
    const ROWS: &[(&str, &str)] = &[
        ("tcp-request connection expect-proxy layer4", HEADER),
        ("tcp-request connection expect-proxy layer4", ""),
        ("tcp-request connection expect-proxy layer4 if { src 127.0.0.0/8 }", HEADER),
        ("tcp-request connection expect-proxy layer4 if { src 10.0.0.0/8 }", HEADER),
        ("tcp-request connection expect-proxy layer4 if { src 10.0.0.0/8 }", ""),
        (
            "tcp-request connection expect-proxy layer4\n tcp-request connection reject if { src 192.0.2.7 }",
            HEADER,
        ),
        (
            "tcp-request connection expect-proxy layer4\n tcp-request session reject if { src 192.0.2.7 }",
            HEADER,
        ),
        ("http-request wait-for-handshake", ""),
    ];
    compare(|kind| {
        let origin = Origin::start("o")?;
        origin.answer_by(|request| {
            let told = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-ends"));
            Answer::text(told.map_or("nothing", |(_, value)| value))
        });
        let mut seen = Vec::new();
        for (rules, header) in ROWS {
            let front =
                format!("{rules}\n http-request set-header X-Ends %[src]-%[src_port]-%[dst]-%[dst_port]");
            let scene = Scene::start(kind, &front, "server s 127.0.0.1:@origin@", &origin)?;
            let mut client = RawClient::connect(scene.bind.address())?;
            // A rule may have ended it by now.
            let _ = client.send(format!("{header}{REQUEST}"));
            let answer = client.take_to_end().unwrap_or_default();
            let answer = String::from_utf8_lossy(&answer).into_owned();
            let status = answer.split(' ').nth(1).unwrap_or_default().to_owned();
            let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
            // Without a header the ports are the test's own.
            let body = if body.starts_with("192.") { body } else { "" };
            seen.push(format!("{rules} {header:?}: {status} {body}"));
        }
        Ok(seen)
    })
}

#[test]
fn a_rule_writes_lines_beside_those_of_the_proxy() -> Result<()> {
    let origin = Origin::start("o")?;
    let scene = Scene::start(
        Kind::Regate,
        "log-format \"fe %HM %HP %ST [%[var(txn.a)]] %b\"
 http-request do-log if { path /a }
 http-request set-var(txn.a) str(x)
 http-request do-log if { path /a }
 http-response do-log if { status 200 }",
        "server s 127.0.0.1:@origin@",
        &origin,
    )?;
    let mut client = HttpClient::connect(scene.bind.address())?;
    client.fetch("/a")?;
    client.fetch("/b")?;
    let lines: Vec<String> = (0..6).map(|_| scene.line()).collect::<Result<_>>()?;
    assert_eq!(
        lines,
        [
            "GET /a -1 [-] fe",
            "GET /a -1 [x] fe",
            "<BADREQ> <BADREQ> 200 [x] be",
            "GET /a 200 [x] be",
            "<BADREQ> <BADREQ> 200 [x] be",
            "GET /b 200 [x] be"
        ]
    );
    Ok(())
}

#[test]
fn rules_say_how_long_and_how_often_is_tried() -> Result<()> {
    let origin = Origin::start("o")?;
    let nobody = Port::reserve()?;
    let back = format!(
        "retries 0\n timeout connect 10ms\n server dead 127.0.0.1:{nobody} disabled\n server s 127.0.0.1:@origin@ maxconn 1\n use-server dead if {{ path /retry }}"
    );
    let scene = Scene::start(
        Kind::Regate,
        "log-format \"fe %HP %ST %rc %ts\"
 http-request set-timeout tarpit 10ms
 http-request tarpit if { path /tarpit }
 http-request set-timeout queue 20ms
 http-request set-retries 3 if { path /retry }
 http-request set-retries int(2) if { path /more }
 http-request set-timeout connect int(500)
 http-response set-timeout server 5s",
        &back,
        &origin,
    )?;
    let fetch = |target: &str| HttpClient::connect(scene.bind.address())?.fetch(target);
    assert_eq!(fetch("/tarpit")?.status, 500);
    assert_eq!(scene.line()?, "/tarpit 500 0 PT");
    // The one place is taken for as long as the origin is silent.
    origin.script(vec![Step::ReadUntil(b"\r\n\r\n".to_vec()), Step::Hold]);
    let mut first = RawClient::connect(scene.bind.address())?;
    first.send(REQUEST)?;
    origin.wait_for_bytes("the request that holds the place", |bytes| bytes.ends_with(b"\r\n\r\n"))?;
    assert_eq!(fetch("/wait")?.status, 503);
    assert_eq!(scene.line()?, "/wait 503 0 sQ");
    drop(first);
    scene.proxy.ask("enable server be/dead")?;
    assert_eq!(fetch("/retry")?.status, 503);
    let line = wait::until("the line of the request that is tried again", wait::PATIENCE, || {
        scene.line().ok().filter(|line| line.starts_with("/retry"))
    })?;
    assert_eq!(line, "/retry 503 3 SC");
    Ok(())
}

/// HTTP/1 counts as what is odd in the newer versions what is malformed, let through or not.
#[test]
fn oddities_of_protocol_are_counted() -> Result<()> {
    let origin = Origin::start("o")?;
    let scene = Scene::start(
        Kind::Regate,
        "log-format \"fe %ST %[fc_glitches] [%[bc_glitches]]\"
 option accept-unsafe-violations-in-http-request
 stick-table type ip size 10 store glitch_cnt,glitch_rate(1h)
 tcp-request session track-sc0 src
 http-request set-header X-Seen %[fc_glitches]-%[sc_glitch_cnt(0)]-%[sc0_glitch_rate]-%[src,table_glitch_cnt(fe)]",
        "server s 127.0.0.1:@origin@",
        &origin,
    )?;
    origin.answer_by(|request| {
        let told = request.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("x-seen"));
        Answer::text(told.map_or("nothing", |(_, value)| value))
    });
    let mut client = HttpClient::connect(scene.bind.address())?;
    let mut ask = |request: &str| -> Result<String> {
        client.send(request)?;
        Ok(client.read("GET")?.text())
    };
    assert_eq!(ask("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")?, "0-0-0-0");
    // Let through, since the frontend is told to.
    assert_eq!(ask("GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n")?, "1-0-0-0");
    assert_eq!(ask("GET /a HTTP/1.1\r\nHost: h\r\n\r\n")?, "1-1-1-1");
    drop(client);
    let lines: Vec<String> = (0..3).map(|_| scene.line()).collect::<Result<_>>()?;
    assert_eq!(lines, ["200 0 [0]", "200 1 [0]", "200 1 [0]"]);
    // Refused.
    let mut broken = RawClient::connect(scene.bind.address())?;
    broken.send("GET / HTTP/1.1\r\nbad header\r\n\r\n")?;
    broken.take_to_end()?;
    assert_eq!(scene.line()?, "400 1 [-]");
    let shown = scene.proxy.ask("show table fe")?;
    assert!(shown.contains("glitch_cnt=2 glitch_rate(3600000)=2"), "{shown}");
    // The server's.
    let request = Step::ReadUntil(b"\r\n\r\n".to_vec());
    origin.script(vec![
        request,
        Step::Send(b"HTTP/1.1 200 OK\r\nbad header\r\n\r\n".to_vec()),
        Step::ReadToEnd,
    ]);
    origin.disconnect();
    let mut client = RawClient::connect(scene.bind.address())?;
    client.send(REQUEST)?;
    client.take_to_end()?;
    assert_eq!(scene.line()?, "502 0 [1]");
    Ok(())
}
