//! Choosing among 10,000 servers, and changing one of them: inside one process, without a network.

use std::collections::VecDeque;
use std::fmt::Write;
use std::time::Instant;

use regate_dataplane::balance::Key;
use regate_dataplane::live::Live;
use regate_dataplane::snapshot::{self, BackendPlan, ServerPlan, Snapshot};
use regate_proto::change::{Change, ChangeSet, Layer, Origin, Revision, Setting};
use regate_proto::config::{self, Environment, SourceFile};
use regate_proto::model::{Name, Row, ServerRef, Subject, Weight};
use regate_proto::state::{State, Touched};

use super::Course;
use crate::bench::contestant::Contestant;
use crate::bench::table::{Measure, Table, median};
use crate::harness::{Result, Trouble};

/// Each algorithm in turn. HAProxy has no way to be asked for a choice alone.
pub(super) fn run(course: &Course) -> Result<Table> {
    let text = format!(
        "A backend of {SERVERS} servers of weight 1, inside one process. Each cell is the time in ns of one choice, \
         with taking the place and giving back the one taken {HELD} choices before, which is what moves servers by \
         load; keys are given as hashes. Below it, in µs: one weight set to another value, from the change to the \
         picker that uses it (applied to the state, compiled, published); and one server added, and deleted."
    );
    let measures: Vec<Measure> =
        ALGORITHMS.iter().map(|(name, _)| Measure { name, digits: 0, ratio: false }).collect();
    let mut table = Table::new("Choosing among 10,000 servers", &text, &measures);
    let mut changes: Vec<[Vec<f64>; 3]> = ALGORITHMS.iter().map(|_| Default::default()).collect();
    for round in 0..course.effort.rounds {
        let mut cells = Vec::new();
        for ((name, settings), changes) in ALGORITHMS.iter().zip(&mut changes) {
            let mut farm = Farm::new(settings)?;
            let choice = farm.choices();
            let spans = farm.changes()?;
            changes.iter_mut().zip(spans).for_each(|(kept, span)| kept.push(span));
            let [weight, added, deleted] = spans;
            (course.report)(&format!(
                "pick       round {} {name:<12} {choice:.0} ns, weight {weight:.0} µs, add {added:.0} µs, delete {deleted:.0} µs",
                round + 1
            ));
            cells.push(choice);
        }
        table.add(Contestant::Regate, &cells);
    }
    for ((name, _), mut spans) in ALGORITHMS.iter().zip(changes) {
        let mut sentence = format!("{name}:");
        for (what, spans) in ["one weight", "one server added", "deleted"].iter().zip(&mut spans) {
            spans.sort_by(f64::total_cmp);
            let _ = write!(sentence, " {what} {:.0} µs,", median(spans).unwrap_or(f64::NAN));
        }
        table.remark(format!("{}.", sentence.trim_end_matches(',')));
    }
    Ok(table)
}

/// A backend of many servers, with the state that it is compiled from.
struct Farm {
    state: State,
    snapshot: Snapshot,
    live: Live,
}

impl Farm {
    fn new(settings: &str) -> Result<Self> {
        let mut text = format!("backend b\n mode http\n {settings}\n");
        for number in 0..SERVERS {
            let _ = writeln!(text, " server s{number} 127.0.0.1:80");
        }
        let source = SourceFile::from_bytes("pick.cfg", text.into_bytes())
            .map_err(|diagnostic| Trouble::new(diagnostic.to_string()))?;
        let environment = Environment::new(&|_| None, &|_| Err(std::io::ErrorKind::NotFound.into()));
        let loaded = config::read(&[source], &environment)
            .map_err(|diagnostics| Trouble::new(format!("{diagnostics:?}")))?;
        let state = State::restore(Revision(1), loaded.rows, Vec::new())
            .map_err(|problems| Trouble::new(format!("{problems:?}")))?;
        let touched = state.effective().map(|row| row.subject()).collect();
        let mut farm = Self { state, snapshot: Snapshot::default(), live: Live::new(1) };
        farm.publish(&touched)?;
        Ok(farm)
    }

