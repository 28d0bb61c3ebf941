//! Names that are made unknowable, so that outputs can be shown to others (management manual 9.3 "set anon").
//!
//! The same name gives the same digits under the same key, so that outputs can still be compared.

use std::hash::{BuildHasher, RandomState};

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// What makes names unknowable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Anonymous(u32);

impl Anonymous {
    /// By this key.
    pub fn new(key: u32) -> Anonymous {
        Anonymous(key)
    }

    /// The key.
    pub fn key(self) -> u32 {
        self.0
    }

    /// What stands for a name: 24 bits in hexadecimal digits.
    pub fn name(self, name: &str) -> String {
        format!("{:06x}", xxh3_64_with_seed(name.as_bytes(), u64::from(self.0)) & 0xff_ffff)
    }
}

/// A key that nobody knows.
pub fn random_key() -> u32 {
    let number = RandomState::new().hash_one(0_u8);
    u32::try_from(number & 0xff_ffff).unwrap_or(0).max(1)
}
