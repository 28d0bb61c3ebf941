//! What is configured: one table of rows per layer, and the only function that changes it.

mod alignment;
mod apply;
mod defaults;
mod diff;
mod digest;
mod entries;
pub(crate) mod errors;
mod follow;
mod health;
mod inline;
mod integrity;
mod logging;
mod numbering;
mod overlay;
mod replacing;
mod tables;
mod uses;
mod volatile;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

use crate::change::{Field, Overlay, Revision};
use crate::model::{
    Backend, Bind, BindRef, Defaults, EntriesRef, Frontend, Global, HttpErrors, Kind, ListName, Name,
    Resolvers, Ring, Row, Server, ServerRef, Subject, Userlist,
};
use crate::patterns::KeyIndex;

pub use apply::{Applied, Journal, Outcome};
pub use diff::{diff, replacement};
pub use digest::Digest;
pub use volatile::without_volatile;

/// What is configured at one revision.
///
/// `spec` is what files say, overlays are what was changed by hand, and the effective rows are both together:
/// readers of the configuration use the effective ones.
#[derive(Clone, Debug, Default)]
pub struct State {
    revision: Revision,
    spec: Rows,
    overlays: BTreeMap<(Subject, Field), Arc<Overlay>>,
    effective: Rows,
    digest: Digest,
    /// The entries in force of each list that has some, by a hash of their keys.
    keys: BTreeMap<ListName, KeyIndex>,
    /// How rules use lists.
    uses: uses::Uses,
}

/// Rows by what they are addressed by.
pub(crate) type Rows = BTreeMap<Subject, Arc<Row>>;

/// What a set of changes touched: effective rows that may differ from before, or are new or gone.
pub type Touched = BTreeSet<Subject>;

impl State {
    /// The revision: how many sets were applied since the empty state.
    pub fn revision(&self) -> Revision {
        self.revision
    }

    /// The state's content in a number per kind; equal states have equal digests.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The process-wide settings in force.
    pub fn global(&self) -> Global {
        match self.effective.get(&Subject::Global).map(Arc::as_ref) {
            Some(Row::Global(global)) => global.clone(),
            _ => Global::default(),
        }
    }

    /// The row in force for a subject.
    pub fn row(&self, subject: &Subject) -> Option<&Arc<Row>> {
        self.effective.get(subject)
    }

    /// The row that the files declare for a subject, before anything was changed by hand.
    pub fn declared(&self, subject: &Subject) -> Option<&Arc<Row>> {
        self.spec.get(subject)
    }

    /// The row for a subject before single fields were changed by hand; a row added by hand counts as it was added.
    pub fn initial(&self, subject: &Subject) -> Option<&Row> {
        match self.overlays.get(&(subject.clone(), Field::Row)).map(|overlay| &overlay.value) {
            Some(crate::change::OverlayValue::Row(row)) => Some(row),
            _ => self.spec.get(subject).map(Arc::as_ref),
        }
    }

    /// Every row in force of one kind, by name.
    pub fn rows(&self, kind: Kind) -> impl Iterator<Item = &Arc<Row>> {
        of_kind(&self.effective, kind).map(|(_, row)| row)
    }

    /// Every row in force.
    pub fn effective(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.effective.values()
    }

    /// Every row that the files declare.
    pub fn spec(&self) -> impl Iterator<Item = &Arc<Row>> {
        self.spec.values()
    }

    /// Everything that was changed by hand.
    pub fn overlays(&self) -> impl Iterator<Item = &Arc<Overlay>> {
        self.overlays.values()
    }

    /// What was changed by hand of one subject, by field.
    pub fn overlays_of(&self, subject: &Subject) -> impl Iterator<Item = &Arc<Overlay>> {
        let range = (subject.clone(), Field::Row)..=(subject.clone(), Field::LAST);
        self.overlays.range(range).map(|(_, overlay)| overlay)
    }

    /// A frontend in force.
    pub fn frontend(&self, name: &Name) -> Option<&Frontend> {
        match self.effective.get(&Subject::Frontend(name.clone())).map(Arc::as_ref) {
            Some(Row::Frontend(row)) => Some(row),
            _ => None,
        }
    }

