//! Frontends as the data path reads them.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use regate_proto::model::{
    Bind, BindAddress, BindHost, Capture, ClientConduct, CookieCapture, ErrorPage, ErrorReply, ForwardFor,
    Guid, HttpConnection, Mode, Name, Probes, Row, Subject,
};
use regate_proto::problem::{Code, Problem};
use regate_proto::state::State;

use super::BackendPlan;
use super::format::{FormatPlan, Needs};
use super::logging::LogPlan;
use super::rules::{self, ReplyPlan, RulesPlan, TargetPlan};
use crate::live::{BindLive, FrontendLive, Live};

/// A frontend as the data path reads it. Times are in milliseconds, 0 meaning no limit.
#[derive(Debug)]
pub struct FrontendPlan {
    /// Its name.
    pub name: Name,
    /// Its number in statistics.
    pub id: u32,
    /// What it is called whatever becomes of its name.
    pub guid: Option<Guid>,
    /// Whether it is one half of a `listen` section.
    pub listen: bool,
    /// Whether its binds have rows of their own in statistics.
    pub socket_stats: bool,
    /// What it forwards.
    pub mode: Mode,
    /// Whether its binds do not listen.
    pub disabled: bool,
    /// Whether it was shut down for good.
    pub shut_down: bool,
    /// Most client connections, 0 for no limit of its own.
    pub maxconn: u32,
    /// The same as it was before anything was changed by hand, for what is reckoned from it.
    pub initial_maxconn: u32,
    /// The backends that its settings name as those that requests go to, each once.
    pub leads_to: Box<[Name]>,
    /// Most new sessions a second, 0 for no limit.
    pub session_rate_limit: u32,
    /// Longest silence of a client.
    pub client_timeout: u32,
    /// Longest silence of a half-closed client.
    pub client_fin_timeout: u32,
    /// Longest time for a request's head.
    pub request_timeout: u32,
    /// Longest wait for a further request.
    pub keep_alive_timeout: u32,
    /// What happens to connections between requests.
    pub connection: HttpConnection,
    /// How the client's address is added to requests.
    pub forwardfor: Option<ForwardPlan>,
    /// The address that clients connected to in a header.
    pub originalto: Option<ForwardPlan>,
    /// Whether bodies are awaited before rules look at requests.
    pub buffers_requests: bool,
    /// What is logged, and where to.
    pub log: Option<Arc<LogPlan>>,
    /// What the identifier of a request is made of.
    pub unique_id: Option<FormatPlan>,
    /// What must be known for its lines and identifiers and is not free to know.
    pub needs: Needs,
    /// The header that carries the identifier to the server.
    pub unique_id_header: Option<String>,
    /// What is kept of messages.
    pub captures: CapturePlan,
    /// Whether the request parser is relaxed.
    pub accept_unsafe: bool,
    /// Whether connections without a request get no error page and no line.
    pub ignore_probes: bool,
    /// Whether TCP keep-alive probes are sent.
    pub tcp_keep_alive: bool,
    /// What those are like.
    pub probes: Probes,
    /// How messages are treated.
    pub conduct: ClientConduct,
    /// Whether connections close by reset.
    pub no_linger: bool,
    /// The backend of requests that no rule routes.
    pub default_backend: Option<Name>,
    /// What replaces the built-in error pages.
    pub error_pages: ErrorPages,
    /// What it does with requests and responses.
    pub rules: RulesPlan,
    /// Its binds, in the order of listings.
    pub binds: Vec<Arc<BindPlan>>,
    /// What is observed of it.
    pub live: Arc<FrontendLive>,
}

/// A bind as the data path reads it.
#[derive(Debug)]
pub struct BindPlan {
    /// Its row.
    pub row: Bind,
    /// Where it listens, a host name resolved.
    pub address: BindAddress,
    /// Length of the kernel's accept queue.
    pub backlog: u32,
    /// What is observed of it.
    pub live: Arc<BindLive>,
}

/// How the client's address is added to requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardPlan {
    /// The header's name.
    pub header: String,
    /// Clients of this network are not named.
    pub except: Option<(IpAddr, u8)>,
    /// Whether a header that is already there is left alone.
    pub if_none: bool,
}

impl ForwardPlan {
    /// What `option forwardfor` says, where it is on.
    pub fn of_client(forward: &Option<Option<ForwardFor>>) -> Option<ForwardPlan> {
        ForwardPlan::compile(forward, "X-Forwarded-For")
    }

    /// What `option originalto` says, where it is on.
    pub fn of_destination(forward: &Option<Option<ForwardFor>>) -> Option<ForwardPlan> {
        ForwardPlan::compile(forward, "X-Original-To")
    }

    fn compile(forward: &Option<Option<ForwardFor>>, header: &str) -> Option<ForwardPlan> {
        forward.as_ref()?.as_ref().map(|forward| ForwardPlan {
            header: forward.header.clone().unwrap_or_else(|| header.to_owned()),
            except: forward.except,
            if_none: forward.if_none,
        })
    }
}

