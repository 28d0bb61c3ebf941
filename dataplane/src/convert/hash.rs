//! Hashes that protect nothing (configuration manual 7.3.1).

use regate_proto::model::HashFunction;
use regate_proto::rules::converters::Hash;

use crate::balance::{Hashing, avalanche};

/// The hash of bytes. What `number` means is told by the function: a seed, or whether the result is spread.
pub(super) fn hash(function: Hash, bytes: &[u8], number: i64) -> i64 {
    let spread = number != 0;
    match function {
        Hash::Crc32 => shared(HashFunction::Crc32, bytes, spread),
        Hash::Djb2 => shared(HashFunction::Djb2, bytes, spread),
        Hash::Sdbm => shared(HashFunction::Sdbm, bytes, spread),
        Hash::Wt6 => shared(HashFunction::Wt6, bytes, spread),
        Hash::Crc32c if spread => i64::from(avalanche(crc32c(bytes))),
        Hash::Crc32c => i64::from(crc32c(bytes)),
        Hash::Xxh3 => xxhash_rust::xxh3::xxh3_64_with_seed(bytes, number as u64) as i64,
        Hash::Xxh32 => i64::from(xxhash_rust::xxh32::xxh32(bytes, number as u32)),
        Hash::Xxh64 => xxhash_rust::xxh64::xxh64(bytes, number as u64) as i64,
    }
}

/// As keys of balancing are hashed.
fn shared(function: HashFunction, bytes: &[u8], spread: bool) -> i64 {
    i64::from(Hashing::new(function, spread).hash(bytes))
}

/// CRC-32C (RFC 4960, appendix B).
fn crc32c(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |crc, byte| CASTAGNOLI[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

/// What each byte does to the sum.
const CASTAGNOLI: [u32; 256] = {
    let mut table = [0; 256];
    let mut at = 0;
    while at < 256 {
        let mut crc = at as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0x82f6_3b78 } else { crc >> 1 };
            bit += 1;
        }
        table[at] = crc;
        at += 1;
    }
    table
};
