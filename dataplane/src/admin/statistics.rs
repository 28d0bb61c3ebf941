//! The counters as rows: one per frontend, bind, server and backend.
//!
//! Read from a snapshot, whose plans hold what is observed; nothing waits for it. Columns that nobody counts are
//! left absent. Which columns a kind of row has is that of HAProxy's list (management manual 9.1).

use std::sync::Arc;
use std::sync::atomic::Ordering;

use regate_proto::model::{Balance, BindAddress, BindHost, Mode, Name, Subject};
use regate_proto::problem::{Code, Problem};
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
pub(super) fn rows(
    current: &Current,
    live: Arc<Live>,
    wanted: Wanted,
) -> Result<impl Iterator<Item = StatisticsRow> + Send + use<>, Problem> {
    let proxies = proxies(current, &wanted)?;
    let now = live.process.now();
    let stopping = live.process.is_stopping();
    let page = Page { snapshot: current.snapshot.clone(), wanted, now, stopping };
    Ok(proxies.into_iter().flat_map(move |proxy| page.proxy(proxy)))
}

/// One half of what a proxy is.
enum Proxy {
    Frontend { plan: Arc<FrontendPlan>, paused: bool, binds: bool },
    Backend(Arc<BackendPlan>),
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
    fn proxy(&self, proxy: Proxy) -> Vec<StatisticsRow> {
        let mut rows = Vec::new();
        match proxy {
            Proxy::Frontend { plan, paused, binds } => {
                let condition = view::frontend_condition(&plan, paused, self.stopping);
                if self.wanted.shows(StatisticsKind::Frontend) && self.wanted.serves(0) {
                    rows.push(self.frontend(&plan, condition));
                }
                if binds && self.wanted.shows(StatisticsKind::Listener) {
                    let wanted = plan.binds.iter().filter(|bind| self.wanted.serves(bind.row.id));
                    rows.extend(wanted.map(|bind| self.bind(&plan, bind, condition)));
                }
            }
            Proxy::Backend(plan) => {
                if self.wanted.shows(StatisticsKind::Server) {
                    let wanted = plan.servers.iter().filter(|server| self.wanted.serves(server.id));
                    rows.extend(wanted.map(|server| self.server(&plan, server)));
                }
                if self.wanted.shows(StatisticsKind::Backend) && self.wanted.serves(0) {
                    rows.push(self.backend(&plan));
                }
            }
        }
        rows
    }

    fn frontend(&self, plan: &FrontendPlan, condition: v1::Condition) -> StatisticsRow {
        let live = &plan.live;
        let limit = if plan.maxconn == 0 { self.wanted.maxconn } else { plan.maxconn };
        let http = plan.mode == Mode::Http;
        let of_http = |counter: &Counter| if http { counter.sum() } else { 0 };
        let mut row = StatisticsRow {
            proxy: plan.name.to_string(),
            service: "FRONTEND".to_owned(),
            kind: StatisticsKind::Frontend as i32,
            proxy_id: plan.id,
            status: Some(view::status(condition)),
            mode: Some(mode(plan.mode)),
            sessions_current: Some(live.sessions.now()),
            sessions_max: Some(live.sessions.highest()),
            sessions_limit: Some(limit),
            sessions_total: Some(live.sessions_total.sum()),
            bytes_in_total: Some(live.traffic.bytes_in.sum()),
            bytes_out_total: Some(live.traffic.bytes_out.sum()),
            requests_denied_total: Some(live.denied_requests.sum()),
            connections_denied_total: Some(live.denied_connections.sum()),
            sessions_denied_total: Some(live.denied_sessions.sum()),
            responses_denied_total: Some(live.denied_responses.sum()),
            request_errors_total: Some(live.request_errors.sum()),
            sessions_rate: Some(narrow(live.session_rate.at(self.now))),
            sessions_rate_limit: Some(plan.session_rate_limit),
            sessions_rate_max: Some(narrow(live.session_rate.highest())),
            requests_rate: Some(narrow(live.request_rate.at(self.now))),
            requests_rate_max: Some(narrow(live.request_rate.highest())),
            requests_total: Some(live.requests.sum()),
            connections_rate: Some(narrow(live.connection_rate.at(self.now))),
            connections_rate_max: Some(narrow(live.connection_rate.highest())),
            connections_total: Some(live.connections.sum()),
            intercepted_total: http.then(|| live.intercepted.sum()),
            internal_errors_total: Some(live.internal_errors.sum()),
            sessions_h1_total: Some(live.h1_sessions.sum()),
            sessions_other_total: Some(live.sessions_total.sum().saturating_sub(live.h1_sessions.sum())),
            requests_h1_total: Some(live.h1_requests.sum()),
            h1_connections_open: Some(if http { u64::from(live.sessions.now()) } else { 0 }),
            h1_streams_open: Some(
                live.h1_streams_begun.total().saturating_sub(live.h1_streams_ended.total()),
            ),
            h1_connections_total: Some(live.h1_sessions.sum()),
            h1_streams_total: Some(live.h1_streams_begun.sum()),
            h1_bytes_in_total: Some(of_http(&live.traffic.bytes_in)),
            h1_bytes_out_total: Some(of_http(&live.traffic.bytes_out)),
            h1_spliced_in_total: Some(of_http(&live.traffic.request_spliced)),
            h1_spliced_out_total: Some(of_http(&live.traffic.response_spliced)),
            ..StatisticsRow::default()
        };
        responses(&mut row, http, &live.statuses);
        traffic(&mut row, &live.traffic);
        row
    }

