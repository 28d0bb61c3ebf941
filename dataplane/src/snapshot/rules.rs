//! Rules as they are carried out.

use std::sync::Arc;

use regate_proto::model::{AddressFamily, ListName, Mode, Name, Rules, Severity, Subject};
use regate_proto::problem::{Code, Problem};
use regate_proto::rules::action::{
    Content, Normalizer, Part, Patience, Protocol, Redirect, RedirectKind, Reply, Resolve, Service, Side,
    Slot, Stamp, StampValue, Timeout,
};
use regate_proto::rules::{Action, Format, MatchMethod, Rule, RuleSet, Stick, Variable};
use regex::bytes::Regex;

use super::condition::Acls;
use super::tracking::{AmountPlan, StickPlan, TallyPlan, TrackPlan};
use super::{ConditionPlan, FormatPlan, PagePlan, SamplePlan};

/// The rules of one side of a proxy.
#[derive(Debug, Default)]
pub struct RulesPlan {
    /// `tcp-request connection`.
    pub tcp_connection: Box<[RulePlan]>,
    /// `tcp-request session`.
    pub tcp_session: Box<[RulePlan]>,
    /// `tcp-request content`.
    pub tcp_content: Box<[RulePlan]>,
    /// `tcp-response content`.
    pub tcp_response: Box<[RulePlan]>,
    /// `http-request`.
    pub http_request: Box<[RulePlan]>,
    /// `stats …`: the page, which comes after these.
    pub page: Option<Arc<PagePlan>>,
    /// `redirect`, which comes after the page.
    pub redirects: Box<[RulePlan]>,
    /// `http-response`.
    pub http_response: Box<[RulePlan]>,
    /// `http-after-response`.
    pub http_after_response: Box<[RulePlan]>,
    /// `use_backend`.
    pub routes: Box<[RoutePlan]>,
    /// `use-server`.
    pub servers: Box<[RoutePlan]>,
    /// `stick`.
    pub sticks: Box<[StickPlan]>,
    /// `force-persist`.
    pub force_persist: Box<[ConditionPlan]>,
    /// `ignore-persist`.
    pub ignore_persist: Box<[ConditionPlan]>,
    /// `monitor-uri`.
    pub monitor_uri: Option<Box<[u8]>>,
    /// `monitor fail`.
    pub monitor_fail: Box<[ConditionPlan]>,
    /// Milliseconds that a slow refusal comes late.
    pub tarpit: Option<u32>,
    /// Milliseconds that a request's content is waited for.
    pub inspect_delay: u32,
    /// Milliseconds that a response's content is waited for.
    pub response_inspect_delay: u32,
}

/// A rule that can be carried out.
#[derive(Debug)]
pub struct RulePlan {
    /// What is done.
    pub action: ActionPlan,
    /// When.
    pub condition: Option<ConditionPlan>,
    /// The file and the line where it stands.
    pub place: Option<(Arc<str>, u32)>,
}

/// A name that a condition leads to.
#[derive(Debug)]
pub struct RoutePlan {
    /// The name.
    pub target: TargetPlan,
    /// When.
    pub condition: Option<ConditionPlan>,
}

/// A name that is written, or made for each request.
#[derive(Debug)]
pub enum TargetPlan {
    /// This one.
    Fixed(Name),
    /// The one that the text gives.
    Made(FormatPlan),
}

