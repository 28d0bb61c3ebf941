#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::super::tests::{load, write};
use super::super::{Form, Gravity};

const EXAMPLE: &str = r#"
global: { maxconn: 20000, log: ["127.0.0.1:514 local0"], stats: { socket: { address: /run/regate.sock, mode: 660, level: admin } } }
defaults:
  mode: http
  timeout: { connect: 5s, client: 30s, server: 30s }
  option: [httplog, forwardfor]
frontends:
  - name: www
    binds: ["*:8080", { address: "${HOST}:8443", name: alt, accept-proxy: true }]
    default_backend: app
    without: [option httplog]
    option: { dontlognull: true, clitcpka: false }
    disabled: false
backends:
  - name: app
    description: the "shop"
    balance: roundrobin
    errorfile: { 503: /etc/regate/503.http }
    default-server: weight 5
    servers:
      - { name: s1, address: 10.0.0.1:80, weight: 10 }
      - s2 10.0.0.2:80 backup
listens:
  - name: both
    binds: unix@/run/both
    servers: [{ name: s, address: 10.0.0.3, disabled: false }]
"#;

const SAME: &str = r#"global
    maxconn 20000
    log 127.0.0.1:514 local0
    stats socket /run/regate.sock mode 660 level admin
defaults
    mode http
    timeout connect 5s
    timeout client 30s
    timeout server 30s
    option httplog
    option forwardfor
frontend www
    bind *:8080
    bind 192.0.2.1:8443 name alt accept-proxy
    default_backend app
    no option httplog
    option dontlognull
    no option clitcpka
backend app
    description the shop
    balance roundrobin
    errorfile 503 /etc/regate/503.http
    default-server weight 5
    server s1 10.0.0.1:80 weight 10
    server s2 10.0.0.2:80 backup
listen both
    bind unix@/run/both
    server s 10.0.0.3 enabled
"#;

#[test]
fn both_forms_say_the_same() {
    let yaml = match load(Form::Yaml, EXAMPLE) {
        Ok(loaded) => loaded,
        Err(diagnostics) => panic!("{diagnostics:#?}"),
    };
    assert_eq!(yaml.rows, load(Form::Haproxy, SAME).unwrap().rows);
    assert_eq!(load(Form::Yaml, &write(Form::Yaml, &yaml.rows)).unwrap().rows, yaml.rows);
}

#[test]
fn the_order_of_mixed_proxies_is_kept() {
    let rows = load(Form::Haproxy, "backend a\nfrontend b\n bind :80\nbackend c\nlisten d\n").unwrap().rows;
    let text = write(Form::Yaml, &rows);
    assert!(text.contains("order: 3"), "{text}");
    let mut back = load(Form::Yaml, &text).unwrap().rows;
    back.sort_by_key(|row| row.subject());
    let mut expected = rows;
    expected.sort_by_key(|row| row.subject());
    assert_eq!(back, expected);
}

/// The errors of a text: line, column, length, message.
fn errors(text: &str) -> Vec<String> {
    let found = load(Form::Yaml, text).unwrap_err();
    let errors = found.iter().filter(|d| d.gravity == Gravity::Error);
    errors.map(|d| format!("{}:{}+{} {}", d.place.line, d.place.column, d.place.length, d.message)).collect()
}

#[test]
fn errors_stand_at_the_offending_scalar() {
    let cases: &[(&str, &[&str])] = &[
        ("frontend: []\n", &["1:1+8 unknown key 'frontend'"]),
        ("defaults:\n  mode: htp\n", &["2:9+3 unknown word 'htp'"]),
        ("defaults: { timeout: { client: \"5x\" } }\n", &["1:33+2 '5x' is not a time"]),
        (
            "defaults:\n  timeout:\n    clinet: 5s\n",
            &["3:5+6 unknown 'timeout clinet' in a 'defaults' section"],
        ),
        ("defaults:\n  option: [httplog, forwardfor except x]\n", &["2:39+1 'x' is not a network"]),
        (
            "backends:\n- name: a\n  servers:\n  - s1 10.0.0.1:80 weight 999\n  - { name: s2 }\n  - { name: s3, address: x/y }\n",
            &[
                "4:27+3 999 is out of range",
                "5:5+1 the address is missing",
                "6:26+3 'x/y' is neither an address nor a host name",
            ],
        ),
        (
            "backends:\n- name: a\n  filter: trace\n",
            &["3:3+6 'filter' is a HAProxy directive that Regate does not support yet"],
        ),
        ("backends:\n- balance: roundrobin\n", &["2:4+0 'backend' expects a name"]),
        ("frontends:\n- name: f\n  default_backend: nope\n", &["3:20+4 there is no backend 'nope'"]),
        (
            "frontends:\n- name: f\n  from: x\n",
            &["3:9+1 there is no defaults section named 'x' before this one"],
        ),
        ("global: { maxconn: 1, maxconn: 2 }\n", &["1:23+7 'maxconn' is given twice"]),
        ("global: [1]\n", &["1:9+1 a section is expected here, as a map"]),
        ("frontends: { name: f }\n", &["1:12+1 a list of sections is expected here"]),
        (
            "global:\n  maxconn: \"1\n",
            &["2:12+1 this is not YAML: while scanning a quoted scalar, found unexpected end of stream"],
        ),
        ("a: *b\n", &["1:4+1 this is not YAML: while parsing node, found unknown anchor"]),
    ];
    for (text, expected) in cases {
        assert_eq!(errors(text), *expected, "{text}");
    }
}

#[test]
fn an_empty_text_configures_nothing() {
    for text in ["", "# nothing\n", "---\n", "global:\n", "frontends: []\n", "frontends:\n"] {
        assert!(load(Form::Yaml, text).unwrap().remarks.is_empty(), "{text}");
    }
}

#[test]
fn aliases_are_replaced_within_bounds() {
    let text = "defaults:\n- &d\n  name: a\n  timeout: &t { client: 1s }\n- name: b\n  timeout: *t\n";
    assert_eq!(load(Form::Yaml, text).unwrap().rows.len(), 2);
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let inner = vec![format!("*a{}", level - 1); 10].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(errors(&bomb).iter().any(|error| error.contains("too large")));
    assert!(errors(&"[".repeat(40)).iter().any(|error| error.contains("nested too deeply")));
    assert_eq!(errors(&"[".repeat(100_000)).len(), 1);
}
