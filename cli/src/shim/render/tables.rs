//! Stick tables and their entries (management manual 9.3 "show table").

use std::fmt::Write;

use regate_proto::model::{DataForm, Millis, Stored, Table};
use regate_proto::wire::v1;

use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes a line for each table, the last in the configuration first.
#[derive(Debug, Default)]
pub struct Tables {
    views: Vec<v1::TableView>,
}

/// Writes a table with its entries.
#[derive(Debug)]
pub struct Entries {
    table: Table,
    /// Whether one entry was asked for: then nothing at all is said when it is not there.
    one: bool,
    head: Vec<u8>,
}

impl Entries {
    /// Those of this table.
    pub fn new(table: Table, one: bool) -> Entries {
        Entries { table, one, head: Vec::new() }
    }
}

impl Lines for Tables {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, _: &mut Vec<u8>) {
        self.views.extend(answer.tables);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        for view in self.views.iter().rev() {
            head(view, out);
        }
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Table, problems)
    }
}

impl Lines for Entries {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        let Some(part) = answer.entries else { return };
        if let Some(view) = &part.table {
            head(view, if self.one { &mut self.head } else { out });
        }
        if part.withheld {
            out.append(&mut self.head);
            out.extend_from_slice(b"# contents not dumped due to insufficient privileges\n");
        }
        for entry in &part.entries {
            out.append(&mut self.head);
            // Writing to a string cannot fail.
            let mut line = String::with_capacity(128);
            let _ = write(&self.table, entry, &mut line);
            out.extend_from_slice(line.as_bytes());
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Table, problems)
    }
}

fn head(view: &v1::TableView, out: &mut Vec<u8>) {
    let table = view.table.clone().and_then(|table| Table::try_from(table).ok());
    let (kind, size) = table.map_or(("unknown", 0), |table| (table.key.word(), table.size));
    let line = format!("# table: {}, type: {kind}, size:{size}, used:{}\n", view.name, view.used);
    out.extend_from_slice(line.as_bytes());
}

fn write(table: &Table, entry: &v1::TableEntry, line: &mut String) -> std::fmt::Result {
    let key = table.key.shown(&entry.key);
    write!(line, "{:#x}: key={key} use={} exp={}", entry.id, entry.uses, entry.expires_in_ms)?;
    let kinds = table.store.iter().flat_map(|stored| (0..stored.elements).map(move |at| (stored, at)));
    for ((stored, at), value) in kinds.zip(&entry.values) {
        name(stored, at, line)?;
        match stored.data.form() {
            DataForm::Text => {
                let text = usize::try_from(*value).ok().and_then(|at| entry.texts.get(at.checked_sub(1)?));
                line.push_str(text.map_or("-", String::as_str));
            }
            _ => write!(line, "{value}")?,
        }
    }
    line.push('\n');
    Ok(())
}

/// Writes ` gpt0=`, ` conn_rate(10000)=`, ` gpc1_rate(10000)=`: of an array, the name with the number of the element.
fn name(stored: &Stored, element: u8, line: &mut String) -> std::fmt::Result {
    let name = stored.data.name();
    match (stored.data.row().array, name.strip_suffix("_rate")) {
        (true, Some(counter)) => write!(line, " {counter}{element}_rate")?,
        (true, None) => write!(line, " {name}{element}")?,
        (false, _) => write!(line, " {name}")?,
    }
    match stored.period.map(Millis::get) {
        Some(period) => write!(line, "({period})="),
        None => write!(line, "="),
    }
}
