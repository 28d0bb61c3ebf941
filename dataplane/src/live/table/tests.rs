#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use proptest::prelude::*;
use regate_proto::model::Millis;

use super::*;

fn name() -> Name {
    Name::new("t").unwrap()
}

fn shape(key: TableKey, size: u32, expire: u64) -> Shape {
    let rate = Stored { period: Some(Millis::new(10_000).unwrap()), ..Stored::plain(DataType::HttpReqRate) };
    let store = vec![Stored::plain(DataType::Gpt0), rate, Stored::plain(DataType::BytesInCnt)];
    let expire = Some(Millis::new(expire).unwrap()).filter(|span| span.get() > 0);
    Shape { expire, store, ..Shape::new(key, size) }.checked().unwrap()
}

fn table(size: u32, expire: u64) -> Arc<Table> {
    Arc::new(Table::new(name(), &shape(TableKey::Ip, size, expire)))
}

fn key(number: u32) -> Key {
    Key::of_ip(TableKey::Ip, IpAddr::V4(Ipv4Addr::from(number))).unwrap()
}

fn keys_of(table: &Table, now: u64) -> Vec<u32> {
    let mut found = Vec::new();
    let mut next = Some(Cursor::default());
    while let Some(cursor) = next {
        let batch = table.walk(cursor, now, |_| true);
        found.extend(batch.records.iter().map(|r| u32::from_be_bytes(r.key.clone().try_into().unwrap())));
        next = batch.next;
    }
    found.sort_unstable();
    found
}

#[test]
fn values_are_kept_by_key_and_kind() {
    let table = table(10, 0);
    let held = table.hold(&key(1), 5).unwrap();
    assert_eq!(held.add(DataType::HttpReqRate, 0, 1, 5), Some(1));
    assert_eq!(held.add(DataType::HttpReqRate, 0, 1, 6), Some(2));
    assert_eq!(held.add(DataType::BytesInCnt, 0, 5_000_000_000, 6), Some(5_000_000_000));
    assert_eq!(held.add(DataType::Gpc0, 0, 1, 6), None);
    table.touch(&key(2), 7, |entry| entry.set(DataType::Gpt0, 0, -1)).unwrap().unwrap();
    assert_eq!(table.look(&key(2), 8, |entry| entry.read(DataType::Gpt0, 0)), Some(Some(4_294_967_295)));
    assert_eq!(table.look(&key(1), 8, |entry| entry.read(DataType::HttpReqRate, 0)), Some(Some(2)));
    assert_eq!(table.look(&key(3), 8, |_| ()), None);
    assert_eq!(table.used(), 2);
}

#[test]
fn an_entry_expires_when_nobody_touched_it_and_not_while_it_is_held() {
    let table = table(10, 100);
    table.touch(&key(1), 1000, |_| ()).unwrap();
    let held = table.hold(&key(2), 1000).unwrap();
    assert!(table.look(&key(1), 1099, |entry| assert_eq!(entry.expires_in(), 1)).is_some());
    assert!(table.look(&key(1), 1100, |_| ()).is_none());
    assert!(table.look(&key(2), 9999, |entry| assert_eq!(entry.uses(), 1)).is_some());
    drop(held);
    assert!(table.look(&key(2), 9999, |_| ()).is_none());
    assert_eq!(table.used(), 0);
}

#[test]
fn a_sweep_drops_what_expired_a_bounded_number_at_a_time() {
    let table = table(100_000, 100);
    for number in 0..50_000 {
        table.touch(&key(number), 1000, |_| ()).unwrap();
    }
    table.touch(&key(7), 1090, |_| ()).unwrap();
    let mut sweeps = 0;
    while !table.sweep(1150) {
        sweeps += 1;
        assert!(sweeps < 1000);
    }
    assert!(sweeps > 50, "{sweeps}");
    assert_eq!(keys_of(&table, 1150), [7]);
    assert_eq!(table.used(), 1);
    // Its turn comes although it kept its place in the order while it was touched.
    while !table.sweep(1300) {}
    assert_eq!(table.used(), 0);
}

