//! Keys of entries, as the words that a shard compares.
//!
//! Pure. A key is made for one type of keys; a table takes those of its own type only.

use std::net::{IpAddr, Ipv6Addr};

use regate_proto::model::TableKey;
use smallvec::SmallVec;

/// The key of an entry.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Key {
    words: SmallVec<[u32; 10]>,
}

impl Key {
    /// The key of an address; an IPv6 table takes IPv4 addresses as mapped ones, an IPv4 table takes mapped ones and
    /// no other IPv6 addresses.
    pub fn of_ip(kind: TableKey, ip: IpAddr) -> Option<Key> {
        match (kind, ip) {
            (TableKey::Ip, IpAddr::V4(ip)) => Some(Key::one(u32::from(ip))),
            (TableKey::Ip, IpAddr::V6(ip)) => ip.to_ipv4_mapped().map(|ip| Key::one(u32::from(ip))),
            (TableKey::Ipv6, IpAddr::V4(ip)) => Some(Key::of_v6(ip.to_ipv6_mapped())),
            (TableKey::Ipv6, IpAddr::V6(ip)) => Some(Key::of_v6(ip)),
            _ => None,
        }
    }

    /// The key of a number.
    pub fn of_integer(number: u32) -> Key {
        Key::one(number)
    }

    /// The key of a text or of bytes: cut where it is too long, and bytes filled with zeros where they are too short.
    /// Nothing for tables of other types.
    pub fn of_bytes(kind: TableKey, bytes: &[u8]) -> Option<Key> {
        let (length, words) = match kind {
            TableKey::String(length) => {
                (length as usize, SmallVec::with_capacity(1 + bytes.len().div_ceil(4)))
            }
            TableKey::Binary(length) => {
                (length as usize, SmallVec::with_capacity((length as usize).div_ceil(4)))
            }
            _ => return None,
        };
        let bytes = bytes.get(..length).unwrap_or(bytes);
        let mut key = Key { words };
        if matches!(kind, TableKey::String(_)) {
            key.words.push(bytes.len() as u32);
        }
        key.words.extend(bytes.chunks(4).map(|chunk| {
            let mut word = [0; 4];
            word[..chunk.len()].copy_from_slice(chunk);
            u32::from_le_bytes(word)
        }));
        if matches!(kind, TableKey::Binary(_)) {
            key.words.resize(length.div_ceil(4), 0);
        }
        Some(key)
    }

    /// The key as words.
    pub(super) fn words(&self) -> &[u32] {
        &self.words
    }

    /// The bytes of a key, as it is written to a file: addresses and numbers in network order.
    pub fn bytes(kind: TableKey, words: &[u32]) -> Vec<u8> {
        let packed = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
        match kind {
            TableKey::Ip | TableKey::Integer | TableKey::Ipv6 => {
                words.iter().flat_map(|word| word.to_be_bytes()).collect()
            }
            TableKey::Binary(length) => {
                let mut bytes = packed(words);
                bytes.truncate(length as usize);
                bytes
            }
            TableKey::String(_) => {
                let Some((length, rest)) = words.split_first() else { return Vec::new() };
                let mut bytes = packed(rest);
                bytes.truncate(*length as usize);
                bytes
            }
        }
    }

    /// Reads what [`Key::bytes`] gave.
    pub fn from_bytes(kind: TableKey, bytes: &[u8]) -> Option<Key> {
        match kind {
            TableKey::Ip | TableKey::Integer => Some(Key::one(u32::from_be_bytes(bytes.try_into().ok()?))),
            TableKey::Ipv6 => Some(Key::of_v6(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?))),
            TableKey::String(_) | TableKey::Binary(_) => Key::of_bytes(kind, bytes),
        }
    }

    fn one(word: u32) -> Key {
        Key { words: SmallVec::from_slice(&[word]) }
    }

    fn of_v6(ip: Ipv6Addr) -> Key {
        let words = ip.octets();
        let words = words.as_chunks::<4>().0.iter().map(|chunk| u32::from_be_bytes(*chunk));
        Key { words: words.collect() }
    }
}
