//! Rows as a command line names them: `server app/s1`, `frontend www`, `global`.

use regate_proto::model::{BindRef, EntriesRef, Kind, ListName, Name, ServerRef, Subject};

use crate::failure::Failure;

/// Reads a kind and a name. `global` takes no name, servers are `BACKEND/SERVER`, binds `FRONTEND/BIND`.
pub fn parse(kind: &str, name: Option<&str>) -> Result<Subject, Failure> {
    let kind = parse_kind(kind)?;
    let name = match (kind, name) {
        (Kind::Global, None) => return Ok(Subject::Global),
        (Kind::Global, Some(name)) => {
            return Err(Failure::usage(format!(
                "global: there is one such row, no name is expected, not '{name}'"
            )));
        }
        (kind, None) => return Err(Failure::usage(format!("{}: {} is expected", kind.word(), shape(kind)))),
        (_, Some(name)) => name,
    };
    let pair = || match name.split_once('/') {
        Some((parent, child)) => Ok((parse_name(kind, parent)?, parse_name(kind, child)?)),
        None => Err(Failure::usage(format!("{} {name}: {} is expected", kind.word(), shape(kind)))),
    };
    Ok(match kind {
        Kind::Global => Subject::Global,
        Kind::Defaults => Subject::Defaults(parse_name(kind, name)?),
        Kind::Frontend => Subject::Frontend(parse_name(kind, name)?),
        Kind::Backend => Subject::Backend(parse_name(kind, name)?),
        Kind::Resolvers => Subject::Resolvers(parse_name(kind, name)?),
        Kind::List => Subject::List(parse_list(name)?),
        Kind::Entries => {
            let (list, part) = name.rsplit_once('/').unwrap_or((name, ""));
            let bad = || Failure::usage(format!("entries {name}: {} is expected", shape(kind)));
            Subject::Entries(EntriesRef { list: parse_list(list)?, part: part.parse().map_err(|_| bad())? })
        }
        Kind::Userlist => Subject::Userlist(parse_name(kind, name)?),
        Kind::Ring => Subject::Ring(parse_name(kind, name)?),
        Kind::HttpErrors => Subject::HttpErrors(parse_name(kind, name)?),
        Kind::Bind => {
            let (frontend, bind) = pair()?;
            Subject::Bind(BindRef { frontend, bind })
        }
        Kind::Server => {
            let (backend, server) = pair()?;
            Subject::Server(ServerRef { backend, server })
        }
    })
}

/// Reads a kind, singular or plural.
pub fn parse_kind(word: &str) -> Result<Kind, Failure> {
    let found = Kind::ALL.into_iter().find(|kind| {
        word == kind.word() || (*kind != Kind::Global && word.strip_suffix('s') == Some(kind.word()))
    });
    found.ok_or_else(|| {
        let words: Vec<&str> = Kind::ALL.iter().map(|kind| kind.word()).collect();
        Failure::usage(format!("'{word}' is no kind of row: one of {} is expected", words.join(", ")))
    })
}

fn parse_name(kind: Kind, text: &str) -> Result<Name, Failure> {
    Name::new(text).map_err(|error| Failure::usage(format!("{} '{text}': {error}", kind.word())))
}

fn parse_list(text: &str) -> Result<ListName, Failure> {
    ListName::new(text).map_err(|error| Failure::usage(format!("list '{text}': {error}")))
}

fn shape(kind: Kind) -> &'static str {
    match kind {
        Kind::Server => "BACKEND/SERVER",
        Kind::Bind => "FRONTEND/BIND",
        Kind::Entries => "LIST/PART",
        Kind::Global
        | Kind::Defaults
        | Kind::Frontend
        | Kind::Backend
        | Kind::Resolvers
        | Kind::Userlist
        | Kind::Ring
        | Kind::HttpErrors
        | Kind::List => "a name",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_named_as_messages_name_them() {
        for (kind, name, said) in [
            ("server", Some("app/s1"), "server app/s1"),
            ("servers", Some("app/s1"), "server app/s1"),
            ("bind", Some("www/sock-1"), "bind www/sock-1"),
            ("frontends", Some("www"), "frontend www"),
            ("defaults", Some("d"), "defaults d"),
            ("global", None, "global"),
        ] {
            assert_eq!(parse(kind, name).map(|subject| subject.to_string()), Ok(said.to_owned()));
        }
    }

    #[test]
    fn what_is_no_row_is_refused_with_the_shape_that_was_expected() {
        for (kind, name, said) in [
            ("server", Some("s1"), "server s1: BACKEND/SERVER is expected"),
            ("server", None, "server: BACKEND/SERVER is expected"),
            ("backend", None, "backend: a name is expected"),
            (
                "globals",
                None,
                "'globals' is no kind of row: one of global, defaults, frontend, bind, backend, server, resolvers, list, entries, userlist, ring, http-errors is expected",
            ),
            ("global", Some("x"), "global: there is one such row, no name is expected, not 'x'"),
            ("server", Some("app/"), "server '': a name is expected"),
        ] {
            assert_eq!(parse(kind, name).map_err(|failure| failure.text), Err(said.to_owned()));
        }
    }
}
