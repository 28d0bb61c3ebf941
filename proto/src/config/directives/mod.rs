//! THE table of directives: one row each, for both readers and both writers.
//!
//! A row says where a directive may stand, how its arguments are spelled, how they read into the model and
//! how the model is written back, with example lines that one test walks. A directive is defined here and
//! nowhere else. Which words HAProxy has and Regate has not is told by [`super::keywords`].

pub mod address;
pub mod arguments;
mod balancing;
mod binds;
mod captures;
mod check_rules;
mod checks;
mod conduct;
mod errors;
mod global;
mod logs;
mod naming;
mod options;
mod parameters;
mod persistence;
mod proxy;
mod resolvers;
mod rings;
mod rules;
pub mod servers;
mod sockets;
mod statistics;
mod tables;
mod userlists;
mod vain;

use crate::model::{
    BackendSettings, FrontendSettings, Global, Guid, HttpErrors, LogPlan, Name, Resolvers, Ring, Server,
    Userlist,
};

use arguments::{Arguments, Reading};

pub use binds::DraftBind;
pub use global::read_socket;

/// One directive.
pub struct Directive {
    /// Its words, one or two: `maxconn`, `timeout client`, `option httplog`.
    pub name: &'static str,
    /// Where it may stand.
    pub sections: Sections,
    /// Its arguments, as a usage line shows them.
    pub syntax: &'static str,
    /// Whether `no` and `default` may stand before it.
    pub negatable: bool,
    /// Whether it may be said several times in one section, each time adding.
    pub repeats: bool,
    /// How it is read and written.
    pub action: Action,
    /// Lines that are accepted, and written back as they stand here.
    pub accepted: &'static [&'static str],
    /// Lines that are refused.
    pub refused: &'static [&'static str],
}

/// How a directive reads into the model and how it is written back.
pub enum Action {
    /// A setting of the process.
    Global {
        /// Takes the arguments.
        read: fn(&mut Global, &mut Arguments) -> Reading<()>,
        /// Gives the lines that read as this.
        write: fn(&Global, &mut Lines),
    },
    /// Something of a proxy or of defaults.
    Proxy {
        /// Takes the arguments.
        read: fn(&mut Draft, &mut Arguments) -> Reading<()>,
        /// Gives the lines that read as this.
        write: fn(&Draft, &mut Lines),
    },
    /// A setting of resolvers.
    Resolvers {
        /// Takes the arguments.
        read: fn(&mut Resolvers, &mut Arguments) -> Reading<()>,
        /// Gives the lines that read as this.
        write: fn(&Resolvers, &mut Lines),
    },
    /// A line of a list of users.
    Userlist {
        /// Takes the arguments.
        read: fn(&mut Userlist, &mut Arguments) -> Reading<()>,
        /// Gives the lines that read as this.
        write: fn(&Userlist, &mut Lines),
    },
    /// A line of shared error pages.
    HttpErrors {
        /// Takes the arguments.
        read: fn(&mut HttpErrors, &mut Arguments) -> Reading<()>,
        /// Gives the lines that read as this.
        write: fn(&HttpErrors, &mut Lines),
    },
    /// A setting of a ring.
    Ring {
        /// Takes the arguments.
        read: fn(&mut Ring, &mut Arguments) -> Reading<()>,
        /// Gives the lines that read as this.
        write: fn(&Ring, &mut Lines),
    },
    /// An order to the reader itself; it leaves nothing to write.
    Reader(fn(&mut Arguments) -> Reading<()>),
}

/// Sections, as a set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sections(u16);

/// A kind of section.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Section {
    /// `global`.
    Global,
    /// `defaults`.
    Defaults,
    /// `frontend`.
    Frontend,
    /// `backend`.
    Backend,
    /// `listen`: a frontend and a backend in one.
    Listen,
    /// `resolvers`: name servers.
    Resolvers,
    /// `userlist`: users and groups.
    Userlist,
    /// `ring`: a buffer of log lines.
    Ring,
    /// `http-errors`: error pages that proxies share.
    HttpErrors,
}

/// A proxy, or defaults, while it is read or written: the sides that it has and what stands beside them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Draft {
    /// What kind of section it is.
    pub section: Section,
    /// Its name.
    pub name: Name,
    /// Its number in statistics, 0 when not said.
    pub id: u32,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// Whether it is off; absent when not said.
    pub disabled: Option<bool>,
    /// A sentence about it.
    pub description: Option<String>,
    /// The client side, if it has one.
    pub frontend: Option<FrontendSettings>,
    /// The server side, if it has one.
    pub backend: Option<BackendSettings>,
    /// Its binds.
    pub binds: Vec<DraftBind>,
    /// Its servers.
    pub servers: Vec<Server>,
    /// Where its defaults send log lines, since `log` adds to that.
    pub inherited_log: Option<LogPlan>,
}

