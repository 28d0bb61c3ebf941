//! The tables of the desired state, in sled: the only file that knows sled.
//!
//! Owns where a record stands and how it is cut: each in chunks with a checksum, and counted, so that what sled
//! lost is noticed. All tables change in one transaction. It must never decide what to do about damage: `disk.rs`
//! does, and it keeps the journal that makes up for what sled does not promise.
//!
//! Read next: `record.rs`.

use std::fs::{File, OpenOptions};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::mpsc;
use std::time::Duration;

use regate_proto::change::{Change, Layer, Overlay, Revision};
use regate_proto::model::{Kind, Subject};
use regate_proto::state::{Digest, State};
use sled::transaction::{ConflictableTransactionError, TransactionError, Transactional};

use super::record;
use super::store::{Entry, StoreError};

/// A database that is open.
pub(super) struct Database {
    database: sled::Db,
    trees: Vec<sled::Tree>,
    /// The database file, for syncing it: sled's own flush does not reach the disk.
    file: File,
}

/// The entries of a database, for reading them while it is written to.
pub(super) struct Log(sled::Tree);

/// Why a database did not open.
pub(super) enum Closed {
    /// sled says no, or panicked.
    Refused(String),
    /// Something around it failed.
    Io(StoreError),
}

impl Database {
    /// Opens, or creates, on a thread of its own: sled panics on a flipped byte and waits for ever on a full disk.
    pub(super) fn open(folder: &Path) -> Result<Database, Closed> {
        let config = sled::Config::new()
            .path(folder)
            .cache_capacity(CACHE)
            .flush_every_ms(None)
            .use_compression(false);
        let (sender, receiver) = mpsc::channel();
        let path = folder.join("db");
        let open = move || {
            let opened = catch_unwind(AssertUnwindSafe(|| -> sled::Result<(sled::Db, Vec<sled::Tree>)> {
                // Writes of an earlier owner in this process may still hold the file.
                if let Ok(file) = File::open(&path) {
                    file.lock().and_then(|()| file.unlock())?;
                }
                let database = config.open()?;
                let trees =
                    TREES.iter().map(|name| database.open_tree(name)).collect::<Result<Vec<_>, _>>()?;
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
        Ok(Database { database, trees, file })
    }

    /// Whether it was there before it was opened.
    pub(super) fn was_recovered(&self) -> bool {
        self.database.was_recovered()
    }

    /// Writes entries and what they come to, together or not at all. `records` is how many rows and overlays there
    /// are; what comes back is how many there are then.
    pub(super) fn write(
        &self,
        entries: &[Entry],
        effects: &[Change],
        state: &State,
        records: u64,
    ) -> Result<u64, StoreError> {
        let mut batches = Batches::over(&self.trees);
        batches.records = records;
        batches.fill(entries, effects, state)?;
        let records = batches.records;
        batches.write()?;
        Ok(records)
    }

    /// Writes a whole state and the newest entries into a database that is empty.
    pub(super) fn write_whole(&self, entries: &[Entry], state: &State) -> Result<(), StoreError> {
        let mut batches = Batches::over(&self.trees);
        for row in state.spec() {
            batches.put(row.subject().kind() as usize, &row_key(&row.subject()), &record::encode_row(row))?;
        }
        for overlay in state.overlays() {
            batches.put(OVERLAYS, &overlay_key(overlay), &record::encode_overlay(overlay))?;
        }
        for entry in entries {
            batches.put(LOG, &log_key(entry.revision), &record::encode_entry(entry))?;
        }
        let records = batches.records;
        batches.put(META, b"head", &head(state, records))?;
        batches.write()
    }

    /// Makes what was written durable.
    pub(super) fn flush(&self) -> Result<(), StoreError> {
        self.database.flush().map_err(failed)?;
        self.file.sync_data().map_err(|error| StoreError::io("syncing the database", error))
    }

    /// Drops the entries up to a revision.
    pub(super) fn forget(&self, oldest: Revision) -> Result<(), StoreError> {
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
                return self.flush();
            }
            log.apply_batch(batch).map_err(failed)?;
        }
    }

    /// Its entries.
    pub(super) fn log(&self) -> Result<Log, StoreError> {
        self.trees.get(LOG).cloned().map(Log).ok_or_else(|| StoreError::Failed("no log".to_owned()))
    }

    /// How many rows and overlays the trees hold.
    pub(super) fn count(&self) -> Result<u64, StoreError> {
        let Some(meta) = self.trees.get(META) else { return Ok(0) };
        let head = read_record(meta, b"head").map_err(StoreError::Failed)?;
        match head {
            Some(head) => Head::decode(&head).map(|head| head.records).map_err(StoreError::Failed),
            None => Ok(0),
        }
    }

    /// The state that the trees hold, `None` when they never held one; says what does not add up.
    pub(super) fn read(&self) -> Result<Option<State>, String> {
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

impl Log {
    /// The entry of a revision.
    pub(super) fn entry(&self, revision: Revision) -> Result<Option<Entry>, StoreError> {
        let bytes = read_record(&self.0, &log_key(revision)).map_err(StoreError::Failed)?;
        bytes.map(|bytes| record::decode_entry(&bytes).map_err(StoreError::Failed)).transpose()
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

fn row_key(subject: &Subject) -> Vec<u8> {
    let text = match subject {
        Subject::Global => String::new(),
        Subject::Defaults(name)
        | Subject::Frontend(name)
        | Subject::Backend(name)
        | Subject::Resolvers(name)
        | Subject::Ring(name)
        | Subject::HttpErrors(name)
        | Subject::Userlist(name) => name.to_string(),
        Subject::Bind(at) => format!("{}\0{}", at.frontend, at.bind),
        Subject::Server(at) => format!("{}\0{}", at.backend, at.server),
        Subject::List(name) => name.to_string(),
        Subject::Entries(at) => format!("{}\0{:016x}", at.list, at.part),
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
pub(super) fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text =
        panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("it panicked").to_owned()
}

/// A table per kind, in the order of [`Kind`], then these.
const TREES: [&str; Kind::ALL.len() + 3] = [
    "global",
    "defaults",
    "frontend",
    "bind",
    "backend",
    "server",
    "resolvers",
    "list",
    "entries",
    "userlist",
    "ring",
    "http-errors",
    "overlay",
    "log",
    "meta",
];
const OVERLAYS: usize = Kind::ALL.len();
const LOG: usize = OVERLAYS + 1;
const META: usize = LOG + 1;

/// Values above some 128 KiB go to files that sled never syncs.
const CHUNK: usize = 60 * 1024;
const CACHE: u64 = 64 << 20;
const OPENING: Duration = Duration::from_secs(300);
const FORGOTTEN_AT_ONCE: usize = 1000;
