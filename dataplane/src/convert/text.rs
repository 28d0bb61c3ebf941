//! Converters of texts (configuration manual 7.3.1).

use std::borrow::Cow;
use std::ops::Range;

use regex::bytes::{Captures, Regex};
use smallvec::SmallVec;

use crate::sample::Value;

/// What `regsub` puts in the place of what it found.
#[derive(Clone, Debug)]
pub struct Replacement {
    regex: Regex,
    pieces: Box<[Piece]>,
    /// Whether every place is replaced, not the first alone.
    everywhere: bool,
}

#[derive(Clone, Debug)]
enum Piece {
    Text(Vec<u8>),
    Group(usize),
}

impl Replacement {
    /// What a text means: a backslash and a digit are what a group holds, `\x41` is a byte, and any other letter
    /// after a backslash is itself.
    pub(super) fn new(regex: Regex, text: &str, everywhere: bool) -> Replacement {
        let mut pieces = Vec::new();
        let mut plain = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            rest = tail;
            match (first, tail) {
                (b'\\', [digit @ b'0'..=b'9', tail @ ..]) => {
                    if !plain.is_empty() {
                        pieces.push(Piece::Text(std::mem::take(&mut plain)));
                    }
                    pieces.push(Piece::Group(usize::from(digit - b'0')));
                    rest = tail;
                }
                (b'\\', [b'x', high, low, tail @ ..])
                    if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() =>
                {
                    plain.push(nibble(*high) << 4 | nibble(*low));
                    rest = tail;
                }
                (b'\\', [letter, tail @ ..]) => {
                    plain.push(*letter);
                    rest = tail;
                }
                _ => plain.push(*first),
            }
        }
        if !plain.is_empty() {
            pieces.push(Piece::Text(plain));
        }
        Replacement { regex, pieces: pieces.into(), everywhere }
    }

    /// The text with what was found replaced. After a match that has a length, an empty one may follow at its end.
    pub(super) fn apply<'a>(&self, text: Cow<'a, [u8]>) -> Cow<'a, [u8]> {
        let Some(first) = self.regex.captures(&text) else { return text };
        let mut out = Vec::with_capacity(text.len() + 16);
        let mut at = 0;
        let mut found = Some(first);
        while let Some(captures) = found {
            let Some(whole) = captures.get(0) else { break };
            out.extend_from_slice(&text[at..whole.start()]);
            self.write(&captures, &mut out);
            at = whole.end();
            if whole.is_empty() {
                out.extend(text.get(at));
                at += 1;
            }
            found = match self.everywhere && at <= text.len() {
                true => self.regex.captures_at(&text, at),
                false => None,
            };
        }
        out.extend_from_slice(text.get(at..).unwrap_or_default());
        Cow::Owned(out)
    }

    fn write(&self, captures: &Captures<'_>, out: &mut Vec<u8>) {
        for piece in &self.pieces {
            match piece {
                Piece::Text(text) => out.extend_from_slice(text),
                Piece::Group(group) => {
                    out.extend_from_slice(captures.get(*group).map_or(&[][..], |found| found.as_bytes()));
                }
            }
        }
    }
}

/// The text with every letter mapped; the same text where none changes.
pub(super) fn mapped(text: Cow<'_, [u8]>, map: impl Fn(&u8) -> u8) -> Value<'_> {
    match text.iter().all(|byte| map(byte) == *byte) {
        true => Value::Str(text),
        false => {
            let mut text = text.into_owned();
            text.iter_mut().for_each(|byte| *byte = map(byte));
            Value::Str(Cow::Owned(text))
        }
    }
}

/// A part of a text, without a copy where that can be.
pub(super) fn part(text: Cow<'_, [u8]>, range: Range<usize>) -> Cow<'_, [u8]> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(text.get(range).unwrap_or_default()),
        Cow::Owned(mut text) => {
            text.truncate(range.end);
            text.drain(..range.start.min(text.len()));
            Cow::Owned(text)
        }
    }
}

/// Without the letters at the beginning.
pub(super) fn trimmed_start<'a>(text: Cow<'a, [u8]>, letters: &[u8]) -> Cow<'a, [u8]> {
    let from = text.iter().position(|byte| !letters.contains(byte)).unwrap_or(text.len());
    let to = text.len();
    part(text, from..to)
}

/// Without the letters at the end.
pub(super) fn trimmed_end<'a>(text: Cow<'a, [u8]>, letters: &[u8]) -> Cow<'a, [u8]> {
    let to = text.iter().rposition(|byte| !letters.contains(byte)).map_or(0, |at| at + 1);
    part(text, 0..to)
}

/// Up to the end of the first line.
pub(super) fn first_line(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match memchr::memchr2(b'\r', b'\n', &text) {
        Some(end) => part(text, 0..end),
        None => text,
    }
}

