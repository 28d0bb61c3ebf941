//! How servers are checked.

use super::{choice, field, v1};
use crate::model::{
    BackendChecks, CheckBytes, CheckConnect, CheckExpect, CheckKind, CheckRequest, CheckRule, CheckText,
    CheckValue, Expected, GlobalChecks, MatchMethod, Matched, Paused, ServerChecks, Tracked,
};
use crate::problem::Problem;
use crate::rules::{Checkpoint, Format, Mistake, Sample, Variable};

impl From<&ServerChecks> for v1::ServerChecks {
    fn from(checks: &ServerChecks) -> Self {
        v1::ServerChecks {
            check: checks.check,
            inter_ms: checks.inter.map(|span| span.get()),
            fastinter_ms: checks.fastinter.map(|span| span.get()),
            downinter_ms: checks.downinter.map(|span| span.get()),
            rise: checks.rise,
            fall: checks.fall,
            port: checks.port.map(u32::from),
            host: checks.host.as_ref().map(Into::into),
            send_proxy: checks.send_proxy,
            agent: checks.agent,
            agent_host: checks.agent_host.as_ref().map(Into::into),
            agent_port: checks.agent_port.map(u32::from),
            agent_inter_ms: checks.agent_inter.map(|span| span.get()),
            agent_send: checks.agent_send.clone(),
            observe: choice::number(checks.observe),
            on_error: choice::number(checks.on_error),
            error_limit: checks.error_limit,
            shutdown_sessions: checks.shutdown_sessions,
            shutdown_backup_sessions: checks.shutdown_backup_sessions,
            track: checks.track.as_ref().map(Into::into),
            init_state: choice::number(checks.init_state),
        }
    }
}

impl TryFrom<v1::ServerChecks> for ServerChecks {
    type Error = Problem;

    fn try_from(checks: v1::ServerChecks) -> Result<Self, Problem> {
        Ok(ServerChecks {
            check: checks.check,
            inter: field::millis("inter_ms", checks.inter_ms)?,
            fastinter: field::millis("fastinter_ms", checks.fastinter_ms)?,
            downinter: field::millis("downinter_ms", checks.downinter_ms)?,
            rise: counted("rise", checks.rise)?,
            fall: counted("fall", checks.fall)?,
            port: port("port", checks.port)?,
            host: field::optional("host", checks.host)?,
            send_proxy: checks.send_proxy,
            agent: checks.agent,
            agent_host: field::optional("agent_host", checks.agent_host)?,
            agent_port: port("agent_port", checks.agent_port)?,
            agent_inter: field::millis("agent_inter_ms", checks.agent_inter_ms)?,
            agent_send: checks.agent_send,
            observe: field::choice("observe", checks.observe)?,
            on_error: field::choice("on_error", checks.on_error)?,
            error_limit: counted("error_limit", checks.error_limit)?,
            shutdown_sessions: checks.shutdown_sessions,
            shutdown_backup_sessions: checks.shutdown_backup_sessions,
            track: field::optional("track", checks.track)?,
            init_state: field::choice("init_state", checks.init_state)?,
        })
    }
}

impl From<&Paused> for v1::PausedChecks {
    fn from(paused: &Paused) -> Self {
        v1::PausedChecks { checks: paused.checks, agent: paused.agent }
    }
}

impl TryFrom<v1::PausedChecks> for Paused {
    type Error = Problem;

    fn try_from(paused: v1::PausedChecks) -> Result<Self, Problem> {
        Ok(Paused { checks: paused.checks, agent: paused.agent })
    }
}

impl From<&Tracked> for v1::TrackedServer {
    fn from(track: &Tracked) -> Self {
        v1::TrackedServer {
            backend: track.backend.as_ref().map(ToString::to_string),
            server: track.server.to_string(),
        }
    }
}

impl TryFrom<v1::TrackedServer> for Tracked {
    type Error = Problem;

    fn try_from(track: v1::TrackedServer) -> Result<Self, Problem> {
        Ok(Tracked {
            backend: field::optional_name("backend", track.backend)?,
            server: field::name("server", &track.server)?,
        })
    }
}

