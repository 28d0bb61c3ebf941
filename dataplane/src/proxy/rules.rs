//! Rules, carried out on a request or a response.
//!
//! [`Draft`] is a message with what rules changed of it; [`Draft::run`] goes through a list of rules without waiting
//! for anything, and says where somebody must wait ([`Step`]). `http.rs` waits, and answers what rules decided. It
//! never looks at a socket.
//! Read `answer.rs` next, which makes the answers.

use std::cell::{Cell, OnceCell};
use std::future::poll_fn;
use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use regate_proto::model::{Mode, Name};
use regate_proto::rules::Kind;
use regate_proto::rules::action::{Part, Service, Side, Timeout};

use super::expansion::expand;
use super::first_line::{RequestLine, StatusLine};
use super::h1::{Fields, RequestHead, ResponseHead, Version};
use super::log::Purpose;
use super::normalize;
use super::record::Record;
use super::scene::{Lines, Linked, Scene};
use super::session::Session;
use super::story::Story;
use super::wishes::Wishes;
use crate::fetch::{self, Captures, Course, Facts, Sent, View, decide, evaluate, holds};
use crate::sample::Value;
use crate::snapshot::{
    ActionPlan, AmountPlan, FormatPlan, PatiencePlan, RedirectPlan, ReplyPlan, ResolvePlan, RoutePlan,
    RulePlan, SamplePlan, TargetPlan,
};

/// A message under rules.
pub(super) struct Draft<'d> {
    pub(super) scene: Scene<'d>,
    /// The bytes that the message came as.
    pub(super) buffer: &'d [u8],
    pub(super) fields: &'d mut Fields,
    pub(super) message: Message<'d>,
    /// What rules decided beside the message itself.
    pub(super) wishes: &'d mut Wishes,
    /// What was kept of the messages.
    pub(super) captures: &'d mut Captures,
}

