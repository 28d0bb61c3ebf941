//! Rules: as texts on the wire, as typed trees in the model.

use super::{choice, field, v1};
use crate::config::lexer::{Dialect, cut, quote};
use std::sync::Arc;

use crate::model::{PageScope, PageUser, Route, Rules, ServerRoute, StatisticsPage};
use crate::problem::Problem;
use crate::rules::action::{Content, Reply, answer_words, read_redirect, read_reply};
use crate::rules::standing::Standing;
use crate::rules::{Acl, Action, Condition, Mistake, Rule, RuleSet, Stick, Words};

impl From<&Rules> for v1::Rules {
    fn from(rules: &Rules) -> Self {
        v1::Rules {
            acls: rules.acls.iter().map(|acl| joined(&acl.words())).collect(),
            rules: rules.rules.iter().map(|(set, rule)| wire_rule(*set, rule)).collect(),
            redirects: rules.redirects.iter().map(|rule| joined(&rule.words()[1..])).collect(),
            routes: rules.routes.iter().map(|route| joined(&route.words())).collect(),
            servers: rules.servers.iter().map(|route| joined(&route.words())).collect(),
            sticks: rules.sticks.iter().map(wire_stick).collect(),
            force_persists: rules.force_persist.iter().map(|condition| joined(&condition.words())).collect(),
            ignore_persists: rules
                .ignore_persist
                .iter()
                .map(|condition| joined(&condition.words()))
                .collect(),
            monitor_uri: rules.monitor_uri.clone(),
            monitor_fails: rules.monitor_fail.iter().map(|condition| joined(&condition.words())).collect(),
            tarpit_ms: rules.tarpit.map(|span| span.get()),
            inspect_delay_ms: rules.inspect_delay.map(|span| span.get()),
            response_inspect_delay_ms: rules.response_inspect_delay.map(|span| span.get()),
            statistics: rules.statistics.as_ref().map(wire_page),
        }
    }
}

impl TryFrom<v1::Rules> for Rules {
    type Error = Problem;

    fn try_from(rules: v1::Rules) -> Result<Self, Problem> {
        let list = |name: &str, texts: &[String]| conditions(name, texts);
        let mut typed: Vec<(RuleSet, Rule)> = rules
            .rules
            .into_iter()
            .enumerate()
            .map(|(at, rule)| {
                let place = format!("rules[{at}]");
                let set = field::within(&place, field::required_choice("set", rule.set))?;
                let files = rule.files;
                let stands = (!rule.file.is_empty()).then(|| (Arc::from(rule.file), rule.line));
                let file = |path: &str| content(&files, path);
                let read = |words: &mut Words<'_>| Rule::parse(set, words, &file);
                let typed: Rule = field::within(&place, text("text", &rule.text, read))?;
                Ok((set, Rule { place: Standing(stands), ..typed }))
            })
            .collect::<Result<_, Problem>>()?;
        typed.sort_by_key(|(set, _)| *set);
        Ok(Rules {
            acls: texts("acls", &rules.acls, Acl::parse)?,
            rules: typed,
            redirects: texts("redirects", &rules.redirects, |words| {
                let redirect = read_redirect(words)?;
                let action = Action::Redirect(redirect);
                Ok(Rule { action, condition: Condition::parse(words)?, place: Standing::default() })
            })?,
            routes: texts("routes", &rules.routes, Route::parse)?,
            servers: texts("servers", &rules.servers, ServerRoute::parse)?,
            sticks: rules.sticks.into_iter().enumerate().map(model_stick).collect::<Result<_, Problem>>()?,
            force_persist: list("force_persists", &rules.force_persists)?,
            ignore_persist: list("ignore_persists", &rules.ignore_persists)?,
            monitor_uri: rules.monitor_uri.map(|uri| field::text("monitor_uri", uri)).transpose()?,
            monitor_fail: list("monitor_fails", &rules.monitor_fails)?,
            tarpit: field::millis("tarpit_ms", rules.tarpit_ms)?,
            inspect_delay: field::millis("inspect_delay_ms", rules.inspect_delay_ms)?,
            response_inspect_delay: field::millis(
                "response_inspect_delay_ms",
                rules.response_inspect_delay_ms,
            )?,
            statistics: rules
                .statistics
                .map(|page| field::within("statistics", model_page(page)))
                .transpose()?,
        })
    }
}

fn wire_rule(set: RuleSet, rule: &Rule) -> v1::Rule {
    let files = match &rule.action {
        Action::Deny(reply) | Action::Tarpit(reply) | Action::Return(reply) => wire_files(reply),
        _ => Vec::new(),
    };
    let (file, line) =
        rule.place.0.as_ref().map_or((String::new(), 0), |(file, line)| (file.to_string(), *line));
    v1::Rule { set: choice::number(Some(set)), text: joined(&rule.words()), files, file, line }
}

/// The files that an answer was read from.
fn wire_files(reply: &Reply) -> Vec<v1::RuleFile> {
    let content = match &reply.content {
        Content::File(path, bytes) | Content::Message(path, bytes) => Some((path, bytes.clone())),
        Content::FormatFile(path, format) => Some((path, format.to_string().into_bytes())),
        _ => None,
    };
    content.into_iter().map(|(path, content)| v1::RuleFile { path: path.clone(), content }).collect()
}

