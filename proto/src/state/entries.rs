//! How the entries of lists change.
//!
//! Entries are kept in rows of their own, by ranges of their ids. What is done by hand to an entry of a file, or added
//! beside them, is an overlay on its part; what is in force is both together. A part is small, so an edit is cheap.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::Arc;

use xxhash_rust::xxh3::xxh3_64;

use super::alignment::{Parts, afresh, aligned};
use super::apply::{Draft, Outcome};
use super::{Rows, State, replacing};
use crate::change::{EntriesEdit, EntriesOverlay, Field, Layer, Origin, OverlayValue};
use crate::model::{Columns, Entries, EntriesRef, Kind, List, ListName, Row, Subject};
use crate::patterns::{Entry, EntryId, KeyIndex, Pack, Run};
use crate::problem::{Code, Problem};
use crate::rules::patterns::Use;

impl State {
    /// A list in force.
    pub fn list(&self, name: &ListName) -> Option<&List> {
        match self.effective.get(&Subject::List(name.clone())).map(Arc::as_ref) {
            Some(Row::List(row)) => Some(row),
            _ => None,
        }
    }

    /// Every list in force with its number, in the order of numbers.
    pub fn lists(&self) -> Vec<(u32, Cow<'_, List>)> {
        let rows = self.rows(Kind::List).filter_map(|row| match row.as_ref() {
            Row::List(list) => Some(list),
            _ => None,
        });
        let (mut numbered, others): (Vec<&List>, Vec<&List>) = rows.partition(|list| list.id.is_some());
        numbered.sort_by_key(|list| list.id);
        let free = numbered.last().and_then(|list| list.id).map_or(0, |last| last.saturating_add(1));
        let numbered = numbered.into_iter().map(|list| (list.id.unwrap_or_default(), Cow::Borrowed(list)));
        let unlisted = self.unlisted().map(|name| Cow::Owned(List::named(name.clone(), Columns::Keys)));
        numbered.chain((free..).zip(others.into_iter().map(Cow::Borrowed).chain(unlisted))).collect()
    }

    /// The list that a command means: by its name, its file, or `#` and its number.
    pub fn list_called(&self, text: &str) -> Option<(u32, Cow<'_, List>)> {
        let is_it = |(id, list): &(u32, Cow<'_, List>)| match text.strip_prefix('#') {
            Some("") => *id == 0,
            Some(number) => number.parse() == Ok(*id),
            None => list.name.as_str() == text || list.name.file().is_some_and(|(file, _)| file == text),
        };
        self.lists().into_iter().find(is_it)
    }

    /// The entries in force of a list, in order, part by part.
    pub fn parts<'a>(&'a self, list: &ListName) -> impl Iterator<Item = (u64, &'a Arc<Run>)> + use<'a> {
        parts(&self.effective, list)
    }

    /// The entries in force of one part of a list.
    pub fn part(&self, list: &ListName, part: u64) -> Option<&Arc<Run>> {
        run(&self.effective, list, part)
    }

    /// The entry in force with an id.
    pub fn entry(&self, list: &ListName, id: EntryId) -> Option<Entry<'_>> {
        self.part(list, id.part())?.find(id)
    }

    /// The entries in force with a key, as it was written, in order.
    pub fn entries_with<'a>(&'a self, list: &'a ListName, key: &'a [u8]) -> impl Iterator<Item = Entry<'a>> {
        let ids = self.keys.get(list).into_iter().flat_map(|keys| keys.find(xxh3_64(key)));
        ids.filter_map(move |id| self.entry(list, id)).filter(move |entry| entry.key == key)
    }

    /// How many entries of a list are in force.
    pub fn entry_count(&self, list: &ListName) -> usize {
        self.keys.get(list).map_or(0, KeyIndex::len)
    }

    /// How many entries are in force, of each list that has some.
    pub fn entry_counts(&self) -> impl Iterator<Item = (&ListName, usize)> {
        self.keys.iter().map(|(list, keys)| (list, keys.len()))
    }

    /// Keeps the index of keys as the rows in force are.
    pub(super) fn index_entries(&mut self, old: Option<&Arc<Row>>, new: Option<&Arc<Row>>) {
        let (old, new) = (old.and_then(|row| entries_of(row)), new.and_then(|row| entries_of(row)));
        let Some(list) = old.or(new).map(|row| &row.at.list) else { return };
        let nothing = Run::default();
        let keys = self.keys.entry(list.clone()).or_default();
        let run = |row: Option<&Entries>| row.map(|row| row.entries.clone());
        let (old, new) = (run(old), run(new));
        old.as_deref().unwrap_or(&nothing).differences(new.as_deref().unwrap_or(&nothing), |old, new| {
            if old.map(|entry| entry.key) == new.map(|entry| entry.key) {
                return;
            }
            if let Some(old) = old {
                keys.remove(xxh3_64(old.key), old.id);
            }
            if let Some(new) = new {
                keys.insert(xxh3_64(new.key), new.id);
            }
        });
        if keys.is_empty() {
            self.keys.remove(list);
        }
    }
}

