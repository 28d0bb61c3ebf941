//! The lists of patterns that rules use: their files are read where a rule names them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::super::diagnostic::{Diagnostic, Gravity, Place};
use super::super::lexer::Word;
use super::{Assembler, Current};
use crate::model::{Columns, Entries, EntriesRef, List, ListName, ListUser, Presence, Row};
use crate::patterns::{Entry, EntryId, Run};
use crate::rules::acl::read_sample;
use crate::rules::condition::{PREDEFINED, predefined};
use crate::rules::inline::{self, Names};
use crate::rules::needs::{self, Need};

/// A place that names a list, or has patterns of its own.
pub(super) struct Reference {
    list: Named,
    /// Whether it takes no values: an ACL without `-M`.
    is_acl: bool,
    /// The number that it asks for.
    id: Option<u32>,
    place: Place,
}

/// How a place names a list.
#[derive(PartialEq, Eq)]
enum Named {
    /// By its name.
    File(String),
    /// By its name, in a rule that changes it: that neither has it numbered nor counts as a user.
    Edited(String),
    /// By what stands there: the patterns are its own.
    Inline(Option<ListName>),
}

/// A list as its file has it.
struct Read {
    columns: Columns,
    /// The entries, numbered from 1.
    entries: Run,
    /// The line and the column of each.
    places: Vec<(u32, u32)>,
}

