//! Commands about variables of the process.

use regate_proto::rules::{Format, Sample, Scope, Variable};
use regate_proto::wire::v1;
use v1::query::Question;
use v1::set_variable::From;

use super::{rest, word};
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Ending, Plan, Reply, Step};
use crate::shim::sentence::{self, About};

/// `get var`: type and value.
pub fn show(command: &Command) -> Step {
    let Some(name) = word(command, 2) else { return Reply::error(sentence::NEED_VARIABLE).into() };
    let question = Question::Variable(v1::VariableQuery { name });
    Plan::ask(question, |ending| match ending {
        Ending::Answered(answer) => match answer.variable {
            Some(variable) => {
                let mut line = format!("{}: type={} value=<", variable.name, variable.r#type).into_bytes();
                // A line end in a value would be the end of the reply.
                line.extend(variable.value.iter().map(|byte| if *byte == b'\n' { b' ' } else { *byte }));
                line.extend_from_slice(b">\n");
                Reply::Dump(line)
            }
            None => sentence::out_of_place(),
        },
        Ending::Refused(problems) => match problems.first().map(v1::Problem::code) {
            Some(v1::ProblemCode::NotFound) => Reply::error(sentence::VARIABLE_NOT_FOUND),
            _ => sentence::refusal(About::Thing, &problems),
        },
        _ => sentence::out_of_place(),
    })
    .into()
}

/// `set var`: a value that is worked out now.
pub fn set(command: &Command) -> Step {
    let Some(name) = word(command, 2) else { return Reply::error(sentence::NEED_VARIABLE).into() };
    let joined =
        |words: &[Word]| words.iter().map(|word| word.text().into_owned()).collect::<Vec<_>>().join(" ");
    let from = match (word(command, 3).as_deref(), rest(command, 4)) {
        (None, _) | (Some("expr" | "fmt"), []) => {
            return Reply::error(sentence::NEED_EXPRESSION).into();
        }
        (Some("fmt"), words) => From::Format(joined(words)),
        (Some("expr"), words) => From::Sample(joined(words)),
        (Some(_), _) => From::Sample(joined(rest(command, 3))),
    };
    match Variable::parse(&name) {
        Ok(variable) if variable.scope == Scope::Process => {}
        Ok(_) => return sentence::foreign_variable(&name).into(),
        Err(bad) => return sentence::misread(&bad.to_string()).into(),
    }
    let bad = match &from {
        From::Sample(text) => Sample::parse(text).err(),
        From::Format(text) => Format::parse(text).err(),
    };
    if let Some(bad) = bad {
        return sentence::bad_sample(&bad.to_string()).into();
    }
    let action = v1::act_request::Action::SetVariable(v1::SetVariable { name, from: Some(from) });
    Plan::act(action, sentence::settled).into()
}
