//! Log targets, rings, formats and captures.

use std::net::SocketAddr;

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::super::{
    Capture, CookieCapture, Facility, LogAddress, LogFormat, LogPlan, LogSample, LogSyntax, LogTarget, Name,
    Ring, RingServer, Severity, StreamAddress,
};
use super::{ip, millis, name, path, text, word};
use crate::rules::Format;
use crate::rules::log_format::ALIASES;

/// What a frontend says of its lines, and what it keeps for them.
#[derive(Clone, Debug)]
pub(super) struct LineSettings {
    pub(super) format: Option<LogFormat>,
    pub(super) structured: Option<Format>,
    pub(super) errors: Option<Format>,
    pub(super) identifier: Option<Format>,
    pub(super) identifier_header: Option<String>,
    pub(super) cookie: Option<CookieCapture>,
    pub(super) requests: Vec<Capture>,
    pub(super) responses: Vec<Capture>,
}

/// A format of lines: texts, aliases, samples, flags and names.
pub(super) fn format() -> impl Strategy<Value = Format> + Clone {
    let alias = select(ALIASES.iter().map(|row| row.name).collect::<Vec<_>>());
    let decoration = select(vec!["", "{+Q}", "{-Q,+E}", "(a_1)", "(b:sint){+json}", "(:str)"]);
    let field = (decoration, alias).prop_map(|(decoration, alias)| format!("%{decoration}{alias}"));
    let sample = select(vec!["%[src]", "%{+X}[src,ipmask(24)]", "%[str('a]b')]", "%{+Q}o"]);
    let part = prop_oneof![
        2 => field,
        1 => sample.prop_map(str::to_owned),
        2 => text().prop_map(|text| text.replace('%', "%%")),
    ];
    vec(part, 1..=5).prop_filter_map("a format", |parts| Format::parse(&parts.concat()).ok())
}

/// Everything about the lines of a frontend but where they go.
pub(super) fn lines() -> BoxedStrategy<LineSettings> {
    let known = select(vec![
        LogFormat::Plain,
        LogFormat::Tcp,
        LogFormat::TcpClf,
        LogFormat::Http,
        LogFormat::Clf,
        LogFormat::Https,
    ]);
    let kind = prop_oneof![1 => known, 1 => format().prop_map(LogFormat::Custom)];
    let cookie = (word(), any::<bool>(), 1..=100_u32).prop_map(|(name, prefix, length)| CookieCapture {
        name,
        prefix,
        length,
    });
    let formats = (of(kind), of(format()), of(format()), of(format()), of(word()), of(cookie));
    (formats, captures(), captures())
        .prop_map(|(formats, requests, responses)| {
            let (format, structured, errors, identifier, identifier_header, cookie) = formats;
            LineSettings {
                format,
                structured,
                errors,
                identifier,
                identifier_header,
                cookie,
                requests,
                responses,
            }
        })
        .boxed()
}

fn captures() -> impl Strategy<Value = Vec<Capture>> + Clone {
    let capture = (of(word()), 1..=200_u32).prop_map(|(header, length)| Capture { header, length });
    vec(capture, 0..=3)
}

fn stream_address() -> impl Strategy<Value = StreamAddress> + Clone {
    prop_oneof![
        2 => (ip(), 1..=u16::MAX).prop_map(|(ip, port)| StreamAddress::Tcp(SocketAddr::new(ip, port))),
        1 => (word(), 1..=u16::MAX)
            .prop_map(|(host, port)| StreamAddress::Named { host: format!("{host}.example"), port }),
        1 => path().prop_map(StreamAddress::Unix),
    ]
}

fn syntax() -> impl Strategy<Value = LogSyntax> + Clone {
    select(LogSyntax::ALL.map(|(_, syntax)| syntax).to_vec())
}

fn sample() -> impl Strategy<Value = LogSample> + Clone {
    (vec((1..=3_u32, 0..=3_u32), 1..=3), 0..=3_u32).prop_filter_map("a sample", |(steps, rest)| {
        let mut end = 0;
        let mut ranges = Vec::new();
        for (gap, length) in steps {
            let first = end + gap;
            end = first + length;
            ranges.push((first, end));
        }
        LogSample::new(ranges, end + rest).ok()
    })
}

/// A destination of log lines. Rings are not among them: they would have to exist.
pub fn log_target() -> impl Strategy<Value = LogTarget> + Clone {
    let address = prop_oneof![
        4 => (ip(), 1..=u16::MAX).prop_map(|(ip, port)| LogAddress::Udp(SocketAddr::new(ip, port))),
        1 => (word(), 1..=u16::MAX).prop_map(|(host, port)| LogAddress::Named {
            // The bare word would be a standard stream.
            host: format!("{host}.example"),
            port,
        }),
        1 => path().prop_map(LogAddress::Unix),
        1 => stream_address().prop_map(LogAddress::Stream),
        1 => Just(LogAddress::Stdout),
        1 => Just(LogAddress::Stderr),
        1 => (0..=1000_u32).prop_map(LogAddress::Descriptor),
    ];
    let facility = (0..24_u32).prop_filter_map("a facility", Facility::from_number);
    let severity = || select(Severity::ALL.to_vec());
    // The lower bound is only spelled after the upper one.
    let bounds = of((severity(), of(severity())));
    (address, of(80..=65_535_u32), of(syntax()), of(sample()), facility, bounds).prop_map(
        |(address, length, syntax, sample, facility, bounds)| LogTarget {
            address,
            length,
            syntax,
            sample,
            facility,
            highest: bounds.map(|(highest, _)| highest),
            lowest: bounds.and_then(|(_, lowest)| lowest),
        },
    )
}

/// Where a proxy's lines go.
pub fn log_plan() -> impl Strategy<Value = LogPlan> + Clone {
    prop_oneof![
        Just(LogPlan::Off),
        (any::<bool>(), vec(log_target(), 0..=2))
            .prop_map(|(global, targets)| LogPlan::To { global: global || targets.is_empty(), targets }),
    ]
}

/// A ring.
pub fn ring() -> impl Strategy<Value = Ring> + Clone {
    let server = (stream_address(), any::<bool>());
    let numbers =
        (of(80..=65_535_u32), of(Ring::LEAST_SIZE..=Ring::GREATEST_SIZE), of(millis()), of(millis()));
    (name(), 0..=9_u32, of(text()), of(syntax()), numbers, vec(server, 0..=3)).prop_map(
        |(name, order, description, syntax, numbers, servers)| {
            let (maxlen, size, timeout_connect, timeout_server) = numbers;
            let servers = servers.into_iter().enumerate().filter_map(|(at, (address, octet_count))| {
                Some(RingServer { name: Name::new(&format!("s{at}")).ok()?, address, octet_count })
            });
            Ring {
                name,
                order,
                description,
                syntax,
                maxlen,
                size,
                timeout_connect,
                timeout_server,
                servers: servers.collect(),
            }
        },
    )
}
