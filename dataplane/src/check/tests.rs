#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use std::sync::Arc;

use proptest::prelude::*;
use regate_proto::model::{
    Admin, BackendChecks, CheckBytes, CheckExpect, CheckKind, CheckRule, CheckStatus, CheckText, Expected,
    MatchMethod, Matched,
};
use regate_proto::rules::Format;

use super::protocol::look_at_ldap;
use super::*;
use crate::live::{Finding, Outcome};

fn kind(kind: CheckKind) -> BackendChecks {
    BackendChecks { kind: Some(kind), ..BackendChecks::default() }
}

fn http(expects: Vec<CheckExpect>) -> BackendChecks {
    BackendChecks {
        http_rules: expects.into_iter().map(CheckRule::Expect).collect(),
        ..kind(CheckKind::Http { method: None, uri: None, version: None })
    }
}

fn expect(what: Expected) -> CheckExpect {
    CheckExpect { what, ..CheckExpect::default() }
}

/// Carries a check out against a peer that sends these pieces, one after each thing it was sent or at once, and
/// then closes or stays silent; gives what was sent and how it ended (`None`: it waits).
fn carry_out(checks: &BackendChecks, pieces: &[&[u8]], closes: bool) -> (Vec<Vec<u8>>, Option<Outcome>) {
    let script = Arc::new(Script::compile(checks, Some(false)).unwrap());
    let mut run = Run::new(script, Setting { serves: true, state: "UP".to_owned() });
    let (mut sent, mut pieces) = (Vec::new(), pieces.iter());
    let mut ended = false;
    for _ in 0..1000 {
        match run.wish(&()) {
            Wish::Connect(_) => run.connected(),
            Wish::Send(bytes) => {
                sent.push(bytes);
                run.sent();
            }
            Wish::Receive => match pieces.next() {
                Some(bytes) => run.received(bytes),
                None if closes && !ended => {
                    ended = true;
                    run.ended();
                }
                None => return (sent, None),
            },
            Wish::Done(outcome) => return (sent, Some(outcome)),
        }
    }
    panic!("it does not end: {run:?}");
}

fn end(checks: &BackendChecks, pieces: &[&[u8]]) -> Option<(Finding, u32, String)> {
    carry_out(checks, pieces, true).1.map(|outcome| (outcome.finding, outcome.code, outcome.detail))
}

fn found(finding: Finding, code: u32, detail: &str) -> Option<(Finding, u32, String)> {
    Some((finding, code, detail.to_owned()))
}

#[test]
fn a_connection_is_enough_where_nothing_else_is_asked() {
    assert_eq!(end(&BackendChecks::default(), &[]), found(Finding::L4Passed, 0, ""));
}

#[test]
fn http_answers_are_judged_by_their_status() {
    let checks = http(Vec::new());
    for (answer, expected) in [
        ("HTTP/1.1 200 OK\r\n\r\n", found(Finding::L7Passed, 200, "")),
        ("HTTP/1.0 302 Found\r\n\r\n", found(Finding::L7Passed, 302, "")),
        ("HTTP/1.1 404 Not Found\r\n\r\n", found(Finding::L7Failed, 404, "Not Found")),
        ("HTTP/1.1 503\r\n\r\n", found(Finding::L7Failed, 503, "")),
        ("HTTP/1.1 200 OK\r\n", found(Finding::L7Invalid, 0, "")),
        ("garbage\r\n\r\n", found(Finding::L7Invalid, 0, "")),
        ("", found(Finding::L7Invalid, 0, "")),
    ] {
        let bytes: Vec<&[u8]> = answer.as_bytes().chunks(1).collect();
        assert_eq!(end(&checks, &bytes), expected, "{answer:?}");
        assert_eq!(end(&checks, &[answer.as_bytes()]), expected, "{answer:?}");
    }
    assert_eq!(carry_out(&checks, &[], true).0, [b"OPTIONS / HTTP/1.0\r\n\r\n".to_vec()]);
}

#[test]
fn http_rules_look_where_they_say() {
    let answer: &[u8] = b"HTTP/1.1 200 OK\r\nX-A: a, b\r\nContent-Length: 5\r\n\r\nhello";
    let matched = |method, text: &str| Matched { method, text: CheckText::Plain(text.to_owned()) };
    let header = |full, value: &str| Expected::Header {
        full,
        name: matched(MatchMethod::Exact, "x-a"),
        value: Some(matched(MatchMethod::Exact, value)),
    };
    let passed = found(Finding::L7Passed, 200, "");
    let wrong = found(Finding::L7Failed, 200, "OK");
    for (what, expected) in [
        (Expected::Text(CheckText::Plain("ell".to_owned())), passed.clone()),
        (
            Expected::Text(CheckText::Plain("nope".to_owned())),
            found(Finding::L7Invalid, 200, "HTTP content check did not match"),
        ),
        (Expected::Pattern("h.llo".to_owned()), passed.clone()),
        (Expected::StatusPattern("^3".to_owned()), wrong.clone()),
        (Expected::Status(vec![(204, 204)]), wrong.clone()),
        (header(false, "b"), passed.clone()),
        (header(true, "b"), wrong.clone()),
        (header(true, "a, b"), passed),
    ] {
        assert_eq!(end(&http(vec![expect(what.clone())]), &[answer]), expected, "{what:?}");
    }
    let inverse =
        CheckExpect { inverse: true, ..expect(Expected::Text(CheckText::Plain("hello".to_owned()))) };
    let unwanted = found(Finding::L7Invalid, 200, "HTTP check matched unwanted content");
    assert_eq!(end(&http(vec![inverse]), &[answer]), unwanted);
    let chosen = CheckExpect {
        error_status: Some(CheckStatus::L7Rsp),
        on_error: Format::parse("bad one").ok(),
        comment: Some("c".to_owned()),
        ..expect(Expected::Status(vec![(204, 204)]))
    };
    assert_eq!(end(&http(vec![chosen]), &[answer]), found(Finding::L7Invalid, 200, "bad one comment: c"));
}

