//! The write-ahead files: every entry of the log, appended and synced before the database sees it.
//!
//! Owns `journal/journal-REVISION` files. Each holds the entries that came after the revision of its name; a new one
//! begins at each start and at each checkpoint, and none is ever appended to by a later process. The database can be
//! brought up to date, or built anew, from a checkpoint and the files after it.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};

use regate_proto::change::Revision;

use super::file;
use super::record;
use super::store::{Entry, StoreError};

/// The file that entries are appended to.
pub(super) struct Journal {
    folder: PathBuf,
    path: PathBuf,
    file: File,
    /// Bytes in this file.
    pub(super) size: u64,
}

impl Journal {
    /// Begins a file for the entries after `revision`. A file of that name held nothing that counts.
    pub(super) fn begin(folder: &Path, revision: Revision) -> Result<Journal, StoreError> {
        let path = folder.join(file::numbered_name(PREFIX, revision.0));
        let started = || -> std::io::Result<File> {
            let mut file = OpenOptions::new().write(true).create(true).truncate(true).open(&path)?;
            file.write_all(MAGIC)?;
            file.sync_all()?;
            Ok(file)
        };
        let file =
            started().map_err(|error| StoreError::io(format!("creating {}", path.display()), error))?;
        file::sync_parent(&path)?;
        Ok(Journal { folder: folder.to_owned(), path, file, size: MAGIC.len() as u64 })
    }

    /// Appends a group of entries and syncs. After an error the file's end is unknown: nothing may follow.
    pub(super) fn append(&mut self, entries: &[Entry]) -> Result<(), StoreError> {
        let mut group = Vec::new();
        for entry in entries {
            record::frame(&record::encode_entry(entry), &mut group).map_err(StoreError::Failed)?;
        }
        let mut bytes = GROUP.to_vec();
        record::frame(&group, &mut bytes).map_err(StoreError::Failed)?;
        let written = self.file.write_all(&bytes).and_then(|()| self.file.sync_data());
        written.map_err(|error| StoreError::io(format!("appending to {}", self.path.display()), error))?;
        self.size = self.size.saturating_add(bytes.len() as u64);
        Ok(())
    }

    /// Begins the next file and removes those that hold nothing newer than `oldest`.
    pub(super) fn roll(&mut self, revision: Revision, oldest: Revision) -> Result<(), StoreError> {
        *self = Journal::begin(&self.folder, revision)?;
        let files = file::numbered(&self.folder, PREFIX)?;
        for pair in files.windows(2) {
            if let [(_, path), (next, _)] = pair
                && *next <= oldest.0
            {
                file::remove(path)?;
            }
        }
        Ok(())
    }
}

/// What the files of a folder hold.
pub(super) struct Tail {
    /// The entries after the revision that was asked for, without a gap.
    pub(super) entries: Vec<Entry>,
    /// Where reading had to stop although more may follow; `None`: the files are whole, or end in a group that was
    /// being written when the process died.
    pub(super) hole: Option<String>,
    /// How many files there are.
    pub(super) files: usize,
    /// How many bytes they have together.
    pub(super) size: u64,
}

/// Reads the entries after a revision.
pub(super) fn read_after(folder: &Path, revision: Revision) -> Result<Tail, StoreError> {
    let files = file::numbered(folder, PREFIX)?;
    let mut tail = Tail { entries: Vec::new(), hole: None, files: files.len(), size: 0 };
    let mut reached = revision;
    for (index, (start, path)) in files.iter().enumerate() {
        let next = files.get(index + 1).map(|(next, _)| *next);
        if next.is_some_and(|next| next <= reached.0) {
            continue;
        }
        let content = file::read(path)?.unwrap_or_default();
        tail.size = tail.size.saturating_add(content.len() as u64);
        if *start > reached.0 {
            tail.hole = Some(format!("{}: no file holds revision {}", path.display(), reached.0 + 1));
            break;
        }
        let Err(ended) = read_file(&content, &mut reached, &mut tail.entries) else { continue };
        // A group that broke off was not acknowledged, and the next process went on from the one before it.
        let is_end = next.map_or(ended.is_torn, |next| next == reached.0);
        if !is_end {
            tail.hole = Some(format!("{}: after revision {}: {}", path.display(), reached.0, ended.detail));
            break;
        }
    }
    Ok(tail)
}

/// Why reading a file ended before its last byte.
struct Ended {
    detail: String,
    /// Whether it was the last group of the file: what a crash leaves.
    is_torn: bool,
}

fn read_file(content: &[u8], reached: &mut Revision, entries: &mut Vec<Entry>) -> Result<(), Ended> {
    let Some(mut rest) = content.strip_prefix(MAGIC) else {
        return Err(Ended { detail: "it is no journal".to_owned(), is_torn: content.len() < MAGIC.len() });
    };
    while !rest.is_empty() {
        let group = take_group(&mut rest).map_err(|detail| Ended { detail, is_torn: is_last(rest) })?;
        read_group(group, reached, entries).map_err(|detail| Ended { detail, is_torn: false })?;
    }
    Ok(())
}

fn take_group<'a>(rest: &mut &'a [u8]) -> Result<&'a [u8], String> {
    let mut tail = rest.strip_prefix(GROUP).ok_or("no group begins here")?;
    let group = record::take_frame(&mut tail)?.ok_or("cut short")?;
    *rest = tail;
    Ok(group)
}

fn read_group(mut group: &[u8], reached: &mut Revision, entries: &mut Vec<Entry>) -> Result<(), String> {
    while let Some(payload) = record::take_frame(&mut group)? {
        let entry = record::decode_entry(payload)?;
        if entry.revision.0 == reached.0.saturating_add(1) {
            *reached = entry.revision;
            entries.push(entry);
        } else if entry.revision > *reached {
            return Err(format!("revision {} follows on {}", entry.revision.0, reached.0));
        }
    }
    Ok(())
}

/// Whether no whole group follows behind the broken one at the front.
fn is_last(rest: &[u8]) -> bool {
    let mut starts = rest.windows(GROUP.len()).enumerate().skip(1).filter(|(_, window)| *window == GROUP);
    !starts.any(|(at, _)| rest.get(at..).is_some_and(|mut tail| take_group(&mut tail).is_ok()))
}

const PREFIX: &str = "journal";
const MAGIC: &[u8] = b"RGTJRNL1";
const GROUP: &[u8] = b"RGTG";
