//! A request of HTTP/1 at the beginning of a connection of which nobody has said yet what it is (configuration manual
//! 7.3.6, and 4.2 "tcp-request content").
//!
//! Owns the reading of it: as tolerant as HAProxy is there, since the bytes go on as they came and a server reads them
//! once more. Nothing that is forwarded as HTTP is ever read by this; that is `proxy::h1`. It does no I/O and panics on
//! no bytes.

use super::hello::Read;
use super::view::{Headers, Request};

/// The head of a request. Names stand in lower case, and before them the method and the target as `:method` and
/// `:path`, as HAProxy counts and shows them there.
#[derive(Debug)]
pub struct Opening {
    method: Box<[u8]>,
    target: Box<[u8]>,
    version: Box<str>,
    lines: Vec<Line>,
}

/// A name and a value.
type Line = (Box<[u8]>, Box<[u8]>);

impl Opening {
    /// Reads what a client sent first.
    pub fn read(bytes: &[u8]) -> Read<Opening> {
        match head(bytes) {
            Ok(Some(opening)) => Read::Found(opening),
            Ok(None) => Read::Partial,
            Err(Foreign) => Read::Foreign,
        }
    }

    /// The request; of its body nothing is told.
    pub fn request(&self) -> Request<'_> {
        Request {
            method: &self.method,
            target: &self.target,
            version: &self.version,
            headers: self,
            body: &[],
            body_length: Some(0),
        }
    }
}

impl Headers for Opening {
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>> {
        self.lines.get(position).map(|(name, value)| Some((&**name, &**value)))
    }
}

/// What is no request of HTTP/1.
struct Foreign;

/// A line, and what follows it.
type Cut<'a> = (&'a [u8], &'a [u8]);

/// Method, target and version.
type StartLine<'a> = (&'a [u8], &'a [u8], Option<&'a str>);

fn head(bytes: &[u8]) -> Result<Option<Opening>, Foreign> {
    let mut rest = bytes;
    // Empty lines may come before a request.
    while let Some(after) = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")) {
        rest = after;
    }
    let Some((line, mut rest)) = cut_line(rest)? else { return may_go_on(rest) };
    let (method, target, version) = start_line(line)?;
    // Before there were versions there were no fields either.
    let Some(version) = version else {
        let lines = vec![(b":method"[..].into(), method.into()), (b":path"[..].into(), target.into())];
        let opening = Opening { method: method.into(), target: target.into(), version: "1.0".into(), lines };
        return if method == b"GET" { Ok(Some(opening)) } else { Err(Foreign) };
    };
    let mut lines: Vec<Line> =
        vec![(b":method"[..].into(), method.into()), (b":path"[..].into(), target.into())];
    loop {
        let Some((line, after)) = cut_line(rest)? else { return Ok(None) };
        rest = after;
        if line.is_empty() {
            break;
        }
        let (name, mut value) = field(line)?;
        // Lines that begin with white space go on with the value before them.
        loop {
            match rest.first() {
                None => return Ok(None),
                Some(b' ' | b'\t') => {}
                Some(_) => break,
            }
            let Some((line, after)) = cut_line(rest)? else { return Ok(None) };
            value.extend_from_slice(if bytes_end_in_crlf(bytes, after) { b"  " } else { b" " });
            value.extend_from_slice(line);
            rest = after;
        }
        let value = value.trim_ascii().into();
        if lines.len() >= MOST_LINES {
            return Err(Foreign);
        }
        lines.push((name, value));
    }
    if bytes.len() - rest.len() > LONGEST {
        return Err(Foreign);
    }
    frame(&mut lines)?;
    agree_on_host(&mut lines, method, target)?;
    Ok(Some(Opening { method: method.into(), target: target.into(), version: version.into(), lines }))
}

/// Nothing, unless it is clear from the first line so far that this is no request.
fn may_go_on(line: &[u8]) -> Result<Option<Opening>, Foreign> {
    let mut words = line.splitn(2, |byte| matches!(byte, b' ' | b'\t'));
    let is_method = |word: &[u8]| word.iter().copied().all(is_token);
    let method = words.next().map(|word| word.strip_suffix(b"\r").unwrap_or(word));
    match method.is_none_or(is_method) && !(line.starts_with(b" ") || line.starts_with(b"\t")) {
        true => Ok(None),
        false => Err(Foreign),
    }
}

/// Whether the line that ends where `after` begins was ended by two bytes.
fn bytes_end_in_crlf(bytes: &[u8], after: &[u8]) -> bool {
    let end = bytes.len() - after.len();
    bytes.get(..end).is_some_and(|line| line.ends_with(b"\r\n"))
}

