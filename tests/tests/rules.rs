//! Rules under HAProxy and under Regate: what the server receives, what the client receives, and how the log line
//! says that it ended.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{TcpStream, UdpSocket};
use std::time::Duration;

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, Folder, Kind, Origin, Port, Proxy, Result, wait};

/// Rules of a frontend and its backend, and a request that goes through them.
struct Row {
    front: &'static str,
    back: &'static str,
    request: &'static str,
}

const fn front(front: &'static str, request: &'static str) -> Row {
    Row { front, back: "", request }
}

const fn back(back: &'static str, request: &'static str) -> Row {
    Row { front: "", back, request }
}

const GET: &str = "GET /path/to?a=1&b=2 HTTP/1.1\r\nHost: www.example.com\r\nX-List: one, two,three\r\nCookie: c=1; d=2\r\nConnection: close\r\n\r\n";
const POST: &str = "POST /form HTTP/1.1\r\nHost: h\r\nContent-Length: 7\r\nConnection: close\r\n\r\na=1&b=2";
const EXPECTING: &str = "POST /form HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 7\r\nConnection: close\r\n\r\n";
const EXPECTING_WITH_BODY: &str = "POST /form HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 7\r\nConnection: close\r\n\r\na=1&b=2";
const SLOW: &str = "GET /slow HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const STALLED: &str = "GET /stalled HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
const OLD: &str = "GET / HTTP/1.0\r\n\r\n";