impl From<&BackendChecks> for v1::BackendChecks {
    fn from(checks: &BackendChecks) -> Self {
        v1::BackendChecks {
            kind: checks.kind.as_ref().map(Into::into),
            http_rules: checks.http_rules.iter().map(Into::into).collect(),
            tcp_rules: checks.tcp_rules.iter().map(Into::into).collect(),
            disable_on_404: checks.disable_on_404,
            send_state: checks.send_state,
            timeout_ms: checks.timeout.map(|span| span.get()),
            log: checks.log,
            command: checks.command.clone(),
            path: checks.path.clone(),
        }
    }
}

impl TryFrom<v1::BackendChecks> for BackendChecks {
    type Error = Problem;

    fn try_from(checks: v1::BackendChecks) -> Result<Self, Problem> {
        Ok(BackendChecks {
            kind: field::optional("kind", checks.kind)?,
            http_rules: field::list("http_rules", checks.http_rules)?,
            tcp_rules: field::list("tcp_rules", checks.tcp_rules)?,
            disable_on_404: checks.disable_on_404,
            send_state: checks.send_state,
            timeout: field::millis("timeout_ms", checks.timeout_ms)?,
            log: checks.log,
            command: checks.command,
            path: checks.path,
        })
    }
}

impl From<&CheckKind> for v1::CheckKind {
    fn from(kind: &CheckKind) -> Self {
        use v1::check_kind::Kind;
        let kind = match kind {
            CheckKind::Tcp => Kind::Tcp(v1::TcpCheck {}),
            CheckKind::Http { method, uri, version } => Kind::Http(v1::HttpCheck {
                method: method.clone(),
                uri: uri.clone(),
                version: version.clone(),
            }),
            CheckKind::SslHello => Kind::SslHello(v1::SslHelloCheck {}),
            CheckKind::Smtp { extended, domain } => {
                Kind::Smtp(v1::SmtpCheck { extended: *extended, domain: domain.clone() })
            }
            CheckKind::Mysql { user, old } => Kind::Mysql(v1::MysqlCheck { user: user.clone(), old: *old }),
            CheckKind::Pgsql { user } => Kind::Pgsql(v1::PgsqlCheck { user: user.clone() }),
            CheckKind::Redis => Kind::Redis(v1::RedisCheck {}),
            CheckKind::Ldap => Kind::Ldap(v1::LdapCheck {}),
            CheckKind::Spop => Kind::Spop(v1::SpopCheck {}),
            CheckKind::External => Kind::External(v1::ExternalCheck {}),
        };
        v1::CheckKind { kind: Some(kind) }
    }
}

impl TryFrom<v1::CheckKind> for CheckKind {
    type Error = Problem;

    fn try_from(kind: v1::CheckKind) -> Result<Self, Problem> {
        use v1::check_kind::Kind;
        Ok(match kind.kind.ok_or_else(|| field::missing("kind", "one of tcp, http and the others"))? {
            Kind::Tcp(v1::TcpCheck {}) => CheckKind::Tcp,
            Kind::Http(v1::HttpCheck { method, uri, version }) => CheckKind::Http { method, uri, version },
            Kind::SslHello(v1::SslHelloCheck {}) => CheckKind::SslHello,
            Kind::Smtp(v1::SmtpCheck { extended, domain }) => {
                CheckKind::Smtp { extended, domain: field::text("smtp.domain", domain)? }
            }
            Kind::Mysql(v1::MysqlCheck { user, old }) => CheckKind::Mysql { user, old },
            Kind::Pgsql(v1::PgsqlCheck { user }) => {
                CheckKind::Pgsql { user: field::text("pgsql.user", user)? }
            }
            Kind::Redis(v1::RedisCheck {}) => CheckKind::Redis,
            Kind::Ldap(v1::LdapCheck {}) => CheckKind::Ldap,
            Kind::Spop(v1::SpopCheck {}) => CheckKind::Spop,
            Kind::External(v1::ExternalCheck {}) => CheckKind::External,
        })
    }
}

