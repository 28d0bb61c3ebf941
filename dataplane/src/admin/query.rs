//! Questions, and their answers: taken from one revision, given in bounded parts.
//!
//! What an answer needs is gathered at once, under a short lock and as shared values; it is written out part by part
//! as the reader takes it.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use regate_proto::change::Revision;
use regate_proto::model::{
    Kind, Name, Row, ServerAddress, ServerHost, ServerPort, ServerRef, Subject, is_service_name,
};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;
use regate_proto::wire::{chunk, v1};
use v1::query::Question;

use super::permission::{Asked, Caller};
use super::view::{self, ServerFacts};
use super::{Context, lists, report, statistics, streams, tables, variables};
use crate::live::SectionLive;
use crate::live::{Operational, Probe};
use crate::snapshot::Target;
use crate::store::Current;

/// The parts of an answer, made as they are taken.
pub(super) type Answers = Box<dyn Iterator<Item = v1::Answer> + Send>;

/// Answers a question, or says why it is refused.
pub(super) fn answer(context: &Context, caller: &Caller, query: v1::Query) -> Result<Answers, Problem> {
    let Some(question) = query.question else {
        return Err(Problem::general(Code::Malformed, "question: nothing is set: a question is expected"));
    };
    match question {
        Question::Info(v1::InfoQuery {}) => {
            caller.may(Asked::Info)?;
            let (revision, info) =
                context.store.read(|current| (current.state.revision(), context.describe(current)));
            let answer = v1::Answer { revision: revision.0, info: Some(info), ..v1::Answer::default() };
            Ok(Box::new(std::iter::once(answer)))
        }
        Question::Summary(v1::SummaryQuery {}) => {
            caller.may(Asked::Summary)?;
            let summary = summary(context);
            let answer =
                v1::Answer { revision: summary.revision, summary: Some(summary), ..v1::Answer::default() };
            Ok(Box::new(std::iter::once(answer)))
        }
        Question::Rows(query) => rows(context, caller, query),
        Question::Statistics(query) => {
            let packed = query.packed;
            let (revision, rows) = statistics(context, caller, query)?;
            if packed {
                return Ok(Box::new(rows.packed().map(move |block| v1::Answer {
                    revision: revision.0,
                    packed_statistics: Some(block),
                    ..v1::Answer::default()
                })));
            }
            let parts = chunk::parts(rows);
            Ok(Box::new(parts.map(move |statistics| v1::Answer {
                revision: revision.0,
                statistics,
                ..v1::Answer::default()
            })))
        }
        Question::ServersState(query) => {
            let (revision, rows) = server_states(context, caller, query)?;
            let parts = chunk::parts(rows);
            Ok(Box::new(parts.map(move |server_states| v1::Answer {
                revision: revision.0,
                server_states,
                ..v1::Answer::default()
            })))
        }
        Question::Overlays(query) => {
            let (revision, overlays) = overlays(context, caller, query)?;
            let parts = chunk::parts(overlays);
            Ok(Box::new(parts.map(move |overlays| v1::Answer {
                revision: revision.0,
                overlays,
                ..v1::Answer::default()
            })))
        }
        Question::Nameservers(query) => {
            let (revision, counters) = nameservers(context, caller, query)?;
            let parts = chunk::parts(counters.into_iter());
            Ok(Box::new(parts.map(move |nameservers| v1::Answer {
                revision: revision.0,
                nameservers,
                ..v1::Answer::default()
            })))
        }
        Question::Tables(query) => {
            let (revision, tables) = tables::tables(context, caller, query)?;
            let parts = chunk::parts(tables.into_iter());
            Ok(Box::new(parts.map(move |tables| v1::Answer { revision, tables, ..v1::Answer::default() })))
        }
        Question::Entries(query) => tables::entries(context, caller, query),
        Question::Lists(query) => lists::lists(context, caller, query),
        Question::ListEntries(query) => lists::entries(context, caller, query),
        Question::Match(query) => lists::matches(context, caller, query),
        Question::Report(query) => report::report(context, caller, query),
        Question::Events(query) => report::events(context, caller, query),
        Question::Pools(v1::PoolsQuery {}) => {
            let (revision, pools) = report::pools(context, caller)?;
            let parts = chunk::parts(pools.into_iter());
            Ok(Box::new(parts.map(move |pools| v1::Answer { revision, pools, ..v1::Answer::default() })))
        }
        Question::ServersConnections(query) => {
            let (revision, rows) = report::connections(context, caller, query)?;
            let parts = chunk::parts(rows);
            Ok(Box::new(parts.map(move |server_connections| v1::Answer {
                revision: revision.0,
                server_connections,
                ..v1::Answer::default()
            })))
        }
        Question::Variable(query) => variables::value(context, caller, query),
        Question::Malformed(query) => streams::malformed(context, caller, query),
        // Workers are asked for these, which takes its time: see `streams::walk`.
        Question::Streams(_) => {
            Err(Problem::general(Code::Malformed, "question: streams are asked for in a pipeline"))
        }
        Question::Servers(query) => {
            let (revision, servers) = servers(context, caller, query)?;
            let parts = chunk::parts(servers);
            Ok(Box::new(parts.map(move |servers| v1::Answer {
                revision: revision.0,
                servers,
                ..v1::Answer::default()
            })))
        }
    }
}

