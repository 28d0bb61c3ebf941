//! The entries of stick tables that a session or a stream holds, and what is counted in them (configuration manual 4.2
//! "http-request track-sc0" and "stick-table").
//!
//! Of one connection and one thread. What is tracked while a connection is judged is held as long as the connection;
//! what is tracked for a stream as long as the stream, that is in HTTP for one request.

use std::cell::RefCell;
use std::sync::Arc;

use regate_proto::model::DataType;
use smallvec::SmallVec;

use super::table::{Entry, Held, Key, Table};

/// The entries that a connection and its stream hold, by the numbers of trackers.
#[derive(Debug, Default)]
pub struct Trackers {
    held: RefCell<SmallVec<[Tracker; 1]>>,
}

/// How long an entry is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Life {
    /// As long as the connection.
    Session,
    /// As long as the stream.
    Stream,
}

/// What a stream came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct StreamEnd {
    /// Whether the client's request was at fault: malformed, denied, or answered with 4xx.
    pub request_failed: bool,
    /// Whether the server failed: its response was malformed or missing, or 5xx except 501 and 505.
    pub server_failed: bool,
    /// Oddities of protocol on the client's connection.
    pub glitches: u32,
    /// Bytes from the client.
    pub bytes_in: u64,
    /// Bytes to the client.
    pub bytes_out: u64,
}

#[derive(Debug)]
struct Tracker {
    number: u8,
    life: Life,
    /// Present until it is let go.
    held: Option<Held>,
}

impl Trackers {
    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.held.borrow().is_empty()
    }

    /// Holds an entry and counts a connection in it, and with `request` an HTTP request as well. Does nothing where the
    /// tracker holds one already, and where the table has no room.
    pub fn track(&self, number: u8, life: Life, table: &Arc<Table>, key: &Key, request: bool, now: u64) {
        let taken = |tracker: &Tracker| tracker.number == number && tracker.life == life;
        if self.held.borrow().iter().any(taken) {
            return;
        }
        let held = table.hold_and(key, now, |entry| {
            entry.add(DataType::ConnCnt, 0, 1);
            entry.add(DataType::ConnCur, 0, 1);
            entry.add(DataType::ConnRate, 0, 1);
            if request {
                count_request(entry);
            }
        });
        if let Some((held, ())) = held {
            self.held.borrow_mut().push(Tracker { number, life, held: Some(held) });
        }
    }

    /// Does something with the entry that a tracker holds: the stream's before the connection's.
    pub fn with<R>(&self, number: u8, with: impl FnOnce(&Held) -> R) -> Option<R> {
        let held = self.held.borrow();
        let of = |life: Life| held.iter().find(|tracker| tracker.number == number && tracker.life == life);
        of(Life::Stream).or_else(|| of(Life::Session)).and_then(|tracker| tracker.held.as_ref()).map(with)
    }

    /// Counts a session: the connection was let in.
    pub fn begin_session(&self, now: u64) {
        self.each(now, |entry| {
            entry.add(DataType::SessCnt, 0, 1);
            entry.add(DataType::SessRate, 0, 1);
        });
    }

    /// Counts an HTTP request in every entry that is held.
    pub fn begin_request(&self, now: u64) {
        self.each(now, count_request);
    }

    /// Counts what a stream came to, and lets go what it held.
    pub fn end_stream(&self, end: StreamEnd, now: u64) {
        if self.is_empty() {
            return;
        }
        let mut held = self.held.borrow_mut();
        for tracker in held.iter_mut() {
            let count = |factor: u64, entry: &mut Entry| {
                if end.request_failed {
                    entry.add(DataType::HttpErrCnt, 0, 1);
                    entry.add(DataType::HttpErrRate, 0, 1);
                }
                if end.server_failed {
                    entry.add(DataType::HttpFailCnt, 0, 1);
                    entry.add(DataType::HttpFailRate, 0, 1);
                }
                if end.glitches > 0 {
                    entry.add(DataType::GlitchCnt, 0, end.glitches.into());
                    entry.add(DataType::GlitchRate, 0, end.glitches.into());
                }
                for (data, rate, bytes) in [
                    (DataType::BytesInCnt, DataType::BytesInRate, end.bytes_in),
                    (DataType::BytesOutCnt, DataType::BytesOutRate, end.bytes_out),
                ] {
                    if bytes > 0 {
                        entry.add(data, 0, bytes);
                        entry.add(rate, 0, bytes / factor);
                    }
                }
                entry.touch();
            };
            let factor = |held: &Held| u64::from(held.table().bytes_factor()).max(1);
            match (tracker.life, &tracker.held) {
                (_, None) => {}
                (Life::Session, Some(held)) => {
                    let factor = factor(held);
                    held.with(now, |entry| count(factor, entry));
                }
                (Life::Stream, Some(_)) => {
                    if let Some(held) = tracker.held.take() {
                        let factor = factor(&held);
                        held.let_go(now, |entry| {
                            count(factor, entry);
                            entry.subtract(DataType::ConnCur, 0, 1);
                        });
                    }
                }
            }
        }
        held.retain(|tracker| tracker.held.is_some());
    }

    fn each(&self, now: u64, mut count: impl FnMut(&mut Entry)) {
        for tracker in self.held.borrow().iter() {
            if let Some(held) = &tracker.held {
                held.with(now, |entry| {
                    count(entry);
                    entry.touch();
                });
            }
        }
    }
}

