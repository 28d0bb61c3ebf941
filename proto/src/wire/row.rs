//! Rows and what they are addressed by.

use super::{field, patterns, v1};
use crate::model::{Row, Subject};
use crate::problem::Problem;

impl From<&Subject> for v1::Subject {
    fn from(subject: &Subject) -> Self {
        use v1::subject::Noun;
        let noun = match subject {
            Subject::Global => Noun::Global(v1::GlobalRef {}),
            Subject::Defaults(name) => Noun::Defaults(name.to_string()),
            Subject::Frontend(name) => Noun::Frontend(name.to_string()),
            Subject::Bind(at) => Noun::Bind(at.into()),
            Subject::Backend(name) => Noun::Backend(name.to_string()),
            Subject::Server(at) => Noun::Server(at.into()),
            Subject::Resolvers(name) => Noun::Resolvers(name.to_string()),
            Subject::List(name) => Noun::List(name.to_string()),
            Subject::Entries(at) => Noun::Entries(at.into()),
            Subject::Userlist(name) => Noun::Userlist(name.to_string()),
            Subject::Ring(name) => Noun::Ring(name.to_string()),
            Subject::HttpErrors(name) => Noun::HttpErrors(name.to_string()),
        };
        v1::Subject { noun: Some(noun) }
    }
}

impl TryFrom<v1::Subject> for Subject {
    type Error = Problem;

    fn try_from(subject: v1::Subject) -> Result<Self, Problem> {
        use v1::subject::Noun;
        Ok(match subject.noun.ok_or_else(no_noun)? {
            Noun::Global(v1::GlobalRef {}) => Subject::Global,
            Noun::Defaults(name) => Subject::Defaults(field::name("defaults", &name)?),
            Noun::Frontend(name) => Subject::Frontend(field::name("frontend", &name)?),
            Noun::Bind(at) => Subject::Bind(field::within("bind", at.try_into())?),
            Noun::Backend(name) => Subject::Backend(field::name("backend", &name)?),
            Noun::Server(at) => Subject::Server(field::within("server", at.try_into())?),
            Noun::Resolvers(name) => Subject::Resolvers(field::name("resolvers", &name)?),
            Noun::List(name) => Subject::List(patterns::list_name("list", &name)?),
            Noun::Entries(at) => Subject::Entries(field::within("entries", at.try_into())?),
            Noun::Userlist(name) => Subject::Userlist(field::name("userlist", &name)?),
            Noun::Ring(name) => Subject::Ring(field::name("ring", &name)?),
            Noun::HttpErrors(name) => Subject::HttpErrors(field::name("http_errors", &name)?),
        })
    }
}

impl From<&Row> for v1::Row {
    fn from(row: &Row) -> Self {
        use v1::row::Noun;
        let noun = match row {
            Row::Global(row) => Noun::Global(Box::new(row.into())),
            Row::Defaults(row) => Noun::Defaults(Box::new(row.into())),
            Row::Frontend(row) => Noun::Frontend(Box::new(row.into())),
            Row::Bind(row) => Noun::Bind(Box::new(row.into())),
            Row::Backend(row) => Noun::Backend(Box::new(row.into())),
            Row::Server(row) => Noun::Server(Box::new(row.into())),
            Row::Resolvers(row) => Noun::Resolvers(Box::new(row.into())),
            Row::List(row) => Noun::List(row.into()),
            Row::Entries(row) => Noun::Entries(Box::new(row.into())),
            Row::Userlist(row) => Noun::Userlist(Box::new(row.into())),
            Row::Ring(row) => Noun::Ring(Box::new(row.into())),
            Row::HttpErrors(row) => Noun::HttpErrors(row.into()),
        };
        v1::Row { noun: Some(noun) }
    }
}

impl TryFrom<v1::Row> for Row {
    type Error = Problem;

    fn try_from(row: v1::Row) -> Result<Self, Problem> {
        use v1::row::Noun;
        Ok(match row.noun.ok_or_else(no_noun)? {
            Noun::Global(row) => Row::Global(field::within("global", (*row).try_into())?),
            Noun::Defaults(row) => Row::Defaults(field::within("defaults", (*row).try_into())?),
            Noun::Frontend(row) => Row::Frontend(field::within("frontend", (*row).try_into())?),
            Noun::Bind(row) => Row::Bind(field::within("bind", (*row).try_into())?),
            Noun::Backend(row) => Row::Backend(field::within("backend", (*row).try_into())?),
            Noun::Server(row) => Row::Server(field::within("server", (*row).try_into())?),
            Noun::Resolvers(row) => Row::Resolvers(field::within("resolvers", (*row).try_into())?),
            Noun::List(row) => Row::List(field::within("list", row.try_into())?),
            Noun::Entries(row) => Row::Entries(field::within("entries", (*row).try_into())?),
            Noun::Userlist(row) => Row::Userlist(field::within("userlist", (*row).try_into())?),
            Noun::Ring(row) => Row::Ring(field::within("ring", (*row).try_into())?),
            Noun::HttpErrors(row) => Row::HttpErrors(field::within("http_errors", row.try_into())?),
        })
    }
}

fn no_noun() -> Problem {
    field::missing(
        "noun",
        "one of global, defaults, frontend, bind, backend, server, resolvers, list, entries, userlist, ring and http_errors",
    )
}
