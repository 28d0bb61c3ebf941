//! The protocols that are built in: what is sent, and what an answer means.
//!
//! A look is taken at all that has come since the last step, again whenever more comes; `last` says that nothing
//! more can come.

use crate::live::{Finding, Outcome};

/// What a look at an answer found.
#[derive(Debug, PartialEq, Eq)]
pub enum Look {
    /// More must come.
    More,
    /// It is right: the next step.
    Next,
    /// It is right, and this is reported if nothing follows.
    Right(Outcome),
    /// It is wrong.
    Wrong(Outcome),
}

/// A TLS hello of version 3.0 (RFC 6101, section 5.6.1.2) that offers the oldest cipher suites; the random bytes say
/// who asks, as HAProxy's do.
pub(super) fn ssl_hello() -> Vec<u8> {
    let suites: Vec<u8> = (0x01..=0x1b_u16).chain(0x2f..=0x3a).flat_map(u16::to_be_bytes).collect();
    let mut hello = vec![3, 0, 0, 0, 0, 0];
    hello.extend_from_slice(b"HAPROXYSSLCHK\nHAPROXYSSLCHK\n");
    hello.push(0);
    hello.extend_from_slice(&(suites.len() as u16).to_be_bytes());
    hello.extend_from_slice(&suites);
    hello.extend_from_slice(&[1, 0]);
    let mut out = vec![0x16, 3, 0];
    out.extend_from_slice(&(hello.len() as u16 + 4).to_be_bytes());
    out.extend_from_slice(&[1, 0]);
    out.extend_from_slice(&(hello.len() as u16).to_be_bytes());
    out.extend_from_slice(&hello);
    out
}

/// A record that holds a handshake or an alert: somebody there speaks TLS.
pub(super) fn look_at_ssl(bytes: &[u8], last: bool) -> Look {
    match bytes {
        [0x15 | 0x16, ..] if bytes.len() >= 5 => Look::Right(Outcome::bare(Finding::L6Passed)),
        [] | [0x15 | 0x16, ..] if !last => Look::More,
        _ => Look::Wrong(Outcome::bare(Finding::L6Invalid)),
    }
}

/// The greeting (RFC 5321, section 3.1).
pub(super) fn look_at_smtp_greeting(bytes: &[u8], last: bool) -> Look {
    let Some(line) = line(bytes, last) else { return Look::More };
    match status(line) {
        None => Look::Wrong(Outcome::with(Finding::L7Invalid, 0, printable(line))),
        Some((code, _)) if (200..300).contains(&code) => Look::Next,
        Some((code, text)) => Look::Wrong(Outcome::with(Finding::L7Failed, code, printable(text))),
    }
}

/// The answer to HELO or EHLO: any line `2xx ` ends it.
pub(super) fn look_at_smtp_hello(bytes: &[u8], last: bool) -> Look {
    let ends = |line: &[u8]| {
        matches!(line, [b'2', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r', ..] | [b'2', b'0'..=b'9', b'0'..=b'9'])
    };
    match complete_lines(bytes).any(ends) {
        true => Look::Next,
        false if last => Look::Wrong(Outcome::with(Finding::L7Failed, code_of(bytes), printable_rest(bytes))),
        false => Look::More,
    }
}

/// The answer to QUIT.
pub(super) fn look_at_smtp_farewell(bytes: &[u8], last: bool) -> Look {
    let ends = |line: &&[u8]| matches!(line, [b'2', b'0'..=b'9', b'0'..=b'9', b' ' | b'\r', ..]);
    let found = complete_lines(bytes).find(ends).and_then(status);
    match found {
        Some((code, text)) => Look::Right(Outcome::with(Finding::L7Passed, code, printable(text))),
        None if last => Look::Wrong(Outcome::with(Finding::L7Failed, code_of(bytes), printable_rest(bytes))),
        None => Look::More,
    }
}

/// A login without a password, of version 4.1 or before it; then a farewell.
pub(super) fn mysql_login(user: &str, old: bool) -> Vec<u8> {
    let mut packet: Vec<u8> = match old {
        // Capabilities "long password" and "connect with database", the largest packet, the name, no password.
        true => vec![0x00, 0x80, 0x00, 0x00, 0x01],
        // Capabilities "protocol 4.1" and "secure connection", the largest packet, the character set, a filler.
        false => {
            let mut head = vec![0x00, 0x82, 0x00, 0x00, 0x00, 0x80, 0x00, 0x01, 0x21];
            head.resize(32, 0);
            head
        }
    };
    packet.extend_from_slice(user.as_bytes());
    packet.push(0);
    packet.push(0);
    let mut out = (packet.len() as u32).to_le_bytes()[..3].to_vec();
    out.push(1);
    out.extend_from_slice(&packet);
    out.extend_from_slice(&[1, 0, 0, 0, 1]);
    out
}

/// The greeting is the whole check.
pub(super) fn look_at_mysql_greeting(bytes: &[u8], last: bool) -> Look {
    match look_at_mysql(bytes, last) {
        Look::Next => Look::Right(Outcome::bare(Finding::L7Passed)),
        other => other,
    }
}

/// The greeting before a login.
pub(super) fn look_at_mysql_hello(bytes: &[u8], last: bool) -> Look {
    look_at_mysql(bytes, last)
}

/// The answer to a login.
pub(super) fn look_at_mysql_login(bytes: &[u8], last: bool) -> Look {
    look_at_mysql_greeting(bytes, last)
}

/// A packet of MySQL (its protocol documentation, "MySQL Packets"): an error, or anything else.
fn look_at_mysql(bytes: &[u8], last: bool) -> Look {
    let short = || match last {
        true => Look::Wrong(Outcome::with(Finding::L7Invalid, 0, "")),
        false => Look::More,
    };
    let [low, middle, high, _, rest @ ..] = bytes else { return short() };
    let length = usize::from(*low) | usize::from(*middle) << 8 | usize::from(*high) << 16;
    let Some(packet) = rest.get(..length) else { return short() };
    match packet {
        [0xff, low, high, text @ ..] => {
            let code = u32::from(u16::from_le_bytes([*low, *high]));
            Look::Wrong(Outcome::with(Finding::L7Failed, code, printable(text)))
        }
        [] => short(),
        _ => Look::Next,
    }
}

/// The packet that begins a session (PostgreSQL, "Message Formats", StartupMessage).
pub(super) fn pgsql_startup(user: &str) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 0];
    body.extend_from_slice(b"user\0");
    body.extend_from_slice(user.as_bytes());
    body.extend_from_slice(&[0, 0]);
    let mut out = (body.len() as u32 + 4).to_be_bytes().to_vec();
    out.extend_from_slice(&body);
    out
}

