//! The process as the kernel sees it: threads, mapped files, limits; and the build.

use std::collections::BTreeMap;
use std::fs;

use regate_proto::wire::v1::ReportSection;

use super::super::Context;
use super::section;
use crate::live::Live;

/// A line for each thread; those of workers say what their worker does.
pub(super) fn threads(live: &Live) -> Vec<ReportSection> {
    let Ok(entries) = fs::read_dir("/proc/self/task") else { return vec![section("", Vec::new())] };
    let mut found: Vec<(u32, Thread)> = entries
        .flatten()
        .take(MOST_THREADS)
        .filter_map(|entry| {
            let id = entry.file_name().to_str()?.parse().ok()?;
            let stat = fs::read_to_string(entry.path().join("stat")).ok()?;
            Some((id, Thread::parse(&stat)?))
        })
        .collect();
    found.sort_by_key(|(id, _)| *id);
    let lines = found.iter().map(|(id, thread)| {
        let mut line = format!(
            "  Thread {id} : name={} state={} cpu_user_ms={} cpu_system_ms={}",
            thread.name, thread.state, thread.user_ms, thread.system_ms
        );
        let number = thread.name.strip_prefix("worker-").and_then(|number| number.parse::<usize>().ok());
        if let Some(worker) = number.and_then(|number| live.each_worker().get(number)) {
            line.push_str(&format!(
                " tasks={} ready={} streams={} loops={}",
                worker.tasks_alive(),
                worker.ready.now(),
                worker.streams(),
                worker.turns.now()
            ));
        }
        line
    });
    vec![section("", lines.collect())]
}

/// A line for each file of which something is mapped as code: from where to where its parts lie.
pub(super) fn libraries() -> Vec<ReportSection> {
    let maps = fs::read_to_string("/proc/self/maps").unwrap_or_default();
    vec![section("", mapped(&maps))]
}

/// The build, the platform, the process.
pub(super) fn node(context: &Context) -> Vec<ReportSection> {
    let (info, maxconn_set) = context.store.read(|current| {
        let global = current.state.global();
        (context.describe(current), global.maxconn.is_some())
    });
    let system = rustix::system::uname();
    let text = |text: &std::ffi::CStr| text.to_string_lossy().into_owned();
    let line = |name: &str, value: String| format!("{name}: {value}");
    let build = vec![
        line("name", info.name.clone()),
        line("version", info.version.clone()),
        line("release_date", info.release_date.clone()),
        line("debug_assertions", on(cfg!(debug_assertions))),
        line("target", format!("{}-{}", std::env::consts::ARCH, std::env::consts::OS)),
    ];
    let mut platform = vec![
        line("system", text(system.sysname())),
        line("release", text(system.release())),
        line("machine", text(system.machine())),
        line("cores", std::thread::available_parallelism().map_or(0, usize::from).to_string()),
    ];
    if let Some(model) = cpu_model() {
        platform.push(line("cpu", model));
    }
    let mut process = vec![
        line("pid", info.pid.to_string()),
        line("node", info.node),
        line("uptime_ms", info.uptime_ms.to_string()),
        line("boot_time_ms", info.boot_time_ms.to_string()),
        line("workers", info.workers.to_string()),
        line("uid", rustix::process::getuid().as_raw().to_string()),
        line("gid", rustix::process::getgid().as_raw().to_string()),
    ];
    if let Ok(program) = std::env::current_exe() {
        process.push(line("program", program.display().to_string()));
    }
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    for (name, key) in [("memory_kb", "VmRSS:"), ("memory_most_kb", "VmHWM:"), ("threads", "Threads:")] {
        let value = status.lines().find_map(|line| line.strip_prefix(key));
        if let Some(value) = value.and_then(|value| value.split_whitespace().next()) {
            process.push(line(name, value.to_owned()));
        }
    }
    let limits = vec![
        line("descriptors", info.descriptor_limit.to_string()),
        line(
            "maxconn",
            format!("{} ({})", info.maxconn, if maxconn_set { "configured" } else { "computed" }),
        ),
        line("hard_maxconn", info.hard_maxconn.to_string()),
        line(
            "memory_bytes",
            super::super::memory_limit().map_or("none".to_owned(), |limit| limit.to_string()),
        ),
    ];
    vec![
        section("Build", build),
        section("Platform", platform),
        section("Process", process),
        section("Limits", limits),
    ]
}

