//! What a check is made of: steps, compiled from a backend's settings.

use std::borrow::Cow;

use regate_proto::model::{
    BackendChecks, CheckBytes, CheckConnect, CheckExpect, CheckKind, CheckRule, CheckText, CheckValue,
    Expected, MatchMethod, Matched,
};
use regate_proto::rules::{Format, Variable};
use regex::bytes::{Regex, RegexBuilder};

use super::protocol::{self, Look};
use super::voice::{Came, Voice};
use crate::snapshot::{FormatPlan, SamplePlan};

/// What a check does.
#[derive(Debug)]
pub struct Script {
    pub(super) steps: Vec<Step>,
    /// What kind it is, for what is reported.
    pub(super) family: Family,
    /// `http-check disable-on-404`.
    pub(super) disable_on_404: bool,
    /// `http-check send-state`.
    pub(super) send_state: bool,
    /// The program of an external check.
    program: Option<Program>,
}

/// The program of an external check.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Program {
    /// Its file.
    pub command: String,
    /// Where it finds others.
    pub path: Option<String>,
    /// Whether it gets the environment of the process.
    pub whole_environment: bool,
}

/// What is reported of steps that fail depends on the family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Family {
    /// A connection alone.
    Plain,
    /// `tcp-check` rules.
    Tcp,
    /// `http-check` rules.
    Http,
    /// One of the protocols that are built in.
    Protocol,
}

/// One step; `number` is its place among the rules of the configuration, 0 for one that nobody wrote.
#[derive(Debug)]
pub(super) struct Step {
    pub(super) action: Action,
    pub(super) number: usize,
    /// The comment in force.
    pub(super) comment: Option<String>,
}

#[derive(Debug)]
pub(super) enum Action {
    Connect(CheckConnect),
    Send(Vec<u8>),
    /// Sends what samples make of a text, and whether that spells bytes in hexadecimal.
    Say(Said, bool),
    Request(Request),
    Expect(Box<Expectation>),
    /// Gives a variable a value, or takes it away.
    Set(Variable, Option<ValuePlan>),
    /// The protocol's own look at what came.
    Look(fn(&[u8], bool) -> Look),
}

/// A request, but for what only the moment of sending knows.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) method: String,
    pub(super) uri: Said,
    pub(super) version: String,
    pub(super) headers: Vec<(String, Said)>,
    pub(super) body: Option<Said>,
    /// Whether the version has persistent connections, which a check has no use for.
    pub(super) closes: bool,
}

/// What must have come, ready to be compared.
#[derive(Debug)]
pub(super) struct Expectation {
    pub(super) rule: CheckExpect,
    pub(super) what: Sought,
    pub(super) on_success: Option<Said>,
    pub(super) on_error: Option<Said>,
    pub(super) code: Option<SamplePlan>,
}

/// What is looked for, ready to be compared.
#[derive(Debug)]
pub(super) enum Sought {
    Status(Vec<(u16, u16)>),
    StatusPattern(Regex),
    Header { full: bool, name: Comparison, value: Option<Comparison> },
    Text(Said),
    Pattern(Regex),
    Bytes(Said),
    BytesPattern(Regex),
}

/// A text and how it is compared.
#[derive(Debug)]
pub(super) enum Comparison {
    Text(MatchMethod, Said),
    Pattern(Regex),
}

/// A text as it stands, or one that samples make when it is said.
#[derive(Clone, Debug)]
pub(super) enum Said {
    Plain(Vec<u8>),
    Format(Box<FormatPlan>),
}

/// What a variable is given.
#[derive(Debug)]
pub enum ValuePlan {
    /// The value of a sample.
    Sample(SamplePlan),
    /// A text.
    Text(FormatPlan),
}

impl Said {
    fn plain(text: impl Into<Vec<u8>>) -> Said {
        Said::Plain(text.into())
    }

    fn of_text(text: &CheckText) -> Result<Said, String> {
        match text {
            CheckText::Plain(text) => Ok(Said::plain(text.as_str())),
            CheckText::Format(format) => Said::of_format(format),
        }
    }

