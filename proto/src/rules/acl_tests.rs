#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use super::*;

fn read(text: &str) -> Result<Criterion, Mistake> {
    Criterion::parse(&mut Words::new(text.split(' ')), false)
}

#[test]
fn what_is_written_reads_as_the_same() {
    for text in [
        "path_beg -i /api /static",
        "src 10.0.0.0/8",
        "path,lower -m end .png",
        "req.hdr(host) -i -m dom -f hosts.lst example.com",
        "int(3) ge 2",
        "int(3) gt 2 lt 9 eq 7",
        "nbsrv(b) lt 2",
        "int(3) -- -5 7:9",
        "path -m found",
        "always_true",
        "path -M -f x.map",
        "src -n -u 7 127.0.0.1",
    ] {
        let criterion = read(text).unwrap_or_else(|mistake| panic!("{text}: {mistake}"));
        let words = criterion.words().join(" ");
        assert_eq!(read(&words).unwrap(), criterion, "{text} as {words}");
    }
}

#[test]
fn operators_are_ranges() {
    assert_eq!(read("int(3) gt 2 lt 9 eq 7").unwrap().patterns, ["3:", ":8", "7"]);
    assert_eq!(read("int(3) -1").unwrap().patterns, ["-1"]);
}

#[test]
fn mistakes_have_their_place() {
    for (text, word, message) in [
        ("path -x /", 1, "unknown flag '-x'"),
        ("path -m begin /", 2, "unknown method 'begin'"),
        ("always_true -m ip 1.2.3.4", 2, "method 'ip' cannot match a value of type boolean"),
        ("int(3) ge 1:2", 2, "'1:2' is a range"),
        ("path -f", 2, "the name of a file is missing"),
    ] {
        let mistake = read(text).expect_err(text);
        assert_eq!((mistake.word, mistake.message.as_str()), (word, message), "{text}");
    }
}