    /// A backend in force.
    pub fn backend(&self, name: &Name) -> Option<&Backend> {
        match self.effective.get(&Subject::Backend(name.clone())).map(Arc::as_ref) {
            Some(Row::Backend(row)) => Some(row),
            _ => None,
        }
    }

    /// A server in force.
    pub fn server(&self, at: &ServerRef) -> Option<&Server> {
        match self.effective.get(&Subject::Server(at.clone())).map(Arc::as_ref) {
            Some(Row::Server(row)) => Some(row),
            _ => None,
        }
    }

    /// Defaults in force.
    pub fn defaults(&self, name: &Name) -> Option<&Defaults> {
        match self.effective.get(&Subject::Defaults(name.clone())).map(Arc::as_ref) {
            Some(Row::Defaults(row)) => Some(row),
            _ => None,
        }
    }

    /// Resolvers in force.
    pub fn resolvers(&self, name: &Name) -> Option<&Resolvers> {
        match self.effective.get(&Subject::Resolvers(name.clone())).map(Arc::as_ref) {
            Some(Row::Resolvers(row)) => Some(row),
            _ => None,
        }
    }

    /// The lists of users in force, by name.
    pub fn userlists(&self) -> impl Iterator<Item = &Userlist> {
        self.rows(Kind::Userlist).filter_map(|row| match row.as_ref() {
            Row::Userlist(row) => Some(row),
            _ => None,
        })
    }

    /// All resolvers in force, in the order of listings.
    pub fn all_resolvers(&self) -> Vec<&Resolvers> {
        let mut found: Vec<&Resolvers> = self
            .rows(Kind::Resolvers)
            .filter_map(|row| match row.as_ref() {
                Row::Resolvers(row) => Some(row),
                _ => None,
            })
            .collect();
        found.sort_by_key(|row| (row.order, &row.name));
        found
    }

    /// Every set of shared error pages in force.
    pub fn http_errors(&self) -> impl Iterator<Item = &HttpErrors> {
        self.rows(Kind::HttpErrors).filter_map(|row| match row.as_ref() {
            Row::HttpErrors(row) => Some(row),
            _ => None,
        })
    }

    /// A ring in force.
    pub fn ring(&self, name: &Name) -> Option<&Ring> {
        match self.effective.get(&Subject::Ring(name.clone())).map(Arc::as_ref) {
            Some(Row::Ring(row)) => Some(row),
            _ => None,
        }
    }

    /// All rings in force, in the order of listings.
    pub fn rings(&self) -> Vec<&Ring> {
        let mut found: Vec<&Ring> = self
            .rows(Kind::Ring)
            .filter_map(|row| match row.as_ref() {
                Row::Ring(row) => Some(row),
                _ => None,
            })
            .collect();
        found.sort_by_key(|row| (row.order, &row.name));
        found
    }

    /// The frontends in force, in the order of listings.
    pub fn frontends(&self) -> Vec<&Frontend> {
        let mut found: Vec<&Frontend> = self
            .rows(Kind::Frontend)
            .filter_map(|row| match row.as_ref() {
                Row::Frontend(row) => Some(row),
                _ => None,
            })
            .collect();
        found.sort_by_key(|row| (row.order, row.id));
        found
    }

    /// The backends in force, in the order of listings.
    pub fn backends(&self) -> Vec<&Backend> {
        let mut found: Vec<&Backend> = self
            .rows(Kind::Backend)
            .filter_map(|row| match row.as_ref() {
                Row::Backend(row) => Some(row),
                _ => None,
            })
            .collect();
        found.sort_by_key(|row| (row.order, row.id));
        found
    }

    /// The binds in force of a frontend, in the order of listings.
    pub fn binds(&self, frontend: &Name) -> Vec<&Bind> {
        let mut found: Vec<&Bind> = contained(&self.effective, &Subject::Frontend(frontend.clone()))
            .filter_map(|(_, row)| match row.as_ref() {
                Row::Bind(row) => Some(row),
                _ => None,
            })
            .collect();
        found.sort_by_key(|row| (row.order, row.id));
        found
    }

