//! What sockets are like besides their addresses: directives, and parameters of `bind` and `server`.

use crate::model::{Foreign, HashKey, Millis, ProxyHeader, ProxyOption, ServerSettings, Source, is_token};

use super::address::socket_address;
use super::arguments::{
    Arguments, COUNT, Codec, Reading, SOURCE_ADDRESS, TIME, WORD, about, choice, expecting, join, signed,
    time,
};
use super::binds::DraftBind;
use super::parameters::Parameter;
use super::{Action, Directive, Draft, Sections};

/// One number of the probes of a side.
macro_rules! probe {
    ($name:literal, $sections:expr, $syntax:literal, $side:ident.$field:ident, $codec:path, $accepted:expr) => {
        Directive {
            name: $name,
            sections: $sections,
            syntax: $syntax,
            negatable: false,
            repeats: false,
            action: Action::Proxy {
                read: |draft, arguments| {
                    let value = ($codec.read)(arguments)?;
                    arguments.finish()?;
                    if let Some(side) = &mut draft.$side {
                        side.probes.$field = Some(value);
                    }
                    Ok(())
                },
                write: |draft, lines| {
                    if let Some(value) = draft.$side.as_ref().and_then(|side| side.probes.$field.as_ref()) {
                        lines.push(($codec.write)(value));
                    }
                },
            },
            accepted: $accepted,
            refused: &[$name, concat!($name, " often")],
        }
    };
}

/// The rows of proxies.
pub(super) const ROWS: &[Directive] = &[
    probe!("clitcpka-cnt", Sections::FRONT, "<number>", frontend.count, COUNT, &["clitcpka-cnt 3"]),
    probe!("clitcpka-idle", Sections::FRONT, "<time>", frontend.idle, SECONDS, &["clitcpka-idle 1m"]),
    probe!("clitcpka-intvl", Sections::FRONT, "<time>", frontend.interval, SECONDS, &["clitcpka-intvl 5s"]),
    probe!("srvtcpka-cnt", Sections::BACK, "<number>", backend.count, COUNT, &["srvtcpka-cnt 3"]),
    probe!("srvtcpka-idle", Sections::BACK, "<time>", backend.idle, SECONDS, &["srvtcpka-idle 1m"]),
    probe!("srvtcpka-intvl", Sections::BACK, "<time>", backend.interval, SECONDS, &["srvtcpka-intvl 5s"]),
    Directive {
        name: "source",
        sections: Sections::BACK,
        syntax: "<address>[:<port>] [ interface <name> ] [ usesrc <address>[:<port>] | client | clientip | hdr_ip(<name>[,<number>]) ]",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let source = read_source(arguments)?;
                if let Some(extra) = arguments.peek() {
                    let message = format!("'source' does not take the argument '{}'", extra.text);
                    return Err(expecting(extra, message, "'interface' and 'usesrc' are accepted"));
                }
                if let Some(side) = &mut draft.backend {
                    side.source = Some(Box::new(source));
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(source) = draft.backend.as_ref().and_then(|side| side.source.as_deref()) {
                    lines.push(write_source(source));
                }
            },
        },
        accepted: &[
            "source 192.0.2.1",
            "source 192.0.2.1:2000",
            "source [2001:db8::1]:0",
            "source 192.0.2.1 interface eth1",
            "source 0.0.0.0 usesrc clientip",
            "source 0.0.0.0 interface eth1 usesrc client",
            "source 0.0.0.0 usesrc 192.0.2.7:80",
            "source 0.0.0.0 usesrc hdr_ip(x-forwarded-for,-2)",
        ],
        refused: &[
            "source",
            "source nowhere.example",
            "source 192.0.2.1 usesrc",
            "source 192.0.2.1 usesrc somebody",
            "source 192.0.2.1 usesrc hdr_ip(a:b)",
            "source 192.0.2.1 usesrc hdr_ip(x,0)",
            "source 192.0.2.1 interface",
            "source 192.0.2.1 vlan 3",
        ],
    },
    Directive {
        name: "dispatch",
        sections: Sections::SERVING,
        syntax: "<address>:<port>",
        negatable: false,
        repeats: false,
        action: Action::Proxy {
            read: |draft, arguments| {
                let word = arguments.take("an address with a port")?;
                let address = socket_address(word, 0)?;
                arguments.finish()?;
                if address.port() == 0 {
                    let help = "':' and a port from 1 to 65535 are expected";
                    return Err(expecting(word, format!("'{}' has no port", word.text), help));
                }
                if let Some(side) = &mut draft.backend {
                    side.dispatch = Some(address);
                }
                Ok(())
            },
            write: |draft, lines| {
                if let Some(address) = draft.backend.as_ref().and_then(|side| side.dispatch) {
                    lines.push(vec![address.to_string()]);
                }
            },
        },
        accepted: &["dispatch 192.0.2.1:80", "dispatch [2001:db8::1]:80"],
        refused: &["dispatch", "dispatch 192.0.2.1", "dispatch somewhere", "dispatch 192.0.2.1:80 81"],
    },
    Directive {
        name: "transparent",
        sections: Sections::BACK,
        syntax: "",
        negatable: false,
        repeats: false,
        action: Action::Proxy { read: read_transparent, write: |_, _| {} },
        accepted: &[],
        refused: &["transparent now"],
    },
];

