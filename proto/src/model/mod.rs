//! The nouns of a configuration, as types that cannot be invalid.
//!
//! A value of this module has passed its checks: a [`Name`] has legal characters, a [`Weight`] is in
//! range. What a noun *means* for traffic lives in the data plane; how it changes lives in `crate::state`.

mod address;
#[cfg(any(test, feature = "arbitrary"))]
pub mod arbitrary;
mod backend;
mod balancing;
mod bounded;
mod check;
mod conduct;
mod defaults;
mod frontend;
mod global;
mod http_errors;
mod list;
mod logging;
mod name;
mod persistence;
mod resolvers;
mod row;
mod rules;
mod server;
mod socket;
mod statistics;
mod table;
mod userlist;

pub use address::{
    BindAddress, BindHost, DescriptorSource, PortRange, ServerAddress, ServerHost, ServerPort,
};
pub use backend::{Backend, BackendSettings, HttpReuse, ServerStates};
pub use balancing::{
    BadKey, Balance, BalanceFactor, Balancing, HashFunction, HashMethod, HashType, KeyName, UriKey,
};
pub use bounded::{Millis, OutOfRange, Weight};
pub use check::{
    BackendChecks, CheckBytes, CheckConnect, CheckExpect, CheckKind, CheckRequest, CheckRule, CheckStatus,
    CheckText, CheckValue, Expected, ExternalChecks, GlobalChecks, InitState, MatchMethod, Matched, Observe,
    OnError, Paused, ServerChecks, Tracked,
};
pub use conduct::{ClientConduct, Conduct, HeaderNames, ServerConduct, Statuses, is_token};
pub use defaults::Defaults;
pub use frontend::{
    Bind, ErrorPage, ErrorReply, ForwardFor, Frontend, FrontendSettings, HttpConnection, Mode, SocketFile,
};
pub use global::{Global, Level, SeverityOutput, StatsSocket};
pub use http_errors::HttpErrors;
pub use list::{BadListName, Columns, Entries, EntriesRef, List, ListName, ListUser, Presence};
pub use logging::{
    Capture, CookieCapture, Facility, LogAddress, LogFormat, LogPlan, LogSample, LogSyntax, LogTarget, Ring,
    RingServer, Severity, StreamAddress,
};
pub use name::{BadName, Guid, Name};
pub use persistence::{
    BadCookie, Cookie, CookieAttribute, CookieMode, CookieName, CookieValue, Persistence, RetryOn,
    RetryReason,
};
pub use resolvers::{
    AddressFamily, Holds, InitAddr, Nameserver, NamingSettings, Resolvers, SYSTEM_RESOLVERS, Transport,
    is_service_name,
};
pub use row::{BindRef, Kind, Row, ServerRef, Subject};
pub use rules::{Route, Rules, ServerRoute};
pub use server::{Admin, ProxyHeader, Server, ServerSettings};
pub use socket::{Dialling, Foreign, HashKey, Listening, Probes, ProxyOption, Source};
pub use statistics::{PageScope, PageUser, StatisticsPage};
pub use table::{BadTable, DataForm, DataRow, DataType, ServerKey, Stored, Table, TableKey};
pub use userlist::{Disorder, Group, Password, SCHEMES, User, Userlist, is_account_name};
