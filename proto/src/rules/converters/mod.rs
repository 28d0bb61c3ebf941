//! The table of converters: a row per name (configuration manual 7.3.1).
//!
//! What a converter does is told by the data plane, in one exhaustive `match` over [`Converter`]. The rows are in
//! `rows.rs`; `check.rs` holds what arguments must fulfil together; `absent.rs` names what HAProxy has besides.

mod absent;
mod check;
mod converter;
mod rows;

use super::signature::Signature;
use super::{Argument, Kind, Mistake, maps, tables};

pub use absent::ABSENT;
pub use check::{digest, fix_tag, mqtt_packet};
pub use converter::{Codec, Converter, Hash, Node, Operation, Unit};
pub use rows::ROWS;

/// One name of a converter.
#[derive(Debug)]
pub struct Row {
    /// The name.
    pub name: &'static str,
    /// What it does.
    pub converter: Converter,
    /// Its arguments.
    pub signature: Signature,
    /// The type that it takes.
    pub input: Kind,
    /// The type that it gives; [`Kind::Any`]: the one that it was given.
    pub output: Kind,
    /// Expressions whose values are the same under HAProxy.
    pub examples: &'static [&'static str],
    /// For what HAProxy 2.6 has not: expressions with the values that the manual of a newer one states.
    pub stated: &'static [(&'static str, Option<&'static str>)],
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

impl Row {
    /// Makes typed arguments of texts, each with its offset; `whole` is the offset of the converter itself.
    ///
    /// # Errors
    /// An argument that is not what the signature wants, or does not go with the others.
    pub(super) fn read(&self, texts: &[(usize, String)], whole: usize) -> Result<Vec<Argument>, Mistake> {
        let arguments = self.signature.read(self.name, texts, whole)?;
        match check::check(self, &arguments) {
            Ok(()) => Ok(arguments),
            Err((at, mistake)) => Err(mistake.shifted(texts.get(at).map_or(whole, |(offset, _)| *offset))),
        }
    }
}

/// The converter of this name.
pub fn find(name: &str) -> Option<&'static Row> {
    let own = ROWS.binary_search_by(|row| row.name.cmp(name)).ok().and_then(|at| ROWS.get(at));
    let others = || maps::CONVERTERS.iter().chain(tables::CONVERTERS);
    own.or_else(|| others().find(|row| row.name == name))
}

/// Every converter, those of maps and stick tables last.
pub fn all() -> impl Iterator<Item = &'static Row> {
    ROWS.iter().chain(maps::CONVERTERS).chain(tables::CONVERTERS)
}

/// The mistake of a name that is no converter.
pub(super) fn unknown(name: &str) -> Mistake {
    if ABSENT.contains(&name) {
        let message = format!("converter '{name}' exists in HAProxy and is not supported by Regate yet");
        return Mistake::new(0, message);
    }
    let mistake = Mistake::new(0, format!("unknown converter '{name}'"));
    match crate::config::keywords::nearest(name, all().map(|row| row.name)) {
        Some(near) => mistake.expecting(format!("did you mean '{near}'?")),
        None => mistake,
    }
}
