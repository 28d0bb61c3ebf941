//! Stick tables with many live entries: the published rate limit, and what tracking costs.

use std::fmt::Write;
use std::time::Duration;

use super::requests::small_scene;
use super::{Course, remark, said};
use crate::bench::contestant::{Rules, Running, Setting};
use crate::bench::load::{Pace, Plan};
use crate::bench::round::{LOAD_CORE, Scene, span_of};
use crate::bench::stage::Stage;
use crate::bench::table::{Measure, Table, median};
use crate::harness::process::confine_this_thread;
use crate::harness::{Port, Result, Trouble};

/// The rate limit of the published example, with a limit that nobody reaches.
pub(super) fn limit(course: &Course) -> Result<Table> {
    let text = format!(
        "A table of {} live entries (filled by `set table`): `stick-table type ip size 1m expire 15m store \
         gpt0,http_req_rate(10s)`, a whitelist of 1000 networks, `track-sc0 src`, two denies by `src_http_req_rate` and \
         `sc0_get_gpt0`; clients come from 64 addresses. CPU a request in µs, of a frontend without rules (plain) \
         and of one with them, in turn under the same process; added: the median of {TURNS} differences. Memory: see the tracked requests. Asked: at most 1 µs added, at most 0.75 of HAProxy's \
         in all.",
        course.entries
    );
    let rules = "  stick-table type ip size 1m expire 15m store gpt0,http_req_rate(10s)\n  \
                 http-request allow if { src -f @folder@/whitelist.lst }\n  http-request track-sc0 src\n  \
                 acl abuse src_http_req_rate ge 100000000\n  http-request sc-set-gpt0(0) 1 if abuse\n  \
                 http-request deny if abuse\n  http-request deny if { sc0_get_gpt0 ge 1 }\n";
    let case = Tracking { title: "A rate limit", text, rules, request: small_scene().request, sources: 64 };
    case.run(course, "rules-limit")
}

/// Tracking by a key that is another one in every request.
pub(super) fn tracked(course: &Course) -> Result<Table> {
    let text = format!(
        "A table of {} live entries (filled by `set table`) of type ip that store gpt0 and http_req_rate(10s); \
         requests are tracked by an address in a header, drawn from a million. CPU a request in µs, of a frontend without \
         rules (plain) and of one that tracks, in turn under the same process; added: the median of {TURNS} differences. Memory: growth of PSS by filling the \
         table, after as many commands that made a single entry.",
        course.entries
    );
    let case =
        Tracking { title: "Tracked requests", text, rules: TRACKED, request: keyed_request(), sources: 0 };
    case.run(course, "table")
}

/// Tracking with two workers.
pub(super) fn workers(course: &Course) -> Result<Table> {
    let text = format!(
        "The tracked requests among {} live entries with `nbthread 1` and with `nbthread 2`, proxy and load free to \
         use both cores; see the case of two workers.",
        course.entries
    );
    let mut table = Table::new("Tracked requests with two workers", &text, &SCALING);
    let course = &course.without_nginx();
    confine_this_thread(&BOTH)?;
    let done = course.rounds("table-workers", |contestant| {
        let mut spans = Vec::new();
        for workers in [1, 2] {
            let scene = Scene { cores: BOTH.to_vec(), workers, request: keyed_request(), ..small_scene() };
            let (mut stage, mut setting) = scene.open()?;
            setting.rules = Rules { frontend: TRACKED.to_owned(), ..Rules::default() };
            let running = contestant.start(&setting)?;
            fill(&mut stage, &running, course.entries, course.entries)?;
            stage.load(scene.plan(&running, Pace::Closed));
            spans.push(span_of(&mut stage, running.process(), course.effort.span)?);
        }
        let [one, two] = spans.as_slice() else { return Err(Trouble::new("a span is missing")) };
        let values = [
            one.requests_per_second(),
            two.requests_per_second(),
            two.requests_per_second() / one.requests_per_second(),
            one.cpu_per_request(),
            two.cpu_per_request(),
            two.cpu_per_request() / one.cpu_per_request(),
        ];
        table.add(contestant, &values);
        spans.iter().for_each(|span| remark(&mut table, contestant, span, true));
        Ok(said(&SCALING, &values))
    });
    confine_this_thread(&[LOAD_CORE])?;
    done.map(|()| table)
}

/// Two frontends of one process, of which one has rules and a table.
struct Tracking {
    title: &'static str,
    text: String,
    rules: &'static str,
    request: Vec<u8>,
    sources: u16,
}

