//! The servers of a picker: which of them stand in which order, with what share.

use std::collections::BTreeSet;
use std::sync::Arc;

use regate_proto::model::Balance;

use super::leastconn::Loads;
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
            notes: Vec::new(),
        }
    }

    /// How many servers may be chosen at all.
    pub(super) fn choosable(&self) -> u32 {
        self.regular.count + self.backup.count
    }

    /// Whether the orders depend on what the servers are doing.
    pub(super) fn heeds_loads(&self) -> bool {
        let order = &self.regular.order;
        let limited = || self.members.iter().flatten().any(|member| member.plan.maxconn > 0);
        matches!(order, Order::Loads(_)) || (order.leaves_out_full() && limited())
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
        match self.members.get_mut(at) {
            Some(Some(member)) => member.plan = server.clone(),
            Some(free) => *free = Some(Member { plan: server.clone(), weight: 0, full: false }),
            None => {}
        }
        self.refresh(server.seat, now);
    }

    pub(super) fn refresh(&mut self, seat: u32, now: u64) {
        let Some(member) = self.members.get(seat as usize).and_then(Option::as_ref) else { return };
        let weight = member.plan.effective_weight(now);
        let load = member.plan.live.heed();
        self.arrange(seat, weight, load);
    }

    pub(super) fn refresh_all(&mut self, now: u64) {
        for seat in 0..self.members.len() as u32 {
            self.refresh(seat, now);
        }
    }

    pub(super) fn dismiss(&mut self, seat: u32) {
        self.arrange(seat, 0, 0);
        if let Some(member) = self.members.get_mut(seat as usize).and_then(Option::take) {
            self.group(member.plan.backup).order.forget(seat);
        }
    }

    /// Reads what was noted about loads.
    pub(super) fn heed(&mut self, seats: &Seats) {
        let mut notes = std::mem::take(&mut self.notes);
        seats.take_notes(&mut notes);
        for seat in notes.drain(..) {
            if let Some(member) = self.members.get(seat as usize).and_then(Option::as_ref) {
                let (weight, load) = (member.weight, member.plan.live.heed());
                self.arrange(seat, weight, load);
            }
        }
        self.notes = notes;
    }

    pub(super) fn pick(&self, key: Key, fit: &impl Fn(u32) -> Fit) -> Option<u32> {
        if self.regular.count > 0 {
            return self.regular.order.pick(key, fit);
        }
        if self.all_backups {
            return self.backup.order.pick(key, fit);
        }
        let known = |seat: &u32| fit(*seat) != Fit::Unknown;
        let first = self.backups.iter().map(|(_, _, seat)| *seat).find(known)?;
        (fit(first) == Fit::Free).then_some(first)
    }

    /// Gives a server its place for a weight and a load.
    fn arrange(&mut self, seat: u32, weight: u32, load: u32) {
        let Some(member) = self.members.get_mut(seat as usize).and_then(Option::as_mut) else { return };
        let plan = member.plan.clone();
        let before = std::mem::replace(&mut member.weight, weight);
        let was_full = member.full;
        let group = if plan.backup { &mut self.backup } else { &mut self.regular };
        let full = group.order.leaves_out_full() && plan.maxconn > 0 && load >= plan.maxconn;
        member.full = full;
        group.weight = group.weight - u64::from(before) + u64::from(weight);
        group.count = group.count + u32::from(weight > 0) - u32::from(before > 0);
        let shown = |weight: u32, full: bool| if full { 0 } else { weight };
        let (old, new) = (shown(before, was_full), shown(weight, full));
        match &mut group.order {
            Order::Turns(turns) if old != new => turns.set(seat, new),
            Order::Loads(loads) => loads.set(seat, new, load),
            Order::Turns(_) => {}
        }
        if plan.backup && (before > 0) != (weight > 0) {
            let place = (plan.order, plan.id, seat);
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
            Balance::LeastConn => Order::Loads(Loads::default()),
        }
    }

    /// Whether servers whose places are all taken are taken out, so that nobody has to pass over them.
    fn leaves_out_full(&self) -> bool {
        match self {
            Order::Turns(_) | Order::Loads(_) => true,
        }
    }

    fn forget(&mut self, seat: u32) {
        if let Order::Turns(turns) = self {
            turns.forget(seat);
        }
    }

    fn pick(&self, _key: Key, fit: &impl Fn(u32) -> Fit) -> Option<u32> {
        match self {
            Order::Turns(turns) => turns.pick(fit),
            Order::Loads(loads) => loads.pick(fit),
        }
    }
}