/// How much is configured.
pub(super) fn summary(context: &Context) -> v1::Summary {
    let managed_by = context.store.managed().map(|controller| controller.name.clone());
    context.store.read(|current| {
        let state = &current.state;
        let mut counts = [0u64; Kind::ALL.len()];
        for row in state.effective() {
            let count = &mut counts[row.subject().kind() as usize];
            *count = count.saturating_add(1);
        }
        let [
            _,
            defaults_count,
            frontends_count,
            binds_count,
            backends_count,
            servers_count,
            resolvers_count,
            lists_count,
            _,
            userlists_count,
            rings_count,
            http_errors_count,
        ] = counts;
        v1::Summary {
            revision: state.revision().0,
            digest: Some(state.digest().into()),
            node: context.node_name(&state.global()),
            managed_by,
            defaults_count,
            frontends_count,
            binds_count,
            backends_count,
            servers_count,
            resolvers_count,
            lists_count,
            entries_count: state.entry_counts().map(|(_, count)| count as u64).sum(),
            userlists_count,
            rings_count,
            http_errors_count,
            overlays_count: state.overlays().count() as u64,
        }
    })
}

/// The counters that are wanted.
pub(super) fn statistics(
    context: &Context,
    caller: &Caller,
    query: v1::StatisticsQuery,
) -> Result<(Revision, statistics::Listing), Problem> {
    caller.may(Asked::Statistics)?;
    let kind = |number: &i32| match v1::StatisticsKind::try_from(*number) {
        Ok(v1::StatisticsKind::Unspecified) | Err(_) => Err(Problem::general(
            Code::Malformed,
            format!("kinds: {number} is no kind of row: 1 to 4 is expected"),
        )),
        Ok(kind) => Ok(kind),
    };
    let kinds = query.kinds.iter().map(kind).collect::<Result<_, _>>()?;
    let proxy = query.proxy.as_deref().map(|text| name("proxy", text)).transpose()?;
    context.store.read(|current| {
        let wanted = statistics::Wanted {
            proxy_id: query.proxy_id,
            proxy,
            kinds,
            service_id: query.service_id,
            addresses: caller.may(Asked::Addresses).is_ok(),
            maxconn: context.initial_maxconn(current),
        };
        let rows = statistics::rows(current, context.live.clone(), wanted)?;
        Ok((current.state.revision(), rows))
    })
}

/// The states of servers that are wanted, by place of backend and server.
pub(super) fn server_states(
    context: &Context,
    caller: &Caller,
    query: v1::ServersStateQuery,
) -> Result<(Revision, impl Iterator<Item = v1::ServerStateRow> + Send + use<>), Problem> {
    caller.may(Asked::ServerStates)?;
    let backend = query.backend.as_deref().map(|text| name("backend", text)).transpose()?;
    let (revision, facts) = context.store.read(|current| {
        let facts = gather(current, backend.as_ref(), None)?;
        Ok::<_, Problem>((current.state.revision(), facts))
    })?;
    let now = context.live.process.now();
    Ok((revision, facts.into_iter().map(move |facts| state_row(facts, now))))
}