#[test]
fn the_oldest_gives_way_unless_it_is_held_or_the_table_refuses() {
    let full = table(3, 0);
    for (at, number) in (1_u64..).zip([1, 2, 3, 1, 4]) {
        full.touch(&key(number), at, |_| ()).unwrap();
    }
    assert_eq!(keys_of(&full, 9), [1, 3, 4]);
    let held = full.hold(&key(3), 10).unwrap();
    for number in 5..9 {
        full.touch(&key(number), 11, |_| ()).unwrap();
    }
    assert!(keys_of(&full, 12).contains(&3));
    assert_eq!(full.used(), 3);
    drop(held);
    let refusing = Shape { nopurge: true, ..shape(TableKey::Ip, 2, 50) };
    let refusing = Table::new(name(), &refusing);
    assert!(refusing.touch(&key(1), 1, |_| ()).is_some());
    assert!(refusing.touch(&key(2), 20, |_| ()).is_some());
    assert!(refusing.touch(&key(3), 30, |_| ()).is_none());
    assert!(refusing.touch(&key(1), 30, |_| ()).is_some());
    assert!(refusing.touch(&key(3), 75, |_| ()).is_some(), "what expired makes room");
}

#[test]
fn a_large_table_stays_within_its_size() {
    let table = table(20_000, 0);
    for number in 0..60_000 {
        table.touch(&key(number), u64::from(number), |_| ()).unwrap();
    }
    assert_eq!(table.used(), 20_000);
    let kept = keys_of(&table, 60_000);
    assert_eq!(kept.len(), 20_000);
    let recent = kept.iter().filter(|number| **number >= 30_000).count();
    assert!(recent > 18_000, "{recent} of the last 30000");
}

#[test]
fn a_smaller_size_takes_effect_with_the_next_entries() {
    let table = table(100, 0);
    for number in 0..100 {
        table.touch(&key(number), 1, |_| ()).unwrap();
    }
    table.follow(&shape(TableKey::Ip, 10, 0));
    for number in 100..200 {
        table.touch(&key(number), 2, |_| ()).unwrap();
    }
    assert!(table.used() <= 100);
}

#[test]
fn texts_and_bytes_are_cut_and_filled() {
    let text = |kind, text: &str| Key::of_bytes(kind, text.as_bytes()).unwrap();
    let kind = TableKey::String(5);
    assert_eq!(text(kind, "abcdefgh"), text(kind, "abcde"));
    assert_ne!(text(kind, "abcd"), text(kind, "abcde"));
    assert_eq!(text(TableKey::Binary(6), "ab"), text(TableKey::Binary(6), "ab\0\0\0\0"));
    assert_eq!(text(TableKey::Binary(2), "abc"), text(TableKey::Binary(2), "ab"));
    let table = Table::new(name(), &shape(kind, 10, 0));
    for word in ["", "a", "ab", "abcd", "abcde"] {
        table.touch(&text(kind, word), 1, |_| ()).unwrap();
    }
    let mut shown: Vec<Vec<u8>> =
        table.walk(Cursor::default(), 1, |_| true).records.into_iter().map(|record| record.key).collect();
    shown.sort();
    assert_eq!(shown, [&b""[..], b"a", b"ab", b"abcd", b"abcde"]);
}

#[test]
fn entries_survive_in_records_and_fit_into_another_shape() {
    let table = table(10, 1000);
    let held = table.hold(&key(1), 5000).unwrap();
    held.add(DataType::HttpReqRate, 0, 9, 5000);
    held.add(DataType::Gpt0, 0, 3, 5000);
    table.touch(&key(2), 4100, |_| ()).unwrap();
    let batch = table.walk(Cursor::default(), 5050, |_| true);
    // The clock of another process, 50 ms later; an entry of a shape without the rate.
    let mut other = shape(TableKey::Ip, 10, 1000);
    other.store.retain(|stored| stored.data != DataType::HttpReqRate);
    other.store.push(Stored::plain(DataType::ConnCnt));
    for (shape, rate) in [(shape(TableKey::Ip, 10, 1000), Some(9)), (other.checked().unwrap(), None)] {
        let copy = Table::new(name(), &shape);
        let restored = batch.records.iter().map(|record| {
            let aged = Record { idle: record.idle + 50, ..record.clone() };
            copy.restore(&aged, &table.kinds(), 77)
        });
        assert_eq!(restored.filter(|kept| *kept).count(), 1);
        let seen = copy.look(&key(1), 77, |entry| {
            let rate = entry.read(DataType::HttpReqRate, 0);
            (entry.read(DataType::Gpt0, 0), rate, entry.idle(), entry.uses())
        });
        assert_eq!(seen, Some((Some(3), rate, 100, 0)));
    }
}

