//! Formats as bytes: what each alias is worth, and how flags show it, byte for byte as HAProxy 2.6 does
//! (configuration manual 8.2.6). Objects of JSON and CBOR are `encode.rs`.
//!
//! Pure. Every alias stands in one exhaustive match, [`show`].

use std::borrow::Cow;

use regate_proto::model::Mode;
use regate_proto::rules::log_format::{Alias, Cast, Flag, FlagSet, Shape};

use super::Record;
use super::date::{Dates, Moment};
use super::dress::Identity;
use super::encode::{self, Datum};
use super::line::{backend, letters, put_ending, request_line, server};
use super::text::{
    push_escaped, put_address_digits, put_header, put_hexadecimal, put_ip, put_number, put_padded, put_plain,
    put_timer,
};
use crate::fetch::{self, Captures, Side, Timers, View};
use crate::sample::Value;
use crate::snapshot::{Encoding, FieldPlan, FormatPlan, Source, Step};

/// What a text is made for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A line: what is empty is `-`.
    Line,
    /// A part of a message: control characters are written as in URLs.
    Message,
    /// Anything else, such as a variable.
    Value,
}

/// What aliases are worth.
pub(super) struct Facts<'a> {
    pub(super) record: &'a Record,
    pub(super) mode: Mode,
    /// Whether the exchange goes on, so that what still grows has `+` before it.
    pub(super) early: bool,
    /// Why the text is made, as `%OG` says it.
    pub(super) origin: &'static str,
    /// Lines of the frontend before this one.
    pub(super) line_number: u32,
    pub(super) identity: &'a Identity,
}

