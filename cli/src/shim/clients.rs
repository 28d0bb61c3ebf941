//! The connections to the text sockets that are open: how `show sess` sees them, and how they share their thread.
//!
//! HAProxy serves its own socket by streams, which stand in its list as all others do, with the frontend `GLOBAL`;
//! these are the same of Regate. Read next: `connection.rs`, which holds a [`Presence`] for as long as it is open.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use regate_proto::wire::v1;
use tokio_util::sync::CancellationToken;

/// Every connection that is open.
#[derive(Debug, Default)]
pub struct Clients {
    open: Mutex<BTreeMap<u64, Arc<Client>>>,
    last: AtomicU64,
    busy: AtomicUsize,
}

/// A connection as the others see it.
#[derive(Debug)]
struct Client {
    id: u64,
    /// Where it comes from; absent from a unix socket.
    source: Option<SocketAddr>,
    descriptor: i32,
    since: Instant,
    began_us: u64,
    /// When something was last read, in milliseconds after it began.
    read_ms: AtomicU64,
    timeout_ms: AtomicU64,
    commands: AtomicU32,
    cut: CancellationToken,
}

/// A place among the connections that are open; it is left when this is dropped.
#[derive(Debug)]
pub struct Presence {
    clients: Arc<Clients>,
    client: Arc<Client>,
    busy: bool,
}

impl Clients {
    /// Adds a connection.
    pub fn enter(
        self: &Arc<Self>,
        source: Option<SocketAddr>,
        descriptor: i32,
        timeout: Duration,
    ) -> Presence {
        let id = FIRST | self.last.fetch_add(1, Ordering::Relaxed).wrapping_add(1) & !FIRST;
        let began = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let client = Arc::new(Client {
            id,
            source,
            descriptor,
            since: Instant::now(),
            began_us: u64::try_from(began.as_micros()).unwrap_or(u64::MAX),
            read_ms: AtomicU64::new(0),
            timeout_ms: AtomicU64::new(millis(timeout)),
            commands: AtomicU32::new(0),
            cut: CancellationToken::new(),
        });
        self.lock().insert(id, client.clone());
        Presence { clients: self.clone(), client, busy: false }
    }

    /// The connections that a question for streams is about.
    pub fn asked_for(&self, query: &v1::StreamsQuery) -> Vec<v1::StreamView> {
        let elsewhere = query.frontend.is_some() || query.backend.is_some() || query.server.is_some();
        if elsewhere || query.suspicious {
            return Vec::new();
        }
        let wanted = |client: &Client| {
            query.id.is_none_or(|id| id == client.id)
                && query.older_ms.is_none_or(|age| millis(client.since.elapsed()) >= age)
        };
        self.lock().values().filter(|client| wanted(client)).map(|client| client.view()).collect()
    }

