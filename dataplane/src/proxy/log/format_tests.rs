//! Every alias with its flags, and every flag.

#![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

use regate_proto::rules::Format;
use regate_proto::rules::log_format::ALIASES;

use super::*;
use crate::proxy::log::samples;

/// Each alias for the record of `samples.rs` with a few things kept: as it is, with `+Q`, with `+X` where that shows
/// something else.
const ROWS: &[(&str, &str, &str, Option<&str>)] = &[
    ("B", "54", "54", None),
    ("CC", "SRV=\"1", "\"SRV=\"1\"", None),
    ("CS", "-", "\"\"", None),
    ("H", "own", "\"own\"", None),
    ("HM", "GET", "\"GET\"", None),
    ("HP", "http://h/p/a", "\"http://h/p/a\"", None),
    ("HPO", "/p/a", "\"/p/a\"", None),
    ("HQ", "?x=#221", "\"?x=#221\"", None),
    ("HU", "http://h/p/a?x=#221", "\"http://h/p/a?x=#221\"", None),
    ("HV", "HTTP/1.1", "\"HTTP/1.1\"", None),
    ("ID", "id-1", "\"id-1\"", None),
    ("OG", "txn_close", "\"txn_close\"", None),
    ("ST", "200", "200", None),
    ("T", "22/Nov/2026:14:03:07 +0000", "22/Nov/2026:14:03:07 +0000", None),
    ("TR", "10", "10", None),
    ("Ta", "120", "120", None),
    ("Tc", "30", "30", None),
    ("Td", "11", "11", None),
    ("Th", "1", "1", None),
    ("Ti", "1", "1", None),
    ("Tl", "22/Nov/2026:19:33:07 +0530", "22/Nov/2026:19:33:07 +0530", None),
    ("Tq", "12", "12", None),
    ("Tr", "69", "69", None),
    ("Ts", "1795356187", "1795356187", Some("6B02F61B")),
    ("Tt", "122", "122", None),
    ("Tu", "121", "121", None),
    ("Tw", "0", "0", None),
    ("U", "80", "80", None),
    ("ac", "1", "1", None),
    ("b", "be", "\"be\"", None),
    ("bc", "0", "0", None),
    ("bi", "10.0.3.1", "\"10.0.3.1\"", Some("0A000301")),
    ("bp", "41234", "41234", Some("A112")),
    ("bq", "0", "0", None),
    ("ci", "10.0.1.2", "\"10.0.1.2\"", Some("0A000102")),
    ("cp", "33317", "33317", Some("8225")),
    ("f", "fe", "\"fe\"", None),
    ("fc", "1", "1", None),
    ("fi", "10.0.3.31", "\"10.0.3.31\"", Some("0A00031F")),
    ("fp", "8012", "8012", Some("1F4C")),
    ("ft", "fe", "\"fe\"", None),
    ("hr", "{a#7Cb#22]\\|}", "\"{a#7Cb#22]\\|}\"", None),
    ("hrl", "a#7Cb#22]\\ -", "\"a#7Cb#22]\\\" \"\"", None),
    ("hs", "{one}", "\"{one}\"", None),
    ("hsl", "one", "\"one\"", None),
    ("lc", "7", "7", Some("0007")),
    ("ms", "005", "005", Some("05")),
    ("r", "GET http://h/p/a?x=#221 HTTP/1.1", "\"GET http://h/p/a?x=#221 HTTP/1.1\"", None),
    ("rc", "+3", "+3", None),
    ("rt", "12", "12", Some("000C")),
    ("s", "s1", "\"s1\"", None),
    ("sc", "0", "0", None),
    ("si", "10.0.4.1", "\"10.0.4.1\"", Some("0A000401")),
    ("sp", "8080", "8080", Some("1F90")),
    ("sq", "0", "0", None),
    ("sslc", "-", "\"\"", None),
    ("sslv", "-", "\"\"", None),
    ("t", "22/Nov/2026:19:33:07.005", "22/Nov/2026:19:33:07.005", None),
    ("tr", "22/Nov/2026:19:33:07.007", "22/Nov/2026:19:33:07.007", None),
    ("trg", "22/Nov/2026:14:03:07 +0000", "22/Nov/2026:14:03:07 +0000", None),
    ("trl", "22/Nov/2026:19:33:07 +0530", "22/Nov/2026:19:33:07 +0530", None),
    ("ts", "--", "--", None),
    ("tsc", "----", "----", None),
];

fn record() -> Record {
    let mut record = samples::record();
    record.request_line = b"GET http://h/p/a?x=\"1 HTTP/1.1".to_vec();
    record.unique_id = Some(b"id-1".as_slice().into());
    (record.redispatched, record.retries) = (true, 3);
    record.captured = [2, 1];
    record.captures.keep(Side::Request, 0, b"a|b\"]\\", 20);
    record.captures.keep(Side::Response, 0, b"one, two", 3);
    record.captures.keep_cookie(Side::Request, b"SRV=\"1", 20);
    record
}

