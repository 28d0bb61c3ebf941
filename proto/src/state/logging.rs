//! What must hold between rings and those who log to them, and of what frontends keep for lines.

use std::collections::BTreeSet;

use super::{State, Touched};
use crate::model::{Kind, LogAddress, LogPlan, LogTarget, Name, Row, Subject};
use crate::problem::{Code, Problem};

/// Rings that are logged to and not there, and captures of defaults.
pub(super) fn check(state: &State, touched: &Touched, problems: &mut Vec<Problem>) {
    for row in touched.iter().filter_map(|subject| state.row(subject)) {
        for name in rings_of(row) {
            if state.ring(name).is_none() {
                let detail = format!("log: there is no ring {name}");
                problems.push(Problem::about(Code::Dangling, &row.subject(), detail));
            }
        }
        if let Row::Defaults(defaults) = row.as_ref() {
            let side = &defaults.frontend;
            if side.capture_cookie.is_some()
                || !(side.request_captures.is_empty() && side.response_captures.is_empty())
            {
                let detail = "captures: defaults cannot have any".to_owned();
                problems.push(Problem::about(Code::Unsuitable, &row.subject(), detail));
            }
        }
    }
    let gone: BTreeSet<&Name> = touched
        .iter()
        .filter_map(|subject| match subject {
            Subject::Ring(name) if state.ring(name).is_none() => Some(name),
            _ => None,
        })
        .collect();
    if gone.is_empty() {
        return;
    }
    let kinds = [Kind::Global, Kind::Defaults, Kind::Frontend, Kind::Backend];
    for row in kinds.into_iter().flat_map(|kind| state.rows(kind)) {
        for name in rings_of(row).filter(|name| gone.contains(name)) {
            let detail = format!("{} still uses it", row.subject());
            problems.push(Problem::about(Code::InUse, &Subject::Ring(name.clone()), detail));
        }
    }
}

/// The rings that a row logs to.
fn rings_of(row: &Row) -> impl Iterator<Item = &Name> {
    fn of(plan: Option<&LogPlan>) -> &[LogTarget] {
        match plan {
            Some(LogPlan::To { targets, .. }) => targets,
            Some(LogPlan::Off) | None => &[],
        }
    }
    let (own, other): (&[LogTarget], &[LogTarget]) = match row {
        Row::Global(row) => (&row.log, &[]),
        Row::Defaults(row) => (of(row.frontend.log.as_ref()), of(row.backend.log.as_ref())),
        Row::Frontend(row) => (of(row.settings.log.as_ref()), &[]),
        Row::Backend(row) => (of(row.settings.log.as_ref()), &[]),
        _ => (&[], &[]),
    };
    own.iter().chain(other).filter_map(|target| match &target.address {
        LogAddress::Ring(name) => Some(name),
        _ => None,
    })
}
