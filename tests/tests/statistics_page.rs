//! Statistics pages and metrics under HAProxy and under Regate: the same answers, the same names; and what the page's
//! actions leave behind.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Exchange, Folder, HttpClient, Kind, Origin, Port, Proxy, Result, node, wait};

/// Pages of every kind.
struct Stage {
    _proxy: Proxy,
    _origins: Vec<Origin>,
    ports: Vec<Port>,
}

impl Stage {
    fn start(kind: Kind) -> Result<Stage> {
        let ports: Vec<Port> = (0..6).map(|_| Port::reserve()).collect::<Result<_>>()?;
        let origins = vec![Origin::start("one")?, Origin::start("two")?];
        let [open, closed, ruled, both, plain, metrics] =
            [0, 1, 2, 3, 4, 5].map(|at: usize| ports[at].number());
        let text = format!(
            "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
frontend open
    bind 127.0.0.1:{open}
    stats enable
    stats uri /st
    stats refresh 5s
    stats show-legends
    stats show-node
    stats admin if {{ src 127.0.0.1 }}
    http-request deny if {{ path /st/denied }}
    http-response set-header x-never 1
    http-after-response set-header x-after 1
    default_backend be
frontend closed
    bind 127.0.0.1:{closed}
    stats auth admin:pass
    stats auth other:word
    stats realm My\\ Realm
    stats scope be
    stats scope .
    stats hide-version
    default_backend be
frontend ruled
    bind 127.0.0.1:{ruled}
    acl quiet path_end /no
    stats uri /s
    stats http-request deny if quiet
    stats http-request allow if {{ path_end /yes;csv }}
    stats http-request auth realm Z
    default_backend be
listen both
    bind 127.0.0.1:{both}
    stats uri /here?x
    stats admin unless {{ src 127.0.0.1 }}
    redirect location /elsewhere if {{ path /here /away }}
    server s1 127.0.0.1:{first}
frontend plain
    bind 127.0.0.1:{plain}
    default_backend paged
frontend metrics
    bind 127.0.0.1:{metrics} name door
    option socket-stats
    http-request use-service prometheus-exporter if {{ path /metrics }}
backend be
    stick-table type ip size 100 store gpc0
    server s1 127.0.0.1:{first} weight 10
    server s2 127.0.0.1:{second} disabled
    server s3 127.0.0.1:{second} weight 5
backend paged
    stats uri /in/backend
    server s1 127.0.0.1:{first}
",
            first = origins[0].port(),
            second = origins[1].port(),
        );
        Ok(Stage { _proxy: Proxy::start(kind, &text)?, _origins: origins, ports })
    }

    fn ask(
        &self,
        at: usize,
        method: &str,
        target: &str,
        headers: &[(&str, &str)],
        body: &str,
    ) -> Result<Exchange> {
        HttpClient::connect(self.ports[at].address())?.request(method, target, headers, body.as_bytes())
    }

    /// How the servers of the backend `be` stand.
    fn states(&self) -> Result<String> {
        let rows = table(&self.ask(OPEN, "GET", "/st;csv", &[], "")?.text());
        let of = |server: &str| rows.get(&format!("be/{server}")).cloned().unwrap_or_default();
        Ok(["s1", "s2", "s3"].map(of).join(" "))
    }
}

const OPEN: usize = 0;
const CLOSED: usize = 1;
const RULED: usize = 2;
const BOTH: usize = 3;
const PLAIN: usize = 4;
const METRICS: usize = 5;

/// The rows of a page as CSV, by proxy and name, with their states.
fn table(text: &str) -> BTreeMap<String, String> {
    let mut lines = text.lines();
    let names: Vec<&str> = lines.next().unwrap_or_default().trim_start_matches("# ").split(',').collect();
    let status = names.iter().position(|name| *name == "status").unwrap_or(17);
    let fields = lines.filter(|line| !line.is_empty()).map(|line| line.split(',').collect::<Vec<_>>());
    fields
        .filter_map(|fields| {
            Some((format!("{}/{}", fields.first()?, fields.get(1)?), (*fields.get(status)?).to_owned()))
        })
        .collect()
}

/// Status and headers; of short answers the body.
fn seen(question: &str, exchange: &Exchange) -> String {
    // Where a request was not read whole, or asks for nonsense, only one of the two closes.
    let may_close = exchange.status == 400 || exchange.header("location") == Some("/st;st=EXCD");
    let is_shown = |name: &str| !(may_close && name.eq_ignore_ascii_case("connection"));
    let headers: Vec<String> = exchange
        .headers
        .iter()
        .filter(|(name, _)| is_shown(name))
        .map(|(name, value)| format!("{}: {value}", name.to_lowercase()))
        .collect();
    let is_page = exchange.header("transfer-encoding").is_some() || exchange.until_close;
    let body = if is_page { String::new() } else { exchange.text() };
    format!("{question}: {} {} [{}] {body:?}", exchange.status, exchange.reason, headers.join(" | "))
}

