//! The commands under way on one connection, in the order in which they are answered.
//!
//! Owns which of them may go to Admin now: questions and actions one after the other without waiting, changes that
//! stand together as one set, whose outcomes are told apart again. A set that is refused is taken apart until the
//! command at fault stands alone, so that each gets the reply that it would have got by itself. It does no I/O.
//! Read next: `connection.rs`, which moves bytes and messages.

use std::collections::VecDeque;
use std::ops::Range;

use regate_proto::model::Level;
use regate_proto::patterns::Packer;
use regate_proto::wire::{v1, wire_pack};
use tokio::time::Instant;

use super::plan::{Ending, Finish, Follow, Plan, Reply, Rest, Step};
use super::sentence;
use super::session::{Dress, dressed};

/// Commands that are not answered yet, and replies that wait for those before them.
#[derive(Default)]
pub struct Queue {
    entries: VecDeque<Entry>,
    /// How many entries from the first on need nothing more to be sent.
    cursor: usize,
    /// Messages without their last reply.
    in_flight: usize,
    /// Whether nothing more is sent until that is over.
    is_blocked: bool,
    /// Most commands in the next set; shrinks around a refusal.
    together: Option<usize>,
    tag: u64,
    bytes: usize,
}

/// What is to be written next, in the order of the commands.
enum Entry {
    Ready(Vec<u8>),
    Change(Part),
    Plan(Plan, Manner),
    Waiting(Waiting),
    Resting(Rest, Manner),
    Following(Follow, Manner),
}

/// How a command was given.
#[derive(Clone, Copy, Debug)]
pub struct Manner {
    /// How its reply is dressed.
    pub dress: Dress,
    /// The level at which it was allowed.
    pub level: Level,
    /// About how many bytes it holds.
    pub bytes: usize,
}

/// A command that changes something and may share a set with its neighbours.
struct Part {
    changes: Vec<v1::Change>,
    finish: Box<dyn FnOnce(Ending) -> Step + Send>,
    manner: Manner,
    /// Its set, and its outcomes there.
    sent: Option<(u64, Range<usize>)>,
}

/// Changes for one set; entries for the end of one list are added to those before them.
#[derive(Default)]
struct Gathering {
    changes: Vec<v1::Change>,
    /// Entries that belong to the last change.
    packer: Packer,
}

/// A command that waits for Admin.
struct Waiting {
    tag: u64,
    finish: Finish,
    manner: Manner,
    answer: Option<Box<v1::Answer>>,
    begun: bool,
    exclusive: bool,
}

/// A message to send, at a level.
pub struct Message {
    /// The level.
    pub level: Level,
    /// The message.
    pub request: v1::ConverseRequest,
}

/// How much may be sent at once.
#[derive(Clone, Copy, Debug)]
pub struct Most {
    /// Messages without their last reply.
    pub in_flight: usize,
    /// Commands in one set.
    pub together: usize,
}

/// A reply that belongs to no command.
#[derive(Debug)]
pub struct OutOfOrder;

impl Queue {
    /// Adds what a command became.
    pub fn push(&mut self, step: Step, manner: Manner) {
        let entry = entry(step, manner);
        self.bytes = self.bytes.saturating_add(held(&entry));
        self.entries.push_back(entry);
    }

    /// Adds bytes that are written once everything before them is.
    pub fn push_bytes(&mut self, bytes: Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        self.bytes = self.bytes.saturating_add(bytes.len());
        match self.entries.back_mut() {
            Some(Entry::Ready(before)) => before.extend_from_slice(&bytes),
            _ => self.entries.push_back(Entry::Ready(bytes)),
        }
    }

    /// Whether nothing is under way.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Whether another command may be taken.
    pub fn has_room(&self) -> bool {
        self.entries.len() < MOST_ENTRIES && self.bytes < MOST_BYTES
    }

    /// Whether a reply of Admin is due.
    pub fn awaits_reply(&self) -> bool {
        self.in_flight > 0
    }

    /// Whether the next thing to send is a change that others may join.
    pub fn gathers(&self) -> bool {
        self.in_flight == 0 && matches!(self.entries.get(self.cursor), Some(Entry::Change(_)))
    }

