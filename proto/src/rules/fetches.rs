//! The table of fetches: a row per name (configuration manual 7.3.2 to 7.3.7).
//!
//! What a fetch gives is told by the data plane, in one exhaustive `match` over [`Fetch`].

use super::signature::{Signature, Want};
use super::{Kind, Mistake, Reach};

/// One name of a fetch.
#[derive(Debug)]
pub struct Row {
    /// The name.
    pub name: &'static str,
    /// What it fetches.
    pub fetch: Fetch,
    /// Its arguments.
    pub signature: Signature,
    /// The type of its value.
    pub kind: Kind,
    /// Where it has a meaning.
    pub reach: Reach,
    /// Expressions whose values are the same under HAProxy.
    pub examples: &'static [&'static str],
}

impl PartialEq for Row {
    fn eq(&self, other: &Row) -> bool {
        self.name == other.name
    }
}

impl Eq for Row {}

/// What is fetched.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fetch {
    /// False.
    AlwaysFalse,
    /// True.
    AlwaysTrue,
    /// A constant truth value.
    Bool,
    /// A constant integer.
    Int,
    /// A constant text.
    Str,
    /// A variable's value.
    Var,
    /// The client's address.
    Src,
    /// The client's port.
    SrcPort,
    /// The address that the client connected to.
    Dst,
    /// The port that the client connected to.
    DstPort,
    /// The name of the frontend.
    FrontendName,
    /// The name of the backend.
    BackendName,
    /// The name of the server.
    ServerName,
    /// How many servers of a backend can be used.
    UsableServers,
    /// The method of the request.
    Method,
    /// The path of the request.
    Path,
    /// The path with the query.
    PathQuery,
    /// The query.
    Query,
    /// The target of the request.
    Url,
    /// A parameter of the query.
    UrlParameter,
    /// The version of the request.
    RequestVersion,
    /// A value of a request header, cut at commas.
    RequestHeader,
    /// How many values of a request header there are.
    RequestHeaderCount,
    /// A request header's line as it stands.
    RequestFullHeader,
    /// A request header's value as an address.
    RequestHeaderIp,
    /// A request header's value as an integer.
    RequestHeaderValue,
    /// A cookie of the request.
    RequestCookie,
    /// The status of the response.
    Status,
    /// A value of a response header, cut at commas.
    ResponseHeader,
    /// How many values of a response header there are.
    ResponseHeaderCount,
    /// A header of the message at hand.
    Header,
    /// Whether the whole request is waited for no longer.
    WaitEnd,
    /// Whether it is the first request of the connection.
    FirstRequest,
}

