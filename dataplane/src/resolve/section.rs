//! One section of resolvers: the names that its servers need, who asks for them, and who gets the answers.
//!
//! A name is asked for once for all servers that use it. Owns the agenda, the records and the places of servers; what
//! a server's place is, is written to [`crate::live::Location`] by `place.rs`. Read next: `question.rs` (when is
//! asked), `records.rs` (what holds), `assign.rs` (who gets what).

mod lookups;

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use regate_proto::model::{AddressFamily, Name, Resolvers, ServerRef, Weight, is_service_name};
use tokio::sync::{Semaphore, mpsc, oneshot};

use super::assign::{self, Slots, Wish};
use super::codec::{Answer, Service, Wanted};
use super::nameserver::{Ask, Nameserver, add_one};
use super::place::{Cause, Places};
use super::question::{Consequence, Failure, Query, Question, Timing};
use super::records::{Hold, Records};
use crate::live::{Found, Lookup, ServiceRecord};
use crate::snapshot::{BackendPlan, Naming, ServerPlan};

/// What a section is told.
#[derive(Debug)]
pub(super) enum Command {
    /// Its row is another.
    Configure(Arc<Resolvers>, Vec<Nameserver>),
    /// A backend is new or another.
    Backend(Arc<BackendPlan>),
    /// A backend is gone.
    Gone(Name),
    /// A rule wants the address of a host.
    Look(Lookup),
}

/// A section at work.
pub(super) struct Section {
    name: Name,
    timing: Timing,
    hold: Hold,
    payload: u16,
    patience: Duration,
    nameservers: Vec<Nameserver>,
    names: HashMap<Key, Asked>,
    /// When names are due, the earliest first.
    agenda: BTreeSet<(u64, Key)>,
    members: BTreeMap<ServerRef, Member>,
    slots: HashMap<(Name, String), Slots>,
    places: Arc<Places>,
    replies: mpsc::UnboundedSender<Reply>,
    permits: Arc<Semaphore>,
    random: RandomState,
    asked: u64,
}

/// What is asked for, for which name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
struct Key {
    name: String,
    wanted: WantedKey,
}

/// [`Wanted`], in an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum WantedKey {
    V4,
    V6,
    Services,
}

/// A name that is asked for.
struct Asked {
    question: Question,
    records: Kept,
    /// The servers that need it; without any, and without who waits, it is asked for no more.
    users: BTreeSet<ServerRef>,
    /// Rules that wait for the end of the round.
    waiting: Vec<oneshot::Sender<IpAddr>>,
}

/// What was answered about a name.
enum Kept {
    Addresses(Records<IpAddr>),
    Services(Records<Service>),
}

/// A server whose name the section resolves.
struct Member {
    backend: Arc<BackendPlan>,
    plan: Arc<ServerPlan>,
    /// The host whose address it has.
    host: Option<Key>,
    /// The service that it is a part of.
    service: Option<Key>,
}

/// What came of one query to one name server.
struct Reply {
    key: Key,
    attempt: u64,
    nameserver: Nameserver,
    result: Result<Answer, Failure>,
}

impl Section {
    /// Works until it is told nothing any more.
    pub(super) async fn run(name: Name, places: Arc<Places>, mut commands: mpsc::UnboundedReceiver<Command>) {
        let (replies, mut answered) = mpsc::unbounded_channel();
        let mut section = Section {
            name,
            timing: Timing { resolve: 1000, tries: 3 },
            hold: Hold { nx: 0, refused: 0, timeout: 0, other: 0, obsolete: 0 },
            payload: 512,
            patience: Duration::from_secs(1),
            nameservers: Vec::new(),
            names: HashMap::new(),
            agenda: BTreeSet::new(),
            members: BTreeMap::new(),
            slots: HashMap::new(),
            places,
            replies,
            permits: Arc::new(Semaphore::new(MOST_QUERIES)),
            random: RandomState::new(),
            asked: 0,
        };
        loop {
            let now = section.now();
            let due = section.agenda.first().map_or(u64::MAX, |(due, _)| *due);
            let rest = Duration::from_millis(due.saturating_sub(now).min(LONGEST_REST));
            tokio::select! {
                biased;
                command = commands.recv() => match command {
                    Some(command) => section.obey(command),
                    None => return,
                },
                Some(reply) = answered.recv() => section.hear(reply),
                () = tokio::time::sleep(rest) => section.begin_due(),
            }
        }
    }

