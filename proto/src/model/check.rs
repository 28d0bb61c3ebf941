//! How servers are checked: what each of them says, what its backend says, and what the process says.

use super::{Millis, Name, ServerHost};
use crate::rules::{Format, Sample, Variable};

/// Checks of a server (configuration manual 5.2). Absent fields come from the backend's `default-server`, then from
/// the stated default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerChecks {
    /// Whether it is checked. Default: no.
    pub check: Option<bool>,
    /// Time between two checks. Default: 2 s.
    pub inter: Option<Millis>,
    /// Time between two checks while the server goes up or down. Default: `inter`.
    pub fastinter: Option<Millis>,
    /// Time between two checks while the server is down. Default: `inter`.
    pub downinter: Option<Millis>,
    /// Checks in a row that must pass before a server that is down is up. Default: 2.
    pub rise: Option<u32>,
    /// Checks in a row that must fail before a server that is up is down. Default: 3.
    pub fall: Option<u32>,
    /// The port that is checked. Default: the server's.
    pub port: Option<u16>,
    /// The host that is checked. Default: the server's.
    pub host: Option<ServerHost>,
    /// Whether checks begin with the PROXY protocol header. Default: only where they go to the server's own address
    /// and the server has `send-proxy`.
    pub send_proxy: Option<bool>,
    /// Whether an agent is asked. Default: no.
    pub agent: Option<bool>,
    /// The agent's host. Default: the server's.
    pub agent_host: Option<ServerHost>,
    /// The agent's port; an agent needs one.
    pub agent_port: Option<u16>,
    /// Time between two questions to the agent. Default: 2 s.
    pub agent_inter: Option<Millis>,
    /// What the agent is sent first. Default: nothing.
    pub agent_send: Option<String>,
    /// Whether traffic counts as checks. Default: no.
    pub observe: Option<Observe>,
    /// What happens when traffic has failed too often. Default: a check counts as failed.
    pub on_error: Option<OnError>,
    /// Failures in a row that are too often. Default: 10.
    pub error_limit: Option<u32>,
    /// `on-marked-down shutdown-sessions`: whether sessions are cut when it goes down. Default: no.
    pub shutdown_sessions: Option<bool>,
    /// `on-marked-up shutdown-backup-sessions`: whether sessions of backup servers are cut when it comes up.
    /// Default: no.
    pub shutdown_backup_sessions: Option<bool>,
    /// The server whose state it takes over instead of being checked itself. Default: none.
    pub track: Option<Tracked>,
    /// How a checked server begins. Default: up, until the first check has failed.
    pub init_state: Option<InitState>,
}

/// What was asked by hand of a server's checks; files cannot say it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Paused {
    /// Checks rest.
    pub checks: bool,
    /// The agent is not asked.
    pub agent: bool,
}

/// A server that others follow (configuration manual 5.2 "track").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tracked {
    /// Its backend. Absent: the follower's own.
    pub backend: Option<Name>,
    /// Its name.
    pub server: Name,
}

/// Which traffic counts as checks (configuration manual 5.2 "observe").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Observe {
    /// Connections.
    Layer4,
    /// Connections and answers.
    Layer7,
}

/// What happens when observed traffic has failed too often (configuration manual 5.2 "on-error").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum OnError {
    /// The next check comes sooner.
    FastInter,
    /// A check counts as failed.
    FailCheck,
    /// One more failed check is enough.
    SuddenDeath,
    /// The server is down.
    MarkDown,
}

/// How a checked server begins (configuration manual 5.2 "init-state").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum InitState {
    /// Up; all of `fall` must fail.
    FullyUp,
    /// Up; one failed check is enough.
    Up,
    /// Down; one passed check is enough.
    Down,
    /// Down; all of `rise` must pass.
    FullyDown,
}

