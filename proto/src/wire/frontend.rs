//! Frontends, binds, and what both sides share.

use std::net::IpAddr;

use super::{choice, field, logging, v1};
use crate::model::{Bind, BindRef, ErrorPage, ErrorReply, ForwardFor, Frontend, FrontendSettings, Name};
use crate::problem::Problem;

impl From<&Frontend> for v1::Frontend {
    fn from(frontend: &Frontend) -> Self {
        v1::Frontend {
            name: frontend.name.to_string(),
            id: frontend.id,
            order: frontend.order,
            from: frontend.from.as_ref().map(ToString::to_string),
            listen: frontend.listen,
            disabled: frontend.disabled,
            description: frontend.description.clone(),
            guid: frontend.guid.as_ref().map(ToString::to_string),
            settings: field::unless_default(&*frontend.settings),
        }
    }
}

impl TryFrom<v1::Frontend> for Frontend {
    type Error = Problem;

    fn try_from(frontend: v1::Frontend) -> Result<Self, Problem> {
        Ok(Frontend {
            name: field::name("name", &frontend.name)?,
            id: frontend.id,
            order: frontend.order,
            from: field::optional_name("from", frontend.from)?,
            listen: frontend.listen,
            disabled: frontend.disabled,
            description: frontend.description,
            guid: field::guid(frontend.guid)?,
            settings: Box::new(field::defaulted("settings", frontend.settings)?),
        })
    }
}

impl From<&FrontendSettings> for v1::FrontendSettings {
    fn from(settings: &FrontendSettings) -> Self {
        v1::FrontendSettings {
            mode: choice::number(settings.mode),
            maxconn: settings.maxconn,
            backlog: settings.backlog,
            rate_limit_sessions: settings.rate_limit_sessions,
            timeout_client_ms: settings.timeout_client.map(|span| span.get()),
            timeout_client_fin_ms: settings.timeout_client_fin.map(|span| span.get()),
            timeout_http_request_ms: settings.timeout_http_request.map(|span| span.get()),
            timeout_http_keep_alive_ms: settings.timeout_http_keep_alive.map(|span| span.get()),
            http_connection: choice::number(settings.http_connection),
            forwardfor: wire_forwardfor(settings.forwardfor.as_ref()),
            originalto: wire_forwardfor(settings.originalto.as_ref()),
            buffer_request: settings.buffer_request,
            log: settings.log.as_ref().map(Into::into),
            log_format: logging::wire_format(settings.log_format.as_ref()).0,
            log_format_text: logging::wire_format(settings.log_format.as_ref()).1,
            log_format_sd: settings.log_format_sd.as_ref().map(ToString::to_string),
            error_log_format: settings.error_log_format.as_ref().map(ToString::to_string),
            unique_id_format: settings.unique_id_format.as_ref().map(ToString::to_string),
            unique_id_header: settings.unique_id_header.clone(),
            capture_cookie: settings.capture_cookie.as_ref().map(Into::into),
            request_captures: settings.request_captures.iter().map(Into::into).collect(),
            response_captures: settings.response_captures.iter().map(Into::into).collect(),
            log_tag: settings.log_tag.clone(),
            dontlognull: settings.dontlognull,
            dontlog_normal: settings.dontlog_normal,
            logasap: settings.logasap,
            log_separate_errors: settings.log_separate_errors,
            accept_unsafe_request: settings.accept_unsafe_request,
            http_ignore_probes: settings.http_ignore_probes,
            clitcpka: settings.clitcpka,
            probes: field::unless_default(&settings.probes),
            conduct: field::unless_default(&settings.conduct),
            nolinger: settings.nolinger,
            socket_stats: settings.socket_stats,
            default_backend: settings.default_backend.as_ref().map(ToString::to_string),
            table: settings.table.as_ref().map(Into::into),
            rules: field::unless_default(&settings.rules),
            error_pages: settings.error_pages.iter().map(Into::into).collect(),
            error_sections: settings.error_sections.iter().map(ToString::to_string).collect(),
        }
    }
}

impl TryFrom<v1::FrontendSettings> for FrontendSettings {
    type Error = Problem;

