//! Patterns: reading one text by the method that it is matched by (configuration manual 7.1).
//!
//! Owns what a text means as a pattern, and refuses what means nothing. It must never hold lists or look anything
//! up: that is for the data plane's `matching`. Read next: `crate::patterns`.

use std::borrow::Cow;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::MatchMethod;

/// A method and whether it tells small letters from capitals: what an index is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Matching {
    /// The method.
    pub method: MatchMethod,
    /// Whether letters of ASCII are the same in both cases (`-i`).
    pub ignore_case: bool,
}

/// What the values of a list must be (`map_str_int` and kin, configuration manual 7.3.1 "map").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Output {
    /// Any text.
    Str,
    /// A number.
    Int,
    /// An address.
    Ip,
    /// Any text, in which `\1` to `\9` stand for groups of the expression (`map_regm`).
    Groups,
    /// There need not be any: an ACL.
    #[default]
    Nothing,
}

/// One way in which rules use a list; what is in the list must suit all of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Use {
    /// How keys are matched.
    pub matching: Matching,
    /// What values must be.
    pub output: Output,
}

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Pattern<'a> {
    /// Nothing that matters: the method looks at no pattern.
    Any,
    /// Numbers from the first to the second, both included.
    Range(i64, i64),
    /// An IPv4 network: bits of the mask that are set must be those of the address.
    V4 {
        /// The address, with the bits that do not matter at zero.
        address: u32,
        /// The mask.
        mask: u32,
    },
    /// An IPv6 network.
    V6 {
        /// The address, with the bits that do not matter at zero.
        address: u128,
        /// The number of leading bits that matter.
        length: u8,
    },
    /// Text or bytes to compare with; in small letters where case is ignored.
    Bytes(Cow<'a, [u8]>),
    /// A regular expression.
    Regex(&'a str),
}

/// Why a text is no pattern, or no value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum BadPattern {
    /// No address and no network.
    Address(String),
    /// No number.
    Number(String),
    /// No range of numbers.
    Range(String),
    /// An odd number of hexadecimal digits.
    OddDigits,
    /// Something else than a hexadecimal digit.
    Digit(char),
    /// No regular expression, or one that this program does not take.
    Regex(String, String),
    /// The value is no number.
    ValueNumber(String),
    /// The value is no address.
    ValueAddress(String),
    /// There is no value.
    NoValue(String),
}

impl Matching {
    /// The method, with the case of letters taken as it is.
    pub fn exactly(method: MatchMethod) -> Matching {
        Matching { method, ignore_case: false }
    }

    /// Whether the best match is found in a tree, and not the first in the order of the list.
    ///
    /// Of patterns that match, trees give the longest; lists give the first.
    pub fn is_tree(self) -> bool {
        match self.method {
            MatchMethod::Ip => true,
            MatchMethod::Str | MatchMethod::Beg => !self.ignore_case,
            _ => false,
        }
    }

    /// Reads a pattern. Of ACLs' operators (`ge 5`) nothing is known here: `5:` says the same.
    pub fn parse(self, text: &[u8]) -> Result<Pattern<'_>, BadPattern> {
        Ok(match self.method {
            MatchMethod::Found | MatchMethod::Bool => Pattern::Any,
            MatchMethod::Int | MatchMethod::Len => {
                let (low, high) = range(text)?;
                Pattern::Range(low, high)
            }
            MatchMethod::Ip => network(text)?,
            MatchMethod::Bin => Pattern::Bytes(Cow::Owned(bytes(text)?)),
            MatchMethod::Reg => {
                let expression = std::str::from_utf8(text)
                    .map_err(|_| BadPattern::Regex(lossy(text), "it is no UTF-8".to_owned()))?;
                Pattern::Regex(expression)
            }
            MatchMethod::Dir => {
                Pattern::Bytes(folded(trimmed(text, is_directory_delimiter), self.ignore_case))
            }
            MatchMethod::Dom => Pattern::Bytes(folded(trimmed(text, is_domain_delimiter), self.ignore_case)),
            MatchMethod::Str | MatchMethod::Sub | MatchMethod::Beg | MatchMethod::End => {
                Pattern::Bytes(folded(text, self.ignore_case))
            }
        })
    }

    /// Refuses a text that is no pattern, also a regular expression that cannot be compiled.
    pub fn check(self, text: &[u8]) -> Result<(), BadPattern> {
        match self.parse(text)? {
            Pattern::Regex(expression) if is_plain(expression) => Ok(()),
            Pattern::Regex(expression) => compile_regex(expression, self.ignore_case).map(|_| ()),
            _ => Ok(()),
        }
    }
}

impl Output {
    /// The word for it; none for nothing.
    pub fn word(self) -> &'static str {
        match self {
            Output::Nothing => "",
            Output::Str => "str",
            Output::Int => "int",
            Output::Ip => "ip",
            Output::Groups => "groups",
        }
    }

    /// The output with this word.
    pub fn from_word(word: &str) -> Option<Output> {
        [Output::Nothing, Output::Str, Output::Int, Output::Ip, Output::Groups]
            .into_iter()
            .find(|output| output.word() == word)
    }
}

