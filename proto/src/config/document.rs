//! From rows of the model to sections and lines: what both writers spell.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::model::{
    Admin, Backend, Bind, Defaults, Frontend, Global, HttpErrors, Name, Resolvers, Ring, Row, Server,
    Subject, Userlist,
};

use super::directives::{self, Action, Directive, Draft, DraftBind, Lines, Section};

/// A configuration as both forms spell it.
#[derive(Default)]
pub(super) struct Document {
    /// The lines of `global`, if there is such a section.
    pub global: Option<Vec<Line>>,
    /// The resolvers, by place.
    pub resolvers: Vec<Written>,
    /// The lists of users, by place.
    pub userlists: Vec<Written>,
    /// Shared error pages.
    pub http_errors: Vec<Written>,
    /// The rings, by place.
    pub rings: Vec<Written>,
    /// The defaults, each after the ones that it starts from.
    pub defaults: Vec<Written>,
    /// The proxies in the order of listings.
    pub proxies: Vec<Written>,
}

/// One section of defaults or proxies.
pub(super) struct Written {
    /// What kind of section.
    pub section: Section,
    /// Its name.
    pub name: Name,
    /// Its defaults.
    pub from: Option<Name>,
    /// Its lines, in the order of the directive table.
    pub lines: Vec<Line>,
}

/// One line of a section.
pub(super) struct Line {
    /// The directive.
    pub directive: &'static Directive,
    /// Whether `no` stands before it.
    pub negated: bool,
    /// The words after the directive.
    pub words: Vec<String>,
}

/// Something of a row that no text can say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unwritable {
    /// The row.
    pub subject: Subject,
    /// What cannot be said.
    pub detail: String,
}

impl fmt::Display for Unwritable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.detail)
    }
}

impl Document {
    /// Whether there is one set of defaults, called `defaults`, that every proxy starts from: then it needs no name.
    pub fn has_plain_defaults(&self) -> bool {
        match self.defaults.as_slice() {
            [only] => {
                only.name.as_str() == "defaults"
                    && only.from.is_none()
                    && !only.lines.is_empty()
                    && self.proxies.iter().all(|proxy| proxy.from.as_ref() == Some(&only.name))
            }
            _ => false,
        }
    }

    /// Sorts rows into sections.
    pub fn gather<'a>(rows: impl IntoIterator<Item = &'a Row>) -> Result<Document, Vec<Unwritable>> {
        let mut sorted = Sorted::default();
        for row in rows {
            sorted.add(row);
        }
        let mut document = Document::default();
        let mut problems = Vec::new();
        document.global = sorted.global.map(global_lines);
        sorted.resolvers.sort_by_key(|row| (place(row.order), &row.name));
        document.resolvers = sorted.resolvers.iter().map(|row| written_resolvers(row)).collect();
        sorted.userlists.sort_by_key(|row| (place(row.order), &row.name));
        document.userlists = sorted.userlists.iter().map(|row| written_userlist(row)).collect();
        sorted.rings.sort_by_key(|row| (place(row.order), &row.name));
        sorted.http_errors.sort_by_key(|row| (place(row.order), &row.name));
        document.http_errors = sorted.http_errors.iter().map(|row| written_errors(row)).collect();
        document.rings = sorted.rings.iter().map(|row| written_ring(row)).collect();
        document.defaults =
            sorted.defaults_in_order().into_iter().map(|row| written_defaults(row, &mut problems)).collect();
        document.proxies = sorted.proxies(&mut problems);
        if problems.is_empty() { Ok(document) } else { Err(problems) }
    }
}

#[derive(Default)]
struct Sorted<'a> {
    global: Option<&'a Global>,
    resolvers: Vec<&'a Resolvers>,
    userlists: Vec<&'a Userlist>,
    rings: Vec<&'a Ring>,
    http_errors: Vec<&'a HttpErrors>,
    defaults: Vec<&'a Defaults>,
    frontends: BTreeMap<&'a Name, &'a Frontend>,
    backends: BTreeMap<&'a Name, &'a Backend>,
    binds: BTreeMap<&'a Name, Vec<&'a Bind>>,
    servers: BTreeMap<&'a Name, Vec<&'a Server>>,
}

impl<'a> Sorted<'a> {
    fn add(&mut self, row: &'a Row) {
        match row {
            Row::Global(row) => self.global = Some(row),
            Row::Resolvers(row) => self.resolvers.push(row),
            // Lists stand in files of their own.
            Row::List(_) | Row::Entries(_) => {}
            Row::Userlist(row) => self.userlists.push(row),
            Row::Ring(row) => self.rings.push(row),
            Row::HttpErrors(row) => self.http_errors.push(row),
            Row::Defaults(row) => self.defaults.push(row),
            Row::Frontend(row) => {
                self.frontends.insert(&row.name, row);
            }
            Row::Backend(row) => {
                self.backends.insert(&row.name, row);
            }
            Row::Bind(row) => self.binds.entry(&row.at.frontend).or_default().push(row),
            Row::Server(row) => self.servers.entry(&row.at.backend).or_default().push(row),
        }
    }

