//! Digests, message authentication codes and ciphers (configuration manual 7.3.1).
//!
//! Knows the library of cryptography for converters; tokens (`token.rs`) use it through here for what they sign.

use aws_lc_rs::aead::{self, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{
    self, DecryptionContext, EncryptionContext, PaddedBlockDecryptingKey, PaddedBlockEncryptingKey,
    UnboundCipherKey,
};
use aws_lc_rs::digest;
use aws_lc_rs::iv::FixedLength;

use super::md5::md5;

/// A message digest.
#[derive(Clone, Copy, Debug)]
pub struct Digest(Function);

#[derive(Clone, Copy, Debug)]
enum Function {
    Md5,
    Md5Sha1,
    Library(&'static digest::Algorithm),
}

impl Digest {
    /// SHA-1.
    pub(super) const SHA1: Digest = Digest(Function::Library(&digest::SHA1_FOR_LEGACY_USE_ONLY));
    /// SHA-2 of 256 bits.
    pub(super) const SHA256: Digest = Digest(Function::Library(&digest::SHA256));
    /// SHA-2 of 384 bits.
    pub(super) const SHA384: Digest = Digest(Function::Library(&digest::SHA384));
    /// SHA-2 of 512 bits.
    pub(super) const SHA512: Digest = Digest(Function::Library(&digest::SHA512));

    /// By any of its names.
    pub(super) fn named(name: &str) -> Option<Digest> {
        Some(match regate_proto::rules::converters::digest(name)? {
            "md5" => Digest(Function::Md5),
            "md5-sha1" => Digest(Function::Md5Sha1),
            "sha1" => Digest::SHA1,
            "sha224" => Digest(Function::Library(&digest::SHA224)),
            "sha256" => Digest::SHA256,
            "sha384" => Digest::SHA384,
            "sha512" => Digest::SHA512,
            "sha512-256" => Digest(Function::Library(&digest::SHA512_256)),
            "sha3-256" => Digest(Function::Library(&digest::SHA3_256)),
            "sha3-384" => Digest(Function::Library(&digest::SHA3_384)),
            "sha3-512" => Digest(Function::Library(&digest::SHA3_512)),
            _ => return None,
        })
    }

    /// SHA-2 of so many bits.
    pub(super) fn sha2(bits: &str) -> Digest {
        match bits {
            "224" => Digest(Function::Library(&digest::SHA224)),
            "384" => Digest::SHA384,
            "512" => Digest::SHA512,
            _ => Digest::SHA256,
        }
    }

    /// The digest of bytes.
    pub(super) fn digest(self, bytes: &[u8]) -> Vec<u8> {
        match self.0 {
            Function::Md5 => md5(bytes).to_vec(),
            Function::Md5Sha1 => [&md5(bytes)[..], &Digest::SHA1.digest(bytes)].concat(),
            Function::Library(algorithm) => digest::digest(algorithm, bytes).as_ref().to_vec(),
        }
    }

    /// The authentication code of bytes (RFC 2104).
    pub(super) fn hmac(self, key: &[u8], bytes: &[u8]) -> Vec<u8> {
        let size = match self.0 {
            Function::Md5 | Function::Md5Sha1 => 64,
            Function::Library(algorithm) => algorithm.block_len(),
        };
        let shortened;
        let key = match key.len() > size {
            true => {
                shortened = self.digest(key);
                &shortened
            }
            false => key,
        };
        let padded = |pad: u8, more: &[u8]| {
            let mut out = vec![pad; size];
            out.iter_mut().zip(key).for_each(|(out, key)| *out ^= key);
            out.extend_from_slice(more);
            out
        };
        self.digest(&padded(0x5c, &self.digest(&padded(0x36, bytes))))
    }
}

/// Whether bytes are the same, in a time that tells nothing but their lengths.
pub(super) fn same(left: &[u8], right: &[u8]) -> bool {
    aws_lc_rs::constant_time::verify_slices_are_equal(left, right).is_ok()
}

/// Takes AES-GCM off (NIST SP 800-38D); none where the key or the nonce has another length, or the tag does not fit.
pub(super) fn gcm_opened(
    bits: &str,
    nonce: &[u8],
    key: &[u8],
    tag: &[u8],
    with: &[u8],
    text: &[u8],
) -> Option<Vec<u8>> {
    let (key, nonce) = gcm(bits, nonce, key)?;
    let mut sealed = [text, tag].concat();
    let length = key.open_in_place(nonce, Aad::from(with), &mut sealed).ok()?.len();
    sealed.truncate(length);
    Some(sealed)
}

/// Puts AES-GCM on: the text and its tag.
pub(super) fn gcm_sealed(
    bits: &str,
    nonce: &[u8],
    key: &[u8],
    with: &[u8],
    text: &[u8],
) -> Option<(Vec<u8>, Vec<u8>)> {
    let (key, nonce) = gcm(bits, nonce, key)?;
    let mut sealed = text.to_vec();
    let tag = key.seal_in_place_separate_tag(nonce, Aad::from(with), &mut sealed).ok()?;
    Some((sealed, tag.as_ref().to_vec()))
}

/// Takes AES-CBC off (NIST SP 800-38A, padding of RFC 5652, 6.3).
pub(super) fn cbc_opened(bits: &str, nonce: &[u8], key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = PaddedBlockDecryptingKey::cbc_pkcs7(cbc(bits, key)?).ok()?;
    let nonce = <[u8; 16]>::try_from(nonce).ok()?;
    let mut out = text.to_vec();
    let length = key.decrypt(&mut out, DecryptionContext::Iv128(FixedLength::from(nonce))).ok()?.len();
    out.truncate(length);
    Some(out)
}

/// Puts AES-CBC on.
pub(super) fn cbc_sealed(bits: &str, nonce: &[u8], key: &[u8], text: &[u8]) -> Option<Vec<u8>> {
    let key = PaddedBlockEncryptingKey::cbc_pkcs7(cbc(bits, key)?).ok()?;
    let nonce = <[u8; 16]>::try_from(nonce).ok()?;
    let mut out = text.to_vec();
    key.less_safe_encrypt(&mut out, EncryptionContext::Iv128(FixedLength::from(nonce))).ok()?;
    Some(out)
}

fn gcm(bits: &str, nonce: &[u8], key: &[u8]) -> Option<(LessSafeKey, Nonce)> {
    let algorithm = match bits {
        "128" => &aead::AES_128_GCM,
        "192" => &aead::AES_192_GCM,
        _ => &aead::AES_256_GCM,
    };
    let key = UnboundKey::new(algorithm, key).ok()?;
    Some((LessSafeKey::new(key), Nonce::try_assume_unique_for_key(nonce).ok()?))
}

fn cbc(bits: &str, key: &[u8]) -> Option<UnboundCipherKey> {
    let algorithm = match bits {
        "128" => &cipher::AES_128,
        "192" => &cipher::AES_192,
        _ => &cipher::AES_256,
    };
    UnboundCipherKey::new(algorithm, key).ok()
}
