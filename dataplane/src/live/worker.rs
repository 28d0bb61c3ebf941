//! What is observed of one worker: its loop, its tasks, its memory, what it sends.
//!
//! Every cell has one writer, the worker's own thread, so that counting is a load and a store of a line that nobody
//! else writes. Readers look at any time.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that one thread writes and any thread reads.
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    /// So many more.
    pub fn add(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
    }

    /// So many less.
    pub fn sub(&self, amount: u64) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_sub(amount), Ordering::Relaxed);
    }

    /// Another value.
    pub fn set(&self, value: u64) {
        self.0.store(value, Ordering::Relaxed);
    }

    /// At least this value.
    pub fn raise(&self, value: u64) {
        if value > self.now() {
            self.set(value);
        }
    }

    /// The value.
    pub fn now(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// What a task of a worker is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaskKind {
    /// Serves a client's connection.
    Connection,
    /// Accepts connections on a listening socket.
    Acceptor,
    /// Carries out a health check.
    Check,
    /// Looks after the worker itself.
    Upkeep,
}

impl TaskKind {
    /// Every kind, in the order of listings.
    pub const ALL: [TaskKind; 4] =
        [TaskKind::Connection, TaskKind::Acceptor, TaskKind::Check, TaskKind::Upkeep];

    /// Its name in listings.
    pub fn word(self) -> &'static str {
        match self {
            TaskKind::Connection => "connection",
            TaskKind::Acceptor => "acceptor",
            TaskKind::Check => "check",
            TaskKind::Upkeep => "upkeep",
        }
    }
}

/// The tasks of one kind.
#[derive(Debug, Default)]
pub struct TaskTally {
    /// Alive now.
    pub alive: Tally,
    /// Begun since start.
    pub begun: Tally,
    /// How often they were polled.
    pub polls: Tally,
    /// Bytes that their futures take, without what these hold.
    pub bytes: Tally,
}

/// Things that are kept for reuse, such as buffers.
#[derive(Debug, Default)]
pub struct StockTally {
    /// Bytes of one.
    pub size: Tally,
    /// Most in use at a time; 0 for no limit.
    pub most: Tally,
    /// In use now.
    pub used: Tally,
    /// Kept for use now.
    pub kept: Tally,
    /// How often one was wanted and could not be had.
    pub refused: Tally,
}

impl StockTally {
    /// One is taken; `kept` says that it was one that was kept.
    pub fn take(&self, kept: bool) {
        self.used.add(1);
        self.kept.sub(u64::from(kept));
    }

    /// One is given back; `kept` says that it is kept.
    pub fn give(&self, kept: bool) {
        self.used.sub(1);
        self.kept.add(u64::from(kept));
    }
}

/// What is observed of one worker.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct WorkerLive {
    /// Turns of the loop.
    pub turns: Tally,
    /// Turns that had nothing to do and could sleep.
    pub sleeps: Tally,
    /// Waits that ended without a notice, because a timer was due or for other work.
    pub expiries: Tally,
    /// Notices of the kernel about sockets.
    pub notices: Tally,
    /// Wake-ups by other threads.
    pub rings: Tally,
    /// Turns of which the work took longer than [`LONG_TURN_MS`].
    pub long_turns: Tally,
    /// The work of the longest turn, in microseconds.
    pub longest_turn: Tally,
    /// Tasks that were ready at the turn at hand.
    pub ready: Tally,
    /// The tasks, by kind.
    pub tasks: [TaskTally; TaskKind::ALL.len()],
    /// Tasks that ended by a mistake of the program.
    pub panics: Tally,
    /// Timers that were reached.
    pub timers: Tally,
    /// Connections accepted.
    pub accepted: Tally,
    /// Of those, handed on to a worker with less to do.
    pub handed_on: Tally,
    /// Connections taken over from other workers.
    pub adopted: Tally,
    /// Small buffers.
    pub small_buffers: StockTally,
    /// Large buffers.
    pub large_buffers: StockTally,
    /// Tables of header fields.
    pub field_tables: StockTally,
    /// Pipes.
    pub pipes: StockTally,
    /// Bytes received from clients and servers.
    pub bytes_in: Tally,
    /// Bytes sent to clients and servers.
    pub bytes_out: Tally,
    /// Of `bytes_out`, those that the kernel moved between sockets.
    pub bytes_spliced: Tally,
    /// Requests and TCP sessions that were begun.
    pub streams_begun: Tally,
    /// Of those, the ones that are over.
    pub streams_ended: Tally,
}

impl WorkerLive {
    /// The tasks of a kind.
    pub fn tasks_of(&self, kind: TaskKind) -> &TaskTally {
        let [connection, acceptor, check, upkeep] = &self.tasks;
        match kind {
            TaskKind::Connection => connection,
            TaskKind::Acceptor => acceptor,
            TaskKind::Check => check,
            TaskKind::Upkeep => upkeep,
        }
    }

    /// Tasks alive now.
    pub fn tasks_alive(&self) -> u64 {
        self.tasks.iter().map(|tasks| tasks.alive.now()).sum()
    }

    /// Requests and TCP sessions under way now.
    pub fn streams(&self) -> u64 {
        // The end is read first: a stream that ends meanwhile must not make the difference negative.
        let ended = self.streams_ended.now();
        self.streams_begun.now().saturating_sub(ended)
    }

    /// How often something that is kept for reuse was wanted and could not be had.
    pub fn refused(&self) -> u64 {
        let stocks = [&self.small_buffers, &self.large_buffers, &self.pipes];
        stocks.iter().map(|stock| stock.refused.now()).sum()
    }

    /// Notes how long the work of a turn took, in microseconds.
    pub fn note_turn(&self, micros: u64) {
        self.turns.add(1);
        if micros > self.longest_turn.now() {
            self.longest_turn.set(micros);
        }
        if micros >= LONG_TURN_MS * 1000 {
            self.long_turns.add(1);
        }
    }
}

/// Milliseconds of work in one turn from which on other connections notice the delay: HAProxy's default
/// `warn-blocked-traffic-after`.
pub const LONG_TURN_MS: u64 = 100;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_long_from_the_limit_on() {
        let live = WorkerLive::default();
        for micros in [5, 99_999, 100_000, 7] {
            live.note_turn(micros);
        }
        assert_eq!((live.turns.now(), live.long_turns.now(), live.longest_turn.now()), (4, 1, 100_000));
    }

    #[test]
    fn a_stock_knows_what_is_out_and_what_is_kept() {
        let stock = StockTally::default();
        stock.take(false);
        stock.take(false);
        stock.give(true);
        stock.take(true);
        stock.give(false);
        assert_eq!((stock.used.now(), stock.kept.now()), (1, 0));
    }
}
