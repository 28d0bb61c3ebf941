//! `regate convert`: a configuration in its other form.

use std::path::PathBuf;

use clap::{Args, ValueEnum};
use regate_proto::config;
use regate_proto::model::Row;

use crate::failure::Failure;
use crate::{source, terminal};

/// Arguments of `regate convert`.
#[derive(Args, Debug)]
pub struct Arguments {
    /// The files: one YAML, or any number of haproxy.cfg that belong together; - is standard input
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// The form to write
    #[arg(long, value_enum)]
    to: Form,
}

/// The forms of a configuration.
#[derive(ValueEnum, Clone, Copy, Debug)]
pub enum Form {
    /// YAML
    Yaml,
    /// haproxy.cfg
    Haproxy,
}

/// Converts.
pub fn execute(arguments: Arguments) -> Result<(), Failure> {
    let rows = source::load(&arguments.files)?;
    terminal::print(&write(&rows, arguments.to)?);
    Ok(())
}

/// Rows as a text.
pub(super) fn write(rows: &[Row], form: Form) -> Result<String, Failure> {
    let text = match form {
        Form::Yaml => config::write_yaml(rows),
        Form::Haproxy => config::write_haproxy(rows),
    };
    text.map_err(|unwritable| {
        let lines: Vec<String> = unwritable.iter().map(ToString::to_string).collect();
        Failure::refused(format!("this cannot be written as a file:\n{}", lines.join("\n")))
    })
}
