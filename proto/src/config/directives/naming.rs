//! What a server says about the resolution of its host name (configuration manual 5.2), and `server-template`.

use std::net::IpAddr;

use crate::model::{
    AddressFamily, InitAddr, Name, Paused, Server, ServerAddress, ServerHost, ServerRef, ServerSettings,
};

use super::super::lexer::Word;
use super::address::{server_address, spell_server};
use super::arguments::{Arguments, NAME, Reading, about, choice, expecting};
use super::parameters::{self, Parameter};

/// `resolvers`.
pub(super) const RESOLVERS: Parameter<ServerSettings> = Parameter {
    name: "resolvers",
    syntax: "<resolvers>",
    read: |settings, arguments| {
        settings.naming.resolvers = Some((NAME.read)(arguments)?);
        Ok(())
    },
    write: |settings| match &settings.naming.resolvers {
        Some(name) => vec!["resolvers".to_owned(), name.to_string()],
        None => Vec::new(),
    },
};

/// `init-addr`.
pub(super) const INIT_ADDR: Parameter<ServerSettings> = Parameter {
    name: "init-addr",
    syntax: "{ last | libc | none | <ip> },…",
    read: |settings, arguments| {
        let word = arguments.take("'last', 'libc', 'none' or an address")?;
        let sources = word.text.split(',').map(|text| init_addr(word, text));
        settings.naming.init_addr = Some(sources.collect::<Reading<_>>()?);
        Ok(())
    },
    write: |settings| match &settings.naming.init_addr {
        Some(sources) => {
            let spelled: Vec<String> = sources.iter().map(spell_init_addr).collect();
            vec!["init-addr".to_owned(), spelled.join(",")]
        }
        None => Vec::new(),
    },
};

/// `resolve-prefer`.
pub(super) const RESOLVE_PREFER: Parameter<ServerSettings> = Parameter {
    name: "resolve-prefer",
    syntax: "{ ipv4 | ipv6 }",
    read: |settings, arguments| {
        let word = arguments.take("'ipv4' or 'ipv6'")?;
        settings.naming.resolve_prefer = Some(match word.text.as_str() {
            "ipv4" => AddressFamily::V4,
            "ipv6" => AddressFamily::V6,
            _ => return Err(choice(word, &["ipv4", "ipv6"])),
        });
        Ok(())
    },
    write: |settings| match settings.naming.resolve_prefer {
        Some(AddressFamily::V4) => vec!["resolve-prefer".to_owned(), "ipv4".to_owned()],
        Some(AddressFamily::V6) => vec!["resolve-prefer".to_owned(), "ipv6".to_owned()],
        None => Vec::new(),
    },
};

/// `resolve-net`.
pub(super) const RESOLVE_NET: Parameter<ServerSettings> = Parameter {
    name: "resolve-net",
    syntax: "<network>,…",
    read: |settings, arguments| {
        let word = arguments.take("a network such as '192.0.2.0/24'")?;
        let networks = word.text.split(',').map(|text| network(word, text));
        settings.naming.resolve_net = Some(networks.collect::<Reading<_>>()?);
        Ok(())
    },
    write: |settings| match &settings.naming.resolve_net {
        Some(networks) => {
            let spelled: Vec<String> = networks.iter().map(|(ip, bits)| format!("{ip}/{bits}")).collect();
            vec!["resolve-net".to_owned(), spelled.join(",")]
        }
        None => Vec::new(),
    },
};

/// `resolve-opts`.
pub(super) const RESOLVE_OPTS: Parameter<ServerSettings> = Parameter {
    name: "resolve-opts",
    syntax: "{ allow-dup-ip | ignore-weight | prevent-dup-ip },…",
    read: |settings, arguments| {
        let word = arguments.take("'allow-dup-ip', 'ignore-weight' or 'prevent-dup-ip'")?;
        for option in word.text.split(',') {
            match option {
                "allow-dup-ip" => settings.naming.allow_dup_ip = Some(true),
                "prevent-dup-ip" => settings.naming.allow_dup_ip = Some(false),
                "ignore-weight" => settings.naming.ignore_weight = true,
                other => {
                    let message = format!("unknown option '{other}'");
                    let help = "'allow-dup-ip', 'ignore-weight' and 'prevent-dup-ip' are accepted";
                    return Err(expecting(word, message, help));
                }
            }
        }
        Ok(())
    },
    write: |settings| {
        let naming = &settings.naming;
        let duplicates = naming.allow_dup_ip.map(|may| if may { "allow-dup-ip" } else { "prevent-dup-ip" });
        let weight = naming.ignore_weight.then_some("ignore-weight");
        let spelled: Vec<&str> = duplicates.into_iter().chain(weight).collect();
        match spelled.is_empty() {
            true => Vec::new(),
            false => vec!["resolve-opts".to_owned(), spelled.join(",")],
        }
    },
};

/// Reads the arguments of `server-template`: the servers that it stands for.
pub(super) fn read_template(backend: &Name, arguments: &mut Arguments) -> Reading<Vec<Server>> {
    let prefix = arguments.take("the beginning of the servers' names")?;
    let range = arguments.take("a number of servers, or the first and the last number")?;
    let (first, last) = numbers(range)?;
    let word = arguments.take("an address such as 'app.example.com:80'")?;
    let address = server_address(word, arguments.environment)?;
    let mut settings = ServerSettings::default();
    parameters::read(&mut settings, arguments, super::servers::PARAMETERS, super::super::keywords::SERVER)?;
    arguments.finish()?;
    let named = (first..=last).map(|number| {
        let text = format!("{}{number}", prefix.text);
        let name = Name::new(&text).map_err(|bad| about(prefix, format!("'{text}': {bad}")))?;
        Ok(Server {
            at: ServerRef { backend: backend.clone(), server: name },
            id: 0,
            order: 0,
            guid: None,
            address: address.clone(),
            admin: None,
            paused: Paused::default(),
            settings: settings.clone(),
        })
    });
    named.collect()
}