/// A line without its end, and what follows; nothing where it is not whole. A carriage return stands before a line's
/// end alone.
fn cut_line(bytes: &[u8]) -> Result<Option<Cut<'_>>, Foreign> {
    let Some(at) = memchr::memchr2(b'\r', b'\n', bytes) else {
        return if bytes.len() > LONGEST { Err(Foreign) } else { Ok(None) };
    };
    let (line, end) = bytes.split_at(at);
    match end {
        [b'\n', rest @ ..] | [b'\r', b'\n', rest @ ..] => Ok(Some((line, rest))),
        [b'\r'] => Ok(None),
        _ => Err(Foreign),
    }
}

/// Method, target and version, which may be left out.
fn start_line(line: &[u8]) -> Result<StartLine<'_>, Foreign> {
    let is_space = |byte: &u8| matches!(byte, b' ' | b'\t');
    let cut = |bytes: &'_ [u8]| bytes.iter().position(is_space);
    let end = cut(line).ok_or(Foreign)?;
    let (method, rest) = line.split_at(end);
    if method.is_empty() || !method.iter().copied().all(is_token) {
        return Err(Foreign);
    }
    let begin = rest.iter().position(|byte| !is_space(byte)).ok_or(Foreign)?;
    let rest = rest.get(begin..).unwrap_or_default();
    let (target, rest) = rest.split_at(cut(rest).unwrap_or(rest.len()));
    if !target.iter().all(|byte| byte.is_ascii_graphic() && *byte != b'#') {
        return Err(Foreign);
    }
    let begin = rest.iter().position(|byte| !is_space(byte)).unwrap_or(rest.len());
    let version = rest.get(begin..).unwrap_or_default();
    if version.is_empty() {
        return Ok((method, target, None));
    }
    if !version.iter().all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"./".contains(byte))
    {
        return Err(Foreign);
    }
    let version = std::str::from_utf8(version).map_err(|_| Foreign)?;
    let number = version.split_once('/').map_or("", |(_, number)| number);
    Ok((method, target, Some(number)))
}

/// A field's name, in lower case, and its value.
fn field(line: &[u8]) -> Result<(Box<[u8]>, Vec<u8>), Foreign> {
    let colon = memchr::memchr(b':', line).ok_or(Foreign)?;
    let (name, value) = line.split_at(colon);
    if name.is_empty() || !name.iter().copied().all(is_token) {
        return Err(Foreign);
    }
    Ok((name.to_ascii_lowercase().into(), value.get(1..).unwrap_or_default().to_vec()))
}

/// Looks whether the fields that say where the body ends are sound. What is said twice, or said over, is left out.
fn frame(lines: &mut Vec<Line>) -> Result<(), Foreign> {
    let mut length: Option<u64> = None;
    let mut chunked = false;
    let mut doubled = Vec::new();
    for (at, (name, value)) in lines.iter_mut().enumerate() {
        match &**name {
            b"content-length" => {
                let first = length.is_none();
                let mut items = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                let one = items.next().unwrap_or_default().to_vec();
                for digits in std::iter::once(&*one).chain(items) {
                    let number = number(digits)?;
                    if length.is_some_and(|known| known != number) {
                        return Err(Foreign);
                    }
                    length = Some(number);
                }
                match first {
                    true => *value = one.into(),
                    false => doubled.push(at),
                }
            }
            b"transfer-encoding" => {
                for coding in value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii) {
                    // Nothing may stand behind this one.
                    if chunked || coding.is_empty() {
                        return Err(Foreign);
                    }
                    chunked = coding.eq_ignore_ascii_case(b"chunked");
                }
            }
            _ => {}
        }
    }
    if !chunked && lines.iter().any(|(name, _)| &**name == b"transfer-encoding") {
        return Err(Foreign);
    }
    let mut at = 0;
    lines.retain(|(name, _)| {
        let goes = doubled.contains(&at) || (chunked && &**name == b"content-length");
        at += 1;
        !goes
    });
    Ok(())
}

