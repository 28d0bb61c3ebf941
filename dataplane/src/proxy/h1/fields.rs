//! The field table of one head: where each field stands in the buffer, what the proxy knows about
//! it, and whether it is forwarded; and the writer that turns buffer and table into the head that
//! goes out. Order, case and repetition of fields are kept.
//! It never reads the buffer on its own and never outlives the offsets: the same bytes must be
//! handed in again. Read `line.rs` (which fills it) and `semantics.rs` (which marks it) next.

use bytes::BufMut;

use super::line::{StartLine, trim};
use super::swar;

/// A range of bytes, counted from the start of the buffer that was parsed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// A field that the proxy has a use for. Everything else is [`Known::Other`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[repr(u8)]
#[expect(missing_docs, reason = "the variants are the names of the fields")]
pub enum Known {
    Other,
    Host,
    Connection,
    ContentLength,
    TransferEncoding,
    Expect,
    Upgrade,
    Te,
    Trailer,
    KeepAlive,
    ProxyConnection,
    XForwardedFor,
    Cookie,
    SetCookie,
    Date,
    Server,
    Http2Settings,
    SecWebSocketKey,
    ContentType,
    UserAgent,
    Authorization,
    Location,
}

/// One field of a head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Field {
    start: u32,
    value_start: u32,
    value_len: u32,
    name_len: u16,
    /// Which field it is.
    pub known: Known,
    marks: u8,
}

/// The fields of one head, in order. A scratch table: filled by a parse, used for one message,
/// filled again by the next parse without allocating.
#[derive(Clone, Debug, Default)]
pub struct Fields {
    pub(super) list: Vec<Field>,
    /// Offset of the empty line that ends the head.
    pub(super) end: u32,
    /// The known fields that occurred, one bit each.
    pub(super) present: u32,
    pub(super) line: StartLine,
    pub(super) progress: Progress,
    /// How many fields are dropped, narrowed or replaced.
    edits: u32,
    /// The values that replace others, in one piece.
    values: Vec<u8>,
}

/// How far an unfinished head has been read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Progress {
    /// Nothing is kept: the next parse begins a new head.
    #[default]
    Fresh,
    /// The start line has been read; the next field line begins here.
    Line(u32),
}

impl Span {
    pub(super) const fn new(start: usize, end: usize) -> Self {
        // Heads are limited far below 4 GiB (`Limits::HEAD_MOST`), so nothing is cut off here.
        Self { start: start as u32, end: end as u32 }
    }

    /// The bytes of the span in the buffer that it was parsed from; empty for any other buffer.
    #[inline]
    pub fn of(self, buf: &[u8]) -> &[u8] {
        buf.get(self.start as usize..self.end as usize).unwrap_or_default()
    }

    /// The number of bytes.
    pub const fn len(self) -> usize {
        self.end.saturating_sub(self.start) as usize
    }

    /// Whether there are none.
    pub const fn is_empty(self) -> bool {
        self.start >= self.end
    }
}

impl Known {
    /// Which known field a name is, whatever its case.
    #[inline]
    pub fn of(name: &[u8]) -> Self {
        Self::at(name, 0, name.len())
    }

    /// Which known field the name at `start` is.
    #[inline]
    pub(super) fn at(buf: &[u8], start: usize, len: usize) -> Self {
        // The first eight bytes, or all of a shorter name with zeros behind it.
        let first = match swar::word(buf, start) {
            Some(word) if len >= 8 => swar::lower(word),
            Some(word) => swar::lower(word) & !(u64::MAX << (len * 8)),
            None => return Self::short(buf.get(start..start + len).unwrap_or_default()),
        };
        let (spelling, known): (&[u8], Self) = match (len, first) {
            (2, TE) => return Self::Te,
            (4, HOST) => return Self::Host,
            (4, DATE) => return Self::Date,
            (6, COOKIE) => return Self::Cookie,
            (6, EXPECT) => return Self::Expect,
            (6, SERVER) => return Self::Server,
            (7, UPGRADE) => return Self::Upgrade,
            (7, TRAILER) => return Self::Trailer,
            (8, LOCATION) => return Self::Location,
            (10, CONNECTION) => (b"connection", Self::Connection),
            (10, USER_AGENT) => (b"user-agent", Self::UserAgent),
            (10, KEEP_ALIVE) => (b"keep-alive", Self::KeepAlive),
            (10, SET_COOKIE) => (b"set-cookie", Self::SetCookie),
            (12, CONTENT) => (b"content-type", Self::ContentType),
            (13, AUTHORIZATION) => (b"authorization", Self::Authorization),
            (14, CONTENT) => (b"content-length", Self::ContentLength),
            (14, HTTP2_SETTINGS) => (b"http2-settings", Self::Http2Settings),
            (15, X_FORWARDED) => (b"x-forwarded-for", Self::XForwardedFor),
            (16, PROXY) => (b"proxy-connection", Self::ProxyConnection),
            (17, TRANSFER) => (b"transfer-encoding", Self::TransferEncoding),
            (17, WEB_SOCKET) => (b"sec-websocket-key", Self::SecWebSocketKey),
            _ => return Self::Other,
        };
        let rest = buf.get(start + 8..start + len).unwrap_or_default();
        if rest.eq_ignore_ascii_case(&spelling[8..]) { known } else { Self::Other }
    }

