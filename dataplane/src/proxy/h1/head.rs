//! The heads of requests and responses: what a caller gets from a parse, the limits and the
//! strictness it parses under, and the two entry points. Bytes and offsets only; it keeps nothing
//! between messages except in the table that the caller owns.
//! Read `line.rs` (the bytes) and `semantics.rs` (their meaning) next.

use super::fields::{Fields, Progress, Span};
use super::line;
use super::refusal::{Reason, Refusal};
use super::semantics::{self, Connection};

/// The result of a parse that found nothing wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Parse<T> {
    /// The head is whole.
    Complete(T),
    /// More bytes are needed. The table holds what was read so far: hand it in again with the
    /// longer buffer to go on, or cleared to begin anew.
    Partial,
}

/// A request head. All spans count from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RequestHead {
    /// Offset of the start line: above 0 when empty lines came before it.
    pub start: usize,
    /// Bytes up to and with the empty line that ends the head, counted from the buffer's start.
    pub len: usize,
    /// The method.
    pub method: Method,
    /// The method as it was spelled.
    pub method_span: Span,
    /// The target as it was spelled.
    pub target: Span,
    /// The form of the target.
    pub form: TargetForm,
    /// Host and port of a target in absolute or authority form.
    pub authority: Option<Span>,
    /// The version. A minor version above 1 counts as 1.1.
    pub version: Version,
    /// How the body is framed: `None`, `Length` or `Chunked`. (What follows a CONNECT or an upgrade
    /// is framed by the response.)
    pub framing: Framing,
    /// Whether the client lets the connection live on after this exchange.
    pub persistent: bool,
    /// The protocols that an upgrade is asked to, when it can be granted: HTTP/1.1, no body, named
    /// by Connection, and not to h2c (whose tunnel would carry requests past every rule).
    pub upgrade: Option<Span>,
    /// Whether the client waits for a 100 before it sends the body.
    pub expect_continue: bool,
}

/// A response head. All spans count from the start of the buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResponseHead {
    /// Bytes up to and with the empty line that ends the head.
    pub len: usize,
    /// The status, 100 to 999.
    pub status: u16,
    /// The reason phrase, which may be empty.
    pub reason: Span,
    /// The version. A minor version above 1 counts as 1.1.
    pub version: Version,
    /// How the body is framed.
    pub framing: Framing,
    /// Whether the server lets the connection live on after this exchange.
    pub persistent: bool,
}

/// What a response answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The method of the request.
    pub method: Method,
    /// Whether the request that was forwarded asks for an upgrade.
    pub upgrade: bool,
}

/// A request method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the variants are the names of the methods")]
pub enum Method {
    Get,
    Head,
    Post,
    Put,
    Delete,
    Connect,
    Options,
    Trace,
    Patch,
    /// Any other token; its spelling is in the buffer.
    Other,
}

/// The form of a request target (RFC 9112, 3.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TargetForm {
    /// A path with an optional query.
    Origin,
    /// A whole URI.
    Absolute,
    /// Host and port, for CONNECT alone.
    Authority,
    /// `*`, for OPTIONS alone.
    Asterisk,
}

/// The version of a message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Version {
    /// HTTP/1.0
    Http10,
    /// HTTP/1.1
    #[default]
    Http11,
}

/// How the end of a body is found (RFC 9112, 6.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// There is no body.
    None,
    /// This many bytes.
    Length(u64),
    /// Chunks, then trailers.
    Chunked,
    /// Everything up to the end of the connection.
    UntilClose,
    /// The connection carries another protocol from here on.
    Tunnel,
}

/// The most that one head may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a head, with empty lines before it; also of a trailer section. At most
    /// [`Limits::HEAD_MOST`].
    pub head: usize,
    /// Fields of a head.
    pub fields: usize,
}

/// Which violations are let through. Nothing that concerns framing can be relaxed.
/// `option accept-unsafe-violations-in-http-request` (and `-response`) is [`Strictness::RELAXED`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Strictness {
    /// Targets may hold `#` and bytes above 127.
    pub wide_target: bool,
    /// Field names may hold every byte but controls, spaces and colons.
    pub wide_names: bool,
    /// Field values may hold control characters, except for CR, LF and NUL.
    pub wide_values: bool,
    /// Host may be missing or malformed. (It still may not be repeated or differ.)
    pub any_host: bool,
}

/// Reads the head of a request from the start of `buf`. Fills `fields` and marks in it what must
/// not be forwarded in any case; hop-by-hop fields are dropped by
/// [`RequestHead::drop_hop_by_hop`]. After `Complete` and after a refusal the next parse begins a
/// new head in the same table.
pub fn parse_request(
    buf: &[u8],
    limits: &Limits,
    strictness: Strictness,
    fields: &mut Fields,
) -> Result<Parse<RequestHead>, Refusal> {
    let outcome = scan(buf, limits, strictness, fields, line::request_line).and_then(|len| match len {
        None => Ok(Parse::Partial),
        Some(len) => semantics::request(buf, len, strictness, fields).map(Parse::Complete),
    });
    if outcome.is_err() {
        fields.progress = Progress::Fresh;
    }
    outcome
}

