//! Why a message is refused. Owns the reasons and the status that each one is worth; never builds
//! a reply (that is the reply writer's work) and never decides what happens to the connection.
//! Read `head.rs` and `body.rs` next: they are the only places that refuse.

use std::fmt;

/// A message that cannot be accepted: the reason, and the byte at which it showed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// What is wrong.
    pub reason: Reason,
    /// Offset of the offending byte, counted from the start of the slice that was handed in.
    pub at: usize,
}

/// What is wrong with a message. Each variant names the section that forbids it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The method is empty or holds a byte that no token may hold (RFC 9110, 9.1 and 5.6.2).
    Method,
    /// The target is empty, holds a forbidden byte, or has none of the four forms that its method
    /// allows (RFC 9112, 3.2).
    Target,
    /// The authority of the target is empty, holds user information, or is malformed
    /// (RFC 9110, 4.2.1 and 4.2.4; RFC 9112, 3.2.3).
    Authority,
    /// No version follows the target: the form of HTTP/0.9 (RFC 9112, 3 and appendix C.1).
    NoVersion,
    /// The version is not `HTTP/1.` and one digit (RFC 9112, 2.3).
    Version,
    /// The line `PRI * HTTP/2.0`: the peer speaks HTTP/2 (RFC 9113, 3.4). The listener may change
    /// codecs instead of refusing.
    Http2Preface,
    /// The status is not three digits from 100 on (RFC 9110, 15).
    Status,
    /// A byte in the reason phrase that is not text (RFC 9112, 4).
    ReasonPhrase,
    /// A carriage return without a line feed (RFC 9112, 2.2).
    BareCr,
    /// A line feed without a carriage return: other parsers may see another end of the line
    /// (RFC 9112, 2.2 allows to recognise it and does not ask for it).
    BareLf,
    /// A line that begins with white space: line folding, or white space before the first field
    /// (RFC 9112, 5.2 and 2.2).
    Fold,
    /// A field line without a name (RFC 9112, 5).
    EmptyName,
    /// White space between the field name and its colon (RFC 9112, 5.1).
    SpaceBeforeColon,
    /// A field line without a colon (RFC 9112, 5).
    NoColon,
    /// A byte in a field name that no token may hold (RFC 9110, 5.1 and 5.6.2).
    Name,
    /// A NUL in a field value (RFC 9110, 5.5).
    Nul,
    /// Another control character in a field value (RFC 9110, 5.5).
    Control,
    /// The head is longer than the limit (RFC 9110, 5.4; RFC 9112, 3).
    HeadTooLong,
    /// The head has more fields than the limit (RFC 9110, 5.4).
    TooManyFields,
    /// No Host in an HTTP/1.1 request (RFC 9112, 3.2).
    HostMissing,
    /// More than one Host (RFC 9112, 3.2).
    HostRepeated,
    /// A Host that is not a host with an optional port (RFC 9112, 3.2; RFC 9110, 7.2).
    HostInvalid,
    /// The authority of the target and the Host name different places (RFC 9112, 3.2.2: the two
    /// must agree when they come from one sender).
    HostDiffers,
    /// A Content-Length that is not digits, or does not fit 64 bits (RFC 9110, 8.6).
    Length,
    /// Several Content-Length values that differ (RFC 9112, 6.3, item 5).
    LengthsDiffer,
    /// Content-Length together with Transfer-Encoding in a request (RFC 9112, 6.1 and 6.3, item 3).
    LengthAndCoding,
    /// A Transfer-Encoding whose last coding is not `chunked`, or that names it twice
    /// (RFC 9112, 6.1 and 6.3, item 4).
    Coding,
    /// `chunked` comes last after a coding that is not understood here (RFC 9112, 6.1).
    CodingUnsupported,
    /// A Transfer-Encoding in an HTTP/1.0 message (RFC 9112, 6.1).
    CodingInOldVersion,
    /// A WebSocket upgrade without its key (RFC 6455, 4.2.1).
    UpgradeIncomplete,
    /// A 101 that nobody asked for (RFC 9110, 7.8).
    UpgradeUnasked,
    /// A chunk size that does not begin with a hexadecimal digit, or another byte where the line
    /// should end (RFC 9112, 7.1).
    ChunkSize,
    /// A chunk size above 2^63 - 1 (RFC 9112, 7.1).
    ChunkSizeTooLarge,
    /// A malformed chunk extension (RFC 9112, 7.1.1).
    ChunkExtension,
    /// A chunk line longer than the limit (RFC 9112, 7.1.1).
    ChunkLineTooLong,
    /// The data of a chunk is not followed by CRLF (RFC 9112, 7.1).
    ChunkEnd,
    /// A trailer field that frames or routes the message (RFC 9110, 6.5.1).
    TrailerField,
    /// The trailer section is longer than the limit (RFC 9112, 7.1.2).
    TrailersTooLong,
}