const ADMIN: (&str, &str) = ("Authorization", "Basic YWRtaW46cGFzcw==");
const OTHER: (&str, &str) = ("Authorization", "Basic b3RoZXI6d29yZA==");
const WRONG: (&str, &str) = ("Authorization", "Basic YWRtaW46d3Jvbmc=");

#[test]
fn pages_are_answered_as_haproxy_answers_them() -> Result<()> {
    compare(|kind| {
        let stage = Stage::start(kind)?;
        let mut found = Vec::new();
        for (at, method, target, headers) in [
            (OPEN, "GET", "/st", &[][..]),
            (OPEN, "HEAD", "/st", &[]),
            (OPEN, "GET", "/st;csv", &[]),
            (OPEN, "GET", "/st;csv;norefresh", &[]),
            (OPEN, "GET", "/st;json", &[]),
            (OPEN, "GET", "/st;json-schema", &[]),
            (OPEN, "GET", "/st;typed", &[]),
            (OPEN, "GET", "/st;up?scope=be", &[]),
            (OPEN, "GET", "http://regate.test/st;csv", &[]),
            (OPEN, "GET", "/st/denied", &[]),
            (OPEN, "DELETE", "/st", &[]),
            (OPEN, "GET", "/s", &[]),
            (CLOSED, "GET", "/haproxy?stats", &[]),
            (CLOSED, "HEAD", "/haproxy?stats", &[]),
            (CLOSED, "GET", "/haproxy?stats", &[ADMIN]),
            (CLOSED, "GET", "/haproxy?stats;csv", &[OTHER]),
            (CLOSED, "GET", "/haproxy?stats", &[WRONG]),
            (CLOSED, "GET", "/haproxy", &[]),
            (RULED, "GET", "/s/no", &[]),
            (RULED, "GET", "/s/yes;csv", &[]),
            (RULED, "GET", "/s/more", &[]),
            (BOTH, "GET", "/here?x;csv", &[]),
            (BOTH, "GET", "/away", &[]),
            (PLAIN, "GET", "/in/backend;csv", &[]),
            (PLAIN, "GET", "/in", &[]),
            (METRICS, "GET", "/metrics", &[]),
            (METRICS, "HEAD", "/metrics", &[]),
            (METRICS, "GET", "/metrics?scope=bogus", &[]),
            (METRICS, "GET", "/metrics?scope=", &[]),
        ] {
            let exchange = stage.ask(at, method, target, headers, "")?;
            let question = format!("{method} {target} at {at} with {headers:?}");
            // What a server says is its own.
            if exchange.text() == "one" || exchange.text() == "two" {
                found.push(format!("{question}: {}", exchange.status));
            } else {
                found.push(seen(&question, &exchange));
            }
        }
        Ok(found)
    })
}

#[test]
fn pages_show_the_rows_that_haproxy_shows() -> Result<()> {
    compare(|kind| {
        let stage = Stage::start(kind)?;
        let mut found = Vec::new();
        for (at, target) in [
            (OPEN, "/st;csv"),
            (OPEN, "/st;csv;up"),
            (OPEN, "/st;csv;no-maint"),
            (OPEN, "/st;csv?scope=BE"),
            (OPEN, "/st;csv;scope=nothing"),
            (CLOSED, "/haproxy?stats;csv"),
            (BOTH, "/here?x;csv"),
        ] {
            let text = stage.ask(at, "GET", target, &[ADMIN], "")?.text();
            found.push(format!("{target}: {:?}", table(&text)));
            // Addresses are for pages with legends alone.
            found.push(format!("{target} names addresses: {}", text.contains("127.0.0.1:")));
        }
        let text = stage.ask(OPEN, "GET", "/st;csv", &[], "")?.text();
        found.push(text.lines().next().unwrap_or_default().chars().take(700).collect());
        let text = stage.ask(OPEN, "GET", "/st;typed", &[], "")?.text();
        // Newer versions have a tag more.
        let plain = |line: &str| line.replacen("KNSV", "KNS", 1);
        found.push(text.lines().take(2).map(plain).collect::<Vec<_>>().join("|"));
        let text = stage.ask(OPEN, "GET", "/st;json", &[], "")?.text();
        let things: BTreeSet<&str> =
            text.split("{\"objType\":").skip(1).filter_map(|part| part.split(",\"field\"").next()).collect();
        found.push(format!("{things:?}"));
        found.push(stage.ask(OPEN, "GET", "/st;json-schema", &[], "")?.text().trim_end().to_owned());
        Ok(found)
    })
}

