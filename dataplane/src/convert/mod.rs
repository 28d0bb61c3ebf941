//! What converters do to values (configuration manual 7.3.1).
//!
//! Owns their evaluation, one file for each subject. A converter takes a value of the type that its row says and
//! gives another, or none; it changes nothing but variables. What can be worked out beforehand is in
//! `prepared.rs`.

mod address;
mod certificate;
mod crypto;
mod encoding;
mod fix;
mod forwarded;
mod hash;
mod json;
mod list;
mod md5;
mod mqtt;
mod number;
mod prepared;
mod protocol_buffers;
mod proxies;
mod tables;
mod text;
mod time;
mod token;
mod variable;

use std::borrow::Cow;

use regate_proto::rules::converters::{Codec, Unit, fix_tag};
use regate_proto::rules::{Argument, Converter};

use self::crypto::Digest;
use self::variable::{constant, named};
use crate::fetch::{Arguments, Side, View};
use crate::sample::Value;
use crate::snapshot::StepPlan;

pub use self::prepared::Prepared;

/// Whether the exchange goes as a word of `when` says.
fn is_so(word: &str, view: &View<'_>) -> bool {
    let course = view.facts.course;
    let (negated, word) = word.strip_prefix('!').map_or((false, word), |word| (true, word));
    let holds = match word {
        "error" => course.failed,
        "forwarded" => course.forwarded,
        "normal" => !course.failed,
        "processed" => course.forwarded || course.served,
        "stopping" => view.live.process.is_stopping(),
        "toapplet" => course.served,
        _ => false,
    };
    holds != negated
}

