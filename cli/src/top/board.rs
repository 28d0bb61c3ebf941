//! What is shown: the newest sample with what two samples together tell, rates and their history.
//!
//! Pure. A board is made off the drawing thread ([`Board::advance`]) and never changed afterwards.
//! Read next: `view.rs`, which chooses and orders its rows.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use super::sample::{Figure, Key, Kind, Process, Row, Sample, Standing};

/// The newest sample, with rates.
#[derive(Clone, Debug, Default)]
pub struct Board {
    /// What the target told, without its rows.
    pub sample: Sample,
    /// The rows, in the order of the target.
    pub entries: Vec<Entry>,
    /// The processes taken together.
    pub total: Total,
    places: HashMap<Key, usize>,
}

/// A row with its rates.
#[derive(Clone, Debug)]
pub struct Entry {
    /// The row.
    pub row: Row,
    /// What happens per second.
    pub pace: Pace,
    /// Requests (sessions, where nothing speaks HTTP) per second, the oldest first.
    pub trend: Vec<u32>,
    /// Why somebody should look at it, in few words. Absent: no need.
    pub problem: Option<&'static str>,
    /// Whether something of it was changed by hand.
    pub is_by_hand: bool,
    haystack: Box<str>,
}

/// What happens per second, between two samples. `None`: not known (yet).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Pace {
    /// HTTP requests.
    pub requests: Option<f64>,
    /// Sessions.
    pub sessions: Option<f64>,
    /// Bytes from clients.
    pub bytes_in: Option<f64>,
    /// Bytes to clients.
    pub bytes_out: Option<f64>,
    /// Failed connection attempts and invalid answers.
    pub errors: Option<f64>,
    /// Answers 5xx.
    pub answers_5xx: Option<f64>,
}

/// All processes taken together.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Total {
    /// Client connections now.
    pub connections: u64,
    /// Most client connections.
    pub connections_limit: u64,
    /// Connections in the last second.
    pub connections_rate: u64,
    /// Sum of the highest `connections_rate`.
    pub connections_rate_max: u64,
    /// The least idle of the processes, in percent.
    pub idle: Option<u64>,
    /// What happens per second: requests of the processes, bytes of the frontends.
    pub pace: Pace,
    /// Requests per second, the oldest first.
    pub trend: Vec<u32>,
    /// Highest `pace.requests` since watching began.
    pub requests_max: f64,
    /// Servers by standing.
    pub servers: Vec<(Standing, usize)>,
    /// Rows with a problem.
    pub problems: usize,
}

impl Board {
    /// The board that follows another one.
    pub fn advance(previous: Option<&Board>, mut sample: Sample) -> Board {
        let rows = std::mem::take(&mut sample.rows);
        let span = previous
            .and_then(|previous| sample.at.checked_sub(previous.sample.at))
            .filter(|span| *span >= SHORTEST);
        let mut places = HashMap::with_capacity(rows.len());
        let mut entries: Vec<Entry> = Vec::with_capacity(rows.len());
        for row in rows {
            let before = previous.and_then(|previous| previous.entry(&row.key));
            let by_hand = sample.by_hand.contains_key(&row.key.place);
            places.insert(row.key.clone(), entries.len());
            entries.push(Entry::new(row, before, span, by_hand));
        }
        let total = total(previous, &sample, &entries, span);
        Board { sample, entries, total, places }
    }

    /// The row with a key.
    pub fn entry(&self, key: &Key) -> Option<&Entry> {
        self.entries.get(*self.places.get(key)?)
    }

    /// The place of a row among the entries.
    pub fn place(&self, key: &Key) -> Option<usize> {
        self.places.get(key).copied()
    }
}

impl Entry {
    fn new(row: Row, before: Option<&Entry>, span: Option<Duration>, is_by_hand: bool) -> Entry {
        let pace = match (before, span) {
            (Some(before), Some(span)) => Pace::between(&before.row, &row, span),
            // Two looks in a moment tell nothing: what was known holds.
            (Some(before), None) => before.pace,
            (None, _) => Pace::default(),
        };
        let mut trend = before.map(|before| before.trend.clone()).unwrap_or_default();
        if span.is_some() || before.is_none() {
            extend(&mut trend, pace.requests.or(pace.sessions));
        }
        let problem = problem(&row, &pace);
        let haystack = haystack(&row);
        Entry { row, pace, trend, problem, is_by_hand, haystack }
    }

    /// Its name in the table: without the proxy where that stands above it.
    pub fn name(&self, is_flat: bool) -> String {
        let place = &self.row.key.place;
        match place.kind {
            Kind::Frontend | Kind::Backend => place.proxy.to_string(),
            Kind::Listener | Kind::Server if is_flat => format!("{}/{}", place.proxy, place.service),
            Kind::Listener | Kind::Server => place.service.to_string(),
        }
    }

    /// Whether a word (in lower case) occurs in its names, node, status or address.
    pub fn contains(&self, word: &str) -> bool {
        self.haystack.contains(word)
    }
}

impl Pace {
    fn between(before: &Row, now: &Row, span: Duration) -> Pace {
        let per_second = |figure| {
            let grown = now.figure(figure)?.checked_sub(before.figure(figure)?)?;
            // Counters that shrank were cleared, or the process is another one.
            (grown >= 0).then(|| grown as f64 / span.as_secs_f64())
        };
        let errors = [Figure::ConnectErrors, Figure::ResponseErrors].into_iter().filter_map(per_second);
        Pace {
            requests: per_second(Figure::RequestsTotal),
            sessions: per_second(Figure::SessionsTotal),
            bytes_in: per_second(Figure::BytesIn),
            bytes_out: per_second(Figure::BytesOut),
            errors: errors.reduce(|sum, more| sum + more),
            answers_5xx: per_second(Figure::Answers5xx),
        }
    }
}

