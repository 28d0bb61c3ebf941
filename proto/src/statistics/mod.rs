//! Statistics as text: what `show stat` and `show info` say, wherever they are asked for.
//!
//! Owns the tables of columns ([`COLUMNS`]) and of the process's fields ([`info`]), and their notations CSV, typed
//! and JSON (HAProxy management manual 9.1, 9.3). Messages of the contract in, text out: it must never count, ask or
//! send anything. [`prometheus`] spells the same for Prometheus. Read next: `columns.rs`, then `rows.rs`.

mod columns;
mod counters;
mod nameservers;
mod process;
pub mod prometheus;
mod rows;
mod schema;
mod value;

pub use columns::{COLUMNS, Column, Line, MODULE_COLUMNS};
pub use counters::{CounterLines, Counters};
pub use nameservers::Nameservers;
pub use process::{Form as InfoForm, compatible_version, info};
pub use rows::{Form, Hidden, Rows};
pub use schema::schema;
pub use value::{NATURES, ORIGINS, SCOPES, Tags, Value};
