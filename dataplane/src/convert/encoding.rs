//! Converters between encodings: base64, hexadecimal and other digits, percent-encoding (configuration manual 7.3.1).

use std::borrow::Cow;
use std::io::Write;

use super::text::nibble;

/// Base64 with padding (RFC 4648, 4).
pub(super) fn base64(bytes: &[u8]) -> Vec<u8> {
    let mut out = digits64(bytes, STANDARD);
    out.resize(out.len().next_multiple_of(4), b'=');
    out
}

/// Base64 of addresses, without padding (RFC 4648, 5).
pub(super) fn base64_url(bytes: &[u8]) -> Vec<u8> {
    digits64(bytes, ADDRESS)
}

/// What base64 stands for. Each four digits may end in padding; none where a digit is none, or some are missing.
pub(super) fn from_base64(text: &[u8]) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(4) {
        return None;
    }
    let mut out = Vec::with_capacity(text.len() / 4 * 3);
    for four in text.chunks_exact(4) {
        let bare = four.iter().rposition(|byte| *byte != b'=').map_or(0, |at| at + 1);
        if bare == 0 {
            return None;
        }
        push64(&mut out, &four[..bare], STANDARD)?;
    }
    Some(out)
}

/// What base64 of addresses stands for; none where a digit is none, or one stands alone.
pub(super) fn from_base64_url(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len() / 4 * 3 + 2);
    for four in text.chunks(4) {
        if four.len() == 1 {
            return None;
        }
        push64(&mut out, four, ADDRESS)?;
    }
    Some(out)
}

/// Upper case hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 2);
    bytes.iter().for_each(|byte| push_hexadecimal(&mut out, *byte));
    out
}

/// The integer that hexadecimal digits say, of whose bits the last 64 count; none where one is no digit.
pub(super) fn hexadecimal_integer(text: &[u8]) -> Option<i64> {
    text.iter().try_fold(0_i64, |number, digit| {
        digit.is_ascii_hexdigit().then(|| number << 4 | i64::from(nibble(*digit)))
    })
}

/// Bytes in hexadecimal digits, with a separator after each `size` of them.
pub(super) fn hexadecimal_chunks(bytes: &[u8], separator: &[u8], size: usize, whole: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 3);
    for (at, chunk) in chunks(bytes, size, whole).enumerate() {
        out.extend_from_slice(if at == 0 { b"" } else { separator });
        chunk.iter().for_each(|byte| push_hexadecimal(&mut out, *byte));
    }
    out
}

/// Chunks of up to 8 bytes as decimal numbers with a separator between them.
pub(super) fn decimal_chunks(bytes: &[u8], separator: &[u8], size: usize, whole: bool, big: bool) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len() * 4);
    for (at, chunk) in chunks(bytes, size, whole).enumerate() {
        out.extend_from_slice(if at == 0 { b"" } else { separator });
        let join = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        let number = match big {
            true => chunk.iter().fold(0, join),
            false => chunk.iter().rev().fold(0, join),
        };
        // Writing to a vector does not fail.
        let _ = write!(out, "{number}");
    }
    out
}

/// Bytes in binary digits.
pub(super) fn binary(bytes: &[u8]) -> Vec<u8> {
    bytes.iter().flat_map(|byte| (0..8).rev().map(move |bit| b'0' + (byte >> bit & 1))).collect()
}

/// Percent-encoding (RFC 3986, 2.1) of all but letters, digits and `-._~`.
pub(super) fn url_encoded(text: Cow<'_, [u8]>) -> Cow<'_, [u8]> {
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~');
    if text.iter().all(plain) {
        return text;
    }
    let mut out = Vec::with_capacity(text.len() * 2);
    for byte in text.iter() {
        match plain(byte) {
            true => out.push(*byte),
            false => {
                out.push(b'%');
                push_hexadecimal(&mut out, *byte);
            }
        }
    }
    Cow::Owned(out)
}

/// What percent-encoding stands for; `+` is a space in a query, which a text is from the beginning with `query`, and
/// after a question mark anyhow. None where a percent sign lacks its digits.
pub(super) fn url_decoded(text: Cow<'_, [u8]>, query: bool) -> Option<Cow<'_, [u8]>> {
    if memchr::memchr2(b'%', b'+', &text).is_none() {
        return Some(text);
    }
    let mut out = Vec::with_capacity(text.len());
    let mut query = query;
    let mut rest = text.as_ref();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match (first, tail) {
            (b'%', [high, low, tail @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => {
                out.push(nibble(*high) << 4 | nibble(*low));
                rest = tail;
            }
            (b'%', _) => return None,
            (b'+', _) if query => out.push(b' '),
            _ => {
                query |= *first == b'?';
                out.push(*first);
            }
        }
    }
    Some(Cow::Owned(out))
}

/// Chunks of a size, which 0 makes one; with `whole`, without a rest.
fn chunks(bytes: &[u8], size: usize, whole: bool) -> impl Iterator<Item = &[u8]> {
    let size = if size == 0 { bytes.len().max(1) } else { size };
    bytes.chunks(size).filter(move |chunk| !whole || chunk.len() == size)
}

fn push_hexadecimal(out: &mut Vec<u8>, byte: u8) {
    const DIGITS: &[u8; 16] = b"0123456789ABCDEF";
    out.extend([DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
}

fn digits64(bytes: &[u8], last: [u8; 2]) -> Vec<u8> {
    let mut out = Vec::with_capacity(bytes.len().div_ceil(3) * 4);
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0_u32, |bits, byte| bits << 8 | u32::from(*byte)) << (8 * (3 - three.len()));
        for digit in 0..=three.len() {
            out.push(match (bits >> (18 - 6 * digit) & 63) as u8 {
                bits @ 0..26 => b'A' + bits,
                bits @ 26..52 => b'a' + bits - 26,
                bits @ 52..62 => b'0' + bits - 52,
                bits => last[usize::from(bits & 1)],
            });
        }
    }
    out
}

/// Appends what up to four digits stand for.
fn push64(out: &mut Vec<u8>, digits: &[u8], last: [u8; 2]) -> Option<()> {
    let mut bits = 0_u32;
    for digit in digits {
        let worth = match digit {
            b'A'..=b'Z' => digit - b'A',
            b'a'..=b'z' => digit - b'a' + 26,
            b'0'..=b'9' => digit - b'0' + 52,
            digit if *digit == last[0] => 62,
            digit if *digit == last[1] => 63,
            _ => return None,
        };
        bits = bits << 6 | u32::from(worth);
    }
    bits <<= 6 * (4 - digits.len());
    out.extend_from_slice(&bits.to_be_bytes()[1..digits.len()]);
    Some(())
}

/// The digits 62 and 63.
const STANDARD: [u8; 2] = *b"+/";
const ADDRESS: [u8; 2] = *b"-_";
