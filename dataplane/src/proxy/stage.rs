//! A request on its way through the rules, from its head to the server that rules want for it.
//!
//! Owns the order in which lists of rules are looked at, and every wait that rules ask for. What rules say of the
//! response is `exchange.rs`.

use std::time::{Duration, Instant};

use regate_proto::model::{HeaderNames, Mode};

use super::answer::{self, Manner};
use super::buffer::Buffer;
use super::conduct;
use super::fault::Fault;
use super::first_line::RequestLine;
use super::h1::{Body, Fields, Framing, Method, RequestHead, Version};
use super::key;
use super::reply::Pages;
use super::rules::{Decision, Draft, Message, Step};
use super::scene::{Past, Scene};
use super::session::Session;
use super::story::Story;
use super::stream::Cut;
use super::tracking::{Persistence, Stores};
use crate::snapshot::{BackendPlan, FrontendPlan, RulePlan, RulesPlan, Snapshot};

/// A request with everything that rules look at and change.
pub(super) struct Stage<'s, 'a> {
    pub(super) session: &'s mut Session,
    pub(super) inbound: &'s mut Buffer,
    pub(super) fields: &'s mut Fields,
    pub(super) head: RequestHead,
    pub(super) line: RequestLine,
    pub(super) body: Body,
    /// Bytes of the body that follow the head in the buffer.
    pub(super) ready: usize,
    /// Those bytes without framing, where the body is framed.
    pub(super) content: Vec<u8>,
    pub(super) snapshot: &'a Snapshot,
    pub(super) story: &'s mut Story<'a>,
}

