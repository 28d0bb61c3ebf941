//! A sample: a fetch and the converters that its value goes through (configuration manual 7.3).

use std::fmt;

use super::signature::{Argument, cut};
use super::{Checkpoint, Fetch, Kind, Mistake, converters, fetches};

/// `fetch(arguments),converter(arguments),…`, with types that fit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// What is fetched, as the table has it under the name that was written.
    pub row: &'static fetches::Row,
    /// The arguments of the fetch.
    pub arguments: Vec<Argument>,
    /// What the value goes through, in order.
    pub conversions: Vec<Conversion>,
}

/// One step of a sample.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Conversion {
    /// The converter.
    pub row: &'static converters::Row,
    /// Its arguments.
    pub arguments: Vec<Argument>,
}

impl Sample {
    /// Reads an expression, all of it.
    pub fn parse(text: &str) -> Result<Sample, Mistake> {
        let (name, arguments, mut at) = call(text, 0)?;
        let row = fetches::find(name).ok_or_else(|| fetches::unknown(name))?;
        Self::with(row, row.signature.read(name, &arguments, 0)?, text, &mut at)
    }

    /// Goes on after a fetch whose arguments end at `at`.
    pub(super) fn with(
        row: &'static fetches::Row,
        arguments: Vec<Argument>,
        text: &str,
        at: &mut usize,
    ) -> Result<Sample, Mistake> {
        let mut sample = Sample { row, arguments, conversions: Vec::new() };
        while let Some(rest) = text.get(*at..).filter(|rest| !rest.is_empty()) {
            if !rest.starts_with(',') {
                return Err(Mistake::new(*at, format!("'{rest}' is not expected here"))
                    .expecting("',' and a converter, or the end, is expected"));
            }
            let began = *at + 1;
            let (name, arguments, end) = call(text, began)?;
            let row = converters::find(name).ok_or_else(|| converters::unknown(name).shifted(began))?;
            let kind = sample.kind();
            if !kind.casts_to(row.input) {
                let message = format!("converter '{name}' cannot take a value of type {kind}");
                let help = format!("it takes a value of type {}", row.input);
                return Err(Mistake::new(began, message).expecting(help));
            }
            let arguments = row.read(&arguments, began)?;
            sample.conversions.push(Conversion { row, arguments });
            *at = end;
        }
        Ok(sample)
    }

    /// The type of its value.
    pub fn kind(&self) -> Kind {
        let mut kind = self.row.kind;
        for conversion in &self.conversions {
            // A converter that gives back what it was given changes no type.
            kind = if conversion.row.output == Kind::Any { kind } else { conversion.row.output };
        }
        kind
    }

    /// Checks that its fetch has a meaning at the checkpoint.
    ///
    /// # Errors
    /// It has none.
    pub fn usable_at(&self, checkpoint: Checkpoint) -> Result<(), Mistake> {
        if self.row.reach.covers(checkpoint) {
            return Ok(());
        }
        let message = format!("'{}' has no meaning in {checkpoint}", self.row.name);
        Err(Mistake::new(0, message).expecting("what was kept by then does: a capture, a variable"))
    }

    /// What is fetched.
    pub fn fetch(&self) -> Fetch {
        self.row.fetch
    }

    /// Writes it with another name for the fetch.
    pub(super) fn write_as(&self, name: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(name)?;
        write_arguments(&self.arguments, f)?;
        for conversion in &self.conversions {
            write!(f, ",{}", conversion.row.name)?;
            write_arguments(&conversion.arguments, f)?;
        }
        Ok(())
    }
}

impl fmt::Display for Sample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.write_as(self.row.name, f)
    }
}

/// A name, arguments with their offsets, and where they end.
type Call<'a> = (&'a str, Vec<(usize, String)>, usize);

/// Reads `name` or `name(arguments)` from an offset on.
pub(super) fn call(text: &str, from: usize) -> Result<Call<'_>, Mistake> {
    let rest = text.get(from..).unwrap_or_default();
    let end = rest.find([',', '(', ')']).unwrap_or(rest.len());
    let name = rest.get(..end).unwrap_or_default();
    if name.is_empty() {
        return Err(
            Mistake::new(from, "a name is missing").expecting("a fetch or a converter is expected here")
        );
    }
    if !rest.get(end..).is_some_and(|rest| rest.starts_with('(')) {
        return Ok((name, Vec::new(), from + end));
    }
    let inside = from + end + 1;
    let (mut arguments, close) =
        cut(text.get(inside..).unwrap_or_default()).map_err(|mistake| mistake.shifted(inside))?;
    arguments.iter_mut().for_each(|(at, _)| *at += inside);
    Ok((name, arguments, inside + close + 1))
}

fn write_arguments(arguments: &[Argument], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    if arguments.is_empty() {
        return Ok(());
    }
    for (at, argument) in arguments.iter().enumerate() {
        write!(f, "{}{argument}", if at == 0 { '(' } else { ',' })?;
    }
    f.write_str(")")
}

#[cfg(test)]
#[path = "sample_tests.rs"]
mod tests;
