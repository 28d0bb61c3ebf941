//! Lists of patterns under HAProxy and under Regate: the same entries are found, and the text socket says the same.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::fmt::Write;
use std::net::SocketAddr;

use regate_tests::harness::oracle::compare;
use regate_tests::harness::{Folder, HttpClient, Kind, Origin, Port, Proxy, Result, wait};

/// A map per method: its converter, what its file holds, and the values that are looked up.
const MAPS: &[(&str, &str, &[&str])] = &[
    (
        "map",
        "a 1\na 2\nB 3\nb 4\n# no 5\n  c   six seven  \n\nd\n",
        &["a", "A", "B", "b", "c", "d", "#", "no"],
    ),
    ("map_beg", "/a 1\n/ab 2\n/ab 3\n/ABC 4\n/abc 5\n", &["/abcd", "/abx", "/ax", "/ABCD", "/", "a"]),
    ("map_end", "b.c 1\nc 2\nC 3\n.b.c 4\n", &["a.b.c", "xc", "C", "xC", "c.", "b"]),
    ("map_sub", "foo 1\noo 2\nO 3\n", &["foo", "OO", "xO", "fo", "aoob"]),
    (
        "map_dir",
        "/img 1\nimg/x 2\n/static/ 3\nIMG 4\na//b 5\n/ 6\n",
        &[
            "/img/x",
            "img/x",
            "/x/img/x",
            "/static",
            "/a/static?x",
            "/a//b/",
            "/",
            "x",
            "IMG",
            "/imgx",
            "q?/img",
        ],
    ),
    (
        "map_dom",
        "example.com 1\ncom 2\nwww.example 3\n.x. 4\n",
        &["www.example.com", "example.com:80", "a.com", "/www.example/", "x", "a.x.b", "axb", "example.comx"],
    ),
    ("map_reg", "^/a 1\n/a(b+) 2\nb$ 3\n[xX]+y 4\n", &["/abb", "xb", "/zab", "Xy", "zz", ""]),
    ("map_regm", "^/u/([a-z]+)/(.*) \\2@\\1\n^/v/(.*) <\\1>\\0\n", &["/u/bob/x/y", "/v/1", "/w"]),
    ("map_int", "1:10 a\n5 b\n:3 c\n100: d\n50 e\n", &["0", "1", "5", "11", "100", "-3", "50", "x"]),
    (
        "map_ip",
        "10.0.0.0/8 a\n10.0.0.0/8 b\n10.1.0.0/16 c\n10.1.2.3 d\n::ffff:10.9.0.0/112 m\n2001:db8::/32 v6\n\
         12.0.0.1/255.0.0.255 odd\n",
        &[
            "10.0.0.1",
            "10.1.0.1",
            "10.1.2.3",
            "10.9.0.1",
            "11.0.0.1",
            "::ffff:10.1.2.3",
            "::ffff:10.9.0.1",
            "2001:db8::1",
            "::1",
            "2002:0a01:0203::",
            "::10.1.2.3",
            "12.3.4.1",
            "::ffff:12.3.4.1",
            "12.3.4.2",
            "x",
        ],
    ),
    ("map_str_int", "a 1\nb -2\n", &["a", "b", "c"]),
    ("map_str_ip", "a 10.0.0.1\nb ::1\n", &["a", "b", "c"]),
];

/// Conditions, each with values of which some fulfil it.
const CONDITIONS: &[(&str, &[&str])] = &[
    ("req.hdr(v) -m str -i -f @names@", &["bob", "BOB", "Alice", "x"]),
    ("req.hdr(v) -m beg -i /a /AB", &["/ABx", "/x", "/a"]),
    ("req.hdr(v) -m len 3 5:7", &["abc", "abcdef", "abcdefgh"]),
    ("req.hdr(v) -m bin 6162 aBCD", &["ab", "aBCD"]),
    ("req.hdr(v),length 5 1:3 ge 100", &["a", "abcde", "abcd"]),
    ("req.hdr(v) -m ip -f @white@ 10.0.0.1", &["192.168.1.1", "10.0.0.1", "10.0.0.2", "2001:db8::5"]),
    ("req.hdr(v) -m sub -i FoO", &["xfoox", "fo"]),
    ("req.hdr(v) -m dir -i /Foo/Bar/", &["/a/foo/bar/x", "/foo/barx"]),
    ("req.hdr(v) -m reg -i ^a+b$ c{2}", &["AAB", "xcc", "ab ", "c"]),
    ("req.hdr(v) -m end -f @names@", &["xbob", "bobx"]),
    ("req.hdr(v) -M -m str -f @map@", &["a", "1"]),
];

