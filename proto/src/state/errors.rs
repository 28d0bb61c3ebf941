//! What must hold between shared error pages and those who use them.

use std::collections::BTreeSet;

use super::{State, Touched};
use crate::model::{ErrorPage, ErrorReply, Kind, Name, Row, Rules, Subject};
use crate::problem::{Code, Problem};
use crate::rules::Action;
use crate::rules::action::{Content, Reply};

/// Shared pages that are used and not there.
pub(super) fn check(state: &State, touched: &Touched, problems: &mut Vec<Problem>) {
    let is_there = |name: &Name| state.row(&Subject::HttpErrors(name.clone())).is_some();
    for row in touched.iter().filter_map(|subject| state.row(subject)) {
        for name in used_by(row).into_iter().filter(|name| !is_there(name)) {
            let detail = format!("errorfiles: there is no section http-errors {name}");
            problems.push(Problem::about(Code::Dangling, &row.subject(), detail));
        }
    }
    let gone: BTreeSet<&Name> = touched
        .iter()
        .filter_map(|subject| match subject {
            Subject::HttpErrors(name) if !is_there(name) => Some(name),
            _ => None,
        })
        .collect();
    if gone.is_empty() {
        return;
    }
    let kinds = [Kind::Defaults, Kind::Frontend, Kind::Backend];
    for row in kinds.into_iter().flat_map(|kind| state.rows(kind)) {
        for name in used_by(row).into_iter().filter(|name| gone.contains(name)) {
            let detail = format!("{} still uses it", row.subject());
            problems.push(Problem::about(Code::InUse, &Subject::HttpErrors(name.clone()), detail));
        }
    }
}

/// The shared pages that a row uses.
pub(crate) fn used_by(row: &Row) -> BTreeSet<&Name> {
    let mut names = BTreeSet::new();
    match row {
        Row::Defaults(row) => {
            let (front, back) = (&row.frontend, &row.backend);
            of_side((&front.error_pages, &front.error_sections, &front.rules), &mut names);
            of_side((&back.error_pages, &back.error_sections, &back.rules), &mut names);
        }
        Row::Frontend(row) => {
            let side = &row.settings;
            of_side((&side.error_pages, &side.error_sections, &side.rules), &mut names);
        }
        Row::Backend(row) => {
            let side = &row.settings;
            of_side((&side.error_pages, &side.error_sections, &side.rules), &mut names);
        }
        _ => {}
    }
    names
}

fn of_side<'r>(
    (pages, sections, rules): (&'r [ErrorPage], &'r [Name], &'r Rules),
    names: &mut BTreeSet<&'r Name>,
) {
    names.extend(sections);
    names.extend(pages.iter().filter_map(|page| match &page.reply {
        ErrorReply::Section(name) => Some(name),
        _ => None,
    }));
    names.extend(rules.rules.iter().filter_map(|(_, rule)| match &rule.action {
        Action::Deny(Reply { content: Content::Section(name), .. })
        | Action::Tarpit(Reply { content: Content::Section(name), .. })
        | Action::Return(Reply { content: Content::Section(name), .. }) => Some(name),
        _ => None,
    }));
}
