//! How proxies and the process treat messages.

use super::{choice, field, v1};
use crate::model::{ClientConduct, Conduct, ServerConduct, Statuses, is_token};
use crate::problem::Problem;

impl From<&ClientConduct> for v1::ClientConduct {
    fn from(conduct: &ClientConduct) -> Self {
        v1::ClientConduct {
            idle_close: conduct.idle_close,
            adjust_case: conduct.adjust_case,
            header_names: choice::number(conduct.header_names),
        }
    }
}

impl TryFrom<v1::ClientConduct> for ClientConduct {
    type Error = Problem;

    fn try_from(conduct: v1::ClientConduct) -> Result<Self, Problem> {
        Ok(ClientConduct {
            idle_close: conduct.idle_close,
            adjust_case: conduct.adjust_case,
            header_names: field::choice("header_names", conduct.header_names)?,
        })
    }
}

impl From<&ServerConduct> for v1::ServerConduct {
    fn from(conduct: &ServerConduct) -> Self {
        v1::ServerConduct {
            pretend_keepalive: conduct.pretend_keepalive,
            adjust_case: conduct.adjust_case,
            header_names: choice::number(conduct.header_names),
            name_header: conduct.name_header.clone(),
            max_keep_alive_queue: conduct.max_keep_alive_queue,
        }
    }
}

impl TryFrom<v1::ServerConduct> for ServerConduct {
    type Error = Problem;

    fn try_from(conduct: v1::ServerConduct) -> Result<Self, Problem> {
        if conduct.name_header.as_ref().is_some_and(|name| !is_token(name)) {
            return Err(field::malformed("name_header", "a token is expected"));
        }
        Ok(ServerConduct {
            pretend_keepalive: conduct.pretend_keepalive,
            adjust_case: conduct.adjust_case,
            header_names: field::choice("header_names", conduct.header_names)?,
            name_header: conduct.name_header,
            max_keep_alive_queue: super::server::limit("max_keep_alive_queue", conduct.max_keep_alive_queue)?,
        })
    }
}

impl From<&Conduct> for v1::Conduct {
    fn from(conduct: &Conduct) -> Self {
        v1::Conduct {
            error_codes: conduct.error_codes.as_ref().map(Into::into),
            failure_codes: conduct.failure_codes.as_ref().map(Into::into),
            header_cases: conduct.header_cases.clone(),
            reject_privileged_ports: conduct.reject_privileged_ports,
            proxy_never_local: conduct.proxy_never_local,
        }
    }
}

impl TryFrom<v1::Conduct> for Conduct {
    type Error = Problem;

    fn try_from(conduct: v1::Conduct) -> Result<Self, Problem> {
        for (at, name) in conduct.header_cases.iter().enumerate() {
            let twice = || conduct.header_cases.iter().take(at).any(|other| other.eq_ignore_ascii_case(name));
            if !is_token(name) || twice() {
                let place = format!("header_cases[{at}]");
                return Err(field::malformed(&place, "a token that does not stand here before is expected"));
            }
        }
        Ok(Conduct {
            error_codes: field::optional("error_codes", conduct.error_codes)?,
            failure_codes: field::optional("failure_codes", conduct.failure_codes)?,
            header_cases: conduct.header_cases,
            reject_privileged_ports: conduct.reject_privileged_ports,
            proxy_never_local: conduct.proxy_never_local,
        })
    }
}

impl From<&Statuses> for v1::Statuses {
    fn from(statuses: &Statuses) -> Self {
        let range =
            |(first, last): &(u16, u16)| v1::StatusRange { first: (*first).into(), last: (*last).into() };
        v1::Statuses { ranges: statuses.ranges().iter().map(range).collect() }
    }
}

impl TryFrom<v1::Statuses> for Statuses {
    type Error = Problem;

    fn try_from(statuses: v1::Statuses) -> Result<Self, Problem> {
        let mut set = Statuses::none();
        for (at, range) in statuses.ranges.into_iter().enumerate() {
            let [first, last] =
                [range.first, range.last].map(|status| u16::try_from(status).unwrap_or(u16::MAX));
            set.insert(first, last).map_err(|range| field::out_of_range(&format!("ranges[{at}]"), range))?;
        }
        Ok(set)
    }
}
