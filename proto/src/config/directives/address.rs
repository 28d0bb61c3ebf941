//! Addresses as HAProxy spells them (configuration manual 4 "bind", 5 "server", and 11 for the prefixes).
//!
//! Names stay names here: they are resolved when a configuration is compiled.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::model::{
    BindAddress, BindHost, DescriptorSource, LogAddress, Name, PortRange, ServerAddress, ServerHost,
    ServerPort, StreamAddress, Transport,
};

use super::super::environment::Environment;
use super::super::lexer::Word;
use super::arguments::{Reading, about, expecting, literal_ip};

/// Reads one address of a bind or of a text socket. `text` is a part of `word` between commas.
/// `prefix` is put before paths.
pub fn bind_address(
    word: &Word,
    text: &str,
    prefix: &str,
    environment: &Environment,
) -> Reading<BindAddress> {
    let before = prefix;
    let resolved = resolve(text, environment);
    let text = resolved.as_str();
    let (prefix, rest) = split_prefix(text);
    match prefix {
        Some("fd") => descriptor(word, rest).map(BindAddress::Descriptor),
        Some("unix") => unix_path(word, &format!("{before}{rest}")).map(BindAddress::Unix),
        Some("abns") => abstract_name(word, rest).map(BindAddress::Abstract),
        None if rest.starts_with('/') => unix_path(word, &format!("{before}{rest}")).map(BindAddress::Unix),
        None | Some("ipv4" | "ipv6" | "tcp" | "tcp4" | "tcp6") => inet_bind(word, family(prefix), rest),
        Some(other) => Err(unsupported_prefix(word, other)),
    }
}

