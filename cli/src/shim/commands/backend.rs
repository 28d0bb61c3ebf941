//! Commands about backends as a whole.

use regate_proto::model::{Backend, BackendSettings, BadName, Guid, Mode, Name, Row, ServerSettings};
use regate_proto::wire::v1;
use v1::query::Question;
use v1::setting::Value;

use super::reference::{self, if_exists, on_backend};
use super::wait::Refused;
use super::{change, rest, word, written};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Lines, Plan, Reply, Step};
use crate::shim::sentence::{self, About};

/// `add backend`: creates one that nothing leads to yet.
pub fn add(command: &Command) -> Step {
    let Some(text) = word(command, 2) else { return Reply::error(sentence::NEED_NEW_BACKEND).into() };
    let (Some("from"), Some(defaults)) = (word(command, 3).as_deref(), word(command, 4)) else {
        return Reply::error(sentence::ADD_BACKEND_USAGE).into();
    };
    let (mut mode, mut guid) = (None, None);
    let mut words = rest(command, 5).iter();
    while let Some(option) = words.next() {
        let Some(value) = words.next() else { return Reply::error(sentence::ADD_BACKEND_FULL_USAGE).into() };
        match (option.text().as_ref(), value.text().as_ref()) {
            ("mode", "tcp") => mode = Some(Mode::Tcp),
            ("mode", "http") => mode = Some(Mode::Http),
            ("mode", _) => return Reply::error(sentence::ADD_BACKEND_MODES).into(),
            ("guid", text) => match Guid::new(text) {
                Ok(read) => guid = Some(read),
                Err(bad) => return sentence::bad_guid(&bad).into(),
            },
            _ => return Reply::error(sentence::ADD_BACKEND_FULL_USAGE).into(),
        }
    }
    let name = match Name::new(&text) {
        Ok(name) => name,
        Err(BadName::Character(character)) => {
            return sentence::bad_backend_name(character, &text).into();
        }
        Err(bad) => return sentence::misread(&bad.to_string()).into(),
    };
    let Ok(from) = Name::new(&defaults) else { return sentence::no_defaults(&defaults).into() };
    let subject = v1::Subject { noun: Some(v1::subject::Noun::Defaults(defaults.clone())) };
    let question = rows(v1::Kind::Defaults, vec![subject]);
    Plan::ask_first(question, move |ending| match ending {
        Ending::Answered(answer) => {
            let stated = answer.rows.into_iter().find_map(|row| match row.noun {
                Some(v1::row::Noun::Defaults(defaults)) => Some(defaults.backend?.mode()),
                _ => None,
            });
            match (mode, stated) {
                (None, None | Some(v1::Mode::Unspecified)) => Reply::error(sentence::MODE_REQUIRED).into(),
                _ => create(name, from, mode, guid),
            }
        }
        Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::NotFound) => sentence::no_defaults(&defaults).into(),
            _ => sentence::refusal(About::Thing, &problems).into(),
        },
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// `del backend`: removes one that nothing leads to.
pub fn delete(command: &Command) -> Step {
    let Some(name) = word(command, 2) else { return Reply::error(sentence::NEED_NEW_BACKEND).into() };
    let then = |name: String| {
        let subject = reference::backend(&name);
        if_removable(name, move |refused| match refused {
            Some(Refused::Yet(reason)) => Reply::error(reason).into(),
            Some(Refused::ForGood(reason)) => Reply::error(reason).into(),
            None => {
                let changes = vec![change(v1::change::Verb::Delete(subject))];
                let set = v1::ChangeSet { base: None, origin: None, changes };
                Plan::apply(set, |ending| match ending {
                    Ending::Applied(_) => Reply::info(sentence::BACKEND_DELETED),
                    Ending::Refused(problems) => sentence::refusal(About::Backend, &problems),
                    ending => sentence::settled(ending),
                })
                .into()
            }
        })
    };
    on_backend(&name, sentence::NO_BACKEND, Box::new(then))
}

/// Goes on with why a backend cannot be removed, if it cannot; one that does not exist is answered with that.
pub fn if_removable(name: String, then: impl FnOnce(Option<Refused>) -> Step + Send + 'static) -> Step {
    let subject = reference::backend(&name);
    let question = Question::Rows(v1::RowsQuery {
        kinds: vec![v1::Kind::Backend.into(), v1::Kind::Server.into()],
        subjects: vec![subject],
        declared: false,
    });
    Plan::ask_first(question, move |ending| match ending {
        Ending::Answered(answer) => then(obstacle(&answer.rows)),
        Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
        _ => sentence::out_of_place().into(),
    })
    .into()
}

/// `publish backend`: rules and frontends may choose it.
pub fn publish(command: &Command) -> Step {
    set_published(command, true)
}

/// `unpublish backend`: they may not; its servers are checked all the same.
pub fn unpublish(command: &Command) -> Step {
    set_published(command, false)
}

/// `show defaults`: what `add backend` can start from.
pub fn show_defaults(_: &Command) -> Step {
    Plan::list(rows(v1::Kind::Defaults, Vec::new()), DefaultsNames).into()
}

/// `show default-server`: the backends whose servers start from settings of their own.
pub fn show_default_servers(command: &Command) -> Step {
    let list = |subjects| Plan::list(rows(v1::Kind::Backend, subjects), DefaultServers).into();
    match word(command, 2) {
        None => list(Vec::new()),
        Some(name) => {
            let then = move |name: String| list(vec![reference::backend(&name)]);
            on_backend(&name, sentence::NO_BACKEND_TO_LIST, Box::new(then))
        }
    }
}

fn rows(kind: v1::Kind, subjects: Vec<v1::Subject>) -> Question {
    Question::Rows(v1::RowsQuery { kinds: vec![kind.into()], subjects, declared: false })
}

fn create(name: Name, from: Name, mode: Option<Mode>, guid: Option<Guid>) -> Step {
    let settings = BackendSettings { mode, unpublished: Some(true), ..BackendSettings::default() };
    let text = name.to_string();
    let mine = reference::backend(&text);
    let row = Row::Backend(Backend {
        name,
        id: 0,
        order: 0,
        guid,
        from: Some(from),
        listen: false,
        disabled: false,
        description: None,
        settings: Box::new(settings),
    });
    let changes = vec![change(v1::change::Verb::Add(v1::Row::from(&row)))];
    let set = v1::ChangeSet { base: None, origin: None, changes };
    Plan::apply(set, move |ending| match ending {
        Ending::Applied(_) => Reply::info(sentence::BACKEND_ADDED),
        Ending::Refused(problems) => match problems.first().map(|problem| (problem.code(), &problem.subject))
        {
            // What exists is the name, or who has the guid.
            Some((v1::ProblemCode::AlreadyExists, Some(holder))) if *holder != mine => {
                sentence::guid_taken(holder)
            }
            Some((v1::ProblemCode::AlreadyExists, _)) => sentence::backend_exists(&text),
            _ => sentence::refusal(About::Thing, &problems),
        },
        ending => sentence::settled(ending),
    })
    .into()
}

fn obstacle(rows: &[v1::Row]) -> Option<Refused> {
    let backend = rows.iter().find_map(|row| match &row.noun {
        Some(v1::row::Noun::Backend(backend)) => Some(backend),
        _ => None,
    })?;
    let settings = backend.settings.as_ref();
    if backend.listen {
        return Some(Refused::ForGood(sentence::LISTEN_STAYS.to_owned()));
    }
    if settings.is_some_and(|settings| settings.table.is_some()) {
        return Some(Refused::ForGood(sentence::TABLE_STAYS.to_owned()));
    }
    if !settings.is_some_and(|settings| settings.unpublished()) {
        return Some(Refused::Yet(sentence::UNPUBLISH_FIRST));
    }
    let has_servers = rows.iter().any(|row| matches!(row.noun, Some(v1::row::Noun::Server(_))));
    has_servers.then_some(Refused::Yet(sentence::SERVERS_FIRST))
}

fn set_published(command: &Command, on: bool) -> Step {
    let Some(name) = word(command, 2) else { return Reply::error(sentence::NEED_BACKEND).into() };
    let then = move |name: String| {
        let subject = reference::backend(&name);
        let text = if on { sentence::BACKEND_PUBLISHED } else { sentence::BACKEND_UNPUBLISHED };
        let write = Plan::apply(written(&subject, vec![Value::Published(on)]), move |ending| match ending {
            Ending::Applied(_) => Reply::info(text),
            ending => sentence::settled(ending),
        });
        if on {
            return write.into();
        }
        Plan::ask_first(rows(v1::Kind::Backend, vec![subject.clone()]), move |ending| match ending {
            Ending::Answered(answer) => {
                let is_disabled = answer.rows.iter().any(|row| match &row.noun {
                    Some(v1::row::Noun::Backend(backend)) => backend.disabled,
                    _ => false,
                });
                match is_disabled {
                    true => if_exists(subject, Reply::error(sentence::BACKEND_DISABLED)),
                    false => write.into(),
                }
            }
            Ending::Refused(problems) => sentence::refusal(About::Thing, &problems).into(),
            _ => sentence::out_of_place().into(),
        })
        .into()
    };
    on_backend(&name, sentence::NO_BACKEND, Box::new(then))
}

/// Writes the names of defaults.
struct DefaultsNames;

impl Lines for DefaultsNames {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for row in answer.rows {
            if let Some(v1::row::Noun::Defaults(defaults)) = row.noun {
                out.extend_from_slice(defaults.name.as_bytes());
                out.push(b'\n');
            }
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

/// Writes the backends whose servers start from something.
struct DefaultServers;

impl Lines for DefaultServers {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for row in answer.rows {
            let Some(v1::row::Noun::Backend(backend)) = row.noun else { continue };
            let settings = backend.settings.unwrap_or_default().default_server.unwrap_or_default();
            let is_some =
                ServerSettings::try_from(settings).is_ok_and(|own| own != ServerSettings::default());
            if is_some {
                out.extend_from_slice(b"* ");
                out.extend_from_slice(backend.name.as_bytes());
                out.push(b'\n');
            }
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::ListOfBackend, problems)
    }
}