#[test]
fn actions_do_what_haproxy_does() -> Result<()> {
    compare(|kind| {
        let stage = Stage::start(kind)?;
        let mut found = Vec::new();
        for form in [
            "s=s1&action=drain&b=be",
            "s=s1&action=drain&b=be",
            "s=s1&action=ready&b=be",
            "s=s1&s=s3&action=maint&b=be",
            "s=s1&s=s3&action=ready&b=be",
            "s=s1&s=nosuch&action=maint&b=be",
            "s=nosuch&action=maint&b=be",
            "s=s1&action=maint&b=nosuch",
            "s=s1&action=bogus&b=be",
            "action=maint&b=be",
            "s=s2&action=enable&b=be",
            "s=s2&action=disable&b=be",
            "s=s1&action=ready&b=be",
            "s=s1&action=stop&b=be",
            "s=s1&action=start&b=be",
            "s=s3&action=dagent&b=be",
            "s=s3&action=shutdown&b=be",
            "x=y",
            "s=%",
        ] {
            let exchange = stage.ask(OPEN, "POST", "/st;up?scope=be", &[], form)?;
            found.push(format!("{} {}", seen(form, &exchange), stage.states()?));
        }
        let long = "s=s1&".repeat(8000);
        let exchange = stage.ask(OPEN, "POST", "/st", &[], &long)?;
        found.push(seen("more than is taken", &exchange));
        // Nobody may change anything here.
        let exchange = stage.ask(BOTH, "POST", "/here?x", &[], "s=s1&action=drain&b=be")?;
        found.push(format!("{} {}", seen("without admin", &exchange), stage.states()?));
        let exchange = stage.ask(CLOSED, "POST", "/haproxy?stats", &[], "s=s1&action=drain&b=be")?;
        found.push(seen("without a user", &exchange));
        Ok(found)
    })
}

