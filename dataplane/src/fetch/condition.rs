//! Whether conditions hold.

use regate_proto::rules::MatchMethod;

use super::{View, any};
use crate::matching::Needle;
use crate::sample::Value;
use crate::snapshot::{ConditionPlan, CriterionPlan};

/// What a test comes to. One that fails now and may pass later is open; one that passes has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Trial {
    Failed,
    Open,
    Passed,
}

/// Whether a condition holds; what is open does not hold.
pub fn holds(plan: &ConditionPlan, view: &View<'_>) -> bool {
    decide(plan, view).unwrap_or(false)
}

/// Whether a condition holds; nothing where more has to come before anybody can say (configuration manual 7.2 and
/// 4.2 "tcp-request inspect-delay").
pub fn decide(plan: &ConditionPlan, view: &View<'_>) -> Option<bool> {
    let mut best = Trial::Failed;
    for terms in &plan.any {
        let mut worst = Trial::Passed;
        for term in terms {
            worst = worst.min(try_all(&term.criteria, view).negated(term.negated));
            if worst == Trial::Failed {
                break;
            }
        }
        best = best.max(worst);
        if best == Trial::Passed {
            break;
        }
    }
    match best {
        Trial::Open => None,
        trial => Some((trial == Trial::Passed) != plan.negated),
    }
}

impl Trial {
    fn negated(self, negated: bool) -> Trial {
        match (self, negated) {
            (Trial::Failed, true) => Trial::Passed,
            (Trial::Passed, true) => Trial::Failed,
            (trial, _) => trial,
        }
    }
}

/// The best that one of the criteria comes to.
fn try_all(criteria: &[std::sync::Arc<CriterionPlan>], view: &View<'_>) -> Trial {
    let mut best = Trial::Failed;
    for criterion in criteria {
        let before = view.undecided.replace(false);
        let passed = matches(criterion, view);
        let is_open = view.undecided.replace(before);
        if passed {
            return Trial::Passed;
        }
        if is_open {
            best = Trial::Open;
        }
    }
    best
}

/// Whether a value of the criterion's sample is what the criterion asks for.
fn matches(plan: &CriterionPlan, view: &View<'_>) -> bool {
    any(&plan.sample, view, |value| test(plan, value, view)).unwrap_or(false)
}

fn test(plan: &CriterionPlan, value: Value<'_>, view: &View<'_>) -> bool {
    if plan.matching.method == MatchMethod::Found {
        return true;
    }
    if let (Some(range), Value::Int(number)) = (&plan.range, &value) {
        return range.contains(number);
    }
    let Some(value) = value.cast(plan.takes) else { return false };
    if plan.matching.method == MatchMethod::Bool {
        return matches!(value, Value::Bool(true));
    }
    let needle = match &value {
        Value::Bool(truth) => Needle::Int(i64::from(*truth)),
        Value::Int(number) => Needle::Int(*number),
        Value::Ipv4(ip) => Needle::Ip((*ip).into()),
        Value::Ipv6(ip) => Needle::Ip((*ip).into()),
        Value::Str(bytes) | Value::Bin(bytes) | Value::Method(bytes) => Needle::Bytes(bytes),
    };
    let lists = &view.snapshot.lists;
    plan.patterns.index.find(needle, &plan.patterns.entries).is_some()
        || plan.lists.iter().any(|name| lists.find(name, plan.matching, needle).is_some())
}
