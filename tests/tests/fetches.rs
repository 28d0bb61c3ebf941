//! Fetches of Regate against Debian's HAProxy where a request alone does not show them: responses, first bytes of TCP
//! connections, PROXY protocol headers, users.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream, UdpSocket};

use regate_tests::harness::{HttpClient, Kind, Port, Proxy, Result, oracle, wait};

#[test]
fn responses_give_the_same() -> Result<()> {
    oracle::compare(|kind| {
        let (front, back) = (Port::reserve()?, Port::reserve()?);
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let mut configuration = format!(
            "{DEFAULTS}frontend back
    bind 127.0.0.1:{back}
    http-request return status 404 content-type text/plain string gone hdr Set-Cookie \"a=1; Path=/; Max-Age=5\" hdr Set-Cookie \"b=2,c=3\" hdr Set-Cookie \"a=7; Secure\" hdr X-List \"u, v\" hdr X-List w hdr X-Number 5 hdr X-Ip 192.0.2.9
frontend fe
    bind 127.0.0.1:{front}
    log 127.0.0.1:{sink} local0
    option httplog
    declare capture request len 8
    declare capture response len 4
    http-request set-method PUT if {{ path /kept }}
    http-request capture req.hdr(host) len 3
    http-request capture path id 0
    http-request set-path /new if {{ path /kept }}
    default_backend be
backend be
    http-request set-var(txn.method) capture.req.method
    http-request set-var(txn.target) capture.req.uri
    server s1 127.0.0.1:{back}
    http-response capture status id 0
    http-response capture str(nowhere) id 9
",
            back = back.number(),
            front = front.number(),
            sink = sink.local_addr()?.port(),
        );
        for (at, fetch) in RESPONSE.iter().enumerate() {
            writeln!(
                configuration,
                "    http-response set-var(txn.v{at}) {fetch}\n    http-response set-header y-{at} \"<%[var(txn.v{at},nothing)]>\""
            ).unwrap();
        }
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut client = HttpClient::connect(front.address())?;
        client.send("GET /kept?q HTTP/1.1\r\nHost: host\r\nConnection: close\r\n\r\n")?;
        let exchange = client.read("GET")?;
        let seen = RESPONSE.iter().enumerate().map(|(at, fetch)| {
            format!("{fetch}: {}", exchange.header(&format!("y-{at}")).unwrap_or("no header"))
        });
        let mut seen: Vec<String> = seen.collect();
        let mut line = [0; 8192];
        let length = sink.recv(&mut line)?;
        // What was kept, and the line of the request.
        let line = String::from_utf8_lossy(&line[..length]).into_owned();
        seen.push(line.split_once(" {").map_or(line.clone(), |(_, kept)| kept.to_owned()));
        Ok(seen)
    })
}

#[test]
fn first_bytes_give_the_same() -> Result<()> {
    let rows = first_bytes();
    let server = TcpListener::bind("127.0.0.1:0")?;
    let address = server.local_addr()?;
    std::thread::spawn(move || {
        for stream in server.incoming().flatten() {
            std::thread::spawn(move || greet(stream));
        }
    });
    oracle::compare(|kind| {
        let ports: Vec<Port> = rows.iter().map(|_| Port::reserve()).collect::<Result<_>>()?;
        let mut configuration =
            format!("{}backend be\n    server s1 {address}\n", DEFAULTS.replace("http", "tcp"));
        for (at, ((_, criterion), port)) in rows.iter().zip(&ports).enumerate() {
            writeln!(
                configuration,
                "frontend f{at}
    bind 127.0.0.1:{}
    tcp-request inspect-delay 300ms
    tcp-request content reject unless {{ {criterion} }}
    default_backend be",
                port.number()
            )
            .unwrap();
        }
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut streams = Vec::new();
        for ((bytes, _), port) in rows.iter().zip(&ports) {
            let mut stream = TcpStream::connect(port.address())?;
            stream.set_read_timeout(Some(wait::PATIENCE))?;
            stream.write_all(bytes)?;
            streams.push(stream);
        }
        let mut seen = Vec::new();
        for ((bytes, criterion), mut stream) in rows.iter().zip(streams) {
            let mut greeting = [0; 3];
            let verdict = stream.read_exact(&mut greeting).is_ok();
            seen.push(format!("{criterion} of {} bytes: {verdict}", bytes.len()));
        }
        Ok(seen)
    })
}

