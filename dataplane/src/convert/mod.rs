//! What converters do to values (configuration manual 7.3.1).
//!
//! Owns their evaluation, one file for each subject. A converter takes a value of the type that its row says and
//! gives another, or none; it changes nothing but variables.

mod address;
mod list;
mod number;
mod tables;
mod text;

use std::borrow::Cow;

use regate_proto::rules::{Argument, Converter};

use crate::fetch::{Arguments, View};
use crate::sample::Value;
use crate::snapshot::StepPlan;

/// Applies one step of a sample to a value of the step's input type.
pub fn apply<'a>(step: &'a StepPlan, value: Value<'a>, view: &View<'a>) -> Option<Value<'a>> {
    let arguments = Arguments(&step.arguments);
    match step.converter {
        Converter::Add => number::with(value, operand(step, view)?, i64::saturating_add),
        Converter::Bool => Some(Value::Bool(value.as_int()? != 0)),
        Converter::Choose => {
            let truth = value.as_int()? != 0;
            arguments.0.get(usize::from(!truth)).and_then(|argument| match argument {
                Argument::Text(text) => Some(Value::text(text.as_bytes())),
                _ => None,
            })
        }
        Converter::IpMask => address::masked(value, arguments.0),
        Converter::Length => Some(Value::Int(text_of(value).len() as i64)),
        Converter::Lower => Some(text::mapped(value, <[u8]>::to_ascii_lowercase)),
        Converter::Map { method, output, groups } => {
            list::mapped(value, (method, output, groups), arguments.0, view)
        }
        Converter::Table(told) => tables::look(told, value, &arguments, view),
        Converter::Upper => Some(text::mapped(value, <[u8]>::to_ascii_uppercase)),
        Converter::SetVar => {
            if let Some(Argument::Variable(variable)) = arguments.0.first() {
                view.variables.set(variable, value.clone().into_owned());
            }
            Some(value)
        }
        Converter::UnsetVar => {
            if let Some(Argument::Variable(variable)) = arguments.0.first() {
                view.variables.unset(variable);
            }
            Some(value)
        }
    }
}

/// The integer that an arithmetic converter is given: a constant or a variable's value.
fn operand(step: &StepPlan, view: &View<'_>) -> Option<i64> {
    match step.arguments.first()? {
        Argument::Int(number) => Some(*number),
        Argument::Variable(variable) => view.variables.value(variable)?.as_int(),
        _ => None,
    }
}

fn text_of(value: Value<'_>) -> Cow<'_, [u8]> {
    value.into_text()
}