const ROWS: &[Row] = &[
    // Conditions.
    front("http-request deny if { path /path/to }", GET),
    front("http-request deny if { path /other }", GET),
    front("http-request deny unless { path /other }", GET),
    front("http-request deny if { path /other } or { method GET }", GET),
    front("http-request deny if { path /path/to } !{ method GET }", GET),
    front("acl a path_beg /path\n acl a path /never\n http-request deny if a", GET),
    front("acl a path_beg /never\n acl a path /path/to\n http-request deny if a", GET),
    front("acl a path_beg /path\n acl b method POST\n http-request deny if a b", GET),
    front("acl a path_beg /path\n acl b method POST\n http-request deny if a !b", GET),
    front("http-request deny if TRUE", GET),
    front("http-request deny if FALSE", GET),
    front("http-request deny if METH_GET", GET),
    front("http-request deny if METH_POST", GET),
    front("http-request deny if LOCALHOST", GET),
    front("http-request deny if HTTP_1.1", GET),
    front("http-request deny if HTTP_1.0", OLD),
    front("http-request deny if HTTP_URL_SLASH HTTP_URL_ABS", GET),
    front("http-request deny if HTTP_CONTENT", POST),
    front("http-request deny if { req.hdr(x-list) -m str two }", GET),
    front("http-request deny if { req.hdr(x-list) two }", GET),
    front("http-request deny if { req.hdr(x-list,1) two }", GET),
    front("http-request deny if { req.fhdr(x-list) -m sub e, }", GET),
    front("http-request deny if { req.hdr_cnt(x-list) ge 3 }", GET),
    front("http-request deny if { req.hdr_cnt(x-list) gt 3 }", GET),
    front("http-request deny if { req.hdr_cnt(x-list) 2:4 }", GET),
    front("http-request deny if { hdr_dom(host) example.com }", GET),
    front("http-request deny if { hdr_dom(host) xample.com }", GET),
    front("http-request deny if { path_dir to }", GET),
    front("http-request deny if { path_dir pat }", GET),
    front("http-request deny if { path_end /to }", GET),
    front("http-request deny if { path_len 8 }", GET),
    front("http-request deny if { path_len gt 8 }", GET),
    front("http-request deny if { path_reg ^/p.*o$ }", GET),
    front("http-request deny if { path -m reg -i ^/P.*O$ }", GET),
    front("http-request deny if { path -m beg -i /PATH }", GET),
    front("http-request deny if { path -m beg /PATH }", GET),
    front("http-request deny if { url_param(b) 2 }", GET),
    front("http-request deny if { req.hdr(x-absent) -m found }", GET),
    front("http-request deny if !{ req.hdr(x-absent) -m found }", GET),
    front("http-request deny if { src 127.0.0.0/8 }", GET),
    front("http-request deny if { src 10.0.0.0/8 ::1 }", GET),
    front("http-request deny if { req.cook(d) 2 }", GET),
    front("http-request deny if { always_true }", GET),
    front("http-request deny if { int(0) -m bool }", GET),
    // What ends a list.
    front("http-request allow if { path /path/to }\n http-request deny", GET),
    front("http-request deny", GET),
    front("http-request deny status 403", GET),
    front("http-request deny deny_status 429", GET),
    front("http-request deny status 429 content-type text/plain string slow", GET),
    front("http-request deny hdr X-Why because", GET),
    front("http-request tarpit", GET),
    front("http-request tarpit deny_status 429", GET),
    front("http-request reject", GET),
    front("http-request silent-drop", GET),
    front("http-request return", GET),
    front("http-request return status 204", GET),
    front("http-request return status 404 default-errorfiles", GET),
    front("http-request return status 200 content-type text/plain string fine", GET),
    front(
        "http-request return status 200 content-type text/plain lf-string \"%[path] from %[src]\" hdr X-A %[url]",
        GET,
    ),
    front("http-request return content-type text/plain string old", OLD),
    front("http-request return content-type text/plain string body", POST),
    front("http-request auth", GET),
    front("http-request auth realm Some\\ files if { path /path/to }", GET),
    back("http-request auth", GET),
    // Redirections.
    front("http-request redirect location /there", GET),
    front("http-request redirect location /there code 301", GET),
    front("http-request redirect location http://%[req.hdr(host)]/x code 303", GET),
    front("http-request redirect prefix http://other.org", GET),
    front("http-request redirect prefix http://other.org drop-query", GET),
    front("http-request redirect prefix http://other.org drop-query append-slash code 307", GET),
    front("http-request redirect prefix / code 308", GET),
    front("http-request redirect scheme https", GET),
    front("http-request redirect location / set-cookie A=1", GET),
    front("http-request redirect location / clear-cookie A", GET),
    front("http-request redirect location %[req.hdr(x-absent)] ignore-empty", GET),
    front("redirect location /late if { path /path/to }\n http-request set-path /other", GET),
    front("redirect scheme https if { method GET }", GET),
    // Changes of a request.
    front("http-request set-header X-New %[src]", GET),
    front("http-request set-header X-List one", GET),
    front("http-request add-header X-List four", GET),
    front("http-request set-header X-New a\n http-request set-header X-Two %[req.hdr(x-new)]b", GET),
    front("http-request del-header X-List", GET),
    front("http-request del-header x- -m beg", GET),
    front("http-request del-header list -m end", GET),
    front("http-request del-header ^x-.*t$ -m reg", GET),
    front("http-request set-header X-New a\n http-request del-header X-New", GET),
    front(
        "http-request add-header X-New a\n http-request add-header X-New b\n http-request set-header X-Count %[req.hdr_cnt(x-new)]",
        GET,
    ),
    front(r"http-request replace-header Cookie c=([0-9]) x=\1", GET),
    front(r"http-request replace-header X-List (.*),(.*) \2,\1", GET),
    front("http-request replace-value X-List ^t t-", GET),
    front("http-request replace-value X-List .*e.* E", GET),
    front("http-request set-header X-New one\n http-request replace-header X-New one two", GET),
    front("http-request set-method POST", GET),
    front("http-request set-path /new", GET),
    front("http-request set-path /new%[path]", GET),
    front("http-request set-pathq /new?x=1", GET),
    front("http-request set-query c=3", GET),
    front("http-request set-query %[query]&c=3", GET),
    front("http-request set-uri /all?x", GET),
    front(r"http-request replace-path /path/(.*) /\1/path", GET),
    front(r"http-request replace-pathq /path/(.*)\?(.*) /\1?z&\2", GET),
    front(r"http-request replace-uri ^/(.*) /x/\1", GET),
    front(
        "http-request set-path /x\n http-request set-header X-Path %[path]\n http-request deny if { path /path/to }",
        GET,
    ),
    front(
        "http-request normalize-uri path-merge-slashes",
        "GET //a///b?x//y HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    front(
        "http-request normalize-uri path-strip-dot",
        "GET /a/./b/. HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    front(
        "http-request normalize-uri path-strip-dotdot",
        "GET /a/../../b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    front(
        "http-request normalize-uri path-strip-dotdot full",
        "GET /a/../../b HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    front(
        "http-request normalize-uri percent-to-uppercase",
        "GET /%2f%aF HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    front(
        "http-request normalize-uri percent-decode-unreserved",
        "GET /%61%2f HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    front(
        "http-request normalize-uri query-sort-by-name",
        "GET /?b=1&a=2&a=1 HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n",
    ),
    // Variables.
    front("http-request set-var(txn.a) path\n http-request set-header X-New %[var(txn.a)]", GET),
    front(
        "http-request set-var(txn.a) path,length\n http-request set-header X-New %[var(txn.a),add(2)]",
        GET,
    ),
    front(
        "http-request set-var-fmt(txn.a) %[src]-%[path]\n http-request set-header X-New %[var(txn.a)]",
        GET,
    ),
    front(
        "http-request set-var(txn.a) path\n http-request unset-var(txn.a)\n http-request set-header X-New [%[var(txn.a)]]",
        GET,
    ),
    front("http-request set-var(txn.a) path\n http-response set-header X-Path %[var(txn.a)]", GET),
    front("http-request set-var(req.a) path\n http-response set-header X-Path [%[var(req.a)]]", GET),
    front("http-request set-var(txn.a) int(5)\n http-request deny if { var(txn.a) -m int gt 4 }", GET),
    // Addresses, waits and the rest.
    front(
        "http-request set-src req.hdr(x-ip)\n http-request set-header X-Src %[src]\n option forwardfor",
        "GET / HTTP/1.1\r\nHost: h\r\nX-Ip: 192.0.2.7\r\nConnection: close\r\n\r\n",
    ),
    front("http-request set-src-port int(7)\n http-request set-header X-Port %[src_port]", GET),
    front("http-request set-dst-port int(9)\n http-request set-header X-Port %[dst_port]", GET),
    front("http-request wait-for-body time 1s\n http-request set-header X-Body %[req.body]", POST),
    front("http-request wait-for-body time 1s at-least 3\n http-request deny if { req.body_len ge 3 }", POST),
    front("http-request set-log-level silent if FALSE", GET),
    front("http-request set-nice 5\n http-request set-mark 1\n http-request set-tos 16", GET),
    front("http-request strict-mode off", GET),
    back("http-request set-timeout server 5s", GET),
    front("http-request set-priority-class int(2)", GET),
    front("http-request disable-l7-retry if METH_POST", POST),
    front("tcp-request content accept if { path /path/to }\n tcp-request content reject", GET),
    front("tcp-request content reject if { path /path/to }", GET),
    front("monitor-uri /path/to?a=1&b=2\n monitor fail if { method POST }", GET),
    front("monitor-uri /form\n monitor fail if { method POST }", POST),
    // The backend's own.
    back("http-request deny if { path /path/to }", GET),
    back("http-request set-header X-Backend %[be_name]", GET),
    back("http-request redirect location /b", GET),
    Row {
        front: "http-request set-header X-A front",
        back: "http-request set-header X-A %[req.hdr(x-a)]-back",
        request: GET,
    },
    Row { front: "http-request allow", back: "http-request deny", request: GET },
    // Bodies that are awaited, addresses that are passed on.
    front("option http-buffer-request\n http-request set-header X-Body %[req.body]", POST),
    back("option http-buffer-request\n http-request set-header X-Body %[req.body]", POST),
    front("option http-buffer-request", POST),
    front("option http-buffer-request\n http-request set-header X-Body %[req.body]", EXPECTING_WITH_BODY),
    front("option http-buffer-request\n timeout http-request 200ms", EXPECTING),
    back("option http-buffer-request", EXPECTING_WITH_BODY),
    front("http-request wait-for-body time 200ms", EXPECTING_WITH_BODY),
    front("http-request wait-for-body time 200ms", EXPECTING),
    front("option originalto", GET),
    front("option originalto header X-Came-To", GET),
    front("option originalto except 127.0.0.0/8", GET),
    back("option originalto\n option forwardfor", GET),
    Row { front: "option forwardfor header X-Front", back: "option forwardfor header X-Back", request: GET },
    Row {
        front: "option forwardfor header X-Front",
        back: "option forwardfor except 127.0.0.0/8",
        request: GET,
    },
    Row { front: "option forwardfor except 127.0.0.0/8", back: "option forwardfor", request: GET },
    Row {
        front: "option forwardfor header X-List if-none",
        back: "option forwardfor header X-List",
        request: GET,
    },
    Row {
        front: "option forwardfor header X-List if-none",
        back: "option forwardfor header X-List if-none",
        request: GET,
    },
    front("option forwardfor header X-List if-none", GET),
    Row { front: "option originalto except 127.0.0.0/8", back: "option originalto", request: GET },
    Row { front: "option originalto header X-Front", back: "option originalto header X-Back", request: GET },
    // Responses.
    front("http-response set-header X-Served %[srv_name]", GET),
    front("http-response del-header X-Origin", GET),
    front("http-response set-status 404", GET),
    front("http-response set-status 503 reason Later", GET),
    front("http-response wait-for-body time 4s\n http-response set-header X-Body %[res.body]", GET),
    front("http-response wait-for-body time 4s\n http-response set-header X-Body %[res.body]", SLOW),
    back(
        "http-response wait-for-body time 4s at-least 3\n http-response set-header X-Body %[res.body]",
        SLOW,
    ),
    front("http-response wait-for-body time 100ms", STALLED),
    front("http-response deny", GET),
    front("http-response deny if { status 404 }", GET),
    front("http-response return status 418 content-type text/plain string tea", GET),
    front("http-response redirect location /else", GET),
    front(r"http-response replace-header X-Origin (.*) \1-changed", GET),
    front("http-response add-header X-Origin second", GET),
    back("http-response set-header X-Served %[srv_name]", GET),
    Row {
        front: "http-response set-header X-A %[res.hdr(x-a)]-front",
        back: "http-response set-header X-A back",
        request: GET,
    },
    Row {
        front: "http-response allow\n http-after-response set-header X-After front",
        back: "http-after-response set-header X-After back",
        request: GET,
    },
    front("http-after-response set-header X-After %[status]", GET),
    front("http-request deny\n http-after-response set-header X-After %[status]", GET),
    front("http-request redirect location /x\n http-after-response del-header location", GET),
    // The last rule that ended a set.
    front("http-request set-header X-Line %[last_rule_line]\n http-request allow\n http-request deny", GET),
    Row {
        front: "http-request allow if { path /path/to }\n http-response set-header X-Line %[last_rule_line]",
        back: "http-request set-header X-Line %[last_rule_line]",
        request: GET,
    },
    front("http-request deny\n http-after-response set-header X-Line %[last_rule_line]", GET),
    front("http-request return status 200 content-type text/plain lf-string \"%[last_rule_line].\"", GET),
    front("http-request redirect location /x\n http-after-response set-header X-Line %[last_rule_line]", GET),
    front("http-request set-header X-File %[last_rule_file] if { last_rule_file -m found }", GET),
];

