//! Resolution of host names of servers while traffic runs (configuration manual 5.3).
//!
//! Owns a thread with a runtime of its own, apart from the workers: an actor for each section of resolvers asks the
//! name servers and writes what it finds to [`crate::live::Location`], which the data path reads. It follows
//! snapshots as they are published, and keeps where names led for the next start. It must never change the
//! configuration: an address that a name has is observed, not configured.
//! Read next: `section.rs`, then the pure parts: `codec.rs`, `question.rs`, `records.rs`, `assign.rs`.

mod assign;
pub mod codec;
mod nameserver;
mod place;
mod question;
mod records;
mod remembered;
mod section;
mod system;

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use parking_lot::Mutex;
use regate_proto::model::{
    Name, Nameserver as NameserverRow, Resolvers, SYSTEM_RESOLVERS, ServerRef, Transport,
};
use tokio::sync::mpsc;

use self::nameserver::Nameserver;
use self::place::Places;
use self::section::{Command, Section};
use crate::live::{Found, Live, Lookup, NameserverLive, SectionLive};
use crate::snapshot::{BackendPlan, Snapshot};

/// The thread that resolves names.
#[derive(Debug)]
pub struct Resolution {
    live: Arc<Live>,
    places: Arc<Places>,
    /// What was followed last; nothing once it was stopped.
    inner: Mutex<Option<Inner>>,
}

#[derive(Debug)]
struct Inner {
    previous: Arc<Snapshot>,
    snapshots: mpsc::UnboundedSender<Arc<Snapshot>>,
    thread: JoinHandle<()>,
}

impl Resolution {
    /// Starts the thread; where names led before the last stop is read from the folder, and kept there from now on.
    pub fn start(live: Arc<Live>, folder: Option<&Path>) -> io::Result<Resolution> {
        let file = folder.map(remembered::path);
        if let Some(file) = &file {
            live.remember(remembered::read(file));
        }
        let places = Arc::new(Places::new(live.clone()));
        let (snapshots, coming) = mpsc::unbounded_channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let leader = Leader {
            live: live.clone(),
            places: places.clone(),
            file,
            current: Arc::default(),
            sections: HashMap::new(),
        };
        let thread = std::thread::Builder::new()
            .name("resolution".to_owned())
            .spawn(move || runtime.block_on(leader.run(coming)))?;
        let inner = Inner { previous: Arc::default(), snapshots, thread };
        Ok(Resolution { live, places, inner: Mutex::new(Some(inner)) })
    }

    /// Takes over a snapshot that is about to be published: servers whose names are new begin where the snapshot says,
    /// the rest follows as it is resolved.
    pub fn follow(&self, snapshot: &Arc<Snapshot>) {
        let mut inner = self.inner.lock();
        let Some(inner) = inner.as_mut() else { return };
        for plan in changed(&inner.previous, snapshot) {
            for server in &plan.servers {
                let Some(naming) = &server.naming else { continue };
                let location = &server.live.location;
                if location.found().is_none_or(|found| found.name != naming.name) {
                    location.put(naming.initial.clone());
                    server.live.generation.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                    self.places.note_change();
                }
            }
        }
        self.places.follow(snapshot);
        inner.previous = snapshot.clone();
        // The thread lives as long as this.
        let _ = inner.snapshots.send(snapshot.clone());
    }

    /// Ends the thread, after where names lead was kept.
    pub fn stop(&self) {
        let Some(Inner { snapshots, thread, .. }) = self.inner.lock().take() else { return };
        drop(snapshots);
        // A thread that panicked has said so; the node ends all the same.
        let _ = thread.join();
        self.live.set_sections(Vec::new());
    }
}

/// What runs on the thread: starts, tells and ends the sections, and keeps the file.
struct Leader {
    live: Arc<Live>,
    places: Arc<Places>,
    file: Option<PathBuf>,
    current: Arc<Snapshot>,
    sections: HashMap<Name, Running>,
}

struct Running {
    row: Arc<Resolvers>,
    commands: mpsc::UnboundedSender<Command>,
    nameservers: Vec<Nameserver>,
}

