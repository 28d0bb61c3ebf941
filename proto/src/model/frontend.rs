//! The side that clients see: frontends and their binds.

use std::net::IpAddr;

use super::{
    BindAddress, BindRef, Capture, ClientConduct, CookieCapture, Guid, Listening, LogFormat, LogPlan, Millis,
    Name, Probes, Rules, Table,
};
use crate::rules::Format;

/// What clients connect to (configuration manual 4 "Proxies").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Frontend {
    /// Its name, unique among frontends.
    pub name: Name,
    /// Its number in statistics; 0 lets the state choose, from 2 upward.
    pub id: u32,
    /// Its place in listings, ascending over all proxies; 0 puts it at the end.
    pub order: u32,
    /// The defaults it starts from.
    pub from: Option<Name>,
    /// Whether it is one half of a `listen` section, the backend of the same name being the other.
    pub listen: bool,
    /// Whether it is off: its binds do not listen.
    pub disabled: bool,
    /// A sentence about it in statistics.
    pub description: Option<String>,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// What it sets itself.
    pub settings: Box<FrontendSettings>,
}

/// Settings of the client side. Absent fields come from the frontend's defaults, then from the stated default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FrontendSettings {
    /// What is forwarded. Default: TCP.
    pub mode: Option<Mode>,
    /// Most client connections at a time; more wait in the kernel's queue. Default: the process's limit.
    pub maxconn: Option<u32>,
    /// Length of the kernel's accept queue. Default: maxconn.
    pub backlog: Option<u32>,
    /// Most new sessions a second; 0 is no limit. Default: no limit.
    pub rate_limit_sessions: Option<u32>,
    /// Longest silence of a client. Default: for ever.
    pub timeout_client: Option<Millis>,
    /// Longest silence of a client that was half-closed. Default: `timeout_client`.
    pub timeout_client_fin: Option<Millis>,
    /// Longest time for a complete request head. Default: `timeout_client`.
    pub timeout_http_request: Option<Millis>,
    /// Longest wait for a further request. Default: `timeout_http_request`, then `timeout_client`.
    pub timeout_http_keep_alive: Option<Millis>,
    /// What happens to connections between requests. Default: kept alive.
    pub http_connection: Option<HttpConnection>,
    /// Adds the client's address to requests. `Some(None)` switches off what the defaults switch on.
    pub forwardfor: Option<Option<ForwardFor>>,
    /// Adds the address that the client connected to. `Some(None)` switches off what the defaults switch on.
    pub originalto: Option<Option<ForwardFor>>,
    /// `option http-buffer-request`: bodies are awaited before rules look at requests. Default: off.
    pub buffer_request: Option<bool>,
    /// Where lines go. Default: nowhere.
    pub log: Option<LogPlan>,
    /// What lines say. Default: plain.
    pub log_format: Option<LogFormat>,
    /// `log-format-sd`: the structured data of RFC 5424 headers. Default: none.
    pub log_format_sd: Option<Format>,
    /// `error-log-format`: what lines about connections say that failed before they became sessions. Default:
    /// HAProxy's own (8.2.5).
    pub error_log_format: Option<Format>,
    /// What the identifier of a request is made of. Default: there is none.
    pub unique_id_format: Option<Format>,
    /// The header that carries the identifier to the server. Default: none.
    pub unique_id_header: Option<String>,
    /// The cookie that is kept for lines. Default: none.
    pub capture_cookie: Option<CookieCapture>,
    /// What is kept of requests, in the order of lines.
    pub request_captures: Vec<Capture>,
    /// What is kept of responses, in the order of lines.
    pub response_captures: Vec<Capture>,
    /// The program name in log headers. Default: the global one.
    pub log_tag: Option<String>,
    /// `option dontlognull`: connections without data are not logged. Default: off.
    pub dontlognull: Option<bool>,
    /// `option dontlog-normal`: successful requests are not logged. Default: off.
    pub dontlog_normal: Option<bool>,
    /// `option logasap`: lines are written when the answer's head is known. Default: off.
    pub logasap: Option<bool>,
    /// `option log-separate-errors`: failures are logged with severity err. Default: off.
    pub log_separate_errors: Option<bool>,
    /// Relaxes the request parser where HAProxy's option of that name does. Default: off.
    pub accept_unsafe_request: Option<bool>,
    /// `option http-ignore-probes`: connections without a request get no error page and no line. Default: off.
    pub http_ignore_probes: Option<bool>,
    /// TCP keep-alive probes towards clients. Default: off.
    pub clitcpka: Option<bool>,
    /// What those probes are like.
    pub probes: Probes,
    /// How messages are treated.
    pub conduct: ClientConduct,
    /// Closes by reset instead of lingering. Default: off.
    pub nolinger: Option<bool>,
    /// Whether binds have rows of their own in statistics. Default: off.
    pub socket_stats: Option<bool>,
    /// The backend of requests that no rule routes. Default: none, they get a 503.
    pub default_backend: Option<Name>,
    /// Answers that replace the built-in error pages, in ascending order of status.
    pub error_pages: Vec<ErrorPage>,
    /// `errorfiles`: shared pages for every status without one of its own, the last that has it first.
    pub error_sections: Vec<Name>,
    /// What it does with requests and responses.
    pub rules: Rules,
    /// What it remembers of clients; never of defaults. The table is called like the proxy; of the halves of a
    /// `listen` the backend has it. Default: nothing.
    pub table: Option<Table>,
}

