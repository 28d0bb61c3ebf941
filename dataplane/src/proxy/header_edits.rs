//! What rules do with many header lines at once, and with what expressions find in them (configuration manual 4.2
//! "http-request del-header", "http-request replace-header" and "http-request replace-value").

use memchr::memmem;
use regate_proto::rules::MatchMethod;

use super::expansion::expand;
use super::rules::{Draft, clean};
use crate::snapshot::FormatPlan;

impl Draft<'_> {
    /// Drops the headers whose name matches.
    pub(super) fn delete_headers(
        &mut self,
        name: &[u8],
        method: MatchMethod,
        expression: Option<&regex::bytes::Regex>,
    ) {
        if method == MatchMethod::Str {
            self.fields.drop_named(self.buffer, name);
            return;
        }
        let lower = name.to_ascii_lowercase();
        for index in 0..self.fields.len() {
            let Some(Some((known, _))) = self.fields.at(index, self.buffer) else { continue };
            let known = known.to_ascii_lowercase();
            let is_meant = match method {
                MatchMethod::Beg => known.starts_with(&lower),
                MatchMethod::End => known.ends_with(&lower),
                MatchMethod::Sub => memmem::find(&known, &lower).is_some(),
                _ => expression.is_some_and(|expression| expression.is_match(&known)),
            };
            if is_meant {
                self.fields.drop_at(index);
            }
        }
    }

    /// Replaces what an expression finds in the lines of a header, or in their parts between commas.
    pub(super) fn replace_values(
        &mut self,
        name: &[u8],
        expression: &regex::bytes::Regex,
        format: &FormatPlan,
        parts: bool,
    ) {
        let template = self.text(format);
        for index in 0..self.fields.len() {
            let Some(Some((known, value))) = self.fields.at(index, self.buffer) else { continue };
            if !known.eq_ignore_ascii_case(name) {
                continue;
            }
            let mut changed = false;
            let mut replace = |part: &[u8]| match expression.captures(part) {
                Some(found) => {
                    changed = true;
                    expand(&template, &found)
                }
                None => part.to_vec(),
            };
            let new = if parts {
                let mut out = Vec::with_capacity(value.len());
                for (at, part) in value.split(|byte| *byte == b',').enumerate() {
                    let bare = part.trim_ascii();
                    let before = part.len() - part.trim_ascii_start().len();
                    if at > 0 {
                        out.push(b',');
                    }
                    let new = replace(bare);
                    // The blanks go with what is replaced.
                    if new == bare {
                        out.extend_from_slice(&part[..before]);
                    }
                    out.extend_from_slice(&new);
                }
                out
            } else {
                replace(value)
            };
            if changed {
                self.fields.replace(index, &clean(new));
            }
        }
    }
}
