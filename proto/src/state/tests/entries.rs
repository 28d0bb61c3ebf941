//! Lists and their entries: edits, layers, undoing, and ways to copy a state.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use proptest::prelude::*;

use super::*;
use crate::change::{Change, ChangeSet, Revision};
use crate::state::{diff, replacement};

type Line = (&'static str, Option<String>);

fn name() -> ListName {
    ListName::new("/lists/a.map").unwrap()
}

fn run_of(lines: &[(&str, &str)]) -> Arc<Run> {
    let entry = |(at, (key, value)): (usize, &(&'static str, &'static str))| Entry {
        id: EntryId(at as u64 + 1),
        key: key.as_bytes(),
        value: Some(value.as_bytes()),
    };
    let owned: Vec<(&'static str, &'static str)> =
        lines.iter().map(|(key, value)| (leak(key), leak(value))).collect();
    Arc::new(owned.iter().enumerate().map(entry).collect())
}

fn pack_of(lines: &[(&str, &str)]) -> Arc<Pack> {
    Arc::new(lines.iter().map(|(key, value)| (key.as_bytes(), Some(value.as_bytes()))).collect())
}

fn leak(text: &str) -> &'static str {
    Box::leak(text.to_owned().into_boxed_str())
}

/// A file with these lines.
fn file(lines: &[(&str, &str)]) -> Vec<Row> {
    let ids = (0..).map(EntryId::at);
    let run = run_of(lines);
    let list = Row::List(List::named(name(), Columns::Values));
    let parts = cut(ids.zip(run.iter()));
    let rows = parts
        .into_iter()
        .map(|(part, entries)| Row::Entries(Entries { at: EntriesRef { list: name(), part }, entries }));
    std::iter::once(list).chain(rows).collect()
}

fn set(changes: Vec<Change>) -> ChangeSet {
    ChangeSet { base: None, origin: Origin::default(), changes }
}

fn apply(state: &mut State, changes: Vec<Change>) {
    state.apply(&set(changes)).unwrap();
}

fn by_hand(edit: EntriesEdit) -> Vec<Change> {
    vec![Change::Edit(Layer::Overlay, name(), edit)]
}

fn reload(state: &mut State, lines: &[(&str, &str)]) {
    let changes = replacement(state, file(lines));
    if !changes.is_empty() {
        apply(state, changes);
    }
}

/// The entries in force, as text.
fn shown(state: &State) -> String {
    let text = |text: &[u8]| String::from_utf8(text.to_vec()).unwrap();
    let entries = state.parts(&name()).flat_map(|(_, run)| run.iter());
    let shown = entries.map(|entry| format!("{}={}", text(entry.key), text(entry.value.unwrap_or_default())));
    shown.collect::<Vec<_>>().join(" ")
}

fn key(text: &str) -> Box<[u8]> {
    text.as_bytes().into()
}

/// A copy that was made of what is written to disk.
fn copy(state: &State) -> State {
    let rows = state.spec().map(|row| row.as_ref().clone()).collect();
    let overlays = state.overlays().map(|overlay| overlay.as_ref().clone()).collect();
    State::restore(state.revision(), rows, overlays).unwrap()
}

fn assert_same(one: &State, other: &State) {
    assert_eq!(one.digest(), other.digest());
    assert_eq!(shown(one), shown(other));
    assert!(one.effective().eq(other.effective()));
    assert!(one.overlays().eq(other.overlays()));
    assert_eq!(one.entry_count(&name()), other.entry_count(&name()));
}