/// Applies one step of a sample to a value of the step's input type.
pub fn apply<'a>(step: &'a StepPlan, value: Value<'a>, view: &View<'a>) -> Option<Value<'a>> {
    let arguments = Arguments(&step.arguments);
    match step.converter {
        Converter::AddItem => Some(variable::itemised(octets(value), arguments.0, view)),
        Converter::AesCbc(codec) => cbc(step, codec, &octets(value), view),
        Converter::AesGcm(codec) => gcm(step, codec, &octets(value), view),
        Converter::Arithmetic(operation) => {
            int(number::arithmetic(operation, value.as_int()?, integer(step, 0, view)?))
        }
        Converter::Base2 => text(encoding::binary(&octets(value))),
        Converter::Base64(Codec::Encode) => text(encoding::base64(&octets(value))),
        Converter::Base64(Codec::Decode) => bytes(encoding::from_base64(&octets(value))?),
        Converter::Base64Url(Codec::Encode) => text(encoding::base64_url(&octets(value))),
        Converter::Base64Url(Codec::Decode) => bytes(encoding::from_base64_url(&octets(value))?),
        Converter::BytesAsDecimals { big } => {
            let (separator, size, whole) = chunks(&arguments);
            text(encoding::decimal_chunks(&octets(value), separator, size, whole, big))
        }
        Converter::BytesAsHexadecimal => {
            let (separator, size, whole) = chunks(&arguments);
            text(encoding::hexadecimal_chunks(&octets(value), separator, size, whole))
        }
        Converter::Bool => truth(value.as_int()? != 0),
        Converter::Bytes => {
            let length = match arguments.0.get(1) {
                None | Some(Argument::Absent) => None,
                Some(_) => Some(integer(step, 1, view)?),
            };
            Some(Value::Bin(text::bytes(octets(value), integer(step, 0, view)?, length)))
        }
        Converter::CaptureRequest => captured(Side::Request, value, &arguments, view),
        Converter::CaptureResponse => captured(Side::Response, value, &arguments, view),
        Converter::Choose => {
            let chosen = usize::from(value.as_int()? == 0);
            Some(Value::text(constant(arguments.0, chosen)))
        }
        Converter::When => is_so(arguments.text(0)?, view).then_some(value),
        Converter::Complement => int(!value.as_int()?),
        Converter::Concatenate => Some(variable::concatenated(octets(value), arguments.0, view)),
        Converter::CutLine => Some(Value::Str(text::first_line(octets(value)))),
        Converter::Date => int(time::parsed(&octets(value))?),
        Converter::Debug => Some(debug(value, &arguments)),
        Converter::Digest => match &step.prepared {
            Prepared::Digest(digest, _) => bytes(digest.digest(&octets(value))),
            _ => None,
        },
        Converter::Even => truth(value.as_int()? & 1 == 0),
        Converter::Field => {
            let whole = octets(value);
            let count = arguments.int(2).unwrap_or(1);
            let range = text::field(&whole, arguments.int(0)?, constant(arguments.0, 1), count)?;
            Some(Value::Str(text::part(whole, range)))
        }
        Converter::FixIsValid => truth(fix::is_valid(&octets(value))?),
        Converter::FixTag => {
            let message = octets(value);
            let range = fix::value(&message, fix_tag(arguments.text(0)?)?)?;
            Some(Value::Bin(text::part(message, range)))
        }
        Converter::ForwardedField => text(forwarded::field(&octets(value), constant(arguments.0, 0))?),
        Converter::ForwardedIsValid => truth(forwarded::is_valid(&octets(value))),
        Converter::ForwardedMake(half) => forwarded::made(value, half),
        Converter::ForwardedNode(half) => forwarded::half(&octets(value), half),
        Converter::FrontendExists => truth(proxies::frontend_exists(&octets(value), view)),
        Converter::Hash(function) => int(hash::hash(function, &octets(value), arguments.int(0).unwrap_or(0))),
        Converter::Hexadecimal => text(encoding::hexadecimal(&octets(value))),
        Converter::HexadecimalInteger => int(encoding::hexadecimal_integer(&octets(value))?),
        Converter::Hmac => match &step.prepared {
            Prepared::Digest(digest, _) => bytes(digest.hmac(&key(step, 1, view)?, &octets(value))),
            _ => None,
        },
        Converter::HostOnly => Some(address::host(octets(value))),
        Converter::HttpDate => {
            let unit = match arguments.text(1) {
                Some("ms") => Unit::Milliseconds,
                Some("us") => Unit::Microseconds,
                _ => Unit::Seconds,
            };
            let count = value.as_int()?.saturating_add(arguments.int(0).unwrap_or(0));
            text(time::http_date(count, unit))
        }
        Converter::IpMask => address::masked(value, arguments.0),
        Converter::JsonEscape => {
            let decoding = json::Decoding::named(arguments.text(0).unwrap_or_default());
            json::escaped(octets(value), decoding).map(Value::Str)
        }
        Converter::JsonQuery => match &step.prepared {
            Prepared::Path(path) => path.query(octets(value), arguments.text(1).is_some()),
            _ => None,
        },
        Converter::JwtHeader => token::query(&octets(value), 0, path(step), arguments.text(1).is_some()),
        Converter::JwtPayload => token::query(&octets(value), 1, path(step), arguments.text(1).is_some()),
        Converter::JwtVerify => match &step.prepared {
            Prepared::Verification(known) => {
                let (algorithm, secret) = (operand(step, 0, view)?, operand(step, 1, view)?);
                int(known.verify(&octets(value), &algorithm, &secret))
            }
            _ => None,
        },
        Converter::Language => {
            let languages = arguments.text(0).unwrap_or_default();
            match text::language(&octets(value), languages) {
                Some(found) => Some(Value::text(found.as_bytes())),
                None => arguments.text(1).map(|text| Value::text(text.as_bytes())),
            }
        }
        Converter::Length => int(octets(value).len() as i64),
        Converter::Lower => Some(text::mapped(octets(value), u8::to_ascii_lowercase)),
        Converter::Map { method, output, groups } => {
            list::mapped(value, (method, output, groups), arguments.0, view)
        }
        Converter::MqttField => mqtt::field(octets(value), arguments.text(0)?, arguments.text(1)?),
        Converter::MqttIsValid => truth(mqtt::is_valid(&octets(value))?),
        Converter::Negate => int(number::opposite(value.as_int()?)),
        Converter::NetworkOrder => bytes((value.as_int()? as u32).to_be_bytes().to_vec()),
        Converter::Not => truth(value.as_int()? == 0),
        Converter::Odd => truth(value.as_int()? & 1 != 0),
        Converter::Parameter => {
            let whole = octets(value);
            let delimiter = arguments.text(1).unwrap_or("&").as_bytes();
            let range = text::parameter(&whole, constant(arguments.0, 0), delimiter)?;
            Some(Value::Str(text::part(whole, range)))
        }
        Converter::PortOnly => int(address::port(&octets(value))),
        Converter::ProtocolBuffers { grpc } => match &step.prepared {
            Prepared::Numbers(path) => protocol_buffers::field(octets(value), path, arguments.text(1), grpc),
            _ => None,
        },
        Converter::RegexReplace => match &step.prepared {
            Prepared::Replacement(replacement) => Some(Value::Str(replacement.apply(octets(value)))),
            _ => None,
        },
        Converter::Reverse => text(octets(value).iter().rev().copied().collect()),
        Converter::ReverseDomain => text(text::reversed_labels(&octets(value))?),
        Converter::SecureCompare => {
            let other = view.variables.value(named(arguments.0.first())?)?;
            let other = other.cast(regate_proto::rules::Kind::Bin)?;
            truth(crypto::same(&octets(value), &octets(other)))
        }
        Converter::ServerIsUp => truth(proxies::server(&octets(value), view)?.is_up()),
        Converter::ServerQueue => int(proxies::server(&octets(value), view)?.live.queue.length().into()),
        Converter::SetVar => variable::set(arguments.0, value, view),
        Converter::Sha1 => bytes(Digest::SHA1.digest(&octets(value))),
        Converter::Sha2 => bytes(Digest::sha2(arguments.text(0).unwrap_or_default()).digest(&octets(value))),
        Converter::StringCompare => {
            int(variable::compared(&octets(value), named(arguments.0.first())?, view)?)
        }
        Converter::Table(told) => tables::look(told, value, &arguments, view),
        Converter::Time { unit, local } => {
            let count = value.as_int()?.saturating_add(arguments.int(1).unwrap_or(0));
            text(time::formatted(count, unit, local, arguments.text(0).unwrap_or_default()))
        }
        Converter::TrimEnd => Some(Value::Str(text::trimmed_end(octets(value), constant(arguments.0, 0)))),
        Converter::TrimStart => {
            Some(Value::Str(text::trimmed_start(octets(value), constant(arguments.0, 0))))
        }
        Converter::UnsetVar => {
            view.variables.unset(named(arguments.0.first())?);
            Some(value)
        }
        Converter::Upper => Some(text::mapped(octets(value), u8::to_ascii_uppercase)),
        Converter::Url(Codec::Encode) => Some(Value::Str(encoding::url_encoded(octets(value)))),
        Converter::Url(Codec::Decode) => {
            let query = arguments.int(0).is_some_and(|form| form != 0);
            encoding::url_decoded(octets(value), query).map(Value::Str)
        }
        Converter::UsableServers => int(proxies::usable_servers(&octets(value), view)?),
        Converter::Word => {
            let whole = octets(value);
            let count = arguments.int(2).unwrap_or(1);
            let range = text::word(&whole, arguments.int(0)?, constant(arguments.0, 1), count);
            Some(Value::Str(text::part(whole, range)))
        }
        Converter::X509Error => Some(Value::Str(certificate::error_name(value.as_int()?))),
    }
}

