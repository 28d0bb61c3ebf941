//! Large bodies: what a gigabyte costs.

use super::requests::small_scene;
use super::{Course, remark};
use crate::bench::round::Scene;
use crate::bench::table::{Measure, Table};
use crate::harness::Result;

/// 1 MiB answers.
pub(super) fn run(course: &Course) -> Result<Table> {
    let scene = Scene { size: BODY, connections: 8, ..small_scene() };
    let text = "1 MiB bodies with a Content-Length, keep-alive, 8 connections, as fast as it goes; every contestant's \
                default buffers (nginx without temporary files). 1 GB is 10⁹ bytes of body.";
    let mut table = Table::new("1 MiB bodies", text, &MEASURES);
    course.rounds("bodies", |contestant| {
        let sample = scene.measure(contestant, None, course.effort.span)?;
        let gigabytes = sample.full.tally.answered as f64 * BODY as f64 / 1e9;
        let seconds = sample.full.cpu.total as f64 / 1e9;
        let share = sample.full.user_per_request() / sample.full.cpu_per_request();
        let values = [
            seconds / gigabytes,
            seconds / gigabytes * share,
            seconds / gigabytes * (1.0 - share),
            gigabytes / sample.full.seconds,
            sample.full.busy(),
        ];
        table.add(contestant, &values);
        remark(&mut table, contestant, &sample.full, true);
        Ok(format!("{:.3} CPU-s/GB, {:.2} GB/s, failed {}", values[0], values[3], sample.full.tally.failed))
    })?;
    Ok(table)
}

const BODY: usize = 1 << 20;

const MEASURES: [Measure; 5] = [
    Measure { name: "CPU-s/GB", digits: 3, ratio: true },
    Measure { name: "user", digits: 3, ratio: false },
    Measure { name: "system", digits: 3, ratio: false },
    Measure { name: "GB/s", digits: 2, ratio: true },
    Measure { name: "cores busy", digits: 2, ratio: false },
];