/// Appends what a format says.
pub(super) fn render(
    out: &mut Vec<u8>,
    plan: &FormatPlan,
    purpose: Purpose,
    (facts, dates): (Option<&Facts<'_>>, &mut Dates),
    view: Option<&View<'_>>,
) {
    if let Some(encoding) = plan.object {
        return render_object(out, plan, encoding, (facts, dates), view);
    }
    // What shows nothing at all leaves no two spaces behind.
    let mut skips_space = false;
    for step in &plan.steps {
        match step {
            Step::Text(text) => {
                let skips = std::mem::take(&mut skips_space) && text.first() == Some(&b' ');
                out.extend_from_slice(text.get(usize::from(skips)..).unwrap_or_default());
            }
            Step::Field(field) => match (&field.source, single_encoding(field.flags)) {
                (_, Some(encoding)) => {
                    let datum = datum(field, (facts, dates), view);
                    encode::put(out, encoding, &datum);
                }
                (Source::Alias(alias), None) => {
                    if let Some(facts) = facts {
                        show(out, *alias, Style::of(field.flags, purpose), facts, dates);
                        let captured = match alias {
                            Alias::RequestHeaders | Alias::RequestHeaderList => facts.record.captured[0],
                            Alias::ResponseHeaders | Alias::ResponseHeaderList => facts.record.captured[1],
                            _ => 1,
                        };
                        skips_space = captured == 0
                            && purpose == Purpose::Line
                            && out.last().is_none_or(|byte| *byte == b' ');
                    }
                }
                (Source::Sample(plan), None) => {
                    let value = view.and_then(|view| fetch::evaluate(plan, view));
                    put_sample(out, value, field.flags, purpose);
                }
            },
        }
    }
}

fn render_object(
    out: &mut Vec<u8>,
    plan: &FormatPlan,
    encoding: Encoding,
    (facts, dates): (Option<&Facts<'_>>, &mut Dates),
    view: Option<&View<'_>>,
) {
    let mut object = encode::Object::begin(out, encoding);
    for step in &plan.steps {
        let Step::Field(field) = step else { continue };
        let Some(name) = &field.name else { continue };
        let datum = datum(field, (facts, &mut *dates), view);
        object.put(name, &datum);
    }
    object.end();
}

/// The encoding that a field asks for by itself.
fn single_encoding(flags: FlagSet) -> Option<Encoding> {
    match (flags.has(Flag::Json), flags.has(Flag::Cbor)) {
        (true, _) => Some(Encoding::Json),
        (false, true) if flags.has(Flag::Binary) => Some(Encoding::BinaryCbor),
        (false, true) => Some(Encoding::Cbor),
        (false, false) => None,
    }
}

/// A field's value with its type.
fn datum<'a>(
    field: &'a FieldPlan,
    (facts, dates): (Option<&Facts<'_>>, &mut Dates),
    view: Option<&View<'a>>,
) -> Datum<'a> {
    let datum = match &field.source {
        Source::Sample(plan) => match view.and_then(|view| fetch::evaluate(plan, view)) {
            None => Datum::Null,
            Some(Value::Bool(truth)) => Datum::Bool(truth),
            Some(Value::Int(number)) => Datum::Number(number),
            Some(Value::Bin(bytes)) => Datum::Bytes(bytes),
            Some(value) => Datum::Text(value.into_text()),
        },
        Source::Alias(alias) => {
            let Some(facts) = facts else { return Datum::Null };
            let mut text = Vec::new();
            let hexadecimal = field.flags.has(Flag::Hexadecimal);
            let style =
                Style { quote: false, escape: false, hexadecimal, bare: true, purpose: Purpose::Value };
            show(&mut text, *alias, style, facts, dates);
            let is_number = match alias.row().shape {
                Shape::Number => true,
                Shape::Hexadecimal => !hexadecimal,
                _ => false,
            };
            match (is_number, text.is_empty()) {
                (_, true) => Datum::Null,
                (true, false) => integer(&text).map_or(Datum::Null, Datum::Number),
                (false, false) => Datum::Text(Cow::Owned(text)),
            }
        }
    };
    match field.cast {
        None => datum,
        Some(cast) => datum.cast(cast),
    }
}

impl Datum<'_> {
    fn cast(self, cast: Cast) -> Self {
        match (cast, self) {
            (_, Datum::Null) => Datum::Null,
            (Cast::Text, Datum::Number(number)) => Datum::Text(Cow::Owned(number.to_string().into_bytes())),
            (Cast::Text, Datum::Bool(truth)) => Datum::Text(Cow::Borrowed(if truth { b"1" } else { b"0" })),
            (Cast::Text, Datum::Bytes(bytes)) => Datum::Text(bytes),
            (Cast::Number, Datum::Bool(truth)) => Datum::Number(i64::from(truth)),
            (Cast::Number, Datum::Text(text) | Datum::Bytes(text)) => {
                integer(&text).map_or(Datum::Null, Datum::Number)
            }
            (Cast::Bool, Datum::Number(number)) => Datum::Bool(number != 0),
            (Cast::Bool, Datum::Text(text) | Datum::Bytes(text)) => Datum::Bool(
                matches!(text.as_ref(), b"true" | b"yes" | b"on") || integer(&text).unwrap_or(0) != 0,
            ),
            (_, datum) => datum,
        }
    }
}

fn integer(text: &[u8]) -> Option<i64> {
    std::str::from_utf8(text).ok()?.parse().ok()
}

/// How a value is shown.
#[derive(Clone, Copy, Debug)]
struct Style {
    quote: bool,
    escape: bool,
    hexadecimal: bool,
    /// Whether the value is taken for an object: as it is.
    bare: bool,
    purpose: Purpose,
}

impl Style {
    fn of(flags: FlagSet, purpose: Purpose) -> Style {
        Style {
            quote: flags.has(Flag::Quote),
            escape: flags.has(Flag::Escape),
            hexadecimal: flags.has(Flag::Hexadecimal),
            bare: false,
            purpose,
        }
    }

    /// Text that only the flag `E` changes.
    fn text(self, out: &mut Vec<u8>, text: &[u8]) {
        if text.is_empty() && !self.quote {
            if self.purpose == Purpose::Line && !self.bare {
                out.push(b'-');
            }
            return;
        }
        self.quoted(out, |out| put_plain(out, text, self.escape));
    }

