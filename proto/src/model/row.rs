//! A row of the state, and what it is addressed by.

use std::fmt;

use super::{
    Backend, Bind, Defaults, Entries, EntriesRef, Frontend, Global, Guid, HttpErrors, List, ListName, Name,
    Resolvers, Ring, Server, Userlist,
};

/// A server in its backend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServerRef {
    /// The backend.
    pub backend: Name,
    /// The server.
    pub server: Name,
}

/// A bind in its frontend.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BindRef {
    /// The frontend.
    pub frontend: Name,
    /// The bind; unnamed ones are called `sock-1`, `sock-2`… by the readers.
    pub bind: Name,
}

/// What a row, an overlay or a problem is about.
///
/// Ordered so that the rows of one kind, and the servers of one backend, stand together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The process-wide settings; there is exactly one such row.
    Global,
    /// A named set of settings that proxies start from.
    Defaults(Name),
    /// A frontend.
    Frontend(Name),
    /// A bind of a frontend.
    Bind(BindRef),
    /// A backend.
    Backend(Name),
    /// A server of a backend.
    Server(ServerRef),
    /// Name servers that are asked together.
    Resolvers(Name),
    /// A list of patterns.
    List(ListName),
    /// Some entries of a list.
    Entries(EntriesRef),
    /// A list of users.
    Userlist(Name),
    /// A buffer of log lines.
    Ring(Name),
    /// Error pages that proxies share.
    HttpErrors(Name),
}

/// The kinds of rows, in the order of [`Subject`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`Subject::Global`].
    Global,
    /// [`Subject::Defaults`].
    Defaults,
    /// [`Subject::Frontend`].
    Frontend,
    /// [`Subject::Bind`].
    Bind,
    /// [`Subject::Backend`].
    Backend,
    /// [`Subject::Server`].
    Server,
    /// [`Subject::Resolvers`].
    Resolvers,
    /// [`Subject::List`].
    List,
    /// [`Subject::Entries`].
    Entries,
    /// [`Subject::Userlist`].
    Userlist,
    /// [`Subject::Ring`].
    Ring,
    /// [`Subject::HttpErrors`].
    HttpErrors,
}

/// One configured thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// The process-wide settings.
    Global(Global),
    /// A named set of settings.
    Defaults(Defaults),
    /// A frontend.
    Frontend(Frontend),
    /// A bind.
    Bind(Bind),
    /// A backend.
    Backend(Backend),
    /// A server.
    Server(Server),
    /// Name servers that are asked together.
    Resolvers(Resolvers),
    /// A list of patterns.
    List(List),
    /// Some entries of a list.
    Entries(Entries),
    /// A list of users.
    Userlist(Userlist),
    /// A buffer of log lines.
    Ring(Ring),
    /// Error pages that proxies share.
    HttpErrors(HttpErrors),
}

impl Kind {
    /// Every kind.
    pub const ALL: [Kind; 12] = [
        Kind::Global,
        Kind::Defaults,
        Kind::Frontend,
        Kind::Bind,
        Kind::Backend,
        Kind::Server,
        Kind::Resolvers,
        Kind::List,
        Kind::Entries,
        Kind::Userlist,
        Kind::Ring,
        Kind::HttpErrors,
    ];

    /// The word for it, as messages and `regate get` use it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Global => "global",
            Kind::Defaults => "defaults",
            Kind::Frontend => "frontend",
            Kind::Bind => "bind",
            Kind::Backend => "backend",
            Kind::Server => "server",
            Kind::Resolvers => "resolvers",
            Kind::List => "list",
            Kind::Entries => "entries",
            Kind::Userlist => "userlist",
            Kind::Ring => "ring",
            Kind::HttpErrors => "http-errors",
        }
    }
}

impl Subject {
    /// Which kind of row it names.
    pub fn kind(&self) -> Kind {
        match self {
            Subject::Global => Kind::Global,
            Subject::Defaults(_) => Kind::Defaults,
            Subject::Frontend(_) => Kind::Frontend,
            Subject::Bind(_) => Kind::Bind,
            Subject::Backend(_) => Kind::Backend,
            Subject::Server(_) => Kind::Server,
            Subject::Resolvers(_) => Kind::Resolvers,
            Subject::List(_) => Kind::List,
            Subject::Entries(_) => Kind::Entries,
            Subject::Userlist(_) => Kind::Userlist,
            Subject::Ring(_) => Kind::Ring,
            Subject::HttpErrors(_) => Kind::HttpErrors,
        }
    }
}

impl Row {
    /// What the row is addressed by.
    pub fn subject(&self) -> Subject {
        match self {
            Row::Global(_) => Subject::Global,
            Row::Defaults(row) => Subject::Defaults(row.name.clone()),
            Row::Frontend(row) => Subject::Frontend(row.name.clone()),
            Row::Bind(row) => Subject::Bind(row.at.clone()),
            Row::Backend(row) => Subject::Backend(row.name.clone()),
            Row::Server(row) => Subject::Server(row.at.clone()),
            Row::Resolvers(row) => Subject::Resolvers(row.name.clone()),
            Row::List(row) => Subject::List(row.name.clone()),
            Row::Entries(row) => Subject::Entries(row.at.clone()),
            Row::Userlist(row) => Subject::Userlist(row.name.clone()),
            Row::Ring(row) => Subject::Ring(row.name.clone()),
            Row::HttpErrors(row) => Subject::HttpErrors(row.name.clone()),
        }
    }

    /// What it is called whatever becomes of its name.
    pub fn guid(&self) -> Option<&Guid> {
        match self {
            Row::Frontend(row) => row.guid.as_ref(),
            Row::Bind(row) => row.guid.as_ref(),
            Row::Backend(row) => row.guid.as_ref(),
            Row::Server(row) => row.guid.as_ref(),
            _ => None,
        }
    }
}

impl fmt::Display for ServerRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.backend, self.server)
    }
}

impl fmt::Display for BindRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.frontend, self.bind)
    }
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = self.kind().word();
        match self {
            Subject::Global => write!(f, "{word}"),
            Subject::Defaults(name)
            | Subject::Frontend(name)
            | Subject::Backend(name)
            | Subject::Resolvers(name)
            | Subject::Ring(name)
            | Subject::HttpErrors(name)
            | Subject::Userlist(name) => {
                write!(f, "{word} {name}")
            }
            Subject::Bind(at) => write!(f, "{word} {at}"),
            Subject::Server(at) => write!(f, "{word} {at}"),
            Subject::List(name) => write!(f, "{word} {name}"),
            Subject::Entries(at) => write!(f, "{word} {at}"),
        }
    }
}

/// A list has a row for every hundred entries or so: what is large and seldom stands elsewhere.
const _: () = assert!(size_of::<Row>() <= 512);
