//! What replies look like, one file for each shape.
//!
//! Messages of the contract in, bytes out; no I/O and no sentences.

pub mod diagnostics;
pub mod lists;
pub mod malformed;
pub mod resolvers;
pub mod servers_state;
pub mod statistics;
pub mod streams;
pub mod tables;

#[cfg(test)]
mod tests;
