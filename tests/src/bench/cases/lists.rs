//! A large map: filled, dumped, replaced and cleared while a steady client watches.

use std::fmt::Write;
use std::time::Duration;

use super::requests::small_scene;
use super::{Course, remark, said};
use crate::bench::admin::Admin;
use crate::bench::bulk::Receipt;
use crate::bench::contestant::{Contestant, Rules, Running};
use crate::bench::load::Pace;
use crate::bench::round::{Scene, Span};
use crate::bench::stage::Stage;
use crate::bench::table::{Measure, Table};
use crate::harness::{Process, Proxy, Result, Trouble};

/// One map through its life.
pub(super) fn run(course: &Course) -> Result<Table> {
    let count = course.entries;
    let text = format!(
        "A map of {count} entries (`host-0000001.example value-1`) under `map`, filled, replaced and cleared by \
         `add map` with payloads of {PAYLOAD} lines, all pipelined through one connection to the text socket. \
         Replacing is `prepare`, `add @version` and `commit`: first with another value for every key, then, as a \
         list that is read anew most often is, with another value for one in a hundred (refresh). \
         Admin: the same entries through gRPC, staged and committed as one set; HAProxy's figure beside it is that \
         of the text socket. Meanwhile a client asks {RATE} times a second over 8 connections; its slowest request \
         is told for each operation and for {} s before them without any (still), which is what the machine itself \
         does. Memory: resident pages.",
        course.effort.span.as_secs_f64()
    );
    let mut table = Table::new("A large map", &text, &MEASURES);
    let course = &course.without_nginx();
    course.rounds("lists", |contestant| {
        let scene = Scene { connections: 8, ..small_scene() };
        let (mut stage, mut setting) = scene.open()?;
        setting.rules = Rules {
            frontend: "  http-request set-var(txn.v) req.hdr(host),map(@folder@/hosts.map)\n".to_owned(),
            files: vec![("hosts.map".to_owned(), String::new())],
            ..Rules::default()
        };
        let running = contestant.start(&setting)?;
        let proxy = running.proxy().ok_or_else(|| Trouble::new("there is no text socket"))?;
        stage.load(scene.plan(&running, Pace::Open(RATE)));
        let mut bench = Bench { stage, running: &running, proxy, count, settling: course.settling() };
        let (values, spans) = bench.life(contestant, course.effort.span)?;
        table.add(contestant, &values);
        for span in &spans {
            remark(&mut table, contestant, span, false);
        }
        Ok(said(&MEASURES, &values))
    })?;
    Ok(table)
}

struct Bench<'a> {
    stage: Stage,
    running: &'a Running,
    proxy: &'a Proxy,
    count: usize,
    settling: Duration,
}

impl Bench<'_> {
    fn life(&mut self, contestant: Contestant, still: Duration) -> Result<(Vec<f64>, Vec<Span>)> {
        let map = map_of(self.proxy);
        let process = self.running.process();
        // What is taken once is taken, and connections are open.
        self.stage.run(Duration::from_millis(500))?;
        let mut still_span = self.watched(|stage| stage.run(still))?.1;

        let empty = resident(process)?;
        let (fill, fill_span) = self.command(&fill(&map, self.count, "", 1))?;
        self.stage.run(self.settling)?;
        let full = resident(process)?;
        let (dump, dump_span) = self.command(format!("show map {map}\n").as_bytes())?;
        if (dump.lines as usize) < self.count {
            return Err(Trouble::new(format!("{} lines of {} entries", dump.lines, self.count)));
        }

        self.stage.run(self.settling)?;
        let before = resident(process)?;
        let (replace, replace_span, peak) = self.replace(&map, 1, entries(self.count, 2))?;
        self.stage.run(self.settling)?;
        let replaced = resident(process)?;
        let refreshed = (0..self.count).zip(entries(self.count, 2).zip(entries(self.count, 3)));
        let refreshed = refreshed.map(|(at, (old, new))| if at % REFRESHED == 0 { new } else { old });
        let (refresh, refresh_span, refresh_peak) = self.replace(&map, 2, refreshed)?;
        self.stage.run(self.settling)?;

        let (clear, clear_span) = self.command(format!("clear map {map}\n").as_bytes())?;
        let admin = if contestant == Contestant::Regate { Some(Admin::connect(process)?) } else { None };
        let mut by_admin = fill.time;
        if let Some(mut admin) = admin {
            by_admin = admin.fill(&map, entries(self.count, 3), false)?;
        }
        let milliseconds = |span: &Span| span.latency(1.0) / 1000.0;
        let values = vec![
            fill.time.as_secs_f64(),
            by_admin.as_secs_f64(),
            fill_span.cpu.total as f64 / 1e9,
            (full - empty) / self.count as f64,
            dump.time.as_secs_f64(),
            replace.time.as_secs_f64(),
            (peak - empty) / (before - empty),
            (replaced - empty) / (before - empty),
            refresh.time.as_secs_f64(),
            (refresh_peak - empty) / (replaced - empty),
            clear.time.as_secs_f64(),
            milliseconds(&still_span),
            milliseconds(&fill_span),
            milliseconds(&dump_span),
            milliseconds(&replace_span),
            milliseconds(&refresh_span),
            milliseconds(&clear_span),
            still_span.latency(0.999) / 1000.0,
            fill_span.latency(0.999) / 1000.0,
            dump_span.latency(0.999) / 1000.0,
            replace_span.latency(0.999) / 1000.0,
        ];
        let last = self.stage.finish()?;
        (still_span.tally.failed, still_span.tally.first_failure) = (last.failed, last.first_failure);
        Ok((values, vec![still_span, fill_span, dump_span, replace_span, refresh_span, clear_span]))
    }

    /// Puts other entries in place of all, under the next version; tells the greatest memory meanwhile, too.
    fn replace(
        &mut self,
        map: &str,
        version: u32,
        entries: impl Iterator<Item = (String, String)>,
    ) -> Result<(Receipt, Span, f64)> {
        let process = self.running.process();
        forget_peak(process)?;
        let mut commands = format!("prepare map {map}\n").into_bytes();
        commands.extend(payloads(map, &format!("@{version} "), entries));
        commands.extend(format!("commit map @{version} {map}\n").into_bytes());
        let (receipt, span) = self.command(&commands)?;
        Ok((receipt, span, peak(process)?))
    }

    /// Sends commands and watches what requests feel, until a little after the last reply.
    fn command(&mut self, commands: &[u8]) -> Result<(Receipt, Span)> {
        let proxy = self.proxy;
        let (receipt, span) = self.watched(|stage| {
            let receipt = stage.command(proxy, commands, LIMIT)?;
            stage.run(AFTER)?;
            Ok(receipt)
        })?;
        let words = receipt.words.trim();
        let fine = words.is_empty() || words.starts_with("New version") || words.starts_with("0x");
        if fine { Ok((receipt, span)) } else { Err(Trouble::new(format!("a command was refused: {words}"))) }
    }

    fn watched<T>(&mut self, act: impl FnOnce(&mut Stage) -> Result<T>) -> Result<(T, Span)> {
        self.stage.restart_tally();
        let before = self.running.process().cpu()?;
        let done = act(&mut self.stage)?;
        let after = self.running.process().cpu()?;
        let cpu = crate::harness::process::CpuTime {
            total: after.total.saturating_sub(before.total),
            ..Default::default()
        };
        Ok((done, Span { cpu, tally: self.stage.tally(), ..Span::default() }))
    }
}

