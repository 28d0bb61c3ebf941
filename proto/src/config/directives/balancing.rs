//! `balance`, `hash-type`, `hash-balance-factor` and `option allbackups` (configuration manual 4.2).

use crate::model::{Balance, BalanceFactor, Balancing, HashFunction, HashMethod, HashType, KeyName, UriKey};
use crate::rules::{Checkpoint, Sample};

use super::super::lexer::Word;
use super::arguments::{Arguments, Codec, Reading, about, choice, expecting, not_yet, number, parse_number};
use super::options::switch;
use super::{Action, Directive, Draft, Lines, Sections, setting};

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    setting!(
        "balance",
        Sections::BACK,
        "<algorithm> [ <argument> … ]",
        backend.balance,
        BALANCE,
        &[
            "balance roundrobin",
            "balance static-rr",
            "balance leastconn",
            "balance first",
            "balance random",
            "balance random(3)",
            "balance source",
            "balance uri",
            "balance uri whole len 20 depth 3 path-only",
            "balance url_param userid",
            "balance url_param session_id check_post",
            "balance hdr(User-Agent)",
            "balance hdr(Host) use_domain_only",
            "balance rdp-cookie",
            "balance rdp-cookie(token)",
            "balance sticky",
            "balance hash path,lower",
        ],
        &[
            "balance robin",
            "balance roundrobin 3",
            "balance random(0)",
            "balance random(x)",
            "balance random(3",
            "balance uri len",
            "balance uri len 0",
            "balance uri depth x",
            "balance uri query",
            "balance url_param",
            "balance url_param a b",
            "balance hdr",
            "balance hdr()",
            "balance hdr(a b)",
            "balance hdr(Host) domain",
            "balance rdp-cookie()",
            "balance hash",
            "balance hash pth",
            "balance hash status",
            "balance log-hash lower",
        ]
    ),
    Directive {
        name: "hash-type",
        sections: Sections::BACK,
        syntax: "{ map-based | consistent } [ <function> [ avalanche ] ]",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let value = read_hash_type(arguments)?;
                arguments.finish()?;
                set(draft, |balancing| balancing.hash_type = Some(value));
                Ok(())
            },
            write: |draft, lines| {
                if let Some(kind) = balancing(draft).and_then(|balancing| balancing.hash_type) {
                    lines.push(spell_hash_type(kind));
                }
            },
        },
        accepted: &[
            "hash-type map-based",
            "hash-type consistent",
            "hash-type consistent djb2 avalanche",
            "hash-type map-based wt6",
            "hash-type map-based crc32",
            "hash-type consistent none",
            "hash-type map-based sdbm avalanche",
        ],
        refused: &[
            "hash-type",
            "hash-type tree",
            "hash-type consistent md5",
            "hash-type consistent avalanche",
            "hash-type map-based sdbm twice",
            "hash-type map-based sdbm avalanche x",
        ],
    },
    Directive {
        name: "hash-balance-factor",
        sections: Sections::BACK,
        syntax: "<percent>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let word = arguments.take("0, or a percentage over 100")?;
                let value = parse_number(word, "0, or a percentage over 100,")?;
                let bad = |bad| expecting(word, format!("{value} is out of range"), bad);
                let percent = u32::try_from(value).unwrap_or(u32::MAX);
                let factor = BalanceFactor::new(percent).map_err(|error| bad(error.to_string()))?;
                arguments.finish()?;
                set(draft, |balancing| balancing.hash_balance_factor = Some(factor));
                Ok(())
            },
            write: |draft, lines: &mut Lines| {
                if let Some(factor) = balancing(draft).and_then(|balancing| balancing.hash_balance_factor) {
                    lines.push(vec![factor.get().to_string()]);
                }
            },
        },
        accepted: &["hash-balance-factor 0", "hash-balance-factor 150"],
        refused: &["hash-balance-factor", "hash-balance-factor 100", "hash-balance-factor much"],
    },
    switch!(
        "option allbackups",
        Sections::BACK,
        backend.balancing.allbackups,
        &["option allbackups", "no option allbackups"],
        &["option allbackups now"]
    ),
];

