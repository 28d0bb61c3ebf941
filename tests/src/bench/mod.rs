//! The bench: Regate, Debian's HAProxy and nginx under one load, in turn.
//!
//! Owns the load generator, the origin, the measuring and the table. All three contestants are started afresh for
//! every round, on configurations that say the same; Regate and HAProxy read the very same text. The load
//! generator, the origin and the log sink share one thread and one core, the proxy has the other core to itself.
//! Nothing here judges: the table gives medians, spreads and ratios, and says what each figure contains.
//!
//! Read next: `cases/mod.rs` (what is measured), `round.rs` (how), `load.rs` (with what).

pub mod admin;
pub mod bulk;
pub mod cases;
pub mod change;
pub mod contestant;
pub mod flaps;
pub mod histogram;
pub mod load;
pub mod origin;
pub mod reactor;
pub mod round;
pub mod sink;
pub mod stage;
pub mod table;
