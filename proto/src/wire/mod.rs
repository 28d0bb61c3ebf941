//! The protobuf form of the model: generated code, and the conversions to and from it.
//!
//! Owns the code generated from `regate/v1/*.proto` and is its only user in this crate. Converting to wire never
//! fails; converting from it checks everything and names the field that is wrong. It must never decide whether a
//! right value suits the state it is applied to: that is for `crate::state`.
//! Read next: `change.rs` here, then `regate/v1/change.proto`.

#[allow(missing_docs, clippy::all, reason = "generated code: its prose stands in regate/v1/*.proto")]
pub mod v1 {
    tonic::include_proto!("regate.v1");
}

/// The compiled `regate/v1/*.proto` with their comments, as an encoded `FileDescriptorSet`: for reflection.
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/regate.v1.bin"));

/// temp
pub fn encode_row(_: &crate::model::Row) -> Vec<u8> {
    Vec::new()
}
/// temp
pub fn encode_overlay(_: &crate::change::Overlay) -> Vec<u8> {
    Vec::new()
}