fn rendered(record: &Record, purpose: Purpose, early: bool, text: &str) -> String {
    let plan = FormatPlan::of_line(&Format::parse(text).unwrap(), record.captured).unwrap();
    let identity = Identity { pid: "4711".to_owned(), host: "own".to_owned() };
    let facts =
        Facts { record, mode: Mode::Http, early, origin: "txn_close", line_number: 7, identity: &identity };
    let mut dates = Dates::in_zone(jiff::tz::TimeZone::get("Asia/Kolkata").unwrap());
    let mut out = Vec::new();
    render(&mut out, &plan, purpose, (Some(&facts), &mut dates), None);
    String::from_utf8(out).unwrap()
}

#[test]
fn every_alias_is_shown() {
    let record = record();
    let shown = |text: &str| rendered(&record, Purpose::Line, false, text);
    for (name, plain, quoted, hexadecimal) in ROWS {
        assert_eq!(shown(&format!("%{name}")), *plain, "%{name}");
        assert_eq!(shown(&format!("%{{+Q}}{name}")), *quoted, "%{{+Q}}{name}");
        assert_eq!(shown(&format!("%{{+X}}{name}")), hexadecimal.unwrap_or(plain), "%{{+X}}{name}");
    }
    let without: Vec<&str> = ALIASES
        .iter()
        .map(|row| row.name)
        .filter(|name| !ROWS.iter().any(|(known, ..)| known == name) && *name != "pid")
        .collect();
    assert!(without.is_empty(), "{without:?} have no row");
    assert_eq!(shown("%pid"), std::process::id().to_string());
}

#[test]
fn what_is_not_there() {
    let mut record = samples::record();
    record.request_line.clear();
    record.server = None;
    (record.backend, record.server_address, record.source) = (None, None, None);
    (record.received, record.dequeued, record.connected, record.responded) = (None, None, None, None);
    let all = "%b|%s|%si|%sp|%bi|%bp|%HM|%HP|%HPO|%HQ|%HU|%HV|%r|%ID|%CC|%TR|%Tq|%Tw|%Tc|%Tr|%Td";
    assert_eq!(
        rendered(&record, Purpose::Line, false, all),
        "fe|<NOSRV>|-|-|-|-|<BADREQ>|<BADREQ>|<BADREQ>|<BADREQ>|<BADREQ>|<BADREQ>|<BADREQ>|-|-|-1|-1|-1|-1|-1|-1"
    );
    assert_eq!(rendered(&record, Purpose::Message, false, "%ID|%CC|%si"), "||");
    assert_eq!(rendered(&record, Purpose::Line, false, "a %hr %hs b %{+Q}hrl %ST"), "a b 200");
}

#[test]
fn what_still_grows_has_a_sign() {
    let record = record();
    assert_eq!(rendered(&record, Purpose::Line, true, "%B %Ta %Tt %Tu %U %Td"), "+54 +120 +122 +121 80 11");
}

#[test]
fn escapes() {
    let record = record();
    let shown = |text: &str| rendered(&record, Purpose::Line, false, text);
    assert_eq!(shown("%{+E}CC %{+E,+Q}hr"), "SRV=\\\"1 \"{a#7Cb#22\\]\\\\|}\"");
    let mut odd = samples::record();
    odd.request_line = b"GET /\x7f]\\ HTTP/1.1".to_vec();
    assert_eq!(rendered(&odd, Purpose::Line, false, "%{+E}HU"), "/#7F\\]\\\\");
}

#[test]
fn objects_have_the_fields_with_names() {
    let record = record();
    let shown = |text: &str| rendered(&record, Purpose::Line, false, text);
    assert_eq!(
        shown(
            "%{+json}o x %(client)ci %(port)cp %b %(status:str)ST %(line)r %(cookie)CS %(time)Tl %(up:bool)rc"
        ),
        "{\"client\": \"10.0.1.2\", \"port\": 33317, \"status\": \"200\", \
         \"line\": \"GET http://h/p/a?x=\\\"1 HTTP/1.1\", \"cookie\": null, \
         \"time\": \"22/Nov/2026:19:33:07 +0530\", \"up\": true}"
    );
    assert_eq!(shown("%{+cbor}o %(st)ST %(s)s"), "BF62737418C86173627331FF");
    assert_eq!(shown("test %{+json}ST %{+json}s %{+cbor}ST"), "test 200 \"s1\" 18C8");
    assert_eq!(shown("%{+json}o %{+X}o %(port)cp %(n:sint)cp"), "{\"port\": \"8225\", \"n\": 8225}");
}
