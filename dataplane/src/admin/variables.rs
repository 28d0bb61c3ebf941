//! Variables of the process: what somebody reads, and what somebody gives them.
//!
//! They are observed, not configured: rules write them while traffic runs, and they end with the process.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::Arc;

use regate_proto::problem::{Code, Problem};
use regate_proto::rules::{Format, Kind, Sample, Scope, Variable};
use regate_proto::wire::v1;
use v1::set_variable::From;

use super::Context;
use super::permission::{Asked, Caller};
use super::query::Answers;
use crate::fetch::{self, Facts, View};
use crate::live::Variables;
use crate::sample::Value;
use crate::snapshot::{FormatPlan, SamplePlan, Snapshot, Source, Step};

/// The value of a variable.
pub(super) fn value(
    context: &Context,
    caller: &Caller,
    query: v1::VariableQuery,
) -> Result<Answers, Problem> {
    caller.may(Asked::Variable)?;
    let missing = || Problem::general(Code::NotFound, format!("name: {:?} has no value", query.name));
    let variable = Variable::parse(&query.name).map_err(|_| missing())?;
    let found = match variable.scope {
        Scope::Process => context.live.variables.value(&variable.name),
        _ => None,
    };
    let value = found.ok_or_else(missing)?;
    let kind = word(value.kind()).to_owned();
    let text = match value {
        Value::Bool(true) => Cow::Borrowed(&b"1"[..]),
        Value::Bool(false) => Cow::Borrowed(&b"0"[..]),
        Value::Bin(bytes) => bytes,
        other => other.into_text(),
    };
    let variable = v1::Variable { name: query.name, r#type: kind, value: text.into_owned() };
    let revision = context.store.read(|current| current.state.revision().0);
    let answer = v1::Answer { revision, variable: Some(variable), ..v1::Answer::default() };
    Ok(Box::new(std::iter::once(answer)))
}

/// Gives a variable a value that is worked out now; a sample without a value leaves it as it is.
pub(super) fn set(context: &Context, caller: &Caller, request: v1::SetVariable) -> Result<(), Problem> {
    caller.may(Asked::SetVariable)?;
    let malformed =
        |field: &str, detail: String| Problem::general(Code::Malformed, format!("{field}: {detail}"));
    let variable = Variable::parse(&request.name).map_err(|bad| malformed("name", bad.to_string()))?;
    if variable.scope != Scope::Process {
        let detail =
            format!("name: '{variable}' is not of the process: a name that begins with 'proc.' is expected");
        return Err(Problem::general(Code::Unsuitable, detail));
    }
    let snapshot = context.store.read(|current| current.snapshot.clone());
    let value = match request.from {
        None => return Err(malformed("from", "nothing is set: sample or format is expected".to_owned())),
        Some(From::Sample(text)) => {
            let sample = Sample::parse(&text).map_err(|bad| malformed("sample", bad.to_string()))?;
            let plan = SamplePlan::compile(&sample).map_err(|bad| malformed("sample", bad))?;
            look(context, &snapshot, |view| fetch::evaluate(&plan, view).map(Value::into_owned))
        }
        Some(From::Format(text)) => {
            let format = Format::parse(&text).map_err(|bad| malformed("format", bad.to_string()))?;
            let plan = FormatPlan::compile(&format).map_err(|bad| malformed("format", bad))?;
            let text = look(context, &snapshot, |view| rendered(&plan, view));
            Some(Value::text(text))
        }
    };
    if let Some(value) = value {
        let name: Arc<str> = variable.name;
        context.live.variables.set(&name, Some(value));
    }
    Ok(())
}

/// A type as the text socket calls it.
fn word(kind: Kind) -> &'static str {
    match kind {
        Kind::Any => "any",
        Kind::Bool => "bool",
        Kind::Int => "sint",
        Kind::Ip => "addr",
        Kind::Ipv4 => "ipv4",
        Kind::Ipv6 => "ipv6",
        Kind::Str => "str",
        Kind::Bin => "bin",
        Kind::Method => "meth",
    }
}

/// The text of a format; what belongs to a connection is left out, because there is none.
fn rendered(plan: &FormatPlan, view: &View<'_>) -> Vec<u8> {
    let mut text = Vec::new();
    for step in plan.steps.iter() {
        match step {
            Step::Text(bytes) => text.extend_from_slice(bytes),
            Step::Field(field) => {
                if let Source::Sample(sample) = &field.source
                    && let Some(value) = fetch::evaluate(sample, view).and_then(|value| value.cast(Kind::Str))
                {
                    text.extend_from_slice(&value.into_text());
                }
            }
        }
    }
    text
}

/// Looks at what is known outside of any connection.
fn look<T>(context: &Context, snapshot: &Snapshot, look: impl FnOnce(&View<'_>) -> T) -> T {
    let variables = Variables::new(context.live.variables.clone());
    let undecided = Cell::new(false);
    let view = View {
        snapshot,
        live: &context.live,
        now: context.live.process.now(),
        frontend: None,
        backend: None,
        server: None,
        source: None,
        destination: &|| None,
        bind_id: 0,
        request: None,
        response: None,
        payload: b"",
        opening: None,
        whole: true,
        first: true,
        variables: &variables,
        answer: b"",
        undecided: &undecided,
        connection: &(),
        facts: Facts::default(),
    };
    look(&view)
}