    /// By place, and each after the one that it starts from.
    fn defaults_in_order(&mut self) -> Vec<&'a Defaults> {
        self.defaults.sort_by_key(|row| (place(row.order), row.name.clone()));
        let mut waiting = std::mem::take(&mut self.defaults);
        let mut done: Vec<&Defaults> = Vec::new();
        while !waiting.is_empty() {
            let ready = |row: &&Defaults| match &row.from {
                Some(from) => done.iter().any(|known| known.name == *from),
                None => true,
            };
            // Without any that is ready they start from each other in a circle; no state holds that.
            let at = waiting.iter().position(ready).unwrap_or(0);
            done.push(waiting.remove(at));
        }
        done
    }

    fn proxies(&mut self, problems: &mut Vec<Unwritable>) -> Vec<Written> {
        for binds in self.binds.values_mut() {
            binds.sort_by_key(|row| (place(row.order), row.id));
        }
        for servers in self.servers.values_mut() {
            servers.sort_by_key(|row| (place(row.order), row.id));
        }
        let mut found: Vec<(u32, u32, Draft, Option<Name>)> = Vec::new();
        let mut whole = BTreeSet::new();
        for frontend in self.frontends.values() {
            let draft = match self.whole(frontend) {
                Some(draft) => {
                    whole.insert(&frontend.name);
                    draft
                }
                None => {
                    let mut draft = Draft::new(Section::Frontend, frontend.name.clone());
                    self.client_side(frontend, &mut draft);
                    draft
                }
            };
            found.push((place(frontend.order), frontend.id, draft, frontend.from.clone()));
        }
        for backend in self.backends.values() {
            let mut draft = Draft::new(Section::Backend, backend.name.clone());
            self.server_side(backend, &mut draft, problems);
            if !whole.contains(&backend.name) {
                found.push((place(backend.order), backend.id, draft, backend.from.clone()));
            }
        }
        found.sort_by_key(|(order, id, draft, _)| (*order, *id, draft.section));
        hide_usual_numbers(found.iter_mut().map(|(_, _, draft, _)| &mut draft.id), 2);
        found
            .into_iter()
            .map(|(_, _, draft, from)| {
                let (lines, _) = proxy_lines(&draft);
                Written { section: draft.section, name: draft.name, from, lines }
            })
            .collect()
    }

    fn client_side(&self, row: &Frontend, draft: &mut Draft) {
        draft.id = row.id;
        draft.disabled = Some(row.disabled);
        draft.description.clone_from(&row.description);
        draft.guid.clone_from(&row.guid);
        draft.frontend = Some((*row.settings).clone());
        draft.binds = drafted_binds(self.binds.get(&row.name).map_or(&[], Vec::as_slice));
    }

    fn server_side(&self, row: &Backend, draft: &mut Draft, problems: &mut Vec<Unwritable>) {
        draft.id = row.id;
        draft.disabled = Some(row.disabled);
        draft.description.clone_from(&row.description);
        draft.guid.clone_from(&row.guid);
        draft.backend = Some((*row.settings).clone());
        draft.servers = drafted_servers(self.servers.get(&row.name).map_or(&[], Vec::as_slice), problems);
    }

    /// Both halves of a `listen` in one section, where they agree.
    fn whole(&self, frontend: &Frontend) -> Option<Draft> {
        let backend = self.backends.get(&frontend.name).filter(|backend| joined(frontend, backend))?;
        let mut draft = Draft::new(Section::Listen, frontend.name.clone());
        self.client_side(frontend, &mut draft);
        self.server_side(backend, &mut draft, &mut Vec::new());
        (!proxy_lines(&draft).1).then_some(draft)
    }
}

/// Whether a frontend and a backend are the halves of one `listen` that a text can say in one section.
fn joined(frontend: &Frontend, backend: &Backend) -> bool {
    frontend.listen
        && backend.listen
        && frontend.id == backend.id
        && frontend.order == backend.order
        && frontend.from == backend.from
        && frontend.disabled == backend.disabled
        && frontend.description == backend.description
        && frontend.guid == backend.guid
}

fn drafted_binds(rows: &[&Bind]) -> Vec<DraftBind> {
    let usual = |order: usize, row: &Bind| row.at.bind.as_str() == format!("sock-{}", order + 1);
    let mut drafts: Vec<DraftBind> = rows
        .iter()
        .enumerate()
        .map(|(at, row)| DraftBind {
            name: (!usual(at, row)).then(|| row.at.bind.clone()),
            bind: (*row).clone(),
        })
        .collect();
    hide_usual_numbers(drafts.iter_mut().map(|draft| &mut draft.bind.id), 1);
    drafts
}

