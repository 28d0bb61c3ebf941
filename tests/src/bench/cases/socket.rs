//! The text socket: single commands, long answers and many lines at once, with a client that watches the traffic.

use std::fmt::Write as _;
use std::io::{Read, Write};
use std::time::{Duration, Instant};

use super::lists::{fill, map_of};
use super::requests::small_scene;
use super::{Course, remark, said};
use crate::bench::contestant::Rules;
use crate::bench::load::Pace;
use crate::bench::round::{Scene, Span};
use crate::bench::stage::Stage;
use crate::bench::table::{Measure, Table};
use crate::harness::{Proxy, Result, Trouble};

/// Every kind of command that scripts send often.
pub(super) fn run(course: &Course) -> Result<Table> {
    // A million entries, as large collections have by default, stand for 10,000 servers and lines.
    let (lines, entries) = ((course.entries / 100).max(1), (course.entries * 3 / 10).max(1));
    let text = format!(
        "A backend of {lines} servers beside that of the traffic, a stick table and an empty map. One-shot: connect, \
         `show info`, read to the end, {ONE_SHOTS} times one after the other without traffic. Then, beside {RATE} \
         requests a second over 8 connections, each again and again for {seconds} s: connect, `show info`, close; \
         and on one connection each `show stat` (one row for each server); {lines} lines of `set server … weight`; \
         {lines} lines of `set table … key … data.gpc0`; {entries} entries of a map by payloads of 400 lines, and by as \
         many lines of `add map`, with `clear map` between. What is asked of lines of `add map` is measured against \
         HAProxy's payloads. The p99 of the traffic is told for a while before each, without commands (still), for \
         each, and for the same commands to another process of the same kind on the same core, which the traffic does \
         not pass (aside): what is left of the difference between the last two is the proxy's own doing, the rest that \
         of two processes that share a core.",
        seconds = course.effort.span.as_secs_f64()
    );
    let mut table = Table::new("The text socket", &text, &MEASURES);
    let course = &course.without_nginx();
    course.rounds("socket", |contestant| {
        let scene = Scene { connections: 8, ..small_scene() };
        let (mut stage, mut setting) = scene.open()?;
        let farm: String = (0..lines).fold(String::new(), |mut text, at| {
            let _ = writeln!(text, "  server f{at} 127.0.0.1:9 weight 10");
            text
        });
        setting.rules = Rules {
            backend: String::new(),
            frontend: "  http-request set-var(txn.v) req.hdr(host),map(@folder@/hosts.map)\n".to_owned(),
            sections: format!(
                "backend farm\n{farm}backend clients\n  stick-table type ip size 100k expire 1h store gpc0\n"
            ),
            files: vec![("hosts.map".to_owned(), String::new())],
        };
        let (running, aside) = (contestant.start(&setting)?, contestant.start(&setting)?);
        let missing = || Trouble::new("there is no text socket");
        let proxy = running.proxy().ok_or_else(missing)?;
        let shots = one_shots(proxy)?;
        stage.load(scene.plan(&running, Pace::Open(RATE)));
        let mut bench = Bench { stage, span: course.effort.span, spans: Vec::new() };
        let mut values = vec![quantile(&shots, 0.5) * 1000.0, quantile(&shots, 0.99) * 1000.0];
        values.extend(bench.life((proxy, aside.proxy().ok_or_else(missing)?), lines, entries)?);
        table.add(contestant, &values);
        for span in &bench.spans {
            remark(&mut table, contestant, span, false);
        }
        Ok(said(&MEASURES, &values))
    })?;
    Ok(table)
}

struct Bench {
    stage: Stage,
    span: Duration,
    /// Everything that was watched.
    spans: Vec<Span>,
}

/// Commands that are sent one after the other, and whether their time counts.
type Commands = Vec<(Vec<u8>, bool)>;

impl Bench {
    /// How long commands take, and then the p99 of the traffic round each kind of them.
    fn life(&mut self, proxies: (&Proxy, &Proxy), lines: usize, entries: usize) -> Result<Vec<f64>> {
        self.stage.run(Duration::from_millis(500))?;
        let per_second = |count: usize, seconds: f64| count as f64 / seconds;
        let (mut times, mut latencies) = (Vec::new(), Vec::new());
        for kind in 0..KINDS {
            self.still()?;
            let time = self.again(proxies.0, &commands(kind, &map_of(proxies.0), lines, entries))?;
            self.again(proxies.1, &commands(kind, &map_of(proxies.1), lines, entries))?;
            times.push(time);
            let watched = self.spans.iter().rev().take(3).rev();
            latencies.extend(watched.map(|span| span.latency(0.99) / 1000.0));
        }
        let last = self.stage.finish()?;
        if let Some(first) = self.spans.first_mut() {
            (first.tally.failed, first.tally.first_failure) = (last.failed, last.first_failure);
        }
        let [_, stat, weight, table, payload, line] = times[..] else {
            return Err(Trouble::new("not every kind of command was measured"));
        };
        let values = [stat * 1000.0, per_second(lines, weight), per_second(lines, table), payload, line];
        Ok(values.into_iter().chain(latencies).collect())
    }

