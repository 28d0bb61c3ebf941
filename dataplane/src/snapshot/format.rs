//! Texts with samples in them, as they are evaluated.

use regate_proto::rules::Format;
use regate_proto::rules::log_format::{Content, Item};

use super::SamplePlan;

/// A text that is made for each request.
#[derive(Clone, Debug, Default)]
pub struct FormatPlan {
    /// Its parts, in order.
    pub parts: Box<[FormatPart]>,
}

/// A part of such a text.
#[derive(Clone, Debug)]
pub enum FormatPart {
    /// Text that stands as it is.
    Text(Box<[u8]>),
    /// The value of a sample; nothing where it has none.
    Sample(Box<SamplePlan>),
}

impl FormatPlan {
    /// Compiles a format; the reason where it cannot be evaluated.
    pub fn compile(format: &Format) -> Result<FormatPlan, String> {
        let mut parts = Vec::with_capacity(format.items.len());
        for item in &format.items {
            match item {
                Item::Text(text) => parts.push(FormatPart::Text(text.as_bytes().into())),
                Item::Options(_) => {}
                Item::Field(field) => match &field.content {
                    Content::Sample(sample) => {
                        parts.push(FormatPart::Sample(Box::new(SamplePlan::compile(sample)?)));
                    }
                    Content::Alias(alias) => {
                        return Err(format!("'%{}' is not supported in rules yet", alias.name()));
                    }
                },
            }
        }
        Ok(FormatPlan { parts: parts.into() })
    }
}
