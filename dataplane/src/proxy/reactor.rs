//! Readiness of one worker's sockets, from the kernel's edge-triggered notices.
//!
//! A socket is watched from the first time that something has to be waited for: a connection that finds its
//! bytes at once is never registered, and one that is closes without being unregistered, for the kernel forgets
//! it with its last descriptor.

use std::cell::{Cell, RefCell};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::rc::Rc;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use rustix::buffer::spare_capacity;
use rustix::event::Timespec;
use rustix::event::epoll::{self, CreateFlags, Event, EventData, EventFlags};
use slab::Slab;

use super::tasks::ROOM;
use crate::live::WorkerLive;

/// What the sockets of one worker are watched by.
pub(crate) struct Reactor {
    epoll: OwnedFd,
    entries: RefCell<Slab<Entry>>,
    events: RefCell<Vec<Event>>,
    live: Arc<WorkerLive>,
}

/// A socket with what is known of its readiness.
#[derive(Debug)]
pub(crate) struct Source {
    reactor: Rc<Reactor>,
    descriptor: OwnedFd,
    watch: Cell<Watch>,
    /// Whether other descriptors lead to the same socket: it must be unregistered when it closes.
    shared: bool,
}

/// What is known of a socket before the kernel is asked to watch it, and then its entry.
#[derive(Clone, Copy, Debug)]
enum Watch {
    Unwatched { drained: bool, clogged: bool },
    Watched(u32),
}

#[derive(Debug)]
struct Entry {
    readable: bool,
    writable: bool,
    /// The peer has closed, or the socket failed: no further notice will come.
    closed: bool,
    /// Whether room to write is noticed as well.
    for_writing: bool,
    reader: Option<Waker>,
    writer: Option<Waker>,
}

impl Reactor {
    /// Watches nothing but a bell that other threads ring; counts in `live`.
    pub(crate) fn new(bell: &OwnedFd, live: Arc<WorkerLive>) -> io::Result<Reactor> {
        let epoll = epoll::create(CreateFlags::CLOEXEC)?;
        // Each ring is an edge of its own: the bell need not be read.
        epoll::add(&epoll, bell, EventData::new_u64(BELL), EventFlags::IN | EventFlags::ET)?;
        Ok(Reactor {
            epoll,
            entries: RefCell::new(Slab::with_capacity(ROOM)),
            events: RefCell::new(Vec::with_capacity(EVENTS)),
            live,
        })
    }

    /// Waits for notices, for ever without a limit, and wakes who waits for what they say.
    pub(crate) fn wait(&self, limit: Option<Duration>) -> io::Result<()> {
        let mut events = self.events.borrow_mut();
        events.clear();
        // Rounded up: a limit that is cut off would be waited for in circles.
        let limit = limit.map(|limit| {
            let millis = limit.as_nanos().div_ceil(1_000_000);
            let millis = i64::try_from(millis).unwrap_or(i64::MAX);
            Timespec { tv_sec: millis / 1000, tv_nsec: millis % 1000 * 1_000_000 }
        });
        match epoll::wait(&self.epoll, spare_capacity(&mut events), limit.as_ref()) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if events.is_empty() {
            self.live.expiries.add(1);
        }
        self.live.notices.add(events.len() as u64);
        let mut entries = self.entries.borrow_mut();
        for event in events.iter() {
            let key = event.data.u64();
            if key == BELL {
                self.live.rings.add(1);
            } else if let Some(entry) = usize::try_from(key).ok().and_then(|key| entries.get_mut(key)) {
                entry.note(event.flags);
            }
        }
        Ok(())
    }

    fn add(&self, descriptor: &OwnedFd, entry: Entry) -> io::Result<u32> {
        let mut entries = self.entries.borrow_mut();
        let slot = entries.vacant_entry();
        let key = u32::try_from(slot.key()).map_err(io::Error::other)?;
        let writing = if entry.for_writing { EventFlags::OUT } else { EventFlags::empty() };
        epoll::add(&self.epoll, descriptor, EventData::new_u64(u64::from(key)), READING | writing)?;
        slot.insert(entry);
        Ok(key)
    }
}

impl Entry {
    fn note(&mut self, flags: EventFlags) {
        let failed = flags.intersects(EventFlags::HUP | EventFlags::ERR);
        let ended = failed || flags.contains(EventFlags::RDHUP);
        self.closed |= ended;
        if ended || flags.contains(EventFlags::IN) {
            self.readable = true;
            if let Some(waker) = self.reader.take() {
                waker.wake();
            }
        }
        if failed || flags.contains(EventFlags::OUT) {
            self.writable = true;
            if let Some(waker) = self.writer.take() {
                waker.wake();
            }
        }
    }
}

