//! Enumerations: each word of the model and its number on the wire, side by side.

use super::v1;
use crate::change::{Field, Layer};
use crate::model::{
    AddressFamily, Admin, CheckStatus, Columns, CookieMode, ExternalChecks, HashFunction, HashKey,
    HashMethod, HeaderNames, HttpConnection, HttpReuse, InitState, Kind, Level, LogSyntax, MatchMethod, Mode,
    Observe, OnError, ProxyOption, ServerKey, ServerStates, Severity, SeverityOutput, Transport,
};
use crate::problem::Code;
use crate::rules::RuleSet;
use crate::rules::StickKind;

/// A word of the model that is a number on the wire, 0 being unspecified.
pub(super) trait Choice: Sized {
    /// The highest number known.
    const HIGHEST: i32;

    /// The word with this number, `None` for 0.
    fn from_number(number: i32) -> Result<Option<Self>, Unknown>;

    /// The number of the word.
    fn number(self) -> i32;
}

/// A number without a word.
pub(super) struct Unknown;

/// The number of a word that may be absent.
pub(super) fn number<M: Choice>(word: Option<M>) -> i32 {
    word.map_or(0, M::number)
}

macro_rules! choices {
    ($($model:ident is $wire:ident { $($word:ident),+ $(,)? })+) => {$(
        impl From<$model> for v1::$wire {
            fn from(word: $model) -> Self {
                match word {
                    $($model::$word => v1::$wire::$word,)+
                }
            }
        }

        impl Choice for $model {
            const HIGHEST: i32 = [$(v1::$wire::$word as i32),+].len() as i32;

            fn from_number(number: i32) -> Result<Option<Self>, Unknown> {
                match v1::$wire::try_from(number) {
                    Ok(v1::$wire::Unspecified) => Ok(None),
                    $(Ok(v1::$wire::$word) => Ok(Some($model::$word)),)+
                    Err(_) => Err(Unknown),
                }
            }

            fn number(self) -> i32 {
                v1::$wire::from(self) as i32
            }
        }
    )+};
}

choices! {
    AddressFamily is Family { V4, V6 }
    Admin is AdminState { Ready, Drain, Maint }
    Code is ProblemCode {
        NotFound, AlreadyExists, InUse, Dangling, OutOfRange, Malformed, Unsuitable, Conflict, Denied, Impossible,
        Unavailable, Unsupported,
    }
    Columns is Columns { Keys, Values }
    CheckStatus is CheckStatus {
        L7Ok, L7Okc, L6Ok, L4Ok, L7Rsp, L7Sts, L6Rsp, L4Con, L7Tout, L6Tout, L4Tout,
    }
    CookieMode is CookieMode { Passive, Rewrite, Insert, Prefix }
    ExternalChecks is ExternalChecks { CleanEnvironment, WholeEnvironment }
    Field is Field {
        Row, Weight, Admin, Host, Port, Maxconn, Enabled, MaxConnRate, MaxSessRate, CheckHost, CheckPort,
        AgentHost, AgentPort, AgentSend, Checks, Agent, DynamicCookie, CookieKey, Entries, Published, MaxSslRate,
        MaxCompRate, ShutDown,
    }
    HashKey is HashKey { Id, Addr, AddrPort }
    HeaderNames is HeaderNames { Preserve, Delete, Reject }
    HttpConnection is HttpConnection { KeepAlive, ServerClose, Close }
    HashFunction is HashFunction { Sdbm, Djb2, Wt6, Crc32, None }
    HashMethod is HashMethod { MapBased, Consistent }
    HttpReuse is HttpReuse { Never, Safe, Aggressive, Always }
    ServerStates is ServerStates { None, Local, Global }
    InitState is InitState { FullyUp, Up, Down, FullyDown }
    Kind is Kind { Global, Defaults, Frontend, Bind, Backend, Server, Resolvers, List, Entries, Userlist, Ring, HttpErrors }
    Layer is Layer { Spec, Overlay }
    Level is Level { User, Operator, Admin }
    LogSyntax is LogSyntax { Rfc3164, Rfc5424, Short, Raw, Local, Priority, Timed, Iso }
    MatchMethod is MatchMethod { Exact, Prefix, Suffix, Part, Pattern }
    Mode is Mode { Tcp, Http }
    Observe is Observe { Layer4, Layer7 }
    OnError is OnError { FastInter, FailCheck, SuddenDeath, MarkDown }
    RuleSet is RuleSet {
        TcpConnection, TcpSession, TcpContent, TcpResponse, HttpRequest, HttpResponse, HttpAfterResponse,
    }
    ProxyOption is ProxyOption {
        Ssl, CertCn, SslCipher, CertSig, CertKey, Authority, Crc32c, UniqueId
    }
    ServerKey is ServerKey { Name, Addr }
    StickKind is StickKind { On, Match, StoreRequest, StoreResponse }
    SeverityOutput is SeverityOutput { Number, Word }
    Severity is Severity { Emerg, Alert, Crit, Err, Warning, Notice, Info, Debug }
    Transport is Transport { Udp, Tcp }
}
