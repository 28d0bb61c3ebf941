//! Converters of addresses and authorities (configuration manual 7.3.1).

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regate_proto::rules::Argument;

use super::text;
use crate::sample::Value;

/// An address with what a mask leaves of it: the first argument is for IPv4, which an IPv6 address may hold, the
/// second for IPv6.
pub(super) fn masked<'a>(value: Value<'a>, masks: &[Argument]) -> Option<Value<'a>> {
    let ip = match value.as_ip()? {
        IpAddr::V6(ip) => ip.to_ipv4_mapped().map_or(IpAddr::V6(ip), IpAddr::V4),
        ip => ip,
    };
    match ip {
        IpAddr::V4(ip) => {
            let mask = match masks.first()? {
                Argument::Bits(bits) => {
                    u32::MAX.checked_shl(32u32.checked_sub(u32::from(*bits))?).unwrap_or(0)
                }
                Argument::Ip(IpAddr::V4(mask)) => u32::from(*mask),
                _ => return None,
            };
            Some(Value::Ipv4(Ipv4Addr::from(u32::from(ip) & mask)))
        }
        IpAddr::V6(ip) => {
            let mask = match masks.get(1)? {
                Argument::Bits(bits) => {
                    u128::MAX.checked_shl(128u32.checked_sub(u32::from(*bits))?).unwrap_or(0)
                }
                Argument::Ip(IpAddr::V6(mask)) => u128::from(*mask),
                _ => return None,
            };
            Some(Value::Ipv6(Ipv6Addr::from(u128::from(ip) & mask)))
        }
    }
}

/// The host of an authority, in lower case.
pub(super) fn host(authority: Cow<'_, [u8]>) -> Value<'_> {
    let end = colon(&authority).unwrap_or(authority.len());
    text::mapped(text::part(authority, 0..end), u8::to_ascii_lowercase)
}

/// The port of an authority; 0 where it says none. What stands there is taken for digits.
pub(super) fn port(authority: &[u8]) -> i64 {
    let digits = colon(authority).and_then(|at| authority.get(at + 1..)).unwrap_or_default();
    let number = digits.iter().fold(0_u32, |number, digit| {
        number.wrapping_mul(10).wrapping_add(u32::from(*digit).wrapping_sub(u32::from(b'0')))
    });
    i64::from(number)
}

/// Where the colon before the port stands: the last one that no bracket follows.
fn colon(authority: &[u8]) -> Option<usize> {
    memchr::memrchr2(b':', b']', authority).filter(|at| authority.get(*at) == Some(&b':'))
}
