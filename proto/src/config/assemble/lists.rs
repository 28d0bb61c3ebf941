//! The lists of patterns that rules use: their files are read where a rule names them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::diagnostic::{Diagnostic, Gravity, Place};
use super::super::lexer::Word;
use super::Assembler;
use crate::model::{Columns, Entries, EntriesRef, List, ListName, ListUser, Presence, Row};
use crate::patterns::{Entry, EntryId, Run};
use crate::rules::condition::PREDEFINED;
use crate::rules::needs::{self, Need};

/// A place that names a list, or has patterns of its own.
pub(super) struct Reference {
    /// The list; none for patterns that stand in the rule.
    list: Option<String>,
    /// Whether it takes no values: an ACL without `-M`.
    is_acl: bool,
    /// The number that it asks for.
    id: Option<u32>,
    /// Whether it is a rule that changes the list, which neither has it numbered nor counts as a user.
    edits: bool,
    place: Place,
}

/// A list as its file has it.
struct Read {
    columns: Columns,
    /// The entries, numbered from 1.
    entries: Run,
    /// The line of each.
    lines: Vec<u32>,
}

impl Assembler<'_> {
    /// Remembers in which order a line names lists, and where: listings number them so.
    pub(super) fn mark_lists(&mut self, words: &[Word]) {
        let mut words = words.iter().peekable();
        let mut criterion = words.peek().is_some_and(|word| word.text == "acl").then_some(None);
        let mut in_condition = false;
        let mut takes_maps = false;
        while let Some(word) = words.next() {
            if let Some(list) = edited(&word.text) {
                let place = self.place(word);
                self.references.push(Reference {
                    list: Some(list.to_owned()),
                    is_acl: false,
                    id: None,
                    edits: true,
                    place,
                });
            }
            for list in maps(&word.text) {
                self.refer(Some(list.to_owned()), false, None, word);
            }
            match word.text.as_str() {
                "if" | "unless" => in_condition = true,
                "{" => (criterion, takes_maps) = (Some(None), false),
                "-M" if criterion.is_some() => takes_maps = true,
                "}" => {
                    if let Some(id) = criterion.take() {
                        self.refer(None, true, id, word);
                    }
                }
                "-f" if criterion.is_some() => {
                    if let Some(file) = words.next() {
                        self.refer(Some(file.text.clone()), !takes_maps, None, file);
                    }
                }
                "-u" => {
                    if let (Some(id), Some(number)) = (&mut criterion, words.next()) {
                        *id = number.text.parse().ok();
                    }
                }
                text if in_condition && criterion.is_none() => {
                    // A predefined ACL becomes one of the proxy's where it is first used.
                    let name = text.trim_start_matches('!');
                    let is_known = PREDEFINED.iter().any(|(known, _)| *known == name);
                    if is_known && self.predefined.insert((self.section_name(), name.to_owned())) {
                        self.refer(None, true, None, word);
                    }
                }
                _ => {}
            }
            if let (Some(id), None) = (criterion, words.peek()) {
                self.refer(None, true, id, word);
            }
        }
    }

    fn refer(&mut self, list: Option<String>, is_acl: bool, id: Option<u32>, word: &Word) {
        let place = self.place(word);
        self.references.push(Reference { list, is_acl, id, edits: false, place });
    }

    /// The numbers of lists, as HAProxy gives them: in the order in which they are named first, those of patterns that
    /// stand in rules among them.
    fn list_numbers(&self) -> BTreeMap<&str, u32> {
        let forced: BTreeSet<u32> = self.references.iter().filter_map(|reference| reference.id).collect();
        let mut free = (0..).filter(|id| !forced.contains(id));
        let mut numbers = BTreeMap::new();
        for reference in self.references.iter().filter(|reference| !reference.edits) {
            match &reference.list {
                Some(list) if numbers.contains_key(list.as_str()) => {}
                Some(list) => {
                    numbers.insert(list.as_str(), free.next().unwrap_or_default());
                }
                None if reference.id.is_none() => {
                    free.next();
                }
                None => {}
            }
        }
        numbers
    }

    /// The places that use a list.
    fn list_users(&self, name: &ListName) -> Vec<ListUser> {
        let users = self
            .references
            .iter()
            .filter(|other| !other.edits && other.list.as_deref() == Some(name.as_str()));
        users
            .map(|user| ListUser {
                is_acl: user.is_acl,
                file: user.place.file.to_string(),
                line: user.place.line,
            })
            .collect()
    }

    /// The rows of every list that these rows use, in the order of their names; what is wrong with them is noted.
    pub(super) fn list_rows(&mut self, rows: &[Row]) -> Vec<Row> {
        let mut lists: BTreeMap<ListName, Read> = BTreeMap::new();
        let mut seen: Vec<Need> = Vec::new();
        for need in rows.iter().flat_map(needs::of_row) {
            if seen.contains(&need) {
                continue;
            }
            if !lists.contains_key(&need.list) {
                let read = self.read_list(&need.list, need.columns);
                lists.insert(need.list.clone(), read);
            }
            if let Some(read) = lists.get(&need.list) {
                self.check_list(&need, read);
            }
            seen.push(need);
        }
        let numbers = self.list_numbers();
        let mut rows = Vec::new();
        for (name, read) in lists {
            let id = numbers.get(name.as_str()).copied();
            let users = self.list_users(&name);
            rows.push(Row::List(List { name: name.clone(), columns: read.columns, id, users }));
            rows.extend(parts(&name, &read));
        }
        rows
    }

    /// Reads a list's file; it is empty when that cannot be read.
    fn read_list(&mut self, name: &ListName, columns: Columns) -> Read {
        let nothing = Read { columns, entries: Run::default(), lines: Vec::new() };
        let Some((file, presence)) = name.file() else { return nothing };
        match self.environment.read_file(file) {
            Ok(bytes) => {
                let mut read = nothing;
                for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
                    if let Some((key, value)) = entry(line, columns) {
                        read.lines.push(number);
                        read.entries.push(Entry { id: EntryId(read.lines.len() as u64), key, value });
                    }
                }
                read
            }
            Err(error) if presence == Presence::Optional && error.kind() == std::io::ErrorKind::NotFound => {
                nothing
            }
            Err(error) => {
                let place = self.list_place(name);
                self.complain(place, format!("cannot read the file '{file}' of a list: {error}"));
                nothing
            }
        }
    }

    /// Notes every entry that does not suit a use, and a use that does not suit the list.
    fn check_list(&mut self, need: &Need, read: &Read) {
        if need.columns != read.columns {
            let place = self.list_place(&need.list);
            let message = format!(
                "list '{}' is used as the list of an ACL and as a map: with '-M', ACLs take the keys of maps",
                need.list
            );
            self.complain(place, message);
            return;
        }
        let file: Arc<str> = Arc::from(need.list.file().map_or(need.list.as_str(), |(file, _)| file));
        for (line, entry) in read.lines.iter().zip(read.entries.iter()) {
            if let Err(bad) = need.usage.check(entry.key, entry.value) {
                let place = Place { file: file.clone(), line: *line, column: 1, length: 0 };
                self.complain(place, bad.to_string());
            }
        }
    }

    /// Where a list is named.
    fn list_place(&self, name: &ListName) -> Place {
        let named = self.references.iter().find(|other| other.list.as_deref() == Some(name.as_str()));
        let whole = || Place { file: self.file.clone(), line: 0, column: 1, length: 0 };
        named.map_or_else(whole, |reference| reference.place.clone())
    }

    fn complain(&mut self, place: Place, message: String) {
        self.diagnostics.push(Diagnostic { gravity: Gravity::Error, place, message, help: None });
    }
}

