//! What is checked once every section is read.

use std::collections::BTreeMap;

use crate::model::{BackendSettings, Balance, FrontendSettings, Guid, LogFormat, Millis, Mode, Name, Rules};

use crate::rules::log_format::Restriction;
use crate::rules::{Action, Rule, RuleSet};

use super::super::diagnostic::{Diagnostic, Gravity, Place};
use super::super::directives::Section;
use super::{Assembler, Entry};

/// Positions of the sections that have a client side and a server side, by name.
pub(super) struct Names {
    frontends: BTreeMap<Name, usize>,
    backends: BTreeMap<Name, usize>,
}

impl Assembler<'_> {
    /// The proxies by name; notes names that are given twice on one side.
    pub(super) fn frontends_and_backends(&mut self) -> Names {
        let mut names = Names { frontends: BTreeMap::new(), backends: BTreeMap::new() };
        let mut clashes = Vec::new();
        for (at, entry) in self.proxies() {
            let name = &entry.draft.name;
            let mut first = None;
            if entry.draft.frontend.is_some() {
                first = first.or(names.frontends.insert(name.clone(), at));
            }
            if entry.draft.backend.is_some() {
                first = first.or(names.backends.insert(name.clone(), at));
            }
            clashes.extend(first.map(|first| (first, at)));
        }
        for (first, at) in clashes {
            let (Some(first), Some(entry)) = (self.entries.get(first), self.entries.get(at)) else {
                continue;
            };
            let message = format!(
                "{} '{}' has the same name as the {} at {}",
                entry.draft.section.word(),
                entry.draft.name,
                first.draft.section.word(),
                first.place
            );
            let place = entry.place.clone();
            self.note(Gravity::Error, place, message);
        }
        names
    }

    /// Everything that concerns more than one line.
    pub(super) fn check(&mut self, names: &Names) {
        let mut found = Vec::new();
        self.check_numbers(&mut found);
        self.check_resolvers(&mut found);
        self.check_userlists(&mut found);
        self.check_rings(&mut found);
        self.check_errors(&mut found);
        for (_, entry) in self.proxies() {
            let (mut front, mut back, disabled) = match entry.from {
                Some(from) => self.inherited(from),
                None => Default::default(),
            };
            front = entry.draft.frontend.as_ref().map_or(front.clone(), |own| own.over(&front));
            back = entry.draft.backend.as_ref().map_or(back.clone(), |own| own.over(&back));
            if disabled && entry.draft.disabled == Some(false) {
                let message = "'enabled' cannot undo the 'disabled' of the defaults yet".to_owned();
                found.push((Gravity::Error, entry.place.clone(), message));
            }
            if entry.draft.frontend.is_some() {
                self.check_frontend(entry, &front, names, &mut found);
            }
            if entry.draft.backend.is_some() {
                check_balance(entry, &back, &mut found);
            }
            let mode = if entry.draft.frontend.is_some() { front.mode } else { back.mode };
            if mode.unwrap_or(Mode::Tcp) == Mode::Tcp && switch(&front).is_none() {
                check_rules_of_requests(entry, &mut found);
            }
            if let Some(rule) = switch_of(&back.rules).filter(|_| entry.draft.section == Section::Backend) {
                let place = match &rule.place.0 {
                    Some((file, line)) => Place { file: file.clone(), line: *line, column: 1, length: 0 },
                    None => entry.place.clone(),
                };
                let name = &entry.draft.name;
                let text =
                    format!("'switch-mode' is for clients' connections, and backend '{name}' has none");
                found.push((Gravity::Error, place, text));
            }
            let off = disabled || entry.draft.disabled == Some(true);
            if !off {
                check_timeouts(entry, &front, &back, &mut found);
            }
        }
        for (gravity, place, message) in found {
            self.note(gravity, place, message);
        }
    }

    fn check_frontend(&self, entry: &Entry, front: &FrontendSettings, names: &Names, found: &mut Found) {
        let name = &entry.draft.name;
        let section = entry.draft.section;
        if section == Section::Frontend && entry.draft.binds.is_empty() {
            let message = format!("frontend '{name}' has no 'bind': nobody can connect to it");
            found.push((Gravity::Warning, entry.place.clone(), message));
        }
        let mode = front.mode.unwrap_or(Mode::Tcp);
        if mode == Mode::Tcp && matches!(front.log_format, Some(LogFormat::Http | LogFormat::Clf)) {
            let message = format!(
                "'option httplog' needs 'mode http' in {} '{name}': it logs as 'option tcplog'",
                section.word()
            );
            found.push((Gravity::Warning, entry.place.clone(), message));
        }
        let switches = switch(front).is_some();
        if mode == Mode::Tcp && !switches && matches!(front.forwardfor, Some(Some(_))) {
            let message = format!(
                "'option forwardfor' is ignored in {} '{name}': it needs 'mode http'",
                section.word()
            );
            found.push((Gravity::Warning, entry.place.clone(), message));
        }
        if mode == Mode::Tcp {
            check_aliases(entry, front, found);
        }
        let Some(backend) = &front.default_backend else { return };
        let place = entry.default_backend.clone().unwrap_or_else(|| entry.place.clone());
        let Some(target) = names.backends.get(backend).and_then(|at| self.entries.get(*at)) else {
            let near = super::keywords::nearest(backend.as_str(), names.backends.keys().map(Name::as_str));
            let hint = near.map(|near| format!("; did you mean '{near}'?")).unwrap_or_default();
            found.push((Gravity::Error, place, format!("there is no backend '{backend}'{hint}")));
            return;
        };
        let theirs = target.draft.backend.as_ref().and_then(|own| own.mode);
        let theirs =
            theirs.or_else(|| target.from.and_then(|from| self.inherited(from).1.mode)).unwrap_or(Mode::Tcp);
        // A connection of bytes is taken for one of HTTP where it leads to such a backend.
        if mode == Mode::Http && theirs == Mode::Tcp {
            let word = |mode| if mode == Mode::Tcp { "tcp" } else { "http" };
            let message = format!(
                "{} '{name}' is in mode {} and its default backend '{backend}' ({}) in mode {}",
                section.word(),
                word(mode),
                target.place,
                word(theirs)
            );
            found.push((Gravity::Error, place, message));
        }
    }

    /// Numbers that are taken twice: among proxies, and among the binds and servers of each.
    fn check_numbers(&self, found: &mut Found) {
        let mut proxies: BTreeMap<u32, &Entry> = BTreeMap::new();
        let mut guids: BTreeMap<&Guid, &Place> = BTreeMap::new();
        for (_, entry) in self.proxies() {
            for (guid, place) in guids_of(entry) {
                if let Some(first) = guids.insert(guid, place) {
                    let message = format!("guid '{guid}' is taken already, at {first}");
                    found.push((Gravity::Error, place.clone(), message));
                }
            }
            if entry.draft.id != 0
                && let Some(first) = proxies.insert(entry.draft.id, entry)
            {
                let message = format!(
                    "number {} is already that of '{}' at {}",
                    entry.draft.id, first.draft.name, first.place
                );
                found.push((Gravity::Error, entry.place.clone(), message));
            }
            same_names(entry, found);
            let binds = entry.draft.binds.iter().map(|bind| bind.bind.id).zip(&entry.binds);
            let servers = entry.draft.servers.iter().map(|server| server.id).zip(&entry.servers);
            clashing(binds, "bind", found);
            clashing(servers, "server", found);
        }
    }

    fn proxies(&self) -> impl Iterator<Item = (usize, &Entry)> {
        let proxies = |entry: &Entry| !entry.discarded && entry.draft.section != Section::Defaults;
        self.entries.iter().enumerate().filter(move |(_, entry)| proxies(entry))
    }

    fn note(&mut self, gravity: Gravity, place: Place, message: String) {
        self.diagnostics.push(Diagnostic { gravity, place, message, help: None });
    }
}

