//! JSON Web Tokens: what they say, and whether their signature holds (configuration manual 7.3.1 "jwt_verify";
//! RFC 7515, RFC 7518).

use std::borrow::Cow;

use aws_lc_rs::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::crypto::{Digest, same};
use super::{encoding, json};
use crate::sample::Value;

/// The key to check a token with, as far as it is known beforehand.
#[derive(Clone, Debug, Default)]
pub struct Verification {
    /// The public key, where the file could be read; for other algorithms the secret stands in the arguments.
    public: Option<Box<[u8]>>,
}

impl Verification {
    /// Reads the file with the public key: a certificate or a key, in PEM. Without an algorithm that is known to
    /// need one, a file that cannot be read is none.
    ///
    /// # Errors
    /// What is wrong with the file.
    pub(super) fn prepare(algorithm: Option<&str>, key: Option<&str>) -> Result<Verification, String> {
        let Some(path) = key else { return Ok(Verification::default()) };
        let needed = match algorithm {
            Some(name) => name.starts_with(['R', 'E', 'P']),
            None => false,
        };
        if !needed && algorithm.is_some() {
            return Ok(Verification::default());
        }
        match std::fs::read(path).map_err(|error| error.to_string()).and_then(|text| public_key(&text)) {
            Ok(public) => Ok(Verification { public: Some(public) }),
            Err(_) if !needed => Ok(Verification::default()),
            Err(error) => Err(format!("the public key in '{path}' cannot be had: {error}")),
        }
    }

    /// 1 where the signature holds, 0 where it does not, and below what keeps it from being checked.
    pub(super) fn verify(&self, token: &[u8], algorithm: &[u8], secret: &[u8]) -> i64 {
        let parts: Vec<&[u8]> = token.splitn(4, |byte| *byte == b'.').collect();
        let Some(checked) = Algorithm::named(algorithm) else { return UNKNOWN_ALGORITHM };
        let [header, payload, signed] = parts.as_slice() else { return INVALID_TOKEN };
        if header.is_empty() {
            return INVALID_TOKEN;
        }
        let message = token.get(..header.len() + 1 + payload.len()).unwrap_or_default();
        if let Algorithm::None = checked {
            return i64::from(signed.is_empty());
        }
        let signed = match encoding::from_base64_url(signed) {
            Some(signed) if !signed.is_empty() => signed,
            _ => return INVALID_TOKEN,
        };
        match (checked, &self.public) {
            (Algorithm::None, _) => 0,
            (Algorithm::Secret(digest), _) => i64::from(same(&digest.hmac(secret, message), &signed)),
            (Algorithm::Public(algorithm), Some(key)) => {
                i64::from(UnparsedPublicKey::new(algorithm, key).verify(message, &signed).is_ok())
            }
            (Algorithm::Public(_), None) => UNKNOWN_KEY,
        }
    }
}

/// What a path leads to in a part of a token; without a path, the part.
pub(super) fn query<'a>(
    token: &[u8],
    part: usize,
    path: Option<&json::Path>,
    integer: bool,
) -> Option<Value<'a>> {
    let part = token.split(|byte| *byte == b'.').nth(part)?;
    let text = encoding::from_base64_url(part)?;
    match path {
        Some(path) => path.query(Cow::Owned(text), integer),
        None => Some(Value::Str(Cow::Owned(text))),
    }
}

/// How a signature is made (RFC 7518, 3.1).
enum Algorithm {
    None,
    Secret(Digest),
    Public(&'static dyn VerificationAlgorithm),
}

impl Algorithm {
    fn named(name: &[u8]) -> Option<Algorithm> {
        Some(match name {
            b"none" => Algorithm::None,
            b"HS256" => Algorithm::Secret(Digest::SHA256),
            b"HS384" => Algorithm::Secret(Digest::SHA384),
            b"HS512" => Algorithm::Secret(Digest::SHA512),
            b"RS256" => Algorithm::Public(&signature::RSA_PKCS1_2048_8192_SHA256),
            b"RS384" => Algorithm::Public(&signature::RSA_PKCS1_2048_8192_SHA384),
            b"RS512" => Algorithm::Public(&signature::RSA_PKCS1_2048_8192_SHA512),
            b"ES256" => Algorithm::Public(&signature::ECDSA_P256_SHA256_FIXED),
            b"ES384" => Algorithm::Public(&signature::ECDSA_P384_SHA384_FIXED),
            b"ES512" => Algorithm::Public(&signature::ECDSA_P521_SHA512_FIXED),
            b"PS256" => Algorithm::Public(&signature::RSA_PSS_2048_8192_SHA256),
            b"PS384" => Algorithm::Public(&signature::RSA_PSS_2048_8192_SHA384),
            b"PS512" => Algorithm::Public(&signature::RSA_PSS_2048_8192_SHA512),
            _ => return None,
        })
    }
}

/// The public key in PEM (RFC 7468), alone or in a certificate.
fn public_key(text: &[u8]) -> Result<Box<[u8]>, String> {
    let text = std::str::from_utf8(text).map_err(|_| "it is no PEM".to_owned())?;
    for label in ["CERTIFICATE", "PUBLIC KEY", "RSA PUBLIC KEY"] {
        let Some(body) = text.split_once(&format!("-----BEGIN {label}-----")).map(|(_, body)| body) else {
            continue;
        };
        let body = body.split_once("-----END").map(|(body, _)| body).ok_or("its end is missing")?;
        let digits: Vec<u8> = body.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
        let der = encoding::from_base64(&digits).ok_or("it is no base64")?;
        if label != "CERTIFICATE" {
            return Ok(der.into());
        }
        let (_, certificate) =
            x509_parser::parse_x509_certificate(&der).map_err(|error| format!("no certificate: {error}"))?;
        return Ok(certificate.public_key().raw.into());
    }
    Err("it holds neither a certificate nor a public key".to_owned())
}

const UNKNOWN_ALGORITHM: i64 = -1;
const INVALID_TOKEN: i64 = -3;
const UNKNOWN_KEY: i64 = -5;
