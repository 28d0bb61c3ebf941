//! Resolvers, and what servers say about their names.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use super::frontend::model_network;
use super::{choice, field, v1};
use crate::model::{Holds, InitAddr, Nameserver, NamingSettings, Resolvers, Transport};
use crate::problem::Problem;

impl From<&Resolvers> for v1::Resolvers {
    fn from(row: &Resolvers) -> Self {
        v1::Resolvers {
            name: row.name.to_string(),
            order: row.order,
            nameservers: row.nameservers.iter().map(Into::into).collect(),
            parse_resolv_conf: row.parse_resolv_conf,
            resolve_retries: row.resolve_retries,
            timeout_resolve_ms: row.timeout_resolve.map(|span| span.get()),
            timeout_retry_ms: row.timeout_retry.map(|span| span.get()),
            hold: field::unless_default(&row.hold),
            accepted_payload_size: row.accepted_payload_size.map(u32::from),
        }
    }
}

impl TryFrom<v1::Resolvers> for Resolvers {
    type Error = Problem;

    fn try_from(row: v1::Resolvers) -> Result<Self, Problem> {
        let nameservers: Vec<Nameserver> = field::list("nameservers", row.nameservers)?;
        let mut names = BTreeSet::new();
        for (at, server) in nameservers.iter().enumerate() {
            if !names.insert(&server.name) {
                let path = format!("nameservers[{at}].name");
                return Err(field::malformed(&path, "one before has it: different names are expected"));
            }
        }
        let size = |size| field::ranged("accepted_payload_size", size, 512, u32::from(u16::MAX));
        Ok(Resolvers {
            name: field::name("name", &row.name)?,
            order: row.order,
            nameservers,
            parse_resolv_conf: row.parse_resolv_conf,
            resolve_retries: row.resolve_retries,
            timeout_resolve: field::millis("timeout_resolve_ms", row.timeout_resolve_ms)?,
            timeout_retry: field::millis("timeout_retry_ms", row.timeout_retry_ms)?,
            hold: field::defaulted("hold", row.hold)?,
            accepted_payload_size: row
                .accepted_payload_size
                .map(size)
                .transpose()?
                .and_then(|size| u16::try_from(size).ok()),
        })
    }
}

impl From<&Nameserver> for v1::Nameserver {
    fn from(server: &Nameserver) -> Self {
        v1::Nameserver {
            name: server.name.to_string(),
            transport: choice::number(Some(server.transport)),
            address: Some((&server.address).into()),
        }
    }
}

impl TryFrom<v1::Nameserver> for Nameserver {
    type Error = Problem;

    fn try_from(server: v1::Nameserver) -> Result<Self, Problem> {
        let address: SocketAddr = field::required("address", server.address)?;
        if address.port() == 0 {
            return Err(field::out_of_range("address.port", "0 is out of range: 1 to 65535 is accepted"));
        }
        Ok(Nameserver {
            name: field::name("name", &server.name)?,
            transport: field::choice("transport", server.transport)?.unwrap_or(Transport::Udp),
            address,
        })
    }
}

impl From<&Holds> for v1::Holds {
    fn from(hold: &Holds) -> Self {
        v1::Holds {
            valid_ms: hold.valid.map(|span| span.get()),
            nx_ms: hold.nx.map(|span| span.get()),
            refused_ms: hold.refused.map(|span| span.get()),
            timeout_ms: hold.timeout.map(|span| span.get()),
            other_ms: hold.other.map(|span| span.get()),
            obsolete_ms: hold.obsolete.map(|span| span.get()),
        }
    }
}

impl TryFrom<v1::Holds> for Holds {
    type Error = Problem;

    fn try_from(hold: v1::Holds) -> Result<Self, Problem> {
        Ok(Holds {
            valid: field::millis("valid_ms", hold.valid_ms)?,
            nx: field::millis("nx_ms", hold.nx_ms)?,
            refused: field::millis("refused_ms", hold.refused_ms)?,
            timeout: field::millis("timeout_ms", hold.timeout_ms)?,
            other: field::millis("other_ms", hold.other_ms)?,
            obsolete: field::millis("obsolete_ms", hold.obsolete_ms)?,
        })
    }
}

impl From<&NamingSettings> for v1::NamingSettings {
    fn from(settings: &NamingSettings) -> Self {
        let network = |(ip, bits): &(std::net::IpAddr, u8)| v1::Network {
            ip: ip.to_string(),
            prefix_length: u32::from(*bits),
        };
        v1::NamingSettings {
            resolvers: settings.resolvers.as_ref().map(ToString::to_string),
            init_addrs: settings.init_addr.iter().flatten().map(Into::into).collect(),
            resolve_prefer: choice::number(settings.resolve_prefer),
            resolve_nets: settings.resolve_net.iter().flatten().map(network).collect(),
            allow_dup_ip: settings.allow_dup_ip,
            ignore_weight: settings.ignore_weight,
        }
    }
}

impl TryFrom<v1::NamingSettings> for NamingSettings {
    type Error = Problem;

    fn try_from(settings: v1::NamingSettings) -> Result<Self, Problem> {
        let init_addr: Vec<InitAddr> = field::list("init_addrs", settings.init_addrs)?;
        let mut networks = Vec::new();
        for (at, network) in settings.resolve_nets.into_iter().enumerate() {
            let path = format!("resolve_nets[{at}]");
            networks.push(field::within(&path, model_network(&network))?);
        }
        Ok(NamingSettings {
            resolvers: field::optional_name("resolvers", settings.resolvers)?,
            init_addr: Some(init_addr).filter(|list| !list.is_empty()),
            resolve_prefer: field::choice("resolve_prefer", settings.resolve_prefer)?,
            resolve_net: Some(networks).filter(|list| !list.is_empty()),
            allow_dup_ip: settings.allow_dup_ip,
            ignore_weight: settings.ignore_weight,
        })
    }
}

impl From<&InitAddr> for v1::InitAddr {
    fn from(source: &InitAddr) -> Self {
        use v1::InitAddrMethod as Method;
        use v1::init_addr::Source;
        let source = match source {
            InitAddr::Last => Source::Method(Method::Last as i32),
            InitAddr::Libc => Source::Method(Method::Libc as i32),
            InitAddr::Unset => Source::Method(Method::Unset as i32),
            InitAddr::Ip(ip) => Source::Ip(ip.to_string()),
        };
        v1::InitAddr { source: Some(source) }
    }
}

impl TryFrom<v1::InitAddr> for InitAddr {
    type Error = Problem;

    fn try_from(source: v1::InitAddr) -> Result<Self, Problem> {
        use v1::InitAddrMethod as Method;
        use v1::init_addr::Source;
        match source.source.ok_or_else(|| field::missing("source", "one of method and ip"))? {
            Source::Ip(text) => Ok(InitAddr::Ip(field::ip("ip", &text)?)),
            Source::Method(number) => match Method::try_from(number) {
                Ok(Method::Last) => Ok(InitAddr::Last),
                Ok(Method::Libc) => Ok(InitAddr::Libc),
                Ok(Method::Unset) => Ok(InitAddr::Unset),
                Ok(Method::Unspecified) | Err(_) => {
                    Err(field::malformed("method", format_args!("{number} is no method: 1 to 3 is accepted")))
                }
            },
        }
    }
}