/// The metrics of an exposition: their types, and the labels of their samples. Fails where the format is not kept.
fn exposition(text: &str) -> BTreeMap<String, (String, BTreeSet<String>)> {
    let mut found: BTreeMap<String, (String, BTreeSet<String>)> = BTreeMap::new();
    let (mut current, mut helped) = (String::new(), String::new());
    for line in text.lines() {
        if let Some(help) = line.strip_prefix("# HELP ") {
            helped = help.split(' ').next().unwrap().to_owned();
            continue;
        }
        if let Some(kind) = line.strip_prefix("# TYPE ") {
            let (name, kind) = kind.split_once(' ').unwrap();
            assert_eq!(helped, name, "help stands before the type");
            assert!(matches!(kind, "gauge" | "counter"), "{line}");
            let twice = found.insert(name.to_owned(), (kind.to_owned(), BTreeSet::new()));
            assert!(twice.is_none(), "{name} stands together");
            current = name.to_owned();
            continue;
        }
        let (series, value) = line.rsplit_once(' ').unwrap_or_else(|| panic!("no sample: {line:?}"));
        assert!(value.parse::<f64>().is_ok(), "no number: {line:?}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        assert_eq!(name, current, "{line:?}");
        assert!(name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
        let labels = labels.strip_suffix('}').expect("labels end");
        for label in labels.split(',').filter(|label| !label.is_empty()) {
            let (name, value) = label.split_once('=').expect("a label has a value");
            assert!(value.len() >= 2 && value.starts_with('"') && value.ends_with('"'), "{line:?}");
            // Words of labels are part of the interface, names of proxies are not.
            let is_word = matches!(name, "state" | "code" | "type");
            let shown = if is_word { label.to_owned() } else { name.to_owned() };
            found.get_mut(&current).unwrap().1.insert(shown);
        }
    }
    found
}

/// Metrics of HAProxy 2.6 of what Regate does not have, by how they begin; all others must be there.
const ABSENT: &[&str] = &[
    "haproxy_process_pool_failures_total",
    "haproxy_process_max_ssl_connections",
    "haproxy_process_current_ssl",
    "haproxy_process_ssl_",
    "haproxy_process_limit_ssl_rate",
    "haproxy_process_max_ssl_rate",
    "haproxy_process_current_frontend_ssl_key_rate",
    "haproxy_process_max_frontend_ssl_key_rate",
    "haproxy_process_frontend_ssl_reuse",
    "haproxy_process_current_backend_ssl_key_rate",
    "haproxy_process_max_backend_ssl_key_rate",
    "haproxy_process_http_comp",
    "haproxy_process_limit_http_comp",
    "haproxy_process_current_zlib_memory",
    "haproxy_process_max_zlib_memory",
    "haproxy_process_active_peers",
    "haproxy_process_connected_peers",
    "haproxy_process_busy_polling_enabled",
    "haproxy_process_failed_resolutions",
    "haproxy_process_recv_logs_total",
    "haproxy_process_max_memory_bytes",
    "haproxy_frontend_http_comp",
    "haproxy_frontend_http_cache",
    "haproxy_frontend_failed_header_rewriting_total",
    "haproxy_backend_http_comp",
    "haproxy_backend_http_cache",
    "haproxy_backend_failed_header_rewriting_total",
    // An older name of agg_server_status, which 3.0 dropped.
    "haproxy_backend_agg_server_check_status",
    "haproxy_server_failed_header_rewriting_total",
    "haproxy_server_need_connections_current",
    "haproxy_server_safe_idle_connections_current",
    "haproxy_server_unsafe_idle_connections_current",
    "haproxy_listener_failed_header_rewriting_total",
    // Absent where there is no limit, no check and no warming up, where HAProxy says NaN.
    "haproxy_server_limit_sessions",
    "haproxy_server_queue_limit",
    "haproxy_server_current_throttle",
    "haproxy_server_check_",
    "haproxy_server_downtime_seconds_total",
    "haproxy_server_idle_connections_limit",
    // Listeners count no requests.
    "haproxy_listener_requests_denied_total",
    "haproxy_listener_responses_denied_total",
    "haproxy_listener_denied_",
    "haproxy_listener_internal_errors_total",
];

#[test]
fn metrics_have_haproxy_s_names_types_and_labels() -> Result<()> {
    let texts: Vec<String> = Kind::BOTH
        .into_iter()
        .map(|kind| {
            let stage = Stage::start(kind)?;
            // A metric that speaks of requests has one to speak of.
            stage.ask(OPEN, "GET", "/", &[], "")?;
            Ok(stage.ask(METRICS, "GET", "/metrics", &[], "")?.text())
        })
        .collect::<Result<_>>()?;
    let [theirs, ours] = [0, 1].map(|at: usize| exposition(&texts[at]));
    let is_listed = |name: &str| ABSENT.iter().any(|listed| name.starts_with(listed));
    let mut compared = 0;
    for (name, metric) in &theirs {
        match ours.get(name) {
            Some(own) => {
                assert_eq!(own, metric, "{name}");
                compared += 1;
            }
            None => assert!(is_listed(name), "{name} is missing"),
        }
    }
    for name in ours.keys() {
        assert!(theirs.contains_key(name), "{name} is no name of HAProxy's");
    }
    assert!(compared > 120, "only {compared} compared");
    Ok(())
}

#[test]
fn metrics_are_chosen_by_parameters() -> Result<()> {
    let stage = Stage::start(Kind::Regate)?;
    let names = |query: &str| -> Result<BTreeMap<String, (String, BTreeSet<String>)>> {
        let exchange = stage.ask(METRICS, "GET", &format!("/metrics?{query}"), &[], "")?;
        assert_eq!(exchange.status, 200, "{query}");
        Ok(exposition(&exchange.text()))
    };
    for scope in ["frontend", "listener", "backend", "server", "sticktable"] {
        let found = names(&format!("scope={scope}"))?;
        assert!(!found.is_empty(), "{scope}");
        assert!(
            found.keys().all(|name| name.starts_with(&format!("haproxy_{scope}_"))),
            "{scope}: {found:?}"
        );
    }
    assert!(names("scope=global")?.keys().all(|name| name.starts_with("haproxy_process_")));
    assert!(names("scope=")?.is_empty());
    assert_eq!(names("")?, names("scope=*&extra-counters")?);
    let chosen = names("metrics=haproxy_server_weight,current_sessions&scope=server")?;
    assert_eq!(
        chosen.keys().collect::<Vec<_>>(),
        ["haproxy_server_current_sessions", "haproxy_server_weight"]
    );
    let text = stage.ask(METRICS, "GET", "/metrics?scope=server&no-maint", &[], "")?.text();
    assert!(text.contains("server=\"s1\"") && !text.contains("proxy=\"be\",server=\"s2\""), "{text}");
    Ok(())
}

#[test]
fn the_page_is_one_document_and_tells_no_more_than_it_may() -> Result<()> {
    let stage = Stage::start(Kind::Regate)?;
    let page = stage.ask(OPEN, "GET", "/st;st=DONE;norefresh?scope=%3Cscript%3E%22b", &[], "")?.text();
    assert!(page.starts_with("<!DOCTYPE html>") && page.trim_end().ends_with("</html>"));
    assert!(page.contains("value=\"&lt;script&gt;&quot;b\""), "what the client sent is shown as it is");
    let page = stage.ask(OPEN, "GET", "/st", &[], "")?.text();
    for elsewhere in ["http://", "https://", "src=", "@import", "url("] {
        assert!(!page.contains(elsewhere), "{elsewhere} leads elsewhere");
    }
    assert!(page.contains("name=\"action\"") && page.contains("Version</dt>") && page.contains("127.0.0.1:"));
    assert!(page.matches("<th scope=\"row\">").count() > 9, "rows have headings");
    for tag in ["table", "section", "form", "tr", "td", "div", "span", "button"] {
        let open = page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count();
        let closed = page.matches(&format!("</{tag}>")).count();
        assert_eq!(open, closed, "<{tag}>");
    }
    let page = stage.ask(CLOSED, "GET", "/haproxy?stats", &[ADMIN], "")?.text();
    assert!(
        !page.contains("Version</dt>") && !page.contains("name=\"action\"") && !page.contains("127.0.0.1:")
    );
    assert!(!page.contains("id=\"paged\"") && page.contains("id=\"be\""), "only what is in scope");
    Ok(())
}

#[test]
fn what_the_page_does_is_kept_with_who_did_it() -> Result<()> {
    let (bind, folder, origin) = (Port::reserve()?, Folder::create()?, Origin::start("one")?);
    let text = format!(
        "defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
listen app
    bind {}
    stats uri /st
    stats auth ann:secret
    stats admin if TRUE
    server s1 {}
",
        bind.address(),
        origin.address()
    );
    let file = folder.write("node.cfg", &text)?;
    let endpoint = format!("unix://{}", folder.join("node").display());
    let mut process = node::dataplane()?
        .args(["--admin", &endpoint, "--config", &file.to_string_lossy(), "--metrics", "127.0.0.1:0"])
        .start()?;
    process.wait_until("the node to listen", wait::PATIENCE, |_| {
        regate_tests::harness::ports::is_listening(bind.number())
    })?;
    let mut client = HttpClient::connect(bind.address())?;
    let user = ("Authorization", "Basic YW5uOnNlY3JldA==");
    let exchange = client.request("POST", "/st", &[user], b"s=s1&action=drain&b=%232")?;
    assert_eq!((exchange.status, exchange.header("location")), (303, Some("/st;st=DONE")));
    // The answer came when it was done, and the connection goes on.
    let rows = client.request("GET", "/st;csv", &[user], b"")?.text();
    assert!(table(&rows)["app/s1"].starts_with("DRAIN"), "{rows}");
    let mut overlays = node::command()?.args(["--endpoint", &endpoint, "diff", "--overlay"]).start()?;
    assert!(overlays.wait_exit(wait::PATIENCE)?.success(), "{}", overlays.output());
    let said = overlays.output();
    assert!(said.contains("app/s1") && said.contains("page app user=ann from 127.0.0.1:"), "{said}");
    // The node's own port says the same as the data path would.
    process.wait_for_output("metrics at http://", wait::PATIENCE)?;
    let output = process.output();
    let at = output.split("metrics at http://").nth(1).and_then(|rest| rest.split('/').next()).unwrap();
    let exchange = regate_tests::harness::client::fetch(at.trim().parse().unwrap(), "/metrics?scope=server")?;
    assert_eq!(exchange.status, 200);
    assert!(exposition(&exchange.text())["haproxy_server_status"].1.contains("state=\"DRAIN\""));
    assert!(exchange.text().contains("server=\"s1\",state=\"DRAIN\"} 1"), "{}", exchange.text());
    Ok(())
}

#[test]
fn a_client_that_asks_whether_to_send_its_form_is_told() -> Result<()> {
    compare(|kind| {
        let stage = Stage::start(kind)?;
        let mut stream = std::net::TcpStream::connect(stage.ports[0].address())?;
        stream.set_read_timeout(Some(wait::PATIENCE))?;
        let form = "s=one&action=drain&b=be";
        let head = format!(
            "POST /st HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: {}\r\n\r\n",
            form.len()
        );
        stream.write_all(head.as_bytes())?;
        let mut interim = [0; 25];
        stream.read_exact(&mut interim)?;
        stream.write_all(form.as_bytes())?;
        let mut status = [0; 12];
        stream.read_exact(&mut status)?;
        Ok(vec![interim.escape_ascii().to_string(), status.escape_ascii().to_string()])
    })
}
