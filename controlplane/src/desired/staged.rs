//! Sets that lie ready: sent in chunks, applied by one commit.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use regate_proto::change::{Change, Layer, Origin, Revision};
use regate_proto::problem::{Code, Problem};

use super::Work;

/// The sets that lie ready, by ticket; bounded in number, in size and in time.
#[derive(Default)]
pub struct Staged {
    sets: BTreeMap<String, Waiting>,
    number: u64,
}

struct Waiting {
    set: StagedSet,
    since: Instant,
}

/// A set that lies ready.
#[derive(Clone, Debug)]
pub struct StagedSet {
    /// Who asked.
    pub origin: Origin,
    /// The revision that the author looked at.
    pub base: Option<Revision>,
    /// Whether it is a whole configuration.
    pub replace: bool,
    /// What to change.
    pub changes: Vec<Change>,
    /// Encoded bytes, for the limits.
    pub size: usize,
}

impl Staged {
    /// Lays a set ready and returns its ticket. `salt` keeps tickets of earlier processes from being valid.
    pub fn lay(&mut self, set: StagedSet, salt: u64, now: Instant) -> Result<String, Problem> {
        self.expire(now);
        if set.replace {
            set.check_replacement()?;
        }
        let size: usize = self.sets.values().map(|waiting| waiting.set.size).sum();
        if self.sets.len() >= MOST_SETS || size.saturating_add(set.size) > MOST_BYTES {
            let detail = "too much lies ready already: commit it, or wait ten minutes until it is forgotten";
            return Err(Problem::general(Code::Impossible, detail));
        }
        self.number += 1;
        let ticket = format!("{salt:x}-{}", self.number);
        self.sets.insert(ticket.clone(), Waiting { set, since: now });
        Ok(ticket)
    }

    /// The set of a ticket: taken away, or only looked at.
    pub fn find(&mut self, ticket: &str, keep: bool, now: Instant) -> Result<StagedSet, Problem> {
        self.expire(now);
        let found = if keep {
            self.sets.get(ticket).map(|waiting| waiting.set.clone())
        } else {
            self.sets.remove(ticket).map(|waiting| waiting.set)
        };
        let detail = "nothing lies ready under this ticket; it may have been forgotten after ten minutes";
        found.ok_or_else(|| Problem::general(Code::NotFound, detail))
    }

    fn expire(&mut self, now: Instant) {
        self.sets.retain(|_, waiting| now.saturating_duration_since(waiting.since) < KEPT);
    }
}

impl StagedSet {
    /// Encoded bytes that a set may have.
    pub const LARGEST: usize = MOST_BYTES;

    /// What the writer is asked for.
    pub fn into_work(self) -> Work {
        if self.replace {
            let rows = self.changes.into_iter().filter_map(|change| match change {
                Change::Put(_, row) => Some(row),
                _ => None,
            });
            Work::Replace { origin: self.origin, base: self.base, rows: rows.collect() }
        } else {
            Work::Set(regate_proto::change::ChangeSet {
                base: self.base,
                origin: self.origin,
                changes: self.changes,
            })
        }
    }

    fn check_replacement(&self) -> Result<(), Problem> {
        let mut seen = std::collections::BTreeSet::new();
        for (index, change) in self.changes.iter().enumerate() {
            let subject = change.subject();
            if !matches!(change, Change::Put(Layer::Spec, _)) {
                let detail = "a whole configuration only puts rows into the spec";
                return Err(Problem::about(Code::Unsuitable, &subject, detail).at(index));
            }
            if !seen.insert(subject.clone()) {
                let detail = "a whole configuration puts a row once";
                return Err(Problem::about(Code::AlreadyExists, &subject, detail).at(index));
            }
        }
        Ok(())
    }
}

const MOST_SETS: usize = 64;
const MOST_BYTES: usize = 512 << 20;
const KEPT: Duration = Duration::from_secs(600);
