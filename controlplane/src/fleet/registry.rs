//! The nodes, and how each stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use parking_lot::Mutex;
use regate_proto::change::Revision;
use regate_proto::problem::Problem;
use regate_proto::wire::v1;
use tokio::sync::{broadcast, watch};
use tonic::transport::Channel;

use super::dial::NodeEndpoint;
use super::session::Standing;

/// Every node that the controller was told of.
pub struct Registry {
    nodes: BTreeMap<String, Arc<Node>>,
    events: broadcast::Sender<v1::Event>,
}

/// One node.
pub struct Node {
    /// The name that it was given.
    pub name: String,
    /// Where it is dialled.
    pub endpoint: NodeEndpoint,
    stand: watch::Sender<Stand>,
    channel: Mutex<Option<Channel>>,
    events: broadcast::Sender<v1::Event>,
}

/// How a node stands.
#[derive(Clone, Debug, PartialEq)]
pub struct Stand {
    /// In a word; `None` when it cannot be reached.
    pub standing: Option<Standing>,
    /// The revision that it has, as far as is known.
    pub revision: Revision,
    /// Why it refused what it was sent last.
    pub refusal: Option<Vec<Problem>>,
    /// Since when it stands so, in milliseconds since the Unix epoch.
    pub since: u64,
    /// The version of its program; empty until it was reached for the first time.
    pub version: String,
    /// The name that it has for itself; empty until it was reached for the first time.
    pub calls_itself: String,
}

impl Registry {
    /// A registry of these nodes, none of which was reached yet.
    pub fn new(nodes: Vec<(String, NodeEndpoint)>) -> Registry {
        let events = broadcast::Sender::new(EVENTS_KEPT);
        let node = |(name, endpoint): (String, NodeEndpoint)| {
            let stand = Stand {
                standing: None,
                revision: Revision(0),
                refusal: None,
                since: unix_millis(),
                version: String::new(),
                calls_itself: String::new(),
            };
            let node = Node {
                name: name.clone(),
                endpoint,
                stand: watch::Sender::new(stand),
                channel: Mutex::new(None),
                events: events.clone(),
            };
            (name, Arc::new(node))
        };
        Registry { nodes: nodes.into_iter().map(node).collect(), events }
    }

    /// Every node, by name.
    pub fn nodes(&self) -> impl ExactSizeIterator<Item = &Arc<Node>> {
        self.nodes.values()
    }

    /// The node of a name.
    pub fn node(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.get(name)
    }

    /// The node that calls itself by a name, or was given it.
    pub fn known_as(&self, name: &str) -> Option<&Arc<Node>> {
        self.nodes.values().find(|node| node.stand.borrow().calls_itself == name).or_else(|| self.node(name))
    }

    /// The node, when there is exactly one.
    pub fn only(&self) -> Option<&Arc<Node>> {
        let mut nodes = self.nodes.values();
        nodes.next().filter(|_| self.nodes.len() == 1)
    }

    /// Events of nodes: how they stand, and how their servers do.
    pub fn events(&self) -> broadcast::Receiver<v1::Event> {
        self.events.subscribe()
    }
}

impl Node {
    /// How it stands now.
    pub fn stand(&self) -> Stand {
        self.stand.borrow().clone()
    }

    /// The connection to it; `None` when it cannot be reached.
    pub fn channel(&self) -> Option<Channel> {
        self.channel.lock().clone()
    }

    /// Waits until the node has a revision, and tells whether it has: not when it cannot be reached, refused it, or
    /// the time is over.
    pub async fn reached(&self, revision: Revision, until: Instant) -> bool {
        let mut news = self.stand.subscribe();
        // What a drifted node calls by this number is something else.
        let has = |stand: &Stand| stand.revision >= revision && stand.standing != Some(Standing::Drifted);
        let is_settled =
            |stand: &Stand| has(stand) || matches!(stand.standing, None | Some(Standing::Refused));
        let waited = tokio::time::timeout_at(until.into(), news.wait_for(is_settled)).await;
        matches!(waited, Ok(Ok(stand)) if has(&stand))
    }

    /// In wire form.
    pub fn to_wire(&self) -> v1::Node {
        let stand = self.stand();
        v1::Node {
            name: self.name.clone(),
            endpoint: self.endpoint.to_string(),
            status: status(stand.standing).into(),
            revision: stand.revision.0,
            refused: stand.refusal.as_deref().map(v1::Refused::from),
            since_ms: stand.since,
            version: stand.version,
        }
    }

    /// Keeps the connection over which the node is reached, or forgets it.
    pub(super) fn connect(&self, channel: Option<Channel>) {
        *self.channel.lock() = channel;
    }

    /// Notes how the node stands, and tells when that is another way than before.
    pub(super) fn note(
        &self,
        standing: Option<Standing>,
        revision: Option<Revision>,
        refusal: Option<&[Problem]>,
    ) {
        let mut turned = false;
        self.stand.send_if_modified(|stand| {
            let before = stand.clone();
            stand.standing = standing;
            stand.revision = revision.unwrap_or(stand.revision);
            stand.refusal = refusal.map(<[Problem]>::to_vec);
            turned = before.standing != stand.standing;
            if turned {
                stand.since = unix_millis();
            }
            before != *stand
        });
        if turned {
            let status = status(standing);
            let (node, revision) = (&self.name, self.stand.borrow().revision.0);
            // Every change turns a node for a moment: that is no news for a log.
            match standing {
                Some(Standing::Synchronizing | Standing::Current) => {
                    tracing::debug!(%node, status = status.as_str_name(), revision, "node");
                }
                _ => tracing::info!(%node, status = status.as_str_name(), revision, "node"),
            }
            let changed = v1::NodeStatusChanged { name: self.name.clone(), status: status.into() };
            self.tell(v1::event::Event::Node(changed));
        }
    }

    /// Notes what the node says of itself.
    pub(super) fn note_hello(&self, hello: &v1::Hello) {
        self.stand.send_modify(|stand| {
            stand.version.clone_from(&hello.version);
            stand.calls_itself.clone_from(&hello.node);
        });
    }

    /// Tells watchers of the fleet.
    pub(super) fn tell(&self, event: v1::event::Event) {
        // Nobody may be watching.
        let _ = self.events.send(v1::Event { at_ms: unix_millis(), event: Some(event) });
    }
}

fn status(standing: Option<Standing>) -> v1::NodeStatus {
    match standing {
        None => v1::NodeStatus::Unreachable,
        Some(Standing::Synchronizing) => v1::NodeStatus::Synchronizing,
        Some(Standing::Current) => v1::NodeStatus::Current,
        Some(Standing::Refused) => v1::NodeStatus::Refused,
        Some(Standing::Drifted) => v1::NodeStatus::Drifted,
    }
}

/// Now, in milliseconds since the Unix epoch.
pub(crate) fn unix_millis() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

const EVENTS_KEPT: usize = 1024;