    fn of_format(format: &Format) -> Result<Said, String> {
        let plan = FormatPlan::compile(format)?;
        Ok(plan.constant().map_or_else(|| Said::Format(Box::new(plan)), Said::Plain))
    }

    /// What is said now.
    pub(super) fn say(&self, voice: &dyn Voice, came: Came<'_>) -> Cow<'_, [u8]> {
        match self {
            Said::Plain(bytes) => Cow::Borrowed(bytes),
            Said::Format(format) => Cow::Owned(voice.text(format, came)),
        }
    }
}

impl Script {
    /// A check that opens a connection and closes it.
    pub fn plain() -> Script {
        Script {
            steps: vec![implicit(Action::Connect(CheckConnect { default: true, ..CheckConnect::default() }))],
            family: Family::Plain,
            disable_on_404: false,
            send_state: false,
            program: None,
        }
    }

    /// The check that these settings ask for; says what is wrong with them.
    ///
    /// `external` tells whether programs may be started, and whether with the environment of the process.
    pub fn compile(checks: &BackendChecks, external: Option<bool>) -> Result<Script, String> {
        let mut script = Script::plain();
        script.disable_on_404 = checks.disable_on_404 == Some(true);
        script.send_state = checks.send_state == Some(true);
        let send = |bytes: Vec<u8>| implicit(Action::Send(bytes));
        let look = |look: fn(&[u8], bool) -> Look| implicit(Action::Look(look));
        let protocol: Vec<Step> = match &checks.kind {
            None => return Ok(script),
            Some(CheckKind::Tcp) => {
                if !checks.tcp_rules.is_empty() {
                    script.family = Family::Tcp;
                    script.steps = rules(&checks.tcp_rules, None)?;
                }
                return Ok(script);
            }
            Some(CheckKind::Http { method, uri, version }) => {
                script.family = Family::Http;
                let base = base(method.as_deref(), uri.as_deref(), version.as_deref());
                script.steps = rules(&checks.http_rules, Some(&base))?;
                return Ok(script);
            }
            Some(CheckKind::External) => {
                let whole_environment = external.ok_or("'external-check' is expected in 'global'")?;
                let command =
                    checks.command.clone().ok_or("'external-check command' is expected with this kind")?;
                script.program = Some(Program { command, path: checks.path.clone(), whole_environment });
                return Ok(script);
            }
            Some(CheckKind::SslHello) => vec![send(protocol::ssl_hello()), look(protocol::look_at_ssl)],
            Some(CheckKind::Smtp { extended, domain }) => {
                let word = if *extended { "EHLO" } else { "HELO" };
                vec![
                    look(protocol::look_at_smtp_greeting),
                    send(format!("{word} {domain}\r\n").into_bytes()),
                    look(protocol::look_at_smtp_hello),
                    send(b"QUIT\r\n".to_vec()),
                    look(protocol::look_at_smtp_farewell),
                ]
            }
            Some(CheckKind::Mysql { user: None, .. }) => vec![look(protocol::look_at_mysql_greeting)],
            Some(CheckKind::Mysql { user: Some(user), old }) => vec![
                look(protocol::look_at_mysql_hello),
                send(protocol::mysql_login(user, *old)),
                look(protocol::look_at_mysql_login),
            ],
            Some(CheckKind::Pgsql { user }) => {
                vec![send(protocol::pgsql_startup(user)), look(protocol::look_at_pgsql)]
            }
            Some(CheckKind::Redis) => {
                vec![send(b"*1\r\n$4\r\nPING\r\n".to_vec()), look(protocol::look_at_redis)]
            }
            Some(CheckKind::Ldap) => vec![send(protocol::ldap_bind()), look(protocol::look_at_ldap)],
            Some(CheckKind::Spop) => vec![send(protocol::spop_hello()), look(protocol::look_at_spop)],
        };
        script.family = Family::Protocol;
        script.steps.extend(protocol);
        Ok(script)
    }