#[test]
fn proxy_headers_give_the_same() -> Result<()> {
    let shown = [
        "fc_pp_authority",
        "fc_pp_unique_id",
        "fc_rcvd_proxy",
        "src",
        "src_port",
        "dst",
        "dst_port",
        "fc_src",
    ];
    let tlvs = [
        &b"\x02\0\x08ex.ample"[..],
        b"\x05\0\x03u-1",
        b"\x02\0\x08ex.ample\x05\0\x03u-1",
        b"\x04\0\x02\0\0\x05\0\x01z",
        b"",
    ];
    oracle::compare(|kind| {
        let port = Port::reserve()?;
        let text: Vec<String> = shown.iter().map(|fetch| format!("%[{fetch}]")).collect();
        let configuration = format!(
            "{DEFAULTS}frontend fe
    bind 127.0.0.1:{} accept-proxy
    http-request return status 200 content-type text/plain lf-string \"<{}>\"
",
            port.number(),
            text.join("|")
        );
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut headers: Vec<Vec<u8>> = tlvs.iter().map(|tlvs| proxy_header(tlvs)).collect();
        headers.push(b"PROXY TCP4 192.0.2.1 192.0.2.2 1111 2222\r\n".to_vec());
        let mut seen = Vec::new();
        for header in headers {
            let mut stream = TcpStream::connect(port.address())?;
            stream.set_read_timeout(Some(wait::PATIENCE))?;
            stream.write_all(
                &[&header[..], b"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"].concat(),
            )?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer)?;
            let from = answer.find('<').map_or(answer.as_str(), |at| &answer[at..]);
            seen.push(format!("{header:?}: {from}"));
        }
        Ok(seen)
    })
}

#[test]
fn users_are_known_alike() -> Result<()> {
    let criteria = [
        "http_auth(users)",
        "http_auth(hashes)",
        "http_auth_group(users) readers",
        "http_auth_group(users) admins",
        "http_auth_user joe",
        "http_auth_type Basic",
        "http_auth_bearer t.o.k",
    ];
    // HAProxy does not survive a question about a user without a password: there is none.
    // joe:secret, joe:wrong, ann:secret, eve:, stranger:secret, then what is no such thing.
    let presented = [
        "Basic am9lOnNlY3JldA==",
        "basic   am9lOnNlY3JldA==",
        "Basic am9lOndyb25n",
        "Basic YW5uOnNlY3JldA==",
        "Basic ZXZlOg==",
        "Basic c3RyYW5nZXI6c2VjcmV0",
        "Basic am9lOnNlY3JldA",
        "Bearer t.o.k",
        "Digest joe",
    ];
    oracle::compare(|kind| {
        let port = Port::reserve()?;
        let mut configuration = format!(
            "userlist users
    group readers users joe,ann
    group admins
    user joe insecure-password secret
    user ann password {MD5} groups admins
userlist hashes
    user joe password {SHA512}
    user ann password {SHA256}
{DEFAULTS}frontend fe
    bind 127.0.0.1:{}
",
            port.number()
        );
        for (at, criterion) in criteria.iter().enumerate() {
            writeln!(
                configuration,
                "    http-request return status 200 content-type text/plain string yes if {{ req.hdr(x-case) {at} }} {{ {criterion} }}"
            ).unwrap();
        }
        configuration.push_str("    http-request return status 200 content-type text/plain string no\n");
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut seen = Vec::new();
        for authorization in presented {
            for (at, criterion) in criteria.iter().enumerate() {
                let mut client = HttpClient::connect(port.address())?;
                client.send(format!(
                    "GET / HTTP/1.1\r\nHost: h\r\nX-Case: {at}\r\nAuthorization: {authorization}\r\nConnection: close\r\n\r\n"
                ))?;
                let exchange = client.read("GET").map_err(|error| {
                    error.while_doing(format_args!("{kind:?}, {criterion} of {authorization}"))
                })?;
                let body = String::from_utf8_lossy(&exchange.body).into_owned();
                seen.push(format!("{criterion} of {authorization}: {body}"));
            }
        }
        Ok(seen)
    })
}

