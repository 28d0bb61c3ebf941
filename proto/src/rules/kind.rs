//! The types of samples, and which become which (configuration manual 7.3).

use std::fmt;

/// The type of a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// Whatever it is: known when it is evaluated.
    Any,
    /// True or false.
    Bool,
    /// A signed integer of 64 bits.
    Int,
    /// An address of either family.
    Ip,
    /// An IPv4 address.
    Ipv4,
    /// An IPv6 address.
    Ipv6,
    /// Text.
    Str,
    /// Bytes.
    Bin,
    /// An HTTP method.
    Method,
}

impl Kind {
    /// Whether a sample of this type can be taken where `wanted` is: as it is, or after a conversion that is
    /// implied. The value may still turn out to have none, such as text that is no address.
    pub fn casts_to(self, wanted: Kind) -> bool {
        use Kind::{Any, Bin, Bool, Int, Ip, Ipv4, Ipv6, Method, Str};
        matches!(
            (self, wanted),
            (Any, _)
                | (_, Any)
                | (Bool, Bool | Int | Str | Bin)
                | (Int, Bool | Int | Ip | Ipv4 | Ipv6 | Str | Bin)
                | (Ip, Int | Ip | Ipv4 | Ipv6 | Str | Bin)
                | (Ipv4, Int | Ip | Ipv4 | Ipv6 | Str | Bin)
                | (Ipv6, Ip | Ipv4 | Ipv6 | Str | Bin)
                | (Str, Bool | Int | Ip | Ipv4 | Ipv6 | Str | Bin | Method)
                | (Bin, Str | Bin | Method)
                | (Method, Str | Bin | Method)
        )
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Kind::Any => "any type",
            Kind::Bool => "boolean",
            Kind::Int => "integer",
            Kind::Ip => "address",
            Kind::Ipv4 => "IPv4 address",
            Kind::Ipv6 => "IPv6 address",
            Kind::Str => "string",
            Kind::Bin => "binary",
            Kind::Method => "method",
        })
    }
}
