//! Configuration files as the command line is given them: read from disk, read into rows, remarks rendered.
//!
//! Owns which bytes reach the readers of `regate_proto::config`; those open no file themselves. Read next:
//! `report.rs`, which underlines.

use std::path::{Path, PathBuf};

use regate_proto::change::{Change, Layer};
use regate_proto::config::{self, Environment, Form, Loaded, SourceFile};
use regate_proto::model::Row;

use crate::failure::Failure;
use crate::{report, terminal};

/// Reads files into rows; tells remarks on standard error; fails with every error, underlined.
pub fn load(files: &[PathBuf]) -> Result<Vec<Row>, Failure> {
    let sources = open(files)?;
    let loaded = read(&sources).map_err(|diagnostics| {
        Failure::refused(report::render(&sources, &diagnostics, terminal::colours()).trim_end())
    })?;
    terminal::complain(&report::render(&sources, &loaded.remarks, terminal::colours()));
    Ok(loaded.rows)
}

/// Reads texts into rows, with the environment and the files of this process.
pub fn read(sources: &[SourceFile]) -> Result<Loaded, Vec<config::Diagnostic>> {
    let variable = |name: &str| std::env::var(name).ok();
    let file = |path: &Path| std::fs::read(path);
    config::read(sources, &Environment::new(&variable, &file))
}

/// Opens files. `-` is standard input, in the form that its first words show.
pub fn open(files: &[PathBuf]) -> Result<Vec<SourceFile>, Failure> {
    files.iter().map(|path| open_one(path)).collect()
}

fn open_one(path: &Path) -> Result<SourceFile, Failure> {
    let cannot = |error: std::io::Error| Failure::refused(format!("cannot read {}: {error}", path.display()));
    let bytes = if path == Path::new("-") {
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut std::io::stdin().lock(), &mut bytes).map_err(cannot)?;
        bytes
    } else {
        let length = std::fs::metadata(path).map_err(cannot)?.len();
        if length > LONGEST {
            return Err(Failure::refused(format!(
                "{} has {length} bytes: a configuration of at most {LONGEST} is expected",
                path.display()
            )));
        }
        std::fs::read(path).map_err(cannot)?
    };
    let name =
        if path == Path::new("-") { input_name(&bytes).to_owned() } else { path.display().to_string() };
    SourceFile::from_bytes(&name, bytes).map_err(|diagnostic| Failure::refused(diagnostic.to_string()))
}

/// Rows as the changes that put them into the spec.
pub fn puts(rows: &[Row]) -> Vec<Change> {
    rows.iter().map(|row| Change::Put(Layer::Spec, row.clone())).collect()
}

/// A name for standard input whose ending tells its form.
fn input_name(bytes: &[u8]) -> &'static str {
    match form_of(&String::from_utf8_lossy(bytes)) {
        Form::Yaml => "<stdin>.yaml",
        Form::Haproxy => "<stdin>.cfg",
    }
}

/// The form of a text without a name: in YAML the first thing that is no comment is a `key:`, a `{` or `---`.
fn form_of(text: &str) -> Form {
    let first = text.lines().map(str::trim).find(|line| !line.is_empty() && !line.starts_with('#'));
    let Some(first) = first else { return Form::Haproxy };
    let key = first.split_once(':').map(|(key, rest)| (key, rest.is_empty() || rest.starts_with(' ')));
    let is_key = key.is_some_and(|(key, ends)| ends && !key.contains(char::is_whitespace));
    if first.starts_with("---") || first.starts_with('{') || is_key { Form::Yaml } else { Form::Haproxy }
}

/// Bytes of a configuration file: far more than any real one, far less than memory.
const LONGEST: u64 = 256 << 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_form_of_standard_input_shows() {
        for (text, form) in [
            ("# a\n\nfrontends:\n  www: {}\n", Form::Yaml),
            ("global: {maxconn: 5}\n", Form::Yaml),
            ("{\"global\": {}}", Form::Yaml),
            ("---\nx: 1\n", Form::Yaml),
            ("global\n  maxconn 5\n", Form::Haproxy),
            ("listen a:b\n", Form::Haproxy),
            ("# only a comment: here\n", Form::Haproxy),
        ] {
            assert_eq!(form_of(text), form, "{text}");
        }
    }
}