#[test]
fn the_kernel_is_asked_about_connections() -> Result<()> {
    let port = Port::reserve()?;
    let configuration = format!(
        "{DEFAULTS}frontend fe
    bind 127.0.0.1:{}
    http-request return status 200 content-type text/plain string yes if {{ fc_rtt(us) gt 0 }} {{ fc_rttvar(us) ge 0 }} {{ fc_lost 0 }} {{ fc_reordering gt 0 }}
    http-request return status 200 content-type text/plain string no
",
        port.number()
    );
    for kind in Kind::BOTH {
        let _proxy = Proxy::start(kind, &configuration)?;
        let mut client = HttpClient::connect(port.address())?;
        client.send("GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n")?;
        assert_eq!(client.read("GET")?.body, b"yes", "{kind:?}");
    }
    Ok(())
}

/// Says yes once something came, and reads to the end.
fn greet(mut stream: TcpStream) -> std::io::Result<()> {
    stream.set_read_timeout(Some(wait::PATIENCE))?;
    let mut buffer = [0; 4096];
    if stream.read(&mut buffer)? > 0 {
        stream.write_all(b"yes")?;
    }
    stream.shutdown(Shutdown::Write)?;
    while stream.read(&mut buffer)? > 0 {}
    Ok(())
}

/// A PROXY protocol header of version 2 over TCP and IPv4.
fn proxy_header(tlvs: &[u8]) -> Vec<u8> {
    let addresses = b"\xc0\0\x02\x01\xc0\0\x02\x02\x04\x57\x08\xae";
    let length = u16::try_from(addresses.len() + tlvs.len()).unwrap().to_be_bytes();
    [&b"\r\n\r\n\0\r\nQUIT\n\x21\x11"[..], &length, addresses, tlvs].concat()
}

