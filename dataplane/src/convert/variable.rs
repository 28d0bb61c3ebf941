//! Converters that set variables or compare with them (configuration manual 7.3.1 "set-var", "concat").

use std::borrow::Cow;
use std::cmp::Ordering;

use regate_proto::rules::{Argument, Variable};

use crate::fetch::View;
use crate::sample::Value;

/// The variable that an argument names.
pub(super) fn named(argument: Option<&Argument>) -> Option<&Variable> {
    match argument {
        Some(Argument::Variable(variable)) => Some(variable),
        _ => None,
    }
}

/// Sets a variable where every condition holds, and gives the value on; nothing where one does not.
pub(super) fn set<'a>(arguments: &[Argument], value: Value<'a>, view: &View<'_>) -> Option<Value<'a>> {
    let variable = named(arguments.first())?;
    let conditions = arguments.iter().skip(1).filter_map(|argument| match argument {
        Argument::Text(text) if !text.is_empty() => Some(text.as_str()),
        _ => None,
    });
    for condition in conditions {
        let before = view.variables.value(variable);
        let empty = match &value {
            Value::Str(text) | Value::Bin(text) | Value::Method(text) => text.is_empty(),
            _ => false,
        };
        let holds = match condition {
            "ifexists" | "ifset" => before.is_some(),
            "ifnotexists" | "ifnotset" => before.is_none(),
            "ifempty" => empty,
            "ifnotempty" => !empty,
            "ifgt" => !matches!((&before, &value), (Some(Value::Int(old)), Value::Int(new)) if old <= new),
            "iflt" => !matches!((&before, &value), (Some(Value::Int(old)), Value::Int(new)) if old >= new),
            _ => false,
        };
        if !holds {
            return None;
        }
    }
    view.variables.set(variable, value.clone().into_owned());
    Some(value)
}

/// A text with another, a variable and a third after it; each may be missing.
pub(super) fn concatenated<'a>(text: Cow<'a, [u8]>, arguments: &[Argument], view: &View<'_>) -> Value<'a> {
    let mut out = text.into_owned();
    out.extend_from_slice(constant(arguments, 0));
    if let Some(value) = named(arguments.get(1)).and_then(|variable| view.variables.value(variable)) {
        value.push_text(&mut out);
    }
    out.extend_from_slice(constant(arguments, 2));
    Value::Str(Cow::Owned(out))
}

/// The same with the first of them as a delimiter, which stands only between what there is.
pub(super) fn itemised<'a>(text: Cow<'a, [u8]>, arguments: &[Argument], view: &View<'_>) -> Value<'a> {
    let mut item = Vec::new();
    if let Some(value) = named(arguments.get(1)).and_then(|variable| view.variables.value(variable)) {
        value.push_text(&mut item);
    }
    item.extend_from_slice(constant(arguments, 2));
    if item.is_empty() {
        return Value::Str(text);
    }
    if text.is_empty() {
        return Value::Str(Cow::Owned(item));
    }
    let mut out = text.into_owned();
    out.extend_from_slice(constant(arguments, 0));
    out.append(&mut item);
    Value::Str(Cow::Owned(out))
}

/// How a text compares to a variable's: below 0, 0, or above, by the first bytes that differ, or by the lengths.
pub(super) fn compared(text: &[u8], variable: &Variable, view: &View<'_>) -> Option<i64> {
    let other = view.variables.value(variable)?.into_text();
    let differing = text.iter().zip(other.iter()).find(|(left, right)| left != right);
    Some(match differing {
        Some((left, right)) => i64::from(*left) - i64::from(*right),
        None => match text.len().cmp(&other.len()) {
            Ordering::Less => -1,
            Ordering::Equal => 0,
            Ordering::Greater => 1,
        },
    })
}

/// A constant text among the arguments; empty where there is none.
pub(super) fn constant(arguments: &[Argument], at: usize) -> &[u8] {
    match arguments.get(at) {
        Some(Argument::Text(text)) => text.as_bytes(),
        _ => &[],
    }
}
