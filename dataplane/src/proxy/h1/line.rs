//! The lines that heads are made of: start lines and field lines, byte by byte, against the tables
//! of allowed bytes. Knows no meaning of any field. Resumable: an unfinished head leaves its place
//! in the field table. Read `semantics.rs` next.

use super::fields::{Field, Fields, Known, Progress, Span};
use super::head::{Limits, Strictness, Version};
use super::refusal::{Reason, Refusal};
use super::swar;

/// Where the parts of a start line stand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct StartLine {
    /// First byte of the line, after empty lines that were skipped.
    pub(super) start: u32,
    /// First byte after its CRLF.
    pub(super) end: u32,
    /// The method, or nothing in a response.
    pub(super) method: Span,
    /// The target, or the reason phrase.
    pub(super) text: Span,
    pub(super) version: Span,
    pub(super) minor: Minor,
    pub(super) status: u16,
    /// The version was spelled in a way that must not go out.
    pub(super) respelled: bool,
}

/// The minor version, with the default that a table without a head has.
pub(super) type Minor = Version;

/// Reads as far as the bytes go. `Ok(None)`: more bytes are needed.
type Step<T> = Result<Option<T>, Refusal>;

/// Reads a request line, from `buf[0]` on.
#[inline]
pub(super) fn request_line(buf: &[u8], strictness: Strictness) -> Step<StartLine> {
    let mut at = 0;
    // Empty lines before a request are leftovers of the body before it (RFC 9112, 2.2).
    while buf.get(at) == Some(&b'\r') {
        match buf.get(at + 1) {
            None => return Ok(None),
            Some(b'\n') => at += 2,
            Some(_) => return Err(Refusal::new(Reason::BareCr, at)),
        }
    }
    let start = at;
    let method_end = token_end(buf, at);
    match buf.get(method_end) {
        None => return Ok(None),
        Some(b' ') if method_end > start => {}
        Some(b'\n') if method_end == start => return Err(Refusal::new(Reason::BareLf, start)),
        Some(_) => return Err(Refusal::new(Reason::Method, method_end)),
    }
    at = method_end + 1;
    let target_start = at;
    at = target_end(buf, at, strictness);
    match buf.get(at) {
        None => return Ok(None),
        Some(b' ') if at > target_start => {}
        Some(b'\r') if at > target_start => {
            return match buf.get(at + 1) {
                None => Ok(None),
                Some(b'\n') => Err(Refusal::new(Reason::NoVersion, at)),
                Some(_) => Err(Refusal::new(Reason::BareCr, at)),
            };
        }
        Some(b'\n') if at > target_start => return Err(Refusal::new(Reason::BareLf, at)),
        Some(_) => return Err(Refusal::new(Reason::Target, at)),
    }
    let mut line = StartLine {
        start: start as u32,
        method: Span::new(start, method_end),
        text: Span::new(target_start, at),
        ..StartLine::default()
    };
    at += 1;
    if buf.get(at..at + 10) == Some(b"HTTP/1.1\r\n") {
        line.minor = Version::Http11;
    } else {
        let preface = line.method.of(buf) == b"PRI";
        let Some((minor, respelled)) = version(buf, at, preface)? else { return Ok(None) };
        (line.minor, line.respelled) = (minor, respelled);
        if !line_ends(buf, at + 8, Reason::Version)? {
            return Ok(None);
        }
    }
    line.version = Span::new(at, at + 8);
    line.end = (at + 10) as u32;
    Ok(Some(line))
}

/// Reads a status line, from `buf[0]` on.
#[inline]
pub(super) fn status_line(buf: &[u8], strictness: Strictness) -> Step<StartLine> {
    let Some((minor, respelled)) = version(buf, 0, false)? else { return Ok(None) };
    match buf.get(8) {
        None => return Ok(None),
        Some(b' ') => {}
        Some(_) => return Err(Refusal::new(Reason::Version, 8)),
    }
    let mut status = 0;
    for at in 9..12 {
        match buf.get(at) {
            None => return Ok(None),
            Some(digit) if digit.is_ascii_digit() && (at > 9 || *digit != b'0') => {
                status = status * 10 + u16::from(digit - b'0');
            }
            Some(_) => return Err(Refusal::new(Reason::Status, at)),
        }
    }
    let text_start = match buf.get(12) {
        None => return Ok(None),
        Some(b' ') => 13,
        Some(b'\r') => 12,
        Some(b'\n') => return Err(Refusal::new(Reason::BareLf, 12)),
        Some(_) => return Err(Refusal::new(Reason::Status, 12)),
    };
    let Some(end) = text_end(buf, text_start, strictness, Reason::ReasonPhrase)? else { return Ok(None) };
    Ok(Some(StartLine {
        start: 0,
        end: (end + 2) as u32,
        method: Span::default(),
        text: Span::new(text_start, end),
        version: Span::new(0, 8),
        minor,
        status,
        respelled,
    }))
}

