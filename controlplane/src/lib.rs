//! The controller of Regate: what every data plane is to be, kept in numbered revisions and pushed to them.
//!
//! [`desired`] owns the state and its log; [`fleet`] holds a session with every node and brings it to the newest
//! revision; [`admin`] serves the same services as a data plane, and the history; [`boot`] wires them.
//! This crate never forwards traffic and never imports the data plane: `regate_proto` is all they share.

pub mod admin;
pub mod boot;
pub mod desired;
pub mod fleet;

#[cfg(test)]
mod testing;
