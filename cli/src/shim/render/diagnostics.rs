//! What the process says of its insides, as lines (management manual 9.3).

use std::fmt::Write;

use regate_proto::wire::v1;

use crate::shim::commands::diagnostics::refused_events;
use crate::shim::plan::{self, Reply};
use crate::shim::sentence::{self, About};

/// Writes the sections of a report.
#[derive(Debug)]
pub struct Report;

/// Writes the lines of descriptors that a filter lets through.
#[derive(Debug)]
pub struct Descriptors {
    flags: String,
    inverted: bool,
}

/// In which order pools are listed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Order {
    /// As they come.
    #[default]
    None,
    /// By name.
    Name,
    /// By the size of one thing, the largest first.
    Size,
    /// By the memory that they take, the most first; those that take none are left out.
    Usage,
}

/// Writes what memory is used for.
#[derive(Debug, Default)]
pub struct Pools {
    /// The order.
    pub order: Order,
    /// What names begin with.
    pub prefix: String,
    /// Most lines.
    pub most: Option<usize>,
    /// Whether bytes for each thing are told where they differ.
    pub detailed: bool,
    pools: Vec<v1::Pool>,
}

/// Writes a line for each server's connections.
#[derive(Debug, Default)]
pub struct Connections {
    begun: bool,
}

/// Writes the lines of a ring.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// What ends a line.
    pub end: u8,
}

impl plan::Lines for Report {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for section in answer.report.unwrap_or_default().sections {
            let indent = if section.title.is_empty() { "" } else { "  " };
            let mut text = String::new();
            if !section.title.is_empty() {
                text.push_str(&section.title);
                text.push('\n');
            }
            for line in &section.lines {
                // Writing to a string cannot fail. An empty line would end the reply.
                let _ = writeln!(text, "{indent}{}", if line.is_empty() { " " } else { line });
            }
            out.extend_from_slice(text.as_bytes());
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

impl Descriptors {
    /// Those of the kinds that the letters name: `p` pipes, `l` listeners, `c` connections, of these `f` of clients
    /// and `b` to servers; `!` turns it round. No letters: all.
    pub fn new(flags: Option<String>) -> Descriptors {
        let flags = flags.unwrap_or_default();
        Descriptors { inverted: flags.contains('!'), flags }
    }

    fn shows(&self, line: &str) -> bool {
        let letters = self.flags.bytes().filter(|letter| *letter != b'!');
        let listens = line.contains(" state=LISTEN ");
        let connects = (line.contains(" kind=tcp ") || line.contains(" kind=unix ")) && !listens;
        let mut fits = letters.map(|letter| match letter {
            b'p' => line.contains(" kind=pipe"),
            b'l' => listens,
            b'c' => connects,
            b'f' => connects && line.contains(" fe="),
            b'b' => connects && line.contains(" sv="),
            _ => false,
        });
        self.flags.trim_matches('!').is_empty() || fits.any(|fits| fits) != self.inverted
    }
}

impl plan::Lines for Descriptors {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        let sections = answer.report.unwrap_or_default().sections;
        for line in sections.iter().flat_map(|section| &section.lines).filter(|line| self.shows(line)) {
            out.extend_from_slice(line.as_bytes());
            out.push(b'\n');
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

impl plan::Lines for Pools {
    fn begin(&mut self, out: &mut Vec<u8>) {
        out.extend_from_slice(b"Dumping pools usage.\n");
    }

    fn part(&mut self, answer: v1::Answer, _: &mut Vec<u8>) {
        self.pools.extend(answer.pools.into_iter().filter(|pool| pool.name.starts_with(&self.prefix)));
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        match self.order {
            Order::None => {}
            Order::Name => self.pools.sort_by(|left, right| left.name.cmp(&right.name)),
            Order::Size => self.pools.sort_by_key(|pool| std::cmp::Reverse(pool.object_bytes)),
            Order::Usage => {
                self.pools.retain(|pool| pool.allocated_bytes > 0);
                self.pools.sort_by_key(|pool| std::cmp::Reverse(pool.allocated_bytes));
            }
        }
        let shown = self.most.unwrap_or(usize::MAX).min(self.pools.len());
        let mut text = String::new();
        let (mut allocated, mut kept) = (0_u64, 0_u64);
        for pool in self.pools.iter().take(shown) {
            let size = match pool.object_bytes {
                0 if self.detailed => match pool.allocated_bytes.checked_div(pool.allocated) {
                    Some(mean) => format!(" (~{mean} bytes)"),
                    None => String::new(),
                },
                0 => String::new(),
                size => format!(" ({size} bytes)"),
            };
            // Writing to a string cannot fail.
            let _ = writeln!(
                text,
                "  - Pool {}{size} : {} allocated ({} bytes), {} used (~{} by thread caches), {} failures",
                pool.name, pool.allocated, pool.allocated_bytes, pool.used, pool.kept, pool.refused_total
            );
            allocated = allocated.saturating_add(pool.allocated_bytes);
            kept = kept.saturating_add(pool.kept.saturating_mul(pool.object_bytes));
        }
        let used = allocated.saturating_sub(kept);
        let _ = writeln!(
            text,
            "Total: {shown} pools, {allocated} bytes allocated, {used} used (~{kept} by thread caches)."
        );
        out.extend_from_slice(text.as_bytes());
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::Thing, problems)
    }
}

impl Connections {
    fn header(&mut self, workers: usize, out: &mut String) {
        if !std::mem::replace(&mut self.begun, true) {
            let _ = writeln!(out, "{COLUMNS} idle_per_thr[{workers}]");
        }
    }
}

impl plan::Lines for Connections {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        let mut text = String::new();
        for row in &answer.server_connections {
            self.header(row.idle_counts.len(), &mut text);
            let idle = row.idle_unsafe.saturating_add(row.idle_safe);
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "{}/{} {}/{} {} {} - {} {} {} {} {} {} {} {} {} {idle}",
                row.backend,
                row.server,
                row.backend_id,
                row.server_id,
                row.address.as_deref().unwrap_or("-"),
                row.port,
                row.purge_delay_ms,
                row.served,
                row.used,
                row.used_max,
                row.needed,
                row.idle_private,
                row.idle_unsafe,
                row.idle_safe,
                row.idle_limit.map_or(-1, i64::from),
            );
            for idle in &row.idle_counts {
                let _ = write!(text, " {idle}");
            }
            text.push('\n');
        }
        out.extend_from_slice(text.as_bytes());
    }

