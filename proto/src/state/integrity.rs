//! What must hold between rows.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::numbering::{is_half, other_half};
use super::{State, Touched, contained, parent_of};
use crate::model::{Backend, Guid, Kind, Mode, Name, Row, Rules, SYSTEM_RESOLVERS, Subject};
use crate::problem::{Code, Problem};
use crate::rules::condition::PREDEFINED;
use crate::rules::{Action, Condition, Test, inline};

/// Every way in which the touched rows, and those that point to them, do not fit together.
pub(super) fn check(state: &State, touched: &Touched) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut absent = BTreeSet::new();
    for subject in touched {
        match state.row(subject) {
            Some(row) => {
                check_parent(state, subject, &mut problems);
                check_references(state, row, &mut problems);
            }
            None => {
                absent.insert(subject);
            }
        }
    }
    check_absence(state, &absent, &mut problems);
    super::tables::check(state, touched, &mut problems);
    super::logging::check(state, touched, &mut problems);
    super::errors::check(state, touched, &mut problems);
    if touched.iter().any(is_pointed_to) {
        check_modes(state, &mut problems);
    }
    check_guids(state, touched, &mut problems);
    problems
}

fn check_parent(state: &State, subject: &Subject, problems: &mut Vec<Problem>) {
    let is_derived = matches!(subject, Subject::Entries(at) if at.list.is_inline());
    if let Some(parent) = parent_of(subject)
        && !is_derived
        && state.row(&parent).is_none()
    {
        problems.push(Problem::about(Code::Dangling, subject, format!("there is no {parent}")));
    }
}

