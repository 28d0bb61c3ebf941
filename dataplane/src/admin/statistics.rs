//! The counters as rows: one per frontend, bind, server and backend.
//!
//! Read from a snapshot, whose plans hold what is observed; nothing waits for it. Columns that nobody counts are
//! left absent. Which columns a kind of row has is that of HAProxy's list (management manual 9.1).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use prost::Message;
use regate_proto::model::{Balance, BindAddress, BindHost, Mode, Name, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::wire::StatisticsPacker;
use regate_proto::wire::v1::{self, StatisticsKind, StatisticsRow};

use super::view;
use crate::live::{Counter, Exchanges, Live, Mean, Probe, ServerLive, Statuses, Traffic};
use crate::snapshot::{BackendPlan, BindPlan, FrontendPlan, ServerPlan, Snapshot, UNITS};
use crate::store::Current;

/// What of the counters is wanted, and what the caller may see.
pub(super) struct Wanted {
    pub(super) proxy_id: Option<u32>,
    pub(super) proxy: Option<Name>,
    /// Empty: all.
    pub(super) kinds: Vec<StatisticsKind>,
    pub(super) service_id: Option<u32>,
    /// Whether addresses, cookies and algorithms may be seen.
    pub(super) addresses: bool,
    /// Client connections that frontends without a limit of their own take.
    pub(super) maxconn: u32,
}

/// The rows that are wanted, by place of their proxy.
pub(super) fn rows(current: &Current, live: Arc<Live>, wanted: Wanted) -> Result<Listing, Problem> {
    let proxies = proxies(current, &wanted)?;
    let now = live.process.now();
    let stopping = live.process.is_stopping();
    let page = Page { snapshot: current.snapshot.clone(), wanted, now, stopping };
    Ok(Listing { page, proxies: proxies.into_iter(), proxy: None, at: 0 })
}

/// Rows that are made one by one, as they are taken.
pub(super) struct Listing {
    page: Page,
    proxies: std::vec::IntoIter<Proxy>,
    /// The proxy whose rows are being made, and how many places of it have been looked at.
    proxy: Option<Proxy>,
    at: usize,
}

/// Rows packed in blocks; at least one.
pub(super) struct Blocks {
    listing: Listing,
    row: StatisticsRow,
    packer: StatisticsPacker,
    begun: bool,
    ended: bool,
}

impl Listing {
    /// Makes the next row in place of another; tells whether there was one.
    fn fill(&mut self, row: &mut StatisticsRow) -> bool {
        loop {
            if self.proxy.is_none() {
                let Some(next) = self.proxies.next() else { return false };
                (self.proxy, self.at) = (Some(next), 0);
            }
            let Some(proxy) = &self.proxy else { return false };
            let at = self.at;
            self.at = at.saturating_add(1);
            match self.page.fill(proxy, at, row) {
                Place::Row => return true,
                Place::Hidden => {}
                Place::End => self.proxy = None,
            }
        }
    }

    /// The same rows, packed.
    pub(super) fn packed(self) -> Blocks {
        Blocks {
            listing: self,
            row: StatisticsRow::default(),
            packer: StatisticsPacker::default(),
            begun: false,
            ended: false,
        }
    }
}

impl Iterator for Listing {
    type Item = StatisticsRow;

    fn next(&mut self) -> Option<StatisticsRow> {
        let mut row = StatisticsRow::default();
        self.fill(&mut row).then_some(row)
    }
}

impl Iterator for Blocks {
    type Item = v1::PackedStatistics;

    fn next(&mut self) -> Option<v1::PackedStatistics> {
        while !self.ended && self.packer.count() < MOST_ROWS && self.packer.len() < MOST_BYTES {
            self.ended = !self.listing.fill(&mut self.row);
            if !self.ended {
                self.packer.push(&mut self.row);
            }
        }
        let first = !std::mem::replace(&mut self.begun, true);
        (first || !self.packer.is_empty()).then(|| self.packer.take())
    }
}

/// One half of what a proxy is.
enum Proxy {
    Frontend { plan: Arc<FrontendPlan>, paused: bool, binds: bool },
    Backend(Arc<BackendPlan>),
}

/// What there is at a place of a proxy.
enum Place {
    Row,
    /// A row that is not wanted.
    Hidden,
    /// The place after the last.
    End,
}

/// What all rows of a listing need.
struct Page {
    snapshot: Arc<Snapshot>,
    wanted: Wanted,
    now: u64,
    stopping: bool,
}

impl Wanted {
    fn shows(&self, kind: StatisticsKind) -> bool {
        self.kinds.is_empty() || self.kinds.contains(&kind)
    }

    fn serves(&self, id: u32) -> bool {
        self.service_id.is_none_or(|wanted| wanted == id)
    }
}

/// The proxies that are wanted, by place; those that files switch off are not listed.
fn proxies(current: &Current, wanted: &Wanted) -> Result<Vec<Proxy>, Problem> {
    let Current { state, snapshot } = current;
    let fits = |name: &Name, id: u32| {
        wanted.proxy.as_ref().is_none_or(|wanted| wanted == name)
            && wanted.proxy_id.is_none_or(|wanted| wanted == id)
    };
    if let Some(name) = &wanted.proxy
        && state.frontend(name).is_none()
        && state.backend(name).is_none()
    {
        let subject = Subject::Backend(name.clone());
        return Err(Problem::about(Code::NotFound, &subject, "there is no proxy of that name"));
    }
    let mut found: Vec<((u32, u32, bool), Proxy)> = Vec::new();
    for row in state.frontends() {
        let Some(plan) = snapshot.frontends.get(&row.name).filter(|_| fits(&row.name, row.id)) else {
            continue;
        };
        let paused = view::is_paused(state, &row.name);
        if plan.disabled && !paused && !state.is_shut_down(&row.name) {
            continue;
        }
        let binds = state.frontend_settings(row).socket_stats == Some(true);
        let proxy = Proxy::Frontend { plan: plan.clone(), paused, binds };
        found.push(((row.order, row.id, false), proxy));
    }
    for row in state.backends() {
        let Some(plan) = snapshot.backends.get(&row.name).filter(|_| fits(&row.name, row.id)) else {
            continue;
        };
        found.push(((row.order, row.id, true), Proxy::Backend(plan.clone())));
    }
    found.sort_by_key(|(place, _)| *place);
    Ok(found.into_iter().map(|(_, proxy)| proxy).collect())
}

impl Page {
    /// Makes the row at a place of a proxy: a frontend stands before its binds, a backend after its servers.
    fn fill(&self, proxy: &Proxy, at: usize, row: &mut StatisticsRow) -> Place {
        let wanted = &self.wanted;
        let shows = |kind: StatisticsKind, id: u32| wanted.shows(kind) && wanted.serves(id);
        row.clear();
        match proxy {
            Proxy::Frontend { plan, paused, binds } => {
                let condition = || view::frontend_condition(plan, *paused, self.stopping);
                match at.checked_sub(1) {
                    None if shows(StatisticsKind::Frontend, 0) => self.frontend(plan, condition(), row),
                    None => return Place::Hidden,
                    Some(at) => match plan.binds.get(at).filter(|_| *binds) {
                        None => return Place::End,
                        Some(bind) if shows(StatisticsKind::Listener, bind.row.id) => {
                            self.bind(plan, bind, condition(), row);
                        }
                        Some(_) => return Place::Hidden,
                    },
                }
            }
            Proxy::Backend(plan) => match plan.servers.get(at) {
                Some(server) if shows(StatisticsKind::Server, server.id) => self.server(plan, server, row),
                Some(_) => return Place::Hidden,
                None if at > plan.servers.len() => return Place::End,
                None if shows(StatisticsKind::Backend, 0) => self.backend(plan, row),
                None => return Place::Hidden,
            },
        }
        Place::Row
    }

    fn frontend(&self, plan: &FrontendPlan, condition: v1::Condition, row: &mut StatisticsRow) {
        let live = &plan.live;
        let limit = if plan.maxconn == 0 { self.wanted.maxconn } else { plan.maxconn };
        let http = plan.mode == Mode::Http;
        let of_http = |counter: &Counter| if http { counter.sum() } else { 0 };
        row.proxy.push_str(plan.name.as_str());
        row.service.push_str("FRONTEND");
        row.kind = StatisticsKind::Frontend as i32;
        row.proxy_id = plan.id;
        row.guid = plan.guid.as_ref().map(ToString::to_string);
        row.status = Some(view::status(condition));
        row.mode = Some(mode(plan.mode));
        row.sessions_current = Some(live.sessions.now());
        row.sessions_max = Some(live.sessions.highest());
        row.sessions_limit = Some(limit);
        row.sessions_total = Some(live.sessions_total.sum());
        row.bytes_in_total = Some(live.traffic.bytes_in.sum());
        row.bytes_out_total = Some(live.traffic.bytes_out.sum());
        row.requests_denied_total = Some(live.denied_requests.sum());
        row.connections_denied_total = Some(live.denied_connections.sum());
        row.sessions_denied_total = Some(live.denied_sessions.sum());
        row.responses_denied_total = Some(live.denied_responses.sum());
        row.request_errors_total = Some(live.request_errors.sum());
        row.sessions_rate = Some(narrow(live.session_rate.at(self.now)));
        row.sessions_rate_limit = Some(plan.session_rate_limit);
        row.sessions_rate_max = Some(narrow(live.session_rate.highest()));
        row.requests_rate = Some(narrow(live.request_rate.at(self.now)));
        row.requests_rate_max = Some(narrow(live.request_rate.highest()));
        row.requests_total = Some(live.requests.sum());
        row.connections_rate = Some(narrow(live.connection_rate.at(self.now)));
        row.connections_rate_max = Some(narrow(live.connection_rate.highest()));
        row.connections_total = Some(live.connections.sum());
        row.intercepted_total = http.then(|| live.intercepted.sum());
        row.internal_errors_total = Some(live.internal_errors.sum());
        row.sessions_h1_total = Some(live.h1_sessions.sum());
        row.sessions_other_total = Some(live.sessions_total.sum().saturating_sub(live.h1_sessions.sum()));
        row.requests_h1_total = Some(live.h1_requests.sum());
        row.h1_connections_open = Some(if http { u64::from(live.sessions.now()) } else { 0 });
        row.h1_streams_open =
            Some(live.h1_streams_begun.total().saturating_sub(live.h1_streams_ended.total()));
        row.h1_connections_total = Some(live.h1_sessions.sum());
        row.h1_streams_total = Some(live.h1_streams_begun.sum());
        row.h1_bytes_in_total = Some(of_http(&live.traffic.bytes_in));
        row.h1_bytes_out_total = Some(of_http(&live.traffic.bytes_out));
        row.h1_spliced_in_total = Some(of_http(&live.traffic.request_spliced));
        row.h1_spliced_out_total = Some(of_http(&live.traffic.response_spliced));
        responses(row, http, &live.statuses);
        traffic(row, &live.traffic);
    }

    fn bind(
        &self,
        frontend: &FrontendPlan,
        plan: &BindPlan,
        condition: v1::Condition,
        row: &mut StatisticsRow,
    ) {
        let live = &plan.live;
        row.proxy.push_str(frontend.name.as_str());
        row.service.push_str(plan.row.at.bind.as_str());
        row.kind = StatisticsKind::Listener as i32;
        row.proxy_id = frontend.id;
        row.service_id = plan.row.id;
        row.guid = plan.row.guid.as_ref().map(ToString::to_string);
        row.status = Some(view::status(condition));
        row.mode = Some(mode(frontend.mode));
        row.sessions_current = Some(live.sessions.now());
        row.sessions_max = Some(live.sessions.highest());
        row.sessions_limit = Some(plan.row.maxconn.unwrap_or(0));
        row.sessions_total = Some(live.connections.sum());
        row.connections_total = Some(live.connections.sum());
        row.bytes_in_total = Some(live.traffic.bytes_in.sum());
        row.bytes_out_total = Some(live.traffic.bytes_out.sum());
        row.request_errors_total = Some(live.request_errors.sum());
        row.requests_denied_total = Some(live.denied_requests.sum());
        row.responses_denied_total = Some(live.denied_responses.sum());
        row.connections_denied_total = Some(live.denied_connections.sum());
        row.sessions_denied_total = Some(live.denied_sessions.sum());
        row.internal_errors_total = Some(live.internal_errors.sum());
        row.address = self.wanted.addresses.then(|| bind_text(&plan.address));
        row.protocol = Some(protocol(&plan.address).to_owned());
        traffic(row, &live.traffic);
    }

    fn server(&self, backend: &BackendPlan, plan: &ServerPlan, row: &mut StatisticsRow) {
        let live = &plan.live;
        let http = backend.mode == Mode::Http;
        let user_weight = u32::from(plan.weight_in_force());
        let (weight, throttle) = match backend.warming_weight(plan, self.now) {
            Some(part) => (weight_of(part), Some(part * 100 / (user_weight * UNITS as u32).max(1))),
            None => (user_weight, None),
        };
        let maxconn = plan.maxconn_in_force();
        row.proxy.push_str(backend.name.as_str());
        row.service.push_str(plan.name.as_str());
        row.kind = StatisticsKind::Server as i32;
        row.proxy_id = backend.id;
        row.service_id = plan.id;
        row.guid = plan.guid.as_ref().map(ToString::to_string);
        row.status = Some(view::server_status(&self.snapshot, plan));
        row.mode = Some(mode(backend.mode));
        row.queue_current = Some(live.queue.length());
        row.queue_max = Some(live.queue.highest());
        row.queue_limit = (plan.maxqueue != 0).then_some(plan.maxqueue);
        row.cookie = plan.cookie.clone().filter(|_| self.wanted.addresses);
        row.sessions_current = Some(live.sessions.now());
        row.sessions_max = Some(live.sessions.highest());
        row.sessions_limit = (maxconn != 0).then_some(maxconn);
        row.weight = Some(weight);
        row.throttle_percent = throttle;
        row.user_weight = Some(user_weight);
        row.active_servers = Some(u32::from(!plan.backup));
        row.backup_servers = Some(u32::from(plan.backup));
        row.last_change_s = Some(seconds_since(self.now, live.changed.load(Ordering::Relaxed)));
        row.address = plan.place().filter(|_| self.wanted.addresses).map(|place| view::target_text(&place));
        row.idle_current = Some(live.connections_idle.now());
        row.idle_limit = plan.pool_max_conn;
        row.used_current = Some(live.connections_used.now());
        row.idle_unsafe_current = Some(narrow(live.idle.total().saturating_sub(live.idle_safe.total())));
        row.idle_safe_current = Some(narrow(live.idle_safe.total()));
        row.idle_private_current = Some(narrow(live.idle_private.total()));
        row.need_estimate = Some(narrow(live.needed.total()));
        self.exchanges(row, http, &live.exchanges);
        responses(row, http, &live.exchanges.statuses);
        traffic(row, &live.exchanges.traffic);
        health(row, plan, self.now);
    }

    fn backend(&self, plan: &BackendPlan, row: &mut StatisticsRow) {
        let live = &plan.live;
        let http = plan.mode == Mode::Http;
        let usable = Usable::of(plan, self.now);
        let (outages, down_millis) = live.outages.totals(self.now);
        let algorithm = algorithm(&plan.picker.plan().algorithm);
        row.proxy.push_str(plan.name.as_str());
        row.service.push_str("BACKEND");
        row.kind = StatisticsKind::Backend as i32;
        row.proxy_id = plan.id;
        row.guid = plan.guid.as_ref().map(ToString::to_string);
        row.status = Some(view::status(view::backend_condition(plan)));
        row.mode = Some(mode(plan.mode));
        row.algorithm = self.wanted.addresses.then(|| algorithm.to_owned());
        row.queue_current = Some(live.queue.length());
        row.queue_max = Some(live.queue.highest());
        row.cookie =
            plan.cookie.as_ref().filter(|_| self.wanted.addresses).map(|plan| plan.cookie.name.to_string());
        row.sessions_current = Some(live.sessions.now());
        row.sessions_max = Some(live.sessions.highest());
        row.sessions_limit = Some(live.fullconn.load(Ordering::Relaxed));
        row.requests_denied_total = Some(live.denied_requests.sum());
        row.weight = Some(usable.weight);
        row.user_weight = Some(usable.weight);
        row.active_servers = Some(usable.active);
        row.backup_servers = Some(usable.backup);
        row.servers_up = Some(usable.active.saturating_add(usable.backup));
        row.servers_total = Some(u32::try_from(plan.servers.len()).unwrap_or(u32::MAX));
        row.went_down_total = Some(outages);
        row.downtime_s = Some(narrow(down_millis / 1000));
        row.last_change_s = Some(seconds_since(self.now, live.changed.load(Ordering::Relaxed)));
        self.exchanges(row, http, &live.exchanges);
        responses(row, http, &live.exchanges.statuses);
        traffic(row, &live.exchanges.traffic);
        h1_of_backend(row, plan, http);
    }

    /// The columns that count the exchanges of a server or a backend.
    fn exchanges(&self, row: &mut StatisticsRow, http: bool, exchanges: &Exchanges) {
        let samples = exchanges.sessions_total.sum();
        row.sessions_total = Some(samples);
        row.sessions_rate = Some(narrow(exchanges.session_rate.at(self.now)));
        row.sessions_rate_max = Some(narrow(exchanges.session_rate.highest()));
        row.bytes_in_total = Some(exchanges.traffic.bytes_in.sum());
        row.bytes_out_total = Some(exchanges.traffic.bytes_out.sum());
        row.responses_denied_total = Some(exchanges.denied_responses.sum());
        row.connect_errors_total = Some(exchanges.connection_errors.sum());
        row.response_errors_total = Some(exchanges.response_errors.sum());
        row.retries_total = Some(exchanges.retries.sum());
        row.redispatches_total = Some(exchanges.redispatches.sum());
        row.picked_total = Some(exchanges.chosen.sum());
        row.requests_total = http.then(|| exchanges.requests.sum());
        row.client_aborts_total = Some(exchanges.client_aborts.sum());
        row.server_aborts_total = Some(exchanges.server_aborts.sum());
        row.last_session_s = Some(last_session(self.now, exchanges.last_session()));
        row.queue_time_ms = Some(mean(&exchanges.queue_time, samples));
        row.connect_time_ms = Some(mean(&exchanges.connect_time, samples));
        row.response_time_ms = Some(mean(&exchanges.response_time, samples));
        row.total_time_ms = Some(mean(&exchanges.total_time, samples));
        row.queue_time_max_ms = Some(exchanges.queue_time.highest());
        row.connect_time_max_ms = Some(exchanges.connect_time.highest());
        row.response_time_max_ms = Some(exchanges.response_time.highest());
        row.total_time_max_ms = Some(exchanges.total_time.highest());
        row.connects_total = Some(exchanges.connects.sum());
        row.reuses_total = Some(exchanges.reuses.sum());
        row.internal_errors_total = Some(exchanges.internal_errors.sum());
    }
}

/// The servers of a backend that take traffic.
pub(super) struct Usable {
    pub(super) active: u32,
    pub(super) backup: u32,
    /// Of those among which is balanced: the active ones, or else the first backup, or all of them.
    pub(super) weight: u32,
}

impl Usable {
    pub(super) fn of(plan: &BackendPlan, now: u64) -> Usable {
        let (mut active, mut backup) = (0, 0);
        let (mut active_weight, mut backup_weight) = (0_u32, 0_u32);
        for server in plan.servers.iter().filter(|server| server.is_eligible()) {
            let weight = server.effective_weight(now);
            if !server.backup {
                active += 1;
                active_weight = active_weight.saturating_add(weight);
            } else {
                backup += 1;
                if backup == 1 || plan.picker.plan().all_backups {
                    backup_weight = backup_weight.saturating_add(weight);
                }
            }
        }
        Usable { active, backup, weight: weight_of(if active > 0 { active_weight } else { backup_weight }) }
    }
}

/// A weight as HAProxy shows it: what is less than a whole one counts as one.
fn weight_of(effective: u32) -> u32 {
    effective.div_ceil(UNITS as u32)
}

/// What checks, agent and traffic say of a server.
fn health(row: &mut StatisticsRow, plan: &ServerPlan, now: u64) {
    let Some(checks) = plan.checks.as_deref() else { return };
    row.tracked = checks.track.as_ref().map(Into::into);
    let record = plan.live.health.record();
    row.observed_failures_total = checks.observe.map(|_| record.observed_failures);
    if record.check.is_enabled() {
        row.checks_failed_total = Some(record.failed_checks);
        row.went_down_total = Some(record.went_down);
        row.downtime_s = Some(narrow(record.down_millis(now) / 1000));
        if plan.admin_in_force() != regate_proto::model::Admin::Maint {
            let probe = &record.check;
            row.check_status = Some(finding(probe));
            row.check_code = probe.finding.has_code().then_some(probe.code);
            row.check_duration_ms = probe.duration.map(u64::from);
            row.check_detail = (!probe.detail.is_empty()).then(|| probe.detail.clone());
            row.check_words = Some(probe.finding.sentence().to_owned());
            row.check_rise = Some(probe.rise);
            row.check_fall = Some(probe.fall);
            row.check_health = Some(probe.health);
        }
    }
    if record.agent.is_enabled() {
        let probe = &record.agent;
        row.agent_status = Some(finding(probe));
        row.agent_code = probe.finding.has_code().then_some(probe.code);
        row.agent_duration_ms = probe.duration.map(u64::from);
        row.agent_detail = (!probe.detail.is_empty()).then(|| probe.detail.clone());
        row.agent_words = Some(probe.finding.sentence().to_owned());
        row.agent_rise = Some(probe.rise);
        row.agent_fall = Some(probe.fall);
        row.agent_health = Some(probe.health);
    }
}

fn finding(probe: &Probe) -> String {
    let mark = if probe.under_way { "* " } else { "" };
    format!("{mark}{}", probe.finding.word())
}

/// What went over HTTP/1 connections to the servers of a backend.
fn h1_of_backend(row: &mut StatisticsRow, plan: &BackendPlan, http: bool) {
    let exchanges = &plan.live.exchanges;
    let bytes = &exchanges.traffic;
    let of_http = |number: u64| Some(if http { number } else { 0 });
    let of_servers =
        |count: fn(&ServerLive) -> u64| plan.servers.iter().map(|server| count(&server.live)).sum();
    let used: u64 = of_servers(|live| u64::from(live.connections_used.now()));
    let idle: u64 = of_servers(|live| live.idle.total().saturating_add(live.idle_private.total()));
    row.h1_connections_open = of_http(used.saturating_add(idle));
    row.h1_streams_open = of_http(used);
    row.h1_connections_total = of_http(exchanges.connects.sum());
    row.h1_streams_total = of_http(exchanges.connects.sum().saturating_add(exchanges.reuses.sum()));
    row.h1_bytes_in_total = of_http(bytes.response_received.sum());
    row.h1_bytes_out_total = of_http(bytes.request_sent.sum());
    row.h1_spliced_in_total = of_http(bytes.response_spliced.sum());
    row.h1_spliced_out_total = of_http(bytes.request_spliced.sum());
}

/// Bytes at both sides of the proxy.
fn traffic(row: &mut StatisticsRow, traffic: &Traffic) {
    row.request_bytes_in_total = Some(traffic.bytes_in.sum());
    row.request_bytes_out_total = Some(traffic.request_sent.sum());
    row.response_bytes_in_total = Some(traffic.response_received.sum());
    row.response_bytes_out_total = Some(traffic.bytes_out.sum());
}

fn responses(row: &mut StatisticsRow, http: bool, statuses: &Statuses) {
    if !http {
        return;
    }
    let [informational, success, redirection, client, server, other] = &statuses.classes;
    row.responses_1xx_total = Some(informational.sum());
    row.responses_2xx_total = Some(success.sum());
    row.responses_3xx_total = Some(redirection.sum());
    row.responses_4xx_total = Some(client.sum());
    row.responses_5xx_total = Some(server.sum());
    row.responses_other_total = Some(other.sum());
}

fn mode(mode: Mode) -> String {
    match mode {
        Mode::Tcp => "tcp".to_owned(),
        Mode::Http => "http".to_owned(),
    }
}

fn bind_text(address: &BindAddress) -> String {
    match address {
        BindAddress::Inet { host, ports } => match host {
            BindHost::AnyV4 => format!("0.0.0.0:{ports}"),
            BindHost::AnyV6 => format!("[::]:{ports}"),
            BindHost::Ip(_) | BindHost::Named(_) => format!("{host}:{ports}"),
        },
        BindAddress::Unix(_) | BindAddress::Abstract(_) => "unix".to_owned(),
        BindAddress::Descriptor(_) => address.to_string(),
    }
}

fn protocol(address: &BindAddress) -> &'static str {
    match address {
        BindAddress::Inet { host: BindHost::AnyV4 | BindHost::Ip(std::net::IpAddr::V4(_)), .. } => "tcpv4",
        BindAddress::Inet { .. } => "tcpv6",
        BindAddress::Unix(_) | BindAddress::Abstract(_) => "unix_stream",
        BindAddress::Descriptor(_) => "fd",
    }
}

