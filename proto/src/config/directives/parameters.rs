//! Words with optional arguments after `bind`, `server`, `default-server` and `stats socket`, and those rows.

use crate::model::SocketFile;

use super::super::diagnostic::Gravity;
use super::super::keywords::{self, Known, Status};
use super::arguments::{Arguments, Reading, choice, expecting};
use super::{Action, Directive, Sections, binds, servers};

/// One parameter of something of type `T`.
pub struct Parameter<T> {
    /// The word.
    pub name: &'static str,
    /// Its argument, if it takes one.
    pub syntax: &'static str,
    /// Takes its argument.
    pub read: fn(&mut T, &mut Arguments) -> Reading<()>,
    /// The words that read as this; none when there is nothing to say.
    pub write: fn(&T) -> Vec<String>,
}

/// The row of `bind`.
pub(super) const BIND: &[Directive] = &[Directive {
    name: "bind",
    sections: Sections::LISTENING,
    syntax: "<address>[,…] [ <parameter> … ]",
    negatable: false,
    repeats: true,
    action: Action::Proxy { read: binds::read, write: binds::write },
    accepted: &[
        "bind *:8080",
        "bind 127.0.0.1:8080-8090 name local maxconn 100 backlog 50",
        "bind [::]:80 accept-proxy v6only",
        "bind unix@/run/www.sock mode 600 user www-data group www-data",
        "bind abns@www id 4",
        "bind fd@3",
        "bind fd@${LISTENER}",
        "bind *:443 defer-accept interface eth0",
        "bind *:443 mss -40 tcp-ut 30s tfo transparent cc bbr namespace red",
    ],
    refused: &[
        "bind",
        "bind 80",
        "bind *:0",
        "bind *:x",
        "bind *:9-8",
        "bind *:80 naem x",
        "bind *:80 ssl",
        "bind *:80 name",
        "bind *:80 mss 0",
        "bind *:80 mss 70000",
        "bind *:80 tcp-ut often",
        "bind *:80 namespace a/b",
        "bind quic4@:443",
        "bind nosuch@x",
    ],
}];

/// The rows of servers.
pub(super) const SERVERS: &[Directive] = &[
    Directive {
        name: "default-server",
        sections: Sections::BACK,
        syntax: "<parameter> …",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: servers::read_default, write: servers::write_default },
        accepted: &["default-server weight 10 maxconn 50", "default-server no-check inter 3s rise 1 fall 2"],
        refused: &["default-server wieght 10", "default-server id 3", "default-server rise 0"],
    },
    Directive {
        name: "server",
        sections: Sections::SERVING,
        syntax: "<name> <address>[:[port]] [ <parameter> … ]",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: servers::read, write: servers::write },
        accepted: &[
            "server s1 192.0.2.1:80",
            "server s2 192.0.2.2 weight 10 backup",
            "server s9 192.0.2.9:80 weight 0 slowstart 30s",
            "server s3 [2001:db8::1]:8080 maxconn 100 send-proxy",
            "server s8 192.0.2.8:80 maxconn 10 minconn 2 maxqueue 5 cookie s8",
            "server s4 app.example.com:80 disabled",
            "server s5 unix@/run/app.sock send-proxy-v2",
            "server s6 192.0.2.2:+1000 id 9",
            "server s8 192.0.2.8:80 check inter 2s fastinter 500ms downinter 10s rise 2 fall 3 port 8080 addr 192.0.2.9 check-send-proxy",
            "server s9 192.0.2.9:80 agent-check agent-addr agent.example agent-port 9000 agent-inter 5s agent-send 'hi there'",
            "server s10 192.0.2.9:80 check observe layer7 on-error mark-down error-limit 5 on-marked-down shutdown-sessions",
            "server s11 192.0.2.9:80 backup check on-marked-up shutdown-backup-sessions init-state fully-down",
            "server s7 192.0.2.7:80 pool-max-conn 20 pool-low-conn 2 pool-purge-delay 5s max-reuse 100 non-stick",
            "server s8 192.0.2.8:80 source 192.0.2.1 interface eth0 usesrc clientip tcp-ut 30s tfo cc bbr namespace red",
            "server s8 192.0.2.8:80 socks4 192.0.2.9:1080 check-via-socks4 hash-key addr-port redir http://x.example",
            "server s8 192.0.2.8:80 send-proxy-v2 proxy-v2-options ssl,crc32c,unique-id",
            "server s8 app.example.com:80 resolvers default init-addr last,libc,none resolve-prefer ipv4",
            "server s9 _http._tcp.example.com resolve-net 10.0.0.0/8,2001:db8::/32 resolve-opts allow-dup-ip,ignore-weight",
            "server s10 app.example.com:80 init-addr 192.0.2.1 resolve-opts prevent-dup-ip",
        ],
        refused: &[
            "server",
            "server s1",
            "server a/b 192.0.2.1",
            "server s1 192.0.2.1:80 weight 300",
            "server s1 192.0.2.1:80 cookie",
            "server s1 192.0.2.1:80 cookie a;b",
            "server s1 192.0.2.1:80 maxqueue many",
            "server s1 192.0.2.1:80 socks4 192.0.2.9",
            "server s1 192.0.2.1:80 proxy-v2-options all",
            "server s1 192.0.2.1:80 hash-key port",
            "server s1 192.0.2.1:80 namespace a/b",
            "server s1 192.0.2.1:80 redir",
            "server s1 192.0.2.1:80 tcp-ut",
            "server s1 192.0.2.1:80 check-ssl",
            "server s1 192.0.2.1:80 check inter",
            "server s1 192.0.2.1:80 check rise 0",
            "server s1 192.0.2.1:80 check port 0",
            "server s1 192.0.2.1:80 check addr a/b",
            "server s1 192.0.2.1:80 check observe layer5",
            "server s1 192.0.2.1:80 check on-error panic",
            "server s1 192.0.2.1:80 check on-marked-down shutdown",
            "server s1 192.0.2.1:80 track a/b/c",
            "server s1 192.0.2.1:80 check init-state half-up",
            "server s1 192.0.2.1:80 wait",
            "server s1 192.0.2.1:99999",
            "server s1 a b c",
            "server s1 app.example.com:80 init-addr first",
            "server s1 app.example.com:80 resolve-prefer ipv5",
            "server s1 app.example.com:80 resolve-net 10.0.0.0/33",
            "server s1 app.example.com:80 resolve-opts allow-dup-ip,all",
            "server s1 app.example.com:80 resolvers",
        ],
    },
    Directive {
        name: "server-template",
        sections: Sections::SERVING,
        syntax: "<prefix> <count | first-last> <name>[:[port]] [ <parameter> … ]",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: servers::read_template, write: servers::write_templates },
        accepted: &[
            "server-template web 3 app.example.com:80 weight 10",
            "server-template web 5-8 _http._tcp.example.com resolvers default init-addr none",
        ],
        refused: &[
            "server-template",
            "server-template web",
            "server-template web 3",
            "server-template web 0 app.example.com:80",
            "server-template web 3-2 app.example.com:80",
            "server-template web 1-1000000 app.example.com:80",
            "server-template web x app.example.com:80",
            "server-template w/b 3 app.example.com:80",
            "server-template web 3 app.example.com:80 id 5",
        ],
    },
];

