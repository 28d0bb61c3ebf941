//! Texts that are made for each request.

use super::{View, evaluate};
use crate::snapshot::{FormatPart, FormatPlan};

/// Appends the text of a format.
pub fn render(plan: &FormatPlan, view: &View<'_>, out: &mut Vec<u8>) {
    for part in &plan.parts {
        match part {
            FormatPart::Text(text) => out.extend_from_slice(text),
            FormatPart::Sample(sample) => {
                if let Some(value) = evaluate(sample, view) {
                    value.push_text(out);
                }
            }
        }
    }
}