/// Reads the address of a server.
pub fn server_address(word: &Word, environment: &Environment) -> Reading<ServerAddress> {
    let resolved = resolve(&word.text, environment);
    let (prefix, rest) = split_prefix(&resolved);
    match prefix {
        Some("unix") => return unix_path(word, rest).map(ServerAddress::Unix),
        Some("abns") => return abstract_name(word, rest).map(ServerAddress::Abstract),
        None if rest.starts_with('/') => return unix_path(word, rest).map(ServerAddress::Unix),
        None | Some("ipv4" | "ipv6" | "tcp" | "tcp4" | "tcp6") => {}
        Some(other) => return Err(unsupported_prefix(word, other)),
    }
    let (host, port) = match literal_ip(rest) {
        Some(IpAddr::V6(_))
            if !rest.contains('[')
                && rest.rsplit_once(':').is_none_or(|(host, _)| literal_ip(host).is_none()) =>
        {
            (rest, None)
        }
        _ if rest.ends_with(']') => (rest, None),
        _ => rest.rsplit_once(':').map_or((rest, None), |(host, port)| (host, Some(port))),
    };
    let port = match port {
        None | Some("") => ServerPort::Mapped(0),
        Some(text) => server_port(word, text)?,
    };
    let host = match literal_ip(host) {
        Some(ip) if fits(ip, family(prefix)) => ServerHost::Ip(ip),
        Some(_) => {
            return Err(about(
                word,
                format!("'{host}' is not of the family that '{}@' asks for", prefix.unwrap_or_default()),
            ));
        }
        None if host == "*" || host.is_empty() => match family(prefix) {
            Some(6) => ServerHost::Ip(IpAddr::V6(Ipv6Addr::UNSPECIFIED)),
            _ => ServerHost::Ip(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        },
        None if is_host_name(host) => ServerHost::Named(host.to_owned()),
        None => {
            return Err(expecting(
                word,
                format!("'{host}' is neither an address nor a host name"),
                SERVER_FORMS,
            ));
        }
    };
    Ok(ServerAddress::Inet { host, port })
}

/// Reads a host without a port: a literal address, or a name that is resolved later.
pub fn server_host(word: &Word) -> Reading<ServerHost> {
    match literal_ip(&word.text) {
        Some(ip) => Ok(ServerHost::Ip(ip)),
        None if is_host_name(&word.text) => Ok(ServerHost::Named(word.text.clone())),
        None => {
            let message = format!("'{}' is neither an address nor a host name", word.text);
            Err(expecting(word, message, "'192.0.2.1', '2001:db8::1' and 'name.example' are accepted forms"))
        }
    }
}

/// Reads the address of a log target.
pub fn log_address(word: &Word, environment: &Environment) -> Reading<LogAddress> {
    let resolved = resolve(&word.text, environment);
    let (prefix, rest) = split_prefix(&resolved);
    match (prefix, rest) {
        (None, "stdout") => Ok(LogAddress::Stdout),
        (None, "stderr") => Ok(LogAddress::Stderr),
        (Some("fd"), number) => match number.parse() {
            Ok(number) => Ok(LogAddress::Descriptor(number)),
            Err(_) => Err(expecting(
                word,
                format!("'{number}' is not a descriptor"),
                "a number is expected after 'fd@'",
            )),
        },
        (Some("unix"), path) => unix_path(word, path).map(LogAddress::Unix),
        (Some("ring"), name) => Name::new(name)
            .map(LogAddress::Ring)
            .map_err(|bad| expecting(word, format!("'{name}': {bad}"), "the name of a ring is expected")),
        (Some("tcp" | "tcp4" | "tcp6" | "uxst"), _) => {
            stream_address(word, environment).map(LogAddress::Stream)
        }
        (None, path) if path.starts_with('/') => unix_path(word, path).map(LogAddress::Unix),
        (None | Some("ipv4" | "ipv6" | "udp" | "udp4" | "udp6"), rest) => {
            let inner = Word { text: rest.to_owned(), ..word.clone() };
            if let Some(named) = named_log(rest).filter(|_| family(prefix).is_none()) {
                return Ok(named);
            }
            let address = socket_address(&inner, 514)?;
            if address.port() == 0 {
                return Err(about(word, "port 0 cannot be sent to"));
            }
            Ok(LogAddress::Udp(address))
        }
        (Some(other), _) => Err(unsupported_prefix(word, other)),
    }
}

/// Reads the address of a stream of lines: TCP, or a unix socket.
pub fn stream_address(word: &Word, environment: &Environment) -> Reading<StreamAddress> {
    let resolved = resolve(&word.text, environment);
    let (prefix, rest) = split_prefix(&resolved);
    match (prefix, rest) {
        (Some("uxst" | "unix"), path) => unix_path(word, path).map(StreamAddress::Unix),
        (None, path) if path.starts_with('/') => unix_path(word, path).map(StreamAddress::Unix),
        (None | Some("ipv4" | "ipv6" | "tcp" | "tcp4" | "tcp6"), rest) => {
            if let Some(LogAddress::Named { host, port }) =
                named_log(rest).filter(|_| family(prefix).is_none())
            {
                return Ok(StreamAddress::Named { host, port });
            }
            let inner = Word { text: rest.to_owned(), ..word.clone() };
            let address = socket_address(&inner, 514)?;
            if address.port() == 0 {
                return Err(about(word, "port 0 cannot be connected to"));
            }
            Ok(StreamAddress::Tcp(address))
        }
        (Some(other), _) => Err(unsupported_prefix(word, other)),
    }
}

/// How the address of a stream of lines is written as a log target.
pub fn spell_stream(address: &StreamAddress) -> String {
    match address {
        StreamAddress::Unix(path) => format!("uxst@{}", escape(path)),
        other => format!("tcp@{other}"),
    }
}

/// A log target that is a host name, with a port or that of syslog.
fn named_log(text: &str) -> Option<LogAddress> {
    let (host, port) = match text.rsplit_once(':') {
        Some((host, port)) => (host, port.parse::<u16>().ok().filter(|port| *port != 0)?),
        None => (text, 514),
    };
    let is_name =
        literal_ip(host).is_none() && is_host_name(host) && host.contains(|c: char| c.is_ascii_alphabetic());
    is_name.then(|| LogAddress::Named { host: host.to_owned(), port })
}

/// Reads the address of a name server: how it is asked, and where.
pub fn nameserver_address(word: &Word, environment: &Environment) -> Reading<(Transport, SocketAddr)> {
    let resolved = resolve(&word.text, environment);
    let (prefix, rest) = split_prefix(&resolved);
    let transport = match prefix {
        None | Some("ipv4" | "ipv6" | "udp" | "udp4" | "udp6") => Transport::Udp,
        Some("tcp" | "tcp4" | "tcp6") => Transport::Tcp,
        Some(other) => return Err(unsupported_prefix(word, other)),
    };
    let fail = || {
        let message = format!("'{rest}' is not the address of a name server");
        expecting(word, message, "an IPv4 or IPv6 address with ':port' is expected")
    };
    let (host, port) = rest.rsplit_once(':').ok_or_else(fail)?;
    let ip = literal_ip(host).ok_or_else(fail)?;
    if !fits(ip, family(prefix)) {
        return Err(about(word, format!("'{host}' is not of the family asked for")));
    }
    let port = port.parse::<u16>().ok().filter(|port| *port != 0).ok_or_else(fail)?;
    Ok((transport, SocketAddr::new(ip, port)))
}

/// Reads a literal address, with a port or this one.
pub fn socket_address(word: &Word, default_port: u16) -> Reading<SocketAddr> {
    let text = word.text.as_str();
    let fail = || {
        expecting(
            word,
            format!("'{text}' is not an address"),
            "an IPv4 or IPv6 address, optionally with ':port', is expected",
        )
    };
    let any = |text: &str| match text {
        "*" | "" => Some(IpAddr::V4(Ipv4Addr::UNSPECIFIED)),
        other => literal_ip(other),
    };
    if let Some(ip) = any(text) {
        return Ok(SocketAddr::new(ip, default_port));
    }
    let (host, port) = text.rsplit_once(':').ok_or_else(fail)?;
    let port = if port.is_empty() { default_port } else { port.parse().map_err(|_| fail())? };
    Ok(SocketAddr::new(any(host).ok_or_else(fail)?, port))
}

const BIND_FORMS: &str = "'*:80', ':80-90', '192.0.2.1:80', '[::]:80', 'name:80', '/path', 'unix@/path', 'abns@name', 'fd@3' are accepted forms";
const SERVER_FORMS: &str =
    "'192.0.2.1:80', '[2001:db8::1]:80', 'name:80', ':+1', '/path', 'unix@/path' are accepted forms";
const PREFIXES: [&str; 16] = [
    "ipv4", "ipv6", "tcp", "tcp4", "tcp6", "udp", "udp4", "udp6", "unix", "abns", "abnsz", "fd", "sockpair",
    "quic4", "quic6", "rhttp",
];

fn split_prefix(text: &str) -> (Option<&str>, &str) {
    match text.split_once('@') {
        Some((prefix, rest)) if prefix.bytes().all(|b| b.is_ascii_alphanumeric()) && !prefix.is_empty() => {
            (Some(prefix), rest)
        }
        _ => (None, text),
    }
}

fn family(prefix: Option<&str>) -> Option<u8> {
    match prefix {
        Some("ipv4" | "tcp4" | "udp4") => Some(4),
        Some("ipv6" | "tcp6" | "udp6") => Some(6),
        _ => None,
    }
}

fn fits(ip: IpAddr, family: Option<u8>) -> bool {
    match family {
        Some(4) => ip.is_ipv4(),
        Some(6) => ip.is_ipv6(),
        _ => true,
    }
}

fn unsupported_prefix(word: &Word, prefix: &str) -> super::super::diagnostic::Issue {
    if PREFIXES.contains(&prefix) {
        about(word, format!("'{prefix}@' exists in HAProxy and is not supported by Regate here yet"))
    } else {
        expecting(word, format!("unknown kind of address '{prefix}@'"), BIND_FORMS)
    }
}

/// Splits the addresses of one bind at commas; a comma that belongs to a path has a backslash before it.
pub fn split(text: &str) -> Vec<String> {
    let mut pieces = vec![String::new()];
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match (c, pieces.last_mut()) {
            (',', _) => pieces.push(String::new()),
            ('\\', Some(piece)) => piece.extend(std::iter::once('\\').chain(chars.next())),
            (c, Some(piece)) => piece.push(c),
            (_, None) => {}
        }
    }
    pieces
}

