//! Directives of proxies whose argument is one value.

use super::arguments::{COUNT, GUID, MODE, NAME, REUSE, STATE_FILE, STATES, TEXT, TIME, WORD, number};
use super::{Action, Directive, Sections, setting};

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    Directive {
        name: "id",
        sections: Sections::NAMED,
        syntax: "<number>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                draft.id = number(arguments, 1, i32::MAX as u32)?;
                arguments.finish()
            },
            write: |draft, lines| {
                if draft.id != 0 {
                    lines.push(vec![draft.id.to_string()]);
                }
            },
        },
        accepted: &["id 7"],
        refused: &["id", "id 0", "id x", "id 1 2"],
    },
    Directive {
        name: "guid",
        sections: Sections::NAMED,
        syntax: "<text>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                draft.guid = Some((GUID.read)(arguments)?);
                arguments.finish()
            },
            write: |draft, lines| {
                lines.lines.extend(draft.guid.iter().map(|guid| (false, (GUID.write)(guid))))
            },
        },
        accepted: &["guid 64aeebba-0911", "guid a.b:c_d"],
        refused: &["guid", "guid a b", "guid a/b"],
    },
    Directive {
        name: "description",
        sections: Sections::NAMED,
        syntax: "<text>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                draft.description = Some((TEXT.read)(arguments)?);
                Ok(())
            },
            write: |draft, lines| {
                if let Some(text) = &draft.description {
                    lines.push((TEXT.write)(text));
                }
            },
        },
        accepted: &["description shop"],
        refused: &["description"],
    },
    Directive {
        name: "disabled",
        sections: Sections::PROXY,
        syntax: "",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                draft.disabled = Some(true);
                arguments.finish()
            },
            write: |draft, lines| {
                if draft.disabled == Some(true) {
                    lines.push(Vec::new());
                }
            },
        },
        accepted: &["disabled"],
        refused: &["disabled now"],
    },
    Directive {
        name: "enabled",
        sections: Sections::PROXY,
        syntax: "",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                draft.disabled = Some(false);
                arguments.finish()
            },
            write: |_, _| {},
        },
        accepted: &[],
        refused: &["enabled now"],
    },
    setting!(
        "mode",
        Sections::PROXY,
        "{ tcp | http }",
        both.mode,
        MODE,
        &["mode tcp", "mode http"],
        &["mode", "mode health", "mode htp", "mode http x"]
    ),
    setting!(
        "maxconn",
        Sections::FRONT,
        "<number>",
        frontend.maxconn,
        COUNT,
        &["maxconn 2000"],
        &["maxconn", "maxconn -1", "maxconn 1k"]
    ),
    setting!(
        "backlog",
        Sections::FRONT,
        "<number>",
        frontend.backlog,
        COUNT,
        &["backlog 1024"],
        &["backlog", "backlog many"]
    ),
    setting!(
        "rate-limit sessions",
        Sections::FRONT,
        "<rate>",
        frontend.rate_limit_sessions,
        COUNT,
        &["rate-limit sessions 100"],
        &["rate-limit sessions", "rate-limit sessions -2"]
    ),
    setting!(
        "timeout client",
        Sections::FRONT,
        "<time>",
        frontend.timeout_client,
        TIME,
        &["timeout client 30s", "timeout client 1500ms", "timeout client 2h"],
        &["timeout client", "timeout client 5x", "timeout client 5s 6s", "timeout client 100d"]
    ),
    setting!(
        "timeout client-fin",
        Sections::FRONT,
        "<time>",
        frontend.timeout_client_fin,
        TIME,
        &["timeout client-fin 1s"],
        &["timeout client-fin", "timeout client-fin s"]
    ),
    setting!(
        "timeout http-request",
        Sections::PROXY,
        "<time>",
        frontend.timeout_http_request,
        TIME,
        &["timeout http-request 10s"],
        &["timeout http-request", "timeout http-request -1"]
    ),
    setting!(
        "timeout http-keep-alive",
        Sections::PROXY,
        "<time>",
        frontend.timeout_http_keep_alive,
        TIME,
        &["timeout http-keep-alive 15s"],
        &["timeout http-keep-alive"]
    ),
    setting!(
        "timeout connect",
        Sections::BACK,
        "<time>",
        backend.timeout_connect,
        TIME,
        &["timeout connect 5s"],
        &["timeout connect", "timeout connect five"]
    ),
    setting!(
        "timeout server",
        Sections::BACK,
        "<time>",
        backend.timeout_server,
        TIME,
        &["timeout server 30s"],
        &["timeout server"]
    ),
    setting!(
        "timeout server-fin",
        Sections::BACK,
        "<time>",
        backend.timeout_server_fin,
        TIME,
        &["timeout server-fin 1s"],
        &["timeout server-fin"]
    ),
    setting!(
        "timeout queue",
        Sections::BACK,
        "<time>",
        backend.timeout_queue,
        TIME,
        &["timeout queue 1m"],
        &["timeout queue"]
    ),
    setting!(
        "timeout tunnel",
        Sections::BACK,
        "<time>",
        backend.timeout_tunnel,
        TIME,
        &["timeout tunnel 1d"],
        &["timeout tunnel"]
    ),
    setting!(
        "default_backend",
        Sections::FRONT,
        "<backend>",
        frontend.default_backend,
        NAME,
        &["default_backend app"],
        &["default_backend", "default_backend a b", "default_backend a/b"]
    ),
    setting!(
        "http-reuse",
        Sections::BACK,
        "{ never | safe | aggressive | always }",
        backend.http_reuse,
        REUSE,
        &["http-reuse never", "http-reuse safe", "http-reuse aggressive", "http-reuse always"],
        &["http-reuse", "http-reuse sometimes"]
    ),
    setting!(
        "retries",
        Sections::BACK,
        "<number>",
        backend.retries,
        COUNT,
        &["retries 3"],
        &["retries", "retries many"]
    ),
    setting!(
        "fullconn",
        Sections::BACK,
        "<number>",
        backend.fullconn,
        COUNT,
        &["fullconn 1000"],
        &["fullconn", "fullconn x"]
    ),
    setting!(
        "load-server-state-from-file",
        Sections::BACK,
        "{ global | local | none }",
        backend.server_states,
        STATES,
        &[
            "load-server-state-from-file global",
            "load-server-state-from-file local",
            "load-server-state-from-file none"
        ],
        &["load-server-state-from-file", "load-server-state-from-file somewhere"]
    ),
    setting!(
        "server-state-file-name",
        Sections::BACK,
        "[ use-backend-name | <file> ]",
        backend.server_state_file_name,
        STATE_FILE,
        &["server-state-file-name app.state", "server-state-file-name use-backend-name"],
        &["server-state-file-name a b"]
    ),
    setting!(
        "log-tag",
        Sections::PROXY,
        "<text>",
        frontend.log_tag,
        WORD,
        &["log-tag shop"],
        &["log-tag", "log-tag a b"]
    ),
];

/// Whether this directive is silently without effect in a pure backend, as HAProxy has it.
pub(super) fn is_quiet_in_backends(directive: &str) -> bool {
    matches!(directive, "timeout http-request" | "timeout http-keep-alive" | "log-tag")
}