/// The list that an action of this spelling changes.
fn edited(text: &str) -> Option<&str> {
    let (action, rest) = text.split_once('(')?;
    let changes = matches!(action, "set-map" | "del-map" | "add-acl" | "del-acl");
    rest.strip_suffix(')').filter(|_| changes)
}

/// The first arguments of the map converters in a word.
fn maps(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("map").filter_map(|(at, _)| {
        let before = text.get(..at)?.chars().next_back();
        let rest = text.get(at..)?;
        let open = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_')?;
        let argument = rest.get(open..)?.strip_prefix('(')?;
        let end = argument.find([',', ')'])?;
        (before == Some(',')).then(|| argument.get(..end)).flatten()
    })
}

/// The entry of a line: none on empty ones and those that begin with `#`.
fn entry(line: &[u8], columns: Columns) -> Option<(&[u8], Option<&[u8]>)> {
    let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t');
    if line.starts_with(b"#") {
        return None;
    }
    let end = line.iter().position(|byte| matches!(byte, b'\r' | 0)).unwrap_or(line.len());
    let begin = line.iter().position(|byte| !is_blank(byte))?;
    let line = line.get(begin..end).filter(|line| !line.is_empty())?;
    if columns == Columns::Keys {
        return Some((line, None));
    }
    let end = line.iter().position(is_blank).unwrap_or(line.len());
    let (key, rest) = line.split_at(end);
    let begin = rest.iter().position(|byte| !is_blank(byte)).unwrap_or(rest.len());
    let end = rest.iter().rposition(|byte| !is_blank(byte)).map_or(begin, |last| last + 1);
    Some((key, Some(rest.get(begin..end).unwrap_or_default())))
}

/// The entries of a list in rows.
fn parts(name: &ListName, read: &Read) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut current: Option<(u64, Run)> = None;
    let mut put = |part: Option<(u64, Run)>| {
        if let Some((part, mut run)) = part {
            run.shrink();
            let at = EntriesRef { list: name.clone(), part };
            rows.push(Row::Entries(Entries { at, entries: Arc::new(run) }));
        }
    };
    for (id, entry) in (0..).map(EntryId::at).zip(read.entries.iter()) {
        if current.as_ref().is_none_or(|(part, _)| *part != id.part()) {
            put(current.replace((id.part(), Run::default())));
        }
        if let Some((_, run)) = &mut current {
            run.push(Entry { id, ..entry });
        }
    }
    put(current);
    rows
}
