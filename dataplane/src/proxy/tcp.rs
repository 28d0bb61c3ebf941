//! The life of a TCP session: reach a server, relay both ways, account for it.

use std::future::poll_fn;
use std::pin::pin;
use std::time::{Duration, Instant};

use regate_proto::model::{Mode, Name};

use super::clock::Timer;
use super::fault::Fault;
use super::h1::Fields;
use super::http;
use super::inspection::{Inspected, Verdict, inspect_answer};
use super::key;
use super::relay::{self, Direction, End, Flow, Halt};
use super::rules::{Decision, Draft, Message, Step};
use super::scene::{Past, Scene};
use super::session::{Session, Upgrade};
use super::story::Story;
use super::stream::Cut;
use super::tracking::{Persistence, Stores};
use super::upstream::{self, Held};
use crate::snapshot::{BackendPlan, FrontendPlan, RulesPlan, Snapshot};
use crate::streams::Progress;

/// Serves a connection until both sides have closed.
pub(crate) async fn serve(mut session: Box<Session>) {
    let snapshot = session.worker.snapshot();
    session.renew(&snapshot);
    let mut story = Story::begin(&session);
    story.count_in(&session);
    let outcome = {
        let worker = session.worker.clone();
        let watch = story.trail.sight.share();
        let mut work = pin!(pass(&mut session, &snapshot, &mut story));
        poll_fn(|context| watch.poll(context, &worker.clock, work.as_mut())).await
    };
    match outcome {
        Ok(None) => {}
        Ok(Some(mut upgrade)) => {
            upgrade.wishes = std::mem::take(&mut story.wishes);
            upgrade.captures = std::mem::take(&mut story.captures);
            drop(story);
            session.mode = Mode::Http;
            session.upgrade = Some(upgrade);
            return http::serve(session).await;
        }
        Err(fault) => story.fault = Some(fault),
    }
    story.end(&session);
}

/// Serves it; gives what was decided where it turns out to be HTTP (configuration manual 4.2 "tcp-request content
/// switch-mode").
async fn pass<'a>(
    session: &mut Session,
    snapshot: &'a Snapshot,
    story: &mut Story<'a>,
) -> Result<Option<Box<Upgrade>>, Fault> {
    let frontend = session.frontend.clone();
    let began = Instant::now();
    let upgrade = |backend: Option<Name>| {
        let (wishes, captures) = Default::default();
        Ok(Some(Box::new(Upgrade { backend, wishes, captures })))
    };
    if inspect(session, &frontend.rules, snapshot, story, began).await? == Look::Switch {
        return upgrade(None);
    }
    let backend = route(session, &frontend, snapshot, story)?;
    if backend.mode == Mode::Http {
        return upgrade(Some(backend.name.clone()));
    }
    story.enter(session, backend);
    if !frontend.is_half_with(backend) {
        inspect(session, &backend.rules, snapshot, story, began).await?;
    }
    let (wanted, mut stores) = persistence(session, backend, snapshot, story);
    session.restate(&story.wishes);
    story.trail.priority = story.wishes.priority;
    session.key = key::of_connection(session, backend, wanted.hashed.as_deref()).await;
    let named = wanted.server.or_else(|| key::named_by_opening(session, backend, wanted.forces));
    if let Some(server) = named {
        story.trail.claim.direct(server);
    }
    story.identify(session, None);
    story.trail.identifier.clone_from(&story.unique_id);
    let way = upstream::reach(session, backend, false, Held::default(), &mut story.trail).await?;
    story.note_connection(session, &way);
    story.log_early(session, 0);
    stores.note(&way.server, session.worker.now());
    let mut upward = Flow::tunnel(&session.worker);
    let mut downward = Flow::tunnel(&session.worker);
    if let Some(early) = session.early.take() {
        let ready = early.len();
        upward.preload(early, ready);
    }
    let timer = Timer::new(&session.worker.clock);
    let tunnel = backend.tunnel_timeout;
    let meter = story.trail.sight.share();
    let plan = &session.frontend;
    let client = End::new(
        &session.stream,
        &session.timer,
        tunnel.unwrap_or(plan.client_timeout),
        plan.client_fin_timeout,
    )
    .metered(&meter);
    let server = End::new(
        &way.upstream.stream,
        &timer,
        tunnel.unwrap_or(backend.server_timeout),
        backend.server_fin_timeout,
    );
    story.trail.sight.note_timer(&timer);
    story.trail.sight.enter(Progress::Tunnel);
    let judged = match backend.rules.tcp_response.is_empty() {
        true => Ok(Verdict::Pass),
        false => {
            let inspected = Inspected { session, snapshot, backend, way: &way };
            inspect_answer(&inspected, story, (&mut upward, &mut downward), (&client, &server)).await
        }
    };
    let outcome = match judged {
        Ok(Verdict::Pass) => relay::exchange(&mut upward, &mut downward, &client, &server).await,
        Ok(Verdict::Close) => Ok(()),
        Err(fault) => {
            story.note_carried([0, 0], way.upstream.stream.carried());
            return Err(fault);
        }
    };
    story.note_carried([0, 0], way.upstream.stream.carried());
    story.carried.request_spliced = upward.spliced;
    story.carried.response_spliced = downward.spliced;
    outcome.map_err(|(direction, halt)| halted(direction, halt)).map(|()| None)
}

