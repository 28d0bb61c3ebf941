//! Where the admin services listen, as it is written on a command line.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use crate::model::{Level, SocketFile};

/// A place where the admin services listen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AdminEndpoint {
    /// Where.
    pub address: EndpointAddress,
    /// What those who connect there may do.
    pub level: Level,
}

/// The address of an [`AdminEndpoint`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EndpointAddress {
    /// A unix stream socket.
    Unix {
        /// Its path.
        path: PathBuf,
        /// Mode and owner of its file; without a mode only the owner may connect.
        file: SocketFile,
    },
    /// TCP, both sides proving themselves by certificates.
    Tls {
        /// Where; port 0 lets the kernel choose.
        address: SocketAddr,
        /// The certificates.
        files: TlsFiles,
    },
    /// TCP in the clear: on loopback only.
    Plain {
        /// Where; port 0 lets the kernel choose.
        address: SocketAddr,
    },
}

/// Files in PEM form; they are read again when they change.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The own certificate with its chain.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// The authorities whose certificates are accepted from the other side.
    pub authorities: PathBuf,
}

impl AdminEndpoint {
    /// Reads `unix:///path?mode=0660&user=…&group=…&level=…`, `https://ADDRESS:PORT?level=…` or, with `insecure`,
    /// `http://LOOPBACK:PORT?level=…`. Without a level it is admin.
    pub fn parse(text: &str, tls: Option<&TlsFiles>, insecure: bool) -> Result<AdminEndpoint, String> {
        let (place, options) = text.split_once('?').unwrap_or((text, ""));
        let (mut level, mut file) = (Level::Admin, SocketFile::default());
        for option in options.split('&').filter(|option| !option.is_empty()) {
            let (key, value) =
                option.split_once('=').ok_or_else(|| format!("{text}: {option:?} is no KEY=VALUE"))?;
            match (key, value) {
                ("level", "user") => level = Level::User,
                ("level", "operator") => level = Level::Operator,
                ("level", "admin") => level = Level::Admin,
                ("level", other) => {
                    return Err(format!("{text}: level {other:?}: user, operator or admin is expected"));
                }
                ("mode", value) => match u32::from_str_radix(value, 8) {
                    Ok(mode) if mode <= 0o777 => file.mode = Some(mode),
                    _ => return Err(format!("{text}: mode {value:?}: octal digits up to 777 are expected")),
                },
                ("user", value) => file.user = Some(value.to_owned()),
                ("group", value) => file.group = Some(value.to_owned()),
                (other, _) => {
                    return Err(format!("{text}: option {other:?}: level, mode, user or group is expected"));
                }
            }
        }
        let address = if let Some(path) = place.strip_prefix("unix://") {
            if !path.starts_with('/') {
                return Err(format!("{text}: unix:// and an absolute path are expected"));
            }
            EndpointAddress::Unix { path: PathBuf::from(path), file }
        } else {
            if file != SocketFile::default() {
                return Err(format!("{text}: mode, user and group are for unix sockets"));
            }
            tcp(text, place, tls, insecure)?
        };
        Ok(AdminEndpoint { address, level })
    }
}

fn tcp(text: &str, place: &str, tls: Option<&TlsFiles>, insecure: bool) -> Result<EndpointAddress, String> {
    let address = |rest: &str| {
        rest.parse::<SocketAddr>()
            .map_err(|_| format!("{text}: ADDRESS:PORT is expected, such as 127.0.0.1:9900"))
    };
    if let Some(rest) = place.strip_prefix("https://") {
        let files =
            tls.ok_or_else(|| format!("{text}: certificate, key and authorities must be given with it"))?;
        return Ok(EndpointAddress::Tls { address: address(rest)?, files: files.clone() });
    }
    let Some(rest) = place.strip_prefix("http://") else {
        return Err(format!("{text}: unix:///PATH, https://ADDRESS:PORT or http://ADDRESS:PORT is expected"));
    };
    let address = address(rest)?;
    if !insecure {
        return Err(format!(
            "{text}: without TLS anybody who reaches it may do everything: use https://, or insist \
                            with --insecure"
        ));
    }
    if !address.ip().is_loopback() {
        return Err(format!("{text}: without TLS it may listen on a loopback address only"));
    }
    Ok(EndpointAddress::Plain { address })
}

impl fmt::Display for AdminEndpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.address {
            EndpointAddress::Unix { path, .. } => write!(f, "unix://{}", path.display()),
            EndpointAddress::Tls { address, .. } => write!(f, "https://{address}"),
            EndpointAddress::Plain { address } => write!(f, "http://{address}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_read() {
        let files = TlsFiles { certificate: "c".into(), key: "k".into(), authorities: "a".into() };
        let unix = AdminEndpoint::parse("unix:///run/a.sock?mode=0660&group=www&level=operator", None, false);
        let file = SocketFile { mode: Some(0o660), user: None, group: Some("www".to_owned()) };
        let address = EndpointAddress::Unix { path: "/run/a.sock".into(), file };
        assert_eq!(unix, Ok(AdminEndpoint { address, level: Level::Operator }));
        let tls = AdminEndpoint::parse("https://192.0.2.1:9900", Some(&files), false);
        assert!(matches!(
            tls,
            Ok(AdminEndpoint { address: EndpointAddress::Tls { .. }, level: Level::Admin })
        ));
        assert!(AdminEndpoint::parse("http://127.0.0.1:0", None, true).is_ok());
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (text, insecure, expected) in [
            ("unix://run/a.sock", false, "absolute path"),
            ("unix:///a?mode=9", false, "octal"),
            ("unix:///a?mode=7777", false, "octal"),
            ("unix:///a?level=root", false, "user, operator or admin"),
            ("unix:///a?colour=red", false, "level, mode, user or group"),
            ("unix:///a?level", false, "KEY=VALUE"),
            ("https://127.0.0.1:1", false, "certificate, key and authorities"),
            ("http://127.0.0.1:1", false, "--insecure"),
            ("http://192.0.2.1:1", true, "loopback"),
            ("http://127.0.0.1:1?mode=600", true, "unix sockets"),
            ("127.0.0.1:1", true, "unix:///PATH"),
            ("", true, "unix:///PATH"),
        ] {
            let found = AdminEndpoint::parse(text, None, insecure).err().unwrap_or_default();
            assert!(found.contains(expected), "{text}: {found}");
        }
    }
}