fn extend(trend: &mut Vec<u32>, pace: Option<f64>) {
    let Some(pace) = pace else { return };
    if trend.len() >= HISTORY {
        trend.drain(..=trend.len() - HISTORY);
    }
    // Fractions matter for rows with little traffic: a curve has its own scale, in tenths.
    trend.push((pace * 10.0).round().clamp(0.0, f64::from(u32::MAX)) as u32);
}

/// Why somebody should look at a row.
fn problem(row: &Row, pace: &Pace) -> Option<&'static str> {
    let above = |rate: Option<f64>| rate.is_some_and(|rate| rate > 0.0);
    let place = &row.key.place;
    let full = match (row.figure(Figure::Sessions), row.figure(Figure::SessionsLimit)) {
        (Some(now), Some(limit)) => limit > 0 && now >= limit && place.kind != Kind::Backend,
        _ => false,
    };
    if row.standing.is_problem() {
        Some(match row.standing {
            Standing::Down => "down",
            Standing::Failing => "checks fail",
            Standing::Full => "full",
            Standing::Maintenance => "in maintenance",
            Standing::Stopping => "takes nothing new",
            Standing::Draining => "draining",
            Standing::Paused => "does not listen",
            Standing::Unknown | Standing::Unchecked | Standing::Up => "unknown status",
        })
    } else if full {
        Some("at its limit")
    } else if row.figure(Figure::Queue).is_some_and(|queue| queue > 0) {
        Some("requests wait")
    } else if above(pace.errors) {
        Some("errors")
    } else if above(pace.answers_5xx) && place.kind == Kind::Server {
        Some("answers 5xx")
    } else {
        None
    }
}

fn haystack(row: &Row) -> Box<str> {
    let place = &row.key.place;
    let kind = match place.kind {
        Kind::Frontend => "frontend",
        Kind::Listener => "bind",
        Kind::Backend => "backend",
        Kind::Server => "server",
    };
    let node = row.key.node.as_deref().unwrap_or_default();
    let address = row.column("addr").unwrap_or_default();
    let text = format!("{}/{} {kind} {node} {} {address}", place.proxy, place.service, row.status);
    text.to_lowercase().into_boxed_str()
}

fn total(previous: Option<&Board>, sample: &Sample, entries: &[Entry], span: Option<Duration>) -> Total {
    let sum = |of: fn(&Process) -> u64| sample.processes.iter().map(of).fold(0, u64::saturating_add);
    let frontends = |of: fn(&Pace) -> Option<f64>| {
        let paces = entries.iter().filter(|entry| entry.row.key.place.kind == Kind::Frontend);
        paces.filter_map(|entry| of(&entry.pace)).reduce(|sum, more| sum + more)
    };
    let requests = match (previous, span) {
        (Some(previous), Some(span)) => requests(&previous.sample, sample, span),
        (Some(previous), None) => previous.total.pace.requests,
        (None, _) => None,
    };
    let pace = Pace {
        requests,
        sessions: frontends(|pace| pace.sessions),
        bytes_in: frontends(|pace| pace.bytes_in),
        bytes_out: frontends(|pace| pace.bytes_out),
        errors: None,
        answers_5xx: frontends(|pace| pace.answers_5xx),
    };
    let mut trend = previous.map(|previous| previous.total.trend.clone()).unwrap_or_default();
    if span.is_some() || previous.is_none() {
        extend(&mut trend, pace.requests);
    }
    let mut servers: Vec<(Standing, usize)> = Vec::new();
    for entry in entries.iter().filter(|entry| entry.row.key.place.kind == Kind::Server) {
        match servers.iter_mut().find(|(standing, _)| *standing == entry.row.standing) {
            Some((_, count)) => *count += 1,
            None => servers.push((entry.row.standing, 1)),
        }
    }
    servers.sort_unstable_by_key(|(standing, _)| std::cmp::Reverse(*standing));
    let before = previous.map_or(0.0, |previous| previous.total.requests_max);
    Total {
        connections: sum(|process| process.connections),
        connections_limit: sum(|process| process.connections_limit),
        connections_rate: sum(|process| process.connections_rate),
        connections_rate_max: sum(|process| process.connections_rate_max),
        idle: sample.processes.iter().filter_map(|process| process.idle).min(),
        requests_max: before.max(pace.requests.unwrap_or(0.0)),
        pace,
        trend,
        servers,
        problems: entries.iter().filter(|entry| entry.problem.is_some()).count(),
    }
}

/// Requests per second of the processes that both samples know.
fn requests(before: &Sample, now: &Sample, span: Duration) -> Option<f64> {
    let grown = now.processes.iter().filter_map(|process| {
        let known = before.processes.iter().find(|known| known.node == process.node)?;
        let both = known.trouble.is_none() && process.trouble.is_none();
        both.then(|| process.requests_total.checked_sub(known.requests_total)).flatten()
    });
    let sum = grown.reduce(u64::saturating_add)?;
    Some(sum as f64 / span.as_secs_f64())
}

/// Points of a history.
pub const HISTORY: usize = 120;

/// Between samples that are closer than this, rates are noise.
const SHORTEST: Duration = Duration::from_millis(50);

/// Shares one board between who makes it and who shows it.
pub type Shared = Arc<Board>;

#[cfg(test)]
#[path = "board_tests.rs"]
mod tests;
