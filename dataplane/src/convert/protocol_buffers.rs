//! Fields of messages of protocol buffers, plain or as gRPC carries them (configuration manual 7.3.1 "protobuf",
//! "ungrpc").

use std::borrow::Cow;
use std::ops::Range;

use super::text;
use crate::sample::Value;

/// What a field at a path of numbers holds: an integer where its type is given, its bytes otherwise.
pub(super) fn field<'a>(
    message: Cow<'a, [u8]>,
    path: &[u32],
    kind: Option<&str>,
    grpc: bool,
) -> Option<Value<'a>> {
    // A byte that tells of compression and four of the length come first.
    let mut range = if grpc { 5..message.len() } else { 0..message.len() };
    let (last, above) = path.split_last()?;
    for number in above {
        let (wire, found) = find(&message, range, *number)?;
        if wire != Wire::Block {
            return None;
        }
        range = found;
    }
    let (wire, found) = find(&message, range, *last)?;
    match kind {
        None => Some(Value::Bin(text::part(message, found))),
        Some(kind) => integer(kind, wire, message.get(found)?).map(Value::Int),
    }
}

/// How a field is written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wire {
    Varint,
    Eight,
    Block,
    Four,
}

/// The first field of this number: how it is written and where its value stands.
fn find(message: &[u8], range: Range<usize>, number: u32) -> Option<(Wire, Range<usize>)> {
    let mut at = range.start;
    while at < range.end {
        let inside = message.get(at..range.end)?;
        let (key, length) = varint(inside)?;
        at += length;
        let rest = message.get(at..range.end)?;
        let (wire, skipped, size) = match key & 7 {
            0 => (Wire::Varint, 0, varint(rest)?.1),
            1 => (Wire::Eight, 0, 8),
            2 => {
                let (size, skipped) = varint(rest)?;
                (Wire::Block, skipped, usize::try_from(size).ok()?)
            }
            5 => (Wire::Four, 0, 4),
            _ => return None,
        };
        let from = at + skipped;
        let to = from.checked_add(size).filter(|to| *to <= range.end)?;
        if key >> 3 == u64::from(number) {
            return Some((wire, from..to));
        }
        at = to;
    }
    None
}

/// The integer that a value of this type is; none where it is written otherwise.
fn integer(kind: &str, wire: Wire, value: &[u8]) -> Option<i64> {
    let eight = || Some(u64::from_le_bytes(value.try_into().ok()?));
    let four = || Some(u32::from_le_bytes(value.try_into().ok()?));
    Some(match (kind, wire) {
        ("int32" | "uint32" | "int64" | "uint64" | "bool" | "enum", Wire::Varint) => varint(value)?.0 as i64,
        ("sint32" | "sint64", Wire::Varint) => {
            let number = varint(value)?.0;
            (number >> 1) as i64 ^ -((number & 1) as i64)
        }
        ("fixed64" | "sfixed64", Wire::Eight) => eight()? as i64,
        ("double", Wire::Eight) => f64::from_bits(eight()?) as i64,
        ("fixed32", Wire::Four) => i64::from(four()?),
        ("sfixed32", Wire::Four) => i64::from(four()? as i32),
        // As HAProxy has it: a negative one comes out as an unsigned number of 32 bits.
        ("float", Wire::Four) => i64::from(f32::from_bits(four()?) as i32 as u32),
        _ => return None,
    })
}

/// The number that a text begins with, seven bits a byte, and how many bytes it takes.
fn varint(bytes: &[u8]) -> Option<(u64, usize)> {
    let mut number = 0_u64;
    for (at, byte) in bytes.iter().take(10).enumerate() {
        number |= u64::from(byte & 0x7f).wrapping_shl(7 * at as u32);
        if byte & 0x80 == 0 {
            return Some((number, at + 1));
        }
    }
    None
}
