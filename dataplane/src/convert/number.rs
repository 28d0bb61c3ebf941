//! Converters of integers (configuration manual 7.3.1).

use regate_proto::rules::converters::Operation;

/// Two integers made one; what leaves the range stays at its end, and a division by zero is told by each operation.
pub(super) fn arithmetic(operation: Operation, left: i64, right: i64) -> i64 {
    match operation {
        Operation::Add => left.saturating_add(right),
        Operation::And => left & right,
        Operation::Divide if right == 0 => i64::MAX,
        Operation::Divide => left.saturating_div(right),
        Operation::Multiply => left.saturating_mul(right),
        Operation::Or => left | right,
        Operation::Remainder => left.checked_rem(right).unwrap_or(0),
        Operation::Subtract => left.saturating_sub(right),
        Operation::Xor => left ^ right,
    }
}

/// The opposite integer; that of the smallest is the largest.
pub(super) fn opposite(number: i64) -> i64 {
    number.saturating_neg()
}
