//! The table of actions: a row per name.

use super::RuleSet;

/// One action.
#[derive(Debug)]
pub struct Row {
    /// Its name; a name that ends in `(` is followed by an argument.
    pub name: &'static str,
    /// The sets in which it may stand.
    pub sets: &'static [RuleSet],
    /// What follows, as a usage line shows it.
    pub syntax: &'static str,
    /// Lines that read and are written back as they stand.
    pub examples: &'static [&'static str],
}

use RuleSet::{
    HttpAfterResponse, HttpRequest, HttpResponse, TcpConnection, TcpContent, TcpResponse, TcpSession,
};

const EVERY: &[RuleSet] = &RuleSet::ALL;
const HTTP: &[RuleSet] = &[HttpRequest, HttpResponse, HttpAfterResponse];
const BEFORE: &[RuleSet] = &[HttpRequest, HttpResponse];
const REQUEST: &[RuleSet] = &[HttpRequest];
const TCP: &[RuleSet] = &[TcpConnection, TcpSession, TcpContent, TcpResponse];
const DROPPING: &[RuleSet] = &[TcpConnection, TcpSession, TcpContent, TcpResponse, HttpRequest, HttpResponse];
const REJECTING: &[RuleSet] = &[TcpConnection, TcpSession, TcpContent, TcpResponse, HttpRequest];
const TRACKING: &[RuleSet] = &[TcpConnection, TcpSession, TcpContent, HttpRequest, HttpResponse];
const ADDRESSES: &[RuleSet] = &[TcpConnection, TcpSession, TcpContent, HttpRequest];
const STREAMS: &[RuleSet] = &[TcpContent, TcpResponse, HttpRequest, HttpResponse];
const LEVELLED: &[RuleSet] = &[TcpContent, TcpResponse, HttpRequest, HttpResponse, HttpAfterResponse];
const STAMPING: &[RuleSet] = DROPPING;
const CAPTURING: &[RuleSet] = &[TcpContent, HttpRequest, HttpResponse, HttpAfterResponse];
const QUEUED: &[RuleSet] = &[TcpContent, HttpRequest];

