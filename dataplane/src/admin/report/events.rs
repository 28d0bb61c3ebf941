//! Rings: which there are, and their lines.

use regate_proto::model::Name;
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::v1;

use super::super::permission::{Asked, Caller};
use super::super::query::{Answers, name};
use super::Context;
use crate::live::Ring;

/// The rings, or lines of one, about [`PART`] bytes in a part.
pub(in crate::admin) fn events(
    context: &Context,
    caller: &Caller,
    query: v1::EventsQuery,
) -> Result<Answers, Problem> {
    caller.may(Asked::Info)?;
    let (revision, rings) =
        context.store.read(|current| (current.state.revision().0, current.snapshot.rings.clone()));
    let part = move |events| v1::Answer { revision, events: Some(events), ..v1::Answer::default() };
    let Some(wanted) = query.sink else {
        let sink = |row: &regate_proto::model::Ring| v1::Sink {
            name: row.name.to_string(),
            description: row.description.clone(),
            refused_total: context.live.rings.find(&row.name).map_or(0, |ring| ring.refused()),
        };
        let sinks = rings.iter().map(|row| sink(row)).collect();
        return Ok(Box::new(std::iter::once(part(v1::Events { sinks, ..v1::Events::default() }))));
    };
    caller.may(Asked::Insides)?;
    let wanted: Name = name("sink", &wanted)?;
    let is_known = rings.iter().any(|row| row.name == wanted);
    let Some(ring) = context.live.rings.find(&wanted).filter(|_| is_known) else {
        return Err(Problem::general(Code::NotFound, format!("sink: there is no ring {wanted}")));
    };
    let end = ring.end();
    if query.end {
        return Ok(Box::new(std::iter::once(part(v1::Events { next: end, ..v1::Events::default() }))));
    }
    let mut from = query.from.unwrap_or_else(|| ring.first());
    let mut begun = false;
    Ok(Box::new(std::iter::from_fn(move || {
        // What is appended meanwhile is another question's: the answer ends. A number that is yet to come has no
        // lines.
        if begun && from >= end {
            return None;
        }
        begun = true;
        let events = lines(&ring, from.min(end));
        from = events.next;
        Some(part(events))
    })))
}

fn lines(ring: &Ring, from: u64) -> v1::Events {
    let mut lines = Vec::new();
    let excerpt = ring.read(from, PART, |line| lines.push(line.to_vec()));
    v1::Events { sinks: Vec::new(), lines, next: excerpt.next, lost: excerpt.lost }
}

/// Bytes of lines in a part of an answer.
const PART: usize = 64 * 1024;