fn drafted_servers(rows: &[&Server], problems: &mut Vec<Unwritable>) -> Vec<Server> {
    let mut servers: Vec<Server> = rows.iter().map(|row| (*row).clone()).collect();
    for server in &mut servers {
        match server.admin.take() {
            None | Some(Admin::Ready) => {}
            Some(Admin::Maint) => server.settings.disabled = Some(true),
            Some(Admin::Drain) => problems.push(Unwritable {
                subject: Subject::Server(server.at.clone()),
                detail: "no directive says that a server drains".to_owned(),
            }),
        }
    }
    hide_usual_numbers(servers.iter_mut().map(|server| &mut server.id), 1);
    servers
}

/// Sets those numbers to 0 that would be given again anyway: the lowest free one from `first`, in order.
fn hide_usual_numbers<'a>(numbers: impl Iterator<Item = &'a mut u32>, first: u32) {
    let numbers: Vec<&mut u32> = numbers.collect();
    let mut forced: BTreeSet<u32> = BTreeSet::new();
    loop {
        let mut free = (first..).filter(|number| !forced.contains(number));
        let odd: Vec<u32> = numbers
            .iter()
            .map(|number| **number)
            .filter(|number| *number != 0 && !forced.contains(number))
            .filter(|number| free.next() != Some(*number))
            .collect();
        if odd.is_empty() {
            break;
        }
        forced.extend(odd);
    }
    for number in numbers {
        if !forced.contains(number) {
            *number = 0;
        }
    }
}

/// A place for sorting: 0 is the end.
fn place(order: u32) -> u32 {
    if order == 0 { u32::MAX } else { order }
}

fn global_lines(global: &Global) -> Vec<Line> {
    let mut found = Vec::new();
    for directive in directives::all() {
        if let Action::Global { write, .. } = &directive.action {
            let mut lines = Lines::default();
            write(global, &mut lines);
            found.extend(spelled(directive, lines));
        }
    }
    found
}

fn written_userlist(row: &Userlist) -> Written {
    let mut found = Vec::new();
    for directive in directives::all() {
        if let Action::Userlist { write, .. } = &directive.action {
            let mut lines = Lines::default();
            write(row, &mut lines);
            found.extend(spelled(directive, lines));
        }
    }
    Written { section: Section::Userlist, name: row.name.clone(), from: None, lines: found }
}

fn written_errors(row: &HttpErrors) -> Written {
    let mut found = Vec::new();
    for directive in directives::all() {
        if let Action::HttpErrors { write, .. } = &directive.action {
            let mut lines = Lines::default();
            write(row, &mut lines);
            found.extend(spelled(directive, lines));
        }
    }
    Written { section: Section::HttpErrors, name: row.name.clone(), from: None, lines: found }
}

fn written_resolvers(row: &Resolvers) -> Written {
    let mut found = Vec::new();
    for directive in directives::all() {
        if let Action::Resolvers { write, .. } = &directive.action {
            let mut lines = Lines::default();
            write(row, &mut lines);
            found.extend(spelled(directive, lines));
        }
    }
    Written { section: Section::Resolvers, name: row.name.clone(), from: None, lines: found }
}

fn written_ring(row: &Ring) -> Written {
    let mut found = Vec::new();
    for directive in directives::all() {
        if let Action::Ring { write, .. } = &directive.action {
            let mut lines = Lines::default();
            write(row, &mut lines);
            found.extend(spelled(directive, lines));
        }
    }
    Written { section: Section::Ring, name: row.name.clone(), from: None, lines: found }
}

/// The lines of a section, and whether its sides disagree.
fn proxy_lines(draft: &Draft) -> (Vec<Line>, bool) {
    let mut found = Vec::new();
    let mut disagreement = false;
    for directive in directives::all() {
        if let Action::Proxy { write, .. } = &directive.action {
            let mut lines = Lines::default();
            write(draft, &mut lines);
            disagreement |= lines.disagreement;
            found.extend(spelled(directive, lines));
        }
    }
    (found, disagreement)
}

fn spelled(directive: &'static Directive, lines: Lines) -> impl Iterator<Item = Line> {
    lines.lines.into_iter().map(move |(negated, words)| Line { directive, negated, words })
}

fn written_defaults(row: &Defaults, problems: &mut Vec<Unwritable>) -> Written {
    let mut draft = Draft::new(Section::Defaults, row.name.clone());
    draft.disabled = Some(row.disabled);
    draft.frontend = Some((*row.frontend).clone());
    draft.backend = Some((*row.backend).clone());
    let (lines, disagreement) = proxy_lines(&draft);
    if disagreement {
        problems.push(Unwritable {
            subject: Subject::Defaults(row.name.clone()),
            detail: "its settings for frontends and for backends differ where one directive sets both"
                .to_owned(),
        });
    }
    Written { section: Section::Defaults, name: row.name.clone(), from: row.from.clone(), lines }
}
