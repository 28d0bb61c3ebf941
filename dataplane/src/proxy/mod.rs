//! The data path: what happens to a connection and to the requests on it.

pub mod h1;
pub mod proxy_protocol;
pub(crate) mod record;