#[test]
fn rules_do_what_they_do_under_haproxy() -> Result<()> {
    compare(|kind| {
        let stage = Stage::start(kind)?;
        ROWS.iter().enumerate().map(|(at, row)| stage.observe(at, row)).collect()
    })
}

/// Which backend or server a request goes to.
#[test]
fn routes_lead_where_they_lead_under_haproxy() -> Result<()> {
    const ROUTES: &[(&str, &[&str])] = &[
        (
            "use_backend b1 if { path_beg /one }\n use_backend b2 if { path_beg /two }",
            &["/one", "/two", "/three"],
        ),
        ("use_backend b1 if { path_beg /o } or { path_end e }\n use_backend b2", &["/one", "/two", "/three"]),
        ("use_backend %[path,field(2,/)]", &["/b1", "/b2/x", "/b9", "/", "/b1%20"]),
        (
            "use_backend %[path,field(2,/)] if { path_end 1 }\n use_backend b2 if { path_beg /b }",
            &["/b1", "/b3"],
        ),
        ("use_backend b4", &["/s1", "/s2", "/other", "/ignore", "/force"]),
    ];
    compare(|kind| {
        let origins = ["b0", "b1", "b2"].map(|name| Origin::start(name).expect("an origin"));
        origins.iter().for_each(|origin| {
            let name = origin.name().to_owned();
            origin.answer_by(move |_| Answer::text(&name));
        });
        let binds: Vec<Port> = ROUTES.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
        let mut text = String::from(
            "global\n stats socket @folder@/socket level admin\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n",
        );
        for (at, (lines, _)) in ROUTES.iter().enumerate() {
            let bind = binds[at].number();
            write!(text, "frontend f{at}\n bind 127.0.0.1:{bind}\n {lines}\n default_backend b0\n")
                .expect("a string");
        }
        for (at, origin) in origins.iter().enumerate() {
            write!(text, "backend b{at}\n server s 127.0.0.1:{}\n", origin.port()).expect("a string");
        }
        write!(
            text,
            "backend b4\n cookie S\n use-server s1 if {{ path /s1 }}\n use-server s2 if {{ path /s2 }}\n ignore-persist if {{ path /ignore }}\n force-persist if {{ path /force }}\n server s1 127.0.0.1:{} cookie c1 backup\n server s2 127.0.0.1:{} cookie c2\n",
            origins[1].port(),
            origins[2].port()
        )
        .expect("a string");
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        for (at, (lines, paths)) in ROUTES.iter().enumerate() {
            for path in *paths {
                for cookie in ["", "Cookie: S=c1\r\n"] {
                    let request =
                        format!("GET {path} HTTP/1.1\r\nHost: h\r\n{cookie}Connection: close\r\n\r\n");
                    let answer = exchange(&binds[at], request.as_bytes(), wait::PATIENCE)?;
                    let body = answer.split("\r\n\r\n").nth(1).unwrap_or_default();
                    seen.push(format!("{lines}\n  {path} {cookie:?} -> {body}"));
                }
            }
        }
        drop(proxy);
        Ok(seen)
    })
}

