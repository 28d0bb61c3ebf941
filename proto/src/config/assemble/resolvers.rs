//! Sections of resolvers: where they begin, the rows that they become, and what must fit between them and servers.

use crate::model::{Name, NamingSettings, Resolvers, Row, SYSTEM_RESOLVERS};

use super::super::diagnostic::{Diagnostic, Gravity, Issue};
use super::super::directives;
use super::super::directives::arguments::expecting;
use super::checks::Found;
use super::{Assembler, Current, Header};

impl Assembler<'_> {
    /// Opens a section of resolvers.
    pub(super) fn open_resolvers(&mut self, header: &Header) {
        let name = match header.name {
            Some(word) => directives::arguments::name(word).map(|name| (name, self.place(word))),
            None => Err(nameless(header)),
        };
        match name {
            Ok((name, place)) => {
                if let Some((_, first)) = self.resolvers.iter().find(|(row, _)| row.name == name) {
                    let message = format!("resolvers '{name}' has the same name as the resolvers at {first}");
                    let gravity = Gravity::Error;
                    self.diagnostics.push(Diagnostic { gravity, place: place.clone(), message, help: None });
                }
                self.current = Current::Resolvers(self.resolvers.len());
                self.resolvers.push((Resolvers::named(name), place));
            }
            Err(issue) => {
                self.error(issue);
                self.current = Current::Skipped;
            }
        }
    }

    /// The rows of the sections, in their order.
    pub(super) fn resolvers_rows(&self) -> impl Iterator<Item = Row> + use<'_> {
        let rows = (1..).zip(&self.resolvers);
        rows.map(|(order, (row, _))| Row::Resolvers(Resolvers { order, ..row.clone() }))
    }

    /// Resolvers that are asked for and not there, and those without name servers.
    pub(super) fn check_resolvers(&self, found: &mut Found) {
        for (row, place) in &self.resolvers {
            if row.nameservers.is_empty() && !row.parse_resolv_conf {
                let message = format!("resolvers '{}' has no name servers: nothing is resolved", row.name);
                found.push((Gravity::Warning, place.clone(), message));
            }
        }
        let known = |name: &Name| {
            name.as_str() == SYSTEM_RESOLVERS || self.resolvers.iter().any(|(row, _)| row.name == *name)
        };
        let absent = |naming: &NamingSettings| naming.resolvers.clone().filter(|name| !known(name));
        for entry in self.entries.iter().filter(|entry| !entry.discarded) {
            let default = entry.draft.backend.as_ref().map(|side| &side.default_server.naming);
            let servers =
                entry.draft.servers.iter().map(|server| &server.settings.naming).zip(&entry.servers);
            for (naming, place) in default.map(|naming| (naming, &entry.place)).into_iter().chain(servers) {
                let Some(name) = absent(naming) else { continue };
                let names = self.resolvers.iter().map(|(row, _)| row.name.as_str());
                let near = super::super::keywords::nearest(name.as_str(), names);
                let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
                found.push((Gravity::Error, place.clone(), format!("there are no resolvers '{name}'{hint}")));
            }
        }
    }
}

/// The issue of a section without a name.
pub(super) fn nameless(header: &Header) -> Issue {
    let column = header.keyword.column.saturating_add(header.keyword.length);
    let message = format!("'{}' expects a name", header.section.word());
    Issue { column, length: 0, ..expecting(header.keyword, message, "a name is expected here") }
}
