#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use proptest::prelude::*;

use super::*;

fn variable(name: &str) -> Option<String> {
    match name {
        "A" => Some("hello".to_owned()),
        "LIST" => Some("a  b c".to_owned()),
        "EMPTY" => Some(String::new()),
        ".LINE" => Some("7".to_owned()),
        _ => None,
    }
}

fn words(text: &str) -> Vec<String> {
    cut(text, Dialect::Line, 1, 1, &variable).unwrap().into_iter().map(|word| word.text).collect()
}

fn refusal(text: &str) -> (u32, u32, String) {
    let issue = cut(text, Dialect::Line, 1, 1, &variable).unwrap_err();
    (issue.column, issue.length, issue.message)
}

#[test]
fn words_are_cut_as_haproxy_cuts_them() {
    let cases: &[(&str, &[&str])] = &[
        ("", &[]),
        ("  # only a comment", &[]),
        ("a b\tc  ", &["a", "b", "c"]),
        ("a#b c", &["a"]),
        (r"a\#b", &["a#b"]),
        (r"a\ b", &["a b"]),
        (r"a\q", &[r"a\q"]),
        (r"a\", &[r"a\"]),
        (r#"a"b c"'d e'f"#, &["ab cd ef"]),
        (r#"'x"y"'"#, &[r#"x"y""#]),
        (r#""\'""#, &["'"]),
        (r"\x41\x5f", &["A_"]),
        (r"\n\r\t", &["\n\r\t"]),
        ("\"\"", &[""]),
        ("a\r", &["a"]),
        ("${A} $A", &["${A}", "$A"]),
        (r"\$A", &[r"\$A"]),
        (r#""\$A""#, &["$A"]),
        (r#""$A-b""#, &["hello-b"]),
        (r#""${A}""#, &["hello"]),
        (r#"x"${NONE}""#, &["x"]),
        (r#""${NONE-d e}""#, &["d e"]),
        (r#""${EMPTY-d}""#, &[""]),
        (r#""${NONE-d[*]}""#, &["d[*]"]),
        (r#""p${LIST[*]}q""#, &["pa", "b", "cq"]),
        (r#""${LIST}""#, &["a  b c"]),
        (r#""$.LINE" "${.LINE}""#, &["7", "7"]),
        (r#""$A[*]""#, &["hello[*]"]),
        (r#""fd@${NONE}""#, &["fd@${NONE}"]),
        (r#""fd@${NONE-3}""#, &["fd@3"]),
        (".if streq(\"$A\",hello) && 1  # c", &[".if", "streq(hello,hello) && 1"]),
    ];
    for (text, expected) in cases {
        assert_eq!(words(text), *expected, "{text}");
    }
}

#[test]
fn a_word_knows_its_raw_place() {
    let found = cut("  bind é\"a b\" x", Dialect::Line, 3, 1, &variable).unwrap();
    let places: Vec<(u32, u32, u32)> =
        found.iter().map(|word| (word.line, word.column, word.length)).collect();
    assert_eq!(places, [(3, 3, 4), (3, 8, 6), (3, 15, 1)]);
}

#[test]
fn what_cannot_be_cut_is_refused_with_its_place() {
    assert_eq!(refusal("  log-tag \"abc"), (11, 4, "this double quote is not closed".to_owned()));
    assert_eq!(refusal("  log-tag 'abc"), (11, 4, "this single quote is not closed".to_owned()));
    assert_eq!(refusal(r"a \x4").0, 3);
    assert_eq!(refusal(r"a \xzz").0, 3);
    assert_eq!(refusal("a \"${A\"").0, 4);
    assert_eq!(refusal("a \"${A b}\"").0, 4);
    assert_eq!(refusal("a \"$\"").0, 5);
    assert_eq!(refusal("a \"${}\"").0, 6);
    assert_eq!(refusal("a \"$9\"").0, 5);
    assert_eq!(refusal("a \"${.FOO}\"").0, 6);
    assert_eq!(refusal("a \"${A[x]}\"").0, 7);
    assert_eq!(refusal(r"a \x00b"), (3, 5, "this word contains a NUL character".to_owned()));
    assert_eq!(refusal(r"a \xff"), (3, 4, "this word is not UTF-8 text".to_owned()));
}

#[test]
fn a_scalar_of_yaml_has_no_comments_and_bare_variables() {
    let texts = |text| -> Vec<String> {
        cut(text, Dialect::Scalar, 1, 1, &variable).unwrap().into_iter().map(|word| word.text).collect()
    };
    assert_eq!(texts("a #b ${A} $A"), ["a", "#b", "hello", "$A"]);
    assert_eq!(texts(r"\${A}"), ["${A}"]);
    assert_eq!(texts("fd@${A}"), ["fd@${A}"]);
    assert_eq!(texts("a\n b"), ["a", "b"]);
}

proptest! {
    #[test]
    fn a_quoted_word_is_cut_to_itself(word in "[ -~\t\n\ré$\"'#\\\\]{0,20}") {
        for dialect in [Dialect::Line, Dialect::Scalar] {
            let found = cut(&quote(&word, dialect), dialect, 1, 1, &variable).unwrap();
            prop_assert_eq!(found.len(), 1);
            prop_assert_eq!(&found[0].text, &word);
        }
    }

    #[test]
    fn any_text_is_cut_or_refused_within_itself(text in "[a\"'\\\\$# {}x4\\[*\\]né.-]{0,30}") {
        let length = u32::try_from(text.chars().count()).unwrap();
        match cut(&text, Dialect::Line, 1, 1, &variable) {
            Ok(words) => prop_assert!(words.iter().all(|word| word.column - 1 + word.length <= length)),
            Err(issue) => prop_assert!(issue.column - 1 + issue.length <= length, "{issue:?}"),
        }
    }
}
