//! What `-v`, `-vv` and the usage say.

use std::fmt::Write;

use regate_proto::config::conditions;

/// The version in HAProxy's numbering, with this program's own after it.
pub const VERSION: &str = concat!("3.5.0-regate-", env!("CARGO_PKG_VERSION"));

/// The date of the version.
pub const DATE: &str = "2026/11/22";

/// `-v`, and the head of `-vv` and of the usage.
pub fn short() -> String {
    let system = rustix::system::uname();
    let running = [system.sysname(), system.release(), system.version(), system.machine()]
        .map(|part| part.to_string_lossy().into_owned())
        .join(" ");
    let own = env!("CARGO_PKG_VERSION");
    format!(
        "HAProxy version {VERSION} {DATE} - Regate {own}\n\
         Status: this is Regate {own}, with the command line and configuration of HAProxy 3.5.\n\
         Running on: {running}\n"
    )
}

/// The rest of `-vv`.
pub fn details() -> String {
    let enabled: Vec<String> = conditions::FEATURES
        .iter()
        .filter(|(_, enabled)| *enabled)
        .map(|(feature, _)| format!("USE_{feature}=1"))
        .collect();
    let features: Vec<String> = conditions::FEATURES
        .iter()
        .map(|(feature, enabled)| format!("{}{feature}", if *enabled { '+' } else { '-' }))
        .collect();
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut text = String::new();
    let _ = write!(
        text,
        "Build options :\n\
         \x20 TARGET  = {}-{}\n\
         \x20 CPU     = {}\n\
         \x20 CC      = rustc\n\
         \x20 CFLAGS  = \n\
         \x20 OPTIONS = {}\n\
         \x20 DEBUG   = {}\n\
         \n\
         Feature list : {}\n\
         \n\
         Default settings :\n\
         \x20 bufsize = 16384, maxrewrite = 1024, maxpollevents = 200\n\
         \n\
         Built with multi-threading support (MAX_THREADS=64, default={threads}).\n\
         \n\
         Available polling systems :\n\
         \x20     epoll : pref=300,  test result OK\n\
         Total: 1 (1 usable), will use epoll.\n\
         \n\
         Available multiplexer protocols :\n\
         (protocols marked as <default> cannot be specified using 'proto' keyword)\n\
         \x20 <default> : mode=HTTP  side=FE|BE  mux=H1    flags=HTX\n\
         \x20 <default> : mode=TCP   side=FE|BE  mux=PASS  flags=\n\
         \n\
         Available services : none\n\
         \n\
         Available filters : none\n\
         \n",
        std::env::consts::OS,
        if cfg!(target_env = "musl") { "musl" } else { "glibc" },
        std::env::consts::ARCH,
        enabled.join(" "),
        if cfg!(debug_assertions) { "-DDEBUG" } else { "" },
        features.join(" "),
    );
    text
}

/// What is said to a command line that cannot be used.
pub fn usage() -> String {
    USAGE.to_owned()
}

const USAGE: &str = "\
Usage : haproxy [-f <cfgfile|cfgdir>]* [ -vdVD ] [ -n <maxconn> ] [ -N <maxpconn> ]
        [ -p <pidfile> ] [ -m <max megs> ] [ -C <dir> ] [-- <cfgfile>*]
        -f reads a file, or every *.cfg of a folder ; -- reads all that follow
        -C goes to a folder before reading files
        -c checks the files and ends ; -cc <condition> evaluates a condition and ends
        -v tells the version ; -vv tells how it was built, too
        -D goes into the background ; -db stays in the foreground ; -d stays and tells more
        -W reads the files again on SIGUSR2 ; -Ws does so and tells systemd when ready
        -p writes the process id to a file
        -sf/-st [pid ]* finishes/terminates old processes once this one listens
        -n most connections ; -N most connections of a proxy that sets none
        -L the name of the local peer
        -q tells nothing ; -V tells more ; -dW takes warnings for errors ; -dD tells notices
        -m, -x <unix_socket>, -S <bind> and the other -d<letter> are accepted, and change nothing
";
