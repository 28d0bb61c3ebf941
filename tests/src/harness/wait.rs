//! Waiting for a condition with a deadline: the only place of this crate where a thread rests.
//!
//! A scenario never sleeps in order to synchronise. It names a condition here, and a missed deadline says
//! which one.

use std::time::{Duration, Instant};

use super::trouble::{Result, Trouble};

/// Probes until `condition` yields a value and returns it.
///
/// Fails with `what` in its text when `deadline` has passed. The condition is probed at least once, also with a
/// deadline of zero.
pub fn until<T>(what: &str, deadline: Duration, mut condition: impl FnMut() -> Option<T>) -> Result<T> {
    let end = Instant::now() + deadline;
    let mut rest = FIRST_REST;
    loop {
        if let Some(value) = condition() {
            return Ok(value);
        }
        if Instant::now() >= end {
            return Err(Trouble::new(format!("waited {deadline:?} in vain for {what}")));
        }
        pause(rest);
        rest = (rest * 2).min(LONGEST_REST);
    }
}

/// [`until`] for a condition without a value.
pub fn until_true(what: &str, deadline: Duration, mut condition: impl FnMut() -> bool) -> Result<()> {
    until(what, deadline, || condition().then_some(()))
}

/// Lets the given time pass.
///
/// For doubles whose nature is slowness (a slow origin) and for measuring over a span of time. It is no means of
/// synchronisation: use [`until`] for that.
#[expect(
    clippy::disallowed_methods,
    reason = "the one place that rests; everything else waits for conditions"
)]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A deadline that a healthy machine never reaches and a loaded one survives.
pub const PATIENCE: Duration = Duration::from_secs(60);

const FIRST_REST: Duration = Duration::from_micros(200);
const LONGEST_REST: Duration = Duration::from_millis(10);