impl Refusal {
    /// A refusal of the byte at `at`.
    pub const fn new(reason: Reason, at: usize) -> Self {
        Self { reason, at }
    }
}

impl Reason {
    /// The status that a client gets for a request refused for this reason. (A response that is
    /// refused is always worth a 502.)
    pub const fn status(self) -> u16 {
        match self {
            Self::CodingUnsupported => 422,
            _ => 400,
        }
    }

    /// What was expected instead, in a few words for logs and captures.
    pub const fn expectation(self) -> &'static str {
        match self {
            Self::Method => "expected a method token",
            Self::Target => "expected a target in a form that the method allows",
            Self::Authority => "expected a host with an optional port and no user information",
            Self::NoVersion => "expected a version after the target",
            Self::Version => "expected HTTP/1.0 or HTTP/1.1",
            Self::Http2Preface => "expected HTTP/1, got the preface of HTTP/2",
            Self::Status => "expected a status of three digits",
            Self::ReasonPhrase => "expected a reason phrase of text",
            Self::BareCr => "expected LF after CR",
            Self::BareLf => "expected CR before LF",
            Self::Fold => "expected a field name at the start of the line",
            Self::EmptyName => "expected a field name before the colon",
            Self::SpaceBeforeColon => "expected the colon directly after the field name",
            Self::NoColon => "expected a colon after the field name",
            Self::Name => "expected a token as field name",
            Self::Nul => "expected a field value without NUL",
            Self::Control => "expected a field value without control characters",
            Self::HeadTooLong => "expected a shorter head",
            Self::TooManyFields => "expected fewer fields",
            Self::HostMissing => "expected a Host field",
            Self::HostRepeated => "expected one Host field",
            Self::HostInvalid => "expected a host with an optional port",
            Self::HostDiffers => "expected Host to equal the authority of the target",
            Self::Length => "expected a Content-Length of digits",
            Self::LengthsDiffer => "expected one Content-Length",
            Self::LengthAndCoding => "expected Content-Length or Transfer-Encoding, not both",
            Self::Coding => "expected chunked as the one and last transfer coding",
            Self::CodingUnsupported => "expected no transfer coding other than chunked",
            Self::CodingInOldVersion => "expected no Transfer-Encoding in HTTP/1.0",
            Self::UpgradeIncomplete => "expected Sec-WebSocket-Key",
            Self::UpgradeUnasked => "expected no 101 without an upgrade in the request",
            Self::ChunkSize => "expected a chunk size in hexadecimal digits",
            Self::ChunkSizeTooLarge => "expected a smaller chunk size",
            Self::ChunkExtension => "expected a well-formed chunk extension",
            Self::ChunkLineTooLong => "expected a shorter chunk line",
            Self::ChunkEnd => "expected CRLF after the data of the chunk",
            Self::TrailerField => "expected no field of framing or routing among the trailers",
            Self::TrailersTooLong => "expected a shorter trailer section",
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "byte {}: {}", self.at, self.reason.expectation())
    }
}

impl std::error::Error for Refusal {}
