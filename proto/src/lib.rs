//! The contract that both planes of Regate share.
//!
//! Every change, from any door, is a [`change::Change`]; [`state::State::apply`] is the only place where a
//! change gets its meaning; [`model`] holds the nouns as types that cannot be invalid; [`wire`] converts
//! them to and from protobuf; [`config`] reads and writes the two text forms;
//! [`statistics`] spells counters.
//!
//! This crate is pure: no sockets, no clocks, no async.

pub mod change;
pub mod config;
pub mod model;
pub mod patterns;
pub mod problem;
pub mod rules;
pub mod server_states;
pub mod state;
pub mod statistics;
pub mod wire;