impl Use {
    /// Refuses an entry that does not suit this use.
    pub fn check(self, key: &[u8], value: Option<&[u8]>) -> Result<(), BadPattern> {
        self.matching.check(key)?;
        match (self.output, value) {
            (Output::Nothing, _) => Ok(()),
            (_, None) => Err(BadPattern::NoValue(lossy(key))),
            (Output::Str | Output::Groups, Some(_)) => Ok(()),
            (Output::Int, Some(value)) => match number(value) {
                Some(_) => Ok(()),
                None => Err(BadPattern::ValueNumber(lossy(value))),
            },
            (Output::Ip, Some(value)) => match address(value) {
                Some(_) => Ok(()),
                None => Err(BadPattern::ValueAddress(lossy(value))),
            },
        }
    }
}

/// The size up to which a regular expression is compiled, in bytes.
pub const LARGEST_REGEX: usize = 1 << 20;

/// Compiles a regular expression as patterns are: over bytes, without a sense for Unicode.
pub fn compile_regex(expression: &str, ignore_case: bool) -> Result<regex::bytes::Regex, BadPattern> {
    regex::bytes::RegexBuilder::new(expression)
        .unicode(false)
        .case_insensitive(ignore_case)
        .size_limit(LARGEST_REGEX)
        .dfa_size_limit(LARGEST_REGEX)
        .build()
        .map_err(|error| BadPattern::Regex(expression.to_owned(), explain(expression, &error)))
}

/// Whether an expression compiles for certain, as far as reading it tells: then a long list need not be compiled to be
/// accepted. Only counted repetitions make something large of a short text.
fn is_plain(expression: &str) -> bool {
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.unicode(false).utf8(false);
    expression.len() <= LONGEST_PLAIN
        && !expression.contains('{')
        && parser.build().parse(expression).is_ok_and(|read| read.properties().explicit_captures_len() < 100)
}

/// Bytes up to which an expression without counted repetitions surely compiles to less than [`LARGEST_REGEX`].
const LONGEST_PLAIN: usize = 256;

/// Whether directories end at the byte.
pub fn is_directory_delimiter(byte: u8) -> bool {
    matches!(byte, b'/' | b'?')
}

/// Whether parts of domains end at the byte.
pub fn is_domain_delimiter(byte: u8) -> bool {
    matches!(byte, b'/' | b'?' | b'.' | b':')
}

/// A decimal number with an optional minus.
pub fn number(text: &[u8]) -> Option<i64> {
    let digits = text.strip_prefix(b"-").unwrap_or(text);
    let is_number = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(text).ok().filter(|_| is_number)?.parse().ok()
}

/// An address of either family.
pub fn address(text: &[u8]) -> Option<IpAddr> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// The IPv4 address that an IPv6 address stands for: mapped (`::ffff:a.b.c.d`), compatible (`::a.b.c.d`) or 6to4
/// (`2002:aabb:ccdd::`), as HAProxy takes them.
pub fn v4_within(address: u128) -> Option<u32> {
    let low = address as u32;
    match address >> 32 {
        0 | 0xffff => Some(low),
        high if high >> 80 == 0x2002 => Some((high >> 48) as u32),
        _ => None,
    }
}

/// The IPv6 address that maps an IPv4 address.
pub fn v6_of(address: u32) -> u128 {
    0xffff_0000_0000 | u128::from(address)
}

fn folded(text: &[u8], ignore_case: bool) -> Cow<'_, [u8]> {
    if ignore_case && text.iter().any(u8::is_ascii_uppercase) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// The text without delimiters at its ends.
fn trimmed(mut text: &[u8], is_delimiter: fn(u8) -> bool) -> &[u8] {
    while let Some((first, rest)) = text.split_first().filter(|(first, _)| is_delimiter(**first)) {
        let _ = first;
        text = rest;
    }
    while let Some((last, rest)) = text.split_last().filter(|(last, _)| is_delimiter(**last)) {
        let _ = last;
        text = rest;
    }
    text
}

/// `5`, `1:10`, `1:` or `:10`; only a single number may be negative.
fn range(text: &[u8]) -> Result<(i64, i64), BadPattern> {
    let Some(colon) = text.iter().position(|byte| *byte == b':') else {
        let value = number(text).ok_or_else(|| BadPattern::Number(lossy(text)))?;
        return Ok((value, value));
    };
    let bad = || BadPattern::Range(lossy(text));
    let (low, high) = (&text[..colon], &text[colon + 1..]);
    if low.is_empty() && high.is_empty() {
        return Err(bad());
    }
    let end = |text: &[u8], absent: i64| match text {
        [] => Ok(absent),
        text => number(text).filter(|value| *value >= 0 && !text.starts_with(b"-")).ok_or_else(bad),
    };
    let (low, high) = (end(low, i64::MIN)?, end(high, i64::MAX)?);
    if low <= high { Ok((low, high)) } else { Err(bad()) }
}