    /// The program that is the check, where it is one.
    pub fn program(&self) -> Option<&Program> {
        self.program.as_ref()
    }

    /// Whether requests tell how the server stands.
    pub fn sends_state(&self) -> bool {
        self.send_state
    }

    /// Whether the first connection has a port of its own.
    pub fn names_port(&self) -> bool {
        let mut connects = self.steps.iter().filter_map(|step| match &step.action {
            Action::Connect(connect) => Some(connect),
            _ => None,
        });
        connects.next().is_some_and(|connect| connect.port.is_some())
    }
}

/// What `option httpchk` says of every request.
struct Base {
    method: String,
    uri: Option<Said>,
    version: String,
    headers: Vec<(String, Said)>,
}

fn base(method: Option<&str>, uri: Option<&str>, version: Option<&str>) -> Base {
    let mut lines = version.unwrap_or("HTTP/1.0").split("\r\n");
    Base {
        method: method.unwrap_or("OPTIONS").to_owned(),
        uri: Some(Said::plain(uri.unwrap_or("/"))),
        version: lines.next().unwrap_or_default().to_owned(),
        headers: lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.trim().to_owned(), Said::plain(value.trim())))
            .collect(),
    }
}

fn implicit(action: Action) -> Step {
    Step { action, number: 0, comment: None }
}

/// The steps of rules; with a base, HTTP's, which send a request and expect an answer where no rule does.
fn rules(rules: &[CheckRule], base: Option<&Base>) -> Result<Vec<Step>, String> {
    let mut steps = Vec::new();
    let mut comment: Option<String> = None;
    for (number, rule) in (1..).zip(rules) {
        let (action, own) = match rule {
            CheckRule::Comment(text) => {
                comment = Some(text.clone());
                continue;
            }
            CheckRule::Connect(connect) => (Action::Connect(connect.clone()), connect.comment.clone()),
            CheckRule::Send { data: CheckBytes::Plain(data), comment, .. } => {
                (Action::Send(data.clone()), comment.clone())
            }
            CheckRule::Send { data: CheckBytes::Format(format), binary, comment } => {
                (Action::Say(Said::of_format(format)?, *binary), comment.clone())
            }
            CheckRule::Request(own) => {
                let field = |(name, value): &(String, Format)| Ok((name.clone(), Said::of_format(value)?));
                let said = Base {
                    method: own.method.clone().unwrap_or_default(),
                    uri: own.uri.as_ref().map(Said::of_text).transpose()?,
                    version: own.version.clone().unwrap_or_default(),
                    headers: own.headers.iter().map(field).collect::<Result<_, String>>()?,
                };
                let body = own.body.as_ref().map(Said::of_text).transpose()?;
                (Action::Request(request(&said, base, body)), own.comment.clone())
            }
            CheckRule::SetVariable(variable, value) => {
                let value = match value {
                    CheckValue::Sample(sample) => ValuePlan::Sample(SamplePlan::compile(sample)?),
                    CheckValue::Format(format) => ValuePlan::Text(FormatPlan::compile(format)?),
                };
                (Action::Set(variable.clone(), Some(value)), None)
            }
            CheckRule::UnsetVariable(variable) => (Action::Set(variable.clone(), None), None),
            CheckRule::Expect(expect) => {
                (Action::Expect(Box::new(expectation(expect)?)), expect.comment.clone())
            }
        };
        steps.push(Step { action, number, comment: own.or_else(|| comment.clone()) });
    }
    let Some(base) = base else {
        let begins = steps.iter().find(|step| !is_set(step));
        if !matches!(begins, Some(Step { action: Action::Connect(_), .. })) {
            let connect = CheckConnect { default: true, ..CheckConnect::default() };
            steps.insert(0, implicit(Action::Connect(connect)));
        }
        return Ok(steps);
    };
    let is_connect = |step: &Step| matches!(step.action, Action::Connect(_));
    let goes_before = |step: &Step| is_connect(step) || is_set(step);
    let is_request = |step: &Step| matches!(step.action, Action::Request(_));
    if !steps.iter().any(is_request) {
        let at = steps.iter().position(|step| !goes_before(step)).unwrap_or(steps.len());
        let nothing = Base { method: String::new(), uri: None, version: String::new(), headers: Vec::new() };
        steps.insert(at, implicit(Action::Request(request(&nothing, Some(base), None))));
    }
    if !steps.iter().find(|step| !is_set(step)).is_some_and(is_connect) {
        let connect = CheckConnect { default: true, ..CheckConnect::default() };
        steps.insert(0, implicit(Action::Connect(connect)));
    }
    if !steps.iter().any(|step| matches!(step.action, Action::Expect(_))) {
        let fine = expectation(&CheckExpect::default())?;
        steps.push(implicit(Action::Expect(Box::new(fine))));
    }
    Ok(steps)
}

