//! The command line of Regate: the verbs of `regate`, HAProxy's command line, the text socket.
//!
//! Talks to data planes and controllers through gRPC alone, also to those that it starts in its own process.
//! Read next: `commands/mod.rs` for the verbs, `haproxy.rs` for the other name of the program, `shim/mod.rs` for
//! the text socket.

pub mod client;
pub mod commands;
pub mod demo;
pub mod describe;
pub mod failure;
pub mod haproxy;
pub mod report;
pub mod shim;
pub mod source;
pub mod subject;
pub mod terminal;
pub mod top;
