//! Lists of users: where they begin, the rows that they become, and whether users and groups know each other.

use crate::model::{Row, Userlist};

use super::super::diagnostic::{Diagnostic, Gravity};
use super::super::directives;
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
    }
}
