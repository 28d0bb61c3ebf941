//! How servers are chosen.

use std::fmt;

use crate::rules::Sample;

/// What says how servers are chosen, besides the algorithm. Absent fields come from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Balancing {
    /// How a key leads to a server. Default: [`HashType::DEFAULT`].
    pub hash_type: Option<HashType>,
    /// Most of the average load that a server chosen by a consistent hash or at random may have, in percent: 0, for
    /// no limit, or more than 100. Default: 0.
    pub hash_balance_factor: Option<BalanceFactor>,
    /// `option allbackups`: whether all backups serve where no other server can, not the first alone. Default: no.
    pub allbackups: Option<bool>,
}

/// How servers are chosen (configuration manual 4.2 "balance").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Balance {
    /// In turns, by weight.
    RoundRobin,
    /// In turns along a fixed list, by weight.
    StaticRr,
    /// The fewest connections for its weight.
    LeastConn,
    /// The first, by number, that has room.
    First,
    /// The least loaded of so many drawn at random, at least one.
    Random(u32),
    /// By the client's address.
    Source,
    /// By the request's target.
    Uri(UriKey),
    /// By a parameter of the query.
    UrlParam {
        /// The parameter.
        name: KeyName,
        /// Whether it is looked for in the body of a POST request too.
        check_post: bool,
    },
    /// By a header.
    Header {
        /// The header, in any case.
        name: KeyName,
        /// Whether only the part before the last dot counts, up to the dot before.
        domain_only: bool,
    },
    /// By an RDP cookie.
    RdpCookie(KeyName),
    /// By a sample, as bytes.
    Hash(Sample),
    /// The one that was there first, as long as it is up.
    Sticky,
}

/// What of a request's target is the key (configuration manual 4.2 "balance uri").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct UriKey {
    /// Whether the query counts.
    pub whole: bool,
    /// The first characters that count, at least one. Default: all.
    pub length: Option<u32>,
    /// The first directories that count, at least one. Default: all.
    pub depth: Option<u32>,
    /// Whether scheme and authority of an absolute target are left out.
    pub path_only: bool,
}

/// How a key leads to a server (configuration manual 4.2 "hash-type").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct HashType {
    /// How a hash leads to a server.
    pub method: HashMethod,
    /// How a key becomes a hash. Default: sdbm, with the avalanche where the method is consistent.
    pub function: Option<HashFunction>,
    /// Whether the hash is mixed once more.
    pub avalanche: bool,
}

/// How a hash leads to a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashMethod {
    /// By its place in a list of all usable servers.
    MapBased,
    /// By its place on a ring, where each server has many.
    Consistent,
}

/// How a key becomes a hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HashFunction {
    /// As in the sdbm database library.
    Sdbm,
    /// D. J. Bernstein's, from comp.lang.c.
    Djb2,
    /// HAProxy's own, for numbers.
    Wt6,
    /// CRC-32 as in gzip.
    Crc32,
    /// Not at all: the key is the hash, in decimal digits.
    None,
}

/// A share of the average load in percent: 0, for no limit, or more than 100.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BalanceFactor(u32);

/// The name of what is hashed: a header, a parameter, a cookie.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct KeyName(String);

/// What [`BalanceFactor`] and [`KeyName`] do not take; as text, what they do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BadKey(&'static str);

impl HashType {
    /// The hash type where none is said.
    pub const DEFAULT: HashType = HashType { method: HashMethod::MapBased, function: None, avalanche: false };
}

impl BalanceFactor {
    /// Checks the range.
    pub fn new(percent: u32) -> Result<BalanceFactor, BadKey> {
        let takes = (percent == 0 || percent > 100) && percent <= i32::MAX as u32;
        takes.then_some(BalanceFactor(percent)).ok_or(BadKey("0 (no limit) or more than 100 is expected"))
    }

    /// The percentage, 0 for no limit.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl KeyName {
    /// The longest name accepted, in bytes.
    pub const LONGEST: usize = 255;

    /// Checks the characters: visible ASCII but parentheses and commas, which end it where it is written.
    pub fn new(text: &str) -> Result<KeyName, BadKey> {
        let fits = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'(' | b')' | b',');
        if text.is_empty() || text.len() > Self::LONGEST || !text.bytes().all(fits) {
            return Err(BadKey(
                "a name of 1 to 255 visible ASCII characters without '(', ')' and ',' is expected",
            ));
        }
        Ok(KeyName(text.to_owned()))
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for BadKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for BadKey {}
