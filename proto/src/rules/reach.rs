//! Where a fetch has a meaning (configuration manual 7.3).

use std::fmt;

/// A place where samples are evaluated, in the order of a stream's life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Checkpoint {
    /// `tcp-request connection`.
    TcpConnection = 0,
    /// `tcp-request session`.
    TcpSession,
    /// `tcp-request content` of a frontend.
    FrontendContent,
    /// `http-request` of a frontend.
    FrontendRequest,
    /// The same with the body.
    FrontendBody,
    /// `use_backend`.
    UseBackend,
    /// `tcp-request content` of a backend.
    BackendContent,
    /// `http-request` of a backend.
    BackendRequest,
    /// The same with the body.
    BackendBody,
    /// `use-server`, `balance`, `stick on`.
    UseServer,
    /// The source address of a connection to a server.
    ServerSource,
    /// `tcp-response content` of a backend.
    BackendResponseContent,
    /// `http-response` of a backend.
    BackendResponse,
    /// The same with the body.
    BackendResponseBody,
    /// `stick store-response`.
    StickStore,
    /// `tcp-response content` of a frontend.
    FrontendResponseContent,
    /// `http-response` of a frontend.
    FrontendResponse,
    /// The same with the body.
    FrontendResponseBody,
    /// Log lines.
    Log,
    /// `tcp-check` and `http-check` of a backend.
    Check,
    /// While the configuration is read.
    Configuration,
    /// The text socket.
    Socket,
}

/// The checkpoints at which a fetch has a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach(u32);

impl Reach {
    /// Everywhere.
    pub const EVERYWHERE: Reach = Reach::over(0, 21);
    /// Everywhere but while the configuration is read.
    pub const RUNNING: Reach = Reach(Reach::over(0, 21).0 & !(1 << Checkpoint::Configuration as u32));
    /// As long as there is a client's connection, checks included.
    pub const CONNECTION: Reach = Reach::over(0, 19);
    /// As long as there is a client's session.
    pub const SESSION: Reach = Reach::over(0, 18);
    /// From the end of the client's handshake.
    pub const HANDSHAKE: Reach = Reach::over(1, 18);
    /// While the request is there.
    pub const REQUEST: Reach = Reach::over(2, 10);
    /// From the request on, to the log.
    pub const STREAM: Reach = Reach::over(2, 18);
    /// The message at hand: the request, then the response.
    pub const MESSAGE: Reach = Reach(Reach::over(2, 17).0 | 1 << Checkpoint::Check as u32);
    /// From the choice of a backend on.
    pub const BACKEND: Reach = Reach::over(6, 19);
    /// From the choice of a server on.
    pub const SERVER: Reach = Reach::over(10, 19);
    /// While the response is there.
    pub const RESPONSE: Reach = Reach(Reach::over(11, 17).0 | 1 << Checkpoint::Check as u32);
    /// From the response on, to the log.
    pub const ANSWERED: Reach = Reach::over(11, 19);

    const fn over(first: u32, last: u32) -> Reach {
        Reach(((1 << (last + 1)) - 1) & !((1 << first) - 1))
    }

    /// Whether a fetch with this reach has a meaning at the checkpoint.
    pub fn covers(self, checkpoint: Checkpoint) -> bool {
        self.0 & (1 << checkpoint as u32) != 0
    }
}

impl fmt::Display for Checkpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Checkpoint::TcpConnection => "a 'tcp-request connection' rule",
            Checkpoint::TcpSession => "a 'tcp-request session' rule",
            Checkpoint::FrontendContent | Checkpoint::BackendContent => "a 'tcp-request content' rule",
            Checkpoint::FrontendRequest
            | Checkpoint::FrontendBody
            | Checkpoint::BackendRequest
            | Checkpoint::BackendBody => "an 'http-request' rule",
            Checkpoint::UseBackend => "a 'use_backend' rule",
            Checkpoint::UseServer => "the choice of a server",
            Checkpoint::ServerSource => "the source address of a server's connection",
            Checkpoint::BackendResponseContent | Checkpoint::FrontendResponseContent => {
                "a 'tcp-response content' rule"
            }
            Checkpoint::BackendResponse
            | Checkpoint::BackendResponseBody
            | Checkpoint::FrontendResponse
            | Checkpoint::FrontendResponseBody => "an 'http-response' rule",
            Checkpoint::StickStore => "a 'stick store-response' rule",
            Checkpoint::Log => "a log line",
            Checkpoint::Check => "a health check",
            Checkpoint::Configuration => "the configuration's reading",
            Checkpoint::Socket => "the text socket",
        })
    }
}