pub(super) type Found = Vec<(Gravity, Place, String)>;

/// What a section and what is in it are called whatever becomes of their names.
fn guids_of(entry: &Entry) -> impl Iterator<Item = (&Guid, &Place)> {
    let binds = entry.draft.binds.iter().zip(&entry.binds);
    let servers = entry.draft.servers.iter().zip(&entry.servers);
    let own = entry.draft.guid.as_ref().map(|guid| (guid, &entry.place));
    own.into_iter()
        .chain(binds.filter_map(|(draft, place)| Some((draft.bind.guid.as_ref()?, place))))
        .chain(servers.filter_map(|(server, place)| Some((server.guid.as_ref()?, place))))
}

fn clashing<'a>(numbers: impl Iterator<Item = (u32, &'a Place)>, noun: &str, found: &mut Found) {
    let mut seen: BTreeMap<u32, &Place> = BTreeMap::new();
    for (number, place) in numbers.filter(|(number, _)| *number != 0) {
        if let Some(first) = seen.insert(number, place) {
            let message = format!("number {number} is already that of the {noun} at {first}");
            found.push((Gravity::Error, place.clone(), message));
        }
    }
}

fn same_names(entry: &Entry, found: &mut Found) {
    let mut seen: BTreeMap<&Name, &Place> = BTreeMap::new();
    for (server, place) in entry.draft.servers.iter().zip(&entry.servers) {
        let name = &server.at.server;
        if let Some(first) = seen.insert(name, place) {
            let message = format!("another server of this section is named '{name}', at {first}");
            found.push((Gravity::Error, place.clone(), message));
        }
    }
}

