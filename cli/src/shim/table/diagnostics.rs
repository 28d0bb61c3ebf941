//! What the inside of the process says. Rows only; what they become stands in `commands/`.

use super::Row;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {};