/// Pages of errors: what a frontend says of them, and what its backend does. `@site403@` and the like are files.
const PAGES: &[(&str, &str)] = &[
    ("http-request deny", ""),
    ("errorfiles site\n http-request deny", ""),
    ("errorfiles site 503\n http-request deny", ""),
    ("errorfiles site 503", ""),
    ("errorfiles site\n errorfiles other\n http-request deny", ""),
    ("errorfile 403 @site403@\n http-request deny", ""),
    ("errorfile 403 @site403@\n http-error status 403 default-errorfiles\n http-request deny", ""),
    ("http-error status 403 errorfiles other\n http-request deny", ""),
    ("http-error status 403 errorfile @site403@\n http-request deny", ""),
    ("http-error status 403 content-type text/plain string sorry\n http-request deny", ""),
    (
        "http-error status 403 content-type text/plain lf-string \"%[src] %[path]\" hdr X-Why %[method]\n http-request deny",
        "",
    ),
    ("http-error status 503 content-type text/plain lf-string \"%[method] %[src]\"", ""),
    (
        "http-error status 503 content-type text/plain string front",
        "http-error status 503 content-type a/b string back",
    ),
    ("errorfiles site", "errorfiles other"),
    ("errorfiles other", "errorfiles site 503"),
    ("http-error status 404 content-type text/plain string gone\n http-request deny deny_status 404", ""),
    ("http-request deny status 404 errorfiles other", ""),
    ("http-request deny status 429 errorfiles other", ""),
    ("http-request return status 403 errorfiles site", ""),
    ("http-request return status 200 errorfiles site", ""),
    ("http-request tarpit status 403 errorfiles other", ""),
    ("http-request deny errorfile @site403@", ""),
    ("errorloc 403 /there\n http-request deny", ""),
];

