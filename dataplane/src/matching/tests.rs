//! Every index against a walk over the list.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;

use proptest::prelude::*;
use regate_proto::patterns::{Entry, EntryId, Run};
use regate_proto::rules::MatchMethod;
use regate_proto::rules::patterns::{
    Matching, Pattern, compile_regex, is_directory_delimiter, is_domain_delimiter, v4_mask, v4_within,
    v6_mask, v6_of,
};

use super::{Entries, Index, Needle};

/// A list with its index, kept up step by step, and what it should hold.
#[derive(Clone)]
struct World {
    entries: Entries,
    index: Index,
    model: BTreeMap<u64, Vec<u8>>,
}

impl World {
    fn new(matching: Matching) -> World {
        World { entries: Entries::default(), index: Index::new(matching), model: BTreeMap::new() }
    }

    fn write(&mut self, id: u64, key: Option<&[u8]>) {
        let id = EntryId(id);
        if let Some(old) = self.entries.find(id) {
            self.index.remove(old);
            self.model.remove(&id.0);
        }
        let added: Run = key.map(|key| Entry { id, key, value: None }).into_iter().collect();
        let run = self.entries.part(id.part()).cloned().unwrap_or_default();
        self.entries.write(id.part(), Some(Arc::new(run.merged(|other| other != id, &added))));
        if let Some(key) = key
            && self.index.insert(Entry { id, key, value: None })
        {
            self.model.insert(id.0, key.to_vec());
        }
    }

    /// The entry that a walk over the list finds.
    fn walk(&self, needle: Needle<'_>) -> Option<u64> {
        let matching = self.index.matching();
        let matches = self.model.iter().filter_map(|(id, key)| Some((*id, rank(matching, key, needle)?)));
        if matching.is_tree() {
            matches.min_by_key(|(id, rank)| (std::cmp::Reverse(*rank), *id)).map(|(id, _)| id)
        } else {
            matches.min_by_key(|(id, _)| *id).map(|(id, _)| id)
        }
    }

    fn find(&self, needle: Needle<'_>) -> Option<u64> {
        self.index.find(needle, &self.entries).map(|entry| entry.id.0)
    }
}

/// How well a pattern matches, if it does.
fn rank(matching: Matching, key: &[u8], needle: Needle<'_>) -> Option<u32> {
    let pattern = matching.parse(key).unwrap();
    match (pattern, needle) {
        (Pattern::Range(low, high), Needle::Int(number)) => (low..=high).contains(&number).then_some(0),
        (Pattern::Range(low, high), Needle::Bytes(text)) => {
            (low..=high).contains(&(text.len() as i64)).then_some(0)
        }
        (pattern @ (Pattern::V4 { .. } | Pattern::V6 { .. }), Needle::Ip(ip)) => rank_ip(&pattern, ip),
        (Pattern::Regex(text), Needle::Bytes(subject)) => {
            compile_regex(text, matching.ignore_case).unwrap().is_match(subject).then_some(0)
        }
        (Pattern::Bytes(pattern), Needle::Bytes(text)) => {
            let text = if matching.ignore_case { text.to_ascii_lowercase() } else { text.to_vec() };
            let length = u32::try_from(pattern.len()).unwrap();
            let matches = match matching.method {
                MatchMethod::Str | MatchMethod::Bin => *text == *pattern,
                MatchMethod::Beg => text.starts_with(&pattern),
                MatchMethod::End => text.ends_with(&pattern),
                MatchMethod::Sub => {
                    pattern.is_empty() || text.windows(pattern.len()).any(|window| *window == *pattern)
                }
                MatchMethod::Dir => stands_in(&text, &pattern, is_directory_delimiter),
                MatchMethod::Dom => stands_in(&text, &pattern, is_domain_delimiter),
                other => panic!("{other:?}"),
            };
            matches.then_some(length)
        }
        other => panic!("{other:?}"),
    }
}

/// In trees the family counts first, then the length; masks with gaps come last.
fn rank_ip(pattern: &Pattern<'_>, ip: IpAddr) -> Option<u32> {
    let (own, other) = (1000, 500);
    let v6 =
        |address: u128, length: u8, ip: u128| (ip & v6_mask(length) == address).then_some(u32::from(length));
    let v4 = |address: u32, mask: u32, ip: u32| (ip & mask == address).then(|| mask.leading_ones());
    match (pattern, ip) {
        (Pattern::V4 { address, mask }, ip)
            if v4_mask(u8::try_from(mask.leading_ones()).unwrap()) != *mask =>
        {
            let ip = match ip {
                IpAddr::V4(ip) => ip.to_bits(),
                IpAddr::V6(ip) => v4_within(ip.to_bits())?,
            };
            (ip & mask == *address).then_some(0)
        }
        (Pattern::V4 { address, mask }, IpAddr::V4(ip)) => Some(v4(*address, *mask, ip.to_bits())? + own),
        (Pattern::V4 { address, mask }, IpAddr::V6(ip)) => {
            Some(v4(*address, *mask, v4_within(ip.to_bits())?)? + other)
        }
        (Pattern::V6 { address, length }, IpAddr::V6(ip)) => Some(v6(*address, *length, ip.to_bits())? + own),
        (Pattern::V6 { address, length }, IpAddr::V4(ip)) => {
            Some(v6(*address, *length, v6_of(ip.to_bits()))? + other)
        }
        other => panic!("{other:?}"),
    }
}

fn stands_in(text: &[u8], pattern: &[u8], is_delimiter: fn(u8) -> bool) -> bool {
    !pattern.is_empty()
        && (0..text.len()).any(|start| {
            let ends = |end: usize| end == text.len() || is_delimiter(text[end]);
            (start == 0 || is_delimiter(text[start - 1]))
                && text[start..].starts_with(pattern)
                && ends(start + pattern.len())
        })
}