/// The name of the map.
pub(super) fn map_of(proxy: &Proxy) -> String {
    proxy.folder.join("hosts.map").to_string_lossy().into_owned()
}

/// Keys with their values; `version` is part of values.
fn entries(count: usize, version: u32) -> impl Iterator<Item = (String, String)> {
    (0..count).map(move |number| (format!("host-{number:07}.example"), format!("value-{version}")))
}

/// `add map` with payloads for all entries. `to` is empty or the version with a blank.
pub(super) fn fill(map: &str, count: usize, to: &str, version: u32) -> Vec<u8> {
    payloads(map, to, entries(count, version))
}

/// The same for any entries.
fn payloads(map: &str, to: &str, entries: impl Iterator<Item = (String, String)>) -> Vec<u8> {
    let mut text = String::new();
    let mut entries = entries.peekable();
    while entries.peek().is_some() {
        let _ = writeln!(text, "add map {to}{map} <<");
        for (key, value) in entries.by_ref().take(PAYLOAD) {
            let _ = writeln!(text, "{key} {value}");
        }
        text.push('\n');
    }
    text.into_bytes()
}

/// Resident bytes.
fn resident(process: &Process) -> Result<f64> {
    Ok(process.memory()?.resident as f64)
}

/// Lets the kernel's note of the greatest memory begin anew.
fn forget_peak(process: &Process) -> Result<()> {
    Ok(std::fs::write(format!("/proc/{}/clear_refs", process.pid()), "5")?)
}

/// The greatest memory since, in bytes.
fn peak(process: &Process) -> Result<f64> {
    let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid()))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes: Option<f64> = line.and_then(|rest| rest.trim().strip_suffix(" kB")?.parse().ok());
    kilobytes.map(|kilobytes| kilobytes * 1024.0).ok_or_else(|| Trouble::new("the kernel tells no VmHWM"))
}

/// Lines of one payload, which must fit HAProxy's buffer of 16 kB.
const PAYLOAD: usize = 400;
/// One in so many entries has another value when a list is read anew.
const REFRESHED: usize = 100;
/// Requests a second of the client that watches.
const RATE: f64 = 2000.0;
/// What is put off until after the reply shows in this time.
const AFTER: Duration = Duration::from_millis(700);
const LIMIT: Duration = Duration::from_secs(120);

const MEASURES: [Measure; 21] = [
    Measure { name: "fill s", digits: 2, ratio: true },
    Measure { name: "fill by Admin s", digits: 2, ratio: true },
    Measure { name: "fill CPU s", digits: 2, ratio: true },
    Measure { name: "bytes an entry", digits: 0, ratio: true },
    Measure { name: "dump s", digits: 2, ratio: true },
    Measure { name: "replace s", digits: 2, ratio: true },
    Measure { name: "peak at replace", digits: 2, ratio: false },
    Measure { name: "memory after it", digits: 2, ratio: false },
    Measure { name: "refresh s", digits: 2, ratio: true },
    Measure { name: "peak at refresh", digits: 2, ratio: false },
    Measure { name: "clear s", digits: 3, ratio: true },
    Measure { name: "worst ms still", digits: 1, ratio: false },
    Measure { name: "fill", digits: 1, ratio: true },
    Measure { name: "dump", digits: 1, ratio: true },
    Measure { name: "replace", digits: 1, ratio: true },
    Measure { name: "refresh", digits: 1, ratio: true },
    Measure { name: "clear", digits: 1, ratio: true },
    Measure { name: "p99.9 ms still", digits: 1, ratio: false },
    Measure { name: "p99.9 fill", digits: 1, ratio: false },
    Measure { name: "p99.9 dump", digits: 1, ratio: false },
    Measure { name: "p99.9 replace", digits: 1, ratio: false },
];
