//! The tasks of one worker: futures that run on its thread alone.
//!
//! A task woken on its worker's thread goes into a queue that nobody else sees; one woken by another thread
//! goes through a mailbox, with a bell that ends the worker's sleep. A wake-up that outlived its task may reach
//! the next one in the same slot: futures are polled without need now and then, and must not mind.

use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use parking_lot::Mutex;
use rustix::event::EventfdFlags;
use slab::Slab;

use crate::live::{TaskKind, TaskTally, WorkerLive};

/// The tasks of one worker.
#[derive(Debug)]
pub(crate) struct Tasks {
    home: Arc<Home>,
    slots: RefCell<Slab<Slot>>,
    serial: Cell<u32>,
    live: Arc<WorkerLive>,
    running: Cell<Option<Task>>,
}

/// Names one task, also after it has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Task {
    key: usize,
    serial: u32,
}

/// What other threads see of a worker's tasks.
#[derive(Debug)]
struct Home {
    number: u64,
    mailbox: Mutex<Vec<usize>>,
    has_mail: AtomicBool,
    sleeping: AtomicBool,
    bell: OwnedFd,
}

struct Slot {
    serial: u32,
    kind: TaskKind,
    /// Bytes of the future, without what it holds.
    size: usize,
    /// Absent while it runs.
    future: Option<Pin<Box<dyn Future<Output = ()>>>>,
    ticket: Arc<Ticket>,
    waker: Waker,
}

/// What a waker holds.
#[derive(Debug)]
struct Ticket {
    home: Arc<Home>,
    key: usize,
    queued: AtomicBool,
}

thread_local! {
    /// The number of the worker that runs on this thread.
    static HERE: Cell<u64> = const { Cell::new(0) };
    /// Its tasks that are to run, in the order in which they were woken.
    static READY: RefCell<VecDeque<usize>> = const { RefCell::new(VecDeque::new()) };
}

impl Tasks {
    /// No tasks yet; they will run on the thread that calls this, and are counted in `live`.
    pub(crate) fn new(live: Arc<WorkerLive>) -> io::Result<Tasks> {
        static NUMBERS: AtomicU64 = AtomicU64::new(1);
        let home = Home {
            number: NUMBERS.fetch_add(1, Ordering::Relaxed),
            mailbox: Mutex::default(),
            has_mail: AtomicBool::new(false),
            sleeping: AtomicBool::new(false),
            bell: rustix::event::eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?,
        };
        HERE.set(home.number);
        READY.with_borrow_mut(VecDeque::clear);
        Ok(Tasks {
            home: Arc::new(home),
            slots: RefCell::new(Slab::with_capacity(ROOM)),
            serial: Cell::new(0),
            live,
            running: Cell::new(None),
        })
    }

    /// The descriptor that becomes readable when another thread wakes a task of a sleeping worker.
    pub(crate) fn bell(&self) -> &OwnedFd {
        &self.home.bell
    }

    /// Adds a task; it runs when the tasks before it have had their turn.
    pub(crate) fn spawn(&self, kind: TaskKind, future: impl Future<Output = ()> + 'static) -> Task {
        let size = size_of_val(&future);
        let tally = self.live.tasks_of(kind);
        tally.alive.add(1);
        tally.begun.add(1);
        tally.bytes.add(size as u64);
        let serial = self.serial.get().wrapping_add(1);
        self.serial.set(serial);
        let mut slots = self.slots.borrow_mut();
        let entry = slots.vacant_entry();
        let key = entry.key();
        let ticket = Arc::new(Ticket { home: self.home.clone(), key, queued: AtomicBool::new(false) });
        let waker = Waker::from(ticket.clone());
        let future: Pin<Box<dyn Future<Output = ()>>> = Box::pin(future);
        entry.insert(Slot { serial, kind, size, future: Some(future), ticket: ticket.clone(), waker });
        ticket.wake_by_ref();
        Task { key, serial }
    }

    /// The task that runs now.
    pub(crate) fn running(&self) -> Option<Task> {
        self.running.get()
    }

    /// Has a task run soon, unless it has ended.
    pub(crate) fn wake(&self, task: Task) {
        let slots = self.slots.borrow();
        if let Some(slot) = slots.get(task.key).filter(|slot| slot.serial == task.serial) {
            slot.ticket.wake_by_ref();
        }
    }

