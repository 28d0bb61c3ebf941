#![allow(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

use super::super::tests::{load, write};
use super::super::{Form, Gravity};
use crate::model::{BindAddress, DescriptorSource, LogPlan, Millis, Mode, Name, Row};

/// The remarks of a text as one line each.
fn remarks(text: &str) -> Vec<String> {
    let found = match load(Form::Haproxy, text) {
        Ok(loaded) => loaded.remarks,
        Err(diagnostics) => diagnostics,
    };
    found
        .iter()
        .map(|d| {
            format!(
                "{}:{}+{} {}: {}",
                d.place.line,
                d.place.column,
                d.place.length,
                d.gravity.word(),
                d.message
            )
        })
        .collect()
}

fn rows(text: &str) -> Vec<Row> {
    match load(Form::Haproxy, text) {
        Ok(loaded) => loaded.rows,
        Err(diagnostics) => panic!("{diagnostics:#?}"),
    }
}

#[test]
fn all_problems_are_told_not_the_first_only() {
    let text = "global\n  foo bar\n  fooo \"x\n  maxcon 1\nfrontned x\nfrontend\n  bind\n  mod http\n  timeout clinet 5s\n  option httplgo\n";
    let found = remarks(text);
    let lines: Vec<&str> = found.iter().map(|remark| remark.split(' ').next().unwrap()).collect();
    assert_eq!(
        lines,
        ["2:3+3", "3:8+2", "4:3+6", "5:1+8", "6:9+0", "7:7+0", "8:3+3", "9:11+6", "10:10+7"],
        "{found:#?}"
    );
}

#[test]
fn a_mistyped_word_gets_the_nearest_known_one() {
    let help = |text: &str| load(Form::Haproxy, text).unwrap_err()[0].help.clone().unwrap();
    assert_eq!(help("global\n  maxcon 1\n"), "did you mean 'maxconn'?");
    assert_eq!(help("frontned x\n"), "did you mean 'frontend'?");
    assert_eq!(help("defaults\n  timeout clinet 5s\n"), "did you mean 'timeout client'?");
    assert_eq!(help("defaults\n  option httplgo\n"), "did you mean 'option httplog'?");
    assert_eq!(help("backend b\n  server s 192.0.2.1:80 wieght 3\n"), "did you mean 'weight'?");
    assert!(help("defaults\n  balance rondrobin\n").starts_with("did you mean 'roundrobin'?"));
}

#[test]
fn what_haproxy_has_and_regate_has_not_is_refused_by_name() {
    let text = "backend b\n  filter trace\n  server s 192.0.2.1:80 check check-ssl no-check-ssl ssl\ncache u\n  max-age 5\n";
    assert_eq!(
        remarks(text),
        [
            "2:3+6 error: 'filter' is a HAProxy directive that Regate does not support yet",
            "3:31+9 error: 'check-ssl' is a HAProxy parameter of 'server' that Regate does not support yet",
            "3:41+12 notice: 'no-check-ssl' is ignored: checks are without TLS here",
            "3:54+3 error: 'ssl' is a HAProxy parameter of 'server' that Regate does not support yet",
            "4:1+5 error: 'cache' is a HAProxy section that Regate does not support yet",
            "1:9+1 warning: missing timeouts for backend 'b': 'connect', 'server'; connections that fall silent stay for ever",
        ]
    );
}

#[test]
fn a_section_of_peers_is_left_out_with_a_warning() {
    let text = "peers p\n  bind :10000\n  server a\n  table t type ip size 1\nbackend b\n  timeout connect 5s\n  timeout \
                server 5s\n  stick-table type ip size 1 peers p\n  stick on src table p/t\n";
    let remarks = remarks(text);
    assert!(
        remarks[0]
            .starts_with("1:1+5 warning: section 'peers' is left out: entries of stick tables are kept")
    );
    assert!(remarks[1].starts_with("8:30+5 notice: 'peers' is left out"), "{remarks:?}");
    assert!(remarks[2].starts_with("9:22+3 error: "), "{remarks:?}");
    assert_eq!(remarks.len(), 3, "{remarks:?}");
}

