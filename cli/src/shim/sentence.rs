//! The English sentences of the text socket.
//!
//! The only place where they are made: from codes and subjects of problems, from outcomes of changes, and as
//! constants for what commands find wrong in their words. Nothing here reads the detail of a problem to decide.
//! The sentences are HAProxy's, because scripts compare them.

pub mod master;
pub mod unsupported;

use regate_proto::model::{BadName, Subject};
use regate_proto::wire::v1;
use v1::ProblemCode as Code;
use v1::subject::Noun;

use super::commands::lists::Family;
use super::lex::Word;
use super::plan::{Ending, Reply, Severity};
use super::session::Modes;
use super::table;

/// What a refused command was about, where the same reason reads differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum About {
    /// One thing that was named.
    Thing,
    /// A list that was asked for of one backend.
    ListOfBackend,
    /// Statistics of a proxy.
    Statistics,
    /// A stick table or its entries.
    Table,
    /// A new server whose number was chosen.
    NumberedServer,
    /// A backend that is to go.
    Backend,
    /// A server that is to have another name.
    Renaming,
}

/// The sentence for a refusal.
pub fn refusal(about: About, problems: &[v1::Problem]) -> Reply {
    let Some(problem) = problems.first() else { return Reply::error(REFUSED) };
    let noun = problem.subject.as_ref().and_then(|subject| subject.noun.as_ref());
    let known = match (problem.code(), noun, about) {
        (Code::NotFound, _, About::Statistics) => Some(NO_PROXY),
        (Code::NotFound, _, About::Table) => Some(NO_TABLE),
        (Code::Malformed, _, About::Table) => Some(BAD_KEY),
        (Code::Impossible, _, About::Table) => Some(TABLE_FULL),
        (Code::NotFound, Some(Noun::Backend(_)), About::ListOfBackend) => Some(NO_BACKEND_TO_LIST),
        (Code::InUse | Code::Dangling, _, About::Renaming) => Some(SERVER_REFERENCED),
        (Code::InUse | Code::Dangling, _, About::Backend) => Some(BACKEND_IN_USE),
        (Code::NotFound, Some(Noun::Backend(_)), _) | (Code::Dangling, Some(Noun::Server(_)), _) => {
            Some(NO_BACKEND)
        }
        (Code::NotFound, Some(Noun::Server(_)), _) => Some(NO_SERVER),
        (Code::NotFound, Some(Noun::Frontend(_)), _) => Some(NO_FRONTEND),
        (Code::NotFound, Some(Noun::Resolvers(_)), _) => Some(NO_RESOLVERS),
        (Code::AlreadyExists, Some(Noun::Server(_)), about) if about != About::NumberedServer => {
            Some(SERVER_EXISTS)
        }
        (Code::OutOfRange, Some(Noun::Global(_) | Noun::Frontend(_)), _) => Some(OUT_OF_RANGE),
        (Code::Denied, ..) => Some(DENIED),
        (Code::Impossible, Some(Noun::Frontend(_)), _) => Some(CANNOT_RESUME),
        (Code::InUse, Some(Noun::Server(_)), _) => Some(SERVER_IN_USE),
        _ => None,
    };
    match known {
        Some(text) => Reply::error(text),
        None => Reply::error(told(problem)),
    }
}

/// What a change or action that has nothing to tell ends with: nothing, or why it was refused.
pub fn settled(ending: Ending) -> Reply {
    match ending {
        Ending::Applied(_) | Ending::Acted => Reply::Nothing,
        Ending::Refused(problems) => refusal(About::Thing, &problems),
        Ending::Answered(_) => out_of_place(),
    }
}

/// The sentence for an answer of another kind than was asked for: the other side breaks the contract.
pub fn out_of_place() -> Reply {
    Reply::error("Admin gave an answer of another kind than was asked for.")
}

