//! Why a request failed, and what that means: the one mapping to statuses and log states.

use super::h1;
use super::record::{Cause, Phase, Termination};
use crate::live::CutBy;
use crate::streams::Progress;

/// A request that did not come to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The client closed before its request was complete.
    ClientLeftEarly,
    /// The client took too long for its request.
    RequestTimeout,
    /// The body, which a rule, an option or the algorithm waited for, was not complete in time.
    BodyTimeout,
    /// The request is malformed.
    BadRequest(h1::Refusal),
    /// The frontend routes nowhere, or to a backend that is gone.
    NoBackend,
    /// No server may be chosen.
    NoServer,
    /// Too many wait already for the server that the request is tied to.
    QueueFull,
    /// No slot became free in time.
    QueueTimeout,
    /// The client left while it waited for a slot.
    ClientLeftQueue,
    /// Every attempt to connect failed.
    ConnectFailed,
    /// The request does not have the address that the connection is to start from.
    NoSource,
    /// The last attempt to connect took too long.
    ConnectTimeout,
    /// The server closed before its response's head was complete.
    ServerClosed,
    /// A connection that had served before was closed under a request that must not be sent twice.
    StaleConnection,
    /// The server took too long for its response.
    ServerTimeout,
    /// The body of the response, which a rule waited for, was not complete in time.
    AnswerTimeout,
    /// The response is malformed.
    BadResponse,
    /// The client closed while its response was awaited.
    ClientLeftWaiting,
    /// The client broke off while data was on its way.
    ClientAborted,
    /// The client took too long to send or take data.
    ClientDataTimeout,
    /// The body of the request is malformed, and the response had not begun.
    BadRequestBody(h1::Refusal),
    /// The server broke off while data was on its way.
    ServerAborted,
    /// The server took too long to send or take data.
    ServerDataTimeout,
    /// The body of the response is malformed.
    BadResponseBody,
    /// A rule refused the request.
    Denied,
    /// A rule refused the request, and was slow to say so.
    Tarpitted,
    /// A request led to a backend that knows no requests.
    WrongMode,
    /// A rule of HTTP closed the connection without an answer.
    Rejected,
    /// A rule closed the connection that knows nothing of requests.
    Shut,
    /// A rule refused the response.
    ResponseDenied,
    /// A rule closed the connection for what the server sent, or because it may send nothing.
    AnswerRejected,
    /// The proxy answered the request itself.
    Answered,
    /// The proxy put an answer of its own in the place of a response.
    Replaced,
    /// The server that was chosen is one that clients are sent away from.
    Redirected,
    /// It was cut when it had come as far as this.
    Cut(CutBy, Progress),
}

impl Fault {
    /// The status of the reply, where the response has not begun; `None` closes without a word.
    pub(crate) fn status(self) -> Option<u16> {
        match self {
            Fault::BadRequest(refusal) | Fault::BadRequestBody(refusal) => Some(refusal.reason.status()),
            Fault::ClientLeftEarly | Fault::ClientLeftWaiting | Fault::ClientAborted => Some(400),
            Fault::RequestTimeout | Fault::BodyTimeout | Fault::ClientDataTimeout => Some(408),
            Fault::NoBackend | Fault::NoServer | Fault::QueueFull | Fault::QueueTimeout => Some(503),
            Fault::ConnectFailed | Fault::ConnectTimeout => Some(503),
            Fault::ServerClosed | Fault::BadResponse | Fault::ServerAborted | Fault::BadResponseBody => {
                Some(502)
            }
            Fault::ServerTimeout | Fault::AnswerTimeout | Fault::ServerDataTimeout => Some(504),
            Fault::Denied => Some(403),
            Fault::Cut(_, Progress::Waiting) => Some(502),
            Fault::Tarpitted | Fault::NoSource => Some(500),
            Fault::ResponseDenied => Some(502),
            Fault::StaleConnection
            | Fault::ClientLeftQueue
            | Fault::WrongMode
            | Fault::Rejected
            | Fault::Shut
            | Fault::AnswerRejected
            | Fault::Answered
            | Fault::Replaced
            | Fault::Redirected
            | Fault::Cut(..) => None,
        }
    }