#[test]
fn lists_of_users_hold_together() {
    let text = "\
userlist u
  group admins users tiger,scott
  group readers
  user tiger password $6$k6y3o.eP$JlKBx9za9667qe4 groups readers,admins
  user scott insecure-password 'el gato'
  user nobody
";
    let loaded = load(Form::Haproxy, text).unwrap();
    let [Row::Userlist(list)] = loaded.rows.as_slice() else { panic!("{:?}", loaded.rows) };
    let groups: Vec<Vec<&str>> = list.users.iter().map(|user| list.groups_of(user).collect()).collect();
    assert_eq!(groups, [vec!["admins", "readers"], vec!["admins"], vec![]]);
    let written = super::write_haproxy(&loaded.rows).unwrap();
    assert_eq!(load(Form::Haproxy, &written).unwrap().rows, loaded.rows, "{written}");

    let found = |lines: &str| remarks(&format!("userlist u\n{lines}"));
    assert_eq!(
        found("  group g users a\n"),
        ["1:10+1 error: group 'g' of userlist 'u' has no user 'a' to take in"]
    );
    assert_eq!(
        found("  user a groups g\n"),
        ["1:10+1 error: user 'a' of userlist 'u' has no group 'g' to be in"]
    );
    assert_eq!(
        found("  user a\n  user a insecure-password x\n"),
        ["3:8+1 notice: user 'a' is there already: ignored"]
    );
    assert_eq!(
        found("  user a password plain\nuserlist u\n"),
        [
            "2:19+5 notice: no password will match: hashes that begin with $1$, $5$, $6$, $2a$, $2b$, $2y$ are supported",
            "3:10+1 warning: userlist 'u' is there already, at test.cfg:1:10: this one is ignored",
        ]
    );
}

#[test]
fn the_other_sides_directives_are_ignored_with_a_warning() {
    let text = "defaults\n timeout client 1s\nfrontend f\n bind :80\n balance roundrobin\n timeout server 1s\nbackend b\n bind :80\n maxconn 3\n timeout http-request 1s\n";
    assert_eq!(
        remarks(text),
        [
            "5:2+7 warning: 'balance' is ignored: this frontend has no backend side",
            "6:2+7 warning: 'timeout server' is ignored: this frontend has no backend side",
            "8:2+4 warning: 'bind' is ignored: this backend has no frontend side",
            "9:2+7 warning: 'maxconn' is ignored: this backend has no frontend side",
            "10:2+7 notice: 'timeout http-request' has no effect in a backend",
        ]
    );
    assert!(
        remarks("frontend f\n server s 192.0.2.1\n")
            .contains(&"2:2+6 error: 'server' is not allowed in a 'frontend' section".to_owned())
    );
    assert!(
        remarks("defaults\n bind :80\n")
            .contains(&"2:2+4 error: 'bind' is not allowed in a 'defaults' section".to_owned())
    );
    assert!(
        remarks("frontend f\n nbthread 3\n")
            .contains(&"2:2+8 error: 'nbthread' is not allowed in a 'frontend' section".to_owned())
    );
}

#[test]
fn sections_must_fit_together() {
    let error = |text: &str| -> Vec<String> {
        let found = load(Form::Haproxy, text).unwrap_err();
        let errors = found.iter().filter(|d| d.gravity == Gravity::Error);
        errors.map(|d| format!("{}:{} {}", d.place.line, d.place.column, d.message)).collect()
    };
    assert_eq!(error("maxconn 10\n"), ["1:1 'maxconn' stands outside of every section"]);
    assert_eq!(error("frontend f\n default_backend x\n"), ["2:18 there is no backend 'x'"]);
    assert_eq!(error("defaults\n default_backend x\nfrontend f\n"), ["3:10 there is no backend 'x'"]);
}

