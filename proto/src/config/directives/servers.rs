//! `server` and `default-server` (configuration manual 4.2 and 5.2).

use crate::model::{
    InitState, Name, Observe, OnError, Paused, ProxyHeader, Server, ServerRef, ServerSettings, Tracked,
};

use super::super::keywords;
use super::address::{server_address, spell_server};
use super::arguments::{
    Arguments, COUNT, Codec, GUID, LIMIT, POSITIVE, Reading, TIME, WEIGHT, WORD, choice, expecting, name,
    number, time,
};
use super::checks::{HOST, PORT};
use super::parameters::{self, Parameter};
use super::persistence::COOKIE_VALUE;
use super::{Draft, Lines, naming, sockets};

/// A setting whose one argument is spelled by a codec.
macro_rules! setting {
    ($name:literal, $syntax:literal, $field:ident, $codec:expr) => {
        Parameter {
            name: $name,
            syntax: $syntax,
            read: |settings, arguments| {
                settings.$field = Some(($codec.read)(arguments)?);
                Ok(())
            },
            write: |settings| match &settings.$field {
                Some(value) => std::iter::once($name.to_owned()).chain(($codec.write)(value)).collect(),
                None => Vec::new(),
            },
        }
    };
}

/// A word that sets a field, and when it is written.
macro_rules! word {
    ($name:literal, $field:ident = $value:expr, $written:expr) => {
        Parameter {
            name: $name,
            syntax: "",
            read: |settings, _| {
                settings.$field = Some($value);
                Ok(())
            },
            write: |settings| {
                if $written && settings.$field == Some($value) { vec![$name.to_owned()] } else { Vec::new() }
            },
        }
    };
}

/// A setting of checks whose one argument is spelled by a codec.
macro_rules! check {
    ($name:literal, $syntax:literal, $field:ident, $codec:expr) => {
        Parameter {
            name: $name,
            syntax: $syntax,
            read: |settings, arguments| {
                settings.checks.$field = Some(($codec.read)(arguments)?);
                Ok(())
            },
            write: |settings| match &settings.checks.$field {
                Some(value) => std::iter::once($name.to_owned()).chain(($codec.write)(value)).collect(),
                None => Vec::new(),
            },
        }
    };
}

/// A word that sets a field of checks.
macro_rules! check_word {
    ($name:literal, $field:ident = $value:expr) => {
        Parameter {
            name: $name,
            syntax: "",
            read: |settings, _| {
                settings.checks.$field = Some($value);
                Ok(())
            },
            write: |settings| {
                if settings.checks.$field == Some($value) { vec![$name.to_owned()] } else { Vec::new() }
            },
        }
    };
}

/// A word of a fixed set, as a codec.
macro_rules! choice {
    ($type:ident { $($word:literal => $value:expr),+ $(,)? }) => {
        Codec::<$type> {
            read: |arguments| {
                const WORDS: &[&str] = &[$($word),+];
                let word = arguments.take(&super::arguments::join(WORDS, "or"))?;
                match word.text.as_str() {
                    $($word => Ok($value),)+
                    _ => Err(choice(word, WORDS)),
                }
            },
            write: |value| {
                vec![match *value {
                    $(value if value == $value => $word,)+
                    _ => "",
                }.to_owned()]
            },
        }
    };
}

