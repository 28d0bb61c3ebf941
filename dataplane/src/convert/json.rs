//! Converters from and to JSON (configuration manual 7.3.1 "json", "json_query"; RFC 8259).

use std::borrow::Cow;
use std::io::Write;

use super::text::nibble;
use crate::sample::Value;

/// A path to a value: `$.name[2].other`.
#[derive(Clone, Debug)]
pub struct Path(Box<[Step]>);

#[derive(Clone, Debug)]
enum Step {
    Name(Vec<u8>),
    Position(usize),
    /// Nothing is there: what was written is no path.
    Nowhere,
}

impl Path {
    /// What a text means; a backslash before a point or a bracket makes it a part of a name.
    pub(super) fn parse(text: &str) -> Path {
        let mut steps = Vec::new();
        let mut rest = match text.as_bytes() {
            [b'$', rest @ ..] => rest,
            _ => return Path(Box::new([Step::Nowhere])),
        };
        while let [first, tail @ ..] = rest {
            let step;
            (step, rest) = match first {
                b'.' => name(tail),
                b'[' => position(tail),
                _ => (Step::Nowhere, &[][..]),
            };
            steps.push(step);
        }
        Path(steps.into())
    }

    /// What stands at the path in a document: texts, truth values and numbers, the latter as texts or with `integer`
    /// as integers, and arrays as they are written.
    pub(super) fn query(&self, document: Cow<'_, [u8]>, integer: bool) -> Option<Value<'static>> {
        let token = find(&document, &self.0)?;
        Some(match token.first()? {
            b'"' => Value::Str(Cow::Owned(unescaped(token)?)),
            b't' => Value::Bool(true),
            b'f' => Value::Bool(false),
            b'[' => Value::Str(Cow::Owned(token.to_vec())),
            b'{' | b'n' => return None,
            _ if integer => Value::Int(whole(token)?),
            _ => {
                let number: f64 = std::str::from_utf8(token).ok()?.parse().ok()?;
                Value::Str(Cow::Owned(general(number)))
            }
        })
    }
}

/// How bytes are read that become a string of JSON.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Decoding {
    /// As UTF-8, not as one letter each.
    utf8: bool,
    /// What is longer than it need be is taken all the same.
    lenient: bool,
    /// What is wrong is left out; without this, nothing comes of the text.
    silent: bool,
}

impl Decoding {
    /// By its name.
    pub(super) fn named(name: &str) -> Decoding {
        Decoding { utf8: name.starts_with("utf8"), lenient: name.contains('p'), silent: name.ends_with('s') }
    }
}

/// A text with what JSON asks to be escaped, in ASCII.
pub(super) fn escaped(text: Cow<'_, [u8]>, decoding: Decoding) -> Option<Cow<'_, [u8]>> {
    let plain = |byte: &u8| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\' | b'/');
    if text.iter().all(plain) {
        return Some(text);
    }
    let mut out = Vec::with_capacity(text.len() + 16);
    let mut rest = text.as_ref();
    while !rest.is_empty() {
        let (length, code) = match decoding.utf8 {
            true => code_point(rest),
            false => (1, Ok(u32::from(rest[0]))),
        };
        rest = rest.get(length..).unwrap_or_default();
        let code = match code {
            Ok(code) => Some(code),
            Err(Wrong::Overlong(code)) if decoding.lenient => Some(code),
            Err(_) => None,
        };
        match code.filter(|code| *code <= 0xffff) {
            Some(code) => push_escaped(&mut out, code),
            None if decoding.silent => {}
            None => return None,
        }
    }
    Some(Cow::Owned(out))
}

/// What is wrong with a sequence of UTF-8.
enum Wrong {
    /// It is longer than it need be.
    Overlong(u32),
    /// Anything else.
    Other,
}

/// The first code point, and how many bytes it takes.
fn code_point(bytes: &[u8]) -> (usize, Result<u32, Wrong>) {
    let first = bytes.first().copied().unwrap_or_default();
    let (length, bits) = match first {
        0..0x80 => return (1, Ok(u32::from(first))),
        0xc0..0xe0 => (2, first & 0x1f),
        0xe0..0xf0 => (3, first & 0x0f),
        0xf0..0xf8 => (4, first & 0x07),
        0xf8..0xfc => (5, first & 0x03),
        0xfc..0xfe => (6, first & 0x01),
        _ => return (1, Err(Wrong::Other)),
    };
    let more = bytes.iter().skip(1).take(length - 1).take_while(|byte| **byte & 0xc0 == 0x80);
    let (there, code) = more
        .fold((1, u32::from(bits)), |(there, code), byte| (there + 1, code << 6 | u32::from(byte & 0x3f)));
    let least = [0, 0, 0x80, 0x800, 0x1_0000, 0x20_0000, 0x400_0000][length];
    (
        there,
        match code {
            _ if there < length => Err(Wrong::Other),
            0xd800..0xe000 | 0xfffe | 0xffff => Err(Wrong::Other),
            code if code < least => Err(Wrong::Overlong(code)),
            code => Ok(code),
        },
    )
}

fn push_escaped(out: &mut Vec<u8>, code: u32) {
    let short = match code {
        0x22 => b'"',
        0x5c => b'\\',
        0x2f => b'/',
        0x08 => b'b',
        0x0c => b'f',
        0x0a => b'n',
        0x0d => b'r',
        0x09 => b't',
        0x20..0x7f => return out.push(code as u8),
        _ => {
            // Writing to a vector does not fail.
            let _ = write!(out, "\\u{code:04x}");
            return;
        }
    };
    out.extend([b'\\', short]);
}

/// Reads a name up to the next point or bracket.
fn name(mut rest: &[u8]) -> (Step, &[u8]) {
    let mut name = Vec::new();
    loop {
        match rest {
            [b'\\', letter, tail @ ..] => {
                name.push(*letter);
                rest = tail;
            }
            [] | [b'.' | b'[', ..] => return (Step::Name(name), rest),
            [letter, tail @ ..] => {
                name.push(*letter);
                rest = tail;
            }
        }
    }
}

/// Reads a position and its closing bracket.
fn position(rest: &[u8]) -> (Step, &[u8]) {
    let end = memchr::memchr(b']', rest);
    let number = end.and_then(|end| std::str::from_utf8(&rest[..end]).ok()?.parse().ok());
    match (end, number) {
        (Some(end), Some(number)) => (Step::Position(number), &rest[end + 1..]),
        _ => (Step::Nowhere, &[]),
    }
}

/// The bytes of the value at a path. Nothing after it is looked at.
fn find<'a>(document: &'a [u8], path: &[Step]) -> Option<&'a [u8]> {
    let mut rest = document.trim_ascii_start();
    for step in path {
        rest = match (step, rest.first()?) {
            (Step::Name(name), b'{') => member(&rest[1..], name)?,
            (Step::Position(position), b'[') => element(&rest[1..], *position)?,
            _ => return None,
        };
    }
    rest.get(..extent(rest)?)
}

