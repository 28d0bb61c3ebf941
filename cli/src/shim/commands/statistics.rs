//! Commands about counters.

use regate_proto::statistics::{Form, Nameservers};
use regate_proto::wire::v1;
use v1::StatisticsKind as Kind;
use v1::query::Question;

use super::{has, leading_integer, rest};
use crate::shim::lex::{Command, Word};
use crate::shim::plan::{Plan, Reply, Step};
use crate::shim::render::statistics::{CountersFile, NameserverRows, Statistics};
use crate::shim::sentence;

/// `show stat`: the counters of all proxies, or of some.
pub fn show_statistics(command: &Command) -> Step {
    let mut words = rest(command, 2);
    if let [first, tail @ ..] = words
        && first == "domain"
    {
        let options = tail.get(1..).unwrap_or_default();
        match tail.first() {
            Some(domain) if domain == "proxy" => words = options,
            Some(domain) if domain == "resolvers" => {
                let lines = Nameservers::new(form(options), has(options, "desc"));
                let query = v1::NameserversQuery::default();
                return Plan::list(Question::Nameservers(query), NameserverRows(lines)).into();
            }
            _ => return Reply::error(sentence::NO_DOMAIN).into(),
        }
    }
    let (query, lines) = match words {
        [proxy, kinds, service, options @ ..] if !is_option(proxy) => {
            filtered(proxy, kinds, service, options)
        }
        options => (all(), Statistics::new(form(options)).with(options)),
    };
    Plan::list(Question::Statistics(query), lines).into()
}

/// `dump stats-file`: the counters that another process is to begin with.
pub fn dump(_: &Command) -> Step {
    Plan::list(Question::Statistics(all()), CountersFile::default()).into()
}

/// `clear counters`: maxima.
pub fn clear_maxima(_: &Command) -> Step {
    clear(false)
}

/// `clear counters all`: maxima and totals.
pub fn clear_all(_: &Command) -> Step {
    clear(true)
}

fn clear(all: bool) -> Step {
    Plan::act(
        v1::act_request::Action::ClearCounters(v1::ClearCounters { all, server: None }),
        sentence::settled,
    )
    .into()
}

/// The question and the lines for `<proxy> <type> <sid>` and options.
fn filtered(
    proxy: &Word,
    kinds: &Word,
    service: &Word,
    options: &[Word],
) -> (v1::StatisticsQuery, Statistics) {
    let bits = number(kinds);
    let wanted: Vec<Kind> =
        KINDS.into_iter().filter(|(bit, _)| bits & bit != 0).map(|(_, kind)| kind).collect();
    let service = u32::try_from(number(service)).ok();
    let text = proxy.text();
    let mut query =
        v1::StatisticsQuery { kinds: wanted.iter().map(|kind| (*kind).into()).collect(), ..all() };
    match text.strip_prefix('#').unwrap_or(&text).parse::<i64>() {
        Ok(id) => query.proxy_id = u32::try_from(id).ok(),
        Err(_) => query.proxy = Some(text.into_owned()),
    }
    // A frontend or backend as a whole stands in the list whatever the number says.
    let all_numbered = wanted.iter().all(|kind| matches!(kind, Kind::Server | Kind::Listener));
    if all_numbered && !wanted.is_empty() {
        query.service_id = service;
    }
    (query, Statistics::new(form(options)).with(options).only(wanted, service))
}

/// The question for all rows.
fn all() -> v1::StatisticsQuery {
    v1::StatisticsQuery { packed: true, ..Default::default() }
}

fn form(options: &[Word]) -> Form {
    if has(options, "json") {
        Form::Json
    } else if has(options, "typed") {
        Form::Typed
    } else {
        Form::Csv
    }
}

fn is_option(word: &Word) -> bool {
    OPTIONS.iter().any(|option| word == *option)
}

/// A number as C reads it: 0 where there is none.
fn number(word: &Word) -> i64 {
    leading_integer(&word.text()).map_or(0, |(number, _)| number)
}

/// The bits that choose kinds of rows.
const KINDS: [(i64, Kind); 4] =
    [(1, Kind::Frontend), (2, Kind::Backend), (4, Kind::Server), (8, Kind::Listener)];
/// Words that are options and name no proxy where three words follow `show stat`.
const OPTIONS: [&str; 5] = ["typed", "json", "desc", "up", "no-maint"];
