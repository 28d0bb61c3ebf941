//! The lists that rules use, and how.

use super::action::{Content, Patience, Reply, Resolve, Stamp, StampValue};
use super::patterns::{Matching, Output, Use};
use super::tracking::Amount;
use super::{Action, Argument, Converter, Criterion, Format, Kind, Sample, inline};
use crate::model::{BackendSettings, Balance, Columns, FrontendSettings, ListName, LogFormat, Row, Rules};

/// A list that is used.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Need {
    /// The list.
    pub list: ListName,
    /// How keys are matched, and what values must be.
    pub usage: Use,
    /// Whether its entries must have values.
    pub columns: Columns,
}

/// The lists that a row's rules use.
pub fn of_row(row: &Row) -> Vec<Need> {
    let mut needs = Vec::new();
    match row {
        Row::Defaults(row) => {
            of_rules(&row.frontend.rules, &mut needs);
            of_lines(&row.frontend, &mut needs);
            of_backend(&row.backend, &mut needs);
        }
        Row::Frontend(row) => {
            of_rules(&row.settings.rules, &mut needs);
            of_lines(&row.settings, &mut needs);
        }
        Row::Backend(row) => of_backend(&row.settings, &mut needs),
        Row::Global(_)
        | Row::Bind(_)
        | Row::Server(_)
        | Row::Resolvers(_)
        | Row::Userlist(_)
        | Row::List(_)
        | Row::Entries(_)
        | Row::HttpErrors(_)
        | Row::Ring(_) => {}
    }
    if let Some(owner) = inline::owner(row) {
        for rules in inline::rules(row) {
            let predefined = inline::predefined(&owner, rules);
            predefined.iter().for_each(|(.., criterion)| of_criterion(criterion, &mut needs));
        }
    }
    needs
}

/// The lists that the log lines and identifiers of a frontend use.
fn of_lines(settings: &FrontendSettings, needs: &mut Vec<Need>) {
    let line = match &settings.log_format {
        Some(LogFormat::Custom(format)) => Some(format),
        _ => None,
    };
    let others = [&settings.log_format_sd, &settings.error_log_format, &settings.unique_id_format];
    for format in line.into_iter().chain(others.into_iter().flatten()) {
        format.samples().for_each(|sample| of_sample(sample, needs));
    }
}

/// The lists that a sample uses.
pub fn of_sample(sample: &Sample, needs: &mut Vec<Need>) {
    for conversion in &sample.conversions {
        let Converter::Map { method, output, groups } = conversion.row.converter else { continue };
        let output = match output {
            Kind::Int => Output::Int,
            Kind::Ip | Kind::Ipv4 | Kind::Ipv6 => Output::Ip,
            _ if groups => Output::Groups,
            _ => Output::Str,
        };
        let usage = Use { matching: Matching::exactly(method), output };
        if let Some(Argument::List(list)) = conversion.arguments.first() {
            let list = ListName::new(list).ok();
            needs.extend(list.map(|list| Need { list, usage, columns: Columns::Values }));
        }
    }
}

/// The lists that a criterion uses.
pub fn of_criterion(criterion: &Criterion, needs: &mut Vec<Need>) {
    of_sample(&criterion.sample, needs);
    let columns = if criterion.maps { Columns::Values } else { Columns::Keys };
    let usage = Use { matching: criterion.matching(), output: Output::Nothing };
    let lists = criterion.files.iter().filter_map(|file| ListName::new(file).ok());
    needs.extend(lists.map(|list| Need { list, usage, columns }));
    needs.extend(criterion.own.0.clone().map(|list| Need { list, usage, columns: Columns::Keys }));
}

/// The lists that a text uses.
pub fn of_format(format: &Format, needs: &mut Vec<Need>) {
    format.samples().for_each(|sample| of_sample(sample, needs));
}

fn of_backend(settings: &BackendSettings, needs: &mut Vec<Need>) {
    of_rules(&settings.rules, needs);
    if let Some(Balance::Hash(sample)) = &settings.balance {
        of_sample(sample, needs);
    }
    settings.checks.samples().into_iter().for_each(|sample| of_sample(sample, needs));
}

fn of_rules(rules: &Rules, needs: &mut Vec<Need>) {
    rules.criteria().for_each(|criterion| of_criterion(criterion, needs));
    let actions = rules.rules.iter().map(|(_, rule)| rule).chain(&rules.redirects);
    let pages = rules.statistics.iter().flat_map(|page| &page.rules);
    let actions = actions.chain(pages).map(|rule| &rule.action);
    actions.for_each(|action| of_action(action, needs));
    rules.routes.iter().for_each(|route| of_format(&route.backend, needs));
    rules.servers.iter().for_each(|route| of_format(&route.server, needs));
    rules.sticks.iter().for_each(|stick| of_sample(&stick.key, needs));
}

fn of_action(action: &Action, needs: &mut Vec<Need>) {
    match action {
        Action::Deny(reply) | Action::Tarpit(reply) | Action::Return(reply) => of_reply(reply, needs),
        Action::Redirect(redirect) => of_format(&redirect.target, needs),
        Action::SetHeader(_, format)
        | Action::AddHeader(_, format)
        | Action::ReplaceHeader(_, _, format)
        | Action::ReplaceValue(_, _, format)
        | Action::Set(_, format)
        | Action::Replace(_, _, format)
        | Action::SetVariableFormat(_, format)
        | Action::EarlyHint(_, format) => of_format(format, needs),
        Action::SetMap(list, key, value) => {
            of_change(list, Columns::Values, needs);
            of_format(key, needs);
            of_format(value, needs);
        }
        Action::DeleteMap(list, key) => {
            of_change(list, Columns::Values, needs);
            of_format(key, needs);
        }
        Action::AddAcl(list, key) | Action::DeleteAcl(list, key) => {
            of_change(list, Columns::Keys, needs);
            of_format(key, needs);
        }
        Action::SetVariable(_, sample)
        | Action::SetAddress(_, sample)
        | Action::SetPort(_, sample)
        | Action::SetPriorityClass(sample)
        | Action::SetPriorityOffset(sample)
        | Action::SetTimeout(_, Patience::Sample(sample))
        | Action::Pause(Patience::Sample(sample)) => of_sample(sample, needs),
        Action::Capture(sample, _) => of_sample(sample, needs),
        Action::Stamp(Stamp { value: StampValue::Sample(sample), .. })
        | Action::SetRetries(Amount::Sample(sample))
        | Action::Resolve(Resolve { host: sample, .. }) => of_sample(sample, needs),
        Action::Track(track) => of_sample(&track.key, needs),
        Action::Tally(tally) => {
            if let Amount::Sample(sample) = &tally.amount {
                of_sample(sample, needs);
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

/// A list that rules change: keys are looked for as they are written.
fn of_change(list: &str, columns: Columns, needs: &mut Vec<Need>) {
    let usage = Use { matching: WRITTEN, output: Output::Nothing };
    needs.extend(ListName::new(list).ok().map(|list| Need { list, usage, columns }));
}

/// How the key of an entry is found as it was written.
pub const WRITTEN: Matching = Matching { method: super::MatchMethod::Str, ignore_case: false };

fn of_reply(reply: &Reply, needs: &mut Vec<Need>) {
    if let Content::Format(format) | Content::FormatFile(_, format) = &reply.content {
        of_format(format, needs);
    }
    reply.headers.iter().for_each(|(_, format)| of_format(format, needs));
}
