//! How a server is chosen; one file per algorithm.
//!
//! A picker is a value of the backend's plan, built anew with it; what must survive (where round robin
//! stands, how many sessions a server has) is kept in [`crate::live`].

mod leastconn;
mod roundrobin;

use std::sync::Arc;

use regate_proto::model::Balance;

use crate::snapshot::ServerPlan;

/// Chooses among the servers of a backend.
#[derive(Debug)]
pub enum Picker {
    /// In turns, by weight.
    RoundRobin(roundrobin::Turns),
    /// The fewest sessions for its weight.
    LeastConn(leastconn::Loads),
}

impl Picker {
    /// A picker over these servers: the eligible ones, or where there are none the first eligible backup.
    pub fn new(balance: Balance, servers: &[Arc<ServerPlan>]) -> Picker {
        let eligible = |backup: bool| {
            let kept = servers.iter().filter(move |server| server.is_eligible() && server.backup == backup);
            kept.cloned()
        };
        let mut chosen: Vec<Arc<ServerPlan>> = eligible(false).collect();
        if chosen.is_empty() {
            chosen.extend(eligible(true).take(1));
        }
        match balance {
            Balance::RoundRobin => Picker::RoundRobin(roundrobin::Turns::new(chosen)),
            Balance::LeastConn => Picker::LeastConn(leastconn::Loads::new(chosen)),
        }
    }

    /// The server for a new request: one that `usable` accepts, the best by the algorithm.
    pub fn pick(&self, usable: impl Fn(&ServerPlan) -> bool) -> Option<&Arc<ServerPlan>> {
        match self {
            Picker::RoundRobin(turns) => turns.pick(usable),
            Picker::LeastConn(loads) => loads.pick(usable),
        }
    }

    /// Whether no server can be chosen, however long one waits.
    pub fn is_empty(&self) -> bool {
        match self {
            Picker::RoundRobin(turns) => turns.is_empty(),
            Picker::LeastConn(loads) => loads.is_empty(),
        }
    }
}
