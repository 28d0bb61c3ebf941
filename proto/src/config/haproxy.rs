//! haproxy.cfg: the reader and the writer (configuration manual 2.1 for the format).
//!
//! Owns what is particular to that form: lines, comments, conditional blocks, section headers. What lines mean
//! is told by [`super::directives`].

use std::sync::Arc;

use crate::model::Row;

use super::assemble::{Assembler, Header};
use super::conditions::{Blocks, Verdict};
use super::diagnostic::{Diagnostic, Gravity, Issue, SourceFile, to_u32};
use super::directives::Section;
use super::directives::arguments::{about, expecting};
use super::document::{Document, Line, Unwritable};
use super::environment::Environment;
use super::lexer::{Dialect, Word, cut, quote};
use super::{Loaded, keywords};

/// Reads the files of one configuration, in order. A section ends where the next file begins.
pub fn read_haproxy(files: &[SourceFile], environment: &Environment) -> Result<Loaded, Vec<Diagnostic>> {
    let mut assembler = Assembler::new(environment);
    for file in files {
        environment.enter(&file.name);
        assembler.file = Arc::clone(&file.name);
        assembler.close();
        read_file(&mut assembler, file);
    }
    assembler.finish()
}

/// Writes rows as haproxy.cfg, or says what that form cannot express.
pub fn write_haproxy<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<String, Vec<Unwritable>> {
    let document = Document::gather(rows)?;
    let plain = document.has_plain_defaults();
    let mut text = String::new();
    if let Some(lines) = &document.global {
        write_section(&mut text, "global", lines);
    }
    for resolvers in &document.resolvers {
        write_section(&mut text, &format!("resolvers {}", resolvers.name), &resolvers.lines);
    }
    for userlist in &document.userlists {
        write_section(&mut text, &format!("userlist {}", userlist.name), &userlist.lines);
    }
    for errors in &document.http_errors {
        write_section(&mut text, &format!("http-errors {}", errors.name), &errors.lines);
    }
    for ring in &document.rings {
        write_section(&mut text, &format!("ring {}", ring.name), &ring.lines);
    }
    for defaults in &document.defaults {
        let mut header = Section::Defaults.word().to_owned();
        if !plain {
            header.push_str(&format!(" {}", defaults.name));
        }
        if let Some(from) = &defaults.from {
            header.push_str(&format!(" from {from}"));
        }
        write_section(&mut text, &header, &defaults.lines);
    }
    if !document.defaults.is_empty() && document.proxies.iter().any(|proxy| proxy.from.is_none()) {
        write_section(&mut text, Section::Defaults.word(), &[]);
    }
    for proxy in &document.proxies {
        let mut header = format!("{} {}", proxy.section.word(), proxy.name);
        if let Some(from) = proxy.from.as_ref().filter(|_| !plain) {
            header.push_str(&format!(" from {from}"));
        }
        write_section(&mut text, &header, &proxy.lines);
    }
    Ok(text)
}

fn write_section(text: &mut String, header: &str, lines: &[Line]) {
    if !text.is_empty() {
        text.push('\n');
    }
    text.push_str(header);
    text.push('\n');
    for line in lines {
        text.push_str(if line.negated { "    no " } else { "    " });
        text.push_str(line.directive.name);
        for word in &line.words {
            text.push(' ');
            text.push_str(&quote(word, Dialect::Line));
        }
        text.push('\n');
    }
}

fn read_file(assembler: &mut Assembler, file: &SourceFile) {
    let mut blocks = Blocks::default();
    let mut number = 0;
    for raw in file.text.split_inclusive('\n') {
        number += 1;
        let line = raw.strip_suffix('\n').unwrap_or(raw);
        read_line(assembler, &mut blocks, line, number);
        if !raw.ends_with('\n') {
            let column = to_u32(line.trim_end_matches('\r').chars().count()) + 1;
            assembler.error(Issue {
                line: number,
                column,
                length: 0,
                message: "the last line has no line feed: the file may be cut short".to_owned(),
                help: Some("end the file with a line feed".to_owned()),
            });
        }
    }
    if let Some(issue) = blocks.finish() {
        assembler.error(issue);
    }
}

