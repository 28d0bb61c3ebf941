//! Host names of servers, against a real DNS server (dnsmasq) that is changed while Regate and Debian's HAProxy run
//! on the same configuration: the same addresses and states, in both.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::path::Path;

use regate_tests::harness::client::fetch;
use regate_tests::harness::process::{Launch, Process};
use regate_tests::harness::{Folder, Kind, Origin, Port, Proxy, Result, Trouble, node, oracle, wait};

/// A dnsmasq on a port of its own, in front of a folder with its hosts and further options.
struct Dns {
    folder: Folder,
    port: Port,
    process: Option<Process>,
}

impl Dns {
    fn start(hosts: &[(&str, &str)], options: &[&str]) -> Result<Dns> {
        let mut dns = Dns { folder: Folder::create()?, port: Port::reserve()?, process: None };
        dns.set(hosts, options)?;
        Ok(dns)
    }

    /// Makes these the names that there are: the server is started anew.
    fn set(&mut self, hosts: &[(&str, &str)], options: &[&str]) -> Result<()> {
        self.stop();
        let hosts: String = hosts.iter().fold(String::new(), |mut text, (name, ip)| {
            let _ = writeln!(text, "{ip} {name}");
            text
        });
        let hosts = self.folder.write("hosts", hosts)?;
        let program = oracle::program("dnsmasq")
            .ok_or_else(|| Trouble::new("dnsmasq is not installed: Debian's package dnsmasq-base"))?;
        let mut text = format!(
            "port={}\nlisten-address=127.0.0.1\nbind-interfaces\nno-resolv\nno-hosts\nno-daemon\nlog-queries\n\
             addn-hosts={}\nlocal=/test/\npid-file=\nuser=root\nlocal-ttl=0\n",
            self.port,
            hosts.display()
        );
        options.iter().for_each(|option| {
            let _ = writeln!(text, "{option}");
        });
        let file = self.folder.write("dns.conf", text)?;
        let mut process =
            Launch::new(program).args(["-k", &format!("--conf-file={}", file.display())]).start()?;
        process.wait_for_output("read ", wait::PATIENCE)?;
        self.process = Some(process);
        Ok(())
    }

    fn stop(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill();
        }
    }

    /// What was asked since it was started.
    fn asked(&self) -> String {
        self.process.as_ref().map(Process::output).unwrap_or_default()
    }
}

/// Sections and backends that both programs read. Times are short, so that nothing is waited for long.
fn configuration(dns: &Dns, backends: &str) -> String {
    format!(
        "global
    stats socket @folder@/admin level admin
defaults
    mode http
    timeout connect 1s
    timeout client 5s
    timeout server 5s
resolvers dns
    nameserver ns1 127.0.0.1:{}
    resolve_retries 2
    timeout resolve 100ms
    timeout retry 150ms
    hold nx 300ms
    hold other 300ms
    hold refused 300ms
    hold timeout 300ms
    hold obsolete 200ms
frontend fe
    bind unix@@folder@/fe
    default_backend be
{backends}",
        dns.port
    )
}

/// Name, address, states, weight, host name, port and service record of each server of a backend.
fn states(proxy: &Proxy, backend: &str) -> Result<Vec<Vec<String>>> {
    let text = proxy.ask(&format!("show servers state {backend}"))?;
    let fields = [3, 4, 5, 6, 7, 17, 18, 19];
    let row = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        fields.iter().filter_map(|at| words.get(*at)).map(|word| (*word).to_owned()).collect()
    };
    Ok(text.lines().skip(2).filter(|line| !line.is_empty()).map(row).collect())
}

/// The same without names, since either program may give equal servers their addresses in an order of its own.
fn unordered(states: &[Vec<String>]) -> BTreeSet<Vec<String>> {
    states.iter().map(|row| row[1..].to_vec()).collect()
}

/// Waits until both programs show the same servers, and those that are expected: `address admin weight port`, with
/// a dash for no address.
fn await_both(proxies: &[Proxy], backend: &str, expected: &[&str]) -> Result<()> {
    let wanted: Vec<String> = {
        let mut sorted: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
        sorted.sort();
        sorted
    };
    let short = |rows: &[Vec<String>]| {
        let mut rows: Vec<String> =
            rows.iter().map(|row| format!("{} {} {} {}", row[1], row[3], row[4], row[6])).collect();
        rows.sort();
        rows
    };
    let mut seen = Vec::new();
    let met = wait::until("both programs to show what is expected", wait::PATIENCE, || {
        seen = proxies.iter().map(|proxy| states(proxy, backend).unwrap_or_default()).collect();
        let right = seen.iter().all(|rows| short(rows) == wanted);
        (right && seen.iter().all(|rows| unordered(rows) == unordered(&seen[0]))).then_some(())
    });
    met.map_err(|trouble| Trouble::new(format!("{trouble}: {wanted:#?}, found {seen:#?}")))
}

