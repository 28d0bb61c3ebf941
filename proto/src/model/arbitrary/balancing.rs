//! How servers are chosen.

use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{Balance, BalanceFactor, Balancing, HashFunction, HashMethod, HashType, KeyName, UriKey};
use super::word;
use crate::rules::Sample;

/// An algorithm with its arguments.
pub fn balance() -> BoxedStrategy<Balance> {
    let plain = vec![
        Balance::RoundRobin,
        Balance::StaticRr,
        Balance::LeastConn,
        Balance::First,
        Balance::Source,
        Balance::Sticky,
    ];
    let uri = (any::<bool>(), of(1..=100_u32), of(1..=100_u32), any::<bool>())
        .prop_map(|(whole, length, depth, path_only)| UriKey { whole, length, depth, path_only });
    prop_oneof![
        4 => select(plain),
        1 => (1..=10_u32).prop_map(Balance::Random),
        1 => uri.prop_map(Balance::Uri),
        1 => (key_name(), any::<bool>()).prop_map(|(name, check_post)| Balance::UrlParam { name, check_post }),
        1 => (key_name(), any::<bool>()).prop_map(|(name, domain_only)| Balance::Header { name, domain_only }),
        1 => key_name().prop_map(Balance::RdpCookie),
        1 => select(vec!["path,lower", "req.hdr(x-a,2)"])
            .prop_filter_map("a sample", |text| Sample::parse(text).ok().map(Balance::Hash)),
    ]
    .boxed()
}

/// What else says how servers are chosen.
pub fn balancing() -> BoxedStrategy<Balancing> {
    let method = select(vec![HashMethod::MapBased, HashMethod::Consistent]);
    let function = select(vec![
        HashFunction::Sdbm,
        HashFunction::Djb2,
        HashFunction::Wt6,
        HashFunction::Crc32,
        HashFunction::None,
    ]);
    let hash_type = (method, of(function), any::<bool>()).prop_map(|(method, function, avalanche)| {
        HashType { method, function, avalanche: avalanche && function.is_some() }
    });
    let factor = prop_oneof![Just(0), 101..=1000_u32]
        .prop_filter_map("a factor", |percent| BalanceFactor::new(percent).ok());
    (of(hash_type), of(factor), of(any::<bool>()))
        .prop_map(|(hash_type, hash_balance_factor, allbackups)| Balancing {
            hash_type,
            hash_balance_factor,
            allbackups,
        })
        .boxed()
}

fn key_name() -> impl Strategy<Value = KeyName> + Clone {
    let odd = select(vec!["X-K\"ey", "a'b", "#", "a\\b", "$x", "mstshash"]).prop_map(str::to_owned);
    prop_oneof![4 => word(), 1 => odd].prop_filter_map("a name", |text| KeyName::new(&text).ok())
}