/// The sentence for a command that was under way when the stream to Admin broke.
pub fn lost(status: &tonic::Status, target: &str) -> Reply {
    match status.code() {
        tonic::Code::PermissionDenied => Reply::error(DENIED),
        tonic::Code::Unavailable => {
            Reply::error(format!("Cannot reach {target}; the command was perhaps not carried out."))
        }
        _ => Reply::error(format!("{target} failed: {}.", one_line(status.message()))),
    }
}

/// What answers a command that is in no row.
pub fn unknown(words: &[Word], modes: Modes) -> Reply {
    let first = words.first().map(Word::text).unwrap_or_default();
    let mut text =
        format!("Unknown command: '{first}', but maybe one of the following ones is a better match:\n");
    list(words, modes, &mut text);
    Reply::info(text)
}

/// What answers an option that `show sess` does not know.
pub fn unsupported_option(option: &str) -> Reply {
    Reply::error(format!("Unsupported option '{option}', try 'help' for more info."))
}

/// What `help` answers.
pub fn help(words: &[Word], modes: Modes) -> Reply {
    let mut text = String::from("The following commands are valid at this level:\n");
    list(words, modes, &mut text);
    Reply::info(text)
}

/// What `set server … addr` answers: which of host and port are others now.
pub fn readdressed(host: Option<(&str, &str)>, port: Option<(&str, &str)>) -> Reply {
    let changes: Vec<String> = [("IP", host), ("port", port)]
        .into_iter()
        .filter_map(|(what, change)| {
            change.map(|(from, to)| format!("{what} changed from '{from}' to '{to}'"))
        })
        .collect();
    let text = match changes.is_empty() {
        true => NOTHING_CHANGED.to_owned(),
        false => format!("{} by 'stats socket command'", changes.join(", ")),
    };
    Reply::Message(Severity::Warning, text)
}

/// What answers a filter of entries that is none, from 1.
pub fn bad_filter(number: usize, fault: &str) -> Reply {
    Reply::error(format!("Filter entry #{number}: {fault}"))
}

/// What answers more filters of entries than are accepted: which word is too many, from 1, and the one before it.
pub fn extra_filter(word: usize, before: &str) -> Reply {
    Reply::error(format!("Detected extra data in filter, {word}th word of input, after '{before}'"))
}

/// What answers a text that is no address.
pub fn bad_address(text: &str) -> Reply {
    Reply::error(format!("Invalid addr '{text}'"))
}

/// What `set server … fqdn` answers: the name is another now.
pub fn renamed(server: &str, from: Option<&str>, to: &str) -> Reply {
    let from = from.unwrap_or("(null)");
    let text = format!("{server} changed its FQDN from {from} to {to} by 'stats socket command'");
    Reply::Message(Severity::Warning, text)
}

/// What `set server … fqdn` answers when the name is the old one.
pub fn same_host_name() -> Reply {
    Reply::Message(Severity::Warning, "no need to change the FDQN by 'stats socket command'".to_owned())
}

/// What answers a text that is no host name.
pub fn bad_host_name(text: &str) -> Reply {
    Reply::Message(Severity::Warning, format!("invalid fqdn '{text}' by 'stats socket command'"))
}

/// What answers a host of checks that is no address.
pub fn bad_host(text: &str) -> Reply {
    Reply::error(format!("invalid addr '{text}'"))
}

/// What answers a text that is no port.
pub fn bad_port(text: &str) -> Reply {
    Reply::error(format!("problem converting port '{text}' to an int"))
}

/// What answers a name that holds a character which names do not have.
pub fn bad_server_name(character: char, name: &str) -> Reply {
    Reply::error(format!("character '{character}' is not permitted in server name '{name}'."))
}

/// What answers a name of a backend that holds a character which names do not have.
pub fn bad_backend_name(character: char, name: &str) -> Reply {
    Reply::error(format!("character '{character}' is not permitted in backend name '{name}'."))
}

/// What answers defaults that there are none of.
pub fn no_defaults(name: &str) -> Reply {
    Reply::error(format!("Cannot find default proxy '{name}'."))
}

