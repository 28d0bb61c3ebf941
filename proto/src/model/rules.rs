//! What a proxy does with requests and responses: ACLs, rules, and where they lead (configuration manual 4.2).

use super::{Millis, Name, StatisticsPage};
use crate::rules::{Acl, Condition, Format, Mistake, Rule, RuleSet, Stick, Words};

/// The rules of one side of a proxy, each list in the order in which it is looked at.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rules {
    /// Named criteria.
    pub acls: Vec<Acl>,
    /// Rules with the set that each belongs to, in ascending order of sets.
    pub rules: Vec<(RuleSet, Rule)>,
    /// `redirect`: redirections that are looked at after all `http-request` rules.
    pub redirects: Vec<Rule>,
    /// `use_backend`: which backend a request goes to.
    pub routes: Vec<Route>,
    /// `use-server`: which server a request goes to.
    pub servers: Vec<ServerRoute>,
    /// `stick`: which servers clients stay with.
    pub sticks: Vec<Stick>,
    /// `force-persist`: when a server that is down is tried all the same.
    pub force_persist: Vec<Condition>,
    /// `ignore-persist`: when a cookie does not count.
    pub ignore_persist: Vec<Condition>,
    /// `monitor-uri`: the target that the proxy itself answers.
    pub monitor_uri: Option<String>,
    /// `monitor fail`: when that answer is 503.
    pub monitor_fail: Vec<Condition>,
    /// `timeout tarpit`: how late a slow refusal comes. Default: the backend's connection timeout.
    pub tarpit: Option<Millis>,
    /// `tcp-request inspect-delay`: how long a request's content is waited for.
    pub inspect_delay: Option<Millis>,
    /// `tcp-response inspect-delay`: how long a response's content is waited for.
    pub response_inspect_delay: Option<Millis>,
    /// `stats …`: the page on which it shows what is counted; one of its own takes the place of that of defaults.
    pub statistics: Option<StatisticsPage>,
}

/// A backend for the requests that a condition holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The name of the backend, or a text that gives it.
    pub backend: Format,
    /// When; absent: always.
    pub condition: Option<Condition>,
}

/// A server for the requests that a condition holds for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerRoute {
    /// The name of the server, or a text that gives it.
    pub server: Format,
    /// When; absent: always.
    pub condition: Option<Condition>,
}

impl Route {
    /// Reads what stands after `use_backend`.
    pub fn parse(words: &mut Words<'_>) -> Result<Route, Mistake> {
        let backend = target(words, "a backend")?;
        Ok(Route { backend, condition: Condition::parse(words)? })
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        spelled(&self.backend, self.condition.as_ref())
    }
}

impl ServerRoute {
    /// Reads what stands after `use-server`.
    pub fn parse(words: &mut Words<'_>) -> Result<ServerRoute, Mistake> {
        let server = target(words, "a server")?;
        Ok(ServerRoute { server, condition: Condition::parse(words)? })
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        spelled(&self.server, self.condition.as_ref())
    }
}

/// A name, or a text that gives one.
fn target(words: &mut Words<'_>, expected: &str) -> Result<Format, Mistake> {
    let word = words.take(expected)?;
    let target = words.place(Format::parse(word))?;
    match target.as_literal() {
        Some(name) => match Name::new(name) {
            Ok(_) => Ok(target),
            Err(bad) => Err(words.wrong(format!("'{name}': {bad}"))),
        },
        None => Ok(target),
    }
}

fn spelled(target: &Format, condition: Option<&Condition>) -> Vec<String> {
    let mut words = vec![target.to_string()];
    words.extend(condition.into_iter().flat_map(Condition::words));
    words
}

impl Rules {
    /// The rules of a set, in order.
    pub fn of(&self, set: RuleSet) -> impl Iterator<Item = &Rule> {
        self.rules.iter().filter(move |(known, _)| *known == set).map(|(_, rule)| rule)
    }

    /// Adds a rule behind the last of its set.
    pub fn push(&mut self, set: RuleSet, rule: Rule) {
        let at = self.rules.partition_point(|(known, _)| *known <= set);
        self.rules.insert(at, (set, rule));
    }

    /// These rules after those of `base`.
    pub fn over(&self, base: &Rules) -> Rules {
        fn joined<T: Clone>(base: &[T], own: &[T]) -> Vec<T> {
            base.iter().chain(own).cloned().collect()
        }
        let mut rules = joined(&base.rules, &self.rules);
        rules.sort_by_key(|(set, _)| *set);
        Rules {
            acls: joined(&base.acls, &self.acls),
            rules,
            redirects: joined(&base.redirects, &self.redirects),
            routes: joined(&base.routes, &self.routes),
            servers: joined(&base.servers, &self.servers),
            sticks: joined(&base.sticks, &self.sticks),
            force_persist: joined(&base.force_persist, &self.force_persist),
            ignore_persist: joined(&base.ignore_persist, &self.ignore_persist),
            monitor_uri: self.monitor_uri.clone().or_else(|| base.monitor_uri.clone()),
            monitor_fail: joined(&base.monitor_fail, &self.monitor_fail),
            tarpit: self.tarpit.or(base.tarpit),
            inspect_delay: self.inspect_delay.or(base.inspect_delay),
            response_inspect_delay: self.response_inspect_delay.or(base.response_inspect_delay),
            statistics: self.statistics.clone().or_else(|| base.statistics.clone()),
        }
    }

    /// Every condition of them.
    pub fn conditions(&self) -> impl Iterator<Item = &Condition> {
        let rules = self.rules.iter().map(|(_, rule)| rule).chain(&self.redirects);
        let page = self.statistics.iter();
        let rules = rules.chain(page.clone().flat_map(|page| &page.rules));
        rules
            .filter_map(|rule| rule.condition.as_ref())
            .chain(self.routes.iter().filter_map(|route| route.condition.as_ref()))
            .chain(self.servers.iter().filter_map(|route| route.condition.as_ref()))
            .chain(self.sticks.iter().filter_map(|stick| stick.condition.as_ref()))
            .chain(&self.force_persist)
            .chain(&self.ignore_persist)
            .chain(&self.monitor_fail)
            .chain(page.flat_map(|page| &page.admin))
    }

    /// The backends that are named as they stand.
    pub fn backends(&self) -> impl Iterator<Item = Name> {
        self.routes.iter().filter_map(|route| Name::new(route.backend.as_literal()?).ok())
    }
}
