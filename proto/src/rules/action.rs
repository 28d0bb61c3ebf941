//! Rules: actions and the conditions under which they are taken (configuration manual 4.2 and 4.3).
//!
//! Owns the typed tree. `action/table.rs` says which actions there are and in which sets of rules they may stand,
//! `action/read.rs` reads them and `action/spell.rs` writes them back.

mod naming;
mod read;
mod redirection;
mod spell;
mod table;

use std::sync::Arc;

use super::standing::Standing;
use super::tracking::Amount;
use super::{Checkpoint, Condition, Format, MatchMethod, Mistake, Sample, Tally, Track, Variable, Words};
use crate::model::{AddressFamily, Millis, Name, Severity};

pub use read::reply as read_reply;
pub use redirection::redirect as read_redirect;
pub use spell::answer_words;
pub use table::{ROWS, Row};

/// An action and the condition under which it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    /// What is done.
    pub action: Action,
    /// When; absent: always.
    pub condition: Option<Condition>,
    /// The file and the line where it stands.
    pub place: Standing<(Arc<str>, u32)>,
}

/// A set of rules that are looked at together, from the first to the one that decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RuleSet {
    /// `tcp-request connection`: as soon as a connection is accepted.
    TcpConnection,
    /// `tcp-request session`: when its handshakes are over.
    TcpSession,
    /// `tcp-request content`: when there is something to look at.
    TcpContent,
    /// `tcp-response content`.
    TcpResponse,
    /// `http-request`.
    HttpRequest,
    /// `http-response`: the response of a server.
    HttpResponse,
    /// `http-after-response`: every response, the proxy's own too.
    HttpAfterResponse,
}

/// What a rule does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Ends the set: nothing more is looked at.
    Allow,
    /// Ends a set of `tcp-…` rules.
    Accept,
    /// Closes the connection without an answer.
    Reject,
    /// Forgets the connection without telling the client.
    SilentDrop,
    /// Ends the connection with the server; what it has sent so far goes out.
    Close,
    /// Refuses with an answer.
    Deny(Reply),
    /// Refuses with an answer that comes late.
    Tarpit(Reply),
    /// Answers.
    Return(Reply),
    /// Sends the client elsewhere.
    Redirect(Redirect),
    /// Asks for a user and a password unless they were given.
    Auth {
        /// The realm that the client is shown.
        realm: Option<String>,
    },
    /// Puts a header in the place of all that have its name.
    SetHeader(String, Format),
    /// Adds a header.
    AddHeader(String, Format),
    /// Removes headers by their name.
    DeleteHeader(String, MatchMethod),
    /// Replaces what an expression finds in whole values of a header.
    ReplaceHeader(String, String, Format),
    /// Replaces what an expression finds in each value of a header that is cut at commas.
    ReplaceValue(String, String, Format),
    /// Replaces a part of the request's line.
    Set(Part, Format),
    /// Replaces what an expression finds in a part of the request's line.
    Replace(Part, String, Format),
    /// Rewrites the target into a form that means the same.
    Normalize(Normalizer),
    /// Replaces the status of a response.
    SetStatus(u16, Option<String>),
    /// Gives a variable the value of a sample.
    SetVariable(Variable, Sample),
    /// Gives a variable a text.
    SetVariableFormat(Variable, Format),
    /// Takes a variable's value away.
    UnsetVariable(Variable),
    /// How important the log line is; absent: there is none.
    SetLogLevel(Option<Severity>),
    /// Replaces an address of the client's connection.
    SetAddress(Side, Sample),
    /// Replaces a port of the client's connection.
    SetPort(Side, Sample),
    /// Replaces a timeout of this stream.
    SetTimeout(Timeout, Patience),
    /// Adds an entry to a map, or replaces its value.
    SetMap(String, Format, Format),
    /// Removes an entry of a map.
    DeleteMap(String, Format),
    /// Adds an entry to an ACL's list.
    AddAcl(String, Format),
    /// Removes an entry of an ACL's list.
    DeleteAcl(String, Format),
    /// Keeps a value for log lines and for who asks later.
    Capture(Sample, Slot),
    /// Holds an entry of a stick table from now on, and counts in it.
    Track(Track),
    /// Changes a value of an entry that is held.
    Tally(Tally),
    /// Waits until the body, or this much of it, is there.
    WaitForBody {
        /// The longest wait.
        time: Millis,
        /// Bytes that are enough.
        at_least: Option<u64>,
    },
    /// Waits until the handshake cannot be an early one any more.
    WaitForHandshake,
    /// Sends a header in an answer 103 before the answer.
    EarlyHint(String, Format),
    /// Asks for the address of a host, and gives it to a variable.
    Resolve(Resolve),
    /// Reads a PROXY protocol header before anything else of the connection.
    ExpectProxy,
    /// Replaces how often a backend tries to reach a server again.
    SetRetries(Amount),
    /// Writes a log line at once, beside those that the proxy writes by itself.
    Log,
    /// Marks the packets of a connection.
    Stamp(Stamp),
    /// The class in queues.
    SetPriorityClass(Sample),
    /// The offset in queues, in milliseconds.
    SetPriorityOffset(Sample),
    /// Waits.
    Pause(Patience),
    /// Whether a change of a message that cannot be made is an error.
    StrictMode(bool),
    /// Forbids to try again after a failed answer.
    DisableRetry,
    /// Lets a service of the proxy's own answer.
    UseService(Service),
    /// Takes the connection of a TCP proxy for one of HTTP from here on.
    SwitchMode {
        /// The protocol of the client, where one was written.
        protocol: Option<Protocol>,
    },
    /// The nice value, as its number says: taken and without effect, since it concerns other kinds of processes.
    Accepted(&'static str, String),
}

