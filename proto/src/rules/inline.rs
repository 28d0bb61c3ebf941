//! The lists of the patterns that stand in rules themselves: how they are named.
//!
//! A list is named by where its criterion stands, not by what the patterns are, so that what was changed by hand stays
//! with it when a file is read anew: `acl@`, the kind and name of the section, the directive, the fetch or keyword,
//! and a number among those that are alike; or `#` and the number that `-u` gives. Owns the names; what the lists hold
//! is for [`crate::state`].

use std::collections::HashMap;

use super::standing::Standing;
use super::{Condition, Criterion, Test, condition};
use crate::model::{ListName, Name, Row, Rules};

/// Gives out names of lists in the order in which criteria stand.
#[derive(Clone, Debug)]
pub struct Names {
    owner: String,
    counts: HashMap<String, u32>,
}

impl Names {
    /// Names for a section: its kind, a slash and its name.
    pub fn new(owner: String) -> Names {
        Names { owner, counts: HashMap::new() }
    }

    /// The name for the next criterion of a directive (`acl admins`, `http-request`) with this label and `-u`.
    pub fn next(&mut self, directive: &str, label: &str, id: Option<u32>) -> Option<ListName> {
        let stem = format!("{}{}/{directive}/{label}/", ListName::INLINE, self.owner);
        let name = match id {
            Some(id) => format!("{stem}#{id}"),
            None => {
                let count = self.counts.entry(stem.clone()).or_default();
                *count = count.saturating_add(1);
                format!("{stem}{count}")
            }
        };
        ListName::new(&name).ok()
    }
}

/// The section of a row that may have rules, as [`Names::new`] takes it.
pub fn owner(row: &Row) -> Option<String> {
    let half = |listen: bool, word: &'static str| if listen { "listen" } else { word };
    Some(match row {
        Row::Defaults(row) => format!("defaults/{}", row.name),
        Row::Frontend(row) => format!("{}/{}", half(row.listen, "frontend"), row.name),
        Row::Backend(row) => format!("{}/{}", half(row.listen, "backend"), row.name),
        _ => return None,
    })
}

/// The rules of a row: those of both sides, where it has both.
pub fn rules(row: &Row) -> impl Iterator<Item = &Rules> {
    let (front, back) = match row {
        Row::Defaults(row) => (Some(&row.frontend.rules), Some(&row.backend.rules)),
        Row::Frontend(row) => (Some(&row.settings.rules), None),
        Row::Backend(row) => (None, Some(&row.settings.rules)),
        _ => (None, None),
    };
    front.into_iter().chain(back)
}

/// Names the list of every criterion of a row.
pub fn name_lists(row: &mut Row) {
    let Some(owner) = owner(row) else { return };
    match row {
        Row::Defaults(row) => {
            row.frontend.rules.name_lists(&owner);
            row.backend.rules.name_lists(&owner);
        }
        Row::Frontend(row) => row.settings.rules.name_lists(&owner),
        Row::Backend(row) => row.settings.rules.name_lists(&owner),
        _ => {}
    }
}

/// The criteria that rules name without defining them: predefined ones, each with its list.
pub fn predefined<'r>(owner: &str, rules: &'r Rules) -> Vec<(ListName, &'r Name, Criterion)> {
    let mut names = Names::new(owner.to_owned());
    let mut found: Vec<(ListName, &Name, Criterion)> = Vec::new();
    for term in rules.conditions().flat_map(Condition::terms) {
        let Test::Named(name) = &term.test else { continue };
        let is_known = found.iter().any(|(_, known, _)| *known == name);
        if is_known || rules.acls.iter().any(|acl| acl.name == *name) {
            continue;
        }
        let Some(Ok(mut criterion)) = condition::predefined(name.as_str()) else { continue };
        if let Some(list) = names.next(&format!("acl {name}"), criterion.label(), None) {
            criterion.own = Standing(Some(list.clone()));
            found.push((list, name, criterion));
        }
    }
    found
}

impl Rules {
    /// The criteria that are defined in these rules, named and anonymous.
    pub fn criteria(&self) -> impl Iterator<Item = &Criterion> {
        let anonymous = self.conditions().flat_map(Condition::terms).filter_map(|term| match &term.test {
            Test::Anonymous(criterion) => Some(criterion.as_ref()),
            Test::Named(_) => None,
        });
        self.acls.iter().map(|acl| &acl.criterion).chain(anonymous)
    }

    /// Calls a function with each of them, and with the directive that it stands in.
    pub fn each_criterion(&mut self, each: &mut dyn FnMut(&str, &mut Criterion)) {
        for acl in &mut self.acls {
            each(&format!("acl {}", acl.name), &mut acl.criterion);
        }
        let mut of = |directive: &str, condition: Option<&mut Condition>| {
            for term in condition.into_iter().flat_map(|condition| condition.any.iter_mut().flatten()) {
                if let Test::Anonymous(criterion) = &mut term.test {
                    each(directive, criterion);
                }
            }
        };
        self.rules.iter_mut().for_each(|(set, rule)| of(set.words(), rule.condition.as_mut()));
        self.redirects.iter_mut().for_each(|rule| of("redirect", rule.condition.as_mut()));
        self.routes.iter_mut().for_each(|route| of("use_backend", route.condition.as_mut()));
        self.servers.iter_mut().for_each(|route| of("use-server", route.condition.as_mut()));
        self.sticks.iter_mut().for_each(|stick| of(stick.kind.words(), stick.condition.as_mut()));
        self.force_persist.iter_mut().for_each(|condition| of("force-persist", Some(condition)));
        self.ignore_persist.iter_mut().for_each(|condition| of("ignore-persist", Some(condition)));
        self.monitor_fail.iter_mut().for_each(|condition| of("monitor fail", Some(condition)));
        if let Some(page) = &mut self.statistics {
            page.rules.iter_mut().for_each(|rule| of("stats http-request", rule.condition.as_mut()));
            page.admin.iter_mut().for_each(|condition| of("stats admin", Some(condition)));
        }
    }

    fn name_lists(&mut self, owner: &str) {
        let mut names = Names::new(owner.to_owned());
        self.each_criterion(&mut |directive, criterion| {
            let list = names.next(directive, criterion.label(), criterion.id);
            // Versions are no numbers as edits write them.
            criterion.own = Standing(list.filter(|_| !criterion.is_of_versions()));
        });
    }
}

/// The directive of a line, as names of lists have it: with the second word where that is a part of its name, or names
/// an ACL.
pub fn directive(words: &[&str]) -> String {
    match words {
        [first @ ("acl" | "tcp-request" | "tcp-response" | "stick" | "monitor" | "stats"), second, ..] => {
            format!("{first} {second}")
        }
        [first, ..] => (*first).to_owned(),
        [] => String::new(),
    }
}
