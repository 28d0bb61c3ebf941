#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use super::*;

#[test]
fn every_alias_is_read_and_written_back() {
    for row in ALIASES {
        assert_eq!(Alias::from_name(row.name), Some(row.alias));
        assert_eq!(row.alias.name(), row.name);
        assert!(!row.meaning.is_empty() && !row.example.is_empty());
        let text = format!("%{}", row.name);
        let format = Format::parse(&text).unwrap();
        assert_eq!(format.to_string(), text);
        assert_eq!(format.aliases().collect::<Vec<_>>(), [row.alias]);
    }
}

#[test]
fn texts_are_read_and_written_back() {
    for text in [
        "",
        "plain",
        "%%",
        "100%% of %ci:%cp",
        "%{+Q,-E}r",
        "%{+json}o %(a)ci %(b:sint)cp %(:str)ST",
        "%{+Q}[src] %[src,ipmask(24)]",
        "%{-X}o%ci",
        "%(x_y-1:bool){+cbor}[src]",
        "é%sé",
    ] {
        let format = Format::parse(text).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
        assert_eq!(format.to_string(), text);
        assert_eq!(Format::parse(&format.to_string()).unwrap(), format);
    }
}

#[test]
fn what_haproxy_drops_is_dropped() {
    for (text, written) in
        [("%-", "-"), ("a%]b", "a]b"), ("%_r", "_r"), ("%{}ST", "%ST"), ("%{+Q,}r", "%{+Q}r")]
    {
        assert_eq!(Format::parse(text).unwrap().to_string(), written, "{text}");
    }
}

#[test]
fn mistakes_are_located() {
    for (text, at, part) in [
        ("%", 0, "lone"),
        ("x %STfoo", 3, "no variable '%STfoo'"),
        ("x %hx", 3, "did you mean"),
        ("% x", 0, "'%%'"),
        ("a%{+Q", 2, "'}'"),
        ("a%{+Q}", 6, "variable"),
        ("a%{+Q} r", 6, "variable"),
        ("%{+Q,Z}r", 5, "'Z' is no flag"),
        ("%{Q}r", 2, "no flag"),
        ("ab%[src", 2, "']'"),
        ("%(a b)ci", 3, "name"),
        ("%(a", 0, "')'"),
        ("%(a:int)ci", 4, "sint"),
        ("%(a.b)ci", 3, "name"),
        ("%{+Q}%r", 5, "variable"),
    ] {
        let mistake = Format::parse(text).unwrap_err();
        assert_eq!(mistake.at, at, "{text}: {mistake:?}");
        assert!(mistake.message.contains(part), "{text}: {mistake:?}");
    }
}

#[test]
fn a_bracket_in_arguments_ends_no_sample() {
    for (text, length) in [
        ("src]x", 3),
        ("str(a]b)]", 8),
        ("str('a)]b')]]", 11),
        (r#"str("a\"]")]"#, 11),
        ("str(a", 0),
        (r"str(\)])]", 8),
    ] {
        assert_eq!(sample_length(text), Some(length).filter(|length| *length > 0), "{text}");
    }
}

#[test]
fn spaces_are_merged() {
    for (text, merged) in [
        ("a  b  ", "a b "),
        ("  x %ST", "x %ST"),
        ("%ST  %o  %B", "%ST%o %B"),
        ("%ST %{+Q}o", "%ST%{+Q}o "),
        ("\t%ST", "\t%ST"),
        ("   ", ""),
    ] {
        assert_eq!(Format::parse(text).unwrap().with_merged_spaces().to_string(), merged, "{text}");
    }
}

#[test]
fn flags_hold_until_they_are_taken_back() {
    let format = Format::parse("%r %{+Q}o %{-Q}r %{+E}r %{-Q,+json}o %r").unwrap();
    let seen: Vec<Vec<&str>> = format
        .resolved()
        .filter(|(item, _)| matches!(item, Item::Field(_)))
        .map(|(_, set)| Flag::ALL.iter().filter(|(_, flag)| set.has(*flag)).map(|(word, _)| *word).collect())
        .collect();
    assert_eq!(seen, [vec![], vec![], vec!["Q", "E"], vec!["json"]]);
    assert!(!format.leading_flags().has(Flag::Json));
    assert!(Format::parse("x%{+json}o%r").unwrap().leading_flags().has(Flag::Json));
}
