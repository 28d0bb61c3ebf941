//! `option …`: switches of proxies, and the few options that take arguments.

use std::net::IpAddr;

use crate::model::{BackendSettings, ForwardFor, FrontendSettings, HttpConnection};

use super::arguments::{Arguments, Polarity, Reading, about, expecting, literal_ip, signed};
use super::{Action, Directive, Draft, Lines, Sections, agreed};

/// A switch: on, off with `no`, or unsaid.
macro_rules! switch {
    ($name:literal, $sections:expr, both.$field:ident, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: "",
            negatable: true,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let value = switched(arguments)?;
                    if let Some(side) = &mut draft.frontend {
                        side.$field = value;
                    }
                    if let Some(side) = &mut draft.backend {
                        side.$field = value;
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    let sides = (
                        draft.frontend.as_ref().map(|s| &s.$field),
                        draft.backend.as_ref().map(|s| &s.$field),
                    );
                    let value = agreed(sides, lines).copied();
                    write_switch(value, lines);
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
    ($name:literal, $sections:expr, $side:ident.$($field:ident).+, $accepted:expr, $refused:expr) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: "",
            negatable: true,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let value = $crate::config::directives::options::switched(arguments)?;
                    if let Some(side) = &mut draft.$side {
                        side.$($field).+ = value;
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    let value = draft.$side.as_ref().and_then(|side| side.$($field).+);
                    $crate::config::directives::options::write_switch(value, lines);
                },
            },
            accepted: $accepted,
            refused: $refused,
        }
    };
}
pub(super) use switch;

/// An older spelling of a switch: read, never written.
macro_rules! old_switch {
    ($name:literal, $sections:expr, $side:ident.$field:ident) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: "",
            negatable: true,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let value = switched(arguments)?;
                    if let Some(side) = &mut draft.$side {
                        side.$field = value;
                    }
                    Ok(())
                },
                write: |_, _| {},
            },
            accepted: &[],
            refused: &[],
        }
    };
}

/// One of the three treatments of connections between requests.
macro_rules! connection {
    ($name:literal, $value:path, $accepted:expr) => {
        Directive {
            name: $name,
            sections: Sections::PROXY,
            syntax: "",
            negatable: true,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| read_connection(draft, arguments, $value),
                write: |draft, lines| write_connection(draft, lines, $value),
            },
            accepted: $accepted,
            refused: &[],
        }
    };
}

/// The header of this name, on either side.
macro_rules! header {
    ($field:ident) => {
        (|side| &side.$field, |side| &side.$field)
    };
}

/// Where a header stands in a frontend's settings, and where in a backend's.
type Sides = (
    fn(&FrontendSettings) -> &Option<Option<ForwardFor>>,
    fn(&BackendSettings) -> &Option<Option<ForwardFor>>,
);