/// A setting of the sockets of a bind whose one argument is spelled by a codec.
macro_rules! listening {
    ($name:literal, $syntax:literal, $field:ident, $codec:expr) => {
        Parameter {
            name: $name,
            syntax: $syntax,
            read: |draft, arguments| {
                draft.bind.socket.$field = Some(($codec.read)(arguments)?);
                Ok(())
            },
            write: |draft| match &draft.bind.socket.$field {
                Some(value) => std::iter::once($name.to_owned()).chain(($codec.write)(value)).collect(),
                None => Vec::new(),
            },
        }
    };
    ($name:literal, $field:ident) => {
        Parameter {
            name: $name,
            syntax: "",
            read: |draft, _| {
                draft.bind.socket.$field = true;
                Ok(())
            },
            write: |draft| if draft.bind.socket.$field { vec![$name.to_owned()] } else { Vec::new() },
        }
    };
}

pub(super) const BIND_MSS: Parameter<DraftBind> = listening!("mss", "<number>", mss, MSS);
pub(super) const BIND_USER_TIMEOUT: Parameter<DraftBind> = listening!("tcp-ut", "<time>", user_timeout, TIME);
pub(super) const BIND_FAST_OPEN: Parameter<DraftBind> = listening!("tfo", fast_open);
pub(super) const BIND_TRANSPARENT: Parameter<DraftBind> = listening!("transparent", transparent);
pub(super) const BIND_CONGESTION: Parameter<DraftBind> = listening!("cc", "<name>", congestion, WORD);
pub(super) const BIND_NAMESPACE: Parameter<DraftBind> =
    listening!("namespace", "<name>", namespace, NAMESPACE);

/// A setting of connections to a server whose one argument is spelled by a codec.
macro_rules! dialling {
    ($name:literal, $syntax:literal, $field:ident, $codec:expr) => {
        Parameter {
            name: $name,
            syntax: $syntax,
            read: |settings, arguments| {
                settings.dialling.get_or_insert_default().$field = Some(($codec.read)(arguments)?);
                Ok(())
            },
            write: |settings| match settings.dialling.as_ref().and_then(|dialling| dialling.$field.as_ref()) {
                Some(value) => std::iter::once($name.to_owned()).chain(($codec.write)(value)).collect(),
                None => Vec::new(),
            },
        }
    };
    ($name:literal, $field:ident = $value:literal) => {
        Parameter {
            name: $name,
            syntax: "",
            read: |settings, _| {
                settings.dialling.get_or_insert_default().$field = Some($value);
                Ok(())
            },
            write: |settings| match settings.dialling.as_ref().and_then(|dialling| dialling.$field) {
                Some($value) => vec![$name.to_owned()],
                _ => Vec::new(),
            },
        }
    };
}

pub(super) const USER_TIMEOUT: Parameter<ServerSettings> = dialling!("tcp-ut", "<time>", user_timeout, TIME);
pub(super) const FAST_OPEN: Parameter<ServerSettings> = dialling!("tfo", fast_open = true);
pub(super) const NO_FAST_OPEN: Parameter<ServerSettings> = dialling!("no-tfo", fast_open = false);
pub(super) const CONGESTION: Parameter<ServerSettings> = dialling!("cc", "<name>", congestion, WORD);
pub(super) const DIAL_NAMESPACE: Parameter<ServerSettings> =
    dialling!("namespace", "<name>", namespace, NAMESPACE);
pub(super) const SOCKS: Parameter<ServerSettings> =
    dialling!("socks4", "<address>:<port>", socks, SOCKS_PROXY);
pub(super) const CHECK_VIA_SOCKS: Parameter<ServerSettings> =
    dialling!("check-via-socks4", check_via_socks = true);

/// Where connections to a server start from.
pub(super) const SOURCE: Parameter<ServerSettings> = Parameter {
    name: "source",
    syntax: "<address>[:<port>] [ interface <name> ] [ usesrc … ]",
    read: |settings, arguments| {
        settings.source = Some(Box::new(read_source(arguments)?));
        Ok(())
    },
    write: |settings| {
        let words = settings.source.iter().flat_map(|source| write_source(source));
        let mut words: Vec<String> = words.collect();
        if !words.is_empty() {
            words.insert(0, "source".to_owned());
        }
        words
    },
};

