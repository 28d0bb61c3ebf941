//! The regular expression matches the value (`reg`).
//!
//! Most expressions can only match what contains some literal text. All those texts are looked for in one pass
//! (Aho-Corasick), and only the expressions whose texts are there are tried, in order: by their positions
//! (`positions.rs`), or by the regex crate where that will not do.

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use regate_proto::patterns::EntryId;
use regate_proto::rules::patterns::{Matching, Pattern, compile_regex};
use regex::bytes::Regex;
use regex_syntax::hir::{Class, Hir, HirKind};
use smallvec::SmallVec;

use super::Entries;
use super::part::{Automaton, is_large};
use super::positions::{Letters, Positions};

/// A compiled base, and beside it what came and went since.
#[derive(Clone, Debug, Default)]
pub(super) struct Expressions {
    base: Option<Arc<Compiled>>,
    /// What is not in the base.
    added: Arc<BTreeSet<EntryId>>,
    rest: Option<Arc<Compiled>>,
    /// What is in the base and counts no more.
    gone: Arc<BTreeSet<EntryId>>,
    is_stale: bool,
}

/// Expressions in the order of their entries.
#[derive(Debug)]
struct Compiled {
    expressions: Vec<Expression>,
    /// Looks for the texts.
    automaton: Option<Automaton>,
    /// What positions take.
    letters: Letters,
    /// Which expressions may match where the text with this number is.
    wanting: Vec<SmallVec<[u32; 2]>>,
    /// Expressions that may match anything.
    open: Vec<u32>,
}

#[derive(Debug)]
struct Expression {
    id: EntryId,
    text: Box<str>,
    ignore_case: bool,
    positions: Option<Positions>,
    /// Compiled when it is first needed: most of a long list never are.
    regex: OnceLock<Option<Regex>>,
}

impl Expressions {
    pub(super) fn insert(&mut self, id: EntryId) {
        Arc::make_mut(&mut self.added).insert(id);
        self.is_stale = true;
    }

    pub(super) fn remove(&mut self, id: EntryId) {
        Arc::make_mut(&mut self.added).remove(&id);
        let is_in = |base: &Arc<Compiled>| base.expressions.binary_search_by_key(&id, |one| one.id).is_ok();
        if self.base.as_ref().is_some_and(is_in) {
            Arc::make_mut(&mut self.gone).insert(id);
        }
        self.is_stale = true;
    }

    pub(super) fn settle(&mut self, entries: &Entries, matching: Matching) {
        if !std::mem::take(&mut self.is_stale) {
            return;
        }
        let base = self.base.as_ref().map_or(0, |base| base.expressions.len());
        if is_large(self.added.len().saturating_add(self.gone.len()), base) {
            self.base = compile(entries.iter().map(|entry| (entry.id, entry.key)), matching);
            (self.added, self.gone, self.rest) = Default::default();
        } else {
            let added = self.added.iter().filter_map(|id| Some((*id, entries.find(*id)?.key)));
            self.rest = compile(added, matching);
        }
    }

    /// The entry of the first expression in order that matches.
    pub(super) fn find(&self, text: &[u8]) -> Option<EntryId> {
        self.first(text).map(|expression| expression.id)
    }

    /// The same, with the expression.
    pub(super) fn find_regex(&self, text: &[u8]) -> Option<(EntryId, &Regex)> {
        let expression = self.first(text)?;
        Some((expression.id, expression.regex()?))
    }

    fn first(&self, text: &[u8]) -> Option<&Expression> {
        let nothing = BTreeSet::new();
        let base = self.base.as_ref().and_then(|base| base.find(text, &self.gone));
        let rest = self.rest.as_ref().and_then(|rest| rest.find(text, &nothing));
        match (base, rest) {
            (Some(base), Some(rest)) => Some(if base.id < rest.id { base } else { rest }),
            (base, rest) => base.or(rest),
        }
    }
}

impl Compiled {
    fn find(&self, text: &[u8], gone: &BTreeSet<EntryId>) -> Option<&Expression> {
        let mut candidates: SmallVec<[u32; 32]> = SmallVec::from_slice(&self.open);
        if let Some(automaton) = &self.automaton {
            automaton.scan(text, |found| {
                candidates.extend(self.wanting.get(found).into_iter().flatten().copied());
                ControlFlow::Continue(())
            });
        }
        candidates.sort_unstable();
        candidates.dedup();
        candidates.iter().find_map(|at| {
            let expression = self.expressions.get(*at as usize)?;
            let counts = gone.is_empty() || !gone.contains(&expression.id);
            (counts && expression.is_match(text, &self.letters)).then_some(expression)
        })
    }
}

impl Expression {
    fn is_match(&self, text: &[u8], letters: &Letters) -> bool {
        match &self.positions {
            Some(positions) => positions.is_match(text, letters),
            None => self.regex().is_some_and(|regex| regex.is_match(text)),
        }
    }

    fn regex(&self) -> Option<&Regex> {
        self.regex.get_or_init(|| compile_regex(&self.text, self.ignore_case).ok()).as_ref()
    }
}