/// AES in the mode GCM: bits, nonce, key, the tag or the variable for it, and what is authenticated besides.
/// Keeps a value in a slot of the frontend and gives the value on; nothing where there is no such slot.
fn captured<'a>(
    side: Side,
    value: Value<'a>,
    arguments: &Arguments<'_>,
    view: &View<'_>,
) -> Option<Value<'a>> {
    let text = octets(value);
    let place = usize::try_from(arguments.int(0)?).ok()?;
    let slot = side.slots(&view.frontend?.captures).get(place)?;
    view.facts.captures?.note(side, place, &text, slot.length);
    Some(Value::Str(text))
}

fn gcm<'a>(step: &'a StepPlan, codec: Codec, text: &[u8], view: &View<'a>) -> Option<Value<'a>> {
    let bits = Arguments(&step.arguments).text(0)?;
    let (nonce, secret) = (key(step, 1, view)?, key(step, 2, view)?);
    let with = match step.arguments.get(4) {
        None | Some(Argument::Absent) => Cow::Borrowed(&[][..]),
        Some(_) => key(step, 4, view)?,
    };
    match codec {
        Codec::Decode => bytes(crypto::gcm_opened(bits, &nonce, &secret, &key(step, 3, view)?, &with, text)?),
        Codec::Encode => {
            let (sealed, tag) = crypto::gcm_sealed(bits, &nonce, &secret, &with, text)?;
            view.variables.set(named(step.arguments.get(3))?, Value::text(encoding::base64(&tag)));
            bytes(sealed)
        }
    }
}

