//! Buffers of one worker: taken when bytes come, given back when they are gone.
//!
//! An idle connection holds none. Small buffers fit a head; large ones make large bodies cheap, and there
//! are few of them, so that slow readers cannot make a worker hold much.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;

use crate::live::WorkerLive;

/// Where buffers come from.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    small: RefCell<Vec<Box<[u8]>>>,
    large: RefCell<Vec<Box<[u8]>>>,
    large_out: Cell<usize>,
    live: Arc<WorkerLive>,
}

/// Bytes on their way: those in `start..end` are there.
#[derive(Debug)]
pub(crate) struct Buffer {
    bytes: Box<[u8]>,
    start: usize,
    end: usize,
    home: Rc<Buffers>,
}

impl Buffers {
    /// None yet; they are counted in `live`.
    pub(crate) fn new(live: Arc<WorkerLive>) -> Buffers {
        live.small_buffers.size.set(SMALL as u64);
        live.large_buffers.size.set(LARGE as u64);
        live.large_buffers.most.set(LARGE_MOST as u64);
        Buffers { live, ..Buffers::default() }
    }

    /// A small buffer.
    pub(crate) fn small(self: &Rc<Self>) -> Buffer {
        let kept = self.small.borrow_mut().pop();
        self.live.small_buffers.take(kept.is_some());
        let bytes = kept.unwrap_or_else(|| vec![0; SMALL].into_boxed_slice());
        Buffer { bytes, start: 0, end: 0, home: self.clone() }
    }

    /// A large buffer, unless too many are in use.
    fn large(self: &Rc<Self>) -> Option<Buffer> {
        if self.large_out.get() >= LARGE_MOST {
            self.live.large_buffers.refused.add(1);
            return None;
        }
        self.large_out.set(self.large_out.get() + 1);
        let kept = self.large.borrow_mut().pop();
        self.live.large_buffers.take(kept.is_some());
        let bytes = kept.unwrap_or_else(|| vec![0; LARGE].into_boxed_slice());
        Some(Buffer { bytes, start: 0, end: 0, home: self.clone() })
    }
}

impl Buffer {
    /// The bytes that are there.
    pub(crate) fn filled(&self) -> &[u8] {
        &self.bytes[self.start..self.end]
    }

    /// The bytes that are there, to be changed in place.
    pub(crate) fn filled_mut(&mut self) -> &mut [u8] {
        &mut self.bytes[self.start..self.end]
    }

    /// The room behind them.
    pub(crate) fn room(&mut self) -> &mut [u8] {
        &mut self.bytes[self.end..]
    }

    /// So many bytes were put into the room.
    pub(crate) fn put(&mut self, count: usize) {
        self.end = (self.end + count).min(self.bytes.len());
    }

    /// So many bytes were taken from the front.
    pub(crate) fn take(&mut self, count: usize) {
        self.start = (self.start + count).min(self.end);
        if self.start == self.end {
            self.start = 0;
            self.end = 0;
        }
    }

    /// Only the first so many bytes stay.
    pub(crate) fn truncate(&mut self, count: usize) {
        self.end = self.end.min(self.start + count);
    }

    /// Moves what is there to the front, to make room behind it.
    pub(crate) fn compact(&mut self) {
        if self.start > 0 {
            self.bytes.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.start = 0;
        }
    }

    /// How many bytes are there.
    pub(crate) fn len(&self) -> usize {
        self.end - self.start
    }

    /// Whether none are there.
    pub(crate) fn is_empty(&self) -> bool {
        self.start == self.end
    }

    /// Whether there is no room.
    pub(crate) fn is_full(&self) -> bool {
        self.end == self.bytes.len()
    }

    /// Puts a large buffer in the place of an empty small one, where one may be had.
    pub(crate) fn enlarge(&mut self) {
        if self.is_empty()
            && self.bytes.len() == SMALL
            && let Some(large) = self.home.large()
        {
            *self = large;
        }
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let bytes = std::mem::take(&mut self.bytes);
        if bytes.len() == LARGE {
            self.home.large_out.set(self.home.large_out.get().saturating_sub(1));
            let kept = keep(&self.home.large, bytes, LARGE_KEPT);
            self.home.live.large_buffers.give(kept);
        } else {
            let kept = keep(&self.home.small, bytes, SMALL_KEPT);
            self.home.live.small_buffers.give(kept);
        }
    }
}

/// Keeps a buffer for reuse, unless there are enough; tells whether it did.
fn keep(pool: &RefCell<Vec<Box<[u8]>>>, bytes: Box<[u8]>, most: usize) -> bool {
    let mut pool = pool.borrow_mut();
    let keeps = pool.len() < most;
    if keeps {
        pool.push(bytes);
    }
    keeps
}

/// Size of a small buffer: HAProxy's default `tune.bufsize`.
pub(crate) const SMALL: usize = 16 * 1024;
/// Size of a large buffer: a body of 1 GB costs a third of the CPU time that small ones take.
const LARGE: usize = 256 * 1024;
/// Large buffers in use at a time by one worker.
const LARGE_MOST: usize = 64;
const SMALL_KEPT: usize = 128;
const LARGE_KEPT: usize = 4;