impl Tracking {
    fn run(&self, course: &Course, name: &str) -> Result<Table> {
        let mut table = Table::new(self.title, &self.text, &MEASURES);
        let course = &course.without_nginx();
        course.rounds(name, |contestant| {
            let scene = Scene { request: self.request.clone(), ..small_scene() };
            let (mut stage, mut setting) = scene.open()?;
            let plain = Port::reserve()?;
            self.configure(&mut setting, &plain);
            let running = contestant.start(&setting)?;
            // As many commands that make one entry: what commands themselves take is taken before the table grows.
            fill(&mut stage, &running, course.entries, 1)?;
            stage.run(course.settling())?;
            let empty = running.process().memory()?.proportional;
            let filled = fill(&mut stage, &running, course.entries, course.entries)?;
            stage.run(course.settling())?;
            let full = running.process().memory()?.proportional;
            let entry = (full as f64 - empty as f64) / (course.entries - 1) as f64;
            let mut costs = [0.0; 2];
            let mut added = Vec::new();
            for turn in 0..TURNS {
                let mut pair = [0.0; 2];
                // Each begins as often as the other.
                for place in [turn % 2, (turn + 1) % 2] {
                    let target = if place == 0 { plain.address() } else { running.port.address() };
                    let plan = scene.plan(&running, Pace::Closed);
                    stage.load(Plan { target, sources: self.sources, ..plan });
                    let span = span_of(&mut stage, running.process(), course.effort.span / TURNS as u32)?;
                    remark(&mut table, contestant, &span, true);
                    pair[place] = span.cpu_per_request();
                    costs[place] += pair[place] / TURNS as f64;
                }
                added.push(pair[1] - pair[0]);
            }
            added.sort_by(f64::total_cmp);
            let added = median(&added).unwrap_or(f64::NAN);
            let values = [costs[0], costs[1], added, entry, filled.as_secs_f64()];
            table.add(contestant, &values);
            Ok(said(&MEASURES, &values))
        })?;
        Ok(table)
    }

    fn configure(&self, setting: &mut Setting, plain: &Port) {
        let whitelist = (0..1000).map(|n| format!("172.{}.{}.0/24\n", 16 + n / 256, n % 256)).collect();
        setting.rules = Rules {
            frontend: self.rules.to_owned(),
            sections: format!("frontend plain\n  bind 127.0.0.1:{}\n  default_backend app\n", plain.number()),
            backend: String::new(),
            files: vec![("whitelist.lst".to_owned(), whitelist)],
        };
    }
}

/// Makes so many entries in the table of the first frontend by so many commands; gives the time that it took.
fn fill(stage: &mut Stage, running: &Running, commands: usize, count: usize) -> Result<Duration> {
    let proxy = running.proxy().ok_or_else(|| Trouble::new("there is no text socket"))?;
    let mut text = String::new();
    for number in (0..count).cycle().take(commands) {
        let (second, third, fourth) = (number / 10_000, number / 100 % 100, number % 100);
        let key = format!("10.1{second:02}.1{third:02}.1{fourth:02}");
        let _ = writeln!(text, "set table web key {key} data.gpt0 0");
    }
    let receipt = stage.command(proxy, text.as_bytes(), LIMIT)?;
    let shown = proxy.ask("show table")?;
    let wanted = format!("used:{count}");
    let words = receipt.words.trim();
    if words.is_empty() && shown.lines().any(|line| line.split(", ").any(|word| word.contains(&wanted))) {
        return Ok(receipt.time);
    }
    Err(Trouble::new(format!("the table was not filled: {words}; {shown}")))
}

/// Six digits make an address of a million.
fn keyed_request() -> Vec<u8> {
    b"GET /index.html HTTP/1.1\r\nHost: regate.test\r\nX-Key: 10.1##.1##.1##\r\n\r\n".to_vec()
}

const TRACKED: &str = "  stick-table type ip size 2m expire 15m store gpt0,http_req_rate(10s)\n  \
                       http-request track-sc0 req.hdr_ip(x-key)\n";
/// Many short turns: the machine's own changes are longer than one, and the median of the differences is without them.
const TURNS: usize = 16;
const BOTH: [usize; 2] = [0, 1];
const LIMIT: Duration = Duration::from_secs(300);

const MEASURES: [Measure; 5] = [
    Measure { name: "plain: CPU µs/request", digits: 2, ratio: true },
    Measure { name: "with rules", digits: 2, ratio: true },
    Measure { name: "added", digits: 2, ratio: true },
    Measure { name: "bytes an entry", digits: 0, ratio: true },
    Measure { name: "filled in s", digits: 1, ratio: true },
];
const SCALING: [Measure; 6] = [
    Measure { name: "1 worker, requests/s", digits: 0, ratio: false },
    Measure { name: "2 workers, requests/s", digits: 0, ratio: true },
    Measure { name: "scaling", digits: 2, ratio: true },
    Measure { name: "1 worker, CPU µs", digits: 2, ratio: false },
    Measure { name: "2 workers, CPU µs", digits: 2, ratio: true },
    Measure { name: "growth", digits: 2, ratio: false },
];
