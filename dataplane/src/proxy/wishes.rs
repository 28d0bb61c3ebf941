//! What rules decided about an exchange beside its messages.

use std::net::SocketAddr;
use std::sync::Arc;

use regate_proto::model::Severity;

use crate::live::Priority;

/// What rules decided beside the message itself.
#[derive(Debug, Default)]
pub(crate) struct Wishes {
    /// Addresses that stand for those of the connection.
    pub(super) source: Option<SocketAddr>,
    pub(super) destination: Option<SocketAddr>,
    /// Timeouts in milliseconds that replace those of the proxies.
    pub(super) client_timeout: Option<u32>,
    pub(super) server_timeout: Option<u32>,
    pub(super) tunnel_timeout: Option<u32>,
    /// The severity of the log line; `Some(None)`: there is none.
    pub(super) log_level: Option<Option<Severity>>,
    pub(super) tarpit_timeout: Option<u32>,
    pub(super) priority: Priority,
    pub(super) no_retry: bool,
    /// Whether the connection has to begin with a PROXY protocol header.
    pub(super) expects_proxy: bool,
    pub(super) overrides: Overrides,
    /// The file and line of the rule that last ended a set.
    pub(super) last_rule: Option<(Arc<str>, u32)>,
    /// Those of the rule whose answer the client gets.
    pub(super) answering_rule: Option<(Arc<str>, u32)>,
    /// Those of the rule that is waited for.
    pub(super) waiting_rule: Option<(Arc<str>, u32)>,
}

impl Wishes {
    /// What samples of rules see of the rules that were gone through.
    pub(super) fn passed(&self) -> [Option<(&str, u32)>; 2] {
        [&self.last_rule, &self.waiting_rule].map(seen)
    }

    /// What samples of log lines see of them.
    pub(super) fn passed_in_all(&self) -> [Option<(&str, u32)>; 2] {
        let last = if self.answering_rule.is_some() { &self.answering_rule } else { &self.last_rule };
        [last, &self.waiting_rule].map(seen)
    }
}

fn seen(place: &Option<(Arc<str>, u32)>) -> Option<(&str, u32)> {
    place.as_ref().map(|(file, line)| (&**file, *line))
}

/// What rules decided about the way to a server.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Overrides {
    /// Milliseconds that replace those of the backend.
    pub(super) connect_timeout: Option<u32>,
    pub(super) queue_timeout: Option<u32>,
    pub(super) retries: Option<u32>,
    /// The netfilter mark and the type of service of what goes to the server.
    pub(super) stamps: [Option<u32>; 2],
}
