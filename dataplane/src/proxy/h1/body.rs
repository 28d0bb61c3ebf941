//! Bodies: how many of the bytes at hand belong to the message, how many of them are forwarded,
//! and whether it has ended. Chunked coding is checked byte by byte in its framing and skipped by
//! arithmetic in its data; extensions are checked and taken out in place, since no recipient is
//! bound to read them as we do. It never buffers: what is consumed is never needed again.
//! Read `refusal.rs` next.

use bytes::BufMut;

use super::fields::Known;
use super::head::{Framing, Limits};
use super::line::is_token;
use super::refusal::{Reason, Refusal};

/// A body on its way through.
#[derive(Clone, Debug)]
pub struct Body {
    kind: Kind,
    done: bool,
}

/// What one step through a body has done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes taken from the start of the buffer.
    pub consumed: usize,
    /// Bytes that are to be forwarded: they stand at the start of the buffer.
    pub forward: usize,
    /// Whether the message has ended. What follows is another message.
    pub done: bool,
}

#[derive(Clone, Debug)]
enum Kind {
    /// This many bytes are still to come.
    Length(u64),
    Chunks(ChunkScanner),
    /// Until the connection ends.
    Open,
}

/// Reads chunked coding, in pieces of any size.
#[derive(Clone, Debug)]
pub struct ChunkScanner {
    state: State,
    /// Bytes of the current chunk that are still to come, or its size as far as it is read.
    left: u64,
    /// Bytes of the chunk line, or of the trailer section, so far.
    line: u32,
    trailer_limit: u32,
    /// Take all framing out, not the extensions alone.
    decode: bool,
    name: TrailerName,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// The first digit of a size.
    Size,
    /// Further digits.
    SizeMore,
    /// White space after the size or after an extension: `;` or the end of the line follow.
    Pad,
    /// Before the name of an extension.
    ExtensionStart,
    /// In the name.
    ExtensionName,
    /// Between the name and `=`, `;` or the end.
    ExtensionPad,
    /// The start of the value of an extension.
    ExtensionValue,
    /// A value that is a token.
    ExtensionToken,
    /// A value in quotes.
    Quoted,
    /// After a backslash in quotes.
    QuotedPair,
    SizeLf,
    Data,
    DataCr,
    DataLf,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLf,
    LastLf,
    Done,
}

/// The start of a trailer's name, enough to know the fields that may not stand there.
#[derive(Clone, Copy, Debug, Default)]
struct TrailerName {
    bytes: [u8; 18],
    len: u8,
}

impl Body {
    /// The body of a message with this framing. `Tunnel` never ends by itself, as `UntilClose`.
    pub fn new(framing: Framing, limits: &Limits) -> Self {
        let kind = match framing {
            Framing::None => Kind::Length(0),
            Framing::Length(length) => Kind::Length(length),
            Framing::Chunked => Kind::Chunks(ChunkScanner::new(limits)),
            Framing::UntilClose | Framing::Tunnel => Kind::Open,
        };
        Self { done: matches!(kind, Kind::Length(0)), kind }
    }

    /// As [`Body::new`], but chunked coding is taken off: what is forwarded is the payload alone,
    /// without trailers. For a recipient that knows HTTP/1.0 or another protocol.
    pub fn decoding(framing: Framing, limits: &Limits) -> Self {
        let mut body = Self::new(framing, limits);
        if let Kind::Chunks(scanner) = &mut body.kind {
            scanner.decode = true;
        }
        body
    }

    /// What these bytes of a body are without framing, as far as they go.
    pub fn unframed(framing: Framing, bytes: &[u8]) -> Vec<u8> {
        let mut bytes = bytes.to_vec();
        let progress = Body::decoding(framing, &Limits::default()).advance(&mut bytes);
        bytes.truncate(progress.map_or(0, |progress| progress.forward));
        bytes
    }

