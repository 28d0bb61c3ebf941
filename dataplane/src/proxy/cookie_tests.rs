#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::{Outcome, Treatment, first_set, parts, push_date, scan};

/// What is left of a field, and the values that were found.
fn scanned(field: &str, treatment: Treatment) -> (Option<String>, Vec<String>) {
    let (mut out, mut values) = (Vec::new(), Vec::new());
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let outcome = scan(field.as_bytes(), b"S", treatment, |value| values.push(text(value)), &mut out);
    let left = match outcome {
        Outcome::Same => Some(field.to_owned()),
        Outcome::Changed => Some(text(&out)),
        Outcome::Gone => None,
    };
    (left, values)
}

/// Each field as HAProxy 2.6 leaves it when it takes the cookie `S` out.
#[test]
fn a_cookie_is_taken_out_as_haproxy_does() {
    let rows: &[(&str, Option<&str>, &[&str])] = &[
        ("S=c1", None, &["c1"]),
        ("a=1; S=c2; b=2", Some("a=1; b=2"), &["c2"]),
        ("S=c1; S=c2", None, &["c1", "c2"]),
        ("S = c2 ; x=y", Some("x=y"), &["c2"]),
        ("S=\"c2\"", None, &["\"c2\""]),
        ("a = 1;S=c2", Some("a=1"), &["c2"]),
        ("a=1,S=c2", Some("a=1"), &["c2"]),
        ("a=1 , S=c2", Some("a=1 "), &["c2"]),
        ("$Version=1; S=c2; $Path=/", None, &["c2"]),
        ("$Version=1; S=c2; a=1", Some("$Version=1; a=1"), &["c2"]),
        ("a=1; $Path=/; S=c2", Some("a=1; $Path=/"), &["c2"]),
        ("a=1; S=c2; $Path=/; $Port=80; b=2", Some("a=1; b=2"), &["c2"]),
        ("$V = 1; a=1; S=c2", Some("$V = 1; a=1"), &["c2"]),
        ("a=\";S=c2\"; S=c1", Some("a=\";S=c2\""), &["c1"]),
        ("a=\"x\\\"; S=c1\"; S=c2", Some("a=\"x\\\"; S=c1\""), &["c2"]),
        ("S; S=c2", Some("S"), &["c2"]),
        ("=x; S=c2", Some("=x"), &["c2"]),
        ("= 1; S=c2", Some("=1"), &["c2"]),
        ("a=1;;S=c2;", Some("a=1;; "), &["c2"]),
        ("S=c2;a=1", Some("a=1"), &["c2"]),
        ("a=1;S=c2;b=2", Some("a=1; b=2"), &["c2"]),
        ("a=1,S=c2,b=1", Some("a=1, b=1"), &["c2"]),
        ("a=1 ;  S=c2 ;  b=3", Some("a=1; b=3"), &["c2"]),
        ("a=1; S=c1; b=2; S=c2; c=3", Some("a=1; b=2; c=3"), &["c1", "c2"]),
        ("S==c2", None, &["=c2"]),
        ("b=c d; S=c2", Some("b=c d"), &["c2"]),
        (";S=c2", None, &["c2"]),
        ("; a=1; S=c2", Some("; a=1"), &["c2"]),
        (";; S=c2; a=1", Some(";; a=1"), &["c2"]),
        ("S=c2; ;", Some(";"), &["c2"]),
        ("S=c2; ;a=1", Some(";a=1"), &["c2"]),
        ("S=c2;", None, &["c2"]),
        ("S=c2; b", Some("b"), &["c2"]),
        ("a; S=c2; b", Some("a; b"), &["c2"]),
        ("S=", None, &[""]),
        ("S=; a=1", Some("a=1"), &[""]),
        ("S", Some("S"), &[]),
        (",,", Some(",,"), &[]),
        ("", Some(""), &[]),
        ("s=c2", Some("s=c2"), &[]),
        ("a= ; b=1", Some("a=; b=1"), &[]),
        ("S\t=\tc2\t; a=1", Some("a=1"), &["c2"]),
    ];
    for (field, left, values) in rows {
        let (found_left, found_values) = scanned(field, Treatment::Remove);
        assert_eq!(
            (found_left.as_deref(), found_values.as_slice()),
            (*left, &values.map_to_owned()[..]),
            "{field}"
        );
    }
}

