//! From sections and lines of words to rows of the model.
//!
//! Both readers cut their texts into headers and lines and hand them over here; what a line means is told by
//! the directive table. Owns what concerns several lines: names, numbers, references, and the warnings that
//! HAProxy gives about a whole proxy.

mod checks;
mod errors;
mod lists;
mod resolvers;
mod rings;
mod userlists;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::model::{
    Backend, BackendSettings, BindRef, Defaults, Frontend, FrontendSettings, Global, HttpErrors, Name,
    Resolvers, Ring, Row, Userlist,
};

use crate::rules::inline::Names;

use super::Loaded;
use super::diagnostic::{Diagnostic, Gravity, Issue, Place};
use super::directives::arguments::{Arguments, Polarity, about, expecting};
use super::directives::{self, Action, Directive, Draft, Section};
use super::environment::Environment;
use super::keywords::{self, Known, Status};
use super::lexer::Word;

/// The line that opens a section, cut into its parts.
pub struct Header<'a> {
    /// What kind of section.
    pub section: Section,
    /// The word that opens it, or what stands for it.
    pub keyword: &'a Word,
    /// Its name.
    pub name: Option<&'a Word>,
    /// The defaults that it asks for.
    pub from: Option<&'a Word>,
    /// Its place among the proxies where the text says it; 0 otherwise.
    pub order: u32,
}

/// Sections and lines while they are being read.
pub struct Assembler<'a> {
    /// Variables and files.
    pub environment: &'a Environment<'a>,
    /// The file that is being read.
    pub file: Arc<str>,
    diagnostics: Vec<Diagnostic>,
    global: Option<Global>,
    /// Where `global` stands, the last time.
    global_place: Option<Place>,
    entries: Vec<Entry>,
    /// The resolvers, each with the place of its name.
    resolvers: Vec<(Resolvers, Place)>,
    /// The lists of users, each with the place of its name.
    userlists: Vec<(Userlist, Place)>,
    /// The rings, each with the place of its name.
    rings: Vec<(Ring, Place)>,
    /// Shared error pages, each with the place of their name.
    http_errors: Vec<(HttpErrors, Place)>,
    current: Current,
    /// The defaults that proxies without `from` start from.
    implicit: Option<usize>,
    /// The defaults by the name that the text gives them.
    labels: BTreeMap<String, Vec<usize>>,
    /// Where lists are named, in order.
    references: Vec<lists::Reference>,
    /// The lists of users that rules name, each with the groups that a condition asks for, and where.
    asked_userlists: Vec<(String, Vec<String>, Place)>,
    /// What names the lists of patterns in the rules of each entry.
    list_names: BTreeMap<usize, Names>,
    /// The predefined ACLs that sections use.
    predefined: BTreeSet<(String, String)>,
}

/// One section of proxies or defaults.
struct Entry {
    draft: Draft,
    /// Position of its defaults in the entries.
    from: Option<usize>,
    /// Where its name stands.
    place: Place,
    /// Whether the text names it.
    named: bool,
    /// Whether its header is wrong: its lines are looked at and thrown away.
    discarded: bool,
    order: u32,
    /// Where lines of these directives stand: `default_backend`, and the servers' and binds' in their order.
    default_backend: Option<Place>,
    servers: Vec<Place>,
    binds: Vec<Place>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Current {
    /// Before the first section.
    Nothing,
    Global,
    Entry(usize),
    Resolvers(usize),
    Userlist(usize),
    Ring(usize),
    HttpErrors(usize),
    /// A section that is not supported: its lines are not looked at.
    Skipped,
}

impl<'a> Assembler<'a> {
    /// An empty one.
    pub fn new(environment: &'a Environment<'a>) -> Assembler<'a> {
        Assembler {
            environment,
            file: Arc::from(""),
            diagnostics: Vec::new(),
            global: None,
            global_place: None,
            entries: Vec::new(),
            resolvers: Vec::new(),
            userlists: Vec::new(),
            rings: Vec::new(),
            http_errors: Vec::new(),
            current: Current::Nothing,
            implicit: None,
            labels: BTreeMap::new(),
            references: Vec::new(),
            asked_userlists: Vec::new(),
            list_names: BTreeMap::new(),
            predefined: BTreeSet::new(),
        }
    }

