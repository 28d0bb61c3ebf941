//! Sets that lie ready and were not committed yet: bounded in number, in size and in time.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use regate_proto::change::{Change, Origin, Revision};
use regate_proto::problem::{Code, Problem};

/// A set that lies ready.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StagedSet {
    /// Who asked.
    pub origin: Origin,
    /// The revision that the author looked at.
    pub base: Option<Revision>,
    /// Whether it is a whole configuration.
    pub replace: bool,
    /// The changes.
    pub changes: Vec<Change>,
}

/// The sets that lie ready.
#[derive(Debug, Default)]
pub struct Staged {
    shelf: Mutex<Shelf>,
}

#[derive(Debug, Default)]
struct Shelf {
    sets: HashMap<String, (Arc<StagedSet>, usize, Instant)>,
    bytes: usize,
    /// Part of tickets, so that none comes twice.
    count: u64,
}

impl Staged {
    /// Lays a set ready, of this size in bytes; gives its ticket.
    pub fn lay(&self, set: StagedSet, bytes: usize, now: Instant) -> Result<String, Problem> {
        let mut shelf = self.shelf.lock();
        shelf.sweep(now);
        if shelf.sets.len() >= MOST_SETS || shelf.bytes.saturating_add(bytes) > MOST_BYTES {
            let detail = format!(
                "{} sets of {} bytes in all lie ready already: commit them, or try again when they have expired",
                shelf.sets.len(),
                shelf.bytes
            );
            return Err(Problem::general(Code::Unavailable, detail));
        }
        shelf.count = shelf.count.saturating_add(1);
        let ticket = format!("{:x}-{}", super::events::unix_millis(), shelf.count);
        shelf.bytes = shelf.bytes.saturating_add(bytes);
        shelf.sets.insert(ticket.clone(), (Arc::new(set), bytes, now));
        Ok(ticket)
    }

    /// The set of a ticket; it stays.
    pub fn look(&self, ticket: &str, now: Instant) -> Result<Arc<StagedSet>, Problem> {
        let mut shelf = self.shelf.lock();
        shelf.sweep(now);
        shelf.sets.get(ticket).map(|(set, _, _)| set.clone()).ok_or_else(|| unknown(ticket))
    }

    /// The set of a ticket; it is forgotten.
    pub fn take(&self, ticket: &str, now: Instant) -> Result<Arc<StagedSet>, Problem> {
        let mut shelf = self.shelf.lock();
        shelf.sweep(now);
        let (set, bytes, _) = shelf.sets.remove(ticket).ok_or_else(|| unknown(ticket))?;
        shelf.bytes = shelf.bytes.saturating_sub(bytes);
        Ok(set)
    }

    /// Forgets what has lain for too long.
    pub fn sweep(&self, now: Instant) {
        self.shelf.lock().sweep(now);
    }
}

impl Shelf {
    fn sweep(&mut self, now: Instant) {
        self.sets.retain(|_, (_, _, since)| now.saturating_duration_since(*since) < KEPT);
        self.bytes = self.sets.values().map(|(_, bytes, _)| bytes).sum();
    }
}

fn unknown(ticket: &str) -> Problem {
    let ticket: String = ticket.chars().take(64).collect();
    Problem::general(
        Code::NotFound,
        format!("no set lies ready under the ticket {ticket:?}: it was committed or expired"),
    )
}

/// How long a set lies ready.
const KEPT: Duration = Duration::from_secs(600);

/// Sets that may lie ready at a time.
const MOST_SETS: usize = 64;

/// Bytes of all sets that may lie ready at a time, as they are encoded.
pub(crate) const MOST_BYTES: usize = 512 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    fn set() -> StagedSet {
        StagedSet { origin: Origin::default(), base: None, replace: false, changes: Vec::new() }
    }

    #[test]
    fn a_set_is_taken_once_and_expires() -> Result<(), Problem> {
        let (staged, now) = (Staged::default(), Instant::now());
        let first = staged.lay(set(), 10, now)?;
        let second = staged.lay(set(), 10, now)?;
        assert_ne!(first, second);
        assert!(staged.look(&first, now).is_ok());
        assert!(staged.take(&first, now).is_ok());
        assert_eq!(staged.take(&first, now).map_err(|problem| problem.code), Err(Code::NotFound));
        assert!(staged.look(&second, now + KEPT - Duration::from_secs(1)).is_ok());
        assert_eq!(staged.look(&second, now + KEPT).map_err(|problem| problem.code), Err(Code::NotFound));
        Ok(())
    }

    #[test]
    fn number_and_size_are_bounded() -> Result<(), Problem> {
        let (staged, now) = (Staged::default(), Instant::now());
        staged.lay(set(), MOST_BYTES, now)?;
        assert_eq!(staged.lay(set(), 1, now).map_err(|problem| problem.code), Err(Code::Unavailable));
        let later = now + KEPT;
        for _ in 0..MOST_SETS {
            staged.lay(set(), 1, later)?;
        }
        assert_eq!(staged.lay(set(), 1, later).map_err(|problem| problem.code), Err(Code::Unavailable));
        Ok(())
    }
}