/// A question for the address of a host (configuration manual 4.2 "http-request do-resolve").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolve {
    /// What gets the address; it is left alone where none is found.
    pub variable: Variable,
    /// Who is asked.
    pub resolvers: Name,
    /// Addresses of this family before those of the other; absent: IPv6.
    pub family: Option<AddressFamily>,
    /// The name of the host, without a port.
    pub host: Sample,
}

/// A number that goes with every packet of a connection (configuration manual 4.2 "set-fc-tos" and "set-bc-mark").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp {
    /// The word of the action.
    pub name: &'static str,
    /// The number, as it was written.
    pub value: StampValue,
}

/// The number of a [`Stamp`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StampValue {
    /// A decimal number, or a hexadecimal one behind `0x`.
    Written(String),
    /// A sample.
    Sample(Sample),
}

/// Actions that mark packets: word, whether it is the type of service (else the netfilter mark), whether the packets
/// go to the server (else to the client).
pub const STAMPS: &[(&str, bool, bool)] = &[
    ("set-bc-mark", false, true),
    ("set-bc-tos", true, true),
    ("set-fc-mark", false, false),
    ("set-fc-tos", true, false),
    ("set-mark", false, false),
    ("set-tos", true, false),
];

/// A service of the proxy's own that answers requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Service {
    /// `prometheus-exporter`: what is counted, in the text form of Prometheus.
    Prometheus,
}

/// What a client speaks after `switch-mode http proto`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Protocol {
    /// `h1`: HTTP/1.
    Http1,
}

/// Where a rule keeps a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Slot {
    /// In a slot of its own, of so many bytes: where a file is read, the frontend declares one for it.
    Own(u32),
    /// In the frontend's slot of this number, from 0 on; where there is none nothing is kept.
    Declared(u32),
}

/// An answer of the proxy's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// The status, where one was written.
    pub status: Option<u16>,
    /// What type the content has.
    pub content_type: Option<String>,
    /// The content.
    pub content: Content,
    /// Headers that are added.
    pub headers: Vec<(String, Format)>,
}

/// The content of an answer of the proxy's own.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Content {
    /// The page of the status.
    #[default]
    Page,
    /// `default-errorfiles`: the page of the status, said explicitly.
    DefaultPage,
    /// This text.
    Text(String),
    /// A text that is made for each request.
    Format(Format),
    /// What was read from a file.
    File(String, Vec<u8>),
    /// A format that was read from a file.
    FormatFile(String, Format),
    /// `errorfile`: a whole message that was read from a file.
    Message(String, Vec<u8>),
    /// `errorfiles`: the page of a named section.
    Section(Name),
}

/// A redirection (configuration manual 4.2 "redirect").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Redirect {
    /// What the target replaces.
    pub kind: RedirectKind,
    /// The target.
    pub target: Format,
    /// 301, 302, 303, 307 or 308; absent: 302.
    pub code: Option<u16>,
    /// Whether the query is left out.
    pub drop_query: bool,
    /// Whether the query is added to a location.
    pub keep_query: bool,
    /// Whether a path without a slash at its end gets one.
    pub append_slash: bool,
    /// Whether nothing is done where the target turns out empty.
    pub ignore_empty: bool,
    /// A cookie that is set, or cleared.
    pub cookie: Option<(String, bool)>,
}

/// What the target of a redirection replaces.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RedirectKind {
    /// Everything.
    Location,
    /// What stands before the path.
    Prefix,
    /// The scheme.
    Scheme,
}

/// A part of a request's line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Part {
    /// The method.
    Method,
    /// The path.
    Path,
    /// The path with the query.
    PathQuery,
    /// The query.
    Query,
    /// The whole target.
    Uri,
}

/// One of the two ends of the client's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// The client's.
    Source,
    /// The proxy's.
    Destination,
}

/// A timeout that a rule may replace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Timeout {
    /// `timeout server`.
    Server,
    /// `timeout tunnel`.
    Tunnel,
    /// `timeout client`.
    Client,
    /// `timeout connect`.
    Connect,
    /// `timeout queue`.
    Queue,
    /// `timeout tarpit`.
    Tarpit,
}

