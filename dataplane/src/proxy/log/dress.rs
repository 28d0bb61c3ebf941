//! The header before a line's text, and the length it is cut to (configuration manual 4.2 "log").
//!
//! Pure. The formats are those of [`LogSyntax`]; without one, RFC 3164 with a host name where one is configured.

use regate_proto::model::{LogSyntax, Severity};

use super::date::{Dates, Moment};
use super::text::{put_number, put_padded};
use crate::snapshot::{LogPlan, LogRoute};

/// What headers say about the process.
#[derive(Debug)]
pub(super) struct Identity {
    /// Its number, in decimal.
    pub(super) pid: String,
    /// The node's name.
    pub(super) host: String,
}

impl Identity {
    /// This process on this node.
    pub(super) fn own() -> Identity {
        let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Identity { pid: std::process::id().to_string(), host }
    }

    /// The host name that a plan asks for.
    fn host<'a>(&'a self, plan: &'a LogPlan) -> Option<&'a str> {
        plan.host.as_deref().map(|host| if host.is_empty() { &self.host } else { host })
    }
}

/// Appends a line as it is sent: header, text cut to the route's length, line end.
pub(super) fn dress(
    out: &mut Vec<u8>,
    (plan, route): (&LogPlan, &LogRoute),
    severity: Severity,
    (at, dates): (Moment, &mut Dates),
    identity: &Identity,
    (structured, text): (&[u8], &[u8]),
) {
    let start = out.len();
    let mut length = route.length();
    match (route.target.syntax, identity.host(plan)) {
        (Some(LogSyntax::Raw), _) => length = length.saturating_sub(1),
        (Some(LogSyntax::Short), _) => put_priority(out, severity.number()),
        (Some(LogSyntax::Priority), _) => put_priority(out, priority(route, severity)),
        (Some(LogSyntax::Timed), _) => {
            put_priority(out, severity.number());
            put_iso(out, at, dates);
            out.push(b' ');
        }
        (Some(LogSyntax::Iso), _) => {
            put_iso(out, at, dates);
            out.push(b' ');
        }
        (Some(LogSyntax::Rfc5424), host) => {
            put_priority(out, priority(route, severity));
            out.extend_from_slice(b"1 ");
            put_iso(out, at, dates);
            out.push(b' ');
            out.extend_from_slice(host.unwrap_or("-").as_bytes());
            out.push(b' ');
            out.extend_from_slice(plan.tag.as_bytes());
            out.push(b' ');
            out.extend_from_slice(identity.pid.as_bytes());
            out.extend_from_slice(b" - ");
            out.extend_from_slice(if structured.is_empty() { b"-" } else { structured });
            out.push(b' ');
        }
        (syntax @ (None | Some(LogSyntax::Rfc3164 | LogSyntax::Local)), host) => {
            put_priority(out, priority(route, severity));
            out.extend_from_slice(dates.header(at));
            out.push(b' ');
            let host = match syntax {
                None => host,
                Some(LogSyntax::Local) => None,
                Some(_) => host.or(Some("localhost")),
            };
            if let Some(host) = host {
                out.extend_from_slice(host.as_bytes());
                out.push(b' ');
            }
            out.extend_from_slice(plan.tag.as_bytes());
            out.push(b'[');
            out.extend_from_slice(identity.pid.as_bytes());
            out.extend_from_slice(b"]: ");
        }
    }
    out.extend_from_slice(text);
    out.truncate(start + length);
    out.push(b'\n');
}

fn priority(route: &LogRoute, severity: Severity) -> u8 {
    route.target.facility.number() * 8 + severity.number()
}

fn put_priority(out: &mut Vec<u8>, number: u8) {
    out.push(b'<');
    put_number(out, number.into());
    out.push(b'>');
}

