//! The table of converters: a row per name (configuration manual 7.3.1).
//!
//! What a converter does is told by the data plane, in one exhaustive `match` over [`Converter`].

use super::signature::{Signature, Want};
use super::tables::{self, Told};
use super::{Kind, MatchMethod, Mistake, maps};

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
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

/// What is done to a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Converter {
    /// Addition.
    Add,
    /// Whether it is not zero.
    Bool,
    /// One of two texts.
    Choose,
    /// The part of an address that a mask leaves.
    IpMask,
    /// The length of a text.
    Length,
    /// Lower case.
    Lower,
    /// What a map has for it.
    Map {
        /// How the keys are matched.
        method: MatchMethod,
        /// The type of the values.
        output: Kind,
        /// Whether groups of the expression that matched are put into the value.
        groups: bool,
    },
    /// Keeps it in a variable.
    SetVar,
    /// Forgets a variable.
    UnsetVar,
    /// Upper case.
    Upper,
    /// Something of the entry of a stick table whose key is the value.
    Table(Told),
}

/// Every converter, in ascending order of names.
pub const ROWS: &[Row] = &[
    row("add", Converter::Add, NUMBER, Kind::Int, Kind::Int, &["int(4),add(3)"]),
    row("bool", Converter::Bool, Signature::NONE, Kind::Int, Kind::Bool, &["int(4),bool"]),
    row("iif", Converter::Choose, TWO_TEXTS, Kind::Bool, Kind::Str, &["bool(1),iif(yes,no)"]),
    row("ipmask", Converter::IpMask, MASK, Kind::Ip, Kind::Ip, &["str(10.1.2.3),ipmask(16)"]),
    row("length", Converter::Length, Signature::NONE, Kind::Str, Kind::Int, &["str(abc),length"]),
    row("lower", Converter::Lower, Signature::NONE, Kind::Str, Kind::Str, &["str(ABC),lower"]),
    row("set-var", Converter::SetVar, SET_VARIABLE, Kind::Any, Kind::Any, &[]),
    row("unset-var", Converter::UnsetVar, VARIABLE, Kind::Any, Kind::Any, &[]),
    row("upper", Converter::Upper, Signature::NONE, Kind::Str, Kind::Str, &["str(abc),upper"]),
];

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
    let mistake = Mistake::new(0, format!("unknown converter '{name}'"));
    match crate::config::keywords::nearest(name, all().map(|row| row.name)) {
        Some(near) => mistake.expecting(format!("did you mean '{near}'?")),
        None => mistake,
    }
}

const fn row(
    name: &'static str,
    converter: Converter,
    signature: Signature,
    input: Kind,
    output: Kind,
    examples: &'static [&'static str],
) -> Row {
    Row { name, converter, signature, input, output, examples }
}

const NUMBER: Signature = Signature::new(1, &[Want::IntOrVariable]);
const TWO_TEXTS: Signature = Signature::new(2, &[Want::Text, Want::Text]);
const MASK: Signature = Signature::new(1, &[Want::Mask, Want::Mask]);
const VARIABLE: Signature = Signature::new(1, &[Want::Variable]);
const SET_VARIABLE: Signature =
    Signature::new(1, &[Want::Variable, Want::Text, Want::Text, Want::Text, Want::Text]);