/// Looks whether all that names the host names the same; further lines that do are left out.
fn agree_on_host(lines: &mut Vec<Line>, method: &[u8], target: &[u8]) -> Result<(), Foreign> {
    let mut host: Option<Box<[u8]>> = None;
    let mut agreed = true;
    lines.retain(|(name, value)| {
        if &**name != b"host" {
            return true;
        }
        match &host {
            Some(known) => {
                agreed &= known.eq_ignore_ascii_case(value);
                false
            }
            None => {
                host = Some(value.clone());
                true
            }
        }
    });
    let connects = method == b"CONNECT";
    let authority = match connects {
        true => {
            let colon = memchr::memrchr(b':', target).ok_or(Foreign)?;
            let (name, port) = target.split_at(colon);
            let port = port.get(1..).unwrap_or_default();
            let is_host = !name.is_empty() && memchr::memchr(b'/', name).is_none();
            if !is_host || port.is_empty() || !port.iter().all(u8::is_ascii_digit) {
                return Err(Foreign);
            }
            Some((name, port, &b""[..]))
        }
        false => authority(target),
    };
    if let (Some((name, port, scheme)), Some(host)) = (authority, &host) {
        agreed &= is_same_host((name, port, scheme), host);
    }
    if agreed { Ok(()) } else { Err(Foreign) }
}

/// Name, port and scheme of an absolute target.
fn authority(target: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let at = memchr::memmem::find(target, b"://")?;
    let scheme = target.get(..at)?;
    if !scheme.first()?.is_ascii_alphabetic() {
        return None;
    }
    let rest = target.get(at + 3..)?;
    let whole = rest.get(..memchr::memchr2(b'/', b'?', rest).unwrap_or(rest.len()))?;
    let whole = memchr::memrchr(b'@', whole).map_or(whole, |at| whole.get(at + 1..).unwrap_or_default());
    let (name, port) = cut_port(whole);
    Some((name, port, scheme))
}

/// A name and the port behind it, which may be empty.
fn cut_port(host: &[u8]) -> (&[u8], &[u8]) {
    match memchr::memrchr(b':', host) {
        Some(at) if host.get(at + 1..).is_some_and(|port| port.iter().all(u8::is_ascii_digit)) => {
            (host.get(..at).unwrap_or_default(), host.get(at + 1..).unwrap_or_default())
        }
        _ => (host, &[]),
    }
}

/// Whether a host is that of an authority, where a port that goes without saying may be left out on one side.
fn is_same_host((name, port, scheme): (&[u8], &[u8], &[u8]), host: &[u8]) -> bool {
    let (own, own_port) = cut_port(host);
    // Nothing is said of the host there.
    if name.is_empty() {
        return true;
    }
    let is_default = |port: &[u8]| match scheme {
        b"http" => matches!(port, b"" | b"80"),
        b"https" => matches!(port, b"" | b"443"),
        _ => matches!(port, b"" | b"80" | b"443"),
    };
    name.eq_ignore_ascii_case(own) && (port == own_port || (is_default(port) && is_default(own_port)))
}

fn number(digits: &[u8]) -> Result<u64, Foreign> {
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return Err(Foreign);
    }
    std::str::from_utf8(digits).ok().and_then(|text| text.parse().ok()).ok_or(Foreign)
}

/// Whether a byte may stand in a method or in a field's name (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Lines of a head, with the two that say method and target.
const MOST_LINES: usize = 100;

/// Bytes of a head: a buffer less what is kept for rewriting, as HAProxy has it.
const LONGEST: usize = 16384 - 1024;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic, reason = "a test may fail where it stands")]

    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Option<Opening> {
        match Opening::read(text.as_bytes()) {
            Read::Found(opening) => Some(opening),
            _ => None,
        }
    }

    #[test]
    fn pseudo_lines_stand_before_the_others() {
        let opening = read("\r\nGET  /x HTTP/1.1\nHost: a\r\n\tb\r\nX:\r\n\r\nrest").unwrap();
        let lines: Vec<String> = opening
            .lines
            .iter()
            .map(|(name, value)| {
                format!("{}={}", String::from_utf8_lossy(name), String::from_utf8_lossy(value))
            })
            .collect();
        assert_eq!(lines, [":method=GET", ":path=/x", "host=a  \tb", "x="]);
        assert_eq!(&*opening.version, "1.1");
    }

    #[test]
    fn what_contradicts_itself_is_none() {
        for text in [
            "GET / HTTP/1.1\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
            "GET / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
            "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
            "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
            "CONNECT a HTTP/1.1\r\n\r\n",
            "GET / HTTP/1.1\r\na:b\rc\r\n\r\n",
        ] {
            assert!(matches!(Opening::read(text.as_bytes()), Read::Foreign), "{text:?}");
        }
        let both = read("GET / HTTP/1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n").unwrap();
        assert_eq!(both.lines.len(), 3);
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_much(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = Opening::read(&bytes);
        }

        #[test]
        fn a_beginning_is_never_foreign(cut in 0_usize..90) {
            let whole = b"GET http://a:80/x?y HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nX: y\r\n z\r\n\r\nabc";
            let cut = cut.min(whole.len());
            prop_assert!(!matches!(Opening::read(&whole[..cut]), Read::Foreign));
        }
    }
}