/// The words after `server-template`, for servers that one such line stands for.
pub(super) fn write_template(servers: &[Server]) -> Vec<String> {
    let (Some(first), Some(last)) = (servers.first(), servers.last()) else { return Vec::new() };
    let Some((prefix, low)) = split_number(first.at.server.as_str()) else { return Vec::new() };
    let high = split_number(last.at.server.as_str()).map_or(low, |(_, high)| high);
    let range = if low == 1 { high.to_string() } else { format!("{low}-{high}") };
    let mut words = vec![prefix.to_owned(), range, spell_server(&first.address)];
    words.extend(parameters::write(&first.settings, super::servers::PARAMETERS));
    words
}

/// The servers that are written one by one, and after them groups that a `server-template` line each stands for.
///
/// Only what stands at the end of the list is grouped, since the lines of one directive stand together.
pub(super) fn grouped(servers: &[Server]) -> (&[Server], Vec<&[Server]>) {
    let mut groups = Vec::new();
    let mut rest = servers;
    loop {
        let (before, group) = rest.split_at(rest.len().saturating_sub(last_group(rest)));
        if group.len() < 2 {
            groups.reverse();
            return (rest, groups);
        }
        groups.push(group);
        rest = before;
    }
}

/// How many servers at the end of the list differ in the numbers of their names only, which ascend by one.
fn last_group(servers: &[Server]) -> usize {
    let fits = |pair: &[Server]| match pair {
        [one, next] => {
            let numbers = split_number(one.at.server.as_str()).zip(split_number(next.at.server.as_str()));
            let named = matches!(&one.address, ServerAddress::Inet { host: ServerHost::Named(_), .. });
            named
                && numbers.is_some_and(|((prefix, low), (other, high))| {
                    prefix == other && low.checked_add(1) == Some(high)
                })
                && (one.id, next.id) == (0, 0)
                && (&one.guid, &next.guid) == (&None, &None)
                && (one.admin, &one.address, &one.settings) == (None, &next.address, &next.settings)
                && next.admin.is_none()
        }
        _ => false,
    };
    1 + servers.windows(2).rev().take_while(|pair| fits(pair)).count()
}

/// A name as a prefix and the number at its end, written without leading zeros.
fn split_number(name: &str) -> Option<(&str, u32)> {
    let digits = name.len() - name.trim_end_matches(|c: char| c.is_ascii_digit()).len();
    (1..=digits.min(9)).rev().find_map(|length| {
        let (prefix, number) = name.split_at_checked(name.len() - length)?;
        let is_plain = !number.starts_with('0') && !prefix.is_empty();
        number.parse().ok().filter(|_| is_plain).map(|number| (prefix, number))
    })
}

fn numbers(word: &Word) -> Reading<(u32, u32)> {
    let text = word.text.as_str();
    let number = |text: &str| text.parse::<u32>().ok().filter(|_| text.bytes().all(|b| b.is_ascii_digit()));
    let range = match text.split_once('-') {
        Some((first, last)) => number(first).zip(number(last)),
        None => number(text).map(|count| (1, count)),
    };
    match range {
        Some((first, last)) if first <= last && last - first < MOST_SERVERS => Ok((first, last)),
        _ => Err(expecting(
            word,
            format!("'{text}' is neither a number nor a range"),
            format!("a number from 1, or first-last, of at most {MOST_SERVERS} servers is expected"),
        )),
    }
}

fn init_addr(word: &Word, text: &str) -> Reading<InitAddr> {
    match (text, text.parse::<IpAddr>()) {
        ("last", _) => Ok(InitAddr::Last),
        ("libc", _) => Ok(InitAddr::Libc),
        ("none", _) => Ok(InitAddr::Unset),
        (_, Ok(ip)) => Ok(InitAddr::Ip(ip)),
        (other, Err(_)) => {
            let message = format!("'{other}' is no source of a first address");
            Err(expecting(
                word,
                message,
                "'last', 'libc', 'none' and addresses are accepted, with ',' between",
            ))
        }
    }
}

fn spell_init_addr(source: &InitAddr) -> String {
    match source {
        InitAddr::Last => "last".to_owned(),
        InitAddr::Libc => "libc".to_owned(),
        InitAddr::Unset => "none".to_owned(),
        InitAddr::Ip(ip) => ip.to_string(),
    }
}

fn network(word: &Word, text: &str) -> Reading<(IpAddr, u8)> {
    let (ip, bits) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
    let parsed = ip.parse::<IpAddr>().ok().and_then(|ip| {
        let all = if ip.is_ipv4() { 32 } else { 128 };
        let bits = bits.map_or(Some(all), |bits| bits.parse::<u8>().ok())?;
        (bits <= all).then_some((ip, bits))
    });
    parsed.ok_or_else(|| {
        let help = "networks such as '192.0.2.0/24' or '2001:db8::/32', with ',' between, are expected";
        expecting(word, format!("'{text}' is no network"), help)
    })
}

/// Servers that one line may stand for.
const MOST_SERVERS: u32 = 100_000;