impl<'a> Stage<'_, 'a> {
    /// Takes the request through the rules of its frontend and its backend; gives the backend.
    pub(super) async fn route(&mut self) -> Result<&'a BackendPlan, Fault> {
        let upgrade = self.session.upgrade.take();
        let chosen = upgrade.as_ref().and_then(|upgrade| upgrade.backend.as_ref());
        let chosen =
            chosen.and_then(|name| self.snapshot.backends.get(name)).filter(|backend| backend.published);
        if let Some(backend) = chosen {
            self.story.enter(self.session, backend);
        }
        let plan = &self.session.frontend;
        let has_rules =
            !plan.rules.is_empty() || plan.buffers_requests || plan.conduct.header_names.is_some();
        let frontend = has_rules.then(|| self.session.frontend.clone());
        if let Some(frontend) = &frontend {
            self.unframe();
            self.answer_monitor(frontend)?;
            // They were looked at before anybody knew that this is a request.
            if upgrade.is_none() {
                self.run_content(&frontend.rules).await?;
            }
            self.buffer(frontend.buffers_requests).await?;
            self.run(&frontend.rules.http_request).await?;
            self.admit(frontend.conduct.header_names)?;
            self.answer_page(&frontend.rules, &frontend.name).await?;
            self.run(&frontend.rules.redirects).await?;
        }
        let backend = match chosen {
            Some(backend) => backend,
            None => self.choose(frontend.as_deref())?,
        };
        // The two halves of a listen section have the same rules.
        let same = self.session.frontend.is_half_with(backend);
        let asks = backend.buffers_requests || backend.conduct.header_names.is_some();
        if !same && (!backend.rules.is_empty() || asks) {
            self.unframe();
            self.run_content(&backend.rules).await?;
            self.buffer(backend.buffers_requests).await?;
            self.run(&backend.rules.http_request).await?;
            self.admit(backend.conduct.header_names)?;
            self.answer_page(&backend.rules, &backend.name).await?;
            self.run(&backend.rules.redirects).await?;
        }
        Ok(backend)
    }

    /// The backend that rules lead to, or else the default one.
    fn choose(&mut self, frontend: Option<&FrontendPlan>) -> Result<&'a BackendPlan, Fault> {
        let snapshot = self.snapshot;
        let routed = frontend.and_then(|frontend| {
            let name = self.draft().route_to(&frontend.rules.routes, |name| snapshot.may_choose(name))?;
            let backend = snapshot.backends.get(name.as_ref())?;
            (frontend.mode == Mode::Tcp || backend.mode == Mode::Http).then_some(backend)
        });
        let backend = match routed {
            Some(backend) => backend,
            None => {
                let name = self.session.frontend.default_backend.as_ref().ok_or(Fault::NoBackend)?;
                let backend = snapshot.backends.get(name).filter(|backend| backend.published);
                backend.ok_or(Fault::NoBackend)?
            }
        };
        self.story.enter(self.session, backend);
        match backend.mode {
            Mode::Http => Ok(backend),
            Mode::Tcp => Err(Fault::WrongMode),
        }
    }

    /// Looks at the names of headers.
    fn admit(&mut self, names: Option<HeaderNames>) -> Result<(), Fault> {
        match conduct::admits(names, self.inbound.filled(), self.fields) {
            true => Ok(()),
            false => Err(Fault::Denied),
        }
    }

    /// What the backend's rules say of the server.
    pub(super) fn persistence(&mut self, backend: &'a BackendPlan) -> Persistence<'a> {
        let mut stores = Stores::default();
        let wanted = self.draft().persistence(backend, &mut stores);
        self.story.stores = stores;
        wanted
    }

    /// Carries out the rules for content of a proxy, which know nothing of requests.
    async fn run_content(&mut self, rules: &RulesPlan) -> Result<(), Fault> {
        let delay = Duration::from_millis(rules.inspect_delay.into());
        let outcome = self.run_within(&rules.tcp_content, Some(delay)).await;
        outcome.map_err(|fault| if fault == Fault::Rejected { Fault::Shut } else { fault })
    }

    /// Carries out a list of rules, waiting where it must.
    async fn run(&mut self, rules: &[RulePlan]) -> Result<(), Fault> {
        self.run_within(rules, None).await
    }

    async fn run_within(&mut self, rules: &[RulePlan], delay: Option<Duration>) -> Result<(), Fault> {
        if rules.is_empty() {
            self.story.wishes.waiting_rule = None;
            return Ok(());
        }
        let (began, mut at) = (Instant::now(), 0);
        loop {
            match self.draft().run(rules, at) {
                // A request's head is there: nothing is undecided.
                Step::Done | Step::More(_) | Step::Switch => return Ok(()),
                Step::Pause(millis, next) => {
                    self.session.worker.clock.sleep(Duration::from_millis(millis.into())).await;
                    at = next;
                }
                Step::AwaitBody(millis, at_least, next) => {
                    self.await_body(millis, at_least).await?;
                    at = next;
                }
                Step::Hint(line, next) => {
                    self.hint(&line).await?;
                    at = next;
                }
                Step::Resolve(plan, host, next) => {
                    let limit = delay.map(|delay| delay.saturating_sub(began.elapsed()));
                    super::rules::resolve(self.session, plan, host, limit).await;
                    at = next;
                }
                Step::Answer(decision) => return Err(self.decide(decision).await),
            }
        }
    }

    /// Prepares the answer that a rule asks for.
    pub(super) async fn decide(&mut self, decision: Decision<'_>) -> Fault {
        let frontend = self.session.frontend.clone();
        let manner = Manner {
            body: self.story.method != Method::Head,
            pages: Pages {
                own: [self.story.backend.map(|backend| &backend.error_pages), Some(&frontend.error_pages)],
                shared: &self.snapshot.http_errors,
            },
        };
        let (prepared, fault) = match decision {
            Decision::Reject | Decision::Close => (None, Fault::Rejected),
            Decision::Service(service) => return self.serve(service),
            Decision::SilentDrop => {
                self.session.stream.vanish();
                (None, Fault::Rejected)
            }
            Decision::Auth(realm) => {
                let own = self.story.backend.map_or(&frontend.name, |backend| &backend.name);
                let realm = realm.unwrap_or(own.as_str()).to_owned();
                let page = answer::challenge(&realm, &self.draft(), manner);
                (Some(page), Fault::Answered)
            }
            Decision::Redirect(plan) => (Some(answer::redirect(plan, &self.draft())), Fault::Answered),
            Decision::Return(plan) => (Some(answer::reply(plan, &self.draft(), manner)), Fault::Answered),
            Decision::Deny(plan) => (Some(answer::reply(plan, &self.draft(), manner)), Fault::Denied),
            Decision::Tarpit(plan) => {
                let own = self.story.backend.map(|backend| &backend.rules).and_then(|rules| rules.tarpit);
                let connect = self.story.backend.map_or(0, |backend| backend.connect_timeout);
                let wished = self.story.wishes.tarpit_timeout;
                let millis = wished.or(own).or(frontend.rules.tarpit).unwrap_or(connect);
                let prepared = answer::reply(plan, &self.draft(), manner);
                self.session.worker.clock.sleep(Duration::from_millis(millis.into())).await;
                self.story.hold_back();
                (Some(prepared), Fault::Tarpitted)
            }
        };
        if fault == Fault::Rejected {
            self.story.unreceive();
        }
        self.story.prepared = prepared;
        fault
    }

    /// Answers the target that monitors ask for.
    fn answer_monitor(&mut self, frontend: &FrontendPlan) -> Result<(), Fault> {
        let Some(uri) = &frontend.rules.monitor_uri else { return Ok(()) };
        if self.head.target.of(self.inbound.filled()) != &uri[..] {
            return Ok(());
        }
        let draft = self.draft();
        let fails = frontend.rules.monitor_fail.iter().any(|condition| draft.holds(condition));
        let status = if fails { 503 } else { 200 };
        let body = self.story.method != Method::Head;
        let pages = Pages { own: [None, Some(&frontend.error_pages)], shared: &self.snapshot.http_errors };
        let page = answer::page(status, Some(&self.draft()), Manner { body, pages });
        self.story.prepared = Some(page);
        self.story.wishes.log_level = Some(None);
        Err(Fault::Answered)
    }

    /// Waits for the body as long as for a head, where a proxy wants that.
    async fn buffer(&mut self, wanted: bool) -> Result<(), Fault> {
        match wanted {
            true => self.await_body(self.session.frontend.request_timeout, 0).await,
            false => Ok(()),
        }
    }

    /// Waits for the body, or so much of it.
    pub(super) async fn await_body(&mut self, millis: u32, at_least: u64) -> Result<(), Fault> {
        self.invite().await?;
        self.session.timer.set(Instant::now(), millis);
        self.inbound.compact();
        let enough = |content: usize, ready: usize| at_least > 0 && content.max(ready) as u64 >= at_least;
        while !self.body.is_done() && !self.inbound.is_full() && !enough(self.content.len(), self.ready) {
            match self.session.stream.read(self.inbound.room(), &self.session.timer).await {
                Ok(0) | Err(Cut::Broken) => return Err(Fault::ClientLeftEarly),
                Err(Cut::Timeout) => {
                    self.story.unreceive();
                    return Err(Fault::BodyTimeout);
                }
                Err(Cut::Nudge) => {}
                Ok(count) => {
                    self.inbound.put(count);
                    self.ready = key::admit_more(&mut self.body, self.inbound, self.head.len, self.ready)?;
                    self.unframe();
                    self.story.receive_on();
                }
            }
        }
        Ok(())
    }

    /// Tells a client that waits for it to send the body (RFC 9110, 10.1.1); the server is not asked again.
    async fn invite(&mut self) -> Result<(), Fault> {
        if !self.head.expect_continue {
            return Ok(());
        }
        self.head.expect_continue = false;
        self.fields.drop_named(self.inbound.filled(), b"expect");
        self.tell(b"HTTP/1.1 100 Continue\r\n\r\n").await
    }

    /// Tells the client a header before the answer (RFC 8297).
    async fn hint(&mut self, line: &[u8]) -> Result<(), Fault> {
        if self.head.version == Version::Http10 {
            return Ok(());
        }
        let mut out = b"HTTP/1.1 103 Early Hints\r\n".to_vec();
        out.extend_from_slice(line);
        out.extend_from_slice(b"\r\n\r\n");
        self.tell(&out).await
    }

    async fn tell(&mut self, interim: &[u8]) -> Result<(), Fault> {
        self.session.timer.set(Instant::now(), self.session.frontend.client_timeout);
        let sent = self.session.stream.write_all(interim, &[], &self.session.timer, &mut 0).await;
        sent.map_err(|_| Fault::ClientAborted)
    }

    /// Takes the framing off what has come of the body.
    fn unframe(&mut self) {
        if self.head.framing == Framing::Chunked && self.ready > 0 {
            let from = self.head.len;
            let bytes = self.inbound.filled().get(from..from + self.ready).unwrap_or_default();
            self.content = Body::unframed(self.head.framing, bytes);
        }
    }

    pub(super) fn draft(&mut self) -> Draft<'_> {
        let buffer = self.inbound.filled();
        let account = Some(self.story.account(self.session, None));
        let (body, length) = match self.head.framing {
            Framing::Chunked => (self.content.as_slice(), None),
            Framing::Length(length) => {
                (buffer.get(self.head.len..self.head.len + self.ready).unwrap_or_default(), Some(length))
            }
            _ => (&[][..], Some(0)),
        };
        Draft {
            scene: Scene {
                session: self.session,
                snapshot: self.snapshot,
                backend: self.story.backend,
                server: None,
                unique_id: self.story.unique_id.as_deref(),
                past: Past { account, ..Past::default() },
            },
            buffer,
            fields: self.fields,
            message: Message::Request(&mut self.head, &mut self.line, body, length),
            wishes: &mut self.story.wishes,
            captures: &mut self.story.captures,
        }
    }
}