/// HAProxy's warning about keys that a connection without requests does not have.
fn check_balance(entry: &Entry, back: &BackendSettings, found: &mut Found) {
    let of_requests =
        matches!(back.balance, Some(Balance::Uri(_) | Balance::UrlParam { .. } | Balance::Header { .. }));
    if of_requests && back.mode.unwrap_or(Mode::Tcp) == Mode::Tcp {
        let message = format!(
            "the 'balance' of {} '{}' needs 'mode http': servers take turns instead",
            entry.draft.section.word(),
            entry.draft.name
        );
        found.push((Gravity::Warning, entry.place.clone(), message));
    }
}

/// The rule that takes connections of a frontend for ones of HTTP.
fn switch(front: &FrontendSettings) -> Option<&Rule> {
    switch_of(&front.rules)
}

fn switch_of(rules: &Rules) -> Option<&Rule> {
    rules.of(RuleSet::TcpContent).find(|rule| matches!(rule.action, Action::SwitchMode { .. }))
}

/// HAProxy's warning about rules for requests and responses where there are none.
fn check_rules_of_requests(entry: &Entry, found: &mut Found) {
    let front = entry.draft.frontend.as_ref().map(|side| &side.rules);
    let Some(rules) = front.or(entry.draft.backend.as_ref().map(|side| &side.rules)) else { return };
    let sets = [RuleSet::HttpRequest, RuleSet::HttpResponse, RuleSet::HttpAfterResponse];
    let first = |set: RuleSet| rules.of(set).next().map(|rule| (set.words(), rule.place.0.clone()));
    let redirect = rules.redirects.first().map(|_| ("redirect", None));
    for (name, stands) in sets.into_iter().filter_map(first).chain(redirect) {
        let place = match stands {
            Some((file, line)) => Place { file, line, column: 1, length: 0 },
            None => entry.place.clone(),
        };
        let section = entry.draft.section.word();
        let text = match entry.draft.frontend.is_some() {
            true => format!(
                "'{name}' needs 'mode http': in {section} '{}' it is looked at only where a backend in mode http is chosen",
                entry.draft.name
            ),
            false => {
                format!("'{name}' is ignored in {section} '{}': it needs 'mode http'", entry.draft.name)
            }
        };
        found.push((Gravity::Warning, place, text));
    }
}

/// Log lines that show what connections without requests do not have: HAProxy refuses them.
fn check_aliases(entry: &Entry, front: &FrontendSettings, found: &mut Found) {
    let line = match &front.log_format {
        Some(LogFormat::Custom(format)) => Some(format),
        _ => None,
    };
    for format in line.into_iter().chain(&front.log_format_sd).chain(&front.error_log_format) {
        for alias in format.aliases().filter(|alias| alias.row().restriction == Restriction::Http) {
            let text = format!(
                "the log line of {} '{}' has '%{}', which shows nothing without 'mode http'",
                entry.draft.section.word(),
                entry.draft.name,
                alias.name()
            );
            found.push((Gravity::Warning, entry.place.clone(), text));
        }
    }
}

/// HAProxy's warning about proxies whose peers may stay silent for ever.
fn check_timeouts(entry: &Entry, front: &FrontendSettings, back: &BackendSettings, found: &mut Found) {
    let unset = |time: Option<Millis>| time.is_none_or(|time| time.get() == 0);
    let mut missing = Vec::new();
    if entry.draft.frontend.is_some() && unset(front.timeout_client) {
        missing.push("'client'");
    }
    if entry.draft.backend.is_some() && !entry.draft.servers.is_empty() {
        if unset(back.timeout_connect) {
            missing.push("'connect'");
        }
        if unset(back.timeout_server) {
            missing.push("'server'");
        }
    }
    if !missing.is_empty() {
        let message = format!(
            "missing timeouts for {} '{}': {}; connections that fall silent stay for ever",
            entry.draft.section.word(),
            entry.draft.name,
            missing.join(", ")
        );
        found.push((Gravity::Warning, entry.place.clone(), message));
    }
}
