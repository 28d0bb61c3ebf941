//! What the inside of the process says. Rows only; what they become stands in `commands/`.

use super::Row;
use super::{ADMIN, EXPERT, OPERATOR, USER};
use crate::shim::commands::diagnostics;

/// The rows of this family.
pub static ROWS: &[Row] = rows! {
    ["show" "activity"] "show activity [-1|0|<thread>]", "show what the loops of the workers did", OPERATOR, Ask(diagnostics::show_activity) {
        "show activity" => "accepted: 7 [ 3 4 ]\n";
        "user;show activity" => "\nPermission denied\n";
    }
    ["show" "tasks"] "show tasks", "show the tasks of the workers, by kind", USER, Ask(diagnostics::show_tasks) {
        "show tasks" => "Running tasks: 0 (2 threads)\n";
    }
    ["show" "threads"] "show threads", "show the threads of the process", USER, Ask(diagnostics::show_threads) {
        "show threads" => "  Thread 7 : name=worker-0 state=S\n";
    }
    ["show" "fd"] "show fd [-!plcfb]* [<fd>]", "show the open descriptors", OPERATOR, Ask(diagnostics::show_descriptors) {
        "show fd" => "      3 : kind=eventpoll\n      4 : kind=tcp state=LISTEN local=127.0.0.1:80 fe=fe\n";
        "show fd -l" => "      4 : kind=tcp state=LISTEN local=127.0.0.1:80 fe=fe\n";
        "show fd 2/4" => "Invalid TGID.\n";
        "user;show fd" => "\nPermission denied\n";
    }
    ["show" "libs"] "show libs", "show the files that are mapped as code", OPERATOR, Ask(diagnostics::show_libraries) {
        "show libs" => "0x0000000000001000-0x0000000000005000 (0x0004000) /lib/a\n";
        "user;show libs" => "\nPermission denied\n";
    }
    ["show" "dev"] "show dev", "show the build, the platform, the process and its limits", USER, Ask(diagnostics::show_node) {
        "show dev" => "Build\n  version: 0.1.0\nProcess\n  pid: 7\n";
    }
    ["show" "startup-logs"] "show startup-logs", "show what was told while the process started", OPERATOR, Ask(diagnostics::show_startup) {
        "show startup-logs" => "[WARNING]  (7) : a\n";
        "user;show startup-logs" => "\nPermission denied\n";
    }
    ["show" "pools"] "show pools [byname|bysize|byusage] [detailed] [match <pfx>] [<nb>]", "show what memory is used for", USER, Ask(diagnostics::show_pools) {
        "show pools" => "Dumping pools usage.\n  - Pool small_buffer (16384 bytes) : 3 allocated (49152 bytes), 1 used (~2 by thread caches), 0 failures\n  - Pool table_fe : 2 allocated (128 bytes), 2 used (~0 by thread caches), 0 failures\nTotal: 2 pools, 49280 bytes allocated, 16512 used (~32768 by thread caches).\n";
        "show pools match table_ detailed" => "Dumping pools usage.\n  - Pool table_fe (~64 bytes) : 2 allocated (128 bytes), 2 used (~0 by thread caches), 0 failures\nTotal: 1 pools, 128 bytes allocated, 128 used (~0 by thread caches).\n";
        "show pools byusage 1" => "Dumping pools usage.\n  - Pool small_buffer …";
        "show pools foo" => "Expects either 'byname', 'bysize', 'byusage', 'match <pfx>', 'detailed', or a max number of output lines.\n";
    }
    ["show" "servers" "conn"] "show servers conn [<b>]", "show the connections to servers", USER, Ask(diagnostics::show_connections) {
        "show servers conn be" => "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur idle_per_thr[2]\nbe/s1 3/1 127.0.0.1 1 - 5000 1 1 2 2 0 1 1 -1 2 2 0\nbe/s2 3/2 127.0.0.1 1 - 5000 1 1 2 2 0 1 1 -1 2 2 0\n";
        "show servers conn x" => "Can't find backend.\n";
    }
    ["show" "events"] "show events [<sink> [-w] [-n] [-0]]", "list the rings, or show the lines of one", USER, Ask(diagnostics::show_events) {
        "show events" => "Supported events sinks are listed below. Add -0(zero), -w(wait), -n(new). Any key to stop.\n    stdout     : type=fd, 0 dropped, standard output (fd#1)\n    stderr     : type=fd, 0 dropped, standard output (fd#2)\n    buf        : type=buffer, 0 dropped, the newest lines\n";
        "show events buf" => "one\ntwo\n";
        "show events buf -n" => "";
        "show events nosuch -w" => "No such event sink\n";
        "show events nosuch" => "No such event sink\n";
        "show events stdout" => "Nothing to report for this sink\n";
        "show events buf -x" => "unknown option\n";
    }
    ["set" "profiling"] "set profiling {tasks|memory} {on|off|auto}", "not supported: see 'show activity'", ADMIN, Session(diagnostics::set_profiling) {
        "set profiling" => "Expects either 'tasks' or 'memory'.\n";
        "set profiling memory on" => "Memory profiling not compiled in.\n";
        "set profiling tasks foo" => "Expects a combination of either 'on', 'auto', 'off', 'lock', 'no-lock', 'memory' or 'no-memory'.\n";
        "set profiling tasks on" => "not supported by Regate: …";
        "user;set profiling tasks on" => "\nPermission denied\n";
    }
    ["show" "profiling"] "show profiling", "not supported: see 'show activity'", ADMIN, Session(diagnostics::show_profiling) {
        "show profiling" => "not supported by Regate: nothing is profiled; 'show activity', 'show tasks' and 'show pools' tell what is counted always.\n";
    }
    ["show" "cache"] "show cache", "not supported: there is no cache", ADMIN, Session(diagnostics::show_cache) {
        "show cache" => "not supported by Regate: it has no cache of responses.\n";
    }
    ["show" "peers"] "show peers [<section>]", "not supported: see 'show table'", USER, Session(diagnostics::show_peers) {
        "show peers" => "not supported by Regate: it has no peers; 'show table' shows the tables of this process.\n";
    }
    ["show" "quic"] "show quic", "not supported: see 'show fd'", OPERATOR, Session(diagnostics::show_quic) {
        "show quic" => "not supported by Regate: it speaks no QUIC; 'show fd -c' shows its connections.\n";
    }
    ["show" "trace"] "show trace [<source>]", "not supported: see 'show events'", USER, Session(diagnostics::trace) {
        "show trace" => "not supported by Regate: it has no traces; 'show events' shows the lines of rings, and the variable REGATE_LOG asks for more on standard error.\n";
    }
    ["trace"] "trace [<source>|0]", "not supported: see 'show events'", OPERATOR, Session(diagnostics::trace) {
        "trace 0" => "not supported by Regate: it has no traces; …";
        "user;trace" => "\nPermission denied\n";
    }
    ["debug" "counters"] "debug counters", "not supported: see 'show activity'", OPERATOR, Session(diagnostics::debug_counters) {
        "debug counters" => "not supported by Regate: it has no counters of code; 'show activity' shows what workers did.\n";
    }
    ["debug" "dev"] "", "", EXPERT, Session(diagnostics::debug) {
        "debug dev loop 1" => "This command is restricted to expert mode only.\n";
        "expert-mode on;debug dev loop 1" => "\nnot supported by Regate: nothing in it can be made to fail by hand; 'show dev' describes the process.\n";
        "operator;debug dev bug" => "\nThis command is restricted to expert mode only.\n";
    }
    ["httpclient"] "", "", EXPERT, Session(diagnostics::request_by_hand) {
        "httpclient GET http://127.0.0.1/" => "This command is restricted to expert mode only.\n";
        "expert-mode on;httpclient GET http://127.0.0.1/" => "\nnot supported by Regate: it makes no requests of its own; checks of servers do, see 'show servers state'.\n";
    }
    ["reload"] "", "", OPERATOR, Session(diagnostics::reload) {
        "reload" => "not supported by Regate: there is no master process; SIGUSR2 …";
        "user;reload" => "\nPermission denied\n";
    }
    ["show" "proc"] "", "", OPERATOR, Session(diagnostics::show_processes) {
        "show proc" => "not supported by Regate: there is no master process; 'show info' …";
    }
    ["show" "ssl"] "", "", USER, Session(diagnostics::tls) {
        "show ssl cert" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["show" "tls-keys"] "", "", ADMIN, Session(diagnostics::tls) {
        "show tls-keys" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["set" "ssl"] "", "", ADMIN, Session(diagnostics::tls) {
        "set ssl tls-key a b" => "not supported by Regate: it speaks no TLS.\n";
        "set ssl tls-keys a b" => "not supported by Regate: it speaks no TLS.\n";
        "set ssl ocsp-response a" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["add" "ssl"] "", "", ADMIN, Session(diagnostics::tls) {
        "add ssl crt-list a b" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["del" "ssl"] "", "", ADMIN, Session(diagnostics::tls) {
        "del ssl cert a" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["new" "ssl"] "", "", ADMIN, Session(diagnostics::tls) {
        "new ssl cert a" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["commit" "ssl"] "", "", ADMIN, Session(diagnostics::tls) {
        "commit ssl cert a" => "not supported by Regate: it speaks no TLS.\n";
    }
    ["abort" "ssl"] "", "", ADMIN, Session(diagnostics::tls) {
        "abort ssl cert a" => "not supported by Regate: it speaks no TLS.\n";
    }
};
