#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is unexpected")]

use std::fmt::Write as _;

use proptest::collection::vec;
use proptest::prelude::*;

use super::fields::push_line;
use super::*;

const ASKED: Asked = Asked { method: Method::Get, upgrade: false };

fn request(text: &[u8]) -> (Result<Parse<RequestHead>, Refusal>, Fields) {
    let mut fields = Fields::new();
    (parse_request(text, &Limits::default(), Strictness::STRICT, &mut fields), fields)
}

fn accepted(text: &[u8]) -> (RequestHead, Fields) {
    match request(text) {
        (Ok(Parse::Complete(head)), fields) => (head, fields),
        (other, _) => panic!("{other:?} for {:?}", String::from_utf8_lossy(text)),
    }
}

fn response(text: &[u8], asked: Asked) -> (Result<Parse<ResponseHead>, Refusal>, Fields) {
    let mut fields = Fields::new();
    (parse_response(text, asked, &Limits::default(), Strictness::STRICT, &mut fields), fields)
}

fn answered(text: &[u8], asked: Asked) -> (ResponseHead, Fields) {
    match response(text, asked) {
        (Ok(Parse::Complete(head)), fields) => (head, fields),
        (other, _) => panic!("{other:?} for {:?}", String::from_utf8_lossy(text)),
    }
}

fn forwarded(text: &[u8], upgrading: bool) -> String {
    let (head, mut fields) = accepted(text);
    head.drop_hop_by_hop(text, &mut fields, upgrading);
    let mut out = Vec::new();
    fields.write(text, None, b"", &mut out);
    String::from_utf8(out).unwrap()
}

#[test]
fn a_request_is_read_in_place() {
    let text = b"POST /a?b HTTP/1.1\r\nHost: Example.com:8080\r\nX-A:  one \t\r\nCONTENT-length: 5\r\nx-a: two\r\n\r\nhello";
    let (head, fields) = accepted(text);
    assert_eq!(head.method, Method::Post);
    assert_eq!(head.target.of(text), b"/a?b");
    assert_eq!(head.form, TargetForm::Origin);
    assert_eq!(head.version, Version::Http11);
    assert_eq!(head.framing, Framing::Length(5));
    assert_eq!(&text[head.len..], b"hello");
    assert!(head.persistent && !head.expect_continue && head.upgrade.is_none());
    let all: Vec<_> = fields.iter(text).collect();
    let expected: [(&[u8], &[u8]); 4] =
        [(b"Host", b"Example.com:8080"), (b"X-A", b"one"), (b"CONTENT-length", b"5"), (b"x-a", b"two")];
    assert_eq!(all, expected);
    assert_eq!(fields.find(text, b"x-A"), Some(1));
    assert_eq!(fields.positions(text, b"X-a").collect::<Vec<_>>(), [1, 3]);
    assert_eq!(fields.known_value(text, Known::Host), Some(&b"Example.com:8080"[..]));
    assert!(fields.is_verbatim());
}

