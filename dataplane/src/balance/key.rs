//! What a request is balanced by: the bytes that the algorithm names, and their hash (configuration manual 4.2
//! "balance"). Which bytes count in odd cases is what HAProxy was seen to hash.

use std::net::{IpAddr, SocketAddr};

use regate_proto::model::{Balance, UriKey};

use super::BalancePlan;

/// What a request is balanced by: the hash of its key, where the algorithm has one and the request has that.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Key(pub Option<u32>);

/// What keys are taken from. What a connection does not have is empty.
#[derive(Clone, Copy)]
pub struct Asker<'a> {
    /// The client's address.
    pub client: Option<IpAddr>,
    /// The request's target as it was spelled.
    pub target: &'a [u8],
    /// The first value of a header.
    pub header: &'a dyn Fn(&str) -> Option<&'a [u8]>,
    /// What has come of the body of a POST request, without any coding of the transfer.
    pub posted: &'a [u8],
    /// The first bytes of a connection without requests.
    pub opening: &'a [u8],
    /// The bytes of the sample that the algorithm names.
    pub sampled: Option<&'a [u8]>,
}

impl BalancePlan {
    /// The key of a request or connection.
    pub fn key(&self, asker: &Asker<'_>) -> Key {
        let hashed = |bytes: &[u8]| self.hashing.hash(bytes);
        Key(match &self.algorithm {
            Balance::RoundRobin
            | Balance::StaticRr
            | Balance::LeastConn
            | Balance::First
            | Balance::Random(_)
            | Balance::Sticky => None,
            Balance::Source => asker.client.map(|client| self.hashing.finish(folded(client))),
            Balance::Uri(key) => Some(hashed(part_of_target(key, asker.target))),
            Balance::UrlParam { name, check_post } => {
                let query = asker.target.iter().position(|byte| *byte == b'?');
                let query = query.and_then(|at| asker.target.get(at + 1..)).unwrap_or_default();
                let posted = if *check_post { asker.posted } else { &[] };
                let name = name.as_str().as_bytes();
                parameter(query, name).or_else(|| parameter(posted, name)).map(hashed)
            }
            Balance::Header { name, domain_only } => {
                let value = (asker.header)(name.as_str()).map(first_member).filter(|value| !value.is_empty());
                value.map(|value| hashed(if *domain_only { domain(value) } else { value }))
            }
            Balance::RdpCookie(name) => rdp_cookie(asker.opening, name.as_str()).map(hashed),
            Balance::Hash(_) => asker.sampled.map(hashed),
        })
    }

    /// Whether keys are taken from the bodies of POST requests, so that these have to come first.
    pub fn needs_body(&self) -> bool {
        matches!(self.algorithm, Balance::UrlParam { check_post: true, .. })
    }

    /// Whether keys are taken from what a client says first on a plain connection.
    pub fn needs_opening(&self) -> bool {
        matches!(self.algorithm, Balance::RdpCookie(_))
    }
}

/// Whether a client that began so may still name an RDP cookie: more bytes may then decide.
pub fn may_open_with_cookie(opening: &[u8]) -> bool {
    let begins = opening.iter().zip(COOKIE_HEAD).all(|(byte, head)| head.is_none_or(|head| *byte == head));
    let label = opening.get(COOKIE_HEAD.len()..).unwrap_or_default();
    let is_cookie = label.iter().zip(COOKIE).all(|(byte, letter)| byte.eq_ignore_ascii_case(letter));
    let whole = label.len() > COOKIE.len() && label.windows(2).any(|pair| pair == b"\r\n");
    begins && is_cookie && !whole && opening.len() < LONGEST_COOKIE
}

/// An address in 32 bits: its words of four bytes, folded.
fn folded(address: IpAddr) -> u32 {
    match address {
        IpAddr::V4(address) => address.to_bits(),
        IpAddr::V6(address) => {
            let bits = address.to_bits();
            [96, 64, 32, 0].iter().fold(0, |folded, shift| folded ^ (bits >> shift) as u32)
        }
    }
}

fn part_of_target<'a>(key: &UriKey, target: &'a [u8]) -> &'a [u8] {
    let mut part = if key.path_only { path(target) } else { target };
    if let Some(length) = key.length {
        part = part.get(..length as usize).unwrap_or(part);
    }
    let mut slashes = 0;
    let end = part.iter().position(|byte| match byte {
        b'/' => {
            slashes += 1;
            key.depth.is_some_and(|depth| slashes > depth)
        }
        b'?' => !key.whole,
        _ => false,
    });
    end.and_then(|end| part.get(..end)).unwrap_or(part)
}