/// The rows.
pub(super) const ROWS: &[Directive] = &[
    connection!("option http-keep-alive", HttpConnection::KeepAlive, &["option http-keep-alive"]),
    connection!("option http-server-close", HttpConnection::ServerClose, &["option http-server-close"]),
    connection!("option httpclose", HttpConnection::Close, &["option httpclose"]),
    Directive {
        name: "option originalto",
        sections: Sections::PROXY,
        syntax: "[ except <network> ] [ header <name> ]",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: read_originalto,
            write: |draft, lines| write_header(draft, lines, header!(originalto)),
        },
        accepted: &[
            "option originalto",
            "option originalto except 127.0.0.0/8 header X-Client-Dst",
            "no option originalto",
        ],
        refused: &["option originalto except", "option originalto if-none", "option originalto header a:b"],
    },
    switch!(
        "option http-buffer-request",
        Sections::PROXY,
        both.buffer_request,
        &["option http-buffer-request", "no option http-buffer-request"],
        &["option http-buffer-request now"]
    ),
    Directive {
        name: "option forwardfor",
        sections: Sections::PROXY,
        syntax: "[ except <network> ] [ header <name> ] [ if-none ]",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: read_forwardfor,
            write: |draft, lines| write_header(draft, lines, header!(forwardfor)),
        },
        accepted: &[
            "option forwardfor",
            "option forwardfor except 127.0.0.0/8 header X-Client if-none",
            "option forwardfor except 2001:db8::/32",
            "no option forwardfor",
        ],
        refused: &[
            "option forwardfor except",
            "option forwardfor except x",
            "option forwardfor except 1.2.3.4/40",
            "option forwardfor header",
            "option forwardfor iff",
            "option forwardfor header a:b",
        ],
    },
    Directive {
        name: "option redispatch",
        sections: Sections::BACK,
        syntax: "[ <interval> ]",
        negatable: true,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let value = match arguments.polarity {
                    Polarity::Plain if arguments.peek().is_some() => {
                        Some(signed(arguments, i32::MIN, i32::MAX)?)
                    }
                    Polarity::Plain => Some(-1),
                    Polarity::No => Some(0),
                    Polarity::Default => None,
                };
                arguments.finish()?;
                if let Some(side) = &mut draft.backend {
                    side.redispatch = value;
                }
                Ok(())
            },
            write: |draft, lines| match draft.backend.as_ref().and_then(|side| side.redispatch) {
                None => {}
                Some(0) => lines.push_no(),
                Some(-1) => lines.push(Vec::new()),
                Some(every) => lines.push(vec![every.to_string()]),
            },
        },
        accepted: &["option redispatch", "option redispatch 2", "no option redispatch"],
        refused: &["option redispatch often", "option redispatch 1 2"],
    },
    Directive {
        name: "option tcpka",
        sections: Sections::PROXY,
        syntax: "",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                arguments.finish()?;
                if let Some(side) = &mut draft.frontend {
                    side.clitcpka = Some(true);
                }
                if let Some(side) = &mut draft.backend {
                    side.srvtcpka = Some(true);
                }
                Ok(())
            },
            write: |_, _| {},
        },
        accepted: &[],
        refused: &["option tcpka on"],
    },
    switch!(
        "option dontlognull",
        Sections::FRONT,
        frontend.dontlognull,
        &["option dontlognull", "no option dontlognull"],
        &["option dontlognull now"]
    ),
    switch!(
        "option dontlog-normal",
        Sections::FRONT,
        frontend.dontlog_normal,
        &["option dontlog-normal", "no option dontlog-normal"],
        &["option dontlog-normal now"]
    ),
    switch!(
        "option logasap",
        Sections::FRONT,
        frontend.logasap,
        &["option logasap", "no option logasap"],
        &["option logasap now"]
    ),
    switch!(
        "option log-separate-errors",
        Sections::FRONT,
        frontend.log_separate_errors,
        &["option log-separate-errors", "no option log-separate-errors"],
        &["option log-separate-errors now"]
    ),
    switch!(
        "option accept-unsafe-violations-in-http-request",
        Sections::FRONT,
        frontend.accept_unsafe_request,
        &[
            "option accept-unsafe-violations-in-http-request",
            "no option accept-unsafe-violations-in-http-request"
        ],
        &["option accept-unsafe-violations-in-http-request now"]
    ),
    switch!(
        "option http-ignore-probes",
        Sections::FRONT,
        frontend.http_ignore_probes,
        &["option http-ignore-probes", "no option http-ignore-probes"],
        &["option http-ignore-probes now"]
    ),
    switch!(
        "option clitcpka",
        Sections::FRONT,
        frontend.clitcpka,
        &["option clitcpka", "no option clitcpka"],
        &["option clitcpka now"]
    ),
    switch!(
        "option socket-stats",
        Sections::FRONT,
        frontend.socket_stats,
        &["option socket-stats", "no option socket-stats"],
        &["option socket-stats now"]
    ),
    switch!(
        "option nolinger",
        Sections::PROXY,
        both.nolinger,
        &["option nolinger", "no option nolinger"],
        &["option nolinger now"]
    ),
    switch!(
        "option unpublished",
        Sections::BACK,
        backend.unpublished,
        &["option unpublished", "no option unpublished"],
        &["option unpublished now"]
    ),
    switch!(
        "option abortonclose",
        Sections::BACK,
        backend.abortonclose,
        &["option abortonclose", "no option abortonclose"],
        &["option abortonclose now"]
    ),
    switch!(
        "option prefer-last-server",
        Sections::BACK,
        backend.prefer_last_server,
        &["option prefer-last-server", "no option prefer-last-server"],
        &["option prefer-last-server now"]
    ),
    switch!(
        "option accept-unsafe-violations-in-http-response",
        Sections::BACK,
        backend.accept_unsafe_response,
        &[
            "option accept-unsafe-violations-in-http-response",
            "no option accept-unsafe-violations-in-http-response"
        ],
        &["option accept-unsafe-violations-in-http-response now"]
    ),
    switch!(
        "option srvtcpka",
        Sections::BACK,
        backend.srvtcpka,
        &["option srvtcpka", "no option srvtcpka"],
        &["option srvtcpka now"]
    ),
    old_switch!("option accept-invalid-http-request", Sections::FRONT, frontend.accept_unsafe_request),
    old_switch!("option accept-invalid-http-response", Sections::BACK, backend.accept_unsafe_response),
];

/// What a switch is set to.
pub(super) fn switched(arguments: &Arguments) -> Reading<Option<bool>> {
    arguments.finish()?;
    Ok(match arguments.polarity {
        Polarity::Plain => Some(true),
        Polarity::No => Some(false),
        Polarity::Default => None,
    })
}

/// Writes a switch that was said.
pub(super) fn write_switch(value: Option<bool>, lines: &mut Lines) {
    match value {
        Some(true) => lines.push(Vec::new()),
        Some(false) => lines.push_no(),
        None => {}
    }
}