impl From<&CheckRule> for v1::CheckRule {
    fn from(rule: &CheckRule) -> Self {
        use v1::check_rule::Rule;
        let rule = match rule {
            CheckRule::Connect(connect) => Rule::Connect(v1::CheckConnect {
                default: connect.default,
                port: connect.port.map(u32::from),
                host: connect.host.as_ref().map(Into::into),
                send_proxy: connect.send_proxy,
                linger: connect.linger,
                comment: connect.comment.clone(),
            }),
            CheckRule::Request(request) => Rule::Request(v1::CheckRequest {
                method: request.method.clone(),
                uri: request.uri.as_ref().and_then(plain),
                version: request.version.clone(),
                headers: request
                    .headers
                    .iter()
                    .map(|(name, value)| v1::CheckHeader { name: name.clone(), value: value.to_string() })
                    .collect(),
                body: request.body.as_ref().and_then(plain),
                comment: request.comment.clone(),
                uri_format: request.uri.as_ref().and_then(formatted),
                body_format: request.body.as_ref().and_then(formatted),
            }),
            CheckRule::Send { data, binary, comment } => {
                let (data, format) = match data {
                    CheckBytes::Plain(data) => (data.clone(), None),
                    CheckBytes::Format(format) => (Vec::new(), Some(format.to_string())),
                };
                Rule::Send(v1::CheckSend { data, binary: *binary, comment: comment.clone(), format })
            }
            CheckRule::Expect(expect) => Rule::Expect(expect.into()),
            CheckRule::SetVariable(variable, value) => Rule::SetVariable(v1::CheckVariable {
                variable: variable.to_string(),
                value: Some(match value {
                    CheckValue::Sample(sample) => v1::check_variable::Value::Sample(sample.to_string()),
                    CheckValue::Format(format) => v1::check_variable::Value::Format(format.to_string()),
                }),
            }),
            CheckRule::UnsetVariable(variable) => Rule::UnsetVariable(variable.to_string()),
            CheckRule::Comment(text) => Rule::Comment(text.clone()),
        };
        v1::CheckRule { rule: Some(rule) }
    }
}

impl TryFrom<v1::CheckRule> for CheckRule {
    type Error = Problem;

    fn try_from(rule: v1::CheckRule) -> Result<Self, Problem> {
        use v1::check_rule::Rule;
        let expected = "one of connect, request, send, expect, comment, set_variable and unset_variable";
        Ok(match rule.rule.ok_or_else(|| field::missing("rule", expected))? {
            Rule::Connect(connect) => CheckRule::Connect(CheckConnect {
                default: connect.default,
                port: port("connect.port", connect.port)?,
                host: field::optional("connect.host", connect.host)?,
                send_proxy: connect.send_proxy,
                linger: connect.linger,
                comment: connect.comment,
            }),
            Rule::Request(request) => CheckRule::Request(CheckRequest {
                method: request.method,
                uri: check_text("request.uri", request.uri, request.uri_format)?,
                version: request.version,
                headers: request
                    .headers
                    .into_iter()
                    .map(|header| {
                        let name = field::text("request.headers.name", header.name)?;
                        Ok((name, format("request.headers.value", &header.value)?))
                    })
                    .collect::<Result<_, Problem>>()?,
                body: check_text("request.body", request.body, request.body_format)?,
                comment: request.comment,
            }),
            Rule::Send(v1::CheckSend { data, binary, comment, format: None }) => {
                if !binary && std::str::from_utf8(&data).is_err() {
                    return Err(field::malformed("send.data", "it is no text: binary is expected with it"));
                }
                CheckRule::Send { data: CheckBytes::Plain(data), binary, comment }
            }
            Rule::Send(v1::CheckSend { data, binary, comment, format: Some(text) }) => {
                if !data.is_empty() {
                    return Err(field::malformed("send.format", "data is set beside it: one is expected"));
                }
                let data = CheckBytes::Format(format("send.format", &text)?);
                CheckRule::Send { data, binary, comment }
            }
            Rule::SetVariable(set) => {
                use v1::check_variable::Value;
                let variable = variable("set_variable.variable", &set.variable)?;
                let missing = || field::missing("set_variable.value", "one of sample and format");
                CheckRule::SetVariable(
                    variable,
                    match set.value.ok_or_else(missing)? {
                        Value::Sample(text) => CheckValue::Sample(sample("set_variable.sample", &text)?),
                        Value::Format(text) => CheckValue::Format(format("set_variable.format", &text)?),
                    },
                )
            }
            Rule::UnsetVariable(text) => CheckRule::UnsetVariable(variable("unset_variable", &text)?),
            Rule::Expect(expect) => CheckRule::Expect(field::within("expect", expect.try_into())?),
            Rule::Comment(text) => CheckRule::Comment(text),
        })
    }
}

