//! The only place where a change gets its meaning.
//!
//! A set is applied to the state in place with a journal of what was there; when any step or the state as a
//! whole is refused, the journal puts everything back, so a refused set leaves no trace.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::{Digest, Rows, State, Touched, integrity, numbering, overlay, parent_of, uses};
use crate::change::{
    Beneath, Change, ChangeSet, Field, Layer, Origin, Overlay, OverlayValue, Revision, Setting,
};
use crate::model::{EntriesRef, Row, Subject};
use crate::problem::{Code, Problem};
use crate::rules::inline::name_lists;

/// What an accepted set did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// The revision that it made.
    pub revision: Revision,
    /// The effective rows that it touched.
    pub touched: Touched,
    /// What each change did, in the order of the set.
    pub outcomes: Vec<Outcome>,
}

/// What one change did.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the effective row is another than before.
    pub changed: bool,
    /// The value in force before, of a change that writes a single field.
    pub before: Option<Setting>,
}

impl State {
    /// Applies a set: all of it, or nothing and every reason found.
    pub fn apply(&mut self, set: &ChangeSet) -> Result<Applied, Vec<Problem>> {
        self.attempt(set).map(|(applied, _)| applied)
    }

    /// Applies a set as [`State::apply`] does, and gives what it takes to [`State::undo`] it: for a writer that
    /// must still see whether the result can be carried out.
    pub fn attempt(&mut self, set: &ChangeSet) -> Result<(Applied, Journal), Vec<Problem>> {
        if let Some(base) = set.base.filter(|base| *base != self.revision) {
            let detail =
                format!("the set is based on revision {}, the current one is {}", base.0, self.revision.0);
            return Err(vec![Problem::general(Code::Conflict, detail)]);
        }
        let mut draft = Draft::over(self);
        let mut outcomes = Vec::with_capacity(set.changes.len());
        let mut problems = Vec::new();
        for (index, change) in set.changes.iter().enumerate() {
            match draft.step(change, &set.origin) {
                Ok(outcome) => outcomes.push(outcome),
                Err(problem) => problems.push(problem.at(index)),
            }
        }
        if problems.is_empty() {
            draft.sweep();
            problems = numbering::number(&mut draft);
        }
        if problems.is_empty() {
            problems = integrity::check(draft.state, &draft.touched);
            problems.extend(super::health::check(draft.state, &draft.touched));
            problems.extend(uses::check(draft.state, &draft.touched, &draft.before()));
        }
        let Draft { touched, journal, .. } = draft;
        if !problems.is_empty() {
            self.undo(journal);
            return Err(problems);
        }
        let touched = super::defaults::widen(self, touched);
        self.revision = Revision(self.revision.0.saturating_add(1));
        Ok((Applied { revision: self.revision, touched, outcomes }, journal))
    }

    /// Puts back what an [`State::attempt`] wrote. Of several, the newest must be undone first.
    pub fn undo(&mut self, journal: Journal) {
        for step in journal.steps.into_iter().rev() {
            match step {
                Undo::Spec(subject, row) => put_back(&mut self.spec, subject, row),
                Undo::Effective(subject, row) => {
                    let written = self.effective.get(&subject).cloned();
                    self.note(written.as_ref(), row.as_ref());
                    put_back(&mut self.effective, subject, row);
                }
                Undo::Overlay(subject, field, Some(overlay)) => {
                    self.overlays.insert((subject, field), overlay);
                }
                Undo::Overlay(subject, field, None) => {
                    self.overlays.remove(&(subject, field));
                }
            }
        }
        self.digest = journal.digest;
        self.revision = journal.revision;
    }

    /// A state with these rows and overlays at this revision, as read back from disk or received whole.
    pub fn restore(
        revision: Revision,
        spec: Vec<Row>,
        overlays: Vec<Overlay>,
    ) -> Result<State, Vec<Problem>> {
        let mut changes: Vec<Change> = spec.into_iter().map(|row| Change::Put(Layer::Spec, row)).collect();
        changes.extend(overlays.into_iter().map(Change::Restore));
        let mut state = State::default();
        state.apply(&ChangeSet { base: None, origin: Origin::default(), changes })?;
        state.revision = revision;
        Ok(state)
    }

