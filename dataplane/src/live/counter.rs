//! Counters that workers write without locks and the admin side sums up.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};

/// The counters of one observed thing: a row of cells per worker, so that a worker touches few cache lines
/// and none of another worker's.
#[derive(Debug)]
pub(super) struct Sheet {
    cells: Arc<Cells>,
    taken: usize,
}

#[derive(Debug)]
struct Cells(Box<[Row]>);

/// A worker's cells.
#[derive(Debug)]
#[repr(align(64))]
struct Row([AtomicU64; ROW]);

/// A number that only grows. Each worker's part has one writer, hence a plain load and store; readers add up.
#[derive(Debug)]
pub struct Counter {
    cells: Arc<Cells>,
    at: usize,
    /// Subtracted on reading: the sum when the counter was last cleared, less what was counted before the process
    /// began.
    cleared: AtomicU64,
}

impl Sheet {
    pub(super) fn new(workers: usize) -> Sheet {
        let rows = (0..workers).map(|_| Row([const { AtomicU64::new(0) }; ROW])).collect();
        Sheet { cells: Arc::new(Cells(rows)), taken: 0 }
    }

    /// A further counter of this sheet.
    pub(super) fn counter(&mut self) -> Counter {
        debug_assert!(self.taken < ROW, "the sheet has no cell left");
        let at = self.taken.min(ROW - 1);
        self.taken += 1;
        Counter { cells: self.cells.clone(), at, cleared: AtomicU64::new(0) }
    }
}

impl Counter {
    /// Adds to a worker's part.
    pub fn add(&self, worker: usize, amount: u64) {
        if let Some(Row(cells)) = self.cells.0.get(worker) {
            let cell = &cells[self.at];
            cell.store(cell.load(Ordering::Relaxed).wrapping_add(amount), Ordering::Relaxed);
        }
    }

    /// Takes from a worker's part: for what goes up and down, which is never cleared.
    pub fn sub(&self, worker: usize, amount: u64) {
        self.add(worker, amount.wrapping_neg());
    }

    /// Puts another value into a worker's part: for what is measured, which is never cleared.
    pub fn set(&self, worker: usize, value: u64) {
        if let Some(Row(cells)) = self.cells.0.get(worker) {
            cells[self.at].store(value, Ordering::Relaxed);
        }
    }

    /// Each worker's part, of what is never cleared.
    pub fn parts(&self) -> impl Iterator<Item = u64> {
        self.cells.0.iter().map(|Row(cells)| cells[self.at].load(Ordering::Relaxed))
    }

    /// The sum since the counter was cleared.
    pub fn sum(&self) -> u64 {
        self.total().wrapping_sub(self.cleared.load(Ordering::Relaxed))
    }

    /// Starts again at zero.
    pub fn clear(&self) {
        self.cleared.store(self.total(), Ordering::Relaxed);
    }

    /// Counts what was counted before the process began.
    pub fn add_earlier(&self, amount: u64) {
        self.cleared.fetch_sub(amount, Ordering::Relaxed);
    }

    /// The sum of all parts, whatever was cleared: for what is never cleared.
    pub fn total(&self) -> u64 {
        self.cells
            .0
            .iter()
            .fold(0, |sum, Row(cells)| sum.wrapping_add(cells[self.at].load(Ordering::Relaxed)))
    }
}

/// Cells in a row: what the thing with the most counters needs, in whole cache lines.
const ROW: usize = 40;

/// A number that goes up and down, shared by all workers, with the highest value seen.
///
/// Rising and falling are sequentially consistent: a freed slot and a joined queue must not miss each other.
#[derive(Debug, Default)]
pub struct Gauge {
    now: AtomicU32,
    highest: AtomicU32,
}

impl Gauge {
    /// One more; gives the new value.
    pub fn rise(&self) -> u32 {
        let now = self.now.fetch_add(1, Ordering::SeqCst).wrapping_add(1);
        if now > self.highest.load(Ordering::Relaxed) {
            self.highest.fetch_max(now, Ordering::Relaxed);
        }
        now
    }

    /// One more unless there are `limit` already (0: no limit); tells whether it rose.
    pub fn rise_below(&self, limit: u32) -> bool {
        if limit == 0 {
            self.rise();
            return true;
        }
        let risen = self.now.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |now| {
            (now < limit).then_some(now.saturating_add(1))
        });
        match risen {
            Ok(before) => {
                self.highest.fetch_max(before.saturating_add(1), Ordering::Relaxed);
                true
            }
            Err(_) => false,
        }
    }

    /// One less; gives the new value.
    pub fn fall(&self) -> u32 {
        self.now.fetch_sub(1, Ordering::SeqCst).wrapping_sub(1)
    }

    /// The value.
    pub fn now(&self) -> u32 {
        self.now.load(Ordering::Relaxed)
    }

    /// The highest value since it was cleared.
    pub fn highest(&self) -> u32 {
        self.highest.load(Ordering::Relaxed).max(self.now())
    }

    /// Starts the highest value again at the present one.
    pub fn clear(&self) {
        self.highest.store(self.now(), Ordering::Relaxed);
    }
}

