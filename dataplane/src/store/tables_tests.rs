#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use regate_proto::model::{Millis, Stored, Table as Shape, TableKey};

use super::*;
use crate::live::table::Key;

fn shape() -> Shape {
    let rate = Stored { period: Some(Millis::new(10_000).unwrap()), ..Stored::plain(DataType::GlitchRate) };
    let store = vec![
        Stored::plain(DataType::ServerId),
        Stored::plain(DataType::BytesInCnt),
        Stored::plain(DataType::ServerKey),
        rate,
    ];
    Shape { store, expire: Millis::new(60_000).ok(), ..Shape::new(TableKey::String(32), 100) }
        .checked()
        .unwrap()
}

fn filled() -> Arc<Table> {
    let table = Arc::new(Table::new(Name::new("t").unwrap(), &shape()));
    for number in 0..40_i64 {
        let key = Key::of_bytes(TableKey::String(32), format!("key {number}").as_bytes()).unwrap();
        table.touch(&key, 1000 + number as u64, |entry| {
            entry.set(DataType::ServerId, 0, -number).unwrap();
            entry.add(DataType::BytesInCnt, 0, 7_000_000_000 + number as u64).unwrap();
            entry.add(DataType::GlitchRate, 0, number as u64).unwrap();
            entry.set_text(DataType::ServerKey, if number == 0 { "" } else { "s1" });
        });
    }
    table
}

fn written(table: &Arc<Table>) -> Vec<u8> {
    let mut out = Summed::new(Vec::new());
    write(&mut out, std::slice::from_ref(table), || 2000, 1_000_000).unwrap();
    out.inner
}

fn records(table: &Table, now: u64) -> Vec<Record> {
    let mut records = Vec::new();
    let mut next = Some(Cursor::default());
    while let Some(cursor) = next {
        let batch = table.walk(cursor, now, |_| true);
        records.extend(batch.records.into_iter().map(|record| Record { update: 0, id: 0, ..record }));
        next = batch.next;
    }
    records.sort_by(|left, right| left.key.cmp(&right.key));
    records
}

#[test]
fn entries_come_back_as_old_as_they_are() {
    let table = filled();
    let bytes = written(&table);
    let mut kept = read(&mut Summed::new(&bytes[..]), 1_000_250).unwrap();
    let kept = kept.remove(&table.name).unwrap();
    assert_eq!(kept.age, 250);
    let live = Live::new(1);
    live.tables.keep(HashMap::from([(table.name.clone(), Kept { read: Instant::now(), ..kept })]));
    let copy = Arc::new(Table::new(table.name.clone(), &shape()));
    // The clock of the process after.
    live.tables.settle(&copy, 77_000);
    let (before, after) = (records(&table, 2250), records(&copy, 77_000));
    assert_eq!(before.len(), after.len());
    for (before, after) in before.iter().zip(&after) {
        // The time that the test itself takes.
        assert!(after.idle >= before.idle, "{before:?} {after:?}");
        assert_eq!(before.key, after.key);
        assert_eq!(before.values[..3], after.values[..3]);
    }
}

#[test]
fn what_was_not_written_is_not_read() {
    let bytes = written(&filled());
    for end in 0..bytes.len() {
        assert!(read(&mut Summed::new(&bytes[..end]), 0).is_err(), "{end}");
    }
    for at in 0..bytes.len() {
        let mut bytes = bytes.clone();
        bytes[at] ^= 4;
        assert!(read(&mut Summed::new(&bytes[..]), 0).is_err(), "{at}");
    }
}
