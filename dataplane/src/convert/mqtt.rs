//! Packets of MQTT 3.1, 3.1.1 and 5.0: the first of a client and the first of a server (configuration manual 7.3.1
//! "mqtt_is_valid", "mqtt_field_value").

use std::borrow::Cow;
use std::ops::Range;

use regate_proto::rules::converters::mqtt_packet;

use super::text;
use crate::sample::Value;

/// Whether a text begins with a sound CONNECT or CONNACK; none where it is not whole yet.
pub(super) fn is_valid(text: &[u8]) -> Option<bool> {
    let (kind, body) = frame(text)?;
    Some(match kind {
        CONNECT => Connect::read(text, body).is_some(),
        CONNACK => Acknowledgement::read(text, body).is_some(),
        _ => false,
    })
}

/// What a field or a property of a packet of this type holds.
pub(super) fn field<'a>(packet: Cow<'a, [u8]>, kind: &str, field: &str) -> Option<Value<'a>> {
    let (first, body) = frame(&packet)?;
    let wanted = match mqtt_packet(kind)? {
        1 => CONNECT,
        2 => CONNACK,
        _ => return None,
    };
    if first != wanted {
        return None;
    }
    let found = match wanted {
        CONNECT => Connect::read(&packet, body)?.field(&packet, field)?,
        _ => Acknowledgement::read(&packet, body)?.field(&packet, field)?,
    };
    Some(match found {
        // As texts, which is what they are asked for as.
        Found::Number(number) => Value::text(number.to_string().into_bytes()),
        Found::Bytes(range) => Value::Bin(text::part(packet, range)),
    })
}

enum Found {
    Number(u32),
    Bytes(Range<usize>),
}

/// What stands in a CONNECT (MQTT 5.0, 3.1).
struct Connect {
    protocol: Range<usize>,
    version: u8,
    flags: u8,
    keep_alive: u32,
    properties: Range<usize>,
    client: Range<usize>,
    will_properties: Range<usize>,
    will: Option<(Range<usize>, Range<usize>)>,
    user: Option<Range<usize>>,
    password: Option<Range<usize>>,
}

impl Connect {
    fn read(text: &[u8], body: Range<usize>) -> Option<Connect> {
        let mut reader = Reader { text, at: body.start, end: body.end };
        let protocol = reader.block()?;
        let named = reader.slice(&protocol);
        if named != b"MQTT" && named != b"MQIsdp" {
            return None;
        }
        let version = reader.byte().filter(|version| (3..=5).contains(version))?;
        let flags = reader.byte().filter(|flags| flags & 1 == 0)?;
        let keep_alive = reader.number(2)?;
        let properties = reader.properties(version, &CONNECT_PROPERTIES)?;
        let client = reader.block()?;
        let has_will = flags & 0x04 != 0;
        let will_version = if has_will { version } else { 0 };
        let will_properties = reader.properties(will_version, &WILL_PROPERTIES)?;
        let will = match has_will {
            true => Some((reader.block()?, reader.block()?)),
            false => None,
        };
        let mut given = |bit: u8| match flags & bit != 0 {
            true => reader.block().map(Some),
            false => Some(None),
        };
        let (user, password) = (given(0x80)?, given(0x40)?);
        let whole = reader.at == reader.end;
        whole.then_some(Connect {
            protocol,
            version,
            flags,
            keep_alive,
            properties,
            client,
            will_properties,
            will,
            user,
            password,
        })
    }

    fn field(self, text: &[u8], name: &str) -> Option<Found> {
        Some(match name.to_ascii_lowercase().as_str() {
            "flags" => Found::Number(self.flags.into()),
            "protocol_name" => Found::Bytes(self.protocol),
            "protocol_version" => Found::Number(self.version.into()),
            "client_identifier" => Found::Bytes(self.client),
            "will_topic" => Found::Bytes(self.will?.0),
            "will_payload" => Found::Bytes(self.will?.1),
            "username" => Found::Bytes(self.user?),
            "password" => Found::Bytes(self.password?),
            "keepalive" => Found::Number(self.keep_alive),
            number => {
                let number = number.parse().ok()?;
                property(text, self.properties, number)
                    .or_else(|| property(text, self.will_properties, number))?
            }
        })
    }
}

/// What stands in a CONNACK (MQTT 5.0, 3.2).
struct Acknowledgement {
    flags: u8,
    reason: u8,
    /// Of version 5 alone.
    properties: Option<Range<usize>>,
}

impl Acknowledgement {
    fn read(text: &[u8], body: Range<usize>) -> Option<Acknowledgement> {
        let mut reader = Reader { text, at: body.start, end: body.end };
        let flags = reader.byte().filter(|flags| *flags <= 1)?;
        let reason = reader.byte()?;
        let properties = match reader.at == reader.end {
            true => None,
            false => Some(reader.properties(5, &CONNACK_PROPERTIES)?),
        };
        (reader.at == reader.end).then_some(Acknowledgement { flags, reason, properties })
    }