    /// Notes an error at the current file.
    pub fn error(&mut self, issue: Issue) {
        self.remark(Gravity::Error, issue);
    }

    /// Notes a remark at the current file.
    pub fn remark(&mut self, gravity: Gravity, issue: Issue) {
        self.diagnostics.push(issue.located(&self.file, gravity));
    }

    /// The name of the current section, as `.SECTION` shows it.
    pub fn section_name(&self) -> String {
        match self.current {
            Current::Nothing | Current::Skipped => String::new(),
            Current::Global => "global".to_owned(),
            Current::Resolvers(at) => {
                self.resolvers.get(at).map_or_else(String::new, |(row, _)| row.name.to_string())
            }
            Current::Userlist(at) => {
                self.userlists.get(at).map_or_else(String::new, |(row, _)| row.name.to_string())
            }
            Current::Ring(at) => self.rings.get(at).map_or_else(String::new, |(row, _)| row.name.to_string()),
            Current::HttpErrors(at) => {
                self.http_errors.get(at).map_or_else(String::new, |(row, _)| row.name.to_string())
            }
            Current::Entry(at) => match self.entries.get(at) {
                Some(entry) if entry.named => entry.draft.name.to_string(),
                _ => "defaults".to_owned(),
            },
        }
    }

    /// Closes the current section, so that a stray line is noticed.
    pub fn close(&mut self) {
        self.current = Current::Nothing;
    }

    /// Skips the lines of a section that is not supported, after the error about it was noted.
    pub fn skip(&mut self) {
        self.current = Current::Skipped;
    }

    /// Opens a section. `implicit` tells whether proxies without `from` start from these defaults.
    pub fn open(&mut self, header: &Header, implicit: bool) {
        if header.section == Section::Global {
            self.global.get_or_insert_default();
            self.global_place = Some(self.place(header.keyword));
            self.current = Current::Global;
            return;
        }
        if header.section == Section::Resolvers {
            return self.open_resolvers(header);
        }
        if header.section == Section::Userlist {
            return self.open_userlist(header);
        }
        if header.section == Section::Ring {
            return self.open_ring(header);
        }
        if header.section == Section::HttpErrors {
            return self.open_errors(header);
        }
        let name = match header.name {
            Some(word) => directives::arguments::name(word).map(|name| (name, word.text.clone())),
            None if header.section == Section::Defaults => match self.free_name_like("defaults") {
                Some(name) => Ok((name, String::new())),
                None => return,
            },
            None => Err(resolvers::nameless(header)),
        };
        let from = self.resolve_from(header);
        let (discarded, (name, label)) = match name {
            Ok(named) => (false, named),
            Err(issue) => {
                self.error(issue);
                let Some(placeholder) = self.free_name_like("defaults") else { return };
                (true, (placeholder, String::new()))
            }
        };
        let at = self.entries.len();
        let place = self.place(header.name.unwrap_or(header.keyword));
        let name = if header.section == Section::Defaults { self.free_name(name) } else { name };
        let mut draft = Draft::new(header.section, name);
        draft.inherited_log = from.and_then(|from| self.inherited(from).0.log);
        self.entries.push(Entry {
            draft,
            from,
            place,
            named: !label.is_empty(),
            discarded,
            order: header.order,
            default_backend: None,
            servers: Vec::new(),
            binds: Vec::new(),
        });
        if header.section == Section::Defaults && !discarded {
            self.labels.entry(label).or_default().push(at);
            if implicit {
                self.implicit = Some(at);
            }
        }
        self.current = Current::Entry(at);
    }

