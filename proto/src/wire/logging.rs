//! Log targets and plans.

use super::{choice, field, v1};
use crate::model::{Facility, LogAddress, LogPlan, LogTarget};
use crate::problem::Problem;

impl From<&LogTarget> for v1::LogTarget {
    fn from(target: &LogTarget) -> Self {
        v1::LogTarget {
            address: Some((&target.address).into()),
            length: target.length,
            syntax: choice::number(target.syntax),
            facility: u32::from(target.facility.number()),
            highest: choice::number(target.highest),
            lowest: choice::number(target.lowest),
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
        })
    }
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
        };
        v1::LogAddress { address: Some(address) }
    }
}

impl TryFrom<v1::LogAddress> for LogAddress {
    type Error = Problem;

    fn try_from(address: v1::LogAddress) -> Result<Self, Problem> {
        use v1::log_address::Address;
        let address = address
            .address
            .ok_or_else(|| field::missing("address", "one of udp, unix, stream, descriptor and host"))?;
        Ok(match address {
            Address::Udp(address) => LogAddress::Udp(field::within("udp", address.try_into())?),
            Address::Host(named) => {
                let port = field::ranged("port", named.port, 1, u32::from(u16::MAX));
                LogAddress::Named {
                    host: field::within("host", field::text("name", named.name))?,
                    port: u16::try_from(field::within("host", port)?).unwrap_or(u16::MAX),
                }
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
