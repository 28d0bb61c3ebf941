//! The lists of patterns that stand in rules.
//!
//! What such a list declares is its rule's, and it has no rows of its own until somebody changes it by hand: then the
//! declared entries are written down, so that the change is an overlay on them like any other, and kept as the rule says
//! until nothing lies over them any more.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::apply::{Draft, Outcome};
use super::entries::{cut, parts, realign};
use super::{Rows, State};
use crate::change::{Field, Layer, Origin};
use crate::model::{Columns, Entries, EntriesRef, ListName, Name, Row, Rules, Subject};
use crate::patterns::{Entry, EntryId, Run};
use crate::problem::{Code, Problem};
use crate::rules::{Acl, Criterion, inline};

impl State {
    /// The patterns that a rule declares for its list; `None` when no rule in force has such a list.
    pub fn inline_patterns(&self, list: &ListName) -> Option<Run> {
        let criterion = self.criterion(list)?;
        let entries = criterion.patterns.iter().zip(0..).map(|(pattern, at)| Entry {
            id: EntryId::at(at),
            key: pattern.as_bytes(),
            value: None,
        });
        Some(entries.collect())
    }

    /// Whether somebody changed a list that stands in a rule.
    pub fn is_edited(&self, list: &ListName) -> bool {
        let range = (entries_subject(list, 0), Field::Row)..=(entries_subject(list, u64::MAX), Field::LAST);
        self.overlays.range(range).next().is_some()
    }

    /// The lists standing in rules that somebody changed.
    pub fn edited_lists(&self) -> BTreeSet<ListName> {
        let Ok(first) = ListName::new(ListName::INLINE) else { return BTreeSet::new() };
        let overlaid = self.overlays.range((entries_subject(&first, 0), Field::Row)..);
        let lists = overlaid.map_while(|((subject, _), _)| match subject {
            Subject::Entries(at) if at.list.is_inline() => Some(at.list.clone()),
            _ => None,
        });
        lists.collect()
    }

    /// The rules of a proxy, those of its defaults included, as they are in force: patterns that somebody changed are
    /// looked for in their lists.
    pub fn rules_in_force<'r>(&self, proxy: &Subject, rules: &'r Rules) -> Cow<'r, Rules> {
        let edited = self.edited_lists();
        if edited.is_empty() {
            return Cow::Borrowed(rules);
        }
        let mut rules = rules.clone();
        let row = self.row(proxy).map(Arc::as_ref);
        let from = match row {
            Some(Row::Frontend(row)) => row.from.as_ref(),
            Some(Row::Backend(row)) => row.from.as_ref(),
            _ => None,
        };
        let chain = self.defaults_chain(from).unwrap_or_default();
        let inherited = chain.iter().map(|defaults| format!("defaults/{}", defaults.name));
        let changed: Vec<Acl> = row
            .and_then(inline::owner)
            .into_iter()
            .chain(inherited)
            .flat_map(|owner| inline::predefined(&owner, &rules))
            .filter(|(list, ..)| edited.contains(list))
            .map(|(_, name, criterion)| Acl { name: name.clone(), criterion })
            .collect();
        rules.acls.extend(changed);
        rules.each_criterion(&mut |_, criterion| {
            if let Some(list) = criterion.own.0.clone().filter(|list| edited.contains(list)) {
                criterion.files.push(list.to_string());
                criterion.patterns.clear();
            }
        });
        Cow::Owned(rules)
    }

    /// The criterion in force whose patterns are a list.
    fn criterion(&self, list: &ListName) -> Option<Cow<'_, Criterion>> {
        let rows = owners(list).into_iter().filter_map(|subject| self.row(&subject));
        let rows: Vec<&Row> = rows.map(Arc::as_ref).collect();
        let defined = rows.iter().flat_map(|row| inline::rules(row)).flat_map(Rules::criteria);
        let found = { defined }.find(|criterion| criterion.own.0.as_ref() == Some(list));
        if let Some(found) = found {
            return Some(Cow::Borrowed(found));
        }
        rows.iter().find_map(|row| {
            let owner = inline::owner(row)?;
            let predefined = inline::rules(row).flat_map(|rules| inline::predefined(&owner, rules));
            { predefined }.find(|(known, ..)| known == list).map(|(.., criterion)| Cow::Owned(criterion))
        })
    }
}