    /// Sets the revision: what a follower does when it took over a state as a whole.
    pub fn renumber(&mut self, revision: Revision) {
        self.revision = revision;
    }
}

/// What it takes to undo an applied set.
#[derive(Debug)]
pub struct Journal {
    steps: Vec<Undo>,
    digest: Digest,
    revision: Revision,
}

/// What stood at a place before it was written.
#[derive(Debug)]
enum Undo {
    Spec(Subject, Option<Arc<Row>>),
    Effective(Subject, Option<Arc<Row>>),
    Overlay(Subject, Field, Option<Arc<Overlay>>),
}

/// A state that a set is being applied to.
pub(super) struct Draft<'a> {
    pub(super) state: &'a mut State,
    pub(super) touched: Touched,
    /// The rows whose numbers the set does not force.
    pub(super) carried: BTreeSet<Subject>,
    journal: Journal,
}

/// How a subject was before a set.
pub(super) struct Before {
    /// The row in force.
    pub(super) row: Option<Arc<Row>>,
    /// The step of the set that wrote it first.
    pub(super) sequence: usize,
}

impl<'a> Draft<'a> {
    fn over(state: &'a mut State) -> Draft<'a> {
        let journal = Journal { steps: Vec::new(), digest: state.digest, revision: state.revision };
        Draft { state, touched: Touched::new(), carried: BTreeSet::new(), journal }
    }

    /// Every subject that the set has written so far, as it was.
    pub(super) fn before(&self) -> BTreeMap<Subject, Before> {
        let mut sequence: BTreeMap<&Subject, usize> = BTreeMap::new();
        let mut rows: BTreeMap<&Subject, Option<&Arc<Row>>> = BTreeMap::new();
        for (at, step) in self.journal.steps.iter().enumerate() {
            let (Undo::Spec(subject, _) | Undo::Effective(subject, _) | Undo::Overlay(subject, _, _)) = step;
            sequence.entry(subject).or_insert(at);
            if let Undo::Effective(subject, row) = step {
                rows.entry(subject).or_insert(row.as_ref());
            }
        }
        let before = |(subject, sequence): (&Subject, usize)| {
            let row = rows.get(subject).copied().unwrap_or_else(|| self.state.row(subject)).cloned();
            (subject.clone(), Before { row, sequence })
        };
        sequence.into_iter().map(before).collect()
    }

    fn step(&mut self, change: &Change, origin: &Origin) -> Result<Outcome, Problem> {
        match change {
            Change::Put(layer, row) => Ok(self.put(*layer, row, origin)),
            Change::Add(layer, row) => self.add(*layer, row, origin),
            Change::Delete(layer, subject) => self.delete(*layer, subject, origin),
            Change::Set(layer, subject, setting) => self.set(*layer, subject, setting, origin),
            Change::Revert(subject, field) => {
                self.throughout(subject, *field, |draft, subject| draft.revert(subject, *field))
            }
            Change::Adopt(Subject::List(list) | Subject::Entries(EntriesRef { list, .. }), _)
                if list.is_inline() =>
            {
                self.adopt_inline(list)
            }
            Change::Adopt(subject, field) => {
                self.throughout(subject, *field, |draft, subject| draft.adopt(subject, *field))
            }
            Change::Restore(overlay) => self.restore_overlay(overlay),
            Change::Edit(layer, list, edit) => self.edit(*layer, list, edit, origin),
        }
    }

    fn put(&mut self, layer: Layer, row: &Row, origin: &Origin) -> Outcome {
        let subject = row.subject();
        if let Row::Entries(row) = row {
            let changed = self.write_entries(layer, &row.at, row.entries.clone(), origin);
            return Outcome { changed, before: None };
        }
        match numbering::id(row) {
            Some(0) => self.carried.insert(subject.clone()),
            _ => self.carried.remove(&subject),
        };
        let (spec, in_force) = (self.state.spec.get(&subject), self.state.row(&subject));
        let (first, second) = match layer {
            Layer::Spec => (spec, in_force),
            Layer::Overlay => (in_force, spec),
        };
        let mut row = numbering::carry_over(row.clone(), first.or(second).map(Arc::as_ref));
        name_lists(&mut row);
        match layer {
            Layer::Spec => self.write_spec(&subject, Some(Arc::new(row))),
            Layer::Overlay => {
                let lasting = self.lasting_under(origin, &subject, Field::Row);
                self.drop_overlays(&subject);
                let differs = self.state.spec.get(&subject).is_none_or(|declared| **declared != row);
                if differs || lasting.is_some() {
                    self.lay(&subject, OverlayValue::Row(Box::new(row)), origin, lasting);
                }
            }
        }
        Outcome { changed: self.refresh(&subject), before: None }
    }

    fn add(&mut self, layer: Layer, row: &Row, origin: &Origin) -> Result<Outcome, Problem> {
        let subject = row.subject();
        let there = match layer {
            Layer::Spec => self.state.spec.contains_key(&subject),
            Layer::Overlay => self.state.effective.contains_key(&subject),
        };
        match there {
            true => Err(Problem::about(Code::AlreadyExists, &subject, "there is one of that name already")),
            false => Ok(self.put(layer, row, origin)),
        }
    }

    fn delete(&mut self, layer: Layer, subject: &Subject, origin: &Origin) -> Result<Outcome, Problem> {
        let there = match layer {
            Layer::Spec => self.state.spec.contains_key(subject),
            Layer::Overlay => self.state.effective.contains_key(subject),
        };
        if !there {
            return Err(missing(self.state, subject));
        }
        if let Subject::Entries(at) = subject {
            let changed = self.write_entries(layer, at, Arc::default(), origin);
            return Ok(Outcome { changed, before: None });
        }
        match layer {
            Layer::Spec => self.write_spec(subject, None),
            Layer::Overlay => {
                let lasting = self.lasting_under(origin, subject, Field::Row);
                self.drop_overlays(subject);
                if lasting.is_some() || self.state.spec.contains_key(subject) {
                    self.lay(subject, OverlayValue::Gone, origin, lasting);
                }
            }
        }
        Ok(Outcome { changed: self.refresh(subject), before: None })
    }

    fn set(
        &mut self,
        layer: Layer,
        subject: &Subject,
        setting: &Setting,
        origin: &Origin,
    ) -> Result<Outcome, Problem> {
        let target = match layer {
            Layer::Spec => self.state.spec.get(subject),
            Layer::Overlay => self.state.row(subject),
        };
        let Some(target) = target else { return Err(missing(self.state, subject)) };
        let field = setting.field();
        if let (Layer::Overlay, Setting::Enabled(_), Subject::Frontend(name)) = (layer, setting, subject)
            && self.state.is_shut_down(name)
        {
            let detail = "it was shut down for good: reverting that is the way back";
            return Err(Problem::about(Code::Unsuitable, subject, detail));
        }
        let setting = overlay::absolute(self.state, layer, subject, setting)?;
        let written =
            overlay::written(target, &setting).ok_or_else(|| overlay::unsuitable(subject, &setting))?;
        let before = self.state.row(subject).and_then(|row| overlay::value(self.state, row, field));
        match layer {
            Layer::Spec => self.write_spec(subject, Some(Arc::new(written))),
            Layer::Overlay => {
                let initial = self.state.initial(subject);
                let is_initial =
                    initial.and_then(|row| overlay::value(self.state, row, field)).as_ref() == Some(&setting);
                // What is taken back for a while only lies over what lasts.
                let lasts = self.lasting_under(origin, subject, field).is_some();
                if is_initial && !lasts {
                    self.write_overlay(subject, field, None);
                } else {
                    self.lay_over(subject, OverlayValue::Setting(setting), origin);
                }
            }
        }
        Ok(Outcome { changed: self.refresh(subject), before })
    }

    /// Does something to a list, and to each of its parts of which something was changed by hand.
    fn throughout(
        &mut self,
        subject: &Subject,
        field: Option<Field>,
        each: impl Fn(&mut Self, &Subject) -> Result<Outcome, Problem>,
    ) -> Result<Outcome, Problem> {
        let mut subjects = vec![subject.clone()];
        if let Subject::List(list) = subject
            && field.is_none_or(|field| field == Field::Entries)
        {
            let parts = self.overlaid_parts(list);
            let own = self.state.overlays_of(subject).next().is_some();
            subjects.retain(|_| own || parts.is_empty());
            subjects.extend(parts);
        }
        let mut changed = false;
        for subject in &subjects {
            changed |= each(self, subject)?.changed;
        }
        Ok(Outcome { changed, before: None })
    }

    fn revert(&mut self, subject: &Subject, field: Option<Field>) -> Result<Outcome, Problem> {
        let fields = self.overlaid(subject, field)?;
        for field in fields {
            self.write_overlay(subject, field, None);
        }
        // While the row was hidden, its number may have gone to another.
        self.carried.insert(subject.clone());
        Ok(Outcome { changed: self.refresh(subject), before: None })
    }

    fn adopt(&mut self, subject: &Subject, field: Option<Field>) -> Result<Outcome, Problem> {
        for field in self.overlaid(subject, field)? {
            let Some(overlay) = self.state.overlays.get(&(subject.clone(), field)).cloned() else { continue };
            let adopted = match &overlay.value {
                OverlayValue::Row(row) => Some(row.as_ref().clone()),
                OverlayValue::Gone => None,
                OverlayValue::Entries(_) => self.state.row(subject).map(|row| row.as_ref().clone()),
                OverlayValue::Setting(setting) => {
                    let by_hand = self.state.overlays.contains_key(&(subject.clone(), Field::Row));
                    let Some(declared) = self.state.spec.get(subject).filter(|_| !by_hand) else {
                        let detail = "the row itself was written by hand: adopt all of it";
                        return Err(Problem::about(Code::Unsuitable, subject, detail));
                    };
                    // A field that the row as it is now cannot have stays unwritten, as it is in force.
                    Some(overlay::written(declared, setting).unwrap_or_else(|| declared.as_ref().clone()))
                }
            };
            self.write_spec(subject, adopted.map(Arc::new));
            self.write_overlay(subject, field, None);
        }
        Ok(Outcome { changed: self.refresh(subject), before: None })
    }

    fn restore_overlay(&mut self, overlay: &Overlay) -> Result<Outcome, Problem> {
        let subject = &overlay.subject;
        overlay::check(overlay)?;
        if let OverlayValue::Row(row) = &overlay.value {
            match numbering::id(row) {
                Some(0) => self.carried.insert(subject.clone()),
                _ => self.carried.remove(subject),
            };
        }
        let mut overlay = overlay.clone();
        if let OverlayValue::Row(row) = &mut overlay.value {
            name_lists(row);
        }
        self.write_overlay(subject, overlay.field(), Some(Arc::new(overlay)));
        Ok(Outcome { changed: self.refresh(subject), before: None })
    }

    /// The fields of a subject that have overlays, the whole row first; at least one.
    fn overlaid(&self, subject: &Subject, field: Option<Field>) -> Result<Vec<Field>, Problem> {
        let wanted = Field::ALL.into_iter().filter(|known| field.is_none_or(|field| field == *known));
        let found: Vec<Field> =
            wanted.filter(|field| self.state.overlays.contains_key(&(subject.clone(), *field))).collect();
        if found.is_empty() {
            return Err(Problem::about(Code::NotFound, subject, "nothing was changed by hand here"));
        }
        Ok(found)
    }

    /// Drops everything that was changed by hand of a subject.
    fn drop_overlays(&mut self, subject: &Subject) {
        let fields: Vec<Field> = self.state.overlays_of(subject).map(|overlay| overlay.field()).collect();
        for field in fields {
            self.write_overlay(subject, field, None);
        }
    }

    pub(super) fn lay_over(&mut self, subject: &Subject, value: OverlayValue, origin: &Origin) {
        let overlay = Overlay { subject: subject.clone(), value, origin: origin.clone(), beneath: None };
        let beneath = self.lasting_under(origin, subject, overlay.field());
        self.lay(subject, overlay.value, origin, beneath);
    }

    fn lay(
        &mut self,
        subject: &Subject,
        value: OverlayValue,
        origin: &Origin,
        beneath: Option<Box<Beneath>>,
    ) {
        let overlay = Overlay { subject: subject.clone(), value, origin: origin.clone(), beneath };
        self.write_overlay(subject, overlay.field(), Some(Arc::new(overlay)));
    }

    /// What a volatile overlay of a part of a row would lie over: the lasting overlay in force, or the one under it.
    fn lasting_under(&self, origin: &Origin, subject: &Subject, field: Field) -> Option<Box<Beneath>> {
        if !origin.is_volatile() {
            return None;
        }
        let overlay = self.state.overlays.get(&(subject.clone(), field))?;
        match overlay.origin.is_volatile() {
            true => overlay.beneath.clone(),
            false => Some(Box::new(Beneath { value: overlay.value.clone(), origin: overlay.origin.clone() })),
        }
    }

    /// Drops overlays that lie over nothing: their row went.
    fn sweep(&mut self) {
        let stale: Vec<(Subject, Field)> = self
            .touched
            .iter()
            .flat_map(|subject| self.state.overlays_of(subject))
            .filter(|overlay| self.is_stale(overlay))
            .map(|overlay| (overlay.subject.clone(), overlay.field()))
            .collect();
        for (subject, field) in stale {
            self.write_overlay(&subject, field, None);
        }
        self.sweep_entries();
        self.settle_inline();
    }

    fn is_stale(&self, overlay: &Overlay) -> bool {
        match overlay.value {
            OverlayValue::Row(_) | OverlayValue::Entries(_) => false,
            OverlayValue::Gone => !overlay.lies_over_row() && !self.state.spec.contains_key(&overlay.subject),
            OverlayValue::Setting(_) => !self.state.effective.contains_key(&overlay.subject),
        }
    }

    /// Works out the effective row of a subject anew; tells whether it is another than before.
    pub(super) fn refresh(&mut self, subject: &Subject) -> bool {
        self.touched.insert(subject.clone());
        let row = overlay::effective(self.state, subject);
        let old = self.state.effective.get(subject).cloned();
        let is_same = match (&old, &row) {
            (Some(old), Some(row)) => old == row && super::diff::stands_the_same(old, row),
            (old, row) => old.is_none() && row.is_none(),
        };
        if is_same {
            return false;
        }
        self.state.note(old.as_ref(), row.as_ref());
        let old = match row {
            Some(row) => self.state.effective.insert(subject.clone(), row),
            None => self.state.effective.remove(subject),
        };
        self.journal.steps.push(Undo::Effective(subject.clone(), old));
        true
    }

    pub(super) fn write_spec(&mut self, subject: &Subject, row: Option<Arc<Row>>) {
        self.state.digest.exchange_row(self.state.spec.get(subject), row.as_ref());
        let old = match row {
            Some(row) => self.state.spec.insert(subject.clone(), row),
            None => self.state.spec.remove(subject),
        };
        self.journal.steps.push(Undo::Spec(subject.clone(), old));
    }

    pub(super) fn write_overlay(&mut self, subject: &Subject, field: Field, overlay: Option<Arc<Overlay>>) {
        let key = (subject.clone(), field);
        self.state.digest.exchange_overlay(self.state.overlays.get(&key), overlay.as_ref());
        let old = match overlay {
            Some(overlay) => self.state.overlays.insert(key, overlay),
            None => self.state.overlays.remove(&key),
        };
        self.touched.insert(subject.clone());
        self.journal.steps.push(Undo::Overlay(subject.clone(), field, old));
    }
}

fn put_back(rows: &mut Rows, subject: Subject, row: Option<Arc<Row>>) {
    match row {
        Some(row) => rows.insert(subject, row),
        None => rows.remove(&subject),
    };
}

impl State {
    /// Keeps what is derived from rows in force as they are.
    fn note(&mut self, old: Option<&Arc<Row>>, new: Option<&Arc<Row>>) {
        self.index_entries(old, new);
        self.uses.exchange(old, new);
    }
}

/// The subject does not exist, or else what would contain it does not.
fn missing(state: &State, subject: &Subject) -> Problem {
    let parent = parent_of(subject).filter(|parent| state.row(parent).is_none());
    Problem::about(Code::NotFound, parent.as_ref().unwrap_or(subject), "there is none of that name")
}
