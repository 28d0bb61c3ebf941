//! Numbers of proxies, binds and servers, and their places in listings.
//!
//! Proxies are numbered from 2 upward, frontends and backends together; binds and servers from 1 upward in
//! their parent. Both halves of a `listen` share one number. Rows that come together are numbered in the order
//! of listings, and each counts, also one whose number is forced, so that a file gives the numbers that HAProxy
//! gives (configuration manual 4.2 "id" and 5.2 "id"). A number that a row forces is never given to another one;
//! a row that had its number of itself gives way to one that forces it. Numbers of rows that are hidden by hand
//! are kept for them.
//!
//! Every row of the spec and of the overlays has a number and a place once a set is applied.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::apply::{Before, Draft};
use super::{Rows, State, contained, of_kind};
use crate::change::{Field, Overlay, OverlayValue};
use crate::model::{Kind, Name, Row, Subject};
use crate::problem::{Code, Problem};

/// Where a number must be unique.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Space {
    /// Defaults have places only.
    Defaults,
    /// Resolvers too.
    Resolvers,
    /// And lists of users.
    Userlists,
    /// And rings.
    Rings,
    /// And shared error pages.
    HttpErrors,
    /// Frontends and backends together.
    Proxies,
    /// The binds of a frontend.
    Binds(Name),
    /// The servers of a backend.
    Servers(Name),
}

impl Space {
    /// Where the subject's number must be unique; nothing for a kind without numbers and places.
    pub(super) fn of(subject: &Subject) -> Option<Space> {
        match subject {
            Subject::Global | Subject::List(_) | Subject::Entries(_) => None,
            Subject::Defaults(_) => Some(Space::Defaults),
            Subject::Resolvers(_) => Some(Space::Resolvers),
            Subject::Userlist(_) => Some(Space::Userlists),
            Subject::Ring(_) => Some(Space::Rings),
            Subject::HttpErrors(_) => Some(Space::HttpErrors),
            Subject::Frontend(_) | Subject::Backend(_) => Some(Space::Proxies),
            Subject::Bind(at) => Some(Space::Binds(at.frontend.clone())),
            Subject::Server(at) => Some(Space::Servers(at.backend.clone())),
        }
    }

    fn first(&self) -> u32 {
        if *self == Space::Proxies { 2 } else { 1 }
    }

    /// Its rows among these.
    fn rows<'a>(&self, rows: &'a Rows) -> Box<dyn Iterator<Item = (&'a Subject, &'a Arc<Row>)> + 'a> {
        match self {
            Space::Defaults => Box::new(of_kind(rows, Kind::Defaults)),
            Space::Resolvers => Box::new(of_kind(rows, Kind::Resolvers)),
            Space::Userlists => Box::new(of_kind(rows, Kind::Userlist)),
            Space::Rings => Box::new(of_kind(rows, Kind::Ring)),
            Space::HttpErrors => Box::new(of_kind(rows, Kind::HttpErrors)),
            Space::Proxies => Box::new(of_kind(rows, Kind::Frontend).chain(of_kind(rows, Kind::Backend))),
            Space::Binds(frontend) => Box::new(contained(rows, &Subject::Frontend(frontend.clone()))),
            Space::Servers(backend) => Box::new(contained(rows, &Subject::Backend(backend.clone()))),
        }
    }
}

/// The row with the number and place of the one that it replaces, where it does not set its own.
pub(super) fn carry_over(mut row: Row, old: Option<&Row>) -> Row {
    if let Some(old) = old {
        fill(&mut row, id(old).unwrap_or(0), order(old).unwrap_or(0));
    }
    row
}

/// A row's number, where its kind has one.
pub(super) fn id(row: &Row) -> Option<u32> {
    match row {
        Row::Frontend(row) => Some(row.id),
        Row::Backend(row) => Some(row.id),
        Row::Bind(row) => Some(row.id),
        Row::Server(row) => Some(row.id),
        Row::Global(_)
        | Row::Defaults(_)
        | Row::Resolvers(_)
        | Row::Userlist(_)
        | Row::Ring(_)
        | Row::HttpErrors(_)
        | Row::List(_)
        | Row::Entries(_) => None,
    }
}

/// The row without its number.
pub(super) fn unnumbered(mut row: Row) -> Row {
    seats(&mut row).0.into_iter().for_each(|id| *id = 0);
    row
}

/// Whether the row is one half of a `listen` section.
pub(super) fn is_half(row: &Row) -> bool {
    match row {
        Row::Frontend(row) => row.listen,
        Row::Backend(row) => row.listen,
        _ => false,
    }
}

