//! The desired state on disk, in sled: the only file that knows sled.
//!
//! sled 0.34 keeps what it acknowledged only with help, and the whole of this file is that help: every group of
//! revisions is first appended to a [`Journal`] and synced, then written to the trees in one transaction, flushed,
//! and the database file is synced by a descriptor of our own. What a start finds is believed only when it adds up:
//! a generation counter beside the database tells an emptied one from a new one, records carry checksums, and the
//! state read back must have the digest it was written with. What does not add up is refused with its reason, or,
//! when asked for, built anew from a checkpoint and the journal; it is never taken for an empty configuration.
//!
//! Read next: `journal.rs`, `checkpoint.rs`.

use std::fs::{File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::mpsc;
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::change::{Change, Layer, Overlay, Revision};
use regate_proto::model::{Kind, Subject};
use regate_proto::state::{Digest, State, Touched};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};

use super::checkpoint;
use super::file;
use super::journal::{self, Journal};
use super::record;
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
    database: sled::Db,
    trees: Vec<sled::Tree>,
    /// The database file, for syncing it.
    file: File,
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
    fn open_existing(&self, generation: Option<u64>) -> Result<(Opened, State), StoreError> {
        let folder = self.folder.join(DATABASE);
        if generation.is_some() && !folder.join("db").exists() {
            return Err(self.damaged("the database is gone"));
        }
        let opened = open_database(&folder).map_err(|why| self.explain(why))?;
        if generation.is_some() && !opened.database.was_recovered() {
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
    fn rebuild(&self, generation: u64, why: &StoreError) -> Result<(Opened, State), StoreError> {
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
        let opened = open_database(&database).map_err(|why| self.explain(why))?;
        let mut batches = Batches::over(&opened.trees);
        for row in state.spec() {
            batches.put(row.subject().kind() as usize, &row_key(&row.subject()), &record::encode_row(row))?;
        }
        for overlay in state.overlays() {
            batches.put(OVERLAYS, &overlay_key(overlay), &record::encode_overlay(overlay))?;
        }
        for entry in &tail.entries {
            batches.put(LOG, &log_key(entry.revision), &record::encode_entry(entry))?;
        }
        let records = batches.records;
        batches.put(META, b"head", &head(&state, records))?;
        batches.write()?;
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
    fn redo(&self, opened: &Opened, state: &mut State) -> Result<(), StoreError> {
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

    fn log(&self) -> Result<sled::Tree, StoreError> {
        self.with(|open| open.trees.get(LOG).cloned().ok_or_else(|| StoreError::Failed("no log".to_owned())))
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
        let Opened { database, trees, file } = opened;
        let older_journal = if gap { u64::MAX } else { tail.size };
        let open = Open {
            database,
            trees,
            file,
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
            open.forget(oldest)
        })
    }

    fn entries(&self, newest: Revision, limit: usize) -> Result<Vec<Entry>, StoreError> {
        let log = self.log()?;
        let mut upper = newest;
        let mut found = Vec::new();
        while found.len() < limit && upper > Revision(0) {
            match read_entry(&log, upper)? {
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
            let Some(entry) = read_entry(&log, Revision(state.revision().0 + 1))? else { return Ok(None) };
            replay(&mut state, &entry).map_err(|detail| self.damaged(detail))?;
        }
        Ok(Some(state))
    }
}

impl Open {
    fn keep(&mut self, group: &Group<'_>) -> Result<(), StoreError> {
        self.journal.append(group.entries)?;
        let mut batches = Batches::over(&self.trees);
        batches.records = self.records;
        batches.fill(group.entries, group.effects, group.state)?;
        self.records = batches.records;
        batches.write()?;
        flush(&self.database, &self.file)
    }

    /// Drops the log up to a revision.
    fn forget(&mut self, oldest: Revision) -> Result<(), StoreError> {
        let Some(log) = self.trees.get(LOG) else { return Ok(()) };
        loop {
            let mut batch = sled::Batch::default();
            let mut count = 0;
            for key in
                log.range(..log_key(Revision(oldest.0.saturating_add(1)))).keys().take(FORGOTTEN_AT_ONCE)
            {
                batch.remove(key.map_err(failed)?);
                count += 1;
            }
            if count == 0 {
                return flush(&self.database, &self.file);
            }
            log.apply_batch(batch).map_err(failed)?;
        }
    }
}

/// A database that opened, not yet in use.
struct Opened {
    database: sled::Db,
    trees: Vec<sled::Tree>,
    file: File,
}

/// Why a database did not open.
enum Closed {
    /// sled says no, or panicked.
    Refused(String),
    /// Something around it failed.
    Io(StoreError),
}

/// Opens, or creates, on a thread of its own: sled panics on a flipped byte and waits for ever on a full disk.
fn open_database(folder: &Path) -> Result<Opened, Closed> {
    let config =
        sled::Config::new().path(folder).cache_capacity(CACHE).flush_every_ms(None).use_compression(false);
    let (sender, receiver) = mpsc::channel();
    let path = folder.join("db");
    let open = move || {
        let opened = catch_unwind(AssertUnwindSafe(|| -> sled::Result<(sled::Db, Vec<sled::Tree>)> {
            // Writes of an earlier owner in this process may still hold the file.
            if let Ok(file) = File::open(&path) {
                file.lock().and_then(|()| file.unlock())?;
            }
            let database = config.open()?;
            let trees = TREES.iter().map(|name| database.open_tree(name)).collect::<Result<Vec<_>, _>>()?;
            Ok((database, trees))
        }));
        let opened = match opened {
            Ok(Ok(opened)) => Ok(opened),
            Ok(Err(error)) => Err(error.to_string()),
            Err(panic) => Err(said(panic.as_ref())),
        };
        // Nobody listens any more when the opening took too long.
        let _ = sender.send(opened);
    };
    std::thread::Builder::new()
        .name("store-open".to_owned())
        .spawn(open)
        .map_err(|error| Closed::Io(StoreError::io("starting a thread", error)))?;
    let opened = receiver.recv_timeout(OPENING).unwrap_or_else(|_| {
        Err(format!("it did not open within {} seconds; the disk may be full", OPENING.as_secs()))
    });
    let (database, trees) = opened.map_err(Closed::Refused)?;
    let path = folder.join("db");
    let file = OpenOptions::new().read(true).write(true).open(&path);
    let file =
        file.map_err(|error| Closed::Io(StoreError::io(format!("opening {}", path.display()), error)))?;
    Ok(Opened { database, trees, file })
}

impl Opened {
    fn write(
        &self,
        entries: &[Entry],
        effects: &[Change],
        state: &State,
        records: u64,
    ) -> Result<(), StoreError> {
        let mut batches = Batches::over(&self.trees);
        batches.records = records;
        batches.fill(entries, effects, state)?;
        batches.write()
    }

    fn flush(&self) -> Result<(), StoreError> {
        flush(&self.database, &self.file)
    }

    /// How many rows and overlays the trees hold.
    fn count(&self) -> Result<u64, StoreError> {
        let Some(meta) = self.trees.get(META) else { return Ok(0) };
        let head = read_record(meta, b"head").map_err(StoreError::Failed)?;
        match head {
            Some(head) => Head::decode(&head).map(|head| head.records).map_err(StoreError::Failed),
            None => Ok(0),
        }
    }

    /// The state that the trees hold, `None` when they never held one; says what does not add up.
    fn read(&self) -> Result<Option<State>, String> {
        let mut rows = Vec::new();
        let mut overlays = Vec::new();
        for (index, tree) in self.trees.iter().enumerate().take(LOG) {
            for_each_record(tree, |bytes| {
                if index == OVERLAYS {
                    overlays.push(record::decode_overlay(bytes)?);
                } else {
                    rows.push(record::decode_row(bytes)?);
                }
                Ok(())
            })
            .map_err(|detail| format!("table {}: {detail}", TREES.get(index).unwrap_or(&"")))?;
        }
        let found = (rows.len() + overlays.len()) as u64;
        let Some(meta) = self.trees.get(META) else { return Err("no table meta".to_owned()) };
        let Some(head) = read_record(meta, b"head")? else {
            return if found == 0 { Ok(None) } else { Err("rows without a head".to_owned()) };
        };
        let head = Head::decode(&head)?;
        if head.records != found {
            return Err(format!("{found} rows and overlays are there, {} should be", head.records));
        }
        let state = State::restore(head.revision, rows, overlays).map_err(|problems| {
            let problem = problems.first().map(ToString::to_string);
            format!("the rows do not fit together: {}", problem.unwrap_or_default())
        })?;
        if head.form == record::digest_form() && head.digest != state.digest() {
            return Err(format!("the rows are not those of revision {}", head.revision.0));
        }
        Ok(Some(state))
    }
}

/// What the table `meta` says about the other tables.
struct Head {
    revision: Revision,
    records: u64,
    form: u64,
    digest: Digest,
}

fn head(state: &State, records: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    for number in [state.revision().0, records, record::digest_form()] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    record::encode_digest(&state.digest(), &mut bytes);
    bytes
}

impl Head {
    fn decode(mut bytes: &[u8]) -> Result<Head, String> {
        let rest = &mut bytes;
        Ok(Head {
            revision: Revision(record::take_number(rest)?),
            records: record::take_number(rest)?,
            form: record::take_number(rest)?,
            digest: record::decode_digest(rest)?,
        })
    }
}

/// Writes to all tables that take effect together.
struct Batches<'a> {
    trees: &'a [sled::Tree],
    batches: Vec<sled::Batch>,
    /// How many rows and overlays there will be.
    records: u64,
}

impl<'a> Batches<'a> {
    fn over(trees: &'a [sled::Tree]) -> Batches<'a> {
        Batches { trees, batches: trees.iter().map(|_| sled::Batch::default()).collect(), records: 0 }
    }

    fn fill(&mut self, entries: &[Entry], effects: &[Change], state: &State) -> Result<(), StoreError> {
        // A later step replaces an earlier one of the same batch, but how many chunks the earlier one has is not in
        // the tree yet: only the last step of each key is written.
        let mut last: std::collections::BTreeMap<(usize, Vec<u8>), Option<Vec<u8>>> = Default::default();
        for change in effects {
            let (tree, key, record) = match change {
                Change::Put(Layer::Spec, row) => {
                    (row.subject().kind() as usize, row_key(&row.subject()), Some(record::encode_row(row)))
                }
                Change::Delete(Layer::Spec, subject) => (subject.kind() as usize, row_key(subject), None),
                Change::Restore(overlay) => {
                    (OVERLAYS, overlay_key(overlay), Some(record::encode_overlay(overlay)))
                }
                Change::Revert(subject, Some(field)) => (OVERLAYS, field_key(subject, field.word()), None),
                other => return Err(StoreError::Failed(format!("{other:?} is no exact step"))),
            };
            last.insert((tree, key), record);
        }
        for ((tree, key), record) in last {
            match record {
                Some(record) => self.put(tree, &key, &record)?,
                None => self.delete(tree, &key)?,
            }
        }
        let records = self.records;
        for entry in entries {
            self.put(LOG, &log_key(entry.revision), &record::encode_entry(entry))?;
        }
        self.records = records;
        self.put(META, b"head", &head(state, records))?;
        self.records = records;
        Ok(())
    }

    fn put(&mut self, tree: usize, key: &[u8], record: &[u8]) -> Result<(), StoreError> {
        let old = self.chunks(tree, key)?;
        if old == 0 && tree <= OVERLAYS {
            self.records = self.records.saturating_add(1);
        }
        let count = record.len().div_ceil(CHUNK).max(1);
        let count = u16::try_from(count)
            .map_err(|_| StoreError::Failed(format!("a record of {} bytes is too long", record.len())))?;
        let Some(batch) = self.batches.get_mut(tree) else { return Ok(()) };
        let mut pieces = record.chunks(CHUNK);
        let mut first = crc32fast::hash(record).to_le_bytes().to_vec();
        first.extend_from_slice(&count.to_le_bytes());
        first.extend_from_slice(pieces.next().unwrap_or_default());
        batch.insert(chunk_key(key, 0), first);
        for (index, piece) in (1..count).zip(pieces) {
            batch.insert(chunk_key(key, index), piece);
        }
        for index in count..old.max(count) {
            batch.remove(chunk_key(key, index));
        }
        Ok(())
    }

    fn delete(&mut self, tree: usize, key: &[u8]) -> Result<(), StoreError> {
        let old = self.chunks(tree, key)?;
        if old > 0 && tree <= OVERLAYS {
            self.records = self.records.saturating_sub(1);
        }
        let Some(batch) = self.batches.get_mut(tree) else { return Ok(()) };
        for index in 0..old {
            batch.remove(chunk_key(key, index));
        }
        Ok(())
    }

    /// How many chunks the record of a key has in the tree; 0 when there is none.
    fn chunks(&self, tree: usize, key: &[u8]) -> Result<u16, StoreError> {
        let Some(tree) = self.trees.get(tree) else { return Ok(0) };
        let first = tree.get(chunk_key(key, 0)).map_err(failed)?;
        Ok(first
            .and_then(|first| first.get(4..6).map(|count| u16::from_le_bytes([count[0], count[1]])))
            .unwrap_or(0))
    }

    fn write(self) -> Result<(), StoreError> {
        let Batches { trees, batches, .. } = self;
        let written = trees.transaction(|views| {
            for (view, batch) in views.iter().zip(&batches) {
                view.apply_batch(batch)?;
            }
            Ok::<(), ConflictableTransactionError<()>>(())
        });
        match written {
            Ok(()) => Ok(()),
            Err(TransactionError::Storage(error)) => Err(failed(error)),
            Err(TransactionError::Abort(())) => {
                Err(StoreError::Failed("a transaction was given up".to_owned()))
            }
        }
    }
}

/// Writes buffers out, then syncs: sled's own flush does not reach the disk.
fn flush(database: &sled::Db, file: &File) -> Result<(), StoreError> {
    database.flush().map_err(failed)?;
    file.sync_data().map_err(|error| StoreError::io("syncing the database", error))
}

fn read_entry(log: &sled::Tree, revision: Revision) -> Result<Option<Entry>, StoreError> {
    let bytes = read_record(log, &log_key(revision)).map_err(StoreError::Failed)?;
    bytes.map(|bytes| record::decode_entry(&bytes).map_err(StoreError::Failed)).transpose()
}

/// One record, its chunks joined and its checksum verified.
fn read_record(tree: &sled::Tree, key: &[u8]) -> Result<Option<Vec<u8>>, String> {
    let Some(first) = tree.get(chunk_key(key, 0)).map_err(|error| error.to_string())? else {
        return Ok(None);
    };
    let mut joiner = Joiner::begin(&first)?;
    for index in 1..joiner.count {
        let chunk = tree.get(chunk_key(key, index)).map_err(|error| error.to_string())?;
        joiner.push(index, &chunk.ok_or("a chunk is missing")?)?;
    }
    joiner.finish().map(Some)
}

/// Every record of a table.
fn for_each_record(
    tree: &sled::Tree,
    mut each: impl FnMut(&[u8]) -> Result<(), String>,
) -> Result<(), String> {
    let mut current: Option<Joiner> = None;
    for item in tree.iter() {
        let (key, value) = item.map_err(|error| error.to_string())?;
        let index =
            key.last_chunk::<2>().map(|index| u16::from_be_bytes(*index)).ok_or("a key is too short")?;
        match (&mut current, index) {
            (_, 0) => {
                if let Some(joiner) = current.replace(Joiner::begin(&value)?) {
                    each(&joiner.finish()?)?;
                }
            }
            (Some(joiner), index) => joiner.push(index, &value)?,
            (None, _) => return Err("a first chunk is missing".to_owned()),
        }
    }
    if let Some(joiner) = current {
        each(&joiner.finish()?)?;
    }
    Ok(())
}

/// A record being put together from its chunks.
struct Joiner {
    sum: u32,
    count: u16,
    next: u16,
    bytes: Vec<u8>,
}

impl Joiner {
    fn begin(first: &[u8]) -> Result<Joiner, String> {
        let (sum, rest) = first.split_first_chunk::<4>().ok_or("a record is too short")?;
        let (count, rest) = rest.split_first_chunk::<2>().ok_or("a record is too short")?;
        Ok(Joiner {
            sum: u32::from_le_bytes(*sum),
            count: u16::from_le_bytes(*count),
            next: 1,
            bytes: rest.to_vec(),
        })
    }

    fn push(&mut self, index: u16, chunk: &[u8]) -> Result<(), String> {
        if index != self.next {
            return Err("a chunk is missing".to_owned());
        }
        self.next += 1;
        self.bytes.extend_from_slice(chunk);
        Ok(())
    }

    fn finish(self) -> Result<Vec<u8>, String> {
        if self.next != self.count.max(1) || crc32fast::hash(&self.bytes) != self.sum {
            return Err("a record has a wrong checksum".to_owned());
        }
        Ok(self.bytes)
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

fn row_key(subject: &Subject) -> Vec<u8> {
    let text = match subject {
        Subject::Global => String::new(),
        Subject::Defaults(name) | Subject::Frontend(name) | Subject::Backend(name) => name.to_string(),
        Subject::Bind(at) => format!("{}\0{}", at.frontend, at.bind),
        Subject::Server(at) => format!("{}\0{}", at.backend, at.server),
    };
    text.into_bytes()
}

fn overlay_key(overlay: &Overlay) -> Vec<u8> {
    field_key(&overlay.subject, overlay.field().word())
}

fn field_key(subject: &Subject, field: &str) -> Vec<u8> {
    let mut key = subject.kind().word().as_bytes().to_vec();
    key.push(0);
    key.extend_from_slice(&row_key(subject));
    key.push(0);
    key.extend_from_slice(field.as_bytes());
    key
}

fn log_key(revision: Revision) -> Vec<u8> {
    revision.0.to_be_bytes().to_vec()
}

/// The key of one chunk. No name contains a zero byte, so the keys of a record stand together.
fn chunk_key(key: &[u8], index: u16) -> Vec<u8> {
    let mut chunk = Vec::with_capacity(key.len() + 3);
    chunk.extend_from_slice(key);
    chunk.push(0);
    chunk.extend_from_slice(&index.to_be_bytes());
    chunk
}

fn failed(error: sled::Error) -> StoreError {
    StoreError::Failed(error.to_string())
}

/// What a panic said.
fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

/// A table per kind, in the order of [`Kind`], then these.
const TREES: [&str; Kind::ALL.len() + 3] =
    ["global", "defaults", "frontend", "bind", "backend", "server", "overlay", "log", "meta"];
const OVERLAYS: usize = Kind::ALL.len();
const LOG: usize = OVERLAYS + 1;
const META: usize = LOG + 1;

const DATABASE: &str = "database";
const CHECKPOINTS: &str = "checkpoints";
const JOURNALS: &str = "journal";
const GENERATION: &str = "generation";
const COPY: &str = "db.before-opening";

/// Values above some 128 KiB go to files that sled never syncs.
const CHUNK: usize = 60 * 1024;
const CACHE: u64 = 64 << 20;
const OPENING: Duration = Duration::from_secs(300);
/// Room that must be left on the disk at a start, in bytes.
const SPARE: u64 = 16 << 20;
/// Least journal between two checkpoints, in bytes; more when checkpoints are larger.
const LEAST_BETWEEN: u64 = 4 << 20;
const CHECKPOINTS_KEPT: usize = 4;
const MOST_JOURNALS: usize = 16;
const FORGOTTEN_AT_ONCE: usize = 1000;

#[cfg(test)]
#[path = "disk_tests.rs"]
mod tests;
