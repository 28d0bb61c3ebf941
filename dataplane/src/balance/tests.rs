#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::sync::Arc;

use regate_proto::model::{Admin, Balance, Name, ServerRef, Weight};

use super::*;
use crate::live::{Live, Slot};
use crate::snapshot::Target;

/// A picker with its servers, as a plan would hold them.
struct Farm {
    live: Live,
    backend: Arc<BackendLive>,
    picker: Picker,
    servers: Vec<Arc<ServerPlan>>,
}

impl Farm {
    fn new(algorithm: Balance, weights: &[u16]) -> Farm {
        let live = Live::new(1);
        let backend = live.backend(&Name::new("b").unwrap());
        let plan = BalancePlan { algorithm, all_backups: false };
        let picker = Picker::new(plan, backend.clone());
        let mut farm = Farm { live, backend, picker, servers: Vec::new() };
        for weight in weights {
            farm.add(|server| server.weight = Weight::new(u64::from(*weight)).unwrap());
        }
        farm.picker.take_over(1);
        farm
    }

    fn add(&mut self, settle: impl FnOnce(&mut ServerPlan)) {
        let number = self.servers.len() as u32 + 1;
        let name = Name::new(&format!("s{number}")).unwrap();
        let live = self.live.server(&ServerRef { backend: Name::new("b").unwrap(), server: name.clone() });
        let mut server = ServerPlan {
            name,
            id: number,
            order: number,
            target: Target::Transparent(1),
            seat: self.backend.seats.seat(&live),
            weight: Weight::DEFAULT,
            maxconn: 0,
            backup: false,
            admin: Admin::Ready,
            send_proxy: None,
            pool_max_conn: None,
            pool_purge_delay: 0,
            max_reuse: None,
            live,
        };
        settle(&mut server);
        let server = Arc::new(server);
        self.picker.enroll(&server, 1);
        self.servers.push(server);
    }

    fn change(&mut self, at: usize, settle: impl FnOnce(&mut ServerPlan)) {
        let old = &self.servers[at];
        let mut server = ServerPlan {
            name: old.name.clone(),
            target: old.target.clone(),
            live: old.live.clone(),
            ..**old
        };
        settle(&mut server);
        self.servers[at] = Arc::new(server);
        self.picker.enroll(&self.servers[at], 1);
    }

    fn pick(&self) -> Option<usize> {
        let seat = self.picker.pick(Key::default(), |seat| self.fit(seat))?;
        self.servers.iter().position(|server| server.seat == seat)
    }

    fn fit(&self, seat: u32) -> Fit {
        match self.servers.iter().find(|server| server.seat == seat) {
            None => Fit::Unknown,
            Some(server) if server.maxconn != 0 && server.live.sessions.now() >= server.maxconn => Fit::Busy,
            Some(_) => Fit::Free,
        }
    }