/// The other half of a `listen` section, if this is one.
pub(super) fn partner(state: &State, row: &Row) -> Option<Arc<Row>> {
    let subject = match row {
        Row::Frontend(row) if row.listen => Subject::Backend(row.name.clone()),
        Row::Backend(row) if row.listen => Subject::Frontend(row.name.clone()),
        _ => return None,
    };
    state.row(&subject).filter(|other| is_half(other)).cloned()
}

/// Numbers the rows that have no number or place, and refuses numbers that are taken twice.
///
/// Costs nothing for rows that keep their numbers, and one look over its peers for the first that does not.
pub(super) fn number(draft: &mut Draft<'_>) -> Vec<Problem> {
    let mut spaces: BTreeMap<Space, Vec<Arrival>> = BTreeMap::new();
    let before = draft.before();
    let mut settled = Vec::new();
    for subject in &draft.touched {
        let Some((space, arrival)) = Space::of(subject).zip(arrival(draft, subject, before.get(subject)))
        else {
            continue;
        };
        match arrival.is_settled {
            true => settled.push((space, arrival)),
            false => spaces.entry(space).or_default().push(arrival),
        }
    }
    for (space, arrival) in settled {
        // It may have to give way, but only to another one.
        spaces.entry(space).and_modify(|arrivals| arrivals.push(arrival));
    }
    let mut problems = Vec::new();
    for (space, mut arrivals) in spaces {
        arrivals.sort_by_key(|arrival| (arrival.order == 0, arrival.order, arrival.sequence));
        let mut census = Census::over(draft.state, space, &arrivals);
        problems.extend(census.admit(draft.state, &mut arrivals));
        for arrival in &mut arrivals {
            match census.settle(draft.state, arrival) {
                Ok(()) => write(draft, arrival),
                Err(problem) => problems.push(problem),
            }
        }
        problems.extend(arrivals.iter().filter_map(|arrival| torn(draft.state, &arrival.subject)));
    }
    problems
}

/// A row whose number is new, or is to be found.
struct Arrival {
    subject: Subject,
    /// Its number; 0 when it is to be found.
    id: u32,
    /// Its place; 0 when it is to be found.
    order: u32,
    /// When the set first wrote it.
    sequence: usize,
    /// Whether there was no such row in force.
    is_new: bool,
    /// Whether its number is that which it had before, so that it may give way.
    is_carried: bool,
    /// Whether it is one half of a `listen` section.
    is_half: bool,
    /// Whether it is not in force, so that its number binds nobody.
    is_hidden: bool,
    /// Whether it has its number and place since before the set.
    is_settled: bool,
}

/// The row as an arrival, unless it keeps its number and place whatever comes.
fn arrival(draft: &Draft<'_>, subject: &Subject, before: Option<&Before>) -> Option<Arrival> {
    let state = &draft.state;
    let over = match state.overlays.get(&(subject.clone(), Field::Row)).map(|overlay| &overlay.value) {
        Some(OverlayValue::Row(row)) => Some(row.as_ref()),
        _ => None,
    };
    let spec = state.spec.get(subject).map(Arc::as_ref);
    let row = over.or(spec)?;
    let is_open = [over, spec].into_iter().flatten().any(|row| id(row) == Some(0) || order(row) == Some(0));
    let is_hidden = state.row(subject).is_none();
    let old = before.and_then(|before| before.row.as_deref());
    let differs = |old: &Row| id(old) != id(row) || is_half(old) != is_half(row);
    let is_changed = !is_hidden && before.is_some() && old.is_none_or(differs);
    let is_carried = draft.carried.contains(subject);
    let is_settled = !is_open && !is_changed;
    (!is_settled || (is_carried && !is_hidden)).then(|| Arrival {
        subject: subject.clone(),
        id: id(row).unwrap_or(0),
        order: order(row).unwrap_or(0),
        sequence: before.map_or(usize::MAX, |before| before.sequence),
        is_new: before.is_some() && old.is_none(),
        is_carried,
        is_half: is_half(row),
        is_hidden,
        is_settled,
    })
}

/// Who holds which number of a space.
struct Census {
    space: Space,
    holders: BTreeMap<u32, Holder>,
    last_order: u32,
    next: u32,
}

struct Holder {
    subject: Subject,
    /// Whether the row is not in force, so that another may force its number.
    is_hidden: bool,
}