    /// Moves what is ready to the bytes to write.
    pub fn settle(&mut self, out: &mut Vec<u8>) {
        while let Some(Entry::Ready(_)) = self.entries.front() {
            if let Some(Entry::Ready(bytes)) = self.entries.pop_front() {
                out.extend_from_slice(&bytes);
                self.bytes = self.bytes.saturating_sub(bytes.len());
                self.cursor = self.cursor.saturating_sub(1);
            }
        }
        if let Some(Entry::Following(follow, _)) = self.entries.front_mut() {
            out.append(&mut follow.said);
        }
    }

    /// Ends the command at the front if it goes on until the client sends something, which it did at this time, or
    /// has ended; tells whether there was one.
    pub fn stop(&mut self, read_at: Instant, ended: bool) -> bool {
        let is_over = |follow: &Follow| ended || read_at > follow.began;
        if !matches!(self.entries.front(), Some(Entry::Following(follow, _)) if is_over(follow)) {
            return false;
        }
        if let Some(Entry::Following(_, manner)) = self.entries.pop_front() {
            self.bytes = self.bytes.saturating_sub(manner.bytes);
            self.put_first(Reply::Nothing.into(), manner);
        }
        true
    }

    /// The level of the next message, where nothing is under way that needs another one.
    pub fn next_level(&self) -> Option<Level> {
        match self.entries.get(self.cursor)? {
            Entry::Plan(_, manner) => Some(manner.level),
            Entry::Change(part) => Some(part.manner.level),
            _ => None,
        }
    }

    /// The next message that may be sent, if any; `level` is that of the stream which is open.
    pub fn next(&mut self, level: Option<Level>, most: Most) -> Option<Message> {
        loop {
            if self.is_blocked || self.in_flight >= most.in_flight {
                return None;
            }
            let wanted = self.next_level();
            let alone = self.in_flight == 0;
            if wanted.is_some() && level.is_some() && wanted != level && !alone {
                return None;
            }
            match self.entries.get(self.cursor)? {
                Entry::Ready(_) | Entry::Waiting(_) => self.cursor = self.cursor.saturating_add(1),
                Entry::Plan(plan, _) if (plan.exclusive || plan.is_long()) && !self.is_first() => {
                    return None;
                }
                Entry::Plan(..) => return self.send_plan(),
                Entry::Change(_) if !alone => return None,
                Entry::Change(_) => return Some(self.send_changes(most.together)),
                Entry::Resting(..) | Entry::Following(..) => return None,
            }
        }
    }

    /// Until when the command at the front rests, if it does.
    pub fn rests_until(&self) -> Option<Instant> {
        match self.entries.front() {
            Some(Entry::Resting(rest, _) | Entry::Following(Follow { rest, .. }, _)) => Some(rest.until),
            _ => None,
        }
    }

    /// Goes on with the command at the front, whose rest is over.
    pub fn wake(&mut self) {
        match self.entries.pop_front() {
            Some(Entry::Resting(rest, manner) | Entry::Following(Follow { rest, .. }, manner)) => {
                self.bytes = self.bytes.saturating_sub(manner.bytes);
                self.put_first((rest.then)(), manner);
            }
            Some(other) => self.entries.push_front(other),
            None => {}
        }
    }

    /// Takes a reply of Admin. Lines of a long answer are written to `out` at once.
    pub fn receive(&mut self, reply: v1::ConverseReply, out: &mut Vec<u8>) -> Result<(), OutOfOrder> {
        use v1::converse_reply::Reply as Body;
        self.settle(out);
        let tag = reply.tag;
        let ending = match reply.reply {
            Some(Body::Applied(applied)) => Ending::Applied(applied),
            Some(Body::Acted(_)) => Ending::Acted,
            Some(Body::Refused(refused)) => Ending::Refused(refused.problems),
            Some(Body::Answer(answer)) => return self.take_part(tag, answer, reply.last, out),
            None if reply.last => return self.take_part(tag, v1::Answer::default(), true, out),
            None => return Ok(()),
        };
        if matches!(self.entries.front(), Some(Entry::Change(part)) if part.is_in(tag)) {
            self.in_flight = self.in_flight.saturating_sub(1);
            self.is_blocked = false;
            self.end_set(tag, ending);
            return Ok(());
        }
        let waiting = self.take_waiting(tag)?;
        self.finish(waiting, ending);
        Ok(())
    }

