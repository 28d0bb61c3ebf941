//! YAML: the reader and the writer.
//!
//! Directives are keys, their arguments scalars in HAProxy's spelling; lists repeat a directive, maps spell
//! its further words (`timeout: { client: 5s }`). What is switched off stands under `without`, since older YAML
//! takes `no` for a truth value. Sections, binds, servers and text sockets are maps. The
//! reader turns all that into the lines of words that the directive table reads, each word with its place.

mod reader;
mod tree;
mod writer;

pub use reader::read_yaml;
pub(super) use reader::{GROUPS, STRUCTURED};
pub use writer::write_yaml;

#[cfg(test)]
#[path = "../yaml_tests.rs"]
mod tests;