    /// Goes through the bytes at hand. Everything up to the end of the message is consumed; what is
    /// to be forwarded stands at the start of `buf` afterwards (bytes move only where something is
    /// taken out).
    #[inline]
    pub fn advance(&mut self, buf: &mut [u8]) -> Result<Progress, Refusal> {
        let progress = match &mut self.kind {
            Kind::Length(left) => {
                let len = usize::try_from(*left).map_or(buf.len(), |left| left.min(buf.len()));
                *left -= len as u64;
                Progress { consumed: len, forward: len, done: *left == 0 }
            }
            Kind::Chunks(scanner) => scanner.advance(buf)?,
            Kind::Open => Progress { consumed: buf.len(), forward: buf.len(), done: false },
        };
        self.done = progress.done;
        Ok(progress)
    }

    /// How many bytes of the message, at most, go through without being looked at: all that are left, or 0
    /// where there is framing among them.
    pub fn opaque(&self) -> u64 {
        match self.kind {
            Kind::Length(left) => left,
            Kind::Chunks(_) => 0,
            Kind::Open => u64::MAX,
        }
    }

    /// So many of them have gone through.
    pub fn pass(&mut self, count: u64) {
        if let Kind::Length(left) = &mut self.kind {
            *left = left.saturating_sub(count);
            self.done = *left == 0;
        }
    }

    /// Whether the message has ended.
    pub const fn is_done(&self) -> bool {
        self.done
    }

    /// Whether the end of the connection at this point is the end of the message, and not a cut.
    pub const fn may_end_here(&self) -> bool {
        self.done || matches!(self.kind, Kind::Open)
    }

    /// Bytes that are known to follow without a look at them: what is left of the length, or of
    /// the chunk. 0 when nothing is known; `u64::MAX` when everything follows.
    pub const fn known_ahead(&self) -> u64 {
        match &self.kind {
            Kind::Length(left) => *left,
            Kind::Chunks(scanner) if matches!(scanner.state, State::Data) => scanner.left,
            Kind::Chunks(_) => 0,
            Kind::Open => u64::MAX,
        }
    }
}

impl ChunkScanner {
    /// A scanner at the start of a body.
    pub const fn new(limits: &Limits) -> Self {
        let trailer_limit = if limits.head > Limits::HEAD_MOST { Limits::HEAD_MOST } else { limits.head };
        Self {
            state: State::Size,
            left: 0,
            line: 0,
            trailer_limit: trailer_limit as u32,
            decode: false,
            name: TrailerName { bytes: [0; 18], len: 0 },
        }
    }

    /// See [`Body::advance`].
    pub fn advance(&mut self, buf: &mut [u8]) -> Result<Progress, Refusal> {
        // Bytes in `kept..at` have been read but not yet moved down to `to`.
        let (mut at, mut kept, mut to) = (0, 0, 0);
        while at < buf.len() && self.state != State::Done {
            if self.state == State::Data {
                let len = usize::try_from(self.left).map_or(buf.len() - at, |left| left.min(buf.len() - at));
                at += len;
                self.left -= len as u64;
                if self.left == 0 {
                    self.state = State::DataCr;
                }
                continue;
            }
            if self.step(buf[at], at)? {
                at += 1;
            } else {
                to = shift(buf, kept, at, to);
                at += 1;
                kept = at;
            }
        }
        to = shift(buf, kept, at, to);
        Ok(Progress { consumed: at, forward: to, done: self.state == State::Done })
    }

    /// Takes one byte of framing; says whether it is forwarded.
    #[inline]
    fn step(&mut self, byte: u8, at: usize) -> Result<bool, Refusal> {
        let kept = match self.state {
            State::Size | State::SizeMore => return self.size(byte, at),
            State::Data | State::Done => return Ok(true),
            State::SizeLf => {
                expect(byte, b'\n', Reason::BareCr, at)?;
                self.line = 0;
                self.state = if self.left == 0 { State::TrailerStart } else { State::Data };
                true
            }
            State::DataCr => {
                expect(byte, b'\r', Reason::ChunkEnd, at)?;
                self.state = State::DataLf;
                true
            }
            State::DataLf => {
                expect(byte, b'\n', Reason::ChunkEnd, at)?;
                self.state = State::Size;
                true
            }
            State::TrailerStart
            | State::TrailerName
            | State::TrailerValue
            | State::TrailerLf
            | State::LastLf => {
                self.trailer(byte, at)?;
                true
            }
            _ => return Ok(self.extension(byte, at)? && !self.decode),
        };
        Ok(kept && !self.decode)
    }