fn mean(mean: &Mean, samples: u64) -> u32 {
    narrow(mean.mean(samples))
}

fn seconds_since(now: u64, then: u64) -> u32 {
    narrow(now.saturating_sub(then) / 1000)
}

/// Seconds since the last session, -1 when there was none.
fn last_session(now: u64, then: Option<u64>) -> i32 {
    then.map_or(-1, |then| i32::try_from(now.saturating_sub(then) / 1000).unwrap_or(i32::MAX))
}

fn narrow(value: u64) -> u32 {
    u32::try_from(value).unwrap_or(u32::MAX)
}

/// Rows and bytes of a block: few enough for the first to go soon, and for a worker's turn between two.
const MOST_ROWS: usize = 500;
const MOST_BYTES: usize = 64 << 10;

/// An algorithm by name.
fn algorithm(balance: &Balance) -> &'static str {
    match balance {
        Balance::RoundRobin => "roundrobin",
        Balance::StaticRr => "static-rr",
        Balance::LeastConn => "leastconn",
        Balance::First => "first",
        Balance::Random(_) => "random",
        Balance::Source => "source",
        Balance::Uri(_) => "uri",
        Balance::UrlParam { .. } => "url_param",
        Balance::Header { .. } => "hdr",
        Balance::RdpCookie(_) => "rdp-cookie",
        Balance::Hash(_) => "hash",
        Balance::Sticky => "sticky",
    }
}
