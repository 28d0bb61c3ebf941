//! What holds of every state, whatever was asked of it, and what each verb is for.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

mod numbers;
mod verbs;

use std::collections::BTreeMap;

use proptest::collection::vec;
use proptest::prelude::*;

use super::numbering::{self, Space};
use super::*;
use crate::change::{Change, ChangeSet, Layer, Origin, OverlayValue, Setting};
use crate::model::{
    Admin, BindAddress, FrontendSettings, Guid, ServerAddress, ServerHost, ServerPort, ServerSettings,
    SocketFile, Weight, arbitrary,
};
use crate::problem::{Code, Problem};

/// How often each property is tried; more finds nothing new in minutes, and takes them.
const CASES: u32 = 120;

fn set(changes: Vec<Change>) -> ChangeSet {
    ChangeSet { base: None, origin: Origin::default(), changes }
}

/// A state after these sets, those that are refused left out.
fn after(sets: &[ChangeSet]) -> State {
    let mut state = State::default();
    for set in sets {
        let _ = state.apply(set);
    }
    state
}

fn of_rows(rows: Vec<Row>) -> State {
    let mut state = State::default();
    state.apply(&set(replacement(&State::default(), rows))).unwrap();
    state
}

fn assert_same(one: &State, other: &State) {
    assert_eq!(one.revision, other.revision);
    assert_same_content(one, other);
}

fn assert_same_content(one: &State, other: &State) {
    assert_eq!(one.spec, other.spec);
    assert_eq!(one.overlays, other.overlays);
    assert_eq!(one.effective, other.effective);
    assert_eq!(one.digest, other.digest);
}

/// Everything that must hold of a state by itself.
fn audit(state: &State) {
    let mut digest = Digest::default();
    state.spec.values().for_each(|row| digest.exchange_row(None, Some(row)));
    state.overlays.values().for_each(|overlay| digest.exchange_overlay(None, Some(overlay)));
    assert_eq!(state.digest, digest);

    let subjects: BTreeSet<&Subject> =
        state.spec.keys().chain(state.overlays.keys().map(|(subject, _)| subject)).collect();
    let effective: Rows = subjects
        .into_iter()
        .filter_map(|subject| Some((subject.clone(), overlay::effective(state, subject)?)))
        .collect();
    assert_eq!(state.effective, effective);

    for ((subject, field), overlay) in &state.overlays {
        assert_eq!((subject, *field), (&overlay.subject, overlay.field()));
        assert!(overlay::check(overlay).is_ok());
        match overlay.value {
            OverlayValue::Row(_) => {}
            OverlayValue::Gone => assert!(overlay.lies_over_row() || state.spec.contains_key(subject)),
            OverlayValue::Setting(_) => assert!(state.effective.contains_key(subject)),
            OverlayValue::Entries(_) => assert!(matches!(subject, Subject::Entries(_))),
        }
    }
    for (subject, row) in &state.effective {
        assert_eq!(*subject, row.subject());
        assert!(parent_of(subject).is_none_or(|parent| state.row(&parent).is_some()));
    }
    numbers::audit(state);
    let all: Touched = state.effective.keys().cloned().collect();
    assert_eq!(integrity::check(state, &all), []);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES))]

    #[test]
    fn every_state_that_is_reached_is_sound(sets in vec(arbitrary::small_set(), 1..25)) {
        let mut state = State::default();
        let mut follower = State::default();
        for set in &sets {
            let before = state.clone();
            match state.apply(set) {
                Ok(applied) => {
                    follower.follow(&state, &applied.touched);
                    assert_same(&follower, &state);
                    prop_assert_eq!(format!("{:?}", follower.uses), format!("{:?}", state.uses));
                    prop_assert_eq!(applied.revision.0, before.revision.0 + 1);
                    prop_assert_eq!(applied.outcomes.len(), set.changes.len());
                    audit(&state);
                    let differs = |subject: &&Subject| before.row(subject) != state.row(subject);
                    for subject in before.effective.keys().chain(state.effective.keys()).filter(differs) {
                        prop_assert!(applied.touched.contains(subject), "{} is not touched", subject);
                    }
                }
                Err(problems) => {
                    prop_assert!(!problems.is_empty());
                    assert_same(&state, &before);
                }
            }
        }
    }

    #[test]
    fn attempts_are_undone_the_newest_first(
        sets in vec(arbitrary::small_set(), 0..15),
        tried in vec(arbitrary::small_set(), 1..15),
    ) {
        let mut state = after(&sets);
        let mut steps = Vec::new();
        for set in &tried {
            let before = state.clone();
            if let Ok((_, journal)) = state.attempt(set) {
                steps.push((before, journal));
            }
        }
        for (before, journal) in steps.into_iter().rev() {
            state.undo(journal);
            assert_same(&state, &before);
        }
    }

    #[test]
    fn a_difference_leads_from_one_state_to_another(
        one in vec(arbitrary::small_set(), 0..20),
        other in vec(arbitrary::small_set(), 0..20),
    ) {
        let (mut from, to) = (after(&one), after(&other));
        let changes = diff(&from, &to);
        from.apply(&set(changes)).unwrap();
        from.renumber(to.revision());
        assert_same(&from, &to);
        prop_assert_eq!(diff(&from, &to), []);
    }

    #[test]
    fn a_state_is_restored_from_its_parts(sets in vec(arbitrary::small_set(), 0..20)) {
        let state = after(&sets);
        let spec = state.spec().map(|row| row.as_ref().clone()).collect();
        let overlays = state.overlays().map(|overlay| overlay.as_ref().clone()).collect();
        assert_same(&State::restore(state.revision(), spec, overlays).unwrap(), &state);
    }

    #[test]
    fn a_file_is_put_in_place_and_what_was_changed_by_hand_stays(
        sets in vec(arbitrary::small_set(), 0..15),
        file in arbitrary::small_file(),
    ) {
        let mut state = after(&sets);
        let before = state.clone();
        if state.apply(&set(replacement(&before, file.clone()))).is_err() {
            return Ok(());
        }
        audit(&state);
        prop_assert_eq!(replacement(&state, file.clone()), []);
        let declared: BTreeSet<Subject> = file.iter().map(Row::subject).collect();
        prop_assert!(state.spec.keys().eq(declared.iter()));
        for row in &file {
            let kept = state.declared(&row.subject()).unwrap();
            prop_assert_eq!(&**kept, &numbering::carry_over(row.clone(), Some(kept)));
        }
        for (key, overlay) in &before.overlays {
            let is_void = match overlay.value {
                OverlayValue::Row(_) => false,
                OverlayValue::Gone => !overlay.lies_over_row() && !declared.contains(&key.0),
                OverlayValue::Setting(_) => state.row(&key.0).is_none(),
                OverlayValue::Entries(_) => parent_of(&key.0).is_none_or(|list| state.row(&list).is_none()),
            };
            match (state.overlays.get(key), &overlay.value) {
                (None, _) => prop_assert!(is_void, "{:?} is lost", overlay),
                (Some(kept), OverlayValue::Row(row)) => {
                    let OverlayValue::Row(other) = &kept.value else { panic!("{kept:?}") };
                    let unnumbered = |row: &Row| numbering::unnumbered(row.clone());
                    prop_assert_eq!(unnumbered(row), unnumbered(other));
                    prop_assert_eq!(&kept.origin, &overlay.origin);
                }
                (Some(kept), _) => prop_assert_eq!(kept, overlay),
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(CASES / 4))]

    #[test]
    fn whole_configurations_differ_and_agree(
        one in arbitrary::configuration(),
        other in arbitrary::configuration(),
    ) {
        let (mut from, to) = (of_rows(one), of_rows(other.clone()));
        audit(&to);
        let mut replaced = from.clone();
        from.apply(&set(diff(&from, &to))).unwrap();
        assert_same_content(&from, &to);
        prop_assert_eq!(replacement(&to, other.clone()), []);
        replaced.apply(&set(replacement(&replaced, other.clone()))).unwrap();
        prop_assert_eq!(replacement(&replaced, other), []);
        audit(&replaced);
    }

    #[test]
    fn sets_of_anything_never_panic(sets in vec(arbitrary::change_set(), 0..8)) {
        let mut state = State::default();
        for mut set in sets {
            set.base = None;
            let _ = state.apply(&set);
        }
        audit(&state);
    }
}

