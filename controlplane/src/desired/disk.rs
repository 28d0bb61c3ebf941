//! The desired state on disk: a database, with the help that it needs.
//!
//! sled 0.34 keeps what it acknowledged only with help, and the whole of this file is that help: every group of
//! revisions is first appended to a [`Journal`] and synced, then written to the trees in one transaction, flushed,
//! and the database file is synced by a descriptor of our own. What a start finds is believed only when it adds up:
//! a generation counter beside the database tells an emptied one from a new one, records carry checksums, and the
//! state read back must have the digest it was written with. What does not add up is refused with its reason, or,
//! when asked for, built anew from a checkpoint and the journal; it is never taken for an empty configuration.
//!
//! Read next: `database.rs`, `journal.rs`, `checkpoint.rs`.

use std::fs::{File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use parking_lot::Mutex;
use regate_proto::change::Revision;
use regate_proto::state::{State, Touched};

use super::checkpoint;
use super::database::{Closed, Database, Log, said};
use super::file;
use super::journal::{self, Journal};
use super::store::{Entry, Group, Store, StoreError};

/// A folder that holds the desired state.
pub struct Disk {
    folder: PathBuf,
    /// Held for as long as the folder is in use.
    _lock: File,
    restore: bool,
    open: Mutex<Option<Open>>,
}

/// What there is once the database is open.
struct Open {
    database: Database,
    journal: Journal,
    /// Rows and overlays in the trees.
    records: u64,
    /// Bytes of journal since the newest checkpoint, before the current file.
    older_journal: u64,
    /// Bytes of the newest checkpoint.
    checkpoint: u64,
    /// Why nothing further is taken.
    failed: Option<String>,
}

impl Disk {
    /// Takes a folder, creating it when need be, and keeps other controllers out of it.
    ///
    /// With `restore`, a database that is damaged is moved aside by [`Store::load`] and built anew from the newest
    /// whole checkpoint and the journal; otherwise it is refused.
    pub fn take(folder: &Path, restore: bool) -> Result<Disk, StoreError> {
        for folder in [folder.to_owned(), folder.join(CHECKPOINTS), folder.join(JOURNALS)] {
            file::create_folder(&folder)?;
        }
        let path = folder.join("lock");
        let lock = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let lock = lock.map_err(|error| StoreError::io(format!("opening {}", path.display()), error))?;
        match lock.try_lock() {
            Ok(()) => {}
            Err(std::fs::TryLockError::WouldBlock) => return Err(StoreError::Locked(folder.to_owned())),
            Err(std::fs::TryLockError::Error(error)) => {
                return Err(StoreError::io(format!("locking {}", path.display()), error));
            }
        }
        Ok(Disk { folder: folder.to_owned(), _lock: lock, restore, open: Mutex::new(None) })
    }

    fn damaged(&self, detail: impl Into<String>) -> StoreError {
        let whole = checkpoint::list(&self.folder.join(CHECKPOINTS)).unwrap_or_default();
        let whole = whole.iter().rev().find_map(|(_, path)| checkpoint::read(path).ok());
        let tail = journal::read_after(
            &self.folder.join(JOURNALS),
            whole.as_ref().map_or(Revision(0), State::revision),
        );
        let start = whole.map_or(0, |state| state.revision().0);
        let reached = tail.map_or(start, |tail| tail.entries.last().map_or(start, |entry| entry.revision.0));
        let remedy = format!(
            "put a copy of the folder back, or start with --restore to go on from revision {reached} of the journal"
        );
        StoreError::Damaged { path: self.folder.clone(), detail: detail.into(), remedy }
    }

    /// Opens the database as it lies there, or says why it is not to be believed.
    fn open_existing(&self, generation: Option<u64>) -> Result<(Database, State), StoreError> {
        let folder = self.folder.join(DATABASE);
        if generation.is_some() && !folder.join("db").exists() {
            return Err(self.damaged("the database is gone"));
        }
        let opened = Database::open(&folder).map_err(|why| self.explain(why))?;
        if generation.is_some() && !opened.was_recovered() {
            let detail = "the database came up empty although it had been written to";
            return Err(self.damaged(detail));
        }
        match opened.read().map_err(|detail| self.damaged(detail))? {
            Some(state) => Ok((opened, state)),
            None if generation.is_some() => {
                Err(self.damaged("the database holds nothing although it had been written to"))
            }
            None => {
                let state = State::default();
                opened.write(&[], &[], &state, 0)?;
                opened.flush()?;
                Ok((opened, state))
            }
        }
    }

    fn explain(&self, why: Closed) -> StoreError {
        match why {
            Closed::Refused(detail) => self.damaged(format!("the database does not open: {detail}")),
            Closed::Io(error) => error,
        }
    }

    /// Moves a damaged database aside and writes the state anew.
    fn rebuild(&self, generation: u64, why: &StoreError) -> Result<(Database, State), StoreError> {
        let (mut state, _) = self.newest_checkpoint()?;
        let start = state.revision();
        let tail = journal::read_after(&self.folder.join(JOURNALS), start)?;
        if let Some(hole) = &tail.hole {
            tracing::error!(%hole, "the journal is damaged too: revisions after this are lost");
        }
        for entry in &tail.entries {
            replay(&mut state, entry).map_err(|detail| self.damaged(detail))?;
        }
        if state.revision() == Revision(0) {
            let detail =
                format!("{why}; and there is neither a whole checkpoint nor a journal to restore from");
            return Err(StoreError::Damaged {
                path: self.folder.clone(),
                detail,
                remedy: "put a copy of the folder back".to_owned(),
            });
        }
        let broken = self.folder.join(file::numbered_name("broken", generation));
        let database = self.folder.join(DATABASE);
        if database.exists() {
            std::fs::rename(&database, &broken)
                .map_err(|error| StoreError::io(format!("moving {} aside", database.display()), error))?;
            file::sync(&self.folder)?;
        }
        tracing::warn!(reason = %why, revision = state.revision().0, aside = %broken.display(), "restored from checkpoint and journal");
        let opened = Database::open(&database).map_err(|why| self.explain(why))?;
        opened.write_whole(&tail.entries, &state)?;
        opened.flush()?;
        Ok((opened, state))
    }

    /// The newest checkpoint that is whole, and its size in bytes; the empty state when there is none at all.
    fn newest_checkpoint(&self) -> Result<(State, u64), StoreError> {
        for (_, path) in checkpoint::list(&self.folder.join(CHECKPOINTS))?.iter().rev() {
            match checkpoint::read(path) {
                Ok(state) => {
                    let size = path.metadata().map_or(0, |metadata| metadata.len());
                    return Ok((state, size));
                }
                Err(detail) => tracing::error!(%detail, "a checkpoint is damaged, an older one is used"),
            }
        }
        Ok((State::default(), 0))
    }

    /// Copies the database file aside, as opening may cut it. A copy that an unfinished start left is kept.
    fn copy_aside(&self) -> Result<(), StoreError> {
        let (database, copy) = (self.folder.join(DATABASE).join("db"), self.folder.join(COPY));
        let Ok(size) = database.metadata().map(|metadata| metadata.len()) else { return Ok(()) };
        if copy.exists() {
            return Ok(());
        }
        let free = rustix::fs::statvfs(&self.folder)
            .map_err(|error| StoreError::io(format!("measuring {}", self.folder.display()), error.into()))?;
        let free = free.f_bavail.saturating_mul(free.f_frsize);
        if free < size.saturating_add(SPARE) {
            let needed = size.saturating_add(SPARE) / 1_000_000 + 1;
            let full = std::io::Error::from(std::io::ErrorKind::StorageFull);
            let doing = format!("opening {}: {needed} MB must be free", self.folder.display());
            return Err(StoreError::io(doing, full));
        }
        let aside = copy.with_extension("new");
        let copied = std::fs::copy(&database, &aside).and_then(|_| std::fs::rename(&aside, &copy));
        copied.map_err(|error| StoreError::io(format!("copying {}", database.display()), error))
    }

    /// Puts the copy back over a database that a failed opening may have cut, so that nothing is lost by trying.
    fn put_copy_back(&self) {
        let (database, copy) = (self.folder.join(DATABASE).join("db"), self.folder.join(COPY));
        if copy.exists()
            && let Err(error) = std::fs::copy(&copy, &database)
        {
            tracing::error!(%error, "the copy of the database could not be put back: it is {}", copy.display());
        }
    }

    /// Applies what the journal has beyond the database: groups that the process died in the middle of.
    fn redo(&self, opened: &Database, state: &mut State) -> Result<(), StoreError> {
        let tail = journal::read_after(&self.folder.join(JOURNALS), state.revision())?;
        if let Some(hole) = &tail.hole {
            if !self.restore {
                return Err(self.damaged(format!("the journal is damaged: {hole}")));
            }
            tracing::error!(%hole, "the journal is damaged, the database is gone on from");
        }
        if !tail.entries.is_empty() {
            let before = state.clone();
            let mut touched = Touched::new();
            for entry in &tail.entries {
                touched.extend(replay(state, entry).map_err(|detail| self.damaged(detail))?);
            }
            let effects = super::effect::between(&before, state, &touched);
            opened.write(&tail.entries, &effects, state, opened.count()?)?;
            tracing::info!(
                revision = state.revision().0,
                "the journal had revisions that the database had not"
            );
            opened.flush()?;
        }
        Ok(())
    }

    fn with<T>(&self, run: impl FnOnce(&mut Open) -> Result<T, StoreError>) -> Result<T, StoreError> {
        match self.open.lock().as_mut() {
            Some(open) => run(open),
            None => Err(StoreError::Failed("it was not loaded".to_owned())),
        }
    }

    fn log(&self) -> Result<Log, StoreError> {
        self.with(|open| open.database.log())
    }
}

impl Store for Disk {
    fn load(&self) -> Result<State, StoreError> {
        let generation = read_generation(&self.folder)?;
        let is_new = generation.is_none() && !self.folder.join(DATABASE).join("db").exists();
        let (checkpointed, checkpoint_size) = self.newest_checkpoint()?;
        self.copy_aside()?;
        let found = if is_new && checkpointed.revision() > Revision(0) {
            Err(self.damaged("there are checkpoints, but no database"))
        } else {
            self.open_existing(generation).and_then(|(opened, mut state)| {
                self.redo(&opened, &mut state)?;
                Ok((opened, state))
            })
        };
        let (opened, state) = match found {
            Ok(found) => found,
            Err(why @ StoreError::Damaged { .. }) => {
                self.put_copy_back();
                if !self.restore {
                    return Err(why);
                }
                self.rebuild(generation.unwrap_or(0), &why)?
            }
            Err(why) => return Err(why),
        };
        let database = self.folder.join(DATABASE);
        for name in ["db", "conf", "blobs"] {
            file::sync(&database.join(name))?;
        }
        file::sync(&database)?;
        file::sync(&self.folder)?;
        file::sync_parent(&self.folder)?;
        let journals = self.folder.join(JOURNALS);
        let journal = Journal::begin(&journals, state.revision())?;
        let tail = journal::read_after(&journals, checkpointed.revision())?;
        let gap = tail.hole.is_some() || tail.files > MOST_JOURNALS;
        write_generation(&self.folder, generation.unwrap_or(0).saturating_add(1))?;
        file::remove(&self.folder.join(COPY))?;
        let records = opened.count()?;
        let older_journal = if gap { u64::MAX } else { tail.size };
        let open = Open {
            database: opened,
            journal,
            records,
            older_journal,
            checkpoint: checkpoint_size,
            failed: None,
        };
        *self.open.lock() = Some(open);
        self.settle(&state)?;
        Ok(state)
    }

    fn commit(&self, group: &Group<'_>) -> Result<(), StoreError> {
        self.with(|open| {
            if let Some(detail) = &open.failed {
                return Err(StoreError::Failed(detail.clone()));
            }
            let kept = catch_unwind(AssertUnwindSafe(|| open.keep(group)));
            let kept = kept.unwrap_or_else(|panic| Err(StoreError::Failed(said(panic.as_ref()))));
            if let Err(error) = &kept {
                open.failed = Some(error.to_string());
            }
            kept
        })
    }

    fn settle(&self, state: &State) -> Result<(), StoreError> {
        self.with(|open| {
            let grown = open.older_journal.saturating_add(open.journal.size);
            if open.failed.is_some() || grown <= open.checkpoint.max(LEAST_BETWEEN) {
                return Ok(());
            }
            let checkpoints = self.folder.join(CHECKPOINTS);
            open.checkpoint = checkpoint::write(&checkpoints, state)?;
            let oldest = checkpoint::prune(&checkpoints, CHECKPOINTS_KEPT)?.unwrap_or(Revision(0));
            let kept = checkpoint::list(&checkpoints)?.len();
            let oldest = if kept < CHECKPOINTS_KEPT { Revision(0) } else { oldest };
            open.journal.roll(state.revision(), oldest)?;
            open.older_journal = 0;
            open.database.forget(oldest)
        })
    }

    fn entries(&self, newest: Revision, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let log = self.log()?;
        let mut upper = newest;
        let mut found = Vec::new();
        while found.len() < limit && upper > Revision(0) {
            match log.entry(upper)? {
                Some(entry) => found.push(entry),
                None => break,
            }
            upper = Revision(upper.0 - 1);
        }
        Ok(found)
    }

    fn state_at(&self, revision: Revision) -> Result<Option<State>, StoreError> {
        let log = self.log()?;
        let checkpoints = checkpoint::list(&self.folder.join(CHECKPOINTS))?;
        let mut state = checkpoints
            .iter()
            .rev()
            .filter(|(at, _)| *at <= revision)
            .find_map(|(_, path)| checkpoint::read(path).ok())
            .unwrap_or_default();
        while state.revision() < revision {
            let Some(entry) = log.entry(Revision(state.revision().0 + 1))? else { return Ok(None) };
            replay(&mut state, &entry).map_err(|detail| self.damaged(detail))?;
        }
        Ok(Some(state))
    }
}

impl Open {
    fn keep(&mut self, group: &Group<'_>) -> Result<(), StoreError> {
        self.journal.append(group.entries)?;
        self.records = self.database.write(group.entries, group.effects, group.state, self.records)?;
        self.database.flush()
    }
}

/// Applies an entry of the log and sees that it gives what it gave.
fn replay(state: &mut State, entry: &Entry) -> Result<Touched, String> {
    let revision = entry.revision.0;
    let applied = state.apply(&entry.set).map_err(|problems| {
        let problem = problems.first().map(ToString::to_string);
        format!("revision {revision} of the log does not apply: {}", problem.unwrap_or_default())
    })?;
    if applied.revision != entry.revision || entry.digest.is_some_and(|digest| digest != state.digest()) {
        return Err(format!("revision {revision} of the log does not give what it gave"));
    }
    Ok(applied.touched)
}

fn read_generation(folder: &Path) -> Result<Option<u64>, StoreError> {
    let path = folder.join(GENERATION);
    let Some(content) = file::read(&path)? else { return Ok(None) };
    let number = std::str::from_utf8(&content).ok().and_then(|text| text.trim().parse().ok());
    // Whatever stands there, a generation was counted: the database must not come up empty.
    Ok(Some(number.unwrap_or(0)))
}

fn write_generation(folder: &Path, generation: u64) -> Result<(), StoreError> {
    file::replace(&folder.join(GENERATION), format!("{generation}\n").as_bytes())
}
const DATABASE: &str = "database";
const CHECKPOINTS: &str = "checkpoints";
const JOURNALS: &str = "journal";
const GENERATION: &str = "generation";
const COPY: &str = "db.before-opening";

/// Room that must be left on the disk at a start, in bytes.
const SPARE: u64 = 16 << 20;
/// Least journal between two checkpoints, in bytes; more when checkpoints are larger.
const LEAST_BETWEEN: u64 = 4 << 20;
const CHECKPOINTS_KEPT: usize = 4;
const MOST_JOURNALS: usize = 16;

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