/// A span of time, or a sample that gives it in milliseconds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A constant.
    Fixed(Millis),
    /// A sample.
    Sample(Sample),
}

/// A form of targets (RFC 3986, 6.2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Normalizer {
    /// Removes the fragment.
    FragmentStrip,
    /// Encodes `#` so that it is no fragment.
    FragmentEncode,
    /// Removes `.` segments.
    PathStripDot,
    /// Removes `..` segments with what stands before them; fully: also at the beginning.
    PathStripDotDot {
        /// Whether those at the beginning go too.
        full: bool,
    },
    /// Merges slashes that follow each other.
    PathMergeSlashes,
    /// Decodes what need not be encoded.
    PercentDecodeUnreserved {
        /// Whether a malformed encoding is refused.
        strict: bool,
    },
    /// Writes encodings in upper case.
    PercentToUppercase {
        /// Whether a malformed encoding is refused.
        strict: bool,
    },
    /// Sorts the parameters of the query by name.
    QuerySortByName,
}

impl Stamp {
    /// Whether it is the type of service, and whether it is for the server's packets.
    pub fn kind(&self) -> (bool, bool) {
        let row = STAMPS.iter().find(|(name, ..)| *name == self.name);
        row.map_or((false, false), |(_, service, server)| (*service, *server))
    }
}

impl StampValue {
    /// The number of a text.
    pub fn number(text: &str) -> Option<u32> {
        match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
            Some(digits) => u32::from_str_radix(digits, 16).ok(),
            None => text.parse().ok(),
        }
    }
}

impl Timeout {
    /// Each with its word.
    pub const WORDS: [(&'static str, Timeout); 6] = [
        ("client", Timeout::Client),
        ("connect", Timeout::Connect),
        ("queue", Timeout::Queue),
        ("server", Timeout::Server),
        ("tarpit", Timeout::Tarpit),
        ("tunnel", Timeout::Tunnel),
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        Timeout::WORDS.iter().find(|(_, timeout)| *timeout == self).map_or("", |(word, _)| word)
    }
}

impl RuleSet {
    /// Every set.
    pub const ALL: [RuleSet; 7] = [
        RuleSet::TcpConnection,
        RuleSet::TcpSession,
        RuleSet::TcpContent,
        RuleSet::TcpResponse,
        RuleSet::HttpRequest,
        RuleSet::HttpResponse,
        RuleSet::HttpAfterResponse,
    ];

    /// The words before its actions.
    pub fn words(self) -> &'static str {
        match self {
            RuleSet::TcpConnection => "tcp-request connection",
            RuleSet::TcpSession => "tcp-request session",
            RuleSet::TcpContent => "tcp-request content",
            RuleSet::TcpResponse => "tcp-response content",
            RuleSet::HttpRequest => "http-request",
            RuleSet::HttpResponse => "http-response",
            RuleSet::HttpAfterResponse => "http-after-response",
        }
    }

    /// Where its samples are evaluated: in a frontend, and in a backend.
    pub fn checkpoints(self) -> [Checkpoint; 2] {
        match self {
            RuleSet::TcpConnection => [Checkpoint::TcpConnection; 2],
            RuleSet::TcpSession => [Checkpoint::TcpSession; 2],
            RuleSet::TcpContent => [Checkpoint::FrontendContent, Checkpoint::BackendContent],
            RuleSet::TcpResponse => [Checkpoint::FrontendResponseContent, Checkpoint::BackendResponseContent],
            RuleSet::HttpRequest => [Checkpoint::FrontendRequest, Checkpoint::BackendRequest],
            RuleSet::HttpResponse | RuleSet::HttpAfterResponse => {
                [Checkpoint::FrontendResponse, Checkpoint::BackendResponse]
            }
        }
    }
}

impl Rule {
    /// Reads `deny status 403 if abuse`: what stands after the words of the set. `file` reads a file that the rule
    /// names.
    pub fn parse(set: RuleSet, words: &mut Words<'_>, file: ReadFile<'_>) -> Result<Rule, Mistake> {
        let action = read::action(set, words, file)?;
        let condition = Condition::parse(words)?;
        Ok(Rule { action, condition, place: Standing::default() })
    }

    /// The words that read as this.
    pub fn words(&self) -> Vec<String> {
        let mut words = spell::action(&self.action);
        words.extend(self.condition.iter().flat_map(Condition::words));
        words
    }

    /// Every criterion that stands in the rule itself.
    pub fn criteria(&self) -> impl Iterator<Item = &super::Criterion> {
        self.condition.iter().flat_map(Condition::terms).filter_map(|term| match &term.test {
            super::Test::Anonymous(criterion) => Some(criterion.as_ref()),
            super::Test::Named(_) => None,
        })
    }
}

/// Reads a file that a rule names.
pub type ReadFile<'a> = &'a dyn Fn(&str) -> Result<Vec<u8>, String>;

#[cfg(test)]
#[path = "action_tests.rs"]
mod tests;
