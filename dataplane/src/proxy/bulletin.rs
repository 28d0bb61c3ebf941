//! Tells what happens to servers and frontends: lines for the logs of their proxies, and word to whoever listens.
//!
//! A thread of its own reads the ledger, so that neither a worker nor the writer waits for a log.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::log::LogSink;
use super::worker::Shared;
use crate::live::{Notice, Operational};
use crate::snapshot::Snapshot;
use regate_proto::model::{ServerRef, Severity};

/// What a listener hears.
#[derive(Debug)]
pub enum Heard<'a> {
    /// A server stands otherwise than before.
    Changed {
        /// The server.
        at: ServerRef,
        /// How it stood.
        from: Operational,
        /// How it stands.
        to: Operational,
        /// Why; empty when there is nothing to say.
        reason: String,
    },
    /// Since the last time, what a restart should know has become another.
    Moved(&'a Snapshot),
}

/// Reads the ledger until it is closed.
pub(super) fn run(shared: &Arc<Shared>, mut hear: impl FnMut(Heard<'_>)) {
    let sink = LogSink::new(shared.live.clone(), shared.forwarders.clone());
    let ledger = &shared.live.ledger;
    let mut notices = Vec::new();
    // What changed before this thread came to run is to be kept too.
    let (mut saved, mut saved_at) = (0, Instant::now());
    let mut woken_at: Option<Instant> = None;
    loop {
        let more = ledger.read(&mut notices, GRAIN);
        // Where much happens, workers shall not have to wake this thread for every notice.
        if more && woken_at.is_some_and(|at| at.elapsed() < BREATH) {
            #[expect(clippy::disallowed_methods, reason = "this thread is its own: no worker waits")]
            std::thread::sleep(BREATH);
            ledger.read(&mut notices, Duration::ZERO);
        }
        woken_at = (!notices.is_empty()).then(Instant::now);
        let snapshot = shared.newest();
        for notice in notices.drain(..) {
            match notice {
                Notice::Line { backend, severity, text } => {
                    match severity {
                        Severity::Emerg => tracing::error!("{text}"),
                        _ => tracing::warn!("{text}"),
                    }
                    let plan = snapshot.backends.get(&backend).and_then(|plan| plan.checks.log.as_ref());
                    if let Some(plan) = plan {
                        sink.announce(plan, severity, &text);
                    }
                }
                Notice::Frontend { frontend, severity, text } => {
                    tracing::warn!("{text}");
                    let plan = snapshot.frontends.get(&frontend).and_then(|plan| plan.log.as_ref());
                    if let Some(plan) = plan {
                        sink.announce(plan, severity, &text);
                    }
                }
                Notice::Changed { at, from, to, reason } => {
                    hear(Heard::Changed { at, from, to, reason });
                }
            }
        }
        if !sink.is_empty() {
            sink.flush();
        }
        let changes = ledger.changes();
        if changes != saved && (saved_at.elapsed() >= GRAIN || !more) {
            (saved, saved_at) = (changes, Instant::now());
            hear(Heard::Moved(&snapshot));
        }
        if !more {
            return;
        }
    }
}

/// The shortest time between two notes of what a restart should know.
const GRAIN: Duration = Duration::from_secs(1);

/// How long notices are left to gather that follow each other faster than this.
const BREATH: Duration = Duration::from_millis(5);