impl From<&CheckExpect> for v1::CheckExpect {
    fn from(expect: &CheckExpect) -> Self {
        use v1::check_expect::What;
        let what = match &expect.what {
            Expected::Status(ranges) => What::Status(v1::ExpectStatus {
                ranges: ranges
                    .iter()
                    .map(|(first, last)| v1::StatusRange { first: u32::from(*first), last: u32::from(*last) })
                    .collect(),
            }),
            Expected::StatusPattern(pattern) => What::StatusPattern(pattern.clone()),
            Expected::Header { full, name, value } => What::Header(v1::ExpectHeader {
                full: *full,
                name: Some(name.into()),
                value: value.as_ref().map(Into::into),
            }),
            Expected::Text(CheckText::Plain(text)) => What::Text(text.clone()),
            Expected::Text(CheckText::Format(format)) => What::TextFormat(format.to_string()),
            Expected::Pattern(pattern) => What::Pattern(pattern.clone()),
            Expected::Bytes(CheckBytes::Plain(bytes)) => What::Data(bytes.clone()),
            Expected::Bytes(CheckBytes::Format(format)) => What::DataFormat(format.to_string()),
            Expected::BytesPattern(pattern) => What::DataPattern(pattern.clone()),
        };
        v1::CheckExpect {
            what: Some(what),
            inverse: expect.inverse,
            minimum: expect.minimum,
            ok_status: choice::number(expect.ok_status),
            error_status: choice::number(expect.error_status),
            timeout_status: choice::number(expect.timeout_status),
            on_success: expect.on_success.as_ref().map(ToString::to_string),
            on_error: expect.on_error.as_ref().map(ToString::to_string),
            code: expect.code.as_ref().map(ToString::to_string),
            comment: expect.comment.clone(),
        }
    }
}

impl TryFrom<v1::CheckExpect> for CheckExpect {
    type Error = Problem;

    fn try_from(expect: v1::CheckExpect) -> Result<Self, Problem> {
        use v1::check_expect::What;
        let what = match expect
            .what
            .ok_or_else(|| field::missing("what", "one of status, text and others"))?
        {
            What::Status(v1::ExpectStatus { ranges }) => {
                if ranges.is_empty() {
                    return Err(field::missing("status.ranges", "a range"));
                }
                Expected::Status(ranges.into_iter().map(range).collect::<Result<_, Problem>>()?)
            }
            What::StatusPattern(pattern) => Expected::StatusPattern(field::text("status_pattern", pattern)?),
            What::Header(header) => Expected::Header {
                full: header.full,
                name: field::required("header.name", header.name)?,
                value: field::optional("header.value", header.value)?,
            },
            What::Text(text) => Expected::Text(CheckText::Plain(field::text("text", text)?)),
            What::TextFormat(text) => Expected::Text(CheckText::Format(format("text_format", &text)?)),
            What::Pattern(pattern) => Expected::Pattern(field::text("pattern", pattern)?),
            What::Data(bytes) => Expected::Bytes(CheckBytes::Plain(bytes)),
            What::DataFormat(text) => Expected::Bytes(CheckBytes::Format(format("data_format", &text)?)),
            What::DataPattern(pattern) => Expected::BytesPattern(field::text("data_pattern", pattern)?),
        };
        Ok(CheckExpect {
            what,
            inverse: expect.inverse,
            minimum: expect.minimum,
            ok_status: field::choice("ok_status", expect.ok_status)?,
            error_status: field::choice("error_status", expect.error_status)?,
            timeout_status: field::choice("timeout_status", expect.timeout_status)?,
            on_success: expect.on_success.map(|text| format("on_success", &text)).transpose()?,
            on_error: expect.on_error.map(|text| format("on_error", &text)).transpose()?,
            code: expect.code.map(|text| sample("code", &text)).transpose()?,
            comment: expect.comment,
        })
    }
}

impl From<&Matched> for v1::MatchedText {
    fn from(matched: &Matched) -> Self {
        v1::MatchedText {
            method: choice::number(Some(matched.method)),
            text: plain(&matched.text).unwrap_or_default(),
            format: formatted(&matched.text),
        }
    }
}