/// Whether the step changes a variable alone, which it may before there is a connection.
fn is_set(step: &Step) -> bool {
    matches!(step.action, Action::Set(..))
}

fn request(own: &Base, base: Option<&Base>, body: Option<Said>) -> Request {
    let pick = |own: &str, of: fn(&Base) -> &String, default: &str| match (own, base) {
        ("", Some(base)) => of(base).clone(),
        ("", None) => default.to_owned(),
        (own, _) => own.to_owned(),
    };
    let method = pick(&own.method, |base| &base.method, "OPTIONS");
    let uri = own.uri.clone().or_else(|| base?.uri.clone()).unwrap_or_else(|| Said::plain("/"));
    let version = pick(&own.version, |base| &base.version, "HTTP/1.0");
    let inherited = base.map(|base| base.headers.as_slice()).unwrap_or_default();
    let headers = inherited
        .iter()
        .chain(&own.headers)
        .filter(|(name, _)| {
            !["connection", "content-length", "transfer-encoding"]
                .iter()
                .any(|mine| name.eq_ignore_ascii_case(mine))
        })
        .map(|(name, value)| (name.to_ascii_lowercase(), value.clone()))
        .collect();
    let closes = version.eq_ignore_ascii_case("HTTP/1.1");
    Request { method, uri, version, headers, body, closes }
}

fn expectation(rule: &CheckExpect) -> Result<Expectation, String> {
    let what = match &rule.what {
        Expected::Status(ranges) => Sought::Status(ranges.clone()),
        Expected::StatusPattern(text) => Sought::StatusPattern(pattern(text)?),
        Expected::Header { full, name, value } => Sought::Header {
            full: *full,
            name: comparison(name)?,
            value: value.as_ref().map(comparison).transpose()?,
        },
        Expected::Text(text) => Sought::Text(Said::of_text(text)?),
        Expected::Pattern(text) => Sought::Pattern(pattern(text)?),
        Expected::Bytes(CheckBytes::Plain(bytes)) => Sought::Bytes(Said::plain(bytes.as_slice())),
        Expected::Bytes(CheckBytes::Format(format)) => Sought::Bytes(Said::of_format(format)?),
        Expected::BytesPattern(text) => Sought::BytesPattern(pattern(text)?),
    };
    Ok(Expectation {
        what,
        on_success: rule.on_success.as_ref().map(Said::of_format).transpose()?,
        on_error: rule.on_error.as_ref().map(Said::of_format).transpose()?,
        code: rule.code.as_ref().map(SamplePlan::compile).transpose()?,
        rule: rule.clone(),
    })
}

fn comparison(matched: &Matched) -> Result<Comparison, String> {
    Ok(match (&matched.method, &matched.text) {
        (MatchMethod::Pattern, CheckText::Plain(text)) => Comparison::Pattern(pattern(text)?),
        (method, text) => Comparison::Text(*method, Said::of_text(text)?),
    })
}

fn pattern(text: &str) -> Result<Regex, String> {
    let built = RegexBuilder::new(text).unicode(false).size_limit(LARGEST_PATTERN).build();
    built.map_err(|error| format!("'{text}' is no regular expression: {error}"))
}

/// Bytes that a compiled regular expression may take.
const LARGEST_PATTERN: usize = 1 << 20;