    /// Whether a task is about to run.
    pub(crate) fn is_ready(&self, task: Task) -> bool {
        let slots = self.slots.borrow();
        let slot = slots.get(task.key).filter(|slot| slot.serial == task.serial);
        slot.is_some_and(|slot| slot.ticket.queued.load(Ordering::Relaxed))
    }

    /// Ends a task where it stands.
    pub(crate) fn cancel(&self, task: Task) {
        let mut slots = self.slots.borrow_mut();
        let cancelled = match slots.get(task.key) {
            Some(slot) if slot.serial == task.serial => slots.try_remove(task.key),
            _ => None,
        };
        // What the future drops may come back here.
        drop(slots);
        if let Some(slot) = &cancelled {
            note_end(self.live.tasks_of(slot.kind), slot.size);
        }
        drop(cancelled);
    }

    /// Ends every task.
    pub(crate) fn clear(&self) {
        let slots = std::mem::take(&mut *self.slots.borrow_mut());
        for (_, slot) in &slots {
            note_end(self.live.tasks_of(slot.kind), slot.size);
        }
        drop(slots);
    }

    /// Runs what is ready, and what becomes ready thereby, within bounds: sockets want their turn too.
    pub(crate) fn run(&self) {
        self.fetch_mail();
        self.live.ready.set(READY.with_borrow(VecDeque::len) as u64);
        for _ in 0..BURST {
            self.fetch_mail();
            let Some(key) = READY.with_borrow_mut(VecDeque::pop_front) else { return };
            self.run_one(key);
        }
    }

    /// Says that the worker is about to sleep; false when there is something to do.
    pub(crate) fn lie_down(&self) -> bool {
        self.home.sleeping.store(true, Ordering::SeqCst);
        if self.home.has_mail.load(Ordering::SeqCst) || READY.with_borrow(|ready| !ready.is_empty()) {
            self.rise();
            return false;
        }
        true
    }

    /// Says that the worker is awake.
    pub(crate) fn rise(&self) {
        self.home.sleeping.store(false, Ordering::Relaxed);
    }

    fn fetch_mail(&self) {
        if self.home.has_mail.load(Ordering::Relaxed) && self.home.has_mail.swap(false, Ordering::SeqCst) {
            let mail = std::mem::take(&mut *self.home.mailbox.lock());
            READY.with_borrow_mut(|ready| ready.extend(mail));
        }
    }

    fn run_one(&self, key: usize) {
        let (serial, mut future, waker) = {
            let mut slots = self.slots.borrow_mut();
            let Some(slot) = slots.get_mut(key) else { return };
            slot.ticket.queued.store(false, Ordering::Release);
            let Some(future) = slot.future.take() else { return };
            self.live.tasks_of(slot.kind).polls.add(1);
            (slot.serial, future, slot.waker.clone())
        };
        self.running.set(Some(Task { key, serial }));
        let polled = catch_unwind(AssertUnwindSafe(|| {
            let outcome = future.as_mut().poll(&mut Context::from_waker(&waker));
            outcome.is_pending().then_some(future)
        }));
        self.running.set(None);
        // A connection that trips over a mistake of ours takes no other with it; the panic has been told.
        let rest = polled.unwrap_or_else(|_| {
            self.live.panics.add(1);
            None
        });
        let mut slots = self.slots.borrow_mut();
        let Some(slot) = slots.get_mut(key).filter(|slot| slot.serial == serial) else {
            // It was cancelled while it ran.
            drop(slots);
            return;
        };
        match rest {
            Some(future) => slot.future = Some(future),
            None => {
                note_end(self.live.tasks_of(slot.kind), slot.size);
                slots.remove(key);
            }
        }
    }
}

impl Wake for Ticket {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if self.queued.swap(true, Ordering::AcqRel) {
            return;
        }
        if HERE.get() == self.home.number {
            READY.with_borrow_mut(|ready| ready.push_back(self.key));
            return;
        }
        self.home.mailbox.lock().push(self.key);
        self.home.has_mail.store(true, Ordering::SeqCst);
        if self.home.sleeping.load(Ordering::SeqCst) && self.home.sleeping.swap(false, Ordering::SeqCst) {
            // A bell that has been rung so often that it takes no more is ringing.
            let _ = rustix::io::write(&self.home.bell, &1u64.to_ne_bytes());
        }
    }
}