    fn bind(&self, frontend: &FrontendPlan, plan: &BindPlan, condition: v1::Condition) -> StatisticsRow {
        let live = &plan.live;
        let mut row = StatisticsRow {
            proxy: frontend.name.to_string(),
            service: plan.row.at.bind.to_string(),
            kind: StatisticsKind::Listener as i32,
            proxy_id: frontend.id,
            service_id: plan.row.id,
            status: Some(view::status(condition)),
            mode: Some(mode(frontend.mode)),
            sessions_current: Some(live.sessions.now()),
            sessions_max: Some(live.sessions.highest()),
            sessions_limit: Some(plan.row.maxconn.unwrap_or(0)),
            sessions_total: Some(live.connections.sum()),
            connections_total: Some(live.connections.sum()),
            bytes_in_total: Some(live.traffic.bytes_in.sum()),
            bytes_out_total: Some(live.traffic.bytes_out.sum()),
            request_errors_total: Some(live.request_errors.sum()),
            requests_denied_total: Some(live.denied_requests.sum()),
            responses_denied_total: Some(live.denied_responses.sum()),
            connections_denied_total: Some(live.denied_connections.sum()),
            sessions_denied_total: Some(live.denied_sessions.sum()),
            internal_errors_total: Some(live.internal_errors.sum()),
            address: self.wanted.addresses.then(|| bind_text(&plan.address)),
            protocol: Some(protocol(&plan.address).to_owned()),
            ..StatisticsRow::default()
        };
        traffic(&mut row, &live.traffic);
        row
    }

    fn server(&self, backend: &BackendPlan, plan: &ServerPlan) -> StatisticsRow {
        let live = &plan.live;
        let http = backend.mode == Mode::Http;
        let user_weight = u32::from(plan.weight_in_force());
        let (weight, throttle) = match backend.warming_weight(plan, self.now) {
            Some(part) => (weight_of(part), Some(part * 100 / (user_weight * UNITS as u32).max(1))),
            None => (user_weight, None),
        };
        let maxconn = plan.maxconn_in_force();
        let mut row = StatisticsRow {
            proxy: backend.name.to_string(),
            service: plan.name.to_string(),
            kind: StatisticsKind::Server as i32,
            proxy_id: backend.id,
            service_id: plan.id,
            status: Some(view::server_status(&self.snapshot, plan)),
            mode: Some(mode(backend.mode)),
            queue_current: Some(live.queue.length()),
            queue_max: Some(live.queue.highest()),
            queue_limit: (plan.maxqueue != 0).then_some(plan.maxqueue),
            cookie: plan.cookie.clone().filter(|_| self.wanted.addresses),
            sessions_current: Some(live.sessions.now()),
            sessions_max: Some(live.sessions.highest()),
            sessions_limit: (maxconn != 0).then_some(maxconn),
            weight: Some(weight),
            throttle_percent: throttle,
            user_weight: Some(user_weight),
            active_servers: Some(u32::from(!plan.backup)),
            backup_servers: Some(u32::from(plan.backup)),
            last_change_s: Some(seconds_since(self.now, live.changed.load(Ordering::Relaxed))),
            address: plan.place().filter(|_| self.wanted.addresses).map(|place| view::target_text(&place)),
            idle_current: Some(live.connections_idle.now()),
            idle_limit: plan.pool_max_conn,
            used_current: Some(live.connections_used.now()),
            idle_unsafe_current: Some(narrow(live.idle.total().saturating_sub(live.idle_safe.total()))),
            idle_safe_current: Some(narrow(live.idle_safe.total())),
            idle_private_current: Some(narrow(live.idle_private.total())),
            need_estimate: Some(narrow(live.needed.total())),
            ..self.exchanges(http, &live.exchanges)
        };
        responses(&mut row, http, &live.exchanges.statuses);
        traffic(&mut row, &live.exchanges.traffic);
        health(&mut row, plan, self.now);
        row
    }