fn both(configuration: &str) -> Result<Vec<Proxy>> {
    Kind::BOTH.into_iter().map(|kind| Proxy::start(kind, configuration)).collect()
}

const HOSTS: &[(&str, &str)] =
    &[("a.test", "127.0.0.2"), ("a.test", "127.0.0.3"), ("a.test", "::1"), ("b.test", "127.0.0.4")];

#[test]
fn hosts_are_followed_as_haproxy_follows_them() -> Result<()> {
    let mut dns = Dns::start(HOSTS, &[])?;
    let proxies = both(&configuration(
        &dns,
        "backend be
    default-server resolvers dns init-addr none
    server six a.test:80
    server-template four 3 a.test:80 resolve-prefer ipv4
    server same1 a.test:82 resolve-prefer ipv4 resolve-opts allow-dup-ip
    server only b.test:80
    server none nx.test:80
backend net
    default-server resolvers dns init-addr none resolve-prefer ipv4
    server one a.test:81 resolve-net 192.0.2.0/24,127.0.0.3/32
    server two a.test:82 resolve-net 127.0.0.3/32
    server three a.test:83
backend dup
    default-server resolvers dns init-addr none resolve-opts allow-dup-ip
    server-template one 3 b.test:90
",
    ))?;
    let steady =
        ["::1 0 1 80", "127.0.0.2 0 1 80", "127.0.0.3 0 1 80", "- 32 1 80", "127.0.0.4 0 1 80", "- 32 1 80"];
    let with_same = |address: &str| {
        let mut rows: Vec<String> = steady.iter().map(|row| (*row).to_owned()).collect();
        rows.push(format!("{address} 0 1 82"));
        rows
    };
    // Which of two equal addresses a server without peers takes is up to the order of the answer.
    let first = await_any(&proxies, "be", &[with_same("127.0.0.2"), with_same("127.0.0.3")]);
    first?;
    // An address is one server's, whatever their ports.
    await_both(&proxies, "net", &["127.0.0.3 0 1 81", "127.0.0.2 0 1 82", "- 32 1 83"])?;
    await_both(&proxies, "dup", &["127.0.0.4 0 1 90", "127.0.0.4 0 1 90", "127.0.0.4 0 1 90"])?;

    // A name that goes: its hold passes first. Another moves. The rest stays.
    dns.set(&[("a.test", "127.0.0.12"), ("a.test", "::2")], &[])?;
    await_both(
        &proxies,
        "be",
        &[
            "::2 0 1 80",
            "127.0.0.12 0 1 80",
            "- 32 1 80",
            "- 32 1 80",
            "127.0.0.12 0 1 82",
            "- 32 1 80",
            "- 32 1 80",
        ],
    )?;
    let status = |proxy: &Proxy| -> Result<Vec<String>> {
        let text = proxy.ask("show stat be 6 -1")?;
        let line = |line: &str| {
            let fields: Vec<&str> = line.split(',').collect();
            let read = |at: usize| fields.get(at).copied().unwrap_or_default().to_owned();
            [read(1), read(17), read(18), read(19), read(20)].join(" ")
        };
        Ok(text.lines().filter(|line| line.starts_with("be,")).map(line).collect())
    };
    let sorted = |rows: Vec<String>| rows.into_iter().map(|row| strip_number(&row)).collect::<BTreeSet<_>>();
    assert_eq!(sorted(status(&proxies[1])?), sorted(status(&proxies[0])?));

    // The server dies: everything is lost after the hold, and comes back.
    dns.stop();
    await_both(&proxies, "dup", &["- 32 1 90", "- 32 1 90", "- 32 1 90"])?;
    for proxy in &proxies {
        let text = proxy.ask("show stat dup 2 -1")?;
        assert!(text.contains("dup,BACKEND,") && text.contains(",DOWN,"), "{:?}: {text}", proxy.kind);
    }
    dns.set(HOSTS, &[])?;
    await_any(&proxies, "be", &[with_same("127.0.0.2"), with_same("127.0.0.3")])?;
    Ok(())
}

