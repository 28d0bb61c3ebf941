//! Conditions as they are evaluated: every ACL looked up, every pattern in its index.

use std::borrow::Cow;
use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use regate_proto::model::Name;
use regate_proto::patterns::{Entry, EntryId, Run};
use regate_proto::rules::condition::predefined;
use regate_proto::rules::patterns::{Matching, Pattern};
use regate_proto::rules::{Acl, Condition, Criterion, Kind, MatchMethod, Sense, Test};

use super::SamplePlan;
use crate::matching::{Entries, Index};

/// A condition that can be evaluated.
#[derive(Clone, Debug)]
pub struct ConditionPlan {
    /// Whether it counts the other way round (`unless`).
    pub negated: bool,
    /// The alternatives, each of terms that must all hold.
    pub any: Box<[Box<[TermPlan]>]>,
}

/// A term that can be evaluated.
#[derive(Clone, Debug)]
pub struct TermPlan {
    /// Whether it counts the other way round.
    pub negated: bool,
    /// The criteria, one of which is enough.
    pub criteria: Box<[Arc<CriterionPlan>]>,
}

/// A test that can be carried out.
#[derive(Debug)]
pub struct CriterionPlan {
    /// What is tested.
    pub sample: SamplePlan,
    /// How.
    pub matching: Matching,
    /// The type that the value is cast to.
    pub takes: Kind,
    /// The names of the lists that are looked through.
    pub lists: Box<[Arc<str>]>,
    /// The range of numbers that it asks for, where it asks for a single one.
    pub range: Option<RangeInclusive<i64>>,
    /// The patterns that stand in the criterion itself.
    pub patterns: Patterns,
}

/// Patterns with their index.
#[derive(Debug)]
pub struct Patterns {
    /// The patterns.
    pub entries: Entries,
    /// Their index.
    pub index: Index,
}

/// The ACLs of a proxy, each compiled once.
pub(super) struct Acls<'a> {
    acls: &'a [Acl],
    compiled: HashMap<Name, Box<[Arc<CriterionPlan>]>>,
}

impl<'a> Acls<'a> {
    /// ACLs that nobody has asked for yet.
    pub(super) fn new(acls: &'a [Acl]) -> Acls<'a> {
        Acls { acls, compiled: HashMap::new() }
    }

    /// Compiles a condition; the reason where it cannot be evaluated.
    pub(super) fn compile(&mut self, condition: &Condition) -> Result<ConditionPlan, String> {
        let mut any = Vec::with_capacity(condition.any.len());
        for terms in &condition.any {
            let mut all = Vec::with_capacity(terms.len());
            for term in terms {
                let criteria = match &term.test {
                    Test::Anonymous(criterion) => Box::from([Arc::new(CriterionPlan::compile(criterion)?)]),
                    Test::Named(name) => self.named(name)?,
                };
                all.push(TermPlan { negated: term.negated, criteria });
            }
            any.push(all.into_boxed_slice());
        }
        Ok(ConditionPlan { negated: condition.sense == Sense::Unless, any: any.into_boxed_slice() })
    }

    /// Compiles a condition that may be absent.
    pub(super) fn maybe(&mut self, condition: Option<&Condition>) -> Result<Option<ConditionPlan>, String> {
        condition.map(|condition| self.compile(condition)).transpose()
    }

    fn named(&mut self, name: &Name) -> Result<Box<[Arc<CriterionPlan>]>, String> {
        if let Some(known) = self.compiled.get(name) {
            return Ok(known.clone());
        }
        let own: Vec<&Criterion> =
            self.acls.iter().filter(|acl| acl.name == *name).map(|acl| &acl.criterion).collect();
        let criteria: Box<[Arc<CriterionPlan>]> = match (own.is_empty(), predefined(name.as_str())) {
            (false, _) => own
                .into_iter()
                .map(|criterion| CriterionPlan::compile(criterion).map(Arc::new))
                .collect::<Result<_, String>>()
                .map_err(|reason| format!("acl {name}: {reason}"))?,
            (true, Some(Ok(criterion))) => Box::from([Arc::new(CriterionPlan::compile(&criterion)?)]),
            (true, Some(Err(mistake))) => return Err(format!("acl {name}: {mistake}")),
            (true, None) => return Err(format!("there is no ACL {name}")),
        };
        self.compiled.insert(name.clone(), criteria.clone());
        Ok(criteria)
    }
}

impl CriterionPlan {
    /// Compiles a criterion; the reason where it cannot be evaluated.
    pub(super) fn compile(criterion: &Criterion) -> Result<CriterionPlan, String> {
        let method = criterion.method();
        let matching = Matching { method, ignore_case: criterion.ignore_case };
        Ok(CriterionPlan {
            sample: SamplePlan::compile(&criterion.sample)?,
            matching,
            takes: method.input().unwrap_or(Kind::Any),
            range: only_range(criterion, matching),
            lists: criterion.files.iter().map(|file| Arc::from(file.as_str())).collect(),
            patterns: Patterns::compile(matching, &criterion.texts())?,
        })
    }

    /// Whether it asks for no more than a value, or a true one.
    pub fn needs_no_pattern(&self) -> bool {
        matches!(self.matching.method, MatchMethod::Found | MatchMethod::Bool)
    }
}

fn only_range(criterion: &Criterion, matching: Matching) -> Option<RangeInclusive<i64>> {
    let texts = criterion.texts();
    let [text] = texts.as_slice() else { return None };
    match matching.parse(text.as_bytes()) {
        Ok(Pattern::Range(low, high))
            if criterion.files.is_empty() && matching.method == MatchMethod::Int =>
        {
            Some(low..=high)
        }
        _ => None,
    }
}

impl Patterns {
    fn compile(matching: Matching, texts: &[Cow<'_, str>]) -> Result<Patterns, String> {
        let mut entries = Entries::default();
        let mut index = Index::new(matching);
        let mut run = Run::with_capacity(texts.len());
        for (position, text) in texts.iter().enumerate() {
            matching.check(text.as_bytes()).map_err(|bad| format!("pattern '{text}': {bad}"))?;
            let id = EntryId::at(position as u64);
            run.push(Entry { id, key: text.as_bytes(), value: None });
        }
        for entry in run.iter() {
            index.insert(entry);
        }
        if !run.is_empty() {
            entries.write(0, Some(Arc::new(run)));
        }
        index.settle(&entries);
        Ok(Patterns { entries, index })
    }
}