/// What answers a new backend whose name is taken.
pub fn backend_exists(name: &str) -> Reply {
    Reply::error(format!(
        "Error during backend creation : name is already used by other proxy 'backend {name}'."
    ))
}

/// What answers a new backend with a text that is no guid.
pub fn bad_guid(bad: &BadName) -> Reply {
    Reply::error(format!("Error during backend creation : GUID insertion : {bad}."))
}

/// What answers a new backend with a guid that this row has.
pub fn guid_taken(holder: &v1::Subject) -> Reply {
    let name =
        Subject::try_from(holder.clone()).map_or_else(|_| "another one".to_owned(), |row| row.to_string());
    Reply::error(format!("Error during backend creation : GUID insertion : duplicate entry with {name}."))
}

/// What answers a variable of another scope than the process.
pub fn foreign_variable(name: &str) -> Reply {
    Reply::error(format!("'set var': cannot set variable '{name}', only scope 'proc' is permitted here."))
}

/// What answers a sample that is none; the sentence is the reader's but for HAProxy's word.
pub fn bad_sample(message: &str) -> Reply {
    Reply::error(one_line(message).replacen("unknown fetch '", "unknown fetch method '", 1))
}

/// What answers a keyword that no server has.
pub fn unknown_keyword(word: &str, near: Option<&str>) -> Reply {
    Reply::error(match near {
        Some(near) => format!("unknown keyword '{word}'; did you mean '{near}' maybe ?"),
        None => format!("unknown keyword '{word}'."),
    })
}

/// What answers a keyword that servers of files may have, or that Regate does not have yet.
pub fn keyword_not_accepted(word: &str) -> Reply {
    Reply::error(format!("'{word}' option is not accepted for dynamic server"))
}

/// What answers a word that a reader of configurations refuses; the sentence is the reader's.
pub fn misread(message: &str) -> Reply {
    Reply::error(format!("{}.", one_line(message)))
}

/// What `add server help` answers.
pub fn keywords<'a>(names: impl Iterator<Item = &'a str>) -> Reply {
    let mut text = String::from("List of keywords supported for dynamic server:\n");
    for name in names {
        text.push_str(name);
        text.push('\n');
    }
    Reply::Dump(text.into_bytes())
}

fn list(words: &[Word], modes: Modes, text: &mut String) {
    usages(&table::resembling(words, modes), text);
}

fn usages(rows: &[&table::Row], text: &mut String) {
    for row in rows {
        text.push_str(&format!("  {:<40}: {}\n", row.usage, row.help));
    }
}

/// A problem that has no sentence of HAProxy's, in the words of who refused.
fn told(problem: &v1::Problem) -> String {
    let detail = one_line(&problem.detail);
    match detail.is_empty() {
        true => REFUSED.to_owned(),
        false => format!("{detail}."),
    }
}

/// What is wrong with a command about a list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ListError {
    /// There is no such list.
    Unknown,
    /// It names no list.
    NeedList,
    /// It names no list or no key.
    NeedKey,
    /// It names no list or no value.
    NeedValue,
    /// There is no such key, said of removing.
    NoKey,
    /// There is no such key, said of writing.
    NoEntry,
    /// There is no such entry.
    NoReference,
    /// The version was not prepared.
    Future,
}

/// The sentence about a list.
pub fn about_list(family: Family, error: ListError) -> String {
    let (name, word) = match family {
        Family::Acl => ("ACL", "acl"),
        Family::Map => ("map", "map"),
    };
    match error {
        ListError::Unknown => format!("Unknown {name} identifier. Please use #<id> or <file>."),
        ListError::NeedList => format!("Missing {name} identifier."),
        ListError::NeedKey => format!("This command expects two parameters: {name} identifier and key."),
        ListError::NeedValue => format!("Missing {name} identifier and/or key."),
        ListError::NoKey => "Key not found.".to_owned(),
        ListError::NoEntry => "entry not found.".to_owned(),
        ListError::NoReference => "key or pattern not found.".to_owned(),
        ListError::Future => format!("Version number in the future, please use 'prepare {word}' before."),
    }
}

