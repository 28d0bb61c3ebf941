//! What is asked of stick tables and done to them.
//!
//! Entries are read, written and removed some at a time, each time under one short lock: no request waits for a dump.

use std::sync::Arc;

use regate_proto::model::{DataForm, DataType, Name, TableKey};
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1;

use super::Context;
use super::permission::{Asked, Caller};
use super::query::Answers;
use crate::live::Live;
use crate::live::table::{Cursor, Datum, Entry, Key, Record};
use crate::snapshot::TablePlan;

/// The tables that are wanted, in the order of listings.
pub(super) fn tables(
    context: &Context,
    caller: &Caller,
    query: v1::TablesQuery,
) -> Result<(u64, Vec<v1::TableView>), Problem> {
    caller.may(Asked::Tables)?;
    let (revision, plans) =
        context.store.read(|current| (current.state.revision(), current.snapshot.tables.clone()));
    let found: &[TablePlan] = match &query.table {
        None => plans.plans(),
        Some(text) => Name::new(text)
            .ok()
            .and_then(|name| plans.get(&name))
            .map(std::slice::from_ref)
            .ok_or_else(|| missing(text))?,
    };
    let now = context.live.process.now();
    Ok((revision.0, found.iter().map(|plan| view(plan, now)).collect()))
}

/// The entries that are wanted, part by part.
pub(super) fn entries(
    context: &Context,
    caller: &Caller,
    query: v1::EntriesQuery,
) -> Result<Answers, Problem> {
    caller.may(Asked::Tables)?;
    let (revision, plan) = find(context, &query.table)?;
    let filters = filters(&plan, query.filters)?;
    let live = context.live.clone();
    let now = live.process.now();
    let withheld = caller.may(Asked::Entries).is_err();
    let head = v1::TableEntries { table: Some(view(&plan, now)), withheld, entries: Vec::new() };
    let answer = move |entries: v1::TableEntries| v1::Answer {
        revision,
        entries: Some(entries),
        ..v1::Answer::default()
    };
    if withheld {
        return Ok(Box::new(std::iter::once(answer(head))));
    }
    let fits = move |entry: &mut Entry| filters.iter().all(|filter| filter.fits(entry));
    let one = match (query.key, query.id) {
        (None, None) => {
            let walk = Walk { live, plan, next: Some(Cursor::default()), fits };
            return Ok(Box::new(std::iter::once(head).chain(walk).map(answer)));
        }
        (Some(key), _) => {
            let key = read_key(&plan, &key)?;
            plan.table.look(&key, now, |entry| fits(entry).then(|| entry.record()))
        }
        (None, Some(id)) => plan.table.look_at(id, now, |entry| fits(entry).then(|| entry.record())),
    };
    let entries = one.flatten().map(wire_entry).into_iter().collect();
    Ok(Box::new(std::iter::once(answer(v1::TableEntries { entries, ..head }))))
}

/// Writes values of an entry.
pub(super) fn set(context: &Context, caller: &Caller, request: v1::SetEntry) -> Result<(), Problem> {
    caller.may(Asked::SetEntries)?;
    let (_, plan) = find(context, &request.table)?;
    let key = match &request.key_text {
        None => read_key(&plan, &request.key)?,
        Some(text) if request.key.is_empty() => read_key(&plan, &spelled(&plan, text)?)?,
        Some(_) => {
            return Err(Problem::general(Code::Malformed, "key: it is set beside key_text: one is expected"));
        }
    };
    let mut values = Vec::new();
    for (at, value) in request.values.iter().enumerate() {
        let (data, element) = stored(&plan, &format!("values[{at}]"), &value.data, value.element)?;
        if data.form() == DataForm::Text {
            let detail = format!("values[{at}].data: {data} is a text, which cannot be written");
            return Err(Problem::general(Code::Unsuitable, detail));
        }
        values.push((data, element, value.value));
    }
    let written = plan.table.touch(&key, context.live.process.now(), |entry| {
        for (data, element, value) in values {
            // The table was asked whether it stores them.
            let _ = entry.set(data, element, value);
        }
    });
    written.ok_or_else(|| {
        let detail = format!("table {}: it is full and drops no entries", request.table);
        Problem::general(Code::Impossible, detail)
    })
}

/// Removes entries.
pub(super) fn clear(context: &Context, caller: &Caller, request: v1::ClearEntries) -> Result<(), Problem> {
    caller.may(Asked::SetEntries)?;
    let (_, plan) = find(context, &request.table)?;
    let filters = filters(&plan, request.filters)?;
    let now = context.live.process.now();
    match request.key {
        None => plan.table.clear(now, |entry| filters.iter().all(|filter| filter.fits(entry))),
        Some(key) => {
            let key = read_key(&plan, &key)?;
            let fits = plan.table.look(&key, now, |entry| filters.iter().all(|filter| filter.fits(entry)));
            if fits == Some(true) {
                plan.table.remove(&key, now);
            }
        }
    }
    Ok(())
}

/// A walk through a table's entries, a part at a time.
struct Walk<F> {
    live: Arc<Live>,
    plan: TablePlan,
    next: Option<Cursor>,
    fits: F,
}

impl<F: Fn(&mut Entry) -> bool> Iterator for Walk<F> {
    type Item = v1::TableEntries;

