//! The codec of HTTP/1: bytes in, heads and body progress out. Pure: no sockets, no clock, no
//! async, no allocation per message. It forwards a message as it came (order, case and spelling of
//! the fields), and refuses what two parsers could read in two ways.
//!
//! `head.rs` reads requests and responses, `line.rs` the lines they are made of, `semantics.rs`
//! what the fields mean for framing and connection, `fields.rs` is the table they fill and the
//! writer of rewritten heads, `body.rs` frames bodies, `refusal.rs` says why something is refused.

pub mod body;
pub mod fields;
pub mod head;
mod line;
pub mod refusal;
mod semantics;
mod swar;

pub use body::{Body, Progress};
pub use fields::{Field, Fields, Known, Span};
pub use head::{
    Asked, Framing, Limits, Method, Parse, RequestHead, ResponseHead, Strictness, TargetForm, Version,
    parse_request, parse_response,
};
pub use refusal::{Reason, Refusal};

/// Sends bytes through everything that reads them: as a request with its body, as a response with
/// its body, and as a chunked body. For fuzzing; the only outcome of interest is a panic.
pub fn exercise(bytes: &[u8], strictness: Strictness) {
    let limits = Limits { head: 4096, fields: 20 };
    let mut fields = Fields::new();
    let mut out = Vec::new();
    if let Ok(Parse::Complete(head)) = parse_request(bytes, &limits, strictness, &mut fields) {
        head.drop_hop_by_hop(bytes, &mut fields, true);
        fields.write(bytes, None, b"Added: 1\r\n", &mut out);
        let mut rest = bytes.get(head.len..).unwrap_or_default().to_vec();
        let _ = Body::new(head.framing, &limits).advance(&mut rest);
    }
    for (method, upgrade) in [(Method::Get, true), (Method::Head, false), (Method::Connect, false)] {
        let asked = Asked { method, upgrade };
        if let Ok(Parse::Complete(head)) = parse_response(bytes, asked, &limits, strictness, &mut fields) {
            head.drop_hop_by_hop(bytes, &mut fields);
            fields.write(bytes, Some(b"HTTP/1.1 200 OK\r\n"), b"", &mut out);
            let mut rest = bytes.get(head.len..).unwrap_or_default().to_vec();
            let _ = Body::decoding(head.framing, &limits).advance(&mut rest);
        }
    }
    let _ = Body::new(Framing::Chunked, &limits).advance(&mut bytes.to_vec());
}

#[cfg(test)]
mod body_tests;
#[cfg(test)]
mod head_tests;
