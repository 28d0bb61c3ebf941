//! Rings: the newest lines of a log, in memory, within bounds.
//!
//! Writers append under a short lock and never wait for readers. Whoever reads, to hand lines on or to show them,
//! keeps the number of the line that it wants next; lines that were pushed out before they were read are told as
//! lost. Nothing is allocated once a ring has its size.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use regate_proto::model::{Name, StreamAddress};

/// Every ring, by its name, and the unnamed ones by where their lines go.
#[derive(Debug, Default)]
pub struct Rings {
    named: Mutex<HashMap<Name, Arc<Ring>>>,
    streams: Mutex<HashMap<StreamAddress, Arc<Ring>>>,
}

/// The newest lines of a log.
#[derive(Debug)]
pub struct Ring {
    contents: Mutex<Contents>,
    appended: Condvar,
}

#[derive(Debug)]
struct Contents {
    bytes: VecDeque<u8>,
    /// How long each line is.
    lengths: VecDeque<u32>,
    /// The number of the first line that is still there.
    first: u64,
    /// Most bytes, with what each line takes besides.
    size: usize,
    /// Lines that were too long to be held at all.
    refused: u64,
}

/// Lines that were read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Excerpt {
    /// The number of the line to read next.
    pub next: u64,
    /// Lines before the first one that were pushed out.
    pub lost: u64,
}

impl Rings {
    /// The ring of this name; empty when it is new.
    pub fn named(&self, name: &Name) -> Arc<Ring> {
        self.named.lock().entry(name.clone()).or_insert_with(|| Arc::new(Ring::new(DEFAULT_SIZE))).clone()
    }

    /// The ring of this name, where there is one.
    pub fn find(&self, name: &Name) -> Option<Arc<Ring>> {
        self.named.lock().get(name).cloned()
    }

    /// The ring that feeds the stream to this address; empty when it is new.
    pub fn stream(&self, address: &StreamAddress) -> Arc<Ring> {
        let mut streams = self.streams.lock();
        streams.entry(address.clone()).or_insert_with(|| Arc::new(Ring::new(STREAM_SIZE))).clone()
    }

    /// Forgets the named rings that are not wanted any more.
    pub fn retain(&self, is_wanted: impl Fn(&Name) -> bool) {
        self.named.lock().retain(|name, _| is_wanted(name));
    }
}

impl Ring {
    /// An empty ring of so many bytes.
    pub fn new(size: usize) -> Ring {
        let contents =
            Contents { bytes: VecDeque::new(), lengths: VecDeque::new(), first: 0, size, refused: 0 };
        Ring { contents: Mutex::new(contents), appended: Condvar::new() }
    }

    /// Gives it another size; the newest lines stay as far as they fit.
    pub fn resize(&self, size: usize) {
        let mut contents = self.contents.lock();
        contents.size = size;
        contents.make_room(0);
    }

