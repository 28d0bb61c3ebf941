//! The side that serves: backends.

use std::net::SocketAddr;

use super::{
    BackendChecks, Balance, Balancing, ErrorPage, ForwardFor, Guid, HttpConnection, LogPlan, Millis, Mode,
    Name, Persistence, Probes, RetryOn, Rules, ServerConduct, ServerSettings, Source, Table,
};

/// A set of servers and how traffic is spread over them (configuration manual 4 "Proxies").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Backend {
    /// Its name, unique among backends.
    pub name: Name,
    /// Its number in statistics; 0 lets the state choose, from 2 upward.
    pub id: u32,
    /// Its place in listings, ascending over all proxies; 0 puts it at the end.
    pub order: u32,
    /// The defaults it starts from.
    pub from: Option<Name>,
    /// Whether it is one half of a `listen` section, the frontend of the same name being the other.
    pub listen: bool,
    /// Whether it is off.
    pub disabled: bool,
    /// A sentence about it in statistics.
    pub description: Option<String>,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// What it sets itself.
    pub settings: Box<BackendSettings>,
}

/// Settings of the server side. Absent fields come from the backend's defaults, then from the stated default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BackendSettings {
    /// What is forwarded. Default: TCP.
    pub mode: Option<Mode>,
    /// How servers are picked. Default: round robin.
    pub balance: Option<Balance>,
    /// What else says how servers are picked.
    pub balancing: Balancing,
    /// Longest time for a connection to a server. Default: for ever.
    pub timeout_connect: Option<Millis>,
    /// Longest silence of a server. Default: for ever.
    pub timeout_server: Option<Millis>,
    /// Longest silence of a server that was half-closed. Default: `timeout_server`.
    pub timeout_server_fin: Option<Millis>,
    /// Longest wait for a free slot of a server. Default: `timeout_connect`.
    pub timeout_queue: Option<Millis>,
    /// Longest silence of a tunnel, either side. Default: client and server timeouts stay.
    pub timeout_tunnel: Option<Millis>,
    /// What happens to connections between requests. The stronger of both sides holds. Default: kept alive.
    pub http_connection: Option<HttpConnection>,
    /// When a connection may be used by another client. Default: safe.
    pub http_reuse: Option<HttpReuse>,
    /// Adds the client's address to requests. `Some(None)` switches off what the defaults switch on.
    pub forwardfor: Option<Option<ForwardFor>>,
    /// Adds the address that the client connected to. `Some(None)` switches off what the defaults switch on.
    pub originalto: Option<Option<ForwardFor>>,
    /// `option http-buffer-request`: bodies are awaited before rules look at requests. Default: off.
    pub buffer_request: Option<bool>,
    /// Connection attempts after the first. Default: 3.
    pub retries: Option<u32>,
    /// `option redispatch`: when another server is tried; `n` every n-th retry, `-n` the n-th before the last,
    /// 0 never. Default: never; written without a number: -1.
    pub redispatch: Option<i32>,
    /// What a request is tried again for. Default: failed connections.
    pub retry_on: Option<RetryOn>,
    /// What makes clients stay with their servers.
    pub persistence: Persistence,
    /// Connections at which servers with `minconn` reach their `maxconn`. Default: a tenth of frontends' maxconn.
    pub fullconn: Option<u32>,
    /// Where lines go, for events of servers. Default: nowhere.
    pub log: Option<LogPlan>,
    /// `option prefer-last-server`. Default: off.
    pub prefer_last_server: Option<bool>,
    /// `option abortonclose`: requests of clients that left are not sent. Default: off.
    pub abortonclose: Option<bool>,
    /// Relaxes the response parser where HAProxy's option of that name does. Default: off.
    pub accept_unsafe_response: Option<bool>,
    /// TCP keep-alive probes towards servers. Default: off.
    pub srvtcpka: Option<bool>,
    /// What those probes are like.
    pub probes: Probes,
    /// How messages are treated.
    pub conduct: ServerConduct,
    /// Closes by reset instead of lingering. Default: off.
    pub nolinger: Option<bool>,
    /// Whether no rule and no frontend may choose it; its servers are checked all the same. Default: no.
    pub unpublished: Option<bool>,
    /// Where connections to servers start from.
    pub source: Option<Box<Source>>,
    /// `dispatch`: where traffic goes that no cookie and no rule leads to a server. Not of defaults. Default: to a server
    /// that the algorithm picks.
    pub dispatch: Option<SocketAddr>,
    /// `option transparent`: such traffic goes where its client wanted to go. Default: off.
    pub transparent: Option<bool>,
    /// Where a start learns how its servers stood. Default: nowhere.
    pub server_states: Option<ServerStates>,
    /// The file of how its servers stood, for [`ServerStates::Local`]; an empty text is the backend's name. Default:
    /// the backend's name.
    pub server_state_file_name: Option<String>,
    /// What servers of this backend start from.
    pub default_server: ServerSettings,
    /// Answers that replace the built-in error pages, in ascending order of status.
    pub error_pages: Vec<ErrorPage>,
    /// `errorfiles`: shared pages for every status without one of its own, the last that has it first.
    pub error_sections: Vec<Name>,
    /// How its servers are checked.
    pub checks: BackendChecks,
    /// What it does with requests and responses.
    pub rules: Rules,
    /// What it remembers of clients; never of defaults. The table is called like the proxy; of the halves of a
    /// `listen` the backend has it. Default: nothing.
    pub table: Option<Table>,
}

/// Where a start learns how servers stood (configuration manual 4.2 "load-server-state-from-file").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ServerStates {
    /// Nowhere.
    None,
    /// From a file of the backend's own.
    Local,
    /// From the global file.
    Global,
}

/// When a connection may be used by another client (configuration manual 4.2 "http-reuse").
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpReuse {
    /// Never.
    Never,
    /// For all but a client's first request.
    Safe,
    /// As safe, and for first requests over connections that were reused before.
    Aggressive,
    /// Always.
    Always,
}
