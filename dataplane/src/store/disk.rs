//! The last good state on disk.
//!
//! A generation is a snapshot of the state and a log of what was committed after it, both named by the number of
//! the commit that the snapshot holds. A commit is durable before [`Disk::append`] returns. When the log has grown
//! large a new generation begins; the one before is kept, so that a damaged snapshot costs nothing. What cannot be
//! read is set aside and told, never dropped in silence.
//! Read next: `frame.rs` (how bytes tell that they are whole), `restore.rs` (reading it all back).

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use regate_proto::change::Overlay;
use regate_proto::model::Row;
use regate_proto::state::State;
use rustix::fs::FlockOperation;

use super::Controller;
use super::frame;
use super::record::{Batch, Contents, Header, Record};
use super::restore::{self, Damage};

/// The folder with the last good state; one process at a time has it.
#[derive(Debug)]
pub struct Disk {
    folder: PathBuf,
    /// Held for its lock.
    _lock: File,
    log: File,
    log_length: u64,
    snapshot_length: u64,
    /// The number of the last commit on disk.
    sequence: u64,
    /// The number of the commit that the newest snapshot holds.
    generation: u64,
    /// Whether the log's end is not certain any more: the next commit goes to a new generation.
    uncertain: bool,
}

/// What was on disk.
#[derive(Debug, Default)]
pub struct Kept {
    /// The state.
    pub state: State,
    /// The controller that managed the node last.
    pub managed: Option<Controller>,
    /// What was found wrong and mended: sentences for the operator.
    pub notices: Vec<String>,
}

/// Why the folder cannot be used.
#[derive(Debug)]
pub enum DiskError {
    /// The system refused.
    Failed {
        /// What was tried, such as `open`.
        action: &'static str,
        /// With which file.
        file: PathBuf,
        /// Why not.
        error: io::Error,
    },
    /// Another process has it.
    Taken {
        /// The lock file.
        file: PathBuf,
        /// What it says about its holder.
        holder: String,
    },
    /// A file does not hold what was written to it.
    Damaged(Damage),
}

impl Disk {
    /// Takes the folder, making it when it is not there, and reads back what it holds. With `recover` a damaged
    /// log is cut at its damage instead of being refused; the damaged file is set aside.
    pub fn open(folder: &Path, recover: bool) -> Result<(Disk, Kept), DiskError> {
        fs::create_dir_all(folder).map_err(failed("create", folder))?;
        let lock = lock(folder)?;
        let found = restore::read(folder, recover)?;
        let mut disk = Disk {
            folder: folder.to_owned(),
            _lock: lock,
            log: File::open(folder).map_err(failed("open", folder))?,
            log_length: 0,
            snapshot_length: 0,
            sequence: found.sequence,
            generation: found.sequence,
            uncertain: false,
        };
        match found.generation {
            Some(generation) => {
                let path = log_path(folder, generation);
                let mut log = OpenOptions::new().read(true).write(true).open(&path);
                disk.log_length = match &mut log {
                    Ok(log) => log.seek(SeekFrom::End(0)).map_err(failed("read", &path))?,
                    Err(_) => 0,
                };
                disk.log = log.map_err(failed("open", &path))?;
                disk.generation = generation;
                disk.snapshot_length =
                    fs::metadata(snapshot_path(folder, generation)).map_or(0, |file| file.len());
            }
            None => {
                let begun = disk.begin_generation(&found.kept.state, found.kept.managed.as_ref());
                begun.map_err(failed("write", folder))?;
            }
        }
        Ok((disk, found.kept))
    }

