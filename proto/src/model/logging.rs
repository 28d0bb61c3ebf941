//! What is logged, and where to.

use std::fmt;
use std::net::SocketAddr;

use super::{Millis, Name};
use crate::rules::Format;

/// A destination of log lines (configuration manual 4.2 "log").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Where lines go.
    pub address: LogAddress,
    /// Longest line in bytes, longer ones are cut. Default: 1024.
    pub length: Option<u32>,
    /// How a line is dressed. Default: `local`, and RFC 3164 where the host name is wanted; for rings, their own.
    pub syntax: Option<LogSyntax>,
    /// Which lines out of how many are sent. Default: all.
    pub sample: Option<LogSample>,
    /// The syslog facility.
    pub facility: Facility,
    /// Lines less important than this are left out. Default: debug, nothing is left out.
    pub highest: Option<Severity>,
    /// Lines more important than this are sent as this. Default: emerg, nothing is lowered.
    pub lowest: Option<Severity>,
}

/// Some lines of every so many (`sample <ranges>:<size>`).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogSample {
    /// The lines that are sent, as ranges with both ends counted from 1, ascending and apart; not empty.
    pub ranges: Vec<(u32, u32)>,
    /// After how many lines it begins anew; at least the end of the last range.
    pub size: u32,
}

/// A buffer of lines in memory, the newest of which can be looked at and are handed on (configuration manual 3.9).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ring {
    /// Its name.
    pub name: Name,
    /// Its place in listings; 0 puts it at the end.
    pub order: u32,
    /// A sentence about it.
    pub description: Option<String>,
    /// How lines are dressed whose target does not say. Default: raw.
    pub syntax: Option<LogSyntax>,
    /// Longest line in bytes, longer ones are cut. Default: 1024.
    pub maxlen: Option<u32>,
    /// How many bytes it holds. Default: 16384.
    pub size: Option<u64>,
    /// Longest time until a server is connected to. Default: 1 s.
    pub timeout_connect: Option<Millis>,
    /// Longest time for which a server takes nothing. Default: for ever.
    pub timeout_server: Option<Millis>,
    /// Who gets the lines, each all of them.
    pub servers: Vec<RingServer>,
}

/// A server that gets the lines of a ring.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RingServer {
    /// Its name, unique in the ring.
    pub name: Name,
    /// Where it is.
    pub address: StreamAddress,
    /// Whether each line has its length before it (RFC 6587 section 3.4.1) instead of a line end behind it.
    pub octet_count: bool,
}

/// Where a stream of lines goes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StreamAddress {
    /// TCP.
    Tcp(SocketAddr),
    /// TCP to a host that is looked up whenever it is connected to.
    Named {
        /// The host's name.
        host: String,
        /// The port.
        port: u16,
    },
    /// A unix stream socket.
    Unix(String),
}

impl LogSample {
    /// Lines in these ranges of every `size`; says what was expected where they are none.
    pub fn new(ranges: Vec<(u32, u32)>, size: u32) -> Result<LogSample, &'static str> {
        let sound = ranges.iter().all(|(first, last)| *first >= 1 && first <= last);
        let apart = ranges.windows(2).all(|pair| matches!(pair, [(_, end), (begin, _)] if begin > end));
        match ranges.last() {
            Some((_, last)) if sound && apart && *last <= size => Ok(LogSample { ranges, size }),
            Some(_) if sound && apart => Err("the size must not be below the end of the last range"),
            Some(_) => Err("ranges of lines, counted from 1, ascending and apart, are expected"),
            None => Err("a range of lines is expected"),
        }
    }

    /// Whether the line with this number, counted from 0, is sent.
    pub fn takes(&self, number: u64) -> bool {
        let place = number % u64::from(self.size.max(1)) + 1;
        self.ranges.iter().any(|(first, last)| (u64::from(*first)..=u64::from(*last)).contains(&place))
    }
}

impl Ring {
    /// The smallest size.
    pub const LEAST_SIZE: u64 = 4096;
    /// The largest size.
    pub const GREATEST_SIZE: u64 = 1 << 32;

    /// A ring of which nothing is said.
    pub fn named(name: Name) -> Ring {
        Ring {
            name,
            order: 0,
            description: None,
            syntax: None,
            maxlen: None,
            size: None,
            timeout_connect: None,
            timeout_server: None,
            servers: Vec::new(),
        }
    }
}

impl Capture {
    /// The most that can be kept of one header, in bytes.
    pub const LONGEST: u32 = 65_535;
}

impl fmt::Display for StreamAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StreamAddress::Tcp(address) => address.fmt(f),
            StreamAddress::Named { host, port } => write!(f, "{host}:{port}"),
            StreamAddress::Unix(path) => f.write_str(path),
        }
    }
}

/// Where log lines go.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum LogAddress {
    /// Syslog over UDP.
    Udp(SocketAddr),
    /// Syslog over UDP to a host that is looked up once, when the target is put in force.
    Named {
        /// The host's name.
        host: String,
        /// The port.
        port: u16,
    },
    /// Syslog to a unix datagram socket.
    Unix(String),
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
    /// An inherited descriptor.
    Descriptor(u32),
    /// A connection, which a buffer of its own feeds: `tcp@`, `uxst@`.
    Stream(StreamAddress),
    /// The ring of this name.
    Ring(Name),
}