/// Lines for the text socket, in order. `@m@` is the map for exact texts, `@r@` that of regular expressions.
const LINES: &[&str] = &[
    "show map @m@",
    "show map #0",
    "show map #99",
    "show map nosuch",
    "show map",
    "get map @m@ a",
    "get map @m@ zz",
    "get map @m@",
    "get map nosuch a",
    "add map @m@ e five",
    "add map @m@ a first\\ wins more",
    "add map @m@ e",
    "add map @m@",
    "add map nosuch a b",
    "show map @m@",
    "get map @m@ a",
    "set map @m@ a X",
    "set map @m@ nosuch X",
    "set map @m@ a",
    "set map @m@ #0x1 X",
    "show map @m@",
    "del map @m@ a",
    "del map @m@ a",
    "del map @m@",
    "show map @m@",
    "add map @r@ ( x",
    "add map @i@ 10.1 x",
    "add map @i@ 10.7.0.0/16 seven",
    "get map @i@ 10.7.1.1",
    "get map @i@ 10.1.2.3",
    "get map @n@ 7",
    "add map @n@ abc x",
    "add map @n@ 5:3 x",
    "prepare map @m@",
    "add map @@1 @m@ new one",
    "add map @@1 @m@ newer two",
    "add map @@2 @m@ newer two",
    "show map @@1 @m@",
    "get map @m@ new",
    "commit map @@2 @m@",
    "commit map @m@",
    "commit map @@1 @m@",
    "commit map @@1 @m@",
    "show map @m@",
    "get map @m@ new",
    "prepare map @m@",
    "add map @@2 @m@ other three",
    "clear map @@2 @m@",
    "show map @@2 @m@",
    "clear map @m@",
    "show map @m@",
    "clear map",
    "clear map nosuch",
    "add map @m@ <<\nk1 value one\nk2   two  \n",
    "show map @m@",
    "add map @m@ <<\nk3 3\nk5 5\n",
    "show map @m@",
    "show acl @white@",
    "add acl @white@ 172.16.0.0/12",
    "add acl @white@ nonsense",
    "add acl @white@",
    "add acl nosuch x",
    "show acl @white@",
    "get acl @white@ 172.17.0.1",
    "get acl @white@ 1.1.1.1",
    "get acl @white@",
    "del acl @white@ 172.16.0.0/12",
    "del acl @white@ 172.16.0.0/12",
    "prepare acl @white@",
    "add acl @@1 @white@ 9.9.9.9",
    "commit acl @@1 @white@",
    "show acl @white@",
    "clear acl @white@",
    "show acl @white@",
    "clear acl",
];

/// A proxy that answers with what it finds for the header `v`, or with the conditions that hold.
struct Bed {
    proxy: Proxy,
    port: Port,
    folder: Folder,
}

impl Bed {
    fn start(kind: Kind) -> Result<Bed> {
        let (port, folder) = (Port::reserve()?, Folder::create()?);
        folder.write("names", "bob\nalice\n")?;
        folder.write("white", "192.168.0.0/16\n2001:db8::/32\n")?;
        let mut text = format!(
            "global\n    stats socket @folder@/admin level admin\ndefaults\n    mode http\n    timeout connect 1s\n    \
             timeout client 5s\n    timeout server 5s\nfrontend f\n    bind 127.0.0.1:{port}\n"
        );
        for (converter, entries, _) in MAPS {
            let file = folder.write(&format!("{converter}.map"), entries)?;
            let default = match converter.rsplit_once('_') {
                Some((_, "int")) if *converter != "map_int" => "7",
                Some((_, "ip")) if *converter != "map_ip" => "9.9.9.9",
                _ => "none",
            };
            let _ = writeln!(
                text,
                "    http-request return status 200 content-type text/plain lf-string \"<%[req.hdr(v),{converter}({},{default})]>\" if {{ path /{converter} }}",
                file.display()
            );
        }
        for (at, (condition, _)) in CONDITIONS.iter().enumerate() {
            let _ = writeln!(
                text,
                "    http-request return status 200 content-type text/plain string yes if {{ path /{at} }} {{ {} }}",
                condition
                    .replace("@names@", &folder.join("names").to_string_lossy())
                    .replace("@white@", &folder.join("white").to_string_lossy())
                    .replace("@map@", &folder.join("map.map").to_string_lossy())
            );
        }
        text.push_str("    http-request return status 200 content-type text/plain string no\n");
        let proxy = Proxy::start(kind, &text)?;
        Ok(Bed { proxy, port, folder })
    }