    /// The stream broke: everything that was sent is answered with that.
    pub fn lose(&mut self, reply: &Reply) {
        for entry in &mut self.entries {
            let dress = match entry {
                Entry::Waiting(waiting) => waiting.manner.dress,
                Entry::Change(part) if part.sent.is_some() => part.manner.dress,
                _ => continue,
            };
            self.bytes = self.bytes.saturating_sub(held(entry));
            *entry = Entry::Ready(dressed(dress, reply.clone()));
            self.bytes = self.bytes.saturating_add(held(entry));
        }
        (self.in_flight, self.is_blocked, self.cursor) = (0, false, 0);
    }

    fn is_first(&self) -> bool {
        self.in_flight == 0 && self.cursor == 0
    }

    fn send_plan(&mut self) -> Option<Message> {
        let slot = self.entries.get_mut(self.cursor)?;
        let Entry::Plan(plan, manner) = std::mem::replace(slot, Entry::Ready(Vec::new())) else {
            return None;
        };
        self.tag = self.tag.wrapping_add(1);
        let Plan { request, finish, exclusive } = plan;
        let waiting = Waiting { tag: self.tag, finish, manner, answer: None, begun: false, exclusive };
        *slot = Entry::Waiting(waiting);
        self.cursor = self.cursor.saturating_add(1);
        self.in_flight = self.in_flight.saturating_add(1);
        self.is_blocked = exclusive;
        let request = v1::ConverseRequest { tag: self.tag, request: Some(request) };
        Some(Message { level: manner.level, request })
    }

    /// Makes one set of the changes from the cursor on.
    fn send_changes(&mut self, most: usize) -> Message {
        self.tag = self.tag.wrapping_add(1);
        let limit = self.together.unwrap_or(MOST_TOGETHER).min(most);
        let mut gathering = Gathering::default();
        let mut level = None;
        let mut parts = 0usize;
        for entry in self.entries.iter_mut().skip(self.cursor) {
            match entry {
                Entry::Ready(_) => {}
                Entry::Change(part) => {
                    if parts == limit || *level.get_or_insert(part.manner.level) != part.manner.level {
                        break;
                    }
                    let range = gathering.push(&part.changes);
                    part.sent = Some((self.tag, range));
                    parts = parts.saturating_add(1);
                }
                _ => break,
            }
            self.cursor = self.cursor.saturating_add(1);
        }
        self.in_flight = self.in_flight.saturating_add(1);
        self.is_blocked = true;
        let set = v1::ChangeSet { base: None, origin: None, changes: gathering.finish() };
        let apply = v1::ApplyRequest { change_set: Some(set) };
        let request = Some(v1::converse_request::Request::Apply(apply));
        Message {
            level: level.unwrap_or(Level::User),
            request: v1::ConverseRequest { tag: self.tag, request },
        }
    }

    /// A set is over: each command of it gets its outcomes, or goes again in a smaller one.
    fn end_set(&mut self, tag: u64, ending: Ending) {
        let in_set = |entry: &Entry| matches!(entry, Entry::Change(part) if part.is_in(tag));
        let parts = self.entries.iter().filter(|entry| in_set(entry)).count();
        match ending {
            Ending::Applied(applied) => {
                for entry in self.entries.iter_mut().take(self.cursor) {
                    if in_set(entry) {
                        self.bytes = self.bytes.saturating_sub(held(entry));
                        finish_part(entry, &applied);
                        self.bytes = self.bytes.saturating_add(held(entry));
                    }
                }
                self.together =
                    self.together.map(|limit| limit.saturating_mul(2)).filter(|limit| *limit < MOST_TOGETHER);
                // What a command became may have to be sent yet.
                self.cursor = 0;
            }
            ending if parts == 1 => {
                // Whatever stands before it is ready, and written by now.
                if let Some(entry @ Entry::Change(_)) = self.entries.pop_front() {
                    self.bytes = self.bytes.saturating_sub(held(&entry));
                    if let Entry::Change(part) = entry {
                        self.cursor = 0;
                        self.put_first((part.finish)(ending), part.manner);
                    }
                }
                self.together = Some(2);
            }
            ending => {
                let at = match &ending {
                    Ending::Refused(problems) => problems.iter().filter_map(|problem| problem.index).min(),
                    _ => None,
                };
                let at = at.and_then(|at| usize::try_from(at).ok());
                let before = at.map_or(parts / 2, |at| {
                    let is_before = |entry: &&Entry| matches!(entry, Entry::Change(Part { sent: Some((_, range)), .. }) if range.end <= at);
                    self.entries.iter().take(self.cursor).filter(is_before).count()
                });
                for entry in &mut self.entries {
                    if let Entry::Change(part) = entry {
                        part.sent = None;
                    }
                }
                self.together = Some(before.clamp(1, parts.saturating_sub(1)));
                self.cursor = 0;
            }
        }
    }