fn texts() -> BoxedStrategy<Vec<u8>> {
    prop_oneof![
        proptest::collection::vec(proptest::sample::select(&b"aAb/.?:"[..]), 0..8),
        proptest::collection::vec(proptest::sample::select(&b"ab"[..]), 0..4),
    ]
    .boxed()
}

fn ips() -> BoxedStrategy<IpAddr> {
    let v4 = (any::<bool>(), 0u32..8, 0u32..4);
    let v4 = v4.prop_map(|(high, low, mid)| u32::from(high) << 31 | mid << 16 | low);
    let v6 = prop_oneof![
        v4.clone().prop_map(v6_of),
        v4.clone().prop_map(u128::from),
        v4.clone().prop_map(|v4| 0x2002 << 112 | u128::from(v4) << 80),
        (0u128..4, 0u128..4).prop_map(|(high, low)| 0x2001 << 112 | high << 60 | low),
    ];
    prop_oneof![v4.prop_map(|bits| IpAddr::V4(bits.into())), v6.prop_map(|bits| IpAddr::V6(bits.into())),]
        .boxed()
}

fn keys(method: MatchMethod) -> BoxedStrategy<Vec<u8>> {
    let text = |text: String| text.into_bytes();
    match method {
        MatchMethod::Int | MatchMethod::Len => prop_oneof![
            (-3i64..20).prop_map(|number| number.to_string()),
            (0i64..10, 0i64..10).prop_map(|(low, more)| format!("{low}:{}", low + more)),
            (0i64..20).prop_map(|low| format!("{low}:")),
            (0i64..20).prop_map(|high| format!(":{high}")),
        ]
        .prop_map(text)
        .boxed(),
        MatchMethod::Ip => prop_oneof![
            (ips(), 0u8..=128).prop_map(|(ip, length)| match ip {
                IpAddr::V4(ip) => format!("{ip}/{}", length % 33),
                IpAddr::V6(ip) => format!("{ip}/{length}"),
            }),
            ips().prop_map(|ip| ip.to_string()),
            (0u32..8, 0u32..4).prop_map(|(low, mask)| format!("0.0.0.{low}/255.0.0.{mask}")),
        ]
        .prop_map(text)
        .boxed(),
        MatchMethod::Bin => texts()
            .prop_map(|bytes| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>())
            .prop_map(text)
            .boxed(),
        MatchMethod::Reg => proptest::sample::select(vec![
            "ab",
            "^a",
            "b$",
            "a.b",
            "(a|b)/",
            "[aA]b",
            "(?i)ab",
            "a+b",
            "x*",
            "a/?b",
            "^.?:",
            "(?:ab){2}",
            "/(a|A)",
            "aa|bb",
            "[ab]",
            r"\.b",
        ])
        .prop_map(|text| text.as_bytes().to_vec())
        .boxed(),
        _ => texts(),
    }
}

fn check(method: MatchMethod, ignore_case: bool) {
    let steps = proptest::collection::vec((0u64..400, proptest::option::weighted(0.7, keys(method))), 1..120);
    let needles = proptest::collection::vec((texts(), ips(), -5i64..25), 1..30);
    let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(60) };
    proptest!(config, |(steps in steps, needles in needles, pinned in 0usize..120, batch in 1usize..20)| {
        let mut world = World::new(Matching { method, ignore_case });
        let mut kept = None;
        for (at, (id, key)) in steps.iter().enumerate() {
            world.write(id * EntryId::STEP, key.as_deref());
            if at % batch == 0 {
                world.index.settle(&world.entries);
                if at >= pinned && kept.is_none() {
                    kept = Some(world.clone());
                }
            }
        }
        world.index.settle(&world.entries);
        for world in kept.iter().chain([&world]) {
            for (text, ip, number) in &needles {
                let needle = match method {
                    MatchMethod::Ip => Needle::Ip(*ip),
                    MatchMethod::Int => Needle::Int(*number),
                    _ => Needle::Bytes(text),
                };
                prop_assert_eq!(world.find(needle), world.walk(needle), "{:?} {:?}", needle, world.model.clone());
            }
        }
    });
}

#[test]
fn exact_texts() {
    check(MatchMethod::Str, false);
    check(MatchMethod::Str, true);
    check(MatchMethod::Bin, false);
}

#[test]
fn beginnings() {
    check(MatchMethod::Beg, false);
    check(MatchMethod::Beg, true);
}

#[test]
fn ends() {
    check(MatchMethod::End, false);
    check(MatchMethod::End, true);
}

#[test]
fn parts() {
    check(MatchMethod::Sub, false);
    check(MatchMethod::Sub, true);
}

#[test]
fn directories_and_domains() {
    check(MatchMethod::Dir, false);
    check(MatchMethod::Dir, true);
    check(MatchMethod::Dom, false);
}

#[test]
fn expressions() {
    check(MatchMethod::Reg, false);
    check(MatchMethod::Reg, true);
}

#[test]
fn numbers_and_lengths() {
    check(MatchMethod::Int, false);
    check(MatchMethod::Len, false);
}

#[test]
fn addresses() {
    check(MatchMethod::Ip, false);
}

#[test]
fn groups_are_put_into_values() {
    let regex = compile_regex("^/(a+)(b)?(c)", false).unwrap();
    let expanded = |value: &[u8]| super::expression::expanded(&regex, b"/aac/x", value);
    assert_eq!(expanded(br"<\1|\2|\3|\0|\9>"), b"<aa||c|/aac|>");
    assert_eq!(expanded(br"\\1\"), br"\1\");
}