#[test]
fn pages_of_errors_are_those_of_haproxy() -> Result<()> {
    compare(|kind| {
        let folder = Folder::create()?;
        let mut files = Vec::new();
        for (name, status) in [("site", 403), ("site", 503), ("other", 403), ("other", 404)] {
            let body = format!("{name} {status}");
            let page = format!(
                "HTTP/1.1 {status} Sorry\r\ncontent-length: {}\r\ncontent-type: text/plain\r\n\r\n{body}",
                body.len()
            );
            let path = folder.write(&format!("{name}{status}.http"), page)?;
            files.push((format!("@{name}{status}@"), path.to_string_lossy().into_owned()));
        }
        let mut text = String::from(
            "global\n stats socket @folder@/socket level admin\n\
             http-errors site\n errorfile 403 @site403@\n errorfile 503 @site503@\n\
             http-errors other\n errorfile 403 @other403@\n errorfile 404 @other404@\n\
             defaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n timeout tarpit 20ms\n",
        );
        let binds: Vec<Port> = PAGES.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
        for (at, (front, back)) in PAGES.iter().enumerate() {
            let bind = binds[at].number();
            write!(
                text,
                "frontend f{at}\n bind 127.0.0.1:{bind}\n {front}\n default_backend b{at}\nbackend b{at}\n {back}\n"
            )
            .expect("a string");
        }
        for (name, path) in &files {
            text = text.replace(name.as_str(), path);
        }
        let _proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        for (at, (front, back)) in PAGES.iter().enumerate() {
            let answer = exchange(&binds[at], GET.as_bytes(), wait::PATIENCE)?;
            let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer.as_str(), ""));
            let status = head.split(' ').nth(1).unwrap_or("none");
            let wanted = |line: &&str| {
                let name = line.split(':').next().unwrap_or_default().to_ascii_lowercase();
                ["x-why", "location", "content-type"].contains(&name.as_str())
            };
            let headers: Vec<String> = head.lines().filter(wanted).map(str::to_ascii_lowercase).collect();
            seen.push(format!("{front} | {back}\n  {status} {headers:?} {body:?}"));
        }
        Ok(seen)
    })
}

