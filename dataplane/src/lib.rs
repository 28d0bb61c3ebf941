//! The data plane of Regate: forwards HTTP and TCP traffic, and is changed through gRPC alone.

pub mod admin;
pub mod balance;
pub mod boot;
pub mod check;
pub mod convert;
pub mod fetch;
pub mod inquiry;
pub mod live;
pub mod matching;
pub mod notes;
pub mod priority;
pub mod proxy;
pub mod resolve;
pub mod sample;
pub mod snapshot;
pub mod store;
pub mod streams;
