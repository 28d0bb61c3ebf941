//! How servers are checked: the rows of backends and of the process (configuration manual 3.1, 3.2 and 4.2).
//! Read next: `check_rules.rs`.

use crate::model::{CheckKind, ExternalChecks, Global, ServerHost};

use super::address::server_host;
use super::arguments::{Arguments, COUNT, Codec, Reading, TIME, WORD, choice, number};
use super::check_rules::{read_http_check, read_tcp_check, write_http_check, write_tcp_check};
use super::options::switch;
use super::{Action, Directive, Lines, Sections};

/// A kind of check: `option …`.
macro_rules! kind {
    ($name:literal, $syntax:literal, $read:expr, $write:expr, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: Sections::BACK,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let read: fn(&mut Arguments) -> Reading<CheckKind> = $read;
                    let kind = read(arguments)?;
                    arguments.finish()?;
                    if let Some(side) = &mut draft.backend {
                        side.checks.kind = Some(kind);
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    let write: fn(&CheckKind) -> Option<Vec<String>> = $write;
                    let kind = draft.backend.as_ref().and_then(|side| side.checks.kind.as_ref());
                    if let Some(words) = kind.and_then(write) {
                        lines.push(words);
                    }
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// A kind of check of which nothing more is to be said.
macro_rules! plain_kind {
    ($name:literal, $kind:ident, $refused:expr) => {
        kind!(
            $name,
            "",
            |_| Ok(CheckKind::$kind),
            |kind| (*kind == CheckKind::$kind).then(Vec::new),
            &[$name],
            $refused
        )
    };
}

/// A setting of a backend's checks that one value spells.
macro_rules! setting {
    ($name:literal, $syntax:literal, $field:ident, $codec:expr, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: Sections::BACK,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    if let Some(side) = &mut draft.backend {
                        side.checks.$field = Some(value);
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    let value = draft.backend.as_ref().and_then(|side| side.checks.$field.as_ref());
                    if let Some(value) = value {
                        lines.push(($codec.write)(value));
                    }
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}

/// The rows of the process.
pub(super) const GLOBAL: &[Directive] = &[
    Directive {
        name: "spread-checks",
        sections: Sections::GLOBAL,
        syntax: "<percent>",
        negatable: false,
        repeats: false,
        action: Action::Global {
            read: |global, arguments| {
                global.checks.spread = Some(number(arguments, 0, 50)?);
                arguments.finish()
            },
            write: |global, lines| lines.lines.extend(spell(global.checks.spread.as_ref(), COUNT)),
        },
        accepted: &["spread-checks 5"],
        refused: &["spread-checks", "spread-checks 51", "spread-checks -1", "spread-checks 3 4"],
    },
    Directive {
        name: "max-spread-checks",
        sections: Sections::GLOBAL,
        syntax: "<time>",
        negatable: false,
        repeats: false,
        action: Action::Global {
            read: |global, arguments| {
                global.checks.max_spread = Some((TIME.read)(arguments)?);
                arguments.finish()
            },
            write: |global, lines| lines.lines.extend(spell(global.checks.max_spread.as_ref(), TIME)),
        },
        accepted: &["max-spread-checks 500ms"],
        refused: &["max-spread-checks", "max-spread-checks soon"],
    },
    Directive {
        name: "external-check",
        sections: Sections::GLOBAL,
        syntax: "[ preserve-env ]",
        negatable: false,
        repeats: false,
        action: Action::Global {
            read: |global, arguments| {
                global.checks.external = Some(match arguments.maybe() {
                    None => ExternalChecks::CleanEnvironment,
                    Some(word) if word.text == "preserve-env" => ExternalChecks::WholeEnvironment,
                    Some(word) => return Err(choice(word, &["preserve-env"])),
                });
                arguments.finish()
            },
            write: |global: &Global, lines: &mut Lines| match global.checks.external {
                None => {}
                Some(ExternalChecks::CleanEnvironment) => lines.push(Vec::new()),
                Some(ExternalChecks::WholeEnvironment) => lines.push(vec!["preserve-env".to_owned()]),
            },
        },
        accepted: &["external-check", "external-check preserve-env"],
        refused: &["external-check on", "external-check preserve-env x"],
    },
];

/// The rows of backends.
pub(super) const ROWS: &[Directive] = &[
    kind!(
        "option httpchk",
        "[ [ <method> ] <uri> [ <version> ] ]",
        read_httpchk,
        write_httpchk,
        &[
            "option httpchk",
            "option httpchk /up",
            "option httpchk GET /up",
            "option httpchk GET /up HTTP/1.1"
        ],
        &["option httpchk GET /up HTTP/1.1 x"]
    ),
    plain_kind!("option tcp-check", Tcp, &["option tcp-check now"]),
    plain_kind!("option ssl-hello-chk", SslHello, &["option ssl-hello-chk now"]),
    kind!(
        "option smtpchk",
        "[ { HELO | EHLO } <domain> ]",
        read_smtpchk,
        |kind| match kind {
            CheckKind::Smtp { extended: false, domain } if domain == "localhost" => Some(Vec::new()),
            CheckKind::Smtp { extended, domain } => {
                Some(vec![if *extended { "EHLO" } else { "HELO" }.to_owned(), domain.clone()])
            }
            _ => None,
        },
        &["option smtpchk", "option smtpchk EHLO mx.example", "option smtpchk HELO mx.example"],
        &["option smtpchk HOLA x", "option smtpchk EHLO a b", "option smtpchk EHLO"]
    ),
    kind!(
        "option mysql-check",
        "[ user <name> [ { post-41 | pre-41 } ] ]",
        read_mysql,
        |kind| match kind {
            CheckKind::Mysql { user: None, .. } => Some(Vec::new()),
            CheckKind::Mysql { user: Some(user), old } => {
                let mut words = vec!["user".to_owned(), user.clone()];
                words.extend(old.then(|| "pre-41".to_owned()));
                Some(words)
            }
            _ => None,
        },
        &["option mysql-check", "option mysql-check user probe", "option mysql-check user probe pre-41"],
        &["option mysql-check probe", "option mysql-check user", "option mysql-check user probe new"]
    ),
    kind!(
        "option pgsql-check",
        "user <name>",
        |arguments| {
            let word = arguments.take("'user'")?;
            if word.text != "user" {
                return Err(choice(word, &["user"]));
            }
            Ok(CheckKind::Pgsql { user: arguments.take("a user name")?.text.clone() })
        },
        |kind| match kind {
            CheckKind::Pgsql { user } => Some(vec!["user".to_owned(), user.clone()]),
            _ => None,
        },
        &["option pgsql-check user probe"],
        &["option pgsql-check", "option pgsql-check probe", "option pgsql-check user"]
    ),
    plain_kind!("option redis-check", Redis, &["option redis-check now"]),
    plain_kind!("option ldap-check", Ldap, &["option ldap-check now"]),
    plain_kind!("option spop-check", Spop, &["option spop-check now"]),
    plain_kind!("option external-check", External, &["option external-check now"]),
    switch!(
        "option log-health-checks",
        Sections::BACK,
        backend.checks.log,
        &["option log-health-checks", "no option log-health-checks"],
        &["option log-health-checks now"]
    ),
    setting!(
        "timeout check",
        "<time>",
        timeout,
        TIME,
        &["timeout check 3s"],
        &["timeout check", "timeout check x"]
    ),
    setting!(
        "external-check command",
        "<path>",
        command,
        WORD,
        &["external-check command /usr/local/bin/probe"],
        &["external-check command", "external-check command a b"]
    ),
    setting!(
        "external-check path",
        "<path>",
        path,
        WORD,
        &["external-check path /usr/bin:/bin"],
        &["external-check path"]
    ),
    Directive {
        name: "http-check",
        sections: Sections::BACK,
        syntax: "{ comment | connect | disable-on-404 | expect | send | send-state | set-var(…) | unset-var(…) } …",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: read_http_check, write: write_http_check },
        accepted: &[
            "http-check disable-on-404",
            "http-check send-state",
            "http-check comment 'the front page'",
            "http-check connect",
            "http-check connect default port 8080 addr 192.0.2.1 send-proxy linger comment second",
            "http-check send uri-lf /%[srv_name] body-lf %[be_name]",
            "http-check expect status-code int(1) hdr name-lf x value-lf -m beg y",
            "http-check set-var(check.x) str(a),upper",
            "http-check unset-var(check.x)",
            "http-check send",
            "http-check send meth GET uri /up ver HTTP/1.1 hdr Host app.example hdr X-Probe yes body 'a b' comment c",
            "http-check expect status 200-399,404",
            "http-check expect ! rstatus ^5",
            "http-check expect min-recv 10 comment c ok-status L7OKC error-status L7RSP tout-status L7TOUT on-success fine on-error bad string ok",
            "http-check expect rstring ^ok$",
            "http-check expect hdr name x-up",
            "http-check expect fhdr name -m beg x- value -m reg ^1",
            "http-check expect hdr name x-up value yes",
        ],
        refused: &[
            "http-check",
            "http-check expected",
            "http-check disable-on-404 now",
            "http-check send-state now",
            "http-check comment",
            "http-check connect ssl",
            "http-check connect port 0",
            "http-check connect port http",
            "http-check connect addr",
            "http-check send meth",
            "http-check send hdr Host",
            "http-check send uri-lf %[path]",
            "http-check send hdr Host %[method]",
            "http-check send hdr Host %[nothing]",
            "http-check expect",
            "http-check expect !",
            "http-check expect status 99",
            "http-check expect status 300-200",
            "http-check expect status",
            "http-check expect rstring (",
            "http-check expect string a string b",
            "http-check expect binary 41",
            "http-check expect hdr x-up",
            "http-check expect hdr name x-up value -m dom y",
            "http-check expect ok-status L7RSP string a",
            "http-check expect on-error %[path] string a",
            "http-check expect status-code path string a",
            "http-check expect hdr name-lf -m reg x",
            "http-check set-var(check.x)",
            "http-check set-var(nowhere.x) int(1)",
            "http-check set-var(check.x) path",
            "http-check unset-var(x)",
        ],
    },
    Directive {
        name: "tcp-check",
        sections: Sections::BACK,
        syntax: "{ comment | connect | expect | send | send-lf | send-binary | send-binary-lf | set-var(…) | unset-var(…) } …",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: read_tcp_check, write: write_tcp_check },
        accepted: &[
            "tcp-check comment greeting",
            "tcp-check connect port 6379",
            "tcp-check send PING comment c",
            "tcp-check send-binary 50494e47",
            "tcp-check expect string +PONG",
            "tcp-check expect comment c ! rstring ^-ERR",
            "tcp-check expect binary 2b504f",
            "tcp-check expect min-recv -1 rbinary ^2b",
            "tcp-check send-lf %[srv_name] comment c",
            "tcp-check send-binary-lf %[srv_name,hex]",
            "tcp-check expect string-lf %[var(check.x)]",
            "tcp-check expect binary-lf %[var(check.x),hex]",
            "tcp-check set-var(check.x) int(1)",
            "tcp-check set-var-fmt(check.x) a%[srv_id]",
            "tcp-check unset-var(check.x)",
        ],
        refused: &[
            "tcp-check",
            "tcp-check comment",
            "tcp-check send",
            "tcp-check send a b",
            "tcp-check send-lf %[path]",
            "tcp-check send-binary 5",
            "tcp-check send-binary zz",
            "tcp-check expect",
            "tcp-check expect status 200",
            "tcp-check expect binary x",
            "tcp-check expect rbinary [",
            "tcp-check connect via-socks4",
            "tcp-check set-var(check.x",
            "tcp-check unset-var(check.x) int(1)",
        ],
    },
];

/// The host that checks go to.
pub const HOST: Codec<ServerHost> = Codec {
    read: |arguments| server_host(arguments.take("an address or a host name")?),
    write: |host| {
        vec![match host {
            ServerHost::Ip(ip) => ip.to_string(),
            ServerHost::Named(name) => name.clone(),
        }]
    },
};

/// A port that can be connected to.
pub const PORT: Codec<u16> = Codec {
    read: |arguments| Ok(number(arguments, 1, u32::from(u16::MAX))? as u16),
    write: |port| vec![port.to_string()],
};

fn spell<T>(value: Option<&T>, codec: Codec<T>) -> Option<(bool, Vec<String>)> {
    value.map(|value| (false, (codec.write)(value)))
}

fn read_httpchk(arguments: &mut Arguments) -> Reading<CheckKind> {
    let words: Vec<String> =
        std::iter::from_fn(|| arguments.maybe().map(|word| word.text.clone())).take(3).collect();
    let mut words = words.into_iter();
    Ok(match (words.next(), words.next(), words.next()) {
        (Some(uri), None, _) => CheckKind::Http { method: None, uri: Some(uri), version: None },
        (method, uri, version) => CheckKind::Http { method, uri, version },
    })
}

fn write_httpchk(kind: &CheckKind) -> Option<Vec<String>> {
    let CheckKind::Http { method, uri, version } = kind else { return None };
    // What stands after something absent has no place of its own.
    let method = method.clone().or_else(|| version.as_ref().map(|_| "OPTIONS".to_owned()));
    let uri = uri.clone().or_else(|| method.as_ref().map(|_| "/".to_owned()));
    Some([method, uri, version.clone()].into_iter().flatten().collect())
}

fn read_smtpchk(arguments: &mut Arguments) -> Reading<CheckKind> {
    let Some(word) = arguments.maybe() else {
        return Ok(CheckKind::Smtp { extended: false, domain: "localhost".to_owned() });
    };
    let extended = match word.text.as_str() {
        "EHLO" => true,
        "HELO" => false,
        _ => return Err(choice(word, &["HELO", "EHLO"])),
    };
    Ok(CheckKind::Smtp { extended, domain: arguments.take("a domain")?.text.clone() })
}

fn read_mysql(arguments: &mut Arguments) -> Reading<CheckKind> {
    let Some(word) = arguments.maybe() else { return Ok(CheckKind::Mysql { user: None, old: false }) };
    if word.text != "user" {
        return Err(choice(word, &["user"]));
    }
    let user = Some(arguments.take("a user name")?.text.clone());
    let old = match arguments.maybe() {
        None => false,
        Some(word) if word.text == "post-41" => false,
        Some(word) if word.text == "pre-41" => true,
        Some(word) => return Err(choice(word, &["post-41", "pre-41"])),
    };
    Ok(CheckKind::Mysql { user, old })
}