/// What `prepare` answers.
pub fn new_version(version: u32) -> String {
    format!("New version created: {version}")
}

/// A line of a payload without a value.
pub fn missing_value(key: &str) -> String {
    format!("Missing value for key '{key}'.")
}

/// `add acl` with too few words.
pub const ADD_ACL_USAGE: &str = "'add acl' expects two parameters: ACL identifier and pattern.";
/// `add map` with too few words.
pub const ADD_MAP_USAGE: &str = "'add map' expects three parameters (map identifier, key and value) or one parameter (map identifier) and a payload";
/// `set map` with too few words.
pub const SET_MAP_USAGE: &str = "'set map' expects three parameters: map identifier, key and value.";
/// `add acl` of a list with values.
pub const SHARED_LIST: &str =
    "This ACL is shared with a map containing samples. You must use the command 'add map' to add values.";
/// `commit` without a version.
pub const NEED_VERSION: &str = "Missing version number.";
/// `commit` of a version that is not prepared.
pub const VERSION_OUT_OF_RANGE: &str = "Version number out of range.";

/// Text without line ends, so that it cannot be taken for the end of a reply.
fn one_line(text: &str) -> String {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).collect::<Vec<_>>().join("; ")
}

/// Too many words.
pub const TOO_MANY_WORDS: &str = "Too many arguments. Commands must have at most 64 arguments.";
/// A line that exceeds its limit.
pub const LINE_TOO_LONG: &str = "The command line is too big for the buffer size. Please change 'tune.bufsize' in the configuration to use a bigger command.";
/// A payload that exceeds its limit.
pub const PAYLOAD_TOO_LONG: &str = "The payload is too big. Please change 'tune.cli.max-payload-size' in the configuration to use a bigger payload.";
/// A level that is too low.
pub const DENIED: &str = "Permission denied";
/// A server without its backend.
pub const NEED_SERVER: &str = "Require 'backend/server'.";
/// An unknown backend.
pub const NO_BACKEND: &str = "No such backend.";
/// An unknown backend, where a list was asked for.
pub const NO_BACKEND_TO_LIST: &str = "Can't find backend.";
/// An unknown server.
pub const NO_SERVER: &str = "No such server.";
/// A frontend is missing.
pub const NEED_BACKEND: &str = "A backend name is expected.";
pub const NEED_STRING: &str = "String value expected.";
pub const NEED_FRONTEND: &str = "A frontend name is expected.";
/// An unknown frontend.
pub const NO_FRONTEND: &str = "No such frontend.";
/// Unknown resolvers.
pub const NO_RESOLVERS: &str = "Can't find that resolvers section";
/// A host name is missing.
pub const NEED_HOST_NAME: &str = "set server <b>/<s> fqdn requires a FQDN.";
/// A host name of a server whose name nobody resolves.
pub const NO_RESOLUTION: &str = "set server <b>/<s> fqdn failed because no resolution is configured.";
/// A host name of a server that a service record gives one.
pub const SERVICE_NAME: &str = "set server <b>/<s> fqdn failed because SRV resolution is configured.";
/// An unknown proxy.
pub const NO_PROXY: &str = "No such proxy.";
/// A domain of statistics that there is none of.
pub const NO_DOMAIN: &str = "Invalid statistics domain.";
/// A weight is missing.
pub const NEED_WEIGHT: &str = "Require <weight> or <weight%>.";
/// A weight outside its range.
pub const WEIGHT_RANGE: &str = "Absolute weight can only be between 0 and 256 inclusive.";
/// A negative percentage.
pub const WEIGHT_NEGATIVE: &str = "Relative weight must be positive.";
/// A weight that is no number.
pub const WEIGHT_NO_NUMBER: &str = "Empty weight string empty or preceded by garbage";
/// A weight with something behind it.
pub const WEIGHT_GARBAGE: &str = "Trailing garbage in weight string";
/// A connection limit is missing.
pub const NEED_MAXCONN: &str = "Require <maxconn>.";
/// A connection limit that is no number.
pub const MAXCONN_NO_NUMBER: &str = "maxconn string empty or preceded by garbage";
/// A connection limit with something behind it.
pub const MAXCONN_GARBAGE: &str = "Trailing garbage in maxconn string";
/// A state that there is none of.
pub const BAD_STATE: &str = "'set server <srv> state' expects 'ready', 'drain' and 'maint'.";
/// A health that there is none of.
pub const BAD_HEALTH: &str = "'set server <srv> health' expects 'up', 'stopping', or 'down'.";
/// What an agent does not say.
pub const BAD_AGENT: &str = "'set server <srv> agent' expects 'up' or 'down'.";
/// A server whose health is another's.
pub const TRACKS: &str = "cannot change health on a tracking server.";
/// A server without an agent.
pub const NO_AGENT: &str = "agent checks are not enabled on this server.";
/// A server without an agent, where its address is set.
pub const NO_AGENT_PLAIN: &str = "agent checks are not enabled on this server";
/// A server without checks.
pub const NOT_CHECKED: &str = "health checks are not enabled on this server";
/// A server without checks, where they are to run.
pub const NO_CHECK_TO_ENABLE: &str = "Health check was not configured on this server, cannot enable.";
/// A server without an agent, where it is to be asked.
pub const NO_AGENT_TO_ENABLE: &str = "Agent was not configured on this server, cannot enable.";
/// An address of checks is missing.
pub const NEED_CHECK_ADDRESS: &str =
    "set server <b>/<s> check-addr requires an address and optionally a port.";
