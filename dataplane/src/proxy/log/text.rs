//! Numbers and addresses as bytes, without the formatting machinery.

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// Appends a number in decimal.
pub(super) fn put_number(out: &mut Vec<u8>, mut number: u64) {
    if number < 10 {
        out.push(b'0' + number as u8);
        return;
    }
    let mut digits = [0; 20];
    let mut at = digits.len();
    while number > 0 {
        at -= 1;
        digits[at] = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits[at..]);
}

/// Appends a number, or -1 for what was not reached.
pub(super) fn put_timer(out: &mut Vec<u8>, timer: Option<u64>) {
    match timer {
        Some(timer) => put_number(out, timer),
        None => out.extend_from_slice(b"-1"),
    }
}

/// Appends the last `WIDTH` digits of a number, with zeros before it.
pub(super) fn put_padded<const WIDTH: usize>(out: &mut Vec<u8>, mut number: u32) {
    let mut digits = [b'0'; WIDTH];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
    out.extend_from_slice(&digits);
}

/// Appends an address without its port, IPv6 without brackets.
pub(super) fn put_ip(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => {
            for (index, octet) in ip.octets().into_iter().enumerate() {
                if index > 0 {
                    out.push(b'.');
                }
                put_number(out, u64::from(octet));
            }
        }
        // Writing to a vector cannot fail.
        IpAddr::V6(ip) => drop(write!(out, "{ip}")),
    }
}

/// Appends `address:port`, IPv6 without brackets.
pub(super) fn put_address(out: &mut Vec<u8>, address: SocketAddr) {
    put_ip(out, address.ip());
    out.push(b':');
    put_number(out, u64::from(address.port()));
}

/// Appends what a client sent: `"`, `#` and everything but printable ASCII becomes `#` and two hexadecimal digits
/// (configuration manual 8.6).
pub(super) fn put_escaped(out: &mut Vec<u8>, mut text: &[u8]) {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    while let Some(at) = text.iter().position(|byte| !is_plain(*byte)) {
        out.extend_from_slice(&text[..at]);
        let byte = text[at];
        out.extend_from_slice(&[b'#', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        text = &text[at + 1..];
    }
    out.extend_from_slice(text);
}

/// Appends what a client sent, as [`put_escaped`] does, and with `escape` a backslash before `\` and `]`.
pub(super) fn push_escaped(out: &mut Vec<u8>, text: &[u8], escape: bool) {
    if !escape {
        return put_escaped(out, text);
    }
    let mut escaped = Vec::with_capacity(text.len());
    put_escaped(&mut escaped, text);
    put_plain(out, &escaped, true);
}

/// Appends a header's value: as [`put_escaped`] does, and so for what stands between values: `{`, `|` and `}`.
pub(super) fn put_header(out: &mut Vec<u8>, text: &[u8], escape: bool) {
    for piece in text.chunk_by(|one, next| !is_between(*one) && !is_between(*next)) {
        match piece {
            [byte] if is_between(*byte) => {
                out.push(b'#');
                put_hexadecimal(out, (*byte).into(), 2);
            }
            _ => push_escaped(out, piece, escape),
        }
    }
}

/// Appends text, with `escape` a backslash before `"`, `\` and `]` (RFC 5424 section 6.3.3).
pub(super) fn put_plain(out: &mut Vec<u8>, text: &[u8], escape: bool) {
    if !escape {
        return out.extend_from_slice(text);
    }
    for byte in text {
        if matches!(byte, b'"' | b'\\' | b']') {
            out.push(b'\\');
        }
        out.push(*byte);
    }
}

/// Appends a number in hexadecimal digits, at least so many.
pub(super) fn put_hexadecimal(out: &mut Vec<u8>, number: u64, width: usize) {
    // Writing to a vector cannot fail.
    drop(write!(out, "{number:0width$X}"));
}

/// Appends an address in hexadecimal digits: eight, or thirty-two.
pub(super) fn put_address_digits(out: &mut Vec<u8>, ip: IpAddr) {
    match ip {
        IpAddr::V4(ip) => put_hexadecimal(out, u32::from(ip).into(), 8),
        IpAddr::V6(ip) => ip.octets().into_iter().for_each(|byte| put_hexadecimal(out, byte.into(), 2)),
    }
}

fn is_between(byte: u8) -> bool {
    matches!(byte, b'{' | b'|' | b'}')
}

fn is_plain(byte: u8) -> bool {
    matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'#'
}

#[cfg(test)]
mod tests {
    use super::*;

    fn put(write: impl FnOnce(&mut Vec<u8>)) -> String {
        let mut out = Vec::new();
        write(&mut out);
        String::from_utf8(out).unwrap_or_default()
    }

    #[test]
    fn numbers() {
        for number in [0, 9, 10, 99, 100, 12_345, u64::MAX] {
            assert_eq!(put(|out| put_number(out, number)), number.to_string());
        }
        assert_eq!(put(|out| put_timer(out, None)), "-1");
        assert_eq!(put(|out| put_padded::<3>(out, 7)), "007");
        assert_eq!(put(|out| put_padded::<6>(out, 120_456)), "120456");
    }

    #[test]
    fn addresses() {
        for (address, text) in [
            ("127.0.0.1:80", "127.0.0.1:80"),
            ("[2001:db8::1]:9", "2001:db8::1:9"),
            ("[::ffff:1.2.3.4]:5", "::ffff:1.2.3.4:5"),
        ] {
            let Ok(address) = address.parse() else { unreachable!() };
            assert_eq!(put(|out| put_address(out, address)), text);
        }
    }

    #[test]
    fn what_a_client_sent_cannot_leave_its_field() {
        assert_eq!(
            put(|out| put_escaped(out, b"GET /a\"#b|{}\\~\x7f\xe9\n\0")),
            "GET /a#22#23b|{}\\~#7F#E9#0A#00"
        );
    }
}