impl Draft<'_> {
    /// Writes down what a rule declares, before it is changed by hand.
    pub(super) fn open_inline(&mut self, layer: Layer, list: &ListName) -> Result<Columns, Problem> {
        let about = |code, detail| Problem::about(code, &Subject::List(list.clone()), detail);
        let Some(declared) = self.state.inline_patterns(list) else {
            return Err(about(Code::NotFound, "there is none of that name"));
        };
        if layer == Layer::Spec {
            let detail = "its patterns are those of a rule: what is declared of it is written there";
            return Err(about(Code::Unsuitable, detail));
        }
        if !self.state.is_edited(list) {
            self.write_list(Layer::Spec, list, &spread(&declared), &Origin::default());
            self.touched.extend(self.owners_in_force(list));
        }
        Ok(Columns::Keys)
    }

    /// Keeps what was written down as the rules say, and drops it where nothing lies over it or the rule is gone.
    pub(super) fn settle_inline(&mut self) {
        let mut lists: BTreeSet<ListName> = BTreeSet::new();
        for subject in &self.touched {
            if let Subject::Entries(at) = subject
                && at.list.is_inline()
            {
                lists.insert(at.list.clone());
            }
            for prefix in prefixes(subject) {
                lists.extend(written(&self.state.spec, &prefix));
                lists.extend(written(&self.state.effective, &prefix));
                lists.extend(overlaid(self.state, &prefix));
            }
        }
        for list in lists {
            let declared = self.state.inline_patterns(&list);
            let is_edited = self.state.is_edited(&list);
            match declared.filter(|_| is_edited) {
                Some(declared) => self.renew(&list, &declared),
                None => {
                    self.close_inline(&list);
                    self.touched.extend(self.owners_in_force(&list));
                }
            }
        }
    }

    /// Writes what was changed by hand into the rule.
    pub(super) fn adopt_inline(&mut self, list: &ListName) -> Result<Outcome, Problem> {
        let about = |code, detail| Problem::about(code, &Subject::List(list.clone()), detail);
        if !self.state.is_edited(list) {
            return Err(about(Code::NotFound, "nothing was changed by hand here"));
        }
        let entries = parts(&self.state.effective, list).flat_map(|(_, run)| run.iter());
        let texts: Vec<String> =
            entries.map(|entry| String::from_utf8_lossy(entry.key).into_owned()).collect();
        let mut adopted = false;
        for subject in owners(list) {
            let by_hand = self.state.overlays.contains_key(&(subject.clone(), Field::Row));
            let Some(row) = self.state.spec.get(&subject).filter(|_| !by_hand) else { continue };
            let mut row = row.as_ref().clone();
            let mut found = false;
            let mut write = |_: &str, criterion: &mut Criterion| {
                if criterion.own.0.as_ref() == Some(list) {
                    criterion.patterns.clone_from(&texts);
                    found = true;
                }
            };
            match &mut row {
                Row::Defaults(row) => {
                    row.frontend.rules.each_criterion(&mut write);
                    row.backend.rules.each_criterion(&mut write);
                }
                Row::Frontend(row) => row.settings.rules.each_criterion(&mut write),
                Row::Backend(row) => row.settings.rules.each_criterion(&mut write),
                _ => {}
            }
            if found {
                self.write_spec(&subject, Some(Arc::new(row)));
                self.refresh(&subject);
                adopted = true;
            }
        }
        if !adopted {
            let detail =
                "no file declares its rule: an ACL that is predefined, or a proxy that was written by hand";
            return Err(about(Code::Unsuitable, detail));
        }
        self.close_inline(list);
        Ok(Outcome { changed: false, before: None })
    }

    /// Drops every row of a list, and what was changed of it by hand.
    fn close_inline(&mut self, list: &ListName) {
        for subject in self.overlaid_parts(list) {
            self.write_overlay(&subject, Field::Entries, None);
            self.refresh(&subject);
        }
        self.write_list(Layer::Spec, list, &BTreeMap::new(), &Origin::default());
    }

    /// Makes what was written down what the rule declares.
    fn renew(&mut self, list: &ListName, declared: &Run) {
        let is_same = {
            let written = parts(&self.state.spec, list).flat_map(|(_, run)| run.iter());
            written.map(|entry| entry.key).eq(declared.iter().map(|entry| entry.key))
        };
        if is_same {
            return;
        }
        let rows = spread(declared).into_iter().map(|(part, entries)| {
            Row::Entries(Entries { at: EntriesRef { list: list.clone(), part }, entries })
        });
        let wanted = realign(self.state, rows.collect()).into_iter().filter_map(|row| match row {
            Row::Entries(row) => Some((row.at.part, row.entries)),
            _ => None,
        });
        let wanted: BTreeMap<u64, Arc<Run>> = wanted.collect();
        self.write_list(Layer::Spec, list, &wanted, &Origin::default());
    }

    fn owners_in_force(&self, list: &ListName) -> Vec<Subject> {
        owners(list).into_iter().filter(|subject| self.state.row(subject).is_some()).collect()
    }
}