    /// Text of a client: what could leave its field becomes `#` and two digits.
    fn foreign(self, out: &mut Vec<u8>, text: &[u8]) {
        self.quoted(out, |out| match self.bare {
            true => out.extend_from_slice(text),
            false => push_escaped(out, text, self.escape),
        });
    }

    fn quoted(self, out: &mut Vec<u8>, put: impl FnOnce(&mut Vec<u8>)) {
        if self.quote {
            out.push(b'"');
        }
        put(out);
        if self.quote {
            out.push(b'"');
        }
    }

    fn number(self, out: &mut Vec<u8>, number: u64, width: usize) {
        if self.hexadecimal {
            put_hexadecimal(out, number, width);
        } else {
            put_number(out, number);
        }
    }

    fn address(self, out: &mut Vec<u8>, ip: Option<std::net::IpAddr>) {
        match ip {
            None => self.text(out, b""),
            Some(ip) if self.hexadecimal => put_address_digits(out, ip),
            Some(ip) => self.quoted(out, |out| put_ip(out, ip)),
        }
    }

    fn port(self, out: &mut Vec<u8>, port: Option<u64>) {
        match port {
            None => self.text(out, b""),
            Some(port) => self.number(out, port, 4),
        }
    }

    /// Kept headers, each for itself: one that was not there is empty.
    fn captures(self, out: &mut Vec<u8>, captures: &Captures, side: Side, count: usize) {
        for place in 0..count {
            if place > 0 {
                out.push(b'|');
            }
            let value = captures.value(side, place).unwrap_or_default();
            match self.bare {
                true => out.extend_from_slice(value),
                false => put_header(out, value, self.escape),
            }
        }
    }
}

