//! A sample's value, and the conversions that are implied between types (configuration manual 7.3).
//!
//! A leaf: it knows neither where a value is from nor what is done with it.

use std::borrow::Cow;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regate_proto::rules::Kind;

/// What a fetch or a converter gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Value<'a> {
    /// True or false.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// An IPv4 address.
    Ipv4(Ipv4Addr),
    /// An IPv6 address.
    Ipv6(Ipv6Addr),
    /// Text, of any bytes.
    Str(Cow<'a, [u8]>),
    /// Bytes that are no text: as text they are hexadecimal.
    Bin(Cow<'a, [u8]>),
    /// An HTTP method as it was spelled.
    Method(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// A text.
    pub fn text(text: impl Into<Cow<'a, [u8]>>) -> Value<'a> {
        Value::Str(text.into())
    }

    /// An address.
    pub fn ip(ip: IpAddr) -> Value<'a> {
        match ip {
            IpAddr::V4(ip) => Value::Ipv4(ip),
            IpAddr::V6(ip) => Value::Ipv6(ip),
        }
    }

    /// Its type.
    pub fn kind(&self) -> Kind {
        match self {
            Value::Bool(_) => Kind::Bool,
            Value::Int(_) => Kind::Int,
            Value::Ipv4(_) => Kind::Ipv4,
            Value::Ipv6(_) => Kind::Ipv6,
            Value::Str(_) => Kind::Str,
            Value::Bin(_) => Kind::Bin,
            Value::Method(_) => Kind::Method,
        }
    }

    /// The same value as another type; `None` where it has none, such as text that is no address.
    pub fn cast(self, to: Kind) -> Option<Value<'a>> {
        Some(match (self, to) {
            (value, Kind::Any) => value,
            (value, to) if value.kind() == to => value,
            (value @ (Value::Ipv4(_) | Value::Ipv6(_)), Kind::Ip) => value,
            (value, Kind::Bool) => Value::Bool(value.as_int()? != 0),
            (value, Kind::Int) => Value::Int(value.as_int()?),
            (value, Kind::Ip) => Value::ip(value.as_ip()?),
            (value, Kind::Ipv4) => match value.as_ip()? {
                IpAddr::V4(ip) => Value::Ipv4(ip),
                IpAddr::V6(ip) => Value::Ipv4(embedded(ip)?),
            },
            (value, Kind::Ipv6) => match value.as_ip()? {
                IpAddr::V4(ip) => Value::Ipv6(ip.to_ipv6_mapped()),
                IpAddr::V6(ip) => Value::Ipv6(ip),
            },
            (Value::Bin(bytes), Kind::Str) => Value::text(hexadecimal(&bytes)),
            (Value::Method(text), Kind::Str) => Value::Str(text),
            (value, Kind::Str) => Value::Str(value.into_text()),
            (Value::Int(number), Kind::Bin) => Value::Bin(Cow::Owned(number.to_be_bytes().to_vec())),
            (Value::Ipv4(ip), Kind::Bin) => Value::Bin(Cow::Owned(ip.octets().to_vec())),
            (Value::Ipv6(ip), Kind::Bin) => Value::Bin(Cow::Owned(ip.octets().to_vec())),
            (Value::Str(text) | Value::Method(text), Kind::Bin) => Value::Bin(text),
            (Value::Str(text) | Value::Bin(text), Kind::Method) => Value::Method(text),
            (_, Kind::Bin | Kind::Method) => return None,
        })
    }

    /// The integer that it is or says.
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Value::Bool(truth) => Some(i64::from(*truth)),
            Value::Int(number) => Some(*number),
            Value::Ipv4(ip) => Some(i64::from(u32::from(*ip))),
            Value::Str(text) => leading_integer(text),
            Value::Ipv6(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// The address that it is or says.
    pub fn as_ip(&self) -> Option<IpAddr> {
        match self {
            Value::Ipv4(ip) => Some(IpAddr::V4(*ip)),
            Value::Ipv6(ip) => Some(IpAddr::V6(*ip)),
            Value::Int(number) => Some(IpAddr::V4(Ipv4Addr::from(*number as u32))),
            Value::Str(text) => std::str::from_utf8(text).ok()?.parse().ok(),
            Value::Bool(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// Its text: what stands in a header or a line that is made of it.
    pub fn into_text(self) -> Cow<'a, [u8]> {
        match self {
            Value::Str(text) | Value::Method(text) => text,
            Value::Bin(bytes) => Cow::Owned(hexadecimal(&bytes)),
            value => {
                let mut out = Vec::with_capacity(16);
                value.push_text(&mut out);
                Cow::Owned(out)
            }
        }
    }

    /// Appends its text.
    pub fn push_text(&self, out: &mut Vec<u8>) {
        // Writing to a vector does not fail.
        let _ = match self {
            Value::Bool(truth) => write!(out, "{}", u8::from(*truth)),
            Value::Int(number) => write!(out, "{number}"),
            Value::Ipv4(ip) => write!(out, "{ip}"),
            Value::Ipv6(ip) => write!(out, "{ip}"),
            Value::Str(text) | Value::Method(text) => out.write_all(text),
            Value::Bin(bytes) => out.write_all(&hexadecimal(bytes)),
        };
    }

    /// A copy that borrows nothing.
    pub fn into_owned(self) -> Value<'static> {
        let own = |bytes: Cow<'a, [u8]>| Cow::Owned(bytes.into_owned());
        match self {
            Value::Bool(truth) => Value::Bool(truth),
            Value::Int(number) => Value::Int(number),
            Value::Ipv4(ip) => Value::Ipv4(ip),
            Value::Ipv6(ip) => Value::Ipv6(ip),
            Value::Str(text) => Value::Str(own(text)),
            Value::Bin(bytes) => Value::Bin(own(bytes)),
            Value::Method(text) => Value::Method(own(text)),
        }
    }
}

/// The IPv4 address that an IPv6 address stands for: `::ffff:a.b.c.d`, `::a.b.c.d` and `2002:ab:cd::`
/// (RFC 4291, 2.5.5; RFC 3056).
fn embedded(ip: Ipv6Addr) -> Option<Ipv4Addr> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low] | [0x2002, high, low, ..] => {
            Some(Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => None,
    }
}

/// Bytes as upper case hexadecimal digits.
fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    bytes.iter().flat_map(|byte| [DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]).collect()
}

/// The integer that a text begins with; refuses a text that does not begin with one, or goes on.
fn leading_integer(text: &[u8]) -> Option<i64> {
    let text = std::str::from_utf8(text).ok()?;
    match text.strip_prefix("0x") {
        Some(digits) => i64::from_str_radix(digits, 16).ok(),
        None => text.parse().ok(),
    }
}
