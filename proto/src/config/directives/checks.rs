//! How servers are checked: the rows of backends and of the process (configuration manual 3.1, 3.2 and 4.2).

use regex::bytes::RegexBuilder;

use crate::model::{
    BackendChecks, CheckConnect, CheckExpect, CheckKind, CheckRequest, CheckRule, CheckStatus, Expected,
    ExternalChecks, Global, MatchMethod, Matched, ServerHost,
};

use super::super::lexer::Word;
use super::address::server_host;
use super::arguments::{
    Arguments, COUNT, Codec, Polarity, Reading, TIME, WORD, about, choice, expecting, not_yet, number, signed,
};
use super::{Action, Directive, Draft, Lines, Sections};

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
    Directive {
        name: "option log-health-checks",
        sections: Sections::BACK,
        syntax: "",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                arguments.finish()?;
                if let Some(side) = &mut draft.backend {
                    side.checks.log = match arguments.polarity {
                        Polarity::Plain => Some(true),
                        Polarity::No => Some(false),
                        Polarity::Default => None,
                    };
                }
                Ok(())
            },
            write: |draft, lines| match draft.backend.as_ref().and_then(|side| side.checks.log) {
                Some(true) => lines.push(Vec::new()),
                Some(false) => lines.push_no(),
                None => {}
            },
        },
        accepted: &["option log-health-checks", "no option log-health-checks"],
        refused: &["option log-health-checks now"],
    },
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
        syntax: "{ comment | connect | disable-on-404 | expect | send | send-state } …",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: read_http_check, write: write_http_check },
        accepted: &[
            "http-check disable-on-404",
            "http-check send-state",
            "http-check comment 'the front page'",
            "http-check connect",
            "http-check connect default port 8080 addr 192.0.2.1 send-proxy linger comment second",
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
            "http-check send uri-lf %[src]",
            "http-check send hdr Host %[src]",
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
            "http-check expect on-error %[src] string a",
            "http-check set-var(check.x) int(1)",
            "http-check unset-var(check.x)",
        ],
    },
    Directive {
        name: "tcp-check",
        sections: Sections::BACK,
        syntax: "{ comment | connect | expect | send | send-binary } …",
        negatable: false,
        repeats: true,
        action: Action::Proxy { read: read_tcp_check, write: write_tcp_check },
        accepted: &[
            "tcp-check comment greeting",
            "tcp-check connect port 6379",
            "tcp-check send PING comment c",
            "tcp-check send-binary 50494e47",
            "tcp-check expect string +PONG",
            "tcp-check expect ! rstring ^-ERR comment c",
            "tcp-check expect binary 2b504f",
            "tcp-check expect min-recv -1 rbinary ^2b",
        ],
        refused: &[
            "tcp-check",
            "tcp-check comment",
            "tcp-check send",
            "tcp-check send a b",
            "tcp-check send-lf %[src]",
            "tcp-check send-binary 5",
            "tcp-check send-binary zz",
            "tcp-check expect",
            "tcp-check expect status 200",
            "tcp-check expect binary x",
            "tcp-check expect rbinary [",
            "tcp-check connect via-socks4",
            "tcp-check set-var(check.x) int(1)",
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

fn read_http_check(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    const STEPS: &[&str] = &["comment", "connect", "disable-on-404", "expect", "send", "send-state"];
    let word = arguments.take("'expect', 'send' or another step")?;
    let mut nothing = BackendChecks::default();
    let checks = draft.backend.as_mut().map_or(&mut nothing, |side| &mut side.checks);
    match word.text.as_str() {
        "disable-on-404" => checks.disable_on_404 = Some(true),
        "send-state" => checks.send_state = Some(true),
        "comment" => {
            checks.http_rules.push(CheckRule::Comment(arguments.take("a comment")?.text.clone()));
        }
        "connect" => checks.http_rules.push(CheckRule::Connect(read_connect(arguments)?)),
        "send" => checks.http_rules.push(CheckRule::Request(read_request(arguments)?)),
        "expect" => checks.http_rules.push(CheckRule::Expect(read_expect(arguments, true)?)),
        _ => return Err(step_issue(word, "http-check", STEPS)),
    }
    arguments.finish()
}

fn write_http_check(draft: &Draft, lines: &mut Lines) {
    let Some(checks) = draft.backend.as_ref().map(|side| &side.checks) else { return };
    if checks.disable_on_404 == Some(true) {
        lines.push(vec!["disable-on-404".to_owned()]);
    }
    if checks.send_state == Some(true) {
        lines.push(vec!["send-state".to_owned()]);
    }
    checks.http_rules.iter().for_each(|rule| lines.push(write_rule(rule)));
}

fn read_tcp_check(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    const STEPS: &[&str] = &["comment", "connect", "expect", "send", "send-binary"];
    let word = arguments.take("'expect', 'send' or another step")?;
    let rule = match word.text.as_str() {
        "comment" => CheckRule::Comment(arguments.take("a comment")?.text.clone()),
        "connect" => CheckRule::Connect(read_connect(arguments)?),
        "send" => {
            let data = arguments.take("a text")?.text.clone().into_bytes();
            CheckRule::Send { data, binary: false, comment: read_comment(arguments)? }
        }
        "send-binary" => {
            let data = read_hexadecimal(arguments.take("bytes in hexadecimal")?)?;
            CheckRule::Send { data, binary: true, comment: read_comment(arguments)? }
        }
        "expect" => CheckRule::Expect(read_expect(arguments, false)?),
        "send-lf" | "send-binary-lf" => return Err(not_yet(word, "tcp-check")),
        _ => return Err(step_issue(word, "tcp-check", STEPS)),
    };
    arguments.finish()?;
    if let Some(side) = &mut draft.backend {
        side.checks.tcp_rules.push(rule);
    }
    Ok(())
}

fn write_tcp_check(draft: &Draft, lines: &mut Lines) {
    if let Some(side) = &draft.backend {
        side.checks.tcp_rules.iter().for_each(|rule| lines.push(write_rule(rule)));
    }
}

fn step_issue(word: &Word, of: &str, steps: &[&str]) -> super::super::diagnostic::Issue {
    let is_variable = ["set-var", "unset-var"].iter().any(|name| word.text.starts_with(name));
    if is_variable { not_yet(word, of) } else { choice(word, steps) }
}

fn read_comment(arguments: &mut Arguments) -> Reading<Option<String>> {
    if !arguments.accept("comment") {
        return Ok(None);
    }
    Ok(Some(arguments.take("a comment")?.text.clone()))
}

fn read_connect(arguments: &mut Arguments) -> Reading<CheckConnect> {
    let mut connect = CheckConnect::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "default" => connect.default = true,
            "port" => connect.port = Some((PORT.read)(arguments)?),
            "addr" => connect.host = Some((HOST.read)(arguments)?),
            "send-proxy" => connect.send_proxy = true,
            "linger" => connect.linger = true,
            "comment" => connect.comment = Some(arguments.take("a comment")?.text.clone()),
            "ssl" | "sni" | "alpn" | "proto" | "via-socks4" => return Err(not_yet(word, "connect")),
            _ => {
                return Err(choice(word, &["default", "port", "addr", "send-proxy", "linger", "comment"]));
            }
        }
    }
    Ok(connect)
}

