//! Pipes of one worker: large bodies go through them from socket to socket without being copied.
//!
//! Only bytes that nobody has to look at may take this way. A pipe is taken when a transfer proves to be large
//! and given back when it rests; there are few, so that slow readers cannot make a worker hold much.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::OwnedFd;
use std::rc::Rc;
use std::sync::Arc;

use rustix::pipe::PipeFlags;

use crate::live::WorkerLive;

/// Where pipes come from.
#[derive(Debug, Default)]
pub(crate) struct Pipes {
    free: RefCell<Vec<Ends>>,
    out: Cell<usize>,
    live: Arc<WorkerLive>,
}

/// A pipe in use.
#[derive(Debug)]
pub(crate) struct Pipe {
    ends: Option<Ends>,
    /// Bytes that went in and are not out.
    held: usize,
    home: Rc<Pipes>,
}

#[derive(Debug)]
struct Ends {
    read: OwnedFd,
    write: OwnedFd,
}

impl Pipes {
    /// None yet; they are counted in `live`.
    pub(crate) fn new(live: Arc<WorkerLive>) -> Pipes {
        live.pipes.size.set(SIZE as u64);
        live.pipes.most.set(MOST as u64);
        Pipes { live, ..Pipes::default() }
    }

    /// An empty pipe, unless too many are in use or the system has none to give.
    pub(crate) fn take(self: &Rc<Self>) -> Option<Pipe> {
        if self.out.get() >= MOST {
            self.live.pipes.refused.add(1);
            return None;
        }
        let free = self.free.borrow_mut().pop();
        let kept = free.is_some();
        let Some(ends) = free.or_else(|| open().ok()) else {
            self.live.pipes.refused.add(1);
            return None;
        };
        self.live.pipes.take(kept);
        self.out.set(self.out.get() + 1);
        Some(Pipe { ends: Some(ends), held: 0, home: self.clone() })
    }
}

impl Pipe {
    /// Bytes that wait in it.
    pub(crate) fn held(&self) -> usize {
        self.held
    }

    /// The end that bytes go in by, and one that says how many went.
    pub(crate) fn fill(&mut self, by: impl FnOnce(&OwnedFd) -> io::Result<usize>) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let count = by(&ends.write)?;
        self.held += count;
        Ok(count)
    }

    /// The same for the end that they come out by.
    pub(crate) fn empty(
        &mut self,
        by: impl FnOnce(&OwnedFd, usize) -> io::Result<usize>,
    ) -> io::Result<usize> {
        let Some(ends) = &self.ends else { return Ok(0) };
        let count = by(&ends.read, self.held)?;
        self.held = self.held.saturating_sub(count);
        Ok(count)
    }
}

impl Drop for Pipe {
    fn drop(&mut self) {
        self.home.out.set(self.home.out.get().saturating_sub(1));
        let mut free = self.home.free.borrow_mut();
        // One with bytes of a broken transfer in it is closed.
        let keeps = self.held == 0 && free.len() < KEPT;
        self.home.live.pipes.give(keeps);
        if keeps && let Some(ends) = self.ends.take() {
            free.push(ends);
        }
    }
}

fn open() -> io::Result<Ends> {
    let (read, write) = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK)?;
    // Users without privileges may be refused a larger one: the default size serves as well, at more calls.
    let _ = rustix::pipe::fcntl_setpipe_size(&write, SIZE);
    Ok(Ends { read, write })
}

/// What a pipe can hold, and what one call moves at most.
pub(crate) const SIZE: usize = 512 * 1024;
/// Pipes in use at a time by one worker.
const MOST: usize = 64;
const KEPT: usize = 16;
