//! What replies look like, one file for each shape.
//!
//! Messages of the contract in, bytes out; no I/O and no sentences.

pub mod columns;
pub mod info;
pub mod lists;
pub mod resolvers;
pub mod schema;
pub mod servers_state;
pub mod statistics;
pub mod tables;
pub mod value;

#[cfg(test)]
mod tests;
