//! Fetches of stick tables (configuration manual 7.3.3, `sc_` and `src_`).

use std::mem::discriminant;
use std::sync::Arc;

use regate_proto::model::{DataType, TableKey};
use regate_proto::rules::tables::{Fact, Found};

use super::{Arguments, View};
use crate::live::Table;
use crate::live::table::{Entry, Key};
use crate::sample::Value;
use crate::snapshot::SamplePlan;

/// Something of an entry.
pub(super) fn entry<'a>(found: Found, fact: Fact, plan: &SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    let arguments = &Arguments(&plan.arguments);
    let (element, next) = match fact.is_of_array() {
        true => (u8::try_from(arguments.int(0)?).ok()?, 1),
        false => (0, 0),
    };
    match found {
        Found::Source => {
            let table = table(plan, next, view)?;
            let key = Key::of_ip(table.key(), view.source?.ip())?;
            of_key(table, &key, fact, element, view)
        }
        Found::Tracked(Some(number)) => tracked(number, plan, next, fact, element, view),
        Found::Tracked(None) => {
            let number = u8::try_from(arguments.int(next)?).ok()?;
            tracked(number, plan, next + 1, fact, element, view)
        }
    }
}

/// How many entries a table has.
pub(super) fn used<'a>(plan: &SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    table(plan, 0, view).map(|table| Value::Int(i64::from(table.used())))
}

/// How many more entries a table takes.
pub(super) fn room<'a>(plan: &SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    let table = table(plan, 0, view)?;
    Some(Value::Int(i64::from(table.size().saturating_sub(table.used()))))
}

/// The key of a table's entry that a value stands for; `None` where it has none of the table's type.
pub(crate) fn key_of(table: &Table, value: Value<'_>) -> Option<Key> {
    let kind = table.key();
    match kind {
        TableKey::Ip | TableKey::Ipv6 => Key::of_ip(kind, value.as_ip()?),
        TableKey::Integer => Some(Key::of_integer(value.as_int()? as u32)),
        TableKey::String(_) => Key::of_bytes(kind, &value.into_text()),
        TableKey::Binary(_) => match value.cast(regate_proto::rules::Kind::Bin)? {
            Value::Bin(bytes) => Key::of_bytes(kind, &bytes),
            _ => None,
        },
    }
}

/// Counts a counter for any use up, with its rate; gives the counter, or the rate where there is no counter.
pub(crate) fn increment(entry: &mut Entry, data: DataType, element: u8, amount: u64) -> i64 {
    let rate = match data {
        DataType::Gpc0 => DataType::Gpc0Rate,
        DataType::Gpc1 => DataType::Gpc1Rate,
        _ => DataType::GpcRate,
    };
    let rate = entry.add_and_read(rate, element, amount);
    let count = entry.add_and_read(data, element, amount);
    entry.touch();
    count.or(rate).unwrap_or(0)
}

/// The table that an argument names; without a name, the one of the proxy at hand.
fn table<'a>(plan: &SamplePlan, at: usize, view: &View<'a>) -> Option<&'a Arc<Table>> {
    let tables = &view.snapshot.tables;
    let found = match Arguments(&plan.arguments).name(at) {
        Some(name) => tables.at(&plan.table, name),
        None => view
            .frontend
            .and_then(|frontend| tables.get(&frontend.name))
            .or_else(|| view.backend.and_then(|backend| tables.get(&backend.name))),
    };
    found.map(|found| &found.table)
}

fn tracked<'a>(
    number: u8,
    plan: &SamplePlan,
    at: usize,
    fact: Fact,
    element: u8,
    view: &View<'a>,
) -> Option<Value<'a>> {
    let now = view.now;
    let told = view.variables.trackers.with(number, |held| {
        let other = match Arguments(&plan.arguments).name(at) {
            None => None,
            Some(name) => Some(&view.snapshot.tables.at(&plan.table, name)?.table),
        };
        match other.filter(|other| !Arc::ptr_eq(other, held.table())) {
            None => held.with(now, |entry| tell(entry, fact, element)),
            // A key of another type is none there.
            Some(other) if discriminant(&other.key()) != discriminant(&held.table().key()) => {
                Some(if fact == Fact::Tracked { Value::Bool(false) } else { Value::Int(0) })
            }
            Some(other) => {
                let bytes = held.with(now, |entry| entry.key());
                of_key(other, &Key::from_bytes(other.key(), &bytes)?, fact, element, view)
            }
        }
    });
    match (told, fact) {
        (Some(value), _) => value,
        (None, Fact::Tracked) => Some(Value::Bool(false)),
        (None, _) => None,
    }
}

fn of_key<'a>(table: &Table, key: &Key, fact: Fact, element: u8, view: &View<'a>) -> Option<Value<'a>> {
    let now = view.now;
    match fact {
        Fact::Increment(_) | Fact::CountConnection => {
            table.touch(key, now, |entry| tell(entry, fact, element)).flatten()
        }
        _ => match table.look(key, now, |entry| tell(entry, fact, element)) {
            Some(value) => value,
            None if fact == Fact::Tracked => Some(Value::Bool(false)),
            None => Some(Value::Int(0)),
        },
    }
}

/// What is told of an entry; nothing where the table keeps no such.
fn tell<'a>(entry: &mut Entry, fact: Fact, element: u8) -> Option<Value<'a>> {
    Some(match fact {
        Fact::Tracked => Value::Bool(true),
        Fact::Trackers => Value::Int(i64::from(entry.uses())),
        Fact::Value(data) => Value::Int(entry.read(data, element)?),
        Fact::Kilobytes(data) => Value::Int(entry.read(data, element)? >> 10),
        Fact::Increment(data) => Value::Int(increment(entry, data, element, 1)),
        Fact::Clear(data) => {
            let before = entry.read(data, element)?;
            entry.set(data, element, 0)?;
            entry.touch();
            Value::Int(before)
        }
        Fact::CountConnection => Value::Int(entry.add_and_read(DataType::ConnCnt, 0, 1)?),
    })
}
