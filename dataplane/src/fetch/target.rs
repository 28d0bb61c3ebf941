//! Fetches of the request's target (configuration manual 7.3.6).

use std::net::{IpAddr, SocketAddr};

use super::{Arguments, View};
use crate::balance::{avalanche, sdbm};
use crate::sample::Value;

/// The target, as it stands now.
pub(super) fn url<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    view.request().map(|request| request.target)
}

/// The path: from the first slash after scheme and authority to the question mark.
pub(super) fn path<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    let whole = path_and_query(view)?;
    whole.get(..memchr::memchr(b'?', whole).unwrap_or(whole.len()))
}

/// The path with the query.
pub(super) fn path_and_query<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    locate_path(url(view)?)
}

/// What follows the question mark; nothing without one.
pub(super) fn query<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    let whole = path_and_query(view)?;
    whole.get(memchr::memchr(b'?', whole)? + 1..)
}

/// The host, then the path; with the query if that is asked for.
pub(super) fn base<'a>(view: &View<'a>, with_query: bool) -> Option<Value<'a>> {
    let path = if with_query { path_and_query(view) } else { path(view) };
    match host(view) {
        None => path.map(Value::text),
        Some(host) => Some(Value::text([host, path.unwrap_or_default()].concat())),
    }
}

/// The hash of host and path.
pub(super) fn base_hash(view: &View<'_>) -> Option<u32> {
    view.request()?;
    Some(hash(&[host(view).unwrap_or_default(), path(view).unwrap_or_default()]))
}

/// The hash of host, path and query.
pub(super) fn url_hash(view: &View<'_>) -> Option<u32> {
    view.request()?;
    Some(hash(&[host(view).unwrap_or_default(), path_and_query(view).unwrap_or_default()]))
}

/// A hash with the client's address after it: eight bytes, or twenty.
pub(super) fn with_source<'a>(hash: Option<u32>, view: &View<'a>) -> Option<Value<'a>> {
    let mut bytes = hash?.to_be_bytes().to_vec();
    match view.source?.ip() {
        IpAddr::V4(ip) => bytes.extend(ip.octets()),
        IpAddr::V6(ip) => bytes.extend(ip.octets()),
    }
    Some(Value::Bin(bytes.into()))
}

/// The address and the port in an absolute target, where the host is an address.
pub(super) fn address(view: &View<'_>) -> Option<SocketAddr> {
    let target = std::str::from_utf8(url(view)?).ok()?;
    let (scheme, rest) = target.split_once("://")?;
    let default = if scheme.eq_ignore_ascii_case("https") { 443 } else { 80 };
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(authority);
    match host.parse::<IpAddr>() {
        Ok(ip) => Some(SocketAddr::new(ip, default)),
        Err(_) => authority.parse().ok(),
    }
}

/// The parameters of the query of this name, of every name without one; another character than the question mark
/// may come before them.
pub(super) fn parameters<'a>(
    arguments: &Arguments<'a>,
    view: &View<'a>,
) -> Option<impl Iterator<Item = &'a [u8]> + use<'a>> {
    let target = url(view)?;
    let delimiter = arguments.text(1).and_then(|text| text.bytes().next()).unwrap_or(b'?');
    let query = target.get(memchr::memchr(delimiter, target)? + 1..)?;
    Some(pairs(query, delimiter, arguments.text(0), arguments.text(2).is_some()))
}

/// The values of the parameters of this name, of every name without one.
pub(super) fn pairs<'a>(
    text: &'a [u8],
    delimiter: u8,
    name: Option<&'a str>,
    ignore_case: bool,
) -> impl Iterator<Item = &'a [u8]> + use<'a> {
    let parts = text.split(move |byte| *byte == b'&' || *byte == b';' || *byte == delimiter);
    parts.filter_map(move |part| {
        let at = memchr::memchr(b'=', part)?;
        let (key, value) = (part.get(..at)?, part.get(at + 1..)?);
        let is_meant = name.is_none_or(|name| match ignore_case {
            true => key.eq_ignore_ascii_case(name.as_bytes()),
            false => key == name.as_bytes(),
        });
        is_meant.then_some(value)
    })
}

fn host<'a>(view: &View<'a>) -> Option<&'a [u8]> {
    let headers = view.request()?.headers;
    headers.lines(b"host").next().filter(|host| !host.is_empty())
}

/// From the first slash after scheme and authority on; nothing in `*` and in a bare authority.
pub(super) fn locate_path(target: &[u8]) -> Option<&[u8]> {
    if target.first() == Some(&b'/') {
        return Some(target);
    }
    let rest = target.get(memchr::memmem::find(target, b"://")? + 3..)?;
    rest.get(memchr::memchr(b'/', rest)?..)
}

/// SDBM with the avalanche, over the parts together.
fn hash(parts: &[&[u8]]) -> u32 {
    avalanche(parts.iter().fold(0, |hash, part| sdbm(hash, part)))
}