#[test]
fn what_was_done_by_hand_outlives_a_new_reading_of_the_file() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1"), ("b", "2"), ("c", "3")]);
    apply(&mut state, by_hand(EntriesEdit::Append(pack_of(&[("x", "9")]))));
    apply(&mut state, by_hand(EntriesEdit::RemoveKey(key("b"))));
    apply(&mut state, by_hand(EntriesEdit::SetKey(key("c"), key("30"))));
    assert_eq!(shown(&state), "a=1 c=30 x=9");
    reload(&mut state, &[("new", "0"), ("a", "10"), ("b", "20"), ("m", "5"), ("c", "31"), ("d", "4")]);
    assert_eq!(shown(&state), "new=0 a=10 m=5 c=30 d=4 x=9");
    assert_same(&state, &copy(&state));
    let mut reverted = state.clone();
    apply(&mut reverted, vec![Change::Revert(Subject::List(name()), None)]);
    assert_eq!(shown(&reverted), "new=0 a=10 b=20 m=5 c=31 d=4");
    assert_eq!(reverted.overlays().count(), 0);
    apply(&mut state, vec![Change::Adopt(Subject::List(name()), None)]);
    assert_eq!((shown(&state).as_str(), state.overlays().count()), ("new=0 a=10 m=5 c=30 d=4 x=9", 0));
    reload(&mut state, &[("c", "31")]);
    assert_eq!(shown(&state), "c=31");
}

#[test]
fn an_entry_that_the_file_drops_takes_with_it_what_was_written_over_it() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1"), ("b", "2")]);
    apply(&mut state, by_hand(EntriesEdit::SetKey(key("b"), key("20"))));
    reload(&mut state, &[("a", "1")]);
    assert_eq!((shown(&state).as_str(), state.overlays().count()), ("a=1", 0));
}

#[test]
fn what_takes_the_place_of_a_list_by_hand_is_no_entry_of_the_file() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1"), ("b", "2"), ("c", "3")]);
    apply(
        &mut state,
        by_hand(EntriesEdit::Replace(pack_of(&[("a", "1"), ("x", "9"), ("c", "3"), ("y", "8")]))),
    );
    assert_eq!(shown(&state), "a=1 x=9 c=3 y=8");
    reload(&mut state, &[("a", "1"), ("new", "0"), ("c", "3")]);
    let kept = shown(&state);
    assert!(kept.contains("x=9") && kept.contains("y=8") && kept.contains("new=0"), "{kept}");
    reload(&mut state, &[]);
    assert_eq!(shown(&state), "x=9 y=8");
}

#[test]
fn entries_that_stay_keep_their_ids() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1"), ("b", "2"), ("c", "3")]);
    let ids = |state: &State| -> Vec<(Vec<u8>, EntryId)> {
        state
            .parts(&name())
            .flat_map(|(_, run)| run.iter())
            .map(|entry| (entry.key.to_vec(), entry.id))
            .collect()
    };
    let before = ids(&state);
    reload(&mut state, &[("z", "0"), ("a", "1"), ("y", "0"), ("c", "4"), ("b", "2")]);
    assert_eq!(shown(&state), "z=0 a=1 y=0 c=4 b=2");
    let after = ids(&state);
    let kept = before.iter().filter(|entry| after.contains(entry)).count();
    assert_eq!(kept, 2, "{before:?} {after:?}");
}

#[test]
fn clearing_by_hand_hides_what_the_file_has() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1"), ("b", "2")]);
    apply(&mut state, by_hand(EntriesEdit::Clear));
    assert_eq!((shown(&state).as_str(), state.entry_count(&name())), ("", 0));
    apply(&mut state, by_hand(EntriesEdit::Append(pack_of(&[("b", "2")]))));
    assert_eq!(shown(&state), "b=2");
    assert_same(&state, &copy(&state));
}

#[test]
fn a_list_that_the_files_drop_takes_what_was_added_by_hand_with_it() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1")]);
    apply(&mut state, by_hand(EntriesEdit::Append(pack_of(&[("x", "9")]))));
    let changes = replacement(&state, Vec::new());
    apply(&mut state, changes);
    assert_eq!((state.effective().count(), state.overlays().count(), state.entry_count(&name())), (0, 0, 0));
}

