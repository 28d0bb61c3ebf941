//! What the desired state asks of a place that keeps it.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use regate_proto::change::{Change, ChangeSet, Revision};
use regate_proto::state::{Digest, State};

/// A place that keeps the desired state and its log.
///
/// One writer calls `load` once and then `commit` and `settle`; any thread may read the log meanwhile.
pub trait Store: Send + Sync {
    /// The state that was committed last; the empty state when nothing ever was.
    fn load(&self) -> Result<State, StoreError>;

    /// Keeps a group of revisions. When this returns `Ok`, they survive a crash of the process and of the machine.
    ///
    /// After an error it is not known whether they were kept, and the store takes nothing further.
    fn commit(&self, group: &Group<'_>) -> Result<(), StoreError>;

    /// Does what may wait until nobody waits: checkpoints, forgetting what is too old. `state` is what was
    /// committed last.
    fn settle(&self, state: &State) -> Result<(), StoreError>;

    /// Entries of the log, the newest first, beginning with revision `newest`.
    fn entries(&self, newest: Revision, limit: usize) -> Result<Vec<Entry>, StoreError>;

    /// The state as it was at a revision; `None` when that is no longer, or not yet, at hand.
    fn state_at(&self, revision: Revision) -> Result<Option<State>, StoreError>;
}

/// Revisions that become durable together.
pub struct Group<'a> {
    /// The revisions, in order and without a gap.
    pub entries: &'a [Entry],
    /// What all of them together did to spec rows and overlays, in exact steps.
    pub effects: &'a [Change],
    /// The state after the last one.
    pub state: &'a State,
}

/// A committed revision: what was asked for, and what the state then contained.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Its number.
    pub revision: Revision,
    /// The set that made it.
    pub set: Arc<ChangeSet>,
    /// What the state contained then. Absent: it was written by a program that encodes rows in another way.
    pub digest: Option<Digest>,
}

/// Why a store cannot do what it was asked for.
#[derive(Clone, Debug)]
pub enum StoreError {
    /// Another controller has the folder open.
    Locked(PathBuf),
    /// The system refused to read or write.
    Io {
        /// What was being done, with the path.
        doing: String,
        /// What the system said.
        error: Arc<std::io::Error>,
    },
    /// What is kept is damaged, or not all of it is there.
    Damaged {
        /// The folder.
        path: PathBuf,
        /// What is wrong.
        detail: String,
        /// What a person can do about it.
        remedy: String,
    },
    /// An earlier write failed, so nothing further is taken.
    Failed(String),
}

impl StoreError {
    /// The system refused something.
    pub(super) fn io(doing: impl Into<String>, error: std::io::Error) -> StoreError {
        StoreError::Io { doing: doing.into(), error: Arc::new(error) }
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StoreError::Locked(path) => {
                write!(f, "store {}: another controller has it open; stop that one first", path.display())
            }
            StoreError::Io { doing, error } => write!(f, "store: {doing}: {error}"),
            StoreError::Damaged { path, detail, remedy } => {
                write!(f, "store {}: {detail}; {remedy}", path.display())
            }
            StoreError::Failed(detail) => write!(f, "store: an earlier write failed: {detail}"),
        }
    }
}

impl std::error::Error for StoreError {}
