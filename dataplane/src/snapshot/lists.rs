//! The lists of patterns as they are looked up, each with an index for every way in which rules use it.
//!
//! A list that a change touches is made anew from the list before and what changed; the others are shared.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use regate_proto::model::{Columns, Kind, ListName, Row, Subject};
use regate_proto::patterns::{Entry, Run};
use regate_proto::problem::{Code, Problem};
use regate_proto::rules::needs::WRITTEN;
use regate_proto::rules::patterns::Matching;
use regate_proto::state::{State, Touched};

use super::Named;
use crate::matching::{Entries, Index, Needle};

/// Every list.
#[derive(Clone, Debug, Default)]
pub struct Lists(Arc<Named<ListName, Arc<ListPlan>>>, Turnover);

/// How many entries were taken in and out since the process started.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Turnover {
    /// Taken in.
    pub added: u64,
    /// Taken out.
    pub freed: u64,
}

/// A list.
#[derive(Clone, Debug)]
pub struct ListPlan {
    /// Its name.
    pub name: ListName,
    /// Whether its entries have values.
    pub columns: Columns,
    /// Its entries.
    pub entries: Entries,
    indexes: Vec<Index>,
}

impl Lists {
    /// The list with this name.
    pub fn plan(&self, name: &str) -> Option<&Arc<ListPlan>> {
        self.0.get(name)
    }

    /// How many entries came and went.
    pub fn turnover(&self) -> Turnover {
        self.1
    }

    /// Every list, in no order.
    pub fn plans(&self) -> impl Iterator<Item = &Arc<ListPlan>> {
        self.0.values()
    }

    /// The entry of a list that a value matches. There is none in a list that is not used with this method.
    pub fn find(&self, name: &str, matching: Matching, needle: Needle<'_>) -> Option<Entry<'_>> {
        self.plan(name)?.find(matching, needle)
    }

    /// The entry of a list whose key is written so, where rules change the list.
    pub fn written(&self, name: &str, key: &[u8]) -> Option<Entry<'_>> {
        self.find(name, WRITTEN, Needle::Bytes(key))
    }

    /// The value that a text has in a list of regular expressions, with what their groups matched put in.
    pub fn expand(&self, name: &str, matching: Matching, text: &[u8]) -> Option<Vec<u8>> {
        let plan = self.plan(name)?;
        plan.index(matching)?.expand(text, &plan.entries)
    }
}

impl ListPlan {
    fn empty(name: ListName, columns: Columns) -> ListPlan {
        ListPlan { name, columns, entries: Entries::default(), indexes: Vec::new() }
    }

    /// A list of patterns that stand in a rule as it stands there, to be looked at once.
    pub fn declared(
        name: ListName,
        patterns: Run,
        matchings: &BTreeSet<Matching>,
    ) -> Result<ListPlan, Problem> {
        let mut plan = ListPlan::empty(name, Columns::Keys);
        let mut parts: BTreeMap<u64, Run> = BTreeMap::new();
        for entry in patterns.iter() {
            parts.entry(entry.id.part()).or_default().push(entry);
        }
        for (part, run) in parts {
            plan.update(part, Some(Arc::new(run)), &mut Turnover::default())?;
        }
        plan.suit(matchings)?;
        Ok(plan)
    }

