#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::HashMap;
use std::fmt::Write;

use regate_proto::change::Revision;
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::model::{Name, Subject};
use regate_proto::state::{State, Touched};

use super::hash::avalanche;
use super::map::fill;
use super::*;
use crate::live::{Live, ServerLive};
use crate::snapshot::{self, BackendPlan, Snapshot};

/// A backend as traffic sees it, and what is observed of it.
struct Farm {
    settings: String,
    live: Live,
    snapshot: Snapshot,
}

impl Farm {
    /// A backend with these settings, and a server `s1`, `s2`… for each of these parameters.
    fn new(settings: &str, servers: &[&str]) -> Farm {
        let mut farm = Farm { settings: String::new(), live: Live::new(1), snapshot: Snapshot::default() };
        farm.change(settings, servers);
        farm
    }

    fn weighing(settings: &str, weights: &[u32]) -> Farm {
        let servers: Vec<String> = weights.iter().map(|weight| format!("weight {weight}")).collect();
        Farm::new(settings, &servers.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// Makes it a backend with other settings and servers; an empty parameter leaves that server out.
    fn change(&mut self, settings: &str, servers: &[&str]) {
        let mut text = format!("backend b\n mode http\n {settings}\n");
        for (number, parameters) in (1..).zip(servers).filter(|(_, parameters)| !parameters.is_empty()) {
            writeln!(text, " server s{number} 192.0.2.1:80 id {number} {parameters}").unwrap();
        }
        let source = SourceFile::from_bytes("farm.cfg", text.into_bytes()).unwrap();
        let loaded = config::read(
            &[source],
            &Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into())),
        )
        .unwrap();
        let state = State::restore(Revision(1), loaded.rows, Vec::new()).unwrap();
        let gone = self.snapshot.backends.values().flat_map(|plan| {
            let at = |server: &Name| regate_proto::model::ServerRef {
                backend: plan.name.clone(),
                server: server.clone(),
            };
            plan.servers.iter().map(move |server| Subject::Server(at(&server.name)))
        });
        // Of a backend that stays as it is, servers alone are touched.
        let same = std::mem::replace(&mut self.settings, settings.to_owned()) == settings;
        let there = state.effective().map(|row| row.subject());
        let there = there.filter(|subject| !same || matches!(subject, Subject::Server(_)));
        let touched: Touched = there.chain(gone).collect();
        let next = snapshot::compile(&state, &self.snapshot, &touched, &self.live).unwrap();
        snapshot::foresee_transition(&self.snapshot, &next, &self.live);
        snapshot::note_transition(&self.snapshot, &next, &self.live);
        self.live.forget_absent(&state);
        self.snapshot = next;
        let plan = self.plan();
        let listed = state.servers(&plan.name);
        assert!(plan.servers.iter().map(|server| &server.name).eq(listed.iter().map(|row| &row.at.server)));
        for (number, parameters) in (1..).zip(servers) {
            let name = Name::new(&format!("s{number}")).unwrap();
            let found = plan.server(&name);
            assert_eq!(found.map(|server| &server.name), Some(&name).filter(|_| !parameters.is_empty()));
            let found_by_seat = found.is_none_or(|server| plan.server_of(&server.live).is_some());
            assert!(found_by_seat, "{name}");
        }
    }

    fn weigh(&mut self, settings: &str, weights: &[u32]) {
        let servers: Vec<String> = weights.iter().map(|weight| format!("weight {weight}")).collect();
        self.change(settings, &servers.iter().map(String::as_str).collect::<Vec<_>>());
    }

    fn plan(&self) -> &BackendPlan {
        self.snapshot.backends.values().next().unwrap()
    }

    /// The number of the server that is chosen.
    fn pick_by(&self, hash: Option<u32>) -> Option<u32> {
        let room = |server: &ServerPlan| server.maxconn == 0 || server.live.sessions.now() < server.maxconn;
        self.plan().pick(Key(hash), room).map(|server| server.id)
    }

    fn pick(&self) -> Option<u32> {
        self.pick_by(None)
    }

    fn server(&self, number: u32) -> &ServerPlan {
        self.plan().servers.iter().find(|server| server.id == number).unwrap()
    }

