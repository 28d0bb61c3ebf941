//! Hash functions, as `hash-type` names them (configuration manual 4.2 "hash-type").
//!
//! Each gives what HAProxy's converter of that name gives for the same bytes.

use regate_proto::model::{HashFunction, HashMethod, HashType};

/// How keys become hashes, everything said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hashing {
    function: HashFunction,
    avalanche: bool,
}

impl Hashing {
    /// What a hash type means; a consistent one without a function is sdbm with the avalanche.
    pub fn of(kind: HashType) -> Hashing {
        match kind.function {
            Some(function) => Hashing { function, avalanche: kind.avalanche },
            None => {
                Hashing { function: HashFunction::Sdbm, avalanche: kind.method == HashMethod::Consistent }
            }
        }
    }

    /// A function with or without the modifier.
    pub fn new(function: HashFunction, avalanche: bool) -> Hashing {
        Hashing { function, avalanche }
    }

    /// The hash of a key.
    pub fn hash(self, key: &[u8]) -> u32 {
        let hash = match self.function {
            HashFunction::Sdbm => sdbm(0, key),
            HashFunction::Djb2 => djb2(key),
            HashFunction::Wt6 => wt6(key),
            HashFunction::Crc32 => crc32fast::hash(key),
            HashFunction::None => digits(key),
        };
        self.finish(hash)
    }

    /// The hash of a key that is a number already: no function applies to it, only the modifier.
    pub fn finish(self, number: u32) -> u32 {
        if self.avalanche { avalanche(number) } else { number }
    }
}

/// Spreads a number over all of its range: R. Jenkins' integer hash of six shifts, then a large prime, which is what
/// HAProxy places servers on its ring by.
pub fn avalanche(number: u32) -> u32 {
    let mut a = number;
    a = a.wrapping_add(0x7ed5_5d16).wrapping_add(a << 12);
    a = a ^ 0xc761_c23c ^ (a >> 19);
    a = a.wrapping_add(0x1656_67b1).wrapping_add(a << 5);
    a = a.wrapping_add(0xd3a2_646c) ^ (a << 9);
    a = a.wrapping_add(0xfd70_46c5).wrapping_add(a << 3);
    a = a ^ 0xb55a_4f09 ^ (a >> 16);
    a.wrapping_mul(SPREAD)
}

/// Each byte is added to 65599 times what was there, at first to `hash`.
pub fn sdbm(hash: u32, key: &[u8]) -> u32 {
    key.iter().fold(hash, |hash: u32, byte| hash.wrapping_mul(65_599).wrapping_add(u32::from(*byte)))
}

/// Each byte is added to 33 times what was there.
fn djb2(key: &[u8]) -> u32 {
    key.iter().fold(5381, |hash: u32, byte| hash.wrapping_mul(33).wrapping_add(u32::from(*byte)))
}

/// Two halves take each byte in, inverted, and change places; how far both turn meanwhile hangs on themselves.
fn wt6(key: &[u8]) -> u32 {
    let (mut left, mut right) = (0xa53c_965a_u32, 0x5ca6_953a_u32);
    let (mut right_turn, mut left_turn) = (6, 18);
    for byte in key.iter().map(|byte| u32::from(*byte)) {
        (left, right) =
            ((!right.wrapping_add(byte)).rotate_left(right_turn), (!(left ^ byte)).rotate_left(left_turn));
        let mixed = (left >> 16) ^ (right & 0xffff);
        (right_turn, left_turn) = (mixed & 31, mixed >> 11);
    }
    left ^ right
}

/// The decimal number that the key begins with, cut to 32 bits; 0 where there is none.
fn digits(key: &[u8]) -> u32 {
    let digits = key.iter().take_while(|byte| byte.is_ascii_digit());
    digits.fold(0, |number: u32, digit| number.wrapping_mul(10).wrapping_add(u32::from(digit - b'0')))
}

/// A prime near three quarters of the range.
const SPREAD: u32 = 3_221_225_473;