    /// The entry that a value matches.
    pub fn find(&self, matching: Matching, needle: Needle<'_>) -> Option<Entry<'_>> {
        self.index(matching)?.find(needle, &self.entries)
    }

    /// The ways in which it can be looked up.
    pub fn matchings(&self) -> impl Iterator<Item = Matching> {
        self.indexes.iter().map(Index::matching)
    }

    fn index(&self, matching: Matching) -> Option<&Index> {
        self.indexes.iter().find(|index| index.matching() == matching)
    }

    /// Takes over the entries of one part.
    fn update(&mut self, part: u64, new: Option<Arc<Run>>, turnover: &mut Turnover) -> Result<(), Problem> {
        let old = self.entries.write(part, new.clone());
        let nothing = Run::default();
        let (old, new) = (old.as_deref().unwrap_or(&nothing), new.as_deref().unwrap_or(&nothing));
        let mut bad = None;
        old.differences(new, |old, new| {
            if old.map(|entry| entry.key) == new.map(|entry| entry.key) {
                return;
            }
            turnover.added += u64::from(new.is_some());
            turnover.freed += u64::from(old.is_some());
            for index in &mut self.indexes {
                if let Some(old) = old {
                    index.remove(old);
                }
                if let Some(new) = new
                    && !index.insert(new)
                {
                    bad = Some(unsuitable(&self.name, new, index.matching()));
                }
            }
        });
        bad.map_or(Ok(()), Err)
    }

    /// Has an index for each of these ways, and no other.
    fn suit(&mut self, wanted: &BTreeSet<Matching>) -> Result<(), Problem> {
        self.indexes.retain(|index| wanted.contains(&index.matching()));
        for matching in wanted {
            if self.index(*matching).is_some() {
                continue;
            }
            let mut index = Index::new(*matching);
            for entry in self.entries.iter() {
                if !index.insert(entry) {
                    return Err(unsuitable(&self.name, entry, *matching));
                }
            }
            self.indexes.push(index);
        }
        for index in &mut self.indexes {
            index.settle(&self.entries);
        }
        Ok(())
    }
}

/// The lists of a state, sharing what is as it was.
pub(super) fn compile(state: &State, previous: &Lists, touched: &Touched) -> Result<Lists, Vec<Problem>> {
    let mut parts: BTreeMap<&ListName, Vec<u64>> = BTreeMap::new();
    for subject in touched {
        match subject {
            Subject::List(list) => {
                parts.entry(list).or_default();
            }
            Subject::Entries(at) => parts.entry(&at.list).or_default().push(at.part),
            _ => {}
        }
    }
    // Patterns that stand in rules are looked for in a list only where somebody changed them.
    let files = state.rows(Kind::List).filter_map(|row| match row.as_ref() {
        Row::List(list) if !list.name.is_inline() => Some(list.name.clone()),
        _ => None,
    });
    let used: BTreeMap<ListName, BTreeSet<Matching>> = files
        .chain(state.edited_lists())
        .map(|list| {
            let matchings = state.uses(&list).into_iter().map(|usage| usage.matching).collect();
            (list, matchings)
        })
        .collect();
    let suits = |list: &ListName, wanted: &BTreeSet<Matching>| {
        previous.plan(list.as_str()).is_some_and(|plan| plan.matchings().collect::<BTreeSet<_>>() == *wanted)
    };
    let changed: Vec<&ListName> = used
        .iter()
        .filter(|(list, wanted)| parts.contains_key(list) || !suits(list, wanted))
        .map(|(list, _)| list)
        .collect();
    let is_gone = previous.0.keys().any(|list| !used.contains_key(list));
    if changed.is_empty() && !is_gone {
        return Ok(previous.clone());
    }
    let mut lists = previous.clone();
    let mut problems = Vec::new();
    let plans = Arc::make_mut(&mut lists.0);
    let turnover = &mut lists.1;
    plans.retain(|list, plan| {
        let stays = used.contains_key(list);
        if !stays {
            turnover.freed += plan.entries.iter().count() as u64;
        }
        stays
    });
    for list in changed {
        let columns = state.list(list).map_or(Columns::Keys, |row| row.columns);
        // What has no entries any more is not taken apart one by one.
        let old = plans.remove(list).filter(|_| state.entry_count(list) > 0);
        let is_new = old.is_none();
        let mut plan = match old {
            Some(old) => ListPlan { columns, ..old.as_ref().clone() },
            None => ListPlan::empty(list.clone(), columns),
        };
        let outcome = if is_new {
            state.parts(list).try_for_each(|(part, run)| plan.update(part, Some(run.clone()), turnover))
        } else {
            let parts = parts.get(list).into_iter().flatten();
            parts.copied().try_for_each(|part| plan.update(part, state.part(list, part).cloned(), turnover))
        };
        let wanted = used.get(list).cloned().unwrap_or_default();
        problems.extend(outcome.and_then(|()| plan.suit(&wanted)).err());
        plans.insert(list.clone(), Arc::new(plan));
    }
    if problems.is_empty() { Ok(lists) } else { Err(problems) }
}

fn unsuitable(list: &ListName, entry: Entry<'_>, matching: Matching) -> Problem {
    let reason = matching.check(entry.key).err().map(|bad| bad.to_string());
    let detail = reason.unwrap_or_else(|| "it is no pattern".to_owned());
    Problem::about(Code::Malformed, &Subject::List(list.clone()), detail)
}
