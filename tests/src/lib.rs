//! Harness and benchmarks of Regate.
//!
//! Owns the doubles that scenarios are made of ([`harness`]), the fuzz targets and the measuring programs. Holds no scenario:
//! those are the files under `tests/tests`, and they contain nothing else.

pub mod bench;
pub mod corpus;
pub mod fuzz;
pub mod harness;