/// A port of checks is missing.
pub const NEED_CHECK_PORT: &str = "set server <b>/<s> check-port requires a port.";
/// An address of an agent is missing.
pub const NEED_AGENT_ADDRESS: &str =
    "set server <b>/<s> agent-addr requires an address and optionally a port.";
/// A port of an agent is missing.
pub const NEED_AGENT_PORT: &str = "set server <b>/<s> agent-port requires a port.";
/// A stick table that there is none of.
pub const NO_TABLE: &str = "No such table";
/// A key is missing.
pub const NEED_KEY: &str = "Key value expected";
/// A key that is none of the table's type.
pub const BAD_KEY: &str = "Invalid key";
/// What cannot be done with keys of other types, before [`KEY_TYPES`].
pub const SHOWN_KEYS: &str = "Showing keys from";
/// The same, of writing.
pub const INSERTED_KEYS: &str = "Inserting keys into";
/// The same, of removing.
pub const REMOVED_KEYS: &str = "Removing keys from";
/// Tables whose keys can be written in a command.
pub const KEY_TYPES: &str = "tables of type other than ip, ipv6, string and integer is not supported";
/// A number of an entry that is none.
pub const NEED_POINTER: &str = "Pointer expected (0xffff notation)";
/// A number that leads to no entry.
pub const NO_SUCH_ENTRY: &str = "No entry can be found matching ptr.";
/// A kind of data that there is none of.
pub const UNKNOWN_DATA: &str = "Unknown data type";
/// A kind of data that the table does not keep.
pub const DATA_NOT_STORED: &str = "Data type not stored in this table";
/// An element that an array does not have.
pub const BAD_ELEMENT: &str = "index out of range in this data array";
/// A comparison that there is none of.
pub const NEED_COMPARISON: &str = r#"Require and operator among "eq", "ne", "le", "ge", "lt", "gt""#;
/// What a value is compared with is no number.
pub const NEED_COMPARED: &str = "Require a valid integer value to compare against";
/// A value that is no number.
pub const NEED_VALUE: &str = "Require a valid integer value to store";
/// A word where a kind of data should be.
pub const NEED_DATA: &str = r#""data.<type>" followed by a value expected"#;
/// Entries can be shown and removed by their content, not written.
pub const NOT_BY_CONTENT: &str =
    r#"content-based lookup is only supported with the "show" and "clear" actions"#;
