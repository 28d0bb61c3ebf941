//! The table of fetches: a row per name (configuration manual 7.3.2 to 7.3.7), in one file for each subject.
//!
//! What a fetch gives is told by the data plane, in one exhaustive `match` over [`Fetch`].

mod connection;
mod constant;
mod foreign;
mod http;
mod payload;
mod process;

use super::signature::Signature;
use super::tables::{self, Fact, Found};
use super::{Kind, Reach};

pub use foreign::FOREIGN;
pub(super) use foreign::unknown;

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
    /// Constant bytes.
    Bin,
    /// A constant truth value.
    Bool,
    /// A variable of the process's environment.
    Environment,
    /// A constant integer.
    Int,
    /// A constant IPv4 address.
    Ipv4,
    /// A constant IPv6 address.
    Ipv6,
    /// A constant method.
    ConstantMethod,
    /// A constant text.
    Str,
    /// A variable's value, or a text instead of it.
    Var,
    /// How many requests wait at a backend, per server that can be used.
    AverageQueue,
    /// How many requests or connections a backend serves.
    BackendSessions,
    /// How many more the servers of a backend take; -1 without a limit.
    BackendRoom,
    /// New sessions of a backend a second.
    BackendSessionRate,
    /// How many more the servers of a backend take or let wait; -1 without a limit.
    ConnectionSlots,
    /// The time since the Unix epoch, with an offset, in a unit.
    Date,
    /// The microseconds of the present second.
    DateMicros,
    /// Client connections of a frontend.
    FrontendSessions,
    /// Requests of a frontend a second.
    FrontendRequestRate,
    /// New sessions of a frontend a second.
    FrontendSessionRate,
    /// The name of the machine.
    Hostname,
    /// The file and line of the last rule that ended a set.
    LastEntity,
    /// The file with the rule that ended the last evaluation.
    LastRuleFile,
    /// The line of the rule that ended the last evaluation.
    LastRuleLine,
    /// How many processes there are: one.
    ProcessCount,
    /// Client connections of the process.
    ProcessConnections,
    /// How many servers of a backend can be used.
    UsableServers,
    /// The number of the process.
    ProcessId,
    /// The class in queues.
    PriorityClass,
    /// The offset in queues.
    PriorityOffset,
    /// Which of the processes it is: the first.
    ProcessNumber,
    /// How many requests wait at a backend.
    Queued,
    /// A random integer from 0 on, below a bound.
    Random,
    /// How many requests or connections a server serves.
    ServerSessions,
    /// How many more a server takes; -1 without a limit.
    ServerRoom,
    /// Whether a server is up and in service.
    ServerIsUp,
    /// The weight that the configuration gives a server.
    ServerInitialWeight,
    /// How many requests wait for a server alone.
    ServerQueue,
    /// New sessions of a server a second.
    ServerSessionRate,
    /// The weight of a server in force.
    ServerUserWeight,
    /// The weight of a server as it grows after a start.
    ServerWeight,
    /// Whether the process stops.
    Stopping,
    /// Which worker serves.
    Thread,
    /// A random UUID (RFC 9562).
    Uuid,
    /// When the client was accepted, since the Unix epoch.
    AcceptDate,
    /// Milliseconds for the connection to the server.
    ConnectTime,
    /// Where the request stood in the backend's queue.
    BackendQueuePlace,
    /// Where it stood in the server's queue.
    ServerQueuePlace,
    /// How many exchanges share the connection to the server.
    UpstreamStreams,
    /// The round-trip time to the server.
    UpstreamRoundTrip,
    /// How much that varies.
    UpstreamRoundTripVariance,
    /// Bytes that came from the client.
    BytesFromClient,
    /// Bytes that went to the client.
    BytesToClient,
    /// The timeout for the client in force, in milliseconds.
    ClientTimeoutInForce,
    /// Milliseconds of handshakes.
    HandshakeTime,
    /// Milliseconds since the connection was accepted, or the response before had ended.
    TotalTime,
    /// How many exchanges share the client's connection.
    ClientStreams,
    /// Something that the PROXY protocol header says besides addresses.
    ProxiedExtension,
    /// Milliseconds for the request's head.
    HeadTime,
    /// Milliseconds before the first byte of the request.
    IdleTime,
    /// Milliseconds in queues.
    QueueTime,
    /// Milliseconds from the accept to the end of the request's head.
    QueryTime,
    /// When the first byte of the request came, since the Unix epoch.
    RequestDate,
    /// Milliseconds for what follows the response's head.
    DataTime,
    /// Milliseconds for the response's head.
    ResponseTime,
    /// Attempts to reach a server after the first.
    Retries,
    /// Whether the request went to another server than the one first chosen.
    Redispatched,
    /// How the exchange ended, in the letters of the log.
    Termination,
    /// The status that the client gets.
    SentStatus,
    /// Milliseconds since the first byte of the request.
    ActiveTime,
    /// Milliseconds that a user waited.
    UserTime,
    /// The address of the server that is connected to.
    UpstreamDst,
    /// The port of the server that is connected to.
    UpstreamDstPort,
    /// The number of what went wrong with the connection to the server.
    UpstreamError,
    /// What went wrong with the connection to the server.
    UpstreamErrorText,
    /// Oddities of protocol on the connection to the server.
    UpstreamGlitches,
    /// The version of HTTP towards the server.
    UpstreamHttpMajor,
    /// The address that the server is connected to from.
    UpstreamSrc,
    /// The port that the server is connected to from.
    UpstreamSrcPort,
    /// The number of the backend.
    BackendId,
    /// The name of the backend.
    BackendName,
    /// The backend's timeout for servers, in milliseconds.
    BackendServerTimeout,
    /// The backend's timeout for tunnels, in milliseconds.
    BackendTunnelTimeout,
    /// The timeout for the server in force, in milliseconds.
    ServerTimeout,
    /// The timeout for the tunnel in force, in milliseconds.
    TunnelTimeout,
    /// The address that the client connected to.
    Dst,
    /// Client connections of the bind.
    BindSessions,
    /// Whether the address that the client connected to is this machine's.
    DstIsLocal,
    /// The port that the client connected to.
    DstPort,
    /// The address that the client connected to, whatever later rules say.
    ClientDst,
    /// Whether that is this machine's.
    ClientDstIsLocal,
    /// The port that the client connected to, whatever later rules say.
    ClientDstPort,
    /// The number of what went wrong with the client's connection.
    ClientError,
    /// What went wrong with the client's connection.
    ClientErrorText,
    /// Oddities of protocol on the client's connection.
    ClientGlitches,
    /// Segments acknowledged ahead, as the kernel counts them.
    ClientFackets,
    /// The version of HTTP towards the client.
    ClientHttpMajor,
    /// Segments lost, as the kernel counts them.
    ClientLost,
    /// The authority of the PROXY protocol header.
    ProxiedAuthority,
    /// The unique id of the PROXY protocol header.
    ProxiedUniqueId,
    /// Whether the connection began with a PROXY protocol header.
    ProxyHeaderCame,
    /// How far segments are reordered, as the kernel measures it.
    ClientReordering,
    /// Segments being sent again, as the kernel counts them.
    ClientRetransmissions,
    /// The round-trip time to the client.
    ClientRoundTrip,
    /// How much the round-trip time varies.
    ClientRoundTripVariance,
    /// Segments acknowledged selectively, as the kernel counts them.
    ClientSacked,
    /// The client's address, whatever later rules say.
    ClientSrc,
    /// Whether that is this machine's.
    ClientSrcIsLocal,
    /// The client's port, whatever later rules say.
    ClientSrcPort,
    /// Segments not acknowledged yet, as the kernel counts them.
    ClientUnacked,
    /// The frontend's timeout for clients, in milliseconds.
    ClientTimeout,
    /// The frontend's default backend.
    FrontendDefaultBackend,
    /// The number of the frontend.
    FrontendId,
    /// The name of the frontend.
    FrontendName,
    /// The number of the bind.
    BindId,
    /// The name of the bind.
    BindName,
    /// The client's address.
    Src,
    /// Whether the client's address is this machine's.
    SrcIsLocal,
    /// The client's port.
    SrcPort,
    /// The number of the server.
    ServerId,
    /// The name of the server.
    ServerName,
    /// The host and the path.
    Base,
    /// A hash of host and path.
    BaseHash,
    /// A hash of host and path, and the client's address.
    BaseHashSrc,
    /// The host, the path and the query.
    BaseQuery,
    /// A request header as it was captured.
    CapturedRequestHeader,
    /// The method as the client sent it.
    CapturedMethod,
    /// The path and query as the client sent them.
    CapturedTarget,
    /// The version of the request.
    CapturedRequestVersion,
    /// A response header as it was captured.
    CapturedResponseHeader,
    /// The version of the response.
    CapturedResponseVersion,
    /// A cookie of the message at hand.
    Cookie,
    /// A header of the message at hand.
    Header,
    /// Whether name and password are in a list of users.
    Authenticated,
    /// The token that the client presents.
    AuthBearer,
    /// The user's name where name and password are in a list of users; ACLs see the groups.
    AuthenticatedGroup,
    /// The password that the client presents.
    AuthPassword,
    /// How the client authenticates.
    AuthScheme,
    /// The name that the client presents.
    AuthUser,
    /// Whether it is the first request of the connection.
    FirstRequest,
    /// Something of an entry of a stick table.
    Entry(Found, Fact),
    /// How many entries a stick table has.
    TableUsed,
    /// How many more entries a stick table takes.
    TableRoom,
    /// The method of the request.
    Method,
    /// The path of the request.
    Path,
    /// The path with the query.
    PathQuery,
    /// The query.
    Query,
    /// What has come of the request's body.
    RequestBody,
    /// How many bytes of the body have come.
    RequestBodyLength,
    /// A parameter of a body that is a form.
    RequestBodyParameter,
    /// How long the body is to be.
    RequestBodySize,
    /// A cookie of the request.
    RequestCookie,
    /// How many cookies of the request there are.
    RequestCookieCount,
    /// The names of the request's cookies.
    RequestCookieNames,
    /// A cookie of the request as an integer.
    RequestCookieValue,
    /// A request header's line as it stands.
    RequestFullHeader,
    /// How many lines of a request header there are.
    RequestFullHeaderCount,
    /// A value of a request header, cut at commas.
    RequestHeader,
    /// How many values of a request header there are.
    RequestHeaderCount,
    /// A request header's value as an address.
    RequestHeaderIp,
    /// The names of the request's headers.
    RequestHeaderNames,
    /// A request header's value as an integer.
    RequestHeaderValue,
    /// The request's headers as text, to the empty line.
    RequestHeaders,
    /// The request's headers as SPOE strings.
    RequestHeadersBinary,
    /// The version of the request.
    RequestVersion,
    /// What has come of the response's body.
    ResponseBody,
    /// How many bytes of the response's body have come.
    ResponseBodyLength,
    /// How long the response's body is to be.
    ResponseBodySize,
    /// A cookie that the response sets.
    ResponseCookie,
    /// How many cookies the response sets.
    ResponseCookieCount,
    /// The names of the cookies that the response sets.
    ResponseCookieNames,
    /// A cookie that the response sets, as an integer.
    ResponseCookieValue,
    /// A response header's line as it stands.
    ResponseFullHeader,
    /// How many lines of a response header there are.
    ResponseFullHeaderCount,
    /// A value of a response header, cut at commas.
    ResponseHeader,
    /// How many values of a response header there are.
    ResponseHeaderCount,
    /// A response header's value as an address.
    ResponseHeaderIp,
    /// The names of the response's headers.
    ResponseHeaderNames,
    /// A response header's value as an integer.
    ResponseHeaderValue,
    /// The response's headers as text, to the empty line.
    ResponseHeaders,
    /// The response's headers as SPOE strings.
    ResponseHeadersBinary,
    /// The version of the response.
    ResponseVersion,
    /// The status of the response.
    Status,
    /// The id that the request was given.
    UniqueId,
    /// The target of the request.
    Url,
    /// A hash of host, path and query.
    UrlHash,
    /// A hash of host, path and query, and the client's address.
    UrlHashSrc,
    /// The address in an absolute target.
    UrlIp,
    /// A parameter of the query.
    UrlParameter,
    /// The port in an absolute target.
    UrlPort,
    /// A parameter of the query as an integer.
    UrlParameterValue,
    /// The body of a token of distcc's protocol.
    DistccBody,
    /// The parameter of a token of distcc's protocol.
    DistccParameter,
    /// Bytes of the message at hand.
    Payload,
    /// Bytes of the message at hand, as many as it says.
    PayloadLengthValue,
    /// A cookie of an RDP connection request.
    RdpCookie,
    /// How many cookies an RDP connection request has.
    RdpCookieCount,
    /// How many bytes of the request have come.
    RequestLength,
    /// Bytes of what the client sent.
    RequestPayload,
    /// Bytes of what the client sent, as many as it says.
    RequestPayloadLengthValue,
    /// Whether the client sent an HTTP request.
    ProtocolIsHttp,
    /// The protocols that a TLS client offers.
    HelloAlpn,
    /// Whether a TLS client names elliptic curves.
    HelloHasGroups,
    /// The type of the TLS handshake message that the client sent.
    RequestHelloType,
    /// The server that a TLS client names.
    HelloSni,
    /// Whether a TLS client takes tickets: 0 no, 1 yes, 2 and has one.
    HelloTicket,
    /// The version of TLS that the client speaks.
    HelloVersion,
    /// How many bytes of the response have come.
    ResponseLength,
    /// Bytes of what the server sent.
    ResponsePayload,
    /// Bytes of what the server sent, as many as it says.
    ResponsePayloadLengthValue,
    /// The type of the TLS handshake message that the server sent.
    ResponseHelloType,
    /// The file and line of the rule that is waited for.
    WaitingEntity,
    /// Whether the whole request is waited for no longer.
    WaitEnd,
}

/// The tables, each in ascending order of names.
const TABLES: &[&[Row]] = &[constant::ROWS, process::ROWS, connection::ROWS, http::ROWS, payload::ROWS];

/// Every fetch, those of stick tables last.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    TABLES.iter().flat_map(|table| table.iter()).chain(tables::FETCHES)
}

/// The fetch of this name.
pub fn find(name: &str) -> Option<&'static Row> {
    let mut ordered = TABLES.iter();
    ordered
        .find_map(|table| table.binary_search_by(|row| row.name.cmp(name)).ok().and_then(|at| table.get(at)))
        .or_else(|| tables::FETCHES.iter().find(|row| row.name == name))
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

#[cfg(test)]
mod tests;