#[test]
fn arrays_stand_for_kinds_without_an_index() {
    let stored = |data, elements| Stored { elements, ..Stored::plain(data) };
    let shape = Shape {
        store: vec![stored(DataType::Gpt, 2), stored(DataType::Gpc, 3)],
        ..Shape::new(TableKey::Integer, 4)
    };
    let table = Arc::new(Table::new(name(), &shape.checked().unwrap()));
    let held = table.hold(&Key::of_integer(1), 1).unwrap();
    held.add(DataType::Gpc1, 0, 5, 1);
    assert_eq!(held.read(DataType::Gpc, 1, 1), Some(5));
    assert_eq!(held.read(DataType::Gpc, 3, 1), None);
    assert_eq!(held.add(DataType::Gpt0, 0, 1, 1), Some(1));
    assert!(!table.stores(DataType::Gpc1, 0) && table.keeps(DataType::Gpc1, 0));
}

#[test]
fn a_clock_that_is_a_little_behind_loses_nothing() {
    let table = table(10, 100);
    for now in [1000, 1001, 999, 1002, 950] {
        table.touch(&key(1), now, |entry| entry.add(DataType::Gpt0, 0, 1)).unwrap();
        table.touch(&key(1), now, |entry| entry.add(DataType::HttpReqRate, 0, 1)).unwrap();
        while !table.sweep(now) {}
    }
    let seen = table
        .look(&key(1), 999, |entry| (entry.read(DataType::Gpt0, 0), entry.read(DataType::HttpReqRate, 0)));
    assert_eq!(seen, Some((Some(5), Some(5))));
}

#[test]
fn workers_that_count_at_once_lose_nothing() {
    let table = table(1000, 0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for round in 0..5_000_u32 {
                    let held = table.hold(&key(round % 50), 1).unwrap();
                    held.add(DataType::Gpt0, 0, 1, 1);
                }
            });
        }
    });
    let sums: i64 = (0..50)
        .map(|at| table.look(&key(at), 1, |entry| entry.read(DataType::Gpt0, 0)).unwrap().unwrap())
        .sum();
    assert_eq!(sums, 20_000);
    assert!((0..50).all(|at| table.look(&key(at), 1, |entry| entry.uses()) == Some(0)));
}

#[derive(Clone, Debug)]
enum Step {
    Touch(u32),
    Add(u32, u32),
    Remove(u32),
    Hold(u32),
    Release,
    Sweep,
    Wait(u32),
}

fn step() -> impl Strategy<Value = Step> {
    let key = || 0..40_u32;
    prop_oneof![
        4 => key().prop_map(Step::Touch),
        4 => (key(), 1..5_u32).prop_map(|(key, amount)| Step::Add(key, amount)),
        2 => key().prop_map(Step::Remove),
        1 => key().prop_map(Step::Hold),
        1 => Just(Step::Release),
        1 => Just(Step::Sweep),
        3 => (0..60_u32).prop_map(Step::Wait),
    ]
}

proptest! {
    /// A table does what a plain map with times does.
    #[test]
    fn a_table_is_a_map_whose_entries_expire(steps in prop::collection::vec(step(), 1..300), start: u32) {
        let table = table(1000, 100);
        let mut known: BTreeMap<u32, (u64, u32)> = BTreeMap::new();
        let mut held: Vec<(u32, Held)> = Vec::new();
        let mut now = u64::from(start);
        for step in steps {
            let holds = |held: &[(u32, Held)], key: u32| held.iter().any(|(other, _)| *other == key);
            known.retain(|key, (touched, _)| now - *touched < 100 || holds(&held, *key));
            match step {
                Step::Touch(at) => {
                    table.touch(&key(at), now, |_| ()).unwrap();
                    known.entry(at).or_default().0 = now;
                }
                Step::Add(at, amount) => {
                    table.touch(&key(at), now, |entry| entry.add(DataType::Gpt0, 0, u64::from(amount))).unwrap();
                    let entry = known.entry(at).or_default();
                    *entry = (now, entry.1 + amount);
                }
                Step::Remove(at) => {
                    let gone = table.remove(&key(at), now);
                    prop_assert_eq!(gone, !holds(&held, at));
                    if gone {
                        known.remove(&at);
                    }
                }
                Step::Hold(at) => {
                    held.push((at, table.hold(&key(at), now).unwrap()));
                    known.entry(at).or_default().0 = now;
                }
                Step::Release => {
                    held.pop();
                }
                Step::Sweep => while !table.sweep(now) {},
                Step::Wait(span) => now += u64::from(span),
            }
            known.retain(|key, (touched, _)| now - *touched < 100 || holds(&held, *key));
            prop_assert_eq!(keys_of(&table, now), known.keys().copied().collect::<Vec<_>>());
            for (at, (touched, count)) in &known {
                let seen = table.look(&key(*at), now, |entry| (entry.idle(), entry.read(DataType::Gpt0, 0)));
                prop_assert_eq!(seen, Some(((now - touched) as u32, Some(i64::from(*count)))));
            }
        }
    }
}
