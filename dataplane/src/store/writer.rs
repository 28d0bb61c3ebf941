//! The thread that commits: attempt, compile, prepare, keep, publish, tell, reply.
//!
//! What waits is committed together: every set is attempted in order and refused on its own, then the result is
//! compiled, prepared, written and published once. When that is refused the sets are undone and tried one by one,
//! so that only the culprit is refused.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

use parking_lot::RwLock;
use regate_proto::change::{Change, ChangeSet, Field, Origin, Revision};
use regate_proto::model::{Name, Row, ServerRef, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{Applied, Digest, Journal, State, Touched, diff, replacement, without_volatile};
use tokio::sync::{mpsc, watch};

use super::events::{Events, Happening, MOST_SUBJECTS};
use super::record::Record;
use super::{
    Beginning, Controller, Current, Disk, Done, Loaded, Shared, Standing, Task, Traffic, Work, recall,
};
use crate::live::Live;
use crate::snapshot::{self, Snapshot};

/// The one that writes the state.
pub(super) struct Writer<T: Traffic> {
    /// The state with everything that was attempted; readers have a copy that follows behind.
    state: State,
    snapshot: Arc<Snapshot>,
    managed: Option<Controller>,
    disk: Option<Disk>,
    traffic: Arc<T>,
    live: Arc<Live>,
    shared: Arc<Shared>,
}

/// A set that the state took, and what it takes to undo it.
struct Attempt {
    /// The set, where it is not the task's own.
    set: Option<ChangeSet>,
    applied: Applied,
    journal: Journal,
    changes: Vec<Change>,
}

/// Where a controller wants a commit to lead.
struct Target {
    revision: Revision,
    digest: Digest,
}

impl<T: Traffic> Writer<T> {
    /// Puts the first state in force.
    pub(super) fn begin(
        loaded: Loaded,
        beginning: Beginning,
        traffic: Arc<T>,
        live: Arc<Live>,
    ) -> Result<Writer<T>, Vec<Problem>> {
        let Loaded { disk, kept } = loaded;
        let mut state = kept.state;
        let managed = kept.managed.clone().filter(|_| !beginning.release);
        let dropped = match managed {
            // What a controller manages is the controller's to take back.
            Some(_) => None,
            None => drop_volatile(&mut state),
        };
        let dropped = dropped.map(|set| (set, state.revision()));
        let mut sets = Vec::new();
        if let Some(rows) = beginning.rows {
            let known = servers(&state);
            let set = replace_spec(&mut state, rows)?;
            sets.extend(set.map(|set| (set, state.revision())));
            let recalled = recall::recall(&mut state, &known, &live);
            sets.extend(recalled.into_iter().map(|set| (set, state.revision())));
        }
        let mut writer = Writer {
            shared: Arc::new(Shared {
                current: RwLock::new(Current { state: State::default(), snapshot: Arc::default() }),
                standing: watch::Sender::new(Standing::default()),
                events: Events::new(),
                managed: RwLock::new(managed.clone().map(Arc::new)),
            }),
            state,
            snapshot: Arc::default(),
            managed,
            disk,
            traffic,
            live,
        };
        let touched: Touched =
            writer.state.effective().map(|row| row.subject()).chain([Subject::Global]).collect();
        let mut records = Vec::new();
        records.extend(dropped.as_ref().map(|(set, revision)| Record::Set(set, *revision)));
        records.extend(sets.iter().map(|(set, revision)| Record::Set(set, *revision)));
        records.extend((kept.managed.is_some() && writer.managed.is_none()).then_some(Record::Managed(None)));
        let snapshot = snapshot::compile(&writer.state, &writer.snapshot, &touched, &writer.live)?;
        let prepared = writer.traffic.prepare(&snapshot)?;
        if !records.is_empty() {
            keep(writer.disk.as_mut(), &records, &writer.state, writer.managed.as_ref())?;
        }
        writer.publish(snapshot, prepared, &touched, &[]);
        Ok(writer)
    }

    pub(super) fn shared(&self) -> Arc<Shared> {
        self.shared.clone()
    }

    /// Commits what comes until nobody is left who could send.
    pub(super) fn run(&mut self, mut queue: mpsc::Receiver<Task>) {
        while let Some(first) = queue.blocking_recv() {
            let mut tasks = vec![first];
            let mut changes = tasks.iter().map(size).sum::<usize>();
            while tasks.len() < MOST_TOGETHER
                && changes < MOST_CHANGES
                && let Ok(task) = queue.try_recv()
            {
                changes = changes.saturating_add(size(&task));
                tasks.push(task);
            }
            let ends = self.work(tasks);
            if let Some(disk) = &mut self.disk
                && let Err(error) = disk.compact(&self.state, self.managed.as_ref())
            {
                tracing::warn!("the state's log could not be shortened, it grows on: {error}");
            }
            if ends {
                return;
            }
        }
    }

    /// Does tasks in order, those together that can be; tells whether one of them was to end.
    fn work(&mut self, tasks: Vec<Task>) -> bool {
        let mut together = Vec::new();
        let mut ends = false;
        for task in tasks {
            match &task.work {
                Work::End => {
                    ends = true;
                    break;
                }
                Work::Manage(_) => {
                    self.commit(std::mem::take(&mut together));
                    self.manage(task);
                }
                _ if task.dry_run => {
                    self.commit(std::mem::take(&mut together));
                    self.rehearse(task);
                }
                _ => together.push(task),
            }
        }
        self.commit(together);
        ends
    }

    fn commit(&mut self, tasks: Vec<Task>) {
        if tasks.is_empty() {
            return;
        }
        let mut attempts: Vec<Result<Attempt, Vec<Problem>>> = Vec::with_capacity(tasks.len());
        for task in &tasks {
            attempts.push(self.attempt(task));
        }
        match self.carry_out(&tasks, &attempts) {
            Ok(()) => {
                for (task, attempt) in tasks.into_iter().zip(attempts) {
                    let outcome =
                        attempt.map(|attempt| Done { applied: attempt.applied, changes: attempt.changes });
                    self.reply(task, outcome);
                }
            }
            Err(problems) => {
                attempts.into_iter().rev().flatten().for_each(|attempt| self.state.undo(attempt.journal));
                match <[Task; 1]>::try_from(tasks) {
                    Ok([task]) => self.reply(task, Err(problems)),
                    Err(tasks) => tasks.into_iter().for_each(|task| self.commit(vec![task])),
                }
            }
        }
    }

    fn reply(&self, task: Task, outcome: Result<Done, Vec<Problem>>) {
        if let (Work::Follow { target, .. }, Err(problems)) = (&task.work, &outcome) {
            self.shared.note_refusal(*target, problems);
        }
        // Who asked may have gone: the commit stands all the same.
        let _ = task.reply.send(outcome);
    }

    /// Applies a task's set to the state.
    fn attempt(&mut self, task: &Task) -> Result<Attempt, Vec<Problem>> {
        let (own, target) = self.resolve(&task.work)?;
        let set = match (&own, &task.work) {
            (Some(set), _) | (None, Work::Set(set) | Work::Follow { set, .. }) => set,
            (None, _) => return Err(vec![Problem::general(Code::Unsupported, "it is no set of changes")]),
        };
        let before: Vec<Option<Arc<Row>>> = if task.tell {
            set.changes.iter().map(|change| self.state.declared(&change.subject()).cloned()).collect()
        } else {
            Vec::new()
        };
        let (mut applied, journal) = self.state.attempt(set)?;
        if let Some(target) = target {
            if self.state.digest() != target.digest {
                self.state.undo(journal);
                let detail = format!(
                    "the changes lead to another state than the controller has at revision {}: the whole state is \
                     needed",
                    target.revision.0
                );
                return Err(vec![Problem::general(Code::Conflict, detail)]);
            }
            self.state.renumber(target.revision);
            applied.revision = target.revision;
        }
        let changes = if task.tell { self.differences(set, &applied, &before) } else { Vec::new() };
        Ok(Attempt { set: own, applied, journal, changes })
    }

    /// The set that a piece of work comes to, where it is not the work's own, and where it must lead.
    fn resolve(&self, work: &Work) -> Result<(Option<ChangeSet>, Option<Target>), Vec<Problem>> {
        match work {
            Work::Set(_) | Work::Manage(_) | Work::End => Ok((None, None)),
            Work::Replace { base, origin, rows } => {
                let changes = replacement(&self.state, rows.clone());
                Ok((Some(ChangeSet { base: *base, origin: origin.clone(), changes }), None))
            }
            Work::Follow { set, full, target, digest } => {
                let target = Target { revision: *target, digest: *digest };
                if !full {
                    return Ok((None, Some(target)));
                }
                let mut wanted = State::default();
                wanted.apply(&ChangeSet { base: None, ..set.clone() })?;
                let changes = diff(&self.state, &wanted);
                Ok((Some(ChangeSet { base: None, origin: set.origin.clone(), changes }), Some(target)))
            }
        }
    }

    /// The changes of a set that made a difference.
    fn differences(&self, set: &ChangeSet, applied: &Applied, before: &[Option<Arc<Row>>]) -> Vec<Change> {
        let declared_differs = |change: &Change, before: Option<&Option<Arc<Row>>>| {
            before.is_some_and(|before| before.as_ref() != self.state.declared(&change.subject()))
        };
        let kept = set.changes.iter().enumerate().filter(|(at, change)| {
            applied.outcomes.get(*at).is_some_and(|outcome| outcome.changed)
                || matches!(change, Change::Revert(..) | Change::Restore(..))
                || declared_differs(change, before.get(*at))
        });
        kept.map(|(_, change)| change.clone()).collect()
    }

    /// Compiles, prepares, keeps and publishes the attempted sets, together.
    fn carry_out(
        &mut self,
        tasks: &[Task],
        attempts: &[Result<Attempt, Vec<Problem>>],
    ) -> Result<(), Vec<Problem>> {
        let mut touched = Touched::new();
        let mut records = Vec::new();
        let mut sets: Vec<(&ChangeSet, &Applied)> = Vec::new();
        for (task, attempt) in tasks.iter().zip(attempts) {
            let Ok(attempt) = attempt else { continue };
            let set = match (&attempt.set, &task.work) {
                (Some(set), _) | (None, Work::Set(set) | Work::Follow { set, .. }) => set,
                _ => continue,
            };
            touched.extend(attempt.applied.touched.iter().cloned());
            records.push(Record::Set(set, attempt.applied.revision));
            sets.push((set, &attempt.applied));
        }
        if sets.is_empty() {
            return Ok(());
        }
        let snapshot = snapshot::compile(&self.state, &self.snapshot, &touched, &self.live)?;
        let prepared = self.traffic.prepare(&snapshot)?;
        keep(self.disk.as_mut(), &records, &self.state, self.managed.as_ref())?;
        self.publish(snapshot, prepared, &touched, &sets);
        Ok(())
    }

    /// Makes a commit the one in force, for traffic first and then for readers, and tells of it.
    fn publish(
        &mut self,
        snapshot: Snapshot,
        prepared: T::Prepared,
        touched: &Touched,
        sets: &[(&ChangeSet, &Applied)],
    ) {
        let snapshot = Arc::new(snapshot);
        self.traffic.publish(snapshot.clone(), prepared);
        let before = std::mem::replace(&mut self.snapshot, snapshot.clone());
        self.advance(snapshot, touched, sets.is_empty());
        if touched.iter().any(|subject| self.state.row(subject).is_none()) {
            self.live.forget_absent(&self.state);
        }
        let revision = self.state.revision();
        self.shared.standing.send_modify(|standing| standing.revision = revision);
        for (set, applied) in sets {
            self.shared.events.tell(Happening::Applied {
                revision: applied.revision,
                origin: set.origin.clone(),
                subjects: applied.touched.iter().take(MOST_SUBJECTS).cloned().collect(),
                subject_count: applied.touched.len(),
            });
        }
        if !sets.is_empty() {
            tell_of_servers(&self.shared.events, &before, &self.snapshot, touched);
        }
    }

    /// Brings the readers' copy of the state to the writer's: in place where little was touched.
    fn advance(&self, snapshot: Arc<Snapshot>, touched: &Touched, is_first: bool) {
        if !is_first && touched.len() <= SMALL {
            let mut current = self.shared.current.write();
            current.state.follow(&self.state, touched);
            current.snapshot = snapshot;
            return;
        }
        let next = Current { state: self.state.clone(), snapshot };
        let before = std::mem::replace(&mut *self.shared.current.write(), next);
        drop(before);
    }

    /// Tells what a task would do, and leaves everything as it is.
    fn rehearse(&mut self, task: Task) {
        let outcome = self.attempt(&task).and_then(|attempt| {
            let possible =
                snapshot::compile(&self.state, &self.snapshot, &attempt.applied.touched, &self.live)
                    .and_then(|snapshot| self.traffic.prepare(&snapshot));
            self.state.undo(attempt.journal);
            possible.map(|_prepared| Done { applied: attempt.applied, changes: attempt.changes })
        });
        let _ = task.reply.send(outcome);
    }

    /// Lets a controller take the node over.
    fn manage(&mut self, task: Task) {
        let Task { work: Work::Manage(controller), reply, .. } = task else { return };
        let kept = if self.managed.as_ref() == Some(&controller) {
            Ok(())
        } else {
            keep(self.disk.as_mut(), &[Record::Managed(Some(&controller))], &self.state, Some(&controller))
        };
        let _ = reply.send(kept.map(|()| {
            *self.shared.managed.write() = Some(Arc::new(controller.clone()));
            self.managed = Some(controller);
            let applied =
                Applied { revision: self.state.revision(), touched: Touched::new(), outcomes: Vec::new() };
            Done { applied, changes: Vec::new() }
        }));
    }
}

/// Keeps commits on disk, where there is one.
fn keep(
    disk: Option<&mut Disk>,
    records: &[Record<'_>],
    state: &State,
    managed: Option<&Controller>,
) -> Result<(), Vec<Problem>> {
    match disk.map(|disk| disk.append(records, state, managed)) {
        None | Some(Ok(())) => Ok(()),
        Some(Err(error)) => {
            let detail = format!("the change cannot be kept on disk, so it is not made: {error}");
            Err(vec![Problem::general(Code::Impossible, detail)])
        }
    }
}

/// Takes back what was changed by hand for a while only; gives the set that did it, if it took one.
fn drop_volatile(state: &mut State) -> Option<ChangeSet> {
    let changes = without_volatile(state);
    if changes.is_empty() {
        return None;
    }
    let origin =
        Origin { actor: "start".to_owned(), door: "file".to_owned(), at: super::events::unix_millis() };
    let set = ChangeSet { base: None, origin, changes };
    match state.apply(&set) {
        Ok(_) => Some(set),
        Err(problems) => {
            let reasons: Vec<String> = problems.iter().map(ToString::to_string).collect();
            tracing::warn!("volatile changes cannot be taken back, they stay: {}", reasons.join("; "));
            None
        }
    }
}

/// The servers that a state has.
fn servers(state: &State) -> HashSet<ServerRef> {
    let server = |row: &Arc<Row>| match &**row {
        Row::Server(server) => Some(server.at.clone()),
        _ => None,
    };
    state.effective().filter_map(server).collect()
}

/// Makes rows the spec of a state before anything runs; gives the set that did it, if it took one.
///
/// What was added by hand and fits the rows no longer is dropped: a start must not fail by it.
fn replace_spec(state: &mut State, rows: Vec<Row>) -> Result<Option<ChangeSet>, Vec<Problem>> {
    let changes = replacement(state, rows);
    if changes.is_empty() {
        return Ok(None);
    }
    let origin =
        Origin { actor: "start".to_owned(), door: "file".to_owned(), at: super::events::unix_millis() };
    let mut set = ChangeSet { base: None, origin, changes };
    loop {
        let problems = match state.apply(&set) {
            Ok(_) => return Ok(Some(set)),
            Err(problems) => problems,
        };
        let named: BTreeSet<Subject> =
            problems.iter().filter_map(|problem| problem.subject.clone()).collect();
        let is_fresh = |at: &Subject| !set.changes.contains(&Change::Revert(at.clone(), None));
        let laid: Vec<Subject> = laid(state).filter(is_fresh).collect();
        let is_named =
            |at: &Subject| named.contains(at) || container(at).is_some_and(|at| named.contains(&at));
        // A problem names the row that is in the way or what it stands in; where it names another, all of them go.
        let mut fresh: Vec<Subject> = laid.iter().filter(|at| is_named(at)).cloned().collect();
        if fresh.is_empty() {
            fresh = laid;
        }
        if fresh.is_empty() {
            return Err(problems);
        }
        for at in fresh {
            tracing::warn!("{at}: what was changed by hand no longer fits the configuration and is dropped");
            set.changes.insert(0, Change::Revert(at, None));
        }
    }
}

/// Rows that were written or removed as a whole by hand.
fn laid(state: &State) -> impl Iterator<Item = Subject> {
    let whole = state.overlays().filter(|overlay| overlay.field() == Field::Row);
    whole.map(|overlay| overlay.subject.clone())
}

/// What a bind or server stands in.
fn container(at: &Subject) -> Option<Subject> {
    match at {
        Subject::Bind(at) => Some(Subject::Frontend(at.frontend.clone())),
        Subject::Server(at) => Some(Subject::Backend(at.backend.clone())),
        _ => None,
    }
}

/// Tells of servers of which something else is asked than before.
fn tell_of_servers(events: &Events, before: &Snapshot, after: &Snapshot, touched: &Touched) {
    let backends: BTreeSet<&Name> = touched
        .iter()
        .filter_map(|subject| match subject {
            Subject::Backend(name) => Some(name),
            Subject::Server(at) => Some(&at.backend),
            _ => None,
        })
        .collect();
    for backend in backends {
        let (Some(old), Some(new)) = (before.backends.get(backend), after.backends.get(backend)) else {
            continue;
        };
        for (server, known) in new.changed_since(old) {
            if let Some(old) = known
                && old.admin != server.admin
            {
                let at = ServerRef { backend: backend.clone(), server: server.name.clone() };
                events.tell(Happening::Server { at, from: old.admin, to: server.admin });
            }
        }
    }
}

fn size(task: &Task) -> usize {
    match &task.work {
        Work::Set(set) | Work::Follow { set, .. } => set.changes.len(),
        Work::Replace { rows, .. } => rows.len(),
        Work::Manage(_) | Work::End => 0,
    }
}

/// Sets that are committed together at most.
const MOST_TOGETHER: usize = 1000;

/// Changes that are committed together, about.
const MOST_CHANGES: usize = 50_000;

/// Rows up to which the readers' state is changed in place, while they wait: some ten milliseconds for so many. A list
/// of two million entries has no more.
const SMALL: usize = 16_000;
