//! `regate check`: everything that is wrong with configuration files.

use std::path::PathBuf;

use clap::Args;
use regate_proto::config::{Diagnostic, Gravity};

use crate::failure::Failure;
use crate::{report, source, terminal};

/// Arguments of `regate check`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The files: one YAML, or any number of haproxy.cfg that belong together; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One line for each remark, `FILE:LINE:COLUMN: GRAVITY: MESSAGE`, for editors
    #[arg(long)]
    lines: bool,
    /// Takes warnings for errors
    #[arg(long)]
    strict: bool,
}

/// Checks.
pub fn execute(arguments: Arguments) -> Result<(), Failure> {
    let sources = source::open(&arguments.files)?;
    let (remarks, rows) = match source::read(&sources) {
        Ok(loaded) => (loaded.remarks, Some(loaded.rows.len())),
        Err(diagnostics) => (diagnostics, None),
    };
    let text = if arguments.lines {
        remarks.iter().map(|remark| format!("{remark}\n")).collect()
    } else {
        report::render(&sources, &remarks, terminal::colours())
    };
    terminal::complain(&text);
    let errors = count(&remarks, Gravity::Error);
    let warnings = count(&remarks, Gravity::Warning);
    let found = format!("{}, {}", plural(errors, "error"), plural(warnings, "warning"));
    match rows {
        Some(rows) if warnings == 0 || !arguments.strict => {
            terminal::print_line(&format!("valid: {}, {}", plural(rows, "row"), plural(warnings, "warning")));
            Ok(())
        }
        _ => Err(Failure::refused(found)),
    }
}

fn count(remarks: &[Diagnostic], gravity: Gravity) -> usize {
    remarks.iter().filter(|remark| remark.gravity == gravity).count()
}

fn plural(count: usize, noun: &str) -> String {
    if count == 1 { format!("1 {noun}") } else { format!("{count} {noun}s") }
}
