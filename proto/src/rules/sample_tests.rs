#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail where it stands")]

use super::super::{converters, fetches};
use super::*;

#[test]
fn tables_are_in_order() {
    assert!(converters::ROWS.is_sorted_by_key(|row| row.name));
}

#[test]
fn what_is_written_reads_as_the_same() {
    let fetched = fetches::rows().flat_map(|row| row.examples);
    let converted = converters::ROWS.iter().flat_map(|row| row.examples);
    for example in fetched.chain(converted).chain(&["str(\"a'b\\\"c\"),upper", "str(a\\,b)", "req.hdr(x,-1)"])
    {
        let sample = Sample::parse(example).unwrap_or_else(|mistake| panic!("{example}: {mistake}"));
        let again =
            Sample::parse(&sample.to_string()).unwrap_or_else(|mistake| panic!("{sample}: {mistake}"));
        assert_eq!(sample, again, "{example}");
    }
}

#[test]
fn mistakes_have_their_place() {
    for (text, at, message) in [
        ("pth", 0, "unknown fetch 'pth'"),
        ("path,uper", 5, "unknown converter 'uper'"),
        ("path(1)", 5, "'path' takes no arguments"),
        ("int(x)", 4, "'x' is not acceptable here"),
        ("int", 0, "'int' lacks an argument"),
        ("str(a", 5, "the parenthesis is not closed"),
        ("str('a", 4, "the quote ' is not closed"),
        ("str(a)b", 6, "'b' is not expected here"),
        ("always_true,add(1),ipmask(33,x)", 29, "'x' is not acceptable here"),
        ("always_true,ipmask(8)", 12, "converter 'ipmask' cannot take a value of type boolean"),
        ("path,", 5, "a name is missing"),
        ("", 0, "a name is missing"),
    ] {
        let mistake = Sample::parse(text).expect_err(text);
        assert_eq!((mistake.at, mistake.message.as_str()), (at, message), "{text}");
    }
}
