//! Persistence and retries.

use super::{choice, field, v1};
use crate::model::{
    BadCookie, Cookie, CookieAttribute, CookieName, CookieValue, Persistence, RetryOn, RetryReason,
};
use crate::problem::Problem;

impl From<&Persistence> for v1::Persistence {
    fn from(persistence: &Persistence) -> Self {
        v1::Persistence {
            cookie: persistence.cookie.as_ref().map(Into::into),
            dynamic_key: persistence.dynamic_key.clone(),
            dynamic: persistence.dynamic,
            force: persistence.force,
            rdp_cookie: persistence.rdp_cookie.as_ref().map(ToString::to_string),
        }
    }
}

impl TryFrom<v1::Persistence> for Persistence {
    type Error = Problem;

    fn try_from(persistence: v1::Persistence) -> Result<Self, Problem> {
        let rdp_cookie = persistence.rdp_cookie.map(|name| part("rdp_cookie", CookieName::new(&name)));
        let dynamic_key = persistence.dynamic_key.map(|key| field::text("dynamic_key", key)).transpose()?;
        Ok(Persistence {
            cookie: field::optional("cookie", persistence.cookie)?,
            dynamic_key,
            dynamic: persistence.dynamic,
            force: persistence.force,
            rdp_cookie: rdp_cookie.transpose()?,
        })
    }
}

impl From<&Cookie> for v1::Cookie {
    fn from(cookie: &Cookie) -> Self {
        v1::Cookie {
            name: cookie.name.to_string(),
            mode: choice::number(Some(cookie.mode)),
            indirect: cookie.indirect,
            nocache: cookie.nocache,
            postonly: cookie.postonly,
            preserve: cookie.preserve,
            httponly: cookie.httponly,
            secure: cookie.secure,
            domains: cookie.domains.iter().map(ToString::to_string).collect(),
            maxidle_s: cookie.maxidle,
            maxlife_s: cookie.maxlife,
            dynamic: cookie.dynamic,
            attributes: cookie.attributes.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::Cookie> for Cookie {
    type Error = Problem;

    fn try_from(cookie: v1::Cookie) -> Result<Self, Problem> {
        let seconds = |field: &str, value: Option<u32>| {
            value.map(|value| field::ranged(field, value, 0, Cookie::LONGEST)).transpose()
        };
        let cookie = Cookie {
            name: part("name", CookieName::new(&cookie.name))?,
            mode: field::required_choice("mode", cookie.mode)?,
            indirect: cookie.indirect,
            nocache: cookie.nocache,
            postonly: cookie.postonly,
            preserve: cookie.preserve,
            httponly: cookie.httponly,
            secure: cookie.secure,
            domains: parts("domains", &cookie.domains, CookieValue::new)?,
            maxidle: seconds("maxidle_s", cookie.maxidle_s)?,
            maxlife: seconds("maxlife_s", cookie.maxlife_s)?,
            dynamic: cookie.dynamic,
            attributes: parts("attributes", &cookie.attributes, CookieAttribute::new)?,
        };
        match cookie.conflict() {
            Some(conflict) => Err(field::malformed("mode", conflict)),
            None => Ok(cookie),
        }
    }
}

impl From<&RetryOn> for v1::RetryOn {
    fn from(reasons: &RetryOn) -> Self {
        let status = |reason| match reason {
            RetryReason::Status(status) => Some(u32::from(status)),
            _ => None,
        };
        v1::RetryOn {
            conn_failure: reasons.contains(RetryReason::ConnFailure),
            empty_response: reasons.contains(RetryReason::EmptyResponse),
            junk_response: reasons.contains(RetryReason::JunkResponse),
            response_timeout: reasons.contains(RetryReason::ResponseTimeout),
            zero_rtt_rejected: reasons.contains(RetryReason::ZeroRttRejected),
            statuses: reasons.iter().filter_map(status).collect(),
        }
    }
}

impl TryFrom<v1::RetryOn> for RetryOn {
    type Error = Problem;

    fn try_from(reasons: v1::RetryOn) -> Result<Self, Problem> {
        let plain = [
            (reasons.conn_failure, RetryReason::ConnFailure),
            (reasons.empty_response, RetryReason::EmptyResponse),
            (reasons.junk_response, RetryReason::JunkResponse),
            (reasons.response_timeout, RetryReason::ResponseTimeout),
            (reasons.zero_rtt_rejected, RetryReason::ZeroRttRejected),
        ];
        let mut all: Vec<RetryReason> =
            plain.into_iter().filter(|(on, _)| *on).map(|(_, reason)| reason).collect();
        for status in reasons.statuses {
            let known =
                RetryOn::STATUSES.into_iter().find(|known| u32::from(*known) == status).ok_or_else(|| {
                    let accepted = RetryOn::STATUSES.map(|status| status.to_string()).join(", ");
                    field::out_of_range(
                        "statuses",
                        format_args!("{status} is no reason: {accepted} are accepted"),
                    )
                })?;
            all.push(RetryReason::Status(known));
        }
        Ok(RetryOn::of(all))
    }
}

/// The value of a server in a cookie.
pub(super) fn server_cookie(value: Option<String>) -> Result<Option<CookieValue>, Problem> {
    value.map(|value| part("cookie", CookieValue::new(&value))).transpose()
}

fn part<T>(field: &str, read: Result<T, BadCookie>) -> Result<T, Problem> {
    read.map_err(|bad| field::malformed(field, bad))
}

fn parts<T>(
    field: &str,
    texts: &[String],
    read: fn(&str) -> Result<T, BadCookie>,
) -> Result<Vec<T>, Problem> {
    let numbered = texts.iter().enumerate();
    numbered.map(|(at, text)| part(&format!("{field}[{at}]"), read(text))).collect()
}
