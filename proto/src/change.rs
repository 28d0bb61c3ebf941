//! A change of the configuration, from whichever door it came.

use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use crate::model::{Admin, ListName, Name, Row, ServerHost, Subject, Weight};
use crate::patterns::{EntryId, Pack, Run};

/// A number of a committed state; 0 is the empty state, each applied set adds one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Revision(pub u64);

/// Changes that are applied together or not at all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangeSet {
    /// The revision that the author looked at; applying to another one is refused. Absent: to whatever is current.
    pub base: Option<Revision>,
    /// Who asked, through what door, when.
    pub origin: Origin,
    /// What to change, in order.
    pub changes: Vec<Change>,
}

/// One step of a [`ChangeSet`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Writes a whole row: creates it, or replaces all of it.
    Put(Layer, Row),
    /// Creates a row; one that exists already is refused. Two authors cannot both create it.
    Add(Layer, Row),
    /// Removes a row. The rows that it contains (binds, servers) must be removed by the same set or before.
    Delete(Layer, Subject),
    /// Writes one field of a row.
    Set(Layer, Subject, Setting),
    /// Drops overlays of a subject, of one field or of all, so that what the files say holds again.
    Revert(Subject, Option<Field>),
    /// Folds overlays of a subject, of one field or of all, into its row, and drops them.
    Adopt(Subject, Option<Field>),
    /// Writes an overlay as it is, origin included: how one state is turned into another.
    Restore(Overlay),
    /// Edits the entries of a list.
    Edit(Layer, ListName, EntriesEdit),
}

/// An edit of a list's entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntriesEdit {
    /// Adds entries at the end, in order.
    Append(Arc<Pack>),
    /// Removes the entry with this id.
    Remove(EntryId),
    /// Removes every entry with this key, as it was written.
    RemoveKey(Box<[u8]>),
    /// Writes the value of the entry with this id.
    SetValue(EntryId, Box<[u8]>),
    /// Writes the value of every entry with this key.
    SetKey(Box<[u8]>, Box<[u8]>),
    /// Makes the entry with this key be there, with this value or without one: the value of every entry with the key is
    /// written, and where there is none one is added at the end.
    Ensure(Box<[u8]>, Option<Box<[u8]>>),
    /// Removes every entry with this key, as it was written; there need be none.
    Discard(Box<[u8]>),
    /// Removes every entry.
    Clear,
    /// Makes these the entries, in this order. Entries that are there already keep their ids.
    Replace(Arc<Pack>),
}

/// What was changed by hand of the entries of one part of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntriesOverlay {
    /// Entries of the files that are gone, in order.
    pub removed: Box<[EntryId]>,
    /// Entries of the files that are written anew.
    pub written: Arc<Run>,
    /// Entries that the files do not have.
    pub added: Arc<Run>,
}

/// Who owns a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Layer {
    /// What configuration files say.
    Spec,
    /// What was changed by hand on top of it; it survives a new reading of the files.
    Overlay,
}

/// One field with its value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Setting {
    /// A server's weight.
    Weight(Weight),
    /// A server's weight, in percent of the weight that its row declares; the result is cut at 256.
    WeightPercent(u32),
    /// What an administrator asks of a server.
    Admin(Admin),
    /// A server's host; its port stays.
    Host(ServerHost),
    /// A server's port, fixed.
    Port(u16),
    /// A server's port, as an offset to the client's destination port.
    PortOffset(i32),
    /// The connection limit of a server, a frontend or the process; 0 is no limit.
    Maxconn(u32),
    /// Whether a frontend listens.
    Enabled(bool),
    /// Whether a frontend is stopped for good: then it does not listen, and cannot be enabled.
    ShutDown(bool),
    /// New connections a second for the process; 0 is no limit.
    MaxConnRate(u32),
    /// New sessions a second for the process; 0 is no limit.
    MaxSessRate(u32),
    /// The host that a server's checks go to.
    CheckHost(ServerHost),
    /// The port that a server's checks go to; 0 is the server's own.
    CheckPort(u16),
    /// The host of a server's agent.
    AgentHost(ServerHost),
    /// The port of a server's agent.
    AgentPort(u16),
    /// What a server's agent is sent first; empty for nothing.
    AgentSend(String),
    /// Whether a server's checks run.
    Checks(bool),
    /// Whether a server's agent is asked.
    Agent(bool),
    /// Whether a backend's servers have dynamic cookie values.
    DynamicCookie(bool),
    /// The key of a backend's dynamic cookie values.
    CookieKey(String),
    /// Whether rules and frontends may choose a backend.
    Published(bool),
    /// New TLS sessions a second for the process; 0 is no limit.
    MaxSslRate(u32),
    /// Kilobytes a second that the process may compress; 0 is no limit.
    MaxCompRate(u32),
}

