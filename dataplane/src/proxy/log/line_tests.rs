//! Lines that HAProxy 2.6 wrote for the same exchanges, addresses and dates aside.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::Duration;

use crate::snapshot::LineFormat;
use jiff::tz::TimeZone;
use proptest::prelude::*;

use super::*;
use crate::proxy::log::samples;

/// The rest of a line, and what makes the sample record one of its kind.
type Case = (&'static str, fn(&mut Record));

fn shown(plan: &LogPlan, record: &Record) -> String {
    let mut dates = Dates::in_zone(TimeZone::get("Asia/Kolkata").unwrap());
    let mut out = Vec::new();
    render(&mut out, plan, record, &mut dates);
    String::from_utf8(out).unwrap()
}

fn http(change: impl FnOnce(&mut Record)) -> String {
    let mut record = samples::record();
    change(&mut record);
    shown(&samples::plan(LineFormat::Http), &record)
}

fn without_request(record: &mut Record) {
    record.request_line.clear();
    (record.received, record.dequeued, record.connected, record.responded) = (None, None, None, None);
    (record.backend, record.server) = (None, None);
    record.bytes_out = 0;
}

fn ended_after(record: &mut Record, millis: u64) {
    record.ended = Some(record.started + Duration::from_millis(millis));
}

fn ended_by(record: &mut Record, cause: Cause, phase: Phase) {
    record.termination = Termination::new(cause, phase);
}

#[test]
fn the_four_formats() {
    let lines = [
        (LineFormat::Plain, "Connect from 10.0.1.2:33317 to 10.0.3.31:8012 (fe/HTTP)"),
        (LineFormat::Tcp, "10.0.1.2:33317 [22/Nov/2026:19:33:07.005] fe be/s1 0/30/122 54 -- 1/1/0/0/0 0/0"),
        (
            LineFormat::Http,
            "10.0.1.2:33317 [22/Nov/2026:19:33:07.007] fe be/s1 10/0/30/69/120 200 54 - - ---- 1/1/0/0/0 0/0 \
             \"GET / HTTP/1.1\"",
        ),
        (
            LineFormat::Clf,
            "10.0.1.2 - - [22/Nov/2026:14:03:07 +0000] \"GET / HTTP/1.1\" 200 54 \"\" \"\" 33317 005 \"fe\" \"be\" \
             \"s1\" 10 0 30 69 120 ---- 1 1 0 0 0 0 0 \"\" \"\" ",
        ),
    ];
    for (format, line) in lines {
        assert_eq!(shown(&samples::plan(format), &samples::record()), line);
    }
}

#[test]
fn lines_that_are_written_early_say_that_numbers_rise() {
    let mut record = samples::record();
    record.ended = None;
    let early = |format| {
        let mut plan = samples::plan(format);
        plan.early = true;
        shown(&plan, &record)
    };
    assert!(early(LineFormat::Http).contains(" 10/0/30/69/+109 200 +54 - - "));
    assert!(early(LineFormat::Tcp).contains(" 0/30/+111 +54 -- "));
    let clf = early(LineFormat::Clf);
    assert!(clf.contains(" 200 +54 ") && clf.contains(" 10 0 30 69 +109 "), "{clf}");
}

#[test]
fn a_client_on_a_unix_socket_is_named_by_the_bind() {
    let mut record = samples::record();
    (record.client, record.destination, record.bind_id) = (None, None, 7);
    let begin = |format| shown(&samples::plan(format), &record);
    assert_eq!(begin(LineFormat::Plain), "Connect to unix:7 (fe/HTTP)");
    assert!(begin(LineFormat::Http).starts_with("unix:7 ["));
    assert!(begin(LineFormat::Tcp).starts_with("unix:7 ["));
    let clf = begin(LineFormat::Clf);
    assert!(clf.starts_with("unix - - [") && clf.contains(" \"\" \"\" 7 005 "), "{clf}");
}

#[test]
fn exchanges_that_fail() {
    let cases: [Case; 8] = [
        ("fe fe/<NOSRV> -1/-1/-1/-1/0 400 0 - - PR-- 1/1/0/0/0 0/0 \"<BADREQ>\"", |record| {
            without_request(record);
            ended_after(record, 0);
            record.status = Some(400);
            ended_by(record, Cause::Proxy, Phase::Request);
        }),
        ("fe fe/<NOSRV> -1/-1/-1/-1/500 408 0 - - cR-- 1/1/0/0/0 0/0 \"<BADREQ>\"", |record| {
            without_request(record);
            ended_after(record, 500);
            record.status = Some(408);
            ended_by(record, Cause::ClientTimeout, Phase::Request);
        }),
        ("fe nosrv/<NOSRV> 0/-1/-1/-1/0 503 217 - - SC-- 1/1/0/0/0 0/0 \"GET /nosrv HTTP/1.1\"", |record| {
            without_request(record);
            record.backend = Some(Name::new("nosrv").unwrap());
            record.request_line = b"GET /nosrv HTTP/1.1".to_vec();
            record.received = Some(record.started);
            ended_after(record, 0);
            (record.status, record.bytes_out) = (Some(503), 217);
            ended_by(record, Cause::Server, Phase::Connect);
        }),
        ("fe be/s1 10/0/-1/-1/302 503 217 - - SC-- 1/1/0/0/1 0/0 \"GET / HTTP/1.1\"", |record| {
            (record.connected, record.responded, record.retries) = (None, None, 1);
            ended_after(record, 302);
            (record.status, record.bytes_out) = (Some(503), 217);
            ended_by(record, Cause::Server, Phase::Connect);
        }),
        ("fe be/s1 10/0/30/69/120 200 54 - - ---- 1/1/0/0/+2 0/0 \"GET / HTTP/1.1\"", |record| {
            (record.retries, record.redispatched) = (2, true);
        }),
        ("fe be/<NOSRV> 0/201/-1/-1/201 503 217 - - sQ-- 2/2/1/0/0 3/1 \"GET / HTTP/1.1\"", |record| {
            record.received = Some(record.started);
            record.dequeued = Some(record.started + Duration::from_millis(201));
            (record.connected, record.responded, record.server) = (None, None, None);
            ended_after(record, 201);
            (record.status, record.bytes_out) = (Some(503), 217);
            (record.concurrent, record.queued) = ([2, 2, 1, 0], [3, 1]);
            ended_by(record, Cause::ServerTimeout, Phase::Queue);
        }),
        ("fe be/s1 10/0/30/-1/602 504 198 - - sH-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"", |record| {
            record.responded = None;
            ended_after(record, 602);
            (record.status, record.bytes_out) = (Some(504), 198);
            ended_by(record, Cause::ServerTimeout, Phase::Headers);
        }),
        ("fe be/s1 10/0/30/69/120 200 55 - - SD-- 1/1/0/0/0 0/0 \"GET / HTTP/1.1\"", |record| {
            record.bytes_out = 55;
            ended_by(record, Cause::Server, Phase::Data);
        }),
    ];
    for (line, change) in cases {
        assert_eq!(http(change), format!("10.0.1.2:33317 [22/Nov/2026:19:33:07.007] {line}"));
    }
}

