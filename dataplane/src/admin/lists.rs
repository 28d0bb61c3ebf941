//! What is asked of lists of patterns.
//!
//! Answers are made part by part of a version that stays as it is: no request and no change waits for a dump.

use std::sync::Arc;

use regate_proto::model::{List, ListName};
use regate_proto::patterns::Run;
use regate_proto::problem::{Code, Problem};
use regate_proto::rules::MatchMethod;
use regate_proto::rules::patterns::{address, number};
use regate_proto::state::State;
use regate_proto::wire::{self, v1};

use super::Context;
use super::permission::{Asked, Caller};
use super::query::Answers;
use crate::matching::Needle;
use crate::snapshot::ListPlan;

/// The lists that are wanted, in the order of their numbers.
pub(super) fn lists(context: &Context, caller: &Caller, query: v1::ListsQuery) -> Result<Answers, Problem> {
    caller.may(Asked::Rows)?;
    let (revision, lists) = context.store.read(|current| {
        let state = &current.state;
        let lists = match &query.list {
            None => state.lists().iter().map(|(id, list)| view(state, *id, list)).collect(),
            Some(text) => {
                let (id, list) = state.list_called(text).ok_or_else(|| missing(text))?;
                vec![view(state, id, &list)]
            }
        };
        Ok::<_, Problem>((state.revision().0, lists))
    })?;
    let parts = wire::chunk::parts(lists.into_iter());
    Ok(Box::new(parts.map(move |lists| v1::Answer { revision, lists, ..v1::Answer::default() })))
}

/// The entries of a list, part by part.
pub(super) fn entries(
    context: &Context,
    caller: &Caller,
    query: v1::ListEntriesQuery,
) -> Result<Answers, Problem> {
    caller.may(Asked::Rows)?;
    let (revision, plan) = find(context, &query.list)?;
    let most = if query.packed { MOST_PACKED } else { 1 };
    let (mut next, mut is_first) = (Some(0), true);
    let answers = std::iter::from_fn(move || {
        let mut runs: Vec<Arc<Run>> = Vec::new();
        let mut count = 0usize;
        if let Some(from) = next {
            next = None;
            for (number, run) in plan.entries.parts_from(from) {
                if count >= most {
                    next = Some(number);
                    break;
                }
                count = count.saturating_add(run.len());
                runs.push(run.clone());
            }
        }
        // A list without entries is an answer too.
        if !std::mem::take(&mut is_first) && runs.is_empty() {
            return None;
        }
        let entries = runs.iter().flat_map(|run| run.iter());
        let answer = v1::Answer { revision, ..v1::Answer::default() };
        Some(match query.packed {
            true => v1::Answer { list_packed: Some(wire::packed_of(entries)), ..answer },
            false => v1::Answer { list_entries: entries.map(wire::wire_entry).collect(), ..answer },
        })
    });
    Ok(Box::new(answers))
}

/// What a value matches, in each way in which rules use the list.
pub(super) fn matches(context: &Context, caller: &Caller, query: v1::MatchQuery) -> Result<Answers, Problem> {
    caller.may(Asked::Rows)?;
    let (revision, plan) = find(context, &query.list)?;
    let uses = context.store.read(|current| current.state.uses(&plan.name));
    let matches = uses
        .into_iter()
        .map(|usage| {
            let matching = usage.matching;
            let needle = match matching.method {
                MatchMethod::Int => number(&query.value).map(Needle::Int),
                MatchMethod::Ip => address(&query.value).map(Needle::Ip),
                _ => Some(Needle::Bytes(&query.value)),
            };
            let entry = needle.and_then(|needle| plan.find(matching, needle));
            v1::MatchView {
                way: Some(usage.into()),
                is_tree: matching.is_tree(),
                entry: entry.map(wire::wire_entry),
            }
        })
        .collect();
    Ok(Box::new(std::iter::once(v1::Answer { revision, matches, ..v1::Answer::default() })))
}

fn view(state: &State, id: u32, list: &List) -> v1::ListView {
    v1::ListView {
        list: Some(v1::List { id: Some(id), ..list.into() }),
        uses: state.uses(&list.name).into_iter().map(Into::into).collect(),
        entry_count: count(state, &list.name) as u64,
    }
}

fn find(context: &Context, text: &str) -> Result<(u64, Arc<ListPlan>), Problem> {
    let name = ListName::new(text).map_err(|_| missing(text))?;
    context.store.read(|current| {
        let state = &current.state;
        let plan = match current.snapshot.lists.plan(name.as_str()) {
            Some(plan) => plan.clone(),
            None => {
                let patterns = state.inline_patterns(&name).ok_or_else(|| missing(text))?;
                let matchings = state.uses(&name).into_iter().map(|usage| usage.matching).collect();
                Arc::new(ListPlan::declared(name, patterns, &matchings)?)
            }
        };
        Ok((state.revision().0, plan))
    })
}

/// How many entries of a list are in force.
fn count(state: &State, list: &ListName) -> usize {
    let declared = || state.inline_patterns(list).map_or(0, |patterns| patterns.len());
    match state.entry_count(list) {
        0 if list.is_inline() && !state.is_edited(list) => declared(),
        count => count,
    }
}

fn missing(text: &str) -> Problem {
    Problem::general(Code::NotFound, format!("list: there is no list {text:?}"))
}

/// Packed entries in an answer, about.
const MOST_PACKED: usize = 4096;