/// What a rule does, with what can be worked out beforehand. See [`Action`].
#[derive(Debug)]
#[expect(missing_docs, reason = "the variants are those of `Action`")]
pub enum ActionPlan {
    Allow,
    Reject,
    SilentDrop,
    SwitchMode,
    Close,
    Deny(ReplyPlan),
    Tarpit(ReplyPlan),
    Return(ReplyPlan),
    Redirect(RedirectPlan),
    Auth(Option<String>),
    SetHeader(Box<[u8]>, FormatPlan),
    AddHeader(Box<[u8]>, FormatPlan),
    DeleteHeader(Box<[u8]>, MatchMethod, Option<Regex>),
    ReplaceHeader(Box<[u8]>, Regex, FormatPlan),
    ReplaceValue(Box<[u8]>, Regex, FormatPlan),
    Set(Part, FormatPlan),
    Replace(Part, Regex, FormatPlan),
    Normalize(Normalizer),
    SetStatus(u16, Option<String>),
    SetVariable(Variable, SamplePlan),
    SetVariableFormat(Variable, FormatPlan),
    UnsetVariable(Variable),
    SetLogLevel(Option<Severity>),
    SetAddress(Side, SamplePlan),
    SetPort(Side, SamplePlan),
    SetTimeout(Timeout, PatiencePlan),
    Track(TrackPlan),
    Tally(TallyPlan),
    EditList(Box<ListEditPlan>),
    Capture(SamplePlan, usize),
    WaitForBody { time: u32, at_least: u64 },
    EarlyHint(Box<[u8]>, FormatPlan),
    Resolve(Box<ResolvePlan>),
    ExpectProxy,
    SetRetries(AmountPlan),
    Log,
    Stamp { service: bool, upstream: bool, number: AmountPlan },
    SetPriorityClass(SamplePlan),
    SetPriorityOffset(SamplePlan),
    Pause(PatiencePlan),
    DisableRetry,
    UseService(Service),
    Nothing,
}

/// A question for the address of a host.
#[derive(Debug)]
pub struct ResolvePlan {
    /// What gets the address.
    pub variable: Variable,
    /// Who is asked.
    pub resolvers: Name,
    /// Addresses of this family before those of the other.
    pub family: AddressFamily,
    /// The name of the host.
    pub host: SamplePlan,
}

/// A change of an entry of a list.
#[derive(Debug)]
pub struct ListEditPlan {
    /// The list.
    pub list: ListName,
    /// The key of the entry.
    pub key: FormatPlan,
    /// The value that it gets, where it gets one.
    pub value: Option<FormatPlan>,
    /// Whether it is removed instead.
    pub removes: bool,
    /// The rule, as the origin of changes names it.
    pub origin: Arc<str>,
}

/// A span of time in milliseconds, or a sample that gives it.
#[derive(Debug)]
pub enum PatiencePlan {
    /// A constant.
    Fixed(u32),
    /// A sample.
    Sample(SamplePlan),
}

/// An answer of the proxy's own.
#[derive(Debug)]
pub struct ReplyPlan {
    /// The status.
    pub status: u16,
    /// What type the content has.
    pub content_type: Option<String>,
    /// The content.
    pub content: ContentPlan,
    /// Headers that are added.
    pub headers: Box<[(Box<[u8]>, FormatPlan)]>,
}

/// The content of an answer of the proxy's own.
#[derive(Debug)]
pub enum ContentPlan {
    /// The page of the status, as the proxies have it.
    Page,
    /// No content, or this.
    Bytes(Arc<[u8]>),
    /// A text that is made for each request.
    Format(FormatPlan),
    /// A whole message.
    Message(Arc<[u8]>),
    /// The page of the status of shared ones, or else as the proxies have it.
    Section(Name),
}

/// A redirection.
#[derive(Debug)]
pub struct RedirectPlan {
    /// What the target replaces.
    pub kind: RedirectKind,
    /// The target.
    pub target: FormatPlan,
    /// The status.
    pub code: u16,
    /// Whether the query is left out.
    pub drop_query: bool,
    /// Whether the query is added to a location.
    pub keep_query: bool,
    /// Whether a path without a slash at its end gets one.
    pub append_slash: bool,
    /// Whether nothing is done where the target turns out empty.
    pub ignore_empty: bool,
    /// The line that sets or clears a cookie.
    pub cookie: Option<String>,
}

