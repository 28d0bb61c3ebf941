//! The statistics page of a proxy (configuration manual 4.2 "stats …").

use super::Millis;
use crate::rules::{Action, Condition, Mistake, Rule, RuleSet, Words};

/// A page on which a proxy shows what is counted; that there is one is said by any of its settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StatisticsPage {
    /// `stats uri`: how targets begin that lead to it. Default: [`StatisticsPage::URI`].
    pub uri: Option<String>,
    /// `stats realm`: what browsers are told that a user and password are wanted for. Default:
    /// [`StatisticsPage::REALM`].
    pub realm: Option<String>,
    /// `stats auth`: who may look, one of them. Empty: everybody.
    pub users: Vec<PageUser>,
    /// `stats http-request`: who may look; only rules that allow, deny or ask for a user.
    pub rules: Vec<Rule>,
    /// `stats admin`: who may change something, by any of these conditions. Empty: nobody.
    pub admin: Vec<Condition>,
    /// `stats refresh`: after what time browsers ask again. Default: never.
    pub refresh: Option<Millis>,
    /// `stats scope`: which proxies are shown. Empty: all.
    pub scopes: Vec<PageScope>,
    /// `stats hide-version`: whether the version is not told.
    pub hide_version: bool,
    /// `stats show-node`: whether a name of the node is shown, and which; `Some(None)` is the node's own.
    pub node: Option<Option<String>>,
    /// `stats show-desc`: whether a sentence about it is shown, and which; `Some(None)` is the process's own.
    pub description: Option<Option<String>>,
    /// `stats show-legends`: whether addresses, cookies, algorithms and numbers are shown.
    pub legends: bool,
    /// `stats show-modules`: whether counters of modules are shown.
    pub modules: bool,
}

/// A user of a statistics page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageUser {
    /// The name; it holds no colon (RFC 7617).
    pub name: String,
    /// The password.
    pub password: String,
}

/// A proxy that a statistics page shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PageScope {
    /// The one that has the page.
    Own,
    /// The one of this name, which need not be there.
    Named(String),
}

impl StatisticsPage {
    /// How targets begin that lead to a page that says nothing else.
    pub const URI: &'static str = "/haproxy?stats";
    /// The realm of a page that says nothing else.
    pub const REALM: &'static str = "HAProxy Statistics";

    /// How targets begin that lead to it.
    pub fn prefix(&self) -> &str {
        self.uri.as_deref().unwrap_or(Self::URI)
    }

    /// Reads what stands after `stats http-request`.
    pub fn parse_rule(words: &mut Words<'_>) -> Result<Rule, Mistake> {
        let first = words.position();
        let rule = Rule::parse(RuleSet::HttpRequest, words, &|_| Err("files are not read here".to_owned()))?;
        match rule.action {
            Action::Allow | Action::Deny(_) | Action::Auth { .. } => Ok(rule),
            _ => Err(Mistake::new(0, "this action has no meaning for a statistics page")
                .expecting("'allow', 'deny' or 'auth' is accepted")
                .in_word(first)),
        }
    }
}

impl PageUser {
    /// Reads `<user>:<password>`.
    pub fn parse(text: &str) -> Option<PageUser> {
        let (name, password) = text.split_once(':')?;
        (!name.is_empty()).then(|| PageUser { name: name.to_owned(), password: password.to_owned() })
    }

    /// The text that reads as this.
    pub fn spelled(&self) -> String {
        format!("{}:{}", self.name, self.password)
    }
}

impl PageScope {
    /// Reads a name, or a dot.
    pub fn parse(text: &str) -> PageScope {
        if text == "." { PageScope::Own } else { PageScope::Named(text.to_owned()) }
    }

    /// The text that reads as this.
    pub fn spelled(&self) -> &str {
        match self {
            PageScope::Own => ".",
            PageScope::Named(name) => name,
        }
    }
}
