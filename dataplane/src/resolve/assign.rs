//! Which server gets which address, and which service record. Pure.

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;

use regate_proto::model::{AddressFamily, Name};

use crate::live::ServiceRecord;

/// What a server would like its address to be.
#[derive(Clone, Copy, Debug)]
pub struct Wish<'a> {
    /// Of this family, before anything else.
    pub family: AddressFamily,
    /// Out of one of these networks.
    pub networks: &'a [(IpAddr, u8)],
    /// Whether it may be the address of a peer.
    pub may_share: bool,
    /// The one that it has.
    pub current: Option<IpAddr>,
}

/// The best of the addresses for a server: by family, then network, then whether no peer has it (`taken`), then
/// whether it stays as it is; of equal ones the first (configuration manual 5.2 "resolve-prefer", "resolve-net",
/// "resolve-opts").
pub fn choose(
    candidates: impl Iterator<Item = IpAddr>,
    wish: &Wish<'_>,
    taken: impl Fn(IpAddr) -> bool,
) -> Option<IpAddr> {
    let mut best: Option<(u8, IpAddr)> = None;
    for ip in candidates {
        let is_taken = taken(ip);
        if is_taken && !wish.may_share {
            continue;
        }
        let likes = [
            (8, AddressFamily::of(ip) == wish.family),
            (4, wish.networks.iter().any(|network| contains(*network, ip))),
            (2, !is_taken),
            (1, wish.current == Some(ip)),
        ];
        let score = likes.iter().filter(|(_, holds)| *holds).map(|(worth, _)| worth).sum();
        if best.is_none_or(|(other, _)| score > other) {
            best = Some((score, ip));
        }
    }
    best.map(|(_, ip)| ip)
}

/// The servers of one backend that stand for the records of one service. A record keeps its server for as long as it
/// is there, and gets it back when it comes back before another needed it; servers without a record wait in line,
/// those that lost theirs last at the end.
#[derive(Clone, Debug, Default)]
pub struct Slots {
    given: BTreeMap<ServiceRecord, Name>,
    /// Servers that wait, each with the record that it had last.
    free: VecDeque<(Name, Option<ServiceRecord>)>,
}

impl Slots {
    /// Takes a server in, with the record that it had before, if that is free.
    pub fn join(&mut self, server: Name, record: Option<ServiceRecord>) {
        if self.has(&server) {
            return;
        }
        match record.filter(|record| !self.given.contains_key(record)) {
            Some(record) => {
                self.given.insert(record, server);
            }
            None => self.free.push_back((server, None)),
        }
    }

    /// Lets a server go.
    pub fn leave(&mut self, server: &Name) {
        self.free.retain(|(other, _)| other != server);
        self.given.retain(|_, other| other != server);
    }

    /// Whether no server is left.
    pub fn is_empty(&self) -> bool {
        self.free.is_empty() && self.given.is_empty()
    }

    /// Makes these the records that there are; gives the servers that lost theirs. Records for which no server is
    /// free are left out.
    pub fn settle<'a>(&mut self, records: impl Iterator<Item = &'a ServiceRecord> + Clone) -> Vec<Name> {
        let mut lost = Vec::new();
        self.given.retain(|record, server| {
            let stays = records.clone().any(|other| other == record);
            if !stays {
                lost.push((server.clone(), Some(record.clone())));
            }
            stays
        });
        self.free.extend(lost.iter().cloned());
        for record in records.clone().filter(|record| !self.given.contains_key(*record)).collect::<Vec<_>>() {
            let had = |(_, last): &(Name, Option<ServiceRecord>)| last.as_ref() == Some(record);
            if let Some((server, _)) = self.free.iter().position(had).and_then(|at| self.free.remove(at)) {
                self.given.insert(record.clone(), server);
            }
        }
        for record in records {
            if !self.given.contains_key(record)
                && let Some((server, _)) = self.free.pop_front()
            {
                self.given.insert(record.clone(), server);
            }
        }
        let is_given = |server: &Name| self.given.values().any(|other| other == server);
        lost.into_iter().map(|(server, _)| server).filter(|server| !is_given(server)).collect()
    }

    /// The records that have a server.
    pub fn given(&self) -> impl Iterator<Item = (&ServiceRecord, &Name)> {
        self.given.iter()
    }

    fn has(&self, server: &Name) -> bool {
        self.free.iter().any(|(other, _)| other == server) || self.given.values().any(|other| other == server)
    }
}

/// The weight of a server for the weight of its record, 0 to 65535: 0 stays 0, and whatever is more is at least 1.
pub fn weight(of_record: u16) -> u64 {
    u64::from(of_record).div_ceil(256)
}

fn contains((network, bits): (IpAddr, u8), ip: IpAddr) -> bool {
    match (network, ip) {
        (IpAddr::V4(network), IpAddr::V4(ip)) => {
            let mask = u32::MAX.checked_shl(32_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        (IpAddr::V6(network), IpAddr::V6(ip)) => {
            let mask = u128::MAX.checked_shl(128_u32.saturating_sub(u32::from(bits))).unwrap_or(0);
            network.to_bits() & mask == ip.to_bits() & mask
        }
        _ => false,
    }
}

#[cfg(test)]
#[path = "assign_tests.rs"]
mod tests;
