//! Log targets and plans.

use super::{choice, field, v1};
use crate::model::{
    Capture, CookieCapture, Facility, LogAddress, LogFormat, LogPlan, LogSample, LogTarget, Ring, RingServer,
    StreamAddress,
};
use crate::problem::Problem;
use crate::rules::{Checkpoint, Format};

impl From<&LogTarget> for v1::LogTarget {
    fn from(target: &LogTarget) -> Self {
        v1::LogTarget {
            address: Some((&target.address).into()),
            length: target.length,
            syntax: choice::number(target.syntax),
            facility: u32::from(target.facility.number()),
            highest: choice::number(target.highest),
            lowest: choice::number(target.lowest),
            sample: target.sample.as_ref().map(Into::into),
        }
    }
}

impl TryFrom<v1::LogTarget> for LogTarget {
    type Error = Problem;

    fn try_from(target: v1::LogTarget) -> Result<Self, Problem> {
        let number = target.facility;
        let facility = Facility::from_number(number).ok_or_else(|| {
            field::out_of_range("facility", format_args!("{number} is out of range: 0 to 23 is accepted"))
        })?;
        Ok(LogTarget {
            address: field::required("address", target.address)?,
            length: target.length,
            syntax: field::choice("syntax", target.syntax)?,
            facility,
            highest: field::choice("highest", target.highest)?,
            lowest: field::choice("lowest", target.lowest)?,
            sample: field::optional("sample", target.sample)?,
        })
    }
}

impl From<&LogSample> for v1::LogSample {
    fn from(sample: &LogSample) -> Self {
        let ranges = sample.ranges.iter().map(|(first, last)| v1::LogRange { first: *first, last: *last });
        v1::LogSample { ranges: ranges.collect(), size: sample.size }
    }
}

impl TryFrom<v1::LogSample> for LogSample {
    type Error = Problem;

    fn try_from(sample: v1::LogSample) -> Result<Self, Problem> {
        let ranges = sample.ranges.iter().map(|range| (range.first, range.last)).collect();
        LogSample::new(ranges, sample.size).map_err(|expected| field::malformed("ranges", expected))
    }
}

impl From<&Ring> for v1::Ring {
    fn from(ring: &Ring) -> Self {
        v1::Ring {
            name: ring.name.to_string(),
            order: ring.order,
            description: ring.description.clone(),
            syntax: choice::number(ring.syntax),
            maxlen: ring.maxlen,
            size: ring.size,
            timeout_connect_ms: ring.timeout_connect.map(|span| span.get()),
            timeout_server_ms: ring.timeout_server.map(|span| span.get()),
            servers: ring.servers.iter().map(Into::into).collect(),
        }
    }
}

impl TryFrom<v1::Ring> for Ring {
    type Error = Problem;

    fn try_from(ring: v1::Ring) -> Result<Self, Problem> {
        let servers: Vec<RingServer> = field::list("servers", ring.servers)?;
        for (at, server) in servers.iter().enumerate() {
            if servers.iter().take(at).any(|other| other.name == server.name) {
                let text = format!("another server is named {}", server.name);
                return Err(field::malformed(&format!("servers[{at}].name"), text));
            }
        }
        let size = ring.size.map(|size| match size {
            Ring::LEAST_SIZE..=Ring::GREATEST_SIZE => Ok(size),
            other => {
                let text = format!(
                    "{other} is out of range: {} to {} is accepted",
                    Ring::LEAST_SIZE,
                    Ring::GREATEST_SIZE
                );
                Err(field::out_of_range("size", text))
            }
        });
        Ok(Ring {
            name: field::name("name", &ring.name)?,
            order: ring.order,
            description: ring.description,
            syntax: field::choice("syntax", ring.syntax)?,
            maxlen: ring.maxlen.map(|length| field::ranged("maxlen", length, 80, 65535)).transpose()?,
            size: size.transpose()?,
            timeout_connect: field::millis("timeout_connect_ms", ring.timeout_connect_ms)?,
            timeout_server: field::millis("timeout_server_ms", ring.timeout_server_ms)?,
            servers,
        })
    }
}

impl From<&RingServer> for v1::RingServer {
    fn from(server: &RingServer) -> Self {
        v1::RingServer {
            name: server.name.to_string(),
            address: Some((&server.address).into()),
            octet_count: server.octet_count,
        }
    }
}

