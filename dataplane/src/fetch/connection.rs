//! Fetches of connections and of those who serve them (configuration manual 7.3.3).

use std::net::{IpAddr, SocketAddr, UdpSocket};

use super::{Arguments, Measures, View};
use crate::sample::Value;
use crate::snapshot::Target;

/// The address of an end of a connection.
pub(super) fn ip<'a>(address: Option<SocketAddr>) -> Option<Value<'a>> {
    address.map(|address| Value::ip(address.ip()))
}

/// The port of an end of a connection.
pub(super) fn port<'a>(address: Option<SocketAddr>) -> Option<Value<'a>> {
    address.map(|address| Value::Int(address.port().into()))
}

/// The address of the server that is connected to: the connection's, or where the server is that answered.
pub(super) fn upstream(view: &View<'_>) -> Option<SocketAddr> {
    let known = view.connection.upstream().and_then(|(_, to)| to);
    known.or_else(|| match *view.server.filter(|_| view.response.is_some())?.place()? {
        Target::Inet(address) => Some(address),
        _ => None,
    })
}

/// What went wrong with the connection to the server; nothing did where the server answered.
pub(super) fn upstream_error(view: &View<'_>) -> Option<u8> {
    let answered = view.server.is_some() && view.response.is_some();
    view.connection.upstream_error().or_else(|| answered.then_some(0))
}

/// Whether an address is one of this machine's: whether something can be bound to it.
pub(super) fn is_local<'a>(address: Option<SocketAddr>) -> Option<Value<'a>> {
    let ip = address?.ip();
    let is_one = match ip {
        IpAddr::V4(ip) if ip.is_multicast() || ip.is_broadcast() => false,
        IpAddr::V6(ip) if ip.is_multicast() => false,
        ip => ip.is_unspecified() || UdpSocket::bind((ip, 0)).is_ok(),
    };
    Some(Value::Bool(is_one))
}

/// Something that the kernel measures of the client's connection.
pub(super) fn measure<'a>(view: &View<'a>, tell: impl Fn(&Measures) -> u32) -> Option<Value<'a>> {
    view.connection.measures().map(|measures| Value::Int(tell(&measures).into()))
}

/// A time that the kernel measures: in milliseconds unless microseconds are asked for.
pub(super) fn time<'a>(
    arguments: &Arguments<'_>,
    view: &View<'a>,
    tell: impl Fn(&Measures) -> u32,
) -> Option<Value<'a>> {
    let by = if arguments.text(0) == Some("us") { 1 } else { 1000 };
    measure(view, |measures| tell(measures) / by)
}

/// The same of the connection to the server.
pub(super) fn upstream_time<'a>(
    arguments: &Arguments<'_>,
    view: &View<'a>,
    tell: impl Fn(&Measures) -> u32,
) -> Option<Value<'a>> {
    let by = if arguments.text(0) == Some("us") { 1 } else { 1000 };
    view.connection.upstream_measures().map(|measures| Value::Int((tell(&measures) / by).into()))
}

/// What the PROXY protocol header says of this type: a name of the protocol's, or a number up to 255.
pub(super) fn extension<'a>(arguments: &Arguments<'_>, view: &View<'a>) -> Option<Value<'a>> {
    let wanted = arguments.text(0)?;
    let kind = match EXTENSIONS.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)) {
        Some((_, kind)) => *kind,
        None => match wanted.strip_prefix("0x") {
            Some(digits) => u8::from_str_radix(digits, 16).ok()?,
            None => wanted.parse().ok()?,
        },
    };
    let told = &view.connection.proxied()?.extensions;
    let (_, value) = told.iter().find(|(known, _)| *known == kind)?;
    Some(Value::text(value.to_vec()))
}

/// Types of what a PROXY protocol header says ("The PROXY protocol" 2.2).
const EXTENSIONS: &[(&str, u8)] = &[
    ("ALPN", 0x01),
    ("AUTHORITY", 0x02),
    ("CRC32C", 0x03),
    ("NOOP", 0x04),
    ("UNIQUE_ID", 0x05),
    ("SSL", 0x20),
    ("NETNS", 0x30),
];

/// How many clients the bind has.
pub(super) fn bind_sessions<'a>(view: &View<'a>) -> Option<Value<'a>> {
    let bind = view.frontend?.binds.iter().find(|bind| bind.row.id == view.bind_id)?;
    Some(Value::Int(bind.live.sessions.now().into()))
}

/// The name of the bind, where the configuration gives it one.
pub(super) fn bind_name<'a>(view: &View<'a>) -> Option<Value<'a>> {
    let bind = view.frontend?.binds.iter().find(|bind| bind.row.id == view.bind_id)?;
    // The readers' names for unnamed binds are none of the administrator's.
    let name = Some(bind.row.at.bind.as_str()).filter(|name| !name.starts_with("sock-"))?;
    Some(Value::text(name.as_bytes()))
}

/// The frontend's default backend; one half of a `listen` section has the other and tells none.
pub(super) fn default_backend<'a>(view: &View<'a>) -> Option<Value<'a>> {
    let frontend = view.frontend?;
    let name = frontend.default_backend.as_ref()?;
    let is_own = frontend.listen && *name == frontend.name;
    (!is_own).then(|| Value::text(name.as_str().as_bytes()))
}

/// What a number says that went wrong with a connection.
pub(super) fn error<'a>(number: u8) -> Option<Value<'a>> {
    let text = ERRORS.get(usize::from(number)).copied().unwrap_or("Unknown error");
    Some(Value::text(text.as_bytes()))
}

/// By number; what cannot happen here has no text.
const ERRORS: [&str; 18] = [
    "Success",
    "Reached configured maxconn value",
    "Too many sockets on the process",
    "Too many sockets on the system",
    "Out of system buffers",
    "Protocol or address family not supported",
    "General socket error",
    "Source port range exhausted",
    "Can't bind to source address",
    "Out of local source ports on the system",
    "Local source address already in use",
    "Connection closed while waiting for PROXY protocol header",
    "Connection error while waiting for PROXY protocol header",
    "Timeout while waiting for PROXY protocol header",
    "Truncated PROXY protocol header received",
    "Received something which does not look like a PROXY protocol header",
    "Received an invalid PROXY protocol header",
    "Received an unhandled protocol in the PROXY protocol header",
];
