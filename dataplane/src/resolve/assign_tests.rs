#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test fails by panicking")]

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn chosen(candidates: &[&str], wish: &Wish<'_>, taken: &[&str]) -> Option<String> {
    let taken: Vec<IpAddr> = taken.iter().map(|text| ip(text)).collect();
    choose(candidates.iter().map(|text| ip(text)), wish, |ip| taken.contains(&ip)).map(|ip| ip.to_string())
}

#[test]
fn family_goes_before_network_before_novelty_before_what_was() {
    let networks = [(ip("10.0.0.0"), 8), (ip("2001:db8::"), 32)];
    let wish = Wish { family: AddressFamily::V4, networks: &networks, may_share: false, current: None };
    assert_eq!(chosen(&["2001:db8::1", "192.0.2.1"], &wish, &[]).as_deref(), Some("192.0.2.1"));
    assert_eq!(chosen(&["192.0.2.1", "10.9.8.7"], &wish, &[]).as_deref(), Some("10.9.8.7"));
    assert_eq!(chosen(&["10.0.0.1", "10.0.0.2"], &wish, &[]).as_deref(), Some("10.0.0.1"));
    assert_eq!(chosen(&["10.0.0.1", "10.0.0.2"], &wish, &["10.0.0.1"]).as_deref(), Some("10.0.0.2"));
    assert_eq!(chosen(&["10.0.0.1"], &wish, &["10.0.0.1"]), None);
    let keep = Wish { current: Some(ip("10.0.0.2")), ..wish };
    assert_eq!(chosen(&["10.0.0.1", "10.0.0.2"], &keep, &[]).as_deref(), Some("10.0.0.2"));
    let shared = Wish { may_share: true, ..keep };
    assert_eq!(chosen(&["10.0.0.1", "10.0.0.2"], &shared, &["10.0.0.2"]).as_deref(), Some("10.0.0.1"));
    assert_eq!(chosen(&["10.0.0.2"], &shared, &["10.0.0.2"]).as_deref(), Some("10.0.0.2"));
    let sixth = Wish { family: AddressFamily::V6, ..wish };
    assert_eq!(chosen(&["10.0.0.1", "::1", "2001:db8::1"], &sixth, &[]).as_deref(), Some("2001:db8::1"));
    let all = [(ip("0.0.0.0"), 0)];
    assert!(contains(all[0], ip("255.1.2.3")) && !contains(all[0], ip("::1")));
}

#[test]
fn weights_of_records_become_those_of_servers() {
    let pairs = [(0, 0), (1, 1), (256, 1), (257, 2), (1000, 4), (65535, 256)];
    for (record, server) in pairs {
        assert_eq!(weight(record), server);
    }
}

fn record(number: u16) -> ServiceRecord {
    ServiceRecord { target: format!("n{}", number % 3), port: number }
}

fn server(number: u16) -> Name {
    Name::new(&format!("s{number}")).unwrap()
}

#[test]
fn servers_wait_in_line_for_records() {
    let mut slots = Slots::default();
    (1..=3).for_each(|number| slots.join(server(number), None));
    slots.join(server(4), Some(record(9)));
    let lost = slots.settle([record(7), record(5)].iter());
    assert_eq!(lost, [server(4)]);
    let given: Vec<(u16, Name)> = slots.given().map(|(record, name)| (record.port, name.clone())).collect();
    assert_eq!(given, [(7, server(1)), (5, server(2))]);
    assert_eq!(slots.settle([record(5), record(6), record(8)].iter()), [server(1)]);
    let given: BTreeMap<u16, Name> =
        slots.given().map(|(record, name)| (record.port, name.clone())).collect();
    assert_eq!(given, BTreeMap::from([(5, server(2)), (6, server(3)), (8, server(4))]));
}

#[test]
fn a_record_that_comes_back_gets_its_server_back() {
    let mut slots = Slots::default();
    (1..=3).for_each(|number| slots.join(server(number), None));
    slots.settle([record(5), record(6), record(7)].iter());
    let before: Vec<(ServiceRecord, Name)> =
        slots.given().map(|(record, name)| (record.clone(), name.clone())).collect();
    assert_eq!(slots.settle([].iter()).len(), 3);
    slots.settle([record(7), record(6), record(5)].iter());
    let after: Vec<(ServiceRecord, Name)> =
        slots.given().map(|(record, name)| (record.clone(), name.clone())).collect();
    assert_eq!(after, before);
}

#[derive(Clone, Debug)]
enum Event {
    Join(u16, Option<u16>),
    Leave(u16),
    Settle(Vec<u16>),
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        (0..6_u16, proptest::option::of(0..8_u16)).prop_map(|(server, record)| Event::Join(server, record)),
        (0..6_u16).prop_map(Event::Leave),
        proptest::collection::btree_set(0..8_u16, 0..6)
            .prop_map(|set| Event::Settle(set.into_iter().collect())),
    ]
}

proptest! {
    /// Every server is in one place, a record that stays keeps its server, and no record waits while a server is free.
    #[test]
    fn records_keep_their_servers(events in proptest::collection::vec(event(), 1..60)) {
        let mut slots = Slots::default();
        let mut members: BTreeSet<Name> = BTreeSet::new();
        for event in events {
            let before: BTreeMap<ServiceRecord, Name> =
                slots.given().map(|(record, server)| (record.clone(), server.clone())).collect();
            match event {
                Event::Join(number, had) => {
                    members.insert(server(number));
                    slots.join(server(number), had.map(record));
                }
                Event::Leave(number) => {
                    members.remove(&server(number));
                    slots.leave(&server(number));
                }
                Event::Settle(numbers) => {
                    let records: Vec<ServiceRecord> = numbers.iter().map(|number| record(*number)).collect();
                    let lost = slots.settle(records.iter());
                    let after: BTreeMap<&ServiceRecord, &Name> = slots.given().collect();
                    for (record, server) in &before {
                        if records.contains(record) {
                            prop_assert_eq!(after.get(record), Some(&server));
                        }
                    }
                    prop_assert!(after.keys().all(|record| records.contains(record)));
                    prop_assert_eq!(after.len(), records.len().min(members.len()));
                    for server in &lost {
                        prop_assert!(before.values().any(|other| other == server));
                        prop_assert!(!after.values().any(|other| *other == server));
                    }
                }
            }
            let mut found: Vec<Name> = slots.free.iter().map(|(name, _)| name).chain(slots.given.values()).cloned().collect();
            found.sort();
            prop_assert_eq!(found, members.iter().cloned().collect::<Vec<Name>>());
            prop_assert_eq!(slots.is_empty(), members.is_empty());
        }
    }
}