/// Switching one treatment off falls back to keep-alive, unless another one was chosen before.
fn read_connection(draft: &mut Draft, arguments: &mut Arguments, value: HttpConnection) -> Reading<()> {
    arguments.finish()?;
    let polarity = arguments.polarity;
    let choose = |current: Option<HttpConnection>| match polarity {
        Polarity::Plain => Some(value),
        Polarity::No if current.is_none() || current == Some(value) => Some(HttpConnection::KeepAlive),
        Polarity::Default if current == Some(value) => None,
        Polarity::No | Polarity::Default => current,
    };
    if let Some(side) = &mut draft.frontend {
        side.http_connection = choose(side.http_connection);
    }
    if let Some(side) = &mut draft.backend {
        side.http_connection = choose(side.http_connection);
    }
    Ok(())
}

fn write_connection(draft: &Draft, lines: &mut Lines, value: HttpConnection) {
    let sides = (
        draft.frontend.as_ref().map(|s| &s.http_connection),
        draft.backend.as_ref().map(|s| &s.http_connection),
    );
    if agreed(sides, lines) == Some(&value) {
        lines.push(Vec::new());
    }
}

fn read_forwardfor(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let value = read_header("forwardfor", arguments)?;
    if let Some(side) = &mut draft.frontend {
        side.forwardfor.clone_from(&value);
    }
    if let Some(side) = &mut draft.backend {
        side.forwardfor = value;
    }
    Ok(())
}

fn read_originalto(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    let value = read_header("originalto", arguments)?;
    if let Some(side) = &mut draft.frontend {
        side.originalto.clone_from(&value);
    }
    if let Some(side) = &mut draft.backend {
        side.originalto = value;
    }
    Ok(())
}

/// How an address is added to requests, by the option of this name; only a client's may be left to a proxy before.
fn read_header(option: &str, arguments: &mut Arguments) -> Reading<Option<Option<ForwardFor>>> {
    let is_client = option == "forwardfor";
    let mut value = ForwardFor::default();
    while let Some(word) = arguments.maybe() {
        match word.text.as_str() {
            "except" => {
                let network = arguments.take("a network such as 127.0.0.0/8")?;
                value.except = Some(parse_network(&network.text).ok_or_else(|| {
                    expecting(
                        network,
                        format!("'{}' is not a network", network.text),
                        "an address, optionally with /prefix, is expected",
                    )
                })?);
            }
            "header" => {
                let name = arguments.take("a header name")?;
                if !name.text.bytes().all(is_token) {
                    return Err(about(name, format!("'{}' is not a header name", name.text)));
                }
                value.header = Some(name.text.clone());
            }
            "if-none" if is_client => value.if_none = true,
            _ => {
                let message = format!("'option {option}' does not take the argument '{}'", word.text);
                let accepted = match is_client {
                    true => "'except', 'header' and 'if-none' are accepted",
                    false => "'except' and 'header' are accepted",
                };
                return Err(expecting(word, message, accepted));
            }
        }
    }
    Ok(match arguments.polarity {
        Polarity::Plain => Some(Some(value)),
        Polarity::No => Some(None),
        Polarity::Default => None,
    })
}

fn write_header(draft: &Draft, lines: &mut Lines, (front, back): Sides) {
    let sides = (draft.frontend.as_ref().map(front), draft.backend.as_ref().map(back));
    match agreed(sides, lines) {
        None => {}
        Some(None) => lines.push_no(),
        Some(Some(value)) => {
            let mut words = Vec::new();
            if let Some((ip, bits)) = value.except {
                words.extend(["except".to_owned(), format!("{ip}/{bits}")]);
            }
            if let Some(header) = &value.header {
                words.extend(["header".to_owned(), header.clone()]);
            }
            if value.if_none {
                words.push("if-none".to_owned());
            }
            lines.push(words);
        }
    }
}

/// A network: an address with a prefix length, or with an IPv4 mask of consecutive bits.
fn parse_network(text: &str) -> Option<(IpAddr, u8)> {
    let (address, bits) = text.split_once('/').map_or((text, None), |(a, b)| (a, Some(b)));
    let ip = literal_ip(address)?;
    let width = if ip.is_ipv4() { 32 } else { 128 };
    let Some(bits) = bits else { return Some((ip, width)) };
    if let Ok(bits) = bits.parse::<u8>() {
        return (bits <= width).then_some((ip, bits));
    }
    let mask = u32::from(bits.parse::<std::net::Ipv4Addr>().ok()?);
    let ones = mask.leading_ones();
    (ip.is_ipv4() && mask.count_ones() == ones).then(|| (ip, u8::try_from(ones).unwrap_or(32)))
}

/// Whether a byte may stand in a header name (RFC 9110 section 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}