/// What `show table` takes.
pub const SHOW_TABLE_USAGE: &str = r#"Optional argument only supports "data.<store_data_type>" <operator> <value> or key <key> or ptr <ptr>"#;
/// What `set table` takes.
pub const SET_TABLE_USAGE: &str = "Required arguments: <table> key <key> [data.<store_data_type> <value>]* or <table> ptr <ptr> [data.<store_data_type> <value>]*";
/// What `clear table` takes.
pub const CLEAR_TABLE_USAGE: &str = r#"Required arguments: <table> "data.<store_data_type>" <operator> <value> or <table> key <key> or <table> ptr <ptr>"#;
/// A table that takes no more entries.
pub const TABLE_FULL: &str = "Unable to allocate a new entry";
/// A port that is no number.
pub const PORT_NO_NUMBER: &str = "provided port is not an integer";
/// A port outside its range.
pub const PORT_RANGE: &str = "provided port is invalid";
/// An address is missing.
pub const NEED_ADDRESS: &str = "set server <b>/<s> addr requires an address and optionally a port.";
/// An address and port as they were.
pub const NOTHING_CHANGED: &str = "nothing changed";
/// A port offset for a server with a port of its own.
pub const NO_PORT_MAP: &str = "can't change <port> to port map because it is incompatible with current health check port configuration (use 'port' statement from the 'server' directive).";
/// What `set server` can change.
pub const SET_SERVER_USAGE: &str = "usage: set server <backend>/<server> addr | agent | agent-addr | agent-port | agent-send | \
     check-addr | check-port | fqdn | health | ssl | state | weight";
/// A new server without name or address.
pub const NEED_NAME_AND_ADDRESS: &str = "'server' expects <name> and <addr>[:<port>] as arguments.";
/// A server of that name is there.
pub const SERVER_EXISTS: &str = "Already exists a server with the same name in backend.";
/// A server was made.
pub const SERVER_ADDED: &str = "New server registered.";
/// A server was removed.
pub const SERVER_DELETED: &str = "Server deleted.";
/// A server that serves cannot be removed.
pub const SERVER_NOT_IN_MAINTENANCE: &str = "Only servers in maintenance mode can be deleted.";
/// A server that others point to cannot be removed.
pub const SERVER_IN_USE: &str =
    "This server cannot be removed at runtime due to other configuration elements pointing to it.";
/// A stream that is not there, to be shown.
pub const NO_STREAM: &str = "Session not found.";
/// A stream that is not there, to be cut.
pub const NO_STREAM_TO_CUT: &str = "No such session (use 'show sess').";
/// No number of a stream.
pub const NEED_STREAM: &str = "Session pointer expected (use 'show sess').";
/// An age is missing.
pub const NEED_AGE: &str = "Expects a minimum age (in seconds by default).";
/// An age that is none.
pub const BAD_AGE: &str = "Invalid age.";
/// The name of a backend is missing.
pub const NEED_BACKEND_NAME: &str = "Missing backend name.";
/// The name of a frontend is missing.
pub const NEED_FRONTEND_NAME: &str = "Missing frontend name.";
/// How `show sess` is used.
pub const SHOW_STREAMS_USAGE: &str = "Usage: show sess [<id> | all | help] [<options>*]\n  <id>              show everything about the stream with this number, 0x...\n  all               show everything about all streams; without it, a line each\n  older <age>       only streams of at least this age, in seconds without a unit\n  backend <b>       only streams of this backend\n  frontend <f>      only streams of this frontend\n  server <b>/<s>    only streams on this server\n  susp              only streams that look as if something were wrong\n  show-uri          add the first line of the request, where the log keeps it\n";
/// A frontend that is stopped for good.
pub const ALREADY_SHUT_DOWN: &str = "Frontend was already shut down.";
/// A frontend that cannot be enabled any more.
pub const SHUT_DOWN_NOT_ENABLED: &str = "Frontend was previously shut down, cannot enable.";
/// A frontend that cannot be disabled any more.
pub const SHUT_DOWN_NOT_DISABLED: &str = "Frontend was previously shut down, cannot disable.";
/// A frontend that listens already.
pub const ALREADY_ENABLED: &str = "All sockets are already enabled.";
/// A frontend that does not listen.
pub const ALREADY_DISABLED: &str = "All sockets are already disabled.";
/// A frontend that cannot listen.
pub const CANNOT_RESUME: &str = "Failed to resume frontend, check logs for precise cause (port conflict?).";
/// A number is missing, of a frontend.
pub const NEED_INTEGER: &str = "Integer value expected.";
/// A number is missing, of the process.
pub const EXPECTS_INTEGER: &str = "Expects an integer value.";
/// A number outside its range.
pub const OUT_OF_RANGE: &str = "Value out of range.";
/// A timeout of something else.
pub const ONLY_CLI_TIMEOUT: &str = "'set timeout' only supports 'cli'.";
/// A time that is none, or 0.
pub const BAD_TIMEOUT: &str = "Invalid timeout value.";
/// A word that `set severity-output` does not know.
pub const BAD_SEVERITY: &str = "one of 'none', 'number', 'string' is a required argument";
/// An environment variable that is not set.
pub const NO_VARIABLE: &str = "Variable not found";
/// The environment of another process.
pub const FOREIGN_ENVIRONMENT: &str =
    "The environment of the data plane is not known here: this text socket is served by another process.";