    fn field(self, text: &[u8], name: &str) -> Option<Found> {
        Some(match name.to_ascii_lowercase().as_str() {
            "flags" => Found::Number(self.flags.into()),
            "protocol_version" => Found::Number(if self.properties.is_some() { 5 } else { 4 }),
            "reason_code" => Found::Number(self.reason.into()),
            number => property(text, self.properties?, number.parse().ok()?)?,
        })
    }
}

/// Reads what stands between two places.
struct Reader<'a> {
    text: &'a [u8],
    at: usize,
    end: usize,
}

impl<'a> Reader<'a> {
    fn slice(&self, range: &Range<usize>) -> &'a [u8] {
        self.text.get(range.clone()).unwrap_or_default()
    }

    fn take(&mut self, length: usize) -> Option<Range<usize>> {
        let from = self.at;
        let to = from.checked_add(length).filter(|to| *to <= self.end)?;
        self.at = to;
        Some(from..to)
    }

    fn byte(&mut self) -> Option<u8> {
        self.take(1).and_then(|range| self.slice(&range).first().copied())
    }

    /// A number of so many bytes, the most significant first.
    fn number(&mut self, length: usize) -> Option<u32> {
        let range = self.take(length)?;
        Some(self.slice(&range).iter().fold(0, |number, byte| number << 8 | u32::from(*byte)))
    }

    /// Bytes with their length before them.
    fn block(&mut self) -> Option<Range<usize>> {
        let length = self.number(2)?;
        self.take(usize::try_from(length).ok()?)
    }

    /// A number of seven bits a byte, in up to four bytes.
    fn length(&mut self) -> Option<usize> {
        let mut length = 0;
        for turn in 0..4 {
            let byte = self.byte()?;
            length |= usize::from(byte & 0x7f) << (7 * turn);
            if byte & 0x80 == 0 {
                return Some(length);
            }
        }
        None
    }

    /// The properties of version 5, each of those that may stand here and, but for the users' own, once.
    fn properties(&mut self, version: u8, known: &[u8]) -> Option<Range<usize>> {
        if version < 5 {
            return Some(0..0);
        }
        let length = self.length()?;
        let whole = self.take(length)?;
        let mut reader = Reader { text: self.text, at: whole.start, end: whole.end };
        let mut seen = 0_u64;
        while reader.at < reader.end {
            let number = reader.byte().filter(|number| known.contains(number))?;
            reader.property(number)?;
            if number != USER_PROPERTY {
                let bit = 1 << (number & 63);
                if seen & bit != 0 {
                    return None;
                }
                seen |= bit;
            }
        }
        Some(whole)
    }

    /// The value of a property (MQTT 5.0, 2.2.2.2).
    fn property(&mut self, number: u8) -> Option<Found> {
        Some(match number {
            1 | 23 | 25 | 36 | 37 | 40 | 41 | 42 => Found::Number(self.number(1)?),
            19 | 33 | 34 => Found::Number(self.number(2)?),
            2 | 17 | 24 | 39 => Found::Number(self.number(4)?),
            USER_PROPERTY => {
                let name = self.block()?;
                let value = self.block()?;
                Found::Bytes(name.start..value.end)
            }
            _ => Found::Bytes(self.block()?),
        })
    }
}

/// The first byte and where the body of the first packet stands; none where it is not whole.
fn frame(text: &[u8]) -> Option<(u8, Range<usize>)> {
    let mut reader = Reader { text, at: 0, end: text.len() };
    let first = reader.byte()?;
    let length = reader.length()?;
    Some((first, reader.take(length)?))
}

/// The value of a property among others; those of users cannot be had.
fn property(text: &[u8], range: Range<usize>, wanted: u8) -> Option<Found> {
    let mut reader = Reader { text, at: range.start, end: range.end };
    while reader.at < reader.end {
        let number = reader.byte()?;
        let found = reader.property(number)?;
        if number == wanted && number != USER_PROPERTY {
            return Some(found);
        }
    }
    None
}

/// The first bytes of packets: their types, without flags.
const CONNECT: u8 = 0x10;
const CONNACK: u8 = 0x20;
const USER_PROPERTY: u8 = 38;
const CONNECT_PROPERTIES: [u8; 9] = [17, 33, 39, 34, 25, 23, 38, 21, 22];
const WILL_PROPERTIES: [u8; 7] = [24, 1, 2, 3, 8, 9, 38];
const CONNACK_PROPERTIES: [u8; 17] = [17, 33, 36, 37, 39, 18, 34, 31, 38, 40, 41, 42, 19, 26, 28, 21, 22];
