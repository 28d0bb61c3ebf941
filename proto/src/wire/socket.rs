//! What sockets are like besides their addresses.

use super::{choice, field, v1};
use crate::model::{Dialling, Foreign, Listening, Probes, ProxyOption, Source};
use crate::problem::Problem;

impl From<&Probes> for v1::Probes {
    fn from(probes: &Probes) -> Self {
        v1::Probes {
            count: probes.count,
            idle_ms: probes.idle.map(|span| span.get()),
            interval_ms: probes.interval.map(|span| span.get()),
        }
    }
}

impl TryFrom<v1::Probes> for Probes {
    type Error = Problem;

    fn try_from(probes: v1::Probes) -> Result<Self, Problem> {
        Ok(Probes {
            count: probes.count,
            idle: field::millis("idle_ms", probes.idle_ms)?,
            interval: field::millis("interval_ms", probes.interval_ms)?,
        })
    }
}

impl From<&Listening> for v1::Listening {
    fn from(listening: &Listening) -> Self {
        v1::Listening {
            mss: listening.mss,
            user_timeout_ms: listening.user_timeout.map(|span| span.get()),
            fast_open: listening.fast_open,
            transparent: listening.transparent,
            congestion: listening.congestion.clone(),
            namespace: listening.namespace.clone(),
        }
    }
}

impl TryFrom<v1::Listening> for Listening {
    type Error = Problem;

    fn try_from(listening: v1::Listening) -> Result<Self, Problem> {
        if let Some(mss) = listening.mss.filter(|mss| !(1..=65_535).contains(&mss.unsigned_abs())) {
            let text = format!("{mss} is out of range: 1 to 65535 or -65535 to -1 is accepted");
            return Err(field::out_of_range("mss", text));
        }
        Ok(Listening {
            mss: listening.mss,
            user_timeout: field::millis("user_timeout_ms", listening.user_timeout_ms)?,
            fast_open: listening.fast_open,
            transparent: listening.transparent,
            congestion: listening.congestion.map(|name| field::text("congestion", name)).transpose()?,
            namespace: namespace(listening.namespace)?,
        })
    }
}

impl From<&Dialling> for v1::Dialling {
    fn from(dialling: &Dialling) -> Self {
        v1::Dialling {
            user_timeout_ms: dialling.user_timeout.map(|span| span.get()),
            fast_open: dialling.fast_open,
            congestion: dialling.congestion.clone(),
            namespace: dialling.namespace.clone(),
            socks: dialling.socks.as_ref().map(Into::into),
            check_via_socks: dialling.check_via_socks,
            redirect: dialling.redirect.clone(),
            proxy_options: wire_options(&dialling.proxy_options),
            hash_key: choice::number(dialling.hash_key),
        }
    }
}

impl TryFrom<v1::Dialling> for Dialling {
    type Error = Problem;

    fn try_from(dialling: v1::Dialling) -> Result<Self, Problem> {
        Ok(Dialling {
            user_timeout: field::millis("user_timeout_ms", dialling.user_timeout_ms)?,
            fast_open: dialling.fast_open,
            congestion: dialling.congestion.map(|name| field::text("congestion", name)).transpose()?,
            namespace: namespace(dialling.namespace)?,
            socks: field::optional("socks", dialling.socks)?,
            check_via_socks: dialling.check_via_socks,
            redirect: dialling.redirect.map(|prefix| field::text("redirect", prefix)).transpose()?,
            proxy_options: model_options(dialling.proxy_options)?,
            hash_key: field::choice("hash_key", dialling.hash_key)?,
        })
    }
}

/// Where connections start from, in the two fields that say so.
pub(super) fn wire_source(source: Option<&Source>) -> (Option<v1::SocketAddress>, Option<v1::SourceManner>) {
    use v1::source_manner::Foreign as Wire;
    let Some(source) = source else { return (None, None) };
    let foreign = source.foreign.as_ref().map(|foreign| match foreign {
        Foreign::Client => Wire::Client(v1::ClientSource { port: true }),
        Foreign::ClientIp => Wire::Client(v1::ClientSource { port: false }),
        Foreign::Address(address) => Wire::Address(address.into()),
        Foreign::Header { name, occurrence } => {
            Wire::Header(v1::HeaderSource { name: name.clone(), occurrence: *occurrence })
        }
    });
    let manner = v1::SourceManner { interface: source.interface.clone(), foreign };
    (Some((&source.address).into()), Some(manner).filter(|manner| *manner != v1::SourceManner::default()))
}

/// The reverse of [`wire_source`].
pub(super) fn model_source(
    address: Option<v1::SocketAddress>,
    manner: Option<v1::SourceManner>,
) -> Result<Option<Source>, Problem> {
    use v1::source_manner::Foreign as Wire;
    let Some(address) = field::optional("source", address)? else {
        return match manner {
            Some(_) => Err(field::missing("source", "an address, as source_manner is there")),
            None => Ok(None),
        };
    };
    let manner = manner.unwrap_or_default();
    let foreign = match manner.foreign {
        None => None,
        Some(Wire::Client(client)) => Some(if client.port { Foreign::Client } else { Foreign::ClientIp }),
        Some(Wire::Address(address)) => {
            Some(Foreign::Address(field::within("source_manner.address", address.try_into())?))
        }
        Some(Wire::Header(header)) => {
            let name = field::text("source_manner.header.name", header.name)?;
            if !crate::model::is_token(&name) {
                return Err(field::malformed("source_manner.header.name", "a token is expected"));
            }
            if header.occurrence == 0 {
                let text = "0 is out of range: members are counted from 1 or -1";
                return Err(field::out_of_range("source_manner.header.occurrence", text));
            }
            Some(Foreign::Header { name, occurrence: header.occurrence })
        }
    };
    let interface = manner.interface.map(|name| field::text("source_manner.interface", name)).transpose()?;
    Ok(Some(Source { address, interface, foreign }))
}

/// Options as numbers.
fn wire_options(options: &[ProxyOption]) -> Vec<i32> {
    options.iter().map(|option| choice::number(Some(*option))).collect()
}

/// Options in ascending order, each once.
fn model_options(numbers: Vec<i32>) -> Result<Vec<ProxyOption>, Problem> {
    let mut options = Vec::new();
    for (at, number) in numbers.into_iter().enumerate() {
        options.push(field::required_choice(&format!("proxy_options[{at}]"), number)?);
    }
    if options.windows(2).any(|pair| matches!(pair, [one, next] if one >= next)) {
        return Err(field::malformed("proxy_options", "ascending order is expected"));
    }
    Ok(options)
}

/// The name of a namespace stands for a file in one folder.
fn namespace(name: Option<String>) -> Result<Option<String>, Problem> {
    let name = name.map(|name| field::text("namespace", name)).transpose()?;
    match name {
        Some(name) if name.is_empty() || name.contains('/') || name == ".." || name == "." => {
            Err(field::malformed("namespace", format_args!("'{name}' is no name of a file")))
        }
        name => Ok(name),
    }
}
