//! Samples of Regate against Debian's HAProxy: the examples of every fetch and every converter, the same values.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use regate_proto::rules::{Checkpoint, Sample, converters, fetches};
use regate_tests::harness::{HttpClient, Kind, Port, Proxy, Result, oracle};

#[test]
fn examples_of_converters_have_haproxys_values() -> Result<()> {
    let examples: Vec<&str> = converters::all().flat_map(|row| row.examples).copied().collect();
    assert!(examples.len() > 500, "{}", examples.len());
    oracle::compare(|kind| values(kind, &examples))
}

#[test]
fn examples_of_fetches_have_haproxys_values() -> Result<()> {
    let examples: Vec<&str> = fetches::rows()
        .filter(|row| row.reach.covers(Checkpoint::FrontendRequest))
        .flat_map(|row| row.examples)
        .filter(|example| !DIFFERENT.contains(example))
        .copied()
        .collect();
    oracle::compare(|kind| values(kind, &examples))
}

/// What each expression gives in a log-format while a request is there, with a mark where it gives anything.
fn values(kind: Kind, examples: &[&str]) -> Result<Vec<String>> {
    let port = Port::reserve()?;
    let mut configuration = format!(
        "defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
backend be
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:1 disabled weight 7
    server s3 127.0.0.1:1 backup
backend limited
    server s1 127.0.0.1:1 maxconn 5 maxqueue 10
    server s2 127.0.0.1:1 maxconn 3 maxqueue 1
frontend fe
    bind 127.0.0.1:{} name b1
    default_backend be
",
        port.number()
    );
    for (at, example) in examples.iter().enumerate() {
        Sample::parse(example).unwrap_or_else(|mistake| panic!("{example}: {mistake}"));
        let (bare, shown) = (quoted(example), quoted(&format!("%[req.hdr(x-found)]%[{example}]")));
        configuration.push_str(&format!(
            "    http-request set-header x-found found: if {{ hdr(x-case) {at} }} {{ {bare} -m found }}
    http-request return status 200 content-type text/plain lf-string {shown} if {{ hdr(x-case) {at} }}
"
        ));
    }
    let _proxy = Proxy::start(kind, &configuration)?;
    let mut all = Vec::new();
    for (at, example) in examples.iter().enumerate() {
        let mut client = HttpClient::connect(port.address())?;
        client.send(REQUEST.replace("@case@", &at.to_string()))?;
        let exchange =
            client.read("POST").map_err(|error| error.while_doing(format_args!("{kind:?}, {example}")))?;
        let value: String = exchange.body.iter().map(|byte| byte.escape_ascii().to_string()).collect();
        all.push(format!("{example}: {} {value}", exchange.status));
    }
    Ok(all)
}

/// A word of a configuration that says exactly this.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars() {
        if matches!(letter, '"' | '\\' | '$') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    out
}

/// What is sent for each example.
const REQUEST: &str = "POST http://ho.st:81/p/a/th;x?p=1&q=&r=3;s=4&p=2 HTTP/1.1\r
Host: ho.st:81\r
X-List: a, b ,,\"c,d\", e\r
X-List: f\r
X-Empty: \r
X-Ip: 192.0.2.1:80, 2001:db8::1\r
X-Number: 12, 12x, -5, 1.5, +5, a, 99999\r
Cookie: a=1, $b=2; b=\"x; y\"; a=2; c=; d ; e= f\r
Cookie: a=3\r
Authorization: Basic am9lOnNlOmNyZXQ=\r
X-Token: Bearer t.o.k\r
Content-Length: 19\r
X-Case: @case@\r
Connection: close\r
\r
a=1&b=2&c=%20&a=3xx";

/// Examples whose values are not the same from run to run or from program to program.
const DIFFERENT: &[&str] = &[];
