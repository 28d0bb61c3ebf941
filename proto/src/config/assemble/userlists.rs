//! Lists of users: where they begin, the rows that they become, and whether users and groups know each other.

use crate::model::{Row, Userlist};

use super::super::diagnostic::{Diagnostic, Gravity};
use super::super::directives;
use super::super::lexer::Word;
use super::checks::Found;
use super::resolvers::nameless;
use super::{Assembler, Current, Header};

impl Assembler<'_> {
    /// Opens a list of users.
    pub(super) fn open_userlist(&mut self, header: &Header) {
        let name = match header.name {
            Some(word) => directives::arguments::name(word).map(|name| (name, self.place(word))),
            None => Err(nameless(header)),
        };
        match name {
            Ok((name, place)) => {
                if let Some((_, first)) = self.userlists.iter().find(|(row, _)| row.name == name) {
                    let message =
                        format!("userlist '{name}' is there already, at {first}: this one is ignored");
                    let gravity = Gravity::Warning;
                    self.diagnostics.push(Diagnostic { gravity, place, message, help: None });
                    self.current = Current::Skipped;
                    return;
                }
                self.current = Current::Userlist(self.userlists.len());
                self.userlists.push((Userlist::named(name), place));
            }
            Err(issue) => {
                self.error(issue);
                self.current = Current::Skipped;
            }
        }
    }

    /// The rows of the lists, in their order.
    pub(super) fn userlist_rows(&self) -> impl Iterator<Item = Row> + use<'_> {
        let rows = (1..).zip(&self.userlists);
        rows.map(|(order, (row, _))| Row::Userlist(Userlist { order, ..row.clone() }))
    }

    /// Users and groups that are named and not there.
    pub(super) fn check_userlists(&self, found: &mut Found) {
        for (row, place) in &self.userlists {
            if let Err(disorder) = row.check() {
                found.push((Gravity::Error, place.clone(), disorder.message));
            }
        }
        for (name, groups, place) in &self.asked_userlists {
            let Some((row, _)) = self.userlists.iter().find(|(row, _)| row.name.as_str() == name) else {
                let names = self.userlists.iter().map(|(row, _)| row.name.as_str());
                let near = super::keywords::nearest(name, names);
                let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
                found.push((Gravity::Error, place.clone(), format!("there is no userlist '{name}'{hint}")));
                continue;
            };
            for group in groups {
                if !row.groups.iter().any(|known| known.name.as_str() == group) {
                    let text = format!("userlist '{name}' has no group '{group}'");
                    found.push((Gravity::Error, place.clone(), text));
                }
            }
        }
    }

    /// Remembers the lists of users that the fetches of a line ask.
    pub(super) fn mark_userlists(&mut self, words: &[Word]) {
        for (at, word) in words.iter().enumerate() {
            for fetch in ["http_auth(", "http_auth_group("] {
                for (begin, _) in word.text.match_indices(fetch) {
                    let before = word.text.get(..begin).and_then(|text| text.chars().next_back());
                    let rest = word.text.get(begin + fetch.len()..).unwrap_or_default();
                    let Some(name) = rest.find([',', ')']).and_then(|end| rest.get(..end)) else { continue };
                    if before.is_some_and(|before| before.is_ascii_alphanumeric() || before == '_') {
                        continue;
                    }
                    // Patterns of the criterion itself; flags are for files and methods of their own.
                    let is_whole = begin == 0 && rest.ends_with(')') && fetch == "http_auth_group(";
                    let patterns =
                        words.get(at + 1..).unwrap_or_default().iter().map(|word| word.text.clone());
                    let patterns: Vec<String> = patterns.take_while(|text| text != "}").collect();
                    let plain = is_whole && !patterns.iter().any(|text| text.starts_with('-'));
                    let place = self.place(word);
                    let groups = if plain { patterns } else { Vec::new() };
                    self.asked_userlists.push((name.trim().to_owned(), groups, place));
                }
            }
        }
    }
}