    /// A part of an answer: written at once where lines are made, gathered where one value decides.
    fn take_part(
        &mut self,
        tag: u64,
        part: v1::Answer,
        last: bool,
        out: &mut Vec<u8>,
    ) -> Result<(), OutOfOrder> {
        let Some(Entry::Waiting(waiting)) = self.entries.front_mut() else { return Err(OutOfOrder) };
        if waiting.tag != tag {
            return Err(OutOfOrder);
        }
        if let Finish::Lines(lines) = &mut waiting.finish {
            if !std::mem::replace(&mut waiting.begun, true) {
                lines.begin(out);
            }
            lines.part(part, out);
            if last {
                lines.end(out);
                out.push(b'\n');
                let _ = self.take_waiting(tag)?;
            }
            return Ok(());
        }
        let answer = match waiting.answer.take() {
            Some(gathered) => Box::new(joined(*gathered, part)),
            None => Box::new(part),
        };
        if last {
            let waiting = self.take_waiting(tag)?;
            self.finish(waiting, Ending::Answered(answer));
        } else {
            waiting.answer = Some(answer);
        }
        Ok(())
    }

    /// Takes the command at the front, which its last reply has come for.
    fn take_waiting(&mut self, tag: u64) -> Result<Waiting, OutOfOrder> {
        match self.entries.pop_front() {
            Some(Entry::Waiting(waiting)) if waiting.tag == tag => {
                self.cursor = self.cursor.saturating_sub(1);
                self.in_flight = self.in_flight.saturating_sub(1);
                self.bytes = self.bytes.saturating_sub(waiting.manner.bytes);
                self.is_blocked = self.is_blocked && !waiting.exclusive;
                Ok(waiting)
            }
            other => {
                if let Some(entry) = other {
                    self.entries.push_front(entry);
                }
                Err(OutOfOrder)
            }
        }
    }

    /// A command is over, or goes on with another message.
    fn finish(&mut self, waiting: Waiting, ending: Ending) {
        let step = match waiting.finish {
            Finish::Once(finish) => finish(ending),
            Finish::Lines(lines) => match ending {
                Ending::Refused(problems) => lines.refused(&problems).into(),
                _ => sentence::out_of_place().into(),
            },
        };
        self.put_first(step, waiting.manner);
    }

    /// Puts what a command became in its place, which is the first.
    fn put_first(&mut self, step: Step, manner: Manner) {
        let entry = entry(step, manner);
        let is_ready = matches!(entry, Entry::Ready(_));
        self.bytes = self.bytes.saturating_add(held(&entry));
        self.entries.push_front(entry);
        // What follows a plan has not been sent: a command that goes on was the only one under way.
        self.cursor = if is_ready { self.cursor.saturating_add(1) } else { 0 };
    }
}

impl Part {
    fn is_in(&self, tag: u64) -> bool {
        self.sent.as_ref().is_some_and(|(sent, _)| *sent == tag)
    }
}

/// The entry for what a command became: changes that are settled by one reply may be sent together.
fn entry(step: Step, manner: Manner) -> Entry {
    match step {
        Step::Answered(reply) => Entry::Ready(dressed(manner.dress, reply)),
        Step::Resting(rest) => Entry::Resting(rest, manner),
        Step::Following(follow) => Entry::Following(follow, manner),
        Step::Planned(Plan {
            request: v1::converse_request::Request::Apply(apply),
            finish: Finish::Once(finish),
            exclusive: false,
        }) => {
            let changes = apply.change_set.unwrap_or_default().changes;
            Entry::Change(Part { changes, finish, manner, sent: None })
        }
        Step::Planned(plan) => Entry::Plan(plan, manner),
    }
}

fn held(entry: &Entry) -> usize {
    match entry {
        Entry::Ready(bytes) => bytes.len(),
        Entry::Change(Part { manner, .. })
        | Entry::Plan(_, manner)
        | Entry::Waiting(Waiting { manner, .. })
        | Entry::Resting(_, manner)
        | Entry::Following(_, manner) => manner.bytes,
    }
}

