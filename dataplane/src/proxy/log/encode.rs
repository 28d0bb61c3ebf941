//! Values and objects as JSON (RFC 8259) and CBOR (RFC 8949).

use std::borrow::Cow;
use std::io::Write;

use super::text::put_hexadecimal;
use crate::snapshot::Encoding;

/// A value with its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Datum<'a> {
    /// There is none.
    Null,
    Bool(bool),
    Number(i64),
    /// Bytes that are text, or nearly.
    Text(Cow<'a, [u8]>),
    Bytes(Cow<'a, [u8]>),
}

/// An object that is being written.
pub(super) struct Object<'o> {
    out: &'o mut Vec<u8>,
    encoding: Encoding,
    is_empty: bool,
}

/// Appends a value.
pub(super) fn put(out: &mut Vec<u8>, encoding: Encoding, datum: &Datum<'_>) {
    match encoding {
        Encoding::Json => put_json(out, datum),
        Encoding::BinaryCbor => put_cbor(out, datum),
        Encoding::Cbor => {
            let start = out.len();
            put_cbor(out, datum);
            spell(out, start);
        }
    }
}

impl<'o> Object<'o> {
    /// Begins an object.
    pub(super) fn begin(out: &'o mut Vec<u8>, encoding: Encoding) -> Object<'o> {
        match encoding {
            Encoding::Json => out.push(b'{'),
            // A map that does not say how long it is.
            Encoding::BinaryCbor => out.push(0xbf),
            Encoding::Cbor => out.extend_from_slice(b"BF"),
        }
        Object { out, encoding, is_empty: true }
    }

    /// Adds a field.
    pub(super) fn put(&mut self, name: &str, datum: &Datum<'_>) {
        let key = Datum::Text(Cow::Borrowed(name.as_bytes()));
        if self.encoding == Encoding::Json && !self.is_empty {
            self.out.extend_from_slice(b", ");
        }
        self.is_empty = false;
        put(self.out, self.encoding, &key);
        if self.encoding == Encoding::Json {
            self.out.extend_from_slice(b": ");
        }
        put(self.out, self.encoding, datum);
    }

    /// Ends it.
    pub(super) fn end(self) {
        match self.encoding {
            Encoding::Json => self.out.push(b'}'),
            Encoding::BinaryCbor => self.out.push(0xff),
            Encoding::Cbor => self.out.extend_from_slice(b"FF"),
        }
    }
}

fn put_json(out: &mut Vec<u8>, datum: &Datum<'_>) {
    match datum {
        Datum::Null => out.extend_from_slice(b"null"),
        Datum::Bool(true) => out.extend_from_slice(b"true"),
        Datum::Bool(false) => out.extend_from_slice(b"false"),
        // Writing to a vector does not fail.
        Datum::Number(number) => drop(write!(out, "{number}")),
        Datum::Text(text) => put_json_text(out, text),
        Datum::Bytes(bytes) => {
            out.push(b'"');
            bytes.iter().for_each(|byte| put_hexadecimal(out, (*byte).into(), 2));
            out.push(b'"');
        }
    }
}

fn put_json_text(out: &mut Vec<u8>, text: &[u8]) {
    out.push(b'"');
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            match letter {
                '"' => out.extend_from_slice(b"\\\""),
                '\\' => out.extend_from_slice(b"\\\\"),
                '\n' => out.extend_from_slice(b"\\n"),
                '\r' => out.extend_from_slice(b"\\r"),
                '\t' => out.extend_from_slice(b"\\t"),
                control if (control as u32) < 0x20 || control == '\x7f' => {
                    drop(write!(out, "\\u{:04x}", control as u32));
                }
                letter => out.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        for byte in chunk.invalid() {
            drop(write!(out, "\\u{byte:04x}"));
        }
    }
    out.push(b'"');
}

fn put_cbor(out: &mut Vec<u8>, datum: &Datum<'_>) {
    match datum {
        Datum::Null => out.push(0xf6),
        Datum::Bool(truth) => out.push(if *truth { 0xf5 } else { 0xf4 }),
        Datum::Number(number) if *number < 0 => put_head(out, 1, !*number as u64),
        Datum::Number(number) => put_head(out, 0, *number as u64),
        Datum::Text(text) if std::str::from_utf8(text).is_ok() => {
            put_head(out, 3, text.len() as u64);
            out.extend_from_slice(text);
        }
        // Text strings must be UTF-8.
        Datum::Text(bytes) | Datum::Bytes(bytes) => {
            put_head(out, 2, bytes.len() as u64);
            out.extend_from_slice(bytes);
        }
    }
}

/// The first bytes of an item: its major type and an argument (RFC 8949 section 3).
fn put_head(out: &mut Vec<u8>, major: u8, argument: u64) {
    let major = major << 5;
    let bytes = argument.to_be_bytes();
    match argument {
        0..=23 => out.push(major | argument as u8),
        24..=0xff => out.extend_from_slice(&[major | 24, bytes[7]]),
        0x100..=0xffff => {
            out.push(major | 25);
            out.extend_from_slice(&bytes[6..]);
        }
        0x1_0000..=0xffff_ffff => {
            out.push(major | 26);
            out.extend_from_slice(&bytes[4..]);
        }
        _ => {
            out.push(major | 27);
            out.extend_from_slice(&bytes);
        }
    }
}

/// Puts hexadecimal digits in place of the bytes from a place on.
fn spell(out: &mut Vec<u8>, start: usize) {
    let bytes = out.split_off(start);
    bytes.iter().for_each(|byte| put_hexadecimal(out, (*byte).into(), 2));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(encoding: Encoding, datum: &Datum<'_>) -> String {
        let mut out = Vec::new();
        put(&mut out, encoding, datum);
        String::from_utf8_lossy(&out).into_owned()
    }

    fn text(text: &[u8]) -> Datum<'_> {
        Datum::Text(Cow::Borrowed(text))
    }