impl RulesPlan {
    /// Compiles the rules of a proxy; every reason why one cannot be carried out.
    pub(super) fn compile(rules: &Rules, mode: Mode, owner: &Subject) -> Result<RulesPlan, Vec<String>> {
        let mut compiler = Compiler { acls: Acls::new(&rules.acls), mode, owner, reasons: Vec::new() };
        let of = |compiler: &mut Compiler<'_>, set: RuleSet| compiler.rules(set, rules.of(set));
        // A connection of a TCP frontend may be taken for one of HTTP.
        let http = mode == Mode::Http || matches!(owner, Subject::Frontend(_));
        let plan = RulesPlan {
            tcp_connection: of(&mut compiler, RuleSet::TcpConnection).into(),
            tcp_session: of(&mut compiler, RuleSet::TcpSession).into(),
            tcp_content: of(&mut compiler, RuleSet::TcpContent).into(),
            tcp_response: of(&mut compiler, RuleSet::TcpResponse).into(),
            http_request: if http { of(&mut compiler, RuleSet::HttpRequest).into() } else { Box::default() },
            page: rules.statistics.as_ref().filter(|_| http).map(|page| {
                Arc::new(PagePlan {
                    page: page.clone(),
                    rules: compiler.rules(RuleSet::HttpRequest, page.rules.iter()).into(),
                    admin: compiler.conditions("stats admin", &page.admin),
                })
            }),
            redirects: if http {
                compiler.rules(RuleSet::HttpRequest, rules.redirects.iter()).into()
            } else {
                Box::default()
            },
            http_response: if http {
                of(&mut compiler, RuleSet::HttpResponse).into()
            } else {
                Box::default()
            },
            http_after_response: if http {
                of(&mut compiler, RuleSet::HttpAfterResponse).into()
            } else {
                Box::default()
            },
            routes: compiler
                .routes(rules.routes.iter().map(|route| (&route.backend, route.condition.as_ref()))),
            servers: compiler
                .routes(rules.servers.iter().map(|route| (&route.server, route.condition.as_ref()))),
            sticks: compiler.sticks(&rules.sticks),
            force_persist: compiler.conditions("force-persist", &rules.force_persist),
            ignore_persist: compiler.conditions("ignore-persist", &rules.ignore_persist),
            monitor_uri: rules.monitor_uri.as_ref().map(|uri| uri.as_bytes().into()),
            monitor_fail: compiler.conditions("monitor fail", &rules.monitor_fail),
            tarpit: rules.tarpit.map(|time| time.get()),
            inspect_delay: rules.inspect_delay.map_or(0, |time| time.get()),
            response_inspect_delay: rules.response_inspect_delay.map_or(0, |time| time.get()),
        };
        if compiler.reasons.is_empty() { Ok(plan) } else { Err(compiler.reasons) }
    }
}

impl RulesPlan {
    /// Whether there is nothing to look at for a request.
    pub fn is_empty(&self) -> bool {
        self.tcp_content.is_empty()
            && self.http_request.is_empty()
            && self.page.is_none()
            && self.redirects.is_empty()
            && self.routes.is_empty()
            && self.monitor_uri.is_none()
    }

    /// Whether there is nothing to look at for a response.
    pub fn answers_nothing(&self) -> bool {
        self.http_response.is_empty() && self.http_after_response.is_empty()
    }
}

/// What is needed to compile rules, and why some could not be.
struct Compiler<'a> {
    acls: Acls<'a>,
    mode: Mode,
    owner: &'a Subject,
    reasons: Vec<String>,
}

