//! The newest revisions as steps, for nodes that are only a little behind.

use std::collections::VecDeque;
use std::sync::Arc;

use prost::Message;
use regate_proto::change::{Change, Layer, Overlay, Revision};
use regate_proto::model::Row;
use regate_proto::state::Digest;
use regate_proto::wire::v1;

/// Steps between committed revisions; a bounded number of them.
pub(crate) struct Recent {
    steps: VecDeque<Step>,
    changes: usize,
    head: (Revision, Digest),
}

/// From one committed content to the next.
struct Step {
    from: (Revision, Digest),
    changes: Arc<Vec<Change>>,
}

/// What brings someone to a revision.
#[derive(Clone, Debug)]
pub struct Transfer {
    /// The revision that it starts from; without meaning when it is whole.
    pub base: Revision,
    /// The revision that it leads to.
    pub target: Revision,
    /// What the state contains then.
    pub digest: Digest,
    /// The changes.
    pub steps: Steps,
}

/// The changes of a [`Transfer`].
#[derive(Clone, Debug)]
pub enum Steps {
    /// A difference, in groups that are applied one after the other.
    Slice(Vec<Arc<Vec<Change>>>),
    /// The whole state.
    Whole {
        /// Every row of the spec.
        rows: Vec<Arc<Row>>,
        /// Every overlay.
        overlays: Vec<Arc<Overlay>>,
    },
}

impl Recent {
    pub(crate) fn starting_at(revision: Revision, digest: Digest) -> Recent {
        Recent { steps: VecDeque::new(), changes: 0, head: (revision, digest) }
    }

    /// Takes the step from the head to a new one.
    pub(crate) fn push(&mut self, revision: Revision, digest: Digest, changes: Vec<Change>) {
        self.changes += changes.len();
        self.steps.push_back(Step { from: self.head, changes: Arc::new(changes) });
        self.head = (revision, digest);
        while self.changes > CHANGES_KEPT || self.steps.len() > STEPS_KEPT {
            let Some(step) = self.steps.pop_front() else { return };
            self.changes -= step.changes.len();
        }
    }

    /// The steps from this very content to the head, when all of them are still there.
    pub(crate) fn since(&self, revision: Revision, digest: Digest) -> Option<Transfer> {
        let from = (revision, digest);
        let steps = if from == self.head {
            Vec::new()
        } else {
            let first = self.steps.iter().rposition(|step| step.from == from)?;
            self.steps.range(first..).map(|step| step.changes.clone()).collect()
        };
        let (target, digest) = self.head;
        Some(Transfer { base: revision, target, digest, steps: Steps::Slice(steps) })
    }
}

impl Transfer {
    /// Whether what the receiver has is dropped first.
    pub fn is_whole(&self) -> bool {
        matches!(self.steps, Steps::Whole { .. })
    }

    /// The messages that carry it, made one by one as they are asked for: begin, parts, commit.
    pub fn into_messages(self) -> impl Iterator<Item = v1::FromController> + Send {
        use v1::from_controller::Message;
        let begin = v1::Begin { base: self.base.0, target: self.target.0, full: self.is_whole() };
        let commit = v1::CommitParts { revision: self.target.0, digest: Some(self.digest.into()) };
        let say = |message| v1::FromController { message: Some(message) };
        std::iter::once(say(Message::Begin(begin)))
            .chain(
                Parts { changes: self.steps.into_changes(), ahead: None }
                    .map(move |part| say(Message::Part(part))),
            )
            .chain(std::iter::once(say(Message::Commit(commit))))
    }
}

impl Steps {
    /// The changes in wire form, made one by one.
    fn into_changes(self) -> Box<dyn Iterator<Item = v1::Change> + Send> {
        match self {
            Steps::Slice(groups) => Box::new(groups.into_iter().flat_map(|group| {
                let count = group.len();
                (0..count).filter_map(move |index| group.get(index).map(v1::Change::from))
            })),
            Steps::Whole { rows, overlays } => {
                let rows = rows.into_iter().map(|row| Change::Put(Layer::Spec, row.as_ref().clone()));
                let overlays = overlays.into_iter().map(|overlay| Change::Restore(overlay.as_ref().clone()));
                Box::new(rows.chain(overlays).map(|change| v1::Change::from(&change)))
            }
        }
    }
}

/// Changes gathered into messages of a bounded size.
struct Parts<I> {
    changes: I,
    /// A change that did not fit into the part before.
    ahead: Option<v1::Change>,
}

impl<I: Iterator<Item = v1::Change>> Iterator for Parts<I> {
    type Item = v1::Part;

    fn next(&mut self) -> Option<v1::Part> {
        let mut part = v1::Part::default();
        let mut size = 0;
        while let Some(change) = self.ahead.take().or_else(|| self.changes.next()) {
            size += change.encoded_len();
            if size > PART && !part.changes.is_empty() {
                self.ahead = Some(change);
                break;
            }
            part.changes.push(change);
        }
        (!part.changes.is_empty()).then_some(part)
    }
}

const CHANGES_KEPT: usize = 100_000;
const STEPS_KEPT: usize = 10_000;
/// Encoded bytes of a part, unless a single change has more.
const PART: usize = 512 * 1024;
