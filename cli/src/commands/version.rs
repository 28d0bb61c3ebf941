//! `regate version`.

use crate::failure::Failure;
use crate::terminal;

/// Prints.
pub fn execute() -> Result<(), Failure> {
    terminal::print_line(&format!("regate {}", env!("CARGO_PKG_VERSION")));
    Ok(())
}
