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
         requests a second over 8 connections, each again and again for {} s on one connection: `show stat` (one \
         row for each server); {lines} lines of `set server … weight`; {lines} lines of `set table … key … data.gpc0`; \
         {entries} entries of a map by payloads of 400 lines, and by as many lines of `add map`, with `clear map` \
         between. What is asked of lines of `add map` is measured against HAProxy's payloads. `still` is the traffic \
         without commands.",
        course.effort.span.as_secs_f64()
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
        let running = contestant.start(&setting)?;
        let proxy = running.proxy().ok_or_else(|| Trouble::new("there is no text socket"))?;
        let shots = one_shots(proxy)?;
        stage.load(scene.plan(&running, Pace::Open(RATE)));
        let mut bench = Bench { stage, proxy, lines, entries };
        let (mut values, spans) = bench.life(course.effort.span)?;
        values.insert(0, quantile(&shots, 0.5) * 1000.0);
        values.insert(1, quantile(&shots, 0.99) * 1000.0);
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
    proxy: &'a Proxy,
    lines: usize,
    entries: usize,
}

impl Bench<'_> {
    fn life(&mut self, span: Duration) -> Result<(Vec<f64>, Vec<Span>)> {
        self.stage.run(Duration::from_millis(500))?;
        self.stage.restart_tally();
        self.stage.run(span)?;
        let still = Span { tally: self.stage.tally(), ..Span::default() };

        let map = map_of(self.proxy);
        let mut weights = [String::new(), String::new()];
        let mut counts = String::new();
        let mut lines = String::new();
        for at in 0..self.lines {
            let _ = writeln!(weights[0], "set server farm/f{at} weight 20");
            let _ = writeln!(weights[1], "set server farm/f{at} weight 30");
            let (high, low) = (at / 250, at % 250);
            let _ = writeln!(counts, "set table clients key 10.0.{high}.{low} data.gpc0 {at}");
        }
        for at in 0..self.entries {
            let _ = writeln!(lines, "add map {map} host-{at:07}.example value-1");
        }
        let clear = format!("clear map {map}\n");
        let payloads = fill(&map, self.entries, "", 1);
        let (stat, stat_span) = self.again(span, &[(b"show stat\n", true)])?;
        let (weight, weight_span) =
            self.again(span, &[(weights[0].as_bytes(), true), (weights[1].as_bytes(), true)])?;
        let (table, table_span) = self.again(span, &[(counts.as_bytes(), true)])?;
        let (payload, payload_span) = self.again(span, &[(&payloads, true), (clear.as_bytes(), false)])?;
        let (line, line_span) = self.again(span, &[(lines.as_bytes(), true), (clear.as_bytes(), false)])?;
        let spans = vec![still, stat_span, weight_span, table_span, payload_span, line_span];
        let mut values =
            vec![stat * 1000.0, self.lines as f64 / weight, self.lines as f64 / table, payload, line];
        values.extend(spans.iter().map(|span| span.latency(0.99) / 1000.0));
        let last = self.stage.finish()?;
        let mut spans = spans;
        if let Some(first) = spans.first_mut() {
            (first.tally.failed, first.tally.first_failure) = (last.failed, last.first_failure);
        }
        Ok((values, spans))
    }

    /// Sends commands one after the other, again and again for this long; gives the median of the seconds that those
    /// take which count.
    fn again(&mut self, span: Duration, commands: &[(&[u8], bool)]) -> Result<(f64, Span)> {
        self.stage.restart_tally();
        let begun = Instant::now();
        let mut times = Vec::new();
        while times.is_empty() || begun.elapsed() < span {
            for (commands, counts) in commands {
                let receipt = self.stage.command(self.proxy, commands, LIMIT)?;
                let words = receipt.words.trim();
                if !words.is_empty() && !words.starts_with("# pxname") {
                    return Err(Trouble::new(format!("a command was refused: {words}")));
                }
                if *counts {
                    times.push(receipt.time.as_secs_f64());
                }
            }
        }
        Ok((quantile(&times, 0.5), Span { tally: self.stage.tally(), ..Span::default() }))
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
/// Requests a second of the client that watches.
const RATE: f64 = 2000.0;
const LIMIT: Duration = Duration::from_secs(120);

const MEASURES: [Measure; 13] = [
    Measure { name: "one-shot ms", digits: 2, ratio: true },
    Measure { name: "p99 ms", digits: 2, ratio: false },
    Measure { name: "show stat ms", digits: 1, ratio: true },
    Measure { name: "weights/s", digits: 0, ratio: true },
    Measure { name: "set table/s", digits: 0, ratio: true },
    Measure { name: "payloads s", digits: 2, ratio: true },
    Measure { name: "lines s", digits: 2, ratio: true },
    Measure { name: "traffic p99 ms still", digits: 2, ratio: false },
    Measure { name: "show stat", digits: 2, ratio: false },
    Measure { name: "weights", digits: 2, ratio: false },
    Measure { name: "set table", digits: 2, ratio: false },
    Measure { name: "payloads", digits: 2, ratio: false },
    Measure { name: "lines", digits: 2, ratio: false },
];