    /// Nanoseconds of one choice, the median of some stretches of them.
    fn choices(&self) -> f64 {
        let Some(plan) = self.plan() else { return f64::NAN };
        let mut held: VecDeque<&ServerPlan> = VecDeque::new();
        let mut hash = 1_u32;
        let mut spans: Vec<f64> = (0..STRETCHES)
            .map(|_| {
                let began = Instant::now();
                for _ in 0..CHOICES {
                    hash = hash.wrapping_mul(747_796_405).wrapping_add(2_891_336_453);
                    let Some(server) = plan.pick(Key(Some(hash)), |_| true) else { continue };
                    server.live.occupy(&plan.live, 0);
                    held.push_back(server.as_ref());
                    if held.len() > HELD
                        && let Some(oldest) = held.pop_front()
                    {
                        oldest.live.vacate(&plan.live);
                    }
                }
                began.elapsed().as_nanos() as f64 / CHOICES as f64
            })
            .collect();
        held.iter().for_each(|server| server.live.vacate(&plan.live));
        spans.sort_by(f64::total_cmp);
        median(&spans).unwrap_or(f64::NAN)
    }

    /// Microseconds of a changed weight, an added server and a deleted one, each from the change to its use.
    fn changes(&mut self) -> Result<[f64; 3]> {
        let name = |text: &str| Name::new(text).map_err(|bad| Trouble::new(bad.to_string()));
        let (backend, first) = (name("b")?, name("s0")?);
        let mut spans = [const { Vec::new() }; 3];
        for turn in 0..TURNS {
            let at =
                ServerRef { backend: backend.clone(), server: name(&format!("s{}", turn * 97 % SERVERS))? };
            let weight = Weight::new(2).map_err(|bad| Trouble::new(format!("{bad:?}")))?;
            let weigh = |weight: Weight| {
                Change::Set(Layer::Overlay, Subject::Server(at.clone()), Setting::Weight(weight))
            };
            spans[0].push(self.change(weigh(weight))?);
            self.change(weigh(Weight::DEFAULT))?;
            let known = ServerRef { backend: backend.clone(), server: first.clone() };
            let mut added =
                self.state.server(&known).ok_or_else(|| Trouble::new("there is no server"))?.clone();
            added.at.server = name("added")?;
            (added.id, added.order) = (0, 0);
            let subject = Subject::Server(added.at.clone());
            spans[1].push(self.change(Change::Put(Layer::Overlay, Row::Server(added)))?);
            spans[2].push(self.change(Change::Delete(Layer::Overlay, subject))?);
        }
        Ok(spans.map(|mut spans| {
            spans.sort_by(f64::total_cmp);
            median(&spans).unwrap_or(f64::NAN)
        }))
    }

    fn change(&mut self, change: Change) -> Result<f64> {
        let set = ChangeSet { base: None, origin: Origin::default(), changes: vec![change] };
        let began = Instant::now();
        let applied = self.state.apply(&set).map_err(|problems| Trouble::new(format!("{problems:?}")))?;
        self.publish(&applied.touched)?;
        // The first choice after it, since a list is written when it is needed.
        if let Some(plan) = self.plan() {
            plan.pick(Key(Some(1)), |_| true);
        }
        Ok(began.elapsed().as_nanos() as f64 / 1000.0)
    }

    fn publish(&mut self, touched: &Touched) -> Result<()> {
        let next = snapshot::compile(&self.state, &self.snapshot, touched, &self.live)
            .map_err(|problems| Trouble::new(format!("{problems:?}")))?;
        snapshot::foresee_transition(&self.snapshot, &next, &self.live);
        snapshot::note_transition(&self.snapshot, &next, &self.live);
        self.snapshot = next;
        Ok(())
    }

    fn plan(&self) -> Option<&BackendPlan> {
        self.snapshot.backends.values().next().map(AsRef::as_ref)
    }
}

const ALGORITHMS: [(&str, &str); 9] = [
    ("roundrobin", "balance roundrobin"),
    ("static-rr", "balance static-rr"),
    ("leastconn", "balance leastconn"),
    ("first", "balance first"),
    ("random", "balance random"),
    ("sticky", "balance sticky"),
    ("map", "balance uri\n hash-type map-based"),
    ("ring", "balance uri\n hash-type consistent"),
    ("bounded ring", "balance uri\n hash-type consistent\n hash-balance-factor 150"),
];
const SERVERS: usize = 10_000;
const CHOICES: usize = 20_000;
const STRETCHES: usize = 7;
/// Places taken at a time.
const HELD: usize = 1000;
/// Changes of each kind.
const TURNS: usize = 21;
