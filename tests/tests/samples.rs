//! Samples of Regate against Debian's HAProxy: the examples of every fetch and every converter, the same values.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use rcgen::{KeyPair, RsaKeySize, SigningKey};
use regate_proto::rules::{Checkpoint, Sample, converters, fetches};
use regate_tests::harness::{Folder, HttpClient, Kind, Port, Proxy, Result, oracle};

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

#[test]
fn signatures_of_tokens_are_checked_alike() -> Result<()> {
    let folder = Folder::create()?;
    let rsa = KeyPair::generate_rsa_for(&rcgen::PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let p256 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P256_SHA256).unwrap();
    let p384 = KeyPair::generate_for(&rcgen::PKCS_ECDSA_P384_SHA384).unwrap();
    let mut files = Vec::new();
    for (name, key) in [("rsa.pem", &rsa), ("p256.pem", &p256), ("p384.pem", &p384)] {
        files.push(folder.write(name, key.public_key_pem())?.to_string_lossy().into_owned());
    }
    let tokens = [
        ("RS256", token("RS256", |text| rsa.sign(text).unwrap())),
        ("ES256", token("ES256", |text| joined(&p256.sign(text).unwrap(), 32))),
        ("ES384", token("ES384", |text| joined(&p384.sign(text).unwrap(), 48))),
    ];
    let mut examples = Vec::new();
    for (algorithm, token) in &tokens {
        for file in &files {
            examples.push(format!("str({token}),jwt_verify({algorithm},{file})"));
        }
        let other = token.replace(".e30.", ".e31.");
        examples.push(format!("str({other}),jwt_verify({algorithm},{})", files[0]));
        examples.push(format!("str({token}),jwt_header_query('$.alg')"));
    }
    let examples: Vec<&str> = examples.iter().map(String::as_str).collect();
    let found = values(Kind::Regate, &examples)?;
    let sound = found.iter().filter(|line| line.ends_with("found:1")).count();
    assert_eq!(sound, tokens.len(), "{found:#?}");
    oracle::compare(|kind| values(kind, &examples))
}

/// A token with an empty payload.
fn token(algorithm: &str, sign: impl Fn(&[u8]) -> Vec<u8>) -> String {
    let text = format!("{}.e30", base64(format!("{{\"alg\":\"{algorithm}\"}}").as_bytes()));
    let signature = base64(&sign(text.as_bytes()));
    format!("{text}.{signature}")
}

/// The two numbers of a signature in DER, side by side.
fn joined(signature: &[u8], size: usize) -> Vec<u8> {
    let mut rest = &signature[2..];
    let mut out = Vec::new();
    for _ in 0..2 {
        let length = usize::from(rest[1]);
        let number = &rest[2..2 + length];
        let number = &number[number.len().saturating_sub(size)..];
        out.resize(out.len() + size - number.len(), 0);
        out.extend_from_slice(number);
        rest = &rest[2 + length..];
    }
    out
}

/// Base64 as it stands in addresses.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let mut out = String::new();
    for three in bytes.chunks(3) {
        let bits =
            three.iter().fold(0, |bits, byte| bits << 8 | usize::from(*byte)) << (8 * (3 - three.len()));
        (0..=three.len()).for_each(|at| out.push(char::from(DIGITS[bits >> (18 - 6 * at) & 63])));
    }
    out
}

/// What each expression gives in a log-format while a request is there, with a mark where it gives anything.
fn values(kind: Kind, examples: &[&str]) -> Result<Vec<String>> {
    // Rules are walked one by one: several frontends make the way short.
    let ports: Vec<Port> = examples.chunks(FEW).map(|_| Port::reserve()).collect::<Result<_>>()?;
    let mut configuration = String::from(BACKENDS);
    for ((at, few), port) in examples.chunks(FEW).enumerate().zip(&ports) {
        let name = if at == 0 { "fe".to_owned() } else { format!("fe{at}") };
        let number = port.number();
        configuration.push_str(&format!(
            "frontend {name}\n    bind 127.0.0.1:{number} name b1\n    default_backend be\n"
        ));
        for (at, example) in few.iter().enumerate() {
            Sample::parse(example).unwrap_or_else(|mistake| panic!("{example}: {mistake}"));
            let (bare, shown) = (quoted(example), quoted(&format!("%[req.hdr(x-found)]%[{example}]")));
            configuration.push_str(&format!(
                "    http-request set-header x-found found: if {{ hdr(x-case) {at} }} {{ {bare} -m found }}
    http-request return status 200 content-type text/plain lf-string {shown} if {{ hdr(x-case) {at} }}
"
            ));
        }
    }
    let _proxy = Proxy::start(kind, &configuration)?;
    let mut all = Vec::new();
    for (at, example) in examples.iter().enumerate() {
        let mut client = HttpClient::connect(ports[at / FEW].address())?;
        client.send(REQUEST.replace("@case@", &(at % FEW).to_string()))?;
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

/// How many examples a frontend has.
const FEW: usize = 50;

/// What samples may look at beside the request.
const BACKENDS: &str = "global
    stats socket @folder@/socket
defaults
    mode http
    timeout connect 5s
    timeout client 5s
    timeout server 5s
userlist users
    group g1 users joe
    group g2
    user joe insecure-password se:cret groups g2
backend be
    server s1 127.0.0.1:1 weight 10
    server s2 127.0.0.1:1 disabled weight 7
    server s3 127.0.0.1:1 backup
backend limited
    server s1 127.0.0.1:1 maxconn 5 maxqueue 10
    server s2 127.0.0.1:1 maxconn 3 maxqueue 1
";

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

/// Examples whose values are not the same from run to run or from program to program: how many connections there are,
/// while others end, and numbers of threads, which HAProxy counts from 1.
const DIFFERENT: &[&str] = &["fe_conn", "fe_conn(fe)", "be_conn(be)", "dst_conn", "thread"];
