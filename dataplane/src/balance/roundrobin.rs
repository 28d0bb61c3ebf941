//! `balance roundrobin`: in turns, by weight (configuration manual 4.2 "balance").
//!
//! Each server has a position on a line; the one with the lowest is next and moves on by a step that is the
//! shorter the heavier it is. So turns are spread evenly, and a choice costs the logarithm of the servers.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use parking_lot::Mutex;

use crate::snapshot::ServerPlan;

/// The servers in the order of their turns.
#[derive(Debug)]
pub struct Turns {
    servers: Vec<Arc<ServerPlan>>,
    order: Mutex<BinaryHeap<Reverse<(u64, usize)>>>,
}

impl Turns {
    pub(super) fn new(servers: Vec<Arc<ServerPlan>>) -> Turns {
        // A newcomer starts where the others stand, not at 0: it would get every turn until it caught up.
        let present =
            servers.iter().map(|server| server.live.turn.load(Ordering::Relaxed)).max().unwrap_or(0);
        let oldest = present.saturating_sub(STEP);
        let order = servers
            .iter()
            .enumerate()
            .map(|(at, server)| Reverse((server.live.turn.load(Ordering::Relaxed).max(oldest), at)))
            .collect();
        Turns { servers, order: Mutex::new(order) }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.servers.is_empty()
    }

    pub(super) fn pick(&self, usable: impl Fn(&ServerPlan) -> bool) -> Option<&Arc<ServerPlan>> {
        let mut order = self.order.lock();
        let mut passed_over = Vec::new();
        let chosen = loop {
            let Some(Reverse((position, at))) = order.pop() else { break None };
            let server = &self.servers[at];
            if !usable(server) {
                passed_over.push(Reverse((position, at)));
                continue;
            }
            let next = position.saturating_add(STEP / u64::from(server.weight.get()).max(1));
            server.live.turn.store(next, Ordering::Relaxed);
            order.push(Reverse((next, at)));
            break Some(server);
        };
        order.extend(passed_over);
        chosen
    }
}

/// The step of a server of weight 1; divisible by most weights, so that equal shares stay equal.
const STEP: u64 = 5040 * 256;
