//! Whether conditions hold.

use regate_proto::rules::MatchMethod;

use super::{View, any};
use crate::matching::Needle;
use crate::sample::Value;
use crate::snapshot::{ConditionPlan, CriterionPlan};

/// Whether a condition holds.
pub fn holds(plan: &ConditionPlan, view: &View<'_>) -> bool {
    let met = plan.any.iter().any(|terms| {
        terms.iter().all(|term| {
            let matched = term.criteria.iter().any(|criterion| matches(criterion, view));
            matched != term.negated
        })
    });
    met != plan.negated
}

/// Whether a value of the criterion's sample is what the criterion asks for.
fn matches(plan: &CriterionPlan, view: &View<'_>) -> bool {
    any(&plan.sample, view, |value| test(plan, value, view)).unwrap_or(false)
}

fn test(plan: &CriterionPlan, value: Value<'_>, view: &View<'_>) -> bool {
    if plan.matching.method == MatchMethod::Found {
        return true;
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
