//! Stick tables under HAProxy and under Regate: the same replies on the text socket, the same counts.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::net::SocketAddr;

use regate_proto::model::DataType;
use regate_proto::rules::tables::{CONVERTERS, FETCHES};
use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Answer, Folder, Origin, Port, Proxy, RawClient, Result, wait};

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

/// The rate limit as it is published, beside a frontend that shows what is known.
const RATE_LIMIT: &str = "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:PORT accept-proxy
    stick-table type ip size 1m expire 15m store gpt0,http_req_rate(10s)
    http-request allow if { src -f WHITELIST }
    http-request track-sc0 src
    acl abuse src_http_req_rate ge 5
    http-request sc-set-gpt0(0) 1 if abuse
    http-request deny if { sc0_get_gpt0 ge 1 }
    default_backend b
backend b
    server s 127.0.0.1:ORIGIN
";

/// Statuses of so many requests of a client, each over a connection of its own.
fn ask(port: u16, client: &str, times: usize) -> Result<String> {
    let mut statuses = Vec::new();
    for _ in 0..times {
        statuses.push(request(port, client, "/", "")?.0.to_string());
    }
    Ok(format!("{client}: {}", statuses.join(" ")))
}

/// One request over a connection of its own: the status and the body.
fn request(port: u16, client: &str, path: &str, headers: &str) -> Result<(u16, String)> {
    let mut raw = RawClient::connect(SocketAddr::from(([127, 0, 0, 1], port)))?;
    raw.send(format!(
        "PROXY TCP4 {client} 127.0.0.1 4000 80\r\nGET {path} HTTP/1.1\r\nHost: a\r\n{headers}Connection: close\r\n\r\n"
    ))?;
    let answer = raw.take_to_end()?;
    let text = String::from_utf8_lossy(&answer).into_owned();
    let status = text.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or(0);
    Ok((status, text.split_once("\r\n\r\n").map_or("", |(_, body)| body).to_owned()))
}

#[test]
fn the_published_rate_limit_counts_as_haproxys() -> Result<()> {
    compare(|kind| {
        let (port, origin) = (Port::reserve()?, Origin::start("s")?);
        let folder = Folder::create()?;
        let list = folder.write("whitelist.lst", "10.0.0.9\n10.1.0.0/16\n")?;
        let text = RATE_LIMIT
            .replace("PORT", &port.to_string())
            .replace("ORIGIN", &origin.port().to_string())
            .replace("WHITELIST", &list.to_string_lossy());
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = vec![
            ask(port.number(), "10.0.0.1", 7)?,
            ask(port.number(), "10.0.0.2", 3)?,
            ask(port.number(), "10.0.0.9", 8)?,
            ask(port.number(), "10.1.2.3", 6)?,
        ];
        settle(&proxy, "f")?;
        seen.push(masked(&proxy.ask("show table f")?));
        // An entry that is cleared serves again, until it is marked again.
        seen.push(masked(&proxy.ask("set table f key 10.0.0.1 data.gpt0 0 data.http_req_rate 0")?));
        seen.push(ask(port.number(), "10.0.0.1", 6)?);
        settle(&proxy, "f")?;
        seen.push(masked(&proxy.ask("clear table f key 10.0.0.1")?));
        seen.push(ask(port.number(), "10.0.0.1", 2)?);
        settle(&proxy, "f")?;
        seen.push(masked(&proxy.ask("show table f")?));
        Ok(seen)
    })
}

/// What is shown of entries: one page for each fetch and converter of the tables of names.
const FACTS: &str = "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:PORT accept-proxy
    stick-table type ip size 100 expire 1h store STORE
    http-request track-sc0 src
    http-request track-sc1 path table texts if { path -m beg /1 }
    http-request sc-inc-gpc0(0)
    http-request sc-inc-gpc1(0) if { path -m end 2 }
    http-request sc-inc-gpc(1,1)
    http-request sc-set-gpt0(0) src_port
    http-request sc-set-gpt(1,1) 7
RULES
backend texts
    stick-table type string len 8 size 100 expire 1h store gpc(2),gpc_rate(2,1h),gpt(2),conn_cur
";