/// Which part of a row an overlay covers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// The whole row: added, replaced or removed by hand.
    Row,
    /// [`Setting::Weight`] and [`Setting::WeightPercent`].
    Weight,
    /// [`Setting::Admin`].
    Admin,
    /// [`Setting::Host`].
    Host,
    /// [`Setting::Port`] and [`Setting::PortOffset`].
    Port,
    /// [`Setting::Maxconn`].
    Maxconn,
    /// [`Setting::Enabled`].
    Enabled,
    /// [`Setting::MaxConnRate`].
    MaxConnRate,
    /// [`Setting::MaxSessRate`].
    MaxSessRate,
    /// [`Setting::CheckHost`].
    CheckHost,
    /// [`Setting::CheckPort`].
    CheckPort,
    /// [`Setting::AgentHost`].
    AgentHost,
    /// [`Setting::AgentPort`].
    AgentPort,
    /// [`Setting::AgentSend`].
    AgentSend,
    /// [`Setting::Checks`].
    Checks,
    /// [`Setting::Agent`].
    Agent,
    /// [`Setting::DynamicCookie`].
    DynamicCookie,
    /// [`Setting::CookieKey`].
    CookieKey,
    /// Entries of a list.
    Entries,
    /// [`Setting::Published`].
    Published,
    /// [`Setting::MaxSslRate`].
    MaxSslRate,
    /// [`Setting::MaxCompRate`].
    MaxCompRate,
    /// [`Setting::ShutDown`].
    ShutDown,
}

/// Something that was changed by hand on top of the files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overlay {
    /// What it covers.
    pub subject: Subject,
    /// What it says.
    pub value: OverlayValue,
    /// Who said it.
    pub origin: Origin,
    /// What it lies over, where it is volatile and that is not: what holds again once it is gone.
    pub beneath: Option<Box<Beneath>>,
}

/// A lasting overlay under a volatile one, about the same part of the same row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Beneath {
    /// What it says.
    pub value: OverlayValue,
    /// Who said it.
    pub origin: Origin,
}

/// What an overlay says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverlayValue {
    /// The row is this one.
    Row(Box<Row>),
    /// The row is gone.
    Gone,
    /// One field has this value; never a percentage.
    Setting(Setting),
    /// Entries of a list were changed.
    Entries(EntriesOverlay),
}

/// Who made a change, through what door, when.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Who: `uid=0 pid=4242`, a certificate's subject, a network address, or empty when unknown.
    pub actor: String,
    /// Through what: `file`, `socket`, `grpc`, `controller`, or another word of the door's own.
    pub door: String,
    /// When, in milliseconds since the Unix epoch; 0 when unknown.
    pub at: u64,
}

impl Origin {
    /// The door of changes that come through a text socket.
    pub const SOCKET: &'static str = "socket";
    /// The door of changes that hold until who keeps the state starts again.
    pub const VOLATILE: &'static str = "volatile";

    /// Whether what it said is gone once who keeps the state starts again.
    pub fn is_volatile(&self) -> bool {
        self.door == Origin::VOLATILE
    }
}

impl Setting {
    /// Which field it is.
    pub fn field(&self) -> Field {
        match self {
            Setting::Weight(_) | Setting::WeightPercent(_) => Field::Weight,
            Setting::Admin(_) => Field::Admin,
            Setting::Host(_) => Field::Host,
            Setting::Port(_) | Setting::PortOffset(_) => Field::Port,
            Setting::Maxconn(_) => Field::Maxconn,
            Setting::Enabled(_) => Field::Enabled,
            Setting::ShutDown(_) => Field::ShutDown,
            Setting::MaxConnRate(_) => Field::MaxConnRate,
            Setting::MaxSessRate(_) => Field::MaxSessRate,
            Setting::CheckHost(_) => Field::CheckHost,
            Setting::CheckPort(_) => Field::CheckPort,
            Setting::AgentHost(_) => Field::AgentHost,
            Setting::AgentPort(_) => Field::AgentPort,
            Setting::AgentSend(_) => Field::AgentSend,
            Setting::Checks(_) => Field::Checks,
            Setting::Agent(_) => Field::Agent,
            Setting::DynamicCookie(_) => Field::DynamicCookie,
            Setting::CookieKey(_) => Field::CookieKey,
            Setting::Published(_) => Field::Published,
            Setting::MaxSslRate(_) => Field::MaxSslRate,
            Setting::MaxCompRate(_) => Field::MaxCompRate,
        }
    }

