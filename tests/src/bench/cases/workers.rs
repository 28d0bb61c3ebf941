//! Two workers: how throughput and cost change from one to two.

use super::requests::small_scene;
use super::{Course, remark};
use crate::bench::round::{LOAD_CORE, Scene};
use crate::bench::table::{Measure, Table};
use crate::harness::Result;
use crate::harness::process::confine_this_thread;

/// One worker and two, on both cores.
pub(super) fn run(course: &Course) -> Result<Table> {
    let one = Scene { cores: BOTH.to_vec(), ..small_scene() };
    let two = Scene { workers: 2, ..one.clone() };
    confine_this_thread(&BOTH)?;
    let rate = one.rate()?;
    let text = format!(
        "The first case with `nbthread 1` and with `nbthread 2` (nginx: processes), proxy and load free to use both \
         cores. The load generator and the origin take their share of the two, so that 2.0 is out of reach for \
         everybody: compare the scaling between contestants. Latency with two workers at {rate:.0} requests/s."
    );
    let mut table = Table::new("Two workers", &text, &MEASURES);
    let done = course.rounds("workers", |contestant| {
        let single = one.measure(contestant, None, course.effort.span)?;
        let double = two.measure(contestant, Some(rate), course.effort.span)?;
        let values = [
            single.full.requests_per_second(),
            double.full.requests_per_second(),
            double.full.requests_per_second() / single.full.requests_per_second(),
            single.full.cpu_per_request(),
            double.full.cpu_per_request(),
            double.full.cpu_per_request() / single.full.cpu_per_request(),
            double.fixed.latency(0.5),
            double.fixed.latency(0.99),
        ];
        table.add(contestant, &values);
        for span in [&single.full, &double.full, &double.fixed] {
            remark(&mut table, contestant, span, true);
        }
        Ok(format!(
            "{:.0}/s -> {:.0}/s (x{:.2}), {:.2} -> {:.2} µs/request (x{:.2})",
            values[0], values[1], values[2], values[3], values[4], values[5]
        ))
    });
    confine_this_thread(&[LOAD_CORE])?;
    done.map(|()| table)
}

const BOTH: [usize; 2] = [0, 1];

const MEASURES: [Measure; 8] = [
    Measure { name: "1 worker, requests/s", digits: 0, ratio: false },
    Measure { name: "2 workers, requests/s", digits: 0, ratio: true },
    Measure { name: "scaling", digits: 2, ratio: true },
    Measure { name: "1 worker, CPU µs", digits: 2, ratio: false },
    Measure { name: "2 workers, CPU µs", digits: 2, ratio: true },
    Measure { name: "growth", digits: 2, ratio: false },
    Measure { name: "p50 µs", digits: 0, ratio: false },
    Measure { name: "p99 µs", digits: 0, ratio: true },
];
