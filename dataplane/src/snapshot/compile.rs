//! From a state to a snapshot.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use regate_proto::change::Revision;
use regate_proto::model::{Admin, Kind, Name, Row, Severity, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::{State, Touched};

use super::lists;
use super::naming::Lookups;
use super::{BackendPlan, ErrorPages, Snapshot, backend, frontend, tables};
use crate::live::{Live, Notice};

/// The snapshot of a state. What `touched` does not name is shared with the snapshot before.
///
/// Refuses, with every reason found, rather than give something that cannot work.
pub fn compile(
    state: &State,
    previous: &Snapshot,
    touched: &Touched,
    live: &Live,
) -> Result<Snapshot, Vec<Problem>> {
    let mut snapshot = previous.clone();
    snapshot.revision = state.revision();
    let global_touched = touched.contains(&Subject::Global);
    if global_touched {
        snapshot.global = Arc::new(state.global());
        snapshot.initial_maxconn = match state.initial(&Subject::Global) {
            Some(Row::Global(global)) => global.maxconn,
            _ => snapshot.global.maxconn,
        };
    }
    if touched.iter().any(|subject| matches!(subject, Subject::Resolvers(_))) {
        snapshot.resolvers = state.all_resolvers().into_iter().map(|row| Arc::new(row.clone())).collect();
    }
    if touched.iter().any(|subject| matches!(subject, Subject::Userlist(_))) {
        snapshot.userlists = state.userlists().map(|row| Arc::new(row.clone())).collect();
    }
    if touched.iter().any(|subject| matches!(subject, Subject::HttpErrors(_))) {
        let pages = state.http_errors().map(|row| {
            let pages = ErrorPages::compile(&row.pages, &[]).map_err(|reason| {
                vec![Problem::about(Code::Unsuitable, &Subject::HttpErrors(row.name.clone()), reason)]
            })?;
            Ok((row.name.clone(), pages))
        });
        snapshot.http_errors = Arc::new(pages.collect::<Result<_, Vec<Problem>>>()?);
    }
    snapshot.tables = tables::compile(state, previous, touched, live);
    let rings_touched = touched.iter().any(|subject| matches!(subject, Subject::Ring(_)));
    if rings_touched {
        snapshot.rings = state.rings().into_iter().map(|row| Arc::new(row.clone())).collect();
    }
    // How lines are dressed for a ring is the ring's, and a part of the plans of those who log to it.
    let logs_touched = global_touched || rings_touched;
    let is_first = previous.revision == Revision::default();
    let lookups = Lookups::gather(state, touched, live, is_first);
    let mut problems = lookups.place_hosts(state, touched, live);
    // What the process says of checks, and where it logs, is part of every backend's plan.
    let everywhere: Vec<&Name> = if logs_touched {
        state.rows(Kind::Backend).filter_map(|row| backend_name(row)).collect()
    } else {
        Vec::new()
    };
    let named: BTreeSet<&Name> = backends(touched).chain(everywhere).collect();
    for name in named {
        match state
            .backend(name)
            .filter(|row| !row.disabled && !state.disabled_by_defaults(row.from.as_ref()))
        {
            None => {
                snapshot.backends.remove(name);
            }
            Some(row) => {
                let old = previous.backends.get(name);
                match backend::compile(state, row, old, (live, &lookups), touched) {
                    Ok(plan) => {
                        snapshot.backends.insert(name.clone(), Arc::new(plan));
                    }
                    Err(found) => problems.extend(found),
                }
            }
        }
    }
    let frontends: Vec<&Name> = if logs_touched {
        // Log targets of the process are part of every frontend's plan.
        state.rows(Kind::Frontend).filter_map(|row| frontend_name(row)).chain(gone(state, previous)).collect()
    } else {
        frontends(touched).collect()
    };
    for name in frontends {
        match state.frontend(name) {
            None => {
                snapshot.frontends.remove(name);
            }
            Some(row) => match frontend::compile(state, row, live) {
                Ok(plan) => {
                    snapshot.frontends.insert(name.clone(), Arc::new(plan));
                }
                Err(found) => problems.extend(found),
            },
        }
    }
    match lists::compile(state, &previous.lists, touched) {
        Ok(lists) => snapshot.lists = lists,
        Err(found) => problems.extend(found),
    }
    if problems.is_empty() { Ok(snapshot) } else { Err(problems) }
}

/// The backends that touched subjects belong to.
fn backends(touched: &Touched) -> impl Iterator<Item = &Name> {
    let mut last: Option<&Name> = None;
    let mut names: Vec<&Name> = touched
        .iter()
        .filter_map(|subject| match subject {
            Subject::Backend(name) => Some(name),
            Subject::Server(at) => Some(&at.backend),
            _ => None,
        })
        .collect();
    names.sort();
    names.into_iter().filter(move |name| last.replace(name) != Some(*name))
}

/// The frontends that touched subjects belong to.
fn frontends(touched: &Touched) -> impl Iterator<Item = &Name> {
    touched.iter().filter_map(|subject| match subject {
        Subject::Frontend(name) => Some(name),
        Subject::Bind(at) => Some(&at.frontend),
        _ => None,
    })
}

fn backend_name(row: &Arc<Row>) -> Option<&Name> {
    match row.as_ref() {
        Row::Backend(row) => Some(&row.name),
        _ => None,
    }
}

fn frontend_name(row: &Arc<Row>) -> Option<&Name> {
    match row.as_ref() {
        Row::Frontend(row) => Some(&row.name),
        _ => None,
    }
}

fn gone<'a>(state: &State, previous: &'a Snapshot) -> Vec<&'a Name> {
    previous.frontends.keys().filter(|name| state.frontend(name).is_none()).collect()
}

