//! The address is in a network (`ip`): the longest prefix, by a hash per length; odd masks in order after that.
//!
//! An IPv4 address is looked for as itself, then as the IPv6 address that maps it; an IPv6 address as itself, then as
//! the IPv4 address that it stands for. This is how HAProxy 2.6 looks.

use std::net::IpAddr;
use std::sync::Arc;

use regate_proto::patterns::{Entry, EntryId, KeyIndex};
use regate_proto::rules::MatchMethod;
use regate_proto::rules::patterns::{Matching, Pattern, v4_mask, v4_within, v6_mask, v6_of};
use xxhash_rust::xxh3::xxh3_64;

use super::Entries;

#[derive(Clone, Debug, Default)]
pub(super) struct Networks {
    v4: Prefixes,
    v6: Prefixes,
    /// Masks with gaps, by id: address and mask.
    odd: Arc<Vec<(EntryId, u32, u32)>>,
}

/// Networks of one family.
#[derive(Clone, Debug, Default)]
struct Prefixes {
    index: KeyIndex,
    /// The lengths that there are, the longest first, each with how many.
    lengths: Vec<(u8, u32)>,
}

impl Networks {
    pub(super) fn insert(&mut self, pattern: &Pattern<'_>, id: EntryId) {
        match prefix(pattern) {
            Some(Prefix::V4(address, length)) => self.v4.insert(length, hash_v4(address, length), id),
            Some(Prefix::V6(address, length)) => self.v6.insert(length, hash_v6(address, length), id),
            Some(Prefix::Odd(address, mask)) => {
                let odd = Arc::make_mut(&mut self.odd);
                if let Err(at) = odd.binary_search_by_key(&id, |(id, ..)| *id) {
                    odd.insert(at, (id, address, mask));
                }
            }
            None => {}
        }
    }

    pub(super) fn remove(&mut self, pattern: &Pattern<'_>, id: EntryId) {
        match prefix(pattern) {
            Some(Prefix::V4(address, length)) => self.v4.remove(length, hash_v4(address, length), id),
            Some(Prefix::V6(address, length)) => self.v6.remove(length, hash_v6(address, length), id),
            Some(Prefix::Odd(..)) => {
                let odd = Arc::make_mut(&mut self.odd);
                if let Ok(at) = odd.binary_search_by_key(&id, |(id, ..)| *id) {
                    odd.remove(at);
                }
            }
            None => {}
        }
    }

    pub(super) fn find<'e>(&self, ip: IpAddr, entries: &'e Entries) -> Option<Entry<'e>> {
        let (found, v4) = match ip {
            IpAddr::V4(ip) => {
                let v4 = ip.to_bits();
                let found = self.find_v4(v4, entries).or_else(|| self.find_v6(v6_of(v4), entries));
                (found, Some(v4))
            }
            IpAddr::V6(ip) => {
                let v6 = ip.to_bits();
                let v4 = v4_within(v6);
                let found = self.find_v6(v6, entries);
                (found.or_else(|| v4.and_then(|v4| self.find_v4(v4, entries))), v4)
            }
        };
        let odd = || {
            let v4 = v4?;
            let is_in = |(_, address, mask): &&(EntryId, u32, u32)| v4 & mask == *address;
            self.odd.iter().find(is_in).and_then(|(id, ..)| entries.find(*id))
        };
        found.or_else(odd)
    }

    fn find_v4<'e>(&self, address: u32, entries: &'e Entries) -> Option<Entry<'e>> {
        self.v4.lengths.iter().find_map(|(length, _)| {
            let mask = v4_mask(*length);
            let wanted = Pattern::V4 { address: address & mask, mask };
            self.v4.find(hash_v4(address & mask, *length), &wanted, entries)
        })
    }

    fn find_v6<'e>(&self, address: u128, entries: &'e Entries) -> Option<Entry<'e>> {
        self.v6.lengths.iter().find_map(|(length, _)| {
            let address = address & v6_mask(*length);
            let wanted = Pattern::V6 { address, length: *length };
            self.v6.find(hash_v6(address, *length), &wanted, entries)
        })
    }
}

impl Prefixes {
    fn insert(&mut self, length: u8, hash: u64, id: EntryId) {
        let before = self.index.len();
        self.index.insert(hash, id);
        if self.index.len() > before {
            match self.lengths.binary_search_by(|(other, _)| length.cmp(other)) {
                Ok(at) => self.lengths[at].1 = self.lengths[at].1.saturating_add(1),
                Err(at) => self.lengths.insert(at, (length, 1)),
            }
        }
    }

    fn remove(&mut self, length: u8, hash: u64, id: EntryId) {
        if self.index.remove(hash, id)
            && let Ok(at) = self.lengths.binary_search_by(|(other, _)| length.cmp(other))
        {
            self.lengths[at].1 = self.lengths[at].1.saturating_sub(1);
            if self.lengths[at].1 == 0 {
                self.lengths.remove(at);
            }
        }
    }

    fn find<'e>(&self, hash: u64, wanted: &Pattern<'_>, entries: &'e Entries) -> Option<Entry<'e>> {
        let is_it =
            |entry: &Entry<'e>| Matching::exactly(MatchMethod::Ip).parse(entry.key).as_ref() == Ok(wanted);
        self.index.find(hash).filter_map(|id| entries.find(id)).find(is_it)
    }
}

enum Prefix {
    V4(u32, u8),
    V6(u128, u8),
    Odd(u32, u32),
}

fn prefix(pattern: &Pattern<'_>) -> Option<Prefix> {
    match *pattern {
        Pattern::V4 { address, mask } if mask.leading_ones() + mask.trailing_zeros() >= 32 => {
            Some(Prefix::V4(address, u8::try_from(mask.leading_ones()).unwrap_or(32)))
        }
        Pattern::V4 { address, mask } => Some(Prefix::Odd(address, mask)),
        Pattern::V6 { address, length } => Some(Prefix::V6(address, length)),
        _ => None,
    }
}

fn hash_v4(address: u32, length: u8) -> u64 {
    let mixed = (u64::from(address) << 8 | u64::from(length)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed ^ mixed >> 32
}

fn hash_v6(address: u128, length: u8) -> u64 {
    let mut bytes = [length; 17];
    bytes[..16].copy_from_slice(&address.to_be_bytes());
    xxh3_64(&bytes)
}