#[test]
fn requests_are_refused_for_a_reason_at_a_byte() {
    let rows: &[(&str, Reason, usize)] = &[
        (" GET / HTTP/1.1\r\n", Reason::Method, 0),
        ("\rGET / HTTP/1.1\r\n", Reason::BareCr, 0),
        ("\nGET / HTTP/1.1\r\n", Reason::BareLf, 0),
        ("G@T / HTTP/1.1\r\n", Reason::Method, 1),
        ("GET  HTTP/1.1\r\n", Reason::Target, 4),
        ("GET /é HTTP/1.1\r\n", Reason::Target, 5),
        ("GET /#a HTTP/1.1\r\n", Reason::Target, 5),
        ("GET /\0 HTTP/1.1\r\n", Reason::Target, 5),
        ("GET /\r\n", Reason::NoVersion, 5),
        ("GET /\ra", Reason::BareCr, 5),
        ("GET / HTTP/1.1\n", Reason::BareLf, 14),
        ("GET / HTTP/1.1\rH", Reason::BareCr, 14),
        ("GET / HTTP/1.10\r\n", Reason::Version, 14),
        ("GET / HTTP/2.0\r\n", Reason::Version, 11),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Reason::Http2Preface, 11),
        ("GET / http/1.1\r\n", Reason::Version, 6),
        ("GET / HTTP/1.1\r\n Host: a\r\n", Reason::Fold, 16),
        ("GET / HTTP/1.1\r\nHost: a\r\n b\r\n", Reason::Fold, 25),
        ("GET / HTTP/1.1\r\nHost : a\r\n", Reason::SpaceBeforeColon, 20),
        ("GET / HTTP/1.1\r\n: a\r\n", Reason::EmptyName, 16),
        ("GET / HTTP/1.1\r\nHost\r\n", Reason::NoColon, 20),
        ("GET / HTTP/1.1\r\nHo(st: a\r\n", Reason::Name, 18),
        ("GET / HTTP/1.1\r\nX: 12345678901\0\r\n", Reason::Nul, 30),
        ("GET / HTTP/1.1\r\nX: 12345678901\x7f\r\n", Reason::Control, 30),
        ("GET / HTTP/1.1\r\nX: a\rb\r\n", Reason::BareCr, 20),
        ("GET / HTTP/1.1\r\nX: a\n", Reason::BareLf, 20),
        ("GET / HTTP/1.1\r\n\n", Reason::BareLf, 16),
        ("GET / HTTP/1.1\r\n\r\n", Reason::HostMissing, 16),
        ("GET / HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", Reason::HostRepeated, 25),
        ("GET / HTTP/1.1\r\nHost: a b\r\n\r\n", Reason::HostInvalid, 22),
        ("GET / HTTP/1.1\r\nHost: a:x\r\n\r\n", Reason::HostInvalid, 22),
        ("GET / HTTP/1.1\r\nHost: a:0\r\n\r\n", Reason::HostInvalid, 22),
        ("GET / HTTP/1.1\r\nHost: a:65536\r\n\r\n", Reason::HostInvalid, 22),
        ("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", Reason::HostInvalid, 22),
        ("GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::HostDiffers, 30),
        ("GET http://a:81/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::HostDiffers, 33),
        ("GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", Reason::Authority, 11),
        ("GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", Reason::Authority, 11),
        ("GET * HTTP/1.1\r\nHost: a\r\n\r\n", Reason::Target, 4),
        ("GET a:80 HTTP/1.1\r\nHost: a:80\r\n\r\n", Reason::Target, 4),
        ("CONNECT a HTTP/1.1\r\nHost: a\r\n\r\n", Reason::Target, 8),
        ("CONNECT / HTTP/1.1\r\nHost: a\r\n\r\n", Reason::Authority, 8),
        ("CONNECT a:1 HTTP/1.1\r\nHost: a:2\r\n\r\n", Reason::HostDiffers, 28),
    ];
    for (text, reason, at) in rows {
        assert_eq!(request(text.as_bytes()).0, Err(Refusal::new(*reason, *at)), "{text:?}");
    }
}

#[test]
fn framing_of_requests() {
    use Framing::{Chunked, Length, None as Empty};
    let rows: &[(&str, Result<Framing, Reason>)] = &[
        ("", Ok(Empty)),
        ("Content-Length: 0\r\n", Ok(Empty)),
        ("Content-Length: 5\r\n", Ok(Length(5))),
        ("Content-Length: 005 \r\n", Ok(Length(5))),
        ("Content-Length: 5\r\nContent-Length: 5\r\n", Ok(Length(5))),
        ("Content-Length: 5, 5\r\n", Ok(Length(5))),
        ("Content-Length: 18446744073709551615\r\n", Ok(Length(u64::MAX))),
        ("Content-Length: 18446744073709551616\r\n", Err(Reason::Length)),
        ("Content-Length: 5, 6\r\n", Err(Reason::LengthsDiffer)),
        ("Content-Length: 5\r\nContent-Length: 6\r\n", Err(Reason::LengthsDiffer)),
        ("Content-Length: 5,\r\n", Err(Reason::Length)),
        ("Content-Length:\r\n", Err(Reason::Length)),
        ("Content-Length: +5\r\n", Err(Reason::Length)),
        ("Content-Length: 0x5\r\n", Err(Reason::Length)),
        ("Content-Length: 5 5\r\n", Err(Reason::Length)),
        ("Transfer-Encoding: chunked\r\n", Ok(Chunked)),
        ("transfer-encoding:\tCHUNKED \r\n", Ok(Chunked)),
        ("Transfer-Encoding: chunked, chunked\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding: chunked, gzip\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding: gzip\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding:\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding: xchunked\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding: chunked;q=1\r\n", Err(Reason::Coding)),
        ("Transfer-Encoding: gzip, chunked\r\n", Err(Reason::CodingUnsupported)),
        ("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", Err(Reason::CodingUnsupported)),
        ("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", Err(Reason::LengthAndCoding)),
        ("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", Err(Reason::LengthAndCoding)),
    ];
    for (lines, expected) in rows {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let result = match request(text.as_bytes()).0 {
            Ok(Parse::Complete(head)) => Ok(head.framing),
            Ok(Parse::Partial) => panic!("{lines:?}"),
            Err(refusal) => Err(refusal.reason),
        };
        assert_eq!(result, *expected, "{lines:?}");
    }
    let old = b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n";
    assert_eq!(request(old).0, Err(Refusal::new(Reason::CodingInOldVersion, 17)));
    assert_eq!(Reason::CodingUnsupported.status(), 422);
    assert_eq!(Reason::LengthAndCoding.status(), 400);
}

#[test]
fn targets_and_hosts_that_agree() {
    let rows: &[(&str, TargetForm)] = &[
        ("GET http://A:80/x HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm::Absolute),
        ("GET https://a?x HTTP/1.1\r\nHost: a:443\r\n\r\n", TargetForm::Absolute),
        ("GET http://a HTTP/1.1\r\nHost: a:\r\n\r\n", TargetForm::Absolute),
        ("GET / HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", TargetForm::Origin),
        ("GET / HTTP/1.1\r\nHost:\r\n\r\n", TargetForm::Origin),
        ("GET / HTTP/1.0\r\n\r\n", TargetForm::Origin),
        ("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm::Asterisk),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", TargetForm::Authority),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm::Authority),
        ("\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n", TargetForm::Origin),
    ];
    for (text, form) in rows {
        assert_eq!(accepted(text.as_bytes()).0.form, *form, "{text:?}");
    }
}

#[test]
fn persistence_and_expectations() {
    let rows = [
        ("1.1", "", true),
        ("1.1", "Connection: close\r\n", false),
        ("1.1", "Connection: keep-alive, Close\r\n", false),
        ("1.0", "", false),
        ("1.0", "Connection: Keep-Alive\r\n", true),
        ("1.0", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ("1.7", "", true),
    ];
    for (version, lines, persistent) in rows {
        let text = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        assert_eq!(accepted(text.as_bytes()).0.persistent, persistent, "{text:?}");
    }
    assert!(
        accepted(b"PUT / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n")
            .0
            .expect_continue
    );
    assert!(
        !accepted(b"PUT / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\n").0.expect_continue
    );
}

#[test]
fn upgrades_that_can_be_granted() {
    let web_socket = "Connection: Upgrade\r\nUpgrade: websocket\r\n";
    let rows = [
        ("1.1", format!("{web_socket}Sec-WebSocket-Key: x\r\n"), Some("websocket")),
        ("1.0", format!("{web_socket}Sec-WebSocket-Key: x\r\n"), None),
        ("1.1", format!("{web_socket}Sec-WebSocket-Key: x\r\nContent-Length: 1\r\n"), None),
        ("1.1", "Upgrade: foo\r\n".to_owned(), None),
        ("1.1", "Connection: keep-alive, upgrade\r\nUpgrade: foo/2\r\n".to_owned(), Some("foo/2")),
        (
            "1.1",
            "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: x\r\n".to_owned(),
            None,
        ),
    ];
    for (version, lines, expected) in rows {
        let text = format!("GET / HTTP/{version}\r\nHost: a\r\n{lines}\r\n");
        let found = accepted(text.as_bytes()).0.upgrade.map(|span| span.of(text.as_bytes()));
        assert_eq!(found, expected.map(str::as_bytes), "{text:?}");
    }
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\n{web_socket}\r\n");
    assert!(matches!(request(text.as_bytes()).0, Err(Refusal { reason: Reason::UpgradeIncomplete, .. })));
}

#[test]
fn what_is_meant_for_one_hop_stays_here() {
    let rows = [
        ("X-A: 1\r\n", "X-A: 1\r\n"),
        ("X-A: 1\r\nConnection: x-a, close\r\nX-B: 2\r\nx-A: 3\r\n", "X-B: 2\r\n"),
        ("Keep-Alive: 5\r\nProxy-Connection: x\r\nX-B: 2\r\n", "X-B: 2\r\n"),
        (
            "Connection: host, content-length, X-Forwarded-For\r\nContent-Length: 0\r\nX-Forwarded-For: x\r\n",
            "Content-Length: 0\r\nX-Forwarded-For: x\r\n",
        ),
        ("TE: gzip, trailers\r\nConnection: close, te\r\n", "TE: trailers\r\nConnection: te\r\n"),
        ("TE: trailers\r\n", "TE: trailers\r\n"),
        ("TE: gzip\r\nConnection: te\r\n", ""),
        ("Upgrade: foo\r\nConnection: upgrade\r\n", ""),
        ("Content-Length: 2, 2\r\nContent-Length: 2\r\n", "Content-Length: 2\r\n"),
    ];
    for (lines, expected) in rows {
        let text = format!("POST / HTTP/1.1\r\nHost: a\r\n{lines}\r\n");
        let out = format!("POST / HTTP/1.1\r\nHost: a\r\n{expected}\r\n");
        assert_eq!(forwarded(text.as_bytes(), false), out, "{lines:?}");
    }
    let text = "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, Upgrade\r\nUpgrade: foo\r\n\r\n";
    let out = "GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: foo\r\n\r\n";
    assert_eq!(forwarded(text.as_bytes(), true), out);
}

#[test]
fn the_start_line_can_be_replaced() {
    let text = b"\r\nGET / HTTP/1.3\r\nHost: a\r\nX: y\r\n\r\n";
    let (_, mut fields) = accepted(text);
    assert!(!fields.is_verbatim());
    let mut out = Vec::new();
    fields.write(text, None, b"", &mut out);
    assert_eq!(out, b"GET / HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n");
    out.clear();
    assert_eq!(fields.drop_named(text, b"x"), 1);
    fields.write(text, Some(b"PUT /b HTTP/1.1\r\n"), b"Z: 1\r\n", &mut out);
    assert_eq!(out, b"PUT /b HTTP/1.1\r\nHost: a\r\nZ: 1\r\n\r\n");
}

#[test]
fn limits_hold() {
    let limits = Limits { head: 64, fields: 2 };
    let mut fields = Fields::new();
    let mut parse = |text: &[u8]| parse_request(text, &limits, Strictness::STRICT, &mut fields);
    let text = format!("GET / HTTP/1.1\r\nHost: a\r\nX: {}\r\n\r\n", "y".repeat(32));
    assert_eq!(text.len(), 64);
    assert!(matches!(parse(text.as_bytes()), Ok(Parse::Complete(_))));
    let longer = text.replace("X:", "XX:");
    assert_eq!(parse(longer.as_bytes()), Err(Refusal::new(Reason::HeadTooLong, 64)));
    assert_eq!(parse(&[b'A'; 64]), Err(Refusal::new(Reason::HeadTooLong, 64)));
    assert_eq!(parse(b"\r\n".repeat(40).as_slice()), Err(Refusal::new(Reason::HeadTooLong, 64)));
    let many = b"GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nX: 1\r\n\r\n";
    assert_eq!(parse(many), Err(Refusal::new(Reason::TooManyFields, 31)));
}

#[test]
fn violations_can_be_let_through() {
    let text = b"GET /\xe9#a HTTP/1.1\r\nX(\xe9): a\x01b\r\n\r\n";
    assert!(request(text).0.is_err());
    let mut fields = Fields::new();
    let relaxed = parse_request(text, &Limits::default(), Strictness::RELAXED, &mut fields);
    assert!(matches!(relaxed, Ok(Parse::Complete(_))), "{relaxed:?}");
    for still in [
        &b"GET / HTTP/1.1\r\nX: \0\r\n\r\n"[..],
        b"GET / HTTP/1.1\r\nX y: a\r\n\r\n",
        b"GET / HTTP/1.1\r\nX: a\n\r\n",
    ] {
        assert!(parse_request(still, &Limits::default(), Strictness::RELAXED, &mut fields).is_err());
    }
}

#[test]
fn framing_of_responses() {
    use Framing::{Chunked, Length, None as Empty, Tunnel, UntilClose};
    type Row = (&'static str, Asked, Result<(Framing, bool), Reason>);
    let head = Asked { method: Method::Head, upgrade: false };
    let connect = Asked { method: Method::Connect, upgrade: false };
    let upgrade = Asked { method: Method::Get, upgrade: true };
    let rows: &[Row] = &[
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", ASKED, Ok((Length(5), true))),
        ("HTTP/1.1 200\r\nContent-Length: 0\r\n", ASKED, Ok((Empty, true))),
        ("HTTP/1.1 200 OK\r\n", ASKED, Ok((UntilClose, false))),
        ("HTTP/1.0 200 OK\r\nContent-Length: 5\r\n", ASKED, Ok((Length(5), false))),
        ("HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n", ASKED, Ok((Length(5), true))),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", ASKED, Ok((Chunked, true))),
        (
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n",
            ASKED,
            Ok((Chunked, false)),
        ),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", head, Ok((Empty, true))),
        ("HTTP/1.1 200 OK\r\n", head, Ok((Empty, true))),
        ("HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", ASKED, Ok((Empty, true))),
        ("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", ASKED, Ok((Empty, true))),
        ("HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n", ASKED, Ok((Empty, true))),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", connect, Ok((Tunnel, false))),
        ("HTTP/1.1 407 No\r\nContent-Length: 5\r\n", connect, Ok((Length(5), true))),
        ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n", upgrade, Ok((Tunnel, false))),
        ("HTTP/1.1 101 S\r\nConnection: upgrade\r\nUpgrade: x\r\n", ASKED, Err(Reason::UpgradeUnasked)),
        ("HTTP/1.1 101 S\r\n", upgrade, Err(Reason::UpgradeUnasked)),
        ("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n", ASKED, Err(Reason::Coding)),
        ("HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n", ASKED, Err(Reason::CodingInOldVersion)),
        ("HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n", ASKED, Err(Reason::LengthsDiffer)),
        ("HTTP/1.1 20 OK\r\n", ASKED, Err(Reason::Status)),
        ("HTTP/1.1 2000 OK\r\n", ASKED, Err(Reason::Status)),
        ("HTTP/1.1 099 OK\r\n", ASKED, Err(Reason::Status)),
        ("HTTP/1.1  200 OK\r\n", ASKED, Err(Reason::Status)),
        ("HTTP/1.1 200 O\x01K\r\n", ASKED, Err(Reason::ReasonPhrase)),
        ("HTTP/2.0 200 OK\r\n", ASKED, Err(Reason::Version)),
        ("\r\nHTTP/1.1 200 OK\r\n", ASKED, Err(Reason::Version)),
        ("hello", ASKED, Err(Reason::Version)),
    ];
    for (lines, asked, expected) in rows {
        let result = match response(format!("{lines}\r\n").as_bytes(), *asked).0 {
            Ok(Parse::Complete(head)) => Ok((head.framing, head.persistent)),
            Ok(Parse::Partial) => panic!("{lines:?}"),
            Err(refusal) => Err(refusal.reason),
        };
        assert_eq!(result, *expected, "{lines:?}");
    }
    let text = b"HTTP/1.1 204 No\r\nContent-Length: 0\r\nTransfer-Encoding: chunked\r\nX: y\r\n\r\n";
    let (head, fields) = answered(text, ASKED);
    let mut out = Vec::new();
    fields.write(text, None, b"", &mut out);
    assert_eq!(out, b"HTTP/1.1 204 No\r\nX: y\r\n\r\n");
    assert_eq!((head.status, head.reason.of(text), head.is_interim()), (204, &b"No"[..], false));
}

/// Heads that are right, and pieces that make them wrong.
fn messages() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just("GET / HTTP/1.1\r\n"),
        Just("POST /a?b HTTP/1.0\r\n"),
        Just("Host: a\r\n"),
        Just("\r\n"),
        Just("Content-Length: 5\r\n"),
        Just("Transfer-Encoding: chunked\r\n"),
        Just("X-A:  b c \t\r\n"),
        Just("Connection: close, x-a\r\n"),
        Just(" "),
        Just(":"),
        Just("\r"),
        Just("\n"),
        Just("\0"),
        Just("x"),
        Just("HTTP/1.1 200 OK\r\n"),
        Just("TE: trailers, gzip\r\n"),
        Just("Upgrade: h2c\r\n"),
        Just("OPTIONS * HTTP/1.7\r\n"),
        Just("5;a=\"b\"\r\nhello\r\n"),
        Just("0\r\n"),
        Just("GET http://a:80/ HTTP/1.1\r\n"),
    ];
    (vec(piece, 1..9), vec((any::<prop::sample::Index>(), any::<u8>()), 0..3)).prop_map(
        |(pieces, mutations)| {
            let mut bytes = pieces.concat().into_bytes();
            for (index, byte) in mutations {
                let at = index.index(bytes.len());
                bytes[at] = byte;
            }
            bytes
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn splitting_changes_nothing(text in messages(), cuts in vec(any::<prop::sample::Index>(), 0..4), head in 20usize..120) {
        let limits = Limits { head, fields: 4 };
        let whole_fields = &mut Fields::new();
        let whole = parse_request(&text, &limits, Strictness::STRICT, whole_fields);
        let whole_answer = parse_response(&text, ASKED, &limits, Strictness::STRICT, &mut Fields::new());
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(text.len())).collect();
        cuts.push(text.len());
        cuts.sort_unstable();
        let (mut fields, mut answer_fields) = (Fields::new(), Fields::new());
        let mut parts = Ok(Parse::Partial);
        let mut answer_parts = Ok(Parse::Partial);
        for cut in cuts {
            if parts == Ok(Parse::Partial) {
                parts = parse_request(&text[..cut], &limits, Strictness::STRICT, &mut fields);
            }
            if answer_parts == Ok(Parse::Partial) {
                answer_parts = parse_response(&text[..cut], ASKED, &limits, Strictness::STRICT, &mut answer_fields);
            }
        }
        prop_assert_eq!(whole, parts);
        prop_assert_eq!(whole_answer, answer_parts);
        if let Ok(Parse::Complete(_)) = whole {
            prop_assert_eq!(whole_fields.as_slice(), fields.as_slice());
        }
    }

    #[test]
    fn a_forwarded_head_says_the_same(
        names in vec("[a-zA-Z][a-zA-Z0-9-]{0,20}", 0..12),
        values in vec("[!-~\u{e9}]([ \t!-~\u{e9}]{0,30}[!-~])?", 12),
        drops in vec(any::<bool>(), 12),
        added in vec("[!-~]{1,20}", 0..3),
        close in any::<bool>(),
    ) {
        let mut text = "GET /x HTTP/1.1\r\nHost: a\r\n".to_owned();
        for (name, value) in names.iter().zip(&values) {
            write!(text, "X-{name}: {value}\r\n").unwrap();
        }
        if close {
            text.push_str("Connection: close\r\n");
        }
        text.push_str("\r\n");
        let text = text.into_bytes();
        let (head, mut fields) = accepted(&text);
        for (index, drop) in drops.iter().enumerate().take(names.len()) {
            if *drop {
                fields.drop_at(index + 1);
            }
        }
        head.drop_hop_by_hop(&text, &mut fields, false);
        let mut lines = Vec::new();
        let mut expected: Vec<(Vec<u8>, Vec<u8>)> =
            fields.iter(&text).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        for value in &added {
            push_line(&mut lines, b"Added", value.as_bytes());
            expected.push((b"Added".to_vec(), value.clone().into_bytes()));
        }
        let mut out = Vec::new();
        fields.write(&text, None, &lines, &mut out);
        prop_assert_eq!(fields.is_verbatim() && added.is_empty(), out == text);
        let (again, written) = accepted(&out);
        let found: Vec<(Vec<u8>, Vec<u8>)> =
            written.iter(&out).map(|(name, value)| (name.to_vec(), value.to_vec())).collect();
        prop_assert_eq!(found, expected);
        prop_assert_eq!(again.len, out.len());
        prop_assert_eq!(again.target.of(&out), head.target.of(&text));
    }

    #[test]
    fn any_bytes_are_survived(text in messages(), noise in vec(any::<u8>(), 0..80), relaxed in any::<bool>()) {
        let strictness = if relaxed { Strictness::RELAXED } else { Strictness::STRICT };
        for bytes in [&text, &noise] {
            super::exercise(bytes, strictness);
        }
    }
}

/// `cargo test --release -p regate-dataplane bench_ -- --ignored --nocapture`
#[test]
#[ignore = "prints times and asserts nothing"]
#[allow(clippy::print_stdout, reason = "its output is its purpose")]
fn bench_heads() {
    let small = b"GET / HTTP/1.1\r\nHost: 127.0.0.1:8080\r\n\r\n".to_vec();
    let answer = b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nContent-Type: text/plain\r\nDate: Sun, 22 Nov 2026 14:00:00 GMT\r\nServer: origin\r\n\r\n".to_vec();
    let browser = browser_request();
    let mut fields = Fields::new();
    let mut out: Vec<u8> = Vec::with_capacity(4096);
    let time = |name: &str, len: usize, step: &mut dyn FnMut()| {
        let mut best = f64::MAX;
        for _ in 0..20 {
            let start = std::time::Instant::now();
            for _ in 0..100_000 {
                step();
            }
            best = best.min(start.elapsed().as_secs_f64() * 1e4);
        }
        println!("{name}: {best:.0} ns for {len} bytes");
    };
    let limits = Limits::default();
    for (name, text) in [("small request", &small), ("browser request", &browser)] {
        time(name, text.len(), &mut || {
            let head = parse_request(std::hint::black_box(text), &limits, Strictness::STRICT, &mut fields);
            std::hint::black_box(&head).as_ref().unwrap();
        });
        time(&format!("{name}, rewritten"), text.len(), &mut || {
            out.clear();
            let head = parse_request(std::hint::black_box(text), &limits, Strictness::STRICT, &mut fields);
            if let Ok(Parse::Complete(head)) = head {
                head.drop_hop_by_hop(text, &mut fields, false);
                fields.write(text, None, b"X-Forwarded-For: 127.0.0.1\r\n", &mut out);
            }
            std::hint::black_box(&out);
        });
    }
    time("response", answer.len(), &mut || {
        let head =
            parse_response(std::hint::black_box(&answer), ASKED, &limits, Strictness::STRICT, &mut fields);
        std::hint::black_box(&head).as_ref().unwrap();
    });
}

fn browser_request() -> Vec<u8> {
    b"GET /articles/2026/11/a-fairly-usual-path?utm_source=feed HTTP/1.1\r\n\
      Host: www.example.com\r\n\
      User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0\r\n\
      Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n\
      Accept-Language: en-US,en;q=0.5\r\n\
      Accept-Encoding: gzip, deflate, br, zstd\r\n\
      Referer: https://www.example.com/articles/\r\n\
      Connection: keep-alive\r\n\
      Cookie: session=0123456789abcdef0123456789abcdef; theme=dark\r\n\
      Upgrade-Insecure-Requests: 1\r\n\
      Sec-Fetch-Dest: document\r\n\
      Sec-Fetch-Mode: navigate\r\n\
      Priority: u=0, i\r\n\r\n"
        .to_vec()
}
