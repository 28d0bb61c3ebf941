//! Who may do what: the only place where levels are compared.

use regate_proto::change::Origin;
use regate_proto::model::Level;
use regate_proto::problem::{Code, Problem};
use tonic::metadata::MetadataMap;
use tonic::{Extensions, Request};

use super::peer::Peer;
use crate::store::unix_millis;

/// What somebody asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// Apply a set of changes.
    Apply,
    /// Lay a set ready.
    Stage,
    /// Apply a set that lies ready.
    Commit,
    /// See what happens.
    Watch,
    /// Open a pipeline; what is sent through it is judged on its own.
    Converse,
    /// Keep the node at a controller's state.
    Follow,
    /// Reset the highest values.
    ClearMaxima,
    /// Reset all counters.
    ClearCounters,
    /// Stop once what is in flight is done.
    SoftStop,
    /// Stop at once.
    HardStop,
    /// Say how a server stands, in place of its checks.
    SetHealth,
    /// Write and remove entries of stick tables.
    SetEntries,
    /// Describe the process.
    Info,
    /// Tell how much is configured.
    Summary,
    /// List proxies, binds and servers as they are in force.
    Proxies,
    /// List other rows, or rows as files declare them.
    Rows,
    /// List counters.
    Statistics,
    /// In a list of counters, see addresses, cookies and algorithms.
    Addresses,
    /// List the state of servers.
    ServerStates,
    /// List streams.
    Streams,
    /// Cut streams.
    CutStreams,
    /// See the last malformed messages.
    Malformed,
    /// List stick tables.
    Tables,
    /// List entries of stick tables.
    Entries,
    /// List what was changed by hand.
    Overlays,
    /// See what a process does inside: its loops, descriptors and files, the lines of rings.
    Insides,
    /// Read the whole state.
    Configuration,
    /// Read a variable of the process.
    Variable,
    /// Give a variable of the process a value.
    SetVariable,
}

/// Somebody who asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    level: Level,
    actor: String,
    /// The node that passed the request on, when one did.
    pub forwarded_by: Option<String>,
}

impl Asked {
    /// The level that it takes.
    pub fn level(self) -> Level {
        match self {
            Asked::Converse
            | Asked::Info
            | Asked::Summary
            | Asked::Proxies
            | Asked::Statistics
            | Asked::ServerStates
            | Asked::Tables => Level::User,
            Asked::Watch
            | Asked::ClearMaxima
            | Asked::Rows
            | Asked::Addresses
            | Asked::Overlays
            | Asked::Insides
            | Asked::Entries
            | Asked::Streams
            | Asked::Malformed
            | Asked::SetEntries
            | Asked::Variable
            | Asked::Configuration => Level::Operator,
            Asked::Apply
            | Asked::Stage
            | Asked::Commit
            | Asked::Follow
            | Asked::ClearCounters
            | Asked::SoftStop
            | Asked::HardStop
            | Asked::SetVariable
            | Asked::CutStreams
            | Asked::SetHealth => Level::Admin,
        }
    }

    /// Everything that can be asked for.
    pub const ALL: [Asked; 29] = [
        Asked::Apply,
        Asked::Stage,
        Asked::Commit,
        Asked::Watch,
        Asked::Converse,
        Asked::Follow,
        Asked::ClearMaxima,
        Asked::ClearCounters,
        Asked::SoftStop,
        Asked::HardStop,
        Asked::SetHealth,
        Asked::SetEntries,
        Asked::Streams,
        Asked::CutStreams,
        Asked::Malformed,
        Asked::Tables,
        Asked::Entries,
        Asked::Info,
        Asked::Summary,
        Asked::Proxies,
        Asked::Rows,
        Asked::Statistics,
        Asked::Addresses,
        Asked::ServerStates,
        Asked::Overlays,
        Asked::Insides,
        Asked::Configuration,
        Asked::Variable,
        Asked::SetVariable,
    ];
}

impl Caller {
    /// Who sends a request: the peer of its connection, at the level of the listener unless the metadata
    /// `regate-level` lowers it. A request without a peer came through no listener and is refused.
    pub fn of<T>(request: &Request<T>) -> Result<Caller, Problem> {
        Caller::read(request.extensions(), request.metadata())
    }

    fn read(extensions: &Extensions, metadata: &MetadataMap) -> Result<Caller, Problem> {
        let Some(peer) = extensions.get::<Peer>() else {
            return Err(Problem::general(Code::Denied, "the connection is unknown: it has no level"));
        };
        let level = match word(metadata, LEVEL)? {
            None => peer.level,
            Some("user") => Level::User,
            Some("operator") => peer.level.min(Level::Operator),
            Some("admin") => peer.level,
            Some(other) => {
                let other: String = other.chars().take(32).collect();
                let detail =
                    format!("metadata {LEVEL}: {other:?} is no level: user, operator or admin is expected");
                return Err(Problem::general(Code::Malformed, detail));
            }
        };
        let actor = match word(metadata, ORIGIN)? {
            None => peer.actor.clone(),
            Some(behind) => through(&behind.chars().take(LONGEST_ACTOR).collect::<String>(), &peer.actor),
        };
        let forwarded_by = word(metadata, FORWARDED)?.map(str::to_owned);
        Ok(Caller { level, actor, forwarded_by })
    }

    /// Somebody whom the process itself has let in, as an administrator.
    pub(super) fn inside(actor: String) -> Caller {
        Caller { level: Level::Admin, actor, forwarded_by: None }
    }