    fn occupy(&self, at: usize) -> Slot<'_> {
        self.servers[at].live.occupy(&self.backend, self.servers[at].maxconn).unwrap()
    }

    /// Choices one after the other, each over before the next, as letters.
    fn letters(&self, count: usize) -> String {
        let letter = |at: Option<usize>| at.map_or('-', |at| (b'a' + at as u8) as char);
        (0..count)
            .map(|_| {
                let chosen = self.pick();
                drop(chosen.map(|at| self.occupy(at)));
                letter(chosen)
            })
            .collect()
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

/// What HAProxy 2.6 was seen to choose.
#[test]
fn turns_come_in_haproxys_order() {
    let rows: [(&[u16], &str); 7] = [
        (&[1, 1, 1], "abcabcabc"),
        (&[1, 2, 3], "cbcacbcbcacbcbcacbcbcacbcbcacb"),
        (&[3, 2, 1], "abacababacababacababacababacab"),
        (&[5, 1, 1], "aaabaacaaabaacaaabaacaaabaacaa"),
        (&[1, 10], "bbbbbbbbbbabbbbbbbbbbabbbbbbbb"),
        (&[2, 3, 5, 7], "dcdbcdadcbdcddbcadcdbcdadcbdcddbcadcdbcda"),
        (&[100, 50, 25, 1], "aabacabaabacabaabacabaabacabaabacabaabacabadabacabaabacabaab"),
    ];
    for (weights, expected) in rows {
        assert_eq!(Farm::new(Balance::RoundRobin, weights).letters(expected.len()), expected, "{weights:?}");
    }
    assert_eq!(Farm::new(Balance::LeastConn, &[1, 2, 3]).letters(12), "abcabcabcabc");
}

#[test]
fn turns_are_shared_out_by_weight_through_changes() {
    let mut numbers = Seeded(7);
    for round in 0..20 {
        let mut farm = Farm::new(Balance::RoundRobin, &[1, 1, 1, 1, 1]);
        for _ in 0..30 {
            let (at, weight) = (numbers.below(5), numbers.below(20) as u64);
            farm.change(at, |server| server.weight = Weight::new(weight).unwrap());
            farm.letters(numbers.below(40));
        }
        let weights: Vec<usize> = farm.servers.iter().map(|server| server.weight.get().into()).collect();
        let total: usize = weights.iter().sum();
        let choices = farm.letters(total * 20);
        for (at, weight) in weights.iter().enumerate() {
            let letter = (b'a' + at as u8) as char;
            let had = choices.chars().filter(|chosen| *chosen == letter).count();
            assert!(had.abs_diff(weight * 20) <= 2, "round {round}: {weights:?}, {letter} had {had}");
        }
    }
}

#[test]
fn the_least_loaded_is_always_chosen() {
    let mut numbers = Seeded(11);
    let farm = Farm::new(Balance::LeastConn, &[1, 3, 7, 20, 100, 256]);
    let mut held: Vec<(usize, Slot<'_>)> = Vec::new();
    for _ in 0..5000 {
        if held.len() > 200 || (!held.is_empty() && numbers.below(3) == 0) {
            held.swap_remove(numbers.below(held.len()));
            continue;
        }
        let share = |at: usize| match held.iter().filter(|(holder, _)| *holder == at).count() as u64 {
            0 => 0,
            load => (load + 1) * 4096 / (u64::from(farm.servers[at].weight.get()) * 16),
        };
        let chosen = farm.pick().unwrap();
        let least = (0..6).map(share).min().unwrap();
        assert_eq!(share(chosen), least, "{chosen} among {:?}", (0..6).map(share).collect::<Vec<_>>());
        let slot = farm.servers[chosen].live.occupy(&farm.backend, 0).unwrap();
        held.push((chosen, slot));
    }
}

#[test]
fn full_servers_are_left_out_until_they_have_room() {
    for algorithm in [Balance::RoundRobin, Balance::LeastConn] {
        let mut farm = Farm::new(algorithm, &[]);
        for _ in 0..3 {
            farm.add(|server| server.maxconn = 2);
        }
        farm.picker.take_over(1);
        let mut held: Vec<Slot<'_>> = (0..6).map(|_| farm.occupy(farm.pick().unwrap())).collect();
        assert_eq!(farm.pick(), None, "{:?}", farm.picker.plan());
        assert!(!farm.picker.is_empty());
        drop(held.remove(0));
        let freed = farm.pick().unwrap();
        held.push(farm.occupy(freed));
        assert_eq!(farm.pick(), None);
    }
}

#[test]
fn backups_serve_when_nobody_else_can() {
    let mut farm = Farm::new(Balance::RoundRobin, &[1]);
    farm.add(|server| server.backup = true);
    farm.add(|server| server.backup = true);
    assert_eq!(farm.letters(3), "aaa");
    farm.change(0, |server| server.admin = Admin::Maint);
    assert_eq!(farm.letters(3), "bbb");
    farm.change(1, |server| server.weight = Weight::new(0).unwrap());
    assert_eq!(farm.letters(3), "ccc");
    farm.picker.dismiss(farm.servers[2].seat);
    assert_eq!((farm.pick(), farm.picker.is_empty()), (None, true));
    farm.change(0, |server| server.admin = Admin::Ready);
    assert_eq!(farm.letters(3), "aaa");
}

#[test]
fn seats_are_used_again() {
    let farm = Farm::new(Balance::RoundRobin, &[1, 1, 1]);
    let seats: Vec<u32> = farm.servers.iter().map(|server| server.seat).collect();
    let kept = [&farm.servers[0].live, &farm.servers[2].live];
    assert_eq!(farm.backend.seats.retain(kept.into_iter()), [seats[1]]);
    assert_eq!(farm.backend.seats.seat(&farm.servers[2].live), seats[2]);
    assert_eq!(farm.backend.seats.seat(&farm.servers[1].live), seats[1]);
}
