//! Lists of patterns, their entries and edits.

use std::sync::Arc;

use super::{field, v1};
use crate::change::{EntriesEdit, EntriesOverlay};
use crate::model::{Columns, Entries, EntriesRef, List, ListName, ListUser};
use crate::patterns::{Entry, EntryId, Run};
use crate::problem::Problem;
use crate::rules::MatchMethod;
use crate::rules::patterns::{Matching, Output, Use};

impl From<&List> for v1::List {
    fn from(row: &List) -> Self {
        v1::List {
            name: row.name.to_string(),
            columns: v1::Columns::from(row.columns).into(),
            id: row.id,
            users: row.users.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::List> for List {
    type Error = Problem;

    fn try_from(row: v1::List) -> Result<Self, Problem> {
        Ok(List {
            name: list_name("name", &row.name)?,
            columns: field::required_choice::<Columns>("columns", row.columns)?,
            id: row.id,
            users: row.users.into_iter().map(Into::into).collect(),
        })
    }
}

impl From<&ListUser> for v1::ListUser {
    fn from(user: &ListUser) -> Self {
        v1::ListUser { is_acl: user.is_acl, file: user.file.clone(), line: user.line }
    }
}

impl From<v1::ListUser> for ListUser {
    fn from(user: v1::ListUser) -> Self {
        ListUser { is_acl: user.is_acl, file: user.file, line: user.line }
    }
}

impl From<Use> for v1::ListUse {
    fn from(usage: Use) -> Self {
        v1::ListUse {
            method: usage.matching.method.word().to_owned(),
            ignore_case: usage.matching.ignore_case,
            output: usage.output.word().to_owned(),
        }
    }
}

impl TryFrom<v1::ListUse> for Use {
    type Error = Problem;

    fn try_from(usage: v1::ListUse) -> Result<Self, Problem> {
        let method = MatchMethod::from_word(&usage.method).ok_or_else(|| {
            field::malformed("method", format_args!("there is no method {:?}", usage.method))
        })?;
        let output = Output::from_word(&usage.output)
            .ok_or_else(|| field::malformed("output", format_args!("there is no type {:?}", usage.output)))?;
        Ok(Use { matching: Matching { method, ignore_case: usage.ignore_case }, output })
    }
}

impl From<&EntriesRef> for v1::EntriesRef {
    fn from(at: &EntriesRef) -> Self {
        v1::EntriesRef { list: at.list.to_string(), part: at.part }
    }
}

impl TryFrom<v1::EntriesRef> for EntriesRef {
    type Error = Problem;

    fn try_from(at: v1::EntriesRef) -> Result<Self, Problem> {
        Ok(EntriesRef { list: list_name("list", &at.list)?, part: at.part })
    }
}

impl From<&Entries> for v1::Entries {
    fn from(row: &Entries) -> Self {
        v1::Entries { at: Some((&row.at).into()), entries: wire_run(&row.entries) }
    }
}

impl TryFrom<v1::Entries> for Entries {
    type Error = Problem;

    fn try_from(row: v1::Entries) -> Result<Self, Problem> {
        let at: EntriesRef = field::required("at", row.at)?;
        let entries = model_run("entries", row.entries, at.part)?;
        if entries.is_empty() {
            return Err(field::missing("entries", "at least one entry"));
        }
        Ok(Entries { at, entries: Arc::new(entries) })
    }
}

impl EntriesOverlay {
    pub(super) fn from_wire(overlay: v1::EntriesOverlay, part: u64) -> Result<EntriesOverlay, Problem> {
        let removed = overlay.removed_ids;
        if !removed.is_sorted_by(|one, next| one < next) {
            return Err(field::malformed("removed_ids", "they are not in ascending order"));
        }
        if let Some(id) = removed.iter().find(|id| EntryId(**id).part() != part) {
            return Err(field::malformed("removed_ids", format_args!("{id} is in another part of the list")));
        }
        Ok(EntriesOverlay {
            removed: removed.into_iter().map(EntryId).collect(),
            written: Arc::new(model_run("written_entries", overlay.written_entries, part)?),
            added: Arc::new(model_run("added_entries", overlay.added_entries, part)?),
        })
    }
}

impl From<&EntriesOverlay> for v1::EntriesOverlay {
    fn from(overlay: &EntriesOverlay) -> Self {
        v1::EntriesOverlay {
            removed_ids: overlay.removed.iter().map(|id| id.0).collect(),
            written_entries: wire_run(&overlay.written),
            added_entries: wire_run(&overlay.added),
        }
    }
}

/// A list's edit as a message.
pub(super) fn wire_edit(list: &ListName, edit: &EntriesEdit) -> v1::ListEdit {
    use v1::list_edit::Edit;
    let entry = |id: EntryId, key: &[u8], value: &[u8]| v1::Entry {
        id: id.0,
        key: key.to_vec().into(),
        value: Some(value.to_vec().into()),
    };
    let unnumbered = |run: &Run| v1::EntryRun {
        entries: run.iter().map(|entry| v1::Entry { id: 0, ..wire_entry(entry) }).collect(),
    };
    let edit = match edit {
        EntriesEdit::Append(run) => Edit::Append(unnumbered(run)),
        EntriesEdit::Remove(id) => Edit::Remove(id.0),
        EntriesEdit::RemoveKey(key) => Edit::RemoveKey(key.to_vec().into()),
        EntriesEdit::SetValue(id, value) => Edit::SetValue(entry(*id, b"", value)),
        EntriesEdit::SetKey(key, value) => Edit::SetKey(entry(EntryId(0), key, value)),
        EntriesEdit::Ensure(key, value) => Edit::Ensure(v1::Entry {
            id: 0,
            key: key.to_vec().into(),
            value: value.as_ref().map(|value| value.to_vec().into()),
        }),
        EntriesEdit::Discard(key) => Edit::Discard(key.to_vec().into()),
        EntriesEdit::Clear => Edit::Clear(v1::ClearList {}),
        EntriesEdit::Replace(run) => Edit::Replace(unnumbered(run)),
    };
    v1::ListEdit { list: list.to_string(), edit: Some(edit) }
}

/// Reads what [`wire_edit`] wrote.
pub(super) fn model_edit(edit: v1::ListEdit) -> Result<(ListName, EntriesEdit), Problem> {
    use v1::list_edit::Edit;
    let expected =
        "one of append, remove, remove_key, set_value, set_key, clear, replace, ensure and discard";
    let list = list_name("list", &edit.list)?;
    let value = |value: Option<prost::bytes::Bytes>, field: &str| {
        value.map(|value| Box::from(&value[..])).ok_or_else(|| field::missing(field, "a value"))
    };
    let edit = match edit.edit.ok_or_else(|| field::missing("edit", expected))? {
        Edit::Append(run) => EntriesEdit::Append(Arc::new(numbered("append.entries", run.entries)?)),
        Edit::Replace(run) => EntriesEdit::Replace(Arc::new(numbered("replace.entries", run.entries)?)),
        Edit::Remove(id) => EntriesEdit::Remove(EntryId(id)),
        Edit::RemoveKey(key) => EntriesEdit::RemoveKey(Box::from(&key[..])),
        Edit::SetValue(entry) => {
            EntriesEdit::SetValue(EntryId(entry.id), value(entry.value, "set_value.value")?)
        }
        Edit::SetKey(entry) if entry.id == 0 => {
            EntriesEdit::SetKey(Box::from(&entry.key[..]), value(entry.value, "set_key.value")?)
        }
        Edit::SetKey(_) => return Err(field::malformed("set_key.id", "it is set: a key alone is expected")),
        Edit::Ensure(entry) if entry.id == 0 => {
            let value = entry.value.as_deref();
            check_key(&entry.key, value).map_err(|text| field::malformed("ensure", text))?;
            EntriesEdit::Ensure(Box::from(&entry.key[..]), value.map(Box::from))
        }
        Edit::Ensure(_) => return Err(field::malformed("ensure.id", "it is set: a key alone is expected")),
        Edit::Discard(key) => EntriesEdit::Discard(Box::from(&key[..])),
        Edit::Clear(v1::ClearList {}) => EntriesEdit::Clear,
    };
    Ok((list, edit))
}

pub(super) fn list_name(field: &str, text: &str) -> Result<ListName, Problem> {
    ListName::new(text).map_err(|error| field::malformed(field, error))
}

/// Entries of one part, in order.
fn model_run(field: &str, entries: Vec<v1::Entry>, part: u64) -> Result<Run, Problem> {
    let bytes =
        entries.iter().map(|entry| entry.key.len() + entry.value.as_ref().map_or(0, |v| v.len())).sum();
    let mut run = Run::with_capacity(entries.len(), bytes);
    for (at, entry) in entries.iter().enumerate() {
        let id = EntryId(entry.id);
        if id.part() != part {
            let path = format!("{field}[{at}].id");
            return Err(field::malformed(&path, format_args!("{} is in another part of the list", entry.id)));
        }
        take(&mut run, field, at, id, entry)?;
    }
    Ok(run)
}

/// Entries that get ids: here those that tell their order alone.
fn numbered(field: &str, entries: Vec<v1::Entry>) -> Result<Run, Problem> {
    let bytes =
        entries.iter().map(|entry| entry.key.len() + entry.value.as_ref().map_or(0, |v| v.len())).sum();
    let mut run = Run::with_capacity(entries.len(), bytes);
    for (at, entry) in entries.iter().enumerate() {
        if entry.id != 0 {
            return Err(field::malformed(&format!("{field}[{at}].id"), "it is set: entries get ids"));
        }
        take(&mut run, field, at, EntryId(at as u64 + 1), entry)?;
    }
    Ok(run)
}

fn take(run: &mut Run, field: &str, at: usize, id: EntryId, entry: &v1::Entry) -> Result<(), Problem> {
    match check_key(&entry.key, entry.value.as_deref()) {
        Ok(()) if run.push(Entry { id, key: &entry.key, value: entry.value.as_deref() }) => Ok(()),
        Ok(()) => {
            let text = "its id is not above the one before, or the texts come to more than 2 GiB";
            Err(field::malformed(&format!("{field}[{at}]"), text))
        }
        Err(text) => Err(field::malformed(&format!("{field}[{at}]"), text)),
    }
}

/// Entries are lines: nothing in them may end one.
fn check_key(key: &[u8], value: Option<&[u8]>) -> Result<(), &'static str> {
    let ends = |text: &[u8]| text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0));
    if key.is_empty() {
        return Err("the key is empty");
    }
    if ends(key) || value.is_some_and(ends) {
        return Err("a line feed, a carriage return or a zero is not permitted in an entry");
    }
    Ok(())
}

fn wire_run(run: &Run) -> Vec<v1::Entry> {
    run.iter().map(wire_entry).collect()
}

/// An entry as a message.
pub fn wire_entry(entry: Entry<'_>) -> v1::Entry {
    v1::Entry {
        id: entry.id.0,
        key: entry.key.to_vec().into(),
        value: entry.value.map(|value| value.to_vec().into()),
    }
}
