//! What cuts streams from outside.

use std::fmt;
use std::sync::{Arc, OnceLock};

use super::ServerLive;

/// Who cuts a stream that goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CutBy {
    /// An administrator asked for it.
    Administrator,
    /// Its server went down.
    ServerDown,
    /// It is on a backup server, and a server that is none came up.
    BackupNeedless,
}

/// The way to those who serve streams, for those who only observe servers.
#[derive(Default)]
pub struct Shears(OnceLock<Hand>);

type Hand = Box<dyn Fn(&Arc<ServerLive>, CutBy) + Send + Sync>;

impl Shears {
    /// Says who carries cuts out; the first who says so does.
    pub fn hand_to(&self, hand: impl Fn(&Arc<ServerLive>, CutBy) + Send + Sync + 'static) {
        // There is one data path in a process.
        let _ = self.0.set(Box::new(hand));
    }

    /// Ends all streams that are on a server, or on their way to it, soon.
    pub fn cut(&self, server: &Arc<ServerLive>, by: CutBy) {
        if let Some(hand) = self.0.get() {
            hand(server, by);
        }
    }
}

impl fmt::Debug for Shears {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Shears").field("is_handed", &self.0.get().is_some()).finish()
    }
}