/// Every kind of data that HAProxy 2.6 has and that is no array; rates over an hour, so that they go up alone.
fn store() -> String {
    let kinds = DataType::ALL.into_iter().filter(|data| {
        let name = data.name();
        !data.row().array && !name.starts_with("glitch") && !name.starts_with("server")
    });
    let spelled = kinds.map(|data| match data.name().ends_with("_rate") {
        true => format!("{data}(1h)"),
        false => data.to_string(),
    });
    spelled.collect::<Vec<_>>().join(",")
}

/// A sample for each row, and what of it is the same in both: bytes are counted as each program holds them.
fn expressions() -> Vec<String> {
    let mut all = Vec::new();
    let known = |name: &&str| !name.contains("glitch") && !name.contains("bytes");
    for name in FETCHES.iter().map(|row| row.name).filter(known) {
        let indexed = ["get_gpc", "get_gpt", "inc_gpc", "clr_gpc", "gpc_rate"];
        let is_indexed = indexed.iter().any(|end| name.ends_with(&format!("_{end}")));
        match (name.starts_with("sc_"), name.starts_with("src_"), is_indexed) {
            (true, _, true) => {
                all.extend([format!("{name}(1,1)"), format!("{name}(0,1,texts)"), format!("{name}(1,2)")])
            }
            (true, _, false) => {
                all.extend([format!("{name}(0)"), format!("{name}(0,f)"), format!("{name}(2)")])
            }
            (_, true, true) => all.push(format!("{name}(1,f)")),
            _ => all.extend([name.to_owned(), format!("{name}(f)")]),
        }
    }
    for name in CONVERTERS.iter().map(|row| row.name).filter(known) {
        let arguments = match name {
            "table_gpc" | "table_gpt" | "table_gpc_rate" => "1,texts",
            // Milliseconds are not the same in both.
            "table_expire" | "table_idle" => {
                all.extend([
                    format!("str(10.9.9.9),{name}(f)"),
                    format!("str(10.9.9.9),{name}(f,42)"),
                    format!("src,{name}(f),div(1000000)"),
                ]);
                continue;
            }
            // HAProxy counts the looking itself.
            "table_trackers" => {
                all.push(format!("str(10.9.9.9),{name}(f)"));
                continue;
            }
            _ => "f",
        };
        let keys = if arguments == "f" { ["src", "str(10.9.9.9)"] } else { ["path", "str(nothing)"] };
        all.extend(keys.map(|key| format!("{key},{name}({arguments})")));
    }
    all
}

#[test]
fn every_kind_of_data_is_kept_as_haproxy_keeps_it() -> Result<()> {
    let rows: Vec<(&str, &str)> = DataType::ALL
        .iter()
        .map(|data| data.row())
        .flat_map(|row| row.examples.iter().map(move |example| (row.name, *example)))
        .collect();
    assert!(rows.len() > DataType::ALL.len(), "{}", rows.len());
    compare(|kind| {
        let mut text = String::from("global\n    stats socket @folder@/admin level admin\n");
        for (at, (_, example)) in rows.iter().enumerate() {
            text.push_str(&format!(
                "backend t{at}\n    stick-table type string len 16 size 100 expire 1h store {example}\n"
            ));
        }
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        for (at, (name, example)) in rows.iter().enumerate() {
            for command in [
                format!("set table t{at} key k data.{name} 5"),
                format!("set table t{at} key other"),
                format!("show table t{at}"),
                format!("show table t{at} data.{name} gt 1"),
                format!("clear table t{at} data.{name} le 5"),
                format!("show table t{at}"),
            ] {
                // HAProxy takes any number for the name of a server, and keeps none.
                if *name == "server_key" && command.contains("data.") {
                    continue;
                }
                seen.push(format!("{example}: {command}\n{}", masked(&proxy.ask(&command)?)));
            }
        }
        Ok(seen)
    })
}

/// Waits until nobody holds an entry of a table: a client has its answer before its stream is over.
fn settle(proxy: &Proxy, table: &str) -> Result<()> {
    wait::until_true("entries to be let go", wait::PATIENCE, || {
        let shown = proxy.ask(&format!("show table {table}")).unwrap_or_default();
        shown.matches(" use=").count() == shown.matches(" use=0 ").count()
    })
}

