//! Where the servers of a backend sit in its picker, and whose load has changed since the picker looked.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use parking_lot::Mutex;

use super::ServerLive;

/// The seats of a backend's servers: small numbers, each the same for as long as its server is there, so that a
/// picker can keep its servers in vectors while the plans around it are replaced.
///
/// Whoever changes a server's load notes its seat here; the one picker in force reads the notes before it chooses.
/// So giving back a place on a server costs a flag and at most a push, whatever the algorithm.
#[derive(Debug, Default)]
pub struct Seats {
    taken: Mutex<Taken>,
    notes: Mutex<Vec<u32>>,
    /// Whether there are notes, so that a look costs no lock.
    noted: AtomicBool,
    /// The number of the picker that reads notes, 0 for none.
    reader: AtomicU64,
}

/// What a server knows of its own seat.
#[derive(Debug)]
pub(super) struct Seat {
    number: AtomicU32,
    /// Whether the seat is among the notes.
    noted: AtomicBool,
}

#[derive(Debug, Default)]
struct Taken {
    servers: Vec<Option<Arc<ServerLive>>>,
    free: Vec<u32>,
}

impl Seats {
    /// The seat of a server: the one it has, or else a free one.
    pub fn seat(&self, server: &Arc<ServerLive>) -> u32 {
        let mut taken = self.taken.lock();
        let number = server.seat.number.load(Ordering::Relaxed);
        let held = taken.servers.get(number as usize).and_then(Option::as_ref);
        if held.is_some_and(|holder| Arc::ptr_eq(holder, server)) {
            return number;
        }
        let number = taken.free.pop().unwrap_or_else(|| {
            taken.servers.push(None);
            (taken.servers.len() - 1) as u32
        });
        if let Some(place) = taken.servers.get_mut(number as usize) {
            *place = Some(server.clone());
        }
        server.seat.number.store(number, Ordering::Relaxed);
        server.seat.noted.store(false, Ordering::Relaxed);
        number
    }

    /// How many seats are taken.
    pub fn taken(&self) -> usize {
        let taken = self.taken.lock();
        taken.servers.len() - taken.free.len()
    }

    /// Frees the seat of a server.
    pub fn free(&self, server: &Arc<ServerLive>) {
        let mut taken = self.taken.lock();
        let number = server.seat.number.load(Ordering::Relaxed);
        let place = taken.servers.get_mut(number as usize);
        if place.and_then(|place| place.take_if(|holder| Arc::ptr_eq(holder, server))).is_some() {
            server.seat.number.store(NOWHERE, Ordering::Relaxed);
            taken.free.push(number);
        }
    }

    /// Frees the seats of all servers but these; gives the seats that became free.
    pub fn retain<'a>(&self, servers: impl Iterator<Item = &'a Arc<ServerLive>>) -> Vec<u32> {
        let mut taken = self.taken.lock();
        let mut kept = vec![false; taken.servers.len()];
        for server in servers {
            let number = server.seat.number.load(Ordering::Relaxed) as usize;
            if let Some(kept) = kept.get_mut(number) {
                *kept = true;
            }
        }
        let mut freed = Vec::new();
        for (number, (kept, place)) in kept.iter().zip(taken.servers.iter_mut()).enumerate() {
            if let Some(server) = place.take_if(|_| !kept) {
                server.seat.number.store(NOWHERE, Ordering::Relaxed);
                freed.push(number as u32);
            }
        }
        taken.free.extend(&freed);
        freed
    }

    /// Lets this picker read the notes from now on; false when it did already. `wanted`: whether it needs any.
    pub fn read_by(&self, reader: u64, wanted: bool) -> bool {
        let reader = if wanted { reader } else { 0 };
        self.reader.swap(reader, Ordering::SeqCst) != reader
    }

    /// Notes that a server's load changed.
    pub(super) fn note(&self, server: &ServerLive) {
        if self.reader.load(Ordering::Relaxed) == 0 || server.seat.noted.swap(true, Ordering::SeqCst) {
            return;
        }
        let number = server.seat.number.load(Ordering::Relaxed);
        if number != NOWHERE {
            self.notes.lock().push(number);
            self.noted.store(true, Ordering::Release);
        }
    }

    /// Whether this picker has notes to read.
    pub fn has_notes(&self, reader: u64) -> bool {
        self.noted.load(Ordering::Acquire) && self.reader.load(Ordering::Relaxed) == reader
    }

    /// Takes the notes: the seats whose load changed, in the order in which it did, each once.
    pub fn take_notes(&self, into: &mut Vec<u32>) {
        let mut notes = self.notes.lock();
        self.noted.store(false, Ordering::Release);
        std::mem::swap(&mut *notes, into);
    }
}

impl Default for Seat {
    fn default() -> Self {
        Seat { number: AtomicU32::new(NOWHERE), noted: AtomicBool::new(false) }
    }
}

impl ServerLive {
    /// The server's seat; no seat's number when it has none.
    pub fn seat_number(&self) -> u32 {
        self.seat.number.load(Ordering::Relaxed)
    }

    /// What weighs on the server: requests or connections that it serves, or that wait for it.
    pub fn load(&self) -> u32 {
        self.sessions.now().saturating_add(self.queue.length())
    }

    /// Answers the note about the load: the next change makes a new one.
    pub fn heed(&self) {
        self.seat.noted.store(false, Ordering::SeqCst);
    }
}

/// The seat of a server that has none.
const NOWHERE: u32 = u32::MAX;
