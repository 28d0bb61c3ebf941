//! Health checks and agents: what is asked, what an answer means, and what becomes of a server by it.
//!
//! Pure: a [`Run`] is one check as a state machine, bytes in, wishes out; [`agent`] reads an agent's words;
//! [`standing`] does to a server what was found and tells who must know. It opens no socket and reads no clock: the
//! data path's `probe` module carries runs out on its workers, and results may as well come from elsewhere.
//! Read next: `script.rs` (what a check is made of), `run.rs`, `standing.rs`.

pub mod agent;
mod http;
mod protocol;
mod run;
mod script;
pub mod standing;
pub mod state;
#[cfg(test)]
mod tests;
mod voice;

pub use http::{Answer, Read, read};
pub use run::{Run, Setting, Unreachable, Wish};
pub use script::{Program, Script, ValuePlan};
pub use voice::{Came, Voice};