impl Drop for Tracker {
    fn drop(&mut self) {
        if let Some(held) = self.held.take() {
            // The entry's times stay as they are: they need no clock.
            held.let_go(0, |entry| entry.subtract(DataType::ConnCur, 0, 1));
        }
    }
}

fn count_request(entry: &mut Entry) {
    entry.add(DataType::HttpReqCnt, 0, 1);
    entry.add(DataType::HttpReqRate, 0, 1);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

    use regate_proto::model::{Name, Stored, Table as Shape, TableKey};

    use super::*;

    fn table() -> Arc<Table> {
        let kinds = [
            DataType::ConnCnt,
            DataType::ConnCur,
            DataType::SessCnt,
            DataType::HttpReqCnt,
            DataType::HttpErrCnt,
            DataType::BytesInCnt,
            DataType::GlitchCnt,
        ];
        let store = kinds.into_iter().map(Stored::plain).collect();
        let shape = Shape { store, ..Shape::new(TableKey::Integer, 10) }.checked().unwrap();
        Arc::new(Table::new(Name::new("t").unwrap(), &shape))
    }

    fn seen(table: &Table, key: u32) -> Vec<i64> {
        table
            .look(&Key::of_integer(key), 1, |entry| {
                table.store().iter().filter_map(|stored| entry.read(stored.data, 0)).collect()
            })
            .unwrap()
    }

    #[test]
    fn what_happens_is_counted_in_what_is_held() {
        let table = table();
        let trackers = Trackers::default();
        trackers.track(0, Life::Session, &table, &Key::of_integer(1), false, 1);
        trackers.begin_session(1);
        trackers.begin_request(1);
        trackers.track(0, Life::Stream, &table, &Key::of_integer(2), true, 1);
        trackers.track(0, Life::Stream, &table, &Key::of_integer(3), true, 1);
        assert_eq!(seen(&table, 1), [1, 1, 1, 1, 0, 0, 0]);
        assert_eq!(seen(&table, 2), [1, 1, 0, 1, 0, 0, 0]);
        assert_eq!(table.used(), 2, "a tracker holds one entry at a time");
        assert_eq!(trackers.with(0, |held| held.read(DataType::SessCnt, 0, 1)), Some(Some(0)));
        let end = StreamEnd { request_failed: true, bytes_in: 70, glitches: 2, ..StreamEnd::default() };
        trackers.end_stream(end, 1);
        assert_eq!(seen(&table, 1), [1, 1, 1, 1, 1, 70, 2]);
        assert_eq!(seen(&table, 2), [1, 0, 0, 1, 1, 70, 2]);
        assert_eq!(trackers.with(0, |held| held.read(DataType::SessCnt, 0, 1)), Some(Some(1)));
        drop(trackers);
        assert_eq!(seen(&table, 1), [1, 0, 1, 1, 1, 70, 2]);
        assert_eq!(table.look(&Key::of_integer(1), 1, |entry| entry.uses()), Some(0));
    }
}
