//! Converters that look into stick tables (configuration manual 7.3.1, `table_`).

use regate_proto::rules::tables::Told;

use crate::fetch::{Arguments, View, key_of};
use crate::live::table::Entry;
use crate::sample::Value;

/// Something of the entry whose key is the value.
pub(super) fn look<'a>(
    told: Told,
    value: Value<'a>,
    arguments: &Arguments<'_>,
    view: &View<'a>,
) -> Option<Value<'a>> {
    let (element, at) = match told {
        Told::Value(data) if data.row().array => (u8::try_from(arguments.int(0)?).ok()?, 1),
        _ => (0, 0),
    };
    let table = &view.snapshot.tables.get(arguments.name(at)?)?.table;
    let key = key_of(table, value)?;
    let tell = |entry: &mut Entry| {
        Some(match told {
            Told::Presence => Value::Bool(true),
            Told::Value(data) => Value::Int(entry.read(data, element)?),
            Told::Kilobytes(data) => Value::Int(entry.read(data, element)? >> 10),
            Told::Expire => Value::Int(i64::from(entry.expires_in())),
            Told::Idle => Value::Int(i64::from(entry.idle())),
            Told::Trackers => Value::Int(i64::from(entry.uses())),
        })
    };
    match (table.look(&key, view.now, tell), told) {
        (Some(value), _) => value,
        (None, Told::Presence) => Some(Value::Bool(false)),
        (None, Told::Expire | Told::Idle) => arguments.int(at + 1).map(Value::Int),
        (None, _) => Some(Value::Int(0)),
    }
}
