//! Directives of the `global` section (configuration manual 3).

use crate::model::{BindAddress, Global, Level, SeverityOutput, SocketFile, StatsSocket};

use super::super::environment::{BasePath, UnixDefaults};
use super::super::keywords;
use super::address::{bind_address, spell_bind};
use super::arguments::{
    Arguments, COUNT, Codec, POSITIVE, Polarity, Reading, TEXT, THREADS, TIME, WORD, choice, time,
};
use super::parameters::{self, Parameter};
use super::{Action, Directive, Lines, Sections, setting};

/// A bare number of `stats timeout` counts milliseconds, as everywhere; its default is ten seconds.
const STATS_TIME: Codec<crate::model::Millis> =
    Codec { read: |arguments| time(arguments, 1), write: TIME.write };

/// Who to become: a name and a number are two directives of one field.
macro_rules! owner {
    ($name:literal, $field:ident, $syntax:literal, $mine:expr, $codec:path) => {
        Directive {
            name: $name,
            sections: Sections::GLOBAL,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: Action::Global {
                read: |global, arguments| {
                    global.$field = Some(($codec.read)(arguments)?);
                    arguments.finish()
                },
                write: |global, lines| {
                    let mine: fn(&str) -> bool = $mine;
                    if let Some(name) = global.$field.as_ref().filter(|name| mine(name)) {
                        lines.push(vec![name.clone()]);
                    }
                },
            },
            accepted: &[],
            refused: &[$name],
        }
    };
}

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    reader("setenv", "<name> <value>", read_setenv, &["setenv", "setenv X", "setenv X a b"]),
    reader("presetenv", "<name> <value>", read_presetenv, &["presetenv X"]),
    reader("unsetenv", "<name> …", read_unsetenv, &["unsetenv"]),
    reader("resetenv", "[ <name> … ]", read_resetenv, &[]),
    reader(
        "default-path",
        "{ current | config | parent | origin <path> }",
        read_default_path,
        &["default-path", "default-path origin", "default-path home"],
    ),
    reader(
        "unix-bind",
        "[ prefix <prefix> ] [ mode <mode> ] [ user <user> ] [ uid <uid> ] [ group <group> ] [ gid <gid> ]",
        read_unix_bind,
        &["unix-bind mode 9", "unix-bind size 3"],
    ),
    reader(
        "zero-warning",
        "",
        |arguments| {
            arguments.environment.forbid_warnings();
            arguments.finish()
        },
        &["zero-warning now"],
    ),
    Directive {
        name: "daemon",
        sections: Sections::GLOBAL,
        syntax: "",
        negatable: true,
        repeats: false,
        action: Action::Global {
            read: |global, arguments| {
                global.daemon = match arguments.polarity {
                    Polarity::Plain => Some(true),
                    Polarity::No => Some(false),
                    Polarity::Default => None,
                };
                arguments.finish()
            },
            write: |global, lines| match global.daemon {
                Some(true) => lines.push(Vec::new()),
                Some(false) => lines.push_no(),
                None => {}
            },
        },
        accepted: &["daemon", "no daemon"],
        refused: &["daemon yes"],
    },
    setting!(
        "nbthread",
        Sections::GLOBAL,
        "<number>",
        global.nbthread,
        THREADS,
        &["nbthread 2"],
        &["nbthread", "nbthread 0", "nbthread two"]
    ),
    setting!(
        "maxconn",
        Sections::GLOBAL,
        "<number>",
        global.maxconn,
        COUNT,
        &["maxconn 20000"],
        &["maxconn", "maxconn x", "maxconn 1 2"]
    ),
    setting!(
        "maxconnrate",
        Sections::GLOBAL,
        "<number>",
        global.maxconnrate,
        COUNT,
        &["maxconnrate 100"],
        &["maxconnrate"]
    ),
    setting!(
        "maxsessrate",
        Sections::GLOBAL,
        "<number>",
        global.maxsessrate,
        COUNT,
        &["maxsessrate 100"],
        &["maxsessrate"]
    ),
    setting!(
        "maxsslrate",
        Sections::GLOBAL,
        "<number>",
        global.maxsslrate,
        COUNT,
        &["maxsslrate 100"],
        &["maxsslrate"]
    ),
    setting!(
        "maxcomprate",
        Sections::GLOBAL,
        "<number>",
        global.maxcomprate,
        COUNT,
        &["maxcomprate 100"],
        &["maxcomprate"]
    ),
    setting!(
        "hard-stop-after",
        Sections::GLOBAL,
        "<time>",
        global.hard_stop_after,
        TIME,
        &["hard-stop-after 30s"],
        &["hard-stop-after", "hard-stop-after soon"]
    ),
    setting!("grace", Sections::GLOBAL, "<time>", global.grace, TIME, &["grace 10s"], &["grace"]),
    setting!(
        "log-tag",
        Sections::GLOBAL,
        "<text>",
        global.log_tag,
        WORD,
        &["log-tag edge"],
        &["log-tag", "log-tag a b"]
    ),
    Directive {
        name: "log-send-hostname",
        sections: Sections::GLOBAL,
        syntax: "[ <text> ]",
        negatable: false,
        repeats: false,
        action: Action::Global {
            read: |global, arguments| {
                global.log_send_hostname =
                    Some(arguments.maybe().map(|word| word.text.clone()).unwrap_or_default());
                arguments.finish()
            },
            write: |global, lines| match global.log_send_hostname.as_deref() {
                None => {}
                Some("") => lines.push(Vec::new()),
                Some(name) => lines.push(vec![name.to_owned()]),
            },
        },
        accepted: &["log-send-hostname", "log-send-hostname edge-1"],
        refused: &["log-send-hostname a b"],
    },
    Directive {
        name: "stats socket",
        sections: Sections::GLOBAL,
        syntax: "<address> [ <parameter> … ]",
        negatable: false,
        repeats: true,
        action: Action::Global { read: read_stats_socket, write: write_stats_sockets },
        accepted: &[
            "stats socket unix@/run/regate.sock mode 660 user root group adm level admin",
            "stats socket 127.0.0.1:9999 level operator",
            "stats socket unix@/run/regate.sock severity-output number volatile",
            "stats socket fd@5",
        ],
        refused: &[
            "stats socket",
            "stats socket /run/s level boss",
            "stats socket /run/s mode 999",
            "stats socket /run/s modus 1",
        ],
    },
    setting!(
        "stats timeout",
        Sections::GLOBAL,
        "<time>",
        global.stats_timeout,
        STATS_TIME,
        &["stats timeout 2m"],
        &["stats timeout", "stats timeout x"]
    ),
    setting!(
        "stats maxconn",
        Sections::GLOBAL,
        "<number>",
        global.stats_maxconn,
        POSITIVE,
        &["stats maxconn 20"],
        &["stats maxconn", "stats maxconn 0"]
    ),
    setting!("node", Sections::GLOBAL, "<name>", global.node, WORD, &["node edge-1"], &["node", "node a b"]),
    setting!(
        "description",
        Sections::GLOBAL,
        "<text>",
        global.description,
        TEXT,
        &["description edge"],
        &["description"]
    ),
    setting!(
        "pidfile",
        Sections::GLOBAL,
        "<path>",
        global.pidfile,
        WORD,
        &["pidfile /run/regate.pid"],
        &["pidfile"]
    ),
    setting!(
        "server-state-base",
        Sections::GLOBAL,
        "<folder>",
        global.server_state_base,
        WORD,
        &["server-state-base /var/lib/states"],
        &["server-state-base"]
    ),
    setting!(
        "server-state-file",
        Sections::GLOBAL,
        "<path>",
        global.server_state_file,
        WORD,
        &["server-state-file /var/lib/states/all"],
        &["server-state-file", "server-state-file a b"]
    ),
    setting!(
        "stats-file",
        Sections::GLOBAL,
        "<path>",
        global.statistics_file,
        WORD,
        &["stats-file /var/lib/counters"],
        &["stats-file", "stats-file a b"]
    ),
    setting!("chroot", Sections::GLOBAL, "<path>", global.chroot, WORD, &["chroot /var/empty"], &["chroot"]),
    owner!("user", user, "a user name", |name| !is_number(name), WORD),
    owner!("uid", user, "a number", is_number, ID),
    owner!("group", group, "a group name", |name| !is_number(name), WORD),
    owner!("gid", group, "a number", is_number, ID),
];