    /// Reads one line of the current section; the words are not empty.
    pub fn line(&mut self, words: &[Word]) {
        let (polarity, words) = match words {
            [first, rest @ ..] if !rest.is_empty() && first.text == "no" => (Polarity::No, rest),
            [first, rest @ ..] if !rest.is_empty() && first.text == "default" => (Polarity::Default, rest),
            _ => (Polarity::Plain, words),
        };
        let Some(first) = words.first() else { return };
        let section = match self.current {
            Current::Skipped => return,
            Current::Nothing => {
                let message = format!("'{}' stands outside of every section", first.text);
                let known: Vec<&str> = Section::ALL.iter().map(|section| section.word()).collect();
                let help = match keywords::nearest(&first.text, known.iter().copied()) {
                    Some(near) => format!("did you mean '{near}'?"),
                    None => format!("a section begins with {}", directives::arguments::join(&known, "or")),
                };
                return self.error(expecting(first, message, help));
            }
            Current::Global => Section::Global,
            Current::Resolvers(_) => Section::Resolvers,
            Current::Userlist(_) => Section::Userlist,
            Current::Ring(_) => Section::Ring,
            Current::HttpErrors(_) => Section::HttpErrors,
            Current::Entry(at) => self.entries.get(at).map_or(Section::Global, |entry| entry.draft.section),
        };
        let second = words.get(1).map(|word| word.text.as_str());
        let listed = keywords::find(known_in(section), &first.text, second).is_some();
        match directives::find(section, &first.text, second) {
            Some(row) if row.sections.contains(section) => self.perform(row, words, polarity),
            Some(row) if !listed => self.misplaced(row, section, words, polarity),
            _ => self.unknown(section, words),
        }
    }

    /// All rows, or everything that is wrong.
    pub fn finish(mut self) -> Result<Loaded, Vec<Diagnostic>> {
        self.drop_blank_defaults();
        let names = self.frontends_and_backends();
        self.check(&names);
        let warned = self.diagnostics.iter().find(|d| d.gravity == Gravity::Warning);
        if let Some(place) = warned.map(|d| d.place.clone()).filter(|_| self.environment.warnings_forbidden())
        {
            self.diagnostics.push(Diagnostic {
                gravity: Gravity::Error,
                place,
                message: "there are warnings, and 'zero-warning' forbids them".to_owned(),
                help: None,
            });
        }
        if self.diagnostics.iter().any(|d| d.gravity == Gravity::Error) {
            return Err(self.diagnostics);
        }
        let mut rows = self.rows();
        let lists = self.list_rows(&rows);
        if self.diagnostics.iter().any(|d| d.gravity == Gravity::Error) {
            return Err(self.diagnostics);
        }
        rows.extend(lists);
        Ok(Loaded { rows, remarks: self.diagnostics })
    }

    fn perform(&mut self, row: &'static Directive, words: &[Word], polarity: Polarity) {
        if polarity != Polarity::Plain && !row.negatable {
            if let Some(first) = words.first() {
                let word = if polarity == Polarity::No { "no" } else { "default" };
                self.error(about(first, format!("'{word}' cannot stand before '{}'", row.name)));
            }
            return;
        }
        let head = row.name.split(' ').count();
        let mut arguments = Arguments::new(words, head, polarity, self.environment);
        arguments.file = self.file.clone();
        let entry = match self.current {
            Current::Entry(at) => self.entries.get_mut(at),
            _ => None,
        };
        let resolvers = match self.current {
            Current::Resolvers(at) => self.resolvers.get_mut(at),
            _ => None,
        };
        let userlist = match self.current {
            Current::Userlist(at) => self.userlists.get_mut(at),
            _ => None,
        };
        let ring = match self.current {
            Current::Ring(at) => self.rings.get_mut(at),
            _ => None,
        };
        let errors = match self.current {
            Current::HttpErrors(at) => self.http_errors.get_mut(at),
            _ => None,
        };
        let result = match (&row.action, entry) {
            (Action::Global { read, .. }, _) => read(self.global.get_or_insert_default(), &mut arguments),
            (Action::Reader(read), _) => read(&mut arguments),
            (Action::Resolvers { read, .. }, _) => match resolvers {
                Some((row, _)) => read(row, &mut arguments),
                None => Ok(()),
            },
            (Action::Userlist { read, .. }, _) => match userlist {
                Some((row, _)) => read(row, &mut arguments),
                None => Ok(()),
            },
            (Action::HttpErrors { read, .. }, _) => match errors {
                Some((row, _)) => read(row, &mut arguments),
                None => Ok(()),
            },
            (Action::Ring { read, .. }, _) => match ring {
                Some((row, _)) => read(row, &mut arguments),
                None => Ok(()),
            },
            (Action::Proxy { read, .. }, Some(entry)) => {
                let result = read(&mut entry.draft, &mut arguments);
                entry.mark(row.name, words, head, &self.file);
                result
            }
            (Action::Proxy { .. }, None) => Ok(()),
        };
        let quiet =
            self.draft_section() == Some(Section::Backend) && directives::is_quiet_in_backends(row.name);
        if let (true, Some(first)) = (quiet, words.first()) {
            arguments.note(first, format!("'{}' has no effect in a backend", row.name));
        }
        for (gravity, issue) in std::mem::take(&mut arguments.remarks) {
            self.remark(gravity, issue);
        }
        if let Err(issue) = result {
            self.error(issue);
        }
        self.mark_lists(words);
    }

