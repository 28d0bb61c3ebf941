//! Counters as `show stat` shows them (management manual 9.1).

use regate_proto::statistics::{CounterLines, Form, Hidden, Nameservers, Rows};
use regate_proto::wire::{StatisticsReader, v1};
use v1::StatisticsKind as Kind;

use crate::shim::lex::Word;
use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes rows of statistics.
pub struct Statistics(Rows);

/// Writes rows of name servers.
pub struct NameserverRows(pub Nameservers);

impl Statistics {
    /// All rows.
    pub fn new(form: Form) -> Statistics {
        Statistics(Rows::new(form))
    }

    /// With the options `desc`, `up` and `no-maint`.
    pub fn with(self, options: &[Word]) -> Statistics {
        let has = |option: &str| options.iter().any(|word| word == option);
        let hidden = match (has("up"), has("no-maint")) {
            (true, _) => Hidden::Down,
            (false, true) => Hidden::Maintenance,
            (false, false) => Hidden::None,
        };
        Statistics(self.0.described(has("desc")).hiding(hidden))
    }

    /// Only these kinds of rows, and of servers and binds only the one with this number.
    pub fn only(self, kinds: Vec<Kind>, service: Option<u32>) -> Statistics {
        Statistics(self.0.only(kinds, service))
    }
}

impl Lines for Statistics {
    fn begin(&mut self, out: &mut Vec<u8>) {
        append(out, |text| self.0.begin(text));
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        append(out, |text| {
            answer.statistics.iter().for_each(|row| self.0.row(row, text));
            if let Some(block) = answer.packed_statistics {
                let mut rows = StatisticsReader::new(block);
                while let Some(row) = rows.advance() {
                    self.0.row(row, text);
                }
            }
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        append(out, |text| self.0.end(text));
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Statistics, problems)
    }
}

impl Lines for NameserverRows {
    fn begin(&mut self, out: &mut Vec<u8>) {
        append(out, |text| self.0.begin(text));
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        append(out, |text| answer.nameservers.iter().for_each(|row| self.0.row(row, text)));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        append(out, |text| self.0.end(text));
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

/// Writes the counters of what has a guid.
#[derive(Default)]
pub struct CountersFile(CounterLines);

impl Lines for CountersFile {
    fn begin(&mut self, out: &mut Vec<u8>) {
        append(out, |text| self.0.begin(text));
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        append(out, |text| {
            answer.statistics.iter().for_each(|row| self.0.row(row, text));
            if let Some(block) = answer.packed_statistics {
                let mut rows = StatisticsReader::new(block);
                while let Some(row) = rows.advance() {
                    self.0.row(row, text);
                }
            }
        });
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        append(out, |text| self.0.end(text));
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Statistics, problems)
    }
}

fn append(out: &mut Vec<u8>, write: impl FnOnce(&mut String)) {
    let mut text = String::new();
    write(&mut text);
    match out.is_empty() {
        true => *out = text.into_bytes(),
        false => out.extend_from_slice(text.as_bytes()),
    }
}