    /// Whether the client's connection cannot carry a further request.
    pub(crate) fn is_fatal(self) -> bool {
        !matches!(
            self,
            Fault::NoBackend
                | Fault::NoServer
                | Fault::QueueFull
                | Fault::QueueTimeout
                | Fault::ConnectFailed
                | Fault::NoSource
                | Fault::ConnectTimeout
                | Fault::ServerClosed
                | Fault::ServerTimeout
                | Fault::AnswerTimeout
                | Fault::BadResponse
                | Fault::Denied
                | Fault::Tarpitted
                | Fault::ResponseDenied
                | Fault::Answered
                | Fault::Replaced
                | Fault::Cut(_, Progress::Waiting)
        )
    }

    /// Whether the client is at fault, as stick tables count it: by a malformed or a refused request.
    pub(crate) fn is_clients_error(self) -> bool {
        matches!(self, Fault::BadRequest(_) | Fault::BadRequestBody(_) | Fault::Denied | Fault::Tarpitted)
    }

    /// Whether the server is at fault, as stick tables count it: by no response, or a malformed one.
    pub(crate) fn is_servers_failure(self) -> bool {
        matches!(
            self,
            Fault::ServerClosed | Fault::StaleConnection | Fault::ServerTimeout | Fault::BadResponse
        )
    }

    /// Whether the reply comes before a request was understood, and so has the shape of such replies.
    pub(crate) fn is_early(self) -> bool {
        matches!(self, Fault::BadRequest(_) | Fault::RequestTimeout | Fault::ClientLeftEarly)
    }

    /// How it stands in a log line (configuration manual 8.5).
    pub(crate) fn termination(self) -> Termination {
        let (cause, phase) = match self {
            Fault::ClientLeftEarly => (Cause::Client, Phase::Request),
            Fault::RequestTimeout | Fault::BodyTimeout => (Cause::ClientTimeout, Phase::Request),
            Fault::BadRequest(_) => (Cause::Proxy, Phase::Request),
            Fault::NoBackend | Fault::NoServer | Fault::ConnectFailed => (Cause::Server, Phase::Connect),
            Fault::QueueFull => (Cause::Server, Phase::Queue),
            Fault::QueueTimeout => (Cause::ServerTimeout, Phase::Queue),
            Fault::ClientLeftQueue => (Cause::Client, Phase::Queue),
            Fault::ConnectTimeout => (Cause::ServerTimeout, Phase::Connect),
            Fault::NoSource => (Cause::Internal, Phase::Connect),
            Fault::ServerClosed | Fault::StaleConnection => (Cause::Server, Phase::Headers),
            Fault::ServerTimeout => (Cause::ServerTimeout, Phase::Headers),
            // HAProxy waits for either body in one place, and says so.
            Fault::AnswerTimeout => (Cause::ServerTimeout, Phase::Request),
            Fault::BadResponse => (Cause::Proxy, Phase::Headers),
            Fault::ClientLeftWaiting => (Cause::Client, Phase::Headers),
            Fault::ClientAborted => (Cause::Client, Phase::Data),
            Fault::ClientDataTimeout => (Cause::ClientTimeout, Phase::Data),
            Fault::BadRequestBody(_) => (Cause::Proxy, Phase::Data),
            Fault::ServerAborted => (Cause::Server, Phase::Data),
            Fault::ServerDataTimeout => (Cause::ServerTimeout, Phase::Data),
            Fault::BadResponseBody => (Cause::Proxy, Phase::Data),
            Fault::Denied | Fault::Rejected | Fault::Shut => (Cause::Proxy, Phase::Request),
            Fault::WrongMode => (Cause::Internal, Phase::Request),
            Fault::AnswerRejected => (Cause::Proxy, Phase::Data),
            Fault::Tarpitted => (Cause::Proxy, Phase::Tarpit),
            Fault::ResponseDenied => (Cause::Proxy, Phase::Headers),
            Fault::Answered => (Cause::Local, Phase::Request),
            Fault::Replaced => (Cause::Local, Phase::Headers),
            Fault::Redirected => (Cause::Local, Phase::Connect),
            Fault::Cut(by, progress) => {
                let cause = match by {
                    CutBy::Administrator => Cause::Administrator,
                    CutBy::ServerDown => Cause::ServerDown,
                    CutBy::BackupNeedless => Cause::BackupNeedless,
                };
                let phase = match progress {
                    Progress::Waiting => Phase::Headers,
                    Progress::Responding => Phase::Data,
                    _ => Phase::Over,
                };
                (cause, phase)
            }
        };
        Termination::new(cause, phase)
    }
}