    /// What is found for a value.
    fn found(&self, path: &str, value: &str) -> Result<String> {
        let mut client = HttpClient::connect(SocketAddr::from(([127, 0, 0, 1], self.port.number())))?;
        let headers = [("v", value)];
        let answer = client.request("GET", path, &headers, b"")?;
        Ok(format!("{path} {value:?}: {} {}", answer.status, answer.text()))
    }

    /// The reply to a line, without what differs from run to run.
    fn told(&self, line: &str) -> Result<String> {
        let file = |name: &str| self.folder.join(name).to_string_lossy().into_owned();
        let said = line
            .replace("@@", "\u{1}")
            .replace("@m@", &file("map.map"))
            .replace("@r@", &file("map_reg.map"))
            .replace("@i@", &file("map_ip.map"))
            .replace("@n@", &file("map_int.map"))
            .replace("@white@", &file("white"))
            .replace('\u{1}', "@");
        let reply = self.proxy.ask(&said)?.replace(&*self.folder.path().to_string_lossy(), "");
        let reply = reply.replace(&*self.proxy.folder.path().to_string_lossy(), "");
        let lines = reply.trim_end().lines().map(|line| match line.strip_prefix("0x") {
            Some(entry) => entry.split_once(' ').map_or("", |(_, entry)| entry).to_owned(),
            // How an expression is wrong is told by whoever reads it.
            None if line.starts_with("regex '") => line.split(" (").next().unwrap_or(line).to_owned(),
            None => line.to_owned(),
        });
        Ok(format!("{line}\n    {}", lines.collect::<Vec<_>>().join("\n    ")))
    }
}

#[test]
fn values_lead_to_the_entries_that_haproxy_finds() -> Result<()> {
    compare(|kind| {
        let bed = Bed::start(kind)?;
        let mut seen = Vec::new();
        for (converter, _, values) in MAPS {
            for value in *values {
                seen.push(bed.found(&format!("/{converter}"), value)?);
            }
        }
        for (at, (_, values)) in CONDITIONS.iter().enumerate() {
            for value in *values {
                seen.push(bed.found(&format!("/{at}"), value)?);
            }
        }
        Ok(seen)
    })
}

#[test]
fn the_text_socket_answers_as_haproxys() -> Result<()> {
    compare(|kind| {
        let bed = Bed::start(kind)?;
        LINES.iter().map(|line| bed.told(line)).collect()
    })
}

#[test]
fn what_was_edited_is_found_by_the_next_request() -> Result<()> {
    compare(|kind| {
        let bed = Bed::start(kind)?;
        let mut seen = vec![bed.found("/map", "fresh")?, bed.found("/map_sub", "fresh")?];
        for name in ["map.map", "map_sub.map", "map_reg.map", "map_end.map", "map_dom.map"] {
            let file = bed.folder.join(name);
            bed.proxy.ask(&format!("add map {} fresh yes", file.display()))?;
        }
        for path in ["/map", "/map_sub", "/map_reg", "/map_end", "/map_dom"] {
            seen.push(bed.found(path, "fresh")?);
        }
        let file = bed.folder.join("map.map");
        bed.proxy.ask(&format!("set map {} fresh other", file.display()))?;
        seen.push(bed.found("/map", "fresh")?);
        bed.proxy.ask(&format!("del map {} fresh", file.display()))?;
        seen.push(bed.found("/map", "fresh")?);
        bed.proxy.ask(&format!("clear map {}", bed.folder.join("map_sub.map").display()))?;
        seen.push(bed.found("/map_sub", "foo")?);
        bed.proxy.ask(&format!("add acl {} 10.0.0.2", bed.folder.join("white").display()))?;
        seen.push(bed.found("/5", "10.0.0.2")?);
        Ok(seen)
    })
}

