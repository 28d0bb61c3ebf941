//! Whole states in files of their own, beside the database, to build it anew from.

use std::io::Write;
use std::path::{Path, PathBuf};

use regate_proto::change::Revision;
use regate_proto::state::State;

use super::file;
use super::record;
use super::store::StoreError;

/// Writes a state; when this returns, it survives a power cut. Returns its size in bytes.
pub(super) fn write(folder: &Path, state: &State) -> Result<u64, StoreError> {
    let path = path(folder, state.revision());
    let mut size = 0;
    file::replace_with(&path, |file| {
        let mut sum = crc32fast::Hasher::new();
        let mut put = |bytes: &[u8]| -> std::io::Result<()> {
            sum.update(bytes);
            size += bytes.len() as u64;
            file.write_all(bytes)
        };
        let mut head = MAGIC.to_vec();
        head.extend_from_slice(&state.revision().0.to_le_bytes());
        head.extend_from_slice(&record::digest_form().to_le_bytes());
        record::encode_digest(&state.digest(), &mut head);
        head.extend_from_slice(&(state.spec().count() as u64).to_le_bytes());
        head.extend_from_slice(&(state.overlays().count() as u64).to_le_bytes());
        put(&head)?;
        let mut frame = Vec::new();
        let rows = state.spec().map(|row| record::encode_row(row));
        let overlays = state.overlays().map(|overlay| record::encode_overlay(overlay));
        for payload in rows.chain(overlays) {
            frame.clear();
            record::frame(&payload, &mut frame).map_err(std::io::Error::other)?;
            put(&frame)?;
        }
        file.write_all(&sum.finalize().to_le_bytes())
    })?;
    Ok(size)
}

/// Reads a state back; says what is wrong with the file when anything is.
pub(super) fn read(path: &Path) -> Result<State, String> {
    let content = std::fs::read(path).map_err(|error| format!("{}: {error}", path.display()))?;
    decode(&content).map_err(|detail| format!("{}: {detail}", path.display()))
}

/// The checkpoints of a folder, the oldest first, whole or not.
pub(super) fn list(folder: &Path) -> Result<Vec<(Revision, PathBuf)>, StoreError> {
    let files = file::numbered(folder, PREFIX)?;
    Ok(files.into_iter().map(|(number, path)| (Revision(number), path)).collect())
}

/// Removes all but the newest `kept`, and returns the revision of the oldest that stays.
pub(super) fn prune(folder: &Path, kept: usize) -> Result<Option<Revision>, StoreError> {
    let files = list(folder)?;
    let (gone, stay) = files.split_at(files.len().saturating_sub(kept));
    for (_, path) in gone {
        file::remove(path)?;
    }
    Ok(stay.first().map(|(revision, _)| *revision))
}

fn path(folder: &Path, revision: Revision) -> PathBuf {
    folder.join(file::numbered_name(PREFIX, revision.0))
}

fn decode(content: &[u8]) -> Result<State, String> {
    let (body, sum) = content.split_last_chunk::<4>().ok_or("cut short")?;
    if crc32fast::hash(body) != u32::from_le_bytes(*sum) {
        return Err("a wrong checksum".to_owned());
    }
    let mut rest = body.strip_prefix(MAGIC).ok_or("it is no checkpoint")?;
    let revision = Revision(record::take_number(&mut rest)?);
    let form = record::take_number(&mut rest)?;
    let digest = record::decode_digest(&mut rest)?;
    let rows = record::take_number(&mut rest)?;
    let overlays = record::take_number(&mut rest)?;
    let mut next = || record::take_frame(&mut rest)?.ok_or_else(|| "cut short".to_owned());
    let rows = (0..rows).map(|_| next().and_then(record::decode_row)).collect::<Result<Vec<_>, _>>()?;
    let overlays =
        (0..overlays).map(|_| next().and_then(record::decode_overlay)).collect::<Result<Vec<_>, _>>()?;
    let state = State::restore(revision, rows, overlays).map_err(|problems| format!("{problems:?}"))?;
    if form == record::digest_form() && state.digest() != digest {
        return Err("its rows are not those that its digest is of".to_owned());
    }
    Ok(state)
}

const PREFIX: &str = "checkpoint";
const MAGIC: &[u8] = b"RGTCHKP1";