#[test]
fn every_fetch_and_converter_tells_what_haproxys_does() -> Result<()> {
    let expressions = expressions();
    compare(|kind| {
        let port = Port::reserve()?;
        let rules: Vec<String> = expressions
            .iter()
            .enumerate()
            .map(|(at, sample)| {
                format!(
                    "    http-request return status 200 content-type text/plain lf-string \"%[{sample}]\" if {{ path /{at} }}"
                )
            })
            .collect();
        let text = FACTS
            .replace("STORE", &store())
            .replace("RULES", &rules.join("\n"))
            .replace("PORT", &port.number().to_string());
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        for (at, sample) in expressions.iter().enumerate() {
            let (status, body) = request(port.number(), "10.0.0.1", &format!("/{at}"), "")?;
            seen.push(format!("{sample}: {status} {body}"));
            settle(&proxy, "f")?;
        }
        seen.push(without_bytes(&masked(&proxy.ask("show table f")?)));
        seen.push(masked(&proxy.ask("show table texts data.gpt gt 0")?));
        Ok(seen)
    })
}

fn without_bytes(shown: &str) -> String {
    shown.split(' ').filter(|word| !word.contains("bytes")).collect::<Vec<_>>().join(" ")
}

/// What is counted of requests that end in one way or another.
const COUNTED: &str = "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:PORT accept-proxy
    stick-table type ip size 100 expire 1h store conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,http_fail_cnt
    tcp-request connection track-sc1 dst table all
    tcp-request connection reject if { sc1_conn_cnt(all) gt 12 }
    tcp-request session track-sc2 src table sessions
    tcp-request session reject if { sc2_sess_rate gt 1 }
    http-request track-sc0 src
    http-request deny if { path /denied }
    http-request reject if { path /rejected }
    http-request return status 404 if { path /returned }
    http-request redirect location /x if { path /moved }
    http-response deny if { path /x } !{ path /x }
    default_backend b
backend b
    server s 127.0.0.1:ORIGIN
backend all
    stick-table type ip size 100 expire 1h store conn_cnt,conn_cur,sess_cnt,http_req_cnt,http_err_cnt,http_fail_cnt
backend sessions
    stick-table type ip size 100 expire 1h store conn_cnt,conn_cur,sess_cnt,sess_rate(1h),http_req_cnt
";

#[test]
fn requests_are_counted_as_haproxy_counts_them() -> Result<()> {
    compare(|kind| {
        let (port, origin) = (Port::reserve()?, Origin::start("s")?);
        origin.answer_by(|request| {
            let status = request.target.trim_start_matches('/').parse().unwrap_or(200);
            Answer::text("x").status(status, "So")
        });
        let text =
            COUNTED.replace("PORT", &port.number().to_string()).replace("ORIGIN", &origin.port().to_string());
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        let targets = [
            "/",
            "/404",
            "/500",
            "/501",
            "/503",
            "/505",
            "/302",
            "/denied",
            "/rejected",
            "/returned",
            "/moved",
        ];
        for (at, target) in targets.into_iter().enumerate() {
            let (status, _) = request(port.number(), &format!("10.0.0.{at}"), target, "")?;
            settle(&proxy, "f")?;
            let key = format!("show table f key 10.0.0.{at}");
            let shown = masked(&proxy.ask(&key)?);
            seen.push(format!("{target} {status}\n    {shown}"));
        }
        for _ in 0..3 {
            seen.push(
                request(port.number(), "10.1.1.1", "/", "").map_or(0, |(status, _)| status).to_string(),
            );
        }
        settle(&proxy, "all")?;
        settle(&proxy, "sessions")?;
        seen.push(masked(&proxy.ask("show table all")?));
        seen.push(masked(&proxy.ask("show table sessions")?));
        Ok(seen)
    })
}

/// Backends whose clients stay with a server, and what the servers of a table are called.
const STICKY: &str = "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:PORT accept-proxy
    use_backend b1 if { path -m beg /1 }
    use_backend b2 if { path -m beg /2 }
    use_backend b3 if { path -m beg /3 }
backend b1
    balance roundrobin
    stick-table type ip size 100 expire 1h store gpc0
    stick on src
    server s1 127.0.0.1:ONE
    server s2 127.0.0.1:TWO
