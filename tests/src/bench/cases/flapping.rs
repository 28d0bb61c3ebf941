//! A backend whose servers come and go all the time: does a request fail, and what do requests feel of it.

use std::time::Duration;

use super::requests::small_scene;
use super::{Course, remark};
use crate::bench::load::Pace;
use crate::bench::reactor::now;
use crate::bench::round::{Scene, span_of};
use crate::bench::table::{Measure, Table};
use crate::harness::Result;

/// A calm run, then one in which servers flap.
pub(super) fn run(course: &Course) -> Result<Table> {
    let servers = (course.entries / 1000).clamp(20, 1000);
    let text = format!(
        "A backend of {servers} servers with `check inter 100ms fall 1 rise 1 observe layer4 error-limit 1 on-error \
         mark-down`, `retries 50`, `option redispatch 1` and `retry-on all-retryable-errors`, at {RATE:.0} requests/s \
         over 64 connections: first with all of them up (calm), then with all but one coming and going, each open and \
         closed in turn for 50 to 150 ms at random (flapping). A server that goes closes its port and cuts its \
         connections, whatever they carry. Failed: requests without an answer of 200. nginx has no such checks."
    );
    let mut table = Table::new("Servers that come and go", &text, &MEASURES);
    let course = &course.without_nginx();
    course.rounds("flapping", |contestant| {
        let scene = Scene { servers, ..small_scene() };
        let (mut stage, mut setting) = scene.open()?;
        setting.rules.backend = RULES.to_owned();
        let running = contestant.start(&setting)?;
        stage.load(scene.plan(&running, Pace::Open(RATE)));
        // Every server has been checked, and has an idle connection or two.
        stage.run(Duration::from_millis(500))?;
        let calm = span_of(&mut stage, running.process(), course.effort.span)?;
        stage.load(scene.plan(&running, Pace::Open(RATE)));
        stage.flap(SEED)?;
        let begun = now();
        let flapping = span_of(&mut stage, running.process(), course.effort.span)?;
        let flaps = stage.end_flaps()? as f64 / ((now() - begun) as f64 / 1e9);
        let values = [
            flaps,
            (calm.tally.failed + flapping.tally.failed) as f64,
            flapping.tally.answered as f64 / flapping.seconds,
            calm.busy(),
            flapping.busy(),
            calm.latency(0.5),
            flapping.latency(0.5),
            calm.latency(0.99),
            flapping.latency(0.99),
            flapping.latency(0.99) / calm.latency(0.99),
            flapping.latency(1.0) / 1000.0,
        ];
        table.add(contestant, &values);
        remark(&mut table, contestant, &calm, false);
        remark(&mut table, contestant, &flapping, false);
        Ok(format!(
            "{:.0} flaps/s, failed {}, busy {:.2} -> {:.2}, p50 {:.0} -> {:.0} µs, p99 {:.0} -> {:.0} µs, worst {:.1} ms",
            values[0], values[1], values[3], values[4], values[5], values[6], values[7], values[8], values[10]
        ))
    })?;
    Ok(table)
}

const RULES: &str = "  retries 50\n  option redispatch 1\n  retry-on all-retryable-errors\n  default-server check inter \
                     100ms fall 1 rise 1 observe layer4 error-limit 1 on-error mark-down\n";
/// Requests a second.
const RATE: f64 = 1000.0;
const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

const MEASURES: [Measure; 11] = [
    Measure { name: "flaps/s", digits: 0, ratio: false },
    Measure { name: "failed", digits: 0, ratio: false },
    Measure { name: "answered/s", digits: 0, ratio: false },
    Measure { name: "calm: cores busy", digits: 2, ratio: true },
    Measure { name: "flapping: cores busy", digits: 2, ratio: true },
    Measure { name: "calm: p50 µs", digits: 0, ratio: false },
    Measure { name: "flapping: p50 µs", digits: 0, ratio: false },
    Measure { name: "calm: p99 µs", digits: 0, ratio: false },
    Measure { name: "flapping: p99 µs", digits: 0, ratio: true },
    Measure { name: "flapping/calm", digits: 2, ratio: false },
    Measure { name: "worst ms", digits: 1, ratio: true },
];