/// What rates can be limited.
pub const RATE_LIMITS: &str = "'set rate-limit' only supports :\n   - 'connections global' to set the per-process maximum connection rate\n   - 'sessions global' to set the per-process maximum session rate\n   - 'ssl-sessions global' to set the per-process maximum SSL session rate\n   - 'http-compression global' to set the per-process maximum compression speed in kB/s";
/// A command for experts.
pub const EXPERTS_ONLY: &str = "This command is restricted to expert mode only.";
/// A command that may still change.
pub const EXPERIMENTAL_ONLY: &str = "This command is restricted to experimental mode only.";
/// How `set anon` is used.
pub const ANON_USAGE: &str = "'set anon' only supports 'on', 'off' and 'global-key'.";
/// `wait` is over.
pub const DONE: &str = "Done.";
/// `wait` without a time.
pub const WAIT_NEEDS_TIME: &str = "Expects a duration in milliseconds.";
/// `wait` with a time that is none.
pub const WAIT_BAD_TIME: &str = "Invalid duration.";
/// `wait` for no server.
pub const WAIT_NEEDS_SERVER: &str = "Missing server name (<backend>/<server>).";
/// `wait` for no backend.
pub const WAIT_NEEDS_BACKEND: &str = "Missing backend name.";
/// How `wait` is used.
pub const WAIT_USAGE: &str = "Usage: wait {-h|<duration>} [condition [args...]]\n  <duration>                rest for that long, in milliseconds when no unit is given\n  srv-removable <b>/<s>     or until this server can be deleted\n  be-removable <b>          or until this backend can be deleted";
/// A server that is in use.
pub const SERVER_BUSY: &str = "Server still has connections attached to it, cannot remove it.";
/// A new name is missing.
pub const NEED_NEW_NAME: &str = "set server <b>/<s> name requires a new name.";
/// A server that serves keeps its name.
pub const RENAME_NOT_IN_MAINTENANCE: &str =
    "Server must be in maintenance mode to be renamed (set server <b>/<s> state maint).";
/// A name that no server can have.
pub const BAD_NEW_NAME: &str = "Server name contains invalid characters.";
/// A name that another server has.
pub const NEW_NAME_TAKEN: &str = "A server with the same name already exists in this backend.";
/// A server that is called by its name elsewhere keeps it.
pub const SERVER_REFERENCED: &str =
    "This server cannot be renamed: it is statically referenced by its name in the configuration.";