impl Leader {
    async fn run(mut self, mut coming: mpsc::UnboundedReceiver<Arc<Snapshot>>) {
        let mut lookups = self.live.lookups.take();
        let mut keeping = tokio::time::interval(KEEPING);
        keeping.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                snapshot = coming.recv() => match snapshot {
                    Some(snapshot) => self.follow(snapshot),
                    None => {
                        self.keep();
                        return;
                    }
                },
                Some(lookup) = next(&mut lookups) => self.look(lookup),
                _ = keeping.tick() => self.keep(),
            }
        }
    }

    fn follow(&mut self, snapshot: Arc<Snapshot>) {
        let mut rows: Vec<Arc<Resolvers>> = snapshot.resolvers.to_vec();
        if !rows.iter().any(|row| row.name.as_str() == SYSTEM_RESOLVERS)
            && let Ok(name) = Name::new(SYSTEM_RESOLVERS)
        {
            let row = Resolvers { parse_resolv_conf: true, ..Resolvers::named(name) };
            if !system::read().is_empty() {
                rows.push(Arc::new(row));
            }
        }
        self.sections.retain(|name, _| rows.iter().any(|row| row.name == *name));
        let mut begun = Vec::new();
        for row in &rows {
            match self.sections.get_mut(&row.name) {
                Some(running) if running.row == *row => {}
                Some(running) => {
                    running.row = row.clone();
                    running.nameservers = nameservers(row, &running.nameservers);
                    let command = Command::Configure(row.clone(), running.nameservers.clone());
                    // A section ends when its commands do.
                    let _ = running.commands.send(command);
                }
                None => {
                    let (commands, orders) = mpsc::unbounded_channel();
                    tokio::spawn(Section::run(row.name.clone(), self.places.clone(), orders));
                    let nameservers = nameservers(row, &[]);
                    let _ = commands.send(Command::Configure(row.clone(), nameservers.clone()));
                    begun.push(row.name.clone());
                    self.sections
                        .insert(row.name.clone(), Running { row: row.clone(), commands, nameservers });
                }
            }
        }
        self.live.set_sections(rows.iter().filter_map(|row| self.section_live(row)).collect());
        for name in self.current.backends.keys().filter(|name| !snapshot.backends.contains_key(*name)) {
            for running in self.sections.values() {
                let _ = running.commands.send(Command::Gone(name.clone()));
            }
        }
        let changed: Vec<Arc<BackendPlan>> = changed(&self.current, &snapshot).cloned().collect();
        for (name, running) in &self.sections {
            let all = begun.contains(name).then(|| snapshot.backends.values().cloned().collect());
            for plan in all.unwrap_or_else(|| changed.clone()) {
                let _ = running.commands.send(Command::Backend(plan));
            }
        }
        self.current = snapshot;
    }

    /// Has a section answer a question; without the section there is no answer.
    fn look(&self, lookup: Lookup) {
        if let Some(running) = self.sections.get(&lookup.resolvers) {
            let _ = running.commands.send(Command::Look(lookup));
        }
    }

    fn section_live(&self, row: &Resolvers) -> Option<SectionLive> {
        let running = self.sections.get(&row.name)?;
        let named = |server: &Nameserver| (server.name.clone(), server.live.clone());
        Some(SectionLive {
            name: row.name.to_string(),
            nameservers: running.nameservers.iter().map(named).collect(),
        })
    }

    /// Writes where names lead, if that is another than before.
    fn keep(&self) {
        let Some(file) = &self.file else { return };
        if !self.places.take_change() {
            return;
        }
        let found: Vec<(ServerRef, Arc<Found>)> = self
            .current
            .backends
            .values()
            .flat_map(|plan| plan.servers.iter().map(move |server| (plan, server)))
            .filter(|(_, server)| server.naming.is_some())
            .filter_map(|(plan, server)| {
                let at = ServerRef { backend: plan.name.clone(), server: server.name.clone() };
                Some((at, server.live.location.found()?))
            })
            .collect();
        if let Err(error) =
            remembered::write(file, found.iter().map(|(at, found)| (at.clone(), found.as_ref())))
        {
            tracing::warn!(%error, file = %file.display(), "addresses cannot be kept");
            self.places.note_change();
        }
    }
}

/// The next question of a rule; nobody asks where another thread has the questions.
async fn next(lookups: &mut Option<mpsc::Receiver<Lookup>>) -> Option<Lookup> {
    match lookups {
        Some(lookups) => lookups.recv().await,
        None => std::future::pending().await,
    }
}

/// The backends that are new or another than in the snapshot before.
fn changed<'a>(before: &'a Snapshot, after: &'a Snapshot) -> impl Iterator<Item = &'a Arc<BackendPlan>> {
    after.backends.iter().filter_map(|(name, plan)| {
        let known = before.backends.get(name).is_some_and(|old| Arc::ptr_eq(old, plan));
        (!known).then_some(plan)
    })
}

/// The name servers of a section; those of the same name keep their counters.
fn nameservers(row: &Resolvers, before: &[Nameserver]) -> Vec<Nameserver> {
    let own = row.nameservers.iter().cloned();
    let system = if row.parse_resolv_conf { system::read() } else { Vec::new() };
    let system =
        system.into_iter().filter(|address| !row.nameservers.iter().any(|own| own.address == *address));
    let with_live = |name: String, transport, address| {
        let known = before.iter().find(|other| other.name == name).map(|other| other.live.clone());
        Nameserver {
            name,
            transport,
            address,
            live: known.unwrap_or_else(|| Arc::new(NameserverLive::default())),
        }
    };
    own.map(|NameserverRow { name, transport, address }| with_live(name.to_string(), transport, address))
        .chain(system.map(|address| with_live(address.ip().to_string(), Transport::Udp, address)))
        .collect()
}

/// How often what changed is kept on disk.
const KEEPING: Duration = Duration::from_millis(500);