backend b2
    balance roundrobin
    stick-table type string size 100 expire 1h srvkey addr
    stick match req.hdr(x-user) if { req.hdr(x-user) -m found }
    stick store-response res.hdr(x-user)
    server s1 127.0.0.1:ONE
    server s2 127.0.0.1:TWO
backend b3
    balance roundrobin
    stick match src table b1
    server s9 127.0.0.1:ONE
    server s2 127.0.0.1:TWO
";

#[test]
fn clients_stay_with_the_servers_of_haproxy() -> Result<()> {
    compare(|kind| {
        let (port, one, two) = (Port::reserve()?, Origin::start("one")?, Origin::start("two")?);
        one.answer(Answer::text("one").header("X-User", "ann"));
        two.answer(Answer::text("two").header("X-User", "bob"));
        let text = STICKY
            .replace("PORT", &port.number().to_string())
            .replace("ONE", &one.port().to_string())
            .replace("TWO", &two.port().to_string());
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        let steps = [
            ("10.0.0.1", "/1", ""),
            ("10.0.0.1", "/1", ""),
            ("10.0.0.2", "/1", ""),
            ("10.0.0.1", "/1", ""),
            ("10.0.0.2", "/1", ""),
            ("10.0.0.2", "/3", ""),
            ("10.0.0.1", "/2", ""),
            ("10.0.0.1", "/2", ""),
            ("10.0.0.1", "/2", "X-User: bob\r\n"),
            ("10.0.0.1", "/2", "X-User: bob\r\n"),
            ("10.0.0.1", "/2", "X-User: ann\r\n"),
            ("10.0.0.1", "/2", "X-User: eve\r\n"),
        ];
        let say = |seen: &mut Vec<String>| -> Result<()> {
            for (client, path, headers) in steps {
                let (status, body) = request(port.number(), client, path, headers)?;
                seen.push(format!("{client} {path} {headers:?}: {status} {body}"));
            }
            Ok(())
        };
        say(&mut seen)?;
        let address = |shown: String| {
            shown.replace(&one.port().to_string(), "ONE").replace(&two.port().to_string(), "TWO")
        };
        seen.push(address(masked(&proxy.ask("show table b1")?)));
        seen.push(address(masked(&proxy.ask("show table b2")?)));
        proxy.ask("disable server b1/s1")?;
        seen.push(request(port.number(), "10.0.0.1", "/1", "")?.1);
        seen.push(address(masked(&proxy.ask("show table b1")?)));
        Ok(seen)
    })
}

/// A TCP proxy whose clients are limited and stay with their servers.
const TCP: &str = "global
    stats socket @folder@/admin level admin
defaults
    mode tcp
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend f
    bind 127.0.0.1:PORT accept-proxy
    stick-table type ip size 100 expire 1h store conn_cnt,conn_cur,bytes_out_cnt
    tcp-request content track-sc0 src
    tcp-request content reject if { src_conn_cnt gt 4 }
    default_backend b
backend b
    balance roundrobin
    stick-table type ip size 100 expire 1h
    stick on src
    server s1 127.0.0.1:ONE
    server s2 127.0.0.1:TWO
";

#[test]
fn tcp_clients_are_counted_and_stay() -> Result<()> {
    compare(|kind| {
        let (port, one, two) = (Port::reserve()?, Origin::start("one")?, Origin::start("two")?);
        one.answer(Answer::text("one").closing());
        two.answer(Answer::text("two").closing());
        let text = TCP
            .replace("PORT", &port.number().to_string())
            .replace("ONE", &one.port().to_string())
            .replace("TWO", &two.port().to_string());
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        for client in ["10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.2", "10.0.0.1", "10.0.0.1", "10.0.0.1"] {
            let body =
                request(port.number(), client, "/", "").map_or_else(|_| "-".to_owned(), |(_, body)| body);
            seen.push(format!("{client} {body}"));
        }
        wait::until_true("the sessions' end", wait::PATIENCE, || {
            proxy.ask("show table f").is_ok_and(|shown| shown.matches("conn_cur=0").count() == 2)
        })?;
        seen.push(masked(&proxy.ask("show table f")?));
        seen.push(masked(&proxy.ask("show table b")?));
        Ok(seen)
    })
}
