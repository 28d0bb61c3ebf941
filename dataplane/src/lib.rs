//! The data plane of Regate: forwards traffic, and is changed through gRPC alone.

pub mod proxy;