/// What is told in PROXY protocol headers of version 2.
pub(super) const PROXY_OPTIONS: Parameter<ServerSettings> = Parameter {
    name: "proxy-v2-options",
    syntax: "<option>[,…]",
    read: |settings, arguments| {
        let words: Vec<&str> = OPTIONS.iter().map(|(word, _)| *word).collect();
        let list = arguments.take(&join(&words, "or"))?;
        for word in list.text.split(',').filter(|word| !word.is_empty()) {
            let Some((_, option)) = OPTIONS.iter().find(|(known, _)| *known == word) else {
                return Err(choice(list, &words));
            };
            tell(settings, *option);
        }
        Ok(())
    },
    write: |settings| {
        let spelled =
            |option: &ProxyOption| OPTIONS.iter().find(|(_, known)| known == option).map(|(word, _)| *word);
        let words: Vec<&str> = settings
            .dialling
            .iter()
            .flat_map(|dialling| &dialling.proxy_options)
            .filter_map(spelled)
            .collect();
        if words.is_empty() { Vec::new() } else { vec!["proxy-v2-options".to_owned(), words.join(",")] }
    },
};

/// A word that stands for several settings: read, and written as those.
macro_rules! told {
    ($name:literal, $say:expr) => {
        Parameter {
            name: $name,
            syntax: "",
            read: |settings, _| {
                let say: fn(&mut ServerSettings) = $say;
                say(settings);
                Ok(())
            },
            write: |_| Vec::new(),
        }
    };
}

pub(super) const SEND_PROXY_SSL: Parameter<ServerSettings> = told!("send-proxy-v2-ssl", |settings| {
    settings.send_proxy = Some(Some(ProxyHeader::V2));
    tell(settings, ProxyOption::Ssl);
});
pub(super) const SEND_PROXY_SSL_CN: Parameter<ServerSettings> = told!("send-proxy-v2-ssl-cn", |settings| {
    settings.send_proxy = Some(Some(ProxyHeader::V2));
    tell(settings, ProxyOption::Ssl);
    tell(settings, ProxyOption::CertCn);
});
pub(super) const NO_SEND_PROXY_SSL: Parameter<ServerSettings> = told!("no-send-proxy-v2-ssl", |settings| {
    settings.send_proxy = Some(None);
    settings.dialling.get_or_insert_default().proxy_options.retain(|option| *option != ProxyOption::Ssl);
});
pub(super) const NO_SEND_PROXY_SSL_CN: Parameter<ServerSettings> =
    told!("no-send-proxy-v2-ssl-cn", |settings| {
        settings.send_proxy = Some(None);
        settings
            .dialling
            .get_or_insert_default()
            .proxy_options
            .retain(|option| !matches!(option, ProxyOption::Ssl | ProxyOption::CertCn));
    });

/// What places on a ring are made from.
pub(super) const HASH_KEY: Parameter<ServerSettings> = Parameter {
    name: "hash-key",
    syntax: "{ id | addr | addr-port }",
    read: |settings, arguments| {
        let word = arguments.take("'id', 'addr' or 'addr-port'")?;
        settings.dialling.get_or_insert_default().hash_key = Some(match word.text.as_str() {
            "id" => HashKey::Id,
            "addr" => HashKey::Addr,
            "addr-port" => HashKey::AddrPort,
            _ => return Err(choice(word, &["id", "addr", "addr-port"])),
        });
        Ok(())
    },
    write: |settings| {
        let word = match settings.dialling.as_ref().and_then(|dialling| dialling.hash_key) {
            None => return Vec::new(),
            Some(HashKey::Id) => "id",
            Some(HashKey::Addr) => "addr",
            Some(HashKey::AddrPort) => "addr-port",
        };
        vec!["hash-key".to_owned(), word.to_owned()]
    },
};

/// Where requests without a body are sent instead.
pub(super) const REDIRECT: Parameter<ServerSettings> = Parameter {
    name: "redir",
    syntax: "<prefix>",
    read: |settings, arguments| {
        let prefix = arguments.take("the beginning of an address")?.text.clone();
        settings.dialling.get_or_insert_default().redirect = Some(prefix);
        Ok(())
    },
    write: |settings| {
        settings
            .dialling
            .iter()
            .flat_map(|dialling| &dialling.redirect)
            .flat_map(|prefix| ["redir".to_owned(), prefix.to_string()])
            .collect()
    },
};

fn tell(settings: &mut ServerSettings, option: ProxyOption) {
    let options = &mut settings.dialling.get_or_insert_default().proxy_options;
    if let Err(at) = options.binary_search(&option) {
        options.insert(at, option);
    }
}

