//! What rules do with the entries of stick tables, and clients that stay with the servers that entries name
//! (configuration manual 4.2 "http-request track-sc0", "sc-inc-gpc" and "stick on").

use std::sync::Arc;

use regate_proto::model::{DataType, ServerKey};
use regate_proto::rules::StickKind;
use smallvec::SmallVec;

use super::rules::Draft;
use crate::fetch::{View, evaluate, holds, increment, key_of};
use crate::live::Table;
use crate::live::table::{Entry, Key};
use crate::snapshot::{
    AmountPlan, BackendPlan, SamplePlan, ServerPlan, StickPlan, TablePlan, TallyPlan, Target, TrackPlan,
};

/// The entries under which the server of a request is to be noted.
#[derive(Debug, Default)]
pub(super) struct Stores(SmallVec<[(Arc<Table>, Key, ServerKey); 1]>);

impl TrackPlan {
    /// Holds an entry from now on.
    pub(super) fn carry_out(&self, view: &View<'_>) {
        let Some(found) = view.snapshot.tables.at(&self.place, &self.table) else { return };
        if let Some(key) = key(&self.key, &found.table, view) {
            let trackers = &view.variables.trackers;
            trackers.track(self.tracker, self.life, &found.table, &key, self.request, view.now);
        }
    }
}

impl TallyPlan {
    /// Changes a value of an entry that is held.
    pub(super) fn carry_out(&self, view: &View<'_>) {
        let amount = match &self.amount {
            AmountPlan::Fixed(number) => Some(*number),
            AmountPlan::Sample(sample) => {
                let found = evaluate(sample, view).and_then(|value| value.as_int());
                found.and_then(|number| u32::try_from(number).ok())
            }
        };
        let Some(amount) = amount else { return };
        view.variables.trackers.with(self.tracker, |held| {
            held.with(view.now, |entry| {
                if self.adds {
                    increment(entry, self.data, self.element, u64::from(amount));
                } else if entry.set(self.data, self.element, i64::from(amount)).is_some() {
                    entry.touch();
                }
            });
        });
    }
}

impl Draft<'_> {
    /// What rules and tables say of the server, and which entries it is to be noted in.
    pub(super) fn persistence<'a>(&self, backend: &'a BackendPlan, stores: &mut Stores) -> Persistence<'a> {
        let hashed = backend.hashed.as_ref().and_then(|sample| self.bytes(sample));
        let rules = &backend.rules;
        let nothing = rules.servers.is_empty()
            && rules.force_persist.is_empty()
            && rules.ignore_persist.is_empty()
            && rules.sticks.is_empty();
        if nothing {
            return Persistence { hashed, ..Persistence::default() };
        }
        let forces = rules.force_persist.iter().any(|condition| self.holds(condition));
        let server = self.route(&rules.servers).and_then(|name| backend.server(name.as_ref()));
        let server = server.filter(|server| server.is_up() || forces || backend.forces_persistence);
        let known = self.stick(backend, server.is_some(), forces, stores);
        let ignores = rules.ignore_persist.iter().any(|condition| self.holds(condition));
        Persistence { ignores, forces, server: server.or(known), hashed }
    }

    /// Looks for the server that an entry names, unless there is one already, and notes which entries the server is
    /// to be noted in.
    fn stick<'a>(
        &self,
        backend: &'a BackendPlan,
        mut assigned: bool,
        forces: bool,
        stores: &mut Stores,
    ) -> Option<&'a Arc<ServerPlan>> {
        let session = self.scene.session;
        let now = session.worker.now();
        let mut found = None;
        for rule in backend.rules.sticks.iter().filter(|rule| rule.kind != StickKind::StoreResponse) {
            let Some((plan, key)) = self.sticks(rule, stores) else { continue };
            if rule.kind.matches() {
                let server = plan.table.look(&key, now, |entry| {
                    entry.touch();
                    server_of(entry, backend)
                });
                let usable =
                    |server: &&Arc<ServerPlan>| server.is_up() || forces || backend.forces_persistence;
                if let Some(server) = server.flatten().filter(usable).filter(|_| !assigned) {
                    (found, assigned) = (Some(server), true);
                }
            }
            if rule.kind.stores_of_request() {
                stores.push(plan, key);
            }
        }
        found
    }

    /// Notes which entries the server is to be noted in, by keys of the response.
    pub(super) fn stick_by_response(&self, backend: &BackendPlan, stores: &mut Stores) {
        for rule in backend.rules.sticks.iter().filter(|rule| rule.kind == StickKind::StoreResponse) {
            if let Some((plan, key)) = self.sticks(rule, stores) {
                stores.push(plan, key);
            }
        }
    }

    /// The table and the key of a rule, if it holds; a table that is to be noted in counts once.
    fn sticks<'s>(&'s self, rule: &StickPlan, stores: &Stores) -> Option<(&'s TablePlan, Key)> {
        let plan = self.scene.snapshot.tables.at(&rule.place, &rule.table)?;
        if rule.kind != StickKind::Match && stores.contains(&plan.table) {
            return None;
        }
        self.with_view(|view| {
            let holds = rule.condition.as_ref().is_none_or(|condition| holds(condition, view));
            if holds { key(&rule.key, &plan.table, view) } else { None }
        })
        .map(|key| (plan, key))
    }
}

