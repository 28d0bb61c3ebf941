//! Stick tables under HAProxy and under Regate: the same replies on the text socket, the same counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Proxy, Result};

/// Tables of every type; nothing is forwarded.
const CONFIGURATION: &str = "global
    stats socket @folder@/admin level admin
    stats socket @folder@/user level user
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind unix@@folder@/f
    stick-table type ip size 1m expire 15m store gpt0,http_req_rate(10s)
backend s
    stick-table type string len 10 size 3 expire 100s store gpc0,server_id,server_key,bytes_in_cnt,gpt0
backend b
    stick-table type binary len 4 size 3 store gpc(2),gpt(2),gpc_rate(2,10s)
backend i
    stick-table type integer size 3 nopurge store gpc0,conn_rate(10s)
backend v6
    stick-table type ipv6 size 3 nopurge store gpc0,conn_cur
backend all
    stick-table type ip size 10k store conn_cnt,conn_cur,conn_rate(1s),sess_cnt,sess_rate(1m),http_req_cnt,http_err_cnt,http_err_rate(10s),http_fail_cnt,http_fail_rate(1h),bytes_in_cnt,bytes_in_rate(1s),bytes_out_cnt,bytes_out_rate(1s),gpc0,gpc0_rate(3s),gpc1,gpc1_rate(3s)
listen l
    bind unix@@folder@/l
    stick-table type ip size 5
";

/// What is said to both, in this order.
const LINES: &[&str] = &[
    "show table",
    "set table s key abcdefghijklm data.gpc0 5",
    "show table s",
    "set table s key a\\ b data.gpc0 -1",
    "set table s key a data.bytes_in_cnt 5000000000",
    "show table s",
    // The oldest gives way.
    "set table s key q data.bytes_in_cnt 5000000001",
    "show table s",
    "show table s key a",
    "show table s key nosuch",
    "show table s key",
    "set table s key",
    // HAProxy 2.6 takes `set table` without further words for `clear table`, which is left to it.
    "set table nosuch key a",
    "show table nosuch",
    "show table nosuch key",
    "clear table nosuch",
    "set table s key a data.foo 1",
    "set table s key a data.gpc1 1",
    "set table s key a data.gpc0 x",
    "set table s key a data.gpc0 5x",
    "set table s key a data.gpc0",
    "set table s key a foo 1",
    "set table s key a data.server_key x",
    "set table s key a data.server_id -3",
    "set table s key a data.gpc0 4 data.gpt0 6",
    "show table s key a",
    "set table s data.gpc0 1",
    "show table s data.gpc0 gt 1",
    "show table s data.gpc0 ge 4 data.gpc0 lt 5",
    "show table s data.gpc0 eq 4",
    "show table s data.gpc0 ne 4",
    "show table s data.gpc0 le 4",
    "show table s data.server_id lt 0",
    "show table s data.server_key eq 1",
    "show table s data.gpc0 gt",
    "show table s data.gpc0 foo 1",
    "show table s data.gpc0 gt x",
    "show table s data.foo gt 1",
    "show table s data.gpc1 gt 1",
    "show table s data.gpc0 gt 1 data.gpc0 lt 8 data.gpc0 eq 1 data.gpc0 eq 1 data.gpc0 eq 2",
    "clear table s data.gpc0",
    "clear table s data.gpc0 eq 4",
    "show table s",
    "clear table s key q",
    "show table s",
    "clear table s",
    "show table s",
    "set table s key é=\\\\\"~",
    "show table s",
    "set table b key abcd data.gpc0 1",
    "show table b key abcd",
    "clear table b key abcd",
    "show table b key",
    "show table b",
    "show table b data.gpc gt 0",
    "show table b data.gpc0 gt 0",
    "set table i key abc data.gpc0 1",
    "set table i key -1 data.gpc0 1",
    "set table i key 99999999999 data.gpc0 1",
    "set table i key 12 data.conn_rate 7",
    "set table i key 4294967295 data.gpc0 1",
    "show table i key 12",
    "set table i key 2 data.gpc0 1 data.conn_rate 9",
    // A full table that drops nothing.
    "set table i key 3 data.gpc0 1",
    "show table i",
    "clear table i key 12",
    "set table i key 3 data.gpc0 1",
    "show table i",
    "set table v6 key ::1 data.gpc0 1",
    "set table v6 key 2001:DB8::0:1 data.conn_cur 3",
    "set table v6 key ::ffff:1.2.3.4",
    "show table v6",
    "set table f key 10.0.0.1 data.gpt0 1",
    "set table f key 255.255.255.255 data.http_req_rate 3",
    "show table f",
    "show table f data.http_req_rate ge 3",
    "set table all key 10.0.0.1 data.conn_rate 5 data.http_fail_rate 3 data.bytes_out_rate 1000 data.gpc1 1",
    "show table all",
    "set table l key 10.0.0.1",
    "show table l",
    "show table",
];

#[test]
fn the_text_socket_answers_as_haproxys() -> Result<()> {
    compare(|kind| {
        let proxy = Proxy::start(kind, CONFIGURATION)?;
        let told = |line: &str| Ok(format!("{line}\n    {}", masked(&proxy.ask(line)?)));
        LINES.iter().map(|line| told(line)).collect()
    })
}

#[test]
fn a_user_sees_tables_but_no_entries() -> Result<()> {
    compare(|kind| {
        let socket = "stats socket @folder@/admin level admin\n    stats socket @folder@/user level user";
        let text = CONFIGURATION.replace(socket, "stats socket @folder@/user level user");
        let proxy = Proxy::start(kind, &text)?;
        let lines = ["show table", "show table s", "show table nosuch"];
        lines.iter().map(|line| Ok(format!("{line}\n    {}", masked(&proxy.ask(line)?)))).collect()
    })
}

/// A reply with its entries in order, and without what differs from run to run.
fn masked(reply: &str) -> String {
    let mut lines: Vec<String> = reply
        .lines()
        .map(|line| match line.strip_prefix("0x") {
            None => line.to_owned(),
            Some(entry) => {
                let words = entry.split(' ').skip(1).map(|word| match word.strip_prefix("exp=") {
                    Some(span) if span != "0" => "exp=…".to_owned(),
                    _ => word.to_owned(),
                });
                words.collect::<Vec<_>>().join(" ")
            }
        })
        .collect();
    // The head stays where it is.
    if let Some(entries) = lines.get_mut(1..).filter(|_| reply.contains("0x")) {
        entries.sort();
    }
    lines.join("\n    ")
}
