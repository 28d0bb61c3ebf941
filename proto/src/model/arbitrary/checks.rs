//! Checks of servers.

use proptest::collection::vec;
use proptest::option::of;
use proptest::prelude::*;
use proptest::sample::select;

use super::{ip, millis, name, path, text, word};
use crate::model::{
    BackendChecks, CheckBytes, CheckConnect, CheckExpect, CheckKind, CheckRequest, CheckRule, CheckStatus,
    CheckText, CheckValue, Expected, ExternalChecks, GlobalChecks, InitState, MatchMethod, Matched, Observe,
    OnError, Paused, ServerChecks, ServerHost, Tracked,
};
use crate::rules::{Format, Sample, Variable};

/// Checks of a server; what it tracks need not exist, so whole configurations leave that out.
pub fn server_checks() -> BoxedStrategy<ServerChecks> {
    let host = || prop_oneof![ip().prop_map(ServerHost::Ip), word().prop_map(ServerHost::Named)];
    let observe = select(vec![Observe::Layer4, Observe::Layer7]);
    let on_error =
        select(vec![OnError::FastInter, OnError::FailCheck, OnError::SuddenDeath, OnError::MarkDown]);
    let init = select(vec![InitState::FullyUp, InitState::Up, InitState::Down, InitState::FullyDown]);
    let track = (of(name()), name()).prop_map(|(backend, server)| Tracked { backend, server });
    (
        (of(any::<bool>()), of(millis()), of(millis()), of(millis()), of(1..=100_u32), of(1..=100_u32)),
        (of(1..=u16::MAX), of(host()), of(any::<bool>()), of(any::<bool>()), of(host()), of(1..=u16::MAX)),
        (of(millis()), of(text()), of(observe), of(on_error), of(1..=100_u32), of(Just(true))),
        (of(Just(true)), of(track), of(init)),
    )
        .prop_map(|(first, second, third, fourth)| {
            let (check, inter, fastinter, downinter, rise, fall) = first;
            let (port, host, send_proxy, agent, agent_host, agent_port) = second;
            let (agent_inter, agent_send, observe, on_error, error_limit, shutdown_sessions) = third;
            let (shutdown_backup_sessions, track, init_state) = fourth;
            ServerChecks {
                check,
                inter,
                fastinter,
                downinter,
                rise,
                fall,
                port,
                host,
                send_proxy,
                // An agent needs a port.
                agent: agent.filter(|asked| !asked || agent_port.is_some()),
                agent_host,
                agent_port,
                agent_inter,
                agent_send,
                observe,
                on_error,
                error_limit,
                shutdown_sessions,
                shutdown_backup_sessions,
                track,
                init_state,
            }
        })
        .boxed()
}

/// What was asked by hand of a server's checks.
pub fn paused() -> impl Strategy<Value = Paused> + Clone {
    (any::<bool>(), any::<bool>()).prop_map(|(checks, agent)| Paused { checks, agent })
}

/// Checks of a backend.
pub fn backend_checks() -> BoxedStrategy<BackendChecks> {
    let flags = || of(any::<bool>());
    (
        (of(kind()), vec(http_rule(), 0..=3), vec(tcp_rule(), 0..=3)),
        (of(Just(true)), of(Just(true)), of(millis()), flags(), of(path()), of(path())),
    )
        .prop_map(|((kind, http_rules, tcp_rules), rest)| {
            let (disable_on_404, send_state, timeout, log, command, path) = rest;
            BackendChecks {
                kind,
                http_rules,
                tcp_rules,
                disable_on_404,
                send_state,
                timeout,
                log,
                command,
                path,
            }
        })
        .boxed()
}

/// Checks of the process.
pub fn global_checks() -> impl Strategy<Value = GlobalChecks> + Clone {
    let external = select(vec![ExternalChecks::CleanEnvironment, ExternalChecks::WholeEnvironment]);
    (of(0..=50_u32), of(millis()), of(external)).prop_map(|(spread, max_spread, external)| GlobalChecks {
        spread,
        max_spread,
        external,
    })
}

fn kind() -> BoxedStrategy<CheckKind> {
    let version = select(vec!["HTTP/1.0", "HTTP/1.1"]).prop_map(str::to_owned);
    let http = of((of((word(), of(version))), word())).prop_map(|said| match said {
        None => CheckKind::Http { method: None, uri: None, version: None },
        Some((method, uri)) => {
            let (method, version) = method.map_or((None, None), |(method, version)| (Some(method), version));
            CheckKind::Http { method, uri: Some(uri), version }
        }
    });
    prop_oneof![
        Just(CheckKind::Tcp),
        http,
        Just(CheckKind::SslHello),
        (any::<bool>(), word()).prop_map(|(extended, domain)| CheckKind::Smtp { extended, domain }),
        (of(word()), any::<bool>())
            .prop_map(|(user, old)| CheckKind::Mysql { old: old && user.is_some(), user }),
        word().prop_map(|user| CheckKind::Pgsql { user }),
        Just(CheckKind::Redis),
        Just(CheckKind::Ldap),
        Just(CheckKind::Spop),
        Just(CheckKind::External),
    ]
    .boxed()
}

