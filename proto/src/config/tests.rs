//! Both forms held against each other: what is written reads as what it was, and no text brings a reader down.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use super::*;
use crate::change::Revision;
use crate::model::{Subject, arbitrary};
use crate::state::State;

/// Reads a text in a world without files and variables.
pub(super) fn load(form: Form, text: &str) -> Result<Loaded, Vec<Diagnostic>> {
    let variable = |name: &str| match name {
        "HOST" => Some("192.0.2.1".to_owned()),
        "SEVERAL" => Some("one two  three".to_owned()),
        "EMPTY" => Some(String::new()),
        _ => None,
    };
    let file = |path: &Path| match path.to_str() {
        Some("/etc/regate/503.http") => Ok(b"HTTP/1.0 503 Sorry\r\nContent-Length: 0\r\n\r\n".to_vec()),
        Some("/etc/regate/bad") => Ok(b"sorry\n".to_vec()),
        _ => Err(io::Error::from(io::ErrorKind::NotFound)),
    };
    let environment = Environment::new(&variable, &file);
    match form {
        Form::Haproxy => read_haproxy(&[SourceFile::new("test.cfg", text)], &environment),
        Form::Yaml => read_yaml(&SourceFile::new("test.yaml", text), &environment),
    }
}

pub(super) fn write(form: Form, rows: &[Row]) -> String {
    match form {
        Form::Haproxy => write_haproxy(rows),
        Form::Yaml => write_yaml(rows),
    }
    .unwrap()
}

fn by_subject(rows: Vec<Row>) -> BTreeMap<Subject, Row> {
    declared(rows).into_iter().map(|row| (row.subject(), row)).collect()
}

/// The rows without the lists of patterns in rules, whose lines are those of each text.
pub(super) fn declared(rows: Vec<Row>) -> Vec<Row> {
    let is_listed = |row: &Row| matches!(row, Row::List(list) if list.name.is_inline());
    rows.into_iter().filter(|row| !is_listed(row)).collect()
}

fn reread(form: Form, rows: &[Row]) -> Vec<Row> {
    let text = write(form, rows);
    match load(form, &text) {
        Ok(loaded) => loaded.rows,
        Err(diagnostics) => panic!("{diagnostics:#?}\nin\n{text}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn what_is_written_reads_as_it_was(rows in arbitrary::configuration()) {
        let expected = by_subject(rows.clone());
        prop_assert_eq!(by_subject(reread(Form::Haproxy, &rows)), expected.clone());
        prop_assert_eq!(by_subject(reread(Form::Yaml, &rows)), expected);
    }

    #[test]
    fn converting_there_and_back_gives_the_same_text(rows in arbitrary::configuration()) {
        let yaml = write(Form::Yaml, &rows);
        let converted = reread(Form::Haproxy, &load(Form::Yaml, &yaml).unwrap().rows);
        prop_assert_eq!(write(Form::Yaml, &converted), yaml);
    }

    #[test]
    fn a_state_is_written_with_its_numbers(rows in arbitrary::configuration()) {
        let state = State::restore(Revision(1), rows, Vec::new()).unwrap();
        let spec = declared(state.spec().map(|row| row.as_ref().clone()).collect());
        for form in [Form::Haproxy, Form::Yaml] {
            let back = State::restore(Revision(1), reread(form, &spec), Vec::new()).unwrap();
            let back = declared(back.spec().map(|row| row.as_ref().clone()).collect());
            prop_assert_eq!(&back, &spec);
        }
    }

    #[test]
    fn no_text_brings_a_reader_down(text in any::<String>()) {
        let _ = load(Form::Haproxy, &text);
        let _ = load(Form::Yaml, &text);
    }

    #[test]
    fn no_mixture_of_known_words_brings_a_reader_down(pieces in vec(piece(), 0..60)) {
        let text = pieces.concat();
        for form in [Form::Haproxy, Form::Yaml] {
            match load(form, &text) {
                Ok(loaded) => drop(write(form, &loaded.rows)),
                Err(diagnostics) => prop_assert!(diagnostics.iter().any(|d| d.gravity == Gravity::Error)),
            }
        }
    }

    #[test]
    fn every_place_lies_in_its_text(pieces in vec(piece(), 0..40)) {
        let source = SourceFile::new("test.cfg", pieces.concat());
        let remarks = match load(Form::Haproxy, &source.text) {
            Ok(loaded) => loaded.remarks,
            Err(diagnostics) => diagnostics,
        };
        let length = source.text.chars().count();
        for remark in remarks {
            let span = source.span(&remark.place);
            prop_assert!(span.start <= span.end && span.end <= length, "{remark}");
            let line = source.text.split('\n').nth(usize::try_from(remark.place.line).unwrap() - 1).unwrap();
            let end = usize::try_from(remark.place.column - 1 + remark.place.length).unwrap();
            prop_assert!(end <= line.trim_end_matches('\r').chars().count(), "{remark}: {line:?}");
        }
    }
}

/// Something that stands in configurations.
fn piece() -> impl Strategy<Value = String> {
    let names: Vec<String> = directives::all().map(|row| row.name.to_owned()).collect();
    let lines: Vec<String> = directives::all()
        .flat_map(|row| row.accepted.iter().chain(row.refused))
        .map(|line| format!("\n    {line}"))
        .collect();
    let marks = select(vec![
        " ",
        "\n",
        "\n  ",
        "\t",
        ":",
        ": ",
        "- ",
        "{",
        "}",
        "[",
        "]",
        ",",
        "\"",
        "'",
        "\\",
        "#",
        "$",
        "${",
        "no ",
        "default ",
        ".if ",
        "\n.if 1",
        "\n.else",
        "\n.endif",
        "&&",
        "(",
        ")",
        "!",
        "\nglobal\n",
        "\ndefaults\n",
        "\nfrontend f\n",
        "\nbackend b\n",
        "\nlisten l\n",
        "from",
        "&a ",
        "*a ",
        "<<",
        "|\n",
        "~",
        "true",
        "1",
        "é",
        "\u{0}",
        "\r\n",
        "\nglobal:\n  ",
        "\nfrontends:\n- ",
        "\nbackends:\n- ",
        "name: x",
        "servers:",
        "binds:",
        "option:",
        "timeout:",
    ]);
    prop_oneof![
        2 => select(lines),
        1 => select(names),
        2 => marks.prop_map(str::to_owned),
        1 => "[a-z0-9.:@/-]{0,12}",
    ]
}

#[test]
fn the_schema_covers_what_the_writer_writes() {
    let schema = schema::schema();
    let sections = schema["$defs"].as_object().unwrap();
    for row in directives::all() {
        for section in row.sections.iter() {
            let properties = &sections[section.word()]["properties"];
            let found = match row.name.split_once(' ') {
                None => properties.get(row.name),
                Some((head, tail)) if head == "option" => {
                    properties[head]["anyOf"][2]["properties"].get(tail)
                }
                Some((head, tail)) => properties[head]["properties"].get(tail),
            };
            assert!(found.is_some(), "{} of {}", row.name, section.word());
        }
    }
}
