//! The value contains the pattern (`sub`): all patterns are looked for in one pass (Aho-Corasick).

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use aho_corasick::nfa::contiguous;
use aho_corasick::{Anchored, MatchKind, dfa};
use regate_proto::patterns::EntryId;
use regate_proto::rules::patterns::{Matching, Pattern};

use super::{Entries, first};

/// A compiled base, and beside it what came and went since.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    base: Option<Arc<Compiled>>,
    /// What is not in the base.
    added: Arc<BTreeSet<EntryId>>,
    rest: Option<Arc<Compiled>>,
    /// What is in the base and counts no more.
    gone: Arc<BTreeSet<EntryId>>,
    is_stale: bool,
}

/// Patterns in the order of their entries.
#[derive(Debug)]
struct Compiled {
    automaton: Automaton,
    ids: Vec<EntryId>,
}

impl Parts {
    pub(super) fn insert(&mut self, id: EntryId) {
        // One that comes back under its id may have another pattern than the base knows.
        Arc::make_mut(&mut self.added).insert(id);
        self.is_stale = true;
    }

    pub(super) fn remove(&mut self, id: EntryId) {
        Arc::make_mut(&mut self.added).remove(&id);
        if self.base.as_ref().is_some_and(|base| base.ids.binary_search(&id).is_ok()) {
            Arc::make_mut(&mut self.gone).insert(id);
        }
        self.is_stale = true;
    }

    pub(super) fn settle(&mut self, entries: &Entries, matching: Matching) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let base = self.base.as_ref().map_or(0, |base| base.ids.len());
        if is_large(self.added.len().saturating_add(self.gone.len()), base) {
            self.base = compile(entries.iter().map(|entry| (entry.id, entry.key)), matching);
            (self.added, self.gone, self.rest) = Default::default();
        } else {
            let added = self.added.iter().filter_map(|id| Some((*id, entries.find(*id)?.key)));
            self.rest = compile(added, matching);
        }
    }

    pub(super) fn find(&self, text: &[u8]) -> Option<EntryId> {
        let find = |compiled: &Option<Arc<Compiled>>, gone: &BTreeSet<EntryId>| {
            compiled.as_ref().and_then(|compiled| compiled.find(text, gone))
        };
        let nothing = BTreeSet::new();
        first(find(&self.base, &self.gone), find(&self.rest, &nothing))
    }
}

impl Compiled {
    /// The first pattern in order that the text contains.
    fn find(&self, text: &[u8], gone: &BTreeSet<EntryId>) -> Option<EntryId> {
        let mut best: Option<usize> = None;
        self.automaton.scan(text, |at| {
            let counts = best.is_none_or(|best| at < best)
                && self.ids.get(at).is_some_and(|id| gone.is_empty() || !gone.contains(id));
            if counts {
                best = Some(at);
            }
            if best == Some(0) { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        });
        best.and_then(|at| self.ids.get(at).copied())
    }
}

/// Whether so much came and went that the base is worth compiling again.
pub(super) fn is_large(changed: usize, base: usize) -> bool {
    changed > (base / 8).max(64)
}

fn compile<'a>(
    patterns: impl Iterator<Item = (EntryId, &'a [u8])>,
    matching: Matching,
) -> Option<Arc<Compiled>> {
    let (mut ids, mut texts) = (Vec::new(), Vec::new());
    for (id, key) in patterns {
        if let Ok(Pattern::Bytes(text)) = matching.parse(key) {
            ids.push(id);
            texts.push(text);
        }
    }
    let automaton = Automaton::of(&texts, matching.ignore_case)?;
    Some(Arc::new(Compiled { automaton, ids }))
}

/// Looks for many texts at once.
#[derive(Debug)]
pub(super) enum Automaton {
    /// A step a byte, for as much memory as the texts have bytes in all, by letters that they have.
    Fast(dfa::DFA),
    /// Some steps a byte, in little memory.
    Small(contiguous::NFA),
}

impl Automaton {
    /// What looks for these texts; `None` for none.
    pub(super) fn of<T: AsRef<[u8]>>(texts: &[T], ignore_case: bool) -> Option<Automaton> {
        if texts.is_empty() {
            return None;
        }
        let built = if is_cheap(texts) {
            let mut builder = dfa::DFA::builder();
            // A search that begins anywhere needs none of what leads a search to where it may begin.
            builder.match_kind(MatchKind::Standard).ascii_case_insensitive(ignore_case).prefilter(false);
            builder.build(texts).map(Automaton::Fast)
        } else {
            let mut builder = contiguous::NFA::builder();
            builder.match_kind(MatchKind::Standard).ascii_case_insensitive(ignore_case).prefilter(false);
            builder.build(texts).map(Automaton::Small)
        };
        built
            .inspect_err(|error| tracing::error!("a list of parts of texts could not be compiled: {error}"))
            .ok()
    }

    /// Tells the number of every text that is found, as often as it is, until it is enough.
    pub(super) fn scan(&self, text: &[u8], each: impl FnMut(usize) -> ControlFlow<()>) {
        match self {
            Automaton::Fast(automaton) => scan(automaton, text, each),
            Automaton::Small(automaton) => scan(automaton, text, each),
        }
    }
}

fn scan(
    automaton: &impl aho_corasick::automaton::Automaton,
    text: &[u8],
    mut each: impl FnMut(usize) -> ControlFlow<()>,
) {
    let Ok(mut state) = automaton.start_state(Anchored::No) else { return };
    let mut bytes = text.iter();
    loop {
        if automaton.is_special(state) && automaton.is_match(state) {
            for found in 0..automaton.match_len(state) {
                if each(automaton.match_pattern(state, found).as_usize()).is_break() {
                    return;
                }
            }
        }
        let Some(byte) = bytes.next() else { return };
        state = automaton.next_state(Anchored::No, state, *byte);
    }
}

/// Whether the fast form takes a bounded amount of memory: a word for every letter in every place of a text.
fn is_cheap<T: AsRef<[u8]>>(texts: &[T]) -> bool {
    let mut seen = [false; 256];
    let mut places = 1_usize;
    for text in texts {
        places = places.saturating_add(text.as_ref().len());
        text.as_ref().iter().for_each(|byte| seen[usize::from(byte.to_ascii_lowercase())] = true);
    }
    // Capital letters may be told from small ones.
    let letters = seen.iter().filter(|seen| **seen).count().saturating_mul(2).saturating_add(1);
    places.saturating_mul(letters.next_power_of_two()).saturating_mul(size_of::<u32>()) <= LARGEST_FAST
}

/// Bytes of memory up to which the fastest form is made.
const LARGEST_FAST: usize = 16 << 20;
