//! `regate top`: proxies and servers live in a terminal, with keys that change them.
//!
//! Data goes one way: `source` asks a target and makes a [`sample`], `board` makes rates of two samples, `view`
//! chooses and orders rows, `model` holds what somebody looks at and turns keys into effects, `screen` draws it.
//! All but `source`, `tty` and `session` are pure. Nothing is drawn that is not in sight, and nothing is asked for
//! while drawing: the source has a thread of its own.
//!
//! Read next: `sample.rs`, then in the order above; `session.rs` puts them together.

pub mod board;
pub mod columns;
pub mod errand;
pub mod keys;
pub mod model;
pub mod sample;
pub mod screen;
pub mod session;
pub mod source;
pub mod text;
mod tty;
pub mod view;

#[cfg(test)]
mod doubles;