/// What is sent, and what is asked of it.
fn first_bytes() -> Vec<(Vec<u8>, &'static str)> {
    let hello: Vec<u8> =
        (0..HELLO.len()).step_by(2).map(|at| u8::from_str_radix(&HELLO[at..at + 2], 16).unwrap()).collect();
    let plain = b"abcdef".to_vec();
    let counted = b"\0\x02abcd".to_vec();
    let http = b"GET /x HTTP/1.1\r\nHost: h\r\n\r\n".to_vec();
    let request = b"GET /x?a=1 HTTP/1.1\r\nHost: ho.st\r\nX: 1, 2\r\nY: 192.0.2.1\r\n\r\nabc".to_vec();
    let strange: Vec<Vec<u8>> = [
        "\nGET\t/x\nHost: a\n\n",
        "GET /x HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        "GET http://a:8080/x HTTP/1.1\r\nHost: a\r\n\r\n",
        "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
        "GET /x HTTP/9.9\r\nX: a\r\n b c\r\n\r\n",
        "GET /x HTTP/1.1\r\nHost: a\r\n",
    ]
    .iter()
    .map(|text| text.as_bytes().to_vec())
    .collect();
    let rdp = b"\x03\0\0\x21\x1c\xe0\0\0\0\0\0Cookie: mstshash=joe\r\n".to_vec();
    let distcc = b"DIST00000001ARGC00000002ARGV00000002ccARGV00000003-c\nDOTI00000005hello".to_vec();
    let mut rows: Vec<(Vec<u8>, &str)> = Vec::new();
    for (bytes, criteria) in [
        (
            &plain,
            &[
                "req.len 6",
                "req.len gt 6",
                "req_len 1:9",
                "req.payload(1,3) -m str bcd",
                "req.payload(4,0) -m str ef",
                "req.payload(4,3) -m found",
                "req.payload(0,2) -m bin 6162",
                "payload(0,2) 6162",
                "req.payload(0,6) -m sub cde",
                "req.ssl_hello_type 1",
                "req.ssl_sni -m found",
                "req.proto_http",
                "wait_end",
                "always_true",
            ][..],
        ),
        (
            &counted,
            &[
                "req.payload_lv(0,2) -m str ab",
                "req.payload_lv(0,2,+1) -m str bc",
                "req.payload_lv(0,2,3) -m str bc",
                "req.payload_lv(1,1) -m str ab",
                "req.payload_lv(0,3) -m found",
            ],
        ),
        (
            &hello,
            &[
                "req.ssl_hello_type 1",
                "req.ssl_hello_type 2",
                "req_ssl_sni ex.ample",
                "req.ssl_sni -m end .ample",
                "req.ssl_alpn h2",
                "req.ssl_alpn http/1.1",
                "req.ssl_ec_ext 1",
                "req.ssl_st_ext 1",
                "req.proto_http",
                "req.len gt 100",
                "req.ssl_ver 3.3",
                "req.ssl_ver 3.1",
                "req.ssl_ver 3",
                "req.ssl_ver 3.0:3.2",
                "req.ssl_ver 3.2:",
                "req_ssl_ver ge 3.2",
                "req_ssl_ver gt 3.3",
                "req_ssl_ver lt 3.3",
                "req_ssl_ver le 3.3",
            ],
        ),
        (&http, &["req.proto_http", "HTTP", "req.ssl_hello_type 1", "req.rdp_cookie_cnt 0"]),
        (
            &rdp,
            &[
                "req.rdp_cookie joe",
                "req.rdp_cookie(MSTSHASH) joe",
                "req.rdp_cookie(other) -m found",
                "req_rdp_cookie_cnt 1",
                "rdp_cookie_cnt(other) 0",
            ],
        ),
        (
            &distcc,
            &[
                "distcc_param(DIST) 1",
                "distcc_param(ARGV,2) 3",
                "distcc_param(ARGV,3) -m found",
                "distcc_body(ARGV) -m str cc",
                "distcc_body(DOTI) -m str hello",
            ],
        ),
        (
            &request,
            &[
                "req.proto_http",
                "method GET",
                "path /x",
                "path_beg /y",
                "pathq /x?a=1",
                "url_param(a) 1",
                "query a=1",
                "url /x?a=1",
                "base ho.st/x",
                "hdr(host) -i HO.ST",
                "hdr_dom(host) st",
                "req.hdr(x,2) 2",
                "req.hdr_val(x,1) 1",
                "req.hdr_ip(y) 192.0.2.1",
                "req.hdr_cnt 6",
                "req.fhdr_cnt(x) 1",
                "req.hdr_names :method,:path,host,x,y",
                "req.ver 1.1",
                "req.cook(a) 5",
                "req.body_len 0",
                "req.body_len 3",
                "req.body_size 3",
                "http_auth_type Basic",
                "http_first_req",
                "capture.req.method GET",
                "req.len gt 10",
            ],
        ),
        (&strange[0], &["path /x", "hdr(host) a", "req.ver 1.0", "req.hdrs -m sub host"]),
        (&strange[1], &["path /x", "req.hdr(content-length) -m found", "req.proto_http"]),
        (&strange[2], &["path -m found", "req.proto_http", "req.hdr(host) -m found"]),
        (&strange[3], &["path -m found", "req.proto_http"]),
        (&strange[4], &["path -m found", "method CONNECT", "url a:80"]),
        (&strange[5], &["path /x", "req.ver 9.9", "req.hdr(x) -m len 7"]),
        (&strange[6], &["path /x", "req.proto_http"]),
    ] {
        let criteria = criteria.iter().filter(|criterion| **criterion != "HTTP");
        rows.extend(criteria.map(|criterion| (bytes.clone(), *criterion)));
    }
    rows.push((hello[..100].to_vec(), "req.ssl_hello_type 1"));
    rows.push((hello[..100].to_vec(), "req.ssl_sni -m found"));
    rows
}