/// [`await_both`] for one of several outcomes, each program for itself.
fn await_any(proxies: &[Proxy], backend: &str, outcomes: &[Vec<String>]) -> Result<()> {
    for proxy in proxies {
        let mut seen = Vec::new();
        let met = wait::until("one of the outcomes", wait::PATIENCE, || {
            seen = states(proxy, backend).unwrap_or_default();
            let mut rows: Vec<String> =
                seen.iter().map(|row| format!("{} {} {} {}", row[1], row[3], row[4], row[6])).collect();
            rows.sort();
            let fits = |outcome: &Vec<String>| {
                let mut outcome = outcome.clone();
                outcome.sort();
                outcome == rows
            };
            outcomes.iter().any(fits).then_some(())
        });
        met.map_err(|trouble| Trouble::new(format!("{:?}: {trouble}, found {seen:#?}", proxy.kind)))?;
    }
    Ok(())
}

/// Servers of a template are equal: their numbers are left out.
fn strip_number(row: &str) -> String {
    let (name, rest) = row.split_once(' ').unwrap_or((row, ""));
    format!("{} {rest}", name.trim_end_matches(|c: char| c.is_ascii_digit()))
}

#[test]
fn services_fill_templates_as_in_haproxy() -> Result<()> {
    let hosts: &[(&str, &str)] =
        &[("n1.test", "127.0.0.5"), ("n2.test", "127.0.0.6"), ("n3.test", "127.0.0.7"), ("n4.test", "::4")];
    let record = |target: &str, port: u16, weight: u16| {
        format!("srv-host=_http._tcp.test,{target}.test,{port},0,{weight}")
    };
    let (one, two, three) = (record("n1", 8001, 10), record("n2", 8002, 1000), record("n3", 8003, 0));
    let mut dns = Dns::start(hosts, &[&one, &two, &three])?;
    let proxies = both(&configuration(
        &dns,
        "backend be
    server-template web 4 _http._tcp.test resolvers dns init-addr none
backend plain
    server-template web 5 _http._tcp.test resolvers dns init-addr none resolve-opts ignore-weight
",
    ))?;
    await_both(
        &proxies,
        "be",
        &["127.0.0.5 64 1 8001", "127.0.0.6 64 4 8002", "127.0.0.7 64 0 8003", "- 32 1 0"],
    )?;
    await_both(
        &proxies,
        "plain",
        &["127.0.0.5 64 1 8001", "127.0.0.6 64 1 8002", "127.0.0.7 64 1 8003", "- 32 1 0", "- 32 1 0"],
    )?;
    let of = |rows: &[Vec<String>], port: &str| {
        rows.iter().find(|row| row[6] == port).map(|row| row[0].clone()).unwrap_or_default()
    };
    let before = states(&proxies[1], "be")?;

    // One record goes, one has another weight, one comes: the others keep their servers.
    let (one, four) = (record("n1", 8001, 65535), record("n4", 8004, 300));
    dns.set(hosts, &[&one, &three, &four])?;
    await_both(
        &proxies,
        "be",
        &["127.0.0.5 64 256 8001", "127.0.0.7 64 0 8003", "::4 64 2 8004", "- 96 4 0"],
    )?;
    let after = states(&proxies[1], "be")?;
    assert_eq!(of(&after, "8001"), of(&before, "8001"));
    assert_eq!(of(&after, "8003"), of(&before, "8003"));

    // A record whose host has no address has a server all the same, in maintenance, until the host is there.
    dns.set(&hosts[1..], &[&one, &three, &four])?;
    await_both(&proxies[1..], "be", &["- 96 256 8001", "127.0.0.7 64 0 8003", "::4 64 2 8004", "- 96 4 0"])?;
    dns.set(hosts, &[&one, &three, &four])?;
    await_both(
        &proxies,
        "be",
        &["127.0.0.5 64 256 8001", "127.0.0.7 64 0 8003", "::4 64 2 8004", "- 96 4 0"],
    )?;

    // Everything goes, and comes back to where it was.
    dns.stop();
    await_both(&proxies[1..], "be", &["- 96 256 0", "- 96 0 0", "- 96 2 0", "- 96 4 0"])?;
    dns.set(hosts, &[&one, &three, &four])?;
    await_both(
        &proxies[1..],
        "be",
        &["127.0.0.5 64 256 8001", "127.0.0.7 64 0 8003", "::4 64 2 8004", "- 96 4 0"],
    )?;
    assert_eq!(states(&proxies[1], "be")?, after);
    Ok(())
}