    /// As [`Known::at`], for a name with fewer than eight bytes in and after it.
    #[cold]
    fn short(name: &[u8]) -> Self {
        let mut padded = [0; 8];
        match padded.get_mut(..name.len()) {
            Some(place) => place.copy_from_slice(name),
            None => return Self::Other,
        }
        Self::at(&padded, 0, name.len())
    }

    pub(super) const fn bit(self) -> u32 {
        1 << self as u32
    }

    /// Whether a Connection field may take it off the message. Fields that frame, route or
    /// authenticate a message are meant for every recipient, and naming them there is an attack on
    /// the next hop (RFC 9110, 7.6.1).
    pub(super) const fn is_nominatable(self) -> bool {
        matches!(
            self,
            Self::Other
                | Self::Upgrade
                | Self::Te
                | Self::KeepAlive
                | Self::ProxyConnection
                | Self::Http2Settings
        )
    }
}

impl Field {
    #[inline]
    pub(super) fn new(start: usize, name_len: u16, value: (usize, usize), known: Known) -> Self {
        Self {
            start: start as u32,
            value_start: value.0 as u32,
            value_len: (value.1 - value.0) as u32,
            name_len,
            known,
            marks: 0,
        }
    }

    /// Where the name stands.
    pub const fn name(&self) -> Span {
        Span { start: self.start, end: self.start + self.name_len as u32 }
    }

    /// Where the value stands, without the white space round it.
    pub const fn value(&self) -> Span {
        Span { start: self.value_start, end: self.value_start + self.value_len }
    }

    /// Whether the head is written without this field.
    pub const fn is_dropped(&self) -> bool {
        self.marks & DROPPED != 0
    }

    /// Whether a Connection field names this one as meant for this hop alone.
    pub const fn is_nominated(&self) -> bool {
        self.marks & NOMINATED != 0
    }

    /// Whether it no longer stands in the buffer as it came.
    pub(super) const fn is_rewritten(&self) -> bool {
        self.marks & (ADDED | REPLACED) != 0
    }

    pub(super) fn nominate(&mut self) {
        self.marks |= NOMINATED;
    }
}

impl Fields {
    /// An empty table with room for a usual head.
    pub fn new() -> Self {
        Self { list: Vec::with_capacity(32), ..Self::default() }
    }

    /// Forgets everything, also the progress of an unfinished head. Keeps the memory.
    pub fn clear(&mut self) {
        self.list.clear();
        self.end = 0;
        self.present = 0;
        self.line = StartLine::default();
        self.progress = Progress::Fresh;
        self.edits = 0;
        self.values.clear();
    }

    /// The fields in order, dropped ones too.
    pub fn as_slice(&self) -> &[Field] {
        &self.list
    }

    /// The number of fields, dropped ones too.
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Whether a known field occurs (O(1)).
    #[inline]
    pub const fn has(&self, known: Known) -> bool {
        self.present & known.bit() != 0
    }

    /// Names and values in order, without what is dropped.
    pub fn iter<'a>(&'a self, buf: &'a [u8]) -> impl DoubleEndedIterator<Item = (&'a [u8], &'a [u8])> + 'a {
        let kept = self.list.iter().filter(|field| !field.is_dropped());
        kept.map(|field| (self.name_of(field, buf), self.value_of(field, buf)))
    }