impl Assembler<'_> {
    /// Remembers in which order a line names lists, and where: listings number them so.
    pub(super) fn mark_lists(&mut self, words: &[Word]) {
        self.mark_userlists(words);
        let texts: Vec<&str> = words.iter().take(2).map(|word| word.text.as_str()).collect();
        let directive = inline::directive(&texts);
        if texts.first() == Some(&"acl") {
            self.mark_criterion(words.get(2..).unwrap_or_default(), &directive);
            return;
        }
        let mut in_condition = false;
        let mut rest = words;
        while let Some((word, following)) = rest.split_first() {
            rest = following;
            let bare = word.text.trim_start_matches('!');
            if in_condition && bare == "{" {
                rest = self.mark_criterion(following, &directive);
            } else if in_condition {
                self.mark_predefined(bare, word);
            } else {
                if let Some(list) = edited(&word.text) {
                    self.refer(Named::Edited(list.to_owned()), false, None, word);
                }
                for list in maps(&word.text) {
                    self.refer(Named::File(list.to_owned()), false, None, word);
                }
            }
            in_condition |= matches!(word.text.as_str(), "if" | "unless");
        }
    }

    /// Notes the lists of a criterion that begins with these words; gives the words after it.
    fn mark_criterion<'w>(&mut self, words: &'w [Word], directive: &str) -> &'w [Word] {
        let Some((sample, mut rest)) = words.split_first() else { return words };
        for list in maps(&sample.text) {
            self.refer(Named::File(list.to_owned()), false, None, sample);
        }
        let (mut id, mut takes_maps) = (None, false);
        while let Some((flag, following)) = rest.split_first() {
            let value = following.first();
            match flag.text.as_str() {
                "-f" => {
                    if let Some(file) = value {
                        self.refer(Named::File(file.text.clone()), !takes_maps, None, file);
                    }
                }
                "-u" => id = value.and_then(|number| number.text.parse().ok()),
                "-m" => {}
                "-M" => takes_maps = true,
                "-i" | "-n" => {}
                _ => break,
            }
            let taken = if matches!(flag.text.as_str(), "-f" | "-u" | "-m") { 1 } else { 0 };
            rest = following.get(taken..).unwrap_or_default();
        }
        let label = read_sample(&sample.text).ok().map(|(sample, keyword)| {
            match keyword.filter(|_| sample.conversions.is_empty()) {
                Some(keyword) => keyword.name,
                None => sample.row.name,
            }
        });
        let list = label.and_then(|label| self.list_names()?.next(directive, label, id));
        self.refer(Named::Inline(list), true, id, sample);
        match rest.iter().position(|word| word.text == "}") {
            Some(end) if !directive.starts_with("acl ") => rest.get(end + 1..).unwrap_or_default(),
            _ => &[],
        }
    }

    /// A predefined ACL becomes one of the proxy's where it is first used.
    fn mark_predefined(&mut self, name: &str, word: &Word) {
        let is_known = PREDEFINED.iter().any(|(known, _)| *known == name);
        if !is_known || !self.predefined.insert((self.section_name(), name.to_owned())) {
            return;
        }
        let criterion = predefined(name).and_then(Result::ok);
        let list = criterion
            .and_then(|criterion| self.list_names()?.next(&format!("acl {name}"), criterion.label(), None));
        self.refer(Named::Inline(list), true, None, word);
    }

    /// What names the lists of the current section's rules.
    fn list_names(&mut self) -> Option<&mut Names> {
        let Current::Entry(at) = self.current else { return None };
        let draft = &self.entries.get(at)?.draft;
        let owner = format!("{}/{}", draft.section.word(), draft.name);
        Some(self.list_names.entry(at).or_insert_with(|| Names::new(owner)))
    }

    fn refer(&mut self, list: Named, is_acl: bool, id: Option<u32>, word: &Word) {
        let place = self.place(word);
        self.references.push(Reference { list, is_acl, id, place });
    }

    /// The number of the list of each place, as HAProxy gives them: in the order in which they are named first, those
    /// of patterns that stand in rules among them.
    fn list_numbers(&self) -> Vec<Option<u32>> {
        let forced: BTreeSet<u32> = self.references.iter().filter_map(|reference| reference.id).collect();
        let mut free = (0..).filter(|id| !forced.contains(id));
        let mut files = BTreeMap::new();
        let number = |reference: &Reference| match &reference.list {
            Named::Edited(_) => None,
            Named::Inline(_) => reference.id.or_else(|| free.next()),
            Named::File(list) => match files.get(list.as_str()) {
                Some(known) => *known,
                None => {
                    let number = free.next();
                    files.insert(list.clone(), number);
                    number
                }
            },
        };
        self.references.iter().map(number).collect()
    }

    /// The places that use a list.
    fn list_users(&self, name: &ListName) -> Vec<ListUser> {
        let is_it = |other: &&Reference| matches!(&other.list, Named::File(list) if list == name.as_str());
        self.references.iter().filter(is_it).map(user).collect()
    }

    /// The rows of the lists of patterns that stand in rules.
    fn inline_rows(&mut self, rows: &[Row], numbers: &[Option<u32>]) -> Vec<Row> {
        let mut asked: BTreeMap<u32, &Place> = BTreeMap::new();
        let mut twice = Vec::new();
        for reference in &self.references {
            let Some(id) = reference.id else { continue };
            match asked.get(&id) {
                Some(first) => {
                    let text =
                        format!("'-u {id}': the number is already used at {}:{}", first.file, first.line);
                    twice.push((reference.place.clone(), text));
                }
                None => {
                    asked.insert(id, &reference.place);
                }
            }
        }
        twice.into_iter().for_each(|(place, text)| self.complain(place, text));
        let mut rows: Vec<Row> = rows.to_vec();
        rows.iter_mut().for_each(inline::name_lists);
        let needs = rows.iter().flat_map(needs::of_row).map(|need| need.list);
        let needed: BTreeSet<ListName> = needs.filter(ListName::is_inline).collect();
        let mut found: BTreeMap<ListName, List> = BTreeMap::new();
        for (reference, id) in self.references.iter().zip(numbers) {
            if let Named::Inline(Some(name)) = &reference.list
                && needed.contains(name)
            {
                let list = List {
                    id: *id,
                    users: vec![user(reference)],
                    ..List::named(name.clone(), Columns::Keys)
                };
                found.entry(name.clone()).or_insert(list);
            }
        }
        found.into_values().map(Row::List).collect()
    }

    /// The rows of every list that these rows use, in the order of their names; what is wrong with them is noted.
    pub(super) fn list_rows(&mut self, rows: &[Row]) -> Vec<Row> {
        let mut lists: BTreeMap<ListName, Read> = BTreeMap::new();
        let mut seen: Vec<Need> = Vec::new();
        for need in rows.iter().flat_map(needs::of_row) {
            if seen.contains(&need) || need.list.is_inline() {
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
        let mut rows = self.inline_rows(rows, &numbers);
        for (name, read) in lists {
            let is_it = |other: &Reference| matches!(&other.list, Named::File(list) if list == name.as_str());
            let id = self.references.iter().position(is_it).and_then(|at| numbers.get(at).copied().flatten());
            let users = self.list_users(&name);
            rows.push(Row::List(List { name: name.clone(), columns: read.columns, id, users }));
            rows.extend(parts(&name, &read));
        }
        rows
    }

    /// Reads a list's file; it is empty when that cannot be read.
    fn read_list(&mut self, name: &ListName, columns: Columns) -> Read {
        let nothing = Read { columns, entries: Run::default(), places: Vec::new() };
        let Some((file, presence)) = name.file() else { return nothing };
        match self.environment.read_file(file) {
            Ok(bytes) => {
                let mut read = nothing;
                for (line, number) in bytes.split(|byte| *byte == b'\n').zip(1..) {
                    if let Some((key, value)) = entry(line, columns) {
                        let blanks = line.iter().take_while(|byte| is_blank(byte)).count();
                        read.places
                            .push((number, u32::try_from(blanks).unwrap_or(u32::MAX).saturating_add(1)));
                        read.entries.push(Entry { id: EntryId(read.places.len() as u64), key, value });
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
        let mut bad = 0_usize;
        let mut next = None;
        for ((line, column), entry) in read.places.iter().zip(read.entries.iter()) {
            if let Err(problem) = need.usage.check(entry.key, entry.value) {
                let length = String::from_utf8_lossy(entry.key).chars().count();
                let length = u32::try_from(length).unwrap_or(u32::MAX);
                let place = Place { file: file.clone(), line: *line, column: *column, length };
                bad += 1;
                match bad <= MOST_BAD {
                    true => self.complain(place, problem.to_string()),
                    false => next = next.or(Some(place)),
                }
            }
        }
        if let Some(place) = next {
            let text = format!("{} more entries of this list are not what rules take", bad - MOST_BAD);
            self.complain(place, text);
        }
    }

    /// Where a list is named.
    fn list_place(&self, name: &ListName) -> Place {
        let is_it = |other: &&Reference| matches!(&other.list, Named::File(list) | Named::Edited(list) if list == name.as_str());
        let named = self.references.iter().find(is_it);
        let whole = || Place { file: self.file.clone(), line: 0, column: 1, length: 0 };
        named.map_or_else(whole, |reference| reference.place.clone())
    }

    fn complain(&mut self, place: Place, message: String) {
        self.diagnostics.push(Diagnostic { gravity: Gravity::Error, place, message, help: None });
    }
}

fn user(reference: &Reference) -> ListUser {
    ListUser { is_acl: reference.is_acl, file: reference.place.file.to_string(), line: reference.place.line }
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

/// Entries of one list that are told one by one.
const MOST_BAD: usize = 50;

fn is_blank(byte: &u8) -> bool {
    matches!(byte, b' ' | b'\t')
}

/// The entry of a line: none on empty ones and those that begin with `#`.
fn entry(line: &[u8], columns: Columns) -> Option<(&[u8], Option<&[u8]>)> {
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
