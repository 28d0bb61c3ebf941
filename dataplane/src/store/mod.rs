//! The one writer: changes come in, are applied, compiled, kept on disk and published, or refused.
//!
//! Owns the state. A thread of its own takes what waits, commits it together and replies in order; readers see a
//! commit when it is in force, never before. It must never run on a worker, and knows neither sockets nor gRPC:
//! what carries traffic stands behind [`Traffic`].
//! Read next: `writer.rs`, then `disk.rs`.

mod disk;
mod events;
mod frame;
mod recall;
mod record;
mod restore;
mod staged;
mod standings;
mod tables;
#[cfg(test)]
pub(crate) mod tests;
mod writer;

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use parking_lot::RwLock;
use regate_proto::change::{Change, ChangeSet, Origin, Revision};
use regate_proto::model::{Global, Row, ServerRef};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{Applied, Digest, State};
use tokio::sync::{mpsc, oneshot, watch};

use crate::live::{Live, Operational};
use crate::priority;
use crate::snapshot::Snapshot;

pub use disk::{Disk, DiskError, Kept};
pub(crate) use events::unix_millis;
pub use events::{Event, Happening, Subscription};
pub use restore::Damage;
pub(crate) use staged::MOST_BYTES;
pub use staged::{Staged, StagedSet};
pub use standings::Standings;
pub use tables::{Caretaker, TablesFile};

/// What carries traffic by snapshots.
pub trait Traffic: Send + Sync + 'static {
    /// What was opened for a snapshot, and closes again when it is dropped without being published.
    type Prepared: Send;

    /// Opens what the snapshot needs and is not open yet, or says why that cannot be; nothing is visible yet.
    fn prepare(&self, snapshot: &Snapshot) -> Result<Self::Prepared, Vec<Problem>>;

    /// Makes the snapshot the one that new traffic reads.
    fn publish(&self, snapshot: Arc<Snapshot>, prepared: Self::Prepared);
}

/// The way to the writer, and what it has committed. Cheap to clone; the writer ends with the last clone.
#[derive(Clone, Debug)]
pub struct Store {
    shared: Arc<Shared>,
    tasks: mpsc::Sender<Task>,
}

/// A controller that manages the node.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Its name.
    pub name: String,
    /// Where its Admin service is reached; empty: nowhere.
    pub endpoint: String,
    /// Whether the node may change itself while the controller cannot be reached.
    pub allow_local: bool,
}

/// What is in force.
#[derive(Debug)]
pub struct Current {
    /// What is configured.
    pub state: State,
    /// What was compiled from it.
    pub snapshot: Arc<Snapshot>,
}

/// Something for the writer to do.
#[derive(Debug)]
pub enum Work {
    /// Changes.
    Set(ChangeSet),
    /// A whole configuration: the spec becomes these rows.
    Replace {
        /// The revision that the author looked at.
        base: Option<Revision>,
        /// Who asked.
        origin: Origin,
        /// The rows.
        rows: Vec<Row>,
    },
    /// Changes from the controller, which lead to a state that it describes.
    Follow {
        /// What to change; with `full`, the changes that make the whole state out of nothing.
        set: ChangeSet,
        /// Whether what is there is dropped first.
        full: bool,
        /// The controller's number of the state.
        target: Revision,
        /// What the state must contain.
        digest: Digest,
    },
    /// A controller takes the node over.
    Manage(Controller),
    /// The writer ends, and lets go of the folder; nothing is committed after it.
    End,
}

/// What became of a piece of work that was not refused.
#[derive(Debug)]
pub struct Done {
    /// What the set did.
    pub applied: Applied,
    /// What was changed, when that was asked for, without what made no difference.
    pub changes: Vec<Change>,
}

/// The reply to a piece of work; an error when the writer ended before it.
pub type Pending = oneshot::Receiver<Result<Done, Vec<Problem>>>;

/// How far the writer is.
#[derive(Clone, Debug, Default)]
pub struct Standing {
    /// The revision in force.
    pub revision: Revision,
    /// The last revision of the controller's that was refused here, and why.
    pub refused: Option<(Revision, Arc<Vec<Problem>>)>,
}

/// What stands on disk, read before the writer starts.
#[derive(Debug)]
pub struct Loaded {
    disk: Option<Disk>,
    kept: Kept,
}

/// What stands around a start.
#[derive(Debug, Default)]
pub struct Beginning {
    /// Rows that the spec is to become.
    pub rows: Option<Vec<Row>>,
    /// Whether the controller that managed the node last is forgotten.
    pub release: bool,
}

/// What the writer shares with readers.
#[derive(Debug)]
pub(crate) struct Shared {
    current: RwLock<Current>,
    standing: watch::Sender<Standing>,
    events: events::Events,
    managed: RwLock<Option<Arc<Controller>>>,
}