    fn now(&self) -> u64 {
        self.places.now()
    }

    fn obey(&mut self, command: Command) {
        match command {
            Command::Configure(row, nameservers) => self.configure(&row, nameservers),
            Command::Backend(plan) => self.follow(&plan),
            Command::Gone(name) => {
                let gone = self.members_of(&name);
                gone.iter().for_each(|at| self.leave(at));
            }
            Command::Look(lookup) => self.look(lookup),
        }
    }

    fn configure(&mut self, row: &Resolvers, nameservers: Vec<Nameserver>) {
        let millis = |span: Option<regate_proto::model::Millis>, default: u64| {
            span.map_or(default, |span| u64::from(span.get()))
        };
        let hold = &row.hold;
        self.timing =
            Timing { resolve: millis(row.timeout_resolve, 1000), tries: row.resolve_retries.unwrap_or(3) };
        self.hold = Hold {
            nx: millis(hold.nx, 30_000),
            refused: millis(hold.refused, 30_000),
            timeout: millis(hold.timeout, 30_000),
            other: millis(hold.other, 30_000),
            obsolete: millis(hold.obsolete, 0),
        };
        self.payload = row.accepted_payload_size.unwrap_or(512);
        self.patience = Duration::from_millis(millis(row.timeout_retry, 1000).max(1));
        self.nameservers = nameservers;
    }

    /// Takes over the servers of a backend, whatever changed about them.
    fn follow(&mut self, plan: &Arc<BackendPlan>) {
        let mine = |server: &Arc<ServerPlan>| {
            server.naming.as_ref().is_some_and(|naming| naming.resolvers.as_ref() == Some(&self.name))
        };
        let servers: Vec<Arc<ServerPlan>> =
            plan.servers.iter().filter(|server| mine(server)).cloned().collect();
        let there: HashSet<&Name> = servers.iter().map(|server| &server.name).collect();
        let mut gone = self.members_of(&plan.name);
        gone.retain(|at| !there.contains(&at.server));
        gone.iter().for_each(|at| self.leave(at));
        for server in &servers {
            let at = ServerRef { backend: plan.name.clone(), server: server.name.clone() };
            let Some(naming) = &server.naming else { continue };
            let renamed = self
                .members
                .get(&at)
                .is_none_or(|member| member.plan.naming.as_ref().is_none_or(|old| !old.asks_as(naming)));
            if renamed {
                self.leave(&at);
                self.join(at, plan, server, naming);
            } else if let Some(member) = self.members.get_mut(&at) {
                (member.backend, member.plan) = (plan.clone(), server.clone());
            }
        }
        self.begin_due();
    }

    /// The servers of a backend that the section resolves.
    fn members_of(&self, backend: &Name) -> Vec<ServerRef> {
        let Ok(lowest) = Name::new("-") else { return Vec::new() };
        let first = ServerRef { backend: backend.clone(), server: lowest };
        let mine = self.members.range(first..).map(|(at, _)| at);
        mine.take_while(|at| at.backend == *backend).cloned().collect()
    }

    fn join(&mut self, at: ServerRef, backend: &Arc<BackendPlan>, plan: &Arc<ServerPlan>, naming: &Naming) {
        let member = |host, service| Member { backend: backend.clone(), plan: plan.clone(), host, service };
        let name = naming.name.trim_end_matches('.').to_ascii_lowercase();
        if is_service_name(&name) {
            let key = Key { name: name.clone(), wanted: WantedKey::Services };
            let before = plan.live.location.found().and_then(|found| found.record.clone());
            let slots = self.slots.entry((at.backend.clone(), name)).or_default();
            slots.join(at.server.clone(), before);
            self.members.insert(at.clone(), member(None, Some(key.clone())));
            if self.need(&key, at) {
                self.share_services(&key, &Cause::Cache);
            }
        } else {
            let key = Key { name, wanted: WantedKey::of(naming) };
            self.members.insert(at.clone(), member(Some(key.clone()), None));
            if self.need(&key, at) {
                self.share_addresses(&key, &Cause::Cache);
            }
        }
    }