/// The servers that are wanted, by place of backend and server.
pub(super) fn servers(
    context: &Context,
    caller: &Caller,
    query: v1::ServersQuery,
) -> Result<(Revision, impl Iterator<Item = v1::ServerView> + Send + use<>), Problem> {
    caller.may(Asked::Proxies)?;
    let backend = query.backend.as_deref().map(|text| name("backend", text)).transpose()?;
    let server = query.server.as_deref().map(|text| name("server", text)).transpose()?;
    if server.is_some() && backend.is_none() {
        return Err(Problem::general(Code::Malformed, "backend: it is expected when a server is named"));
    }
    let (revision, facts) = context.store.read(|current| {
        let facts = gather(current, backend.as_ref(), server.as_ref())?;
        Ok::<_, Problem>((current.state.revision(), facts))
    })?;
    Ok((revision, facts.into_iter().map(server_view)))
}

/// The counters of name servers that are wanted, by place of their resolvers.
fn nameservers(
    context: &Context,
    caller: &Caller,
    query: v1::NameserversQuery,
) -> Result<(Revision, Vec<v1::NameserverStatistics>), Problem> {
    caller.may(Asked::Statistics)?;
    let wanted = query.resolvers.as_deref().map(|text| name("resolvers", text)).transpose()?;
    let sections = context.live.sections();
    let fits = |section: &&SectionLive| wanted.as_ref().is_none_or(|name| name.as_str() == section.name);
    if let Some(wanted) = wanted.as_ref().filter(|_| !sections.iter().any(|section| fits(&section))) {
        let subject = Subject::Resolvers(wanted.clone());
        return Err(Problem::about(Code::NotFound, &subject, "there is none of that name"));
    }
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    let rows = sections.iter().filter(fits).flat_map(|section| {
        section.nameservers.iter().map(move |(nameserver, live)| v1::NameserverStatistics {
            resolvers: section.name.clone(),
            nameserver: nameserver.clone(),
            sent_total: count(&live.sent),
            send_errors_total: count(&live.send_errors),
            valid_total: count(&live.valid),
            updates_total: count(&live.updates),
            cnames_total: count(&live.cnames),
            cname_errors_total: count(&live.cname_errors),
            empty_total: count(&live.empty),
            nx_total: count(&live.nx),
            timeouts_total: count(&live.timeouts),
            refused_total: count(&live.refused),
            other_total: count(&live.other),
            invalid_total: count(&live.invalid),
            too_big_total: count(&live.too_big),
            truncated_total: count(&live.truncated),
            outdated_total: count(&live.outdated),
        })
    });
    Ok((context.store.read(|current| current.state.revision()), rows.collect()))
}

/// The overlays that are wanted, by subject and field.
pub(super) fn overlays(
    context: &Context,
    caller: &Caller,
    query: v1::OverlaysQuery,
) -> Result<(Revision, impl Iterator<Item = v1::Overlay> + Send + use<>), Problem> {
    caller.may(Asked::Overlays)?;
    let subjects = subjects(query.subjects)?;
    let wanted = |about: &Subject| {
        subjects.is_empty()
            || subjects.contains(about)
            || parent(about).is_some_and(|at| subjects.contains(&at))
    };
    let (revision, found) = context.store.read(|current| {
        let found: Vec<_> =
            current.state.overlays().filter(|overlay| wanted(&overlay.subject)).cloned().collect();
        (current.state.revision(), found)
    });
    Ok((revision, found.into_iter().map(|overlay| overlay.as_ref().into())))
}

/// The names that were given.
pub(super) fn names(field: &str, texts: &[String]) -> Result<Vec<Name>, Problem> {
    texts.iter().map(|text| name(field, text)).collect()
}