/// Lines of a section, of which some look at what is not there, or name what nobody defined.
const VAIN: &[(&str, &str, &str)] = &[
    ("http", "frontend", "http-request deny if { path /x }"),
    ("http", "frontend", "http-request deny if { status 404 }"),
    ("http", "frontend", "http-response deny if { path /x }"),
    ("http", "frontend", "http-response deny if { status 404 }"),
    ("http", "frontend", "http-response deny if { res.hdr(x) y } { path /x }"),
    ("http", "frontend", "http-response deny if METH_GET"),
    ("http", "frontend", "http-response deny if LOCALHOST"),
    ("http", "frontend", "acl late status 404\n http-request deny if late"),
    ("http", "frontend", "acl late status 404\n acl late path /x\n http-request deny if late"),
    ("http", "frontend", "acl early path /x\n http-response deny if !early"),
    ("http", "frontend", "tcp-request connection reject if { path /x }"),
    ("http", "frontend", "tcp-request connection reject if { src 10.0.0.1 }"),
    ("http", "frontend", "tcp-request content reject if { path /x }"),
    ("http", "frontend", "use_backend b if { srv_id 1 }"),
    ("http", "frontend", "use_backend b if { path /x }"),
    ("http", "frontend", "redirect location / if { status 200 }"),
    ("http", "frontend", "monitor-uri /\n monitor fail if { path /x }"),
    ("http", "frontend", "http-request set-header a b if { be_name b }"),
    ("http", "frontend", "http-after-response set-header a b if { path /x }"),
    ("http", "backend", "use-server s if { res.hdr(x) y }"),
    ("http", "backend", "use-server s if { path /x }"),
    ("http", "backend", "http-response set-header a b if { req.hdr(x) y }"),
    ("http", "backend", "http-request set-header a b if { be_name b }"),
    ("http", "backend", "force-persist if { status 200 }"),
    ("http", "backend", "stick-table type ip size 1k\n stick on src if { status 200 }"),
    ("http", "backend", "stick-table type ip size 1k\n stick store-response src if { path /x }"),
    ("http", "listen", "http-request deny if { srv_id 1 }"),
    ("http", "listen", "http-request deny if { be_name x }"),
    ("http", "backend", "http-request auth unless { http_auth(nobody) }"),
    ("http", "backend", "http-request auth unless { http_auth(known) }"),
    ("http", "backend", "http-request auth unless { http_auth_group(nobody) g }"),
    ("http", "backend", "http-request auth unless { http_auth_group(known) g }"),
    ("http", "backend", "http-request auth unless { http_auth_group(known) other }"),
    ("tcp", "frontend", "http-request deny if { path /x }"),
    ("tcp", "frontend", "http-response deny"),
    ("tcp", "frontend", "http-after-response set-header a b"),
    ("tcp", "frontend", "redirect location /"),
    ("tcp", "frontend", "tcp-request content reject if { path /x }"),
    ("tcp", "frontend", "log-format %[path]"),
    ("tcp", "frontend", "tcp-request content reject if { req.ssl_ver 3.x }"),
    ("tcp", "frontend", "tcp-request content reject if { req.ssl_ver 3.1 }"),
    ("tcp", "frontend", "tcp-request content reject if { req.ssl_ver ge 3.1 }"),
    ("tcp", "frontend", "tcp-request content reject if { src foo }"),
    ("tcp", "frontend", "tcp-request content reject if { src 10.0.0.0/33 }"),
    ("tcp", "frontend", "tcp-request content reject if { src -n localhost }"),
    ("tcp", "frontend", "tcp-request content reject if { src_port abc }"),
    ("tcp", "frontend", "tcp-request content reject if { src_port 5:3 }"),
    ("tcp", "frontend", "tcp-request content reject if { src_port ge x }"),
    ("tcp", "frontend", "tcp-request content reject if { req.payload(0,1) -m bin 0 }"),
    ("tcp", "frontend", "tcp-request content reject if { req.payload(0,1) -m len x }"),
    ("tcp", "frontend", "tcp-request content reject if { req.payload(0,1) -m reg ( }"),
    ("tcp", "frontend", "acl a src -u 5 ::1\n acl a src -u 5 ::2"),
];