fn read_transparent(draft: &mut Draft, arguments: &mut Arguments) -> Reading<()> {
    arguments.finish()?;
    if let Some(side) = &mut draft.backend {
        side.transparent = Some(true);
    }
    Ok(())
}

/// An address with what may follow it, up to the first word that is none of that.
fn read_source(arguments: &mut Arguments) -> Reading<Source> {
    let address = (SOURCE_ADDRESS.read)(arguments)?;
    let mut source = Source { address, interface: None, foreign: None };
    loop {
        if arguments.accept("interface") {
            source.interface = Some(arguments.take("the name of an interface")?.text.clone());
        } else if arguments.accept("usesrc") {
            source.foreign = Some(read_foreign(arguments)?);
        } else {
            return Ok(source);
        }
    }
}

fn read_foreign(arguments: &mut Arguments) -> Reading<Foreign> {
    let word = arguments.take("'client', 'clientip', 'hdr_ip(<name>)' or an address")?;
    let header = word.text.strip_prefix("hdr_ip(").and_then(|rest| rest.strip_suffix(')'));
    match (word.text.as_str(), header) {
        ("client", _) => Ok(Foreign::Client),
        ("clientip", _) => Ok(Foreign::ClientIp),
        (_, Some(header)) => {
            let (name, occurrence) = header.split_once(',').unwrap_or((header, "-1"));
            let occurrence = occurrence.trim().parse().ok().filter(|number: &i32| *number != 0);
            match occurrence {
                Some(occurrence) if is_token(name.trim()) => {
                    Ok(Foreign::Header { name: name.trim().to_owned(), occurrence })
                }
                _ => {
                    let help =
                        "the name of a header is expected, optionally with ',' and a number from 1 or -1";
                    Err(expecting(word, format!("'{}' names no part of a header", word.text), help))
                }
            }
        }
        _ => socket_address(word, 0).map(Foreign::Address),
    }
}

fn write_source(source: &Source) -> Vec<String> {
    let mut words = (SOURCE_ADDRESS.write)(&source.address);
    if let Some(interface) = &source.interface {
        words.extend(["interface".to_owned(), interface.clone()]);
    }
    if let Some(foreign) = &source.foreign {
        words.push("usesrc".to_owned());
        words.extend(match foreign {
            Foreign::Client => vec!["client".to_owned()],
            Foreign::ClientIp => vec!["clientip".to_owned()],
            Foreign::Address(address) => (SOURCE_ADDRESS.write)(address),
            Foreign::Header { name, occurrence: -1 } => vec![format!("hdr_ip({name})")],
            Foreign::Header { name, occurrence } => vec![format!("hdr_ip({name},{occurrence})")],
        });
    }
    words
}

const OPTIONS: &[(&str, ProxyOption)] = &[
    ("ssl", ProxyOption::Ssl),
    ("cert-cn", ProxyOption::CertCn),
    ("ssl-cipher", ProxyOption::SslCipher),
    ("cert-sig", ProxyOption::CertSig),
    ("cert-key", ProxyOption::CertKey),
    ("authority", ProxyOption::Authority),
    ("crc32c", ProxyOption::Crc32c),
    ("unique-id", ProxyOption::UniqueId),
];

/// A bare number counts seconds.
const SECONDS: Codec<Millis> = Codec { read: |arguments| time(arguments, 1000), write: TIME.write };

const MSS: Codec<i32> = Codec {
    read: |arguments| {
        let word = arguments.peek();
        let mss = signed(arguments, -65_535, 65_535)?;
        match word {
            Some(word) if mss == 0 => Err(about(word, "0 is no size of a segment")),
            _ => Ok(mss),
        }
    },
    write: |mss| vec![mss.to_string()],
};

const NAMESPACE: Codec<String> = Codec {
    read: |arguments| {
        let word = arguments.take("the name of a network namespace")?;
        let name = word.text.as_str();
        if name.is_empty() || name.contains('/') || matches!(name, "." | ".." | "*") {
            let help = "the name of a file in /var/run/netns is expected";
            return Err(expecting(word, format!("'{name}' names no network namespace"), help));
        }
        Ok(name.to_owned())
    },
    write: |name| vec![name.clone()],
};

const SOCKS_PROXY: Codec<std::net::SocketAddr> = Codec {
    read: |arguments| {
        let word = arguments.take("an address with a port")?;
        let address = socket_address(word, 0)?;
        if address.port() == 0 {
            let help = "':' and a port from 1 to 65535 are expected";
            return Err(expecting(word, format!("'{}' has no port", word.text), help));
        }
        Ok(address)
    },
    write: |address| vec![address.to_string()],
};