impl EntriesOverlay {
    /// What must lie over the entries of the files so that these are in force.
    pub fn between(declared: &Run, wanted: &Run) -> EntriesOverlay {
        let (mut removed, mut written, mut added) = (Vec::new(), Run::default(), Run::default());
        declared.differences(wanted, |old, new| match (old, new) {
            (Some(_), Some(new)) => {
                written.push(new);
            }
            (Some(old), None) => removed.push(old.id),
            (None, Some(new)) => {
                added.push(new);
            }
            (None, None) => {}
        });
        written.shrink();
        written.share_keys(declared);
        added.shrink();
        EntriesOverlay { removed: removed.into(), written: Arc::new(written), added: Arc::new(added) }
    }

    /// Whether nothing was changed.
    pub fn is_empty(&self) -> bool {
        self.removed.is_empty() && self.written.is_empty() && self.added.is_empty()
    }

    /// The entries in force when the files declare these.
    pub fn over(&self, declared: &Run) -> Run {
        let removed = |id: EntryId| self.removed.binary_search(&id).is_ok();
        let written: Run = self.written.iter().filter(|entry| declared.find(entry.id).is_some()).collect();
        let mut over = declared.merged(|id| !removed(id), &written).merged(|_| true, &self.added);
        over.share_keys(declared);
        over
    }

    /// The same without what lies over nothing any more.
    fn pruned(&self, declared: &Run) -> EntriesOverlay {
        let is_there = |id: EntryId| declared.find(id).is_some();
        EntriesOverlay {
            removed: self.removed.iter().copied().filter(|id| is_there(*id)).collect(),
            written: Arc::new(self.written.iter().filter(|entry| is_there(entry.id)).collect()),
            added: self.added.clone(),
        }
    }
}