impl std::fmt::Debug for Slot {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Slot").field("serial", &self.serial).finish_non_exhaustive()
    }
}

/// A task has ended.
fn note_end(tally: &TaskTally, size: usize) {
    tally.alive.sub(1);
    tally.bytes.sub(size as u64);
}

/// Lets the tasks that are ready go first.
pub(crate) async fn yield_now() {
    let mut yielded = false;
    std::future::poll_fn(|context| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        context.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Tasks that there is room for from the start. Room costs memory only where it is used, growing costs it twice.
pub(super) const ROOM: usize = 1 << 16;
/// Polls in a row before sockets are looked at again.
const BURST: usize = 256;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use std::rc::Rc;

    use super::*;
    use crate::live::Tally;

    #[test]
    fn tasks_run_in_the_order_of_their_wake_ups_and_leave_when_done() {
        let tasks = Tasks::new(Arc::default()).unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        for name in ["a", "b"] {
            let seen = seen.clone();
            tasks.spawn(TaskKind::Upkeep, async move {
                for turn in 0..2 {
                    seen.borrow_mut().push(format!("{name}{turn}"));
                    yield_now().await;
                }
            });
        }
        tasks.run();
        assert_eq!(*seen.borrow(), ["a0", "b0", "a1", "b1"]);
        let tally = tasks.live.tasks_of(TaskKind::Upkeep);
        assert_eq!([&tally.alive, &tally.begun, &tally.polls, &tally.bytes].map(Tally::now), [0, 2, 6, 0]);
        assert!(tasks.slots.borrow().is_empty());
        assert!(tasks.lie_down());
    }

    #[test]
    fn a_cancelled_task_never_runs_again_and_its_slot_serves_another() {
        let tasks = Rc::new(Tasks::new(Arc::default()).unwrap());
        let seen = Rc::new(Cell::new(0));
        let first = seen.clone();
        let task = tasks.spawn(TaskKind::Upkeep, async move {
            loop {
                first.set(first.get() + 1);
                yield_now().await;
            }
        });
        tasks.run_one(task.key);
        tasks.cancel(task);
        assert_eq!(tasks.live.tasks_alive(), 0);
        let second = seen.clone();
        let other = tasks.spawn(TaskKind::Upkeep, async move { second.set(second.get() + 100) });
        assert_eq!(task.key, other.key);
        tasks.cancel(task);
        tasks.run();
        assert_eq!(seen.get(), 101);
    }

    #[test]
    fn a_task_that_panics_takes_no_other_with_it() {
        let tasks = Tasks::new(Arc::default()).unwrap();
        let seen = Rc::new(Cell::new(0));
        let counted = seen.clone();
        tasks.spawn(TaskKind::Upkeep, async { assert_eq!(1, 2, "this task fails on purpose") });
        tasks.spawn(TaskKind::Upkeep, async move { counted.set(1) });
        tasks.run();
        assert_eq!(seen.get(), 1);
        assert_eq!((tasks.live.panics.now(), tasks.live.tasks_alive()), (1, 0));
        assert!(tasks.slots.borrow().is_empty());
    }

    #[test]
    fn another_thread_rings_the_bell_of_a_sleeping_worker() {
        let tasks = Tasks::new(Arc::default()).unwrap();
        let (sender, receiver) = std::sync::mpsc::channel::<Waker>();
        let polls = Rc::new(Cell::new(0));
        let counted = polls.clone();
        tasks.spawn(
            TaskKind::Upkeep,
            std::future::poll_fn(move |context| {
                counted.set(counted.get() + 1);
                let _ = sender.send(context.waker().clone());
                if counted.get() == 2 { Poll::Ready(()) } else { Poll::Pending }
            }),
        );
        tasks.run();
        assert!(tasks.lie_down());
        let waker = receiver.recv().unwrap();
        std::thread::spawn(move || waker.wake()).join().unwrap();
        let mut count = [0; 8];
        assert_eq!(rustix::io::read(tasks.bell(), &mut count), Ok(8));
        assert!(!tasks.lie_down());
        tasks.run();
        assert_eq!(polls.get(), 2);
    }
}