/// What the kernel says of a thread (proc(5)).
#[derive(Debug, PartialEq)]
struct Thread {
    name: String,
    state: char,
    user_ms: u64,
    system_ms: u64,
}

impl Thread {
    /// Reads a line of `stat`: the name stands in parentheses and may hold some itself.
    fn parse(stat: &str) -> Option<Thread> {
        let (_, rest) = stat.split_once('(')?;
        let (name, rest) = rest.rsplit_once(") ")?;
        let mut fields = rest.split(' ');
        let state = fields.next()?.chars().next()?;
        let mut ticks = fields.skip(10).map(str::parse::<u64>);
        let (user, system) = (ticks.next()?.ok()?, ticks.next()?.ok()?);
        Some(Thread {
            name: name.to_owned(),
            state,
            user_ms: user.saturating_mul(TICK_MS),
            system_ms: system.saturating_mul(TICK_MS),
        })
    }
}

/// The files of `maps` of which something may be executed: `0x<from>-0x<to> (0x<length>) <path>`.
fn mapped(maps: &str) -> Vec<String> {
    let mut files: BTreeMap<&str, (u64, u64, bool)> = BTreeMap::new();
    let mut order = Vec::new();
    for line in maps.lines() {
        let mut words = line.split_whitespace();
        let (Some(range), Some(rights), Some(path)) = (words.next(), words.next(), words.nth(3)) else {
            continue;
        };
        let bounds = range.split_once('-').and_then(|(from, to)| {
            Some((u64::from_str_radix(from, 16).ok()?, u64::from_str_radix(to, 16).ok()?))
        });
        let Some((from, to)) = bounds.filter(|_| path.starts_with('/')) else { continue };
        let file = files.entry(path).or_insert_with(|| {
            order.push(path);
            (from, to, false)
        });
        *file = (file.0.min(from), file.1.max(to), file.2 || rights.contains('x'));
    }
    let shown = order.iter().filter_map(|path| {
        let (from, to, runs) = *files.get(path)?;
        runs.then(|| format!("{from:#018x}-{to:#018x} ({:#09x}) {path}", to.saturating_sub(from)))
    });
    shown.collect()
}

fn cpu_model() -> Option<String> {
    let text = fs::read_to_string("/proc/cpuinfo").ok()?;
    let line = text.lines().find(|line| line.starts_with("model name"))?;
    line.split_once(':').map(|(_, model)| model.trim().to_owned())
}

fn on(flag: bool) -> String {
    if flag { "on" } else { "off" }.to_owned()
}

/// Milliseconds of the unit in which the kernel tells CPU times: a hundredth of a second on every Linux.
const TICK_MS: u64 = 10;
/// Threads that are listed.
const MOST_THREADS: usize = 4096;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thread_may_have_parentheses_in_its_name() {
        let stat = "7 (a) b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14";
        let wanted = Thread { name: "a) b".to_owned(), state: 'S', user_ms: 110, system_ms: 120 };
        assert_eq!(Thread::parse(stat), Some(wanted));
        assert_eq!(Thread::parse("7 (a"), None);
    }

    #[test]
    fn files_that_run_are_listed_from_their_first_to_their_last_part() {
        let maps = "1000-2000 r--p 0 08:01 1 /lib/a\n2000-5000 r-xp 0 08:01 1 /lib/a\n6000-7000 r--p 0 08:01 2 /b\n\
                    8000-9000 rw-p 0 00:00 0 [heap]\nx\n";
        assert_eq!(mapped(maps), ["0x0000000000001000-0x0000000000005000 (0x0004000) /lib/a"]);
    }
}