/// How a bind's address is written.
pub fn spell_bind(address: &BindAddress) -> String {
    match address {
        BindAddress::Unix(path) => format!("unix@{}", escape(path)),
        BindAddress::Abstract(name) => format!("abns@{}", escape(name)),
        other => other.to_string(),
    }
}

/// How a server's address is written.
pub fn spell_server(address: &ServerAddress) -> String {
    match address {
        ServerAddress::Unix(path) => format!("unix@{}", escape(path)),
        ServerAddress::Abstract(name) => format!("abns@{}", escape(name)),
        other => other.to_string(),
    }
}

/// How a path is written in an address: commas, dollar signs and backslashes have a backslash before them.
pub fn escape(path: &str) -> String {
    let mut escaped = String::new();
    for c in path.chars() {
        if matches!(c, ',' | '$' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

fn unescape(path: &str) -> String {
    let mut plain = String::new();
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => plain.push(chars.next().unwrap_or('\\')),
            c => plain.push(c),
        }
    }
    plain
}

/// Replaces `${NAME}` outside quotes, which HAProxy does in addresses; `fd@${NAME}` stays for the data plane.
fn resolve(text: &str, environment: &Environment) -> String {
    if text.starts_with("fd@${") {
        return text.to_owned();
    }
    let mut resolved = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['\\', '$']) {
        let (before, after) = rest.split_at(at);
        resolved.push_str(before);
        let variable = after.strip_prefix("${").and_then(|inner| inner.split_once('}'));
        if let Some((name, tail)) = variable {
            let (name, default) =
                name.split_once('-').map_or((name, None), |(name, default)| (name, Some(default)));
            let value = environment.variable(name).or_else(|| default.map(str::to_owned)).unwrap_or_default();
            resolved.push_str(&value);
            rest = tail;
        } else {
            let taken = if after.starts_with('\\') { 2 } else { 1 };
            let end = after.char_indices().nth(taken).map_or(after.len(), |(end, _)| end);
            resolved.push_str(&after[..end]);
            rest = &after[end..];
        }
    }
    resolved + rest
}