const OBSERVE: Codec<Observe> = choice!(Observe { "layer4" => Observe::Layer4, "layer7" => Observe::Layer7 });
const ON_ERROR: Codec<OnError> = choice!(OnError {
    "fastinter" => OnError::FastInter,
    "fail-check" => OnError::FailCheck,
    "sudden-death" => OnError::SuddenDeath,
    "mark-down" => OnError::MarkDown,
});
const INIT_STATE: Codec<InitState> = choice!(InitState {
    "fully-up" => InitState::FullyUp,
    "up" => InitState::Up,
    "down" => InitState::Down,
    "fully-down" => InitState::FullyDown,
});
const SHUTDOWN_SESSIONS: Codec<bool> = choice!(bool { "shutdown-sessions" => true });
const SHUTDOWN_BACKUP_SESSIONS: Codec<bool> = choice!(bool { "shutdown-backup-sessions" => true });
/// `[<backend>/]<server>`.
const TRACKED: Codec<Tracked> = Codec {
    read: |arguments| {
        let word = arguments.take("a server, such as 'backend/server'")?;
        let (backend, server) = match word.text.split_once('/') {
            Some((backend, server)) => (Some(backend), server),
            None => (None, word.text.as_str()),
        };
        let legal = |text: &str| {
            Name::new(text).map_err(|bad| {
                expecting(word, format!("'{}': {bad}", word.text), "'server' or 'backend/server' is expected")
            })
        };
        Ok(Tracked { backend: backend.map(legal).transpose()?, server: legal(server)? })
    },
    write: |track| {
        vec![match &track.backend {
            Some(backend) => format!("{backend}/{}", track.server),
            None => track.server.to_string(),
        }]
    },
};

/// A bare number of `pool-purge-delay` counts seconds.
const SECONDS: Codec<crate::model::Millis> =
    Codec { read: |arguments| time(arguments, 1000), write: TIME.write };

pub(super) const PARAMETERS: &[Parameter<ServerSettings>] = &[
    setting!("weight", "<weight>", weight, WEIGHT),
    setting!("slowstart", "<time>", slowstart, TIME),
    setting!("maxconn", "<number>", maxconn, COUNT),
    setting!("minconn", "<number>", minconn, COUNT),
    setting!("maxqueue", "<number>", maxqueue, COUNT),
    setting!("cookie", "<value>", cookie, COOKIE_VALUE),
    word!("backup", backup = true, true),
    word!("no-backup", backup = false, true),
    word!("disabled", disabled = true, true),
    word!("enabled", disabled = false, true),
    word!("send-proxy", send_proxy = Some(ProxyHeader::V1), true),
    word!("send-proxy-v2", send_proxy = Some(ProxyHeader::V2), true),
    word!("no-send-proxy", send_proxy = None, true),
    word!("no-send-proxy-v2", send_proxy = None, false),
    setting!("pool-max-conn", "<number>", pool_max_conn, LIMIT),
    setting!("pool-low-conn", "<number>", pool_low_conn, COUNT),
    setting!("pool-purge-delay", "<time>", pool_purge_delay, SECONDS),
    setting!("max-reuse", "<number>", max_reuse, LIMIT),
    word!("non-stick", non_stick = true, true),
    word!("stick", non_stick = false, true),
    sockets::SOURCE,
    sockets::USER_TIMEOUT,
    sockets::FAST_OPEN,
    sockets::NO_FAST_OPEN,
    sockets::CONGESTION,
    sockets::DIAL_NAMESPACE,
    sockets::SOCKS,
    sockets::CHECK_VIA_SOCKS,
    sockets::PROXY_OPTIONS,
    sockets::SEND_PROXY_SSL,
    sockets::SEND_PROXY_SSL_CN,
    sockets::NO_SEND_PROXY_SSL,
    sockets::NO_SEND_PROXY_SSL_CN,
    sockets::HASH_KEY,
    sockets::REDIRECT,
    naming::RESOLVERS,
    naming::INIT_ADDR,
    naming::RESOLVE_PREFER,
    naming::RESOLVE_NET,
    naming::RESOLVE_OPTS,
    check_word!("check", check = true),
    check_word!("no-check", check = false),
    check!("inter", "<time>", inter, TIME),
    check!("fastinter", "<time>", fastinter, TIME),
    check!("downinter", "<time>", downinter, TIME),
    check!("rise", "<number>", rise, POSITIVE),
    check!("fall", "<number>", fall, POSITIVE),
    check!("port", "<port>", port, PORT),
    check!("addr", "<address>", host, HOST),
    check_word!("check-send-proxy", send_proxy = true),
    check_word!("no-check-send-proxy", send_proxy = false),
    check_word!("agent-check", agent = true),
    check_word!("no-agent-check", agent = false),
    check!("agent-addr", "<address>", agent_host, HOST),
    check!("agent-port", "<port>", agent_port, PORT),
    check!("agent-inter", "<time>", agent_inter, TIME),
    check!("agent-send", "<text>", agent_send, WORD),
    check!("observe", "{ layer4 | layer7 }", observe, OBSERVE),
    check!("on-error", "{ fastinter | fail-check | sudden-death | mark-down }", on_error, ON_ERROR),
    check!("error-limit", "<number>", error_limit, POSITIVE),
    check!("on-marked-down", "shutdown-sessions", shutdown_sessions, SHUTDOWN_SESSIONS),
    check!("on-marked-up", "shutdown-backup-sessions", shutdown_backup_sessions, SHUTDOWN_BACKUP_SESSIONS),
    check!("track", "[<backend>/]<server>", track, TRACKED),
    check!("init-state", "{ fully-up | up | down | fully-down }", init_state, INIT_STATE),
];

