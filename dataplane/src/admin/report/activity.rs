//! What the loops of the workers did, and which tasks they have.

use std::time::{SystemTime, UNIX_EPOCH};

use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1::ReportSection;

use super::section;
use crate::live::{Live, TaskKind, WorkerLive};

/// A line for each thing that workers count: `name: sum [ one number per worker ]`. `only` is the number of a worker
/// from 1, or 0 for sums alone.
pub(super) fn activity(live: &Live, only: Option<u32>) -> Result<Vec<ReportSection>, Problem> {
    let workers = live.each_worker();
    let wanted = match only {
        None | Some(0) => None,
        Some(number) => {
            let at = usize::try_from(number).unwrap_or(usize::MAX).saturating_sub(1);
            if at >= workers.len() {
                let detail =
                    format!("report.only: there is no worker {number}: 0 to {} is expected", workers.len());
                return Err(Problem::general(Code::NotFound, detail));
            }
            Some(at)
        }
    };
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let uptime = live.process.now().saturating_sub(1);
    let mut lines = vec![
        format!("workers: {}", workers.len()),
        format!("date_now: {}.{:06}", since.as_secs(), since.subsec_micros()),
        format!("uptime_now: {}.{:03}000", uptime / 1000, uptime % 1000),
    ];
    let busy: Vec<u64> = live.process.busy_micros.parts().collect();
    let mut put = |name: &str, values: Vec<u64>, sum: u64| {
        lines.push(match (only, wanted) {
            (_, Some(at)) => format!("{name}: {}", values.get(at).copied().unwrap_or_default()),
            (Some(_), None) => format!("{name}: {sum}"),
            (None, None) => {
                let each: Vec<String> = values.iter().map(u64::to_string).collect();
                format!("{name}: {sum} [ {} ]", each.join(" "))
            }
        });
    };
    for (name, count) in COUNTS {
        let values: Vec<u64> = workers.iter().map(|worker| count(worker)).collect();
        let sum = values.iter().fold(0, |sum: u64, value| sum.saturating_add(*value));
        put(name, values, sum);
    }
    let turns: Vec<u64> = workers.iter().map(|worker| worker.turns.now()).collect();
    let longest: Vec<u64> = workers.iter().map(|worker| worker.longest_turn.now()).collect();
    let most = longest.iter().copied().max().unwrap_or_default();
    put("longest_loop_us", longest, most);
    let mean = |busy: u64, turns: u64| busy.checked_div(turns).unwrap_or_default();
    let means = busy.iter().zip(&turns).map(|(busy, turns)| mean(*busy, *turns)).collect();
    put("avg_loop_us", means, mean(busy.iter().sum(), turns.iter().sum()));
    put("busy_us", busy.clone(), busy.iter().sum());
    Ok(vec![section("", lines)])
}

/// The tasks of all workers, a line for each kind.
pub(super) fn tasks(live: &Live) -> Vec<ReportSection> {
    let workers = live.each_worker();
    let sum = |of: &dyn Fn(&WorkerLive) -> u64| live.over_workers(|worker| of(worker));
    let alive = sum(&|worker| worker.tasks_alive());
    let polls = sum(&|worker| worker.tasks.iter().map(|tasks| tasks.polls.now()).sum());
    let ready = sum(&|worker| worker.ready.now());
    let mut lines = vec![
        format!("Running tasks: {ready} ({} threads)", workers.len()),
        format!(
            "  {:<20} {:>9} {:>5} {:>12} {:>12} {:>6} {:>12}",
            "kind", "alive", "%", "begun", "polls", "polls%", "bytes"
        ),
    ];
    let percent = |part: u64, whole: u64| part as f64 * 100.0 / whole.max(1) as f64;
    for kind in TaskKind::ALL {
        let [own, begun, polled, bytes] = [
            sum(&|worker| worker.tasks_of(kind).alive.now()),
            sum(&|worker| worker.tasks_of(kind).begun.now()),
            sum(&|worker| worker.tasks_of(kind).polls.now()),
            sum(&|worker| worker.tasks_of(kind).bytes.now()),
        ];
        lines.push(format!(
            "  {:<20} {own:>9} {:>5.1} {begun:>12} {polled:>12} {:>6.1} {bytes:>12}",
            kind.word(),
            percent(own, alive),
            percent(polled, polls),
        ));
    }
    vec![section("", lines)]
}

/// What is shown of a worker, under HAProxy's names where they mean the same.
type Count = (&'static str, fn(&WorkerLive) -> u64);

const COUNTS: &[Count] = &[
    ("ctxsw", |worker| worker.tasks.iter().map(|tasks| tasks.polls.now()).sum()),
    ("loops", |worker| worker.turns.now()),
    ("sleeps", |worker| worker.sleeps.now()),
    ("long_loops", |worker| worker.long_turns.now()),
    ("wake_others", |worker| worker.rings.now()),
    ("poll_io", |worker| worker.notices.now()),
    ("poll_exp", |worker| worker.expiries.now()),
    ("timers", |worker| worker.timers.now()),
    ("tasks", |worker| worker.tasks_alive()),
    ("tasks_ready", |worker| worker.ready.now()),
    ("tasks_failed", |worker| worker.panics.now()),
    ("streams", |worker| worker.streams()),
    ("streams_tot", |worker| worker.streams_begun.now()),
    ("pool_fail", WorkerLive::refused),
    ("accepted", |worker| worker.accepted.now()),
    ("handed_on", |worker| worker.handed_on.now()),
    ("taken_over", |worker| worker.adopted.now()),
    ("bytes_in", |worker| worker.bytes_in.now()),
    ("bytes_out", |worker| worker.bytes_out.now()),
    ("bytes_spliced", |worker| worker.bytes_spliced.now()),
];

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::*;

    fn line<'a>(sections: &'a [ReportSection], name: &str) -> &'a str {
        let prefix = format!("{name}: ");
        sections[0].lines.iter().find_map(|line| line.strip_prefix(&prefix)).unwrap()
    }

    #[test]
    fn activity_has_sums_and_a_number_for_each_worker() {
        let live = Live::new(2);
        live.worker(0).accepted.add(3);
        live.worker(1).accepted.add(4);
        live.worker(1).note_turn(150_000);
        let all = activity(&live, None).unwrap();
        assert_eq!(line(&all, "accepted"), "7 [ 3 4 ]");
        assert_eq!(line(&all, "long_loops"), "1 [ 0 1 ]");
        assert_eq!(line(&all, "longest_loop_us"), "150000 [ 0 150000 ]");
        assert_eq!(line(&activity(&live, Some(0)).unwrap(), "accepted"), "7");
        assert_eq!(line(&activity(&live, Some(2)).unwrap(), "accepted"), "4");
        assert!(activity(&live, Some(3)).is_err());
    }

    #[test]
    fn tasks_are_told_by_kind() {
        let live = Live::new(1);
        let worker = live.worker(0);
        worker.tasks_of(TaskKind::Check).alive.add(1);
        worker.tasks_of(TaskKind::Connection).alive.add(3);
        worker.ready.set(2);
        let lines = &tasks(&live)[0].lines;
        assert_eq!(lines[0], "Running tasks: 2 (1 threads)");
        assert!(lines[2].starts_with("  connection                   3  75.0"), "{}", lines[2]);
    }
}