/// Some bytes from an offset on; nothing where the offset is not inside.
pub(super) fn bytes(text: Cow<'_, [u8]>, from: i64, length: Option<i64>) -> Cow<'_, [u8]> {
    let whole = text.len();
    let Some(from) = usize::try_from(from).ok().filter(|from| *from < whole) else {
        return Cow::Borrowed(&[]);
    };
    let rest = whole - from;
    let length = length.and_then(|length| usize::try_from(length).ok()).unwrap_or(rest).min(rest);
    part(text, from..from + length)
}

/// The parts from the `index`-th on, `count` of them or all with 0, counted from the end where the index is
/// negative; parts may be empty. None where there is no such part.
pub(super) fn field(text: &[u8], index: i64, letters: &[u8], count: i64) -> Option<Range<usize>> {
    let wanted = usize::try_from(index.unsigned_abs()).ok()?;
    let count = usize::try_from(count).unwrap_or(0);
    let mut cuts: SmallVec<[usize; 16]> = SmallVec::new();
    cuts.extend(text.iter().enumerate().filter(|(_, byte)| letters.contains(byte)).map(|(at, _)| at));
    let parts = cuts.len() + 1;
    if wanted == 0 || wanted > parts {
        return None;
    }
    let (first, last) = span(parts, wanted, count, index > 0);
    let from = if first == 0 { 0 } else { cuts[first - 1] + 1 };
    let to = if last + 1 == parts { text.len() } else { cuts[last] };
    Some(from..to)
}

/// The same for parts that are not empty: what separates them may be several letters. Empty where there is no such
/// word; without end, what follows the words or comes before them belongs to it.
pub(super) fn word(text: &[u8], index: i64, letters: &[u8], count: i64) -> Range<usize> {
    let mut words: SmallVec<[Range<usize>; 16]> = SmallVec::new();
    let mut began = None;
    for (at, byte) in text.iter().enumerate() {
        match (letters.contains(byte), began) {
            (true, Some(from)) => {
                words.push(from..at);
                began = None;
            }
            (false, None) => began = Some(at),
            _ => {}
        }
    }
    words.extend(began.map(|from| from..text.len()));
    let wanted = usize::try_from(index.unsigned_abs()).unwrap_or(usize::MAX);
    let count = usize::try_from(count).unwrap_or(0);
    if wanted == 0 || wanted > words.len() {
        return 0..0;
    }
    let (first, last) = span(words.len(), wanted, count, index > 0);
    let beyond = |parts: usize| count == 0 || parts > words.len() - wanted + 1;
    match index > 0 {
        true if beyond(count) => words[first].start..text.len(),
        false if beyond(count) => 0..words[last].end,
        _ => words[first].start..words[last].end,
    }
}

/// The first and the last of the parts that are meant.
fn span(parts: usize, wanted: usize, count: usize, forward: bool) -> (usize, usize) {
    let near = wanted - 1;
    let far = match count {
        0 => parts - 1,
        count => near.saturating_add(count - 1).min(parts - 1),
    };
    match forward {
        true => (near, far),
        false => (parts - 1 - far, parts - 1 - near),
    }
}

/// The value of the first parameter of this name in `a=1&b=2`; without a value it is empty.
pub(super) fn parameter(text: &[u8], name: &[u8], delimiter: &[u8]) -> Option<Range<usize>> {
    let mut at = 0;
    loop {
        let rest = text.get(at..)?;
        let length = memchr::memmem::find(rest, delimiter).unwrap_or(rest.len());
        let segment = &rest[..length];
        match segment.strip_prefix(name) {
            Some([]) => return Some(at + length..at + length),
            Some([b'=', ..]) => return Some(at + name.len() + 1..at + length),
            _ => at += length + delimiter.len(),
        }
    }
}

/// The labels of a host name from the last to the first; none where one is empty.
pub(super) fn reversed_labels(text: &[u8]) -> Option<Vec<u8>> {
    let text = text.strip_suffix(b".").unwrap_or(text);
    let mut out = Vec::with_capacity(text.len());
    for label in text.rsplit(|byte| *byte == b'.') {
        if label.is_empty() {
            return None;
        }
        if !out.is_empty() {
            out.push(b'.');
        }
        out.extend_from_slice(label);
    }
    Some(out)
}

/// Which of these languages a client likes best, by what it says of them (RFC 9110, 12.5.4). A language that is
/// not listed with its region counts without it.
pub(super) fn language<'l>(said: &[u8], languages: &'l str) -> Option<&'l str> {
    let mut best: Option<(&str, u16)> = None;
    for item in said.split(|byte| *byte == b',') {
        let mut parts = item.splitn(2, |byte| *byte == b';');
        let name = parts.next().unwrap_or_default().trim_ascii();
        let quality = parts.next().map_or(1000, |parameters| quality(parameters.trim_ascii()));
        let base = name.split(|byte| *byte == b'-').next().unwrap_or_default();
        let listed = |wanted: &[u8]| languages.split(';').find(|language| language.as_bytes() == wanted);
        let Some(found) = listed(name).or_else(|| listed(base)).filter(|found| !found.is_empty()) else {
            continue;
        };
        if quality > best.map_or(0, |(_, best)| best) {
            best = Some((found, quality));
        }
    }
    best.map(|(found, _)| found)
}

/// The weight that `q=` gives, in thousandths (RFC 9110, 12.4.2); 1000 for what is none.
fn quality(parameter: &[u8]) -> u16 {
    let Some(number) = parameter.strip_prefix(b"q=") else { return 1000 };
    let (whole, rest) = match number {
        [b'0', rest @ ..] => (0, rest),
        _ => return 1000,
    };
    let digits = rest.strip_prefix(b".").unwrap_or_default();
    let digits = digits.iter().take(3).take_while(|byte| byte.is_ascii_digit());
    digits.zip([100, 10, 1]).fold(whole, |sum, (digit, worth)| sum + u16::from(digit - b'0') * worth)
}

/// The worth of a hexadecimal digit.
pub(super) fn nibble(digit: u8) -> u8 {
    match digit {
        b'0'..=b'9' => digit - b'0',
        b'a'..=b'f' => digit - b'a' + 10,
        b'A'..=b'F' => digit - b'A' + 10,
        _ => 0,
    }
}