    fn try_from(settings: v1::FrontendSettings) -> Result<Self, Problem> {
        Ok(FrontendSettings {
            mode: field::choice("mode", settings.mode)?,
            maxconn: settings.maxconn,
            backlog: settings.backlog,
            rate_limit_sessions: settings.rate_limit_sessions,
            timeout_client: field::millis("timeout_client_ms", settings.timeout_client_ms)?,
            timeout_client_fin: field::millis("timeout_client_fin_ms", settings.timeout_client_fin_ms)?,
            timeout_http_request: field::millis("timeout_http_request_ms", settings.timeout_http_request_ms)?,
            timeout_http_keep_alive: field::millis(
                "timeout_http_keep_alive_ms",
                settings.timeout_http_keep_alive_ms,
            )?,
            http_connection: field::choice("http_connection", settings.http_connection)?,
            forwardfor: model_forwardfor("forwardfor", settings.forwardfor)?,
            originalto: model_forwardfor("originalto", settings.originalto)?,
            buffer_request: settings.buffer_request,
            log: field::optional("log", settings.log)?,
            log_format: logging::model_format(settings.log_format, settings.log_format_text)?,
            log_format_sd: logging::model_text("log_format_sd", settings.log_format_sd)?,
            error_log_format: logging::model_text("error_log_format", settings.error_log_format)?,
            unique_id_format: logging::model_text("unique_id_format", settings.unique_id_format)?,
            unique_id_header: settings
                .unique_id_header
                .map(|name| field::text("unique_id_header", name))
                .transpose()?,
            capture_cookie: field::optional("capture_cookie", settings.capture_cookie)?,
            request_captures: field::list("request_captures", settings.request_captures)?,
            response_captures: field::list("response_captures", settings.response_captures)?,
            log_tag: settings.log_tag,
            dontlognull: settings.dontlognull,
            dontlog_normal: settings.dontlog_normal,
            logasap: settings.logasap,
            log_separate_errors: settings.log_separate_errors,
            accept_unsafe_request: settings.accept_unsafe_request,
            http_ignore_probes: settings.http_ignore_probes,
            clitcpka: settings.clitcpka,
            probes: field::defaulted("probes", settings.probes)?,
            conduct: field::defaulted("conduct", settings.conduct)?,
            nolinger: settings.nolinger,
            socket_stats: settings.socket_stats,
            default_backend: field::optional_name("default_backend", settings.default_backend)?,
            table: field::optional("table", settings.table)?,
            rules: field::defaulted("rules", settings.rules)?,
            error_pages: model_error_pages("error_pages", settings.error_pages)?,
            error_sections: model_sections(&settings.error_sections)?,
        })
    }
}

impl From<&Bind> for v1::Bind {
    fn from(bind: &Bind) -> Self {
        v1::Bind {
            at: Some((&bind.at).into()),
            id: bind.id,
            order: bind.order,
            guid: bind.guid.as_ref().map(ToString::to_string),
            address: Some((&bind.address).into()),
            maxconn: bind.maxconn,
            backlog: bind.backlog,
            accept_proxy: bind.accept_proxy,
            v4v6: bind.v4v6,
            v6only: bind.v6only,
            defer_accept: bind.defer_accept,
            interface: bind.interface.clone(),
            socket: field::unless_default(&bind.socket),
            file: field::unless_default(&bind.file),
        }
    }
}

impl TryFrom<v1::Bind> for Bind {
    type Error = Problem;

    fn try_from(bind: v1::Bind) -> Result<Self, Problem> {
        Ok(Bind {
            at: field::required("at", bind.at)?,
            id: bind.id,
            order: bind.order,
            guid: field::guid(bind.guid)?,
            address: field::required("address", bind.address)?,
            maxconn: bind.maxconn,
            backlog: bind.backlog,
            accept_proxy: bind.accept_proxy,
            v4v6: bind.v4v6,
            v6only: bind.v6only,
            defer_accept: bind.defer_accept,
            interface: bind.interface.map(|name| field::text("interface", name)).transpose()?,
            socket: field::defaulted("socket", bind.socket)?,
            file: field::defaulted("file", bind.file)?,
        })
    }
}

impl From<&BindRef> for v1::BindRef {
    fn from(at: &BindRef) -> Self {
        v1::BindRef { frontend: at.frontend.to_string(), bind: at.bind.to_string() }
    }
}

impl TryFrom<v1::BindRef> for BindRef {
    type Error = Problem;

    fn try_from(at: v1::BindRef) -> Result<Self, Problem> {
        Ok(BindRef { frontend: field::name("frontend", &at.frontend)?, bind: field::name("bind", &at.bind)? })
    }
}

impl From<&ForwardFor> for v1::ForwardFor {
    fn from(forwardfor: &ForwardFor) -> Self {
        v1::ForwardFor {
            except: forwardfor
                .except
                .map(|(ip, prefix)| v1::Network { ip: ip.to_string(), prefix_length: u32::from(prefix) }),
            header: forwardfor.header.clone(),
            if_none: forwardfor.if_none,
        }
    }
}