/// An answer that asks for any kind of authentication is right.
pub(super) fn look_at_pgsql(bytes: &[u8], last: bool) -> Look {
    match bytes {
        [b'R', 0, 0, 0, ..] if bytes.len() >= 9 => {
            Look::Right(Outcome::with(Finding::L7Passed, 0, "PostgreSQL server is ok"))
        }
        [b'E', 0, 0, 0, _, text @ ..] if !text.is_empty() => {
            // The first field is the severity: a letter, then text up to a zero byte.
            let field = text.get(1..).unwrap_or_default().split(|byte| *byte == 0).next().unwrap_or_default();
            Look::Wrong(Outcome::with(Finding::L7Invalid, 0, printable(field)))
        }
        _ if bytes.len() < 9 && !last => Look::More,
        _ => Look::Wrong(Outcome::with(Finding::L7Failed, 0, "PostgreSQL unknown error")),
    }
}

/// The answer to PING (Redis serialization protocol): anything else is waited out, as HAProxy does.
pub(super) fn look_at_redis(bytes: &[u8], last: bool) -> Look {
    const PONG: &[u8] = b"+PONG\r\n";
    match bytes.starts_with(PONG) {
        true => Look::Right(Outcome::with(Finding::L7Passed, 0, "Redis server is ok")),
        false if last && bytes.starts_with(b"-") => {
            let line = complete_lines(bytes).next().unwrap_or_default();
            Look::Wrong(Outcome::with(Finding::L7Failed, 0, printable(line)))
        }
        false if last => Look::Wrong(Outcome::bare(Finding::L7Failed)),
        false => Look::More,
    }
}

/// An anonymous bind (RFC 4511, section 4.2).
pub(super) fn ldap_bind() -> Vec<u8> {
    vec![0x30, 0x0c, 0x02, 0x01, 0x01, 0x60, 0x07, 0x02, 0x01, 0x03, 0x04, 0x00, 0x80, 0x00]
}

/// The answer to a bind (RFC 4511, sections 4.1.1, 4.1.9 and 4.2.2).
pub(super) fn look_at_ldap(bytes: &[u8], last: bool) -> Look {
    const STRANGE: &str = "Not LDAPv3 protocol";
    let wrong = || Look::Wrong(Outcome::with(Finding::L7Invalid, 0, STRANGE));
    let short = || if last { wrong() } else { Look::More };
    let Some((first, rest)) = bytes.split_first() else { return short() };
    if *first != 0x30 {
        return wrong();
    }
    // The length: one byte, or the number of bytes that hold it.
    let skipped = match rest.first() {
        None => return short(),
        Some(length) if *length & 0x80 != 0 => usize::from(*length & 0x7f) + 1,
        Some(_) => 1,
    };
    if skipped > 5 {
        return wrong();
    }
    let Some(message) = rest.get(skipped..) else { return short() };
    let head = message.get(..message.len().min(4)).unwrap_or_default();
    if !b"\x02\x01\x01\x61".starts_with(head) {
        return wrong();
    }
    match message.get(4..) {
        Some([length, 0x0a, 0x01, code, ..]) if *length & 0x80 == 0 => match code {
            0 => Look::Right(Outcome::bare(Finding::L7Passed)),
            code => {
                let place = "See RFC: http://tools.ietf.org/html/rfc4511#section-4.1.9";
                Look::Wrong(Outcome::with(Finding::L7Failed, u32::from(*code), place))
            }
        },
        Some([_, rest @ ..]) if rest.len() >= 3 => wrong(),
        _ => short(),
    }
}