#[test]
fn an_answer_that_was_cut_short_is_fetched_over_tcp() -> Result<()> {
    // Forty addresses do not fit into 512 bytes.
    let many: Vec<(String, String)> =
        (1..=40).map(|n| ("many.test".to_owned(), format!("127.0.1.{n}"))).collect();
    let many: Vec<(&str, &str)> = many.iter().map(|(name, ip)| (name.as_str(), ip.as_str())).collect();
    let dns = Dns::start(&many, &[])?;
    let proxy = Proxy::start(
        Kind::Regate,
        &configuration(
            &dns,
            "backend be
    server-template web 40 many.test:80 resolvers dns init-addr none resolve-prefer ipv4
",
        ),
    )?;
    let expected: BTreeSet<String> = many.iter().map(|(_, ip)| (*ip).to_owned()).collect();
    wait::until_true("forty addresses", wait::PATIENCE, || {
        let rows = states(&proxy, "be").unwrap_or_default();
        rows.into_iter().map(|row| row[1].clone()).collect::<BTreeSet<_>>() == expected
    })?;
    let text = proxy.ask("show resolvers dns")?;
    assert!(!counter(&text, "truncated").is_empty() && counter(&text, "truncated") != "0", "{text}");
    Ok(())
}

fn counter(text: &str, name: &str) -> String {
    let line = text.lines().find(|line| line.trim_start().starts_with(&format!("{name}:")));
    line.and_then(|line| line.split(':').nth(1)).unwrap_or_default().trim().to_owned()
}

#[test]
fn counters_of_name_servers_have_the_lines_and_meaning_of_haproxys() -> Result<()> {
    let dns = Dns::start(HOSTS, &["cname=alias.test,b.test"])?;
    let silent = UdpSocket::bind("127.0.0.1:0")?;
    let text = configuration(
        &dns,
        "backend be
    default-server init-addr none resolve-prefer ipv4
    server s1 alias.test:80 resolvers dns
    server s2 nx.test:80 resolvers dns
backend quiet
    server s3 a.test:80 resolvers silent init-addr none
",
    ) + &format!(
        "resolvers silent\n    nameserver mute 127.0.0.1:{}\n    timeout retry 50ms\n    timeout resolve 50ms\n",
        silent.local_addr()?.port()
    );
    let proxies = both(&text)?;
    await_both(&proxies, "be", &["127.0.0.4 0 1 80", "- 32 1 80"])?;
    let mut shapes = Vec::new();
    for proxy in &proxies {
        let grown = |section: &str, names: &[&str]| {
            wait::until_true("counters to grow", wait::PATIENCE, || {
                let text = proxy.ask(&format!("show resolvers {section}")).unwrap_or_default();
                names.iter().all(|name| counter(&text, name).parse::<u64>().is_ok_and(|value| value >= 2))
            })
        };
        grown("dns", &["sent", "valid", "nx"])?;
        // 2.6 does not count silence.
        grown("silent", if proxy.kind == Kind::Regate { &["sent", "timeout"] } else { &["sent"] })?;
        let text = proxy.ask("show resolvers dns")?;
        for name in ["cname_error", "refused", "invalid", "too_big", "truncated", "outdated", "timeout"] {
            assert_eq!(counter(&text, name), "0", "{:?} {name}: {text}", proxy.kind);
        }
        shapes.push(text.replace(|c: char| c.is_ascii_digit(), ""));
        assert_eq!(proxy.ask("show resolvers nosuch")?, "Can't find that resolvers section\n\n");
        proxy.ask("clear counters all")?;
    }
    assert_eq!(shapes[1], shapes[0]);
    assert!(dns.asked().contains("query[A] nx.test"), "{}", dns.asked());
    Ok(())
}

#[test]
fn what_is_set_by_hand_is_resolved_and_what_is_added_too() -> Result<()> {
    let dns = Dns::start(HOSTS, &[])?;
    let proxies = both(&configuration(
        &dns,
        "backend be
    server s1 b.test:80 resolvers dns init-addr none resolve-prefer ipv4
    server s2 127.0.0.9:80
",
    ))?;
    await_both(&proxies, "be", &["127.0.0.4 0 1 80", "127.0.0.9 0 1 80"])?;
    for line in [
        "set server be/s1 fqdn",
        "set server be/s2 fqdn a.test",
        "set server be/s1 fqdn b.test",
        "set server be/s1 fqdn a.test",
        "set server be/s1 fqdn a!.test",
        "set server be/s9 fqdn a.test",
    ] {
        // 2.6 ends some replies without the empty line that 3.5 has.
        let replies: Vec<String> =
            proxies.iter().map(|proxy| Ok(proxy.ask(line)?.trim_end().to_owned())).collect::<Result<_>>()?;
        assert_eq!(replies[1], replies[0], "{line}");
    }
    for proxy in &proxies {
        wait::until_true("the other name's address", wait::PATIENCE, || {
            states(proxy, "be").is_ok_and(|rows| {
                ["127.0.0.2", "127.0.0.3"].contains(&rows[0][1].as_str()) && rows[0][5] == "a.test"
            })
        })?;
    }
    // HAProxy resolves names of files alone.
    let regate = &proxies[1];
    assert_eq!(
        regate.ask("add server be/new b.test:81 resolvers dns resolve-prefer ipv4")?,
        "New server registered.\n\n"
    );
    wait::until_true("the address of the new server", wait::PATIENCE, || {
        states(regate, "be").is_ok_and(|rows| rows.iter().any(|row| row[0] == "new" && row[1] == "127.0.0.4"))
    })?;
    assert_eq!(regate.ask("del server be/new")?, "Server deleted.\n\n");
    Ok(())
}