impl TryFrom<v1::ForwardFor> for ForwardFor {
    type Error = Problem;

    fn try_from(forwardfor: v1::ForwardFor) -> Result<Self, Problem> {
        Ok(ForwardFor {
            except: forwardfor
                .except
                .map(|except| field::within("except", model_network(&except)))
                .transpose()?,
            header: forwardfor.header.map(|header| field::text("header", header)).transpose()?,
            if_none: forwardfor.if_none,
        })
    }
}

impl From<&ErrorPage> for v1::ErrorPage {
    fn from(page: &ErrorPage) -> Self {
        use v1::error_page::Reply;
        let reply = match &page.reply {
            ErrorReply::File { path, content } => {
                Reply::File(v1::ErrorFile { path: path.clone(), content: content.clone() })
            }
            ErrorReply::Location { code, location } => {
                Reply::Location(v1::ErrorLocation { code: u32::from(*code), location: location.clone() })
            }
            ErrorReply::Section(name) => Reply::Section(name.to_string()),
            ErrorReply::Made(reply) => Reply::Made(super::rules::wire_reply(reply)),
        };
        v1::ErrorPage { status: u32::from(page.status), reply: Some(reply) }
    }
}

impl TryFrom<v1::ErrorPage> for ErrorPage {
    type Error = Problem;

    fn try_from(page: v1::ErrorPage) -> Result<Self, Problem> {
        use v1::error_page::Reply;
        let status = u16::try_from(field::ranged("status", page.status, 100, 599)?)
            .map_err(|error| field::out_of_range("status", error))?;
        let reply = match page
            .reply
            .ok_or_else(|| field::missing("reply", "one of file, location, section and made"))?
        {
            Reply::File(file) => ErrorReply::File { path: file.path, content: file.content },
            Reply::Location(location) => {
                let code = match location.code {
                    302 => 302,
                    303 => 303,
                    other => {
                        let text = format!("{other} is out of range: 302 or 303 is accepted");
                        return Err(field::out_of_range("location.code", text));
                    }
                };
                ErrorReply::Location { code, location: location.location }
            }
            Reply::Section(name) => ErrorReply::Section(field::name("section", &name)?),
            Reply::Made(made) => {
                ErrorReply::Made(Box::new(field::within("made", super::rules::model_reply(&made))?))
            }
        };
        Ok(ErrorPage { status, reply })
    }
}

/// What both sides say about the client's address: not said, not added, or added like this.
pub(super) fn wire_forwardfor(forwardfor: Option<&Option<ForwardFor>>) -> Option<v1::ForwardForPlan> {
    forwardfor.map(|plan| v1::ForwardForPlan { add: plan.as_ref().map(Into::into) })
}

/// The reverse of [`wire_forwardfor`], for the field of this name.
pub(super) fn model_forwardfor(
    name: &str,
    plan: Option<v1::ForwardForPlan>,
) -> Result<Option<Option<ForwardFor>>, Problem> {
    plan.map(|plan| field::within(name, field::optional("add", plan.add))).transpose()
}

/// Names of shared pages.
pub(super) fn model_sections(names: &[String]) -> Result<Vec<Name>, Problem> {
    let named = |(at, name): (usize, &String)| field::name(&format!("error_sections[{at}]"), name);
    names.iter().enumerate().map(named).collect()
}

/// Error pages in ascending order of status, each status once.
pub(super) fn model_error_pages(name: &str, pages: Vec<v1::ErrorPage>) -> Result<Vec<ErrorPage>, Problem> {
    let pages: Vec<ErrorPage> = field::list(name, pages)?;
    match pages.windows(2).position(|pair| matches!(pair, [one, next] if one.status >= next.status)) {
        Some(at) => {
            let place = format!("{name}[{}].status", at.saturating_add(1));
            Err(field::malformed(&place, "it is not above the one before: ascending order is expected"))
        }
        None => Ok(pages),
    }
}

pub(super) fn model_network(network: &v1::Network) -> Result<(IpAddr, u8), Problem> {
    let ip = field::ip("ip", &network.ip)?;
    let highest = if ip.is_ipv4() { 32 } else { 128 };
    let prefix = field::ranged("prefix_length", network.prefix_length, 0, highest)?;
    let prefix = u8::try_from(prefix).map_err(|error| field::out_of_range("prefix_length", error))?;
    Ok((ip, prefix))
}
