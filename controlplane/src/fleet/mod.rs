//! The fleet: one session with every node, and how each stands.
//!
//! [`session`] decides, without I/O; `dial.rs` connects, speaks and connects again; [`registry`] knows the nodes and
//! tells others about them. Nothing here changes the desired state.

pub mod dial;
pub mod registry;
pub mod session;
#[cfg(test)]
mod simulator;
