//! Messages of FIX, the Financial Information eXchange (configuration manual 7.3.1 "fix_is_valid").

use std::ops::Range;

/// Whether a text begins with a sound message; none where it is not whole yet.
pub(super) fn is_valid(text: &[u8]) -> Option<bool> {
    if text.len() < SHORTEST {
        return None;
    }
    let mut at = 0;
    let mut end = None;
    for position in 0.. {
        let (tag, range, next) = match tag(text, at) {
            Tag::Whole(tag, range, next) => (tag, range, next),
            Tag::Wrong => return Some(false),
            Tag::Unfinished => return None,
        };
        let value = text.get(range).unwrap_or_default();
        match (position, tag) {
            (0, 8) if VERSIONS.contains(&value) => {}
            (1, 9) => end = number(value).map(|length| next.saturating_add(length)),
            (2, 35) => {}
            (0..=2, _) => return Some(false),
            (_, 10) => {
                let sum = text.get(..at)?.iter().fold(0_u8, |sum, byte| sum.wrapping_add(*byte));
                let is_sum = value.len() == 3 && number(value) == Some(usize::from(sum));
                return Some(end == Some(at) && is_sum);
            }
            _ => {}
        }
        at = next;
    }
    None
}

/// Where the value of the first tag of this number stands.
pub(super) fn value(text: &[u8], wanted: u32) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        match tag(text, at) {
            Tag::Whole(tag, value, _) if tag == wanted => return Some(value),
            Tag::Whole(_, _, next) => at = next,
            Tag::Wrong | Tag::Unfinished => return None,
        }
    }
}

enum Tag {
    /// Its number, where its value stands, and where the next begins.
    Whole(u32, Range<usize>, usize),
    Wrong,
    Unfinished,
}

fn tag(text: &[u8], at: usize) -> Tag {
    let rest = text.get(at..).unwrap_or_default();
    let Some(end) = memchr::memchr(SEPARATOR, rest) else { return Tag::Unfinished };
    let Some(equals) = memchr::memchr(b'=', &rest[..end]) else { return Tag::Wrong };
    match number(&rest[..equals]).and_then(|tag| u32::try_from(tag).ok()) {
        Some(tag) => Tag::Whole(tag, at + equals + 1..at + end, at + end + 1),
        None => Tag::Wrong,
    }
}

/// The number that digits alone make.
fn number(digits: &[u8]) -> Option<usize> {
    let digits = Some(digits).filter(|digits| !digits.is_empty() && digits.iter().all(u8::is_ascii_digit))?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}

const SEPARATOR: u8 = 1;
/// No message is shorter than its three first fields and its checksum.
const SHORTEST: usize = 26;
const VERSIONS: [&[u8]; 6] = [b"FIX.4.0", b"FIX.4.1", b"FIX.4.2", b"FIX.4.3", b"FIX.4.4", b"FIXT.1.1"];