#[test]
fn conditions_that_cannot_hold_are_told_where_haproxy_tells_them() -> Result<()> {
    compare(|kind| {
        let mut seen = Vec::new();
        for (mode, section, line) in VAIN {
            let bind = if *section == "backend" { "" } else { " bind unix@@folder@/f\n" };
            let server = if *section == "frontend" { "" } else { " server s 127.0.0.1:1\n" };
            let text = format!(
                "userlist known\n group g\ndefaults\n mode {mode}\n timeout connect 1s\n timeout client 5s\n \
                 timeout server 5s\n{section} x\n{bind} {line}\n{server}backend b\n server s 127.0.0.1:1\n"
            );
            let (status, told) = Proxy::check(kind, &text)?;
            // The place, and how grave it is; each program says it in its own words.
            let grave = |line: &&str| line.starts_with("[WARNING]") || line.starts_with("[ALERT]");
            let places = told.lines().filter(grave).filter_map(|line| {
                let at = line.find("proxy.cfg:")?;
                let number: String = line[at + 10..].chars().take_while(char::is_ascii_digit).collect();
                Some(format!("{} {number}", &line[..3]))
            });
            let mut places: Vec<String> = places.collect();
            places.sort();
            places.dedup();
            let warned = told.lines().any(|line| line.starts_with("[WARNING]"));
            // What is wrong with a section, a log line or a group HAProxy tells without a place.
            let is_general = ["http", "redirect", "log"].iter().any(|begin| line.starts_with(begin));
            if (*mode == "tcp" && is_general) || line.contains("(known) other") {
                places.clear();
            }
            seen.push(format!("{mode} {section} {line}: {} {warned} {places:?}", status.code() == Some(1)));
        }
        Ok(seen)
    })
}

/// A proxy with a frontend and a backend for each row, one origin, and a sink for its log.
struct Stage {
    origin: Origin,
    binds: Vec<Port>,
    sink: UdpSocket,
    _proxy: Proxy,
}

