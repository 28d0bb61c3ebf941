//! The bytes that the store keeps: entries of the log, rows and overlays in their wire form, under a checksum.
//!
//! Owns their layout and nothing about where they are put. Numbers are little-endian.

use std::sync::Arc;

use regate_proto::change::{Overlay, Revision};
use regate_proto::model::{Kind, Row};
use regate_proto::state::Digest;
use regate_proto::wire;

use super::store::Entry;

/// Why bytes are no record.
pub(super) type Unreadable = String;

/// An entry of the log.
pub(super) fn encode_entry(entry: &Entry) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(128);
    bytes.extend_from_slice(&entry.revision.0.to_le_bytes());
    let (form, digest) = entry.digest.map_or((0, Digest::default()), |digest| (digest_form(), digest));
    bytes.extend_from_slice(&form.to_le_bytes());
    encode_digest(&digest, &mut bytes);
    bytes.extend_from_slice(&wire::encode_change_set(&entry.set));
    bytes
}

/// Reads what [`encode_entry`] wrote.
pub(super) fn decode_entry(bytes: &[u8]) -> Result<Entry, Unreadable> {
    let mut rest = bytes;
    let revision = Revision(take_number(&mut rest)?);
    let form = take_number(&mut rest)?;
    let digest = decode_digest(&mut rest).map(|digest| (form == digest_form()).then_some(digest))?;
    let set =
        wire::decode_change_set(rest).map_err(|problem| format!("revision {}: {problem}", revision.0))?;
    Ok(Entry { revision, digest, set: Arc::new(set) })
}

/// A row.
pub(super) fn encode_row(row: &Row) -> Vec<u8> {
    wire::encode_row(row)
}

/// Reads what [`encode_row`] wrote.
pub(super) fn decode_row(bytes: &[u8]) -> Result<Row, Unreadable> {
    wire::decode_row(bytes).map_err(|problem| problem.to_string())
}

/// An overlay.
pub(super) fn encode_overlay(overlay: &Overlay) -> Vec<u8> {
    wire::encode_overlay(overlay)
}

/// Reads what [`encode_overlay`] wrote.
pub(super) fn decode_overlay(bytes: &[u8]) -> Result<Overlay, Unreadable> {
    wire::decode_overlay(bytes).map_err(|problem| problem.to_string())
}

/// A digest, in a fixed number of bytes.
pub(super) fn encode_digest(digest: &Digest, to: &mut Vec<u8>) {
    for number in digest.kinds.iter().chain([&digest.overlays]) {
        to.extend_from_slice(&number.to_le_bytes());
    }
}

/// Reads what [`encode_digest`] wrote, and moves on.
pub(super) fn decode_digest(rest: &mut &[u8]) -> Result<Digest, Unreadable> {
    let mut digest = Digest::default();
    for number in digest.kinds.iter_mut() {
        *number = take_number(rest)?;
    }
    digest.overlays = take_number(rest)?;
    Ok(digest)
}

/// Reads eight bytes as a number, and moves on.
pub(super) fn take_number(rest: &mut &[u8]) -> Result<u64, Unreadable> {
    let (number, tail) = rest.split_first_chunk::<8>().ok_or("cut short")?;
    *rest = tail;
    Ok(u64::from_le_bytes(*number))
}

/// Bytes with their length and checksum in front, as journals and checkpoints hold them one after the other.
pub(super) fn frame(payload: &[u8], to: &mut Vec<u8>) -> Result<(), Unreadable> {
    let length = u32::try_from(payload.len()).ok().filter(|length| *length <= LONGEST);
    let length = length.ok_or_else(|| format!("a record of {} bytes is too long", payload.len()))?;
    to.extend_from_slice(&length.to_le_bytes());
    to.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
    to.extend_from_slice(payload);
    Ok(())
}

/// The next framed payload, moving on; `Ok(None)` at the end.
pub(super) fn take_frame<'a>(rest: &mut &'a [u8]) -> Result<Option<&'a [u8]>, Unreadable> {
    if rest.is_empty() {
        return Ok(None);
    }
    let (length, tail) = rest.split_first_chunk::<4>().ok_or("cut short")?;
    let (sum, tail) = tail.split_first_chunk::<4>().ok_or("cut short")?;
    let length = u32::from_le_bytes(*length);
    if length > LONGEST {
        return Err(format!("a length of {length} bytes"));
    }
    let (payload, tail) =
        usize::try_from(length).ok().and_then(|length| tail.split_at_checked(length)).ok_or("cut short")?;
    if crc32fast::hash(payload) != u32::from_le_bytes(*sum) {
        return Err("a wrong checksum".to_owned());
    }
    *rest = tail;
    Ok(Some(payload))
}

/// What the digests of this program are made of: it changes when the encoding of rows may have changed, and then
/// digests that an older program wrote say nothing.
pub(super) fn digest_form() -> u64 {
    u64::from(crc32fast::hash(wire::DESCRIPTORS)) << 8 | Kind::ALL.len() as u64
}

/// The longest record: a set of changes of that size in wire form.
pub(super) const LONGEST: u32 = 1 << 30;
