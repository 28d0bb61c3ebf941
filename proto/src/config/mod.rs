//! The two text forms of configuration.
