#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test may fail where it stands")]

use std::cell::Cell;
use std::net::SocketAddr;

use regate_proto::change::Revision;
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::model::Name;
use regate_proto::rules::{Kind, Sample};
use regate_proto::state::{State, Touched};

use super::*;
use crate::live::{Live, Variables};
use crate::snapshot::{self, Snapshot};

/// What a view looks at.
struct Scene {
    live: Live,
    snapshot: Snapshot,
    variables: Variables,
    undecided: Cell<bool>,
}

/// Headers in order.
struct Lines(&'static [(&'static str, &'static str)]);

impl Headers for Lines {
    fn at(&self, position: usize) -> Option<Option<(&[u8], &[u8])>> {
        self.0.get(position).map(|(name, value)| Some((name.as_bytes(), value.as_bytes())))
    }
}

impl Scene {
    fn new() -> Scene {
        let live = Live::new(1);
        let source = SourceFile::from_bytes("scene.cfg", CONFIGURATION.as_bytes().to_vec()).unwrap();
        let nowhere = Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
        let state = State::restore(Revision(1), config::read(&[source], &nowhere).unwrap().rows, Vec::new());
        let state = state.unwrap();
        let touched: Touched = state.effective().map(|row| row.subject()).collect();
        let snapshot = snapshot::compile(&state, &Snapshot::default(), &touched, &live).unwrap();
        let variables = Variables::new(live.variables.clone());
        Scene { live, snapshot, variables, undecided: Cell::new(false) }
    }

    /// The view of a connection that has sent this, before anybody knows what it is.
    fn raw<'a>(&'a self, payload: &'a [u8], whole: bool) -> View<'a> {
        View {
            snapshot: &self.snapshot,
            live: &self.live,
            now: self.live.process.now(),
            frontend: Some(&self.snapshot.frontends[&Name::new("fe").unwrap()]),
            backend: None,
            server: None,
            source: Some(SocketAddr::from(([127, 0, 0, 1], 5000))),
            destination: &|| Some(SocketAddr::from(([127, 0, 0, 1], 80))),
            bind_id: 1,
            request: None,
            response: None,
            payload,
            opening: Some(Box::leak(Box::default())),
            whole,
            first: true,
            variables: &self.variables,
            answer: b"",
            undecided: &self.undecided,
            connection: &(),
            facts: Facts::default(),
        }
    }

    /// The view of a request.
    fn request(&self) -> View<'_> {
        let request = Request {
            method: b"POST",
            target: b"http://ho.st:81/p/a/th;x?p=1&q=&r=3;s=4&p=2",
            version: "1.1",
            headers: &HEADERS,
            body: b"a=1&b=2;a=3&c&d=x=y",
            body_length: Some(19),
        };
        View { request: Some(request), ..self.raw(b"", true) }
    }
}

#[test]
fn a_request_gives_what_it_gives_under_haproxy() {
    let scene = Scene::new();
    let view = scene.request();
    for (expression, expected) in RECORDED {
        assert_eq!(text(expression, &view).as_deref(), *expected, "{expression}");
    }
}

#[test]
fn users_are_known_by_their_lists() {
    let scene = Scene::new();
    let view = scene.request();
    for (expression, expected) in [
        ("http_auth(users)", Some("1")),
        ("http_auth(strangers)", Some("0")),
        ("http_auth(none)", None),
        ("http_auth_group(users)", Some("joe")),
        ("http_auth_group(strangers)", None),
    ] {
        let found = text(expression, &view);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{expression}");
    }
}

