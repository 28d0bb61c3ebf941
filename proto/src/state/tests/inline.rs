//! Lists of patterns that stand in rules: edits, what a new reading of the rules leaves of them, and copies.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use std::sync::Arc;

use super::*;
use crate::change::{Change, ChangeSet, EntriesEdit};
use crate::config::{Environment, SourceFile, read_haproxy};
use crate::state::replacement;

const TEXT: &str = "frontend f\n mode http\n acl a path_beg /x /y\n acl a path_beg /z\n acl b src -u 40 10.0.0.0/8\n \
    http-request deny if a METH_GET { path_end .gif }\n";

fn rows(text: &str) -> Vec<Row> {
    let file = SourceFile { name: Arc::from("f.cfg"), text: text.to_owned() };
    read_haproxy(&[file], &Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into())))
        .unwrap()
        .rows
}

fn state(text: &str) -> State {
    let mut state = State::default();
    load(&mut state, text);
    state
}

fn load(state: &mut State, text: &str) {
    let changes = replacement(state, rows(text));
    apply(state, changes).unwrap();
}

fn apply(state: &mut State, changes: Vec<Change>) -> Result<(), Vec<Problem>> {
    state.apply(&ChangeSet { base: None, origin: Origin::default(), changes }).map(drop)
}

fn edit(state: &mut State, list: &str, edit: EntriesEdit) -> Result<(), Vec<Problem>> {
    apply(state, vec![Change::Edit(Layer::Overlay, ListName::new(list).unwrap(), edit)])
}

fn added(key: &str) -> EntriesEdit {
    EntriesEdit::Append(Arc::new(std::iter::once((key.as_bytes(), None)).collect()))
}

fn shown(state: &State, list: &str) -> String {
    let list = ListName::new(list).unwrap();
    let declared = state.inline_patterns(&list).filter(|_| !state.is_edited(&list)).unwrap_or_default();
    let parts: Vec<Arc<Run>> = state.parts(&list).map(|(_, run)| run.clone()).collect();
    let entries = parts.iter().flat_map(|run| run.iter()).chain(declared.iter());
    entries.map(|entry| String::from_utf8_lossy(entry.key).into_owned()).collect::<Vec<_>>().join(" ")
}

fn patterns(state: &State) -> Vec<String> {
    let row = state.row(&Subject::Frontend(Name::new("f").unwrap())).unwrap();
    inline::rules(row).flat_map(Rules::criteria).map(|criterion| criterion.patterns.join(" ")).collect()
}

#[test]
fn lists_are_named_and_numbered_by_where_they_stand() {
    let state = state(TEXT);
    let lists: Vec<String> = state.lists().iter().map(|(id, list)| format!("{id} {}", list.name)).collect();
    assert_eq!(
        lists,
        [
            "0 acl@frontend/f/acl a/path_beg/1",
            "1 acl@frontend/f/acl a/path_beg/2",
            "2 acl@frontend/f/acl METH_GET/method/1",
            "3 acl@frontend/f/http-request/path_end/1",
            "40 acl@frontend/f/acl b/src/#40",
        ]
    );
    assert_eq!(shown(&state, "acl@frontend/f/acl a/path_beg/2"), "/z");
    assert_eq!(shown(&state, "acl@frontend/f/acl METH_GET/method/1"), "GET HEAD");
}

#[test]
fn an_edit_lies_over_what_the_rule_says() {
    let mut state = state(TEXT);
    let list = "acl@frontend/f/acl a/path_beg/1";
    edit(&mut state, list, added("/w")).unwrap();
    edit(&mut state, list, EntriesEdit::RemoveKey(b"/x".as_slice().into())).unwrap();
    assert_eq!(shown(&state, list), "/y /w");
    // The rule changes: what was done by hand stays.
    load(&mut state, &TEXT.replace("/x /y", "/x /v /y"));
    assert_eq!(shown(&state, list), "/v /y /w");
    let digest = state.digest();
    let spec = state.spec().map(|row| row.as_ref().clone()).collect();
    let overlays = state.overlays().map(|overlay| overlay.as_ref().clone()).collect();
    let copy = State::restore(state.revision(), spec, overlays).unwrap();
    assert_eq!((shown(&copy, list), copy.digest()), ("/v /y /w".to_owned(), digest));
    let subject = Subject::List(ListName::new(list).unwrap());
    apply(&mut state, vec![Change::Revert(subject, None)]).unwrap();
    assert_eq!(shown(&state, list), "/x /v /y");
    assert!(state.spec().all(|row| !matches!(row.as_ref(), Row::Entries(_))));
}

#[test]
fn adopting_writes_the_rule() {
    let mut state = state(TEXT);
    let list = "acl@frontend/f/acl a/path_beg/2";
    edit(&mut state, list, added("/w")).unwrap();
    apply(&mut state, vec![Change::Adopt(Subject::List(ListName::new(list).unwrap()), None)]).unwrap();
    assert_eq!(patterns(&state), ["/x /y", "/z /w", "10.0.0.0/8", ".gif"]);
    assert_eq!(state.overlays().count(), 0);
    let predefined = "acl@frontend/f/acl METH_GET/method/1";
    edit(&mut state, predefined, added("PURGE")).unwrap();
    let subject = Subject::List(ListName::new(predefined).unwrap());
    assert_eq!(apply(&mut state, vec![Change::Adopt(subject, None)]).unwrap_err()[0].code, Code::Unsuitable);
}

#[test]
fn what_does_not_suit_the_rule_is_refused() {
    let mut state = state(TEXT);
    let list = "acl@frontend/f/acl b/src/#40";
    assert_eq!(edit(&mut state, list, added("x")).unwrap_err()[0].code, Code::Malformed);
    assert_eq!(
        edit(&mut state, "acl@frontend/f/acl b/src/1", added("::1")).unwrap_err()[0].code,
        Code::NotFound
    );
    edit(&mut state, list, added("::1")).unwrap();
    // The rule goes, and with it what was changed of its list.
    load(&mut state, "frontend f\n mode http\n");
    assert_eq!(state.overlays().count(), 0);
    load(&mut state, TEXT);
    assert_eq!(shown(&state, list), "10.0.0.0/8");
}

#[test]
fn rules_in_force_look_where_somebody_changed_something() {
    let mut state = state(TEXT);
    let subject = Subject::Frontend(Name::new("f").unwrap());
    for list in ["acl@frontend/f/http-request/path_end/1", "acl@frontend/f/acl METH_GET/method/1"] {
        edit(&mut state, list, EntriesEdit::Clear).unwrap();
    }
    let row = state.row(&subject).unwrap().clone();
    let rules = inline::rules(&row).next().unwrap();
    let rules = state.rules_in_force(&subject, rules);
    let files: Vec<String> = rules.criteria().flat_map(|criterion| criterion.files.clone()).collect();
    assert_eq!(files, ["acl@frontend/f/acl METH_GET/method/1", "acl@frontend/f/http-request/path_end/1"]);
}
