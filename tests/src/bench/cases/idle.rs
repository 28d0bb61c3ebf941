//! Idle connections: what each one holds in memory.

use std::time::Duration;

use rustix::process::{Resource, getrlimit};

use super::requests::small_scene;
use super::{Course, remark};
use crate::bench::load::Pace;
use crate::bench::round::{Scene, Span};
use crate::bench::table::{Measure, Table};
use crate::harness::{Process, Result};

/// As many idle keep-alive connections as descriptors allow, each after one request.
pub(super) fn run(course: &Course) -> Result<Table> {
    let count = connections();
    let text = format!(
        "{count} client connections, each idle after one request on keep-alive; connections to the servers are \
         closed (`option http-server-close`), so that only the client side is counted. Growth of the proxy's memory \
         since {WARM} connections, divided by the connections opened since; the kernel's memory is not in it. \
         PSS: shared pages by share; RSS: resident pages."
    );
    let mut table = Table::new("Idle connections", &text, &MEASURES);
    let scene = Scene { connections: count, ..small_scene() };
    course.rounds("idle", |contestant| {
        let (mut stage, mut setting) = Scene { renews: true, ..scene.clone() }.open()?;
        (setting.limit, setting.server_close) = (count + SPARE, true);
        let running = contestant.start(&setting)?;

        // What is taken once, whatever the number of connections, is taken before the first look.
        let mut warm = scene.plan(&running, Pace::Once(AT_A_TIME));
        warm.connections = WARM;
        stage.load(warm);
        stage.run_until("the first connections", LIMIT, |stage| stage.done() >= WARM as u64)?;
        stage.run(SETTLE)?;
        let before = memory(running.process())?;

        stage.load(scene.plan(&running, Pace::Once(AT_A_TIME)));
        stage.run_until("all connections", LIMIT, |stage| stage.done() >= count as u64)?;
        stage.run(SETTLE)?;
        let after = memory(running.process())?;
        let tally = stage.tally();

        let opened = (count - WARM) as f64;
        let values = [(after.0 - before.0) / opened, (after.1 - before.1) / opened, after.0 / 1e6];
        table.add(contestant, &values);
        remark(&mut table, contestant, &Span { tally, ..Span::default() }, false);
        Ok(format!("{:.0} bytes each by PSS, {:.0} by RSS, {:.1} MB in all", values[0], values[1], values[2]))
    })?;
    Ok(table)
}

/// PSS and RSS in bytes.
fn memory(process: &Process) -> Result<(f64, f64)> {
    let memory = process.memory()?;
    Ok((memory.proportional as f64, memory.resident as f64))
}

/// Each connection costs the proxy two descriptors while a request is under way, and HAProxy plans for that.
fn connections() -> usize {
    let hard = getrlimit(Resource::Nofile).maximum.map_or(usize::MAX, |limit| limit as usize);
    (hard.saturating_sub(400) / 2).saturating_sub(SPARE).clamp(2 * WARM, 10_000)
}

const WARM: usize = 200;
const AT_A_TIME: usize = 32;
const SPARE: usize = 100;
/// Allocators give memory back a second or so after it was freed.
const SETTLE: Duration = Duration::from_millis(3500);
const LIMIT: Duration = Duration::from_secs(30);

const MEASURES: [Measure; 3] = [
    Measure { name: "bytes each, PSS", digits: 0, ratio: true },
    Measure { name: "bytes each, RSS", digits: 0, ratio: true },
    Measure { name: "PSS in all, MB", digits: 1, ratio: true },
];