    fn backend(&self, plan: &BackendPlan) -> StatisticsRow {
        let live = &plan.live;
        let http = plan.mode == Mode::Http;
        let usable = Usable::of(plan, self.now);
        let (outages, down_millis) = live.outages.totals(self.now);
        let algorithm = algorithm(&plan.picker.plan().algorithm);
        let mut row = StatisticsRow {
            proxy: plan.name.to_string(),
            service: "BACKEND".to_owned(),
            kind: StatisticsKind::Backend as i32,
            proxy_id: plan.id,
            status: Some(view::status(view::backend_condition(plan))),
            mode: Some(mode(plan.mode)),
            algorithm: self.wanted.addresses.then(|| algorithm.to_owned()),
            queue_current: Some(live.queue.length()),
            queue_max: Some(live.queue.highest()),
            cookie: plan
                .cookie
                .as_ref()
                .filter(|_| self.wanted.addresses)
                .map(|plan| plan.cookie.name.to_string()),
            sessions_current: Some(live.sessions.now()),
            sessions_max: Some(live.sessions.highest()),
            sessions_limit: Some(live.fullconn.load(Ordering::Relaxed)),
            requests_denied_total: Some(live.denied_requests.sum()),
            weight: Some(usable.weight),
            user_weight: Some(usable.weight),
            active_servers: Some(usable.active),
            backup_servers: Some(usable.backup),
            servers_up: Some(usable.active.saturating_add(usable.backup)),
            servers_total: Some(u32::try_from(plan.servers.len()).unwrap_or(u32::MAX)),
            went_down_total: Some(outages),
            downtime_s: Some(narrow(down_millis / 1000)),
            last_change_s: Some(seconds_since(self.now, live.changed.load(Ordering::Relaxed))),
            ..self.exchanges(http, &live.exchanges)
        };
        responses(&mut row, http, &live.exchanges.statuses);
        traffic(&mut row, &live.exchanges.traffic);
        h1_of_backend(&mut row, plan, http);
        row
    }

    /// The columns that count the exchanges of a server or a backend.
    fn exchanges(&self, http: bool, exchanges: &Exchanges) -> StatisticsRow {
        let samples = exchanges.sessions_total.sum();
        StatisticsRow {
            sessions_total: Some(samples),
            sessions_rate: Some(narrow(exchanges.session_rate.at(self.now))),
            sessions_rate_max: Some(narrow(exchanges.session_rate.highest())),
            bytes_in_total: Some(exchanges.traffic.bytes_in.sum()),
            bytes_out_total: Some(exchanges.traffic.bytes_out.sum()),
            responses_denied_total: Some(exchanges.denied_responses.sum()),
            connect_errors_total: Some(exchanges.connection_errors.sum()),
            response_errors_total: Some(exchanges.response_errors.sum()),
            retries_total: Some(exchanges.retries.sum()),
            redispatches_total: Some(exchanges.redispatches.sum()),
            picked_total: Some(exchanges.chosen.sum()),
            requests_total: http.then(|| exchanges.requests.sum()),
            client_aborts_total: Some(exchanges.client_aborts.sum()),
            server_aborts_total: Some(exchanges.server_aborts.sum()),
            last_session_s: Some(last_session(self.now, exchanges.last_session())),
            queue_time_ms: Some(mean(&exchanges.queue_time, samples)),
            connect_time_ms: Some(mean(&exchanges.connect_time, samples)),
            response_time_ms: Some(mean(&exchanges.response_time, samples)),
            total_time_ms: Some(mean(&exchanges.total_time, samples)),
            queue_time_max_ms: Some(exchanges.queue_time.highest()),
            connect_time_max_ms: Some(exchanges.connect_time.highest()),
            response_time_max_ms: Some(exchanges.response_time.highest()),
            total_time_max_ms: Some(exchanges.total_time.highest()),
            connects_total: Some(exchanges.connects.sum()),
            reuses_total: Some(exchanges.reuses.sum()),
            internal_errors_total: Some(exchanges.internal_errors.sum()),
            ..StatisticsRow::default()
        }
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