fn read_line(assembler: &mut Assembler, blocks: &mut Blocks, line: &str, number: u32) {
    let environment = assembler.environment;
    let (file, section) = (Arc::clone(&assembler.file), assembler.section_name());
    let variable = |name: &str| match name {
        ".FILE" => Some(file.to_string()),
        ".LINE" => Some(number.to_string()),
        ".SECTION" => Some(section.clone()),
        name => environment.variable(name),
    };
    let words = match cut(line, Dialect::Line, number, 1, &variable) {
        Ok(words) => words,
        Err(issue) => return assembler.error(issue),
    };
    let Some(first) = words.first() else { return };
    match blocks.offer(&words, &|name| environment.variable(name).is_some()) {
        Ok(Verdict::Consumed) => return,
        Ok(Verdict::Ordinary) => {}
        Err(issue) => return assembler.error(issue),
    }
    if first.text.starts_with('.') {
        return speak(assembler, first, &words);
    }
    if let Some(section) = Section::from_word(&first.text) {
        return open(assembler, section, &words);
    }
    if keywords::SECTIONS.contains(&first.text.as_str()) {
        let message = format!("'{}' is a HAProxy section that Regate does not support yet", first.text);
        assembler.error(about(first, message));
        return assembler.skip();
    }
    if let Some((name, missing)) = keywords::PASSED_OVER.iter().find(|(name, _)| *name == first.text) {
        let message = format!("section '{name}' is left out: {missing}");
        assembler.remark(Gravity::Warning, about(first, message));
        return assembler.skip();
    }
    assembler.line(&words);
}

/// `.notice`, `.warning`, `.alert` and `.diag`.
fn speak(assembler: &mut Assembler, first: &Word, words: &[Word]) {
    const KNOWN: [&str; 8] = [".if", ".elif", ".else", ".endif", ".notice", ".warning", ".alert", ".diag"];
    let gravity = match first.text.as_str() {
        ".notice" | ".diag" => Gravity::Notice,
        ".warning" => Gravity::Warning,
        ".alert" => Gravity::Error,
        _ => {
            let message = format!("unknown directive '{}'", first.text);
            let issue = match keywords::nearest(&first.text, KNOWN) {
                Some(near) => expecting(first, message, format!("did you mean '{near}'?")),
                None => about(first, message),
            };
            return assembler.error(issue);
        }
    };
    if let Some(extra) = words.get(2) {
        let message = format!("unexpected argument '{}' for '{}'", extra.text, first.text);
        return assembler.error(expecting(extra, message, "put a message with spaces in quotes"));
    }
    if first.text == ".diag" {
        return;
    }
    let message = words.get(1).map_or("", |word| word.text.as_str());
    assembler.remark(gravity, about(words.get(1).unwrap_or(first), message));
}

fn open(assembler: &mut Assembler, section: Section, words: &[Word]) {
    let [keyword, rest @ ..] = words else { return };
    let (name, rest) = match (section, rest) {
        (Section::Global, rest) => (None, rest),
        (Section::Defaults, [from, ..]) if from.text == "from" => (None, rest),
        (_, [name, rest @ ..]) if !name.text.is_empty() => (Some(name), rest),
        (_, rest) => (None, rest),
    };
    let (from, rest) = match rest {
        [word, from, rest @ ..] if word.text == "from" && section.is_of_proxies() => (Some(from), rest),
        rest => (None, rest),
    };
    let header = Header { section, keyword, name, from, order: 0 };
    assembler.open(&header, true);
    if let Some(extra) = rest.first() {
        let message = format!("'{}' does not take the argument '{}'", section.word(), extra.text);
        let issue = match section {
            section if !section.is_of_proxies() => about(extra, message),
            Section::Frontend | Section::Listen => expecting(
                extra,
                message,
                "'from' and a defaults section, or nothing, is expected; addresses belong in 'bind' lines",
            ),
            _ => expecting(extra, message, "'from' and a defaults section, or nothing, is expected"),
        };
        assembler.error(issue);
    }
}

#[cfg(test)]
#[path = "haproxy_tests.rs"]
mod tests;