/// How the servers of a backend are checked. Absent fields come from the backend's defaults, then from the stated
/// default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendChecks {
    /// What a check does. Default: a connection is opened and closed.
    pub kind: Option<CheckKind>,
    /// The rules of HTTP checks, in order. Empty: those of the defaults.
    pub http_rules: Vec<CheckRule>,
    /// The rules of TCP checks, in order. Empty: those of the defaults.
    pub tcp_rules: Vec<CheckRule>,
    /// `http-check disable-on-404`: whether an answer 404 makes a server finish what it has. Default: no.
    pub disable_on_404: Option<bool>,
    /// `http-check send-state`: whether requests tell how the server stands. Default: no.
    pub send_state: Option<bool>,
    /// Longest time for a check once the connection is there. Default: the interval bounds the whole check.
    pub timeout: Option<Millis>,
    /// `option log-health-checks`: whether every change of a check's result is logged. Default: no.
    pub log: Option<bool>,
    /// The program of external checks.
    pub command: Option<String>,
    /// The `PATH` of that program.
    pub path: Option<String>,
}

/// What a check does (configuration manual 4.2, "option httpchk" and its kin).
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckKind {
    /// Goes through the TCP rules; without any it opens a connection and closes it.
    Tcp,
    /// Sends a request and goes through the HTTP rules.
    Http {
        /// Default: OPTIONS.
        method: Option<String>,
        /// Default: `/`.
        uri: Option<String>,
        /// Default: HTTP/1.0; header fields may follow, each after CR LF.
        version: Option<String>,
    },
    /// A TLS hello of version 3.0.
    SslHello,
    /// A mail server's greeting, and a farewell.
    Smtp {
        /// Whether EHLO is said instead of HELO.
        extended: bool,
        /// Who is said to speak.
        domain: String,
    },
    /// MySQL's greeting, and a login where a user is named.
    Mysql {
        /// The user that logs in without a password.
        user: Option<String>,
        /// Whether the login is that of versions before 4.1.
        old: bool,
    },
    /// PostgreSQL's answer to a login.
    Pgsql {
        /// The user.
        user: String,
    },
    /// Redis's answer to PING.
    Redis,
    /// LDAP's answer to an anonymous bind.
    Ldap,
    /// An SPOP agent's hello.
    Spop,
    /// A program.
    External,
}

/// A step of a check (configuration manual 4.2, "http-check" and "tcp-check").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckRule {
    /// Opens a connection.
    Connect(CheckConnect),
    /// Sends a request.
    Request(CheckRequest),
    /// Sends bytes.
    Send {
        /// The bytes.
        data: CheckBytes,
        /// Whether they are spelled in hexadecimal.
        binary: bool,
        /// What the step is called in reports.
        comment: Option<String>,
    },
    /// Looks at what came.
    Expect(CheckExpect),
    /// Gives a variable a value.
    SetVariable(Variable, CheckValue),
    /// Takes a variable's value away.
    UnsetVariable(Variable),
    /// Names the steps that follow.
    Comment(String),
}

/// A text of a step.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckText {
    /// As it stands.
    Plain(String),
    /// What samples make of it when the step is taken (configuration manual 8.2.6).
    Format(Format),
}

/// Bytes that a step sends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckBytes {
    /// As they stand.
    Plain(Vec<u8>),
    /// What samples make of a text when the step is taken.
    Format(Format),
}

/// What a step gives to a variable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckValue {
    /// The value of a sample.
    Sample(Sample),
    /// A text.
    Format(Format),
}

/// A connection of a check.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckConnect {
    /// Whether it is made as a check without rules would make it.
    pub default: bool,
    /// The port.
    pub port: Option<u16>,
    /// The host.
    pub host: Option<ServerHost>,
    /// Whether it begins with the PROXY protocol header.
    pub send_proxy: bool,
    /// Whether it is closed with a farewell instead of a reset.
    pub linger: bool,
    /// What the step is called in reports.
    pub comment: Option<String>,
}