/// The hello of a proxy that only asks how an agent is (SPOE.txt, section 3.2.4).
pub(super) fn spop_hello() -> Vec<u8> {
    // HAPROXY-HELLO, flags "fin", stream 0, frame 0.
    let mut frame = vec![1, 0, 0, 0, 1, 0, 0];
    let text = |out: &mut Vec<u8>, text: &str| {
        out.push(text.len() as u8);
        out.extend_from_slice(text.as_bytes());
    };
    text(&mut frame, "supported-versions");
    frame.push(8);
    text(&mut frame, "2.0");
    text(&mut frame, "max-frame-size");
    // An unsigned 32-bit integer: 16380.
    frame.extend_from_slice(&[3, 0xfc, 0xf0, 0x06]);
    text(&mut frame, "capabilities");
    frame.push(8);
    text(&mut frame, "");
    text(&mut frame, "healthcheck");
    // A boolean: true.
    frame.push(0x11);
    let mut out = (frame.len() as u32).to_be_bytes().to_vec();
    out.extend_from_slice(&frame);
    out
}

/// An agent's hello, or its farewell with a reason (SPOE.txt, sections 3.2.5 and 3.2.9).
pub(super) fn look_at_spop(bytes: &[u8], last: bool) -> Look {
    let short = || match last {
        true => Look::Wrong(Outcome::bare(Finding::L7Invalid)),
        false => Look::More,
    };
    let Some((length, frame)) = bytes.split_first_chunk::<4>() else { return short() };
    let length = u32::from_be_bytes(*length) as usize;
    if !(7..=LARGEST_FRAME).contains(&length) {
        return Look::Wrong(Outcome::with(Finding::L7Invalid, 0, "not a frame of SPOP"));
    }
    let Some(frame) = frame.get(..length) else { return short() };
    match frame.first() {
        Some(101) => Look::Right(Outcome::with(Finding::L7Passed, 0, "SPOA server is ok")),
        Some(102) => {
            let said = find(frame, b"message").unwrap_or_default();
            Look::Wrong(Outcome::with(Finding::L7Invalid, 0, printable(said)))
        }
        _ => Look::Wrong(Outcome::with(Finding::L7Invalid, 0, "not a hello of an agent")),
    }
}

/// The text that follows a name in a list of names and values.
fn find<'a>(frame: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let at = frame.windows(name.len()).position(|window| window == name)?;
    match frame.get(at + name.len()..)? {
        [8, length, text @ ..] => Some(text.get(..usize::from(*length)).unwrap_or(text)),
        _ => None,
    }
}

/// The first line without its end, once it is complete or nothing more comes.
fn line(bytes: &[u8], last: bool) -> Option<&[u8]> {
    match memchr::memchr(b'\n', bytes) {
        Some(end) => bytes.get(..end),
        None if last => Some(bytes),
        None => None,
    }
}

fn complete_lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = memchr::memrchr(b'\n', bytes).unwrap_or(0);
    bytes.get(..end).unwrap_or_default().split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

/// A line's three digits and the text after them.
fn status(line: &[u8]) -> Option<(u32, &[u8])> {
    let digits = line.get(..3)?;
    if !digits.iter().all(u8::is_ascii_digit) || line.get(3).is_some_and(u8::is_ascii_digit) {
        return None;
    }
    let code = digits.iter().fold(0, |code, digit| code * 10 + u32::from(*digit - b'0'));
    Some((code, line.get(4..).unwrap_or_default()))
}

fn code_of(bytes: &[u8]) -> u32 {
    status(bytes).map_or(0, |(code, _)| code)
}

fn printable_rest(bytes: &[u8]) -> String {
    let line = line(bytes, true).unwrap_or_default();
    printable(status(line).map_or(line, |(_, text)| text))
}

/// What a peer said, fit for a line of statistics: no control characters, no quotes, no comma's worth of noise.
pub(super) fn printable(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(bytes.get(..LONGEST_DETAIL).unwrap_or(bytes));
    text.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Bytes of a peer's words in a report.
const LONGEST_DETAIL: usize = 256;

/// The largest frame that an agent may send.
const LARGEST_FRAME: usize = 16_384;