#[test]
fn a_response_gives_what_it_gives_under_haproxy() {
    let scene = Scene::new();
    let response = Response {
        status: 404,
        version: "1.0",
        reason: b"Not Found",
        headers: &Lines(&[
            ("Set-Cookie", "a=1; Path=/; Max-Age=5"),
            ("Set-Cookie", "b=\"2;3\"; Secure"),
            ("Set-Cookie", "a=7"),
            ("X-List", "u, v"),
        ]),
        body: b"gone",
        came: 0,
        body_length: None,
    };
    let view = View { response: Some(response), ..scene.request() };
    for (expression, expected) in [
        ("status", Some("404")),
        ("res.ver", Some("1.0")),
        ("capture.res.ver", Some("HTTP/1.0")),
        ("res.hdr(x-list)", Some("v")),
        ("res.fhdr(x-list)", Some("u, v")),
        ("hdr(x-list)", Some("v")),
        ("res.hdr_cnt(x-list)", Some("2")),
        ("res.cook(a)", Some("7")),
        ("res.cook", Some("1")),
        ("res.cook(b)", Some("\"2;3\"")),
        ("res.cook(path)", None),
        ("res.cook_cnt", Some("5")),
        ("scook_val(a)", Some("7")),
        ("cookie(a)", Some("7")),
        ("res.body", Some("gone")),
        ("res.body_len", Some("4")),
        ("res.body_size", Some("4")),
        ("res.hdr_names", Some("set-cookie,set-cookie,set-cookie,x-list")),
    ] {
        let found = text(expression, &view);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{expression}");
    }
}

#[test]
fn matching_sees_every_value() {
    let scene = Scene::new();
    let view = scene.request();
    for (expression, expected) in [
        ("req.hdr(x-list)", "a|b||\"c,d\"|e|f"),
        ("req.hdr(x-list),upper", "A|B||\"C,D\"|E|F"),
        ("req.fhdr(x-list)", "a, b ,,\"c,d\", e|f"),
        ("req.hdr(x-list,2)", "b"),
        ("req.hdr_ip(x-ip)", "192.0.2.1|2001:db8::1"),
        ("req.hdr_val(x-number)", "12|12|-5|85|-45|0|99999"),
        ("req.cook(a)", "1|2|3"),
        ("req.cook", "1|\"x; y\"|2||f|3"),
        ("url_param(p)", "1|2"),
        ("url_param", "1||3|4|2"),
        ("req.body_param(a)", "1|3"),
        ("path", "/p/a/th;x"),
        ("http_auth_group(users)", "g1|g2"),
        ("req.hdr(none)", ""),
        ("req.hdr", ""),
    ] {
        let plan = plan(expression);
        let mut seen: Vec<String> = Vec::new();
        let verdict = any(&plan, &view, |value| {
            seen.push(String::from_utf8(value.into_text().into_owned()).unwrap());
            false
        });
        assert_eq!(seen.join("|"), expected, "{expression}");
        assert_eq!(verdict, (!seen.is_empty()).then_some(false), "{expression}");
    }
    let plan = plan("req.hdr(x-list)");
    let mut looked = 0;
    let verdict = any(&plan, &view, |value| {
        looked += 1;
        value == Value::text(&b"b"[..])
    });
    assert_eq!((verdict, looked), (Some(true), 2));
}