    fn leave(&mut self, at: &ServerRef) {
        let Some(member) = self.members.remove(at) else { return };
        for key in member.host.iter().chain(&member.service) {
            self.release(key, at);
        }
        if let Some(service) = &member.service {
            let group = (at.backend.clone(), service.name.clone());
            if let Some(slots) = self.slots.get_mut(&group) {
                slots.leave(&at.server);
                if slots.is_empty() {
                    self.slots.remove(&group);
                }
            }
        }
    }

    /// Sees to it that a name is asked for; tells whether it was already.
    fn need(&mut self, key: &Key, user: ServerRef) -> bool {
        if let Some(asked) = self.names.get_mut(key) {
            asked.users.insert(user);
            return true;
        }
        let now = self.now();
        let records = match key.wanted {
            WantedKey::Services => Kept::Services(Records::new(now)),
            _ => Kept::Addresses(Records::new(now)),
        };
        let question = Question::new(key.wanted.wanted());
        self.agenda.insert((0, key.clone()));
        let users = BTreeSet::from([user]);
        self.names.insert(key.clone(), Asked { question, records, users, waiting: Vec::new() });
        false
    }

    /// A server needs a name no more.
    fn release(&mut self, key: &Key, user: &ServerRef) {
        let Some(asked) = self.names.get_mut(key) else { return };
        asked.users.remove(user);
        if asked.users.is_empty() && asked.waiting.is_empty() {
            // Its place in the agenda is passed over when it is due.
            self.names.remove(key);
        }
    }

    /// Sends the queries whose time has come.
    fn begin_due(&mut self) {
        let now = self.now();
        while let Some((due, key)) = self.agenda.first().cloned() {
            if due > now {
                return;
            }
            self.agenda.pop_first();
            let Some(asked) = self.names.get_mut(&key) else { continue };
            let query = asked.question.begin(now, self.nameservers.len(), &self.timing);
            match query {
                Some(query) => self.send(&key, query),
                None => {
                    // Without name servers nobody answers.
                    if self.nameservers.is_empty() {
                        self.answer(&key, false);
                    }
                    self.plan_next(&key);
                }
            }
        }
    }

    fn plan_next(&mut self, key: &Key) {
        if let Some(due) = self.names.get(key).and_then(|asked| asked.question.due()) {
            self.agenda.insert((due, key.clone()));
        }
    }

    /// Asks every name server at the same time.
    fn send(&mut self, key: &Key, query: Query) {
        for nameserver in self.nameservers.clone() {
            let ask = Ask {
                id: self.draw(),
                name: key.name.clone(),
                wanted: query.wanted,
                payload: self.payload,
                patience: self.patience,
            };
            let (key, permits, replies) = (key.clone(), self.permits.clone(), self.replies.clone());
            tokio::spawn(async move {
                // The semaphore is never closed.
                let _permit = permits.acquire().await;
                let result = nameserver.ask(&ask).await;
                // A section that is gone needs no reply.
                let _ = replies.send(Reply { key, attempt: query.attempt, nameserver, result });
            });
        }
    }

    /// An id that nobody can guess: a keyed hash of a counter.
    fn draw(&mut self) -> u16 {
        self.asked = self.asked.wrapping_add(1);
        let mut hasher = self.random.build_hasher();
        hasher.write_u64(self.asked);
        let [low, high, ..] = hasher.finish().to_le_bytes();
        u16::from_le_bytes([low, high])
    }

    fn hear(&mut self, reply: Reply) {
        let now = self.now();
        let Some(asked) = self.names.get_mut(&reply.key) else { return };
        let consequence = match &reply.result {
            Ok(_) => asked.question.answered(reply.attempt, now, &self.timing),
            Err(failure) => {
                asked.question.failed(reply.attempt, *failure, now, self.nameservers.len(), &self.timing)
            }
        };
        match (consequence, reply.result) {
            (Consequence::Settled, Ok(answer)) => {
                add_one(&reply.nameserver.live.valid);
                self.take(&reply.key, answer, now, &reply.nameserver);
                self.answer(&reply.key, true);
                self.plan_next(&reply.key);
            }
            (Consequence::Outdated, Ok(_)) => add_one(&reply.nameserver.live.outdated),
            (Consequence::Again(query), _) => self.send(&reply.key, query),
            (Consequence::Failed(failure), _) => {
                self.miss(&reply.key, failure, now);
                self.answer(&reply.key, false);
                self.plan_next(&reply.key);
            }
            (Consequence::Wait | Consequence::Settled | Consequence::Outdated, _) => {}
        }
    }