/// A user's or group's number.
const ID: Codec<String> = Codec {
    read: |arguments| super::arguments::number(arguments, 0, u32::MAX).map(|number| number.to_string()),
    write: |number| vec![number.clone()],
};

const fn reader(
    name: &'static str,
    syntax: &'static str,
    read: fn(&mut Arguments) -> Reading<()>,
    refused: &'static [&'static str],
) -> Directive {
    Directive {
        name,
        sections: Sections::GLOBAL,
        syntax,
        negatable: false,
        repeats: true,
        action: Action::Reader(read),
        accepted: &[],
        refused,
    }
}

fn is_number(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit())
}

fn read_setenv(arguments: &mut Arguments) -> Reading<()> {
    let name = arguments.take("a name and a value")?;
    let value = arguments.take("a value")?;
    arguments.finish()?;
    arguments.environment.set(&name.text, &value.text);
    Ok(())
}

fn read_presetenv(arguments: &mut Arguments) -> Reading<()> {
    let name = arguments.take("a name and a value")?;
    let value = arguments.take("a value")?;
    arguments.finish()?;
    if arguments.environment.variable(&name.text).is_none() {
        arguments.environment.set(&name.text, &value.text);
    }
    Ok(())
}

fn read_unsetenv(arguments: &mut Arguments) -> Reading<()> {
    if arguments.peek().is_none() {
        return Err(arguments.missing("at least one name"));
    }
    while let Some(name) = arguments.maybe() {
        arguments.environment.unset(&name.text);
    }
    Ok(())
}