#[test]
fn a_file_with_three_bad_lines_reports_the_three() -> Result<()> {
    let folder = Folder::create()?;
    let mut lines = String::new();
    for at in 0..20_000_u32 {
        let _ = writeln!(lines, "{} x", std::net::Ipv4Addr::from(at));
    }
    let lines = lines.replace("0.0.0.77 x", "nonsense x").replace("0.0.1.7 x", "1.2.3.4/40 x");
    let file = folder.write("ip.map", format!("{lines}::1/200 x\n"))?;
    let text = format!(
        "defaults\n    mode http\n    timeout connect 1s\n    timeout client 5s\n    timeout server 5s\nfrontend f\n    \
         bind unix@@folder@/f\n    http-request set-header a %[src,map_ip({})]\n",
        file.display()
    );
    let (status, output) = Proxy::check(Kind::Regate, &text)?;
    assert!(!status.success(), "{output}");
    for place in ["ip.map:78]", "ip.map:264]", "ip.map:20001]"] {
        assert!(output.contains(place), "{place} is missing in {output}");
    }
    Ok(())
}

/// Lines of a frontend and a backend with conditions of every kind, whose lists are numbered together.
const CRITERIA: &str = "frontend f
    mode http
    bind 127.0.0.1:@port@
    acl a path_beg /x /y
    acl a path_beg /z
    acl a hdr(host) -f @names@
    acl a hdr(host) -i -f @names@ foo.com bar.com
    acl n src_port ge 5
    acl n src_port 1:3 5 7
    acl d path -m found
    acl d path,lower -m reg ^a b$
    acl e src 10.0.0.0/8 192.168.1.1 ::1
    acl e url_dom example.com
    acl unused hdr_cnt(x) gt 3 lt 9
    acl m hdr(host),lower -M -f @map@
    acl t always_true
    acl t method GET POST
    acl x path -u 20 /u1 /u2
    acl y path -u 21 -f @other@ /u3
    acl k hdr_dom(host),lower -m dom x
    acl k hdr_cnt(host),add(1) 5
    acl k url_reg,lower -m str x
    acl k req.hdr(host),lower x
    acl k hdr_val(x) -- -5
    acl k str(1) 1
    acl k src,ipmask(24) 10.0.0.0
    http-request deny if a { path_end .x .y } FALSE
    http-request deny if !a { path -i -m sub Q } METH_POST LOCALHOST
    http-request deny if HTTP_1.1 !{ src -f @white@ 127.0.0.0/8 }
    http-request set-header x %[hdr(host),map(@map@,d)] if { req.ver 1.1 }
    http-request set-header x %[hdr(host),map_beg(@map@,d)]
    http-request set-header x %[src,map_ip(@ips@,d)] if { always_true } { hdr(x) -m str -- -f }
    http-request set-header x y if { hdr(x) -m bin 0a0b 0c }
    http-request return status 200 content-type text/plain string one if { path /one /two }
    http-request return status 200 content-type text/plain string get if METH_GET { path /verb }
    http-request return status 200 content-type text/plain string x if x
    use_backend b if { path_dir a/b } HTTP_1.1
    default_backend b
backend b
    mode http
    acl own path -m len 3
    http-response set-header a b if { status 200 404 } own
    http-request deny if METH_GET { path -f @names@ }
    http-request deny if { hdr(z) -u 3 zz } { hdr(z) -u 30 -f @other@ }
    server s 127.0.0.1:1
";

/// Lines for the text socket about the lists of these conditions. `one`, `verb` and `x` stand for a request to that
/// path, of which the answer is looked at.
const ABOUT_CRITERIA: &[&str] = &[
    "get acl #0 /xx",
    "get acl #0 zz",
    "get acl #5 FOO.com",
    "get acl #10 10.1.1.1",
    "get acl #9 xb",
    "/one",
    "/two",
    "/three",
    "del acl #@one@ /two",
    "add acl #@one@ /three",
    "show acl #@one@",
    "/one",
    "/two",
    "/three",
    "clear acl #@one@",
    "/one",
    "show acl #@one@",
    "add acl #@one@ <<\n/one\n/two\n",
    "/two",
    "/verb",
    "del acl #@verb@ GET",
    "/verb",
    "add acl #@verb@ GET",
    "/verb",
    "/u1",
    "del acl #20 /u1",
    "/u1",
    "/u2",
    "prepare acl #20",
    "add acl @1 #20 /u9",
    "/u9",
    "commit acl @1 #20",
    "/u9",
    "/u2",
    "show acl #20",
    "add acl #10 nonsense",
    "add acl #7 abc",
    "add acl #7 8:9",
    "show acl #7",
    "show acl #28",
    "show map #0",
    "show acl #999",
    "get acl #7 8",
];