    /// The servers in force of a backend, in the order of listings.
    pub fn servers(&self, backend: &Name) -> Vec<&Server> {
        let mut found: Vec<&Server> = contained(&self.effective, &Subject::Backend(backend.clone()))
            .filter_map(|(_, row)| match row.as_ref() {
                Row::Server(row) => Some(row),
                _ => None,
            })
            .collect();
        found.sort_by_cached_key(|row| (row.order, row.id));
        found
    }
}

/// The rows of one kind.
pub(crate) fn of_kind(rows: &Rows, kind: Kind) -> impl Iterator<Item = (&Subject, &Arc<Row>)> {
    let range = lowest(kind).map(|first| rows.range(first..));
    range.into_iter().flatten().take_while(move |(subject, _)| subject.kind() == kind)
}

/// The rows that a frontend (its binds) or a backend (its servers) contains.
pub(crate) fn contained<'a>(
    rows: &'a Rows,
    parent: &Subject,
) -> impl Iterator<Item = (&'a Subject, &'a Arc<Row>)> + use<'a> {
    let first = first_child(parent);
    let parent = parent.clone();
    let range = first.map(|first| rows.range((Bound::Included(first), Bound::Unbounded)));
    range.into_iter().flatten().take_while(move |(subject, _)| is_parent(&parent, subject))
}

/// The frontend of a bind, the backend of a server.
pub(crate) fn parent_of(subject: &Subject) -> Option<Subject> {
    match subject {
        Subject::Bind(at) => Some(Subject::Frontend(at.frontend.clone())),
        Subject::Server(at) => Some(Subject::Backend(at.backend.clone())),
        Subject::Entries(at) => Some(Subject::List(at.list.clone())),
        _ => None,
    }
}

/// Whether the parent contains the subject, by name.
fn is_parent(parent: &Subject, subject: &Subject) -> bool {
    match (parent, subject) {
        (Subject::Frontend(name), Subject::Bind(at)) => at.frontend == *name,
        (Subject::Backend(name), Subject::Server(at)) => at.backend == *name,
        (Subject::List(name), Subject::Entries(at)) => at.list == *name,
        _ => false,
    }
}

/// The lowest subject of a kind: the shortest, lowest names.
fn lowest(kind: Kind) -> Option<Subject> {
    let lowest = || Name::new("-").ok();
    let lowest_list = || ListName::new("\u{1}").ok();
    Some(match kind {
        Kind::Global => Subject::Global,
        Kind::Defaults => Subject::Defaults(lowest()?),
        Kind::Frontend => Subject::Frontend(lowest()?),
        Kind::Bind => Subject::Bind(BindRef { frontend: lowest()?, bind: lowest()? }),
        Kind::Backend => Subject::Backend(lowest()?),
        Kind::Server => Subject::Server(ServerRef { backend: lowest()?, server: lowest()? }),
        Kind::Resolvers => Subject::Resolvers(lowest()?),
        Kind::List => Subject::List(lowest_list()?),
        Kind::Entries => Subject::Entries(EntriesRef { list: lowest_list()?, part: 0 }),
        Kind::Userlist => Subject::Userlist(lowest()?),
        Kind::Ring => Subject::Ring(lowest()?),
        Kind::HttpErrors => Subject::HttpErrors(lowest()?),
    })
}

/// The lowest subject that the parent could contain: one with the shortest, lowest name.
fn first_child(parent: &Subject) -> Option<Subject> {
    let lowest = Name::new("-").ok()?;
    match parent {
        Subject::Frontend(frontend) => {
            Some(Subject::Bind(BindRef { frontend: frontend.clone(), bind: lowest }))
        }
        Subject::Backend(backend) => {
            Some(Subject::Server(ServerRef { backend: backend.clone(), server: lowest }))
        }
        Subject::List(list) => Some(Subject::Entries(EntriesRef { list: list.clone(), part: 0 })),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
