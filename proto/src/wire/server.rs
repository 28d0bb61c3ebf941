//! Servers.

use super::{choice, field, socket, v1};
use crate::model::{ProxyHeader, Server, ServerRef, ServerSettings};
use crate::problem::Problem;

impl From<&Server> for v1::Server {
    fn from(server: &Server) -> Self {
        v1::Server {
            at: Some((&server.at).into()),
            id: server.id,
            order: server.order,
            guid: server.guid.as_ref().map(ToString::to_string),
            address: Some((&server.address).into()),
            admin: choice::number(server.admin),
            paused: field::unless_default(&server.paused),
            settings: field::unless_default(&server.settings),
        }
    }
}

impl TryFrom<v1::Server> for Server {
    type Error = Problem;

    fn try_from(server: v1::Server) -> Result<Self, Problem> {
        Ok(Server {
            at: field::required("at", server.at)?,
            id: server.id,
            order: server.order,
            guid: field::guid(server.guid)?,
            address: field::required("address", server.address)?,
            admin: field::choice("admin", server.admin)?,
            paused: field::defaulted("paused", server.paused)?,
            settings: field::defaulted("settings", server.settings)?,
        })
    }
}

impl From<&ServerRef> for v1::ServerRef {
    fn from(at: &ServerRef) -> Self {
        v1::ServerRef { backend: at.backend.to_string(), server: at.server.to_string() }
    }
}

impl TryFrom<v1::ServerRef> for ServerRef {
    type Error = Problem;

    fn try_from(at: v1::ServerRef) -> Result<Self, Problem> {
        Ok(ServerRef {
            backend: field::name("backend", &at.backend)?,
            server: field::name("server", &at.server)?,
        })
    }
}

impl From<&ServerSettings> for v1::ServerSettings {
    fn from(settings: &ServerSettings) -> Self {
        let (source, source_manner) = socket::wire_source(settings.source.as_deref());
        v1::ServerSettings {
            weight: settings.weight.map(|weight| u32::from(weight.get())),
            slowstart_ms: settings.slowstart.map(|span| span.get()),
            maxconn: settings.maxconn,
            minconn: settings.minconn,
            maxqueue: settings.maxqueue,
            cookie: settings.cookie.as_ref().map(ToString::to_string),
            backup: settings.backup,
            disabled: settings.disabled,
            send_proxy: wire_header(settings.send_proxy) as i32,
            pool_max_conn: settings.pool_max_conn,
            pool_low_conn: settings.pool_low_conn,
            pool_purge_delay_ms: settings.pool_purge_delay.map(|span| span.get()),
            max_reuse: settings.max_reuse,
            non_stick: settings.non_stick,
            source,
            source_manner,
            dialling: settings.dialling.as_deref().map(Into::into),
            naming: field::unless_default(&settings.naming),
            checks: field::unless_default(&settings.checks),
        }
    }
}

impl TryFrom<v1::ServerSettings> for ServerSettings {
    type Error = Problem;

    fn try_from(settings: v1::ServerSettings) -> Result<Self, Problem> {
        Ok(ServerSettings {
            weight: settings.weight.map(|weight| field::weight("weight", weight)).transpose()?,
            slowstart: field::millis("slowstart_ms", settings.slowstart_ms)?,
            maxconn: settings.maxconn,
            minconn: settings.minconn,
            maxqueue: settings.maxqueue,
            cookie: super::persistence::server_cookie(settings.cookie)?,
            backup: settings.backup,
            disabled: settings.disabled,
            send_proxy: model_header(settings.send_proxy)?,
            pool_max_conn: limit("pool_max_conn", settings.pool_max_conn)?,
            pool_low_conn: settings.pool_low_conn,
            pool_purge_delay: field::millis("pool_purge_delay_ms", settings.pool_purge_delay_ms)?,
            max_reuse: limit("max_reuse", settings.max_reuse)?,
            non_stick: settings.non_stick,
            source: socket::model_source(settings.source, settings.source_manner)?.map(Box::new),
            dialling: field::optional("dialling", settings.dialling)?.map(Box::new),
            naming: field::defaulted("naming", settings.naming)?,
            checks: field::defaulted("checks", settings.checks)?,
        })
    }
}

fn wire_header(header: Option<Option<ProxyHeader>>) -> v1::ProxyHeader {
    match header {
        None => v1::ProxyHeader::Unspecified,
        Some(None) => v1::ProxyHeader::Off,
        Some(Some(ProxyHeader::V1)) => v1::ProxyHeader::V1,
        Some(Some(ProxyHeader::V2)) => v1::ProxyHeader::V2,
    }
}

fn model_header(number: i32) -> Result<Option<Option<ProxyHeader>>, Problem> {
    match v1::ProxyHeader::try_from(number) {
        Ok(v1::ProxyHeader::Unspecified) => Ok(None),
        Ok(v1::ProxyHeader::Off) => Ok(Some(None)),
        Ok(v1::ProxyHeader::V1) => Ok(Some(Some(ProxyHeader::V1))),
        Ok(v1::ProxyHeader::V2) => Ok(Some(Some(ProxyHeader::V2))),
        Err(_) => {
            let text = format!("{number} is not known here: 0 to 3 is accepted");
            Err(field::malformed("send_proxy", text))
        }
    }
}

/// A limit whose absence of limit is -1.
pub(super) fn limit(field: &str, value: Option<i32>) -> Result<Option<i32>, Problem> {
    match value {
        Some(value) if value < -1 => {
            let text = format!("{value} is out of range: -1 (no limit) to {} is accepted", i32::MAX);
            Err(field::out_of_range(field, text))
        }
        value => Ok(value),
    }
}