impl Compiler<'_> {
    fn rules<'r>(&mut self, set: RuleSet, rules: impl Iterator<Item = &'r Rule>) -> Vec<RulePlan> {
        let mut plans = Vec::new();
        for (at, rule) in rules.enumerate() {
            let condition = self.acls.maybe(rule.condition.as_ref());
            let of_requests =
                matches!(set, RuleSet::HttpRequest | RuleSet::HttpResponse | RuleSet::HttpAfterResponse);
            let mode = if of_requests { Mode::Http } else { self.mode };
            let place = Standing { set, mode, owner: self.owner };
            match action(&place, &rule.action).and_then(|action| Ok((action, condition?))) {
                Ok((action, condition)) => {
                    plans.push(RulePlan { action, condition, place: rule.place.0.clone() })
                }
                Err(reason) => self.reasons.push(format!("{} [{at}]: {reason}", set.words())),
            }
        }
        plans
    }

    fn routes<'r>(
        &mut self,
        routes: impl Iterator<Item = (&'r Format, Option<&'r regate_proto::rules::Condition>)>,
    ) -> Box<[RoutePlan]> {
        let mut plans = Vec::new();
        for (target, condition) in routes {
            let fixed = target.as_literal().and_then(|name| Name::new(name).ok());
            let target = match fixed {
                Some(name) => Ok(TargetPlan::Fixed(name)),
                None => FormatPlan::compile(target).map(TargetPlan::Made),
            };
            match target.and_then(|target| Ok((target, self.acls.maybe(condition)?))) {
                Ok((target, condition)) => plans.push(RoutePlan { target, condition }),
                Err(reason) => self.reasons.push(reason),
            }
        }
        plans.into()
    }

    fn sticks(&mut self, sticks: &[Stick]) -> Box<[StickPlan]> {
        let mut plans = Vec::new();
        for stick in sticks {
            match StickPlan::compile(stick, &mut self.acls) {
                Ok(plan) => plans.push(plan),
                Err(reason) => self.reasons.push(format!("{}: {reason}", stick.kind.words())),
            }
        }
        plans.into()
    }

    fn conditions(
        &mut self,
        name: &str,
        conditions: &[regate_proto::rules::Condition],
    ) -> Box<[ConditionPlan]> {
        let mut plans = Vec::new();
        for condition in conditions {
            match self.acls.compile(condition) {
                Ok(plan) => plans.push(plan),
                Err(reason) => self.reasons.push(format!("{name}: {reason}")),
            }
        }
        plans.into()
    }
}

/// Where a rule stands.
struct Standing<'a> {
    set: RuleSet,
    mode: Mode,
    owner: &'a Subject,
}

