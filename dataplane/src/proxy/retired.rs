//! Snapshots that are no longer in force, and the thread that gives their memory back.
//!
//! Whoever lets a snapshot go last frees it, and one that had a large list takes long to free. So each is held here
//! until all workers have let go of it, and no request ever pays for it. Nor does one pay for what the allocator has
//! to do later: it gives the pages that were freed back to the system a second after, by whichever thread then frees
//! one of its own, in as many system calls as there are pieces. So this thread sees to it that it is the one.

use std::io;
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::time::{Duration, Instant};

use crate::priority;
use crate::snapshot::Snapshot;

/// Where snapshots go that were in force.
#[derive(Debug)]
pub(super) struct Retired(Sender<Arc<Snapshot>>);

impl Retired {
    /// Starts the thread, which ends with this.
    pub(super) fn start() -> io::Result<Retired> {
        let (sender, receiver) = mpsc::channel();
        std::thread::Builder::new().name("retired".to_owned()).spawn(move || free(&receiver))?;
        Ok(Retired(sender))
    }

    /// Takes a snapshot that is no longer in force.
    pub(super) fn take(&self, snapshot: Arc<Snapshot>) {
        // Without its thread the snapshot is freed where it is let go of last.
        let _ = self.0.send(snapshot);
    }
}

fn free(receiver: &Receiver<Arc<Snapshot>>) {
    priority::yield_to_traffic();
    let mut held: Vec<Arc<Snapshot>> = Vec::new();
    let mut wait = SOON;
    let mut freed_at: Option<Instant> = None;
    loop {
        let next = match (held.is_empty(), freed_at) {
            (true, None) => receiver.recv().map_err(|_| RecvTimeoutError::Disconnected),
            (true, Some(_)) => receiver.recv_timeout(OFTEN),
            (false, None) => receiver.recv_timeout(wait),
            (false, Some(_)) => receiver.recv_timeout(wait.min(OFTEN)),
        };
        match next {
            Ok(snapshot) => {
                held.push(snapshot);
                held.extend(receiver.try_iter());
                wait = SOON;
                // Workers see the new one with their next request.
                pause();
            }
            Err(RecvTimeoutError::Timeout) => wait = (wait * 2).min(LATE),
            Err(RecvTimeoutError::Disconnected) => return,
        }
        let before = held.len();
        held.retain(|snapshot| Arc::strong_count(snapshot) > 1);
        if held.len() < before {
            freed_at = Some(Instant::now());
        }
        if freed_at.is_some() {
            settle_accounts();
            freed_at = freed_at.filter(|at| at.elapsed() < AFTERMATH);
        }
    }
}

/// Has the allocator do what is due: it looks for that when a thread frees memory of a size of its own.
fn settle_accounts() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(UNUSUAL)));
}

#[expect(
    clippy::disallowed_methods,
    reason = "this thread has nothing else to do, and no worker waits for it"
)]
fn pause() {
    std::thread::sleep(SOON);
}

/// How long workers usually hold a snapshot, and how often is looked for one that a long request holds.
const SOON: Duration = Duration::from_millis(5);
const LATE: Duration = Duration::from_secs(1);

/// How long after memory was freed the allocator has it given back, and a little more; and how often is looked in that
/// time whether it is due.
const AFTERMATH: Duration = Duration::from_millis(2500);
const OFTEN: Duration = Duration::from_millis(10);

/// Bytes that the allocator keeps in no page with others.
const UNUSUAL: usize = 2 << 20;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]
    use super::*;

    #[test]
    fn what_others_hold_stays_and_goes_after_them() {
        let retired = Retired::start().unwrap();
        let snapshot = Arc::new(Snapshot::default());
        let watched = Arc::downgrade(&snapshot);
        retired.take(snapshot.clone());
        retired.take(Arc::default());
        (0..4).for_each(|_| pause());
        assert!(watched.strong_count() == 2, "held by the thread beside whoever reads it");
        drop(snapshot);
        let deadline = Instant::now() + Duration::from_secs(20);
        while watched.strong_count() > 0 {
            assert!(Instant::now() < deadline, "it is never freed");
            pause();
        }
    }
}