/// `balance`; the word alone means round robin.
const BALANCE: Codec<Balance> = Codec { read: read_balance, write: spell_balance };

fn read_balance(arguments: &mut Arguments) -> Reading<Balance> {
    let Some(word) = arguments.maybe() else { return Ok(Balance::RoundRobin) };
    let (head, inner) = split(word)?;
    let balance = match (head, inner) {
        ("roundrobin", None) => Balance::RoundRobin,
        ("static-rr", None) => Balance::StaticRr,
        ("leastconn", None) => Balance::LeastConn,
        ("first", None) => Balance::First,
        ("source", None) => Balance::Source,
        ("sticky", None) => Balance::Sticky,
        ("random", None | Some("")) => Balance::Random(DEFAULT_DRAWS),
        ("random", Some(draws)) => {
            let draws = draws.parse().ok().filter(|draws| (1..=i32::MAX as u32).contains(draws));
            Balance::Random(draws.ok_or_else(|| {
                let message = format!("'{}' does not say how many servers are drawn", word.text);
                expecting(word, message, "a number from 1 is expected in the parentheses")
            })?)
        }
        ("uri", None) => Balance::Uri(read_uri(arguments)?),
        ("url_param", None) => {
            let word = arguments.take("the name of a parameter")?;
            let name = key_name(word, &word.text)?;
            let check_post = modifier(arguments, "check_post")?;
            if check_post && let Some(limit) = arguments.maybe() {
                parse_number(limit, "a number of bytes")?;
                arguments.note(limit, "the length is ignored: bodies are looked at as far as they have come");
            }
            Balance::UrlParam { name, check_post }
        }
        ("hdr", inner) => {
            let name = key_name(word, inner.unwrap_or_default())?;
            Balance::Header { name, domain_only: modifier(arguments, "use_domain_only")? }
        }
        ("rdp-cookie", inner) => Balance::RdpCookie(key_name(word, inner.unwrap_or(RDP_COOKIE))?),
        ("hash", None) => Balance::Hash(read_sample(arguments)?),
        ("log-hash", _) => return Err(not_yet(word, "balance")),
        _ => return Err(choice(word, ALGORITHMS)),
    };
    Ok(balance)
}

fn spell_balance(balance: &Balance) -> Vec<String> {
    let word = |text: &str| vec![text.to_owned()];
    let with = |first: String, modifier: &str, said: bool| {
        std::iter::once(first).chain(said.then(|| modifier.to_owned())).collect()
    };
    match balance {
        Balance::RoundRobin => word("roundrobin"),
        Balance::StaticRr => word("static-rr"),
        Balance::LeastConn => word("leastconn"),
        Balance::First => word("first"),
        Balance::Random(DEFAULT_DRAWS) => word("random"),
        Balance::Random(draws) => vec![format!("random({draws})")],
        Balance::Source => word("source"),
        Balance::Sticky => word("sticky"),
        Balance::Uri(key) => {
            let mut words = word("uri");
            words.extend(key.whole.then(|| "whole".to_owned()));
            let numbers = [("len", key.length), ("depth", key.depth)];
            for (name, number) in numbers.into_iter().filter_map(|(name, number)| Some((name, number?))) {
                words.extend([name.to_owned(), number.to_string()]);
            }
            words.extend(key.path_only.then(|| "path-only".to_owned()));
            words
        }
        Balance::UrlParam { name, check_post } => {
            let mut words = word("url_param");
            words.extend(with(name.as_str().to_owned(), "check_post", *check_post));
            words
        }
        Balance::Header { name, domain_only } => {
            with(format!("hdr({})", name.as_str()), "use_domain_only", *domain_only)
        }
        Balance::RdpCookie(name) if name.as_str() == RDP_COOKIE => word("rdp-cookie"),
        Balance::RdpCookie(name) => vec![format!("rdp-cookie({})", name.as_str())],
        Balance::Hash(sample) => vec!["hash".to_owned(), sample.to_string()],
    }
}