/// Where the rules for content came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Look {
    /// All is decided.
    Over,
    /// What comes is HTTP.
    Switch,
}

/// Why a session stopped that was being relayed.
pub(super) fn halted(direction: Direction, halt: Halt) -> Fault {
    match (direction, halt) {
        (Direction::Up, Halt::SenderSilent) | (Direction::Down, Halt::ReceiverSilent) => {
            Fault::ClientDataTimeout
        }
        (Direction::Up, Halt::ReceiverSilent) | (Direction::Down, Halt::SenderSilent) => {
            Fault::ServerDataTimeout
        }
        (Direction::Up, Halt::SenderGone) | (Direction::Down, Halt::ReceiverGone) => Fault::ClientAborted,
        _ => Fault::ServerAborted,
    }
}

/// The backend that rules lead to, or else the default one.
fn route<'a>(
    session: &Session,
    frontend: &FrontendPlan,
    snapshot: &'a Snapshot,
    story: &mut Story<'a>,
) -> Result<&'a BackendPlan, Fault> {
    let mut fields = Fields::default();
    let draft = draft(session, snapshot, story, &mut fields, true);
    let routed = draft
        .route_to(&frontend.rules.routes, |name| snapshot.may_choose(name))
        .and_then(|name| snapshot.backends.get(name.as_ref()));
    match routed {
        Some(backend) => Ok(backend),
        None => {
            let name = frontend.default_backend.as_ref().ok_or(Fault::NoBackend)?;
            {
                let backend = snapshot.backends.get(name).filter(|backend| backend.published);
                Ok(backend.ok_or(Fault::NoBackend)?)
            }
        }
    }
}

/// What rules and tables say of the server, and which entries it is to be noted in.
fn persistence<'a>(
    session: &Session,
    backend: &'a BackendPlan,
    snapshot: &'a Snapshot,
    story: &mut Story<'a>,
) -> (Persistence<'a>, Stores) {
    let mut stores = Stores::default();
    let mut fields = Fields::default();
    let draft = draft(session, snapshot, story, &mut fields, true);
    let wanted = draft.persistence(backend, &mut stores);
    draft.stick_by_response(backend, &mut stores);
    (wanted, stores)
}

/// Takes the connection through the content rules of a proxy, waiting for what they look at as long as the proxy says
/// (configuration manual 4.2 "tcp-request inspect-delay").
async fn inspect<'a>(
    session: &mut Session,
    rules: &RulesPlan,
    snapshot: &'a Snapshot,
    story: &mut Story<'a>,
    began: Instant,
) -> Result<Look, Fault> {
    if rules.tcp_content.is_empty() {
        return Ok(Look::Over);
    }
    let mut over = rules.inspect_delay == 0;
    let mut at = 0;
    let mut fields = Fields::default();
    loop {
        let step = draft(session, snapshot, story, &mut fields, over).run(&rules.tcp_content, at);
        match step {
            Step::Done => return Ok(Look::Over),
            Step::Switch => return Ok(Look::Switch),
            Step::Answer(Decision::SilentDrop) => {
                session.stream.vanish();
                return Err(Fault::Shut);
            }
            Step::Answer(_) => return Err(Fault::Shut),
            Step::Resolve(plan, host, next) => {
                let delay = Duration::from_millis(rules.inspect_delay.into());
                let limit = Some(delay.saturating_sub(began.elapsed()));
                super::rules::resolve(session, plan, host, limit).await;
                at = next;
            }
            Step::Pause(millis, next) => {
                session.worker.clock.sleep(Duration::from_millis(millis.into())).await;
                at = next;
            }
            // These are of HTTP.
            Step::AwaitBody(_, _, next) | Step::Hint(_, next) => at = next,
            Step::More(rule) => {
                at = rule;
                over = !receive(session, began, rules.inspect_delay).await;
            }
        }
    }
}

/// Waits for more of what the client sends first; false when no more will be waited for.
async fn receive(session: &mut Session, began: Instant, delay: u32) -> bool {
    let mut buffer = session.early.take().unwrap_or_else(|| session.worker.buffers.small());
    session.timer.set(began, delay);
    let more = loop {
        if buffer.is_full() {
            break false;
        }
        match session.stream.read(buffer.room(), &session.timer).await {
            Ok(0) | Err(Cut::Broken | Cut::Timeout) => break false,
            Err(Cut::Nudge) => {}
            Ok(count) => {
                buffer.put(count);
                break true;
            }
        }
    };
    session.early = Some(buffer).filter(|buffer| !buffer.is_empty());
    more
}

fn draft<'d>(
    session: &'d Session,
    snapshot: &'d Snapshot,
    story: &'d mut Story<'_>,
    fields: &'d mut Fields,
    over: bool,
) -> Draft<'d> {
    let account = Some(story.account(session, None));
    Draft {
        scene: Scene {
            session,
            snapshot,
            backend: story.backend,
            server: None,
            unique_id: None,
            past: Past { account, ..Past::default() },
        },
        buffer: &[],
        fields,
        message: Message::Bytes(session.early.as_ref().map_or(&[], |early| early.filled()), over),
        wishes: &mut story.wishes,
        captures: &mut story.captures,
    }
}
