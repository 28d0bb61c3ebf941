//! `regate schema`: the JSON Schema of the YAML form, for editors.

use regate_proto::config::schema;

use crate::failure::Failure;
use crate::terminal;

/// Prints.
pub fn execute() -> Result<(), Failure> {
    let text = serde_json::to_string_pretty(&schema::schema())
        .map_err(|error| Failure::refused(format!("the schema cannot be written: {error}")))?;
    terminal::print_line(&text);
    Ok(())
}