#[test]
fn names_and_numbers_are_unique() {
    let places = |text: &str| -> Vec<(u32, u32)> {
        let found = load(Form::Haproxy, text).unwrap_err();
        found.iter().filter(|d| d.gravity == Gravity::Error).map(|d| (d.place.line, d.place.column)).collect()
    };
    assert_eq!(places("frontend f\nfrontend f\nlisten f\nbackend f\n"), [(2, 10), (3, 8), (4, 9)]);
    assert_eq!(places("frontend f\n id 4\nbackend b\n id 4\n"), [(3, 9)]);
    assert_eq!(places("frontend f\n bind :80 id 1\n bind :81 id 1\n"), [(3, 7)]);
    assert_eq!(
        places("backend b\n server s 192.0.2.1 id 1\n server t 192.0.2.1 id 1\n server s 192.0.2.2\n"),
        [(4, 9), (3, 9)]
    );
    assert_eq!(places("frontend ?x\n bind\n"), [(1, 10), (2, 6)]);
    assert_eq!(places("frontend a b\nglobal x\nfrontend c from d e\n"), [(1, 12), (2, 8), (3, 17), (3, 19)]);
}

#[test]
fn modes_of_a_frontend_and_its_backend_agree() {
    let text = "defaults\n mode http\nfrontend f\n bind :80\n default_backend b\nbackend b\n mode tcp\n";
    assert!(
        remarks(text).iter().any(|remark| remark.starts_with("5:18+1 error: frontend 'f' is in mode http"))
    );
}

#[test]
fn proxies_start_from_the_latest_defaults_or_those_they_name() {
    let text = "frontend a\ndefaults\n mode http\nfrontend b\ndefaults y\n mode http\ndefaults\nfrontend c\nfrontend d from y\n";
    let from: Vec<(String, Option<String>)> = rows(text)
        .iter()
        .filter_map(|row| match row {
            Row::Frontend(row) => Some((row.name.to_string(), row.from.as_ref().map(Name::to_string))),
            _ => None,
        })
        .collect();
    let expected = [("a", None), ("b", Some("defaults")), ("c", None), ("d", Some("y"))];
    let expected: Vec<(String, Option<String>)> =
        expected.iter().map(|(n, f)| ((*n).to_owned(), f.map(str::to_owned))).collect();
    assert_eq!(from, expected);
}

#[test]
fn binds_are_named_by_position_unless_they_have_a_name() {
    let text = "frontend f\n bind :80,:81 name web\n bind :82\n bind :83 name web\n";
    let names: Vec<String> = rows(text)
        .iter()
        .filter_map(|row| match row {
            Row::Bind(row) => Some(format!("{}={}", row.at.bind, row.address)),
            _ => None,
        })
        .collect();
    assert_eq!(names, ["web=*:80", "sock-2=*:81", "sock-3=*:82", "web-2=*:83"]);
}

#[test]
fn bind_addresses_are_read_in_every_spelling() {
    let cases = [
        (":80", "*:80"),
        ("*:80", "*:80"),
        ("0.0.0.0:80", "*:80"),
        ("ipv4@:80", "*:80"),
        (":::80", "[::]:80"),
        ("[::]:80", "[::]:80"),
        ("ipv6@:80", "[::]:80"),
        ("ipv6@*:80", "[::]:80"),
        ("::1:80", "[::1]:80"),
        ("127.0.0.1:80-90", "127.0.0.1:80-90"),
        ("localhost:80", "127.0.0.1:80"),
        ("/run/s", "unix@/run/s"),
        ("unix@s", "unix@s"),
        ("abns@x", "abns@x"),
        ("fd@3", "fd@3"),
        ("fd@${X}", "fd@${X}"),
        ("\"fd@${X}\"", "fd@${X}"),
        ("${HOST}:80", "192.0.2.1:80"),
        ("\"${HOST}:80\"", "192.0.2.1:80"),
        ("${NONE-192.0.2.9}:80", "192.0.2.9:80"),
        (r"/a\\,b", "unix@/a,b"),
    ];
    for (spelling, expected) in cases {
        let rows = rows(&format!("frontend f\n bind {spelling}\n"));
        assert!(
            rows.iter().any(|row| matches!(row, Row::Bind(bind) if bind.address.to_string() == expected)),
            "{spelling}: {rows:?}"
        );
    }
    let by_variable = rows("frontend f\n bind \"fd@${X}\"\n");
    let source = BindAddress::Descriptor(DescriptorSource::Variable("X".to_owned()));
    assert!(by_variable.iter().any(|row| matches!(row, Row::Bind(bind) if bind.address == source)));
}