/// Reads parameters until the end of the line.
pub fn read<T>(
    target: &mut T,
    arguments: &mut Arguments,
    table: &[Parameter<T>],
    known: &[Known],
) -> Reading<()> {
    while arguments.peek().is_some() {
        read_one(target, arguments, table, known)?;
    }
    Ok(())
}

/// Reads one parameter. One that is known and not supported is an error that does not stop the reading of the
/// line; a word that nobody knows does.
pub fn read_one<T>(
    target: &mut T,
    arguments: &mut Arguments,
    table: &[Parameter<T>],
    known: &[Known],
) -> Reading<()> {
    let word = arguments.take("a parameter")?;
    if let Some(parameter) = table.iter().find(|parameter| parameter.name == word.text) {
        return (parameter.read)(target, arguments);
    }
    let Some(row) = known.iter().find(|row| row.name == word.text) else {
        let names = table.iter().map(|parameter| parameter.name);
        let message = format!("'{}' has no parameter '{}'", arguments.name(), word.text);
        let help = match keywords::nearest(&word.text, names.clone().chain(known.iter().map(|row| row.name)))
        {
            Some(near) => format!("did you mean '{near}'?"),
            None => format!("{} are accepted", super::arguments::join(&names.collect::<Vec<_>>(), "and")),
        };
        return Err(expecting(word, message, help));
    };
    for _ in 0..row.arguments {
        if arguments.maybe().is_none() {
            return Err(arguments.missing(&format!("an argument after '{}'", row.name)));
        }
    }
    let owner = arguments.name();
    match row.status {
        Status::Gone(instead) => {
            let message = format!("'{}' is no longer a HAProxy parameter of '{owner}'", row.name);
            return Err(expecting(word, message, instead));
        }
        Status::Harmless(reason) => {
            arguments.remark(Gravity::Notice, word, format!("'{}' is ignored: {reason}", row.name))
        }
        Status::NotYet => arguments.remark(
            Gravity::Error,
            word,
            format!("'{}' is a HAProxy parameter of '{owner}' that Regate does not support yet", row.name),
        ),
    }
    Ok(())
}

/// The words of all parameters that have something to say.
pub fn write<T>(target: &T, table: &[Parameter<T>]) -> Vec<String> {
    table.iter().flat_map(|parameter| (parameter.write)(target)).collect()
}

/// Mode and owner of a socket's file, on whatever has one.
pub fn read_file(file: &mut SocketFile, parameter: &str, arguments: &mut Arguments) -> Reading<()> {
    match parameter {
        "mode" => {
            let word = arguments.take("permission bits in octal")?;
            let bits = u32::from_str_radix(&word.text, 8).ok().filter(|bits| *bits <= 0o7777);
            file.mode = Some(bits.ok_or_else(|| {
                expecting(
                    word,
                    format!("'{}' is not a mode", word.text),
                    "permission bits in octal, such as 660, are expected",
                )
            })?);
        }
        "uid" | "gid" => {
            let number = super::arguments::number(arguments, 0, u32::MAX)?.to_string();
            *(if parameter == "uid" { &mut file.user } else { &mut file.group }) = Some(number);
        }
        "user" => file.user = Some(arguments.take("a user name")?.text.clone()),
        "group" => file.group = Some(arguments.take("a group name")?.text.clone()),
        _ => {
            if let Some(word) = arguments.maybe() {
                return Err(choice(word, &["mode", "user", "uid", "group", "gid"]));
            }
        }
    }
    Ok(())
}

/// How mode and owner are written.
pub fn write_file(file: &SocketFile) -> Vec<String> {
    let mut words = Vec::new();
    if let Some(mode) = file.mode {
        words.extend(["mode".to_owned(), format!("{mode:o}")]);
    }
    let numeric = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    if let Some(user) = &file.user {
        words.extend([if numeric(user) { "uid" } else { "user" }.to_owned(), user.clone()]);
    }
    if let Some(group) = &file.group {
        words.extend([if numeric(group) { "gid" } else { "group" }.to_owned(), group.clone()]);
    }
    words
}
