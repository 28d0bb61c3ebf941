//! Backends.

use super::frontend::{model_error_pages, model_forwardfor, model_sections, wire_forwardfor};
use super::{choice, field, socket, v1};
use crate::model::{Backend, BackendSettings};
use crate::problem::Problem;

impl From<&Backend> for v1::Backend {
    fn from(backend: &Backend) -> Self {
        v1::Backend {
            name: backend.name.to_string(),
            id: backend.id,
            order: backend.order,
            from: backend.from.as_ref().map(ToString::to_string),
            listen: backend.listen,
            disabled: backend.disabled,
            description: backend.description.clone(),
            guid: backend.guid.as_ref().map(ToString::to_string),
            settings: field::unless_default(&*backend.settings),
        }
    }
}

impl TryFrom<v1::Backend> for Backend {
    type Error = Problem;

    fn try_from(backend: v1::Backend) -> Result<Self, Problem> {
        Ok(Backend {
            name: field::name("name", &backend.name)?,
            id: backend.id,
            order: backend.order,
            from: field::optional_name("from", backend.from)?,
            listen: backend.listen,
            disabled: backend.disabled,
            description: backend.description,
            guid: field::guid(backend.guid)?,
            settings: Box::new(field::defaulted("settings", backend.settings)?),
        })
    }
}

impl From<&BackendSettings> for v1::BackendSettings {
    fn from(settings: &BackendSettings) -> Self {
        let (source, source_manner) = socket::wire_source(settings.source.as_deref());
        v1::BackendSettings {
            mode: choice::number(settings.mode),
            balance: settings.balance.as_ref().map(Into::into),
            balancing: field::unless_default(&settings.balancing),
            timeout_connect_ms: settings.timeout_connect.map(|span| span.get()),
            timeout_server_ms: settings.timeout_server.map(|span| span.get()),
            timeout_server_fin_ms: settings.timeout_server_fin.map(|span| span.get()),
            timeout_queue_ms: settings.timeout_queue.map(|span| span.get()),
            timeout_tunnel_ms: settings.timeout_tunnel.map(|span| span.get()),
            http_connection: choice::number(settings.http_connection),
            http_reuse: choice::number(settings.http_reuse),
            forwardfor: wire_forwardfor(settings.forwardfor.as_ref()),
            originalto: wire_forwardfor(settings.originalto.as_ref()),
            buffer_request: settings.buffer_request,
            retries: settings.retries,
            redispatch: settings.redispatch,
            retry_on: settings.retry_on.as_ref().map(Into::into),
            persistence: field::unless_default(&settings.persistence),
            fullconn: settings.fullconn,
            log: settings.log.as_ref().map(Into::into),
            prefer_last_server: settings.prefer_last_server,
            abortonclose: settings.abortonclose,
            accept_unsafe_response: settings.accept_unsafe_response,
            srvtcpka: settings.srvtcpka,
            probes: field::unless_default(&settings.probes),
            conduct: field::unless_default(&settings.conduct),
            unpublished: settings.unpublished,
            nolinger: settings.nolinger,
            source,
            source_manner,
            dispatch: settings.dispatch.as_ref().map(Into::into),
            transparent: settings.transparent,
            server_states: choice::number(settings.server_states),
            server_state_file_name: settings.server_state_file_name.clone(),
            default_server: field::unless_default(&settings.default_server),
            table: settings.table.as_ref().map(Into::into),
            rules: field::unless_default(&settings.rules),
            error_pages: settings.error_pages.iter().map(Into::into).collect(),
            error_sections: settings.error_sections.iter().map(ToString::to_string).collect(),
            checks: field::unless_default(&settings.checks),
        }
    }
}

impl TryFrom<v1::BackendSettings> for BackendSettings {
    type Error = Problem;

    fn try_from(settings: v1::BackendSettings) -> Result<Self, Problem> {
        Ok(BackendSettings {
            mode: field::choice("mode", settings.mode)?,
            balance: field::optional("balance", settings.balance)?,
            balancing: field::defaulted("balancing", settings.balancing)?,
            timeout_connect: field::millis("timeout_connect_ms", settings.timeout_connect_ms)?,
            timeout_server: field::millis("timeout_server_ms", settings.timeout_server_ms)?,
            timeout_server_fin: field::millis("timeout_server_fin_ms", settings.timeout_server_fin_ms)?,
            timeout_queue: field::millis("timeout_queue_ms", settings.timeout_queue_ms)?,
            timeout_tunnel: field::millis("timeout_tunnel_ms", settings.timeout_tunnel_ms)?,
            http_connection: field::choice("http_connection", settings.http_connection)?,
            http_reuse: field::choice("http_reuse", settings.http_reuse)?,
            forwardfor: model_forwardfor("forwardfor", settings.forwardfor)?,
            originalto: model_forwardfor("originalto", settings.originalto)?,
            buffer_request: settings.buffer_request,
            retries: settings.retries,
            redispatch: settings.redispatch,
            retry_on: field::optional("retry_on", settings.retry_on)?,
            persistence: field::defaulted("persistence", settings.persistence)?,
            fullconn: settings.fullconn,
            log: field::optional("log", settings.log)?,
            prefer_last_server: settings.prefer_last_server,
            abortonclose: settings.abortonclose,
            accept_unsafe_response: settings.accept_unsafe_response,
            srvtcpka: settings.srvtcpka,
            probes: field::defaulted("probes", settings.probes)?,
            conduct: field::defaulted("conduct", settings.conduct)?,
            unpublished: settings.unpublished,
            nolinger: settings.nolinger,
            source: socket::model_source(settings.source, settings.source_manner)?.map(Box::new),
            dispatch: field::optional("dispatch", settings.dispatch)?,
            transparent: settings.transparent,
            server_states: field::choice("server_states", settings.server_states)?,
            server_state_file_name: settings.server_state_file_name,
            default_server: field::defaulted("default_server", settings.default_server)?,
            table: field::optional("table", settings.table)?,
            rules: field::defaulted("rules", settings.rules)?,
            error_pages: model_error_pages("error_pages", settings.error_pages)?,
            error_sections: model_sections(&settings.error_sections)?,
            checks: field::defaulted("checks", settings.checks)?,
        })
    }
}