/// A piece of work in the queue.
#[derive(Debug)]
struct Task {
    work: Work,
    /// Whether only to tell what would be done.
    dry_run: bool,
    /// Whether to tell what was changed.
    tell: bool,
    reply: oneshot::Sender<Result<Done, Vec<Problem>>>,
}

impl Loaded {
    /// Reads the folder's last good state; without a folder nothing is kept and nothing is there. See [`Disk::open`].
    pub fn open(folder: Option<&Path>, recover: bool) -> Result<Loaded, DiskError> {
        match folder {
            None => Ok(Loaded { disk: None, kept: Kept::default() }),
            Some(folder) => {
                let (disk, kept) = Disk::open(folder, recover)?;
                Ok(Loaded { disk: Some(disk), kept })
            }
        }
    }

    /// The process-wide settings on disk.
    pub fn global(&self) -> Global {
        self.kept.state.global()
    }

    /// What was found wrong and mended: sentences for the operator.
    pub fn notices(&self) -> &[String] {
        &self.kept.notices
    }
}

impl Store {
    /// Puts the last good state, or what the beginning asks for instead, in force, and starts the writer.
    pub fn start<T: Traffic>(
        loaded: Loaded,
        beginning: Beginning,
        traffic: Arc<T>,
        live: Arc<Live>,
    ) -> Result<(Store, JoinHandle<()>), Vec<Problem>> {
        let mut writer = writer::Writer::begin(loaded, beginning, traffic, live)?;
        let shared = writer.shared();
        let (tasks, queue) = mpsc::channel(LONGEST_QUEUE);
        let thread = std::thread::Builder::new()
            .name("writer".to_owned())
            .spawn(move || {
                priority::yield_to_traffic();
                writer.run(queue);
            })
            .map_err(|error| vec![Problem::general(Code::Impossible, format!("no thread: {error}"))])?;
        Ok((Store { shared, tasks }, thread))
    }

    /// Gives work to the writer; waits only for room in its queue. Work of one caller is done in order.
    pub async fn submit(&self, work: Work) -> Pending {
        self.send(work, false, false).await
    }

    /// As [`Store::submit`], and tells what was changed, or with `dry_run` what would be.
    pub async fn submit_told(&self, work: Work, dry_run: bool) -> Pending {
        self.send(work, dry_run, true).await
    }

    /// Ends the writer once it has done what waits. Must not be called within a runtime.
    pub fn end(&self) {
        let (reply, _) = oneshot::channel();
        // A writer that has ended already needs no telling.
        let _ = self.tasks.blocking_send(Task { work: Work::End, dry_run: false, tell: false, reply });
    }

    /// Looks at what is in force. Keep it short: the writer waits for it.
    pub fn read<R>(&self, look: impl FnOnce(&Current) -> R) -> R {
        look(&self.shared.current.read())
    }

    /// How far the writer is, now and later.
    pub fn standing(&self) -> watch::Receiver<Standing> {
        self.shared.standing.subscribe()
    }

    /// What happens from now on; with `from`, also what happened after that revision, as far as it is at hand.
    pub fn subscribe(&self, from: Option<Revision>) -> Subscription {
        let current = self.shared.standing.borrow().revision;
        self.shared.events.subscribe(from, current)
    }

    /// Tells those who watch that a server stands otherwise than before.
    pub fn tell_health(&self, at: ServerRef, from: Operational, to: Operational, reason: String) {
        self.shared.events.tell(Happening::Health { at, from, to, reason });
    }

    /// The controller that manages this node.
    pub fn managed(&self) -> Option<Arc<Controller>> {
        self.shared.managed.read().clone()
    }

    /// Notes that the controller's revision was refused before it came to the writer.
    pub fn note_refusal(&self, target: Revision, problems: &[Problem]) {
        self.shared.note_refusal(target, problems);
    }

    async fn send(&self, work: Work, dry_run: bool, tell: bool) -> Pending {
        let (reply, pending) = oneshot::channel();
        // When the writer is gone the reply is dropped with the task, and the receiver tells.
        let _ = self.tasks.send(Task { work, dry_run, tell, reply }).await;
        pending
    }
}

impl Shared {
    fn note_refusal(&self, target: Revision, problems: &[Problem]) {
        let refused = Some((target, Arc::new(problems.to_vec())));
        self.standing.send_modify(|standing| standing.refused = refused);
    }
}

/// The outcome of a piece of work, also when the writer has ended.
pub async fn outcome(pending: Pending) -> Result<Done, Vec<Problem>> {
    match pending.await {
        Ok(outcome) => outcome,
        Err(_) => Err(vec![Problem::general(
            Code::Unavailable,
            "the node is stopping: nothing is changed any more",
        )]),
    }
}

/// Tasks that wait for the writer; who sends more waits.
const LONGEST_QUEUE: usize = 4096;