impl Draft<'_> {
    /// Edits a list.
    pub(super) fn edit(
        &mut self,
        layer: Layer,
        list: &ListName,
        edit: &EntriesEdit,
        origin: &Origin,
    ) -> Result<Outcome, Problem> {
        let subject = Subject::List(list.clone());
        let columns = match self.state.list(list) {
            _ if list.is_inline() => self.open_inline(layer, list)?,
            Some(row) => row.columns,
            None => return Err(Problem::about(Code::NotFound, &subject, "there is none of that name")),
        };
        let changed = match edit {
            EntriesEdit::Append(pack) => {
                self.check_entries(list, columns, pack)?;
                self.append(layer, list, pack, origin)
            }
            EntriesEdit::Remove(id) => {
                let there = self.entry(layer, list, *id).is_some();
                self.rewrite(layer, list, there.then_some(*id), None, origin)?
            }
            EntriesEdit::RemoveKey(key) => {
                let ids = self.ids(layer, list, key);
                self.rewrite(layer, list, ids, None, origin)?
            }
            EntriesEdit::SetValue(id, value) => {
                let entry = self.entry(layer, list, *id).map(|entry| entry.key.to_vec());
                self.set_value(
                    layer,
                    list,
                    entry.as_deref(),
                    entry.iter().map(|_| *id).collect(),
                    value,
                    origin,
                )?
            }
            EntriesEdit::SetKey(key, value) => {
                let ids = self.ids(layer, list, key);
                self.set_value(layer, list, Some(key), ids, value, origin)?
            }
            EntriesEdit::Ensure(key, value) => {
                let value = value.as_deref();
                self.check_entry(list, columns, key, value)?;
                match (self.ids(layer, list, key), value) {
                    (ids, _) if ids.is_empty() => {
                        let pack = std::iter::once((&key[..], value)).collect();
                        self.append(layer, list, &pack, origin)
                    }
                    (ids, Some(value)) => self.rewrite(layer, list, ids, Some(value), origin)?,
                    (_, None) => false,
                }
            }
            EntriesEdit::Discard(key) => match self.ids(layer, list, key) {
                ids if ids.is_empty() => false,
                ids => self.rewrite(layer, list, ids, None, origin)?,
            },
            EntriesEdit::Clear => {
                if layer == Layer::Overlay {
                    // Nothing stays in force: the index is dropped at once, not key by key.
                    self.state.keys.remove(list);
                }
                self.write_list(layer, list, &BTreeMap::new(), origin)
            }
            EntriesEdit::Replace(pack) => {
                self.check_entries(list, columns, pack)?;
                let wanted = replacing::replaced(self.state, self.rows(layer), list, pack);
                self.write_list(layer, list, &wanted, origin)
            }
        };
        Ok(Outcome { changed, before: None })
    }

    /// Writes the entries of one part. Tells whether something else is in force than before.
    pub(super) fn write_entries(
        &mut self,
        layer: Layer,
        at: &EntriesRef,
        wanted: Arc<Run>,
        origin: &Origin,
    ) -> bool {
        let subject = Subject::Entries(at.clone());
        let row = |entries: Arc<Run>| Arc::new(Row::Entries(Entries { at: at.clone(), entries }));
        match layer {
            Layer::Spec => self.write_spec(&subject, (!wanted.is_empty()).then(|| row(wanted))),
            Layer::Overlay => {
                let overlay = match run(&self.state.spec, &at.list, at.part) {
                    Some(declared) => EntriesOverlay::between(declared, &wanted),
                    None => EntriesOverlay { added: wanted, ..EntriesOverlay::default() },
                };
                if !overlay.is_empty() {
                    self.lay_over(&subject, OverlayValue::Entries(overlay), origin);
                } else if self.state.overlays.contains_key(&(subject.clone(), Field::Entries)) {
                    self.write_overlay(&subject, Field::Entries, None);
                }
            }
        }
        self.refresh(&subject)
    }

    /// The parts of a list of which something was changed by hand.
    pub(super) fn overlaid_parts(&self, list: &ListName) -> Vec<Subject> {
        let range = (first_part(list), Field::Row)..=(last_part(list), Field::LAST);
        self.state.overlays.range(range).map(|((subject, _), _)| subject.clone()).collect()
    }

    /// Drops what was changed by hand of entries that are no longer there, and of lists that are not.
    pub(super) fn sweep_entries(&mut self) {
        let gone: Vec<ListName> = self
            .touched
            .iter()
            .filter_map(|subject| match subject {
                // Lists of rules go with their rules.
                Subject::List(list) if list.is_inline() => None,
                Subject::List(list) if !self.state.effective.contains_key(subject) => Some(list.clone()),
                _ => None,
            })
            .collect();
        let stale: Vec<Subject> = gone.iter().flat_map(|list| self.overlaid_parts(list)).collect();
        for subject in stale {
            self.write_overlay(&subject, Field::Entries, None);
            self.refresh(&subject);
        }
        let mut pruned = Vec::new();
        for subject in self.touched.iter() {
            let Subject::Entries(at) = subject else { continue };
            let key = (subject.clone(), Field::Entries);
            let Some(overlay) = self.state.overlays.get(&key) else { continue };
            let OverlayValue::Entries(entries) = &overlay.value else { continue };
            let nothing = Run::default();
            let declared = run(&self.state.spec, &at.list, at.part).map_or(&nothing, Arc::as_ref);
            let left = entries.pruned(declared);
            if left != *entries {
                let origin = overlay.origin.clone();
                pruned.push((subject.clone(), left, origin));
            }
        }
        for (subject, left, origin) in pruned {
            if left.is_empty() {
                self.write_overlay(&subject, Field::Entries, None);
            } else {
                self.lay_over(&subject, OverlayValue::Entries(left), &origin);
            }
        }
    }

    /// Refuses entries that do not suit the list, or the rules that use it.
    fn check_entries(&self, list: &ListName, columns: Columns, pack: &Pack) -> Result<(), Problem> {
        let uses = self.state.uses(list);
        let mut cursor = pack.cursor();
        while let Some((key, value)) = cursor.advance() {
            check(list, columns, &uses, key, value)?;
        }
        Ok(())
    }

    fn check_entry(
        &self,
        list: &ListName,
        columns: Columns,
        key: &[u8],
        value: Option<&[u8]>,
    ) -> Result<(), Problem> {
        check(list, columns, &self.state.uses(list), key, value)
    }

    fn append(&mut self, layer: Layer, list: &ListName, pack: &Pack, origin: &Origin) -> bool {
        let mut id = last(self.state, list);
        let mut parts = Parts::default();
        let mut cursor = pack.cursor();
        while let Some((key, value)) = cursor.advance() {
            id = id.next();
            parts.push(Entry { id, key, value });
        }
        for (part, added) in parts.finish() {
            let at = EntriesRef { list: list.clone(), part };
            let wanted = match run(self.rows(layer), list, part) {
                Some(old) => Arc::new(old.merged(|_| true, &added)),
                None => added,
            };
            self.write_entries(layer, &at, wanted, origin);
        }
        true
    }

    fn set_value(
        &mut self,
        layer: Layer,
        list: &ListName,
        key: Option<&[u8]>,
        ids: Vec<EntryId>,
        value: &[u8],
        origin: &Origin,
    ) -> Result<bool, Problem> {
        let columns = self.state.list(list).map_or(Columns::Values, |row| row.columns);
        if let Some(key) = key {
            self.check_entry(list, columns, key, Some(value))?;
        }
        self.rewrite(layer, list, ids, Some(value), origin)
    }

    /// Writes the value of single entries, or removes them; there must be one.
    fn rewrite(
        &mut self,
        layer: Layer,
        list: &ListName,
        ids: impl IntoIterator<Item = EntryId>,
        value: Option<&[u8]>,
        origin: &Origin,
    ) -> Result<bool, Problem> {
        let mut found = false;
        let mut changed = false;
        for id in ids {
            found = true;
            let at = EntriesRef { list: list.clone(), part: id.part() };
            let Some(old) = run(self.rows(layer), list, id.part()).cloned() else { continue };
            let Some(entry) = old.find(id) else { continue };
            let run: Run = value.map(|value| Entry { value: Some(value), ..entry }).into_iter().collect();
            changed |=
                self.write_entries(layer, &at, Arc::new(old.merged(|other| other != id, &run)), origin);
        }
        match found {
            true => Ok(changed),
            false => {
                let detail = "there is no such entry";
                Err(Problem::about(Code::NotFound, &Subject::List(list.clone()), detail))
            }
        }
    }

    /// Makes these parts the list.
    pub(super) fn write_list(
        &mut self,
        layer: Layer,
        list: &ListName,
        wanted: &BTreeMap<u64, Arc<Run>>,
        origin: &Origin,
    ) -> bool {
        let rows = self.rows(layer);
        let gone: Vec<u64> =
            parts(rows, list).map(|(part, _)| part).filter(|part| !wanted.contains_key(part)).collect();
        let mut changed = false;
        for part in gone {
            let at = EntriesRef { list: list.clone(), part };
            changed |= self.write_entries(layer, &at, Arc::default(), origin);
        }
        for (part, wanted) in wanted {
            let at = EntriesRef { list: list.clone(), part: *part };
            if run(self.rows(layer), list, *part) != Some(wanted) {
                changed |= self.write_entries(layer, &at, wanted.clone(), origin);
            }
        }
        changed
    }

    /// The entries with a key.
    fn ids(&self, layer: Layer, list: &ListName, key: &[u8]) -> Vec<EntryId> {
        match layer {
            Layer::Overlay => self.state.entries_with(list, key).map(|entry| entry.id).collect(),
            Layer::Spec => {
                let entries = parts(&self.state.spec, list).flat_map(|(_, run)| run.iter());
                entries.filter(|entry| entry.key == key).map(|entry| entry.id).collect()
            }
        }
    }

    fn entry(&self, layer: Layer, list: &ListName, id: EntryId) -> Option<Entry<'_>> {
        run(self.rows(layer), list, id.part())?.find(id)
    }

    /// What an edit of this layer starts from.
    fn rows(&self, layer: Layer) -> &Rows {
        match layer {
            Layer::Spec => &self.state.spec,
            Layer::Overlay => &self.state.effective,
        }
    }
}