/// Reads field lines from `at` on, up to the empty line; `Some` is the length of the whole head.
/// What is read stays in the table, also when more bytes are needed.
#[inline]
pub(super) fn field_lines(
    buf: &[u8],
    mut at: usize,
    limits: &Limits,
    strictness: Strictness,
    fields: &mut Fields,
) -> Step<usize> {
    while let Some(&first) = buf.get(at) {
        if first == b'\r' {
            match buf.get(at + 1) {
                None => break,
                Some(b'\n') => {
                    fields.end = at as u32;
                    fields.progress = Progress::Fresh;
                    return Ok(Some(at + 2));
                }
                Some(_) => return Err(Refusal::new(Reason::BareCr, at)),
            }
        }
        let Some((field, next)) = field_line(buf, at, strictness)? else { break };
        if fields.list.len() >= limits.fields {
            return Err(Refusal::new(Reason::TooManyFields, at));
        }
        fields.present |= field.known.bit();
        fields.list.push(field);
        at = next;
    }
    fields.progress = Progress::Line(at as u32);
    Ok(None)
}

/// Whether a byte may stand in a token (RFC 9110, 5.6.2).
#[inline]
pub(super) fn is_token(byte: u8) -> bool {
    CLASS[usize::from(byte)] & TOKEN != 0
}

/// Whether a byte may stand in the host part of an authority, outside of brackets
/// (RFC 3986, 3.2.2: unreserved, sub-delims, percent).
#[inline]
pub(super) fn is_host(byte: u8) -> bool {
    CLASS[usize::from(byte)] & HOST != 0
}

/// The span without spaces and tabs at its ends.
#[inline]
pub(super) fn trim(buf: &[u8], mut start: usize, mut end: usize) -> Span {
    let is_space = |at: usize| matches!(buf.get(at), Some(b' ' | b'\t'));
    while start < end && is_space(start) {
        start += 1;
    }
    while end > start && is_space(end - 1) {
        end -= 1;
    }
    Span::new(start, end)
}

/// One field line and the offset of the next.
#[inline]
fn field_line(buf: &[u8], start: usize, strictness: Strictness) -> Step<(Field, usize)> {
    let mut at = name_end(buf, start);
    if strictness.wide_names {
        while at < buf.len() && CLASS[usize::from(buf[at])] & WIDE_NAME != 0 {
            at += 1;
        }
    }
    let name_len = at - start;
    match buf.get(at) {
        None => return Ok(None),
        Some(b':') if name_len > 0 => {}
        Some(&byte) => return Err(Refusal::new(name_refusal(byte, name_len), at)),
    }
    let Ok(short_len) = u16::try_from(name_len) else { return Err(Refusal::new(Reason::HeadTooLong, at)) };
    let mut value = at + 1;
    while let Some(b' ' | b'\t') = buf.get(value) {
        value += 1;
    }
    let Some(end) = text_end(buf, value, strictness, Reason::Control)? else { return Ok(None) };
    let next = end + 2;
    let mut trimmed = end;
    while trimmed > value && matches!(buf[trimmed - 1], b' ' | b'\t') {
        trimmed -= 1;
    }
    let known = Known::at(buf, start, name_len);
    Ok(Some((Field::new(start, short_len, (value, trimmed), known), next)))
}

/// Offset of the CRLF that ends a line of text which begins at `at`.
#[inline]
fn text_end(buf: &[u8], at: usize, strictness: Strictness, control: Reason) -> Step<usize> {
    let end = next_control(buf, at);
    if buf.get(end..end + 2) == Some(b"\r\n") {
        return Ok(Some(end));
    }
    odd_text_end(buf, end, strictness, control)
}

/// As [`text_end`], from a control character on that is not the end of the line.
#[cold]
fn odd_text_end(buf: &[u8], mut at: usize, strictness: Strictness, control: Reason) -> Step<usize> {
    loop {
        let reason = match buf.get(at) {
            None => return Ok(None),
            Some(b'\r') => match buf.get(at + 1) {
                None => return Ok(None),
                Some(b'\n') => return Ok(Some(at)),
                Some(_) => Reason::BareCr,
            },
            Some(b'\t') => {
                at = next_control(buf, at + 1);
                continue;
            }
            Some(b'\n') => Reason::BareLf,
            Some(0) => Reason::Nul,
            Some(_) if strictness.wide_values => {
                at = next_control(buf, at + 1);
                continue;
            }
            Some(_) => control,
        };
        return Err(Refusal::new(reason, at));
    }
}

/// Offset of the next control character at or after `at`, or the end.
#[inline]
fn next_control(buf: &[u8], mut at: usize) -> usize {
    while let Some(word) = swar::word(buf, at) {
        match swar::first(swar::controls(word)) {
            None => at += 8,
            Some(offset) => return at + offset,
        }
    }
    while at < buf.len() && buf[at] >= 0x20 && buf[at] != 0x7f {
        at += 1;
    }
    at
}

/// Offset of the first byte at or after `at` that no token may hold.
#[inline]
fn token_end(buf: &[u8], mut at: usize) -> usize {
    while at < buf.len() && is_token(buf[at]) {
        at += 1;
    }
    at
}

