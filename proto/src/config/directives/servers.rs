//! `server` and `default-server` (configuration manual 4.2 and 5.2).

use crate::model::{Name, ProxyHeader, Server, ServerRef, ServerSettings};

use super::super::keywords;
use super::address::{server_address, spell_server};
use super::arguments::{Arguments, COUNT, Codec, LIMIT, Reading, TIME, WEIGHT, name, number, time};
use super::parameters::{self, Parameter};
use super::persistence::COOKIE_VALUE;
use super::{Draft, Lines, naming};

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
    naming::RESOLVERS,
    naming::INIT_ADDR,
    naming::RESOLVE_PREFER,
    naming::RESOLVE_NET,
    naming::RESOLVE_OPTS,
];

/// The names and arguments of a server's parameters.
pub fn parameters() -> impl Iterator<Item = (&'static str, &'static str)> {
    PARAMETERS.iter().map(|parameter| (parameter.name, parameter.syntax))
}

/// Reads the arguments of `server`.
pub fn read_server(backend: &Name, arguments: &mut Arguments) -> Reading<Server> {
    let name = name(arguments.take("a name")?)?;
    let word = arguments.take("an address such as '192.0.2.1:80'")?;
    let address = server_address(word, arguments.environment)?;
    let mut settings = ServerSettings::default();
    let mut id = 0;
    while arguments.peek().is_some() {
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
        address,
        admin: None,
        settings,
    })
}

/// The words after `server`.
pub fn write_server(server: &Server) -> Vec<String> {
    let mut words = vec![server.at.server.to_string(), spell_server(&server.address)];
    words.extend(parameters::write(&server.settings, PARAMETERS));
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
