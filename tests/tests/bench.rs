//! The bench checks its own parts: the load reaches the origin, every pace counts right, contestants log.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a scenario may fail where it stands"
)]

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

use regate_tests::bench::cases::{Case, Course};
use regate_tests::bench::contestant::{Contestant, Mode, Rules, Setting};
use regate_tests::bench::load::{Pace, Plan, Tally};
use regate_tests::bench::round::Effort;
use regate_tests::bench::stage::Stage;
use regate_tests::harness::{Result, Trouble, wait};

#[test]
fn every_pace_counts_every_answer() -> Result<()> {
    for pace in [Pace::Closed, Pace::Open(20_000.0), Pace::Once(8)] {
        for renews in [false, true] {
            for size in [0, 100, 300_000] {
                if renews && matches!(pace, Pace::Once(_)) {
                    continue;
                }
                let mut stage = Stage::open(2, size, renews, false)?;
                let tally = tally(&mut stage, pace, renews)?;
                let what = format!("{pace:?}, renews {renews}, {size} bytes");
                assert_eq!((tally.failed, &tally.first_failure), (0, &None), "{what}");
                assert!(tally.answered >= 40, "{what}: {}", tally.answered);
                assert_eq!(tally.latencies.count(), tally.answered, "{what}");
            }
        }
    }
    Ok(())
}

#[test]
fn a_proxy_that_is_not_there_is_a_failure() -> Result<()> {
    let mut stage = Stage::open(2, 100, false, false)?;
    let port = regate_tests::harness::Port::reserve()?;
    let plan = Plan { target: port.address(), ..plan(&stage, Pace::Closed, false)? };
    stage.load(plan);
    stage.run_until("failures", wait::PATIENCE, |stage| stage.done() >= 10)?;
    let tally = stage.finish()?;
    assert!(tally.failed >= 10 && tally.answered == 0, "{tally:?}");
    Ok(())
}

#[test]
fn contestants_serve_and_log_each_request() -> Result<()> {
    for contestant in [Contestant::Haproxy, Contestant::Nginx] {
        // nginx is the bench's own need, not the tests'.
        if contestant.absence().is_some() && contestant == Contestant::Nginx {
            continue;
        }
        let mut stage = Stage::open(2, 100, false, false)?;
        let setting = setting(&stage)?;
        let running = contestant.start(&setting)?;
        let plan = Plan { target: running.port.address(), ..plan(&stage, Pace::Once(8), false)? };
        stage.load(plan);
        stage.run_until("the answers", wait::PATIENCE, |stage| stage.done() >= 40)?;
        stage.run_until("the log lines", wait::PATIENCE, |stage| stage.log_lines() >= 40)?;
        let tally = stage.finish()?;
        assert_eq!((tally.answered, tally.failed, stage.log_lines()), (40, 0, 40), "{contestant}");
    }
    Ok(())
}

#[test]
fn the_oracle_takes_the_whole_series_of_changes() -> Result<()> {
    let mut stage = Stage::open(2, 100, false, false)?;
    let setting = setting(&stage)?;
    let running = Contestant::Haproxy.start(&setting)?;
    let proxy = running.proxy().ok_or_else(|| Trouble::new("no proxy"))?;
    stage.change(proxy, setting.origins[0])?;
    // Two circles of names, so that every kind of command has come and names are used again.
    stage.run_until("256 changes", wait::PATIENCE, |stage| stage.changes() >= 256)?;
    let account = stage.end_changes();
    assert_eq!((account.refused, account.retried, account.first_refusal), (0, 0, None));
    Ok(())
}

#[test]
fn ports_that_come_and_go_are_open_in_the_end() -> Result<()> {
    let mut stage = Stage::open(8, 100, false, false)?;
    let ports = stage.origin_ports()?;
    stage.flap(1)?;
    let refuses = |port: &u16| std::net::TcpStream::connect((Ipv4Addr::LOCALHOST, *port)).is_err();
    stage.run_until("a port that refuses", wait::PATIENCE, |_| ports[1..].iter().any(refuses))?;
    assert!(stage.end_flaps()? > 0);
    assert_eq!(stage.origin_ports()?, ports);
    assert_eq!(ports.iter().filter(|port| refuses(port)).count(), 0);
    Ok(())
}

#[test]
fn every_case_of_large_collections_runs_small() -> Result<()> {
    let large = ["rules-limit", "lists", "lookups", "table", "table-workers"];
    let course = Course {
        contestants: vec![Contestant::Haproxy, Contestant::Regate],
        effort: Effort { rounds: 1, span: Duration::from_millis(80) },
        entries: 1000,
        report: |_| {},
    };
    let mut seen = 0;
    for case in Case::ALL.iter().filter(|case| large.contains(&case.name)) {
        let table = case.run(&course)?.markdown();
        assert!(table.contains("| HAProxy |") && table.contains("| Regate |"), "{table}");
        assert!(!table.contains("requests failed"), "{table}");
        seen += 1;
    }
    assert_eq!(seen, large.len());
    Ok(())
}

fn tally(stage: &mut Stage, pace: Pace, renews: bool) -> Result<Tally> {
    let plan = plan(stage, pace, renews)?;
    stage.load(plan);
    stage.run_until("40 answers", Duration::from_secs(30), |stage| stage.done() >= 40)?;
    stage.finish()
}

fn plan(stage: &Stage, pace: Pace, renews: bool) -> Result<Plan> {
    Ok(Plan {
        target: SocketAddr::from((Ipv4Addr::LOCALHOST, stage.origin_ports()?[0])),
        request: b"GET / HTTP/1.1\r\nHost: regate.test\r\n\r\n".to_vec(),
        connections: if pace == Pace::Once(8) { 40 } else { 8 },
        pace,
        renews,
        sources: 0,
    })
}

fn setting(stage: &Stage) -> Result<Setting> {
    Ok(Setting {
        mode: Mode::Http,
        workers: 1,
        cores: Vec::new(),
        server_close: false,
        limit: 200,
        origins: stage.origin_ports()?,
        sink: stage.sink_port()?,
        checked: 0,
        rules: Rules::default(),
    })
}