fn rows(context: &Context, caller: &Caller, query: v1::RowsQuery) -> Result<Answers, Problem> {
    let kinds = query.kinds.iter().map(|number| kind(*number)).collect::<Result<Vec<Kind>, _>>()?;
    let subjects = subjects(query.subjects)?;
    let shows = |kind: Kind| {
        (kinds.is_empty() || kinds.contains(&kind))
            && (subjects.is_empty() || subjects.iter().any(|subject| subject.kind() == kind))
    };
    // Settings of the process and defaults may tell of sockets, files and log targets.
    caller.may(Asked::Proxies)?;
    if query.declared || shows(Kind::Global) || shows(Kind::Defaults) {
        caller.may(Asked::Rows)?;
    }
    let (revision, rows) = context.store.read(|current| {
        let found = collect(&current.state, &kinds, &subjects, query.declared)?;
        Ok::<_, Problem>((current.state.revision(), sorted(&current.state, found)))
    })?;
    let parts = chunk::parts(rows.into_iter().map(|row| v1::Row::from(row.as_ref())));
    Ok(Box::new(parts.map(move |rows| v1::Answer { revision: revision.0, rows, ..v1::Answer::default() })))
}

fn collect(
    state: &State,
    kinds: &[Kind],
    subjects: &[Subject],
    declared: bool,
) -> Result<Vec<Arc<Row>>, Problem> {
    let fits = |row: &Arc<Row>| kinds.is_empty() || kinds.contains(&row.subject().kind());
    let find = |subject: &Subject| if declared { state.declared(subject) } else { state.row(subject) };
    if subjects.is_empty() {
        return Ok(match declared {
            true => state.spec().filter(|row| fits(row)).cloned().collect(),
            false => state.effective().filter(|row| fits(row)).cloned().collect(),
        });
    }
    let mut found = Vec::new();
    for subject in subjects {
        let Some(row) = find(subject) else {
            return Err(Problem::about(Code::NotFound, subject, "there is none of that name"));
        };
        found.push(row.clone());
        let mut children: Vec<Subject> = match subject {
            Subject::Frontend(name) => {
                state.binds(name).into_iter().map(|bind| Subject::Bind(bind.at.clone())).collect()
            }
            Subject::Backend(name) => {
                state.servers(name).into_iter().map(|server| Subject::Server(server.at.clone())).collect()
            }
            _ => continue,
        };
        if declared {
            let gone =
                state.spec().map(|row| row.subject()).filter(|at| parent(at).as_ref() == Some(subject));
            children = gone.collect();
        }
        found.extend(children.iter().filter_map(find).cloned());
    }
    found.retain(fits);
    Ok(found)
}

/// Rows by kind, then by place in listings.
fn sorted(state: &State, mut rows: Vec<Arc<Row>>) -> Vec<Arc<Row>> {
    let mut places: HashMap<Subject, (u32, u32)> = HashMap::new();
    places.extend(
        state.frontends().iter().map(|row| (Subject::Frontend(row.name.clone()), (row.order, row.id))),
    );
    places
        .extend(state.backends().iter().map(|row| (Subject::Backend(row.name.clone()), (row.order, row.id))));
    let own = |row: &Row| match row {
        Row::Global(_) => (0, 0),
        Row::Defaults(row) => (row.order, 0),
        Row::Frontend(row) => (row.order, row.id),
        Row::Bind(row) => (row.order, row.id),
        Row::Backend(row) => (row.order, row.id),
        Row::Server(row) => (row.order, row.id),
        Row::Resolvers(row) => (row.order, 0),
        Row::List(_) | Row::Entries(_) => (0, 0),
        Row::Userlist(row) => (row.order, 0),
        Row::Ring(row) => (row.order, 0),
        Row::HttpErrors(row) => (row.order, 0),
    };
    rows.sort_by_cached_key(|row| {
        let subject = row.subject();
        let of_parent =
            parent(&subject).map(|parent| (places.get(&parent).copied().unwrap_or_default(), parent));
        (subject.kind(), of_parent, own(row), subject)
    });
    rows.dedup_by(|left, right| left.subject() == right.subject());
    rows
}

/// The servers of one backend or of all, in the order of listings.
pub(super) fn gather(
    current: &Current,
    backend: Option<&Name>,
    server: Option<&Name>,
) -> Result<Vec<ServerFacts>, Problem> {
    let Some(backend) = backend else {
        let backends = current.state.backends();
        return Ok(backends
            .into_iter()
            .flat_map(|backend| view::servers(current, &backend.name, None))
            .collect());
    };
    if current.state.backend(backend).is_none() {
        let subject = Subject::Backend(backend.clone());
        return Err(Problem::about(Code::NotFound, &subject, "there is none of that name"));
    }
    let found = view::servers(current, backend, server);
    match server {
        Some(server) if found.is_empty() => {
            let at = ServerRef { backend: backend.clone(), server: server.clone() };
            Err(Problem::about(Code::NotFound, &Subject::Server(at), "there is none of that name"))
        }
        _ => Ok(found),
    }
}