/// Every fetch, in ascending order of names.
pub const ROWS: &[Row] = &[
    row(
        "always_false",
        Fetch::AlwaysFalse,
        Signature::NONE,
        Kind::Bool,
        Reach::EVERYWHERE,
        &["always_false"],
    ),
    row("always_true", Fetch::AlwaysTrue, Signature::NONE, Kind::Bool, Reach::EVERYWHERE, &["always_true"]),
    row("be_name", Fetch::BackendName, Signature::NONE, Kind::Str, Reach::BACKEND, &[]),
    row("bool", Fetch::Bool, ONE_TEXT, Kind::Bool, Reach::EVERYWHERE, &["bool(true)", "bool(0)"]),
    row("dst", Fetch::Dst, Signature::NONE, Kind::Ip, Reach::CONNECTION, &["dst"]),
    row("dst_port", Fetch::DstPort, Signature::NONE, Kind::Int, Reach::CONNECTION, &[]),
    row("fe_name", Fetch::FrontendName, Signature::NONE, Kind::Str, Reach::SESSION, &["fe_name"]),
    row("hdr", Fetch::Header, HEADER, Kind::Str, Reach::MESSAGE, &["hdr(host)"]),
    row(
        "http_first_req",
        Fetch::FirstRequest,
        Signature::NONE,
        Kind::Bool,
        Reach::STREAM,
        &["http_first_req"],
    ),
    row("int", Fetch::Int, ONE_INT, Kind::Int, Reach::EVERYWHERE, &["int(-5)"]),
    row("method", Fetch::Method, Signature::NONE, Kind::Method, Reach::STREAM, &["method"]),
    row("nbsrv", Fetch::UsableServers, BACKEND, Kind::Int, Reach::RUNNING, &[]),
    row("path", Fetch::Path, Signature::NONE, Kind::Str, Reach::REQUEST, &["path"]),
    row("pathq", Fetch::PathQuery, Signature::NONE, Kind::Str, Reach::REQUEST, &["pathq"]),
    row("query", Fetch::Query, Signature::NONE, Kind::Str, Reach::REQUEST, &["query"]),
    row("req.cook", Fetch::RequestCookie, MAYBE_TEXT, Kind::Str, Reach::REQUEST, &["req.cook(a)"]),
    row("req.fhdr", Fetch::RequestFullHeader, HEADER, Kind::Str, Reach::REQUEST, &["req.fhdr(x-list)"]),
    row("req.hdr", Fetch::RequestHeader, HEADER, Kind::Str, Reach::REQUEST, &["req.hdr(x-list,2)"]),
    row(
        "req.hdr_cnt",
        Fetch::RequestHeaderCount,
        MAYBE_TEXT,
        Kind::Int,
        Reach::REQUEST,
        &["req.hdr_cnt(x-list)"],
    ),
    row("req.hdr_ip", Fetch::RequestHeaderIp, HEADER, Kind::Ip, Reach::REQUEST, &["req.hdr_ip(x-ip)"]),
    row(
        "req.hdr_val",
        Fetch::RequestHeaderValue,
        HEADER,
        Kind::Int,
        Reach::REQUEST,
        &["req.hdr_val(x-number)"],
    ),
    row("req.ver", Fetch::RequestVersion, Signature::NONE, Kind::Str, Reach::REQUEST, &["req.ver"]),
    row("res.hdr", Fetch::ResponseHeader, HEADER, Kind::Str, Reach::RESPONSE, &[]),
    row("res.hdr_cnt", Fetch::ResponseHeaderCount, MAYBE_TEXT, Kind::Int, Reach::RESPONSE, &[]),
    row("src", Fetch::Src, Signature::NONE, Kind::Ip, Reach::CONNECTION, &["src"]),
    row("src_port", Fetch::SrcPort, Signature::NONE, Kind::Int, Reach::CONNECTION, &[]),
    row("srv_name", Fetch::ServerName, Signature::NONE, Kind::Str, Reach::SERVER, &[]),
    row("status", Fetch::Status, Signature::NONE, Kind::Int, Reach::ANSWERED, &[]),
    row("str", Fetch::Str, ONE_TEXT, Kind::Str, Reach::EVERYWHERE, &["str('a, b')"]),
    row("url", Fetch::Url, Signature::NONE, Kind::Str, Reach::REQUEST, &["url"]),
    row("url_param", Fetch::UrlParameter, PARAMETER, Kind::Str, Reach::REQUEST, &["url_param(p)"]),
    row("urlp", Fetch::UrlParameter, PARAMETER, Kind::Str, Reach::REQUEST, &["urlp(p)"]),
    row("var", Fetch::Var, VARIABLE, Kind::Any, Reach::EVERYWHERE, &[]),
    row("wait_end", Fetch::WaitEnd, Signature::NONE, Kind::Bool, Reach::RUNNING, &[]),
];

/// The fetch of this name.
pub fn find(name: &str) -> Option<&'static Row> {
    ROWS.binary_search_by(|row| row.name.cmp(name)).ok().and_then(|at| ROWS.get(at))
}

/// The mistake of a name that is no fetch.
pub(super) fn unknown(name: &str) -> Mistake {
    let mistake = Mistake::new(0, format!("unknown fetch '{name}'"));
    match crate::config::keywords::nearest(name, ROWS.iter().map(|row| row.name)) {
        Some(near) => mistake.expecting(format!("did you mean '{near}'?")),
        None => mistake,
    }
}

const fn row(
    name: &'static str,
    fetch: Fetch,
    signature: Signature,
    kind: Kind,
    reach: Reach,
    examples: &'static [&'static str],
) -> Row {
    Row { name, fetch, signature, kind, reach, examples }
}

const ONE_TEXT: Signature = Signature::new(1, &[Want::Text]);
const MAYBE_TEXT: Signature = Signature::new(0, &[Want::Text]);
const ONE_INT: Signature = Signature::new(1, &[Want::Int]);
const BACKEND: Signature = Signature::new(0, &[Want::Backend]);
const HEADER: Signature = Signature::new(0, &[Want::Text, Want::Int]);
const PARAMETER: Signature = Signature::new(0, &[Want::Text, Want::Text]);
const VARIABLE: Signature = Signature::new(1, &[Want::Variable, Want::Text]);