/// A request of a check; absent parts are those of `option httpchk`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CheckRequest {
    /// The method.
    pub method: Option<String>,
    /// The target.
    pub uri: Option<CheckText>,
    /// The version.
    pub version: Option<String>,
    /// Header fields, in order.
    pub headers: Vec<(String, Format)>,
    /// The body.
    pub body: Option<CheckText>,
    /// What the step is called in reports.
    pub comment: Option<String>,
}

/// What must have come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckExpect {
    /// What is looked for.
    pub what: Expected,
    /// Whether it must not be there.
    pub inverse: bool,
    /// Bytes that must have come before anything is looked for, -1 for no bound. Default: none.
    pub minimum: Option<i32>,
    /// The status of a check that passed here.
    pub ok_status: Option<CheckStatus>,
    /// The status of a check that failed here.
    pub error_status: Option<CheckStatus>,
    /// The status of a check that ran out of time here.
    pub timeout_status: Option<CheckStatus>,
    /// What is reported of a check that passed here.
    pub on_success: Option<Format>,
    /// What is reported of a check that failed here.
    pub on_error: Option<Format>,
    /// The code that is reported of a check that was decided here.
    pub code: Option<Sample>,
    /// What the step is called in reports.
    pub comment: Option<String>,
}

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Expected {
    /// A status in one of these ranges, each from 100 to 999.
    Status(Vec<(u16, u16)>),
    /// A status that the regular expression matches.
    StatusPattern(String),
    /// A header field.
    Header {
        /// Whether a value is looked at as a whole instead of part by part between commas.
        full: bool,
        /// Its name.
        name: Matched,
        /// Its value. Absent: any.
        value: Option<Matched>,
    },
    /// A text: in the body of an answer, or in the bytes that came.
    Text(CheckText),
    /// What the regular expression matches: in the body of an answer, or in the bytes that came.
    Pattern(String),
    /// Bytes; a format gives their hexadecimal spelling.
    Bytes(CheckBytes),
    /// What the regular expression matches in the hexadecimal spelling of the bytes that came.
    BytesPattern(String),
}

/// A text and how it is compared.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Matched {
    /// How it is compared.
    pub method: MatchMethod,
    /// The text; a regular expression is never a format.
    pub text: CheckText,
}

/// How a text is compared (configuration manual 4.2 "http-check expect").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchMethod {
    /// All of it.
    Exact,
    /// Its beginning.
    Prefix,
    /// Its end.
    Suffix,
    /// A part of it.
    Part,
    /// By a regular expression.
    Pattern,
}

/// The status that a check's rule may choose (configuration manual 4.2 "http-check expect").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CheckStatus {
    /// Layer 7 is fine.
    L7Ok,
    /// Layer 7 is fine on conditions: no new traffic.
    L7Okc,
    /// Layer 6 is fine.
    L6Ok,
    /// Layer 4 is fine.
    L4Ok,
    /// An answer of layer 7 that is wrong.
    L7Rsp,
    /// A status of layer 7 that is wrong.
    L7Sts,
    /// An answer of layer 6 that is wrong.
    L6Rsp,
    /// A connection of layer 4 that failed.
    L4Con,
    /// Layer 7 took too long.
    L7Tout,
    /// Layer 6 took too long.
    L6Tout,
    /// Layer 4 took too long.
    L4Tout,
}

/// Checks of the whole process (configuration manual 3).
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GlobalChecks {
    /// Percent of the interval by which checks are moved at random, 0 to 50. Default: 0.
    pub spread: Option<u32>,
    /// Longest time over which the first checks are spread. Default: no bound but the interval.
    pub max_spread: Option<Millis>,
    /// Whether programs may be started for checks. Default: no.
    pub external: Option<ExternalChecks>,
}

/// How programs are started for checks (configuration manual 3.1 "external-check").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ExternalChecks {
    /// With an environment of their own.
    CleanEnvironment,
    /// With the environment of the process.
    WholeEnvironment,
}

