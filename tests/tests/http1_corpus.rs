//! The codec against the corpus of malformed and ambiguous messages: what each row is worth, and
//! the bytes that go on.
#![allow(clippy::unwrap_used, clippy::panic, reason = "a test ends where something is unexpected")]

use std::fmt::Write as _;

use regate_dataplane::proxy::h1::{
    Asked, Body, Fields, Limits, Method, Parse, Strictness, parse_request, parse_response,
};
use regate_tests::corpus::{Kind, Row, parse};

/// The answer in the words of the corpus, and the bytes that go on.
fn judge(row: &Row) -> (String, Vec<u8>) {
    let mut words: Vec<String> = Vec::new();
    let mut forwarded = Vec::new();
    match row.kind {
        Kind::Request => judge_requests(&row.send, &mut words, &mut forwarded),
        Kind::Response => judge_responses(row, &mut words, &mut forwarded),
    }
    (words.join(" "), forwarded)
}

fn judge_requests(mut rest: &[u8], words: &mut Vec<String>, forwarded: &mut Vec<u8>) {
    let limits = Limits::default();
    let mut fields = Fields::new();
    while !rest.is_empty() {
        let head = match parse_request(rest, &limits, Strictness::STRICT, &mut fields) {
            Ok(Parse::Complete(head)) => head,
            Ok(Parse::Partial) => return words.push("408".to_owned()),
            Err(refusal) => return words.push(refusal.reason.status().to_string()),
        };
        head.drop_hop_by_hop(rest, &mut fields, true);
        let mut out = Vec::new();
        fields.write(rest, None, b"", &mut out);
        let mut bytes = rest[head.len..].to_vec();
        match Body::new(head.framing, &limits).advance(&mut bytes) {
            Err(refusal) => return words.push(refusal.reason.status().to_string()),
            Ok(progress) => {
                words.push("200".to_owned());
                out.extend_from_slice(&bytes[..progress.forward]);
                forwarded.extend(out);
                if !head.persistent || !progress.done {
                    return;
                }
                rest = &rest[head.len + progress.consumed..];
            }
        }
    }
}

fn judge_responses(row: &Row, words: &mut Vec<String>, forwarded: &mut Vec<u8>) {
    let limits = Limits::default();
    let mut fields = Fields::new();
    let asked = Asked { method: Method::of(row.method.as_bytes()), upgrade: false };
    let mut rest = row.send.as_slice();
    loop {
        let Ok(Parse::Complete(head)) = parse_response(rest, asked, &limits, Strictness::STRICT, &mut fields)
        else {
            return words.push("502".to_owned());
        };
        head.drop_hop_by_hop(rest, &mut fields);
        let mut out = Vec::new();
        fields.write(rest, None, b"", &mut out);
        let mut bytes = rest[head.len..].to_vec();
        let mut body = Body::new(head.framing, &limits);
        let Ok(progress) = body.advance(&mut bytes) else { return words.push("502".to_owned()) };
        words.push(head.status.to_string());
        out.extend_from_slice(&bytes[..progress.forward]);
        forwarded.extend(out);
        if !head.is_interim() {
            if !body.may_end_here() {
                words.push("cut".to_owned());
            }
            return;
        }
        rest = &rest[head.len..];
    }
}

#[test]
fn every_row_is_judged_as_written() {
    let rows = parse(include_str!("../corpus/http1.txt")).unwrap();
    let mut wrong = String::new();
    for row in &rows {
        let (answer, forwarded) = judge(row);
        if answer != row.regate {
            writeln!(wrong, "{:?} {}: {answer:?}, not {:?}", row.kind, row.name, row.regate).unwrap();
        }
        let passed = answer.contains('2') && !forwarded.is_empty();
        let expected = row.forwarded.as_ref().unwrap_or(&row.send);
        if passed && forwarded != *expected {
            let text = forwarded.escape_ascii();
            writeln!(wrong, "{:?} {} forwards: {text}", row.kind, row.name).unwrap();
        }
    }
    assert!(wrong.is_empty(), "\n{wrong}");
    assert!(rows.iter().filter(|row| row.kind == Kind::Request).count() >= 60);
    assert!(rows.iter().filter(|row| row.kind == Kind::Response).count() >= 25);
}

#[test]
fn every_difference_has_its_reason() {
    for row in parse(include_str!("../corpus/http1.txt")).unwrap() {
        assert!(!row.haproxy.is_empty() && !row.send.is_empty(), "{}", row.name);
        if row.regate != row.haproxy {
            assert!(row.reason.contains("RFC"), "{} differs without a reason", row.name);
        }
    }
}