/// Every action, in ascending order of names.
pub const ROWS: &[Row] = &[
    row("accept", TCP, "", &["accept", "accept if TRUE"]),
    row("add-acl(", BEFORE, "<file>) <format>", &["add-acl(list.acl) %[src]"]),
    row("add-header", HTTP, "<name> <format>", &["add-header X-Source %[src]"]),
    row("allow", HTTP, "", &["allow", "allow if { src 10.0.0.0/8 }"]),
    row("auth", REQUEST, "[realm <text>]", &["auth", "auth realm Files unless TRUE"]),
    row("capture", CAPTURING, "<sample> { len <length> | id <slot> }", &["capture src id 0"]),
    row("close", &[TcpResponse], "", &["close", "close if { res.payload(0,3) -m str BYE }"]),
    row("del-acl(", BEFORE, "<file>) <format>", &["del-acl(list.acl) %[src]"]),
    row("del-header", HTTP, "<name> [-m <method>]", &["del-header X-Secret", "del-header x- -m beg"]),
    row("del-map(", HTTP, "<file>) <format>", &["del-map(hosts.map) %[src]"]),
    row(
        "deny",
        BEFORE,
        REPLY,
        &["deny", "deny status 429 content-type text/plain string slow", "deny deny_status 404 if FALSE"],
    ),
    row("disable-l7-retry", REQUEST, "", &["disable-l7-retry if METH_POST"]),
    row("do-log", EVERY, "", &["do-log", "do-log if TRUE"]),
    row(
        "do-resolve(",
        QUEUED,
        "<variable>,<resolvers>[,ipv4|ipv6]) <sample>",
        &[
            "do-resolve(txn.ip,default,ipv4) hdr(host),host_only",
            "do-resolve(sess.ip,default) str(a.test) if TRUE",
        ],
    ),
    row("early-hint", REQUEST, "<name> <format>", &["early-hint Link </a.css>;rel=preload"]),
    row("expect-proxy", &[TcpConnection], "layer4", &["expect-proxy layer4 if { src 127.0.0.1 }"]),
    row("normalize-uri", REQUEST, "<normalizer> [full] [strict]", &["normalize-uri path-merge-slashes"]),
    row("pause", BEFORE, "<time> | <sample>", &["pause 10ms", "pause int(10)"]),
    row("redirect", BEFORE, "location|prefix|scheme <format> …", &["redirect location /login code 303"]),
    row("reject", REJECTING, "", &["reject", "reject if TRUE"]),
    row("replace-header", HTTP, "<name> <regex> <format>", &[r"replace-header Cookie foo=([^;]*) bar=\1"]),
    row("replace-path", REQUEST, "<regex> <format>", &[r"replace-path ^/a/(.*) /b/\1"]),
    row("replace-pathq", REQUEST, "<regex> <format>", &[r"replace-pathq ^/a(.*) /b\1"]),
    row("replace-uri", REQUEST, "<regex> <format>", &[r"replace-uri ^http://(.*) https://\1"]),
    row("replace-value", HTTP, "<name> <regex> <format>", &["replace-value X-List a b"]),
    row("return", BEFORE, REPLY, &["return status 200 content-type text/plain lf-string %[src]", "return"]),
    row("sc-add-gpc(", EVERY, "<element>,<tracker>) <number> | <sample>", &["sc-add-gpc(0,1) 5"]),
    row("sc-inc-gpc(", EVERY, "<element>,<tracker>)", &["sc-inc-gpc(2,0)"]),
    row("sc-inc-gpc0(", EVERY, "<tracker>)", &["sc-inc-gpc0(0)", "sc-inc-gpc0(2) if TRUE"]),
    row("sc-inc-gpc1(", EVERY, "<tracker>)", &["sc-inc-gpc1(0)"]),
    row("sc-set-gpt(", EVERY, "<element>,<tracker>) <number> | <sample>", &["sc-set-gpt(1,0) src_port"]),
    row("sc-set-gpt0(", EVERY, "<tracker>) <number> | <sample>", &["sc-set-gpt0(0) 1 if TRUE"]),
    row("set-bc-mark", QUEUED, "<mark> | <sample>", &["set-bc-mark 7", "set-bc-mark src_port"]),
    row("set-bc-tos", QUEUED, "<tos> | <sample>", &["set-bc-tos 0x10"]),
    row("set-dst", ADDRESSES, "<sample>", &["set-dst src"]),
    row("set-dst-port", ADDRESSES, "<sample>", &["set-dst-port int(4000)"]),
    row("set-fc-mark", STAMPING, "<mark> | <sample>", &["set-fc-mark 0x1f", "set-fc-mark int(7)"]),
    row("set-fc-tos", STAMPING, "<tos> | <sample>", &["set-fc-tos 16"]),
    row("set-header", HTTP, "<name> <format>", &["set-header X-Source %[src]"]),
    row("set-log-level", LEVELLED, "<level>", &["set-log-level silent", "set-log-level err if TRUE"]),
    row("set-map(", HTTP, "<file>) <format> <format>", &["set-map(hosts.map) %[src] %[path]"]),
    row("set-mark", STAMPING, "<number>", &["set-mark 7"]),
    row("set-method", REQUEST, "<format>", &["set-method POST"]),
    row("set-nice", STREAMS, "<number>", &["set-nice 5"]),
    row("set-path", REQUEST, "<format>", &["set-path /x%[path]"]),
    row("set-pathq", REQUEST, "<format>", &["set-pathq /x%[pathq]"]),
    row("set-priority-class", QUEUED, "<sample>", &["set-priority-class int(1)"]),
    row("set-priority-offset", QUEUED, "<sample>", &["set-priority-offset int(-50)"]),
    row("set-query", REQUEST, "<format>", &["set-query a=%[path]"]),
    row("set-retries", QUEUED, "<number> | <sample>", &["set-retries 3", "set-retries var(txn.retries)"]),
    row("set-src", ADDRESSES, "<sample>", &["set-src req.hdr(x-forwarded-for)"]),
    row("set-src-port", ADDRESSES, "<sample>", &["set-src-port int(0)"]),
    row("set-status", &[HttpResponse, HttpAfterResponse], "<status> [reason <text>]", &["set-status 503"]),
    row(
        "set-timeout",
        BEFORE,
        "client|connect|queue|server|tarpit|tunnel <time> | <sample>",
        &["set-timeout server 5s", "set-timeout tunnel int(500)"],
    ),
    row("set-tos", STAMPING, "<number>", &["set-tos 0x10"]),
    row("set-uri", REQUEST, "<format>", &["set-uri /all"]),
    row("set-var(", EVERY, "<variable>) <sample>", &["set-var(txn.a) src"]),
    row("set-var-fmt(", EVERY, "<variable>) <format>", &["set-var-fmt(txn.a) %[src]:%[path]"]),
    row("silent-drop", DROPPING, "", &["silent-drop if TRUE"]),
    row("strict-mode", HTTP, "on | off", &["strict-mode off"]),
    row(
        "switch-mode",
        &[TcpContent],
        "http [proto h1]",
        &["switch-mode http if HTTP", "switch-mode http proto h1"],
    ),
    row("tarpit", REQUEST, REPLY, &["tarpit", "tarpit deny_status 403"]),
    row("track-sc0", TRACKING, "<key> [table <table>]", &["track-sc0 src", "track-sc7 src table t if TRUE"]),
    row("unset-var(", EVERY, "<variable>)", &["unset-var(txn.a)"]),
    row(
        "use-service",
        REQUEST,
        "prometheus-exporter",
        &["use-service prometheus-exporter if { path /metrics }"],
    ),
    row("wait-for-body", BEFORE, "time <time> [at-least <size>]", &["wait-for-body time 1s at-least 100"]),
    row("wait-for-handshake", REQUEST, "", &["wait-for-handshake"]),
];

const REPLY: &str = "[status <code>] [content-type <type>] [string|lf-string|file|lf-file|errorfile …] [hdr <name> <format>]*";

const fn row(
    name: &'static str,
    sets: &'static [RuleSet],
    syntax: &'static str,
    examples: &'static [&'static str],
) -> Row {
    Row { name, sets, syntax, examples }
}
