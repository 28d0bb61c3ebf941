//! The entries of a list, as a snapshot has them.

use std::sync::Arc;

use regate_proto::patterns::{Entry, EntryId, Run};

/// The entries of a list in order, found by id.
///
/// Runs are shared with the state and with other versions; a clone costs nothing, and the first change after it
/// copies a page of references.
#[derive(Clone, Debug, Default)]
pub struct Entries {
    pages: Arc<Vec<Page>>,
    count: usize,
}

/// Some parts, in the order of their numbers.
#[derive(Clone, Debug)]
struct Page {
    first: u64,
    parts: Arc<Vec<(u64, Arc<Run>)>>,
}

impl Entries {
    /// How many entries there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The part with this number: entries whose ids are near each other.
    pub fn part(&self, number: u64) -> Option<&Arc<Run>> {
        let page = self.pages.get(self.page_of(number))?;
        let at = page.parts.binary_search_by_key(&number, |(number, _)| *number).ok()?;
        page.parts.get(at).map(|(_, run)| run)
    }

    /// The entry with this id.
    pub fn find(&self, id: EntryId) -> Option<Entry<'_>> {
        self.part(id.part())?.find(id)
    }

    /// Every entry, in order.
    pub fn iter(&self) -> impl Iterator<Item = Entry<'_>> {
        self.parts().flat_map(|(_, run)| run.iter())
    }

    /// Every part with its number, in order.
    pub fn parts(&self) -> impl Iterator<Item = (u64, &Arc<Run>)> {
        self.pages.iter().flat_map(|page| page.parts.iter().map(|(number, run)| (*number, run)))
    }

    /// The parts from a number on, in order.
    pub fn parts_from(&self, number: u64) -> impl Iterator<Item = (u64, &Arc<Run>)> {
        let pages = self.pages.get(self.page_of(number)..).unwrap_or_default();
        let parts = pages.iter().flat_map(|page| page.parts.iter().map(|(number, run)| (*number, run)));
        parts.skip_while(move |(at, _)| *at < number)
    }

    /// Writes the part with this number, or removes it; gives what was there.
    pub fn write(&mut self, number: u64, run: Option<Arc<Run>>) -> Option<Arc<Run>> {
        let run = run.filter(|run| !run.is_empty());
        let at = self.page_of(number);
        let pages = Arc::make_mut(&mut self.pages);
        if pages.is_empty() {
            pages.push(Page { first: number, parts: Arc::default() });
        }
        let page = pages.get_mut(at)?;
        let place = page.parts.binary_search_by_key(&number, |(number, _)| *number);
        let added = run.as_ref().map_or(0, |run| run.len());
        let parts = Arc::make_mut(&mut page.parts);
        let old = match (place, run) {
            (Ok(place), Some(run)) => parts.get_mut(place).map(|part| std::mem::replace(&mut part.1, run)),
            (Ok(place), None) => Some(parts.remove(place).1),
            (Err(place), Some(run)) => {
                parts.insert(place, (number, run));
                None
            }
            (Err(_), None) => None,
        };
        let removed = old.as_ref().map_or(0, |run| run.len());
        self.count = self.count.saturating_add(added).saturating_sub(removed);
        match parts.first() {
            Some((first, _)) => page.first = *first,
            None => {
                pages.remove(at);
                return old;
            }
        }
        if parts.len() > LARGEST_PAGE {
            let rest = parts.split_off(LARGEST_PAGE / 2);
            if let Some((first, _)) = rest.first() {
                pages.insert(at.saturating_add(1), Page { first: *first, parts: Arc::new(rest) });
            }
        }
        old
    }

    /// The page that has the part, or would.
    fn page_of(&self, number: u64) -> usize {
        self.pages.partition_point(|page| page.first <= number).saturating_sub(1)
    }
}

/// Parts on a page, at most.
const LARGEST_PAGE: usize = 128;