    fn occupy(&self, number: u32) -> Slot<'_> {
        let server = self.server(number);
        assert!(server.live.occupy(&self.plan().live, server.maxconn));
        Slot { server: &server.live, backend: &self.plan().live }
    }

    /// Choices one after the other, each over before the next, as letters.
    fn letters(&self, count: usize) -> String {
        let choices = (0..count).map(|_| {
            let chosen = self.pick();
            drop(chosen.map(|number| self.occupy(number)));
            letter(chosen)
        });
        choices.collect()
    }

    fn counts(&self, picks: impl Iterator<Item = Option<u32>>) -> HashMap<u32, usize> {
        let mut counts = HashMap::new();
        for hash in picks {
            *counts.entry(self.pick_by(hash).unwrap()).or_insert(0) += 1;
        }
        counts
    }
}

fn letter(number: Option<u32>) -> char {
    number.map_or('-', |number| char::from(b'a' + (number - 1) as u8))
}

/// A place on a server, given back when it is dropped.
struct Slot<'a> {
    server: &'a Arc<ServerLive>,
    backend: &'a BackendLive,
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.server.vacate(self.backend);
    }
}

/// Numbers that look random and are the same in every run (SplitMix64).
struct Seeded(u64);

impl Seeded {
    fn below(&mut self, limit: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) as usize % limit
    }
}

const ALGORITHMS: [&str; 9] = [
    "balance roundrobin",
    "balance static-rr",
    "balance leastconn",
    "balance first",
    "balance random",
    "balance sticky",
    "balance uri\n hash-type map-based",
    "balance uri\n hash-type consistent",
    "balance source\n hash-type consistent\n hash-balance-factor 150",
];

/// What HAProxy 2.6 was seen to choose.
#[test]
fn turns_come_in_haproxys_order() {
    let rows: [(&[u32], &str); 7] = [
        (&[1, 1, 1], "abcabcabc"),
        (&[1, 2, 3], "cbcacbcbcacbcbcacbcbcacbcbcacb"),
        (&[3, 2, 1], "abacababacababacababacababacab"),
        (&[5, 1, 1], "aaabaacaaabaacaaabaacaaabaacaa"),
        (&[1, 10], "bbbbbbbbbbabbbbbbbbbbabbbbbbbb"),
        (&[2, 3, 5, 7], "dcdbcdadcbdcddbcadcdbcdadcbdcddbcadcdbcda"),
        (&[100, 50, 25, 1], "aabacabaabacabaabacabaabacabaabacabaabacabadabacabaabacabaab"),
    ];
    for (weights, expected) in rows {
        assert_eq!(
            Farm::weighing("balance roundrobin", weights).letters(expected.len()),
            expected,
            "{weights:?}"
        );
    }
    assert_eq!(Farm::weighing("balance leastconn", &[1, 2, 3]).letters(12), "abcabcabcabc");
    let lists: [(&[u32], &str); 4] = [
        (&[1, 1, 1], "abcabc"),
        (&[10, 20, 30], "acbcbcacbcbc"),
        (&[2, 3, 5, 7], "abdcdbcdadcbdcdcdabdcdbc"),
        (&[3, 1, 7], "acbccaccaccacbccacc"),
    ];
    for (weights, expected) in lists {
        assert_eq!(
            Farm::weighing("balance static-rr", weights).letters(expected.len()),
            expected,
            "{weights:?}"
        );
    }
}

/// The keys `/0`, `/37`, `/74`… on three servers, as HAProxy 2.6 spread them.
#[test]
fn keys_lead_to_haproxys_servers() {
    let plan = Farm::weighing("balance uri\n hash-type consistent", &[1, 2, 3]);
    let keys = (0..60).map(|number| format!("/{}", number * 37));
    let hashing = plan.plan().picker.plan().hashing;
    let chosen: String = keys.map(|key| letter(plan.pick_by(Some(hashing.hash(key.as_bytes()))))).collect();
    assert_eq!(chosen, "cbcbbcbbbccccccbacbcaccacabcccbbcbcbbccccbabcccacccbbbccbacc");
}

