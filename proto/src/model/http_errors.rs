//! Error pages that several proxies share (configuration manual 3.8).

use super::{ErrorPage, Name};

/// A named set of error pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HttpErrors {
    /// Its name.
    pub name: Name,
    /// Its place in listings; 0 puts it at the end.
    pub order: u32,
    /// The pages in ascending order of status: whole messages or redirections.
    pub pages: Vec<ErrorPage>,
}

impl HttpErrors {
    /// A set of nothing.
    pub fn named(name: Name) -> HttpErrors {
        HttpErrors { name, order: 0, pages: Vec::new() }
    }
}