/// An address that a frontend accepts connections on (configuration manual 5.1 "Bind options").
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bind {
    /// Its frontend and name.
    pub at: BindRef,
    /// Its number in statistics; 0 lets the state choose, from 1 upward.
    pub id: u32,
    /// Its place in the frontend; 0 puts it at the end.
    pub order: u32,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// Where it listens.
    pub address: BindAddress,
    /// Most connections at a time. Default: the frontend's limit.
    pub maxconn: Option<u32>,
    /// Length of the kernel's accept queue. Default: the frontend's.
    pub backlog: Option<u32>,
    /// Whether each connection begins with a PROXY protocol header, version 1 or 2.
    pub accept_proxy: bool,
    /// Whether an IPv6 wildcard takes IPv4 clients too.
    pub v4v6: bool,
    /// Whether an IPv6 wildcard refuses IPv4 clients.
    pub v6only: bool,
    /// Whether the kernel hands connections over once data came (TCP_DEFER_ACCEPT).
    pub defer_accept: bool,
    /// The network interface to listen on.
    pub interface: Option<String>,
    /// What its sockets are like besides, where it listens for TCP.
    pub socket: Listening,
    /// Mode and owner of a unix socket's file.
    pub file: SocketFile,
}

/// Mode and owner of a unix socket's file; absent parts are left as the process makes them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketFile {
    /// Permission bits.
    pub mode: Option<u32>,
    /// Owner, name or number.
    pub user: Option<String>,
    /// Group, name or number.
    pub group: Option<String>,
}

/// What a proxy forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mode {
    /// Bytes.
    Tcp,
    /// HTTP messages.
    Http,
}

/// What happens to connections between requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum HttpConnection {
    /// `option http-keep-alive`: both sides stay open.
    KeepAlive,
    /// `option http-server-close`: the server's side closes after each answer.
    ServerClose,
    /// `option httpclose`: both sides close after each answer.
    Close,
}

/// `option forwardfor`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForwardFor {
    /// Clients of this network are not named: address and prefix length in bits.
    pub except: Option<(IpAddr, u8)>,
    /// The header's name. Default: `X-Forwarded-For`.
    pub header: Option<String>,
    /// Whether a header that is already there is left alone.
    pub if_none: bool,
}

/// What replaces a built-in error page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ErrorPage {
    /// The status it stands for.
    pub status: u16,
    /// What is sent.
    pub reply: ErrorReply,
}

/// A reply that stands for an error page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ErrorReply {
    /// `errorfile`: these bytes, a whole HTTP message.
    File {
        /// The file they came from, for listings.
        path: String,
        /// The message.
        content: Vec<u8>,
    },
    /// `errorloc`, `errorloc302` (302) and `errorloc303` (303): a redirection.
    Location {
        /// 302 or 303.
        code: u16,
        /// The target.
        location: String,
    },
    /// `errorfiles`: the page of the same status of the shared pages with this name.
    Section(Name),
    /// `http-error`: a message that is made for each request. Its status is the page's.
    Made(Box<crate::rules::action::Reply>),
}
