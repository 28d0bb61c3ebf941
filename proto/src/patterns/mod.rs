//! The entries of pattern lists, packed, and an index of them that is cheap to keep in several versions.
//!
//! A [`Run`] is some entries of a list in order, in few bytes. A [`KeyIndex`] leads from hashes to entries. Both are
//! values: a version that somebody reads never changes, and a new one shares what is the same. A [`Pack`] is entries
//! on their way, to be read from the beginning to the end. Nothing here knows what a pattern means.
//! Read next: `run.rs`, then `keys.rs`, `pack.rs`.

mod keys;
mod pack;
mod run;

pub use keys::KeyIndex;
pub use pack::{BadBlock, Cursor, Pack, Packer};
pub use run::{Entry, EntryId, Revalued, Run};