/// What kind of message, and its first line.
pub(super) enum Message<'d> {
    /// A request with what has come of its body.
    Request(&'d mut RequestHead, &'d mut RequestLine, &'d [u8], Option<u64>),
    /// A response with what has come of its body.
    Response(&'d ResponseHead, &'d mut StatusLine, &'d [u8], Option<u64>),
    /// What a client sends in TCP mode, and whether nothing more of it is waited for.
    Bytes(&'d [u8], bool),
    /// What a server sends, before anybody knows more of it, and whether nothing more is waited for.
    Answer(&'d [u8], bool),
}

/// Where a list of rules came to.
pub(super) enum Step<'p> {
    /// To its end.
    Done,
    /// To a rule that cannot be decided before more has come.
    More(usize),
    /// To an answer of the proxy's own.
    Answer(Decision<'p>),
    /// To a wait; it goes on with the rule at this position.
    Pause(u32, usize),
    /// To a wait for the body: milliseconds, and bytes that are enough, 0 for all.
    AwaitBody(u32, u64, usize),
    /// To a header that the client is told at once.
    Hint(Vec<u8>, usize),
    /// To the end of a TCP connection: what comes is HTTP.
    Switch,
    /// To a question for the address of this host.
    Resolve(&'p ResolvePlan, String, usize),
}

/// What rules decided about a message.
#[derive(Clone, Copy)]
pub(super) enum Decision<'p> {
    Deny(&'p ReplyPlan),
    Tarpit(&'p ReplyPlan),
    Return(&'p ReplyPlan),
    Redirect(&'p RedirectPlan),
    /// For a user and a password, in this realm.
    Auth(Option<&'p str>),
    /// For what a service of the proxy's own says.
    Service(Service),
    Reject,
    SilentDrop,
    /// The connection with the server ends.
    Close,
}

impl<'d> Draft<'d> {
    /// Goes through rules from a position on.
    pub(super) fn run<'p>(&mut self, rules: &'p [RulePlan], from: usize) -> Step<'p> {
        self.wishes.waiting_rule = None;
        let mut from = from;
        while from < rules.len() {
            // One view serves until a rule changes what it shows.
            let met = self.with_view(|view| next_met(rules, from, view));
            self.captures.settle();
            let (at, rule) = match met {
                Met::Nothing => break,
                Met::Captured(at) => {
                    from = at + 1;
                    continue;
                }
                Met::Open(at, rule) => {
                    self.wishes.waiting_rule.clone_from(&rule.place);
                    return Step::More(at);
                }
                Met::Rule(at, rule) => (at, rule),
            };
            from = at + 1;
            if let Some(step) = self.decide(&rule.action, at) {
                match step {
                    // What such a rule answers with is made while the rule is still being carried out.
                    Step::Answer(Decision::Return(_) | Decision::Redirect(_)) => {
                        self.wishes.answering_rule.clone_from(&rule.place);
                    }
                    Step::Done | Step::Answer(_) | Step::Switch => {
                        self.wishes.last_rule.clone_from(&rule.place)
                    }
                    _ => self.wishes.waiting_rule.clone_from(&rule.place),
                }
                return step;
            }
            self.captures.settle();
        }
        Step::Done
    }

    /// Carries out an action; what it leads to, unless that is the next rule.
    fn decide<'p>(&mut self, action: &'p ActionPlan, at: usize) -> Option<Step<'p>> {
        Some(match action {
            ActionPlan::Allow => Step::Done,
            // What is HTTP already stays so.
            ActionPlan::SwitchMode if self.scene.session.mode == Mode::Http => Step::Done,
            ActionPlan::SwitchMode => Step::Switch,
            ActionPlan::Reject => Step::Answer(Decision::Reject),
            ActionPlan::SilentDrop => Step::Answer(Decision::SilentDrop),
            ActionPlan::Close => Step::Answer(Decision::Close),
            ActionPlan::Resolve(plan) => {
                let host = self.bytes(&plan.host).and_then(|host| String::from_utf8(host).ok());
                Step::Resolve(plan, host.filter(|host| !host.is_empty())?, at + 1)
            }
            ActionPlan::Deny(reply) => Step::Answer(Decision::Deny(reply)),
            ActionPlan::Tarpit(reply) => Step::Answer(Decision::Tarpit(reply)),
            ActionPlan::Return(reply) => Step::Answer(Decision::Return(reply)),
            ActionPlan::Redirect(redirect) => {
                if redirect.ignore_empty && self.text(&redirect.target).is_empty() {
                    return None;
                }
                Step::Answer(Decision::Redirect(redirect))
            }
            ActionPlan::UseService(service) => Step::Answer(Decision::Service(*service)),
            ActionPlan::Auth(realm) => Step::Answer(Decision::Auth(realm.as_deref())),
            ActionPlan::Pause(time) => {
                let millis = self.millis(time).filter(|millis| *millis > 0)?;
                Step::Pause(millis, at + 1)
            }
            ActionPlan::WaitForBody { time, at_least } => Step::AwaitBody(*time, *at_least, at + 1),
            ActionPlan::EarlyHint(name, format) => {
                let mut line = name.to_vec();
                line.extend_from_slice(b": ");
                line.extend_from_slice(&clean(self.text(format)));
                Step::Hint(line, at + 1)
            }
            action => {
                self.perform(action);
                return None;
            }
        })
    }

    /// The text of a format.
    pub(super) fn text(&self, format: &FormatPlan) -> Vec<u8> {
        self.text_for(Purpose::Message, format)
    }

    /// The text of a format that is made for this.
    pub(super) fn text_for(&self, purpose: Purpose, format: &FormatPlan) -> Vec<u8> {
        let mut out = Vec::with_capacity(64);
        let session = self.scene.session;
        let record = format.has_aliases().then(|| self.record(format.needs.destination));
        let (mode, record) = (session.mode, record.as_ref());
        self.with_view(|view| {
            session.worker.log.fill(&mut out, format, purpose, mode, record, Some(view));
        });
        out
    }

    /// What aliases may say so far.
    fn record(&self, shows_destination: bool) -> Record {
        let Scene { session, backend, server, unique_id, .. } = self.scene;
        let mut record = Story::sketch(session);
        record.client = self.wishes.source.or(session.peer);
        if shows_destination {
            record.destination = self.wishes.destination.or_else(|| session.destination());
        }
        record.backend = backend.map(|backend| backend.name.clone());
        record.server = server.map(|server| server.name.clone());
        record.unique_id = unique_id.map(Box::from);
        record.captured = session.frontend.captures.counts();
        record.captures = self.captures.clone();
        match &self.message {
            Message::Request(head, line, ..) => {
                let method = line.method.as_deref().unwrap_or_else(|| head.method_span.of(self.buffer));
                let target = line.target.as_deref().unwrap_or_else(|| head.target.of(self.buffer));
                let version = spelled(head.version).as_bytes();
                record.request_line = [method, b" ", target, b" HTTP/", version].concat();
                record.received = Some(record.started);
            }
            Message::Response(head, line, ..) => {
                record.status = Some(line.status.as_ref().map_or(head.status, |(status, _)| *status));
            }
            Message::Bytes(..) | Message::Answer(..) => {}
        }
        record
    }

    /// Writes a line of what is known so far (configuration manual 4.2 "http-request do-log").
    fn log(&self) {
        let session = self.scene.session;
        let Some(plan) = &session.frontend.log else { return };
        let mut record = self.record(session.frontend.needs.destination || plan.shows_destination());
        record.level = self.wishes.log_level;
        self.with_view(|view| {
            session.worker.log.record(&session.frontend.live, plan, &record, Some(view));
        });
    }

    /// The bytes of a sample.
    pub(super) fn bytes(&self, sample: &SamplePlan) -> Option<Vec<u8>> {
        let value = self.with_view(|view| evaluate(sample, view).map(Value::into_owned))?;
        match value.cast(Kind::Bin)? {
            Value::Bin(bytes) => Some(bytes.into_owned()),
            _ => None,
        }
    }

    /// Whether a condition holds.
    pub(super) fn holds(&self, condition: &crate::snapshot::ConditionPlan) -> bool {
        self.with_view(|view| holds(condition, view))
    }

    /// The first name that a list of routes leads to.
    pub(super) fn route<'p>(&self, routes: &'p [RoutePlan]) -> Option<std::borrow::Cow<'p, Name>> {
        self.route_to(routes, |_| true)
    }

    /// The same; rules that lead to a name which may not be chosen are passed over.
    pub(super) fn route_to<'p>(
        &self,
        routes: &'p [RoutePlan],
        may: impl Fn(&Name) -> bool,
    ) -> Option<std::borrow::Cow<'p, Name>> {
        use std::borrow::Cow;
        let found = routes.iter().find_map(|route| {
            if route.condition.as_ref().is_some_and(|condition| !self.holds(condition)) {
                return None;
            }
            let target = match &route.target {
                TargetPlan::Fixed(name) => Some(Some(Cow::Borrowed(name))),
                // A name that is none leads on to the default, as one that is not there does.
                TargetPlan::Made(format) => {
                    let text = self.text(format);
                    Some(
                        std::str::from_utf8(&text).ok().and_then(|text| Name::new(text).ok()).map(Cow::Owned),
                    )
                }
            };
            target.filter(|name| name.as_deref().is_none_or(&may))
        });
        found?
    }

    /// What samples see of the message.
    pub(super) fn with_view<T>(&self, look: impl FnOnce(&View<'_>) -> T) -> T {
        let Scene { session, snapshot, backend, server, unique_id, past } = self.scene;
        let mut sent = past.sent;
        let linked = Linked { session, past, server };
        let lines = Lines { fields: self.fields, buffer: self.buffer };
        let destination = || self.wishes.destination.or_else(|| session.destination());
        let [last_rule, waiting_rule] = self.wishes.passed();
        let undecided = Cell::new(false);
        let opening = OnceCell::new();
        let is_raw = session.mode == Mode::Tcp && matches!(self.message, Message::Bytes(..));
        let (mut request, mut response, mut payload, mut whole) = (None, None, &[][..], true);
        let (mut answer, mut awaits_response) = (&[][..], false);
        match &self.message {
            Message::Request(head, line, body, body_length) => {
                sent = Some(Sent {
                    method: head.method_span.of(self.buffer),
                    target: head.target.of(self.buffer),
                    version: spelled(head.version),
                });
                request = Some(fetch::Request {
                    method: line.method.as_deref().unwrap_or_else(|| head.method_span.of(self.buffer)),
                    target: line.target.as_deref().unwrap_or_else(|| head.target.of(self.buffer)),
                    version: spelled(head.version),
                    headers: &lines,
                    body,
                    body_length: *body_length,
                });
            }
            Message::Response(head, line, body, body_length) => {
                response = Some(fetch::Response {
                    body,
                    body_length: *body_length,
                    came: self.buffer.len(),
                    status: line.status.as_ref().map_or(head.status, |(status, _)| *status),
                    version: spelled(head.version),
                    reason: head.reason.of(self.buffer),
                    headers: &lines,
                });
            }
            Message::Bytes(bytes, over) => (payload, whole) = (bytes, *over),
            Message::Answer(bytes, over) => {
                (answer, whole) = (bytes, *over);
                awaits_response = session.mode == Mode::Http;
            }
        }
        look(&View {
            snapshot,
            live: &session.worker.shared.live,
            now: session.worker.now(),
            frontend: Some(&session.frontend),
            backend,
            server,
            source: self.wishes.source.or(session.peer),
            destination: &destination,
            bind_id: session.bind_id,
            request,
            response,
            payload,
            opening: Some(&opening).filter(|_| is_raw),
            whole,
            first: session.requests <= 1,
            variables: &session.variables,
            answer,
            undecided: &undecided,
            connection: if past.upstream.is_some() { &linked } else { session },
            facts: Facts {
                worker: session.worker.index,
                accepted: Some(session.at_wall),
                account: past.account,
                client_timeout: self.wishes.client_timeout,
                server_timeout: self.wishes.server_timeout,
                tunnel_timeout: self.wishes.tunnel_timeout,
                priority: self.wishes.priority,
                last_rule,
                waiting_rule,
                course: Course { forwarded: server.is_some(), ..Course::default() },
                unique_id,
                sent,
                captures: Some(&*self.captures),
                awaits_response,
            },
        })
    }

    /// Carries out what needs no waiting and decides nothing.
    fn perform(&mut self, action: &ActionPlan) {
        match action {
            ActionPlan::SetHeader(name, format) => {
                let value = clean(self.text(format));
                self.fields.drop_named(self.buffer, name);
                self.fields.add(name, &value);
            }
            ActionPlan::AddHeader(name, format) => {
                let value = clean(self.text(format));
                self.fields.add(name, &value);
            }
            ActionPlan::DeleteHeader(name, method, expression) => {
                self.delete_headers(name, *method, expression.as_ref());
            }
            ActionPlan::ReplaceHeader(name, expression, format) => {
                self.replace_values(name, expression, format, false);
            }
            ActionPlan::ReplaceValue(name, expression, format) => {
                self.replace_values(name, expression, format, true);
            }
            ActionPlan::Set(part, format) => {
                let text = self.text(format);
                self.set_part(*part, text);
            }
            ActionPlan::Replace(part, expression, format) => {
                let Some(old) = self.part(*part) else { return };
                let text = self.text(format);
                if let Some(found) = expression.captures(&old) {
                    self.set_part(*part, expand(&text, &found));
                }
            }
            ActionPlan::Normalize(normalizer) => {
                if let Some(target) = self.part(Part::Uri)
                    && let Some(normal) = normalize::normalized(&target, *normalizer)
                {
                    self.set_part(Part::Uri, normal);
                }
            }
            ActionPlan::SetStatus(status, reason) => {
                if let Message::Response(_, line, ..) = &mut self.message {
                    line.status = Some((*status, reason.clone()));
                }
            }
            ActionPlan::SetVariable(variable, sample) => {
                let value = self.with_view(|view| evaluate(sample, view).map(Value::into_owned));
                match value {
                    Some(value) => self.scene.session.variables.set(variable, value),
                    None => self.scene.session.variables.unset(variable),
                }
            }
            ActionPlan::SetVariableFormat(variable, format) => {
                let value = Value::text(self.text_for(Purpose::Value, format));
                self.scene.session.variables.set(variable, value);
            }
            ActionPlan::UnsetVariable(variable) => self.scene.session.variables.unset(variable),
            ActionPlan::SetLogLevel(level) => self.wishes.log_level = Some(*level),
            ActionPlan::SetAddress(side, sample) => {
                let ip = self.with_view(|view| evaluate(sample, view).and_then(|value| value.as_ip()));
                if let Some(ip) = ip {
                    self.set_address(*side, |old| SocketAddr::new(ip, old.port()));
                }
            }
            ActionPlan::SetPort(side, sample) => {
                let port = self.with_view(|view| evaluate(sample, view).and_then(|value| value.as_int()));
                if let Some(port) = port.and_then(|port| u16::try_from(port).ok()) {
                    self.set_address(*side, |old| SocketAddr::new(old.ip(), port));
                }
            }
            ActionPlan::SetTimeout(which, time) => {
                let millis = self.millis(time);
                match which {
                    Timeout::Client => self.wishes.client_timeout = millis.or(self.wishes.client_timeout),
                    Timeout::Server => self.wishes.server_timeout = millis.or(self.wishes.server_timeout),
                    Timeout::Tunnel => self.wishes.tunnel_timeout = millis.or(self.wishes.tunnel_timeout),
                    Timeout::Tarpit => self.wishes.tarpit_timeout = millis.or(self.wishes.tarpit_timeout),
                    Timeout::Connect => {
                        let old = &mut self.wishes.overrides.connect_timeout;
                        *old = millis.or(*old);
                    }
                    Timeout::Queue => {
                        let old = &mut self.wishes.overrides.queue_timeout;
                        *old = millis.or(*old);
                    }
                }
            }
            ActionPlan::ExpectProxy => self.wishes.expects_proxy = true,
            ActionPlan::SetRetries(number) => {
                let wanted = self.amount(number).filter(|number| (0..=MOST_RETRIES).contains(number));
                if let Some(number) = wanted {
                    self.wishes.overrides.retries = Some(number as u32);
                }
            }
            ActionPlan::Log => self.log(),
            ActionPlan::Stamp { service, upstream, number } => {
                let number = self.amount(number).and_then(|number| u32::try_from(number).ok());
                let Some(number) = number.filter(|number| !service || *number <= 0xff) else { return };
                match upstream {
                    true => self.wishes.overrides.stamps[usize::from(*service)] = Some(number),
                    false => self.scene.session.stream.stamp(*service, number),
                }
            }
            ActionPlan::SetPriorityClass(sample) => {
                if let Some(class) = self.integer(sample) {
                    self.wishes.priority.class = class.clamp(-2047, 2047) as i32;
                }
            }
            ActionPlan::SetPriorityOffset(sample) => {
                if let Some(offset) = self.integer(sample) {
                    self.wishes.priority.offset = offset.clamp(-524_287, 524_287) as i32;
                }
            }
            ActionPlan::DisableRetry => self.wishes.no_retry = true,
            ActionPlan::Capture(sample, slot) => self.capture(sample, *slot),
            ActionPlan::EditList(plan) => self.edit_list(plan),
            // The list stops at these, or did them on the way, or there is nothing to do.
            ActionPlan::Allow
            | ActionPlan::Reject
            | ActionPlan::SilentDrop
            | ActionPlan::SwitchMode
            | ActionPlan::Close
            | ActionPlan::Resolve(_)
            | ActionPlan::Deny(_)
            | ActionPlan::Tarpit(_)
            | ActionPlan::Return(_)
            | ActionPlan::Redirect(_)
            | ActionPlan::Auth(_)
            | ActionPlan::UseService(_)
            | ActionPlan::WaitForBody { .. }
            | ActionPlan::EarlyHint(..)
            | ActionPlan::Pause(_)
            | ActionPlan::Track(_)
            | ActionPlan::Tally(_)
            | ActionPlan::Nothing => {}
        }
    }

    /// Keeps a value in a slot of the frontend, where it has it.
    fn capture(&mut self, sample: &SamplePlan, slot: usize) {
        let side = match self.message {
            Message::Response(..) | Message::Answer(..) => fetch::Side::Response,
            Message::Request(..) | Message::Bytes(..) => fetch::Side::Request,
        };
        let Some(length) =
            side.slots(&self.scene.session.frontend.captures).get(slot).map(|slot| slot.length)
        else {
            return;
        };
        let text = self.with_view(|view| evaluate(sample, view).map(|value| value.into_text().into_owned()));
        if let Some(text) = text {
            self.captures.keep(side, slot, &text, length);
        }
    }

    fn amount(&self, amount: &AmountPlan) -> Option<i64> {
        match amount {
            AmountPlan::Fixed(number) => Some((*number).into()),
            AmountPlan::Sample(sample) => self.integer(sample),
        }
    }

    fn integer(&self, sample: &SamplePlan) -> Option<i64> {
        self.with_view(|view| evaluate(sample, view).and_then(|value| value.as_int()))
    }

    fn millis(&self, time: &PatiencePlan) -> Option<u32> {
        match time {
            PatiencePlan::Fixed(millis) => Some(*millis),
            PatiencePlan::Sample(sample) => {
                self.integer(sample).and_then(|millis| u32::try_from(millis).ok())
            }
        }
    }

    fn set_address(&mut self, side: Side, change: impl FnOnce(SocketAddr) -> SocketAddr) {
        let nowhere = SocketAddr::new(IpAddr::from([0, 0, 0, 0]), 0);
        let session = self.scene.session;
        match side {
            Side::Source => {
                let old = self.wishes.source.or(session.peer).unwrap_or(nowhere);
                self.wishes.source = Some(change(old));
            }
            Side::Destination => {
                let old = self.wishes.destination.or_else(|| session.destination()).unwrap_or(nowhere);
                self.wishes.destination = Some(change(old));
            }
        }
    }
}

/// Where rules came to, under one view.
enum Met<'p> {
    /// To their end.
    Nothing,
    /// To a rule that is to be carried out.
    Rule(usize, &'p RulePlan),
    /// To a rule that cannot be decided yet.
    Open(usize, &'p RulePlan),
    /// Beyond this rule, whose samples captured what the next one may look at.
    Captured(usize),
}

/// Looks for the first rule from a position on whose condition holds, or cannot be decided yet. Those that change
/// nothing that the view shows are carried out on the way.
fn next_met<'p>(rules: &'p [RulePlan], from: usize, view: &View<'_>) -> Met<'p> {
    for (at, rule) in rules.iter().enumerate().skip(from) {
        match rule.condition.as_ref().map_or(Some(true), |condition| decide(condition, view)) {
            Some(false) => {}
            None => return Met::Open(at, rule),
            Some(true) => match &rule.action {
                ActionPlan::Track(plan) => plan.carry_out(view),
                ActionPlan::Tally(plan) => plan.carry_out(view),
                _ => return Met::Rule(at, rule),
            },
        }
        if view.facts.captures.is_some_and(Captures::has_fresh) {
            return Met::Captured(at);
        }
    }
    Met::Nothing
}

/// Asks for the address of a host, and gives it to the variable; nothing is held meanwhile. Rules for content wait no
/// longer than their delay.
pub(super) async fn resolve(session: &Session, plan: &ResolvePlan, host: String, limit: Option<Duration>) {
    let lookups = &session.worker.shared.live.lookups;
    let mut answer = pin!(lookups.find(&plan.resolvers, host, plan.family));
    let found = match limit {
        None => answer.await,
        Some(Duration::ZERO) => None,
        Some(limit) => {
            let mut over = pin!(session.worker.clock.sleep(limit));
            poll_fn(|context| match answer.as_mut().poll(context) {
                Poll::Pending => over.as_mut().poll(context).map(|()| None),
                found => found,
            })
            .await
        }
    };
    if let Some(ip) = found {
        session.variables.set(&plan.variable, Value::ip(ip));
    }
}

/// A value without what would end its line.
pub(super) fn clean(mut value: Vec<u8>) -> Vec<u8> {
    value.iter_mut().filter(|byte| matches!(byte, b'\r' | b'\n' | 0)).for_each(|byte| *byte = b' ');
    value
}

/// The most retries that a rule may ask for (configuration manual 4.2 "http-request set-retries").
const MOST_RETRIES: i64 = 100;

pub(super) fn spelled(version: Version) -> &'static str {
    match version {
        Version::Http10 => "1.0",
        Version::Http11 => "1.1",
    }
}
