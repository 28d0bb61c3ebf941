//! Where something of the configuration stands.

/// Where something stands, where that is known; no part of what it says, so equal to every other.
#[derive(Clone, Debug)]
pub struct Standing<T>(pub Option<T>);

impl<T> Default for Standing<T> {
    fn default() -> Self {
        Standing(None)
    }
}

impl<T> PartialEq for Standing<T> {
    fn eq(&self, _: &Standing<T>) -> bool {
        true
    }
}

impl<T> Eq for Standing<T> {}
