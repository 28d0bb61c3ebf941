//! Cookies as bytes: finding a cookie in a Cookie field, taking it out, and reading what a server sets.
//!
//! Pure. Follows RFC 6265 where clients do, and HAProxy where they do not: commas and quotes of older cookies,
//! `$` attributes, blanks round the equals sign. What is done with a cookie is `persistence.rs`.

use std::ops::Range;

/// What is done with the cookies of a name in a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Treatment {
    /// They stay.
    Keep,
    /// They go, with the attributes that belong to them.
    Remove,
    /// What stands before [`PREFIX_END`] goes.
    CutPrefix,
}

/// What became of a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Outcome {
    /// It is as it was.
    Same,
    /// It has another value.
    Changed,
    /// Nothing is left of it.
    Gone,
}

/// The first cookie of a Set-Cookie field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Set {
    /// Where its name stands.
    pub(super) name: Range<usize>,
    /// Where its value stands.
    pub(super) value: Range<usize>,
}

/// The parts of a value in a request's cookie: the server's name, and the dates that the proxy put behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Parts<'a> {
    /// What names the server.
    pub(super) server: &'a [u8],
    /// When the cookie was last refreshed, in seconds since the Unix epoch; 0 when it does not say.
    pub(super) last: u64,
    /// When the client first came, likewise.
    pub(super) first: u64,
}

/// Goes through the cookies of a Cookie field. Tells `found` each value of the cookies of this name, in order, and
/// puts what is left of the field into `out` where it changes.
pub(super) fn scan(
    field: &[u8],
    name: &[u8],
    treatment: Treatment,
    mut found: impl FnMut(&[u8]),
    out: &mut Vec<u8>,
) -> Outcome {
    let mut edit = Edit { field, out, copied: 0, removal: None };
    let mut keeps = false;
    let mut at = 0;
    while let Some(crumb) = Crumb::at(field, at) {
        let next = crumb.end;
        let Some(value) = crumb.value.clone() else {
            edit.keep_from(at);
            keeps = true;
            at = next;
            continue;
        };
        if field[crumb.name.clone()].first() == Some(&b'$') {
            // An attribute of the cookie before it, whose fate it shares.
            at = next;
            continue;
        }
        let named = &field[crumb.name.clone()] == name;
        if named {
            found(&field[value.clone()]);
        }
        if named && treatment == Treatment::Remove {
            edit.remove_from(at);
        } else {
            edit.keep_from(at);
            keeps = true;
            edit.cut(crumb.name.end..crumb.equals);
            edit.cut(crumb.equals + 1..value.start);
            if named && treatment == Treatment::CutPrefix {
                let end = field[value.clone()].iter().position(|byte| *byte == PREFIX_END);
                edit.cut(value.start..end.map_or(value.start, |end| value.start + end + 1));
            }
        }
        at = next;
    }
    edit.finish(at, keeps)
}

/// The first cookie of a Set-Cookie field, if it has one.
pub(super) fn first_set(field: &[u8]) -> Option<Set> {
    let crumb = Crumb::at(field, 0)?;
    Some(Set { name: crumb.name, value: crumb.value? })
}

/// Cuts a value into its parts.
pub(super) fn parts(value: &[u8]) -> Parts<'_> {
    let mut parts = value.split(|byte| *byte == DATE_START);
    let server = parts.next().unwrap_or_default();
    let (last, first) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    Parts { server, last: parse_date(last), first: parse_date(first) }
}

/// Appends a date: [`DATE_START`] and five digits of base 64, which count four seconds each, rounded up.
pub(super) fn push_date(out: &mut Vec<u8>, seconds: u64) {
    out.push(DATE_START);
    let count = seconds.div_ceil(4);
    for digit in (0..5).rev() {
        out.push(DIGITS[(count >> (6 * digit)) as usize % 64]);
    }
}

/// Seconds of a date; 0 where there is none.
fn parse_date(digits: &[u8]) -> u64 {
    let digit = |byte: &u8| DIGITS.iter().position(|digit| digit == byte).map(|value| value as u64);
    let count = digits
        .get(..5)
        .and_then(|digits| digits.iter().map(digit).try_fold(0u64, |count, digit| Some(count * 64 + digit?)));
    count.unwrap_or(0) * 4
}

