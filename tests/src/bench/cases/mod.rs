//! The cases, one file per kind of question, and the order in which contestants take turns.

mod bodies;
mod changes;
mod checks;
mod flapping;
mod idle;
mod lists;
mod lookups;
mod pick;
mod requests;
mod socket;
mod tables;
mod workers;

use std::fmt::Write;
use std::time::Duration;

use super::contestant::Contestant;
use super::round::{Effort, Span};
use super::table::{Measure, Table};
use crate::harness::Result;

/// One case: its name on the command line and what runs it.
pub struct Case {
    /// The name.
    pub name: &'static str,
    run: fn(&Course) -> Result<Table>,
}

/// What every case is run with.
pub struct Course {
    /// Who takes part; HAProxy always does.
    pub contestants: Vec<Contestant>,
    /// How long and how often.
    pub effort: Effort,
    /// Entries of large lists and tables.
    pub entries: usize,
    /// Is told each step as it happens.
    pub report: fn(&str),
}

impl Case {
    /// All cases in the order of the results.
    pub const ALL: [Self; 17] = [
        Self { name: "small", run: requests::small },
        Self { name: "browser", run: requests::browser },
        Self { name: "connection", run: requests::connection },
        Self { name: "bodies", run: bodies::run },
        Self { name: "tcp", run: requests::tcp },
        Self { name: "idle", run: idle::run },
        Self { name: "workers", run: workers::run },
        Self { name: "changes", run: changes::run },
        Self { name: "checks", run: checks::run },
        Self { name: "flapping", run: flapping::run },
        Self { name: "pick", run: pick::run },
        Self { name: "rules-limit", run: tables::limit },
        Self { name: "lists", run: lists::run },
        Self { name: "socket", run: socket::run },
        Self { name: "lookups", run: lookups::run },
        Self { name: "table", run: tables::tracked },
        Self { name: "table-workers", run: tables::workers },
    ];

    /// Runs the case.
    pub fn run(&self, course: &Course) -> Result<Table> {
        (self.run)(course).map_err(|trouble| trouble.while_doing(format_args!("case {}", self.name)))
    }
}

impl Course {
    /// The same without nginx, which has nothing to compare with.
    fn without_nginx(&self) -> Course {
        let contestants = self.contestants.iter().copied().filter(|who| *who != Contestant::Nginx).collect();
        Course { contestants, ..*self }
    }

    /// How long a process is given after memory was taken or freed, before it is looked at: allocators give it back a
    /// second or so later. Where collections are small nobody looks that close.
    fn settling(&self) -> Duration {
        if self.entries < 100_000 { Duration::from_millis(100) } else { Duration::from_millis(3500) }
    }

    /// Lets the contestants take turns, a different one first in every round.
    fn rounds(&self, case: &str, mut turn: impl FnMut(Contestant) -> Result<String>) -> Result<()> {
        for round in 0..self.effort.rounds {
            for place in 0..self.contestants.len() {
                let contestant = self.contestants[(round + place) % self.contestants.len()];
                let said = turn(contestant).map_err(|trouble| trouble.while_doing(contestant))?;
                (self.report)(&format!("{case:<10} round {} {contestant:<8} {said}", round + 1));
            }
        }
        Ok(())
    }
}

/// What was measured, in a line for who watches.
fn said(measures: &[Measure], values: &[f64]) -> String {
    let mut said = String::new();
    for (measure, value) in measures.iter().zip(values) {
        let _ = write!(said, "{} {value:.*}; ", measure.name, measure.digits);
    }
    said
}

/// Sentences about a span that is less than it seems: failures, missing log lines.
fn remark(table: &mut Table, contestant: Contestant, span: &Span, expects_log: bool) {
    if span.tally.failed > 0 {
        let mut sentence = format!("{contestant}: {} requests failed", span.tally.failed);
        if let Some(first) = &span.tally.first_failure {
            let _ = write!(sentence, " (first: {first})");
        }
        table.remark(sentence + ".");
    }
    let share = span.log_lines as f64 / span.tally.answered.max(1) as f64;
    if expects_log && share < 0.98 {
        table.remark(format!("{contestant}: only {share:.2} log lines per request reached the sink."));
    }
}
