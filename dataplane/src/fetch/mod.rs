//! What samples are fetched from, and how (configuration manual 7.3.2 to 7.3.7).
//!
//! Owns the evaluation of fetches: [`evaluate`] for a whole sample, [`any`] for one that is matched, one file for each
//! subject. It reads what a [`View`] shows and changes nothing but variables. Read `view.rs` first.

mod account;
mod authorization;
mod captures;
mod condition;
mod connection;
mod header;
mod hello;
mod opening;
mod payload;
mod process;
mod random;
mod several;
mod tables;
mod target;
mod users;
mod view;

use regate_proto::rules::{Argument, Fetch};

use self::authorization::Credentials;
use self::header::Heads;
use crate::convert;
use crate::sample::Value;
use crate::snapshot::SamplePlan;

pub use account::{Account, Phases, Timers};
pub use captures::{Captures, Side};
pub use condition::{decide, holds};
pub use hello::Read;
pub use opening::Opening;
pub(crate) use tables::{increment, key_of};
pub(crate) use users::{is_same, presented};
pub use view::{Connection, Course, Facts, Headers, Measures, Proxied, Request, Response, Sent, View};

/// The value of a sample; `None` where it has none.
pub fn evaluate<'a>(plan: &'a SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    convert_all(plan, fetch(plan, view)?, view)
}

/// Offers the values of a sample to a test, one after the other until one passes, as ACLs do: `req.hdr(name)` has as
/// many as the header has, where [`evaluate`] gives the last. Tells whether one passed; `None` where there is none.
pub fn any<'a>(
    plan: &'a SamplePlan,
    view: &View<'a>,
    mut test: impl FnMut(Value<'a>) -> bool,
) -> Option<bool> {
    if plan.steps.is_empty() && !several::may_have_several(plan.fetch) {
        return fetch(plan, view).map(test);
    }
    let mut verdict = None;
    let mut offer = |value: Value<'a>| match convert_all(plan, value, view) {
        Some(value) => {
            let passed = test(value);
            verdict = Some(passed);
            passed
        }
        None => false,
    };
    if !several::offer_each(plan, view, &mut offer)
        && let Some(value) = fetch(plan, view)
    {
        offer(value);
    }
    verdict
}

fn convert_all<'a>(plan: &'a SamplePlan, mut value: Value<'a>, view: &View<'a>) -> Option<Value<'a>> {
    for step in &plan.steps {
        value = convert::apply(step, value.cast(step.input)?, view)?;
    }
    Some(value)
}