    /// Name and value at a position; `Some(None)` where the field is dropped, `None` past the last.
    pub fn at<'a>(&'a self, position: usize, buf: &'a [u8]) -> Option<Option<(&'a [u8], &'a [u8])>> {
        let field = self.list.get(position)?;
        Some((!field.is_dropped()).then(|| (self.name_of(field, buf), self.value_of(field, buf))))
    }

    fn name_of<'a>(&'a self, field: &Field, buf: &'a [u8]) -> &'a [u8] {
        field.name().of(if field.marks & ADDED != 0 { &self.values } else { buf })
    }

    fn value_of<'a>(&'a self, field: &Field, buf: &'a [u8]) -> &'a [u8] {
        field.value().of(if field.marks & (ADDED | REPLACED) != 0 { &self.values } else { buf })
    }

    /// Index of the first field of this name, whatever its case, that is not dropped.
    pub fn find(&self, buf: &[u8], name: &[u8]) -> Option<usize> {
        self.positions(buf, name).next()
    }

    /// Indices of all fields of this name, whatever its case, that are not dropped.
    pub fn positions<'a>(
        &'a self,
        buf: &'a [u8],
        name: &'a [u8],
    ) -> impl DoubleEndedIterator<Item = usize> + 'a {
        self.list.iter().enumerate().filter_map(move |(index, field)| {
            let same = usize::from(field.name_len) == name.len()
                && self.name_of(field, buf).eq_ignore_ascii_case(name);
            (same && !field.is_dropped()).then_some(index)
        })
    }

    /// The first field from an index on that has this name, whatever its case, and is not dropped: its index and value.
    pub fn named<'a>(&'a self, buf: &'a [u8], name: &[u8], from: usize) -> Option<(usize, &'a [u8])> {
        let rest = self.list.get(from..)?;
        let is_it = |field: &Field| {
            usize::from(field.name_len) == name.len()
                && !field.is_dropped()
                && self.name_of(field, buf).eq_ignore_ascii_case(name)
        };
        let at = rest.iter().position(is_it)?;
        Some((from + at, self.value_of(&rest[at], buf)))
    }

    /// Value of the first field of this name that is not dropped.
    pub fn value<'a>(&'a self, buf: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
        let index = self.find(buf, name)?;
        Some(self.value_of(self.list.get(index)?, buf))
    }

    /// Index of the first field of this kind that is not dropped.
    #[inline]
    pub fn find_known(&self, known: Known) -> Option<usize> {
        if !self.has(known) {
            return None;
        }
        self.list.iter().position(|field| field.known == known && !field.is_dropped())
    }

    /// Value of the first field of this kind that is not dropped.
    pub fn known_value<'a>(&'a self, buf: &'a [u8], known: Known) -> Option<&'a [u8]> {
        let index = self.find_known(known)?;
        Some(self.value_of(self.list.get(index)?, buf))
    }

    /// Leaves a field out of the head that is written. An index that does not exist is ignored.
    pub fn drop_at(&mut self, index: usize) {
        if let Some(field) = self.list.get_mut(index) {
            self.edits += u32::from(field.marks & EDITED == 0);
            field.marks |= DROPPED;
        }
    }

    /// Leaves out every field of this kind.
    pub fn drop_known(&mut self, known: Known) {
        if self.has(known) {
            for index in 0..self.list.len() {
                if self.list[index].known == known {
                    self.drop_at(index);
                }
            }
        }
    }

    /// Leaves out every field of this name, whatever its case; says how many.
    pub fn drop_named(&mut self, buf: &[u8], name: &[u8]) -> usize {
        let mut count = 0;
        for index in 0..self.list.len() {
            let field = &self.list[index];
            let same = usize::from(field.name_len) == name.len()
                && self.name_of(field, buf).eq_ignore_ascii_case(name);
            if same && !field.is_dropped() {
                self.drop_at(index);
                count += 1;
            }
        }
        count
    }

    /// Reduces a value to a part of it: the line is then written anew as `name: part`.
    pub(super) fn narrow(&mut self, index: usize, part: Span) {
        if let Some(field) = self.list.get_mut(index)
            && field.value() != part
        {
            self.edits += u32::from(field.marks & EDITED == 0);
            field.marks |= NARROWED;
            field.value_start = part.start;
            field.value_len = part.end - part.start;
        }
    }

    /// Puts another value in the place of a field's: the line is then written anew as `name: value`. The caller
    /// vouches for the value: text without CR, LF and NUL. [`Field::value`] no longer tells where it stands.
    pub fn replace(&mut self, index: usize, value: &[u8]) {
        if let Some(field) = self.list.get_mut(index) {
            self.edits += u32::from(field.marks & EDITED == 0);
            field.marks |= REPLACED | field.marks & ADDED;
            // Heads are limited far below 4 GiB (`Limits::HEAD_MOST`), so nothing is cut off here.
            field.value_start = self.values.len() as u32;
            field.value_len = value.len() as u32;
            self.values.extend_from_slice(value);
        }
    }

    /// Adds a field behind all others. The caller vouches for name and value as [`push_line`]'s does.
    pub fn add(&mut self, name: &[u8], value: &[u8]) {
        let Ok(name_len) = u16::try_from(name.len()) else { return };
        let start = self.values.len();
        self.values.extend_from_slice(name);
        self.values.extend_from_slice(value);
        let known = Known::of(name);
        self.present |= known.bit();
        let end = start + name.len();
        let mut field = Field::new(start, name_len, (end, end + value.len()), known);
        field.marks = ADDED;
        self.edits += 1;
        self.list.push(field);
    }

    /// Whether the head may go out as the bytes that came in (from the start line on), as long as
    /// nothing is added.
    #[inline]
    pub const fn is_verbatim(&self) -> bool {
        self.edits == 0 && !self.line.respelled
    }

    /// Appends the head with its edits: the start line (or `start_line`, a full line with CRLF, in
    /// its place), the fields that are kept, `added` (full lines with CRLF each, as [`push_line`]
    /// makes them), and the empty line. Runs of unchanged lines are copied in one go.
    pub fn write(&self, buf: &[u8], start_line: Option<&[u8]>, added: &[u8], out: &mut impl BufMut) {
        let mut from = self.line.start;
        if let Some(line) = start_line {
            out.put_slice(line);
            from = self.line.end;
        } else if self.line.respelled {
            // The version is one of ours (RFC 9110, 2.5), whatever the minor version that came.
            out.put_slice(Span { start: from, end: self.line.version.start }.of(buf));
            out.put_slice(b"HTTP/1.1");
            from = self.line.version.end;
        }
        if self.edits > 0 {
            for (index, field) in self.list.iter().enumerate() {
                if field.marks & ADDED != 0 {
                    break;
                }
                if field.marks & EDITED == 0 {
                    continue;
                }
                out.put_slice(Span { start: from, end: field.start }.of(buf));
                if !field.is_dropped() {
                    out.put_slice(field.name().of(buf));
                    out.put_slice(b": ");
                    out.put_slice(self.value_of(field, buf));
                    out.put_slice(b"\r\n");
                }
                let next = self.list.get(index + 1).filter(|next| next.marks & ADDED == 0);
                from = next.map_or(self.end, |next| next.start);
            }
        }
        out.put_slice(Span { start: from, end: self.end }.of(buf));
        if self.edits > 0 {
            // What was added stands at the end of the list.
            let first = self.list.partition_point(|field| field.marks & ADDED == 0);
            for field in self.list.iter().skip(first).filter(|field| !field.is_dropped()) {
                push_line(out, self.name_of(field, buf), self.value_of(field, buf));
            }
        }
        out.put_slice(added);
        out.put_slice(b"\r\n");
    }
}

