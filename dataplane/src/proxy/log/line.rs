//! What a line says: a record as text, byte for byte as HAProxy 2.6 writes it (configuration manual 8.2).
//!
//! Pure. The header before the text is `dress.rs`.

use regate_proto::model::{Mode, Name};

use super::date::{Dates, Moment};
use super::text::{
    put_address, put_escaped, put_header, put_ip, put_number, put_padded, put_plain, put_timer,
};
use super::{Record, Refusal};
use crate::fetch::{Side, Timers};
use crate::proxy::persistence::{Presented, Told};
use crate::proxy::record::{Cause, Phase, Termination};
use crate::snapshot::{FormatPlan, LineFormat, LogPlan};

/// Appends the text of an exchange in one of the formats that have a name; gives a format of the user's back.
pub(super) fn render<'p>(
    out: &mut Vec<u8>,
    plan: &'p LogPlan,
    record: &Record,
    dates: &mut Dates,
) -> Option<&'p FormatPlan> {
    match &plan.format {
        LineFormat::Plain => render_plain(out, plan.mode, record),
        LineFormat::Tcp => render_tcp(out, plan, record, dates),
        LineFormat::Http => render_http(out, plan, record, dates),
        LineFormat::Clf => render_clf(out, plan, record, dates),
        LineFormat::Https => {
            render_http(out, plan, record, dates);
            // What is known of TLS (8.2.4) where there is none.
            out.extend_from_slice(b" 0/-/-/-/0 -/-/-");
        }
        LineFormat::Custom(format) => return Some(format),
    }
    None
}

