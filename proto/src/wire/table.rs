//! Stick tables.

use super::{choice, field, v1};
use crate::model::{BadTable, DataType, ServerKey, Stored, Table, TableKey};
use crate::problem::Problem;

impl From<&Table> for v1::Table {
    fn from(table: &Table) -> Self {
        v1::Table {
            key: Some(table.key.into()),
            size: table.size,
            expire_ms: table.expire.map(|span| span.get()),
            nopurge: table.nopurge,
            server_key: choice::number(Some(table.server_key).filter(|key| *key != ServerKey::Name)),
            write_to: table.write_to.as_ref().map(ToString::to_string),
            recv_only: table.recv_only,
            bytes_factor: (table.bytes_factor != 1).then_some(table.bytes_factor),
            kinds: table.store.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Table> for Table {
    type Error = Problem;

    fn try_from(table: v1::Table) -> Result<Self, Problem> {
        let key: TableKey = field::required("key", table.key)?;
        let checked = Table {
            key,
            size: table.size,
            expire: field::millis("expire_ms", table.expire_ms)?,
            nopurge: table.nopurge,
            server_key: field::choice("server_key", table.server_key)?.unwrap_or_default(),
            write_to: field::optional_name("write_to", table.write_to)?,
            recv_only: table.recv_only,
            bytes_factor: table.bytes_factor.unwrap_or(1),
            store: field::list("kinds", table.kinds)?,
        };
        checked.checked().map_err(|bad| match bad {
            BadTable::NoSize => field::out_of_range("size", bad),
            BadTable::KeyLength(_) => field::out_of_range("key.length", bad),
            BadTable::BytesFactor(_) => field::out_of_range("bytes_factor", bad),
            BadTable::NoExpiry => field::out_of_range("expire_ms", bad),
            _ => field::malformed("kinds", bad),
        })
    }
}

impl From<TableKey> for v1::TableKey {
    fn from(key: TableKey) -> Self {
        let (kind, length) = match key {
            TableKey::Ip => (v1::TableKeyType::Ip, None),
            TableKey::Ipv6 => (v1::TableKeyType::Ipv6, None),
            TableKey::Integer => (v1::TableKeyType::Integer, None),
            TableKey::String(length) => (v1::TableKeyType::String, Some(length)),
            TableKey::Binary(length) => (v1::TableKeyType::Binary, Some(length)),
        };
        v1::TableKey {
            r#type: kind.into(),
            length: length.filter(|length| *length != TableKey::USUAL_LENGTH),
        }
    }
}

impl TryFrom<v1::TableKey> for TableKey {
    type Error = Problem;

    fn try_from(key: v1::TableKey) -> Result<Self, Problem> {
        let length = key.length.unwrap_or(TableKey::USUAL_LENGTH);
        let plain = match v1::TableKeyType::try_from(key.r#type) {
            Ok(v1::TableKeyType::Ip) => TableKey::Ip,
            Ok(v1::TableKeyType::Ipv6) => TableKey::Ipv6,
            Ok(v1::TableKeyType::Integer) => TableKey::Integer,
            Ok(v1::TableKeyType::String) => return Ok(TableKey::String(length)),
            Ok(v1::TableKeyType::Binary) => return Ok(TableKey::Binary(length)),
            Ok(v1::TableKeyType::Unspecified) => {
                return Err(field::missing("type", "a value other than unspecified"));
            }
            Err(_) => {
                let text = format_args!("{} is not known here: 1 to 5 is accepted", key.r#type);
                return Err(field::malformed("type", text));
            }
        };
        match key.length {
            None => Ok(plain),
            Some(_) => {
                Err(field::malformed("length", format_args!("keys of type {} have none", plain.word())))
            }
        }
    }
}

impl From<&Stored> for v1::Stored {
    fn from(stored: &Stored) -> Self {
        v1::Stored {
            data: stored.data.name().to_owned(),
            elements: (stored.elements != 1).then_some(u32::from(stored.elements)),
            period_ms: stored.period.map(|span| span.get()),
        }
    }
}

impl TryFrom<v1::Stored> for Stored {
    type Error = Problem;

    fn try_from(stored: v1::Stored) -> Result<Self, Problem> {
        let data = DataType::from_name(&stored.data).ok_or_else(|| {
            let names = DataType::ALL.map(DataType::name).join(", ");
            field::malformed("data", format_args!("{:?} is no kind of data: {names} are", stored.data))
        })?;
        let most = u32::from(Stored::MOST_ELEMENTS);
        let elements = field::ranged("elements", stored.elements.unwrap_or(1), 1, most)?;
        Ok(Stored {
            data,
            elements: u8::try_from(elements).map_err(|error| field::out_of_range("elements", error))?,
            period: field::millis("period_ms", stored.period_ms)?,
        })
    }
}