#[test]
fn first_bytes_give_what_they_give_under_haproxy() {
    let scene = Scene::new();
    let rdp = b"\x03\0\0\x21\x1c\xe0\0\0\0\0\0Cookie: mstshash=joe\r\n";
    let distcc = b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003-c\nDOTI0000000ahello";
    let http = b"GET /x?a=1 HTTP/1.1\r\nHost: h\r\n\r\n";
    let cases: &[(&[u8], &str, Option<&str>, bool)] = &[
        (b"abcdef", "req.payload(1,3)", Some("bcd"), false),
        (b"abcdef", "req.payload(2,0)", Some("cdef"), true),
        (b"abcdef", "req.payload(4,3)", None, true),
        (b"abcdef", "req.len", Some("6"), true),
        (b"abcdef", "payload(0,1)", Some("a"), false),
        (b"\0\x02abc", "req.payload_lv(0,2)", Some("ab"), false),
        (b"\0\x02abc", "req.payload_lv(0,2,+1)", Some("bc"), false),
        (b"\0\x02abc", "req.payload_lv(1,1,-1)", Some("\x02a"), false),
        (b"\0\x02abc", "req.payload_lv(0,2,3)", Some("bc"), false),
        (b"\0\x09abc", "req.payload_lv(0,2)", None, true),
        (b"\0", "req.payload_lv(0,2)", None, true),
        (b"\0\0abc", "req.payload_lv(0,2)", None, false),
        (rdp, "req.rdp_cookie", Some("joe"), false),
        (rdp, "rdp_cookie(MSTSHASH)", Some("joe"), false),
        (rdp, "req.rdp_cookie(x)", None, false),
        (rdp, "req.rdp_cookie_cnt(mstshash)", Some("1"), false),
        (rdp, "req.rdp_cookie_cnt(x)", Some("0"), false),
        (&rdp[..20], "req.rdp_cookie", None, true),
        (&rdp[..20], "req.rdp_cookie_cnt", None, true),
        (b"GET / HTTP/1.1\r\n\r\n", "req.rdp_cookie_cnt", Some("0"), false),
        (distcc, "distcc_param(DIST)", Some("1"), false),
        (distcc, "distcc_param(ARGV,2)", Some("3"), false),
        (distcc, "distcc_body(ARGV)", Some("cc"), false),
        (distcc, "distcc_body(ARGV,2)", Some("-c\n"), false),
        (distcc, "distcc_body(ARGV,3)", None, true),
        (distcc, "distcc_param(DOTI)", Some("10"), true),
        (distcc, "distcc_body(DOTI)", None, true),
        (http, "req.proto_http", Some("1"), false),
        (http, "path", Some("/x"), false),
        (http, "hdr(host)", Some("h"), false),
        (http, "req.hdr_cnt", Some("3"), false),
        (http, "req.body_len", Some("0"), false),
        (&http[..30], "url", None, true),
        (b"\x16\x03\x01", "method", None, false),
        (&http[..30], "req.proto_http", None, true),
        (b"\x16\x03\x01", "req.proto_http", None, false),
        (b"", "wait_end", None, true),
    ];
    for (payload, expression, expected, open) in cases {
        let view = scene.raw(payload, false);
        scene.undecided.set(false);
        let found = text(expression, &view);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{expression} of {payload:?}");
        assert_eq!(scene.undecided.get(), *open, "{expression} of {payload:?}");
        // Once everything is there, nothing is open.
        scene.undecided.set(false);
        text(expression, &scene.raw(payload, true));
        assert!(!scene.undecided.get(), "{expression} of {payload:?}");
    }
    assert_eq!(text("wait_end", &scene.raw(b"", true)).as_deref(), Some(&b"1"[..]));
}