/// The row in force of a part: what the files declare, under what was changed by hand.
pub(super) fn effective(state: &State, at: &EntriesRef) -> Option<Arc<Row>> {
    let subject = Subject::Entries(at.clone());
    let spec = state.spec.get(&subject);
    let overlay = match state.overlays.get(&(subject, Field::Entries)).map(|overlay| &overlay.value) {
        Some(OverlayValue::Entries(overlay)) => overlay,
        _ => return spec.cloned(),
    };
    let entries = match spec.and_then(|row| entries_of(row)) {
        Some(declared) => Arc::new(overlay.over(&declared.entries)),
        None => overlay.added.clone(),
    };
    (!entries.is_empty()).then(|| Arc::new(Row::Entries(Entries { at: at.clone(), entries })))
}

/// The rows of a configuration, with the ids that entries have in the state where they are the same: so what was
/// changed by hand stays where it belongs, and little is written.
pub(super) fn realign(state: &State, rows: Vec<Row>) -> Vec<Row> {
    let mut lists: BTreeMap<ListName, BTreeMap<u64, Arc<Run>>> = BTreeMap::new();
    let mut others = Vec::with_capacity(rows.len());
    for row in rows {
        match row {
            Row::Entries(row) => {
                lists.entry(row.at.list).or_default().insert(row.at.part, row.entries);
            }
            other => others.push(other),
        }
    }
    for (list, mut wanted) in lists {
        let is_same = || parts(&state.spec, &list).eq(wanted.iter().map(|(part, run)| (*part, run)));
        let known = last(state, &list);
        if known != EntryId(0) && !is_same() {
            let old: Vec<Entry<'_>> = parts(&state.spec, &list).flat_map(|(_, run)| run.iter()).collect();
            let new: Vec<Entry<'_>> = wanted.values().flat_map(|run| run.iter()).collect();
            let keys: Vec<&[u8]> = new.iter().map(|entry| entry.key).collect();
            let end = old.last().map_or(EntryId(0), |entry| entry.id);
            let by_hand = parts(&state.effective, &list)
                .filter(|(part, _)| *part >= end.part())
                .flat_map(|(_, run)| run.iter())
                .map(|entry| entry.id)
                .find(|id| *id > end);
            let taken = |id| is_taken(state, &list, id);
            let ids =
                aligned(&old, &keys, EntryId(0), by_hand, taken).unwrap_or_else(|| afresh(keys.len(), known));
            wanted = cut(ids.into_iter().zip(new));
        }
        others.extend(wanted.into_iter().map(|(part, entries)| {
            Row::Entries(Entries { at: EntriesRef { list: list.clone(), part }, entries })
        }));
    }
    others
}