    fn draft_section(&self) -> Option<Section> {
        match self.current {
            Current::Entry(at) => self.entries.get(at).map(|entry| entry.draft.section),
            _ => None,
        }
    }

    /// A directive of another kind of section; in a proxy of the other side HAProxy warns and goes on.
    fn misplaced(&mut self, row: &'static Directive, section: Section, words: &[Word], polarity: Polarity) {
        let Some(first) = words.first() else { return };
        let where_to: Vec<&str> = row.sections.iter().map(Section::word).collect();
        let help = format!("it belongs in {}", directives::arguments::join(&where_to, "or"));
        let side = if section == Section::Frontend { "backend" } else { "frontend" };
        let proxy = matches!(section, Section::Frontend | Section::Backend);
        let (Action::Proxy { read, .. }, true, false) =
            (&row.action, proxy, matches!(row.name, "server" | "server-template" | "default-server"))
        else {
            let message = format!("'{}' is not allowed in a '{}' section", row.name, section.word());
            return self.error(expecting(first, message, help));
        };
        let message = format!("'{}' is ignored: this {} has no {side} side", row.name, section.word());
        self.remark(Gravity::Warning, expecting(first, message, help));
        // What is ignored must still be well-formed.
        let Some(name) = self.free_name_like("ignored") else { return };
        let head = row.name.split(' ').count();
        let mut arguments = Arguments::new(words, head, polarity, self.environment);
        if let Err(issue) = read(&mut Draft::new(Section::Listen, name), &mut arguments) {
            self.error(issue);
        }
    }

    fn unknown(&mut self, section: Section, words: &[Word]) {
        let Some(first) = words.first() else { return };
        let second = words.get(1);
        let list = known_in(section);
        let known = keywords::find(list, &first.text, second.map(|word| word.text.as_str()));
        if let Some(known) = known {
            let mut issue = about(first, String::new());
            if let (Some(second), true) = (second, known.name.contains(' ')) {
                issue.length = second.column.saturating_add(second.length).saturating_sub(first.column);
            }
            match known.status {
                Status::Harmless(reason) => {
                    issue.message = format!("'{}' is ignored: {reason}", known.name);
                    self.remark(Gravity::Notice, issue);
                }
                Status::NotYet => {
                    issue.message =
                        format!("'{}' is a HAProxy directive that Regate does not support yet", known.name);
                    self.error(issue);
                }
                Status::Gone(instead) => {
                    issue.message = format!("'{}' is no longer a HAProxy directive", known.name);
                    issue.help = Some(instead.to_owned());
                    self.error(issue);
                }
            }
            return;
        }
        let issue = misspelt(section, first, second, list);
        self.error(issue);
    }

    fn place(&self, word: &Word) -> Place {
        place(&self.file, word)
    }

    fn free_name(&self, wanted: Name) -> Name {
        let taken =
            self.entries.iter().any(|e| e.draft.section == Section::Defaults && e.draft.name == wanted);
        if taken { self.free_name_like(wanted.as_str()).unwrap_or(wanted) } else { wanted }
    }

    /// `base`, `base-2`, `base-3`…: the first that no defaults have.
    fn free_name_like(&self, base: &str) -> Option<Name> {
        let defaults = self.entries.iter().filter(|entry| entry.draft.section == Section::Defaults);
        let taken: BTreeSet<Name> = defaults.map(|entry| entry.draft.name.clone()).collect();
        free(&taken, base, None)
    }

