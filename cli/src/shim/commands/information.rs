//! Commands about the process and what it is made of.

use regate_proto::statistics::compatible_version;
use regate_proto::statistics::{InfoForm as Form, info, schema};
use regate_proto::wire::v1;
use v1::query::Question;

use super::{has, rest};
use crate::shim::lex::Command;
use crate::shim::plan::{Ending, Lines, Plan, Reply, Step};
use crate::shim::sentence::{self, About};
use crate::shim::session::Session;

/// `show info`: limits, load and totals.
pub fn show_info(command: &Command) -> Step {
    let words = rest(command, 2);
    let form = if has(words, "json") {
        Form::Json
    } else if has(words, "typed") {
        Form::Typed
    } else {
        Form::Plain
    };
    let (described, precise) = (has(words, "desc"), has(words, "float"));
    Plan::ask(Question::Info(v1::InfoQuery {}), move |ending| match ending {
        Ending::Answered(answer) => match &answer.info {
            Some(process) => Reply::Dump(info(process, form, described, precise).into_bytes()),
            None => sentence::out_of_place(),
        },
        ending => sentence::settled(ending),
    })
    .into()
}

/// `show version`.
pub fn show_version(_: &Command) -> Step {
    Plan::ask(Question::Info(v1::InfoQuery {}), |ending| match ending {
        Ending::Answered(answer) => match answer.info {
            Some(process) => Reply::info(compatible_version(&process.version)),
            None => sentence::out_of_place(),
        },
        ending => sentence::settled(ending),
    })
    .into()
}

/// `show schema json`: what the JSON of other commands looks like.
pub fn show_schema(_: &mut Session, _: &Command) -> Step {
    Reply::line(&schema()).into()
}

/// `show backend`: the names of all backends.
pub fn show_backends(_: &Command) -> Step {
    let rows = v1::RowsQuery { kinds: vec![v1::Kind::Backend.into()], ..Default::default() };
    Plan::list(Question::Rows(rows), Names).into()
}

/// Writes the names of backends.
struct Names;

impl Lines for Names {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"# name\n");
    }

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for row in answer.rows {
            if let Some(v1::row::Noun::Backend(backend)) = row.noun {
                out.extend_from_slice(backend.name.as_bytes());
                out.push(b'\n');
            }
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}