fn put_iso(out: &mut Vec<u8>, at: Moment, dates: &mut Dates) {
    let (text, minutes) = dates.iso(at);
    out.extend_from_slice(text);
    out.push(b'.');
    put_padded::<6>(out, at.micros);
    out.push(if minutes < 0 { b'-' } else { b'+' });
    put_padded::<2>(out, minutes.unsigned_abs() / 60);
    out.push(b':');
    put_padded::<2>(out, minutes.unsigned_abs() % 60);
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;
    use crate::proxy::log::samples;

    fn dressed(syntax: Option<LogSyntax>, host: Option<&str>, length: Option<u32>) -> String {
        dressed_with("", syntax, host, length)
    }

    fn dressed_with(
        structured: &str,
        syntax: Option<LogSyntax>,
        host: Option<&str>,
        length: Option<u32>,
    ) -> String {
        let mut plan = samples::plan(crate::snapshot::LineFormat::Http);
        plan.host = host.map(str::to_owned);
        plan.routes[0].target.syntax = syntax;
        plan.routes[0].target.length = length;
        let identity = Identity { pid: "4711".to_owned(), host: "own".to_owned() };
        let at = Moment { seconds: samples::SECONDS, micros: 123_045 };
        let mut dates = Dates::in_zone(jiff::tz::TimeZone::get("America/New_York").unwrap());
        let mut out = b"before".to_vec();
        let text = "0123456789".repeat(12);
        dress(
            &mut out,
            (&plan, &plan.routes[0]),
            Severity::Info,
            (at, &mut dates),
            &identity,
            (structured.as_bytes(), text.as_bytes()),
        );
        String::from_utf8(out).unwrap().replace(&text, "TEXT").split_off("before".len())
    }

    #[test]
    fn headers() {
        for (syntax, host, line) in [
            (None, None, "<134>Nov 22 09:03:07 haproxy[4711]: TEXT\n"),
            (None, Some("n1"), "<134>Nov 22 09:03:07 n1 haproxy[4711]: TEXT\n"),
            (None, Some(""), "<134>Nov 22 09:03:07 own haproxy[4711]: TEXT\n"),
            (Some(LogSyntax::Rfc3164), None, "<134>Nov 22 09:03:07 localhost haproxy[4711]: TEXT\n"),
            (Some(LogSyntax::Rfc3164), Some("n1"), "<134>Nov 22 09:03:07 n1 haproxy[4711]: TEXT\n"),
            (
                Some(LogSyntax::Rfc5424),
                None,
                "<134>1 2026-11-22T09:03:07.123045-05:00 - haproxy 4711 - - TEXT\n",
            ),
            (
                Some(LogSyntax::Rfc5424),
                Some("n1"),
                "<134>1 2026-11-22T09:03:07.123045-05:00 n1 haproxy 4711 - - TEXT\n",
            ),
            (Some(LogSyntax::Short), Some("n1"), "<6>TEXT\n"),
            (Some(LogSyntax::Raw), Some("n1"), "TEXT\n"),
            (Some(LogSyntax::Local), Some("n1"), "<134>Nov 22 09:03:07 haproxy[4711]: TEXT\n"),
            (Some(LogSyntax::Priority), None, "<134>TEXT\n"),
            (Some(LogSyntax::Timed), None, "<6>2026-11-22T09:03:07.123045-05:00 TEXT\n"),
            (Some(LogSyntax::Iso), None, "2026-11-22T09:03:07.123045-05:00 TEXT\n"),
        ] {
            assert_eq!(dressed(syntax, host, None), line, "{syntax:?} {host:?}");
        }
        assert_eq!(
            dressed_with("[a@1 b=2]", Some(LogSyntax::Rfc5424), None, None),
            "<134>1 2026-11-22T09:03:07.123045-05:00 - haproxy 4711 - [a@1 b=2] TEXT\n"
        );
    }

    /// What HAProxy sends with `len 80`: 80 bytes and the line end, but one less where there is no header.
    #[test]
    fn long_lines_are_cut() {
        for (syntax, length) in [
            (None, 81),
            (Some(LogSyntax::Rfc5424), 81),
            (Some(LogSyntax::Short), 81),
            (Some(LogSyntax::Raw), 80),
        ] {
            let line = dressed(syntax, None, Some(80));
            assert_eq!(line.len(), length, "{syntax:?}");
            assert!(line.ends_with('\n'));
        }
    }
}