/// The lines that one directive writes.
#[derive(Debug, Default)]
pub struct Lines {
    /// Each: whether `no` stands before it, and the words after the directive.
    pub lines: Vec<(bool, Vec<String>)>,
    /// Whether the two sides of the section disagree, which no text can say.
    pub disagreement: bool,
}

impl Sections {
    /// `userlist` alone.
    pub const USERLIST: Sections = Sections(256);
    /// `http-errors` alone.
    pub const HTTP_ERRORS: Sections = Sections(512);
    /// `ring` alone.
    pub const RINGS: Sections = Sections(64);
    /// `resolvers` alone.
    pub const RESOLVERS: Sections = Sections(32);
    /// `global` alone.
    pub const GLOBAL: Sections = Sections(1);
    /// What has a client side: `defaults`, `frontend`, `listen`.
    pub const FRONT: Sections = Sections(2 | 4 | 16);
    /// What has a server side: `defaults`, `backend`, `listen`.
    pub const BACK: Sections = Sections(2 | 8 | 16);
    /// Every proxy and `defaults`.
    pub const PROXY: Sections = Sections(2 | 4 | 8 | 16);
    /// Every proxy, not `defaults`.
    pub const NAMED: Sections = Sections(4 | 8 | 16);
    /// `frontend` and `listen`.
    pub const LISTENING: Sections = Sections(4 | 16);
    /// `backend` and `listen`.
    pub const SERVING: Sections = Sections(8 | 16);

    /// Whether this section is one of them.
    pub fn contains(self, section: Section) -> bool {
        self.0 & section.bit() != 0
    }

    /// The sections, in the order of [`Section::ALL`].
    pub fn iter(self) -> impl Iterator<Item = Section> {
        Section::ALL.into_iter().filter(move |section| self.contains(*section))
    }
}

impl Section {
    /// Every kind.
    pub const ALL: [Section; 9] = [
        Section::Global,
        Section::Defaults,
        Section::Frontend,
        Section::Backend,
        Section::Listen,
        Section::Resolvers,
        Section::Userlist,
        Section::Ring,
        Section::HttpErrors,
    ];

    /// The word that opens it.
    pub fn word(self) -> &'static str {
        match self {
            Section::Global => "global",
            Section::Defaults => "defaults",
            Section::Frontend => "frontend",
            Section::Backend => "backend",
            Section::Listen => "listen",
            Section::Resolvers => "resolvers",
            Section::Userlist => "userlist",
            Section::Ring => "ring",
            Section::HttpErrors => "http-errors",
        }
    }

    /// The section that this word opens.
    pub fn from_word(word: &str) -> Option<Section> {
        Self::ALL.into_iter().find(|section| section.word() == word)
    }

    /// Whether it is a proxy, or settings that proxies start from.
    pub fn is_of_proxies(self) -> bool {
        matches!(self, Section::Defaults | Section::Frontend | Section::Backend | Section::Listen)
    }

    fn bit(self) -> u16 {
        match self {
            Section::Global => 1,
            Section::Defaults => 2,
            Section::Frontend => 4,
            Section::Backend => 8,
            Section::Listen => 16,
            Section::Resolvers => 32,
            Section::Userlist => 256,
            Section::Ring => 64,
            Section::HttpErrors => 512,
        }
    }
}

impl Draft {
    /// An empty section.
    pub fn new(section: Section, name: Name) -> Draft {
        let frontend = Sections::FRONT.contains(section).then(FrontendSettings::default);
        let backend = Sections::BACK.contains(section).then(BackendSettings::default);
        Draft {
            section,
            name,
            id: 0,
            guid: None,
            disabled: None,
            description: None,
            frontend,
            backend,
            binds: Vec::new(),
            servers: Vec::new(),
            inherited_log: None,
        }
    }
}

impl Lines {
    /// Adds a line.
    pub fn push(&mut self, words: Vec<String>) {
        self.lines.push((false, words));
    }

    /// Adds a line with `no` before it.
    pub fn push_no(&mut self) {
        self.lines.push((true, Vec::new()));
    }
}

