//! How proxies and the process treat messages where clients, servers or habits ask for something particular.

use super::OutOfRange;

/// How the client side treats messages. Absent fields come from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ClientConduct {
    /// `option idle-close-on-response`: while the process stops, idle connections live until their next response.
    /// Default: off.
    pub idle_close: Option<bool>,
    /// `option h1-case-adjust-bogus-client`: names of headers are spelled as [`Conduct::header_cases`] says. Default:
    /// off.
    pub adjust_case: Option<bool>,
    /// What becomes of requests with names of headers that some servers mistake. Default: they are let through.
    pub header_names: Option<HeaderNames>,
}

/// How the server side treats messages. Absent fields come from the defaults.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerConduct {
    /// `option http-pretend-keepalive`: servers are not told that their connection closes. Default: off.
    pub pretend_keepalive: Option<bool>,
    /// `option h1-case-adjust-bogus-server`: names of headers are spelled as [`Conduct::header_cases`] says. Default:
    /// off.
    pub adjust_case: Option<bool>,
    /// What becomes of requests with names of headers that some servers mistake. Default: they are let through.
    pub header_names: Option<HeaderNames>,
    /// `http-send-name-header`: the header that tells a server its own name, a token. Default: none.
    pub name_header: Option<String>,
    /// `max-keep-alive-queue`: how many may wait for a server that a client prefers because it was there before; -1 is
    /// no limit. Default: -1.
    pub max_keep_alive_queue: Option<i32>,
}

impl ServerConduct {
    /// Whether no request may go out with the bytes of its head as they came.
    pub fn touches_heads(&self) -> bool {
        self.name_header.is_some() || self.adjust_case == Some(true)
    }
}

/// What becomes of requests with names of headers of other characters than letters, digits and dashes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HeaderNames {
    /// They are let through as they are.
    Preserve,
    /// They lose those headers.
    Delete,
    /// They are refused with status 403.
    Reject,
}

/// How the process treats messages and connections of all proxies. Every field is optional.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Conduct {
    /// Statuses of responses that stick tables count as errors of clients. Default: [`Statuses::errors`].
    pub error_codes: Option<Statuses>,
    /// Statuses of responses that stick tables count as failures of servers. Default: [`Statuses::failures`].
    pub failure_codes: Option<Statuses>,
    /// Names of headers in the spelling that proxies give them which adjust the case, each once whatever its case.
    pub header_cases: Vec<String>,
    /// `harden.reject-privileged-ports.tcp`: connections from ports below 1024 are closed. Default: no.
    pub reject_privileged_ports: Option<bool>,
    /// `pp2-never-send-local`: checks name addresses in their PROXY protocol headers of version 2. Default: no.
    pub proxy_never_local: Option<bool>,
}

impl Conduct {
    /// Whether a response with this status counts as an error of the client.
    pub fn is_error(&self, status: u16) -> bool {
        match &self.error_codes {
            Some(codes) => codes.contains(status),
            None => (400..500).contains(&status),
        }
    }

    /// Whether a response with this status counts as a failure of the server.
    pub fn is_failure(&self, status: u16) -> bool {
        match &self.failure_codes {
            Some(codes) => codes.contains(status),
            None => status >= 500 && !matches!(status, 501 | 505),
        }
    }
}

/// A set of statuses from 100 to 599.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statuses(Vec<(u16, u16)>);

impl Statuses {
    /// None.
    pub fn none() -> Statuses {
        Statuses(Vec::new())
    }

    /// What counts as an error of a client where nobody says otherwise: 400 to 499.
    pub fn errors() -> Statuses {
        Statuses(vec![(400, 499)])
    }

    /// What counts as a failure of a server where nobody says otherwise: 500 to 599 without 501 and 505.
    pub fn failures() -> Statuses {
        Statuses(vec![(500, 500), (502, 504), (506, 599)])
    }

    /// The statuses as ranges in ascending order, with gaps between them.
    pub fn ranges(&self) -> &[(u16, u16)] {
        &self.0
    }

    /// Whether it has this status.
    pub fn contains(&self, status: u16) -> bool {
        self.0.iter().any(|(first, last)| (*first..=*last).contains(&status))
    }

    /// Adds the statuses of a range, both ends included.
    pub fn insert(&mut self, first: u16, last: u16) -> Result<(), OutOfRange> {
        let (first, last) = Statuses::checked(first, last)?;
        self.rebuild(|status| (first..=last).contains(&status), true);
        Ok(())
    }

    /// Takes out the statuses of a range, both ends included.
    pub fn remove(&mut self, first: u16, last: u16) -> Result<(), OutOfRange> {
        let (first, last) = Statuses::checked(first, last)?;
        self.rebuild(|status| (first..=last).contains(&status), false);
        Ok(())
    }

    fn checked(first: u16, last: u16) -> Result<(u16, u16), OutOfRange> {
        let range = |value: u16, lowest: u16| {
            let fits = (lowest..=HIGHEST).contains(&value);
            let out = OutOfRange { value: value.into(), lowest: lowest.into(), highest: HIGHEST.into() };
            if fits { Ok(value) } else { Err(out) }
        };
        let first = range(first, LOWEST)?;
        Ok((first, range(last, first)?))
    }

    fn rebuild(&mut self, concerned: impl Fn(u16) -> bool, member: bool) {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for status in LOWEST..=HIGHEST {
            if !(if concerned(status) { member } else { self.contains(status) }) {
                continue;
            }
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == status => *last = status,
                _ => ranges.push((status, status)),
            }
        }
        self.0 = ranges;
    }
}

/// Whether a text is a token, as names of headers are (RFC 9110 section 5.6.2).
pub fn is_token(text: &str) -> bool {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(legal)
}

const LOWEST: u16 = 100;
const HIGHEST: u16 = 599;

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail where it stands")]

    use super::Statuses;

    #[test]
    fn ranges_are_added_and_taken_out() {
        let mut statuses = Statuses::errors();
        statuses.remove(404, 404).unwrap();
        statuses.insert(500, 503).unwrap();
        assert_eq!(statuses.ranges(), [(400, 403), (405, 503)]);
        statuses.insert(404, 404).unwrap();
        assert_eq!(statuses.ranges(), [(400, 503)]);
        assert!(statuses.contains(503) && !statuses.contains(504) && !statuses.contains(399));
        assert!(statuses.insert(99, 200).is_err());
        assert!(statuses.remove(300, 299).is_err());
        assert!(statuses.insert(100, 600).is_err());
        assert_eq!(statuses.ranges(), [(400, 503)]);
    }
}