impl Source {
    /// A non-blocking socket to which no other descriptor leads.
    pub(crate) fn new(reactor: &Rc<Reactor>, descriptor: OwnedFd) -> Source {
        let watch = Cell::new(Watch::Unwatched { drained: false, clogged: false });
        Source { reactor: reactor.clone(), descriptor, watch, shared: false }
    }

    /// A non-blocking socket to which other descriptors may lead.
    pub(crate) fn shared(reactor: &Rc<Reactor>, descriptor: OwnedFd) -> Source {
        let mut source = Source::new(reactor, descriptor);
        source.shared = true;
        source
    }

    /// Where its worker counts.
    pub(crate) fn live(&self) -> &WorkerLive {
        &self.reactor.live
    }

    /// Ready when a read may find something, the end included.
    pub(crate) fn poll_readable(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        match self.watch.get() {
            Watch::Unwatched { drained: false, .. } => Poll::Ready(Ok(())),
            Watch::Unwatched { drained: true, clogged } => self.begin(clogged, |entry| {
                entry.reader = Some(context.waker().clone());
            }),
            Watch::Watched(key) => self.with(key, |entry| {
                if entry.readable || entry.closed {
                    return Poll::Ready(Ok(()));
                }
                wait(&mut entry.reader, context);
                Poll::Pending
            }),
        }
    }

    /// Ready when the peer has closed its side, whatever it sent before.
    pub(crate) fn poll_closed(&self, context: &Context<'_>) -> Poll<()> {
        let outcome = match self.watch.get() {
            Watch::Unwatched { clogged, .. } => self.begin(clogged, |entry| {
                entry.reader = Some(context.waker().clone());
            }),
            Watch::Watched(key) => self.with(key, |entry| {
                if entry.closed {
                    return Poll::Ready(Ok(()));
                }
                wait(&mut entry.reader, context);
                Poll::Pending
            }),
        };
        outcome.map(|_| ())
    }

    /// Ready when a write may find room.
    pub(crate) fn poll_writable(&self, context: &Context<'_>) -> Poll<io::Result<()>> {
        match self.watch.get() {
            Watch::Unwatched { clogged: false, .. } => Poll::Ready(Ok(())),
            Watch::Unwatched { clogged: true, .. } => self.begin(true, |entry| {
                entry.writer = Some(context.waker().clone());
            }),
            Watch::Watched(key) => self.with(key, |entry| {
                if entry.writable || entry.closed {
                    return Poll::Ready(Ok(()));
                }
                wait(&mut entry.writer, context);
                if std::mem::replace(&mut entry.for_writing, true) {
                    return Poll::Pending;
                }
                let data = EventData::new_u64(u64::from(key));
                let changed =
                    epoll::modify(&self.reactor.epoll, &self.descriptor, data, READING | EventFlags::OUT);
                match changed {
                    Ok(()) => Poll::Pending,
                    Err(error) => Poll::Ready(Err(error.into())),
                }
            }),
        }
    }

    /// Whether nothing can have come since the last read.
    pub(crate) fn is_drained(&self) -> bool {
        match self.watch.get() {
            Watch::Unwatched { .. } => false,
            Watch::Watched(key) => self
                .reactor
                .entries
                .borrow()
                .get(key as usize)
                .is_some_and(|entry| !entry.readable && !entry.closed),
        }
    }

    /// A read took everything, and left room: the next one waits for the kernel's notice. The end of the stream
    /// may have been noticed together with what was read, so it stays known.
    pub(crate) fn note_drained(&self) {
        match self.watch.get() {
            Watch::Unwatched { clogged, .. } => {
                self.watch.set(Watch::Unwatched { drained: true, clogged });
            }
            Watch::Watched(key) => {
                if let Some(entry) = self.reactor.entries.borrow_mut().get_mut(key as usize) {
                    entry.readable = false;
                }
            }
        }
    }

    /// A read found nothing, which it would not have at the end of the stream.
    pub(crate) fn note_empty(&self) {
        self.note_drained();
        self.note_open();
    }

    /// A write found no room.
    pub(crate) fn note_clogged(&self) {
        match self.watch.get() {
            Watch::Unwatched { drained, .. } => {
                self.watch.set(Watch::Unwatched { drained, clogged: true });
            }
            Watch::Watched(key) => {
                if let Some(entry) = self.reactor.entries.borrow_mut().get_mut(key as usize) {
                    entry.writable = false;
                }
            }
        }
    }