/// One cookie of a field, or what stands in its place.
#[derive(Debug)]
struct Crumb {
    name: Range<usize>,
    /// Where the equals sign stands, if there is one.
    equals: usize,
    /// The value without blanks round it; absent without an equals sign.
    value: Option<Range<usize>>,
    /// Where the delimiter behind it stands, or the end of the field.
    end: usize,
}

impl Crumb {
    /// The crumb behind the delimiter at `at`, or at the beginning of the field; none behind the last delimiter.
    fn at(field: &[u8], at: usize) -> Option<Crumb> {
        let delimited = at > 0 || field.first().copied().is_some_and(is_delimiter);
        let mut start = at + usize::from(delimited);
        start += blanks(field.get(start..)?);
        if start >= field.len() {
            return None;
        }
        let stop = |byte: u8| byte == b'=' || is_delimiter(byte);
        let equals =
            start + field[start..].iter().position(|byte| stop(*byte)).unwrap_or(field.len() - start);
        let name = start..trimmed(field, start, equals);
        if field.get(equals) != Some(&b'=') {
            return Some(Crumb { name, equals, value: None, end: equals });
        }
        let begin = equals + 1 + blanks(&field[equals + 1..]);
        let end = value_end(field, begin);
        Some(Crumb { name, equals, value: Some(begin..trimmed(field, begin, end)), end })
    }
}

/// A field that is copied in parts.
struct Edit<'f, 'o> {
    field: &'f [u8],
    out: &'o mut Vec<u8>,
    /// Up to where the field has been copied or left out.
    copied: usize,
    /// Where the delimiter before the first crumb of a run stands that is to go.
    removal: Option<usize>,
}

impl Edit<'_, '_> {
    /// The crumb behind the delimiter at `at` goes.
    fn remove_from(&mut self, at: usize) {
        self.removal.get_or_insert(at);
    }

    /// The crumb behind the delimiter at `at` stays: what was to go before it does.
    fn keep_from(&mut self, at: usize) {
        let Some(from) = self.removal.take() else { return };
        if from > 0 {
            self.copy_to(from);
            let kept = self.out.iter().rposition(|byte| !is_blank(*byte)).map_or(0, |last| last + 1);
            self.out.truncate(kept);
            self.out.extend_from_slice(&[self.field[from], b' ']);
        }
        self.copied = at + 1 + blanks(&self.field[at + 1..]);
    }

    /// These bytes go.
    fn cut(&mut self, range: Range<usize>) {
        if !range.is_empty() {
            self.copy_to(range.start);
            self.copied = range.end;
        }
    }

    fn copy_to(&mut self, to: usize) {
        self.out.extend_from_slice(&self.field[self.copied.min(to)..to]);
        self.copied = to;
    }

    /// The end was reached: `at` is the last delimiter, if one stands at the end.
    fn finish(mut self, at: usize, keeps: bool) -> Outcome {
        if let Some(from) = self.removal {
            if !keeps {
                return Outcome::Gone;
            }
            if at >= self.field.len() {
                self.copy_to(from);
                return Outcome::Changed;
            }
            self.keep_from(at);
        }
        if self.copied == 0 {
            return Outcome::Same;
        }
        self.copy_to(self.field.len());
        Outcome::Changed
    }
}

/// Where a value ends that begins at `at`: at a delimiter outside of quotes, or at the end.
fn value_end(field: &[u8], at: usize) -> usize {
    let (mut quoted, mut escaped) = (false, false);
    for (index, byte) in field.iter().enumerate().skip(at) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            _ if is_delimiter(*byte) && !quoted => return index,
            _ => {}
        }
    }
    field.len()
}

fn blanks(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|byte| is_blank(**byte)).count()
}

/// The end of `from..to` without the blanks before it.
fn trimmed(field: &[u8], from: usize, to: usize) -> usize {
    let kept = field[from..to].iter().rposition(|byte| !is_blank(*byte));
    kept.map_or(from, |last| from + last + 1)
}

fn is_blank(byte: u8) -> bool {
    byte == b' ' || byte == b'\t'
}

fn is_delimiter(byte: u8) -> bool {
    byte == b';' || byte == b','
}

/// What stands between a server's name and the value that it precedes.
pub(super) const PREFIX_END: u8 = b'~';
/// What a date begins with.
const DATE_START: u8 = b'|';
const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

#[cfg(test)]
#[path = "cookie_tests.rs"]
mod tests;