    #[inline]
    fn size(&mut self, byte: u8, at: usize) -> Result<bool, Refusal> {
        let first = self.state == State::Size;
        let digit = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ if first => return Err(Refusal::new(Reason::ChunkSize, at)),
            _ => return Ok(self.after_size(byte, at)? && !self.decode),
        };
        let (before, padding) = if first { (0, false) } else { (self.left, self.left == 0 && digit == 0) };
        self.state = State::SizeMore;
        self.count(at, Reason::ChunkLineTooLong, CHUNK_LINE_LIMIT)?;
        if before > SIZE_MOST >> 4 {
            return Err(Refusal::new(Reason::ChunkSizeTooLarge, at));
        }
        self.left = before << 4 | u64::from(digit);
        // Zeros before the number go no further: a recipient may count the digits it takes.
        Ok(!padding && !self.decode)
    }

    /// The byte after the digits, or white space after them; says whether it is forwarded.
    fn after_size(&mut self, byte: u8, at: usize) -> Result<bool, Refusal> {
        self.count(at, Reason::ChunkLineTooLong, CHUNK_LINE_LIMIT)?;
        self.state = match byte {
            b'\r' => State::SizeLf,
            b';' => State::ExtensionStart,
            b' ' | b'\t' => State::Pad,
            b'\n' => return Err(Refusal::new(Reason::BareLf, at)),
            _ => return Err(Refusal::new(Reason::ChunkSize, at)),
        };
        Ok(byte == b'\r')
    }

    /// One byte after the size (RFC 9112, 7.1.1); says whether it is forwarded: the CR alone is.
    fn extension(&mut self, byte: u8, at: usize) -> Result<bool, Refusal> {
        self.count(at, Reason::ChunkLineTooLong, CHUNK_LINE_LIMIT)?;
        let text = byte == b'\t' || (byte >= b' ' && byte != 0x7f);
        self.state = match (self.state, byte) {
            (State::Quoted, b'"') => State::Pad,
            (State::Quoted, b'\\') => State::QuotedPair,
            (State::Quoted | State::QuotedPair, _) if text => State::Quoted,
            (State::Quoted | State::QuotedPair, _) => return Err(Refusal::new(Reason::ChunkExtension, at)),
            (_, b'\n') => return Err(Refusal::new(Reason::BareLf, at)),
            (State::Pad | State::ExtensionName | State::ExtensionPad | State::ExtensionToken, b'\r') => {
                State::SizeLf
            }
            (State::Pad | State::ExtensionName | State::ExtensionPad | State::ExtensionToken, b';') => {
                State::ExtensionStart
            }
            (State::Pad | State::ExtensionToken, b' ' | b'\t') => State::Pad,
            (State::ExtensionStart, b' ' | b'\t') => State::ExtensionStart,
            (State::ExtensionStart | State::ExtensionName, _) if is_token(byte) => State::ExtensionName,
            (State::ExtensionName | State::ExtensionPad, b'=') => State::ExtensionValue,
            (State::ExtensionName | State::ExtensionPad, b' ' | b'\t') => State::ExtensionPad,
            (State::ExtensionValue, b' ' | b'\t') => State::ExtensionValue,
            (State::ExtensionValue, b'"') => State::Quoted,
            (State::ExtensionValue | State::ExtensionToken, _) if is_token(byte) => State::ExtensionToken,
            _ => return Err(Refusal::new(Reason::ChunkExtension, at)),
        };
        Ok(byte == b'\r')
    }

    /// One byte of the trailer section.
    fn trailer(&mut self, byte: u8, at: usize) -> Result<(), Refusal> {
        self.count(at, Reason::TrailersTooLong, self.trailer_limit)?;
        self.state = match (self.state, byte) {
            (State::TrailerStart, b'\r') => State::LastLf,
            (State::LastLf, b'\n') => State::Done,
            (State::TrailerLf, b'\n') => State::TrailerStart,
            (State::LastLf | State::TrailerLf, _) => return Err(Refusal::new(Reason::BareCr, at)),
            (State::TrailerStart, b' ' | b'\t') => return Err(Refusal::new(Reason::Fold, at)),
            (State::TrailerStart, b':') => return Err(Refusal::new(Reason::EmptyName, at)),
            (State::TrailerStart, b'\n') => return Err(Refusal::new(Reason::BareLf, at)),
            (State::TrailerStart, _) if is_token(byte) => {
                self.name.begin(byte);
                State::TrailerName
            }
            (State::TrailerName, b':') if self.name.is_forbidden() => {
                return Err(Refusal::new(Reason::TrailerField, at));
            }
            (State::TrailerName, b':') => State::TrailerValue,
            (State::TrailerName, _) if is_token(byte) => {
                self.name.push(byte);
                State::TrailerName
            }
            (State::TrailerName, b' ' | b'\t') => return Err(Refusal::new(Reason::SpaceBeforeColon, at)),
            (State::TrailerName, b'\r' | b'\n') => return Err(Refusal::new(Reason::NoColon, at)),
            (State::TrailerValue, b'\r') => State::TrailerLf,
            (State::TrailerValue, b'\n') => return Err(Refusal::new(Reason::BareLf, at)),
            (State::TrailerValue, 0) => return Err(Refusal::new(Reason::Nul, at)),
            (State::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => State::TrailerValue,
            (State::TrailerValue, _) => return Err(Refusal::new(Reason::Control, at)),
            _ => return Err(Refusal::new(Reason::Name, at)),
        };
        Ok(())
    }

    #[inline]
    fn count(&mut self, at: usize, reason: Reason, limit: u32) -> Result<(), Refusal> {
        self.line += 1;
        if self.line > limit { Err(Refusal::new(reason, at)) } else { Ok(()) }
    }
}