#[test]
fn server_addresses_are_read_in_every_spelling() {
    let cases = [
        ("192.0.2.1:80", "192.0.2.1:80"),
        ("192.0.2.1", "192.0.2.1"),
        ("192.0.2.1:+100", "192.0.2.1:+100"),
        ("192.0.2.1:-5", "192.0.2.1:-5"),
        ("[::1]:80", "[::1]:80"),
        ("::1:80", "[::1]:80"),
        ("[::1]", "[::1]"),
        ("app.example:8080", "app.example:8080"),
        ("app", "app"),
        ("0.0.0.0", "0.0.0.0"),
        ("*:80", "0.0.0.0:80"),
        ("ipv6@[::1]:80", "[::1]:80"),
        ("/run/s", "unix@/run/s"),
        ("abns@s", "abns@s"),
    ];
    for (spelling, expected) in cases {
        let rows = rows(&format!("backend b\n server s {spelling}\n"));
        assert!(
            rows.iter().any(|row| matches!(row, Row::Server(s) if s.address.to_string() == expected)),
            "{spelling}: {rows:?}"
        );
    }
    for bad in ["192.0.2.1:x", "192.0.2.300", "a/b", "ipv6@192.0.2.1", "quic4@a:1", "192.0.2.1:+99999"] {
        assert!(load(Form::Haproxy, &format!("backend b\n server s {bad}\n")).is_err(), "{bad}");
    }
}

#[test]
fn environment_directives_act_on_the_lines_below() {
    let text = "global\n setenv PORT 8080\n presetenv PORT 1\n presetenv HOST x\n.if defined(PORT) && streq(\"$PORT\",8080)\nfrontend \"f$PORT\"\n bind \"${HOST}:$PORT\"\n.endif\n";
    let found = rows(text);
    assert!(found.iter().any(|row| matches!(row, Row::Bind(bind) if bind.at.to_string() == "f8080/sock-1" && bind.address.to_string() == "192.0.2.1:8080")), "{found:?}");
    let text = "global\n setenv A 1\n resetenv A\n.if defined(HOST)\n nonsense\n.endif\n.if defined(A)\n maxconn 5\n.endif\n unsetenv A\n.if defined(A)\n nonsense\n.endif\n";
    assert!(rows(text).iter().any(|row| matches!(row, Row::Global(global) if global.maxconn == Some(5))));
}

#[test]
fn pseudo_variables_tell_the_place() {
    let text = "global\n\n log-tag \"${.FILE}-${.LINE}-${.SECTION}\"\n";
    assert!(rows(text).iter().any(
        |row| matches!(row, Row::Global(global) if global.log_tag.as_deref() == Some("test.cfg-3-global"))
    ));
}

#[test]
fn messages_of_the_text_are_passed_on() {
    let found = remarks(".notice \"a b\"\n.warning w\n.alert a\n.diag d\n.notice a b\n.notcie x\n");
    assert_eq!(
        found,
        [
            "1:9+5 notice: a b",
            "2:10+1 warning: w",
            "3:8+1 error: a",
            "5:11+1 error: unexpected argument 'b' for '.notice'",
            "6:1+7 error: unknown directive '.notcie'",
        ]
    );
    assert!(
        remarks("global\n zero-warning\n.warning w\n")
            .contains(&"3:10+1 error: there are warnings, and 'zero-warning' forbids them".to_owned())
    );
}

