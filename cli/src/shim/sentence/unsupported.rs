//! What commands answer that are about things which Regate does not have: why, and what comes nearest.

/// Of `show profiling` and `set profiling tasks`.
pub const PROFILING: &str = "not supported by Regate: nothing is profiled; 'show activity', 'show tasks' and 'show pools' tell what is counted always.";
/// Of `show cache`.
pub const CACHE: &str = "not supported by Regate: it has no cache of responses.";
/// Of `show peers`.
pub const PEERS: &str =
    "not supported by Regate: it has no peers; 'show table' shows the tables of this process.";
/// Of `show quic`.
pub const QUIC: &str = "not supported by Regate: it speaks no QUIC; 'show fd -c' shows its connections.";
/// Of `trace` and `show trace`.
pub const TRACE: &str = "not supported by Regate: it has no traces; 'show events' shows the lines of rings, and the variable REGATE_LOG asks for more on standard error.";
/// Of `debug counters`.
pub const DEBUG_COUNTERS: &str =
    "not supported by Regate: it has no counters of code; 'show activity' shows what workers did.";
/// Of `debug dev`.
pub const DEBUG: &str =
    "not supported by Regate: nothing in it can be made to fail by hand; 'show dev' describes the process.";
/// Of `httpclient`.
pub const CLIENT: &str = "not supported by Regate: it makes no requests of its own; checks of servers do, see 'show servers state'.";
/// Of `reload`.
pub const RELOAD: &str = "not supported by Regate: there is no master process; SIGUSR2 and the socket of -S read the files again under -W, and what commands change is in force at once.";
/// Of `show proc`.
pub const PROCESSES: &str = "not supported by Regate: there is no master process; 'show info' and 'show dev' describe the one that there is.";
/// Of commands for workers of a master: `@1`.
pub const PREFIX: &str = "not supported by Regate: there is no master process; leave the prefix away.";
/// Of all commands about certificates, keys and their lists.
pub const TLS: &str = "not supported by Regate: it speaks no TLS.";
/// Of `hard-reload`.
pub const HARD_RELOAD: &str = "not supported by Regate: reading the files again starts no process whose predecessor could be cut; 'reload' does it, and '@1 shutdown sessions server' cuts.";