/// A server has another name.
pub const SERVER_RENAMED: &str = "Server name updated.";
/// TLS to a server whose backend has none.
pub const NO_SSL: &str = "'set server <srv> ssl' cannot be set.  default-server should define ssl settings";
/// Counters of a server are reset.
pub const SERVER_CLEARED: &str = "Server counters cleared.";
/// A backend's name is missing where one is made or removed.
pub const NEED_NEW_BACKEND: &str = "Require backend name.";
/// How `add backend` is used.
pub const ADD_BACKEND_USAGE: &str = "Usage: add backend <name> from <defproxy>.";
/// The same, with its options.
pub const ADD_BACKEND_FULL_USAGE: &str =
    "Usage: add backend <name> from <defproxy> [mode <px_mode>] [guid <val>].";
/// A mode that a new backend cannot have.
pub const ADD_BACKEND_MODES: &str = "Dynamic backends are compatible with only TCP or HTTP mode.";
/// A new backend without a mode.
pub const MODE_REQUIRED: &str = "Mode is required when the defaults section does not set one.";
/// A backend was made.
pub const BACKEND_ADDED: &str = "New backend registered.";
/// A backend was removed.
pub const BACKEND_DELETED: &str = "Backend deleted.";
/// A backend may be chosen.
pub const BACKEND_PUBLISHED: &str = "Backend published.";
/// A backend may not be chosen.
pub const BACKEND_UNPUBLISHED: &str = "Backend unpublished.";
/// A backend that is off.
pub const BACKEND_DISABLED: &str = "No effect on a disabled backend.";
/// A backend that may be chosen cannot go.
pub const UNPUBLISH_FIRST: &str = "Backend must be unpublished prior to its deletion.";
/// A backend with servers cannot go.
pub const SERVERS_FIRST: &str = "Only a backend without server can be deleted.";
/// A backend with a stick table cannot go.
pub const TABLE_STAYS: &str = "Cannot remove a backend with stick-table.";
/// Half a section cannot go.
pub const LISTEN_STAYS: &str = "Cannot delete a listen section.";
/// A backend that others point to cannot go.
pub const BACKEND_IN_USE: &str =
    "This proxy cannot be removed at runtime due to other configuration elements pointing to it.";
/// A check that is to go to the port of a server which has none of its own.
pub const PORT_IS_MAPPED: &str = "can't unset 'port' since MAPPORTS is in use";
/// A variable's name is missing.
pub const NEED_VARIABLE: &str = "Missing process-wide variable identifier.";
/// A variable without a value.
pub const VARIABLE_NOT_FOUND: &str = "Variable not found.";
/// What a variable is to be made of is missing.
pub const NEED_EXPRESSION: &str = "Missing either 'expr', 'fmt' or expression.";
/// How `prompt` is used.
pub const PROMPT_USAGE: &str = "Usage: prompt [help | n | i | p | timed]*\n  n      close the connection after each line\n  i      keep it open, without a prompt\n  p      keep it open, with a prompt\n  timed  as p, and show or hide the uptime in the prompt\nWithout a word: n and i become p, p becomes n.";
/// A group of threads other than the one that there is.
pub const NO_THREAD_GROUP: &str = "Invalid TGID.";
/// A word that `show pools` does not know.
pub const POOLS_USAGE: &str = "Expects either 'byname', 'bysize', 'byusage', 'match <pfx>', 'detailed', or a max number of output lines.";
/// A ring that is not there.
pub const NO_SINK: &str = "No such event sink";
/// A ring whose lines are not kept.
pub const NOTHING_TO_REPORT: &str = "Nothing to report for this sink";
/// An option that `show events` does not know.
pub const UNKNOWN_OPTION: &str = "unknown option";
/// What `set profiling` may be about.
pub const PROFILING_NOUNS: &str = "Expects either 'tasks' or 'memory'.";
/// A word that `set profiling tasks` does not know.
pub const PROFILING_USAGE: &str =
    "Expects a combination of either 'on', 'auto', 'off', 'lock', 'no-lock', 'memory' or 'no-memory'.";
/// What `set profiling memory` answers.
pub const NO_MEMORY_PROFILING: &str = "Memory profiling not compiled in.";
const REFUSED: &str = "The request was refused.";