    /// Appends lines; gives how many were too long to be held at all.
    pub fn append<'a>(&self, lines: impl Iterator<Item = &'a [u8]>) -> u64 {
        let mut refused = 0;
        let mut contents = self.contents.lock();
        for line in lines {
            if line.len() + OVERHEAD > contents.size {
                refused += 1;
                continue;
            }
            contents.make_room(line.len() + OVERHEAD);
            contents.bytes.extend(line);
            contents.lengths.push_back(line.len() as u32);
        }
        contents.refused += refused;
        drop(contents);
        self.appended.notify_all();
        refused
    }

    /// Reads lines from this one on, about so many bytes, each written by `write`.
    pub fn read(&self, from: u64, most: usize, mut write: impl FnMut(&[u8])) -> Excerpt {
        let mut contents = self.contents.lock();
        let start = from.max(contents.first);
        let lost = start - from;
        let skipped = (start - contents.first) as usize;
        let mut at: usize = contents.lengths.iter().take(skipped).map(|length| *length as usize).sum();
        let mut taken = 0;
        let mut next = start;
        contents.bytes.make_contiguous();
        let (bytes, _) = contents.bytes.as_slices();
        for length in contents.lengths.iter().skip(skipped) {
            if taken > most {
                break;
            }
            let end = at + *length as usize;
            write(bytes.get(at..end).unwrap_or_default());
            taken += *length as usize;
            at = end;
            next += 1;
        }
        Excerpt { next, lost }
    }

    /// Waits until there is a line with this number, or the time is over.
    pub fn wait(&self, number: u64, limit: Duration) {
        let deadline = Instant::now() + limit;
        let mut contents = self.contents.lock();
        while contents.first + contents.lengths.len() as u64 <= number {
            if self.appended.wait_until(&mut contents, deadline).timed_out() {
                return;
            }
        }
    }

    /// The number that the next line gets.
    pub fn end(&self) -> u64 {
        let contents = self.contents.lock();
        contents.first + contents.lengths.len() as u64
    }

    /// The number of the oldest line that is still there.
    pub fn first(&self) -> u64 {
        self.contents.lock().first
    }

    /// Lines that were too long to be held at all, since the start.
    pub fn refused(&self) -> u64 {
        self.contents.lock().refused
    }

    /// How many lines it holds, and how many bytes it takes for them.
    pub fn held(&self) -> (u64, u64) {
        let contents = self.contents.lock();
        let bytes = contents.bytes.capacity() + contents.lengths.capacity() * OVERHEAD;
        (contents.lengths.len() as u64, bytes as u64)
    }

    /// Wakes everybody who waits.
    pub fn nudge(&self) {
        self.appended.notify_all();
    }
}

impl Contents {
    fn make_room(&mut self, wanted: usize) {
        while self.bytes.len() + self.lengths.len() * OVERHEAD + wanted > self.size {
            let Some(length) = self.lengths.pop_front() else { return };
            self.bytes.drain(..length as usize);
            self.first += 1;
        }
    }
}

/// The size of a ring that does not say: HAProxy's `tune.bufsize`.
const DEFAULT_SIZE: usize = 16_384;
/// The size of the ring that feeds a stream.
const STREAM_SIZE: usize = 1 << 20;
/// Bytes that a line takes besides its own.
const OVERHEAD: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(ring: &Ring, from: u64) -> (Vec<String>, Excerpt) {
        let mut found = Vec::new();
        let excerpt =
            ring.read(from, usize::MAX, |line| found.push(String::from_utf8_lossy(line).into_owned()));
        (found, excerpt)
    }

    fn append(ring: &Ring, lines: &[&str]) -> u64 {
        ring.append(lines.iter().map(|line| line.as_bytes()))
    }

    #[test]
    fn the_newest_lines_stay_and_lost_ones_are_told() {
        let ring = Ring::new(30);
        append(&ring, &["one", "two", "three"]);
        assert_eq!(
            texts(&ring, 0),
            (vec!["one".into(), "two".into(), "three".into()], Excerpt { next: 3, lost: 0 })
        );
        append(&ring, &["four", "five"]);
        let (found, excerpt) = texts(&ring, 1);
        assert_eq!(found, ["three", "four", "five"]);
        assert_eq!(excerpt, Excerpt { next: 5, lost: 1 });
        assert_eq!(texts(&ring, 4).0, ["five"]);
        assert_eq!(texts(&ring, 5), (vec![], Excerpt { next: 5, lost: 0 }));
    }

    #[test]
    fn what_does_not_fit_at_all_is_refused() {
        let ring = Ring::new(10);
        assert_eq!(append(&ring, &["1234567", "ok"]), 1);
        assert_eq!(texts(&ring, 0).0, ["ok"]);
    }

    #[test]
    fn a_smaller_size_keeps_the_newest() {
        let ring = Ring::new(100);
        append(&ring, &["a", "b", "c"]);
        ring.resize(11);
        assert_eq!(texts(&ring, 0).0, ["b", "c"]);
    }
}
