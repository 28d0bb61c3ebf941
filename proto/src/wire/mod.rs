//! The protobuf form of the model: generated code, and the conversions to and from it.
//!
//! Owns the code generated from `regate/v1/*.proto` and is its only user in this crate. Converting to wire never
//! fails; converting from it checks everything and names the field that is wrong. It must never decide whether a
//! right value suits the state it is applied to: that is for `crate::state`.
//! What the admin services of both planes share stands here too: [`endpoint`]s and [`chunk`]s.
//! Read next: `change.rs` here, then `regate/v1/change.proto`.

mod address;
mod backend;
mod balancing;
mod change;
mod check;
mod choice;
pub mod chunk;
mod conduct;
mod defaults;
pub mod endpoint;
mod field;
mod frontend;
mod global;
mod http_errors;
mod logging;
mod outcome;
mod patterns;
mod persistence;
mod problem;
mod resolvers;
mod row;
mod rules;
mod server;
mod socket;
mod statistics;
mod status;
mod table;
#[cfg(test)]
mod tests;
mod userlist;

use prost::Message;

use crate::change::{Change, ChangeSet, Overlay};
use crate::model::Row;
use crate::problem::{Code, Problem};

pub use patterns::{packed, packed_of, unpack, wire_entry, wire_pack};
pub use statistics::{StatisticsPacker, StatisticsReader};
pub use status::{problems, status};

#[allow(missing_docs, clippy::all, reason = "generated code: its prose stands in regate/v1/*.proto")]
pub mod v1 {
    tonic::include_proto!("regate.v1");
}

/// The compiled `regate/v1/*.proto` with their comments, as an encoded `FileDescriptorSet`: for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/regate.v1.bin"));

/// A row as bytes; equal rows give equal bytes, on every machine.
pub fn encode_row(row: &Row) -> Vec<u8> {
    v1::Row::from(row).encode_to_vec()
}

/// An overlay as bytes; equal overlays give equal bytes, on every machine.
pub fn encode_overlay(overlay: &Overlay) -> Vec<u8> {
    v1::Overlay::from(overlay).encode_to_vec()
}

/// A set of changes as bytes.
pub fn encode_change_set(set: &ChangeSet) -> Vec<u8> {
    v1::ChangeSet::from(set).encode_to_vec()
}

/// Reads what [`encode_row`] wrote.
pub fn decode_row(bytes: &[u8]) -> Result<Row, Problem> {
    decode::<v1::Row>("row", bytes)?.try_into()
}

/// Reads what [`encode_overlay`] wrote.
pub fn decode_overlay(bytes: &[u8]) -> Result<Overlay, Problem> {
    decode::<v1::Overlay>("overlay", bytes)?.try_into()
}

/// Reads what [`encode_change_set`] wrote.
pub fn decode_change_set(bytes: &[u8]) -> Result<ChangeSet, Problem> {
    decode::<v1::ChangeSet>("change set", bytes)?.try_into()
}

/// Changes as wire messages.
pub fn wire_changes(changes: &[Change]) -> Vec<v1::Change> {
    changes.iter().map(v1::Change::from).collect()
}

/// Reads changes of a set that comes in chunks: `first` is the position of the chunk's first change in the set.
pub fn model_changes(changes: Vec<v1::Change>, first: usize) -> Result<Vec<Change>, Problem> {
    let read = |(at, change): (usize, v1::Change)| {
        field::within("change", Change::try_from(change))
            .map_err(|problem| problem.at(first.saturating_add(at)))
    };
    changes.into_iter().enumerate().map(read).collect()
}

fn decode<M: Message + Default>(noun: &str, bytes: &[u8]) -> Result<M, Problem> {
    M::decode(bytes).map_err(|error| {
        Problem::general(Code::Malformed, format!("{noun}: not a protobuf message: {error}"))
    })
}
