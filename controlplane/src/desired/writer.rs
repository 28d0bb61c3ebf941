//! The one writer of the desired state.

use std::sync::Arc;
use std::time::Instant;

use regate_proto::change::{ChangeSet, Revision};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{self, Applied, Journal, State, Touched};
use tokio::sync::{mpsc, oneshot};

use super::store::{Entry, Group, StoreError};
use super::{Committed, Done, SUBJECTS_TOLD, Shared, Work, effect};

/// Work with the one who waits for it.
pub(super) struct Order {
    pub(super) work: Work,
    pub(super) dry_run: bool,
    pub(super) reply: Reply,
}

type Reply = oneshot::Sender<Result<Done, Vec<Problem>>>;

/// What the state said to a set.
type Verdict = Result<(Applied, Arc<ChangeSet>), Vec<Problem>>;

/// The thread that writes.
pub(super) struct Writer {
    shared: Arc<Shared>,
    /// The state with what is being committed.
    draft: State,
    waiting: mpsc::Receiver<Order>,
}

/// Sets that become durable together.
#[derive(Default)]
struct Batch {
    entries: Vec<Entry>,
    journals: Vec<Journal>,
    touched: Touched,
    events: Vec<Committed>,
    answers: Vec<(Reply, Verdict)>,
}

impl Writer {
    pub(super) fn new(shared: Arc<Shared>, draft: State, waiting: mpsc::Receiver<Order>) -> Writer {
        Writer { shared, draft, waiting }
    }

    /// Works until nobody can ask any more, or the store fails.
    pub(super) fn run(mut self) {
        while let Some(first) = self.waiting.blocking_recv() {
            let mut batch = Batch::default();
            let mut weight = self.take(first, &mut batch);
            while weight < HEAVIEST
                && let Ok(order) = self.waiting.try_recv()
            {
                weight += self.take(order, &mut batch);
            }
            if let Err(error) = self.commit(batch) {
                tracing::error!(%error, "the desired state cannot be kept any more");
                self.shared.failure.send_replace(Some(error.to_string()));
                return;
            }
            if let Err(error) = self.shared.store.settle(&self.draft) {
                tracing::error!(%error, "no checkpoint could be written; it is tried again");
            }
        }
    }

    /// Applies one order to the draft; returns how much it weighs.
    fn take(&mut self, order: Order, batch: &mut Batch) -> usize {
        let Order { work, dry_run, reply } = order;
        let set = Arc::new(resolve(work, &self.draft));
        let before = self.draft.digest();
        let result = self.draft.attempt(&set).map(|(mut applied, journal)| {
            let is_same = self.draft.digest() == before;
            if dry_run || is_same {
                self.draft.undo(journal);
                if is_same {
                    applied.revision = self.draft.revision();
                }
            } else {
                batch.note(&applied, &set, journal, &self.draft);
            }
            (applied, set.clone())
        });
        batch.answers.push((reply, result));
        set.changes.len() + 1
    }

    /// Makes a batch durable, shows it, and answers.
    fn commit(&mut self, batch: Batch) -> Result<(), StoreError> {
        let Batch { entries, journals, touched, events, answers } = batch;
        if !entries.is_empty() {
            let effects = effect::between(&self.shared.state.read(), &self.draft, &touched);
            let group = Group { entries: &entries, effects: &effects, state: &self.draft };
            if let Err(error) = self.shared.store.commit(&group) {
                for journal in journals.into_iter().rev() {
                    self.draft.undo(journal);
                }
                let detail = format!("it is not known whether the change was kept: {error}");
                for (reply, _) in answers {
                    // The asker may be gone.
                    let _ = reply.send(Err(vec![Problem::general(Code::Unavailable, detail.clone())]));
                }
                return Err(error);
            }
            self.show(&entries, effects);
            for event in events {
                // Nobody may be watching.
                let _ = self.shared.committed.send(Arc::new(event));
            }
        }
        let at = Instant::now();
        for (reply, result) in answers {
            // The asker may be gone.
            let _ = reply.send(result.map(|(applied, set)| Done { applied, set, at }));
        }
        Ok(())
    }

    /// Shows committed revisions to readers: the same sets, applied by the same function.
    fn show(&self, entries: &[Entry], effects: Vec<regate_proto::change::Change>) {
        {
            let mut state = self.shared.state.write();
            let is_same = entries.iter().all(|entry| state.apply(&entry.set).is_ok())
                && state.digest() == self.draft.digest();
            if !is_same {
                tracing::error!("a committed set did not give the same twice: readers get a copy");
                *state = self.draft.clone();
            }
            self.shared.recent.lock().push(self.draft.revision(), self.draft.digest(), effects);
        }
        self.shared.revision.send_replace(self.draft.revision());
    }
}

impl Batch {
    fn note(&mut self, applied: &Applied, set: &Arc<ChangeSet>, journal: Journal, state: &State) {
        self.entries.push(Entry {
            revision: applied.revision,
            set: set.clone(),
            digest: Some(state.digest()),
        });
        self.journals.push(journal);
        self.touched.extend(applied.touched.iter().cloned());
        self.events.push(Committed {
            revision: applied.revision,
            origin: set.origin.clone(),
            subjects: applied.touched.iter().take(SUBJECTS_TOLD).cloned().collect(),
            subject_count: applied.touched.len() as u64,
        });
    }
}

/// The set that work comes down to, over the state that it meets.
fn resolve(work: Work, state: &State) -> ChangeSet {
    match work {
        Work::Set(set) => set,
        Work::Replace { origin, base, rows } => {
            ChangeSet { base, origin, changes: state::replacement(state, rows) }
        }
        Work::Become { origin, state: target } => {
            let base: Option<Revision> = None;
            ChangeSet { base, origin, changes: state::diff(state, &target) }
        }
    }
}

/// Changes after which no further set joins a batch.
const HEAVIEST: usize = 20_000;
