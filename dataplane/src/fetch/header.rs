//! Fetches of headers and cookies (configuration manual 7.3.6).

use super::{Arguments, Headers};
use crate::sample::{Value, address};

/// Headers of a message.
pub(super) type Heads<'a> = &'a (dyn Headers + 'a);

/// The lines of the header that the first argument names; of every header where it names none.
pub(super) fn lines<'a>(
    headers: Heads<'a>,
    arguments: &Arguments<'a>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    // Only lines of this name may be ones that nobody is to see.
    let is_own = |name: &[u8]| name.eq_ignore_ascii_case(CONNECTION);
    let name = arguments.text(0).map(str::as_bytes);
    let direct = name.filter(|name| !is_own(name));
    let mut next = 0;
    let named = std::iter::from_fn(move || {
        let (position, value) = headers.named(direct?, next)?;
        next = position + 1;
        Some(value)
    });
    let all = direct.is_none().then(|| {
        visible(headers).filter(move |(known, _)| name.is_none_or(|name| known.eq_ignore_ascii_case(name)))
    });
    named.chain(all.into_iter().flatten().map(|(_, value)| value)).map(<[u8]>::trim_ascii)
}

/// The same, cut at the commas that stand outside of quotes.
pub(super) fn values<'a>(
    headers: Heads<'a>,
    arguments: &Arguments<'a>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    lines(headers, arguments).flat_map(|line| Items { rest: Some(line) })
}

/// The parts of a line.
struct Items<'a> {
    rest: Option<&'a [u8]>,
}

impl<'a> Iterator for Items<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let line = self.rest.take()?;
        let end = memchr::memchr(b',', line).and_then(|_| end_of_item(line));
        let item = match end.and_then(|end| Some((line.get(..end)?, line.get(end + 1..)?))) {
            Some((item, rest)) => {
                self.rest = Some(rest);
                item
            }
            None => line,
        };
        Some(item.trim_ascii())
    }
}

/// Where the first comma outside of quotes stands.
fn end_of_item(line: &[u8]) -> Option<usize> {
    let (mut quoted, mut escaped) = (false, false);
    line.iter().position(|byte| {
        let was_escaped = std::mem::take(&mut escaped);
        match byte {
            b'"' if !was_escaped => quoted = !quoted,
            b'\\' if quoted => escaped = !was_escaped,
            _ => {}
        }
        *byte == b',' && !quoted
    })
}

/// The occurrence that the second argument asks for: from 1 on, from -1 backwards, the last where it does not say.
/// Without a name it must say.
pub(super) fn chosen<'a>(
    mut all: impl Iterator<Item = &'a [u8]>,
    arguments: &Arguments<'_>,
) -> Option<&'a [u8]> {
    match arguments.int(1).unwrap_or(0) {
        0 if arguments.text(0).is_none() => None,
        0 | -1 => all.last(),
        position if position > 0 => all.nth(usize::try_from(position - 1).ok()?),
        position => {
            let found: Vec<&[u8]> = all.collect();
            let back = usize::try_from(position.unsigned_abs()).ok()?;
            found.len().checked_sub(back).and_then(|at| found.get(at)).copied()
        }
    }
}

/// A text as an address; a port may follow an IPv4 address.
pub(super) fn ip<'a>(text: &[u8]) -> Option<Value<'a>> {
    address(text).map(Value::ip)
}

/// A text as an integer, as headers, cookies and parameters are read: a minus sign counts, and what stands below
/// `9` in ASCII counts as the digit that it would be; the first character above ends the number.
pub(super) fn int<'a>(text: &[u8]) -> Option<Value<'a>> {
    let (negative, digits) = match text.strip_prefix(b"-") {
        Some(digits) => (true, digits),
        None => (false, text),
    };
    let number = digits
        .iter()
        .map(|byte| i64::from(byte.cast_signed()) - i64::from(b'0'))
        .take_while(|digit| *digit <= 9)
        .fold(0_i64, |number, digit| number.wrapping_mul(10).wrapping_add(digit));
    Some(Value::Int(if negative { number.wrapping_neg() } else { number }))
}

/// The names of all headers, in lower case, a comma or the argument between them.
pub(super) fn names<'a>(headers: Heads<'a>, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    let delimiter = arguments.text(0).and_then(|text| text.bytes().next()).unwrap_or(b',');
    let names: Vec<Vec<u8>> = visible(headers).map(|(name, _)| name.to_ascii_lowercase()).collect();
    Some(Value::text(names.join(&[delimiter][..])))
}

/// All headers as text, names in lower case, with the empty line at the end.
pub(super) fn text<'a>(headers: Heads<'a>) -> Option<Value<'a>> {
    let mut out = Vec::with_capacity(256);
    for (name, value) in visible(headers) {
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.trim_ascii());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    Some(Value::Bin(out.into()))
}

/// All headers as pairs of strings with their lengths before them, two empty ones at the end ("Stream Processing
/// Offload Protocol" 3.1).
pub(super) fn binary<'a>(headers: Heads<'a>) -> Option<Value<'a>> {
    let mut out = Vec::with_capacity(256);
    for (name, value) in visible(headers) {
        let value = value.trim_ascii();
        push_length(&mut out, name.len());
        out.extend(name.iter().map(u8::to_ascii_lowercase));
        push_length(&mut out, value.len());
        out.extend_from_slice(value);
    }
    out.extend_from_slice(&[0, 0]);
    Some(Value::Bin(out.into()))
}

