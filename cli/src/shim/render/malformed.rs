//! The last malformed messages (management manual 9.3 "show errors").

use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

use regate_proto::wire::v1;
use v1::MalformedPart as Part;

use super::streams::date;
use crate::shim::plan::{Lines, Reply};
use crate::shim::sentence::{self, About};

/// Writes how many messages were malformed, and those that are kept.
#[derive(Debug, Default)]
pub struct Exhibits {
    total: u64,
    views: Vec<v1::MalformedView>,
}

impl Lines for Exhibits {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, _: &mut Vec<u8>) {
        self.total = self.total.max(answer.malformed_total);
        self.views.extend(answer.malformed_messages);
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = date(u64::try_from(now.as_micros()).unwrap_or(0), 3);
        let mut text = format!("Total events captured on [{now}] : {}\n", self.total);
        for view in &self.views {
            // Writing to a string cannot fail.
            let _ = head(view, &mut text);
            dump(&view.content, &mut text);
        }
        out.extend_from_slice(text.as_bytes());
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Statistics, problems)
    }
}

fn head(view: &v1::MalformedView, out: &mut String) -> std::fmt::Result {
    let named = |proxy: Option<&v1::StreamProxy>| match proxy {
        Some(proxy) => format!("{} (#{})", proxy.name, proxy.id),
        None => "<NONE> (#-1)".to_owned(),
    };
    let server = match &view.server {
        Some(server) => format!("{} (#{})", server.name, server.id),
        None => "<NONE> (#-1)".to_owned(),
    };
    let (own, other, what) = match view.response {
        false => ("frontend", "backend", "request"),
        true => ("backend", "frontend", "response"),
    };
    let source = view.source.as_deref().unwrap_or("unix:1");
    let len = view.content.len();
    let size = u64::from(view.room).saturating_add(len as u64);
    let (state, number) = state(view);
    writeln!(out, " \n[{}] {own} {}: invalid {what}", date(view.at_us, 3), named(view.proxy.as_ref()))?;
    write!(out, "  {other} {}, server {server}", named(view.other.as_ref()))?;
    writeln!(out, ", event #{}, src {source}", view.event)?;
    writeln!(out, "  buffer starts at {} (including 0 out), {} free,", view.skipped, view.room)?;
    writeln!(out, "  len {len}, wraps at {size}, error at position {}", view.position)?;
    writeln!(out, "  H1 connection flags 0x00000000, H1 stream flags 0x00000000")?;
    writeln!(out, "  H1 msg state {state}({number}), H1 msg flags 0x00000000")?;
    writeln!(out, "  H1 chunk len 0 bytes, H1 body len 0 bytes :\n  ")
}

/// The state of the parser in which the mistake showed, and its number.
fn state(view: &v1::MalformedView) -> (&'static str, u8) {
    let byte = usize::try_from(view.position).ok().and_then(|at| view.content.get(at));
    match view.part() {
        Part::Start if view.response => ("MSG_RPVER", 10),
        Part::Start if view.position == 0 => ("MSG_RQBEFORE", 0),
        Part::Start => ("MSG_RQMETH", 2),
        Part::Target => ("MSG_RQURI", 4),
        Part::Version if view.response => ("MSG_RPVER", 10),
        // A version that is spelled with letters of versions is read to its end, and judged then.
        Part::Version if byte.is_some_and(|byte| b"HTP/.0123456789".contains(byte)) => ("MSG_DATA", 27),
        Part::Version => ("MSG_RQVER", 6),
        Part::Status => ("MSG_RPCODE", 12),
        Part::Reason => ("MSG_RPREASON", 14),
        Part::LineEnd => ("MSG_RQLINE_END", 7),
        Part::FieldStart => ("MSG_HDR_FIRST", 16),
        Part::FieldName => ("MSG_HDR_NAME", 17),
        Part::FieldValue => ("MSG_HDR_VAL", 22),
        Part::FieldEnd => ("MSG_HDR_L2_LF", 23),
        Part::Field => ("MSG_HDR_L2_LWS", 24),
        Part::Head => ("MSG_LAST_LF", 25),
        Part::ChunkSize => ("MSG_CHUNK_SIZE", 26),
        Part::Framing | Part::Unspecified => ("MSG_DATA", 27),
        Part::ChunkEnd => ("MSG_CHUNK_CRLF", 28),
        Part::Trailers => ("MSG_TRAILERS", 29),
    }
}

/// The bytes, line by line, with what cannot be shown escaped.
fn dump(content: &[u8], out: &mut String) {
    let mut width = None;
    for (at, byte) in content.iter().enumerate() {
        let shown = shown(*byte);
        let fits = width.is_some_and(|width: usize| width + shown.len() <= WIDTH);
        if !fits {
            let mark = match width {
                None => ' ',
                Some(_) => {
                    out.push('\n');
                    '+'
                }
            };
            // Writing to a string cannot fail.
            let _ = write!(out, "  {at:05}{mark} ");
            width = Some(0);
        }
        out.push_str(&shown);
        width = match byte {
            b'\n' => {
                out.push('\n');
                None
            }
            _ => width.map(|width| width + shown.len()),
        };
    }
    if width.is_some() {
        out.push('\n');
    }
}

fn shown(byte: u8) -> String {
    match byte {
        b'\t' => "\\t".to_owned(),
        b'\r' => "\\r".to_owned(),
        b'\n' => "\\n".to_owned(),
        0x1b => "\\e".to_owned(),
        b'\\' => "\\\\".to_owned(),
        b' '..=b'~' => char::from(byte).to_string(),
        _ => format!("\\x{byte:02X}"),
    }
}

/// Characters of a line.
const WIDTH: usize = 70;