/// The names and arguments of a server's parameters.
pub fn parameters() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARAMETERS.iter().map(|parameter| (parameter.name, parameter.syntax))
}

/// The names and arguments of what may stand in a server's own line: its parameters, and what is its alone.
pub fn own_parameters() -> impl Iterator<Item = (&'static str, &'static str)> {
    parameters().chain([("guid", "<text>"), ("id", "<number>")])
}

/// Reads the arguments of `server`.
pub fn read_server(backend: &Name, arguments: &mut Arguments) -> Reading<Server> {
    let name = name(arguments.take("a name")?)?;
    let word = arguments.take("an address such as '192.0.2.1:80'")?;
    let address = server_address(word, arguments.environment)?;
    let mut settings = ServerSettings::default();
    let (mut id, mut guid) = (0, None);
    while arguments.peek().is_some() {
        if arguments.accept("guid") {
            guid = Some((GUID.read)(arguments)?);
            continue;
        }
        if arguments.accept("id") {
            id = number(arguments, 1, i32::MAX as u32)?;
            continue;
        }
        parameters::read_one(&mut settings, arguments, PARAMETERS, keywords::SERVER)?;
    }
    arguments.finish()?;
    Ok(Server {
        at: ServerRef { backend: backend.clone(), server: name },
        id,
        order: 0,
        guid,
        address,
        admin: None,
        paused: Paused::default(),
        settings,
    })
}

/// The words after `server`.
pub fn write_server(server: &Server) -> Vec<String> {
    let mut words = vec![server.at.server.to_string(), spell_server(&server.address)];
    words.extend(parameters::write(&server.settings, PARAMETERS));
    if let Some(guid) = &server.guid {
        words.extend(["guid".to_owned(), guid.to_string()]);
    }
    if server.id != 0 {
        words.extend(["id".to_owned(), server.id.to_string()]);
    }
    words
}

pub(super) fn read(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let server = read_server(&draft.name, arguments)?;
    draft.servers.push(server);
    Ok(())
}

pub(super) fn write(draft: &Draft, lines: &mut Lines) {
    for server in naming::grouped(&draft.servers).0 {
        lines.push(write_server(server));
    }
}

pub(super) fn read_template(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let servers = naming::read_template(&draft.name, arguments)?;
    draft.servers.extend(servers);
    Ok(())
}

pub(super) fn write_templates(draft: &Draft, lines: &mut Lines) {
    for servers in naming::grouped(&draft.servers).1 {
        lines.push(naming::write_template(servers));
    }
}

pub(super) fn read_default(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let Some(side) = &mut draft.backend else { return Ok(()) };
    parameters::read(&mut side.default_server, arguments, PARAMETERS, keywords::SERVER)?;
    arguments.finish()
}

pub(super) fn write_default(draft: &Draft, lines: &mut Lines) {
    let words = draft.backend.as_ref().map(|side| parameters::write(&side.default_server, PARAMETERS));
    if let Some(words) = words.filter(|words| !words.is_empty()) {
        lines.push(words);
    }
}