/// A value with `\0` to `\9` replaced by what the groups matched; `\` before anything else gives that.
pub(super) fn expanded(regex: &Regex, text: &[u8], value: &[u8]) -> Vec<u8> {
    let Some(groups) = regex.captures(text) else { return value.to_vec() };
    let mut expanded = Vec::with_capacity(value.len());
    let mut bytes = value.iter().copied();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\\' => match bytes.next() {
                Some(digit @ b'0'..=b'9') => {
                    let group = groups.get(usize::from(digit - b'0'));
                    expanded.extend_from_slice(group.map_or(&b""[..], |group| group.as_bytes()));
                }
                Some(other) => expanded.push(other),
                None => expanded.push(b'\\'),
            },
            byte => expanded.push(byte),
        }
    }
    expanded
}

fn compile<'a>(
    patterns: impl Iterator<Item = (EntryId, &'a [u8])>,
    matching: Matching,
) -> Option<Arc<Compiled>> {
    let mut expressions = Vec::new();
    let mut texts: std::collections::BTreeMap<Vec<u8>, SmallVec<[u32; 2]>> = Default::default();
    let (mut open, mut letters) = (Vec::new(), Letters::default());
    let mut parser = regex_syntax::ParserBuilder::new();
    parser.unicode(false).utf8(false).case_insensitive(matching.ignore_case);
    for (id, key) in patterns {
        let Ok(Pattern::Regex(text)) = matching.parse(key) else { continue };
        let Ok(number) = u32::try_from(expressions.len()) else { break };
        // A parser of its own: the flags that one expression sets at its beginning would hold for the next.
        let read = parser.build().parse(text).ok();
        match read.as_ref().and_then(needed) {
            Some(needed) => needed.into_iter().for_each(|text| texts.entry(text).or_default().push(number)),
            None => open.push(number),
        }
        let positions = read.and_then(|read| Positions::of(&read, &mut letters));
        let (ignore_case, regex) = (matching.ignore_case, OnceLock::new());
        expressions.push(Expression { id, text: text.into(), ignore_case, positions, regex });
    }
    if expressions.is_empty() {
        return None;
    }
    let (texts, wanting): (Vec<_>, Vec<_>) = texts.into_iter().unzip();
    // What is too large to be looked for at once leaves every expression to be tried.
    let automaton = Automaton::of(&texts, true);
    if automaton.is_none() && !texts.is_empty() {
        open = (0..u32::try_from(expressions.len()).unwrap_or(0)).collect();
    }
    Some(Arc::new(Compiled { expressions, automaton, letters, wanting, open }))
}

/// Texts one of which is in everything that the expression matches, in small letters; `None` when there are none
/// such.
fn needed(expression: &Hir) -> Option<Vec<Vec<u8>>> {
    needed_by(expression)
        .filter(|texts| texts.len() <= MOST_TEXTS && texts.iter().all(|text| !text.is_empty()))
}

fn needed_by(hir: &Hir) -> Option<Vec<Vec<u8>>> {
    match hir.kind() {
        HirKind::Literal(_) | HirKind::Class(_) => letters(hir).map(|text| vec![text]),
        HirKind::Capture(capture) => needed_by(&capture.sub),
        HirKind::Repetition(repetition) if repetition.min > 0 => needed_by(&repetition.sub),
        HirKind::Alternation(branches) => {
            let texts: Option<Vec<_>> = branches.iter().map(needed_by).collect();
            texts.map(|texts| texts.concat())
        }
        HirKind::Concat(parts) => {
            let mut best: Option<Vec<Vec<u8>>> = None;
            let mut offer = |texts: Vec<Vec<u8>>| {
                let worth = |texts: &[Vec<u8>]| texts.iter().map(Vec::len).min().unwrap_or(0);
                if best.as_ref().is_none_or(|best| worth(best) < worth(&texts)) {
                    best = Some(texts);
                }
            };
            let mut text = Vec::new();
            for part in parts {
                match letters(part) {
                    Some(more) => text.extend(more),
                    None => {
                        if !text.is_empty() {
                            offer(vec![std::mem::take(&mut text)]);
                        }
                        needed_by(part).into_iter().for_each(&mut offer);
                    }
                }
            }
            if !text.is_empty() {
                offer(vec![text]);
            }
            best
        }
        _ => None,
    }
}

/// The text that a part stands for, whatever the case of its letters, in small ones.
fn letters(hir: &Hir) -> Option<Vec<u8>> {
    match hir.kind() {
        HirKind::Literal(literal) => Some(literal.0.to_ascii_lowercase()),
        HirKind::Class(Class::Bytes(class)) => {
            let mut bytes = class.ranges().iter().flat_map(|range| range.start()..=range.end());
            let first = bytes.next()?.to_ascii_lowercase();
            bytes.all(|byte| byte.to_ascii_lowercase() == first).then(|| vec![first])
        }
        _ => None,
    }
}

/// Texts that one expression may need.
const MOST_TEXTS: usize = 64;