#[test]
fn hash_functions_are_haproxys() {
    let sequence: Vec<u8> = (1..40).collect();
    let rows: [(&[u8], [u32; 4]); 5] = [
        (b"", [0, 0x1505, 0xf99a_0360, 0]),
        (b"/", [0x2f, 0x2_b5d4, 0x7073_cea5, 0x79d3_d2d4]),
        (b"/index.html", [0x3324_2976, 0xe114_b9cf, 0x3101_077e, 0xea22_4b42]),
        (b"user1", [0x23c5_6b66, 0x1084_ff35, 0x8a55_df94, 0x8c51_8555]),
        (&sequence, [0xe36b_e014, 0x7378_bf71, 0xccdd_fd13, 0x64b8_e7ad]),
    ];
    for (key, expected) in rows {
        for (name, expected) in ["sdbm", "djb2", "wt6", "crc32"].iter().zip(expected) {
            let farm = Farm::new(&format!("balance uri\n hash-type map-based {name}"), &["weight 1"]);
            assert_eq!(farm.plan().picker.plan().hashing.hash(key), expected, "{name} of {key:?}");
        }
    }
    assert_eq!(
        [avalanche(0), avalanche(0x2f), avalanche(0x23c5_6b66)],
        [0xab4e_d927, 0x7e3f_41d0, 0x87e9_187e]
    );
    let none = Farm::new("balance uri\n hash-type map-based none", &["weight 1"]);
    assert_eq!(none.plan().picker.plan().hashing.hash(b"4711x"), 4711);
}

/// The list as it is defined, slot by slot.
#[test]
fn the_list_is_what_its_definition_says() {
    let mut numbers = Seeded(3);
    for _ in 0..200 {
        let weights: Vec<u32> = (0..1 + numbers.below(12)).map(|_| 1 + numbers.below(40) as u32).collect();
        let slots = fill(&weights);
        let total = slots.len() as u64;
        let divisor = u64::from(weights.iter().sum::<u32>()) / total;
        let mut had = vec![0_i64; weights.len()];
        for (slot, chosen) in (1..).zip(&slots) {
            let behind = |at: usize| (slot * u64::from(weights[at]) / divisor / total) as i64 - had[at];
            let most = (0..weights.len()).map(behind).max().unwrap();
            let first = (0..weights.len()).find(|at| behind(*at) == most).unwrap();
            assert_eq!(*chosen as usize, first, "slot {slot} of {weights:?}");
            had[first] += 1;
        }
    }
}

#[test]
fn turns_are_shared_out_by_weight_through_changes() {
    let mut numbers = Seeded(7);
    for settings in ["balance roundrobin", "balance static-rr"] {
        for round in 0..10 {
            let mut weights = [1_u32; 5];
            let mut farm = Farm::weighing(settings, &weights);
            for _ in 0..10 {
                weights[numbers.below(5)] = numbers.below(20) as u32;
                farm.weigh(settings, &weights);
                farm.letters(numbers.below(40));
            }
            if weights.iter().all(|weight| *weight == 0) {
                continue;
            }
            // The list is not written anew at every change.
            if settings.ends_with("static-rr") {
                farm = Farm::weighing(settings, &weights);
            }
            let total: u32 = weights.iter().sum();
            let counts = farm.counts((0..total * 20).map(|_| None));
            for (number, weight) in (1..).zip(weights) {
                let had = counts.get(&number).copied().unwrap_or(0);
                assert!(
                    had.abs_diff(weight as usize * 20) <= 2,
                    "{settings} {round}: {weights:?}, {number} had {had}"
                );
            }
        }
    }
}

