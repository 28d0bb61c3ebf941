//! The first message of a TLS connection, read from its bytes (RFC 8446, 4.1.2 and 5.1; RFC 6066, 3; RFC 7301, 3.1).
//!
//! Pure. Takes what has come so far: says whether more is needed, and nothing about what follows the message.

/// What has been read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// This.
    Found(T),
    /// More bytes are needed.
    Partial,
    /// The bytes are something else.
    Foreign,
}

/// A client's hello, as far as it is in one record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Hello<'a> {
    extensions: &'a [u8],
}

impl<'a> Hello<'a> {
    /// Reads a record with a client's hello.
    pub(super) fn read(bytes: &'a [u8]) -> Read<Hello<'a>> {
        let record = match handshake(bytes) {
            Read::Found(record) => record,
            Read::Partial => return Read::Partial,
            Read::Foreign => return Read::Foreign,
        };
        match Self::body(record) {
            Some(extensions) => Read::Found(Hello { extensions }),
            None => Read::Foreign,
        }
    }

    /// The server that the client names.
    pub(super) fn server_name(&self) -> Option<&'a [u8]> {
        let mut list = Cursor(Cursor(self.extension(SERVER_NAME)?).block(2)?);
        while let Some(kind) = list.number(1) {
            let name = list.block(2)?;
            if kind == HOST_NAME {
                return Some(name);
            }
        }
        None
    }

    /// The protocols that the client offers, in its order.
    pub(super) fn protocols(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let list = self.extension(ALPN).and_then(|body| Cursor(body).block(2));
        let mut list = Cursor(list.unwrap_or_default());
        std::iter::from_fn(move || list.block(1))
    }

    /// Whether the client names elliptic curves.
    pub(super) fn has_groups(&self) -> bool {
        self.extension(SUPPORTED_GROUPS).is_some()
    }

    /// Whether the client takes tickets: 0 for no, 1 for yes, 2 for one that it has.
    pub(super) fn ticket(&self) -> i64 {
        match self.extension(SESSION_TICKET) {
            None => 0,
            Some([]) => 1,
            Some(_) => 2,
        }
    }

    /// The extensions of a hello that is whole.
    fn body(record: &'a [u8]) -> Option<&'a [u8]> {
        let mut record = Cursor(record);
        if record.number(1)? != CLIENT_HELLO {
            return None;
        }
        let mut hello = Cursor(record.block(3)?);
        // Its version and the client's random.
        hello.take(2 + 32)?;
        let _session = hello.block(1)?;
        let _ciphers = hello.block(2)?;
        let _compressions = hello.block(1)?;
        match hello.0 {
            [] => Some(&[]),
            _ => hello.block(2),
        }
    }

    fn extension(&self, wanted: usize) -> Option<&'a [u8]> {
        let mut extensions = Cursor(self.extensions);
        loop {
            let kind = extensions.number(2)?;
            let body = extensions.block(2)?;
            if kind == wanted {
                return Some(body);
            }
        }
    }
}

/// The type of the handshake message that a connection begins with.
pub(super) fn handshake_type(bytes: &[u8]) -> Read<i64> {
    match handshake(bytes) {
        Read::Found(record) => match record.first() {
            Some(kind) => Read::Found(i64::from(*kind)),
            None => Read::Foreign,
        },
        Read::Partial => Read::Partial,
        Read::Foreign => Read::Foreign,
    }
}

/// The version of a client's hello, 65536 times the major and the minor number; that of an SSLv2 hello too.
pub(super) fn version(bytes: &[u8]) -> Read<i64> {
    let combined = |major: u8, minor: u8| i64::from(major) << 16 | i64::from(minor);
    match bytes {
        [] => Read::Partial,
        [HANDSHAKE, ..] => match handshake(bytes) {
            Read::Found([_, _, _, _, major, minor, ..]) => Read::Found(combined(*major, *minor)),
            Read::Found(_) | Read::Foreign => Read::Foreign,
            Read::Partial => Read::Partial,
        },
        // A length of two bytes whose first bit is set, then the type of the message.
        [high, ..] if high & 0x80 != 0 => match bytes {
            [high, low, kind, major, minor, ..] => {
                let length = usize::from(high & 0x7f) << 8 | usize::from(*low);
                match usize::from(*kind) == CLIENT_HELLO && *major >= 2 && length >= SSL2_LEAST {
                    false => Read::Foreign,
                    true if bytes.len() < length + 2 => Read::Partial,
                    true => Read::Found(combined(*major, *minor)),
                }
            }
            _ => Read::Partial,
        },
        _ => Read::Foreign,
    }
}

/// The body of a handshake record that has come whole.
fn handshake(bytes: &[u8]) -> Read<&[u8]> {
    match bytes {
        [HANDSHAKE, 3..=u8::MAX, _, high, low, body @ ..] => {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            match body.get(..length) {
                Some(record) if length >= 4 => Read::Found(record),
                Some(_) => Read::Foreign,
                None => Read::Partial,
            }
        }
        [HANDSHAKE, major, ..] if *major < 3 => Read::Foreign,
        [] | [HANDSHAKE, ..] => Read::Partial,
        _ => Read::Foreign,
    }
}

/// Bytes that are read from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A number of so many bytes.
    fn number(&mut self, bytes: usize) -> Option<usize> {
        Some(self.take(bytes)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A block with its length of so many bytes before it.
    fn block(&mut self, bytes: usize) -> Option<&'a [u8]> {
        let length = self.number(bytes)?;
        self.take(length)
    }
}

const HANDSHAKE: u8 = 0x16;
const CLIENT_HELLO: usize = 1;
const HOST_NAME: usize = 0;
const SERVER_NAME: usize = 0;
const SUPPORTED_GROUPS: usize = 10;
const ALPN: usize = 16;
const SESSION_TICKET: usize = 35;
/// Version, three lengths and the shortest challenge.
const SSL2_LEAST: usize = 9 + 16;

#[cfg(test)]
#[path = "hello_tests.rs"]
mod tests;