/// What is kept of messages for lines and rules.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapturePlan {
    /// Of requests, in order.
    pub request: Box<[Capture]>,
    /// Of responses, in order.
    pub response: Box<[Capture]>,
    /// The cookie.
    pub cookie: Option<CookieCapture>,
}

impl CapturePlan {
    /// How many values of requests and of responses are kept.
    pub fn counts(&self) -> [usize; 2] {
        [self.request.len(), self.response.len()]
    }
}

/// Replies that replace the built-in error pages.
#[derive(Debug, Default)]
pub struct ErrorPages {
    /// What stands for a status.
    pages: Vec<(u16, PagePlan)>,
    /// Shared pages for every other status, the last that has it first.
    sections: Vec<Name>,
}

/// What stands for an error page.
#[derive(Debug)]
enum PagePlan {
    /// A whole message.
    Message(Arc<[u8]>),
    /// The page of the same status of shared ones.
    Section(Name),
    /// A message that is made for each request.
    Made(Box<ReplyPlan>),
}

/// An error page.
#[derive(Clone, Copy, Debug)]
pub enum Page<'a> {
    /// A whole message.
    Message(&'a [u8]),
    /// A message that is made for each request.
    Made(&'a ReplyPlan),
}

/// Shared error pages by name.
pub type SharedPages = BTreeMap<Name, ErrorPages>;

impl ForwardPlan {
    /// Whether this client's address is not to be added.
    pub fn excepts(&self, client: IpAddr) -> bool {
        let Some((network, bits)) = self.except else { return false };
        match (network, client) {
            (IpAddr::V4(network), IpAddr::V4(client)) => {
                let mask = u32::MAX.checked_shl(32u32.saturating_sub(u32::from(bits))).unwrap_or(0);
                u32::from(network) & mask == u32::from(client) & mask
            }
            (IpAddr::V6(network), IpAddr::V6(client)) => {
                let mask = u128::MAX.checked_shl(128u32.saturating_sub(u32::from(bits))).unwrap_or(0);
                u128::from(network) & mask == u128::from(client) & mask
            }
            _ => false,
        }
    }
}

impl FrontendPlan {
    /// Whether this backend is the other half of the same listen section: they have the same rules.
    pub fn is_half_with(&self, backend: &BackendPlan) -> bool {
        self.listen && backend.listen && self.name == backend.name
    }
}

impl ErrorPages {
    /// Compiles pages, and the names of shared ones; the reason where one cannot be made.
    pub(super) fn compile(pages: &[ErrorPage], sections: &[Name]) -> Result<ErrorPages, String> {
        let plan = |page: &ErrorPage| {
            Ok::<PagePlan, String>(match &page.reply {
                ErrorReply::File { content, .. } => PagePlan::Message(Arc::from(content.as_slice())),
                ErrorReply::Location { code, location } => {
                    let reason = if *code == 303 { "See Other" } else { "Found" };
                    let text = format!(
                        "HTTP/1.1 {code} {reason}\r\ncache-control: no-cache\r\ncontent-length: 0\r\nlocation: {location}\r\n\r\n"
                    );
                    PagePlan::Message(Arc::from(text.into_bytes().as_slice()))
                }
                ErrorReply::Section(name) => PagePlan::Section(name.clone()),
                ErrorReply::Made(reply) => PagePlan::Made(Box::new(rules::reply(reply, page.status, false)?)),
            })
        };
        let pages = pages.iter().map(|page| Ok((page.status, plan(page)?)));
        Ok(ErrorPages { pages: pages.collect::<Result<_, String>>()?, sections: sections.to_vec() })
    }

    /// The page of a status, where one was configured.
    pub fn find<'a>(&'a self, status: u16, shared: &'a SharedPages) -> Option<Page<'a>> {
        let of = |name: &Name| shared.get(name)?.own(status);
        match self.pages.iter().find(|(known, _)| *known == status) {
            Some((_, PagePlan::Section(name))) => of(name),
            Some((_, PagePlan::Message(message))) => Some(Page::Message(message)),
            Some((_, PagePlan::Made(plan))) => Some(Page::Made(plan)),
            None => self.sections.iter().rev().find_map(of),
        }
    }

    /// Whether some page is made for each request.
    pub fn are_made(&self) -> bool {
        self.pages.iter().any(|(_, page)| matches!(page, PagePlan::Made(_)))
    }

    /// The page of a status among these themselves.
    fn own(&self, status: u16) -> Option<Page<'_>> {
        match self.pages.iter().find(|(known, _)| *known == status)? {
            (_, PagePlan::Message(message)) => Some(Page::Message(message)),
            (_, PagePlan::Made(plan)) => Some(Page::Made(plan)),
            (_, PagePlan::Section(_)) => None,
        }
    }
}