fn read_request(arguments: &mut Arguments) -> Reading<CheckRequest> {
    let mut request = CheckRequest::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "meth" => request.method = Some(arguments.take("a method")?.text.clone()),
            "uri" => request.uri = Some(arguments.take("a target")?.text.clone()),
            "ver" => request.version = Some(arguments.take("a version")?.text.clone()),
            "hdr" => {
                let name = arguments.take("the name of a header field")?;
                if !name.text.bytes().all(is_token) {
                    return Err(about(name, format!("'{}' is not the name of a header field", name.text)));
                }
                request.headers.push((name.text.clone(), format(arguments, "the value of a header field")?));
            }
            "body" => request.body = Some(format(arguments, "a body")?),
            "comment" => request.comment = Some(arguments.take("a comment")?.text.clone()),
            "uri-lf" | "body-lf" => return Err(not_yet(word, "http-check send")),
            _ => return Err(choice(word, &["meth", "uri", "ver", "hdr", "body", "comment"])),
        }
    }
    Ok(request)
}

fn read_expect(arguments: &mut Arguments, http: bool) -> Reading<CheckExpect> {
    const HTTP: &[&str] = &["status", "rstatus", "hdr", "fhdr", "string", "rstring"];
    const TCP: &[&str] = &["string", "rstring", "binary", "rbinary"];
    let matches = if http { HTTP } else { TCP };
    let mut expect = CheckExpect::default();
    let mut what: Option<Expected> = None;
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "min-recv" => expect.minimum = Some(signed(arguments, -1, i32::MAX)?),
            "comment" => expect.comment = Some(arguments.take("a comment")?.text.clone()),
            "ok-status" => expect.ok_status = Some(read_status(arguments, &CheckStatus::PASSED)?),
            "error-status" => expect.error_status = Some(read_status(arguments, &CheckStatus::FAILED)?),
            "tout-status" => expect.timeout_status = Some(read_status(arguments, &CheckStatus::LATE)?),
            "on-success" => expect.on_success = Some(format(arguments, "a text")?),
            "on-error" => expect.on_error = Some(format(arguments, "a text")?),
            "status-code" | "string-lf" | "binary-lf" => return Err(not_yet(word, "expect")),
            "!" if what.is_none() && !expect.inverse => expect.inverse = true,
            name if what.is_none() && matches.contains(&name) => {
                what = Some(read_expected(name, arguments)?);
            }
            _ if what.is_some() => {
                return Err(about(word, format!("'expect' does not take '{}' here", word.text)));
            }
            _ => return Err(choice(word, matches)),
        }
    }
    expect.what = what.ok_or_else(|| arguments.missing(&super::arguments::join(matches, "or")))?;
    Ok(expect)
}