#[test]
fn a_404_eases_a_server_out_only_while_it_serves() {
    let checks = BackendChecks { disable_on_404: Some(true), ..http(Vec::new()) };
    let script = Arc::new(Script::compile(&checks, None).unwrap());
    for (serves, expected) in [(true, Finding::L7Conditional), (false, Finding::L7Failed)] {
        let mut run = Run::new(script.clone(), Setting { serves, state: String::new() });
        run.connected();
        run.sent();
        run.received(b"HTTP/1.1 404 Not Found\r\n\r\n");
        assert!(matches!(run.wish(&()), Wish::Done(outcome) if outcome.finding == expected));
    }
}

#[test]
fn an_endless_answer_ends() {
    let text = expect(Expected::Text(CheckText::Plain("foo".to_owned())));
    let tcp = BackendChecks { tcp_rules: vec![CheckRule::Expect(text.clone())], ..kind(CheckKind::Tcp) };
    let piece = [b'x'; 4096];
    let pieces: Vec<&[u8]> = (0..100).map(|_| piece.as_slice()).collect();
    let expected = found(Finding::L7Invalid, 0, "TCPCHK did not match content 'foo' at step 1");
    assert_eq!(end(&tcp, &pieces), expected);
    let head: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n";
    let pieces: Vec<&[u8]> = std::iter::once(head).chain(pieces).collect();
    let expected = found(Finding::L7Invalid, 200, "HTTP content check did not match");
    assert_eq!(end(&http(vec![text]), &pieces), expected);
}

#[test]
fn protocols_know_good_answers_from_bad_ones() {
    let greeting = [b"\x0a\0\0\0\x0a5.5.5\0abc".as_slice()].concat();
    let denied = [b"\x0e\0\0\x02\xff\x15\x04#28000Denie".as_slice()].concat();
    let mysql = kind(CheckKind::Mysql { user: Some("hap".to_owned()), old: false });
    let pgsql = kind(CheckKind::Pgsql { user: "pg".to_owned() });
    let smtp = kind(CheckKind::Smtp { extended: false, domain: "localhost".to_owned() });
    let bad = found(Finding::L7Failed, 1045, "#28000Denie");
    for (checks, pieces, expected) in [
        (
            &smtp,
            vec![b"220 hi\r\n".as_slice(), b"250 ok\r\n", b"221 bye\r\n"],
            found(Finding::L7Passed, 221, "bye"),
        ),
        (&smtp, vec![b"554 go away\r\n"], found(Finding::L7Failed, 554, "go away")),
        (&smtp, vec![b"xx\r\n"], found(Finding::L7Invalid, 0, "xx")),
        (&mysql, vec![&greeting, b"\x03\0\0\x02\0\0\0"], found(Finding::L7Passed, 0, "")),
        (&mysql, vec![&greeting, &denied], bad),
        (&pgsql, vec![b"R\0\0\0\x08\0\0\0\0"], found(Finding::L7Passed, 0, "PostgreSQL server is ok")),
        (&pgsql, vec![b"E\0\0\0\x10SFATAL\0C28000\0"], found(Finding::L7Invalid, 0, "FATAL")),
        (&pgsql, vec![b"zzzzzzzzzz"], found(Finding::L7Failed, 0, "PostgreSQL unknown error")),
        (&kind(CheckKind::Redis), vec![b"+PONG\r\n"], found(Finding::L7Passed, 0, "Redis server is ok")),
        (&kind(CheckKind::SslHello), vec![b"\x16\x03\0\0\x04\x02\0\0\0"], found(Finding::L6Passed, 0, "")),
        (&kind(CheckKind::SslHello), vec![b"HTTP/1.0 400 Bad\r\n"], found(Finding::L6Invalid, 0, "")),
        (
            &kind(CheckKind::Spop),
            vec![b"\0\0\0\x07\x65\0\0\0\x01\0\0"],
            found(Finding::L7Passed, 0, "SPOA server is ok"),
        ),
    ] {
        assert_eq!(end(checks, &pieces), expected, "{checks:?}");
    }
    // A server that says no and waits is waited for, until the time is over.
    assert_eq!(carry_out(&kind(CheckKind::Redis), &[b"-NOAUTH\r\n"], false).1, None);
}