/// The entries of a row that has some.
pub(super) fn entries_of(row: &Row) -> Option<&Entries> {
    match row {
        Row::Entries(row) => Some(row),
        _ => None,
    }
}

/// The parts of a list among these rows.
pub(super) fn parts<'a>(
    rows: &'a Rows,
    list: &ListName,
) -> impl Iterator<Item = (u64, &'a Arc<Run>)> + use<'a> {
    let range = rows.range(first_part(list)..=last_part(list));
    range.filter_map(|(_, row)| entries_of(row).map(|row| (row.at.part, &row.entries)))
}

pub(super) fn run<'a>(rows: &'a Rows, list: &ListName, part: u64) -> Option<&'a Arc<Run>> {
    let subject = Subject::Entries(EntriesRef { list: list.clone(), part });
    rows.get(&subject).and_then(|row| entries_of(row)).map(|row| &row.entries)
}

fn first_part(list: &ListName) -> Subject {
    Subject::Entries(EntriesRef { list: list.clone(), part: 0 })
}

fn last_part(list: &ListName) -> Subject {
    Subject::Entries(EntriesRef { list: list.clone(), part: u64::MAX })
}

/// The last id that is taken in a list, hidden entries included.
pub(super) fn last(state: &State, list: &ListName) -> EntryId {
    let last = |rows: &Rows| {
        let row = rows.range(first_part(list)..=last_part(list)).next_back();
        row.and_then(|(_, row)| entries_of(row)?.entries.last())
    };
    last(&state.spec).max(last(&state.effective)).unwrap_or_default()
}

/// Whether an entry of either layer has the id.
pub(super) fn is_taken(state: &State, list: &ListName, id: EntryId) -> bool {
    [&state.spec, &state.effective]
        .into_iter()
        .any(|rows| run(rows, list, id.part()).is_some_and(|run| run.find(id).is_some()))
}

/// Refuses an entry that does not suit the list, or the rules that use it.
fn check(
    list: &ListName,
    columns: Columns,
    uses: &[Use],
    key: &[u8],
    value: Option<&[u8]>,
) -> Result<(), Problem> {
    let about = |code, detail: String| Problem::about(code, &Subject::List(list.clone()), detail);
    if columns == Columns::Keys && value.is_some() {
        let key = String::from_utf8_lossy(key);
        return Err(about(Code::Unsuitable, format!("the list has no values, '{key}' comes with one")));
    }
    if columns == Columns::Values && value.is_none() {
        let key = String::from_utf8_lossy(key);
        return Err(about(Code::Unsuitable, format!("the list has values, '{key}' comes without one")));
    }
    for usage in uses {
        usage.check(key, value).map_err(|bad| about(Code::Malformed, bad.to_string()))?;
    }
    Ok(())
}

/// Entries under these ids, which ascend, in their parts.
pub(super) fn cut<'a>(entries: impl Iterator<Item = (EntryId, Entry<'a>)>) -> BTreeMap<u64, Arc<Run>> {
    let mut parts = Parts::default();
    entries.for_each(|(id, entry)| parts.push(Entry { id, ..entry }));
    parts.finish()
}

#[cfg(test)]
#[path = "tests/entries.rs"]
mod tests;
