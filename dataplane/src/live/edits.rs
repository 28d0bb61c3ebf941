//! Edits of lists that rules ask for, on their way from the workers to who commits them.
//!
//! A worker leaves an edit here and goes on: it never waits. What does not fit is counted and lost. Until an edit is
//! committed its entry is noted as being on its way, so that nobody concludes from the entries in force that there is
//! nothing to do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use parking_lot::Mutex;
use regate_proto::change::EntriesEdit;
use regate_proto::model::ListName;
use tokio::sync::mpsc;
use xxhash_rust::xxh3::xxh3_64;

/// Edits that wait for being committed.
#[derive(Debug)]
pub struct Edits {
    way: mpsc::Sender<ListEdit>,
    end: Mutex<Option<mpsc::Receiver<ListEdit>>>,
    /// How many edits are on their way, by the hash of their entry.
    pending: Box<[AtomicU32]>,
    bytes: AtomicUsize,
    /// Edits that were committed, or turned out to change nothing.
    pub made: AtomicU64,
    /// Edits that found no room.
    pub lost: AtomicU64,
    /// Edits that no list could take.
    pub refused: AtomicU64,
}

/// What a rule wants of an entry.
#[derive(Clone, Debug)]
pub struct ListEdit {
    /// The list.
    pub list: ListName,
    /// The key of the entry.
    pub key: Box<[u8]>,
    /// What becomes of it.
    pub wish: Wish,
    /// The rule that wants it.
    pub origin: Arc<str>,
}

/// What becomes of an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    /// It is there, with this value or without one.
    Present(Option<Box<[u8]>>),
    /// It is gone.
    Absent,
}

impl Edits {
    /// Leaves an edit. Tells whether there was room.
    pub fn leave(&self, edit: ListEdit) -> bool {
        let size = edit.size();
        let fits = self.bytes.fetch_add(size, Ordering::Relaxed).saturating_add(size) <= MOST_BYTES;
        let slot = self.slot(&edit.list, &edit.key);
        slot.fetch_add(1, Ordering::AcqRel);
        if fits && self.way.try_send(edit).is_ok() {
            return true;
        }
        slot.fetch_sub(1, Ordering::AcqRel);
        self.bytes.fetch_sub(size, Ordering::Relaxed);
        self.lost.fetch_add(1, Ordering::Relaxed);
        false
    }

    /// Whether an edit of this entry may be on its way. When it is not, whatever was committed can be seen by who
    /// looks at the newest snapshot from now on.
    pub fn is_pending(&self, list: &ListName, key: &[u8]) -> bool {
        self.slot(list, key).load(Ordering::Acquire) > 0
    }

    /// Notes that an edit is over.
    pub fn settle(&self, edit: &ListEdit) {
        self.bytes.fetch_sub(edit.size(), Ordering::Relaxed);
        self.slot(&edit.list, &edit.key).fetch_sub(1, Ordering::AcqRel);
    }

    /// The end where edits come out, for the one who commits them; nothing where somebody has it already.
    pub fn take_end(&self) -> Option<mpsc::Receiver<ListEdit>> {
        self.end.lock().take()
    }

    fn slot(&self, list: &ListName, key: &[u8]) -> &AtomicU32 {
        let hash = xxh3_64(key) ^ xxh3_64(list.as_str().as_bytes()).rotate_left(1);
        // There are as many slots as the remainder may say.
        &self.pending[(hash % SLOTS) as usize]
    }
}

impl Default for Edits {
    fn default() -> Edits {
        let (way, end) = mpsc::channel(MOST_WAITING);
        Edits {
            way,
            end: Mutex::new(Some(end)),
            pending: (0..SLOTS).map(|_| AtomicU32::new(0)).collect(),
            bytes: AtomicUsize::new(0),
            made: AtomicU64::new(0),
            lost: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }
}

impl ListEdit {
    /// The edit as the state takes it: it says how the entry shall be, so doing it twice does no harm.
    pub fn edit(&self) -> EntriesEdit {
        match &self.wish {
            Wish::Present(value) => EntriesEdit::Ensure(self.key.clone(), value.clone()),
            Wish::Absent => EntriesEdit::Discard(self.key.clone()),
        }
    }

    fn size(&self) -> usize {
        let value = match &self.wish {
            Wish::Present(Some(value)) => value.len(),
            Wish::Present(None) | Wish::Absent => 0,
        };
        self.key.len().saturating_add(value).saturating_add(std::mem::size_of::<ListEdit>())
    }
}

/// Edits that wait at most.
const MOST_WAITING: usize = 16_384;

/// Bytes that waiting edits hold at most.
const MOST_BYTES: usize = 32 << 20;

/// Places to count edits on their way.
const SLOTS: u64 = 1024;

#[cfg(test)]
mod tests {
    use super::*;

    fn edit(key: &str) -> ListEdit {
        ListEdit {
            list: ListName::new("virt@l").unwrap_or_else(|bad| unreachable!("{bad}")),
            key: key.as_bytes().into(),
            wish: Wish::Present(None),
            origin: Arc::from("a test"),
        }
    }

    #[test]
    fn an_entry_is_on_its_way_until_all_of_its_edits_are_over() {
        let edits = Edits::default();
        let (one, other) = (edit("a"), edit("b"));
        assert!(edits.leave(one.clone()) && edits.leave(one.clone()));
        assert!(edits.is_pending(&one.list, b"a") && !edits.is_pending(&other.list, b"b"));
        edits.settle(&one);
        assert!(edits.is_pending(&one.list, b"a"));
        edits.settle(&one);
        assert!(!edits.is_pending(&one.list, b"a"));
    }

    #[test]
    fn what_does_not_fit_is_counted_and_not_on_its_way() {
        let edits = Edits::default();
        let many = (0..MOST_WAITING + 5).filter(|at| edits.leave(edit(&format!("k{}", at % 7)))).count();
        assert_eq!((many, edits.lost.load(Ordering::Relaxed)), (MOST_WAITING, 5));
        let mut end = edits.take_end().unwrap_or_else(|| unreachable!("nobody has it"));
        while let Ok(edit) = end.try_recv() {
            edits.settle(&edit);
        }
        assert!((0..7).all(|at| !edits.is_pending(&edit("").list, format!("k{at}").as_bytes())));
        assert_eq!(edits.bytes.load(Ordering::Relaxed), 0);
        let large = ListEdit { wish: Wish::Present(Some(vec![0; MOST_BYTES].into())), ..edit("x") };
        assert!(!edits.leave(large) && edits.bytes.load(Ordering::Relaxed) == 0);
        assert!(edits.take_end().is_none());
    }
}