impl CheckStatus {
    /// Those of checks that passed.
    pub const PASSED: [CheckStatus; 4] =
        [CheckStatus::L7Ok, CheckStatus::L7Okc, CheckStatus::L6Ok, CheckStatus::L4Ok];
    /// Those of checks that failed.
    pub const FAILED: [CheckStatus; 4] =
        [CheckStatus::L7Rsp, CheckStatus::L7Sts, CheckStatus::L6Rsp, CheckStatus::L4Con];
    /// Those of checks that took too long.
    pub const LATE: [CheckStatus; 3] = [CheckStatus::L7Tout, CheckStatus::L6Tout, CheckStatus::L4Tout];

    /// How it is spelled.
    pub fn word(self) -> &'static str {
        match self {
            CheckStatus::L7Ok => "L7OK",
            CheckStatus::L7Okc => "L7OKC",
            CheckStatus::L6Ok => "L6OK",
            CheckStatus::L4Ok => "L4OK",
            CheckStatus::L7Rsp => "L7RSP",
            CheckStatus::L7Sts => "L7STS",
            CheckStatus::L6Rsp => "L6RSP",
            CheckStatus::L4Con => "L4CON",
            CheckStatus::L7Tout => "L7TOUT",
            CheckStatus::L6Tout => "L6TOUT",
            CheckStatus::L4Tout => "L4TOUT",
        }
    }
}

impl BackendChecks {
    /// Every sample of the rules.
    pub fn samples(&self) -> Vec<&Sample> {
        let mut samples = Vec::new();
        for rule in self.http_rules.iter().chain(&self.tcp_rules) {
            let mut formats: Vec<&Format> = Vec::new();
            match rule {
                CheckRule::SetVariable(_, CheckValue::Sample(sample)) => samples.push(sample),
                CheckRule::SetVariable(_, CheckValue::Format(format)) => formats.push(format),
                CheckRule::Request(request) => {
                    formats.extend(request.headers.iter().map(|(_, format)| format));
                    formats.extend(
                        [&request.uri, &request.body].into_iter().flatten().filter_map(CheckText::format),
                    );
                }
                CheckRule::Send { data, .. } => formats.extend(data.format()),
                CheckRule::Expect(expect) => {
                    samples.extend(&expect.code);
                    formats.extend([&expect.on_success, &expect.on_error].into_iter().flatten());
                    match &expect.what {
                        Expected::Text(text) => formats.extend(text.format()),
                        Expected::Bytes(bytes) => formats.extend(bytes.format()),
                        Expected::Header { name, value, .. } => {
                            let matched = std::iter::once(name).chain(value);
                            formats.extend(matched.filter_map(|matched| matched.text.format()));
                        }
                        Expected::Status(_)
                        | Expected::StatusPattern(_)
                        | Expected::Pattern(_)
                        | Expected::BytesPattern(_) => {}
                    }
                }
                CheckRule::Connect(_) | CheckRule::UnsetVariable(_) | CheckRule::Comment(_) => {}
            }
            samples.extend(formats.into_iter().flat_map(Format::samples));
        }
        samples
    }
}

impl CheckText {
    /// The format, where it is one.
    pub fn format(&self) -> Option<&Format> {
        match self {
            CheckText::Plain(_) => None,
            CheckText::Format(format) => Some(format),
        }
    }
}

impl CheckBytes {
    /// The format, where it is one.
    pub fn format(&self) -> Option<&Format> {
        match self {
            CheckBytes::Plain(_) => None,
            CheckBytes::Format(format) => Some(format),
        }
    }
}

impl Default for CheckExpect {
    /// An answer that is not an error.
    fn default() -> CheckExpect {
        CheckExpect {
            what: Expected::Status(vec![(200, 399)]),
            inverse: false,
            minimum: None,
            ok_status: None,
            error_status: None,
            timeout_status: None,
            on_success: None,
            on_error: None,
            code: None,
            comment: None,
        }
    }
}
