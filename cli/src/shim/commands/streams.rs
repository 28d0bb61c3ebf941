//! Commands about streams that are being served, and about malformed messages.

use std::sync::Arc;

use regate_proto::wire::v1;
use v1::act_request::Action;
use v1::query::Question;

use super::reference::{on_backend, on_frontend, on_server};
use super::{integer, rest, word};
use crate::shim::clients::Clients;
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::render::malformed::Exhibits;
use crate::shim::render::streams::Streams;
use crate::shim::sentence;
use crate::shim::session::Session;

/// `show sess`: streams, each on a line or with all that is known of it.
pub fn show(session: &mut Session, command: &Command) -> Step {
    let mut words = rest(command, 2);
    let mut wish = Wish::new(session.surroundings.clients.clone());
    match words.first() {
        Some(first) if first == "help" => return Reply::Dump(sentence::SHOW_STREAMS_USAGE.into()).into(),
        Some(first) if first == "all" => wish.long = true,
        Some(first) => match number(first) {
            Some(id) => (wish.query.id, wish.long) = (Some(id), true),
            None => return wish.read(words),
        },
        None => {}
    }
    words = words.get(1..).unwrap_or_default();
    wish.read(words)
}

/// `shutdown session`: cuts a stream.
pub fn cut(session: &mut Session, command: &Command) -> Step {
    let Some(id) = command.words.get(2).and_then(number).filter(|id| *id != 0) else {
        return Reply::error(sentence::NEED_STREAM).into();
    };
    if session.surroundings.clients.cut(id) {
        return Reply::Nothing.into();
    }
    let plan = Plan::act(Action::CutStream(v1::CutStream { id }), |ending| match ending {
        Ending::Refused(problems)
            if problems.first().map(v1::Problem::code) == Some(v1::ProblemCode::NotFound) =>
        {
            Reply::error(sentence::NO_STREAM_TO_CUT)
        }
        ending => sentence::settled(ending),
    });
    plan.into()
}

/// `shutdown sessions server`: cuts the streams on a server.
pub fn cut_on_server(command: &Command) -> Step {
    on_server(word(command, 3), |server| {
        let action = Action::CutStreams(v1::CutStreams { server: Some(server) });
        Plan::act(action, sentence::settled).into()
    })
}

/// `show errors`: the last malformed messages.
pub fn show_malformed(command: &Command) -> Step {
    let mut query = v1::MalformedQuery::default();
    let proxy = word(command, 2);
    match proxy.as_deref() {
        None | Some("-1") => {}
        Some(text) => match integer(text.strip_prefix('#').unwrap_or(text)) {
            Some(id) => query.proxy_id = Some(u32::try_from(id).unwrap_or(u32::MAX)),
            None => query.proxy = Some(text.to_owned()),
        },
    }
    match word(command, 3).as_deref() {
        Some("request") => query.requests_only = true,
        Some("response") => query.responses_only = true,
        _ => {}
    }
    Plan::list(Question::Malformed(query), Exhibits::default()).into()
}

/// Which streams are to be shown, and how.
struct Wish {
    /// The connections to text sockets, which are streams, too.
    clients: Arc<Clients>,
    query: v1::StreamsQuery,
    long: bool,
    lines: bool,
}

impl Wish {
    fn new(clients: Arc<Clients>) -> Wish {
        Wish { clients, query: v1::StreamsQuery::default(), long: false, lines: false }
    }

    /// Reads the options that are left, and asks.
    fn read(mut self, words: &[Word]) -> Step {
        let Some(option) = words.first() else { return self.ask() };
        let value = words.get(1).map(|word| word.text().into_owned());
        let after = words.get(2..).unwrap_or_default().to_vec();
        match option.text().as_ref() {
            "show-uri" => self.lines = true,
            "susp" => self.query.suspicious = true,
            "older" => {
                let Some(value) = value else { return Reply::error(sentence::NEED_AGE).into() };
                let Some(age) = age(&value) else { return Reply::error(sentence::BAD_AGE).into() };
                self.query.older_ms = Some(age);
                self.long = true;
                return self.read(&after);
            }
            "server" => {
                return on_server(value, move |server| {
                    self.query.server = Some(server);
                    self.read(&after)
                });
            }
            "backend" => {
                let Some(value) = value else { return Reply::error(sentence::NEED_BACKEND_NAME).into() };
                let then = move |backend| {
                    self.query.backend = Some(backend);
                    self.read(&after)
                };
                return on_backend(&value, sentence::NO_BACKEND, Box::new(then));
            }
            "frontend" => {
                if value.is_none() {
                    return Reply::error(sentence::NEED_FRONTEND_NAME).into();
                }
                return on_frontend(value, move |frontend| {
                    self.query.frontend = Some(frontend);
                    self.read(&after)
                });
            }
            other => return sentence::unsupported_option(other).into(),
        }
        self.read(words.get(1..).unwrap_or_default())
    }

    fn ask(self) -> Step {
        let one = self.query.id.is_some();
        let own = self.clients.asked_for(&self.query);
        let lines = Streams::new(self.long, self.lines, one).followed_by(own);
        Plan::list(Question::Streams(self.query), lines).into()
    }
}

/// The number of a stream, `0x…`; one that is nobody's where the rest of it makes no sense.
fn number(word: &Word) -> Option<u64> {
    let text = word.text();
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"))?;
    Some(u64::from_str_radix(digits, 16).unwrap_or(u64::MAX))
}

/// Milliseconds in an age, which is in seconds where no unit is said.
fn age(text: &str) -> Option<u64> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    let factor = match unit {
        "ms" => 1,
        "" | "s" => 1000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return None,
    };
    number.parse::<u64>().ok()?.checked_mul(factor)
}