/// Takes into the pickers what the new snapshot adds to them, so that its first reader finds it.
///
/// To be called just before the snapshot is published, [`note_transition`] just after; compiling alone changes
/// nothing. In between nobody is without a server: who came is there already, who went still is.
pub fn foresee_transition(old: &Snapshot, new: &Snapshot, live: &Live) {
    let now = live.process.now();
    for (plan, before) in changed_backends(old, new) {
        let Some(before) = before.filter(|before| Arc::ptr_eq(&before.picker, &plan.picker)) else {
            continue;
        };
        for (server, _) in plan.changed_since(before) {
            if server.effective_weight(now) > 0 {
                plan.picker.enroll(server, now);
            }
        }
    }
}

/// Notes what a new snapshot means for what is observed: when servers and backends went up or down, which
/// connections lead to an address that is no longer the server's, what pickers choose among, and who in a queue
/// may look again.
///
/// To be called when the snapshot is published; compiling alone changes nothing.
pub fn note_transition(old: &Snapshot, new: &Snapshot, live: &Live) {
    let now = live.process.now();
    note_fullconns(new, live);
    announce_frontends(old, new, live);
    tables::note_tables(old, new, live);
    for (plan, before) in changed_backends(old, new) {
        if let Some(before) = before {
            let eligible = |plan: &BackendPlan| plan.servers.iter().any(|server| server.is_eligible());
            if eligible(before) != eligible(plan) {
                plan.live.changed.store(now, Ordering::Relaxed);
            }
            for (server, known) in plan.changed_since(before) {
                let Some(old) = known else { continue };
                if old.admin != server.admin {
                    server.live.changed.store(now, Ordering::Relaxed);
                }
                if old.admin == Admin::Maint && server.admin != Admin::Maint {
                    server.live.risen.store(now, Ordering::Relaxed);
                }
                if old.target != server.target || old.send_proxy != server.send_proxy {
                    server.live.generation.fetch_add(1, Ordering::Relaxed);
                }
            }
        }
        let same_picker = before.filter(|before| Arc::ptr_eq(&before.picker, &plan.picker));
        if let Some(before) = same_picker {
            for (server, _) in plan.changed_since(before) {
                plan.picker.enroll(server, now);
            }
        }
        if !before.is_some_and(|before| plan.has_places_of(before)) {
            before.into_iter().flat_map(|before| plan.gone_since(before)).for_each(|gone| {
                plan.picker.dismiss(gone.seat);
                plan.live.seats.free(&gone.live);
            });
            // Plans that were refused may have left some.
            if plan.live.seats.taken() > plan.servers.len() {
                for seat in plan.live.seats.retain(plan.servers.iter().map(|server| &server.live)) {
                    plan.picker.dismiss(seat);
                }
            }
        }
        plan.picker.take_over(now);
        feed_queues(plan, before);
    }
}