    fn note_open(&self) {
        if let Watch::Watched(key) = self.watch.get()
            && let Some(entry) = self.reactor.entries.borrow_mut().get_mut(key as usize)
        {
            entry.closed = false;
        }
    }

    /// Asks the kernel to watch the socket. Its first notice tells how things stand.
    fn begin(&self, for_writing: bool, wait: impl FnOnce(&mut Entry)) -> Poll<io::Result<()>> {
        let mut entry = Entry {
            readable: false,
            writable: !for_writing,
            closed: false,
            for_writing,
            reader: None,
            writer: None,
        };
        wait(&mut entry);
        match self.reactor.add(&self.descriptor, entry) {
            Ok(key) => {
                self.watch.set(Watch::Watched(key));
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }

    fn with(&self, key: u32, look: impl FnOnce(&mut Entry) -> Poll<io::Result<()>>) -> Poll<io::Result<()>> {
        match self.reactor.entries.borrow_mut().get_mut(key as usize) {
            Some(entry) => look(entry),
            None => Poll::Ready(Err(io::ErrorKind::NotConnected.into())),
        }
    }
}

impl std::fmt::Debug for Reactor {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Reactor")
            .field("entries", &self.entries.borrow().len())
            .finish_non_exhaustive()
    }
}

impl AsFd for Source {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.descriptor.as_fd()
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        if let Watch::Watched(key) = self.watch.get() {
            if self.shared {
                // Only a descriptor that is not watched can be refused here.
                let _ = epoll::delete(&self.reactor.epoll, &self.descriptor);
            }
            let entry = self.reactor.entries.borrow_mut().try_remove(key as usize);
            drop(entry);
        }
    }
}

fn wait(place: &mut Option<Waker>, context: &Context<'_>) {
    if !place.as_ref().is_some_and(|known| known.will_wake(context.waker())) {
        *place = Some(context.waker().clone());
    }
}

/// The key of the bell.
const BELL: u64 = u64::MAX;
/// Notices taken at a time.
const EVENTS: usize = 256;
const READING: EventFlags = EventFlags::IN.union(EventFlags::RDHUP).union(EventFlags::ET);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;

    use super::*;
    use crate::proxy::tasks::Tasks;

    fn pair() -> (Rc<Reactor>, Source, UnixStream) {
        let tasks = Tasks::new(Arc::default()).unwrap();
        let reactor = Rc::new(Reactor::new(tasks.bell(), Arc::default()).unwrap());
        let (own, other) = UnixStream::pair().unwrap();
        own.set_nonblocking(true).unwrap();
        let source = Source::new(&reactor, own.into());
        (reactor, source, other)
    }

    fn readable(source: &Source) -> bool {
        source.poll_readable(&Context::from_waker(Waker::noop())).is_ready()
    }

    fn writable(source: &Source) -> bool {
        source.poll_writable(&Context::from_waker(Waker::noop())).is_ready()
    }

    #[test]
    fn bytes_that_came_before_the_watch_are_noticed() {
        let (reactor, source, mut other) = pair();
        assert!(readable(&source), "nothing is known yet");
        source.note_drained();
        other.write_all(b"x").unwrap();
        assert!(!readable(&source), "the kernel is asked only now");
        reactor.wait(None).unwrap();
        assert!(readable(&source));
        source.note_empty();
        assert!(!readable(&source));
        other.write_all(b"y").unwrap();
        reactor.wait(None).unwrap();
        assert!(readable(&source));
    }

    #[test]
    fn an_end_that_came_with_the_last_bytes_stays_known() {
        let (reactor, source, mut other) = pair();
        source.note_drained();
        assert!(!readable(&source));
        other.write_all(b"x").unwrap();
        drop(other);
        reactor.wait(None).unwrap();
        source.note_drained();
        assert!(readable(&source));
        assert!(source.poll_closed(&Context::from_waker(Waker::noop())).is_ready());
    }

    #[test]
    fn room_to_write_is_noticed_once_somebody_waits_for_it() {
        let (reactor, source, mut other) = pair();
        source.note_drained();
        assert!(!readable(&source) && writable(&source));
        let mut sent = 0;
        while let Ok(count) = rustix::io::write(&source, &[0; 4096]) {
            sent += count;
        }
        source.note_clogged();
        assert!(!writable(&source));
        let mut bytes = vec![0; sent];
        other.read_exact(&mut bytes).unwrap();
        reactor.wait(None).unwrap();
        assert!(writable(&source));
    }
}
