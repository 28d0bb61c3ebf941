//! Every sample of a proxy's rules, wherever it stands.

use super::action::{Content, Patience, Redirect, Reply, Resolve, Stamp, StampValue};
use super::log_format::{self, Format};
use super::tracking::Amount;
use super::{Action, Condition, Rule, Sample, Test, tables};
use crate::model::{Name, Rules};
use crate::rules::Argument;

impl Rules {
    /// These rules with the name of the proxy wherever the table of the proxy at hand is meant.
    #[must_use]
    pub fn with_own_table(&self, proxy: &Name) -> Rules {
        let mut rules = self.clone();
        each_sample(&mut rules, &mut |sample| {
            let Some(at) = tables::own_table_argument(sample.row) else { return };
            // Everything before the name of a table must be written, so that it is missing at the end only.
            if sample.arguments.len() == at {
                sample.arguments.push(Argument::Absent);
            }
            if let Some(argument @ Argument::Absent) = sample.arguments.get_mut(at) {
                *argument = Argument::Name(proxy.clone());
            }
        });
        for (_, rule) in &mut rules.rules {
            if let Action::Track(track) = &mut rule.action {
                track.table.get_or_insert_with(|| proxy.clone());
            }
        }
        for stick in &mut rules.sticks {
            stick.table.get_or_insert_with(|| proxy.clone());
        }
        rules
    }

    /// The lists of users that these rules ask, each with the fetch that does.
    pub fn userlists(&self) -> Vec<(Name, &'static str)> {
        let mut found = Vec::new();
        // Only looked at: nothing is changed.
        each_sample(&mut self.clone(), &mut |sample| {
            let asked = sample.row.signature.wants.first() == Some(&super::signature::Want::Userlist);
            if let Some(Argument::Name(name)) = sample.arguments.first().filter(|_| asked) {
                found.push((name.clone(), sample.row.name));
            }
        });
        found
    }

    /// The tables that these rules name, each with what names it.
    pub fn tables(&self) -> Vec<(Name, String)> {
        let mut found = Vec::new();
        // Only looked at: nothing is changed.
        each_sample(&mut self.clone(), &mut |sample| {
            let wants = |wants: &[super::signature::Want]| {
                wants.iter().position(|want| *want == super::signature::Want::Table)
            };
            let named = |at: Option<usize>, arguments: &[Argument]| match at.and_then(|at| arguments.get(at))
            {
                Some(Argument::Name(name)) => Some(name.clone()),
                _ => None,
            };
            let of_fetch = named(wants(sample.row.signature.wants), &sample.arguments);
            found.extend(of_fetch.map(|name| (name, sample.row.name.to_owned())));
            for step in &sample.conversions {
                let of_step = named(wants(step.row.signature.wants), &step.arguments);
                found.extend(of_step.map(|name| (name, step.row.name.to_owned())));
            }
        });
        for (_, rule) in &self.rules {
            if let Action::Track(track) = &rule.action {
                found.extend(track.table.clone().map(|name| (name, format!("track-sc{}", track.tracker))));
            }
        }
        let sticks = self.sticks.iter();
        found.extend(sticks.filter_map(|stick| Some((stick.table.clone()?, stick.kind.words().to_owned()))));
        found
    }
}

/// Calls a function with every sample.
pub fn each_sample(rules: &mut Rules, each: &mut dyn FnMut(&mut Sample)) {
    rules.acls.iter_mut().for_each(|acl| each(&mut acl.criterion.sample));
    rules
        .rules
        .iter_mut()
        .map(|(_, rule)| rule)
        .chain(&mut rules.redirects)
        .for_each(|rule| of_rule(rule, each));
    for route in &mut rules.routes {
        of_format(&mut route.backend, each);
        route.condition.iter_mut().for_each(|condition| of_condition(condition, each));
    }
    for route in &mut rules.servers {
        of_format(&mut route.server, each);
        route.condition.iter_mut().for_each(|condition| of_condition(condition, each));
    }
    for stick in &mut rules.sticks {
        each(&mut stick.key);
        stick.condition.iter_mut().for_each(|condition| of_condition(condition, each));
    }
    let plain = [&mut rules.force_persist, &mut rules.ignore_persist, &mut rules.monitor_fail];
    plain.into_iter().flatten().for_each(|condition| of_condition(condition, each));
    if let Some(page) = &mut rules.statistics {
        page.rules.iter_mut().for_each(|rule| of_rule(rule, each));
        page.admin.iter_mut().for_each(|condition| of_condition(condition, each));
    }
}

