#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use super::super::Sample;
use super::*;

#[test]
fn tables_are_in_order_and_names_stand_once() {
    for table in TABLES {
        assert!(table.is_sorted_by(|one, next| one.name < next.name), "{:?}", table.first());
    }
    let mut names: Vec<&str> = rows().map(|row| row.name).collect();
    names.sort_unstable();
    assert!(names.is_sorted_by(|one, next| one < next));
    assert!(FOREIGN.is_sorted());
    assert!(FOREIGN.iter().all(|name| find(name).is_none()));
}

#[test]
fn every_fetch_is_found_by_its_name() {
    for row in rows() {
        assert_eq!(find(row.name).unwrap().fetch, row.fetch, "{}", row.name);
    }
}

#[test]
fn examples_are_of_their_own_row() {
    for row in rows() {
        for example in row.examples {
            let sample = Sample::parse(example).unwrap_or_else(|mistake| panic!("{example}: {mistake}"));
            assert_eq!(sample.row.name, row.name, "{example}");
        }
    }
}

#[test]
fn what_others_have_is_said_to_be_missing() {
    let mistake = Sample::parse("ssl_c_s_dn(cn)").unwrap_err();
    assert!(mistake.message.contains("not supported by Regate yet"), "{mistake}");
    let mistake = Sample::parse("ssl_c_s_dm(cn)").unwrap_err();
    assert_eq!(mistake.message, "unknown fetch 'ssl_c_s_dm'");
}

#[test]
fn arguments_are_checked() {
    for (text, at, message) in [
        ("bin(61ff0)", 4, "'61ff0' is not acceptable here"),
        ("bin(xx)", 4, "'xx' is not acceptable here"),
        ("bool(2)", 5, "'2' is not acceptable here"),
        ("ipv4(::1)", 5, "'::1' is not acceptable here"),
        ("ipv6(127.0.0.1)", 5, "'127.0.0.1' is not acceptable here"),
        ("date(0,h)", 7, "unknown word 'h'"),
        ("fc_rtt(s)", 7, "unknown word 's'"),
        ("req.payload(-1,2)", 12, "'-1' is not acceptable here"),
        ("req.payload(1)", 0, "'req.payload' lacks an argument"),
        ("req.payload_lv(0,2,x)", 19, "'x' is not acceptable here"),
        ("srv_conn", 0, "'srv_conn' lacks an argument"),
        ("http_auth", 0, "'http_auth' lacks an argument"),
        ("req.hdr(x,y)", 10, "'y' is not acceptable here"),
    ] {
        let mistake = Sample::parse(text).expect_err(text);
        assert_eq!((mistake.at, mistake.message.as_str()), (at, message), "{text}");
    }
}
