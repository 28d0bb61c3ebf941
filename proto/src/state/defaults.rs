//! How proxies and servers take over what they do not set themselves.

use std::collections::BTreeSet;

use super::{State, Touched, contained};
use crate::model::{
    Backend, BackendChecks, BackendSettings, Balancing, CheckRule, ClientConduct, Defaults, Dialling,
    ErrorPage, Frontend, FrontendSettings, Kind, LogPlan, Name, Persistence, Probes, ProxyOption, Row,
    Server, ServerChecks, ServerConduct, ServerSettings, Subject,
};

impl State {
    /// All settings of a frontend: its own over those of its defaults.
    pub fn frontend_settings(&self, frontend: &Frontend) -> FrontendSettings {
        let chain = self.defaults_chain(frontend.from.as_ref()).unwrap_or_default();
        let own = (*frontend.settings).clone();
        chain.iter().fold(own, |settings, defaults| settings.over(&defaults.frontend))
    }

    /// All settings of a backend: its own over those of its defaults.
    pub fn backend_settings(&self, backend: &Backend) -> BackendSettings {
        let chain = self.defaults_chain(backend.from.as_ref()).unwrap_or_default();
        let own = (*backend.settings).clone();
        chain.iter().fold(own, |settings, defaults| settings.over(&defaults.backend))
    }

    /// All settings of a server: its own over those of its backend's `default-server` and defaults.
    pub fn server_settings(&self, server: &Server) -> ServerSettings {
        match self.backend(&server.at.backend) {
            Some(backend) => server.settings.over(&self.backend_settings(backend).default_server),
            None => server.settings.clone(),
        }
    }

    /// Whether a proxy that starts from these defaults is off by them.
    pub fn disabled_by_defaults(&self, from: Option<&Name>) -> bool {
        self.defaults_chain(from).unwrap_or_default().iter().any(|defaults| defaults.disabled)
    }

    /// The defaults from the nearest to the farthest; `None` when they go in a circle.
    pub(super) fn defaults_chain(&self, from: Option<&Name>) -> Option<Vec<&Defaults>> {
        let mut chain: Vec<&Defaults> = Vec::new();
        let mut next = from;
        while let Some(defaults) = next.and_then(|name| self.defaults(name)) {
            if chain.iter().any(|seen| seen.name == defaults.name) {
                return None;
            }
            chain.push(defaults);
            next = defaults.from.as_ref();
        }
        Some(chain)
    }
}

/// The touched subjects, and the proxies that start from touched defaults.
pub(super) fn widen(state: &State, mut touched: Touched) -> Touched {
    let mut changed: Vec<Name> = touched
        .iter()
        .filter_map(|subject| match subject {
            Subject::Defaults(name) => Some(name.clone()),
            _ => None,
        })
        .collect();
    while let Some(name) = changed.pop() {
        for row in
            [Kind::Defaults, Kind::Frontend, Kind::Backend].into_iter().flat_map(|kind| state.rows(kind))
        {
            let from = match row.as_ref() {
                Row::Defaults(row) => row.from.as_ref(),
                Row::Frontend(row) => row.from.as_ref(),
                Row::Backend(row) => row.from.as_ref(),
                _ => None,
            };
            if from == Some(&name) && touched.insert(row.subject()) {
                if let Row::Defaults(row) = row.as_ref() {
                    changed.push(row.name.clone());
                }
                touched
                    .extend(contained(&state.effective, &row.subject()).map(|(subject, _)| subject.clone()));
            }
        }
    }
    touched
}

/// Takes each named field from `base` where `own` does not set it.
macro_rules! over {
    ($own:expr, $base:expr, $type:ident { $($field:ident),* $(,)? } $($rest:tt)*) => {
        $type { $($field: $own.$field.clone().or_else(|| $base.$field.clone()),)* $($rest)* }
    };
}

impl FrontendSettings {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &FrontendSettings) -> FrontendSettings {
        over!(self, base, FrontendSettings {
            mode, maxconn, backlog, rate_limit_sessions, timeout_client, timeout_client_fin, timeout_http_request,
            timeout_http_keep_alive, http_connection, forwardfor, originalto, buffer_request, log_format,
            log_format_sd, error_log_format, unique_id_format, unique_id_header, capture_cookie, log_tag, dontlognull, dontlog_normal,
            logasap, log_separate_errors, accept_unsafe_request, http_ignore_probes, clitcpka, nolinger,
            socket_stats, default_backend,
        } log: log_over(&self.log, &base.log),
          // Defaults have none, as in HAProxy.
          request_captures: self.request_captures.clone(),
          response_captures: self.response_captures.clone(),
          error_pages: pages_over(&self.error_pages, &base.error_pages),
          error_sections: base.error_sections.iter().chain(&self.error_sections).cloned().collect(),
          probes: self.probes.over(&base.probes),
          conduct: self.conduct.over(&base.conduct),
          table: self.table.clone(), rules: self.rules.over(&base.rules))
    }
}