fn read_resetenv(arguments: &mut Arguments) -> Reading<()> {
    let mut kept = Vec::new();
    while let Some(name) = arguments.maybe() {
        kept.push(name.text.clone());
    }
    arguments.environment.reset(kept);
    Ok(())
}

fn read_default_path(arguments: &mut Arguments) -> Reading<()> {
    const CHOICES: [&str; 4] = ["current", "config", "parent", "origin"];
    let word = arguments.take("'current', 'config', 'parent' or 'origin'")?;
    let base = match word.text.as_str() {
        "current" => BasePath::Current,
        "config" => BasePath::Config,
        "parent" => BasePath::Parent,
        "origin" => BasePath::Origin(arguments.take("a path")?.text.clone()),
        _ => return Err(choice(word, &CHOICES)),
    };
    arguments.finish()?;
    arguments.environment.rebase(base);
    Ok(())
}

fn read_unix_bind(arguments: &mut Arguments) -> Reading<()> {
    let mut unix = UnixDefaults::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "prefix" => unix.prefix.clone_from(&arguments.take("a prefix")?.text),
            name @ ("mode" | "user" | "uid" | "group" | "gid") => {
                parameters::read_file(&mut unix.file, name, arguments)?;
            }
            _ => return Err(choice(word, &["prefix", "mode", "user", "uid", "group", "gid"])),
        }
    }
    arguments.environment.set_unix(unix);
    Ok(())
}

