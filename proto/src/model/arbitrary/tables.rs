//! Stick tables.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

use super::super::{DataForm, DataType, Millis, ServerKey, Stored, Table, TableKey};

/// A table that writes to no other.
pub fn table() -> BoxedStrategy<Table> {
    let length = || prop_oneof![Just(TableKey::USUAL_LENGTH), 1..=TableKey::LONGEST];
    let key = prop_oneof![
        4 => select(vec![TableKey::Ip, TableKey::Ipv6, TableKey::Integer]),
        1 => length().prop_map(TableKey::String),
        1 => length().prop_map(TableKey::Binary),
    ];
    let size = prop_oneof![Just(1_u32 << 20), Just(100 << 10), 1..=u32::MAX];
    let span = || prop_oneof![Just(10_000_u64), Just(900_000), 1..=2_147_483_647_u64];
    let span = move || span().prop_filter_map("a span", |millis| Millis::new(millis).ok());
    let server_key = select(vec![ServerKey::Name, ServerKey::Addr]);
    let flags = (any::<bool>(), any::<bool>());
    let factor = prop_oneof![3 => Just(1_u32), 1 => 1..=Table::MOST_BYTES_FACTOR];
    let most = DataType::ALL.len();
    let kinds = subsequence(DataType::ALL.to_vec(), 0..=most);
    (key, size, of(span()), server_key, flags, factor, kinds, 1..=Stored::MOST_ELEMENTS, span())
        .prop_filter_map(
            "a table",
            |(key, size, expire, server_key, (nopurge, recv_only), bytes_factor, kinds, elements, period)| {
                let arrays = kinds.contains(&DataType::Gpc);
                let single =
                    [DataType::Gpt0, DataType::Gpc0, DataType::Gpc1, DataType::Gpc0Rate, DataType::Gpc1Rate];
                let array = [DataType::Gpt, DataType::Gpc, DataType::GpcRate];
                let store = kinds
                    .into_iter()
                    .filter(|data| !(if arrays { &single[..] } else { &array[..] }).contains(data))
                    .map(|data| Stored {
                        data,
                        elements: if data.row().array { elements } else { 1 },
                        period: (data.form() == DataForm::Rate).then_some(period),
                    })
                    .collect();
                let table = Table {
                    expire,
                    nopurge,
                    server_key,
                    recv_only,
                    bytes_factor,
                    store,
                    ..Table::new(key, size)
                };
                table.checked().ok()
            },
        )
        .boxed()
}