    #[test]
    fn json_values() {
        for (datum, wanted) in [
            (Datum::Null, "null"),
            (Datum::Bool(true), "true"),
            (Datum::Number(-5), "-5"),
            (text(b"a\"b\\c\n\x01\x7f"), "\"a\\\"b\\\\c\\n\\u0001\\u007f\""),
            (text("é漢".as_bytes()), "\"é漢\""),
            (text(b"a\xffb"), "\"a\\u00ffb\""),
            (Datum::Bytes(Cow::Borrowed(b"\x00\xab")), "\"00AB\""),
        ] {
            assert_eq!(shown(Encoding::Json, &datum), wanted, "{datum:?}");
        }
    }

    /// RFC 8949 appendix A.
    #[test]
    fn cbor_values() {
        for (datum, wanted) in [
            (Datum::Number(0), "00"),
            (Datum::Number(23), "17"),
            (Datum::Number(24), "1818"),
            (Datum::Number(1000), "1903E8"),
            (Datum::Number(1_000_000), "1A000F4240"),
            (Datum::Number(1_000_000_000_000), "1B000000E8D4A51000"),
            (Datum::Number(-1), "20"),
            (Datum::Number(-1000), "3903E7"),
            (Datum::Number(i64::MIN), "3B7FFFFFFFFFFFFFFF"),
            (Datum::Bool(false), "F4"),
            (Datum::Bool(true), "F5"),
            (Datum::Null, "F6"),
            (text(b"IETF"), "6449455446"),
            (Datum::Bytes(Cow::Borrowed(&[1, 2, 3, 4])), "4401020304"),
            (text(b"\xff"), "41FF"),
        ] {
            assert_eq!(shown(Encoding::Cbor, &datum), wanted, "{datum:?}");
        }
    }

    /// What HAProxy 3.0 gives for `%{+json}o %(named_field)[str(ok)]`, and for `+cbor`.
    #[test]
    fn objects() {
        for (encoding, wanted) in [
            (Encoding::Json, "{\"named_field\": \"ok\"}"),
            (Encoding::Cbor, "BF6B6E616D65645F6669656C64626F6BFF"),
        ] {
            let mut out = Vec::new();
            let mut object = Object::begin(&mut out, encoding);
            object.put("named_field", &text(b"ok"));
            object.end();
            assert_eq!(String::from_utf8_lossy(&out), wanted);
        }
    }
}
