//! What the arguments of a converter must fulfil beyond their types, some of it together.

use super::super::{Argument, Mistake};
use super::{Converter, Row};

/// Checks arguments that have the right types. A mistake comes with the position of the argument.
pub(super) fn check(row: &Row, arguments: &[Argument]) -> Result<(), (usize, Mistake)> {
    match row.converter {
        Converter::AddItem => {
            let given = |at| {
                !matches!(arguments.get(at), None | Some(Argument::Absent)) && !text(arguments, at).is_empty()
            };
            if given(1) || given(2) {
                return Ok(());
            }
            let message = "'add_item' has nothing to add";
            Err((
                1,
                Mistake::new(0, message).expecting("a variable or a text is expected after the delimiter"),
            ))
        }
        Converter::BytesAsHexadecimal => match arguments.get(1) {
            Some(Argument::Int(size)) if *size > 0 => Ok(()),
            _ if text(arguments, 0).is_empty() => Ok(()),
            _ => {
                let message = "a separator without the size of what it separates";
                Err((1, Mistake::new(0, message).expecting("a number of bytes above 0 is expected")))
            }
        },
        Converter::Digest | Converter::Hmac => {
            let name = text(arguments, 0);
            match digest(name) {
                Some(_) => Ok(()),
                None => {
                    let help = format!("one of {} is expected", DIGESTS.map(|(name, _)| name).join(", "));
                    Err((0, Mistake::new(0, format!("unknown message digest '{name}'")).expecting(help)))
                }
            }
        }
        Converter::FixTag => match fix_tag(text(arguments, 0)) {
            Some(_) => Ok(()),
            None => {
                let names = FIX_TAGS.map(|(name, _)| name).join(", ");
                let help = format!("a number above 0 or one of {names} is expected");
                Err((0, Mistake::new(0, "unknown tag of FIX").expecting(help)))
            }
        },
        Converter::JsonQuery | Converter::JwtHeader | Converter::JwtPayload => Ok(()),
        Converter::JwtVerify => match arguments.first() {
            Some(Argument::Text(name)) if !JWT_ALGORITHMS.contains(&name.as_str()) => {
                let help = format!("one of {} is expected", JWT_ALGORITHMS.join(", "));
                Err((0, Mistake::new(0, format!("unknown algorithm '{name}'")).expecting(help)))
            }
            _ => Ok(()),
        },
        Converter::MqttField => mqtt(text(arguments, 0), text(arguments, 1)),
        Converter::SetVar => match arguments.iter().skip(1).position(|argument| !known_condition(argument)) {
            Some(at) => {
                let message = format!("unknown condition '{}'", text(arguments, at + 1));
                let help = format!("one of {} is expected", CONDITIONS.join(", "));
                Err((at + 1, Mistake::new(0, message).expecting(help)))
            }
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

/// The one name of a message digest that this one means.
pub fn digest(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let bare = name.strip_prefix("rsa-").unwrap_or(&name);
    DIGESTS
        .into_iter()
        .find(|(known, others)| *known == bare || others.contains(&bare))
        .map(|(known, _)| known)
}

/// The number of a tag of FIX.
pub fn fix_tag(name: &str) -> Option<u32> {
    match FIX_TAGS.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)) {
        Some((_, number)) => Some(*number),
        None => name.parse().ok().filter(|number| *number > 0),
    }
}

/// The number of a type of packets of MQTT by its name or number.
pub fn mqtt_packet(name: &str) -> Option<usize> {
    match name.parse() {
        Ok(number) => Some(number).filter(|number| (1..MQTT_PACKETS.len()).contains(number)),
        Err(_) => {
            MQTT_PACKETS.iter().skip(1).position(|known| known.eq_ignore_ascii_case(name)).map(|at| at + 1)
        }
    }
}

/// Whether packets of this type have a field of this name, or may have a property of this number.
fn mqtt(packet: &str, field: &str) -> Result<(), (usize, Mistake)> {
    let Some(number) = mqtt_packet(packet) else {
        let message = format!("unknown type '{packet}' of packets of MQTT");
        return Err((0, Mistake::new(0, message).expecting("'connect' or 'connack' is expected")));
    };
    let (names, properties): (&[&str], &[u8]) = match number {
        1 => (&MQTT_CONNECT, &MQTT_CONNECT_PROPERTIES),
        2 => (&MQTT_CONNACK, &MQTT_CONNACK_PROPERTIES),
        _ => (&[], &[]),
    };
    let named = names.iter().any(|known| known.eq_ignore_ascii_case(field));
    if named || field.parse().is_ok_and(|number: u8| properties.contains(&number)) {
        return Ok(());
    }
    let message = format!("packets of the type '{packet}' have no field '{field}' that can be had");
    Err((
        1,
        Mistake::new(0, message).expecting(match names {
            [] => "the type 'connect' or 'connack' is expected".to_owned(),
            names => format!("one of {}, or the number of a property, is expected", names.join(", ")),
        }),
    ))
}

fn known_condition(argument: &Argument) -> bool {
    match argument {
        Argument::Absent => true,
        Argument::Text(text) => text.is_empty() || CONDITIONS.contains(&text.as_str()),
        _ => false,
    }
}

fn text(arguments: &[Argument], at: usize) -> &str {
    match arguments.get(at) {
        Some(Argument::Text(text)) => text,
        Some(Argument::Variable(variable)) => &variable.name,
        _ => "",
    }
}

/// Message digests with the other names that they go by.
const DIGESTS: [(&str, &[&str]); 11] = [
    ("md5", &["ssl3-md5", "md5withrsaencryption"]),
    ("md5-sha1", &[]),
    ("sha1", &["sha-1", "sha1-2", "ssl3-sha1", "sha1withrsaencryption"]),
    ("sha224", &["sha-224", "sha2-224", "sha224withrsaencryption"]),
    ("sha256", &["sha-256", "sha2-256", "sha256withrsaencryption"]),
    ("sha384", &["sha-384", "sha2-384", "sha384withrsaencryption"]),
    ("sha512", &["sha-512", "sha2-512", "sha512withrsaencryption"]),
    ("sha512-256", &["sha-512/256", "sha2-512/256", "sha512/256"]),
    ("sha3-256", &[]),
    ("sha3-384", &[]),
    ("sha3-512", &[]),
];

/// The tags of FIX that have names here.
const FIX_TAGS: [(&str, u32); 6] = [
    ("BeginString", 8),
    ("BodyLength", 9),
    ("CheckSum", 10),
    ("MsgType", 35),
    ("SenderCompID", 49),
    ("TargetCompID", 56),
];

/// The algorithms of signatures (RFC 7518, 3.1).
const JWT_ALGORITHMS: [&str; 13] = [
    "HS256", "HS384", "HS512", "RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384",
    "PS512", "none",
];

/// When a variable is set.
const CONDITIONS: [&str; 8] =
    ["ifexists", "ifnotexists", "ifempty", "ifnotempty", "ifset", "ifnotset", "ifgt", "iflt"];

/// The types of packets by their numbers (MQTT 5.0, 2.1.2).
const MQTT_PACKETS: [&str; 16] = [
    "",
    "connect",
    "connack",
    "publish",
    "puback",
    "pubrec",
    "pubrel",
    "pubcomp",
    "subscribe",
    "suback",
    "unsubscribe",
    "unsuback",
    "pingreq",
    "pingresp",
    "disconnect",
    "auth",
];
const MQTT_CONNECT: [&str; 9] = [
    "flags",
    "protocol_name",
    "protocol_version",
    "client_identifier",
    "will_topic",
    "will_payload",
    "username",
    "password",
    "keepalive",
];
const MQTT_CONNACK: [&str; 3] = ["flags", "protocol_version", "reason_code"];
/// Properties of CONNECT and of its will (MQTT 5.0, 3.1.2.11 and 3.1.3.2).
const MQTT_CONNECT_PROPERTIES: [u8; 15] = [17, 33, 39, 34, 25, 23, 38, 21, 22, 24, 1, 2, 3, 8, 9];
/// Properties of CONNACK (MQTT 5.0, 3.2.2.3).
const MQTT_CONNACK_PROPERTIES: [u8; 17] =
    [17, 33, 36, 37, 39, 18, 34, 31, 38, 40, 41, 42, 19, 26, 28, 21, 22];
