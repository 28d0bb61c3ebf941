//! Generators of lists, their entries and edits.

use std::sync::Arc;

use proptest::collection::{btree_set, vec};
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::origin;
use crate::change::{Change, EntriesEdit, EntriesOverlay, Layer, Overlay, OverlayValue};
use crate::model::{Columns, Entries, EntriesRef, List, ListName, ListUser, Row, Subject};
use crate::patterns::{Entry, EntryId, Pack, Run};

/// The name of a list, out of few.
pub fn list_name() -> BoxedStrategy<ListName> {
    let names = ["/etc/hosts.map", "white list.lst", "virt@x", "opt@/tmp/no"];
    let names: Vec<ListName> = names.iter().filter_map(|name| ListName::new(name).ok()).collect();
    select(names).boxed()
}

/// A list.
pub fn list() -> BoxedStrategy<List> {
    let columns = select(vec![Columns::Keys, Columns::Values]);
    let user = (any::<bool>(), 1..=9_u32).prop_map(|(is_acl, line)| {
        let file = "a.cfg".to_owned();
        ListUser { is_acl, file, line }
    });
    (list_name(), columns, of(0..=9_u32), vec(user, 0..=2))
        .prop_map(|(name, columns, id, users)| List { name, columns, id, users })
        .boxed()
}

/// A part of a list.
pub fn entries_ref() -> BoxedStrategy<EntriesRef> {
    (list_name(), 0..=2_u64).prop_map(|(list, part)| EntriesRef { list, part }).boxed()
}

/// Some entries of a list.
pub fn entries() -> BoxedStrategy<Entries> {
    entries_ref()
        .prop_flat_map(|at| {
            let run = run(at.part).prop_filter("a part has entries", |run| !run.is_empty());
            (Just(at), run).prop_map(|(at, entries)| Entries { at, entries: Arc::new(entries) })
        })
        .boxed()
}

/// What was changed by hand of some entries.
pub fn entries_overlay() -> BoxedStrategy<Overlay> {
    entries_ref()
        .prop_flat_map(|at| {
            let ids = btree_set(id(at.part), 0..=3).prop_map(|ids| ids.into_iter().collect());
            let told = (ids, run(at.part), run(at.part)).prop_map(|(removed, written, added)| {
                let (written, added) = (Arc::new(written), Arc::new(added));
                OverlayValue::Entries(EntriesOverlay { removed, written, added })
            });
            (Just(at), told, origin())
        })
        .prop_map(|(at, value, origin)| super::lying(Subject::Entries(at), value, origin))
        .boxed()
}

/// An edit of a list.
pub fn edit() -> BoxedStrategy<Change> {
    let value = || of(key()).prop_map(Option::unwrap_or_default).prop_map(Vec::into_boxed_slice);
    let key = || key().prop_map(Vec::into_boxed_slice);
    let pack = || {
        run(0).prop_map(|run| Arc::new(run.iter().map(|entry| (entry.key, entry.value)).collect::<Pack>()))
    };
    let edit = prop_oneof![
        3 => pack().prop_map(EntriesEdit::Append),
        1 => id(0).prop_map(EntriesEdit::Remove),
        2 => key().prop_map(EntriesEdit::RemoveKey),
        1 => (id(0), value()).prop_map(|(id, value)| EntriesEdit::SetValue(id, value)),
        2 => (key(), value()).prop_map(|(key, value)| EntriesEdit::SetKey(key, value)),
        2 => (key(), of(value())).prop_map(|(key, value)| EntriesEdit::Ensure(key, value)),
        1 => key().prop_map(EntriesEdit::Discard),
        1 => Just(EntriesEdit::Clear),
        1 => pack().prop_map(EntriesEdit::Replace),
    ];
    let layer = select(vec![Layer::Spec, Layer::Overlay]);
    (layer, list_name(), edit).prop_map(|(layer, list, edit)| Change::Edit(layer, list, edit)).boxed()
}

/// A change of lists out of few.
pub fn list_change() -> BoxedStrategy<Change> {
    let layer = || select(vec![Layer::Spec, Layer::Overlay]);
    prop_oneof![
        3 => list().prop_map(|list| Change::Put(Layer::Spec, Row::List(list))),
        2 => (layer(), entries()).prop_map(|(layer, entries)| Change::Put(layer, Row::Entries(entries))),
        1 => (layer(), entries_ref()).prop_map(|(layer, at)| Change::Delete(layer, Subject::Entries(at))),
        1 => list_name().prop_map(|list| Change::Delete(Layer::Spec, Subject::List(list))),
        1 => list_name().prop_map(|list| Change::Revert(Subject::List(list), None)),
        1 => list_name().prop_map(|list| Change::Adopt(Subject::List(list), None)),
        1 => entries_overlay().prop_map(Change::Restore),
        4 => edit(),
    ]
    .boxed()
}

fn run(part: u64) -> BoxedStrategy<Run> {
    vec((id(part), key(), of(key())), 0..=4)
        .prop_map(|mut entries| {
            entries.sort_by_key(|(id, ..)| *id);
            let entries = entries.iter();
            entries.map(|(id, key, value)| Entry { id: *id, key, value: value.as_deref() }).collect()
        })
        .boxed()
}

fn id(part: u64) -> BoxedStrategy<EntryId> {
    (0..=4_u64).prop_map(move |at| EntryId(part * EntryId::SPAN + at * EntryId::STEP)).boxed()
}

fn key() -> BoxedStrategy<Vec<u8>> {
    let texts: Vec<&[u8]> = vec![b"a", b"b", b"c d", b"10.0.0.0/8", b"\xff"];
    select(texts).prop_map(<[u8]>::to_vec).boxed()
}