impl TryFrom<v1::RingServer> for RingServer {
    type Error = Problem;

    fn try_from(server: v1::RingServer) -> Result<Self, Problem> {
        Ok(RingServer {
            name: field::name("name", &server.name)?,
            address: field::required("address", server.address)?,
            octet_count: server.octet_count,
        })
    }
}

impl From<&StreamAddress> for v1::StreamAddress {
    fn from(address: &StreamAddress) -> Self {
        use v1::stream_address::Address;
        let address = match address {
            StreamAddress::Tcp(address) => Address::Tcp(address.into()),
            StreamAddress::Named { host, port } => {
                Address::Host(v1::NamedHost { name: host.clone(), port: u32::from(*port) })
            }
            StreamAddress::Unix(path) => Address::Unix(path.clone()),
        };
        v1::StreamAddress { address: Some(address) }
    }
}

impl TryFrom<v1::StreamAddress> for StreamAddress {
    type Error = Problem;

    fn try_from(address: v1::StreamAddress) -> Result<Self, Problem> {
        use v1::stream_address::Address;
        Ok(match address.address.ok_or_else(|| field::missing("address", "one of tcp, host and unix"))? {
            Address::Tcp(address) => StreamAddress::Tcp(field::within("tcp", address.try_into())?),
            Address::Host(named) => {
                let (host, port) = model_host(named)?;
                StreamAddress::Named { host, port }
            }
            Address::Unix(path) => StreamAddress::Unix(field::text("unix", path)?),
        })
    }
}

impl From<&Capture> for v1::Capture {
    fn from(capture: &Capture) -> Self {
        v1::Capture { header: capture.header.clone(), length: capture.length }
    }
}

impl TryFrom<v1::Capture> for Capture {
    type Error = Problem;

    fn try_from(capture: v1::Capture) -> Result<Self, Problem> {
        Ok(Capture {
            header: capture.header.map(|header| field::text("header", header)).transpose()?,
            length: field::ranged("length", capture.length, 1, Capture::LONGEST)?,
        })
    }
}

impl From<&CookieCapture> for v1::CookieCapture {
    fn from(capture: &CookieCapture) -> Self {
        v1::CookieCapture { name: capture.name.clone(), prefix: capture.prefix, length: capture.length }
    }
}

impl TryFrom<v1::CookieCapture> for CookieCapture {
    type Error = Problem;

    fn try_from(capture: v1::CookieCapture) -> Result<Self, Problem> {
        Ok(CookieCapture {
            name: field::text("name", capture.name)?,
            prefix: capture.prefix,
            length: field::ranged("length", capture.length, 1, Capture::LONGEST)?,
        })
    }
}

/// What lines say: the number of a format that has one, or its text.
pub(super) fn wire_format(format: Option<&LogFormat>) -> (i32, Option<String>) {
    use v1::LogFormat as Number;
    let number = match format {
        None => Number::Unspecified,
        Some(LogFormat::Plain) => Number::Plain,
        Some(LogFormat::Tcp) => Number::Tcp,
        Some(LogFormat::Http) => Number::Http,
        Some(LogFormat::Clf) => Number::Clf,
        Some(LogFormat::TcpClf) => Number::TcpClf,
        Some(LogFormat::Https) => Number::Https,
        Some(LogFormat::Custom(format)) => return (Number::Unspecified as i32, Some(format.to_string())),
    };
    (number as i32, None)
}

/// The reverse of [`wire_format`].
pub(super) fn model_format(number: i32, text: Option<String>) -> Result<Option<LogFormat>, Problem> {
    use v1::LogFormat as Number;
    let format = match Number::try_from(number) {
        Ok(Number::Unspecified) => {
            return Ok(model_text("log_format_text", text)?.map(LogFormat::Custom));
        }
        Ok(Number::Plain) => LogFormat::Plain,
        Ok(Number::Tcp) => LogFormat::Tcp,
        Ok(Number::Http) => LogFormat::Http,
        Ok(Number::Clf) => LogFormat::Clf,
        Ok(Number::TcpClf) => LogFormat::TcpClf,
        Ok(Number::Https) => LogFormat::Https,
        Err(_) => {
            return Err(field::malformed(
                "log_format",
                format_args!("{number} is not known here: 0 to 6 is accepted"),
            ));
        }
    };
    match text {
        None => Ok(Some(format)),
        Some(_) => {
            Err(field::malformed("log_format_text", "it is set beside log_format: one of them is expected"))
        }
    }
}

