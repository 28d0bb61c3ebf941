//! What of a converter's arguments can be worked out before it is applied.

use regate_proto::rules::signature::expression;
use regate_proto::rules::{Argument, Conversion, Converter};

use super::crypto::Digest;
use super::text::Replacement;
use super::token::Verification;
use super::{encoding, json};

/// What was worked out.
#[derive(Clone, Debug)]
pub enum Prepared {
    /// Nothing is to be worked out.
    Nothing,
    /// What is replaced, and with what.
    Replacement(Box<Replacement>),
    /// A path into JSON.
    Path(json::Path),
    /// A path of numbers.
    Numbers(Box<[u32]>),
    /// A digest, and the constants in base64 among the arguments, each at its place.
    Digest(Digest, Box<[Option<Box<[u8]>>]>),
    /// The constants in base64 among the arguments, each at its place.
    Keys(Box<[Option<Box<[u8]>>]>),
    /// What is known of a token's key.
    Verification(Verification),
}

impl Prepared {
    /// Works out what can be.
    ///
    /// # Errors
    /// Why the converter cannot be applied: a file with a key that cannot be read.
    pub fn of(conversion: &Conversion) -> Result<Prepared, String> {
        let arguments = &conversion.arguments;
        Ok(match conversion.row.converter {
            Converter::RegexReplace => {
                let flags = text(arguments, 2).unwrap_or_default();
                let regex =
                    expression(regex(arguments), flags.contains('i')).map_err(|error| error.to_string())?;
                let with = text(arguments, 1).unwrap_or_default();
                Prepared::Replacement(Box::new(Replacement::new(regex, with, flags.contains('g'))))
            }
            Converter::JsonQuery | Converter::JwtHeader | Converter::JwtPayload => {
                match text(arguments, 0).filter(|path| !path.is_empty()) {
                    Some(path) => Prepared::Path(json::Path::parse(path)),
                    None => Prepared::Nothing,
                }
            }
            Converter::ProtocolBuffers { .. } => {
                let path = text(arguments, 0).unwrap_or_default();
                Prepared::Numbers(path.split('.').filter_map(|number| number.parse().ok()).collect())
            }
            Converter::Digest | Converter::Hmac => {
                let name = text(arguments, 0).unwrap_or_default();
                let digest = Digest::named(name).ok_or_else(|| format!("unknown message digest '{name}'"))?;
                Prepared::Digest(digest, keys(arguments))
            }
            Converter::AesGcm(_) | Converter::AesCbc(_) => Prepared::Keys(keys(arguments)),
            Converter::JwtVerify => {
                Prepared::Verification(Verification::prepare(text(arguments, 0), text(arguments, 1))?)
            }
            _ => Prepared::Nothing,
        })
    }

    /// The constant in base64 that was the argument at a place.
    pub(super) fn key(&self, at: usize) -> Option<&[u8]> {
        match self {
            Prepared::Keys(keys) | Prepared::Digest(_, keys) => keys.get(at)?.as_deref(),
            _ => None,
        }
    }
}

fn keys(arguments: &[Argument]) -> Box<[Option<Box<[u8]>>]> {
    let decoded = |argument: &Argument| match argument {
        Argument::Text(text) => encoding::from_base64(text.as_bytes()).map(Vec::into_boxed_slice),
        _ => None,
    };
    arguments.iter().map(decoded).collect()
}

fn regex(arguments: &[Argument]) -> &str {
    match arguments.first() {
        Some(Argument::Regex(text)) => text,
        _ => "",
    }
}

fn text(arguments: &[Argument], at: usize) -> Option<&str> {
    match arguments.get(at) {
        Some(Argument::Text(text)) => Some(text),
        _ => None,
    }
}
