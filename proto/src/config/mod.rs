//! The two text forms of configuration: YAML and haproxy.cfg, read into and written from rows of the model.
//!
//! Both forms are spellings of one set of directives, defined once in [`directives`]. Readers report every
//! problem of a text with its place, never only the first; nothing here opens a file or reads the process's
//! environment: the caller passes both in as an [`Environment`]. Read next: `assemble.rs`.

pub mod conditions;
pub mod diagnostic;
pub mod directives;
pub mod environment;
pub mod keywords;
pub mod lexer;
pub mod schema;

mod assemble;
mod document;
mod haproxy;
mod yaml;

pub use diagnostic::{Diagnostic, Gravity, Place, SourceFile};
pub use document::Unwritable;
pub use environment::Environment;
pub use haproxy::{read_haproxy, write_haproxy};
pub use yaml::{read_yaml, write_yaml};

use crate::model::Row;

/// What a reader made of its texts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loaded {
    /// The rows of the configuration; places in listings are those in the text.
    pub rows: Vec<Row>,
    /// Warnings and notices.
    pub remarks: Vec<Diagnostic>,
}

/// A text form of configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// haproxy.cfg.
    Haproxy,
    /// YAML.
    Yaml,
}

impl Form {
    /// The form that a file's name says: `.yaml`, `.yml` and `.json` are YAML, everything else is haproxy.cfg.
    pub fn of(name: &str) -> Form {
        match name.rsplit_once('.') {
            Some((_, "yaml" | "yml" | "json")) => Form::Yaml,
            _ => Form::Haproxy,
        }
    }
}

/// Reads files in the form that their names say. Files of haproxy.cfg are read as one text; YAML stands alone.
pub fn read(files: &[SourceFile], environment: &Environment) -> Result<Loaded, Vec<Diagnostic>> {
    match files {
        [only] if Form::of(&only.name) == Form::Yaml => read_yaml(only, environment),
        _ => match files.iter().find(|file| Form::of(&file.name) == Form::Yaml) {
            None => read_haproxy(files, environment),
            Some(file) => Err(vec![Diagnostic {
                gravity: Gravity::Error,
                place: Place { file: file.name.clone(), line: 0, column: 1, length: 0 },
                message: "a YAML file cannot be combined with other files".to_owned(),
                help: Some("put everything into one YAML file, or use haproxy.cfg for all".to_owned()),
            }]),
        },
    }
}

#[cfg(test)]
mod tests;