    fn take(&mut self, key: &Key, answer: Answer, now: u64, nameserver: &Nameserver) {
        let Some(asked) = self.names.get_mut(key) else { return };
        let cause = Cause::Answer { resolvers: self.name.clone(), nameserver: nameserver.name.clone() };
        let changed = match (answer, &mut asked.records) {
            (Answer::Addresses(found), Kept::Addresses(records)) => {
                records.renew(found, now, &self.hold, |left, right| left == right);
                self.share_addresses(key, &cause)
            }
            (Answer::Services(found), Kept::Services(records)) => {
                let same = |left: &Service, right: &Service| {
                    (&left.target, left.port) == (&right.target, right.port)
                };
                records.renew(found, now, &self.hold, same);
                self.share_services(key, &cause)
            }
            _ => false,
        };
        if changed {
            add_one(&nameserver.live.updates);
        }
    }

    fn miss(&mut self, key: &Key, failure: Failure, now: u64) {
        self.places.note_failure();
        let Some(asked) = self.names.get_mut(key) else { return };
        let dropped = match &mut asked.records {
            Kept::Addresses(records) => records.fail(failure, now, &self.hold),
            Kept::Services(records) => records.fail(failure, now, &self.hold),
        };
        match (dropped, key.wanted) {
            (false, _) => {}
            (true, WantedKey::Services) => drop(self.share_services(key, &Cause::Failure(failure))),
            (true, _) => drop(self.share_addresses(key, &Cause::Failure(failure))),
        }
    }

    /// Gives the addresses of a host to the servers that use it; tells whether one has another than before.
    fn share_addresses(&mut self, key: &Key, cause: &Cause) -> bool {
        let Some(Kept::Addresses(records)) = self.names.get(key).map(|asked| &asked.records) else {
            return false;
        };
        let candidates: Vec<IpAddr> = records.iter().copied().collect();
        let mut users: Vec<&ServerRef> =
            self.names.get(key).map(|asked| asked.users.iter().collect()).unwrap_or_default();
        users.sort_by_cached_key(|at| {
            (at.backend.clone(), self.members.get(*at).map(|member| member.plan.order), at.server.clone())
        });
        // Nothing was ever answered: what a server began with stays until its hold is over.
        if candidates.is_empty() && !matches!(cause, Cause::Failure(_)) {
            return false;
        }
        // A peer has the same name; those of service records may share a host, at ports of their own.
        let mut taken: HashSet<(&Name, Option<u16>, IpAddr)> = HashSet::new();
        for at in &users {
            let Some(member) = self.members.get(*at) else { continue };
            if let Some((ip, port)) = member.plan.live.location.place() {
                taken.insert((&at.backend, port, ip));
            }
        }
        let mut changed = false;
        for at in &users {
            let Some(member) = self.members.get(*at) else { continue };
            let Some(naming) = &member.plan.naming else { continue };
            let before = member.plan.live.location.found();
            let current = before.as_ref().and_then(|found| found.ip);
            let port = before.as_ref().and_then(|found| Some(found.record.as_ref()?.port));
            let wish = Wish {
                family: naming.prefer,
                networks: &naming.networks,
                may_share: naming.may_share,
                current,
            };
            if let Some(current) = current {
                taken.remove(&(&at.backend, port, current));
            }
            let is_taken = |ip: IpAddr| taken.contains(&(&at.backend, port, ip));
            let ip = assign::choose(candidates.iter().copied(), &wish, is_taken);
            if let Some(ip) = ip {
                taken.insert((&at.backend, port, ip));
            }
            let found =
                Found { ip, ..before.map_or_else(|| Found::nothing(&naming.name), |it| (*it).clone()) };
            changed |= self.places.put(&member.backend, &member.plan, found, cause);
        }
        changed
    }