/// No two rows are called the same whatever becomes of their names, but for the halves of a listen section.
fn check_guids(state: &State, touched: &Touched, problems: &mut Vec<Problem>) {
    let mine = touched.iter().filter_map(|subject| Some((state.row(subject)?.guid()?, subject)));
    let wanted: Vec<(&Guid, &Subject)> = mine.collect();
    if wanted.is_empty() {
        return;
    }
    let mut taken: BTreeMap<&Guid, Vec<Subject>> =
        wanted.iter().map(|(guid, _)| (*guid, Vec::new())).collect();
    for row in [Kind::Frontend, Kind::Bind, Kind::Backend, Kind::Server]
        .into_iter()
        .flat_map(|kind| state.rows(kind))
    {
        if let Some(holders) = row.guid().and_then(|guid| taken.get_mut(guid)) {
            holders.push(row.subject());
        }
    }
    for (guid, subject) in wanted {
        let half = state.row(subject).filter(|row| is_half(row)).and_then(|_| other_half(subject));
        let holders = taken.get(guid).into_iter().flatten();
        if let Some(other) =
            holders.into_iter().find(|other| *other != subject && Some(*other) != half.as_ref())
        {
            // The subject is who has it: the change is known by its index.
            let detail = format!("it has guid {guid} already, which {subject} is to have");
            problems.push(Problem::about(Code::AlreadyExists, other, detail));
        }
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
    check_rules(state, row, problems);
    // Without a section of that name, the name servers of the system are `default` (configuration manual 5.3.2).
    for resolvers in resolvers_of(row) {
        if resolvers.as_str() != SYSTEM_RESOLVERS && state.resolvers(resolvers).is_none() {
            let detail = format!("resolvers: there are no resolvers {resolvers}");
            problems.push(Problem::about(Code::Dangling, &subject, detail));
        }
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

/// ACLs and backends that rules name must be there.
fn check_rules(state: &State, row: &Row, problems: &mut Vec<Problem>) {
    let (rules, from, listen) = match row {
        Row::Frontend(row) => (&row.settings.rules, row.from.as_ref(), row.listen.then_some(&row.name)),
        Row::Backend(row) => (&row.settings.rules, row.from.as_ref(), row.listen.then_some(&row.name)),
        _ => return,
    };
    let chain = state.defaults_chain(from).unwrap_or_default();
    let inherited =
        chain.iter().flat_map(|row| row.frontend.rules.acls.iter().chain(&row.backend.rules.acls));
    let half = listen.and_then(|name| state.frontend(name)).map(|row| &row.settings.rules.acls);
    let known: BTreeSet<&Name> =
        rules.acls.iter().chain(half.into_iter().flatten()).chain(inherited).map(|acl| &acl.name).collect();
    let named = rules.conditions().flat_map(Condition::terms).filter_map(|term| match &term.test {
        Test::Named(name) => Some(name),
        Test::Anonymous(_) => None,
    });
    let absent: BTreeSet<&Name> = named
        .filter(|name| !known.contains(name))
        .filter(|name| !PREDEFINED.iter().any(|(predefined, _)| *predefined == name.as_str()))
        .collect();
    for name in absent {
        problems.push(Problem::about(
            Code::Dangling,
            &row.subject(),
            format!("rules: there is no ACL {name}"),
        ));
    }
    super::tables::check_rules(state, row, problems);
    for (list, fetch) in rules.userlists() {
        if state.row(&Subject::Userlist(list.clone())).is_none() {
            let detail = format!("rules: {fetch}: there is no userlist {list}");
            problems.push(Problem::about(Code::Dangling, &row.subject(), detail));
        }
    }
    for backend in rules.backends().filter(|backend| state.backend(backend).is_none()) {
        let detail = format!("use_backend: there is no backend {backend}");
        problems.push(Problem::about(Code::Dangling, &row.subject(), detail));
    }
}

/// Rows that still need a subject that is gone.
fn check_absence(state: &State, absent: &BTreeSet<&Subject>, problems: &mut Vec<Problem>) {
    let in_use = |subject: &Subject, text: String| Problem::about(Code::InUse, subject, text);
    for subject in absent {
        if let Some((child, _)) = contained(&state.effective, subject).next() {
            problems.push(in_use(subject, format!("it still contains {child}")));
        }
    }
    check_unresolved(state, absent, problems);
    check_unasked(state, absent, problems);
    if !absent.iter().any(|subject| is_pointed_to(subject)) {
        return;
    }
    for row in [Kind::Defaults, Kind::Frontend, Kind::Backend].into_iter().flat_map(|kind| state.rows(kind)) {
        let (from, default_backend) = references(row);
        let needed = [
            from.cloned().map(Subject::Defaults),
            default_backend.cloned().map(Subject::Backend),
            other_half(&row.subject()).filter(|_| is_half(row)),
        ];
        let routed = rules_of(row).into_iter().flat_map(|rules| rules.backends()).map(Subject::Backend);
        let needed: Vec<Subject> = needed.into_iter().flatten().chain(routed).collect();
        for subject in needed.iter().filter(|subject| absent.contains(subject)) {
            problems.push(in_use(subject, format!("{} still uses it", row.subject())));
        }
    }
}

/// Rules that still ask lists of users that are gone.
fn check_unasked(state: &State, absent: &BTreeSet<&Subject>, problems: &mut Vec<Problem>) {
    if !absent.iter().any(|subject| matches!(subject, Subject::Userlist(_))) {
        return;
    }
    for row in [Kind::Defaults, Kind::Frontend, Kind::Backend].into_iter().flat_map(|kind| state.rows(kind)) {
        for (list, _) in inline::rules(row).flat_map(Rules::userlists) {
            let subject = Subject::Userlist(list);
            if absent.contains(&subject) {
                let detail = format!("{} still uses it", row.subject());
                problems.push(Problem::about(Code::InUse, &subject, detail));
            }
        }
    }
}

/// Servers, what they start from, and rules that still use resolvers that are gone.
fn check_unresolved(state: &State, absent: &BTreeSet<&Subject>, problems: &mut Vec<Problem>) {
    let is_gone = |name: &Name| absent.contains(&Subject::Resolvers(name.clone()));
    let gone = absent
        .iter()
        .any(|subject| matches!(subject, Subject::Resolvers(name) if name.as_str() != SYSTEM_RESOLVERS));
    if !gone {
        return;
    }
    let kinds = [Kind::Defaults, Kind::Frontend, Kind::Backend, Kind::Server];
    for row in kinds.into_iter().flat_map(|kind| state.rows(kind)) {
        let mut gone = resolvers_of(row).filter(|name| is_gone(name));
        if let Some(resolvers) = gone.find(|name| name.as_str() != SYSTEM_RESOLVERS) {
            let detail = format!("{} still uses it", row.subject());
            problems.push(Problem::about(Code::InUse, &Subject::Resolvers(resolvers.clone()), detail));
        }
    }
}

/// Requests need a default backend that knows requests; connections of bytes are taken for ones of HTTP where they lead
/// to such a backend.
fn check_modes(state: &State, problems: &mut Vec<Problem>) {
    for row in state.rows(Kind::Frontend) {
        let Row::Frontend(frontend) = row.as_ref() else { continue };
        let chain = state.defaults_chain(frontend.from.as_ref()).unwrap_or_default();
        let settings =
            || std::iter::once(&frontend.settings).chain(chain.iter().map(|defaults| &defaults.frontend));
        let backend = settings().find_map(|settings| settings.default_backend.as_ref());
        let Some(backend) = backend.and_then(|name| state.backend(name)) else { continue };
        let ours = settings().find_map(|settings| settings.mode).unwrap_or(Mode::Tcp);
        if ours == Mode::Http && backend_mode(state, backend) == Mode::Tcp {
            let detail = format!("its mode is not that of its default backend {}", backend.name);
            problems.push(Problem::about(Code::Unsuitable, &row.subject(), detail));
        }
    }
}

fn backend_mode(state: &State, backend: &Backend) -> Mode {
    let chain = state.defaults_chain(backend.from.as_ref()).unwrap_or_default();
    let inherited = || chain.iter().find_map(|defaults| defaults.backend.mode);
    backend.settings.mode.or_else(inherited).unwrap_or(Mode::Tcp)
}

/// Whether rows point to subjects of this kind.
fn is_pointed_to(subject: &Subject) -> bool {
    matches!(subject, Subject::Defaults(_) | Subject::Frontend(_) | Subject::Backend(_))
}

/// The rules of a frontend, which may lead to backends.
fn rules_of(row: &Row) -> Option<&Rules> {
    match row {
        Row::Frontend(row) => Some(&row.settings.rules),
        _ => None,
    }
}

/// The resolvers that a row points to, itself or in its rules.
fn resolvers_of(row: &Row) -> impl Iterator<Item = &Name> {
    let (naming, rules) = match row {
        Row::Defaults(row) => {
            let rules = [Some(&row.frontend.rules), Some(&row.backend.rules)];
            (Some(&row.backend.default_server.naming), rules)
        }
        Row::Frontend(row) => (None, [Some(&row.settings.rules), None]),
        Row::Backend(row) => (Some(&row.settings.default_server.naming), [Some(&row.settings.rules), None]),
        Row::Server(row) => (Some(&row.settings.naming), [None, None]),
        _ => (None, [None, None]),
    };
    let asked = rules.into_iter().flatten().flat_map(|rules| &rules.rules);
    let asked = asked.filter_map(|(_, rule)| match &rule.action {
        Action::Resolve(resolve) => Some(&resolve.resolvers),
        _ => None,
    });
    naming.and_then(|naming| naming.resolvers.as_ref()).into_iter().chain(asked)
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