#[test]
fn traffic_follows_the_name_and_leaves_idle_connections_behind() -> Result<()> {
    let port = Port::reserve()?;
    let listen =
        |last: u8| TcpListener::bind(SocketAddr::from((Ipv4Addr::new(127, 0, 0, last), port.number())));
    let (old, new) = (Origin::start_on("old", listen(1)?)?, Origin::start_on("new", listen(2)?)?);
    let mut dns = Dns::start(&[("app.test", "127.0.0.1")], &[])?;
    let bind = Port::reserve()?;
    let backends = format!(
        "backend be
    http-reuse always
    server s1 app.test:{port} resolvers dns init-addr none
listen web
    bind 127.0.0.1:{bind}
    http-reuse always
    server s1 app.test:{port} resolvers dns init-addr none
"
    );
    let proxy = Proxy::start(Kind::Regate, &configuration(&dns, &backends))?;
    let says = |name: &str| {
        wait::until_true(name, wait::PATIENCE, || {
            fetch(bind.address(), "/").is_ok_and(|exchange| exchange.text() == name)
        })
    };
    says("old")?;
    dns.set(&[("app.test", "127.0.0.2")], &[])?;
    says("new")?;
    assert!(fetch(bind.address(), "/")?.text() == "new" && old.accepted() > 0 && new.accepted() > 0);
    dns.set(&[], &[])?;
    wait::until_true("no server to be left", wait::PATIENCE, || {
        fetch(bind.address(), "/").is_ok_and(|exchange| exchange.status == 503)
    })?;
    assert!(proxy.ask("show stat web 4 -1")?.contains("MAINT (resolution)"));
    Ok(())
}

#[test]
fn a_restart_begins_with_the_last_address() -> Result<()> {
    let mut dns = Dns::start(&[("app.test", "127.0.0.4")], &[])?;
    let folder = Folder::create()?;
    let configuration = configuration(
        &dns,
        "backend be
    server s1 app.test:80 resolvers dns init-addr last,none
    server s2 app.test:80 resolvers dns init-addr none
",
    )
    .replace("@folder@", &folder.path().to_string_lossy());
    let file = folder.write("proxy.cfg", &configuration)?;
    let (admin, socket) = (folder.join("node"), folder.join("socket"));
    let endpoint = format!("unix://{}", admin.display());
    let start = || -> Result<Process> {
        node::dataplane()?
            .args(["--state-dir", &folder.join("state").to_string_lossy(), "--admin", &endpoint])
            .args(["--config", &file.to_string_lossy()])
            .start()
    };
    let _shim = node::command()?
        .args(["shim", "--endpoint", &endpoint, "--socket", &socket.to_string_lossy()])
        .start()?;
    let address = || -> Vec<String> {
        let text = ask(&socket, "show servers state be").unwrap_or_default();
        let words = |line: &str| line.split(' ').nth(4).unwrap_or_default().to_owned();
        text.lines().skip(2).filter(|line| !line.is_empty()).map(words).collect()
    };
    let mut process = start()?;
    wait::until_true("the first address", wait::PATIENCE, || address() == ["127.0.0.4", "-"])?;
    process.terminate(wait::PATIENCE)?;
    dns.stop();
    let _process = start()?;
    // Nobody can answer now: what is shown is what was remembered.
    let mut first = Vec::new();
    wait::until_true("the node to answer", wait::PATIENCE, || {
        first = address();
        !first.is_empty()
    })?;
    assert_eq!(first, ["127.0.0.4", "-"]);
    Ok(())
}

fn ask(socket: &Path, line: &str) -> Result<String> {
    use std::io::Write;
    let mut stream = std::os::unix::net::UnixStream::connect(socket)?;
    stream.write_all(format!("{line}\n").as_bytes())?;
    stream.shutdown(std::net::Shutdown::Write)?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply)?;
    Ok(reply)
}

