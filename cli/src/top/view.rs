//! Which rows are shown, in what order: grouping, folding, filters, sorting.
//!
//! Pure: a board and the wishes of who looks at it in, lines out. Runs when one of them changes, never while drawing.

use std::cmp::Ordering;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::board::{Board, Entry};
use super::columns::{Column, Rank};
use super::sample::{Key, Kind};

/// The wishes of who looks.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Arrangement {
    /// The order. Absent: as configured.
    pub sort: Option<Sort>,
    /// Words that must all occur in a row; with `!` before it, one that must not.
    pub filter: String,
    /// Only rows with a problem, and what contains them.
    pub only_problems: bool,
    /// Servers of all backends in one list, without groups.
    pub is_flat: bool,
    /// The heads of the groups that are folded.
    pub folded: HashSet<Key>,
}

/// An order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sort {
    /// By name.
    Name {
        /// From z to a.
        is_reversed: bool,
    },
    /// By a column, the largest first.
    By {
        /// The column.
        column: Column,
        /// The smallest first.
        is_reversed: bool,
    },
}

/// A line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Line {
    /// The row, by its place among the board's entries.
    pub entry: usize,
    /// Whether it is contained in the group above.
    pub is_child: bool,
    /// Rows that are folded away below it.
    pub hidden: usize,
    /// Whether it has rows below it, folded or not.
    pub has_children: bool,
}

/// A proxy with what it contains.
struct Group {
    head: Option<usize>,
    children: Vec<usize>,
    is_backend: bool,
}

/// The lines of a board.
pub fn arrange(board: &Board, wishes: &Arrangement) -> Vec<Line> {
    let words: Vec<String> = wishes.filter.split_whitespace().map(str::to_lowercase).collect();
    let is_wanted = |place: usize| {
        board
            .entries
            .get(place)
            .is_some_and(|entry| (!wishes.only_problems || entry.problem.is_some()) && matches(entry, &words))
    };
    if wishes.is_flat {
        let mut places: Vec<usize> = (0..board.entries.len())
            .filter(|place| board.entries[*place].row.key.place.kind == Kind::Server && is_wanted(*place))
            .collect();
        sort(board, wishes.sort, &mut places, |place| Some(*place));
        return places.into_iter().map(line).collect();
    }
    let mut groups = groups(board);
    for group in &mut groups {
        let head_matches = group.head.is_some_and(|head| matches(&board.entries[head], &words));
        let by_problem = |place: &usize| !wishes.only_problems || board.entries[*place].problem.is_some();
        // A filter that names a proxy shows what the proxy contains, unless a row is ruled out by itself.
        group.children.retain(|place| {
            let entry = &board.entries[*place];
            by_problem(place) && (matches(entry, &words) || (head_matches && !is_ruled_out(entry, &words)))
        });
        group.head = group.head.filter(|head| is_wanted(*head) || !group.children.is_empty());
        sort(board, wishes.sort, &mut group.children, |place| Some(*place));
    }
    groups.retain(|group| group.head.is_some() || !group.children.is_empty());
    if wishes.sort.is_some() {
        sort(board, wishes.sort, &mut groups, |group| group.head.or(group.children.first().copied()));
        // Frontends stay above backends: they are two lists.
        groups.sort_by_key(|group| group.is_backend);
    }
    let mut lines = Vec::new();
    for group in groups {
        let folded = group.head.is_some_and(|head| wishes.folded.contains(&board.entries[head].row.key));
        if let Some(head) = group.head {
            let hidden = if folded { group.children.len() } else { 0 };
            lines.push(Line { hidden, has_children: !group.children.is_empty(), ..line(head) });
        }
        if !folded {
            lines.extend(group.children.into_iter().map(|child| Line { is_child: true, ..line(child) }));
        }
    }
    lines
}

fn line(entry: usize) -> Line {
    Line { entry, is_child: false, hidden: 0, has_children: false }
}

fn matches(entry: &Entry, words: &[String]) -> bool {
    words.iter().all(|word| match word.strip_prefix('!') {
        Some("") => true,
        Some(word) => !entry.contains(word),
        None => entry.contains(word),
    })
}

fn is_ruled_out(entry: &Entry, words: &[String]) -> bool {
    words
        .iter()
        .filter_map(|word| word.strip_prefix('!'))
        .any(|word| !word.is_empty() && entry.contains(word))
}

/// Proxies in the order of the target, frontends of a node before its backends.
fn groups(board: &Board) -> Vec<Group> {
    type Name<'a> = (Option<&'a Arc<str>>, &'a str, bool);
    let mut nodes: HashMap<Option<&Arc<str>>, usize> = HashMap::new();
    let mut known: HashMap<Name<'_>, usize> = HashMap::new();
    let mut groups: Vec<(usize, Group)> = Vec::new();
    for (place, entry) in board.entries.iter().enumerate() {
        let key = &entry.row.key;
        let count = nodes.len();
        let node = *nodes.entry(key.node.as_ref()).or_insert(count);
        let is_backend = matches!(key.place.kind, Kind::Backend | Kind::Server);
        let name = (key.node.as_ref(), &*key.place.proxy, is_backend);
        let at = *known.entry(name).or_insert_with(|| {
            groups.push((node, Group { head: None, children: Vec::new(), is_backend }));
            groups.len() - 1
        });
        let Some((_, group)) = groups.get_mut(at) else { continue };
        match key.place.kind {
            Kind::Frontend | Kind::Backend => group.head = Some(place),
            Kind::Listener | Kind::Server => group.children.push(place),
        }
    }
    groups.sort_by_key(|(node, group)| (*node, group.is_backend));
    groups.into_iter().map(|(_, group)| group).collect()
}

/// Sorts items by the row that stands for each. What has no value is last in either direction.
fn sort<T>(board: &Board, order: Option<Sort>, items: &mut Vec<T>, row: impl Fn(&T) -> Option<usize>) {
    let Some(order) = order else { return };
    let mut ranked: Vec<(Rank, T)> = std::mem::take(items)
        .into_iter()
        .map(|item| {
            let entry = row(&item).and_then(|place| board.entries.get(place));
            (entry.map_or(Rank::Missing, |entry| rank(entry, order)), item)
        })
        .collect();
    ranked.sort_by(|(one, _), (other, _)| compare(one, other, order));
    items.extend(ranked.into_iter().map(|(_, item)| item));
}

fn rank(entry: &Entry, order: Sort) -> Rank {
    match order {
        Sort::Name { .. } => {
            let place = &entry.row.key.place;
            Rank::Text(match place.kind {
                Kind::Frontend | Kind::Backend => place.proxy.to_lowercase(),
                Kind::Listener | Kind::Server => format!("{}/{}", place.proxy, place.service).to_lowercase(),
            })
        }
        Sort::By { column, .. } => column.rank(entry),
    }
}

fn compare(one: &Rank, other: &Rank, order: Sort) -> Ordering {
    match (one, other) {
        (Rank::Missing, Rank::Missing) => return Ordering::Equal,
        (Rank::Missing, _) => return Ordering::Greater,
        (_, Rank::Missing) => return Ordering::Less,
        _ => {}
    }
    let rising = one.partial_cmp(other).unwrap_or(Ordering::Equal);
    // Texts begin at a, numbers at the largest.
    let is_text = matches!(one, Rank::Text(_));
    let is_reversed = match order {
        Sort::Name { is_reversed } | Sort::By { is_reversed, .. } => is_reversed,
    };
    if is_text == is_reversed { rising.reverse() } else { rising }
}

#[cfg(test)]
#[path = "view_tests.rs"]
mod tests;
