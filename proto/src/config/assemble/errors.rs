//! Shared error pages: where they begin, the rows that they become, and whether those that are used exist.

use crate::model::{Defaults, HttpErrors, Row};
use crate::state::errors::used_by;

use super::super::diagnostic::{Diagnostic, Gravity};
use super::super::directives::arguments;
use super::checks::Found;
use super::resolvers::nameless;
use super::{Assembler, Current, Header};

impl Assembler<'_> {
    /// Opens a section of error pages.
    pub(super) fn open_errors(&mut self, header: &Header) {
        let name = match header.name {
            Some(word) => arguments::name(word).map(|name| (name, self.place(word))),
            None => Err(nameless(header)),
        };
        match name {
            Ok((name, place)) => {
                if let Some((_, first)) = self.http_errors.iter().find(|(row, _)| row.name == name) {
                    let message = format!("http-errors '{name}' has the same name as the section at {first}");
                    let gravity = Gravity::Error;
                    self.diagnostics.push(Diagnostic { gravity, place: place.clone(), message, help: None });
                }
                self.current = Current::HttpErrors(self.http_errors.len());
                self.http_errors.push((HttpErrors::named(name), place));
            }
            Err(issue) => {
                self.error(issue);
                self.current = Current::Skipped;
            }
        }
    }

    /// The rows of the sections, in their order.
    pub(super) fn errors_rows(&self) -> impl Iterator<Item = Row> + use<'_> {
        let rows = (1..).zip(&self.http_errors);
        rows.map(|(order, (row, _))| Row::HttpErrors(HttpErrors { order, ..row.clone() }))
    }

    /// Sections of error pages that are used and not there.
    pub(super) fn check_errors(&self, found: &mut Found) {
        for entry in self.entries.iter().filter(|entry| !entry.discarded) {
            // Whatever kind of section it is, its sides are looked at as those of defaults.
            let row = Row::Defaults(Defaults {
                name: entry.draft.name.clone(),
                order: 0,
                from: None,
                disabled: false,
                frontend: entry.draft.frontend.clone().unwrap_or_default().into(),
                backend: entry.draft.backend.clone().unwrap_or_default().into(),
            });
            for name in used_by(&row) {
                if self.http_errors.iter().any(|(row, _)| row.name == *name) {
                    continue;
                }
                let names = self.http_errors.iter().map(|(row, _)| row.name.as_str());
                let near = super::super::keywords::nearest(name.as_str(), names);
                let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
                let message = format!("there is no section http-errors '{name}'{hint}");
                found.push((Gravity::Error, entry.place.clone(), message));
            }
        }
    }
}