/// Appends the text of a connection that ended before it became a session (8.2.5).
pub(super) fn render_refusal(out: &mut Vec<u8>, refusal: &Refusal<'_>, dates: &mut Dates) {
    let at = Moment::from(refusal.accepted_at);
    match refusal.client {
        Some(client) => put_address(out, client),
        None => put_unix(out, refusal.bind_id),
    }
    put_date(out, dates, at);
    out.extend_from_slice(refusal.frontend.as_str().as_bytes());
    out.push(b'/');
    out.extend_from_slice(refusal.bind.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(refusal.reason.as_bytes());
}

/// 8.2.1.
fn render_plain(out: &mut Vec<u8>, mode: Mode, record: &Record) {
    match (record.client, record.destination) {
        (Some(client), Some(destination)) => {
            out.extend_from_slice(b"Connect from ");
            put_address(out, client);
            out.extend_from_slice(b" to ");
            put_address(out, destination);
        }
        _ => {
            out.extend_from_slice(b"Connect to ");
            put_unix(out, record.bind_id);
        }
    }
    out.extend_from_slice(b" (");
    out.extend_from_slice(record.frontend.as_str().as_bytes());
    out.extend_from_slice(match mode {
        Mode::Tcp => b"/TCP)".as_slice(),
        Mode::Http => b"/HTTP)",
    });
}

/// 8.2.2.
fn render_tcp(out: &mut Vec<u8>, plan: &LogPlan, record: &Record, dates: &mut Dates) {
    let timers = Timers::of(&record.phases());
    put_client(out, record);
    put_date(out, dates, Moment::from(record.accepted_at));
    put_names(out, record);
    put_timer(out, timers.queue);
    out.push(b'/');
    put_timer(out, timers.connect);
    out.push(b'/');
    put_rising(out, plan, timers.total);
    out.push(b' ');
    put_rising(out, plan, record.bytes_out);
    out.push(b' ');
    out.extend_from_slice(&letters(record.termination));
    out.push(b' ');
    put_counts(out, record, b'/');
}

/// 8.2.3.
fn render_http(out: &mut Vec<u8>, plan: &LogPlan, record: &Record, dates: &mut Dates) {
    let timers = Timers::of(&record.phases());
    put_client(out, record);
    put_date(out, dates, Moment::from(record.started_at));
    put_names(out, record);
    for timer in [timers.request, timers.queue, timers.connect, timers.response] {
        put_timer(out, timer);
        out.push(b'/');
    }
    put_rising(out, plan, timers.active);
    out.push(b' ');
    put_timer(out, record.status.map(u64::from));
    out.push(b' ');
    put_rising(out, plan, record.bytes_out);
    for side in [Side::Request, Side::Response] {
        out.push(b' ');
        put_cookie(out, record, side, b"-");
    }
    out.push(b' ');
    put_ending(out, record);
    out.push(b' ');
    put_counts(out, record, b'/');
    for (side, count) in [(Side::Request, record.captured[0]), (Side::Response, record.captured[1])] {
        if count > 0 {
            out.extend_from_slice(b" {");
            put_captures(out, record, (side, count), |out, place| {
                if place > 0 {
                    out.push(b'|');
                }
            });
            out.push(b'}');
        }
    }
    out.push(b' ');
    put_request(out, record);
}

/// 8.2.3, in the order of the common log format.
fn render_clf(out: &mut Vec<u8>, plan: &LogPlan, record: &Record, dates: &mut Dates) {
    let timers = Timers::of(&record.phases());
    match record.client {
        Some(client) => put_ip(out, client.ip()),
        None => out.extend_from_slice(b"unix"),
    }
    out.extend_from_slice(b" - - [");
    out.extend_from_slice(dates.utc_field(Moment::from(record.started_at)));
    out.extend_from_slice(b" +0000] ");
    put_request(out, record);
    out.push(b' ');
    put_timer(out, record.status.map(u64::from));
    out.push(b' ');
    put_rising(out, plan, record.bytes_out);
    out.extend_from_slice(b" \"\" \"\" ");
    put_number(out, record.client.map_or(record.bind_id.into(), |client| client.port().into()));
    out.push(b' ');
    put_padded::<3>(out, Moment::from(record.accepted_at).millis());
    out.extend_from_slice(b" \"");
    out.extend_from_slice(record.frontend.as_str().as_bytes());
    out.extend_from_slice(b"\" \"");
    out.extend_from_slice(backend(record).as_str().as_bytes());
    out.extend_from_slice(b"\" \"");
    out.extend_from_slice(server(record));
    out.extend_from_slice(b"\" ");
    for timer in [timers.request, timers.queue, timers.connect, timers.response] {
        put_timer(out, timer);
        out.push(b' ');
    }
    put_rising(out, plan, timers.active);
    out.push(b' ');
    put_ending(out, record);
    out.push(b' ');
    put_counts(out, record, b' ');
    for side in [Side::Request, Side::Response] {
        out.extend_from_slice(b" \"");
        put_cookie(out, record, side, b"");
        out.push(b'"');
    }
    let captured: usize = record.captured.iter().sum();
    for (side, count) in [(Side::Request, record.captured[0]), (Side::Response, record.captured[1])] {
        put_captures(out, record, (side, count), |out, place| {
            out.extend_from_slice(if place > 0 { b"\" \"" } else { b" \"" });
        });
        if count > 0 {
            out.push(b'"');
        }
    }
    if captured == 0 {
        out.push(b' ');
    }
}

fn put_client(out: &mut Vec<u8>, record: &Record) {
    match record.client {
        Some(client) => put_address(out, client),
        None => put_unix(out, record.bind_id),
    }
}

fn put_unix(out: &mut Vec<u8>, bind_id: u32) {
    out.extend_from_slice(b"unix:");
    put_number(out, bind_id.into());
}

fn put_date(out: &mut Vec<u8>, dates: &mut Dates, at: Moment) {
    out.extend_from_slice(b" [");
    out.extend_from_slice(dates.field(at));
    out.push(b'.');
    put_padded::<3>(out, at.millis());
    out.extend_from_slice(b"] ");
}

fn put_names(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(record.frontend.as_str().as_bytes());
    out.push(b' ');
    out.extend_from_slice(backend(record).as_str().as_bytes());
    out.push(b'/');
    out.extend_from_slice(server(record));
    out.push(b' ');
}

pub(super) fn backend(record: &Record) -> &Name {
    record.backend.as_ref().unwrap_or(&record.frontend)
}

pub(super) fn server(record: &Record) -> &[u8] {
    match (&record.server, record.service) {
        (Some(server), _) => server.as_str().as_bytes(),
        (None, Some(service)) => service.as_bytes(),
        (None, None) => b"<NOSRV>",
    }
}

/// A number that the line may have been written too early for.
fn put_rising(out: &mut Vec<u8>, plan: &LogPlan, number: u64) {
    if plan.early {
        out.push(b'+');
    }
    put_number(out, number);
}

fn put_counts(out: &mut Vec<u8>, record: &Record, separator: u8) {
    for count in record.concurrent {
        put_number(out, count.into());
        out.push(separator);
    }
    if record.redispatched {
        out.push(b'+');
    }
    put_number(out, record.retries.into());
    out.push(b' ');
    let [server, backend] = record.queued;
    put_number(out, server.into());
    out.push(separator);
    put_number(out, backend.into());
}

fn put_request(out: &mut Vec<u8>, record: &Record) {
    out.push(b'"');
    match record.request_line.as_slice() {
        [] => out.extend_from_slice(b"<BADREQ>"),
        _ => put_escaped(out, request_line(record)),
    }
    out.push(b'"');
}

/// The request line as far as it is shown.
pub(super) fn request_line(record: &Record) -> &[u8] {
    let line = &record.request_line;
    line.get(..REQUEST_LINE).unwrap_or(line)
}

fn put_cookie(out: &mut Vec<u8>, record: &Record, side: Side, absent: &[u8]) {
    put_plain(out, record.captures.cookie(side).unwrap_or(absent), false);
}

fn put_captures(
    out: &mut Vec<u8>,
    record: &Record,
    (side, count): (Side, usize),
    before: impl Fn(&mut Vec<u8>, usize),
) {
    for place in 0..count {
        before(out, place);
        put_header(out, record.captures.value(side, place).unwrap_or_default(), false);
    }
}

/// The state with the two letters about cookies.
pub(super) fn put_ending(out: &mut Vec<u8>, record: &Record) {
    out.extend_from_slice(&letters(record.termination));
    let Some((presented, told)) = record.cookies else {
        out.extend_from_slice(b"--");
        return;
    };
    out.push(match presented {
        Presented::Nothing => b'N',
        Presented::Invalid => b'I',
        Presented::Down => b'D',
        Presented::Valid => b'V',
        Presented::Expired => b'E',
        Presented::Old => b'O',
    });
    out.push(match told {
        Told::Nothing => b'N',
        Told::Inserted => b'I',
        Told::Updated => b'U',
        Told::Provided => b'P',
        Told::Rewritten => b'R',
        Told::Deleted => b'D',
    });
}

pub(in crate::proxy) fn letters(termination: Termination) -> [u8; 2] {
    let cause = match termination.cause {
        Cause::Completed => b'-',
        Cause::Client => b'C',
        Cause::Server => b'S',
        Cause::Proxy => b'P',
        Cause::Local => b'L',
        Cause::Internal => b'I',
        Cause::Administrator => b'K',
        Cause::ServerDown => b'D',
        Cause::BackupNeedless => b'U',
        Cause::ClientTimeout => b'c',
        Cause::ServerTimeout => b's',
    };
    let phase = match termination.phase {
        Phase::Over => b'-',
        Phase::Request => b'R',
        Phase::Queue => b'Q',
        Phase::Connect => b'C',
        Phase::Headers => b'H',
        Phase::Data => b'D',
        Phase::Tarpit => b'T',
    };
    [cause, phase]
}

/// Bytes of a request line that are shown: HAProxy's `tune.http.logurilen` less the end of its string.
const REQUEST_LINE: usize = 1023;

#[cfg(test)]
#[path = "line_tests.rs"]
mod tests;
