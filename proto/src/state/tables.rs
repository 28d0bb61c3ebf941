//! The tables of a state: one by proxy, called like it.

use super::{State, Touched};
use crate::model::{Kind, Name, Row, Subject, Table};
use crate::problem::{Code, Problem};

impl State {
    /// The table of this name.
    pub fn table(&self, name: &Name) -> Option<&Table> {
        let back = self.backend(name).and_then(|row| row.settings.table.as_ref());
        back.or_else(|| self.frontend(name)?.settings.table.as_ref())
    }

    /// Every table with its name, in the order of listings.
    pub fn tables(&self) -> Vec<(&Name, &Table)> {
        let mut found: Vec<(u32, u32, &Name, &Table)> = Vec::new();
        for row in [Kind::Frontend, Kind::Backend].into_iter().flat_map(|kind| self.rows(kind)) {
            let (order, id, name, table) = match row.as_ref() {
                Row::Frontend(row) => (row.order, row.id, &row.name, &row.settings.table),
                Row::Backend(row) => (row.order, row.id, &row.name, &row.settings.table),
                _ => continue,
            };
            found.extend(table.as_ref().map(|table| (order, id, name, table)));
        }
        found.sort_by_key(|(order, id, ..)| (*order, *id));
        found.into_iter().map(|(.., name, table)| (name, table)).collect()
    }
}

/// Every way in which the tables of touched rows do not fit.
pub(super) fn check(state: &State, touched: &Touched, problems: &mut Vec<Problem>) {
    let mut proxies = false;
    for subject in touched {
        proxies |= matches!(subject, Subject::Frontend(_) | Subject::Backend(_));
        if let Some(row) = state.row(subject)
            && let Some((code, detail)) = misplaced(state, row)
        {
            problems.push(Problem::about(code, subject, format!("table: {detail}")));
        }
    }
    if proxies {
        check_targets(state, problems);
        // Rules of others may name a table that is gone.
        for row in [Kind::Frontend, Kind::Backend].into_iter().flat_map(|kind| state.rows(kind)) {
            if has_rules(row) && !touched.contains(&row.subject()) {
                check_rules(state, row, problems);
            }
        }
    }
}

fn has_rules(row: &Row) -> bool {
    let rules = match row {
        Row::Frontend(row) => &row.settings.rules,
        Row::Backend(row) => &row.settings.rules,
        _ => return false,
    };
    *rules != crate::model::Rules::default()
}

fn misplaced(state: &State, row: &Row) -> Option<(Code, String)> {
    let other = |name: &Name| Some(state.frontend(name)?.settings.table.is_some());
    match row {
        Row::Defaults(row) if row.frontend.table.is_some() || row.backend.table.is_some() => {
            Some((Code::Unsuitable, "defaults have none: a table belongs to one proxy".to_owned()))
        }
        Row::Frontend(row) if row.settings.table.is_some() && row.listen => {
            let detail = "of the halves of a listen section the backend has it";
            Some((Code::Unsuitable, detail.to_owned()))
        }
        Row::Frontend(row)
            if row.settings.table.is_some()
                && state.backend(&row.name).is_some_and(|other| other.settings.table.is_some()) =>
        {
            Some((Code::Conflict, format!("backend {} has one of the same name", row.name)))
        }
        Row::Backend(row) if row.settings.table.is_some() && other(&row.name) == Some(true) => {
            Some((Code::Conflict, format!("frontend {} has one of the same name", row.name)))
        }
        _ => None,
    }
}

/// Tables that rules name must be there.
pub(super) fn check_rules(state: &State, row: &Row, problems: &mut Vec<Problem>) {
    let (name, rules) = match row {
        Row::Frontend(row) => (&row.name, state.frontend_settings(row).rules),
        Row::Backend(row) => (&row.name, state.backend_settings(row).rules),
        _ => return,
    };
    for (table, user) in rules.with_own_table(name).tables() {
        if state.table(&table).is_none() {
            let detail = match table == *name {
                true => format!(
                    "rules: {user}: the proxy has no table of its own: name one, or add 'stick-table'"
                ),
                false => format!("rules: {user}: there is no table {table}"),
            };
            problems.push(Problem::about(Code::Dangling, &row.subject(), detail));
        }
    }
}

/// Tables that peers write to must be there, with the same kind of keys.
fn check_targets(state: &State, problems: &mut Vec<Problem>) {
    for (name, table) in state.tables() {
        let Some(target) = &table.write_to else { continue };
        let (code, detail) = match state.table(target) {
            Some(other) if other.key == table.key => continue,
            Some(_) => {
                (Code::Unsuitable, format!("write_to: the keys of table {target} are of another type"))
            }
            None => (Code::Dangling, format!("write_to: there is no table {target}")),
        };
        let back = state.backend(name).is_some_and(|row| row.settings.table.is_some());
        let subject = if back { Subject::Backend(name.clone()) } else { Subject::Frontend(name.clone()) };
        problems.push(Problem::about(code, &subject, format!("table: {detail}")));
    }
}
