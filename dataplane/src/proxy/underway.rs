//! Counting what goes on for as long as it does: a value each, which counts itself out when it is dropped.

use std::rc::Rc;
use std::sync::Arc;

use regate_proto::model::Mode;

use super::session::Session;
use super::worker::Worker;
use crate::live::{FrontendLive, Gauge};

/// One more request or TCP session under way, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Underway {
    worker: Rc<Worker>,
    /// Of an HTTP frontend, which counts its own.
    frontend: Option<Arc<FrontendLive>>,
}

/// One more in a gauge, for as long as it is held.
#[derive(Debug)]
pub(crate) struct Presence<'a>(&'a Gauge);

impl<'a> Presence<'a> {
    /// Counts in.
    pub(crate) fn in_gauge(gauge: &'a Gauge) -> Presence<'a> {
        gauge.rise();
        Presence(gauge)
    }
}

impl Drop for Presence<'_> {
    fn drop(&mut self) {
        self.0.fall();
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        self.worker.live.streams_ended.add(1);
        if let Some(frontend) = &self.frontend {
            frontend.h1_streams_ended.add(self.worker.index, 1);
            if std::thread::panicking() {
                frontend.internal_errors.add(self.worker.index, 1);
            }
        }
    }
}

impl Underway {
    /// Counts a request or TCP session in.
    pub(crate) fn begin(session: &Session) -> Underway {
        let worker = session.worker.clone();
        worker.live.streams_begun.add(1);
        let live = &session.frontend.live;
        let frontend = (session.mode == Mode::Http).then(|| live.clone());
        if frontend.is_some() {
            live.h1_streams_begun.add(worker.index, 1);
        }
        Underway { worker, frontend }
    }
}
