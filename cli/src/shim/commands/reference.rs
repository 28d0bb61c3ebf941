//! How commands name things: `backend/server`, a frontend, each by name or as `#number`.
//!
//! Names are looked up by who applies the change. Numbers have to be turned into names first, which takes a
//! question of its own.

use regate_proto::model::Name;
use regate_proto::wire::v1;
use v1::StatisticsKind as Kind;
use v1::query::Question;

use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::sentence::{self, About};

/// What follows once a thing is known by name.
type Then<T> = Box<dyn FnOnce(T) -> Step + Send>;

/// A name or a number, as it was written.
enum Mark {
    Named(String),
    Numbered(u32),
}

/// Goes on with the server that a word names, or answers that there is none.
pub fn on_server(text: Option<String>, then: impl FnOnce(v1::ServerRef) -> Step + Send + 'static) -> Step {
    on_loose_server(text.filter(|text| !text.starts_with('/')), then)
}

/// The same, for a command that takes an empty backend for a name that does not exist.
pub fn on_loose_server(
    text: Option<String>,
    then: impl FnOnce(v1::ServerRef) -> Step + Send + 'static,
) -> Step {
    let Some((backend, server)) = text.as_deref().and_then(|text| text.split_once('/')) else {
        return Reply::error(sentence::NEED_SERVER).into();
    };
    if server.is_empty() {
        return Reply::error(sentence::NEED_SERVER).into();
    }
    let server = mark(server);
    let then = Box::new(then);
    on_backend(backend, sentence::NO_BACKEND, Box::new(move |backend| server_of(backend, server, then)))
}

/// Goes on with the backend that a word names; one that cannot exist is answered with `missing`.
pub fn on_backend(text: &str, missing: &'static str, then: Then<String>) -> Step {
    match mark(text) {
        Mark::Named(name) if Name::new(&name).is_ok() => then(name),
        Mark::Named(_) => Reply::error(missing).into(),
        Mark::Numbered(id) => named(id, Kind::Backend, missing, then),
    }
}

/// Goes on with the frontend that a word names, or answers that there is none.
pub fn on_frontend(text: Option<String>, then: impl FnOnce(String) -> Step + Send + 'static) -> Step {
    let Some(text) = text else { return Reply::error(sentence::NEED_FRONTEND).into() };
    match mark(&text) {
        Mark::Named(name) if Name::new(&name).is_ok() => then(name),
        Mark::Named(_) => Reply::error(sentence::NO_FRONTEND).into(),
        Mark::Numbered(id) => named(id, Kind::Frontend, sentence::NO_FRONTEND, Box::new(then)),
    }
}

/// The row of a backend.
pub fn backend(name: &str) -> v1::Subject {
    v1::Subject { noun: Some(v1::subject::Noun::Backend(name.to_owned())) }
}

/// The row of a frontend.
pub fn frontend(name: &str) -> v1::Subject {
    v1::Subject { noun: Some(v1::subject::Noun::Frontend(name.to_owned())) }
}

/// The row of a server.
pub fn server(at: &v1::ServerRef) -> v1::Subject {
    v1::Subject { noun: Some(v1::subject::Noun::Server(at.clone())) }
}

/// The question for a server with what is in force for it.
pub fn view_of(at: &v1::ServerRef) -> Question {
    Question::Servers(v1::ServersQuery { backend: Some(at.backend.clone()), server: Some(at.server.clone()) })
}

/// A sentence that holds only when the thing exists; otherwise the answer is that it does not.
pub fn if_exists(subject: v1::Subject, reply: Reply) -> Step {
    let question = match &subject.noun {
        Some(v1::subject::Noun::Server(at)) => view_of(at),
        Some(v1::subject::Noun::Frontend(_)) => row_of(v1::Kind::Frontend, subject),
        _ => row_of(v1::Kind::Backend, subject),
    };
    let plan = Plan::ask(question, move |ending| match ending {
        Ending::Answered(_) => reply,
        Ending::Refused(problems) => sentence::refusal(About::Thing, &problems),
        _ => sentence::out_of_place(),
    });
    plan.into()
}

fn row_of(kind: v1::Kind, subject: v1::Subject) -> Question {
    Question::Rows(v1::RowsQuery { kinds: vec![kind.into()], subjects: vec![subject], declared: false })
}

fn server_of(backend: String, server: Mark, then: Then<v1::ServerRef>) -> Step {
    let id = match server {
        Mark::Named(name) if Name::new(&name).is_ok() => {
            return then(v1::ServerRef { backend, server: name });
        }
        Mark::Named(_) => return if_exists(self::backend(&backend), Reply::error(sentence::NO_SERVER)),
        Mark::Numbered(id) => id,
    };
    let query = v1::StatisticsQuery {
        proxy: Some(backend.clone()),
        kinds: vec![Kind::Server.into()],
        service_id: Some(id),
        ..Default::default()
    };
    first_row(query, sentence::NO_BACKEND, move |row| match row {
        Some(row) => then(v1::ServerRef { backend, server: row.service }),
        // A frontend has rows of statistics, too.
        None => if_exists(self::backend(&backend), Reply::error(sentence::NO_SERVER)),
    })
}

/// Goes on with the name of the proxy that has a number.
fn named(id: u32, kind: Kind, missing: &'static str, then: Then<String>) -> Step {
    let query = v1::StatisticsQuery { proxy_id: Some(id), kinds: vec![kind.into()], ..Default::default() };
    first_row(query, missing, move |row| match row {
        Some(row) => then(row.proxy),
        None => Reply::error(missing).into(),
    })
}

/// Goes on with the first row of statistics, if any; a proxy that does not exist is answered with `missing`.
fn first_row(
    query: v1::StatisticsQuery,
    missing: &'static str,
    then: impl FnOnce(Option<v1::StatisticsRow>) -> Step + Send + 'static,
) -> Step {
    let plan = Plan::ask_first(Question::Statistics(query), move |ending| match ending {
        Ending::Answered(answer) => then(answer.statistics.into_iter().next()),
        Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::NotFound) => Reply::error(missing).into(),
            _ => sentence::refusal(About::Thing, &problems).into(),
        },
        _ => sentence::out_of_place().into(),
    });
    plan.into()
}

fn mark(text: &str) -> Mark {
    match text.strip_prefix('#').and_then(|number| number.parse().ok()) {
        Some(id) => Mark::Numbered(id),
        None => Mark::Named(text.to_owned()),
    }
}