fn action(place: &Standing<'_>, action: &Action) -> Result<ActionPlan, String> {
    let (set, mode) = (place.set, place.mode);
    let format = |format: &Format| FormatPlan::compile(format);
    let name = |name: &String| name.as_bytes().into();
    // Names that rules write go out in lower case, as HAProxy's do.
    let lower = |name: &String| name.to_ascii_lowercase().into_bytes().into_boxed_slice();
    let regex = |text: &String| Regex::new(text).map_err(|error| error.to_string());
    Ok(match action {
        Action::Allow | Action::Accept => ActionPlan::Allow,
        Action::Reject => ActionPlan::Reject,
        Action::SilentDrop => ActionPlan::SilentDrop,
        Action::Close => ActionPlan::Close,
        Action::SwitchMode { protocol: None | Some(Protocol::Http1) } => ActionPlan::SwitchMode,
        Action::Resolve(wanted) => ActionPlan::Resolve(Box::new(resolve(wanted)?)),
        Action::ExpectProxy => ActionPlan::ExpectProxy,
        Action::SetRetries(number) => ActionPlan::SetRetries(AmountPlan::compile(number)?),
        Action::Log => ActionPlan::Log,
        Action::Stamp(wanted) => stamp(wanted)?,
        Action::Deny(wanted) => {
            let default = if set == RuleSet::HttpResponse { 502 } else { 403 };
            ActionPlan::Deny(reply(wanted, default, true)?)
        }
        Action::Tarpit(wanted) => ActionPlan::Tarpit(reply(wanted, 500, true)?),
        Action::Return(wanted) => ActionPlan::Return(reply(wanted, 200, false)?),
        Action::Redirect(wanted) => ActionPlan::Redirect(redirect(wanted)?),
        Action::Auth { realm } => ActionPlan::Auth(realm.clone()),
        Action::SetHeader(header, text) => ActionPlan::SetHeader(lower(header), format(text)?),
        Action::AddHeader(header, text) => ActionPlan::AddHeader(lower(header), format(text)?),
        Action::EarlyHint(header, text) => ActionPlan::EarlyHint(lower(header), format(text)?),
        Action::DeleteHeader(header, MatchMethod::Reg) => {
            let expression = Regex::new(&format!("(?i:{header})")).map_err(|error| error.to_string())?;
            ActionPlan::DeleteHeader(name(header), MatchMethod::Reg, Some(expression))
        }
        Action::DeleteHeader(header, method) => ActionPlan::DeleteHeader(name(header), *method, None),
        Action::ReplaceHeader(header, found, text) => {
            ActionPlan::ReplaceHeader(name(header), regex(found)?, format(text)?)
        }
        Action::ReplaceValue(header, found, text) => {
            ActionPlan::ReplaceValue(name(header), regex(found)?, format(text)?)
        }
        Action::Set(part, text) => ActionPlan::Set(*part, format(text)?),
        Action::Replace(part, found, text) => ActionPlan::Replace(*part, regex(found)?, format(text)?),
        Action::Normalize(normalizer) => ActionPlan::Normalize(*normalizer),
        Action::SetStatus(status, reason) => ActionPlan::SetStatus(*status, reason.clone()),
        Action::SetVariable(variable, sample) => {
            ActionPlan::SetVariable(variable.clone(), SamplePlan::compile(sample)?)
        }
        Action::SetVariableFormat(variable, text) => {
            ActionPlan::SetVariableFormat(variable.clone(), format(text)?)
        }
        Action::UnsetVariable(variable) => ActionPlan::UnsetVariable(variable.clone()),
        Action::SetLogLevel(level) => ActionPlan::SetLogLevel(*level),
        Action::SetAddress(side, sample) => ActionPlan::SetAddress(*side, SamplePlan::compile(sample)?),
        Action::SetPort(side, sample) => ActionPlan::SetPort(*side, SamplePlan::compile(sample)?),
        Action::SetTimeout(which, time) => ActionPlan::SetTimeout(*which, patience(time)?),
        Action::Capture(sample, Slot::Declared(slot)) => {
            ActionPlan::Capture(SamplePlan::compile(sample)?, *slot as usize)
        }
        Action::Capture(_, Slot::Own(_)) => {
            return Err("capture: 'id' and the number of a declared slot is expected".to_owned());
        }
        Action::SetMap(list, key, value) => edit_list(place, ("set-map", list), key, Some(value))?,
        Action::DeleteMap(list, key) => edit_list(place, ("del-map", list), key, None)?,
        Action::AddAcl(list, key) => edit_list(place, ("add-acl", list), key, None)?,
        Action::DeleteAcl(list, key) => edit_list(place, ("del-acl", list), key, None)?,
        Action::Track(track) => ActionPlan::Track(TrackPlan::compile(set, mode, track)?),
        Action::Tally(tally) => ActionPlan::Tally(TallyPlan::compile(tally)?),
        Action::WaitForBody { time, at_least } => {
            ActionPlan::WaitForBody { time: time.get(), at_least: at_least.unwrap_or(0) }
        }
        Action::SetPriorityClass(sample) => ActionPlan::SetPriorityClass(SamplePlan::compile(sample)?),
        Action::SetPriorityOffset(sample) => ActionPlan::SetPriorityOffset(SamplePlan::compile(sample)?),
        Action::Pause(time) => ActionPlan::Pause(patience(time)?),
        Action::DisableRetry => ActionPlan::DisableRetry,
        Action::UseService(service) => ActionPlan::UseService(*service),
        // Handshakes are over before any request is read; nice values concern other kinds of processes; nothing that
        // a rule writes is left out silently, so there is nothing to be strict about.
        Action::WaitForHandshake | Action::Accepted(..) | Action::StrictMode(_) => ActionPlan::Nothing,
    })
}

fn resolve(wanted: &Resolve) -> Result<ResolvePlan, String> {
    Ok(ResolvePlan {
        variable: wanted.variable.clone(),
        resolvers: wanted.resolvers.clone(),
        family: wanted.family.unwrap_or(AddressFamily::V6),
        host: SamplePlan::compile(&wanted.host)?,
    })
}