    fn next(&mut self) -> Option<v1::TableEntries> {
        let batch = self.plan.table.walk(self.next.take()?, self.live.process.now(), &self.fits);
        self.next = batch.next;
        let entries = batch.records.into_iter().map(wire_entry).collect();
        Some(v1::TableEntries { table: None, withheld: false, entries })
    }
}

/// What a value must be.
struct Filter {
    data: DataType,
    element: u8,
    comparison: v1::Comparison,
    value: i64,
}

impl Filter {
    fn fits(&self, entry: &mut Entry) -> bool {
        let Some(found) = entry.read(self.data, self.element) else { return false };
        // A text is no number.
        self.data.form() != DataForm::Text
            && match self.comparison {
                v1::Comparison::Unspecified => false,
                v1::Comparison::Eq => found == self.value,
                v1::Comparison::Ne => found != self.value,
                v1::Comparison::Le => found <= self.value,
                v1::Comparison::Ge => found >= self.value,
                v1::Comparison::Lt => found < self.value,
                v1::Comparison::Gt => found > self.value,
            }
    }
}

fn find(context: &Context, text: &str) -> Result<(u64, TablePlan), Problem> {
    let name = Name::new(text).map_err(|_| missing(text))?;
    context.store.read(|current| {
        let plan = current.snapshot.tables.get(&name).ok_or_else(|| missing(text))?;
        Ok((current.state.revision().0, plan.clone()))
    })
}

fn missing(text: &str) -> Problem {
    Problem::general(Code::NotFound, format!("table: there is no table {text:?}"))
}

fn view(plan: &TablePlan, now: u64) -> v1::TableView {
    // What expired counts no more.
    for _ in 0..MOST_SWEEPS {
        if plan.table.sweep(now) {
            break;
        }
    }
    v1::TableView {
        name: plan.name().to_string(),
        table: Some((&plan.shape).into()),
        used: plan.table.used(),
    }
}

fn read_key(plan: &TablePlan, bytes: &[u8]) -> Result<Key, Problem> {
    Key::from_bytes(plan.shape.key, bytes).ok_or_else(|| {
        let detail = format!("key: {} bytes are no key of type {}", bytes.len(), plan.shape.key.word());
        Problem::general(Code::Malformed, detail)
    })
}

/// The key that is written so.
fn spelled(plan: &TablePlan, text: &[u8]) -> Result<Vec<u8>, Problem> {
    if matches!(plan.shape.key, TableKey::Binary(_)) {
        let detail = "key_text: keys of the table are binary, and stand in no text: key is expected";
        return Err(Problem::general(Code::Unsupported, detail));
    }
    plan.shape.key.parse(text).ok_or_else(|| {
        let text = String::from_utf8_lossy(text);
        let detail = format!("key_text: {text:?} is no key of type {}", plan.shape.key.word());
        Problem::general(Code::Malformed, detail)
    })
}

fn filters(plan: &TablePlan, filters: Vec<v1::EntryFilter>) -> Result<Vec<Filter>, Problem> {
    let read = |(at, filter): (usize, v1::EntryFilter)| {
        let field = format!("filters[{at}]");
        let (data, element) = stored(plan, &field, &filter.data, filter.element)?;
        let comparison = filter.comparison();
        if comparison == v1::Comparison::Unspecified {
            let detail = format!("{field}.comparison: nothing is set: a comparison is expected");
            return Err(Problem::general(Code::Malformed, detail));
        }
        Ok(Filter { data, element, comparison, value: filter.value })
    };
    filters.into_iter().enumerate().map(read).collect()
}

/// A kind of data that the table stores under this name, and which of its elements is meant.
fn stored(plan: &TablePlan, field: &str, data: &str, element: u32) -> Result<(DataType, u8), Problem> {
    let Some(data) = DataType::from_name(data) else {
        let detail = format!("{field}.data: {data:?} is no kind of data");
        return Err(Problem::general(Code::Malformed, detail));
    };
    let kept = u8::try_from(element).ok().filter(|element| plan.table.stores(data, *element));
    kept.map(|element| (data, element)).ok_or_else(|| match plan.table.stores(data, 0) {
        true => {
            let detail = format!("{field}.element: {data} has no element {element} there");
            Problem::general(Code::OutOfRange, detail)
        }
        false => Problem::general(Code::Unsuitable, format!("{field}.data: {data} is not stored there")),
    })
}

fn wire_entry(record: Record) -> v1::TableEntry {
    let mut texts = Vec::new();
    let values = record.values.into_iter().map(|value| match value {
        Datum::Number(number) => number,
        Datum::Rate { rate, .. } => i64::from(rate),
        Datum::Text(None) => 0,
        Datum::Text(Some(text)) => {
            texts.push(text.to_string());
            texts.len() as i64
        }
    });
    let values = values.collect();
    v1::TableEntry {
        id: record.id,
        key: record.key,
        uses: record.uses,
        expires_in_ms: record.expires_in,
        idle_ms: record.idle,
        update: record.update,
        origin: u32::from(record.origin),
        values,
        texts,
    }
}

/// Sweeps before a table is told, each of a bounded number of entries.
const MOST_SWEEPS: usize = 100_000;
