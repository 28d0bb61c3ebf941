//! Rows of statistics in the notations of `show stat`: CSV, typed, JSON (management manual 9.1).

use std::fmt::Write;

use crate::wire::v1;
use v1::{Condition, StatisticsKind as Kind};

use super::columns::{COLUMNS, Column, Line, MODULE_COLUMNS};
use super::value::Value;

/// How counters are shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A header and a line for each row.
    Csv,
    /// A line for each value.
    Typed,
    /// One array of arrays of objects.
    Json,
}

/// Which servers are left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Hidden {
    /// None are.
    None,
    /// Those in maintenance: `no-maint`.
    Maintenance,
    /// Those in maintenance and those that are down: `up`.
    Down,
}

/// Writes rows of statistics one after the other: [`begin`](Rows::begin), [`row`](Rows::row) for each,
/// [`end`](Rows::end).
#[derive(Clone, Debug)]
pub struct Rows {
    form: Form,
    described: bool,
    hidden: Hidden,
    only: Option<(Vec<Kind>, Option<u32>)>,
    begun: bool,
}

impl Rows {
    /// All rows, in this notation.
    pub fn new(form: Form) -> Rows {
        Rows { form, described: false, hidden: Hidden::None, only: None, begun: false }
    }

    /// Says of each typed value what it is: `desc`.
    pub fn described(mut self, described: bool) -> Rows {
        self.described = described;
        self
    }

    /// Leaves servers out.
    pub fn hiding(mut self, hidden: Hidden) -> Rows {
        self.hidden = hidden;
        self
    }

    /// Only these kinds of rows, and of servers and binds only the one with this number.
    pub fn only(mut self, kinds: Vec<Kind>, service: Option<u32>) -> Rows {
        self.only = Some((kinds, service));
        self
    }

    /// Writes what stands before the first row.
    pub fn begin(&self, out: &mut String) {
        match self.form {
            Form::Csv => {
                out.push_str("# ");
                for column in COLUMNS {
                    out.push_str(column.name);
                    out.push(',');
                }
                out.push_str("-,");
                for column in MODULE_COLUMNS {
                    out.push_str(column.name);
                    out.push(',');
                }
                out.push('\n');
            }
            Form::Typed => {}
            Form::Json => out.push('['),
        }
    }

    /// Writes a row, unless it is one to leave out.
    pub fn row(&mut self, row: &v1::StatisticsRow, out: &mut String) {
        if !self.shows(row) {
            return;
        }
        let line = Line { row, counted: self.hidden != Hidden::None };
        match self.form {
            Form::Csv => csv(&line, out),
            Form::Typed => typed(&line, self.described, out),
            Form::Json => {
                if self.begun {
                    out.push(',');
                }
                json(&line, out);
            }
        }
        self.begun = true;
    }

    /// Writes what stands after the last row.
    pub fn end(&self, out: &mut String) {
        if self.form == Form::Json {
            out.push_str("]\n");
        }
    }

    fn shows(&self, row: &v1::StatisticsRow) -> bool {
        let kind = row.kind();
        if let Some((kinds, service)) = &self.only {
            let numbered = matches!(kind, Kind::Server | Kind::Listener);
            if !kinds.contains(&kind) || numbered && service.is_some_and(|id| id != row.service_id) {
                return false;
            }
        }
        if kind != Kind::Server {
            return true;
        }
        match (self.hidden, row.status.as_ref().map(v1::Status::condition)) {
            (Hidden::None, _) => true,
            (_, Some(Condition::Maintenance | Condition::Unresolved)) => false,
            (Hidden::Down, Some(Condition::Down | Condition::Stopped)) => false,
            _ => true,
        }
    }
}

fn csv(line: &Line, out: &mut String) {
    write_csv(COLUMNS, line, out);
    out.push_str("-,");
    write_csv(MODULE_COLUMNS, line, out);
    out.push('\n');
}

fn write_csv(columns: &[Column], line: &Line, out: &mut String) {
    for column in columns {
        match (column.value)(line) {
            None => out.push(','),
            // Most of what a listing of thousands of rows is made of.
            Some(Value::U64(0) | Value::U32(0)) => out.push_str("0,"),
            Some(value) => {
                value.csv(out);
                out.push(',');
            }
        }
    }
}

fn typed(line: &Line, described: bool, out: &mut String) {
    let (letter, _) = object(line.row.kind());
    for (position, column) in columns() {
        let Some(value) = (column.value)(line) else { continue };
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{letter}.{}.{}.{position}.{}.1:",
            line.row.proxy_id, line.row.service_id, column.name
        );
        value.typed(column.tags, out);
        if described {
            let _ = write!(out, ":\"{}\"", column.about);
        }
        out.push('\n');
    }
}

fn json(line: &Line, out: &mut String) {
    let (_, word) = object(line.row.kind());
    out.push('[');
    let mut first = true;
    for (position, column) in columns() {
        let Some(value) = (column.value)(line) else { continue };
        if !std::mem::take(&mut first) {
            out.push(',');
        }
        // Writing to a string cannot fail.
        let _ = write!(
            out,
            "{{\"objType\":\"{word}\",\"proxyId\":{},\"id\":{},",
            line.row.proxy_id, line.row.service_id
        );
        value.json(position, column.name, column.tags, out);
        out.push('}');
    }
    out.push(']');
}

/// All columns with their positions; the one called `-` has no number.
fn columns() -> impl Iterator<Item = (u32, &'static Column)> {
    (0..).zip(COLUMNS.iter().chain(MODULE_COLUMNS))
}

/// The letter and the word for a kind of row.
fn object(kind: Kind) -> (char, &'static str) {
    match kind {
        Kind::Unspecified => ('U', "Unknown"),
        Kind::Frontend => ('F', "Frontend"),
        Kind::Backend => ('B', "Backend"),
        Kind::Server => ('S', "Server"),
        Kind::Listener => ('L', "Listener"),
    }
}