fn read_expected(name: &str, arguments: &mut Arguments) -> Reading<Expected> {
    Ok(match name {
        "status" => {
            let word = arguments.take("statuses such as 200,300-399")?;
            let ranges: Option<Vec<(u16, u16)>> = word.text.split(',').map(status_range).collect();
            let help = "numbers from 100 to 999 and ranges of them, with commas between, are expected";
            let issue = || expecting(word, format!("'{}' is no list of statuses", word.text), help);
            Expected::Status(ranges.ok_or_else(issue)?)
        }
        "rstatus" => Expected::StatusPattern(pattern(arguments)?),
        "hdr" | "fhdr" => {
            let word = arguments.take("'name'")?;
            match word.text.as_str() {
                "name" => {}
                "name-lf" => return Err(not_yet(word, "expect hdr")),
                _ => return Err(choice(word, &["name"])),
            }
            let matched = read_matched(arguments)?;
            if let Some(next) = arguments.peek().filter(|next| next.text == "value-lf") {
                return Err(not_yet(next, "expect hdr"));
            }
            let value = if arguments.accept("value") { Some(read_matched(arguments)?) } else { None };
            Expected::Header { full: name == "fhdr", name: matched, value }
        }
        "string" => Expected::Text(arguments.take("a text")?.text.clone()),
        "rstring" => Expected::Pattern(pattern(arguments)?),
        "binary" => Expected::Bytes(read_hexadecimal(arguments.take("bytes in hexadecimal")?)?),
        _ => Expected::BytesPattern(pattern(arguments)?),
    })
}

fn read_matched(arguments: &mut Arguments) -> Reading<Matched> {
    let mut method = MatchMethod::Exact;
    if arguments.accept("-m") {
        let word = arguments.take("how to compare")?;
        method = match METHODS.iter().find(|(name, _)| *name == word.text) {
            Some((_, method)) => *method,
            None => return Err(choice(word, &METHODS.map(|(name, _)| name))),
        };
    }
    let text = match method {
        MatchMethod::Pattern => pattern(arguments)?,
        _ => arguments.take("a text")?.text.clone(),
    };
    Ok(Matched { method, text })
}

fn read_status(arguments: &mut Arguments, accepted: &[CheckStatus]) -> Reading<CheckStatus> {
    let word = arguments.take("a status")?;
    let found = accepted.iter().find(|status| status.word() == word.text).copied();
    found.ok_or_else(|| {
        let words: Vec<&str> = accepted.iter().map(|status| status.word()).collect();
        choice(word, &words)
    })
}

fn status_range(text: &str) -> Option<(u16, u16)> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().ok().filter(|number| (100..=999).contains(number));
    let (first, last) = (number(first)?, number(last)?);
    (first <= last).then_some((first, last))
}

/// A regular expression, checked.
fn pattern(arguments: &mut Arguments) -> Reading<String> {
    let word = arguments.take("a regular expression")?;
    match RegexBuilder::new(&word.text).size_limit(LARGEST_PATTERN).unicode(false).build() {
        Ok(_) => Ok(word.text.clone()),
        Err(error) => {
            let reason = error.to_string();
            let reason = reason.lines().last().unwrap_or_default().trim_start_matches("error: ");
            let message = format!("'{}' is no regular expression: {reason}", word.text);
            Err(expecting(word, message, "look-around and back-references are not available"))
        }
    }
}

/// A text in which HAProxy would read log variables; they wait for the rule language.
fn format(arguments: &mut Arguments, expected: &str) -> Reading<String> {
    let word = arguments.take(expected)?;
    if word.text.contains('%') {
        return Err(expecting(
            word,
            "log variables exist in HAProxy and are not supported by Regate here yet",
            "a text without '%' is expected",
        ));
    }
    Ok(word.text.clone())
}

