//! The servers of a picker: which of them stand in which order, with what share.

use std::collections::BTreeSet;
use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::sync::Arc;

use regate_proto::model::{Balance, HashMethod};

use super::first::Line;
use super::leastconn::Loads;
use super::map::Map;
use super::random::Draws;
use super::ring::Ring;
use super::roundrobin::Turns;
use super::{BalancePlan, Fit, Key};
use crate::live::Seats;
use crate::snapshot::ServerPlan;

/// The servers of a picker, by seat.
#[derive(Debug)]
pub(super) struct Roster {
    members: Vec<Option<Member>>,
    regular: Group,
    backup: Group,
    /// Backups that may serve, in the order of listings.
    backups: BTreeSet<(u32, u32, u32)>,
    all_backups: bool,
    /// Most of the average load that a server may have, in percent; 0 for no limit.
    load_factor: u32,
    /// Who is warming up.
    warming: BTreeSet<u32>,
    /// How many servers are left out when they are full, so that loads have to be heeded.
    limited: u32,
    /// Numbers arrivals.
    arrivals: u64,
    /// Room for notes, kept.
    notes: Vec<u32>,
}

/// A server, and what the orders know of it.
#[derive(Debug)]
struct Member {
    plan: Arc<ServerPlan>,
    /// Its effective weight, 0 when it takes nothing new.
    weight: u32,
    /// Whether it was left out because all its places are taken.
    full: bool,
    /// Whether that may happen to it.
    limited: bool,
}

/// Servers that are chosen among.
#[derive(Debug)]
struct Group {
    order: Order,
    /// Servers with a weight, and the sum of those.
    count: u32,
    weight: u64,
}

/// The servers of a group, as the algorithm arranges them.
#[derive(Debug)]
enum Order {
    Turns(Turns),
    Loads(Loads),
    First(Line),
    Sticky(Line),
    Map(Map),
    Ring(Ring),
    Draws(Draws),
}

impl Roster {
    pub(super) fn new(plan: &BalancePlan) -> Roster {
        let group = || Group { order: Order::new(plan), count: 0, weight: 0 };
        Roster {
            members: Vec::new(),
            regular: group(),
            backup: group(),
            backups: BTreeSet::new(),
            all_backups: plan.all_backups,
            load_factor: plan.load_factor,
            warming: BTreeSet::new(),
            limited: 0,
            arrivals: 0,
            notes: Vec::new(),
        }
    }

    /// How many servers may be chosen at all.
    pub(super) fn choosable(&self) -> u32 {
        self.regular.count + self.backup.count
    }

    /// Whether the orders depend on what the servers are doing.
    pub(super) fn heeds_loads(&self) -> bool {
        matches!(self.regular.order, Order::Loads(_)) || self.limited > 0
    }

    pub(super) fn enroll(&mut self, server: &Arc<ServerPlan>, now: u64) {
        let at = server.seat as usize;
        if self.members.len() <= at {
            self.members.resize_with(at + 1, || None);
        }
        let known = self.members.get(at).and_then(Option::as_ref);
        let stays = known.is_some_and(|known| {
            let place = |plan: &ServerPlan| (plan.id, plan.order, plan.backup);
            Arc::ptr_eq(&known.plan.live, &server.live) && place(&known.plan) == place(server)
        });
        if known.is_some() && !stays {
            self.dismiss(server.seat);
        }
        let limited = server.maxconn > 0 && self.regular.order.leaves_out_full(server);
        let was_limited = match self.members.get_mut(at) {
            Some(Some(member)) => {
                member.plan = server.clone();
                std::mem::replace(&mut member.limited, limited)
            }
            Some(free) => {
                *free = Some(Member { plan: server.clone(), weight: 0, full: false, limited });
                false
            }
            None => return,
        };
        self.limited = self.limited + u32::from(limited) - u32::from(was_limited);
        self.refresh(server.seat, now);
    }

    pub(super) fn refresh(&mut self, seat: u32, now: u64) {
        let Some(member) = self.members.get(seat as usize).and_then(Option::as_ref) else { return };
        let weight = member.plan.effective_weight(now);
        member.plan.live.heed();
        if member.plan.is_warming(now) {
            let (part, whole) = member.plan.warmth(now);
            member.plan.live.room.warm_up(whole - part, member.plan.slowstart);
            self.warming.insert(seat);
        } else {
            self.warming.remove(&seat);
        }
        self.arrange(seat, weight);
    }

    /// Whether somebody's weight grows by itself.
    pub(super) fn is_warming(&self) -> bool {
        !self.warming.is_empty()
    }

    /// Looks again at those whose weight grows.
    pub(super) fn warm_up(&mut self, now: u64) {
        for seat in std::mem::take(&mut self.warming) {
            self.refresh(seat, now);
        }
    }

    pub(super) fn refresh_all(&mut self, now: u64) {
        for seat in 0..self.members.len() as u32 {
            self.refresh(seat, now);
        }
    }

    pub(super) fn dismiss(&mut self, seat: u32) {
        self.arrange(seat, 0);
        self.warming.remove(&seat);
        if let Some(member) = self.members.get_mut(seat as usize).and_then(Option::take) {
            self.limited -= u32::from(member.limited);
            self.group(member.plan.backup).order.forget(&member.plan);
        }
    }

    /// Reads what was noted about loads.
    pub(super) fn heed(&mut self, seats: &Seats) {
        let mut notes = std::mem::take(&mut self.notes);
        seats.take_notes(&mut notes);
        for seat in notes.drain(..) {
            if let Some(member) = self.members.get(seat as usize).and_then(Option::as_ref) {
                let weight = member.weight;
                member.plan.live.heed();
                self.arrange(seat, weight);
            }
        }
        self.notes = notes;
    }