/// Every directive, in the order in which writers write them.
pub fn all() -> impl Iterator<Item = &'static Directive> {
    global::ROWS
        .iter()
        .chain(conduct::GLOBAL)
        .chain(parameters::BIND)
        .chain(proxy::ROWS)
        .chain(balancing::ROWS)
        .chain(persistence::ROWS)
        .chain(tables::ROWS)
        .chain(sockets::ROWS)
        .chain(options::ROWS)
        .chain(conduct::ROWS)
        .chain(logs::ROWS)
        .chain(captures::ROWS)
        .chain(rules::ROWS)
        .chain(statistics::ROWS)
        .chain(errors::ROWS)
        .chain(checks::GLOBAL)
        .chain(checks::ROWS)
        .chain(parameters::SERVERS)
        .chain(resolvers::ROWS)
        .chain(userlists::ROWS)
        .chain(rings::ROWS)
        .chain(errors::SHARED)
}

/// The directive that a line begins with in this kind of section, or in any if not in this one; longest name first.
pub fn find(section: Section, first: &str, second: Option<&str>) -> Option<&'static Directive> {
    let matches = |row: &&Directive| match row.name.split_once(' ') {
        Some((head, tail)) => head == first && second == Some(tail),
        None => row.name == first,
    };
    let here = |row: &&Directive| row.sections.contains(section);
    let kin = |row: &&Directive| {
        (row.sections == Sections::GLOBAL) == (section == Section::Global)
            && (row.sections == Sections::RESOLVERS) == (section == Section::Resolvers)
            && (row.sections == Sections::USERLIST) == (section == Section::Userlist)
            && (row.sections == Sections::RINGS) == (section == Section::Ring)
            && (row.sections == Sections::HTTP_ERRORS) == (section == Section::HttpErrors)
    };
    let mut candidates: Vec<&'static Directive> = all().filter(matches).collect();
    candidates.sort_by_key(|row| (!here(row), !kin(row), !row.name.contains(' ')));
    candidates.first().copied()
}

/// The parameters of a directive that takes any: names, and the argument that each takes.
pub fn parameters_of(directive: &str) -> Vec<(&'static str, &'static str)> {
    match directive {
        "bind" => binds::parameters().collect(),
        "server" => servers::own_parameters().collect(),
        "server-template" => servers::parameters().collect(),
        "default-server" => servers::parameters().collect(),
        "stats socket" => global::socket_parameters().collect(),
        _ => Vec::new(),
    }
}

/// Whether a directive is accepted in a pure backend and silently without effect, as HAProxy has it.
pub fn is_quiet_in_backends(directive: &str) -> bool {
    proxy::is_quiet_in_backends(directive)
}

/// A setting that one value spells. The target is `global`, `frontend`, `backend` or `both`.
macro_rules! setting {
    ($name:literal, $sections:expr, $syntax:literal, global.$field:ident, $codec:path, $accepted:expr, $refused:expr) => {
        $crate::config::directives::Directive {
            name: $name,
            sections: $sections,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: $crate::config::directives::Action::Global {
                read: |global, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    global.$field = Some(value);
                    Ok(())
                },
                write: |global, lines| {
                    if let Some(value) = &global.$field {
                        lines.push(($codec.write)(value));
                    }
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
    ($name:literal, $sections:expr, $syntax:literal, both.$field:ident, $codec:path, $accepted:expr, $refused:expr) => {
        $crate::config::directives::Directive {
            name: $name,
            sections: $sections,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: $crate::config::directives::Action::Proxy {
                read: |draft, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    if let Some(side) = &mut draft.frontend {
                        side.$field = Some(value.clone());
                    }
                    if let Some(side) = &mut draft.backend {
                        side.$field = Some(value);
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    let sides = (
                        draft.frontend.as_ref().map(|s| &s.$field),
                        draft.backend.as_ref().map(|s| &s.$field),
                    );
                    if let Some(value) = $crate::config::directives::agreed(sides, lines) {
                        lines.push(($codec.write)(value));
                    }
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
    ($name:literal, $sections:expr, $syntax:literal, $side:ident.$field:ident, $codec:path, $accepted:expr, $refused:expr) => {
        $crate::config::directives::Directive {
            name: $name,
            sections: $sections,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: $crate::config::directives::Action::Proxy {
                read: |draft, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    if let Some(side) = &mut draft.$side {
                        side.$field = Some(value);
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    if let Some(value) = draft.$side.as_ref().and_then(|side| side.$field.as_ref()) {
                        lines.push(($codec.write)(value));
                    }
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}
use setting;

/// What both sides say; notes when they disagree.
fn agreed<'a, T: PartialEq>(
    sides: (Option<&'a Option<T>>, Option<&'a Option<T>>),
    lines: &mut Lines,
) -> Option<&'a T> {
    match sides {
        (Some(front), Some(back)) => {
            lines.disagreement |= front != back;
            front.as_ref().or(back.as_ref())
        }
        (Some(one), None) | (None, Some(one)) => one.as_ref(),
        (None, None) => None,
    }
}

#[cfg(test)]
#[path = "../directives_tests.rs"]
mod tests;