#[test]
fn a_name_that_leads_nowhere_is_told_with_its_line() -> Result<()> {
    let bind = Port::reserve()?;
    let text = format!(
        "defaults
    mode http
    timeout connect 1s
    timeout client 1s
    timeout server 1s
listen web
    bind 127.0.0.1:{bind}
    server s1 127.0.0.1:80
    server s2 nosuch.invalid:80
"
    );
    for kind in Kind::BOTH {
        let folder = Folder::create()?;
        let file = folder.write("proxy.cfg", &text)?;
        let mut process = kind.launch()?.args(["-f", &file.to_string_lossy(), "-db"]).start()?;
        assert_eq!(process.wait_exit(wait::PATIENCE)?.code(), Some(1), "{kind:?}");
        let place = format!(
            "config : [{}:9] : 'server web/s2' : could not resolve address 'nosuch.invalid'",
            file.display()
        );
        let output = process.output();
        assert!(output.contains(&place), "{kind:?}: {output}");
        assert!(output.contains("config : Failed to initialize server(s) addr."), "{kind:?}: {output}");
        // With somewhere to begin it starts, and serves from there.
        let origin = Origin::start("found")?;
        let named = format!("nosuch.invalid:{} init-addr last,libc,127.0.0.1", origin.port());
        let text = text
            .replace("    server s1 127.0.0.1:80\n", "    server s1 nosuch.invalid:80 init-addr libc,none\n")
            .replace("nosuch.invalid:80\n", &format!("{named}\n"));
        let _proxy = Proxy::start(kind, &text)?;
        assert_eq!(fetch(bind.address(), "/")?.text(), "found", "{kind:?}");
    }
    Ok(())
}

#[test]
fn resolvers_come_change_and_go_at_run_time() -> Result<()> {
    let (one, two) =
        (Dns::start(&[("app.test", "127.0.0.4")], &[])?, Dns::start(&[("app.test", "127.0.0.5")], &[])?);
    let folder = Folder::create()?;
    let (admin, socket) = (folder.join("node"), folder.join("socket"));
    let endpoint = format!("unix://{}", admin.display());
    let _node = node::dataplane()?
        .args(["--state-dir", &folder.join("state").to_string_lossy(), "--admin", &endpoint])
        .start()?;
    let _shim = node::command()?
        .args(["shim", "--endpoint", &endpoint, "--socket", &socket.to_string_lossy()])
        .start()?;
    wait::until_true("the node to answer", wait::PATIENCE, || {
        ask(&socket, "show info").is_ok_and(|text| text.starts_with("Name:"))
    })?;
    let apply = |text: &str| -> Result<String> {
        let file = folder.write("proxy.yaml", text)?;
        let mut process = node::command()?
            .args(["apply", "--endpoint", &endpoint, "-f", &file.to_string_lossy()])
            .start()?;
        let status = process.wait_exit(wait::PATIENCE)?;
        Ok(format!("{} {}", status.success(), process.output()))
    };
    let shows = |address: &str| {
        wait::until_true(address, wait::PATIENCE, || {
            let text = ask(&socket, "show servers state be").unwrap_or_default();
            text.lines().nth(2).and_then(|line| line.split(' ').nth(4)) == Some(address)
        })
    };
    let text = |port: &Port, server: &str| {
        format!(
            "resolvers:\n- name: dns\n  nameserver: ns1 127.0.0.1:{port}\n  timeout: {{ resolve: 50ms }}\n\
             backends:\n- name: be\n  servers:\n  - {server}\n"
        )
    };
    let named = "s1 app.test:80 resolvers dns init-addr none";
    let told = apply(&text(&one.port, named))?;
    assert!(told.starts_with("true"), "{told}");
    shows("127.0.0.4")?;
    assert!(apply(&text(&two.port, named))?.starts_with("true"));
    shows("127.0.0.5")?;
    let refused =
        apply("backends:\n- name: be\n  servers:\n  - s1 app.test:80 resolvers dns init-addr none\n")?;
    assert!(refused.starts_with("false") && refused.contains("there are no resolvers 'dns'"), "{refused}");
    assert!(apply(&text(&two.port, "s1 127.0.0.6:80"))?.starts_with("true"));
    shows("127.0.0.6")?;
    assert!(apply("backends:\n- name: be\n  servers:\n  - s1 127.0.0.7:80\n")?.starts_with("true"));
    assert_eq!(ask(&socket, "show resolvers dns")?, "Can't find that resolvers section\n\n");
    Ok(())
}