#[test]
fn a_cut_file_is_refused() {
    assert_eq!(
        remarks("global\n maxconn 10"),
        ["2:12+0 error: the last line has no line feed: the file may be cut short"]
    );
}

#[test]
fn log_lines_add_up_and_can_be_taken_back() {
    let plan = |text: &str| {
        rows(text).iter().find_map(|row| match row {
            Row::Frontend(row) => Some(row.settings.log.clone()),
            _ => None,
        })
    };
    assert!(
        matches!(plan("frontend f\n log global\n log 192.0.2.1 local0\n").unwrap(), Some(LogPlan::To { global: true, targets }) if targets.len() == 1)
    );
    assert_eq!(plan("frontend f\n log global\n no log\n").unwrap(), Some(LogPlan::Off));
    assert_eq!(plan("frontend f\n log global\n default log\n").unwrap(), None);
    assert!(
        load(Form::Haproxy, "defaults\n log global\nfrontend f\n no log\n log 192.0.2.1 local0\n").is_err()
    );
}

#[test]
fn a_listen_section_is_both_sides() {
    let found = rows(
        "listen l\n id 9\n mode http\n bind :80\n timeout client 1s\n timeout server 2s\n server s 192.0.2.1:80\n",
    );
    let one = |time: u64| Some(Millis::new(time).unwrap());
    assert!(found.iter().any(|row| matches!(row, Row::Frontend(f) if f.listen && f.id == 9 && f.settings.mode == Some(Mode::Http) && f.settings.timeout_client == one(1000))));
    assert!(found.iter().any(|row| matches!(row, Row::Backend(b) if b.listen && b.id == 9 && b.settings.mode == Some(Mode::Http) && b.settings.timeout_server == one(2000))));
    assert_eq!(
        write(Form::Haproxy, &found),
        "listen l\n    bind *:80\n    id 9\n    mode http\n    timeout client 1s\n    timeout server 2s\n    server s 192.0.2.1:80\n"
    );
}

#[test]
fn options_that_exclude_each_other_replace_each_other() {
    let connection = |lines: &str| {
        let found = rows(&format!("frontend f\n{lines}"));
        write(Form::Haproxy, &found)
            .lines()
            .filter(|line| line.contains("option"))
            .map(|line| line.trim().to_owned())
            .collect::<Vec<_>>()
    };
    assert_eq!(connection(" option httpclose\n option http-server-close\n"), ["option http-server-close"]);
    assert_eq!(connection(" option httpclose\n no option httpclose\n"), ["option http-keep-alive"]);
    assert_eq!(connection(" option httpclose\n no option http-server-close\n"), ["option httpclose"]);
    assert_eq!(connection(" option httpclose\n default option httpclose\n"), [""; 0]);
    assert_eq!(connection(" option tcplog\n option httplog clf\n"), ["option httplog clf"]);
    assert_eq!(connection(" option tcpka\n"), ["option clitcpka"]);
}

#[test]
fn several_files_are_one_configuration() {
    let none = |_: &str| None;
    let unread = |_: &std::path::Path| Err(std::io::Error::from(std::io::ErrorKind::NotFound));
    let environment = super::super::Environment::new(&none, &unread);
    let files = [
        super::super::SourceFile::new("a.cfg", "defaults\n mode http\n"),
        super::super::SourceFile::new("b.cfg", "frontend f\n mode htp\n"),
        super::super::SourceFile::new("c.cfg", " bind :80\n"),
    ];
    let found = super::read_haproxy(&files, &environment).unwrap_err();
    let places: Vec<String> =
        found.iter().filter(|d| d.gravity == Gravity::Error).map(|d| d.place.to_string()).collect();
    assert_eq!(places, ["b.cfg:2:7", "c.cfg:1:2"]);
}
