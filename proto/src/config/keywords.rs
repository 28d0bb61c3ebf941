//! What HAProxy has and Regate has not, by name; and the nearest known spelling of a mistyped word.
//!
//! The names are facts of HAProxy's configuration language. A name here is never also a row of the directive
//! table; once something is supported, it moves there.

/// Something that HAProxy knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Known {
    /// Its words.
    pub name: &'static str,
    /// For parameters: how many arguments follow.
    pub arguments: usize,
    /// What becomes of it here.
    pub status: Status,
}

/// What becomes of something that HAProxy knows and the directive table does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is accepted and ignored, for this reason.
    Harmless(&'static str),
    /// It is refused by name.
    NotYet,
    /// HAProxy has it no more either: it is refused with what to write instead.
    Gone(&'static str),
}

const NO_TLS: &str = "there is no TLS here yet, and it is refused where it is asked for";
const TUNING: &str = "it tunes the insides of another program";

/// The entry of a line's first words in a section's list, the longer name first.
pub fn find(list: &'static [Known], first: &str, second: Option<&str>) -> Option<&'static Known> {
    let two = |row: &&Known| {
        row.name.split_once(' ').is_some_and(|(head, tail)| head == first && Some(tail) == second)
    };
    list.iter().find(two).or_else(|| list.iter().find(|row| row.name == first))
}

/// The known word that a mistyped one most likely meant.
pub fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > LONGEST {
        return None;
    }
    let tolerance = 1.max(word.chars().count() / 3);
    let scored = known.into_iter().map(|candidate| (distance(word, candidate), candidate));
    scored
        .filter(|(distance, _)| *distance <= tolerance)
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, candidate)| candidate)
}

/// Longer words are not compared: nobody mistypes them.
const LONGEST: usize = 64;

/// Insertions, deletions, replacements and swaps of neighbours that lead from one word to the other.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=right.len()).collect();
    for (i, a) in left.iter().enumerate() {
        let mut current = vec![i + 1];
        for (j, b) in right.iter().enumerate() {
            let mut best = (previous[j] + usize::from(a != b)).min(previous[j + 1] + 1).min(current[j] + 1);
            if i > 0 && j > 0 && *a == right[j - 1] && left[i - 1] == *b {
                best = best.min(before[j - 1] + 1);
            }
            current.push(best);
        }
        before = std::mem::replace(&mut previous, current);
    }
    previous[right.len()]
}

/// Sections that HAProxy has besides `global`, `defaults`, `frontend`, `backend` and `listen`.
pub const SECTIONS: &[&str] = &[
    "acme",
    "cache",
    "crt-list",
    "crt-store",
    "fcgi-app",
    "log-forward",
    "log-profile",
    "mailers",
    "program",
    "ruleset",
    "spoe-agent",
    "spoe-message",
    "traces",
];

/// Sections of HAProxy without which everything else is as it is there, each with what is missing for it.
pub const PASSED_OVER: &[(&str, &str)] = &[(
    "peers",
    "entries of stick tables are kept over restarts and upgrades of this node, and not told to other nodes yet; a table \
     that only this section has is not there",
)];

/// Every section that HAProxy has and Regate has not.
pub fn foreign_sections() -> impl Iterator<Item = &'static str> {
    SECTIONS.iter().copied().chain(PASSED_OVER.iter().map(|(name, _)| *name))
}