fn server_view(facts: ServerFacts) -> v1::ServerView {
    v1::ServerView {
        initial_weight: u32::from(facts.initial_weight.get()),
        weight: u32::from(facts.weight.get()),
        status: Some(facts.status),
        resolved: facts.plan.as_ref().and_then(|plan| view::resolved(plan)).map(|address| (&address).into()),
        maxconn: facts.maxconn,
        backend_id: facts.backend_id,
        resolvers: facts.resolvers.map(|name| name.to_string()),
        checks: (facts.checks != regate_proto::model::ServerChecks::default())
            .then(|| (&facts.checks).into()),
        server: Some((&facts.row).into()),
    }
}

pub(super) fn state_row(facts: ServerFacts, now: u64) -> v1::ServerStateRow {
    use regate_proto::model::Admin;
    let named = match &facts.row.address {
        ServerAddress::Inet { host: ServerHost::Named(name), .. } => Some(name.clone()),
        _ => None,
    };
    let found = facts.plan.as_ref().filter(|_| named.is_some()).and_then(|plan| plan.live.location.found());
    let record = found.as_ref().and_then(|found| found.record.clone());
    let service_record = named.clone().filter(|name| is_service_name(name));
    let host_name = match service_record {
        Some(_) => record.as_ref().map(|record| record.target.clone()),
        None => named,
    };
    let place = facts.plan.as_ref().and_then(|plan| plan.place());
    let address = match (&facts.row.address, place.as_deref()) {
        (_, Some(Target::Inet(address))) => Some(address.ip().to_string()),
        (_, Some(Target::Mapped(Some(ip), _))) => Some(ip.to_string()),
        (ServerAddress::Unix(path), _) => Some(path.clone()),
        (ServerAddress::Abstract(name), _) => Some(format!("abns@{name}")),
        (ServerAddress::Inet { host: ServerHost::Ip(ip), .. }, _) => Some(ip.to_string()),
        (ServerAddress::Inet { .. }, _) => None,
    };
    let port = match &facts.row.address {
        _ if service_record.is_some() => record.map_or(0, |record| i32::from(record.port)),
        ServerAddress::Inet { port: ServerPort::Fixed(port), .. } => i32::from(*port),
        ServerAddress::Inet { port: ServerPort::Mapped(offset), .. } => *offset,
        _ => 0,
    };
    let is_lost = facts.plan.as_ref().is_some_and(|plan| !plan.is_located());
    let plan = facts.plan.as_deref();
    let health = plan.map(|plan| &plan.live.health);
    let inherited = health.map_or(Admin::Ready, |health| health.inherited_admin());
    let own = health.map_or(facts.admin, |health| health.own_admin(facts.admin));
    let maintenance = own == Admin::Maint || inherited == Admin::Maint;
    let operational_state = match health.map(|health| health.operational()) {
        _ if maintenance || is_lost => v1::OperationalState::Stopped,
        Some(Operational::Stopped) => v1::OperationalState::Stopped,
        Some(Operational::Stopping) => v1::OperationalState::Stopping,
        Some(Operational::Running) | None => v1::OperationalState::Running,
    };
    let record = health.map(|health| health.record().clone());
    let probe = record.as_ref().map(|record| &record.check);
    let tracks = facts.checks.track.is_some();
    let changed =
        facts.plan.as_ref().map_or(0, |plan| plan.live.changed.load(std::sync::atomic::Ordering::Relaxed));
    v1::ServerStateRow {
        backend_id: facts.backend_id,
        backend: facts.row.at.backend.to_string(),
        server_id: facts.row.id,
        server: facts.row.at.server.to_string(),
        address,
        operational_state: operational_state as i32,
        user_weight: plan.map_or(u32::from(facts.weight.get()), |plan| u32::from(plan.weight_in_force())),
        initial_weight: u32::from(facts.initial_weight.get()),
        last_change_s: u32::try_from(now.saturating_sub(changed) / 1000).unwrap_or(u32::MAX),
        host_name_changed: (host_name.is_some() && facts.host_changed)
            || found.is_some_and(|found| found.was_given),
        host_name,
        port,
        tls: Some(false),
        service_record,
        check_status: probe.map_or(1, |probe| probe.finding as u32),
        check_result: probe.map_or(0, |probe| if probe.under_way { 0 } else { probe.result }),
        check_health: probe.map_or(0, |probe| if tracks { 0 } else { probe.health }),
        check_state: probe.and_then(|probe| {
            probe_state(probe, if probe.configured { maintenance } else { facts.disabled_by_row })
        }),
        agent_state: record.as_ref().and_then(|record| probe_state(&record.agent, false)),
        check_port: facts.checks.port.map_or(0, u32::from),
        check_address: facts.checks.host.as_ref().map(spelled),
        agent_address: facts.checks.agent_host.as_ref().map(spelled),
        agent_port: facts.checks.agent_port.map_or(0, u32::from),
        // Numbers are part of rows; which of them a file forced is not kept.
        backend_id_forced: false,
        server_id_forced: false,
        maintenance_forced: own == Admin::Maint,
        maintenance_inherited: inherited == Admin::Maint,
        maintenance_configured: facts.disabled_by_row,
        drain_forced: own == Admin::Drain,
        drain_inherited: inherited == Admin::Drain,
        maintenance_unresolved: is_lost,
    }
}

