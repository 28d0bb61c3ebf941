//! Lists of patterns, their entries and what values match (management manual 9.3 "show map", "get map").

use std::fmt::Write;

use regate_proto::model::ListName;
use regate_proto::wire::{unpack, v1};

use crate::shim::commands::lists::{Family, Shared, belongs};
use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About, ListError};

/// Writes a line for each list of a family.
pub struct Lists {
    family: Family,
    versions: Shared,
}

/// Writes the entries of a list.
pub struct Entries;

/// Writes what a value matches.
pub struct Matches(pub Family);

impl Lists {
    /// Those of this family.
    pub fn new(family: Family, versions: Shared) -> Lists {
        Lists { family, versions }
    }
}

impl Lines for Lists {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# id (file) description\n");
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for view in answer.lists.iter().filter(|view| belongs(view, self.family)) {
            let Some(list) = &view.list else { continue };
            let mut text = described(list);
            let count = view.entry_count.saturating_mul(view.uses.len() as u64);
            let (current, newest) = (self.versions.current(&list.name), self.versions.newest(&list.name));
            let _ = writeln!(text, ". curr_ver={current} next_ver={newest} entry_cnt={count}");
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

impl Lines for Entries {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for entry in &answer.list_entries {
            line(entry.id, &entry.key, entry.value.as_deref(), out);
        }
        if let Some(packed) = answer.list_packed {
            out.reserve(packed.id_steps.len().saturating_mul(USUAL_LINE));
            let told = unpack("list_packed", packed, |entry| line(entry.id.0, entry.key, entry.value, out));
            if let Err(problem) = told {
                tracing::warn!("entries of a list were not understood: {problem}");
            }
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

impl Lines for Matches {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for found in &answer.matches {
            let way = found.way.clone().unwrap_or_default();
            let case = if way.ignore_case { "insensitive" } else { "sensitive" };
            out.extend_from_slice(format!("type={}, case={case}, ", way.method).as_bytes());
            let word = if self.0 == Family::Acl { "match" } else { "found" };
            let Some(entry) = &found.entry else {
                out.extend_from_slice(format!("{word}=no\n").as_bytes());
                continue;
            };
            let index = if found.is_tree { "tree" } else { "list" };
            out.extend_from_slice(format!("{word}=yes, idx={index}, ").as_bytes());
            match self.0 {
                Family::Acl => quoted("pattern", &entry.key, out),
                Family::Map => {
                    quoted("key", &entry.key, out);
                    match entry.value.as_ref().filter(|_| !way.output.is_empty()) {
                        Some(value) => {
                            out.extend_from_slice(b", ");
                            quoted("value", value, out);
                            let kind = match way.output.as_str() {
                                "int" => "sint",
                                "ip" if value.contains(&b':') => "ipv6",
                                "ip" => "ipv4",
                                _ => "str",
                            };
                            out.extend_from_slice(format!(", type=\"{kind}\"").as_bytes());
                        }
                        None => out.extend_from_slice(b", value=none"),
                    }
                }
            }
            out.push(b'\n');
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::NotFound) => Reply::error(sentence::about_list(self.0, ListError::Unknown)),
            _ => sentence::refusal(About::Thing, problems),
        }
    }
}

/// What a list is, and where the configuration uses it.
fn described(list: &v1::List) -> String {
    let id = list.id.unwrap_or(0);
    let keyword = ListName::new(&list.name).ok().and_then(|name| name.keyword().map(str::to_owned));
    if let Some(keyword) = keyword {
        let (file, line) = list.users.first().map_or(("", 0), |user| (user.file.as_str(), user.line));
        return format!("{id} () acl '{keyword}' file '{file}' line {line}");
    }
    let file = list.name.strip_prefix("opt@").unwrap_or(&list.name);
    let mut text = format!("{id} ({file}) pattern loaded from file '{file}'");
    for (at, user) in list.users.iter().enumerate() {
        let joint = if at == 0 { " used by" } else { ", by" };
        let kind = if user.is_acl { "acl" } else { "map" };
        // Writing to a string cannot fail.
        let _ = write!(text, "{joint} {kind} at file '{}' line {}", user.file, user.line);
    }
    text
}

/// The line of an entry.
pub fn line(id: u64, key: &[u8], value: Option<&[u8]>, out: &mut Vec<u8>) {
    out.extend_from_slice(b"0x");
    let digits = (u64::BITS - id.leading_zeros()).div_ceil(4).max(1);
    for digit in (0..digits).rev() {
        let digit = (id >> (digit * 4) & 0xf) as u8;
        out.push(if digit < 10 { b'0' + digit } else { b'a' - 10 + digit });
    }
    out.push(b' ');
    out.extend_from_slice(key);
    if let Some(value) = value {
        out.push(b' ');
        out.extend_from_slice(value);
    }
    out.push(b'\n');
}

/// About how many bytes a line has, for the first guess.
const USUAL_LINE: usize = 48;

fn quoted(word: &str, text: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(word.as_bytes());
    out.extend_from_slice(b"=\"");
    out.extend_from_slice(text);
    out.push(b'"');
}