fn fetch<'a>(plan: &'a SamplePlan, view: &View<'a>) -> Option<Value<'a>> {
    let arguments = &Arguments(&plan.arguments);
    let bytes = |text: &'a [u8]| Value::text(text);
    let int = |number: i64| Some(Value::Int(number));
    let count = |number: usize| Some(Value::Int(number as i64));
    match plan.fetch {
        Fetch::AlwaysFalse => Some(Value::Bool(false)),
        Fetch::AlwaysTrue => Some(Value::Bool(true)),
        Fetch::Bin => match arguments.0.first()? {
            Argument::Bytes(bytes) => Some(Value::Bin(bytes.as_slice().into())),
            _ => None,
        },
        Fetch::Bool => match arguments.0.first()? {
            Argument::Truth(truth) => Some(Value::Bool(*truth)),
            _ => None,
        },
        Fetch::Environment => process::environment(arguments.text(0)?),
        Fetch::Int => int(arguments.int(0)?),
        Fetch::Ipv4 | Fetch::Ipv6 => match arguments.0.first()? {
            Argument::Ip(ip) => Some(Value::ip(*ip)),
            _ => None,
        },
        Fetch::ConstantMethod => Some(Value::Method(arguments.text(0)?.as_bytes().into())),
        Fetch::Str => Some(bytes(arguments.text(0).unwrap_or_default().as_bytes())),
        Fetch::Var => variable(arguments, view),

        Fetch::AverageQueue => int(process::queued_on_average(process::backend(arguments, view)?)),
        Fetch::BackendSessions => int(process::backend(arguments, view)?.live.sessions.now().into()),
        Fetch::BackendRoom => int(process::room(process::backend(arguments, view)?)),
        Fetch::BackendSessionRate => {
            let rate = &process::backend(arguments, view)?.live.exchanges.session_rate;
            int(rate.at(view.now) as i64)
        }
        Fetch::ConnectionSlots => int(process::slots(process::backend(arguments, view)?)),
        Fetch::Date => process::date(arguments),
        Fetch::DateMicros => process::micros(),
        Fetch::FrontendSessions => int(process::frontend(arguments, view)?.sessions.now().into()),
        Fetch::FrontendRequestRate => {
            int(process::frontend(arguments, view)?.request_rate.at(view.now) as i64)
        }
        Fetch::FrontendSessionRate => {
            int(process::frontend(arguments, view)?.session_rate.at(view.now) as i64)
        }
        Fetch::Hostname => Some(bytes(process::hostname())),
        Fetch::LastEntity => view.facts.last_rule.map(process::placed),
        Fetch::WaitingEntity => view.facts.waiting_rule.map(process::placed),
        Fetch::LastRuleFile => view.facts.last_rule.map(|(file, _)| bytes(file.as_bytes())),
        Fetch::LastRuleLine => view.facts.last_rule.map(|(_, line)| Value::Int(line.into())),
        Fetch::ProcessCount | Fetch::ProcessNumber => int(1),
        Fetch::UsableServers => int(process::usable(process::backend(arguments, view)?)),
        Fetch::ProcessId => int(std::process::id().into()),
        Fetch::PriorityClass => int(view.facts.priority.class.into()),
        Fetch::PriorityOffset => int(view.facts.priority.offset.into()),
        Fetch::Queued => int(process::queued(process::backend(arguments, view)?)),
        Fetch::Random => int(random::below(arguments.int(0).and_then(|bound| u32::try_from(bound).ok()))),
        Fetch::ServerSessions => int(process::server(arguments, view)?.1.live.sessions.now().into()),
        Fetch::ServerRoom => {
            let (backend, server) = process::server(arguments, view)?;
            int(process::server_room(backend, server))
        }
        Fetch::ServerIsUp => Some(Value::Bool(process::is_up(process::server(arguments, view)?.1))),
        Fetch::ServerInitialWeight => int(process::server(arguments, view)?.1.initial_weight.get().into()),
        Fetch::ServerQueue => int(process::server(arguments, view)?.1.live.queue.length().into()),
        Fetch::ServerSessionRate => {
            let rate = &process::server(arguments, view)?.1.live.exchanges.session_rate;
            int(rate.at(view.now) as i64)
        }
        Fetch::ServerUserWeight => int(process::server(arguments, view)?.1.weight_in_force().into()),
        Fetch::ServerWeight => int(process::weight(process::server(arguments, view)?.1, view)),
        Fetch::Stopping => Some(Value::Bool(view.live.process.is_stopping())),
        Fetch::Thread => count(view.facts.worker),
        Fetch::Uuid => {
            let millis = process::in_unit(std::time::SystemTime::now(), Some("ms"))?.unsigned_abs();
            random::uuid(arguments.int(0), millis).map(|text| Value::text(text.into_bytes()))
        }

        Fetch::ProcessConnections => int(view.live.process.connections.now().into()),
        Fetch::ConnectTime
        | Fetch::BackendQueuePlace
        | Fetch::ServerQueuePlace
        | Fetch::BytesFromClient
        | Fetch::BytesToClient
        | Fetch::HandshakeTime
        | Fetch::TotalTime
        | Fetch::HeadTime
        | Fetch::IdleTime
        | Fetch::QueueTime
        | Fetch::QueryTime
        | Fetch::RequestDate
        | Fetch::DataTime
        | Fetch::ResponseTime
        | Fetch::Retries
        | Fetch::Redispatched
        | Fetch::Termination
        | Fetch::SentStatus
        | Fetch::ActiveTime
        | Fetch::UserTime => account::tell(plan.fetch, arguments, view.facts.account),
        // HTTP/1 has one at a time.
        Fetch::UpstreamStreams => connection::upstream_error(view).map(|_| Value::Int(1)),
        Fetch::ClientStreams => int(1),
        Fetch::UpstreamRoundTrip => {
            connection::upstream_time(arguments, view, |measures| measures.round_trip)
        }
        Fetch::UpstreamRoundTripVariance => {
            connection::upstream_time(arguments, view, |measures| measures.variance)
        }
        Fetch::ClientTimeoutInForce => {
            int(view.facts.client_timeout.unwrap_or(view.frontend?.client_timeout).into())
        }
        Fetch::ProxiedExtension => connection::extension(arguments, view),
        Fetch::AcceptDate => int(process::in_unit(view.facts.accepted?, arguments.text(0))?),
        Fetch::UpstreamDst => connection::ip(connection::upstream(view)),
        Fetch::UpstreamDstPort => connection::port(connection::upstream(view)),
        Fetch::UpstreamError => int(connection::upstream_error(view)?.into()),
        Fetch::UpstreamGlitches => int(view.connection.upstream_glitches()?.into()),
        Fetch::UpstreamErrorText => connection::error(connection::upstream_error(view)?),
        Fetch::UpstreamHttpMajor => connection::upstream_error(view).map(|_| Value::Int(1)),
        Fetch::UpstreamSrc => connection::ip(view.connection.upstream()?.0),
        Fetch::UpstreamSrcPort => connection::port(view.connection.upstream()?.0),
        Fetch::BackendId => view.backend.map(|backend| Value::Int(backend.id.into())),
        Fetch::BackendName => view.backend.map(|backend| bytes(backend.name.as_str().as_bytes())),
        Fetch::BackendServerTimeout => int(view.backend?.server_timeout.into()),
        Fetch::BackendTunnelTimeout => int(view.backend?.tunnel_timeout.unwrap_or(0).into()),
        Fetch::ServerTimeout => int(view.facts.server_timeout.unwrap_or(view.backend?.server_timeout).into()),
        Fetch::TunnelTimeout => {
            int(view.facts.tunnel_timeout.or(view.backend?.tunnel_timeout).unwrap_or(0).into())
        }
        Fetch::Dst => connection::ip(view.destination()),
        Fetch::BindSessions => connection::bind_sessions(view),
        Fetch::DstIsLocal => connection::is_local(view.destination()),
        Fetch::DstPort => connection::port(view.destination()),
        Fetch::ClientDst => connection::ip(view.connection.destination()),
        Fetch::ClientDstIsLocal => connection::is_local(view.connection.destination()),
        Fetch::ClientDstPort => connection::port(view.connection.destination()),
        Fetch::ClientError => int(view.connection.error().into()),
        Fetch::ClientGlitches => int(view.connection.glitches().into()),
        Fetch::ClientErrorText => connection::error(view.connection.error()),
        Fetch::ClientFackets => connection::measure(view, |measures| measures.facked),
        Fetch::ClientHttpMajor => int(1),
        Fetch::ClientLost => connection::measure(view, |measures| measures.lost),
        Fetch::ProxiedAuthority => view.connection.proxied()?.authority.as_deref().map(own),
        Fetch::ProxiedUniqueId => view.connection.proxied()?.unique_id.as_deref().map(own),
        Fetch::ProxyHeaderCame => Some(Value::Bool(view.connection.proxied().is_some())),
        Fetch::ClientReordering => connection::measure(view, |measures| measures.reordering),
        Fetch::ClientRetransmissions => connection::measure(view, |measures| measures.retransmitted),
        Fetch::ClientRoundTrip => connection::time(arguments, view, |measures| measures.round_trip),
        Fetch::ClientRoundTripVariance => connection::time(arguments, view, |measures| measures.variance),
        Fetch::ClientSacked => connection::measure(view, |measures| measures.sacked),
        Fetch::ClientSrc => connection::ip(view.connection.source()),
        Fetch::ClientSrcIsLocal => connection::is_local(view.connection.source()),
        Fetch::ClientSrcPort => connection::port(view.connection.source()),
        Fetch::ClientUnacked => connection::measure(view, |measures| measures.unacked),
        Fetch::ClientTimeout => int(view.frontend?.client_timeout.into()),
        Fetch::FrontendDefaultBackend => connection::default_backend(view),
        Fetch::FrontendId => int(view.frontend?.id.into()),
        Fetch::FrontendName => Some(bytes(view.frontend?.name.as_str().as_bytes())),
        Fetch::BindId => int(view.bind_id.into()),
        Fetch::BindName => connection::bind_name(view),
        Fetch::Src => connection::ip(view.source),
        Fetch::SrcIsLocal => connection::is_local(view.source),
        Fetch::SrcPort => connection::port(view.source),
        Fetch::ServerId => view.server.map(|server| Value::Int(server.id.into())),
        Fetch::ServerName => view.server.map(|server| bytes(server.name.as_str().as_bytes())),

        Fetch::Base => target::base(view, false),
        Fetch::BaseHash => target::base_hash(view).map(|hash| Value::Int(hash.into())),
        Fetch::BaseHashSrc => target::with_source(target::base_hash(view), view),
        Fetch::BaseQuery => target::base(view, true),
        Fetch::CapturedRequestHeader => captured(Side::Request, arguments, view),
        Fetch::CapturedMethod => match view.facts.sent {
            Some(sent) => Some(bytes(sent.method)),
            None => view.request.as_ref().map(|request| bytes(request.method)),
        },
        Fetch::CapturedTarget => match view.facts.sent {
            Some(sent) => target::locate_path(sent.target).map(bytes),
            None => target::path_and_query(view).map(bytes),
        },
        Fetch::CapturedRequestVersion => {
            let sent = view.facts.sent.map(|sent| sent.version);
            sent.or(view.request.as_ref().map(|request| request.version)).map(spelled)
        }
        Fetch::CapturedResponseHeader => captured(Side::Response, arguments, view),
        Fetch::CapturedResponseVersion => view.response.as_ref().map(|response| spelled(response.version)),
        Fetch::Cookie => match response(view) {
            Some(heads) => header::cookie(header::response_cookies(heads, arguments), arguments).map(bytes),
            None => header::cookie(header::request_cookies(request(view)?, arguments), arguments).map(bytes),
        },
        Fetch::Authenticated => {
            let Credentials::Basic { user, password } = Credentials::find(request(view)?, AUTHORIZATION)?
            else {
                return None;
            };
            let list = users::list(arguments, view)?;
            Some(Value::Bool(users::proven(list, &user, &password).is_some()))
        }
        Fetch::AuthenticatedGroup => {
            let (_, user) = users::who(arguments, view)?;
            Some(bytes(user.name.as_bytes()))
        }
        Fetch::AuthBearer => {
            let name = arguments.text(0).map_or(AUTHORIZATION, str::as_bytes);
            match Credentials::find(request(view)?, name)? {
                Credentials::Bearer(token) => Some(bytes(token)),
                Credentials::Basic { .. } => None,
            }
        }
        Fetch::AuthPassword => match Credentials::find(request(view)?, AUTHORIZATION)? {
            Credentials::Basic { password, .. } => Some(Value::text(password)),
            Credentials::Bearer(_) => None,
        },
        Fetch::AuthScheme => Some(bytes(Credentials::find(request(view)?, AUTHORIZATION)?.scheme())),
        Fetch::AuthUser => match Credentials::find(request(view)?, AUTHORIZATION)? {
            Credentials::Basic { user, .. } => Some(Value::text(user)),
            Credentials::Bearer(_) => None,
        },
        Fetch::FirstRequest => Some(Value::Bool(view.first)),
        Fetch::Entry(found, fact) => tables::entry(found, fact, plan, view),
        Fetch::TableUsed => tables::used(plan, view),
        Fetch::TableRoom => tables::room(plan, view),
        Fetch::Method => {
            let request = view.request().map(|request| request.method);
            request.or(view.facts.sent.map(|sent| sent.method)).map(|method| Value::Method(method.into()))
        }
        Fetch::Path => target::path(view).map(bytes),
        Fetch::PathQuery => target::path_and_query(view).map(bytes),
        Fetch::Query => target::query(view).map(bytes),
        Fetch::RequestBody => view.request().map(|request| Value::Bin(request.body.into())),
        Fetch::RequestBodyLength => count(view.request()?.body.len()),
        Fetch::RequestBodyParameter => {
            let body = view.request()?.body;
            let mut values = target::pairs(body, b'&', arguments.text(0), arguments.text(1).is_some());
            values.next().map(|value| Value::Bin(value.into()))
        }
        Fetch::RequestBodySize => {
            let request = view.request()?;
            int(request.body_length.unwrap_or(request.body.len() as u64) as i64)
        }
        Fetch::ResponseBody => view.response.as_ref().map(|response| Value::Bin(response.body.into())),
        Fetch::ResponseBodyLength => count(view.response.as_ref()?.body.len()),
        Fetch::ResponseBodySize => {
            let response = view.response.as_ref()?;
            int(response.body_length.unwrap_or(response.body.len() as u64) as i64)
        }
        Fetch::RequestCookie => {
            header::cookie(header::request_cookies(request(view)?, arguments), arguments).map(bytes)
        }
        Fetch::RequestCookieNames => header::cookie_names(request(view)?, b"cookie", arguments),
        Fetch::ResponseCookieNames => header::cookie_names(response(view)?, b"set-cookie", arguments),
        Fetch::RequestCookieCount => count(header::request_cookies(request(view)?, arguments).count()),
        Fetch::RequestCookieValue => {
            header::cookie(header::request_cookies(request(view)?, arguments), arguments)
                .and_then(header::int)
        }
        Fetch::ResponseCookie => {
            header::cookie(header::response_cookies(response(view)?, arguments), arguments).map(bytes)
        }
        Fetch::ResponseCookieCount => count(header::response_cookies(response(view)?, arguments).count()),
        Fetch::ResponseCookieValue => {
            header::cookie(header::response_cookies(response(view)?, arguments), arguments)
                .and_then(header::int)
        }
        Fetch::RequestFullHeader | Fetch::ResponseFullHeader => {
            header::chosen(header::lines(heads(plan.fetch, view)?, arguments), arguments).map(bytes)
        }
        Fetch::RequestFullHeaderCount | Fetch::ResponseFullHeaderCount => {
            count(header::lines(heads(plan.fetch, view)?, arguments).count())
        }
        Fetch::RequestHeader | Fetch::ResponseHeader | Fetch::Header => {
            header::chosen(header::values(heads(plan.fetch, view)?, arguments), arguments).map(bytes)
        }
        Fetch::RequestHeaderCount | Fetch::ResponseHeaderCount => {
            count(header::values(heads(plan.fetch, view)?, arguments).count())
        }
        Fetch::RequestHeaderIp | Fetch::ResponseHeaderIp => {
            let values = header::values(heads(plan.fetch, view)?, arguments);
            header::chosen(values, arguments).and_then(header::ip)
        }
        Fetch::RequestHeaderValue | Fetch::ResponseHeaderValue => {
            let values = header::values(heads(plan.fetch, view)?, arguments);
            header::chosen(values, arguments).and_then(header::int)
        }
        Fetch::RequestHeaderNames | Fetch::ResponseHeaderNames => {
            header::names(heads(plan.fetch, view)?, arguments)
        }
        Fetch::RequestHeaders | Fetch::ResponseHeaders => header::text(heads(plan.fetch, view)?),
        Fetch::RequestHeadersBinary | Fetch::ResponseHeadersBinary => {
            header::binary(heads(plan.fetch, view)?)
        }
        Fetch::RequestVersion => view.request().map(|request| bytes(request.version.as_bytes())),
        Fetch::ResponseVersion => answer(view).map(|response| bytes(response.version.as_bytes())),
        Fetch::Status => answer(view).map(|response| Value::Int(response.status.into())),
        Fetch::UniqueId => view.facts.unique_id.map(bytes),
        Fetch::Url => target::url(view).map(bytes),
        Fetch::UrlHash => target::url_hash(view).map(|hash| Value::Int(hash.into())),
        Fetch::UrlHashSrc => target::with_source(target::url_hash(view), view),
        Fetch::UrlIp => target::address(view).map(|address| Value::ip(address.ip())),
        Fetch::UrlParameter => target::parameters(arguments, view)?.next().map(bytes),
        Fetch::UrlPort => target::address(view).map(|address| Value::Int(address.port().into())),
        Fetch::UrlParameterValue => target::parameters(arguments, view)?.next().and_then(header::int),

        Fetch::DistccBody => payload::distcc(arguments, view)?.1.map(|body| Value::Bin(body.into())),
        Fetch::DistccParameter => payload::distcc(arguments, view).map(|(number, _)| Value::Int(number)),
        // Of a response in HTTP there are no bytes but those of its parts.
        Fetch::Payload | Fetch::ResponsePayload if is_taken_apart(view) => None,
        Fetch::PayloadLengthValue | Fetch::ResponsePayloadLengthValue if is_taken_apart(view) => None,
        Fetch::Payload => payload::slice(payload::at_hand(view), arguments, view),
        Fetch::PayloadLengthValue => payload::counted(payload::at_hand(view), arguments, view),
        Fetch::RdpCookie => payload::rdp_cookie(arguments, view).map(bytes),
        Fetch::RdpCookieCount => payload::rdp_cookie_count(arguments, view),
        Fetch::RequestLength => payload::length(view.payload, view),
        Fetch::RequestPayload => payload::slice(view.payload, arguments, view),
        Fetch::RequestPayloadLengthValue => payload::counted(view.payload, arguments, view),
        Fetch::ProtocolIsHttp => payload::is_http(view),
        Fetch::HelloAlpn => payload::of_hello(view, |hello| hello.protocols().next()).map(bytes),
        Fetch::HelloHasGroups => payload::of_hello(view, |hello| Some(Value::Bool(hello.has_groups()))),
        Fetch::RequestHelloType => payload::read(hello::handshake_type(view.payload), view).map(Value::Int),
        Fetch::HelloSni => payload::of_hello(view, |hello| hello.server_name()).map(bytes),
        Fetch::HelloTicket => payload::of_hello(view, |hello| Some(Value::Int(hello.ticket()))),
        Fetch::HelloVersion => payload::read(hello::version(view.payload), view).map(Value::Int),
        Fetch::ResponseLength => match &view.response {
            Some(response) if is_taken_apart(view) => count(response.came),
            _ => payload::length(view.answer, view),
        },
        Fetch::ResponsePayload => payload::slice(view.answer, arguments, view),
        Fetch::ResponsePayloadLengthValue => payload::counted(view.answer, arguments, view),
        Fetch::ResponseHelloType => payload::read(hello::handshake_type(view.answer), view).map(Value::Int),
        Fetch::WaitEnd => {
            view.doubt();
            view.whole.then_some(Value::Bool(true))
        }
    }
}

