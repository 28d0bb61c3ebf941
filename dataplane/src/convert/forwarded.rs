//! The header `Forwarded` and its nodes (RFC 7239; configuration manual 7.3.1 "rfc7239_field").

use std::borrow::Cow;
use std::net::{Ipv4Addr, Ipv6Addr};

use regate_proto::rules::converters::Node;

use crate::sample::Value;

/// Whether a text is a sound element of such a header.
pub(super) fn is_valid(header: &[u8]) -> bool {
    let mut seen = Vec::new();
    pairs(header, |name, value| {
        let name = name.to_ascii_lowercase();
        let sound = match name.as_slice() {
            b"proto" => matches!(value, b"http" | b"https"),
            b"host" => !value.is_empty() && value.iter().all(|byte| byte.is_ascii_graphic()),
            b"for" | b"by" => node(value).is_some(),
            _ => false,
        };
        let first = !seen.contains(&name);
        seen.push(name);
        sound && first
    })
    .is_some()
}

/// The value of a parameter; none where the header is not sound up to there.
pub(super) fn field(header: &[u8], wanted: &[u8]) -> Option<Vec<u8>> {
    let mut found = None;
    // The search ends at what is found, as it does at what is wrong.
    let _ = pairs(header, |name, value| {
        if name.eq_ignore_ascii_case(wanted) {
            found = Some(value.to_vec());
        }
        found.is_none()
    });
    found
}

/// A half of a node.
pub(super) fn half<'a>(text: &[u8], half: Node) -> Option<Value<'a>> {
    let (name, port) = node(text)?;
    match half {
        Node::Name => Some(name),
        Node::Port => port,
    }
}

/// A half of a node made of a value: an address or a number, or of a text an identifier that hides what it is.
pub(super) fn made<'a>(value: Value<'a>, half: Node) -> Option<Value<'a>> {
    let text = match (half, value) {
        (Node::Name, Value::Ipv4(ip)) => ip.to_string().into_bytes(),
        (Node::Name, Value::Ipv6(ip)) => {
            let mut out = vec![b'['];
            Value::Ipv6(ip).push_text(&mut out);
            out.push(b']');
            out
        }
        (Node::Port, Value::Int(number)) => (number as u32).to_string().into_bytes(),
        (Node::Name, Value::Str(text)) if text.is_empty() => b"unknown".to_vec(),
        (_, Value::Str(text)) if is_identifier(&text) => [b"_", text.as_ref()].concat(),
        _ => return None,
    };
    Some(Value::Str(Cow::Owned(text)))
}

/// A node's name and its port (RFC 7239, 6).
fn node<'a>(text: &[u8]) -> Option<(Value<'a>, Option<Value<'a>>)> {
    let text = std::str::from_utf8(text).ok()?;
    let bracket = text.find(']').map_or(0, |at| at + 1);
    let colon = text.get(bracket..)?.find(':').map_or(text.len(), |at| bracket + at);
    let name = text.get(..colon)?;
    let value = match name.strip_prefix('[').and_then(|name| name.strip_suffix(']')) {
        Some(inner) => Value::Ipv6(inner.parse::<Ipv6Addr>().ok()?),
        None if name == "unknown" => Value::text(b"unknown".to_vec()),
        None if name.strip_prefix('_').is_some_and(|name| is_identifier(name.as_bytes())) => {
            Value::text(name.as_bytes().to_vec())
        }
        None => Value::Ipv4(name.parse::<Ipv4Addr>().ok()?),
    };
    let port = match text.get(colon + 1..) {
        None => None,
        Some(port) if port.strip_prefix('_').is_some_and(|port| is_identifier(port.as_bytes())) => {
            Some(Value::text(port.as_bytes().to_vec()))
        }
        Some(port) if port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit()) => {
            Some(Value::Int(port.parse::<u16>().ok()?.into()))
        }
        Some(_) => return None,
    };
    Some((value, port))
}

fn is_identifier(text: &[u8]) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'_' | b'-');
    !text.is_empty() && text.iter().all(letter)
}

/// Goes through names and values until one is refused; none where that happens, or where a pair is no pair.
fn pairs(header: &[u8], mut take: impl FnMut(&[u8], &[u8]) -> bool) -> Option<()> {
    let mut rest = header;
    loop {
        let equals = memchr::memchr(b'=', rest)?;
        let name = rest[..equals].trim_ascii_start();
        let after = &rest[equals + 1..];
        let (value, tail) = match after {
            [b'"', quoted @ ..] => {
                let mut value = Vec::new();
                let mut at = 0;
                loop {
                    match quoted.get(at)? {
                        b'"' => break,
                        b'\\' => {
                            value.push(*quoted.get(at + 1)?);
                            at += 2;
                        }
                        byte => {
                            value.push(*byte);
                            at += 1;
                        }
                    }
                }
                (Cow::Owned(value), &quoted[at + 1..])
            }
            bare => {
                let end = bare.iter().position(|byte| !is_token(*byte)).unwrap_or(bare.len());
                (Cow::Borrowed(&bare[..end]), &bare[end..])
            }
        };
        if name.is_empty() || value.is_empty() || !take(name, &value) {
            return None;
        }
        rest = match tail.trim_ascii_start() {
            [] => return Some(()),
            [b';', tail @ ..] => tail,
            _ => return None,
        };
    }
}

/// Whether a letter may stand in a token (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