    /// The traffic alone.
    fn still(&mut self) -> Result<()> {
        self.stage.restart_tally();
        self.stage.run(self.span)?;
        self.note();
        Ok(())
    }

    /// Sends commands one after the other, again and again; gives the median of the seconds that those take which
    /// count.
    fn again(&mut self, proxy: &Proxy, commands: &Commands) -> Result<f64> {
        self.stage.restart_tally();
        let begun = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || begun.elapsed() < self.span {
            for (commands, counts) in commands {
                let receipt = self.stage.command(proxy, commands, LIMIT)?;
                let words = receipt.words.trim();
                if !words.is_empty() && !words.starts_with("# pxname") && !words.starts_with("Name: ") {
                    return Err(Trouble::new(format!("a command was refused: {words}")));
                }
                if *counts {
                    times.push(receipt.time.as_secs_f64());
                }
            }
        }
        self.note();
        Ok(quantile(&times, 0.5))
    }

    fn note(&mut self) {
        self.spans.push(Span { tally: self.stage.tally(), ..Span::default() });
    }
}

/// The commands of a kind, in the order of the measures.
fn commands(kind: usize, map: &str, lines: usize, entries: usize) -> Commands {
    let written =
        |count: usize, line: &dyn Fn(usize) -> String| (0..count).map(line).collect::<String>().into_bytes();
    let weights = |weight: u32| written(lines, &|at| format!("set server farm/f{at} weight {weight}\n"));
    let clear = (format!("clear map {map}\n").into_bytes(), false);
    match kind {
        0 => vec![(b"show info\n".to_vec(), true)],
        1 => vec![(b"show stat\n".to_vec(), true)],
        2 => vec![(weights(20), true), (weights(30), true)],
        3 => {
            let line = |at| format!("set table clients key 10.0.{}.{} data.gpc0 {at}\n", at / 250, at % 250);
            vec![(written(lines, &line), true)]
        }
        4 => vec![(fill(map, entries, "", 1), true), clear],
        _ => {
            let line = |at| format!("add map {map} host-{at:07}.example value-1\n");
            vec![(written(entries, &line), true), clear]
        }
    }
}

/// How many seconds it takes each time to connect, ask and read to the end.
fn one_shots(proxy: &Proxy) -> Result<Vec<f64>> {
    let mut times = Vec::new();
    for _ in 0..ONE_SHOTS {
        let begun = Instant::now();
        let mut stream = proxy.socket()?;
        stream.write_all(b"show info\n")?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply)?;
        times.push(begun.elapsed().as_secs_f64());
        if !reply.starts_with(b"Name: ") {
            return Err(Trouble::new("show info was not answered"));
        }
    }
    Ok(times)
}

fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (sorted.len() as f64 * share) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::NAN)
}

/// Connections with one question each.
const ONE_SHOTS: usize = 300;
/// Kinds of commands that are sent beside traffic.
const KINDS: usize = 6;
/// Requests a second of the client that watches.
const RATE: f64 = 2000.0;
const LIMIT: Duration = Duration::from_secs(120);

const MEASURES: [Measure; 25] = [
    Measure { name: "one-shot ms", digits: 2, ratio: true },
    Measure { name: "p99 ms", digits: 2, ratio: false },
    Measure { name: "show stat ms", digits: 1, ratio: true },
    Measure { name: "weights/s", digits: 0, ratio: true },
    Measure { name: "set table/s", digits: 0, ratio: true },
    Measure { name: "payloads s", digits: 2, ratio: true },
    Measure { name: "lines s", digits: 2, ratio: true },
    Measure { name: "traffic p99 ms still", digits: 2, ratio: false },
    Measure { name: "show info", digits: 2, ratio: false },
    Measure { name: "aside", digits: 2, ratio: false },
    Measure { name: "still", digits: 2, ratio: false },
    Measure { name: "show stat", digits: 2, ratio: false },
    Measure { name: "aside", digits: 2, ratio: false },
    Measure { name: "still", digits: 2, ratio: false },
    Measure { name: "weights", digits: 2, ratio: false },
    Measure { name: "aside", digits: 2, ratio: false },
    Measure { name: "still", digits: 2, ratio: false },
    Measure { name: "set table", digits: 2, ratio: false },
    Measure { name: "aside", digits: 2, ratio: false },
    Measure { name: "still", digits: 2, ratio: false },
    Measure { name: "payloads", digits: 2, ratio: false },
    Measure { name: "aside", digits: 2, ratio: false },
    Measure { name: "still", digits: 2, ratio: false },
    Measure { name: "lines", digits: 2, ratio: false },
    Measure { name: "aside", digits: 2, ratio: false },
];