    /// The node itself, which carries out its rules.
    pub(super) fn node() -> Caller {
        Caller { level: Level::Admin, actor: "rules".to_owned(), forwarded_by: None }
    }

    /// Whether the caller may do this.
    pub fn may(&self, asked: Asked) -> Result<(), Problem> {
        let needed = asked.level();
        if self.level >= needed {
            return Ok(());
        }
        let detail =
            format!("permission denied: level {} is needed, this is {}", needed.word(), self.level.word());
        Err(Problem::general(Code::Denied, detail))
    }

    /// The origin of what the caller asks for: what was given, completed by what only the receiver knows.
    pub fn origin(&self, given: Origin) -> Origin {
        let actor = if given.actor.is_empty() {
            self.actor.clone()
        } else {
            through(&given.actor.chars().take(LONGEST_ACTOR).collect::<String>(), &self.actor)
        };
        let door =
            if given.door.is_empty() { "grpc".to_owned() } else { given.door.chars().take(64).collect() };
        Origin { actor, door, at: if given.at == 0 { unix_millis() } else { given.at } }
    }
}

fn through(behind: &str, actor: &str) -> String {
    format!("{behind} through {actor}")
}

fn word<'a>(metadata: &'a MetadataMap, key: &str) -> Result<Option<&'a str>, Problem> {
    let read = |value: &'a tonic::metadata::AsciiMetadataValue| value.to_str();
    metadata
        .get(key)
        .map(read)
        .transpose()
        .map_err(|_| Problem::general(Code::Malformed, format!("metadata {key}: ASCII text is expected")))
}

/// Metadata that lowers the level.
const LEVEL: &str = "regate-level";

/// Metadata that names the actor behind a door such as a text socket.
const ORIGIN: &str = "regate-origin";

/// Metadata that names the node which passed a change on to its controller.
pub(super) const FORWARDED: &str = "regate-forwarded";

/// Characters of an actor's name that are kept.
const LONGEST_ACTOR: usize = 256;

#[cfg(test)]
mod tests {
    use super::*;

    fn caller(level: Level, metadata: &[(&'static str, &'static str)]) -> Result<Caller, Problem> {
        let mut request = Request::new(());
        request.extensions_mut().insert(Peer { level, actor: "uid=0 pid=9".to_owned() });
        for (key, value) in metadata {
            request.metadata_mut().insert(*key, tonic::metadata::MetadataValue::from_static(value));
        }
        Caller::of(&request)
    }

    #[test]
    fn every_level_may_do_what_the_table_says() -> Result<(), Problem> {
        let user = "Converse Info Summary Proxies Statistics ServerStates Tables";
        let operator = "Watch ClearMaxima Rows Addresses Overlays Configuration Entries SetEntries Variable \
                        Streams Malformed Insides";
        let admin =
            "Apply Stage Commit Follow ClearCounters SoftStop HardStop SetHealth SetVariable CutStreams";
        for asked in Asked::ALL {
            let name = format!("{asked:?}");
            let listed = |words: &str| words.split(' ').any(|word| word == name);
            let lowest = [(user, Level::User), (operator, Level::Operator), (admin, Level::Admin)];
            let lowest: Vec<Level> =
                lowest.into_iter().filter(|(words, _)| listed(words)).map(|(_, level)| level).collect();
            assert_eq!(lowest.len(), 1, "{name} stands in one list");
            for level in [Level::User, Level::Operator, Level::Admin] {
                let permitted = caller(level, &[])?.may(asked).map_err(|problem| problem.code);
                let expected =
                    if lowest.iter().all(|lowest| level >= *lowest) { Ok(()) } else { Err(Code::Denied) };
                assert_eq!(permitted, expected, "{name} at level {}", level.word());
            }
        }
        Ok(())
    }

    #[test]
    fn metadata_lowers_a_level_and_never_raises_it() -> Result<(), Problem> {
        for (listener, word, level) in [
            (Level::Admin, "user", Level::User),
            (Level::Admin, "operator", Level::Operator),
            (Level::Operator, "admin", Level::Operator),
            (Level::User, "operator", Level::User),
            (Level::User, "admin", Level::User),
        ] {
            assert_eq!(caller(listener, &[("regate-level", word)])?.level, level);
        }
        let wrong = caller(Level::Admin, &[("regate-level", "root")]).map_err(|problem| problem.code);
        assert_eq!(wrong.err(), Some(Code::Malformed));
        assert!(Caller::of(&Request::new(())).is_err(), "a request without a listener has no level");
        Ok(())
    }

    #[test]
    fn origins_are_completed_by_what_only_the_receiver_knows() -> Result<(), Problem> {
        let plain = caller(Level::Admin, &[])?.origin(Origin::default());
        assert_eq!((plain.actor.as_str(), plain.door.as_str()), ("uid=0 pid=9", "grpc"));
        assert!(plain.at > 0);
        let behind = caller(Level::Admin, &[("regate-origin", "socket /x.sock uid=5")])?;
        let given = Origin { actor: String::new(), door: "socket".to_owned(), at: 7 };
        let origin = behind.origin(given);
        assert_eq!(origin.actor, "socket /x.sock uid=5 through uid=0 pid=9");
        assert_eq!((origin.door.as_str(), origin.at), ("socket", 7));
        Ok(())
    }
}
