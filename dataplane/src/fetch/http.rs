//! Fetches of HTTP messages (configuration manual 7.3.6).

use std::net::IpAddr;

use super::{Arguments, Headers, View};
use crate::sample::Value;

/// The headers of the request.
pub(super) fn request<'a>(view: &View<'a>) -> Option<&'a dyn Headers> {
    view.request.as_ref().map(|request| request.headers)
}

/// The headers of the response.
pub(super) fn response<'a>(view: &View<'a>) -> Option<&'a dyn Headers> {
    view.response.as_ref().map(|response| response.headers)
}

/// The path of the request: the target without scheme, authority and query.
pub(super) fn path<'a>(view: &View<'a>) -> Option<Value<'a>> {
    let whole = locate_path(view.request.as_ref()?.target)?;
    let end = memchr::memchr2(b'?', b'#', whole).unwrap_or(whole.len());
    whole.get(..end).map(Value::text)
}

/// The path with the query.
pub(super) fn path_query<'a>(view: &View<'a>) -> Option<Value<'a>> {
    let whole = locate_path(view.request.as_ref()?.target)?;
    let end = memchr::memchr(b'#', whole).unwrap_or(whole.len());
    whole.get(..end).map(Value::text)
}

/// What follows the question mark.
pub(super) fn query<'a>(view: &View<'a>) -> Option<Value<'a>> {
    Some(Value::text(query_of(view.request.as_ref()?.target).unwrap_or_default()))
}

/// The value of a parameter of the query; `delim` replaces the question mark.
pub(super) fn url_parameter<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<Value<'a>> {
    let target = view.request.as_ref()?.target;
    let delimiter = arguments.text(1).and_then(|text| text.bytes().next()).unwrap_or(b'?');
    let at = memchr::memchr(delimiter, target)?;
    let query = target.get(at + 1..)?;
    parameter(query, arguments.text(0).map(str::as_bytes)).map(Value::text)
}

/// The value of a parameter in `a=b&c=d`; without a name, of the first.
pub(super) fn parameter<'a>(query: &'a [u8], name: Option<&[u8]>) -> Option<&'a [u8]> {
    query.split(|byte| matches!(byte, b'&' | b';')).find_map(|part| {
        let at = memchr::memchr(b'=', part)?;
        let (key, value) = (part.get(..at)?, part.get(at + 1..)?);
        (name.is_none() || name == Some(key)).then_some(value)
    })
}

/// A value of a header that is cut at commas; positions count from 1, from -1 backwards; the last by default.
pub(super) fn header<'a>(headers: &'a dyn Headers, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    nth(values(headers, arguments), arguments.int(1)).map(Value::text)
}

/// A header's line as it stands.
pub(super) fn full_header<'a>(headers: &'a dyn Headers, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    nth(lines(headers, arguments), arguments.int(1)).map(Value::text)
}

/// How many values of a header there are.
pub(super) fn header_count<'a>(headers: &dyn Headers, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    Some(Value::Int(values(headers, arguments).count() as i64))
}

/// A header's value as an address; `IPv4:port` is one too.
pub(super) fn header_ip<'a>(headers: &dyn Headers, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    let found = nth(values(headers, arguments), arguments.int(1))?;
    let text = std::str::from_utf8(found).ok()?;
    let bare = text.trim_start_matches('[').trim_end_matches(']');
    bare.parse::<IpAddr>().ok().or_else(|| text.rsplit_once(':')?.0.parse().ok()).map(Value::ip)
}

/// A header's value as an integer.
pub(super) fn header_value<'a>(headers: &dyn Headers, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    let found = nth(values(headers, arguments), arguments.int(1))?;
    Value::text(found).as_int().map(Value::Int)
}

/// The value of a cookie that the client sends.
pub(super) fn request_cookie<'a>(headers: &'a dyn Headers, arguments: &Arguments<'_>) -> Option<Value<'a>> {
    let name = arguments.text(0)?.as_bytes();
    let pairs = headers.lines(b"cookie").flat_map(|line| line.split(|byte| *byte == b';'));
    pairs
        .filter_map(|pair| {
            let pair = pair.trim_ascii();
            let at = memchr::memchr(b'=', pair)?;
            (pair.get(..at)?.trim_ascii_end() == name).then(|| pair.get(at + 1..))?
        })
        .next()
        .map(|value| Value::text(value.to_vec()))
}

/// From the first slash after scheme and authority on.
fn locate_path(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') {
        return Some(target);
    }
    let scheme = memchr::memmem::find(target, b"://")?;
    let rest = target.get(scheme + 3..)?;
    rest.get(memchr::memchr(b'/', rest)?..)
}

fn query_of(target: &[u8]) -> Option<&[u8]> {
    let rest = target.get(memchr::memchr(b'?', target)? + 1..)?;
    rest.get(..memchr::memchr(b'#', rest).unwrap_or(rest.len()))
}

/// The lines of the header that the first argument names; of every header where it names none.
fn lines<'a>(
    headers: &'a dyn Headers,
    arguments: &Arguments<'_>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let name = arguments.text(0).map(|name| name.as_bytes().to_vec());
    headers
        .all()
        .filter(move |(known, _)| name.as_ref().is_none_or(|name| known.eq_ignore_ascii_case(name)))
        .map(|(_, value)| value)
}

/// The same, cut at the commas that stand outside of quotes.
fn values<'a>(
    headers: &'a dyn Headers,
    arguments: &Arguments<'_>,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    lines(headers, arguments).flat_map(|line| {
        let mut quoted = false;
        line.split(move |byte| {
            quoted ^= *byte == b'"';
            *byte == b',' && !quoted
        })
        .map(<[u8]>::trim_ascii)
    })
}

/// The n-th from 1, or from -1 backwards; the last by default.
fn nth<'a>(mut all: impl Iterator<Item = &'a [u8]>, position: Option<i64>) -> Option<&'a [u8]> {
    match position.unwrap_or(0) {
        0 | -1 => all.last(),
        position if position > 0 => all.nth(usize::try_from(position - 1).ok()?),
        position => {
            let found: Vec<&[u8]> = all.collect();
            let back = usize::try_from(position.unsigned_abs()).ok()?;
            found.len().checked_sub(back).and_then(|at| found.get(at)).copied()
        }
    }
}