/// The rows that may have the rule of a list.
fn owners(list: &ListName) -> Vec<Subject> {
    let mut words = list.as_str().strip_prefix(ListName::INLINE).unwrap_or_default().split('/');
    let (Some(kind), Some(Ok(name))) = (words.next(), words.next().map(Name::new)) else { return Vec::new() };
    match kind {
        "defaults" => vec![Subject::Defaults(name)],
        "frontend" => vec![Subject::Frontend(name)],
        "backend" => vec![Subject::Backend(name)],
        "listen" => vec![Subject::Frontend(name.clone()), Subject::Backend(name)],
        _ => Vec::new(),
    }
}

/// What the names of a row's lists begin with.
fn prefixes(subject: &Subject) -> Vec<String> {
    let of = |kind: &str, name: &Name| format!("{}{kind}/{name}/", ListName::INLINE);
    match subject {
        Subject::Defaults(name) => vec![of("defaults", name)],
        Subject::Frontend(name) => vec![of("frontend", name), of("listen", name)],
        Subject::Backend(name) => vec![of("backend", name), of("listen", name)],
        _ => Vec::new(),
    }
}

/// The lists with rows whose names begin so.
fn written(rows: &Rows, prefix: &str) -> Vec<ListName> {
    let Ok(first) = ListName::new(prefix) else { return Vec::new() };
    let range = rows.range(entries_subject(&first, 0)..);
    range.map_while(|(subject, _)| beginning(subject, prefix)).collect()
}

/// The lists with overlays whose names begin so.
fn overlaid(state: &State, prefix: &str) -> Vec<ListName> {
    let Ok(first) = ListName::new(prefix) else { return Vec::new() };
    let range = state.overlays.range((entries_subject(&first, 0), Field::Row)..);
    range.map_while(|((subject, _), _)| beginning(subject, prefix)).collect()
}

fn beginning(subject: &Subject, prefix: &str) -> Option<ListName> {
    match subject {
        Subject::Entries(at) if at.list.as_str().starts_with(prefix) => Some(at.list.clone()),
        _ => None,
    }
}

fn entries_subject(list: &ListName, part: u64) -> Subject {
    Subject::Entries(EntriesRef { list: list.clone(), part })
}

/// The entries in their parts.
fn spread(run: &Run) -> BTreeMap<u64, Arc<Run>> {
    cut(run.iter().map(|entry| (entry.id, entry)))
}

#[cfg(test)]
#[path = "tests/inline.rs"]
mod tests;