impl Gathering {
    /// Adds changes; tells whereabouts their outcomes are.
    fn push(&mut self, more: &[v1::Change]) -> Range<usize> {
        if let [one] = more
            && let Some((list, run)) = appended(one)
        {
            let present = self.changes.last().filter(|last| last.layer == one.layer);
            if present.and_then(appended).is_none_or(|(present, _)| present != list) {
                self.flush();
                let edit = v1::list_edit::Edit::Append(v1::EntryRun::default());
                let verb = v1::change::Verb::Edit(v1::ListEdit { list: list.to_owned(), edit: Some(edit) });
                self.changes.push(v1::Change { layer: one.layer, verb: Some(verb) });
            }
            run.entries.iter().for_each(|entry| self.packer.push(&entry.key, entry.value.as_deref()));
            if let Some(packed) = &run.packed {
                self.flush();
                self.add(packed.clone());
            }
            return self.changes.len().saturating_sub(1)..self.changes.len();
        }
        self.flush();
        let start = self.changes.len();
        self.changes.extend(more.iter().cloned());
        start..self.changes.len()
    }

    fn finish(mut self) -> Vec<v1::Change> {
        self.flush();
        self.changes
    }

    fn flush(&mut self) {
        if !self.packer.is_empty() {
            let run = wire_pack(&std::mem::take(&mut self.packer).finish());
            self.add(run.packed.unwrap_or_default());
        }
    }

    /// Adds blocks of entries to the last change.
    fn add(&mut self, packed: v1::PackedEntries) {
        let verb = self.changes.last_mut().and_then(|last| last.verb.as_mut());
        if let Some(v1::change::Verb::Edit(v1::ListEdit {
            edit: Some(v1::list_edit::Edit::Append(run)),
            ..
        })) = verb
        {
            run.packed.get_or_insert_default().blocks.extend(packed.blocks);
        }
    }
}

/// The list and the entries of a change that adds them at its end.
fn appended(change: &v1::Change) -> Option<(&str, &v1::EntryRun)> {
    match change.verb.as_ref()? {
        v1::change::Verb::Edit(v1::ListEdit { list, edit: Some(v1::list_edit::Edit::Append(run)) }) => {
            Some((list.as_str(), run))
        }
        _ => None,
    }
}

/// Turns a command of a set that is in force into what it became.
fn finish_part(entry: &mut Entry, applied: &v1::Applied) {
    if let Entry::Change(part) = std::mem::replace(entry, Entry::Ready(Vec::new())) {
        let range = part.sent.map_or(0..0, |(_, range)| range);
        let outcomes = applied.outcomes.get(range).unwrap_or_default().to_vec();
        let mine = v1::Applied { revision: applied.revision, outcomes };
        *entry = self::entry((part.finish)(Ending::Applied(mine)), part.manner);
    }
}

/// Two parts of an answer to a question about one thing.
fn joined(mut first: v1::Answer, second: v1::Answer) -> v1::Answer {
    first.info = first.info.or(second.info);
    first.summary = first.summary.or(second.summary);
    match (&mut first.events, second.events) {
        (Some(first), Some(second)) => {
            first.lines.extend(second.lines);
            first.next = second.next;
        }
        (empty @ None, second) => *empty = second,
        (Some(_), None) => {}
    }
    first.rows.extend(second.rows);
    first.statistics.extend(second.statistics);
    first.server_states.extend(second.server_states);
    first.overlays.extend(second.overlays);
    first.servers.extend(second.servers);
    first.tables.extend(second.tables);
    first.variable = first.variable.or(second.variable);
    match (&mut first.entries, second.entries) {
        (Some(first), Some(second)) => first.entries.extend(second.entries),
        (empty @ None, second) => *empty = second,
        (Some(_), None) => {}
    }
    first
}

/// Commands and replies that are held at a time.
const MOST_ENTRIES: usize = 32 * 1024;
/// Bytes of commands and replies that are held at a time.
const MOST_BYTES: usize = 1024 * 1024;
/// Commands in one set.
pub const MOST_TOGETHER: usize = 16 * 1024;

#[cfg(test)]
#[path = "queue_tests.rs"]
mod tests;