    /// Ends the connection with this number; tells whether there is one.
    pub fn cut(&self, id: u64) -> bool {
        let client = self.lock().get(&id).cloned();
        client.inspect(|client| client.cut.cancel()).is_some()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u64, Arc<Client>>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Client {
    fn view(&self) -> v1::StreamView {
        let age = millis(self.since.elapsed());
        let silent = age.saturating_sub(self.read_ms.load(Ordering::Relaxed));
        let timeout = self.timeout_ms.load(Ordering::Relaxed);
        let mut view = v1::StreamView {
            id: self.id,
            began_us: self.began_us,
            age_ms: age,
            source: self.source.map(|source| source.to_string()),
            frontend: Some(v1::StreamProxy { name: "GLOBAL".to_owned(), id: 0, http: false }),
            client_descriptor: self.descriptor,
            expires_ms: (timeout < NEVER).then(|| timeout.saturating_sub(silent)),
            calls: self.commands.load(Ordering::Relaxed),
            ..v1::StreamView::default()
        };
        view.set_progress(v1::StreamProgress::Tunnel);
        view
    }
}

impl Presence {
    /// Done when somebody ends the connection.
    pub fn cut(&self) -> CancellationToken {
        self.client.cut.clone()
    }

    /// Notes that something was read, and how long silence may last.
    pub fn note_read(&self, timeout: Duration) {
        self.client.read_ms.store(millis(self.client.since.elapsed()), Ordering::Relaxed);
        self.client.timeout_ms.store(millis(timeout), Ordering::Relaxed);
    }

    /// Counts a command.
    pub fn note_command(&self) {
        self.client.commands.fetch_add(1, Ordering::Relaxed);
    }

    /// Notes whether the connection has commands under way.
    pub fn set_busy(&mut self, busy: bool) {
        if busy != self.busy {
            self.busy = busy;
            match busy {
                true => self.clients.busy.fetch_add(1, Ordering::Relaxed),
                false => self.clients.busy.fetch_sub(1, Ordering::Relaxed),
            };
        }
    }

    /// The part of so much work at once that this connection may have: all of it while nobody else has any. What
    /// several do at once is bounded all together, so that who comes with one question waits for little.
    pub fn share(&self, whole: usize) -> usize {
        let others = self.clients.busy.load(Ordering::Relaxed).saturating_sub(usize::from(self.busy));
        if others == 0 { whole } else { (whole / SEVERAL / others.saturating_add(1)).max(LEAST) }
    }
}

impl Drop for Presence {
    fn drop(&mut self) {
        self.set_busy(false);
        self.clients.lock().remove(&self.client.id);
    }
}

fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}

/// Set in the numbers of connections to text sockets, so that none is that of a stream.
const FIRST: u64 = 1 << 60;
/// Milliseconds of a timeout that stands for none.
const NEVER: u64 = 86_400_000 * 300;
/// The part of the work of one connection that several have together.
const SEVERAL: usize = 8;
/// Pieces of work that everybody may have at once.
const LEAST: usize = 4;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_seen_while_they_are_open() {
        let clients = Arc::new(Clients::default());
        let first = clients.enter(None, 3, Duration::from_secs(10));
        let second = clients.enter("127.0.0.1:9".parse().ok(), 4, Duration::from_secs(10));
        first.note_command();
        let all = clients.asked_for(&v1::StreamsQuery::default());
        assert_eq!(
            all.iter().map(|view| (view.client_descriptor, view.calls)).collect::<Vec<_>>(),
            [(3, 1), (4, 0)]
        );
        assert_eq!(all.last().and_then(|view| view.source.clone()).as_deref(), Some("127.0.0.1:9"));
        let id = all.first().map(|view| view.id);
        let one = clients.asked_for(&v1::StreamsQuery { id, ..Default::default() });
        assert_eq!(one.len(), 1);
        let aged = v1::StreamsQuery { older_ms: Some(3_600_000), ..Default::default() };
        assert!(clients.asked_for(&aged).is_empty());
        let elsewhere = v1::StreamsQuery { backend: Some("be".to_owned()), ..Default::default() };
        assert!(clients.asked_for(&elsewhere).is_empty());
        assert!(
            clients.cut(id.unwrap_or_default()) && first.cut().is_cancelled() && !second.cut().is_cancelled()
        );
        drop(first);
        assert!(!clients.cut(id.unwrap_or_default()));
    }

    #[test]
    fn work_is_shared_among_those_who_have_some() {
        let clients = Arc::new(Clients::default());
        let mut all: Vec<Presence> = (0..40).map(|_| clients.enter(None, 0, Duration::ZERO)).collect();
        let Some((mut first, rest)) = all.pop().map(|first| (first, &mut all)) else { return };
        first.set_busy(true);
        assert_eq!(first.share(1024), 1024);
        rest.iter_mut().for_each(|one| one.set_busy(true));
        assert_eq!((first.share(1024), first.share(16 * 1024)), (LEAST, 51));
        all.clear();
        assert_eq!(first.share(1024), 1024);
    }
}
