//! Settings of the whole process.

use super::{BindAddress, Conduct, GlobalChecks, LogTarget, Millis, SocketFile};

/// Settings of the whole process (configuration manual 3 "Global parameters").
///
/// Every field is optional; absence means the stated default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Global {
    /// Most client connections at a time. Default: what the descriptor limit allows.
    pub maxconn: Option<u32>,
    /// Most new client connections a second. Default, and 0: no limit.
    pub maxconnrate: Option<u32>,
    /// Most new sessions a second. Default, and 0: no limit.
    pub maxsessrate: Option<u32>,
    /// Most new TLS sessions a second. Default, and 0: no limit.
    pub maxsslrate: Option<u32>,
    /// Most kilobytes that are compressed in a second. Default, and 0: no limit.
    pub maxcomprate: Option<u32>,
    /// Number of workers, read when the process starts. Default: the cores it may run on.
    pub nbthread: Option<u32>,
    /// After a soft stop began, how long until connections are cut. Default: for ever.
    pub hard_stop_after: Option<Millis>,
    /// After a soft stop was asked for, how long until listeners close. Default: at once.
    pub grace: Option<Millis>,
    /// Where proxies with `log global` send their lines.
    pub log: Vec<LogTarget>,
    /// The program name in log headers. Default: `regate`, or `haproxy` when started under that name.
    pub log_tag: Option<String>,
    /// Whether the host name stands in log headers; the text replaces it, an empty one means the node's own.
    pub log_send_hostname: Option<String>,
    /// The text sockets to serve.
    pub stats_sockets: Vec<StatsSocket>,
    /// Idle time after which a text socket connection is closed. Default: 10 s.
    pub stats_timeout: Option<Millis>,
    /// Most connections to the text sockets. Default: 10.
    pub stats_maxconn: Option<u32>,
    /// The node's name in statistics. Default: the host name.
    pub node: Option<String>,
    /// A sentence about the process in statistics.
    pub description: Option<String>,
    /// Whether to go into the background at start. Default: no.
    pub daemon: Option<bool>,
    /// File that receives the process id at start.
    pub pidfile: Option<String>,
    /// User (name or number) to become after start.
    pub user: Option<String>,
    /// Group (name or number) to become after start.
    pub group: Option<String>,
    /// Directory to confine the process in after start.
    pub chroot: Option<String>,
    /// The folder of server state files that are named without one. Default: where the process starts.
    pub server_state_base: Option<String>,
    /// The file of how the servers of all backends stood, read when the process starts. Default: none.
    pub server_state_file: Option<String>,
    /// The file of counters that what has a [`Guid`](super::Guid) begins with, read when the process starts.
    /// Default: none.
    pub statistics_file: Option<String>,
    /// Checks of servers.
    pub checks: GlobalChecks,
    /// How messages and connections of all proxies are treated.
    pub conduct: Box<Conduct>,
}

/// One text socket (management manual 9.3 "Unix Socket commands").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatsSocket {
    /// Where it listens.
    pub address: BindAddress,
    /// What its clients may do. Default: operator.
    pub level: Option<Level>,
    /// How severities stand before sentences, until a client asks otherwise. Default: not at all.
    pub severity: Option<SeverityOutput>,
    /// Whether what is changed through it is gone once the process starts again. Default: no.
    pub volatile: bool,
    /// Mode and owner of a unix socket's file.
    pub file: SocketFile,
}

/// How severities stand before sentences (configuration manual 3.1 "severity-output").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SeverityOutput {
    /// As `[3]: `.
    Number,
    /// As `[err]: `.
    Word,
}

/// What a client may do: each level includes the ones before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Level {
    /// Read what is not sensitive.
    User,
    /// Read everything, reset counters and sessions' tables.
    Operator,
    /// Everything.
    Admin,
}

impl Level {
    /// The word for it.
    pub fn word(self) -> &'static str {
        match self {
            Level::User => "user",
            Level::Operator => "operator",
            Level::Admin => "admin",
        }
    }
}