#[test]
fn the_least_loaded_is_always_chosen() {
    let mut numbers = Seeded(11);
    let farm = Farm::weighing("balance leastconn", &[1, 3, 7, 20, 100, 256]);
    let mut held: Vec<(u32, Slot<'_>)> = Vec::new();
    for _ in 0..5000 {
        if held.len() > 200 || (!held.is_empty() && numbers.below(3) == 0) {
            held.swap_remove(numbers.below(held.len()));
            continue;
        }
        let share = |number: u32| match held.iter().filter(|(holder, _)| *holder == number).count() as u64 {
            0 => 0,
            load => (load + 1) * 4096 / (u64::from(farm.server(number).weight.get()) * 16),
        };
        let chosen = farm.pick().unwrap();
        let least = (1..7).map(share).min().unwrap();
        assert_eq!(share(chosen), least, "{chosen} among {:?}", (1..7).map(share).collect::<Vec<_>>());
        held.push((chosen, farm.occupy(chosen)));
    }
}

#[test]
fn full_servers_wait_until_they_have_room() {
    for settings in ALGORITHMS.into_iter().filter(|settings| !settings.contains("hash")) {
        let farm = Farm::new(settings, &["maxconn 2"; 3]);
        let mut held: Vec<Slot<'_>> = (0..6).map(|_| farm.occupy(farm.pick().unwrap())).collect();
        assert_eq!(farm.pick(), None, "{settings}");
        assert!(!farm.plan().picker.is_empty());
        drop(held.remove(3));
        held.push(farm.occupy(farm.pick().unwrap()));
        assert_eq!(farm.pick(), None, "{settings}");
    }
    // What a key leads to is chosen all the same.
    for settings in ["balance uri", "balance uri\n hash-type consistent"] {
        let farm = Farm::new(settings, &["maxconn 1"; 3]);
        let chosen = farm.pick_by(Some(7)).unwrap();
        let _held = farm.occupy(chosen);
        assert_eq!(farm.pick_by(Some(7)), Some(chosen), "{settings}");
        assert_ne!(farm.pick(), Some(chosen));
    }
}

#[test]
fn the_first_and_the_one_stuck_to_stay() {
    let mut farm = Farm::new("balance first", &["weight 5", "maxconn 2", "weight 1"]);
    assert_eq!(farm.letters(4), "aaaa");
    farm.change("balance first", &["weight 0", "maxconn 2", "weight 1"]);
    let held = [farm.occupy(2), farm.occupy(2)];
    assert_eq!(farm.letters(2), "cc");
    drop(held);
    assert_eq!(farm.letters(2), "bb");
    let mut farm = Farm::new("balance sticky", &["weight 1", "weight 1", "weight 1"]);
    assert_eq!(farm.letters(3), "aaa");
    farm.change("balance sticky", &["disabled", "weight 9", "weight 1"]);
    assert_eq!(farm.letters(3), "bbb");
    farm.change("balance sticky", &["weight 9", "weight 7", "weight 1"]);
    assert_eq!(farm.letters(3), "bbb");
    farm.change("balance sticky", &["weight 9", "disabled", "disabled"]);
    assert_eq!(farm.letters(3), "aaa");
}

#[test]
fn random_choices_follow_weights_and_loads() {
    let farm = Farm::weighing("balance random(1)", &[10, 20, 70]);
    let counts = farm.counts((0..10_000).map(|_| None));
    for (number, share) in [(1, 1000), (2, 2000), (3, 7000)] {
        assert!(counts[&number].abs_diff(share) < 300, "{counts:?}");
    }
    // The one that is busy loses against whoever is drawn with it.
    let farm = Farm::weighing("balance random(2)", &[1, 1, 1]);
    let _held = [farm.occupy(1), farm.occupy(1)];
    let counts = farm.counts((0..9000).map(|_| None));
    assert!(counts[&1].abs_diff(1000) < 300, "{counts:?}");
}

#[test]
fn a_ring_moves_only_the_keys_of_who_goes() {
    let settings = "balance uri\n hash-type consistent";
    let mut farm = Farm::new(settings, &["weight 3"; 8]);
    let hashes: Vec<u32> = (0..4000).map(avalanche).collect();
    let before: Vec<_> = hashes.iter().map(|hash| farm.pick_by(Some(*hash)).unwrap()).collect();
    let mut servers = ["weight 3"; 8];
    servers[4] = "weight 0";
    farm.change(settings, &servers);
    for (hash, before) in hashes.iter().zip(&before) {
        let now = farm.pick_by(Some(*hash)).unwrap();
        assert!(if *before == 5 { now != 5 } else { now == *before });
    }
    farm.change(settings, &["weight 3"; 8]);
    let again: Vec<_> = hashes.iter().map(|hash| farm.pick_by(Some(*hash)).unwrap()).collect();
    assert_eq!(again, before);
}

#[test]
fn a_ring_bounds_loads_where_it_is_told_to() {
    let settings = "balance uri\n hash-type consistent\n hash-balance-factor 150";
    let farm = Farm::weighing(settings, &[1, 1, 2]);
    let mut held: Vec<(u32, Slot<'_>)> = Vec::new();
    for _ in 0..200 {
        // What is in flight, with the request at hand.
        farm.plan().live.sessions.rise();
        let chosen = farm.pick_by(Some(1)).unwrap();
        held.push((chosen, farm.occupy(chosen)));
    }
    for (number, share) in [(1, 50), (2, 50), (3, 100)] {
        let had = held.iter().filter(|(holder, _)| *holder == number).count();
        assert!(had <= share * 3 / 2 + 1, "{number} had {had}");
    }
}

#[test]
fn backups_serve_when_nobody_else_can() {
    for settings in ALGORITHMS {
        let all = format!("{settings}\n option allbackups");
        let mut farm = Farm::new(settings, &["weight 1", "backup", "backup weight 2"]);
        assert_eq!(farm.letters(3), "aaa", "{settings}");
        farm.change(settings, &["disabled", "backup", "backup weight 2"]);
        assert_eq!(farm.letters(3), "bbb", "{settings}");
        farm.change(settings, &["disabled", "backup weight 0", "backup weight 2"]);
        assert_eq!(farm.letters(3), "ccc", "{settings}");
        farm.change(settings, &["disabled", "backup weight 0", ""]);
        assert_eq!((farm.pick(), farm.plan().picker.is_empty()), (None, true), "{settings}");
        farm.change(settings, &["weight 1", "backup weight 0", ""]);
        assert_eq!(farm.letters(3), "aaa", "{settings}");
        farm.change(&all, &["disabled", "backup", "backup weight 2"]);
        let counts = farm.counts((0..300).map(|number| Some(avalanche(number))));
        // Nobody holds what was chosen here, so the least loaded stays the same.
        let both = !matches!(settings, "balance first" | "balance sticky" | "balance leastconn");
        assert_eq!(counts.len(), if both { 2 } else { 1 }, "{settings}: {counts:?}");
    }
}

/// Servers come, go and change in any way: what is chosen is always one that may be, and one is, if there is one.
#[test]
fn whatever_changes_a_usable_server_is_chosen() {
    let mut numbers = Seeded(23);
    for settings in ALGORITHMS {
        let mut farm = Farm::new(settings, &["weight 1"; 6]);
        for _ in 0..60 {
            let servers: Vec<&str> = (0..6)
                .map(|_| {
                    ["", "weight 0", "weight 1", "weight 7", "disabled", "weight 3 maxconn 5", "backup"]
                        [numbers.below(7)]
                })
                .collect();
            farm.change(settings, &servers);
            for _ in 0..10 {
                let usable =
                    |parameters: &str| !matches!(parameters, "" | "weight 0" | "disabled" | "backup");
                let regular: Vec<u32> =
                    (1..).zip(&servers).filter(|(_, p)| usable(p)).map(|(number, _)| number).collect();
                let backup = (1..).zip(&servers).find(|(_, p)| **p == "backup").map(|(number, _)| number);
                let hash = (numbers.below(2) == 0).then(|| numbers.below(1 << 32) as u32);
                match farm.pick_by(hash) {
                    None => assert!(regular.is_empty() && backup.is_none(), "{settings} {servers:?}"),
                    Some(chosen) if regular.is_empty() => {
                        assert_eq!(Some(chosen), backup, "{settings} {servers:?}")
                    }
                    Some(chosen) => assert!(regular.contains(&chosen), "{settings} {servers:?} {chosen}"),
                }
            }
        }
    }
}

#[test]
fn a_server_that_comes_back_warms_up() {
    let mut farm = Farm::new("balance roundrobin", &["weight 100 slowstart 10s", "weight 100"]);
    assert_eq!(farm.server(1).effective_weight(1), 1600, "not at the start");
    farm.change("balance roundrobin", &["weight 100 slowstart 10s disabled", "weight 100"]);
    farm.change("balance roundrobin", &["weight 100 slowstart 10s", "weight 100"]);
    let server = farm.server(1);
    let risen = server.live.risen.load(Ordering::Relaxed);
    let weights = [0, 1, 2500, 5000, 9999, 10_000].map(|after| server.effective_weight(risen + after));
    assert_eq!(weights, [1, 1, 400, 800, 1599, 1600]);
    assert!(server.is_warming(risen + 9999) && !server.is_warming(risen + 10_000));
    farm.plan().picker.refresh(server, risen + 2500);
    let counts = farm.counts((0..1000).map(|_| None));
    assert!(counts[&1] < 260, "{counts:?}");
    farm.plan().picker.refresh(server, risen + 20_000);
    let counts = farm.counts((0..1000).map(|_| None));
    assert!(counts[&1].abs_diff(500) < 10, "{counts:?}");
}

#[test]
fn seats_are_used_again() {
    let mut farm = Farm::new("balance roundrobin", &["weight 1"; 3]);
    let seat = farm.server(2).seat;
    farm.change("balance roundrobin", &["weight 1", "", "weight 1"]);
    farm.change("balance roundrobin", &["weight 1", "", "weight 1", "weight 1"]);
    assert_eq!(farm.server(4).seat, seat);
    assert_eq!(farm.counts((0..30).map(|_| None)), HashMap::from([(1, 10), (3, 10), (4, 10)]));
}