/// The sample after `hash`, which must mean something when a server is chosen.
fn read_sample(arguments: &mut Arguments) -> Reading<Sample> {
    let word = arguments.take("a sample")?;
    let sample = Sample::parse(&word.text).map_err(|mistake| match mistake.help {
        Some(help) => expecting(word, mistake.message, help),
        None => about(word, mistake.message),
    })?;
    match sample.row.reach.covers(Checkpoint::UseServer) {
        true => Ok(sample),
        false => {
            let message = format!("fetch '{}' has no meaning in {}", sample.row.name, Checkpoint::UseServer);
            Err(about(word, message))
        }
    }
}

fn read_uri(arguments: &mut Arguments) -> Reading<UriKey> {
    let mut key = UriKey::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "whole" => key.whole = true,
            "path-only" => key.path_only = true,
            "len" => key.length = Some(number(arguments, 1, i32::MAX as u32)?),
            "depth" => key.depth = Some(number(arguments, 1, i32::MAX as u32)?),
            _ => return Err(choice(word, &["whole", "len", "depth", "path-only"])),
        }
    }
    Ok(key)
}

fn read_hash_type(arguments: &mut Arguments) -> Reading<HashType> {
    let word = arguments.take("'map-based' or 'consistent'")?;
    let method = match word.text.as_str() {
        "map-based" => HashMethod::MapBased,
        "consistent" => HashMethod::Consistent,
        _ => return Err(choice(word, &["map-based", "consistent"])),
    };
    let Some(word) = arguments.maybe() else {
        return Ok(HashType { method, function: None, avalanche: false });
    };
    let found = FUNCTIONS.iter().find(|(name, _)| *name == word.text);
    let Some((_, function)) = found else { return Err(choice(word, &FUNCTIONS.map(|(name, _)| name))) };
    Ok(HashType { method, function: Some(*function), avalanche: modifier(arguments, "avalanche")? })
}

fn spell_hash_type(kind: HashType) -> Vec<String> {
    let method = match kind.method {
        HashMethod::MapBased => "map-based",
        HashMethod::Consistent => "consistent",
    };
    let function = FUNCTIONS.iter().find(|(_, function)| Some(*function) == kind.function);
    let words = [Some(method), function.map(|(name, _)| *name), kind.avalanche.then_some("avalanche")];
    words.into_iter().flatten().map(str::to_owned).collect()
}

/// A word and what stands in parentheses at its end.
fn split(word: &Word) -> Reading<(&str, Option<&str>)> {
    match word.text.split_once('(') {
        None => Ok((&word.text, None)),
        Some((head, rest)) => match rest.strip_suffix(')') {
            Some(inner) => Ok((head, Some(inner))),
            None => Err(about(word, format!("'{}' has no closing parenthesis", word.text))),
        },
    }
}

/// The word that may follow; refuses another.
fn modifier(arguments: &mut Arguments, expected: &str) -> Reading<bool> {
    match arguments.maybe() {
        None => Ok(false),
        Some(word) if word.text == expected => Ok(true),
        Some(word) => Err(choice(word, &[expected])),
    }
}

fn key_name(word: &Word, text: &str) -> Reading<KeyName> {
    KeyName::new(text)
        .map_err(|bad| expecting(word, format!("'{}' names nothing to look for", word.text), bad.to_string()))
}

fn set(draft: &mut Draft, change: impl FnOnce(&mut Balancing)) {
    if let Some(side) = &mut draft.backend {
        change(&mut side.balancing);
    }
}

fn balancing(draft: &Draft) -> Option<&Balancing> {
    draft.backend.as_ref().map(|side| &side.balancing)
}

const ALGORITHMS: &[&str] = &[
    "roundrobin",
    "static-rr",
    "leastconn",
    "first",
    "random",
    "source",
    "uri",
    "url_param",
    "hdr(<name>)",
    "rdp-cookie",
    "sticky",
];
const FUNCTIONS: [(&str, HashFunction); 5] = [
    ("sdbm", HashFunction::Sdbm),
    ("djb2", HashFunction::Djb2),
    ("wt6", HashFunction::Wt6),
    ("crc32", HashFunction::Crc32),
    ("none", HashFunction::None),
];
/// Draws where none are said.
const DEFAULT_DRAWS: u32 = 2;
/// The RDP cookie where none is named.
const RDP_COOKIE: &str = "mstshash";