/// Compiles one frontend with its binds.
pub(super) fn compile(
    state: &State,
    row: &regate_proto::model::Frontend,
    live: &Live,
) -> Result<FrontendPlan, Vec<Problem>> {
    let settings = state.frontend_settings(row);
    let unsuitable =
        |reason: String| vec![Problem::about(Code::Unsuitable, &Subject::Frontend(row.name.clone()), reason)];
    let mode = settings.mode.unwrap_or(Mode::Tcp);
    let millis = |value: Option<regate_proto::model::Millis>| value.map(|millis| millis.get());
    let client_timeout = millis(settings.timeout_client).unwrap_or(0);
    let request_timeout = millis(settings.timeout_http_request);
    let binds = state.binds(&row.name).into_iter().map(|bind| {
        let limit = settings.maxconn.filter(|limit| *limit != 0);
        let backlog = bind.backlog.or(settings.backlog).or(limit).unwrap_or(DEFAULT_BACKLOG);
        let address = match &bind.address {
            BindAddress::Inet { host: BindHost::Named(name), ports } => {
                let host = live.host(name).map_or_else(|| BindHost::Named(name.clone()), BindHost::Ip);
                BindAddress::Inet { host, ports: *ports }
            }
            address => address.clone(),
        };
        Arc::new(BindPlan { row: bind.clone(), address, backlog, live: live.bind(&bind.at) })
    });
    let subject = Subject::Frontend(row.name.clone());
    let rules = state.rules_in_force(&subject, &settings.rules);
    let rules = RulesPlan::compile(&rules.with_own_table(&row.name), mode, &subject)
        .map_err(|reasons| rules::problems(&subject, reasons))?;
    let log = LogPlan::compile(state, &state.global(), &settings, mode, live);
    let captures = [settings.request_captures.len(), settings.response_captures.len()];
    let unique_id = settings.unique_id_format.as_ref().map(|format| FormatPlan::of_line(format, captures));
    let log = log.map_err(unsuitable)?.map(Arc::new);
    let default_backend = settings.default_backend.clone().or_else(|| row.listen.then(|| row.name.clone()));
    let initial_maxconn = match state.initial(&subject) {
        Some(Row::Frontend(initial)) => state.frontend_settings(initial).maxconn,
        _ => settings.maxconn,
    };
    let unique_id = unique_id.transpose().map_err(unsuitable)?;
    let needs = unique_id.as_ref().map(|plan| plan.needs).unwrap_or_default();
    Ok(FrontendPlan {
        needs: log.as_ref().map_or(needs, |plan| plan.needs.or(needs)),
        name: row.name.clone(),
        id: row.id,
        guid: row.guid.clone(),
        listen: row.listen,
        socket_stats: settings.socket_stats == Some(true),
        mode,
        disabled: row.disabled || state.disabled_by_defaults(row.from.as_ref()),
        shut_down: state.is_shut_down(&row.name),
        maxconn: settings.maxconn.unwrap_or(0),
        initial_maxconn: initial_maxconn.unwrap_or(0),
        leads_to: destinations(default_backend.as_ref(), &rules),
        session_rate_limit: settings.rate_limit_sessions.unwrap_or(0),
        client_timeout,
        client_fin_timeout: millis(settings.timeout_client_fin).unwrap_or(client_timeout),
        request_timeout: request_timeout.unwrap_or(client_timeout),
        keep_alive_timeout: millis(settings.timeout_http_keep_alive)
            .or(request_timeout)
            .unwrap_or(client_timeout),
        connection: settings.http_connection.unwrap_or(HttpConnection::KeepAlive),
        forwardfor: ForwardPlan::of_client(&settings.forwardfor),
        originalto: ForwardPlan::of_destination(&settings.originalto),
        buffers_requests: settings.buffer_request.unwrap_or(false),
        log,
        unique_id,
        unique_id_header: settings.unique_id_header.clone(),
        captures: CapturePlan {
            request: settings.request_captures.as_slice().into(),
            response: settings.response_captures.as_slice().into(),
            cookie: settings.capture_cookie.clone(),
        },
        accept_unsafe: settings.accept_unsafe_request.unwrap_or(false),
        ignore_probes: settings.http_ignore_probes.unwrap_or(false),
        tcp_keep_alive: settings.clitcpka.unwrap_or(false),
        probes: settings.probes.clone(),
        conduct: settings.conduct.clone(),
        no_linger: settings.nolinger.unwrap_or(false),
        default_backend,
        rules,
        error_pages: ErrorPages::compile(&settings.error_pages, &settings.error_sections)
            .map_err(unsuitable)?,
        binds: binds.collect(),
        live: live.frontend(&row.name),
    })
}

/// The backends that are named; those whose names are made for each request are not known.
fn destinations(default: Option<&Name>, rules: &RulesPlan) -> Box<[Name]> {
    let routed = rules.routes.iter().filter_map(|route| match &route.target {
        TargetPlan::Fixed(name) => Some(name),
        TargetPlan::Made(_) => None,
    });
    routed.chain(default).collect::<BTreeSet<_>>().into_iter().cloned().collect()
}

/// What the kernel's own limit cuts down further.
const DEFAULT_BACKLOG: u32 = 4096;