/// The path of a target with its query; empty where it has none.
fn path(target: &[u8]) -> &[u8] {
    let after_scheme = match target.windows(3).position(|window| window == b"://") {
        Some(at) if target.first() != Some(&b'/') => target.get(at + 3..).unwrap_or_default(),
        _ => target,
    };
    let start = after_scheme.iter().position(|byte| *byte == b'/');
    start.and_then(|start| after_scheme.get(start..)).unwrap_or_default()
}

/// The value of a parameter among `name=value` pairs; without `=` it has none.
fn parameter<'a>(pairs: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let mut pairs = pairs.split(|byte| *byte == b'&');
    pairs.find_map(|pair| pair.strip_prefix(name)?.strip_prefix(b"="))
}

/// The first member of a list, without white space round it; commas in quotes are part of it.
fn first_member(value: &[u8]) -> &[u8] {
    let (mut quoted, mut escaped) = (false, false);
    let end = value.iter().position(|byte| {
        let ends = *byte == b',' && !quoted;
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = quoted,
            b'"' => quoted = !quoted,
            _ => {}
        }
        ends
    });
    end.and_then(|end| value.get(..end)).unwrap_or(value).trim_ascii()
}

/// The part of a host's name before the last dot, up to the dot before; all of it where there is no dot.
fn domain(host: &[u8]) -> &[u8] {
    let Some(end) = host.iter().rposition(|byte| *byte == b'.').filter(|end| *end > 0) else { return host };
    let before = host.get(..end).unwrap_or_default();
    let start = before.iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
    before.get(start..).unwrap_or_default()
}

/// The value of an RDP cookie: what a client's first packet says after `Cookie:`, in a connection request of X.224.
fn rdp_cookie<'a>(opening: &'a [u8], name: &str) -> Option<&'a [u8]> {
    let head = opening.get(..COOKIE_HEAD.len())?;
    if !head.iter().zip(COOKIE_HEAD).all(|(byte, head)| head.is_none_or(|head| *byte == head)) {
        return None;
    }
    let text = opening.get(COOKIE_HEAD.len()..)?;
    let label = text.get(..COOKIE.len()).filter(|label| label.eq_ignore_ascii_case(COOKIE))?;
    let text = text.get(label.len()..)?;
    let text = text.get(..text.windows(2).position(|pair| pair == b"\r\n")?)?;
    let equals = text.iter().position(|byte| *byte == b'=')?;
    let named = text.get(..equals)?.trim_ascii();
    let value = text.get(equals + 1..)?;
    named.eq_ignore_ascii_case(name.as_bytes()).then_some(value)
}

/// The address that a cookie of brokers of terminal servers names: the bytes of address and port, each read as a
/// number of the other byte order, such as `3640205228.15629.0000` for 172.31.249.216:3389.
pub fn address_of_cookie(opening: &[u8], name: &str) -> Option<SocketAddr> {
    let value = std::str::from_utf8(rdp_cookie(opening, name)?).ok()?;
    let mut parts = value.split('.');
    let ip: u32 = parts.next()?.parse().ok()?;
    let port: u16 = parts.next()?.parse().ok()?;
    parts.next()?;
    Some(SocketAddr::from((ip.to_le_bytes(), port.swap_bytes())))
}

/// The head of a TPKT of version 3 with a connection request of X.224; what varies is `None`.
const COOKIE_HEAD: [Option<u8>; 11] =
    [Some(3), Some(0), None, None, None, Some(0xe0), None, None, None, None, None];
