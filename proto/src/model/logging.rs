//! What is logged, and where to.

use std::net::SocketAddr;

/// A destination of log lines (configuration manual 4.2 "log").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogTarget {
    /// Where lines go.
    pub address: LogAddress,
    /// Longest line in bytes, longer ones are cut. Default: 1024.
    pub length: Option<u32>,
    /// How a line is dressed. Default: RFC 3164 for sockets, as HAProxy does.
    pub syntax: Option<LogSyntax>,
    /// The syslog facility.
    pub facility: Facility,
    /// Lines less important than this are left out. Default: debug, nothing is left out.
    pub highest: Option<Severity>,
    /// Lines more important than this are sent as this. Default: emerg, nothing is lowered.
    pub lowest: Option<Severity>,
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
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LogFormat {
    /// Source and destination at accept time: what a proxy without a format logs (8.2.1).
    Plain,
    /// `option tcplog` (8.2.2).
    Tcp,
    /// `option httplog` (8.2.3).
    Http,
    /// `option httplog clf` (8.2.5).
    Clf,
}
