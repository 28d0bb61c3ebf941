//! Converters of integers (configuration manual 7.3.1).

use crate::sample::Value;

/// The value with an operand.
pub(super) fn with<'a>(
    value: Value<'a>,
    operand: i64,
    operation: impl Fn(i64, i64) -> i64,
) -> Option<Value<'a>> {
    Some(Value::Int(operation(value.as_int()?, operand)))
}
