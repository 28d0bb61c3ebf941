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
    /// Bytes that are no text: as text they end at the first zero.
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
            (value @ (Value::Int(_) | Value::Str(_)), Kind::Bool) => Value::Bool(value.as_int()? != 0),
            (_, Kind::Bool) => return None,
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
            (Value::Bin(bytes), Kind::Str) => Value::Str(up_to_zero(bytes)),
            (Value::Method(text), Kind::Str) => Value::Str(text),
            (value, Kind::Str) => Value::Str(value.into_text()),
            (value @ (Value::Bool(_) | Value::Int(_)), Kind::Bin) => {
                Value::Bin(Cow::Owned(value.as_int()?.to_be_bytes().to_vec()))
            }
            (Value::Ipv4(ip), Kind::Bin) => Value::Bin(Cow::Owned(ip.octets().to_vec())),
            (Value::Ipv6(ip), Kind::Bin) => Value::Bin(Cow::Owned(ip.octets().to_vec())),
            (Value::Str(text) | Value::Bin(text) | Value::Method(text), Kind::Bin) => Value::Bin(text),
            (Value::Str(text) | Value::Bin(text), Kind::Method) => Value::Method(text),
            (_, Kind::Method) => return None,
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
            Value::Str(text) => leading_address(text),
            Value::Bool(_) | Value::Bin(_) | Value::Method(_) => None,
        }
    }

    /// Its text: what stands in a header or a line that is made of it.
    pub fn into_text(self) -> Cow<'a, [u8]> {
        match self {
            Value::Str(text) | Value::Method(text) => text,
            Value::Bin(bytes) => up_to_zero(bytes),
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
            Value::Ipv6(ip) => write_ipv6(*ip, out),
            Value::Str(text) | Value::Method(text) => out.write_all(text),
            Value::Bin(bytes) => out.write_all(text_part(bytes)),
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

/// What of bytes is text: what stands before the first zero.
fn text_part(bytes: &[u8]) -> &[u8] {
    bytes.get(..memchr::memchr(0, bytes).unwrap_or(bytes.len())).unwrap_or(bytes)
}

fn up_to_zero(bytes: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    match bytes {
        Cow::Borrowed(bytes) => Cow::Borrowed(text_part(bytes)),
        Cow::Owned(mut bytes) => {
            bytes.truncate(text_part(&bytes).len());
            Cow::Owned(bytes)
        }
    }
}

/// The address that a text says; a port may follow an IPv4 address.
pub(crate) fn address(text: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(text).ok()?;
    if let Ok(ip) = text.parse::<IpAddr>() {
        return Some(ip);
    }
    let (ip, port) = text.split_once(':')?;
    let ip: Ipv4Addr = ip.parse().ok()?;
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit()) && port.parse::<u16>().is_ok();
    is_port.then_some(IpAddr::V4(ip))
}

/// Writes an address as inet_ntop(3) does: one that IPv4 fits into ends in that form.
fn write_ipv6(ip: Ipv6Addr, out: &mut Vec<u8>) -> std::io::Result<()> {
    match ip.segments() {
        [0, 0, 0, 0, 0, 0, high, low] if high != 0 => {
            write!(out, "::{}", Ipv4Addr::from(u32::from(high) << 16 | u32::from(low)))
        }
        _ => write!(out, "{ip}"),
    }
}

/// The address that a text is: an IPv6 address, or an IPv4 address, after which anything but a point may follow.
fn leading_address(text: &[u8]) -> Option<IpAddr> {
    if memchr::memchr2(b':', b'.', text).is_some_and(|at| text.get(at) == Some(&b':')) {
        return std::str::from_utf8(text).ok()?.parse().map(IpAddr::V6).ok();
    }
    let mut octets = [0_u8; 4];
    let mut rest = text;
    for (at, octet) in octets.iter_mut().enumerate() {
        if at > 0 {
            rest = rest.strip_prefix(b".")?;
        }
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit()).unwrap_or(rest.len());
        let (number, after) = rest.split_at(digits);
        if number.is_empty() {
            return None;
        }
        *octet = number.iter().try_fold(0_u8, |sum, digit| sum.checked_mul(10)?.checked_add(digit - b'0'))?;
        rest = after;
    }
    (!rest.starts_with(b".")).then(|| IpAddr::V4(octets.into()))
}

/// The integer that a text begins with: 0 where it begins with none, the nearest where it is out of range, nothing
/// for an empty text.
fn leading_integer(text: &[u8]) -> Option<i64> {
    let (sign, digits) = match text.split_first()? {
        (b'-', digits) => (-1, digits),
        (b'+', digits) => (1, digits),
        _ => (1, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    Some(digits.fold(0_i64, |number, digit| {
        number.saturating_mul(10).saturating_add(sign * i64::from(digit - b'0'))
    }))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::expect_used, reason = "a test may fail where it stands")]

    use super::*;

    #[test]
    fn texts_become_integers_as_far_as_they_say_one() {
        for (text, expected) in [
            ("", None),
            ("abc", Some(0)),
            ("  5", Some(0)),
            ("-", Some(0)),
            ("-12x", Some(-12)),
            ("+3", Some(3)),
            ("0x10", Some(0)),
            ("99999999999999999999", Some(i64::MAX)),
            ("-99999999999999999999", Some(i64::MIN)),
        ] {
            assert_eq!(Value::text(text.as_bytes()).as_int(), expected, "{text}");
        }
    }

    #[test]
    fn bytes_are_text_up_to_a_zero() {
        for bytes in [Cow::Borrowed(&b"A\0\xff"[..]), Cow::Owned(b"A\0\xff".to_vec())] {
            assert_eq!(Value::Bin(bytes).cast(Kind::Str), Some(Value::text(&b"A"[..])));
        }
    }

    #[test]
    fn an_address_may_have_something_after_it() {
        for (text, expected) in [
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("1.2.3.4/8", Some("1.2.3.4")),
            ("01.2.3.0004", Some("1.2.3.4")),
            ("1.2.3.4.5", None),
            ("1.2.3", None),
            ("1.2.3.256", None),
            (" 1.2.3.4", None),
            ("::1", Some("::1")),
            ("::1/64", None),
            ("::ffff:1.2.3.4", Some("::ffff:1.2.3.4")),
            ("", None),
        ] {
            let found = Value::text(text.as_bytes()).as_ip();
            assert_eq!(found, expected.and_then(|ip| ip.parse().ok()), "{text}");
        }
    }

    #[test]
    fn addresses_are_written_as_the_library_of_c_writes_them() {
        for text in ["::1.2.3.4", "::ffff:1.2.3.4", "::2", "::", "1::2:2:0:0:3", "0:0:1::1", "::0.1.0.0"] {
            let ip: IpAddr = text.parse().expect(text);
            assert_eq!(Value::ip(ip).into_text(), text.as_bytes());
        }
    }

    #[test]
    fn a_port_after_an_address_is_left_out() {
        for (text, expected) in [
            ("1.2.3.4:80", Some("1.2.3.4")),
            ("1.2.3.4", Some("1.2.3.4")),
            ("::1", Some("::1")),
            ("1.2.3.4:", None),
            ("1.2.3.4:99999", None),
            ("[::1]:80", None),
            ("1.2.3.4:+1", None),
        ] {
            assert_eq!(address(text.as_bytes()), expected.and_then(|ip| ip.parse().ok()), "{text}");
        }
    }
}
