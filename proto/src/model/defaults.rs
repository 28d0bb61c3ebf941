//! Named sets of settings.

use super::{BackendSettings, FrontendSettings, Name};

/// Settings that proxies start from (configuration manual 4 "defaults").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defaults {
    /// Its name; readers call unnamed ones `defaults`, `defaults-2`…
    pub name: Name,
    /// Its place in listings; 0 puts it at the end.
    pub order: u32,
    /// The defaults it starts from.
    pub from: Option<Name>,
    /// Whether proxies that start from it are off.
    pub disabled: bool,
    /// What frontends start from.
    pub frontend: Box<FrontendSettings>,
    /// What backends start from.
    pub backend: Box<BackendSettings>,
}