#[test]
fn what_is_logged_about_names_is_what_haproxy_logs() -> Result<()> {
    let record = "srv-host=_http._tcp.test,n1.test,8001,0,10";
    let first = [("b.test", "127.0.0.4"), ("n1.test", "127.0.0.5")];
    let mut logged = Vec::new();
    for kind in Kind::BOTH {
        let mut dns = Dns::start(&first, &[record])?;
        let sink = UdpSocket::bind("127.0.0.1:0")?;
        sink.set_read_timeout(Some(wait::PATIENCE))?;
        let text = configuration(
            &dns,
            "backend be
    server s1 b.test:80 resolvers dns init-addr none resolve-prefer ipv4
backend svc
    server-template w 1 _http._tcp.test resolvers dns init-addr none
",
        )
        .replace(
            "level admin",
            &format!("level admin\n    log 127.0.0.1:{} local0", sink.local_addr()?.port()),
        )
        .replace("mode http", "mode http\n    log global");
        let _proxy = Proxy::start(kind, &text)?;
        let mut lines: Vec<String> = Vec::new();
        let mut read_until = |ends: &[&str]| -> Result<()> {
            let mut missing: Vec<&str> = ends.to_vec();
            while !missing.is_empty() {
                let mut bytes = [0; 2048];
                let length = sink.recv(&mut bytes).map_err(|error| {
                    Trouble::from(error)
                        .while_doing(format_args!("{kind:?}: waiting for {missing:?} after {lines:#?}"))
                })?;
                let line = String::from_utf8_lossy(&bytes[..length]).into_owned();
                let (head, said) = line.split_once("]: ").unwrap_or(("", &line));
                let priority = head.split('>').next().unwrap_or_default();
                missing.retain(|end| !said.contains(end));
                lines.push(format!("{priority}> {}", said.trim_end()));
            }
            Ok(())
        };
        read_until(&["Server be/s1 administratively READY", "Server svc/w1 ('n1.test') is UP/READY"])?;
        dns.set(&[("b.test", "127.0.0.14"), ("n1.test", "127.0.0.5")], &[record])?;
        read_until(&["be/s1 changed its IP from 127.0.0.4 to 127.0.0.14"])?;
        dns.set(&[], &[])?;
        read_until(&["backend be has no server", "backend svc has no server"])?;
        dns.set(&first, &[record])?;
        read_until(&["Server be/s1 administratively READY", "Server svc/w1 ('n1.test') is UP/READY"])?;
        // Which of the two comes first is up to chance.
        let about = |name: &str| -> Vec<String> {
            lines.iter().filter(|line| line.contains(name)).cloned().collect()
        };
        logged.push((about("be"), about("svc")));
    }
    assert_eq!(logged[1], logged[0]);
    Ok(())
}

/// What rules make of a name: the rule's arguments, the name that is asked for, how often.
const LOOKUPS: &[(&str, &str)] = &[
    ("(txn.ip,dns,ipv4)", "a.test"),
    ("(txn.ip,dns,ipv6)", "a.test"),
    ("(txn.ip,dns)", "a.test"),
    ("(txn.ip,dns,ipv4)", "A.Test"),
    ("(txn.ip,dns,ipv4)", "a.test:8080"),
    ("(txn.ip,dns,ipv4)", "six.test"),
    ("(txn.ip,dns,ipv6)", "b.test"),
    ("(txn.ip,dns)", "b.test"),
    ("(txn.ip,dns,ipv4)", "nx.test"),
    ("(txn.ip,dns)", "nx.test"),
    ("(txn.ip,dns,ipv4)", "alias.test"),
    ("(txn.ip,dns,ipv4)", "no-name"),
    ("(txn.ip,dns,ipv4)", "a..test"),
    ("(txn.ip,dns,ipv4)", "-"),
    ("(txn.ip,silent,ipv4)", "a.test"),
    ("(txn.ip,nobody,ipv4)", "a.test"),
];

#[test]
fn rules_find_the_addresses_that_they_find_under_haproxy() -> Result<()> {
    let silent = UdpSocket::bind("127.0.0.1:0")?;
    let silent = silent.local_addr()?.port();
    let hosts = [("a.test", "127.0.0.2"), ("a.test", "::2"), ("b.test", "127.0.0.4"), ("six.test", "::6")];
    oracle::compare(|kind| {
        let dns = Dns::start(&hosts, &["cname=alias.test,b.test"])?;
        let mut text = configuration(&dns, "backend be\n");
        let _ = write!(
            text,
            "resolvers silent\n nameserver ns1 127.0.0.1:{silent}\n resolve_retries 2\n timeout retry 50ms\n\
             resolvers nobody\n resolve_retries 2\n timeout retry 50ms\n"
        );
        for (at, (arguments, _)) in LOOKUPS.iter().enumerate() {
            let _ = write!(
                text,
                "frontend l{at}\n bind unix@@folder@/l{at}\n http-request do-resolve{arguments} hdr(host),host_only\n \
                 http-request return status 200 content-type text/plain lf-string \"[%[var(txn.ip)]]\"\n"
            );
        }
        let proxy = Proxy::start(kind, &text)?;
        let mut seen = Vec::new();
        for (at, (arguments, host)) in LOOKUPS.iter().enumerate() {
            let line = ask_host(&proxy, &format!("l{at}"), host)?;
            seen.push(format!("{arguments} {host}: {line}"));
        }
        Ok(seen)
    })
}