/// How a log line is dressed for its target.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogSyntax {
    /// RFC 3164.
    Rfc3164,
    /// RFC 5424.
    Rfc5424,
    /// `<level>` and the text.
    Short,
    /// The text alone.
    Raw,
    /// RFC 3164 without the host.
    Local,
    /// `<facility and level>` and the text.
    Priority,
    /// `<level>`, the date and the text.
    Timed,
    /// The date and the text.
    Iso,
}

impl LogSyntax {
    /// All, with their spellings.
    pub const ALL: [(&'static str, LogSyntax); 8] = [
        ("rfc3164", LogSyntax::Rfc3164),
        ("rfc5424", LogSyntax::Rfc5424),
        ("short", LogSyntax::Short),
        ("raw", LogSyntax::Raw),
        ("local", LogSyntax::Local),
        ("priority", LogSyntax::Priority),
        ("timed", LogSyntax::Timed),
        ("iso", LogSyntax::Iso),
    ];

    /// Its spelling.
    pub fn word(self) -> &'static str {
        LogSyntax::ALL.iter().find(|(_, syntax)| *syntax == self).map_or("", |(word, _)| word)
    }

    /// The syntax with this spelling.
    pub fn from_word(word: &str) -> Option<LogSyntax> {
        LogSyntax::ALL.iter().find(|(known, _)| *known == word).map(|(_, syntax)| *syntax)
    }
}

/// A syslog facility (RFC 5424 section 6.2.1), `Kern` being 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Facility(u8);

impl Facility {
    /// The spellings, by number.
    pub const WORDS: [&'static str; 24] = [
        "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp",
        "ntp", "audit", "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5",
        "local6", "local7",
    ];

    /// The facility with this spelling.
    pub fn from_word(word: &str) -> Option<Facility> {
        Self::WORDS.iter().position(|known| *known == word).and_then(|at| u8::try_from(at).ok()).map(Facility)
    }

    /// The facility with this number, 0 to 23.
    pub fn from_number(number: u32) -> Option<Facility> {
        u8::try_from(number).ok().filter(|n| usize::from(*n) < Self::WORDS.len()).map(Facility)
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self.0
    }

    /// Its spelling.
    pub fn word(self) -> &'static str {
        Self::WORDS[usize::from(self.0)]
    }
}

/// A syslog severity (RFC 5424 section 6.2.1), most important first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// 0.
    Emerg,
    /// 1.
    Alert,
    /// 2.
    Crit,
    /// 3.
    Err,
    /// 4.
    Warning,
    /// 5.
    Notice,
    /// 6.
    Info,
    /// 7.
    Debug,
}

impl Severity {
    /// All, most important first; the index is the number.
    pub const ALL: [Severity; 8] = [
        Severity::Emerg,
        Severity::Alert,
        Severity::Crit,
        Severity::Err,
        Severity::Warning,
        Severity::Notice,
        Severity::Info,
        Severity::Debug,
    ];
    /// The spellings, in the same order.
    pub const WORDS: [&'static str; 8] =
        ["emerg", "alert", "crit", "err", "warning", "notice", "info", "debug"];

    /// The severity with this spelling.
    pub fn from_word(word: &str) -> Option<Severity> {
        Self::WORDS.iter().position(|known| *known == word).map(|at| Self::ALL[at])
    }

    /// The severity with this number, 0 to 7.
    pub fn from_number(number: u32) -> Option<Severity> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }

    /// Its number.
    pub fn number(self) -> u8 {
        self as u8
    }

    /// Its spelling.
    pub fn word(self) -> &'static str {
        Self::WORDS[usize::from(self.number())]
    }
}

/// Where a proxy's lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogPlan {
    /// Nowhere (`no log`), also when defaults say otherwise.
    Off,
    /// To these targets, and to the global ones when `global` is set (`log global`).
    To {
        /// Whether the global targets are used.
        global: bool,
        /// The proxy's own targets.
        targets: Vec<LogTarget>,
    },
}

/// What a proxy's line says (configuration manual 8.2).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// Source and destination at accept time: what a proxy without a format logs (8.2.1).
    Plain,
    /// `option tcplog` (8.2.2).
    Tcp,
    /// `option httplog` (8.2.3).
    Http,
    /// `option httplog clf` (8.2.3).
    Clf,
    /// `option tcplog clf`: a session in the order of the common log format.
    TcpClf,
    /// `option httpslog` (8.2.4).
    Https,
    /// `log-format` (8.2.6).
    Custom(Format),
}

/// What of requests or responses is kept for lines and rules: a header's value, or what a rule puts there.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Capture {
    /// The header whose last value is kept; absent where rules fill the place (`declare capture`).
    pub header: Option<String>,
    /// Most bytes that are kept.
    pub length: u32,
}

/// `capture cookie`: which cookie of requests and responses is kept for lines.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CookieCapture {
    /// The cookie's name, or how its name begins.
    pub name: String,
    /// Whether a name that begins like this will do, which is said by a name without `=` behind it.
    pub prefix: bool,
    /// Most bytes of name and value that are kept.
    pub length: u32,
}
