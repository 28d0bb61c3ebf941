//! Large bodies, which take another way through the data plane than small ones: whole, in order, and with the
//! next message behind them.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};

use regate_tests::harness::origin::pattern;
use regate_tests::harness::{Answer, HttpClient, Kind, Origin, Port, Proxy, Result};

fn proxy(mode: &str, port: &Port, origin: u16) -> Result<Proxy> {
    let text = format!(
        "global\n    nbthread 1\ndefaults\n    mode {mode}\n    timeout client 20s\n    timeout server 20s\n    \
         timeout connect 5s\nfrontend f\n    bind 127.0.0.1:{}\n    default_backend b\nbackend b\n    \
         server s 127.0.0.1:{origin}\n",
        port.number(),
    );
    Proxy::start(Kind::Regate, &text)
}

#[test]
fn a_large_body_goes_both_ways_and_leaves_the_next_message_alone() {
    let origin = Origin::start("o").unwrap();
    origin.answer_by(|request| match request.target.as_str() {
        "/small" => Answer::text("small"),
        _ => Answer::bytes(request.body.clone()),
    });
    let port = Port::reserve().unwrap();
    let proxy = proxy("http", &port, origin.port()).unwrap();
    let mut client = HttpClient::connect(port.address()).unwrap();
    for size in [200_000, 1 << 20, 70_001] {
        let body = pattern(size);
        let mut request =
            format!("POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: {size}\r\n\r\n").into_bytes();
        request.extend_from_slice(&body);
        // The next request comes in the same breath.
        request.extend_from_slice(b"GET /small HTTP/1.1\r\nHost: h\r\n\r\n");
        client.send(&request).unwrap();
        let echo = client.read("POST").unwrap();
        assert_eq!((echo.status, echo.body.len()), (200, size));
        assert!(echo.body == body, "the body of {size} bytes came back changed");
        assert_eq!(client.read("GET").unwrap().text(), "small");
    }
    drop(proxy);
}

#[test]
fn a_tunnel_carries_much_both_ways_at_once_and_ends_by_halves() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = listener.local_addr().unwrap().port();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut received = Vec::new();
        let mut writer = stream.try_clone().unwrap();
        let sender = std::thread::spawn(move || {
            writer.write_all(&pattern(5 << 20)).unwrap();
            writer.shutdown(Shutdown::Write).unwrap();
        });
        stream.read_to_end(&mut received).unwrap();
        sender.join().unwrap();
        received
    });
    let port = Port::reserve().unwrap();
    let proxy = proxy("tcp", &port, origin).unwrap();
    let mut stream = TcpStream::connect(port.address()).unwrap();
    let mut writer = stream.try_clone().unwrap();
    let sender = std::thread::spawn(move || {
        writer.write_all(&pattern(4 << 20)).unwrap();
        writer.shutdown(Shutdown::Write).unwrap();
    });
    let mut received = Vec::new();
    stream.read_to_end(&mut received).unwrap();
    sender.join().unwrap();
    assert!(received == pattern(5 << 20), "{} bytes came down", received.len());
    assert!(server.join().unwrap() == pattern(4 << 20));
    drop(proxy);
}