#[test]
fn connections_tell_what_they_know() {
    struct Known(Proxied);
    impl Connection for Known {
        fn source(&self) -> Option<SocketAddr> {
            Some(SocketAddr::from(([192, 0, 2, 7], 700)))
        }
        fn destination(&self) -> Option<SocketAddr> {
            Some(SocketAddr::from(([127, 0, 0, 1], 80)))
        }
        fn measures(&self) -> Option<Measures> {
            Some(Measures { round_trip: 1500, variance: 900, lost: 3, ..Measures::default() })
        }
        fn proxied(&self) -> Option<&Proxied> {
            Some(&self.0)
        }
        fn error(&self) -> u8 {
            14
        }
        fn upstream(&self) -> Option<(Option<SocketAddr>, Option<SocketAddr>)> {
            Some((Some(SocketAddr::from(([10, 0, 0, 1], 4000))), Some(SocketAddr::from(([10, 0, 0, 2], 81)))))
        }
    }
    let scene = Scene::new();
    let known = Known(Proxied {
        authority: Some(Box::from(&b"ex.ample"[..])),
        unique_id: None,
        extensions: vec![(2, Box::from(&b"ex.ample"[..])), (0xe0, Box::from(&b"own"[..]))],
    });
    let mut captures = Captures::default();
    captures.keep(Side::Request, 1, b"kept", 10);
    let view = View {
        connection: &known,
        backend: scene.snapshot.backends.get(&Name::new("be").unwrap()).map(|plan| &**plan),
        facts: Facts {
            worker: 3,
            server_timeout: Some(77),
            unique_id: Some(b"u-1"),
            last_rule: Some(("a.cfg", 12)),
            waiting_rule: Some(("b.cfg", 3)),
            sent: Some(Sent { method: b"PUT", target: b"http://h/before?x", version: "1.1" }),
            captures: Some(&captures),
            ..Facts::default()
        },
        ..scene.request()
    };
    for (expression, expected) in [
        ("fc_src", Some("192.0.2.7")),
        ("fc_src_port", Some("700")),
        ("fc_src_is_local", Some("0")),
        ("fc_dst_is_local", Some("1")),
        ("fc_rtt", Some("1")),
        ("fc_rtt(us)", Some("1500")),
        ("fc_rttvar(ms)", Some("0")),
        ("fc_lost", Some("3")),
        ("fc_pp_authority", Some("ex.ample")),
        ("fc_pp_unique_id", None),
        ("fc_rcvd_proxy", Some("1")),
        ("fc_err", Some("14")),
        ("fc_err_str", Some("Truncated PROXY protocol header received")),
        ("bc_src", Some("10.0.0.1")),
        ("bc_dst", Some("10.0.0.2")),
        ("bc_dst_port", Some("81")),
        ("bc_err", Some("0")),
        ("bc_http_major", Some("1")),
        ("be_name", Some("be")),
        ("be_server_timeout", Some("3000")),
        ("cur_server_timeout", Some("77")),
        ("be_tunnel_timeout", Some("0")),
        ("thread", Some("3")),
        ("unique-id", Some("u-1")),
        ("last_rule_file", Some("a.cfg")),
        ("last_rule_line", Some("12")),
        ("last_entity", Some("a.cfg:12")),
        ("waiting_entity", Some("b.cfg:3")),
        ("capture.req.method", Some("PUT")),
        ("capture.req.uri", Some("/before?x")),
        ("capture.req.hdr(1)", Some("kept")),
        ("capture.req.hdr(0)", None),
        ("capture.req.hdr(9)", None),
        ("nbsrv", Some("1")),
        ("srv_is_up(s1)", Some("1")),
        ("srv_is_up(s9)", None),
        ("be_conn_free(none)", None),
    ] {
        let found = text(expression, &view);
        assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{expression}");
    }
}

#[test]
fn an_absolute_target_tells_an_address() {
    let scene = Scene::new();
    for (target, ip, port) in [
        ("http://192.0.2.1:88/a", Some("192.0.2.1"), Some("88")),
        ("http://192.0.2.1/a", Some("192.0.2.1"), Some("80")),
        ("https://192.0.2.1", Some("192.0.2.1"), Some("443")),
        ("http://[::1]:99/a", Some("::1"), Some("99")),
        ("/192.0.2.1:88", None, None),
        ("*", None, None),
        ("http://h/a", None, None),
    ] {
        let request = Request { target: target.as_bytes(), ..scene.request().request.unwrap() };
        let view = View { request: Some(request), ..scene.request() };
        assert_eq!(text("url_ip", &view).as_deref(), ip.map(str::as_bytes), "{target}");
        assert_eq!(text("url_port", &view).as_deref(), port.map(str::as_bytes), "{target}");
    }
}

#[test]
fn every_fetch_gives_its_type() {
    let scene = Scene::new();
    let view = scene.request();
    for row in regate_proto::rules::fetches::rows() {
        for example in row.examples.iter().filter(|example| !example.contains("),")) {
            let plan = plan(example);
            if let (Some(value), true) = (evaluate(&plan, &view), plan.steps.is_empty()) {
                let kind = value.kind();
                let fits = match row.kind {
                    Kind::Any => true,
                    Kind::Ip => matches!(kind, Kind::Ipv4 | Kind::Ipv6),
                    wanted => kind == wanted,
                };
                assert!(fits, "{example} gives {kind}, {} is declared", row.kind);
            }
        }
    }
}

