//! The value contains the pattern (`sub`): all patterns are looked for in one pass (Aho-Corasick).

use std::collections::BTreeSet;
use std::sync::Arc;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
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
    automaton: AhoCorasick,
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
        for found in self.automaton.find_overlapping_iter(text) {
            let at = found.pattern().as_usize();
            let counts = best.is_none_or(|best| at < best)
                && self.ids.get(at).is_some_and(|id| gone.is_empty() || !gone.contains(id));
            if counts {
                best = Some(at);
                if at == 0 {
                    break;
                }
            }
        }
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
    let automaton = automaton(&texts, matching.ignore_case)?;
    Some(Arc::new(Compiled { automaton, ids }))
}

/// What looks for all these texts at once; `None` for none.
pub(super) fn automaton<T: AsRef<[u8]>>(texts: &[T], ignore_case: bool) -> Option<AhoCorasick> {
    if texts.is_empty() {
        return None;
    }
    let kind = if texts.len() <= FEW { AhoCorasickKind::DFA } else { AhoCorasickKind::ContiguousNFA };
    let mut builder = AhoCorasick::builder();
    builder.match_kind(MatchKind::Standard).ascii_case_insensitive(ignore_case);
    match builder.kind(Some(kind)).build(texts) {
        Ok(automaton) => Some(automaton),
        Err(error) => {
            tracing::error!("a list of parts of texts could not be compiled: {error}");
            None
        }
    }
}

/// Texts up to which the fastest and largest form is made.
const FEW: usize = 200;
