//! Converters of texts (configuration manual 7.3.1).

use crate::sample::Value;

/// The text with every byte mapped.
pub(super) fn mapped<'a>(value: Value<'a>, map: impl Fn(&[u8]) -> Vec<u8>) -> Value<'a> {
    Value::text(map(&value.into_text()))
}