    /// Keeps commits, together and durably; `after` is the state with them, `managed` what then holds.
    ///
    /// After an error none of them counts: it may be tried again.
    pub(super) fn append(
        &mut self,
        records: &[Record<'_>],
        after: &State,
        managed: Option<&Controller>,
    ) -> io::Result<()> {
        let before = self.sequence;
        if self.uncertain {
            self.sequence = before.saturating_add(records.len() as u64);
            return self.begin_generation(after, managed).inspect_err(|_| self.sequence = before);
        }
        let batch = Batch::encode(before.saturating_add(1), records, after.digest());
        let mut bytes = Vec::new();
        frame::push(&mut bytes, &batch);
        let written = self.log.write_all(&bytes).and_then(|()| self.log.sync_data());
        match written {
            Ok(()) => {
                self.log_length = self.log_length.saturating_add(bytes.len() as u64);
                self.sequence = before.saturating_add(records.len() as u64);
                Ok(())
            }
            Err(error) => {
                // After a failed fsync nobody knows what the file holds: cut it, and do not trust it again.
                self.uncertain = true;
                let _ = self.log.set_len(self.log_length);
                let _ = self.log.seek(SeekFrom::Start(self.log_length));
                Err(error)
            }
        }
    }

    /// Begins a new generation when the log has grown large.
    pub(super) fn compact(&mut self, state: &State, managed: Option<&Controller>) -> io::Result<()> {
        let bound = self.snapshot_length.saturating_mul(LOG_TO_SNAPSHOT).max(SMALL_LOG);
        if self.log_length <= bound || self.sequence == self.generation {
            return Ok(());
        }
        self.begin_generation(state, managed)
    }

    fn begin_generation(&mut self, state: &State, managed: Option<&Controller>) -> io::Result<()> {
        let header = Header {
            snapshot: true,
            sequence: self.sequence,
            revision: state.revision(),
            managed: managed.cloned(),
        };
        let mut log = Vec::new();
        frame::push(&mut log, &Header { snapshot: false, ..header.clone() }.encode());

        // The log must be there before the snapshot that it belongs to is.
        let log_file = write_durably(&log_path(&self.folder, self.sequence), &log)?;
        let draft = self.folder.join(DRAFT);
        let snapshot_length = write_snapshot(&draft, &header, state)?;
        fs::rename(&draft, snapshot_path(&self.folder, self.sequence))?;
        File::open(&self.folder)?.sync_all()?;

        let kept = self.generation;
        self.generation = self.sequence;
        self.log = log_file;
        self.log_length = log.len() as u64;
        self.snapshot_length = snapshot_length;
        self.uncertain = false;
        for old in restore::generations(&self.folder)? {
            if old != kept && old != self.generation {
                let _ = fs::remove_file(snapshot_path(&self.folder, old));
                let _ = fs::remove_file(log_path(&self.folder, old));
            }
        }
        Ok(())
    }
}

impl std::fmt::Display for DiskError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            DiskError::Failed { action, file, error } => {
                write!(f, "{}: cannot {action} it: {error}", file.display())
            }
            DiskError::Taken { file, holder } if holder.is_empty() => {
                write!(f, "{}: another process uses this folder", file.display())
            }
            DiskError::Taken { file, holder } => {
                write!(f, "{}: another process uses this folder: {holder}", file.display())
            }
            DiskError::Damaged(damage) => damage.fmt(f),
        }
    }
}

impl std::error::Error for DiskError {}

/// Writes a snapshot of a state, frame by frame so that little is held at a time; gives its length.
fn write_snapshot(path: &Path, header: &Header, state: &State) -> io::Result<u64> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    let mut length = 0u64;
    let mut write = |payload: &[u8]| {
        let mut bytes = Vec::new();
        frame::push(&mut bytes, payload);
        length = length.saturating_add(bytes.len() as u64);
        file.write_all(&bytes)
    };
    write(&header.encode())?;
    let rows: Vec<&Row> = state.spec().map(Arc::as_ref).collect();
    let overlays: Vec<&Overlay> = state.overlays().map(Arc::as_ref).collect();
    for part in rows.chunks(PART) {
        write(&Contents::encode(part.iter().copied(), [].into_iter(), false))?;
    }
    for part in overlays.chunks(PART) {
        write(&Contents::encode([].into_iter(), part.iter().copied(), false))?;
    }
    write(&Contents::encode([].into_iter(), [].into_iter(), true))?;
    file.sync_all()?;
    Ok(length)
}

fn write_durably(path: &Path, bytes: &[u8]) -> io::Result<File> {
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    Ok(file)
}

fn lock(folder: &Path) -> Result<File, DiskError> {
    let path = folder.join("lock");
    let mut file = OpenOptions::new()
        .create(true)
        .read(true)
        .write(true)
        .truncate(false)
        .open(&path)
        .map_err(failed("open", &path))?;
    // A program that is being started holds copies of our descriptors until it runs, and with them a lock that was
    // just given back: what seems taken is tried again for a moment.
    let is_taken = || rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive).is_err();
    let taken = (0..LOCK_TRIES).all(|attempt| {
        if attempt > 0 {
            std::thread::park_timeout(LOCK_PAUSE);
        }
        is_taken()
    });
    if taken {
        let mut holder = String::new();
        let _ = (&mut file).take(100).read_to_string(&mut holder);
        return Err(DiskError::Taken { file: path, holder: holder.trim().to_owned() });
    }
    let note = format!("process {}\n", std::process::id());
    file.set_len(0).and_then(|()| file.write_all(note.as_bytes())).map_err(failed("write", &path))?;
    Ok(file)
}

/// Makes an [`io::Error`] one of this module.
pub(super) fn failed(action: &'static str, file: &Path) -> impl FnOnce(io::Error) -> DiskError + use<> {
    let file = file.to_owned();
    move |error| DiskError::Failed { action, file, error }
}

pub(super) fn snapshot_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{generation:020}.snapshot"))
}

pub(super) fn log_path(folder: &Path, generation: u64) -> PathBuf {
    folder.join(format!("{generation:020}.log"))
}

/// Where a snapshot is written before it gets its name.
pub(super) const DRAFT: &str = "draft";

/// A new generation begins when the log is this many times as large as the snapshot…
const LOG_TO_SNAPSHOT: u64 = 2;

/// … and larger than this many bytes.
const SMALL_LOG: u64 = 4 << 20;

/// Rows in a frame of a snapshot.
const PART: usize = 500;

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;

/// How often the lock is tried, and the pause between.
const LOCK_TRIES: usize = 50;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(10);