fn plan(expression: &str) -> SamplePlan {
    let sample = Sample::parse(expression).unwrap_or_else(|mistake| panic!("{expression}: {mistake}"));
    SamplePlan::compile(&sample).unwrap()
}

/// The value as it stands in a line.
fn text(expression: &str, view: &View<'_>) -> Option<Vec<u8>> {
    let plan = plan(expression);
    let value = evaluate(&plan, view)?.into_owned();
    match value.cast(Kind::Str)? {
        Value::Str(text) => Some(text.into_owned()),
        other => panic!("{expression} is {other:?}"),
    }
}

static HEADERS: Lines = Lines(&[
    ("Host", "ho.st:81"),
    ("X-List", "a, b ,,\"c,d\", e"),
    ("X-List", "f"),
    ("X-Empty", ""),
    ("X-Ip", "192.0.2.1:80, 2001:db8::1"),
    ("X-Number", "12, 12x, -5, 1.5, +5, a, 99999"),
    ("Cookie", "a=1, $b=2; b=\"x; y\"; a=2; c=; d ; e= f"),
    ("Cookie", "a=3"),
    ("Authorization", "Basic am9lOnNlOmNyZXQ="),
    ("X-Token", "Bearer t.o.k"),
    ("Content-Length", "19"),
    ("X-Case", "49"),
    ("Connection", "close"),
]);

const CONFIGURATION: &str = "\
defaults
 mode http
 timeout client 3s
 timeout server 3s
userlist users
 group g1 users joe
 group g2
 group g3
 user joe insecure-password se:cret groups g2
userlist strangers
 user joe insecure-password other
backend be
 server s1 127.0.0.1:1 weight 10
 server s2 127.0.0.1:1 disabled weight 7
 server s3 127.0.0.1:1 backup
backend lim
 server s1 127.0.0.1:1 maxconn 5 maxqueue 10
 server s2 127.0.0.1:1 maxconn 3 maxqueue 1
 server s3 127.0.0.1:1 maxconn 100 maxqueue 1 backup
frontend fe
 bind 127.0.0.1:80 name b1
 default_backend be
";