/// Directives of `global`.
pub const GLOBAL: &[Known] = &[
    Known { name: "tune.chksize", arguments: 0, status: Status::Gone("use 'tune.bufsize'") },
    Known {
        name: "nbproc",
        arguments: 0,
        status: Status::Gone("one process serves with 'nbthread' threads"),
    },
    Known { name: "51degrees-cache-size", arguments: 0, status: Status::NotYet },
    Known { name: "51degrees-data-file", arguments: 0, status: Status::NotYet },
    Known { name: "51degrees-property-name-list", arguments: 0, status: Status::NotYet },
    Known { name: "51degrees-property-separator", arguments: 0, status: Status::NotYet },
    Known { name: "acme.scheduler", arguments: 0, status: Status::NotYet },
    Known { name: "anonkey", arguments: 0, status: Status::NotYet },
    Known {
        name: "busy-polling",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known { name: "ca-base", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "chroot-private", arguments: 0, status: Status::NotYet },
    Known { name: "close-spread-time", arguments: 0, status: Status::NotYet },
    Known {
        name: "cluster-secret",
        arguments: 0,
        status: Status::Harmless("nothing here is derived from it"),
    },
    Known { name: "cpu-map", arguments: 0, status: Status::Harmless("workers are placed by the kernel") },
    Known { name: "cpu-policy", arguments: 0, status: Status::Harmless("workers are placed by the kernel") },
    Known { name: "cpu-set", arguments: 0, status: Status::Harmless("workers are placed by the kernel") },
    Known { name: "crt-base", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known {
        name: "debug",
        arguments: 0,
        status: Status::Harmless("messages are chosen on the command line"),
    },
    Known { name: "deviceatlas-json-file", arguments: 0, status: Status::NotYet },
    Known { name: "deviceatlas-log-level", arguments: 0, status: Status::NotYet },
    Known { name: "deviceatlas-properties-cookie", arguments: 0, status: Status::NotYet },
    Known { name: "deviceatlas-separator", arguments: 0, status: Status::NotYet },
    Known { name: "dns-accept-family", arguments: 0, status: Status::NotYet },
    Known {
        name: "expose-deprecated-directives",
        arguments: 0,
        status: Status::Harmless("it unlocks nothing here"),
    },
    Known {
        name: "expose-experimental-directives",
        arguments: 0,
        status: Status::Harmless("it unlocks nothing here"),
    },
    Known {
        name: "fd-hard-limit",
        arguments: 0,
        status: Status::Harmless("the limit of descriptors is raised as far as it goes"),
    },
    Known {
        name: "force-cfg-parser-pause",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known { name: "h1-accept-payload-with-any-method", arguments: 0, status: Status::NotYet },
    Known {
        name: "h2-workaround-bogus-websocket-clients",
        arguments: 0,
        status: Status::Harmless("there is no HTTP/2 here yet"),
    },
    Known {
        name: "harden.reject-privileged-ports.quic",
        arguments: 0,
        status: Status::Harmless("there is no HTTP/3 here yet"),
    },
    Known {
        name: "httpclient.resolvers.id",
        arguments: 0,
        status: Status::Harmless("nothing here makes requests of its own by it"),
    },
    Known {
        name: "httpclient.resolvers.prefer",
        arguments: 0,
        status: Status::Harmless("nothing here makes requests of its own by it"),
    },
    Known {
        name: "httpclient.retries",
        arguments: 0,
        status: Status::Harmless("nothing here makes requests of its own by it"),
    },
    Known {
        name: "httpclient.ssl.ca-file",
        arguments: 0,
        status: Status::Harmless("nothing here makes requests of its own by it"),
    },
    Known {
        name: "httpclient.ssl.verify",
        arguments: 0,
        status: Status::Harmless("nothing here makes requests of its own by it"),
    },
    Known {
        name: "httpclient.timeout.connect",
        arguments: 0,
        status: Status::Harmless("nothing here makes requests of its own by it"),
    },
    Known {
        name: "insecure-fork-wanted",
        arguments: 0,
        status: Status::Harmless("programs for external checks are started without further leave"),
    },
    Known {
        name: "insecure-setuid-wanted",
        arguments: 0,
        status: Status::Harmless("programs for external checks are started without further leave"),
    },
    Known { name: "issuers-chain-path", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "key-base", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "limited-quic", arguments: 0, status: Status::Harmless("there is no HTTP/3 here yet") },
    Known { name: "localpeer", arguments: 0, status: Status::Harmless("there are no peers here yet") },
    Known { name: "lua-load", arguments: 0, status: Status::NotYet },
    Known { name: "lua-load-per-thread", arguments: 0, status: Status::NotYet },
    Known { name: "lua-prepend-path", arguments: 0, status: Status::NotYet },
    Known {
        name: "master-worker",
        arguments: 0,
        status: Status::Harmless("one process serves, and can be changed without a restart"),
    },
    Known {
        name: "maxcompcpuusage",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known {
        name: "maxpipes",
        arguments: 0,
        status: Status::Harmless("data is moved in the way that measured best"),
    },
    Known { name: "maxsslconn", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "maxzlibmem", arguments: 0, status: Status::Harmless("it tunes what does not exist here") },
    Known {
        name: "mworker-max-reloads",
        arguments: 0,
        status: Status::Harmless("one process serves, and can be changed without a restart"),
    },
    Known {
        name: "no-memory-trimming",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known { name: "no-quic", arguments: 0, status: Status::Harmless("there is no HTTP/3 here yet") },
    Known { name: "noepoll", arguments: 0, status: Status::Harmless("epoll is used") },
    Known { name: "noevports", arguments: 0, status: Status::Harmless("epoll is used") },
    Known {
        name: "nogetaddrinfo",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known { name: "nokqueue", arguments: 0, status: Status::Harmless("epoll is used") },
    Known {
        name: "noktls",
        arguments: 0,
        status: Status::Harmless("data is moved in the way that measured best"),
    },
    Known { name: "nopoll", arguments: 0, status: Status::Harmless("epoll is used") },
    Known {
        name: "noreuseport",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known {
        name: "nosplice",
        arguments: 0,
        status: Status::Harmless("data is moved in the way that measured best"),
    },
    Known {
        name: "numa-cpu-mapping",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known { name: "ocsp-update.disable", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ocsp-update.httpproxy", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ocsp-update.maxdelay", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ocsp-update.mindelay", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ocsp-update.mode", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known {
        name: "prealloc-fd",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known {
        name: "profiling.memory",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known {
        name: "profiling.tasks",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known {
        name: "quiet",
        arguments: 0,
        status: Status::Harmless("messages are chosen on the command line"),
    },
    Known {
        name: "renice.runtime",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known {
        name: "renice.startup",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known {
        name: "set-dumpable",
        arguments: 0,
        status: Status::Harmless("it concerns core dumps of another program"),
    },
    Known { name: "set-var", arguments: 0, status: Status::NotYet },
    Known { name: "set-var-fmt", arguments: 0, status: Status::NotYet },
    Known { name: "setcap", arguments: 0, status: Status::NotYet },
    Known { name: "shm-stats-file", arguments: 0, status: Status::NotYet },
    Known { name: "shm-stats-file-max-objects", arguments: 0, status: Status::NotYet },
    Known { name: "ssl-default-bind-ciphers", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-bind-ciphersuites", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-bind-client-sigalgs", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-bind-curves", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-bind-options", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-bind-sigalgs", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-server-ciphers", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-server-ciphersuites", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-server-client-sigalgs", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-server-curves", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-server-options", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-default-server-sigalgs", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-dh-param-file", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-engine", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-load-extra-del-ext", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-load-extra-files", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known {
        name: "ssl-mode-async",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known { name: "ssl-passphrase-cmd", arguments: 0, status: Status::NotYet },
    Known { name: "ssl-propquery", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-provider", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-provider-path", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-security-level", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-server-verify", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-skip-self-issued-ca", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known {
        name: "strict-limits",
        arguments: 0,
        status: Status::Harmless("the limit of descriptors is raised as far as it goes"),
    },
    Known {
        name: "thread-group",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known {
        name: "thread-groups",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known {
        name: "thread-hard-limit",
        arguments: 0,
        status: Status::Harmless("workers are placed by the kernel"),
    },
    Known { name: "trace", arguments: 0, status: Status::NotYet },
    Known { name: "tune.buffers.limit", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.buffers.reserve", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.bufsize", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.bufsize.small", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.comp.maxlevel", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.fail-alloc", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.fd.edge-triggered", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.h2.header-table-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.h2.initial-window-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.h2.max-concurrent-streams", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.h2.max-frame-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.http.cookielen", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.http.logurilen", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.http.maxhdr", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.idle-pool.shared", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.idletimer", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.listener.multi-queue", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.lua.forced-yield", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.lua.maxmem", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.lua.service-timeout", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.lua.session-timeout", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.lua.task-timeout", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.maxaccept", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.maxpollevents", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.maxrewrite", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.pattern.cache-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.peers.max-updates-at-once", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.pipesize", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.pool-high-fd-ratio", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.pool-low-fd-ratio", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.quic.cc-hystart", arguments: 0, status: Status::Harmless(TUNING) },
    Known {
        name: "tune.quic.frontend.conn-tx-buffers.limit",
        arguments: 0,
        status: Status::Harmless(TUNING),
    },
    Known { name: "tune.quic.frontend.max-idle-timeout", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.quic.frontend.max-streams-bidi", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.quic.retry-threshold", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.rcvbuf.client", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.rcvbuf.server", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.recv_enough", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.runqueue-depth", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.sched.low-latency", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.sndbuf.client", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.sndbuf.server", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.cachesize", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.capture-buffer-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.capture-cipherlist-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.default-dh-param", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.force-private-cache", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.hard-maxrecord", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.keylog", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.lifetime", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.maxrecord", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.ssl.ssl-ctx-cache-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.vars.check-max-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.vars.global-max-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.vars.proc-max-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.vars.reqres-max-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.vars.sess-max-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.vars.txn-max-size", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.zlib.memlevel", arguments: 0, status: Status::Harmless(TUNING) },
    Known { name: "tune.zlib.windowsize", arguments: 0, status: Status::Harmless(TUNING) },
    Known {
        name: "ulimit-n",
        arguments: 0,
        status: Status::Harmless("the limit of descriptors is raised as far as it goes"),
    },
    Known {
        name: "warn-blocked-traffic-after",
        arguments: 0,
        status: Status::Harmless("it tunes what does not exist here"),
    },
    Known { name: "wurfl-cache-size", arguments: 0, status: Status::NotYet },
    Known { name: "wurfl-data-file", arguments: 0, status: Status::NotYet },
    Known { name: "wurfl-information-list", arguments: 0, status: Status::NotYet },
    Known { name: "wurfl-information-list-separator", arguments: 0, status: Status::NotYet },
    Known {
        name: "stats bind-process",
        arguments: 0,
        status: Status::Harmless("every worker serves text sockets"),
    },
    Known { name: "stats", arguments: 0, status: Status::NotYet },
];

/// Directives of proxies and defaults.
pub const PROXY: &[Known] = &[
    Known { name: "rsprep", arguments: 0, status: Status::Gone("use 'http-response replace-header'") },
    Known { name: "rspirep", arguments: 0, status: Status::Gone("use 'http-response replace-header'") },
    Known { name: "rspideny", arguments: 0, status: Status::Gone("use 'http-response deny'") },
    Known { name: "rspidel", arguments: 0, status: Status::Gone("use 'http-response del-header'") },
    Known { name: "rspdeny", arguments: 0, status: Status::Gone("use 'http-response deny'") },
    Known { name: "rspdel", arguments: 0, status: Status::Gone("use 'http-response del-header'") },
    Known { name: "reqtarpit", arguments: 0, status: Status::Gone("use 'http-request tarpit'") },
    Known { name: "reqpass", arguments: 0, status: Status::Gone("use 'http-request allow'") },
    Known { name: "reqitarpit", arguments: 0, status: Status::Gone("use 'http-request tarpit'") },
    Known {
        name: "reqirep",
        arguments: 0,
        status: Status::Gone(
            "use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header'",
        ),
    },
    Known { name: "reqipass", arguments: 0, status: Status::Gone("use 'http-request allow'") },
    Known { name: "reqideny", arguments: 0, status: Status::Gone("use 'http-request deny'") },
    Known { name: "reqidel", arguments: 0, status: Status::Gone("use 'http-request del-header'") },
    Known { name: "reqiallow", arguments: 0, status: Status::Gone("use 'http-request allow'") },
    Known { name: "reqdel", arguments: 0, status: Status::Gone("use 'http-request del-header'") },
    Known { name: "reqallow", arguments: 0, status: Status::Gone("use 'http-request allow'") },
    Known {
        name: "monitor-net",
        arguments: 0,
        status: Status::Gone("use 'http-request return status 200' with a condition on 'src'"),
    },
    Known { name: "redispatch", arguments: 0, status: Status::Gone("use 'option redispatch'") },
    Known { name: "appsession", arguments: 0, status: Status::Gone("use 'stick on' or 'cookie'") },
    Known {
        name: "bind-process",
        arguments: 0,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known {
        name: "block",
        arguments: 0,
        status: Status::Gone("use 'http-request deny', which takes the same conditions"),
    },
    Known { name: "clitimeout", arguments: 0, status: Status::Gone("use 'timeout client'") },
    Known { name: "compression", arguments: 0, status: Status::NotYet },
    Known { name: "contimeout", arguments: 0, status: Status::Gone("use 'timeout connect'") },
    Known { name: "declare", arguments: 0, status: Status::NotYet },
    Known { name: "email-alert", arguments: 0, status: Status::NotYet },
    Known { name: "email-alert from", arguments: 0, status: Status::NotYet },
    Known { name: "email-alert level", arguments: 0, status: Status::NotYet },
    Known { name: "email-alert mailers", arguments: 0, status: Status::NotYet },
    Known { name: "email-alert myhostname", arguments: 0, status: Status::NotYet },
    Known { name: "email-alert to", arguments: 0, status: Status::NotYet },
    Known { name: "filter", arguments: 0, status: Status::NotYet },
    Known { name: "filter-sequence", arguments: 0, status: Status::NotYet },
    Known { name: "force-be-switch", arguments: 0, status: Status::NotYet },
    Known { name: "grace", arguments: 0, status: Status::Gone("the global 'grace' delays a soft stop") },
    Known { name: "hash-preserve-affinity", arguments: 0, status: Status::NotYet },
    Known { name: "log-steps", arguments: 0, status: Status::NotYet },
    Known {
        name: "max-session-srv-conns",
        arguments: 0,
        status: Status::Harmless("a client keeps one connection to servers of its own"),
    },
    Known { name: "monitor", arguments: 0, status: Status::NotYet },
    Known { name: "option checkcache", arguments: 0, status: Status::NotYet },
    Known {
        name: "option contstats",
        arguments: 0,
        status: Status::Harmless("counters are always up to date"),
    },
    Known {
        name: "option disable-h2-upgrade",
        arguments: 0,
        status: Status::Harmless("there is no HTTP/2 here yet"),
    },
    Known {
        name: "option forceclose",
        arguments: 0,
        status: Status::Gone("drop it, or use 'option httpclose' where it is needed"),
    },
    Known { name: "option http-drop-request-trailers", arguments: 0, status: Status::NotYet },
    Known { name: "option http-drop-response-trailers", arguments: 0, status: Status::NotYet },
    Known {
        name: "option http-no-delay",
        arguments: 0,
        status: Status::Harmless("small packets are never held back"),
    },
    Known { name: "option http-tunnel", arguments: 0, status: Status::Gone("drop it") },
    Known {
        name: "option http-use-htx",
        arguments: 0,
        status: Status::Gone("drop it: nothing else is left"),
    },
    Known {
        name: "option http-use-proxy-header",
        arguments: 0,
        status: Status::Harmless("both headers of old proxies are let through, and only Connection counts"),
    },
    Known { name: "option independent-streams", arguments: 0, status: Status::NotYet },
    Known {
        name: "option splice-auto",
        arguments: 0,
        status: Status::Harmless("data is moved in the way that measured best"),
    },
    Known {
        name: "option splice-request",
        arguments: 0,
        status: Status::Harmless("data is moved in the way that measured best"),
    },
    Known {
        name: "option splice-response",
        arguments: 0,
        status: Status::Harmless("data is moved in the way that measured best"),
    },
    Known {
        name: "option tcp-smart-accept",
        arguments: 0,
        status: Status::Harmless("small packets are never held back"),
    },
    Known {
        name: "option tcp-smart-connect",
        arguments: 0,
        status: Status::Harmless("small packets are never held back"),
    },
    Known { name: "option tcpsplice", arguments: 0, status: Status::Gone("use 'option splice-auto'") },
    Known { name: "option use-small-buffers", arguments: 0, status: Status::NotYet },
    Known { name: "quic-initial", arguments: 0, status: Status::NotYet },
    Known { name: "reqadd", arguments: 0, status: Status::Gone("use 'http-request add-header'") },
    Known { name: "reqdeny", arguments: 0, status: Status::Gone("use 'http-request deny'") },
    Known {
        name: "reqrep",
        arguments: 0,
        status: Status::Gone(
            "use 'http-request replace-path', 'http-request replace-uri' or 'http-request replace-header'",
        ),
    },
    Known { name: "rspadd", arguments: 0, status: Status::Gone("use 'http-response add-header'") },
    Known { name: "srvtimeout", arguments: 0, status: Status::Gone("use 'timeout server'") },
    Known { name: "stats", arguments: 0, status: Status::NotYet },
    Known { name: "tcp-request", arguments: 0, status: Status::NotYet },
    Known { name: "tcp-response", arguments: 0, status: Status::NotYet },
    Known { name: "timeout client-hs", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "uri", arguments: 0, status: Status::NotYet },
    Known { name: "use-fcgi-app", arguments: 0, status: Status::NotYet },
];

/// Parameters of `bind`.
pub const BIND: &[Known] = &[
    Known { name: "accept-netscaler-cip", arguments: 1, status: Status::NotYet },
    Known { name: "allow-0rtt", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "alpn", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-file", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-ignore-err", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-sign-file", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-sign-pass", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-sign-use-chain", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-verify-file", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ciphers", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ciphersuites", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "client-sigalgs", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "crl-file", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "crt", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "crt-ignore-err", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "crt-list", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "curves", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "default-crt", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ecdhe", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ech", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known {
        name: "expose-fd",
        arguments: 1,
        status: Status::Harmless("a restart hands over its sockets in another way"),
    },
    Known { name: "force-sslv3", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv10", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv11", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv12", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv13", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "generate-certificates", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "idle-ping", arguments: 1, status: Status::NotYet },
    Known { name: "ktls", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "label", arguments: 1, status: Status::Harmless("the name of a bind labels it") },
    Known { name: "level", arguments: 1, status: Status::Harmless("it concerns text sockets") },
    Known { name: "nbconn", arguments: 1, status: Status::NotYet },
    Known {
        name: "nice",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known { name: "no-alpn", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-ca-names", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-renegotiate", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-sslv3", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-strict-sni", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-tls-tickets", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-tlsv10", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-tlsv11", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-tlsv12", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "no-tlsv13", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "npn", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ocsp-update", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "prefer-client-ciphers", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known {
        name: "process",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known { name: "proto", arguments: 1, status: Status::NotYet },
    Known { name: "quic-cc-algo", arguments: 1, status: Status::NotYet },
    Known { name: "quic-force-retry", arguments: 0, status: Status::NotYet },
    Known { name: "quic-socket", arguments: 1, status: Status::NotYet },
    Known { name: "renegotiate", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "severity-output", arguments: 1, status: Status::Harmless("it concerns text sockets") },
    Known {
        name: "shards",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known { name: "sigalgs", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl", arguments: 0, status: Status::NotYet },
    Known { name: "ssl-max-ver", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-min-ver", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "strict-sni", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "tcp-md5sig", arguments: 1, status: Status::NotYet },
    Known {
        name: "thread",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known { name: "tls-ticket-keys", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "verify", arguments: 1, status: Status::Harmless(NO_TLS) },
];

/// Parameters of `server` and `default-server`.
pub const SERVER: &[Known] = &[
    Known { name: "allow-0rtt", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "alpn", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ca-file", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "check-alpn", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "check-pool-conn-name", arguments: 1, status: Status::NotYet },
    Known { name: "check-proto", arguments: 1, status: Status::NotYet },
    Known { name: "check-reuse-pool", arguments: 0, status: Status::NotYet },
    Known { name: "check-sni", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "check-sni-auto", arguments: 0, status: Status::NotYet },
    Known { name: "check-ssl", arguments: 0, status: Status::NotYet },
    Known { name: "ciphers", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ciphersuites", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "client-sigalgs", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "crl-file", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "crt", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "curves", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "force-sslv3", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv10", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv11", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv12", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "force-tlsv13", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "idle-ping", arguments: 1, status: Status::NotYet },
    Known { name: "ktls", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "log-bufsize", arguments: 1, status: Status::Harmless("lines wait in buffers that grow") },
    Known { name: "log-proto", arguments: 1, status: Status::NotYet },
    Known { name: "no-check-reuse-pool", arguments: 0, status: Status::NotYet },
    Known { name: "no-check-sni-auto", arguments: 0, status: Status::NotYet },
    Known { name: "no-check-ssl", arguments: 0, status: Status::Harmless("checks are without TLS here") },
    Known { name: "no-renegotiate", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-sni-auto", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-ssl", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-ssl-reuse", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-sslv3", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-tls-tickets", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-tlsv10", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-tlsv11", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-tlsv12", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "no-tlsv13", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "npn", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "path-fcgi", arguments: 1, status: Status::NotYet },
    Known { name: "pool-conn-name", arguments: 1, status: Status::NotYet },
    Known { name: "proto", arguments: 1, status: Status::NotYet },
    Known { name: "renegotiate", arguments: 0, status: Status::Harmless(NO_TLS) },
    Known { name: "set-proxy-v2-tlv-fmt", arguments: 2, status: Status::NotYet },
    Known { name: "shard", arguments: 1, status: Status::Harmless("there are no peers here yet") },
    Known { name: "sigalgs", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "sni", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "sni-auto", arguments: 0, status: Status::NotYet },
    Known { name: "ssl", arguments: 0, status: Status::NotYet },
    Known { name: "ssl-max-ver", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-min-ver", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ssl-reuse", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "strict-maxconn", arguments: 0, status: Status::NotYet },
    Known { name: "tcp-md5sig", arguments: 1, status: Status::NotYet },
    Known { name: "tls-tickets", arguments: 0, status: Status::Harmless("there is no TLS here yet") },
    Known { name: "usesrc", arguments: 0, status: Status::NotYet },
    Known { name: "verify", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "verifyhost", arguments: 1, status: Status::Harmless(NO_TLS) },
    Known { name: "ws", arguments: 1, status: Status::NotYet },
];

/// Parameters of `stats socket`.
pub const STATS_SOCKET: &[Known] = &[
    Known { name: "accept-proxy", arguments: 0, status: Status::NotYet },
    Known { name: "backlog", arguments: 1, status: Status::Harmless("the kernel's default serves") },
    Known { name: "ca-file", arguments: 1, status: Status::NotYet },
    Known { name: "crt", arguments: 1, status: Status::NotYet },
    Known {
        name: "expose-fd",
        arguments: 1,
        status: Status::Harmless("a restart hands over its sockets in another way"),
    },
    Known { name: "id", arguments: 1, status: Status::Harmless("text sockets have no numbers here") },
    Known { name: "interface", arguments: 1, status: Status::NotYet },
    Known { name: "label", arguments: 1, status: Status::Harmless("text sockets have no names here") },
    Known {
        name: "maxconn",
        arguments: 1,
        status: Status::Harmless("'stats maxconn' limits all text sockets"),
    },
    Known { name: "name", arguments: 1, status: Status::Harmless("text sockets have no names here") },
    Known { name: "namespace", arguments: 1, status: Status::NotYet },
    Known {
        name: "nice",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known {
        name: "process",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known {
        name: "shards",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known { name: "ssl", arguments: 0, status: Status::NotYet },
    Known { name: "tcp-ut", arguments: 1, status: Status::NotYet },
    Known {
        name: "thread",
        arguments: 1,
        status: Status::Harmless("workers share the accepted connections by themselves"),
    },
    Known { name: "v4v6", arguments: 0, status: Status::NotYet },
    Known { name: "v6only", arguments: 0, status: Status::NotYet },
    Known { name: "verify", arguments: 1, status: Status::NotYet },
];