/// The values of the request's cookies of this name, of every name without one.
pub(super) fn request_cookies<'a>(
    headers: Heads<'a>,
    arguments: &Arguments<'a>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let name = arguments.text(0).map(str::as_bytes);
    let pairs = headers.lines(b"cookie").flat_map(|line| Pairs { rest: line, follows: false });
    let is_meant = move |known: &[u8]| !known.starts_with(b"$") && name.is_none_or(|name| name == known);
    pairs.filter_map(move |pair| is_meant(pair.name).then_some(pair.value))
}

/// The values of the cookies of this name that a response sets; without a name every value, attributes' too, as
/// HAProxy has it.
pub(super) fn response_cookies<'a>(
    headers: Heads<'a>,
    arguments: &Arguments<'a>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let name = arguments.text(0).map(str::as_bytes);
    let pairs = headers.lines(b"set-cookie").flat_map(|line| Pairs { rest: line, follows: false });
    pairs.filter_map(move |pair| {
        name.is_none_or(|name| !pair.is_attribute && name == pair.name).then_some(pair.value)
    })
}

/// The names of the cookies in lines of this header, a comma or the argument between them; what is no attribute.
pub(super) fn cookie_names<'a>(
    headers: Heads<'a>,
    line: &'static [u8],
    arguments: &Arguments<'_>,
) -> Option<Value<'a>> {
    let delimiter = arguments.text(0).and_then(|text| text.bytes().next()).unwrap_or(b',');
    let of_response = line == b"set-cookie";
    let pairs = headers.lines(line).flat_map(|line| Pairs { rest: line, follows: false });
    let names: Vec<&[u8]> =
        pairs.filter(|pair| !(of_response && pair.is_attribute)).map(|pair| pair.name).collect();
    Some(Value::text(names.join(&[delimiter][..])))
}

/// The cookie that counts: the last of its name, or the first of all where none is named.
pub(super) fn cookie<'a>(
    mut all: impl Iterator<Item = &'a [u8]>,
    arguments: &Arguments<'_>,
) -> Option<&'a [u8]> {
    match arguments.text(0) {
        Some(_) => all.last(),
        None => all.next(),
    }
}

/// The pairs `name=value` of a cookie header, which `;` and `,` separate where they stand outside of quotes.
struct Pairs<'a> {
    rest: &'a [u8],
    /// Whether a `;` stands before the rest.
    follows: bool,
}

/// `name=value`.
struct Pair<'a> {
    name: &'a [u8],
    value: &'a [u8],
    /// Whether it stands behind a `;`, where responses have attributes.
    is_attribute: bool,
}

impl<'a> Iterator for Pairs<'a> {
    type Item = Pair<'a>;

    fn next(&mut self) -> Option<Pair<'a>> {
        while !self.rest.is_empty() {
            let (mut quoted, mut escaped) = (false, false);
            let end = self.rest.iter().position(|byte| {
                let was_escaped = std::mem::take(&mut escaped);
                match byte {
                    b'"' if !was_escaped => quoted = !quoted,
                    b'\\' if quoted => escaped = !was_escaped,
                    _ => {}
                }
                matches!(byte, b';' | b',') && !quoted
            });
            let (pair, rest) = self.rest.split_at(end.unwrap_or(self.rest.len()));
            let is_attribute = std::mem::replace(&mut self.follows, rest.first() == Some(&b';'));
            self.rest = rest.get(1..).unwrap_or_default();
            if let Some(at) = memchr::memchr(b'=', pair) {
                let (name, value) = pair.split_at(at);
                let value = value.get(1..).unwrap_or_default().trim_ascii();
                return Some(Pair { name: name.trim_ascii(), value, is_attribute });
            }
        }
        None
    }
}

/// Every header but a `connection` that tells nothing beyond this connection's life: it is taken off on the way in.
fn visible<'a>(headers: Heads<'a>) -> impl Iterator<Item = (&'a [u8], &'a [u8])> + use<'a> {
    headers.all().filter(|(name, value)| !(name.eq_ignore_ascii_case(CONNECTION) && is_own(value)))
}

/// The name of the lines that say what is meant for one hop.
const CONNECTION: &[u8] = b"connection";

fn is_own(value: &[u8]) -> bool {
    value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii).all(|token| {
        token.is_empty() || token.eq_ignore_ascii_case(b"close") || token.eq_ignore_ascii_case(b"keep-alive")
    })
}

/// A length as SPOE writes integers: below 240 as one byte, or else four bits and then seven at a time.
fn push_length(out: &mut Vec<u8>, length: usize) {
    if length < 240 {
        out.push(length as u8);
        return;
    }
    out.push(length as u8 | 240);
    let mut rest = (length - 240) >> 4;
    while rest >= 128 {
        out.push(rest as u8 | 128);
        rest = (rest - 128) >> 7;
    }
    out.push(rest as u8);
}