const SOCKET_PARAMETERS: &[Parameter<StatsSocket>] = &[
    Parameter {
        name: "mode",
        syntax: "<mode>",
        read: |socket, arguments| parameters::read_file(&mut socket.file, "mode", arguments),
        write: |socket| parameters::write_file(&socket.file),
    },
    file("user", "<user>", |socket, arguments| parameters::read_file(&mut socket.file, "user", arguments)),
    file("uid", "<number>", |socket, arguments| parameters::read_file(&mut socket.file, "uid", arguments)),
    file("group", "<group>", |socket, arguments| parameters::read_file(&mut socket.file, "group", arguments)),
    file("gid", "<number>", |socket, arguments| parameters::read_file(&mut socket.file, "gid", arguments)),
    Parameter {
        name: "level",
        syntax: "{ user | operator | admin }",
        read: |socket, arguments| {
            let word = arguments.take("'user', 'operator' or 'admin'")?;
            socket.level = Some(match word.text.as_str() {
                "user" => Level::User,
                "operator" => Level::Operator,
                "admin" => Level::Admin,
                _ => return Err(choice(word, &["user", "operator", "admin"])),
            });
            Ok(())
        },
        write: |socket| {
            socket.level.iter().flat_map(|level| ["level".to_owned(), level.word().to_owned()]).collect()
        },
    },
    Parameter {
        name: "severity-output",
        syntax: "{ none | number | string }",
        read: |socket, arguments| {
            let word = arguments.take("'none', 'number' or 'string'")?;
            socket.severity = match word.text.as_str() {
                "none" => None,
                "number" => Some(SeverityOutput::Number),
                "string" => Some(SeverityOutput::Word),
                _ => return Err(choice(word, &["none", "number", "string"])),
            };
            Ok(())
        },
        write: |socket| {
            let word = match socket.severity {
                None => return Vec::new(),
                Some(SeverityOutput::Number) => "number",
                Some(SeverityOutput::Word) => "string",
            };
            vec!["severity-output".to_owned(), word.to_owned()]
        },
    },
    Parameter {
        name: "volatile",
        syntax: "",
        read: |socket, _| {
            socket.volatile = true;
            Ok(())
        },
        write: |socket| if socket.volatile { vec!["volatile".to_owned()] } else { Vec::new() },
    },
];

/// The names and arguments of a text socket's parameters.
pub fn socket_parameters() -> impl Iterator<Item = (&'static str, &'static str)> {
    SOCKET_PARAMETERS.iter().map(|parameter| (parameter.name, parameter.syntax))
}

const fn file(
    name: &'static str,
    syntax: &'static str,
    read: fn(&mut StatsSocket, &mut Arguments) -> Reading<()>,
) -> Parameter<StatsSocket> {
    Parameter { name, syntax, read, write: |_| Vec::new() }
}

fn read_stats_socket(global: &mut Global, arguments: &mut Arguments) -> Reading<()> {
    global.stats_sockets.push(read_socket(arguments)?);
    Ok(())
}

/// Reads the arguments of `stats socket`: an address and parameters.
pub fn read_socket(arguments: &mut Arguments) -> Reading<StatsSocket> {
    let word = arguments.take("an address such as '/run/regate.sock'")?;
    let address = bind_address(word, &word.text, "", arguments.environment)?;
    let mut socket =
        StatsSocket { address, level: None, severity: None, volatile: false, file: SocketFile::default() };
    parameters::read(&mut socket, arguments, SOCKET_PARAMETERS, keywords::STATS_SOCKET)?;
    arguments.finish()?;
    if let BindAddress::Unix(_) = socket.address {
        let unix = arguments.environment.unix().file;
        socket.file.mode = socket.file.mode.or(unix.mode);
        socket.file.user = socket.file.user.or(unix.user);
        socket.file.group = socket.file.group.or(unix.group);
    }
    Ok(socket)
}

fn write_stats_sockets(global: &Global, lines: &mut Lines) {
    for socket in &global.stats_sockets {
        let mut words = vec![spell_bind(&socket.address)];
        words.extend(parameters::write(socket, SOCKET_PARAMETERS));
        lines.push(words);
    }
}