#[test]
fn ldap_is_read_in_both_spellings_of_lengths() {
    let good = look_at_ldap(&[0x30, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 0, 4, 0, 4, 0], false);
    assert_eq!(good, protocol::Look::Right(Outcome::bare(Finding::L7Passed)));
    let long = look_at_ldap(&[0x30, 0x84, 0, 0, 0, 0x0c, 2, 1, 1, 0x61, 7, 0x0a, 1, 50, 4, 0, 4, 0], false);
    assert!(matches!(long, protocol::Look::Wrong(outcome) if outcome.code == 50));
    assert_eq!(look_at_ldap(&[0x30, 0x0c, 2, 1], false), protocol::Look::More);
}

#[test]
fn logins_are_haproxy_s() {
    assert_eq!(protocol::mysql_login("hap", true), b"\x0a\0\0\x01\0\x80\0\0\x01hap\0\0\x01\0\0\0\x01");
    assert_eq!(protocol::mysql_login("hap", false).len(), 46);
    assert_eq!(protocol::ssl_hello().len(), 126);
    assert_eq!(protocol::spop_hello().len(), 82);
    assert_eq!(protocol::pgsql_startup("pg"), b"\0\0\0\x11\0\x03\0\0user\0pg\0\0");
}

#[test]
fn an_agent_s_words_combine() {
    let words = agent::read(b"up,maxconn:30 40%\t# hello there\nrest", false).unwrap();
    assert_eq!((words.maxconn, words.percent, words.admin), (Some(30), Some(40), None));
    assert_eq!(words.outcome(), Outcome::with(Finding::L7Passed, 0, "via agent : up (hello there)"));
    let words = agent::read(b"DOWN drain", true).unwrap();
    assert_eq!(words.admin, Some(Admin::Drain));
    assert_eq!(words.outcome(), Outcome::with(Finding::L7Failed, 0, "via agent : DOWN"));
    let words = agent::read(b"gibberish here\n", false).unwrap();
    assert!(words.is_nonsense());
    assert_eq!(words.outcome(), Outcome::with(Finding::Neutral, 0, "agent reports an error : gibberish"));
    assert_eq!(agent::read(b"75%", false), None);
    assert!(!agent::read(b"75%\n", false).unwrap().is_nonsense());
}

/// Every kind of check, for those who throw things at them.
fn kinds() -> Vec<BackendChecks> {
    let text = |text: &str| CheckRule::Expect(expect(Expected::Text(CheckText::Plain(text.to_owned()))));
    let pattern = CheckRule::Expect(expect(Expected::BytesPattern("^32".to_owned())));
    let body = expect(Expected::Pattern("a+b".to_owned()));
    let sends = CheckRule::Send { data: CheckBytes::Plain(b"x".to_vec()), binary: false, comment: None };
    vec![
        BackendChecks::default(),
        http(Vec::new()),
        http(vec![body]),
        BackendChecks { tcp_rules: vec![text("abc"), sends, pattern], ..kind(CheckKind::Tcp) },
        kind(CheckKind::SslHello),
        kind(CheckKind::Smtp { extended: true, domain: "x".to_owned() }),
        kind(CheckKind::Mysql { user: None, old: false }),
        kind(CheckKind::Mysql { user: Some("u".to_owned()), old: true }),
        kind(CheckKind::Pgsql { user: "u".to_owned() }),
        kind(CheckKind::Redis),
        kind(CheckKind::Ldap),
        kind(CheckKind::Spop),
    ]
}

/// Bytes that begin like something, so that they get somewhere.
fn likely() -> impl Strategy<Value = Vec<u8>> {
    let beginnings: Vec<&[u8]> = vec![
        b"",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"220 ",
        b"250-",
        b"\x0a\0\0\0",
        b"R\0\0\0",
        b"E\0\0\0",
        b"+PONG",
        b"\x30\x84",
        b"\x30\x0c\x02\x01\x01\x61",
        b"\x16\x03",
        b"\0\0\0\x10\x65",
        b"abc",
    ];
    (proptest::sample::select(beginnings), proptest::collection::vec(any::<u8>(), 0..200))
        .prop_map(|(beginning, rest)| [beginning, &rest].concat())
}

proptest! {
    /// Whatever a peer says, in whatever pieces: nothing panics, memory is bounded, and once it has closed it ends.
    #[test]
    fn any_bytes_end(pieces in proptest::collection::vec(likely(), 0..8)) {
        for checks in kinds() {
            let pieces: Vec<&[u8]> = pieces.iter().map(Vec::as_slice).collect();
            prop_assert!(carry_out(&checks, &pieces, true).1.is_some(), "{:?}", checks);
        }
        for piece in &pieces {
            prop_assert!(agent::read(piece, true).is_some());
        }
    }
}