/// Appends what an alias is worth.
fn show(out: &mut Vec<u8>, alias: Alias, style: Style, facts: &Facts<'_>, dates: &mut Dates) {
    let record = facts.record;
    let timers = Timers::of(&record.phases());
    let http = facts.mode == Mode::Http;
    let rising = |out: &mut Vec<u8>, number: u64| {
        if facts.early && !style.bare {
            out.push(b'+');
        }
        put_number(out, number);
    };
    let request = |out: &mut Vec<u8>, part: fn(&[u8]) -> &[u8]| match record.request_line.as_slice() {
        [] if style.bare => {}
        [] => style.quoted(out, |out| out.extend_from_slice(b"<BADREQ>")),
        _ => style.foreign(out, part(request_line(record))),
    };
    match alias {
        Alias::BytesSent => rising(out, record.bytes_out),
        Alias::RequestCookie => {
            style.text(out, record.captures.cookie(Side::Request).unwrap_or_default());
        }
        Alias::ResponseCookie => {
            style.text(out, record.captures.cookie(Side::Response).unwrap_or_default());
        }
        Alias::Host => style.text(out, facts.identity.host.as_bytes()),
        Alias::Method => request(out, |line| parts(line).0),
        Alias::Path => request(out, |line| without_query(parts(line).1)),
        Alias::PathOnly => request(out, |line| path(without_query(parts(line).1))),
        Alias::Query => request(out, |line| query(parts(line).1)),
        Alias::Target => request(out, |line| parts(line).1),
        Alias::Version => request(out, |line| parts(line).2),
        Alias::UniqueId => style.text(out, record.unique_id.as_deref().unwrap_or_default()),
        Alias::Origin => style.text(out, facts.origin.as_bytes()),
        Alias::Status => match record.status {
            Some(status) => put_number(out, status.into()),
            None if http || style.purpose != Purpose::Line => put_timer(out, None),
            None => put_number(out, 0),
        },
        Alias::GmtDate => put_gmt(out, dates, Moment::from(record.accepted_at)),
        Alias::RequestTime => put_timer(out, timers.request),
        Alias::ActiveTime => rising(out, timers.active),
        Alias::ConnectTime => put_timer(out, timers.connect),
        Alias::DataTime => put_timer(out, timers.data),
        Alias::HandshakeTime => put_number(out, record.handshake.into()),
        Alias::IdleTime => put_number(out, timers.idle),
        Alias::LocalDate => put_local(out, dates, Moment::from(record.accepted_at)),
        Alias::QueryTime => {
            put_timer(out, timers.request.map(|time| time + timers.idle + u64::from(record.handshake)));
        }
        Alias::ResponseTime => put_timer(out, timers.response),
        Alias::Timestamp => style.number(out, Moment::from(record.accepted_at).seconds.max(0) as u64, 4),
        Alias::TotalTime => rising(out, timers.total),
        Alias::UserTime => rising(out, timers.total.saturating_sub(timers.idle)),
        Alias::QueueTime => put_timer(out, timers.queue),
        Alias::BytesReceived => put_number(out, record.bytes_in),
        Alias::ProcessConnections => put_number(out, record.concurrent[0].into()),
        Alias::Backend => style.text(out, backend(record).as_str().as_bytes()),
        Alias::BackendConnections => put_number(out, record.concurrent[2].into()),
        Alias::BackendSourceIp => style.address(out, record.source.map(|address| address.ip())),
        Alias::BackendSourcePort => style.port(out, record.source.map(|address| address.port().into())),
        Alias::BackendQueue => put_number(out, record.queued[1].into()),
        Alias::ClientIp => match record.client {
            Some(client) => style.address(out, Some(client.ip())),
            None => style.text(out, b"unix"),
        },
        Alias::ClientPort => {
            style.port(out, Some(record.client.map_or(record.bind_id.into(), |client| client.port().into())));
        }
        Alias::Frontend | Alias::FrontendTransport => style.text(out, record.frontend.as_str().as_bytes()),
        Alias::FrontendConnections => put_number(out, record.concurrent[1].into()),
        Alias::FrontendIp => match record.destination {
            Some(address) => style.address(out, Some(address.ip())),
            None if record.client.is_none() => style.text(out, b"unix"),
            None => style.text(out, b""),
        },
        Alias::FrontendPort => match record.destination {
            Some(address) => style.port(out, Some(address.port().into())),
            None if record.client.is_none() => style.port(out, Some(record.bind_id.into())),
            None => style.text(out, b""),
        },
        Alias::RequestHeaders => put_braced(out, style, &record.captures, Side::Request, record.captured[0]),
        Alias::ResponseHeaders => {
            put_braced(out, style, &record.captures, Side::Response, record.captured[1])
        }
        Alias::RequestHeaderList => put_list(out, style, &record.captures, Side::Request, record.captured[0]),
        Alias::ResponseHeaderList => {
            put_list(out, style, &record.captures, Side::Response, record.captured[1])
        }
        Alias::LogCounter => style.number(out, facts.line_number.into(), 4),
        Alias::Millisecond => {
            let millis = Moment::from(record.accepted_at).millis();
            match style.hexadecimal {
                true => put_hexadecimal(out, millis.into(), 2),
                false if style.bare => put_number(out, millis.into()),
                false => put_padded::<3>(out, millis),
            }
        }
        Alias::Process => style.number(out, std::process::id().into(), 4),
        Alias::Request => request(out, |line| line),
        Alias::Retries => {
            if record.redispatched && !style.bare {
                out.push(b'+');
            }
            put_number(out, record.retries.into());
        }
        Alias::RequestCounter => style.number(out, record.request_number.into(), 4),
        Alias::Server => style.text(out, server(record)),
        Alias::ServerConnections => put_number(out, record.concurrent[3].into()),
        Alias::ServerIp => style.address(out, record.server_address.map(|address| address.ip())),
        Alias::ServerPort => style.port(out, record.server_address.map(|address| address.port().into())),
        Alias::ServerQueue => put_number(out, record.queued[0].into()),
        // No connection is by TLS.
        Alias::TlsCipher | Alias::TlsVersion => style.text(out, b""),
        Alias::Date => put_millis(out, dates, Moment::from(record.accepted_at)),
        Alias::RequestDate => put_millis(out, dates, Moment::from(record.started_at)),
        Alias::RequestGmtDate => put_gmt(out, dates, Moment::from(record.started_at)),
        Alias::RequestLocalDate => put_local(out, dates, Moment::from(record.started_at)),
        Alias::Termination => out.extend_from_slice(&letters(record.termination)),
        Alias::TerminationCookies => put_ending(out, record),
    }
}