    /// Gives the records of a service to the servers that stand for them; tells whether one has another address.
    fn share_services(&mut self, key: &Key, cause: &Cause) -> bool {
        let Some(Kept::Services(records)) = self.names.get(key).map(|asked| &asked.records) else {
            return false;
        };
        let services: Vec<Service> = records.iter().cloned().collect();
        if services.is_empty() && !matches!(cause, Cause::Failure(_)) {
            return false;
        }
        let wanted: Vec<ServiceRecord> = services
            .iter()
            .map(|service| ServiceRecord { target: service.target.clone(), port: service.port })
            .collect();
        let backends: Vec<Name> = self
            .slots
            .keys()
            .filter(|(_, service)| *service == key.name)
            .map(|(backend, _)| backend.clone())
            .collect();
        let mut changed = false;
        for backend in backends {
            let Some(slots) = self.slots.get_mut(&(backend.clone(), key.name.clone())) else { continue };
            let lost = slots.settle(wanted.iter());
            let given: Vec<(ServiceRecord, Name)> =
                slots.given().map(|(record, server)| (record.clone(), server.clone())).collect();
            for server in lost {
                changed |= self.take_record(&ServerRef { backend: backend.clone(), server });
            }
            for (record, server) in given {
                let at = ServerRef { backend: backend.clone(), server };
                let known =
                    services.iter().find(|other| other.target == record.target && other.port == record.port);
                if let Some(service) = known {
                    changed |= self.give_record(&at, record, service);
                }
            }
        }
        self.begin_due();
        changed
    }

    fn take_record(&mut self, at: &ServerRef) -> bool {
        self.bind_host(at, None);
        let Some(member) = self.members.get(at) else { return false };
        let Some(naming) = &member.plan.naming else { return false };
        let weight = member.plan.live.location.found().and_then(|found| found.weight);
        let found = Found { weight, was_given: true, ..Found::nothing(&naming.name) };
        self.places.put(&member.backend, &member.plan, found, &Cause::RecordGone)
    }

    fn give_record(&mut self, at: &ServerRef, record: ServiceRecord, service: &Service) -> bool {
        let Some(member) = self.members.get(at) else { return false };
        let (backend, plan) = (member.backend.clone(), member.plan.clone());
        let Some(naming) = &plan.naming else { return false };
        let before = plan.live.location.found();
        let same = before.as_ref().is_some_and(|found| found.record.as_ref() == Some(&record));
        let current = before.filter(|_| same).and_then(|found| found.ip);
        let weight = Weight::new(assign::weight(service.weight)).ok().filter(|_| naming.heeds_weights);
        let mut found = Found {
            ip: current,
            record: Some(record),
            weight,
            was_given: true,
            ..Found::nothing(&naming.name)
        };
        if !service.addresses.is_empty() {
            let wish = Wish { family: naming.prefer, networks: &naming.networks, may_share: true, current };
            found.ip = assign::choose(service.addresses.iter().copied(), &wish, |_| false);
            self.bind_host(at, None);
            return self.places.put(&backend, &plan, found, &Cause::Along);
        }
        // The address is to be asked for by itself.
        let key = Key { name: service.target.clone(), wanted: WantedKey::of(naming) };
        let changed = self.places.put(&backend, &plan, found, &Cause::Along);
        if self.bind_host(at, Some(&key)) {
            return self.share_addresses(&key, &Cause::Cache) || changed;
        }
        changed
    }

    /// Makes this the host whose address a server has; tells whether that is new for the server, and known already.
    fn bind_host(&mut self, at: &ServerRef, host: Option<&Key>) -> bool {
        let Some(member) = self.members.get_mut(at) else { return false };
        if member.host.as_ref() == host {
            return false;
        }
        let before = std::mem::replace(&mut member.host, host.cloned());
        let known = host.is_some_and(|key| self.need(key, at.clone()));
        if let Some(before) = before {
            self.release(&before, at);
        }
        known
    }
}

impl WantedKey {
    fn of(naming: &Naming) -> WantedKey {
        match naming.prefer {
            AddressFamily::V4 => WantedKey::V4,
            AddressFamily::V6 => WantedKey::V6,
        }
    }

    fn wanted(self) -> Wanted {
        match self {
            WantedKey::V4 => Wanted::Addresses(AddressFamily::V4),
            WantedKey::V6 => Wanted::Addresses(AddressFamily::V6),
            WantedKey::Services => Wanted::Services,
        }
    }
}

/// Queries of one section that are under way at most.
const MOST_QUERIES: usize = 128;

/// Milliseconds after which the agenda is looked at in any case.
const LONGEST_REST: u64 = 60_000;
