//! A change every millisecond while requests run: do any fail, and what do they feel of it.

use super::requests::small_scene;
use super::{Course, remark};
use crate::bench::load::Pace;
use crate::bench::round::span_of;
use crate::bench::table::{Measure, Table};
use crate::harness::{Result, Trouble};

/// Full load and a fixed rate, without changes and with them.
pub(super) fn run(course: &Course) -> Result<Table> {
    let scene = small_scene();
    let rate = scene.rate()?;
    let text = format!(
        "The first case while one command a millisecond changes weights, states and servers (added, made ready, \
         weighted, drained, deleted) through the text socket, first at full load, then at {rate:.0} requests/s. \
         Changes are due by a timetable; their latency counts from there to the reply. nginx has no such commands."
    );
    let mut table = Table::new("A change every millisecond", &text, &MEASURES);
    let course = &course.without_nginx();
    course.rounds("changes", |contestant| {
        let (mut stage, setting) = scene.open()?;
        let running = contestant.start(&setting)?;
        let mut spans = Vec::new();
        for pace in [Pace::Closed, Pace::Open(rate)] {
            stage.load(scene.plan(&running, pace));
            spans.push(span_of(&mut stage, running.process(), course.effort.span)?);
        }
        let proxy = running.proxy().ok_or_else(|| Trouble::new("there is no text socket"))?;
        stage.change(proxy, setting.origins[0])?;
        for pace in [Pace::Closed, Pace::Open(rate)] {
            stage.load(scene.plan(&running, pace));
            spans.push(span_of(&mut stage, running.process(), course.effort.span)?);
        }
        let account = stage.end_changes();
        let [still_full, still, full, fixed] = spans.as_slice() else {
            return Err(Trouble::new("a span is missing"));
        };

        let failed = full.tally.failed + fixed.tally.failed;
        let values = [
            account.commands as f64 / account.seconds,
            account.refused as f64,
            account.latencies.quantile(0.99).as_nanos() as f64 / 1000.0,
            failed as f64,
            still_full.cpu_per_request(),
            full.cpu_per_request(),
            still.latency(0.99),
            fixed.latency(0.99),
            fixed.latency(0.99) / still.latency(0.99),
            still_full.latency(0.99),
            full.latency(0.99),
            full.latency(0.99) / still_full.latency(0.99),
            fixed.latency(1.0).max(full.latency(1.0)) / 1000.0,
        ];
        table.add(contestant, &values);
        for span in &spans {
            remark(&mut table, contestant, span, true);
        }
        if let Some(first) = &account.first_refusal {
            table.remark(format!("{contestant}: {} changes refused (first: {first}).", account.refused));
        }
        Ok(format!(
            "{:.0} changes/s (refused {}, retried {}), failed {failed}, p99 {:.0} -> {:.0} µs at the rate, {:.0} -> \
             {:.0} µs at full load, worst {:.1} ms",
            values[0], account.refused, account.retried, values[6], values[7], values[9], values[10], values[12]
        ))
    })?;
    Ok(table)
}

const MEASURES: [Measure; 13] = [
    Measure { name: "changes/s", digits: 0, ratio: false },
    Measure { name: "refused", digits: 0, ratio: false },
    Measure { name: "change p99 µs", digits: 0, ratio: false },
    Measure { name: "requests failed", digits: 0, ratio: false },
    Measure { name: "still: CPU µs/request", digits: 2, ratio: false },
    Measure { name: "changing: CPU µs/request", digits: 2, ratio: true },
    Measure { name: "still: p99 µs", digits: 0, ratio: false },
    Measure { name: "changing: p99 µs", digits: 0, ratio: true },
    Measure { name: "changing/still", digits: 2, ratio: false },
    Measure { name: "full load, still: p99 µs", digits: 0, ratio: false },
    Measure { name: "full load, changing: p99 µs", digits: 0, ratio: true },
    Measure { name: "changing/still at full load", digits: 2, ratio: false },
    Measure { name: "worst ms", digits: 1, ratio: false },
];