trait MapToOwned {
    fn map_to_owned(&self) -> Vec<String>;
}

impl MapToOwned for &[&str] {
    fn map_to_owned(&self) -> Vec<String> {
        self.iter().map(|text| (*text).to_owned()).collect()
    }
}

#[test]
fn a_cookie_stays_but_for_blanks_and_loses_its_prefix() {
    for (field, left) in [
        ("S = c2 ; x=y", "S=c2 ; x=y"),
        ("a = 1;S=c2", "a=1;S=c2"),
        ("S=c2;", "S=c2;"),
        ("S=c2; $Path = /", "S=c2; $Path = /"),
    ] {
        assert_eq!(scanned(field, Treatment::Keep).0.as_deref(), Some(left), "{field}");
    }
    for (field, left) in [
        ("S=c2~app", "S=app"),
        ("S=~app", "S=app"),
        ("a=b; S=c2~app; S=c1~q", "a=b; S=app; S=q"),
        ("S=c2~a~b", "S=a~b"),
        ("S = c2~x ; b = 2", "S=x ; b=2"),
        ("S=c2~\"q~w\"", "S=\"q~w\""),
        ("S=c2~", "S="),
        ("S=c2", "S=c2"),
    ] {
        assert_eq!(scanned(field, Treatment::CutPrefix).0.as_deref(), Some(left), "{field}");
    }
}

#[test]
fn the_first_cookie_of_a_set_cookie_field_is_read() {
    let read = |field: &str| {
        let set = first_set(field.as_bytes())?;
        Some((field[set.name].to_owned(), field[set.value].to_owned()))
    };
    let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
    assert_eq!(read("S = app ; path=/"), pair("S", "app"));
    assert_eq!(read("a=b, S=app"), pair("a", "b"));
    assert_eq!(read("S=a b; x"), pair("S", "a b"));
    assert_eq!(read("S=\"a;b\"; path=/"), pair("S", "\"a;b\""));
    assert_eq!(read("S; S=x"), None);
    assert_eq!(read(""), None);
    assert_eq!(read("S="), pair("S", ""));
}

#[test]
fn dates_are_read_where_they_are_whole() {
    let read = |value: &'static [u8]| {
        let parts = parts(value);
        (parts.server, parts.last, parts.first)
    };
    assert_eq!(read(b"c2"), (b"c2".as_slice(), 0, 0));
    assert_eq!(read(b"c2|zz|"), (b"c2".as_slice(), 0, 0));
    assert_eq!(read(b"c2|!!!!!|AAAAB"), (b"c2".as_slice(), 0, 4));
    assert_eq!(read(b"c2|AAABAx|AAAAC"), (b"c2".as_slice(), 256, 8));
    assert_eq!(read(b"|AAAAB"), (b"".as_slice(), 4, 0));
}

proptest! {
    #[test]
    fn a_date_is_read_as_it_was_written(seconds in 1u64..4_000_000_000) {
        let mut out = b"c".to_vec();
        push_date(&mut out, seconds);
        let last = parts(&out).last;
        prop_assert!(last >= seconds && last < seconds + 4);
    }

    /// Whatever comes, nothing is made up: what is left are bytes of the field, and blanks.
    #[test]
    fn no_field_is_too_strange(field in "[Sac=;, \"\\\\$~|\t]{0,24}") {
        for treatment in [Treatment::Keep, Treatment::Remove, Treatment::CutPrefix] {
            let (left, values) = scanned(&field, treatment);
            prop_assert!(left.is_none_or(|left| left.len() <= field.len() + 1));
            prop_assert!(values.iter().all(|value| field.contains(value.as_str())));
        }
        let _ = first_set(field.as_bytes());
        let _ = parts(field.as_bytes());
    }
}
