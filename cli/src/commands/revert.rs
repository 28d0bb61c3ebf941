//! `regate revert`: what files say holds again.

use regate_proto::change::Change;

use crate::client::Target;
use crate::failure::Failure;

pub use super::adopt::Arguments;

/// Reverts.
pub async fn execute(arguments: Arguments, target: &Target) -> Result<(), Failure> {
    super::adopt::settle(arguments, target, Change::Revert, "reverted").await
}