/// A format of lines.
pub(super) fn model_text(name: &str, text: Option<String>) -> Result<Option<Format>, Problem> {
    let Some(text) = text else { return Ok(None) };
    let checkpoint = if name == "unique_id_format" { Checkpoint::FrontendRequest } else { Checkpoint::Log };
    let format = Format::parse(&text).and_then(|format| format.usable_at(checkpoint).map(|()| format));
    format.map(Some).map_err(|mistake| {
        field::malformed(name, format_args!("at byte {}: {mistake}", mistake.at.saturating_add(1)))
    })
}

fn model_host(named: v1::NamedHost) -> Result<(String, u16), Problem> {
    let port = field::ranged("port", named.port, 1, u32::from(u16::MAX));
    let port = u16::try_from(field::within("host", port)?).unwrap_or(u16::MAX);
    Ok((field::within("host", field::text("name", named.name))?, port))
}

impl From<&LogAddress> for v1::LogAddress {
    fn from(address: &LogAddress) -> Self {
        use v1::log_address::Address;
        let address = match address {
            LogAddress::Udp(address) => Address::Udp(address.into()),
            LogAddress::Named { host, port } => {
                Address::Host(v1::NamedHost { name: host.clone(), port: u32::from(*port) })
            }
            LogAddress::Unix(path) => Address::Unix(path.clone()),
            LogAddress::Stdout => Address::Stream(v1::StandardStream::Stdout as i32),
            LogAddress::Stderr => Address::Stream(v1::StandardStream::Stderr as i32),
            LogAddress::Descriptor(number) => Address::Descriptor(*number),
            LogAddress::Stream(address) => Address::Connection(address.into()),
            LogAddress::Ring(name) => Address::Ring(name.to_string()),
        };
        v1::LogAddress { address: Some(address) }
    }
}

impl TryFrom<v1::LogAddress> for LogAddress {
    type Error = Problem;

    fn try_from(address: v1::LogAddress) -> Result<Self, Problem> {
        use v1::log_address::Address;
        let address = address.address.ok_or_else(|| {
            field::missing("address", "one of udp, unix, stream, descriptor, host, connection and ring")
        })?;
        Ok(match address {
            Address::Udp(address) => LogAddress::Udp(field::within("udp", address.try_into())?),
            Address::Host(named) => {
                let (host, port) = model_host(named)?;
                LogAddress::Named { host, port }
            }
            Address::Unix(path) => LogAddress::Unix(field::text("unix", path)?),
            Address::Stream(stream) => match v1::StandardStream::try_from(stream) {
                Ok(v1::StandardStream::Stdout) => LogAddress::Stdout,
                Ok(v1::StandardStream::Stderr) => LogAddress::Stderr,
                Ok(v1::StandardStream::Unspecified) | Err(_) => {
                    let text = format!("{stream} is no stream: 1 (stdout) or 2 (stderr) is");
                    return Err(field::malformed("stream", text));
                }
            },
            Address::Descriptor(number) => LogAddress::Descriptor(number),
            Address::Connection(address) => {
                LogAddress::Stream(field::within("connection", address.try_into())?)
            }
            Address::Ring(name) => LogAddress::Ring(field::name("ring", &name)?),
        })
    }
}

impl From<&LogPlan> for v1::LogPlan {
    fn from(plan: &LogPlan) -> Self {
        let to = match plan {
            LogPlan::Off => None,
            LogPlan::To { global, targets } => {
                Some(v1::LogTargets { global: *global, targets: targets.iter().map(Into::into).collect() })
            }
        };
        v1::LogPlan { to }
    }
}

impl TryFrom<v1::LogPlan> for LogPlan {
    type Error = Problem;

    fn try_from(plan: v1::LogPlan) -> Result<Self, Problem> {
        match plan.to {
            None => Ok(LogPlan::Off),
            Some(to) => {
                let targets = field::within("to", field::list("targets", to.targets))?;
                Ok(LogPlan::To { global: to.global, targets })
            }
        }
    }
}
