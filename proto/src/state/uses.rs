//! How rules use lists: what must be there, and what its entries must be.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apply::Before;
use super::entries::{entries_of, parts};
use super::{State, Touched};
use crate::model::{ListName, Row, Subject};
use crate::patterns::{Entry, Run};
use crate::problem::{Code, Problem};
use crate::rules::needs;
use crate::rules::patterns::Use;

/// For each list, how many rows use it in which way.
#[derive(Clone, Debug, Default)]
pub(super) struct Uses(BTreeMap<ListName, BTreeMap<Use, u32>>);

impl State {
    /// The lists of patterns in rules that nothing is declared of but the rules.
    pub(super) fn unlisted(&self) -> impl Iterator<Item = &ListName> {
        let first = ListName::new(ListName::INLINE).ok();
        let range = first.map(|first| self.uses.0.range(first..));
        let inline = range.into_iter().flatten().map(|(list, _)| list).take_while(|list| list.is_inline());
        inline.filter(|list| self.list(list).is_none())
    }

    /// The ways in which rules use a list.
    pub fn uses(&self, list: &ListName) -> Vec<Use> {
        self.uses.0.get(list).into_iter().flat_map(BTreeMap::keys).copied().collect()
    }
}

impl Uses {
    /// Counts the uses of a row that takes the place of another.
    pub(super) fn exchange(&mut self, old: Option<&Arc<Row>>, new: Option<&Arc<Row>>) {
        for (list, usage) in old.into_iter().flat_map(|row| uses_of(row)) {
            let Some(uses) = self.0.get_mut(&list) else { continue };
            if let Some(count) = uses.get_mut(&usage) {
                *count = count.saturating_sub(1);
                if *count == 0 {
                    uses.remove(&usage);
                }
            }
            if uses.is_empty() {
                self.0.remove(&list);
            }
        }
        for (list, usage) in new.into_iter().flat_map(|row| uses_of(row)) {
            let count = self.0.entry(list).or_default().entry(usage).or_default();
            *count = count.saturating_add(1);
        }
    }
}

/// Every list that is used and not there, and every entry that does not suit a use.
pub(super) fn check(state: &State, touched: &Touched, before: &BTreeMap<Subject, Before>) -> Vec<Problem> {
    let mut problems = Vec::new();
    for subject in touched {
        let old = before.get(subject).and_then(|before| before.row.as_ref());
        match (subject, state.row(subject)) {
            (Subject::Entries(at), Some(row)) => {
                let nothing = Run::default();
                let old = old.and_then(|row| entries_of(row)).map_or(&nothing, |row| &row.entries);
                let Some(row) = entries_of(row) else { continue };
                let uses = state.uses(&at.list);
                old.differences(&row.entries, |_, new| {
                    problems.extend(new.and_then(|entry| unsuitable(&at.list, entry, &uses)));
                });
            }
            (Subject::List(list), None) if list.is_inline() => {}
            (Subject::List(list), None) if state.uses.0.contains_key(list) => {
                problems.push(Problem::about(Code::InUse, subject, "rules still use it"));
            }
            (_, Some(row)) => {
                let known: BTreeSet<(ListName, Use)> = old.into_iter().flat_map(|row| uses_of(row)).collect();
                let fresh: BTreeSet<(ListName, Use)> =
                    uses_of(row).into_iter().filter(|usage| !known.contains(usage)).collect();
                for (list, usage) in fresh {
                    problems.extend(check_use(state, subject, &list, usage));
                }
            }
            _ => {}
        }
        if problems.len() >= MOST_PROBLEMS {
            problems.truncate(MOST_PROBLEMS);
            break;
        }
    }
    problems
}

/// Whether the list of a new use is there, and all of its entries suit it.
fn check_use(state: &State, user: &Subject, list: &ListName, usage: Use) -> Vec<Problem> {
    if state.list(list).is_none() && !list.is_inline() {
        return vec![Problem::about(Code::Dangling, user, format!("there is no list {list}"))];
    }
    let entries = parts(&state.effective, list).flat_map(|(_, run)| run.iter());
    entries.filter_map(|entry| unsuitable(list, entry, &[usage])).take(MOST_PROBLEMS).collect()
}

fn unsuitable(list: &ListName, entry: Entry<'_>, uses: &[Use]) -> Option<Problem> {
    let bad = uses.iter().find_map(|usage| usage.check(entry.key, entry.value).err())?;
    Some(Problem::about(Code::Malformed, &Subject::List(list.clone()), bad.to_string()))
}

/// The lists that a row's rules use, and how.
fn uses_of(row: &Row) -> Vec<(ListName, Use)> {
    needs::of_row(row).into_iter().map(|need| (need.list, need.usage)).collect()
}

/// Problems that are told at once.
const MOST_PROBLEMS: usize = 1000;
