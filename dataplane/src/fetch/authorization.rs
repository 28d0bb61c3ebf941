//! What a client presents to be known by (configuration manual 7.3.6; RFC 7617, RFC 6750).

use super::header::Heads;

/// What an `Authorization` header says.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Credentials<'a> {
    /// A name and a password.
    Basic {
        /// The name.
        user: Vec<u8>,
        /// The password.
        password: Vec<u8>,
    },
    /// A token.
    Bearer(&'a [u8]),
}

impl<'a> Credentials<'a> {
    /// What the first line of this header says; nothing where it is no scheme that is known, or malformed.
    pub(super) fn find(headers: Heads<'a>, name: &'a [u8]) -> Option<Credentials<'a>> {
        let line = headers.lines(name).next()?.trim_ascii();
        let at = memchr::memchr(b' ', line)?;
        let (scheme, rest) = (line.get(..at)?, line.get(at..)?);
        let rest = rest.get(rest.iter().position(|byte| *byte != b' ')?..)?;
        if scheme.eq_ignore_ascii_case(b"bearer") {
            return Some(Credentials::Bearer(rest));
        }
        if !scheme.eq_ignore_ascii_case(b"basic") {
            return None;
        }
        let mut user = decode(rest)?;
        let colon = memchr::memchr(b':', &user)?;
        let password = user.split_off(colon + 1);
        user.truncate(colon);
        Some(Credentials::Basic { user, password })
    }

    /// The name of the scheme.
    pub(super) fn scheme(&self) -> &'static [u8] {
        match self {
            Credentials::Basic { .. } => b"Basic",
            Credentials::Bearer(_) => b"Bearer",
        }
    }
}

/// Decodes base 64 with its padding (RFC 4648, 4).
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let (groups, rest) = text.as_chunks::<4>();
    if !rest.is_empty() {
        return None;
    }
    let mut out = Vec::with_capacity(groups.len() * 3);
    for (at, group) in groups.iter().enumerate() {
        let padding = group.iter().rev().take_while(|byte| **byte == b'=').count();
        if padding > 2 || (padding > 0 && at + 1 < groups.len()) {
            return None;
        }
        let mut bits = 0_u32;
        for byte in group.get(..4 - padding)? {
            bits = bits << 6 | sextet(*byte)?;
        }
        bits <<= 6 * padding as u32;
        out.extend_from_slice(bits.to_be_bytes().get(1..4 - padding)?);
    }
    Some(out)
}

fn sextet(byte: u8) -> Option<u32> {
    Some(u32::from(match byte {
        b'A'..=b'Z' => byte - b'A',
        b'a'..=b'z' => byte - b'a' + 26,
        b'0'..=b'9' => byte - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    }))
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn base_64_is_decoded_with_its_padding() {
        for (text, plain) in [
            ("", Some("")),
            ("am9lOnNlY3JldA==", Some("joe:secret")),
            ("YWI=", Some("ab")),
            ("YWJj", Some("abc")),
            ("YWI", None),
            ("Y===", None),
            ("YQ==YQ==", None),
            ("Y!Jj", None),
        ] {
            assert_eq!(decode(text.as_bytes()).as_deref(), plain.map(str::as_bytes), "{text}");
        }
    }
}