/// How checks stand; `None` when there are none.
fn probe_state(probe: &Probe, resting: bool) -> Option<v1::ProbeState> {
    (probe.configured || resting).then_some(v1::ProbeState {
        under_way: probe.under_way,
        configured: probe.configured,
        enabled: probe.is_enabled(),
        resting,
    })
}

fn spelled(host: &ServerHost) -> String {
    match host {
        ServerHost::Ip(ip) => ip.to_string(),
        ServerHost::Named(name) => name.clone(),
    }
}

fn subjects(subjects: Vec<v1::Subject>) -> Result<Vec<Subject>, Problem> {
    let read = |(at, subject): (usize, v1::Subject)| {
        Subject::try_from(subject).map_err(|mut problem: Problem| {
            problem.detail = format!("subjects[{at}].{}", problem.detail);
            problem
        })
    };
    subjects.into_iter().enumerate().map(read).collect()
}

fn kind(number: i32) -> Result<Kind, Problem> {
    match v1::Kind::try_from(number) {
        Ok(v1::Kind::Global) => Ok(Kind::Global),
        Ok(v1::Kind::Defaults) => Ok(Kind::Defaults),
        Ok(v1::Kind::Frontend) => Ok(Kind::Frontend),
        Ok(v1::Kind::Bind) => Ok(Kind::Bind),
        Ok(v1::Kind::Backend) => Ok(Kind::Backend),
        Ok(v1::Kind::Server) => Ok(Kind::Server),
        Ok(v1::Kind::Resolvers) => Ok(Kind::Resolvers),
        Ok(v1::Kind::List) => Ok(Kind::List),
        Ok(v1::Kind::Entries) => Ok(Kind::Entries),
        Ok(v1::Kind::Userlist) => Ok(Kind::Userlist),
        Ok(v1::Kind::Ring) => Ok(Kind::Ring),
        Ok(v1::Kind::HttpErrors) => Ok(Kind::HttpErrors),
        Ok(v1::Kind::Unspecified) | Err(_) => Err(Problem::general(
            Code::Malformed,
            format!("kinds: {number} is no kind of row: 1 to 11 is expected"),
        )),
    }
}

/// Reads a name.
pub(super) fn name(field: &str, text: &str) -> Result<Name, Problem> {
    Name::new(text).map_err(|error| Problem::general(Code::Malformed, format!("{field}: {error}")))
}

fn parent(subject: &Subject) -> Option<Subject> {
    match subject {
        Subject::Bind(at) => Some(Subject::Frontend(at.frontend.clone())),
        Subject::Server(at) => Some(Subject::Backend(at.backend.clone())),
        _ => None,
    }
}