#[test]
fn what_is_not_there_is_told() {
    let mut state = State::default();
    let problems = state.apply(&set(by_hand(EntriesEdit::Clear))).unwrap_err();
    assert_eq!(problems[0].code, Code::NotFound);
    reload(&mut state, &[("a", "1")]);
    for edit in [
        EntriesEdit::RemoveKey(key("b")),
        EntriesEdit::Remove(EntryId(7)),
        EntriesEdit::SetKey(key("b"), key("1")),
        EntriesEdit::SetValue(EntryId(7), key("1")),
    ] {
        let before = state.digest();
        let problems = state.apply(&set(by_hand(edit))).unwrap_err();
        assert_eq!((problems[0].code, state.digest()), (Code::NotFound, before));
    }
}

#[test]
fn there_is_room_between_entries_until_there_is_none() {
    let mut state = State::default();
    reload(&mut state, &[("a", "1"), ("b", "2")]);
    let many: Vec<(String, String)> = (0..5000).map(|at| (format!("k{at}"), String::new())).collect();
    let mut lines: Vec<(&str, &str)> =
        many.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect();
    lines.insert(0, ("a", "1"));
    lines.push(("b", "2"));
    reload(&mut state, &lines);
    assert_eq!(state.entry_count(&name()), 5002);
    assert!(shown(&state).starts_with("a=1 k0= k1=") && shown(&state).ends_with("k4999= b=2"));
    assert!(state.parts(&name()).all(|(_, run)| run.len() <= 2048));
}

fn lines() -> BoxedStrategy<Vec<(&'static str, &'static str)>> {
    let line =
        (proptest::sample::select(vec!["a", "b", "c", "d"]), proptest::sample::select(vec!["1", "2", "3"]));
    proptest::collection::vec(line, 0..6).boxed()
}

#[derive(Clone, Debug)]
enum Step {
    Reload(Vec<(&'static str, &'static str)>),
    Hand(Hand),
    Revert,
    Adopt,
}

