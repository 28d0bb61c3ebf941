//! Sessions, streams and captured errors. Rows only; what they become stands in `commands/`.

use super::Row;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {};
