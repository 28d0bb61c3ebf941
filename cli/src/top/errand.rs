//! What is to be changed where: made from a key and the rows it is for, confirmed by somebody, carried out by the
//! source.
//!
//! Pure. The words of a step are those that somebody agreed to, so they name the row, the place and both values.

use std::sync::Arc;

use regate_proto::change::Field;

use super::board::{Board, Entry};
use super::sample::{Kind, Place, TargetKind};

/// What somebody wants of the rows that are selected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Servers take traffic again.
    Ready,
    /// Servers finish what they have.
    Drain,
    /// Servers are taken out.
    Maint,
    /// Servers get this weight.
    Weight(u16),
    /// Servers get a tenth of their declared weight more.
    Heavier,
    /// Servers get a tenth of their declared weight less.
    Lighter,
    /// Frontends listen.
    Enable,
    /// Frontends stop listening.
    Disable,
    /// What was changed by hand is dropped.
    Revert,
}

/// Steps that are confirmed and carried out together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Errand {
    /// The steps.
    pub steps: Vec<Step>,
    /// Where they hold, as in `on node a`.
    pub scope: String,
    /// What to think of before it is done.
    pub warnings: Vec<String>,
}

/// One step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// The row.
    pub place: Place,
    /// What is done to it.
    pub deed: Deed,
    /// What holds before, in words; empty when that is not known.
    before: String,
}

/// What is done to a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// What an administrator asks of a server.
    State(State),
    /// A weight.
    Weight(u16),
    /// Whether a frontend listens.
    Enabled(bool),
    /// A field as files say it.
    Revert(Field),
}

/// What an administrator asks of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It takes traffic.
    Ready,
    /// It finishes what it has.
    Drain,
    /// It is out.
    Maint,
}

impl State {
    /// The word that targets know.
    pub fn word(self) -> &'static str {
        match self {
            State::Ready => "ready",
            State::Drain => "drain",
            State::Maint => "maint",
        }
    }
}

impl Errand {
    /// What an order means for rows; the error says in a sentence why it means nothing.
    pub fn plan(order: Order, entries: &[&Entry], board: &Board) -> Result<Errand, String> {
        let mut steps: Vec<Step> = Vec::new();
        for entry in entries {
            for step in steps_for(order, entry, board) {
                // Rows of several nodes may be one place of the fleet.
                if !steps.iter().any(|known| known.place == step.place && known.deed == step.deed) {
                    steps.push(step);
                }
            }
        }
        if steps.is_empty() {
            return Err(useless(order, entries, board));
        }
        let warnings = warnings(&steps, board);
        Ok(Errand { steps, scope: scope(board), warnings })
    }

    /// The steps in sentences.
    pub fn sentences(&self) -> Vec<String> {
        self.steps.iter().map(|step| step.sentence(&self.scope)).collect()
    }
}

impl Step {
    /// `app/s1 on node a: weight 10 -> 50`.
    pub fn sentence(&self, scope: &str) -> String {
        let what = match (&self.deed, self.before.as_str()) {
            (Deed::Weight(weight), "") => format!("weight -> {weight}"),
            (Deed::Weight(weight), before) => format!("weight {before} -> {weight}"),
            (Deed::State(state), before) => format!("{before} -> {}", state.word()),
            (Deed::Enabled(true), before) => format!("{before} -> enabled"),
            (Deed::Enabled(false), before) => format!("{before} -> disabled"),
            (Deed::Revert(field), before) => format!("{}: {before} -> what files say", field.word()),
        };
        format!("{} {scope}: {}", self.name(), what.trim_start())
    }

    /// The row as people name it.
    pub fn name(&self) -> String {
        match self.place.kind {
            Kind::Frontend => format!("frontend {}", self.place.proxy),
            Kind::Backend => format!("backend {}", self.place.proxy),
            Kind::Listener | Kind::Server => format!("{}/{}", self.place.proxy, self.place.service),
        }
    }

    /// Whether the server takes no new traffic after it.
    fn takes_out(&self) -> bool {
        matches!(self.deed, Deed::State(State::Drain | State::Maint) | Deed::Weight(0))
    }
}