/// As [`token_end`], fast on letters and dashes, which field names are made of.
#[inline]
fn name_end(buf: &[u8], mut at: usize) -> usize {
    while let Some(word) = swar::word(buf, at) {
        match swar::first(!(swar::letters(word) | swar::equal(word, b'-'))) {
            None => at += 8,
            Some(offset) if is_token(buf[at + offset]) => at += offset + 1,
            Some(offset) => return at + offset,
        }
    }
    token_end(buf, at)
}

/// Offset of the first byte at or after `at` that the target may not hold.
#[inline]
fn target_end(buf: &[u8], mut at: usize, strictness: Strictness) -> usize {
    let allowed = if strictness.wide_target { TARGET | WIDE_TARGET } else { TARGET };
    while let Some(word) = swar::word(buf, at) {
        let stop = !swar::at_least(word, 0x21) | swar::at_least(word, 0x7f) | swar::equal(word, b'#');
        match swar::first(stop) {
            None => at += 8,
            Some(offset) if CLASS[usize::from(buf[at + offset])] & allowed != 0 => at += offset + 1,
            Some(offset) => return at + offset,
        }
    }
    while at < buf.len() && CLASS[usize::from(buf[at])] & allowed != 0 {
        at += 1;
    }
    at
}

/// Reads `HTTP/1.` and a digit at `at`; the flag says that the digit is above 1.
fn version(buf: &[u8], at: usize, preface: bool) -> Step<(Version, bool)> {
    for (offset, expected) in b"HTTP/".iter().enumerate() {
        match buf.get(at + offset) {
            None => return Ok(None),
            Some(byte) if byte == expected => {}
            Some(_) => return Err(Refusal::new(Reason::Version, at + offset)),
        }
    }
    match buf.get(at + 5) {
        None => return Ok(None),
        Some(b'1') => {}
        Some(b'2') if preface => return Err(Refusal::new(Reason::Http2Preface, at + 5)),
        Some(_) => return Err(Refusal::new(Reason::Version, at + 5)),
    }
    match buf.get(at + 6) {
        None => return Ok(None),
        Some(b'.') => {}
        Some(_) => return Err(Refusal::new(Reason::Version, at + 6)),
    }
    match buf.get(at + 7) {
        None => Ok(None),
        Some(b'0') => Ok(Some((Version::Http10, false))),
        Some(b'1') => Ok(Some((Version::Http11, false))),
        // A minor version above ours is read as the highest that is ours (RFC 9110, 2.5).
        Some(b'2'..=b'9') => Ok(Some((Version::Http11, true))),
        Some(_) => Err(Refusal::new(Reason::Version, at + 7)),
    }
}

/// Whether a CRLF stands at `at`; false: more bytes are needed.
fn line_ends(buf: &[u8], at: usize, otherwise: Reason) -> Result<bool, Refusal> {
    match buf.get(at) {
        None => return Ok(false),
        Some(b'\r') => {}
        Some(b'\n') => return Err(Refusal::new(Reason::BareLf, at)),
        Some(_) => return Err(Refusal::new(otherwise, at)),
    }
    match buf.get(at + 1) {
        None => Ok(false),
        Some(b'\n') => Ok(true),
        Some(_) => Err(Refusal::new(Reason::BareCr, at)),
    }
}

/// Why a field name cannot end with this byte.
#[cold]
fn name_refusal(byte: u8, name_len: usize) -> Reason {
    match (byte, name_len) {
        (b':', _) => Reason::EmptyName,
        (b' ' | b'\t', 0) => Reason::Fold,
        (b' ' | b'\t', _) => Reason::SpaceBeforeColon,
        (b'\n', 0) => Reason::BareLf,
        (b'\r' | b'\n', _) => Reason::NoColon,
        _ => Reason::Name,
    }
}

const fn classes() -> [u8; 256] {
    let mut table = [0; 256];
    let mut byte = 0;
    while byte < 256 {
        let value = byte as u8;
        let mut class = 0;
        if value.is_ascii_alphanumeric() || contains(b"!#$%&'*+-.^_`|~", value) {
            class |= TOKEN;
        }
        // HAProxy forwards the visible characters that RFC 3986 leaves out (`"<>\^`{|}`): many
        // clients send them unescaped and no parser splits a line at them.
        if value.is_ascii_graphic() && value != b'#' {
            class |= TARGET;
        }
        if value == b'#' || value >= 0x80 {
            class |= WIDE_TARGET;
        }
        if value > 0x20 && value != 0x7f && value != b':' {
            class |= WIDE_NAME;
        }
        if value.is_ascii_alphanumeric() || contains(b"-._~%!$&'()*+,;=", value) {
            class |= HOST;
        }
        table[byte] = class;
        byte += 1;
    }
    table
}

const fn contains(set: &[u8], byte: u8) -> bool {
    let mut at = 0;
    while at < set.len() {
        if set[at] == byte {
            return true;
        }
        at += 1;
    }
    false
}

const TOKEN: u8 = 1;
const TARGET: u8 = 2;
const WIDE_TARGET: u8 = 4;
const WIDE_NAME: u8 = 8;
const HOST: u8 = 16;
static CLASS: [u8; 256] = classes();