/// AES in the mode CBC: bits, nonce and key.
fn cbc<'a>(step: &'a StepPlan, codec: Codec, text: &[u8], view: &View<'a>) -> Option<Value<'a>> {
    let bits = Arguments(&step.arguments).text(0)?;
    let (nonce, secret) = (key(step, 1, view)?, key(step, 2, view)?);
    bytes(match codec {
        Codec::Decode => crypto::cbc_opened(bits, &nonce, &secret, text)?,
        Codec::Encode => crypto::cbc_sealed(bits, &nonce, &secret, text)?,
    })
}

/// Shows a value on a stream of the process, or among its own messages.
fn debug<'a>(value: Value<'a>, arguments: &Arguments<'_>) -> Value<'a> {
    let mut line = Vec::from(&b"[debug] "[..]);
    let prefix = arguments.text(0).unwrap_or_default();
    if !prefix.is_empty() {
        line.extend_from_slice(prefix.as_bytes());
        line.extend_from_slice(b": ");
    }
    line.extend_from_slice(b"type=");
    line.extend_from_slice(kind_word(&value).as_bytes());
    line.extend_from_slice(b" <");
    value.push_text(&mut line);
    line.extend_from_slice(b">");
    use std::io::Write;
    match arguments.text(1) {
        // A stream that is gone shows nothing; the value goes on all the same.
        Some("stderr") => drop(std::io::stderr().write_all(&[&line[..], b"\n"].concat())),
        Some("stdout") => drop(std::io::stdout().write_all(&[&line[..], b"\n"].concat())),
        _ => tracing::info!("{}", String::from_utf8_lossy(&line)),
    }
    value
}

/// HAProxy's word for a value's type.
fn kind_word(value: &Value<'_>) -> &'static str {
    match value {
        Value::Bool(_) => "bool",
        Value::Int(_) => "sint",
        Value::Ipv4(_) => "ipv4",
        Value::Ipv6(_) => "ipv6",
        Value::Str(_) => "str",
        Value::Bin(_) => "bin",
        Value::Method(_) => "meth",
    }
}

/// The integer that an argument is, or that a variable holds.
fn integer(step: &StepPlan, at: usize, view: &View<'_>) -> Option<i64> {
    match step.arguments.get(at)? {
        Argument::Int(number) => Some(*number),
        Argument::Variable(variable) => view.variables.value(variable)?.as_int(),
        _ => None,
    }
}

/// The text that an argument is, or that a variable holds.
fn operand<'a>(step: &'a StepPlan, at: usize, view: &View<'_>) -> Option<Cow<'a, [u8]>> {
    match step.arguments.get(at)? {
        Argument::Text(text) => Some(Cow::Borrowed(text.as_bytes())),
        Argument::Variable(variable) => Some(view.variables.value(variable)?.into_text()),
        _ => None,
    }
}

/// The bytes that an argument or a variable holds in base64.
fn key<'a>(step: &'a StepPlan, at: usize, view: &View<'_>) -> Option<Cow<'a, [u8]>> {
    match step.prepared.key(at) {
        Some(key) => Some(Cow::Borrowed(key)),
        None => encoding::from_base64(&operand(step, at, view)?).map(Cow::Owned),
    }
}

/// The path into JSON among the arguments.
fn path(step: &StepPlan) -> Option<&json::Path> {
    match &step.prepared {
        Prepared::Path(path) => Some(path),
        _ => None,
    }
}

/// What stands between chunks, of how many bytes they are, and whether each must have as many.
fn chunks<'a>(arguments: &Arguments<'a>) -> (&'a [u8], usize, bool) {
    let size = arguments.int(1).and_then(|size| usize::try_from(size).ok()).unwrap_or(0);
    (constant(arguments.0, 0), size, arguments.int(2).is_some_and(|whole| whole != 0))
}

/// The bytes of a value that has any; the text of another.
fn octets(value: Value<'_>) -> Cow<'_, [u8]> {
    match value {
        Value::Str(text) | Value::Bin(text) | Value::Method(text) => text,
        value => value.into_text(),
    }
}

fn int<'a>(number: i64) -> Option<Value<'a>> {
    Some(Value::Int(number))
}

fn truth<'a>(truth: bool) -> Option<Value<'a>> {
    Some(Value::Bool(truth))
}

fn text<'a>(text: Vec<u8>) -> Option<Value<'a>> {
    Some(Value::Str(Cow::Owned(text)))
}

fn bytes<'a>(bytes: Vec<u8>) -> Option<Value<'a>> {
    Some(Value::Bin(Cow::Owned(bytes)))
}

#[cfg(test)]
mod tests;