fn of_rule(rule: &mut Rule, each: &mut dyn FnMut(&mut Sample)) {
    rule.condition.iter_mut().for_each(|condition| of_condition(condition, each));
    match &mut rule.action {
        Action::Deny(reply) | Action::Tarpit(reply) | Action::Return(reply) => of_reply(reply, each),
        Action::Redirect(Redirect { target, .. }) => of_format(target, each),
        Action::SetHeader(_, format)
        | Action::AddHeader(_, format)
        | Action::EarlyHint(_, format)
        | Action::ReplaceHeader(_, _, format)
        | Action::ReplaceValue(_, _, format)
        | Action::Set(_, format)
        | Action::Replace(_, _, format)
        | Action::SetVariableFormat(_, format)
        | Action::DeleteMap(_, format)
        | Action::AddAcl(_, format)
        | Action::DeleteAcl(_, format) => of_format(format, each),
        Action::SetMap(_, key, value) => {
            of_format(key, each);
            of_format(value, each);
        }
        Action::SetVariable(_, sample)
        | Action::SetAddress(_, sample)
        | Action::SetPort(_, sample)
        | Action::SetPriorityClass(sample)
        | Action::SetPriorityOffset(sample)
        | Action::SetTimeout(_, Patience::Sample(sample))
        | Action::Pause(Patience::Sample(sample)) => each(sample),
        Action::Capture(sample, _)
        | Action::Stamp(Stamp { value: StampValue::Sample(sample), .. })
        | Action::SetRetries(Amount::Sample(sample))
        | Action::Resolve(Resolve { host: sample, .. }) => each(sample),
        Action::Track(track) => each(&mut track.key),
        Action::Tally(tally) => {
            if let Amount::Sample(sample) = &mut tally.amount {
                each(sample);
            }
        }
        Action::Allow
        | Action::Accept
        | Action::Reject
        | Action::SilentDrop
        | Action::Close
        | Action::ExpectProxy
        | Action::Log
        | Action::SetRetries(Amount::Fixed(_))
        | Action::Stamp(Stamp { value: StampValue::Written(_), .. })
        | Action::Auth { .. }
        | Action::DeleteHeader(..)
        | Action::Normalize(_)
        | Action::SetStatus(..)
        | Action::UnsetVariable(_)
        | Action::SetLogLevel(_)
        | Action::SetTimeout(_, Patience::Fixed(_))
        | Action::WaitForBody { .. }
        | Action::WaitForHandshake
        | Action::Pause(Patience::Fixed(_))
        | Action::StrictMode(_)
        | Action::DisableRetry
        | Action::UseService(_)
        | Action::SwitchMode { .. }
        | Action::Accepted(..) => {}
    }
}

fn of_reply(reply: &mut Reply, each: &mut dyn FnMut(&mut Sample)) {
    reply.headers.iter_mut().for_each(|(_, format)| of_format(format, each));
    if let Content::Format(format) | Content::FormatFile(_, format) = &mut reply.content {
        of_format(format, each);
    }
}

fn of_condition(condition: &mut Condition, each: &mut dyn FnMut(&mut Sample)) {
    for term in condition.any.iter_mut().flatten() {
        if let Test::Anonymous(criterion) = &mut term.test {
            each(&mut criterion.sample);
        }
    }
}

fn of_format(format: &mut Format, each: &mut dyn FnMut(&mut Sample)) {
    for item in &mut format.items {
        if let log_format::Item::Field(field) = item
            && let log_format::Content::Sample(sample) = &mut field.content
        {
            each(sample);
        }
    }
}