fn descriptor(word: &Word, text: &str) -> Reading<DescriptorSource> {
    let variable = text.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    match (variable, text.parse::<u32>()) {
        (Some(name), _)
            if !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') =>
        {
            Ok(DescriptorSource::Variable(name.to_owned()))
        }
        (_, Ok(number)) if i32::try_from(number).is_ok() => Ok(DescriptorSource::Number(number)),
        _ => Err(expecting(
            word,
            format!("'{text}' is not a descriptor"),
            "'fd@3' or 'fd@${NAME}' is expected",
        )),
    }
}

/// A path that fits a socket's address (108 bytes with its end on Linux).
fn unix_path(word: &Word, path: &str) -> Reading<String> {
    let path = unescape(path);
    match path.len() {
        0 => Err(about(word, "the path of the unix socket is missing")),
        1..=107 => Ok(path),
        _ => {
            Err(expecting(word, "the path of the unix socket is too long", "at most 107 bytes are accepted"))
        }
    }
}

fn abstract_name(word: &Word, name: &str) -> Reading<String> {
    let name = unescape(name);
    match name.len() {
        0 => Err(about(word, "the name of the abstract socket is missing")),
        1..=107 => Ok(name),
        _ => Err(expecting(
            word,
            "the name of the abstract socket is too long",
            "at most 107 bytes are accepted",
        )),
    }
}

fn inet_bind(word: &Word, family: Option<u8>, text: &str) -> Reading<BindAddress> {
    let Some((host, ports)) = text.rsplit_once(':').filter(|_| !text.ends_with(']')) else {
        return Err(expecting(word, format!("the port is missing in '{text}'"), BIND_FORMS));
    };
    let host = match (host, family) {
        ("" | "*", Some(6)) => BindHost::AnyV6,
        ("" | "*", _) => BindHost::AnyV4,
        _ => match literal_ip(host) {
            Some(ip) if !fits(ip, family) => {
                return Err(about(word, format!("'{host}' is not of the family asked for")));
            }
            Some(IpAddr::V4(ip)) if ip.is_unspecified() => BindHost::AnyV4,
            Some(IpAddr::V6(ip)) if ip.is_unspecified() => BindHost::AnyV6,
            Some(ip) => BindHost::Ip(ip),
            None if is_host_name(host) && family.is_none() => BindHost::Named(host.to_owned()),
            None if is_host_name(host) => {
                let help = "an address, or a host name without a family, is expected";
                return Err(expecting(word, format!("'{host}' is a host name of no known family"), help));
            }
            None => {
                return Err(expecting(
                    word,
                    format!("'{host}' is neither an address nor a host name"),
                    BIND_FORMS,
                ));
            }
        },
    };
    Ok(BindAddress::Inet { host, ports: port_range(word, ports)? })
}

fn port_range(word: &Word, text: &str) -> Reading<PortRange> {
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<u16>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    number(first).zip(number(last)).and_then(|(first, last)| PortRange::new(first, last)).ok_or_else(|| {
        expecting(
            word,
            format!("'{text}' is not a port or a range of ports"),
            "1 to 65535, or first-last, is expected",
        )
    })
}

fn server_port(word: &Word, text: &str) -> Reading<ServerPort> {
    let fail = || {
        expecting(word, format!("'{text}' is not a port"), "1 to 65535, '+offset' or '-offset' is expected")
    };
    if text.starts_with(['+', '-']) {
        let offset =
            text.parse::<i32>().ok().filter(|offset| (-65535..=65535).contains(offset)).ok_or_else(fail)?;
        return Ok(ServerPort::Mapped(offset));
    }
    match text.parse::<u16>() {
        Ok(0) => Ok(ServerPort::Mapped(0)),
        Ok(port) if text.bytes().all(|b| b.is_ascii_digit()) => Ok(ServerPort::Fixed(port)),
        _ => Err(fail()),
    }
}

/// Whether a text may be a host name (RFC 1123 section 2.1, and the underscore that service names use).
pub fn is_host_name(text: &str) -> bool {
    !text.is_empty()
        && text.len() <= 253
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_'))
        && !text.bytes().all(|b| b.is_ascii_digit() || b == b'.')
}