    /// `in_flight`: what the backend serves now, the request at hand included.
    pub(super) fn pick(&self, key: Key, in_flight: u32, fit: &impl Fn(u32) -> Fit) -> Option<u32> {
        if self.regular.count > 0 {
            return self.pick_of(&self.regular, key, in_flight, fit);
        }
        if self.all_backups {
            return self.pick_of(&self.backup, key, in_flight, fit);
        }
        let known = |seat: &u32| fit(*seat) != Fit::Unknown;
        let first = self.backups.iter().map(|(_, _, seat)| *seat).find(known)?;
        (key.0.is_some() || fit(first) == Fit::Free).then_some(first)
    }

    fn pick_of(&self, group: &Group, key: Key, in_flight: u32, fit: &impl Fn(u32) -> Fit) -> Option<u32> {
        let member = |seat: u32| self.members.get(seat as usize).and_then(Option::as_ref);
        let load = |seat: u32| member(seat).map_or(0, |member| u64::from(member.plan.live.load()));
        // A server's part of the slots that the factor grants for what is in flight, at least one.
        let slots = (u64::from(in_flight.max(1)) * u64::from(self.load_factor)).div_ceil(100);
        let part = |seat: u32| {
            let weight = member(seat).map_or(0, |member| u64::from(member.weight));
            (slots * weight).div_ceil(group.weight.max(1)).max(1)
        };
        let allows = |seat: u32| self.load_factor == 0 || load(seat) < part(seat);
        match &group.order {
            Order::Turns(turns) => turns.pick(fit),
            Order::Loads(loads) => loads.pick(fit),
            Order::First(line) | Order::Sticky(line) => line.pick(fit),
            Order::Map(map) => map.pick(key.0, fit),
            Order::Ring(ring) => match key.0 {
                Some(hash) => ring.find(hash, fit, allows),
                None => ring.next(fit),
            },
            Order::Draws(draws) => draws.pick(fit, load, allows),
        }
    }

    /// Gives a server its place for a weight, and for what it does now.
    fn arrange(&mut self, seat: u32, weight: u32) {
        let Some(member) = self.members.get_mut(seat as usize).and_then(Option::as_mut) else { return };
        let plan = member.plan.clone();
        let before = std::mem::replace(&mut member.weight, weight);
        let was_full = member.full;
        let group = if plan.backup { &mut self.backup } else { &mut self.regular };
        let most = plan.maxconn_in_force();
        let full = member.limited && most > 0 && plan.live.sessions.now() >= most;
        member.full = full;
        group.weight = group.weight - u64::from(before) + u64::from(weight);
        group.count = group.count + u32::from(weight > 0) - u32::from(before > 0);
        let place = (plan.order, plan.id, seat);
        let shown = |weight: u32, full: bool| if full { 0 } else { weight };
        let (old, new) = (shown(before, was_full), shown(weight, full));
        match &mut group.order {
            Order::Loads(loads) => loads.set(seat, new, plan.live.load()),
            _ if old == new => {}
            Order::Turns(turns) => turns.set(seat, new),
            Order::First(line) => line.set(seat, (new > 0).then_some(u64::from(plan.id))),
            Order::Sticky(line) => {
                // Who comes back stands behind all others; a weight that changes moves nobody.
                if new == 0 || !line.contains(seat) {
                    self.arrivals += 1;
                    line.set(seat, (new > 0).then_some(self.arrivals));
                }
            }
            // A list has whole weights: growing by parts would write it anew each time.
            Order::Map(map) => {
                map.set(place, if new > 0 { u32::from(plan.weight_in_force()) } else { 0 });
            }
            Order::Ring(ring) => ring.set(seat, plan.ring_number(), new),
            Order::Draws(draws) => draws.set(seat, new),
        }
        if plan.backup && (before > 0) != (weight > 0) {
            if weight > 0 {
                self.backups.insert(place);
            } else {
                self.backups.remove(&place);
            }
        }
    }

    fn group(&mut self, backup: bool) -> &mut Group {
        if backup { &mut self.backup } else { &mut self.regular }
    }
}

impl Order {
    fn new(plan: &BalancePlan) -> Order {
        match plan.algorithm {
            Balance::RoundRobin => Order::Turns(Turns::default()),
            Balance::StaticRr => Order::Map(Map::default()),
            Balance::LeastConn => Order::Loads(Loads::default()),
            Balance::First => Order::First(Line::default()),
            Balance::Sticky => Order::Sticky(Line::default()),
            Balance::Random(draws) => Order::Draws(Draws::new(draws, RandomState::new().hash_one(0))),
            Balance::Source
            | Balance::Uri(_)
            | Balance::UrlParam { .. }
            | Balance::Header { .. }
            | Balance::RdpCookie(_)
            | Balance::Hash(_) => match plan.method {
                HashMethod::MapBased => Order::Map(Map::default()),
                HashMethod::Consistent => Order::Ring(Ring::default()),
            },
        }
    }

    /// Whether servers whose places are all taken are taken out, so that nobody has to pass over them. Where keys
    /// lead to servers they stay: what is tied to one waits for it; and who is stuck to stays who it is. The least
    /// loaded may be one that lets more wait for it.
    fn leaves_out_full(&self, plan: &ServerPlan) -> bool {
        match self {
            Order::Turns(_) | Order::First(_) | Order::Draws(_) => true,
            Order::Loads(_) => plan.maxqueue == 0,
            Order::Map(_) | Order::Ring(_) | Order::Sticky(_) => false,
        }
    }

    fn forget(&mut self, plan: &ServerPlan) {
        match self {
            Order::Turns(turns) => turns.forget(plan.seat),
            Order::Map(map) => map.forget((plan.order, plan.id, plan.seat)),
            _ => {}
        }
    }
}