impl Census {
    /// The census of a space without the arrivals.
    fn over(state: &State, space: Space, arrivals: &[Arrival]) -> Census {
        let mut arriving: Vec<&Subject> = arrivals.iter().map(|arrival| &arrival.subject).collect();
        arriving.sort_unstable();
        let mut last_order = 0;
        let holding = space.rows(&state.effective).filter_map(|(subject, row)| {
            last_order = last_order.max(order(row).unwrap_or(0));
            let id = id(row).filter(|id| *id != 0 && arriving.binary_search(&subject).is_err())?;
            Some((id, Holder { subject: subject.clone(), is_hidden: false }))
        });
        let mut holders: BTreeMap<u32, Holder> = holding.collect();
        let mut in_force = space.rows(&state.effective).peekable();
        for (subject, row) in space.rows(&state.spec) {
            last_order = last_order.max(order(row).unwrap_or(0));
            while in_force.next_if(|(other, _)| *other < subject).is_some() {}
            let over = in_force.next_if(|(other, _)| *other == subject);
            if let Some(id) =
                id(row).filter(|id| *id != 0 && over.is_none_or(|(_, over)| self::id(over) != Some(*id)))
            {
                holders.entry(id).or_insert_with(|| Holder { subject: subject.clone(), is_hidden: true });
            }
        }
        let next = space.first();
        Census { space, holders, last_order, next }
    }

    /// Takes in the arrivals that bring a number, those that force it first; the others that want it lose it.
    fn admit(&mut self, state: &State, arrivals: &mut [Arrival]) -> Vec<Problem> {
        let mut problems = Vec::new();
        for carried in [false, true] {
            for arrival in
                arrivals.iter_mut().filter(|one| one.id != 0 && !one.is_hidden && one.is_carried == carried)
            {
                let rival = self.rival(arrival).cloned();
                let shared = self.shared(state, &arrival.subject);
                match rival {
                    _ if carried && shared.is_some_and(|(id, _)| id != arrival.id) => arrival.id = 0,
                    Some(_) if carried => arrival.id = 0,
                    Some(rival) => {
                        let detail = format!("number {} is already that of {rival}", arrival.id);
                        problems.push(Problem::about(Code::AlreadyExists, &arrival.subject, detail));
                    }
                    None => self.hold(arrival),
                }
            }
        }
        problems
    }

    /// Gives an arrival the number and the place that it lacks.
    fn settle(&mut self, state: &State, arrival: &mut Arrival) -> Result<(), Problem> {
        let shared = self.shared(state, &arrival.subject);
        if arrival.id == 0
            && !matches!(
                self.space,
                Space::Defaults | Space::Resolvers | Space::Userlists | Space::Rings | Space::HttpErrors
            )
        {
            arrival.id = match shared {
                Some((id, _)) => id,
                None => self.free().ok_or_else(|| {
                    let detail = "every number above those of its peers is taken";
                    Problem::about(Code::OutOfRange, &arrival.subject, detail)
                })?,
            };
            self.next = if shared.is_some() { self.next } else { arrival.id.saturating_add(1) };
            self.hold(arrival);
        } else if arrival.is_new && !self.is_second_half(arrival) {
            self.next = self.next.saturating_add(1);
        }
        if arrival.order == 0 {
            let place = shared.map(|(_, order)| order).filter(|order| *order != 0);
            arrival.order = place.unwrap_or(self.last_order.saturating_add(1));
        }
        self.last_order = self.last_order.max(arrival.order);
        Ok(())
    }

    fn hold(&mut self, arrival: &Arrival) {
        let holder = || Holder { subject: arrival.subject.clone(), is_hidden: false };
        let held = self.holders.entry(arrival.id).or_insert_with(holder);
        if held.is_hidden {
            *held = holder();
        }
    }

    /// Another row that has the arrival's number, and does not share it with it.
    fn rival(&self, arrival: &Arrival) -> Option<&Subject> {
        let holder = self.holders.get(&arrival.id)?;
        let is_rival = holder.subject != arrival.subject
            && (arrival.is_carried || !holder.is_hidden)
            && !(arrival.is_half && other_half(&arrival.subject).as_ref() == Some(&holder.subject));
        is_rival.then_some(&holder.subject)
    }

    /// Number and place of the other half of a `listen`, once it has its number.
    fn shared(&self, state: &State, subject: &Subject) -> Option<(u32, u32)> {
        let partner = partner(state, state.row(subject)?)?;
        let id = id(&partner).filter(|id| {
            self.holders.get(id).is_some_and(|holder| {
                holder.subject == *subject || Some(&holder.subject) == other_half(subject).as_ref()
            })
        })?;
        Some((id, order(&partner).unwrap_or(0)))
    }

