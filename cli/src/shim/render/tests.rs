//! What is rendered, held against what Debian's haproxy writes for the same things.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "tests")]

use std::collections::BTreeMap;

use regate_proto::statistics::{COLUMNS, Form, InfoForm, info, schema};
use regate_proto::wire::v1;
use v1::{Condition, StatisticsKind as Kind};

use super::super::oracle::Oracle;
use super::super::plan::Lines;
use super::servers_state::ServersState;
use super::statistics::Statistics;

fn lines(mut lines: impl Lines, answer: v1::Answer) -> String {
    let mut out = Vec::new();
    lines.begin(&mut out);
    lines.part(answer, &mut out);
    lines.end(&mut out);
    String::from_utf8(out).unwrap()
}

/// `position.name` of each typed line with its tags, without the persistence that 2.6 does not have, and its type.
fn kinds(text: &str, skipped: usize) -> BTreeMap<String, String> {
    let typed = text.lines().filter(|line| !line.is_empty());
    typed
        .map(|line| {
            let mut fields = line.split(':');
            let name = fields.next().unwrap().splitn(skipped + 1, '.').last().unwrap().to_owned();
            let tags = fields.next().unwrap();
            (name, format!("{}:{}", &tags[..3], fields.next().unwrap()))
        })
        .collect()
}

fn row(kind: Kind) -> v1::StatisticsRow {
    let condition = match kind {
        Kind::Frontend | Kind::Listener => Condition::Open,
        Kind::Backend => Condition::Up,
        _ => Condition::Unchecked,
    };
    v1::StatisticsRow {
        proxy: "be".into(),
        service: "s1".into(),
        proxy_id: 3,
        service_id: 1,
        kind: kind.into(),
        status: Some(v1::Status { condition: condition.into(), ..Default::default() }),
        ..Default::default()
    }
}

#[test]
fn the_schema_is_haproxy_s_byte_for_byte() {
    assert_eq!(format!("{}\n\n", schema()), Oracle::start().ask("show schema json"));
}

#[test]
fn columns_have_haproxy_s_names_and_places() {
    let text = Oracle::start().ask("show stat");
    let theirs: Vec<&str> = text.lines().next().unwrap().split(',').take_while(|name| *name != "-").collect();
    let ours = lines(Statistics::new(Form::Csv), v1::Answer::default());
    assert_eq!(ours.lines().next().unwrap().split(',').take(theirs.len()).collect::<Vec<_>>(), theirs);
    assert!(ours.contains(",cache_hint_hits,-,h1_open_connections,h1_open_streams,"));
    assert_eq!(COLUMNS.len(), 119);
}

#[test]
fn typed_values_have_haproxy_s_tags_and_types() {
    let oracle = Oracle::start();
    // In 3.5 these are tagged alike for all kinds of rows; in 2.6 not.
    let retagged = ["act", "bck", "rate", "rate_max"];
    for (kind, filter) in [
        (Kind::Frontend, "fe 1 -1"),
        (Kind::Listener, "fe 8 1"),
        (Kind::Backend, "be 2 -1"),
        (Kind::Server, "be 4 1"),
    ] {
        let theirs = kinds(&oracle.ask(&format!("show stat {filter} typed")), 3);
        let every = v1::StatisticsRow {
            sessions_current: Some(1),
            bytes_in_total: Some(2),
            weight: Some(3),
            active_servers: Some(1),
            last_session_s: Some(-1),
            queue_time_ms: Some(4),
            address: Some("127.0.0.1:1".into()),
            mode: Some("http".into()),
            sessions_rate: Some(5),
            responses_2xx_total: Some(6),
            user_weight: Some(7),
            ..row(kind)
        };
        let ours = kinds(
            &lines(
                Statistics::new(Form::Typed),
                v1::Answer { statistics: vec![every], ..Default::default() },
            ),
            3,
        );
        let mut compared = 0;
        for (name, kind) in &ours {
            let Some(known) = theirs.get(name) else { continue };
            let bare = name.split('.').nth(1).unwrap();
            if !retagged.contains(&bare) {
                assert_eq!(kind, known, "{name}");
                compared += 1;
            }
        }
        assert!(compared >= 12, "only {compared} compared of {ours:?}");
    }
}

#[test]
fn the_fields_of_the_process_have_haproxy_s_names_places_tags_and_types() {
    let theirs = kinds(&Oracle::start().ask("show info typed"), 0);
    let ours = kinds(&info(&v1::Info::default(), InfoForm::Typed, false, false), 0);
    let newer = 72;
    let mut compared = 0;
    for (name, kind) in &ours {
        let position: u32 = name.split('.').next().unwrap().parse().unwrap();
        if position >= newer || name.contains("TotalSplicedBytesOut") {
            continue;
        }
        assert_eq!(theirs.get(name), Some(kind), "{name}");
        compared += 1;
    }
    assert!(compared > 35, "{compared}");
}

