//! The command line of Regate, with the text socket.

pub mod shim;
