//! Health checks at rest: what a large farm of checked servers costs when there is no traffic.

use std::time::Duration;

use super::Course;
use super::requests::small_scene;
use crate::bench::contestant::CHECK_INTERVAL;
use crate::bench::round::span_of;
use crate::bench::table::{Measure, Table};
use crate::harness::Result;

/// CPU time for the checks of [`SERVERS`] servers.
pub(super) fn run(course: &Course) -> Result<Table> {
    let text = format!(
        "{SERVERS} servers with `check inter {CHECK_INTERVAL}s`, which connect to the origin and close; no traffic. \
         CPU of the whole process per second and per check due. nginx has no such checks."
    );
    let mut table = Table::new("Checked servers", &text, &MEASURES);
    let course = &course.without_nginx();
    course.rounds("checks", |contestant| {
        let (mut stage, mut setting) = small_scene().open()?;
        setting.checked = SERVERS;
        let running = contestant.start(&setting)?;
        // Every server has been checked once.
        stage.run(Duration::from_secs(CHECK_INTERVAL + 1))?;
        let span = span_of(
            &mut stage,
            running.process(),
            course.effort.span.max(Duration::from_secs(CHECK_INTERVAL)),
        )?;
        let cpu = span.cpu.total as f64 / 1000.0;
        let due = SERVERS as f64 / CHECK_INTERVAL as f64 * span.seconds;
        let values = [cpu / span.seconds / 1000.0, cpu / due];
        table.add(contestant, &values);
        Ok(format!("{:.1} ms CPU a second, {:.1} µs a check", values[0], values[1]))
    })?;
    Ok(table)
}

/// Servers of the farm.
const SERVERS: usize = 5000;

const MEASURES: [Measure; 2] = [
    Measure { name: "CPU ms a second", digits: 1, ratio: true },
    Measure { name: "CPU µs a check", digits: 1, ratio: true },
];
