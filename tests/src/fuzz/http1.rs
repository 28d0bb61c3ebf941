//! The HTTP/1 codec: whatever is forwarded must be read by the next recipient as it was read here.

use regate_dataplane::proxy::h1::{
    Asked, Body, Fields, Framing, Limits, Method, Parse, Strictness, exercise, parse_request, parse_response,
};

use crate::corpus::{self, Kind};

/// Reads the bytes as a request, and what would be forwarded once more.
pub fn request(data: &[u8]) {
    let limits = Limits::default();
    let mut fields = Fields::new();
    let strict = parse_request(data, &limits, Strictness::STRICT, &mut fields);
    if let Ok(Parse::Complete(head)) = strict {
        assert!(head.len <= data.len());
        head.drop_hop_by_hop(data, &mut fields, true);
        let mut out = Vec::new();
        fields.write(data, None, b"", &mut out);
        let mut again = Fields::new();
        match parse_request(&out, &limits, Strictness::STRICT, &mut again) {
            Ok(Parse::Complete(second)) => {
                assert_eq!(second.len, out.len(), "{}", out.escape_ascii());
                assert_eq!(second.framing, head.framing, "{}", out.escape_ascii());
                assert_eq!(second.method, head.method);
            }
            other => panic!("forwards what it does not accept: {}: {other:?}", out.escape_ascii()),
        }
        body_in_pieces(data.get(head.len..).unwrap_or_default(), head.framing, false);
    }
    in_pieces(data);
    exercise(data, Strictness::STRICT);
}

/// Reads the bytes as a response, and what would be forwarded once more.
pub fn response(data: &[u8]) {
    let limits = Limits::default();
    for (method, upgrade) in [(Method::Get, false), (Method::Head, false), (Method::Get, true)] {
        let asked = Asked { method, upgrade };
        let mut fields = Fields::new();
        let Ok(Parse::Complete(head)) = parse_response(data, asked, &limits, Strictness::STRICT, &mut fields)
        else {
            continue;
        };
        assert!(head.len <= data.len());
        head.drop_hop_by_hop(data, &mut fields);
        let mut out = Vec::new();
        fields.write(data, None, b"", &mut out);
        let mut again = Fields::new();
        match parse_response(&out, asked, &limits, Strictness::STRICT, &mut again) {
            Ok(Parse::Complete(second)) => {
                assert_eq!(second.len, out.len(), "{}", out.escape_ascii());
                assert_eq!(
                    (second.status, second.framing),
                    (head.status, head.framing),
                    "{}",
                    out.escape_ascii()
                );
            }
            other => panic!("forwards what it does not accept: {}: {other:?}", out.escape_ascii()),
        }
    }
    exercise(data, Strictness::STRICT);
}

/// Reads the bytes as a chunked body, whole and in pieces.
pub fn body(data: &[u8]) {
    body_in_pieces(data, Framing::Chunked, false);
    body_in_pieces(data, Framing::Chunked, true);
}

/// Rows of the corpus that clients send.
pub fn request_seeds() -> Vec<Vec<u8>> {
    rows(Kind::Request)
}

/// Rows of the corpus that origins send.
pub fn response_seeds() -> Vec<Vec<u8>> {
    rows(Kind::Response)
}

/// What follows the heads of the corpus, and a few bodies.
pub fn body_seeds() -> Vec<Vec<u8>> {
    let own = [
        &b"5\r\nhello\r\n0\r\n\r\n"[..],
        b"1;a=b;c=\"d\\\"\"\r\nx\r\n0\r\nTrailer: v\r\n\r\nGET / HTTP/1.1\r\n",
        b"0010\r\n0123456789abcdef\r\n00\r\n\r\n",
    ];
    let mut seeds: Vec<Vec<u8>> = own.iter().map(|body| body.to_vec()).collect();
    for row in rows(Kind::Request) {
        if let Some(at) = row.windows(4).position(|window| window == b"\r\n\r\n") {
            seeds.push(row.get(at + 4..).unwrap_or_default().to_vec());
        }
    }
    seeds.retain(|seed| !seed.is_empty());
    seeds
}

/// Bytes that come one after the other are judged as when they come at once.
fn in_pieces(data: &[u8]) {
    if data.len() > 512 {
        return;
    }
    let limits = Limits::default();
    let whole = parse_request(data, &limits, Strictness::STRICT, &mut Fields::new());
    let mut fields = Fields::new();
    for end in 0..=data.len() {
        match parse_request(data.get(..end).unwrap_or_default(), &limits, Strictness::STRICT, &mut fields) {
            Ok(Parse::Partial) => assert!(end < data.len() || matches!(whole, Ok(Parse::Partial))),
            Ok(Parse::Complete(head)) => {
                assert!(matches!(&whole, Ok(Parse::Complete(other)) if other.len == head.len));
                return;
            }
            Err(refusal) => {
                assert!(matches!(&whole, Err(other) if other.reason.status() == refusal.reason.status()));
                return;
            }
        }
    }
}

fn body_in_pieces(data: &[u8], framing: Framing, decoding: bool) {
    let limits = Limits::default();
    let begin = || match decoding {
        true => Body::decoding(framing, &limits),
        false => Body::new(framing, &limits),
    };
    let mut whole = data.to_vec();
    let outcome = begin().advance(&mut whole);
    let mut body = begin();
    let mut forwarded = Vec::new();
    let mut consumed = 0;
    for piece in data.chunks(3) {
        let mut piece = piece.to_vec();
        match body.advance(&mut piece) {
            Ok(progress) => {
                assert!(progress.forward <= progress.consumed && progress.consumed <= piece.len());
                forwarded.extend_from_slice(&piece[..progress.forward]);
                consumed += progress.consumed;
                if progress.done {
                    break;
                }
                assert_eq!(progress.consumed, piece.len());
            }
            Err(_) => {
                assert!(outcome.is_err(), "refused in pieces only: {}", data.escape_ascii());
                return;
            }
        }
    }
    match outcome {
        Err(_) => panic!("refused as a whole only: {}", data.escape_ascii()),
        Ok(progress) => {
            assert_eq!((progress.consumed, progress.done), (consumed, body.is_done()));
            assert_eq!(whole.get(..progress.forward), Some(forwarded.as_slice()));
        }
    }
}

fn rows(kind: Kind) -> Vec<Vec<u8>> {
    let rows = corpus::parse(include_str!("../../corpus/http1.txt")).unwrap_or_default();
    rows.into_iter().filter(|row| row.kind == kind && row.send.len() < 4096).map(|row| row.send).collect()
}