const DEFAULTS: &str = "global
    stats socket @folder@/socket
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
";

/// What is asked of a response.
const RESPONSE: &[&str] = &[
    "status",
    "res.ver",
    "resp_ver",
    "capture.res.ver",
    "be_name",
    "be_id",
    "srv_name",
    "srv_id",
    "bc_dst",
    "bc_http_major",
    "bc_err",
    "bc_err_str",
    "be_server_timeout",
    "be_tunnel_timeout",
    "cur_server_timeout",
    "res.hdr(x-list)",
    "res.hdr(x-list,1)",
    "res.hdr(x-list,-2)",
    "shdr(x-list)",
    "hdr(x-list)",
    "res.fhdr(x-list)",
    "res.fhdr(x-list,1)",
    "res.hdr_cnt(x-list)",
    "shdr_cnt(x-list)",
    "res.fhdr_cnt(x-list)",
    "res.hdr_val(x-number)",
    "shdr_val(x-number)",
    "res.hdr_ip(x-ip)",
    "shdr_ip(x-ip)",
    "res.cook(a)",
    "res.cook(b)",
    "res.cook(c)",
    "res.cook(path)",
    "res.cook(Path)",
    "res.cook",
    "scook(a)",
    "cookie(a)",
    "res.cook_cnt",
    "res.cook_cnt(a)",
    "scook_cnt(a)",
    "res.cook_val(a)",
    "scook_val(a)",
    "method",
    "capture.req.method",
    "capture.req.uri",
    "capture.req.ver",
    "var(txn.method)",
    "var(txn.target)",
    "bc_src",
    "bc_src_port,bool",
    "res.len,bool",
    "res.payload(0,4)",
    "res.payload(0,0)",
    "res.payload_lv(0,1)",
    "payload(0,3)",
    "res.body",
    "res.body_len",
    "res.body_size",
    "capture.req.hdr(0)",
    "capture.req.hdr(1)",
    "capture.req.hdr(2)",
    "capture.res.hdr(0)",
    "str(converted),capture-req(0)",
    "capture.req.hdr(0)",
    "str(converted),capture-res(0)",
    "capture.res.hdr(0)",
    "str(nowhere),capture-res(1)",
    "wait_end",
    "nbsrv",
    "srv_is_up(s1)",
    "srv_conn(s1)",
];

/// The password `secret` as crypt(3) keeps it.
const MD5: &str = "$1$abcdefgh$cHJi5PXp/ki/ktXzqlk6I1";
const SHA256: &str = "$5$rounds=1000$saltsalt$eKLZU9t9OoPWrqOQsoTIKG0aYkZ5rGOoOQhiIvoSWX2";
const SHA512: &str = "$6$rounds=1000$saltsalt$LAV5VE5Y7w1d73x1mFNspYWUpazfmwv2SoepNXNKJ/otop/Zok96Hr8Q13LEv0DRY/x8v0/crpIjl8NJSAqXV/";

/// What openssl says first to `ex.ample`, offering `h2` and `http/1.1`.
const HELLO: &str = "\
16030100c0010000bc030392700342d4dba81a88b78fe586e3287739c0bfaa3ee61e5fd0c4bd1c67e576e500001ec02cc030\
c02bc02fcca9cca8c024c028c023c027009f009e006b006700ff010000750000000d000b00000865782e616d706c65000b00\
0403000102000a000c000a001d0017001e00190018002300000010000e000c02683208687474702f312e3100160000001700\
00000d002a0028040305030603080708080809080a080b080408050806040105010601030303010302040205020602";