/// An address, or an address with a length or, for IPv4, a mask.
fn network(text: &[u8]) -> Result<Pattern<'static>, BadPattern> {
    let bad = || BadPattern::Address(lossy(text));
    let (ip, mask) = match text.iter().position(|byte| *byte == b'/') {
        Some(slash) => (&text[..slash], Some(&text[slash + 1..])),
        None => (text, None),
    };
    let text_of = |bytes| std::str::from_utf8(bytes).map_err(|_| bad());
    let length = |mask: &[u8], most: u8| match number(mask) {
        Some(length) if length >= 0 && mask.len() <= 4 => {
            u8::try_from(length).ok().filter(|length| *length <= most)
        }
        _ => None,
    };
    match text_of(ip)?.parse::<IpAddr>().map_err(|_| bad())? {
        IpAddr::V4(ip) => {
            let mask = match mask {
                None => u32::MAX,
                Some(mask) if mask.contains(&b'.') => {
                    text_of(mask)?.parse::<Ipv4Addr>().map_err(|_| bad())?.to_bits()
                }
                Some(mask) => v4_mask(length(mask, 32).ok_or_else(bad)?),
            };
            Ok(Pattern::V4 { address: ip.to_bits() & mask, mask })
        }
        IpAddr::V6(ip) => {
            let length = match mask {
                None => 128,
                Some(mask) => length(mask, 128).ok_or_else(bad)?,
            };
            Ok(Pattern::V6 { address: Ipv6Addr::to_bits(ip) & v6_mask(length), length })
        }
    }
}

/// A mask with so many leading bits; at most 32.
pub fn v4_mask(length: u8) -> u32 {
    u32::MAX.checked_shl(32u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

/// A mask with so many leading bits; at most 128.
pub fn v6_mask(length: u8) -> u128 {
    u128::MAX.checked_shl(128u32.saturating_sub(u32::from(length))).unwrap_or(0)
}

/// Bytes in hexadecimal digits.
fn bytes(text: &[u8]) -> Result<Vec<u8>, BadPattern> {
    let digit = |byte: u8| {
        let shown = if byte.is_ascii() { char::from(byte) } else { char::REPLACEMENT_CHARACTER };
        let value = char::from(byte).to_digit(16).ok_or(BadPattern::Digit(shown))?;
        Ok(u8::try_from(value).unwrap_or(0))
    };
    if !text.len().is_multiple_of(2) {
        return Err(BadPattern::OddDigits);
    }
    text.chunks(2).map(|pair| Ok(digit(pair[0])? << 4 | digit(pair[1])?)).collect()
}

/// Why an expression is refused, with what there is instead where that is known.
fn explain(expression: &str, error: &regex::Error) -> String {
    let foreign = [
        ("(?=", "look-ahead"),
        ("(?!", "look-ahead"),
        ("(?<=", "look-behind"),
        ("(?<!", "look-behind"),
        ("(?>", "atomic groups"),
    ];
    for (spelling, name) in foreign {
        if let Some(at) = expression.find(spelling) {
            return format!(
                "{name} at character {} is not available, as it cannot be matched in bounded time",
                at.saturating_add(1)
            );
        }
    }
    match error {
        regex::Error::CompiledTooBig(limit) => {
            format!("it takes more than {limit} bytes when compiled")
        }
        other => {
            let text = other.to_string();
            let last = text.lines().last().unwrap_or_default();
            last.strip_prefix("error: ").unwrap_or(last).to_owned()
        }
    }
}

fn lossy(text: &[u8]) -> String {
    String::from_utf8_lossy(text).into_owned()
}

impl fmt::Display for BadPattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BadPattern::Address(text) => write!(f, "'{text}' is not a valid IPv4 or IPv6 address"),
            BadPattern::Number(text) => write!(f, "'{text}' is not a number"),
            BadPattern::Range(text) => write!(f, "'{text}' is not a valid number range"),
            BadPattern::OddDigits => write!(f, "an even number of hex digit is expected"),
            BadPattern::Digit(found) => write!(f, "an hex digit is expected (found '{found}')"),
            BadPattern::Regex(text, reason) => write!(f, "regex '{text}' is invalid ({reason})"),
            BadPattern::ValueNumber(text) => write!(f, "value '{text}' is not a number"),
            BadPattern::ValueAddress(text) => write!(f, "value '{text}' is not an IPv4 or IPv6 address"),
            BadPattern::NoValue(key) => write!(f, "Missing value for key '{key}'"),
        }
    }
}

impl std::error::Error for BadPattern {}

#[cfg(test)]
#[path = "patterns_tests.rs"]
mod tests;