impl BackendSettings {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &BackendSettings) -> BackendSettings {
        over!(self, base, BackendSettings {
            mode, balance, timeout_connect, timeout_server, timeout_server_fin, timeout_queue, timeout_tunnel,
            http_connection, http_reuse, forwardfor, originalto, buffer_request, retries, redispatch, retry_on, fullconn, prefer_last_server, abortonclose,
            accept_unsafe_response, srvtcpka, nolinger, unpublished, source, dispatch, transparent,
            server_states, server_state_file_name,
        } log: log_over(&self.log, &base.log),
          balancing: self.balancing.over(&base.balancing),
          persistence: self.persistence.over(&base.persistence),
          default_server: self.default_server.over(&base.default_server),
          error_pages: pages_over(&self.error_pages, &base.error_pages),
          error_sections: base.error_sections.iter().chain(&self.error_sections).cloned().collect(),
          checks: self.checks.over(&base.checks),
          probes: self.probes.over(&base.probes),
          conduct: self.conduct.over(&base.conduct),
          table: self.table.clone(), rules: self.rules.over(&base.rules))
    }
}

impl BackendChecks {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &BackendChecks) -> BackendChecks {
        let rules = |own: &Vec<CheckRule>, base: &Vec<CheckRule>| {
            if own.is_empty() { base.clone() } else { own.clone() }
        };
        over!(self, base, BackendChecks { kind, disable_on_404, send_state, timeout, log, command, path }
            http_rules: rules(&self.http_rules, &base.http_rules),
            tcp_rules: rules(&self.tcp_rules, &base.tcp_rules))
    }
}

impl ServerChecks {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &ServerChecks) -> ServerChecks {
        over!(
            self,
            base,
            ServerChecks {
                check,
                inter,
                fastinter,
                downinter,
                rise,
                fall,
                port,
                host,
                send_proxy,
                agent,
                agent_host,
                agent_port,
                agent_inter,
                agent_send,
                observe,
                on_error,
                error_limit,
                shutdown_sessions,
                shutdown_backup_sessions,
                track,
                init_state,
            }
        )
    }
}

impl Balancing {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &Balancing) -> Balancing {
        over!(self, base, Balancing { hash_type, hash_balance_factor, allbackups })
    }
}

impl Persistence {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &Persistence) -> Persistence {
        over!(self, base, Persistence { cookie, dynamic_key, dynamic, rdp_cookie, force })
    }
}

impl ServerSettings {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &ServerSettings) -> ServerSettings {
        over!(
            self,
            base,
            ServerSettings {
                weight,
                slowstart,
                maxconn,
                minconn,
                maxqueue,
                cookie,
                backup,
                disabled,
                send_proxy,
                pool_max_conn,
                pool_low_conn,
                pool_purge_delay,
                max_reuse,
                non_stick,
                source,
            }
            dialling: dialling_over(self.dialling.as_deref(), base.dialling.as_deref()),
            naming: self.naming.over(&base.naming),
            checks: self.checks.over(&base.checks)
        )
    }
}

impl Probes {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &Probes) -> Probes {
        over!(self, base, Probes { count, idle, interval })
    }
}

impl Dialling {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &Dialling) -> Dialling {
        over!(self, base, Dialling {
            user_timeout, fast_open, congestion, namespace, socks, check_via_socks, redirect, hash_key,
        } proxy_options: options_over(&self.proxy_options, &base.proxy_options))
    }
}

impl ClientConduct {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &ClientConduct) -> ClientConduct {
        over!(self, base, ClientConduct { idle_close, adjust_case, header_names })
    }
}

impl ServerConduct {
    /// These settings, completed by `base`.
    pub fn over(&self, base: &ServerConduct) -> ServerConduct {
        over!(
            self,
            base,
            ServerConduct { pretend_keepalive, adjust_case, header_names, name_header, max_keep_alive_queue }
        )
    }
}

fn dialling_over(own: Option<&Dialling>, base: Option<&Dialling>) -> Option<Box<Dialling>> {
    match (own, base) {
        (Some(own), Some(base)) => Some(Box::new(own.over(base))),
        (one, other) => one.or(other).cloned().map(Box::new),
    }
}

/// What either says, in ascending order.
fn options_over(own: &[ProxyOption], base: &[ProxyOption]) -> Vec<ProxyOption> {
    own.iter().chain(base).copied().collect::<BTreeSet<_>>().into_iter().collect()
}

/// Targets add up, as `log` lines do; `no log` ends what was inherited.
fn log_over(own: &Option<LogPlan>, base: &Option<LogPlan>) -> Option<LogPlan> {
    match (own, base) {
        (
            Some(LogPlan::To { global, targets }),
            Some(LogPlan::To { global: base_global, targets: base_targets }),
        ) => {
            let targets = base_targets.iter().chain(targets).cloned().collect();
            Some(LogPlan::To { global: *global || *base_global, targets })
        }
        (Some(own), _) => Some(own.clone()),
        (None, base) => base.clone(),
    }
}

fn pages_over(own: &[ErrorPage], base: &[ErrorPage]) -> Vec<ErrorPage> {
    let inherited = base.iter().filter(|page| !own.iter().any(|mine| mine.status == page.status));
    let mut pages: Vec<ErrorPage> = own.iter().chain(inherited).cloned().collect();
    pages.sort_by_key(|page| page.status);
    pages
}