fn steps_for(order: Order, entry: &Entry, board: &Board) -> Vec<Step> {
    let place = &entry.row.key.place;
    let step = |deed, before: String| vec![Step { place: place.clone(), deed, before }];
    match (order, place.kind) {
        (Order::Ready, Kind::Server) => step(Deed::State(State::Ready), entry.row.status.clone()),
        (Order::Drain, Kind::Server) => step(Deed::State(State::Drain), entry.row.status.clone()),
        (Order::Maint, Kind::Server) => step(Deed::State(State::Maint), entry.row.status.clone()),
        (Order::Weight(weight), Kind::Server) => step(Deed::Weight(weight), weight_of(entry)),
        (Order::Heavier | Order::Lighter, Kind::Server) => match nudged(order, entry) {
            Some(weight) => step(Deed::Weight(weight), weight_of(entry)),
            None => Vec::new(),
        },
        (Order::Enable, Kind::Frontend) => step(Deed::Enabled(true), entry.row.status.clone()),
        (Order::Disable, Kind::Frontend) => step(Deed::Enabled(false), entry.row.status.clone()),
        (Order::Revert, _) => {
            let by_hand = board.sample.by_hand.get(place).map_or(&[][..], Vec::as_slice);
            // Dropping that a row was added by hand would remove the row: that is no job for a key.
            let fields = by_hand.iter().filter(|change| change.field != Field::Row);
            fields.flat_map(|change| step(Deed::Revert(change.field), change.value.clone())).collect()
        }
        _ => Vec::new(),
    }
}

fn weight_of(entry: &Entry) -> String {
    entry.row.set_weight().map_or_else(String::new, |weight| weight.to_string())
}

/// A tenth of the declared weight more or less, at least 1; `None` where nothing would change.
fn nudged(order: Order, entry: &Entry) -> Option<u16> {
    let now = entry.row.set_weight()?;
    let tenth = (entry.row.weights.map_or(now, |weights| weights.initial) / 10).max(1);
    let next = if order == Order::Heavier { now.saturating_add(tenth) } else { now.saturating_sub(tenth) };
    let next = next.clamp(0, HEAVIEST);
    if next == now { None } else { u16::try_from(next).ok() }
}

/// Why an order means nothing for rows.
fn useless(order: Order, entries: &[&Entry], board: &Board) -> String {
    if entries.is_empty() {
        return "no row is selected".to_owned();
    }
    let servers = entries.iter().any(|entry| entry.row.key.place.kind == Kind::Server);
    match order {
        Order::Enable | Order::Disable => "only frontends are enabled and disabled: select one".to_owned(),
        Order::Heavier if servers => format!("the weight is {HEAVIEST} already, the highest"),
        Order::Lighter if servers => "the weight is 0 already".to_owned(),
        Order::Revert if board.sample.target == TargetKind::Haproxy => {
            "HAProxy does not keep what its files say: set the state or weight that you want".to_owned()
        }
        Order::Revert => "nothing was changed by hand here".to_owned(),
        _ => "only servers have a state and a weight: select one".to_owned(),
    }
}

/// Where changes hold.
fn scope(board: &Board) -> String {
    let processes = &board.sample.processes;
    if board.sample.target == TargetKind::Haproxy {
        let product =
            processes.first().and_then(|process| process.product.split(' ').next()).unwrap_or_default();
        let node = processes.first().map_or("", |process| &*process.node);
        return format!("at {product} {node}").trim_end().to_owned();
    }
    let names: Vec<&str> =
        processes.iter().map(|process| &*process.node).filter(|name| !name.is_empty()).collect();
    match names.as_slice() {
        [] => "everywhere".to_owned(),
        [name] => format!("on node {name}"),
        names if names.len() <= NAMED => format!("on all nodes ({})", names.join(", ")),
        names => format!("on all {} nodes", names.len()),
    }
}

/// Backends that no server would serve any more.
fn warnings(steps: &[Step], board: &Board) -> Vec<String> {
    let mut backends: Vec<&Arc<str>> = Vec::new();
    for step in steps.iter().filter(|step| step.takes_out()) {
        if !backends.contains(&&step.place.proxy) {
            backends.push(&step.place.proxy);
        }
    }
    let left = |backend: &str| {
        let of_backend = board.entries.iter().filter(|entry| &*entry.row.key.place.proxy == backend);
        let (taken, kept): (Vec<&Entry>, Vec<&Entry>) =
            of_backend.filter(|entry| entry.row.serves()).partition(|entry| {
                steps.iter().any(|step| step.takes_out() && step.place == entry.row.key.place)
            });
        // Where nothing serves already, a step makes nothing worse.
        taken.is_empty() || !kept.is_empty()
    };
    let lost = backends.into_iter().filter(|backend| !left(backend));
    lost.map(|backend| format!("backend {backend} will have no server that takes traffic")).collect()
}

/// The highest weight (configuration manual 5.2, "weight").
pub const HEAVIEST: i64 = 256;

/// Nodes that are named in a sentence.
const NAMED: usize = 4;

#[cfg(test)]
#[path = "errand_tests.rs"]
mod tests;
