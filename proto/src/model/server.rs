//! Servers.

use super::{
    CookieValue, Dialling, Guid, Millis, NamingSettings, Paused, ServerAddress, ServerChecks, ServerRef,
    Source, Weight,
};

/// A server of a backend (configuration manual 5.2 "Server and default-server options").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Its backend and name.
    pub at: ServerRef,
    /// Its number in statistics; 0 lets the state choose, from 1 upward.
    pub id: u32,
    /// Its place in the backend; 0 puts it at the end.
    pub order: u32,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// Where it is reached.
    pub address: ServerAddress,
    /// What was asked for by hand: an overlay in nearly all cases. Default: ready.
    pub admin: Option<Admin>,
    /// Which of its checks rest by hand: overlays alone. Default: none.
    pub paused: Paused,
    /// What it sets itself.
    pub settings: ServerSettings,
}

/// Settings of a server. Absent fields come from the backend's `default-server`, then from the stated default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerSettings {
    /// Its share of traffic. Default: 1.
    pub weight: Option<Weight>,
    /// Time in which its share of traffic, and its limit, grow to the whole after it came back. Default: none.
    pub slowstart: Option<Millis>,
    /// Most connections at a time; more wait in the queue. Default, and 0: no limit.
    pub maxconn: Option<u32>,
    /// Connections that it takes at least, while its limit follows the backend's load up to `maxconn`.
    /// Default, and 0: the limit is `maxconn` at all times.
    pub minconn: Option<u32>,
    /// Most requests that wait for this server alone; further ones go to another. Default, and 0: no limit.
    pub maxqueue: Option<u32>,
    /// Its name in the backend's cookie. Default: none.
    pub cookie: Option<CookieValue>,
    /// Whether it serves only when no other server can. Default: no.
    pub backup: Option<bool>,
    /// Whether it starts in maintenance. Default: no.
    pub disabled: Option<bool>,
    /// The PROXY protocol header that connections to it begin with. `Some(None)` switches off an inherited one.
    pub send_proxy: Option<Option<ProxyHeader>>,
    /// Most idle connections kept, -1 for no limit. Default: -1.
    pub pool_max_conn: Option<i32>,
    /// Idle connections below which none is taken over from other workers. Default: 0.
    pub pool_low_conn: Option<u32>,
    /// Time in which half of the superfluous idle connections are closed. Default: 5 s.
    pub pool_purge_delay: Option<Millis>,
    /// Requests after which a connection is not used again, -1 for no limit. Default: -1.
    pub max_reuse: Option<i32>,
    /// Whether stick tables never note it, so that no client stays with it. Default: no.
    pub non_stick: Option<bool>,
    /// Where connections to it, and checks of it, start from. Default: what the backend says.
    pub source: Option<Box<Source>>,
    /// What is particular about it and connections to it, where anything is said of that.
    pub dialling: Option<Box<Dialling>>,
    /// How its host name becomes an address.
    pub naming: NamingSettings,
    /// How it is checked.
    pub checks: ServerChecks,
}

/// The PROXY protocol's versions (proxy-protocol.txt, sections 2.1 and 2.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ProxyHeader {
    /// Text.
    V1,
    /// Binary.
    V2,
}

/// What an administrator asked of a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Admin {
    /// Serve.
    Ready,
    /// Finish what is there, take nothing new except by persistence.
    Drain,
    /// Maintenance: take nothing, checks stop.
    Maint,
}