fn stamp(wanted: &Stamp) -> Result<ActionPlan, String> {
    let (service, upstream) = wanted.kind();
    let number = match &wanted.value {
        StampValue::Written(text) => {
            let number = StampValue::number(text);
            AmountPlan::Fixed(number.ok_or_else(|| format!("{}: '{text}' is no number", wanted.name))?)
        }
        StampValue::Sample(sample) => AmountPlan::Sample(SamplePlan::compile(sample)?),
    };
    Ok(ActionPlan::Stamp { service, upstream, number })
}

/// Compiles a change of a list; `action` is its word.
fn edit_list(
    place: &Standing<'_>,
    (action, list): (&str, &str),
    key: &Format,
    value: Option<&Format>,
) -> Result<ActionPlan, String> {
    let origin = format!("{}: {} {action}({list})", place.owner, place.set.words());
    Ok(ActionPlan::EditList(Box::new(ListEditPlan {
        list: ListName::new(list).map_err(|bad| bad.to_string())?,
        key: FormatPlan::compile(key)?,
        value: value.map(FormatPlan::compile).transpose()?,
        removes: action.starts_with("del-"),
        origin: Arc::from(origin),
    })))
}

fn patience(time: &Patience) -> Result<PatiencePlan, String> {
    Ok(match time {
        Patience::Fixed(time) => PatiencePlan::Fixed(time.get()),
        Patience::Sample(sample) => PatiencePlan::Sample(SamplePlan::compile(sample)?),
    })
}

/// Compiles an answer; `page` tells whether one without content is the status's page.
pub(super) fn reply(reply: &Reply, default: u16, page: bool) -> Result<ReplyPlan, String> {
    let headers =
        reply.headers.iter().map(|(name, text)| Ok((name.as_bytes().into(), FormatPlan::compile(text)?)));
    let content = match &reply.content {
        Content::Page if page && *reply == Reply::default() => ContentPlan::Page,
        Content::Page => ContentPlan::Bytes(Arc::from([])),
        Content::DefaultPage => ContentPlan::Page,
        Content::Text(text) => ContentPlan::Bytes(Arc::from(text.as_bytes())),
        Content::File(_, bytes) => ContentPlan::Bytes(Arc::from(bytes.as_slice())),
        Content::Format(format) | Content::FormatFile(_, format) => {
            ContentPlan::Format(FormatPlan::compile(format)?)
        }
        Content::Message(_, bytes) => ContentPlan::Message(Arc::from(bytes.as_slice())),
        Content::Section(name) => ContentPlan::Section(name.clone()),
    };
    Ok(ReplyPlan {
        status: reply.status.unwrap_or(default),
        content_type: reply.content_type.clone(),
        content,
        headers: headers.collect::<Result<_, String>>()?,
    })
}

fn redirect(redirect: &Redirect) -> Result<RedirectPlan, String> {
    let cookie = redirect.cookie.as_ref().map(|(cookie, set)| match (set, cookie.split_once('=')) {
        (true, Some(_)) => format!("{cookie}; path=/;"),
        (true, None) => format!("{cookie}; path=/;"),
        (false, _) => format!("{cookie}; path=/; Max-Age=0;"),
    });
    Ok(RedirectPlan {
        kind: redirect.kind,
        target: FormatPlan::compile(&redirect.target)?,
        code: redirect.code.unwrap_or(302),
        drop_query: redirect.drop_query,
        keep_query: redirect.keep_query,
        append_slash: redirect.append_slash,
        ignore_empty: redirect.ignore_empty,
        cookie,
    })
}

/// Why rules of a proxy cannot be carried out, as problems.
pub(super) fn problems(subject: &Subject, reasons: Vec<String>) -> Vec<Problem> {
    reasons.into_iter().map(|reason| Problem::about(Code::Unsupported, subject, reason)).collect()
}