    fn is_second_half(&self, arrival: &Arrival) -> bool {
        arrival.is_half
            && self.holders.get(&arrival.id).is_some_and(|holder| holder.subject != arrival.subject)
    }

    /// The lowest number from the next on that nobody holds.
    fn free(&self) -> Option<u32> {
        let mut candidate = self.next;
        for held in self.holders.range(self.next..).map(|(held, _)| *held) {
            if held != candidate {
                break;
            }
            candidate = candidate.checked_add(1)?;
        }
        Some(candidate)
    }
}

/// A `listen` section whose halves force different numbers.
fn torn(state: &State, subject: &Subject) -> Option<Problem> {
    let row = state.row(subject)?;
    let partner = partner(state, row)?;
    let (ours, theirs) = (id(row)?, id(&partner)?);
    (ours != theirs).then(|| {
        let detail =
            format!("both halves of a listen section have one number, these have {ours} and {theirs}");
        Problem::about(Code::Unsuitable, subject, detail)
    })
}

/// What would be the other half of a `listen` section.
pub(super) fn other_half(subject: &Subject) -> Option<Subject> {
    match subject {
        Subject::Frontend(name) => Some(Subject::Backend(name.clone())),
        Subject::Backend(name) => Some(Subject::Frontend(name.clone())),
        _ => None,
    }
}

/// Writes number and place to the row in force, and to the one that it hides where that has none.
fn write(draft: &mut Draft<'_>, arrival: &Arrival) {
    let subject = &arrival.subject;
    let over = draft.state.overlays.get(&(subject.clone(), Field::Row)).cloned();
    let over = over.as_deref().and_then(|overlay| match &overlay.value {
        OverlayValue::Row(row) => Some((overlay, row.as_ref())),
        _ => None,
    });
    if let Some((overlay, row)) = over {
        let mut numbered = row.clone();
        assign(&mut numbered, arrival.id, arrival.order);
        if numbered != *row {
            let value = OverlayValue::Row(Box::new(numbered));
            let overlay = Overlay { value, ..overlay.clone() };
            draft.write_overlay(subject, Field::Row, Some(Arc::new(overlay)));
        }
    }
    if let Some(row) = draft.state.spec.get(subject) {
        let mut numbered = row.as_ref().clone();
        match over {
            Some(_) => fill(&mut numbered, arrival.id, arrival.order),
            None => assign(&mut numbered, arrival.id, arrival.order),
        }
        if numbered != **row {
            draft.write_spec(subject, Some(Arc::new(numbered)));
        }
    }
    draft.refresh(subject);
}

fn assign(row: &mut Row, id: u32, order: u32) {
    let (own_id, own_order) = seats(row);
    own_id.into_iter().for_each(|own| *own = id);
    own_order.into_iter().for_each(|own| *own = order);
}

fn fill(row: &mut Row, id: u32, order: u32) {
    let (own_id, own_order) = seats(row);
    own_id.into_iter().filter(|own| **own == 0).for_each(|own| *own = id);
    own_order.into_iter().filter(|own| **own == 0).for_each(|own| *own = order);
}

/// A row's place, where its kind has one.
pub(super) fn order(row: &Row) -> Option<u32> {
    match row {
        Row::Global(_) | Row::List(_) | Row::Entries(_) => None,
        Row::Defaults(row) => Some(row.order),
        Row::Frontend(row) => Some(row.order),
        Row::Bind(row) => Some(row.order),
        Row::Backend(row) => Some(row.order),
        Row::Server(row) => Some(row.order),
        Row::Resolvers(row) => Some(row.order),
        Row::Userlist(row) => Some(row.order),
        Row::Ring(row) => Some(row.order),
        Row::HttpErrors(row) => Some(row.order),
    }
}

/// A row's number and place, where its kind has them.
fn seats(row: &mut Row) -> (Option<&mut u32>, Option<&mut u32>) {
    match row {
        Row::Global(_) | Row::List(_) | Row::Entries(_) => (None, None),
        Row::Defaults(row) => (None, Some(&mut row.order)),
        Row::Frontend(row) => (Some(&mut row.id), Some(&mut row.order)),
        Row::Bind(row) => (Some(&mut row.id), Some(&mut row.order)),
        Row::Backend(row) => (Some(&mut row.id), Some(&mut row.order)),
        Row::Server(row) => (Some(&mut row.id), Some(&mut row.order)),
        Row::Resolvers(row) => (None, Some(&mut row.order)),
        Row::Userlist(row) => (None, Some(&mut row.order)),
        Row::Ring(row) => (None, Some(&mut row.order)),
        Row::HttpErrors(row) => (None, Some(&mut row.order)),
    }
}