fn read_hexadecimal(word: &Word) -> Reading<Vec<u8>> {
    let digit = |byte: &u8| char::from(*byte).to_digit(16);
    let byte = |pair: &[u8]| match pair {
        [high, low] => u8::try_from(digit(high)? * 16 + digit(low)?).ok(),
        _ => None,
    };
    let bytes: Option<Vec<u8>> = word.text.as_bytes().chunks(2).map(byte).collect();
    let help = "an even number of hexadecimal digits is expected";
    bytes.ok_or_else(|| expecting(word, format!("'{}' is not hexadecimal", word.text), help))
}

fn write_rule(rule: &CheckRule) -> Vec<String> {
    let mut out = Vec::new();
    match rule {
        CheckRule::Comment(text) => out.extend(["comment".to_owned(), text.clone()]),
        CheckRule::Connect(connect) => {
            out.push("connect".to_owned());
            out.extend(connect.default.then(|| "default".to_owned()));
            pair(&mut out, "port", connect.port.map(|port| port.to_string()));
            pair(&mut out, "addr", connect.host.as_ref().map(|host| (HOST.write)(host).concat()));
            out.extend(connect.send_proxy.then(|| "send-proxy".to_owned()));
            out.extend(connect.linger.then(|| "linger".to_owned()));
            pair(&mut out, "comment", connect.comment.clone());
        }
        CheckRule::Request(request) => {
            out.push("send".to_owned());
            pair(&mut out, "meth", request.method.clone());
            pair(&mut out, "uri", request.uri.clone());
            pair(&mut out, "ver", request.version.clone());
            for (name, value) in &request.headers {
                out.extend(["hdr".to_owned(), name.clone(), value.clone()]);
            }
            pair(&mut out, "body", request.body.clone());
            pair(&mut out, "comment", request.comment.clone());
        }
        CheckRule::Send { data, binary, comment } => {
            match binary {
                true => out.extend(["send-binary".to_owned(), hexadecimal(data)]),
                false => out.extend(["send".to_owned(), String::from_utf8_lossy(data).into_owned()]),
            }
            pair(&mut out, "comment", comment.clone());
        }
        CheckRule::Expect(expect) => write_expect(expect, &mut out),
    }
    out
}

fn write_expect(expect: &CheckExpect, out: &mut Vec<String>) {
    out.push("expect".to_owned());
    let status = |status: Option<CheckStatus>| status.map(|status| status.word().to_owned());
    pair(out, "min-recv", expect.minimum.map(|count| count.to_string()));
    pair(out, "comment", expect.comment.clone());
    pair(out, "ok-status", status(expect.ok_status));
    pair(out, "error-status", status(expect.error_status));
    pair(out, "tout-status", status(expect.timeout_status));
    pair(out, "on-success", expect.on_success.clone());
    pair(out, "on-error", expect.on_error.clone());
    out.extend(expect.inverse.then(|| "!".to_owned()));
    match &expect.what {
        Expected::Status(ranges) => {
            let range = |(first, last): &(u16, u16)| {
                if first == last { first.to_string() } else { format!("{first}-{last}") }
            };
            let ranges: Vec<String> = ranges.iter().map(range).collect();
            out.extend(["status".to_owned(), ranges.join(",")]);
        }
        Expected::StatusPattern(pattern) => out.extend(["rstatus".to_owned(), pattern.clone()]),
        Expected::Header { full, name, value } => {
            out.push(if *full { "fhdr" } else { "hdr" }.to_owned());
            write_matched("name", name, out);
            if let Some(value) = value {
                write_matched("value", value, out);
            }
        }
        Expected::Text(text) => out.extend(["string".to_owned(), text.clone()]),
        Expected::Pattern(pattern) => out.extend(["rstring".to_owned(), pattern.clone()]),
        Expected::Bytes(bytes) => out.extend(["binary".to_owned(), hexadecimal(bytes)]),
        Expected::BytesPattern(pattern) => out.extend(["rbinary".to_owned(), pattern.clone()]),
    }
}

fn write_matched(word: &str, matched: &Matched, out: &mut Vec<String>) {
    out.push(word.to_owned());
    if matched.method != MatchMethod::Exact
        && let Some((name, _)) = METHODS.iter().find(|(_, method)| *method == matched.method)
    {
        out.extend(["-m".to_owned(), (*name).to_owned()]);
    }
    out.push(matched.text.clone());
}

fn pair(out: &mut Vec<String>, word: &str, value: Option<String>) {
    out.extend(value.map(|value| [word.to_owned(), value]).into_iter().flatten());
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

const METHODS: [(&str, MatchMethod); 5] = [
    ("str", MatchMethod::Exact),
    ("beg", MatchMethod::Prefix),
    ("end", MatchMethod::Suffix),
    ("sub", MatchMethod::Part),
    ("reg", MatchMethod::Pattern),
];

/// Bytes that a compiled regular expression may take.
const LARGEST_PATTERN: usize = 1 << 20;