/// Whether the response is there in its parts alone, without the bytes that it came as.
fn is_taken_apart(view: &View<'_>) -> bool {
    view.response.is_some() && view.answer.is_empty()
}

/// A variable's value, or the text that stands for it.
fn variable<'a>(arguments: &Arguments<'a>, view: &View<'a>) -> Option<Value<'a>> {
    let Some(Argument::Variable(variable)) = arguments.0.first() else { return None };
    let default = || match arguments.0.get(1) {
        Some(Argument::Text(text)) => Some(Value::text(text.as_bytes())),
        _ => None,
    };
    view.variables.value(variable).or_else(default)
}

/// The headers that a fetch is about: its name says so, or else those of the message at hand.
fn heads<'a>(fetch: Fetch, view: &View<'a>) -> Option<Heads<'a>> {
    match fetch {
        Fetch::Header => response(view).or_else(|| request(view)),
        Fetch::ResponseHeader
        | Fetch::ResponseHeaderCount
        | Fetch::ResponseHeaderIp
        | Fetch::ResponseHeaderNames
        | Fetch::ResponseHeaderValue
        | Fetch::ResponseHeaders
        | Fetch::ResponseHeadersBinary
        | Fetch::ResponseFullHeader
        | Fetch::ResponseFullHeaderCount => response(view),
        _ => request(view),
    }
}

