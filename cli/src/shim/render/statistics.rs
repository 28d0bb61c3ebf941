//! Counters as `show stat` shows them: CSV, typed, JSON (management manual 9.1).

use std::fmt::Write;

use regate_proto::wire::v1;
use v1::{Condition, StatisticsKind as Kind};

use super::columns::{COLUMNS, Line};
use crate::shim::lex::Word;
use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

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

/// Writes rows of statistics.
pub struct Statistics {
    form: Form,
    described: bool,
    hidden: Hidden,
    only: Option<(Vec<Kind>, Option<u32>)>,
    begun: bool,
}

/// Which servers are left out.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Hidden {
    None,
    Maintenance,
    Down,
}

impl Statistics {
    /// All rows.
    pub fn new(form: Form) -> Statistics {
        Statistics { form, described: false, hidden: Hidden::None, only: None, begun: false }
    }

    /// With the options `desc`, `up` and `no-maint`.
    pub fn with(mut self, options: &[Word]) -> Statistics {
        let has = |option: &str| options.iter().any(|word| word == option);
        self.described = has("desc");
        self.hidden = match (has("up"), has("no-maint")) {
            (true, _) => Hidden::Down,
            (false, true) => Hidden::Maintenance,
            (false, false) => Hidden::None,
        };
        self
    }

    /// Only these kinds of rows, and of servers and binds only the one with this number.
    pub fn only(mut self, kinds: Vec<Kind>, service: Option<u32>) -> Statistics {
        self.only = Some((kinds, service));
        self
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

    fn write(&mut self, row: &v1::StatisticsRow, out: &mut String) {
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
}

impl Lines for Statistics {
    fn begin(&mut self, out: &mut Vec<u8>) {
        match self.form {
            Form::Csv => {
                out.extend_from_slice(b"# ");
                for column in COLUMNS {
                    out.extend_from_slice(column.name.as_bytes());
                    out.push(b',');
                }
                out.extend_from_slice(b"-,\n");
            }
            Form::Typed => {}
            Form::Json => out.push(b'['),
        }
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        let mut text = String::new();
        for row in &answer.statistics {
            if self.shows(row) {
                text.clear();
                self.write(row, &mut text);
                out.extend_from_slice(text.as_bytes());
            }
        }
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        if self.form == Form::Json {
            out.extend_from_slice(b"]\n");
        }
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Statistics, problems)
    }
}

fn csv(line: &Line, out: &mut String) {
    for column in COLUMNS {
        if let Some(value) = (column.value)(line) {
            value.csv(out);
        }
        out.push(',');
    }
    out.push_str("-,\n");
}

fn typed(line: &Line, described: bool, out: &mut String) {
    let (letter, _) = object(line.row.kind());
    for (position, column) in COLUMNS.iter().enumerate() {
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
    for (position, column) in (0..).zip(COLUMNS) {
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
