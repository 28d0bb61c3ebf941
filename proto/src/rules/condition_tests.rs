#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use super::*;

fn read(text: &str) -> Result<Option<Condition>, Mistake> {
    Condition::parse(&mut Words::new(text.split(' ')))
}

#[test]
fn what_is_written_reads_as_the_same() {
    for text in ["if a", "unless !a b or c", "if { path_beg /x } || !{ src 10.0.0.0/8 } TRUE", "if ! a !! b"]
    {
        let condition = read(text).unwrap().unwrap();
        assert_eq!(read(&condition.words().join(" ")).unwrap().unwrap(), condition, "{text}");
    }
    assert_eq!(read("").unwrap(), None);
}

#[test]
fn mistakes_have_their_place() {
    for (text, word, message) in [
        ("when a", 0, "'when' is not expected here"),
        ("if", 0, "the condition lacks a term"),
        ("if a or", 2, "the condition lacks a term"),
        ("if or a", 1, "a term is missing before 'or'"),
        ("if { path /", 3, "the condition is not closed"),
        ("if { pth / }", 2, "unknown fetch 'pth'"),
    ] {
        let mistake = read(text).expect_err(text);
        assert_eq!((mistake.word, mistake.message.as_str()), (word, message), "{text}");
    }
}

#[test]
fn predefined_criteria_are_right() {
    for (name, definition) in PREDEFINED {
        let criterion = predefined(name).unwrap();
        assert!(criterion.is_ok(), "{definition}: {criterion:?}");
    }
}