/// The mean of the last samples, and the highest one; milliseconds.
///
/// A sliding sum over 512 samples, shared by all workers without a lock: an update lost between two workers
/// weighs one sample.
#[derive(Debug, Default)]
pub struct Mean {
    scaled: AtomicU64,
    highest: AtomicU32,
}

impl Mean {
    const WINDOW: u64 = 512;

    /// Adds a sample in milliseconds.
    pub fn add(&self, sample: u32) {
        let old = self.scaled.load(Ordering::Relaxed);
        let new = old.wrapping_sub(old.div_ceil(Self::WINDOW)).wrapping_add(u64::from(sample));
        if new != old {
            self.scaled.store(new, Ordering::Relaxed);
        }
        if sample > self.highest.load(Ordering::Relaxed) {
            self.highest.fetch_max(sample, Ordering::Relaxed);
        }
    }

    /// The mean in milliseconds, over `samples` that were taken in all.
    pub fn mean(&self, samples: u64) -> u64 {
        let window = samples.clamp(1, Self::WINDOW);
        self.scaled.load(Ordering::Relaxed).div_ceil(window)
    }

    /// The highest sample since it was cleared.
    pub fn highest(&self) -> u32 {
        self.highest.load(Ordering::Relaxed)
    }

    /// Forgets all samples.
    pub fn forget(&self) {
        self.scaled.store(0, Ordering::Relaxed);
    }

    /// Forgets the highest sample.
    pub fn clear(&self) {
        self.highest.store(0, Ordering::Relaxed);
    }
}

/// Responses by class.
#[derive(Debug)]
pub struct Statuses {
    /// 1xx to 5xx, then everything else.
    pub classes: [Counter; 6],
}

impl Statuses {
    /// None yet.
    pub(super) fn new(sheet: &mut Sheet) -> Statuses {
        Statuses { classes: std::array::from_fn(|_| sheet.counter()) }
    }

    /// Counts a final or intermediate response.
    pub fn add(&self, worker: usize, status: u16) {
        let class = match status / 100 {
            class @ 1..=5 => usize::from(class) - 1,
            _ => 5,
        };
        self.classes[class].add(worker, 1);
    }

    /// Starts again at zero.
    pub fn clear(&self) {
        self.classes.iter().for_each(Counter::clear);
    }
}

/// Bytes in both directions, at both sides of the proxy.
#[derive(Debug)]
pub struct Traffic {
    /// Bytes from clients.
    pub bytes_in: Counter,
    /// Bytes to clients.
    pub bytes_out: Counter,
    /// Bytes to servers.
    pub request_sent: Counter,
    /// Bytes from servers.
    pub response_received: Counter,
    /// Bytes to servers that the kernel moved between sockets.
    pub request_spliced: Counter,
    /// Bytes to clients that the kernel moved between sockets.
    pub response_spliced: Counter,
}

/// Bytes of one exchange.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Carried {
    /// From the client.
    pub bytes_in: u64,
    /// To the client.
    pub bytes_out: u64,
    /// To servers.
    pub request_sent: u64,
    /// From servers.
    pub response_received: u64,
    /// To servers, moved by the kernel.
    pub request_spliced: u64,
    /// To the client, moved by the kernel.
    pub response_spliced: u64,
}

impl Traffic {
    /// None yet.
    pub(super) fn new(sheet: &mut Sheet) -> Traffic {
        Traffic {
            bytes_in: sheet.counter(),
            bytes_out: sheet.counter(),
            request_sent: sheet.counter(),
            response_received: sheet.counter(),
            request_spliced: sheet.counter(),
            response_spliced: sheet.counter(),
        }
    }

    /// Counts an exchange.
    pub fn add(&self, worker: usize, carried: Carried) {
        self.bytes_in.add(worker, carried.bytes_in);
        self.bytes_out.add(worker, carried.bytes_out);
        if carried.request_sent | carried.response_received != 0 {
            self.request_sent.add(worker, carried.request_sent);
            self.response_received.add(worker, carried.response_received);
        }
        if carried.request_spliced | carried.response_spliced != 0 {
            self.request_spliced.add(worker, carried.request_spliced);
            self.response_spliced.add(worker, carried.response_spliced);
        }
    }

    /// Starts again at zero.
    pub fn clear(&self) {
        let counters = [
            &self.bytes_in,
            &self.bytes_out,
            &self.request_sent,
            &self.response_received,
            &self.request_spliced,
            &self.response_spliced,
        ];
        counters.into_iter().for_each(Counter::clear);
    }
}