#[test]
fn json_is_haproxy_s_byte_for_byte() {
    let process = v1::Info { name: "HAProxy".into(), ..Default::default() };
    let ours = info(&process, InfoForm::Json, false, false);
    let theirs = Oracle::start().ask("show info json");
    let first = |text: &str| text[..text.find("{\"field\":{\"pos\":1").unwrap()].to_owned();
    assert_eq!(first(&ours), first(&theirs));
    let oracle = Oracle::start();
    let theirs = oracle.ask("show stat be 4 1 json");
    let ours = lines(
        Statistics::new(Form::Json),
        v1::Answer { statistics: vec![row(Kind::Server)], ..Default::default() },
    );
    let first = |text: &str| {
        text[..text.find("\"field\":{\"pos\":2,").unwrap_or(text.find("\"field\":{\"pos\":17").unwrap())]
            .to_owned()
    };
    let (ours, theirs) = (first(&ours), first(&theirs));
    assert!(
        theirs.starts_with(ours.trim_end_matches("{\"objType\":\"Server\",\"proxyId\":3,\"id\":1,")),
        "{ours}\n{theirs}"
    );
}

#[test]
fn the_state_of_servers_is_haproxy_s_byte_for_byte() {
    let server = |id: u32, name: &str| v1::ServerStateRow {
        backend_id: 3,
        backend: "be".into(),
        server_id: id,
        server: name.into(),
        address: Some("127.0.0.1".into()),
        operational_state: v1::OperationalState::Running.into(),
        user_weight: 1,
        initial_weight: 1,
        port: 1,
        tls: Some(false),
        check_status: 1,
        check_health: 2,
        ..Default::default()
    };
    let first = v1::ServerStateRow { user_weight: 10, initial_weight: 10, ..server(1, "s1") };
    let second = v1::ServerStateRow {
        operational_state: v1::OperationalState::Stopped.into(),
        maintenance_forced: true,
        maintenance_configured: true,
        check_health: 0,
        check_state: Some(v1::ProbeState { resting: true, ..Default::default() }),
        ..server(2, "s2")
    };
    let ours =
        lines(ServersState(None), v1::Answer { server_states: vec![first, second], ..Default::default() });
    let theirs = Oracle::start().ask("show servers state be");
    // The tenth column is the time since the last change.
    let timeless = |text: &str| -> Vec<String> {
        let rows = text.lines().filter(|line| !line.is_empty());
        rows.map(|line| {
            let mut words: Vec<&str> = line.split(' ').collect();
            if !line.starts_with('#') && words.len() > 9 {
                words[9] = "*";
            }
            words.join(" ")
        })
        .collect()
    };
    assert_eq!(timeless(&ours), timeless(&theirs));
}

#[test]
fn csv_quotes_what_needs_it() {
    let named = v1::StatisticsRow { cookie: Some("a,\"b".into()), ..row(Kind::Server) };
    let text =
        lines(Statistics::new(Form::Csv), v1::Answer { statistics: vec![named], ..Default::default() });
    assert!(text.contains(",\"a,\"\"b\","), "{text}");
}

#[test]
fn times_are_shown_as_haproxy_shows_them() {
    let process = v1::Info { uptime_ms: 90_061_500, started_at_ms: 1_700_000_000_250, ..Default::default() };
    let text = info(&process, InfoForm::Plain, false, true);
    assert!(text.contains("\nUptime: 1d 1h01m01s\nUptime_sec: 90061.5\n"), "{text}");
    assert!(text.contains("\nStart_time_sec: 1700000000.25\n"), "{text}");
    let text = info(&process, InfoForm::Plain, true, false);
    assert!(
        text.contains("\nUptime_sec: 90061:\"") && text.contains("\nStart_time_sec: 1700000000:\""),
        "{text}"
    );
}

#[test]
fn servers_that_are_down_can_be_left_out() {
    use super::super::lex::Word;
    let server = |name: &str, condition: Condition| v1::StatisticsRow {
        service: name.into(),
        status: Some(v1::Status { condition: condition.into(), ..Default::default() }),
        ..row(Kind::Server)
    };
    let whole = v1::StatisticsRow { servers_up: Some(1), servers_total: Some(3), ..row(Kind::Backend) };
    let rows = vec![
        server("a", Condition::Maintenance),
        server("b", Condition::Down),
        server("c", Condition::Drain),
        whole,
    ];
    let shown = |options: &[&str]| -> String {
        let words: Vec<Word> = options.iter().map(|word| Word::from(*word)).collect();
        let answer = v1::Answer { statistics: rows.clone(), ..Default::default() };
        let text = lines(Statistics::new(Form::Csv).with(&words), answer);
        text.lines()
            .skip(1)
            .map(|line| {
                let fields: Vec<&str> = line.split(',').collect();
                format!("{}={} ", fields[1], fields[17])
            })
            .collect()
    };
    assert_eq!(shown(&[]), "a=MAINT b=DOWN c=DRAIN s1=UP ");
    assert_eq!(shown(&["no-maint"]), "b=DOWN c=DRAIN s1=UP (1/3) ");
    assert_eq!(shown(&["up"]), "c=DRAIN s1=UP (1/3) ");
}