impl TrailerName {
    fn begin(&mut self, byte: u8) {
        self.len = 0;
        self.push(byte);
    }

    fn push(&mut self, byte: u8) {
        // A name that does not fit is longer than any that is looked for.
        if let Some(place) = self.bytes.get_mut(usize::from(self.len)) {
            *place = byte;
            self.len += 1;
        }
    }

    /// Fields that frame or route a message, and would be read too late (RFC 9110, 6.5.1).
    fn is_forbidden(&self) -> bool {
        let name = self.bytes.get(..usize::from(self.len)).unwrap_or_default();
        matches!(Known::of(name), Known::ContentLength | Known::TransferEncoding | Known::Host)
    }
}

/// Appends one chunk with its framing. Nothing is appended for no data: that would be the end.
pub fn push_chunk(out: &mut impl BufMut, data: &[u8]) {
    if data.is_empty() {
        return;
    }
    let mut line = [0; 18];
    let mut at = line.len() - 2;
    line[at..].copy_from_slice(b"\r\n");
    let mut size = data.len();
    while size > 0 {
        at -= 1;
        line[at] = b"0123456789abcdef"[size & 15];
        size >>= 4;
    }
    out.put_slice(&line[at..]);
    out.put_slice(data);
    out.put_slice(b"\r\n");
}

/// Moves `buf[from..end]` down to `to`; gives the end of what is kept.
#[inline]
fn shift(buf: &mut [u8], from: usize, end: usize, to: usize) -> usize {
    if from != to {
        buf.copy_within(from..end, to);
    }
    to + (end - from)
}

fn expect(byte: u8, expected: u8, reason: Reason, at: usize) -> Result<(), Refusal> {
    if byte == expected { Ok(()) } else { Err(Refusal::new(reason, at)) }
}

/// The chunk that ends a body without trailers.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// The largest chunk: what fits a signed 64-bit number, as in most recipients.
const SIZE_MOST: u64 = i64::MAX as u64;

/// The longest chunk line. Extensions carry nothing that is forwarded, so this bounds work, not
/// usefulness.
const CHUNK_LINE_LIMIT: u32 = 4096;
