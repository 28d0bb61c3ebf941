#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeSet;

use super::super::tests::{declared, load, write};
use super::super::{Diagnostic, Form, Gravity, keywords};
use super::*;

/// A text in which a line of a section stands, and nothing else is wrong.
fn text(section: Section, line: &str) -> String {
    let shared = if line.starts_with("errorfiles") { "\nhttp-errors site\n" } else { "" };
    let text = match section {
        Section::Global => format!("global\n    {line}\n"),
        Section::Defaults => format!("defaults d\n    {line}\n\nbackend app\n"),
        other => format!("{} x\n    {line}\n\nbackend app\n", other.word()),
    };
    text + shared
}

#[test]
fn accepted_lines_are_written_back_as_they_stand() {
    for row in all() {
        for (section, line) in
            row.sections.iter().flat_map(|s| row.accepted.iter().map(move |line| (s, line)))
        {
            let loaded = match load(Form::Haproxy, &text(section, line)) {
                Ok(loaded) => loaded,
                Err(diagnostics) => panic!("{line} in {}: {diagnostics:?}", section.word()),
            };
            if section == Section::Backend && is_quiet_in_backends(row.name) {
                assert!(loaded.remarks.iter().any(|r| r.gravity == Gravity::Notice), "{line}");
                continue;
            }
            let written = write(Form::Haproxy, &loaded.rows);
            let expected = format!("\n    {line}\n");
            assert!(written.contains(&expected), "{line} in {}:\n{written}", section.word());
            let yaml = write(Form::Yaml, &loaded.rows);
            let back = load(Form::Yaml, &yaml).unwrap().rows;
            assert_eq!(declared(back), declared(loaded.rows), "{yaml}");
        }
    }
}

#[test]
fn refused_lines_are_refused_on_their_line() {
    for row in all() {
        for (section, line) in row.sections.iter().flat_map(|s| row.refused.iter().map(move |line| (s, line)))
        {
            match load(Form::Haproxy, &text(section, line)) {
                Ok(_) => panic!("{line} in {} is accepted", section.word()),
                Err(diagnostics) => {
                    let errors: Vec<_> = diagnostics.iter().filter(|d| d.gravity == Gravity::Error).collect();
                    assert!(errors.iter().all(|d| d.place.line == 2), "{line}: {errors:?}");
                }
            }
        }
    }
}

#[test]
fn every_row_that_is_written_has_an_example() {
    for row in all() {
        let old_spelling = matches!(
            row.name,
            "enabled"
                | "guid"
                | "errorloc"
                | "h1-case-adjust-file"
                | "transparent"
                | "option tcpka"
                | "option accept-invalid-http-request"
                | "option accept-invalid-http-response"
        );
        let owner = matches!(row.name, "user" | "uid" | "group" | "gid");
        let reader = matches!(row.action, Action::Reader(_));
        assert!(!row.accepted.is_empty() || old_spelling || owner || reader, "{}", row.name);
    }
}

#[test]
fn a_name_is_supported_or_listed_as_known_but_not_both() {
    let mine = |sections: Sections| -> BTreeSet<&str> {
        all()
            .filter(|row| Section::ALL.into_iter().any(|s| sections.contains(s) && row.sections.contains(s)))
            .map(|row| row.name)
            .collect()
    };
    let listed =
        |list: &[keywords::Known]| -> Vec<&'static str> { list.iter().map(|known| known.name).collect() };
    for (sections, list) in [(Sections::GLOBAL, keywords::GLOBAL), (Sections::PROXY, keywords::PROXY)] {
        let mine = mine(sections);
        for name in listed(list) {
            assert!(!mine.contains(name), "{name}");
        }
    }
    for (directive, list) in
        [("bind", keywords::BIND), ("server", keywords::SERVER), ("stats socket", keywords::STATS_SOCKET)]
    {
        for (name, _) in parameters_of(directive) {
            assert!(!listed(list).contains(&name), "{directive} {name}");
        }
    }
}

#[test]
fn every_known_directive_is_answered_by_name() {
    for (section, list) in [(Section::Global, keywords::GLOBAL), (Section::Listen, keywords::PROXY)] {
        for known in list {
            let found = load(Form::Haproxy, &text(section, known.name));
            match known.status {
                keywords::Status::Harmless(reason) => {
                    assert!(
                        found
                            .unwrap()
                            .remarks
                            .iter()
                            .any(|r| r.message.contains(reason) && r.gravity == Gravity::Notice),
                        "{}",
                        known.name
                    );
                }
                keywords::Status::Gone(instead) => {
                    let help = |d: &Diagnostic| d.help.as_deref() == Some(instead);
                    assert!(found.unwrap_err().iter().any(help), "{}", known.name);
                }
                keywords::Status::NotYet => {
                    let expected =
                        format!("'{}' is a HAProxy directive that Regate does not support yet", known.name);
                    assert!(found.unwrap_err().iter().any(|d| d.message == expected), "{}", known.name);
                }
            }
        }
    }
}

#[test]
fn users_are_written_by_name_or_number() {
    let loaded = load(Form::Haproxy, "global\n    user nobody\n    gid 33\n").unwrap();
    assert_eq!(write(Form::Haproxy, &loaded.rows), "global\n    user nobody\n    gid 33\n");
}

#[test]
fn older_spellings_are_read_as_the_newer_ones() {
    let pairs = [
        ("option accept-invalid-http-request", "option accept-unsafe-violations-in-http-request"),
        ("option accept-invalid-http-response", "option accept-unsafe-violations-in-http-response"),
        ("errorloc 503 /sorry", "errorloc302 503 /sorry"),
        ("timeout client 5000", "timeout client 5s"),
        ("timeout client 90s", "timeout client 90000ms"),
        ("option forwardfor except 10.0.0.0/255.0.0.0", "option forwardfor except 10.0.0.0/8"),
    ];
    for (old, new) in pairs {
        let rows = |line| load(Form::Haproxy, &text(Section::Listen, line)).unwrap().rows;
        assert_eq!(rows(old), rows(new), "{old}");
    }
}