    fn resolve_from(&mut self, header: &Header) -> Option<usize> {
        let Some(word) = header.from else {
            return if header.section == Section::Defaults { None } else { self.implicit };
        };
        match self.labels.get(&word.text).map(Vec::as_slice) {
            Some([only]) => Some(*only),
            Some([_, ..]) => {
                self.error(about(word, format!("several defaults sections are named '{}'", word.text)));
                None
            }
            _ => {
                let names = self.labels.keys().map(String::as_str).filter(|name| !name.is_empty());
                let message = format!("there is no defaults section named '{}' before this one", word.text);
                let issue = match keywords::nearest(&word.text, names) {
                    Some(near) => expecting(word, message, format!("did you mean '{near}'?")),
                    None => about(word, message),
                };
                self.error(issue);
                None
            }
        }
    }

    /// What a section that starts from this entry starts from.
    fn inherited(&self, from: usize) -> (FrontendSettings, BackendSettings, bool) {
        let mut settings = (FrontendSettings::default(), BackendSettings::default(), false);
        let mut next = Some(from);
        // A section only refers to earlier ones, so this ends.
        while let Some(entry) = next.and_then(|at| self.entries.get(at)) {
            if let Some(side) = &entry.draft.frontend {
                settings.0 = settings.0.over(side);
            }
            if let Some(side) = &entry.draft.backend {
                settings.1 = settings.1.over(side);
            }
            settings.2 |= entry.draft.disabled == Some(true);
            next = entry.from;
        }
        settings
    }

    /// Unnamed defaults without content only end the effect of earlier ones: they make no row.
    fn drop_blank_defaults(&mut self) {
        let blank: BTreeSet<usize> = self
            .entries
            .iter()
            .enumerate()
            .filter(|(_, entry)| {
                let empty = Draft::new(Section::Defaults, entry.draft.name.clone());
                !entry.named && entry.from.is_none() && entry.draft == empty
            })
            .map(|(at, _)| at)
            .collect();
        for entry in &mut self.entries {
            entry.from = entry.from.filter(|from| !blank.contains(from));
        }
        for at in blank {
            if let Some(entry) = self.entries.get_mut(at) {
                entry.discarded = true;
            }
        }
    }

    fn rows(&self) -> Vec<Row> {
        let mut rows: Vec<Row> = self.global.iter().cloned().map(Row::Global).collect();
        rows.extend(self.resolvers_rows());
        rows.extend(self.userlist_rows());
        rows.extend(self.ring_rows());
        rows.extend(self.errors_rows());
        let (mut defaults, mut proxies) = (0, 0);
        for entry in self.entries.iter().filter(|entry| !entry.discarded) {
            let from = entry.from.and_then(|from| self.entries.get(from)).map(|from| from.draft.name.clone());
            if entry.draft.section == Section::Defaults {
                defaults += 1;
                rows.push(Row::Defaults(Defaults {
                    name: entry.draft.name.clone(),
                    order: defaults,
                    from,
                    disabled: entry.draft.disabled == Some(true),
                    frontend: entry.draft.frontend.clone().unwrap_or_default().into(),
                    backend: entry.draft.backend.clone().unwrap_or_default().into(),
                }));
            } else {
                proxies += 1;
                let order = if entry.order == 0 { proxies } else { entry.order };
                rows.extend(entry.proxy_rows(from.as_ref(), order));
            }
        }
        rows
    }
}

impl Entry {
    /// Remembers where lines stand that are checked when everything is read.
    fn mark(&mut self, directive: &str, words: &[Word], head: usize, file: &Arc<str>) {
        let Some(word) = words.get(head).or(words.first()) else { return };
        match directive {
            "default_backend" => self.default_backend = Some(place(file, word)),
            "server" | "server-template" => self.servers.resize(self.draft.servers.len(), place(file, word)),
            "bind" => self.binds.resize(self.draft.binds.len(), place(file, word)),
            _ => {}
        }
    }