#[test]
fn a_tcp_session_that_did_not_wait_shows_the_millisecond_that_haproxy_shows() {
    let mut record = samples::record();
    (record.received, record.responded, record.status) = (None, None, None);
    record.request_line.clear();
    record.dequeued = Some(record.started);
    let mut plan = samples::plan(LineFormat::Tcp);
    plan.mode = Mode::Tcp;
    assert!(shown(&plan, &record).contains(" fe be/s1 1/40/122 54 -- "));
    plan.format = LineFormat::Plain;
    assert!(shown(&plan, &record).ends_with("(fe/TCP)"));
}

#[test]
fn request_lines_are_escaped_and_cut_before_that() {
    let of = |text: &[u8]| {
        let line = http(|record| record.request_line = text.to_vec());
        line.split_once('"').unwrap().1.trim_end_matches('"').to_owned()
    };
    assert_eq!(of(b"GET /a\"#b HTTP/1.1"), "GET /a#22#23b HTTP/1.1");
    assert_eq!(of(&[b'a'; 2000]), "a".repeat(1023));
    let mut long = b"GET /".to_vec();
    long.resize(1505, 0xe9);
    assert_eq!(of(&long).len(), 3059);
}

#[test]
fn refused_connections() {
    let record = samples::record();
    let mut refusal = Refusal {
        client: record.client,
        accepted_at: record.accepted_at,
        has_data: true,
        frontend: &record.frontend,
        bind: "nm",
        bind_id: 3,
        reason: "Received an invalid PROXY protocol header",
    };
    let shown = |refusal: &Refusal<'_>| {
        let mut out = Vec::new();
        render_refusal(&mut out, refusal, &mut Dates::in_zone(TimeZone::get("UTC").unwrap()));
        String::from_utf8(out).unwrap()
    };
    let rest = "[22/Nov/2026:14:03:07.005] fe/nm: Received an invalid PROXY protocol header";
    assert_eq!(shown(&refusal), format!("10.0.1.2:33317 {rest}"));
    refusal.client = None;
    assert_eq!(shown(&refusal), format!("unix:3 {rest}"));
}

proptest! {
    /// Whatever a client sends, its line stays one line, and the request its last field.
    #[test]
    fn nothing_that_is_sent_breaks_a_line(sent in prop::collection::vec(any::<u8>(), 0..3000), clf in any::<bool>()) {
        let mut record = samples::record();
        record.request_line = sent;
        let line = shown(&samples::plan(if clf { LineFormat::Clf } else { LineFormat::Http }), &record);
        prop_assert!(line.bytes().all(|byte| (32..127).contains(&byte)));
        prop_assert_eq!(line.matches('"').count(), if clf { 16 } else { 2 });
    }
}
