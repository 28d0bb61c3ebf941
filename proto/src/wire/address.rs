//! Addresses.

use std::net::{IpAddr, SocketAddr, SocketAddrV6};

use super::{field, v1};
use crate::model::{
    BindAddress, BindHost, DescriptorSource, PortRange, ServerAddress, ServerHost, ServerPort,
};
use crate::problem::Problem;

impl From<&BindAddress> for v1::BindAddress {
    fn from(address: &BindAddress) -> Self {
        use v1::bind_address::Address;
        let address = match address {
            BindAddress::Inet { host, ports } => Address::Inet(v1::InetBind {
                host: Some(wire_host(host)),
                first_port: u32::from(ports.first()),
                last_port: u32::from(ports.last()),
            }),
            BindAddress::Unix(path) => Address::Unix(path.clone()),
            BindAddress::Abstract(name) => Address::Abstract(name.clone()),
            BindAddress::Descriptor(DescriptorSource::Number(number)) => Address::Descriptor(*number),
            BindAddress::Descriptor(DescriptorSource::Variable(name)) => {
                Address::DescriptorVariable(name.clone())
            }
        };
        v1::BindAddress { address: Some(address) }
    }
}

impl TryFrom<v1::BindAddress> for BindAddress {
    type Error = Problem;

    fn try_from(address: v1::BindAddress) -> Result<Self, Problem> {
        use v1::bind_address::Address;
        let address = address.address.ok_or_else(|| {
            field::missing("address", "one of inet, unix, abstract, descriptor and descriptor_variable")
        })?;
        Ok(match address {
            Address::Inet(inet) => field::within("inet", bind_inet(inet))?,
            Address::Unix(path) => BindAddress::Unix(field::text("unix", path)?),
            Address::Abstract(name) => BindAddress::Abstract(field::text("abstract", name)?),
            Address::Descriptor(number) => BindAddress::Descriptor(DescriptorSource::Number(number)),
            Address::DescriptorVariable(name) => {
                let name = field::text("descriptor_variable", name)?;
                BindAddress::Descriptor(DescriptorSource::Variable(name))
            }
        })
    }
}

impl From<&ServerAddress> for v1::ServerAddress {
    fn from(address: &ServerAddress) -> Self {
        use v1::inet_server::Port;
        use v1::server_address::Address;
        let address = match address {
            ServerAddress::Inet { host, port } => Address::Inet(v1::InetServer {
                host: Some(host.into()),
                port: Some(match port {
                    ServerPort::Fixed(port) => Port::PortFixed(u32::from(*port)),
                    ServerPort::Mapped(offset) => Port::PortOffset(*offset),
                }),
            }),
            ServerAddress::Unix(path) => Address::Unix(path.clone()),
            ServerAddress::Abstract(name) => Address::Abstract(name.clone()),
        };
        v1::ServerAddress { address: Some(address) }
    }
}

impl TryFrom<v1::ServerAddress> for ServerAddress {
    type Error = Problem;

    fn try_from(address: v1::ServerAddress) -> Result<Self, Problem> {
        use v1::server_address::Address;
        let address =
            address.address.ok_or_else(|| field::missing("address", "one of inet, unix and abstract"))?;
        Ok(match address {
            Address::Inet(inet) => field::within("inet", server_inet(inet))?,
            Address::Unix(path) => ServerAddress::Unix(field::text("unix", path)?),
            Address::Abstract(name) => ServerAddress::Abstract(field::text("abstract", name)?),
        })
    }
}

impl From<&ServerHost> for v1::ServerHost {
    fn from(host: &ServerHost) -> Self {
        use v1::server_host::Host;
        let host = match host {
            ServerHost::Ip(ip) => Host::Ip(ip.to_string()),
            ServerHost::Named(name) => Host::Name(name.clone()),
        };
        v1::ServerHost { host: Some(host) }
    }
}

impl TryFrom<v1::ServerHost> for ServerHost {
    type Error = Problem;

    fn try_from(host: v1::ServerHost) -> Result<Self, Problem> {
        use v1::server_host::Host;
        Ok(match host.host.ok_or_else(|| field::missing("host", "one of ip and name"))? {
            Host::Ip(text) => ServerHost::Ip(field::ip("ip", &text)?),
            Host::Name(name) => ServerHost::Named(field::text("name", name)?),
        })
    }
}

impl From<&SocketAddr> for v1::SocketAddress {
    fn from(address: &SocketAddr) -> Self {
        let scope = match address {
            SocketAddr::V4(_) => 0,
            SocketAddr::V6(address) => address.scope_id(),
        };
        v1::SocketAddress { ip: address.ip().to_string(), port: u32::from(address.port()), scope }
    }
}

impl TryFrom<v1::SocketAddress> for SocketAddr {
    type Error = Problem;

    fn try_from(address: v1::SocketAddress) -> Result<Self, Problem> {
        let ip = field::ip("ip", &address.ip)?;
        let port = field::port("port", address.port)?;
        match ip {
            IpAddr::V6(ip) => Ok(SocketAddr::V6(SocketAddrV6::new(ip, port, 0, address.scope))),
            IpAddr::V4(_) if address.scope != 0 => {
                Err(field::malformed("scope", "an IPv4 address has none: 0 is expected"))
            }
            IpAddr::V4(_) => Ok(SocketAddr::new(ip, port)),
        }
    }
}

fn wire_host(host: &BindHost) -> v1::inet_bind::Host {
    use v1::inet_bind::Host;
    match host {
        BindHost::AnyV4 => Host::Any(v1::Family::V4 as i32),
        BindHost::AnyV6 => Host::Any(v1::Family::V6 as i32),
        BindHost::Ip(ip) => Host::Ip(ip.to_string()),
        BindHost::Named(name) => Host::Name(name.clone()),
    }
}

fn bind_inet(inet: v1::InetBind) -> Result<BindAddress, Problem> {
    use v1::inet_bind::Host;
    let host = match inet.host.ok_or_else(|| field::missing("host", "one of any, ip and name"))? {
        Host::Any(family) => match v1::Family::try_from(family) {
            Ok(v1::Family::V4) => BindHost::AnyV4,
            Ok(v1::Family::V6) => BindHost::AnyV6,
            Ok(v1::Family::Unspecified) | Err(_) => {
                return Err(field::malformed(
                    "any",
                    format_args!("{family} is no family: 1 (IPv4) or 2 (IPv6) is"),
                ));
            }
        },
        Host::Ip(text) => BindHost::Ip(field::ip("ip", &text)?),
        Host::Name(name) => BindHost::Named(field::text("name", name)?),
    };
    let first = field::ranged("first_port", inet.first_port, 1, u32::from(u16::MAX))?;
    let last = match inet.last_port {
        0 => first,
        last => field::ranged("last_port", last, first, u32::from(u16::MAX))?,
    };
    let ports = PortRange::new(field::port("first_port", first)?, field::port("last_port", last)?)
        .ok_or_else(|| field::malformed("last_port", "it is below first_port"))?;
    Ok(BindAddress::Inet { host, ports })
}

fn server_inet(inet: v1::InetServer) -> Result<ServerAddress, Problem> {
    use v1::inet_server::Port;
    let port = match inet.port {
        None => ServerPort::Mapped(0),
        Some(Port::PortFixed(port)) => ServerPort::Fixed(field::port("port_fixed", port)?),
        Some(Port::PortOffset(offset)) => ServerPort::Mapped(offset),
    };
    Ok(ServerAddress::Inet { host: field::required("host", inet.host)?, port })
}