/// Appends the value of a sample.
fn put_sample(out: &mut Vec<u8>, value: Option<Value<'_>>, flags: FlagSet, purpose: Purpose) {
    let text = match value {
        None => Cow::Borrowed(b"".as_slice()),
        Some(Value::Bin(bytes)) => bytes,
        Some(value) => value.into_text(),
    };
    if flags.has(Flag::Binary) {
        return out.extend_from_slice(&text);
    }
    // HAProxy's texts end at a zero.
    let end = memchr::memchr(0, &text).unwrap_or(text.len());
    let text = text.get(..end).unwrap_or_default();
    let mut style = Style::of(flags, purpose);
    if purpose == Purpose::Message {
        style.quote = false;
        for byte in text.iter().copied() {
            match byte {
                b'\t' | 0x20..=0x7e | 0x80.. => {
                    if style.escape && matches!(byte, b'"' | b'\\' | b']') {
                        out.push(b'\\');
                    }
                    out.push(byte);
                }
                _ => {
                    out.push(b'%');
                    put_hexadecimal(out, byte.into(), 2);
                }
            }
        }
        return;
    }
    style.text(out, text);
}

fn put_braced(out: &mut Vec<u8>, style: Style, captures: &Captures, side: Side, count: usize) {
    if count == 0 {
        return;
    }
    style.quoted(out, |out| {
        out.push(b'{');
        style.captures(out, captures, side, count);
        out.push(b'}');
    });
}

fn put_list(out: &mut Vec<u8>, style: Style, captures: &Captures, side: Side, count: usize) {
    for place in 0..count {
        if place > 0 {
            out.push(b' ');
        }
        match captures.value(side, place) {
            Some(value) if style.bare => out.extend_from_slice(value),
            Some(value) => style.quoted(out, |out| put_header(out, value, style.escape)),
            None => style.text(out, b""),
        }
    }
}

fn put_gmt(out: &mut Vec<u8>, dates: &mut Dates, at: Moment) {
    out.extend_from_slice(dates.utc_field(at));
    out.extend_from_slice(b" +0000");
}

fn put_local(out: &mut Vec<u8>, dates: &mut Dates, at: Moment) {
    out.extend_from_slice(dates.field(at));
    let (_, minutes) = dates.iso(at);
    out.extend_from_slice(if minutes < 0 { b" -" } else { b" +" });
    put_padded::<2>(out, minutes.unsigned_abs() / 60);
    put_padded::<2>(out, minutes.unsigned_abs() % 60);
}

fn put_millis(out: &mut Vec<u8>, dates: &mut Dates, at: Moment) {
    out.extend_from_slice(dates.field(at));
    out.push(b'.');
    put_padded::<3>(out, at.millis());
}

/// Method, target and version of a request line.
fn parts(line: &[u8]) -> (&[u8], &[u8], &[u8]) {
    let (method, rest) = split(line, memchr::memchr(b' ', line));
    let (target, version) = split(rest, memchr::memrchr(b' ', rest));
    (method, target, version)
}

/// What is before a place and what is behind it.
fn split(text: &[u8], at: Option<usize>) -> (&[u8], &[u8]) {
    match at {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, b""),
    }
}

fn without_query(target: &[u8]) -> &[u8] {
    split(target, memchr::memchr(b'?', target)).0
}

fn query(target: &[u8]) -> &[u8] {
    memchr::memchr(b'?', target).and_then(|at| target.get(at..)).unwrap_or_default()
}

/// The path of a target: behind scheme and authority where it has them.
fn path(target: &[u8]) -> &[u8] {
    if target.first() == Some(&b'/') {
        return target;
    }
    let Some(scheme) = memchr::memmem::find(target, b"://") else { return b"" };
    let rest = target.get(scheme + 3..).unwrap_or_default();
    memchr::memchr(b'/', rest).and_then(|at| rest.get(at..)).unwrap_or_default()
}

#[cfg(test)]
#[path = "format_tests.rs"]
mod tests;