/// Reads the head of a response from the start of `buf`; see [`parse_request`].
pub fn parse_response(
    buf: &[u8],
    asked: Asked,
    limits: &Limits,
    strictness: Strictness,
    fields: &mut Fields,
) -> Result<Parse<ResponseHead>, Refusal> {
    let outcome = scan(buf, limits, strictness, fields, line::status_line).and_then(|len| match len {
        None => Ok(Parse::Partial),
        Some(len) => semantics::response(buf, len, asked, fields).map(Parse::Complete),
    });
    if outcome.is_err() {
        fields.progress = Progress::Fresh;
    }
    outcome
}

impl RequestHead {
    /// Drops what is meant for one hop (RFC 9110, 7.6.1): Connection and what it nominates,
    /// Keep-Alive, Proxy-Connection, HTTP2-Settings, TE apart from `trailers`, and Upgrade unless
    /// `upgrading`. Where Upgrade or TE stays, Connection is narrowed to name it.
    pub fn drop_hop_by_hop(&self, buf: &[u8], fields: &mut Fields, upgrading: bool) {
        Connection::drop_hop_by_hop(buf, fields, upgrading && self.upgrade.is_some());
    }
}

impl ResponseHead {
    /// Whether another response to the same request follows.
    pub const fn is_interim(&self) -> bool {
        self.status < 200 && self.status != 101
    }

    /// As [`RequestHead::drop_hop_by_hop`]; Upgrade stays on a 101.
    pub fn drop_hop_by_hop(&self, buf: &[u8], fields: &mut Fields) {
        Connection::drop_hop_by_hop(buf, fields, self.status == 101);
    }
}

impl Method {
    /// Which method a token is. Methods are case-sensitive.
    #[inline]
    pub fn of(token: &[u8]) -> Self {
        match token {
            b"GET" => Self::Get,
            b"HEAD" => Self::Head,
            b"POST" => Self::Post,
            b"PUT" => Self::Put,
            b"DELETE" => Self::Delete,
            b"CONNECT" => Self::Connect,
            b"OPTIONS" => Self::Options,
            b"TRACE" => Self::Trace,
            b"PATCH" => Self::Patch,
            _ => Self::Other,
        }
    }

    /// Whether a request may be sent again when it is unknown whether it took effect
    /// (RFC 9110, 9.2.2).
    pub const fn is_idempotent(self) -> bool {
        matches!(self, Self::Get | Self::Head | Self::Put | Self::Delete | Self::Options | Self::Trace)
    }
}

impl Limits {
    /// The longest head that can be asked for, in bytes.
    pub const HEAD_MOST: usize = 1 << 28;
}

impl Default for Limits {
    /// A 16 kB buffer of which 1 kB is kept for rewriting, and 100 fields: what HAProxy takes with
    /// its default `tune.bufsize`, `tune.maxrewrite` and `tune.http.maxhdr` (101, of which one
    /// marks the end).
    fn default() -> Self {
        Self { head: 16384 - 1024, fields: 100 }
    }
}

impl Strictness {
    /// Everything that the specifications forbid is refused.
    pub const STRICT: Self =
        Self { wide_target: false, wide_names: false, wide_values: false, any_host: false };
    /// Everything that can be let through is.
    pub const RELAXED: Self = Self { wide_target: true, wide_names: true, wide_values: true, any_host: true };
}

/// Runs the lines of one head, from where the table says; `Some` is the length of the head.
#[inline]
fn scan(
    buf: &[u8],
    limits: &Limits,
    strictness: Strictness,
    fields: &mut Fields,
    start_line: impl FnOnce(&[u8], Strictness) -> Result<Option<line::StartLine>, Refusal>,
) -> Result<Option<usize>, Refusal> {
    let limit = limits.head.min(Limits::HEAD_MOST);
    let head = &buf[..buf.len().min(limit)];
    let at = match fields.progress {
        Progress::Line(at) => Some(at as usize),
        Progress::Fresh => {
            fields.clear();
            start_line(head, strictness)?.map(|line| {
                fields.line = line;
                line.end as usize
            })
        }
    };
    let end = match at {
        Some(at) => line::field_lines(head, at, limits, strictness, fields)?,
        None => None,
    };
    if end.is_none() && buf.len() >= limit {
        return Err(Refusal::new(Reason::HeadTooLong, limit));
    }
    Ok(end)
}
