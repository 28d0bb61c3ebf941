#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use super::super::lexer::{Dialect, cut};
use super::*;

fn defined(name: &str) -> bool {
    name == "HOME"
}

/// Exit codes of `haproxy -cc`: 0 true, 1 false, 2 refused.
fn code(expression: &str) -> u8 {
    match evaluate(expression, &defined) {
        Ok(true) => 0,
        Ok(false) => 1,
        Err(_) => 2,
    }
}

#[test]
fn expressions_mean_what_they_mean_to_haproxy() {
    let cases = [
        ("1", 0),
        ("0", 1),
        ("", 1),
        ("a", 2),
        ("-1", 0),
        ("-0", 1),
        ("+1", 0),
        ("-", 2),
        ("--1", 2),
        ("00", 1),
        ("99999999999999999999", 0),
        ("1x", 2),
        ("1 1", 2),
        (" 1 ", 0),
        ("!0", 0),
        ("!!1", 0),
        ("! 1", 1),
        ("!", 2),
        ("!(1)", 1),
        ("1&&0", 1),
        ("1 && 1 || 0", 0),
        ("0 && 0 || 1", 0),
        ("1 || 0 && 0", 0),
        ("(1", 2),
        ("()", 2),
        ("(((1)))", 0),
        ("1 &&", 2),
        ("1 & 1", 2),
        ("1 &&& 1", 2),
        ("0 && garbage", 2),
        ("1 || garbage", 2),
        ("defined(HOME)", 0),
        ("defined(NOPE)", 1),
        ("defined()", 1),
        ("defined( HOME )", 1),
        ("defined(A,B)", 2),
        ("defined(A", 2),
        ("defined(HOME) x", 2),
        ("foo(a)", 2),
        ("streq(a,a)", 0),
        ("streq(a,b)", 1),
        ("strneq(a,b)", 0),
        ("streq(a)", 2),
        ("streq(a,a,a)", 2),
        ("streq(\"a,b\",'a,b')", 0),
        ("streq(a b,a b)", 0),
        ("streq( a,a)", 1),
        ("streq (a,a)", 2),
        (r"streq(a\ b,a b)", 0),
        ("streq(\"a\",a)", 0),
        ("strstr(abc,b)", 0),
        ("strstr(abc,d)", 1),
        ("feature(THREAD)", 0),
        ("feature(FOO)", 1),
        ("enabled(EPOLL)", 0),
        ("enabled(POLL)", 1),
        ("version_atleast(3.5)", 0),
        ("version_atleast(3.6)", 1),
        ("version_atleast(2.4-dev19)", 0),
        ("version_atleast(3.5-dev1)", 0),
        ("version_before(3.5-dev1)", 1),
        ("version_before(3.6-dev0)", 0),
        ("version_atleast(x)", 0),
        ("version_atleast()", 0),
        ("version_before(4)", 0),
    ];
    for (expression, expected) in cases {
        assert_eq!(code(expression), expected, "{expression}");
    }
}

#[test]
fn deep_nesting_ends_in_a_refusal() {
    let nested = |depth: usize| format!("{}1{}", "(".repeat(depth), ")".repeat(depth));
    assert_eq!(code(&nested(256)), 0);
    assert_eq!(code(&nested(257)), 2);
    assert_eq!(code(&nested(100_000)), 2);
    assert_eq!(code(&format!("{}1", "!".repeat(100_000))), 0);
}

fn run(lines: &[&str]) -> (Vec<String>, Vec<String>) {
    let mut blocks = Blocks::default();
    let (mut read, mut refused) = (Vec::new(), Vec::new());
    for (number, line) in (1..).zip(lines) {
        let words = cut(line, Dialect::Line, number, 1, &|_| None).unwrap();
        match blocks.offer(&words, &defined) {
            Ok(Verdict::Ordinary) => read.push((*line).to_owned()),
            Ok(Verdict::Consumed) => {}
            Err(issue) => refused.push(format!("{}:{}: {}", issue.line, issue.column, issue.message)),
        }
    }
    refused
        .extend(blocks.finish().map(|issue| format!("{}:{}: {}", issue.line, issue.column, issue.message)));
    (read, refused)
}

#[test]
fn one_branch_of_a_block_is_read() {
    let lines = |first: &str, second: &str| -> Vec<String> {
        let (first, second) = (format!(".if {first}"), format!(".elif {second}"));
        let (read, refused) = run(&[&first, "a", &second, "b", ".else", "c", ".endif", "d"]);
        assert_eq!(refused, [""; 0]);
        read
    };
    assert_eq!(lines("1", "1"), ["a", "d"]);
    assert_eq!(lines("0", "1"), ["b", "d"]);
    assert_eq!(lines("0", "0"), ["c", "d"]);
    assert_eq!(lines("", "0"), ["c", "d"]);
}

#[test]
fn what_lies_in_a_skipped_branch_is_not_evaluated() {
    let (read, refused) = run(&[
        ".if 0",
        ".if garbage",
        "a",
        ".else",
        "b",
        ".endif",
        ".elif 1",
        "c",
        ".elif garbage",
        ".endif",
    ]);
    assert_eq!((read, refused), (vec!["c".to_owned()], Vec::new()));
}

#[test]
fn misplaced_directives_are_refused_where_they_stand() {
    assert_eq!(run(&[".else"]).1, ["1:1: lone '.else' with no matching '.if'"]);
    assert_eq!(run(&[" .endif"]).1, ["1:2: lone '.endif' with no matching '.if'"]);
    assert_eq!(
        run(&[".if 1", ".else", ".else", ".endif"]).1,
        ["3:1: '.else' after '.else' is not permitted"]
    );
    assert_eq!(
        run(&[".if 1", ".else", ".elif 1", ".endif"]).1,
        ["3:1: '.elif' after '.else' is not permitted"]
    );
    assert_eq!(run(&["x", ".if 1"]).1, ["2:1: this '.if' block is not closed"]);
    assert_eq!(run(&[".if 1", ".endif y"]).1, ["2:8: unexpected argument 'y' for '.endif'"]);
    assert_eq!(
        run(&[".if 1 0", ".endif"]).1,
        ["1:7: unexpected character '0' at the end of the expression '1 0'"]
    );
    let mut deep = vec![".if 1"; 99];
    assert_eq!(run(&deep).1.len(), 1);
    deep.push(".if 1");
    assert!(run(&deep).1[0].contains("too many nested '.if'"));
}
