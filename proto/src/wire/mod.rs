//! The generated code of `regate.v1` and the conversions between it and the model; nobody else touches it.