    fn proxy_rows(&self, from: Option<&Name>, order: u32) -> Vec<Row> {
        let draft = &self.draft;
        let listen = draft.section == Section::Listen;
        let disabled = draft.disabled == Some(true);
        let mut rows = Vec::new();
        if let Some(settings) = draft.frontend.clone() {
            rows.push(Row::Frontend(Frontend {
                name: draft.name.clone(),
                id: draft.id,
                order,
                from: from.cloned(),
                listen,
                disabled,
                description: draft.description.clone(),
                guid: draft.guid.clone(),
                settings: settings.into(),
            }));
            rows.extend(self.bind_rows());
        }
        if let Some(settings) = draft.backend.clone() {
            rows.push(Row::Backend(Backend {
                name: draft.name.clone(),
                id: draft.id,
                order,
                from: from.cloned(),
                listen,
                disabled,
                description: draft.description.clone(),
                guid: draft.guid.clone(),
                settings: settings.into(),
            }));
            rows.extend((1..).zip(&draft.servers).map(|(order, server)| {
                let mut server = server.clone();
                server.order = order;
                Row::Server(server)
            }));
        }
        rows
    }

    /// Binds with their names: those without one are called `sock-` and their position.
    fn bind_rows(&self) -> Vec<Row> {
        let mut taken: BTreeSet<Name> =
            self.draft.binds.iter().filter_map(|bind| bind.name.clone()).collect();
        let mut given = BTreeSet::new();
        let mut rows = Vec::new();
        for (order, draft) in (1_u32..).zip(&self.draft.binds) {
            let base = match &draft.name {
                Some(name) if given.insert(name.clone()) => Some(name.clone()),
                Some(name) => free(&taken, name.as_str(), Some(2)),
                None => free(&taken, &format!("sock-{order}"), None),
            };
            let Some(name) = base else { continue };
            taken.insert(name.clone());
            let mut bind = draft.bind.clone();
            bind.at = BindRef { frontend: self.draft.name.clone(), bind: name };
            bind.order = order;
            rows.push(Row::Bind(bind));
        }
        rows
    }
}

/// The first of `base`, `base-2`, `base-3`… that is free; from `base-n` when a number is given.
fn free(taken: &BTreeSet<Name>, base: &str, first: Option<usize>) -> Option<Name> {
    let plain = first.is_none().then(|| base.to_owned());
    plain
        .into_iter()
        .chain((2..=taken.len() + 2).map(|n| format!("{base}-{n}")))
        .filter_map(|name| Name::new(&name).ok())
        .find(|name| !taken.contains(name))
}

fn known_in(section: Section) -> &'static [Known] {
    match section {
        Section::Global => keywords::GLOBAL,
        section if !section.is_of_proxies() => &[],
        _ => keywords::PROXY,
    }
}

fn place(file: &Arc<str>, word: &Word) -> Place {
    Place { file: Arc::clone(file), line: word.line, column: word.column, length: word.length }
}

/// The error about a word that nobody knows, with the nearest that somebody knows.
fn misspelt(section: Section, first: &Word, second: Option<&Word>, list: &'static [Known]) -> Issue {
    let names = || {
        directives::all()
            .filter(|row| row.sections.contains(section))
            .map(|row| row.name)
            .chain(list.iter().map(|row| row.name))
    };
    let family: Vec<&str> = names()
        .filter_map(|name| name.split_once(' ').filter(|(head, _)| *head == first.text).map(|(_, tail)| tail))
        .collect();
    if !family.is_empty() {
        let Some(second) = second else {
            let message = format!("'{}' expects a further word", first.text);
            let issue = expecting(
                first,
                message,
                format!("{} are accepted", directives::arguments::join(&family, "and")),
            );
            return Issue { column: first.column.saturating_add(first.length), length: 0, ..issue };
        };
        let message = format!("unknown '{} {}' in a '{}' section", first.text, second.text, section.word());
        return match keywords::nearest(&second.text, family) {
            Some(near) => expecting(second, message, format!("did you mean '{} {near}'?", first.text)),
            None => about(second, message),
        };
    }
    let message = format!("unknown keyword '{}' in a '{}' section", first.text, section.word());
    let heads = names().map(|name| name.split(' ').next().unwrap_or(name));
    let sections = Section::ALL.iter().map(|section| section.word()).chain(keywords::foreign_sections());
    match keywords::nearest(&first.text, heads.chain(sections)) {
        Some(near) => expecting(first, message, format!("did you mean '{near}'?")),
        None => about(first, message),
    }
}
