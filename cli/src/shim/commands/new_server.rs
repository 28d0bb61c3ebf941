//! `add server`: the words of a server line, read by the directives that configuration files use.

use std::io;
use std::path::Path;

use regate_proto::config::directives::arguments::{Arguments, Polarity};
use regate_proto::config::directives::servers;
use regate_proto::config::environment::Environment;
use regate_proto::config::{Gravity, keywords, lexer};
use regate_proto::model::{Admin, BadName, Name, Row, Server};
use regate_proto::wire::v1;
use v1::ProblemCode as Code;

use super::reference::{backend, if_exists, on_backend, view_of};
use super::{change, rest, word};
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::sentence::{self, About};
use crate::shim::session::Session;

/// `add server`: creates a server, in maintenance.
pub fn add(command: &Command) -> Step {
    let place = word(command, 2).unwrap_or_default();
    let Some((parent, name)) =
        place.split_once('/').filter(|(parent, name)| !parent.is_empty() && !name.is_empty())
    else {
        return Reply::error(sentence::NEED_SERVER).into();
    };
    let name = name.to_owned();
    let words: Vec<Word> = rest(command, 3).to_vec();
    on_backend(parent, sentence::NO_BACKEND, Box::new(move |parent| create(parent, name, &words)))
}

/// `add server help`: the keywords.
pub fn list_keywords(_: &mut Session, _: &Command) -> Step {
    let mut names: Vec<&str> = servers::own_parameters().map(|(name, _)| name).collect();
    names.sort_unstable();
    sentence::keywords(names.into_iter()).into()
}

fn create(parent: String, name: String, words: &[Word]) -> Step {
    match Name::new(&name) {
        Ok(_) => {}
        Err(BadName::Character(character)) => {
            return if_exists(backend(&parent), sentence::bad_server_name(character, &name));
        }
        Err(bad) => return if_exists(backend(&parent), sentence::misread(&bad.to_string())),
    }
    let at = v1::ServerRef { backend: parent.clone(), server: name.clone() };
    if words.is_empty() {
        return vacant_or(&at, Reply::error(sentence::NEED_NAME_AND_ADDRESS));
    }
    match read(&parent, &name, words) {
        // With a number or guid of its own, what exists already may be that: whether it is the name is asked first.
        Ok(server) if server.id != 0 || server.guid.is_some() => {
            Plan::ask_first(view_of(&at), move |ending| if_vacant(ending, || put(server))).into()
        }
        Ok(server) => put(server),
        Err(reply) => vacant_or(&at, reply),
    }
}

fn put(mut server: Server) -> Step {
    server.admin = Some(Admin::Maint);
    let numbered = server.id != 0 || server.guid.is_some();
    let row = v1::Row::from(&Row::Server(server));
    let set = v1::ChangeSet { base: None, origin: None, changes: vec![change(v1::change::Verb::Add(row))] };
    Plan::apply(set, move |ending| match ending {
        Ending::Applied(_) => Reply::info(sentence::SERVER_ADDED),
        // With a number of its own, what exists already may be the number: who refused says which.
        Ending::Refused(problems) if numbered => sentence::refusal(About::NumberedServer, &problems),
        ending => sentence::settled(ending),
    })
    .into()
}

/// A sentence that holds when the backend exists and the server does not.
fn vacant_or(at: &v1::ServerRef, reply: Reply) -> Step {
    Plan::ask_first(view_of(at), move |ending| if_vacant(ending, || reply.into())).into()
}

/// Goes on when the backend exists and the server, which was asked for, does not.
fn if_vacant(ending: Ending, then: impl FnOnce() -> Step) -> Step {
    let problems = match ending {
        Ending::Answered(_) => return Reply::error(sentence::SERVER_EXISTS).into(),
        Ending::Refused(problems) => problems,
        _ => return sentence::out_of_place().into(),
    };
    let first = problems.first();
    let noun = first.and_then(|problem| problem.subject.as_ref()?.noun.as_ref());
    match (first.map(v1::Problem::code), noun) {
        (Some(Code::NotFound), Some(v1::subject::Noun::Server(_))) => then(),
        _ => sentence::refusal(About::Thing, &problems).into(),
    }
}

/// Reads address and keywords as a `server` line of a file; the columns of the words are their numbers, so that
/// what is refused can be told by word.
fn read(parent: &str, name: &str, words: &[Word]) -> Result<Server, Reply> {
    let parent = Name::new(parent).map_err(|bad| sentence::misread(&bad.to_string()))?;
    let texts = ["server".to_owned(), name.to_owned()]
        .into_iter()
        .chain(words.iter().map(|word| word.text().into_owned()));
    let line: Vec<lexer::Word> =
        (1..).zip(texts).map(|(column, text)| lexer::Word { text, line: 1, column, length: 1 }).collect();
    let nothing = |_: &str| None;
    let no_file = |_: &Path| Err(io::Error::from(io::ErrorKind::NotFound));
    let environment = Environment::new(&nothing, &no_file);
    let mut arguments = Arguments::new(&line, 1, Polarity::Plain, &environment);
    let read = servers::read_server(&parent, &mut arguments);
    let refused =
        arguments.remarks.iter().find(|(gravity, _)| *gravity == Gravity::Error).map(|(_, issue)| issue);
    let issue = refused.or(read.as_ref().err());
    let place = |column: u32| usize::try_from(column).unwrap_or(0).saturating_sub(1);
    let is_value = |at: usize| line.get(at.saturating_sub(1)).is_some_and(|word| takes_value(&word.text));
    let of_files = line
        .iter()
        .enumerate()
        .skip(3)
        .find(|(at, word)| OF_FILES.contains(&word.text.as_str()) && !is_value(*at));
    if let Some((at, word)) = of_files
        && issue.is_none_or(|issue| at <= place(issue.column))
    {
        return Err(sentence::keyword_not_accepted(&word.text));
    }
    let Some(issue) = issue else { return read.map_err(|issue| sentence::misread(&issue.message)) };
    let at = place(issue.column);
    Err(match line.get(at) {
        // What follows a keyword that takes something is that thing.
        Some(word) if at > 2 && !is_value(at) => about_keyword(&word.text, &issue.message),
        _ => sentence::misread(&issue.message),
    })
}

/// What only servers of files may have (management manual 9.3 "add server"), as 2.6 answers.
const OF_FILES: [&str; 6] =
    ["namespace", "no-send-proxy-v2-ssl", "no-send-proxy-v2-ssl-cn", "redir", "socks4", "tcp-ut"];

fn takes_value(keyword: &str) -> bool {
    servers::own_parameters().any(|(name, syntax)| name == keyword && !syntax.is_empty())
}

/// What to say about a keyword that was refused: that nobody knows it, that it cannot be given here, or what the
/// reader says.
fn about_keyword(word: &str, message: &str) -> Reply {
    let mine = || servers::own_parameters().map(|(name, _)| name);
    let others = || keywords::SERVER.iter().map(|known| known.name);
    if mine().any(|name| name == word) {
        sentence::misread(message)
    } else if others().any(|name| name == word) {
        sentence::keyword_not_accepted(word)
    } else {
        sentence::unknown_keyword(word, keywords::nearest(word, mine().chain(others())))
    }
}
