//! The desired state: what every node of the fleet is to be, in numbered revisions.
//!
//! Owns the one writer. What waits for it is applied together, made durable by one commit of the [`Store`], then
//! shown to readers, then acknowledged, in this order; each set is accepted or refused by itself. Readers never see
//! a revision that a crash could take back. It must never talk to a network.
//!
//! Read next: `writer.rs`, then `disk.rs` for what durable means and `effect.rs` for what nodes are told.

mod checkpoint;
mod database;
mod disk;
mod effect;
mod file;
mod journal;
mod recent;
mod record;
mod staged;
mod store;
mod writer;

use std::sync::Arc;
use std::time::Instant;

use parking_lot::{Mutex, RwLock};
use regate_proto::change::{ChangeSet, Origin, Revision};
use regate_proto::model::{Row, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{Applied, State, without_volatile};
use tokio::sync::{broadcast, mpsc, oneshot, watch};

pub use disk::Disk;
#[cfg(test)]
pub(crate) use effect::between;
#[cfg(test)]
pub(crate) use recent::Recent;
pub use recent::{Steps, Transfer};
pub use staged::{Staged, StagedSet};
pub use store::{Entry, Group, Store, StoreError};

#[cfg(not(test))]
use recent::Recent;
use writer::{Order, Writer};

/// The desired state and its one writer.
pub struct Desired {
    orders: mpsc::Sender<Order>,
    shared: Arc<Shared>,
    writer: Mutex<Option<std::thread::JoinHandle<()>>>,
}

/// What readers share with the writer.
struct Shared {
    store: Arc<dyn Store>,
    /// What is committed.
    state: RwLock<State>,
    recent: Mutex<Recent>,
    revision: watch::Sender<Revision>,
    committed: broadcast::Sender<Arc<Committed>>,
    /// Why the store takes nothing further; set once.
    failure: watch::Sender<Option<String>>,
}

/// What is asked of the writer.
pub enum Work {
    /// Apply this set.
    Set(ChangeSet),
    /// Make these rows the spec; overlays stay.
    Replace {
        /// Who asked.
        origin: Origin,
        /// The revision that the author looked at.
        base: Option<Revision>,
        /// The whole spec.
        rows: Vec<Row>,
    },
    /// Make the state equal to another one, overlays included.
    Become {
        /// Who asked.
        origin: Origin,
        /// The other one.
        state: Box<State>,
    },
}

/// What became of accepted work.
#[derive(Clone, Debug)]
pub struct Done {
    /// The revision that it made, and what each change did. When nothing is different, the revision is the one that
    /// was there.
    pub applied: Applied,
    /// The changes that were made.
    pub set: Arc<ChangeSet>,
    /// When it was durable.
    pub at: Instant,
}

/// A revision that was committed, as watchers are told.
#[derive(Clone, Debug)]
pub struct Committed {
    /// Its number.
    pub revision: Revision,
    /// Who made it.
    pub origin: Origin,
    /// The effective rows that it touched; the first [`SUBJECTS_TOLD`].
    pub subjects: Vec<Subject>,
    /// How many it touched.
    pub subject_count: u64,
}

/// The answer to work: comes when it is durable, or refused.
pub type Answer = oneshot::Receiver<Result<Done, Vec<Problem>>>;

impl Desired {
    /// Loads what the store keeps and starts the writer.
    pub fn open(store: Arc<dyn Store>) -> Result<Desired, StoreError> {
        let state = store.load()?;
        // What was changed by hand for a while only is taken back before anything else happens.
        let changes = without_volatile(&state);
        let shared = Arc::new(Shared {
            recent: Mutex::new(Recent::starting_at(state.revision(), state.digest())),
            revision: watch::Sender::new(state.revision()),
            state: RwLock::new(state.clone()),
            committed: broadcast::Sender::new(EVENTS_KEPT),
            failure: watch::Sender::new(None),
            store,
        });
        let (orders, waiting) = mpsc::channel(ORDERS_WAITING);
        let writer = Writer::new(shared.clone(), state, waiting);
        let writer = std::thread::Builder::new()
            .name("desired-writer".to_owned())
            .spawn(move || writer.run())
            .map_err(|error| StoreError::io("starting a thread", error))?;
        if !changes.is_empty() {
            let origin = Origin { actor: "start".to_owned(), door: "file".to_owned(), at: 0 };
            let work = Work::Set(ChangeSet { base: None, origin, changes });
            // Nobody waits for the answer, and the queue is empty.
            let _ = orders.try_send(Order { work, dry_run: false, reply: oneshot::channel().0 });
        }
        Ok(Desired { orders, shared, writer: Mutex::new(Some(writer)) })
    }

    /// Hands work to the writer. Work is taken in the order of these calls; the answer comes later.
    ///
    /// With `dry_run` nothing is changed, and the answer tells what would have been.
    pub async fn submit(&self, work: Work, dry_run: bool) -> Answer {
        let (reply, answer) = oneshot::channel();
        let order = Order { work, dry_run, reply };
        if let Err(mpsc::error::SendError(order)) = self.orders.send(order).await {
            // The asker may be gone; then nobody misses the answer.
            let _ = order.reply.send(Err(vec![self.unavailable()]));
        }
        answer
    }

    /// [`Desired::submit`], waiting for the answer.
    pub async fn carry_out(&self, work: Work, dry_run: bool) -> Result<Done, Vec<Problem>> {
        let answer = self.submit(work, dry_run).await;
        self.answered(answer.await)
    }

    /// What an answer says, also when the writer is gone.
    pub fn answered(
        &self,
        answer: Result<Result<Done, Vec<Problem>>, oneshot::error::RecvError>,
    ) -> Result<Done, Vec<Problem>> {
        answer.unwrap_or_else(|_| Err(vec![self.unavailable()]))
    }

    /// Looks at the committed state. The writer waits meanwhile: take what is needed and return.
    pub fn read<T>(&self, look: impl FnOnce(&State) -> T) -> T {
        look(&self.shared.state.read())
    }

    /// The committed revision, and news of it.
    pub fn revision(&self) -> watch::Receiver<Revision> {
        self.shared.revision.subscribe()
    }

    /// Revisions as they are committed.
    pub fn committed(&self) -> broadcast::Receiver<Arc<Committed>> {
        self.shared.committed.subscribe()
    }

    /// Why the store takes nothing further; `None` as long as it does.
    pub fn failure(&self) -> watch::Receiver<Option<String>> {
        self.shared.failure.subscribe()
    }

    /// What it takes to bring someone with this content to the current revision, whole or in steps.
    pub fn transfer(&self, from: Option<(Revision, regate_proto::state::Digest)>) -> Transfer {
        if let Some((revision, digest)) = from
            && let Some(slice) = self.shared.recent.lock().since(revision, digest)
        {
            return slice;
        }
        let state = self.shared.state.read();
        Transfer {
            base: Revision(0),
            target: state.revision(),
            digest: state.digest(),
            steps: Steps::Whole {
                rows: state.spec().cloned().collect(),
                overlays: state.overlays().cloned().collect(),
            },
        }
    }

    /// The log and older states; its calls read files.
    pub fn store(&self) -> Arc<dyn Store> {
        self.shared.store.clone()
    }

    /// Ends the writer once what waits is done. Blocks.
    pub fn close(self) {
        let Desired { orders, writer, .. } = self;
        drop(orders);
        if let Some(writer) = writer.into_inner()
            && writer.join().is_err()
        {
            tracing::error!("the writer of the desired state panicked");
        }
    }

    fn unavailable(&self) -> Problem {
        let why = self.shared.failure.borrow().clone();
        let detail = why.unwrap_or_else(|| "the controller is stopping".to_owned());
        Problem::general(Code::Unavailable, detail)
    }
}

/// How many subjects of a revision watchers are told.
pub const SUBJECTS_TOLD: usize = 1000;

const ORDERS_WAITING: usize = 4096;
const EVENTS_KEPT: usize = 1024;

#[cfg(test)]
mod tests;
