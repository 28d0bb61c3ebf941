//! Who makes texts of formats and values of samples while a check goes on.

use regate_proto::rules::Variable;

use super::script::ValuePlan;
use crate::snapshot::{FormatPlan, SamplePlan};

/// What a server has said so far.
#[derive(Clone, Copy, Debug)]
pub struct Came<'a> {
    /// The bytes since the last step that sent something.
    pub bytes: &'a [u8],
    /// Whether they are an answer of HTTP's.
    pub http: bool,
    /// Whether nothing more comes.
    pub closed: bool,
}

/// Evaluates for one check, whose variables it keeps.
pub trait Voice {
    /// The text that a format gives.
    fn text(&self, format: &FormatPlan, came: Came<'_>) -> Vec<u8>;

    /// The number that a sample gives.
    fn number(&self, sample: &SamplePlan, came: Came<'_>) -> Option<u32>;

    /// Gives a variable a value, or takes it away.
    fn set(&self, variable: &Variable, value: Option<&ValuePlan>, came: Came<'_>);
}

/// Nothing is looked up: for checks that have no samples.
impl Voice for () {
    fn text(&self, _: &FormatPlan, _: Came<'_>) -> Vec<u8> {
        Vec::new()
    }

    fn number(&self, _: &SamplePlan, _: Came<'_>) -> Option<u32> {
        None
    }

    fn set(&self, _: &Variable, _: Option<&ValuePlan>, _: Came<'_>) {}
}
