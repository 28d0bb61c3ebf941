//! Questions for addresses of hosts that rules ask, on their way from the workers to the thread that resolves names.
//!
//! A worker leaves a question with the way back and goes on with other connections; the request waits for the answer
//! and holds nothing meanwhile. What does not fit is not asked: the rule finds no address.

use std::net::IpAddr;

use parking_lot::Mutex;
use regate_proto::model::{AddressFamily, Name};
use tokio::sync::{mpsc, oneshot};

/// Questions that wait for being asked.
#[derive(Debug)]
pub struct Lookups {
    way: mpsc::Sender<Lookup>,
    end: Mutex<Option<mpsc::Receiver<Lookup>>>,
}

/// A question for the address of a host.
#[derive(Debug)]
pub struct Lookup {
    /// The section of resolvers that is asked.
    pub resolvers: Name,
    /// The name of the host, as the rule made it.
    pub host: String,
    /// Addresses of this family before those of the other.
    pub family: AddressFamily,
    /// Where the address goes; dropped where there is none.
    pub answer: oneshot::Sender<IpAddr>,
}

impl Lookups {
    /// The address of a host, once somebody knows it; nothing where there is none.
    pub async fn find(&self, resolvers: &Name, host: String, family: AddressFamily) -> Option<IpAddr> {
        let (answer, coming) = oneshot::channel();
        self.way.try_send(Lookup { resolvers: resolvers.clone(), host, family, answer }).ok()?;
        coming.await.ok()
    }

    /// The questions; whoever takes them first has them.
    pub fn take(&self) -> Option<mpsc::Receiver<Lookup>> {
        self.end.lock().take()
    }
}

impl Default for Lookups {
    fn default() -> Self {
        let (way, end) = mpsc::channel(MOST);
        Lookups { way, end: Mutex::new(Some(end)) }
    }
}

/// Questions that wait for the thread at most.
const MOST: usize = 4096;