impl TryFrom<v1::MatchedText> for Matched {
    type Error = Problem;

    fn try_from(matched: v1::MatchedText) -> Result<Self, Problem> {
        let method = field::required_choice("method", matched.method)?;
        let text = match matched.format {
            None => CheckText::Plain(matched.text),
            Some(_) if method == MatchMethod::Pattern => {
                return Err(field::malformed("format", "a regular expression is no format"));
            }
            Some(_) if !matched.text.is_empty() => {
                return Err(field::malformed("format", "text is set beside it: one is expected"));
            }
            Some(text) => CheckText::Format(format("format", &text)?),
        };
        Ok(Matched { method, text })
    }
}

impl From<&GlobalChecks> for v1::GlobalChecks {
    fn from(checks: &GlobalChecks) -> Self {
        v1::GlobalChecks {
            spread: checks.spread,
            max_spread_ms: checks.max_spread.map(|span| span.get()),
            external: choice::number(checks.external),
        }
    }
}

impl TryFrom<v1::GlobalChecks> for GlobalChecks {
    type Error = Problem;

    fn try_from(checks: v1::GlobalChecks) -> Result<Self, Problem> {
        Ok(GlobalChecks {
            spread: checks.spread.map(|spread| field::ranged("spread", spread, 0, 50)).transpose()?,
            max_spread: field::millis("max_spread_ms", checks.max_spread_ms)?,
            external: field::choice("external", checks.external)?,
        })
    }
}

/// A text as it stands.
fn plain(text: &CheckText) -> Option<String> {
    match text {
        CheckText::Plain(text) => Some(text.clone()),
        CheckText::Format(_) => None,
    }
}

/// A text with samples.
fn formatted(text: &CheckText) -> Option<String> {
    match text {
        CheckText::Plain(_) => None,
        CheckText::Format(format) => Some(format.to_string()),
    }
}

fn check_text(
    name: &str,
    plain: Option<String>,
    formatted: Option<String>,
) -> Result<Option<CheckText>, Problem> {
    match (plain, formatted) {
        (Some(_), Some(_)) => {
            Err(field::malformed(name, "its format is set beside it: one of them is expected"))
        }
        (Some(text), None) => Ok(Some(CheckText::Plain(text))),
        (None, Some(text)) => Ok(Some(CheckText::Format(format(name, &text)?))),
        (None, None) => Ok(None),
    }
}

fn format(name: &str, text: &str) -> Result<Format, Problem> {
    let read = |format: Format| format.usable_at(Checkpoint::Check).map(|()| format);
    Format::parse(text).and_then(read).map_err(|mistake| mistaken(name, text, &mistake))
}

fn sample(name: &str, text: &str) -> Result<Sample, Problem> {
    let read = |sample: Sample| sample.usable_at(Checkpoint::Check).map(|()| sample);
    Sample::parse(text).and_then(read).map_err(|mistake| mistaken(name, text, &mistake))
}

fn variable(name: &str, text: &str) -> Result<Variable, Problem> {
    Variable::parse(text).map_err(|mistake| mistaken(name, text, &mistake))
}

fn mistaken(name: &str, text: &str, mistake: &Mistake) -> Problem {
    field::malformed(name, format_args!("'{text}': at byte {}: {mistake}", mistake.at.saturating_add(1)))
}

/// A number of checks or failures in a row.
fn counted(name: &str, value: Option<u32>) -> Result<Option<u32>, Problem> {
    value.map(|value| field::ranged(name, value, 1, i32::MAX as u32)).transpose()
}

/// A port that can be connected to.
fn port(name: &str, value: Option<u32>) -> Result<Option<u16>, Problem> {
    let ranged = |value| field::ranged(name, value, 1, u32::from(u16::MAX));
    value.map(|value| ranged(value).and_then(|value| field::port(name, value))).transpose()
}

fn range(range: v1::StatusRange) -> Result<(u16, u16), Problem> {
    let first = field::ranged("status.ranges.first", range.first, 100, 999)?;
    let last = field::ranged("status.ranges.last", range.last, first, 999)?;
    Ok((field::port("first", first)?, field::port("last", last)?))
}