impl Stage {
    fn start(kind: Kind) -> Result<Stage> {
        let origin = Origin::start("origin")?;
        origin.answer_by(|request| match request.target.as_str() {
            "/slow" => Answer::text("hello").stutter(Duration::from_millis(50)),
            "/stalled" => Answer::text("hello").stutter(Duration::from_secs(2)),
            _ => Answer::text("hello").header("X-Origin", "here"),
        });
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let mut text = format!(
            "global\n expose-experimental-directives\n log 127.0.0.1:{} local0\n stats socket @folder@/socket level admin\n\
             defaults\n mode http\n log global\n option httplog\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n timeout tarpit 20ms\n",
            sink.local_addr()?.port()
        );
        let mut binds = Vec::new();
        for (at, row) in ROWS.iter().enumerate() {
            let bind = Port::reserve()?;
            write!(
                text,
                "frontend f{at}\n bind 127.0.0.1:{}\n {}\n default_backend b{at}\nbackend b{at}\n {}\n server s 127.0.0.1:{}\n",
                bind.number(),
                row.front,
                row.back,
                origin.port()
            )
            .expect("a string");
            binds.push(bind);
        }
        Ok(Stage { _proxy: Proxy::start(kind, &text)?, origin, binds, sink })
    }

    fn observe(&self, at: usize, row: &Row) -> Result<String> {
        let before = self.origin.requests().len();
        // HAProxy leaves such a client in the belief that it is connected.
        let patience =
            if row.front.contains("silent-drop") { Duration::from_millis(300) } else { wait::PATIENCE };
        let answer = exchange(&self.binds[at], row.request.as_bytes(), patience)?;
        let sent = self
            .origin
            .requests()
            .get(before)
            .map(|request| String::from_utf8_lossy(&request.raw).into_owned());
        let bind = self.binds[at].number().to_string();
        // Ports differ from run to run.
        let masked = |text: &str| lower_names(&text.replace(&bind, "PORT"));
        let log = if row.front.contains("monitor-uri") { "-".to_owned() } else { self.line(at)? };
        Ok(format!(
            "{} | {} | {}\n  sent {:?}\n  got {:?}\n  log {log}",
            row.front,
            row.back,
            row.request.lines().next().unwrap_or_default(),
            masked(&sent.unwrap_or_default()),
            masked(&answer)
        ))
    }

    /// Server, phases that were reached, status and letters of the line of a frontend.
    fn line(&self, at: usize) -> Result<String> {
        loop {
            let mut line = [0; 4096];
            let length = self.sink.recv(&mut line)?;
            let line = String::from_utf8_lossy(&line[..length]).into_owned();
            let Some((_, text)) = line.split_once("]: ") else { continue };
            let fields: Vec<&str> = text.split(' ').collect();
            if fields.get(2) != Some(&format!("f{at}").as_str()) {
                continue;
            }
            let reached: String =
                fields[4].split('/').map(|time| if time == "-1" { '-' } else { '+' }).collect();
            return Ok(format!("{} {reached} {} {}", fields[3], fields[5], fields[9]));
        }
    }
}

/// A message with the names of its headers in lower case: Regate leaves them as they came.
fn lower_names(message: &str) -> String {
    let (head, body) = message.split_once("\r\n\r\n").unwrap_or((message, ""));
    if head.starts_with("HTTP/1.1 100 ") {
        return format!("{head}\r\n\r\n{}", lower_names(body));
    }
    let lines: Vec<String> = head
        .split("\r\n")
        .enumerate()
        .map(|(at, line)| match line.split_once(':') {
            Some((name, value)) if at > 0 => format!("{}:{value}", name.to_ascii_lowercase()),
            _ => line.to_owned(),
        })
        .collect();
    format!("{}\r\n\r\n{body}", lines.join("\r\n"))
}

/// What comes back for these bytes, to the end.
fn exchange(bind: &Port, request: &[u8], patience: Duration) -> Result<String> {
    let mut stream = TcpStream::connect(bind.address())?;
    stream.set_read_timeout(Some(patience))?;
    stream.write_all(request)?;
    let mut answer = Vec::new();
    // A reset is an end too.
    let _ = stream.read_to_end(&mut answer);
    Ok(String::from_utf8_lossy(&answer).into_owned())
}
