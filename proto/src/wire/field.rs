//! Reading single fields of messages, with problems that name the field.
//!
//! A detail begins with the path of the field, a colon and a space; each message that a problem passes on its way
//! out puts its own field in front.

use std::fmt::Display;
use std::net::IpAddr;

use super::choice::Choice;
use crate::model::{Guid, Millis, Name, Weight};
use crate::problem::{Code, Problem};

/// The field says nothing sensible.
pub(super) fn malformed(field: &str, text: impl Display) -> Problem {
    Problem::general(Code::Malformed, format!("{field}: {text}"))
}

/// The field's value is outside its range.
pub(super) fn out_of_range(field: &str, text: impl Display) -> Problem {
    Problem::general(Code::OutOfRange, format!("{field}: {text}"))
}

/// The field is absent and must not be.
pub(super) fn missing(field: &str, expected: &str) -> Problem {
    malformed(field, format_args!("nothing is set: {expected} is expected"))
}

/// Puts `field` in front of the path of a problem.
pub(super) fn within<T>(field: &str, result: Result<T, Problem>) -> Result<T, Problem> {
    result.map_err(|mut problem| {
        problem.detail = format!("{field}.{}", problem.detail);
        problem
    })
}

/// A message that may be absent.
pub(super) fn optional<W, M>(field: &str, value: Option<W>) -> Result<Option<M>, Problem>
where
    M: TryFrom<W, Error = Problem>,
{
    value.map(|value| within(field, M::try_from(value))).transpose()
}

/// A message that must be there.
pub(super) fn required<W, M>(field: &str, value: Option<W>) -> Result<M, Problem>
where
    M: TryFrom<W, Error = Problem>,
{
    optional(field, value)?.ok_or_else(|| missing(field, "a value"))
}

/// A message whose absence means that nothing in it is set.
pub(super) fn defaulted<W, M>(field: &str, value: Option<W>) -> Result<M, Problem>
where
    M: TryFrom<W, Error = Problem> + Default,
{
    optional(field, value).map(Option::unwrap_or_default)
}

/// The message of [`defaulted`]: absent when nothing in it is set.
pub(super) fn unless_default<'a, M, W>(value: &'a M) -> Option<W>
where
    M: Default + PartialEq,
    W: From<&'a M>,
{
    (*value != M::default()).then(|| W::from(value))
}

/// Messages in order.
pub(super) fn list<W, M>(field: &str, values: Vec<W>) -> Result<Vec<M>, Problem>
where
    M: TryFrom<W, Error = Problem>,
{
    let read = |(at, value): (usize, W)| {
        M::try_from(value).map_err(|mut problem| {
            problem.detail = format!("{field}[{at}].{}", problem.detail);
            problem
        })
    };
    values.into_iter().enumerate().map(read).collect()
}

/// A choice that may be left unspecified.
pub(super) fn choice<M: Choice>(field: &str, number: i32) -> Result<Option<M>, Problem> {
    M::from_number(number).map_err(|_| {
        malformed(field, format_args!("{number} is not known here: 0 to {} is accepted", M::HIGHEST))
    })
}

/// A choice that must be made.
pub(super) fn required_choice<M: Choice>(field: &str, number: i32) -> Result<M, Problem> {
    choice(field, number)?.ok_or_else(|| missing(field, "a value other than unspecified"))
}

/// A name.
pub(super) fn name(field: &str, text: &str) -> Result<Name, Problem> {
    Name::new(text).map_err(|error| malformed(field, error))
}

/// A name that may be absent.
pub(super) fn optional_name(field: &str, text: Option<String>) -> Result<Option<Name>, Problem> {
    text.map(|text| name(field, &text)).transpose()
}

/// What something is called whatever becomes of its name.
pub(super) fn guid(text: Option<String>) -> Result<Option<Guid>, Problem> {
    text.map(|text| Guid::new(&text).map_err(|error| malformed("guid", error))).transpose()
}

/// A text that must not be empty.
pub(super) fn text(field: &str, text: String) -> Result<String, Problem> {
    if text.is_empty() { Err(malformed(field, "it is empty: a text is expected")) } else { Ok(text) }
}

/// A time span that may be absent.
pub(super) fn millis(field: &str, millis: Option<u32>) -> Result<Option<Millis>, Problem> {
    millis
        .map(|millis| Millis::new(u64::from(millis)).map_err(|error| out_of_range(field, error)))
        .transpose()
}

/// A weight.
pub(super) fn weight(field: &str, weight: u32) -> Result<Weight, Problem> {
    Weight::new(u64::from(weight)).map_err(|error| out_of_range(field, error))
}

/// A number in a range.
pub(super) fn ranged(field: &str, value: u32, lowest: u32, highest: u32) -> Result<u32, Problem> {
    if (lowest..=highest).contains(&value) {
        Ok(value)
    } else {
        let error = crate::model::OutOfRange {
            value: u64::from(value),
            lowest: u64::from(lowest),
            highest: u64::from(highest),
        };
        Err(out_of_range(field, error))
    }
}

/// A port.
pub(super) fn port(field: &str, value: u32) -> Result<u16, Problem> {
    let value = ranged(field, value, 0, u32::from(u16::MAX))?;
    u16::try_from(value).map_err(|error| out_of_range(field, error))
}

/// An IP address.
pub(super) fn ip(field: &str, text: &str) -> Result<IpAddr, Problem> {
    text.parse().map_err(|_| {
        malformed(field, format_args!("{text:?} is no IP address, such as 192.0.2.1 or 2001:db8::1"))
    })
}