/// What rules and tables say of the server.
#[derive(Default)]
pub(super) struct Persistence<'a> {
    /// Whether the client's cookie does not count.
    pub(super) ignores: bool,
    /// Whether a server that is down is tried all the same.
    pub(super) forces: bool,
    /// The server that a rule or an entry names.
    pub(super) server: Option<&'a Arc<ServerPlan>>,
    /// The bytes that servers are chosen by, where a sample says them.
    pub(super) hashed: Option<Vec<u8>>,
}

impl Stores {
    /// Notes the server in all of them.
    pub(super) fn note(&mut self, server: &ServerPlan, now: u64) {
        if server.non_stick {
            self.0.clear();
        }
        for (table, key, by) in self.0.drain(..) {
            let text = match by {
                ServerKey::Name => server.name.to_string(),
                ServerKey::Addr => address(server).unwrap_or_default(),
            };
            // A table that has no room does without.
            let _ = table.touch(&key, now, |entry| {
                entry.set(DataType::ServerId, 0, i64::from(server.id));
                entry.set_text(DataType::ServerKey, &text);
            });
        }
    }

    fn push(&mut self, plan: &TablePlan, key: Key) {
        if self.0.len() < MOST_STORES {
            self.0.push((plan.table.clone(), key, plan.shape.server_key));
        }
    }

    fn contains(&self, table: &Arc<Table>) -> bool {
        self.0.iter().any(|(known, ..)| Arc::ptr_eq(known, table))
    }
}

fn key(plan: &SamplePlan, table: &Table, view: &View<'_>) -> Option<Key> {
    key_of(table, evaluate(plan, view)?)
}

/// The server that an entry names: by its name or address, or else by its number.
fn server_of<'a>(entry: &Entry, backend: &'a BackendPlan) -> Option<&'a Arc<ServerPlan>> {
    let text = entry.text(DataType::ServerKey);
    let named = text.and_then(|text| {
        backend.servers.iter().find(|server| {
            server.name.as_str() == &*text || address(server).is_some_and(|address| address == *text)
        })
    });
    named.or_else(|| {
        let id = u32::try_from(entry.read(DataType::ServerId, 0)?).ok().filter(|id| *id != 0)?;
        backend.servers.iter().find(|server| server.id == id)
    })
}

fn address(server: &ServerPlan) -> Option<String> {
    match server.place()?.as_ref() {
        Target::Inet(address) => Some(address.to_string()),
        _ => None,
    }
}

/// Entries in which the server of one request is noted (configuration manual 4.2 "stick store-request").
const MOST_STORES: usize = 8;
