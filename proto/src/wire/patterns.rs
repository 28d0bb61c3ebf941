//! Lists of patterns, their entries and edits.

use std::sync::Arc;

use super::{field, v1};
use crate::change::{EntriesEdit, EntriesOverlay};
use crate::model::{Columns, Entries, EntriesRef, List, ListName, ListUser};
use crate::patterns::{Entry, EntryId, Pack, Packer, Run};
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
        v1::Entries { at: Some((&row.at).into()), entries: Vec::new(), packed: Some(packed(&row.entries)) }
    }
}

impl TryFrom<v1::Entries> for Entries {
    type Error = Problem;

    fn try_from(row: v1::Entries) -> Result<Self, Problem> {
        let at: EntriesRef = field::required("at", row.at)?;
        let entries = model_run("entries", row.entries, "packed", row.packed, at.part)?;
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
            written: Arc::new(model_run(
                "written_entries",
                overlay.written_entries,
                "written_packed",
                overlay.written_packed,
                part,
            )?),
            added: Arc::new(model_run(
                "added_entries",
                overlay.added_entries,
                "added_packed",
                overlay.added_packed,
                part,
            )?),
        })
    }
}

impl From<&EntriesOverlay> for v1::EntriesOverlay {
    fn from(overlay: &EntriesOverlay) -> Self {
        v1::EntriesOverlay {
            removed_ids: overlay.removed.iter().map(|id| id.0).collect(),
            written_entries: Vec::new(),
            added_entries: Vec::new(),
            written_packed: (!overlay.written.is_empty()).then(|| packed(&overlay.written)),
            added_packed: (!overlay.added.is_empty()).then(|| packed(&overlay.added)),
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
    let edit = match edit {
        EntriesEdit::Append(run) => Edit::Append(wire_pack(run)),
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
        EntriesEdit::Replace(run) => Edit::Replace(wire_pack(run)),
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
        Edit::Append(run) => EntriesEdit::Append(Arc::new(model_pack("append", run)?)),
        Edit::Replace(run) => EntriesEdit::Replace(Arc::new(model_pack("replace", run)?)),
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

/// Entries without ids as a message.
pub fn wire_pack(pack: &Pack) -> v1::EntryRun {
    let packed = v1::PackedEntries { id_steps: Vec::new(), blocks: pack.blocks().to_vec() };
    v1::EntryRun { entries: Vec::new(), packed: Some(packed) }
}

/// Entries with their ids as a message.
pub fn packed(run: &Run) -> v1::PackedEntries {
    packed_of(run.iter())
}

/// Entries with their ids, in order, as a message.
pub fn packed_of<'a>(entries: impl Iterator<Item = Entry<'a>>) -> v1::PackedEntries {
    let (mut packer, mut last) = (Packer::default(), 0u64);
    let mut id_steps = Vec::with_capacity(entries.size_hint().0);
    for entry in entries {
        packer.push(entry.key, entry.value);
        id_steps.push(entry.id.0.wrapping_sub(last));
        last = entry.id.0;
    }
    v1::PackedEntries { id_steps, blocks: packer.finish().blocks().to_vec() }
}

/// Shows each entry of a message of packed ones, with its id: 0 where they have none.
///
/// # Errors
/// What is wrong with the message, under the name of its field; entries before the mistake were shown.
pub fn unpack(
    field: &str,
    packed: v1::PackedEntries,
    mut show: impl FnMut(Entry<'_>),
) -> Result<(), Problem> {
    let v1::PackedEntries { id_steps, blocks } = packed;
    let is_numbered = !id_steps.is_empty();
    let (mut steps, mut last) = (id_steps.into_iter(), 0u64);
    let outcome = Pack::read(blocks, |key, value| {
        if is_numbered {
            let step = steps.next().ok_or("as many entries as ids are expected")?;
            last = last.checked_add(step).ok_or("an id of at most 64 bits is expected")?;
        }
        show(Entry { id: EntryId(last), key, value });
        Ok(())
    });
    let bad = match outcome {
        Ok(_) if steps.next().is_none() => return Ok(()),
        Ok(pack) => format!("entry {}: as many entries as ids are expected", pack.len()),
        Err(bad) => bad.to_string(),
    };
    Err(field::malformed(field, bad))
}

/// Entries of one part, in order: those that stand by themselves, then the packed ones.
fn model_run(
    field: &str,
    entries: Vec<v1::Entry>,
    packed_field: &str,
    packed: Option<v1::PackedEntries>,
    part: u64,
) -> Result<Run, Problem> {
    let packed = packed.unwrap_or_default();
    let mut run = Run::with_capacity(entries.len().saturating_add(packed.id_steps.len()));
    for (at, entry) in entries.iter().enumerate() {
        let entry = Entry { id: EntryId(entry.id), key: &entry.key, value: entry.value.as_deref() };
        take(&mut run, part, entry).map_err(|text| field::malformed(&format!("{field}[{at}]"), text))?;
    }
    let (mut at, mut bad) = (0usize, None);
    unpack(packed_field, packed, |entry| {
        if bad.is_none() {
            bad = take(&mut run, part, entry).err();
            at += usize::from(bad.is_none());
        }
    })?;
    match bad {
        Some(text) => Err(field::malformed(packed_field, format_args!("entry {at}: {text}"))),
        None => {
            run.shrink();
            Ok(run)
        }
    }
}

/// Entries that get ids: those that stand by themselves, then the packed ones.
fn model_pack(field: &str, run: v1::EntryRun) -> Result<Pack, Problem> {
    let v1::EntryRun { entries, packed } = run;
    let v1::PackedEntries { id_steps, blocks } = packed.unwrap_or_default();
    if !id_steps.is_empty() {
        return Err(field::malformed(&format!("{field}.packed.id_steps"), "it is set: entries get ids"));
    }
    let further = Pack::read(blocks, check_key)
        .map_err(|bad| field::malformed(&format!("{field}.packed.blocks"), bad))?;
    if entries.is_empty() {
        return Ok(further);
    }
    let mut packer = Packer::default();
    for (at, entry) in entries.iter().enumerate() {
        let path = || format!("{field}.entries[{at}]");
        if entry.id != 0 {
            return Err(field::malformed(&format!("{}.id", path()), "it is set: entries get ids"));
        }
        check_key(&entry.key, entry.value.as_deref()).map_err(|text| field::malformed(&path(), text))?;
        packer.push(&entry.key, entry.value.as_deref());
    }
    let mut pack = packer.finish();
    pack.extend(&further);
    Ok(pack)
}

fn take(run: &mut Run, part: u64, entry: Entry<'_>) -> Result<(), String> {
    if entry.id.part() != part {
        return Err(format!("the id {} is in another part of the list", entry.id.0));
    }
    check_key(entry.key, entry.value).map_err(str::to_owned)?;
    match run.push(entry) {
        true => Ok(()),
        false => Err("its id is not above the one before, or the texts come to more than 2 GiB".to_owned()),
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

/// An entry as a message.
pub fn wire_entry(entry: Entry<'_>) -> v1::Entry {
    v1::Entry {
        id: entry.id.0,
        key: entry.key.to_vec().into(),
        value: entry.value.map(|value| value.to_vec().into()),
    }
}