/// Appends one field line, as [`Fields::write`] takes them. The caller vouches for name and value:
/// a token, and text without CR, LF and NUL.
pub fn push_line(out: &mut impl BufMut, name: &[u8], value: &[u8]) {
    out.put_slice(name);
    out.put_slice(b": ");
    out.put_slice(value);
    out.put_slice(b"\r\n");
}

/// The members of a comma-separated list, without the white space round them, as spans of the
/// buffer. Empty members come too: some lists may hold them and some may not (RFC 9110, 5.6.1).
pub fn members(buf: &[u8], list: Span) -> impl Iterator<Item = Span> + '_ {
    let mut at = list.start as usize;
    let end = list.end as usize;
    let mut ended = false;
    std::iter::from_fn(move || {
        if ended {
            return None;
        }
        let rest = buf.get(at..end).unwrap_or_default();
        let len = memchr::memchr(b',', rest).unwrap_or(rest.len());
        ended = len == rest.len();
        let member = trim(buf, at, at + len);
        at += len + 1;
        Some(member)
    })
}

/// The first eight bytes of a name in lower case, as [`Known::at`] compares them.
const fn prefix(name: &[u8]) -> u64 {
    let mut word = 0;
    let mut at = 0;
    while at < 8 && at < name.len() {
        word |= (name[at] as u64) << (at * 8);
        at += 1;
    }
    word
}

const TE: u64 = prefix(b"te");
const HOST: u64 = prefix(b"host");
const DATE: u64 = prefix(b"date");
const COOKIE: u64 = prefix(b"cookie");
const EXPECT: u64 = prefix(b"expect");
const SERVER: u64 = prefix(b"server");
const UPGRADE: u64 = prefix(b"upgrade");
const TRAILER: u64 = prefix(b"trailer");
const LOCATION: u64 = prefix(b"location");
const CONNECTION: u64 = prefix(b"connecti");
const USER_AGENT: u64 = prefix(b"user-age");
const KEEP_ALIVE: u64 = prefix(b"keep-ali");
const SET_COOKIE: u64 = prefix(b"set-cook");
const CONTENT: u64 = prefix(b"content-");
const AUTHORIZATION: u64 = prefix(b"authoriz");
const HTTP2_SETTINGS: u64 = prefix(b"http2-se");
const X_FORWARDED: u64 = prefix(b"x-forwar");
const PROXY: u64 = prefix(b"proxy-co");
const TRANSFER: u64 = prefix(b"transfer");
const WEB_SOCKET: u64 = prefix(b"sec-webs");

const DROPPED: u8 = 1;
const NARROWED: u8 = 2;
const NOMINATED: u8 = 4;
const REPLACED: u8 = 8;
const ADDED: u8 = 16;
const EDITED: u8 = DROPPED | NARROWED | REPLACED;