const COOKIE: &[u8] = b"Cookie:";
/// No cookie is longer, with what stands before it.
const LONGEST_COOKIE: usize = 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use regate_proto::model::{HashType, KeyName};

    use super::super::hash::Hashing;
    use super::*;

    fn parts(depth: Option<u32>, length: Option<u32>, whole: bool, path_only: bool) -> UriKey {
        UriKey { whole, length, depth, path_only }
    }

    #[test]
    fn the_part_of_a_target_is_haproxys() {
        let rows: [(UriKey, &str, &str); 16] = [
            (parts(None, None, false, false), "/a/b/c?x=1", "/a/b/c"),
            (parts(None, None, false, false), "http://x/a/b?z", "http://x/a/b"),
            (parts(None, None, false, false), "*", "*"),
            (parts(None, None, true, false), "/a/b?x=1/2", "/a/b?x=1/2"),
            (parts(None, Some(4), false, false), "/abcdef", "/abc"),
            (parts(None, Some(4), false, false), "/a?bcdef", "/a"),
            (parts(Some(1), None, false, false), "/ab/cd/ef", "/ab"),
            (parts(Some(2), None, false, false), "/ab//cd", "/ab/"),
            (parts(Some(1), None, false, false), "http://x/a/b", "http:/"),
            (parts(Some(2), Some(8), false, false), "/ab/cdefghi", "/ab/cdef"),
            (parts(Some(1), None, true, false), "/ab?x/cd", "/ab?x"),
            (parts(None, None, false, true), "http://x/a/b?z", "/a/b"),
            (parts(None, None, true, true), "http://x/a/b?z", "/a/b?z"),
            (parts(Some(1), None, false, true), "http://x/a/b", "/a"),
            (parts(None, None, false, true), "http://x", ""),
            (parts(None, None, false, true), "*", ""),
        ];
        for (key, target, expected) in rows {
            let part = part_of_target(&key, target.as_bytes());
            assert_eq!(String::from_utf8_lossy(part), expected, "{target} by {key:?}");
        }
    }

    #[test]
    fn parameters_members_and_domains_are_haproxys() {
        let rows = [
            ("id=abc", Some("abc")),
            ("x=1&id=abc&y", Some("abc")),
            ("id=", Some("")),
            ("id", None),
            ("xid=abc", None),
            ("id=a;id=b", Some("a;id=b")),
            ("x;id=abc", None),
            ("ID=abc", None),
            ("id=1&id=2", Some("1")),
        ];
        for (pairs, expected) in rows {
            assert_eq!(parameter(pairs.as_bytes(), b"id"), expected.map(str::as_bytes), "{pairs}");
        }
        for (value, expected) in
            [("abc, def", "abc"), ("  a b ", "a b"), (", def", ""), ("\"a,b\",c", "\"a,b\"")]
        {
            assert_eq!(first_member(value.as_bytes()), expected.as_bytes(), "{value}");
        }
        let hosts = [
            ("www.example.com", "example"),
            ("example.com", "example"),
            ("localhost", "localhost"),
            ("a.b.c.d.e", "d"),
            ("www.example.com:80", "example"),
            (".com", ".com"),
            ("com.", "com"),
            ("a.com.", "com"),
        ];
        for (host, expected) in hosts {
            assert_eq!(domain(host.as_bytes()), expected.as_bytes(), "{host}");
        }
    }

    #[test]
    fn rdp_cookies_are_found_and_nothing_else_is() {
        let packet = |text: &str| [&[3, 0, 0, 40, 35, 0xe0, 0, 0, 0, 0, 0], text.as_bytes()].concat();
        let cookie = packet("Cookie: mstshash=us er\r\n\u{1}");
        assert_eq!(rdp_cookie(&cookie, "MSTSHASH"), Some(b"us er".as_slice()));
        assert_eq!(rdp_cookie(&cookie, "msts"), None);
        let broker = |value: &str| address_of_cookie(&packet(&format!("Cookie: msts={value}\r\n")), "msts");
        assert_eq!(broker("3640205228.15629.0000"), Some("172.31.249.216:3389".parse().unwrap()));
        for value in ["", "1", "1.2", "-1.2.0", "4294967296.2.0", "1.65536.0", "a.b.c"] {
            assert_eq!(broker(value), None, "{value}");
        }
        assert_eq!(rdp_cookie(&packet("Cookie: mstshash=user"), "mstshash"), None);
        assert_eq!(rdp_cookie(b"GET / HTTP/1.1\r\nCookie: mstshash=a\r\n", "mstshash"), None);
        for length in 0..cookie.len() - 2 {
            assert!(may_open_with_cookie(&cookie[..length]), "{length}");
        }
        assert!(!may_open_with_cookie(&cookie));
        assert!(!may_open_with_cookie(b"GET / HTTP/1.1"));
    }

    #[test]
    fn whatever_comes_is_no_trouble() {
        let header = |_: &str| -> Option<&[u8]> { None };
        let name = KeyName::new("id").unwrap();
        for algorithm in [
            Balance::Uri(parts(Some(1), Some(1), true, true)),
            Balance::UrlParam { name: name.clone(), check_post: true },
            Balance::Header { name: name.clone(), domain_only: true },
            Balance::RdpCookie(name),
        ] {
            let plan = BalancePlan { algorithm, ..BalancePlan::default() };
            for text in ["", "?", "://", "/", "id=", "\u{3}\u{0}", "\"", "..", "&&="] {
                let bytes = text.as_bytes();
                let asker = Asker {
                    client: None,
                    target: bytes,
                    header: &header,
                    posted: bytes,
                    opening: bytes,
                    sampled: Some(bytes),
                };
                plan.key(&asker);
            }
        }
        assert_eq!(Hashing::of(HashType::DEFAULT).hash(b"/"), 47);
    }
}