#[test]
fn patterns_in_rules_are_listed_and_changed_as_under_haproxy() -> Result<()> {
    compare(|kind| {
        let (port, folder) = (Port::reserve()?, Folder::create()?);
        let mut text = CRITERIA.replace("@port@", &port.to_string());
        for (name, lines) in [
            ("names", "foo\nbar\n"),
            ("other", "n2\n"),
            ("white", "10.0.0.1\n"),
            ("map", "a 1\nb 2\n"),
            ("ips", "10.0.0.0/8 x\n"),
        ] {
            let file = folder.write(name, lines)?;
            text = text.replace(&format!("@{name}@"), &file.to_string_lossy());
        }
        let proxy = Proxy::start(
            kind,
            &format!(
                "global\n    stats socket @folder@/admin level admin\ndefaults\n    timeout connect 1s\n    \
                 timeout client 5s\n    timeout server 5s\n{text}"
            ),
        )?;
        let clean = |reply: String| {
            let reply = reply.replace(&*folder.path().to_string_lossy(), "");
            let reply = reply.replace(&*proxy.folder.path().to_string_lossy(), "");
            let lines = reply.trim_end().lines().filter(|line| !line.contains("'httpclient'"));
            let lines = lines.map(|line| match line.strip_prefix("0x") {
                Some(entry) => entry.split_once(' ').map_or("", |(_, entry)| entry).to_owned(),
                None => line.to_owned(),
            });
            lines.collect::<Vec<_>>().join("\n")
        };
        let listed = proxy.ask("show acl")?;
        let number = |keyword: &str, line: &str| -> String {
            let at = 1 + text[..text.find(line).unwrap()].matches('\n').count();
            let wanted = format!("acl '{keyword}' ");
            let ending = format!("line {}.", at + HEAD);
            let found = listed.lines().find(|line| line.contains(&wanted) && line.contains(&ending));
            found.and_then(|line| line.split(' ').next()).unwrap_or("none").to_owned()
        };
        let (one, verb) = (number("path", "path /one"), number("method", "string get"));
        let mut seen = vec![format!("{one} {verb}"), clean(listed.clone()), clean(proxy.ask("show map")?)];
        let all: Vec<String> = (0..LISTS).map(|at| format!("show acl #{at}")).collect();
        seen.push(clean(proxy.ask(&all.join(";"))?));
        for line in ABOUT_CRITERIA {
            let reply = if line.starts_with('/') {
                let mut client = HttpClient::connect(SocketAddr::from(([127, 0, 0, 1], port.number())))?;
                let answer = client.request("GET", line, &[], b"")?;
                format!(
                    "{} {}",
                    answer.status,
                    if answer.status == 200 { answer.text() } else { String::new() }
                )
            } else {
                clean(proxy.ask(&line.replace("@one@", &one).replace("@verb@", &verb))?)
            };
            seen.push(format!("{line}\n    {reply}"));
        }
        Ok(seen)
    })
}

/// Lines of the configuration before its first frontend.
const HEAD: usize = 6;

/// Numbers of lists that are shown: all of that configuration.
const LISTS: usize = 49;