/// The value of the first member of this name; the text begins after the brace.
fn member<'a>(mut rest: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    loop {
        rest = rest.trim_ascii_start();
        if rest.first() != Some(&b'"') {
            return None;
        }
        let length = extent(rest)?;
        let found = rest.get(1..length - 1)? == name;
        rest = rest.get(length..)?.trim_ascii_start().strip_prefix(b":")?.trim_ascii_start();
        if found {
            return Some(rest);
        }
        rest = rest.get(extent(rest)?..)?.trim_ascii_start().strip_prefix(b",")?;
    }
}

/// The value at a position; the text begins after the bracket.
fn element(mut rest: &[u8], position: usize) -> Option<&[u8]> {
    for _ in 0..position {
        rest = rest.trim_ascii_start();
        rest = rest.get(extent(rest)?..)?.trim_ascii_start().strip_prefix(b",")?;
    }
    Some(rest.trim_ascii_start()).filter(|rest| !rest.starts_with(b"]"))
}

/// How long the value is that a text begins with; none where it begins with none.
fn extent(text: &[u8]) -> Option<usize> {
    match text.first()? {
        b'"' => string(text),
        b'{' | b'[' => {
            let mut depth = 0_usize;
            let mut at = 0;
            while let Some(byte) = text.get(at) {
                match byte {
                    b'"' => at += string(&text[at..])? - 1,
                    b'{' | b'[' => depth += 1,
                    b'}' | b']' if depth == 1 => return Some(at + 1),
                    b'}' | b']' => depth -= 1,
                    _ => {}
                }
                at += 1;
            }
            None
        }
        b'-' | b'0'..=b'9' => Some(
            text.iter()
                .position(|byte| !matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
                .unwrap_or(text.len()),
        ),
        _ => ["true", "false", "null"]
            .iter()
            .find(|word| text.starts_with(word.as_bytes()))
            .map(|word| word.len()),
    }
}

/// How long a string is with its quotes.
fn string(text: &[u8]) -> Option<usize> {
    let mut at = 1;
    loop {
        match text.get(at)? {
            b'"' => return Some(at + 1),
            b'\\' => at += 2,
            _ => at += 1,
        }
    }
}

/// What a string says. Code points are bytes, as HAProxy takes them: above 255 there are none.
fn unescaped(token: &[u8]) -> Option<Vec<u8>> {
    let mut rest = token.get(1..token.len().checked_sub(1)?)?;
    let mut out = Vec::with_capacity(rest.len());
    while let [first, tail @ ..] = rest {
        rest = tail;
        if *first != b'\\' {
            out.push(*first);
            continue;
        }
        let [letter, tail @ ..] = rest else { return None };
        rest = tail;
        out.push(match letter {
            b'"' | b'\\' | b'/' => *letter,
            b'b' => 8,
            b'f' => 12,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let [b'0', b'0', high, low, tail @ ..] = rest else { return None };
                if !(high.is_ascii_hexdigit() && low.is_ascii_hexdigit()) {
                    return None;
                }
                rest = tail;
                nibble(*high) << 4 | nibble(*low)
            }
            _ => return None,
        });
    }
    Some(out)
}

/// The integer that a number begins with, if others can tell it from its neighbours (RFC 8259, 6).
fn whole(token: &[u8]) -> Option<i64> {
    let digits =
        token.iter().skip(1).position(|byte| !byte.is_ascii_digit()).map_or(token.len(), |at| at + 1);
    let number: i64 = std::str::from_utf8(&token[..digits]).ok()?.parse().ok()?;
    (number.unsigned_abs() < 1 << 53).then_some(number)
}

/// A number in six digits, with an exponent where it is very large or small, as C's `%g` has it.
fn general(number: f64) -> Vec<u8> {
    let scientific = format!("{number:.5e}");
    let (digits, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    let bare = |text: &str| match text.contains('.') {
        true => text.trim_end_matches('0').trim_end_matches('.').to_owned(),
        false => text.to_owned(),
    };
    let text = match exponent {
        -4..6 => bare(&format!("{number:.*}", usize::try_from(5 - exponent).unwrap_or(0))),
        _ => {
            let sign = if exponent < 0 { '-' } else { '+' };
            format!("{}e{sign}{:02}", bare(digits), exponent.unsigned_abs())
        }
    };
    text.into_bytes()
}
