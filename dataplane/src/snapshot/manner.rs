//! What is particular about a server and connections to it, and where a backend sends what leads to no server.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use regate_proto::model::{
    Admin, BackendSettings, Dialling, Foreign, HashKey, Name, ProxyHeader, ProxyOption, ServerAddress,
    ServerHost, ServerPort, ServerRef, ServerSettings, Source, Subject, Weight,
};

use super::backend::{ServerPlan, Target};
use crate::live::Live;

/// What is particular about a server. Most have none of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerManner {
    /// Where connections start from.
    pub source: Option<Source>,
    /// What connections are like.
    pub dialling: Dialling,
    /// What connections of its checks are like.
    pub check_dialling: Dialling,
    /// What connections to its agent are like.
    pub agent_dialling: Dialling,
    /// What requests without a body are sent to instead, followed by what they ask for.
    pub redirect: Option<Box<str>>,
    /// What is told in PROXY protocol headers of version 2.
    pub proxy_options: Box<[ProxyOption]>,
    /// What its places on a ring are made from.
    pub hash_key: Option<HashKey>,
}

impl ServerManner {
    /// What settings say, if they say anything; `source` is the backend's.
    pub(super) fn compile(settings: &ServerSettings, source: Option<&Source>) -> Option<Box<ServerManner>> {
        let dialling = settings.dialling.as_deref().cloned().unwrap_or_default();
        let agent_dialling = Dialling { socks: None, check_via_socks: None, ..dialling.clone() };
        let check_dialling = match dialling.check_via_socks {
            Some(true) => dialling.clone(),
            _ => agent_dialling.clone(),
        };
        let manner = ServerManner {
            source: settings.source.as_deref().or(source).cloned(),
            redirect: dialling.redirect.as_deref().map(Into::into),
            proxy_options: dialling.proxy_options.as_slice().into(),
            hash_key: dialling.hash_key,
            dialling,
            check_dialling,
            agent_dialling,
        };
        (manner != ServerManner::default()).then(|| Box::new(manner))
    }
}

impl ServerPlan {
    /// What its places on a ring are made from (configuration manual 5.2 "hash-key").
    pub fn ring_number(&self) -> u32 {
        let key = self.manner.as_ref().and_then(|manner| manner.hash_key).unwrap_or(HashKey::Id);
        let place = || match self.place().as_deref() {
            Some(Target::Inet(address)) => Some(*address),
            _ => None,
        };
        match (key, place()) {
            (HashKey::Id, _) | (_, None) => self.id,
            (HashKey::Addr, Some(address)) => digest(SocketAddr::new(address.ip(), 0)),
            (HashKey::AddrPort, Some(address)) => digest(address),
        }
    }
}

/// The PROXY protocol header that connections begin with. What is to be told in one asks for one.
pub(super) fn header(settings: &ServerSettings) -> Option<ProxyHeader> {
    let asked = settings
        .dialling
        .as_ref()
        .filter(|dialling| !dialling.proxy_options.is_empty())
        .map(|_| ProxyHeader::V1);
    settings.send_proxy.flatten().or(asked)
}

/// Where traffic goes that nothing leads to a server, as a server without a name; the same as `previous`, where that is.
pub(super) fn dispatch(
    settings: &BackendSettings,
    live: &Live,
    subject: &Subject,
    previous: Option<&Arc<ServerPlan>>,
) -> Option<Arc<ServerPlan>> {
    let target = match (settings.dispatch, settings.transparent) {
        (Some(address), _) => Target::Inet(address),
        (None, Some(true)) => Target::Mapped(None, 0),
        _ => return None,
    };
    let manner = ServerManner::compile(&ServerSettings::default(), settings.source.as_deref());
    if let Some(previous) = previous.filter(|previous| previous.target == target && previous.manner == manner)
    {
        return Some(previous.clone());
    }
    let Subject::Backend(backend) = subject else { return None };
    let name = Name::new(NAMELESS).ok()?;
    let observed = live.server(&ServerRef { backend: backend.clone(), server: name.clone() });
    // Connections that lead elsewhere are of no use.
    observed.generation.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    Some(Arc::new(ServerPlan {
        name,
        is_nameless: true,
        id: 0,
        guid: None,
        order: 0,
        target,
        naming: None,
        seat: u32::MAX,
        weight: Weight::DEFAULT,
        initial_weight: Weight::DEFAULT,
        slowstart: 0,
        maxconn: 0,
        minconn: 0,
        maxqueue: 0,
        cookie: None,
        backup: false,
        admin: Admin::Ready,
        send_proxy: None,
        manner,
        pool_max_conn: None,
        pool_purge_delay: PURGE_DELAY,
        max_reuse: None,
        non_stick: true,
        checks: None,
        live: observed,
    }))
}

/// The members of headers that connections to some of the servers start from, each once.
pub(super) fn foreign_headers(
    servers: &[Arc<ServerPlan>],
    dispatch: Option<&ServerPlan>,
) -> Vec<(String, i32)> {
    let mut found: Vec<(String, i32)> = Vec::new();
    for server in servers.iter().map(AsRef::as_ref).chain(dispatch) {
        let source = server.manner.as_ref().and_then(|manner| manner.source.as_ref());
        if let Some(Foreign::Header { name, occurrence }) = source.and_then(|source| source.foreign.as_ref())
            && !found.iter().any(|(known, number)| known == name && number == occurrence)
        {
            found.push((name.clone(), *occurrence));
        }
    }
    found
}

/// The target of an address that is not a host name.
pub(super) fn target(address: &ServerAddress) -> Target {
    match address {
        ServerAddress::Unix(path) => Target::Unix(path.clone()),
        ServerAddress::Abstract(name) => Target::Abstract(name.clone()),
        ServerAddress::Inet { host: ServerHost::Named(_), port } => Target::Named(*port),
        ServerAddress::Inet { host: ServerHost::Ip(ip), port } => located(*ip, *port),
    }
}

/// An address at a port, or at the one that the client connected to.
pub(super) fn located(ip: IpAddr, port: ServerPort) -> Target {
    match (ip.is_unspecified(), port) {
        (false, ServerPort::Fixed(port)) => Target::Inet(SocketAddr::new(ip, port)),
        (true, ServerPort::Fixed(port)) => Target::Transparent(port),
        (false, ServerPort::Mapped(offset)) => Target::Mapped(Some(ip), offset),
        (true, ServerPort::Mapped(offset)) => Target::Mapped(None, offset),
    }
}

/// A number for an address, the same on every machine.
fn digest(address: SocketAddr) -> u32 {
    let text = address.to_string();
    text.bytes().fold(FNV_START, |sum, byte| (sum ^ u32::from(byte)).wrapping_mul(FNV_PRIME))
}

const NAMELESS: &str = "-nameless-";
const PURGE_DELAY: u32 = 5000;
/// The hash FNV-1a of 32 bits.
const FNV_START: u32 = 0x811c_9dc5;
const FNV_PRIME: u32 = 0x0100_0193;