/// Tells the live side how much the servers take now, and lets those who wait go on where they may.
fn feed_queues(plan: &BackendPlan, before: Option<&Arc<BackendPlan>>) {
    let Some(before) = before else {
        return plan.servers.iter().for_each(|server| plan.settle_queue(server));
    };
    for (server, _) in plan.changed_since(before) {
        plan.settle_queue(server);
    }
    if !plan.has_places_of(before) {
        for gone in plan.gone_since(before) {
            gone.live.room.set((gone.minconn, gone.maxconn), false, false);
            gone.live.queue.grant_all();
        }
    }
    if plan.picker.is_empty() {
        plan.live.queue.grant_all();
    }
}

/// Notes the load at which the servers of each backend take the most: what it declares, or else a tenth of the
/// connections that the files give to the frontends that lead to it (configuration manual 4.2 "fullconn").
fn note_fullconns(snapshot: &Snapshot, live: &Live) {
    let process = snapshot.initial_maxconn.unwrap_or(live.process.default_maxconn.load(Ordering::Relaxed));
    let mut sums: HashMap<&Name, u64> = HashMap::new();
    for frontend in snapshot.frontends.values() {
        let limit = if frontend.initial_maxconn == 0 { process } else { frontend.initial_maxconn };
        for backend in &frontend.leads_to {
            *sums.entry(backend).or_default() += u64::from(limit);
        }
    }
    for (name, plan) in &snapshot.backends {
        let tenth = |sum: &u64| u32::try_from(sum.div_ceil(10)).unwrap_or(u32::MAX).max(1);
        let full = plan.fullconn.unwrap_or_else(|| sums.get(name).map_or(1, tenth));
        plan.live.fullconn.store(full, Ordering::Relaxed);
    }
}

/// Writes down which frontends were stopped or started.
fn announce_frontends(old: &Snapshot, new: &Snapshot, live: &Live) {
    for (name, plan) in &new.frontends {
        let Some(before) = old.frontends.get(name).filter(|before| !Arc::ptr_eq(before, plan)) else {
            continue;
        };
        let text = match (before, plan) {
            (before, plan) if plan.shut_down && !before.shut_down => format!(
                "Proxy {name} stopped (cumulated conns: FE: {}, BE: {}).",
                plan.live.connections.sum(),
                plan.listen.then(|| new.backends.get(name)).flatten().map_or(0, |backend| backend
                    .live
                    .exchanges
                    .sessions_total
                    .sum()),
            ),
            (before, plan) if plan.disabled && !before.disabled => format!("Paused proxy {name}."),
            (before, plan) if before.disabled && !plan.disabled => format!("Resumed proxy {name}."),
            _ => continue,
        };
        live.ledger.write(Notice::Frontend { frontend: name.clone(), severity: Severity::Warning, text });
    }
}

/// The backends whose plans are new, each with the plan before.
fn changed_backends<'a>(
    old: &'a Snapshot,
    new: &'a Snapshot,
) -> impl Iterator<Item = (&'a Arc<BackendPlan>, Option<&'a Arc<BackendPlan>>)> {
    let pairs = new.backends.iter().map(|(name, plan)| (plan, old.backends.get(name)));
    pairs.filter(|(plan, before)| !before.is_some_and(|before| Arc::ptr_eq(before, plan)))
}