/// What HAProxy 2.6.12 gives for the same request and the same configuration.
const RECORDED: &[(&str, Option<&[u8]>)] = &[
    ("url", Some(b"http://ho.st:81/p/a/th;x?p=1&q=&r=3;s=4&p=2")),
    ("path", Some(b"/p/a/th;x")),
    ("pathq", Some(b"/p/a/th;x?p=1&q=&r=3;s=4&p=2")),
    ("query", Some(b"p=1&q=&r=3;s=4&p=2")),
    ("base", Some(b"ho.st:81/p/a/th;x")),
    ("baseq", Some(b"ho.st:81/p/a/th;x?p=1&q=&r=3;s=4&p=2")),
    ("base32", Some(b"3034568619")),
    ("base32+src", Some(b"\xb4\xdf\xd7\xab\x7f")),
    ("url32", Some(b"2596250588")),
    ("url32+src", Some(b"\x9a\xbf\xa3\xdc\x7f")),
    ("url_ip", None),
    ("url_port", None),
    ("url_param(p)", Some(b"1")),
    ("url_param(q)", Some(b"")),
    ("url_param(s)", Some(b"4")),
    ("url_param", Some(b"1")),
    ("url_param(none)", None),
    ("url_param(p,/)", Some(b"2")),
    ("urlp_val(p)", Some(b"1")),
    ("urlp_val(q)", Some(b"0")),
    ("urlp_val(none)", None),
    ("req.hdr(x-list)", Some(b"f")),
    ("req.hdr(x-list,1)", Some(b"a")),
    ("req.hdr(x-list,2)", Some(b"b")),
    ("req.hdr(x-list,3)", Some(b"")),
    ("req.hdr(x-list,4)", Some(b"\"c,d\"")),
    ("req.hdr(x-list,-1)", Some(b"f")),
    ("req.hdr(x-list,-2)", Some(b"e")),
    ("req.hdr(x-list,-5)", Some(b"b")),
    ("req.hdr(x-list,-9)", None),
    ("req.hdr(x-list,9)", None),
    ("req.fhdr(x-list)", Some(b"f")),
    ("req.fhdr(x-list,1)", Some(b"a, b ,,\"c,d\", e")),
    ("req.fhdr(x-list,-2)", Some(b"a, b ,,\"c,d\", e")),
    ("req.hdr(x-empty)", Some(b"")),
    ("req.hdr(none)", None),
    ("req.hdr", None),
    ("req.hdr(,1)", Some(b"ho.st:81")),
    ("req.fhdr(,2)", Some(b"a, b ,,\"c,d\", e")),
    ("req.hdr_cnt(x-list)", Some(b"6")),
    ("req.fhdr_cnt(x-list)", Some(b"2")),
    ("req.hdr_cnt", Some(b"24")),
    ("req.fhdr_cnt", Some(b"12")),
    ("req.hdr_cnt(x-empty)", Some(b"1")),
    ("req.hdr_ip(x-ip)", Some(b"2001:db8::1")),
    ("req.hdr_ip(x-ip,1)", Some(b"192.0.2.1")),
    ("req.hdr_ip(x-list)", None),
    ("req.hdr_names", Some(b"host,x-list,x-list,x-empty,x-ip,x-number,cookie,cookie,authorization,x-token,content-length,x-case")),
    ("req.hdr_names(-)", Some(b"host-x-list-x-list-x-empty-x-ip-x-number-cookie-cookie-authorization-x-token-content-length-x-case")),
    ("req.hdrs", Some(b"host: ho.st:81\r\nx-list: a, b ,,\"c,d\", e\r\nx-list: f\r\nx-empty: \r\nx-ip: 192.0.2.1:80, 2001:db8::1\r\nx-number: 12, 12x, -5, 1.5, +5, a, 99999\r\ncookie: a=1, $b=2; b=\"x; y\"; a=2; c=; d ; e= f\r\ncookie: a=3\r\nauthorization: Basic am9lOnNlOmNyZXQ=\r\nx-token: Bearer t.o.k\r\ncontent-length: 19\r\nx-case: 49\r\n\r\n")),
    ("req.hdrs_bin", Some(b"\x04host\x08ho.st:81\x06x-list\x0fa, b ,,\"c,d\", e\x06x-list\x01f\x07x-empty")),
    ("req.hdr_val(x-number,1)", Some(b"12")),
    ("req.hdr_val(x-number,2)", Some(b"12")),
    ("req.hdr_val(x-number,3)", Some(b"-5")),
    ("req.hdr_val(x-number,4)", Some(b"85")),
    ("req.hdr_val(x-number,5)", Some(b"-45")),
    ("req.hdr_val(x-number,6)", Some(b"0")),
    ("req.hdr_val(x-number,7)", Some(b"99999")),
    ("req.cook(a)", Some(b"3")),
    ("req.cook($b)", None),
    ("req.cook(b)", Some(b"\"x; y\"")),
    ("req.cook(c)", Some(b"")),
    ("req.cook(d)", None),
    ("req.cook(e)", Some(b"f")),
    ("req.cook", Some(b"1")),
    ("req.cook(none)", None),
    ("req.cook_cnt", Some(b"6")),
    ("req.cook_cnt(a)", Some(b"3")),
    ("req.cook_val(a)", Some(b"3")),
    ("req.cook_val(b)", Some(b"-14")),
    ("cookie(a)", Some(b"3")),
    ("hdr(host)", Some(b"ho.st:81")),
    ("hdr(x-list,1)", Some(b"a")),
    ("cook(e)", Some(b"f")),
    ("hdr_cnt(x-list)", Some(b"6")),
    ("hdr_ip(x-ip,1)", Some(b"192.0.2.1")),
    ("hdr_val(x-number,2)", Some(b"12")),
    ("req_ver", Some(b"1.1")),
    ("req.ver", Some(b"1.1")),
    ("method", Some(b"POST")),
    ("http_first_req", Some(b"1")),
    ("http_auth_type", Some(b"Basic")),
    ("http_auth_user", Some(b"joe")),
    ("http_auth_pass", Some(b"se:cret")),
    ("http_auth_bearer", None),
    ("http_auth_bearer(x-token)", Some(b"t.o.k")),
    ("req.body", Some(b"a=1&b=2;a=3&c&d=x=y")),
    ("req.body_len", Some(b"19")),
    ("req.body_size", Some(b"19")),
    ("req.body_param(a)", Some(b"1")),
    ("req.body_param(b)", Some(b"2")),
    ("req.body_param", Some(b"1")),
    ("req.body_param(c)", None),
    ("req.body_param(d)", Some(b"x=y")),
    ("capture.req.method", Some(b"POST")),
    ("capture.req.uri", Some(b"/p/a/th;x?p=1&q=&r=3;s=4&p=2")),
    ("capture.req.ver", Some(b"HTTP/1.1")),
    ("wait_end", Some(b"1")),
    ("req.proto_http", Some(b"1")),
    ("connslots(lim)", Some(b"120")),
    ("be_conn_free(lim)", Some(b"8")),
    ("connslots(be)", Some(b"-1")),
    ("be_conn_free(be)", Some(b"-1")),
    ("nbsrv(be)", Some(b"1")),
    ("nbsrv(lim)", Some(b"2")),
    ("avg_queue(be)", Some(b"0")),
    ("queue(be)", Some(b"0")),
    ("srv_conn(be/s1)", Some(b"0")),
    ("srv_conn_free(be/s1)", Some(b"-1")),
    ("srv_conn_free(lim/s1)", Some(b"5")),
    ("srv_is_up(be/s1)", Some(b"1")),
    ("srv_is_up(be/s2)", Some(b"0")),
    ("srv_iweight(be/s1)", Some(b"10")),
    ("srv_uweight(be/s1)", Some(b"10")),
    ("srv_weight(be/s1)", Some(b"10")),
    ("srv_weight(be/s2)", Some(b"7")),
    ("srv_weight(be/s3)", Some(b"1")),
    ("srv_queue(be/s1)", Some(b"0")),
    ("srv_sess_rate(be/s1)", Some(b"0")),
    ("be_sess_rate(be)", Some(b"0")),
    ("fe_name", Some(b"fe")),
    ("fe_defbe", Some(b"be")),
    ("fc_err", Some(b"0")),
    ("fc_err_str", Some(b"Success")),
    ("fc_rcvd_proxy", Some(b"0")),
    ("fc_pp_authority", None),
    ("fc_http_major", Some(b"1")),
    ("nbproc", Some(b"1")),
    ("proc", Some(b"1")),
    ("stopping", Some(b"0")),
    ("src", Some(b"127.0.0.1")),
    ("var(txn.none,x)", Some(b"x")),
    ("meth(PURGE)", Some(b"PURGE")),
    ("bin(610062)", Some(b"a")),
    ("bin(6162)", Some(b"ab")),
    ("int(-5)", Some(b"-5")),
    ("int(010)", Some(b"10")),
    ("ipv6(2001:DB8::1)", Some(b"2001:db8::1")),
    ("str()", Some(b"")),
    ("bool(true)", Some(b"1")),
    ("env(NO_SUCH)", None),
    ("rand(1)", Some(b"0")),
    ("prio_class", Some(b"0")),
    ("thread", Some(b"0")),
];