#[derive(Clone, Debug)]
enum Hand {
    Append(Vec<(&'static str, &'static str)>),
    RemoveKey(&'static str),
    SetKey(&'static str, &'static str),
    Ensure(&'static str, &'static str),
    Discard(&'static str),
    Remove(usize),
    SetValue(usize, &'static str),
    Clear,
    Replace(Vec<(&'static str, &'static str)>),
}

fn hands() -> BoxedStrategy<Hand> {
    let keys = || proptest::sample::select(vec!["a", "b", "c", "d"]);
    prop_oneof![
        3 => lines().prop_map(Hand::Append),
        2 => keys().prop_map(Hand::RemoveKey),
        2 => keys().prop_map(|key| Hand::SetKey(key, "9")),
        2 => keys().prop_map(|key| Hand::Ensure(key, "7")),
        1 => keys().prop_map(Hand::Discard),
        1 => (0usize..6).prop_map(Hand::Remove),
        1 => (0usize..6).prop_map(|at| Hand::SetValue(at, "8")),
        1 => Just(Hand::Clear),
        1 => lines().prop_map(Hand::Replace),
    ]
    .boxed()
}

fn steps() -> BoxedStrategy<Vec<Step>> {
    let step = prop_oneof![
        1 => lines().prop_map(Step::Reload),
        4 => hands().prop_map(Step::Hand),
        1 => Just(Step::Revert),
        1 => Just(Step::Adopt),
    ];
    proptest::collection::vec(step, 1..12).boxed()
}

/// Does an edit to a plain list; what it is called in the state.
fn edit(model: &mut Vec<Line>, state: &State, hand: &Hand) -> EntriesEdit {
    let owned = |lines: &[(&'static str, &'static str)]| -> Vec<Line> {
        lines.iter().map(|(key, value)| (*key, Some((*value).to_owned()))).collect()
    };
    let id = |at: usize| {
        let entries: Vec<EntryId> =
            state.parts(&name()).flat_map(|(_, run)| run.iter()).map(|entry| entry.id).collect();
        entries.get(at).copied().unwrap_or(EntryId(3))
    };
    match hand {
        Hand::Append(lines) => {
            model.extend(owned(lines));
            EntriesEdit::Append(pack_of(lines))
        }
        Hand::RemoveKey(text) => {
            model.retain(|(key, _)| key != text);
            EntriesEdit::RemoveKey(key(text))
        }
        Hand::SetKey(text, value) => {
            for line in model.iter_mut().filter(|(key, _)| key == text) {
                line.1 = Some((*value).to_owned());
            }
            EntriesEdit::SetKey(key(text), key(value))
        }
        Hand::Ensure(text, value) => {
            if !model.iter().any(|(key, _)| key == text) {
                model.push((text, None));
            }
            for line in model.iter_mut().filter(|(key, _)| key == text) {
                line.1 = Some((*value).to_owned());
            }
            EntriesEdit::Ensure(key(text), Some(key(value)))
        }
        Hand::Discard(text) => {
            model.retain(|(key, _)| key != text);
            EntriesEdit::Discard(key(text))
        }
        Hand::Remove(at) => {
            if *at < model.len() {
                model.remove(*at);
            }
            EntriesEdit::Remove(id(*at))
        }
        Hand::SetValue(at, value) => {
            if let Some(line) = model.get_mut(*at) {
                line.1 = Some((*value).to_owned());
            }
            EntriesEdit::SetValue(id(*at), key(value))
        }
        Hand::Clear => {
            model.clear();
            EntriesEdit::Clear
        }
        Hand::Replace(lines) => {
            *model = owned(lines);
            EntriesEdit::Replace(pack_of(lines))
        }
    }
}

fn shown_model(model: &[Line]) -> String {
    model
        .iter()
        .map(|(key, value)| format!("{key}={}", value.as_deref().unwrap_or_default()))
        .collect::<Vec<_>>()
        .join(" ")
}

/// A list of so many keys, under a word that is part of values.
fn long(keys: impl Iterator<Item = u32>, word: &str) -> Arc<Pack> {
    let lines: Vec<(String, String)> =
        keys.map(|key| (format!("host-{key:05}"), format!("{word}-{}", key % 7))).collect();
    Arc::new(lines.iter().map(|(key, value)| (key.as_bytes(), Some(value.as_bytes()))).collect())
}

fn runs(state: &State) -> Vec<Arc<Run>> {
    state.parts(&name()).map(|(_, run)| run.clone()).collect()
}

#[test]
fn a_version_of_a_list_shares_what_is_the_same() {
    let mut state = State::default();
    reload(&mut state, &[]);
    apply(&mut state, by_hand(EntriesEdit::Append(long(0..1000, "old"))));
    let first = runs(&state);
    apply(&mut state, by_hand(EntriesEdit::Replace(long(0..1000, "new"))));
    let second = runs(&state);
    assert_eq!(first.len(), second.len());
    for (old, new) in first.iter().zip(&second) {
        assert!(old != new && new.has_keys_of(old), "only values are new");
    }
    // Another entry in the midst moves none: its part alone is another.
    let keys = (0..500).chain([70_000]).chain(500..1000);
    apply(&mut state, by_hand(EntriesEdit::Replace(long(keys, "new"))));
    let third = runs(&state);
    let same = second.iter().filter(|run| third.iter().any(|other| Arc::ptr_eq(run, other))).count();
    assert_eq!((third.len(), same), (second.len(), second.len() - 1));
    assert_eq!(state.entry_count(&name()), 1001);
}

proptest! {
    #[test]
    fn what_stays_around_a_stretch_that_is_replaced_keeps_its_ids(
        count in 0u32..600,
        from in 0u32..600,
        gone in 0u32..40,
        added in 0u32..200,
        hidden in any::<bool>(),
    ) {
        let (from, mut state) = (from.min(count), State::default());
        let until = from.saturating_add(gone).min(count);
        reload(&mut state, &[("hidden", "0")]);
        apply(&mut state, by_hand(EntriesEdit::Append(long(0..count, "old"))));
        if hidden {
            apply(&mut state, by_hand(EntriesEdit::RemoveKey(key("hidden"))));
        }
        let ids = |state: &State| -> Vec<(Vec<u8>, EntryId)> {
            runs(state).iter().flat_map(|run| run.iter()).map(|entry| (entry.key.to_vec(), entry.id)).collect()
        };
        let before: std::collections::HashMap<_, _> = ids(&state).into_iter().collect();
        let keys = (0..from).chain(10_000..10_000 + added).chain(until..count);
        let wanted = long(keys.clone(), "new");
        apply(&mut state, by_hand(EntriesEdit::Replace(wanted.clone())));
        let after = ids(&state);
        let found: Vec<Vec<u8>> = after.iter().map(|(key, _)| key.clone()).collect();
        let named: Vec<Vec<u8>> = keys.map(|key| format!("host-{key:05}").into_bytes()).collect();
        prop_assert_eq!(found, named);
        for (key, id) in &after {
            prop_assert!(before.get(key).is_none_or(|before| before == id), "{:?}", String::from_utf8_lossy(key));
        }
        prop_assert_eq!(state.entry_count(&name()), wanted.len());
        assert_same(&state, &copy(&state));
    }

    #[test]
    fn edits_do_what_they_do_to_a_plain_list_and_copies_are_equal(first in lines(), steps in steps()) {
        let mut state = State::default();
        reload(&mut state, &first);
        for step in &steps {
            let before = state.clone();
            match step {
                Step::Reload(lines) => reload(&mut state, lines),
                Step::Revert => {
                    let changes = vec![Change::Revert(Subject::List(name()), None)];
                    prop_assert_eq!(state.apply(&set(changes)).is_ok(), before.overlays().count() > 0);
                    prop_assert_eq!(state.overlays().count(), 0);
                }
                Step::Adopt => {
                    let changes = vec![Change::Adopt(Subject::List(name()), None)];
                    let _ = state.apply(&set(changes));
                    prop_assert_eq!(shown(&state), shown(&before));
                    prop_assert_eq!(state.overlays().count(), 0);
                }
                Step::Hand(hand) => {
                    let mut model: Vec<Line> = state
                        .parts(&name())
                        .flat_map(|(_, run)| run.iter())
                        .map(|entry| {
                            let text = |text: &[u8]| std::str::from_utf8(text).unwrap().to_owned();
                            (leak(&text(entry.key)), entry.value.map(text))
                        })
                        .collect();
                    let change = by_hand(edit(&mut model, &state, hand));
                    if state.apply(&set(change)).is_ok() {
                        prop_assert_eq!(shown(&state), shown_model(&model), "{:?}", hand);
                    }
                }
            }
            assert_same(&state, &copy(&state));
            // From any state to any other, and back by undoing.
            let changes = diff(&before, &state);
            let mut follower = before.clone();
            if !changes.is_empty() {
                let (_, journal) = follower.attempt(&set(changes)).unwrap();
                assert_same(&follower, &state);
                follower.undo(journal);
                assert_same(&follower, &before);
            }
            let everything: Vec<_> = state.parts(&name()).flat_map(|(_, run)| run.iter()).collect();
            let list = name();
            for text in ["a", "b", "c", "d"] {
                let wanted: Vec<EntryId> = everything
                    .iter()
                    .filter(|entry| entry.key == text.as_bytes())
                    .map(|entry| entry.id)
                    .collect();
                let found: Vec<EntryId> =
                    state.entries_with(&list, text.as_bytes()).map(|entry| entry.id).collect();
                prop_assert_eq!(found, wanted);
            }
        }
        prop_assert!(state.revision() >= Revision(1) || first.is_empty());
    }
}