fn name(text: &str) -> Name {
    Name::new(text).unwrap()
}

fn at(backend: &str, server: &str) -> ServerRef {
    ServerRef { backend: name(backend), server: name(server) }
}

fn put(row: Row) -> Change {
    Change::Put(Layer::Spec, row)
}

fn frontend(text: &str, id: u32, order: u32) -> Row {
    Row::Frontend(Frontend {
        name: name(text),
        id,
        order,
        guid: None,
        from: None,
        listen: false,
        disabled: false,
        description: None,
        settings: Box::default(),
    })
}

fn backend(text: &str, id: u32, order: u32) -> Row {
    Row::Backend(Backend {
        name: name(text),
        id,
        order,
        guid: None,
        from: None,
        listen: false,
        disabled: false,
        description: None,
        settings: Box::default(),
    })
}

/// The row as one half of a `listen`.
fn half(mut row: Row) -> Row {
    match &mut row {
        Row::Frontend(row) => row.listen = true,
        Row::Backend(row) => row.listen = true,
        other => panic!("{other:?} is no proxy"),
    }
    row
}

fn bind(frontend: &str, text: &str, id: u32, order: u32) -> Row {
    Row::Bind(Bind {
        at: BindRef { frontend: name(frontend), bind: name(text) },
        id,
        order,
        guid: None,
        address: BindAddress::Abstract(text.to_owned()),
        maxconn: None,
        backlog: None,
        accept_proxy: false,
        v4v6: false,
        v6only: false,
        defer_accept: false,
        interface: None,
        socket: crate::model::Listening::default(),
        file: SocketFile::default(),
    })
}

fn server(backend: &str, text: &str, id: u32, order: u32) -> Row {
    Row::Server(Server {
        at: at(backend, text),
        id,
        order,
        guid: None,
        address: ServerAddress::Inet {
            host: ServerHost::Ip([127, 0, 0, 1].into()),
            port: ServerPort::Fixed(1),
        },
        admin: None,
        paused: crate::model::Paused::default(),
        settings: ServerSettings::default(),
    })
}