/// A connection to a bind, which a program may have opened after its text socket.
fn connect(proxy: &Proxy, bind: &str) -> Result<std::os::unix::net::UnixStream> {
    let path = proxy.folder.join(bind);
    let stream = wait::until("a bind to be there", wait::PATIENCE, || {
        std::os::unix::net::UnixStream::connect(&path).ok()
    })?;
    stream.set_read_timeout(Some(wait::PATIENCE))?;
    Ok(stream)
}

/// The body of what comes back for a request with this host.
fn ask_host(proxy: &Proxy, bind: &str, host: &str) -> Result<String> {
    use std::io::Write as _;
    let mut stream = connect(proxy, bind)?;
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n").as_bytes())?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    Ok(answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned()).unwrap_or_default())
}

/// The example of the manual: requests go where their host leads, unless that is a forbidden network or nowhere.
#[test]
fn requests_go_where_their_host_leads() -> Result<()> {
    let hosts = [("one.test", "127.0.0.1"), ("two.test", "127.0.0.2"), ("bad.test", "127.0.0.3")];
    oracle::compare(|kind| {
        let dns = Dns::start(&hosts, &[])?;
        let one = TcpListener::bind("127.0.0.1:0")?;
        let port = one.local_addr()?.port();
        let two = TcpListener::bind(("127.0.0.2", port))?;
        let origins = [Origin::start_on("one", one)?, Origin::start_on("two", two)?];
        let mut text = configuration(
            &dns,
            "backend nowhere
backend be
    http-request deny if { var(txn.myip) -m ip 127.0.0.3/32 10.0.0.0/8 }
    http-request set-dst var(txn.myip)
    server clear 0.0.0.0:@port@
backend tcp
    mode tcp
    server clear 0.0.0.0:@port@
",
        );
        text = text.replace(
            "default_backend be\n",
            "http-request do-resolve(txn.myip,dns,ipv4) hdr(Host),host_only
    http-request capture var(txn.myip) len 40
    use_backend nowhere unless { var(txn.myip) -m found }
    default_backend be
frontend raw
    mode tcp
    bind 127.0.0.1:@raw@
    tcp-request inspect-delay 30s
    tcp-request content do-resolve(sess.ip,dns,ipv4) str(two.test)
    tcp-request content set-dst var(sess.ip)
    default_backend tcp
frontend hasty
    mode tcp
    bind 127.0.0.1:@hasty@
    tcp-request content do-resolve(sess.ip,dns,ipv4) str(two.test)
    tcp-request content set-dst var(sess.ip)
    default_backend tcp
",
        );
        let binds = [Port::reserve()?, Port::reserve()?];
        text = text.replace("@raw@", &binds[0].to_string()).replace("@hasty@", &binds[1].to_string());
        let proxy = Proxy::start(kind, &text.replace("@port@", &port.to_string()))?;
        let mut seen = Vec::new();
        let mut stream = connect(&proxy, "fe")?;
        // A connection that led to one of them serves nobody who goes to the other.
        for host in ["one.test", "two.test", "one.test:81", "two.test", "bad.test", "nx.test", "one.test"] {
            use std::io::Write as _;
            stream.write_all(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n").as_bytes())?;
            let mut bytes = Vec::new();
            let whole = |bytes: &[u8]| {
                let text = String::from_utf8_lossy(bytes).to_ascii_lowercase();
                let (head, body) = text.split_once("\r\n\r\n")?;
                let length: usize =
                    head.split("content-length: ").nth(1)?.split("\r\n").next()?.parse().ok()?;
                (body.len() >= length).then(|| format!("{} {}", &head[9..12], &body[..3.min(body.len())]))
            };
            let answer = loop {
                if let Some(answer) = whole(&bytes) {
                    break answer;
                }
                let mut room = [0; 4096];
                match stream.read(&mut room)? {
                    0 => break "closed".to_owned(),
                    count => bytes.extend_from_slice(&room[..count]),
                }
            };
            seen.push(format!("{host}: {answer}"));
        }
        // Without a delay nobody waits for the answer.
        for bind in &binds {
            seen.push(format!("raw: {}", fetch(bind.address(), "/")?.text()));
        }
        seen.push(format!("{:?}", origins.each_ref().map(|origin| origin.requests().len())));
        Ok(seen)
    })
}