    /// A server's address, from text: an IP address or a host name.
    pub fn host(text: &str) -> Setting {
        match text.parse::<IpAddr>() {
            Ok(ip) => Setting::Host(ServerHost::Ip(ip)),
            Err(_) => Setting::Host(ServerHost::Named(text.to_owned())),
        }
    }
}

impl Overlay {
    /// Whether a row that was put by hand lies under it.
    pub fn lies_over_row(&self) -> bool {
        self.beneath.as_ref().is_some_and(|beneath| matches!(beneath.value, OverlayValue::Row(_)))
    }

    /// Which part of the row it covers.
    pub fn field(&self) -> Field {
        match &self.value {
            OverlayValue::Row(_) | OverlayValue::Gone => Field::Row,
            OverlayValue::Setting(setting) => setting.field(),
            OverlayValue::Entries(_) => Field::Entries,
        }
    }
}

impl Field {
    /// The word for it in listings.
    pub fn word(self) -> &'static str {
        match self {
            Field::Row => "row",
            Field::Weight => "weight",
            Field::Admin => "admin",
            Field::Host => "addr",
            Field::Port => "port",
            Field::Maxconn => "maxconn",
            Field::Enabled => "enabled",
            Field::ShutDown => "shut-down",
            Field::MaxConnRate => "maxconnrate",
            Field::MaxSessRate => "maxsessrate",
            Field::CheckHost => "check-addr",
            Field::CheckPort => "check-port",
            Field::AgentHost => "agent-addr",
            Field::AgentPort => "agent-port",
            Field::AgentSend => "agent-send",
            Field::Checks => "health",
            Field::Agent => "agent",
            Field::DynamicCookie => "dynamic-cookie",
            Field::CookieKey => "dynamic-cookie-key",
            Field::Entries => "entries",
            Field::Published => "published",
            Field::MaxSslRate => "maxsslrate",
            Field::MaxCompRate => "maxcomprate",
        }
    }

    /// The last field in their order.
    pub const LAST: Field = Field::ShutDown;
    /// Every field.
    pub const ALL: [Field; 23] = [
        Field::Row,
        Field::Weight,
        Field::Admin,
        Field::Host,
        Field::Port,
        Field::Maxconn,
        Field::Enabled,
        Field::MaxConnRate,
        Field::MaxSessRate,
        Field::CheckHost,
        Field::CheckPort,
        Field::AgentHost,
        Field::AgentPort,
        Field::AgentSend,
        Field::Checks,
        Field::Agent,
        Field::DynamicCookie,
        Field::CookieKey,
        Field::Entries,
        Field::Published,
        Field::MaxSslRate,
        Field::MaxCompRate,
        Field::ShutDown,
    ];
}

impl Default for EntriesOverlay {
    /// Nothing changed. There are thousands of these at a time, which share what is empty.
    fn default() -> EntriesOverlay {
        static NOTHING: LazyLock<Arc<Run>> = LazyLock::new(Arc::default);
        EntriesOverlay { removed: Box::default(), written: NOTHING.clone(), added: NOTHING.clone() }
    }
}

impl Change {
    /// What the change is about.
    pub fn subject(&self) -> Subject {
        match self {
            Change::Put(_, row) | Change::Add(_, row) => row.subject(),
            Change::Delete(_, subject)
            | Change::Set(_, subject, _)
            | Change::Revert(subject, _)
            | Change::Adopt(subject, _) => subject.clone(),
            Change::Restore(overlay) => overlay.subject.clone(),
            Change::Edit(_, list, _) => Subject::List(list.clone()),
        }
    }

    /// A field of a server written by hand, as the text socket does.
    pub fn set_server(backend: &Name, server: &Name, setting: Setting) -> Change {
        let at = crate::model::ServerRef { backend: backend.clone(), server: server.clone() };
        Change::Set(Layer::Overlay, Subject::Server(at), setting)
    }
}