fn http_rule() -> BoxedStrategy<CheckRule> {
    let request = (
        (of(word()), of(said()), of(Just("HTTP/1.1".to_owned()))),
        vec((word(), format()), 0..=2),
        of(said()),
        of(text()),
    )
        .prop_map(|((method, uri, version), headers, body, comment)| {
            CheckRule::Request(CheckRequest { method, uri, version, headers, body, comment })
        });
    let what = prop_oneof![
        vec((100..=999_u16, 0..=50_u16), 1..=3).prop_map(|ranges| {
            Expected::Status(
                ranges
                    .into_iter()
                    .map(|(first, more)| (first, first.saturating_add(more).min(999)))
                    .collect(),
            )
        }),
        word().prop_map(Expected::StatusPattern),
        (any::<bool>(), matched(), of(matched())).prop_map(|(full, name, value)| Expected::Header {
            full,
            name,
            value
        }),
        said().prop_map(Expected::Text),
        word().prop_map(Expected::Pattern),
    ];
    prop_oneof![
        connect(),
        request,
        variable(),
        expect(what).prop_map(CheckRule::Expect),
        text().prop_map(CheckRule::Comment)
    ]
    .boxed()
}

fn tcp_rule() -> BoxedStrategy<CheckRule> {
    let what = prop_oneof![
        said().prop_map(Expected::Text),
        word().prop_map(Expected::Pattern),
        vec(any::<u8>(), 1..=8).prop_map(|bytes| Expected::Bytes(CheckBytes::Plain(bytes))),
        format().prop_map(|format| Expected::Bytes(CheckBytes::Format(format))),
        word().prop_map(Expected::BytesPattern),
    ];
    prop_oneof![
        connect(),
        (text(), of(text())).prop_map(|(data, comment)| CheckRule::Send {
            data: CheckBytes::Plain(data.into_bytes()),
            binary: false,
            comment
        }),
        (vec(any::<u8>(), 1..=8), of(text())).prop_map(|(data, comment)| CheckRule::Send {
            data: CheckBytes::Plain(data),
            binary: true,
            comment
        }),
        (format(), any::<bool>(), of(text())).prop_map(|(format, binary, comment)| CheckRule::Send {
            data: CheckBytes::Format(format),
            binary,
            comment
        }),
        variable(),
        expect(what).prop_map(CheckRule::Expect),
        text().prop_map(CheckRule::Comment)
    ]
    .boxed()
}

fn connect() -> impl Strategy<Value = CheckRule> + Clone {
    let flags = proptest::array::uniform3(any::<bool>());
    (flags, of(1..=u16::MAX), of(ip().prop_map(ServerHost::Ip)), of(text())).prop_map(
        |([default, send_proxy, linger], port, host, comment)| {
            CheckRule::Connect(CheckConnect { default, port, host, send_proxy, linger, comment })
        },
    )
}

fn expect(what: impl Strategy<Value = Expected> + Clone) -> impl Strategy<Value = CheckExpect> + Clone {
    let among = |statuses: &[CheckStatus]| of(select(statuses.to_vec()));
    (
        (what, any::<bool>(), of(-1..=1000_i32)),
        (among(&CheckStatus::PASSED), among(&CheckStatus::FAILED), among(&CheckStatus::LATE)),
        (of(format()), of(format()), of(sample()), of(text())),
    )
        .prop_map(|((what, inverse, minimum), statuses, (on_success, on_error, code, comment))| {
            let (ok_status, error_status, timeout_status) = statuses;
            CheckExpect {
                what,
                inverse,
                minimum,
                ok_status,
                error_status,
                timeout_status,
                on_success,
                on_error,
                code,
                comment,
            }
        })
}

fn matched() -> BoxedStrategy<Matched> {
    let method = select(vec![
        MatchMethod::Exact,
        MatchMethod::Prefix,
        MatchMethod::Suffix,
        MatchMethod::Part,
        MatchMethod::Pattern,
    ]);
    (method, word(), said())
        .prop_map(|(method, word, said)| Matched {
            method,
            text: if method == MatchMethod::Pattern { CheckText::Plain(word) } else { said },
        })
        .boxed()
}

/// A text of a step.
fn said() -> BoxedStrategy<CheckText> {
    prop_oneof![text().prop_map(CheckText::Plain), format().prop_map(CheckText::Format)].boxed()
}

/// A text with samples.
fn format() -> impl Strategy<Value = Format> + Clone {
    let texts =
        select(vec!["a b", "100%%", "%[srv_id]", "x%[var(check.a),lower]", "%{+Q}[be_name] %[status]"]);
    texts.prop_filter_map("a format", |text| Format::parse(text).ok())
}

fn sample() -> impl Strategy<Value = Sample> + Clone {
    select(vec!["int(42)", "res.hdr(x)", "var(check.a),add(1)"])
        .prop_filter_map("a sample", |text| Sample::parse(text).ok())
}

fn variable() -> impl Strategy<Value = CheckRule> + Clone {
    let variable = select(vec!["check.a", "proc.b", "sess.c"])
        .prop_filter_map("a variable", |text| Variable::parse(text).ok());
    let value = prop_oneof![sample().prop_map(CheckValue::Sample), format().prop_map(CheckValue::Format)];
    (variable, of(value)).prop_map(|(variable, value)| match value {
        Some(value) => CheckRule::SetVariable(variable, value),
        None => CheckRule::UnsetVariable(variable),
    })
}