    fn end(&mut self, out: &mut Vec<u8>) {
        let mut text = String::new();
        self.header(0, &mut text);
        out.extend_from_slice(text.as_bytes());
    }

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        sentence::refusal(About::ListOfBackend, problems)
    }
}

impl Lines {
    /// Writes one line.
    pub fn write(&self, line: &[u8], out: &mut Vec<u8>) {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        // An empty line would end the reply.
        out.extend_from_slice(if text.is_empty() { b" " } else { text });
        out.push(self.end);
    }
}

impl plan::Lines for Lines {
    fn begin(&mut self, _: &mut Vec<u8>) {}

    fn part(&mut self, answer: v1::Answer, out: &mut Vec<u8>) {
        for line in answer.events.unwrap_or_default().lines {
            self.write(&line, out);
        }
    }

    fn end(&mut self, _: &mut Vec<u8>) {}

    fn refused(&self, problems: &[v1::Problem]) -> Reply {
        refused_events(problems)
    }
}

/// The list of rings, after the streams that every process has.
pub fn sinks(sinks: &[v1::Sink]) -> Reply {
    let mut text = String::from(
        "Supported events sinks are listed below. Add -0(zero), -w(wait), -n(new). Any key to stop.\n    stdout     : type=fd, 0 dropped, standard output (fd#1)\n    stderr     : type=fd, 0 dropped, standard output (fd#2)\n",
    );
    for sink in sinks {
        let about = sink.description.as_deref().unwrap_or(&sink.name);
        // Writing to a string cannot fail.
        let _ =
            writeln!(text, "    {:<10} : type=buffer, {} dropped, {about}", sink.name, sink.refused_total);
    }
    Reply::Dump(text.into_bytes())
}

/// The columns before those of the workers.
const COLUMNS: &str = "# bkname/svname bkid/svid addr port - purge_delay served used_cur used_max need_est idle_sess unsafe_nb safe_nb idle_lim idle_cur";

#[cfg(test)]
mod tests {
    use super::*;

    fn pool(name: &str, size: u64, used: u64, kept: u64) -> v1::Pool {
        let allocated = used + kept;
        v1::Pool {
            name: name.to_owned(),
            object_bytes: size,
            allocated,
            allocated_bytes: allocated * size,
            used,
            kept,
            refused_total: 2,
        }
    }

    fn written(mut lines: impl plan::Lines, answer: v1::Answer) -> String {
        let mut out = Vec::new();
        lines.begin(&mut out);
        lines.part(answer, &mut out);
        lines.end(&mut out);
        String::from_utf8_lossy(&out).into_owned()
    }

    #[test]
    fn pools_are_filtered_ordered_and_summed() {
        let pools = || vec![pool("small", 10, 1, 2), pool("tiny", 1, 0, 0), pool("slow", 100, 5, 0)];
        let answer = || v1::Answer { pools: pools(), ..Default::default() };
        assert_eq!(
            written(Pools { prefix: "s".into(), order: Order::Usage, ..Default::default() }, answer()),
            "Dumping pools usage.\n  \
             - Pool slow (100 bytes) : 5 allocated (500 bytes), 5 used (~0 by thread caches), 2 failures\n  \
             - Pool small (10 bytes) : 3 allocated (30 bytes), 1 used (~2 by thread caches), 2 failures\n\
             Total: 2 pools, 530 bytes allocated, 510 used (~20 by thread caches).\n"
        );
        let most = written(Pools { order: Order::Name, most: Some(1), ..Default::default() }, answer());
        assert!(most.contains("Pool slow") && most.contains("Total: 1 pools, 500 bytes"), "{most}");
    }

    #[test]
    fn descriptors_are_filtered_by_letters() {
        let lines = [
            "1 : kind=pipe",
            "2 : kind=tcp state=LISTEN local=x fe=f",
            "3 : kind=tcp state=ESTABLISHED sv=b/s",
        ];
        let shown = |flags: &str| {
            let filter = Descriptors::new(Some(flags.to_owned()));
            lines.iter().filter(|line| filter.shows(line)).map(|line| &line[..1]).collect::<String>()
        };
        let wanted = [
            ("", "123"),
            ("p", "1"),
            ("l", "2"),
            ("c", "3"),
            ("pl", "12"),
            ("!p", "23"),
            ("b", "3"),
            ("f", ""),
        ];
        for (flags, numbers) in wanted {
            assert_eq!(shown(flags), numbers, "-{flags}");
        }
    }

    #[test]
    fn lines_of_a_ring_may_end_with_a_zero() {
        let events = v1::Events { lines: vec![b"a\n".to_vec(), b"".to_vec()], ..Default::default() };
        let answer = v1::Answer { events: Some(events), ..Default::default() };
        assert_eq!(written(Lines { end: 0 }, answer), "a\0 \0");
    }
}