/// What rules for requests and responses do to lists: what is asked for, and the answer once it has come about.
const LEARNING: &[(&str, &str, &str, &str)] = &[
    // A query that changes something, the value that is looked up afterwards, and what it must lead to.
    ("set?k=one&v=1", "one", "one", "1"),
    ("set?k=two&v=a%20b", "one two", "two", "a b"),
    ("set?k=one&v=3", "one", "one", "3"),
    ("set?k=from&v=4", "one", "from", "4"),
    ("del?k=from", "one", "from", "none"),
    ("del?k=never", "one", "never", "none"),
    ("set?k=one&v=3", "one", "one", "3"),
    ("both?k=three&v=5", "one", "three", "5"),
    ("answer?k=seen", "one", "seen", "200"),
    ("add?k=10.0.0.1", "acl", "10.0.0.1", "yes"),
    ("add?k=10.0.0.1", "acl", "10.0.0.1", "yes"),
    ("add?k=10.0.0.2", "acl", "10.0.0.2", "yes"),
    ("rem?k=10.0.0.1", "acl", "10.0.0.1", "no"),
    ("add?k=10.0.0.1", "acl", "10.0.0.1", "yes"),
    ("net?k=10.1.0.0/16&v=n", "ip", "10.1.2.3", "n"),
    // What is no network is not taken; nor is what the list of ACLs cannot hold.
    ("net?k=nonsense&v=n", "ip", "10.1.2.3", "n"),
    ("net?k=10.1.0.0/16&v=m", "ip", "10.1.2.3", "m"),
];

#[test]
fn rules_change_lists_as_they_do_under_haproxy() -> Result<()> {
    compare(|kind| {
        let (port, folder, origin) = (Port::reserve()?, Folder::create()?, Origin::start("o")?);
        let file = |name: &str, text: &str| -> Result<String> {
            Ok(folder.write(name, text)?.to_string_lossy().into_owned())
        };
        let (map, acl, ip) =
            (file("m.map", "from file\n")?, file("a.lst", "10.9.9.9\n")?, file("i.map", "")?);
        let text = format!(
            "global\n stats socket @folder@/admin level admin\ndefaults\n mode http\n timeout connect 1s\n timeout client 5s\n timeout server 5s\n\
             frontend f\n bind 127.0.0.1:{port}\n \
             http-request set-map({map}) %[url_param(k)] %[url_param(v),url_dec] if {{ path /set /both }}\n \
             http-request set-map({map}) %[url_param(k)]-2 %[url_param(v)] if {{ path /both }}\n \
             http-request set-map({ip}) %[url_param(k)] %[url_param(v)] if {{ path /net }}\n \
             http-request del-map({map}) %[url_param(k)] if {{ path /del }}\n \
             http-request add-acl({acl}) %[url_param(k)] if {{ path /add }}\n \
             http-request del-acl({acl}) %[url_param(k)] if {{ path /rem }}\n \
             http-request set-var(txn.k) url_param(k)\n \
             http-request return status 200 content-type text/plain lf-string %[url_param(k),map({map},none)] if {{ path /look }}\n \
             http-request return status 200 content-type text/plain lf-string %[url_param(k),map_ip({ip},none)] if {{ path /ip }}\n \
             http-request return status 200 content-type text/plain string yes if {{ path /acl }} {{ url_param(k) -m ip -f {acl} }}\n \
             http-request return status 200 content-type text/plain string no if {{ path /acl }}\n \
             default_backend b\nbackend b\n \
             http-response set-map({map}) %[var(txn.k)] %[status] if {{ var(txn.k) -m str seen }}\n server s 127.0.0.1:{}\n",
            origin.port()
        );
        let proxy = Proxy::start(kind, &text)?;
        let ask = |target: &str| -> Result<String> {
            let mut client = HttpClient::connect(SocketAddr::from(([127, 0, 0, 1], port.number())))?;
            Ok(client.request("GET", target, &[], b"")?.text())
        };
        let mut seen = Vec::new();
        for (change, kind, key, wanted) in LEARNING {
            ask(&format!("/{change}"))?;
            let path = if kind.starts_with("one") { "look" } else { kind };
            let target = format!("/{path}?k={key}");
            let what = format!("{change}: {target} to be {wanted:?}");
            wait::until_true(&what, wait::PATIENCE, || ask(&target).is_ok_and(|found| found == *wanted))?;
            seen.push(what);
        }
        for list in [&map, &ip] {
            let shown = proxy.ask(&format!("show map {list}"))?;
            let lines = shown.lines().map(|line| line.split_once(' ').map_or(line, |(_, entry)| entry));
            seen.push(lines.collect::<Vec<_>>().join("\n"));
        }
        let shown = proxy.ask(&format!("show acl {acl}"))?;
        let lines = shown.lines().map(|line| line.split_once(' ').map_or(line, |(_, entry)| entry));
        seen.push(lines.collect::<Vec<_>>().join("\n"));
        Ok(seen)
    })
}
