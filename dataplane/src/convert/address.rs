//! Converters of addresses (configuration manual 7.3.1).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use regate_proto::rules::Argument;

use crate::sample::Value;

/// An address with what a mask leaves of it: the first argument is for IPv4, the second for IPv6.
pub(super) fn masked<'a>(value: Value<'a>, masks: &[Argument]) -> Option<Value<'a>> {
    match value.as_ip()? {
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
            let mask = match masks.get(1) {
                None => return Some(Value::Ipv6(ip)),
                Some(Argument::Bits(bits)) => {
                    u128::MAX.checked_shl(128u32.checked_sub(u32::from(*bits))?).unwrap_or(0)
                }
                Some(Argument::Ip(IpAddr::V6(mask))) => u128::from(*mask),
                _ => return None,
            };
            Some(Value::Ipv6(Ipv6Addr::from(u128::from(ip) & mask)))
        }
    }
}