/// An error page that is made.
pub(super) fn wire_reply(reply: &Reply) -> v1::MadeError {
    v1::MadeError { text: joined(&answer_words(reply)), files: wire_files(reply) }
}

/// Reads what [`wire_reply`] wrote.
pub(super) fn model_reply(made: &v1::MadeError) -> Result<Reply, Problem> {
    let file = |path: &str| content(&made.files, path);
    text("text", &made.text, |words| read_reply(words, &file))
}

fn content(files: &[v1::RuleFile], path: &str) -> Result<Vec<u8>, String> {
    let found = files.iter().find(|file| file.path == path);
    found.map(|file| file.content.clone()).ok_or_else(|| "its content is not in the message".to_owned())
}

fn wire_stick(stick: &Stick) -> v1::StickRule {
    v1::StickRule { kind: choice::number(Some(stick.kind)), text: joined(&stick.words()) }
}

fn model_stick((at, stick): (usize, v1::StickRule)) -> Result<Stick, Problem> {
    let place = format!("sticks[{at}]");
    let kind = field::within(&place, field::required_choice("kind", stick.kind))?;
    field::within(&place, text("text", &stick.text, |words| Stick::parse(kind, words)))
}

fn wire_page(page: &StatisticsPage) -> v1::StatisticsPage {
    let user = |user: &PageUser| v1::PageUser { name: user.name.clone(), password: user.password.clone() };
    v1::StatisticsPage {
        uri: page.uri.clone(),
        realm: page.realm.clone(),
        users: page.users.iter().map(user).collect(),
        rules: page.rules.iter().map(|rule| joined(&rule.words())).collect(),
        admins: page.admin.iter().map(|condition| joined(&condition.words())).collect(),
        refresh_ms: page.refresh.map(|span| span.get()),
        scopes: page.scopes.iter().map(|scope| scope.spelled().to_owned()).collect(),
        hide_version: page.hide_version,
        node: page.node.clone().map(Option::unwrap_or_default),
        description: page.description.clone().map(Option::unwrap_or_default),
        legends: page.legends,
        modules: page.modules,
    }
}

fn model_page(page: v1::StatisticsPage) -> Result<StatisticsPage, Problem> {
    let words = |name: &str, value: Option<String>| value.map(|value| field::text(name, value)).transpose();
    // An empty text is the one that the process has.
    let shown = |name: &str, value: Option<String>| match value {
        Some(text) if text.is_empty() => Ok(Some(None)),
        value => Ok(words(name, value)?.map(Some)),
    };
    let user = |user: v1::PageUser| match PageUser::parse(&format!("{}:{}", user.name, user.password)) {
        Some(read) if read.name == user.name => Ok(read),
        _ => Err(field::malformed("users", "a name that is not empty and has no colon is expected")),
    };
    let refresh = field::millis("refresh_ms", page.refresh_ms)?;
    if refresh.is_some_and(|refresh| refresh.get() < 1000) {
        return Err(field::malformed("refresh_ms", "1000 or more is expected"));
    }
    Ok(StatisticsPage {
        uri: words("uri", page.uri)?,
        realm: words("realm", page.realm)?,
        users: page.users.into_iter().map(user).collect::<Result<_, Problem>>()?,
        rules: texts("rules", &page.rules, StatisticsPage::parse_rule)?,
        admin: conditions("admins", &page.admins)?,
        refresh,
        scopes: page.scopes.iter().map(|scope| PageScope::parse(scope)).collect(),
        hide_version: page.hide_version,
        node: shown("node", page.node)?,
        description: shown("description", page.description)?,
        legends: page.legends,
        modules: page.modules,
    })
}

/// Words as one text that is cut into the same words.
fn joined(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| quote(word, Dialect::Line)).collect();
    quoted.join(" ")
}

/// Reads a text of the rule language, all of it.
fn text<T>(
    name: &str,
    text: &str,
    read: impl Fn(&mut Words<'_>) -> Result<T, Mistake>,
) -> Result<T, Problem> {
    let words = cut(text, Dialect::Line, 1, 1, &|_| None)
        .map_err(|issue| field::malformed(name, format_args!("'{text}': {}", issue.message)))?;
    let mut words = Words::new(words.iter().map(|word| word.text.as_str()));
    let outcome = read(&mut words).and_then(|value| words.finish().map(|()| value));
    outcome.map_err(|mistake| {
        field::malformed(name, format_args!("'{text}': word {}: {mistake}", mistake.word + 1))
    })
}

fn texts<T>(
    name: &str,
    texts: &[String],
    read: impl Fn(&mut Words<'_>) -> Result<T, Mistake>,
) -> Result<Vec<T>, Problem> {
    texts.iter().enumerate().map(|(at, line)| text(&format!("{name}[{at}]"), line, &read)).collect()
}

fn conditions(name: &str, lines: &[String]) -> Result<Vec<Condition>, Problem> {
    texts(name, lines, |words| {
        Condition::parse(words)?.ok_or_else(|| Mistake::new(0, "'if' or 'unless' and a condition is missing"))
    })
}
