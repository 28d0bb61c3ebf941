//! TCP proxies whose connections turn out to be HTTP, beside Debian's HAProxy: by `switch-mode`, and by a backend that
//! knows requests (configuration manual 4.2 "tcp-request content switch-mode").

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream, UdpSocket};

use regate_tests::harness::{Answer, HttpClient, Origin, Port, Proxy, RawClient, Result, oracle, wait};

/// Frontends: one that switches, one whose rules lead to a backend of requests, one whose default does.
const PROXIES: &str = "global
    stats socket @folder@/socket
defaults
    mode tcp
    timeout connect 5s
    timeout client 5s
    timeout server 5s
    log 127.0.0.1:SINK local0
    log-format \"%ft %b/%s %ts %[var(txn.seen)]\"
frontend switches
    bind 127.0.0.1:ONE
    tcp-request inspect-delay 5s
    tcp-request content set-var(txn.seen) hdr(host) if HTTP
    tcp-request content switch-mode http if HTTP
    tcp-request content set-var(txn.seen) str(later)
    http-request set-header X-Seen %[var(txn.seen)]
    http-request set-header X-First %[http_first_req]
    http-request deny if { path /denied }
    http-response set-header X-Path %[capture.req.uri]
    use_backend requests if HTTP
    default_backend bytes
frontend leads
    bind 127.0.0.1:TWO
    tcp-request inspect-delay 5s
    tcp-request content accept if HTTP
    tcp-request content accept if { req.payload(0,5) -m str plain }
    use_backend requests if { hdr_dom(host) a.test } { path_beg /x }
    use_backend requests if { path /y }
    default_backend bytes
frontend defaults
    bind 127.0.0.1:THREE
    http-request return status 200 content-type text/plain string own if { path /own }
    default_backend requests
backend requests
    mode http
    http-request set-header X-Backend %[be_name]
    server s1 127.0.0.1:ORIGIN
backend bytes
    server s1 127.0.0.1:BYTES
";

#[test]
fn connections_of_tcp_proxies_turn_into_http_as_haproxys_do() -> Result<()> {
    let bytes = TcpListener::bind("127.0.0.1:0")?;
    let address = bytes.local_addr()?;
    std::thread::spawn(move || {
        for stream in bytes.incoming().flatten() {
            std::thread::spawn(move || echo(stream));
        }
    });
    oracle::compare(|kind| {
        let ports = [Port::reserve()?, Port::reserve()?, Port::reserve()?];
        let origin = Origin::start("requests")?;
        origin.answer_by(|request| {
            let shown = ["x-seen", "x-first", "x-backend"].map(|name| request.header(name).unwrap_or("-"));
            Answer::text(&format!("{} {}", request.target, shown.join(" ")))
        });
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let configuration = PROXIES
            .replace("SINK", &sink.local_addr()?.port().to_string())
            .replace("ONE", &ports[0].to_string())
            .replace("TWO", &ports[1].to_string())
            .replace("THREE", &ports[2].to_string())
            .replace("ORIGIN", &origin.port().to_string())
            .replace("BYTES", &address.port().to_string());
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut seen = Vec::new();
        let logged = || -> Result<String> {
            let mut line = [0; 4096];
            let length = sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            Ok(line.split_once("]: ").map_or(line.clone(), |(_, line)| line.trim().to_owned()))
        };
        for (port, target, host, what) in [
            (0, "/a", "a.test", "GET"),
            (0, "/b", "b.test", "GET"),
            (0, "/denied", "a.test", "GET"),
            (1, "/x/1", "www.a.test", "GET"),
            (1, "/y", "b.test", "GET"),
            (2, "/own", "c.test", "GET"),
            (2, "/z", "c.test", "POST"),
        ] {
            let mut client = HttpClient::connect(ports[port].address())?;
            // The second is known to be HTTP already.
            for (target, end) in [(target, "keep-alive"), ("/y", "close")] {
                client.send(format!(
                    "{what} {target} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 0\r\nConnection: {end}\r\n\r\n"
                ))?;
                let exchange = client.read(what)?;
                let path = exchange.header("x-path").unwrap_or("-").to_owned();
                seen.push(format!("{port} {target}: {} {path} {}", exchange.status, exchange.text()));
                seen.push(logged()?);
            }
        }
        // What no proxy of requests can take: another protocol, and a request that leads to a backend of bytes.
        for (port, sent) in [
            (0, "plain text\n"),
            (1, "plain text\n"),
            (1, "GET /other HTTP/1.1\r\nHost: b.test\r\n\r\n"),
            (1, "GET /y HTTP/1.1\r\nHost: b.test\r\n\r\nGET /other HTTP/1.1\r\nHost: b.test\r\n\r\n"),
            (2, "plain text\n"),
        ] {
            let mut client = RawClient::connect(ports[port].address())?;
            client.send(sent)?;
            let answer = String::from_utf8_lossy(&client.take_to_end()?).into_owned();
            // A session is over, and in the log, when both sides have closed.
            drop(client);
            let first = answer.lines().next().unwrap_or_default();
            seen.push(format!("{port} {sent:?}: {first} … {}", answer.lines().last().unwrap_or_default()));
            for _ in 0..sent.matches("GET").count().max(1) {
                seen.push(logged()?);
            }
        }
        Ok(seen)
    })
}

/// Says what came first, and closes.
fn echo(mut stream: TcpStream) {
    let mut came = [0; 512];
    if let Ok(length) = stream.read(&mut came) {
        let _ = stream.write_all(b"bytes:");
        let _ = stream.write_all(&came[..length]);
    }
}
