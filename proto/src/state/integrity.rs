//! What must hold between rows.

use std::sync::Arc;

use super::{State, Touched, contained, parent_of};
use crate::model::{Kind, Name, Row, Subject};
use crate::problem::{Code, Problem};

/// Every way in which the touched rows, and those that point to them, do not fit together.
pub(super) fn check(state: &State, touched: &Touched) -> Vec<Problem> {
    let mut problems = Vec::new();
    for subject in touched {
        match state.row(subject) {
            Some(row) => {
                check_parent(state, subject, &mut problems);
                check_references(state, row, &mut problems);
            }
            None => check_absence(state, subject, &mut problems),
        }
    }
    if touched
        .iter()
        .any(|subject| matches!(subject, Subject::Defaults(_) | Subject::Frontend(_) | Subject::Backend(_)))
    {
        check_modes(state, &mut problems);
    }
    problems
}

fn check_parent(state: &State, subject: &Subject, problems: &mut Vec<Problem>) {
    if let Some(parent) = parent_of(subject)
        && state.row(&parent).is_none()
    {
        problems.push(Problem::about(Code::Dangling, subject, format!("there is no {parent}")));
    }
}

fn check_references(state: &State, row: &Arc<Row>, problems: &mut Vec<Problem>) {
    let subject = row.subject();
    let (from, default_backend) = references(row);
    if let Some(from) = from {
        if state.defaults(from).is_none() {
            problems.push(Problem::about(Code::Dangling, &subject, format!("there are no defaults {from}")));
        } else if matches!(row.as_ref(), Row::Defaults(_)) && state.defaults_chain(Some(from)).is_none() {
            let detail = format!("defaults {from} start, in the end, from themselves");
            problems.push(Problem::about(Code::Dangling, &subject, detail));
        }
    }
    if let Some(backend) = default_backend
        && state.backend(backend).is_none()
    {
        problems.push(Problem::about(
            Code::Dangling,
            &subject,
            format!("default_backend: there is no backend {backend}"),
        ));
    }
    let partner = match row.as_ref() {
        Row::Frontend(row) if row.listen && !state.backend(&row.name).is_some_and(|other| other.listen) => {
            "backend"
        }
        Row::Backend(row) if row.listen && !state.frontend(&row.name).is_some_and(|other| other.listen) => {
            "frontend"
        }
        _ => return,
    };
    let detail = format!("one half of a listen section needs the other, the {partner} of the same name");
    problems.push(Problem::about(Code::Dangling, &subject, detail));
}

/// Rows that still need a subject that is gone.
fn check_absence(state: &State, subject: &Subject, problems: &mut Vec<Problem>) {
    if let Some((child, _)) = contained(&state.effective, subject).next() {
        problems.push(Problem::about(Code::InUse, subject, format!("it still contains {child}")));
    }
    let users = match subject {
        Subject::Defaults(_) => [Kind::Defaults, Kind::Frontend, Kind::Backend].as_slice(),
        Subject::Backend(_) => [Kind::Defaults, Kind::Frontend].as_slice(),
        Subject::Frontend(_) => [Kind::Backend].as_slice(),
        _ => [].as_slice(),
    };
    for row in users.iter().flat_map(|kind| state.rows(*kind)) {
        let (from, default_backend) = references(row);
        let used = match subject {
            Subject::Defaults(name) => from == Some(name),
            Subject::Backend(name) => default_backend == Some(name) || is_half(row, name, Kind::Frontend),
            Subject::Frontend(name) => is_half(row, name, Kind::Backend),
            _ => false,
        };
        if used {
            problems.push(Problem::about(Code::InUse, subject, format!("{} still uses it", row.subject())));
        }
    }
}

fn is_half(row: &Row, name: &Name, kind: Kind) -> bool {
    match row {
        Row::Frontend(row) => kind == Kind::Frontend && row.listen && row.name == *name,
        Row::Backend(row) => kind == Kind::Backend && row.listen && row.name == *name,
        _ => false,
    }
}

/// A frontend and its default backend must speak the same mode.
fn check_modes(state: &State, problems: &mut Vec<Problem>) {
    for frontend in state.frontends() {
        let settings = state.frontend_settings(frontend);
        let Some(backend) = settings.default_backend.as_ref().and_then(|name| state.backend(name)) else {
            continue;
        };
        let (ours, theirs) = (settings.mode, state.backend_settings(backend).mode);
        let (ours, theirs) =
            (ours.unwrap_or(crate::model::Mode::Tcp), theirs.unwrap_or(crate::model::Mode::Tcp));
        if ours != theirs {
            let detail = format!("its mode is not that of its default backend {}", backend.name);
            problems.push(Problem::about(
                Code::Unsuitable,
                &Subject::Frontend(frontend.name.clone()),
                detail,
            ));
        }
    }
}

/// The defaults and the backend that a row points to.
fn references(row: &Row) -> (Option<&Name>, Option<&Name>) {
    match row {
        Row::Defaults(row) => (row.from.as_ref(), row.frontend.default_backend.as_ref()),
        Row::Frontend(row) => (row.from.as_ref(), row.settings.default_backend.as_ref()),
        Row::Backend(row) => (row.from.as_ref(), None),
        _ => (None, None),
    }
}