fn request<'a>(view: &View<'a>) -> Option<Heads<'a>> {
    view.request().map(|request| request.headers)
}

fn response<'a>(view: &View<'a>) -> Option<Heads<'a>> {
    answer(view).map(|response| response.headers)
}

/// The response. While it is awaited, what is told of it may change.
fn answer<'v, 'a>(view: &'v View<'a>) -> Option<&'v Response<'a>> {
    if view.response.is_none() && view.facts.awaits_response {
        view.doubt();
    }
    view.response.as_ref()
}

/// What was captured in the place that the argument names.
fn captured<'a>(side: Side, arguments: &Arguments<'_>, view: &View<'a>) -> Option<Value<'a>> {
    let place = usize::try_from(arguments.int(0)?).ok()?;
    view.facts.captures?.value(side, place).map(Value::text)
}

/// A version as a start line spells it.
fn spelled<'a>(version: &str) -> Value<'a> {
    Value::text(format!("HTTP/{version}").into_bytes())
}

/// A text, or the integer that it says.
fn typed<'a>(as_int: bool) -> impl Fn(&'a [u8]) -> Option<Value<'a>> {
    move |text| if as_int { header::int(text) } else { Some(Value::text(text)) }
}

fn own<'a>(text: &[u8]) -> Value<'a> {
    Value::text(text.to_vec())
}

const AUTHORIZATION: &[u8] = b"authorization";

/// The arguments of a fetch or a converter, as evaluation asks for them.
pub(crate) struct Arguments<'a>(pub(crate) &'a [Argument]);

impl<'a> Arguments<'a> {
    /// A text; `None` where there is none or an empty one.
    pub(crate) fn text(&self, at: usize) -> Option<&'a str> {
        match self.0.get(at) {
            Some(Argument::Text(text)) => Some(text.as_str()).filter(|text| !text.is_empty()),
            _ => None,
        }
    }

    /// An integer.
    pub(crate) fn int(&self, at: usize) -> Option<i64> {
        match self.0.get(at) {
            Some(Argument::Int(number)) => Some(*number),
            _ => None,
        }
    }

    /// The name of a proxy or of a table.
    pub(crate) fn name(&self, at: usize) -> Option<&'a regate_proto::model::Name> {
        match self.0.get(at) {
            Some(Argument::Name(name)) => Some(name),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests;
