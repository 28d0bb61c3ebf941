//! The cookie that names a client's server, as the data path reads it.

use std::fmt::Write;

use regate_proto::model::{Cookie, CookieMode, Persistence};
use xxhash_rust::xxh64::xxh64;

use super::Target;

/// The cookie of a backend.
#[derive(Debug)]
pub struct CookiePlan {
    /// What it is and what is done with it.
    pub cookie: Cookie,
    /// What follows its value when it is set: path, domains, flags and further attributes.
    pub tail: String,
}

impl CookiePlan {
    /// The plan of a backend's cookie, if it has one.
    pub(super) fn compile(persistence: &Persistence) -> Option<CookiePlan> {
        let cookie = persistence.cookie.clone()?;
        let mut tail = "; path=/".to_owned();
        // Writing to a string does not fail.
        for domain in &cookie.domains {
            let _ = write!(tail, "; domain={domain}");
        }
        if cookie.httponly {
            tail.push_str("; HttpOnly");
        }
        if cookie.secure {
            tail.push_str("; Secure");
        }
        for attribute in &cookie.attributes {
            let _ = write!(tail, "; {attribute}");
        }
        Some(CookiePlan { cookie, tail })
    }

    /// Whether log lines tell what became of it: whether more is done with it than to look at it.
    pub fn is_logged(&self) -> bool {
        self.cookie.mode != CookieMode::Passive || self.cookie.indirect
    }
}

/// The value that stands for a server without one of its own: a hash (XXH64) of key, address and port, the same
/// as HAProxy's; `None` for what has no address.
pub(super) fn dynamic_value(key: &str, target: &Target) -> Option<String> {
    use std::net::{IpAddr, Ipv4Addr};
    let any = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    let (ip, port) = match target {
        Target::Inet(address) => (address.ip(), i32::from(address.port())),
        Target::Transparent(port) => (any, i32::from(*port)),
        Target::Mapped(ip, offset) => (ip.unwrap_or(any), *offset),
        Target::Named(_) | Target::Unix(_) | Target::Abstract(_) => return None,
    };
    let mut hashed = key.as_bytes().to_vec();
    match ip {
        IpAddr::V4(ip) => hashed.extend_from_slice(&ip.octets()),
        IpAddr::V6(ip) => hashed.extend_from_slice(&ip.octets()),
    }
    hashed.extend_from_slice(&port.to_be_bytes());
    Some(format!("{:016x}", xxh64(&hashed, 0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dynamic_values_are_haproxys() {
        let value = |key: &str, address: &str| {
            address.parse().ok().and_then(|address| dynamic_value(key, &Target::Inet(address)))
        };
        assert_eq!(value("abc", "127.0.0.1:8080").as_deref(), Some("6729d62a5a323eff"));
        assert_eq!(value("abc", "127.0.0.2:80").as_deref(), Some("720fb80516275479"));
        assert_eq!(value("abc", "[::1]:80").as_deref(), Some("8db1df95d50f30ee"));
        assert_eq!(dynamic_value("abc", &Target::Transparent(80)).as_deref(), Some("3e708cf7e6cf9329"));
        assert_eq!(value("a_longer_key", "10.1.2.3:65535").as_deref(), Some("f46bf9a061b53a84"));
        assert_eq!(dynamic_value("abc", &Target::Unix("/tmp/x".to_owned())), None);
    }
}
