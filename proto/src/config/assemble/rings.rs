//! Sections of rings: where they begin, the rows that they become, and whether those that are logged to exist.

use crate::model::{LogAddress, LogPlan, LogTarget, Ring, Row};

use super::super::diagnostic::{Diagnostic, Gravity};
use super::super::directives::arguments;
use super::checks::Found;
use super::resolvers::nameless;
use super::{Assembler, Current, Header};

impl Assembler<'_> {
    /// Opens a section of a ring.
    pub(super) fn open_ring(&mut self, header: &Header) {
        let name = match header.name {
            Some(word) => arguments::name(word).map(|name| (name, self.place(word))),
            None => Err(nameless(header)),
        };
        match name {
            Ok((name, place)) => {
                if let Some((_, first)) = self.rings.iter().find(|(row, _)| row.name == name) {
                    let message = format!("ring '{name}' has the same name as the ring at {first}");
                    let gravity = Gravity::Error;
                    self.diagnostics.push(Diagnostic { gravity, place: place.clone(), message, help: None });
                }
                self.current = Current::Ring(self.rings.len());
                self.rings.push((Ring::named(name), place));
            }
            Err(issue) => {
                self.error(issue);
                self.current = Current::Skipped;
            }
        }
    }

    /// The rows of the sections, in their order.
    pub(super) fn ring_rows(&self) -> impl Iterator<Item = Row> + use<'_> {
        let rows = (1..).zip(&self.rings);
        rows.map(|(order, (row, _))| Row::Ring(Ring { order, ..row.clone() }))
    }

    /// Rings that are logged to and not there.
    pub(super) fn check_rings(&self, found: &mut Found) {
        let mut check = |targets: &[LogTarget], place: &super::Place| {
            for target in targets {
                let LogAddress::Ring(name) = &target.address else { continue };
                if !self.rings.iter().any(|(row, _)| row.name == *name) {
                    let names = self.rings.iter().map(|(row, _)| row.name.as_str());
                    let near = super::super::keywords::nearest(name.as_str(), names);
                    let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
                    found.push((Gravity::Error, place.clone(), format!("there is no ring '{name}'{hint}")));
                }
            }
        };
        if let (Some(global), Some(place)) = (&self.global, &self.global_place) {
            check(&global.log, place);
        }
        for entry in self.entries.iter().filter(|entry| !entry.discarded) {
            let plans = [
                entry.draft.frontend.as_ref().and_then(|side| side.log.as_ref()),
                entry.draft.backend.as_ref().and_then(|side| side.log.as_ref()),
            ];
            if let Some(LogPlan::To { targets, .. }) = plans.into_iter().flatten().next() {
                check(targets, &entry.place);
            }
        }
    }
}
